"""The tables of a report as CSV files and one workbook; no cell of them is ever a formula or a
link.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import MissingExtraError
from outcomes.tables.results_table import Table

#: What a spreadsheet program may take for the start of a formula (OWASP), with the full-width
#: forms.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: numbers stay numbers, text that could start a formula gets
    an apostrophe.

    >>> safe_cell("=HYPERLINK(0)"), safe_cell("-2 pts (better)"), safe_cell(-3.2), safe_cell("-3.2")
    ("'=HYPERLINK(0)", "'-2 pts (better)", -3.2, '-3.2')
    """
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", value):
        return value
    return (
        f"'{value}"
        if value.lstrip(" ").startswith(DANGEROUS) or value.startswith(DANGEROUS)
        else value
    )


def table_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table as CSV in UTF-8 with a mark that Excel needs to read it so."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe_cell(h) for h in header])
    for row in rows:
        writer.writerow(["" if _absent(v) else safe_cell(v) for v in row])
    return out.getvalue().encode("utf-8-sig")


def workbook(tables: Sequence[Table], frame: pd.DataFrame | None = None) -> bytes:
    """One sheet a table, first a sheet that lists them; `frame` (every number, in full precision)
    as a sheet of its own.

    Raises MissingExtraError without xlsxwriter.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise MissingExtraError("XLSX needs the xlsx extra: pip install 'outcomes[xlsx]'") from None
    out = io.BytesIO()
    plain = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "in_memory": True,
    }
    book = xlsxwriter.Workbook(out, plain)
    book.set_properties({"created": datetime(2000, 1, 1), "author": "", "comments": ""})
    strong = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    right = book.add_format({"align": "right", "valign": "top"})
    contents = book.add_worksheet("Contents")
    contents.set_column(0, 0, 12)
    contents.set_column(1, 1, 90)
    contents.write_row(0, 0, ("sheet", "table"), strong)
    names = [f"Table {i}" for i in range(1, len(tables) + 1)]
    for i, (name, t) in enumerate(zip(names, tables, strict=True), 1):
        contents.write_string(i, 0, name)
        contents.write_string(i, 1, t.title, wrapped)
        sheet = book.add_worksheet(name)
        sheet.write_string(0, 0, t.title, book.add_format({"bold": True}))
        sheet.write_row(1, 0, [h or "item" for h in t.header], strong)
        sheet.freeze_panes(2, 0)
        for y, row in enumerate(t.rows, 2):
            for x, text in enumerate(row):
                sheet.write_string(y, x, text, right if x in t.numeric else wrapped)
        for x, head in enumerate(t.header):
            sheet.set_column(x, x, min(max([len(head), *(len(r[x]) for r in t.rows)]) + 2, 60))
        for y, note in enumerate(t.notes, len(t.rows) + 3):
            sheet.write_string(y, 0, note)
    if frame is not None:
        _numbers(book.add_worksheet("All numbers"), frame, strong)
    book.close()
    return out.getvalue()


def _numbers(sheet: Any, frame: pd.DataFrame, strong: Any) -> None:
    sheet.write_row(0, 0, [str(c) for c in frame], strong)
    sheet.freeze_panes(1, 1)
    for y, row in enumerate(frame.itertuples(index=False), 1):
        for x, value in enumerate(row):
            if isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value):
                sheet.write_number(y, x, value)
            elif not _absent(value):
                sheet.write_string(y, x, str(value))


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def files(tables: Sequence[Table], frame: pd.DataFrame | None) -> dict[str, bytes]:
    """Every table as a CSV file by name, `results.csv` with every number in full precision, and
    `tables.xlsx`.
    """
    made = {
        f"table_{i:02d}.csv": table_csv([h or "item" for h in t.header], t.rows)
        for i, t in enumerate(tables, 1)
    }
    if frame is not None:
        made["results.csv"] = table_csv(list(frame), frame.itertuples(index=False))
    made["tables.xlsx"] = workbook(tables, frame)
    return made
