"""How closely two scores of the same patients run together."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.paired.location import pairs
from outcomes.stats.wald import limits, p_of


def pearson(
    x: ArrayLike, y: ArrayLike, *, level: float = 0.95, name: str = "correlation"
) -> Estimate:
    """Pearson's r of two scores of the same patients, Fisher's z interval, and the t test of r = 0.

    r = Σ(x−x̄)(y−ȳ)/√(Σ(x−x̄)²·Σ(y−ȳ)²); interval tanh(atanh r ± z/√(n−3)), from 4 pairs on; t =
    r√((n−2)/(1−r²)) on n − 2 df. Interval and test assume bivariate normal scores; those of |r| = 1
    are undefined (`not_estimable`).

    Reasons: `too_few` (n < 3: two pairs always lie on a line; or, for the interval alone, n = 3),
    `zero_variance`. Source: Fisher (1921), Metron 1:3-32.

    >>> e = pearson([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.532, -0.66, 0.963)
    """
    first, last = pairs(x, y)
    n = len(first)
    if n < 3:
        return Estimate(name, NAN, level=level, reason="too_few", measure=Measure.CORRELATION)
    if np.ptp(np.round(first, 9)) == 0 or np.ptp(np.round(last, 9)) == 0:
        return Estimate(name, NAN, level=level, reason="zero_variance", measure=Measure.CORRELATION)
    r = float(np.corrcoef(first, last)[0, 1])
    if 1 - abs(r) < 1e-12:  # a line, up to the last digits
        return Estimate(
            name,
            math.copysign(1, r),
            level=level,
            reason="at_limit",
            measure=Measure.CORRELATION,
        )
    t = r * math.sqrt((n - 2) / (1 - r * r))
    se = 1 / math.sqrt(n - 3) if n > 3 else NAN
    low, high = limits(math.atanh(r), se, level=level, back=math.tanh)
    reason = "too_few" if n == 3 else ""
    return Estimate(
        name,
        r,
        low,
        high,
        level,
        p_of(t, n - 2),
        t,
        n - 2,
        reason=reason,
        how="Fisher z interval",
        measure=Measure.CORRELATION,
    )
