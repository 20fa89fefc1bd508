"""Type-I error and coverage of our own tests and intervals, by seeded simulation (run with: pytest
-m slow).

Anchors are the simulations that chose the defaults (methods catalogue, section 5 A and B): tables
of 4,000 runs each.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from outcomes.stats.individual.meaningful_change import roc
from outcomes.stats.individual.reliable_change import cronbach_alpha, icc
from outcomes.stats.paired.effect_sizes import paired_effects
from outcomes.stats.paired.location import (
    mean_change,
    median_change,
    sign_test,
    trimmed_change,
    variance_ratio,
)
from outcomes.stats.paired.rank_effects import superiority
from outcomes.stats.paired.regression_to_mean import mee_chua, population
from outcomes.stats.paired.signed_rank import hodges_lehmann, sign_flip, signed_rank
from outcomes.stats.resampling import bootstrap

pytestmark = pytest.mark.slow


def within(share: float, truth: float, runs: int, *, extra: float = 0.0) -> bool:
    """Whether a simulated share is within four Monte Carlo standard errors (and `extra`) of what it
    should be.
    """
    return abs(share - truth) <= 4 * math.sqrt(truth * (1 - truth) / runs) + extra


def scores(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole-number NRS before and after, exchangeable, correlation about .6, no change on
    average.
    """
    own = rng.normal(0, math.sqrt(0.6), n)
    both = own + rng.normal(0, math.sqrt(0.4), (2, n))
    return tuple(np.clip(np.rint(6 + 1.8 * x), 0, 10) for x in both)  # type: ignore[return-value]


#: Section 5 A: n, and the type-I error at .05 of t, exact, mid-p, continuity-corrected and exact
#: Pratt.
PRINTED = [
    (6, 0.055, 0.007, 0.030, 0.012, 0.007),
    (8, 0.051, 0.018, 0.039, 0.022, 0.018),
    (12, 0.046, 0.030, 0.047, 0.036, 0.033),
    (20, 0.051, 0.041, 0.048, 0.042, 0.042),
    (35, 0.047, 0.045, 0.047, 0.045, 0.044),
]


