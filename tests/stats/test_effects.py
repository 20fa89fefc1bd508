"""Standardised changes: their relations, their edges, and the noncentral t interval where libraries
give up.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.stats.paired.effect_sizes import (
    hedges_j,
    nct_interval,
    paired_effects,
)
from outcomes.stats.paired.location import mean_change
from tests.builders import SLEEP

nrs = st.integers(0, 10).map(float)
patients = st.lists(st.tuples(nrs, nrs), min_size=3, max_size=25)


@given(patients, st.floats(0.1, 20), st.integers(-30, 30))
def test_units_do_not_matter(rows, factor, shift):
    """0-10 or 0-100, from 0 or from 1: a standardised change is the same, limits too."""
    before, after = np.array(rows).T
    factor = round(factor, 3)
    for e, scaled in zip(
        paired_effects(before, after),
        paired_effects(before * factor + shift, after * factor + shift),
    ):
        assert (e.name, e.reason) == (scaled.name, scaled.reason)
        if not e.reason:
            assert (e.value, e.low, e.high) == pytest.approx(
                (scaled.value, scaled.low, scaled.high), rel=1e-5, abs=1e-6
            )
            assert e.low <= e.value <= e.high


def test_equal_spread_makes_them_one():
    """With equal SDs d_av = d_b = d_rm = d_z √(2(1 − r)), and r above one half makes d_z the
    largest.
    """
    before = np.array([3.0, 5, 6, 8, 9, 4])
    after = np.roll(before, 1) - 2
    d = {e.name: e.value for e in paired_effects(before, after)}
    assert d["d_av"] == pytest.approx(d["d_b"]) == pytest.approx(d["d_rm"])
    r = np.corrcoef(before, after)[0, 1]
    assert d["d_av"] == pytest.approx(d["d_z"] * math.sqrt(2 * (1 - r)))


def test_d_z_is_t_over_root_n_and_its_interval_agrees_with_the_test():
    rng = np.random.default_rng(2)
    for _ in range(100):
        before = rng.normal(size=9)
        after = before + rng.normal(0.6, 1, 9)
        t, e = mean_change(before, after), paired_effects(before, after)[2]
        assert e.value == pytest.approx(t.statistic / 3)
        assert (t.p < 0.05) == (e.low > 0 or e.high < 0)


def test_what_is_undefined_says_why():
    assert {e.reason for e in paired_effects([5], [3])} == {"too_few"}
    assert {e.reason for e in paired_effects([5, 6, 7], [3, 4, 5])} == {"zero_variance"}
    flat = {e.name: e for e in paired_effects([5, 5, 5, 5], [3, 4, 5, 2])}
    assert (flat["d_b"].reason, flat["d_rm"].reason, flat["d_av"].reason) == (
        "zero_variance",
        "not_estimable",
        "",
    )
    two = {e.name: e.reason for e in paired_effects([7.5, 8], [4, 6.5])}
    assert (two["d_av"], two["g_av"], two["d_rm"]) == ("", "too_few", "not_estimable")


def test_hedges_correction_is_exact():
    """By hand: J(2) = Γ(1)/(1·Γ(½)) = 1/√π; for many patients the series, which joins the gammas
    without a step.
    """
    assert hedges_j(2) == pytest.approx(1 / math.sqrt(math.pi), rel=1e-14)
    assert hedges_j(4) == pytest.approx(1 / (math.sqrt(2) * math.gamma(1.5)), rel=1e-14)
    for m in (1e4, 1e6):
        assert hedges_j(m) == pytest.approx(1 - 3 / (4 * m) - 7 / (32 * m * m), rel=1e-12)
    assert hedges_j(1000) == pytest.approx(hedges_j(1000.0000001), rel=1e-11)
    assert hedges_j(1) == 0 and math.isnan(hedges_j(0.5))


@pytest.mark.parametrize("df", [1, 2, 4, 9, 30, 200, 5000])
@pytest.mark.parametrize("t", [-300.0, -8.0, -1.0, 0.0, 0.4, 3.0, 40.0, 2000.0])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_noncentral_interval_inverts_the_distribution(t, df, level):
    """Checked with the distribution function by plain numerical integration."""
    low, high = nct_interval(t, df, level)
    for delta, target in ((low, (1 + level) / 2), (high, (1 - level) / 2)):
        assert _cdf(t, df, delta) == pytest.approx(target, abs=1e-8)
    assert nct_interval(-t, df, level) == pytest.approx((-high, -low), rel=1e-10, abs=1e-10)


def _cdf(t: float, df: float, delta: float) -> float:
    """P(T ≤ t) by the trapezoid rule over x = log S, where every factor is smooth."""
    from scipy.special import gammaln, ndtr

    width = 40 / math.sqrt(df) + 2
    x = np.linspace(-width, min(width, 3.5), 400_001)
    s = np.exp(x)
    log_density = (
        math.log(2) + df / 2 * math.log(df / 2) - gammaln(df / 2) + df * x - df * s * s / 2
    )
    return float(np.trapezoid(np.exp(log_density) * ndtr(t * s - delta), x))


def test_noncentral_interval_is_nan_for_what_is_not_a_t():
    assert all(
        math.isnan(v)
        for v in (*nct_interval(math.nan, 5), *nct_interval(2, 0.5), *nct_interval(math.inf, 5))
    )


def test_students_sleep_at_full_precision():
    """Student's sleep data: values from own R formulas and effectsize, in full precision."""
    e = {e.name: e for e in paired_effects(*SLEEP)}
    assert e["d_av"].value == pytest.approx(0.83218108134953972, rel=1e-12)
    assert (e["d_av"].low, e["d_av"].high) == pytest.approx(
        (0.28436737179582294, 1.3799947909032566), rel=1e-12
    )
    assert (e["d_z"].low, e["d_z"].high) == pytest.approx(
        (0.41462775638014354, 2.1180165139770675), rel=1e-9
    )
    assert e["g_b"].value == pytest.approx(0.80710706215014438, rel=1e-12)
