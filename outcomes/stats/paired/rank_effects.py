"""Size of a paired change in ranks and in probability, for scores whose steps need not be equal."""

from __future__ import annotations

import math
from typing import Literal

from numpy.typing import ArrayLike

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.paired.location import changes, check_option, weighing
from outcomes.stats.paired.signed_rank import Zeros, signed_rank
from outcomes.stats.proportions.paired import paired_difference
from outcomes.stats.wald import limits


def rank_biserial(
    before: ArrayLike,
    after: ArrayLike,
    *,
    zeros: Zeros = "wilcoxon",
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> Estimate:
    """Matched-pairs rank-biserial correlation, r = (R+ − R−)/(R+ + R−): −1 when all changes fall,
    +1 when all rise.

    Ranks as in the signed-rank test under the same zero rule; zero changes are in neither sum. The
    interval is Fisher's z with the standard error of W+ under the null, tanh(atanh r ± z
    √((2m³+3m²+m)/6)/((m²+m)/2)), m non-zero changes: an approximation, undefined at |r| = 1
    (`not_estimable`). Nobody changed: nan `all_zero`.

    Sources: Kerby (2014), Compr Psychol 3:11.IT.3.1; King, Rosopa & Minium (2011), Statistical
    Reasoning in the Behavioral Sciences, 6th ed., ch. 19.

    >>> e = rank_biserial([7, 8, 6, 7, 9, 5], [5, 7, 3, 8, 5, 5])
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (-0.8, -0.969, -0.129)
    """
    r = signed_rank(before, after, zeros=zeros, method="normal", weights=weights)
    m, name = r.n_nonzero, "rank-biserial"
    how = (
        f"zeros {'dropped' if zeros == 'wilcoxon' else 'ranked, then dropped (Pratt)'}; Fisher z"
        " interval"
    )
    if m == 0:
        return Estimate(
            name, NAN, level=level, reason=r.test.reason, how=how, measure=Measure.RANK_EFFECT
        )
    value = (r.w_plus - r.w_minus) / (r.w_plus + r.w_minus)
    if abs(value) == 1:
        return Estimate(
            name, value, level=level, reason="at_limit", how=how, measure=Measure.RANK_EFFECT
        )
    se = math.sqrt((2 * m**3 + 3 * m**2 + m) / 6) / ((m**2 + m) / 2)
    return Estimate(
        name,
        value,
        *limits(math.atanh(value), se, level=level, back=math.tanh),
        level,
        how=how,
        measure=Measure.RANK_EFFECT,
    )


def superiority(
    before: ArrayLike,
    after: ArrayLike,
    *,
    better: Literal["lower", "higher"] = "lower",
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> Estimate:
    """Probability that a patient's own score is better after than before, ties split: PS_dep =
    P(better) + ½ P(same).

    Pairs stay together: it is not the "common language effect size" that compares all n²
    combinations. Interval from Tango's score interval for P(better) − P(worse), halved and centred
    on ½. No pairs: nan `too_few`.

    Source: Grissom & Kim (2012), Effect Sizes for Research, 2nd ed., 172-174; Tango (1998), Stat
    Med 17:891-908.

    >>> e = superiority([7, 8, 6, 7, 9, 5], [5, 7, 3, 8, 5, 5])
    >>> round(e.value, 3)
    0.75
    """
    check_option("better", better, ("lower", "higher"))
    gain = changes(before, after) * (-1 if better == "lower" else 1)
    w = weighing(weights, len(gain))
    up, down, same = (int(w[mask].sum()) for mask in (gain > 0, gain < 0, gain == 0))
    net = paired_difference((0, down, up, same), level=level)
    how = "ties split; Tango interval"
    value = (1 + net.value) / 2
    return Estimate(
        "PS_dep",
        value,
        (1 + net.low) / 2,
        (1 + net.high) / 2,
        level,
        reason=net.reason,
        how=how,
        measure=Measure.SUPERIORITY,
    )


def r_from_z(
    before: ArrayLike,
    after: ArrayLike,
    *,
    pairs: Literal["non-zero", "all"] = "non-zero",
    weights: ArrayLike | None = None,
) -> Estimate:
    """Rosenthal's r = Z/√N of the signed-rank test, to compare with older papers; N counts the
    pairs named.

    Z is corrected for ties, without continuity correction. Nobody changed: nan `all_zero`. Source:
    Rosenthal 1991, Meta-Analytic Procedures for Social Research, 19.

    >>> round(r_from_z([7, 8, 6, 7, 9, 5], [5, 7, 3, 8, 5, 5]).value, 3)
    -0.727
    """
    check_option("pairs", pairs, ("non-zero", "all"))
    r = signed_rank(before, after, method="normal", weights=weights)
    n = r.n_nonzero if pairs == "non-zero" else r.n
    how = f"Z/√N, N = {pairs} pairs"
    return Estimate(
        "r from Z",
        r.z / math.sqrt(n) if n else NAN,
        reason=r.test.reason,
        how=how,
        measure=Measure.RANK_EFFECT,
    )
