"""What must hold of pooled results whatever the sites, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import optimize, stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.meta_analysis.effect_measures import (
    implied_r,
    looks_like_se,
    mean_difference,
    proportion,
    sd_of_change,
    standardised_mean_change,
    two_shares,
)
from outcomes.stats.meta_analysis.funnel import begg, egger
from outcomes.stats.meta_analysis.glmm import _log_likelihood, pooled_logit
from outcomes.stats.meta_analysis.random_effects import (
    ESTIMATORS,
    leave_one_out,
    meta_regression,
    pool,
    tau_squared,
)

SITES = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.05, 4)), min_size=3, max_size=9)


def _named(*args, **options):
    return {e.name: e for e in pool(*args, **options)}


@settings(deadline=None)
@given(SITES, st.sampled_from(sorted(ESTIMATORS)), st.floats(-3, 3), st.floats(0.1, 10))
def test_shift_scale_and_order(sites, estimator, shift, scale):
    y, v = map(np.array, zip(*sites))
    plain = _named(y, v, estimator=estimator)
    moved = _named(scale * (y[::-1] + shift), scale**2 * v[::-1], estimator=estimator)
    assert_allclose(
        moved["pooled"].value, scale * (plain["pooled"].value + shift), rtol=1e-6, atol=1e-6
    )
    assert_allclose(
        moved["tau2"].value, scale**2 * plain["tau2"].value, rtol=1e-5, atol=1e-7 * scale**2
    )
    assert_allclose(moved["I2"].value, plain["I2"].value, rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(SITES, st.sampled_from(["REML", "ML"]))
def test_the_likelihood_is_at_its_highest(sites, estimator):
    """An independent log-likelihood, maximised by brute force, is nowhere higher."""
    y, v = map(np.array, zip(*sites))

    def value(t):
        w = 1 / (v + t)
        mu = np.sum(w * y) / w.sum()
        restricted = -0.5 * math.log(w.sum()) if estimator == "REML" else 0.0
        return 0.5 * np.log(w).sum() - 0.5 * np.sum(w * (y - mu) ** 2) + restricted

    at = value(tau_squared(y, v, estimator=estimator))
    for t in np.concatenate([[0], np.geomspace(1e-6, 1e3, 200)]):
        assert value(t) <= at + 1e-9


@settings(deadline=None)
@given(SITES)
def test_paule_mandel_solves_its_equation_and_q_profile_holds_it(sites):
    y, v = map(np.array, zip(*sites))
    found = _named(y, v, estimator="PM")
    tau2 = found["tau2"].value
    w = 1 / (v + tau2)
    q = np.sum(w * (y - np.sum(w * y) / w.sum()) ** 2)
    if tau2 > 0:
        assert_allclose(q, len(y) - 1, rtol=1e-8)
        assert found["tau2"].low <= tau2 * (1 + 1e-9)
        assert tau2 <= found["tau2"].high * (1 + 1e-9)
    else:
        assert q <= len(y) - 1 + 1e-9


def test_tau_squared_is_never_negative():
    """Trap 10: statsmodels' DerSimonian–Laird is not truncated (τ² −.15, estimate −1.041 instead of
    −.997).
    """
    y, v = [-1.0, -1.01, -0.99, -0.98, -1.02], np.array([0.3, 0.4, 0.35, 0.5, 0.2]) ** 2
    for estimator in ESTIMATORS:
        assert tau_squared(y, v, estimator=estimator) == 0 or estimator == "SJ"
    common, random = (pool(y, v, estimator=e, interval="z")[0].value for e in ("FE", "DL"))
    assert random == common


def test_truncated_interval_is_the_wider_one_where_sites_agree_too_well():
    y, v = [-1.0, -1.01, -0.99, -0.98, -1.02], np.array([0.3, 0.4, 0.35, 0.5, 0.2]) ** 2
    plain, cut = _named(y, v), _named(y, v, interval="truncated")
    assert plain["Hartung-Knapp factor"].value < 1
    assert cut["pooled"].high - cut["pooled"].low > plain["pooled"].high - plain["pooled"].low


def test_a_wider_level_widens_and_rules_are_ordered():
    y, v = [-1.83, -1.12, -0.4, -2.0], [0.3, 0.5, 0.3, 0.6]
    widths = [e.high - e.low for e in (pool(y, v, level=level)[0] for level in (0.8, 0.95, 0.99))]
    assert widths == sorted(widths)
    spans = [
        (e := _named(y, v, prediction=rule)["prediction interval"]).high - e.low
        for rule in ("normal", "k-1", "k-2")
    ]
    assert spans == sorted(spans)


def test_too_few_sites_are_said():
    assert pool([], [])[0].reason == "too_few"
    one = pool([-1.2], [0.3])[0]
    assert one.value == -1.2
    assert one.reason == "too_few"
    assert math.isnan(one.low)
    two = _named([-1.2, -1.0], [0.3, 0.2])
    assert two["prediction interval"].reason == "too_few"
    equal = _named([-1.0, -1.0, -1.0], [0.3, 0.2, 0.1])
    assert equal["pooled"].reason == "zero_variance"
    assert math.isnan(equal["pooled"].p)
    assert meta_regression([1, 2], [1, 1], [[0], [1]], names=["dose"])[0].reason == "too_few"
    assert egger([1, 2], [1, 2]).reason == "too_few"
    assert egger([1, 2, 3], [1, 1, 1]).reason == "not_estimable"
    assert begg([1, 2], [1, 2]).reason == "too_few"


def test_words_for_bad_input():
    with pytest.raises(AnalysisError, match="Did you mean 'REML'"):
        pool([1, 2], [1, 1], estimator="RELM")
    with pytest.raises(AnalysisError, match="hartung-knapp"):
        pool([1, 2], [1, 1], interval="wald")
    with pytest.raises(AnalysisError, match="above 0"):
        pool([1, 2], [1, 0])
    with pytest.raises(AnalysisError, match="Did you mean 'before'"):
        standardised_mean_change(1, sd=1, n=5, r=0.5, standardiser="befor")


def test_leaving_one_out_is_pooling_the_others():
    y, v = np.array([-1.83, -1.12, -0.4, -2.0]), np.array([0.3, 0.5, 0.3, 0.6])
    left = [e for e in leave_one_out(y, v, names=["a", "b", "c", "d"]) if e.name == "pooled"]
    assert left[1].group == "without b"
    assert left[1].value == pool(y[[0, 2, 3]], v[[0, 2, 3]])[0].value


# --- effect measures ------------------------------------------------------------------------------


@given(st.floats(0.1, 5), st.floats(0.1, 5), st.floats(-1, 1))
def test_sd_of_change_and_r_are_inverses(before, after, r):
    sd = float(sd_of_change(before, after, r=r))
    assert abs(float(implied_r(before, after, sd)) - r) < 1e-6
    assert sd_of_change(before, after, r=1) <= sd + 1e-9


def test_a_standard_error_among_sds_is_seen():
    assert looks_like_se([1.9, 2.1, 2.0, 0.4], [25, 25, 25, 25]).tolist() == [
        False,
        False,
        False,
        True,
    ]
    assert not looks_like_se([2.0], [25]).any()


def test_known_values_without_the_shared_folder():
    """metafor 3.8 escalc: SMCR of S1 (n=12), PLO of 5/12, RR of the first BCG trial."""
    y, _ = standardised_mean_change(-1.008, sd=1.398, n=12, r=0.588, standardiser="before")
    assert_allclose(
        y, -1.008 / 1.398 * math.gamma(5.5) / (math.sqrt(5.5) * math.gamma(5)), rtol=1e-12
    )
    y, v = proportion(5, 12)
    assert_allclose([y, v], [math.log(5 / 7), 1 / 5 + 1 / 7], rtol=1e-15)
    y, v = mean_difference(1, 2, 10, 0, 2, 10)
    assert_allclose([y, v], [1, 0.8])
    y, v = two_shares([12], [30], [5], [30])
    assert_allclose([y[0], v[0]], [7 / 30, 12 * 18 / 30**3 + 5 * 25 / 30**3])
    with pytest.raises(AnalysisError, match="arcsine"):
        proportion(1, 2, scale="probit")


def test_random_intercept_logistic_integrates_the_right_thing():
    """The quadrature against scipy's own integration, and the optimum against a grid."""
    x, k = np.array([2.0, 15, 9, 1, 30]), np.array([20.0, 20, 30, 25, 41])

    def brute(mu, tau):
        total = 0.0
        for e, n in zip(x, k):

            def weighed(u, e=e, n=n):
                share = 1 / (1 + np.exp(-mu - u))
                return stats.binom.pmf(e, n, share) * stats.norm.pdf(u, 0, tau)

            from scipy.integrate import quad

            total += math.log(quad(weighed, -12 * tau, 12 * tau, epsabs=0, epsrel=1e-10)[0])
        return total

    assert_allclose(_log_likelihood(-0.3, 1.2, x, k), brute(-0.3, 1.2), rtol=1e-7)
    found = {e.name: e for e in pooled_logit(x, k)}
    best = optimize.minimize(
        lambda b: -brute(b[0], abs(b[1])), [0, 1], method="Nelder-Mead", options={"xatol": 1e-5}
    )
    assert_allclose(
        [found["pooled"].value, found["tau2"].value], [best.x[0], best.x[1] ** 2], rtol=2e-3
    )
    assert pooled_logit([0, 0], [5, 5])[0].reason == "no_events"
    assert pooled_logit([5, 5], [5, 5])[0].reason == "separation"
    assert pooled_logit([2], [5])[0].reason == "too_few"


