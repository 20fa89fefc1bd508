"""Size of a paired change in units of standard deviation, each by its name.

A standardised change is d = (mean after − mean before) / S; it keeps the sign of the change, and
its name says which S:

====  ===================================================  ======================================
name  S                                                    interval
====  ===================================================  ======================================
d_av  √((s₁² + s₂²) / 2), the average variance (default)   Bonett (2008), normal
d_z   s_d, the SD of the changes (= SRM = t/√n)            noncentral t, exact for normal changes
d_b   s₁, the SD before (Becker; SMCR)                     Bonett (2008), unequal variances
d_rm  s_d / √(2(1 − r))                                    Cooper et al. (2009), eq. 12.21
g_…   the same times J(n − 1), Hedges' correction          limits of d_… times J(n − 1)
====  ===================================================  ======================================

All of them take the scores as normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.paired.location import (
    centred,
    changes,
    check_option,
    pairs,
    weighing,
    weighted_mean,
    weighted_sd,
)
from outcomes.stats.wald import wald


class Standardised(Enum):
    """The standardised changes in the order of `paired_effects`; the value is the usual name."""

    D_AV = "d_av"
    G_AV = "g_av"
    D_Z = "d_z"
    G_Z = "g_z"
    D_B = "d_b"
    G_B = "g_b"
    D_RM = "d_rm"
    G_RM = "g_rm"


#: Hedges' form of each.
HEDGES = {
    Standardised.D_AV: Standardised.G_AV,
    Standardised.D_Z: Standardised.G_Z,
    Standardised.D_B: Standardised.G_B,
    Standardised.D_RM: Standardised.G_RM,
}


def hedges_j(df: float) -> float:
    """Hedges' small-sample correction, exact: J(m) = Γ(m/2) / (√(m/2) Γ((m−1)/2)); 0 at m = 1, nan
    below.

    Source: Hedges (1981), J Educ Stat 6:107-128, eq. 6e.

    >>> round(hedges_j(10), 6)
    0.922746
    """
    if not df > 1:
        return 0.0 if df == 1 else NAN
    if df > 1000:  # the series of the ratio of gammas, where their logarithms would cancel
        x = (df - 1) / 2
        return math.sqrt(2 * x / df) * (1 - 1 / (8 * x) + 1 / (128 * x**2) + 5 / (1024 * x**3))
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


@lru_cache(maxsize=1)
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    x, w = special.roots_legendre(80)
    return (x + 1) / 2, w / 2


def _nct_cdf(
    t: float, df: float, delta: float, ends: tuple[float, float, float]
) -> tuple[float, float]:
    """P(T ≤ t) of a noncentral t and its derivative by delta, for t ≥ 0.

    T ≤ t means Z ≤ tS − δ with S = √(χ²/df): the integral of Φ(ts − δ) over the density of S, taken
    where both vary (80 Gauss-Legendre points), plus the share of S beyond it, where Φ is 1. No tail
    of it is undefined.
    """
    bottom, top, log_scale = ends
    start = min(max(bottom, (delta - 9) / t), top) if t > 0 else bottom
    stop = max(min(top, (delta + 9) / t), start) if t > 0 else top
    beyond = float(special.gammaincc(df / 2, df * stop * stop / 2)) if stop < top else 0.0
    x, w = _nodes()
    s = start + (stop - start) * x
    density = np.exp(log_scale + (df - 1) * np.log(s) - (df / 2) * s * s) * w * (stop - start)
    z = t * s - delta
    slope = np.dot(density, np.exp(-z * z / 2)) / math.sqrt(2 * math.pi)
    return beyond + float(np.dot(density, special.ndtr(z))), -float(slope)


def nct_interval(t: float, df: float, level: float = 0.95) -> tuple[float, float]:
    """Limits for the noncentrality δ of a t statistic: F(t; df, δ) = (1 ± level)/2 solved for δ.

    Divide by √n for d_z, multiply by √(1/n₁ + 1/n₂) for d_s. Own quadrature and Newton steps on the
    probit scale, because library routines return nan in the far tails. nan for df < 1 or an
    undefined t.

    Source: Cumming & Finch (2001), Educ Psychol Meas 61:532-574, doi:10.1177/0013164401614002.

    >>> [round(limit, 4) for limit in nct_interval(-3.0, 9)]
    [-5.3337, -0.5568]
    """
    if not (df >= 1 and math.isfinite(t) and 0 < level < 1):
        return NAN, NAN
    if t < 0:
        low, high = nct_interval(-t, df, level)
        return -high, -low
    ends = (
        math.sqrt(special.gammaincinv(df / 2, 1e-17) * 2 / df),
        math.sqrt(special.gammainccinv(df / 2, 1e-17) * 2 / df),
        math.log(2) + df / 2 * math.log(df / 2) - math.lgamma(df / 2),
    )
    return _nct_root(t, df, (1 + level) / 2, ends), _nct_root(t, df, (1 - level) / 2, ends)


def _nct_root(t: float, df: float, target: float, ends: tuple[float, float, float]) -> float:
    z = float(special.ndtri(target))
    delta = t - z * math.sqrt(1 + t * t / (2 * df))
    for _ in range(60):
        share, slope = _nct_cdf(t, df, delta, ends)
        probit = float(special.ndtri(min(max(share, 1e-300), 1 - 1e-16)))
        density = math.exp(-probit * probit / 2) / math.sqrt(2 * math.pi)
        widest = 2 + abs(delta)
        step = (probit - z) * density / slope if slope < 0 else math.copysign(widest, z - probit)
        delta -= max(-widest, min(widest, step))
        if abs(step) <= 1e-7 * (1 + abs(delta)):  # the next step would be about its square
            return delta
    return NAN


@dataclass(frozen=True, slots=True)
class Moments:
    """What every standardised change is made of: n patients, the means and SDs of their scores and
    changes, and the covariance of before and after. They follow from sums, so that parts add up.
    """

    n: int
    mean_before: float
    mean_after: float
    mean: float
    sd_change: float
    sd_before: float
    sd_after: float
    covariance: float

    @property
    def r(self) -> float:
        """Correlation of before and after; nan where one visit has no spread."""
        product = self.sd_before * self.sd_after
        return max(-1.0, min(1.0, self.covariance / product)) if product > 0 else NAN

    @property
    def reason(self) -> str:
        """Why there is no standardised change; "" where there is."""
        return "too_few" if self.n < 2 else "zero_variance" if self.sd_change == 0 else ""


def moments(before: ArrayLike, after: ArrayLike, weights: ArrayLike | None = None) -> Moments:
    """The moments of complete pairs; `weights`: how many patients have each (default: one).

    >>> moments([7, 8, 6], [5, 6, 4]).mean
    -2.0
    """
    first, last = pairs(before, after)
    w = weighing(weights, len(first))
    n, d = int(w.sum()), changes(first, last)
    mean_before, mean_after, mean = (weighted_mean(x, w) for x in (first, last, d))
    if n < 2:
        return Moments(n, mean_before, mean_after, mean, NAN, NAN, NAN, NAN)
    a, b = centred(first, w), centred(last, w)
    of_change, of_before, of_after = (weighted_sd(x, w) for x in (d, first, last))
    mean = float(d[0]) if of_change == 0 else mean
    together = float((a * b * w).sum()) / (n - 1)
    return Moments(n, mean_before, mean_after, mean, of_change, of_before, of_after, together)


def moments_of_sums(n: int, first: float, last: float, products: np.ndarray) -> Moments:
    """The moments of n patients from the sums of their scores before and after, and of the squares
    and products of these (2, 2).

    An SD below a billionth of the scores is 0: sums of equal scores leave that much rounding.

    >>> import numpy as np
    >>> scores = np.array([[7.0, 5], [8, 7], [6, 3]])
    >>> round(moments_of_sums(3, 21, 15, scores.T @ scores).sd_change, 6) == round(
    ...     moments(*scores.T).sd_change, 6
    ... )
    True
    """
    if n < 2:
        one, two = (first / n, last / n) if n else (NAN, NAN)
        return Moments(n, one, two, two - one, NAN, NAN, NAN, NAN)
    totals = np.array([first, last])
    spread = (products - np.outer(totals, totals) / n) / (n - 1)
    change = spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]
    least = 1e-18 * max(float(np.abs(products).max()) / n, 1e-300)
    of_change, of_before, of_after = (
        math.sqrt(v) if v > least else 0.0 for v in (change, spread[0, 0], spread[1, 1])
    )
    mean, together = (last - first) / n, float(spread[0, 1])
    return Moments(n, first / n, last / n, mean, of_change, of_before, of_after, together)


def hedges(estimate: Estimate, n: int) -> Estimate:
    """The Hedges form of a paired standardised change of n patients: value and limits times J(n −
    1).

    >>> g = hedges(paired_effects([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])[0], 5)
    >>> g.name, round(g.value, 3)
    ('g_av', -1.327)
    """
    form = next(g for d, g in HEDGES.items() if estimate.part is d)
    how = f"{f'{estimate.how}, ' if estimate.how else ''}times J(n − 1)"
    if estimate.reason or n < 3:
        return _undefined(form, estimate.level, estimate.reason or "too_few", how)
    e, j = estimate, hedges_j(n - 1)
    return replace(
        e,
        name=form.value,
        part=form,
        value=e.value * j,
        low=e.low * j,
        high=e.high * j,
        se=e.se * j,
        how=how,
    )


def paired_effects(
    before: ArrayLike,
    after: ArrayLike,
    *,
    level: float = 0.95,
    weights: ArrayLike | None = None,
    interval: Literal["bonett", "algina-keselman"] = "bonett",
    variances: Literal["unequal", "equal"] = "unequal",
) -> tuple[Estimate, ...]:
    """All standardised paired changes with their intervals: d_av, g_av, d_z, g_z, d_b, g_b, d_rm,
    g_rm, in this order.

    * d_av = d̄/√((s₁²+s₂²)/2), the one to report; `interval` is Bonett's (2008) or the one of Algina
      and Keselman (2003), which takes the SDs as known.
    * d_z = d̄/s_d (standardised response mean, t/√n) with the noncentral t interval (Cumming & Finch
      2001, Educ Psychol Meas 61:532). It grows with the correlation of before and after: for power,
      not for comparing studies.
    * d_b = d̄/s₁ (Becker; Glass; SMCR), for pooling studies. `variances="unequal"` is Bonett's
      variance s_d²/(s₁²(n−1)) + d²/(2(n−1)); "equal" Becker's 2(1−r)/n + d²/(2n), which assumes
      that the SD did not change (Becker 1988, Br J Math Stat Psychol 41:257).
    * d_rm = d_z √(2(1 − r)): the change in units of an SD that both visits would share (Morris &
      DeShon 2002, Psychol Methods 7:105; interval Cooper et al. 2009, eq. 12.21).

    With equal SDs d_av = d_b = d_rm.

    `before`, `after`: scores of the same patients, complete pairs; `weights`: how many patients
    have each (default: one). Reasons: `too_few` (n < 2; n < 3 for Hedges' forms),
    `zero_variance` (all changes equal; for d_b, all scores before),
    `not_estimable` (d_rm where r is undefined or 1, as always with two patients). Raises
    AnalysisError for unequal lengths or missing scores.

    >>> for e in paired_effects([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])[:3]:
    ...     print(e.name, round(e.value, 2), round(e.low, 2), round(e.high, 2))
    d_av -1.66 -3.01 -0.32
    g_av -1.33 -2.4 -0.25
    d_z -1.69 -3.08 -0.23
    """
    m = moments(before, after, weights)
    return effects_of(m, level=level, interval=interval, variances=variances)


def effects_of(
    m: Moments,
    *,
    level: float = 0.95,
    interval: Literal["bonett", "algina-keselman"] = "bonett",
    variances: Literal["unequal", "equal"] = "unequal",
) -> tuple[Estimate, ...]:
    """`paired_effects` from the moments of the scores."""
    check_option("interval", interval, ("bonett", "algina-keselman"))
    check_option("variances", variances, ("unequal", "equal"))
    if m.reason:
        ds = [_undefined(kind, level, m.reason) for kind in HEDGES]
        return tuple(e for d in ds for e in (d, hedges(d, 0)))
    ds = [
        _d_av(m, level, interval),
        _d_z(m, level),
        _d_b(m, level, variances),
        _d_rm(m, level),
    ]
    return tuple(e for d in ds for e in (d, hedges(d, m.n)))


def _undefined(form: Standardised, level: float, reason: str, how: str = "") -> Estimate:
    return Estimate(
        form.value,
        NAN,
        level=level,
        reason=reason,
        how=how,
        measure=Measure.STANDARDISED_CHANGE,
        part=form,
    )


def _normal(form: Standardised, value: float, se: float, level: float, how: str) -> Estimate:
    return wald(
        form.value,
        value,
        se,
        level=level,
        tested=False,
        how=how,
        measure=Measure.STANDARDISED_CHANGE,
        part=form,
    )


def _d_av(m: Moments, level: float, interval: str) -> Estimate:
    s2 = (m.sd_before**2 + m.sd_after**2) / 2
    d, df = m.mean / math.sqrt(s2), m.n - 1
    if interval == "algina-keselman":
        se = m.sd_change / math.sqrt(m.n * s2)
        return _normal(Standardised.D_AV, d, se, level, "average SD; Algina-Keselman interval")
    fourth = m.sd_before**4 + m.sd_after**4 + 2 * m.covariance**2
    se = math.sqrt(d * d * fourth / (8 * s2 * s2 * df) + m.sd_change**2 / (df * s2))
    return _normal(Standardised.D_AV, d, se, level, "average SD; Bonett interval")


def _d_z(m: Moments, level: float) -> Estimate:
    d, root = m.mean / m.sd_change, math.sqrt(m.n)
    low, high = nct_interval(d * root, m.n - 1, level)
    return Estimate(
        "d_z",
        d,
        low / root,
        high / root,
        level,
        how="SD of the changes; noncentral t interval",
        measure=Measure.STANDARDISED_CHANGE,
        part=Standardised.D_Z,
    )


def _d_b(m: Moments, level: float, variances: str) -> Estimate:
    if m.sd_before == 0:
        return _undefined(Standardised.D_B, level, "zero_variance", "SD before")
    d, df, s2 = m.mean / m.sd_before, m.n - 1, m.sd_before**2
    if variances == "equal":
        se = math.sqrt(max(2 * (1 - m.r), 0.0) / m.n + d * d / (2 * m.n))
        return _normal(Standardised.D_B, d, se, level, "SD before; equal variances")
    se = math.sqrt(m.sd_change**2 / (df * s2) + d * d / (2 * df))
    return _normal(Standardised.D_B, d, se, level, "SD before; Bonett interval")


def _d_rm(m: Moments, level: float) -> Estimate:
    how = "SD of the changes over √(2(1 − r)); normal interval"
    if not abs(m.r) < 1 - 1e-12:
        return _undefined(Standardised.D_RM, level, "not_estimable", how)
    apart = 2 * (1 - m.r)
    d = m.mean / m.sd_change * math.sqrt(apart)
    return _normal(
        Standardised.D_RM, d, math.sqrt((1 / m.n + d * d / (2 * m.n)) * apart), level, how
    )
