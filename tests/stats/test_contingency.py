"""Tables and strata: exact tests against brute force, invariance, strata that say nothing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import special, stats
from statsmodels.stats.contingency_tables import StratifiedTable

from outcomes.core.errors import AnalysisError
from outcomes.stats.proportions.contingency import (
    chi_squared,
    cochran_armitage,
    counted,
    cramers_v,
    freeman_halton,
)
from outcomes.stats.proportions.stratified import cmh, mantel_haenszel, peto

small = st.tuples(st.integers(2, 4), st.integers(2, 3)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 4), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def every_table(rows, columns):
    if len(columns) == 1:
        yield [list(rows)]
        return
    for first in itertools.product(*(range(min(r, columns[0]) + 1) for r in rows)):
        if sum(first) == columns[0]:
            for rest in every_table([r - f for r, f in zip(rows, first, strict=True)], columns[1:]):
                yield [list(first), *rest]


@given(small)
@settings(max_examples=40, deadline=None)
def test_freeman_halton_against_every_table(table):
    t = counted(table)
    if min(t.shape, default=0) < 2 or t.sum() > 22:
        return
    weights = np.array(
        [
            -special.gammaln(np.array(u) + 1).sum()
            for u in every_table(t.sum(axis=1).tolist(), t.sum(axis=0).tolist())
        ]
    )
    chance = np.exp(weights - special.logsumexp(weights))
    expected = chance[weights <= -special.gammaln(t + 1).sum() + 1e-7].sum()
    assert_allclose(freeman_halton(table).p, min(1, expected), rtol=1e-9)
    assert_allclose(freeman_halton(t.T[::-1]).p, min(1, expected), rtol=1e-9)


def test_sampling_only_on_request_and_seeded():
    table = np.full((6, 6), 12)
    with pytest.raises(AnalysisError, match="would take too long"):
        freeman_halton(table)
    one, two = (freeman_halton(table, draws=999, rng=np.random.default_rng(7)).p for _ in range(2))
    assert one == two == 1.0
    skewed = [[9, 1, 0], [1, 8, 1], [0, 2, 7]]
    assert freeman_halton(skewed, draws=999, rng=np.random.default_rng(7)).p == 1 / 1000
    middle = [[5, 4, 3], [2, 6, 5], [6, 3, 2]]
    drawn = freeman_halton(middle, draws=20_000, rng=np.random.default_rng(7)).p
    assert abs(drawn - freeman_halton(middle).p) < 4 * math.sqrt(0.25 / 20_000)
    with pytest.raises(ValueError, match="random generator"):
        freeman_halton(skewed, draws=99)


def test_empty_rows_and_single_columns():
    assert chi_squared([[3, 2], [0, 0], [1, 4]]).df == 1
    for f in (chi_squared, cramers_v, freeman_halton):
        assert f([[3, 0], [5, 0]]).reason == "no_events"
    with pytest.raises(AnalysisError, match="2 x 2"):
        chi_squared([[1, 2], [3, 4], [5, 6]], variant="yates")
    with pytest.raises(ValueError, match="whole counts"):
        chi_squared([[1.5, 2], [3, 4]])


@given(small)
@settings(max_examples=40)
def test_chi_squared_against_scipy(table):
    t = counted(table)
    if min(t.shape, default=0) >= 2:
        expected = stats.chi2_contingency(t, correction=False)
        assert_allclose(
            (chi_squared(table).value, chi_squared(table).p),
            (expected.statistic, expected.pvalue),
            rtol=1e-9,
        )


def test_trend_does_not_depend_on_the_unit_of_dose():
    counts, totals = [2, 5, 9], [20, 22, 19]
    one = cochran_armitage(counts, totals, scores=[1, 2, 3])
    other = cochran_armitage(counts, totals, scores=[15, 20, 25])
    assert_allclose(
        (one.statistic, one.p, one.value), (other.statistic, other.p, 5 * other.value), rtol=1e-12
    )
    down = cochran_armitage(counts[::-1], totals[::-1], scores=[1, 2, 3])
    assert_allclose(down.statistic, -one.statistic)
    assert cochran_armitage([0, 0], [5, 5], scores=[1, 2]).reason == "no_events"
    assert cochran_armitage([1, 2], [5, 5], scores=[1, 1]).reason == "not_estimable"


STRATA = [(6, 15, 2, 14), (9, 22, 5, 20), (3, 9, 1, 10), (12, 31, 7, 30)]


def test_strata_against_statsmodels():
    tables = [np.array([[a, n - a], [c, m - c]], dtype=float) for a, n, c, m in STRATA]
    theirs = StratifiedTable(tables)
    odds, ratio = (
        mantel_haenszel(STRATA, measure="OR").estimate,
        mantel_haenszel(STRATA, measure="RR").estimate,
    )
    assert_allclose(odds.value, theirs.oddsratio_pooled, rtol=1e-12)
    assert_allclose((odds.low, odds.high), theirs.oddsratio_pooled_confint(), rtol=1e-9)
    assert_allclose(ratio.value, theirs.riskratio_pooled, rtol=1e-12)
    assert_allclose(
        cmh(STRATA, correction=False).statistic,
        theirs.test_null_odds(correction=False).statistic,
        rtol=1e-12,
    )


def test_one_stratum_is_the_plain_table():
    for measure, value in (
        ("RD", 9 / 22 - 5 / 20),
        ("RR", 9 / 22 / (5 / 20)),
        ("OR", 9 * 15 / (13 * 5)),
    ):
        pooled = mantel_haenszel([(9, 22, 5, 20)], measure=measure)
        assert_allclose(pooled.estimate.value, value, rtol=1e-12)
        assert pooled.heterogeneity.reason == "too_few"


def test_a_site_without_events_changes_no_ratio():
    for measure in ("RR", "OR"):
        with_, without = (
            mantel_haenszel(s, measure=measure) for s in ([*STRATA, (0, 6, 0, 7)], STRATA)
        )
        assert_allclose(with_.estimate.value, without.estimate.value, rtol=1e-12)
        assert with_.heterogeneity == without.heterogeneity
    assert (
        mantel_haenszel([*STRATA, (0, 6, 0, 7)]).estimate.value
        < mantel_haenszel(STRATA).estimate.value
    )
    assert peto([(0, 6, 0, 7)]).estimate.reason == "no_events"
    assert mantel_haenszel([(0, 6, 0, 7)], measure="OR").estimate.reason == "no_events"
    assert cmh([(0, 6, 0, 7)]).reason == "no_events"


def test_equal_shares_in_every_stratum_have_p_one_with_the_correction_too():
    """R: mantelhaen.test takes nothing off a sum below one half; statsmodels alone would."""
    for correction in (True, False):
        e = cmh([(3, 6, 4, 8), (5, 10, 4, 8)], correction=correction)
        assert (e.value, e.p) == (0.0, 1.0)
