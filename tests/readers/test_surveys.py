"""Survey exports with several heading rows: which rows are headings, which are nobody's answers,
which were not submitted.
"""

from __future__ import annotations

import json

import pytest

from outcomes.core.errors import DataError, StudyError
from outcomes.readers import read_study
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.formats.delimited import read_delimited
from outcomes.readers.formats.excel import read_excel
from outcomes.readers.source import Source
from tests.readers.books import plain
from tests.shared import EXPORTS

HEAD = [
    "ResponseId",
    "Status",
    "Finished",
    "DistributionChannel",
    "RecordedDate",
    "ExternalReference",
    "Q1",
    "Q2",
]
TEXTS = [
    "Response ID",
    "Response Type",
    "Finished",
    "Channel",
    "Recorded Date",
    "External Data Reference",
    "Pain,\nnow?",
    "Visit",
]
IDS = [json.dumps({"ImportId": f"QID{i}"}) for i in range(len(HEAD))]
ROWS = [
    ["R_1", "Survey Preview", "True", "preview", "", "", "3", "pre"],
    ["R_2", "IP Address", "True", "anonymous", "", "K001", "7", "pre"],
    ["R_3", "IP Address", "True", "anonymous", "", "K001", "4", "post"],
    ["R_4", "IP Address", "False", "anonymous", "", "K002", "8", "pre"],
    ["R_5", "IP Address", "True", "test", "", "K003", "1", "pre"],
]
MONKEY = [
    ["Respondent ID", "Collector ID", "Your code?", "Pain", "Interference:", "", "Where?", ""],
    ["", "", "Open-Ended Response", "Response", "Work", "Sleep", "Back", "Other (please specify)"],
    ["1", "9", "K001", "7", "8", "6", "Back", ""],
    ["2", "9", "K001", "4", "5 - so so", "5", "", "knee"],
]


def written(folder, rows, name="a.csv"):
    if name.endswith("xlsx"):
        return plain(folder / name, rows)
    text = "\n".join(",".join('"' + c.replace('"', '""') + '"' for c in row) for row in rows)
    (folder / name).write_text(text + "\n", encoding="utf-8")
    return folder / name


def note(table, rule):
    [found] = [n for n in table.notes if n.rule == rule]
    return found


# --- Qualtrics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("above", [[HEAD, TEXTS, IDS], [HEAD, TEXTS], [HEAD]])
@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_headings_previews_and_unfinished_answers_are_no_patients(name, above, tmp_path):
    path = written(tmp_path, [*above, *ROWS], name)
    table = read_file(Source(path))
    top = len(above)
    assert table.columns == tuple(HEAD) and table["Q1"].tolist() == ["7", "4"]
    assert table.rows.tolist() == [top + 2, top + 3], "the file's own rows"
    preview, unfinished = note(table, "survey_preview"), note(table, "unfinished_answer")
    assert (preview.count, unfinished.count) == (2, 1)
    cell = f"G{top + 4}" if name.endswith("xlsx") else f"row {top + 4}, column Q1"
    assert cell in unfinished.addresses
    lost = len(preview.addresses) + len(unfinished.addresses)
    assert lost + int((table.frame != "").to_numpy().sum()) == sum(
        bool(c) for row in ROWS for c in row
    )


def test_unfinished_answers_are_kept_where_it_is_declared(tmp_path):
    path = written(tmp_path, [HEAD, TEXTS, IDS, *ROWS])
    table = read_file(Source.of({"file": "a.csv", "unfinished": True}, tmp_path))
    assert table["Q1"].tolist() == ["7", "4", "8"] and note(
        table, "unfinished_answer"
    ).addresses == ("row 7",)
    assert read_excel(written(tmp_path, [HEAD, TEXTS, IDS, *ROWS], "a.xlsx"), unfinished=True)[
        "Q1"
    ].tolist() == [
        "7",
        "4",
        "8",
    ]
    with pytest.raises(
        StudyError, match="'unfinished' is true or false, such as unfinished = true"
    ):
        Source.of({"file": path.name, "unfinished": "keep"}, tmp_path)


@pytest.mark.parametrize(
    "status, trial",
    [("0", False), ("1", True), ("2", True), ("4", False), ("8", False), ("17", True)],
)
def test_a_status_in_numbers(status, trial, tmp_path):
    rows = [
        ["R_1", status, "1", "anonymous", "", "K1", "3", "pre"],
        ["R_2", "0", "0", "email", "", "K2", "3", "pre"],
        ["R_3", "0", "1", "email", "", "K3", "5", "pre"],
    ]
    table = read_delimited(written(tmp_path, [HEAD, TEXTS, IDS, *rows]))
    assert table["ResponseId"].tolist() == (["R_3"] if trial else ["R_1", "R_3"])


def test_an_unfinished_preview_is_counted_once_and_never_kept(tmp_path):
    preview = ["R_9", "Survey Preview", "False", "preview", "", "", "3", "pre"]
    path = written(tmp_path, [HEAD, TEXTS, IDS, preview, ROWS[1]])
    for unfinished in (False, True):
        table = read_delimited(path, unfinished=unfinished)
        assert len(table) == 1 and {n.rule for n in table.notes} == {
            "survey_headings",
            "survey_preview",
        }


def test_a_patient_column_without_a_patient_is_not_guessed(tmp_path):
    rows = [
        ["", "anonymous", "True", "", "", "", "7", "pre"],
        ["", "anonymous", "True", "", "", "", "4", "post"],
    ]
    named = [
        [*HEAD, "clinic code"],
        [*TEXTS, "Code?"],
        [*IDS, IDS[0]],
        [*rows[0], "K1"],
        [*rows[1], "K1"],
    ]
    assert 'patient = "clinic code"   # guess' in guess_study(written(tmp_path, named))[0]


