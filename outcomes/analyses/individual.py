"""Single patients: who changed by more than measurement error, and how much change is
meaningful.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.paired.mean_change import pairs_frame
from outcomes.analyses.paired.ranks import nobody
from outcomes.analyses.question import Analysis
from outcomes.analyses.responders.one_group import improvement_sign, parse_rule, rule_amount
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, spoken
from outcomes.stats.individual.change_index import METHODS, cutoffs, reference_of
from outcomes.stats.individual.meaningful_change import WEAKEST_ANCHOR, anchored, spread_thresholds
from outcomes.stats.individual.reliable_change import reliable_change
from outcomes.stats.proportions.single import wilson
from outcomes.study.pairs import Pairs
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

RETEST = ("ICC", "test-retest r")
CUTOFFS = ("a", "b", "c")


@dataclass(frozen=True)
class IndividualChange(Analysis):
    """How many patients changed by more than the score's own measurement error?

    Reliable change index RCI = (after − before)/(SEM·√2), SEM = s√(1 − reliability), s the SD
    before (or `sd`, of a norm sample): beyond ±1.96 a patient improved or deteriorated by more than
    error, otherwise is called unchanged. With a `cutoff` between the clinical and the other range,
    those of them who crossed it are called recovered, the others improved: the four classes of
    Jacobson and Truax add up to all patients. The cut-off is a number, or "a", "b" or "c" (two SDs
    from the patients' mean; two SDs from the norm's mean; where both are equally likely), computed
    from `norm_mean` and `norm_sd` of people without the complaint and from the patients' scores
    before (or `mean` and `sd`). MDC95 = 1.96·√2·SEM is the bound of the index in score points.
    Shares have Wilson intervals.

    `index` chooses another one: "gulliksen-lord-novick" and "edwards-nunnally" (bound 2) set the
    score after against the one expected from the score before, which allows for regression to the
    mean; "hsu" against the group's mean after, so that it says who changed otherwise than the
    group; "hageman-arrindell" (bound 1.65) weighs the change by the reliability of differences.
    They disagree; the one of the protocol is the one to use.

    `reliability` (a retest correlation or ICC) comes with its `source`; without it, the published
    one of the instrument is taken where the library has one. About 5% of patients without any
    change pass ±1.96, and regression to the mean moves a selected group: the share says nothing
    about a cause.

    References: Jacobson & Truax 1991 (doi 10.1037/0022-006X.59.1.12); Beaton 2000 (doi
    10.1097/00007632-200012150-00010).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 2, 6, 5, 8, 8]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> question = oc.IndividualChange("pain", before="pre", after="post", reliability=0.8)
    >>> question.run(study).detail.patients["improved"]
    1
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    reliability: float | None = None
    source: str = ""
    sd: float | None = None
    mean: float | None = None
    cutoff: float | str | None = None
    norm_mean: float | None = None
    norm_sd: float | None = None
    index: str = "jacobson-truax"

    short: ClassVar[str] = "individual change (RCI)"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Jacobson NS, Truax P. Clinical significance: a statistical approach to defining"
            " meaningful change in psychotherapy research. J Consult Clin Psychol 1991;59:12-19."
        ),
        (
            "Bauer S, Lambert MJ, Nielsen SL. Clinical significance methods: a comparison of"
            " statistical techniques. J Pers Assess 2004;82:60-70."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_reliability(self.reliability)
        if self.index not in METHODS:
            raise AnalysisError(unknown("index", self.index, METHODS))
        if isinstance(self.cutoff, str) and self.cutoff not in CUTOFFS:
            raise AnalysisError(
                f"cutoff is a score, or a, b or c (Jacobson and Truax); got '{self.cutoff}'."
            )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        improvement_sign(pairs.outcome)
        rho, source = known_reliability(study, pairs.outcome, self.reliability, self.source)
        if rho is None:
            raise AnalysisError(
                f"The measurement error of {pairs.outcome.title} needs a reliability: the library"
                ' has no retest value for it. Give reliability=0.8, source="…".'
            )
        n = pairs.counts.analysed
        if self.sd is None and (n < 2 or not np.ptp(pairs.before) > 0):
            why = "too_few" if n < 2 else "zero_variance"
            return Result(
                self,
                (Estimate("improved", math.nan, reason=why, measure=Measure.SHARE),),
                pairs.counts,
                pairs.outcome,
                detail=ChangeClasses({}, rho, source),
            )
        r = reliable_change(
            pairs.before,
            pairs.after,
            reliability=rho,
            sd=self.sd,
            mean=self.mean,
            cutoff=(cutoff := self._cutoff(pairs)),
            better="higher" if pairs.outcome.better == "higher" else "lower",
            method=self.index,
        )
        if np.isnan(r.index).any():
            raise AnalysisError(
                "The index of Hageman and Arrindell is not defined here: with this reliability the"
                " differences between the two scores have none. Choose another index."
            )
        classes = {"improved": r.improved, "unchanged": r.unchanged, "deteriorated": r.deteriorated}
        if r.recovered is not None:
            only = {"improved": r.improved - r.recovered}
            classes = {"recovered": r.recovered} | classes | only
        unit, how = pairs.outcome.unit, f"reliability {rho:g}{f' ({source})' if source else ''}"
        shares = [
            replace(wilson(k, n, level=self.level, name=name), how=f"Wilson interval; {k} of {n}")
            for name, k in classes.items()
        ]
        sizes = [
            Estimate(
                "MDC95",
                r.error.mdc95,
                unit=unit,
                how=how,
                measure=Measure.THRESHOLD,
                part=Part.MDC95,
            ),
            Estimate("SEM", r.error.sem, unit=unit, how=how, measure=Measure.THRESHOLD),
        ]
        data = {"pairs": pairs_frame(pairs).assign(rci=r.index, change_class=r.classes)}
        if cutoff is not None:
            from_norm = f"cut-off {self.cutoff}, " if isinstance(self.cutoff, str) else ""
            cut = Estimate(
                "cut-off",
                cutoff,
                unit=unit,
                how=f"{from_norm}between patients and others",
                measure=Measure.THRESHOLD,
            )
            sizes.append(cut)
        return Result(
            self,
            (*shares, *sizes),
            pairs.counts,
            pairs.outcome,
            (),
            data,
            detail=ChangeClasses(classes, rho, source, cutoff),
        )

    def _cutoff(self, pairs: Pairs) -> float | None:
        """The cut-off as a score: as it was given, or computed from the norm."""
        if not isinstance(self.cutoff, str):
            return self.cutoff
        if self.cutoff != "a" and (self.norm_mean is None or self.norm_sd is None):
            raise AnalysisError(
                f"Cut-off {self.cutoff} needs norm_mean and norm_sd of people without the"
                " complaint, from a published sample; or give the cut-off itself."
            )
        known = reference_of(pairs.before, pairs.after, mean=self.mean, sd=self.sd)
        return cutoffs(
            mean=known.mean,
            sd=known.sd,
            norm_mean=math.nan if self.norm_mean is None else self.norm_mean,
            norm_sd=1.0 if self.norm_sd is None else self.norm_sd,
            better=pairs.outcome.better,
        )[self.cutoff]

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts, told = result.outcome, result.counts, result.told(ChangeClasses)
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        if not told.patients:
            who = f"{counts.analysed} of {counts.enrolled}"
            why = (
                "too few patients have both scores"
                if counts.analysed < 2
                else f"all scores at {spoken(self.before)} are equal; give the SD of a norm (sd=)"
            )
            return f"Measurement error of {outcome.title} cannot be judged: {why} ({who})."
        classes, n, k = told.patients, counts.analysed, digits_for(outcome.resolution)
        source = f" ({told.source})" if told.source else ""
        cut = ""
        if told.cutoff:
            named = isinstance(self.cutoff, str)
            cut = number(told.cutoff, k) if named else f"{told.cutoff:g}"
        improved = classes["improved"] + classes.get("recovered", 0)
        crossed = (
            f", {classes['recovered']} of them past the cut-off of {cut} and so recovered"
            if "recovered" in classes
            else ""
        )
        way = METHODS[self.index]
        points = f", that is {number(result.select(part=Part.MDC95)[0].value, k)} {outcome.unit}"
        bound = f"±{way.bound:g}" + (points if self.index == "jacobson-truax" else f", {way.title}")
        return (
            f"With reliability {number(told.reliability, 2)}{source}, {improved} of {n}"
            f" patients improved in {outcome.title} and {classes['deteriorated']} worsened by"
            f" more than measurement error from {spoken(self.before)} to {spoken(self.after)} (RCI"
            f" {bound}){crossed}; {classes['unchanged']} did neither; n={n} of {counts.enrolled}."
        )

    def methods_text(self) -> str:
        rho = "" if self.reliability is None else f" with reliability {self.reliability:g}"
        way = METHODS[self.index]
        named = {
            "a": "two SDs from the patients' mean",
            "b": "two SDs from the norm's mean",
            "c": "where patients and norm are equally likely",
        }
        cut = (
            ""
            if self.cutoff is None
            else f" past {self.cutoff:g}"
            if not isinstance(self.cutoff, str)
            else f" past the cut-off {self.cutoff} ({named[self.cutoff]})"
        )
        classes = f"recovered (improved{cut}), improved" if cut else "improved"
        return (
            f"Single patients were classed by the reliable change index of {way.title}"
            f" (±{way.bound:g}){rho} as {classes}, unchanged or deteriorated."
        )


@dataclass(frozen=True)
class MeaningfulChange(Analysis):
    """How much improvement in this score do patients call an improvement?

    By an anchor such as the PGIC at the visit after, where `improved` says which answers count ("<=
    2": much or very much improved): the mean improvement of those patients and of the others, and
    the cut-off that agrees best with the anchor (Youden; the smallest where several tie) with the
    area under the ROC curve (DeLong interval). By spread: half the SD before, and with a
    reliability SEM and MDC95. Improvement is counted positive whatever the direction of the score.

    Several thresholds, because they differ; an anchor whose Spearman correlation with the
    improvement is below 0.3 in size hardly measures it, and a note says so. Such a threshold
    classifies patients; it does not judge a group's mean change.

    References: Devji 2020 (doi 10.1136/bmj.m1714); Norman 2003 (doi
    10.1097/01.MLR.0000062554.74615.4C); DeLong 1988 (doi 10.2307/2531595).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccdd"),
    ...         "visit": ["pre", "post"] * 4,
    ...         "pain": [7.0, 2, 6, 5, 8, 8, 7, 3],
    ...         "pgic": [None, 1, None, 3, None, 4, None, 2],
    ...     }
    ... )
    >>> measures = {
    ...     "pain": oc.Outcome("pain", "Pain", "lower"),
    ...     "pgic": oc.Outcome("pgic", "PGIC", "lower"),
    ... }
    >>> study = oc.Study(scores, visits=("pre", "post"), measures=measures)
    >>> oc.MeaningfulChange("pain", before="pre", after="post", anchor="pgic").run(study)[
    ...     "ROC cut-off"
    ... ].value
    4.0
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    anchor: str
    improved: str = "<= 2"
    reliability: float | None = None
    source: str = ""

    short: ClassVar[str] = "meaningful change"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Devji T, et al. Evaluating the credibility of anchor based estimates of minimal"
            " important differences for patient reported outcomes. BMJ 2020;369:m1714."
        ),
        (
            "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more"
            " correlated receiver operating characteristic curves. Biometrics 1988;44:837-845."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_reliability(self.reliability)
        if parse_rule(self.improved)[0] not in ("at_most", "at_least"):
            raise AnalysisError(
                "improved says which answers of the anchor count, such as '<= 2'; got"
                f" '{self.improved}'."
            )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, (self.outcome, self.anchor), (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        sign = improvement_sign(pairs.outcome)
        answers = study.wide(self.anchor)[self.after].reindex(pairs.patients).to_numpy()
        asked = ~np.isnan(answers)
        gain, answers = np.round(sign * pairs.change[asked], 9), answers[asked]
        counts = _without(
            pairs.counts,
            int((~asked).sum()),
            f"no {study.outcome(self.anchor).title} at {spoken(self.after)}",
        )
        rho, source = known_reliability(study, pairs.outcome, self.reliability, self.source)
        a = anchored(gain, answers, _called_improved(answers, self.improved), level=self.level)
        unit = pairs.outcome.unit
        roc = a.roc
        best = (
            ""
            if math.isnan(roc.cut)
            else f"Youden J {number(roc.youden, 2)}, sensitivity {number(roc.sensitivity, 2)},"
            f" specificity {number(roc.specificity, 2)}"
        )
        cut = Estimate(
            "ROC cut-off",
            roc.cut,
            unit=unit,
            how=best,
            reason=roc.auc.reason if math.isnan(roc.cut) else "",
            measure=Measure.THRESHOLD,
        )
        spread = spread_thresholds(pairs.before, pairs.after, reliability=rho)[:3]
        how = f"reliability {rho:g}{f' ({source})' if source else ''}" if rho is not None else ""
        thresholds = [
            replace(e, unit=unit, how=how if i else "")  # the first, half an SD, needs none
            for i, e in enumerate(spread)
        ]
        rows = (
            replace(a.improved, unit=unit),
            replace(a.other, unit=unit),
            cut,
            _within(roc.auc),
            replace(
                a.correlation,
                name="Spearman correlation with the anchor",
                measure=Measure.CORRELATION,
            ),
            *thresholds,
        )
        told = Anchored(
            pairs.counts.analysed, roc.n_improved, roc.n_other, study.outcome(self.anchor).title
        )
        data = {
            "pairs": pairs_frame(pairs),
            "anchored": pd.DataFrame({"improvement": gain, "anchor": answers}),
        }
        return Result(
            self,
            rows,
            counts,
            pairs.outcome,
            _anchor_notes(a.correlation, self.improved),
            data,
            detail=told,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts, told = result.outcome, result.counts, result.told(Anchored)
        assert outcome is not None
        if not counts.analysed:
            lacks = f" and an answer of {told.anchor}" if told.pairs else ""
            return f"{nobody(self, result).rstrip('.')}{lacks}."
        yes, no, cut, auc, rho, half = result.estimates[:6]
        k, unit, answers = (
            digits_for(outcome.resolution),
            outcome.unit,
            rule_amount(self.improved),
        )
        if not told.improved:
            none = (
                f"None of {counts.analysed} patients was called improved by {told.anchor}"
                f" ({answers})"
            )
            return f"{none}: no anchored threshold."
        said = (
            f"Patients called improved by {told.anchor} ({answers}; {told.improved} of"
            f" {counts.analysed}) {_by(yes.value, k)} {unit} in {outcome.title} on average"
        )
        if told.others:
            area = f"AUC {number(auc.value, 2)}" + (
                "" if auc.reason else f", {interval(auc.low, auc.high, 2, level=auc.level)}"
            )
            with_anchor = (
                "no correlation with the anchor"
                if math.isnan(rho.value)
                else (f"Spearman correlation with the anchor {number(rho.value, 2)}")
            )
            said += (
                f", the others {_by(no.value, k)}; the cut-off that agrees best is"
                f" {'a worsening' if cut.value < 0 else 'an improvement'} of"
                f" {number(abs(cut.value), k)} {unit} ({area}; {with_anchor})"
            )
        half_sd = (
            ""
            if math.isnan(half.value)
            else f" Half the SD before is {number(half.value, k)} {unit}."
        )
        return f"{said}.{half_sd} n={counts.analysed} of {counts.enrolled}."

    def methods_text(self) -> str:
        return (
            f"Meaningful change was estimated from the anchor {spoken(self.anchor)}"
            f" ({rule_amount(self.improved)}) by its mean and by the ROC"
            " cut-off (Youden), and from half the SD before."
        )


def known_reliability(
    study: Study, outcome: Outcome, given: float | None, source: str
) -> tuple[float | None, str]:
    """The reliability to use and where it is from: the one given, or the instrument's first
    published retest value.
    """
    if given is not None or not outcome.score:
        return given, source
    published = study.instrument(outcome.instrument).get(outcome.score).reliability
    for r in published:
        if r.statistic in RETEST and not math.isnan(r.value):
            return r.value, ", ".join(
                part for part in (r.statistic, r.population, r.citation) if part
            )
    return None, ""


def _check_reliability(reliability: float | None) -> None:
    if reliability is not None and not 0 <= reliability <= 1:
        raise AnalysisError(f"reliability is between 0 and 1; got {reliability}.")


def _called_improved(answers: np.ndarray, rule: str) -> np.ndarray:
    kind, value = parse_rule(rule)
    return answers <= value if kind == "at_most" else answers >= value


def _without(counts: Counts, left: int, why: str) -> Counts:
    """The counts with some more patients left out."""
    if not left:
        return counts
    return Counts(
        counts.enrolled, counts.analysed - left, (*counts.left_out, (why, left)), counts.noun
    )


def _within(auc: Estimate) -> Estimate:
    """An area with limits that are areas: a normal interval may reach beyond 0 and 1."""
    return (
        replace(auc, low=max(auc.low, 0.0), high=min(auc.high, 1.0))
        if not math.isnan(auc.low)
        else auc
    )


def _by(gain: float, k: int) -> str:
    """'improved by 2.9', or 'worsened by 1.0' where the gain is negative."""
    return f"{'worsened' if gain < 0 else 'improved'} by {number(abs(gain), k)}"


def _anchor_notes(correlation: Estimate, improved: str) -> tuple[str, ...]:
    if correlation.reason == "too_few":
        return ("Too few patients to judge what the anchor is worth.",)
    if math.isnan(correlation.value):
        return (
            (
                "The improvement or the anchor is the same in everybody: the anchor says nothing"
                " about this score."
            ),
        )
    wanted = -1 if parse_rule(improved)[0] == "at_most" else 1
    if wanted * correlation.value <= -WEAKEST_ANCHOR:
        return (
            (
                "The anchor correlates with the improvement the wrong way round"
                f" ({number(correlation.value, 2)}): those whom it calls improved did so less."
                " Check the direction of both scores; the thresholds should not be used."
            ),
        )
    if abs(correlation.value) < WEAKEST_ANCHOR:
        return (
            (
                f"The anchor correlates with the improvement by {number(correlation.value, 2)} only"
                " (below 0.3 in size): it says little about this score, and its thresholds should"
                " not be used."
            ),
        )
    return ()


@dataclass(frozen=True)
class ChangeClasses:
    """Patients in each class of change, the reliability with its source, and the cut-off."""

    patients: Mapping[str, int]
    reliability: float
    source: str
    cutoff: float | None = None


class Part(Enum):
    """The smallest change beyond measurement error."""

    MDC95 = auto()


@dataclass(frozen=True)
class Anchored:
    """Patients with both scores, those whom the anchor calls improved, the others; its title."""

    pairs: int
    improved: int
    others: int
    anchor: str
