"""Two proportions in the same patients: McNemar's tests, the paired difference with its interval,
Cochran's Q.

A paired table is four counts `(both, first_only, second_only, neither)`: patients with the event
both times, at the first time only, at the second only, never. The difference is the share at the
second time − the share at the first (after − before), (second_only − first_only)/n: the sign of
every change in this library.

References: McNemar, Psychometrika 1947;12:153-157. Edwards, Psychometrika 1948;13:185-187.
Fagerland, Lydersen and Laake, BMC Med Res Methodol 2013;13:91 (mid-p). Tango, Stat Med
1998;17:891-908. Newcombe, Stat Med 1998;17:2635-2650 (methods 8 and 10). Bonett and Price, J Educ
Behav Stat 2012;37:479-488. Cochran, Biometrika 1950;37:256-266.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import special

from outcomes.core.direction import DIFFERENCE
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.proportions.single import clopper_pearson, wilson_limits
from outcomes.stats.proportions.two_groups import score_limits, score_ratio
from outcomes.stats.wald import critical

#: Patients with the event both times, at the first time only, at the second only, never.
PairedTable = tuple[float, float, float, float]


def paired_table(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray
) -> tuple[int, int, int, int]:
    """The paired table of two columns of 0 and 1 (or booleans), one patient a row, nothing missing.

    >>> paired_table([1, 1, 0, 0, 1], [1, 0, 0, 1, 0])
    (1, 2, 1, 1)
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.shape != b.shape or not np.isin([a, b], (0, 1)).all():
        raise ValueError("both columns hold 0 or 1 for the same patients, nothing missing")
    one, two = a == 1, b == 1
    return (
        int((one & two).sum()),
        int((one & ~two).sum()),
        int((~one & two).sum()),
        int((~one & ~two).sum()),
    )


def mcnemar(table: PairedTable, *, method: str = "mid-p") -> Estimate:
    """Did more patients change one way than the other (McNemar's test)?

    With X ~ binomial(first_only + second_only, ½): "mid-p" 2·P(X ≤ min) − P(X = min), the default;
    "exact" the binomial test; "asymptotic" (b−c)²/(b+c) and "corrected" (|b−c|−1)²/(b+c) (Edwards),
    both χ² with 1 df. Without discordant patients p is 1 by convention ("no_discordant").

    >>> table = (20, 12, 2, 16)
    >>> round(mcnemar(table).p, 4), round(mcnemar(table, method="exact").p, 4)
    (0.0074, 0.0129)
    """
    _, b, c, _ = _cells(table)
    hows = {
        "mid-p": "McNemar mid-p test",
        "exact": "exact McNemar test",
        "asymptotic": "McNemar test without continuity correction",
        "corrected": "McNemar test with Edwards' continuity correction",
    }
    if method not in hows:
        raise AnalysisError(unknown("McNemar method", method, hows))
    name, how, n = "McNemar", hows[method], b + c
    if n == 0:
        return Estimate(
            name, NAN, p=1.0, how=how, reason="no_discordant", measure=Measure.OVERALL_TEST
        )
    if method in ("asymptotic", "corrected"):
        x2 = max(0.0, abs(b - c) - (method == "corrected")) ** 2 / n
        return Estimate(
            name,
            x2,
            p=float(special.chdtrc(1, x2)),
            statistic=x2,
            df=1,
            how=how,
            measure=Measure.OVERALL_TEST,
        )
    tail = 2 * float(special.bdtr(min(b, c), n, 0.5))
    p = tail - math.comb(n, min(b, c)) / 2**n if method == "mid-p" else tail
    return Estimate(
        name,
        min(b, c),
        p=min(1.0, float(p)),
        statistic=min(b, c),
        how=how,
        measure=Measure.OVERALL_TEST,
    )


def paired_difference(
    table: PairedTable,
    *,
    method: str = "tango",
    level: float = 0.95,
    name: str = "paired risk difference",
) -> Estimate:
    """How much larger is the share at the second time than at the first, in the same patients?

    `method` is the interval: "tango" (score; the default), "newcombe" (square-and-add of the two
    Wilson intervals with the correlation φ, continuity-corrected: method 10), "newcombe-8" (φ
    uncorrected), "bonett-price" (Wald with one discordant patient more each way) or "wald" (for
    comparison only).

    >>> e = paired_difference((20, 12, 2, 16))
    >>> round(e.value, 2), round(e.low, 3), round(e.high, 3)
    (-0.2, -0.345, -0.061)
    """
    a, b, c, d = _cells(table)
    n, z = a + b + c + d, critical(level)
    if method not in _PAIRED:
        raise AnalysisError(unknown("interval", method, _PAIRED))
    limits, how = _PAIRED[method]
    if n == 0:
        return Estimate(
            name,
            NAN,
            level=level,
            unit=DIFFERENCE,
            how=how,
            reason="too_few",
            measure=Measure.SHARE_DIFFERENCE,
        )
    low, high = limits(a, b, c, d, z)
    se = math.sqrt(max(0.0, b + c - (c - b) ** 2 / n)) / n
    return Estimate(
        name,
        (c - b) / n,
        low,
        high,
        level,
        se=se,
        unit=DIFFERENCE,
        how=how,
        measure=Measure.SHARE_DIFFERENCE,
    )


