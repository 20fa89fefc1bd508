"""REML and ML for linear models with structured covariance, from an additive summary alone.

The patients are independent given the model, and those of one pattern share V, so that with W = V^-1 everything is a sum over
patterns of M x M matrices against cross-products: the log-likelihood, its gradient and its exact Hessian (Appendix A of the
methods catalogue; Lindstrom & Bates 1988, JASA 83:1014; Kenward & Roger 1997, Biometrics 53:983). No step costs more for
more patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from outcomes.errors import AnalysisError
from outcomes.stats.covariance import Evaluated, Linear, Structure, random_covariance
from outcomes.stats.summary import Summary

Array = NDArray[np.float64]


class NotConverged(AnalysisError):
    """The likelihood has no usable maximum for this covariance: singular, not identified, or not reached."""


@dataclass(frozen=True, eq=False)
class Design:
    """How the mean depends on the features: x at visit j = `columns[j]`' f_j, `columns` (visits, features, coefficients)."""

    columns: Array
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.columns.ndim != 3 or self.columns.shape[2] != len(self.names):
            raise AnalysisError(
                f"A design is (visits, features, {len(self.names)} coefficients), not {self.columns.shape}."
            )


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model: coefficients (aliased ones are nan), their model-based covariance, the visits' covariance, derivatives.

    `sigma` (groups, M, M); `theta` the covariance parameters; `hessian` and `expected` the observed and expected second
    derivatives of -2 log-likelihood in theta; `attempts` the structures tried before this one, with the reason each was left;
    `boundary` says which variance lies at nought.
    """

    summary: Summary
    design: Design
    structure: Structure
    reml: bool
    theta: Array
    sigma: Array
    kept: NDArray[np.int64]
    null: Array
    beta: Array
    cov_beta: Array
    loglik: float
    hessian: Array
    expected: Array
    gradient: Array
    iterations: int
    attempts: tuple[str, ...] = ()
    boundary: str = ""

    @property
    def n_parameters(self) -> int:
        """Covariance parameters."""
        return len(self.theta)

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 (covariance parameters; with ML the coefficients too)."""
        return -2 * self.loglik + 2 * self._penalised

    @property
    def bic(self) -> float:
        """As AIC, with log(patients) for 2."""
        return -2 * self.loglik + log(self.summary.n_patients) * self._penalised

    @property
    def _penalised(self) -> int:
        return self.n_parameters + (0 if self.reml else len(self.kept))

    @cached_property
    def pieces(self) -> Pieces:
        """Derivatives in theta that the small-sample corrections need."""
        engine = Engine(self.summary, self.design, self.kept)
        return engine.pieces(self.structure(self.theta))


@dataclass(frozen=True, eq=False)
class Pieces:
    """(X y)' W V_a W (X y) for each covariance parameter, `first` (q, p + 1, p + 1), with the weights W it was made from."""

    weights: Array
    first: Array
    engine: Engine
    at: Evaluated


@dataclass(frozen=True, eq=False)
class Point:
    """The model at one covariance: weights (K, M, M), -2 log-likelihood, coefficients and their covariance."""

    weights: Array
    minus2: float
    beta: Array
    cov: Array


