"""Which characteristics go with pain coming back sooner: Cox regression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import chosen_words, is_randomised, level_order
from outcomes.analyses.longitudinal.diary import visit_days
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts, no_score_at, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, listed, number, p_value, percent, plural, spoken
from outcomes.stats.diary import return_of_pain
from outcomes.stats.survival import cox
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class ReturnOfPain(Analysis):
    """Which patients have their pain back sooner, and by how much more often at any time?

    Cox regression of the time to the first visit with at least `share` of the score before (0.7
    unless said otherwise), as in `DurationOfRelief`: h(t | x) = h₀(t)·exp(x'β). exp(β) is the
    hazard ratio: above 1 pain comes back sooner. Times that tie, as times at visits do, are treated
    by Efron's method (`ties="breslow"` for the other). Wald intervals and tests on the log scale.

    `covariates` are characteristics of the patients: a column of numbers enters as a number (the
    ratio is per unit), any other as a factor against its first level. Rule of thumb: fewer than ten
    returns per coefficient make the model unreliable, and a note says so. The hazards are taken to
    be proportional at all times; that patients were seen at visits only makes the times too long,
    and alike for all. Lower scores must be better. An association with a characteristic that nobody
    randomised is not an effect.

    Raises AnalysisError for unknown names or no covariate.

    References: Cox 1972 (J R Stat Soc B 34:187); Efron 1977 (J Am Stat Assoc 72:557).

    >>> import numpy as np, pandas as pd, outcomes as oc
    >>> visits = ("baseline", "day_1", "day_3", "day_7", "day_14")
    >>> back = [1, 2, 2, 3, 1, 4, 1, 3, 4, 2]  # the visit at which pain is back
    >>> rows = [
    ...     (f"p{i}", v, 8 if j == 0 or j >= b else 3)
    ...     for i, b in enumerate(back)
    ...     for j, v in enumerate(visits)
    ... ]
    >>> patients = pd.DataFrame(
    ...     {"patient": [f"p{i}" for i in range(10)], "route": ["IV", "PO"] * 5}
    ... )
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "visit", "pain"]),
    ...     visits=visits,
    ...     patients=patients,
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.ReturnOfPain("pain", covariates=("route",)).run(study)
    >>> round(result.main.value, 2)
    0.58
    """

    outcome: str
    _: KW_ONLY
    covariates: tuple[str, ...] = ("arm",)
    share: float = 0.7
    visits: tuple[str, ...] = ()
    days: tuple[float, ...] = ()
    ties: str = "efron"

    short: ClassVar[str] = "Cox regression of the return of pain"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        "Cox DR. Regression models and life-tables. J R Stat Soc B 1972;34:187-220.",
        (
            "Efron B. The efficiency of Cox's likelihood function for censored data. J Am Stat"
            " Assoc 1977;72:557-565."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.covariates:
            raise AnalysisError('ReturnOfPain needs a covariate, such as covariates=["arm"].')
        if not 0 < self.share <= 1:
            raise AnalysisError(
                "share is the part of the score before that counts as pain being back, above 0 to"
                f" 1; got {self.share}."
            )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=self.covariates)

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        if outcome.better == "higher":
            raise AnalysisError(
                f"The return of pain needs a score where lower is better; {outcome.title} is better"
                " when higher."
            )
        visits, days = visit_days(study, self.visits, self.days)
        wide = study.wide(self.outcome)[list(visits)]
        seen = [
            return_of_pain(days[1:], row[1:], baseline=row[0], share=self.share)
            if row[0] > 0
            else None
            for row in wide.to_numpy()
        ]
        time = np.array([r.time if r else math.nan for r in seen])
        event = np.array([bool(r and r.event) for r in seen])
        columns = {c: study.characteristic(c).reindex(wide.index) for c in self.covariates}
        kept, left = _kept(wide, time, columns)
        names, matrix, places = _matrix({c: x[kept] for c, x in columns.items()})
        rows, notes = self._rows(names, matrix, places, time[kept], event[kept])
        counts = Counts(study.enrolled, int(kept.sum()), left)
        randomised = all(is_randomised(study, c) for c in self.covariates)
        forest = forest_frame((e.name, e) for e in rows)
        axis = ValueAxis(
            Phrase.of("hazard ratio: above 1 pain comes back sooner"), 1.0, True, better="lower"
        )
        return Result(
            self,
            tuple(rows),
            counts,
            outcome,
            notes,
            {"forest": forest},
            ("forest",),
            detail=PainBack(int(event[kept].sum())),
            axis=axis,
            randomised=randomised,
        )

    def _rows(
        self,
        names: list[str],
        matrix: np.ndarray,
        places: list[Contrast],
        time: np.ndarray,
        event: np.ndarray,
    ) -> tuple[list[Estimate], tuple[str, ...]]:
        n, events = len(time), int(event.sum())
        if not n or not matrix.shape[1]:
            empty = Estimate(
                "hazard ratio",
                math.nan,
                level=self.level,
                reason="too_few" if not n else "not_estimable",
                measure=Measure.HAZARD_RATIO,
            )
            return [empty], ()
        fit = cox(matrix, time, event.astype(float), names=names, ties=self.ties)
        rows = []
        for name, at in zip(names, places, strict=True):
            e = fit.coefficient(name, level=self.level)
            value, low, high = (math.exp(v) for v in (e.value, e.low, e.high))
            named = replace(e, name=f"hazard ratio, {name}", place=at, n=n)
            rows.append(replace(named, value=value, low=low, high=high))
        scarce = events < 10 * len(names)
        notes = (
            f"{plural(events, 'return')} of pain for {plural(len(names), 'coefficient')}: with"
            " fewer than ten each the estimates are unreliable.",
        )
        return rows, notes if scarce else ()

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        who = f"n={counts.analysed} of {counts.enrolled}"
        if not counts.analysed:
            return f"No patient of {counts.enrolled} has what the question needs."
        words = [_said(e, style) for e in result.estimates]
        return (
            f"Pain was back (at least {percent(self.share)} of {outcome.title} before) in"
            f" {result.told(PainBack).patients} of {plural(counts.analysed, 'patient')}."
            f" Cox regression: {'; '.join(words)} (above 1 it comes back sooner; {who})."
            f"{chosen_words(result.randomised, self.covariates[0])}"
        )

    def methods_text(self) -> str:
        ties = {"efron": "Efron's", "breslow": "Breslow's"}.get(self.ties, self.ties)
        return (
            "The time to the first visit with at least"
            f" {percent(self.share)} of the score before was related to"
            f" {listed([spoken(c) for c in self.covariates])} by Cox regression ({ties} method for"
            " ties, Wald intervals)."
        )


@dataclass(frozen=True)
class PainBack:
    """How many patients had their pain back."""

    patients: int


def _said(e: Estimate, style: str) -> str:
    if e.reason:
        return f"{e.name} not estimated, {REASONS[e.reason]}"
    return (
        f"{e.name}: {number(e.value, 2)} ({interval(e.low, e.high, 2, level=e.level)};"
        f" {p_value(e.p, style)})"
    )


def _kept(
    wide: pd.DataFrame, time: np.ndarray, columns: dict[str, pd.Series]
) -> tuple[np.ndarray, tuple[tuple[str, int], ...]]:
    first = spoken(str(wide.columns[0]))
    before = wide.iloc[:, 0]
    why = {
        no_score_at(first): before.isna().to_numpy(),
        Phrase.of("a score of 0 at {visit}", visit=first): (before <= 0).to_numpy(),
        Phrase.of("no score afterwards"): np.isnan(time),
        **{not_recorded(c): x.isna().to_numpy() for c, x in columns.items()},
    }
    out, left = np.zeros(len(wide), dtype=bool), []
    for words, who in why.items():
        left.append((words, int((who & ~out).sum())))
        out |= who
    return ~out, tuple((w, k) for w, k in left if k)


def _matrix(columns: dict[str, pd.Series]) -> tuple[list[str], np.ndarray, list[Contrast]]:
    """The columns of the model, their names, and what each compares."""
    names: list[str] = []
    parts: list[np.ndarray] = []
    places: list[Contrast] = []

    def add(name: str, values: Sequence[float] | np.ndarray, at: Contrast) -> None:
        names.append(name)
        parts.append(np.asarray(values, float))
        places.append(at)

    for c, x in columns.items():
        if pd.api.types.is_numeric_dtype(x) and not pd.api.types.is_bool_dtype(x):
            add(f"{spoken(c)} (per unit)", x.to_numpy(float), Contrast())
        elif x.nunique() > 1:
            reference, *others = level_order(x, c)
            for v in others:
                at = Contrast(group=v, reference=reference)
                label = f"{spoken(v)} against {spoken(reference)}"
                add(label, (x.astype(str) == v).to_numpy(), at)
    rows = len(next(iter(columns.values())))
    return names, np.column_stack(parts) if parts else np.empty((rows, 0)), places
