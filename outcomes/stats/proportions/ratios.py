"""Two independent proportions as ratios: risk ratio, odds ratio, Fisher's and the unconditional
exact tests.

Each side is a pair `(count, total)`, first against second. With an empty side nothing is defined:
nan, "too_few".

References: Miettinen and Nurminen, Stat Med 1985;4:213-226. Katz et al, Biometrics 1978;34:469-474.
Woolf, Ann Hum Genet 1955;19:251-253. Cornfield, 3rd Berkeley Symp 1956;4:135-148 (conditional odds
ratio). Boschloo, Stat Neerl 1970;24:1-35. Barnard, Biometrika 1947;34:123-138.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.proportions.single import checked
from outcomes.stats.proportions.two_groups import Share, score_ratio
from outcomes.stats.roots import root
from outcomes.stats.wald import critical, wald

#: Two tables count as equally probable within this relative difference (as in R's `fisher.test`).
SAME = 1e-7


def risk_ratio(
    first: Share,
    second: Share,
    *,
    method: str = "miettinen-nurminen",
    level: float = 0.95,
    name: str = "risk ratio",
) -> Estimate:
    """How many times as likely is the event in the first group?

    `method` is "miettinen-nurminen" (score, variance × N/(N−1); defined when one count is 0) or
    "katz" (normal on the log scale, SE² = 1/x₁ − 1/n₁ + 1/x₂ − 1/n₂; undefined with a zero).
    Without events in the second group the ratio is infinite and in both undefined: the reason is
    "no_events", and an upper limit of infinity says that there is none.

    >>> e = risk_ratio((12, 30), (5, 30), method="katz")
    >>> round(e.value, 2), round(e.low, 2), round(e.high, 2)
    (2.4, 0.96, 5.98)
    """
    (x1, n1), (x2, n2) = checked(*first), checked(*second)
    hows = {
        "miettinen-nurminen": "Miettinen-Nurminen score interval",
        "katz": "normal interval of the log risk ratio (Katz)",
    }
    if method not in hows:
        raise AnalysisError(unknown("interval", method, hows))
    how = hows[method]
    if not n1 or not n2:
        return Estimate(
            name, NAN, level=level, how=how, reason="too_few", measure=Measure.RISK_RATIO
        )
    value = (x1 / n1) / (x2 / n2) if x2 else math.inf if x1 else NAN
    reason = "" if x2 else "no_events"
    if method == "miettinen-nurminen":
        low, high = _score_ratio_limits(x1, n1, x2, n2, critical(level))
        return Estimate(
            name, value, low, high, level, how=how, reason=reason, measure=Measure.RISK_RATIO
        )
    if not x1 or not x2:
        return Estimate(
            name, value, level=level, how=how, reason="no_events", measure=Measure.RISK_RATIO
        )
    se = math.sqrt(1 / x1 - 1 / n1 + 1 / x2 - 1 / n2)
    return _on_log_scale(name, value, se, level, how, Measure.RISK_RATIO)


def _score_ratio_limits(x1: int, n1: int, x2: int, n2: int, z: float) -> tuple[float, float]:
    if x1 + x2 == 0:
        return 0.0, math.inf
    n, p1, p2 = n1 + n2, x1 / n1, x2 / n2

    def score(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        b = n1 * ratio + x1 + n2 + x2 * ratio
        r2 = 2 * (x1 + x2) / (b + math.sqrt(max(0.0, b * b - 4 * n * ratio * (x1 + x2))))
        r1 = min(1.0, r2 * ratio)
        variance = (r1 * (1 - r1) / n1 + ratio * ratio * r2 * (1 - r2) / n2) * n / (n - 1)
        return score_ratio(p1 - ratio * p2, variance)

    start = math.log(p1 / p2) if x1 and x2 else 0.0
    low = 0.0 if x1 == 0 else math.exp(falling_root(lambda t: score(t) - z, start))
    high = math.inf if x2 == 0 else math.exp(falling_root(lambda t: score(t) + z, start))
    return low, high


def _on_log_scale(
    name: str, value: float, se: float, level: float, how: str, measure: Measure
) -> Estimate:
    return wald(
        name,
        math.log(value),
        se,
        level=level,
        tested=False,
        back=math.exp,
        how=f"{how}; the standard error is that of the log",
        measure=measure,
    )


def falling_root(f: Callable[[float], float], start: float) -> float:
    """The root of a falling function of a logarithm, searched outwards from `start`."""
    a = b = start
    step = 1.0
    while f(a) < 0 and step < 300:
        a, step = a - step, 2 * step
    step = 1.0
    while f(b) > 0 and step < 300:
        b, step = b + step, 2 * step
    return root(f, a, b, xtol=1e-14, rtol=1e-14)


def odds_ratio(
    first: Share, second: Share, *, level: float = 0.95, name: str = "odds ratio"
) -> Estimate:
    """How do the odds compare (sample odds ratio ad/bc with Woolf's interval on the log scale)?

    SE² = 1/a + 1/b + 1/c + 1/d. With a zero cell there is no interval: use `fisher`, whose interval
    is exact.

    >>> e = odds_ratio((12, 30), (5, 30))
    >>> round(e.value, 2), round(e.low, 2), round(e.high, 2)
    (3.33, 1.0, 11.14)
    """
    (x1, n1), (x2, n2) = checked(*first), checked(*second)
    how = "normal interval of the log odds ratio (Woolf)"
    if not n1 or not n2:
        return Estimate(
            name, NAN, level=level, how=how, reason="too_few", measure=Measure.ODDS_RATIO
        )
    up, down = x1 * (n2 - x2), x2 * (n1 - x1)
    if not up or not down:
        value = up / down if down else math.inf if up else NAN
        return Estimate(
            name, value, level=level, how=how, reason="no_events", measure=Measure.ODDS_RATIO
        )
    se = math.sqrt(1 / x1 + 1 / (n1 - x1) + 1 / x2 + 1 / (n2 - x2))
    value = up / down
    return _on_log_scale(name, value, se, level, how, Measure.ODDS_RATIO)


def fisher(
    first: Share, second: Share, *, level: float = 0.95, name: str = "odds ratio"
) -> Estimate:
    """Do the shares differ, given how many events there were in all (Fisher's exact test)?

    Conditional on both margins the count is noncentral hypergeometric. The value is the conditional
    maximum-likelihood odds ratio (not ad/bc), the limits are exact with α/2 in each tail, p sums
    the tables no more probable than the one seen. At the edge of the support the estimate is 0 or
    infinite; with no or only events it is undefined ("no_events") and the interval is 0 to
    infinity.

    >>> e = fisher((8, 12), (3, 12))
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3), round(e.p, 4)
    (5.512, 0.782, 51.84, 0.0995)
    """
    (x1, n1), (x2, n2) = checked(*first), checked(*second)
    how = (
        "Fisher's exact test, two-sided by probability; conditional maximum-likelihood odds ratio,"
        " exact limits"
    )
    critical(level)  # refuses a level that is none
    if not n1 or not n2:
        return Estimate(
            name, NAN, level=level, how=how, reason="too_few", measure=Measure.ODDS_RATIO
        )
    support = np.arange(max(0, x1 + x2 - n2), min(n1, x1 + x2) + 1)
    rest = x1 + x2 - support
    weight = -special.betaln(support + 1, n1 - support + 1) - special.betaln(
        rest + 1, n2 - rest + 1
    )
    at, edge = x1 - support[0], len(support) - 1
    if edge == 0:
        return Estimate(
            name,
            NAN,
            0.0,
            math.inf,
            level,
            1.0,
            how=how,
            reason="no_events",
            measure=Measure.ODDS_RATIO,
        )

    def chances(log_odds: float) -> np.ndarray:
        return special.softmax(weight + support * log_odds)

    start = math.log((x1 + 0.5) * (n2 - x2 + 0.5) / ((x2 + 0.5) * (n1 - x1 + 0.5)))

    def solved(f: Callable[[float], float]) -> float:
        return math.exp(falling_root(f, start))

    tail = (1 - level) / 2
    value = (
        0.0
        if at == 0
        else math.inf
        if at == edge
        else solved(lambda t: x1 - float(support @ chances(t)))
    )
    low = 0.0 if at == 0 else solved(lambda t: tail - float(chances(t)[at:].sum()))
    high = math.inf if at == edge else solved(lambda t: float(chances(t)[: at + 1].sum()) - tail)
    null = chances(0.0)
    p = min(1.0, float(null[null <= null[at] * (1 + SAME)].sum()))
    return Estimate(
        name,
        value,
        low,
        high,
        level,
        p,
        how=how,
        reason="no_events" if at in (0, edge) else "",
        measure=Measure.ODDS_RATIO,
    )


def unconditional_exact(first: Share, second: Share, *, test: str = "boschloo") -> Estimate:
    """Do the shares differ (Boschloo's or Barnard's exact test, more powerful than Fisher's in
    small groups)?

    Computed by scipy: the largest p over all common shares. Undefined where nobody or everybody had
    the event.

    >>> round(unconditional_exact((8, 12), (3, 12)).p, 3)
    0.064
    """
    from scipy.stats import barnard_exact, boschloo_exact

    (x1, n1), (x2, n2) = checked(*first), checked(*second)
    tests: dict[str, Callable[..., Any]] = {"boschloo": boschloo_exact, "barnard": barnard_exact}
    if test not in tests:
        raise AnalysisError(unknown("test", test, tests))
    name, how = (
        f"{test.capitalize()} test",
        f"{test.capitalize()}'s unconditional exact test, two-sided",
    )
    if not n1 or not n2:
        return Estimate(name, NAN, how=how, reason="too_few", measure=Measure.OVERALL_TEST)
    if x1 + x2 in (0, n1 + n2):
        return Estimate(name, NAN, p=1.0, how=how, reason="no_events", measure=Measure.OVERALL_TEST)
    answer = tests[test]([[x1, x2], [n1 - x1, n2 - x2]])
    return Estimate(
        name,
        answer.statistic,
        p=min(1.0, answer.pvalue),
        statistic=answer.statistic,
        how=how,
        measure=Measure.OVERALL_TEST,
    )


def pooling_effect(first: Share, second: Share, *, measure: str) -> Estimate:
    """One study's effect for pooling: log risk ratio ("RR"), log odds ratio ("OR") or difference
    ("RD"), with its SE.

    ½ is added to all four cells where one of them is 0, and only there (also for "RD").

    >>> e = pooling_effect((0, 20), (7, 20), measure="RR")
    >>> round(e.value, 4), round(e.se, 4)
    (-2.7081, 1.4276)
    """
    (x1, n1), (x2, n2) = checked(*first), checked(*second)
    if measure not in ("RR", "OR", "RD"):
        raise AnalysisError(unknown("measure", measure, ["RR", "OR", "RD"]))
    if not n1 or not n2:
        return Estimate(measure, NAN, reason="too_few")
    cells = np.array([x1, n1 - x1, x2, n2 - x2], dtype=float)
    a, b, c, d = cells + 0.5 * bool((cells == 0).any())
    if measure == "RD":
        value, variance = a / (a + b) - c / (c + d), a * b / (a + b) ** 3 + c * d / (c + d) ** 3
    elif measure == "RR":
        value, variance = (
            math.log(a / (a + b)) - math.log(c / (c + d)),
            1 / a - 1 / (a + b) + 1 / c - 1 / (c + d),
        )
    else:
        value, variance = math.log(a * d) - math.log(b * c), 1 / a + 1 / b + 1 / c + 1 / d
    added = " after adding 1/2 to each cell" if (cells == 0).any() else ""
    return Estimate(measure, value, se=math.sqrt(variance), how=f"inverse-variance effect{added}")
