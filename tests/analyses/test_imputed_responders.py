"""Responders over imputed scores: one pooled share, its interval named; what cannot be pooled is
refused.
"""

import math

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.missing.pooled_shares import pooled_share
from outcomes.stats.proportions.single import wilson
from outcomes.stats.wald import critical
from tests.builders import two_visits

WHEN = {"before": "baseline", "after": "week_4"}
BEFORE = [7, 6, 8, 5, 9, 6, 7, 8, 6, 7, 5, 8]
AFTER = [4, 6, 3, 5, 5, 5, 4, None, 3, None, 4, None]


def trial():
    ids = [f"p{i + 1:03d}" for i in range(12)]
    patients = pd.DataFrame({"patient": ids, "arm": ["ketamine", "placebo"] * 6})
    return two_visits(BEFORE, AFTER, patients=patients, design="parallel")


def test_one_data_set_or_no_disagreement_is_wilsons_interval():
    e, plain = pooled_share([4, 4, 4], [10, 10, 10]), wilson(4, 10)
    assert (e.value, e.low, e.high) == pytest.approx((plain.value, plain.low, plain.high))
    none, all_ = pooled_share([0], [10]), pooled_share([10, 10], [10, 10])
    assert (none.low, none.high) == pytest.approx((0, wilson(0, 10).high), abs=1e-12)
    assert (all_.low, all_.high) == pytest.approx((wilson(10, 10).low, 1))


def test_the_ends_solve_lott_and_reiters_equation():
    e = pooled_share([3, 5, 6, 4], [12] * 4, level=0.9)
    share = np.array([3, 5, 6, 4]) / 12
    within = np.mean(share * (1 - share) / 12)
    r = (1 + 1 / 4) * share.var(ddof=1) / within
    t = critical(0.9, 3 * (1 + 1 / r) ** 2)
    for end in (e.low, e.high):
        assert abs(e.value - end) == pytest.approx(t * math.sqrt((1 + r) * end * (1 - end) / 12))


def test_nobody_is_missing_after_imputation_and_the_interval_has_its_name():
    result = oc.Imputed(oc.Responders("pain", **WHEN), draws=8, seed=2).run(trial())
    names = [e.name for e in result.estimates]
    assert names == [
        f"{what}, missing scores imputed"
        for what in ("improved ≥30%", "worsened ≥30%", "improved ≥50%", "worsened ≥50%")
    ]
    assert all(e.low <= e.value <= e.high for e in result.estimates)
    assert "Lott and Reiter" in result.estimates[0].how
    for word in ("both scores", "Wilson CI", "non-response", "–"):
        assert word not in result.sentence()
    assert "of 12 patients, missing scores imputed (95% Lott-Reiter CI" in result.sentence()


def test_a_share_of_nobody_in_every_imputation_has_an_interval():
    result = oc.Imputed(oc.Responders("pain", **WHEN, rules=("90%",)), draws=4, seed=1).run(trial())
    e = result.estimates[0]
    assert (e.value, e.low) == (0, 0) and 0 < e.high < 0.4


def test_arms_are_compared_by_a_pooled_difference():
    result = oc.Imputed(oc.CompareResponders("pain", **WHEN), draws=6, seed=3).run(trial())
    difference = result["risk difference ≥30%, missing scores imputed"]
    assert difference.low < difference.value < difference.high and 0 < difference.p <= 1
    one, other = (
        result[f"share ≥30%, missing scores imputed | {arm}"].value
        for arm in ("ketamine", "placebo")
    )
    assert difference.value == pytest.approx(one - other)
    assert "non-response" not in result.sentence() and "–" not in result.sentence()


@pytest.mark.parametrize("kind", [oc.SignedRank, oc.MannWhitney])
def test_what_has_no_standard_error_is_refused_in_words(kind):
    with pytest.raises(AnalysisError, match="cannot be imputed: its .*no standard error"):
        oc.Imputed(kind("pain", **WHEN), draws=3, seed=1).run(trial())


def test_carried_forward_responders_are_of_filled_in_scores():
    result = oc.Imputed(oc.Responders("pain", **WHEN), method="bocf").run(trial())
    assert result.estimates[0].value == pytest.approx(5 / 12)
    assert "both scores" not in result.sentence()
