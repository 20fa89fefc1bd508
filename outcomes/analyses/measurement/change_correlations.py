"""How the changes of several scores go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from itertools import combinations
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, spoken
from outcomes.stats.paired.correlation import pearson
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class ChangeCorrelations(Analysis):
    """Which scores changed together?

    Pearson's r of the changes of each two scores between two visits, with Fisher's z interval, over
    the patients who have both scores at both visits (each pair of scores has its own n). `outcomes`
    defaults to every score with a change; ratings of change are left out. A score where higher is
    better is turned, so that a positive r means that patients who improved by one score improved by
    the other.

    Scores that share questions (a total and its parts) go together by construction. A correlation
    says neither that one change caused the other nor that either is an effect of the treatment.

    Raises AnalysisError where fewer than two scores have a change.

    References: Fisher 1921 (Metron 1:3).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcde" for _ in "12"],
    ...         "visit": ["pre", "post"] * 5,
    ...         "pain": [8, 3, 7, 4, 9, 2, 6, 6, 7, 6],
    ...         "sleep": [2, 6, 3, 5, 2, 8, 4, 4, 3, 5],
    ...     }
    ... )
    >>> measures = {
    ...     "pain": oc.Outcome("pain", "Pain", "lower"),
    ...     "sleep": oc.Outcome("sleep", "Sleep", "higher"),
    ... }
    >>> study = oc.Study(scores, visits=("pre", "post"), measures=measures)
    >>> result = oc.ChangeCorrelations(before="pre", after="post").run(study)
    >>> round(result["correlation of changes, Pain and Sleep"].value, 2)
    0.96
    """

    outcomes: tuple[str, ...] = ()
    _: KW_ONLY
    before: str
    after: str

    #: it claims no change, so no note on a missing control group
    comparative: ClassVar[bool] = True
    short: ClassVar[str] = "correlation of changes"

    def needs(self, study: Study | PartitionedStudy) -> PatientValues:
        names = self.outcomes or study.outcome_names
        return PatientValues.at(study, names, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        first, last = study.visit(self.before), study.visit(self.after)
        meanings = [study.outcome(n) for n in self.outcomes or study.outcome_names]
        meanings = [m for m in dict.fromkeys(meanings) if not m.of_change]
        changes = {m: _change(study, m, first, last) for m in meanings}
        changes = {m: x for m, x in changes.items() if not np.isnan(x).all()}
        if len(changes) < 2:
            raise AnalysisError(
                "Correlations of changes need two scores at both"
                f" {spoken(first)} and {spoken(last)}; there is {len(changes)}."
            )
        at = Contrast(visit=last, from_visit=first)
        rows = tuple(replace(e, place=at) for e in _rows(changes, self.level))
        names = [m.title for m in changes]
        table = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
        for (a, b), e in zip(combinations(names, 2), rows, strict=True):
            table.loc[a, b] = table.loc[b, a] = e.value
        seen = (~np.isnan(np.column_stack(list(changes.values())))).sum(axis=1) > 1
        left = len(seen) - int(seen.sum())
        counts = Counts(
            len(seen), int(seen.sum()), ((("fewer than two changes", left),) if left else ())
        )
        return Result(
            self,
            rows,
            counts,
            data={"correlations": table},
            pictures=("correlations",),
            detail=ScorePairs(tuple(combinations(names, 2))),
        )

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or the two visits."""
        return self.label or (
            f"Changes from {spoken(self.before)} to {spoken(self.after)}: correlations"
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        pairs = zip(result.told(ScorePairs).pairs, result.estimates, strict=True)
        known = [(e, pair) for pair, e in pairs if not np.isnan(e.value)]
        who = f"n={result.counts.analysed} of {result.counts.enrolled}"
        if not known:
            return f"No correlation of changes can be estimated ({who})."
        top, (one, other) = max(known, key=lambda x: abs(x[0].value))
        limits = "" if np.isnan(top.low) else f", {interval(top.low, top.high, 2, level=top.level)}"
        return (
            f"Of {len(result.estimates)} {'pair' if len(result.estimates) == 1 else 'pairs'} of"
            f" scores the changes of {one} and {other} went together most:"
            f" r={number(top.value, 2)}{limits} ({who})."
        )

    def methods_text(self) -> str:
        return (
            "Changes of each two scores were correlated (Pearson's r, Fisher's z interval) over the"
            " patients with both; scores where higher is better were turned."
        )


@dataclass(frozen=True)
class ScorePairs:
    """The titles of the two scores of each row."""

    pairs: tuple[tuple[str, str], ...]


def _change(study: Study, outcome: Outcome, first: str, last: str) -> np.ndarray:
    wide = study.wide(outcome.name)
    change = (wide[last] - wide[first]).to_numpy(float)
    return -change if outcome.better == "higher" else change


def _rows(changes: dict[Outcome, np.ndarray], level: float) -> Iterator[Estimate]:
    for (a, x), (b, y) in combinations(changes.items(), 2):
        both = ~np.isnan(x) & ~np.isnan(y)
        name = f"correlation of changes, {a.title} and {b.title}"
        e = pearson(x[both], y[both], level=level, name=name)
        yield replace(e, n=int(both.sum()))
