"""Tables of names and values: one answer a row, as Assessment Center and record systems give."""

from __future__ import annotations

import pytest

from outcomes.core.errors import DataError, StudyError
from outcomes.readers.files import Source, read_file
from tests.readers.clinic_files import csv, draft


def rows(head, names=("NRS average", "PHQ-9 total"), when=("baseline", "week_4")):
    return [head] + [
        [f"K{p}", at, name, 8 - 3 * k + 2 * m]
        for p in range(5)
        for k, at in enumerate(when)
        for m, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    "head, names",
    [
        (["patient_id", "visit", "measure", "value"], ("NRS average", "PHQ-9 total")),
        (["PIN", "Assmnt", "Inst", "TScore"], ("nrs_avg", "phq9_total")),
        (["patient_id", "session", "questionnaire", "score"], ("Average pain", "PHQ9 score")),
    ],
)
def test_a_table_of_names_and_values_is_gathered(tmp_path, head, names):
    head = ["pid" if h == "PIN" else h for h in head]
    found = draft(csv(tmp_path, rows(head, names)))
    assert found.said["data"]["scores"]["measure"] == head[2]
    assert found.said["data"]["scores"]["each"] == head[:2]
    if head[1] in ("visit", "session"):
        assert found.change() == -3 and found.change("phq9_total") == -3
        assert found.study.enrolled == 5


def test_each_value_keeps_its_address(tmp_path):
    path = csv(tmp_path, rows(["patient_id", "visit", "measure", "value"]))
    table = read_file(Source(path, measure="measure", value="value", each=("patient_id", "visit")))
    assert table.columns == ("patient_id", "visit", "NRS average", "PHQ-9 total")
    assert table.address(1, "PHQ-9 total") == "row 5, column value" and len(table) == 10


def test_dates_in_place_of_visits(tmp_path):
    when = ("2025-03-01", "2025-03-29")
    found = draft(csv(tmp_path, rows(["pat_id", "contact_date", "question", "answer"], when=when)))
    assert found.said["roles"]["date"] == "contact_date"
    assert list(found.said["visits"]["days"]) == ["baseline", "week_4"] and found.change() == -3


def test_two_values_of_one_measure_stop_with_their_addresses(tmp_path):
    made = rows(["patient_id", "visit", "measure", "value"])
    path = csv(tmp_path, [*made, made[1]])
    with pytest.raises(DataError, match=r"row 2, column value; row 22, column value"):
        read_file(Source(path, measure="measure", value="value", each=("patient_id", "visit")))
    with pytest.raises(StudyError, match="come together"):
        read_file(Source(path, measure="measure"))
    with pytest.raises(StudyError, match="No column 'vist'"):
        read_file(Source(path, measure="measure", value="value", each=("patient_id", "vist")))


def test_a_plain_long_table_is_not_gathered(tmp_path):
    made = [["patient_id", "visit", "test", "score", "nrs_avg"]]
    made += [
        [f"K{p}", v, "walk", p, 8 - 3 * k] for p in range(5) for k, v in enumerate(("pre", "post"))
    ]
    assert draft(csv(tmp_path, made)).said["data"]["scores"] == "scores.csv"
