"""Rates of side effects over infusions or time, allowing for patients with several infusions.

Events and exposure (infusions, or patient-days) come either in all, for the exact Poisson interval,
or one number a patient, for the ratio estimator p̂ = Σa/Σm with SE² = K/(K−1)·Σ(a − p̂m)²/(Σm)²
over K patients, which allows for some patients having side effects again and again.

References: Garwood, Biometrika 1936;28:437-442 (exact rate). Przyborowski and Wilenski, Biometrika
1940;31:313-323 (conditional test). Cochran, Sampling Techniques, 3rd ed 1977, sec 6.3 and 10.3
(ratio estimator). Korn and Graubard, Surv Methodol 1998;24:193-201 (interval at the effective
sample size).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.proportions.single import clopper_pearson, wilson_limits
from outcomes.stats.wald import critical, wald

Numbers = Sequence[float] | np.ndarray

#: Events and the exposure they were seen in.
Rate = tuple[float, float]


def share_of_infusions(
    events: Numbers, infusions: Numbers, *, level: float = 0.95, name: str = "share of infusions"
) -> Estimate:
    """After what share of infusions did it happen, allowing for repeated infusions of the same
    patient?

    `events` and `infusions` hold one number a patient: infusions with the side effect, and
    infusions. Wilson's interval with t(K−1) in place of z and the effective number n* = p(1−p)/SE²
    of infusions in place of n, where n* is never taken to be more than the infusions there were.
    With none or all affected SE is 0 and n* is the number of patients: as if all infusions of a
    patient had to end alike. `df` is K − 1.

    >>> e = share_of_infusions([0, 2, 1, 0, 3], [4, 4, 2, 5, 3])
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.333, 0.064, 0.786)
    """
    a, m = _per_patient(events, infusions)
    if (a > m).any():
        raise ValueError(
            "a patient cannot have more affected infusions than infusions; count events with"
            " rate_by_patient"
        )
    how = (
        "ratio estimator over patients; Wilson interval at the effective number of infusions with t"
    )
    if len(a) < 2:
        return Estimate(
            name,
            NAN if not len(a) else a.sum() / m.sum(),
            level=level,
            unit="share",
            how=how,
            reason="too_few",
            measure=Measure.SHARE,
        )
    share, se = _ratio(a, m)
    effective = min(share * (1 - share) / se**2, m.sum()) if se > 0 and 0 < share < 1 else len(a)
    low, high = wilson_limits(share * effective, effective, critical(level, len(a) - 1))
    return Estimate(
        name,
        share,
        low,
        high,
        level,
        df=len(a) - 1,
        se=se,
        unit="share",
        how=how,
        measure=Measure.SHARE,
    )


def rate_by_patient(
    events: Numbers,
    exposure: Numbers,
    *,
    per: float = 1.0,
    level: float = 0.95,
    name: str = "rate",
    unit: str = "",
) -> Estimate:
    """How many events are there per `per` infusions (or days), allowing for patients who have them
    again and again?

    One number a patient. The interval is t(K−1) on the log scale. Without any event it is the exact
    Poisson interval, which takes events to be independent: no event can show how they cluster.
    With two patients, or the same rate in all, there is no interval.

    >>> e = rate_by_patient([0, 2, 1, 0, 4], [4, 4, 2, 5, 3], per=100, unit="per 100 infusions")
    >>> round(e.value, 1), round(e.low, 1), round(e.high, 1)
    (38.9, 7.2, 210.2)
    """
    a, m = _per_patient(events, exposure)
    how = "ratio estimator over patients; t interval of the log rate"
    if len(a) < 2:
        value = NAN if not len(a) else per * a.sum() / m.sum()
        return Estimate(
            name, value, level=level, unit=unit, how=how, reason="too_few", measure=Measure.RATE
        )
    rate, se = _ratio(a, m)
    if rate == 0:
        return exact_rate(0, m.sum(), per=per, level=level, name=name, unit=unit)
    value = per * rate
    if se == 0 or len(a) < 3:  # nothing shows how events cluster
        why = "zero_variance" if se == 0 else "too_few"
        return Estimate(
            name, value, level=level, unit=unit, how=how, reason=why, measure=Measure.RATE
        )
    factor = math.exp(critical(level, len(a) - 1) * se / rate)
    return Estimate(
        name,
        value,
        value / factor,
        value * factor,
        level,
        df=len(a) - 1,
        se=per * se,
        unit=unit,
        how=how,
        measure=Measure.RATE,
    )


def exact_rate(
    events: float,
    exposure: float,
    *,
    per: float = 1.0,
    level: float = 0.95,
    name: str = "rate",
    unit: str = "",
) -> Estimate:
    """How many events are there per `per` infusions (or days), if events are independent (exact
    Poisson interval)?

    Garwood: low = χ²(α/2; 2x)/2, high = χ²(1−α/2; 2x+2)/2, over the exposure.

    >>> e = exact_rate(41, 115, per=100)
    >>> round(e.value, 1), round(e.low, 1), round(e.high, 1)
    (35.7, 25.6, 48.4)
    """
    if events < 0 or events != int(events) or exposure < 0:
        raise ValueError(
            f"events are a whole count and exposure is not negative; got {events} in {exposure}"
        )
    how = "exact Poisson interval (Garwood)"
    if not exposure > 0:
        return Estimate(
            name, NAN, level=level, unit=unit, how=how, reason="too_few", measure=Measure.RATE
        )
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(special.gammaincinv(events, tail))
    high = float(special.gammainccinv(events + 1, tail))
    scale = per / exposure
    return Estimate(
        name,
        events * scale,
        low * scale,
        high * scale,
        level,
        se=math.sqrt(events) * scale,
        unit=unit,
        how=how,
        measure=Measure.RATE,
    )


def rate_ratio(
    first: Rate, second: Rate, *, level: float = 0.95, name: str = "rate ratio"
) -> Estimate:
    """How many times as often does it happen in the first group, per infusion or day (exact, events
    independent)?

    Given x₁ + x₂ events, x₁ is binomial with share T₁r/(T₁r + T₂): the exact binomial test of r = 1
    and Clopper-Pearson limits turned into ratios. Without events in the second group the ratio is
    infinite ("no_events").

    >>> e = rate_ratio((11, 30), (8, 60))
    >>> round(e.value, 2), round(e.low, 2), round(e.high, 2), round(e.p, 3)
    (2.75, 1.01, 7.88, 0.029)
    """
    from scipy.stats import binomtest

    (x1, t1), (x2, t2) = first, second
    how = "conditional exact test and limits of two Poisson rates"
    if not (t1 > 0 and t2 > 0):
        return Estimate(
            name, NAN, level=level, how=how, reason="too_few", measure=Measure.RATE_RATIO
        )
    if x1 + x2 == 0:
        return Estimate(
            name, NAN, level=level, p=1.0, how=how, reason="no_events", measure=Measure.RATE_RATIO
        )
    share = clopper_pearson(x1, x1 + x2, level=level)
    low, high = (p / (1 - p) * t2 / t1 if p < 1 else math.inf for p in (share.low, share.high))
    p = float(binomtest(int(x1), int(x1 + x2), t1 / (t1 + t2)).pvalue)
    value = (x1 / t1) / (x2 / t2) if x2 else math.inf
    return Estimate(
        name,
        value,
        low,
        high,
        level,
        p,
        how=how,
        reason="" if x2 else "no_events",
        measure=Measure.RATE_RATIO,
    )


def rate_ratio_by_patient(
    first: tuple[Numbers, Numbers],
    second: tuple[Numbers, Numbers],
    *,
    level: float = 0.95,
    name: str = "rate ratio",
) -> Estimate:
    """How many times as often does it happen in the first group, allowing for patients with
    repeated events?

    Each side is (events, exposure), one number a patient. SE² of the log ratio = SE₁²/r₁² +
    SE₂²/r₂² (ratio estimator), t with K₁ + K₂ − 2 df. Without events on a side it is undefined
    ("no_events"): `rate_ratio` still has a limit.

    >>> e = rate_ratio_by_patient(([1, 2, 0, 3], [2, 3, 2, 4]), ([0, 1, 0, 1], [3, 4, 2, 4]))
    >>> round(e.value, 2), round(e.low, 2), round(e.high, 2)
    (3.55, 0.98, 12.8)
    """
    sides = [_per_patient(*first), _per_patient(*second)]
    how = "ratio estimators over patients; t interval of the log ratio; SE of the log"
    if any(len(a) < 2 for a, _ in sides):
        return Estimate(
            name, NAN, level=level, how=how, reason="too_few", measure=Measure.RATE_RATIO
        )
    (r1, se1), (r2, se2) = (_ratio(a, m) for a, m in sides)
    if r1 == 0 or r2 == 0:
        value = r1 / r2 if r2 else math.inf if r1 else NAN
        return Estimate(
            name, value, level=level, how=how, reason="no_events", measure=Measure.RATE_RATIO
        )
    df, se, value = sum(len(a) for a, _ in sides) - 2, math.hypot(se1 / r1, se2 / r2), r1 / r2
    if se1 == 0 or se2 == 0:  # a group in which all have the same rate shows no spread
        return Estimate(
            name,
            value,
            level=level,
            df=df,
            se=se,
            how=how,
            reason="zero_variance",
            measure=Measure.RATE_RATIO,
        )
    return wald(
        name,
        math.log(value),
        se,
        df=df,
        level=level,
        back=math.exp,
        how=how,
        measure=Measure.RATE_RATIO,
    )


def _per_patient(events: Numbers, exposure: Numbers) -> tuple[np.ndarray, np.ndarray]:
    a, m = np.asarray(events, dtype=float), np.asarray(exposure, dtype=float)
    if a.shape != m.shape or a.ndim != 1 or not (a >= 0).all() or not (m >= 0).all():
        raise ValueError("events and exposure have one number a patient, none missing or below 0")
    if (a[m == 0] > 0).any():
        raise ValueError("a patient without exposure cannot have events")
    return a[m > 0], m[m > 0]


def _ratio(a: np.ndarray, m: np.ndarray) -> tuple[float, float]:
    k, ratio = len(a), a.sum() / m.sum()
    variance = k / (k - 1) * ((a - ratio * m) ** 2).sum() / m.sum() ** 2
    return float(ratio), math.sqrt(variance) if variance > 1e-30 else 0.0
