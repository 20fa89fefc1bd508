"""Visits as clinics write them: several spellings, dates or days in their place, words of a stay."""

from __future__ import annotations

import pytest

from outcomes.core.errors import StudyError
from outcomes.readers import read_table
from outcomes.readers.shape.visit_names import spelling, wide_columns
from outcomes.readers.shape.visit_spellings import spellings
from tests.readers.clinic_files import csv, draft, long_rows

NRS = {"pain_nrs": {"average": "nrs_avg"}}
HEAD = ["patient_id", "visit", "nrs_avg"]


@pytest.mark.parametrize(
    "ways",
    [
        ("Baseline", "BASELINE", "baseline ", "BL", "Base line"),
        ("Week 4", "week4", "Wk 4", "4 weeks", "W04", "four weeks", "4-week", "28 days", "Day 28"),
        ("Woche 4", "4 Wochen", "semaine 4", "4 semanas", "4 settimane", "4 weken"),
        ("Month 3", "3 months", "3M", "mois 3", "3 Monate", "3 maanden"),
        ("Visit 2", "V2", "visit2"),
        ("Follow-up", "followup", "Follow up"),
    ],
)
def test_ways_to_write_one_visit(ways):
    assert len({spelling(v) for v in ways}) == 1


@pytest.mark.parametrize(
    "one, other",
    [
        ("Week 4", "Week 12"),
        ("Week 4", "Visit 4"),
        ("Week 4 pre", "Week 4 post"),
        ("3 months", "12 weeks"),
        ("Follow-up 1", "Follow-up 2"),
        ("pre", "post"),
    ],
)
def test_visits_that_are_not_one(one, other):
    assert spelling(one) != spelling(other)


def test_names_of_one_time_are_one_visit_only_where_no_patient_has_both():
    visits = ["pre", "baseline", "post", "post"]
    assert spellings(visits, ["a", "b", "a", "b"]) == [("pre", "baseline")]
    assert spellings(visits, ["a", "a", "a", "b"]) == []


def test_a_slip_of_the_pen_is_asked_about_too():
    visits = ["baseline", "basleine", "discharge"]
    assert spellings(visits, list("abc")) == [("baseline", "basleine")]
    assert spellings(["phase 1", "phase 2"], list("ab")) == []


@pytest.mark.parametrize(
    "ways",
    [
        [("Baseline", "Week 4"), ("BASELINE", "week4"), ("baseline", "Wk 4")],
        [("pre", "post"), ("Pre", "Post"), ("PRE", "post ")],
        [("T0", "T1"), ("t0", "T 1"), ("T0", "t1")],
        [("Vor Infusion", "4 Wochen"), ("vor infusion", "Woche 4"), ("Vor  Infusion", "4 Wo")],
    ],
)
def test_init_proposes_one_name_and_reading_stops_until_it_is_said(tmp_path, ways):
    rows = [[f"K{i}", *row[1:]] for i in range(6) for row in long_rows(ways[i % 3], 1)]
    path = csv(tmp_path, [HEAD, *rows])
    found = draft(path)
    assert len(found.study.visits) == 2 and found.change() == -3
    assert found.study.enrolled == 6 and found.said["visits"]["names"]
    with pytest.raises(StudyError, match=r"spelt in several ways: .*visits\] names = \{"):
        read_table(path, patient="patient_id", visit="visit", instruments=NRS)


def test_visits_declared_apart_are_read_with_a_warning(tmp_path):
    rows = [["K1", "Week 4", 5], ["K2", "Wk 4", 5], ["K1", "pre", 7], ["K2", "pre", 7]]
    path = csv(tmp_path, [HEAD, *rows])
    asked = {"patient": "patient_id", "visit": "visit", "instruments": NRS}
    apart = read_table(path, **asked, visits=["pre", "Week 4", "Wk 4"])
    assert "visit_spelling" in [i.rule for i in apart.issues]
    joined = read_table(path, **asked, visit_names={"Wk 4": "Week 4"})
    assert joined.visits == ("pre", "Week 4")
    assert "visit_spelling" not in [i.rule for i in joined.issues]


def test_two_rows_of_one_visit_in_two_spellings_are_not_joined(tmp_path):
    path = csv(tmp_path, [HEAD, ["K1", "Week 4", 5], ["K1", "week4", 6], ["K1", "pre", 7]])
    found = draft(path)
    assert found.study is None and "row 2, row 3" in found.problem


