"""Traps of the Python stack for proportions (scipy, statsmodels), each shown here, and that we do
not fall in.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.discrete.discrete_model import Logit

from outcomes.stats.proportions.contingency import freeman_halton
from outcomes.stats.proportions.paired import mcnemar
from outcomes.stats.proportions.ratios import fisher, odds_ratio
from outcomes.stats.proportions.two_groups import restricted_shares, risk_difference
from outcomes.stats.regression.logistic import logistic


def test_freeman_halton_is_exact_where_scipy_samples():
    """Trap 6: `scipy.stats.fisher_exact` beyond 2 × 2 draws random tables; its p has a floor of
    1/(draws+1).
    """
    table = [[20, 1, 0], [1, 20, 1], [0, 1, 20]]
    first, second = (
        stats.fisher_exact(
            table, method=stats.MonteCarloMethod(rng=np.random.default_rng(s))
        ).pvalue
        for s in (1, 2)
    )
    assert min(first, second) >= 1e-4
    exact = freeman_halton(table).p
    assert exact < 1e-12
    assert freeman_halton(table).p == exact


def test_fisher_gives_the_conditional_odds_ratio():
    """Trap 7: scipy's `fisher_exact` returns the sample odds ratio ad/bc, R the conditional
    maximum-likelihood one.
    """
    table = [[8, 4], [3, 9]]
    assert_allclose(stats.fisher_exact(table)[0], 6.0)
    assert_allclose(odds_ratio((8, 12), (3, 12)).value, 6.0)
    assert_allclose(fisher((8, 12), (3, 12)).value, 5.512388142144425, rtol=1e-6)  # R 4.2.2


@pytest.mark.parametrize("method", ["mid-p", "exact", "asymptotic", "corrected"])
def test_mcnemar_without_discordant_pairs_is_one(method):
    """Trap 8: statsmodels 0.15 `mcnemar(exact=False)` gives p = 0.0 when nobody changed."""
    e = mcnemar((15, 0, 0, 10), method=method)
    assert (e.p, e.reason) == (1.0, "no_discordant")


def test_mcnemar_continuity_does_not_go_below_zero():
    """Trap 8: with b = c statsmodels takes 1 off all the same (p = .79); R says 1."""
    assert mcnemar((8, 7, 7, 8), method="corrected").p == 1.0


@pytest.mark.parametrize(
    ("first", "second"),
    [((8, 12), (3, 12)), ((0, 20), (7, 20)), ((340, 900), (290, 880)), ((0, 15), (0, 14))],
)
def test_miettinen_nurminen_satisfies_the_score_equation(first, second):
    """Trap 9: statsmodels 0.15 raises for the first two tables and is off in the third (.09237 for
    .09248).
    """
    _satisfies_the_score_equation(first, second)


def test_miettinen_nurminen_where_statsmodels_is_off():
    assert_allclose(risk_difference((340, 900), (290, 880)).high, 0.0924804, atol=5e-6)


def _satisfies_the_score_equation(first, second):
    (x1, n1), (x2, n2) = first, second
    e = risk_difference(first, second)
    for limit in (e.low, e.high):
        p1, p2 = restricted_shares(x1, n1, x2, n2, limit)
        variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
        assert_allclose(abs(e.value - limit) / np.sqrt(variance), 1.959963984540054, rtol=1e-9)


def test_profile_limits_not_wald():
    """Trap 13: statsmodels' Logit gives Wald limits only. A profile limit is where twice the fall
    is 3.84, refitted.
    """
    rng = np.random.default_rng(4)
    arm, age = np.repeat([0, 1], 12), rng.normal(size=24)
    y = (rng.random(24) < np.where(arm == 1, 0.8, 0.3)).astype(float)
    x = np.column_stack([np.ones(24), arm, age])
    fit = logistic(x, y, names=("intercept", "arm", "age"))
    model = Logit(y, x).fit(disp=0)
    assert_allclose(fit.coefficients, model.params, rtol=1e-6)
    wald, profile = (fit.log_odds_ratio("arm", interval=i) for i in ("wald", "profile"))
    assert_allclose([wald.low, wald.high], model.conf_int()[1], rtol=1e-5)
    assert profile.high - wald.high > 0.1
    for limit in (profile.low, profile.high):
        refit = Logit(y, x[:, [0, 2]], offset=x[:, 1] * limit).fit(disp=0)
        assert_allclose(2 * (model.llf - refit.llf), stats.chi2.ppf(0.95, 1), rtol=1e-7)
