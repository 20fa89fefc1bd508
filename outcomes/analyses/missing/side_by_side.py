"""Analyses that treat the missing scores differently, side by side; and what a question brings with
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import reduce
from math import isnan
from operator import or_
from typing import ClassVar

import numpy as np

from outcomes.analyses.missing.missing_scores import MissingScores
from outcomes.analyses.missing.reference_based import ReferenceBased
from outcomes.analyses.missing.tipping_point import TippingPoint
from outcomes.analyses.missing.wrapper import _Wrapper
from outcomes.analyses.question import Analysis, from_dict
from outcomes.analyses.traits import Trait
from outcomes.core.direction import below_level
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, listed, number
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class SideBySide(Analysis):
    """Do analyses that treat the missing scores differently agree?

    Any questions (a paired t-test, a mixed model, imputed, reference-based, carried forward …)
    about the same quantity, the first the reference; one estimate of each in a forest. `terms`
    names the estimate of each (default: its first).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefgh"),
    ...         "w0": [7, 6, 8, 5, 8, 7, 6, 9],
    ...         "w4": [4, 3, 6, 5, None, 6, 4, None],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     wide.melt("patient", var_name="visit", value_name="pain"),
    ...     visits=("w0", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> paired = oc.PairedT("pain", before="w0", after="w4")
    >>> result = oc.SideBySide(
    ...     (paired, oc.Imputed(paired, draws=10, seed=1), oc.Imputed(paired, method="bocf"))
    ... ).run(study)
    >>> [round(e.value, 2) for e in result.estimates][0::2]
    [-1.83, -1.38]
    """

    questions: Sequence[Analysis]
    _: KW_ONLY
    terms: Sequence[str] = ()

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.HANDLES_MISSING})
    short: ClassVar[str] = "analyses side by side"
    comparative: ClassVar[bool] = True

    def __post_init__(self) -> None:
        made = tuple(from_dict(q) if isinstance(q, Mapping) else q for q in self.questions)
        object.__setattr__(self, "questions", made)
        super().__post_init__()
        if not made or (self.terms and len(self.terms) != len(made)):
            raise AnalysisError(
                "SideBySide needs at least one question, and as many terms as questions where it"
                " names them."
            )

    @property
    def outcome(self) -> str:
        """The score of the first question."""
        return str(getattr(self.questions[0], "outcome", ""))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        asked = [q.needs(study) for q in self.questions]
        known = [n for n in asked if isinstance(n, PatientValues)]
        return reduce(or_, known) if known and len(known) == len(asked) else None

    def compute(self, study: Study) -> Result:
        terms = tuple(self.terms) or ("",) * len(self.questions)
        results = [q.compute(study) for q in self.questions]
        names = [q.title(r.outcome) for q, r in zip(self.questions, results)]
        rows = tuple(
            replace(r[t] if t else r.estimates[0], name=n, group="", visit="")
            for r, t, n in zip(results, terms, names)
        )
        first = results[0]
        signs = {np.sign(e.value) for e in rows if not isnan(e.value)}
        verdicts = {below_level(e.p, self.level) for e in rows if not isnan(e.p)}
        forest = forest_frame(((e.name, e) for e in rows), lambda e: e is rows[0])
        notes = tuple(dict.fromkeys(n for r in results for n in r.notes))
        return Result(
            self,
            rows,
            first.counts,
            first.outcome,
            notes,
            {"forest": forest},
            ("forest",),
            detail=Agreement(len(signs) == 1 and len(verdicts) <= 1, bool(verdicts)),
            axis=ValueAxis(rows[0].unit or "estimate"),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k = digits_for(result.outcome.resolution)
        told = result.told(Agreement)
        parts = [f"{e.name}: {_said(e, k)}" for e in result.estimates]
        agreed = (
            "All point the same way with the same verdict"
            if told.tested
            else "All point the same way; none has a test"
        )
        verdict = agreed if told.agree else "They do not all agree"
        known = sum(not isnan(e.value) for e in result.estimates)
        if known < 2:
            verdict = "Fewer than two have an estimate, so there is nothing to set side by side"
        elif known < len(parts):
            verdict = f"Of those with an estimate: {verdict[:1].lower()}{verdict[1:]}"
        return f"Side by side: {'; '.join(parts)}. {verdict}."

    def methods_text(self) -> str:
        titles = [q.short for q in self.questions]
        return (
            "The same question was asked in several ways, to see whether the answer depends on the"
            f" method: {listed(titles)}."
        )


def _said(e: Estimate, k: int) -> str:
    """'−2.7 (95% CI, −3.5 to −2.0)', or why there is no estimate."""
    if isnan(e.value):
        return f"no estimate ({REASONS[e.reason]})" if e.reason else "no estimate"
    if isnan(e.low):
        return number(e.value, k)
    return f"{number(e.value, k)} ({interval(e.low, e.high, k, level=e.level)})"


def companions(question: Analysis, study: Study, *, over: float = 0.1) -> tuple[Analysis, ...]:
    """The sensitivity analyses a question brings with it: its tipping point, where more than 10% of
    its scores are missing.

    A question without a visit to be missing at (or one that deals with missing scores itself) has
    none.
    """
    name = str(getattr(question, "outcome", "") or "")
    if not name or isinstance(question, (_Wrapper, ReferenceBased, MissingScores, SideBySide)):
        return ()
    visits = [v for v in (getattr(question, "before", ""), getattr(question, "after", "")) if v]
    if hasattr(question, "covariance"):
        visits = [study.baseline, *(getattr(question, "visits", ()) or study.visits)]
    scores = study.wide(name)[list(dict.fromkeys(visits))]
    if scores.empty or float(scores.isna().to_numpy().mean()) <= over:
        return ()
    return (TippingPoint(question, role="sensitivity", family=question.family),)


@dataclass(frozen=True)
class Agreement:
    """Whether all answers have the same side and verdict, and whether any was tested."""

    agree: bool
    tested: bool
