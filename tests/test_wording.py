import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.core import wording


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.5, 0, "1"),
        (-0.5, 0, "−1"),
        (2.675, 2, "2.68"),
        (-0.04, 1, "0.0"),
        (1e6, 0, "1000000"),
        (math.inf, 1, "∞"),
    ],
)
def test_numbers_round_half_away_and_never_print_minus_zero(value, digits, text):
    assert wording.number(value, digits) == text


@pytest.mark.parametrize(
    ("p", "ama", "apa"),
    [
        (0.00099, "P<.001", "p < .001"),
        (0.001, "P=.001", "p = .001"),
        (0.0499, "P=.050", "p = .050"),
        (0.05, "P=.050", "p = .050"),
        (0.0449, "P=.04", "p = .045"),
        (0.128, "P=.13", "p = .128"),
        (0.995, "P>.99", "p > .99"),
        (math.nan, "P=–", "p = –"),
    ],
)
def test_p_values(p, ama, apa):
    assert wording.p_value(p) == ama
    assert wording.p_value(p, "apa") == apa


@given(st.floats(0, 1))
def test_a_p_value_is_never_printed_as_zero_or_one(p):
    assert wording.p_value(p) not in ("P=.00", "P=1.00", "P=0", "P=.000")


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_rounding_is_within_half_a_unit_and_symmetric(value, digits):
    rounded = wording.round_half_away(value, digits)
    assert abs(rounded - value) <= 0.5 * 10**-digits + 1e-9
    assert wording.round_half_away(-value, digits) == -rounded