@pytest.mark.parametrize("printed", PRINTED, ids=[f"n{row[0]}" for row in PRINTED])
def test_type_one_error_on_whole_number_scores(printed):
    n, runs, rng = printed[0], 4000, np.random.default_rng(100 + printed[0])
    rejected = np.zeros(6)
    for _ in range(runs):
        before, after = scores(rng, n)
        ps = (
            mean_change(before, after).p,
            signed_rank(before, after).test.p,
            signed_rank(before, after, mid_p=True).test.p,
            signed_rank(before, after, method="normal").test.p,
            signed_rank(before, after, zeros="pratt").test.p,
            sign_flip(before, after).test.p,
        )
        rejected += [p < 0.05 for p in ps]
    rates = rejected / runs
    # both tables are simulations, of scores that are alike but not the same: twice the Monte Carlo
    # error and a little more
    assert all(
        within(rate, truth, runs // 2, extra=0.006) for rate, truth in zip(rates, printed[1:])
    )
    assert rates[1] <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs) and rates[
        5
    ] <= 0.055 + 4 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(
    ("n", "bonett", "algina"),
    [(8, 0.947, 0.874), (12, 0.946, 0.893), (20, 0.949, 0.904), (50, 0.951, 0.921)],
)
def test_coverage_of_standardised_changes(n, bonett, algina):
    """Normal scores, d_av .8, SD ratio 1.5, correlation .5; the SD-before interval must hold its
    level too.
    """
    runs, rng = 4000, np.random.default_rng(200 + n)
    sd = np.array([1.0, 1.5])
    average = math.sqrt((sd**2).mean())
    change, spread = 0.8 * average, math.sqrt((sd**2).sum() - sd.prod())
    truths = {"d_av": 0.8, "ak": 0.8, "d_z": change / spread, "d_b": change}
    hits = dict.fromkeys([*truths, "equal"], 0)
    for _ in range(runs):
        first, noise = rng.normal(size=(2, n))
        before, after = sd[0] * first, change + sd[1] * (0.5 * first + math.sqrt(0.75) * noise)
        usual = {e.name: e for e in paired_effects(before, after)}
        other = {
            e.name: e
            for e in paired_effects(before, after, interval="algina-keselman", variances="equal")
        }
        found = {n: usual[n] for n in ("d_av", "d_z", "d_b")} | {"ak": other["d_av"]}
        for name, e in found.items():
            hits[name] += e.low <= truths[name] <= e.high
        plain = other["d_b"]
        hits["equal"] += plain.low <= truths["d_b"] <= plain.high
    share = {name: k / runs for name, k in hits.items()}
    assert within(share["d_av"], bonett, runs // 2) and within(share["ak"], algina, runs // 2)
    assert within(share["d_z"], 0.95, runs)
    # with a larger SD after, Bonett's variance keeps its level where the equal-variance form falls
    # short
    assert share["d_b"] > share["equal"] and 0.93 < share["d_b"] < 0.97


def test_coverage_of_d_rm_with_equal_spread():
    runs, rng, hit = 3000, np.random.default_rng(3), 0
    for _ in range(runs):
        first, noise = rng.normal(size=(2, 30))
        e = paired_effects(first, 0.5 + 0.5 * first + math.sqrt(0.75) * noise)[6]
        hit += e.low <= 0.5 <= e.high
    assert 0.92 < hit / runs < 0.97


@pytest.mark.parametrize("n", [8, 20])
def test_coverage_of_location_intervals(n):
    """At least the level: order statistics of Walsh averages (symmetric changes), of changes (any);
    about it: t and Yuen.
    """
    runs, rng = 4000, np.random.default_rng(400 + n)
    hits = np.zeros(4)
    for _ in range(runs):
        change = 1 + rng.standard_t(5, n)
        before = rng.normal(0, 0.001, n)
        found = (
            hodges_lehmann(before, before + change).shift,
            median_change(before, before + change).median,
            mean_change(before, before + change),
            trimmed_change(np.zeros(n), change),
        )
        hits += [e.low <= 1 <= e.high for e in found]
    shift, median, t, yuen = hits / runs
    slack = 4 * math.sqrt(0.05 * 0.95 / runs)
    assert shift >= 0.95 - slack and median >= 0.95 - slack
    assert within(t, 0.95, runs, extra=0.01) and within(yuen, 0.95, runs, extra=0.02)


def test_variance_ratio_and_superiority_hold_their_level():
    runs, rng, n = 3000, np.random.default_rng(5), 25
    hits = np.zeros(3)
    for _ in range(runs):
        first, noise = rng.normal(size=(2, n))
        ratio = variance_ratio(first, 1.4 * (0.6 * first + 0.8 * noise))
        step = rng.choice([-1.0, 0.0, 1.0], n, p=[0.5, 0.2, 0.3])
        better = superiority(np.full(n, 5.0), 5 + step)
        rose = sign_test(np.full(n, 5.0), 5 + step).test
        hits += [
            ratio.low <= 1.96 <= ratio.high,
            better.low <= 0.6 <= better.high,
            rose.low <= 0.375 <= rose.high,
        ]
    ratio_share, better_share, rose_share = hits / runs
    assert within(ratio_share, 0.95, runs)
    assert within(better_share, 0.95, runs, extra=0.015)
    assert rose_share >= 0.95


def test_mee_chua_and_the_truncated_population():
    """Selected patients without any effect: Mee and Chua keep the level that the t-test loses; μ
    and σ are covered.
    """
    runs, rng = 1500, np.random.default_rng(6)
    hits = np.zeros(4)
    for _ in range(runs):
        own = rng.normal(6, 1.4, 400)
        before, after = own + rng.normal(0, 1.2, 400), own + rng.normal(0, 1.2, 400)
        chosen = before >= 7
        net, _ = mee_chua(before[chosen], after[chosen], mean=6)
        whole = np.rint(before)
        mu, sigma = population(whole[whole >= 5], cutoff=5, step=1)
        hits += [
            net.p < 0.05,
            mean_change(before[chosen], after[chosen]).p < 0.05,
            mu.low <= 6 <= mu.high,
            sigma.low <= math.hypot(1.4, 1.2) <= sigma.high,
        ]
    net_share, naive, mu_share, sigma_share = hits / runs
    assert within(net_share, 0.05, runs) and naive > 0.9
    assert within(mu_share, 0.95, runs, extra=0.015) and within(
        sigma_share, 0.95, runs, extra=0.015
    )


def test_reliability_and_auc_intervals():
    runs, rng = 1500, np.random.default_rng(7)
    hits = np.zeros(4)
    for _ in range(runs):
        x = rng.normal(0, 1, (30, 1)) + rng.normal(0, 0.3, (1, 3)) + rng.normal(0, 0.8, (30, 3))
        found = {e.name: e for e in icc(x)}
        agreement = 1 / (1 + 0.09 + 0.64)
        items = rng.normal(0, 1, (40, 1)) + rng.normal(0, 1, (40, 5))
        alpha = cronbach_alpha(items)[0]
        yes = np.arange(60) < 25
        auc = roc(rng.normal(0, 1, 60) + 1.0 * yes, yes).auc
        truth = 0.5 * math.erfc(-1 / 2)
        hits += [
            found["ICC2"].low <= agreement <= found["ICC2"].high,
            found["ICC3"].low <= 1 / 1.64 <= found["ICC3"].high,
            alpha.low <= 5 / 6 <= alpha.high,
            auc.low <= truth <= auc.high,
        ]
    two, three, alpha_share, auc_share = hits / runs
    assert within(three, 0.95, runs) and within(alpha_share, 0.95, runs)
    assert within(two, 0.95, runs, extra=0.02) and within(auc_share, 0.95, runs, extra=0.02)


def test_bootstrap_coverage_on_skewed_changes():
    runs, rng, hit = 400, np.random.default_rng(8), 0
    for _ in range(runs):
        x = rng.exponential(1, 40)
        e = bootstrap(x, lambda d: d.mean(axis=-1), rng=rng, draws=1500)
        hit += e.low <= 1 <= e.high
    assert 0.89 < hit / runs < 0.98
