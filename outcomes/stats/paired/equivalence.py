"""Is a mean change small enough, or not too bad? Equivalence and non-inferiority against a stated
margin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from numpy.typing import ArrayLike

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.core.wording import MINUS
from outcomes.stats.paired.location import check_option, mean_change
from outcomes.stats.wald import limits, p_of


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests: the change (p = the larger one-sided p, interval at 1 − 2α) and each
    side.

    `within` says whether the interval lies wholly between the margins; None where it is undefined.
    """

    change: Estimate
    lower: Estimate
    upper: Estimate
    within: bool | None


def tost(
    before: ArrayLike, after: ArrayLike, *, margin: float | tuple[float, float], alpha: float = 0.05
) -> Equivalence:
    """Is the mean change between the margins? Two one-sided t-tests, and the 1 − 2α interval that
    says the same.

    `margin` m means −m to m; a pair (low, high) is taken as it stands, with low < 0 < high. It
    comes from the protocol; there is no default. p = max(p_lower, p_upper). Reasons as in
    `mean_change`. Raises AnalysisError for margins that do not enclose 0, or alpha outside (0,
    0.5).

    Source: Schuirmann (1987), J Pharmacokinet Biopharm 15:657-680, doi:10.1007/BF01068419.

    >>> e = tost([5, 6, 4, 7, 5, 6], [5, 5, 4, 7, 6, 6], margin=1)
    >>> e.within, round(e.change.p, 4), e.change.level
    (True, 0.0059, 0.9)
    """
    low, high = _margins(margin)
    _check_alpha(alpha)
    change = mean_change(before, after, level=round(1 - 2 * alpha, 12))
    return two_one_sided(replace(change, how=""), margin=(low, high), alpha=alpha)


def two_one_sided(
    e: Estimate, *, margin: float | tuple[float, float], alpha: float = 0.05
) -> Equivalence:
    """Does an estimate with a standard error and t degrees of freedom lie between the margins?

    For any mean change or difference of groups; `margin`, `alpha` and source as in `tost`. The
    interval is at 1 − 2α whatever that of `e` was.

    >>> e = two_one_sided(Estimate("difference", 0.2, se=0.4, df=38), margin=1)
    >>> e.within, round(e.change.p, 4)
    (True, 0.0263)
    """
    low, high = _margins(margin)
    _check_alpha(alpha)
    change = _at_level(e, round(1 - 2 * alpha, 12))
    how = _joined(f"two one-sided t-tests, margins {MINUS}{-low:g} and {high:g}", e.how)
    if _undefined(change):
        side = Estimate("", NAN, reason=change.reason, measure=Measure.OVERALL_TEST)
        sides = (
            replace(side, name="above the lower margin"),
            replace(side, name="below the upper margin"),
        )
        return Equivalence(replace(change, how=how), *sides, None)
    t_low, t_high = ((change.value - m) / change.se for m in (low, high))
    above = _side("above the lower margin", change, t_low, "greater", low)
    below = _side("below the upper margin", change, t_high, "less", high)
    within = change.low > low and change.high < high
    p = max(above.p, below.p)
    worst = above if above.p >= below.p else below
    return Equivalence(
        replace(change, p=p, statistic=worst.statistic, how=how), above, below, within
    )


def _at_level(e: Estimate, level: float) -> Estimate:
    """The estimate with its t interval at another level, and without its test against zero."""
    low, high = (NAN, NAN) if _undefined(e) else limits(e.value, e.se, df=_df(e), level=level)
    return replace(e, low=low, high=high, level=level, p=NAN, statistic=NAN, p_adjusted=NAN)


def _undefined(e: Estimate) -> bool:
    return bool(e.reason) or not e.se > 0


def _df(e: Estimate) -> float:
    """Degrees of freedom; infinite (the normal) where the estimate has none."""
    return math.inf if math.isnan(e.df) else e.df


