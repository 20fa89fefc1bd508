import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.groups.ranks import (
    cliffs_delta,
    dunn,
    hodges_lehmann,
    kruskal_wallis,
    mann_whitney,
    probability_of_superiority,
)

NRS = st.lists(st.integers(0, 10), min_size=1, max_size=7)


def enumerated(a, b):
    """P(W ≤ w), P(W ≥ w) and two-sided by distance from the mean, by going through every split."""
    ranks = stats.rankdata([*a, *b])
    n1, n = len(a), len(ranks)
    w = ranks[:n1].sum()
    sums = np.array([sum(c) for c in itertools.combinations(ranks, n1)])
    mean = n1 * (n + 1) / 2
    return (
        (sums <= w + 1e-9).mean(),
        (sums >= w - 1e-9).mean(),
        (abs(sums - mean) >= abs(w - mean) - 1e-9).mean(),
    )


@given(NRS, NRS)
@settings(deadline=None, max_examples=60)
def test_the_exact_p_is_the_enumerated_one(a, b):
    if len({*a, *b}) == 1:
        assert (mann_whitney(a, b).p, mann_whitney(a, b).reason) == (1.0, "all_zero")
        return
    low, high, both = enumerated(a, b)
    assert mann_whitney(a, b).p == pytest.approx(both, rel=1e-12)
    assert mann_whitney(a, b, alternative="less").p == pytest.approx(low, rel=1e-12)
    assert mann_whitney(a, b, alternative="greater").p == pytest.approx(high, rel=1e-12)


@given(NRS, NRS)
@settings(deadline=None)
def test_swapping_the_groups_mirrors_everything(a, b):
    one, two = mann_whitney(a, b), mann_whitney(b, a)
    assert one.p == pytest.approx(two.p)
    assert one.value + two.value == len(a) * len(b)
    assert cliffs_delta(a, b).value == pytest.approx(-cliffs_delta(b, a).value)
    s, t = hodges_lehmann(a, b).estimate, hodges_lehmann(b, a).estimate
    assert (s.value, s.low, s.high) == pytest.approx((-t.value, -t.high, -t.low), nan_ok=True)


def test_the_normal_forms_are_scipys():
    a, b = [1, 2, 2, 3, 7, 8, 8], [2, 4, 5, 5, 9, 9]
    for cc in (True, False):
        expected = stats.mannwhitneyu(a, b, method="asymptotic", use_continuity=cc).pvalue
        assert mann_whitney(a, b, method="normal", continuity=cc).p == pytest.approx(
            expected, rel=1e-12
        )


def test_a_big_sample_is_exact_up_to_the_limit_and_says_when_it_is_not():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=100), rng.normal(0.3, size=100)
    exact = mann_whitney(a, b)
    assert "exact" in exact.how
    assert exact.p == pytest.approx(mann_whitney(a, b, method="normal").p, rel=0.02)
    assert (
        "normal approximation with continuity"
        in mann_whitney(rng.normal(size=150), rng.normal(size=100)).how
    )


def test_untied_exact_p_is_scipys():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=9), rng.normal(1, size=14)
    assert mann_whitney(a, b).p == pytest.approx(
        stats.mannwhitneyu(a, b, method="exact").pvalue, rel=1e-10
    )


def test_the_shift_interval_is_the_inverted_exact_test():
    """A shift lies inside the interval exactly where the untied exact test of it is not
    significant.
    """
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, size=8), rng.normal(size=11)
    s = hodges_lehmann(a, b)
    gaps = np.sort(np.subtract.outer(a, b).ravel())
    assert s.estimate.value == pytest.approx(np.median(gaps))
    for delta in (gaps[1:] + gaps[:-1]) / 2:
        p = stats.mannwhitneyu(a - delta, b, method="exact").pvalue
        assert (p > 0.05) == (s.estimate.low < delta < s.estimate.high)
    assert s.achieved >= 0.95


def test_tiny_groups_reach_what_they_can():
    s = hodges_lehmann([1, 2], [3, 5])
    assert (s.estimate.low, s.estimate.high) == (-4, -1)
    assert s.achieved == pytest.approx(1 - 2 / 6)


