"""Hidden counts: what all tables of counts, of this report and of earlier ones, tell together about
a hidden one.

A count is a number of patients with a name. A table says that some counts add up to another. A
reader knows both from the words of the report, and for each shown count the values that round to
it. Linear programming over all of it says how far a hidden count stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

#: How many values a hidden count must leave open.
WIDTH = 4
#: More patients than any report is about.
MOST = 1e7
#: How many solutions are kept.
KEPT = 60


@dataclass
class CountTables:
    """The counts of one report: which add up to which, which are shown, and which are small.

    `sums` are pairs of a whole and its parts, `shown` the value of each count that is out, rounded
    but for those in `exact`, `small` the counts that are hidden for being small (a reader may know
    that they are), and `grows` the counts that can only grow from one report to the next.
    """

    sums: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    shown: dict[str, int] = field(default_factory=dict)
    small: set[str] = field(default_factory=set)
    grows: set[str] = field(default_factory=set)
    exact: set[str] = field(default_factory=set)
    #: What each count that is not small would be shown as; not written into the ledger.
    would: dict[str, int] = field(default_factory=dict)

    def add(self, whole: str, parts: Iterable[str]) -> None:
        """Remember that these counts add up to this one."""
        if (made := (whole, tuple(parts))) not in self.sums:
            self.sums.append(made)

    def packed(self) -> dict[str, Any]:
        """As it is written into the ledger."""
        return {
            "sums": [[w, list(p)] for w, p in self.sums],
            "shown": dict(sorted(self.shown.items())),
            "small": sorted(self.small),
            "grows": sorted(self.grows),
            "exact": sorted(self.exact),
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> CountTables:
        """As it was written. Raises LookupError, TypeError, ValueError where it was not."""
        return cls(
            [(str(w), tuple(map(str, p))) for w, p in said["sums"]],
            {str(k): int(v) for k, v in said["shown"].items()},
            set(map(str, said["small"])),
            set(map(str, said["grows"])),
            set(map(str, said.get("exact", ()))),
        )


class HiddenCounts:
    """How far the hidden counts of some reports, oldest first, stay open; `now` is the one that is
    being made, with `exact` counts or rounded ones.

    Solutions that agree with everything are kept: another shown count asks for new ones only where
    it contradicts them.

    >>> flow = CountTables([("all", ("a", "b"))], {"all": 40}, small={"b"})
    >>> found = HiddenCounts([flow], base=5, hidden=7)
    >>> found.narrowed(), found.closed_by("a", 40)
    (set(), False)
    """

    def __init__(
        self,
        reports: Sequence[CountTables],
        *,
        base: int,
        hidden: int,
        now: int = -1,
        exact: bool = False,
    ) -> None:
        self.reports, self.base, self.hidden = list(reports), base, hidden
        self.now, self.exact = now % len(self.reports), exact
        names = [{n: None for w, p in t.sums for n in (w, *p)} for t in self.reports]
        for made, t in zip(names, self.reports, strict=True):
            made.update(dict.fromkeys((*t.shown, *sorted(t.small))))
        places = [(m, n) for m, ns in enumerate(names) for n in ns]
        self.place = {p: i for i, p in enumerate(places)}
        self.low, self.high = np.zeros(len(places)), np.full(len(places), MOST)
        for m, t in enumerate(self.reports):
            for name in t.small:
                self.high[self.place[m, name]] = hidden
            for name, value in t.shown.items():
                self._window(self.place[m, name], value, exact=name in t.exact)
        self.solutions = np.zeros((0, len(places)))
        self._rules()
        #: What is narrowed already, whatever is shown from now on.
        self.given: set[tuple[int, str]] = set()
        self.watched: list[tuple[int, str]] = []
        self._watch()
        self.given = self._narrowed(self.watched)
        self.watched = [p for p in self.watched if p not in self.given]

    def _window(self, at: int, value: int, *, exact: bool) -> None:
        spread = 0 if exact else self.base // 2
        self.low[at] = max(self.low[at], value - spread, self.hidden + 1)
        self.high[at] = min(self.high[at], value + spread)

    def _rules(self) -> None:
        at = self.place
        self.equal = self._matrix(
            ([at[m, n] for n in (whole, *parts)], [1] + [-1] * len(parts))
            for m, t in enumerate(self.reports)
            for whole, parts in t.sums
        )
        grows, last = list[tuple[list[int], list[int]]](), dict[str, int]()
        for m, t in enumerate(self.reports):
            for name in sorted(t.grows & {n for k, n in at if k == m}):
                if name in last:
                    grows.append(([last[name], at[m, name]], [1, -1]))
                last[name] = at[m, name]
        self.grow = self._matrix(grows)
        if len(grows) and self._solution(0, 1.0) is None:
            self.grow = self._matrix([])  # somebody left: earlier reports do not bound later ones

    def _matrix(self, rows: Iterable[tuple[list[int], list[int]]]) -> csr_array:
        rows = list(rows)
        i = [k for k, (at, _) in enumerate(rows) for _ in at]
        j = [a for at, _ in rows for a in at]
        v = [float(w) for _, weights in rows for w in weights]
        return csr_array((v, (i, j)), shape=(len(rows), len(self.place)))

    def _watch(self) -> None:
        """Find the small counts that would be narrowed if all other counts were shown: only they
        are looked at again as one after the other is.
        """
        low, high = self.low.copy(), self.high.copy()
        for name, value in self.reports[self.now].would.items():
            if (at := self.place.get((self.now, name))) is not None:
                self._window(at, value, exact=self.exact)
        small = [(m, name) for m, t in enumerate(self.reports) for name in sorted(t.small)]
        self.watched = sorted(self._narrowed(small))
        self.low, self.high = low, high

    def _solution(self, at: int, sign: float) -> np.ndarray | None:
        """Counts that agree with everything, with the least or the most of one; None if none do."""
        aim = np.zeros(len(self.place))
        aim[at] = sign
        answer = milp(
            aim,
            constraints=[
                LinearConstraint(m, low, 0.0)
                for m, low in ((self.equal, 0.0), (self.grow, -np.inf))
                if m.shape[0]
            ],
            bounds=Bounds(self.low, self.high),
        )
        return answer.x if answer.status == 0 else None

    def _spread(self, at: int) -> bool:
        """Whether the solutions that are known leave this count open."""
        x = self.solutions
        x = x[((x >= self.low - 1e-6) & (x <= self.high + 1e-6)).all(axis=1), at]
        wide = len(x) and np.floor(x.max() + 1e-6) - np.ceil(x.min() - 1e-6) >= WIDTH - 1
        return bool(wide)

    def _open(self, at: int) -> bool:
        if self._spread(at):
            return True
        found = [x for sign in (1.0, -1.0) if (x := self._solution(at, sign)) is not None]
        self.solutions = np.array([*self.solutions[-KEPT:], *found]).reshape(-1, len(self.place))
        return self._spread(at)

    def _narrowed(self, small: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
        return {p for p in small if not self._open(self.place[p])}

    def narrowed(self) -> set[tuple[int, str]]:
        """The small counts (report and name) that are narrowed to fewer than `WIDTH` values."""
        return self._narrowed(
            (m, name) for m, t in enumerate(self.reports) for name in sorted(t.small)
        )

    def closed_by(self, name: str, value: int) -> bool:
        """Whether showing this count of the report that is being made would narrow a small one
        down.

        If not, it counts as shown from now on.
        """
        report = self.reports[self.now]
        if name in report.exact or (not self.exact and report.shown.get(name) == value):
            return False
        at = self.place.get((self.now, name))
        if at is not None:
            was = self.low[at], self.high[at]
            self._window(at, value, exact=self.exact)
            if self._narrowed(self.watched):
                self.low[at], self.high[at] = was
                return True
        report.shown[name] = value
        if self.exact:
            report.exact.add(name)
        return False
