"""Paired proportions: symmetry, published tables, agreement of test and interval, nothing
discordant.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.proportions.paired import (
    cochran_q,
    conditional_odds_ratio,
    mcnemar,
    paired_difference,
    paired_table,
    phi,
)

METHODS = ("tango", "newcombe", "newcombe-8", "bonett-price", "wald")
table = st.tuples(*[st.integers(0, 40)] * 4).filter(lambda t: sum(t) > 0)


@pytest.mark.parametrize("method", METHODS)
@given(table)
@settings(max_examples=40)
def test_exchanging_the_two_times_flips_the_difference(method, t):
    a, b, c, d = t
    e, swapped = paired_difference(t, method=method), paired_difference((a, c, b, d), method=method)
    assert_allclose(
        (e.value, e.low, e.high), (-swapped.value, -swapped.high, -swapped.low), atol=1e-8
    )
    if method != "bonett-price":
        assert e.low <= e.value + 1e-12 and e.value <= e.high + 1e-12


@given(table)
@settings(max_examples=60)
def test_tango_agrees_with_mcnemar_without_correction(t):
    p = mcnemar(t, method="asymptotic").p
    if abs(p - 0.05) > 1e-6:
        e = paired_difference(t)
        assert (e.low > 0 or e.high < 0) == (p < 0.05)


def test_full_precision_values():
    """20 both, 12 first only, 2 second only, 16 neither: own closed forms at full precision (shared
    oracles, file 30).
    """
    e = paired_difference((20, 12, 2, 16))
    assert_allclose((-e.high, -e.low), (0.061112406186344011, 0.34470874828214865), rtol=1e-9)
    e = paired_difference((20, 12, 2, 16), method="newcombe")
    assert_allclose((-e.high, -e.low), (0.05615642484174832, 0.32920699540014053), rtol=1e-12)
    assert_allclose(mcnemar((20, 12, 2, 16)).p, 0.0073852539062499974, rtol=1e-12)


def test_carr_2004_in_the_same_patients():
    """0 of 20 with ketamine, 7 of 20 with placebo, the same patients: exact McNemar .0156
    (methods.md, section 1).
    """
    assert round(mcnemar((0, 7, 0, 13), method="exact").p, 4) == 0.0156


@given(table)
@settings(max_examples=60)
def test_mid_p_lies_below_the_exact_p(t):
    mid, exact = mcnemar(t), mcnemar(t, method="exact")
    assert 0 <= mid.p <= exact.p <= 1
    if t[1] + t[2]:
        assert_allclose(exact.p, stats.binomtest(t[1], t[1] + t[2]).pvalue, rtol=1e-9)


def test_nothing_discordant():
    e = paired_difference((15, 0, 0, 10))
    assert e.value == 0 and e.low < 0 < e.high
    assert mcnemar((15, 0, 0, 10)).reason == "no_discordant"
    assert conditional_odds_ratio((15, 0, 0, 10)).reason == "no_discordant"
    assert math.isinf(conditional_odds_ratio((1, 0, 3, 1)).value)
    assert paired_difference((0, 0, 0, 0)).reason == "too_few"
    assert phi((10, 0, 0, 0)) == 0
    e = cochran_q([[1, 1, 1], [0, 0, 0]])
    assert (e.p, e.reason) == (1.0, "no_discordant")


def test_cochran_q_of_two_times_is_mcnemar():
    rng = np.random.default_rng(3)
    r = rng.integers(0, 2, (40, 2))
    e = mcnemar(paired_table(r[:, 0], r[:, 1]), method="asymptotic")
    assert_allclose((cochran_q(r).statistic, cochran_q(r).p), (e.statistic, e.p), rtol=1e-12)


def test_bad_input():
    with pytest.raises(ValueError, match="0 or 1"):
        paired_table([0, 1, np.nan], [0, 1, 1])
    with pytest.raises(ValueError, match="four counts"):
        mcnemar((1, 2, -1, 4))
    with pytest.raises(ValueError, match="0 or 1"):
        cochran_q([[0, 2], [1, 1]])
    with pytest.raises(AnalysisError, match="There is: mid-p, exact, asymptotic, corrected"):
        mcnemar((1, 2, 3, 4), method="yates")


def test_a_corrected_phi_is_never_below_0_and_leaves_a_negative_phi_alone():
    assert phi((3, 2, 2, 2)) > 0
    assert phi((3, 2, 2, 2), corrected=True) == 0  # ad - bc = 2, and n/2 = 4.5
    assert phi((2, 5, 6, 3), corrected=True) == phi((2, 5, 6, 3)) < 0
