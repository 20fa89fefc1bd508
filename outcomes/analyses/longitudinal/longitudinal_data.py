"""What every model of repeated scores shares: who is in it, with which features, and what must be
said of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    codes_of,
    imbalances,
    level_order,
    levels_of,
    nobody,
    parted,
)
from outcomes.core.errors import AnalysisError
from outcomes.core.flow import Counts, Flow, flow_by, no_score_at, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.outcome import Outcome
from outcomes.core.wording import listed, spoken
from outcomes.stats.mixed.cross_products import FAR, Summary, middle, regrouped, summarise
from outcomes.stats.mixed.small_sample import Rows
from outcomes.stats.regression.linear import coded, factor
from outcomes.study.repeated_sums import Cells, cells_of_study, has_scores
from outcomes.study.study import Study


@dataclass(frozen=True, eq=False)
class Repeats:
    """Scores (patients, visits) and features (patients, features) of the analysed patients, and who
    was left out.

    `levels` has the arms, the reference first (empty where none were asked for); `arms` maps each
    to the values of its indicator features; `at` holds the equal weights of the levels of
    categorical covariates; `expected` is the number of enrolled patients of each arm, `patients`
    who is analysed.
    """

    outcome: Outcome
    visits: tuple[str, ...]
    scores: np.ndarray
    design: np.ndarray
    features: tuple[str, ...]
    levels: tuple[str, ...]
    code: np.ndarray
    arms: dict[str, dict[str, float]]
    at: dict[str, float]
    counts: Counts
    expected: dict[str, int]
    sd_baseline: float
    patients: pd.Index
    flow: Flow
    #: Scores before (the baseline, or the first visit) of each patient.
    before: np.ndarray
    #: Arms of which nobody has a score after the baseline: named, and in no comparison.
    empty: tuple[str, ...] = ()
    #: What was taken off the scores, and off each feature, so that sums of squares keep their
    #: digits (0 where they lie near 0 as they are).
    origin: float = 0.0
    moved: tuple[float, ...] = ()

    @property
    def centred(self) -> Repeats:
        """The same with scores and numbers among the features counted from their middle, where
        they lie far from 0 beside their spread.
        """
        origin = middle(self.scores)
        fixed = {"intercept", *self.at, *(f"arm {a}" for a in self.levels)}
        moved = np.array(
            [0.0 if f in fixed else middle(x) for f, x in zip(self.features, self.design.T)]
        )
        if not origin and not moved.any():
            return self
        return replace(
            self,
            scores=self.scores - origin,
            design=self.design - moved,
            origin=origin,
            moved=tuple(moved),
        )

    def summary(self, *, by_arm: bool = False) -> Summary:
        """The additive summary; with `by_arm`, patients are kept apart so that each arm has its own
        covariance.
        """
        if not by_arm or not self.levels:
            return summarise(self.scores, self.design, visits=self.visits, features=self.features)
        return summarise(
            self.scores,
            self.design,
            visits=self.visits,
            features=self.features,
            group=self.code,
            groups=self.levels,
        )

    def observed(self) -> pd.DataFrame:
        """n observed by visit and arm, with the number enrolled (the fixed denominator)."""
        rows = []
        for i, level in enumerate(self.levels or ("",)):
            own = self.code == i if self.levels else np.ones(len(self.scores), bool)
            seen = (~np.isnan(self.scores[own])).sum(axis=0)
            rows += [
                {"visit": v, "group": level, "n": int(n), "enrolled": self.expected[level]}
                for v, n in zip(self.visits, seen)
            ]
        return pd.DataFrame(rows)

    def notes_on_arms(
        self, visit: str, *, randomised: bool, adjusted: bool = True
    ) -> tuple[str, ...]:
        """What must be said of arms without patients, and of those unlike one another before."""
        before = {a: self.before[self.code == i] for i, a in enumerate(self.levels)}
        before = {a: x[~np.isnan(x)] for a, x in before.items()}
        far = imbalances(before, visit, randomised=randomised, adjusted=adjusted) if before else ()
        return (*((nobody(self.empty),) if self.empty else ()), *far)

    @property
    def absent(self) -> tuple[int, int]:
        """How many scores the analysed patients have not, of how many that they should have."""
        return int(np.isnan(self.scores).sum()), self.scores.size

    def rows(self, *, by_arm: bool = False) -> Rows | None:
        """The patients' rows, for the methods that need more than their summary."""
        return Rows(self.scores, self.design, self.code if by_arm and self.levels else None)

    @property
    def missing_share(self) -> float:
        """The share of scores that the analysed patients should have at these visits and have
        not.
        """
        absent, total = self.absent
        return absent / total if total else 0.0


