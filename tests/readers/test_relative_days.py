"""Calendar dates become days since the first infusion; the dates themselves go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.core.errors import StudyError
from outcomes.readers.shape.relative_days import to_days


def dates(*texts):
    return pd.Series(pd.to_datetime([*texts]))


def test_days_count_from_the_earliest_infusion_wherever_it_is_in_the_file():
    frames = {
        "scores": pd.DataFrame({"patient": ["a", "a", "b"]}),
        "infusions": pd.DataFrame({"patient": ["a", "a", "b"]}),
    }
    given = {
        "scores": dates("2024-03-01", "2024-03-08", "2024-03-04"),
        "infusions": dates("2024-03-06", "2024-03-04", "2024-03-04"),
    }
    issues = []
    to_days(frames, given, issues)
    assert frames["scores"]["day"].tolist() == [-3, 4, 0]
    assert frames["infusions"]["day"].tolist() == [2, 0, 0]
    assert frames["infusions"]["infusion"].tolist() == [2, 1, 1]
    assert [(i.rule, i.count, i.severity) for i in issues] == [
        ("dates", 3, "note"),
        ("dates", 3, "note"),
        ("infusion_numbers", 3, "note"),
    ]


def test_a_date_of_a_patient_without_a_dated_infusion_is_counted_in_a_warning():
    frames = {
        "scores": pd.DataFrame({"patient": ["a", "b", "b", "c"]}),
        "infusions": pd.DataFrame({"patient": ["a", "c"]}),
    }
    given = {
        "scores": dates("2024-03-05", "2024-03-06", "2024-03-07", None),
        "infusions": dates("2024-03-04", None),
    }
    issues = []
    to_days(frames, given, issues)
    assert frames["scores"]["day"].dropna().tolist() == [1]
    (warning,) = (i for i in issues if i.severity == "warning")
    assert (warning.rule, warning.count, warning.table) == ("dates", 2, "scores")
    assert (
        warning.message
        == "2 date(s) belong to patients without a dated infusion; their day is unknown."
    )


def test_without_infusions_days_count_from_the_first_date_of_the_table():
    frames = {"scores": pd.DataFrame({"patient": ["a", "a"]})}
    issues = []
    to_days(frames, {"scores": dates("2024-03-08", "2024-03-01")}, issues)
    assert frames["scores"]["day"].tolist() == [7, 0] and np.isfinite(frames["scores"]["day"]).all()
    assert [(i.severity, i.message) for i in issues] == [
        ("note", "Dates became days since the patient's first date in this table.")
    ]


def test_a_table_with_a_date_and_a_day_is_refused():
    with pytest.raises(StudyError, match="scores table has a date and a day"):
        to_days(
            {"scores": pd.DataFrame({"patient": ["a"], "day": [1]})},
            {"scores": dates("2024-03-08")},
            [],
        )
