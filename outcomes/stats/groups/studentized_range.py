"""The studentized range: upper tail and critical value, for Tukey, Games–Howell and Nemenyi
comparisons.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from outcomes.stats.roots import root

Array = np.ndarray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


def _range_sf(w: Array, groups: int) -> Array:
    """P(range of `groups` standard normals > w) = k∫φ(z)·{Φ(z)^(k−1) − [Φ(z)−Φ(z−w)]^(k−1)}dz,
    without cancellation.
    """
    z = w[:, None] / 2 + 10 * _NODES[None, :]
    log_above = special.log_ndtr(z)
    ratio = np.minimum(np.exp(special.log_ndtr(z - w[:, None]) - log_above), 1.0)
    with np.errstate(divide="ignore"):
        lost = -np.expm1((groups - 1) * np.log1p(-ratio))
    density = np.exp(-(z**2) / 2 + (groups - 1) * log_above) / math.sqrt(2 * math.pi)
    return groups * 10 * (density * lost) @ _WEIGHTS


@lru_cache(maxsize=4096)
def tukey_p(q: float, groups: int, df: float = math.inf) -> float:
    """P(studentized range of `groups` means > q), `df` the degrees of freedom of the standard
    error.

    Formula: ∫ P(range > q·s)·f(s)ds with f the density of √(χ²_df/df); Gauss–Legendre on panels.
    Undefined (nan) for q or df undefined or df < 1. Source: Copenhaver & Holland 1988, J Stat
    Comput Simul 30:1.

    >>> round(tukey_p(3.5, 3, 20), 6)
    0.055892
    """
    if math.isnan(q) or math.isnan(df) or df < 1 or groups < 2:
        return math.nan
    if q <= 0:
        return 1.0
    if math.isinf(q):
        return 0.0
    if math.isinf(df):
        return float(min(1.0, _range_sf(np.array([q]), groups)[0]))
    # the part of s that matters: around 1, further down for a large q, where q·s > 40 adds nothing
    spread = 1 / math.sqrt(2 * df)
    low, high = max(0.0, min(1.0, 5 / q) - 14 * spread), 1 + 14 * spread
    edges = np.linspace(low, min(high, max(40 / q, low + spread)), 7)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    s = (middle[:, None] + half[:, None] * _NODES).ravel()
    weights = (half[:, None] * _WEIGHTS).ravel()
    log_f = (
        math.log(2)
        + df / 2 * math.log(df / 2)
        - special.gammaln(df / 2)
        + (df - 1) * np.log(s)
        - df * s**2 / 2
    )
    return float(min(1.0, weights @ (np.exp(log_f) * _range_sf(q * s, groups))))


@lru_cache(maxsize=1024)
def tukey_critical(level: float, groups: int, df: float = math.inf) -> float:
    """The value the studentized range exceeds with probability 1 − level.

    >>> round(tukey_critical(0.95, 3, 20), 4)
    3.5779
    """
    if math.isnan(df) or df < 1 or groups < 2:
        return math.nan
    high = 4.0
    while tukey_p(high, groups, df) > 1 - level:
        high *= 2
    return float(
        root(lambda q: tukey_p(q, groups, df) - (1 - level), 1e-6, high, xtol=1e-12, rtol=1e-14)
    )
