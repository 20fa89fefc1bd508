"""Change before and after by ranks and by signs, for scores that are few, skewed or ordinal."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

from outcomes.analyses.groups.group_data import moved
from outcomes.analyses.paired.mean_change import pairs_data
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.estimate import NAN, REASONS, Estimate
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import (
    bounded,
    digits_for,
    interval,
    level_text,
    limits_text,
    number,
    p_value,
    plural,
    spoken,
)
from outcomes.stats.paired.location import check_option, median_change, sign_test
from outcomes.stats.paired.rank_effects import r_from_z, rank_biserial, superiority
from outcomes.stats.paired.signed_rank import hodges_lehmann, signed_rank
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class SignedRank(Analysis):
    """Did scores shift between two visits of the same patients, judged by ranks?

    Wilcoxon's signed-rank test on mid-ranks, exact with ties and zeros up to 300 non-zero changes
    (beyond, the normal approximation with continuity correction); the Hodges-Lehmann shift (median
    of the Walsh averages of all changes, zeros too) with its exact interval and the level achieved;
    the matched-pairs rank-biserial correlation; the probability PS_dep that a patient's own score
    is better after than before, ties split; and r = Z/√N of the changed patients, which older
    papers report.

    It asks whether changes are symmetric about zero; it is not a test of medians, and not free of
    assumptions. `zeros="wilcoxon"` drops unchanged patients before ranking, `"pratt"` ranks them
    and drops them then: many unchanged patients make the first look only at those who changed. Five
    or fewer changed patients cannot reach P<.05. `mid_p=True` halves the weight of the observed
    result (less conservative in small samples).

    References: Wilcoxon 1945, Biometrics Bulletin 1:80; Pratt 1959 (doi
    10.1080/01621459.1959.10501526); Hodges & Lehmann 1963 (doi 10.1214/aoms/1177704172); Kerby
    2014, Compr Psychol 3:1.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.SignedRank("pain", before="pre", after="post").run(study)["signed-rank W+"].p
    0.25
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    zeros: str = "wilcoxon"
    mid_p: bool = False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.RANKS, Trait.WORST_RANK})
    short: ClassVar[str] = "Wilcoxon signed-rank test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Pratt JW. Remarks on zeros and ties in the Wilcoxon signed rank procedures. J Am Stat"
            " Assoc 1959;54:655-667."
        ),
        (
            "Hodges JL, Lehmann EL. Estimates of location based on rank tests. Ann Math Stat"
            " 1963;34:598-611."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_option("zeros", self.zeros, ("wilcoxon", "pratt"))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        (b, a), w, zeros = pairs.tally.values.T, pairs.tally.weights, self.zeros
        tested = signed_rank(b, a, zeros=zeros, mid_p=self.mid_p, weights=w)  # type: ignore[arg-type]
        shift = hodges_lehmann(b, a, level=self.level, weights=w)
        notes = []
        alpha = 1 - self.level
        if tested.n_nonzero and tested.smallest_p > alpha:
            notes.append(
                f"{plural(tested.n_nonzero, 'changed patient')} cannot give a two-sided P below"
                f" {number(alpha, 2)}, whatever the scores (smallest possible"
                f" {p_value(tested.smallest_p)})."
            )
        estimates = (
            replace(shift.shift, unit=pairs.outcome.unit),
            tested.test,
            rank_biserial(b, a, zeros=zeros, level=self.level, weights=w),  # type: ignore[arg-type]
            superiority(
                b,
                a,
                better="higher" if pairs.outcome.better == "higher" else "lower",
                level=self.level,
                weights=w,
            ),
            Estimate("zero differences", tested.n_zero, unit="patients", measure=Measure.COUNT),
            r_from_z(b, a, weights=w),
        )
        return Result(
            self,
            estimates,
            pairs.counts,
            pairs.outcome,
            tuple(notes),
            pairs_data(pairs),
            ("slopes",),
            detail=Ranked(tested.n_zero, tested.n_nonzero, tested.exact, shift.achieved),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        shift, test, r, *_ = result.estimates
        told, k = result.told(Ranked), digits_for(outcome.resolution)
        said = (
            f"The median shift (Hodges-Lehmann) of {outcome.title} from {spoken(self.before)} to"
            f" {spoken(self.after)} was {number(shift.value, k)} {outcome.unit}"
        )
        if not shift.reason:
            reached = f"achieved level {level_text(round(told.achieved, 3))}"
            if shift.level < self.level:
                reached = "the widest interval that so few patients allow"
            said += (
                f" ({interval(shift.low, shift.high, k, level=round(shift.level, 3))}; {reached})"
            )
        by_test = replace(
            shift, low=NAN, high=NAN, p=test.p, level=self.level
        )  # so few patients: the interval may have any level
        said += f"{moved(outcome, by_test, k, '')}. "
        return (
            said
            + self._test(result, test, style)
            + _biserial(r, style)
            + f" n={counts.analysed} of {counts.enrolled}."
        )

    def _test(self, result: Result, test: Estimate, style: str) -> str:
        told, apa = result.told(Ranked), style == "apa"
        how = (
            "exact with mid-ranks"
            if told.exact
            else "normal approximation with continuity correction, mid-ranks"
        )
        how += ", mid-p" if self.mid_p and told.exact else ""
        rule = "dropped" if self.zeros == "wilcoxon" else "ranked and dropped (Pratt)"
        zero = (
            f"{plural(told.unchanged, 'zero difference')} {rule}"
            if told.unchanged
            else "no zero differences"
        )
        equals = " = " if apa else "="
        n = f"n{equals}{told.changed}"
        if test.reason:
            return f"Wilcoxon signed-rank: {REASONS[test.reason]}, {p_value(test.p, style)}."
        return (
            f"Wilcoxon signed-rank, {how}, {zero}:"
            f" W+{equals}{number(test.value, 0 if test.value % 1 == 0 else 1)}, {n},"
            f" {p_value(test.p, style)}."
        )

    def methods_of(self, result: Result) -> str:
        """Exact or by the normal approximation, as it was done."""
        told = result.about(Ranked)
        if told is None:
            return self.methods_text()
        normal = "normal approximation with continuity correction"
        return self._methods("exact" if told.exact else normal, mid_p=self.mid_p and told.exact)

    def methods_text(self) -> str:
        return self._methods("exact up to 300 changed patients", mid_p=self.mid_p)

    def _methods(self, how: str, *, mid_p: bool) -> str:
        zeros = (
            "zero differences dropped"
            if self.zeros == "wilcoxon"
            else "zero differences ranked, then dropped (Pratt)"
        )
        return (
            f"Change was tested with the Wilcoxon signed-rank test on mid-ranks ({zeros};"
            f" {how}{', mid-p' if mid_p else ''}), with the Hodges-Lehmann shift, its interval, and"
            " the matched-pairs rank-biserial correlation."
        )


@dataclass(frozen=True)
class SignTest(Analysis):
    """Did more patients' scores fall or rise between two visits?

    Counts of patients whose score fell, rose and stayed, with the exact binomial test of those that
    changed (`mid_p=True` for its mid-p form), and the median change with the interval between order
    statistics and the level it achieves. For ordinal scores and wild skew; it uses no sizes of
    change, so it has the least power.

    Reference: Conover WJ. Practical Nonparametric Statistics. 3rd ed. Wiley; 1999: 3.4.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.SignTest("pain", before="pre", after="post").run(study)["share that rose"].p
    0.25
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    mid_p: bool = False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.RANKS, Trait.WORST_RANK})
    short: ClassVar[str] = "sign test"
    references: ClassVar[tuple[str, ...]] = (
        "Conover WJ. Practical Nonparametric Statistics. 3rd ed. Wiley; 1999: 3.4.",
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        (b, a), w = pairs.tally.values.T, pairs.tally.weights
        signs = sign_test(b, a, mid_p=self.mid_p, level=self.level, weights=w)
        median = median_change(b, a, level=self.level, weights=w)
        estimates = (replace(median.median, unit=pairs.outcome.unit), signs.test)
        return Result(
            self,
            estimates,
            pairs.counts,
            pairs.outcome,
            data=pairs_data(pairs),
            pictures=("slopes",),
            detail=Signs(signs.n_up, signs.n_down, signs.n_zero, median.achieved),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts, told = result.outcome, result.counts, result.told(Signs)
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        median, test = result.estimates
        k, kind = digits_for(outcome.resolution), "mid-p" if self.mid_p else "exact"
        said = (
            f"Scores of {outcome.title} fell in {told.down}, rose in {told.up} and were"
            f" unchanged in {told.same} of {plural(counts.analysed, 'patient')} with both"
            f" scores ({kind} sign test, {p_value(test.p, style)}; {counts.enrolled} enrolled). The"
            f" median change was {number(median.value, k)} {outcome.unit}"
        )
        if median.reason:
            return f"{said}."
        achieved = f"achieved level {level_text(round(told.achieved, 3))}"
        return f"{said} ({interval(median.low, median.high, k, level=median.level)}; {achieved})."

    def methods_text(self) -> str:
        kind = "mid-p" if self.mid_p else "exact"
        return (
            f"Falls and rises were compared with the {kind} sign test; unchanged scores are counted"
            " apart."
        )


def nobody(question: Analysis, result: Result) -> str:
    """The sentence where no patient has both scores."""
    before, after = (spoken(getattr(question, name)) for name in ("before", "after"))
    title = result.outcome.title if isinstance(result.outcome, Outcome) else "the score"
    return f"No patient of {result.counts.enrolled} has {title} at both {before} and {after}."


def _biserial(r: Estimate, style: str) -> str:
    if r.value != r.value:
        return ""
    said = f" Matched-pairs rank-biserial r={bounded(r.value)}"
    if r.reason:
        return f"{said}."
    return f"{said} ({limits_text(bounded(r.low), bounded(r.high), level=r.level)})."


@dataclass(frozen=True)
class Ranked:
    """Patients without and with a change, whether the test was exact, and the level that the
    interval of the shift reaches.
    """

    unchanged: int
    changed: int
    exact: bool
    achieved: float


@dataclass(frozen=True)
class Signs:
    """Patients whose scores rose, fell and stayed the same, and the level that the interval of the
    median reaches.
    """

    up: int
    down: int
    same: int
    achieved: float
