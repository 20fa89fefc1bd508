"""The tables of a report as CSV files and one workbook; no cell of them is ever a formula or a
link.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.language import say
from outcomes.tables.excel import Book
from outcomes.tables.grid import absent
from outcomes.tables.results_table import Table
from outcomes.tables.save import csv_bytes, to_csv

#: A table with what it belongs to ("table" or "figure") and its number in the report.
Numbered = tuple[str, int, Table]


def workbook(tables: Sequence[Numbered], frame: pd.DataFrame | None = None) -> bytes:
    """One sheet a table, named by its number in the report, first a sheet that lists them; `frame`
    (every number, in full precision) as a sheet of its own.

    Raises MissingExtraError without xlsxwriter.
    """
    book = Book()
    contents = book.page(say("Contents"))
    contents.freeze_panes(1, 0)
    contents.set_column(0, 0, 12)
    contents.set_column(1, 1, 90)
    contents.write_row(0, 0, (say("sheet"), say("table")), book.strong)
    for i, (kind, n, t) in enumerate(tables, 1):
        name = say("Table {n}", n=n) if kind == "table" else say("Figure {n}", n=n)
        contents.write_string(i, 0, name)
        contents.write_string(i, 1, t.title, book.wrapped)
        book.sheet(name, t)
    if frame is not None:
        _numbers(book.page(say("All numbers")), frame, book.strong)
    return book.content()


def _numbers(sheet: Any, frame: pd.DataFrame, strong: Any) -> None:
    sheet.write_row(0, 0, [str(c) for c in frame], strong)
    sheet.freeze_panes(1, 1)
    for x, c in enumerate(frame):
        longest = frame[c].map(lambda v: "" if absent(v) else str(v)).map(len).max()
        is_number = pd.api.types.is_numeric_dtype(frame[c])
        sheet.set_column(x, x, 12 if is_number else min(max(longest, len(str(c))) + 2, 40))
    for y, row in enumerate(frame.itertuples(index=False), 1):
        for x, value in enumerate(row):
            if isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value):
                sheet.write_number(y, x, value)
            elif not absent(value):
                sheet.write_string(y, x, str(value))


def files(tables: Sequence[Numbered], frame: pd.DataFrame | None) -> dict[str, bytes]:
    """Every table as a CSV file named by its number in the report, `results.csv` with every number
    in full precision, and `tables.xlsx`.
    """
    made = {f"{kind}_{n:02d}.csv": to_csv(t) for kind, n, t in tables}
    if frame is not None:
        made["results.csv"] = csv_bytes(list(frame), frame.itertuples(index=False))
    made["tables.xlsx"] = workbook(tables, frame)
    return made
