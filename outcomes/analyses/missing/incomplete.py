"""From a study to what is missing in one score and back: the grid of patients and visits that
imputation fills.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import codes_of, level_order
from outcomes.analyses.longitudinal.longitudinal_data import arms_seen
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.wording import spoken
from outcomes.stats.missing.patterns import carry
from outcomes.stats.missing.reference_based import Incomplete
from outcomes.stats.mixed.cross_products import middle
from outcomes.stats.regression.linear import coded
from outcomes.study.every_visit import at_every_visit
from outcomes.study.study import Study


@dataclass(frozen=True, eq=False)
class Grid:
    """One score as patients x visits (those visits at which anybody was seen), and the study to
    write it back to.
    """

    source: Study
    name: str
    better: str
    visits: tuple[str, ...]
    patients: pd.Index
    scores: np.ndarray
    #: What was taken off the scores, where they lie far from 0, so that no digits are lost.
    origin: float = 0.0

    @property
    def some(self) -> np.ndarray:
        """Patients with at least one score."""
        return np.asarray(~np.isnan(self.scores).all(axis=1))

    @property
    def observed(self) -> np.ndarray:
        """The scores as they are in the study."""
        return self.scores + self.origin

    def put_in(self, completed: np.ndarray) -> int:
        """How many gaps completed scores (patients, visits) have filled."""
        return int((np.isnan(self.scores) & ~np.isnan(completed)).sum())

    def study(self, scores: np.ndarray) -> Study:
        """The study with these scores (patients, visits) in place of its own."""
        values = self._laid_out.scores[self.name].to_numpy(float, copy=True)
        values[: scores.size] = scores.reshape(-1) + self.origin
        return self._laid_out.with_score(self.name, values)

    @cached_property
    def _laid_out(self) -> Study:
        """The study with a row for every cell of the grid, whether or not there is a score."""
        return at_every_visit(self.source, self.visits)

    def fill(self, values: np.ndarray, rows: np.ndarray, columns: Sequence[int] = ()) -> np.ndarray:
        """The scores with those of some patients (a mask) and visits (positions; default all) put
        in.
        """
        out = self.scores.copy()
        at = np.array(columns if len(columns) else range(out.shape[1]), dtype=np.intp)
        out[np.ix_(np.flatnonzero(rows), at)] = values
        return out

    def carried(self, rule: str) -> np.ndarray:
        """The scores with gaps after the first visit filled by a rule such as "locf"."""
        rest = carry(
            self.scores[:, 1:], self.scores[:, 0], rule=rule, better=self.better or "lower"
        )
        return np.column_stack([self.scores[:, 0], rest])

    def shift(self, delta: float, arms: Sequence[str], by: str) -> np.ndarray:
        """Delta at every gap after the first visit, of the patients of some arms (default: all)."""
        out = np.where(np.isnan(self.scores), delta, 0.0)
        out[:, 0] = 0.0
        if arms:
            if not by:
                raise AnalysisError("arms names arms, but there is no column of arms: give by=.")
            code = codes_of(self.source, by, arms)
            for i, arm in enumerate(arms):
                if i not in code:
                    there = self.source.characteristic(by).dropna().unique()
                    raise AnalysisError(unknown(by, arm, sorted(map(str, there))))
            out[code < 0] = 0.0
        return out

    def levels(self, study: Study, by: str, reference: str) -> tuple[str, ...]:
        """The arms in which anybody has a score after the first visit, the reference first: the one
        asked for, the declared one, or one called placebo or control, or the first. An arm without
        any such score has nothing to impute from: it is in no comparison.

        Raises AnalysisError for fewer than two arms, or a reference that has nobody.
        """
        everybody = level_order(
            study.characteristic(by), by, reference, declared=study.protocol.reference_of(by)
        )
        code = codes_of(study, by, everybody)
        later = ~np.isnan(self.scores[:, 1:]).all(axis=1)
        return arms_seen(everybody, code[later & (code >= 0)], by)[0]

    def treated(self, study: Study, by: str, reference: str) -> tuple[str, ...]:
        """Every arm but the reference; empty where there are no arms."""
        return self.levels(study, by, reference)[1:] if by else ()

    def auxiliary(self, study: Study, names: Sequence[str], by: str) -> np.ndarray:
        """Auxiliary characteristics and arms as numbers (patients, columns); categories as
        indicators, nan where unknown.
        """
        parts = [np.empty((len(self.patients), 0))]
        for name in (*((by,) if by else ()), *names):
            column = study.characteristic(name).reindex(self.patients)
            if pd.api.types.is_numeric_dtype(column):
                parts.append(column.to_numpy(float)[:, None])
                continue
            levels = sorted(map(str, column.dropna().unique()))
            code = codes_of(study, name, levels)
            parts.append(np.where(code[:, None] < 0, np.nan, coded(name, code, levels).columns))
        return np.hstack(parts)


def grid_of(study: Study, outcome: str) -> Grid:
    """The grid of a score. Raises AnalysisError where nobody has it, or patients have several rows
    a visit.
    """
    meaning, wide = study.outcome(outcome), study.wide(outcome)
    visits = tuple(v for v in study.visits if wide[v].notna().any())
    if not visits:
        raise AnalysisError(f"Nobody has a score of {meaning.title}.")
    scores = wide[list(visits)].to_numpy(float)
    origin = middle(scores)
    return Grid(
        study.ready, meaning.name, meaning.better, visits, wide.index, scores - origin, origin
    )


def incomplete_of(
    study: Study,
    grid: Grid,
    *,
    by: str,
    reference: str,
    joint: bool,
    covariates: Sequence[str] = (),
) -> tuple[Incomplete, np.ndarray, list[int]]:
    """What the imputation model needs, whom it is for (a mask), and which visits (positions) it
    fills.

    `joint`: every visit is a response (patients with any score); otherwise the first visit is a
    covariate and the later ones are responses (patients with the first; those without a later one
    follow their arm's mean or the reference).
    """
    if len(grid.visits) < 2:
        raise AnalysisError(
            f"There is nothing to impute from: nobody has a score after {spoken(grid.visits[0])}."
        )
    baseline = grid.scores[:, 0]
    own = grid.some if joint else ~np.isnan(baseline)
    parts: list[np.ndarray] = [np.ones((len(baseline), 1))]
    names: list[str] = ["intercept"]
    levels: tuple[str, ...] = ()
    label: Any = np.zeros(len(baseline), dtype=np.int64)
    if by:
        levels = grid.levels(study, by, reference)
        label = codes_of(study, by, levels)
        own = own & (label >= 0)
        parts.append(coded("arm", label, levels).columns)
        names += [f"arm {v}" for v in levels[1:]]
    elif not joint:
        raise AnalysisError(
            "Reference-based imputation needs arms: give by= (a column such as arm), or use"
            " method='mar'."
        )
    moving = list(names[1:])
    if not joint:
        parts, names, moving = (
            [*parts, baseline[:, None]],
            [*names, "baseline"],
            [*moving, "baseline"],
        )
    if covariates:
        extra = grid.auxiliary(study, covariates, "")
        own = own & ~np.isnan(extra).any(axis=1)
        parts, names = (
            [*parts, extra],
            [*names, *(f"covariate {i + 1}" for i in range(extra.shape[1]))],
        )
    columns = list(range(0 if joint else 1, len(grid.visits)))
    if not columns or not own.any():
        raise AnalysisError(
            "There is nothing to impute from: no follow-up visit, or no patient with all that the"
            " model needs."
        )
    indicators = np.arange(1, max(len(levels), 1))
    values = np.vstack([np.zeros(len(indicators)), np.eye(len(indicators))])
    data = Incomplete(
        grid.scores[own][:, columns],
        np.hstack(parts)[own],
        tuple(grid.visits[c] for c in columns),
        tuple(names),
        tuple(moving),
        label[own],
        indicators,
        values,
        0,
        baseline[own],
    )
    return data, own, columns
