import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from outcomes.core.errors import AnalysisError
from outcomes.stats.paired.repeated_measures import (
    friedman,
    friedman_pairs,
    hotelling,
    mixed_anova,
    page,
    pairwise_paired_t,
    quade,
    rm_anova,
)

Y = np.array([[7, 5, 4], [6, 6, 5], [8, 5, 5], [7, 4, 3], [9, 9, 6], [5, 3, 4]], float)
TABLE = st.integers(2, 8).flatmap(
    lambda n: st.integers(2, 5).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(0, 10), min_size=k, max_size=k), min_size=n, max_size=n
        )
    )
)


@given(TABLE)
@settings(deadline=None, max_examples=60)
def test_rm_anova_agrees_with_statsmodels_and_keeps_its_bounds(rows):
    y = np.array(rows, float)
    n, k = y.shape
    e = rm_anova(y)
    effect, s = e.effects["visit"], e.sphericity
    if effect.test.reason:
        assert math.isnan(effect.test.p)
        return
    long = pd.DataFrame(
        [(i, j, y[i, j]) for i in range(n) for j in range(k)], columns=["i", "j", "y"]
    )
    table = AnovaRM(long, "y", "i", within=["j"]).fit().anova_table
    assert effect.test.statistic == pytest.approx(table["F Value"].iloc[0], rel=1e-8, abs=1e-10)
    assert s.lower_bound - 1e-9 <= s.gg <= 1 + 1e-9
    if (
        effect.test.statistic > 1.5
    ):  # the correction can only make p larger where F is above its middle
        assert effect.p_gg >= effect.test.p - 1e-9
    moved = rm_anova(y + np.arange(n)[:, None])
    assert moved.effects["visit"].test.statistic == pytest.approx(
        effect.test.statistic, rel=1e-7, abs=1e-9
    )


def test_two_visits_are_the_paired_t():
    e = rm_anova(Y[:, :2])
    t = stats.ttest_rel(Y[:, 1], Y[:, 0])
    assert e.effects["visit"].test.statistic == pytest.approx(t.statistic**2)
    assert e.effects["visit"].p_gg == pytest.approx(t.pvalue)
    assert hotelling(Y[:, :2]).test.p == pytest.approx(t.pvalue)
    assert pairwise_paired_t(Y)[0].p == pytest.approx(t.pvalue)


def test_two_groups_at_two_visits_are_the_t_of_the_changes():
    group = ["K", "K", "P", "P", "P", "K"]
    change = Y[:, 1] - Y[:, 0]
    is_k = np.array(group) == "K"
    t = stats.ttest_ind(change[is_k], change[~is_k])
    assert mixed_anova(Y[:, :2], group).effects["group:visit"].test.p == pytest.approx(t.pvalue)
    between = stats.ttest_ind(Y.mean(1)[is_k], Y.mean(1)[~is_k])
    assert mixed_anova(Y, group).effects["group"].test.p == pytest.approx(between.pvalue)


def test_type_three_does_not_feel_how_big_a_group_is():
    """Doubling every patient of one group leaves the visit effect's question (the unweighted mean)
    as it was.
    """
    group = np.array(["K", "K", "P", "P", "P", "K"])
    twice = np.concatenate([Y, Y[group == "P"]])
    a = mixed_anova(Y, group.tolist()).effects["visit"]
    b = mixed_anova(twice, [*group, *["P"] * 3]).effects["visit"]
    means = lambda y, g: np.mean([y[np.array(g) == v].mean(0) for v in ("K", "P")], axis=0)  # noqa: E731
    same = means(Y, group), means(twice, [*group, *["P"] * 3])
    assert same[0] == pytest.approx(same[1])
    assert a.ss / 1.0 != b.ss  # its precision does change
    assert b.ss > a.ss


@given(TABLE)
@settings(deadline=None, max_examples=60)
def test_friedman_agrees_with_scipy(rows):
    y = np.array(rows, float)
    f = friedman(y)
    if f.chi2.reason:
        assert (f.chi2.p, f.chi2.reason) == (1.0, "all_zero")
        return
    if y.shape[1] >= 3:
        assert f.chi2.p == pytest.approx(stats.friedmanchisquare(*y.T).pvalue, rel=1e-9)
    assert 0 <= f.kendall_w <= 1 + 1e-12
    again = friedman(y[::-1] * 2 + 1)
    assert again.chi2.value == pytest.approx(f.chi2.value)


def test_page_agrees_with_scipy_on_untied_data():
    rng = np.random.default_rng(4)
    y = rng.normal(size=(12, 4)) + np.arange(4) * 0.4
    expected = stats.page_trend_test(y, method="asymptotic")
    assert page(y).value == pytest.approx(expected.statistic)
    assert page(y).p == pytest.approx(expected.pvalue)


def test_posthoc_pairs_are_named_and_ordered():
    rows = friedman_pairs(Y, visits=("pre", "w1", "w4"))
    assert [e.group for e in rows] == ["w1 - pre", "w4 - pre", "w4 - w1"]
    assert all(e.p_adjusted >= e.p for e in rows)
    nemenyi = friedman_pairs(Y, test="nemenyi")
    assert all(math.isnan(e.p) and 0 <= e.p_adjusted <= 1 for e in nemenyi)


def test_a_tenth_step_scale_ranks_as_its_whole_steps():
    y = np.array([[0.3, 0.1, 0.6], [0.7, 0.4, 0.9], [0.2, 0.4, 0.3], [0.9, 0.6, 0.5]])
    assert quade(y).p == pytest.approx(quade(np.round(10 * y)).p)
    assert friedman(y).chi2.p == pytest.approx(friedman(np.round(10 * y)).chi2.p)


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (np.full((4, 3), 5.0), "zero_variance"),
        (np.array([[1.0, 2, 3]]), "too_few"),
        (np.array([[1.0, 2, 3], [2, 3, 4], [5, 6, 7]]), "zero_variance"),
        (np.array([[0.1, 0.2, 0.3]] * 4), "zero_variance"),
    ],
)
def test_degenerate_tables(y, reason):
    assert rm_anova(y).effects["visit"].test.reason == reason
    assert math.isnan(rm_anova(y).effects["visit"].p_gg)
    assert math.isnan(quade(y).p)
    (
        friedman(y),
        page(y),
        friedman_pairs(y),
        friedman_pairs(y, test="nemenyi"),
        hotelling(y),
        pairwise_paired_t(y),
    )
    mixed_anova(y, ["a", *["b"] * (len(y) - 1)])


def test_missing_scores_are_refused():
    with pytest.raises(AnalysisError, match="leave these patients out and count them"):
        rm_anova([[1, 2], [3, math.nan]])
    with pytest.raises(AnalysisError, match="at least two visits"):
        friedman([[1], [3]])
    with pytest.raises(AnalysisError, match="group labels"):
        mixed_anova(Y, ["K"])
