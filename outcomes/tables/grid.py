"""A printed table as cells for programs: numbers as numbers, an interval as two of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outcomes.core.language import say
from outcomes.core.wording import NONE, read_interval, read_number, round_half_away

if TYPE_CHECKING:
    from outcomes.tables.results_table import Table

#: What a spreadsheet program may take for the start of a formula (OWASP), with the full-width
#: forms.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text as printed, and the number that the text is, with its digits (nan: none)."""

    text: str
    number: float = math.nan
    digits: int = 0
    percent: bool = False

    @property
    def plain(self) -> str:
        """For a CSV file: a number with a hyphen and a point, so that any program reads it."""
        if math.isnan(self.number):
            return self.text
        value = 100 * self.number if self.percent else self.number
        shown = f"{round_half_away(value, self.digits):.{self.digits}f}"
        return f"{shown}%" if self.percent else shown


@dataclass(frozen=True, slots=True)
class Grid:
    """A table for programs: its header, and rows of cells; `numeric` are columns of numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: tuple[int, ...]


def grid(table: Table, *, split: bool = True) -> Grid:
    """The cells of a table. With `split`, a column of intervals becomes two columns of numbers.

    The numbers are those that are printed, with their digits: nothing that rounding has hidden is
    in the file.

    >>> from outcomes.tables.results_table import Table
    >>> t = Table("", ("", "value", "interval"), (("change", "−2.3", "−6.1 to 1.5"),), (), (1, 2))
    >>> [c.number for c in grid(t).rows[0][1:]], grid(t).header[2:]
    ([-2.3, -6.1, 1.5], ('interval: low', 'interval: high'))
    """
    header: list[str] = []
    numeric: list[int] = []
    columns: list[list[Cell]] = []
    for i, head in enumerate(table.header):
        texts = [row[i] for row in table.rows]
        parts = _halves(texts) if split and i in table.numeric else None
        low, high = say("{head}: low", head=head), say("{head}: high", head=head)
        heads = (low, high) if parts else (head or say("item"),)
        for name, column in zip(heads, parts or (texts,), strict=True):
            if i in table.numeric:
                numeric.append(len(header))
            header.append(name)
            columns.append([cell(t) if i in table.numeric else Cell(t) for t in column])
    rows = tuple(zip(*columns, strict=True)) if table.rows else ()
    return Grid(tuple(header), rows, tuple(numeric))


def cell(text: str) -> Cell:
    """A printed text as a cell: a number where the whole text is one.

    >>> cell("−2.33").number, cell("38%").number, cell("<.001").number
    (-2.33, 0.38, nan)
    """
    found = read_number(text)
    return Cell(text) if found is None else Cell(text, *found)


def _halves(texts: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """A column of intervals as two columns of texts; None where it has anything else."""
    found = [read_interval(t) for t in texts]
    if not any(found) or not all(f or t in ("", NONE) for f, t in zip(found, texts, strict=True)):
        return None
    pairs = [f or (t, t) for f, t in zip(found, texts, strict=True)]
    return [low for low, _ in pairs], [high for _, high in pairs]


#: Where a computer whose lists are separated by semicolons starts a new cell within ours.
_AFTER_SEMICOLON = re.compile(
    r";(?![\s\"']*[+-]?[0-9]+(?:[.,][0-9]+)?\s*(?:;|$))"
    rf"(?=[\s\"']*[{re.escape(''.join(DANGEROUS))}])"
)


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: numbers stay numbers, text that could start a formula gets
    an apostrophe, also behind a semicolon, which separates cells on many computers.

    >>> safe_cell("=HYPERLINK(0)"), safe_cell("-2 pts (better)"), safe_cell(-3.2), safe_cell("-3.2")
    ("'=HYPERLINK(0)", "'-2 pts (better)", -3.2, '-3.2')
    >>> safe_cell("pain;=1+1"), safe_cell("-1; -3")
    ("pain;'=1+1", "'-1; -3")
    """
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?%?", value):
        return value
    value = _AFTER_SEMICOLON.sub(";'", value)
    return (
        f"'{value}"
        if value.lstrip(" ").startswith(DANGEROUS) or value.startswith(DANGEROUS)
        else value
    )


def safe_rows(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows of cells that no spreadsheet runs; an undefined number is empty."""
    return [["" if absent(v) else safe_cell(v) for v in row] for row in rows]


def absent(value: Any) -> bool:
    """Whether there is nothing to write: None or nan."""
    return value is None or (isinstance(value, float) and math.isnan(value))
