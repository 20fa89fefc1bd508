"""Repeated scores as an additive summary: all that a linear model with structured covariance needs,
whatever the number of patients.

Patients with the same set of observed visits (the same pattern) contribute to the likelihood only
through their number and the cross-products of design and outcome by visit pair. These add up: over
patients, over chunks, over sites.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Summary:
    """How many patients show which pattern of visits, and the cross-products of their features and
    scores.

    With K patterns, M visits and D = features + 1 columns a visit (the last is the outcome):
    `pattern` (K, M) says which visits are observed, `group` (K,) the covariance group, `counts`
    (K,) the patients, `gram` (K, M, M, D, D) the sums over patients of f_j f_l' (zero where a visit
    is not observed). Summaries of the same visits and features add up with `+` (and `sum`); the
    order of the parts does not matter. A pattern with one patient holds that patient's own values:
    see `smallest_pattern` before sending a summary away.

    >>> one = summarise(
    ...     [[7.0, 5.0], [6.0, 4.0]],
    ...     [[1.0], [1.0]],
    ...     visits=("before", "after"),
    ...     features=("intercept",),
    ... )
    >>> two = summarise(
    ...     [[8.0, float("nan")]], [[1.0]], visits=("before", "after"), features=("intercept",)
    ... )
    >>> both = one + two
    >>> both.n_patients, both.n_rows, both.patterns()
    (3, 5, (('before', 1), ('before, after', 2)))
    """

    visits: tuple[str, ...]
    features: tuple[str, ...]
    groups: tuple[str, ...]
    pattern: NDArray[np.bool_]
    group: NDArray[np.int64]
    counts: NDArray[np.int64]
    gram: Array

    @property
    def n_patients(self) -> int:
        """Patients with at least one score."""
        return int(self.counts.sum())

    @property
    def n_rows(self) -> int:
        """Observed scores."""
        return int(self.counts @ self.pattern.sum(axis=1))

    @property
    def smallest_pattern(self) -> int:
        """The number of patients in the rarest pattern."""
        return int(self.counts.min()) if len(self.counts) else 0

    @property
    def pair_counts(self) -> NDArray[np.int64]:
        """Patients observed at both visits of a pair, shape (groups, visits, visits)."""
        seen = self.pattern.astype(np.int64)
        out = np.zeros((len(self.groups), len(self.visits), len(self.visits)), dtype=np.int64)
        np.add.at(out, self.group, self.counts[:, None, None] * seen[:, :, None] * seen[:, None, :])
        return out

    @property
    def feature_means(self) -> Array:
        """Mean of each feature and of the outcome over all observed rows; the first feature must be
        the constant 1.
        """
        diagonal = np.einsum("kjjde->de", self.gram)
        return diagonal[0] / diagonal[0, 0]

    def patterns(self) -> tuple[tuple[str, int], ...]:
        """Each pattern in words with its number of patients."""
        names = (", ".join(v for v, seen in zip(self.visits, row) if seen) for row in self.pattern)
        return tuple((name, int(n)) for name, n in zip(names, self.counts))

    def without_groups(self) -> Summary:
        """The summary with one covariance for all groups."""
        alike = np.zeros_like(self.group)
        return _merged(
            self.visits, self.features, ("",), self.pattern, alike, self.counts, self.gram
        )

    def __add__(self, other: Summary) -> Summary:
        if not isinstance(other, Summary):
            return NotImplemented
        for what in ("visits", "features"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                raise AnalysisError(
                    f"Summaries to be added need the same {what}: {', '.join(mine)} is not"
                    f" {', '.join(theirs)}."
                )
        groups = tuple(dict.fromkeys(self.groups + other.groups))
        moved = np.array([groups.index(g) for g in other.groups], dtype=np.int64)
        own = np.array([groups.index(g) for g in self.groups], dtype=np.int64)
        return _merged(
            self.visits,
            self.features,
            groups,
            np.concatenate([self.pattern, other.pattern]),
            np.concatenate([own[self.group], moved[other.group]]),
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.gram, other.gram]),
        )

    def __sub__(self, other: Summary) -> Summary:
        """The summary without patients that are in it (as in a jackknife)."""
        if not isinstance(other, Summary):
            return NotImplemented
        both = self + Summary(
            other.visits,
            other.features,
            other.groups,
            other.pattern,
            other.group,
            -other.counts,
            -other.gram,
        )
        if (both.counts < 0).any():
            raise AnalysisError("Only patients that are in a summary can be taken out of it.")
        left = both.counts > 0
        return Summary(
            both.visits,
            both.features,
            both.groups,
            both.pattern[left],
            both.group[left],
            both.counts[left],
            both.gram[left],
        )

    def __radd__(self, other: object) -> Summary:
        return self if other == 0 else NotImplemented

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and names, ready for JSON."""
        arrays = {
            name: getattr(self, name).tolist() for name in ("pattern", "group", "counts", "gram")
        }
        return {
            "visits": list(self.visits),
            "features": list(self.features),
            "groups": list(self.groups),
        } | arrays

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Summary:
        """The summary that `to_dict` wrote."""
        m, d = len(data["visits"]), len(data["features"]) + 1
        return cls(
            tuple(data["visits"]),
            tuple(data["features"]),
            tuple(data["groups"]),
            np.asarray(data["pattern"], dtype=bool).reshape(-1, m),
            np.asarray(data["group"], dtype=np.int64),
            np.asarray(data["counts"], dtype=np.int64),
            np.asarray(data["gram"], dtype=float).reshape(-1, m, m, d, d),
        )


