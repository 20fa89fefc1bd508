"""Workbooks: the preflight before, and every cell as people see it after."""

from __future__ import annotations

import datetime
import zipfile

import pytest

from outcomes.core.errors import DataError
from outcomes.readers.formats.excel import read_excel
from outcomes.readers.formats.preflight import preflight
from tests.bounds import ends
from tests.readers.books import BOOK, plain, raw, sheet
from tests.shared import EXPORTS, PUBLISHED

TABLE = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row><row r="2"><c'
    ' r="A2"><v>7</v></c></row>'
)


def test_a_plain_table(tmp_path):
    path = plain(
        tmp_path / "a.xlsx",
        [
            ["id", "NRS", "when", "note"],
            ["001", 7, datetime.date(2024, 3, 4), "None"],
            ["002", 8.0000000001, 45376, " "],
            [3, 0.1 + 0.2, True, None],
        ],
    )
    table = read_excel(path)
    assert table.columns == ("id", "NRS", "when", "note")
    assert table.frame.to_numpy(object).tolist() == [
        ["001", "7", "2024-03-04", "None"],
        ["002", "8.0000000001", "45376", ""],
        ["3", "0.3", "TRUE", ""],
    ]
    assert table.address(1, "NRS") == "B3" and table.row_address(1) == "row 3" and not table.notes


def test_titles_and_two_heading_rows_with_merged_cells(tmp_path):
    def change(page):
        page.merge_cells("A1:E1")
        page.merge_cells("B3:C3")
        page.merge_cells("D3:E3")
        page.merge_cells("A3:A4")

    rows = [
        ["Pain clinic"],
        [],
        ["ID", "Pre", None, "Post"],
        [None, "NRS", "PHQ 9", "NRS", "PHQ 9"],
        ["001", 7, 14, 4, 9],
    ]
    table = read_excel(plain(tmp_path / "a.xlsx", rows, change))
    assert table.columns == ("ID", "Pre NRS", "Pre PHQ 9", "Post NRS", "Post PHQ 9")
    assert list(table.rows) == [5] and table.letters == tuple("ABCDE")
    [title] = [n for n in table.notes if n.rule == "title_row"]
    assert title.addresses == ("A1",)


def test_a_title_merged_over_the_table_is_no_group(tmp_path):
    table = read_excel(
        plain(
            tmp_path / "a.xlsx",
            [["Clinic"], ["id", "nrs"], ["1", 7]],
            lambda p: p.merge_cells("A1:B1"),
        )
    )
    assert table.columns == ("id", "nrs")


def test_merged_patients_fill_the_rows_they_span(tmp_path):
    rows = [["id", "visit", "nrs"], ["001", "pre", 7], [None, "post", 4]]
    table = read_excel(plain(tmp_path / "a.xlsx", rows, lambda p: p.merge_cells("A2:A3")))
    assert table["id"].tolist() == ["001", "001"]
    assert [n.addresses for n in table.notes if n.rule == "merged_cells"] == [("A3",)]


def test_formulas_hidden_rows_columns_sheets_and_comments_are_told(tmp_path):
    from openpyxl.comments import Comment

    def change(page):
        page["C2"] = "=B2-1"
        page.row_dimensions[3].hidden = True
        page.column_dimensions["B"].hidden = True
        page["A2"].comment = Comment("SECRET", "x")
        page.parent.create_sheet("names").sheet_state = "hidden"

    table = read_excel(
        plain(tmp_path / "a.xlsx", [["id", "nrs", "change"], ["1", 7], ["2", 6]], change)
    )
    told = {n.rule: n for n in table.notes}
    assert told["formula"].addresses == ("C2",)
    assert told["hidden_row"].addresses == ("row 3",) and told["hidden_column"].addresses == (
        "column B",
    )
    assert "names" in told["hidden_sheet"].message and "comments" in told
    assert "SECRET" not in repr(table.notes)


def test_the_sheet_is_named_where_there_are_several(tmp_path):
    def change(page):
        page.parent.create_sheet("Other").append(["id"])
        page.parent["Other"].append([1])
        page.parent.create_sheet("Empty")

    path = plain(tmp_path / "a.xlsx", [["id", "nrs"], ["1", 7]], change)
    with pytest.raises(DataError, match="2 visible sheets with cells: Scores, Other"):
        read_excel(path)
    with pytest.raises(
        DataError,
        match=r"No sheet 'Scorse'\. There is: Scores, Other, Empty\. Did you mean 'Scores'",
    ):
        read_excel(path, sheet="Scorse")
    assert read_excel(path, sheet="Scores").columns == ("id", "nrs")
    with pytest.raises(DataError, match="'Empty', is empty"):
        read_excel(path, sheet="Empty")