class Engine:
    """One summary under one design, ready to be evaluated at any covariance."""

    def __init__(self, summary: Summary, design: Design, kept: NDArray[np.int64], *, reml: bool = True) -> None:
        k, m = summary.pattern.shape
        d = summary.gram.shape[-1]
        self.summary, self.reml, self.p = summary, reml, len(kept)
        self.mask = summary.pattern.astype(float)
        self.mask2 = self.mask[:, :, None] * self.mask[:, None, :]
        self.rest = np.einsum("kj,jl->kjl", 1 - self.mask, np.eye(m))
        self.by_pair = np.ascontiguousarray(summary.gram.transpose(1, 2, 0, 3, 4)).reshape(m, m, k, d * d)
        self.columns = np.zeros((m, d, self.p + 1))
        self.columns[:, :-1, :-1] = design.columns[:, :, kept]
        self.columns[:, -1, -1] = 1.0
        self.flat = self.columns.reshape(m * d, self.p + 1)

    def contract(self, weights: Array) -> Array:
        """Sum over patterns and visit pairs of w_kjl (X y)_j'(X y)_l: weights (..., K, M, M) to (..., p + 1, p + 1)."""
        lead = weights.shape[:-3]
        k, m = weights.shape[-3:-1]
        w = np.moveaxis(weights.reshape(-1, k, m, m), (2, 3), (0, 1))
        f = (w @ self.by_pair).transpose(2, 0, 1, 3)
        d = self.columns.shape[1]
        f = f.reshape(-1, m, m, d, d).transpose(0, 1, 3, 2, 4).reshape(-1, m * d, m * d)
        return (self.flat.T @ f @ self.flat).reshape(*lead, self.p + 1, self.p + 1)

    def per_pattern(self, inner: Array) -> Array:
        """For each inner matrix C (s, p + 1, p + 1): sums over patients of (x y)_j C (x y)_l', shape (s, K, M, M)."""
        m, d, _ = self.columns.shape
        middle = (
            (self.flat @ inner @ self.flat.T).reshape(-1, m, d, m, d).transpose(1, 3, 2, 4, 0).reshape(m, m, d * d, -1)
        )
        return (self.by_pair @ middle).transpose(3, 2, 0, 1)

    def point(self, sigma: Array) -> Point:
        """The profile over the coefficients; raises LinAlgError where the covariance is not positive definite."""
        v = sigma[self.summary.group] * self.mask2 + self.rest
        lower = np.linalg.cholesky(v)
        log_v = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        weights = np.linalg.inv(v) * self.mask2
        weights = (weights + weights.transpose(0, 2, 1)) / 2
        cross = self.contract(weights)
        scale = 1 / np.sqrt(np.diag(cross)[:-1])
        a = cross[:-1, :-1] * np.outer(scale, scale)
        root = np.linalg.cholesky(a)
        cov = np.linalg.inv(a) * np.outer(scale, scale)
        cov = (cov + cov.T) / 2
        beta = cov @ cross[:-1, -1]
        contrast = np.r_[-beta, 1.0]
        rss = float(contrast @ cross @ contrast)
        minus2 = float(self.summary.counts @ log_v) + rss + self.summary.n_rows * log(2 * pi)
        if self.reml:
            minus2 += 2 * float(np.log(np.diag(root)).sum()) - 2 * float(np.log(scale).sum()) - self.p * log(2 * pi)
        if not np.isfinite(minus2) or rss < 0:
            raise np.linalg.LinAlgError("not finite")
        return Point(weights, minus2, beta, cov)

    def pieces(self, at: Evaluated, point: Point | None = None) -> Pieces:
        """W V_a W contracted with the cross-products, for each covariance parameter."""
        w = point.weights if point is not None else self.point(at.sigma).weights
        q, k, m = len(at.first), *w.shape[:2]
        if at.first.shape[1] == 1:
            half = (w.reshape(k * m, m) @ at.first[:, 0].transpose(1, 0, 2).reshape(m, q * m)).reshape(k, m, q, m)
        else:
            half = np.einsum("kij,qkjl->kiql", w, at.first[:, self.summary.group], optimize=True)
        b = (half.transpose(0, 2, 1, 3).reshape(k, q * m, m) @ w).reshape(k, q, m, m).transpose(1, 0, 2, 3)
        return Pieces(w, self.contract(b), self, at)

    def derivatives(self, at: Evaluated, point: Point) -> tuple[Array, Array, Array]:
        """Gradient, observed and expected second derivatives of -2 log-likelihood in theta."""
        pieces = self.pieces(at, point)
        w, n = point.weights, self.summary.counts[:, None, None]
        contrast = np.r_[-point.beta, 1.0]
        inner = np.zeros((2, self.p + 1, self.p + 1))
        inner[0, :-1, :-1] = point.cov
        inner[1] = np.outer(contrast, contrast)
        design, residual = (w @ part @ w for part in self.per_pattern(inner))
        spent = design if self.reml else np.zeros_like(design)
        slope = n * w - spent - residual
        a = pieces.first[:, :-1, :-1]
        e = pieces.first[:, :-1, :] @ contrast
        q = len(a)
        quadratic, fisher, gradient = np.zeros((q, q)), np.zeros((q, q)), np.zeros(q)
        for g in range(at.sigma.shape[0]):
            rows = self.summary.group == g
            j = at.first[:, g]
            quadratic = quadratic + _sandwich(j, w[rows], (-n * w + 2 * spent + 2 * residual)[rows])
            fisher = fisher + _sandwich(j, w[rows], (n * w - 2 * spent)[rows])
            total = slope[rows].sum(axis=0)
            gradient = gradient + np.tensordot(j, total, 2)
            if at.second is not None:
                quadratic = quadratic + np.tensordot(at.second[:, :, g], total, 2)
        half = (point.cov @ a).reshape(len(a), -1)
        both = half @ (a @ point.cov).reshape(len(a), -1).T * float(self.reml)
        observed = quadratic - both - 2 * e @ point.cov @ e.T
        expected = fisher + both
        return gradient, (observed + observed.T) / 2, (expected + expected.T) / 2


