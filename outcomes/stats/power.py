"""Planning: power, number of patients and precision, before the data are seen.

Power of an observed effect ("post-hoc power") says nothing that its interval and p do not, so it is
not here; for a study that is done, ask which difference it could have detected (`detectable`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.stats.proportions.single import wilson_limits
from outcomes.stats.roots import root
from outcomes.stats.wald import critical

#: The largest study that is searched for.
LARGEST = 10_000_000
_NODES, _WEIGHTS = special.roots_legendre(120)


def t_power(
    noncentrality: float, df: float, *, alpha: float = 0.05, sides: int = 2, both_tails: bool = True
) -> float:
    """Power of a t test whose statistic has this noncentrality (true difference over its standard
    error).

    P(|T| > t) with T noncentral t. `sides` 1 tests in the direction of the difference.
    `both_tails=False` leaves out the rejections on the wrong side of a two-sided test, as some
    programs do. Own quadrature over the scale of T: no nan in the far tails (library routines have
    them).

    Reference: Johnson & Kotz, Continuous Univariate Distributions 2, 1995, ch. 31.

    >>> round(t_power(0.5 * 20**0.5, 19), 6)
    0.564504
    """
    _between(alpha=alpha)
    if df <= 0 or math.isnan(noncentrality):
        return math.nan
    edge = critical(1 - alpha, df, alternative=_sided(sides))
    size = abs(noncentrality)
    power = _beyond(edge, df, size)
    if sides == 2 and both_tails:
        power += _beyond(edge, df, -size)
    return min(1.0, power)


def _beyond(t: float, df: float, delta: float) -> float:
    """P(T > t) of a noncentral t, t > 0: Φ(δ − ts) averaged over the density of s = √(χ²/df).

    Quadrature where Φ varies; below that range Φ is 1, above it 0.
    """
    least, most = (
        math.sqrt(float(f(df / 2, 1e-17)) * 2 / df)
        for f in (special.gammaincinv, special.gammainccinv)
    )
    start = min(max(least, (delta - 9) / t), most)
    stop = max(min(most, (delta + 9) / t), start)
    s = start + (stop - start) * (_NODES + 1) / 2
    log_density = (
        math.log(2)
        + df / 2 * math.log(df / 2)
        - math.lgamma(df / 2)
        + (df - 1) * np.log(s)
        - df * s * s / 2
    )
    inside = (
        float((np.exp(log_density) * _WEIGHTS) @ special.ndtr(delta - t * s)) * (stop - start) / 2
    )
    return inside + (
        float(special.gammainc(df / 2, df * start * start / 2)) if start > least else 0.0
    )


def paired_power(
    d_z: float, n: float, *, alpha: float = 0.05, sides: int = 2, both_tails: bool = True
) -> float:
    """Power of the paired t-test with n patients for a mean change of d_z SDs of the changes.

    >>> round(paired_power(0.5, 34), 3)
    0.808
    """
    return t_power(d_z * math.sqrt(n), n - 1, alpha=alpha, sides=sides, both_tails=both_tails)


def paired_n(
    d_z: float, *, power: float = 0.8, alpha: float = 0.05, sides: int = 2, both_tails: bool = True
) -> float:
    """Patients with both scores that the paired t-test needs, as a real number; round it up.

    >>> round(paired_n(0.5), 4)
    33.3671
    """
    _between(power=power)
    return needed(
        lambda n: paired_power(d_z, n, alpha=alpha, sides=sides, both_tails=both_tails),
        power,
        least=2.001,
    )


def d_z_from_d_av(d_av: float, *, r: float) -> float:
    """The standardised change a paired test needs, from the one that is reported: d_z =
    d_av/√(2(1−r)), equal SDs.

    >>> round(d_z_from_d_av(0.5, r=0.6), 4)
    0.559
    """
    if not -1 <= r < 1:
        raise AnalysisError("r is the correlation of before and after, from −1 to below 1.")
    return d_av / math.sqrt(2 * (1 - r))


def two_arm_power(
    d: float,
    n_per_arm: float,
    *,
    r: float = 0.0,
    alpha: float = 0.05,
    sides: int = 2,
    both_tails: bool = True,
) -> float:
    """Power to see a difference of d SDs (of one visit) between two arms of n patients.

    `r` is the correlation of baseline and follow-up: above 0, analysis of covariance, whose
    variance is smaller by 1−r² for one df; 0, the two-sample t test.

    Reference: Borm, Fransen & Lemmens, J Clin Epidemiol 2007;60:1234.

    >>> round(two_arm_power(0.5, 64), 4), round(two_arm_power(0.5, 41, r=0.6), 4)
    (0.8015, 0.7982)
    """
    if not -1 < r < 1:
        raise AnalysisError("r is the correlation of baseline and follow-up, between −1 and 1.")
    df = 2 * n_per_arm - (3 if r else 2)
    noncentrality = d / math.sqrt((1 - r * r) * 2 / n_per_arm)
    return t_power(noncentrality, df, alpha=alpha, sides=sides, both_tails=both_tails)


def two_arm_n(
    d: float, *, r: float = 0.0, power: float = 0.8, alpha: float = 0.05, sides: int = 2
) -> float:
    """Patients per arm, as a real number; round it up.

    >>> math.ceil(two_arm_n(0.5)), math.ceil(two_arm_n(0.5, r=0.6))
    (64, 42)
    """
    _between(power=power)
    return needed(lambda n: two_arm_power(d, n, r=r, alpha=alpha, sides=sides), power, least=2.001)


def crossover_power(
    difference: float,
    n: float,
    *,
    sd_within: float,
    alpha: float = 0.05,
    sides: int = 2,
    both_tails: bool = True,
) -> float:
    """Power of the AB/BA crossover with n patients in all, half in each order.

    SE = sd_within·√(2/n), df n−2; `sd_within` is the SD of a patient's scores under one treatment:
    the SD of the difference of the two periods divided by √2.

    >>> round(crossover_power(1.0, 18, sd_within=1.0), 3)
    0.804
    """
    if not sd_within > 0:
        raise AnalysisError("sd_within is the SD within a patient, above 0.")
    noncentrality = difference / (sd_within * math.sqrt(2 / n))
    return t_power(noncentrality, n - 2, alpha=alpha, sides=sides, both_tails=both_tails)


def crossover_n(
    difference: float, *, sd_within: float, power: float = 0.8, alpha: float = 0.05, sides: int = 2
) -> int:
    """Patients in all, an even number.

    >>> crossover_n(1.0, sd_within=1.0)
    18
    """
    _between(power=power)
    real = needed(
        lambda n: crossover_power(difference, n, sd_within=sd_within, alpha=alpha, sides=sides),
        power,
        least=3,
    )
    return 2 * max(2, math.ceil(real / 2 - 1e-9))


def mcnemar_n(
    first_only: float, second_only: float, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Pairs for McNemar's test, from the shares of patients who answer at one time (or to one
    treatment) only.

    n = (z_α√s + z_β√(s−d²))²/d², s the sum and d the difference of the two shares.

    Reference: Connor, Biometrics 1987;43:207.

    >>> round(mcnemar_n(0.25, 0.10), 2)
    119.71
    """
    s, d = first_only + second_only, abs(first_only - second_only)
    if not 0 < d <= s <= 1 or min(first_only, second_only) < 0:
        raise AnalysisError("The two shares differ, are at least 0 and sum to at most 1.")
    _between(power=power, alpha=alpha)
    z_alpha, z_beta = -float(special.ndtri(alpha / 2)), float(special.ndtri(power))
    return (z_alpha * math.sqrt(s) + z_beta * math.sqrt(s - d * d)) ** 2 / d**2


