"""Fully conditional specification: each incomplete variable imputed from all others in turn, for
mixed and auxiliary variables.

van Buuren 2018, Flexible Imputation of Missing Data, 2nd ed., sections 3.2, 3.4 and 4.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError, unknown

Array = NDArray[np.float64]


def chained(
    values: ArrayLike,
    *,
    number: int,
    rng: np.random.Generator,
    iterations: int = 10,
    how: str = "pmm",
    donors: int = 5,
) -> list[Array]:
    """Completed copies of incomplete values (rows, variables).

    "pmm": predictive mean matching, each gap takes the value of one of the `donors` patients seen
    whose prediction is nearest (so imputed values are values that occur: integers stay integers,
    scales keep their range); "norm": a draw from the Bayesian linear regression. A variable seen in
    fewer than two rows cannot be imputed and is refused.

    >>> rng = np.random.default_rng(1)
    >>> x = [[1.0, 2.0], [2.0, 4.0], [3.0, float("nan")], [4.0, 8.0], [5.0, 9.0], [2.5, 5.0]]
    >>> chained(x, number=1, rng=rng)[0][2, 1] in (2.0, 4.0, 5.0, 8.0, 9.0)
    True
    """
    if how not in ("pmm", "norm"):
        raise AnalysisError(unknown("way to impute", how, ("pmm", "norm")))
    x = np.asarray(values, dtype=float)
    gaps = np.isnan(x)
    if ((~gaps).sum(axis=0) < 2).any():
        raise AnalysisError(
            "A variable seen in fewer than two patients cannot be imputed: leave it out."
        )
    order = [j for j in np.argsort(gaps.sum(axis=0), kind="stable") if gaps[:, j].any()]
    out = []
    for _ in range(number):
        filled = x.copy()
        for j in order:
            filled[gaps[:, j], j] = rng.choice(x[~gaps[:, j], j], int(gaps[:, j].sum()))
        for _ in range(iterations):
            for j in order:
                others = np.delete(filled, j, axis=1)
                filled[gaps[:, j], j] = _regression(x[:, j], others, gaps[:, j], rng, how, donors)
        out.append(filled)
    return out


def _regression(
    y: Array, others: Array, gap: NDArray[np.bool_], rng: np.random.Generator, how: str, donors: int
) -> Array:
    """Imputed values of one variable from the current values of the others."""
    center, scale = others.mean(axis=0), others.std(axis=0)
    z = np.column_stack([np.ones(len(y)), (others - center)[:, scale > 0] / scale[scale > 0]])
    seen, known = z[~gap], y[~gap]
    cross = seen.T @ seen
    v = np.linalg.inv(cross + 1e-5 * np.diag(np.diag(cross)))
    beta = v @ seen.T @ known
    rss = float(((known - seen @ beta) ** 2).sum())
    sd = np.sqrt(rss / rng.chisquare(max(len(known) - z.shape[1], 1)))
    drawn = beta + sd * np.linalg.cholesky((v + v.T) / 2) @ rng.normal(size=len(beta))
    if how == "norm":
        return z[gap] @ drawn + sd * rng.normal(size=int(gap.sum()))
    return _match(seen @ beta, z[gap] @ drawn, known, rng, min(donors, len(known)))


def _match(
    observed: Array, wanted: Array, known: Array, rng: np.random.Generator, donors: int
) -> Array:
    """For each wanted prediction, the value of a random one of the nearest observed predictions."""
    order = np.argsort(
        observed + 1e-9 * np.ptp(observed) * rng.random(len(observed)), kind="stable"
    )
    ranked = observed[order]
    middle = np.searchsorted(ranked, wanted)
    near = np.clip(middle[:, None] + np.arange(-donors, donors), 0, len(ranked) - 1)
    distance = np.abs(ranked[near] - wanted[:, None])
    distance[:, 1:][near[:, 1:] == near[:, :-1]] = np.inf
    nearest = np.take_along_axis(near, np.argsort(distance, axis=1)[:, :donors], axis=1)
    chosen = nearest[np.arange(len(wanted)), rng.integers(0, donors, len(wanted))]
    return known[order][chosen]
