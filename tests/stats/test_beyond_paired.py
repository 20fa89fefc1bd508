"""Equivalence, Bayes factors, regression to the mean, individual and meaningful change, bootstrap:
properties and edges.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.core.errors import AnalysisError
from outcomes.stats.individual.change_index import cutoffs
from outcomes.stats.individual.meaningful_change import (
    anchored,
    limits_of_agreement,
    roc,
    spearman,
    spread_thresholds,
)
from outcomes.stats.individual.reliable_change import (
    cronbach_alpha,
    icc,
    measurement_error,
    reliable_change,
)
from outcomes.stats.paired.bayes_factor import bayes_factor, jzs_log_bf10
from outcomes.stats.paired.equivalence import non_inferiority, tost
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.regression_to_mean import (
    change_and_baseline,
    expected,
    mee_chua,
    population,
)
from outcomes.stats.resampling import bootstrap
from tests.shared import reference_data

rows = st.lists(
    st.tuples(st.integers(0, 10).map(float), st.integers(0, 10).map(float)), min_size=3, max_size=25
)


@given(rows, st.sampled_from([0.5, 1.0, 2.5]), st.sampled_from([0.01, 0.05, 0.1]))
def test_tost_says_the_same_as_its_interval(pairs, margin, alpha):
    before, after = np.array(pairs).T
    e = tost(before, after, margin=margin, alpha=alpha)
    if e.within is None:
        assert e.change.reason == "zero_variance" and math.isnan(e.lower.p)
        return
    assert e.within == (e.change.p < alpha)
    assert e.change.level == pytest.approx(1 - 2 * alpha)
    swapped = tost(after, before, margin=margin, alpha=alpha)
    assert swapped.change.p == pytest.approx(e.change.p, abs=1e-12)


@given(rows)
def test_non_inferiority_says_the_same_as_its_limit_and_mirrors(pairs):
    before, after = np.array(pairs).T
    low, high = (
        non_inferiority(a, b, margin=1, better=s)
        for a, b, s in ((before, after, "lower"), (after, before, "higher"))
    )
    if low.shown is None:
        return
    assert low.shown == (low.change.p < 0.025) == high.shown
    assert low.limit == pytest.approx(-high.limit)


def test_margins_must_make_sense():
    with pytest.raises(AnalysisError, match="enclose 0"):
        tost([1, 2], [2, 2], margin=(0.5, 1.0))
    with pytest.raises(AnalysisError, match="positive"):
        non_inferiority([1, 2], [2, 2], margin=0, better="lower")
    assert tost([1, 2, 4], [2, 2, 3], margin=(-1.0, 3.0)).change.how.endswith("margins −1 and 3")


def test_bayes_factor_by_direct_integration_over_the_effect():
    """Another road to the same number: noncentral t densities weighted by the Cauchy prior."""
    from scipy.integrate import quad
    from scipy.stats import cauchy, nct, t

    for value, n in ((0.0, 12), (1.3, 8), (2.5, 30), (-3.0, 20)):
        area, _ = quad(
            lambda d, v=value, k=n: nct.pdf(v, k - 1, d * math.sqrt(k)) * cauchy.pdf(d, scale=0.5),
            -8,
            8,
            limit=200,
        )
        far, _ = quad(
            lambda d, v=value, k=n: nct.pdf(v, k - 1, d * math.sqrt(k)) * cauchy.pdf(d, scale=0.5),
            8,
            60,
        )
        truth = math.log((area + far) / t.pdf(value, n - 1))
        assert jzs_log_bf10(value, n, scale=0.5) == pytest.approx(truth, abs=1e-5)


def test_bayes_factor_at_its_ends():
    assert jzs_log_bf10(0, 10_000) < -4
    assert math.isfinite(jzs_log_bf10(1e6, 1000)) and jzs_log_bf10(1e6, 1000) > 1000
    assert jzs_log_bf10(2.2, 20) == jzs_log_bf10(-2.2, 20)
    assert bayes_factor([5, 6], [4, 5]).reason == "zero_variance" and math.isnan(
        bayes_factor([], []).value
    )
    with pytest.raises(AnalysisError, match="positive"):
        jzs_log_bf10(1, 10, scale=0)


def test_expected_regression_is_what_happens():
    """A million patients, none treated: those selected fall by the formula."""
    rng = np.random.default_rng(6)
    own = rng.normal(6, 1.4, 1_000_000)
    for k, kind, cut in ((1, "at least", 7.0), (2, "at least", 7.0), (1, "at most", 4.5)):
        first = own + rng.normal(0, 1.2, (k, len(own))).mean(axis=0)
        second = own + rng.normal(0, 1.2, len(own))
        chosen = first >= cut if kind == "at least" else first <= cut
        sd = math.hypot(1.4, 1.2)
        e = expected(cutoff=cut, mean=6, sd=sd, reliability=1.4**2 / sd**2, entry=kind, baselines=k)
        assert float((second - first)[chosen].mean()) == pytest.approx(e.effect, abs=0.01)


def test_expected_regression_has_its_limits():
    assert expected(cutoff=7, mean=6, sd=2, reliability=1).effect == 0
    sizes = [-expected(cutoff=7, mean=6, sd=2, reliability=r).effect for r in (0.2, 0.5, 0.8)]
    assert sizes == sorted(sizes, reverse=True)
    assert math.isfinite(expected(cutoff=60, mean=0, sd=1, reliability=0.5).effect)
    with pytest.raises(AnalysisError, match="sd > 0"):
        expected(cutoff=7, mean=6, sd=0, reliability=0.5)


def test_population_needs_scores_inside_the_cut_off_and_enough_of_them():
    with pytest.raises(AnalysisError, match="outside the entry cut-off"):
        population([3, 5, 6], cutoff=4)
    assert {e.reason for e in population([5, 6, 7], cutoff=4)} == {"too_few"}
    assert {e.reason for e in population([4] * 30 + [5] * 10 + [6] * 4, cutoff=4, step=1)} == {
        "not_estimable"
    }
    mean, sd = population(
        [-x for x in [4] * 10 + [5] * 18 + [6] * 24 + [7] * 22 + [8] * 15],
        cutoff=-4,
        entry="at most",
        step=1,
    )
    other, spread = population(
        [4] * 10 + [5] * 18 + [6] * 24 + [7] * 22 + [8] * 15, cutoff=4, step=1
    )
    assert (mean.value, sd.value) == pytest.approx((-other.value, spread.value), abs=1e-6)
    assert mean.low == pytest.approx(-other.high, abs=1e-6)


def test_mee_chua_is_least_squares():
    rng = np.random.default_rng(8)
    before = rng.normal(7, 1, 30)
    after = 6 + 0.5 * (before - 6) - 0.8 + rng.normal(0, 0.5, 30)
    net, slope = mee_chua(before, after, mean=6)
    b, a = np.polyfit(before - 6, after - 6, 1)
    assert (net.value, slope.value) == pytest.approx((a, b))
    assert net.low < -0.8 < net.high and slope.low < 0.5 < slope.high
    assert mee_chua([7, 7, 7], [5, 6, 7], mean=6)[0].reason == "zero_variance"
    assert mee_chua([5, 6, 7], [4, 5, 6], mean=6)[1].reason == "zero_variance"


def test_oldham_is_blind_to_pure_regression():
    """Equal variances and no relation of change to level: the naive correlation is strongly
    negative, Oldham's is zero.
    """
    rng = np.random.default_rng(12)
    own = rng.normal(6, 1.4, 20_000)
    before, after = own + rng.normal(0, 1.2, 20_000), own + rng.normal(0, 1.2, 20_000)
    naive, oldham, slope = change_and_baseline(
        before, after, reliability=1.4**2 / (1.4**2 + 1.2**2)
    )
    assert naive.value < -0.4 and abs(oldham.value) < 0.03 and abs(slope.value) < 0.05
    assert change_and_baseline(before, after)[2].reason == "needs_input"


def test_reliable_change_counts_and_mirrors():
    before, after = np.array([8.0, 7, 6, 5, 9, 8]), np.array([2.0, 6, 6, 9, 3, 8])
    low = reliable_change(before, after, reliability=0.8, better="lower", cutoff=4)
    high = reliable_change(10 - before, 10 - after, reliability=0.8, better="higher", cutoff=6)
    assert (
        (low.improved, low.deteriorated, low.recovered)
        == (high.improved, high.deteriorated, high.recovered)
        == (2, 1, 2)
    )
    assert list(low.classes) == [
        "recovered",
        "unchanged",
        "unchanged",
        "deteriorated",
        "recovered",
        "unchanged",
    ]
    assert low.improved + low.unchanged + low.deteriorated == 6
    perfect = reliable_change([5, 6, 7], [5, 5, 8], reliability=1, better="lower")
    assert (perfect.improved, perfect.unchanged, perfect.deteriorated) == (1, 1, 1)
    with pytest.raises(AnalysisError, match="at least two patients"):
        reliable_change([5], [4], reliability=0.8, better="lower")


def test_cutoff_c_lies_between_and_favours_the_narrow_side():
    cuts = cutoffs(mean=7, sd=2, norm_mean=2, norm_sd=1, better="lower")
    assert 2 < cuts["c"] < 4.5
    with pytest.raises(AnalysisError, match="above 0"):
        cutoffs(mean=7, sd=0, norm_mean=2, norm_sd=1, better="lower")


def test_measurement_error_is_none_at_perfect_reliability():
    assert measurement_error(2, 1).mdc95 == 0
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        measurement_error(2, 1.1)


def test_reliability_refuses_what_it_cannot_use():
    for kind in (icc, cronbach_alpha):
        with pytest.raises(AnalysisError, match="at least two columns"):
            kind([[1], [2]])
        with pytest.raises(AnalysisError, match="missing"):
            kind([[1, math.nan], [2, 3]])
        assert {e.reason for e in kind([[1, 2]])} == {"too_few"}
    assert {e.reason for e in icc([[1, 1], [1, 1], [1, 1]])} == {"zero_variance"}
    identical = cronbach_alpha([[1, 1], [2, 2], [4, 4]])
    assert (identical[0].value, identical[1].value) == pytest.approx((1, 1))


def test_agreement_is_lowered_by_a_shift_and_consistency_is_not():
    rng = np.random.default_rng(1)
    x = rng.normal(5, 2, (40, 1)) + rng.normal(0, 0.7, (40, 2))
    plain, shifted = ({e.name: e for e in icc(x + np.array([0, s]))} for s in (0.0, 2.0))
    assert shifted["ICC2"].value < plain["ICC2"].value - 0.1
    assert shifted["ICC3"].value == pytest.approx(plain["ICC3"].value)
    assert all(e.low < e.value < e.high for e in plain.values())


def test_roc_by_counting_pairs():
    rng = np.random.default_rng(2)
    gain, yes = rng.integers(-2, 6, 60).astype(float), rng.random(60) < 0.5
    r = roc(gain, yes)
    truth = np.mean([(a > b) + (a == b) / 2 for a in gain[yes] for b in gain[~yes]])
    assert r.auc.value == pytest.approx(truth)
    best = {c: np.mean(gain[yes] >= c) + np.mean(gain[~yes] < c) - 1 for c in np.unique(gain)}
    assert r.youden == pytest.approx(max(best.values()))
    assert r.cut == min(c for c, j in best.items() if j > r.youden - 1e-9)


def test_several_best_cut_offs_give_the_smallest():
    """From 2 up: sensitivity 1, specificity ½; from 4 up the reverse: J is ½ for both."""
    r = roc([1, 2, 3, 4], [False, True, False, True])
    assert (r.cut, r.youden, r.sensitivity, r.specificity) == (2.0, 0.5, 1.0, 0.5)


def test_roc_at_its_edges():
    nobody = roc([1, 2], [False, False])
    assert nobody.auc.reason == "too_few" and math.isnan(nobody.cut)
    assert roc([1, 2, 5], [False, False, True]).auc.reason == "too_few"
    apart = roc([1, 2, 5, 6], [False, False, True, True])
    assert (apart.auc.value, apart.auc.reason, apart.cut) == (1.0, "separation", 5.0)
    with pytest.raises(AnalysisError, match="same patients"):
        roc([1, 2], [True])
    a = anchored([1.0, 2, 3], [4, 4, 4], [False, False, False])
    assert a.improved.reason == "too_few" and a.correlation.reason == "zero_variance"


def test_spearman_and_spread():
    assert spearman([1, 2, 3], [1, 2, 3]).reason == "at_limit"
    half, sem, mdc, srm, _ = spread_thresholds([7, 8, 6, 7, 9], [5, 7, 3, 6, 5], reliability=0.75)
    assert (sem.value, mdc.value) == pytest.approx(
        (half.value, half.value * 1.959963984540054 * math.sqrt(2))
    )
    assert srm.value == pytest.approx(
        mean_change([7, 8, 6, 7, 9], [5, 7, 3, 6, 5]).statistic / math.sqrt(5)
    )
    assert {e.reason for e in spread_thresholds([7], [5])} == {"too_few"}


def test_limits_of_agreement_hold_their_share():
    rng = np.random.default_rng(3)
    a = rng.normal(5, 2, 4000)
    b = a + rng.normal(0.3, 1, 4000)
    bias, slope = limits_of_agreement(a, b)
    inside = ((b - a > bias.low) & (b - a < bias.high)).mean()
    assert inside == pytest.approx(0.95, abs=0.012) and slope.low < bias.value
    assert limits_of_agreement([1, 2], [2, 3])[1].reason == "too_few"


def mean(x: np.ndarray) -> np.ndarray:
    return x.mean(axis=-1)


def test_bootstrap_repeats_and_knows_its_limits():
    x = np.random.default_rng(4).exponential(1, 40)
    first, again = (bootstrap(x, mean, rng=np.random.default_rng(9)) for _ in range(2))
    assert first == again and first.low < first.value < first.high
    # skewed to the right, so the interval reaches further to the right than to the left
    assert first.high - first.value > first.value - first.low
    t = mean_change(np.zeros(40), x)
    assert (first.low, first.high) == pytest.approx((t.low, t.high), abs=0.15)
    rng = np.random.default_rng(0)
    assert bootstrap(x[:10], mean, rng=rng).reason == "too_few"
    assert bootstrap(np.ones(25), mean, rng=rng).reason == "zero_variance"
    with pytest.raises(AnalysisError, match="at least 1,000"):
        bootstrap(x, mean, rng=rng, draws=100)


def test_bootstrap_matches_scipy_bca():
    """The same algorithm in scipy, on the same data with enough draws for two digits."""
    from scipy.stats import bootstrap as theirs

    x = np.random.default_rng(5).gamma(2, 1, 60)
    ours = bootstrap(x, mean, rng=np.random.default_rng(1), draws=40_000)
    other = theirs(
        (x,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((other.low, other.high), abs=0.01)


def test_selected_patients_without_effect():
    """A paired t-test calls pure regression to the mean an effect; Mee and Chua's regression does
    not.
    """
    kept = [r for r in reference_data("rtm_selected.csv") if r["pre"] and r["post"]]
    before, after = (np.array([float(r[k]) for r in kept]) for k in ("pre", "post"))
    assert mean_change(before, after).p < 1e-4
    assert mee_chua(before, after, mean=6)[0].p == pytest.approx(0.19, abs=0.005)


def test_table_4_of_shrout_and_fleiss_and_a_detectable_change_by_hand():
    """Shrout & Fleiss, Psychol Bull 1979;86:420; at reliability .75 the SEM is half the SD, and
    MDC95 = 1.96 √2 SEM.
    """
    table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert [round(e.value, 2) for e in icc(table)] == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    assert measurement_error(2.0, 0.75).mdc95 == pytest.approx(
        1.959963984540054 * math.sqrt(2), rel=1e-12
    )
