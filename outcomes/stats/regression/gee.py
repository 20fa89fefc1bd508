"""Generalised estimating equations: population-average effects on repeated yes/no or continuous
outcomes, few patients allowed for.

Liang & Zeger 1986, Biometrika 73:13; Mancl & DeRouen 2001, Biometrics 57:126; Kauermann & Carroll
2001, JASA 96:1387.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.stats.mixed.reml import NotConverged
from outcomes.stats.wald import wald

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Fun = Callable[[Array], Array]

#: family: inverse link, its derivative in the mean's terms, variance.
FAMILIES: dict[str, tuple[Fun, Fun, Fun]] = {
    "gaussian": (lambda e: e, np.ones_like, np.ones_like),
    "binomial": (special.expit, lambda m: m * (1 - m), lambda m: m * (1 - m)),
    "poisson": (np.exp, lambda m: m, lambda m: m),
}
WORKING = ("independence", "exchangeable", "ar1")
CORRECTIONS = {
    "none": "robust, z",
    "mancl-derouen": "Mancl-DeRouen, t on patients − coefficients",
    "kauermann-carroll": "Kauermann-Carroll, t on patients − coefficients",
}
#: The same, as a methods text has them.
ERRORS = {
    "none": "robust standard errors",
    "mancl-derouen": "Mancl-DeRouen standard errors",
    "kauermann-carroll": "Kauermann-Carroll standard errors",
}


@dataclass(frozen=True, eq=False)
class GEE:
    """A fitted marginal model: coefficients, robust covariance by correction, dispersion `phi`,
    working correlation `alpha`.
    """

    names: tuple[str, ...]
    beta: Array
    cov: dict[str, Array]
    phi: float
    alpha: float
    clusters: int
    family: str
    working: str

    def pearson(self, outcome: ArrayLike, matrix: ArrayLike) -> tuple[Array, Array]:
        """Fitted means and Pearson residuals (y − μ) / √(φ v(μ)) of these rows."""
        inverse, _, variance = FAMILIES[self.family]
        mu = inverse(np.asarray(matrix, dtype=float) @ self.beta)
        scale = np.sqrt(self.phi * variance(mu)) if self.phi > 0 else np.full(len(mu), np.nan)
        return mu, (np.asarray(outcome, dtype=float) - mu) / scale

    def contrast(
        self,
        row: ArrayLike,
        *,
        name: str,
        correction: str = "mancl-derouen",
        level: float = 0.95,
        unit: str = "",
        measure: Measure = Measure.UNSTATED,
    ) -> Estimate:
        """A linear combination of coefficients with its robust interval; few patients make
        `correction` matter (K < 40).
        """
        if correction not in CORRECTIONS:
            raise AnalysisError(unknown("correction", correction, CORRECTIONS))
        c = np.asarray(row, dtype=float)
        value, variance = float(c @ self.beta), float(c @ self.cov[correction] @ c)
        df = inf if correction == "none" else float(self.clusters - len(self.beta))
        how = (
            f"GEE, {self.working} working correlation, {CORRECTIONS[correction]}, {self.clusters}"
            " patients"
        )
        if not variance > 0 or df <= 0:
            return Estimate(
                name, value, level=level, unit=unit, how=how, reason="too_few", measure=measure
            )
        return wald(
            name, value, sqrt(variance), df=df, level=level, unit=unit, how=how, measure=measure
        )


def gee(
    outcome: ArrayLike,
    matrix: ArrayLike,
    *,
    names: Sequence[str],
    cluster: ArrayLike,
    order: ArrayLike | None = None,
    family: str = "gaussian",
    working: str = "exchangeable",
    iterations: int = 200,
) -> GEE:
    """Fit E(y) = g^-1(X b) with a working correlation within patients; the canonical link of each
    family.

    `outcome` (rows,), `matrix` (rows, coefficients), `cluster` (rows,), `order` (rows,) the
    position in time for "ar1" (default: the rows' order within the patient). Standard errors are
    robust to a wrong working correlation.

    Raises NotConverged where the equations have no finite solution (separation), AnalysisError for
    unknown names.

    >>> m = gee(
    ...     [1, 0, 1, 1, 0, 0, 1, 1],
    ...     np.ones((8, 1)),
    ...     names=("intercept",),
    ...     cluster=[1, 1, 2, 2, 3, 3, 4, 4],
    ...     family="binomial",
    ... )
    >>> round(float(m.beta[0]), 4), m.clusters
    (0.5108, 4)
    """
    if family not in FAMILIES:
        raise AnalysisError(unknown("family", family, FAMILIES))
    if working not in WORKING:
        raise AnalysisError(unknown("working correlation", working, WORKING))
    y, x = np.asarray(outcome, dtype=float), np.asarray(matrix, dtype=float)
    who = np.unique(np.asarray(cluster), return_inverse=True)[1].ravel()
    at = np.arange(len(y)) if order is None else np.asarray(order)
    sort = np.lexsort((at, who))
    y, x, who = y[sort], x[sort], who[sort]
    blocks = np.split(np.arange(len(y)), np.flatnonzero(np.diff(who)) + 1)
    places = [
        np.arange(len(b), dtype=float) if order is None else np.asarray(order, dtype=float)[sort][b]
        for b in blocks
    ]
    inverse, slope, variance = FAMILIES[family]
    start = (
        float(np.clip(y.mean(), 0.05, 0.95)) if family == "binomial" else max(float(y.mean()), 0.05)
    )
    eta = {
        "gaussian": y,
        "binomial": np.full(len(y), special.logit(start)),
        "poisson": np.full(len(y), np.log(start)),
    }[family]
    beta = np.linalg.lstsq(x, eta, rcond=None)[0]
    phi, alpha = 1.0, 0.0
    for _ in range(iterations):
        mu = inverse(x @ beta)
        if not variance(mu).min() > 1e-9:
            break
        e = (y - mu) / np.sqrt(variance(mu))
        phi = float(np.mean(e**2))
        alpha = _alpha(e / np.sqrt(phi), blocks, places, working) if phi > 0 else 0.0
        try:
            bread, score, _ = _equations(
                y - mu, slope(mu)[:, None] * x, variance(mu), blocks, places, working, alpha
            )
            step = np.linalg.solve(bread, score)
        except np.linalg.LinAlgError:
            break
        beta = beta + step
        if not np.isfinite(beta).all() or np.abs(beta).max() > 1e6:
            break
        if np.abs(step).max() < 1e-11 * (1 + np.abs(beta).max()):
            cov = _covariances(y, x, beta, family, blocks, places, working, alpha)
            return GEE(tuple(names), beta, cov, phi, alpha, len(blocks), family, working)
    raise NotConverged(
        "The estimating equations did not converge: the answers have no spread, or all answers of"
        " a group agree."
    )


def _correlation(place: Array, working: str, alpha: float) -> Array:
    n = len(place)
    if working == "independence" or n == 1:
        return np.eye(n)
    if working == "exchangeable":
        return np.full((n, n), alpha) + (1 - alpha) * np.eye(n)
    return np.asarray(alpha ** np.abs(np.subtract.outer(place, place)), dtype=float)


def _alpha(e: Array, blocks: Sequence[Index], places: Sequence[Array], working: str) -> float:
    """The working correlation from standardised residuals: the mean product of pairs, or the
    least-squares fit to rho^lag.
    """
    if working == "independence":
        return 0.0
    products, lags = [], []
    for b, place in zip(blocks, places):
        i, j = np.triu_indices(len(b), 1)
        products.append(e[b[i]] * e[b[j]])
        lags.append(np.abs(place[i] - place[j]))
    z, lag = np.concatenate(products), np.concatenate(lags)
    if not len(z):
        return 0.0
    if working == "exchangeable":
        return float(z.mean())
    rho = float(np.clip(z[lag == lag.min()].mean(), -0.95, 0.95))
    for _ in range(100):
        slope = lag * rho ** (lag - 1)
        step = float(slope @ (z - rho**lag)) / float(slope @ slope)
        rho = float(np.clip(rho + step, -0.999, 0.999))
        if abs(step) < 1e-13:
            break
    return rho


def _equations(
    r: Array,
    d: Array,
    v: Array,
    blocks: Sequence[Index],
    places: Sequence[Array],
    working: str,
    alpha: float,
) -> tuple[Array, Array, list[tuple[Array, Array]]]:
    """Bread D'V^-1 D, score D'V^-1 r, and D_i, V_i^-1 of each patient."""
    p = d.shape[1]
    bread, score = np.zeros((p, p)), np.zeros(p)
    parts: list[tuple[Array, Array]] = []
    for b, place in zip(blocks, places):
        sd = np.sqrt(v[b])
        w = np.asarray(
            np.linalg.inv(_correlation(place, working, alpha) * np.outer(sd, sd)), dtype=float
        )
        bread += d[b].T @ w @ d[b]
        score += d[b].T @ w @ r[b]
        parts.append((d[b], w))
    return bread, score, parts


def _covariances(
    y: Array,
    x: Array,
    beta: Array,
    family: str,
    blocks: Sequence[Index],
    places: Sequence[Array],
    working: str,
    alpha: float,
) -> dict[str, Array]:
    """Robust covariance, plain and with the residuals corrected for the leverage of each
    patient.
    """
    inverse, slope, variance = FAMILIES[family]
    mu = inverse(x @ beta)
    bread, _, parts = _equations(
        y - mu, slope(mu)[:, None] * x, variance(mu), blocks, places, working, alpha
    )
    inv = np.linalg.inv(bread)
    meat = {name: np.zeros_like(inv) for name in CORRECTIONS}
    for b, (d, w) in zip(blocks, parts):
        r, keep = y[b] - mu[b], np.eye(len(b)) - d @ inv @ d.T @ w
        values, vectors = np.linalg.eig(keep)
        half = (
            vectors @ np.diag(np.maximum(values.real, 1e-12) ** -0.5) @ np.linalg.inv(vectors)
        ).real
        full = np.linalg.pinv(keep)
        for name, fixed in (
            ("none", r),
            ("mancl-derouen", full @ r),
            ("kauermann-carroll", half @ r),
        ):
            u = d.T @ w @ fixed
            meat[name] += np.outer(u, u)
    return {name: inv @ m @ inv for name, m in meat.items()}
