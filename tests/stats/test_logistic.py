"""Logistic regression: closed forms, separation, Firth, standardised risks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, special

from outcomes.core.errors import AnalysisError
from outcomes.stats.regression.linear import Design, factor, numeric
from outcomes.stats.regression.logistic import logistic, separated, standardised_risks


def two_arms(a, n, c, m):
    """One 0/1 arm: a of n with it, c of m without."""
    return np.column_stack([np.ones(n + m), np.repeat([1, 0], [n, m])]), np.r_[
        np.repeat([1, 0], [a, n - a]), np.repeat([1, 0], [c, m - c])
    ]


def test_firth_in_a_two_by_two_table_adds_half_to_each_cell():
    """Firth 1993: the penalised estimate of a saturated model is the log odds ratio with ½ added to
    each cell.
    """
    for a, n, c, m in ((0, 20, 7, 20), (8, 12, 3, 12), (5, 5, 0, 6)):
        fit = logistic(*two_arms(a, n, c, m), penalised=True)
        expected = math.log((a + 0.5) * (m - c + 0.5) / ((n - a + 0.5) * (c + 0.5)))
        assert_allclose(fit.coefficients[1], expected, rtol=1e-8)


def test_firth_profile_limits_solve_their_equation():
    x, y = two_arms(0, 20, 7, 20)
    fit = logistic(x, y, names=("intercept", "arm"), penalised=True)
    e = fit.log_odds_ratio("arm")

    def loss(intercept, arm):
        eta = x @ [intercept, arm]
        w = special.expit(eta) * special.expit(-eta)
        return -(y @ eta - np.logaddexp(0, eta).sum() + np.linalg.slogdet((x.T * w) @ x)[1] / 2)

    for limit in (e.low, e.high):
        refit = optimize.minimize_scalar(loss, args=(limit,), bracket=(-2, 2), tol=1e-12).fun
        assert_allclose(2 * (fit.loglik + refit), 3.841458820694124, rtol=1e-6)


def test_separation_is_recognised_not_reported_as_a_number():
    x, y = two_arms(0, 20, 7, 20)
    fit = logistic(x, y, names=("intercept", "arm"))
    assert fit.reason == "separation"
    e = fit.odds_ratio("arm")
    assert e.reason == "separation" and all(map(math.isnan, (e.value, e.low, e.high, e.p)))
    assert standardised_risks(fit, x, x).difference.reason == "separation"
    assert math.isfinite(
        logistic(x, y, names=("intercept", "arm"), penalised=True).odds_ratio("arm").high
    )


def test_separation_by_a_number_and_quasi_separation():
    age = np.array([30.0, 41, 52, 60, 61, 75])
    x = np.column_stack([np.ones(6), age])
    assert separated(x, np.array([0, 0, 0, 1, 1, 1]))
    assert separated(x, np.array([1, 1, 1, 1, 1, 1]))
    assert not separated(x, np.array([0, 1, 0, 1, 0, 1]))
    tied = np.column_stack([np.ones(5), [1.0, 2, 2, 2, 3]])
    assert separated(tied, np.array([0, 0, 1, 0, 1]))


def test_coefficients_do_not_depend_on_units_or_order():
    rng = np.random.default_rng(8)
    age, arm = rng.normal(55, 12, 80), rng.integers(0, 2, 80)
    y = (rng.random(80) < special.expit(0.05 * (age - 55) + 0.8 * arm)).astype(int)
    one = logistic(Design((numeric("age", age), numeric("arm", arm))), y)
    shuffled = rng.permutation(80)
    other = logistic(
        Design((numeric("arm", arm[shuffled]), numeric("age", age[shuffled] / 10))), y[shuffled]
    )
    assert_allclose(one.log_odds_ratio("arm").low, other.log_odds_ratio("arm").low, rtol=1e-8)
    assert_allclose(
        10 * one.log_odds_ratio("age").value, other.log_odds_ratio("age").value, rtol=1e-8
    )


def test_standardised_risks_without_covariates_are_the_plain_shares():
    x, y = two_arms(12, 30, 5, 30)
    one, none = x.copy(), x.copy()
    one[:, 1], none[:, 1] = 1, 0
    s = standardised_risks(logistic(x, y), one, none)
    assert_allclose((s.group.value, s.reference.value), (12 / 30, 5 / 30), rtol=1e-10)
    assert_allclose(s.difference.se, math.sqrt(12 * 18 / 30**3 + 5 * 25 / 30**3), rtol=1e-9)
    assert_allclose(s.ratio.se, math.sqrt(18 / 12 / 30 + 25 / 5 / 30), rtol=1e-9)


def test_bad_input():
    with pytest.raises(AnalysisError, match="0 and 1"):
        logistic(np.ones((3, 1)), [0, 1, 2])
    with pytest.raises(AnalysisError, match="repeats other columns"):
        logistic(np.ones((3, 2)), [0, 1, 1], names=("intercept", "again"))
    with pytest.raises(AnalysisError, match="one row a patient"):
        logistic(np.ones((3, 1)), [0, 1])
    fit = logistic(Design((factor("arm", ["a", "a", "b", "b"]),)), [0, 1, 0, 1])
    with pytest.raises(AnalysisError, match=r"There is: intercept, arm\[b\]"):
        fit.odds_ratio("route")
    assert fit.odds_ratio("arm[b]").value == pytest.approx(1)
    assert logistic(np.ones((1, 1)), [1]).reason == "not_estimable"
    assert (
        logistic(np.column_stack([np.ones(4), [0, 0, 1, 1]]), [0, 0, 0, 0]).reason
        == "not_estimable"
    )


def test_standard_errors_are_those_at_the_estimate():
    """With one 0/1 arm the information is known in closed form: SE² = 1/a + 1/b + 1/c + 1/d."""
    arm, y = np.repeat([0, 1], [17, 23]), np.r_[np.ones(5), np.zeros(12), np.ones(16), np.zeros(7)]
    e = logistic(Design((numeric("arm", arm),)), y).log_odds_ratio("arm", interval="wald")
    assert_allclose(e.se, np.sqrt(1 / 5 + 1 / 12 + 1 / 16 + 1 / 7), rtol=1e-12)
    assert_allclose(e.value, np.log(16 / 7 / (5 / 12)), rtol=1e-12)
