"""Run charts with control limits: what changes from month to month by itself, and what is a
signal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN
from outcomes.core.language import Phrase

#: Mean moving range of two to standard deviation (d2 for n = 2), and the upper limit of the range
#: (D4 for n = 2).
D2, D4 = 1.1283791670955126, 3.2665
#: Fewer points than this give a run chart without limits: limits from so few move too much to judge
#: anything by.
LEAST_POINTS = 10
#: So many points in a row on one side of the centre are a signal.
RUN = 8


@dataclass(frozen=True)
class ControlChart:
    """The centre, the limits of each point, and which points (by position) signal and why.

    `low` and `high` are nan where there are too few points, and then nothing signals.
    """

    values: tuple[float, ...]
    centre: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    signals: tuple[tuple[int, str], ...]
    range_centre: float = NAN
    range_limit: float = NAN
    reason: str = ""


def xmr(values: ArrayLike, *, least: int = LEAST_POINTS, run: int = RUN) -> ControlChart:
    """Does a month differ from what the months before make likely (individuals and moving range)?

    Centre x̄; limits x̄ ± 3·m̄R/d2 with m̄R the mean of |x_i − x_(i−1)| and d2 = 1.128; upper limit
    of the range 3.267·m̄R. A point outside its limits signals, and so does the last of `run` points
    in a row on one side of the centre. Points must be independent: months that contain the patients
    of earlier months are not. With fewer than `least` points there are no limits (reason
    "too_few").

    Raises AnalysisError for an infinite or missing value.

    References: Shewhart 1931; NIST/SEMATECH e-Handbook of Statistical Methods 6.3.2.2 (doi
    10.18434/M32189).

    >>> chart = xmr([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    >>> [round(v, 2) for v in (chart.low[0], chart.centre, chart.high[0])]
    [45.82, 50.81, 55.8]
    """
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise AnalysisError("A control chart needs one finite value a period.")
    n = len(x)
    centre = float(x.mean()) if n else NAN
    if n < max(least, 2):
        return ControlChart(tuple(x.tolist()), centre, (NAN,) * n, (NAN,) * n, (), reason="too_few")
    mean_range = float(np.abs(np.diff(x)).mean())
    reach = 3 * mean_range / D2
    low, high = (centre - reach,) * n, (centre + reach,) * n
    found = _signals(
        x, np.full(n, centre - reach), np.full(n, centre + reach), np.full(n, centre), run
    )
    return ControlChart(tuple(x.tolist()), centre, low, high, found, mean_range, D4 * mean_range)


def p_chart(
    counts: ArrayLike,
    totals: ArrayLike,
    *,
    exact: bool = True,
    least: int = LEAST_POINTS,
    run: int = RUN,
) -> ControlChart:
    """Does the share of a month differ from what the other months make likely, given how many
    patients it has?

    Centre p̄ = Σ counts / Σ totals. Limits of each point: the binomial counts that are passed with
    probability of at most 0.00135 on each side (`exact`), which hold their promise at small n; or
    p̄ ± 3 √(p̄(1−p̄)/n), cut at 0 and 1, which cry wolf there. Signals as in `xmr`; with fewer than
    `least` points, none.

    Raises AnalysisError for a count outside 0 to its total, or a total of 0.

    Reference: NIST/SEMATECH e-Handbook of Statistical Methods 6.3.3.2 (doi 10.18434/M32189).

    >>> chart = p_chart([4] * 12, [10] * 12)
    >>> chart.centre, chart.low[0], chart.high[0], chart.signals
    (0.4, 0.0, 0.9, ())
    """
    k, n = np.asarray(counts, dtype=float), np.asarray(totals, dtype=float)
    if k.shape != n.shape or k.ndim != 1 or (n <= 0).any() or (k < 0).any() or (k > n).any():
        raise AnalysisError(
            "A p-chart needs, for each period, a total above 0 and a count from 0 to it."
        )
    points = len(k)
    share = k / n
    centre = float(k.sum() / n.sum()) if points else NAN
    if points < max(least, 2):
        return ControlChart(
            tuple(share.tolist()), centre, (NAN,) * points, (NAN,) * points, (), reason="too_few"
        )
    if exact:
        from scipy.stats import binom

        tail = special.ndtr(-3)
        low, high = binom.ppf(tail, n, centre) / n, binom.isf(tail, n, centre) / n
    else:
        reach = 3 * np.sqrt(centre * (1 - centre) / n)
        low, high = np.clip(centre - reach, 0, 1), np.clip(centre + reach, 0, 1)
    found = _signals(share, low, high, np.full(points, centre), run)
    return ControlChart(
        tuple(share.tolist()), centre, tuple(low.tolist()), tuple(high.tolist()), found
    )


def _signals(
    x: np.ndarray, low: np.ndarray, high: np.ndarray, centre: np.ndarray, run: int
) -> tuple[tuple[int, str], ...]:
    """Points outside their limits, and the point that completes a run on one side (a point on the
    centre ends it).
    """
    slack = 1e-9 * np.maximum(1, np.abs(centre))
    found = [
        (int(i), Phrase.of("outside the limits"))
        for i in np.flatnonzero((x < low - slack) | (x > high + slack))
    ]
    streak, side = 0, 0.0
    for i, gap in enumerate(np.where(np.abs(x - centre) <= slack, 0.0, np.sign(x - centre))):
        streak = streak + 1 if gap and gap == side else int(bool(gap))
        side = float(gap)
        if streak == run and not math.isnan(low[i]):
            found.append((i, Phrase.of("{n} in a row on one side", n=run)))
    return tuple(sorted(found))
