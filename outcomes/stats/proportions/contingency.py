"""Tables of groups × categories: chi-squared, the exact Freeman-Halton test, Cramér's V, trend over
dose.

A table is a list of rows of whole counts, one row a group (route), one column a category (had it or
not, severity). Rows and columns without any patient are left out first.

References: Pearson, Philos Mag 1900;50:157-175. Freeman and Halton, Biometrika 1951;38:141-149.
Mehta and Patel, J Am Stat Assoc 1983;78:427-434 (bounds on the rest of a table). Cochran,
Biometrics 1954;10:417-451. Armitage, Biometrics 1955;11:375-386. Campbell, Stat Med
2007;26:3661-3675 (N−1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy import special

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.wald import p_of

#: Tables count as equally probable within this difference of their log probability.
SAME = 1e-7
#: Steps of the exact test before it refuses (some 5 to 10 seconds of work).
LARGEST = 5_000_000

Table = Sequence[Sequence[float]] | np.ndarray
Rest = tuple[int, ...]


def counted(table: Table) -> np.ndarray:
    """A table of whole counts without empty rows and columns; anything else raises ValueError.

    >>> counted([[3, 0, 2], [0, 0, 4]]).tolist()
    [[3, 2], [0, 4]]
    """
    t = np.asarray(table, dtype=float)
    if t.ndim != 2 or (t < 0).any() or (t != np.floor(t)).any():
        raise ValueError("a table has rows of whole counts, none below 0")
    t = t[t.sum(axis=1) > 0]
    return t[:, t.sum(axis=0) > 0].astype(int)


def chi_squared(table: Table, *, variant: str = "pearson") -> Estimate:
    """Do the groups differ in their shares (chi-squared test of a table)?

    Σ(O−E)²/E with (rows−1)(columns−1) df; `variant` "pearson", or for a 2 × 2 table "yates" (each
    |O−E| reduced by ½, at most to 0) or "n-1" (times (N−1)/N). A table with a single row or column
    is "not_estimable".

    >>> e = chi_squared([[8, 4], [3, 9]])
    >>> round(e.value, 4), e.df, round(e.p, 4)
    (4.1958, 1.0, 0.0405)
    """
    if variant not in ("pearson", "yates", "n-1"):
        raise AnalysisError(unknown("chi-squared variant", variant, ["pearson", "yates", "n-1"]))
    t = counted(table)
    how = {
        "pearson": "Pearson chi-squared test",
        "yates": "chi-squared test with Yates' continuity correction",
        "n-1": "N-1 chi-squared test",
    }[variant]
    if min(t.shape) < 2:
        return Estimate(
            "chi-squared", NAN, how=how, reason="no_events", measure=Measure.OVERALL_TEST
        )
    if variant != "pearson" and t.shape != (2, 2):
        raise AnalysisError(
            f"The {how} is for a 2 x 2 table; this one is {t.shape[0]} x {t.shape[1]}."
        )
    expected = np.outer(t.sum(axis=1), t.sum(axis=0)) / t.sum()
    off = np.abs(t - expected)
    if variant == "yates":
        off = off - min(0.5, float(off.min()))
    x2 = float((off**2 / expected).sum()) * ((t.sum() - 1) / t.sum() if variant == "n-1" else 1)
    df = (t.shape[0] - 1) * (t.shape[1] - 1)
    return Estimate(
        "chi-squared",
        x2,
        p=float(special.chdtrc(df, x2)),
        statistic=x2,
        df=df,
        how=how,
        measure=Measure.OVERALL_TEST,
    )


def cramers_v(table: Table) -> Estimate:
    """How strong is the association in a table: V = √(χ²/(N·(min(rows, columns) − 1))), 0 to 1?

    >>> round(cramers_v([[8, 4], [3, 9]]).value, 4)
    0.4181
    """
    t = counted(table)
    if min(t.shape) < 2:
        return Estimate("Cramér's V", NAN, reason="no_events", measure=Measure.RANK_EFFECT)
    return Estimate(
        "Cramér's V",
        math.sqrt(chi_squared(t).value / t.sum() / (min(t.shape) - 1)),
        how="uncorrected",
        measure=Measure.RANK_EFFECT,
    )


def freeman_halton(
    table: Table, *, draws: int = 0, rng: np.random.Generator | None = None
) -> Estimate:
    """Do the groups differ in their shares (exact test of a whole table, Fisher's test beyond 2 ×
    2)?

    `value` is the chance of the table seen, given both margins; p that of one no more probable.
    Exact: columns are filled one after the other; tables with the same rest are handled together,
    and a branch whose completions all lie on one side of the observed probability is closed at
    once. With `draws` and `rng` instead the share (b+1)/(draws+1) among random tables with these
    margins.

    Raises AnalysisError when the exact answer would take too long: it never turns into sampling by
    itself.

    >>> round(freeman_halton([[3, 1], [1, 6], [2, 9]]).p, 6)
    0.079758
    """
    t = counted(table)
    if min(t.shape) < 2:
        return Estimate(
            "Freeman-Halton",
            1.0,
            p=1.0,
            how="exact Freeman-Halton test",
            reason="no_events",
            measure=Measure.OVERALL_TEST,
        )
    if draws:
        return _sampled(t, draws, rng)
    t = t if t.shape[0] <= t.shape[1] else t.T
    return Estimate(
        "Freeman-Halton",
        _chance(t),
        p=min(1.0, _exact(t)),
        how="exact Freeman-Halton test",
        measure=Measure.OVERALL_TEST,
    )


def _chance(t: np.ndarray) -> float:
    """The probability of a table given its margins."""
    margins = sum(float(special.gammaln(t.sum(axis=i) + 1).sum()) for i in (0, 1))
    return math.exp(margins - special.gammaln(t.sum() + 1) - special.gammaln(t + 1).sum())


def _sampled(t: np.ndarray, draws: int, rng: np.random.Generator | None) -> Estimate:
    if rng is None:
        raise ValueError("draws need a random generator: rng=np.random.default_rng(seed)")
    from scipy.stats import random_table

    tables = random_table(t.sum(axis=1), t.sum(axis=0), seed=rng).rvs(draws)
    weights = -special.gammaln(tables + 1).sum(axis=(1, 2))
    seen = -special.gammaln(t + 1).sum()
    p = (int((weights <= seen + SAME).sum()) + 1) / (draws + 1)
    return Estimate(
        "Freeman-Halton",
        _chance(t),
        p=p,
        how=f"Freeman-Halton test from {draws} random tables",
        measure=Measure.OVERALL_TEST,
    )


def _exact(t: np.ndarray) -> float:
    """The exact p of a table whose rows are the shorter side."""
    network = _Network(t)
    seen = -float(network.factorial[t].sum()) + SAME
    states = {network.start: (np.zeros(1), np.ones(1))}
    p = 0.0
    for stage in range(len(network.columns)):
        collected: dict[Rest, list[tuple[np.ndarray, np.ndarray]]] = {}
        for left, (past, ways) in states.items():
            least, most = network.bounds(left, stage)
            under = past + most <= seen
            p += float(ways[under] @ np.exp(past[under] + network.chance(left, stage)))
            still = ~under & (past + least <= seen)
            if still.any():
                network.work(int(still.sum()) * len(network.moves(left, stage)[0]))
                for weight, rest in zip(*network.moves(left, stage), strict=True):
                    collected.setdefault(rest, []).append((past[still] + weight, ways[still]))
        states = {rest: _merged(parts) for rest, parts in collected.items()}
    return p


class _Network:
    """The ways to fill a table column by column. A rest is what its rows still have, sorted; a
    weight is −Σ log cell!.
    """

    def __init__(self, t: np.ndarray) -> None:
        self.shape, self.done = t.shape, 0
        self.start: Rest = tuple(sorted(t.sum(axis=1).tolist()))
        self.columns = np.sort(t.sum(axis=0))[::-1]
        self.factorial = special.gammaln(np.arange(t.sum() + 1) + 1.0)
        self.moves, self.bounds = cache(self._moves), cache(self._bounds)

    def work(self, steps: int) -> None:
        """Count steps, and refuse when there are too many."""
        self.done += steps
        if self.done > LARGEST:
            raise AnalysisError(
                _TOO_LARGE.format(rows=self.shape[0], columns=self.shape[1], n=sum(self.start))
            )

    def _moves(self, left: Rest, stage: int) -> tuple[np.ndarray, list[Rest]]:
        """Each filling of a column: its weight, and the rest after it."""
        filled = _fillings(left, int(self.columns[stage]))
        self.work(len(filled))
        return -self.factorial[filled].sum(axis=1), list(
            map(tuple, np.sort(np.array(left) - filled, axis=1).tolist())
        )

    def _bounds(self, left: Rest, stage: int) -> tuple[float, float]:
        """The least and the largest weight of filling all columns from this one on."""
        if stage == len(self.columns) - 1:
            last = -float(self.factorial[list(left)].sum())
            return last, last
        weight, rests = self.moves(left, stage)
        ends = np.array([self.bounds(rest, stage + 1) for rest in rests])
        return float((weight + ends[:, 0]).min()), float((weight + ends[:, 1]).max())

    def chance(self, left: Rest, stage: int) -> float:
        """Log of the summed exp(weight) of all fillings from this column on, as a share of all
        tables.
        """

        def summed(rows: Rest, columns: np.ndarray) -> float:
            return float(
                self.factorial[sum(rows)]
                - self.factorial[list(rows)].sum()
                - self.factorial[columns].sum()
            )

        return summed(left, self.columns[stage:]) - summed(self.start, self.columns)


_TOO_LARGE = (
    "The exact test of this {rows} x {columns} table of {n} patients would take too long. "
    "Merge categories, or ask for random tables with draws= and a seed."
)


def _merged(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Equal weights (to 10 decimals) as one, with the number of ways there."""
    past, ways = (np.concatenate(x) for x in zip(*parts, strict=True))
    key, first, which = np.unique(np.round(past, 10), return_index=True, return_inverse=True)
    return past[first], np.bincount(which.ravel(), weights=ways, minlength=len(key))


