"""Several arms, each against the same reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    Groups,
    chosen_words,
    covariate_terms,
    groups_frame,
    lower_is_better,
    pair_words,
)
from outcomes.analyses.regression.model_checks import checks_of_fit
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.picture import Frames, ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, listed, spoken
from outcomes.stats.groups.dunnett import dunnett_critical, dunnett_p
from outcomes.stats.regression.linear import (
    Design,
    Fit,
    adjusted_means,
    numeric,
    ols,
)
from outcomes.study.study import Study


@dataclass(frozen=True, kw_only=True)
class Dunnett(_GroupComparison):
    """Which arms differ from the reference, when there are several of them?

    Every arm against the declared `reference` and no other pairs: simultaneous intervals and P from
    the multivariate t distribution of the differences (Dunnett's test), which lose less than
    Tukey's over all pairs. One linear model with one residual SD for all arms: with `before` the
    score after is adjusted for the score before (`model="ancova"`) or the changes are compared
    (`model="change"`); without it, the scores after. `p` is the raw one, `p_adjusted` Dunnett's.
    With two arms it is the t-test.

    The reference is declared, for the test depends on it. Raises AnalysisError for unknown names, a
    reference that is no group, or an unknown `model`.

    References: Dunnett 1955 (doi 10.1080/01621459.1955.10501294); Hothorn 2008 (doi
    10.1002/bimj.200810425).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccddeeff"),
    ...         "visit": ["pre", "post"] * 6,
    ...         "pain": [7, 5, 6, 3, 8, 5, 7, 7, 6, 5, 9, 8],
    ...         "arm": ["placebo"] * 4 + ["low"] * 4 + ["high"] * 4,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.Dunnett(
    ...     "pain", before="pre", after="post", reference="placebo", model="change"
    ... ).run(study)
    >>> round(result["difference in change | high - placebo"].p_adjusted, 3)
    0.489
    """

    before: str = ""
    model: str = "ancova"
    covariates: tuple[str, ...] = ()

    short: ClassVar[str] = "Dunnett's test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Dunnett CW. A multiple comparison procedure for comparing several treatments with a"
            " control. J Am Stat Assoc 1955;50:1096-1121."
        ),
        (
            "Hothorn T, Bretz F, Westfall P. Simultaneous inference in general parametric models."
            " Biom J 2008;50:346-363."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in ("ancova", "change"):
            raise AnalysisError(unknown("model", self.model, ("ancova", "change")))

    @property
    def _known(self) -> tuple[str, ...]:
        return self.covariates

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        g, terms = covariate_terms(study, g, self.covariates)
        arm = g.term
        first = (numeric("before", g.before),) if self._adjusts else ()
        design = Design((arm, *first, *terms))
        y = g.after if self._adjusts else g.y
        fit = ols(design, y)
        pairs, notes = (
            self._pairs(g, fit, design),
            [
                *g.notes,
                *g.imbalance(self.before, adjusted=self._adjusts),
            ],
        )
        means = adjusted_means(fit, design, self.by, level=self.level, unit=g.outcome.unit)
        if not self.covariates and not self._adjusts:
            label, kind = (
                ("mean change", Measure.CHANGE) if self.before else ("mean", Measure.LEVEL)
            )
            means = tuple(replace(e, name=label, measure=kind) for e in means)
        axis = f"difference from {spoken(g.levels[0])} in {self._what(g.outcome.title)}"
        forest = forest_frame((e.group, e) for e in pairs)
        return Result(
            self,
            (*pairs, *means),
            g.counts,
            g.outcome,
            tuple(notes),
            Frames({"forest": forest, "groups": groups_frame(g), **checks_of_fit(fit, y)}),
            ("forest",),
            detail=ComparedGroups.of(g),
            flow=g.flow,
            axis=ValueAxis(axis),
            randomised=g.randomised,
        )

    @property
    def _adjusts(self) -> bool:
        return bool(self.before) and self.model == "ancova"

    def _what(self, title: str) -> str:
        if self.before and not self._adjusts:
            return f"change in {title} from {spoken(self.before)} to {spoken(self.after)}"
        return f"{title} at {spoken(self.after)}"

    def _pairs(self, g: Groups, fit: Fit, design: Design) -> list[Estimate]:
        change = bool(self.before) and not self._adjusts
        name, kind = (
            ("difference in change", Measure.DIFFERENCE_IN_CHANGE)
            if change
            else ("adjusted difference" if self._adjusts else "difference", Measure.DIFFERENCE)
        )
        first = design.row(**{self.by: g.levels[0]})
        rows = [design.row(**{self.by: v}) - first for v in g.levels[1:]]
        raw = [
            fit.contrast(
                row,
                name=name,
                level=self.level,
                group=Versus.of(v, g.levels[0]),
                unit=g.outcome.unit,
                measure=kind,
            )
            for v, row in zip(g.levels[1:], rows, strict=True)
        ]
        known = [i for i, e in enumerate(raw) if not e.reason]
        if len(known) < 2:
            return raw
        correlation = _correlation(fit, np.array([rows[i] for i in known]))
        half = dunnett_critical(self.level, correlation, fit.df)
        for i in known:
            e = raw[i]
            raw[i] = replace(
                e,
                low=e.value - half * e.se,
                high=e.value + half * e.se,
                p_adjusted=dunnett_p(e.statistic, correlation, fit.df),
                how=f"{e.how}, Dunnett simultaneous interval",
            )
        return raw

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        pairs = [e for e in result.estimates if e.contrast.reference]
        words = pair_words(result, pairs, digits_for(outcome.resolution), style, "Dunnett")
        also = [spoken(c) for c in self.covariates]
        lead = [f"the score at {spoken(self.before)}", *also] if self._adjusts else also
        adjusted = f"Adjusted for {listed(lead)}, " if lead else ""
        what = self._what(outcome.title)
        start = f"{adjusted}{what}" if adjusted else f"{what[:1].upper()}{what[1:]}"
        return (
            f"{start}: {words} (n={result.told(ComparedGroups).sizes} of {result.counts.enrolled}"
            f" enrolled{lower_is_better(outcome)})."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        also = [spoken(c) for c in self.covariates]
        lead = ["the score before", *also] if self._adjusts else also
        adjusted = f", adjusted for {listed(lead)}" if lead else ""
        what = "mean changes" if self.before and not self._adjusts else "mean scores"
        return (
            f"Each group was compared with the reference in a linear model of {what}{adjusted};"
            " intervals and P values are simultaneous (Dunnett, multivariate t)."
        )


def _correlation(fit: Fit, rows: np.ndarray) -> np.ndarray:
    """The correlation of the differences, from the covariance of the coefficients."""
    kept = ~np.isnan(fit.coefficients)
    v = rows[:, kept] @ fit.covariance[np.ix_(kept, kept)] @ rows[:, kept].T
    sd = np.sqrt(np.diag(v))
    return np.asarray(v / np.outer(sd, sd))
