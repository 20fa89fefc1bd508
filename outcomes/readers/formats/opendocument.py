"""OpenDocument sheets (.ods): how far their cells reach, and what their own text says of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from outcomes.core.errors import DataError
from outcomes.readers.cells import letter
from outcomes.readers.formats.preflight import refuse_extent, refuse_text
from outcomes.readers.formats.sheet_marks import Marks

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
Range = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class OpenSheet:
    """One sheet: its marks, the blocks of merged cells, how far its cells reach, whether it has
    comments.
    """

    name: str
    marks: Marks = field(default_factory=Marks)
    merged: list[Range] = field(default_factory=list)
    rows: int = 0
    columns: int = 0
    comments: bool = False


def is_opendocument(data: bytes) -> bool:
    """Whether the bytes are those of an OpenDocument spreadsheet."""
    return data.startswith(b"PK\x03\x04") and b"opendocument.spreadsheet" in data[:200]


def open_sheets(data: bytes, name: str) -> list[OpenSheet]:
    """What the document says of each of its sheets. The package has been looked at before.

    Raises DataError where its content is no XML.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        content = package.read("content.xml")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as wrong:
        raise DataError(f"{name} is damaged. Open it and save it again.") from wrong
    return [_sheet(table, name) for table in root.iter(f"{_TABLE}table")]


def _sheet(table: ElementTree.Element, name: str) -> OpenSheet:
    sheet = OpenSheet(table.get(f"{_TABLE}name", ""))
    errors: dict[str, str] = {}
    percent, formulas, hidden = set(), set(), set()
    at = told = 0
    for row in table.iter(f"{_TABLE}table-row"):
        times = _repeated(row, "rows")
        filled = False
        for j, cell, wide in _cells(row):
            if not _has_something(cell):
                continue
            filled = True
            sheet.columns = max(sheet.columns, j + wide)
            refuse_extent(at + times, sheet.columns, name)
            told += times * wide * len(_text(cell))
            refuse_text(told, name)
            sheet.comments |= cell.find(f"{_OFFICE}annotation") is not None
            down, right = (_number(cell, f"number-{what}-spanned") for what in ("rows", "columns"))
            if down > 1 or right > 1:
                sheet.merged.append(((at, j), (at + down - 1, j + right - 1)))
            kind = cell.get(f"{_OFFICE}value-type", "")
            error = cell.get(f"{_CALC}value-type") == "error"
            formula = cell.get(f"{_TABLE}formula") is not None
            if not (error or formula or kind == "percentage"):
                continue
            for address in _addresses(at, times, j, wide):
                if error:
                    errors[address] = _text(cell) or "#N/A"
                if kind == "percentage":
                    percent.add(address)
                if formula:
                    formulas.add(address)
        if filled:
            sheet.rows = at + times
            if row.get(f"{_TABLE}visibility", "visible") != "visible":
                hidden |= set(range(at + 1, at + 1 + min(times, _MOST)))
        at += times
    sheet.marks = Marks(
        frozenset(formulas),
        frozenset(hidden),
        frozenset(c for c in _hidden_columns(table) if c),
        errors=errors,
        percent=frozenset(percent),
    )
    return sheet


#: How many repeats of one cell or row are listed one by one; the extent is bounded before.
_MOST = 100_000


def _addresses(row: int, times: int, column: int, wide: int) -> Iterator[str]:
    for i in range(row, row + min(times, _MOST)):
        for j in range(column, column + min(wide, 1_024)):
            yield f"{letter(j)}{i + 1}"


def _cells(row: ElementTree.Element) -> Iterator[tuple[int, ElementTree.Element, int]]:
    """Column, element and repeats of each cell of a row."""
    j = 0
    for cell in row:
        if cell.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            wide = _repeated(cell, "columns")
            yield j, cell, wide
            j += wide


def _repeated(element: ElementTree.Element, what: str) -> int:
    return _number(element, f"number-{what}-repeated")


def _number(element: ElementTree.Element, what: str) -> int:
    text = element.get(f"{_TABLE}{what}", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _has_something(cell: ElementTree.Element) -> bool:
    return cell.get(f"{_OFFICE}value-type") is not None or cell.find(f"{_TEXT}p") is not None


def _text(cell: ElementTree.Element) -> str:
    return "".join("".join(p.itertext()) for p in cell.findall(f"{_TEXT}p")).strip()


def _hidden_columns(table: ElementTree.Element) -> Iterator[str]:
    j = 0
    for column in table.iter(f"{_TABLE}table-column"):
        wide = _repeated(column, "columns")
        if column.get(f"{_TABLE}visibility", "visible") != "visible":
            yield from (letter(k) for k in range(j, min(j + wide, 1_024)))
        j += wide
