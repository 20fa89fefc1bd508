"""Comparisons that are easily got wrong: differences between subgroups, and change within each
arm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    adjusted_words,
    chosen_words,
    codes_of,
    covariate_terms,
    groups_data,
    lower_is_better,
    two_words,
    unspread,
    versus,
)
from outcomes.analyses.regression.model_checks import checks_of_fit
from outcomes.core.contrast import Contrast, Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import Frames, ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, listed, number, p_value, plural, spoken
from outcomes.stats.groups.means import mean_difference
from outcomes.stats.multiplicity import adjust
from outcomes.stats.paired.location import mean_change
from outcomes.stats.regression.linear import Design, interaction, numeric, ols
from outcomes.study.study import Study

#: A subgroup variable with more levels than this is a number, or a list of names.
MAX_SUBGROUPS = 8


@dataclass(frozen=True, kw_only=True)
class Interaction(_GroupComparison):
    """Does the difference between arms depend on a subgroup?

    Linear model after = before + group + subgroup + group × subgroup (+ covariates): the F test of
    the interaction comes first, because only it answers the question; then the adjusted difference
    between arms in each subgroup with its interval, without p-values (a difference that is clear in
    one subgroup and not in another is no difference between subgroups). With more than two arms
    each is compared with the reference.

    Subgroups should be few and declared beforehand; the test has little power. Raises AnalysisError
    for unknown names or a subgroup variable with more than 8 levels.

    References: Assmann et al 2000 (doi 10.1016/S0140-6736(00)02039-0); Altman & Bland 2003 (doi
    10.1136/bmj.326.7382.219).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [f"p{i}" for i in range(8) for _ in "ab"],
    ...         "visit": ["pre", "post"] * 8,
    ...         "pain": [7, 5, 6, 3, 8, 5, 7, 7, 6, 5, 9, 8, 5, 4, 8, 8],
    ...         "arm": ["K"] * 8 + ["P"] * 8,
    ...         "crps": ["yes", "yes", "no", "no"] * 4,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.Interaction(
    ...     "pain", before="pre", after="post", subgroup="crps", reference="P"
    ... ).run(study)
    >>> result.estimates[0].name, round(result["K - P | crps: yes"].value, 2)
    ('interaction', -2.0)
    """

    subgroup: str
    covariates: tuple[str, ...] = ()
    se: str = "classical"

    short: ClassVar[str] = "difference by subgroup"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Assmann SF, et al. Subgroup analysis and other (mis)uses of baseline data in clinical"
            " trials. Lancet 2000;355:1064-1069."
        ),
    )

    @property
    def _known(self) -> tuple[str, ...]:
        return (self.subgroup, *self.covariates)

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        g, terms = covariate_terms(study, g, self.covariates, factors=(self.subgroup,))
        *rest, sub = terms
        if len(sub.levels) > MAX_SUBGROUPS or len(sub.levels) < 2:
            there = plural(len(sub.levels), "level")
            what_to_do = (
                "Make bands of it first."
                if len(sub.levels) > MAX_SUBGROUPS
                else "There is nothing to compare."
            )
            raise AnalysisError(
                f"{spoken(self.subgroup)} has {there} among the patients with the scores;"
                f" subgroups are 2 to {MAX_SUBGROUPS}. {what_to_do}"
            )
        arm = g.term
        design = Design((arm, numeric("before", g.before), *rest, sub, interaction(arm, sub)))
        fit = ols(design, g.after, se=self.se)
        test = fit.wald(design.columns_of(f"{self.by}:{self.subgroup}")).estimate(
            "interaction", how=f"{self.se} standard errors"
        )
        sizes = np.bincount(codes_of(study, self.subgroup, sub.levels)[g.place])
        rows, lines = [test], []
        for level, n in zip(sub.levels, sizes.tolist(), strict=True):
            for other in g.levels[1:]:
                row = design.row(**{self.by: other, self.subgroup: level}) - design.row(
                    **{self.by: g.levels[0], self.subgroup: level}
                )
                group = f"{spoken(self.subgroup)}: {level}"
                e = fit.contrast(
                    row,
                    name=f"{other} - {g.levels[0]}",
                    level=self.level,
                    group=group,
                    unit=g.outcome.unit,
                    measure=Measure.DIFFERENCE,
                )
                where = Contrast(group=other, reference=g.levels[0], subgroup=group)
                how = f"{e.how}; no p-value: see the interaction"
                rows.append(replace(e, p=np.nan, how=how, place=where))
                lines.append((f"{group} (n={n})" + (f", {e.name}" if len(g.levels) > 2 else ""), e))
        return Result(
            self,
            tuple(rows),
            g.counts,
            g.outcome,
            (*g.notes, *g.imbalance(self.before, adjusted=True)),
            Frames({"forest": forest_frame(lines), **checks_of_fit(fit, g.after)}),
            ("forest",),
            detail=ComparedGroups.of(g),
            axis=ValueAxis(Phrase.of("adjusted difference in {score}", score=g.outcome)),
            randomised=g.randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        test, outcome = result.estimates[0], result.outcome
        assert outcome is not None
        k = digits_for(outcome.resolution)
        words = [f"{_amount(e, k)} for {versus(e)} ({e.group})" for e in result.estimates[1:]]
        unit = f", in {outcome.unit}," if outcome.unit else ""
        tested = (
            f"interaction {p_value(test.p, style)}"
            if not test.reason
            else f"no test of interaction: {unspread(test.reason)}"
        )
        return (
            f"Adjusted differences in {outcome.title}{unit} at {spoken(self.after)} by"
            f" {spoken(self.subgroup)} were {'; '.join(words)} "
            f"({tested}; n={result.told(ComparedGroups).sizes} of {result.counts.enrolled}"
            f" enrolled{lower_is_better(outcome)})."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        return (
            f"Whether the difference between groups depended on {spoken(self.subgroup)} was judged"
            " by the interaction in an analysis of covariance; differences within subgroups are"
            " shown with intervals and without p-values."
        )


@dataclass(frozen=True, kw_only=True)
class ChangeByArm(_GroupComparison):
    """Both arms improved: did one improve more?

    The mean change in each arm is shown with its interval and on purpose without a p-value: that
    one arm changed "significantly" and the other did not is no comparison of the arms. The
    comparison is the difference in mean change (Welch), first in the table; `ANCOVA` is the more
    precise form of it.

    Raises AnalysisError for unknown names or fewer than two groups.

    References: Bland & Altman 2011 (doi 10.1186/1745-6215-12-264).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccdd"),
    ...         "visit": ["pre", "post"] * 4,
    ...         "pain": [7, 5, 6, 2, 8, 7, 7, 7],
    ...         "arm": ["K"] * 4 + ["P"] * 4,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.ChangeByArm("pain", before="pre", after="post", reference="P").run(study)
    >>> (
    ...     result["difference in change"].value,
    ...     result["mean change | K"].value,
    ...     result["mean change | K"].p,
    ... )
    (-2.5, -3.0, nan)
    """

    short: ClassVar[str] = "change in each arm, and their difference"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Bland JM, Altman DG. Comparisons against baseline within randomised groups are often"
            " used and can be highly misleading. Trials 2011;12:264."
        ),
    )

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        unit, first, y = g.outcome.unit, g.levels[0], g.split(g.y)
        rows = [
            replace(
                mean_difference(y[v], y[first], level=self.level, unit=unit),
                name="difference in change",
                group=Versus.of(v, first),
                measure=Measure.DIFFERENCE_IN_CHANGE,
            )
            for v in g.levels[1:]
        ]
        if len(rows) > 1:
            rows = [
                replace(e, p_adjusted=p)
                for e, p in zip(rows, adjust([e.p for e in rows]), strict=True)
            ]
        before, after = g.split(g.before), g.split(g.after)
        how = "t interval; no p-value within an arm: it compares nothing with the other arm"
        rows += [
            replace(
                mean_change(before[v], after[v], level=self.level),
                p=np.nan,
                statistic=np.nan,
                unit=unit,
                group=v,
                how=how,
            )
            for v in g.levels
        ]
        notes = (
            *g.notes,
            *g.imbalance(self.before),
            (
                "P values within arms are left out: a clear change in one arm and not in the other"
                " is no difference between arms."
            ),
        )
        return Result(
            self,
            tuple(rows),
            g.counts,
            g.outcome,
            notes,
            groups_data(g),
            detail=ComparedGroups.of(g),
            flow=g.flow,
            randomised=g.randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        k, told = digits_for(outcome.resolution), result.told(ComparedGroups)
        within = [
            f"{_amount(e, k)} with {spoken(e.group)}" for e in result.select(measure=Measure.CHANGE)
        ]
        between = "; ".join(
            f"{versus(e)} {_between(result, e, k, style)}"
            for e in result.estimates
            if e.measure is Measure.DIFFERENCE_IN_CHANGE
        )
        return (
            f"Mean change in {outcome.title} from {spoken(self.before)} to {spoken(self.after)} was"
            f" {listed(within)}; the "
            f"comparison is the difference between groups: {between} (n={told.sizes} of"
            f" {result.counts.enrolled} "
            f"enrolled{lower_is_better(outcome)})."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        return (
            "Mean change is shown in each arm with intervals only; arms were compared by the"
            " difference in mean change (Welch)."
        )


def _amount(e: Estimate, k: int) -> str:
    """'−2.0 (95% CI, −3.1 to −0.9)', or why there is no interval, or no value."""
    if np.isnan(e.value):
        return f"not known ({unspread(e.reason)})"
    limits = (
        f"no interval: {unspread(e.reason)}"
        if e.reason
        else interval(e.low, e.high, k, level=e.level)
    )
    return f"{number(e.value, k)} ({limits})"


def _between(result: Result, e: Estimate, k: int, style: str) -> str:
    """A difference between groups with its test, and with Holm's p where there are several."""
    if np.isnan(e.value):
        return _amount(e, k)
    adjusted = adjusted_words(result, e, style)
    return (
        f"{number(e.value, k)} ({two_words(e, k, style)},"
        f" Welch{f'; {adjusted}' if adjusted else ''})"
    )
