"""Names of visits, and wide tables made long with their addresses kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.core.errors import StudyError
from outcomes.readers.cells import TextTable
from outcomes.readers.shape.visit_names import (
    declared_columns,
    in_order,
    split_column,
    visit_time,
    wide_columns,
)
from outcomes.readers.shape.wide import to_long


@pytest.mark.parametrize(
    "earlier, later",
    [
        ("Screening", "Baseline"),
        ("baseline", "day_1"),
        ("day_1", "Week 1"),
        ("week_4", "week_12"),
        ("W4", "W12"),
        ("Month 1", "month 3"),
        ("pre", "post"),
        ("Before infusion", "1 month after"),
        ("baseline_arm_1", "followup_1m_arm_1"),
        ("T0", "T1"),
        ("V2", "V10"),
        ("4", "7"),
        ("6 months", "1 year"),
        ("3M", "6M"),
    ],
)
def test_visits_come_in_the_order_of_their_time(earlier, later):
    assert visit_time(earlier) < visit_time(later)
    assert in_order([later, earlier]) == ((earlier, later), True)


def test_names_without_a_time_stay_as_they_come():
    assert in_order(["red", "baseline", "red"]) == (("red", "baseline"), False)


@pytest.mark.parametrize(
    "column",
    [
        "phq9_1",
        "eq5d_mo",
        "promis29_pf1",
        "isi_7",
        "age",
        "nrs_avg",
        "Change NRS",
        "site",
        "dose_mg",
        "named",
        "gad7",
    ],
)
def test_columns_that_are_no_visits(column):
    assert split_column(column) is None


@pytest.mark.parametrize(
    "headings, expected",
    [
        ("id pre post", {"score": {"pre": "pre", "post": "post"}}),
        (
            "id nrs_avg_pre nrs_avg_post",
            {"nrs_avg": {"pre": "nrs_avg_pre", "post": "nrs_avg_post"}},
        ),
        ("id pre m2 m3 m5 m8", {"score": {v: v for v in ("pre", "m2", "m3", "m5", "m8")}}),
        ("id phq9_1_pre phq9_1_w4 age", {"phq9_1": {"pre": "phq9_1_pre", "w4": "phq9_1_w4"}}),
        ("id nrs_t0 nrs_t1", {"nrs": {"t0": "nrs_t0", "t1": "nrs_t1"}}),
        ("id eq_d1 eq_d2 eq_d3", {}),
        ("id visit nrs", {}),
        ("id nrs_post", {}),
        (
            "id MADRS_Baseline MADRS_Post",
            {"MADRS": {"baseline": "MADRS_Baseline", "post": "MADRS_Post"}},
        ),
    ],
)
def test_wide_columns_are_found(headings, expected):
    assert wide_columns(headings.split()) == expected


def test_declarations():
    there = ["id", "pk1", "pk2", "pk5", "T1 nrs", "T2 nrs", "before", "later"]
    assert declared_columns({"suffix": {"a": "1", "b": "2"}}, ["pk1", "pk2"]) == {
        "pk": {"a": "pk1", "b": "pk2"}
    }
    assert declared_columns({"prefix": {"a": "T1", "b": "T2"}}, there) == {
        "nrs": {"a": "T1 nrs", "b": "T2 nrs"}
    }
    assert declared_columns({"columns": {"x": {"a": "before"}}}, there) == {"x": {"a": "before"}}


def wide_table(letters=()):
    frame = pd.DataFrame(
        {
            "id": ["1", "2"],
            "sex": ["F", ""],
            "pre": ["7", ""],
            "post": ["4", "6?"],
            "end": ["", "1"],
        }
    )
    return TextTable("a", frame, np.array([5, 6]), letters)


@pytest.mark.parametrize("letters, where", [((), "row 6, column post"), (tuple("ABCDE"), "D6")])
def test_long_rows_keep_the_addresses_of_the_file(letters, where):
    table = to_long(wide_table(letters), {"nrs": {"pre": "pre", "post": "post"}}, ("pre", "post"))
    assert table.frame.to_numpy(object).tolist() == [
        ["1", "F", "", "pre", "7"],
        ["2", "", "1", "pre", ""],
        ["1", "F", "", "post", "4"],
        ["2", "", "1", "post", "6?"],
    ]
    assert table.address(3, "nrs") == where and table.row_address(3) == "row 6 (post)"
    later = table.keep(np.array([False, True, False, True]))
    assert later.address(1, "nrs") == where and later.row_address(0) == "row 6 (pre)"
    assert (
        table.own("nrs").all()
        and table.own("sex").tolist() == [True, True, False, False]
        and not table.own("visit").any()
    )


def test_a_score_without_a_column_at_a_visit_owns_no_cell_there():
    table = to_long(
        wide_table(),
        {"nrs": {"pre": "pre", "post": "post"}, "pgic": {"post": "end"}},
        ("pre", "post"),
    )
    assert table["pgic"].tolist() == ["", "", "", "1"] and table.own("pgic").tolist() == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "scores, message",
    [
        ({"nrs": {"pre": "per"}}, r"No column 'per'.*Did you mean 'pre'"),
        ({"nrs": {"pre": "pre", "post": "pre"}}, "uses a column twice"),
        ({"sex": {"pre": "pre"}}, "two columns called 'sex'"),
    ],
)
def test_impossible_declarations(scores, message):
    with pytest.raises(StudyError, match=message):
        to_long(wide_table(), scores, ("pre",))
