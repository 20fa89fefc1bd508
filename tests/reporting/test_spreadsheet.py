"""Tables as CSV and XLSX: the same cells, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.core.errors import MissingExtraError
from outcomes.core.result import Results
from outcomes.reporting import write_tables
from outcomes.reporting.document import Document, numbered_tables
from outcomes.reporting.render.spreadsheet import workbook
from outcomes.tables.grid import DANGEROUS, grid, safe_cell
from outcomes.tables.results_table import Table
from outcomes.tables.save import csv_bytes

openpyxl = pytest.importorskip("openpyxl")


@pytest.fixture(scope="module")
def folder(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tables")
    write_tables(results, out)
    return out


def test_csv_and_xlsx_have_every_cell_of_every_table(document: Document, folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "tables.xlsx")
    tables = list(numbered_tables(document))
    made_files = [*folder.glob("table_*.csv"), *folder.glob("figure_*.csv")]
    assert len(tables) == len(made_files) == len(book.sheetnames) - 2
    for kind, i, t in tables:
        with (folder / f"{kind}_{i:02d}.csv").open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle))
        made = grid(t)
        assert rows == [
            [safe_cell(h) for h in made.header],
            *([safe_cell(c.plain) for c in r] for r in made.rows),
        ]
        sheet = book[f"{kind.title()} {i}"]
        assert sheet["A1"].value == t.title
        there = [
            [
                "" if (v := sheet.cell(y + 3, x + 1).value) is None else v
                for x in range(len(made.header))
            ]
            for y in range(len(made.rows))
        ]
        assert there == [
            [c.text if c.number != c.number else c.number for c in r] for r in made.rows
        ]


def test_all_numbers_are_there_in_full_precision(results: Results, folder: Path) -> None:
    sheet = openpyxl.load_workbook(folder / "tables.xlsx")["All numbers"]
    frame = results.to_frame()
    column = list(frame).index("value") + 1
    assert sheet.cell(2, column).value == frame["value"].iloc[0]
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as handle:
        assert float(next(csv.DictReader(handle))["value"]) == frame["value"].iloc[0]


BAD = [
    "=1+1",
    "+1-cmd",
    "-2 pts (better)",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    '=HYPERLINK("http://x")',
]


@pytest.mark.parametrize("text", BAD)
def test_a_formula_is_made_harmless(text: str) -> None:
    assert safe_cell(text).startswith("'")
    made = csv_bytes(["a"], [[text]]).decode("utf-8-sig")
    assert next(csv.reader(made.splitlines()[1:] or [""]))[0][:1] == "'"


@given(st.one_of(st.sampled_from(DANGEROUS), st.just("")), st.text(max_size=8))
def test_no_text_starts_like_a_formula(first: str, rest: str) -> None:
    cell = safe_cell(first + rest)
    if cell and cell[0] in DANGEROUS:
        float(cell)  # only a number may


def test_numbers_stay_numbers() -> None:
    assert safe_cell(-3.2) == -3.2
    assert safe_cell("-3.2") == "-3.2"
    assert safe_cell("−1.5") == "−1.5"  # a true minus is no operator of a spreadsheet


def test_no_cell_of_the_workbook_is_a_formula_or_a_link(tmp_path: Path) -> None:
    table = Table(
        "=1+1", ("=2", "http://x.example"), (("=3", "http://y.example"), ("+4", "-5 points"))
    )
    (tmp_path / "t.xlsx").write_bytes(workbook([("table", 1, table)]))
    for sheet in openpyxl.load_workbook(tmp_path / "t.xlsx"):
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type in ("s", "n") and cell.hyperlink is None


def test_the_same_tables_give_the_same_workbook() -> None:
    table = Table("a", ("b",), (("c",),))
    assert workbook([("table", 1, table)]) == workbook([("table", 1, table)])


def test_a_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'outcomes\[xlsx\]'"):
        workbook([])


def test_every_sheet_is_printed_as_wide_as_the_page_with_its_headings_in_sight(
    folder: Path,
) -> None:
    book = openpyxl.load_workbook(folder / "tables.xlsx")
    for sheet in book:
        page = sheet.page_setup
        assert (page.orientation, page.paperSize, page.fitToHeight) == ("landscape", 9, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.freeze_panes, sheet.title
    widths = book["All numbers"].column_dimensions
    assert max(w.width for w in widths.values()) > 20, "names of questions can be read"
