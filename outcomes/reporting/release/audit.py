"""What can a reader work out about scores from everything that is released about them?

The reader is given more than a report says: who is in each mean, the exact sum of its scores
(several linked means often determine it), the limits of each interval as printed, and for each
share or band the values that round alike. All of it is audited together: means before and after,
their change, responders, bands and groups of the same patients. What is released is safe when
enough different sets of scores agree with all of that. Each such set is found by exchanges of
points between patients and checked, so "safe" is proved by examples; where none are found, it
counts as not safe. The search is seeded by the data's size: the decision depends on no clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd

#: Scales with more scores than this are audited in so many even windows.
FINEST = 41
#: How many values a count of 1 to 7 must leave open.
WIDTH = 4
#: The part of a scale that must stay possible for every patient of a group.
OPEN_PART = 0.5
#: Rounds of the search without any progress, and in all; exchanges that are tried in each, and how
#: many are made at once at most.
IDLE, ROUNDS, TRIED, MADE = 12, 200, 400, 60
#: How many sets of scores are kept for the next number.
KEPT = 40
SLACK = 1e-6

#: Scores by visit: the weight of the visit in a sum, and the scores of the same patients there.
Weighted = Mapping[str, tuple[int, pd.Series]]


@dataclass(frozen=True, slots=True)
class Open:
    """How far the counts stay open: for each possible score the true count, and the fewest and the
    most patients found to agree.
    """

    counts: np.ndarray
    fewest: np.ndarray
    most: np.ndarray

    def narrow(self, hidden: int) -> np.ndarray:
        """Which scores have a count of 1 to `hidden` that a reader could narrow down to fewer than
        `WIDTH` values.
        """
        return (self.counts > 0) & (self.counts <= hidden) & (self.most - self.fewest < WIDTH - 1)

    def stuck(self, hidden: int) -> np.ndarray:
        """Which scores keep all patients but a few, or keep the possible scores of the group within
        less than half the scale.
        """
        n, size = int(self.counts.sum()), len(self.counts)
        crowded = n - self.fewest < min(hidden + 1, n // 2)
        possible = np.flatnonzero(self.most > 0)
        if possible[-1] - possible[0] < OPEN_PART * (size - 1):
            crowded[[max(possible[0] - 1, 0), min(possible[-1] + 1, size - 1)]] = True
        return crowded


@dataclass(frozen=True, eq=False)
class Mean:
    """A mean that is out: the weight of each visit, who is in it, and the half-widths of its
    interval that print alike (None where none is printed).
    """

    weights: Mapping[str, int]
    patients: pd.Index
    half: tuple[float, float] | None

    @classmethod
    def of(cls, visits: Weighted, half: tuple[float, float] | None) -> Mean:
        """The mean of these scores; `half` are the smallest and largest half-widths of its interval
        that print alike.
        """
        patients = next(iter(visits.values()))[1].index
        return cls({v: w for v, (w, _) in visits.items()}, patients, half)


@dataclass(frozen=True, eq=False)
class Reached:
    """A number of patients that is out: whose scores at one or two visits meet a test, as a range
    of the values that print alike.
    """

    visits: tuple[str, ...]
    patients: pd.Index
    met: Callable[..., np.ndarray]
    limits: tuple[int, int]


@dataclass
class Together:
    """Everything released about one score, and sets of scores that agree with it.

    `low`, `high` and `step` describe the scale. Scores are looked at in steps; a scale with more
    than `FINEST` scores, or scores off its grid, in so many windows: the offsets within the windows
    can be exchanged between patients, so that what is open about windows is open about scores.

    >>> scores = pd.DataFrame({"before": np.arange(22) % 11.0}, [f"p{i}" for i in range(22)])
    >>> told = Together(0, 10, 1)
    >>> told.know(scores)
    >>> told.narrowed_by(Mean.of({"before": (1, scores["before"])}, (1.4, 1.5)), 7)
    ''
    """

    low: float
    high: float
    step: float
    means: list[Mean] = field(default_factory=list)
    reached: list[Reached] = field(default_factory=list)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    #: Sets of scores in steps that agree with all that is out; the true one first. −1: no score.
    found: list[np.ndarray] = field(default_factory=list)
    bottom: float = 0.0
    unit: float = 1.0
    size: int = 1
    _masks: dict[Mean | Reached, np.ndarray] = field(default_factory=dict)

    def know(self, scores: pd.DataFrame) -> None:
        """The true scores of patients (rows) at visits (columns), beside those known before."""
        if set(scores.index) <= set(self.scores.index) and set(scores) <= set(self.scores):
            return
        self.scores = scores.astype(float).combine_first(self.scores)
        x = self.scores.to_numpy(float)
        seen = x[np.isfinite(x)]
        self.bottom, top = float(seen.min()), float(seen.max())
        if self.low < self.high < math.inf:
            self.bottom, top = min(self.low, self.bottom), max(self.high, top)
        self.unit = self.step
        if (
            not self.unit > 0
            or (top - self.bottom) / self.unit >= FINEST
            or np.abs((seen - self.bottom) / self.unit % 1 - 0.5).min() < 0.5 - 1e-6
        ):
            self.unit = (top - self.bottom) / (FINEST - 1) or 1.0
        self.size = round((top - self.bottom) / self.unit) + 1
        self._masks.clear()
        steps = np.nan_to_num(np.rint((x - self.bottom) / self.unit), nan=-1.0)
        self.found = [steps.astype(np.int64)]

    def add(self, mean: Mean) -> None:
        """This mean is out from now on."""
        self.means.append(mean)

    def mask(self, told: Mean | Reached) -> np.ndarray:
        """Which patients (rows of the scores) a mean or a number is about."""
        if told not in self._masks:
            self._masks[told] = self.scores.index.isin(told.patients)
        return self._masks[told]

    def narrowed_by(self, mean: Mean, hidden: int) -> str:
        """Whether a mean would, with all that is out, tell about a few: "" where it may go out,
        else "counts" (how many have some score) or "scores" (nearly each patient's score).
        """
        return self._narrowed([*self.means, mean], hidden)

    def narrowed(self, hidden: int) -> str:
        """Whether all that is out tells about a few, as `narrowed_by` says of one mean more."""
        return self._narrowed(self.means, hidden) if self.means else ""

    def _narrowed(self, means: Sequence[Mean], hidden: int) -> str:
        search = _Search(self, means, hidden)
        reason = search.run()
        if not reason:
            self.found = search.kept()
        return reason


@dataclass(frozen=True, slots=True, eq=False)
class _Set:
    """One set of scores, and what is known of it: the value of each mean for each patient, whether
    each patient meets each test, and the totals that have limits.
    """

    x: np.ndarray
    values: np.ndarray
    met: np.ndarray
    totals: np.ndarray


class _Search:
    """Looks for sets of scores that agree with some means and counts, until enough are found."""

    def __init__(self, told: Together, means: Sequence[Mean], hidden: int) -> None:
        self.told, self.hidden, self.truth = told, hidden, told.found[0]
        self.columns = list(told.scores)
        self.mask = np.array([told.mask(m) for m in means])
        self.weights = np.array([[m.weights.get(c, 0) for c in self.columns] for m in means])
        self.tested = np.array([told.mask(r) for r in told.reached], dtype=bool)
        self.tested = self.tested.reshape(-1, len(self.truth))
        self.tables = self._tables()
        top = told.size - 1
        #: The lowest value of each mean, how many it has, and where its counts stand.
        self.base = np.where(self.weights < 0, self.weights * top, 0).sum(axis=1)
        self.wide = np.abs(self.weights).sum(axis=1) * top + 1
        self.place = np.concatenate([[0], np.cumsum(self.wide)])
        everything = self._set(self.truth)
        self.sums = (everything.values * self.mask).sum(axis=1)
        self._limits(means, everything)
        self._kinds()
        made = [everything, *(self._set(x) for x in told.found[1:])]
        self.states = [made[0], *(s for s in made[1:] if self._agrees(s))]
        self.counted = [self._counts(s) for s in self.states]
        counts = np.array(self.counted)
        self.true, self.fewest, self.most = counts[0], counts.min(axis=0), counts.max(axis=0)
        self.rng = np.random.default_rng([*self.truth.shape, len(means)])

    def _tables(self) -> list[tuple[list[int], np.ndarray, list[int]]]:
        """For each pair of visits that tests ask about: their columns, what the tests say of each
        pair of scores, and which tests they are.
        """
        told, made = self.told, dict[tuple[str, ...], list[int]]()
        for k, r in enumerate(told.reached):
            made.setdefault(r.visits, []).append(k)
        grid = told.bottom + told.unit * np.arange(told.size)
        out = []
        for visits, which in made.items():
            axes = np.meshgrid(*[grid] * len(visits), indexing="ij")
            said = np.array([told.reached[k].met(*axes) for k in which])
            out.append(([self.columns.index(v) for v in visits], said, which))
        return out

    def _met(self, x: np.ndarray) -> np.ndarray:
        """Whether each test is met: tests × the shape of the patients."""
        out = np.zeros((len(self.told.reached), *x.shape[:-1]), dtype=bool)
        for at, said, which in self.tables:
            where = tuple(x[..., v] for v in at)
            out[which] = said[(slice(None), *where)]  # type: ignore[arg-type]
        return out

    def _set(self, x: np.ndarray) -> _Set:
        values = np.maximum(x, 0) @ self.weights.T  # of nobody without a score any is used
        met = self._met(x)
        squares = (values.T**2 * self.mask).sum(axis=1)
        return _Set(x, values.T, met, np.concatenate([squares, (met & self.tested).sum(axis=1)]))

    def _limits(self, means: Sequence[Mean], true: _Set) -> None:
        squares, told = true.totals[: len(means)], self.told
        low, high = [], []
        for k, m in enumerate(means):
            n = int(self.mask[k].sum())
            ends = [-math.inf, math.inf]
            if m.half is not None:
                about = float(self.sums[k]) ** 2 / n
                ends = [(h * math.sqrt(n) / _t(n) / told.unit) ** 2 * (n - 1) + about
                        for h in m.half]  # fmt: skip
            # what is true always agrees with what is printed, whatever a float says
            low.append(min(ends[0], float(squares[k])) - SLACK)
            high.append(max(ends[1], float(squares[k])) + SLACK)
        for r, seen, mask in zip(told.reached, true.totals[len(means) :], self.tested, strict=True):
            off = seen - self._truly(r, mask)  # in windows other patients may meet a test
            low.append(r.limits[0] + off)
            high.append(r.limits[1] + off)
        self.low, self.high = np.array(low), np.array(high)
        self.room = np.where(np.isfinite(self.high - self.low), self.high - self.low, 1.0) + 1.0

    def _truly(self, r: Reached, mask: np.ndarray) -> int:
        x = self.told.scores.to_numpy(float)[mask]
        return int(r.met(*(x[:, self.columns.index(v)] for v in r.visits)).sum())

    def _kinds(self) -> None:
        """Patients of one kind are in the same sums and have scores at the same visits: points
        between them leave all sums as they are.
        """
        alike = np.hstack([self.truth >= 0, self.mask.T, self.tested.T])
        self.kind = np.unique(alike, axis=0, return_inverse=True)[1].ravel()
        self.order = np.argsort(self.kind, kind="stable")
        self.many = np.bincount(self.kind)
        self.start = np.cumsum(self.many) - self.many
        self.paired = self.many[self.kind] > 1
        self.everyone = np.flatnonzero(self.paired)

    def _agrees(self, s: _Set) -> bool:
        return bool(
            ((s.totals >= self.low) & (s.totals <= self.high)).all()
            and ((s.values * self.mask).sum(axis=1) == self.sums).all()
        )

    def _counts(self, s: _Set) -> np.ndarray:
        """How many patients have each value of each mean, one mean after the other."""
        at = s.values - self.base[:, None] + self.place[:-1, None]
        return np.bincount(at[self.mask], minlength=self.place[-1])

    def kept(self) -> list[np.ndarray]:
        """The true scores and the last sets that were found."""
        return [s.x for s in (self.states[0], *self.states[1:][-KEPT:])]

    def run(self) -> str:
        """Search; "" where all stands open, else what does not."""
        idle, before = 0, (math.inf, 0)
        for _ in range(ROUNDS):
            left = self._left()
            if not left:
                return ""
            if idle == IDLE or not len(self.everyone):
                break
            at = [self.place[k] + c for k, c in left]
            now = len(left), -int((self.most[at] - self.fewest[at]).sum())
            idle, before = (0, now) if now < before else (idle + 1, before)
            self._round(left[int(self.rng.integers(len(left)))])
        if not self._left():
            return ""
        return "counts" if any(o.narrow(self.hidden).any() for o in self._opens()) else "scores"

    def _opens(self) -> list[Open]:
        return [
            Open(self.true[a:b], self.fewest[a:b], self.most[a:b])
            for a, b in pairwise(self.place.tolist())
        ]

    def _left(self) -> list[tuple[int, int]]:
        return [
            (k, int(c))
            for k, o in enumerate(self._opens())
            for c in np.flatnonzero(o.narrow(self.hidden) | o.stuck(self.hidden))
        ]

    def _round(self, target: tuple[int, int]) -> None:
        """Try exchanges from one of the sets that were found, and go on from there by several of
        them at once.
        """
        k, cell = target
        up = bool(self.rng.random() < 0.5)
        s = self.states[int(self.rng.integers(len(self.states)))]
        if self.rng.random() < 0.5:  # the set that is nearest to the aim
            there = [c[self.place[k] + cell] for c in self.counted]
            s = self.states[int(np.argmax(there) if up else np.argmin(there))]
        who, steps = self._proposed(s, k, cell, up)
        old = s.x[who]
        new = old + steps
        ok = ((new >= 0) & (new < self.told.size) | (old < 0)).all(axis=(0, 2))
        who, old, new = who[:, ok], old[:, ok], new[:, ok]
        values = np.maximum(new, 0) @ self.weights.T  # 4 × tried × means
        before, inside = s.values.T[who], self.mask.T[who]
        squares = ((values**2 - before**2) * inside).sum(axis=0)
        meet = (self._met(new).astype(np.int64) - s.met[:, who]) * self.tested[:, who]
        gain = np.hstack([squares, meet.sum(axis=1).T])
        goal = self.base[k] + cell
        aim = ((values[..., k] == goal) * inside[..., k]).sum(axis=0)
        aim = (aim - ((before[..., k] == goal) * inside[..., k]).sum(axis=0)) * (1 if up else -1)
        off = self._off(s.totals + gain)
        if (ok := off == 0).any():
            moved = self._moved(values[:, ok], before[:, ok], inside[:, ok])
            self._seen(self._counts(s) + moved)
        if ok.any() and (aim[ok].max() > 0 or not aim.max() > 0):
            order = np.flatnonzero(ok)[np.argsort(-aim[ok], kind="stable")[:MADE]]
            self._go(s, who, new, gain, order)
        elif aim.max(initial=0) > 0:
            first = np.flatnonzero(aim > 0)
            self._made_up_for(s, who, new, gain, int(first[np.argmin(off[first])]))

    def _off(self, totals: np.ndarray) -> np.ndarray:
        """How far totals are from what may be, 0 where they agree."""
        beyond = np.maximum(self.low - totals, 0) + np.maximum(totals - self.high, 0)
        return np.asarray((beyond / self.room).sum(axis=-1))

    def _proposed(self, s: _Set, k: int, cell: int, up: bool) -> tuple[np.ndarray, np.ndarray]:
        """Exchanges of points between two patients, half of them with two others besides: who
        (4 × tried), and what each gets at each visit. Half are aimed at one cell.
        """
        rng, visits, rows = self.rng, s.x.shape[1], np.arange(TRIED)
        at = s.values[k] - self.base[k]
        aimed = np.flatnonzero(self.mask[k] & ((at == cell) != up) & self.paired)
        first = rng.choice(self.everyone, TRIED)
        points = rng.integers(1, 4, TRIED) * rng.choice((-1, 1), TRIED)
        visit = rng.integers(visits, size=TRIED)
        if len(aimed):
            some = slice(0, TRIED // 2)
            first[some] = rng.choice(aimed, TRIED // 2)
            visit[some] = rng.choice(np.flatnonzero(self.weights[k]), TRIED // 2)
            if up:  # straight into the cell
                points[some] = (cell - at[first[some]]) * self.weights[k][visit[some]]
        steps = np.zeros((4, TRIED, visits), dtype=np.int64)
        both = rng.random(TRIED) < 0.3
        other = rng.integers(visits, size=TRIED)
        steps[0, rows[both], other[both]] = (points * rng.choice((-1, 1), TRIED))[both]
        steps[0, rows, visit] = points
        third, more = rng.choice(self.everyone, TRIED), rng.random(TRIED) < 0.5
        besides = rng.integers(1, 4, TRIED) * rng.choice((-1, 1), TRIED) * more
        steps[2, rows, rng.integers(visits, size=TRIED)] = besides
        steps[1], steps[3] = -steps[0], -steps[2]
        who = np.stack([first, self._partner(first), third, self._partner(third)])
        steps *= s.x[who] >= 0  # partners have scores at the same visits
        ordered = np.sort(who, axis=0)
        apart = (who[0] != who[1]) & (~more | (ordered[1:] != ordered[:-1]).all(axis=0))
        return who[:, apart], steps[:, apart]

    def _partner(self, who: np.ndarray) -> np.ndarray:
        kind = self.kind[who]
        return self.order[self.start[kind] + self.rng.integers(self.many[kind])]

    def _moved(self, values: np.ndarray, before: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """What each count gains by each exchange: exchanges × counts."""
        tried, width = values.shape[1], int(self.place[-1])
        corner = (np.arange(tried) * width)[:, None] + (self.place[:-1] - self.base)[None]
        gained, lost = (
            np.bincount((v + corner)[inside], minlength=tried * width) for v in (values, before)
        )
        return np.asarray((gained - lost).reshape(tried, width))

    def _seen(self, counts: np.ndarray) -> None:
        np.minimum(self.fewest, counts.min(axis=0), out=self.fewest)
        np.maximum(self.most, counts.max(axis=0), out=self.most)

    def _go(self, s: _Set, who: np.ndarray, new: np.ndarray, gain: np.ndarray,
            order: np.ndarray) -> None:  # fmt: skip
        """Make as many exchanges as agree together, those that serve the aim first."""
        chosen, used, total = list[int](), set[int](), s.totals
        skipped = self.rng.random(len(order)) < 0.3
        for e, skip in zip(order.tolist(), skipped.tolist(), strict=True):
            some = self._who(s, who, new, e)
            if (used and skip) or some & used:
                continue
            after = total + gain[e]
            if (after < self.low).any() or (after > self.high).any():
                continue
            chosen.append(e)
            used |= some
            total = after
        self._keep(s, who, new, chosen)

    def _made_up_for(self, s: _Set, who: np.ndarray, new: np.ndarray, gain: np.ndarray,
                     first: int) -> None:  # fmt: skip
        """Make an exchange that alone would not agree, and others that make up for it."""
        chosen, used = [first], np.zeros(len(s.x), dtype=bool)
        used[list(self._who(s, who, new, first))] = True
        total = s.totals + gain[first]
        for _ in range(MADE):
            off = float(self._off(total))
            if off == 0:
                self._keep(s, who, new, chosen)
                return
            then = np.where(used[who].any(axis=0), np.inf, self._off(total + gain))
            best = int(np.argmin(then))
            if not then[best] < off:
                return
            chosen.append(best)
            used[list(self._who(s, who, new, best))] = True
            total = total + gain[best]

    @staticmethod
    def _who(s: _Set, who: np.ndarray, new: np.ndarray, e: int) -> set[int]:
        """Whose scores an exchange changes."""
        same = (new[2, e] == s.x[who[2, e]]).all()
        return set(who[: 2 if same else 4, e].tolist())

    def _keep(self, s: _Set, who: np.ndarray, new: np.ndarray, chosen: Sequence[int]) -> None:
        """Keep the set of scores that comes of some exchanges between different patients."""
        made = s.x.copy()
        for e in chosen:
            for r in range(4):
                if (new[r, e] != s.x[who[r, e]]).any():
                    made[who[r, e]] = new[r, e]
        if chosen and self._agrees(there := self._set(made)):
            self.states.append(there)
            self.counted.append(self._counts(there))
            self._seen(self.counted[-1][None])


def _t(n: int) -> float:
    from outcomes.stats.wald import critical

    return critical(0.95, n - 1)
