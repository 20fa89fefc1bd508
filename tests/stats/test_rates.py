"""Rates over repeated infusions, and blinding: clusters widen, limits at zero, exact rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from outcomes.stats.proportions.blinding import bang
from outcomes.stats.proportions.rates import (
    exact_rate,
    rate_by_patient,
    rate_ratio,
    rate_ratio_by_patient,
    share_of_infusions,
)
from outcomes.stats.proportions.single import wilson

patients = st.lists(
    st.integers(1, 8).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))),
    min_size=2,
    max_size=30,
)


@given(patients)
@settings(max_examples=60)
def test_share_of_infusions_is_a_share(people):
    a, m = np.array(people).T
    e = share_of_infusions(a, m)
    assert_allclose(e.value, a.sum() / m.sum())
    assert 0 <= e.low <= e.value + 1e-12 and e.value - 1e-12 <= e.high <= 1
    naive = wilson(a.sum(), m.sum())
    assert (
        e.high - e.low >= naive.high - naive.low - 1e-12
    )  # repeated infusions never make it narrower than independence
    mirrored = share_of_infusions(m - a, m)
    assert_allclose((mirrored.low, mirrored.high), (1 - e.high, 1 - e.low), atol=1e-9)


def test_the_ratio_estimator_with_one_infusion_each():
    e = share_of_infusions([1, 0, 0, 1, 0, 0, 0, 1, 0, 0], [1] * 10)
    assert_allclose(e.se, math.sqrt(0.3 * 0.7 / 9))


def test_identical_infusions_count_as_patients():
    e = share_of_infusions([4, 0, 4, 0, 0, 4, 0, 0], [4] * 8)
    once = share_of_infusions([1, 0, 1, 0, 0, 1, 0, 0], [1] * 8)
    assert_allclose((e.value, e.low, e.high, e.se), (once.value, once.low, once.high, once.se))


def test_none_or_all_affected_is_as_wide_as_patients():
    e = share_of_infusions([0] * 12, [5] * 12)
    assert e.value == e.low == 0 and e.high > wilson(0, 12).high > wilson(0, 60).high
    assert share_of_infusions([5] * 12, [5] * 12).high == 1


def test_too_few_and_impossible():
    assert share_of_infusions([2], [4]).reason == "too_few"
    assert share_of_infusions([], []).reason == "too_few"
    assert rate_by_patient([2], [4]).reason == "too_few"
    with pytest.raises(ValueError, match="more affected infusions than infusions"):
        share_of_infusions([3, 1], [2, 2])
    with pytest.raises(ValueError, match="without exposure"):
        rate_by_patient([1, 1], [0, 2])


@given(st.integers(0, 200), st.floats(0.5, 500))
def test_exact_rate_limits_solve_their_equations(events, exposure):
    e = exact_rate(events, exposure)
    assert_allclose(stats.poisson.cdf(events, e.high * exposure), 0.025, rtol=1e-8)
    if events:
        assert_allclose(stats.poisson.sf(events - 1, e.low * exposure), 0.025, rtol=1e-8)
    assert_allclose(exact_rate(events, exposure, per=100).high, 100 * e.high)


def test_rate_by_patient_is_wider_when_patients_differ():
    spread, even = (
        rate_by_patient([0, 0, 6, 0, 6], [4] * 5),
        rate_by_patient([2, 3, 2, 3, 2], [4] * 5),
    )
    assert_allclose((spread.value, even.value), (0.6, 0.6))
    assert spread.high - spread.low > even.high - even.low
    assert_allclose(rate_by_patient([0, 0], [3, 4]).high, exact_rate(0, 7).high)


def test_rate_ratio_inverts_and_says_zero():
    e, other = rate_ratio((11, 30), (8, 60)), rate_ratio((8, 60), (11, 30))
    assert_allclose((e.value * other.value, e.low * other.high, e.p), (1, 1, other.p), rtol=1e-9)
    e = rate_ratio((3, 10), (0, 12))
    assert math.isinf(e.value) and math.isinf(e.high) and e.low > 0 and e.reason == "no_events"
    assert rate_ratio((0, 10), (0, 12)).p == 1
    assert rate_ratio((0, 0), (2, 12)).reason == "too_few"
    assert rate_ratio_by_patient(([0, 0], [1, 1]), ([1, 0], [1, 2])).reason == "no_events"


def test_bang_at_the_edges():
    assert bang(0, 0, 0).reason == "too_few"
    e = bang(10, 0, 0)
    assert (e.value, e.reason) == (1, "zero_variance")
    assert bang(7, 7, 3).value == 0
    one, other = bang(9, 4, 2), bang(4, 9, 2)
    assert_allclose((one.value, one.low, one.high), (-other.value, -other.high, -other.low))
    with pytest.raises(ValueError, match="whole counts"):
        bang(-1, 2, 3)


def test_the_limits_of_a_rate_by_patient_take_t_with_one_degree_less_than_patients():
    e = rate_by_patient([1, 0, 3, 2], [2, 2, 4, 2])
    half = stats.t.ppf(0.975, 3) * e.se / e.value
    assert_allclose([e.low, e.high], [e.value * math.exp(-half), e.value * math.exp(half)])
