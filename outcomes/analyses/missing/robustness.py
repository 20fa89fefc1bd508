"""The same question, asked in every way that could be defended."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.group_data import (
    Groups,
    chosen_words,
    codes_of,
    grouped,
    lower_is_better,
    two_levels,
)
from outcomes.analyses.missing.missing_ways import MissingWays, missing_ways
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.direction import below_level
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_frame, score_words
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, listed, number, spoken
from outcomes.stats.groups import ranks
from outcomes.stats.groups.means import mean_difference
from outcomes.stats.paired.location import mean_change, median_change, sign_test, trimmed_change
from outcomes.stats.paired.signed_rank import hodges_lehmann, sign_flip, signed_rank
from outcomes.stats.regression.linear import Design, Term, coded, numeric, ols, pairwise
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class Robustness(Analysis):
    """Would another defensible analysis have said something else?

    Of the change between two visits, side by side: mean change with paired t-test (the reference);
    20% trimmed mean (Yuen); Hodges-Lehmann shift with the signed-rank test; median with the
    sign test; sign-flip permutation test of the mean; and, for everybody who had a score before,
    missing later scores taken as no change, and as the worst and the best change that was seen.

    With `by`, of the difference between two arms: ANCOVA on the score before (the reference), with
    classical and with HC3 standard errors; change by Welch's t; Hodges-Lehmann shift of the change
    with the Mann-Whitney test; and ANCOVA of everybody who had a score before, missing later
    scores taken as no change in both arms, as the worst case against the treatment (in the arm of
    interest the worst change that was seen, in the reference the best, within the scale) and as the
    best case for it. Differences are arm − `reference`.

    Where scores are missing, also the mixed model of all visits, multiple imputation (`draws`),
    between arms reference-based imputation (jump to reference), and in words the tipping value: how
    much worse than predicted the missing would have to be before the verdict changes.

    The conclusion survives when all point the same way and every interval or test keeps the same
    verdict at `level`.

    The rows with filled-in scores are deliberately harsh bounds, not estimates. Random flips
    (needed only beyond 200 patients) use `seed`.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.Robustness("pain", before="pre", after="post").run(study).detail.survives
    True
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    by: str = ""
    reference: str = ""
    seed: int = 20260101
    draws: int = 20

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.MANY_WAYS})
    short: ClassVar[str] = "several analyses side by side"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Yuen KK. The two-sample trimmed t for unequal population variances. Biometrika"
            " 1974;61:165-170."
        ),
        (
            "Hodges JL, Lehmann EL. Estimates of location based on rank tests. Ann Math Stat"
            " 1963;34:598-611."
        ),
    )

    @property
    def comparative(self) -> bool:  # type: ignore[override]
        """Where arms are compared."""
        return bool(self.by)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (), (self.by,), rows=True)

    def compute(self, study: Study) -> Result:
        return self._arms(study) if self.by else self._change(study)

    def _change(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        b, a, level = pairs.before, pairs.after, self.level
        rng = np.random.default_rng(self.seed)
        mean = mean_change(b, a, level=level)
        flip = sign_flip(b, a, rng=rng).test
        shift, median = (
            hodges_lehmann(b, a, level=level).shift,
            median_change(b, a, level=level).median,
        )
        rows = [
            replace(mean, name="mean, paired t-test", measure=Measure.CHANGE),
            replace(trimmed_change(b, a, level=level), name="20% trimmed mean (Yuen)"),
            replace(
                shift,
                name="Hodges-Lehmann shift, signed-rank test",
                p=signed_rank(b, a).test.p,
                measure=Measure.CHANGE,
            ),
            replace(
                median, name="median, sign test", p=sign_test(b, a).test.p, measure=Measure.CHANGE
            ),
            replace(
                flip, name="mean, sign-flip permutation test", level=level, measure=Measure.CHANGE
            ),
            *self._filled(study, pairs.change),
        ]
        ways = self._missing(study)
        rows += ways.rows
        axis = score_words("change in {score} ({unit})", pairs.outcome)
        told = Verdicts((), ways.tipping)
        return self._answer(rows, pairs.counts, pairs.outcome, told, ways.notes, axis)

    def _missing(self, study: Study) -> MissingWays:
        """What is asked where scores are missing."""
        return missing_ways(
            study,
            self.outcome,
            before=self.before,
            after=self.after,
            by=self.by,
            reference=self.reference,
            draws=self.draws,
            seed=self.seed,
            level=self.level,
        )

    def _arms(self, study: Study) -> Result:
        ask = {
            "before": self.before,
            "after": self.after,
            "by": self.by,
            "reference": self.reference,
        }
        g = grouped(study, self.outcome, **ask)
        first, second = two_levels(g, instead="ANCOVA")
        if g.empty:  # nobody of an arm to analyse: what is missing there has nothing to stand for
            kept = codes_of(study, self.by, g.levels) >= 0
            study = study.where(lambda patients: kept)
        change, level = g.split(g.y), self.level
        ranked = ranks.hodges_lehmann(change[first], change[second], level=level).estimate
        tested = ranks.mann_whitney(change[first], change[second])
        welch = mean_difference(change[first], change[second], level=level)
        rows = [
            replace(adjusted(g.term, g.before, g.after, level=level), name="ANCOVA"),
            replace(
                adjusted(g.term, g.before, g.after, level=level, se="HC3"),
                name="ANCOVA, HC3 standard errors",
            ),
            replace(welch, name="change, Welch's t-test", measure=Measure.CHANGE),
            replace(
                ranked,
                name="Hodges-Lehmann shift of the change, Mann-Whitney test",
                p=tested.p,
                reason=tested.reason or ranked.reason,
                measure=Measure.CHANGE,
            ),
            *self._filled_arms(study, g),
        ]
        ways = self._missing(study)
        rows += ways.rows
        rows = [
            replace(e, group=Versus.of(first, second), measure=Measure.DIFFERENCE_IN_CHANGE)
            for e in rows
        ]
        words = f"difference in {g.outcome.title} ({g.outcome.unit}), {first} − {second}"
        told = Verdicts((), ways.tipping, (first, second), g.sizes)
        found = self._answer(rows, g.counts, g.outcome, told, (*g.notes, *ways.notes), words)
        return replace(found, randomised=g.randomised)

    def _answer(
        self,
        rows: list[Estimate],
        counts: Counts,
        outcome: Outcome,
        told: Verdicts,
        notes: tuple[str, ...],
        axis: str,
    ) -> Result:
        rows = [replace(e, unit=outcome.unit) for e in rows]
        forest = forest_frame(((e.name, e) for e in rows), lambda e: e is rows[0])
        arm = told.arms[0] if told.arms else ""
        each = tuple(_verdict(e, self.level, arm) for e in rows)
        return Result(
            self,
            tuple(rows),
            counts,
            outcome,
            notes,
            {"forest": forest},
            ("forest",),
            detail=replace(told, each=each),
            axis=ValueAxis(axis),
        )

    def _filled_arms(self, study: Study, g: Groups) -> list[Estimate]:
        """Everybody with a score before and an arm: missing later scores as no change, and as the
        worst case for the treatment.
        """
        wide, code = study.wide(self.outcome), codes_of(study, self.by, g.levels)
        before, after = (wide[v].to_numpy(float) for v in (self.before, self.after))
        gone = ~np.isnan(before) & np.isnan(after) & (code >= 0)
        if not gone.any() or not len(g.y):
            return []
        start, code = before[gone], code[gone]
        arm = coded("arm", np.concatenate([g.code, code]), g.levels)
        outcome, low, high = g.outcome, float(g.y.min()), float(g.y.max())
        fills = {"no change": np.zeros(len(start))}
        if outcome.better:
            worst, best = (low, high) if outcome.better == "higher" else (high, low)
            treated = spoken(g.levels[1])
            fills[f"worst case against {treated}"] = np.where(code == 1, worst, best)
            fills[f"best case for {treated}"] = np.where(code == 1, best, worst)
        floor, ceiling = (
            bound if math.isnan(v) else v
            for v, bound in ((outcome.low, -math.inf), (outcome.high, math.inf))
        )
        rows = []
        for words, change in fills.items():
            end = np.clip(start + change, floor, ceiling)
            e = adjusted(
                arm,
                np.concatenate([g.before, start]),
                np.concatenate([g.after, end]),
                level=self.level,
            )
            rows.append(replace(e, name=f"ANCOVA, {len(start)} missing as {words}"))
        return rows

    def _filled(self, study: Study, change: np.ndarray) -> list[Estimate]:
        """Everybody with a score before: missing later scores as no change, and as the worst change
        that was seen.
        """
        wide, outcome = study.wide(self.outcome), study.outcome(self.outcome)
        before = wide[self.before].dropna().to_numpy()
        missing = int(wide.loc[wide[self.before].notna(), self.after].isna().sum())
        if not missing or not len(change):
            return []
        ends = sorted((float(change.min()), float(change.max())))
        worst, best = ends if outcome.better == "higher" else ends[::-1]
        harsh = {"worst change seen": worst, "best change seen": best}
        fills = {"no change": 0.0, **(harsh if outcome.better else {})}
        zero = np.zeros(len(before))
        return [
            replace(
                mean_change(
                    zero, np.concatenate([change, np.full(missing, value)]), level=self.level
                ),
                name=f"mean, {missing} missing as {words}",
                measure=Measure.CHANGE,
            )
            for words, value in fills.items()
        ]

    def sentence(self, result: Result, style: str = "ama") -> str:
        if not result.counts.analysed:
            return f"No patient has {_title(result)} at both visits."
        told = result.told(Verdicts)
        main, names = told.each[0], [e.name for e in result.estimates]
        verdicts = list(zip(names, told.each, strict=True))
        values = [e.value for e in result.estimates if not math.isnan(e.value)]
        k = digits_for(result.outcome.resolution) if result.outcome else 1
        if self.by:
            one, other = (spoken(v) for v in told.arms)
            what = f"difference in {_title(result)} at {spoken(self.after)}, {one} minus {other},"
            who, chosen, reference = (
                f"n={told.sizes}",
                chosen_words(result.randomised, self.by),
                "ANCOVA",
            )
        else:
            what = f"change of {_title(result)} from {spoken(self.before)} to {spoken(self.after)}"
            who, chosen, reference = f"n={result.counts.analysed}", "", "paired t-test"
        turned = lower_is_better(result.outcome) if self.by and result.outcome else ""
        who = f"({who} of {result.counts.enrolled}{turned})"
        if not values:
            return (
                f"The {what} is undefined in every one of {len(result.estimates)} ways"
                f" {who}.{chosen}"
            )
        least, most = number(min(values), k), number(max(values), k)
        found = f"{least} in each" if least == most else f"between {least} and {most}"
        lead = f"Asked in {len(result.estimates)} ways, the {what} was {found} {who}"
        differing = [f"{name} ({v})" for name, v in verdicts if v not in (main, "undefined")]
        undefined = [name for name, v in verdicts if v == "undefined"]
        if main == "undefined":
            return (
                f"{lead}; the {reference} is undefined here, so there is no verdict to compare"
                f" with.{chosen}"
            )
        rest = f" Undefined: {listed(undefined)}." if undefined else ""
        rest = f"{rest} {told.tipping}" if told.tipping else rest
        if not differing:
            each = "every one" if not undefined else "every one that is defined"
            return f"{lead}; {each} led to the same verdict ({main}).{rest}{chosen}"
        return (
            f"{lead}. The {reference} says: {main}. Not the same verdict:"
            f" {listed(differing)}.{rest}{chosen}"
        )

    def methods_text(self) -> str:
        if self.by:
            return (
                "Robustness was judged by asking the same question by ANCOVA with classical and HC3"
                " standard errors, by Welch's t and ranks of the change, and, where scores were"
                " missing, by ANCOVA with these taken as no change, as the worst case against the"
                " treatment and as the best for it, by a mixed model of all visits, by multiple and"
                " reference-based imputation, and by the tipping value."
            )
        return (
            "Robustness was judged by asking the same question with a trimmed mean, ranks, signs,"
            " permutations, and, where scores were missing, with these taken as no change, as the"
            " worst and as the best change seen, by a mixed model of all visits, by multiple"
            " imputation and by the tipping value."
        )


def _title(result: Result) -> str:
    return result.outcome.title if result.outcome else "the score"


def adjusted(
    arm: Term, before: np.ndarray, after: np.ndarray, *, level: float, se: str = "classical"
) -> Estimate:
    """The difference of two arms in the score after, adjusted for the score before (ANCOVA)."""
    design = Design((arm, numeric("before", before)))
    return pairwise(ols(design, after, se=se), design, arm.name, level=level)[0]


def _verdict(e: Estimate, level: float, arm: str) -> str:
    """Which way the estimate points, and whether its own test (or else its interval) excludes no
    change, or no difference.
    """
    if math.isnan(e.value) or (math.isnan(e.p) and math.isnan(e.low)):
        return "undefined"
    clear = below_level(e.p, level) if not math.isnan(e.p) else not (e.low <= 0 <= e.high)
    if not clear or e.value == 0:
        return f"not clearly different from {'no difference' if arm else 'no change'}"
    return f"{'lower' if e.value < 0 else 'higher'}{f' with {spoken(arm)}' if arm else ''}"


@dataclass(frozen=True)
class Verdicts:
    """The verdict of each way, in the order of the estimates; the tipping value in words, and the
    arms with their sizes.
    """

    each: tuple[str, ...]
    tipping: str = ""
    arms: tuple[str, ...] = ()
    sizes: str = ""

    @property
    def survives(self) -> bool:
        """Whether every way that is defined says the same."""
        return len(set(self.each) - {"undefined"}) == 1
