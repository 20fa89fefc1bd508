"""Many outcomes, one error rate: adjusted p-values that leave undefined ones alone.

An adjusted p-value is the smallest family-wise level (or false discovery rate) at which that
hypothesis would be rejected, so "adjusted p below .05" is the decision whatever the procedure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError, unknown

Array = NDArray[np.float64]


def adjust(p: ArrayLike, method: str = "holm") -> Array:
    """Are these results still convincing when that many were looked at?

    Undefined p-values (nan) stay nan and do not count as tests. Methods: `bonferroni`, `holm`,
    `hochberg`, `hommel` (family-wise error; the last two need independent or positively dependent
    tests), `BH`, `BY` (false discovery rate; BY under any dependence) and `none`.

    Formulas, p sorted, m tests: Holm max_{j≤i}(m−j+1)p_j; Hochberg min_{j≥i}(m−j+1)p_j; BH
    min_{j≥i} m·p_j/j; BY = BH·Σ1/j; Hommel the closed test with Simes' p-value. All are capped at
    1.

    Raises AnalysisError for an unknown method or a p-value outside 0 to 1.

    References: Holm, Scand J Stat 1979;6:65; Hochberg, Biometrika 1988;75:800; Hommel, Biometrika
    1988;75:383; Benjamini & Hochberg, JRSS B 1995;57:289; Benjamini & Yekutieli, Ann Stat
    2001;29:1165.

    >>> adjust([0.01, 0.04, float("nan"), 0.03]).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    values = _checked(p)
    if method not in METHODS:
        raise AnalysisError(unknown("multiplicity method", method, METHODS))
    adjusted = np.full(values.size, np.nan)
    defined = np.flatnonzero(~np.isnan(values))
    order = defined[np.argsort(values[defined], kind="stable")]
    if order.size:
        adjusted[order] = np.minimum(METHODS[method](values[order]), 1.0)
    return adjusted


def fixed_sequence(p: ArrayLike) -> Array:
    """Tested one after the other in the order declared, each at the full level, until the first
    that fails.

    Adjusted p = the largest p-value so far. An undefined p-value stops the sequence: what follows
    is 1.

    Reference: Maurer, Hothorn & Lehmacher, in Biometrie in der chemisch-pharmazeutischen Industrie
    1995;6:3.

    >>> fixed_sequence([0.01, 0.03, 0.02, 0.20, 0.001]).tolist()
    [0.01, 0.03, 0.03, 0.2, 0.2]
    """
    return hierarchical([[value] for value in _checked(p)])


def hierarchical(families: Sequence[ArrayLike], method: str = "holm") -> Array:
    """Families in their declared order: the next one is opened only when all of the one before
    succeeded.

    Within a family `method` (see `adjust`); the adjusted p-values of a family are at least as large
    as the largest of the families before it (serial gatekeeping). An undefined p-value in an
    earlier family closes the gate: what follows is 1. Returns one array, in the order given.

    Reference: Westfall & Krishen, J Stat Plan Inference 2001;99:25.

    >>> hierarchical([[0.01], [0.03, 0.02]]).tolist()
    [0.01, 0.04, 0.04]
    """
    gate, blocks = 0.0, []
    for family in families:
        block = np.maximum(adjust(family, method), gate)
        gate = 1.0 if np.isnan(block).any() else max(gate, float(block.max(initial=0.0)))
        blocks.append(block)
    return np.concatenate(blocks) if blocks else np.empty(0)


