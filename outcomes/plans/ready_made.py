"""Ready-made plans: what a careful analyst would ask of each kind of study, before seeing the
answers.

Each takes the study and gives a `Plan` with primary, secondary and sensitivity questions, in Python
here and as TOML by `plan.to_toml()` or `outcomes init --plan KIND`. Defaults and reasons:
`docs/methods.md`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from outcomes.analyses.longitudinal.diary import visit_days
from outcomes.analyses.longitudinal.longitudinal_data import asked_visits
from outcomes.analyses.question import Analysis
from outcomes.analyses.subset import as_words
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.outcome import Outcome
from outcomes.plans.plan import Plan, kinds
from outcomes.study.scores import main_score, ratings
from outcomes.study.study import Study

#: Where more than this share of the last scores is missing, a plan asks what that could do to the
#: answer.
MUCH_MISSING = 0.1
#: The patient characteristic that says who kept to the protocol.
PROTOCOL = "per_protocol"
#: So many days of scores in a row are a diary.
WEEK = 7


def before_after(study: Study, *, outcome: str = "", before: str = "", after: str = "") -> Plan:
    """One follow-up visit of the same patients, no control group.

    Primary: mean change with its t interval. Sensitivity: exact signed-rank, several analyses
    side by side. Always: responders with both denominators, the course, the regression-to-the-mean
    guard, side effects.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabb"), "visit": ["pre", "post"] * 2, "pain": [7.0, 5, 6, 5]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> [q.role for q in oc.plans.before_after(study)][:3]
    ['exploratory', 'primary', 'sensitivity']
    """
    main, first, last = _chosen(study, outcome, before, after)
    visits = {"before": first, "after": last}
    return _plan(
        ("Describe", {}),
        ("PairedT", {"outcome": main, **visits, "role": "primary"}),
        ("SignedRank", {"outcome": main, **visits, "role": "sensitivity"}),
        ("Robustness", {"outcome": main, **visits, "role": "sensitivity"}),
        ("RegressionToMean", {"outcome": main, **visits, "role": "sensitivity"}),
        *_responders(study, main, visits),
        ("Course", {"outcome": main}),
        *_others(study, main, visits, "PairedT"),
        *_harms(study),
    )


def follow_up(study: Study, *, outcome: str = "", before: str = "", after: str = "") -> Plan:
    """Several follow-up visits, no control group.

    Primary: the mixed model with baseline among the responses, change from baseline at each visit.
    Sensitivity: paired t of those seen, regression-to-the-mean guard, missing scores laid open; how
    long relief lasted, where the names of the visits tell their days; the diary's mean (area under
    it / days), where the score was asked every day for a week or more; responders, course, other
    scores, side effects as in `before_after`.
    """
    main, first, last = _chosen(study, outcome, before, after)
    visits = {"before": first, "after": last}
    lost = study.wide(main)[last].isna().mean() > MUCH_MISSING
    daily = _daily(study, main)
    return _plan(
        ("Describe", {}),
        ("CohortModel", {"outcome": main, "role": "primary"}),
        ("PairedT", {"outcome": main, **visits, "role": "sensitivity"}),
        ("RegressionToMean", {"outcome": main, **visits, "role": "sensitivity"}),
        ("MissingScores", {"outcome": main}) if lost else None,
        (
            ("DurationOfRelief", {"outcome": main, "role": "sensitivity"})
            if _days_are_known(study, main)
            else None
        ),
        ("Diary", {"outcome": main, "visits": daily, "role": "secondary"}) if daily else None,
        *_responders(study, main, visits),
        ("Course", {"outcome": main}),
        *_others(study, main, {}, "CohortModel"),
        *_harms(study),
    )


def parallel(study: Study, *, outcome: str = "", before: str = "", after: str = "") -> Plan:
    """Randomised arms side by side.

    Primary: ANCOVA (one follow-up visit) or MMRM (several). Secondary: responders between arms,
    other scores. Sensitivity: HC3 standard errors, Mann-Whitney on the change, with two arms
    several analyses side by side, the primary question among those who kept to the protocol where
    the patients have a characteristic `per_protocol` (yes or no), and what is missing with its
    tipping point where more than 10% of the last scores are.
    """
    main, first, last = _chosen(study, outcome, before, after)
    visits = {"before": first, "after": last}
    several = len(study.visits) > 2
    primary, asked = (
        ("MMRM", {"outcome": main}) if several else ("ANCOVA", {"outcome": main, **visits})
    )
    others = _others(study, main, {} if several else visits, "MMRM" if several else "ANCOVA")
    two = study.characteristic("arm").nunique() == 2
    lost = study.wide(main)[last].isna().mean() > MUCH_MISSING
    return _plan(
        ("Describe", {}),
        (primary, {**asked, "role": "primary"}),
        (
            (
                "Among",
                {
                    "analysis": _ask(primary, asked),
                    "where": {PROTOCOL: "yes"},
                    "role": "sensitivity",
                },
            )
            if _some_left_it(study)
            else None
        ),
        ("ANCOVA", {"outcome": main, **visits, "se": "HC3", "role": "sensitivity"}),
        (
            "MannWhitney" if two else "KruskalWallis",
            {"outcome": main, **visits, "role": "sensitivity"},
        ),
        (
            ("Robustness", {"outcome": main, **visits, "by": "arm", "role": "sensitivity"})
            if two
            else None
        ),
        ("MissingScores", {"outcome": main}) if lost else None,
        (
            (
                "TippingPoint",
                {"analysis": _ask("ANCOVA", {"outcome": main, **visits}), "role": "sensitivity"},
            )
            if lost and two
            else None
        ),
        ("CompareResponders", {"outcome": main, **visits, "role": "secondary"}),
        *_ratings(study, last, "CompareResponders"),
        *_ratings(study, last, "ProportionalOdds"),
        ("Course", {"outcome": main, "by": "arm"}),
        *others,
        *_harms(study),
        ("SideEffectsByRoute", {"by": "arm"}) if study.events is not None else None,
    )


def crossover(study: Study, *, outcome: str = "") -> Plan:
    """Every patient has each treatment, in randomised order.

    Primary: treatment difference allowing for period. Carry-over is shown with its interval and
    never used to choose.
    """
    main = _outcome(study, outcome)
    first, last = {"outcome": main}, {"before": study.visits[0], "after": study.visits[-1]}
    several = len(study.visits) > 1
    events, infusions = study.events is not None, study.infusions
    return _plan(
        ("Describe", {}),
        ("Crossover", {**first, "role": "primary"}),
        (
            ("Crossover", {**first, **last, "measure": "change", "role": "sensitivity"})
            if several
            else None
        ),
        (
            ("CrossoverBinary", {**first, **last, "role": "secondary"})
            if several and study.outcome(main).better and not study.outcome(main).of_change
            else None
        ),
        *[
            ("Crossover", {"outcome": o, "role": "secondary", "family": "other scores"})
            for o in _siblings(study, main)
        ],
        *_ratings(study, study.visits[-1], "CrossoverBinary"),
        *_harms(study),
        ("SideEffectsPaired", {}) if events else None,
        ("Blinding", {}) if infusions is not None and "guess" in infusions else None,
    )


def routes(study: Study, *, outcome: str = "", before: str = "", after: str = "") -> Plan:
    """Routes (infusion, nasal, oral …) that clinicians chose: described and adjusted, never called
    better.

    Primary: ANCOVA on the score before. Sensitivity: Games-Howell on the change; overlap of the
    groups at baseline. Secondary: responders of each route.
    """
    main, first, last = _chosen(study, outcome, before, after)
    visits = {"before": first, "after": last}
    return _plan(
        ("Describe", {}),
        ("ANCOVA", {"outcome": main, **visits, "by": "route", "role": "primary"}),
        ("GamesHowell", {"outcome": main, **visits, "by": "route", "role": "sensitivity"}),
        ("CompareResponders", {"outcome": main, **visits, "by": "route", "role": "secondary"}),
        *_ratings(study, last, "ProportionalOdds", by="route"),
        ("Course", {"outcome": main, "by": "route"}),
        ("SideEffectsByRoute", {}) if study.events is not None else None,
    )


def courses(study: Study, *, outcome: str = "") -> Plan:
    """Several infusions a patient, scores around each.

    Primary: the mixed model of all infusions. Sensitivity: the mean change of each patient's
    infusions. Side effects per patient and per infusion.
    """
    main = _outcome(study, outcome)
    seen = study.long(main).dropna(subset="value")["visit"]
    last = [v for v in study.visits if v != study.baseline and (seen == v).any()][-1:]
    return _plan(
        ("Describe", {}),
        ("InfusionModel", {"outcome": main, "role": "primary"}),
        *[
            (
                "RepeatedInfusions",
                {"outcome": main, "before": study.baseline, "after": v, "role": "sensitivity"},
            )
            for v in last
        ],
        *_harms(study),
    )


def side_effects(study: Study) -> Plan:
    """Nausea, dizziness, dissociation …: how often per patient and per infusion, how severe, by
    route.
    """
    by_route = study.events is not None and "route" in study.patient_frame
    return _plan(
        ("SideEffects", {}), ("EventTable", {}), ("SideEffectsByRoute", {}) if by_route else None
    )


PLANS: dict[str, Callable[..., Plan]] = {
    "before-after": before_after,
    "follow-up": follow_up,
    "parallel": parallel,
    "crossover": crossover,
    "routes": routes,
    "courses": courses,
    "side-effects": side_effects,
}


def suggest(study: Study) -> str:
    """The kind of plan that fits what the study has."""
    if study.design in ("parallel", "crossover", "routes"):
        return study.design
    if "episode" in study.keys and study.codes.several:
        return "courses"
    return "follow-up" if len(study.visits) > 2 else "before-after"


def ready_made(kind: str, study: Study) -> Plan:
    """The ready-made plan of this kind. Raises AnalysisError that lists the kinds there are."""
    if kind not in PLANS:
        raise AnalysisError(unknown("plan", kind, PLANS))
    return PLANS[kind](study)


def starter(
    data: str | Path,
    *,
    kind: str = "",
    sheet: str | None = None,
    beside: Path | None = None,
    **said_of_file: Any,
) -> tuple[str, str]:
    """A commented study file for a data file: roles, visits and instruments guessed and marked,
    with a plan. `said_of_file` is what a person says of the file: header, last, encoding.

    Beside it, in words, what stands in the way of a plan; empty where there is one.
    """
    from outcomes.readers.draft import guess_study

    text, study, problem = guess_study(data, sheet=sheet, beside=beside, **said_of_file)
    return (text if study is None else with_plan(text, study, kind)), problem


def with_plan(text: str, study: Study, kind: str = "") -> str:
    """The text of a study file with the ready-made plan of this kind (or the one that fits) at its
    end.
    """
    from outcomes.readers.draft import NO_PLAN

    plan = ready_made(kind or suggest(study), study)
    text = re.sub(rf"\A{NO_PLAN}\n(#.*\n)*", "", text)
    head = (
        "# --- the plan: what is asked, in order; change it before you look at the answers, not"
        " after ---\n\n"
    )
    return f"{text.strip()}\n\n{head}{plan.to_toml()}"


# --- parts ----------------------------------------------------------------------------------------


def _ask(name: str, fields: dict[str, Any]) -> Analysis:
    return kinds()[name](**fields)


def _plan(*entries: tuple[str, dict[str, Any]] | None) -> Plan:
    return Plan(_ask(name, fields) for name, fields in filter(None, entries))


def _outcome(study: Study, outcome: str) -> str:
    names = study.outcome_names
    if outcome:
        return study.outcome(outcome).name
    if not names:
        raise AnalysisError(
            "The study has no score to plan for: declare instruments or outcomes first."
        )
    return main_score(study)


def _chosen(study: Study, outcome: str, before: str, after: str) -> tuple[str, str, str]:
    first = study.visit(before or study.baseline)
    later = [v for v in study.visits if v != first]
    if not later:
        raise AnalysisError(
            "The study has one visit only: there is no before and after. Declare its visits under"
            " [visits] order."
        )
    main = _outcome(study, outcome)
    if after:
        return main, first, study.visit(after)
    frame = study.wide(main)
    # the last visit at which at least half of those with a first score are still seen
    seen = [v for v in later if frame[v].notna().sum() >= 0.5 * frame[first].notna().sum()]
    return main, first, (seen or later)[-1]


def _some_left_it(study: Study) -> bool:
    """Whether the study says who kept to the protocol, and some but not all did."""
    if PROTOCOL not in study.patient_frame:
        return False
    return 0 < int((as_words(study.characteristic(PROTOCOL)) == "yes").sum()) < study.enrolled


def _days_are_known(study: Study, outcome: str) -> bool:
    """Whether the visits' names tell their days, and the score is one whose relief can be timed."""
    if study.outcome(outcome).better != "lower":
        return False
    try:
        return len(visit_days(study, (), ())[0]) > 2
    except AnalysisError:
        return False


