"""Linear mixed models of long data: random intercept, random slopes, effects nested within
patients, on the REML engine.

Rows of one patient with equal random-effect columns are exchangeable, so patients are grouped by
how many rows they have of each kind, and no step of the fit costs more for more patients. Laird &
Ware 1982, Biometrics 38:963.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.covariance import Linear, random_effects
from outcomes.stats.mixed.cross_products import summarise_rows
from outcomes.stats.mixed.likelihood import Design
from outcomes.stats.mixed.mmrm import Predictions, predict
from outcomes.stats.mixed.reml import fit
from outcomes.stats.mixed.small_sample import Inference, Rows, infer

Array = NDArray[np.float64]


def mixed(
    outcome: ArrayLike,
    matrix: ArrayLike,
    *,
    names: Sequence[str],
    cluster: ArrayLike,
    random: ArrayLike | None = None,
    nested: ArrayLike | None = None,
    correlated: bool = True,
    method: str = "kenward-roger",
    reml: bool = True,
) -> Inference:
    """Fit y = X b + Z u + e with independent clusters (patients, or sites with patients nested in
    them).

    `outcome` (rows,), `matrix` (rows, coefficients) with their `names`, `cluster` (rows,) who the
    row belongs to, `random` (rows, effects) the columns Z of the random effects (default: an
    intercept), `nested` (rows,) a second grouping within the cluster with its own random intercept;
    `correlated=False` keeps random effects independent. Rows without outcome are left out.

    The covariance parameters are G_a_b, `nested` and sigma2. Raises NotConverged where the data do
    not determine the model.

    >>> m = mixed(
    ...     [8.2, 10, 4.5, 5.6, 6.1, 7.0],
    ...     [[1.0, 1], [1, 0]] * 3,
    ...     names=("intercept", "ketamine"),
    ...     cluster=[1, 1, 2, 2, 3, 3],
    ... )
    >>> e = m.contrast([0, 1], name="ketamine − placebo")
    >>> round(e.value, 4), round(e.df, 4)
    (-1.2667, 2.0)
    """
    y, x = np.asarray(outcome, dtype=float), np.asarray(matrix, dtype=float)
    z = _effects(random, len(y))
    if x.shape != (len(y), len(names)) or len(z) != len(y):
        raise AnalysisError(
            f"{len(y)} rows need a matrix of shape ({len(y)}, {len(names)}), not {x.shape}."
        )
    seen = ~np.isnan(y)
    y, x, z = y[seen], x[seen], z[seen]
    who = np.unique(np.asarray(cluster)[seen], return_inverse=True)[1]
    inner = (
        None
        if nested is None
        else _rank_within(who, np.unique(np.asarray(nested)[seen], return_inverse=True)[1])
    )
    kinds, kind = np.unique(z, axis=0, return_inverse=True)
    kind = kind.ravel()
    group = kind if inner is None else inner * len(kinds) + kind
    copy = _copy_number(who, group)
    cells, at = np.unique(np.column_stack([group, copy]), axis=0, return_inverse=True)
    structure = random_effects(
        kinds[cells[:, 0] % len(kinds)], correlated=correlated, title=_title(z, nested is not None)
    )
    if inner is not None:
        structure = _with_nested(structure, cells[:, 0] // len(kinds))
    positions = tuple(f"row {i + 1}" for i in range(len(cells)))
    summary = summarise_rows(who, at.ravel(), y, x, visits=positions, features=tuple(names))
    eye = np.broadcast_to(np.eye(len(names)), (len(cells), len(names), len(names)))
    return infer(fit(summary, Design(eye, tuple(names)), structure, reml=reml), method)


def nested_cells(
    outcome: ArrayLike,
    *,
    cluster: ArrayLike,
    nested: ArrayLike,
    kind: ArrayLike,
    cell: ArrayLike,
    names: Sequence[str],
    random: ArrayLike,
    method: str = "kenward-roger",
    reml: bool = True,
) -> tuple[Inference, Predictions]:
    """Fit one mean a cell of a table to rows of units (infusions) nested in clusters (patients),
    with random effects of the cluster and a random intercept of the unit; and what it predicts.

    `outcome`, `cluster`, `nested`, `kind` and `cell` have one entry a row, without gaps: `kind` is
    what tells units apart (their number, say), `cell` the place of the row's mean among `names`;
    `random` (cells, effects) holds the random-effect columns of each cell. A unit has each cell at
    most once. The same model as `mixed` with indicators of the cells, at a cost that does not grow
    with the square of their number.

    >>> model, _ = nested_cells(
    ...     [8.2, 5, 7.5, 5.6, 6.1, 3.0, 6.3, 3.9],
    ...     cluster=[1, 1, 1, 1, 2, 2, 2, 2],
    ...     nested=[1, 1, 2, 2, 3, 3, 4, 4],
    ...     kind=[1, 1, 2, 2, 1, 1, 2, 2],
    ...     cell=[0, 1, 0, 1, 0, 1, 0, 1],
    ...     names=("before", "after"),
    ...     random=[[1.0], [1.0]],
    ... )
    >>> round(model.contrast([-1, 1], name="change").value, 3)
    -2.65
    """
    y, z = np.asarray(outcome, dtype=float), np.asarray(random, dtype=float)
    who = np.unique(np.asarray(cluster), return_inverse=True)[1]
    unit = np.unique(np.asarray(nested), return_inverse=True)[1]
    sort, at_cell = np.asarray(kind), np.asarray(cell, dtype=np.int64)
    place = _rank_within(
        np.unique(np.column_stack([who, sort]), axis=0, return_inverse=True)[1].ravel(), unit
    )
    cells, at = np.unique(np.column_stack([sort, place, at_cell]), axis=0, return_inverse=True)
    at = at.ravel()
    if len(np.unique(np.column_stack([who, at]), axis=0)) < len(y):
        raise AnalysisError("A unit has several rows of one cell: one is needed.")
    block = np.unique(cells[:, :2], axis=0, return_inverse=True)[1].ravel()
    structure = _with_nested(random_effects(z[cells[:, 2]], title=_title(z, nested=True)), block)
    ones = np.ones((len(y), 1))
    summary = summarise_rows(
        who,
        at,
        y,
        ones,
        visits=tuple(f"row {i + 1}" for i in range(len(cells))),
        features=("intercept",),
    )
    design = Design(np.eye(len(names))[cells[:, 2]][:, None, :], tuple(names))
    model = infer(fit(summary, design, structure, reml=reml), method)
    return model, predict_placed(model, y, ones, np.ones(len(y), bool), who, at)


def predict_rows(
    model: Inference,
    outcome: ArrayLike,
    matrix: ArrayLike,
    *,
    cluster: ArrayLike,
    random: ArrayLike | None = None,
) -> Predictions:
    """Fitted means, raw and scaled residuals and leverages of the rows that `mixed` was fitted to,
    each (rows,), nan where there is no outcome. The mean is that of all patients: no random effect
    is in it.

    Within a patient, rows of one kind are scaled in their order.
    """
    y, x = np.asarray(outcome, dtype=float), np.asarray(matrix, dtype=float)
    seen = ~np.isnan(y)
    z, who = _effects(random, len(y))[seen], np.asarray(cluster)[seen]
    who = np.unique(who, return_inverse=True)[1]
    _, kind = np.unique(z, axis=0, return_inverse=True)
    kind = kind.ravel()
    place = np.column_stack([kind, _copy_number(who, kind)])
    at = np.unique(place, axis=0, return_inverse=True)[1].ravel()
    return predict_placed(model, y, x, seen, who, at)


def predict_placed(
    model: Inference,
    outcome: Array,
    matrix: Array,
    seen: NDArray[np.bool_],
    who: NDArray[Any],
    at: NDArray[Any],
) -> Predictions:
    """The same, where it is known whose the seen rows are and at which position of the summary."""
    shape = (int(who.max()) + 1, len(model.fit.summary.visits))
    scores, design = np.full(shape, np.nan), np.zeros((*shape, matrix.shape[1]))
    scores[who, at], design[who, at] = outcome[seen], matrix[seen]
    found = predict(model.fit, Rows(scores, design))

    def rows(values: Array) -> Array:
        out = np.full(len(outcome), np.nan)
        out[seen] = values[who, at]
        return out

    return Predictions(*(rows(getattr(found, f.name)) for f in fields(found)))


def _effects(random: ArrayLike | None, n: int) -> Array:
    """The columns of the random effects; an intercept where none are given."""
    return np.ones((n, 1)) if random is None else np.asarray(random, dtype=float).reshape(n, -1)


def _title(z: Array, nested: bool) -> str:
    if not z.shape[1] and not nested:
        return "independent"
    title = "random-intercept" if z.shape[1] == 1 and (z == 1).all() else "random-effects"
    return f"nested {title}" if nested else title


def _copy_number(who: NDArray[Any], group: NDArray[Any]) -> NDArray[np.int64]:
    """0, 1, 2 ... for the rows of one patient that are of one kind, in their order."""
    key = np.unique(np.column_stack([who, group]), axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(key, kind="stable")
    first = np.r_[True, key[order][1:] != key[order][:-1]]
    start = np.flatnonzero(first)[np.cumsum(first) - 1]
    out = np.empty(len(key), dtype=np.int64)
    out[order] = np.arange(len(key)) - start
    return out


def _rank_within(who: NDArray[Any], label: NDArray[Any]) -> NDArray[np.int64]:
    """0, 1, 2 ... for the different labels within each patient."""
    pairs, at = np.unique(np.column_stack([who, label]), axis=0, return_inverse=True)
    return _copy_number(pairs[:, 0], np.zeros(len(pairs), dtype=np.int64))[at.ravel()]


def _with_nested(structure: Linear, block: NDArray[Any]) -> Linear:
    same = (block[:, None] == block[None, :]).astype(float)
    bases = np.concatenate([structure.bases[:-1], same[None], structure.bases[-1:]])
    return Linear(
        structure.title, bases, (*structure.names[:-1], "nested", "sigma2"), random=structure.random
    )
