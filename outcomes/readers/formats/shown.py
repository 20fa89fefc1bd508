"""The cells of a sheet as a person sees them: errors, percentages and padded codes by their format,
and a note on all that the text alone does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from outcomes.core.wording import plural
from outcomes.readers.formats.sheet_marks import Marks
from outcomes.study.study import Issue

Grid = list[list[str]]


def as_shown(grid: Grid, values: Sequence[Sequence[object]], marks: Marks) -> list[Issue]:
    """Write into the grid of text what the sheet shows where its values say something else.

    `values` are the cells as stored. An error cell gets its error as text ("#N/A"), 0.7 in a
    percent format becomes "70%", 1 in the format 000 becomes "001".
    """
    notes = []
    for address, error in marks.errors.items():
        if (at := _place(address, grid)) is not None:
            grid[at[0]][at[1]] = error
    for address in marks.partly:
        if (at := _place(address, grid)) is not None:
            grid[at[0]][at[1]] += " (a part is struck out)"
    percent, padded = [], []
    for address in _sorted(marks.percent):
        at = _place(address, grid)
        if at is not None and isinstance(value := values[at[0]][at[1]], (int, float)):
            grid[at[0]][at[1]] = f"{value * 100:.15g}%"
            percent.append(address)
    for address in _sorted(marks.padded):
        at = _place(address, grid)
        if at is None or not isinstance(value := values[at[0]][at[1]], (int, float)):
            continue
        before, digits = marks.padded[address]
        if float(value).is_integer() and value >= 0:
            text = f"{before}{int(value):0{digits}d}"
            if text != grid[at[0]][at[1]]:
                padded.append(address)
            grid[at[0]][at[1]] = text
    if percent:
        text = (
            f"{plural(len(percent), 'cell')} in a percent format: read as the sheet shows them"
            " (0.7 shown as 70% is 70)."
        )
        notes.append(Issue("percent", text, len(percent), "note", addresses=tuple(percent)))
    if padded:
        text = (
            f"{plural(len(padded), 'number')} read as the sheet shows them, with the letters or"
            " zeros that their format writes before them."
        )
        notes.append(Issue("padded_number", text, len(padded), "note", addresses=tuple(padded)))
    return notes


def marked(marks: Marks, heading_row: int) -> list[Issue]:
    """Notes on formulas and on what is struck out, invisible, scaled or hidden below the heading
    row (counted from 0).
    """

    def below(addresses: Iterable[str]) -> tuple[str, ...]:
        return tuple(a for a in _sorted(addresses) if _row(a) > heading_row + 1)

    notes = []
    for rule, where, says in (
        (
            "formula",
            _sorted(marks.formulas),
            "{} a formula; what was last saved there was read, which may be old or 0.",
        ),
        (
            "struck_out",
            below(marks.struck),
            "struck out, read like the others. Clear those that do not count, or put"
            " them aside in another file.",
        ),
        (
            "invisible",
            below(marks.invisible),
            "with a format that shows nothing, read like the others.",
        ),
        (
            "scaled",
            below(marks.scaled),
            "shown in thousands by their format; the full number was read.",
        ),
    ):
        if where:
            says = says.format("holds" if len(where) == 1 else "hold")
            verb = f"{plural(len(where), 'cell')} {says}"
            notes.append(Issue(rule, verb, len(where), "warning", addresses=tuple(where)))
    rows = sorted(r for r in marks.hidden_rows if r > heading_row + 1)
    if rows:
        why = " (a filter is on)" if marks.filtered else ""
        text = f"{plural(len(rows), 'hidden row')} read like the others{why}."
        where = tuple(f"row {r}" for r in rows)
        notes.append(Issue("hidden_row", text, len(rows), addresses=where))
    if marks.hidden_columns:
        where = tuple(f"column {c}" for c in _sorted(marks.hidden_columns))
        text = f"{plural(len(where), 'hidden column')} read like the others."
        notes.append(Issue("hidden_column", text, len(where), addresses=where))
    return notes


def _place(address: str, grid: Grid) -> tuple[int, int] | None:
    found = re.fullmatch(r"([A-Z]+)([0-9]+)", address)
    if not found:
        return None
    column = 0
    for c in found[1]:
        column = column * 26 + ord(c) - 64
    row = int(found[2]) - 1
    return (row, column - 1) if row < len(grid) and column <= len(grid[row]) else None


def _row(address: str) -> int:
    return int(re.sub(r"\D", "", address))


def _sorted(addresses: Iterable[str]) -> list[str]:
    """Addresses from top to bottom, each row from left to right."""

    def order(address: str) -> tuple[int, int, str]:
        digits, letters = re.sub(r"\D", "", address), re.sub(r"\d", "", address)
        return int(digits or 0), len(letters), letters

    return sorted(addresses, key=order)