def test_the_heading_row_can_be_given(tmp_path):
    path = plain(tmp_path / "a.xlsx", [["id", "nrs"], ["code", "score"], ["1", 7]])
    assert read_excel(path, header=2).columns == ("code", "score")
    with pytest.raises(DataError, match="ends before the heading row"):
        read_excel(path, header=9)


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="XFD1048576"><v>1</v></c>',
        "<c r = 'XFD1048576'><v>1</v></c>",
        '<c s="1"\n r="XFD1048576"/>',
    ],
)
def test_a_small_workbook_that_claims_a_million_columns_is_refused_at_once(tmp_path, cell):
    path = raw(tmp_path / "a.xlsx", f'{TABLE}<row r="1048576">{cell}</row>')
    assert path.stat().st_size < 5_000
    claims = r"reaches to cell XFD1048576, 1048576 rows by 16384 columns"
    with ends(), pytest.raises(DataError, match=claims):
        read_excel(path)


def test_the_raw_workbook_itself_is_fine(tmp_path):
    assert read_excel(raw(tmp_path / "a.xlsx", TABLE)).frame.to_numpy(object).tolist() == [["7"]]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"extra": [("xl/vbaProject.bin", b"x")]}, "contains macros"),
        ({"extra": [("xl/../../evil.xml", b"<a/>")]}, "points outside it"),
        ({"extra": [("/etc/x.xml", b"<a/>")]}, "points outside it"),
        (
            {"extra": [("xl/media/zeros.bin", bytes(3_000_000))]},
            "unpacks to more than 200 times its size",
        ),
        (
            {"extra": [("xl/sharedStrings.xml", b'<sst uniqueCount="4000000000"></sst>')]},
            "claims 4000000000 texts",
        ),
        ({"page": '<!DOCTYPE x [<!ENTITY a "b">]>' + sheet(TABLE)}, "declares a document type"),
        ({"page": sheet(TABLE).encode("utf-16")}, "unusual encoding"),
        ({"extra": [(f"xl/x{i}.xml", b"<a/>") for i in range(2_001)]}, "parts"),
    ],
)
def test_what_is_not_a_plain_workbook_is_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        read_excel(raw(tmp_path / "a.xlsx", TABLE, **change))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match="parts of the same name"):
        read_excel(raw(tmp_path / "a.xlsx", TABLE, extra=[("xl/workbook.xml", BOOK.encode())]))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "no workbook, or has a password"),
        (b"PK\x03\x04 not a zip", r"not a whole \.xlsx workbook"),
        (b"just text", r"not a whole \.xlsx workbook"),
    ],
)
def test_files_that_are_no_workbooks(content, message):
    with pytest.raises(DataError, match=message):
        preflight(content, "a.xlsx")


def test_a_zip_that_is_no_workbook_and_a_damaged_one(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("word/document.xml", "<a/>")
    with pytest.raises(DataError, match=r"not an \.xlsx workbook"):
        read_excel(path)
    data = bytearray(raw(path, TABLE).read_bytes())
    at = data.index(b"xl/worksheets/sheet1.xml") + 40
    data[at : at + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"damaged|not a whole"):
        read_excel(path)


def test_broken_xml_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_excel(raw(tmp_path / "a.xlsx", page="<worksheet><sheetData><row></worksheet>"))


@pytest.mark.parametrize("name", ["clinic_wide.xlsx", "clinic_wide_1904.xlsx"])
def test_the_clinic_workbook(name):
    table = read_excel(EXPORTS / name)
    assert table.columns == (
        "Patient ID",
        "Patient Sex",
        "Patient Infusion date",
        "Pre NRS",
        "Pre BPI int.",
        "Pre PHQ9",
        "Post NRS",
        "Post BPI int.",
        "Post PHQ9",
        "Change NRS",
    )
    assert table["Patient ID"].tolist() == ["001", "002", "003", "004", "005", "2024-10-07"]
    assert table["Patient Infusion date"].tolist()[:5] == [
        "2024-03-04",
        "2024-03-11",
        "18/03/2024",
        "45376",
        "2024-03",
    ]
    assert table["Pre NRS"].tolist()[:5] == ["7", "7/10", "8-9", ">8", "ten"]
    assert table["Pre BPI int."].tolist()[:5] == ["6,5", "8", "7", "½", "8.0000000001"]
    told = {n.rule: n for n in table.notes}
    assert told["formula"].addresses == ("J6",) and told["hidden_row"].addresses == ("row 10",)
    assert (
        told["title_row"].addresses == ("A1", "A2")
        and "lookup" in told["hidden_sheet"].message
        and "comments" in told
    )


def test_the_published_workbook_equals_its_csv():
    from outcomes.readers.formats.delimited import read_delimited

    book = read_excel(PUBLISHED / "vickers2004_acupuncture/acupuncture.xlsx")
    text = read_delimited(PUBLISHED / "vickers2004_acupuncture/acupuncture.csv")
    assert book.columns == text.columns and list(book.rows) == list(text.rows)
    number = lambda v: float(v) if v else None  # noqa: E731
    assert book.frame.map(number).equals(text.frame.map(number))
