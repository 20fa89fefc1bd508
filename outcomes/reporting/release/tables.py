"""Hidden counts: what all tables of counts, of this report and of earlier ones, tell together about
a hidden one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linprog

#: How many values a hidden count must leave open.
WIDTH = 4
#: What stands for a hidden count.
HIDDEN = -1


def narrowed(tables: Sequence[Mapping[str, Any]], base: int, hidden: int) -> set[str]:
    """The hidden levels of the last table that linear programming narrows to fewer than `WIDTH`
    values.

    A table has a `total` and `levels` (rounded counts, −1 where hidden). The reader is supposed to
    know that the levels add up to the total, that a shown count is the midpoint of the `base`
    values it stands for, and that patients only join.

    >>> (
    ...     narrowed([{"total": 40, "levels": {"a": 30, "b": -1}}], base=5, hidden=7),
    ...     narrowed([], 5, 7),
    ... )
    (set(), set())
    """
    if not tables or HIDDEN not in tables[-1]["levels"].values():
        return set()
    names = sorted({level for t in tables for level in t["levels"]})
    k, spread = len(names), base // 2
    bounds, rows, ends = list[tuple[float, float]](), list[np.ndarray](), list[float]()
    for m, t in enumerate(tables):
        most = t["total"] + spread
        for level in names:
            shown = t["levels"].get(level, HIDDEN)
            bounds.append(
                (0, most) if shown == HIDDEN else (max(0, shown - spread), shown + spread)
            )
        row = np.zeros(k * len(tables))
        row[m * k : (m + 1) * k] = 1
        rows += [row, -row]
        ends += [most, spread - t["total"]]
        for g in range(k) if m else ():
            grows = np.zeros(k * len(tables))
            grows[(m - 1) * k + g], grows[m * k + g] = 1, -1
            rows.append(grows)
            ends.append(0)
    found = set()
    for g, level in enumerate(names):
        if tables[-1]["levels"].get(level) == HIDDEN:
            aim = np.zeros(k * len(tables))
            aim[(len(tables) - 1) * k + g] = 1
            low, high = _range(aim, np.array(rows), np.array(ends), bounds)
            if (
                high < low and len(tables) > 1
            ):  # somebody left: earlier months do not bound this one
                return narrowed(tables[-1:], base, hidden)
            if np.floor(high + 1e-6) - np.ceil(low - 1e-6) < WIDTH - 1 and low <= hidden:
                found.add(level)
    return found


def _range(
    aim: np.ndarray, rows: np.ndarray, ends: np.ndarray, bounds: list[tuple[float, float]]
) -> tuple[float, float]:
    """The least and the most of one count; turned round where nothing agrees with all of it."""
    made = [linprog(s * aim, A_ub=rows, b_ub=ends, bounds=bounds) for s in (1, -1)]
    if any(m.status for m in made):
        return 1.0, 0.0
    return float(made[0].fun), -float(made[1].fun)
