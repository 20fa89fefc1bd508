"""Two treatments, each patient has both, in one order or the other: the AB/BA crossover with a
score.

Inputs are arrays with one entry a patient who completed both periods: the score of period 1, of
period 2 (or the change in each period, said so by the caller), and whether the treatment of
interest came first. Differences are treatment − control. Carry-over is estimated and shown; it is
never used to choose an analysis (Freeman 1989, doi:10.1002/sim.4780081202).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.groups.means import FTest, mean_difference, variance
from outcomes.stats.groups.ranks import hodges_lehmann, mann_whitney
from outcomes.stats.multiplicity import adjust
from outcomes.stats.paired.location import mean_change
from outcomes.stats.regression.linear import Fit, Term, factor, ols

Array = NDArray[np.float64]


def two_period(
    period1: ArrayLike, period2: ArrayLike, *, treated_first: ArrayLike, level: float = 0.95
) -> tuple[Estimate, ...]:
    """Does the score differ between two treatments, allowing for the order in which they came?

    Hills–Armitage: with D = y₁−y₂, `treatment` = ½(D̄ treated first − D̄ control first), its t test
    is the two-sample t test of D between the orders, df n−2. `period` = ½(sum of the two means of
    D), period 1 − period 2. `carry-over` = difference of the mean totals y₁+y₂, treated first −
    control first (Grizzle); it has little power and is for information only. Equals the mixed model
    treatment + period + sequence + patient when everybody is complete.

    Reasons where undefined: `not_estimable` if only one order was used, `too_few` below 3 patients,
    `zero_variance`. Raises AnalysisError for unequal lengths or missing scores.

    Reference: Hills & Armitage, Br J Clin Pharmacol 1979;8:7; Senn, Cross-over Trials in Clinical
    Research 2002, ch. 3.

    >>> t, period, carry = two_period(
    ...     [5, 4, 6, 7, 8, 6], [7, 7, 7, 5, 5, 5], treated_first=[1, 1, 1, 0, 0, 0]
    ... )
    >>> t.value, round(t.p, 4), round(period.value, 3)
    (-2.0, 0.008, 0.0)
    """
    y1, y2, first = _orders(period1, period2, treated_first)
    d, total = np.round(y1 - y2, 9), np.round(y1 + y2, 9)
    treatment = mean_difference(d[first], d[~first], equal_variances=True, level=level)
    period = mean_difference(d[first], -d[~first], equal_variances=True, level=level)
    carry = mean_difference(total[first], total[~first], equal_variances=True, level=level)
    one = _one_order(first)
    return (
        _as(
            treatment,
            "treatment",
            "Hills-Armitage: two-sample t of period differences between orders",
            0.5,
            one,
        ),
        _as(period, "period", "period 1 − period 2, two-sample t", 0.5, one),
        _as(
            carry,
            "carry-over",
            "two-sample t of patient totals between orders; for information only",
            1.0,
            one,
        ),
    )


def baseline_adjusted(
    period1: ArrayLike,
    period2: ArrayLike,
    *,
    baseline1: ArrayLike,
    baseline2: ArrayLike,
    treated_first: ArrayLike,
    level: float = 0.95,
) -> tuple[Estimate, Estimate]:
    """The same, using the score at the start of each period without subtracting it.

    y₁−y₂ regressed on order and b₁−b₂ (df n−3); `treatment, baseline-adjusted` is half the
    coefficient of order, `slope` that of the difference of baselines. Subtracting the period
    baselines instead adds noise and can bias.

    Reference: Metcalfe, Pharm Stat 2010;9:20 (doi:10.1002/pst.401); Kenward & Roger, Biostatistics
    2010;11:1.
    """
    y1, y2, first = _orders(period1, period2, treated_first)
    b = np.asarray(baseline1, float) - np.asarray(baseline2, float)
    if b.shape != y1.shape or not np.isfinite(b).all():
        raise AnalysisError("Each patient needs a baseline of both periods.")
    how = "regression of the period difference on order and the difference of period baselines"
    if len(y1) < 3:
        few = Estimate(
            "treatment, baseline-adjusted",
            NAN,
            level=level,
            how=how,
            reason="too_few",
            measure=Measure.DIFFERENCE,
        )
        return few, replace(few, name="slope", measure=Measure.SLOPE)
    x = np.column_stack([np.ones(len(b)), first, np.round(b, 9)])
    fit = ols(x, np.round(y1 - y2, 9), names=("intercept", "order", "baselines"))
    order = fit.coefficient("order", level=level)
    slope = replace(
        fit.coefficient("baselines", level=level), name="slope", how=how, measure=Measure.SLOPE
    )
    return _as(order, "treatment, baseline-adjusted", how, 0.5, _one_order(first)), slope


def first_period(
    period1: ArrayLike, period2: ArrayLike, *, treated_first: ArrayLike, level: float = 0.95
) -> Estimate:
    """Period 1 alone, as if the trial had been parallel: no carry-over possible, but much less
    precise.

    Honest only as a sensitivity analysis of everybody; choosing it after a test of carry-over is
    biased.
    """
    y1, _, first = _orders(period1, period2, treated_first)
    e = mean_difference(y1[first], y1[~first], equal_variances=True, level=level)
    return _as(
        e,
        "treatment, period 1 only",
        "two-sample t of period 1; sensitivity",
        1.0,
        _one_order(first),
    )


def ignoring_period(
    period1: ArrayLike, period2: ArrayLike, *, treated_first: ArrayLike, level: float = 0.95
) -> Estimate:
    """The paired t-test that older papers report: treatment − control in each patient, whatever the
    order.
    """
    y1, y2, first = _orders(period1, period2, treated_first)
    e = mean_change(np.where(first, y2, y1), np.where(first, y1, y2), level=level)
    return replace(
        e,
        name="treatment, ignoring period",
        how="paired t-test, ignores period",
        measure=Measure.DIFFERENCE,
    )


def koch(
    period1: ArrayLike,
    period2: ArrayLike,
    *,
    treated_first: ArrayLike,
    method: str = "exact",
    level: float = 0.95,
) -> Estimate:
    """Without assuming normal scores: rank-sum test of the period differences between the orders.

    `value` is half the Hodges–Lehmann shift of y₁−y₂, with its interval; p is exact on tied
    mid-ranks, or normal with continuity correction (`method="normal"`); `statistic` is U of those
    treated first.

    Reference: Koch, Biometrics 1972;28:577.
    """
    y1, y2, first = _orders(period1, period2, treated_first)
    d = np.round(y1 - y2, 9)
    name, how = "treatment, Koch", "half the Hodges-Lehmann shift; "
    if _one_order(first):
        return Estimate(
            name,
            NAN,
            level=level,
            how="Koch rank-sum test",
            reason=_one_order(first),
            measure=Measure.DIFFERENCE,
        )
    test = mann_whitney(d[first], d[~first], method=method)
    shift = hodges_lehmann(d[first], d[~first], level=level).estimate
    value, low, high = shift.value / 2, shift.low / 2, shift.high / 2
    return Estimate(
        name,
        value,
        low,
        high,
        level,
        test.p,
        test.value,
        how=how + test.how,
        reason=test.reason,
        measure=Measure.DIFFERENCE,
    )


def latin_square(
    scores: ArrayLike,
    *,
    patient: ArrayLike,
    period: ArrayLike,
    treatment: ArrayLike,
    reference: str = "",
    covariate: ArrayLike | None = None,
    carry_over: bool = False,
    sequential: bool = False,
    level: float = 0.95,
) -> tuple[Estimate, ...]:
    """Do three or more treatments differ, each patient having them in another order (Williams,
    Latin square)?

    One entry a patient and period. Least squares y ~ patient + period + treatment (patients as
    fixed effects, so only differences within patients count), with an optional period covariate
    and, as a sensitivity analysis, first-order carry-over (`carry_over=True`: the treatment of the
    period before). Estimates: `treatment` and `period` (F tests, each adjusted for the other;
    `sequential=True` adjusts each for those before it only, as an analysis of variance table does),
    `difference` for every pair (`group` "A - B", later − earlier level, the reference first) with
    raw p and Holm's, and `carry-over` (F test) where asked.

    Raises AnalysisError for unequal lengths or missing scores.

    Reference: Williams, Aust J Sci Res A 1949;2:149; Jones & Kenward, Design and Analysis of
    Cross-Over Trials 2014, ch. 5.

    >>> e = latin_square(
    ...     [5, 3, 4, 2, 1, 2],
    ...     patient=[1, 1, 2, 2, 3, 3],
    ...     period=[1, 2] * 3,
    ...     treatment=list("ABABBA"),
    ... )
    >>> e[2].group, round(e[2].value, 3)
    ('B - A', -1.5)
    """
    y, who = np.asarray(scores, float), np.asarray(patient)
    columns = [
        factor("treatment", np.asarray(treatment), reference=reference),
        factor("period", np.asarray(period)),
    ]
    if carry_over:
        columns.append(
            carried_over(who, np.asarray(period), np.asarray(treatment), columns[0].levels)
        )
    x = np.column_stack([c.columns for c in columns])
    extra = np.empty((len(y), 0)) if covariate is None else np.asarray(covariate, float)[:, None]
    x = np.column_stack([x, extra])
    if not np.isfinite(y).all() or not np.isfinite(extra).all():
        raise AnalysisError("A score is missing: leave these periods out and count them.")
    names = tuple(n for c in columns for n in c.names) + tuple(
        "covariate" for _ in range(extra.shape[1])
    )
    fit = within_patients(x, y, who, names)
    levels, at = columns[0].levels, {n: j for j, n in enumerate(names)}
    tests = (
        _sequential(columns, y, who, fit)
        if sequential
        else [fit.wald([at[n] for n in c.names]) for c in columns]
    )
    out = [test.estimate(c.name) for c, test in zip(columns, tests, strict=True)]
    return (*out[:2], *_pairs(fit, levels, at, level), *out[2:])


def _sequential(
    columns: Sequence[Term], y: Array, who: NDArray[np.generic], fit: Fit
) -> list[FTest]:
    """F tests of terms taken up one after the other."""
    index = np.unique(who, return_inverse=True)[1]
    means = np.bincount(index, y) / np.bincount(index)
    rest, used, tests = float(((y - means[index]) ** 2).sum()), 0, []
    for i in range(1, len(columns) + 1):
        x = np.column_stack([c.columns for c in columns[:i]])
        now = within_patients(x, y, who, tuple(map(str, range(x.shape[1]))))
        rank, left = x.shape[1] - len(now.aliased), float(now.residuals @ now.residuals)
        df = rank - used
        reason = (
            "not_estimable"
            if df < 1
            else "too_few"
            if fit.df < 1
            else "zero_variance"
            if fit.sigma == 0
            else ""
        )
        tests.append(
            FTest.of(NAN if reason else (rest - left) / df / fit.sigma**2, df, fit.df, reason)
        )
        rest, used = left, rank
    return tests


def _pairs(fit: Fit, levels: Sequence[str], at: dict[str, int], level: float) -> list[Estimate]:
    """All differences of two treatments, later − earlier, with Holm's p."""
    found = []
    for i, low in enumerate(levels):
        for high in levels[i + 1 :]:
            row = np.zeros(len(at))
            for name, sign in ((high, 1.0), (low, -1.0)):
                if (column := f"treatment[{name}]") in at:
                    row[at[column]] = sign
            found.append(
                fit.contrast(
                    row,
                    name="difference",
                    level=level,
                    group=Versus.of(high, low),
                    measure=Measure.DIFFERENCE,
                )
            )
    if len(levels) < 3:
        return found
    return [
        replace(e, p_adjusted=p) for e, p in zip(found, adjust([e.p for e in found]), strict=True)
    ]


