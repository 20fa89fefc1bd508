"""What the design cannot show, and what was done against what was planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outcomes.analyses.traits import Trait
from outcomes.core.result import Result, Results
from outcomes.core.wording import NONE, plural
from outcomes.plans.frozen import frozen_plan
from outcomes.plans.plan import Plan
from outcomes.reporting.document import Bullets, Paragraph, Section, TableBlock
from outcomes.reporting.numbers import Fixed, Text
from outcomes.reporting.parts import has
from outcomes.study.study import Study
from outcomes.tables.results_table import Table


def cannot_show(study: Study, results: Results) -> Section:
    """What this design cannot show, with the guards that say how much."""
    items: list[Text] = []
    if not study.controlled:
        items.append(
            Fixed(
                "Whether the treatment caused the change. Pain that is bad enough to seek an"
                " infusion tends to be less bad later whatever is done (regression to the mean),"
                " and most conditions vary by themselves (natural course)."
            )
        )
        items.append(
            Fixed(
                "What other treatment did: medicines, physiotherapy and attention given at the same"
                " time are part of every change."
            )
        )
        items.append(
            Fixed(
                "What patients expected: nobody was blinded, and hope and the wish to please move"
                " scores."
            )
        )
    if study.design == "routes":
        items.append(
            Fixed(
                "Which route is better: the route was chosen for each patient, and the reasons for"
                " the choice may explain the difference."
            )
        )
    if study.design == "crossover":
        items.append(
            Fixed(
                "Effects that outlast a period: if the first treatment still works in the second"
                " period, the difference is understated."
            )
        )
    items += [
        f"How those fared who did not come back. {r.sentence()}"
        for r in results
        if has(r, Trait.SHOWS_MISSING) and not r.failed
    ]
    items.append(
        Fixed(
            "Whether a single patient improved because of treatment: a responder is somebody whose"
            " score improved by so much, for whatever reason."
        )
    )
    blocks: list[Any] = [Bullets(tuple(items))]
    blocks += [
        Paragraph(r.sentence(), "caution")
        for r in results
        if has(r, Trait.REGRESSION_TO_MEAN) and not r.failed
    ]
    blocks += [
        Paragraph(r.sentence(), "caution")
        for r in results
        if has(r, Trait.TIPPING_POINT) and not r.failed
    ]
    return Section("What this design cannot show", tuple(blocks))


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
            r.analysis.role,
            "added by the report, not planned",
            *_counts(r),
        )
        for r in added
    ]
    rows += [
        (NONE, q.title(), q.role, "planned, not done", NONE, NONE)
        for q, d in zip(declared, plan)
        if d not in done
    ]
    off = [row for row in rows if row[3] != "as planned"]
    if not plan:
        words = (
            "The study file has no plan, so every answer here is exploratory: it suggests, it does"
            " not show."
        )
    elif off:
        words = (
            f"{plural(len(rows) - len(off), 'question')} of {len(rows)} done as planned. The others"
            " are marked below."
        )
    else:
        words = f"All {len(rows)} questions were answered as planned."
    words += (
        f" The plan is the one frozen on {frozen.date}."
        if frozen
        else " The plan is that of the study file; it was not frozen, so whether it was changed"
        " after answers were seen cannot be told."
        if plan
        else ""
    )
    words += " Primary questions carry the conclusion; exploratory ones suggest, they do not show."
    table = Table(
        "The plan against what was done",
        ("no.", "question", "role", "status", "analysed", "left out"),
        tuple(rows),
        numeric=(0, 4),
    )
    return Section("Plan against done", (Paragraph(words), TableBlock(table)))


def _status(r: Result, in_plan: bool) -> tuple[str, str]:
    if r.failed:
        return r.analysis.role, f"not answered: {r.failed}"
    return (r.analysis.role, "as planned") if in_plan else ("exploratory", "not planned")


def _counts(r: Result) -> tuple[str, str]:
    """How many patients an answer rests on, and why others are left out."""
    c = r.counts
    return f"{c.analysed} of {c.enrolled}", "; ".join(f"{n} {why}" for why, n in c.left_out) or NONE
