"""Has one patient changed by more than the score's own error? And how large is that error:
reliability.
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
from outcomes.stats.individual.change_index import METHODS, change_index, reference_of
from outcomes.stats.paired.location import check_option, pairs
from outcomes.stats.wald import critical

CLASSES = ("recovered", "improved", "unchanged", "deteriorated")


@dataclass(frozen=True, slots=True)
class Precision:
    """Measurement error of a score, in its own points."""

    sem: float
    difference: float
    mdc90: float
    mdc95: float


def measurement_error(sd: float, reliability: float) -> Precision:
    """SEM = sd √(1 − reliability); error of a difference SEM √2; MDC95 = 1.96 √2 SEM, MDC90 = 1.645
    √2 SEM.

    `sd` of the score before; `reliability` between 0 and 1 (test-retest ICC, or α for one
    occasion), from a source. Raises AnalysisError outside these ranges.

    Sources: Jacobson & Truax (1991), J Consult Clin Psychol 59:12-19; Beaton (2000), Spine
    25:3192-3199.

    >>> e = measurement_error(2.0, 0.75)
    >>> e.sem, round(e.mdc95, 3)
    (1.0, 2.772)
    """
    if not (sd >= 0 and 0 <= reliability <= 1):
        raise AnalysisError(
            f"reliability is between 0 and 1, and an SD is not negative; got {reliability}."
        )
    sem = sd * math.sqrt(1 - reliability)
    difference = sem * math.sqrt(2)
    mdc90, mdc95 = (critical(level) * difference for level in (0.90, 0.95))
    return Precision(sem, difference, mdc90, mdc95)


@dataclass(frozen=True, slots=True, eq=False)
class IndividualChange:
    """Each patient's reliable change index and class, and the error it was judged by.

    `improved`, `unchanged` and `deteriorated` add up to n; `recovered` are those of the improved
    who also crossed the cut-off from the clinical to the other side (None without a cut-off).
    """

    error: Precision
    index: np.ndarray
    classes: np.ndarray
    improved: int
    unchanged: int
    deteriorated: int
    recovered: int | None


def reliable_change(
    before: ArrayLike,
    after: ArrayLike,
    *,
    reliability: float,
    better: Literal["lower", "higher"],
    sd: float | None = None,
    mean: float | None = None,
    cutoff: float | None = None,
    method: str = "jacobson-truax",
) -> IndividualChange:
    """Who changed by more than measurement error? The reliable change index and Jacobson and
    Truax's classes.

    RCI = (after − before)/(SEM √2), SEM = sd √(1 − reliability); beyond ±1.96 a change is reliable.
    Other `method`s have their own index and bound: see `change_index`. `mean` and `sd` are those of
    the scores before unless given (a norm sample). With a `cutoff` the reliably
    improved who crossed it (on the clinical side, or on it, before; on the other side after) are
    "recovered", the others "improved".

    With no error (reliability 1, or sd 0) any change is reliable: the index is ±inf, or 0 for no
    change. Where an index is undefined its patients are "unknown" and in none of the counts. Raises
    AnalysisError for fewer than two patients without `sd`, and for a reliability outside 0 to 1.

    Source: Jacobson & Truax (1991), J Consult Clin Psychol 59:12-19, doi:10.1037/0022-006X.59.1.12.

    >>> r = reliable_change([8, 7, 6, 5], [2, 6, 6, 9], reliability=0.85, better="lower", cutoff=4)
    >>> r.recovered, r.improved, r.unchanged, r.deteriorated
    (1, 1, 2, 1)
    """
    check_option("better", better, ("lower", "higher"))
    first, last = pairs(before, after)
    if sd is None:
        if len(first) < 2:
            raise AnalysisError(
                "The SD before needs at least two patients; give sd= from a norm sample."
            )
        sd = float(first.std(ddof=1))
    error = measurement_error(sd, reliability)
    known = reference_of(first, last, mean=mean, sd=sd)
    index = change_index(first, last, method, reliability=reliability, given=known)
    bound = METHODS[method].bound
    gain = -index if better == "lower" else index
    up, down = gain > bound, gain < -bound
    classes = np.where(up, "improved", np.where(down, "deteriorated", "unchanged")).astype("<U12")
    classes[np.isnan(index)] = "unknown"
    recovered = None
    if cutoff is not None:
        sign = 1 if better == "lower" else -1
        crossed = up & (sign * first >= sign * cutoff) & (sign * last < sign * cutoff)
        classes[crossed] = "recovered"
        recovered = int(crossed.sum())
    n_up, n_down = int(up.sum()), int(down.sum())
    level = int((classes == "unchanged").sum())
    return IndividualChange(error, index, classes, n_up, level, n_down, recovered)


def _anova(ratings: ArrayLike) -> tuple[np.ndarray, int, int]:
    x = np.asarray(ratings, dtype=float)
    if x.ndim != 2 or x.shape[1] < 2:
        raise AnalysisError(
            "Reliability needs a table with one row a patient and at least two columns."
        )
    if not np.isfinite(x).all():
        raise AnalysisError("A rating is missing: leave these patients out and count them.")
    return x, x.shape[0], x.shape[1]


def icc(ratings: ArrayLike, *, level: float = 0.95) -> tuple[Estimate, ...]:
    """Intraclass correlations of n patients × k ratings: ICC1, ICC2, ICC3 (one rating), ICC1k,
    ICC2k, ICC3k (their mean).

    ICC2 = ICC(A,1), absolute agreement in a two-way random model, is the one for test-retest of a
    score (its low value counts a shift between occasions as error); ICC3 = ICC(C,1) ignores such a
    shift; ICC1 has no rater effect. Statistic is F of between-patient over error mean square, df
    its first df; the interval of ICC2 is McGraw and Wong's with Satterthwaite df. Reasons:
    `too_few` (n < 2), `zero_variance` (patients or errors without spread).

    Sources: Shrout & Fleiss (1979), Psychol Bull 86:420-428; McGraw & Wong (1996), Psychol Methods
    1:30-46.

    >>> [
    ...     (e.name, round(e.value, 2))
    ...     for e in icc(
    ...         [
    ...             [9, 2, 5, 8],
    ...             [6, 1, 3, 2],
    ...             [8, 4, 6, 8],
    ...             [7, 1, 2, 6],
    ...             [10, 5, 6, 9],
    ...             [6, 2, 4, 7],
    ...         ]
    ...     )
    ... ][:3]
    [('ICC1', 0.17), ('ICC2', 0.29), ('ICC3', 0.71)]
    """
    x, n, k = _anova(ratings)
    names = ("ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k")
    if n < 2:
        return tuple(
            Estimate(name, NAN, level=level, reason="too_few", measure=Measure.CORRELATION)
            for name in names
        )
    rows, columns, grand = x.mean(axis=1), x.mean(axis=0), x.mean()
    msb = k * float(((rows - grand) ** 2).sum()) / (n - 1)
    msj = n * float(((columns - grand) ** 2).sum()) / (k - 1)
    mse = float(((x - rows[:, None] - columns[None, :] + grand) ** 2).sum()) / ((n - 1) * (k - 1))
    msw = float(((x - rows[:, None]) ** 2).sum()) / (n * (k - 1))
    tiny = 1e-20 * max(1.0, grand * grand)
    if msb <= tiny or mse <= tiny:
        return tuple(
            Estimate(name, NAN, level=level, reason="zero_variance", measure=Measure.CORRELATION)
            for name in names
        )
    one = _icc_from_f(msb / msw, n - 1, n * (k - 1), k, level, ("ICC1", "ICC1k"))
    three = _icc_from_f(msb / mse, n - 1, (n - 1) * (k - 1), k, level, ("ICC3", "ICC3k"))
    two = _icc2(msb, msj, mse, n, k, level)
    return one[0], two[0], three[0], one[1], two[1], three[1]


def _icc_from_f(
    f: float, df1: int, df2: int, k: int, level: float, names: tuple[str, str]
) -> tuple[Estimate, Estimate]:
    tail = (1 - level) / 2
    low_f = f / float(special.fdtri(df1, df2, 1 - tail))
    high_f = f * float(special.fdtri(df2, df1, 1 - tail))
    p, how = float(special.fdtrc(df1, df2, f)), f"F({df1},{df2})"
    single = Estimate(
        names[0],
        (f - 1) / (f + k - 1),
        (low_f - 1) / (low_f + k - 1),
        (high_f - 1) / (high_f + k - 1),
        level,
        p,
        f,
        df1,
        how=how,
        measure=Measure.CORRELATION,
    )
    return single, Estimate(
        names[1],
        1 - 1 / f,
        1 - 1 / low_f,
        1 - 1 / high_f,
        level,
        p,
        f,
        df1,
        how=how,
        measure=Measure.CORRELATION,
    )


def _icc2(
    msb: float, msj: float, mse: float, n: int, k: int, level: float
) -> tuple[Estimate, Estimate]:
    single = (msb - mse) / (msb + (k - 1) * mse + k * (msj - mse) / n)
    mean = (msb - mse) / (msb + (msj - mse) / n)
    f, fj, df1, df2 = msb / mse, msj / mse, n - 1, (n - 1) * (k - 1)
    top = (k * single * fj + n * (1 + (k - 1) * single) - k * single) ** 2
    v = (
        df2
        * top
        / (df1 * k**2 * single**2 * fj**2 + (n * (1 + (k - 1) * single) - k * single) ** 2)
    )
    tail = (1 - level) / 2
    upper, lower = float(special.fdtri(v, df1, 1 - tail)), float(special.fdtri(df1, v, 1 - tail))
    low = n * (msb - lower * mse) / (lower * (k * msj + (k * n - k - n) * mse) + n * msb)
    high = n * (upper * msb - mse) / (k * msj + (k * n - k - n) * mse + n * upper * msb)
    p, how = float(special.fdtrc(df1, df2, f)), f"F({df1},{df2})"
    # a limit of −1/(k − 1) or less says nothing of the mean of the raters
    low_k, high_k = (
        k * limit / (1 + (k - 1) * limit) if (k - 1) * limit > -1 else NAN for limit in (low, high)
    )
    return (
        Estimate("ICC2", single, low, high, level, p, f, df1, how=how, measure=Measure.CORRELATION),
        Estimate(
            "ICC2k", mean, low_k, high_k, level, p, f, df1, how=how, measure=Measure.CORRELATION
        ),
    )


def cronbach_alpha(items: ArrayLike, *, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """Internal consistency of n patients × k items: raw α with Feldt's interval, and α of
    standardised items.

    α = k/(k−1) (1 − Σ item variances / variance of the sum); standardised k r̄/(1 + (k−1) r̄), r̄
    the mean inter-item correlation. Items must point the same way. Reasons: `too_few` (n < 2),
    `zero_variance`.

    Sources: Cronbach (1951), Psychometrika 16:297-334; Feldt, Woodruff & Salih (1987), Appl Psychol
    Meas 11:93-103.

    >>> raw, standardised = cronbach_alpha(
    ...     [[9, 2, 5], [6, 1, 3], [8, 4, 6], [7, 1, 2], [10, 5, 6], [6, 2, 4]]
    ... )
    >>> round(raw.value, 3)
    0.918
    """
    x, n, k = _anova(items)
    names = ("Cronbach alpha", "standardised alpha")
    if n < 2:
        return Estimate(
            names[0], NAN, level=level, reason="too_few", measure=Measure.CORRELATION
        ), Estimate(names[1], NAN, reason="too_few", measure=Measure.CORRELATION)
    covariance = np.cov(x, rowvar=False)
    own, whole = np.diag(covariance), float(covariance.sum())
    if whole <= 1e-20:
        return tuple(
            Estimate(name, NAN, level=level, reason="zero_variance", measure=Measure.CORRELATION)
            for name in names
        )  # type: ignore[return-value]
    raw = k / (k - 1) * (1 - float(own.sum()) / whole)
    tail, df1, df2 = (1 - level) / 2, n - 1, (n - 1) * (k - 1)
    low = 1 - (1 - raw) * float(special.fdtri(df1, df2, 1 - tail))
    high = 1 - (1 - raw) * float(special.fdtri(df1, df2, tail))
    first = Estimate(
        names[0], raw, low, high, level, how="Feldt interval", measure=Measure.CORRELATION
    )
    if (own <= 0).any():
        return first, Estimate(names[1], NAN, reason="zero_variance", measure=Measure.CORRELATION)
    r = covariance / np.sqrt(np.outer(own, own))
    mean_r = (float(r.sum()) - k) / (k * (k - 1))
    return first, Estimate(
        names[1], k * mean_r / (1 + (k - 1) * mean_r), measure=Measure.CORRELATION
    )
