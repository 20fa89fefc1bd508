import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from outcomes.core.errors import AnalysisError
from outcomes.stats.survival import cox, kaplan_meier, log_rank

SEEN = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 1)), min_size=2, max_size=25)


@given(SEEN)
@settings(deadline=None)
def test_the_curve_agrees_with_statsmodels(seen):
    t, e = (np.array(x, float) for x in zip(*seen))
    curve = kaplan_meier(t, e)
    assert (np.diff(curve.survival) <= 1e-12).all()
    if e.any():
        other = SurvfuncRight(t, e)
        ours = [curve.at(day).value for day in other.surv_times]
        assert ours == pytest.approx(other.surv_prob.tolist(), abs=1e-12)
    whole = curve.restricted_mean(12)
    assert 0 <= whole.value <= 12


@given(SEEN, SEEN)
@settings(deadline=None)
def test_log_rank_agrees_with_statsmodels_and_does_not_feel_the_order(a, b):
    (t1, e1), (t2, e2) = (tuple(np.array(x, float) for x in zip(*s)) for s in (a, b))
    test = log_rank({"a": (t1, e1), "b": (t2, e2)})
    turned = log_rank({"b": (t2, e2), "a": (t1, e1)})
    assert test.value == pytest.approx(turned.value, nan_ok=True)
    if not test.reason:
        g = np.repeat([0, 1], [len(t1), len(t2)])
        expected = survdiff(np.r_[t1, t2], np.r_[e1, e2], g)
        assert test.value == pytest.approx(expected[0], rel=1e-8, abs=1e-10)


def test_without_censoring_the_curve_is_the_share_left():
    t = [2, 3, 3, 5, 8, 9]
    curve = kaplan_meier(t, [1] * 6)
    assert curve.survival.tolist() == pytest.approx([5 / 6, 3 / 6, 2 / 6, 1 / 6, 0])
    assert curve.restricted_mean(9).value == pytest.approx(np.mean(t))


def test_a_median_on_a_flat_step_is_the_middle_of_the_step():
    """As R's survival: S is exactly one half from day 3 to day 7."""
    assert kaplan_meier([1, 3, 7, 9], [1, 1, 1, 1]).quantile().value == 5
    assert kaplan_meier([1, 3, 8, 9], [1, 1, 0, 0]).quantile().value == 6  # to the last day seen
    assert math.isnan(kaplan_meier([1, 3, 8, 9], [1, 0, 0, 0]).quantile().value)
    assert kaplan_meier([1, 3, 8, 9], [1, 0, 0, 0]).quantile().reason == "not_reached"


def test_cox_agrees_with_statsmodels():
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(40, 2)), rng.integers(1, 15, 40).astype(float)
    e = rng.integers(0, 2, 40).astype(float)
    for ties in ("efron", "breslow"):
        fit, other = cox(x, t, e, ties=ties), PHReg(t, x, status=e, ties=ties).fit()
        assert fit.coefficients == pytest.approx(other.params, rel=1e-5)
        assert fit.coefficient("x0").se == pytest.approx(other.bse[0], rel=1e-5)


def test_the_score_test_of_cox_is_near_the_log_rank():
    t, e, g = [3, 5, 8, 4, 10, 12, 7, 9], [1, 1, 1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1, 0, 1]
    p = log_rank(
        {
            v: ([a for a, k in zip(t, g) if k == v], [a for a, k in zip(e, g) if k == v])
            for v in (0, 1)
        }
    ).p
    assert cox(np.array(g, float), t, e, names=["g"]).coefficient("g").p == pytest.approx(
        p, abs=0.1
    )