def _sandwich(j: Array, w: Array, c: Array) -> Array:
    """Sum over patterns of tr(V_a W V_b C) for all pairs of parameters: j (q, M, M), w and c (K, M, M)."""
    q, m = len(j), j.shape[-1]
    if 2 * q < m:
        left, right = j[:, None] @ w, (j[:, None] @ c).transpose(0, 1, 3, 2)
        return left.reshape(q, -1) @ right.reshape(q, -1).T
    k = w.reshape(-1, m * m).T @ c.reshape(-1, m * m)
    k = k.reshape(m, m, m, m).transpose(3, 0, 1, 2).reshape(m * m, m * m)
    flat = j.reshape(q, m * m)
    return flat @ k @ flat.T


def estimable(summary: Summary, design: Design, tolerance: float = 1e-10) -> tuple[NDArray[np.int64], Array]:
    """Coefficients the rows determine (earlier ones kept first), and a basis (aliased, p) of the directions they do not."""
    full = Engine(summary, design, np.arange(len(design.names)))
    cross = full.contract(full.mask[:, :, None] * np.eye(full.mask.shape[1]))[:-1, :-1]
    p = len(cross)
    scale = np.where(np.diag(cross) > 0, 1 / np.sqrt(np.where(np.diag(cross) > 0, np.diag(cross), 1)), 0.0)
    a = cross * np.outer(scale, scale)
    kept: list[int] = []
    null = []
    for i in range(p):
        b = np.linalg.solve(a[np.ix_(kept, kept)], a[kept, i]) if kept else np.empty(0)
        if a[i, i] - a[kept, i] @ b > tolerance:
            kept.append(i)
            continue
        direction = np.zeros(p)
        direction[kept] = b * scale[kept]
        direction[i] = -(scale[i] or 1.0)
        null.append(direction / np.linalg.norm(direction))
    return np.array(kept, dtype=np.int64), np.array(null).reshape(-1, p)


