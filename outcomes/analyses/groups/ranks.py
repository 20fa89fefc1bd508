"""Arms or routes side by side by ranks."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    chosen_words,
    grouped,
    groups_data,
    lower_is_better,
    two_levels,
    versus,
)
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import (
    digits_for,
    interval,
    listed,
    number,
    p_value,
    spoken,
    statistic,
)
from outcomes.stats.groups.ranks import (
    EXACT_LIMIT,
    cliffs_delta,
    dunn,
    epsilon_squared,
    hodges_lehmann,
    kruskal_wallis,
    mann_whitney,
    probability_of_superiority,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

#: The test before it is known how many patients there are.
DECLARED = (
    f"Mann-Whitney, mid-ranks, exact up to {EXACT_LIMIT} patients, beyond that the normal"
    " approximation with continuity correction"
)


@dataclass(frozen=True, kw_only=True)
class MannWhitney(_GroupComparison):
    """Did the scores (or changes) of one group tend to be higher than those of the other?

    Exact Mann-Whitney test on tied mid-ranks (normal with continuity above 200 patients), the
    Hodges-Lehmann shift with its interval by order statistics, and Cliff's delta, P(higher) −
    P(lower), with the asymmetric Feng-Cliff interval. It compares whole distributions; it is a test
    of medians only where the shapes are the same.

    Changes are compared where `before` is given, else the scores after (as for the PGIC).

    References: Mann & Whitney 1947 (Ann Math Stat 18:50); Feng & Cliff 2004 (J Mod Appl Stat
    Methods 3:322).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefgh"),
    ...         "visit": ["post"] * 8,
    ...         "pgic": [1, 2, 2, 3, 2, 4, 5, 5],
    ...         "arm": ["K"] * 4 + ["P"] * 4,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("post",),
    ...     design="parallel",
    ...     measures={"pgic": oc.Outcome("pgic", "PGIC", "lower")},
    ... )
    >>> result = oc.MannWhitney("pgic", after="post", reference="P").run(study)
    >>> result["shift (Hodges-Lehmann)"].value, round(result["U"].p, 3)
    (-2.0, 0.114)
    """

    before: str = ""

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.RANKS, Trait.RATINGS, Trait.WORST_RANK})
    short: ClassVar[str] = "Mann-Whitney test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Feng D, Cliff N. Monte Carlo evaluation of ordinal d with improved confidence"
            " interval. J Mod Appl Stat Methods 2004;3:322-332."
        ),
    )

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        first, second = two_levels(g, instead="KruskalWallis")
        y, pair = g.split(g.y), Versus.of(first, second)
        test = mann_whitney(y[first], y[second])
        shift = hodges_lehmann(y[first], y[second], level=self.level, unit=g.outcome.unit)
        delta = cliffs_delta(y[first], y[second], level=self.level)
        rows = (
            replace(test, group=pair),
            replace(shift.estimate, group=pair),
            replace(delta, group=pair),
            *(_median(v, level, g.outcome.unit) for level, v in y.items()),
            replace(probability_of_superiority(delta), group=pair),
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
            detail=ComparedShift(g.levels, g.sizes, shift.achieved, test.how),
            flow=g.flow,
            randomised=g.randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        u, shift, delta = result.estimates[:3]
        outcome = result.outcome
        assert outcome is not None
        k = digits_for(outcome.resolution)
        told, (first, second) = result.told(ComparedShift), (u.contrast.group, u.contrast.reference)
        chosen = chosen_words(result.randomised, self.by)
        about = (
            f"change in {outcome.title} from {spoken(self.before)}"
            if self.before
            else outcome.title
        )
        if u.reason == "too_few":
            return f"No comparison of {about}: {REASONS['too_few']} ({told.sizes}).{chosen}"
        size = f"Cliff's delta {number(delta.value, 2)}"
        size += (
            f" ({interval(delta.low, delta.high, 2, level=delta.level)})"
            if not delta.reason
            else f" (no interval: {REASONS[delta.reason]})"
        )
        return (
            f"The shift in {about} {'to' if self.before else 'at'} {spoken(self.after)} was"
            f" {number(shift.value, k)} {outcome.unit} for {spoken(first)} minus {spoken(second)}"
            f" (Hodges-Lehmann; {self._limits(shift, result, k)}; {u.how}: U={number(u.value, 1)},"
            f" {p_value(u.p, style)}; {size}; n={told.sizes} of {result.counts.enrolled}"
            f" enrolled{lower_is_better(outcome)}).{chosen}"
        )

    def _limits(self, shift: Estimate, result: Result, k: int) -> str:
        if shift.reason:
            return f"no interval: {REASONS[shift.reason]}"
        achieved = f"achieved level {number(100 * result.told(ComparedShift).achieved, 1)}%"
        if shift.level < self.level:
            achieved = "the widest interval that so few patients allow"
        return f"{interval(shift.low, shift.high, k, level=round(shift.level, 3))}, {achieved}"

    def methods_of(self, result: Result) -> str:
        """Exact or by the normal approximation, as it was done."""
        told = result.about(ComparedShift)
        return self._methods(told.test if told and told.test else DECLARED)

    def methods_text(self) -> str:
        return self._methods(DECLARED)

    def _methods(self, how: str) -> str:
        return (
            f"Two groups were compared by ranks ({how}), with the Hodges-Lehmann shift and Cliff's"
            " delta (Feng-Cliff interval)."
        )


@dataclass(frozen=True)
class ComparedShift(ComparedGroups):
    """With the level that the interval of the shift reaches, and the test as it was done."""

    achieved: float
    test: str


def _median(values: np.ndarray, group: str, unit: str) -> Estimate:
    if not len(values):
        return Estimate(
            "median", np.nan, unit=unit, group=group, reason="too_few", measure=Measure.LEVEL
        )
    return Estimate(
        "median", float(np.median(values)), unit=unit, group=group, measure=Measure.LEVEL
    )


@dataclass(frozen=True)
class KruskalWallis(Analysis):
    """Do several groups differ in rank, and which of them?

    Kruskal-Wallis H corrected for ties with ε² = H/(n−1), the share of the variance of the ranks
    that lies between the groups; then all pairs by Dunn's z on the common ranks with Holm's
    adjustment.

    References: Kruskal & Wallis 1952 (J Am Stat Assoc 47:583); Dunn 1964 (doi
    10.1080/00401706.1964.10490181).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefghi"),
    ...         "visit": ["post"] * 9,
    ...         "pain": [1, 2, 3, 3, 4, 5, 2, 4, 6],
    ...         "route": ["IV"] * 3 + ["oral"] * 3 + ["IN"] * 3,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("post",),
    ...     design="routes",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> round(oc.KruskalWallis("pain", after="post", by="route").run(study)["H"].p, 3)
    0.185
    """

    outcome: str
    _: KW_ONLY
    after: str
    before: str = ""
    by: str = "arm"

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.RANKS, Trait.RATINGS, Trait.WORST_RANK})
    short: ClassVar[str] = "Kruskal-Wallis test"
    comparative: ClassVar[bool] = True

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after), (self.by,))

    def compute(self, study: Study) -> Result:
        g = grouped(study, self.outcome, before=self.before, after=self.after, by=self.by)
        y = g.split(g.y)
        test = kruskal_wallis(y)
        rows = (
            test,
            *(
                replace(
                    e,
                    name=f"mean rank difference, {e.group}",
                    group="",
                    place=e.contrast,
                    measure=Measure.RANK_EFFECT,
                )
                for e in dunn(y)
            ),
            *(_median(v, level, g.outcome.unit) for level, v in y.items()),
            epsilon_squared(test, len(g.y)),
        )
        data = groups_data(g)
        return Result(
            self,
            rows,
            g.counts,
            g.outcome,
            (*g.notes, *g.imbalance(self.before)),
            data,
            ("raincloud",),
            detail=ComparedGroups.of(g),
            flow=g.flow,
            randomised=g.randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        h, outcome, sizes = result.estimates[0], result.outcome, result.told(ComparedGroups).sizes
        assert outcome is not None
        about = (
            f"Change in {outcome.title} from {spoken(self.before)}"
            if self.before
            else outcome.title
        )
        lead = (
            f"{about[:1].upper()}{about[1:]} {'to' if self.before else 'at'} {spoken(self.after)}"
            f" by {spoken(self.by)}"
        )
        chosen = chosen_words(result.randomised, self.by)
        if h.reason == "too_few":
            return f"{lead}: no test, {REASONS['too_few']} ({sizes}).{chosen}"
        pairs = [
            f"{versus(e, 'against')} {p_value(e.p_adjusted, style)}"
            for e in result.estimates[1:]
            if e.contrast.reference and not e.reason
        ]
        k = digits_for(outcome.resolution)
        middle = listed(
            [
                f"{number(e.value, k)} with {spoken(e.group)}"
                for e in result.estimates
                if e.measure is Measure.LEVEL and not e.reason
            ]
        )
        after = f" Pairs (Dunn, Holm-adjusted): {'; '.join(pairs)}." if pairs else ""
        test = f"{statistic('H', h.value, h.df, style)}, {p_value(h.p, style)}"
        return (
            f"{lead}: medians {middle}; {test} (Kruskal-Wallis; n={sizes} of"
            f" {result.counts.enrolled} enrolled{lower_is_better(outcome)}).{after}{chosen}"
        )

    def methods_text(self) -> str:
        return (
            "Several groups were compared by the Kruskal-Wallis test and all pairs by Dunn's test"
            " with Holm's adjustment."
        )
