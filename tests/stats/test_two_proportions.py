"""Two independent proportions: symmetry, agreement of interval and test, honest numbers needed,
edges.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import optimize, stats
from statsmodels.stats.proportion import confint_proportions_2indep

from outcomes.core.errors import AnalysisError
from outcomes.stats.proportions.contingency import chi_squared, freeman_halton
from outcomes.stats.proportions.ratios import (
    fisher,
    odds_ratio,
    pooling_effect,
    risk_ratio,
    unconditional_exact,
)
from outcomes.stats.proportions.two_groups import (
    number_needed,
    restricted_shares,
    risk_difference,
)

METHODS = ("miettinen-nurminen", "newcombe", "agresti-caffo", "wald")
share = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize("method", METHODS)
@given(share, share)
@settings(max_examples=40)
def test_swapping_groups_or_events_flips_the_difference(method, first, second):
    e = risk_difference(first, second, method=method)
    swapped = risk_difference(second, first, method=method)
    opposite = risk_difference(
        (first[1] - first[0], first[1]), (second[1] - second[0], second[1]), method=method
    )
    for other in (swapped, opposite):
        assert_allclose(
            (e.value, e.low, e.high), (-other.value, -other.high, -other.low), atol=1e-8
        )
    assert e.low <= e.value + 1e-12 and e.value <= e.high + 1e-12


@given(share, share, st.floats(-0.99, 0.99))
@settings(max_examples=60)
def test_the_closed_form_is_the_restricted_maximum(first, second, difference):
    (x1, n1), (x2, n2) = first, second

    def loss(p2):
        p = np.clip([p2 + difference, p2], 1e-15, 1 - 1e-15)
        x, n = np.array([x1, x2]), np.array([n1, n2])
        return -float((x * np.log(p) + (n - x) * np.log1p(-p)).sum())

    ours = loss(restricted_shares(x1, n1, x2, n2, difference)[1])
    found = optimize.minimize_scalar(
        loss, bounds=(max(0, -difference), min(1, 1 - difference)), method="bounded"
    )
    assert ours <= found.fun + 1e-6 * (1 + abs(found.fun))


@given(share, share)
@settings(max_examples=60)
def test_the_score_interval_agrees_with_its_test(first, second):
    test = chi_squared([[x, n - x] for x, n in (first, second)], variant="n-1")
    if math.isnan(test.p) or abs(test.p - 0.05) < 1e-6:
        return
    e = risk_difference(first, second)
    assert (e.low > 0 or e.high < 0) == (test.p < 0.05)


@given(share, share)
@settings(max_examples=40)
def test_fisher_agrees_with_scipy_and_freeman_halton(first, second):
    table = [[x, n - x] for x, n in (first, second)]
    p = fisher(first, second).p
    assert_allclose(p, stats.fisher_exact(table).pvalue, rtol=1e-9)
    assert_allclose(p, freeman_halton(table).p, rtol=1e-9)


@given(share, share)
@settings(max_examples=40)
def test_ratios_invert_when_groups_swap(first, second):
    for kind in (risk_ratio, fisher, odds_ratio):
        e, other = kind(first, second), kind(second, first)
        if 0 < e.value < math.inf and not math.isnan(e.low):
            assert_allclose(e.value * other.value, 1, rtol=1e-6)
            if e.low > 0 and math.isfinite(e.high):
                assert_allclose((e.low * other.high, e.high * other.low), (1, 1), rtol=1e-6)
                assert e.low <= e.value <= e.high


def test_score_interval_of_the_ratio_agrees_with_statsmodels():
    for first, second in (((12, 30), (5, 30)), ((23, 30), (5, 30)), ((340, 900), (290, 880))):
        e = risk_ratio(first, second)
        assert_allclose(
            (e.low, e.high),
            confint_proportions_2indep(*first, *second, method="score", compare="ratio"),
            rtol=2e-4,
        )


def test_full_precision_values():
    """8 of 12 against 3 of 12: own closed forms at full precision (shared oracles, file 30)."""
    e = risk_difference((8, 12), (3, 12))
    assert_allclose((e.low, e.high), (0.0094480653499346076, 0.70563835633566707), rtol=1e-9)
    e = risk_difference((8, 12), (3, 12), method="newcombe")
    assert_allclose((e.low, e.high), (0.021828837854194594, 0.66974372237573587), rtol=1e-12)


def test_zeros_have_limits_and_a_reason():
    e = risk_ratio((0, 20), (7, 20))
    assert (e.value, e.low, e.reason) == (0, 0, "") and 0 < e.high < 1
    e = risk_ratio((7, 20), (0, 20))
    assert math.isinf(e.value) and math.isinf(e.high) and e.low > 1 and e.reason == "no_events"
    e = risk_ratio((0, 20), (0, 20))
    assert math.isnan(e.value) and (e.low, e.high, e.reason) == (0, math.inf, "no_events")
    e = fisher((5, 16), (0, 15))
    assert math.isinf(e.value) and e.reason == "no_events"
    assert_allclose((e.low, e.p), (0.98856, 0.0433815), rtol=1e-4)
    assert odds_ratio((0, 20), (7, 20)).reason == "no_events"
    e = risk_difference((10, 10), (0, 12))
    assert e.value == 1 and e.high == 1 and 0.5 < e.low < 1


def test_an_empty_arm_is_undefined():
    for f in (risk_difference, risk_ratio, odds_ratio, fisher, unconditional_exact):
        e = f((0, 0), (3, 9))
        assert math.isnan(e.value) and e.reason == "too_few"
    assert pooling_effect((0, 0), (3, 9), measure="OR").reason == "too_few"


def test_unknown_options_say_what_there_is():
    with pytest.raises(
        AnalysisError, match="There is: miettinen-nurminen, newcombe, agresti-caffo, wald"
    ):
        risk_difference((1, 2), (1, 2), method="score")
    with pytest.raises(AnalysisError, match="boschloo, barnard"):
        unconditional_exact((1, 2), (1, 2), test="fisher")


def test_number_needed_excluding_zero():
    """Altman 1998: an absolute risk reduction of .10 (.03 to .17) is NNTB 10 (5.9 to 33)."""
    e = number_needed(risk_difference((60, 200), (40, 200)))
    d = risk_difference((60, 200), (40, 200))
    assert_allclose((e.value, e.low, e.high), (1 / d.value, 1 / d.high, 1 / d.low))


def test_number_needed_through_infinity_is_said_in_full():
    e = number_needed(risk_difference((10, 40), (9, 40)))
    assert math.isnan(e.low) and math.isnan(e.high) and e.reason == "may_be_zero"
    assert (
        e.how
        == "95% interval of the number needed, to benefit (NNTB) or to harm (NNTH): NNTB 4.7 to ∞"
        " to NNTH 6.1"
    )
    assert (
        "NNTH 4.7 to ∞ to NNTB 6.1"
        in number_needed(risk_difference((10, 40), (9, 40)), harmful=True).how
    )
    assert math.isinf(number_needed(risk_difference((10, 40), (10, 40))).value)
    assert number_needed(risk_difference((0, 0), (9, 40))).reason == "too_few"


def test_published_tests_of_one_table():
    """Noppers 2011, 8 of 12 against 3 of 12: only Pearson's test without correction is below .05
    (methods.md, section 1).
    """
    table = [[8, 4], [3, 9]]
    assert round(chi_squared(table).p, 3) == 0.041
    assert round(fisher((8, 12), (3, 12)).p, 4) == 0.0995
    assert chi_squared(table, variant="yates").p > 0.09
    # Carr 2004, 0 of 20 against 7 of 20, as if unpaired
    assert round(fisher((0, 20), (7, 20)).p, 4) == 0.0083
    assert round(chi_squared([[0, 20], [7, 13]], variant="yates").p, 4) == 0.0125


@pytest.mark.parametrize(
    ("first", "second"),
    [((8, 12), (3, 12)), ((4, 7), (1, 6)), ((340, 900), (290, 880)), ((0, 20), (7, 20))],
)
def test_exact_odds_ratio_limits_solve_their_equations(first, second):
    (x1, n1), (x2, n2) = first, second
    e, margins = fisher(first, second), (n1 + n2, x1 + x2, n1)
    assert_allclose(stats.nchypergeom_fisher.cdf(x1, *margins, e.high), 0.025, rtol=1e-9)
    if x1:
        assert_allclose(stats.nchypergeom_fisher.sf(x1 - 1, *margins, e.low), 0.025, rtol=1e-9)
        assert_allclose(stats.nchypergeom_fisher.mean(*margins, e.value), x1, rtol=1e-9)
