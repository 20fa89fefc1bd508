"""A share over imputations: Wilson's interval widened by what the imputations disagree."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.stats.wald import critical


def pooled_share(
    counts: ArrayLike, totals: ArrayLike, *, level: float = 0.95, name: str = "share"
) -> Estimate:
    """The share over m imputations with the interval of Lott & Reiter.

    With q the mean share, U the mean of q(1 − q)/n, B the variance of the shares between the
    imputations and r = (1 + 1/m)B/U, it holds every share Q with |q − Q| ≤ t √((1 + r) Q(1 − Q)/n),
    t with (m − 1)(1 + 1/r)² degrees of freedom. Without disagreement, or of one data set, it is
    Wilson's; it exists for shares of 0 and 1.

    Source: Lott & Reiter 2020, Am Stat 74:109-115 (doi 10.1080/00031305.2018.1473796).

    >>> e = pooled_share([4, 5, 6], [10, 10, 10])
    >>> round(e.value, 2), round(e.low, 3), round(e.high, 3)
    (0.5, 0.18, 0.82)
    """
    k, n = np.atleast_1d(np.asarray(counts, float)), np.atleast_1d(np.asarray(totals, float))
    m, size = len(k), float(n.mean())
    how = f"Wilson interval over {m} imputations (Lott and Reiter)" if m > 1 else "Wilson interval"
    if not n.all():
        return Estimate(
            name,
            np.nan,
            level=level,
            unit="share",
            how=how,
            reason="too_few",
            measure=Measure.SHARE,
        )
    share = k / n
    q, within = float(share.mean()), float((share * (1 - share) / n).mean())
    between = (1 + 1 / m) * float(share.var(ddof=1)) if m > 1 else 0.0
    r = between / within if within > 0 else 0.0
    df = (m - 1) * (1 + 1 / r) ** 2 if r > 0 else inf
    c = critical(level, df) ** 2 * (1 + r) / size
    middle, half = (q + c / 2) / (1 + c), sqrt(c * q * (1 - q) + c * c / 4) / (1 + c)
    return Estimate(
        name,
        q,
        max(middle - half, 0.0),
        min(middle + half, 1.0),
        level=level,
        unit="share",
        se=sqrt(within + between),
        df=df if df < inf else np.nan,
        how=how,
        measure=Measure.SHARE,
        n=round(size),
    )
