"""Responders pooled over sites from their counts: a logistic model with a random intercept a
site.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.special import expit, gammaln

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.meta_analysis.parts import Pooling
from outcomes.stats.wald import wald

Array = NDArray[np.float64]
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


#: Name, measure and part of the rows.
ROWS = (
    ("pooled", Measure.CHANGE, Pooling.MEAN),
    ("share", Measure.SHARE, Pooling.SHARE),
    ("tau2", Measure.VARIANCE, Pooling.TAU2),
)


def pooled_logit(events: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> tuple[Estimate, ...]:
    """What share of patients responds, over sites that differ, without approximating their counts
    as normal?

    logit pᵢ = μ + uᵢ, uᵢ ~ N(0, τ²), events ~ binomial; maximum likelihood by adaptive
    Gauss–Hermite quadrature (15 points), Wald interval. Estimates: `pooled` (log odds), `share`
    (expit μ̂: the site at the centre), `tau2`.

    Raises AnalysisError for impossible counts.

    Reference: Stijnen, Hamza & Özdemir, Stat Med 2010;29:3046.

    >>> [round(e.value, 3) for e in pooled_logit([5, 16, 3], [12, 35, 8])]
    [-0.256, 0.436, 0.0]
    """
    x, k = np.asarray(events, float), np.asarray(n, float)
    if x.shape != k.shape or ((x < 0) | (x > k) | (k < 1)).any():
        raise AnalysisError("Each site needs its events, between 0 and its number of patients.")
    how = "random-intercept logistic model, maximum likelihood"
    if len(x) < 2 or x.sum() in (0, k.sum()):
        why = "too_few" if len(x) < 2 else "no_events" if x.sum() == 0 else "separation"
        return tuple(
            Estimate(name, NAN, level=level, how=how, reason=why, measure=kind, part=part)
            for name, kind, part in ROWS
        )
    start = float(np.log(x.sum() / (k.sum() - x.sum())))

    def lost(b: Array) -> float:
        return -_log_likelihood(float(b[0]), abs(float(b[1])), x, k)

    options = {"xatol": 1e-8, "fatol": 1e-12, "maxiter": 2000}
    found: Any = optimize.minimize(
        lost, np.array([start, 0.5]), method="Nelder-Mead", options=options
    )  # type: ignore[call-overload]
    mu, tau = float(found.x[0]), abs(float(found.x[1]))
    if _log_likelihood(start, 0.0, x, k) >= -found.fun - 1e-9:
        mu, tau = start, 0.0
    se = _standard_error(mu, tau, x, k)
    fields: list[dict[str, Any]] = [
        {"measure": kind, "part": part, "how": how} for _, kind, part in ROWS
    ]
    pooled = wald("pooled", mu, se, level=level, **fields[0])
    share, low, high = (float(expit(x)) for x in (pooled.value, pooled.low, pooled.high))
    return (
        pooled,
        Estimate("share", share, low, high, level, **fields[1]),
        Estimate("tau2", tau**2, **fields[2]),
    )


def _log_likelihood(mu: float, tau: float, x: Array, k: Array) -> float:
    constant = gammaln(k + 1) - gammaln(x + 1) - gammaln(k - x + 1)
    if tau < 1e-8:
        return float(np.sum(constant + x * mu - k * np.logaddexp(0, mu)))
    u = np.zeros_like(x)
    for _ in range(50):  # the mode of each site's integrand, by Newton
        p = expit(mu + u)
        curvature = k * p * (1 - p) + tau**-2
        step = (x - k * p - u / tau**2) / curvature
        u = u + np.clip(step, -2, 2)
        if np.max(np.abs(step)) < 1e-10:
            break
    scale = 1 / np.sqrt(k * expit(mu + u) * expit(-mu - u) + tau**-2)
    point = u[:, None] + scale[:, None] * NODES
    inner = (
        x[:, None] * (mu + point)
        - k[:, None] * np.logaddexp(0, mu + point)
        - point**2 / (2 * tau**2)
    )
    integral = np.log(
        np.sum(WEIGHTS * np.exp(inner + NODES**2 / 2 - inner.max(1, keepdims=True)), axis=1)
    )
    return float(
        np.sum(constant + integral + inner.max(1) + np.log(scale / tau) - 0.5 * np.log(2 * np.pi))
    )


def _standard_error(mu: float, tau: float, x: Array, k: Array) -> float:
    """From the observed information of (μ, τ); of μ alone where τ is at its bound of 0."""
    h = 1e-3

    def value(b: Array) -> float:
        return _log_likelihood(float(b[0]), abs(float(b[1])), x, k)

    at = np.array([mu, tau])
    free = [0, 1] if tau > 2 * h else [0]
    step = np.eye(2) * h
    information = np.array(
        [
            [
                -(
                    value(at + step[i] + step[j])
                    - value(at + step[i] - step[j])
                    - value(at - step[i] + step[j])
                    + value(at - step[i] - step[j])
                )
                / (4 * h**2)
                for j in free
            ]
            for i in free
        ]
    )
    return float(np.sqrt(np.linalg.inv(information)[0, 0]))