def within_patients(x: Array, y: Array, who: NDArray[np.generic], names: tuple[str, ...]) -> Fit:
    """Least squares with an effect of each patient, by taking patient means off both sides (no
    intercept among the columns).
    """
    index = np.unique(who, return_inverse=True)[1]
    n = np.bincount(index).astype(float)

    def centred(column: Array) -> Array:
        return column - (np.bincount(index, column) / n)[index]

    fit = ols(np.column_stack([centred(c) for c in x.T]), centred(y), names=names)
    df = fit.df - len(n)
    scale = fit.df / df if df > 0 else NAN
    return replace(
        fit, df=max(df, 0), sigma=fit.sigma * math.sqrt(scale), covariance=fit.covariance * scale
    )


def carried_over(
    who: NDArray[np.generic],
    period: NDArray[np.generic],
    treatment: NDArray[np.generic],
    levels: Sequence[str],
) -> Term:
    """The treatment of the period before as a term; periods without one before count as the
    reference.
    """
    ordered = {value: i for i, value in enumerate(np.unique(period))}
    given = {
        (a, ordered[b]): str(c)
        for a, b, c in zip(who.tolist(), period.tolist(), treatment.tolist(), strict=True)
    }
    before = [
        given.get((a, ordered[b] - 1), levels[0])
        for a, b in zip(who.tolist(), period.tolist(), strict=True)
    ]
    return factor("carry-over", before, levels=levels)


