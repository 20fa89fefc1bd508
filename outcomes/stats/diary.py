"""Daily diaries: area under the curve, time-weighted mean, pain relief against baseline, weekly
means, return of pain.

One patient at a time: `day` (numbers, any order) and `score` (nan = missing). Gaps are bridged by a
straight line only up to `max_gap` missing days; nothing is extrapolated beyond the last day unless
the caller says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class DiarySummary:
    """One patient's diary: areas in score-days, means in scores; undefined numbers are nan and
    `reason` says why.

    `auc` area under the scores; `mean` the time-weighted mean; `spid` the area between baseline and
    scores (positive = below baseline), `percent_spid` as a percentage of the largest possible,
    `relief` that area with rises counted as 0; `span` the days from first to last; `days` how many
    had a score; `longest_gap` the longest run of missing days.
    """

    auc: float
    mean: float
    spid: float
    percent_spid: float
    relief: float
    span: float
    days: int
    longest_gap: float
    reason: str = ""


def observed(day: ArrayLike, score: ArrayLike) -> tuple[Array, Array]:
    """The days with a score, in order.

    Raises AnalysisError when lengths differ, a day is missing or appears twice.
    """
    t, y = np.asarray(day, dtype=float), np.asarray(score, dtype=float)
    if t.shape != y.shape or t.ndim != 1:
        raise AnalysisError(
            f"There are {t.size} days and {y.size} scores: one score a day is needed."
        )
    there = np.isfinite(y)
    order = np.argsort(t[there], kind="stable")
    t, y = t[there][order], y[there][order]
    if not np.isfinite(t).all() or (np.diff(t) == 0).any():
        raise AnalysisError("A diary day is missing or appears twice.")
    return t, y


def trapezoid(day: ArrayLike, score: ArrayLike) -> float:
    """Area under straight lines between the scores, in score-days.

    >>> trapezoid([0, 1, 3], [6, 4, 2])
    11.0
    """
    t, y = np.asarray(day, dtype=float), np.asarray(score, dtype=float)
    return float((np.diff(t) * (y[1:] + y[:-1])).sum() / 2)


def summarise(
    day: ArrayLike,
    score: ArrayLike,
    *,
    baseline: float = NAN,
    max_gap: float = 3,
    until: float = NAN,
    carry_forward: bool = False,
) -> DiarySummary:
    """What did a patient's pain add up to? Areas and means of one diary.

    Formulas (trapezoid over days with a score): AUC = Σ(t_{i+1}−t_i)(y_i+y_{i+1})/2; mean =
    AUC/(t_last−t_first); SPID = ∫(baseline − y); %SPID = 100·SPID/(baseline·span); relief =
    ∫max(baseline − y, 0), clipped at the scores. A gap of more than `max_gap` missing days leaves
    the patient's areas undefined (`not_estimable`); with `until`, so does a diary that ends before
    that day, unless `carry_forward` holds the last score to it. For a relief rating the AUC is the
    total pain relief (TOTPAR).

    Source: Matthews et al 1990, BMJ 300:230, doi:10.1136/bmj.300.6719.230; Cooper 1991, in Max: The
    Design of Analgesic Clinical Trials, p 117.

    >>> s = summarise([0, 1, 2, 3], [6, 4, 5, 3], baseline=6)
    >>> s.auc, s.spid, round(s.percent_spid, 1)
    (13.5, 4.5, 25.0)
    """
    t, y = observed(day, score)
    if math.isfinite(until):
        t, y = t[t <= until], y[t <= until]
    gap = float(np.diff(t).max() - 1) if t.size > 1 else 0.0
    nothing = DiarySummary(
        NAN, NAN, NAN, NAN, NAN, float(np.ptp(t)) if t.size else 0.0, int(t.size), gap, "too_few"
    )
    days = int(t.size)
    short = math.isfinite(until) and t.size > 0 and t[-1] < until
    if short and carry_forward:
        t, y = np.append(t, until), np.append(y, y[-1])
    if t.size < 2:
        return nothing
    if gap > max_gap or (short and not carry_forward):
        return DiarySummary(NAN, NAN, NAN, NAN, NAN, float(np.ptp(t)), days, gap, "not_estimable")
    area, span = trapezoid(t, y), float(t[-1] - t[0])
    spid = baseline * span - area
    relief = trapezoid(t, np.maximum(baseline - y, 0)) if math.isfinite(baseline) else NAN
    share = 100 * spid / (baseline * span) if baseline > 0 else NAN
    return DiarySummary(area, area / span, spid, share, relief, span, days, gap)


def window_mean(
    day: ArrayLike, score: ArrayLike, *, first: float, last: float, minimum: int = 4
) -> float:
    """The mean of the scores from `first` to `last` day; nan with fewer than `minimum` of them.

    >>> window_mean([1, 2, 3, 5, 9], [6, 4, 5, 5, 1], first=1, last=7)
    5.0
    """
    t, y = observed(day, score)
    inside = y[(t >= first) & (t <= last)]
    return float(inside.mean()) if inside.size >= max(1, minimum) else NAN


def days_with_relief(
    day: ArrayLike, score: ArrayLike, *, baseline: float, percent: float = 30
) -> int:
    """On how many days after day 0 was the score at least this much below baseline? Decided without
    float noise.

    >>> days_with_relief([0, 1, 2], [7.0, 4.9, 5.0], baseline=7.0)
    1
    """
    t, y = observed(day, score)
    return int(((np.round(100 * (baseline - y) - percent * baseline, 6) >= 0) & (t > 0)).sum())


@dataclass(frozen=True, slots=True)
class Relief:
    """When pain returned: the day it was first seen back (`event`), or the last day seen without
    it; nan if never seen.

    `since` is the last day seen before that: the return lies between the two.
    """

    time: float
    event: bool
    since: float


def return_of_pain(
    day: ArrayLike, score: ArrayLike, *, baseline: float, share: float = 0.7
) -> Relief:
    """On which day after day 0 was pain first back at a share of its baseline (higher = worse)?

    >>> return_of_pain([1, 2, 3, 7], [2, 3, 4, 6], baseline=7)
    Relief(time=7.0, event=True, since=3.0)
    """
    t, y = observed(day, score)
    t, y = t[t > 0], y[t > 0]
    if not t.size or not baseline > 0:
        return Relief(NAN, False, NAN)
    back = np.flatnonzero(np.round(y - share * baseline, 9) >= 0)
    if not back.size:
        return Relief(float(t[-1]), False, float(t[-1]))
    i = int(back[0])
    return Relief(float(t[i]), True, float(t[i - 1]) if i else 0.0)