def graphical(p: ArrayLike, *, weights: ArrayLike, transitions: ArrayLike) -> Array:
    """Adjusted p-values of a graphical procedure: the level of a rejected hypothesis is passed on
    along the arrows.

    `weights` are the shares of the level at the start (sum at most 1); `transitions[i][j]` is the
    share of the level of i that goes to j once i is rejected (rows sum to at most 1, zero
    diagonal). Holm is equal weights with equal arrows; the fixed sequence is all weight on the
    first with one arrow to the next. An undefined p-value is never rejected, so its level is not
    passed on; it stays nan.

    Raises AnalysisError for weights or transitions that are not a graph of m hypotheses.

    Reference: Bretz, Maurer, Brannath & Posch, Stat Med 2009;28:586, algorithm 2
    (doi:10.1002/sim.3495).

    >>> graphical(
    ...     [0.01, 0.02, 0.04],
    ...     weights=[0.5, 0.5, 0],
    ...     transitions=[[0, 0.5, 0.5], [0.5, 0, 0.5], [0, 0, 0]],
    ... )
    array([0.02      , 0.02666667, 0.04      ])
    """
    values = _checked(p)
    w, g = _graph(values.size, weights, transitions)
    adjusted = np.where(np.isnan(values), np.nan, 1.0)
    left, largest = set(np.flatnonzero(~np.isnan(values)).tolist()), 0.0
    while left:
        ratios = {i: values[i] / w[i] for i in left if w[i] > 0}
        if not ratios:
            break
        j = min(ratios, key=lambda i: (ratios[i], i))
        largest = min(1.0, max(largest, ratios[j]))
        adjusted[j] = largest
        left.remove(j)
        w, g = _passed_on(w, g, j)
    return adjusted


def _passed_on(w: Array, g: Array, j: int) -> tuple[Array, Array]:
    """The graph after hypothesis j was rejected and taken out."""
    w = w + w[j] * g[j]
    back = (1 - g[:, j] * g[j])[:, None]
    new = np.divide(g + np.outer(g[:, j], g[j]), back, out=np.zeros_like(g), where=back > 1e-12)
    np.fill_diagonal(new, 0.0)
    new[j, :] = new[:, j] = 0.0
    w[j] = 0.0
    return w, new


def _graph(m: int, weights: ArrayLike, transitions: ArrayLike) -> tuple[Array, Array]:
    w, g = np.array(weights, float), np.array(transitions, float)
    if w.shape != (m,) or g.shape != (m, m):
        raise AnalysisError(
            f"A graph of {m} hypotheses needs {m} weights and {m} × {m} transitions."
        )
    rows = np.vstack([w, g])
    if (rows < 0).any() or (rows.sum(axis=1) > 1 + 1e-12).any() or np.diag(g).any():
        raise AnalysisError(
            "Weights and each row of transitions are at least 0, sum to at most 1, and have no"
            " arrow back to itself."
        )
    return w, g


def _checked(p: ArrayLike) -> Array:
    values = np.atleast_1d(np.asarray(p, float))
    if values.ndim != 1:
        raise AnalysisError("p-values must be one list.")
    if ((values < 0) | (values > 1)).any():
        raise AnalysisError("A p-value lies between 0 and 1; at least one given does not.")
    return values


def _ranks_left(p: Array) -> Array:
    return np.arange(p.size, 0, -1.0)


def _step_up(scaled: Array) -> Array:
    return np.minimum.accumulate(scaled[::-1])[::-1]


def _benjamini_hochberg(p: Array) -> Array:
    return _step_up(p * p.size / np.arange(1.0, p.size + 1))


def _hommel(p: Array) -> Array:
    """Closed test with Simes: for each size s the hardest subset holding p_i is p_i with the s−1
    largest others.
    """
    adjusted = np.zeros(p.size)
    for s in range(1, p.size + 1):
        largest = p[p.size - s :]
        others = np.min(s * largest[1:] / np.arange(2.0, s + 1), initial=np.inf)
        adjusted = np.maximum(adjusted, np.minimum(s * np.minimum(p, largest[0]), others))
    return adjusted


#: Adjusted p-values from p-values sorted upwards, before the cap at 1.
METHODS: dict[str, Callable[[Array], Array]] = {
    "bonferroni": lambda p: p * p.size,
    "holm": lambda p: np.maximum.accumulate(p * _ranks_left(p)),
    "hochberg": lambda p: _step_up(p * _ranks_left(p)),
    "hommel": _hommel,
    "BH": _benjamini_hochberg,
    "BY": lambda p: _benjamini_hochberg(p) * np.sum(1 / np.arange(1.0, p.size + 1)),
    "none": lambda p: p.copy(),
}