@dataclass(frozen=True, eq=False)
class SummedRepeats(Repeats):
    """Repeated scores of which only the sums are known: `products` by arm, and number, mean and SD
    of the scores before in each arm (`starts`).
    """

    products: Summary = field(kw_only=True)
    starts: tuple[tuple[int, float, float], ...] = field(kw_only=True)
    #: Makes the products of scores and baselines from which something is taken off.
    shifted: Callable[[float, float], Summary] | None = field(kw_only=True, default=None)

    @classmethod
    def of(cls, total: Summary, levels: Sequence[str], outcome: Outcome) -> SummedRepeats:
        """From cross-products whose groups are the arms, `levels` with the reference first."""
        numbers = {g: int(total.counts[total.group == i].sum()) for i, g in enumerate(total.groups)}
        expected, n = {level: numbers.get(level, 0) for level in levels}, total.n_patients
        return cls(
            outcome,
            total.visits,
            np.empty((0, len(total.visits))),
            np.empty((0, len(total.features))),
            total.features,
            tuple(levels),
            np.empty(0, dtype=np.int64),
            {a: {f"arm {b}": float(a == b) for b in levels[1:]} for a in levels},
            {},
            Counts(n, n),
            expected,
            moments_of_feature(total, "baseline")[2],
            pd.Index([]),
            tuple((level, Counts(k, k)) for level, k in expected.items()),
            np.empty(0),
            tuple(level for level, k in expected.items() if not k),
            products=total,
            starts=tuple(
                moments_of_feature(total, "baseline", total.groups.index(level))
                if level in total.groups
                else (0, math.nan, math.nan)
                for level in levels
            ),
        )

    @property
    def centred(self) -> Repeats:
        """The same counted from the middle of scores that lie far from 0; sums that clinics sent
        are not moved.
        """
        if self.shifted is None or not self.products.n_rows:
            return self
        gram = np.einsum("kjjde->de", self.products.gram)
        origin = _middle(float(gram[0, 0]), float(gram[0, -1]), float(gram[-1, -1]))
        moved = np.zeros(len(self.features))
        if "baseline" in self.features:
            n, mean, sd = moments_of_feature(self.products, "baseline")
            squares = n * mean**2 + (n - 1) * sd**2 if n > 1 else n * mean**2
            moved[self.features.index("baseline")] = _middle(n, n * mean, squares)
        if not origin and not moved.any():
            return self
        return replace(
            self,
            products=self.shifted(origin, float(moved.sum())),
            origin=origin,
            moved=tuple(moved.tolist()),
        )

    def notes_on_arms(
        self, visit: str, *, randomised: bool, adjusted: bool = True
    ) -> tuple[str, ...]:
        """What must be said of arms without patients, and of those unlike one another before."""
        before = {}
        for arm, (n, mean, sd) in zip(self.levels, self.starts):
            # two scores of this mean and SD: no more of them is looked at
            before[arm] = mean + np.array([-1, 1]) * sd / math.sqrt(2) if n > 1 else np.empty(0)
        far = imbalances(before, visit, randomised=randomised, adjusted=adjusted) if before else ()
        return (*((nobody(self.empty),) if self.empty else ()), *far)

    def summary(self, *, by_arm: bool = False) -> Summary:
        """The additive summary."""
        return self.products if by_arm else self.products.without_groups()

    def rows(self, *, by_arm: bool = False) -> Rows | None:
        """There are none."""
        return None

    def observed(self) -> pd.DataFrame:
        """n observed by visit and arm, with the number of patients in the sums."""
        seen = np.diagonal(self.products.pair_counts, axis1=1, axis2=2)
        return pd.DataFrame(
            [
                {"visit": v, "group": level, "n": int(n), "enrolled": self.expected[level]}
                for level, row in zip(self.products.groups, seen)
                for v, n in zip(self.visits, row)
            ]
        )

    @property
    def absent(self) -> tuple[int, int]:
        """How many scores the patients in the sums have not, of how many that they should have."""
        total = self.products.n_patients * len(self.visits)
        return total - self.products.n_rows, total


