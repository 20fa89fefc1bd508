"""Acupuncture for chronic headache (BMJ 2004;328:744; data: Trials 2006;7:15, CC BY 2.0):
descriptive numbers, subgroup counts and responders, from the CSV and from the Excel file, through
the public face.
"""

from __future__ import annotations

import numpy as np
import pytest

import outcomes as oc
from tests.shared import PUBLISHED

FOLDER = "vickers2004_acupuncture"
WIDE = {
    "columns": {
        "headache": {"baseline": "pk1", "month_3": "pk2", "month_12": "pk5"},
        "days": {"baseline": "f1", "month_3": "f2", "month_12": "f5"},
    }
}
OUTCOMES = {
    "headache": {"better": "lower", "title": "headache score", "resolution": 0.01},
    "days": {"better": "lower", "unit": "days", "resolution": 1},
}


@pytest.fixture(scope="module", params=["acupuncture.csv", "acupuncture.xlsx"])
def study(request) -> oc.Study:
    return oc.read_table(
        PUBLISHED / FOLDER / request.param,
        patient="id",
        arm="group",
        site="acupuncturist",
        wide=WIDE,
        outcomes=OUTCOMES,
        columns={
            "migraine": "category",
            "age": "number",
            "sex": "category",
            "chronicity": "number",
        },
        design="parallel",
        allow=["practice_id"],
    )


def completers(study: oc.Study, visit: str) -> oc.Study:
    """Patients with a headache score at baseline and at the visit."""
    wide = study.wide("headache")
    both = wide[["baseline", visit]].notna().all(axis=1)
    return study.where(lambda frame: both.reindex(frame.index).to_numpy())


def test_who_was_randomised_and_followed(study):
    assert study.enrolled == 401
    assert study.characteristic("arm").astype(str).value_counts().to_dict() == {"1": 205, "0": 196}
    assert int(study.wide("headache")["month_12"].notna().sum()) == 301
    # 326 were reported at 3 months; 295 of those seen at 12 months had a 3-month score too
    assert int(study.wide("headache")["month_3"].notna().sum()) == 326


@pytest.mark.parametrize(
    ("arm", "visit", "mean", "sd"),
    [
        ("1", "baseline", 24.6, 14.1),
        ("0", "baseline", 26.7, 16.8),
        ("1", "month_12", 16.2, 13.7),
        ("0", "month_12", 22.3, 17.0),
        ("1", "month_3", 18.0, 14.8),
        ("0", "month_3", 23.7, 16.8),
    ],
)
def test_printed_means_of_completers(study, arm, visit, mean, sd):
    group = completers(study, "month_12").where(arm=arm)
    row = oc.Describe(("headache",)).run(group).data["visits"].set_index("visit").loc[visit]
    assert row["mean"] == pytest.approx(mean, abs=0.051)
    assert row["sd"] == pytest.approx(sd, abs=0.051)


def test_responders_by_arm(study):
    for arm, k, n in (("1", 87, 161), ("0", 45, 140)):
        result = oc.Responders("headache", before="baseline", after="month_12", rules=("35%",)).run(
            study.where(arm=arm)
        )
        first = result.detail.responses[0]
        assert (first.rule, first.count, first.total) == ("≥35%", k, n)


def test_subgroups_are_counted(study):
    frame = completers(study, "month_12").patient_frame
    migraine = frame["migraine"].astype(str)
    assert set(np.unique(migraine)) == {"0", "1"}
    assert len(frame) == 301
