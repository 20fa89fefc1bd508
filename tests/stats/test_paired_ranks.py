"""Ordinal sizes of change: what they are by counting, and where they are undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.stats.paired.rank_effects import r_from_z, rank_biserial, superiority

columns = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=2, max_size=30)


@given(columns)
def test_rank_biserial_by_counting_walsh_averages(rows):
    """(R+ − R−)/(R+ + R−) is the share of positive less negative Walsh averages of the non-zero
    changes, ties apart.
    """
    before, after = np.array(rows, dtype=float).T
    d = after - before
    d = d[d != 0]
    e = rank_biserial(before, after)
    if not len(d):
        assert e.reason == "all_zero" and math.isnan(e.value)
        return
    i, j = np.triu_indices(len(d))
    assert e.value == pytest.approx(float(np.sign(d[i] + d[j]).mean()), abs=1e-12)
    if not e.reason:
        assert -1 < e.low < e.value < e.high < 1


@given(columns)
def test_superiority_counts_patients(rows):
    before, after = np.array(rows, dtype=float).T
    e, other = superiority(before, after), superiority(before, after, better="higher")
    assert e.value == pytest.approx(float(((after < before) + (after == before) / 2).mean()))
    assert (e.value + other.value, e.low + other.high) == pytest.approx((1, 1))
    assert 0 <= e.low <= e.value <= e.high <= 1


def test_undefined():
    one_way = rank_biserial([5, 6, 7], [4, 4, 4])
    assert (one_way.value, one_way.reason, math.isnan(one_way.low)) == (-1.0, "at_limit", True)
    assert superiority([], []).reason == "too_few" and math.isnan(superiority([], []).value)
    assert r_from_z([1, 2], [1, 2]).reason == "all_zero"


def test_zero_rules_are_named():
    before, after = [5, 6, 7, 8], [5, 5, 9, 5]
    assert (
        "dropped" in rank_biserial(before, after).how
        and "Pratt" in rank_biserial(before, after, zeros="pratt").how
    )
