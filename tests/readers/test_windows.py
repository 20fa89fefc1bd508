"""Visits from days: each row is in one window, or listed."""

from __future__ import annotations

import pytest

from outcomes.core.errors import DataError, StudyError
from outcomes.readers import read_study, read_table

STUDY = """
[data]
scores = "scores.csv"
{infusions}
[roles]
patient = "id"
date = "on"
[visits]
{visits}
[outcomes]
nrs = {{ better = "lower", low = 0, high = 10 }}
"""
ROWS = "id,on,nrs\na,2024-03-01,7\na,2024-03-08,6\na,2024-04-05,4\nb,2024-03-02,8\nb,2024-03-30,5\nb,2024-03,1\n"
DAYS = "days = { baseline = [-7, 0], week_4 = [14, 42] }"


@pytest.fixture
def read(tmp_path):
    def reading(visits=DAYS, rows=ROWS, infusions=""):
        (tmp_path / "scores.csv").write_text(rows)
        if infusions:
            (tmp_path / "infusions.csv").write_text(infusions)
        file = 'infusions = "infusions.csv"' if infusions else ""
        (tmp_path / "study.toml").write_text(STUDY.format(visits=visits, infusions=file))
        return read_study(tmp_path / "study.toml")

    return reading


def test_each_row_is_in_a_window_or_listed(read):
    study = read()
    assert study.scores[["patient", "visit", "day", "nrs"]].to_numpy().tolist() == [
        ["a", "baseline", 0, 7],
        ["a", "week_4", 35, 4],
        ["b", "baseline", 0, 8],
        ["b", "week_4", 28, 5],
    ]
    assert (study.visits, study.baseline) == (("baseline", "week_4"), "baseline")
    assert study.rows == ("row 2", "row 4", "row 5", "row 6")
    left = {i.rule: i for i in study.issues}
    assert (left["between_visits"].addresses, left["no_day"].addresses) == (("row 3",), ("row 7",))


def test_days_count_from_the_first_infusion_where_there_is_one(read):
    study = read(
        "days = { baseline = [-3, 0], week_4 = [14, 42] }",
        infusions="id,on\na,2024-03-08\nb,2024-03-02\n",
    )
    assert study.scores[["patient", "visit", "day"]].to_numpy().tolist() == [
        ["a", "baseline", 0],
        ["a", "week_4", 28],
        ["b", "baseline", 0],
        ["b", "week_4", 28],
    ]


def test_windows_come_in_the_order_of_their_days(read):
    assert read(
        "days = { week_4 = [14, 42], baseline = [-7, 0] }\nbaseline = 'baseline'"
    ).visits == (
        "baseline",
        "week_4",
    )


def test_two_rows_in_a_window_are_refused_by_address(read):
    with pytest.raises(DataError, match="2 rows share the same patient and visit: row 2, row 3"):
        read("days = { baseline = [0, 10], week_4 = [14, 42] }")


@pytest.mark.parametrize(
    "visits, words",
    [
        ("days = { a = [0] }", r"a is written as a = \[first day, last day\]"),
        ("days = { a = [1, 0] }", "a is written as"),
        ("days = { a = ['x', 'y'] }", "a is written as"),
        ("days = { a = [nan, 1] }", "a is written as"),
        ("days = { a = [true, 1] }", "a is written as"),
        ("days = { a = [0, 7], b = [7, 9] }", "a and b overlap"),
        ("days = { a = [100, 200] }", "no row lies on a day of any visit"),
        ("days = [1]", "'days' is a table, such as days = "),
        ("", r"only their dates tell apart.*\[visits\] days"),
    ],
)
def test_what_is_no_window_is_refused(read, visits, words):
    with pytest.raises(StudyError, match=words):
        read(visits)


def test_a_visit_and_its_days_exclude_each_other(read):
    with pytest.raises(StudyError, match="exclude each other"):
        read(rows="id,on,visit,nrs\na,2024-03-01,pre,7\n")
    with pytest.raises(StudyError, match=r"date: No column 'on'"):
        read(rows="id,nrs\na,7\n")


def test_days_in_arguments(read, tmp_path):
    said = read().scores
    nrs = {"nrs": {"better": "lower", "low": 0, "high": 10}}
    days = {"baseline": (-7, 0), "week_4": [14, 42]}
    study = read_table(tmp_path / "scores.csv", patient="id", date="on", days=days, outcomes=nrs)
    assert study.scores.equals(said)