def two_share_power(
    share1: float, share2: float, n_per_arm: float, *, alpha: float = 0.05, sides: int = 2
) -> float:
    """Power to see a difference of two shares of responders (arcsine approximation), n patients an
    arm.

    Reference: Cohen, Statistical Power Analysis 1988, ch. 6.

    >>> round(two_share_power(0.3, 0.5, 40), 4)
    0.4525
    """
    _shares(share1, share2)
    h = abs(2 * math.asin(math.sqrt(share1)) - 2 * math.asin(math.sqrt(share2)))
    away, edge = h * math.sqrt(n_per_arm / 2), critical(1 - alpha, alternative=_sided(sides))
    return float(special.ndtr(away - edge) + (special.ndtr(-away - edge) if sides == 2 else 0.0))


def two_share_n(
    share1: float, share2: float, *, power: float = 0.8, alpha: float = 0.05, sides: int = 2
) -> float:
    """Patients per arm to compare two shares of responders, as a real number; round it up.

    >>> round(two_share_n(0.3, 0.5), 3)
    92.696
    """
    _between(power=power)
    return needed(
        lambda n: two_share_power(share1, share2, n, alpha=alpha, sides=sides), power, least=1.001
    )


def mean_precision_n(half_width: float, *, sd: float, level: float = 0.95) -> float:
    """Patients whose mean change has an interval of ± half_width: n = (t·sd/half_width)², t with
    n−1 df.

    >>> math.ceil(mean_precision_n(0.5, sd=2.0))
    64
    """
    if not (half_width > 0 and sd > 0):
        raise AnalysisError("half_width and sd are above 0.")
    return needed(
        lambda n: half_width / (critical(level, n - 1) * sd / math.sqrt(n)),
        1.0,
        least=1.001,
    )


