"""Esketamine in ten adolescents: MADRS before and 24 hours after one infusion (osf.io/2ujqn, CC BY
4.0).

Every printed number, read with our reader from the open file (Latin-1, accented header).
"""

from __future__ import annotations

import pytest

import outcomes as oc
from tests.shared import PUBLISHED

FILE = "faria2022_esketamine/Dataset_latin1.csv"
VISITS = {"before": "Baseline", "after": "Post"}


@pytest.fixture(scope="module")
def study() -> oc.Study:
    return oc.read_table(
        PUBLISHED / FILE,
        patient="Id",
        wide={"suffix": {"Baseline": "_Baseline", "Post": "_Post"}},
        outcomes={
            "madrs": {"column": "MADRS", "better": "lower", "low": 0, "high": 60, "resolution": 1},
            "item_10": {
                "column": "MADRS_Suicide",
                "better": "lower",
                "low": 0,
                "high": 6,
                "resolution": 1,
            },
        },
    )


def test_means_and_mean_change(study):
    result = oc.PairedT("madrs", **VISITS).run(study)
    change = result["mean change"]
    assert result.estimates[1].value == pytest.approx(39.1, abs=0.05)
    assert result.estimates[2].value == pytest.approx(26.8, abs=0.05)
    assert result.detail.before == pytest.approx(6.297266, abs=5e-7)
    assert result.detail.after == pytest.approx(8.403703, abs=5e-7)
    # printed as before − after; change here is after − before
    assert change.value == pytest.approx(-12.3)
    assert (-change.high, -change.low) == pytest.approx((5.708616, 18.891384), abs=5e-7)
    assert -change.statistic == pytest.approx(4.221349, abs=5e-7)
    assert change.df == 9
    assert change.p == pytest.approx(0.0022350, abs=5e-8)
    assert -result["d_z"].value == pytest.approx(1.3349078, abs=5e-8)


def test_suicidal_thoughts_item(study):
    result = oc.PairedT("item_10", **VISITS).run(study)
    change = result["mean change"]
    assert -change.statistic == pytest.approx(3.146129, abs=5e-7)
    assert change.p == pytest.approx(0.0118109, abs=5e-8)
    assert (-change.high, -change.low) == pytest.approx((0.646234, 3.953766), abs=5e-7)
    assert -result["d_z"].value == pytest.approx(0.9948934, abs=5e-8)


def test_response(study):
    result = oc.Responders("madrs", **VISITS, rules=("50%",)).run(study)
    first = result.detail.responses[0]
    assert (first.rule, first.count, first.total) == ("≥50%", 2, 10)


def test_exact_wilcoxon(study):
    result = oc.SignedRank("madrs", **VISITS).run(study)
    p = next(e.p for e in result.estimates if e.p == e.p)
    assert p == pytest.approx(0.00195, abs=5e-6)
