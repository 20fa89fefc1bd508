"""The strategies of an estimand, carried out: what a question is given where intercurrent events
were declared, and where a strategy cannot be carried out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import codes_of
from outcomes.analyses.missing.incomplete import grid_of
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError
from outcomes.core.flow import EventCount
from outcomes.core.wording import spoken
from outcomes.plans.estimand import Estimand, IntercurrentEvent
from outcomes.plans.event_times import happened
from outcomes.readers.parse import yes_no
from outcomes.study.set_aside import ASIDE, FAILED
from outcomes.study.study import Study

#: Questions that describe the data as they are: no strategy is carried out for them.
DESCRIBES = frozenset({Trait.DESCRIBES_PATIENTS, Trait.COURSE, Trait.HARMS, Trait.SHOWS_MISSING})
POLICY, COMPOSITE, HYPOTHETICAL, WHILE_ON, STRATUM = (
    "treatment policy",
    "composite",
    "hypothetical",
    "while on treatment",
    "principal stratum",
)


@dataclass(frozen=True)
class Carried:
    """The study that a question is asked of, and the events that were handled."""

    study: Study
    events: tuple[EventCount, ...] = ()


def carry_out(estimand: Estimand, question: Analysis, study: Study) -> Carried:
    """The study as the declared strategies have it for this question, and the counts by arm.

    A question that only describes, or has no score, is asked of the study as it is. Raises
    AnalysisError, saying what to do, where a strategy cannot be carried out for this question.

    Source: ICH E9(R1) addendum, 2019, section A.3.2.
    """
    inner, some = _inner(question), question.narrowed(study)
    if some is not study:  # the strategies are those of all; the events, of those let in
        within = question.analysis  # type: ignore[attr-defined]
        whole, own = (carry_out(estimand, within, asked) for asked in (study, some))
        return Carried(whole.study, own.events)
    name = str(getattr(inner, "outcome", "") or "")
    if not (estimand.events and name) or not inner.traits.isdisjoint(DESCRIBES):
        return Carried(study)
    study.outcome(name)  # an unknown score is said as such
    done: list[EventCount] = []
    for event in sorted(estimand.events, key=lambda e: ORDER.index(e.strategy)):
        if event.strategy == POLICY:
            done += _policy(event, inner, study)
            continue
        if count := _nobody(event, inner, study):
            done.append(count)
            continue
        if why := _cannot(event, question, inner, study):
            raise AnalysisError(f"{event.name} ({event.strategy} strategy): {why}")
        study, count = STEPS[event.strategy](event, inner, study)
        if event.strategy == HYPOTHETICAL and _fills(question, inner):
            count = dataclasses.replace(count, done="scores from the event on set aside, imputed")
        done.append(count)
    order = [e.name for e in estimand.events]
    return Carried(study, tuple(sorted(done, key=lambda c: order.index(c.event))))


def _inner(question: Analysis) -> Analysis:
    within = getattr(question, "analysis", None)
    return _inner(within) if isinstance(within, Analysis) else question


def _policy(event: IntercurrentEvent, question: Analysis, study: Study) -> list[EventCount]:
    """Scores as they are; the event is counted where the study knows it."""
    if len(study.keys) > 2:
        return []
    try:
        had = happened(study, event)
    except AnalysisError:
        return []
    return [_count(event, question, study, had, "scores used whatever happened")]


def _nobody(event: IntercurrentEvent, question: Analysis, study: Study) -> EventCount | None:
    """The count of an event that nobody had: any question can carry any strategy out then."""
    if event.strategy == STRATUM or len(study.keys) > 2:
        return None
    had = happened(study, event)
    return None if had.any(axis=None) else _count(event, question, study, had, "nobody had it")


def _cannot(event: IntercurrentEvent, asked: Analysis, question: Analysis, study: Study) -> str:
    """Why a strategy cannot be carried out for this question, and what to ask instead; "" where it
    can.
    """
    if len(study.keys) > 2:
        return (
            "it is carried out for one row a patient and visit; here patients have periods or"
            " episodes. Leave out scores in the file, or declare treatment policy."
        )
    if event.strategy == STRATUM:
        return (
            ""
            if event.stratum
            else (
                "who is in the stratum (whether the event would happen under either treatment)"
                " cannot be seen in data. Declare a patient characteristic of yes and no:"
                " stratum=."
            )
        )
    two_visits = bool(getattr(question, "after", ""))
    model = Trait.USES_ALL_SCORES in question.traits
    if not (two_visits or model):
        return "this question has no form for it. Ask before and after, or a mixed model."
    failures = Trait.COUNTS_FAILURES in question.traits
    if event.strategy == HYPOTHETICAL and failures and not _fills(asked, question):
        return (
            "scores after the event are set aside and have to be predicted, and responders would"
            " count them as missing. Ask it of completed scores: Imputed(Responders(…))."
        )
    if event.strategy == WHILE_ON and not two_visits:
        return (
            "a model of all visits predicts scores after the event, which this strategy does not"
            " ask for. Ask a question with a visit before and after (PairedT, ANCOVA, MannWhitney)."
        )
    ranked = Trait.WORST_RANK in question.traits
    if event.strategy == COMPOSITE and not (failures or ranked) and math.isnan(event.score):
        return (
            "a failure has no score that a mean could take in. Ask Responders or"
            " CompareResponders (the patient is a non-responder), a rank test (the patient has the"
            " worst rank), or declare the score of a failure: score=."
        )
    return ""


def _fills(asked: Analysis, question: Analysis) -> bool:
    """Whether a question fills in the scores of the question within it."""
    return asked is not question and Trait.HANDLES_MISSING in asked.traits


# --- the strategies -------------------------------------------------------------------------------


def _stratum(event: IntercurrentEvent, q: Analysis, study: Study) -> tuple[Study, EventCount]:
    """Only patients who are declared to be in the stratum."""
    words = study.characteristic(event.stratum).map(_word, na_action="ignore")
    inside = (words == 1.0).to_numpy(bool)
    if not inside.any():
        raise AnalysisError(f"{event.name} (principal stratum): nobody has {event.stratum} yes.")
    outside = pd.Series(~inside, index=study.patient_ids)
    done = f"patients outside the declared stratum ({spoken(event.stratum)}) left out"
    count = _counted(event, q, study, outside, done)
    return study.where(lambda _: inside), count


def _set_aside(event: IntercurrentEvent, q: Analysis, study: Study) -> tuple[Study, EventCount]:
    """Scores from the event on are set aside, for a model or imputation to predict."""
    had = happened(study, event)
    done = f"scores from the event on set aside, {_assumption(q)}"
    count = _count(event, q, study, had, done)
    return _with_aside(study, q, had, event.name), count


def _while_on(event: IntercurrentEvent, q: Analysis, study: Study) -> tuple[Study, EventCount]:
    """The last score before the event stands for the visit after; none: set aside."""
    had = happened(study, event)
    after = study.visit(str(getattr(q, "after", "")))
    grid = grid_of(study, str(getattr(q, "outcome", "")))
    scores = pd.DataFrame(grid.observed, index=grid.patients, columns=list(grid.visits))
    base = study.visits.index(study.baseline)
    follow = [v for v in grid.visits if study.visits.index(v) > base]
    follow = [v for v in follow if study.visits.index(v) <= study.visits.index(after)]
    on = scores[follow].mask(had[follow].to_numpy())
    if after in follow:
        last = on.ffill(axis=1)[after]
        scores[after] = scores[after].where(~had[after].to_numpy(), last)
    done = "the last score before the event used; without one, left out"
    count = _count(event, q, study, had, done)
    new = grid.study(scores.to_numpy(float) - grid.origin)
    lost = had[after].to_numpy() & scores[after].isna().to_numpy() if after in follow else []
    return _marked(new, after, grid.patients[lost], f"{event.name}"), count


def _composite(event: IntercurrentEvent, q: Analysis, study: Study) -> tuple[Study, EventCount]:
    """The event is a failure: a non-responder, the worst rank, or the declared score."""
    had = happened(study, event)
    if Trait.COUNTS_FAILURES in q.traits:
        done, new = "counted as non-responders", _as_failures(study, q, had)
    elif math.isnan(event.score):
        done, new = "given the worst rank", _as_worst(study, q, had)
    else:
        done = f"given the declared score of a failure, {event.score:g}"
        new = _filled(study, q, had, lambda scores, visit: np.full(len(scores), event.score))
    return new, _count(event, q, study, had, done)


def _as_failures(study: Study, q: Analysis, had: pd.DataFrame) -> Study:
    """Patients with the event are failures at the visit; who has no score there has the score
    before (or the worst seen), so that he is counted.
    """
    after, before = str(getattr(q, "after", "")), str(getattr(q, "before", "") or "")
    failed = frozenset(had.index[had[study.visit(after)].to_numpy()])

    def filled(scores: pd.DataFrame, visit: str) -> np.ndarray:
        own = scores[visit].to_numpy(float)
        instead = scores[before].to_numpy(float) if before else _worst(study, q, scores, visit)
        return np.where(np.isnan(own), instead, own)

    new = _filled(study, q, had, filled)
    known = dict(new.settings.get(FAILED, {}))
    known[after] = failed | frozenset(known.get(after, ()))
    return new.with_settings({FAILED: known})


def _as_worst(study: Study, q: Analysis, had: pd.DataFrame) -> Study:
    """Patients with the event get a score (or change) worse than any that was seen."""
    before = str(getattr(q, "before", "") or "")

    def filled(scores: pd.DataFrame, visit: str) -> np.ndarray:
        if not before:
            return _worst(study, q, scores, visit)
        sign = -1.0 if study.outcome(str(getattr(q, "outcome", ""))).better == "higher" else 1.0
        change = sign * (scores[visit] - scores[before])
        most = float(np.nan_to_num(change.max())) + 1.0
        return scores[before].to_numpy(float) + sign * most

    return _filled(study, q, had, filled)


def _worst(study: Study, q: Analysis, scores: pd.DataFrame, visit: str) -> np.ndarray:
    """A score worse than every one seen at the visit."""
    better = study.outcome(str(getattr(q, "outcome", ""))).better
    seen = scores[visit].dropna()
    worst = 0.0 if seen.empty else (seen.min() - 1.0 if better == "higher" else seen.max() + 1.0)
    return np.full(len(scores), float(worst))


def _filled(
    study: Study,
    q: Analysis,
    had: pd.DataFrame,
    value: Callable[[pd.DataFrame, str], np.ndarray],
) -> Study:
    """The study with another score where the event has happened: at the visit after, or (a model)
    at every visit from the event on.
    """
    grid = grid_of(study, str(getattr(q, "outcome", "")))
    scores = pd.DataFrame(grid.observed, index=grid.patients, columns=list(grid.visits))
    after = str(getattr(q, "after", "") or "")
    visits = [after] if after else [v for v in grid.visits if had[v].any()]
    for visit in visits:
        if visit not in scores:
            raise AnalysisError(f"Nobody has a score at {spoken(visit)}.")
        new = value(scores, visit)
        scores[visit] = np.where(had[visit].to_numpy(), new, scores[visit].to_numpy(float))
    return grid.study(scores.to_numpy(float) - grid.origin)


def _with_aside(study: Study, q: Analysis, had: pd.DataFrame, event: str) -> Study:
    grid = grid_of(study, str(getattr(q, "outcome", "")))
    gone = had[list(grid.visits)].to_numpy()
    new = grid.study(np.where(gone, np.nan, grid.scores))
    for i, visit in enumerate(grid.visits):
        seen = gone[:, i] & ~np.isnan(grid.scores[:, i])
        new = _marked(new, visit, grid.patients[seen], event)
    return new


def _marked(study: Study, visit: str, patients: pd.Index, event: str) -> Study:
    """The study with the reason why these patients have no score at a visit."""
    if not len(patients):
        return study
    known = dict(study.settings.get(ASIDE, {}))
    known[visit] = {**known.get(visit, {}), **dict.fromkeys(patients, event)}
    return study.with_settings({ASIDE: known})


def _assumption(q: Analysis) -> str:
    """What a question takes for granted of the scores that were set aside."""
    if Trait.USES_ALL_SCORES in q.traits:
        return "predicted by the model from arm and earlier scores (missing at random)"
    return "assuming that these patients would have fared like those analysed"


def _count(
    event: IntercurrentEvent, q: Analysis, study: Study, had: pd.DataFrame, done: str
) -> EventCount:
    """The event counted by arm, up to the visit that the question is about."""
    visit = str(getattr(q, "after", "") or getattr(q, "visit", "") or study.visits[-1])
    return _counted(event, q, study, had[study.visit(visit)], done)


def _counted(
    event: IntercurrentEvent, q: Analysis, study: Study, had: pd.Series, done: str
) -> EventCount:
    by = str(getattr(q, "by", "") or "") if q.comparative else ""
    if not by or by not in study.patient_frame:
        counts: tuple[tuple[str, int, int], ...] = (("", int(had.sum()), len(had)),)
        return EventCount(event.name, event.strategy, counts, done)
    levels = sorted(map(str, study.characteristic(by).dropna().unique()))
    code = codes_of(study, by, levels)
    mine = [(level, code == i) for i, level in enumerate(levels)]
    counts = tuple((level, int(had.to_numpy()[m].sum()), int(m.sum())) for level, m in mine)
    return EventCount(event.name, event.strategy, counts, done)


def _word(value: object) -> float | None:
    return yes_no(str(int(value)) if isinstance(value, float) else str(value))


#: The order in which strategies are carried out: who is in, which scores count, what is a failure.
ORDER = (POLICY, STRATUM, HYPOTHETICAL, WHILE_ON, COMPOSITE)
STEPS: dict[str, Callable[[IntercurrentEvent, Analysis, Study], tuple[Study, EventCount]]] = {
    STRATUM: _stratum,
    HYPOTHETICAL: _set_aside,
    WHILE_ON: _while_on,
    COMPOSITE: _composite,
}
