"""How repeatable a score is in patients who did not change, and how well two scores agree."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.paired.mean_change import pairs_data
from outcomes.analyses.paired.ranks import nobody
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import capital, digits_for, interval, number, p_value, spoken
from outcomes.stats.individual.agreement import agreement, within_patient_error
from outcomes.stats.individual.reliable_change import icc
from outcomes.stats.paired.location import mean_change
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class TestRetest(Analysis):
    """How repeatable is this score when nothing has changed?

    Two visits between which patients are taken to be stable, such as two baselines before
    treatment. Reliability is the intraclass correlation of single scores: ICC(A,1), absolute
    agreement in a two-way random model, counts a shift between the visits as error; ICC(C,1),
    consistency, does not. Measurement error is the SEM, s_d/√2 (s_d the SD of the changes), with
    the smallest change of one patient that exceeds it: MDC95 = 1.96·√2·SEM and MDC90. Intervals are
    McGraw and Wong's and, of SEM and MDC, from χ².

    The mean change between the visits is shown because a clear one means that something did change.
    Treated patients are no retest: their error and their response cannot be told apart. To ask it
    of the stable patients only, use `Among`. The ICC depends on how much patients differ, so it is
    that of this kind of patients; the SEM is in points of the score. `IndividualChange` takes the
    ICC as its `reliability`.

    References: McGraw & Wong 1996 (Psychol Methods 1:30); Weir 2005 (J Strength Cond Res 19:231);
    Bland & Altman 1996 (BMJ 313:744).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcdef" for _ in "12"],
    ...         "visit": ["screening", "baseline"] * 6,
    ...         "pain": [7, 7, 5, 6, 8, 8, 6, 5, 9, 9, 4, 5],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("screening", "baseline"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.TestRetest("pain", before="screening", after="baseline").run(study)
    >>> round(result["ICC(A,1)"].value, 2), round(result["MDC95"].value, 2)
    (0.92, 1.48)
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str

    #: pytest takes a class called Test… for one of tests
    __test__: ClassVar[bool] = False
    #: it claims no change, so no note on a missing control group
    comparative: ClassVar[bool] = True
    short: ClassVar[str] = "test-retest reliability (ICC, SEM, MDC)"
    references: ClassVar[tuple[str, ...]] = (
        (
            "McGraw KO, Wong SP. Forming inferences about some intraclass correlation coefficients."
            " Psychol Methods 1996;1:30-46."
        ),
        "Bland JM, Altman DG. Measurement error. BMJ 1996;313:744.",
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        table = np.column_stack([pairs.before, pairs.after])
        _, absolute, consistent, *_ = icc(table, level=self.level)
        unit, at = pairs.outcome.unit, Contrast(visit=self.after, from_visit=self.before)
        errors = within_patient_error(pairs.before, pairs.after, level=self.level)
        shift = mean_change(pairs.before, pairs.after, level=self.level)
        rows = (
            replace(absolute, name="ICC(A,1)", how=_joined("two-way random, agreement", absolute)),
            replace(consistent, name="ICC(C,1)", how=_joined("two-way, consistency", consistent)),
            *(replace(e, unit=unit) for e in errors),
            # a shift between two measurements is neither better nor worse for patients
            replace(shift, name="mean shift", unit=unit, place=at, measure=Measure.DIAGNOSTIC),
        )
        data = pairs_data(pairs)
        return Result(self, rows, pairs.counts, pairs.outcome, (), data, ("raincloud",))

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        absolute, _, sem, _, mdc, shift = result.estimates
        k, who = digits_for(outcome.resolution), f"n={counts.analysed} of {counts.enrolled}"
        visits = f"{spoken(self.before)} and {spoken(self.after)}"
        reliability = (
            f"no intraclass correlation, {REASONS[absolute.reason]}"
            if absolute.reason
            else f"ICC(A,1) {number(absolute.value, 2)}{_limits(absolute)}"
        )
        error = (
            f"no measurement error, {REASONS[sem.reason]}"
            if sem.reason
            else (f"SEM {number(sem.value, k + 1)}, MDC95 {number(mdc.value, k + 1)}")
        )
        return (
            f"{capital(outcome.title)} at {visits}, in patients taken to be stable: {reliability};"
            f" {error}{_shifted(shift, k, style)} (in {outcome.unit or 'points'}; {who})."
        )

    def methods_text(self) -> str:
        return (
            "Test-retest reliability is the intraclass correlation of single scores (ICC(A,1),"
            " two-way random model, absolute agreement, and ICC(C,1), consistency; McGraw and"
            " Wong's intervals); measurement error is the SEM from the SD of the differences, with"
            " MDC90 and MDC95."
        )


def _joined(what: str, e: Estimate) -> str:
    return f"{what}; {e.how}" if e.how else what


def _limits(e: Estimate) -> str:
    return "" if np.isnan(e.low) else f", {interval(e.low, e.high, 2, level=e.level)}"


def _shifted(shift: Estimate, k: int, style: str) -> str:
    if shift.reason:
        return ""
    limits = interval(shift.low, shift.high, k, level=shift.level)
    return f"; mean shift {number(shift.value, k)}, {limits}, {p_value(shift.p, style)}"


@dataclass(frozen=True)
class Agreement(Analysis):
    """How far apart are two scores of the same thing, patient by patient?

    Two columns on the same scale at one visit: pain by the patient and by the nurse, on paper and
    by telephone. Bland and Altman's bias (`other` − `outcome`) with its t interval, and the 95%
    limits of agreement d̄ ± 1.96·s_d, each with its interval: between them lie about 95% of single
    differences. Whether that is close enough is a clinical judgement, made before. Below: the slope
    of the difference on the mean (a difference that grows with the score), the ratio of the two
    variances (Pitman-Morgan), and ICC(A,1). A correlation says nothing about agreement and is not
    given.

    References: Bland & Altman 1986 (Lancet 327:307), 1999 (Stat Methods Med Res 8:135).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdef"),
    ...         "visit": "baseline",
    ...         "pain": [7, 5, 8, 6, 9, 4],
    ...         "by_nurse": [6, 5, 7, 6, 7, 4],
    ...     }
    ... )
    >>> measures = {
    ...     "pain": oc.Outcome("pain", "Pain", "lower"),
    ...     "by_nurse": oc.Outcome("by_nurse", "Pain by the nurse", "lower"),
    ... }
    >>> study = oc.Study(scores, visits=("baseline",), measures=measures)
    >>> result = oc.Agreement("pain", other="by_nurse").run(study)
    >>> [round(result[f"{side} limit of agreement"].value, 2) for side in ("lower", "upper")]
    [-2.27, 0.93]
    """

    outcome: str
    _: KW_ONLY
    other: str
    visit: str = ""

    #: it claims no change, so no note on a missing control group
    comparative: ClassVar[bool] = True
    short: ClassVar[str] = "agreement (Bland-Altman)"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Bland JM, Altman DG. Statistical methods for assessing agreement between two methods"
            " of clinical measurement. Lancet 1986;327:307-310."
        ),
        (
            "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods"
            " Med Res 1999;8:135-160."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.other == self.outcome:
            raise AnalysisError("Agreement compares two columns; other is the same as outcome.")

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, (self.outcome, self.other), (self.visit,))

    def compute(self, study: Study) -> Result:
        outcome, other = study.outcome(self.outcome), study.outcome(self.other)
        visit = study.visit(self.visit) if self.visit else _first_visit(study)
        x, y = (study.wide(name)[visit].to_numpy() for name in (self.outcome, self.other))
        both = ~np.isnan(x) & ~np.isnan(y)
        alone = int((~np.isnan(x) & np.isnan(y)).sum())
        neither = int(np.isnan(x).sum())
        left = (
            (f"no {outcome.title} at {spoken(visit)}", neither),
            (f"no {other.title} at {spoken(visit)}", alone),
        )
        counts = Counts(study.enrolled, int(both.sum()), tuple((w, n) for w, n in left if n))
        first, second = x[both], y[both]
        bias, lower, upper, slope, ratio = agreement(first, second, level=self.level)
        _, absolute, *_ = icc(np.column_stack([first, second]), level=self.level)
        at = Contrast(visit=visit)
        rows = tuple(
            replace(e, unit=outcome.unit if e.measure is not Measure.CORRELATION else "", place=at)
            for e in (bias, lower, upper, replace(absolute, name="ICC(A,1)"))
        ) + tuple(replace(e, place=at) for e in (slope, ratio))
        forest = pd.DataFrame(
            [
                {"label": e.name, "value": e.value, "low": e.low, "high": e.high, "main": e is bias}
                for e in (upper, bias, lower)
            ]
        )
        data = {
            "forest": forest,
            "agreement": pd.DataFrame({"mean": (first + second) / 2, "difference": second - first}),
            "limits": forest.drop(columns="main"),
        }
        return Result(
            self,
            rows,
            counts,
            outcome,
            (),
            data,
            ("agreement", "forest"),
            detail=ComparedScore(other.title),
            axis=ValueAxis(f"{other.title} minus {outcome.title}"),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts, other = result.outcome, result.counts, result.told(ComparedScore).title
        assert outcome is not None
        bias, lower, upper = result.estimates[:3]
        k, at = digits_for(outcome.resolution), spoken(bias.contrast.visit)
        who = f"n={counts.analysed} of {counts.enrolled}"
        if not counts.analysed:
            return f"No patient of {counts.enrolled} has both {outcome.title} and {other} at {at}."
        lead = f"At {at}, {other} minus {outcome.title} ({outcome.unit or 'points'}) was"
        lead = f"{lead} {number(bias.value, k)}"
        if bias.reason:
            return f"{lead} (no limits of agreement: {REASONS[bias.reason]}; {who})."
        return (
            f"{lead} on average ({interval(bias.low, bias.high, k, level=bias.level)}); 95% limits"
            f" of agreement {number(lower.value, k)} to {number(upper.value, k)} ({who})."
        )

    def methods_text(self) -> str:
        return (
            "Agreement is described by Bland and Altman's bias and 95% limits of agreement, each"
            f" with a {100 * self.level:g}% interval, the slope of the difference on the mean, the"
            " ratio of variances (Pitman-Morgan) and ICC(A,1)."
        )


def _first_visit(study: Study) -> str:
    if not study.visits:
        raise AnalysisError("The study declares no visit: add visits.")
    return study.baseline or study.visits[0]


@dataclass(frozen=True)
class ComparedScore:
    """The title of the score that the first is compared with."""

    title: str
