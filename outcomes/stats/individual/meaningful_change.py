"""How much change matters? Thresholds from an anchor, and from the score's own spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.individual.reliable_change import measurement_error
from outcomes.stats.midranks import midranks
from outcomes.stats.paired.location import changes, mean_change, pairs
from outcomes.stats.wald import limits, p_of, wald

#: An anchor that correlates less than this with the change says little about it.
WEAKEST_ANCHOR = 0.3


@dataclass(frozen=True, slots=True)
class Roc:
    """How well improvement (positive = better) tells those whom the anchor calls improved from the
    others.
    """

    auc: Estimate
    cut: float
    youden: float
    sensitivity: float
    specificity: float
    n_improved: int
    n_other: int


def roc(gain: ArrayLike, improved: ArrayLike, *, level: float = 0.95) -> Roc:
    """The cut-off of improvement that best agrees with an anchor: Youden's, and the area under the
    curve.

    `gain` is the improvement of each patient (positive is better), `improved` whether the anchor
    says so. The rule is gain ≥ cut; J = sensitivity + specificity − 1 is largest at `cut`, the
    smallest such value when several tie. AUC counts ties half; DeLong's standard error and a normal
    interval (which may pass 1). Reason `too_few` where either group has fewer than two patients:
    AUC stands when both have one; cut nan when one is empty.

    Sources: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837-845; Youden (1950), Cancer
    3:32-35.

    >>> r = roc([3, 2, 4, 0, 1, 2], [True, True, True, False, False, False])
    >>> round(r.auc.value, 3), r.cut, round(r.youden, 3)
    (0.944, 2.0, 0.667)
    """
    score, yes = np.round(np.asarray(gain, dtype=float), 9), np.asarray(improved, dtype=bool)
    if score.shape != yes.shape or score.ndim != 1:
        raise AnalysisError(
            "The anchor and the improvement must be two columns of the same patients."
        )
    if not np.isfinite(score).all():
        raise AnalysisError("An improvement is missing: leave these patients out and count them.")
    a, b = score[yes], score[~yes]
    m, n = len(a), len(b)
    if not (m and n):
        return Roc(
            Estimate("AUC", NAN, level=level, reason="too_few", measure=Measure.SUPERIORITY),
            NAN,
            NAN,
            NAN,
            NAN,
            m,
            n,
        )
    cuts = np.unique(score)
    sensitivity = 1 - np.searchsorted(np.sort(a), cuts, side="left") / m
    specificity = np.searchsorted(np.sort(b), cuts, side="left") / n
    j = sensitivity + specificity - 1
    best = int(np.flatnonzero(j >= j.max() - 1e-12)[0])
    return Roc(
        _auc(a, b, level),
        float(cuts[best]),
        float(j[best]),
        float(sensitivity[best]),
        float(specificity[best]),
        m,
        n,
    )


def _auc(a: np.ndarray, b: np.ndarray, level: float) -> Estimate:
    m, n = len(a), len(b)
    whole = midranks(np.concatenate([a, b]))
    # placements: the share of the other group below each value, ties half
    of_a = (whole[:m] - midranks(a)) / n
    of_b = 1 - (whole[m:] - midranks(b)) / m
    value = float(of_a.mean())
    if m < 2 or n < 2:
        return Estimate("AUC", value, level=level, reason="too_few", measure=Measure.SUPERIORITY)
    se = math.sqrt(float(of_a.var(ddof=1)) / m + float(of_b.var(ddof=1)) / n)
    if se == 0:
        return Estimate(
            "AUC", value, level=level, se=0, reason="separation", measure=Measure.SUPERIORITY
        )
    return wald(
        "AUC",
        value,
        se,
        level=level,
        tested=False,
        how="DeLong interval",
        measure=Measure.SUPERIORITY,
    )


def spearman(x: ArrayLike, y: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Rank correlation, with the t approximation for p and Bonett and Wright's interval (n > 3).

    Reasons: `too_few` (n < 3), `zero_variance`. Source: Bonett & Wright (2000), Psychometrika
    65:23-28.

    >>> round(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]).value, 3)
    0.8
    """
    first, last = pairs(x, y)
    n, name = len(first), "Spearman rho"
    if n < 3:
        return Estimate(name, NAN, level=level, reason="too_few", measure=Measure.CORRELATION)
    if np.ptp(first) == 0 or np.ptp(last) == 0:
        return Estimate(name, NAN, level=level, reason="zero_variance", measure=Measure.CORRELATION)
    r = max(-1.0, min(1.0, float(np.corrcoef(midranks(first), midranks(last))[0, 1])))
    if abs(r) == 1:
        return Estimate(name, r, level=level, reason="at_limit", measure=Measure.CORRELATION)
    t = r * math.sqrt((n - 2) / (1 - r * r))
    se = math.sqrt((1 + r * r / 2) / (n - 3)) if n > 3 else NAN
    low, high = limits(math.atanh(r), se, level=level, back=math.tanh)
    return Estimate(
        name,
        r,
        low,
        high,
        level,
        p_of(t, n - 2),
        t,
        n - 2,
        how="Bonett-Wright interval",
        measure=Measure.CORRELATION,
    )


@dataclass(frozen=True, slots=True)
class Anchored:
    """Thresholds from an anchor: mean improvement of those it calls improved and of the others,
    ROC, and the correlation.
    """

    improved: Estimate
    other: Estimate
    roc: Roc
    correlation: Estimate


