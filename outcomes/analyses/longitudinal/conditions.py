"""Conditions that every patient was seen under, compared within patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    adjusted_words,
    level_order,
    lower_is_better,
    unspread,
    versus,
)
from outcomes.analyses.longitudinal.fitted_course import holm_over_visits
from outcomes.analyses.longitudinal.rm_anova import Effects, VisitsCompared, corrected
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import (
    digits_for,
    interval,
    listed,
    number,
    p_value,
    plural,
    spoken,
    statistic,
)
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.repeated_measures import two_within
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class WithinPatients(Analysis):
    """Do scores differ between conditions that every patient was seen under?

    For conditions without an order of periods to allow for: two limbs, rest and movement, with and
    without a device. `condition` is a column of the scores (default the arm); rows of one patient
    under one condition at one visit are averaged. Each condition is compared with the `reference`
    by paired t on the patients' means over the `visits`, with Holm's P where there are several.
    With several visits also the repeated-measures analysis of variance of two factors within
    patients: condition, visit and condition × visit, each against its own interaction with the
    patients and with the Greenhouse-Geisser correction. Patients with every condition at every
    visit count; the others are listed.

    Where each patient had the treatments in periods, ask `Crossover`: this comparison takes no
    account of period or carry-over, and nothing shows that the condition is the cause.

    Raises AnalysisError for unknown names, or fewer than two conditions.

    Reference: Winer, Brown & Michels 1991, Statistical principles in experimental design, chapter
    7.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccdd"),
    ...         "visit": "day 1",
    ...         "episode": [1, 2] * 4,
    ...         "state": ["rest", "movement"] * 4,
    ...         "pain": [4, 6, 3, 6, 5, 6, 2, 5],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("day 1",), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> e = oc.WithinPatients("pain", condition="state", reference="rest").run(study).estimates[0]
    >>> e.value, round(e.p, 3)
    (2.25, 0.018)
    """

    outcome: str
    _: KW_ONLY
    condition: str = "arm"
    reference: str = ""
    visits: Sequence[str] = ()

    short: ClassVar[str] = "conditions within patients"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Winer BJ, Brown DR, Michels KM. Statistical principles in experimental design. 3rd ed."
            " New York: McGraw-Hill; 1991."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        cells, levels, visits, counts = self._cells(study)
        y = cells.to_numpy(float).reshape(len(cells), len(levels), len(visits))
        outcome = study.outcome(self.outcome)
        means = y.mean(axis=2)
        rows = [
            self._difference(means[:, 0], means[:, i], level, levels[0], outcome.unit, "")
            for i, level in enumerate(levels[1:], 1)
        ]
        rows = holm_over_visits(rows)
        effects = two_within(y) if len(visits) > 1 and len(y) else {}
        names = {
            "first": spoken(self.condition),
            "second": "visit",
            "first:second": f"{spoken(self.condition)} × visit",
        }
        tests = [corrected(e, names[key], eps.gg) for key, (e, eps) in effects.items()]
        at_visits = [
            self._difference(y[:, 0, j], y[:, i, j], level, levels[0], outcome.unit, visit)
            for j, visit in enumerate(visits)
            for i, level in enumerate(levels[1:], 1)
            if len(visits) > 1
        ]
        levels_rows = [
            Estimate(
                "mean",
                float(means[:, i].mean()) if len(means) else np.nan,
                unit=outcome.unit,
                group=level,
                reason="" if len(means) else "too_few",
                measure=Measure.LEVEL,
            )
            for i, level in enumerate(levels)
        ]
        forest = forest_frame(
            (f"{versus(e)}{f', {spoken(e.visit)}' if e.visit else ''}", e)
            for e in (*rows, *at_visits)
        )
        notes = (
            "Conditions within patients: no account is taken of the order in which they were seen.",
        )
        return Result(
            self,
            (*rows, *tests, *holm_over_visits(at_visits), *levels_rows),
            counts,
            outcome,
            notes,
            {"forest": forest},
            ("forest",),
            detail=VisitsCompared(visits),
            axis=ValueAxis(Phrase.of("difference in {score} within patients", score=outcome)),
        )

    def _cells(self, study: Study) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...], Counts]:
        """Means of each patient by condition and visit, of those who have all of them."""
        extra = () if self.condition == "arm" else (self.condition,)
        long = study.long(self.outcome, extra=extra)
        if self.condition not in long:
            raise AnalysisError(
                f"No column '{self.condition}' among the scores. A condition within patients is a"
                " column that differs between rows of one patient."
            )
        long = long.dropna(subset=["value", self.condition])
        if "visit" not in long:
            long = long.assign(visit=study.visits[0] if study.visits else "")
        asked = tuple(study.visit(v) for v in self.visits)
        visits = asked or tuple(v for v in study.visits if (long["visit"] == v).any())
        long = long[long["visit"].isin(visits)]
        levels = level_order(long[self.condition], self.condition, self.reference)
        wide = (
            long.assign(**{self.condition: long[self.condition].astype(str)})
            .groupby(["patient", self.condition, "visit"], observed=True)["value"]
            .mean()
            .unstack([1, 2])
            .reindex(columns=pd.MultiIndex.from_product([levels, visits]))
        )
        whole = wide.notna().all(axis=1)
        none = study.enrolled - len(wide)
        some = int((~whole).sum())
        left = [
            (Phrase.of("no score under any condition"), none),
            (Phrase.of("some conditions or visits missing"), some),
        ]
        counts = Counts(study.enrolled, int(whole.sum()), tuple((w, n) for w, n in left if n))
        return wide[whole], levels, visits, counts

    def _difference(
        self, first: np.ndarray, other: np.ndarray, level: str, base: str, unit: str, visit: str
    ) -> Estimate:
        return replace(
            mean_change(first, other, level=self.level),
            name="difference",
            unit=unit,
            visit=visit,
            group=Versus.of(level, base),
            measure=Measure.DIFFERENCE,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        k, parts = digits_for(outcome.resolution), []
        for e in (e for e in result.estimates if e.measure is Measure.DIFFERENCE and not e.visit):
            if np.isnan(e.value):
                parts.append(f"not known for {versus(e)} ({unspread(e.reason)})")
                continue
            amount = f"{number(e.value, k)} {outcome.unit} for {versus(e)}"
            if e.reason:
                parts.append(f"{amount} (no interval: {unspread(e.reason)})")
                continue
            adjusted = adjusted_words(result, e, style)
            parts.append(
                f"{amount} ({interval(e.low, e.high, k, level=e.level)};"
                f" {statistic('t', e.statistic, e.df, style)}, {p_value(e.p, style)}"
                f"{f'; {adjusted}' if adjusted else ''})"
            )
        visits = [spoken(v) for v in result.told(VisitsCompared).visits]
        when = f" over {listed(visits)}" if len(visits) > 1 else f" at {listed(visits)}"
        tests = [
            f"{e.label} {p_value(e.p, style)}" if not e.reason else f"{e.label} not tested"
            for e in result.estimates
            if isinstance(e.part, Effects)
        ]
        effects = f" Greenhouse-Geisser tests: {'; '.join(tests)}." if tests else ""
        who = f"{counts.analysed} of {plural(counts.enrolled, 'patient')}"
        return (
            f"Within patients, the mean difference in {outcome.title}{when} was"
            f" {'; '.join(parts)}; {who}{lower_is_better(outcome)}.{effects}"
        )

    def methods_text(self) -> str:
        return (
            f"Conditions ({spoken(self.condition)}) were compared within patients by paired t-tests"
            " of the patients' means, with Holm's method for several conditions; with several"
            " visits also by repeated-measures analysis of variance with condition and visit as"
            " factors within patients, Greenhouse-Geisser corrected."
        )
