"""What must hold of crossover estimates whatever the scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from outcomes.core.errors import AnalysisError
from outcomes.stats.crossover.binary import mainland_gart, prescott, response_table
from outcomes.stats.crossover.mixed import crossover_model
from outcomes.stats.crossover.n_of_1 import nof1, pooled_series
from outcomes.stats.crossover.two_period import (
    baseline_adjusted,
    first_period,
    ignoring_period,
    koch,
    latin_square,
    two_period,
)

PATIENT = st.tuples(
    st.integers(0, 100).map(lambda x: x / 10), st.integers(0, 100).map(lambda x: x / 10)
)
TRIAL = st.tuples(
    st.lists(PATIENT, min_size=2, max_size=8), st.lists(PATIENT, min_size=2, max_size=8)
)
#: Peak flow of thirteen children, the first seven with formoterol first (Senn, Cross-over Trials,
#: 2002, ch. 3).
PERIOD_1 = [310, 310, 370, 410, 250, 380, 330, 370, 310, 380, 290, 260, 90]
PERIOD_2 = [270, 260, 300, 390, 210, 350, 365, 385, 400, 410, 320, 340, 220]


def _trial(trial):
    y = np.array([*trial[0], *trial[1]])
    return y[:, 0], y[:, 1], np.array([True] * len(trial[0]) + [False] * len(trial[1]))


@given(TRIAL, st.floats(-5, 5), st.floats(-5, 5))
def test_a_period_effect_moves_the_period_and_nothing_else(trial, both, second):
    y1, y2, first = _trial(trial)
    before, after = (two_period(y1 + both, y2 + both + s, treated_first=first) for s in (0, second))
    assert_allclose(after[0].value, before[0].value, atol=1e-8)
    assert_allclose(after[1].value, before[1].value - second, atol=1e-8)
    assert_allclose(after[2].value, before[2].value, atol=1e-8)


@given(TRIAL)
def test_the_other_treatment_is_the_same_with_the_other_sign(trial):
    y1, y2, first = _trial(trial)
    for kernel in (
        lambda f: two_period(y1, y2, treated_first=f)[0],
        lambda f: koch(y1, y2, treated_first=f),
        lambda f: first_period(y1, y2, treated_first=f),
        lambda f: ignoring_period(y1, y2, treated_first=f),
    ):
        one, two = kernel(first), kernel(~first)
        assert_allclose(
            [one.value, one.low, one.high], [-two.value, -two.high, -two.low], atol=1e-9
        )
        assert one.reason == two.reason
        if not one.reason:
            assert_allclose(one.p, two.p, atol=1e-12)


@settings(deadline=None)
@given(TRIAL)
def test_two_by_two_is_the_smallest_latin_square(trial):
    y1, y2, first = _trial(trial)
    square = latin_square(
        np.concatenate([y1, y2]),
        patient=np.tile(np.arange(len(y1)), 2),
        period=np.repeat(["1", "2"], len(y1)),
        treatment=np.where(np.concatenate([first, ~first]), "K", "P"),
        reference="P",
    )
    treatment, period, _ = two_period(y1, y2, treated_first=first)
    difference = square[2]
    assert difference.group == "K - P"
    assert_allclose(difference.value, treatment.value, atol=1e-9)
    if not treatment.reason and not difference.reason:
        assert_allclose(
            [difference.se, difference.p, square[1].p],
            [treatment.se, treatment.p, period.p],
            rtol=1e-6,
        )


def test_latin_square_is_least_squares_with_patient_dummies():
    """An independent fit with one column a patient, incomplete data and first-order carry-over."""
    rng = np.random.default_rng(5)
    orders = ["ABC", "BCA", "CAB", "ACB", "BAC", "CBA"] * 3
    rows = [
        (i, p, t, o[p - 1] if p else "")
        for i, o in enumerate(orders)
        for p, t in enumerate(o)
        if rng.random() > 0.15
    ]
    who, period, treatment, before = map(np.array, zip(*rows))
    y = rng.normal(5, 1, len(rows)) + (treatment == "B") * 1.0
    kept = {(a, b) for a, b in zip(who, period)}
    carried = [b if (a, p - 1) in kept else "" for a, p, b in zip(who, period, before)]
    x = np.column_stack(
        [who == i for i in np.unique(who)]
        + [treatment == t for t in "BC"]
        + [period == p for p in (1, 2)]
        + [np.array(carried) == t for t in "BC"]
    ).astype(float)
    beta, rss, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    v = np.linalg.inv(x.T @ x) * rss[0] / (len(y) - rank)
    at = len(np.unique(who))
    found = latin_square(
        y, patient=who, period=period, treatment=treatment, reference="A", carry_over=True
    )
    pairs = {e.group: e for e in found if e.name == "difference"}
    assert_allclose([pairs["B - A"].value, pairs["C - A"].value], beta[at : at + 2], rtol=1e-9)
    assert_allclose(
        [pairs["B - A"].se, pairs["C - A"].se], np.sqrt(np.diag(v))[at : at + 2], rtol=1e-9
    )
    assert pairs["B - A"].df == len(y) - rank
    assert found[-1].name == "carry-over"
    assert_allclose(pairs["C - B"].value, beta[at + 1] - beta[at], rtol=1e-9)
    holm = sorted((e.p, e.p_adjusted) for e in pairs.values())
    assert_allclose(holm[0][1], min(1, 3 * holm[0][0]))


def test_baseline_adjustment_is_a_regression():
    rng = np.random.default_rng(1)
    b1, b2, y1, y2 = rng.normal(6, 1, (4, 14))
    first = np.arange(14) % 2 == 0
    x = np.column_stack([np.ones(14), first, b1 - b2])
    beta = np.linalg.lstsq(x, y1 - y2, rcond=None)[0]
    treatment, slope = baseline_adjusted(y1, y2, baseline1=b1, baseline2=b2, treated_first=first)
    assert_allclose([treatment.value, slope.value], [beta[1] / 2, beta[2]], rtol=1e-6)
    assert treatment.df == 11


def test_what_the_design_cannot_answer():
    one_order = two_period([1, 2, 3], [2, 3, 1], treated_first=[True] * 3)
    assert {e.reason for e in one_order} == {"not_estimable"}
    assert koch([1, 2, 3], [2, 3, 1], treated_first=[True] * 3).reason == "not_estimable"
    assert {e.reason for e in two_period([1, 2], [2, 3], treated_first=[1, 0])} == {"too_few"}
    constant = two_period([5, 5, 6, 6], [6, 6, 5, 5], treated_first=[1, 1, 0, 0])[0]
    assert constant.value == -1
    assert constant.reason == "zero_variance"
    assert math.isnan(constant.p)
    assert {e.reason for e in two_period([], [], treated_first=[])} == {"too_few"}
    few = baseline_adjusted(
        [1, 2], [2, 3], baseline1=[1, 1], baseline2=[1, 2], treated_first=[1, 0]
    )
    assert few[0].reason == "too_few"
    with pytest.raises(AnalysisError, match="missing"):
        two_period([1, np.nan], [2, 3], treated_first=[1, 0])
    with pytest.raises(AnalysisError, match="both periods"):
        two_period([1], [2, 3], treated_first=[1, 0])


# --- binary ---------------------------------------------------------------------------------------

RESPONSES = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=30
)


@given(RESPONSES)
def test_binary_signs_and_counts(rows):
    r1, r2, first = (np.array(column) for column in zip(*rows))
    both, control, treated, neither = response_table(r1, r2, treated_first=first)
    assert both + control + treated + neither == len(rows)
    assert response_table(r1, r2, treated_first=~first) == (both, treated, control, neither)
    one, two = (
        mainland_gart(r1, r2, treated_first=first),
        mainland_gart(r1, r2, treated_first=~first),
    )
    assert one.reason == two.reason
    assert_allclose(one.p, two.p, atol=1e-12)
    if not one.reason:
        assert_allclose(one.value * two.value, 1)
        assert one.low <= one.value * (1 + 1e-9)
    swapped = prescott(r1, r2, treated_first=~first)
    assert_allclose(prescott(r1, r2, treated_first=first).p, swapped.p, atol=1e-12)


def test_binary_degenerate():
    assert mainland_gart([1, 0], [1, 0], treated_first=[1, 0]).p == 1
    assert prescott([1, 0], [1, 0], treated_first=[1, 0]).reason == "no_discordant"
    assert prescott([1, 0], [0, 1], treated_first=[1, 1]).reason == "not_estimable"
    assert prescott([1, 1], [0, 0], treated_first=[1, 0]).reason == "not_estimable"
    assert mainland_gart([1, 1, 0], [0, 0, 1], treated_first=[1, 1, 0]).reason == "no_events"
    with pytest.raises(AnalysisError, match="0 or 1"):
        prescott([2], [0], treated_first=[1])


# --- N-of-1 ---------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=9))
def test_randomisation_test_is_the_count_of_assignments(pairs):
    control, treated = np.array(pairs, float).T
    d = treated - control
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(d))).reshape(len(d), -1)
    share = np.mean(np.abs(signs.T @ np.abs(d)) >= abs(d.sum()) - 1e-9)
    mean, test = nof1(control, treated)
    assert_allclose(test.p, share, atol=1e-12)
    assert_allclose(mean.value, d.mean(), atol=1e-9)


def test_a_series_of_patients():
    rng = np.random.default_rng(8)
    truth = rng.normal(-1.5, 0.8, 12)
    series = [rng.normal(m, 1.0, rng.integers(3, 7)) for m in truth]
    found = pooled_series(series, names=[f"p{i}" for i in range(12)])
    pooled, prediction = found[:2]
    assert pooled.low < -1.5 < pooled.high
    assert prediction.low < pooled.low
    shown = [e for e in found if e.name == "mean difference"]
    assert [e.group for e in shown] == [f"p{i}" for i in range(12)]
    assert_allclose(shown[3].value, series[3].mean())
    df = sum(map(len, series)) - 12
    assert shown[3].df == df
    within = sum(((d - d.mean()) ** 2).sum() for d in series) / df
    assert_allclose(shown[3].se, math.sqrt(within / len(series[3])), rtol=1e-12)
    assert pooled_series([[-1.0], [-2.0]])[0].reason == "too_few"
    assert pooled_series([[-1.0, -1.0], [-2.0, -2.0]])[0].reason == "zero_variance"
    with pytest.raises(AnalysisError, match="at least one pair"):
        pooled_series([[], [1.0]])


def test_type_one_error_with_a_period_effect():
    """A strong period effect: the paired t loses power, Hills–Armitage keeps its size and its
    power.
    """
    rng, runs, n = np.random.default_rng(12), 800, 12
    first = np.arange(n) % 2 == 0
    hits = np.zeros((2, 2))
    for k, effect in enumerate((0.0, -1.0)):
        for _ in range(runs):
            y = rng.normal(0, 1.5, n)[:, None] + rng.normal(0, 0.8, (n, 2)) + [0, -2.0]
            y[first, 0] += effect
            y[~first, 1] += effect
            hits[k, 0] += two_period(*y.T, treated_first=first)[0].p < 0.05
            hits[k, 1] += ignoring_period(*y.T, treated_first=first).p < 0.05
    assert abs(hits[0, 0] / runs - 0.05) < 3 * math.sqrt(0.05 * 0.95 / runs)
    assert hits[1, 0] / runs > hits[1, 1] / runs + 0.3


def test_senns_peak_flow_trial():
    """Senn's peak flow trial (printed in the SAS/STAT guide): formoterol − salbutamol, t(11)=4.32,
    period t=−1.47.
    """
    treatment, period, _ = two_period(PERIOD_1, PERIOD_2, treated_first=[1] * 7 + [0] * 6)
    assert_allclose(
        [treatment.value, treatment.se, treatment.df],
        [46.60714285714286, 10.776559645175427, 11],
        rtol=1e-9,
    )
    assert_allclose(
        [treatment.p, period.statistic], [0.0012048475398269902, -1.4747616740535778], rtol=1e-12
    )


def test_the_mixed_model_equals_hills_armitage_where_everybody_is_complete():
    """Senn's trial: 46.607, SE 10.777, t(11) = 4.32 from the mixed model too; so do period and
    carry-over.
    """
    order = np.array([True] * 7 + [False] * 6)
    model = crossover_model(
        [*PERIOD_1, *PERIOD_2],
        patient=np.tile(np.arange(13), 2),
        period=np.repeat([1, 2], 13),
        treatment=np.where(np.concatenate([order, ~order]), "F", "S"),
        reference="S",
    )
    closed = two_period(PERIOD_1, PERIOD_2, treated_first=order)
    for e, c in zip((model.differences[0], model.periods, model.carry_over), closed, strict=True):
        assert_allclose(
            [e.value, e.se, e.df, e.p, e.low], [c.value, c.se, c.df, c.p, c.low], rtol=1e-6
        )
