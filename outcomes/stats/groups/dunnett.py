"""Dunnett's distribution: the largest of several correlated t statistics that share a standard
deviation.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.stats.roots import root
from outcomes.stats.wald import critical

Array = NDArray[np.float64]

#: Grids of the two integrals: over the shared normal part and over the standard deviation.
_Z = np.linspace(-8.5, 8.5, 341)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
#: Draws and seed of the quasi-Monte-Carlo integral, where the correlations have no single factor.
MAX_POINTS, SEED = 400_000, 20_151
_SMALL = 1e-9


def dunnett_p(statistic: float, correlation: ArrayLike, df: float) -> float:
    """P of one comparison among several with the same reference: P(max |T| ≥ |statistic|).

    `correlation` (k, k) is that of the k differences, `df` the residual degrees of freedom that
    they share. Where the correlations have one common factor (ρᵢⱼ = λᵢλⱼ: always without
    covariates, and for up to three comparisons nearly always) the integral is deterministic,
    otherwise quasi-Monte-Carlo with a fixed seed (error about 1e-6).

    Source: Dunnett 1955, J Am Stat Assoc 50:1096, doi:10.1080/01621459.1955.10501294.

    >>> half = [[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]]
    >>> round(dunnett_p(2.5, half, 20), 4)  # his table: .05 at 2.54 for three comparisons, 20 df
    0.0543
    """
    return float(min(1.0, max(0.0, 1 - _inside(abs(statistic), _correlation(correlation), df))))


def dunnett_critical(level: float, correlation: ArrayLike, df: float) -> float:
    """The value that max |T| stays below with probability `level`: half the width of simultaneous
    intervals in standard errors.

    >>> half = [[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]]
    >>> round(dunnett_critical(0.95, half, 20), 2)
    2.54
    """
    r = _correlation(correlation)
    low = critical(level, df)
    high = critical(1 - (1 - level) / len(r), df)
    if len(r) == 1 or high - low < _SMALL:
        return low
    return root(lambda c: _inside(c, r, df) - level, low, high + _SMALL, xtol=1e-8)


def _correlation(correlation: ArrayLike) -> Array:
    r = np.atleast_2d(np.asarray(correlation, dtype=float))
    if r.ndim != 2 or r.shape[0] != r.shape[1] or not np.allclose(np.diag(r), 1):
        raise AnalysisError(
            f"A correlation matrix is square with 1 on its diagonal, not {r.shape}."
        )
    return r


def _inside(c: float, r: Array, df: float) -> float:
    """P(|T| ≤ c for every comparison)."""
    if len(r) == 1:
        return float(1 - 2 * special.stdtr(df, -c))
    factor = _one_factor(r)
    return _smooth(c, factor, df) if factor is not None else _quasi(c, r, df)


def _one_factor(r: Array) -> Array | None:
    """λ with ρᵢⱼ = λᵢλⱼ, or None where there is none below 1."""
    k = len(r)
    if k == 2:
        lead = math.sqrt(abs(r[0, 1]))
        found = np.array([lead, math.copysign(lead, r[0, 1])])
    else:
        if (r[np.triu_indices(k, 1)] <= 0).any():
            return None
        first = math.sqrt(r[0, 1] * r[0, 2] / r[1, 2])
        found = np.array([first, *(r[0, 1:] / first)])
    off = ~np.eye(k, dtype=bool)
    fits = np.abs(np.outer(found, found) - r)[off].max() < 1e-10
    return found if fits and (np.abs(found) < 1 - 1e-6).all() else None


def _smooth(c: float, factor: Array, df: float) -> float:
    """The double integral: given the shared part z and s = σ̂/σ the comparisons are independent."""
    s, weight = _spread(df)
    rest = np.sqrt(1 - factor**2)
    reach = c * s[:, None]
    product = np.ones((len(s), len(_Z)))
    for own, left in zip(factor, rest, strict=True):
        product *= special.ndtr((reach - own * _Z) / left) - special.ndtr(
            (-reach - own * _Z) / left
        )
    normal = np.exp(-(_Z**2) / 2) / math.sqrt(2 * math.pi) * (_Z[1] - _Z[0])
    return float(weight @ product @ normal)


def _spread(df: float) -> tuple[Array, Array]:
    """Nodes and weights for s = √(χ²/df), over all but 1e-15 of its distribution."""
    if not math.isfinite(df):
        return np.ones(1), np.ones(1)
    low, high = (math.sqrt(special.chdtri(df, q) / df) for q in (1 - 1e-15, 1e-15))
    s = low + (high - low) * (_NODES + 1) / 2
    log_density = (
        math.log(2)
        + df / 2 * math.log(df / 2)
        - special.gammaln(df / 2)
        + (df - 1) * np.log(s)
        - df * s**2 / 2
    )
    return s, np.exp(log_density) * _WEIGHTS * (high - low) / 2


def _quasi(c: float, r: Array, df: float) -> float:
    from scipy.stats import multivariate_t

    edge = np.full(len(r), c)
    made = multivariate_t(shape=r, df=df, allow_singular=True, seed=SEED)
    found = made.cdf(edge, lower_limit=-edge, maxpts=MAX_POINTS, random_state=SEED)
    return float(found)
