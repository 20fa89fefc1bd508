"""The kinds of notebook: what each asks, and the options it starts with for a study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outcomes import plans
from outcomes.analyses.longitudinal.diary import visit_days
from outcomes.analyses.question import Analysis
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS
from outcomes.plans.plan import Plan, kinds
from outcomes.study.study import GROUPS, Study

#: How many further scores a notebook shows beside the main one, if the study file does not name
#: them.
FURTHER = 8
#: Words in the name of an arm that others are compared with.
CONTROLS = ("placebo", "control", "sham", "saline", "usual", "standard", "wait")

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Kind:
    """A kind of notebook: its template's name, its question, and how its options are chosen from a
    study.
    """

    file: str
    asks: str
    choose: Callable[[Study], dict[str, Any]]
    #: The questions that everything else in the notebook needs.
    main: Callable[[Mapping[str, Any]], list[Analysis]]
    sample: str = "study.toml"


def options(kind: str, study: Study) -> dict[str, Any]:
    """The options of this notebook for this study, by name.

    Raises AnalysisError where the study lacks what the notebook is about, or cannot answer its main
    question.
    """
    chosen = KINDS[kind].choose(study)
    for question in KINDS[kind].main(chosen):
        found = question.run(study).estimates
        if all(math.isnan(e.low) for e in found):
            why = next((REASONS[e.reason] for e in found if e.reason), "it gives no interval")
            raise AnalysisError(
                f"The study cannot answer the notebook's main question ({question.short}): {why}."
            )
    return chosen


def words(study: Study, chosen: Mapping[str, Any]) -> set[str]:
    """What is true of a study and of the options chosen for it, for the conditional parts of
    templates.
    """
    there = {
        "sample": study.sample,
        "own": not study.sample,
        "patients": study.patients is not None,
        "entry": bool(study.entry),
        "events": study.events is not None,
        "infusions": study.infusions is not None,
        "treated_events": (
            study.events is not None and study.infusions is not None and "arm" in study.infusions
        ),
        "rates": study.infusions is not None and bool(chosen.get("BY")),
        "several_visits": len(study.visits) > 2,
        "thresholds": (
            bool(chosen.get("OUTCOME")) and bool(study.outcome(chosen["OUTCOME"]).thresholds)
        ),
        "guess": any(
            "guess" in frame
            for frame in (study.scores, study.patients, study.infusions)
            if frame is not None
        ),
    }
    return {word for word, true in there.items() if true} | {
        name.lower() for name, value in chosen.items() if value
    }


def _one_group(study: Study) -> None:
    """Refuse a study that has a comparison: its arms taken together, or one arm alone, say nothing
    about the treatment.
    """
    if study.controlled:
        there = f". Ask for: outcomes notebook {study.design}" if study.design in KINDS else ""
        raise AnalysisError(
            "This notebook is for patients without a comparison; this study compares treatments"
            f" ({study.design}){there}."
        )


def _before_after(study: Study) -> dict[str, Any]:
    _one_group(study)
    plan = plans.before_after(study)
    main = _primary(study, plan)
    return {**_named(main), "OTHERS": _others(study, plan, main), **_collected(study)}


def _follow_up(study: Study) -> dict[str, Any]:
    _one_group(study)
    main = _primary(study, plans.follow_up(study))
    outcome, before = study.outcome(main["outcome"]), main["before"]
    visits = _asked(study, outcome.name, before)
    return {
        "OUTCOME": outcome.name,
        "BEFORE": before,
        "VISITS": visits,
        "AFTER": visits[-1],
        "WORSE": _matters(study, outcome.name, before),
        "BACK": (
            0.7 if outcome.better == "lower" and _days_known(study, (before, *visits)) else None
        ),
    }


def _crossover(study: Study) -> dict[str, Any]:
    if "period" not in study.scores or "arm" not in study.scores:
        raise AnalysisError(
            "A crossover has a period and the treatment of each period: [roles] period and arm."
        )
    main = _primary(study, plans.crossover(study))
    before = main["before"] if len(study.visits) > 1 else ""
    return {
        **_named(main),
        "BEFORE": before,
        "REFERENCE": _reference(study.scores["arm"]),
        **_collected(study),
    }


def _parallel(study: Study) -> dict[str, Any]:
    main = _primary(study, plans.parallel(study))
    return {
        **_named(main),
        "BY": "arm",
        "REFERENCE": _reference(study.characteristic("arm")),
        **_collected(study),
    }


def _routes(study: Study) -> dict[str, Any]:
    study.characteristic("route")
    main = _primary(study, plans.routes(study))
    return {
        **_named(main),
        "BY": "route",
        "ALIKE": _characteristics(study)[:1],
        **_collected(study),
    }


def _side_effects(study: Study) -> dict[str, Any]:
    if study.events is None or not len(study.events):
        raise AnalysisError(
            "The study has no side effects: name their table in the study file, [data] events."
        )
    by = next((name for name in ("arm", "route") if name in study.patient_frame), "")
    return {
        "BY": by,
        "EVENT": str(study.events["event"].value_counts().index[0]),
        **_collected(study),
    }


def _symptoms(study: Study) -> dict[str, Any]:
    main = _primary(study, plans.before_after(study))
    found = [study.outcome(n) for n in study.outcome_names if n != main["outcome"]]
    directed = [o.name for o in found if o.better and not o.of_change]
    profile = [
        n
        for n in directed
        if n.startswith("promis29_") and study.outcome(n).unit == "T" and "summary" not in n
    ]
    scores = profile or directed[:FURTHER]
    if not scores:
        raise AnalysisError(
            "The study has no scores beside its main one: declare instruments or outcomes first."
        )
    visits = _asked(study, scores[0], main["before"])
    after = main["after"] if main["after"] in visits else visits[-1]
    return {"OUTCOMES": scores, "BEFORE": main["before"], "AFTER": after, "VISITS": visits}


def _planning(study: Study) -> dict[str, Any]:
    main = _primary(study, plans.before_after(study))
    difference = _matters(study, main["outcome"], main["before"])
    return {**_named(main), "DIFFERENCE": difference, "HALF_WIDTH": difference / 2}


def _sites(study: Study) -> dict[str, Any]:
    if study.characteristic("site").nunique() < 2:
        raise AnalysisError("The study has one site only: there is nothing to pool.")
    return {**_named(_primary(study, plans.before_after(study))), "BY": "site"}


# --- parts ----------------------------------------------------------------------------------------


def _named(main: dict[str, str]) -> dict[str, str]:
    return {name.upper(): value for name, value in main.items()}


def _asked(study: Study, outcome: str, before: str) -> list[str]:
    """The later visits at which this score was asked for: at least two patients have it there and
    before.

    Raises AnalysisError where there is none.
    """
    there = study.wide(outcome).notna()
    visits = [v for v in study.visits if v != before and (there[v] & there[before]).sum() > 1]
    if not visits:
        raise AnalysisError(
            f"No two patients have {outcome} both at {before} and at a later visit."
        )
    return visits


def _days_known(study: Study, visits: tuple[str, ...]) -> bool:
    """Whether the names of the visits tell their days."""
    try:
        visit_days(study, visits, ())
    except AnalysisError:
        return False
    return True


def _matters(study: Study, outcome: str, visit: str) -> float:
    """Half a standard deviation at this visit, as 1, 2 or 5 times a power of ten: a difference to
    start thinking from.
    """
    half = float(study.wide(outcome)[visit].std()) / 2
    if not half > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(half))
    near = min((1, 2, 5, 10), key=lambda k: abs(math.log(k * power / half)))
    return float(f"{near * power:g}")


def _reference(arms: pd.Series) -> str:
    """The arm that others are compared with: what sounds like a control, else the last by name.

    Raises AnalysisError where there are not two arms.
    """
    names = sorted(arms.dropna().astype(str).unique())
    if len(names) != 2:
        raise AnalysisError(
            f"This notebook compares two arms; the study has {len(names)}: {', '.join(names)}."
        )
    return next((n for n in names if any(word in n.lower() for word in CONTROLS)), names[-1])


def _characteristics(study: Study) -> list[str]:
    """Columns of the patients that split them into a few groups, the diagnosis first."""
    frame = study.patient_frame
    few = [str(c) for c in frame if c not in GROUPS and 1 < frame[c].nunique() <= 8]
    return sorted(few, key=lambda c: c != "diagnosis")


def _collected(study: Study) -> dict[str, str]:
    """How side effects came to be known: asked for in the sample, unknown elsewhere."""
    return {"COLLECTED": "elicited" if study.sample else ""}


def _primary(study: Study, ready: Plan) -> dict[str, str]:
    """Outcome and visits of the primary question of the study file, or where it has none of the
    ready-made plan.
    """
    questions = [q for q in (*Plan.of(study), *ready) if getattr(q, "outcome", "")]
    main = next((q for q in questions if q.role == "primary"), None)
    if main is None:
        raise AnalysisError(
            "The study has no score and visits that this notebook could start with."
        )
    outcome = study.outcome(getattr(main, "outcome", ""))
    if not outcome.better:
        raise AnalysisError(
            f'{outcome.name} has no direction: say better = "lower" or "higher" under [outcomes].'
        )
    visits = [
        (getattr(q, "before", ""), getattr(q, "after", "") or getattr(q, "visit", ""))
        for q in (main, *questions)
    ]
    before = next((b for b, _ in visits if b), study.baseline)
    after = next((a for _, a in visits if a), study.visits[-1])
    return {"outcome": outcome.name, "before": study.visit(before), "after": study.visit(after)}


def _others(study: Study, plan: Plan, main: dict[str, str]) -> list[str]:
    """Further scores at the same two visits: those the study file asks of, else the first ones of
    the ready-made plan.
    """

    def asked(questions: Plan) -> list[str]:
        names = [_secondary(q, main) for q in questions]
        return list(dict.fromkeys(n for n in names if n and n != main["outcome"]))

    return asked(Plan.of(study)) or asked(plan)[:FURTHER]


def _secondary(question: Analysis, main: dict[str, str]) -> str:
    same = all(getattr(question, name, "") == main[name] for name in ("before", "after"))
    return getattr(question, "outcome", "") if question.family and same else ""


# --- main questions -------------------------------------------------------------------------------


def _ask(name: str, chosen: Mapping[str, Any], *options: str, **fields: Any) -> Analysis:
    """A question whose fields are the options of these names, in lower case."""
    return kinds()[name](**{o.lower(): chosen[o] for o in options}, **fields)


def _change(chosen: Mapping[str, Any]) -> Analysis:
    return _ask("PairedT", chosen, "OUTCOME", "BEFORE", "AFTER")


def _course(chosen: Mapping[str, Any], outcome: str) -> Analysis:
    return _ask(
        "CohortModel",
        chosen,
        "VISITS",
        outcome=outcome,
        baseline=chosen["BEFORE"],
        visit=chosen["AFTER"],
    )


def _main_follow_up(chosen: Mapping[str, Any]) -> list[Analysis]:
    return [
        _course(chosen, chosen["OUTCOME"]),
        _ask("Imputed", {}, analysis=_change(chosen), seed=1),
    ]


def _main_parallel(chosen: Mapping[str, Any]) -> list[Analysis]:
    alone = _ask("ANCOVA", chosen, "OUTCOME", "BEFORE", "AFTER", "BY", "REFERENCE", se="HC3")
    return [
        _ask("MMRM", chosen, "OUTCOME", "BY", "REFERENCE", visit=chosen["AFTER"]),
        _ask("Imputed", {}, analysis=alone, seed=1),
    ]


def _main_routes(chosen: Mapping[str, Any]) -> list[Analysis]:
    return [_ask("ANCOVA", chosen, "OUTCOME", "BEFORE", "AFTER", "BY", covariates=chosen["ALIKE"])]


def _main_symptoms(chosen: Mapping[str, Any]) -> list[Analysis]:
    first = {**chosen, "OUTCOME": chosen["OUTCOMES"][0]}
    return [_change(first), _course(first, first["OUTCOME"])]


KINDS: dict[str, Kind] = {
    "before-after": Kind(
        "01_before_and_after",
        "Did the patients' scores change after treatment?",
        _before_after,
        lambda c: [_change(c)],
    ),
    "crossover": Kind(
        "02_neuropathic_crossover",
        "Was the score lower under one treatment than under another, in the same patients?",
        _crossover,
        lambda c: [_ask("Crossover", c, "OUTCOME", "AFTER", "REFERENCE")],
        "crossover/study.toml",
    ),
    "follow-up": Kind(
        "03_follow_up",
        "How did the score run over the visits, when some stopped coming?",
        _follow_up,
        _main_follow_up,
    ),
    "parallel": Kind(
        "04_parallel_trial",
        "Was the score lower in one randomised arm than in the other?",
        _parallel,
        _main_parallel,
        "parallel/study.toml",
    ),
    "routes": Kind(
        "05_routes",
        "Did scores change differently with infusion, nasal spray and tablets?",
        _routes,
        _main_routes,
    ),
    "side-effects": Kind(
        "06_side_effects",
        "Which side effects, in how many patients, how strong?",
        _side_effects,
        lambda c: [_ask("SideEffects", c, "COLLECTED")],
    ),
    "symptoms": Kind(
        "07_symptoms",
        "Which parts of life changed, of many that were asked about?",
        _symptoms,
        _main_symptoms,
    ),
    "plan": Kind(
        "08_plan_a_study",
        "How many patients are needed, and what exactly will be asked?",
        _planning,
        lambda c: [_change(c)],
    ),
    "sites": Kind(
        "09_many_clinics",
        "What is the answer over several clinics, and how much do they differ?",
        _sites,
        lambda c: [_ask("PooledSites", c, "BY", analysis=_change(c))],
    ),
}
