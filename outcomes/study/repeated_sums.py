"""The scores of all visits as sums: enough for a mixed model of repeated scores, however many
patients there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.cross_products import Summary, summarise
from outcomes.study.study import Study
from outcomes.study.sums import PatientSums, PatientValues, bare

#: Scores are added as whole multiples of 1, 1/10, 1/100 or 1/1000 where all are such: such sums are
#: exact (below 2^53), so that no division of the patients changes a bit of them.
_SCALES = (1, 10, 100, 1000)


@dataclass(frozen=True)
class RepeatedScores:
    """The cross-products of one score at all visits, by the set of visits with a score and by a
    characteristic (`by`, "" for none).
    """

    outcome: str
    by: str = ""

    @property
    def characteristics(self) -> tuple[str, ...]:
        """What must be known of patients."""
        return (self.by,) if self.by else ()

    def of(self, study: Study) -> RepeatedSums:
        """The sums of the patients of a study. Raises AnalysisError for unknown names, and where a
        patient has several rows a visit.
        """
        groups = PatientValues(characteristics=self.characteristics).of(study)
        scores = study.wide(self.outcome).to_numpy(float)
        codes, levels = np.zeros(len(scores), dtype=np.int64), groups.levels
        if self.by:
            column = study.characteristic(self.by) if self.by in study.patient_frame else None
            if column is not None:
                place, found = pd.factorize(column)
                codes = np.array([*(levels.index(v) for v in found), len(levels)])[place]
            else:  # nobody of this part has it
                codes[:] = len(levels)
        scale = next((s for s in _SCALES if _whole(scores * s)), 0)
        grid = np.rint(scores * scale) if scale else scores
        names = [_name(v) for v in (*levels, None)]
        made = summarise(
            grid,
            np.ones((len(grid), 1)),
            visits=study.visits,
            features=("intercept",),
            group=codes,
            groups=names,
        )
        return RepeatedSums(self, groups, made, scale)


def _whole(values: np.ndarray) -> bool:
    """Whether all are (a rounding error away from) whole numbers that a sum of products keeps."""
    seen = values[~np.isnan(values)]
    return bool((np.abs(seen - np.rint(seen)) <= 1e-9 * np.maximum(1, np.abs(seen))).all()) and (
        not len(seen) or float(np.abs(seen).max()) < 1 << 20
    )


def _name(level: Any) -> str:
    """The name of a group in the sums: 1 and 1.0 are one; empty where the group is not known."""
    if level is None:
        return ""
    return f"={float(level):.17g}" if isinstance(level, (int, float)) else f"={level}"


@dataclass(frozen=True, eq=False)
class RepeatedSums:
    """The cross-products of scores times `scale` (0: as they are) by pattern and group, and how
    many patients each group has in all.
    """

    need: RepeatedScores
    groups: PatientSums
    products: Summary
    scale: int

    def __add__(self, other: RepeatedSums) -> RepeatedSums:
        if not isinstance(other, RepeatedSums):
            return NotImplemented
        scale = max(self.scale, other.scale) if self.scale and other.scale else 0
        products = self._scaled(scale) + other._scaled(scale)
        return replace(self, groups=self.groups + other.groups, products=products, scale=scale)

    def _scaled(self, scale: int) -> Summary:
        """The cross-products of scores times another scale."""
        if scale == self.scale:
            return self.products
        factor = np.array([1.0, (scale or 1) / (self.scale or 1)])
        return replace(self.products, gram=self.products.gram * np.outer(factor, factor))

    @property
    def cells(self) -> Cells:
        """The sums of the scores as they are, with those who have none; cells in a fixed order."""
        total, levels, tally = self._scaled(0), self.groups.levels, self.groups.tally
        at = {_name(v): i for i, v in enumerate(levels)}
        group = np.array([at.get(g, -1) for g in total.groups], dtype=np.int64)[total.group]
        own = tally.codes[:, 0] if self.need.by else np.zeros(len(tally), dtype=np.int64)
        if not self.need.by:
            group = np.zeros(len(group), dtype=np.int64)
        without = [n - total.counts[group == g].sum() for g, n in zip(own, tally.weights)]
        m = len(total.visits)
        return Cells(
            total.visits,
            self.groups.column(0).set_axis(own) if self.need.by else pd.Series(dtype=object),
            np.concatenate([total.pattern, np.zeros((len(own), m), dtype=bool)]),
            np.concatenate([group, own]),
            np.concatenate([total.counts, np.array(without, dtype=np.int64)]),
            np.concatenate([total.gram, np.zeros((len(own), m, m, 2, 2))]),
        )

    def study(self, like: Study) -> Study:
        """A study without patients that has these sums (`cells_of_study`)."""
        study = bare(like, 0)
        key = _key(study.outcome(self.need.outcome).name)
        study.once(key, partial(_itself, (self.need.by, self.cells)))
        return study


@dataclass(frozen=True, eq=False)
class Cells:
    """Patients by group and set of visits with a score: `pattern` (cells, visits), `group` (cells,)
    their place in `levels` (−1 where it is not known), `counts` (cells,), and `gram` (cells,
    visits, visits, 2, 2) the cross-products of 1 and the score at every two visits. `levels` has
    the groups in their type, by their place.
    """

    visits: tuple[str, ...]
    levels: pd.Series
    pattern: np.ndarray
    group: np.ndarray
    counts: np.ndarray
    gram: np.ndarray

    @property
    def n(self) -> int:
        """All patients."""
        return int(self.counts.sum())

    def moments(self, visits: Any, keep: np.ndarray) -> tuple[int, float, float]:
        """The number, the sum and the sum of squares of the scores at some visits (their places)
        in the cells of a mask.
        """
        at = np.asarray(visits)
        own = self.gram[keep][:, at, at].sum(axis=(0, 1))
        return round(float(own[0, 0])), float(own[0, 1]), float(own[1, 1])


def cells_of_study(study: Study, outcome: str, by: str) -> Cells | None:
    """The sums of a score that a study has in place of patients; None where it has patients."""
    found: tuple[str, Cells] | None = study.once(_key(study.outcome(outcome).name), lambda: None)
    if found is None:
        return None
    own, cells = found
    if own != by:
        raise AnalysisError(f"These sums are by {own or 'no group'}, not by {by or 'no group'}.")
    return cells


def has_scores(study: Study, outcome: str) -> np.ndarray:
    """At which visits anybody has this score."""
    found: tuple[str, Cells] | None = study.once(_key(study.outcome(outcome).name), lambda: None)
    if found is None:
        seen: np.ndarray = (~np.isnan(study.wide(outcome).to_numpy())).any(axis=0)
        return seen
    cells = found[1]
    return np.asarray(cells.pattern[cells.counts > 0].any(axis=0))


def _key(outcome: str) -> tuple[str, str]:
    return "sums of repeated scores", outcome


def _itself(made: tuple[str, Cells]) -> tuple[str, Cells] | None:
    return made
