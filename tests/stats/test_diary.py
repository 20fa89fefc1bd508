import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.core.errors import AnalysisError
from outcomes.stats.diary import days_with_relief, return_of_pain, summarise, trapezoid, window_mean

SCORES = st.lists(st.integers(0, 10), min_size=2, max_size=40)


@given(SCORES, st.integers(1, 10))
def test_areas_add_up(scores, baseline):
    days = np.arange(len(scores))
    s = summarise(days, scores, baseline=baseline)
    assert s.auc == pytest.approx(np.trapezoid(scores, days))
    assert s.spid == pytest.approx(baseline * s.span - s.auc)
    assert s.mean * s.span == pytest.approx(s.auc)
    assert s.relief >= s.spid - 1e-9
    assert min(scores) - 1e-9 <= s.mean <= max(scores) + 1e-9
    assert s.percent_spid <= 100 + 1e-9


@given(SCORES)
def test_the_order_of_the_rows_does_not_matter(scores):
    days = np.arange(len(scores), dtype=float)
    turned = summarise(days[::-1], scores[::-1], baseline=5)
    assert turned == summarise(days, scores, baseline=5)


def test_a_gap_is_bridged_up_to_the_limit_and_no_further():
    y = [6, math.nan, math.nan, math.nan, 2, 2]
    s = summarise(range(6), y, baseline=6)
    assert (s.auc, s.longest_gap, s.reason) == (18.0, 3.0, "")
    longer = summarise(range(7), [6, *[math.nan] * 4, 2, 2], baseline=6)
    assert (longer.reason, longer.longest_gap) == ("not_estimable", 4.0)
    assert math.isnan(longer.auc)
    assert summarise(range(7), [6, *[math.nan] * 4, 2, 2], max_gap=4).auc == 22.0


def test_nothing_is_extrapolated_unless_asked_for():
    y = [6, 4, 4, math.nan, math.nan]
    assert summarise(range(5), y).span == 2.0
    assert summarise(range(5), y, until=4).reason == "not_estimable"
    held = summarise(range(5), y, until=4, carry_forward=True)
    assert (held.auc, held.span, held.days) == (17.0, 4.0, 3)
    assert summarise(range(5), [6, 4, 4, 9, 9], until=2).auc == 9.0


def test_what_is_undefined_is_nan():
    assert summarise([0], [5]).reason == "too_few"
    assert summarise([0, 1], [math.nan, math.nan]).reason == "too_few"
    zero = summarise([0, 1], [0, 3], baseline=0)
    assert math.isnan(zero.percent_spid)
    assert zero.spid == -1.5
    assert math.isnan(summarise([0, 1], [4, 3]).spid)
    with pytest.raises(AnalysisError, match="twice"):
        summarise([0, 1, 1], [3, 4, 5])


def test_weekly_means_need_their_days():
    y = [5, 4, math.nan, 3, math.nan, 4, math.nan]
    assert window_mean(range(1, 8), y, first=1, last=7) == 4.0
    assert math.isnan(window_mean(range(1, 8), y, first=1, last=7, minimum=5))


def test_thresholds_are_decided_without_float_noise():
    assert days_with_relief([0, 1], [7.0, 4.9], baseline=7.0) == 1
    assert return_of_pain([1, 2], [3.0, 4.9], baseline=7.0, share=0.7).event
    assert not return_of_pain([1, 2], [3.0, 4.8], baseline=7.0, share=0.7).event


def test_return_of_pain_and_its_bracket():
    r = return_of_pain([0, 1, 7, 28], [8, 3, 5, 7], baseline=8)
    assert (r.time, r.event, r.since) == (28.0, True, 7.0)
    assert return_of_pain([1, 7], [7, 2], baseline=8).time == 1.0
    censored = return_of_pain([1, 7, 28], [3, 4, math.nan], baseline=8)
    assert (censored.time, censored.event) == (7.0, False)
    assert math.isnan(return_of_pain([1], [math.nan], baseline=8).time)
    assert math.isnan(return_of_pain([1], [3], baseline=0).time)


def test_trapezoid_of_a_triangle():
    assert trapezoid([0, 5, 10], [0, 4, 0]) == 20.0
