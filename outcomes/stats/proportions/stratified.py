"""2 × 2 tables in strata (sites): Cochran-Mantel-Haenszel test, Mantel-Haenszel and Peto estimates.

Strata are rows `(count, total, count, total)`: first group, second group; one row a site. Strata
without events carry no information on ratios, stay in the risk difference and do not enter
heterogeneity. Nothing is added to zero cells of the pooled estimates.

References: Cochran, Biometrics 1954;10:417-451. Mantel and Haenszel, J Natl Cancer Inst
1959;22:719-748. Robins, Breslow and Greenland, Biometrics 1986;42:311-323. Greenland and Robins,
Biometrics 1985;41:55-68. Sato, Greenland and Robins, Biometrics 1989;45:1323-1324. Yusuf et al,
Prog Cardiovasc Dis 1985;27:335-371 (Peto).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from outcomes.core.direction import DIFFERENCE
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.proportions.ratios import pooling_effect
from outcomes.stats.wald import wald

Strata = Sequence[Sequence[float]] | np.ndarray

#: What each pooled measure is.
KINDS = {"RD": Measure.SHARE_DIFFERENCE, "RR": Measure.RISK_RATIO, "OR": Measure.ODDS_RATIO}


@dataclass(frozen=True)
class Stratified:
    """A pooled estimate, and the test whether the strata differ in it (Q with strata − 1 df)."""

    estimate: Estimate
    heterogeneity: Estimate


def cmh(strata: Strata, *, correction: bool = True) -> Estimate:
    """Do the two groups differ, comparing like with like within each site (Cochran-Mantel-Haenszel
    test)?

    χ² = (|Σ(x − E)| − c)²/ΣV with the hypergeometric mean and variance of each table; c = ½
    (`correction`), unless the sum is smaller than that.

    >>> round(cmh([(6, 15, 2, 14), (9, 22, 5, 20)], correction=False).p, 4)
    0.0733
    """
    x1, n1, x2, n2 = _columns(strata)
    how = "Cochran-Mantel-Haenszel test" + (" with continuity correction" if correction else "")
    gap, variance = _observed_less_expected(x1, n1, x2, n2)
    if not variance.sum() > 0:
        return Estimate("CMH", NAN, how=how, reason="no_events", measure=Measure.OVERALL_TEST)
    # statsmodels takes ½ off a smaller sum too, so that equal shares would not have p = 1
    test = _table(x1, n1, x2, n2).test_null_odds(correction and abs(gap.sum()) >= 0.5)
    return Estimate(
        "CMH",
        test.statistic,
        p=test.pvalue,
        statistic=test.statistic,
        df=1,
        how=how,
        measure=Measure.OVERALL_TEST,
    )


def mantel_haenszel(strata: Strata, *, measure: str = "RD", level: float = 0.95) -> Stratified:
    """What is the common risk difference ("RD"), risk ratio ("RR") or odds ratio ("OR") over the
    sites?

    Mantel-Haenszel weights; variances of Sato-Greenland-Robins (RD), Greenland-Robins (log RR) and
    Robins-Breslow- Greenland (log OR). Ratios come on their own scale, their `se` on the log scale.
    Heterogeneity is Q = Σ w(y − pooled)² of the single tables (½ added where a cell is 0).

    >>> e = mantel_haenszel([(6, 15, 2, 14), (9, 22, 5, 20)], measure="OR").estimate
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (2.627, 0.91, 7.589)
    """
    if measure not in _POOLED:
        raise AnalysisError(unknown("measure", measure, _POOLED))
    x1, n1, x2, n2 = _columns(strata)
    name, how, pooled = _POOLED[measure]
    value, variance = pooled(x1, n1, x2, n2)
    if measure == "RD" and abs(value) == 1:  # all of one group, nobody of the other
        most = Estimate(
            name,
            value,
            level=level,
            unit=DIFFERENCE,
            how=how,
            reason="at_limit",
            measure=KINDS["RD"],
        )
        return Stratified(most, _undefined_q())
    if math.isnan(value) or not variance > 0:
        return Stratified(
            Estimate(name, NAN, level=level, how=how, reason="no_events", measure=KINDS[measure]),
            _undefined_q(),
        )
    ratio = measure != "RD"
    estimate = wald(
        name,
        value,
        math.sqrt(variance),
        level=level,
        back=math.exp if ratio else float,
        unit="" if ratio else DIFFERENCE,
        how=f"{how}; SE of the log" if ratio else how,
        measure=KINDS[measure],
    )
    return Stratified(estimate, _q(strata, measure, value))


def peto(strata: Strata, *, level: float = 0.95) -> Stratified:
    """What is the common odds ratio when events are rare (Peto's one-step method)?

    log OR = Σ(O − E)/ΣV with SE 1/√ΣV. Good for rare events and groups of similar size; biased
    otherwise.

    >>> round(peto([(6, 15, 2, 14), (9, 22, 5, 20)]).estimate.value, 3)
    2.481
    """
    x1, n1, x2, n2 = _columns(strata)
    gap, variance = _observed_less_expected(x1, n1, x2, n2)
    name, how = "odds ratio (Peto)", "Peto one-step odds ratio; SE of the log"
    if not variance.sum() > 0:
        return Stratified(
            Estimate(
                name, NAN, level=level, how=how, reason="no_events", measure=Measure.ODDS_RATIO
            ),
            _undefined_q(),
        )
    v = variance > 0
    q = float((gap[v] ** 2 / variance[v]).sum() - gap.sum() ** 2 / variance.sum())
    estimate = wald(
        name,
        gap.sum() / variance.sum(),
        1 / math.sqrt(variance.sum()),
        level=level,
        back=math.exp,
        how=how,
        measure=Measure.ODDS_RATIO,
    )
    return Stratified(estimate, _heterogeneity(q, int(v.sum()) - 1))


def _columns(strata: Strata) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    t = np.atleast_2d(np.asarray(strata, dtype=float))
    if t.shape[1] != 4 or (t < 0).any() or (t[:, 0] > t[:, 1]).any() or (t[:, 2] > t[:, 3]).any():
        raise ValueError(
            "each stratum is (count, total, count, total), each count between 0 and its total"
        )
    t = t[(t[:, 1] > 0) & (t[:, 3] > 0)]
    return t[:, 0], t[:, 1], t[:, 2], t[:, 3]


def _observed_less_expected(
    x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    n, x = n1 + n2, x1 + x2
    return x1 - n1 * x / n, n1 * n2 * x * (n - x) / (n**2 * np.maximum(n - 1, 1))


def _pooled_difference(
    x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray
) -> tuple[float, float]:
    n = n1 + n2
    weight = (n1 * n2 / n).sum()
    if not weight > 0:
        return NAN, NAN
    value = (x1 * n2 / n - x2 * n1 / n).sum() / weight
    p = (x2 * (n1 / n) ** 2 - x1 * (n2 / n) ** 2 + (n1 / n) * (n2 / n) * (n2 - n1) / 2).sum()
    q = (x1 * (n2 - x2) / n + x2 * (n1 - x1) / n).sum() / 2
    return float(value), float((value * p + q) / weight**2)


def _pooled_log_risk_ratio(
    x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray
) -> tuple[float, float]:
    n = n1 + n2
    r, s = (x1 * n2 / n).sum(), (x2 * n1 / n).sum()
    if not r * s > 0:
        return NAN, NAN
    d = (n1 * n2 * (x1 + x2) / n**2 - x1 * x2 / n).sum()
    return math.log(r / s), float(d / (r * s))


def _pooled_log_odds_ratio(
    x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray
) -> tuple[float, float]:
    n = n1 + n2
    if not (x1 * (n2 - x2) / n).sum() * (x2 * (n1 - x1) / n).sum() > 0:
        return NAN, NAN
    table = _table(x1, n1, x2, n2)
    return float(table.logodds_pooled), float(table.logodds_pooled_se) ** 2


def _table(x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray) -> Any:
    from statsmodels.stats.contingency_tables import StratifiedTable

    return StratifiedTable(np.array([[x1, n1 - x1], [x2, n2 - x2]], float))


_POOLED = {
    "RD": (
        "risk difference (Mantel-Haenszel)",
        "Mantel-Haenszel, Sato-Greenland-Robins variance",
        _pooled_difference,
    ),
    "RR": (
        "risk ratio (Mantel-Haenszel)",
        "Mantel-Haenszel, Greenland-Robins variance",
        _pooled_log_risk_ratio,
    ),
    "OR": (
        "odds ratio (Mantel-Haenszel)",
        "Mantel-Haenszel, Robins-Breslow-Greenland variance",
        _pooled_log_odds_ratio,
    ),
}


def _q(strata: Strata, measure: str, pooled: float) -> Estimate:
    tables = np.column_stack(_columns(strata))
    none = (tables[:, 0] + tables[:, 2] == 0) | (
        tables[:, 0] + tables[:, 2] == tables[:, 1] + tables[:, 3]
    )
    singles = [pooling_effect((a, b), (c, d), measure=measure) for a, b, c, d in tables[~none]]
    q = sum(((e.value - pooled) / e.se) ** 2 for e in singles)
    return _heterogeneity(q, len(singles) - 1)


def _heterogeneity(q: float, df: int) -> Estimate:
    if df < 1:
        return _undefined_q()
    how = "Q test that the strata share one effect"
    return Estimate(
        "heterogeneity Q",
        q,
        p=float(special.chdtrc(df, max(0.0, q))),
        statistic=q,
        df=df,
        how=how,
        measure=Measure.OVERALL_TEST,
    )


def _undefined_q() -> Estimate:
    return Estimate(
        "heterogeneity Q",
        NAN,
        how="Q test that the strata share one effect",
        reason="too_few",
        measure=Measure.OVERALL_TEST,
    )
