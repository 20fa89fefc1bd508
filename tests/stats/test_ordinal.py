import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from outcomes.core.errors import AnalysisError
from outcomes.stats.regression.linear import Design, factor, numeric
from outcomes.stats.regression.ordinal import likelihood_ratio, proportional_odds

X = np.array([[0.0]] * 6 + [[1.0]] * 6)
PGIC = [1, 2, 2, 3, 4, 3, 2, 3, 5, 5, 4, 7]


def minus_loglik(theta, x, y):
    """The likelihood written down from its definition."""
    levels = np.unique(y)
    p = x.shape[1]
    cuts = np.concatenate([[-np.inf], theta[p:], [np.inf]])
    eta = x @ theta[:p]
    k = np.searchsorted(levels, y)
    return -np.log(special.expit(cuts[k + 1] - eta) - special.expit(cuts[k] - eta)).sum()


def test_the_estimate_maximises_the_likelihood_as_defined():
    fit = proportional_odds(X, PGIC)
    theta = np.concatenate([fit.coefficients, fit.thresholds])
    assert minus_loglik(theta, X, np.array(PGIC)) == pytest.approx(-fit.loglik, rel=1e-12)
    slope = optimize.approx_fprime(theta, minus_loglik, 1e-6, X, np.array(PGIC))
    assert np.abs(slope).max() < 1e-4
    assert fit.gradient < 1e-8


def test_the_hessian_is_that_of_the_likelihood():
    fit = proportional_odds(X, PGIC)
    theta, h = np.concatenate([fit.coefficients, fit.thresholds]), 1e-4
    f = lambda t: minus_loglik(t, X, np.array(PGIC))  # noqa: E731
    eye = np.eye(len(theta)) * h
    numeric_h = [
        [
            (f(theta + a + b) - f(theta + a - b) - f(theta - a + b) + f(theta - a - b))
            / (4 * h * h)
            for b in eye
        ]
        for a in eye
    ]
    assert fit.covariance == pytest.approx(np.linalg.inv(numeric_h), rel=1e-4)


def test_turning_the_scale_turns_the_sign_and_relabelling_changes_nothing():
    fit = proportional_odds(X, PGIC)
    turned = proportional_odds(X, 8 - np.array(PGIC))
    assert turned.coefficients == pytest.approx(-fit.coefficients, rel=1e-8)
    assert turned.loglik == pytest.approx(fit.loglik)
    squared = proportional_odds(X, np.array(PGIC) ** 2)
    assert squared.coefficients == pytest.approx(fit.coefficients)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_it_converges_or_says_that_it_did_not(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 50))
    d = Design(
        (
            factor("arm", rng.permutation(np.arange(n) % 2).astype(str)),
            numeric("age", rng.normal(50, 10, n)),
        )
    )
    fit = proportional_odds(d, rng.integers(1, 6, n))
    if fit.reason:
        assert np.isnan(fit.coefficient("age").value)
    else:
        assert fit.gradient < 1e-6
        assert fit.loglik >= fit.loglik_null - 1e-9
        assert fit.coefficient("age").se > 0


def test_two_answers_are_a_logistic_model():
    y = np.array([0, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 1])
    fit = proportional_odds(X, y)
    odds = lambda v: v.mean() / (1 - v.mean())  # noqa: E731
    assert np.exp(fit.coefficients[0]) == pytest.approx(odds(y[6:]) / odds(y[:6]))


def test_separation_few_patients_and_repeated_columns_are_said():
    assert proportional_odds(X, [1] * 6 + [2] * 6).reason == "separation"
    assert proportional_odds(X, [3] * 12).reason == "zero_variance"
    assert proportional_odds(X[:2], [1, 2]).reason == "too_few"
    with pytest.raises(AnalysisError, match="x1 repeats other columns"):
        proportional_odds(np.column_stack([X, 2 * X]), PGIC)
    assert likelihood_ratio(proportional_odds(X, [1] * 6 + [2] * 6)).reason == "separation"


def test_the_likelihood_ratio_of_nested_models():
    age = np.array([[50.0, 61, 47, 39, 58, 60, 44, 52, 66, 71, 39, 55]]).T
    both, less = proportional_odds(np.column_stack([X, age]), PGIC), proportional_odds(age, PGIC)
    test = likelihood_ratio(both, less)
    assert test.df == 1
    assert test.value == pytest.approx(2 * (both.loglik - less.loglik))
    assert likelihood_ratio(both).df == 2
