"""One score, before and after, in the same patients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import moved
from outcomes.analyses.question import Analysis
from outcomes.analyses.shared_cells import Gate, QuestionSums, added, cells_of, products_of
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Contrast
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import Frames
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, p_value, plural, spoken, statistic
from outcomes.stats.mixed.cross_products import summarise
from outcomes.stats.paired.effect_sizes import (
    Moments,
    Standardised,
    effects_of,
    moments,
    moments_of_sums,
)
from outcomes.stats.paired.location import (
    has_percentages,
    mean_change_of,
    percent_change,
    percent_of_means,
    shapiro_wilk,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Pairs, Study
from outcomes.study.sums import PatientValues

NO_MEDIAN = "The median of the patients' changes in percent does not follow from sums."


@dataclass(frozen=True)
class PairedT(Analysis):
    """Did the score change between two visits of the same patients?

    Mean change d̄ of after − before with its t interval d̄ ± t(n−1)·s_d/√n and the paired t-test;
    the change in units of the average SD, d_av = d̄/√((s₁²+s₂²)/2), with Bonett's interval; d_z =
    d̄/s_d and the Hedges-corrected forms (J exact, by the gamma function). Assumes independent
    patients and a roughly normal mean of the changes. It is the change of those observed at both
    visits, not an effect of treatment where there is no control group.

    `outcome` is a score's name, `before` and `after` are visits. `normality=True` adds the
    Shapiro-Wilk test of the changes: to be looked at, it decides nothing. Raises AnalysisError for
    unknown names.

    References: Student 1908 (doi 10.1093/biomet/6.1.1); Bonett 2008 (doi
    10.1037/1082-989X.13.2.99); Hedges 1981 (doi 10.3102/10769986006002107).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": ["a", "a", "b", "b", "c", "c"],
    ...         "visit": ["pre", "post"] * 3,
    ...         "pain": [7.0, 5, 6, 5, 8, 4],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.PairedT("pain", before="pre", after="post").run(study)["mean change"].value
    -2.3333333333333335
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    normality: bool = False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.LINEAR})
    short: ClassVar[str] = "paired t-test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Bonett DG. Confidence intervals for standardized linear contrasts of means. Psychol"
            " Methods 2008;13:99-109."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        before, after = pairs.tally.values.T
        found = moments(before, after, pairs.tally.weights)
        made = self.of_moments(found, pairs.counts, pairs.outcome)
        percentages = _percentages(pairs, self._place)
        w = pairs.tally.weights
        tests = (shapiro_wilk(before, after, weights=w),) if self.normality else ()
        return replace(
            made,
            estimates=(*made.estimates, *percentages, *tests),
            notes=at_zero(int((pairs.before == 0).sum()), self.before) if percentages else (),
            data=pairs_data(pairs),
            pictures=("slopes",),
        )

    @property
    def _place(self) -> Contrast:
        return Contrast(visit=self.after, from_visit=self.before)

    @property
    def shareable(self) -> bool:
        """A mean change follows from sums."""
        return True

    def sums_to_share(self, study: Study, gate: Gate) -> QuestionSums:
        """The sums and products of the scores of patients with both."""
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        visits = (self.before, self.after)
        scores = np.column_stack([pairs.before, pairs.after])
        grid = pd.DataFrame(scores, index=pairs.patients, columns=list(visits))
        alike = np.zeros(len(grid), dtype=np.int64)
        kept, cells, out = cells_of(gate, pairs.outcome, grid, scores, alike)
        ones = np.ones((len(kept), 1))
        whole = summarise(scores[kept], ones, visits=visits, features=("intercept",))
        return products_of(self.to_dict(), pairs.outcome, whole, cells, gate.bounds(out))

    def of_sums(self, parts: Sequence[QuestionSums], outcome: Outcome, study: Study) -> Result:
        """The answer from the sums of several clinics."""
        total = added(parts)
        n, g = total.n_patients, total.gram.sum(axis=0)
        first, last = float(g[0, 0, 0, 1]), float(g[1, 1, 0, 1])
        m = moments_of_sums(n, first, last, g[:, :, 1, 1])
        made = self.of_moments(m, Counts(n, n), outcome)
        if outcome.low != 0 or not m.mean_before > 0:
            return made
        of_means = replace(percent_of_means(m.mean_before, m.mean_after), place=self._place)
        return replace(made, estimates=(*made.estimates, of_means), notes=(NO_MEDIAN,))

    def of_moments(self, m: Moments, counts: Counts, outcome: Outcome) -> Result:
        """The answer from the moments of the scores, which are all that it needs."""
        unit, said = outcome.unit, (spoken(self.before), spoken(self.after))
        change = mean_change_of(m.n, m.mean, m.sd_change, level=self.level)
        means = (
            _mean(m.n, m.mean_before, m.sd_before, f"mean {said[0]}", unit, self.before),
            _mean(m.n, m.mean_after, m.sd_after, f"mean {said[1]}", unit, self.after),
        )
        estimates = (
            replace(_in(change, unit), place=self._place),
            *means,
            *effects_of(m, level=self.level),
        )
        return Result(
            self,
            estimates,
            counts,
            outcome,
            detail=Spread(m.sd_before, m.sd_after),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts, change = result.outcome, result.counts, result.estimates[0]
        assert outcome is not None
        if counts.analysed == 0:
            return (
                f"No patient of {counts.enrolled} has {outcome.title} at both {spoken(self.before)}"
                f" and {spoken(self.after)}."
            )
        k = digits_for(outcome.resolution)
        before, after = result.estimates[1].value, result.estimates[2].value
        sds, first, second = result.told(Spread), "", ""
        if counts.analysed > 1:
            first, second = f" (SD {number(sds.before, k)})", f" ({number(sds.after, k)})"
        means = (
            f"Mean {outcome.title} was {number(before, k)}{first} at {spoken(self.before)} and"
            f" {number(after, k)}{second} at {spoken(self.after)}"
        )
        who = f"n={counts.analysed} of {counts.enrolled}"
        if change.reason:
            return (
                f"{means} (mean change {number(change.value, k)}; no interval: {_why(change)};"
                f" {who})."
            )
        tested = f"{statistic('t', change.statistic, change.df, style)}, {p_value(change.p, style)}"
        d = result.select(part=Standardised.D_AV)[0]
        size = f"{d.said} {number(d.value, 2)}, {interval(d.low, d.high, 2, level=d.level)}"
        return (
            f"{means} (mean change {number(change.value, k)},"
            f" {interval(change.low, change.high, k, level=change.level)}; {tested}; {size};"
            f" {who}){moved(outcome, change, k)}."
        )

    def methods_text(self) -> str:
        return (
            "Change is after minus before in patients with both scores, with a t interval"
            f" ({100 * self.level:g}%) and a paired t-test; the standardised change is divided by"
            " the average of the two SDs, with Bonett's interval."
        )


def pairs_frame(pairs: Pairs) -> pd.DataFrame:
    """Before, after and change of each analysed patient, without ids: what the slope picture
    draws.
    """
    return pairs.frame.copy(
        deep=False
    )  # shared by the questions about these pairs; pandas copies on writing


def pairs_data(pairs: Pairs) -> Frames:
    """The frame of the pairs, made when a picture reads it."""
    return Frames({"pairs": partial(pairs_frame, pairs)})


def _percentages(pairs: Pairs, place: Contrast) -> list[Estimate]:
    """The change in percent, of the means and the median of the patients: a summary beside the
    change, without interval or test. None where a percentage of the score means nothing.
    """
    if not has_percentages(pairs.before, pairs.outcome.low):
        return []
    of_means, _, median, *_ = percent_change(pairs.before, pairs.after)
    return [replace(of_means, place=place), replace(median, place=place)]


def at_zero(none: int, visit: str) -> tuple[str, ...]:
    """A note on the patients whose score before was 0, who have no change in percent."""
    if not none:
        return ()
    return (
        f"{plural(none, 'patient')} with a score of 0 at {spoken(visit)}"
        f" {'has' if none == 1 else 'have'} no change in percent, and"
        f" {'is' if none == 1 else 'are'} left out of its median.",
    )


def _mean(n: int, mean: float, sd: float, name: str, unit: str, visit: str) -> Estimate:
    at = Contrast(visit=visit)
    if n == 0:
        return Estimate(name, np.nan, unit=unit, measure=Measure.LEVEL, place=at, reason="too_few")
    se = sd / math.sqrt(n) if n > 1 else np.nan
    return Estimate(name, mean, se=se, unit=unit, place=at, measure=Measure.LEVEL)


def _in(estimate: Estimate, unit: str) -> Estimate:
    return replace(estimate, unit=unit)


def _why(estimate: Estimate) -> str:
    return REASONS[estimate.reason]


@dataclass(frozen=True)
class Spread:
    """The SDs of the scores before and after."""

    before: float
    after: float
