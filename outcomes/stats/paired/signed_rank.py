"""Exact signed-rank and sign-flip tests, and the Hodges-Lehmann shift with its interval.

Under the null hypothesis every change is as likely to be + as −, so the sum of the positive ranks
(or of the positive changes) is a sum of weights, each in or out with probability ½. Its
distribution is counted exactly, ties and all, by adding one weight after another (dynamic
programming on integers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.paired.location import (
    ALTERNATIVES,
    Alternative,
    changes,
    check_option,
    ranked,
    weighing,
)
from outcomes.stats.wald import critical

Zeros = Literal["wilcoxon", "pratt"]
Method = Literal["auto", "exact", "normal"]

#: Up to this many non-zero differences `signed_rank` is exact unless told otherwise.
EXACT_UP_TO = 300
#: Beyond this many weights the counts leave the range of a float.
LARGEST_EXACT = 1500
#: Up to this many pairs the Hodges-Lehmann interval uses the exact quantile unless told otherwise.
HL_EXACT_UP_TO = 500
_SHIFT = 512


def _counts(weights: np.ndarray, target: int) -> np.ndarray:
    """Scaled numbers of subsets with sum 0 … target (or their whole sum, if that is less)."""
    if len(weights) > LARGEST_EXACT:
        raise AnalysisError(_too_many(len(weights)))
    counts = np.zeros(min(target, int(weights.sum())) + 1)
    counts[0] = math.ldexp(1.0, -_SHIFT)
    reach = 0
    for weight in np.sort(weights).tolist():
        reach = min(reach + weight, len(counts) - 1)
        if reach >= weight:
            counts[weight : reach + 1] += counts[: reach + 1 - weight]
    return counts


def _too_many(n: int) -> str:
    return f"The exact distribution is counted for at most {LARGEST_EXACT} differences, not {n}."


def subset_tail(weights: np.ndarray, at_most: int) -> tuple[float, float]:
    """P(W ≤ at_most) and P(W = at_most) for W, the sum of integer weights each taken with
    probability ½.

    Weights grow the table one by one; only sums up to `at_most` are kept. Counts are floats scaled
    by powers of two, so that the far tail keeps its digits.

    >>> subset_tail(np.array([1, 2, 3]), 1)
    (0.25, 0.125)
    """
    divisor = int(np.gcd.reduce(weights)) if len(weights) else 1
    target, rest = divmod(at_most, divisor)
    counts = _counts(weights // divisor, target)
    equal = float(counts[target]) if not rest and target < len(counts) else 0.0
    back = _SHIFT - len(weights)
    return math.ldexp(float(counts.sum()), back), math.ldexp(equal, back)


def _exact_p(weights: np.ndarray, positive: np.ndarray, alternative: str, *, mid_p: bool) -> float:
    """P-value of the sum of the positive weights; the null distribution is symmetric, so one tail
    is counted.
    """
    observed = int(weights[positive].sum())
    rest = int(weights.sum()) - observed
    tail, equal = subset_tail(weights, min(observed, rest))
    half = equal / 2 if mid_p else 0.0
    if alternative == "two-sided":
        return min(1.0, 2 * (tail - half))
    towards = observed <= rest if alternative == "less" else observed >= rest
    return (tail if towards else 1 - tail + equal) - half


@dataclass(frozen=True, slots=True)
class SignedRankTest:
    """A signed-rank test: the estimate (value = W+, p, statistic = z) and what it was made of."""

    test: Estimate
    n: int
    n_zero: int
    n_nonzero: int
    w_plus: float
    w_minus: float
    z: float
    exact: bool
    smallest_p: float


def signed_rank(
    before: ArrayLike,
    after: ArrayLike,
    *,
    zeros: Zeros = "wilcoxon",
    alternative: Alternative = "two-sided",
    method: Method = "auto",
    mid_p: bool = False,
    continuity: bool = True,
    weights: ArrayLike | None = None,
) -> SignedRankTest:
    """Wilcoxon signed-rank test on mid-ranks, exact with ties and zeros.

    Tests whether changes are symmetric about 0 (not whether the median is 0). Absolute changes get
    mid-ranks; W+ is the sum of the ranks of the positive ones. `zeros="wilcoxon"` drops zero
    changes before ranking, `"pratt"` ranks them and drops them afterwards. `method="auto"` is exact
    up to 300 non-zero changes and the normal approximation beyond (variance Σr²/4, which allows for
    ties; continuity correction of ½ unless `continuity=False`). `mid_p` subtracts half the
    probability of the observed W+ (exact only). The z reported is without continuity. `smallest_p`
    is the smallest p that this many non-zero changes can give. `weights` says how many patients
    have each pair (default: one).

    Degenerate: no pairs gives nan `too_few`; all changes zero gives p = 1 with reason `all_zero`.
    Raises AnalysisError for unknown options, or `method="exact"` with more than 1,500 non-zero
    changes.

    Sources: Wilcoxon (1945), Biometrics Bulletin 1:80-83; Pratt (1959), JASA 54:655-667,
    doi:10.1080/01621459.1959.10501526; Hollander, Wolfe & Chicken (2014), Nonparametric Statistical
    Methods, 3.1.

    >>> r = signed_rank([7, 8, 6, 7, 9, 5], [5, 7, 3, 6, 5, 5])
    >>> r.w_plus, r.n_nonzero, r.n_zero, r.test.p
    (0.0, 5, 1, 0.0625)
    """
    for name, value, allowed in (
        ("zeros", zeros, ("wilcoxon", "pratt")),
        ("alternative", alternative, ALTERNATIVES),
        ("method", method, ("auto", "exact", "normal")),
    ):
        check_option(name, value, allowed)
    d = changes(before, after)
    w = weighing(weights, len(d))
    n = int(w.sum())
    ranks, positive, times = _signed_ranks(d, w, zeros)
    m, plus = int(times.sum()), float((ranks * times)[positive].sum())
    total = float((ranks * times).sum())
    spread = math.sqrt(float((ranks * ranks * times).sum())) / 2
    off = plus - total / 2
    exact = method == "exact" or (method == "auto" and m <= EXACT_UP_TO)
    how = _how(zeros, exact=exact, mid_p=mid_p, continuity=continuity, alternative=alternative)
    reason, z = "", off / spread if m else NAN
    if not m:
        p, reason = (1.0, "all_zero") if n else (NAN, "too_few")
    elif exact:
        if m > LARGEST_EXACT:
            raise AnalysisError(_too_many(m))
        doubled = np.repeat(np.rint(2 * ranks).astype(np.int64), times)
        p = _exact_p(doubled, np.repeat(positive, times), alternative, mid_p=mid_p)
    else:
        p = _normal_p(off, spread, alternative, continuity=continuity)
    test = Estimate(
        "signed-rank W+",
        plus if n else NAN,
        p=p,
        statistic=z,
        how=how,
        reason=reason,
        measure=Measure.OVERALL_TEST,
    )
    floor = math.ldexp(1.0, (1 if alternative == "two-sided" else 0) - m)
    return SignedRankTest(test, n, n - m, m, plus, total - plus, z, exact, min(1.0, floor))


def _signed_ranks(
    d: np.ndarray, w: np.ndarray, zeros: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mid-ranks of the non-zero changes under a zero rule, which of them are positive, and how many
    patients have each. Changes of one size share the mean of their ranks.
    """
    kept = d != 0
    if zeros != "pratt":
        d, w, kept = d[kept], w[kept], kept[kept]
    _, place = np.unique(np.abs(d), return_inverse=True)
    times = np.bincount(place, weights=w)
    ranks = (np.cumsum(times) - (times - 1) / 2)[place]
    return ranks[kept], d[kept] > 0, w[kept]


