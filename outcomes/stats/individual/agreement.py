"""How far apart are two measurements of the same patient, and how large is measurement error?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.individual.meaningful_change import limits_of_agreement
from outcomes.stats.paired.location import changes, mean_change, pairs, variance_ratio
from outcomes.stats.wald import critical, wald

#: The share of patients that the limits of agreement are to hold.
COVERAGE = 0.95


def agreement(
    first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> tuple[Estimate, Estimate, Estimate, Estimate, Estimate]:
    """Bias (second − first), the lower and upper 95% limit of agreement, the slope of the
    difference on the mean, and the ratio of the two variances.

    Bias with its t interval; limits d̄ ± 1.96·s_d, each with the t interval of variance
    s_d²·(1/n + z²/(2(n − 1))). The slope shows a difference that grows with the score, the ratio
    (Pitman-Morgan) one measurement that spreads more than the other. Reasons: `too_few`,
    `zero_variance`. Source: Bland & Altman (1999), Stat Methods Med Res 8:135-160.

    >>> bias, lower, upper, _, _ = agreement([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(bias.value, 2), round(lower.value, 2), round(upper.value, 2)
    (-2.2, -4.76, 0.36)
    >>> round(upper.low, 2), round(upper.high, 2)
    (-2.63, 3.34)
    """
    a, b = pairs(first, second)
    d, n = changes(a, b), len(a)
    bias = replace(mean_change(a, b, level=level), name="bias", measure=Measure.DIAGNOSTIC)
    whole, slope = limits_of_agreement(a, b, level=COVERAGE)
    if n >= 3 and not slope.reason:
        slope = wald(slope.name, slope.value, slope.se, df=slope.df, level=level, how="t interval")
    names = ("lower limit of agreement", "upper limit of agreement")
    how = "bias ± 1.96 SD of the differences"
    limits = []
    for name, value in zip(names, (whole.low, whole.high), strict=True):
        if n < 2 or np.ptp(d) == 0:
            reason = "too_few" if n < 2 else "zero_variance"
            e = Estimate(name, value, level=level, how=how, reason=reason)
        else:
            spread = 1 / n + critical(COVERAGE) ** 2 / (2 * (n - 1))
            se = float(d.std(ddof=1)) * math.sqrt(spread)
            e = wald(name, value, se, df=n - 1, level=level, tested=False, how=how)
        limits.append(replace(e, measure=Measure.THRESHOLD))
    ratio = replace(variance_ratio(a, b, level=level), measure=Measure.DIAGNOSTIC)
    return bias, limits[0], limits[1], replace(slope, measure=Measure.DIAGNOSTIC), ratio


def within_patient_error(
    first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> tuple[Estimate, Estimate, Estimate]:
    """SEM, MDC90 and MDC95 from two measurements of patients who did not change.

    SEM = s_d/√2, the standard deviation of repeated measurements of one patient; a shift between
    the two occasions does not enter it. MDC95 = 1.96·√2·SEM, MDC90 = 1.645·√2·SEM. Interval from χ²
    with n − 1 df, changes taken to be normal. Reasons: `too_few` (n < 2), `zero_variance`. Source:
    Bland & Altman (1996), BMJ 313:744; Weir (2005), J Strength Cond Res 19:231-240.

    >>> sem, mdc90, mdc95 = within_patient_error([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(sem.value, 3), round(mdc95.value, 3)
    (0.922, 2.555)
    """
    a, b = pairs(first, second)
    d, n = changes(a, b), len(a)
    factors = (1.0, *(critical(p) * math.sqrt(2) for p in (0.90, 0.95)))
    sem = float(d.std(ddof=1)) / math.sqrt(2) if n > 1 and np.ptp(d) > 0 else 0.0
    low = high = NAN
    if sem:
        tail = (1 - level) / 2
        low, high = (
            sem * math.sqrt((n - 1) / float(special.chdtri(n - 1, p))) for p in (tail, 1 - tail)
        )
    reason = "" if sem else "too_few" if n < 2 else "zero_variance"
    sizes = (
        Estimate(
            name,
            NAN if n < 2 else f * sem,
            f * low,
            f * high,
            level,
            how="SD of the differences/√2, χ² interval",
            reason=reason,
            measure=Measure.THRESHOLD,
        )
        for name, f in zip(("SEM", "MDC90", "MDC95"), factors, strict=True)
    )
    sem_row, mdc90, mdc95 = sizes
    return sem_row, mdc90, mdc95


def omega(items: ArrayLike) -> Estimate:
    """McDonald's ω of n patients × k items: the share of the variance of their sum that one common
    factor accounts for.

    ω = (Σλ)²/((Σλ)² + Σψ), loadings λ and unique variances ψ of a one-factor model by maximum
    likelihood. Unlike α it does not take all items to load alike; at least three
    items are needed. No interval. Reasons: `too_few` (k < 3 or n ≤ k), `zero_variance`,
    `not_estimable` (items determine each other), `not_converged`. Source: McDonald (1999), Test
    Theory, ch. 6.

    >>> x = [[3, 2, 3], [1, 1, 2], [4, 4, 4], [2, 3, 1], [5, 4, 4], [2, 1, 1], [3, 4, 3]]
    >>> round(omega(x).value, 2)
    0.91
    """
    x = np.asarray(items, dtype=float)
    n, k = x.shape
    how, kind = "one-factor model, maximum likelihood", Measure.CORRELATION
    if k < 3 or n <= k:
        return Estimate("omega", NAN, how=how, reason="too_few", measure=kind)
    spread = x.std(axis=0, ddof=1)
    if (spread == 0).any():
        return Estimate("omega", NAN, how=how, reason="zero_variance", measure=kind)
    correlation = np.corrcoef(x, rowvar=False)
    if np.linalg.cond(correlation) > 1e10:
        return Estimate("omega", NAN, how=how, reason="not_estimable", measure=kind)
    loading, unique, converged = _one_factor(correlation)
    if not converged:
        return Estimate("omega", NAN, how=how, reason="not_converged", measure=kind)
    common = float(loading @ spread) ** 2
    return Estimate("omega", common / (common + float(unique @ spread**2)), how=how, measure=kind)


def _one_factor(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Loadings and unique variances of one common factor, maximum likelihood (Lawley & Maxwell's
    concentrated form); a unique variance stays above 0.005, as in R's `factanal`.
    """

    def parts(unique: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scaled = correlation / np.sqrt(np.outer(unique, unique))
        return np.linalg.eigh(scaled)

    def lost(unique: np.ndarray) -> float:
        rest = parts(unique)[0][:-1]
        return float((rest - np.log(rest) - 1).sum())

    def slope(unique: np.ndarray) -> np.ndarray:
        values, vectors = parts(unique)
        load = np.sqrt(max(values[-1] - 1, 0)) * vectors[:, -1] * np.sqrt(unique)
        return (load**2 + unique - 1) / unique**2

    start = np.clip(0.5 / np.diag(np.linalg.inv(correlation)), 0.005, 1)
    bounds = [(0.005, 1.0)] * len(start)
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    from scipy import optimize  # costs a quarter of a second, and is seldom needed

    found = optimize.minimize(
        lost, start, jac=slope, method="L-BFGS-B", bounds=bounds, options=options
    )
    values, vectors = parts(found.x)
    load = np.sqrt(max(values[-1] - 1, 0)) * vectors[:, -1] * np.sqrt(found.x)
    inside = (found.x > 0.0051) & (found.x < 0.9999)
    return load, found.x, bool(np.abs(slope(found.x)[inside]).max(initial=0.0) < 1e-4)
