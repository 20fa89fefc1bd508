"""Change against a margin, and the weight of evidence for any change at all."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

from outcomes.analyses.paired.mean_change import pairs_data
from outcomes.analyses.paired.ranks import nobody
from outcomes.analyses.question import Analysis
from outcomes.analyses.responders.one_group import improvement_sign
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, REASONS
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import (
    MINUS,
    digits_for,
    level_text,
    number,
    p_value,
    round_half_away,
    spoken,
)
from outcomes.stats.paired.bayes_factor import MEDIUM, bayes_factor
from outcomes.stats.paired.equivalence import non_inferiority, tost
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class TOST(Analysis):
    """Is the mean change small enough to call the two visits equivalent?

    Two one-sided t-tests of the mean change against −`margin` and +`margin` at α = 1 − `level`,
    which say the same as the 1 − 2α interval (90% by default) lying inside the margins. The margin
    comes from the protocol; there is no default. A t-test with P>.05 is not evidence of
    equivalence; this is the test that can give it.

    Reference: Schuirmann 1987 (doi 10.1007/BF01068419).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 7, 6, 5, 8, 8]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> round(oc.TOST("pain", before="pre", after="post", margin=2).run(study)["mean change"].p, 4)
    0.0189
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    margin: float

    short: ClassVar[str] = "equivalence (TOST)"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power"
            " approach. J Pharmacokinet Biopharm 1987;15:657-680."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_margin(self.margin)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        e = tost(
            pairs.before, pairs.after, margin=float(self.margin), alpha=round(1 - self.level, 12)
        )
        estimates = tuple(replace(x, unit=pairs.outcome.unit) for x in (e.change, e.lower, e.upper))
        return Result(
            self,
            estimates,
            pairs.counts,
            pairs.outcome,
            data=pairs_data(pairs),
            pictures=("estimation",),
            detail=Judged(e.within),
            axis=ValueAxis(margins=(-float(self.margin), float(self.margin))),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        e, k = result.estimates[0], digits_for(outcome.resolution)
        margin = f"margin of ±{stated_margin(self.margin, outcome)}"
        who = f"n={counts.analysed} of {counts.enrolled}"
        what = f"mean change of {outcome.title} from {spoken(self.before)} to {spoken(self.after)}"
        if e.reason:
            return (
                f"The {what} was {number(e.value, k)}; it cannot be tested against the {margin}:"
                f" {REASONS[e.reason]} ({who})."
            )
        lay = "lay within" if result.told(Judged).met else "did not lie within"
        return (
            f"The {level_text(e.level)} CI for the {what} ({number(e.low, k)} to"
            f" {number(e.high, k)}) {lay} the stated {margin} (TOST {p_value(e.p, style)}; {who})."
        )

    def methods_text(self) -> str:
        return (
            "Equivalence was tested with two one-sided t-tests against a margin of"
            f" ±{self.margin:g} (α {1 - self.level:.3g};"
            f" {level_text(round(2 * self.level - 1, 12))} CI)."
        )


@dataclass(frozen=True)
class NonInferiority(Analysis):
    """Is the score after not worse than before by more than a margin?

    One-sided t-test of the mean change against the margin on the worse side (from the instrument's
    direction), at α = (1 − `level`)/2, which says the same as the `level` interval not reaching the
    margin. For two scores of the same patients, as after a switch of route. The margin comes from
    the protocol; there is no default.

    Reference: CPMP. Points to consider on switching between superiority and non-inferiority.
    CPMP/EWP/482/99; 2000.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 7, 6, 5, 8, 8]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.NonInferiority("pain", before="pre", after="post", margin=2).run(study).detail.met
    True
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    margin: float

    short: ClassVar[str] = "non-inferiority"
    references: ClassVar[tuple[str, ...]] = (
        (
            "CPMP. Points to consider on switching between superiority and non-inferiority."
            " CPMP/EWP/482/99; 2000."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_margin(self.margin)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        sign = improvement_sign(pairs.outcome)
        e = non_inferiority(
            pairs.before,
            pairs.after,
            margin=float(self.margin),
            alpha=round((1 - self.level) / 2, 12),
            better="higher" if pairs.outcome.better == "higher" else "lower",
        )
        estimates = (replace(e.change, unit=pairs.outcome.unit),)
        return Result(
            self,
            estimates,
            pairs.counts,
            pairs.outcome,
            data=pairs_data(pairs),
            pictures=("estimation",),
            detail=Judged(e.shown, e.limit),
            axis=ValueAxis(margins=(-sign * float(self.margin),)),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        e, told = result.estimates[0], result.told(Judged)
        k, lower = digits_for(outcome.resolution), outcome.better == "lower"
        edge = f"{'' if lower else MINUS}{stated_margin(self.margin, outcome)}"
        who = f"n={counts.analysed} of {counts.enrolled}"
        what = f"mean change of {outcome.title} from {spoken(self.before)} to {spoken(self.after)}"
        if e.reason:
            return (
                f"The {what} was {number(e.value, k)}; it cannot be tested against the margin:"
                f" {REASONS[e.reason]} ({who})."
            )
        passed = {
            (True, True): "did not exceed",
            (True, False): "exceeded",
            (False, True): "did not fall below",
            (False, False): "fell below",
        }[lower, bool(told.met)]
        limit = number(told.limit, k)
        if limit.lstrip(MINUS) == number(float(self.margin), k):  # too close to tell apart
            limit = number(told.limit, k + 1)
        so = "is excluded" if told.met else "is not excluded"
        return (
            f"The {'upper' if lower else 'lower'} {level_text(e.level)} limit of the {what}"
            f" ({limit}) {passed} the margin of {edge}: a worsening by the margin or more {so}"
            f" (one-sided {p_value(e.p, style)}; {who})."
        )

    def methods_text(self) -> str:
        return (
            f"Non-inferiority was judged by the {level_text(self.level)} interval of the mean"
            f" change against a margin of {self.margin:g} on the worse side (one-sided t-test)."
        )


@dataclass(frozen=True)
class BayesFactor(Analysis):
    """How much more likely are the changes if the score changed than if it did not?

    JZS Bayes factor BF10 of the paired t statistic: a Cauchy prior of width `scale` on the
    standardised change d_z against no change, by quadrature on the log scale; shown also for the
    scales 0.5, 1 and 1.41. It weighs two hypotheses; it is not the probability of either, and it
    knows no control group.

    Reference: Rouder 2009 (doi 10.3758/PBR.16.2.225), eq. 1.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> round(oc.BayesFactor("pain", before="pre", after="post").run(study)["BF10"].value, 2)
    1.5
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    scale: float = MEDIUM

    short: ClassVar[str] = "Bayes factor (JZS)"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Rouder JN, et al. Bayesian t tests for accepting and rejecting the null hypothesis."
            " Psychon Bull Rev 2009;16:225-237."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise AnalysisError(f"scale is a positive number, such as 0.707; got {self.scale}.")

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        scales = {"": self.scale, "scale 0.5": 0.5, "scale 1": 1.0, "scale 1.41": math.sqrt(2)}
        estimates = tuple(
            replace(bayes_factor(pairs.before, pairs.after, scale=r), group=group)
            for group, r in scales.items()
        )
        return Result(self, estimates, pairs.counts, pairs.outcome, data=pairs_data(pairs))

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        main, half, _, wide = result.estimates
        who = f"n={counts.analysed} of {counts.enrolled}"
        where = (
            f"For the change of {outcome.title} from {spoken(self.before)} to {spoken(self.after)}"
        )
        if main.reason:
            return f"{where} there is no Bayes factor: {REASONS[main.reason]} ({who})."
        equals = " = " if style == "apa" else "="
        odds, ends = _odds(main.value), [_odds(wide.value), _odds(half.value)]
        around = " to ".join(dict.fromkeys(ends))
        bf = f"BF10 {odds[0]} {odds[1:]}" if odds[0] in "<>" else f"BF10{equals}{odds}"
        return (
            f"{where}, {bf} (JZS, r{equals}{number(self.scale, 3)}; {around} for r{equals}1.41 to"
            f" 0.5; {who}){self._change(result)}."
        )

    def _change(self, result: Result) -> str:
        """': the mean change was −2.7 points (improved)', for a Bayes factor has no direction."""
        outcome, frame = result.outcome, result.data["pairs"]
        assert outcome is not None
        k = digits_for(outcome.resolution)
        change = round_half_away(float(frame["change"].mean()), k)
        word = f", in the direction of {_SIDES[outcome.direction(change)]}" if change else ""
        return f"; the mean change was {number(change, k)} {outcome.unit}{word}"

    def methods_text(self) -> str:
        return (
            "Evidence for a change was weighed with the JZS Bayes factor (Cauchy prior, scale"
            f" {self.scale:.3g})."
        )


#: What a mean change points to.
_SIDES = {
    "improved": "improvement",
    "worsened": "worsening",
    "rose": "higher scores",
    "fell": "lower scores",
}


def check_margin(margin: float) -> None:
    """Raise AnalysisError unless the margin is a positive number."""
    if not (isinstance(margin, int | float) and margin > 0 and math.isfinite(margin)):
        raise AnalysisError(
            f"margin is a positive number of score points from the protocol; got {margin!r}."
        )


def stated_margin(margin: float, outcome: Outcome) -> str:
    """A margin as it was stated, with its unit: '1 point', '0.05 points'."""
    return f"{margin:g} {outcome.unit.removesuffix('s') if margin == 1 else outcome.unit}"


def _odds(value: float) -> str:
    """A Bayes factor without false precision at either end."""
    if value >= 1000:
        return ">1000"
    return (
        "<0.001" if value < 0.001 else number(value, 1 if value >= 10 else 2 if value >= 0.1 else 3)
    )


@dataclass(frozen=True)
class Judged:
    """Whether the margin was met (None: it cannot be judged), and the limit set against it."""

    met: bool | None
    limit: float = NAN
