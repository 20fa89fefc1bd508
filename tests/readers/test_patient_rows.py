"""Rows that are no patients, and headings that are not the first row: in text and in workbooks alike."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest

import outcomes as oc
from outcomes.core.errors import DataError
from outcomes.readers.cells import TextTable, letter
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.source import Source
from tests.readers.books import plain
from tests.shared import EXPORTS

HEAD = ["patient_id", "nrs_pre", "nrs_post"]
BODY = [[f"K{i:03d}", 5 + i % 4, 2 + i % 3] for i in range(1, 9)]
LONG = [["patient_id", "visit", "nrs"]] + [
    [f"K{i:03d}", v, 5 + i % 4] for i in range(1, 6) for v in ("baseline", "week_4")
]


def write(folder: Path, kind: str, rows: list) -> Path:
    """The same rows as a workbook, as a CSV that a spreadsheet wrote (all rows of one width), or with
    short lines as a report program writes them."""
    path = folder / f"scores.{'xlsx' if kind == 'xlsx' else 'csv'}"
    if kind == "xlsx":
        return plain(path, rows)
    width = max(map(len, rows))
    with path.open("w", encoding="utf-8", newline="") as handle:
        for row in rows:
            even = [*row, *[""] * (width - len(row))] if kind == "csv" else row
            csv.writer(handle, delimiter=";" if kind == "short;" else ",").writerow(even)
    return path


KINDS = ("xlsx", "csv", "short", "short;")


def text_table(folder: Path, kind: str, rows: list, **more) -> TextTable:
    return read_file(Source(write(folder, kind, rows), **more))


def left_out(table: TextTable) -> dict[str, set[int]]:
    """The rows that each note lists."""
    found: dict[str, set[int]] = {}
    for note in table.notes:
        for address in note.addresses:
            digits = address.split(",")[0].removeprefix("row ").lstrip("ABCDEFGHIJKLMNOP")
            found.setdefault(note.rule, set()).add(int(digits))
    return found


def kept_or_listed(table: TextTable, path: Path) -> None:
    """Every cell with something in it is in the table, in its headings, or in a note."""
    raw = raw_cells(path)
    spreadsheet = bool(table.letters)

    def place(row: int, column: int) -> str:
        if spreadsheet:
            return f"{letter(column)}{row}"
        return f"row {row}, cell {column + 1}"

    kept = set()
    for i, row in enumerate(table.frame.to_numpy(object)):
        for j, cell in enumerate(row):
            if cell:
                kept.add(table.address(i, table.columns[j]))
    kept |= {a for note in table.notes for a in note.addresses}
    words = " ".join(table.columns)
    lost = [
        place(r, c)
        for (r, c), text in raw.items()
        if place(r, c) not in kept
        and not (not spreadsheet and any(f"row {r}, column {n}" in kept for n in table.columns))
        and text not in words
    ]
    assert not lost, lost


def raw_cells(path: Path) -> dict[tuple[int, int], str]:
    if path.suffix == ".xlsx":
        page = openpyxl.load_workbook(path).active
        return {
            (c.row, c.column - 1): " ".join(str(c.value).split())
            for row in page.iter_rows()
            for c in row
            if c.value is not None and str(c.value).strip()
        }
    data = path.read_bytes()
    text = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8-sig", errors="replace")
    mark = max(",;\t", key=text.count)
    return {
        (i, j): " ".join(cell.split())
        for i, row in enumerate(csv.reader(text.splitlines(keepends=True), delimiter=mark), 1)
        for j, cell in enumerate(row)
        if cell.strip()
    }


BELOW = {
    "a second table": [[], ["event", "mild", "severe"], ["nausea", 4, 1], ["headache", 3, 0]],
    "a second table of the same patients": [
        [],
        ["patient_id", "dose", "infusions"],
        ["K001", 40, 6],
        ["K002", 35, 6],
    ],
    "a second table without a gap": [["event", "mild", "severe"], ["nausea", 4, 1]],
    "two more tables": [
        [],
        ["event", "mild", ""],
        ["nausea", 4, ""],
        [],
        ["drug", "", "n"],
        ["X", "", 3],
    ],
    "a footnote": [["* estimated by the nurse"]],
    "a footnote below a gap": [[], ["Source: clinic database"], ["Printed 14.03.2025"]],
    "a legend": [[], ["0 = no pain"], ["10 = worst pain imaginable"]],
    "a legend in two columns": [
        [],
        ["Legend", "", ""],
        ["n/d", "not done", ""],
        ["x", "left early", ""],
    ],
    "a closing count": [[], ["Total records: 8"]],
    "a mean": [["Mean", 6.5, 3]],
    "a mean below a gap": [[], ["Mean (SD)", "6.5 (1.1)", "3.0 (0.8)"], ["N =", 8, 8]],
    "a median and a range": [["Median", 6, 3], ["Range", "5-8", "2-4"], ["Max", 8, 4]],
    "a signature": [[], ["", "Checked by:", "the study nurse"]],
    "the headings again": [HEAD],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", BELOW)
def test_what_stands_below_the_table_is_left_out_and_listed(tmp_path, kind, what):
    rows = [HEAD, *BODY, *BELOW[what]]
    if kind == "short":
        rows = [r if len(r) in (0, 3) else [c for c in r if c != ""] for r in rows]
    path = write(tmp_path, kind, rows)
    table = read_file(Source(path))
    assert table["patient_id"].tolist() == [row[0] for row in BODY]
    gone = {i for i, row in enumerate(rows, 1) if any(c != "" for c in row)} - set(range(1, 10))
    found = left_out(table)
    assert set().union(*found.values()) == gone
    assert all(n.severity == "warning" for n in table.notes if n.addresses)
    kept_or_listed(table, path)


INSIDE = {
    "section headings": (
        [HEAD, ["Intravenous clinic"], *BODY[:4], ["Oral clinic"], *BODY[4:]],
        {2, 7},
    ),
    "section headings below gaps": (
        [HEAD, ["IV"], *BODY[:4], [], ["Oral, at home"], *BODY[4:]],
        {2, 8},
    ),
    "repeated headings": ([HEAD, *BODY[:4], HEAD, *BODY[4:]], {6}),
    "a new page": ([HEAD, *BODY[:4], [], HEAD, *BODY[4:]], {7}),
    "subtotals": ([HEAD, *BODY[:4], ["Subtotal", 24, 11], *BODY[4:], ["Total", 50, 23]], {6, 11}),
    "units": ([HEAD, ["", "0-10", "0-10"], *BODY], {2}),
    "units with a word for the code": ([HEAD, ["code", "points", "points"], *BODY], {2}),
    "question texts": (
        [HEAD, ["Study code", "Pain before treatment?", "Pain after treatment?"], *BODY],
        {2},
    ),
    "question texts and units": (
        [HEAD, ["Study code", "Pain before?", "Pain after?"], ["", "points", "points"], *BODY],
        {2, 3},
    ),
}


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("what", INSIDE)
def test_what_stands_between_patients_is_left_out_and_listed(tmp_path, kind, what):
    rows, gone = INSIDE[what]
    path = write(tmp_path, kind, rows)
    table = read_file(Source(path))
    assert table["patient_id"].tolist() == [row[0] for row in BODY]
    assert set().union(*left_out(table).values()) == gone
    kept_or_listed(table, path)


PATIENTS = {
    "empty rows between patients": [*BODY[:4], [], *BODY[4:]],
    "a patient without any score": [*BODY[:4], ["K099", "", ""], *BODY[4:]],
    "a patient without any score below a gap": [*BODY, [], ["K099", "", ""]],
    "words for missing scores": [["K098", "NA", "missing"], *BODY, ["K099", "n/a", "refused"]],
    "a comment in place of a score": [*BODY, ["K099", "too ill", 4]],
    "codes of two kinds": [*BODY, *[[f"M-{i}", 5, 4] for i in range(3)]],
    "a first patient without scores": [["K099", "", ""], *BODY],
}


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("what", PATIENTS)
def test_patients_stay(tmp_path, kind, what):
    table = text_table(tmp_path, kind, [HEAD, *PATIENTS[what]])
    assert table["patient_id"].tolist() == [row[0] for row in PATIENTS[what] if row]


@pytest.mark.parametrize("kind", KINDS[:2])
def test_rows_that_may_be_patients_stop_with_the_line_to_add(tmp_path, kind):
    rows = [HEAD, *BODY, [], ["P-21", 7, 4], ["P-22", 6, 2]]
    path = write(tmp_path, kind, rows)
    with pytest.raises(DataError, match=r"row\(s\) 11, 12 are not written.*last = 9 .*last = 12"):
        read_file(Source(path))
    assert len(read_file(Source(path, last=12))) == 10
    table = read_file(Source(path, last=9))
    assert len(table) == 8 and left_out(table)["below_the_table"] == {11, 12}
    kept_or_listed(table, path)


def test_a_single_number_without_a_code_is_not_left_out(tmp_path):
    path = write(tmp_path, "csv", [HEAD, *BODY, ["", 7, ""]])
    assert len(read_file(Source(path))) == 9
    with pytest.raises(DataError, match="no patient in column 'patient_id': row 10"):
        oc.read_table(path, patient="patient_id")


HEADINGS = {
    "titles": [["Pain outcomes"], ["Clinic:", "North"], ["Generated:", "14.03.2025"], [], HEAD],
    "titles without a gap": [["Pain outcomes"], ["Clinic: North"], HEAD],
    "titles as wide as the table": [["Clinic", "North", "Ward 3"], [], HEAD],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", HEADINGS)
def test_titles_above_the_headings(tmp_path, kind, what):
    path = write(tmp_path, kind, [*HEADINGS[what], *BODY])
    table = read_file(Source(path))
    assert table.columns == tuple(HEAD) and len(table) == 8
    assert set(left_out(table)) == {"title_row"}
    kept_or_listed(table, path)


JOINED = ("ID", "Baseline NRS", "Baseline PHQ", "Week 4 NRS", "Week 4 PHQ")
NUMBERS = [[f"K{i}", 7, 12, 4, 9] for i in range(1, 6)]
GROUPS = {
    "labels over names": [["", "Baseline", "", "Week 4", ""], ["ID", "NRS", "PHQ", "NRS", "PHQ"]],
    "labels repeated": [
        ["", "Baseline", "Baseline", "Week 4", "Week 4"],
        ["ID", "NRS", "PHQ", "NRS", "PHQ"],
    ],
    "the code in the upper row": [
        ["ID", "Baseline", "", "Week 4", ""],
        ["", "NRS", "PHQ", "NRS", "PHQ"],
    ],
    "below a title": [
        ["Outcomes"],
        [],
        ["", "Baseline", "", "Week 4", ""],
        ["ID", "NRS", "PHQ", "NRS", "PHQ"],
    ],
}


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("what", GROUPS)
def test_two_heading_rows_are_joined(tmp_path, kind, what):
    path = write(tmp_path, kind, [*GROUPS[what], *NUMBERS])
    table = read_file(Source(path))
    assert table.columns == JOINED and len(table) == 5
    kept_or_listed(table, path)
    _, study, problem = guess_study(path)
    assert study is not None and study.visits == ("baseline", "week_4"), problem


def test_a_label_that_adds_nothing_is_a_title(tmp_path):
    rows = [
        ["", "Pain", "", ""],
        ["ID", "nrs_pre", "nrs_post", "age"],
        ["K1", 7, 4, 50],
        ["K2", 6, 3, 60],
    ]
    table = text_table(tmp_path, "csv", rows)
    assert table.columns == ("ID", "nrs_pre", "nrs_post", "age")
    assert left_out(table) == {"title_row": {1}}


def test_a_value_never_becomes_a_heading(tmp_path):
    rows = [["", "visit", "nrs"], ["K1", "pre", 7], ["K2", "pre", 6], ["K3", "post", 6]]
    assert text_table(tmp_path, "csv", rows).columns == ("unnamed_1", "visit", "nrs")
    rows = [["id", "", "sex"], ["K1", "yes", "m"], ["K2", "no", "w"], ["K3", "7", "w"]]
    assert text_table(tmp_path, "csv", rows).columns == ("id", "unnamed_2", "sex")


@pytest.mark.parametrize(
    "content",
    [
        "id,nrs,when\nK1,7,pre\nK2,6,pre\nK3,5\n",  # cut off
        "id,nrs,when\nK1,7,pre\nK2,6,pre\nK3\n",
        "id,nrs,when\nK1,7,pre\nK2,6\nK3,5,pre\n",
    ],
)
def test_a_file_cut_off_is_refused_and_not_filled_up(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DataError, match="2 cells|1 cells"):
        read_file(Source(path))


@pytest.mark.parametrize("name", ["clinic_wide.xlsx", "clinic_wide_1904.xlsx"])
def test_every_cell_of_the_clinic_workbook_is_kept_or_listed(name):
    kept_or_listed(read_file(Source(EXPORTS / name)), EXPORTS / name)


@pytest.mark.parametrize(
    "name",
    ["european_semicolon_cp1252.csv", "excel_utf8_bom.csv", "utf16_excel_unicode_text.txt"],
)
def test_every_cell_of_the_text_exports_is_kept_or_listed(name):
    kept_or_listed(read_file(Source(EXPORTS / name)), EXPORTS / name)


def test_a_long_table_with_a_second_table_gives_the_right_study(tmp_path):
    rows = [*LONG, [], ["event", "severity", "n"], ["nausea", "mild", 3]]
    study = oc.read_table(
        write(tmp_path, "csv", rows),
        patient="patient_id",
        visit="visit",
        instruments={"pain_nrs": {"average": "nrs"}},
    )
    assert len(study.patient_ids) == 5 and study.visits == ("baseline", "week_4")