def test_nothing_happened_nobody_seen_or_separated():
    curve = kaplan_meier([3, 5], [0, 0])
    assert (curve.quantile().reason, curve.restricted_mean(5).reason) == (
        "not_reached",
        "zero_variance",
    )
    assert log_rank({"a": ([3], [0]), "b": ([4], [0])}).reason == "no_events"
    assert log_rank({"a": ([3], [1]), "b": ([], [])}).reason == "too_few"
    assert cox([[0.0], [1]], [3, 4], [0, 0]).reason == "no_events"
    assert cox([[0.0], [0], [1], [1]], [1, 2, 8, 9], [1, 1, 1, 1]).reason == "separation"
    assert cox([[1.0], [1]], [1, 2], [1, 1]).reason == "not_estimable"
    empty = kaplan_meier([], [])
    assert (empty.at(3).reason, empty.quantile().reason, empty.restricted_mean(3).reason) == (
        "too_few",
    ) * 3
    with pytest.raises(AnalysisError, match="0 or 1"):
        kaplan_meier([3, 4], [1, 2])


def test_limits_keep_within_their_bounds_and_widen_with_the_level():
    t, e = [2, 3, 3, 5, 8, 9, 9, 12], [1, 1, 0, 1, 1, 0, 1, 1]
    narrow, wide = kaplan_meier(t, e, level=0.8), kaplan_meier(t, e, level=0.99)
    inner = slice(0, -1)
    assert (wide.low[inner] < narrow.low[inner]).all()
    assert (wide.high[inner] > narrow.high[inner]).all()
    assert ((wide.low[inner] >= 0) & (wide.high[inner] <= 1)).all()


@pytest.mark.slow
def test_the_log_log_interval_covers():
    """3000 runs at day 10, 30 patients: Monte Carlo error .004."""
    rng = np.random.default_rng(20260103)
    truth, hits, runs = float(stats.expon.sf(10, scale=14)), 0, 3000
    for _ in range(runs):
        t, c = rng.exponential(14, 30), rng.uniform(5, 40, 30)
        e = kaplan_meier(np.minimum(t, c), t <= c).at(10)
        hits += e.low <= truth <= e.high
    assert abs(hits / runs - 0.95) < 0.02


def test_a_restricted_mean_and_its_limits_lie_between_0_and_its_day():
    mean = kaplan_meier([1, 8, 8, 8], [1, 1, 1, 0]).restricted_mean(
        9
    )  # S = 3/4 from day 1, 1/4 from day 8
    assert mean.value == pytest.approx(1 + 7 * 0.75 + 0.25)
    assert mean.low == pytest.approx(2 * mean.value - _upper(mean))
    assert mean.high == 9 < _upper(mean)
    early = kaplan_meier([0.2, 8], [1, 1]).restricted_mean(9)
    assert early.low == 0 < early.value


def _upper(e):
    return e.value + stats.norm.ppf(0.975) * e.se


def test_an_end_on_the_last_day_does_not_shorten_a_restricted_mean():
    assert kaplan_meier([3, 6], [1, 1]).restricted_mean(6).value == pytest.approx(4.5)
    assert kaplan_meier([3, 6], [1, 0]).restricted_mean(6).value == pytest.approx(4.5)


def test_cox_says_why_it_has_no_estimate_and_does_not_warn():
    t, e = [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1]
    split = cox([[1.0], [1], [1], [0], [0], [0]], t, e, names=["x"]).coefficient("x")
    assert (split.reason, math.isnan(split.value)) == ("separation", True)
    twins = [[1.0, 2], [0, 0], [1, 2], [0, 0], [1, 2], [0, 0]]
    assert cox(twins, t, e).reason == "not_estimable"
    assert cox([[1.0]] * 6, t, e).reason == "not_estimable"
    assert cox([[1.0], [0]] * 3, t, [0] * 6).reason == "no_events"


def test_cox_does_not_feel_the_unit_of_a_covariate():
    rng = np.random.default_rng(8)
    x, t, e = rng.normal(size=30), rng.integers(1, 20, 30).astype(float), np.ones(30)
    small, large = (cox(x * k, t, e).coefficient("x0") for k in (1e-6, 1e6))
    assert small.value * 1e-6 == pytest.approx(large.value * 1e6, rel=1e-8)
    assert small.statistic == pytest.approx(large.statistic, rel=1e-8)
