"""Sheets or files that are parts of one table: their names are visits, sites or patients."""

from __future__ import annotations

import os

import openpyxl
import pytest

from outcomes.cli import main
from outcomes.core.errors import DataError, StudyError
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.source import Source
from outcomes.readers.studyfile import study_from_text

HEAD = ["patient_id", "nrs_avg", "phq9_total"]


def workbook(path, sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    book.save(path)
    return path


def scores(shift=0, head=HEAD):
    return [head, *[[f"K{i:03d}", 8 - i % 3 - shift, 15 - i - shift] for i in range(1, 7)]]


def visits(tmp_path, **more):
    return workbook(
        tmp_path / "scores.xlsx",
        {"Baseline": scores(), "Week 4": scores(2), "Week 12": scores(3)} | more,
    )


def test_a_sheet_a_visit_is_proposed_and_gives_the_right_study(tmp_path):
    text, study, problem = guess_study(visits(tmp_path))
    assert 'sheets = ["Baseline", "Week 4", "Week 12"], by = "visit" }   # guess' in text
    assert study is not None and study.visits == ("Baseline", "Week 4", "Week 12"), problem
    wide = study.wide("pain_nrs_average")
    assert (wide["Week 4"] - wide["Baseline"]).tolist() == [-2] * 6
    assert study.rows[:2] == ("Baseline!row 2", "Baseline!row 3")


def test_addresses_and_notes_name_the_sheet(tmp_path):
    rows = scores(2)
    rows[3][1] = "#N/A"
    path = visits(tmp_path, **{"Week 4": [*rows, [], ["Mean", 5, 9]]})
    _, study, _ = guess_study(path)
    found = {i.rule: i.addresses for i in study.issues}
    assert found["error_cell"] == ("Week 4!B4",)
    assert found["summary_row"] == ("Week 4!A9", "Week 4!B9", "Week 4!C9")


def test_a_code_book_beside_the_visits_is_left_out_and_said(tmp_path):
    cover = {"About": [["Pain clinic"], ["2025"]], "Codes": [["code", "meaning"], ["1", "IV"]]}
    text, study, _ = guess_study(visits(tmp_path, **cover))
    assert 'sheets = ["Baseline", "Week 4", "Week 12"]' in text
    [issue] = [i for i in study.issues if i.rule == "sheet_not_read"]
    assert "About, Codes" in issue.message and issue.severity == "warning"


def test_a_sheet_a_site_and_a_sheet_a_patient(tmp_path):
    head = ["patient_id", "visit", "nrs_avg"]
    site = {
        name: [head, *[[f"{name}{i}", v, 6] for i in (1, 2, 3) for v in ("pre", "post")]]
        for name in ("North", "South")
    }
    text, study, _ = guess_study(workbook(tmp_path / "sites.xlsx", site))
    assert 'by = "site"' in text and set(study.scores["site"]) == {"North", "South"}
    alone = {f"K{i:02d}": [["visit", "nrs_avg"], ["pre", 7], ["post", 4]] for i in (1, 2, 3)}
    text, study, _ = guess_study(workbook(tmp_path / "patients.xlsx", alone))
    assert 'by = "patient"' in text and list(study.patient_ids) == ["K01", "K02", "K03"]


def test_columns_in_another_order_or_absent(tmp_path):
    turned = [[row[i] for i in (0, 2, 1)] for row in scores(2)]
    short = [row[:2] for row in scores(3)]
    path = visits(tmp_path, **{"Week 4": turned, "Week 12": short})
    table = read_file(Source(path, sheets=("Baseline", "Week 4", "Week 12"), by="visit"))
    assert table["nrs_avg"].tolist()[6:12] == [str(r[1]) for r in scores(2)[1:]]
    assert table.address(6, "nrs_avg") == "Week 4!C2" and set(table["phq9_total"][12:]) == {""}
    assert table.address(12, "phq9_total") == "Week 12!row 2 (no cell for phq9_total)"
    [note] = [n for n in table.notes if n.rule == "column_absent"]
    assert note.message == "'Week 12' has no column phq9_total; it is blank there."


def test_several_files_as_one_table(tmp_path):
    for name, shift in (("north", 0), ("south", 1)):
        rows = [["patient_id", "visit", "nrs_avg"]]
        rows += [[f"{name[0]}{i}", v, 7 - shift] for i in (1, 2, 3) for v in ("pre", "post")]
        (tmp_path / f"{name}.csv").write_text("\n".join(",".join(map(str, r)) for r in rows) + "\n")
    text = """
[data]
scores = { file = "north.csv", more = ["south.csv"], by = "site" }
[roles]
patient = "patient_id"
[instruments]
pain_nrs = { average = "nrs_avg" }
"""
    study = study_from_text(text, tmp_path)
    assert study.enrolled == 6 and study.rows[6] == "south: row 2"
    assert study.sources[0]["file"] == "north.csv, south.csv"
    (tmp_path / "south.csv").write_text("patient_id,visit,nrs_avg\ns1,pre,2\ns1,post,1\n")
    assert study_from_text(text, tmp_path).sources[0]["sha256"] != study.sources[0]["sha256"]
    with pytest.raises(StudyError, match="outside the folder"):
        study_from_text(text.replace("south", "../south"), tmp_path)


@pytest.mark.parametrize(
    "more, message",
    [
        ({"sheets": ("Baseline", "Week 4")}, 'say by = "visit"'),
        ({"sheets": ("Baseline", "Week 4"), "by": "nrs_avg"}, "has a column 'nrs_avg' already"),
        ({"sheets": ("Baseline", "Week 9"), "by": "visit"}, "No sheet 'Week 9'"),
        ({"sheets": ("Baseline", "Baseline"), "by": "visit"}, "one name"),
        ({"sheets": ("Baseline", "Codes"), "by": "visit"}, "no column in common"),
        ({}, r'sheet = "Baseline".*sheets = \["Baseline", "Week 4", "Week 12", "Codes"\], by'),
    ],
)
def test_what_does_not_fit_stops_with_what_to_say(tmp_path, more, message):
    path = visits(tmp_path, Codes=[["code", "meaning"], ["1", "IV"]])
    with pytest.raises((StudyError, DataError), match=message):
        read_file(Source(path, **more))


def test_init_takes_header_last_encoding_and_sheet(tmp_path, capsys):
    rows = [["patient_id", "nrs_pre", "nrs_post", "Größe"]]
    rows += [[f"K{i}", 7, 4, "groß"] for i in range(1, 6)]
    lines = ["about;this;file;x", "", *[";".join(map(str, r)) for r in rows], "", "P-1;7;4;x"]
    (tmp_path / "a.csv").write_bytes("\n".join(lines).encode("cp1252"))
    wanted = [
        "init",
        str(tmp_path / "a.csv"),
        "--header",
        "3",
        "--last",
        "8",
        "--encoding",
        "cp1252",
    ]
    assert main(wanted) == 0
    text = (tmp_path / "study.toml").read_text("utf-8")
    assert 'scores = { file = "a.csv", header = 3, last = 8, encoding = "cp1252" }' in text
    assert "[[analysis]]" in text
    study = study_from_text(text, tmp_path)
    assert study.enrolled == 5
    capsys.readouterr()


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "scores.csv")
    with pytest.raises(DataError, match="is a pipe or a device, not a file"):
        read_file(Source(tmp_path / "scores.csv"))
