"""Standardised differences of numbers and categories between groups."""

from __future__ import annotations

import math

import numpy as np
import pytest

from outcomes.stats.groups.balance import smd_categories, smd_numbers


def test_numbers_by_hand():
    # means 2.5 and 3.5, both variances 5/3
    assert smd_numbers([1, 2, 3, 4], [2, 3, 4, 5]) == pytest.approx(1 / math.sqrt(5 / 3), rel=1e-12)


def test_two_categories_are_the_difference_of_shares_in_its_sd():
    p, q = 10 / 40, 20 / 40
    expected = abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert smd_categories([10, 30], [20, 20]) == pytest.approx(expected, rel=1e-12)


def test_three_categories_do_not_depend_on_which_is_left_out():
    a, b = np.array([12, 20, 28]), np.array([25, 15, 20])
    values = [smd_categories(a[list(o)], b[list(o)]) for o in ((0, 1, 2), (2, 0, 1), (1, 2, 0))]
    assert values == pytest.approx([values[0]] * 3, rel=1e-10)
    assert values[0] > 0


def test_equal_groups_are_at_0_and_empty_ones_undefined():
    assert smd_numbers([3, 3, 3], [3, 3]) == 0
    assert smd_categories([5, 5], [10, 10]) == 0
    assert math.isnan(smd_numbers([1], [1, 2]))
    assert math.isnan(smd_categories([0, 0], [1, 2]))
    assert math.isinf(smd_numbers([3, 3], [4, 4]))
    assert math.isinf(smd_categories([5, 0], [0, 5]))
