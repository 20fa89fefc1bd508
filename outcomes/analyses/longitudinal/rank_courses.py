"""Several visits of the same patients, compared by ranks within each patient: Quade and Page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.longitudinal.rm_anova import (
    LISTWISE,
    VisitsCompared,
    complete_cases,
    removed,
)
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, REASONS, Estimate
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, listed, number, p_value, spoken
from outcomes.stats.paired.repeated_measures import page, quade
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class Quade(Analysis):
    """Do the scores differ between several visits, if patients whose scores vary more count more?

    Quade's test: the scores are ranked within each patient as in `Friedman`, and weighted by the
    rank of the patient's range. F with k−1 and (n−1)(k−1) degrees of freedom. It is more powerful
    than Friedman's test with three to five visits; it takes the patients' ranges as comparable,
    which Friedman's does not. Only patients with every visit take part, and the count that this
    removed is said. A test of "any difference": it does not say by how much.

    `visits` defaults to all at which anybody has the score. Raises AnalysisError for unknown visits
    or fewer than two.

    References: Quade 1979 (doi 10.1080/01621459.1979.10481670).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcd" for _ in range(3)],
    ...         "visit": ["pre", "w1", "w4"] * 4,
    ...         "pain": [7, 5, 4, 6, 6, 5, 8, 5, 5, 7, 4, 3],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "w1", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> e = oc.Quade("pain").run(study).estimates[0]
    >>> round(e.value, 2), round(e.p, 4)
    (9.28, 0.0146)
    """

    outcome: str
    _: KW_ONLY
    visits: tuple[str, ...] = ()

    short: ClassVar[str] = "Quade test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Quade D. Using weighted rankings in the analysis of complete blocks with additive"
            " block effects. J Am Stat Assoc 1979;74:680-683."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome)

    def compute(self, study: Study) -> Result:
        wide, visits, counts = complete_cases(study, self.outcome, self.visits)
        outcome = study.outcome(self.outcome)
        return Result(
            self,
            (quade(wide.to_numpy()).estimate("Quade F"), *_medians(wide, outcome)),
            counts,
            outcome,
            (LISTWISE,),
            {"repeated": wide.reset_index(drop=True)},
            ("raincloud",),
            detail=VisitsCompared(visits),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        test, lead = result.estimates[0], _lead(result)
        if test.reason:
            return f"{lead}: no Quade test, {REASONS[test.reason]}; {removed(result.counts)}."
        equals, k = (" = ", 2) if style == "apa" else ("=", 1)
        return (
            f"{lead}: {_medians_said(result)}; Quade F({test.df:.4g}, {test.df2:.4g}){equals}"
            f"{number(test.value, k)}, {p_value(test.p, style)}; {removed(result.counts)}."
        )

    def methods_text(self) -> str:
        return "Visits were compared by Quade's test, in patients with every visit."


#: Whether a rise or a fall is looked for -> the sign that turns scores so that they should rise.
TRENDS: Mapping[str, int] = {"rise": 1, "fall": -1}


@dataclass(frozen=True)
class PageTrend(Analysis):
    """Do the scores rise (or fall) step by step over the visits, in the order they are named?

    Page's test for an ordered alternative: the scores are ranked within each patient, L = Σ j·R_j
    over the visits j, with the normal approximation, one-sided for the `trend` that is named:
    "rise" or "fall" (default: towards the better side of the score). Beside it the mean over
    patients of the rank correlation of their scores with the order of the visits (−1: all fall at
    every step, 1: all rise). Only patients with every visit take part, and the count that this
    removed is said.

    A test in one direction has no power against a change the other way, and a course that first
    falls and then rises back has no trend. No correction for ties, which makes it conservative.

    `visits` is the order that is looked for (default: all visits at which anybody has the score).
    Raises AnalysisError for unknown visits, fewer than two, or no `trend` where the score has no
    better side.

    References: Page 1963 (doi 10.1080/01621459.1963.10500843).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcd" for _ in range(3)],
    ...         "visit": ["pre", "w1", "w4"] * 4,
    ...         "pain": [7, 5, 4, 6, 6, 5, 8, 5, 5, 7, 4, 3],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "w1", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> e = oc.PageTrend("pain").run(study).estimates[0]
    >>> e.value, round(e.p, 4)
    (55.0, 0.0067)
    """

    outcome: str
    _: KW_ONLY
    visits: tuple[str, ...] = ()
    trend: str = ""

    short: ClassVar[str] = "Page trend test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Page EB. Ordered hypotheses for multiple treatments: a significance test for linear"
            " ranks. J Am Stat Assoc 1963;58:216-230."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trend and self.trend not in TRENDS:
            raise AnalysisError(unknown("trend", self.trend, TRENDS))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome)

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        trend = self.trend or {"lower": "fall", "higher": "rise"}.get(outcome.better, "")
        if not trend:
            raise AnalysisError(
                f'{outcome.title} has no better side: say trend="rise" or trend="fall".'
            )
        wide, visits, counts = complete_cases(study, self.outcome, self.visits)
        y, sign = wide.to_numpy(), TRENDS[trend]
        test = page(sign * y)
        return Result(
            self,
            (
                replace(
                    test,
                    name="Page L",
                    how=f"normal approximation, no tie correction, one-sided for a {trend}",
                ),
                _order(test, len(y), y.shape[1], sign),
                *_medians(wide, outcome),
            ),
            counts,
            outcome,
            (LISTWISE,),
            {"repeated": wide.reset_index(drop=True)},
            ("raincloud",),
            detail=TrendOverVisits(visits, trend),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        test, order, lead = *result.estimates[:2], _lead(result)
        if test.reason:
            return f"{lead}: no Page test, {REASONS[test.reason]}; {removed(result.counts)}."
        equals = " = " if style == "apa" else "="
        return (
            f"{lead}: {_medians_said(result)}; one-sided test of a steady"
            f" {result.told(TrendOverVisits).trend} (Page), z{equals}{number(test.statistic, 2)},"
            f" {p_value(test.p, style)}; mean rank correlation with the order of the visits"
            f" {number(order.value, 2)}; {removed(result.counts)}."
        )

    def methods_text(self) -> str:
        return (
            f"A steady {self.trend or 'improvement'} over the visits was tested by Page's test"
            " (one-sided), in patients with every visit."
        )


@dataclass(frozen=True)
class TrendOverVisits(VisitsCompared):
    """With the trend that was looked for, "rise" or "fall"."""

    trend: str


def _order(test: Estimate, n: int, k: int, sign: int) -> Estimate:
    """The mean over patients of the rank correlation of scores and visits: 12L/(nk(k²−1)) −
    3(k+1)/(k−1) of scores that rise, turned back.
    """
    value = 12 * test.value / (n * k * (k * k - 1)) - 3 * (k + 1) / (k - 1) if n else NAN
    how = "mean over patients of the rank correlation of scores and visits"
    return Estimate(
        "rank correlation with the order of visits",
        sign * value,
        how=how,
        reason=test.reason,
        measure=Measure.RANK_EFFECT,
    )


def _medians(wide: pd.DataFrame, outcome: Outcome) -> list[Estimate]:
    """The median score at each visit."""
    return [
        Estimate(
            f"median {spoken(visit)}",
            float(np.median(wide[visit])) if len(wide) else NAN,
            unit=outcome.unit,
            place=Contrast(visit=visit),
            reason="" if len(wide) else "too_few",
            measure=Measure.LEVEL,
        )
        for visit in wide.columns
    ]


def _lead(result: Result) -> str:
    outcome = result.outcome
    assert outcome is not None
    title = outcome.title[:1].upper() + outcome.title[1:]
    return f"{title} at {listed([spoken(v) for v in result.told(VisitsCompared).visits])}"


def _medians_said(result: Result) -> str:
    """'medians 7.0, 5.0 and 4.5'."""
    assert result.outcome is not None
    k = digits_for(result.outcome.resolution)
    rows = result.select(measure=Measure.LEVEL)
    return f"medians {listed([number(e.value, k) for e in rows if not math.isnan(e.value)])}"
