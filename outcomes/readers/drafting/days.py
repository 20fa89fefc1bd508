"""Dates or days in place of visits: which column they are in, and which days each visit spans."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from outcomes.core.errors import OutcomesError
from outcomes.readers.cells import TextTable, key
from outcomes.readers.dates import date_reader
from outcomes.readers.parse import looks_numeric

#: What a column of days since the start of treatment is called.
_DAY = re.compile(
    r"(study_?)?(day|days|tag|studientag|jour|dia|giorno|dag)(_?(no|nr|number))?"
    r"|days_(since|from)_\w+|ady|qsdy|vsdy"
)
#: A column of dates with such a name is likelier the day of an assessment than another.
_ASSESSED = re.compile(r"visit|assess|survey|complet|score|visite|besuch|visita|bezoek")
#: More visits than this are no visits but a diary.
_MOST = 12


def day_column(
    table: TextTable, columns: Iterable[str], patient: str, dated: Iterable[str]
) -> dict[str, str]:
    """The role and the column that tells a patient's rows apart in time, where no visit does:
    ``{"date": "when"}``, ``{"day": "study_day"}`` or nothing. `dated` are columns of dates.
    """
    ids = table[patient]
    if not ids.duplicated().any():
        return {}

    def tells(column: str) -> bool:
        text = table[column].str.strip()
        twice = pd.DataFrame({"id": ids, "on": text})[text != ""].duplicated()
        return bool((text != "").mean() > 0.8 and twice.mean() < 0.2)

    days = [c for c in columns if _DAY.fullmatch(key(c)) and looks_numeric(table[c]) and tells(c)]
    dates = [c for c in dated if tells(c)]
    named = [c for c in dates if _ASSESSED.search(key(c))]
    if days:
        return {"day": days[0]}
    return {"date": (named or dates)[0]} if dates else {}


def windows_of(table: TextTable, patient: str, role: Mapping[str, str]) -> dict[str, list[int]]:
    """The first and last day of each visit, from the days that the file's rows lie on; empty where
    the days of one visit run into those of the next, or cannot be read.

    >>> rows = {"id": list("aabb"), "on": ["2025-03-01", "2025-03-29", "2025-03-02", "2025-03-31"]}
    >>> table = TextTable("a.csv", pd.DataFrame(rows), np.arange(2, 6))
    >>> windows_of(table, "id", {"date": "on"})
    {'baseline': [0, 0], 'week_4': [14, 43]}
    """
    day = _days(table, patient, role)
    if day is None or day.empty:
        return {}
    spans = _by_rank(day) or _by_gaps(day)
    if not 2 <= len(spans) <= _MOST:
        return {}
    named: dict[str, list[int]] = {}
    for low, high in spans:
        named.setdefault(_name((low + high) / 2, first=not named), [low, high])
    if len(named) < len(spans):
        return {}
    return _wider(named)


def _days(table: TextTable, patient: str, role: Mapping[str, str]) -> pd.DataFrame | None:
    """Patient and day of each row that has one, counted as reading will count."""
    [(kind, column)] = role.items()
    text = table[column].str.strip()
    if kind == "day":
        day = pd.to_numeric(text.where(text != ""), errors="coerce")
    else:
        try:
            read = date_reader([t for t in pd.unique(text) if t])
        except OutcomesError:
            return None
        on = pd.to_datetime(pd.Series([read(t) if t else None for t in text]))
        day = (on - on.groupby(table[patient].to_numpy()).transform("min")).dt.days
    frame = pd.DataFrame({"patient": table[patient].to_numpy(), "day": day.to_numpy(float)})
    return frame.dropna().sort_values(["patient", "day"])


def _by_rank(frame: pd.DataFrame) -> list[tuple[int, int]]:
    """The days of everybody's first row, second row … where these do not overlap."""
    rank = frame.groupby("patient").cumcount()
    spans = frame.groupby(rank)["day"].agg(["min", "max"]).to_numpy()
    apart = all(a[1] < b[0] for a, b in pairwise(spans))
    return [(math.floor(a), math.ceil(b)) for a, b in spans] if apart else []


def _by_gaps(frame: pd.DataFrame) -> list[tuple[int, int]]:
    """Days between wide gaps, where no patient has two rows between the same gaps."""
    days = np.unique(frame["day"].to_numpy())
    cut = np.flatnonzero(np.diff(days) > np.maximum(3, 0.2 * np.abs(days[1:]))) + 1
    parts = np.split(days, cut)
    part = np.searchsorted([p[0] for p in parts], frame["day"].to_numpy(), side="right")
    if frame.assign(part=part).duplicated(["patient", "part"]).any():
        return []
    return [(math.floor(p[0]), math.ceil(p[-1])) for p in parts]


def _name(day: float, first: bool) -> str:
    if first and day <= 3:
        return "baseline"
    weeks = round(day / 7)
    if weeks < 1 or abs(day - 7 * weeks) > 1 + 0.1 * day:
        return f"day_{round(day)}"
    return f"week_{weeks}"


def _wider(spans: dict[str, list[int]]) -> dict[str, list[int]]:
    """The spans widened by half their day, at most to the middle of the gap to the next; the first
    ends where its rows do.
    """
    names = list(spans)
    made = {name: list(span) for name, span in spans.items()}
    for before, after in pairwise(names):
        (_, end), (low, high) = spans[before], spans[after]
        middle = (low + high) / 2
        start = max(end + 1, math.ceil((end + low) / 2), math.floor(middle / 2))
        made[after][0] = min(low, start)
        made[after][1] = math.ceil(1.5 * middle)
    for before, after in pairwise(names[1:]):
        made[before][1] = max(spans[before][1], min(made[before][1], made[after][0] - 1))
        made[after][0] = max(made[after][0], made[before][1] + 1)
    return made