def _moments(engine: Engine, n_visits: int) -> Array:
    """Residual covariance by visit pair after least squares, made safely positive definite: a start for every structure."""
    zero = NotConverged("All residuals are zero, so there is no spread to model.")
    try:
        point = engine.point(np.eye(n_visits)[None].repeat(len(engine.summary.groups), axis=0))
    except np.linalg.LinAlgError:
        raise zero from None
    contrast = np.r_[-point.beta, 1.0]
    sums = engine.per_pattern(np.outer(contrast, contrast)[None])[0].sum(axis=0)
    pairs = engine.summary.pair_counts.sum(axis=0)
    dof = max(engine.summary.n_rows - engine.p, 1)
    overall = float(np.trace(sums)) / dof
    size = float(np.einsum("kjj->", engine.summary.gram[..., -1, -1]))
    if not float(np.trace(sums)) > 1e-12 * size:
        raise zero
    with np.errstate(invalid="ignore", divide="ignore"):
        s = np.where(pairs > 0, sums / np.maximum(pairs, 1), 0.0) * engine.summary.n_rows / dof
    sd = np.sqrt(np.maximum(np.diag(s), 1e-3 * overall))
    values, vectors = np.linalg.eigh(np.where(np.eye(n_visits) > 0, 1.0, np.clip(s / np.outer(sd, sd), -0.99, 0.99)))
    r = (vectors * np.maximum(values, 0.02)) @ vectors.T
    return r / np.sqrt(np.outer(np.diag(r), np.diag(r))) * np.outer(sd, sd)


def fit(
    summary: Summary, design: Design, structure: Structure, *, reml: bool = True, max_iterations: int = 100,
    start: Array | None = None,
) -> Fit:  # fmt: skip
    """Maximise the restricted (or full) likelihood.

    Newton steps on the exact Hessian where it is positive definite, Fisher scoring elsewhere, halved until the likelihood
    does not fall; the start is the residual covariance by visit pair, or `start`. A random-effects covariance that leaves
    its cone is refitted on the cone's face (a variance of nought, a correlation of one) and says so in `boundary`.

    Raises NotConverged where the data do not identify the covariance or the maximum is not reached.
    """
    kept, null = estimable(summary, design)
    if summary.n_rows <= len(kept):
        raise NotConverged(
            f"There are {summary.n_rows} scores for {len(kept)} coefficients: too few to judge any spread."
        )
    _identified(summary, structure)
    engine = Engine(summary, design, kept, reml=reml)
    theta = structure.start(_moments(engine, len(summary.visits))) if start is None else start
    with np.errstate(all="ignore"):
        theta, point, iterations = _maximise(engine, structure, theta, max_iterations)
    at = structure(theta)
    outside = _outside(structure, theta)
    if outside and isinstance(structure, Linear):
        return _on_the_face(summary, design, structure, reml=reml, said=outside)
    gradient, hessian, expected = engine.derivatives(at, point)
    _check_maximum(structure, at, hessian)
    beta = np.full(len(design.names), np.nan)
    beta[kept] = point.beta
    return Fit(
        summary, design, structure, reml, theta, at.sigma, kept, null, beta, point.cov, -point.minus2 / 2,
        hessian, expected, gradient, iterations,
    )  # fmt: skip


def _identified(summary: Summary, structure: Structure) -> None:
    """A variance of its own needs two patients at the visit; an unstructured covariance, patients at both visits of a pair."""
    free = "unstructured" in structure.title
    if not free and "heterogeneous" not in structure.title:
        return
    pairs = summary.pair_counts if "by arm" in structure.title else summary.pair_counts.sum(axis=0)[None]
    for group in pairs:
        few = np.flatnonzero(np.diag(group) < 2)
        if len(few):
            who = "Only one patient has" if group[few[0], few[0]] else "No patient has"
            raise NotConverged(f"{who} a score at {summary.visits[few[0]]}, so its variance is not determined.")
        lacking = np.argwhere((group == 0) & np.triu(np.ones_like(group, dtype=bool)))
        if free and len(lacking):
            j, k = (summary.visits[i] for i in lacking[0])
            raise NotConverged(f"No patient has a score at both {j} and {k}, so their covariance is not determined.")


