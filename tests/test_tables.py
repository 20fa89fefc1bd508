"""Tables: every number of the answers, in words once rounded, escaped, with undefined shown as such
and everybody counted.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.direction import DIFFERENCE
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.result import Result
from outcomes.tables.results_table import Table
from tests.builders import two_visits

CHANGE = oc.PairedT("pain", before="baseline", after="week_4")
STUDY = two_visits([7, 6, 8, 5, 9, None], [5, 6, 2, 4, 7, 5])


def result(*estimates: Estimate, **more: object) -> Result:
    return Result(
        CHANGE,
        estimates,
        Counts(6, 5, (("no score at baseline", 1),)),
        STUDY.outcome("pain"),
        **more,
    )


def test_one_answer() -> None:
    answer = CHANGE.run(STUDY)
    table = oc.table(answer)
    assert table.title == "average pain (NRS), baseline to week 4: paired t-test"
    assert table.header == ("estimate", "value", "interval", "P", "n")
    e = answer.estimates[0]
    low, high = oc.wording.number(e.low), oc.wording.number(e.high)
    assert table.rows[0] == ("mean change", "−2.2", f"{low} to {high}", ".10", "5 of 6")
    assert len(table.rows) == len(answer.estimates)
    assert table.notes[0] == "Intervals are 95% confidence intervals."
    assert "No control group" in table.notes[1]


def test_several_answers_are_told_apart_by_their_question() -> None:
    plan = oc.Plan(CHANGE, oc.SignedRank("pain", before="baseline", after="week_4"))
    table = oc.table(plan.run(STUDY))
    assert table.header[0] == "question"
    asked = [row[0] for row in table.rows if row[0]]
    assert asked == [q.title(STUDY.outcome("pain")) for q in plan]


def test_a_question_without_an_answer_is_a_row_that_says_why() -> None:
    table = oc.table(oc.Plan(dataclasses.replace(CHANGE, after="weak_4"), CHANGE).run(STUDY))
    assert "not answered: No visit 'weak_4'" in table.rows[0][1]
    assert table.rows[0][2] == "–"
    assert table.rows[0][-1] == "0 of 6"


def test_an_undefined_number_is_a_dash_with_its_reason() -> None:
    alone = oc.table(CHANGE.run(two_visits([7], [5])))
    assert alone.rows[0][:2] == ("mean change", "−2.0")
    assert "too few patients" in " ".join(alone.rows[0])
    flat = str(oc.table(CHANGE.run(two_visits([7, 6, 5], [5, 4, 3]))))
    for false in ("nan", "inf", "None"):
        assert false not in flat


@pytest.mark.parametrize(
    "e, value, interval",
    [
        (Estimate("share", 0.375, 0.2, 0.6, unit="share"), "38%", "20 to 60%"),
        (
            Estimate("risk difference", 0.294, 0.12, 0.45, unit=DIFFERENCE),
            "29 percentage points",
            "12 to 45",
        ),
        (
            Estimate("risk difference", -0.01, -0.12, 0.09, unit=DIFFERENCE),
            "−1 percentage point",
            "−12 to 9",
        ),
        (Estimate("risk difference", 0.5, unit=DIFFERENCE), "50 percentage points", "5 of 6"),
        (Estimate("mean change", -1.25, -2.5, -0.05, unit="points"), "−1.3", "−2.5 to −0.1"),
        (Estimate("d_av", -0.635, -1.0, -0.2), "−0.64", "−1.00 to −0.20"),
    ],
)
def test_numbers_are_rounded_once_half_away_from_zero(
    e: Estimate, value: str, interval: str
) -> None:
    assert oc.table(result(e)).rows[0][1:3] == (value, interval)


def test_levels_that_differ_are_named() -> None:
    table = oc.table(
        result(
            Estimate("a", 1.0, 0.0, 2.0),
            Estimate("b", 1.0, 0.0, 2.0),
            Estimate("c", 1.0, 0.0, 2.0, level=0.9),
        )
    )
    assert [row[2].endswith("(90%)") for row in table.rows] == [False, False, True]
    assert "where no other level stands beside them" in table.notes[0]


def test_adjusted_p_values_stand_beside_the_raw_ones() -> None:
    assert "adjusted P" not in oc.table(result(Estimate("a", 1.0, p=0.01))).header
    table = oc.table(result(Estimate("a", 1.0, p=0.01, p_adjusted=0.03), Estimate("b", 2.0)))
    assert table.header == ("estimate", "value", "P", "adjusted P", "n")
    assert table.rows[0][2:4] == (".01", ".03")


def test_only_some_estimates() -> None:
    assert [row[0] for row in oc.table(CHANGE.run(STUDY), only=("mean change", "d_av")).rows] == [
        "mean change",
        "standardised by the average SD",
    ]


def test_who_was_counted_adds_up() -> None:
    table = oc.table(CHANGE.run(STUDY).counts)
    assert table.rows == (
        ("enrolled", "6"),
        ("left out: no score at baseline", "1"),
        ("counted", "5"),
    )
    assert table.header[1] == "patients"


def test_a_corner_without_words_is_no_heading() -> None:
    page = oc.table(CHANGE.run(STUDY).counts)._repr_html_()
    assert "></th>" not in page and page.count("<th ") == page.count("</th>") == 1


def test_any_frame_becomes_a_table() -> None:
    frame = pd.DataFrame(
        {
            "group_name": ["IV", "oral"],
            "n": [3, 4],
            "mean": [1.234, 2.0],
            "small": [0.1234, np.nan],
            "sure": [True, False],
            "empty": [np.nan, np.nan],
            "blank": ["", ""],
        }
    )
    table = oc.table(frame, "By route")
    assert table.header == ("group name", "n", "mean", "small", "sure")
    assert table.rows == (("IV", "3", "1.23", "0.123", "yes"), ("oral", "4", "2.00", "–", "no"))
    assert table.title == "By route"


def test_the_list_of_issues_becomes_a_table() -> None:
    table = oc.table(oc.check(STUDY))
    assert "message" in table.header
    assert len(table.rows) == len(oc.check(STUDY))


def test_numbers_are_never_cut_over_two_lines() -> None:
    page = Table("", ("words", "n"), (("any words", "138 of 240"),), numeric=(1,))._repr_html_()
    assert '<td style="text-align:right;white-space:nowrap">138 of 240</td>' in page
    assert '<td style="text-align:left">any words</td>' in page


def test_everything_is_escaped() -> None:
    page = Table("<script>1</script>", ("<b>a</b>",), (("<img src=x>",),), ("a & b",))._repr_html_()
    for tag in ("<script", "<img", "<b>a"):
        assert tag not in page
    assert "a &amp; b" in page


def test_text_lines_up_and_numbers_stand_right() -> None:
    lines = str(
        Table("T", ("what", "value"), (("a", "1.0"), ("long", "−12.5")), ("said",), numeric=(1,))
    ).splitlines()
    assert lines == [
        "T",
        "",
        "what  value",
        "----  -----",
        "a       1.0",
        "long  −12.5",
        "Note: said",
    ]


def test_a_table_is_a_frame_of_its_text() -> None:
    table = oc.table(CHANGE.run(STUDY))
    frame = table.to_frame()
    assert tuple(frame.columns) == table.header
    assert [tuple(r) for r in frame.itertuples(index=False)] == list(table.rows)


def test_no_results_is_an_empty_table() -> None:
    assert oc.table(oc.Plan().run(STUDY)).rows == ()


def test_a_difference_of_shares_is_never_in_percent() -> None:
    arms = pd.DataFrame(
        {"patient": [f"p{i:03d}" for i in range(1, 13)], "arm": ["ketamine", "placebo"] * 6}
    )
    events = pd.DataFrame({"patient": ["p001", "p003", "p004"], "event": "nausea"})
    trial = two_visits(
        [7, 6, 8, 5, 9, 6] * 2,
        [3, 6, 5, 5, 4, 5] * 2,
        design="parallel",
        patients=arms,
        events=events,
    )
    plan = oc.Plan(
        oc.CompareResponders("pain", before="baseline", after="week_4"),
        oc.SideEffectsByRoute(by="arm"),
    )
    for answer in plan.run(trial):
        differences = [e for e in answer.estimates if "difference" in e.name]
        assert differences and {e.unit for e in differences} == {DIFFERENCE}
        rows = [r for r in oc.table(answer).rows if "difference" in r[0]]
        assert all("percentage point" in r[1] and "%" not in r[2] for r in rows)
        assert (
            "percentage point" in answer._repr_html_() and "percentage point" in answer.sentence()
        )
