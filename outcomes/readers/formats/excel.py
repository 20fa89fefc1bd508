"""Excel workbooks: one sheet as text, with the cell addresses people see, behind the preflight."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from outcomes.config.regular import read_bytes
from outcomes.core.errors import DataError, unknown
from outcomes.readers.cells import TextTable, fingerprint, from_grid, is_number, letter
from outcomes.readers.exports.surveys import submitted
from outcomes.readers.formats.heading_rows import Range, find_headings
from outcomes.readers.formats.old_excel import old_sheets
from outcomes.readers.formats.opendocument import OpenSheet, is_opendocument, open_sheets
from outcomes.readers.formats.preflight import is_old_excel, preflight, refuse_extent
from outcomes.readers.formats.sheet_marks import Marks, has_comments, sheet_marks
from outcomes.readers.formats.shown import as_shown, marked
from outcomes.readers.formats.side_tables import first_table
from outcomes.readers.patient_rows import only_patients
from outcomes.study.study import Issue

#: The rule that names the sheets beside the one that was asked for.
OTHER_SHEETS = "other_sheets"


def read_excel(
    path: str | Path,
    *,
    sheet: str = "",
    header: int | None = None,
    last: int | None = None,
    unfinished: bool = False,
) -> TextTable:
    """One sheet of an .xlsx workbook as text, after the preflight.

    `sheet` may be left out where one visible sheet has cells; `header` is the number of the heading
    row where it is not found by itself (title rows above it are left out and listed; two heading
    rows are joined: "Pre" over "NRS" is "Pre NRS"); `last` is the number of the table's last row
    where more stands below. Numbers are written as Excel shows them in full (7, not 7.0), dates as
    ISO.

    Raises DataError for workbooks the preflight refuses, an unknown sheet, repeated headings, no
    rows.
    """
    from python_calamine import load_workbook

    path = Path(path)
    data = read_bytes(path)
    preflight(data, path.name)
    opened = _open_sheets(data, path.name)
    with _readable(path.name):
        book = load_workbook(io.BytesIO(data))
        notes: list[Issue] = []
        chosen = _choose(book, sheet, path.name, notes)
        page = book.get_sheet_by_name(chosen)
        cells = page.to_python(skip_empty_area=False)
        merged = list(page.merged_cell_ranges or ())
    grid = [[as_text(c) for c in row] for row in cells]
    marks = opened[chosen].marks if opened else _marks(data, chosen, path.name)
    merged += opened[chosen].merged if opened else []
    notes += as_shown(grid, cells, marks)
    if not any(any(row) for row in grid):
        raise DataError(f"{path.name}, sheet '{chosen}', is empty.")
    head = find_headings(grid, merged, header)
    at = head.at
    found, headings, top = head.survey, head.names, head.below
    notes += _titles(grid, head.titles)
    notes += _filled_down(grid, merged, at)
    notes += marked(marks, at)
    if opened[chosen].comments if opened else has_comments(data):
        notes.append(Issue("comments", "The workbook has cell comments; they were not read."))
    rows = np.arange(top + 1, len(grid) + 1)
    body = pd.DataFrame(grid[top:], columns=range(len(headings)), dtype=str)
    width, beside = first_table(path.name, body, grid[at], at + 1, rows, letters=True)
    notes += beside
    headings, body = headings[:width], body.iloc[:, :width]
    letters = [letter(j) for j in range(width)]
    table = from_grid(
        path.name, body, rows, headings=headings, letters=letters, sheet=chosen, notes=notes
    )
    table = only_patients(table, last) if not found else table
    return dataclasses.replace(submitted(table, found, unfinished), **fingerprint(data))


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Errors of the library that reads cells, which may also panic, as a DataError of the file."""
    from python_calamine import CalamineError

    try:
        yield
    except BaseException as wrong:
        panic = type(wrong).__name__ == "PanicException"
        if not (panic or isinstance(wrong, (CalamineError, OSError))):
            raise
        raise DataError(
            f"{name} cannot be read. Open it in a spreadsheet program and save it again as .xlsx"
            " or CSV."
        ) from None


def _open_sheets(data: bytes, name: str) -> dict[str, OpenSheet]:
    """The sheets of an OpenDocument file or an .xls workbook, which reach no further than a table
    does; none of other workbooks, whose marks are read sheet by sheet.
    """
    if is_old_excel(data):
        sheets = old_sheets(data, name)
    else:
        sheets = open_sheets(data, name) if is_opendocument(data) else []
    for sheet in sheets:
        refuse_extent(sheet.rows, sheet.columns, name)
    return {sheet.name: sheet for sheet in sheets}


