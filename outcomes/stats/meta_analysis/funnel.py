"""Whether small sites (or studies) tell another story than large ones. Meaningful from about 10
sites on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.wald import p_of

#: Below this number the tests of asymmetry have next to no power.
ENOUGH_SITES = 10


def egger(y: ArrayLike, v: ArrayLike) -> Estimate:
    """Egger's regression: y on its standard error, weighted by 1/v; t test of the slope with k−2
    df.

    Reference: Egger et al., BMJ 1997;315:629.

    >>> e = egger([1.0, 1.4, 2.1, 2.0], [0.01, 0.04, 0.09, 0.16])
    >>> round(e.statistic, 3), e.df
    (5.341, 2.0)
    """
    values, se = np.asarray(y, float), np.sqrt(np.asarray(v, float))
    df = len(values) - 2
    how = "weighted regression on the standard error, t with k−2 df"
    if df < 1 or np.ptp(se) == 0:
        return Estimate(
            "Egger",
            NAN,
            how=how,
            reason="too_few" if df < 1 else "not_estimable",
            measure=Measure.OVERALL_TEST,
        )
    x = np.column_stack([1 / se, np.ones_like(se)])
    beta = np.linalg.lstsq(x, values / se, rcond=None)[0]
    spread = float(np.sum((values / se - x @ beta) ** 2)) / df
    error = float(np.sqrt(spread * np.linalg.inv(x.T @ x)[1, 1]))
    if error == 0:
        return Estimate(
            "Egger", beta[1], how=how, se=0.0, reason="zero_variance", measure=Measure.OVERALL_TEST
        )
    t = float(beta[1]) / error
    return Estimate(
        "Egger",
        beta[1],
        p=p_of(t, df),
        statistic=t,
        df=df,
        se=error,
        how=how,
        measure=Measure.OVERALL_TEST,
    )


def begg(y: ArrayLike, v: ArrayLike) -> Estimate:
    """Begg's rank test: Kendall's τ of standardised deviations from the common effect with their
    variances.

    Reference: Begg & Mazumdar, Biometrics 1994;50:1088.
    """
    from scipy.stats import kendalltau

    values, variances = np.asarray(y, float), np.asarray(v, float)
    how = "Kendall's rank correlation of standardised effects and variances"
    if len(values) < 3:
        return Estimate("Begg", NAN, how=how, reason="too_few", measure=Measure.CORRELATION)
    w = 1 / variances
    centre = np.sum(w * values) / np.sum(w)
    tau = kendalltau((values - centre) / np.sqrt(variances - 1 / np.sum(w)), variances)
    return Estimate("Begg", tau.statistic, p=tau.pvalue, how=how, measure=Measure.CORRELATION)
