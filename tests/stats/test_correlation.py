"""Pearson's r of pairs: numpy, scipy's Fisher z interval, and what two pairs or a flat column
say.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from outcomes.stats.paired.correlation import pearson


@pytest.mark.parametrize("n", [4, 5, 12, 300])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_value_interval_and_test_are_those_of_numpy_and_scipy(n, level):
    rng = np.random.default_rng(n)
    x = rng.integers(0, 11, n).astype(float)
    y = 0.5 * x + rng.normal(0, 2, n)
    found, theirs = pearson(x, y, level=level), stats.pearsonr(x, y)
    ci = theirs.confidence_interval(level)
    assert_allclose(found.value, np.corrcoef(x, y)[0, 1], rtol=1e-12)
    assert_allclose(
        [found.low, found.high, found.p, found.df],
        [ci.low, ci.high, theirs.pvalue, n - 2],
        rtol=1e-9,
    )
    assert found.reason == ""


def test_shift_scale_and_order_change_nothing():
    x, y = np.array([7.0, 8, 6, 7, 9, 3]), np.array([5.0, 7, 3, 6, 5, 4])
    r = pearson(x, y).value
    assert_allclose(
        [
            pearson(10 * x - 3, y).value,
            pearson(x[::-1], y[::-1]).value,
            -pearson(-x, y).value,
            pearson(y, x).value,
        ],
        r,
    )


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([], [], "too_few"),
        ([1, 2], [1, 3], "too_few"),
        ([5, 5, 5, 5], [1, 2, 3, 4], "zero_variance"),
        ([1, 2, 3], [0.1 + 0.2, 0.3, 0.3], "zero_variance"),
    ],
)
def test_what_is_undefined_says_why(x, y, reason):
    found = pearson(x, y)
    assert (math.isnan(found.value), found.reason) == (True, reason)


def test_a_line_and_three_pairs_have_no_interval():
    for x, y, r in (([1, 2, 3, 4], [2, 4, 6, 8], 1), ([0.1, 0.2, 0.3, 0.7], [-1, -2, -3, -7], -1)):
        line = pearson(x, y)
        assert (line.value, line.reason, math.isnan(line.low), math.isnan(line.p)) == (
            r,
            "at_limit",
            True,
            True,
        )
    three = pearson([1, 2, 3], [1, 3, 2])
    assert (three.value, three.reason, math.isnan(three.low)) == (
        pytest.approx(0.5),
        "too_few",
        True,
    )
    assert three.p == pytest.approx(stats.pearsonr([1, 2, 3], [1, 3, 2]).pvalue)