def _how(zeros: str, *, exact: bool, mid_p: bool, continuity: bool, alternative: str) -> str:
    way = "exact, mid-ranks" if exact else "normal approximation, mid-ranks"
    extra = (
        (", mid-p" if mid_p else "")
        if exact
        else (", continuity correction" if continuity else ", no continuity")
    )
    rule = "zeros dropped" if zeros == "wilcoxon" else "zeros ranked (Pratt)"
    side = "" if alternative == "two-sided" else f", one-sided ({alternative})"
    return f"Wilcoxon signed-rank, {way}{extra}, {rule}{side}"


def _normal_p(off: float, spread: float, alternative: str, *, continuity: bool) -> float:
    step = 0.5 if continuity else 0.0
    if alternative == "two-sided":
        return min(1.0, 2 * float(special.ndtr(-max(abs(off) - step, 0.0) / spread)))
    return float(special.ndtr(((off + step) if alternative == "less" else (step - off)) / spread))


@dataclass(frozen=True, slots=True)
class HodgesLehmann:
    """The Hodges-Lehmann shift with its interval, and the confidence level that interval really
    has.
    """

    shift: Estimate
    achieved: float


def hodges_lehmann(
    before: ArrayLike,
    after: ArrayLike,
    *,
    level: float = 0.95,
    method: Method = "auto",
    weights: ArrayLike | None = None,
) -> HodgesLehmann:
    """Hodges-Lehmann estimate of the shift: the median of all Walsh averages (dᵢ + dⱼ)/2, i ≤ j,
    zeros kept.

    The interval is a pair of order statistics of the Walsh averages: the q-th from either end, q
    the exact signed-rank quantile for (1 − level)/2 (at least 1) up to n = 500, its normal
    approximation beyond. Both the test's level and this one are discrete, so the level achieved is
    given; with n ≤ 5 it stays below 95%, and then the level of the estimate says so. `weights` says
    how many patients have each pair (default: one). Degenerate: no pairs, nan `too_few`; one pair,
    its change without interval.

    Source: Hodges & Lehmann (1963), Ann Math Stat 34:598-611, doi:10.1214/aoms/1177704172.

    >>> h = hodges_lehmann([7, 8, 6, 7, 9, 5], [5, 7, 3, 6, 5, 5])
    >>> h.shift.value, h.shift.low, h.shift.high, h.achieved
    (-2.0, -4.0, 0.0, 0.96875)
    """
    check_option("method", method, ("auto", "exact", "normal"))
    d, up_to = ranked(changes(before, after), weights)
    n, name = int(up_to[-1]) if len(d) else 0, "Hodges-Lehmann shift"
    if n == 0:
        return HodgesLehmann(
            Estimate(name, NAN, level=level, reason="too_few", measure=Measure.CHANGE), NAN
        )
    if n == 1:
        return HodgesLehmann(
            Estimate(name, d[0], level=level, reason="too_few", measure=Measure.CHANGE), NAN
        )
    whole, scale = scaled_to_integers(d)
    total = n * (n + 1) // 2
    exact = method == "exact" or (method == "auto" and n <= HL_EXACT_UP_TO)
    q, achieved = _exact_quantile(n, level) if exact else _normal_quantile(n, level)
    middle = (_walsh(whole, up_to, (total + 1) // 2) + _walsh(whole, up_to, total // 2 + 1)) / 2
    low, high = _walsh(whole, up_to, q), _walsh(whole, up_to, total + 1 - q)
    if whole[0] == whole[-1]:
        same = Estimate(name, d[0], level=level, reason="zero_variance", measure=Measure.CHANGE)
        return HodgesLehmann(same, NAN)
    how = (
        f"order statistics of Walsh averages, {'exact' if exact else 'normal'} signed-rank quantile"
    )
    shift = Estimate(
        name,
        middle / (2 * scale),
        low / (2 * scale),
        high / (2 * scale),
        min(level, achieved),
        how=how,
        measure=Measure.CHANGE,
    )
    return HodgesLehmann(shift, achieved)


def scaled_to_integers(d: np.ndarray) -> tuple[np.ndarray, int]:
    """Changes as whole multiples of the coarsest decimal unit (1, 0.1, … 1e-9) they all fit, and
    1/unit.

    >>> scaled_to_integers(np.array([-1.5, 0.25]))
    (array([-150,   25]), 100)
    """
    for scale in (10**k for k in range(10)):
        whole = np.rint(d * scale)
        if scale == 10**9 or np.abs(d * scale - whole).max(initial=0) < 1e-6:
            break
    if np.abs(whole).max(initial=0) > 2**60:
        raise AnalysisError("Changes are too large to be ranked exactly; use a larger unit.")
    return whole.astype(np.int64), scale


def _walsh(d: np.ndarray, up_to: np.ndarray, k: int) -> int:
    """The k-th smallest sum dᵢ + dⱼ (i ≤ j) of sorted integers, of which `up_to` patients have each
    or a lower one, by halving the range of possible sums.
    """
    below = np.concatenate([[0], up_to])
    times = np.diff(below)
    low, high = 2 * int(d[0]), 2 * int(d[-1])
    while low < high:
        middle = (low + high) // 2
        ordered = int((times * below[np.searchsorted(d, middle - d, side="right")]).sum())
        with_itself = int(below[np.searchsorted(d, middle // 2, side="right")])
        if (ordered + with_itself) // 2 >= k:
            high = middle
        else:
            low = middle + 1
    return low


@lru_cache(maxsize=256)
def _exact_quantile(n: int, level: float) -> tuple[int, float]:
    """Smallest q ≥ 1 with P(W+ ≤ q) ≥ (1 − level)/2 for ranks 1 … n, and the level of the interval
    it gives.
    """
    counts = _counts(np.arange(1, n + 1), n * (n + 1) // 4)
    share = np.ldexp(np.cumsum(counts), _SHIFT - n)
    q = max(1, int(np.searchsorted(share, (1 - level) / 2 - 1e-15)))
    return q, 1 - 2 * float(share[q - 1])


def _normal_quantile(n: int, level: float) -> tuple[int, float]:
    mean, sd = n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    q = max(1, math.floor(mean - critical(level) * sd + 1e-9))
    return q, 1 - 2 * float(special.ndtr((q - 0.5 - mean) / sd))


#: Changes other than zero up to which every flip is enumerated whatever their decimals: 2^18 sums
#: on either side.
ENUMERATED_UP_TO = 36


def monte_carlo_error(p: float, draws: int) -> float:
    """The standard error of a P value that was estimated from random draws.

    >>> monte_carlo_error(0.5, 100)
    0.05
    """
    return math.sqrt(p * (1 - p) / draws)


def _enumerated_p(size: np.ndarray, whole: np.ndarray, alternative: str) -> float:
    """P over all 2ⁿ signs of whole numbers: every sum of one half is matched with the sums of the
    other half.
    """
    left, right = _signed_sums(size[::2]), np.sort(_signed_sums(size[1::2]))
    seen = int(whole.sum())
    target = {"greater": seen, "less": -seen}.get(alternative, abs(seen))
    if alternative == "two-sided" and seen == 0:
        return 1.0
    reached = int((len(right) - np.searchsorted(right, target - left, side="left")).sum())
    return reached * (2 if alternative == "two-sided" else 1) / 2 ** len(size)


def _signed_sums(size: np.ndarray) -> np.ndarray:
    sums = np.zeros(1, dtype=np.int64)
    for s in size:
        sums = np.concatenate([sums - s, sums + s])
    return sums


@dataclass(frozen=True, slots=True)
class SignFlip:
    """A sign-flip permutation test of the mean change; `draws` is 0 when every flip was counted."""

    test: Estimate
    draws: int


def sign_flip(
    before: ArrayLike,
    after: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    draws: int = 9999,
    rng: np.random.Generator | None = None,
    title: str = "sign-flip permutation",
) -> SignFlip:
    """Permutation test of the mean change: each patient's change could as well have had the other
    sign.

    Exact over all 2ⁿ flips of the changes scaled to integers: by counting sums for n ≤ 200 and a
    sum of |d| of at most 4 million units of their decimal place, by enumeration (two halves
    matched) for up to 36 changes whatever their decimals; otherwise `draws` random flips from
    `rng`, p = (b + 1)/(draws + 1), whose Monte Carlo error sqrt(p(1 − p)/draws) `how` says. `title`
    is what `how` calls the test.
    Two-sided by |mean|. Degenerate: no pairs gives nan `too_few`; all changes zero, p = 1 with
    reason `all_zero`. Raises AnalysisError when random flips are needed and `rng` was not given.

    Sources: Fisher (1935), The Design of Experiments, 21; Phipson & Smyth (2010), Stat Appl Genet
    Mol Biol 9:39.

    >>> sign_flip([7, 8, 6, 7, 9, 5], [5, 7, 3, 6, 5, 5]).test.p
    0.0625
    """
    check_option("alternative", alternative, ALTERNATIVES)
    d, name = changes(before, after), "mean change"
    if not d.any():
        reason, p = ("all_zero", 1.0) if len(d) else ("too_few", NAN)
        return SignFlip(
            Estimate(
                name,
                0.0 if len(d) else NAN,
                p=p,
                reason=reason,
                how=title,
                measure=Measure.CHANGE,
            ),
            0,
        )
    whole, _ = scaled_to_integers(d[d != 0])
    size = np.abs(whole)
    if len(d) <= 200 and int(size.sum()) <= 4_000_000:
        p, draws, how = (
            _exact_p(size, whole > 0, alternative, mid_p=False),
            0,
            f"exact {title}",
        )
    elif len(whole) <= ENUMERATED_UP_TO and sum(map(int, size)) < 2**62:
        p, draws, how = (
            _enumerated_p(size, whole, alternative),
            0,
            f"exact {title}, enumerated",
        )
    elif rng is None:
        raise AnalysisError(
            "These changes are too many to count every sign flip: give a random generator as rng=."
        )
    else:
        p = _drawn_p(whole, alternative, draws, rng)
        how = (
            f"{title}, {draws} random flips, Monte Carlo error of P"
            f" {monte_carlo_error(p, draws):.2g}"
        )
    return SignFlip(Estimate(name, float(d.mean()), p=p, how=how, measure=Measure.CHANGE), draws)


def _drawn_p(whole: np.ndarray, alternative: str, draws: int, rng: np.random.Generator) -> float:
    values, observed, extreme = whole.astype(float), float(whole.sum()), 0
    chunk = max(1, 2_000_000 // len(values))
    for start in range(0, draws, chunk):
        signs = 1 - 2 * rng.integers(
            0, 2, size=(min(chunk, draws - start), len(values)), dtype=np.int8
        )
        sums = signs.astype(float) @ values
        if alternative == "two-sided":
            extreme += int((np.abs(sums) >= abs(observed)).sum())
        else:
            extreme += int(
                ((sums <= observed) if alternative == "less" else (sums >= observed)).sum()
            )
    return (extreme + 1) / (draws + 1)