# --- coverage (section 5 E of the catalogue) ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "expected"),
    [(3, (0.877, 0.944, 0.996)), (5, (0.895, 0.943, 0.971)), (9, (0.915, 0.944, 0.950))],
)
def test_coverage_of_the_pooled_mean(k, expected):
    """τ = .5, unequal sites: DL with z falls short; the default (REML, Hartung–Knapp) covers what
    it claims.
    """
    rng, runs, covered = np.random.default_rng(20 + k), 1500, np.zeros(3)
    for _ in range(runs):
        v = rng.uniform(0.2, 0.6, k) ** 2
        y = rng.normal(-1.5, 0.5, k) + rng.normal(0, np.sqrt(v))
        for j, (estimator, interval) in enumerate(
            [("DL", "z"), ("REML", "hartung-knapp"), ("REML", "truncated")]
        ):
            e = pool(y, v, estimator=estimator, interval=interval)[0]
            covered[j] += e.low <= -1.5 <= e.high
    share, error = covered / runs, 3 * math.sqrt(0.05 * 0.95 / runs)
    assert share[0] < 0.93
    assert abs(share[1] - 0.95) < error + 0.005
    assert abs(share[1] - expected[1]) < error + 0.01
    assert share[2] >= share[1]


def test_metafor_of_three_estimates():
    """metafor 3.8: rma(yi, sei=, method=, test=) of three estimates."""
    y, v = [-1.83, -1.12, -0.4], np.array([0.62, 0.71, 0.55]) ** 2
    found = {e.name: e for e in pool(y, v)}
    assert_allclose(found["tau2"].value, 0.21439491712555264, rtol=1e-7)
    assert_allclose(found["tau2"].high, 19.849403764855118, rtol=1e-7)
    dl = pool(y, v, estimator="DL", interval="z")[0]
    assert (
        round(dl.p, 3) == 0.014
    )  # the k = 3 example of the catalogue: P=.014 by DL and z, P=.128 by HKSJ
    assert round(pool(y, v)[0].p, 3) == 0.128