def share_precision_n(half_width: float, *, share: float, level: float = 0.95) -> float:
    """Patients whose Wilson interval of a share spans ± half_width, at the expected share.

    >>> math.ceil(share_precision_n(0.1, share=0.4))
    89
    """
    _shares(share, share)
    if not 0 < half_width < 0.5:
        raise AnalysisError("half_width is a share between 0 and 0.5.")

    z = critical(level)

    def narrowness(n: float) -> float:
        low, high = wilson_limits(share * n, n, z)
        return half_width / ((high - low) / 2)

    return needed(narrowness, 1.0, least=1.0)


def detectable(
    power_of: Callable[[float], float], *, power: float = 0.8, largest: float = 50.0
) -> float:
    """The smallest difference that a study of given size detects with this power.

    >>> round(detectable(lambda d: paired_power(d, 20)), 4)
    0.6604
    """
    _between(power=power)
    if power_of(largest) < power:
        return math.nan
    return root(lambda d: power_of(d) - power, 1e-9, largest, xtol=1e-13)


def needed(curve: Callable[[float], float], target: float, *, least: float) -> float:
    """The smallest size at which a rising function of it (power, narrowness) reaches the target.

    Raises AnalysisError where no size up to 10 million does.
    """
    if curve(least) >= target:
        return least
    high = max(4.0, 2 * least)
    while curve(high) < target:
        high *= 2
        if high > LARGEST:
            raise AnalysisError(
                "No study of up to 10 million patients is large enough: the assumed difference is"
                " too small."
            )
    return root(lambda n: curve(n) - target, least, high, xtol=1e-10)


def with_dropout(n: float, dropout: float) -> int:
    """Patients to enrol so that n are left when a share drops out: ⌈n/(1−dropout)⌉.

    >>> with_dropout(34, 0.2)
    43
    """
    if not 0 <= dropout < 1:
        raise AnalysisError("dropout is a share from 0 to below 1.")
    return math.ceil(n / (1 - dropout) - 1e-9)


def _sided(sides: int) -> str:
    if sides not in (1, 2):
        raise AnalysisError(f"sides is 1 or 2; got {sides}.")
    return "two-sided" if sides == 2 else "greater"


def _between(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 < value < 1:
            raise AnalysisError(f"{name} lies between 0 and 1; got {value}.")


def _shares(*values: float) -> None:
    if not all(0 < v < 1 for v in values):
        raise AnalysisError("A share of patients lies between 0 and 1.")
