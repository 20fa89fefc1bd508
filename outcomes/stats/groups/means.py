"""Two or more independent groups: mean differences, analysis of variance, all pairs, standardised
differences.

Differences are first − second for two groups and later − earlier where all pairs are compared.
Scores are complete (the caller counts who is left out); groups are given in their declared order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.groups.studentized_range import tukey_critical, tukey_p
from outcomes.stats.paired.effect_sizes import hedges_j, nct_interval
from outcomes.stats.wald import p_of, wald

Array = np.ndarray


def scores(values: ArrayLike) -> Array:
    """One group's scores as a float array without missing values.

    Raises AnalysisError when a score is missing or infinite.
    """
    x = np.asarray(values, dtype=float).ravel()
    if not np.isfinite(x).all():
        raise AnalysisError(
            "A score is missing or infinite: leave these patients out and count them."
        )
    return x


def variance(x: Array) -> float:
    """Sample variance (n−1); exactly 0 when all scores are equal, nan below two scores."""
    if x.size < 2:
        return NAN
    return 0.0 if np.ptp(x) == 0 else float(x.var(ddof=1))


@dataclass(frozen=True, slots=True)
class FTest:
    """An F (or χ², df2 infinite) test: statistic, both degrees of freedom, p, and a reason when
    undefined.
    """

    statistic: float
    df1: float
    df2: float
    p: float
    reason: str = ""

    @classmethod
    def of(cls, statistic: float, df1: float, df2: float, reason: str = "") -> FTest:
        """The test with its p from the F distribution."""
        if reason or math.isnan(statistic):
            return cls(NAN, df1, df2, NAN, reason or "not_estimable")
        return cls(float(statistic), df1, df2, float(special.fdtrc(df1, df2, statistic)))

    def estimate(self, name: str, *, how: str = "", visit: str = "", group: str = "") -> Estimate:
        """The test as a row of a table: the statistic is the value, `df` the numerator's; `how` has
        both df.
        """
        df = (
            f" with {self.df1:.4g} and {self.df2:.4g} df"
            if self.df1 == self.df1 and self.df2 == self.df2
            else ""
        )
        both = f"F test{df}" + (f", {how}" if how else "")
        return Estimate(
            name,
            self.statistic,
            p=self.p,
            statistic=self.statistic,
            df=self.df1,
            measure=Measure.OVERALL_TEST,
            how=both,
            reason=self.reason,
            visit=visit,
            group=group,
            df2=self.df2,
        )


def mean_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    equal_variances: bool = False,
    level: float = 0.95,
    unit: str = "",
) -> Estimate:
    """How far apart are the means of two groups? First − second, t interval and test.

    Welch's t (unequal variances, Satterthwaite df) unless `equal_variances`, which pools them
    (Student, df n₁+n₂−2). Undefined with fewer than two scores in a group (Student: fewer than
    three in all) or when nothing varies.

    Source: Welch 1947, Biometrika 34:28, doi:10.1093/biomet/34.1-2.28.

    >>> e = mean_difference([3, 5, 4, 6], [6, 7, 9, 8])
    >>> e.value, round(e.df, 2), round(e.p, 4)
    (-3.0, 6.0, 0.0167)
    """
    a, b = scores(first), scores(second)
    n1, n2 = a.size, b.size
    value = float(round(a.mean() - b.mean(), 12)) if n1 and n2 else NAN
    how = f"{'Student' if equal_variances else 'Welch'} t"
    enough = (min(n1, n2) >= 1 and n1 + n2 >= 3) if equal_variances else min(n1, n2) >= 2
    if not enough:
        return Estimate(
            "mean difference",
            value,
            level=level,
            unit=unit,
            how=how,
            reason="too_few",
            measure=Measure.DIFFERENCE,
        )
    v1, v2 = (0.0 if n < 2 else variance(x) for n, x in ((n1, a), (n2, b)))
    if equal_variances:
        df = float(n1 + n2 - 2)
        se2 = ((n1 - 1) * v1 + (n2 - 1) * v2) / df * (1 / n1 + 1 / n2)
    else:
        se2 = v1 / n1 + v2 / n2
        df = se2**2 / ((v1 / n1) ** 2 / (n1 - 1) + (v2 / n2) ** 2 / (n2 - 1)) if se2 > 0 else NAN
    if se2 == 0:
        return Estimate(
            "mean difference",
            value,
            level=level,
            se=0.0,
            unit=unit,
            how=how,
            reason="zero_variance",
            measure=Measure.DIFFERENCE,
        )
    value, se = float(a.mean() - b.mean()), math.sqrt(se2)
    return wald(
        "mean difference",
        value,
        se,
        df=df,
        level=level,
        unit=unit,
        how=how,
        measure=Measure.DIFFERENCE,
    )


def standardised_difference(first: ArrayLike, second: ArrayLike) -> float:
    """Difference of two means in units of √((s₁²+s₂²)/2): how comparable are groups at baseline.

    nan below two scores a group or when nothing varies. Source: Austin 2009, Stat Med 28:3083,
    doi:10.1002/sim.3697.

    >>> round(standardised_difference([6, 7, 8], [5, 7, 6]), 4)
    1.0
    """
    a, b = scores(first), scores(second)
    spread = (variance(a) + variance(b)) / 2
    return float((a.mean() - b.mean()) / math.sqrt(spread)) if spread > 0 else NAN


def standardised_mean_differences(
    first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> dict[str, Estimate]:
    """The difference of two means in SD units, each with its standardiser in its name.

    `d_s` pooled SD with the noncentral t interval; `g_s` = J(n₁+n₂−2)·d_s (interval likewise);
    `glass` the SD of the second group; `d_av` √((s₁²+s₂²)/2). Undefined (nan, reason) where the
    standardiser is.

    Source: Hedges 1981, J Educ Stat 6:107, doi:10.3102/10769986006002107.

    >>> d = standardised_mean_differences([3, 5, 4, 6], [6, 7, 9, 8])
    >>> round(d["d_s"].value, 4), round(d["g_s"].value, 4)
    (-2.3238, -2.0185)
    """
    a, b = scores(first), scores(second)
    n1, n2, df = a.size, b.size, a.size + b.size - 2
    if min(n1, n2) < 2:
        return {
            k: Estimate(
                k, NAN, level=level, measure=Measure.STANDARDISED_DIFFERENCE, reason="too_few"
            )
            for k in ("d_s", "g_s", "glass", "d_av")
        }
    v1, v2, gap = variance(a), variance(b), float(a.mean() - b.mean())
    root = math.sqrt(1 / n1 + 1 / n2)

    def over(sd2: float) -> float:
        return gap / math.sqrt(sd2) if sd2 > 0 else NAN

    d = over(((n1 - 1) * v1 + (n2 - 1) * v2) / df)
    low, high = (limit * root for limit in nct_interval(d / root, df, level))
    j = hedges_j(df)
    found = {
        "d_s": (d, low, high, "pooled SD, noncentral t interval"),
        "g_s": (
            j * d,
            j * low,
            j * high,
            "pooled SD, Hedges' exact correction, noncentral t interval",
        ),
        "glass": (over(v2), NAN, NAN, "SD of the second group"),
        "d_av": (over((v1 + v2) / 2), NAN, NAN, "average SD"),
    }
    return {
        k: Estimate(
            k,
            v,
            lo,
            hi,
            level,
            measure=Measure.STANDARDISED_DIFFERENCE,
            unit="SD",
            how=how,
            reason="zero_variance" if math.isnan(v) else "",
        )
        for k, (v, lo, hi, how) in found.items()
    }


def d_ppc2(
    before: ArrayLike,
    after: ArrayLike,
    before_reference: ArrayLike,
    after_reference: ArrayLike,
    *,
    level: float = 0.95,
) -> Estimate:
    """Difference in mean change of two groups in units of the pooled SD before (Morris' d_ppc2),
    with a z interval.

    Formula: c·[(ȳ₂−ȳ₁)−(x̄₂−x̄₁)]/s_before, c = 1−3/(4(n₁+n₂−2)−1); variance eq. 25 with r pooled
    over groups. Source: Morris 2008, Organ Res Methods 11:364, doi:10.1177/1094428106291059, eqs 8
    and 25.

    >>> e = d_ppc2([7, 8, 6, 7], [4, 5, 5, 3], [7, 6, 8, 7], [6, 6, 7, 7])
    >>> round(e.value, 3)
    -2.396
    """
    a0, a1, b0, b1 = (scores(x) for x in (before, after, before_reference, after_reference))
    n1, n2 = a0.size, b0.size
    if (a1.size, b1.size) != (n1, n2):
        raise AnalysisError(
            "Before and after are two columns of the same patients: their lengths differ."
        )
    if min(n1, n2) < 2 or n1 + n2 <= 4:
        return Estimate(
            "d_ppc2", NAN, level=level, reason="too_few", measure=Measure.STANDARDISED_DIFFERENCE
        )
    df = n1 + n2 - 2
    spread = ((n1 - 1) * variance(a0) + (n2 - 1) * variance(b0)) / df
    if spread == 0:
        return Estimate(
            "d_ppc2",
            NAN,
            level=level,
            reason="zero_variance",
            measure=Measure.STANDARDISED_DIFFERENCE,
        )
    c, share = 1 - 3 / (4 * df - 1), (n1 + n2) / (n1 * n2)
    d = c * float((a1.mean() - a0.mean()) - (b1.mean() - b0.mean())) / math.sqrt(spread)
    constant = any(np.ptp(x) == 0 for x in (a0, a1, b0, b1))
    how = "pooled SD before, Morris 2008"
    if constant:
        return Estimate(
            "d_ppc2",
            d,
            level=level,
            unit="SD",
            how=how,
            reason="zero_variance",
            measure=Measure.STANDARDISED_DIFFERENCE,
        )
    r = ((n1 - 1) * np.corrcoef(a0, a1)[0, 1] + (n2 - 1) * np.corrcoef(b0, b1)[0, 1]) / df
    free = 2 * (1 - r) * share
    if free <= 1e-12:
        return Estimate(
            "d_ppc2",
            d,
            level=level,
            unit="SD",
            how=how,
            reason="zero_variance",
            measure=Measure.STANDARDISED_DIFFERENCE,
        )
    se = math.sqrt(max(0.0, c**2 * free * df / (df - 2) * (1 + d**2 / free) - d**2))
    return wald(
        "d_ppc2",
        d,
        se,
        level=level,
        tested=False,
        unit="SD",
        how=how,
        measure=Measure.STANDARDISED_DIFFERENCE,
    )


# --- more than two groups -------------------------------------------------------------------------


def _checked(groups: Mapping[str, ArrayLike]) -> dict[str, Array]:
    return {str(name): scores(x) for name, x in groups.items()}


@dataclass(frozen=True, slots=True)
class OneWay:
    """One-way analysis of variance: the F test and the shares of variance between groups."""

    test: FTest
    eta2: float
    omega2: float


def anova(groups: Mapping[str, ArrayLike]) -> OneWay:
    """Do the means of several groups differ, their variances taken as equal?

    F = MS between / MS within; η² = SS between/SS total; ω² = (SSb − df_b·MSw)/(SSt + MSw).

    >>> anova({"IV": [1, 2, 3], "PO": [3, 4, 5], "IN": [2, 4, 6]}).test.p.__round__(4)
    0.216
    """
    found = [x for x in _checked(groups).values() if x.size]
    k, n = len(found), sum(x.size for x in found)
    if k < 2 or n <= k:
        return OneWay(FTest(NAN, k - 1, n - k, NAN, "too_few"), NAN, NAN)
    grand = np.concatenate(found).mean()
    between = float(sum(x.size * (x.mean() - grand) ** 2 for x in found))
    within = float(sum((x.size - 1) * variance(x) for x in found if x.size > 1))
    if within == 0:
        return OneWay(FTest(NAN, k - 1, n - k, NAN, "zero_variance"), NAN, NAN)
    ms = within / (n - k)
    omega2 = (between - (k - 1) * ms) / (between + within + ms)
    return OneWay(
        FTest.of(between / (k - 1) / ms, k - 1, n - k), between / (between + within), omega2
    )


def welch_anova(groups: Mapping[str, ArrayLike]) -> FTest:
    """Do the means of several groups differ, whatever their variances?

    Undefined when a group has fewer than two scores or no spread. Source: Welch 1951, Biometrika
    38:330.
    """
    found = list(_checked(groups).values())
    k = len(found)
    if k < 2 or min(x.size for x in found) < 2:
        return FTest(NAN, k - 1, NAN, NAN, "too_few")
    v = np.array([variance(x) for x in found])
    if (v == 0).any():
        return FTest(NAN, k - 1, NAN, NAN, "zero_variance")
    n, m = np.array([x.size for x in found]), np.array([x.mean() for x in found])
    w = n / v
    lack = float((((1 - w / w.sum()) ** 2) / (n - 1)).sum()) / (k**2 - 1)
    f = float((w * (m - (w * m).sum() / w.sum()) ** 2).sum()) / (k - 1) / (1 + 2 * (k - 2) * lack)
    return FTest.of(f, k - 1, 1 / (3 * lack))


def brown_forsythe(groups: Mapping[str, ArrayLike]) -> FTest:
    """Do the groups spread differently? One-way F on the distances from each group's median
    (Levene's test).

    Source: Brown & Forsythe 1974, J Am Stat Assoc 69:364.
    """
    return anova(
        {name: np.abs(x - np.median(x)) for name, x in _checked(groups).items() if x.size}
    ).test


def _pairs(groups: Mapping[str, Array]) -> list[tuple[str, str]]:
    names = list(groups)
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]


def tukey_hsd(
    groups: Mapping[str, ArrayLike], *, level: float = 0.95, unit: str = ""
) -> tuple[Estimate, ...]:
    """All pairs of group means, variances taken as equal: simultaneous intervals and adjusted p
    (later − earlier).

    Source: Tukey 1953; Kramer 1956, Biometrics 12:307, doi:10.2307/3001469.
    """
    found = _checked(groups)
    k, n = len(found), sum(x.size for x in found.values())
    df = n - k
    within = sum((x.size - 1) * variance(x) for x in found.values() if x.size > 1)
    out = []
    for a, b in _pairs(found):
        x, y = found[a], found[b]
        head = Estimate(
            "mean difference",
            NAN,
            level=level,
            unit=unit,
            how="Tukey, equal variances",
            group=Versus.of(b, a),
            measure=Measure.DIFFERENCE,
        )
        if not (x.size and y.size and df > 0):
            out.append(replace(head, reason="too_few"))
            continue
        gap = float(y.mean() - x.mean())
        se = math.sqrt(within / df * (1 / x.size + 1 / y.size))
        out.append(_range_row(head, gap, se, k, df))
    return tuple(out)


def games_howell(
    groups: Mapping[str, ArrayLike], *, level: float = 0.95, unit: str = ""
) -> tuple[Estimate, ...]:
    """All pairs of group means, whatever the variances: simultaneous intervals and adjusted p
    (later − earlier).

    Source: Games & Howell 1976, J Educ Stat 1:113, doi:10.3102/10769986001002113.
    """
    found = _checked(groups)
    out = []
    for a, b in _pairs(found):
        e = replace(
            mean_difference(found[b], found[a], level=level, unit=unit),
            group=Versus.of(b, a),
            how="Games-Howell",
        )
        out.append(e if e.reason else _range_row(e, e.value, e.se, len(found), e.df))
    return tuple(out)


def _range_row(head: Estimate, gap: float, se: float, k: int, df: float) -> Estimate:
    if se == 0:
        return replace(head, value=gap, se=0.0, reason="zero_variance")
    t = gap / se
    half = tukey_critical(head.level, k, df) / math.sqrt(2) * se
    return replace(
        head,
        value=gap,
        low=gap - half,
        high=gap + half,
        se=se,
        statistic=t,
        df=df,
        p=p_of(t, df),
        p_adjusted=tukey_p(math.sqrt(2) * abs(t), k, df),
    )
