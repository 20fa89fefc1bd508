"""The default Bayes factor of a paired t statistic."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.paired.location import mean_change

#: The prior scale in use by default: √2/2 (Rouder et al. 2009 took 1; Morey and Rouder's software,
#: this).
MEDIUM = math.sqrt(2) / 2
# u = log g: the integrand falls as exp(−e^−u) to the left and as e^−u to the right, so the plain
# sum over an even grid converges faster than any power of the step
_U = np.arange(-8.0, 140.0, 0.02)


def jzs_log_bf10(t: float, n: int, *, scale: float = MEDIUM) -> float:
    """Natural log of the JZS Bayes factor for a paired (one-sample) t statistic of n patients.

    Under H1 the standardised change δ has a Cauchy(0, scale) prior, under H0 δ = 0: BF10 = ∫ (1 + n
    r² g)^−½ (1 + t²/((1 + n r² g) ν))^−(ν+1)/2 (2π)^−½ g^−3/2 e^−1/(2g) dg / (1 + t²/ν)^−(ν+1)/2,
    summed on the log scale so that no size of t overflows. nan for n < 2 or an undefined t.

    Source: Rouder, Speckman, Sun, Morey & Iverson (2009), Psychon Bull Rev 16:225-237, eq. 1.

    >>> round(jzs_log_bf10(-5.2, 35), 4)
    7.6825
    """
    if not (scale > 0 and math.isfinite(scale)):
        raise AnalysisError(f"The prior scale is a positive number, such as 0.707; got {scale}.")
    if n < 2 or not math.isfinite(t):
        return NAN
    df = n - 1
    spread = np.logaddexp(0.0, _U + math.log(n * scale * scale))
    # log(1 + t²/(ν(1 + n r² g))), safe for any g
    fit = np.log1p(t * t / df * np.exp(-spread))
    log_height = -0.5 * spread - (df + 1) / 2 * fit - 0.5 * _U - np.exp(-_U) / 2
    top = float(log_height.max())
    area = float(np.exp(log_height - top).sum()) * 0.02
    return (
        top + math.log(area) - 0.5 * math.log(2 * math.pi) + (df + 1) / 2 * math.log1p(t * t / df)
    )


def bayes_factor(before: ArrayLike, after: ArrayLike, *, scale: float = MEDIUM) -> Estimate:
    """How much more likely the changes are under some mean change than under none: the JZS Bayes
    factor BF10.

    Value is BF10 (inf only beyond 1e308), statistic its natural log. Reasons as in `mean_change`.

    >>> e = bayes_factor([7, 8, 6, 7, 9], [5, 7, 3, 6, 5])
    >>> round(e.value, 2)
    4.35
    """
    change, how = mean_change(before, after), f"JZS, Cauchy prior scale {scale:.4g}"
    log_bf = jzs_log_bf10(change.statistic, len(np.asarray(before)), scale=scale)
    if change.reason:
        return Estimate("BF10", NAN, reason=change.reason, how=how, measure=Measure.EVIDENCE)
    return Estimate(
        "BF10",
        math.exp(log_bf) if log_bf < 709 else math.inf,
        statistic=log_bf,
        how=how,
        measure=Measure.EVIDENCE,
    )
