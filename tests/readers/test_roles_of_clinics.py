"""Which column is what: REDCap's arms and repeating forms, numbers of answers, codes by site."""

from __future__ import annotations

import pytest

from outcomes.core.errors import StudyError
from outcomes.questionnaires import recognise
from outcomes.readers import read_study, read_table
from outcomes.readers.files import Source, read_file
from tests.readers.clinic_files import csv, draft, long_rows, xlsx

NRS = {"pain_nrs": {"average": "nrs_avg"}}
EVENT = "redcap_event_name"


# --- REDCap ---------------------------------------------------------------------------------------


def arms(pattern="{visit}_arm_{arm}", first="record_id", event=EVENT):
    rows = [[first, event, "nrs_avg"]]
    return rows + [
        [f"K{p:02d}", pattern.format(visit=v, arm=1 + p % 2), 8 - 2 * k - p % 2]
        for p in range(6)
        for k, v in enumerate(("baseline", "week_4"))
    ]


def test_events_of_two_arms_are_visits_and_arms(tmp_path):
    found = draft(csv(tmp_path, arms()))
    assert found.study.visits == ("baseline", "week_4") and found.change() == -2
    assert found.said["roles"]["arm"] == "redcap_arm"
    assert found.study.characteristic("arm").tolist() == ["arm_1", "arm_2"] * 3
    assert [i.rule for i in found.study.issues].count("redcap_arms") == 1


def test_arms_of_a_workbook_keep_the_address_of_their_event(tmp_path):
    table = read_file(Source(xlsx(tmp_path, arms())))
    assert table.columns == ("record_id", EVENT, "nrs_avg", "redcap_arm")
    assert table.address(1, "redcap_arm") == "B3" and not table.own("redcap_arm").any()
    assert table.without(["nrs_avg"], "x", "y").address(1, "redcap_arm") == "B3"


def test_labels_of_events_name_the_arm(tmp_path):
    rows = arms("{visit} (Arm {arm}: Group {arm})")
    found = draft(csv(tmp_path, rows))
    assert found.study.visits == ("baseline", "week_4")
    assert set(found.study.characteristic("arm")) == {"Group 1", "Group 2"}


def test_rows_of_field_and_value_are_split_too(tmp_path):
    rows = [["record", EVENT, "field_name", "value"]]
    rows += [[p, v, "nrs_avg", x] for p, v, x in arms()[1:]]
    found = draft(csv(tmp_path, rows))
    assert found.study.visits == ("baseline", "week_4") and found.change() == -2


def test_one_arm_stays_as_it_is(tmp_path):
    rows = [[p, v.replace("arm_2", "arm_1"), x] for p, v, x in arms()]
    found = draft(csv(tmp_path, rows))
    assert found.study.visits == ("baseline_arm_1", "week_4_arm_1")


def test_arms_that_a_record_goes_through_are_phases_and_said(tmp_path):
    rows = [["record_id", EVENT, "nrs_avg"]]
    rows += [[p, v, 7] for p in "ABC" for v in ("baseline_arm_1", "week_2_arm_2")]
    found = draft(csv(tmp_path, rows))
    assert found.study.visits == ("baseline_arm_1", "week_2_arm_2")
    [issue] = [i for i in found.study.issues if i.rule == "redcap_arms"]
    assert issue.severity == "warning" and issue.count == 3 and "row 2" in issue.addresses


REPEATS = """
record_id,redcap_repeat_instrument,redcap_repeat_instance,diagnosis,nrs_avg,phq9_total
K001,,,2,,
K001,weekly,1,,6,12
K001,weekly,2,,3,6
K002,,,1,,
K002,weekly,1,,7,12
K002,weekly,2,,5,8
"""


def test_a_form_that_repeats_and_holds_the_scores_gives_the_visits(tmp_path):
    found = draft(csv(tmp_path, REPEATS))
    assert found.said["data"]["scores"]["form"] == "weekly"
    assert found.said["data"]["patients"]["without"] == ["weekly"]
    assert found.said["roles"]["visit"] == "redcap_repeat_instance"
    assert found.study.visits == ("1", "2") and found.change() == -2.5
    assert found.study.characteristic("diagnosis").tolist() == [2, 1]


def test_infusions_that_repeat_beside_the_scores_are_infusions(tmp_path):
    rows = REPEATS.strip().splitlines()
    rows = [rows[0] + ",dose_mg", *(r + "," for r in rows[1:])]
    rows += ["K001,infusion_log,1,,,,40", "K001,infusion_log,2,,,,40", "K002,infusion_log,1,,,,35"]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.said["data"]["infusions"]["form"] == "infusion_log"
    assert found.said["data"]["scores"]["form"] == "weekly"
    assert found.study.infusions["dose"].tolist() == [40, 40, 35] and found.change() == -2.5


def test_scores_in_both_places_are_left_to_a_person(tmp_path):
    rows = REPEATS.replace("diagnosis", "isi_total")
    found = draft(csv(tmp_path, rows))
    assert "it seems to hold scores; to analyse these" in found.text


# --- numbers of answers, codes, visits in words ---------------------------------------------------


