"""A table whose first row is data: said at once, and never echoed as names of columns."""

from __future__ import annotations

import re

from outcomes.core.errors import DataError
from outcomes.readers.cells import TextTable

#: Cells looked at in each column.
_SEEN = 100
#: The share of columns whose heading is of one kind with the cells below it.
_MOST = 0.8
#: The share of headings like their cells above which the first row is taken for data.
_ALIKE = 0.6
_UNNAMED = re.compile(r"unnamed_\d+")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def refuse_without_headings(table: TextTable) -> TextTable:
    """The table, where its headings differ from the cells below them.

    Raises DataError where nearly every heading, the first among them, is of one kind with its
    column: a number above numbers, a date above dates, a code of the same letters and digits, or a
    word that stands below again.
    """
    every = [str(c) for c in table.columns]
    named = [j for j, c in enumerate(every) if not _UNNAMED.fullmatch(c)]
    if len(table) < 2 or not named:
        return table
    columns = [every[j] for j in named]
    top = table.frame.iloc[:_SEEN, named].to_numpy().T
    alike = []
    for heading, cells in zip(columns, top, strict=True):
        alike.append(_like_its_cells(heading, [v for v in cells if v]))
        if not alike[0] or len(alike) - sum(alike) > len(columns) - _ALIKE * len(columns):
            return table
    if sum(alike) >= _ALIKE * len(columns):
        raise DataError(
            f"{table.name}: the first row looks like data, not like headings: {sum(alike)} of"
            f" {len(columns)} headings are of the same kind as the cells below them."
            " Put a row of headings (patient, visit, pain …) on top of the file, or name the row"
            " that holds them: header = 3."
        )
    return table


def _like_its_cells(heading: str, cells: list[str]) -> bool:
    if not cells:
        return False
    if cells.count(heading) > max(1, len(cells) // 10):  # once may be a repeated heading row
        return True
    for kind in (_NUMBER, _DATE):
        if kind.fullmatch(heading):
            return sum(kind.fullmatch(c) is not None for c in cells) >= _MOST * len(cells)
    shape = _shape(heading)
    return "9" in shape and sum(_shape(c) == shape for c in cells) >= _MOST * len(cells)


def _shape(text: str) -> str:
    """The kind of each character: letters, digits, and signs as they are.

    >>> _shape("P-1001")
    'A-9999'
    """
    return re.sub(r"[^\W\d_]+", "A", re.sub(r"\d", "9", text))
