"""Several arms or routes side by side, their spread taken as equal: analysis of variance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    chosen_words,
    groups_frame,
    lower_is_better,
    means,
    pair_words,
    unspread,
    what,
)
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, number, p_value, spoken
from outcomes.stats.groups.means import OneWay, anova, brown_forsythe, tukey_hsd
from outcomes.study.study import Study


@dataclass(frozen=True, kw_only=True)
class OneWayANOVA(_GroupComparison):
    """Do several groups differ in their mean change, if their spread is alike, and which of them?

    One-way analysis of variance, F = MS between / MS within, with η² and ω² (the share of the
    variance that lies between the groups, ω² corrected for chance); all pairs by Tukey's
    simultaneous intervals; and the Brown-Forsythe test of equal spread. It takes the variances of
    the groups as equal: `GamesHowell` does not, and is the one to prefer where they may differ.
    Unadjusted for who is in which group: see `ANCOVA`.

    `by` is a patient characteristic such as route; without `before` the scores after are compared.
    Raises AnalysisError for unknown names.

    References: Fisher 1925, Statistical Methods for Research Workers; Kramer 1956 (doi
    10.2307/3001469); Brown & Forsythe 1974 (doi 10.1080/01621459.1974.10482955).

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
    >>> result = oc.OneWayANOVA("pain", before="pre", after="post", by="route").run(study)
    >>> round(result["groups differ"].value, 3), round(result["groups differ"].p, 3)
    (3.167, 0.182)
    """

    before: str = ""

    short: ClassVar[str] = "one-way ANOVA"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Kramer CY. Extension of multiple range tests to group means with unequal numbers of"
            " replications. Biometrics 1956;12:307-310."
        ),
        (
            "Brown MB, Forsythe AB. Robust tests for the equality of variances. J Am Stat Assoc"
            " 1974;69:364-367."
        ),
    )

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        y, unit = g.split(g.y), g.outcome.unit
        whole, spread = anova(y), brown_forsythe(y)
        pairs = tukey_hsd(y, level=self.level, unit=unit)
        rows = (
            whole.test.estimate("groups differ", how="one-way analysis of variance"),
            *(replace(e, name=e.group, group="", place=e.contrast) for e in pairs),
            *means(
                y,
                "mean change" if self.before else "mean",
                unit,
                Measure.CHANGE if self.before else Measure.LEVEL,
            ),
            *_shares(whole),
            spread.estimate("groups differ in spread", how="Brown-Forsythe"),
        )
        return Result(
            self,
            rows,
            g.counts,
            g.outcome,
            (*g.notes, *g.imbalance(self.before)),
            {"forest": forest_frame((e.group, e) for e in pairs), "groups": groups_frame(g)},
            ("forest",),
            detail=ComparedGroups.of(g),
            flow=g.flow,
            axis=ValueAxis(f"difference in {what(g, self.before, self.after)}"),
            randomised=g.randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        k, test, spread = digits_for(outcome.resolution), result.estimates[0], result.estimates[-1]
        about = f"{'change in ' if self.before else ''}{outcome.title}{self._when}"
        overall = (
            f"no overall test: {unspread(test.reason)}"
            if test.reason
            else f"F({test.df:.4g}, {test.df2:.4g}){' = ' if style == 'apa' else '='}"
            f"{number(test.value, 2 if style == 'apa' else 1)}, {p_value(test.p, style)}"
        )
        uneven = (
            "" if spread.reason else f"; equal spread, Brown-Forsythe {p_value(spread.p, style)}"
        )
        pairs = [e for e in result.estimates if e.contrast.reference]
        return (
            f"Mean {about} by {spoken(self.by)} ({overall}{uneven};"
            f" n={result.told(ComparedGroups).sizes} of {result.counts.enrolled} enrolled):"
            f" {pair_words(result, pairs, k, style, 'Tukey')}{lower_is_better(outcome)}."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        return (
            "Groups were compared by one-way analysis of variance and all pairs by Tukey's"
            " simultaneous intervals, both of which take the variances as equal (Brown-Forsythe"
            " test)."
        )


def _shares(whole: OneWay) -> tuple[Estimate, ...]:
    """The shares of the variance that lie between the groups."""
    return tuple(
        Estimate(name, value, how=how, reason=whole.test.reason, measure=Measure.INDEX)
        for name, value, how in (
            ("eta squared", whole.eta2, "SS between / SS total"),
            ("omega squared", whole.omega2, "corrected for chance"),
        )
    )