def regrouped(
    origin: float,
    moved: float,
    *,
    visits: tuple[str, ...],
    arms: tuple[str, ...],
    pattern: NDArray[np.bool_],
    code: NDArray[np.int64],
    counts: NDArray[np.int64],
    gram: Array,
    at: Sequence[int],
    baseline: int | None = None,
) -> Summary:
    """The summary of a model of visits by arm, from cross-products of 1 and the score at every
    visit.

    `gram` (cells, all visits, all visits, 2, 2) are the sums over the `counts` (cells,) patients of
    a cell, `code` (cells,) their arm among `arms`, `at` the places of `visits` among all visits,
    `pattern` (cells, visits) which of these are observed. Features are the intercept, an indicator
    of each arm but the first, and the score at the visit `baseline` (a place), where it is one.
    `origin` is taken off the scores, `moved` off the baseline.
    """
    places, (k, m) = np.asarray(at, dtype=np.int64), pattern.shape
    more = baseline is not None
    d = 1 + max(len(arms) - 1, 0) + more + 1
    fixed = np.zeros((k, d))
    fixed[:, 0] = 1
    inside = code > 0
    fixed[inside, code[inside]] = 1
    # where 1, the baseline and the score stand among the columns, and what is taken off them
    here = np.ix_(np.arange(k), places, places)
    products = np.zeros((k, m, m, d, d))
    products += (
        np.einsum("kd,ke->kde", fixed, fixed)[:, None, None] * counts[:, None, None, None, None]
    )
    n, totals = counts[:, None], gram[:, places, places, 0, 1]
    sums = totals - origin * n
    of_scores = (
        gram[here][..., 1, 1]
        - origin * (totals[:, :, None] + totals[:, None, :])
        + origin**2 * n[:, :, None]
    )
    products[..., :, -1] += np.einsum("kd,kl->kld", fixed, sums)[:, None]
    products[..., -1, :] += np.einsum("kd,kj->kjd", fixed, sums)[:, :, None]
    products[..., -1, -1] = of_scores
    if baseline is not None:
        b = d - 2
        plain, own = gram[:, baseline, baseline, 0, 1], gram[:, baseline, places, 1, 1]
        start = plain - moved * counts
        squares = gram[:, baseline, baseline, 1, 1] - 2 * moved * plain + moved**2 * counts
        crossed = own - moved * totals - origin * plain[:, None] + origin * moved * n
        products[..., : d - 2, b] = (fixed[:, : d - 2] * start[:, None])[:, None, None]
        products[..., b, : d - 2] = products[..., : d - 2, b]
        products[..., b, b] = squares[:, None, None]
        products[..., b, -1] = crossed[:, None, :]
        products[..., -1, b] = crossed[:, :, None]
    both = pattern[:, :, None] & pattern[:, None, :]
    products *= both[..., None, None]
    features = ("intercept", *(f"arm {a}" for a in arms[1:]), *(("baseline",) if more else ()))
    return _merged(visits, features, arms or ("",), pattern, code, counts, products)


