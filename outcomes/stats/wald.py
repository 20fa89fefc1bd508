"""Estimate ± quantile × standard error: the quantiles, the test that agrees with them, and the row.

`df` is the degrees of freedom of a t; infinity (the default) is the normal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scipy import special

from outcomes.core.estimate import NAN, Estimate


def critical(level: float, df: float = math.inf, *, alternative: str = "two-sided") -> float:
    """How many standard errors the limits of this level are from the value.

    Raises ValueError for a level outside 0 to 1.

    >>> round(critical(0.95), 6), round(critical(0.95, 10), 4)
    (1.959964, 2.2281)
    """
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, such as 0.95; got {level}")
    tail = (1 - level) / 2 if alternative == "two-sided" else 1 - level
    return -float(special.ndtri(tail) if math.isinf(df) else special.stdtrit(df, tail))


def p_of(statistic: float, df: float = math.inf, *, alternative: str = "two-sided") -> float:
    """The p-value of a t or normal statistic; nan where the statistic or df is.

    >>> round(p_of(-2.0, 10), 4), round(p_of(-2.0, alternative="less"), 4)
    (0.0734, 0.0228)
    """

    def below(x: float) -> float:
        return float(special.ndtr(x) if math.isinf(df) else special.stdtr(df, x))

    if alternative == "two-sided":
        return min(1.0, 2 * below(-abs(statistic)))
    return below(statistic if alternative == "less" else -statistic)


def limits(
    value: float,
    se: float,
    *,
    df: float = math.inf,
    level: float = 0.95,
    alternative: str = "two-sided",
    back: Callable[[float], float] = float,
) -> tuple[float, float]:
    """The interval that agrees with the test: one-sided for a one-sided alternative.

    `back` takes the limits from the scale of `se` to the one that is reported.

    >>> [round(limit, 4) for limit in limits(0.0, 1.0, df=10, alternative="less")]
    [-inf, 1.8125]
    """
    half = critical(level, df, alternative=alternative) * se
    low = -math.inf if alternative == "less" else back(value - half)
    high = math.inf if alternative == "greater" else back(value + half)
    return low, high


def wald(
    name: str,
    value: float,
    se: float,
    *,
    df: float = math.inf,
    level: float = 0.95,
    null: float = 0.0,
    alternative: str = "two-sided",
    tested: bool = True,
    back: Callable[[float], float] = float,
    **fields: Any,
) -> Estimate:
    """The row of an estimate with its standard error: interval, statistic and p.

    (value − null)/se is referred to t with `df` degrees of freedom, or to the normal. `back` takes
    the value and its limits from the scale of `se` to the one that is reported (`math.exp` for a
    log ratio, `math.tanh` for Fisher's z); `se` stays on its own scale. `tested=False` leaves
    statistic and p out. `fields` are further fields of `Estimate`, such as `measure` and `how`.

    >>> e = wald("mean change", -2.0, 0.5, df=10)
    >>> round(e.low, 3), round(e.high, 3), e.statistic, round(e.p, 4)
    (-3.114, -0.886, -4.0, 0.0025)
    >>> round(wald("odds ratio", 0.5, 0.3, back=math.exp).high, 3)
    2.968
    """
    low, high = limits(value, se, df=df, level=level, alternative=alternative, back=back)
    statistic = (value - null) / se if tested else NAN
    return Estimate(
        name,
        back(value),
        low,
        high,
        level,
        p_of(statistic, df, alternative=alternative) if tested else NAN,
        statistic,
        NAN if math.isinf(df) else df,
        se,
        **fields,
    )