def conditional_odds_ratio(
    table: PairedTable, *, level: float = 0.95, name: str = "conditional odds ratio"
) -> Estimate:
    """What are the odds that a patient who changed, changed towards the event (second_only /
    first_only)?

    The exact limits are those of Clopper and Pearson for second_only of all discordant patients, as
    odds.

    >>> e = conditional_odds_ratio((20, 2, 12, 16))
    >>> e.value, round(e.low, 2), round(e.high, 1)
    (6.0, 1.34, 55.2)
    """
    _, b, c, _ = _cells(table)
    how = "conditional odds ratio, exact limits from Clopper and Pearson"
    if b + c == 0:
        return Estimate(
            name, NAN, level=level, how=how, reason="no_discordant", measure=Measure.ODDS_RATIO
        )
    share = clopper_pearson(c, b + c, level=level)
    low, high = (p / (1 - p) if p < 1 else math.inf for p in (share.low, share.high))
    return Estimate(
        name,
        c / b if b else math.inf,
        low,
        high,
        level,
        how=how,
        reason="" if b else "no_events",
        measure=Measure.ODDS_RATIO,
    )


def cochran_q(responses: Sequence[Sequence[float]] | np.ndarray) -> Estimate:
    """Does the share differ between three or more times in the same patients (Cochran's Q)?

    `responses` is patients × times of 0 and 1, complete. Q = (k−1)(kΣG² − (ΣG)²)/(kΣL − ΣL²) with
    column sums G and row sums L, χ² with k−1 df. Patients who never vary do not count; if nobody
    varies p is 1 ("no_discordant").

    >>> e = cochran_q([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
    >>> round(e.value, 4), e.df, round(e.p, 4)
    (4.6667, 2.0, 0.097)
    """
    r = np.asarray(responses, dtype=float)
    if r.ndim != 2 or r.shape[1] < 2 or not np.isin(r, (0, 1)).all():
        raise ValueError(
            "responses are patients x at least two times, each 0 or 1, nothing missing"
        )
    k = r.shape[1]
    if not np.ptp(r, axis=1).any():
        return Estimate(
            "Cochran Q",
            NAN,
            df=k - 1,
            p=1.0,
            how="Cochran's Q test",
            reason="no_discordant",
            measure=Measure.OVERALL_TEST,
        )
    from statsmodels.stats.contingency_tables import cochrans_q

    test = cochrans_q(r)
    return Estimate(
        "Cochran Q",
        test.statistic,
        p=test.pvalue,
        statistic=test.statistic,
        df=k - 1,
        how="Cochran's Q test",
        measure=Measure.OVERALL_TEST,
    )


def phi(table: PairedTable, *, corrected: bool = False) -> float:
    """The correlation φ of a paired table; `corrected` takes n/2 off a positive ad − bc, not below
    0. 0 if undefined.

    >>> round(phi((20, 12, 2, 16)), 4), round(phi((20, 12, 2, 16), corrected=True), 4)
    (0.4969, 0.455)
    """
    a, b, c, d = _cells(table)
    product = (a + b) * (c + d) * (a + c) * (b + d)
    excess = float(a * d - b * c)
    if corrected and excess > 0:
        excess = max(0.0, excess - (a + b + c + d) / 2)
    return excess / math.sqrt(product) if product else 0.0


def _cells(table: PairedTable) -> tuple[int, int, int, int]:
    if len(table) != 4 or any(x < 0 or x != int(x) for x in table):
        raise ValueError(
            f"a paired table is four counts (both, first only, second only, neither); got {table}"
        )
    a, b, c, d = map(int, table)
    return a, b, c, d


def _tango(a: int, b: int, c: int, d: int, z: float) -> tuple[float, float]:
    n = a + b + c + d
    observed = (c - b) / n

    def score(difference: float) -> float:
        # the restricted share of first-only patients: 2nq² + Bq + C = 0
        big_b = -b - c + (2 * n - c + b) * difference
        big_c = -b * difference * (1 - difference)
        root = math.sqrt(max(0.0, big_b * big_b - 8 * n * big_c))
        q = (root - big_b) / (4 * n) if big_b <= 0 else -2 * big_c / (root + big_b)
        return score_ratio(observed - difference, (2 * q + difference * (1 - difference)) / n)

    return score_limits(score, observed, z)


def _square_and_add(
    a: int, b: int, c: int, d: int, z: float, corrected: bool
) -> tuple[float, float]:
    n = a + b + c + d
    p1, p2 = (a + b) / n, (a + c) / n
    (low1, high1), (low2, high2) = wilson_limits(a + b, n, z), wilson_limits(a + c, n, z)
    r = phi((a, b, c, d), corrected=corrected)

    def reach(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2 * r * x * y + y * y))

    return p2 - p1 - reach(p2 - low2, high1 - p1), p2 - p1 + reach(high2 - p2, p1 - low1)


def _newcombe_10(a: int, b: int, c: int, d: int, z: float) -> tuple[float, float]:
    return _square_and_add(a, b, c, d, z, True)


def _newcombe_8(a: int, b: int, c: int, d: int, z: float) -> tuple[float, float]:
    return _square_and_add(a, b, c, d, z, False)


def _wald(a: float, b: float, c: float, d: float, z: float) -> tuple[float, float]:
    n = a + b + c + d
    half = z * math.sqrt(max(0.0, b + c - (c - b) ** 2 / n)) / n
    return (c - b) / n - half, (c - b) / n + half


def _bonett_price(a: int, b: int, c: int, d: int, z: float) -> tuple[float, float]:
    return _wald(a, b + 1, c + 1, d, z)


_PAIRED: dict[str, tuple[Callable[..., tuple[float, float]], str]] = {
    "tango": (_tango, "Tango score interval"),
    "newcombe": (_newcombe_10, "Newcombe interval for paired data, method 10"),
    "newcombe-8": (_newcombe_8, "Newcombe interval for paired data, method 8"),
    "bonett-price": (_bonett_price, "Bonett-Price interval"),
    "wald": (_wald, "Wald interval for paired data"),
}
