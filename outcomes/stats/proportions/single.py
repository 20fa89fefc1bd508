"""One proportion and its interval: Wilson first; Clopper-Pearson, mid-p, Jeffreys, Agresti-Coull on
request.

Every function takes the count and the total of patients (or infusions) and gives an `Estimate`
whose value is count / total, a share between 0 and 1. An empty total has no share: nan, with the
reason "too_few".

References: Wilson, J Am Stat Assoc 1927;22:209-212. Clopper and Pearson, Biometrika
1934;26:404-413. Newcombe, Stat Med 1998;17:857-872. Agresti and Coull, Am Stat 1998;52:119-126.
Brown, Cai and DasGupta, Stat Sci 2001;16:101-133. Hanley and Lippman-Hand, JAMA 1983;249:1743-1745.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.roots import root
from outcomes.stats.wald import critical


def checked(count: float, total: float) -> tuple[int, int]:
    """Count and total as whole numbers, 0 <= count <= total; anything else raises ValueError.

    >>> checked(3.0, 10)
    (3, 10)
    """
    if count != int(count) or total != int(total) or not 0 <= count <= total:
        raise ValueError(
            f"a count lies between 0 and its total, both whole numbers; got {count} of {total}"
        )
    return int(count), int(total)


def wilson_limits(
    count: float, total: float, z: float, *, correction: bool = False
) -> tuple[float, float]:
    """Wilson's score limits as two plain numbers, for a total above 0 and a normal quantile z."""
    share = count / total
    shift = min(0.5, abs(count - total / 2)) / total if correction else 0.0

    def limit(p: float, sign: int) -> float:
        half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
        return (p + z * z / (2 * total) + sign * half) / (1 + z * z / total)

    low = 0.0 if share - shift <= 0 else limit(share - shift, -1)
    high = 1.0 if share + shift >= 1 else limit(share + shift, 1)
    return low, high


def wilson(
    count: float,
    total: float,
    *,
    level: float = 0.95,
    name: str = "share",
    correction: bool = False,
) -> Estimate:
    """What share of patients, with Wilson's score interval?

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). It never leaves 0 to 1 and has width even at
    0 of n and n of n. With `correction` the share is first moved by min(1/2, |count − n/2|)/n, as
    R's `prop.test` does.

    Raises ValueError for a count outside 0 to total.

    >>> e = wilson(14, 35)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.4, 0.256, 0.564)
    >>> wilson(0, 0).reason
    'too_few'
    """
    count, total = checked(count, total)
    z = critical(level)
    limits = wilson_limits(count, total, z, correction=correction) if total else (NAN, NAN)
    how = "Wilson score interval" + (" with continuity correction" if correction else "")
    return _estimate(name, count, total, limits, level, how)


def clopper_pearson(
    count: float, total: float, *, level: float = 0.95, name: str = "share"
) -> Estimate:
    """What share of patients, with the exact (Clopper-Pearson) interval, which covers at least
    `level`?

    Beta quantiles: low = B(α/2; x, n−x+1), high = B(1−α/2; x+1, n−x).

    >>> e = clopper_pearson(0, 48)
    >>> round(e.low, 3), round(e.high, 3)
    (0.0, 0.074)
    """
    count, total = checked(count, total)
    alpha = 1 - level
    low = 0.0 if count == 0 else float(special.betaincinv(count, total - count + 1, alpha / 2))
    high = (
        1.0 if count == total else float(special.betainccinv(count + 1, total - count, alpha / 2))
    )
    return _estimate(name, count, total, (low, high), level, "Clopper-Pearson exact interval")


def mid_p(count: float, total: float, *, level: float = 0.95, name: str = "share") -> Estimate:
    """What share of patients, with the exact mid-p interval (Clopper-Pearson without its excess
    width)?

    The limits p solve P(X > x | p) + ½ P(X = x | p) = α/2 and its mirror image.

    >>> e = mid_p(7, 20)
    >>> round(e.low, 3), round(e.high, 3)
    (0.168, 0.573)
    """
    count, total = checked(count, total)
    low, high = _mid_p_low(count, total, 1 - level), 1 - _mid_p_low(total - count, total, 1 - level)
    return _estimate(name, count, total, (low, high), level, "exact mid-p interval")


def jeffreys(count: float, total: float, *, level: float = 0.95, name: str = "share") -> Estimate:
    """What share of patients, with the Jeffreys interval (beta(½, ½) prior; 0 at 0 of n, 1 at n of
    n)?

    >>> e = jeffreys(7, 20)
    >>> round(e.low, 3), round(e.high, 3)
    (0.172, 0.568)
    """
    count, total = checked(count, total)
    alpha = 1 - level
    a, b = count + 0.5, total - count + 0.5
    low = 0.0 if count == 0 else float(special.betaincinv(a, b, alpha / 2))
    high = 1.0 if count == total else float(special.betainccinv(a, b, alpha / 2))
    return _estimate(name, count, total, (low, high), level, "Jeffreys interval")


def agresti_coull(
    count: float, total: float, *, level: float = 0.95, name: str = "share"
) -> Estimate:
    """What share of patients, with the Agresti-Coull interval (may leave 0 to 1 at the edges; it is
    not cut)?

    The Wald interval about p̃ = (x + z²/2)/(n + z²) with n + z² patients.

    >>> e = agresti_coull(7, 20)
    >>> round(e.low, 3), round(e.high, 3)
    (0.18, 0.568)
    """
    count, total = checked(count, total)
    z = critical(level)
    centre = (count + z * z / 2) / (total + z * z)
    half = z * math.sqrt(centre * (1 - centre) / (total + z * z))
    return _estimate(
        name, count, total, (centre - half, centre + half), level, "Agresti-Coull interval"
    )


def rule_of_three(total: float, *, level: float = 0.95, name: str = "share") -> Estimate:
    """Nobody had it: how common may it be all the same (one-sided upper limit)?

    The exact limit 1 − α^(1/n), which the rule of three, 3/n, approximates at 95 %. Here the whole
    α lies above, so the limit is lower than that of a two-sided interval.

    >>> e = rule_of_three(48)
    >>> round(e.high, 4), round(3 / 48, 4)
    (0.0605, 0.0625)
    """
    _, total = checked(0, total)
    high = -math.expm1(math.log1p(-level) / total) if total else NAN
    return _estimate(
        name,
        0,
        total,
        (0.0, high),
        level,
        "exact one-sided upper limit at 0 events (rule of three: 3/n)",
    )


def _mid_p_low(count: int, total: int, alpha: float) -> float:
    if count == 0:
        return 0.0

    def excess(p: float) -> float:
        beyond = float(special.betainc(count + 1, total - count, p)) if count < total else 0.0
        return (float(special.betainc(count, total - count + 1, p)) + beyond) / 2 - alpha / 2

    return root(excess, 0.0, 1.0, xtol=1e-300, rtol=4 * np.finfo(float).eps)


def _estimate(
    name: str, count: int, total: int, limits: tuple[float, float], level: float, how: str
) -> Estimate:
    if total == 0:
        return Estimate(
            name, NAN, level=level, unit="share", how=how, reason="too_few", measure=Measure.SHARE
        )
    share = count / total
    se = math.sqrt(share * (1 - share) / total)
    return Estimate(
        name, share, *limits, level, se=se, unit="share", how=how, measure=Measure.SHARE
    )