def _middle(n: float, total: float, squares: float) -> float:
    """What `middle` gives of n values of this sum and sum of squares."""
    mean = total / n
    spread = math.sqrt(max(squares / n - mean**2, 0.0))
    return float(np.round(mean)) if n > 1 and spread > 0 and abs(mean) > FAR * spread else 0.0


def moments_of_feature(
    total: Summary, feature: str, group: int | None = None
) -> tuple[int, float, float]:
    """The number of patients (of a group), and the mean and SD over them of a feature that is the
    same at every visit of a patient.
    """
    at = total.features.index(feature)
    first = total.pattern.argmax(axis=1)
    grams = total.gram[np.arange(len(first)), first, first]
    if group is not None:
        grams = grams[total.group == group]
    n, s, squares = (float(grams[:, i, j].sum()) for i, j in ((0, 0), (0, at), (at, at)))
    spread = max(squares - s * s / n, 0.0) / (n - 1) if n > 1 else math.nan
    return round(n), s / n if n else math.nan, math.sqrt(spread)


def repeats(
    study: Study,
    outcome: str,
    *,
    visits: Sequence[str],
    baseline: str = "",
    by: str = "",
    reference: str = "",
    covariates: Sequence[str] = (),
) -> Repeats:
    """The analysed patients: those with a known arm and covariates (and baseline, where it is a
    covariate) and any score at `visits`.

    Raises AnalysisError for unknown names, and where nobody is left.
    """
    meaning = study.outcome(outcome)
    for v in (*visits, *((baseline,) if baseline else ())):
        study.visit(v)
    if len(set(visits)) < len(visits) or baseline in visits:
        raise AnalysisError(
            f"Each visit is named once: {', '.join((*visits, *((baseline,) if baseline else ())))}."
        )
    if (cells := cells_of_study(study, outcome, by)) is not None:
        return _summed(study, meaning, cells, tuple(visits), baseline, by, reference)
    wide = study.wide(outcome)
    keep = np.ones(len(wide), dtype=bool)
    left: list[tuple[str, int]] = []
    reasons = np.full(len(wide), "", dtype=object)

    def leave(missing: Any, why: str) -> None:
        bad = np.asarray(missing)
        n = int((bad & keep).sum())
        if n:
            left.append((why, n))
            reasons[bad & keep] = why
        keep[bad] = False

    levels: tuple[str, ...] = ()
    code = np.zeros(len(wide), dtype=np.int64)
    if by:
        column = study.characteristic(by).reindex(wide.index)
        levels = levels_of(study, by, reference, column)
        leave(column.isna(), not_recorded(by))
        code = codes_of(study, by, levels)
    leave(wide[list(visits)].isna().all(axis=1), Phrase.of("no score at the visits of the model"))
    later = list(visits) if baseline or len(visits) == 1 else list(visits[1:])
    empty: tuple[str, ...] = ()
    if levels:
        scored = keep & wide[later].notna().any(axis=1).to_numpy()
        levels, empty, to = arms_seen(levels, code[scored], by)
        code = to[code]
        leave(code >= len(levels), "nobody of the arm has a later score")
    if baseline:
        leave(wide[baseline].isna(), no_score_at(baseline))
    known = {c: study.characteristic(c).reindex(wide.index) for c in covariates}
    for name, values in known.items():
        leave(values.isna(), not_recorded(name))
    if not keep.any():
        raise _nobody_left(meaning, visits)
    parts, names = [np.ones((int(keep.sum()), 1))], ["intercept"]
    at: dict[str, float] = {}
    if levels:
        arm = coded("arm", code[keep], levels)
        parts, names = [*parts, arm.columns], [*names, *(f"arm {v}" for v in levels[1:])]
    if baseline:
        parts, names = [*parts, wide.loc[keep, [baseline]].to_numpy(float)], [*names, "baseline"]
    for name, values in known.items():
        block, block_names, weights = _covariate(name, values[keep])
        parts, names, at = [*parts, block], [*names, *block_names], at | weights
    arms = {a: {f"arm {b}": float(a == b) for b in levels[1:]} for a in levels} or {"": {}}
    expected = {"": len(wide)}
    if levels:
        expected = {a: int((code == i).sum()) for i, a in enumerate(levels)}
    first = baseline or visits[0]
    return Repeats(
        meaning,
        tuple(visits),
        wide.loc[keep, list(visits)].to_numpy(float),
        np.hstack(parts),
        tuple(names),
        levels,
        code[keep],
        arms,
        at,
        Counts(study.enrolled, int(keep.sum()), tuple(left)),
        expected,
        float(wide[first].std(ddof=1)),
        wide.index[keep],
        flow_by(code.tolist(), (*levels, *empty), reasons.tolist()),
        wide.loc[keep, first].to_numpy(float),
        empty,
    )


