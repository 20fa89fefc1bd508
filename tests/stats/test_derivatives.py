"""Derivatives that are written out agree with differences of the value, and with dense matrices.

A wrong term in a second derivative seldom moves an estimate: the search still ends at the maximum. It
moves standard errors, and the number of steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from outcomes.stats.meta_analysis.three_level import BETWEEN, WITHIN, _nested
from outcomes.stats.paired.regression_to_mean import _Truncated
from outcomes.stats.regression.ordinal import _loglik


def differences(f: Callable[[np.ndarray], np.ndarray | float], at: np.ndarray) -> np.ndarray:
    """Central differences of a function along each coordinate."""
    rows = []
    for i in range(len(at)):
        step = np.zeros(len(at))
        step[i] = 1e-5 * max(1.0, abs(at[i]))
        rows.append((np.asarray(f(at + step)) - np.asarray(f(at - step))) / (2 * step[i]))
    return np.array(rows)


@pytest.mark.parametrize("theta", [(0.3, 0.2), (0.0, 0.4), (1.5, 0.05)])
def test_slopes_of_the_three_level_likelihood(theta):
    y = [-1.8, -1.5, -0.9, -1.2, -2.4, -2.0, -2.2, -0.4]
    v = np.array([0.1, 0.2, 0.1, 0.15, 0.2, 0.1, 0.1, 0.3])
    data = _nested(y, v, list("AABBCCCD"))
    at = np.array([theta[0], theta[1]])
    assert (BETWEEN, WITHIN) == (0, 1)
    score, observed, expected = data.slopes(at)

    one = np.ones((8, 1))
    parts = [np.equal.outer(data.index, data.index).astype(float), np.eye(8)]
    inverse = np.linalg.inv(np.diag(data.v) + at[0] * parts[0] + at[1] * parts[1])
    p = inverse - inverse @ one @ one.T @ inverse / float((one.T @ inverse @ one)[0, 0])
    py = p @ data.y
    traces = np.array([[np.trace(p @ a @ p @ b) for b in parts] for a in parts])
    products = np.array([[py @ a @ p @ b @ py for b in parts] for a in parts])
    assert score == pytest.approx([(py @ a @ py - np.trace(p @ a)) / 2 for a in parts], rel=1e-9)
    assert observed == pytest.approx(products - traces / 2, rel=1e-9)
    assert expected == pytest.approx(traces / 2, rel=1e-9)
    if theta[0] > 0:
        value = lambda t: data.loglik(t[:1], t[1:])[0]  # noqa: E731
        assert differences(value, at) == pytest.approx(score, rel=1e-6, abs=1e-7)
        assert differences(lambda t: data.slopes(t)[0], at) == pytest.approx(-observed, rel=1e-6)


@pytest.mark.parametrize("covariates", [0, 1, 2])
def test_slopes_of_the_proportional_odds_likelihood(covariates):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, covariates))
    code, cuts = rng.integers(0, 4, 30), 3
    at = np.array([*[0.4, -0.7][:covariates], -1.1, 0.2, 0.9])
    _, gradient, hessian = _loglik(at, x, code, cuts)
    assert differences(lambda t: _loglik(t, x, code, cuts)[0], at) == pytest.approx(
        gradient, rel=1e-6, abs=1e-6
    )
    assert differences(lambda t: _loglik(t, x, code, cuts)[1], at) == pytest.approx(
        hessian, rel=1e-6, abs=1e-6
    )


@pytest.mark.parametrize(("half", "top"), [(0.0, math.inf), (0.5, 10.0), (0.5, 12.0)])
def test_slopes_of_the_truncated_normal_likelihood(half, top):
    x, counts = np.arange(4.0, 11.0), np.array([5, 7, 9, 8, 6, 3, 2])
    likelihood = _Truncated(x, counts, 4 - half, half, top)
    at = np.array([5.5, math.log(2.2)])
    _, gradient, hessian = likelihood(at)
    assert differences(lambda t: likelihood(t)[0], at) == pytest.approx(gradient, rel=1e-6)
    assert differences(lambda t: likelihood(t)[1], at) == pytest.approx(hessian, rel=1e-6)
    assert hessian[0, 1] == hessian[1, 0]
