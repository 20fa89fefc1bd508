"""The restricted likelihood and its derivatives from an additive summary: one summary under one
design, at any covariance.

The patients are independent given the model, and those of one pattern share V, so that with W =
V^-1 everything is a sum over patterns of M x M matrices against cross-products (Lindstrom & Bates
1988, JASA 83:1014; Appendix A of the methods catalogue).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.covariance import Evaluated
from outcomes.stats.mixed.cross_products import Summary

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Design:
    """How the mean depends on the features: x at visit j = `columns[j]`' f_j, `columns` (visits,
    features, coefficients).
    """

    columns: Array
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.columns.ndim != 3 or self.columns.shape[2] != len(self.names):
            raise AnalysisError(
                f"A design is (visits, features, {len(self.names)} coefficients), not"
                f" {self.columns.shape}."
            )


@dataclass(frozen=True, eq=False)
class Pieces:
    """(X y)' W V_a W (X y) for each covariance parameter, `first` (q, p + 1, p + 1), with the
    weights W it was made from.
    """

    weights: Array
    first: Array
    engine: Engine
    at: Evaluated


@dataclass(frozen=True, eq=False)
class Point:
    """The model at one covariance: weights (K, M, M), -2 log-likelihood, coefficients and their
    covariance.
    """

    weights: Array
    minus2: float
    beta: Array
    cov: Array


class Engine:
    """One summary under one design, ready to be evaluated at any covariance."""

    def __init__(
        self, summary: Summary, design: Design, kept: NDArray[np.int64], *, reml: bool = True
    ) -> None:
        k, m = summary.pattern.shape
        d = summary.gram.shape[-1]
        self.summary, self.reml, self.p = summary, reml, len(kept)
        self.mask = summary.pattern.astype(float)
        self.mask2 = self.mask[:, :, None] * self.mask[:, None, :]
        self.rest = np.einsum("kj,jl->kjl", 1 - self.mask, np.eye(m))
        self.by_pair = np.ascontiguousarray(summary.gram.transpose(1, 2, 0, 3, 4)).reshape(
            m, m, k, d * d
        )
        self.columns = np.zeros((m, d, self.p + 1))
        self.columns[:, :-1, :-1] = design.columns[:, :, kept]
        self.columns[:, -1, -1] = 1.0
        self.flat = self.columns.reshape(m * d, self.p + 1)

    def contract(self, weights: Array) -> Array:
        """Sum over patterns and visit pairs of w_kjl (X y)_j'(X y)_l: weights (..., K, M, M) to
        (..., p + 1, p + 1).
        """
        lead = weights.shape[:-3]
        k, m = weights.shape[-3:-1]
        w = np.moveaxis(weights.reshape(-1, k, m, m), (2, 3), (0, 1))
        f = (w @ self.by_pair).transpose(2, 0, 1, 3)
        d = self.columns.shape[1]
        f = f.reshape(-1, m, m, d, d).transpose(0, 1, 3, 2, 4).reshape(-1, m * d, m * d)
        return (self.flat.T @ f @ self.flat).reshape(*lead, self.p + 1, self.p + 1)

    def per_pattern(self, inner: Array) -> Array:
        """For each inner matrix C (s, p + 1, p + 1): sums over patients of (x y)_j C (x y)_l',
        shape (s, K, M, M).
        """
        m, d, _ = self.columns.shape
        middle = (
            (self.flat @ inner @ self.flat.T)
            .reshape(-1, m, d, m, d)
            .transpose(1, 3, 2, 4, 0)
            .reshape(m, m, d * d, -1)
        )
        return (self.by_pair @ middle).transpose(3, 2, 0, 1)

    def point(self, sigma: Array) -> Point:
        """The profile over the coefficients; raises LinAlgError where the covariance is not
        positive definite.
        """
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
            minus2 += (
                2 * float(np.log(np.diag(root)).sum())
                - 2 * float(np.log(scale).sum())
                - self.p * log(2 * pi)
            )
        if not np.isfinite(minus2) or rss < 0:
            raise np.linalg.LinAlgError("not finite")
        return Point(weights, minus2, beta, cov)

    def pieces(self, at: Evaluated, point: Point | None = None) -> Pieces:
        """W V_a W contracted with the cross-products, for each covariance parameter."""
        w = point.weights if point is not None else self.point(at.sigma).weights
        if at.first.shape[1] == 1:  # one product a pattern is so small that BLAS starts no threads
            b = np.array([(w @ j) @ w for j in at.first[:, 0]])
        else:
            b = np.array([(w @ j) @ w for j in at.first[:, self.summary.group]])
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
        lent = (point.cov @ a).transpose(1, 0, 2)
        both = (lent @ (a @ point.cov).transpose(1, 2, 0)).sum(axis=0) * float(self.reml)
        observed = quadratic - both - 2 * e @ point.cov @ e.T
        expected = fisher + both
        return gradient, (observed + observed.T) / 2, (expected + expected.T) / 2


def _sandwich(j: Array, w: Array, c: Array) -> Array:
    """Sum over patterns of tr(V_a W V_b C) for all pairs of parameters: j (q, M, M), w and c (K, M,
    M).
    """
    q, m = len(j), j.shape[-1]
    if 2 * q < m:
        left, right = j[:, None] @ w, (j[:, None] @ c).transpose(0, 1, 3, 2)
        return left.reshape(q, -1) @ right.reshape(q, -1).T
    k = _product(w.reshape(-1, m * m).T, c.reshape(-1, m * m))
    k = k.reshape(m, m, m, m).transpose(3, 0, 1, 2).reshape(m * m, m * m)
    flat = j.reshape(q, m * m)
    return _product(_product(flat, k), flat.T)


def _product(a: Array, b: Array) -> Array:
    """a @ b in pieces so small that BLAS starts no threads: on a busy machine these cost far more
    than they save.
    """
    rows = max(1, 200_000 // max(b.size, 1))
    return np.concatenate([a[i : i + rows] @ b for i in range(0, len(a), rows)])


def estimable(
    summary: Summary, design: Design, tolerance: float = 1e-10
) -> tuple[NDArray[np.int64], Array]:
    """Coefficients the rows determine (earlier ones kept first), and a basis (aliased, p) of the
    directions they do not.
    """
    full = Engine(summary, design, np.arange(len(design.names)))
    cross = full.contract(full.mask[:, :, None] * np.eye(full.mask.shape[1]))[:-1, :-1]
    p = len(cross)
    scale = np.where(
        np.diag(cross) > 0, 1 / np.sqrt(np.where(np.diag(cross) > 0, np.diag(cross), 1)), 0.0
    )
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