def _daily(study: Study, outcome: str) -> tuple[str, ...]:
    """The baseline and the visits that follow it day by day, where that is a week of scores or
    more; else nothing.
    """
    try:
        visits, days = visit_days(study, asked_visits(study, outcome), ())
    except AnalysisError:
        return ()
    run = next((i for i, (a, b) in enumerate(pairwise(days), 1) if b - a > 1), len(days))
    return visits[:run] if run > WEEK and visits[0] == study.baseline else ()


def _siblings(study: Study, main: str) -> list[str]:
    """The other scores of which a change can be counted."""
    return [n for n in study.outcome_names if n != main and not study.outcome(n).of_change]


def _others(
    study: Study, main: str, visits: dict[str, str], method: str
) -> list[tuple[str, dict[str, Any]]]:
    """The same question of every other score that has both visits, as one family."""
    needed = list(visits.values()) or [
        study.baseline,
        *[v for v in study.visits if v != study.baseline][-1:],
    ]
    out = []
    for name in _siblings(study, main):
        if study.outcome(name).better and (study.wide(name)[needed].notna().all(axis=1)).sum() >= 2:
            out.append(
                (method, {"outcome": name, **visits, "role": "secondary", "family": "other scores"})
            )
    return out


def _responders(
    study: Study, main: str, visits: dict[str, str]
) -> list[tuple[str, dict[str, Any]]]:
    asked: list[tuple[str, dict[str, Any]]] = []
    if study.outcome(main).better:
        asked.append(("Responders", {"outcome": main, **visits, "role": "secondary"}))
    return [*asked, *_ratings(study, visits["after"], "Responders")]


