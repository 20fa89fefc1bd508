"""Which way an estimate points for patients, and its turn for a forest."""

from __future__ import annotations

import math

import pytest

from outcomes.core.direction import is_clear, oriented
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from tests.builders import MOOD, PAIN

FALL = Estimate("mean change", -2.0, -3.0, -0.5, measure=Measure.CHANGE)


def test_a_fall_of_pain_lies_right_and_a_fall_of_mood_stays_left():
    pain, mood = oriented(FALL, PAIN), oriented(FALL, MOOD)
    assert (pain.value, pain.low, pain.high) == (2.0, 0.5, 3.0)
    assert (mood.value, mood.low, mood.high) == (-2.0, -3.0, -0.5)


def test_what_has_no_direction_is_not_turned():
    spread = Estimate("SD between patients", 2.0, 1.0, 3.0, measure=Measure.VARIANCE)
    assert oriented(spread, PAIN) is spread and oriented(FALL, None) is FALL


@pytest.mark.parametrize(
    ("low", "high", "clear"),
    [(-3.0, -0.1, True), (-3.0, 0.0, False), (0.0, 2.0, False), (0.1, 2.0, True)],
)
def test_an_interval_that_touches_no_effect_is_not_clear(low, high, clear):
    assert (
        is_clear(Estimate("mean change", (low + high) / 2, low, high, measure=Measure.CHANGE))
        == clear
    )


def test_without_an_interval_p_says_whether_it_is_clear():
    bare = [
        Estimate("mean change", 1.0, p=p, measure=Measure.CHANGE) for p in (0.049, 0.051, math.nan)
    ]
    assert [is_clear(e) for e in bare] == [True, False, False]


def test_p_of_exactly_05_is_not_clear_at_95():
    assert not is_clear(Estimate("d", -1, p=0.05, measure=Measure.CHANGE))
    assert is_clear(Estimate("d", -1, p=0.049999, measure=Measure.CHANGE))
    assert not is_clear(Estimate("d", -1, p=0.1, level=0.9, measure=Measure.CHANGE))
