"""Several scores, before and after, in the same patients, tested together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import moved
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, REASONS, Estimate
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, listed, number, p_value, spoken
from outcomes.stats.multiplicity import adjust
from outcomes.stats.paired.effect_sizes import Standardised, paired_effects
from outcomes.stats.paired.location import changes, mean_change
from outcomes.stats.paired.repeated_measures import hotelling_of
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class HotellingT2(Analysis):
    """Did the profile of several scores change between two visits of the same patients?

    Hotelling's T² of the mean changes: one test that no score changed, whatever the correlation of
    the changes; F = T²(n−p)/(p(n−1)) with p and n−p degrees of freedom for p scores of n patients.
    Beside it the mean change of each score with its t interval, the paired t-test and its P with
    Holm's adjustment over the scores. Only patients with all the scores at both visits take part,
    so that n must be above p; who is left out is counted.

    A small P says that some score, or some combination of them, changed; not which, and not in
    which direction: that is what the rows of the scores are for. Scores that are sums of one
    another cannot be tested together.

    `outcomes` defaults to every score with a change; ratings of change are left out. Raises
    AnalysisError for unknown names and fewer than two scores.

    References: Hotelling 1931 (doi 10.1214/aoms/1177732979).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcde" for _ in "12"],
    ...         "visit": ["pre", "post"] * 5,
    ...         "pain": [8, 3, 7, 4, 9, 2, 6, 6, 7, 6],
    ...         "sleep": [2, 6, 3, 5, 2, 8, 4, 5, 3, 5],
    ...     }
    ... )
    >>> measures = {
    ...     "pain": oc.Outcome("pain", "Pain", "lower"),
    ...     "sleep": oc.Outcome("sleep", "Sleep", "higher"),
    ... }
    >>> study = oc.Study(scores, visits=("pre", "post"), measures=measures)
    >>> e = oc.HotellingT2(before="pre", after="post").run(study).estimates[0]
    >>> round(e.value, 3), round(e.p, 4)
    (6.735, 0.0777)
    """

    outcomes: tuple[str, ...] = ()
    _: KW_ONLY
    before: str
    after: str

    short: ClassVar[str] = "Hotelling's T²"
    references: ClassVar[tuple[str, ...]] = (
        "Hotelling H. The generalization of Student's ratio. Ann Math Stat 1931;2:360-378.",
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues:
        names = self.outcomes or study.outcome_names
        return PatientValues.at(study, names, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        first, last = study.visit(self.before), study.visit(self.after)
        asked = [study.outcome(n) for n in self.outcomes or study.outcome_names]
        wide = {o: study.wide(o.name)[[first, last]] for o in asked if not o.of_change}
        if not self.outcomes:
            wide = {o: w for o, w in wide.items() if w.notna().all(axis=1).any()}
        if len(wide) < 2:
            raise AnalysisError(
                f"A profile needs two scores at both {spoken(first)} and {spoken(last)}; there is"
                f" {len(wide)}."
            )
        whole = np.logical_and.reduce([w.notna().all(axis=1).to_numpy() for w in wide.values()])
        pairs = {o: w.to_numpy(float)[whole] for o, w in wide.items()}
        n = int(whole.sum())
        test = hotelling_of(np.column_stack([changes(*x.T) for x in pairs.values()]))
        here = Contrast(visit=last, from_visit=first)
        rows = [replace(e, place=here) for e in self._changes(pairs)]
        left = len(whole) - n
        names = tuple(wide)
        return Result(
            self,
            (
                test.test.estimate("all scores together", how=test.words),
                *rows,
            ),
            Counts(study.enrolled, n, (("not all scores at both visits", left),) if left else ()),
            data={"forest": _improvements(pairs, self.level)},
            pictures=("forest",),
            detail=Profile(names, test.t2),
            axis=ValueAxis("improvement in SDs of the change", better="higher"),
        )

    def _changes(self, pairs: dict[Outcome, np.ndarray]) -> Iterator[Estimate]:
        rows = [
            replace(
                mean_change(*x.T, level=self.level),
                name=f"mean change, {o.title}",
                unit=o.unit,
            )
            for o, x in pairs.items()
        ]
        for e, p in zip(rows, adjust([e.p for e in rows]), strict=True):
            yield replace(e, p_adjusted=p, adjusted_by=("Holm", f"over the {len(rows)} scores"))

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or the two visits."""
        return self.label or (
            f"Scores together, {spoken(self.before)} to {spoken(self.after)}: {self.short}"
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        told, test, rows = result.told(Profile), result.estimates[0], result.estimates[1:]
        who = f"n={result.counts.analysed} of {result.counts.enrolled}"
        lead = (
            f"The profile of {listed([o.title for o in told.scores])} from {spoken(self.before)} to"
            f" {spoken(self.after)}"
        )
        if test.reason:
            return f"{lead} cannot be tested: {REASONS[test.reason]} ({who})."
        equals, k = (" = ", 2) if style == "apa" else ("=", 1)
        parts = []
        for o, e in zip(told.scores, rows, strict=True):
            digits = digits_for(o.resolution)
            limits = (
                REASONS[e.reason]
                if e.reason
                else f"{interval(e.low, e.high, digits, level=e.level)}; Holm"
                f" {p_value(e.p_adjusted, style)}"
            )
            parts.append(
                f"{o.title} {number(e.value, digits)} {o.unit}".rstrip()
                + f" ({limits}){moved(o, e, digits)}"
            )
        return (
            f"{lead}: Hotelling's T²{equals}{number(told.t2, k)}, F({test.df:.4g},"
            f" {test.df2:.4g}){equals}{number(test.value, k)}, {p_value(test.p, style)} ({who})."
            f" Mean change: {'; '.join(parts)}."
        )

    def methods_text(self) -> str:
        return (
            "The changes of several scores were tested together by Hotelling's T² in patients with"
            " all of them, each score by a paired t-test with Holm's adjustment over the scores."
        )


@dataclass(frozen=True)
class Profile:
    """The scores that were tested together, in the order of their rows, and T²."""

    scores: tuple[Outcome, ...]
    t2: float


def _improvements(pairs: dict[Outcome, np.ndarray], level: float) -> pd.DataFrame:
    """The change of each score in SDs of the change (d_z), turned so that above 0 is better."""
    rows = []
    for o, x in pairs.items():
        d = next(e for e in paired_effects(*x.T, level=level) if e.part is Standardised.D_Z)
        if o.better != "higher":
            d = replace(d, value=-d.value, low=-d.high, high=-d.low)
        rows.append((o.title, d if o.better else replace(d, value=NAN, low=NAN, high=NAN)))
    return forest_frame(rows)