def _joined(test: str, how: str) -> str:
    """The test, and how the estimate itself was made where that is said."""
    return f"{test}; {how}" if how else test


def _side(name: str, change: Estimate, t: float, alternative: str, margin: float) -> Estimate:
    p = p_of(t, _df(change), alternative=alternative)
    return Estimate(
        name,
        change.value - margin,
        p=p,
        statistic=t,
        df=change.df,
        se=change.se,
        how="one-sided t-test",
        measure=Measure.OVERALL_TEST,
    )


def _margins(margin: float | tuple[float, float]) -> tuple[float, float]:
    low, high = margin if isinstance(margin, tuple) else (-margin, margin)
    if not (low < 0 < high and math.isfinite(low) and math.isfinite(high)):
        raise AnalysisError(
            f"The margins must enclose 0, such as margin=1 (−1 to 1); got {low:g} to {high:g}."
        )
    return low, high


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise AnalysisError(
            f"alpha is the one-sided error, between 0 and 0.5, such as 0.05; got {alpha}."
        )


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """A mean change against a margin on its worse side; `shown` is None where it is undefined."""

    change: Estimate
    limit: float
    shown: bool | None


def non_inferiority(
    before: ArrayLike,
    after: ArrayLike,
    *,
    margin: float,
    better: Literal["lower", "higher"],
    alpha: float = 0.025,
) -> NonInferiority:
    """Is the mean change not worse than the margin? One-sided t-test at `alpha`, and the interval
    at 1 − 2α.

    Where lower is better the upper limit of the change is compared with +margin, otherwise the
    lower limit with −margin. `margin` > 0, in score points, from the protocol. The change compares
    two scores of the same patients (two periods, two routes, a switch of treatment). Reasons as in
    `mean_change`.

    Source: CPMP (2000), Points to consider on switching between superiority and non-inferiority,
    CPMP/EWP/482/99.

    >>> r = non_inferiority([5, 6, 4, 7, 5, 6], [5, 5, 4, 7, 6, 6], margin=1, better="lower")
    >>> r.shown, round(r.limit, 2), round(r.change.p, 4)
    (True, 0.66, 0.0059)
    """
    _check_alpha(alpha)
    change = mean_change(before, after, level=round(1 - 2 * alpha, 12))
    return one_sided(replace(change, how=""), margin=margin, better=better, alpha=alpha)


def one_sided(
    e: Estimate, *, margin: float, better: Literal["lower", "higher"], alpha: float = 0.025
) -> NonInferiority:
    """Is an estimate with a standard error and t degrees of freedom not worse than the margin?

    For any mean change or difference of groups (group − reference); arguments and source as in
    `non_inferiority`. The interval is at 1 − 2α whatever that of `e` was.

    >>> r = one_sided(Estimate("difference", 0.2, se=0.4, df=38), margin=1, better="lower")
    >>> r.shown, round(r.limit, 3), round(r.change.p, 4)
    (False, 1.01, 0.0263)
    """
    check_option("better", better, ("lower", "higher"))
    if not (margin > 0 and math.isfinite(margin)):
        raise AnalysisError(
            f"A non-inferiority margin is a positive number of points; got {margin}."
        )
    _check_alpha(alpha)
    change = _at_level(e, round(1 - 2 * alpha, 12))
    edge, alternative = (margin, "less") if better == "lower" else (-margin, "greater")
    how = _joined(
        f"one-sided t-test against a margin of {MINUS if edge < 0 else ''}{abs(edge):g}", e.how
    )
    if _undefined(change):
        return NonInferiority(replace(change, how=how), NAN, None)
    t = (change.value - edge) / change.se
    limit = change.high if better == "lower" else change.low
    shown = limit < edge if better == "lower" else limit > edge
    return NonInferiority(
        replace(change, p=p_of(t, _df(change), alternative=alternative), statistic=t, how=how),
        limit,
        shown,
    )
