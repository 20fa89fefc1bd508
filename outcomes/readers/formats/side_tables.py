"""Another table beside the first one, behind an empty column: left out and listed, or a stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError
from outcomes.core.wording import plural
from outcomes.readers.cells import is_number, letter, tidy
from outcomes.study.record import Issue

RULE = "beside_the_table"


def first_table(
    name: str,
    grid: pd.DataFrame,
    headings: Sequence[str],
    at: int,
    rows: np.ndarray,
    *,
    letters: bool,
) -> tuple[int, list[Issue]]:
    """How many columns the first table has, and a note on what stands behind it. `at` is the
    number of the heading row, `rows` are those of the rows below.

    Columns behind an empty one belong to the table where they are filled as it is; they are another
    table where their headings are the same again, or where they begin with a column of words that
    differ and are filled in other rows than the table is.

    Raises DataError where the headings repeat: the tables may be parts of one.
    """
    head = [tidy(h) for h in headings]
    filled = (grid != "").to_numpy() if len(grid) else np.zeros(grid.shape, dtype=bool)
    empty = [j for j, h in enumerate(head) if not h and not filled[:, j].any()]
    gaps = [j for j in empty if any(head[:j]) and any(head[j + 1 :])]
    for gap in gaps:
        end = next((j for j in gaps if j > gap and any(head[gap + 1 : j])), len(head))
        left = [j for j in range(gap) if head[j]]
        right = [j for j in range(gap + 1, end) if head[j] or filled[:, j].any()]
        if len(right) < 2 or len(left) < 2:
            continue
        where = _columns(right, letters)
        if [head[j] for j in right] == [head[j] for j in left]:
            raise DataError(
                f"{name}: {where} repeat the headings of the columns before the empty one: two"
                " tables side by side. Put the second below the first, with a column that says"
                " which is which (visit, site), or on a sheet of its own."
            )
        if _is_another(grid, filled, left, right):
            rest = [j for j in range(gap + 1, len(head)) if head[j] or filled[:, j].any()]
            there = [(at, j) for j in rest if head[j]]
            there += [(int(rows[i]), int(j)) for i, j in np.argwhere(filled) if j in rest]
            cells = tuple(
                f"{letter(j)}{row}" if letters else f"row {row}, cell {j + 1}" for row, j in there
            )
            text = (
                f"{_columns(rest, letters)} left out: they stand behind an empty column and are"
                f" filled in other rows than the table ({plural(len(cells), 'cell')}): another"
                " table beside it. If they are of the same patients, delete the empty column."
            )
            return gap, [Issue(RULE, text, len(cells), "warning", addresses=cells)]
    return len(head), []


def _is_another(
    grid: pd.DataFrame, filled: np.ndarray, left: Sequence[int], right: Sequence[int]
) -> bool:
    ours, theirs = filled[:, left].any(axis=1), filled[:, right].any(axis=1)
    if not theirs.any() or (ours == theirs).all():
        return False
    words = [c for c in grid.iloc[:, right[0]] if c.strip()]
    return (
        len(words) >= 2
        and len(set(words)) == len(words)
        and not any(map(is_number, words))
        and bool((filled[:, right[0]] == theirs).all())
    )


def _columns(places: Sequence[int], letters: bool) -> str:
    first, last = places[0], places[-1]
    if letters:
        return f"Columns {letter(first)} to {letter(last)}"
    return f"Columns {first + 1} to {last + 1}"
