"""The tables of a report as CSV files and one workbook; no cell of them is ever a formula or a
link.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from outcomes.tables.excel import Book
from outcomes.tables.grid import absent
from outcomes.tables.results_table import Table
from outcomes.tables.save import csv_bytes, to_csv


def workbook(tables: Sequence[Table], frame: pd.DataFrame | None = None) -> bytes:
    """One sheet a table, first a sheet that lists them; `frame` (every number, in full precision)
    as a sheet of its own.

    Raises MissingExtraError without xlsxwriter.
    """
    book = Book()
    contents = book.book.add_worksheet("Contents")
    contents.set_column(0, 0, 12)
    contents.set_column(1, 1, 90)
    contents.write_row(0, 0, ("sheet", "table"), book.strong)
    for i, t in enumerate(tables, 1):
        contents.write_string(i, 0, f"Table {i}")
        contents.write_string(i, 1, t.title, book.wrapped)
        book.sheet(f"Table {i}", t)
    if frame is not None:
        _numbers(book.book.add_worksheet("All numbers"), frame, book.strong)
    return book.content()


def _numbers(sheet: Any, frame: pd.DataFrame, strong: Any) -> None:
    sheet.write_row(0, 0, [str(c) for c in frame], strong)
    sheet.freeze_panes(1, 1)
    for y, row in enumerate(frame.itertuples(index=False), 1):
        for x, value in enumerate(row):
            if isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value):
                sheet.write_number(y, x, value)
            elif not absent(value):
                sheet.write_string(y, x, str(value))


def files(tables: Sequence[Table], frame: pd.DataFrame | None) -> dict[str, bytes]:
    """Every table as a CSV file by name, `results.csv` with every number in full precision, and
    `tables.xlsx`.
    """
    made = {f"table_{i:02d}.csv": to_csv(t) for i, t in enumerate(tables, 1)}
    if frame is not None:
        made["results.csv"] = csv_bytes(list(frame), frame.itertuples(index=False))
    made["tables.xlsx"] = workbook(tables, frame)
    return made
