"""What one site (or study) contributes to a pooled result: an estimate and its sampling variance.

Every function returns `(y, v)`, two arrays with one entry a site. Change is after − before, so a
fall is negative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError, unknown
from outcomes.stats.paired.effect_sizes import hedges_j
from outcomes.stats.proportions.ratios import pooling_effect

Array = NDArray[np.float64]
Effects = tuple[Array, Array]

_hedges_j = np.vectorize(hedges_j, otypes=[float])

#: Correlations of before and after to try when a report gives none.
USUAL_R = (0.3, 0.5, 0.7)


def mean_difference(
    mean1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, mean2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> Effects:
    """Difference of two means (MD): y = m₁−m₂, v = s₁²/n₁ + s₂²/n₂; in the units of the score.

    >>> [float(x) for x in mean_difference(4, 2, 20, 5, 2, 20)]
    [-1.0, 0.4]
    """
    m1, s1, k1, m2, s2, k2 = _arrays(mean1, sd1, n1, mean2, sd2, n2)
    return m1 - m2, s1**2 / k1 + s2**2 / k2


def standardised_mean_difference(
    mean1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, mean2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> Effects:
    """Hedges' g of two arms (SMD): J·(m₁−m₂)/s_pooled, v = 1/n₁ + 1/n₂ + g²/(2(n₁+n₂)); for
    different scales only.

    Reference: Hedges & Olkin 1985, p. 86.
    """
    m1, s1, k1, m2, s2, k2 = _arrays(mean1, sd1, n1, mean2, sd2, n2)
    df = k1 + k2 - 2
    pooled = np.sqrt(((k1 - 1) * s1**2 + (k2 - 1) * s2**2) / df)
    g = _hedges_j(df) * (m1 - m2) / pooled
    return g, 1 / k1 + 1 / k2 + g**2 / (2 * (k1 + k2))


def standardised_mean_change(
    change: ArrayLike, *, sd: ArrayLike, n: ArrayLike, r: ArrayLike, standardiser: str
) -> Effects:
    """Change within patients in units of an SD, Hedges-corrected.

    `standardiser` "before": the SD at baseline (SMCR, the one to pool), v = 2(1−r)/n + g²/(2n) with
    `r` the correlation of before and after; "change": the SD of the changes (SMCC), v = 1/n +
    g²/(2n), `r` is not used.

    Reference: Becker 1988 (doi:10.1111/j.2044-8317.1988.tb00901.x); Gibbons, Hedeker & Davis 1993,
    J Educ Stat 18:271.

    >>> y, v = standardised_mean_change(-2.0, sd=2.0, n=20, r=0.5, standardiser="before")
    >>> float(y.round(4)), float(v.round(4))
    (-0.9599, 0.073)
    """
    d, s, k, rho = _arrays(change, sd, n, r)
    if standardiser not in ("before", "change"):
        raise AnalysisError(unknown("standardiser", standardiser, ["before", "change"]))
    g = _hedges_j(k - 1) * d / s
    return g, (2 * (1 - rho) if standardiser == "before" else 1) / k + g**2 / (2 * k)


def sd_of_change(sd_before: ArrayLike, sd_after: ArrayLike, *, r: ArrayLike) -> Array:
    """SD of the change where only the two SDs are reported: √(s₁²+s₂²−2r·s₁s₂). Try `USUAL_R` if r
    is unknown.

    >>> [round(float(sd_of_change(2.1, 1.9, r=r)), 2) for r in USUAL_R]
    [2.37, 2.01, 1.56]
    """
    s1, s2, rho = _arrays(sd_before, sd_after, r)
    if (np.abs(rho) > 1).any():
        raise AnalysisError("r is a correlation between −1 and 1.")
    return np.asarray(np.sqrt(s1**2 + s2**2 - 2 * rho * s1 * s2))


def implied_r(sd_before: ArrayLike, sd_after: ArrayLike, sd_change: ArrayLike) -> Array:
    """The correlation that three reported SDs imply; beyond ±1 one of them is wrong (often a
    standard error).
    """
    s1, s2, sd = _arrays(sd_before, sd_after, sd_change)
    return np.asarray((s1**2 + s2**2 - sd**2) / (2 * s1 * s2))


def looks_like_se(sd: ArrayLike, n: ArrayLike) -> NDArray[np.bool_]:
    """Whether a reported SD is likelier a standard error: times √n it is nearer (on the log scale)
    to the other sites' SDs.

    >>> looks_like_se([2.1, 1.9, 0.35, 2.3], [20, 25, 36, 30]).tolist()
    [False, False, True, False]
    """
    s, k = _arrays(sd, n)
    others = np.array([np.median(np.delete(s, i)) if len(s) > 1 else np.nan for i in range(len(s))])
    return np.asarray(np.abs(np.log(s * np.sqrt(k) / others)) < np.abs(np.log(s / others)))


def crossover_effect(
    difference: ArrayLike,
    *,
    sd1: ArrayLike,
    sd2: ArrayLike,
    n: ArrayLike,
    r: ArrayLike,
    standardised: bool = False,
) -> Effects:
    """The mean difference of a crossover trial of n patients, in points or in SDs; `r` is the
    correlation of a patient's scores under the two treatments.

    In points v = s_d²/n with s_d from `sd_of_change`. `standardised` divides by √((s₁²+s₂²)/2),
    with v = (1/n + y²/(2n))·2(1−r), which a parallel trial can be pooled with.

    Reference: Cochrane Handbook for Systematic Reviews of Interventions, section 23.2.7.

    >>> y, v = crossover_effect(-1.2, sd1=2.1, sd2=1.9, n=20, r=0.5)
    >>> float(y), float(v.round(4))
    (-1.2, 0.2015)
    """
    d, s1, s2, k, rho = _arrays(difference, sd1, sd2, n, r)
    if not standardised:
        return d, sd_of_change(s1, s2, r=rho) ** 2 / k
    y = d / np.sqrt((s1**2 + s2**2) / 2)
    return y, (1 / k + y**2 / (2 * k)) * 2 * (1 - rho)


def proportion(events: ArrayLike, n: ArrayLike, *, scale: str = "logit") -> Effects:
    """A share of patients on a scale fit for pooling: "logit" (default), "raw", "arcsine" or
    "freeman-tukey".

    On the logit scale ½ is added to both cells of a site that has an empty one. The Freeman–Tukey
    scale has no sound way back to a share when the sites differ in size, so it is here for
    comparison only.

    >>> y, v = proportion(5, 12)
    >>> float(y.round(4)), float(v.round(4))
    (-0.3365, 0.3429)
    """
    x, k = _arrays(events, n)
    if ((x < 0) | (x > k) | (k <= 0)).any():
        raise AnalysisError("Events are between 0 and the number of patients, which is above 0.")
    if scale == "logit":
        half = np.where((x == 0) | (x == k), 0.5, 0.0)
        yes, no = x + half, k - x + half
        return np.log(yes / no), 1 / yes + 1 / no
    if scale == "raw":
        return x / k, x / k * (1 - x / k) / k
    if scale == "arcsine":
        return np.arcsin(np.sqrt(x / k)), 1 / (4 * k)
    if scale == "freeman-tukey":
        return (np.arcsin(np.sqrt(x / (k + 1))) + np.arcsin(np.sqrt((x + 1) / (k + 1)))) / 2, 1 / (
            4 * k + 2
        )
    raise AnalysisError(unknown("scale", scale, ["logit", "raw", "arcsine", "freeman-tukey"]))


def two_shares(
    events1: ArrayLike, n1: ArrayLike, events2: ArrayLike, n2: ArrayLike, *, measure: str = "RD"
) -> Effects:
    """Shares of two arms at each site: risk difference "RD", log risk ratio "RR" or log odds ratio
    "OR".

    ½ is added to the cells of a site that has an empty one; for rare events pool the counts
    (`stats.stratified`) instead.

    >>> [float(x[0].round(4)) for x in two_shares([6], [15], [2], [14], measure="OR")]
    [1.3863, 0.8611]
    """
    tables = zip(*(np.atleast_1d(x) for x in _arrays(events1, n1, events2, n2)), strict=True)
    sites = [pooling_effect((a, b), (c, d), measure=measure) for a, b, c, d in tables]
    return np.array([e.value for e in sites]), np.array([e.se for e in sites]) ** 2


def _arrays(*values: ArrayLike) -> tuple[Array, ...]:
    return tuple(np.asarray(v, float) for v in values)
