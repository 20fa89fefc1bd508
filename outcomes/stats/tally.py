"""How many patients have which values: a table of distinct rows with whole-number weights, which
adds up over any division of the patients.

Patient-reported scores take few values, so the table is small whatever the number of patients, and
every answer that does not depend on the order of the patients is a function of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

#: A column whose values are whole multiples of 1, 0.1, 0.01 or 0.001 over so many steps is coded by
#: counting; any other by sorting.
_STEPS = 1 << 20
_SCALES = (1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, eq=False)
class Tally:
    """Distinct rows of `labels` and `values` and how often each occurs.

    `labels` has, for each column of groups (arm, site, stratum), its levels in ascending order;
    `codes` (rows, label columns) the place of each row's level, −1 where it is not known; `values`
    (rows, value columns) the numbers, nan where there is none; `weights` (rows,) how many patients
    have exactly this row. Rows are distinct and in ascending order (not known first among labels,
    nan last among values), so that the same patients give the same tally to the bit, however they
    were divided or ordered. Tallies of the same columns add up with `+` (and `sum`).

    >>> one = Tally.of([[7, 5], [7, 5], [6, 6]])
    >>> both = one + Tally.of([[6, 6], [8, 2]])
    >>> both.values.tolist(), both.weights.tolist()
    ([[6.0, 6.0], [7.0, 5.0], [8.0, 2.0]], [2, 2, 1])
    """

    labels: tuple[tuple[Hashable, ...], ...]
    codes: Whole
    values: Array
    weights: Whole

    @classmethod
    def of(
        cls,
        values: ArrayLike,
        labels: Sequence[Sequence[Any]] = (),
        weights: ArrayLike | None = None,
    ) -> Tally:
        """The tally of rows: `values` (rows, columns), `labels` one sequence a column of groups
        (None where it is not known), `weights` how often each row occurs (default: once).

        Raises AnalysisError where the lengths differ.

        >>> Tally.of([[1.0], [1.0], [2.0]], labels=[["b", "b", "a"]]).labels
        (('a', 'b'),)
        """
        rows = np.asarray(values, dtype=float)
        if rows.ndim != 2:
            raise AnalysisError(f"A tally is made of a table of rows, not of shape {rows.shape}.")
        times = (
            np.ones(len(rows), dtype=np.int64)
            if weights is None
            else np.asarray(weights, dtype=np.int64)
        )
        if {len(rows)} != {len(rows), len(times), *map(len, labels)}:
            raise AnalysisError("The columns of a tally have different lengths.")
        coded = [_coded(column) for column in labels]
        codes = np.empty((len(rows), len(coded)), dtype=np.int64)
        for j, (_, code) in enumerate(coded):
            codes[:, j] = code
        return _distinct(tuple(levels for levels, _ in coded), codes, rows, times)

    @classmethod
    def coded(
        cls, labels: Sequence[Sequence[Hashable]], codes: ArrayLike, values: ArrayLike
    ) -> Tally:
        """The tally of rows whose labels are coded already: `codes` (rows, label columns) are
        places in `labels`, −1 where it is not known. The levels may be in any order.
        """
        given = np.asarray(codes, dtype=np.int64)
        levels, moved = [], np.empty_like(given)
        for j, own in enumerate(labels):
            there = np.zeros(len(own) + 1, dtype=bool)
            there[given[:, j]] = True
            order = in_order([v for v, seen in zip(own, there) if seen])
            at = {v: i for i, v in enumerate(order)}
            to = np.array([*(at.get(v, -1) for v in own), -1], dtype=np.int64)
            moved[:, j] = to[given[:, j]]
            levels.append(tuple(order))
        rows = np.asarray(values, dtype=float)
        return _distinct(tuple(levels), moved, rows, np.ones(len(rows), dtype=np.int64))

    @property
    def n(self) -> int:
        """How many patients were counted."""
        return int(self.weights.sum())

    def __len__(self) -> int:
        return len(self.weights)

    def __add__(self, other: Tally) -> Tally:
        if not isinstance(other, Tally):
            return NotImplemented
        if (len(self.labels), self.values.shape[1]) != (len(other.labels), other.values.shape[1]):
            raise AnalysisError("Tallies to be added need the same columns.")
        levels, moved = [], []
        for mine, theirs in zip(self.labels, other.labels, strict=True):
            both = tuple(in_order({*mine, *theirs}))
            at = {level: i for i, level in enumerate(both)}
            levels.append(both)
            moved.append([np.array([*(at[v] for v in own), -1]) for own in (mine, theirs)])
        codes = np.concatenate(
            [
                np.column_stack([m[part][t.codes[:, j]] for j, m in enumerate(moved)])
                if moved
                else t.codes
                for part, t in enumerate((self, other))
            ]
        )
        return _distinct(
            tuple(levels),
            codes,
            np.concatenate([self.values, other.values]),
            np.concatenate([self.weights, other.weights]),
        )

    def __radd__(self, other: object) -> Tally:
        return self if other == 0 else NotImplemented

    def __eq__(self, other: object) -> bool:
        """Whether the other tally is the same to the bit."""
        if not isinstance(other, Tally):
            return NotImplemented
        return self.labels == other.labels and all(
            getattr(self, part).shape == getattr(other, part).shape
            and getattr(self, part).tobytes() == getattr(other, part).tobytes()
            for part in ("codes", "values", "weights")
        )

    __hash__ = None  # type: ignore[assignment]

    def keep(self, mask: NDArray[np.bool_]) -> Tally:
        """The rows that a mask picks; they stay distinct and in order."""
        return Tally(self.labels, self.codes[mask], self.values[mask], self.weights[mask])

    def of_columns(self, columns: Sequence[int]) -> Tally:
        """The tally of some of its value columns, without labels."""
        return _distinct(
            (),
            np.empty((len(self), 0), dtype=np.int64),
            self.values[:, list(columns)],
            self.weights,
        )

    @cached_property
    def rows(self) -> Array:
        """The values of every patient, one row each, in the order of the tally."""
        return np.repeat(self.values, self.weights, axis=0)

    def column(self, j: int) -> Array:
        """One value of every patient, in the order of the tally."""
        return np.repeat(self.values[:, j], self.weights)

    def label(self, j: int) -> NDArray[np.object_]:
        """One label of every patient (None where it is not known), in the order of the tally."""
        known = np.array([*self.labels[j], None], dtype=object)
        return np.asarray(known[np.repeat(self.codes[:, j], self.weights)])

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, ready for JSON; nan is None."""
        values = [[None if v != v else v for v in row] for row in self.values.tolist()]
        return {
            "labels": [list(levels) for levels in self.labels],
            "codes": self.codes.tolist(),
            "values": values,
            "columns": self.values.shape[1],
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tally:
        """The tally that `to_dict` wrote."""
        k, labels = len(data["weights"]), tuple(tuple(levels) for levels in data["labels"])
        values = np.array(
            [[np.nan if v is None else v for v in row] for row in data["values"]], dtype=float
        )
        return _distinct(
            labels,
            np.asarray(data["codes"], dtype=np.int64).reshape(k, len(labels)),
            values.reshape(k, int(data["columns"])),
            np.asarray(data["weights"], dtype=np.int64),
        )


def in_order(levels: Any) -> list[Any]:
    """Levels in a fixed order: by their values, or by type and value where these do not compare.

    >>> in_order({"b", "a"}), in_order({2, "a", 1})
    (['a', 'b'], [1, 2, 'a'])
    """
    try:
        return sorted(levels)
    except TypeError:
        return sorted(levels, key=lambda v: (type(v).__name__, v))


def _coded(column: Sequence[Any]) -> tuple[tuple[Hashable, ...], Whole]:
    """The levels of a column of labels in order, and the place of each row's; −1 for None and
    nan.
    """
    at: dict[Any, int] = {}
    raw = [-1 if v is None or v != v else at.setdefault(v, len(at)) for v in column]
    levels = in_order(at)
    to = np.full(len(levels) + 1, -1, dtype=np.int64)
    for place, level in enumerate(levels):
        to[at[level]] = place
    return tuple(levels), to[np.array(raw, dtype=np.int64)] if raw else np.empty(0, dtype=np.int64)


def _distinct(
    labels: tuple[tuple[Hashable, ...], ...], codes: Whole, values: Array, weights: Whole
) -> Tally:
    """One row for each different row, in ascending order; rows that nobody has are left out."""
    key = np.zeros(len(values), dtype=np.int64)
    size = 1
    columns = [(codes[:, j] + 1, len(levels) + 1) for j, levels in enumerate(labels)]
    columns += [_ranks(values[:, j]) for j in range(values.shape[1])]
    for rank, n in columns:
        if size * n >= 1 << 62:
            found, key = np.unique(key, return_inverse=True)
            key, size = key.ravel(), len(found)
        key, size = key * n + rank, size * n
    if size <= max(_STEPS, 4 * len(key)):
        times = np.bincount(key, weights=weights, minlength=size)
        found = np.flatnonzero(times)
        total = np.rint(times[found]).astype(np.int64)
        first = np.empty(size, dtype=np.int64)
        first[key[::-1]] = np.arange(len(key))[::-1]
        at = first[found]
    else:
        found, at, inverse = np.unique(key, return_index=True, return_inverse=True)
        total = np.zeros(len(found), dtype=np.int64)
        np.add.at(total, inverse.ravel(), weights)
        at, total = at[total != 0], total[total != 0]
    kept = values[at] + 0.0  # −0.0 is 0
    kept[np.isnan(kept)] = np.nan  # one pattern of bits
    return Tally(labels, codes[at], kept, total)


def _ranks(column: Array) -> tuple[Whole, int]:
    """The rank of each value among the distinct values of the column, nan after all others, and how
    many ranks there are at most.
    """
    absent = np.isnan(column)
    seen = column[~absent] if absent.any() else column
    if not len(seen):
        return np.zeros(len(column), dtype=np.int64), 1
    low, high = float(seen.min()), float(seen.max())
    for scale in _SCALES:
        if not (high - low) * scale < _STEPS or not abs(low) * scale < 2**52:
            break
        whole = np.rint(seen * scale)
        if (whole / scale == seen).all():
            start, steps = int(whole.min()), int(whole.max() - whole.min()) + 1
            rank = np.full(len(column), steps, dtype=np.int64)
            rank[~absent] = whole.astype(np.int64) - start
            return rank, steps + 1
    found, inverse = np.unique(seen, return_inverse=True)
    rank = np.full(len(column), len(found), dtype=np.int64)
    rank[~absent] = inverse.ravel()
    return rank, len(found) + 1