def test_cliff_from_its_definition_and_at_the_ends():
    a, b = [1, 2, 2, 3, 9], [2, 4, 5, 5]
    m = np.sign(np.subtract.outer(a, b))
    e = cliffs_delta(a, b)
    assert e.value == m.mean()
    assert -1 <= e.low < e.value < e.high <= 1
    n1, n2, d = len(a), len(b), m.mean()
    v = (
        n2**2 * ((m.mean(1) - d) ** 2).sum()
        + n1**2 * ((m.mean(0) - d) ** 2).sum()
        - ((m - d) ** 2).sum()
    ) / (n1 * n2 * (n1 - 1) * (n2 - 1))
    assert e.se**2 == pytest.approx(max(v, (1 - d**2) / (n1 * n2 - 1)))
    assert cliffs_delta([1, 2], [3, 4]).reason == "separation"
    assert math.isnan(cliffs_delta([1, 2], [3, 4]).low)
    assert cliffs_delta([1], [1, 4]).reason == "too_few"
    assert probability_of_superiority(cliffs_delta([3, 4], [3, 1])).value == 0.875


def test_float_noise_does_not_break_ties():
    a, b = [0.3, 0.6], [0.1 + 0.2, 0.7]
    assert mann_whitney(a, b).value == mann_whitney([3, 6], [3, 7]).value


@given(st.lists(NRS, min_size=3, max_size=4))
@settings(deadline=None)
def test_kruskal_is_scipys_and_dunn_is_its_two_group_form(parts):
    groups = {str(i): p for i, p in enumerate(parts)}
    h = kruskal_wallis(groups)
    if len({v for p in parts for v in p}) == 1 or sum(map(len, parts)) < 3:
        assert h.reason
        return
    assert h.p == pytest.approx(stats.kruskal(*parts).pvalue, rel=1e-9)
    assert all(e.p_adjusted >= e.p - 1e-12 for e in dunn(groups))
    two = {k: groups[k] for k in ("0", "1")}
    if len({*two["0"], *two["1"]}) > 1 and len(two["0"]) + len(two["1"]) > 2:
        assert dunn(two)[0].statistic ** 2 == pytest.approx(kruskal_wallis(two).value, abs=1e-9)


def test_empty_groups_and_unknown_options():
    assert mann_whitney([], [1]).reason == "too_few"
    assert hodges_lehmann([], [1]).estimate.reason == "too_few"
    assert cliffs_delta([], [1]).reason == "too_few"
    assert kruskal_wallis({"a": [1, 2], "b": []}).reason == "too_few"
    assert dunn({"a": [2, 2], "b": [2]})[0].reason == "all_zero"
    for call in (
        lambda: mann_whitney([1], [2], method="fast"),
        lambda: mann_whitney([1], [2], alternative="up"),
    ):
        with pytest.raises(AnalysisError, match="There is"):
            call()


@pytest.mark.slow
def test_mann_whitney_holds_its_level_and_cliffs_interval_covers():
    """4000 runs: Monte Carlo error of .05 is .0034, of .95 likewise."""
    rng = np.random.default_rng(20260102)
    runs, low_p, covered, shift = 4000, 0, 0, 0
    grid = np.arange(11)
    p1 = stats.binom.pmf(grid, 10, 0.5)
    p2 = stats.binom.pmf(grid, 10, 0.35)
    truth = float((np.sign(np.subtract.outer(grid, grid)) * np.outer(p1, p2)).sum())
    for _ in range(runs):
        a, b, c = rng.choice(grid, 15, p=p1), rng.choice(grid, 12, p=p1), rng.choice(grid, 12, p=p2)
        low_p += mann_whitney(a, b).p <= 0.05
        e = cliffs_delta(a, c)
        covered += bool(e.low <= truth <= e.high) if not e.reason else 0
        s = hodges_lehmann(rng.normal(size=10), rng.normal(size=12)).estimate
        shift += s.low <= 0 <= s.high
    assert 0.03 < low_p / runs <= 0.05 + 3 * 0.0034
    assert abs(covered / runs - 0.95) < 0.02
    assert 0.95 - 3 * 0.0034 <= shift / runs < 0.97