def _nobody_left(meaning: Outcome, visits: Sequence[str]) -> AnalysisError:
    return AnalysisError(
        f"No patient has {meaning.title} at {listed([spoken(v) for v in visits])} with all that the"
        " model needs."
    )


def _summed(
    study: Study,
    meaning: Outcome,
    cells: Cells,
    visits: tuple[str, ...],
    baseline: str,
    by: str,
    reference: str,
) -> SummedRepeats:
    """What `repeats` gives, from sums: cells of patients take the place of patients."""
    at = [cells.visits.index(v) for v in visits]
    seen, first = cells.pattern[:, at], cells.visits.index(baseline or visits[0])
    keep = cells.counts > 0
    why = np.full(len(keep), "", dtype=object)
    left: dict[str, int] = {}

    def leave(missing: Any, reason: str) -> None:
        bad = np.asarray(missing)
        if n := int(cells.counts[bad & keep].sum()):
            left[reason] = n
            why[bad & keep] = reason
        keep[bad] = False

    levels: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    code = np.zeros(len(keep), dtype=np.int64)
    if by:
        there = cells.levels
        levels = level_order(there, by, reference, declared=study.protocol.reference_of(by))
        place = {g: levels.index(str(v)) for g, v in there.items() if str(v) in levels and g >= 0}
        code = np.array([place.get(g, -1) for g in cells.group.tolist()], dtype=np.int64)
        leave(code < 0, not_recorded(by))
    leave(~seen.any(axis=1), "no score at the visits of the model")
    if levels:
        later = seen if baseline or len(visits) == 1 else seen[:, 1:]
        levels, empty, to = arms_seen(levels, code[keep & later.any(axis=1)], by)
        code = to[code]
        leave(code >= len(levels), "nobody of the arm has a later score")
    if baseline:
        leave(~cells.pattern[:, first], no_score_at(baseline))
    if not keep.any():
        raise _nobody_left(meaning, visits)
    make = partial(
        regrouped,
        visits=visits,
        arms=levels,
        pattern=seen[keep],
        code=code[keep],
        counts=cells.counts[keep],
        gram=cells.gram[keep],
        at=at,
        baseline=first if baseline else None,
    )
    total, arms = make(0.0, 0.0), (*levels, *empty)
    starts = tuple(_mean_and_sd(cells, first, keep & (code == i)) for i in range(len(levels)))
    n, number = int(cells.counts[keep].sum()), len(arms)
    enrolled = [int(cells.counts[code == i].sum()) for i in range(number)]
    flow = []
    for i, arm in enumerate(arms):
        mine = code == i
        reasons = sorted({str(w) for w in why[mine] if w})
        out = tuple((w, int(cells.counts[mine & (why == w)].sum())) for w in reasons)
        flow.append((arm, Counts(enrolled[i], int(cells.counts[mine & keep].sum()), out)))
    return SummedRepeats(
        meaning,
        visits,
        np.empty((0, len(visits))),
        np.empty((0, len(total.features))),
        total.features,
        levels,
        np.empty(0, dtype=np.int64),
        {a: {f"arm {b}": float(a == b) for b in levels[1:]} for a in levels} or {"": {}},
        {},
        Counts(cells.n, n, tuple(left.items())),
        dict(zip(levels, enrolled)) if levels else {"": cells.n},
        _mean_and_sd(cells, first, cells.counts > 0)[2],
        pd.Index([]),
        tuple(flow),
        np.empty(0),
        empty,
        products=total,
        starts=starts,
        shifted=make,
    )


