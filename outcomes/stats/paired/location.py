"""Change of the same patients between two visits: mean, trimmed mean, median, spread.

Every function takes the scores `before` and `after` of the same patients in the same order,
complete pairs only: a missing score raises, because whoever leaves a patient out has to count that
patient. A change is after − before, rounded to 9 decimals, so that 7.0 − 4.9 and 5.1 − 3.0 tie as
they should.

Where a function takes `weights`, these say how many patients have each pair of scores (default: one
each), as a `Tally` counts them: the cost then depends on the number of different pairs only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.wald import critical, p_of, wald

Alternative = Literal["two-sided", "less", "greater"]
ALTERNATIVES = ("two-sided", "less", "greater")


def pairs(before: ArrayLike, after: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The two columns as float arrays of one length without missing values.

    Raises AnalysisError when lengths differ or a score is missing or infinite.

    >>> pairs([7, 6], [4, 6])
    (array([7., 6.]), array([4., 6.]))
    """
    first, last = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if first.ndim != 1 or first.shape != last.shape:
        raise AnalysisError(
            f"Before and after have {first.size} and {last.size} scores; they must be two columns"
            " of the same patients."
        )
    if not (np.isfinite(first).all() and np.isfinite(last).all()):
        raise AnalysisError(
            "A score before or after is missing or infinite: leave these patients out and count"
            " them."
        )
    return first, last


def changes(before: ArrayLike, after: ArrayLike) -> np.ndarray:
    """Change of each patient, after − before, rounded to 9 decimals.

    >>> changes([7.0, 5.1, 4.0], [4.9, 3.0, 4.0])
    array([-2.1, -2.1,  0. ])
    """
    first, last = pairs(before, after)
    # adding 0 turns −0.0, which would print a sign, into 0.0
    return np.round(last - first, 9) + 0.0


def weighing(weights: ArrayLike | None, n: int) -> np.ndarray:
    """How many patients each of n pairs stands for: whole numbers, one each by default.

    Raises AnalysisError where there are more or fewer weights than pairs, or one is not a whole
    number above 0.

    >>> weighing(None, 2), weighing([3, 1], 2)
    (array([1, 1]), array([3, 1]))
    """
    if weights is None:
        return np.ones(n, dtype=np.int64)
    times = np.asarray(weights)
    whole = times.astype(np.int64)
    if times.shape != (n,) or (whole != times).any() or (whole < 1).any():
        raise AnalysisError(f"Weights are {n} whole numbers above 0, one a pair of scores.")
    return whole


