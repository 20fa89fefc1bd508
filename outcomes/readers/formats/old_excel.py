"""Workbooks in Excel's old .xls format: a look before they are opened, and what their formats
say.
"""

from __future__ import annotations

import os
from typing import Any

from outcomes.core.errors import DataError, MissingExtraError
from outcomes.readers.cells import letter
from outcomes.readers.formats.opendocument import OpenSheet
from outcomes.readers.formats.preflight import refuse_extent, refuse_text
from outcomes.readers.formats.sheet_marks import Marks, Styles, styles_of


def old_sheets(data: bytes, name: str) -> list[OpenSheet]:
    """What an .xls workbook says of each of its sheets.

    Raises DataError for a password, macros, damage, and sheets that reach too far;
    MissingExtraError without xlrd.
    """
    if "_VBA_PROJECT".encode("utf-16-le") in data:
        raise DataError(f"{name} contains macros. Save it as .xlsx (without macros) or CSV.")
    try:
        import xlrd
    except ImportError:
        raise MissingExtraError(
            f"{name} is in the old .xls format, which needs the xls extra: pip install"
            " 'outcomes[xls]'. Or save it as .xlsx or CSV."
        ) from None
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            book = xlrd.open_workbook(
                file_contents=data, formatting_info=True, ragged_rows=True, logfile=nowhere
            )
            return [_sheet(book, page, name) for page in book.sheets()]
    except DataError:
        raise
    except Exception as wrong:  # damaged records end in errors of many kinds
        locked = "encrypt" in str(wrong).casefold()
        what = (
            "has a password. Save it without one, or as CSV."
            if locked
            else "cannot be read. Open it in a spreadsheet program and save it as .xlsx or CSV."
        )
        raise DataError(f"{name} {what}") from None


def _sheet(book: Any, page: Any, name: str) -> OpenSheet:
    import xlrd

    refuse_extent(page.nrows, page.ncols, name)
    styles = _styles(book)
    errors: dict[str, str] = {}
    padded: dict[str, tuple[str, int]] = {}
    kinds: dict[str, set[str]] = {k: set() for k in ("percent", "scaled", "invisible", "struck")}
    told = 0
    for i in range(page.nrows):
        for j in range(page.row_len(i)):
            cell = page.cell(i, j)
            if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
                continue
            address, style = f"{letter(j)}{i + 1}", cell.xf_index
            told += len(cell.value) if isinstance(cell.value, str) else 0
            if cell.ctype == xlrd.XL_CELL_ERROR:
                errors[address] = xlrd.error_text_from_code.get(cell.value, "#N/A")
            if style in styles.padded:
                padded[address] = styles.padded[style]
            for kind, there in kinds.items():
                if style in getattr(styles, kind):
                    there.add(address)
    refuse_text(told, name)
    hidden = (i + 1 for i, row in page.rowinfo_map.items() if row.hidden)
    wide = {j: column for j, column in page.colinfo_map.items() if j < page.ncols}
    columns = (letter(j) for j, column in wide.items() if column.hidden)
    marks = Marks(
        hidden_rows=frozenset(hidden),
        hidden_columns=frozenset(columns),
        errors=errors,
        padded=padded,
        percent=frozenset(kinds["percent"]),
        scaled=frozenset(kinds["scaled"]),
        invisible=frozenset(kinds["invisible"]),
        struck=frozenset(kinds["struck"]),
    )
    comments = bool(page.cell_note_map)
    return OpenSheet(page.name, marks, rows=page.nrows, columns=page.ncols, comments=comments)


def _styles(book: Any) -> Styles:
    """What the formats of a workbook change, by their numbers."""
    formats = [book.format_map.get(xf.format_key) for xf in book.xf_list]
    codes = [f.format_str if f else "" for f in formats]
    fonts = [book.font_list[xf.font_index] for xf in book.xf_list]
    return styles_of(codes, [bool(font.struck_out) for font in fonts])
