"""Two independent proportions: their difference with its interval, and the number needed to treat.

Each side is a pair `(count, total)`: `risk_difference((12, 30), (5, 30))` compares 12 of 30 with 5
of 30, first − second. A difference is a share (−1 to 1). With an empty side nothing is defined:
nan, with the reason "too_few".

References: Miettinen and Nurminen, Stat Med 1985;4:213-226. Newcombe, Stat Med 1998;17:873-890.
Agresti and Caffo, Am Stat 2000;54:280-288. Altman, BMJ 1998;317:1309-1312.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from outcomes.core.direction import DIFFERENCE
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.core.wording import number
from outcomes.stats.proportions.single import checked, wilson_limits
from outcomes.stats.roots import root
from outcomes.stats.wald import critical

#: A count and its total.
Share = tuple[float, float]


def risk_difference(
    first: Share,
    second: Share,
    *,
    method: str = "miettinen-nurminen",
    level: float = 0.95,
    name: str = "risk difference",
) -> Estimate:
    """How much larger is the share of the first group than that of the second?

    `method` is the interval: "miettinen-nurminen" (score, variance × N/(N−1); the default),
    "newcombe" (square-and-add of the two Wilson intervals), "agresti-caffo" (Wald after one success
    and one failure more in each group) or "wald" (for comparison only: it has no width at 0 of n).
    `se` is the unpooled standard error of the plain difference.

    Raises ValueError for impossible counts, AnalysisError for an unknown method.

    >>> e = risk_difference((8, 12), (3, 12))
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.417, 0.009, 0.706)
    """
    (x1, n1), (x2, n2) = checked(*first), checked(*second)
    if method not in _DIFFERENCE:
        raise AnalysisError(unknown("interval", method, _DIFFERENCE))
    limits, how = _DIFFERENCE[method]
    z = critical(level)
    if not n1 or not n2:
        return Estimate(
            name,
            NAN,
            level=level,
            unit=DIFFERENCE,
            how=how,
            reason="too_few",
            measure=Measure.SHARE_DIFFERENCE,
        )
    p1, p2 = x1 / n1, x2 / n2
    se = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    low, high = limits(x1, n1, x2, n2, z)
    return Estimate(
        name,
        p1 - p2,
        low,
        high,
        level,
        se=se,
        unit=DIFFERENCE,
        how=how,
        measure=Measure.SHARE_DIFFERENCE,
    )


def restricted_shares(x1: int, n1: int, x2: int, n2: int, difference: float) -> tuple[float, float]:
    """The most likely pair of shares whose difference is given: the root of Miettinen and
    Nurminen's cubic.

    >>> restricted_shares(8, 12, 3, 12, 0.0)
    (0.45833333333333337, 0.45833333333333337)
    """
    n, x = n1 + n2, x1 + x2
    a = (n1 + 2 * n2) * difference - n - x
    b = (n2 * difference - n - 2 * x2) * difference + x
    c = x2 * difference * (1 - difference)
    q = (a / (3 * n)) ** 3 - a * b / (6 * n * n) + c / (2 * n)
    p = math.copysign(math.sqrt(max(0.0, (a / (3 * n)) ** 2 - b / (3 * n))), q)
    angle = 0.0 if p == 0 else math.acos(max(-1.0, min(1.0, q / p**3)))
    p2 = 2 * p * math.cos((math.pi + angle) / 3) - a / (3 * n)
    p2 = min(1.0, 1.0 - difference, max(0.0, -difference, p2))
    return min(1.0, max(0.0, p2 + difference)), p2


def _miettinen_nurminen(x1: int, n1: int, x2: int, n2: int, z: float) -> tuple[float, float]:
    observed = x1 / n1 - x2 / n2

    def score(difference: float) -> float:
        p1, p2 = restricted_shares(x1, n1, x2, n2, difference)
        variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
        return score_ratio(observed - difference, variance)

    return score_limits(score, observed, z)


def score_ratio(distance: float, variance: float) -> float:
    """Distance over its standard error; without variance the sign of the distance times infinity,
    or 0.
    """
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def score_limits(score: Callable[[float], float], estimate: float, z: float) -> tuple[float, float]:
    """Where a score that falls from −1 to 1 crosses z and −z; the edge itself where it does not
    cross.
    """
    edge = 1e-12

    def crossing(target: float, a: float, b: float) -> float:
        cut = lambda d: max(-1e10, min(1e10, score(d))) - target  # noqa: E731
        return float(root(cut, a, b, xtol=1e-15, rtol=1e-14)) if cut(a) * cut(b) < 0 else b

    low = -1.0 if score(-1 + edge) < z else crossing(z, -1 + edge, min(1 - edge, estimate))
    high = 1.0 if score(1 - edge) > -z else crossing(-z, 1 - edge, max(-1 + edge, estimate))
    return low, high


def _newcombe(x1: int, n1: int, x2: int, n2: int, z: float) -> tuple[float, float]:
    p1, p2 = x1 / n1, x2 / n2
    (low1, high1), (low2, high2) = wilson_limits(x1, n1, z), wilson_limits(x2, n2, z)
    return p1 - p2 - math.hypot(p1 - low1, high2 - p2), p1 - p2 + math.hypot(high1 - p1, p2 - low2)


def _wald(x1: float, n1: float, x2: float, n2: float, z: float) -> tuple[float, float]:
    p1, p2 = x1 / n1, x2 / n2
    half = z * math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return p1 - p2 - half, p1 - p2 + half


def _agresti_caffo(x1: int, n1: int, x2: int, n2: int, z: float) -> tuple[float, float]:
    return _wald(x1 + 1, n1 + 2, x2 + 1, n2 + 2, z)


_DIFFERENCE: dict[str, tuple[Callable[..., tuple[float, float]], str]] = {
    "miettinen-nurminen": (_miettinen_nurminen, "Miettinen-Nurminen score interval"),
    "newcombe": (
        _newcombe,
        "Newcombe interval from two Wilson intervals, no continuity correction",
    ),
    "agresti-caffo": (_agresti_caffo, "Agresti-Caffo interval"),
    "wald": (_wald, "Wald interval"),
}


def number_needed(difference: Estimate, *, harmful: bool = False) -> Estimate:
    """How many patients must be treated for one more event (NNT = 1 / risk difference)?

    Positive means one more event in the first group: benefit (NNTB), or harm (NNTH) where the event
    is `harmful`. Where the interval of the difference spans zero the number runs through infinity:
    low and high are nan, and `how` says it whole, as Altman (1998) asks: "NNTB 2.2 to ∞ to NNTH
    12".

    >>> e = number_needed(risk_difference((12, 30), (5, 30)))
    >>> round(e.value, 2), round(e.low, 2), round(e.high, 2)
    (4.29, 2.25, 287.67)
    >>> number_needed(risk_difference((10, 40), (9, 40))).how
    '95% interval of the number needed, to benefit (NNTB) or to harm (NNTH): NNTB 4.7 to ∞ to NNTH
    6.1'
    """
    value = (
        NAN
        if math.isnan(difference.value)
        else 1 / difference.value
        if difference.value
        else math.inf
    )
    name = "number needed to harm" if harmful else "number needed to treat"
    if not (math.isfinite(difference.low) and math.isfinite(difference.high)):
        reason = difference.reason or "not_estimable"
        return Estimate(
            name,
            value,
            level=difference.level,
            unit="patients",
            reason=reason,
            measure=Measure.NUMBER_NEEDED,
        )
    if difference.low * difference.high > 0:
        how = f"1 / risk difference; limits inverted from the {difference.how}"
        low, high = 1 / difference.high, 1 / difference.low
        return Estimate(
            name,
            value,
            low,
            high,
            difference.level,
            unit="patients",
            how=how,
            measure=Measure.NUMBER_NEEDED,
        )
    above, below = ("NNTH", "NNTB") if harmful else ("NNTB", "NNTH")
    parts = [
        f"{above} {number(1 / difference.high)}" if difference.high > 0 else "",
        "∞",
        f"{below} {number(-1 / difference.low)}" if difference.low < 0 else "",
    ]
    limits = " to ".join(p for p in parts if p)
    how = (
        f"{100 * difference.level:g}% interval of the number needed, to benefit (NNTB) or to harm"
        f" (NNTH): {limits}"
    )
    return Estimate(
        name,
        value,
        level=difference.level,
        unit="patients",
        how=how,
        reason="may_be_zero",
        measure=Measure.NUMBER_NEEDED,
    )
