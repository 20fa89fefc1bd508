"""Where the registry sets rows apart or holds them looser (`differs`), R's choice put back gives
R's numbers.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from outcomes.stats.paired.repeated_measures import rm_anova
from outcomes.stats.regression.logistic import LogisticFit
from outcomes.validation.cases import Case, Comparison, compare, methods
from outcomes.validation.reference_adapters import proportions, regression, repeated
from tests.shared import present_cases

CASES = present_cases()


def apart(*methods: str) -> list[Comparison]:
    """What is declared different in these methods."""
    found = [c for case in CASES if case.method in methods for c in compare(case) if c.declared]
    assert found
    return found


def disagreeing(case: Case, ours: dict[str, float], quantities: set[str]) -> list[str]:
    """Which of these numbers do not keep the tolerance of the table itself."""
    return [
        f"{case.name} {q}: {ours[q]!r} for {case.expected[q][0]!r}"
        for q in quantities
        if not Comparison(case, q, ours[q], *case.expected[q]).agrees
    ]


def by_case(found: list[Comparison]) -> dict[Case, set[str]]:
    """The quantities of each case."""
    out: dict[Case, set[str]] = {}
    for c in found:
        out.setdefault(c.case, set()).add(c.quantity)
    return out


def test_quade_with_ranges_ranked_as_raw_floats() -> None:
    for case, quantities in by_case(apart("quade")).items():
        y = repeated.matrix(case)
        n, k = y.shape
        s = stats.rankdata(np.ptp(y, axis=1))[:, None] * (stats.rankdata(y, axis=1) - (k + 1) / 2)
        between = (s.sum(axis=0) ** 2).sum() / n
        f, df1, df2 = (n - 1) * between / ((s**2).sum() - between), k - 1, (n - 1) * (k - 1)
        r = {"F": f, "df1": df1, "df2": df2, "p": stats.f.sf(f, df1, df2)}
        assert disagreeing(case, r, quantities) == []


def test_mauchly_with_k_for_p_in_the_second_order_term() -> None:
    for case, quantities in by_case(apart("rm_anova_oneway")).items():
        y = repeated.matrix(case)
        w, p, df = rm_anova(y).sphericity.mauchly_w, y.shape[1] - 1, len(y) - 1
        rho = 1 - (2 * p * p + p + 2) / (6 * p * df)
        w2 = (
            (p + 2)
            * (p - 1)
            * (p - 2)
            * (2 * p**3 + 6 * p * p + 3 * (p + 1) + 2)
            / (288 * (df * p * rho) ** 2)
        )
        z, f = -df * rho * math.log(w), p * (p + 1) / 2 - 1
        first, second = stats.chi2.sf(z, f), stats.chi2.sf(z, f + 4)
        assert disagreeing(case, {"mauchly_p": first + w2 * (second - first)}, quantities) == []


def as_glm(fit: LogisticFit) -> np.ndarray:
    """glm's covariance: from the weights of its last iteration at epsilon 1e-14, one step before
    the estimate.
    """
    x, y = fit.matrix, fit.y
    mu, deviance = (y + 0.5) / 2, np.inf
    for _ in range(100):
        eta, w = np.log(mu / (1 - mu)), mu * (1 - mu)
        information = (x.T * w) @ x
        mu = 1 / (1 + np.exp(-x @ np.linalg.solve(information, x.T @ (w * eta + y - mu))))
        old, deviance = deviance, -2 * np.log(np.where(y == 1, mu, 1 - mu)).sum()
        if abs(deviance - old) / (abs(deviance) + 0.1) < 1e-14:
            return np.asarray(np.linalg.inv(information))
    raise AssertionError("glm's iteration did not end")


def test_logistic_with_the_covariance_of_glm(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_case(apart("logistic", "gcomp_standardised"))
    right = regression.fitted

    def fitted(*args: object) -> tuple[LogisticFit, object]:
        fit, design = right(*args)
        return replace(fit, covariance=as_glm(fit)), design

    monkeypatch.setattr(regression, "fitted", fitted)
    for case, quantities in found.items():
        assert disagreeing(case, regression._log_odds(case), quantities) == []


def test_fisher_within_the_root_finder_of_r() -> None:
    """`uniroot` at its default tolerance ε^¼ = 1.2e-4 of the odds ratio, or of its inverse above 1;
    0 and ∞ are exact.
    """
    for case, quantities in by_case(apart("fisher")).items():
        ours = proportions._fisher(case)
        for q in quantities:
            got, r = ours[q], case.expected[q][0]
            if not any(x for x, _ in proportions.arms(case)) and q == "or_cond_mle":
                assert math.isnan(got)
            elif r in (0, math.inf):
                assert got == r
            else:
                assert (
                    abs((1 / got if r > 1 else got) - (1 / r if r > 1 else r))
                    <= np.finfo(float).eps ** 0.25
                )


def test_no_variance_between_sites_is_none_where_metafor_stops_short_of_it() -> None:
    (found,) = apart("rma_glmm_PLO")
    ours = methods()["rma_glmm_PLO"].answer(found.case)["tau2"]
    assert ours == pytest.approx(found.expected, abs=1e-6)
