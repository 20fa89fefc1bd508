"""Whether a table has a visit before treatment, or its baseline in columns of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from outcomes.questionnaires import recognise
from outcomes.readers.cells import TextTable, key
from outcomes.readers.parse import looks_numeric
from outcomes.readers.shape.visit_names import visit_time

#: What a column is called that holds the score before treatment.
_BEFORE = re.compile(r"(^|_)(base|baseline|bl|bsl|pre|initial|t0|ausgangswert|basal|basale)(_|$)")
#: The latest day of a visit that may be before treatment.
_FIRST_DAYS = 3


def late(order: Sequence[str], sure: bool) -> bool:
    """Whether the first of some visits is not one before treatment, by its name.

    >>> late(["week_4", "week_12"], True), late(["V1", "V2"], True), late(["A", "B"], False)
    (True, False, False)
    """
    times = [visit_time(v) for v in order]
    counted = sure and re.fullmatch(r"[a-z]*_?1", key(order[0])) if order else None
    first = times[0] if times else None
    return bool(
        first is not None and first > _FIRST_DAYS and not counted and not any(t == 0 for t in times)
    )


def baseline_columns(
    table: TextTable, roles: Mapping[str, str], names: Sequence[str]
) -> dict[str, str]:
    """The score and the column that seems to hold its baseline: named so, numbers, one value a
    patient, and one score that it can belong to.
    """
    if not roles.get("patient") or not roles.get("visit"):
        return {}
    ids = table[roles["patient"]].to_numpy()
    before = [
        c
        for c in names
        if _BEFORE.search(key(c))
        and looks_numeric(table[c])
        and (table[c].groupby(ids).nunique() <= 1).all()
    ]
    hits = recognise([n for n in names if n not in before])
    scores = [c for hit in hits for c in (*hit.items.values(), *hit.totals.values())]
    found: dict[str, str] = {}
    for column in before:
        stem = _BEFORE.sub("_", key(column)).strip("_")
        same = [s for s in scores if stem and (key(s).startswith(stem) or stem in key(s))]
        pick = same or (scores if len(scores) == 1 else [])
        if pick and pick[0] not in found:
            found[pick[0]] = column
    return found