@pytest.mark.parametrize(
    "headings, expected",
    [
        ("ID nrs_pre nrs_post Start_dose Final_dose", {"nrs": ["pre", "post"]}),
        ("ID nrs_pre nrs_post start_weight end_weight", {"nrs": ["pre", "post"]}),
        ("ID nrs_baseline nrs_week4 Baseline_dose", {"nrs": ["baseline", "week4"]}),
        ("ID admission_date discharge_date nrs_pre nrs_post", {"nrs": ["pre", "post"]}),
        ("ID nrs_start nrs_end", {"nrs": ["start", "end"]}),
        (
            "ID nrs_pre nrs_post dose_pre dose_post",
            {"nrs": ["pre", "post"], "dose": ["pre", "post"]},
        ),
        ("ID Start_dose Final_dose age", {}),
        ("ID nrs_wk4 nrs_BL phq_week_4 phq_baseline", {"nrs": ["wk4", "bl"], "phq": ["wk4", "bl"]}),
    ],
)
def test_doses_dates_and_words_of_a_stay_make_no_visits(headings, expected):
    found = wide_columns(headings.split())
    assert {s: list(by) for s, by in found.items()} == expected


def test_doses_are_patient_columns_of_a_wide_table(tmp_path):
    rows = [["ID", "nrs_pre", "nrs_post", "Start dose", "Final dose"]]
    rows += [[f"K{i}", 7, 4 + i % 2, 20, 40 + i % 2] for i in range(6)]
    found = draft(csv(tmp_path, rows))
    assert found.study.visits == ("pre", "post") and "outcomes" not in found.said
    assert found.study.characteristic("Final dose").tolist() == [40, 41] * 3


DATES = {
    "days": [
        ("14/03/2025", "11/04/2025"),
        ("16/03/2025", "15/04/2025"),
        ("20/03/2025", "16/04/2025"),
    ],
    "iso": [
        ("2025-03-14", "2025-06-06"),
        ("2025-03-20", "2025-06-11"),
        ("2025-03-21", "2025-06-15"),
    ],
    "points": [("14.03.2025", "21.03.2025"), ("1.4.2025", "9.4.2025"), ("3.4.2025", "10.4.2025")],
}


@pytest.mark.parametrize(
    "kind, visit, window",
    [("days", "week_4", [14, 43]), ("iso", "week_12", [42, 127]), ("points", "week_1", [4, 12])],
)
def test_dates_in_place_of_visits_become_windows(tmp_path, kind, visit, window):
    rows = [
        [f"K{i}", on, 8 - 3 * k] for i, pair in enumerate(DATES[kind]) for k, on in enumerate(pair)
    ]
    found = draft(csv(tmp_path, [["patient_id", "date", "nrs_avg"], *rows]))
    assert found.said["roles"]["date"] == "date" and "privacy" not in found.said
    assert list(found.said["visits"]["days"]) == ["baseline", visit]
    assert found.said["visits"]["days"][visit] == window
    assert found.change() == -3 and found.study.enrolled == 3
    assert "day" in found.study.scores and "date" not in found.study.scores


def test_days_in_place_of_visits(tmp_path):
    rows = [
        [f"K{i}", d + (i % 2) * (d > 0), 8 - 2 * k]
        for i in range(5)
        for k, d in enumerate((0, 7, 28))
    ]
    found = draft(csv(tmp_path, [["patient_id", "study_day", "nrs_avg"], *rows]))
    assert found.said["roles"]["day"] == "study_day"
    assert list(found.said["visits"]["days"]) == ["baseline", "week_1", "week_4"]
    assert found.change() == -4 and "between_visits" not in found.rules()


def test_dates_that_can_be_read_two_ways_are_asked_about(tmp_path):
    rows = [[f"K{i}", f"0{k + 3}/0{i + 4}/2025", 8 - k] for i in range(3) for k in range(2)]
    found = draft(csv(tmp_path, [["patient_id", "visit_date", "nrs_avg"], *rows]))
    assert found.study is None and 'date_order = "dmy" or "mdy"' in found.problem
    assert "remove" not in found.problem


def test_days_that_run_into_each_other_are_left_open(tmp_path):
    rows = [[f"K{i}", d, 7] for i in range(6) for d in (0, 3 + 2 * i, 9 + 3 * i)]
    found = draft(csv(tmp_path, [["patient_id", "day", "nrs_avg"], *rows]))
    assert found.study is None and "[visits] days = {" in found.problem


def test_a_birth_date_is_no_visit(tmp_path):
    rows = [
        [f"K{i}", "1971-02-03", f"2025-03-{10 + i + 14 * k}", 8 - k]
        for i in range(4)
        for k in (0, 1)
    ]
    found = draft(csv(tmp_path, [["patient_id", "dob", "seen", "nrs_avg"], *rows]))
    assert found.said["roles"]["date"] == "seen" and found.said["privacy"]["drop"] == ["dob"]
