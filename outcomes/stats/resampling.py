"""The BCa bootstrap, from a generator that the caller seeds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure

#: Fewer patients than this leave a bootstrap too few different samples to speak of tails.
FEWEST = 20

Statistic = Callable[[np.ndarray], np.ndarray]


def bootstrap(
    rows: ArrayLike,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    draws: int = 9999,
    level: float = 0.95,
    name: str = "bootstrap",
    measure: Measure = Measure.UNSTATED,
) -> Estimate:
    """Bias-corrected and accelerated (BCa) interval of a statistic of n patients, by resampling
    patients.

    `rows` is one value a patient (n,) or several (n, k). `statistic` is vectorised over the second
    to last axis …: it takes (…, n) or (…, n, k) and gives (…). Bias z₀ is the normal quantile of
    the share of draws below the estimate (ties half), acceleration a = Σ(θ̄ − θ₍ᵢ₎)³ / (6 (Σ(θ̄ −
    θ₍ᵢ₎)²)^1.5) over leave-one-out values.

    Reasons: `too_few` (n < 20: the value stands, no interval), `zero_variance` (the draws do not
    vary), `not_estimable` (a draw is undefined, or all draws lie on one side of the estimate).
    Raises AnalysisError for fewer than 1,000 draws.

    Source: Efron (1987), JASA 82:171-185, doi:10.1080/01621459.1987.10478410.

    >>> rng = np.random.default_rng(1)
    >>> e = bootstrap(np.arange(30.0), lambda d: d.mean(axis=-1), rng=rng, draws=2000)
    >>> round(e.value, 1), e.low < 14.5 < e.high
    (14.5, True)
    """
    if draws < 1000:
        raise AnalysisError(f"A bootstrap interval needs at least 1,000 draws; got {draws}.")
    data = np.asarray(rows, dtype=float)
    n, how = len(data), f"BCa bootstrap, {draws} draws of patients"
    value = float(statistic(data)) if n else NAN
    if n < FEWEST:
        return Estimate(name, value, level=level, reason="too_few", how=how, measure=measure)
    drawn = _draws(data, statistic, rng, draws)
    if not np.isfinite(drawn).all():
        return Estimate(name, value, level=level, reason="not_estimable", how=how, measure=measure)
    if np.ptp(drawn) == 0:
        return Estimate(name, value, level=level, reason="zero_variance", how=how, measure=measure)
    below = ((drawn < value).sum() + (drawn == value).sum() / 2) / draws
    if not 0 < below < 1:
        return Estimate(name, value, level=level, reason="not_estimable", how=how, measure=measure)
    z0, a = float(special.ndtri(below)), _acceleration(data, statistic)
    shares = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = z0 + float(special.ndtri(tail))
        shares.append(float(special.ndtr(z0 + z / (1 - a * z))))
    low, high = np.quantile(drawn, shares)
    return Estimate(
        name, value, low, high, level, se=float(drawn.std(ddof=1)), how=how, measure=measure
    )


def _draws(
    data: np.ndarray, statistic: Statistic, rng: np.random.Generator, draws: int
) -> np.ndarray:
    n, out = len(data), np.empty(draws)
    chunk = max(1, 2_000_000 // data.size)
    for start in range(0, draws, chunk):
        stop = min(draws, start + chunk)
        out[start:stop] = statistic(data[rng.integers(0, n, size=(stop - start, n))])
    return out


def _acceleration(data: np.ndarray, statistic: Statistic) -> float:
    """From leave-one-out values; 0 where these do not vary."""
    n = len(data)
    left = np.empty(n)
    everybody = np.arange(n)
    chunk = max(1, 2_000_000 // data.size)
    for start in range(0, n, chunk):
        out = np.arange(start, min(n, start + chunk))
        kept = np.broadcast_to(everybody, (len(out), n))[
            everybody[None, :] != out[:, None]
        ].reshape(len(out), n - 1)
        left[out] = statistic(data[kept])
    gap = left.mean() - left
    bottom = math.sqrt(float(gap @ gap)) ** 3
    return float((gap**3).sum()) / (6 * bottom) if bottom > 0 else 0.0
