"""Ranks of two or more independent groups: exact Mann–Whitney with ties, shift, Cliff's delta,
Kruskal–Wallis, Dunn.

Scores are rounded to 9 decimals before ranking, so that 0.1 steps tie as they should.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.core.wording import percent
from outcomes.stats.groups.means import scores
from outcomes.stats.midranks import midranks
from outcomes.stats.multiplicity import adjust
from outcomes.stats.paired.signed_rank import scaled_to_integers
from outcomes.stats.wald import critical, p_of

Array = np.ndarray

#: Up to this many patients in both groups together the exact distribution is used; above, the
#: normal one.
EXACT_LIMIT = 200


def _ranked(values: ArrayLike) -> Array:
    return np.round(scores(values), 9)


@lru_cache(maxsize=32)
def _rank_sum_counts(doubled: tuple[int, ...], chosen: int) -> tuple[Array, int, int]:
    """How many choices of `chosen` patients have each rank sum: counts, the smallest doubled sum,
    the step.

    Counts are floats: exact below 2^53 and to a few ulp above. The ranks are shifted and divided by
    their common divisor first; the table keeps the sums reachable so far, for the numbers of
    patients that can still end at `chosen`.
    """
    first = doubled[0]
    step = math.gcd(*(r - first for r in doubled)) or 1
    items = [(r - first) // step for r in doubled]
    table = np.zeros((chosen + 1, sum(items[len(items) - chosen :]) + 1))
    table[0, 0] = 1.0
    for i, r in enumerate(items):
        top = sum(items[max(0, i + 1 - chosen) : i + 1]) + 1
        fewest, most = max(1, chosen - (len(items) - i - 1)), min(i + 1, chosen)
        table[fewest : most + 1, r:top] += table[fewest - 1 : most, : top - r]
    return table[chosen], first * chosen, step


def _exact_p(ranks: Array, n1: int) -> tuple[float, float, float]:
    """P(W ≤ w), P(W ≥ w) and the two-sided p of the first group's rank sum, given the tied
    mid-ranks.

    Two-sided: sums at least as far from their mean as the one observed.
    """
    doubled = np.rint(2 * ranks).astype(int)
    n2 = doubled.size - n1
    small = doubled[:n1] if n1 <= n2 else doubled[n1:]
    counts, start, step = _rank_sum_counts(tuple(sorted(doubled.tolist())), small.size)
    sums = start + step * np.arange(counts.size)
    observed, total = int(small.sum()), counts.sum()
    low, high = counts[sums <= observed].sum() / total, counts[sums >= observed].sum() / total
    # distance from the mean in integers: N·sum against chosen·(sum of all)
    away = np.abs(doubled.size * sums - small.size * int(doubled.sum()))
    both = counts[away >= away[(observed - start) // step]].sum() / total
    return (low, high, both) if n1 <= n2 else (high, low, both)


def mann_whitney(
    first: ArrayLike,
    second: ArrayLike,
    *,
    method: str = "exact",
    alternative: str = "two-sided",
    continuity: bool = True,
) -> Estimate:
    """Do the scores of one group tend to be higher? Mann–Whitney U of the first group (ties count
    ½).

    `method="exact"`: the permutation distribution of the tied mid-ranks by dynamic programming, up
    to `EXACT_LIMIT` patients in all, beyond that the normal one. `method="normal"`: tie-corrected
    variance n₁n₂/12·[(N+1) − Σ(t³−t)/(N(N−1))], with continuity unless switched off. `statistic` is
    U, or z where normal. `alternative="less"`: the first group tends to be lower.

    Raises AnalysisError for an unknown option. Source: Mann & Whitney 1947, Ann Math Stat 18:50;
    ties: Streitberg & Röhmel 1986, Stat Software Newsletter 12:10.

    >>> e = mann_whitney([1, 2, 2, 3], [2, 4, 5, 5])
    >>> e.value, round(e.p, 6)
    (2.0, 0.114286)
    """
    if method not in ("exact", "normal"):
        raise AnalysisError(unknown("method", method, ["exact", "normal"]))
    if alternative not in ("two-sided", "less", "greater"):
        raise AnalysisError(unknown("alternative", alternative, ["two-sided", "less", "greater"]))
    a, b = _ranked(first), _ranked(second)
    n1, n2 = a.size, b.size
    if not (n1 and n2):
        return Estimate(
            "U", NAN, reason="too_few", how="Mann-Whitney", measure=Measure.OVERALL_TEST
        )
    ranks = midranks(np.concatenate([a, b]))
    u = float(ranks[:n1].sum()) - n1 * (n1 + 1) / 2
    if np.ptp(ranks) == 0:
        return Estimate(
            "U",
            u,
            p=1.0,
            statistic=u,
            how="Mann-Whitney, all scores tied",
            reason="all_zero",
            measure=Measure.OVERALL_TEST,
        )
    if method == "exact" and n1 + n2 <= EXACT_LIMIT:
        low, high, both = _exact_p(ranks, n1)
        p = {"two-sided": both, "less": low, "greater": high}[alternative]
        return Estimate(
            "U",
            u,
            p=min(1.0, p),
            statistic=u,
            how="Mann-Whitney, exact, mid-ranks",
            measure=Measure.OVERALL_TEST,
        )
    z = _normal_z(ranks, n1, u, alternative, continuity)
    p = {
        "two-sided": 2 * special.ndtr(-abs(z)),
        "less": special.ndtr(z),
        "greater": special.ndtr(-z),
    }[alternative]
    correction = "with" if continuity else "without"
    how = f"Mann-Whitney, normal approximation {correction} continuity correction, mid-ranks"
    return Estimate(
        "U", u, p=min(1.0, float(p)), statistic=z, how=how, measure=Measure.OVERALL_TEST
    )


def _normal_z(ranks: Array, n1: int, u: float, alternative: str, continuity: bool) -> float:
    n, n2 = ranks.size, ranks.size - n1
    ties = np.unique(ranks, return_counts=True)[1].astype(float)
    spread = math.sqrt(n1 * n2 / 12 * (n + 1 - (ties**3 - ties).sum() / (n * (n - 1))))
    away = u - n1 * n2 / 2
    half = (
        {"two-sided": np.sign(away) * 0.5, "less": -0.5, "greater": 0.5}[alternative]
        if continuity
        else 0.0
    )
    return float((away - half) / spread)


@dataclass(frozen=True, slots=True)
class Shift:
    """The Hodges–Lehmann shift with its interval, and the level the interval really has."""

    estimate: Estimate
    achieved: float


def hodges_lehmann(
    first: ArrayLike, second: ArrayLike, *, level: float = 0.95, unit: str = ""
) -> Shift:
    """By how much are the first group's scores shifted? Median of all differences first − second.

    Interval from order statistics of the n₁n₂ differences at the exact (untied) Mann–Whitney
    critical value q, the largest with P(U < q) ≤ α/2, at least 1; the level achieved is 1 − 2P(U ≤
    q−1). Where so few patients cannot reach `level`, `level` of the estimate is the one achieved;
    where none is achieved, or neither group has any spread, there is no interval.
    Beyond `EXACT_LIMIT` patients q is ⌊n₁n₂/2 − z·√(n₁n₂(N+1)/12)⌋. Source: Lehmann 1963, Ann Math
    Stat 34:1507; Hollander & Wolfe 1999, section 4.3.

    >>> s = hodges_lehmann([1, 2, 2, 3], [2, 4, 5, 5])
    >>> s.estimate.value, s.estimate.low, s.estimate.high, round(s.achieved, 4)
    (-2.0, -4.0, 1.0, 0.9714)
    """
    a, b = _ranked(first), _ranked(second)
    n1, n2 = a.size, b.size
    if not (n1 and n2):
        return Shift(
            Estimate(
                "shift (Hodges-Lehmann)",
                NAN,
                level=level,
                unit=unit,
                reason="too_few",
                measure=Measure.DIFFERENCE,
            ),
            NAN,
        )
    q, achieved, how = _critical(min(n1, n2), max(n1, n2), level)
    whole, scale = scaled_to_integers(np.concatenate([a, b]))
    first_sorted, second_sorted, total = np.sort(whole[:n1]), np.sort(whole[n1:]), n1 * n2
    low, high, *middle = (
        _gap(first_sorted, second_sorted, k) / scale
        for k in (q, total + 1 - q, (total + 1) // 2, total // 2 + 1)
    )
    reason = "too_few" if achieved <= 0 else ""
    if not reason and np.ptp(a) == np.ptp(b) == 0:
        reason = "zero_variance"
    if reason:
        low = high = NAN
    return Shift(
        Estimate(
            "shift (Hodges-Lehmann)",
            sum(middle) / 2,
            low,
            high,
            level if achieved >= level - 1e-9 or reason else achieved,
            unit=unit,
            how="" if reason else how,
            reason=reason,
            measure=Measure.DIFFERENCE,
        ),
        achieved,
    )


def _gap(a: Array, b: Array, k: int) -> int:
    """The k-th smallest difference aᵢ − bⱼ of sorted integers, by halving the range of possible
    differences.
    """
    low, high = int(a[0] - b[-1]), int(a[-1] - b[0])
    while low < high:
        middle = (low + high) // 2
        if int(np.searchsorted(a, middle + b, side="right").sum()) >= k:
            high = middle
        else:
            low = middle + 1
    return low


@lru_cache(maxsize=256)
def _critical(n1: int, n2: int, level: float) -> tuple[int, float, str]:
    tail = (1 - level) / 2
    if n1 + n2 > EXACT_LIMIT:
        q = math.floor(
            n1 * n2 / 2 - special.ndtri(1 - tail) * math.sqrt(n1 * n2 * (n1 + n2 + 1) / 12)
        )
        return max(1, q), level, "order statistics, normal critical value"
    counts, _, _ = _rank_sum_counts(tuple(2 * r for r in range(1, n1 + n2 + 1)), n1)
    below = np.cumsum(counts[n1 * (n1 - 1) // 2 :]) / counts.sum()
    q = max(1, int(np.searchsorted(below, tail * (1 - 1e-12))))
    achieved = 1 - 2 * float(below[q - 1])
    return (
        q,
        achieved,
        f"order statistics, exact critical value, achieved level {percent(achieved, 1)}",
    )


def cliffs_delta(
    first: ArrayLike, second: ArrayLike, *, level: float = 0.95, method: str = "feng-cliff"
) -> Estimate:
    """How often is a score of the first group higher rather than lower? δ = P(first > second) −
    P(first < second).

    `method="feng-cliff"`: asymmetric interval from the consistent variance, floored at
    (1−δ²)/(n₁n₂−1); `"fisher-z"`: tanh(atanh δ ± z√((n₁+n₂+1)/(3n₁n₂))). At δ = ±1 no interval
    exists (`separation`).

    Source: Cliff 1996, Multivariate Behav Res 31:331; Feng & Cliff 2004, J Mod Appl Stat Methods
    3:322.

    >>> e = cliffs_delta([1, 2, 2, 3], [2, 4, 5, 5])
    >>> round(e.value, 4), round(e.low, 4), round(e.high, 4)
    (-0.75, -0.9593, -0.0092)
    """
    if method not in ("feng-cliff", "fisher-z"):
        raise AnalysisError(unknown("method", method, ["feng-cliff", "fisher-z"]))
    a, b = _ranked(first), _ranked(second)
    n1, n2 = a.size, b.size
    how = {"feng-cliff": "Feng-Cliff asymmetric interval", "fisher-z": "Fisher z interval"}[method]
    if not (n1 and n2):
        return Estimate(
            "Cliff's delta",
            NAN,
            level=level,
            how=how,
            reason="too_few",
            measure=Measure.RANK_EFFECT,
        )
    over_a, over_b = _dominance(a, b), _dominance(b, a)
    wins = int(over_a.sum())
    d = wins / (n1 * n2)
    if abs(wins) == n1 * n2:
        return Estimate(
            "Cliff's delta",
            d,
            level=level,
            how=how,
            reason="separation",
            measure=Measure.RANK_EFFECT,
        )
    z = critical(level)
    if method == "fisher-z":
        half = z * math.sqrt((n1 + n2 + 1) / (3 * n1 * n2))
        return Estimate(
            "Cliff's delta",
            d,
            math.tanh(math.atanh(d) - half),
            math.tanh(math.atanh(d) + half),
            level,
            how=how,
            measure=Measure.RANK_EFFECT,
        )
    if min(n1, n2) < 2:
        return Estimate(
            "Cliff's delta", d, level=level, how=how, reason="too_few", measure=Measure.RANK_EFFECT
        )
    untied = float(
        np.searchsorted(np.sort(b), a, "left").sum()
        + (n2 - np.searchsorted(np.sort(b), a, "right")).sum()
    )
    between = n2**2 * ((over_a / n2 - d) ** 2).sum() + n1**2 * ((over_b / n1 + d) ** 2).sum()
    v = float((between - (untied - n1 * n2 * d**2)) / (n1 * n2 * (n1 - 1) * (n2 - 1)))
    v = max(v, (1 - d**2) / (n1 * n2 - 1))
    root = z * math.sqrt(v) * math.sqrt((1 - d**2) ** 2 + z**2 * v)
    below = 1 - d**2 + z**2 * v
    return Estimate(
        "Cliff's delta",
        d,
        (d - d**3 - root) / below,
        (d - d**3 + root) / below,
        level,
        se=math.sqrt(v),
        how=how,
        measure=Measure.RANK_EFFECT,
    )


def _dominance(a: Array, b: Array) -> Array:
    """For each score of `a`: how many of `b` are lower, less how many are higher."""
    ordered = np.sort(b)
    return np.searchsorted(ordered, a, "left") - (b.size - np.searchsorted(ordered, a, "right"))


def probability_of_superiority(delta: Estimate) -> Estimate:
    """P(first > second) + ½P(equal), over all pairs of patients, with its interval: (δ + 1)/2 of a
    Cliff's delta δ.

    Source: Vargha & Delaney 2000, J Educ Behav Stat 25:101.

    >>> round(probability_of_superiority(cliffs_delta([1, 2, 2, 3], [2, 4, 5, 5])).value, 3)
    0.125
    """
    low, value, high = ((x + 1) / 2 for x in (delta.low, delta.value, delta.high))
    return replace(
        delta,
        name="probability of a higher score",
        value=value,
        low=low,
        high=high,
        se=delta.se / 2,
        measure=Measure.SUPERIORITY,
    )


# --- more than two groups -------------------------------------------------------------------------


def kruskal_wallis(groups: Mapping[str, ArrayLike]) -> Estimate:
    """Do several groups differ in rank? H corrected for ties, χ² with k−1 df.

    Source: Kruskal & Wallis 1952, J Am Stat Assoc 47:583.

    >>> round(kruskal_wallis({"IV": [1, 2, 3], "PO": [3, 4, 5], "IN": [2, 4, 6]}).p, 4)
    0.1851
    """
    sizes, sums, spread, n = _rank_sums(groups)
    df = len(sizes) - 1
    how = "Kruskal-Wallis, corrected for ties"
    if df < 1 or min(sizes) < 1 or n < 3:
        return Estimate("H", NAN, df=df, how=how, reason="too_few", measure=Measure.OVERALL_TEST)
    if spread == 0:
        return Estimate(
            "H",
            0.0,
            p=1.0,
            statistic=0.0,
            df=df,
            how=how,
            reason="all_zero",
            measure=Measure.OVERALL_TEST,
        )
    h = float((sizes * (sums / sizes - (n + 1) / 2) ** 2).sum()) / spread
    return Estimate(
        "H", h, p=special.chdtrc(df, h), statistic=h, df=df, how=how, measure=Measure.OVERALL_TEST
    )


def epsilon_squared(h: Estimate, n: int) -> Estimate:
    """Share of the variance of the ranks that lies between the groups: ε² = H/(n−1) of a
    Kruskal-Wallis test of n patients.

    Source: Tomczak & Tomczak 2014, Trends Sport Sci 1:19.

    >>> groups = {"IV": [1, 2, 3], "PO": [3, 4, 5], "IN": [2, 4, 6]}
    >>> round(epsilon_squared(kruskal_wallis(groups), 9).value, 3)
    0.422
    """
    value = h.value / (n - 1) if n > 1 else NAN
    return Estimate(
        "epsilon squared", value, how="H/(n − 1)", reason=h.reason, measure=Measure.RANK_EFFECT
    )


def dunn(groups: Mapping[str, ArrayLike], *, method: str = "holm") -> tuple[Estimate, ...]:
    """All pairs of groups on the common ranks, later − earlier: difference in mean rank, z,
    adjusted p.

    Source: Dunn 1964, Technometrics 6:241, doi:10.1080/00401706.1964.10490181.
    """
    sizes, sums, spread, n = _rank_sums(groups)
    names = [str(g) for g in groups]
    rows = []
    for i, a in enumerate(names):
        for j in range(i + 1, len(names)):
            how, pair = "Dunn, corrected for ties", Versus.of(names[j], a)
            if not (sizes[i] and sizes[j]) or not spread > 0 or n < 3:
                reason = "all_zero" if spread == 0 and n > 2 else "too_few"
                rows.append(
                    Estimate(
                        "mean rank difference",
                        NAN,
                        how=how,
                        group=pair,
                        reason=reason,
                        measure=Measure.RANK_EFFECT,
                    )
                )
                continue
            gap = float(sums[j] / sizes[j] - sums[i] / sizes[i])
            se = math.sqrt(spread * (1 / sizes[i] + 1 / sizes[j]))
            p = p_of(gap / se)
            rows.append(
                Estimate(
                    "mean rank difference",
                    gap,
                    p=p,
                    statistic=gap / se,
                    se=se,
                    how=how,
                    group=pair,
                    measure=Measure.RANK_EFFECT,
                )
            )
    return tuple(
        replace(e, p_adjusted=p)
        for e, p in zip(rows, adjust([e.p for e in rows], method), strict=True)
    )


def _rank_sums(groups: Mapping[str, ArrayLike]) -> tuple[Array, Array, float, int]:
    """Group sizes, rank sums, the tie-corrected variance of a rank, and the number of patients."""
    parts = [_ranked(x) for x in groups.values()]
    sizes = np.array([p.size for p in parts])
    n = int(sizes.sum())
    ranks = midranks(np.concatenate(parts)) if n else np.empty(0)
    sums = np.array([part.sum() for part in np.split(ranks, np.cumsum(sizes)[:-1])])
    ties = np.unique(ranks, return_counts=True)[1].astype(float)
    spread = n * (n + 1) / 12 - float((ties**3 - ties).sum()) / (12 * (n - 1)) if n > 1 else NAN
    return sizes, sums, 0.0 if n > 1 and np.ptp(ranks) == 0 else spread, n
