"""Arms or routes side by side, adjusted for the score before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    Groups,
    JointEffect,
    chosen_words,
    covariate_terms,
    groups_frame,
    lower_is_better,
    pair_words,
    two_words,
    unspread,
)
from outcomes.analyses.regression.model_checks import checks_of_fit
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import Frames, ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import capital, digits_for, listed, number, spoken
from outcomes.stats.groups.means import mean_difference, standardised_difference
from outcomes.stats.regression.linear import (
    Design,
    Fit,
    adjusted_means,
    interaction,
    numeric,
    ols,
    pairwise,
)
from outcomes.study.study import Study


@dataclass(frozen=True, kw_only=True)
class ANCOVA(_GroupComparison):
    """Did the score after differ between arms or routes, for patients with the same score before?

    Linear model after = α + β·before + τ·group (+ covariates, + site as a factor), least squares; τ
    with its t interval on n − p df. The same τ comes out when the change is the outcome. `se="HC3"`
    allows for unequal variances. Adjusted means are at the mean of every number and equal parts of
    every factor. More than two groups: all pairs, adjusted by `pairwise` ("tukey", simultaneous
    intervals, or "holm"), and the F test that groups differ at all comes first.

    Beside it: the difference in units of the SD before of all enrolled; the unadjusted difference
    in change; the standardised difference of the scores before (overlap: beyond 0.25 is noted); the
    test whether the slope on the score before is the same in all groups.

    Where groups were not randomised (routes) the difference describes these groups, it is not an
    effect of the route; adjusting for the score before and comparing changes then answer different
    questions (Lord's paradox).

    Raises AnalysisError for unknown names, fewer than two groups, or an unknown option.

    References: Vickers & Altman 2001 (doi 10.1136/bmj.323.7321.1123); Lord 1967 (doi
    10.1037/h0025105); MacKinnon & White 1985 (doi 10.1016/0304-4076(85)90158-7).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccddeeff"),
    ...         "visit": ["pre", "post"] * 6,
    ...         "pain": [7, 5, 6, 3, 8, 5, 7, 7, 6, 5, 9, 8],
    ...         "arm": ["K"] * 6 + ["P"] * 6,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> e = oc.ANCOVA("pain", before="pre", after="post", reference="P").run(study)[
    ...     "adjusted difference"
    ... ]
    >>> round(e.value, 3), round(e.p, 3)
    (-2.017, 0.035)
    """

    covariates: tuple[str, ...] = ()
    site: str | bool = ""
    se: str = "classical"
    pairwise: str = "tukey"

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.MODELLED, Trait.LINEAR})
    short: ClassVar[str] = "ANCOVA"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Vickers AJ, Altman DG. Analysing controlled trials with baseline and follow up"
            " measurements. BMJ 2001;323:1123-1124."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in {
            "se": ("classical", "HC2", "HC3"),
            "pairwise": ("tukey", "holm"),
        }.items():
            if getattr(self, name) not in allowed:
                raise AnalysisError(unknown(name, str(getattr(self, name)), allowed))

    @property
    def _known(self) -> tuple[str, ...]:
        return (self._site, *self.covariates)

    def compute(self, study: Study) -> Result:
        g, design = self._design(study)
        fit = ols(design, g.after, se=self.se)
        unit = g.outcome.unit
        pairs = pairwise(fit, design, self.by, adjust=self.pairwise, level=self.level, unit=unit)
        overall = fit.wald(design.columns_of(self.by)).estimate(
            "groups differ", how=f"{self.se} standard errors"
        )
        at_start = _baseline(g)
        rows = [
            *([overall] if len(g.levels) > 2 else []),
            *pairs,
            *adjusted_means(fit, design, self.by, level=self.level, unit=unit),
            *_in_sd(pairs, study.wide(self.outcome)[self.before].std(ddof=1), self.before),
            *_unadjusted(g, pairs, self.level),
            *at_start,
            _slopes(g, design),
        ]
        drawn = {
            "forest": partial(forest_frame, [(e.group, e) for e in pairs]),
            "groups": partial(groups_frame, g),
            **checks_of_fit(fit, g.after),
        }
        notes = (*g.notes, *_notes(g, fit, self.before))
        return Result(
            self,
            tuple(rows),
            g.counts,
            g.outcome,
            notes,
            Frames(drawn),
            ("forest",),
            detail=_Adjusted(
                g.levels, g.sizes, "before" not in fit.aliased, joint=_joint(fit, design, self.by)
            ),
            flow=g.flow,
            axis=ValueAxis(Phrase.of("adjusted difference in {score}", score=g.outcome)),
            randomised=g.randomised,
        )

    @property
    def _site(self) -> str:
        return "site" if self.site is True else str(self.site or "")

    def _design(self, study: Study) -> tuple[Groups, Design]:
        g = self._groups(study)
        g, terms = covariate_terms(
            study, g, self.covariates, factors=(self._site,) if self._site else ()
        )
        return g, Design((g.term, numeric("before", g.before), *terms))

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        k = digits_for(outcome.resolution)
        told = result.told(_Adjusted)
        also = [spoken(c) for c in (*self.covariates, *([self._site] if self._site else []))]
        at_start = [f"the score at {spoken(self.before)}"] if told.start else []
        lead = f"Adjusted for {listed([*at_start, *also])}, " if [*at_start, *also] else ""
        model = "ANCOVA" + (f", {self.se} standard errors" if self.se != "classical" else "")
        who = f"n={told.sizes} of {result.counts.enrolled} enrolled{lower_is_better(outcome)}"
        chosen = chosen_words(result.randomised, self.by)
        pairs = result.select(measure=Measure.DIFFERENCE)
        if len(pairs) > 1:
            words = pair_words(
                result,
                pairs,
                k,
                style,
                {"tukey": "Tukey", "holm": "Holm"}[self.pairwise],
            )
            return capital(
                f"{lead}{outcome.title} at {spoken(self.after)}: {words} ({model}; {who}).{chosen}"
            )
        e = pairs[0]
        first, second = e.contrast.group, e.contrast.reference
        a, b = (result.select(measure=Measure.LEVEL, group=v)[0].value for v in (first, second))
        if np.isnan(e.value):
            title = f"{outcome.title} at {spoken(self.after)}"
            return capital(
                f"{lead}{title} cannot be compared: {unspread(e.reason)} ({model}; {who}).{chosen}"
            )
        return capital(
            f"{lead}mean {outcome.title} at {spoken(self.after)} was {number(a, k)} with"
            f" {spoken(first)} and {number(b, k)} with {spoken(second)} (adjusted difference"
            f" {number(e.value, k)} {outcome.unit}, {two_words(e, k, style)}; {model};"
            f" {who}).{chosen}"
        )

    def methods_of(self, result: Result) -> str:
        """Of two groups no word of several."""
        told = result.about(ComparedGroups)
        return self._methods(several=told is None or len(told.groups) > 2)

    def methods_text(self) -> str:
        return self._methods(several=True)

    def _methods(self, *, several: bool) -> str:
        also = listed([spoken(c) for c in self.covariates]) if self.covariates else ""
        site = f", with {spoken(self._site)} as a factor" if self._site else ""
        errors = f" with {self.se} standard errors" if self.se != "classical" else ""
        pairs = {"tukey": "Tukey's simultaneous intervals", "holm": "Holm's adjustment"}[
            self.pairwise
        ]
        return (
            f"Groups were compared by analysis of covariance{errors}, adjusted for the score"
            f" before{' and ' + also if also else ''}{site}"
            f"{f'; with more than two groups all pairs were compared with {pairs}' * several}."
        )


@dataclass(frozen=True)
class _Adjusted(ComparedGroups):
    """With whether the score before could be adjusted for (not where all are equal)."""

    start: bool


def _joint(fit: Fit, design: Design, by: str) -> JointEffect:
    """What the test of all groups rests on."""
    at = [j for j in design.columns_of(by) if not np.isnan(fit.coefficients[j])]
    return JointEffect(fit.coefficients[at], fit.covariance[np.ix_(at, at)], fit.df)


def _in_sd(pairs: tuple[Estimate, ...], sd: float, before: str) -> list[Estimate]:
    """The differences in units of the SD before of all enrolled, taken as known."""
    if not sd > 0:
        return [
            Estimate(
                "standardised difference",
                np.nan,
                group=e.group,
                unit="SD",
                reason="zero_variance",
                measure=Measure.STANDARDISED_DIFFERENCE,
            )
            for e in pairs
        ]
    how = f"adjusted difference / SD at {spoken(before)} of all enrolled, the SD taken as known"
    return [
        Estimate(
            "standardised difference",
            e.value / sd,
            e.low / sd,
            e.high / sd,
            e.level,
            unit="SD",
            how=how,
            group=e.group,
            reason=e.reason,
            measure=Measure.STANDARDISED_DIFFERENCE,
        )
        for e in pairs
    ]


def _unadjusted(g: Groups, pairs: tuple[Estimate, ...], level: float) -> list[Estimate]:
    """Differences in mean change, Welch, for the same pairs."""
    y = g.split(g.y)
    rows = []
    for e in pairs:
        b, a = e.contrast.group, e.contrast.reference
        row = mean_difference(y[b], y[a], level=level, unit=g.outcome.unit)
        rows.append(
            replace(
                row,
                name="difference in change",
                group=e.group,
                how="unadjusted, Welch",
                measure=Measure.DIFFERENCE_IN_CHANGE,
            )
        )
    return rows


def _baseline(g: Groups) -> list[Estimate]:
    """How far each group's scores before are from the reference's, in SDs."""
    x, first = g.split(g.before), g.levels[0]
    rows = []
    for level in g.levels[1:]:
        value = (
            standardised_difference(x[level], x[first])
            if min(len(x[level]), len(x[first]))
            else np.nan
        )
        why = (
            ""
            if not np.isnan(value)
            else "zero_variance"
            if min(len(x[level]), len(x[first])) > 1
            else "too_few"
        )
        rows.append(
            Estimate(
                "difference before",
                value,
                unit="SD",
                group=Versus.of(level, first),
                reason=why,
                how="standardised by √((s₁²+s₂²)/2)",
                measure=Measure.STANDARDISED_DIFFERENCE,
            )
        )
    return rows


def _slopes(g: Groups, design: Design) -> Estimate:
    """Is the slope on the score before the same in all groups?"""
    by, before, *rest = design.terms
    centred = numeric("before", before.columns[:, 0], center=True)
    full = Design((by, centred, *rest, interaction(by, centred)))
    return ols(full, g.after).wald(full.columns_of(f"{by.name}:before")).estimate("slopes differ")


def _notes(g: Groups, fit: Fit, before: str) -> list[str]:
    notes = list(g.imbalance(before, adjusted=True))
    if not g.randomised:
        notes.append(
            "With groups that were chosen, adjusting for the score before and comparing changes"
            " answer different questions (Lord's paradox): both are shown."
        )
    if "before" in fit.aliased:
        notes.append(
            f"The score at {spoken(before)} cannot be told apart from the groups or is the same in"
            " everybody: nothing was adjusted for it."
        )
    others = [n for n in fit.aliased if n != "before"]
    if others:
        notes.append(
            "Not told apart from other columns of the model, and left out:"
            f" {listed([_column(n) for n in others])}."
        )
    return notes


def _column(name: str) -> str:
    """A column of the design as a person says it: 'site B' of 'site[B]'."""
    return spoken(name.replace("[", " ").replace("]", ""))
