import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.groups.means import (
    anova,
    brown_forsythe,
    d_ppc2,
    games_howell,
    mean_difference,
    standardised_difference,
    standardised_mean_differences,
    tukey_hsd,
    welch_anova,
)
from outcomes.stats.groups.studentized_range import tukey_critical, tukey_p

NRS = st.lists(st.integers(0, 10), min_size=2, max_size=20)
THREE = {"IV": [1, 2, 3, 5, 2], "PO": [3, 4, 5, 9], "IN": [2, 4, 6, 6, 7, 8]}


@given(NRS, NRS)
@settings(deadline=None)
def test_t_agrees_with_scipy_and_swapping_turns_the_sign(a, b):
    for equal in (False, True):
        e, turned = (
            mean_difference(a, b, equal_variances=equal),
            mean_difference(b, a, equal_variances=equal),
        )
        assert e.value == pytest.approx(-turned.value)
        if np.ptp(a) == 0 and np.ptp(b) == 0:
            assert e.reason == "zero_variance"
            assert math.isnan(e.p)
            continue
        if np.ptp(a) == 0 or np.ptp(b) == 0:  # scipy warns there, rightly answered
            continue
        expected = stats.ttest_ind(a, b, equal_var=equal)
        interval = expected.confidence_interval()
        assert e.p == pytest.approx(expected.pvalue, rel=1e-9)
        assert (e.low, e.high) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-12)


@given(NRS, NRS, st.integers(-5, 5))
@settings(deadline=None)
def test_standardised_differences_do_not_feel_shift_or_scale(a, b, shift):
    one = standardised_mean_differences(a, b)
    two = standardised_mean_differences(2 * np.array(a) + shift, 2 * np.array(b) + shift)
    for name, e in one.items():
        assert e.value == pytest.approx(two[name].value, nan_ok=True)
    d, g = one["d_s"], one["g_s"]
    if not d.reason:
        assert abs(g.value) <= abs(d.value)
        assert d.low <= d.value <= d.high


def test_values_known_without_the_shared_material():
    # R 4.2.2, sleep: t.test(extra ~ group); oneway.test and TukeyHSD on PlantGrowth
    one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    e = mean_difference(one, two)
    assert (e.statistic, e.df, e.p) == pytest.approx(
        (-1.8608134674868526, 17.776473516178, 0.07939414018735821), rel=1e-9
    )
    plants = {
        "ctrl": [4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14],
        "trt1": [4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69],
        "trt2": [6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26],
    }
    assert anova(plants).test.p == pytest.approx(0.01590996, rel=1e-6)
    assert [round(t.p_adjusted, 7) for t in tukey_hsd(plants)] == [0.3908711, 0.1979960, 0.0120064]


def test_one_way_welch_and_levene_agree_with_scipy():
    parts = list(THREE.values())
    assert anova(THREE).test.p == pytest.approx(stats.f_oneway(*parts).pvalue)
    assert welch_anova(THREE).p == pytest.approx(stats.f_oneway(*parts, equal_var=False).pvalue)
    assert brown_forsythe(THREE).p == pytest.approx(stats.levene(*parts).pvalue)


def test_all_pairs_agree_with_scipy():
    expected = stats.tukey_hsd(*THREE.values())
    ours = tukey_hsd(THREE)
    assert ours[0].p_adjusted == pytest.approx(expected.pvalue[0, 1], rel=1e-6)
    assert ours[0].low == pytest.approx(expected.confidence_interval().low[1, 0], rel=1e-6)
    expected = stats.tukey_hsd(*THREE.values(), equal_var=False)
    assert games_howell(THREE)[2].p_adjusted == pytest.approx(expected.pvalue[1, 2], rel=1e-6)


def test_with_two_groups_every_pair_is_the_plain_t():
    two = {"a": [1, 2, 3, 5, 2], "b": [3, 4, 5, 9]}
    t, gh, hsd = mean_difference(two["b"], two["a"]), games_howell(two)[0], tukey_hsd(two)[0]
    assert gh.p_adjusted == pytest.approx(t.p, rel=1e-9)
    assert (gh.low, gh.high) == pytest.approx((t.low, t.high), rel=1e-9)
    student = mean_difference(two["b"], two["a"], equal_variances=True)
    assert hsd.p_adjusted == pytest.approx(student.p, rel=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        mean_difference,
        standardised_difference,
        lambda a, b: standardised_mean_differences(a, b)["g_s"],
    ],
)
@pytest.mark.parametrize(
    ("a", "b"), [([5], [3]), ([], [3, 4]), ([5, 5], [5, 5]), ([0.1, 0.1, 0.1], [0.3, 0.3])]
)
def test_what_is_undefined_is_nan(call, a, b):
    e = call(a, b)
    assert math.isnan(e if isinstance(e, float) else e.low)


def test_undefined_tests_say_why():
    assert anova({"a": [1, 1], "b": [2, 2]}).test.reason == "zero_variance"
    assert anova({"a": [1], "b": [2]}).test.reason == "too_few"
    assert welch_anova({"a": [1, 1], "b": [2, 3]}).reason == "zero_variance"
    assert {e.reason for e in games_howell({"a": [1], "b": [2, 3], "c": [4, 6]})} == {"too_few", ""}
    assert tukey_hsd({"a": [1, 1], "b": [2, 2]})[0].reason == "zero_variance"
    assert d_ppc2([7, 7, 7], [5, 5, 4], [7, 7, 7], [6, 6, 5]).reason == "zero_variance"
    with pytest.raises(AnalysisError, match="missing"):
        mean_difference([1, math.nan], [2, 3])


def test_studentized_range_against_scipy_and_exact_cases():
    for k, df, q in ((3, 10, 3.5), (4, 2.5, 6.0), (5, 100, 4.0), (10, 7, 1.0), (2, 1, 20.0)):
        assert tukey_p(q, k, df) == pytest.approx(stats.studentized_range.sf(q, k, df), rel=1e-8)
    for df in (1, 3.3, 20, 5000):  # two groups: t on q/√2
        for q in (0.2, 3.0, 12.0):
            assert tukey_p(q, 2, df) == pytest.approx(
                2 * stats.t.sf(q / math.sqrt(2), df), rel=1e-6
            )
    assert tukey_p(tukey_critical(0.95, 4, 17.2), 4, 17.2) == pytest.approx(0.05, rel=1e-10)
    # the printed table: q(.95; 3 groups, 10 df) = 3.877; q(.95; 5, ∞) = 3.858
    assert round(tukey_critical(0.95, 3, 10), 3) == 3.877
    assert round(tukey_critical(0.95, 5), 3) == 3.858
    assert math.isnan(tukey_p(math.nan, 3, 10))
    assert tukey_p(0, 3, 10) == 1.0
