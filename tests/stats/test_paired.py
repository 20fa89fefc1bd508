"""What must hold of a paired change whatever the data, and what happens where it is undefined."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.paired.location import (
    changes,
    mean_change,
    median_change,
    percent_change,
    shapiro_wilk,
    sign_test,
    trimmed_change,
    variance_ratio,
)

nrs = st.integers(0, 10).map(float)
patients = st.lists(st.tuples(nrs, nrs), min_size=6, max_size=25)


def columns(rows: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows)
    return table[:, 0], table[:, 1]


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or a == pytest.approx(b, rel=1e-9, abs=1e-9)


@given(patients, st.integers(-50, 50), st.randoms(use_true_random=False))
def test_neither_a_shift_nor_the_order_matters(rows, shift, random):
    """Adding the same to all scores, or shuffling patients, changes nothing about change."""
    before, after = columns(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    for kind in (mean_change, trimmed_change, variance_ratio):
        first, moved = kind(before, after), kind(before[order] + shift, after[order] + shift)
        assert all(
            same(getattr(first, f), getattr(moved, f)) for f in ("value", "low", "high", "p", "se")
        )
    assert median_change(before, after) == median_change(
        before[order] + shift, after[order] + shift
    )


@given(patients)
def test_before_and_after_swapped_turns_the_sign(rows):
    before, after = columns(rows)
    first, swapped = mean_change(before, after), mean_change(after, before)
    assert (
        same(first.value, -swapped.value)
        and same(first.low, -swapped.high)
        and same(first.p, swapped.p)
    )
    up, down = sign_test(before, after), sign_test(after, before)
    assert (up.n_up, up.n_zero, up.test.p) == (down.n_down, down.n_zero, down.test.p)


@given(patients)
def test_interval_and_test_agree_and_level_widens(rows):
    before, after = columns(rows)
    narrow, wide = (mean_change(before, after, level=level) for level in (0.9, 0.99))
    if not narrow.reason:
        assert wide.low < narrow.low <= narrow.value <= narrow.high < wide.high
        assert (narrow.p < 0.1) == (narrow.low > 0 or narrow.high < 0)


def test_no_trim_is_the_paired_t_test():
    before, after = np.array([7, 8, 6, 7, 9.0]), np.array([5, 7, 3, 6, 5.0])
    plain, trimmed = mean_change(before, after), trimmed_change(before, after, trim=0)
    assert (trimmed.value, trimmed.statistic, trimmed.p) == pytest.approx(
        (plain.value, plain.statistic, plain.p)
    )


@pytest.mark.parametrize("n", [0, 1])
def test_too_few(n):
    before, after = np.full(n, 5.0), np.full(n, 3.0)
    for e in (
        mean_change(before, after),
        trimmed_change(before, after),
        variance_ratio(before, after),
        median_change(before, after).median,
        shapiro_wilk(before, after),
    ):
        assert e.reason == "too_few" and math.isnan(e.p) and math.isnan(e.low)
    assert math.isnan(mean_change(before, after).value) == (n == 0)


@pytest.mark.parametrize("step", [0.0, -2.0, 0.1])
def test_equal_changes_have_no_spread(step):
    """All changes zero, or all the same: the mean stands, nothing is tested (0.1 steps are equal in
    decimals).
    """
    before = np.array([1.1, 2.2, 3.3, 4.4, 5.6, 6.7])
    e = mean_change(before, before + step)
    assert (e.value, e.se, e.reason) == (pytest.approx(step), 0.0, "zero_variance")
    assert math.isnan(e.p) and math.isnan(e.low)
    assert trimmed_change(before, before + step).reason == "zero_variance"


def test_nobody_changed():
    s = sign_test([1, 2, 3], [1, 2, 3])
    assert (s.test.p, s.test.reason, s.n_zero) == (1.0, "all_zero", 3)
    assert median_change([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]).median.reason == "zero_variance"


@pytest.mark.parametrize(("up", "down"), [(0, 5), (3, 9), (12, 0), (7, 7)])
def test_share_that_rose_equals_scipys_binomial(up, down):
    s = sign_test(np.zeros(up + down + 2), [1.0] * up + [-1.0] * down + [0, 0]).test
    theirs = stats.binomtest(up, up + down)
    limits = theirs.proportion_ci(method="exact")
    assert (s.value, s.low, s.high, s.p) == pytest.approx(
        (up / (up + down), limits.low, limits.high, theirs.pvalue)
    )


def test_percent_change_leaves_out_zero_before_and_says_so():
    of_means, mean, median, lowest, highest = percent_change([0, 10, 5], [1, 5, 5])
    assert of_means.value == pytest.approx(100 * (11 - 15) / 15)
    assert (mean.value, median.value, lowest.value, highest.value) == (-25.0, -25.0, -50.0, 0.0)
    assert "1 with a score of 0" in mean.how
    assert all(math.isnan(e.value) and e.reason for e in percent_change([0, 0], [1, 2]))


def test_refusals_name_what_there_is():
    with pytest.raises(AnalysisError, match="3 and 2 scores"):
        mean_change([1, 2, 3], [1, 2])
    with pytest.raises(AnalysisError, match="missing or infinite"):
        mean_change([1, 2, math.nan], [1, 2, 3])
    with pytest.raises(AnalysisError, match="two-sided, less, greater, not 'both'"):
        mean_change([1, 2], [2, 2], alternative="both")
    with pytest.raises(AnalysisError, match="cut at each end"):
        trimmed_change([1, 2], [2, 2], trim=0.5)


def test_changes_tie_in_decimals():
    assert len(set(changes([7.0, 5.1, 0.3], [4.9, 3.0, -1.8]).tolist())) == 1


def test_median_interval_keeps_its_level_for_every_n():
    """Achieved level at least the nominal one, and the next narrower interval would fall below
    it.
    """
    for n in range(6, 120):
        m = median_change(np.zeros(n), np.arange(n, dtype=float))
        k = int(m.median.low)
        below = sum(math.comb(n, i) for i in range(k + 2)) / 2**n
        assert m.achieved >= 0.95 > 1 - 2 * below
        assert m.median.value == statistics.median(range(n))


def test_variance_ratio_interval_agrees_with_its_test():
    """1 lies outside the interval exactly when Pitman and Morgan's p is below .05."""
    rng = np.random.default_rng(7)
    outside = 0
    for _ in range(300):
        before = rng.normal(size=15)
        after = before + rng.normal(size=15) * rng.uniform(0.3, 3)
        e = variance_ratio(before, after)
        assert (e.p < 0.05) == (e.low > 1 or e.high < 1)
        outside += e.p < 0.05
    assert 30 < outside < 270
