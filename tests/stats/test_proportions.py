"""One proportion: what must hold whatever the counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from outcomes.stats.proportions.single import (
    agresti_coull,
    clopper_pearson,
    jeffreys,
    mid_p,
    rule_of_three,
    wilson,
)

INTERVALS = (wilson, clopper_pearson, mid_p, jeffreys, agresti_coull)
counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_full_precision_values():
    """Newcombe 1998 (method 3) prints .2553 to .3662 for 81 of 263; R 4.2.2 binom.test(7, 12) in
    full precision.
    """
    e = wilson(81, 263)
    assert_allclose((e.low, e.high), (0.2553, 0.3662), atol=5e-5)
    e = clopper_pearson(7, 12)
    assert_allclose((e.low, e.high), (0.27666968568210587, 0.84834777019156993), rtol=1e-12)


@pytest.mark.parametrize("interval", INTERVALS)
@given(counts)
def test_mirrored_counts_mirror_the_interval(interval, case):
    x, n = case
    one, other = interval(x, n), interval(n - x, n)
    assert_allclose((one.low, one.high), (1 - other.high, 1 - other.low), atol=1e-12)
    assert one.low <= one.value <= one.high


@pytest.mark.parametrize(
    "interval", INTERVALS[:-1]
)  # Agresti-Coull, not cut at 0, may move inwards there
@given(counts)
def test_a_higher_level_is_wider(interval, case):
    narrow, wide = interval(*case, level=0.9), interval(*case, level=0.99)
    assert wide.low <= narrow.low and narrow.high <= wide.high


@given(counts)
def test_mid_p_lies_inside_the_exact_interval(case):
    inner, outer = mid_p(*case), clopper_pearson(*case)
    assert outer.low <= inner.low + 1e-12 and inner.high <= outer.high + 1e-12


@given(st.integers(1, 10_000))
def test_rule_of_three(n):
    e = rule_of_three(n)
    assert_allclose(stats.binom.pmf(0, n, e.high), 0.05, rtol=1e-9)
    assert e.high <= 3 / n and (e.value, e.low) == (0, 0)
    assert wilson(0, n).low == 0 and wilson(n, n).high == 1


@pytest.mark.parametrize("interval", INTERVALS)
def test_undefined_and_impossible(interval):
    e = interval(0, 0)
    assert e.reason == "too_few" and all(map(math.isnan, (e.value, e.low, e.high)))
    for bad in ((3, 2), (-1, 2), (1.5, 2)):
        with pytest.raises(ValueError, match="between 0 and its total"):
            interval(*bad)


def test_exact_coverage_of_wilson_and_its_rivals():
    """Mean coverage over p in (0, 1), by summing over all counts: Wilson and mid-p near 95 %,
    Clopper-Pearson above.
    """
    n, p = 20, np.linspace(0.005, 0.995, 199)
    chance = stats.binom.pmf(np.arange(n + 1)[:, None], n, p)
    cover = {}
    for interval in (wilson, mid_p, clopper_pearson):
        limits = np.array([(e.low, e.high) for e in (interval(x, n) for x in range(n + 1))])
        cover[interval] = (chance * ((limits[:, :1] <= p) & (p <= limits[:, 1:]))).sum(axis=0)
    assert abs(cover[wilson].mean() - 0.95) < 0.01
    assert abs(cover[mid_p].mean() - 0.957) < 0.01
    assert cover[clopper_pearson].min() >= 0.95
