"""What the design cannot show, and what was done against what was planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from outcomes.analyses.traits import Trait
from outcomes.core.language import in_language, language_of, message, named, say, say_n
from outcomes.core.measure import Measure
from outcomes.core.result import Result, Results
from outcomes.core.wording import NONE, date_text, digits_for, number, whole
from outcomes.plans.frozen import FrozenPlan, frozen_plan
from outcomes.plans.plan import Plan
from outcomes.reporting.document import Bullets, Paragraph, Section, TableBlock
from outcomes.reporting.numbers import Text, fixed
from outcomes.reporting.parts import has
from outcomes.reporting.told import estimate_line
from outcomes.study.study import Study
from outcomes.tables.results_table import Table


def cannot_show(study: Study, results: Results) -> Section:
    """What this design cannot show, with the guards that say how much."""
    items: list[Text] = []
    if not study.controlled:
        items.append(
            fixed(
                "Whether the treatment caused the change. Pain that is bad enough to seek an"
                " infusion tends to be less bad later whatever is done (regression to the mean),"
                " and most conditions vary by themselves (natural course)."
            )
        )
        items.append(
            fixed(
                "What other treatment did: medicines, physiotherapy and attention given at the"
                " same time are part of every change."
            )
        )
        items.append(
            fixed(
                "What patients expected: nobody was blinded, and hope and the wish to please move"
                " scores."
            )
        )
    if study.design == "routes":
        items.append(
            fixed(
                "Which route is better: the route was chosen for each patient, and the reasons"
                " for the choice may explain the difference."
            )
        )
    if study.design == "crossover":
        items.append(
            fixed(
                "Effects that outlast a period: if the first treatment still works in the second"
                " period, the difference is understated."
            )
        )
    items += [
        say("How those fared who did not come back. {answer}", answer=_answer_or_place(r))
        for r in results
        if has(r, Trait.SHOWS_MISSING) and not r.failed
    ]
    items.append(
        fixed(
            "Whether a single patient improved because of treatment: a responder is somebody"
            " whose score improved by so much, for whatever reason."
        )
    )
    blocks: list[Any] = [Bullets(tuple(items))]
    blocks += [
        Paragraph(_regression(r), "caution")
        for r in results
        if has(r, Trait.REGRESSION_TO_MEAN) and not r.failed
    ]
    blocks += [
        Paragraph(_tipping(r), "caution")
        for r in results
        if has(r, Trait.TIPPING_POINT) and not r.failed
    ]
    return Section(message("What this design cannot show"), tuple(blocks))


def _answer_or_place(r: Result) -> str:
    """An answer's sentence; in another language than English, where the answer stands."""
    if language_of().source:
        return r.sentence()
    return say("See {question} in the appendix.", question=r.analysis.title(r.outcome))


def _regression(r: Result) -> str:
    """The change that regression to the mean explains, beside the one that was seen."""
    main, outcome = r.main, r.outcome
    expected = [
        abs(e.value)
        for e in r.estimates
        if e.measure is Measure.EXPECTED_CHANGE and not math.isnan(e.value)
    ]
    if language_of().source:
        return r.sentence()
    if not expected or main is None or outcome is None:
        return say(
            "How much of the change is regression to the mean cannot be computed here; see"
            " {question} in the appendix.",
            question=r.analysis.title(outcome),
        )
    # as many digits as tell the smallest of them from 0, at most 2
    digits = max(digits_for(outcome.resolution), 2 if min(expected) < 0.1 else 1)
    return say(
        "Without any effect of treatment a change of {low} to {high} {unit} is expected, because"
        " patients came when {score} was high or low (regression to the mean). Seen was:"
        " {estimate}.",
        low=number(min(expected), digits),
        high=number(max(expected), digits),
        unit=outcome.units,
        score=outcome.said,
        estimate=estimate_line(r, main),
    )


def _tipping(r: Result) -> str:
    """How much worse missing scores would have to be to change the conclusion."""
    tip = next((e for e in r.estimates if e.measure is Measure.THRESHOLD), None)
    outcome = r.outcome
    if language_of().source:
        return r.sentence()
    if tip is None or outcome is None or math.isnan(tip.value):
        return say(
            "No tipping point was found for the missing scores; see {question} in the appendix.",
            question=r.analysis.title(outcome),
        )
    return say(
        "The conclusion on {score} would change if the missing scores were {amount} {unit} worse"
        " than predicted from those observed.",
        score=outcome.said,
        amount=number(abs(tip.value), digits_for(outcome.resolution)),
        unit=outcome.units,
    )


def planned(study: Study, results: Results, added: Sequence[Result]) -> Section:
    """The plan of the study file against what was done: unplanned answers are exploratory, and
    unanswered ones stay visible.
    """
    frozen = frozen_plan(study)
    declared = Plan.of(study) if frozen is None else frozen.plan
    plan = [q.to_dict() for q in declared]
    done = [r.analysis.to_dict() for r in results]
    rows = [
        (str(i), r.analysis.title(r.outcome), *_status(r, d in plan), *_counts(r))
        for i, (r, d) in enumerate(zip(results, done, strict=True), 1)
    ]
    rows += [
        (
            NONE,
            r.analysis.title(r.outcome),
            named(r.analysis.role),
            say("added by the report, not planned"),
            *_counts(r),
        )
        for r in added
    ]
    rows += [
        (NONE, q.title(), named(q.role), say("planned, not done"), NONE, NONE)
        for q, d in zip(declared, plan)
        if d not in done
    ]
    off = [row for row in rows if row[3] != say("as planned")]
    if not plan:
        words = say(
            "The study file has no plan, so every answer here is exploratory: it suggests, it does"
            " not show."
        )
    elif off:
        words = say_n(
            "{n} question of {total} done as planned. The others are marked below.",
            "{n} questions of {total} done as planned. The others are marked below.",
            len(rows) - len(off),
            total=len(rows),
        )
    else:
        words = say("All {n} questions were answered as planned.", n=len(rows))
    said = [words, *_which_plan(frozen, bool(plan))]
    said.append(
        say("Primary questions carry the conclusion; exploratory ones suggest, they do not show.")
    )
    table = Table(
        say("The plan against what was done"),
        (
            say("no."),
            say("question"),
            say("role"),
            say("status"),
            say("analysed"),
            say("left out"),
        ),
        tuple(rows),
        numeric=(0, 4),
    )
    return Section(message("Plan against done"), (Paragraph(" ".join(said)), TableBlock(table)))


def _which_plan(frozen: FrozenPlan | None, planned: bool) -> list[str]:
    if frozen:
        return [say("The plan is the one frozen on {date}.", date=date_text(frozen.date))]
    if not planned:
        return []
    return [
        say(
            "The plan is that of the study file; it was not frozen, so whether it was changed after"
            " answers were seen cannot be told."
        )
    ]


def _status(r: Result, in_plan: bool) -> tuple[str, str]:
    if r.failed:
        return named(r.analysis.role), say("not answered: {why}", why=r.failed)
    if in_plan:
        return named(r.analysis.role), say("as planned")
    return named("exploratory"), say("not planned")


def _counts(r: Result) -> tuple[str, str]:
    """How many patients an answer rests on, and why others are left out."""
    c = r.counts
    out = [f"{whole(n)} {in_language(why)}" for why, n in c.left_out]
    seen = say("{count} of {total}", count=whole(c.analysed), total=whole(c.enrolled))
    return seen, "; ".join(out) or NONE