def test_a_survey_without_a_submitted_answer_is_refused(tmp_path):
    with pytest.raises(DataError, match="no submitted answer: all 2 row"):
        read_delimited(written(tmp_path, [HEAD, TEXTS, IDS, ROWS[0], ROWS[3]]))
    with pytest.raises(DataError, match="headings but no rows"):
        read_delimited(written(tmp_path, [HEAD, TEXTS, IDS]))


def test_a_plain_table_with_a_column_called_status_is_left_alone(tmp_path):
    table = read_delimited(
        written(tmp_path, [["id", "Status", "Finished", "nrs"], ["a", "1", "0", "7"]])
    )
    assert len(table) == 1 and not table.notes


def test_a_study_of_the_qualtrics_example(tmp_path):
    (tmp_path / "q.csv").write_bytes((EXPORTS / "qualtrics_3header.csv").read_bytes())
    (tmp_path / "study.toml").write_text(
        """
[data]
scores = "q.csv"
[roles]
patient = "ExternalReference"
visit = "Q2"
[visits]
order = ["pre", "month_1"]
names = { "Before infusion" = "pre", "1 month after" = "month_1" }
[instruments]
pain_nrs = { average = "Q1_1" }
[outcomes]
activity = { column = "Q3_1", better = "lower", low = 0, high = 10 }
[privacy]
drop = ["StartDate", "EndDate", "IPAddress", "RecordedDate", "LocationLatitude", "LocationLongitude", "Q4_4_TEXT"]
""",
        encoding="utf-8",
    )
    study = read_study(tmp_path / "study.toml")
    assert study.wide("pain_nrs_average").to_dict("index") == {"K001": {"pre": 7, "month_1": 4}}
    assert study.wide("activity").loc["K001"].tolist() == [8, 5] and study.rows == (
        "row 5",
        "row 6",
    )
    left = {
        i.rule: i
        for i in study.issues
        if i.rule in ("survey_preview", "unfinished_answer", "survey_headings")
    }
    assert (
        left["survey_preview"].count == left["unfinished_answer"].count == 1
        and left["survey_headings"].count == 3
    )
    assert "row 7, column Q1_1" in left["unfinished_answer"].addresses


def test_a_first_study_file_knows_the_patient_and_repeats_the_questions():
    text, _, problem = guess_study(EXPORTS / "qualtrics_3header.csv")
    assert (
        'patient = "ExternalReference"   # guess' in text
        and "Q1_1: What is your AVERAGE pain" in text
    )
    assert 'visit = "Q2"' in text and "K001" not in text + problem


# --- SurveyMonkey ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_question_and_its_part_make_one_heading(name, tmp_path):
    table = read_file(Source(written(tmp_path, MONKEY, name)))
    assert table.columns == (
        "Respondent ID",
        "Collector ID",
        "Your code?",
        "Pain",
        "Interference: Work",
        "Interference: Sleep",
        "Where?: Back",
        "Where?: Other (please specify)",
    )
    assert table.rows.tolist() == [3, 4] and table["Interference: Sleep"].tolist() == ["6", "5"]
    assert table.address(1, "Interference: Work") == (
        "E4" if name == "a.xlsx" else "row 4, column Interference: Work"
    )


def test_the_same_question_twice_is_refused_by_its_heading(tmp_path):
    twice = [[*MONKEY[0], "Pain"], [*MONKEY[1], "Response"], [*MONKEY[2], "3"]]
    with pytest.raises(DataError, match=r"occur more than once: 'Pain' \(2 times\)"):
        read_delimited(written(tmp_path, twice))


def test_an_export_whose_headings_somebody_has_joined_is_a_plain_table(tmp_path):
    joined = [["Respondent ID", "Collector ID", "code", "pain"], ["1", "9", "K001", "7"]]
    assert len(read_delimited(written(tmp_path, joined))) == 1


def test_a_study_of_the_surveymonkey_example(tmp_path):
    (tmp_path / "s.csv").write_bytes((EXPORTS / "surveymonkey_2header.csv").read_bytes())
    said = """
[data]
scores = "s.csv"
ids = "casefold"
missing = ["n/a"]
[roles]
patient = "What is your clinic study code?"
episode = "Respondent ID"
[outcomes]
pain = { column = "On average, how bad was your pain in the last 24 hours?", better = "lower", low = 0, high = 10 }
activity = { column = "How much has pain interfered with your: General activity", better = "lower", low = 0, high = 10 }
sleep = { column = "How much has pain interfered with your: Sleep", better = "lower", low = 0, high = 10 }
[privacy]
drop = ["Date Created", "Date Modified", "IP Address"]
"""
    (tmp_path / "study.toml").write_text(said, encoding="utf-8")
    study = read_study(tmp_path / "study.toml")
    assert (
        study.enrolled == 1
        and study.scores["pain"].tolist() == [7, 4]
        and study.scores["sleep"].tolist() == [9, 5]
    )
    report = study.columns.set_index("column").loc[
        "How much has pain interfered with your: General activity"
    ]
    assert (report["parsed"], report["unparseable"]) == (1, 1) and report["addresses"].startswith(
        "row 3, column How much"
    )
    (tmp_path / "study.toml").write_text(said.replace('ids = "casefold"', ""), encoding="utf-8")
    with pytest.raises(DataError, match="differ only by capitals or spaces"):
        read_study(tmp_path / "study.toml")


def test_a_first_study_file_of_the_surveymonkey_example():
    text, _, problem = guess_study(EXPORTS / "surveymonkey_2header.csv")
    assert (
        'patient = "What is your clinic study code?"   # guess' in text
        and 'ids = "casefold"' in problem
    )
