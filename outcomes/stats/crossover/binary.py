"""A yes/no answer in the AB/BA crossover: preference, allowing for the order of the treatments.

Inputs are 0/1 responses of period 1 and period 2, one entry a patient, and whether the treatment of
interest came first. McNemar's test and Cochran's Q, which ignore the order, are in
`paired_proportions`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.proportions.contingency import cochran_armitage

PairedTable = tuple[int, int, int, int]


def response_table(
    response1: ArrayLike, response2: ArrayLike, *, treated_first: ArrayLike
) -> PairedTable:
    """Patients who responded to both, the control only, the treatment only, neither.

    The order is that of `paired_proportions`, with the control as first: a positive difference
    favours the treatment.

    >>> response_table([1, 1, 0], [0, 1, 1], treated_first=[1, 0, 0])
    (1, 0, 2, 0)
    """
    r1, r2, first = _responses(response1, response2, treated_first)
    treated, control = np.where(first, r1, r2), np.where(first, r2, r1)
    both, only_control = int((treated & control).sum()), int((control & ~treated).sum())
    only_treated = int((treated & ~control).sum())
    return both, only_control, only_treated, len(r1) - both - only_control - only_treated


def mainland_gart(
    response1: ArrayLike, response2: ArrayLike, *, treated_first: ArrayLike, level: float = 0.95
) -> Estimate:
    """Is one treatment preferred, allowing for a difference between periods?

    Patients who responded in one period only, by order and by period: Fisher's exact test of that
    2×2 table. The odds ratio of the treatment is the square root of its cross-product; the limits
    are roots of the exact conditional ones.

    Reasons: `no_discordant` (p = 1) if nobody differed between periods, `no_events` where the
    ratio is 0 or infinite.

    Reference: Gart, Biometrika 1969;56:75; Mainland, Elementary Medical Statistics 1963.
    """
    from scipy.stats import contingency, fisher_exact

    r1, r2, first = _responses(response1, response2, treated_first)
    table = np.array(
        [[int((won & order).sum()) for won in (r1 & ~r2, r2 & ~r1)] for order in (first, ~first)]
    )
    name, how = (
        "treatment odds ratio, Mainland-Gart",
        "Fisher exact test of discordant patients by order",
    )
    if table.sum() == 0:
        return Estimate(
            name,
            NAN,
            level=level,
            p=1.0,
            how=how,
            reason="no_discordant",
            measure=Measure.ODDS_RATIO,
        )
    p = float(fisher_exact(table)[1])
    product = float(table[0, 0] * table[1, 1]), float(table[0, 1] * table[1, 0])
    if 0 in product:
        return Estimate(
            name, NAN, level=level, p=p, how=how, reason="no_events", measure=Measure.ODDS_RATIO
        )
    limits = contingency.odds_ratio(table).confidence_interval(level)
    low, high = math.sqrt(limits.low), math.sqrt(limits.high)
    return Estimate(
        name,
        math.sqrt(product[0] / product[1]),
        low,
        high,
        level,
        p,
        how=how,
        measure=Measure.ODDS_RATIO,
    )


def prescott(response1: ArrayLike, response2: ArrayLike, *, treated_first: ArrayLike) -> Estimate:
    """The same question, using patients without a preference too.

    Preference (period 1 only, none, period 2 only) scored 1, 0, −1: test for trend of the share
    treated first; χ², 1 df.

    Reference: Prescott, Appl Stat 1981;30:9.
    """
    r1, r2, first = _responses(response1, response2, treated_first)
    score = r1.astype(int) - r2.astype(int)
    name, how = "Prescott", "Prescott's test of preference by order, χ² with 1 df"
    if not score.any():
        return Estimate(
            name, NAN, p=1.0, how=how, reason="no_discordant", measure=Measure.OVERALL_TEST
        )
    if first.all() or not first.any():
        return Estimate(name, NAN, how=how, reason="not_estimable", measure=Measure.OVERALL_TEST)
    values = [s for s in (-1, 0, 1) if (score == s).any()]
    if len(values) == 1:
        return Estimate(name, NAN, how=how, reason="not_estimable", measure=Measure.OVERALL_TEST)
    trend = cochran_armitage(
        [int((first & (score == s)).sum()) for s in values],
        [int((score == s).sum()) for s in values],
        scores=values,
    )
    x2 = trend.statistic**2
    return Estimate(
        name,
        x2,
        p=trend.p,
        statistic=x2,
        df=1,
        how=how,
        reason=trend.reason,
        measure=Measure.OVERALL_TEST,
    )


def _responses(
    response1: ArrayLike, response2: ArrayLike, treated_first: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    r1, r2 = np.asarray(response1, float), np.asarray(response2, float)
    first = np.asarray(treated_first).astype(bool)
    if not r1.shape == r2.shape == first.shape or not np.isin([r1, r2], (0, 1)).all():
        raise AnalysisError("Each patient needs 0 or 1 in both periods, and an order.")
    return r1 == 1, r2 == 1, first
