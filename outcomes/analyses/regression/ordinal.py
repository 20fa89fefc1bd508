"""Ordered answers (PGIC, severity) between arms or routes."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    Groups,
    chosen_words,
    covariate_terms,
    grouped,
    versus,
)
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, listed, number, p_value, spoken
from outcomes.stats.groups.ranks import kruskal_wallis, mann_whitney
from outcomes.stats.regression.linear import Design
from outcomes.stats.regression.ordinal import OrdinalFit, likelihood_ratio, proportional_odds
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class ProportionalOdds(Analysis):
    """Are the odds of a better answer (PGIC, severity) different between arms or routes?

    Proportional odds model logit P(Y ≤ k) = ζ_k − x'β by maximum likelihood: one odds ratio of a
    better answer, the same at every cut of the scale, with its Wald interval; the likelihood-ratio
    test of all groups at once comes first. Beside it the odds ratio at each cut alone, which shows
    whether "the same at every cut" holds, and the exact Mann-Whitney test (Kruskal-Wallis for more
    groups), which does not need it.

    "Better" is the instrument's: lower for the PGIC of 1 (very much improved) to 7. Where a score
    has no better side the odds are those of a higher answer. Raises AnalysisError for unknown names
    or fewer than two groups.

    References: McCullagh 1980 (J R Stat Soc B 42:109); Agresti 2010, Analysis of Ordinal
    Categorical Data, chapter 3.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefgh"),
    ...         "visit": ["post"] * 8,
    ...         "pgic": [1, 2, 1, 3, 2, 3, 2, 3],
    ...         "arm": ["K"] * 4 + ["P"] * 4,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("post",),
    ...     design="parallel",
    ...     measures={"pgic": oc.Outcome("pgic", "PGIC", "lower")},
    ... )
    >>> round(
    ...     oc.ProportionalOdds("pgic", after="post", reference="P")
    ...     .run(study)["odds ratio of a better answer"]
    ...     .value,
    ...     2,
    ... )
    6.77
    """

    outcome: str
    _: KW_ONLY
    after: str
    by: str = "arm"
    reference: str = ""
    covariates: tuple[str, ...] = ()

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.RATINGS, Trait.WORST_RANK})
    short: ClassVar[str] = "proportional odds"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        "McCullagh P. Regression models for ordinal data. J R Stat Soc B 1980;42:109-142.",
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.after,), (self.by, *self.covariates))

    def compute(self, study: Study) -> Result:
        g = grouped(study, self.outcome, after=self.after, by=self.by, reference=self.reference)
        g, terms = covariate_terms(study, g, self.covariates)
        there = np.unique(g.code)
        code, levels = np.searchsorted(there, g.code), tuple(g.levels[i] for i in there)
        g = replace(g, levels=levels, code=code)
        if len(g.levels) < 2:
            raise AnalysisError(
                f"A comparison by {spoken(self.by)} needs two groups with answers;"
                f" {listed(list(g.levels))} has any."
            )
        arm = g.term
        design = Design((arm, *terms))
        sign = -1.0 if g.outcome.better == "lower" else 1.0
        fit = proportional_odds(design, g.after)
        smaller = proportional_odds(Design(tuple(terms)), g.after) if terms else None
        name = odds_name(g.outcome)
        ratios = [
            odds_ratio(fit, f"{self.by}[{v}]", sign, name, Versus.of(v, g.levels[0]), self.level)
            for v in g.levels[1:]
        ]
        rows = [
            replace(
                likelihood_ratio(fit, smaller), name="groups differ", measure=Measure.OVERALL_TEST
            ),
            *ratios,
            self._ranks(g),
        ]
        lines = [(f"{versus(e)}, all cuts", e) for e in ratios]
        lines += [line for v in g.levels[1:] for line in self._cuts(design, g, v, sign)]
        given = pd.crosstab(pd.Series(g.labels, name="group"), pd.Series(g.after, name="answer"))
        data = {
            "forest": forest_frame(lines, lambda e: e in ratios),
            "answers": given.reset_index(),
        }
        return Result(
            self,
            tuple(rows),
            g.counts,
            g.outcome,
            g.notes,
            data,
            ("forest",),
            detail=ComparedGroups.of(g),
            axis=ValueAxis(name, null=1.0, log=True, better="higher" if g.outcome.better else ""),
            randomised=g.randomised,
        )

    def _ranks(self, g: Groups) -> Estimate:
        y = g.split(g.after)
        if len(g.levels) > 2:
            return replace(kruskal_wallis(y), name="Kruskal-Wallis H")
        e = mann_whitney(y[g.levels[1]], y[g.levels[0]])
        return replace(e, name="Mann-Whitney U", group=Versus.of(g.levels[1], g.levels[0]))

    def _cuts(
        self, design: Design, g: Groups, level: str, sign: float
    ) -> list[tuple[str, Estimate]]:
        """The odds ratio at each cut of the scale alone (a logistic model of being above it)."""
        lines: list[tuple[str, Estimate]] = []
        for cut in np.unique(g.after)[:-1]:
            e = odds_ratio(
                proportional_odds(design, (g.after > cut).astype(float)),
                f"{self.by}[{level}]",
                sign,
                "",
                Versus.of(level, g.levels[0]),
                self.level,
            )
            words = f"{versus(e)}, ≤{cut:g} against more"
            lines.append((words, e))
        return lines

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, test = result.outcome, result.estimates[0]
        assert outcome is not None
        name = odds_name(outcome)
        lead = (
            f"{outcome.title[:1].upper()}{outcome.title[1:]} at {spoken(self.after)} by"
            f" {spoken(self.by)}"
        )
        adjusted = (
            f", adjusted for {listed([spoken(c) for c in self.covariates])}"
            if self.covariates
            else ""
        )
        told = result.told(ComparedGroups)
        who = f"n={told.sizes} of {result.counts.enrolled} enrolled"
        ranks, chosen = result.estimates[-1], chosen_words(result.randomised, self.by)
        test_name = "Kruskal-Wallis" if len(told.groups) > 2 else "Mann-Whitney"
        tested = f"{test_name} {p_value(ranks.p, style)}"
        if test.reason:
            return (
                f"{lead}: the proportional odds model gives no estimate, {REASONS[test.reason]}"
                f" ({tested}; {who}).{chosen}"
            )
        ratios = [
            f"{versus(e, 'against')} {number(e.value, 2)}"
            f" ({interval(e.low, e.high, 2, level=e.level)})"
            for e in result.estimates
            if e.measure is Measure.ODDS_RATIO
        ]
        return (
            f"{lead}: {name} {'; '.join(ratios)} (proportional odds{adjusted}; likelihood-ratio"
            f" {p_value(test.p, style)}; {tested}; {who}).{chosen}"
        )

    def methods_text(self) -> str:
        also = (
            f", adjusted for {listed([spoken(c) for c in self.covariates])}"
            if self.covariates
            else ""
        )
        return (
            f"Ordered answers were compared by a proportional odds model{also}, with a rank test"
            " beside it."
        )


def odds_name(outcome: Outcome) -> str:
    """What the odds ratio is of: a better answer, or a higher one where no side is better."""
    return "odds ratio of a better answer" if outcome.better else "odds ratio of a higher answer"


def odds_ratio(
    fit: OrdinalFit, column: str, sign: float, name: str, group: Versus, level: float
) -> Estimate:
    """exp(sign·β) with its interval; the statistic, se and p are those of the log odds ratio."""
    if fit.reason:
        return Estimate(
            name,
            math.nan,
            level=level,
            reason=fit.reason,
            group=group,
            measure=Measure.ODDS_RATIO,
            how="proportional odds",
        )
    e = fit.coefficient(column, level=level)
    low, high = sorted((sign * e.low, sign * e.high))
    return replace(
        e,
        name=name,
        group=group,
        measure=Measure.ODDS_RATIO,
        value=math.exp(sign * e.value),
        low=math.exp(low),
        high=math.exp(high),
        statistic=sign * e.statistic,
        how=f"{e.how}; se of the log odds ratio",
    )
