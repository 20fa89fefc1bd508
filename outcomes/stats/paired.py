"""Change of the same patients between two visits: mean, trimmed mean, median, spread.

Every function takes the scores `before` and `after` of the same patients in the same order, complete pairs only:
a missing score raises, because whoever leaves a patient out has to count that patient. A change is after − before,
rounded to 9 decimals, so that 7.0 − 4.9 and 5.1 − 3.0 tie as they should.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.errors import AnalysisError
from outcomes.result import NAN, Estimate

Alternative = Literal["two-sided", "less", "greater"]
ALTERNATIVES = ("two-sided", "less", "greater")


def pairs(before: ArrayLike, after: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The two columns as float arrays of one length without missing values.

    Raises AnalysisError when lengths differ or a score is missing or infinite.

    >>> pairs([7, 6], [4, 6])
    (array([7., 6.]), array([4., 6.]))
    """
    first, last = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if first.ndim != 1 or first.shape != last.shape:
        raise AnalysisError(
            f"Before and after have {first.size} and {last.size} scores; they must be two columns of the same patients."
        )
    if not (np.isfinite(first).all() and np.isfinite(last).all()):
        raise AnalysisError("A score before or after is missing or infinite: leave these patients out and count them.")
    return first, last


def changes(before: ArrayLike, after: ArrayLike) -> np.ndarray:
    """Change of each patient, after − before, rounded to 9 decimals.

    >>> changes([7.0, 5.1, 4.0], [4.9, 3.0, 4.0])
    array([-2.1, -2.1,  0. ])
    """
    first, last = pairs(before, after)
    # adding 0 turns −0.0, which would print a sign, into 0.0
    return np.round(last - first, 9) + 0.0


def check_option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise AnalysisError unless the value is one of those allowed, and say which those are."""
    if value not in allowed:
        raise AnalysisError(f"{name} is one of {', '.join(allowed)}, not '{value}'.")


def t_tail(t: float, df: float, alternative: str) -> float:
    """P-value of a t statistic.

    >>> round(t_tail(-2.0, 10, "two-sided"), 4)
    0.0734
    """
    if alternative == "two-sided":
        return float(min(1.0, 2 * special.stdtr(df, -abs(t))))
    return float(special.stdtr(df, t if alternative == "less" else -t))


def t_limits(value: float, se: float, df: float, level: float, alternative: str) -> tuple[float, float]:
    """The t interval that agrees with the test: one-sided for a one-sided alternative.

    >>> [round(limit, 4) for limit in t_limits(0.0, 1.0, 10, 0.95, "less")]
    [-inf, 1.8125]
    """
    q = float(special.stdtrit(df, (1 + level) / 2 if alternative == "two-sided" else level))
    low = -math.inf if alternative == "less" else value - q * se
    high = math.inf if alternative == "greater" else value + q * se
    return low, high


def _t_estimate(name: str, value: float, se: float, df: float, level: float, alternative: str, how: str) -> Estimate:
    t = value / se
    low, high = t_limits(value, se, df, level, alternative)
    return Estimate(name, value, low, high, level, t_tail(t, df, alternative), t, df, se, how=how)


def mean_change(
    before: ArrayLike, after: ArrayLike, *, level: float = 0.95, alternative: Alternative = "two-sided"
) -> Estimate:
    """Mean change with its t interval and paired t-test.

    d̄ ± t(n−1) · s_d / √n, t = d̄ / (s_d / √n). Assumes independent patients and a mean change that is about normal;
    its type-I error holds from about 8 patients, also on an integer 0-10 scale. Without a control group the change
    contains regression to the mean, natural course and other care.

    `before`, `after`: scores of the same n patients. Returns an Estimate (statistic = t, df = n − 1) whose reason is
    `too_few` (n < 2) or `zero_variance` (all changes equal: the mean stands, se is 0, the test is undefined).
    Raises AnalysisError for unequal lengths, missing scores or an unknown alternative.

    Source: Student (1908), Biometrika 6:1-25, doi:10.1093/biomet/6.1.1.

    >>> e = mean_change([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(e.value, 2), round(e.low, 2), round(e.high, 2), round(e.p, 3)
    (-2.2, -3.82, -0.58, 0.02)
    """
    check_option("alternative", alternative, ALTERNATIVES)
    d, n, how = changes(before, after), len(np.asarray(before)), "paired t-test"
    if n < 2:
        return Estimate("mean change", d[0] if n else NAN, level=level, reason="too_few", how=how)
    mean, sd = float(d.mean()), _sd(d)
    if sd == 0:
        return Estimate("mean change", float(d[0]), level=level, df=n - 1, se=0, reason="zero_variance", how=how)
    return _t_estimate("mean change", mean, sd / math.sqrt(n), n - 1, level, alternative, how)


def _sd(x: np.ndarray) -> float:
    """Sample standard deviation; exactly 0 for equal values, whatever rounding does to their mean."""
    return float(x.std(ddof=1)) if (x != x[0]).any() else 0.0
