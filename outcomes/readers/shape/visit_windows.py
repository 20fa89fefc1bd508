"""Visits from days: which visit a row belongs to where a file has dates and no visits."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError
from outcomes.readers.cells import TextTable
from outcomes.study.study import KEYS, Issue


def windows(said: Any) -> dict[str, tuple[float, float]]:
    """The first and last day of each visit: ``{baseline = [-7, 0], week_4 = [14, 42]}``.

    Raises StudyError for anything else, for a window that ends before it begins, and for windows
    that overlap.

    >>> windows({"baseline": [-7, 0], "week_4": [14, 42]})
    {'baseline': (-7, 0), 'week_4': (14, 42)}
    """
    found: dict[str, tuple[float, float]] = {}
    for visit, days in dict(said).items():
        numbers = (
            isinstance(days, (list, tuple))
            and len(days) == 2
            and all(type(d) in (int, float) for d in days)
        )
        if not numbers or not days[0] <= days[1]:
            raise StudyError(
                f"[visits] days: {visit} is written as {visit} = [first day, last day]."
            )
        found[str(visit)] = (days[0], days[1])
    ordered = sorted(found, key=found.__getitem__)
    for before, after in pairwise(ordered):
        if found[after][0] <= found[before][1]:
            raise StudyError(
                f"[visits] days: {before} and {after} overlap. A day belongs to one visit."
            )
    return found


def by_day(
    table: TextTable,
    frame: pd.DataFrame,
    days: Mapping[str, tuple[float, float]],
    issues: list[Issue],
) -> tuple[TextTable, pd.DataFrame]:
    """The rows whose day lies in a window, with the window as their visit; the others are left out,
    each listed.

    Raises StudyError where the rows have a visit already, or no day.
    """
    if "visit" in frame:
        raise StudyError(
            "[visits] days and [roles] visit exclude each other: a row's visit is said by one of"
            " them."
        )
    if "day" not in frame:
        raise StudyError(
            '[visits] days needs a date or a day of each row of the scores: [roles] date = "its'
            ' column".'
        )
    day = frame["day"].to_numpy(float)
    visit = np.full(len(frame), "", dtype=object)
    for name, (first, last) in days.items():
        visit[(day >= first) & (day <= last)] = name
    for gone, rule, why in (
        (np.isnan(day), "no_day", "have no day"),
        (~np.isnan(day) & (visit == ""), "between_visits", "lie on a day that belongs to no visit"),
    ):
        if n := int(gone.sum()):
            where = tuple(table.row_address(int(i)) for i in np.flatnonzero(gone))
            issues.append(
                Issue(rule, f"{n} row(s) {why}; they were left out.", n, "warning", addresses=where)
            )
    stay = visit != ""
    if not stay.any():
        raise StudyError(
            "[visits] days: no row lies on a day of any visit. Days count from the first infusion"
            " or date."
        )
    return table.keep(stay), frame[stay].assign(visit=visit[stay]).reset_index(drop=True)


def refuse_dates_alone(scores: pd.DataFrame) -> None:
    """Raise StudyError where only dates tell a patient's rows apart, and nothing says which visit
    each is.
    """
    keys = [k for k in KEYS if k in scores]
    if "visit" not in scores and "day" in scores and scores.duplicated(keys).any():
        raise StudyError(
            "Patients have several rows that only their dates tell apart. Say which days each visit"
            " spans, counted from the first infusion or date: [visits] days = { baseline = [-7, 0],"
            " week_4 = [14, 42] }."
        )