def _fillings(left: tuple[int, ...], total: int) -> np.ndarray:
    """All ways to take `total` patients from rows that have `left` of them."""
    filled = np.zeros((1, 0), dtype=int)
    need = np.array([total])
    for i, room in enumerate(left):
        later = sum(left[i + 1 :])
        low, high = np.maximum(0, need - later), np.minimum(room, need)
        repeats = high - low + 1
        start = np.repeat(np.cumsum(repeats) - repeats, repeats)
        value = np.arange(repeats.sum()) - start + np.repeat(low, repeats)
        filled = np.column_stack([np.repeat(filled, repeats, axis=0), value])
        need = np.repeat(need, repeats) - value
    return filled


def cochran_armitage(
    counts: Sequence[float], totals: Sequence[float], *, scores: Sequence[float]
) -> Estimate:
    """Does the share rise or fall with the dose (Cochran-Armitage test for trend)?

    `counts` of `totals` in each group, `scores` its dose. T = Σ x(s − s̄), s̄ weighted by the
    totals; z = T/√(p(1−p)Σn(s−s̄)²), χ² = z² with 1 df. `value` is the slope of the share per unit
    of dose, Σx(s−s̄)/Σn(s−s̄)².

    >>> e = cochran_armitage([2, 5, 9], [20, 20, 20], scores=[1, 2, 3])
    >>> round(e.value, 3), round(e.statistic, 3), round(e.p, 4)
    (0.175, 2.503, 0.0123)
    """
    x, n, s = (np.asarray(v, dtype=float) for v in (counts, totals, scores))
    if not (x.shape == n.shape == s.shape) or (x > n).any() or (x < 0).any():
        raise ValueError(
            "counts, totals and scores have one number a group, each count between 0 and its total"
        )
    how = "Cochran-Armitage test for trend; value is the slope of the share per unit of dose"
    name, p = "trend", x.sum() / n.sum() if n.sum() else NAN
    centred = s - (n * s).sum() / n.sum() if n.sum() else s
    spread = float((n * centred**2).sum())
    if not spread > 0:
        return Estimate(name, NAN, how=how, reason="not_estimable", measure=Measure.OVERALL_TEST)
    slope = float((x * centred).sum()) / spread
    if p in (0, 1):
        return Estimate(name, slope, how=how, reason="no_events", measure=Measure.OVERALL_TEST)
    z = slope * spread / math.sqrt(p * (1 - p) * spread)
    return Estimate(
        name,
        slope,
        p=p_of(z),
        statistic=z,
        se=slope / z if z else NAN,
        how=how,
        measure=Measure.OVERALL_TEST,
    )
