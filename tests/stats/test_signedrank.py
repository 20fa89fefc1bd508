"""Exactness of the signed-rank family against full enumeration, and its behaviour at the edges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from outcomes.core.errors import AnalysisError
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.signed_rank import hodges_lehmann, sign_flip, signed_rank, subset_tail
from tests.builders import SLEEP

small = st.lists(st.integers(-4, 4).map(lambda k: k / 2), min_size=1, max_size=9)


def ranks_of(d: np.ndarray, zeros: str) -> tuple[np.ndarray, np.ndarray]:
    moved = d != 0
    ranks = rankdata(np.abs(d))[moved] if zeros == "pratt" else rankdata(np.abs(d[moved]))
    return ranks, d[moved] > 0


def enumerated(weights: np.ndarray, positive: np.ndarray) -> dict[str, float]:
    """P-values by going through every one of the 2^m sign patterns."""
    sums = [sum(c) for c in itertools.product(*[(0.0, float(w)) for w in weights])]
    seen, n = float(weights[positive].sum()), len(sums)
    less, more = (sum(s <= seen + 1e-9 for s in sums) / n, sum(s >= seen - 1e-9 for s in sums) / n)
    equal = sum(abs(s - seen) < 1e-9 for s in sums) / n
    both = min(1.0, 2 * min(less, more))
    return {
        "less": less,
        "greater": more,
        "two-sided": both,
        "mid": min(1.0, 2 * (min(less, more) - equal / 2)),
    }


@pytest.mark.parametrize("zeros", ["wilcoxon", "pratt"])
@given(values=small)
def test_equals_full_enumeration(zeros, values):
    d = np.array(values)
    if not d.any():
        return
    truth = enumerated(*ranks_of(d, zeros))
    nothing = np.zeros(len(d))
    for alternative in ("two-sided", "less", "greater"):
        p = signed_rank(nothing, d, zeros=zeros, alternative=alternative).test.p
        assert p == pytest.approx(truth[alternative], rel=1e-12)
    assert signed_rank(nothing, d, zeros=zeros, mid_p=True).test.p == pytest.approx(
        truth["mid"], rel=1e-12
    )


@given(values=small)
def test_sign_flip_equals_full_enumeration(values):
    d = np.array(values)
    if not d.any():
        return
    moved = d[d != 0]
    truth = enumerated(np.abs(moved), moved > 0)
    for alternative in ("two-sided", "less", "greater"):
        p = sign_flip(np.zeros(len(d)), d, alternative=alternative).test.p
        assert p == pytest.approx(truth[alternative], rel=1e-12)


def test_equals_scipy_where_scipy_is_exact():
    """No ties, no zeros: the textbook distribution, also far out in its tail."""
    rng = np.random.default_rng(3)
    for n in (5, 12, 30, 50):
        d = rng.permutation(np.arange(1, n + 1)) * rng.choice([-1, 1], n)
        theirs = wilcoxon(d, method="exact")
        ours = signed_rank(np.zeros(n), d)
        assert min(ours.w_plus, ours.w_minus) == theirs.statistic
        assert ours.test.p == pytest.approx(theirs.pvalue, rel=1e-10)
    assert signed_rank(np.zeros(300), np.arange(1, 301)).test.p == pytest.approx(
        2.0**-299, rel=1e-12
    )


def test_subset_tail_is_a_distribution():
    for weights in (np.arange(1, 1001), np.full(700, 3), np.array([2, 4, 6, 7])):
        total = int(weights.sum())
        whole, last = subset_tail(weights, total)
        assert whole == pytest.approx(1.0, rel=1e-10)
        assert last == 2.0 ** -len(weights)
        left, _ = subset_tail(weights, 4 * total // 10)
        right = 1 - subset_tail(weights, total - 4 * total // 10 - 1)[0]
        assert left == pytest.approx(right, rel=1e-9)


def test_normal_beyond_the_exact_range_is_close_to_exact():
    """Beyond 300 the default is the normal approximation with continuity; at 400 it is within 1e-3
    of the exact p.
    """
    rng = np.random.default_rng(5)
    d = rng.integers(-5, 5, 460).astype(float)
    auto, exact = signed_rank(np.zeros(460), d), signed_rank(np.zeros(460), d, method="exact")
    assert not auto.exact and exact.exact and "normal approximation" in auto.test.how
    assert auto.test.p == pytest.approx(exact.test.p, abs=1e-3)


def test_degenerate_answers_carry_their_reason():
    empty, alike = signed_rank([], []), signed_rank([3, 4, 5], [3, 4, 5])
    assert (empty.test.reason, math.isnan(empty.test.p)) == ("too_few", True)
    assert (alike.test.reason, alike.test.p, alike.n_zero) == ("all_zero", 1.0, 3)
    assert signed_rank([3], [1]).test.p == 1.0
    assert signed_rank([3, 3, 3], [3, 3, 1]).test.p == 1.0
    constant = signed_rank([5, 6, 7, 8], [4, 5, 6, 7])
    assert constant.test.p == 2.0 ** (1 - 4) == constant.smallest_p
    assert sign_flip([], []).test.reason == "too_few" and sign_flip([1, 2], [1, 2]).test.p == 1.0


def test_unknown_options_are_named():
    with pytest.raises(AnalysisError, match="wilcoxon, pratt, not 'drop'"):
        signed_rank([1], [2], zeros="drop")
    with pytest.raises(AnalysisError, match="at most 1500"):
        signed_rank(np.zeros(1600), np.arange(1.0, 1601), method="exact")


def walsh(d: np.ndarray) -> np.ndarray:
    i, j = np.triu_indices(len(d))
    return np.sort((d[i] + d[j]) / 2)


@given(st.lists(st.integers(-80, 80).map(lambda k: k / 10), min_size=2, max_size=40))
def test_hodges_lehmann_is_the_median_of_walsh_averages(values):
    d = np.round(np.array(values), 9)
    h, averages = hodges_lehmann(np.zeros(len(d)), d), walsh(d)
    assert h.shift.value == pytest.approx(float(np.median(averages)), abs=1e-9)
    if np.ptp(d) == 0:
        assert h.shift.reason == "zero_variance" and np.isnan(h.shift.low)
        return
    q = int((averages < h.shift.low - 1e-9).sum()) + 1
    assert h.shift.low == pytest.approx(averages[q - 1], abs=1e-9)
    assert h.shift.low <= h.shift.value <= h.shift.high


@given(
    st.lists(st.integers(-9, 9), min_size=6, max_size=14, unique_by=abs).filter(
        lambda v: 0 not in v
    )
)
def test_interval_inverts_the_exact_test(values):
    """A shift inside the interval is not rejected, one just outside is (distinct changes without
    ties).
    """
    d = np.array(values) * 1.0 + np.arange(len(values)) * 0.001
    h = hodges_lehmann(np.zeros(len(d)), d)
    for edge, out in ((h.shift.low, -1e-6), (h.shift.high, 1e-6)):
        assert (
            signed_rank(np.full(len(d), edge + out), d).test.p
            <= 0.05
            < signed_rank(np.full(len(d), edge - out), d).test.p
        )


def test_achieved_level():
    """At least the nominal level as soon as n allows it (n ≥ 6 at 95%), and as near as the steps
    allow.
    """
    for n in (6, 9, 15, 24, 60):
        achieved = hodges_lehmann(np.zeros(n), np.arange(n, dtype=float)).achieved
        assert 0.95 <= achieved < 0.98
    assert hodges_lehmann([0, 0, 0], [1, 2, 4]).achieved == 0.75
    assert hodges_lehmann([1], [2]).shift.reason == "too_few"


def test_large_samples_need_no_table_of_averages():
    """20,000 patients: 200 million Walsh averages, none of them stored."""
    d = np.round(np.random.default_rng(9).normal(-1, 2, 20_000), 1)
    h = hodges_lehmann(np.zeros(len(d)), d)
    assert h.shift.low <= -1 <= h.shift.high and h.shift.high - h.shift.low < 0.2


def test_drawn_flips_agree_with_counted_ones():
    """Above 200 patients flips are drawn: p within 4 Monte Carlo standard errors of the exact p."""
    rng = np.random.default_rng(11)
    d = rng.integers(-4, 4, 210).astype(float)
    drawn = sign_flip(np.zeros(210), d, rng=rng, draws=20_000)
    moved = d[d != 0]
    tail, _ = subset_tail(
        np.abs(moved).astype(int), int(min(moved[moved > 0].sum(), -moved[moved < 0].sum()))
    )
    truth = min(1.0, 2 * tail)
    assert drawn.draws == 20_000
    assert drawn.test.p == pytest.approx(
        truth, abs=4 * math.sqrt(truth * (1 - truth) / 20_000) + 1e-4
    )
    with pytest.raises(AnalysisError, match="rng="):
        sign_flip(np.zeros(210), d)


def test_a_drawn_p_is_never_zero():
    """Nobody of 999 flips comes near: p = (0 + 1)/(999 + 1)."""
    flipped = sign_flip(np.zeros(230), np.arange(1.0, 231), rng=np.random.default_rng(1), draws=999)
    assert flipped.test.p == 1 / 1000


def test_students_sleep_at_full_precision():
    """Student's sleep data (R's `sleep`): the same numbers, in full precision, from R 4.2.2 and
    exactRankTests.
    """
    e = mean_change(*SLEEP)
    assert (e.statistic, e.p) == pytest.approx(
        (4.0621276833820366, 0.0028328901973842702), rel=1e-12
    )
    r = signed_rank(*SLEEP)
    assert (r.w_plus, r.n_zero, r.test.p) == (45.0, 1, 2 / 2**9)
