"""Dinat 2015: amitriptyline against placebo in painful HIV neuropathy, two-period crossover, 122
patients analysed.

Source: Dinat et al., PLoS ONE 2015;10(5):e0126297 (data CC BY 4.0). Printed means and SDs are
truncated, so the files are allowed 0.06 on means and 0.09 on SDs; tests of the change and of the
raw score were computed in R.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest

from outcomes.stats.crossover.two_period import ignoring_period, two_period
from tests.shared import PUBLISHED

FOLDER = "dinat2015_amitriptyline_xover"


def _rows(name):
    with (PUBLISHED / FOLDER / name).open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def trial():
    rows = _rows("xoverPP.csv")
    order = {r["ID"]: r["Order"] == "AP" for r in rows}

    def score(value):
        return [
            np.array(
                [next(value(r) for r in rows if (r["ID"], r["Period"]) == (i, k)) for i in order]
            )
            for k in "12"
        ]

    return score, np.array(list(order.values()))


def _improvement(r):
    return float(r["Time1"]) - float(r["Time3"])


@pytest.mark.parametrize(
    ("arv", "column", "printed", "in_files"),
    [
        ("No", "Delta.Ami", (2.8, 3.3), (2.770, 3.283)),
        ("No", "Delta.P", (2.8, 3.4), (2.803, 3.487)),
        ("Yes", "Delta.Ami", (2.7, 3.3), (2.689, 3.384)),
        ("Yes", "Delta.P", (2.1, 2.8), (2.049, 2.807)),
    ],
)
def test_printed_means(arv, column, printed, in_files):
    change = np.array([float(r[column]) for r in _rows("PainChange.csv") if r["ARV"] == arv])
    mean, sd = change.mean(), change.std(ddof=1)
    assert abs(mean - printed[0]) <= 0.06
    assert abs(sd - printed[1]) <= 0.09
    assert (round(mean, 3), round(sd, 3)) == in_files


def test_change_ignoring_period(trial):
    score, first = trial
    naive = ignoring_period(*score(_improvement), treated_first=first)
    assert len(first) == 122
    assert (round(naive.value, 3), round(naive.low, 3), round(naive.high, 3)) == (
        0.303,
        -0.530,
        1.137,
    )
    assert (round(naive.statistic, 3), round(naive.p, 3)) == (0.720, 0.473)


def test_change(trial):
    score, first = trial
    treatment, period, carry = two_period(*score(_improvement), treated_first=first)
    assert (round(treatment.statistic, 3), round(treatment.p, 4)) == (0.764, 0.4465)
    assert (round(treatment.low, 3), round(treatment.high, 3)) == (-0.515, 1.162)
    assert round(period.statistic, 3) == 0.585
    assert round(carry.statistic, 3) == 0.290


def test_raw_score_answers_otherwise(trial):
    """Baseline falls between periods, so the raw week-6 score and the change do not say the
    same.
    """
    score, first = trial
    treatment = two_period(*score(lambda r: float(r["Time3"])), treated_first=first)[0]
    assert (round(treatment.value, 3), round(treatment.low, 3), round(treatment.high, 3)) == (
        -0.585,
        -1.126,
        -0.045,
    )
    assert (round(treatment.statistic, 3), treatment.df, round(treatment.p, 3)) == (
        -2.144,
        120,
        0.034,
    )


def test_responders():
    """≥50 % relief: 47 of 105 with amitriptyline, 42 of 110 with placebo."""
    rows = [r for r in _rows("NNT.csv") if r["PercentDelta"] not in ("", "NA")]
    counts = {
        arm: (
            sum(float(r["PercentDelta"]) >= 50 for r in rows if r["Treatment"] == arm),
            sum(r["Treatment"] == arm for r in rows),
        )
        for arm in "AP"
    }
    assert counts == {"A": (47, 105), "P": (42, 110)}


def test_percent_change_is_undefined_at_zero(trial):
    score, _ = trial
    assert (score(lambda r: float(r["Time1"]))[1] == 0).sum() == 20
