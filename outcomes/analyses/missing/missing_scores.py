"""Missing scores laid open: who, when, and whether they differed at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import nan
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.longitudinal.longitudinal_data import asked_visits
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import listed, share_of, spoken
from outcomes.stats.missing import patterns as missingness
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class MissingScores(Analysis):
    """Who is missing, when, and were they different at the start?

    The number seen at each visit with the fixed denominator (all enrolled) and the variable one
    (those with a baseline); complete, monotone and intermittent patterns; baseline of those seen
    against those not, at each visit. Little's test of missing completely at random only on request
    (`little=True`): its power is low and a large p proves nothing.

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame({"patient": list("abcd"), "w0": [7, 6, 8, 5], "w4": [4, 3, None, 5]})
    >>> study = oc.Study(
    ...     wide.melt("patient", var_name="visit", value_name="pain"),
    ...     visits=("w0", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> oc.MissingScores("pain").run(study)["share observed | w4"].value
    0.75
    """

    outcome: str
    _: KW_ONLY
    visits: Sequence[str] = ()
    little: bool = False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.SHOWS_MISSING, Trait.RATINGS})
    short: ClassVar[str] = "missing scores"
    comparative: ClassVar[bool] = True

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome)

    def compute(self, study: Study) -> Result:
        wide = study.wide(self.outcome)
        visits = tuple(study.visit(v) for v in self.visits) or asked_visits(study, self.outcome)
        scores = wide[list(visits)].to_numpy(float)
        found, base = missingness.patterns(scores), scores[:, 0]
        seen = ~np.isnan(scores)
        n, started = len(scores), int(seen[:, 0].sum())
        rows = [
            Estimate(
                "share observed",
                float(s.mean()) if n else nan,
                visit=v,
                unit="share",
                measure=Measure.SHARE,
            )
            for v, s in zip(visits, seen.T)
        ]
        rows += [
            Estimate(
                "share observed of those with a baseline",
                float(s[seen[:, 0]].mean()) if started else nan,
                visit=v,
                unit="share",
                reason="" if started else "too_few",
                measure=Measure.SHARE,
            )
            for v, s in zip(visits[1:], seen.T[1:])
        ]
        unit = study.outcome(self.outcome).unit
        both = missingness.stayers_and_leavers(base, seen[:, 1:], visits[1:])
        rows += [replace(e, unit=unit) for e in both]
        if self.little:
            rows.append(missingness.little_mcar(scores))
        never = [spoken(v) for v in study.visits if v not in visits] if not self.visits else []
        notes = (
            (f"Nobody has this score at {listed(never)}: it is not counted as missing there.",)
            if never
            else ()
        )
        counts = Counts(n, n)
        staircase = pd.DataFrame(found.shapes, columns=list(visits)).assign(n=found.counts)
        return Result(
            self,
            tuple(rows),
            counts,
            study.outcome(self.outcome),
            notes,
            {"staircase": staircase},
            ("staircase",),
            detail=Patterns(found.complete, found.monotone, found.intermittent, visits),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        n, told = result.counts.enrolled, result.told(Patterns)
        last, title = told.visits[-1], result.outcome.title
        share = result.select(measure=Measure.SHARE, visit=last)[0].value
        seen = round(share * n) if n else 0
        return (
            f"{title[:1].upper()}{title[1:]}: {share_of(told.complete, n)} patients had every"
            f" score, {told.left} left and did not return, {told.returned} missed a visit"
            f" in between; {share_of(seen, n)} had a score at {spoken(last)}."
        )

    def methods_text(self) -> str:
        little = ", and Little's test" if self.little else ""
        return (
            "What is missing is shown by visit and by pattern, with the mean baseline of those"
            f" with and without a score at each visit{little}; no such display can tell whether"
            " scores are missing at random."
        )


@dataclass(frozen=True)
class Patterns:
    """Patients with every score, who left and did not return, and who missed a visit in between; at
    these visits.
    """

    complete: int
    left: int
    returned: int
    visits: tuple[str, ...]
