"""Rare events over sites: pooled from the counts themselves, so that empty cells need no correction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from outcomes.errors import AnalysisError, unknown
from outcomes.result import NAN, Estimate
from outcomes.stats.effect_measures import log_odds_ratio, log_risk_ratio, risk_difference

Array = NDArray[np.float64]

MEASURES = {"RD": "risk difference", "RR": "risk ratio", "OR": "odds ratio", "Peto": "odds ratio"}


def mantel_haenszel(
    events1: ArrayLike, n1: ArrayLike, events2: ArrayLike, n2: ArrayLike, *, measure: str = "RD", level: float = 0.95
) -> tuple[Estimate, ...]:
    """Is an event more frequent in one arm, over all sites, when many sites saw none?

    Counts and patients of arm 1 and arm 2, one entry a site. `measure` "RD" (default: sites without any event keep their
    weight), "RR", "OR" (such sites carry no information and add nothing) or "Peto". Estimates: `pooled` (and `log pooled`
    for ratios), `Q` (equal sites), `CMH` and `CMH, continuity-corrected` (the stratified test of no difference).

    RD = Σ(a·n₂−c·n₁)/N / Σn₁n₂/N with Sato's variance; RR and OR with the Greenland–Robins and
    Robins–Breslow–Greenland variances; Peto exp(Σ(O−E)/ΣV).

    Raises AnalysisError for an unknown measure or impossible counts.

    References: Mantel & Haenszel 1959; Robins, Breslow & Greenland, Biometrics 1986;42:311; Greenland & Robins,
    Biometrics 1985;41:55; Sato, Biometrics 1989;45:1323; Yusuf et al., Prog Cardiovasc Dis 1985;27:335.

    >>> for e in mantel_haenszel([6, 9, 0], [15, 22, 6], [2, 5, 0], [14, 20, 7])[:1]:
    ...     print(f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f})")
    0.168 (-0.010 to 0.347)
    """
    if measure not in MEASURES:
        raise AnalysisError(unknown("measure", measure, MEASURES))
    counts = tuple(np.atleast_1d(np.asarray(x, float)) for x in (events1, n1, events2, n2))
    if ((counts[0] < 0) | (counts[0] > counts[1]) | (counts[2] < 0) | (counts[2] > counts[3])).any():
        raise AnalysisError("Events are between 0 and the number of patients of the arm.")
    a, k1, c, k2 = (x[(counts[1] > 0) & (counts[3] > 0)] for x in counts)
    pooled = {"RD": _difference, "RR": _ratio, "OR": _odds, "Peto": _peto}[measure]
    value, variance = pooled(a, k1, c, k2)
    effects = {"RD": risk_difference, "RR": log_risk_ratio, "OR": log_odds_ratio}
    return (
        *_named(value, variance, measure, level, any_event=bool((a + c).sum())),
        _peto_q(a, k1, c, k2, value) if measure == "Peto" else _q(effects[measure](*counts), counts, value),
        *_tests(a, k1, c, k2),
    )


def _difference(a: Array, k1: Array, c: Array, k2: Array) -> tuple[float, float]:
    n = k1 + k2
    weight = np.sum(k1 * k2 / n)
    rd = float(np.sum((a * k2 - c * k1) / n) / weight)
    p = np.sum(c * (k1 / n) ** 2 - a * (k2 / n) ** 2 + k1 * k2 * (k2 - k1) / (2 * n**2))
    q = np.sum(a * (k2 - c) / n + c * (k1 - a) / n) / 2
    return rd, float((rd * p + q) / weight**2)


def _ratio(a: Array, k1: Array, c: Array, k2: Array) -> tuple[float, float]:
    n = k1 + k2
    r, s = np.sum(a * k2 / n), np.sum(c * k1 / n)
    if r == 0 or s == 0:
        return NAN, NAN
    return float(np.log(r / s)), float(np.sum((k1 * k2 * (a + c) - a * c * n) / n**2) / (r * s))


def _odds(a: Array, k1: Array, c: Array, k2: Array) -> tuple[float, float]:
    n, b, d = k1 + k2, k1 - a, k2 - c
    p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    top, bottom = r.sum(), s.sum()
    if top == 0 or bottom == 0:
        return NAN, NAN
    variance = (
        (p * r).sum() / (2 * top**2) + (p * s + q * r).sum() / (2 * top * bottom) + (q * s).sum() / (2 * bottom**2)
    )
    return float(np.log(top / bottom)), float(variance)


def _hypergeometric(a: Array, k1: Array, c: Array, k2: Array) -> tuple[Array, Array]:
    """Observed less expected events in arm 1, and its variance given the margins."""
    n, events = k1 + k2, a + c
    spread = np.divide(k1 * k2 * events * (n - events), n**2 * (n - 1), out=np.zeros_like(n), where=n > 1)
    return a - k1 * events / n, spread


def _peto(a: Array, k1: Array, c: Array, k2: Array) -> tuple[float, float]:
    excess, spread = _hypergeometric(a, k1, c, k2)
    total = spread.sum()
    return (float(excess.sum() / total), float(1 / total)) if total > 0 else (NAN, NAN)


def _named(value: float, variance: float, measure: str, level: float, *, any_event: bool) -> tuple[Estimate, ...]:
    how = f"{'Peto' if measure == 'Peto' else 'Mantel–Haenszel'} {MEASURES[measure]}, normal interval"
    if not any_event or not variance > 0:
        why = "separation" if any_event else "no_events"
        return (Estimate("pooled", value if measure == "RD" else NAN, level=level, how=how, reason=why),)
    se = variance**0.5
    z = value / se
    half = stats.norm.ppf((1 + level) / 2) * se
    log = Estimate("log pooled", value, value - half, value + half, level, 2 * stats.norm.sf(abs(z)), z, se=se, how=how)
    if measure == "RD":
        return (Estimate("pooled", value, log.low, log.high, level, log.p, z, se=se, how=how),)
    ratio = Estimate("pooled", np.exp(value), np.exp(log.low), np.exp(log.high), level, log.p, z, how=how)
    return ratio, log


def _q(effects: tuple[Array, Array], counts: tuple[Array, ...], value: float) -> Estimate:
    y, v = effects
    a, k1, c, k2 = counts
    kept = (k1 > 0) & (k2 > 0) & (a + c > 0) & (a + c < k1 + k2)  # a site without events, or events only, says nothing
    return _chi_square(float(np.sum((y[kept] - value) ** 2 / v[kept])), int(kept.sum()) - 1)


def _peto_q(a: Array, k1: Array, c: Array, k2: Array, value: float) -> Estimate:
    excess, spread = _hypergeometric(a, k1, c, k2)
    kept = spread > 0
    q = float(np.sum(spread[kept] * (excess[kept] / spread[kept] - value) ** 2))
    return _chi_square(q, int(kept.sum()) - 1)


def _chi_square(q: float, df: int) -> Estimate:
    if df < 1 or np.isnan(q):
        return Estimate("Q", NAN, reason="too_few" if df < 1 else "not_estimable")
    return Estimate("Q", q, statistic=q, df=df, p=stats.chi2.sf(q, df), how="χ² test of equal sites")


def _tests(a: Array, k1: Array, c: Array, k2: Array) -> tuple[Estimate, ...]:
    excess, spread = _hypergeometric(a, k1, c, k2)
    total, variance = abs(float(excess.sum())), float(spread.sum())
    out = []
    for name, shift in (("CMH", 0.0), ("CMH, continuity-corrected", min(0.5, total))):
        if variance == 0:
            out.append(Estimate(name, NAN, reason="no_events"))
            continue
        x2 = (total - shift) ** 2 / variance
        out.append(Estimate(name, x2, statistic=x2, df=1, p=stats.chi2.sf(x2, 1), how="Cochran–Mantel–Haenszel χ²"))
    return tuple(out)