def _orders(
    period1: ArrayLike, period2: ArrayLike, treated_first: ArrayLike
) -> tuple[Array, Array, NDArray[np.bool_]]:
    y1, y2, first = (
        np.asarray(period1, float),
        np.asarray(period2, float),
        np.asarray(treated_first).astype(bool),
    )
    if not y1.shape == y2.shape == first.shape or y1.ndim != 1:
        raise AnalysisError("Each patient needs a score of both periods and an order.")
    if not (np.isfinite(y1).all() and np.isfinite(y2).all()):
        raise AnalysisError("A score is missing: leave these patients out and count them.")
    return y1, y2, first


def _one_order(first: NDArray[np.bool_]) -> str:
    if len(first) == 0:
        return "too_few"
    return "not_estimable" if first.all() or not first.any() else ""


def _as(e: Estimate, name: str, how: str, share: float, undefined: str) -> Estimate:
    """The estimate under its own name, halved where it is half a difference."""
    if undefined:
        return Estimate(
            name,
            NAN,
            level=e.level,
            how=how,
            reason=undefined,
            measure=Measure.STANDARDISED_DIFFERENCE,
        )
    return replace(
        e,
        name=name,
        how=how,
        value=e.value * share,
        low=e.low * share,
        high=e.high * share,
        se=e.se * share,
    )


def _pooled_variance(z: Array, first: NDArray[np.bool_]) -> float:
    """Variance within orders."""
    groups = [z[first], z[~first]]
    df = sum(len(g) - 1 for g in groups if len(g))
    if df < 1:
        return NAN
    return sum((len(g) - 1) * variance(g) for g in groups if len(g) > 1) / df
