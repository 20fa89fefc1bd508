"""What a sheet shows and its values do not say: errors, percentages, padded codes, struck-out cells."""

from __future__ import annotations

import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

import outcomes as oc
from outcomes.core.errors import DataError
from outcomes.readers.formats.excel import read_excel
from outcomes.readers.formats.sheet_marks import sheet_marks
from tests.readers.books import plain, raw, sheet

LONG = [
    ["id", "visit", "score"],
    *[[f"K{i:03d}", visit, 5 + i % 3] for i in range(1, 6) for visit in ("baseline", "week_4")],
]


def book(tmp_path, change, rows=LONG):
    return plain(tmp_path / "a.xlsx", rows, change)


def put(cells, format_=""):
    """Values into cells of the sheet, with a number format."""

    def change(page):
        for address, value in cells.items():
            page[address] = value
            if format_:
                page[address].number_format = format_

    return change


def study(path, **more):
    more = {"instruments": {"pain_nrs": {"average": "score"}}} | more
    return oc.read_table(path, patient="id", visit="visit", **more)


def notes(table):
    return {n.rule: n for n in table.notes}


ERRORS = ("#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!")


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_cell_is_unreadable_and_listed_not_blank(tmp_path, error):
    read = study(book(tmp_path, put({"C3": error, "C8": error})))
    row = read.columns.set_index("column").loc["score"]
    assert (row["unparseable"], row["blank"], row["addresses"]) == (2, 0, "C3, C8")
    [issue] = [i for i in read.issues if i.rule == "error_cell"]
    assert issue.addresses == ("C3", "C8") and f"{error} 2" in issue.message
    assert read.scores["score"].isna().sum() == 2


def test_an_error_of_a_formula_is_an_error_too(tmp_path):
    cells = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>score</t></is></c></row>'
        '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="e"><f>A2/0</f><v>#DIV/0!</v></c></row>'
        '<row r="3"><c r="A3"><v>2</v></c><c r="B3"><f>A3+1</f><v>3</v></c></row>'
    )
    table = read_excel(raw(tmp_path / "a.xlsx", cells))
    assert table["score"].tolist() == ["#DIV/0!", "3"]
    assert notes(table)["formula"].addresses == ("B2", "B3")


@pytest.mark.parametrize(
    "page",
    [
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<x:sheetData><x:row r="1"><x:c r="A1" t="e"><x:v>#REF!</x:v></x:c></x:row></x:sheetData></x:worksheet>',
        sheet("<row r='1'><c t = 'e' r = 'A1'><v> #REF! </v></c></row>"),
        sheet('<row><c t="e"><v>#REF!</v></c></row>'),
    ],
)
def test_errors_are_found_however_the_sheet_is_written(tmp_path, page):
    data = raw(tmp_path / "a.xlsx", page=page).read_bytes()
    assert sheet_marks(data, "Scores").errors == {"A1": "#REF!"}


def test_an_error_as_patient_or_visit_stops(tmp_path):
    with pytest.raises(DataError, match="no patient in column 'id': row 3"):
        study(book(tmp_path, put({"A3": "#N/A"})))
    with pytest.raises(DataError, match="no visit in column 'visit': row 3"):
        study(book(tmp_path, put({"B3": "#N/A"})))


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#NAME?", "########", "Err:502"])
def test_errors_in_a_text_file_and_in_any_column(tmp_path, error):
    path = tmp_path / "a.csv"
    path.write_text(
        f"id,visit,score,sex\nK1,pre,7,{error}\nK1,post,{error},m\nK2,pre,5,w\nK2,post,4,w\n"
    )
    read = study(path, visits=["pre", "post"])
    found = [(i.column, i.addresses) for i in read.issues if i.rule == "error_cell"]
    assert found == [("score", ("row 3, column score",)), ("sex", ("row 2, column sex",))]


def test_phq9_is_not_prorated_over_an_error_unseen(tmp_path):
    items = [f"phq9_{i}" for i in range(1, 10)]
    rows = [["id", "visit", *items], *[[f"K{i}", v, *[1] * 9] for i in (1, 2) for v in ("a", "b")]]
    path = book(tmp_path, put({"C2": "#DIV/0!"}), rows)
    read = study(path, instruments={"phq9": {"prefix": "phq9_"}}, visits=["a", "b"])
    [issue] = [i for i in read.issues if i.rule == "error_cell"]
    assert issue.addresses == ("C2",) and issue.severity == "warning"