def check_option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise AnalysisError unless the value is one of those allowed, and say which those are."""
    if value not in allowed:
        raise AnalysisError(f"{name} is one of {', '.join(allowed)}, not '{value}'.")


def mean_change(
    before: ArrayLike,
    after: ArrayLike,
    *,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    weights: ArrayLike | None = None,
) -> Estimate:
    """Mean change with its t interval and paired t-test.

    d̄ ± t(n−1) · s_d / √n, t = d̄ / (s_d / √n). Assumes independent patients and a mean change that
    is about normal; its type-I error holds from about 8 patients, also on an integer 0-10 scale.
    Without a control group the change contains regression to the mean, natural course and other
    care.

    `before`, `after`: scores of the same n patients. Returns an Estimate (statistic = t, df = n −
    1) whose reason is `too_few` (n < 2) or `zero_variance` (all changes equal: the mean stands, se
    is 0, the test is undefined). Raises AnalysisError for unequal lengths, missing scores or an
    unknown alternative.

    Source: Student (1908), Biometrika 6:1-25, doi:10.1093/biomet/6.1.1.

    >>> e = mean_change([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(e.value, 2), round(e.low, 2), round(e.high, 2), round(e.p, 3)
    (-2.2, -3.82, -0.58, 0.02)
    """
    d = changes(before, after)
    w = weighing(weights, len(d))
    sd = weighted_sd(d, w)
    mean = float(d[0]) if sd == 0 else weighted_mean(d, w)
    return mean_change_of(int(w.sum()), mean, sd, level=level, alternative=alternative)


def mean_change_of(
    n: int,
    mean: float,
    sd: float,
    *,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
) -> Estimate:
    """`mean_change` of n patients from the mean and SD of their changes.

    >>> round(mean_change_of(5, -2.2, 1.30384, level=0.95).p, 3)
    0.02
    """
    check_option("alternative", alternative, ALTERNATIVES)
    how = "paired t-test"
    if n < 2:
        return Estimate(
            "mean change", mean, level=level, reason="too_few", how=how, measure=Measure.CHANGE
        )
    if sd == 0:
        return Estimate(
            "mean change",
            mean,
            level=level,
            df=n - 1,
            se=0,
            reason="zero_variance",
            how=how,
            measure=Measure.CHANGE,
        )
    return wald(
        "mean change",
        mean,
        sd / math.sqrt(n),
        df=n - 1,
        level=level,
        alternative=alternative,
        how=how,
        measure=Measure.CHANGE,
    )


def weighted_mean(x: np.ndarray, w: np.ndarray) -> float:
    """The mean of values that stand for w patients each; nan without any."""
    return float((x * w).sum() / w.sum()) if len(x) else NAN


def weighted_sd(x: np.ndarray, w: np.ndarray) -> float:
    """Sample standard deviation (n − 1) of values that stand for w patients each; exactly 0 for
    equal values, nan below two patients.
    """
    n = int(w.sum())
    if n < 2:
        return NAN
    e = centred(x, w)
    return math.sqrt(float((e * e * w).sum()) / (n - 1))


def centred(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x less its weighted mean; exactly 0 for equal values, whatever rounding does to their
    mean.
    """
    apart = x - x[0]
    centre: np.ndarray = apart - (apart * w).sum() / w.sum()
    return centre


def _sd(x: np.ndarray) -> float:
    """Sample standard deviation; exactly 0 for equal values, whatever rounding does to their
    mean.
    """
    return float(x.std(ddof=1)) if (x != x[0]).any() else 0.0


def trimmed_change(
    before: ArrayLike, after: ArrayLike, *, trim: float = 0.2, level: float = 0.95
) -> Estimate:
    """Difference of the trimmed means, with Yuen's t-test for pairs: for changes with heavy tails.

    g = ⌊trim·n⌋ scores are cut at each end of either column, h = n − 2g remain, df = h − 1; the
    standard error is √((SS_w1 + SS_w2 − 2 SP_w)/(h(h−1))) from winsorised scores. It estimates the
    difference of the trimmed means of the two visits, which is not the trimmed mean of the changes.

    `trim` is the share cut at each end, 0 ≤ trim < 0.5. Reasons: `too_few` (n < 4 or h < 2),
    `zero_variance`. Source: Wilcox (2022), Introduction to Robust Estimation and Hypothesis
    Testing, 5th ed., 5.9.

    >>> e = trimmed_change([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(e.value, 2), round(e.statistic, 3), e.df
    (-2.0, -3.464, 2.0)
    """
    if not 0 <= trim < 0.5:
        raise AnalysisError(f"trim is the share cut at each end, from 0 to below 0.5; got {trim}.")
    first, last = pairs(before, after)
    n = len(first)
    cut = math.floor(trim * n + 1e-12)
    kept, name, how = (
        n - 2 * cut,
        "trimmed mean change",
        f"Yuen paired, {100 * trim:g}% trimmed at each end",
    )
    if n < 4 or kept < 2:
        return Estimate(name, NAN, level=level, reason="too_few", how=how, measure=Measure.CHANGE)
    a, b = np.sort(first), np.sort(last)
    value = float(b[cut : n - cut].mean() - a[cut : n - cut].mean())
    gap = np.clip(last, b[cut], b[n - cut - 1]) - np.clip(first, a[cut], a[n - cut - 1])
    spread = _sd(np.round(gap, 9))
    if spread == 0:
        return Estimate(
            name,
            value,
            level=level,
            df=kept - 1,
            se=0,
            reason="zero_variance",
            how=how,
            measure=Measure.CHANGE,
        )
    se = spread * math.sqrt((n - 1) / (kept * (kept - 1)))
    return wald(name, value, se, df=kept - 1, level=level, how=how, measure=Measure.CHANGE)


def variance_ratio(before: ArrayLike, after: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Ratio of the variances after / before in the same patients, with the Pitman-Morgan test of
    equality.

    The correlation of change and sum is zero when the variances are equal: t = r √((n−2)/(1−r²)),
    df = n − 2. The interval is the ratio times K ± √(K² − 1), K = 1 + 2(1 − ρ²) t²/(n − 2), ρ the
    correlation of the two scores. Assumes bivariate normal scores. A ratio above 1 with a fall on
    average means that some gained much, some nothing.

    Reasons: `too_few` (n < 4), `zero_variance` (one visit, or all changes or sums, without spread).
    Sources: Pitman (1939), Biometrika 31:9-12; Morgan (1939), Biometrika 31:13-19.

    >>> e = variance_ratio([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(e.value, 3), round(e.p, 3)
    (1.692, 0.624)
    """
    first, last = pairs(before, after)
    n, name, how = len(first), "variance ratio", "Pitman-Morgan"
    if n < 4:
        return Estimate(name, NAN, level=level, reason="too_few", how=how, measure=Measure.CHANGE)
    if 0 in (_sd(first), _sd(last), _sd(np.round(last - first, 9)), _sd(np.round(last + first, 9))):
        return Estimate(
            name, NAN, level=level, reason="zero_variance", how=how, measure=Measure.CHANGE
        )
    ratio = float(last.var() / first.var())
    r = float(np.corrcoef(last - first, last + first)[0, 1])
    df = n - 2
    t = r * math.sqrt(df / max(1 - r * r, 1e-300))
    rho2 = float(np.corrcoef(first, last)[0, 1]) ** 2
    k = 1 + 2 * (1 - rho2) * critical(level, df) ** 2 / df
    width = math.sqrt(max(k * k - 1, 0.0))
    p = p_of(t, df)
    return Estimate(
        name,
        ratio,
        ratio * (k - width),
        ratio * (k + width),
        level,
        p,
        t,
        df,
        how=how,
        measure=Measure.CHANGE,
    )


@dataclass(frozen=True, slots=True)
class SignTest:
    """A sign test (value = share that rose among those that changed) and the counts it rests on."""

    test: Estimate
    n_up: int
    n_down: int
    n_zero: int


def sign_test(
    before: ArrayLike,
    after: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    mid_p: bool = False,
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> SignTest:
    """Did more scores rise than fall? Exact binomial test of those that changed; unchanged scores
    are counted apart.

    Value is the share that rose among the changed, with its Clopper-Pearson interval. `mid_p`
    subtracts half the probability of the observed count. Degenerate: nobody changed gives p = 1
    with reason `all_zero`. Source: Conover (1999), Practical Nonparametric Statistics, 3rd ed.,
    3.4.

    >>> s = sign_test([7, 8, 6, 7, 9, 5], [5, 7, 3, 6, 5, 5])
    >>> s.n_down, s.n_zero, s.test.p
    (5, 1, 0.0625)
    """
    check_option("alternative", alternative, ALTERNATIVES)
    d = changes(before, after)
    w = weighing(weights, len(d))
    n, up, down = int(w.sum()), int(w[d > 0].sum()), int(w[d < 0].sum())
    m, name = up + down, "share that rose"
    how = f"{'mid-p' if mid_p else 'exact'} sign test, unchanged scores dropped"
    if m == 0:
        p, reason = (1.0, "all_zero") if n else (NAN, "too_few")
        return SignTest(
            Estimate(name, NAN, level=level, p=p, reason=reason, how=how, measure=Measure.SHARE),
            0,
            0,
            n,
        )
    at = math.exp(
        math.lgamma(m + 1) - math.lgamma(up + 1) - math.lgamma(down + 1) - m * math.log(2)
    )
    half = at / 2 if mid_p else 0.0
    less, more = (float(special.bdtr(k, m, 0.5)) - half for k in (up, down))
    p = {"two-sided": min(1.0, 2 * min(less, more)), "less": less, "greater": more}[alternative]
    tail = (1 - level) / 2
    low = float(special.betaincinv(up, down + 1, tail)) if up else 0.0
    high = float(special.betaincinv(up + 1, down, 1 - tail)) if down else 1.0
    return SignTest(
        Estimate(name, up / m, low, high, level, p, up, how=how, measure=Measure.SHARE),
        up,
        down,
        n - m,
    )


@dataclass(frozen=True, slots=True)
class MedianChange:
    """The median change with its interval, and the confidence level that interval really has."""

    median: Estimate
    achieved: float


def median_change(
    before: ArrayLike,
    after: ArrayLike,
    *,
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> MedianChange:
    """Median change with the distribution-free interval between order statistics, and its achieved
    level.

    d₍ₖ₊₁₎ to d₍ₙ₋ₖ₎ with the largest k that keeps P(Bin(n, ½) ≤ k) ≤ (1 − level)/2; all changes,
    zeros too. Without an interval that reaches the level (n < 6 at 95%) the reason is `too_few`,
    where all changes are equal `zero_variance`.
    Source: Conover (1999), Practical Nonparametric Statistics, 3rd ed., 3.2.

    >>> m = median_change([7, 8, 6, 7, 9, 5], [5, 7, 3, 6, 5, 5])
    >>> m.median.value, m.median.low, m.median.high, m.achieved
    (-1.5, -4.0, 0.0, 0.96875)
    """
    d, up_to = ranked(changes(before, after), weights)
    n, name, how = int(up_to[-1]) if len(d) else 0, "median change", "order statistics (binomial)"
    if n == 0:
        return MedianChange(
            Estimate(name, NAN, level=level, reason="too_few", how=how, measure=Measure.CHANGE), NAN
        )
    k = _largest_k(n, (1 - level) / 2)
    middle = (_nth(d, up_to, (n - 1) // 2) + _nth(d, up_to, n // 2)) / 2
    if k < 0 or d[0] == d[-1]:
        return MedianChange(
            Estimate(
                name,
                middle,
                level=level,
                reason="too_few" if k < 0 else "zero_variance",
                how=how,
                measure=Measure.CHANGE,
            ),
            NAN,
        )
    low, high = _nth(d, up_to, k), _nth(d, up_to, n - 1 - k)
    median = Estimate(name, middle, low, high, level, how=how, measure=Measure.CHANGE)
    return MedianChange(median, 1 - 2 * float(special.bdtr(k, n, 0.5)))


def ranked(x: np.ndarray, weights: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Values in ascending order, and how many patients have each or a lower one."""
    order = np.argsort(x, kind="stable")
    return x[order], np.cumsum(weighing(weights, len(x))[order])


def _nth(values: np.ndarray, up_to: np.ndarray, k: int) -> float:
    """The value of the patient at place k (from 0) in ascending order."""
    return float(values[np.searchsorted(up_to, k, side="right")])


def _largest_k(n: int, tail: float) -> int:
    """The largest k with P(Bin(n, ½) ≤ k) ≤ tail; −1 if there is none. It lies within 40 standard
    deviations of the middle.
    """
    start = max(0, n // 2 - math.ceil(20 * math.sqrt(n)) - 1)
    share = special.bdtr(np.arange(start, n // 2 + 1), n, 0.5)
    return start + int(np.searchsorted(share, tail * (1 + 1e-12), side="right")) - 1


def percent_change(before: ArrayLike, after: ArrayLike) -> tuple[Estimate, ...]:
    """Percent change as a summary, after − before: of the means, and mean, median, lowest and
    highest of the patients.

    Of the means: 100 (mean after − mean before) / mean before. Patients with a score of 0 before
    have no percentage and are left out of the others (`n`, and named in `how`). No interval and no
    test: it is asymmetric (−100 to +∞) and analysis of it loses power (Vickers 2001, BMC Med Res
    Methodol 1:6, doi:10.1186/1471-2288-1-6).

    >>> [(e.name, e.value) for e in percent_change([8, 4, 0], [4, 3, 1])][0]
    ('percent change of the means', -33.333333333333336)
    """
    first, last = pairs(before, after)
    usable = first != 0
    own = 100 * (last[usable] - first[usable]) / first[usable]
    of_means = percent_of_means(*(float(x.mean()) if len(x) else NAN for x in (first, last)))
    left = len(first) - len(own)
    how = f"{left} with a score of 0 before left out" if left else ""
    rows = [of_means]
    for name, of in (
        ("mean", np.mean),
        ("median", np.median),
        ("lowest", np.min),
        ("highest", np.max),
    ):
        value = float(of(own)) if len(own) else NAN
        reason = "" if len(own) else "not_estimable"
        rows.append(
            Estimate(
                f"{name} percent change of patients",
                value,
                unit="%",
                how=how,
                reason=reason,
                measure=Measure.PERCENT_CHANGE,
                n=len(own),
            )
        )
    return tuple(rows)


def percent_of_means(before: float, after: float) -> Estimate:
    """The change of two means in percent of the first: 100 (after − before) / before.

    >>> percent_of_means(4.0, 3.0).value
    -25.0
    """
    return Estimate(
        "percent change of the means",
        100 * (after - before) / before if before else NAN,
        unit="%",
        reason="too_few" if math.isnan(before) else "" if before else "not_estimable",
        measure=Measure.PERCENT_CHANGE,
    )


def has_percentages(before: ArrayLike, lowest: float) -> bool:
    """Whether a change in percent means anything: the score begins at 0 (or its range is not
    known), nobody is below it, and not everybody is at it.
    """
    first = np.asarray(before, dtype=float)
    begins = math.isnan(lowest) or lowest == 0
    return bool(begins and len(first) and (first >= 0).all() and (first > 0).any())


def shapiro_wilk(
    before: ArrayLike, after: ArrayLike, *, weights: ArrayLike | None = None
) -> Estimate:
    """Shapiro-Wilk W of the changes, for an appendix: never to choose between tests, which would
    distort their errors. `weights`: how many patients have each change (default: one).

    Reasons: `too_few` (n < 3), `zero_variance`. Royston's p holds to n = 5,000; beyond, nan
    `not_estimable`. Source: Royston (1995), Appl Stat 44:547-551.

    >>> round(shapiro_wilk([7, 8, 6, 7, 9], [5, 7, 3, 6, 5]).value, 4)
    0.902
    """
    from scipy.stats import shapiro

    d, name = changes(before, after), "Shapiro-Wilk W of the changes"
    d = np.repeat(d, weighing(weights, len(d)).astype(int))
    if len(d) < 3:
        return Estimate(name, NAN, reason="too_few", measure=Measure.OVERALL_TEST)
    if _sd(d) == 0 or len(d) > 5000:
        return Estimate(
            name,
            NAN,
            reason="zero_variance" if _sd(d) == 0 else "not_estimable",
            measure=Measure.OVERALL_TEST,
        )
    w, p = shapiro(d)
    return Estimate(name, w, p=p, statistic=w, measure=Measure.OVERALL_TEST)
