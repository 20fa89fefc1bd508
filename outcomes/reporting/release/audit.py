"""What can a reader work out about the scores of a group from what is released about it?

The reader is given more than the report says: the exact number of patients and the exact sum of
their scores (several linked means often determine it), and the limits of the interval as printed. A
group is safe when enough different sets of scores agree with all of that. Each such set is found
and checked in whole numbers, so "safe" is proved by examples; where none are found, the group
counts as not safe.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

#: Scales with more scores than this are audited in so many even windows.
FINEST = 41
#: How many values a count of 1 to 7 must leave open.
WIDTH = 4
#: Seconds for one integer program; without an answer the group counts as not safe.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """What is released about the scores of one group, in whole steps of the scale from its low end.

    `support` are the possible scores, `counts` how many patients have each, `squares` the range of
    the sum of squares that agrees with the printed interval (infinite where none is printed).
    """

    support: np.ndarray
    counts: np.ndarray
    squares: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Open:
    """How far the counts stay open: for each possible score the fewest and the most patients found
    to agree.
    """

    support: np.ndarray
    counts: np.ndarray
    fewest: np.ndarray
    most: np.ndarray

    def narrow(self, hidden: int) -> np.ndarray:
        """Which scores have a count of 1 to `hidden` that a reader could narrow down to fewer than
        `WIDTH` values.
        """
        return (self.counts > 0) & (self.counts <= hidden) & (self.most - self.fewest < WIDTH - 1)

    def span(self) -> float:
        """The distance between the lowest and the highest score that a patient of the group may
        have.
        """
        possible = self.support[self.most > 0]
        return float(possible.max() - possible.min()) if len(possible) else 0.0


def told(
    values: np.ndarray, low: float, high: float, step: float, half: tuple[float, float] | None
) -> Told:
    """Scores as counts on the grid of their scale; `half` are the smallest and largest half-widths
    that print alike.

    A scale with more than `FINEST` scores, or scores off its grid, is cut into so many windows: the
    offsets within the windows can be exchanged between patients, so that what is open about windows
    is open about scores.
    """
    low, high = min(low, float(values.min())), max(high, float(values.max()))
    if (
        not step > 0
        or (high - low) / step >= FINEST
        or np.abs((values - low) / step % 1 - 0.5).min() < 0.5 - 1e-6
    ):
        step = (high - low) / (FINEST - 1) or 1.0
    at = np.round((values - low) / step).astype(np.int64)
    grid = np.arange(max(round((high - low) / step), int(at.max())) + 1)
    counts = np.array([(at == g).sum() for g in grid], dtype=np.int64)
    if half is None:
        return Told(grid, counts)
    n, total = len(at), float(at.sum())
    ends = [(h * math.sqrt(n) / _t(n) / step) ** 2 * (n - 1) + total**2 / n for h in half]
    true = float(
        (counts * grid**2).sum()
    )  # what is true always agrees with what is printed, whatever a float says
    return Told(grid, counts, (min(ends[0], true), max(ends[1], true)))


def audit(given: Told, *, hidden: int, enough: Callable[[Open], bool] | None = None) -> Open:
    """Look for other sets of scores that agree with what is released, until the counts stand open
    widely enough.

    `hidden` is the largest small count, `enough` a further condition on when to stop.
    """
    found = Open(given.support, given.counts, given.counts.copy(), given.counts.copy())
    for _ in range(3):
        if not _unsettled(found, hidden, enough).any():
            return found
        found = _by_moves(given, found)
    return _by_programs(given, found, hidden, enough)


def _unsettled(found: Open, hidden: int, enough: Callable[[Open], bool] | None) -> np.ndarray:
    wanted = found.narrow(hidden)
    return wanted if enough is None or wanted.any() or enough(found) else np.ones_like(wanted)


@lru_cache(maxsize=32)
def _moves(support: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Exchanges of two or three scores for as many others with the same sum: counts to add, and
    what the squares gain.
    """
    grid = np.array(support)
    rows, gains = [], []
    for size in (2, 3) if len(grid) <= 21 else (2,):
        picks = np.array(list(combinations_with_replacement(range(len(grid)), size)))
        sums, squares = grid[picks].sum(axis=1), (grid[picks] ** 2).sum(axis=1)
        for s in np.unique(sums):
            same = np.flatnonzero(sums == s)
            a, b = (m.ravel() for m in np.meshgrid(same, same, indexing="ij"))
            gain = squares[b] - squares[a]
            keep = (a != b) & (np.abs(gain) <= 24)
            i, j = picks[a[keep]], picks[b[keep]]
            made = np.zeros((len(i), len(grid)), dtype=np.int8)
            for k in range(size):
                np.add.at(made, (np.arange(len(i)), j[:, k]), 1)
                np.add.at(made, (np.arange(len(i)), i[:, k]), -1)
            rows.append(made)
            gains.append(gain[keep])
    return np.vstack(rows), np.concatenate(gains).astype(np.int64)