def _ratings(
    study: Study, after: str, method: str, **fields: Any
) -> list[tuple[str, dict[str, Any]]]:
    """The ratings of change (PGIC) that the study has, by one method, at the visit `after` or the
    last before it that has any: who is much better, by a question about shares.
    """
    asked = []
    for rating in ratings(study):
        if not rating.better:
            continue
        until = study.visits[: study.visits.index(after) + 1]
        seen = study.long(rating.name).dropna(subset="value")["visit"]
        there = [v for v in until if (seen == v).any()]
        if not there:
            continue
        entry: dict[str, Any] = {"outcome": rating.name, "after": there[-1], "role": "secondary"}
        rule = much_better(rating)
        shares: dict[str, dict[str, Any]] = {
            "Responders": {"rules": (rule,)},
            "CompareResponders": {"rules": (rule,)},
            "CrossoverBinary": {"rule": rule},
        }
        asked.append((method, entry | shares.get(method, {}) | fields))
    return asked


def much_better(rating: Outcome) -> str:
    """The responder rule of a rating of change: its best two answers, "much" and "very much
    improved" on the PGIC.

    >>> much_better(Outcome("pgic", "PGIC", "lower", low=1, high=7))
    '<= 2'
    >>> much_better(Outcome("pgic", "PGIC", "higher"))
    '>= 6'
    """
    low, high = (
        default if math.isnan(end) else end
        for end, default in ((rating.low, 1.0), (rating.high, 7.0))
    )
    return f"<= {low + 1:g}" if rating.better == "lower" else f">= {high - 1:g}"


def _harms(study: Study) -> list[tuple[str, dict[str, Any]]]:
    return [("SideEffects", {})] if study.events is not None else []
