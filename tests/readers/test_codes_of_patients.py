"""Codes of patients, and scores that a spreadsheet program has changed."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest

from outcomes.core.errors import DataError, PrivacyError
from outcomes.readers import privacy, read_table
from tests.readers.clinic_files import csv, draft, long_rows, xlsx

NRS = {"pain_nrs": {"average": "nrs_avg"}}
HEAD = ["patient_id", "visit", "nrs_avg"]


@pytest.mark.parametrize(
    "first, second",
    [
        ("001", 1),
        ("0042", "42"),
        ("1001", "1001.0"),
        ("K-007", "K007"),
        ("K007", "K7"),
        ("s 01", "S1"),
    ],
)
def test_codes_equal_as_numbers_are_listed_and_never_joined_unseen(tmp_path, first, second):
    rows = [HEAD, [first, "pre", 7], [second, "post", 4], ["X9", "pre", 6], ["X9", "post", 5]]
    path = csv(tmp_path, rows)
    said = {
        "patient": "patient_id",
        "visit": "visit",
        "visits": ["pre", "post"],
        "instruments": NRS,
    }
    with pytest.raises(
        DataError, match=r"row 2, column patient_id and scores row 3, column pat"
    ) as e:
        read_table(path, **said)
    assert 'ids = "numbers"' in str(e.value) and 'ids = "distinct"' in str(e.value)
    assert str(first) not in str(e.value).replace("'.0'", "")
    assert draft(path).study is None and 'ids = "numbers"' in draft(path).text
    assert read_table(path, **said, ids="numbers").enrolled == 2
    assert read_table(path, **said, ids="distinct").enrolled == 3


def test_zeros_lost_in_one_table_of_two(tmp_path):
    path = csv(tmp_path, [HEAD, ["001", "pre", 7], ["001", "post", 4]])
    other = xlsx(tmp_path, [["patient_id", "diagnosis"], [1, "CRPS"]], "patients.xlsx")
    said = {"patient": "patient_id", "visit": "visit", "instruments": NRS, "patients": other}
    with pytest.raises(DataError, match=r"scores row 2, column patient_id and patients A2"):
        read_table(path, **said)
    joined = read_table(path, **said, ids="numbers")
    assert joined.enrolled == 1 and joined.characteristic("diagnosis").tolist() == ["CRPS"]


def test_codes_that_only_look_alike_are_read(tmp_path):
    rows = [
        HEAD,
        *(
            [code, v, 5]
            for code in ("1-10", "11-0", "110", "A1", "B1", "1.5", "15")
            for v in ("pre", "post")
        ),
    ]
    assert draft(csv(tmp_path, rows)).study.enrolled == 7


@pytest.mark.parametrize(
    "codes",
    [
        [f"03-512-{n}" for n in range(2047, 2053)],
        [f"0512-33-{n:04d}" for n in range(1, 7)],
        [f"301-22-{n:03d}" for n in range(1, 7)],
        [f"555-010-{n}" for n in range(1001, 1007)],
    ],
)
@pytest.mark.parametrize("name", ["USUBJID", "patient_id"])
def test_codes_of_study_site_and_subject_are_no_telephone_numbers(tmp_path, codes, name):
    rows = [[name, "visit", "nrs_avg"], *([c, v, 6] for c in codes for v in ("pre", "post"))]
    found = draft(csv(tmp_path, rows))
    assert found.study.enrolled == 6 and "privacy" not in found.said


def test_telephone_numbers_as_codes_are_still_found_and_never_dropped(tmp_path):
    phones = ["030-555-1843", "030-555-9021", "040-555-3377", "040-555-7718", "089-555-1200"]
    rows = [["patient", "visit", "nrs_avg"], *([c, v, 6] for c in phones for v in ("pre", "post"))]
    path = csv(tmp_path, rows)
    found = draft(path)
    assert found.study is None and "phone or fax" in found.problem
    assert "drop = [" not in found.problem and "replace its codes by study codes" in found.problem
    with pytest.raises(PrivacyError):
        read_table(path, patient="patient", visit="visit", instruments=NRS)


def test_a_finding_beside_the_patient_column_is_dropped_by_name_alone():
    found = [privacy.Finding("scores", c, "name", "…") for c in ("code", "who")]
    assert 'drop = ["who"]' in privacy.message(found, ["code"])


# --- scores that became dates ---------------------------------------------------------------------


def test_scores_that_became_dates_are_listed_by_their_cells(tmp_path):
    rows = long_rows(patients=6)
    for at in (1, 6):
        rows[at][2] = datetime.date(2025, 10, 7)
    found = draft(xlsx(tmp_path, [HEAD, *rows]))
    [issue] = [i for i in found.study.issues if i.rule == "date_as_score"]
    assert issue.addresses == ("C3", "C8") and issue.count == 2
    assert found.said["instruments"] == {"pain_nrs": {"average": "nrs_avg"}}
    assert found.study.wide("pain_nrs_average").isna().to_numpy().sum() == 2


def test_a_column_of_scores_that_all_became_dates_is_not_dropped(tmp_path):
    rows = [
        [p, v, datetime.date(2025, 10, 4 + k)]
        for p in "ABCD"
        for k, v in enumerate(("pre", "post"))
    ]
    found = draft(xlsx(tmp_path, [HEAD, *rows]))
    assert "privacy" not in found.said
    [issue] = [i for i in found.study.issues if i.rule == "date_as_score"]
    assert issue.count == 8


@pytest.mark.parametrize(
    "cell", ["7-Oct", "07. Okt", "Oct-07", "2025-10-07", "07.10.2025", "7-oct."]
)
def test_dates_of_every_look_in_a_csv(tmp_path, cell):
    rows = long_rows(patients=6)
    rows[3][2] = cell
    found = draft(csv(tmp_path, [HEAD, *rows]))
    assert [i.addresses for i in found.study.issues if i.rule == "date_as_score"] == [
        ("row 5, column nrs_avg",)
    ]


def test_an_undeclared_column_of_numbers_and_dates_stays_a_number(tmp_path):
    rows = [[p, v, 6, 3 + k] for p in "ABCDEF" for k, v in enumerate(("pre", "post"))]
    rows[2][3] = "2025-10-03"
    found = draft(csv(tmp_path, [[*HEAD, "strain"], *rows]))
    assert pd.api.types.is_float_dtype(found.study.scores["strain"])
    assert "2025-10-03" not in found.study.scores["strain"].astype(str).tolist()


def test_a_wide_table_of_scores_that_became_dates(tmp_path):
    rows = [[p, 7, 4] for p in "ABCDE"]
    rows[2][2] = "2025-10-04"
    found = draft(csv(tmp_path, [["patient_id", "nrs_pre", "nrs_post"], *rows]))
    assert [i.addresses for i in found.study.issues if i.rule == "date_as_score"] == [
        ("row 4, column nrs_post",)
    ]


def test_dates_of_visits_are_still_dates(tmp_path):
    rows = [[p, v, f"2025-03-{10 + k}", 5] for p in "ABC" for k, v in enumerate(("pre", "post"))]
    found = draft(csv(tmp_path, [["patient_id", "visit", "seen_on", "nrs_avg"], *rows]))
    assert found.said["privacy"]["drop"] == ["seen_on"]