def _mean_and_sd(cells: Cells, visit: int, keep: np.ndarray) -> tuple[int, float, float]:
    """The number, mean and SD of the scores at a visit in the cells of a mask."""
    n, total, squares = cells.moments([visit], keep)
    spread = math.sqrt(max(squares - total**2 / n, 0.0) / (n - 1)) if n > 1 else math.nan
    return n, total / n if n else math.nan, spread


def arms_seen(
    levels: tuple[str, ...], code: np.ndarray, by: str
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """The arms in which anybody has a score after the baseline, those in which nobody has, and the
    new place of each (see `parted`). `code` is the arm of each patient with such a score.

    Raises AnalysisError where only one is left, or where the reference has nobody.
    """
    seen = np.bincount(code, minlength=len(levels)) > 0
    if not seen.any():
        seen[:] = True
    left, gone, to = parted(levels, seen)
    if not gone:
        return levels, (), to
    if len(left) == 1:
        raise AnalysisError(
            f"Only patients with {spoken(left[0])} have a score after the baseline: a comparison by"
            f" {spoken(by)} needs two groups."
        )
    if not seen[0]:
        raise AnalysisError(
            f"Nobody with {spoken(levels[0])}, the reference, has a score after the baseline. Name"
            f" another reference: {listed([spoken(a) for a in left])}."
        )
    return left, gone, to


def _covariate(name: str, values: pd.Series) -> tuple[np.ndarray, list[str], dict[str, float]]:
    """A number as it is; anything else as indicators of its levels but the first, held at equal
    weights for adjusted means.
    """
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return values.to_numpy(float)[:, None], [name], {}
    term = factor(name, values)
    names = [f"{name} {level}" for level in term.levels[1:]]
    return term.columns, names, {n: 1 / len(term.levels) for n in names}


def asked_visits(study: Study, outcome: str) -> tuple[str, ...]:
    """The declared visits at which anybody has this score (all, where nobody has any): what is
    never asked is not missing.
    """
    seen = has_scores(study, outcome)
    return (
        tuple(v for v, anybody in zip(study.visits, seen, strict=True) if anybody) or study.visits
    )


def follow_ups(study: Study, outcome: str, visits: Sequence[str], baseline: str) -> tuple[str, ...]:
    """The declared follow-up visits, or every visit after the baseline that anybody was scored
    at.
    """
    if visits:
        return tuple(visits)
    after = study.visits[study.visits.index(baseline) + 1 :]
    later = tuple(v for v in asked_visits(study, outcome) if v in after)
    if not later:
        raise AnalysisError(
            f"No patient has {study.outcome(outcome).title} at a visit after {spoken(baseline)}."
        )
    return later


def main_visit(study: Study, outcome: str, visit: str, later: Sequence[str]) -> str:
    """The visit that a model is about: the declared one, else the last. Raises AnalysisError where
    the model has it not.
    """
    if not visit:
        return later[-1]
    if study.visit(visit) not in later:
        raise AnalysisError(
            f"The model has no {spoken(visit)}: nobody has {study.outcome(outcome).title} there, or"
            " it is no follow-up visit of the question."
            f" It has {listed([spoken(v) for v in later])}."
        )
    return study.visit(visit)


def scored_baseline(study: Study, outcome: str, baseline: str) -> str:
    """The baseline visit. Raises AnalysisError where nobody has a score at it."""
    name = study.visit(baseline or study.baseline)
    if not has_scores(study, outcome)[study.visits.index(name)]:
        raise AnalysisError(
            f"No patient has {study.outcome(outcome).title} at {spoken(name)}: there is no change"
            " from it."
        )
    return name
