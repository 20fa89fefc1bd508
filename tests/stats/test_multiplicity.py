"""What must hold of adjusted p-values whatever the data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from outcomes.core.errors import AnalysisError
from outcomes.stats.multiplicity import METHODS, adjust, fixed_sequence, graphical, hierarchical

P = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(P, st.sampled_from(sorted(METHODS)), st.integers(0, 8))
def test_an_undefined_p_stays_undefined_and_does_not_count(p, method, where):
    """Trap 13 of the catalogue: statsmodels' multipletests counts a nan as a test (Holm .0055
    instead of .005).
    """
    where = min(where, len(p))
    with_nan = adjust([*p[:where], np.nan, *p[where:]], method)
    assert np.isnan(with_nan[where])
    assert_array_equal(np.delete(with_nan, where), adjust(p, method))


@given(P, st.sampled_from(sorted(METHODS)), st.randoms())
def test_order_does_not_matter_and_adjusting_never_helps(p, method, random):
    adjusted = adjust(p, method)
    order = list(range(len(p)))
    random.shuffle(order)
    assert_array_equal(adjust(np.array(p)[order], method), adjusted[order])
    assert (adjusted >= np.array(p) * (1 - 1e-12)).all()
    assert (adjusted <= 1).all()


@given(P)
def test_from_most_to_least_careful(p):
    holm, hochberg, hommel = (adjust(p, m) for m in ("holm", "hochberg", "hommel"))
    slack = 1e-12
    assert (adjust(p, "bonferroni") >= holm - slack).all()
    assert (holm >= hochberg - slack).all()
    assert (hochberg >= hommel - slack).all()
    assert (hommel >= adjust(p, "BH") - slack).all()
    assert (adjust(p, "BY") >= adjust(p, "BH") - slack).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_hommel_is_the_closed_simes_test(p):
    def simes(subset):
        ordered = np.sort([p[i] for i in subset])
        return float(np.min(len(ordered) * ordered / np.arange(1, len(ordered) + 1)))

    subsets = [s for k in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), k)]
    closed = [max(simes(s) for s in subsets if i in s) for i in range(len(p))]
    assert_allclose(adjust(p, "hommel"), closed, rtol=1e-12, atol=1e-15)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_the_graph_contains_holm_and_the_fixed_sequence(p):
    m = len(p)
    complete = (np.ones((m, m)) - np.eye(m)) / (m - 1)
    equal = graphical(p, weights=np.full(m, 1 / m), transitions=complete)
    assert_allclose(equal, adjust(p, "holm"), rtol=1e-9, atol=1e-15)
    chain = np.eye(m, k=1)
    assert_allclose(
        graphical(p, weights=np.eye(m)[0], transitions=chain), fixed_sequence(p), rtol=1e-12
    )


@given(st.lists(st.floats(0.001, 1), min_size=4, max_size=4), st.floats(0.01, 0.5))
def test_adjusted_p_agree_with_rejecting_at_a_level(p, level):
    """Algorithm 1 of Bretz et al. 2009 (reject, pass on, repeat) gives the same decisions as
    adjusted p-values.
    """
    weights = np.array([0.5, 0.5, 0, 0])
    transitions = np.array([[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0, 1, 0, 0], [1, 0, 0, 0]], float)
    adjusted = graphical(p, weights=weights, transitions=transitions)
    w, g, left = weights.copy(), transitions.copy(), [0, 1, 2, 3]
    while hit := [j for j in left if p[j] <= level * w[j]]:
        j = hit[0]
        left.remove(j)
        for i in left:
            w[i] += w[j] * g[j, i]
        new = np.zeros_like(g)
        for i, k in itertools.permutations(left, 2):
            if g[i, j] * g[j, i] < 1:
                new[i, k] = (g[i, k] + g[i, j] * g[j, k]) / (1 - g[i, j] * g[j, i])
        g = new
    clear = np.abs(adjusted - level) > 1e-9
    rejected = np.array([j not in left for j in range(4)])
    assert_array_equal((adjusted <= level)[clear], rejected[clear])


def test_bretz_2009_truncated_example():
    """Two primary, two secondary outcomes with parallel gates: worked by hand from the
    algorithm.
    """
    weights = [0.5, 0.5, 0, 0]
    transitions = [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]
    # H1: .01/.5=.02; its level goes to H3: .005/.5=.01 -> .02; H3 -> H2 with the whole level: .03;
    # H2 -> H4: .04
    adjusted = graphical([0.01, 0.03, 0.005, 0.04], weights=weights, transitions=transitions)
    assert_allclose(adjusted, [0.02, 0.03, 0.02, 0.04])


def test_gates_close_on_an_undefined_result():
    nan = np.nan
    assert_array_equal(fixed_sequence([0.01, nan, 0.001]), [0.01, nan, 1])
    assert_array_equal(hierarchical([[0.01, nan], [0.001]]), [0.01, nan, 1])
    chain = np.eye(3, k=1)
    assert_array_equal(
        graphical([0.01, nan, 0.001], weights=[1, 0, 0], transitions=chain), [0.01, nan, 1]
    )


def test_a_family_opens_only_after_all_before_it():
    assert_allclose(hierarchical([[0.04, 0.01], [0.001], [0.2]]), [0.04, 0.02, 0.04, 0.2])


def test_family_wise_error_under_no_effect():
    rng = np.random.default_rng(3)
    p = rng.uniform(size=(4000, 5))
    for method in ("bonferroni", "holm", "hochberg", "hommel"):
        rate = np.mean([(adjust(row, method) <= 0.05).any() for row in p])
        assert abs(rate - 0.05) < 0.011, method  # three Monte Carlo standard errors


def test_words_for_bad_input():
    with pytest.raises(AnalysisError, match="Did you mean 'holm'"):
        adjust([0.1], "holmm")
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        adjust([1.2])
    with pytest.raises(AnalysisError, match="2 weights"):
        graphical([0.1, 0.2], weights=[1], transitions=[[0]])
    with pytest.raises(AnalysisError, match="sum to at most 1"):
        graphical([0.1, 0.2], weights=[1, 1], transitions=np.zeros((2, 2)))


def test_equals_p_adjust_of_r():
    """R 4.2.2: p.adjust(c(.0005,.011,.03,.049,NA), m)."""
    p = [0.0005, 0.011, 0.03, 0.049, np.nan]
    expected = {
        "bonferroni": [0.002, 0.044, 0.12, 0.196, np.nan],
        "holm": [0.002, 0.033, 0.06, 0.06, np.nan],
        "hochberg": [0.002, 0.033, 0.049, 0.049, np.nan],
        "hommel": [0.002, 0.033, 0.049, 0.049, np.nan],
        "BH": [0.002, 0.022, 0.04, 0.049, np.nan],
        "BY": [0.002 * 25 / 12, 0.022 * 25 / 12, 0.04 * 25 / 12, 0.049 * 25 / 12, np.nan],
    }
    for method, values in expected.items():
        assert_allclose(adjust(p, method), values, rtol=1e-12)
