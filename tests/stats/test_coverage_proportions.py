"""Coverage of the intervals that are our own: exactly, by summing over all tables, or by seeded
simulation.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import special, stats

from outcomes.stats.proportions.paired import mcnemar, paired_difference
from outcomes.stats.proportions.rates import rate_by_patient, share_of_infusions
from outcomes.stats.proportions.ratios import risk_ratio
from outcomes.stats.proportions.single import wilson
from outcomes.stats.proportions.two_groups import risk_difference
from outcomes.stats.regression.logistic import logistic, standardised_risks

pytestmark = pytest.mark.slow


def two_group_coverage(limits, truth, n1, n2):
    """Coverage at each pair of shares on a grid, summed over all tables."""
    grid = np.linspace(0.05, 0.95, 19)
    interval = np.array([[limits((x, n1), (y, n2)) for y in range(n2 + 1)] for x in range(n1 + 1)])
    one, two = (stats.binom.pmf(np.arange(n + 1)[:, None], n, grid) for n in (n1, n2))
    out = []
    for i, j in itertools.product(range(19), range(19)):
        inside = (interval[..., 0] <= truth(grid[i], grid[j]) + 1e-12) & (
            truth(grid[i], grid[j]) - 1e-12 <= interval[..., 1]
        )
        out.append(float(one[:, i] @ inside @ two[:, j]))
    return np.array(out)


@pytest.mark.parametrize(
    ("method", "least", "mean"),
    [("miettinen-nurminen", 0.93, 0.953), ("newcombe", 0.92, 0.952), ("wald", 0.6, 0.92)],
)
@pytest.mark.parametrize("sizes", [(20, 20), (12, 25)])
def test_risk_difference_covers_exactly(method, least, mean, sizes):
    def limits(a, b):
        e = risk_difference(a, b, method=method)
        return e.low, e.high

    cover = two_group_coverage(limits, lambda p, q: p - q, *sizes)
    assert cover.min() > least
    assert abs(cover.mean() - mean) < 0.012


def test_risk_ratio_covers_exactly():
    def limits(a, b):
        e = risk_ratio(a, b)
        return e.low, e.high

    cover = two_group_coverage(limits, lambda p, q: p / q, 15, 20)
    assert cover.min() > 0.92
    assert abs(cover.mean() - 0.955) < 0.012


@pytest.mark.parametrize(
    ("method", "least", "mean"),
    [("tango", 0.94, 0.96), ("newcombe", 0.94, 0.96), ("wald", 0.9, 0.94)],
)
def test_paired_difference_covers_exactly(method, least, mean):
    n = 20
    tables = [
        (a, b, c, n - a - b - c)
        for a in range(n + 1)
        for b in range(n + 1 - a)
        for c in range(n + 1 - a - b)
    ]
    interval = np.array(
        [(e.low, e.high) for t in tables for e in [paired_difference(t, method=method)]]
    )
    counts = np.array(tables)
    ways = special.gammaln(n + 1) - special.gammaln(counts + 1).sum(axis=1)
    cover = []
    for both, first, second in itertools.product(
        (0.1, 0.25, 0.45), (0.05, 0.15, 0.25), (0.05, 0.15, 0.25)
    ):
        cells = np.array([both, first, second, 1 - both - first - second])
        chance = np.exp(ways + counts @ np.log(cells))
        inside = (interval[:, 0] <= second - first + 1e-12) & (
            second - first - 1e-12 <= interval[:, 1]
        )
        cover.append(float(chance @ inside))
    assert min(cover) > least
    assert abs(np.mean(cover) - mean) < 0.015


def test_mcnemar_mid_p_keeps_its_size_better_than_exact():
    """Fagerland 2013: over all nuisance values the mid-p test stays near 5 % and above the exact
    test.
    """
    n, size = 40, {}
    for method in ("mid-p", "exact"):
        rejects = np.array(
            [
                [
                    b + c <= n and mcnemar((0, b, c, n - b - c), method=method).p < 0.05
                    if b + c <= n
                    else False
                    for c in range(n + 1)
                ]
                for b in range(n + 1)
            ]
        )
        sizes = []
        for q in np.linspace(0.05, 0.5, 10):  # share discordant each way
            k = np.arange(n + 1)
            chance = np.array(
                [
                    [
                        stats.binom.pmf(b + c, n, min(1, 2 * q)) * stats.binom.pmf(b, b + c, 0.5)
                        if b + c <= n
                        else 0.0
                        for c in k
                    ]
                    for b in k
                ]
            )
            sizes.append(float((chance * rejects).sum()))
        size[method] = np.array(sizes)
    assert size["exact"].max() <= 0.05
    assert size["mid-p"].max() <= 0.052
    assert (size["mid-p"] >= size["exact"]).all() and size["mid-p"].mean() > 0.03


@pytest.mark.parametrize(("share", "spread"), [(0.3, 1.0), (0.15, 2.0), (0.3, 8.0)])
def test_share_of_infusions_covers_where_independence_does_not(share, spread):
    """30 patients with 1 to 8 infusions (methods.md, section 5 D), each with a risk of their own
    (beta, a + b = spread).
    """
    rng, runs = np.random.default_rng(20), 2000
    ours = naive = 0
    for _ in range(runs):
        m = rng.integers(1, 9, 30)
        a = rng.binomial(m, rng.beta(share * spread, (1 - share) * spread, 30))
        e, w = share_of_infusions(a, m), wilson(int(a.sum()), int(m.sum()))
        ours += e.low <= share <= e.high
        naive += w.low <= share <= w.high
    error = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert abs(ours / runs - 0.95) < error + 0.02
    assert naive / runs < (0.80 if spread <= 2 else 0.93)


def test_rate_by_patient_covers_where_poisson_does_not():
    rng, runs, rate = np.random.default_rng(21), 2000, 0.5
    ours = naive = 0
    for _ in range(runs):
        m = rng.integers(1, 9, 30)
        a = rng.poisson(m * rate * rng.gamma(1.0, 1.0, 30))
        e = rate_by_patient(a, m)
        ours += e.low <= rate <= e.high
        low, high = (
            special.gammaincinv(max(a.sum(), 1), 0.025),
            special.gammainccinv(a.sum() + 1, 0.025),
        )
        naive += low <= rate * m.sum() <= high
    assert abs(ours / runs - 0.95) < 3 * math.sqrt(0.05 * 0.95 / runs) + 0.02
    assert naive / runs < 0.8


def test_standardised_difference_covers():
    """Two arms of 60 with a strong covariate; truth = the mean difference over these patients'
    covariates.
    """
    rng, runs, inside = np.random.default_rng(22), 1000, 0
    for _ in range(runs):
        z = rng.normal(size=120)
        x = np.column_stack([np.ones(120), np.tile([0, 1], 60), z])
        beta = np.array([-0.7, 0.9, 1.2])
        y = (rng.random(120) < special.expit(x @ beta)).astype(int)
        one, none = x.copy(), x.copy()
        one[:, 1], none[:, 1] = 1, 0
        truth = float((special.expit(one @ beta) - special.expit(none @ beta)).mean())
        e = standardised_risks(logistic(x, y), one, none).difference
        inside += e.low <= truth <= e.high
    assert abs(inside / runs - 0.95) < 3 * math.sqrt(0.05 * 0.95 / runs) + 0.005
