"""Who had an intercurrent event by each visit: from a column, the events table or the infusions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError, unknown
from outcomes.plans.estimand import IntercurrentEvent
from outcomes.readers.parse import yes_no
from outcomes.readers.shape.visit_names import visit_time
from outcomes.study.study import KEYS, Study

#: The event that is the second infusion where no other place is said.
REPEAT = frozenset({"repeat infusion", "repeated infusion", "further infusion", "second infusion"})


def happened(study: Study, event: IntercurrentEvent) -> pd.DataFrame:
    """Whether each enrolled patient (row) had the event by each visit (column); the baseline and
    visits before it never count.

    Raises AnalysisError where nothing in the study says who had it, with what to declare.
    """
    found = _found(study, event)
    late = [study.visits.index(v) > study.visits.index(study.baseline) for v in study.visits]
    out = pd.DataFrame(found, index=study.patient_ids, columns=list(study.visits))
    return out & np.array(late)


def _found(study: Study, event: IntercurrentEvent) -> np.ndarray:
    name = event.column or event.event or event.name
    if not (event.event or event.infusion):
        in_scores = _match(name, [c for c in study.scores if c not in KEYS])
        if in_scores and not _constant(study, in_scores):
            return _by_row(study, in_scores)
        if column := _match(name, list(study.patient_frame)):
            return _by_patient(study, column, event)
        if event.column:
            there = [*(c for c in study.scores if c not in KEYS), *study.patient_frame]
            raise AnalysisError(
                f"[estimand] events, {event.name}: {unknown('column', name, there)}"
            )
    if not event.infusion and study.events is not None:
        wanted = _spoken(name)
        rows = _each(study.events["event"], lambda v: _spoken(v) == wanted)
        if rows.any() or event.event or wanted not in REPEAT:
            return _by_table(study, "events", rows)
    number = event.infusion or (2 if _spoken(event.name) in REPEAT else 0)
    if number and study.infusions is not None and "infusion" in study.infusions:
        numbers = pd.to_numeric(study.infusions["infusion"], errors="coerce")
        return _by_table(study, "infusions", (numbers >= number).to_numpy())
    raise AnalysisError(
        f"The estimand declares '{event.name}' ({event.strategy}), and nothing in the study says"
        " who had it: there is no column of that name and no events table. Declare where it is:"
        f' [estimand] events = {{ "{event.name}" = {{ strategy = "{event.strategy}", column = "its'
        ' column" } }.'
    )


def _constant(study: Study, column: str) -> bool:
    """Whether a column of the scores says the same in every row of a patient."""
    return column in study.patient_frame and study.scores[column].notna().all()


def _by_row(study: Study, column: str) -> np.ndarray:
    """Yes in the row of a visit: from that visit on."""
    said = _each(study.scores[column], lambda v: _is_yes(v, column))
    rows, columns = study.codes.patient, study.codes.visit
    out = np.zeros((study.enrolled, len(study.visits)), dtype=bool)
    base = study.visits.index(study.baseline)
    after = said & (columns > base)
    out[rows[after], columns[after]] = True
    return np.logical_or.accumulate(out, axis=1)


def _by_patient(study: Study, column: str, event: IntercurrentEvent) -> np.ndarray:
    """Yes, the visit, or the day from which on, for each patient."""
    code, values = pd.factorize(study.characteristic(column))
    numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
    days = bool((numbers.notna() & ~numbers.isin([0, 1])).any())
    from_then_on = np.zeros((len(values) + 1, len(study.visits)), dtype=bool)  # the last: unknown
    for i, (value, day) in enumerate(zip(values, numbers, strict=True)):
        if str(value) in study.visits:
            from_then_on[i, study.visits.index(str(value)) :] = True
        elif days and pd.notna(day):
            from_then_on[i] = _from_day(study, float(day))
        else:
            from_then_on[i] = _is_yes(value, column)
    return from_then_on[code]


def _by_table(study: Study, table: str, rows: np.ndarray) -> np.ndarray:
    """From the first of some rows (a mask) of each patient on: its visit, its day, or where neither
    is known the baseline.
    """
    rows = rows & (study.codes.rows[table] >= 0)
    frame, n = getattr(study, table)[rows], len(study.visits)
    from_then_on = np.ones((len(frame), n), dtype=bool)
    if "day" in frame:
        code, days = pd.factorize(pd.to_numeric(frame["day"]))
        each = [_from_day(study, float(d)) for d in days]
        from_then_on = np.array([*each, np.ones(n, dtype=bool)])[code]
    if "visit" in frame:
        at = pd.Index(study.visits).get_indexer(frame["visit"].astype(str))
        from_then_on[at >= 0] = (np.arange(n) >= at[:, None])[at >= 0]
    out = np.zeros((study.enrolled, n), dtype=bool)
    np.logical_or.at(out, study.codes.rows[table][rows], from_then_on)
    return out


def _each(column: pd.Series, holds: Callable[[Any], bool]) -> np.ndarray:
    """Whether something holds of each value, asked once of each distinct one; of none that is
    missing.
    """
    code, values = pd.factorize(column)
    return np.array([*(holds(v) for v in values), False], dtype=bool)[code]


def _from_day(study: Study, day: float) -> np.ndarray:
    """The visits on that day or later; all of them where the names of the visits tell no day."""
    found = [0.0 if v == study.baseline else visit_time(v) for v in study.visits]
    if any(d is None for d in found):
        return np.ones(len(found), dtype=bool)
    return np.array([float(d) >= day for d in found if d is not None])


def _is_yes(value: Any, column: str) -> bool:
    if value is None or value != value:
        return False
    if isinstance(value, bool | np.bool_ | int | float | np.integer | np.floating):
        if float(value) not in (0.0, 1.0):
            raise AnalysisError(
                f"The column '{column}' of an intercurrent event holds numbers other than 0 and 1."
                " It says yes or no; for patients it may also hold the visit or the day."
            )
        return bool(value)
    said = yes_no(str(value))
    if said is None and str(value).strip():
        raise AnalysisError(
            f"The column '{column}' of an intercurrent event holds words that are neither yes nor"
            " no. It says yes or no; for patients it may also hold the visit or the day."
        )
    return bool(said)


def _match(name: str, columns: list[Any]) -> str:
    return next((str(c) for c in columns if _spoken(c) == _spoken(name)), "")


def _spoken(name: Any) -> str:
    return " ".join(str(name).replace("_", " ").replace("-", " ").casefold().split())
