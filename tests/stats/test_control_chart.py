"""Control charts: the NIST/SEMATECH handbook's printed numbers, and how often they cry wolf."""

from __future__ import annotations

import math

import numpy as np
import pytest

from outcomes.core.errors import AnalysisError
from outcomes.stats.control_chart import p_chart, xmr

FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]  # handbook 6.3.2.2
WAFERS = [
    12,
    15,
    8,
    10,
    4,
    7,
    16,
    9,
    14,
    10,
    5,
    6,
    17,
    12,
    22,
    8,
    10,
    5,
    13,
    11,
    20,
    18,
    24,
    15,
    9,
    12,
    7,
    13,
    9,
    6,
]  # 6.3.3.2


def test_individuals_chart_of_the_handbook() -> None:
    chart = xmr(FLOW)
    assert chart.centre == pytest.approx(50.81, abs=5e-5)
    assert chart.range_centre == pytest.approx(1.8778, abs=5e-5)
    assert chart.high[0] == pytest.approx(55.8041, abs=2e-3)  # printed with d2 = 1.128
    assert chart.low[0] == pytest.approx(45.8159, abs=2e-3)
    assert chart.signals == ()


def test_p_chart_of_the_handbook() -> None:
    chart = p_chart(WAFERS, [50] * 30, exact=False)
    assert chart.centre == pytest.approx(0.2313, abs=5e-5)
    assert chart.high[0] == pytest.approx(0.4102, abs=1e-4)
    assert chart.low[0] == pytest.approx(0.0524, abs=1e-4)
    assert [i + 1 for i, why in chart.signals if "limits" in why] == [
        15,
        23,
    ]  # the two samples the handbook looks into


def test_too_few_points_have_no_limits_and_no_signals() -> None:
    for chart in (xmr([1, 2, 30]), p_chart([0, 9, 0], [9, 9, 9]), xmr([])):
        assert chart.reason == "too_few" and chart.signals == ()
        assert all(math.isnan(v) for v in (*chart.low, *chart.high))


def test_a_shift_is_seen_as_a_run_and_a_constant_series_is_quiet() -> None:
    shifted = xmr([5.0, 5.2, 4.9, 5.1, 5.0, 4.8, 5.1, 4.9, 5.6, 5.5, 5.7, 5.6, 5.5, 5.7, 5.6, 5.5])
    assert any("row" in why for _, why in shifted.signals)
    assert xmr([3.0] * 12).signals == ()


def test_adding_a_constant_moves_the_limits_and_nothing_else() -> None:
    a, b = xmr(FLOW), xmr([v + 7 for v in FLOW])
    assert b.high[0] - a.high[0] == pytest.approx(7)
    assert a.signals == b.signals


@pytest.mark.parametrize("n", [8, 12, 20])
def test_exact_limits_do_not_cry_wolf_at_small_n(n: int) -> None:
    rng = np.random.default_rng(20261122 + n)
    months, wolf = 0, {True: 0, False: 0}
    for _ in range(400):
        counts = rng.binomial(n, 0.15, 24)
        if not counts.sum():
            continue
        months += 24
        for exact in wolf:
            chart = p_chart(counts, [n] * 24, exact=exact)
            wolf[exact] += sum("limits" in why for _, why in chart.signals)
    assert wolf[True] / months <= 0.0027 + 3 * math.sqrt(
        0.0027 / months
    )  # three standard errors of the simulation
    assert wolf[False] > 2 * max(wolf[True], 1)  # the usual limits do


def test_individuals_signal_rarely_when_nothing_happens() -> None:
    rng = np.random.default_rng(20261123)
    found = [xmr(rng.normal(0, 1, 24)).signals for _ in range(500)]
    outside = sum("limits" in why for s in found for _, why in s) / (500 * 24)
    assert outside < 0.01  # 0.0027 with known limits; more with limits from 24 points


def test_wrong_input_is_refused() -> None:
    for k, n in (([3], [2]), ([1], [0]), ([-1], [5]), ([1, 2], [3])):
        with pytest.raises(AnalysisError):
            p_chart(k, n)
    with pytest.raises(AnalysisError):
        xmr([1.0, float("nan")])