def anchored(
    gain: ArrayLike, anchor: ArrayLike, improved: ArrayLike, *, level: float = 0.95
) -> Anchored:
    """Meaningful improvement by an anchor such as the PGIC: anchor means, ROC cut-off, and what the
    anchor is worth.

    `gain` improvement (positive is better), `anchor` the anchor's own score (for Spearman's ρ with
    the gain), `improved` whether the anchor calls a patient improved. |ρ| below 0.3 means that the
    anchor hardly measures this change (Devji 2020, BMJ 369:m1714). Show several thresholds; none is
    the truth.

    >>> a = anchored(
    ...     [3, 2, 4, 0, 1, 2], [1, 2, 1, 4, 4, 3], [True, True, True, False, False, False]
    ... )
    >>> a.improved.value, a.other.value, a.roc.cut
    (3.0, 1.0, 2.0)
    """
    score, yes = np.asarray(gain, dtype=float), np.asarray(improved, dtype=bool)
    curve = roc(score, yes, level=level)
    means = (
        _mean(score[yes], "mean improvement, anchor improved", level),
        _mean(score[~yes], "mean improvement, anchor not improved", level),
    )
    return Anchored(*means, curve, spearman(score, anchor, level=level))


def _mean(values: np.ndarray, name: str, level: float) -> Estimate:
    e = mean_change(np.zeros(len(values)), values, level=level)
    return Estimate(
        name,
        e.value,
        e.low,
        e.high,
        level,
        se=e.se,
        df=e.df,
        reason=e.reason,
        # already turned so that more is better: its sign needs no word of direction
        measure=Measure.THRESHOLD,
        how="t interval",
    )


def spread_thresholds(
    before: ArrayLike, after: ArrayLike, *, reliability: float | None = None
) -> tuple[Estimate, ...]:
    """Thresholds from spread alone: half the SD before, SEM and MDC95 (with a reliability), and the
    responsiveness of the score.

    Responsiveness: SRM = d̄/s_d (= d_z), ES = d̄/s₁ (= d_b). Spread says what is larger than noise,
    not what matters to a patient. Without `reliability` SEM and MDC95 are nan `needs_input`. Reason
    `too_few` (n < 2). Source: Norman, Sloan & Wyrwich (2003), Med Care 41:582-592.

    >>> [(e.name, round(e.value, 2)) for e in spread_thresholds([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])][
    ...     :1
    ... ]
    [('half SD before', 0.57)]
    """
    first, last = pairs(before, after)
    names = ("half SD before", "SEM", "MDC95", "SRM", "ES")
    kinds = (*[Measure.THRESHOLD] * 3, *[Measure.STANDARDISED_CHANGE] * 2)
    if len(first) < 2:
        return tuple(
            Estimate(name, NAN, reason="too_few", measure=kind) for name, kind in zip(names, kinds)
        )
    d, sd = changes(first, last), float(first.std(ddof=1))
    sd_change = float(d.std(ddof=1)) if np.ptp(d) else 0.0
    error = None if reliability is None else measurement_error(sd, reliability)
    values = (
        sd / 2,
        error.sem if error else NAN,
        error.mdc95 if error else NAN,
        float(d.mean()) / sd_change if sd_change else NAN,
        float(d.mean()) / sd if sd else NAN,
    )
    reasons = (
        "",
        *("" if error else "needs_input",) * 2,
        "" if sd_change else "zero_variance",
        "" if sd else "zero_variance",
    )
    return tuple(
        Estimate(name, v, reason=why, measure=kind)
        for name, v, why, kind in zip(names, values, reasons, kinds)
    )


def limits_of_agreement(
    first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Bland and Altman's agreement of two measurements: bias (second − first) with limits, and its
    slope on the mean.

    Limits are bias ± z s_d and hold `level` of the differences of single patients (they are not a
    confidence interval). The slope, with its t interval, shows a difference that grows with the
    score. Reasons: `too_few`, `zero_variance`. Source: Bland & Altman (1986), Lancet 327:307-310.

    >>> bias, slope = limits_of_agreement([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(bias.value, 2), round(bias.low, 2), round(bias.high, 2)
    (-2.2, -4.76, 0.36)
    """
    a, b = pairs(first, second)
    d, n, names = changes(a, b), len(a), ("bias", "slope of the difference on the mean")
    if n < 2:
        return tuple(Estimate(name, NAN, level=level, reason="too_few") for name in names)  # type: ignore[return-value]
    mean = float(d.mean())
    bias = Estimate(
        names[0],
        mean,
        *limits(mean, float(d.std(ddof=1)) if np.ptp(d) else 0.0, level=level),
        level,
        how=f"limits of agreement, {100 * level:g}% of patients",
    )
    middle = (a + b) / 2
    off = middle - middle.mean()
    sxx = float(off @ off)
    if n < 3 or sxx <= 1e-18 * max(1.0, float(middle @ middle)):
        return bias, Estimate(
            names[1], NAN, level=level, reason="too_few" if n < 3 else "zero_variance"
        )
    slope = float(off @ d) / sxx
    residual = d - mean - slope * off
    se = math.sqrt(float(residual @ residual) / (n - 2) / sxx)
    return bias, wald(names[1], slope, se, df=n - 2, level=level, tested=False, how="t interval")