@pytest.mark.parametrize(
    "own",
    [
        ["ID", "Start time", "Completion time"],
        ["ID", "Startzeit", "Fertigstellungszeit"],
        ["ID", "Heure de début", "Heure de fin"],
        ["id", "submitdate", "lastpage", "startlanguage"],
        ["Response ID", "Date submitted", "Last page", "Start language"],
    ],
)
@pytest.mark.parametrize(
    "code, visit",
    [
        ("Patient code", "Visit"),
        ("Please enter your study code", "Which visit is this?"),
        ("Ihr Studiencode", "Welcher Besuch ist das?"),
    ],
)
def test_the_number_of_an_answer_is_no_patient(tmp_path, own, code, visit):
    rows = [[*own, code, visit, "Average pain in the last 7 days"]]
    for n, (patient, at, score) in enumerate(long_rows(("Baseline", "Week 4")), 1):
        rows.append([n, *[f"2025-03-{n:02d} 10:00:00"] * (len(own) - 1), patient, at, score])
    found = draft(xlsx(tmp_path, rows))
    assert found.said["roles"] == {"patient": code, "visit": visit}
    assert found.study.enrolled == 6 and found.change() == -3
    assert "by the words of the question" in found.text


def test_google_forms_have_no_id_at_all(tmp_path):
    rows = [["Timestamp", "Study code", "Visit", "Worst pain this week"]]
    rows += [[f"2025/03/{n:02d} 9:14:33 AM GMT+1", *r] for n, r in enumerate(long_rows(), 1)]
    found = draft(csv(tmp_path, rows))
    assert found.said["roles"]["patient"] == "Study code"
    assert found.change("pain_nrs_worst") == -3 and found.said["privacy"]["drop"] == ["Timestamp"]


@pytest.mark.parametrize(
    "question, item",
    [
        ("Wie stark waren Ihre Schmerzen durchschnittlich?", "average"),
        ("Douleur la plus forte (pire douleur)", "worst"),
        ("Dolor actual", "now"),
        ("Rate your pain right now", "now"),
    ],
)
def test_pain_in_the_words_of_a_question(tmp_path, question, item):
    rows = [["code", "visit", question], *long_rows()]
    assert draft(csv(tmp_path, rows)).said["instruments"]["pain_nrs"][item] == question


@pytest.mark.parametrize(
    "question", ["Average pain relief", "How much has pain interfered now", "Average sleep"]
)
def test_other_questions_are_no_pain_rating(tmp_path, question):
    rows = [["code", "visit", question], *long_rows()]
    assert "instruments" not in {k for k, v in draft(csv(tmp_path, rows)).said.items() if v}


def test_a_scale_of_100_is_no_rating_of_10(tmp_path):
    rows = [["code", "visit", "Average pain today"], *([p, v, 10 * x] for p, v, x in long_rows())]
    assert draft(csv(tmp_path, rows)).said["instruments"] == {}


def test_an_age_is_never_taken_for_the_patient(tmp_path):
    rows = [["Age", "nrs_pre", "nrs_post"], *([40 + n, 7, 4] for n in range(6))]
    found = draft(csv(tmp_path, rows))
    assert found.study is None and "No column seems to name the patient" in found.problem
    assert "patient" not in found.said["roles"]


BY_SITE = [
    ["site", "id", "visit", "nrs_avg"],
    *(
        [s, p, v, 8 - 3 * k - (s == "South")]
        for s in ("North", "South")
        for p in (1, 2, 3)
        for k, v in enumerate(("pre", "post"))
    ),
]


def test_codes_unique_only_within_a_site_are_made_of_both(tmp_path):
    found = draft(csv(tmp_path, BY_SITE))
    assert found.said["roles"]["patient"] == ["site", "id"]
    assert found.study.enrolled == 6 and found.change() == -3
    assert found.study.characteristic("site").value_counts().to_dict() == {"North": 3, "South": 3}
    assert "id" not in found.study.scores and "North/1" in set(found.study.scores["patient"])


def test_a_code_of_two_columns_in_every_table(tmp_path):
    path = csv(tmp_path, BY_SITE)
    said = {"patient": ["site", "id"], "visit": "visit", "instruments": NRS}
    patients = csv(tmp_path, "site,id,sex\nNorth,1,f\nSouth,3,m\n", "patients.csv")
    study = read_table(path, **said, patients=patients)
    assert study.enrolled == 6 and study.characteristic("sex").dropna().tolist() == ["f", "m"]
    alone = csv(tmp_path, "id,sex\n1,f\n", "alone.csv")
    with pytest.raises(StudyError, match=r"\[roles\] patient: No column 'site'"):
        read_table(path, **said, patients=alone)
    (tmp_path / "study.toml").write_text(draft(path).text)
    assert read_study(tmp_path / "study.toml").enrolled == 6


@pytest.mark.parametrize(
    "heading, score",
    [
        ("tsk11", "total_11"),
        ("TSK-11 total", "total_11"),
        ("tsk17_total", "total_17"),
        ("tsk", "total_17"),
    ],
)
def test_versions_of_an_instrument_are_told_by_their_name(heading, score):
    [hit] = recognise([heading])
    assert (dict(hit.totals), dict(hit.items)) == ({score: heading}, {})
