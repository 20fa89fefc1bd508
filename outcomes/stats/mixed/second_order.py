"""The second-derivative term of Kenward and Roger's covariance, for structures that are not linear
in their parameters.

Kenward & Roger 1997, Biometrics 53:983, eq. 5: Phi_A = Phi + 2 Phi {sum of w_ab (Q_ab - P_a Phi P_b
- R_ab / 4)} Phi with R_ab = X' V^-1 V_ab V^-1 X, V_ab the second derivatives of V. The term depends
on how the covariance is written. An unstructured one is linear in its own elements, where the term
is zero; R's mmrm writes it as D L L' D with log standard deviations of the innovations in D and a
unit lower triangular L, and so does this module.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from outcomes.stats.mixed.covariance import ByGroup, Linear
from outcomes.stats.mixed.reml import Fit

Array = NDArray[np.float64]


def second_order(fit: Fit, weights: Array) -> Array:
    """The sum over parameters of w_ab R_ab, (coefficients, coefficients); `weights` is the
    covariance of the fit's own parameters (q, q).

    Zero for random effects, which are linear in their variances.
    """
    pieces = fit.pieces
    parts = [np.zeros_like(s) for s in fit.sigma]
    if pieces.at.second is not None:
        parts = [np.tensordot(weights, pieces.at.second[:, :, g], 2) for g in range(len(fit.sigma))]
    elif _unstructured(fit):
        q = len(weights) // len(fit.sigma)
        for g, sigma in enumerate(fit.sigma):
            own = slice(g * q, (g + 1) * q)
            parts[g] = _log_cholesky(sigma, weights[own, own])
    inner = np.zeros_like(pieces.weights)
    for g, part in enumerate(parts):
        rows = fit.summary.group == g
        inner[rows] = pieces.weights[rows] @ part @ pieces.weights[rows]
    return np.asarray(pieces.engine.contract(inner)[:-1, :-1], dtype=float)


def _unstructured(fit: Fit) -> bool:
    own = fit.structure.structure if isinstance(fit.structure, ByGroup) else fit.structure
    m = len(fit.summary.visits)
    return isinstance(own, Linear) and own.random is None and len(own.bases) == m * (m + 1) // 2


def _log_cholesky(sigma: Array, weights: Array) -> Array:
    """Sum over the parameters of D L L' D of their covariance times the second derivatives of
    sigma, (M, M); `weights` is the covariance of the elements of sigma, row by row.
    """
    m = len(sigma)
    root = np.linalg.cholesky(sigma)
    d = np.diag(root)
    lower = root / d[:, None]
    cells = [(p, q) for p in range(m) for q in range(p)]
    scale = np.outer(d, d)
    both = np.eye(m)[:, :, None] + np.eye(m)[:, None, :]
    by_cell = np.array([_moved(lower, p, q) * scale for p, q in cells]).reshape(-1, m, m)
    first = np.concatenate([sigma * both, by_cell])
    n = len(first)
    second = np.zeros((n, n, m, m))
    second[:m, :m] = sigma * both[:, None] * both[None, :]
    second[:m, m:] = both[:, None] * by_cell[None, :]
    second[m:, :m] = second[:m, m:].transpose(1, 0, 2, 3)
    for i, (p, q) in enumerate(cells):
        for j, (r, s) in enumerate(cells):
            if q == s:
                cross = np.outer(np.eye(m)[p], np.eye(m)[r])
                second[m + i, m + j] = (cross + cross.T) * scale
    upper = np.triu_indices(m)
    back = np.linalg.inv(first[:, upper[0], upper[1]].T)
    return np.asarray(np.tensordot(back @ weights @ back.T, second, 2), dtype=float)


def _moved(lower: Array, p: int, q: int) -> Array:
    """The derivative of L L' in its element (p, q)."""
    out = np.zeros_like(lower)
    out[p] += lower[:, q]
    out[:, p] += lower[:, q]
    return out
