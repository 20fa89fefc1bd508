"""Arms or routes side by side, unadjusted: means and all pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    chosen_words,
    groups_data,
    groups_frame,
    lower_is_better,
    means,
    pair_words,
    two_levels,
    two_words,
    unspread,
    what,
)
from outcomes.core.contrast import Versus
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, number, p_value, spoken
from outcomes.stats.groups.means import (
    d_ppc2,
    games_howell,
    mean_difference,
    standardised_mean_differences,
    welch_anova,
)
from outcomes.study.study import Study


@dataclass(frozen=True, kw_only=True)
class WelchT(_GroupComparison):
    """Did the mean change differ between two groups?

    Difference in mean change (or in the mean score after, where no `before` is given) with Welch's
    t interval and test, which does not take the variances as equal; Hedges' g (pooled SD of what is
    compared, exact correction, noncentral t interval). Of changes also Morris' d_ppc2, the
    difference in units of the pooled SD before: the one to compare with other studies, for it does
    not depend on the correlation of before and after. Secondary to `ANCOVA`, which is more
    precise and does not depend on chance differences at baseline.

    `by` is a patient characteristic such as arm or route, `reference` the group compared with.
    Raises AnalysisError for unknown names and for more than two groups.

    References: Welch 1947 (doi 10.1093/biomet/34.1-2.28); Hedges 1981 (doi
    10.3102/10769986006002107); Morris 2008 (doi 10.1177/1094428106291059).

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
    >>> oc.WelchT("pain", before="pre", after="post", reference="P").run(study)[
    ...     "mean difference"
    ... ].value
    -2.5
    """

    before: str = ""

    short: ClassVar[str] = "Welch's t-test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Welch BL. The generalization of Student's problem when several different population"
            " variances are involved. Biometrika 1947;34:28-35."
        ),
        (
            "Morris SB. Estimating effect sizes from pretest-posttest-control group designs. Organ"
            " Res Methods 2008;11:364-386."
        ),
    )

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        first, second = two_levels(g, instead="GamesHowell")
        y, unit = g.split(g.y), g.outcome.unit
        difference = replace(
            mean_difference(y[first], y[second], level=self.level, unit=unit),
            group=Versus.of(first, second),
        )
        effect = replace(
            standardised_mean_differences(y[first], y[second], level=self.level)["g_s"],
            group=difference.group,
        )
        effects = [effect]
        if self.before:
            (a0, b0), (a1, b1) = (
                [g.split(x)[v] for v in (first, second)] for x in (g.before, g.after)
            )
            effects.append(
                replace(d_ppc2(a0, a1, b0, b1, level=self.level), group=difference.group)
            )
        rows = (
            difference,
            *effects,
            *means(
                y,
                "mean change" if self.before else "mean",
                unit,
                Measure.CHANGE if self.before else Measure.LEVEL,
            ),
        )
        data = groups_data(g)
        return Result(
            self,
            rows,
            g.counts,
            g.outcome,
            (*g.notes, *g.imbalance(self.before)),
            data,
            ("estimation",),
            detail=ComparedGroups.of(g),
            flow=g.flow,
            randomised=g.randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        e, outcome = result.estimates[0], result.outcome
        assert outcome is not None
        told, k = result.told(ComparedGroups), digits_for(outcome.resolution)
        first, second = e.contrast.group, e.contrast.reference
        kind = Measure.CHANGE if self.before else Measure.LEVEL
        a, b = (result.select(measure=kind, group=v)[0].value for v in (first, second))
        about = (
            f"mean change in {outcome.title}"
            if self.before
            else f"mean {outcome.title} at {spoken(self.after)}"
        )
        when = f" from {spoken(self.before)} to {spoken(self.after)}" if self.before else ""
        chosen = chosen_words(result.randomised, self.by)
        if np.isnan(e.value):
            return (
                f"The {about}{when} cannot be compared: {unspread(e.reason)}"
                f" ({told.sizes}).{chosen}"
            )
        return (
            f"The {about}{when} was {number(a, k)} with {spoken(first)} and {number(b, k)} with"
            f" {spoken(second)} (difference {number(e.value, k)}, {two_words(e, k, style)}, Welch;"
            f" n={told.sizes} of {result.counts.enrolled}"
            f" enrolled{lower_is_better(outcome)}).{chosen}"
        )

    def methods_text(self) -> str:
        size = "Hedges (pooled SD)" + (" and Morris (pooled SD before)" if self.before else "")
        several = "s" if self.before else ""
        return (
            "Two groups were compared by Welch's t-test, with the standardised"
            f" difference{several} of {size}."
        )


@dataclass(frozen=True, kw_only=True)
class GamesHowell(_GroupComparison):
    """Which groups differ in their mean change, whatever their variances?

    Welch's analysis of variance over all groups, then all pairs by Games and Howell: simultaneous
    intervals and adjusted p-values from the studentized range. Unadjusted for who is in which
    group: see `ANCOVA`.

    `by` is a patient characteristic such as route; without `before` the scores after are compared.

    References: Games & Howell 1976 (doi 10.3102/10769986001002113); Welch 1951 (Biometrika 38:330).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccddeeff"),
    ...         "visit": ["pre", "post"] * 6,
    ...         "pain": [7, 5, 6, 2, 8, 7, 7, 7, 6, 4, 9, 8],
    ...         "route": ["IV"] * 4 + ["oral"] * 4 + ["IN"] * 4,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="routes",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> oc.GamesHowell("pain", before="pre", after="post", by="route", reference="IV").run(study)[
    ...     "IN - IV"
    ... ].value
    1.5
    """

    before: str = ""

    short: ClassVar[str] = "Games-Howell"

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        y, unit = g.split(g.y), g.outcome.unit
        pairs = games_howell(y, level=self.level, unit=unit)
        rows = (
            welch_anova(y).estimate("groups differ", how="Welch"),
            *(replace(e, name=e.group, group="", place=e.contrast) for e in pairs),
            *means(
                y,
                "mean change" if self.before else "mean",
                unit,
                Measure.CHANGE if self.before else Measure.LEVEL,
            ),
        )
        forest = forest_frame((e.group, e) for e in pairs)
        return Result(
            self,
            rows,
            g.counts,
            g.outcome,
            (*g.notes, *g.imbalance(self.before)),
            {"forest": forest, "groups": groups_frame(g)},
            ("forest",),
            detail=ComparedGroups.of(g),
            flow=g.flow,
            axis=ValueAxis(f"difference in {what(g, self.before, self.after)}"),
            randomised=g.randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        k, test = digits_for(outcome.resolution), result.estimates[0]
        about = f"{'change in ' if self.before else ''}{outcome.title}{self._when}"
        pairs = [e for e in result.estimates if e.contrast.reference]
        overall = (
            f"Welch's {p_value(test.p, style)}"
            if not test.reason
            else f"no overall test: {unspread(test.reason)}"
        )
        return (
            f"Mean {about} by {spoken(self.by)} ({overall};"
            f" n={result.told(ComparedGroups).sizes} of {result.counts.enrolled} enrolled):"
            f" {pair_words(result, pairs, k, style, 'Games-Howell')}"
            f"{lower_is_better(outcome)}."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        return "Groups were compared by Welch's analysis of variance and all pairs by Games-Howell."
