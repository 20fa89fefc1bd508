"""Senn's peak-flow crossover (formoterol against salbutamol, 13 children): the printed analysis.

Source: Senn, Cross-over Trials in Clinical Research, 2nd ed. 2002, ch. 3; also the AB/BA example of
SAS/STAT PROC TTEST.
"""

from __future__ import annotations

import csv

import pytest

from outcomes.stats.crossover.two_period import ignoring_period, two_period
from tests.shared import PUBLISHED

FOLDER = "senn_pef_crossover"


@pytest.fixture(scope="module")
def trial():
    with (PUBLISHED / FOLDER / "asthma_2.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    period = [{r["subject"]: float(r["pef"]) for r in rows if r["period"] == k} for k in "12"]
    order = {r["subject"]: r["sequence"] == "FS" for r in rows}
    return [[p[s] for s in order] for p in period], list(order.values())


def test_treatment_and_period(trial):
    (first, second), formoterol_first = trial
    treatment, period, _ = two_period(first, second, treated_first=formoterol_first)
    assert len(formoterol_first) == 13
    assert round(treatment.value, 3) == 46.607
    assert round(treatment.se, 3) == 10.777
    assert (round(treatment.statistic, 2), treatment.df) == (4.32, 11)
    assert round(treatment.p, 4) == 0.0012
    assert (round(treatment.low, 2), round(treatment.high, 2)) == (22.89, 70.33)
    assert round(period.statistic, 2) == -1.47
    assert round(period.p, 3) == 0.168


def test_naive_paired_t(trial):
    (first, second), formoterol_first = trial
    naive = ignoring_period(first, second, treated_first=formoterol_first)
    assert round(naive.value, 2) == 45.38
    assert round(naive.se * 13**0.5, 2) == 40.59
    assert (round(naive.statistic, 2), naive.df) == (4.03, 12)
    assert (round(naive.low, 1), round(naive.high, 1)) == (20.9, 69.9)
    assert "ignores period" in naive.how
