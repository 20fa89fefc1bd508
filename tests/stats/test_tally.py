"""Tallies add up to the bit, and every kernel that takes weights says the same of a tally as of its
patients."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.stats.paired.effect_sizes import paired_effects
from outcomes.stats.paired.location import mean_change, median_change, sign_test
from outcomes.stats.paired.rank_effects import rank_biserial, superiority
from outcomes.stats.paired.signed_rank import hodges_lehmann, signed_rank
from outcomes.stats.tally import Tally

scores = st.one_of(
    st.integers(0, 10).map(float),
    st.sampled_from([0.1, 0.2, 0.3, 2.5, 33.333333333, -0.0, -7.0, 1e12 + 0.5]),
)
rows = st.lists(
    st.tuples(
        st.sampled_from(["K", "P", None]),
        st.sampled_from([1, 2]),
        scores,
        st.one_of(scores, st.just(math.nan)),
    ),
    max_size=40,
)


def tally_of(some):
    values = np.array([r[2:] for r in some], dtype=float).reshape(-1, 2)
    return Tally.of(values, labels=[[r[0] for r in some], [r[1] for r in some]])


@given(rows, st.integers(1, 7), st.randoms())
def test_any_division_in_any_order_gives_the_same_bits(some, parts, random):
    whole = tally_of(some)
    shuffled = list(some)
    random.shuffle(shuffled)
    added = sum([tally_of(shuffled[i::parts]) for i in range(parts)], start=tally_of([]))
    assert added == whole
    assert added.weights.dtype == np.int64
    assert whole.n == len(some)
    assert Tally.from_dict(whole.to_dict()) == whole
    back = tally_of(list(zip(whole.label(0), whole.label(1), *whole.rows.T, strict=True)))
    assert back == whole


@pytest.mark.parametrize("size", [30_000, 3_000])
def test_many_levels_and_near_continuous_values(size):
    rng = np.random.default_rng(3)
    values = np.column_stack([rng.normal(size=size), rng.integers(0, 11, size), rng.random(size)])
    site = rng.integers(0, 200, size)
    whole = Tally.of(values, labels=[site.tolist()])
    order = rng.permutation(size)
    parts = [Tally.of(values[at], labels=[site[at].tolist()]) for at in np.array_split(order, 7)]
    assert sum(parts) == whole
    assert len(whole) == size
    coded = Tally.coded([tuple(range(199, -1, -1))], 199 - site[:, None], values)
    assert coded == whole


def test_minus_zero_is_zero_to_the_bit():
    assert Tally.of([[-0.0]]) == Tally.of([[0.0]])
    assert Tally.of([[-0.0]]) + Tally.of([[0.0]]) == Tally.of([[0.0], [0.0]])


def test_what_cannot_be_added_is_refused():
    with pytest.raises(AnalysisError, match="same columns"):
        Tally.of([[1.0]]) + Tally.of([[1.0, 2.0]])
    with pytest.raises(AnalysisError, match="different lengths"):
        Tally.of([[1.0]], labels=[["a", "b"]])
    with pytest.raises(AnalysisError, match="whole numbers above 0"):
        mean_change([1.0, 2.0], [1.0, 1.0], weights=[1.5, 2])


def alike(one, other):
    """Numbers to 1e-12, all else the same."""
    if isinstance(one, float) and isinstance(other, float):
        return (one != one and other != other) or one == pytest.approx(other, rel=1e-12, abs=1e-12)
    if dataclasses.is_dataclass(one):
        return all(
            alike(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one)
        )
    if isinstance(one, tuple) and not isinstance(one, Estimate):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


KERNELS = [
    mean_change,
    paired_effects,
    sign_test,
    median_change,
    signed_rank,
    lambda b, a, **w: signed_rank(b, a, zeros="pratt", method="normal", **w),
    hodges_lehmann,
    lambda b, a, **w: hodges_lehmann(b, a, method="normal", **w),
    rank_biserial,
    superiority,
]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), max_size=30),
    st.sampled_from(KERNELS),
)
def test_a_tally_is_answered_as_its_patients_are(pairs, kernel):
    values = np.array(pairs, dtype=float).reshape(-1, 2)
    tally = Tally.of(values)
    counted = kernel(*tally.values.T, weights=tally.weights)
    assert alike(counted, kernel(*values.T)), (counted, kernel(*values.T))


def test_a_million_patients_cost_what_their_different_pairs_cost():
    """The exact order statistics of 10^12 Walsh averages, known in closed form."""
    half = 500_000
    h = hodges_lehmann([5.0, 5.0], [4.0, 2.0], weights=[half, half])
    assert (h.shift.value, h.shift.low, h.shift.high) == (-2.0, -2.0, -2.0)
    r = signed_rank([5.0, 5.0], [4.0, 7.0], weights=[half, half])
    assert r.w_plus == half * (half + 1 + 2 * half) / 2
    s = sign_test([5.0, 5.0], [4.0, 7.0], weights=[half, half])
    assert (s.n_up, s.n_down, s.test.value) == (half, half, 0.5)