def filled_sheets(path: Path) -> list[str]:
    """The visible sheets of a workbook that have cells, after the preflight."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum, load_workbook

    data = read_bytes(path)
    preflight(data, path.name)
    _open_sheets(data, path.name)
    try:
        with _readable(path.name):
            book = load_workbook(io.BytesIO(data))
            return [
                s.name
                for s in book.sheets_metadata
                if s.typ == SheetTypeEnum.WorkSheet
                and s.visible == SheetVisibleEnum.Visible
                and book.get_sheet_by_name(s.name).height
            ]
    except DataError:
        return []


def _marks(data: bytes, sheet: str, name: str) -> Marks:
    """The marks of the sheet. Raises DataError where a part that describes the cells is damaged."""
    try:
        return sheet_marks(data, sheet)
    except (ElementTree.ParseError, KeyError, ValueError):
        raise DataError(
            f"{name} is damaged: a part that describes its cells cannot be read. Open it in a"
            " spreadsheet program and save it again as .xlsx or CSV."
        ) from None


def as_text(value: Any) -> str:
    """A cell's value as text: no trailing .0, no floating-point noise, dates in ISO form.

    >>> [as_text(v) for v in (7.0, 8.0000000001, 0.1 + 0.2, True, datetime.date(2024, 3, 4))]
    ['7', '8.0000000001', '0.3', 'TRUE', '2024-03-04']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return (
            value.date().isoformat()
            if value.time() == datetime.time()
            else value.isoformat(sep=" ")
        )
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)


def _choose(book: Any, sheet: str, name: str, notes: list[Issue]) -> str:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    pages = [s for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    visible = [s.name for s in pages if s.visible == SheetVisibleEnum.Visible]
    hidden = [s.name for s in pages if s.visible != SheetVisibleEnum.Visible]
    if hidden:
        text = (
            f"{len(hidden)} hidden sheet(s) were not read: {', '.join(hidden)}. Look at them before"
            " the file is shared."
        )
        notes.append(Issue("hidden_sheet", text, len(hidden)))
    if sheet:
        if sheet not in visible + hidden:
            raise DataError(f"{name}: {unknown('sheet', sheet, visible + hidden)}")
        others = [s for s in visible if s != sheet]
        if others:
            text = f"Other sheets of the workbook are no part of this table: {', '.join(others)}."
            notes.append(Issue(OTHER_SHEETS, text, len(others), "note"))
        return sheet
    full = [s for s in visible if book.get_sheet_by_name(s).height] if len(visible) > 1 else visible
    if len(full) != 1:
        raise DataError(
            f"{name} has {len(full)} visible sheets with cells: {', '.join(full)}. Say which to"
            f" read, beside the file's name: sheet = {json.dumps((full or ['Scores'])[0])} (for"
            " `outcomes init`: --sheet), or read them as one table:"
            f' sheets = [{", ".join(map(json.dumps, full))}], by = "visit" (or "site").'
        )
    if len(visible) > 1:
        notes.append(
            Issue("sheet", f"Sheet '{full[0]}' was read; the others are empty.", severity="note")
        )
    return full[0]


def _titles(grid: Sequence[Sequence[str]], until: int) -> list[Issue]:
    where = tuple(
        f"{letter(j)}{i + 1}" for i in range(max(until, 0)) for j, c in enumerate(grid[i]) if c
    )
    if not where:
        return []
    return [
        Issue(
            "title_row",
            "Cells above the heading row are titles; they were left out.",
            len(where),
            "note",
            addresses=where,
        )
    ]


def _filled_down(grid: list[list[str]], merged: Sequence[Range], at: int) -> list[Issue]:
    """Give every cell of a merged block under the headings the text that it shows."""
    where = []
    for (top, left), (bottom, right) in merged:
        if top <= at or left >= len(grid[at]):
            continue
        across = right - left + 1
        if across > 1 and across * 2 >= len(grid[at]) and not is_number(grid[top][left]):
            continue  # a line of text over the table, not a value of each column
        for i in range(top, min(bottom + 1, len(grid))):
            for j in range(left, min(right + 1, len(grid[at]))):
                if (i, j) != (top, left):
                    grid[i][j] = grid[top][left]
                    where.append(f"{letter(j)}{i + 1}")
    if not where:
        return []
    return [
        Issue(
            "merged_cells",
            "Merged cells were read as the same text in each.",
            len(where),
            "warning",
            addresses=tuple(where),
        )
    ]
