"""Tables as sheets of an Excel workbook: numbers are numbers; no cell is a formula or a link."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from outcomes.core.errors import MissingExtraError
from outcomes.tables.grid import Cell, grid
from outcomes.tables.results_table import Table


class Book:
    """A workbook in memory with the formats that the sheets share.

    Raises MissingExtraError without xlsxwriter.
    """

    def __init__(self) -> None:
        try:
            import xlsxwriter
        except ImportError:
            raise MissingExtraError(
                "XLSX needs the xlsx extra: pip install 'outcomes[xlsx]'"
            ) from None
        self._out = io.BytesIO()
        plain = {
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "in_memory": True,
        }
        self.book = xlsxwriter.Workbook(self._out, plain)
        # a fixed time: the same tables give the same bytes
        self.book.set_properties({"created": datetime(2000, 1, 1), "author": "", "comments": ""})
        head = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
        self.strong = self.book.add_format(head)
        self.strong_right = self.book.add_format(head | {"align": "right"})
        self.title = self.book.add_format({"bold": True})
        self.wrapped = self.book.add_format({"text_wrap": True, "valign": "top"})
        self.right = self.book.add_format({"align": "right", "valign": "top"})
        self._numbers: dict[str, Any] = {}

    def number_format(self, cell: Cell) -> Any:
        """The format that shows a number with the digits it was printed with."""
        shown = ("0." + "0" * cell.digits if cell.digits else "0") + ("%" if cell.percent else "")
        if shown not in self._numbers:
            about = {"num_format": shown, "align": "right", "valign": "top"}
            self._numbers[shown] = self.book.add_format(about)
        return self._numbers[shown]

    def page(self, name: str) -> Any:
        """An empty sheet that is printed on A4 as wide as the page, whatever its columns."""
        sheet = self.book.add_worksheet(name)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        return sheet

    def sheet(self, name: str, t: Table, notes: Sequence[str] | None = None) -> None:
        """A sheet: the title, the header (which stays in sight), the rows, the notes below."""
        made = grid(t)
        sheet = self.page(name)
        sheet.write_string(0, 0, t.title, self.title)
        for x, head in enumerate(made.header):
            sheet.write_string(1, x, head, self.strong_right if x in made.numeric else self.strong)
        sheet.freeze_panes(2, 0)
        sheet.repeat_rows(1)
        for y, row in enumerate(made.rows, 2):
            for x, c in enumerate(row):
                if not math.isnan(c.number):
                    sheet.write_number(y, x, c.number, self.number_format(c))
                else:
                    form = self.right if x in made.numeric else self.wrapped
                    sheet.write_string(y, x, c.text, form)
        for x, head in enumerate(made.header):
            texts = [head, *(r[x].text for r in made.rows)]
            sheet.set_column(x, x, min(max(map(len, texts)) + 2, 60))
        for y, note in enumerate(t.notes if notes is None else notes, len(made.rows) + 3):
            sheet.write_string(y, 0, note)

    def content(self) -> bytes:
        """The finished file."""
        self.book.close()
        return self._out.getvalue()


def to_excel(table: Table) -> bytes:
    """One table as a workbook with one sheet. Raises MissingExtraError without xlsxwriter."""
    book = Book()
    book.sheet("Table", table, table.footnotes())
    return book.content()
