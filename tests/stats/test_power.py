"""What must hold of power and sample sizes, and that simulated studies agree with the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.stats import power
from outcomes.stats.crossover.two_period import two_period
from outcomes.stats.proportions.single import wilson_limits


@settings(deadline=None)
@given(
    st.floats(-6, 6),
    st.integers(1, 400),
    st.sampled_from([0.01, 0.05, 0.2]),
    st.sampled_from([1, 2]),
)
def test_against_scipy_where_it_is_defined(noncentrality, df, alpha, sides):
    t = stats.t.ppf(1 - alpha / sides, df)
    size = abs(noncentrality)
    expected = stats.nct.sf(t, df, size) + (stats.nct.cdf(-t, df, size) if sides == 2 else 0)
    if not math.isnan(expected):
        assert_allclose(
            power.t_power(noncentrality, df, alpha=alpha, sides=sides),
            expected,
            rtol=1e-6,
            atol=1e-9,
        )


@settings(deadline=None)
@given(st.floats(0, 60), st.floats(1, 1e6))
def test_power_is_a_probability_from_alpha_upwards(noncentrality, df):
    """Also in the far tails, where scipy's noncentral t is nan (trap 5)."""
    value = power.t_power(noncentrality, df)
    assert 0.05 - 1e-9 <= value <= 1
    assert power.t_power(noncentrality + 0.5, df) >= value - 1e-12


def test_no_effect_gives_alpha():
    assert_allclose(power.t_power(0, 7), 0.05, rtol=1e-10)
    assert_allclose(power.two_share_power(0.3, 0.3, 50), 0.05, rtol=1e-10)


@given(st.floats(0.15, 2), st.floats(0.5, 0.97))
@settings(deadline=None, max_examples=40)
def test_sizes_are_the_inverse_of_power(d, target):
    for n, of in (
        (power.paired_n(d, power=target), lambda n: power.paired_power(d, n)),
        (power.two_arm_n(d, power=target, r=0.5), lambda n: power.two_arm_power(d, n, r=0.5)),
    ):
        if n > 2.001:
            assert_allclose(of(n), target, rtol=1e-8)
    found = power.detectable(lambda e: power.paired_power(e, 25), power=target)
    assert_allclose(power.paired_power(found, 25), target, rtol=1e-8)


def test_more_correlation_needs_fewer_patients():
    assert power.two_arm_n(0.5, r=0.7) < power.two_arm_n(0.5, r=0.3) < power.two_arm_n(0.5)
    assert power.d_z_from_d_av(0.5, r=0.5) == 0.5
    assert power.d_z_from_d_av(0.5, r=0.8) > 0.5


def test_precision():
    n = power.share_precision_n(0.1, share=0.4)
    low, high = wilson_limits(0.4 * n, n, 1.959963984540054)
    assert_allclose(high - low, 0.2, rtol=1e-9)
    n = power.mean_precision_n(0.5, sd=2)
    assert_allclose(stats.t.ppf(0.975, n - 1) * 2 / math.sqrt(n), 0.5, rtol=1e-8)


def test_words_for_bad_input():
    for call in (
        lambda: power.paired_n(0.5, power=1.2),
        lambda: power.paired_n(0.0),
        lambda: power.d_z_from_d_av(0.5, r=1),
        lambda: power.two_arm_power(0.5, 20, r=1),
        lambda: power.mcnemar_n(0.2, 0.2),
        lambda: power.two_share_n(0, 0.5),
        lambda: power.with_dropout(20, 1),
        lambda: power.mean_precision_n(0, sd=1),
        lambda: power.crossover_n(1, sd_within=0),
        lambda: power.share_precision_n(0.6, share=0.5),
        lambda: power.t_power(1, 5, alpha=0),
    ):
        with pytest.raises(AnalysisError):
            call()
    assert math.isnan(power.t_power(1, 0))
    assert math.isnan(power.detectable(lambda d: 0.1))


def test_simulated_studies_agree():
    rng, runs = np.random.default_rng(7), 4000
    hits = np.zeros(2)
    first = np.arange(18) % 2 == 0
    for _ in range(runs // 4):
        y = rng.normal(0, 2, 18)[:, None] + rng.normal(0, 1, (18, 2))
        y[first, 0] += 1
        y[~first, 1] += 1
        hits[0] += two_period(*y.T, treated_first=first)[0].p < 0.05
    change = rng.normal(0.5, 1, (runs, 34))
    hits[1] = (stats.ttest_1samp(change, 0, axis=1).pvalue < 0.05).sum()
    error = 3 * 0.4 / math.sqrt(runs)
    assert abs(hits[1] / runs - power.paired_power(0.5, 34)) < error
    assert abs(hits[0] / (runs // 4) - power.crossover_power(1, 18, sd_within=1)) < 2 * error


def test_equals_pwr_of_r():
    """pwr 1.3: pwr.t.test(n=20, d=.5, type='paired'); power.t.test(strict=TRUE) sample size."""
    assert_allclose(power.paired_power(0.5, 20), 0.56450441843908394, rtol=1e-12)
    assert_allclose(power.paired_power(0.5, 20, sides=1), 0.69514933824465752, rtol=1e-12)
    assert_allclose(power.paired_n(0.5), 33.367128953319707, rtol=1e-9)