@pytest.mark.parametrize("format_", ["0%", "0.00%", "0.0 %", "[Red]0%;-0%", '0%" of max"'])
def test_percent_cells_are_read_as_they_are_shown(tmp_path, format_):
    rows = [["id", "visit", "odi"], *[[f"K{i}", v, 0] for i in (1, 2) for v in ("a", "b")]]
    path = book(tmp_path, put({"C2": 0.7, "C3": 0.29, "C4": 1, "C5": 0.055}, format_), rows)
    table = read_excel(path)
    assert table["odi"].tolist() == ["70%", "29%", "100%", "5.5%"]
    assert notes(table)["percent"].addresses == ("C2", "C3", "C4", "C5")
    read = study(path, instruments={"odi": {"percent": "odi"}}, visits=["a", "b"])
    assert read.scores["odi"].tolist() == [70, 29, 100, 5.5]


def test_percent_in_quotes_is_a_unit_and_changes_nothing(tmp_path):
    assert read_excel(book(tmp_path, put({"C2": 7}, '0"%"')))["score"].tolist()[0] == "7"


def test_a_percentage_of_a_scale_to_one_is_a_share(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,visit,u\nK1,pre,70%\nK1,post,80 %\nK2,pre,50%\nK2,post,90%\n")
    outcome = {"u": {"column": "u", "better": "higher", "low": 0, "high": 1}}
    read = study(path, instruments={}, outcomes=outcome, visits=["pre", "post"])
    assert read.scores["u"].tolist() == [0.7, 0.8, 0.5, 0.9]


def test_percentages_beside_fractions_stop_with_both_addresses(tmp_path):
    rows = [["id", "visit", "odi"], *[[f"K{i}", v, 0.5] for i in (1, 2) for v in ("a", "b")]]
    path = book(tmp_path, put({"C2": 0.7}, "0%"), rows)
    with pytest.raises(DataError, match=r"percentages \(C2\), others fractions below 1 \(C3, C4"):
        study(path, instruments={"odi": {"percent": "odi"}}, visits=["a", "b"])


@pytest.mark.parametrize(
    "format_, shown", [("000", "007"), ('"K"000', "K007"), (r"\K-00", "K-07"), ("0", "7")]
)
def test_codes_are_read_with_the_zeros_and_letters_of_their_format(tmp_path, format_, shown):
    table = read_excel(book(tmp_path, put({"A2": 7}, format_)))
    assert table["id"].tolist()[0] == shown
    assert ("padded_number" in notes(table)) == (shown != "7")


def test_struck_out_cells_are_listed(tmp_path):
    def change(page):
        for address in ("A4", "C4", "C1"):
            page[address].font = Font(strike=True)

    note = notes(read_excel(book(tmp_path, change)))["struck_out"]
    assert note.addresses == ("A4", "C4") and note.severity == "warning"


def test_a_cell_struck_out_in_part_is_not_read_as_one_number(tmp_path):
    rich = CellRichText(TextBlock(InlineFont(strike=True), "7"), TextBlock(InlineFont(), "6"))
    path = book(tmp_path, put({"C2": rich}))
    assert read_excel(path)["score"].tolist()[0] == "76 (a part is struck out)"
    row = study(path).columns.set_index("column").loc["score"]
    assert (row["unparseable"], row["addresses"]) == (1, "C2")


def test_invisible_and_scaled_numbers_are_listed(tmp_path):
    table = read_excel(book(tmp_path, put({"C2": 7}, ";;;")))
    assert notes(table)["invisible"].addresses == ("C2",)
    table = read_excel(book(tmp_path, put({"C2": 7000}, "0,")))
    assert notes(table)["scaled"].addresses == ("C2",) and table["score"].tolist()[0] == "7000"


def test_rows_that_a_filter_hides_are_read_and_listed(tmp_path):
    def change(page):
        page.auto_filter.ref = "A1:C11"
        page.auto_filter.add_filter_column(1, ["baseline"])
        for row in (3, 5):
            page.row_dimensions[row].hidden = True

    table = read_excel(book(tmp_path, change))
    note = notes(table)["hidden_row"]
    assert len(table) == 10 and note.addresses == ("row 3", "row 5") and "filter" in note.message


def test_a_plain_sheet_has_no_marks(tmp_path):
    path = book(tmp_path, lambda page: None)
    assert read_excel(path).notes == ()
