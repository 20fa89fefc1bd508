"""The linear span of every released sum: do sums, added and subtracted in any way, isolate a few
patients?

A column is one score of one patient (a keyed fingerprint), a row is a released sum: which columns,
with which weights. A reader can form any combination of rows. A combination is dangerous when it
holds at least one but fewer than k patients.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

#: Ranks are found in whole numbers modulo this prime: exact, without rounding.
PRIME = 2_147_483_647
#: Combinations of columns tried before a sum counts as isolating.
MOST = 400


@dataclass
class Span:
    """Released sums of one outcome, as rows of whole weights on columns; each column belongs to a
    patient.
    """

    owner: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, int]] = field(default_factory=list)

    def isolates(self, new: Mapping[str, int], owner: Mapping[str, str], least: int) -> bool:
        """Whether the released sums and this one together isolate fewer than `least` patients."""
        weights = {c: w for c, w in new.items() if w}
        if not weights or weights in self.rows:
            return False
        return isolates([*self.rows, weights], self.owner | dict(owner), least)

    def add(self, new: Mapping[str, int], owner: Mapping[str, str]) -> None:
        """Remember a released sum."""
        weights = {c: w for c, w in new.items() if w}
        if weights and weights not in self.rows:
            self.rows.append(weights)
            self.owner.update({c: owner[c] for c in weights})


def isolates(rows: list[dict[str, int]], owner: Mapping[str, str], least: int) -> bool:
    """Whether a combination of these sums, not zero, rests on fewer than `least` patients.

    Patients who are in the same sums with the same weights cannot be told apart, so they are
    counted as one class. Where the classes of at least `least` patients alone have the full rank,
    no combination avoids them all. Else the combinations that do are searched for the one on the
    fewest patients.

    >>> first, second = {f"p{i}": 1 for i in range(20)}, {f"p{i}": 1 for i in range(23)}
    >>> (
    ...     isolates([first, second], {c: c for c in second}, 8),
    ...     isolates([first, second], {c: c for c in second}, 3),
    ... )
    (True, False)
    """
    matrix, sizes, groups = _classes(rows, owner)
    large = sizes[groups] >= least
    order = np.r_[np.flatnonzero(large), np.flatnonzero(~large)]
    reduced, pivots = _echelon(matrix[:, order])
    first = sum(p < large.sum() for p in pivots)
    rest = reduced[first : len(pivots), int(large.sum()) :]
    if not len(rest):
        return False
    small = groups[order[int(large.sum()) :]]
    return _fewest(rest, small, sizes, least)


def _classes(
    rows: list[dict[str, int]], owner: Mapping[str, str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows over the columns of classes of patients; how many patients each class has; the class of
    each column.
    """
    columns: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for i, row in enumerate(rows):
        for c, w in row.items():
            columns[c].append((i, w))
    patients: dict[str, list[tuple[tuple[int, int], ...]]] = defaultdict(list)
    for c, pattern in columns.items():
        patients[owner[c]].append(tuple(pattern))
    classes: dict[tuple[tuple[tuple[int, int], ...], ...], int] = defaultdict(int)
    for patterns in patients.values():
        classes[tuple(sorted(patterns))] += 1
    places = [(g, one) for g, said in enumerate(classes) for one in said]
    matrix = np.zeros((len(rows), len(places)), dtype=np.int64)
    for at, (_, entries) in enumerate(places):
        for i, w in entries:
            matrix[i, at] = w % PRIME
    return matrix, np.array(list(classes.values())), np.array([g for g, _ in places])


def _echelon(matrix: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The reduced row echelon form modulo the prime, and the columns of its pivots."""
    m, pivots, at = matrix.copy() % PRIME, list[int](), 0
    for column in range(m.shape[1]):
        if at == len(m):
            break
        below = np.flatnonzero(m[at:, column])
        if not len(below):
            continue
        if below[0]:
            m[[at, at + below[0]]] = m[[at + below[0], at]]
        m[at] = m[at] * pow(int(m[at, column]), -1, PRIME) % PRIME
        others = np.flatnonzero(m[:, column])
        others = others[others != at]
        m[others] = (m[others] - m[others, column][:, None] * m[at]) % PRIME
        pivots.append(column)
        at += 1
    return m, pivots


def _fewest(rest: np.ndarray, group: np.ndarray, sizes: np.ndarray, least: int) -> bool:
    """Whether a combination of these rows rests on fewer than `least` patients.

    The one on the fewest columns is zero in as many columns as there are rows less one: each such
    choice is tried. Where there are too many, the sum counts as isolating.
    """
    depth = len(rest)
    if math.comb(rest.shape[1], depth - 1) >= MOST:
        return True
    for chosen in combinations(range(rest.shape[1]), depth - 1):
        for weights in _null(rest[:, list(chosen)]):
            made = weights @ rest.astype(object)
            if 0 < sizes[np.unique(group[made % PRIME != 0])].sum() < least:
                return True
    return False


def _null(chosen: np.ndarray) -> list[np.ndarray]:
    """A basis of the combinations of rows that are zero in the chosen columns."""
    depth = len(chosen)
    whole = np.hstack([chosen, np.eye(depth, dtype=np.int64)])
    reduced, pivots = _echelon(whole)
    rank = sum(p < chosen.shape[1] for p in pivots)
    return [row[chosen.shape[1] :].astype(object) for row in reduced[rank:]]
