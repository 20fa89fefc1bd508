"""James' index: the published variance, the delta method by numbers, and what must hold of any
guesses.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from outcomes.stats.proportions.blinding import james

COUNT = st.integers(0, 40)
TABLE = st.tuples(*[COUNT] * 6).map(lambda c: (np.array(c[:4]).reshape(2, 2), np.array(c[4:])))


def published(guesses, unsure, weight=0.75):
    """James 1996: the index and its standard error, as printed there for guesses of equal
    weight.
    """
    n = guesses.sum() + unsure.sum()
    p, dk, w = guesses / n, unsure.sum() / n, weight * (1 - np.eye(len(guesses)))
    row, column = p.sum(axis=1), p.sum(axis=0)
    chance = (w * np.outer(row, column)).sum()
    k = ((w * p).sum() / (1 - dk)) / (chance / (1 - dk) ** 2) - 1
    part = (w.T @ row)[None, :] + (w @ column)[:, None]
    first = (p * (1 - dk) ** 2 * ((1 - dk) * w - (1 + k) * part) ** 2).sum() / (4 * chance**2)
    variance = first + dk * (1 - dk) - (1 - dk) * (1 + k) * (dk + (1 - dk) * (1 + k) / 4)
    return (1 + dk + (1 - dk) * k) / 2, math.sqrt(max(variance, 0.0) / n)


TRIALS = {
    "CRISP (Bang 2004, table 7)": ([[82, 27], [25, 29]], [170, 83], 0.75),
    "disulfiram (James 1996, table V)": ([[145, 34], [71, 59]], [76, 38], 0.53),
    "three arms (James 1996, table III)": (
        [[41, 27, 22], [66, 72, 36], [30, 24, 64]],
        [44, 51, 52],
        0.57,
    ),
    "stockings, coordinators (Houweling 2014, table 2)": ([[94, 52], [11, 44]], [289, 284], 0.82),
}


@pytest.mark.parametrize("name", TRIALS)
def test_tables_of_trials(name):
    guesses, unsure, value = TRIALS[name]
    e = james(guesses, unsure)
    assert_allclose((e.value, e.se), published(np.array(guesses), np.array(unsure)), rtol=1e-12)
    assert round(e.value, 2) == value
    assert_allclose([e.low, e.high], e.value + np.array([-1, 1]) * 1.959963984540054 * e.se)


@given(TABLE)
def test_any_table(counts):
    guesses, unsure = counts
    e = james(guesses, unsure)
    if not guesses.sum() + unsure.sum():
        assert e.reason == "too_few"
    elif guesses.sum() and guesses.sum() ** 2 == guesses.sum(axis=1) @ guesses.sum(axis=0):
        assert e.reason == "not_estimable"
    elif guesses.sum():
        value, se = published(guesses, unsure)
        assert_allclose(e.value, value, atol=1e-12)
        assert_allclose(e.se, se, atol=1e-7)
    other = james(guesses[::-1, ::-1], unsure[::-1])  # the arms' order is of no account
    assert_allclose(other.value, e.value, equal_nan=True)


def test_what_the_ends_mean():
    assert james([[10, 0], [0, 10]], [0, 0]).value == 0
    assert james([[5, 5], [5, 5]], [0, 0]).value == 0.5
    assert james([[0, 10], [10, 0]], [0, 0]).value == 1
    nobody = james([[0, 0], [0, 0]], [5, 5])
    assert (nobody.value, nobody.se, nobody.reason) == (1, 0, "zero_variance")
    assert james([[0, 0], [0, 0]], [0, 0]).reason == "too_few"
    alone = james([[5, 0], [0, 0]], [5, 5])
    assert math.isnan(alone.value) and alone.reason == "not_estimable"


@pytest.mark.parametrize(
    ("guesses", "unsure"),
    [
        ([[1, 2]], [1, 2]),
        ([[1, -1], [0, 2]], [0, 0]),
        ([[1, 0.5], [0, 2]], [0, 0]),
        ([[1, math.nan], [0, 2]], [0, 0]),
    ],
)
def test_what_is_no_count_is_refused(guesses, unsure):
    with pytest.raises(ValueError, match="whole counts"):
        james(guesses, unsure)