def _by_moves(given: Told, found: Open) -> Open:
    """Counts after up to three exchanges of one kind, and after two kinds one after the other from
    where a count was extreme.
    """
    moves, gains = _moves(tuple(given.support.tolist()))
    fewest, most = found.fewest.copy(), found.most.copy()
    now = int((given.counts * given.support**2).sum())
    rng = np.random.default_rng(len(given.counts) + int(given.counts.sum()))
    starts = [given.counts]
    for _ in range(6):
        counts = starts[-1]
        squares = int((counts * given.support**2).sum())
        assert counts.min() >= 0
        room = [np.ones(len(moves), dtype=bool) for _ in range(3)]
        for t in (1, 2, 3):
            after = counts + t * moves.astype(np.int64)
            ok = (after >= 0).all(axis=1)
            ok &= (squares + t * gains >= given.squares[0]) & (
                squares + t * gains <= given.squares[1]
            )
            room[t - 1] = ok
            if ok.any():
                np.minimum(fewest, after[ok].min(axis=0), out=fewest)
                np.maximum(most, after[ok].max(axis=0), out=most)
        if not room[0].any():
            break
        pick = rng.choice(np.flatnonzero(room[0]))
        starts.append(counts + moves[pick].astype(np.int64))
    assert given.squares[0] <= now <= given.squares[1]
    return Open(found.support, found.counts, fewest, most)


def _by_programs(
    given: Told, found: Open, hidden: int, enough: Callable[[Open], bool] | None
) -> Open:
    """The fewest and the most patients by integer programming, for each score that exchanges left
    narrow.
    """
    n, total = int(given.counts.sum()), int((given.counts * given.support).sum())
    grid = given.support.astype(float)
    centre = round(total / n)  # squares about the mean: the same condition in smaller numbers
    shift = -2 * centre * total + n * centre**2
    rows = np.vstack([np.ones_like(grid), grid - centre, (grid - centre) ** 2])
    low = [n, total - n * centre, given.squares[0] + shift - 1e-6]
    high = [n, total - n * centre, given.squares[1] + shift + 1e-6]
    rule = LinearConstraint(rows, low, high)
    fewest, most = found.fewest.copy(), found.most.copy()
    for cell in np.flatnonzero(_unsettled(found, hidden, enough)):
        for sign in (1.0, -1.0):
            now = Open(found.support, found.counts, fewest, most)
            left = _unsettled(now, hidden, enough)
            if not left.any():
                return now
            if not left[cell]:
                break
            aim = np.zeros(len(grid))
            aim[cell] = sign
            answer = milp(
                aim,
                constraints=rule,
                integrality=np.ones(len(grid)),
                bounds=Bounds(0, n),
                options={"time_limit": PATIENCE},
            )
            if answer.x is None:
                continue
            counts = np.round(answer.x).astype(np.int64)
            if _agrees(given, counts):
                np.minimum(fewest, counts, out=fewest)
                np.maximum(most, counts, out=most)
    return Open(found.support, found.counts, fewest, most)


def _agrees(given: Told, counts: np.ndarray) -> bool:
    """Whether these counts agree with everything that is released, in whole numbers."""
    squares = int((counts * given.support**2).sum())
    same = (
        counts.sum() == given.counts.sum()
        and (counts * given.support).sum() == (given.counts * given.support).sum()
    )
    return bool(same and counts.min() >= 0 and given.squares[0] <= squares <= given.squares[1])


def _t(n: int) -> float:
    from outcomes.stats.wald import critical

    return critical(0.95, n - 1)