def _maximise(engine: Engine, structure: Structure, theta: Array, limit: int) -> tuple[Array, Point, int]:
    at = structure(theta)
    try:
        point = engine.point(at.sigma)
    except np.linalg.LinAlgError:
        raise NotConverged(f"The {structure.title} covariance is singular for these data.") from None
    for iteration in range(1, limit + 1):
        gradient, hessian, expected = engine.derivatives(at, point)
        step = _step(gradient, hessian, expected)
        decrement = float(gradient @ step)
        size = 1.0
        while size > 1e-10:
            new = structure(theta - size * step)
            try:
                trial = engine.point(new.sigma)
                if trial.minus2 <= point.minus2 + 1e-9 * (1 + abs(point.minus2)):
                    break
            except np.linalg.LinAlgError:
                pass
            size /= 2
        else:
            if decrement < 1e-8:
                return theta, point, iteration
            raise NotConverged(f"The {structure.title} covariance is singular for these data.")
        theta, at, point = theta - size * step, new, trial
        if decrement < 1e-18:
            return theta, point, iteration
    if decrement < 1e-8:
        return theta, point, limit
    if _smallest(at) < 1e-3:
        raise NotConverged(f"The {structure.title} covariance is singular for these data.")
    raise NotConverged(f"The {structure.title} covariance did not converge in {limit} iterations.")


def _step(gradient: Array, hessian: Array, expected: Array) -> Array:
    """A downhill step: Newton where the Hessian is positive definite, else Fisher scoring, damped where that is singular."""
    for matrix in (hessian, expected):
        scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
        try:
            np.linalg.cholesky(matrix * np.outer(scale, scale) - 1e-12 * np.eye(len(scale)))
        except np.linalg.LinAlgError:
            continue
        return scale * np.linalg.solve(matrix * np.outer(scale, scale), scale * gradient)
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(expected)), 1e-300))
    values, vectors = np.linalg.eigh(expected * np.outer(scale, scale))
    return scale * (vectors @ ((vectors.T @ (scale * gradient)) / np.maximum(np.abs(values), 1e-6)))


def _smallest(at: Evaluated) -> float:
    """The smallest eigenvalue of the visits' correlation: how far the covariance is from singular."""
    sd = np.sqrt(np.diagonal(at.sigma, axis1=1, axis2=2))
    return float(np.linalg.eigvalsh(at.sigma / (sd[:, :, None] * sd[:, None, :])).min())


def _check_maximum(structure: Structure, at: Evaluated, hessian: Array) -> None:
    if _smallest(at) < 1e-7:
        raise NotConverged(f"The {structure.title} covariance is singular for these data.")
    scale = 1 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    if np.linalg.eigvalsh(hessian * np.outer(scale, scale)).min() < 1e-9:
        raise NotConverged(f"The data do not determine every parameter of the {structure.title} covariance.")


def _outside(structure: Structure, theta: Array) -> str:
    """Which random effect has left its cone, in words; empty where none has."""
    if not isinstance(structure, Linear) or structure.random is None:
        return ""
    named = dict(zip(structure.names, theta))
    g = random_covariance(theta, structure.random.shape[1], structure.names)
    if named.get("nested", 0.0) < 0 or (np.diag(g) < 0).any():
        return "a random effect has a variance of nought"
    return "random effects are perfectly correlated" if len(g) and np.linalg.eigvalsh(g).min() < 0 else ""


def _on_the_face(summary: Summary, design: Design, structure: Linear, *, reml: bool, said: str) -> Fit:
    """The best fit on the boundary of a random-effects covariance: each variance left out, or the rank reduced."""
    found = []
    for face in structure.faces():
        try:
            found.append(fit(summary, design, face, reml=reml))
        except NotConverged:
            continue
    if not found:
        raise NotConverged(f"The {structure.title} covariance lies at its boundary and did not converge there.")
    best = max(found, key=lambda f: f.loglik)
    return replace(best, boundary=best.boundary or said)


def fit_first(summary: Summary, design: Design, structures: Sequence[Structure], *, reml: bool = True) -> Fit:
    """The first of the declared structures that converges; the attempts before it are on the fit, with the reason of each.

    Raises NotConverged with all reasons where none does.
    """
    attempts: list[str] = []
    for each in structures:
        try:
            return replace(fit(summary, design, each, reml=reml), attempts=tuple(attempts))
        except NotConverged as error:
            attempts.append(f"{each.title}: {error}")
    raise NotConverged("No covariance converged. " + " ".join(attempts))