def _merged(
    visits: tuple[str, ...],
    features: tuple[str, ...],
    groups: tuple[str, ...],
    pattern: NDArray[np.bool_],
    group: NDArray[np.int64],
    counts: NDArray[np.int64],
    gram: Array,
) -> Summary:
    """One entry for each different pattern, in a fixed order."""
    keys = np.column_stack([group, pattern]).astype(np.int64)
    unique, position = np.unique(keys, axis=0, return_inverse=True)
    position = position.ravel()
    total = np.zeros(len(unique), dtype=np.int64)
    np.add.at(total, position, counts)
    sums = np.zeros((len(unique), *gram.shape[1:]))
    np.add.at(sums, position, gram)
    return Summary(
        visits, features, groups, unique[:, 1:].astype(bool), unique[:, 0].copy(), total, sums
    )


def by_pattern(
    scores: Array, group: NDArray[np.int64]
) -> list[tuple[int, NDArray[np.bool_], NDArray[np.int64]]]:
    """Patients (row numbers) of each covariance group and pattern of observed visits; patients
    without a score are in none.
    """
    seen = ~np.isnan(scores)
    n_visits = scores.shape[1]
    if n_visits <= 52:
        code = seen @ (1 << np.arange(n_visits)) + (group << n_visits)
    else:
        code = np.unique(np.column_stack([group, seen]), axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(code, kind="stable")
    code = code[order]
    starts = (
        np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
        if len(code)
        else np.array([], dtype=np.int64)
    )
    out = []
    for first, last in zip(starts, np.r_[starts[1:], len(code)]):
        rows = order[first:last]
        if seen[rows[0]].any():
            out.append((int(group[rows[0]]), seen[rows[0]], rows))
    return out


#: A mean this many SDs from 0 costs sums of squares digits that a model needs.
FAR = 30.0


def middle(values: Array) -> float:
    """A whole number near the mean of values that lie far from 0 beside their spread; else 0."""
    seen = values[~np.isnan(values)]
    if len(seen) < 2:
        return 0.0
    mean, spread = float(seen.mean()), float(seen.std())
    return float(np.round(mean)) if spread > 0 and abs(mean) > FAR * spread else 0.0


def summarise(
    scores: ArrayLike,
    design: ArrayLike,
    *,
    visits: Sequence[str],
    features: Sequence[str],
    group: ArrayLike | None = None,
    groups: Sequence[str] = ("",),
) -> Summary:
    """The summary of a table of patients x visits.

    `scores` (patients, visits), nan where a score is missing; `design` (patients, features) or, for
    features that change with the visit, (patients, visits, features): the first is the constant 1.
    `features` and `visits` name the columns; `group` (patients,) numbers the covariance group of
    each patient in `groups` (default: one group for all).

    Raises AnalysisError where an observed score lacks a feature, or shapes do not fit.
    """
    y = np.asarray(scores, dtype=float)
    x = np.asarray(design, dtype=float)
    if y.ndim != 2 or y.shape[1] != len(visits):
        raise AnalysisError(
            f"Scores are (patients, visits) with {len(visits)} visits, not of shape {y.shape}."
        )
    if x.ndim == 2:
        x = np.broadcast_to(x[:, None, :], (*y.shape, x.shape[1]))
    if x.shape != (*y.shape, len(features)):
        raise AnalysisError(
            f"Features have shape {x.shape}; {(*y.shape, len(features))} is needed for these"
            " scores."
        )
    if not np.isfinite(x[~np.isnan(y)]).all():
        raise AnalysisError(
            "A feature (baseline, covariate or arm) is missing where a score is observed. "
            "Leave those rows out, or impute."
        )
    member = (
        np.zeros(len(y), dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    )
    parts = by_pattern(y, member)
    m, d = len(visits), len(features) + 1
    gram = np.zeros((len(parts), m, m, d, d))
    for k, (_, seen, rows) in enumerate(parts):
        at = np.flatnonzero(seen)
        block = np.empty((len(rows), len(at), d))
        for i, j in enumerate(at):
            block[:, i, :-1] = x[rows, j]
            block[:, i, -1] = y[rows, j]
        flat = block.reshape(len(rows), -1)
        products = _cross_products(flat).reshape(len(at), d, len(at), d).transpose(0, 2, 1, 3)
        gram[k][np.ix_(at, at)] = products
    return _merged(
        tuple(map(str, visits)),
        tuple(map(str, features)),
        tuple(map(str, groups)),
        np.array([seen for _, seen, _ in parts], dtype=bool).reshape(-1, m),
        np.array([g for g, _, _ in parts], dtype=np.int64),
        np.array([len(rows) for *_, rows in parts], dtype=np.int64),
        gram,
    )


def _cross_products(flat: Array) -> Array:
    """flat' flat in blocks so small that BLAS starts no threads: on a busy machine these cost far
    more than they save.
    """
    n, p = flat.shape
    block = max(1, 200_000 // (p * p))
    whole = n // block * block
    pieces = flat[:whole].reshape(-1, block, p)
    return np.asarray(
        (pieces.transpose(0, 2, 1) @ pieces).sum(axis=0) + flat[whole:].T @ flat[whole:],
        dtype=float,
    )


def summarise_rows(
    patient: ArrayLike,
    visit: ArrayLike,
    outcome: ArrayLike,
    design: ArrayLike,
    *,
    visits: Sequence[str],
    features: Sequence[str],
    group: ArrayLike | None = None,
    groups: Sequence[str] = ("",),
    chunk: int = 100_000,
) -> Summary:
    """The summary of long data: one row a patient and visit, in any order.

    `visit` (rows,) numbers the visit of each row in `visits`, `design` (rows, features), the rest
    as in `summarise`. Rows without an outcome count for nothing. `chunk` is the number of rows
    worked on at once: beyond the input itself, memory is bounded by it where the rows of a patient
    lie together in ascending order; otherwise the rows are put in order first.

    Raises AnalysisError where a patient has two scores at one visit.

    >>> s = summarise_rows(
    ...     [1, 1, 2],
    ...     [0, 1, 0],
    ...     [7.0, 5.0, 8.0],
    ...     [[1.0], [1.0], [1.0]],
    ...     visits=("before", "after"),
    ...     features=("intercept",),
    ... )
    >>> s.n_patients, s.n_rows
    (2, 3)
    """
    who = np.asarray(patient)
    if len(who) and not np.all(who[1:] >= who[:-1]):
        order = np.argsort(who, kind="stable")
    else:
        order = None
    at, y, x = np.asarray(visit), np.asarray(outcome, dtype=float), np.asarray(design, dtype=float)
    member = None if group is None else np.asarray(group)
    named = {
        "visits": tuple(map(str, visits)),
        "features": tuple(map(str, features)),
        "groups": tuple(map(str, groups)),
    }
    total = summarise(np.empty((0, len(visits))), np.empty((0, len(features))), **named)
    start = 0
    while start < len(who):
        stop = min(start + chunk, len(who))
        last = who[order[stop - 1] if order is not None else stop - 1]
        while stop < len(who) and who[order[stop] if order is not None else stop] == last:
            stop += 1
        rows: Any = slice(start, stop) if order is None else order[start:stop]
        total = total + _chunk(
            who[rows], at[rows], y[rows], x[rows], None if member is None else member[rows], named
        )
        start = stop
    return total


def _chunk(
    who: NDArray[Any],
    at: NDArray[Any],
    y: Array,
    x: Array,
    member: NDArray[Any] | None,
    named: Mapping[str, tuple[str, ...]],
) -> Summary:
    """One chunk of rows in the order of patients, spread over patients x visits."""
    row = np.cumsum(np.r_[False, who[1:] != who[:-1]])
    shape = (int(row[-1]) + 1, len(named["visits"]))
    cell = row * shape[1] + at
    seen = ~np.isnan(y)
    if not seen.all():
        row, cell, y, x = row[seen], cell[seen], y[seen], x[seen]
        member = None if member is None else member[seen]
    if np.bincount(cell, minlength=1).max(initial=0) > 1:
        raise AnalysisError(
            "A patient has two scores at the same visit. One row a patient and visit is needed."
        )
    scores = np.full(shape, np.nan)
    scores.reshape(-1)[cell] = y
    design = np.full((*shape, x.shape[1]), np.nan)
    design.reshape(-1, x.shape[1])[cell] = x
    groups = np.zeros(shape[0], dtype=np.int64)
    if member is not None:
        groups[row] = member
    return summarise(scores, design, group=groups, **named)
