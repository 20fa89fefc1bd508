"""One patient, or a series of them, each with several randomised pairs of treatment and control
periods.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.crossover.periods import Periods, by_period
from outcomes.analyses.groups.group_data import lower_is_better, two_words
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast, Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame, score_words
from outcomes.core.result import Result
from outcomes.core.wording import (
    digits_for,
    interval,
    level_text,
    number,
    p_value,
    plural,
    round_half_away,
    spoken,
)
from outcomes.stats.crossover.n_of_1 import nof1, pooled_series
from outcomes.study.study import Study


@dataclass(frozen=True)
class NOf1(Analysis):
    """Does this patient (or each of a series) score differently in treatment periods than in the
    control periods beside them?

    Periods are taken in pairs, 1 and 2, 3 and 4, …, in each of which the order was randomised. For
    each patient the mean difference treatment − control with its paired t interval, and the exact
    randomisation test: the share of the 2^pairs possible orders with a sum of differences at least
    as large. Fewer than 6 pairs cannot reach P<.05. For a series: the mean over patients by random
    effects (REML, Hartung-Knapp), with a prediction interval for the next patient.

    The denominator is everybody enrolled, also those who stopped before a pair was complete.
    Assumes that a pair's second period does not carry over the first. `seed` is used only where the
    orders are too many to count.

    Raises AnalysisError where the study has no period, no treatment of each period, or more than
    two treatments.

    References: Guyatt 1986 (doi 10.1056/NEJM198604033141406); Edgington & Onghena 2007,
    Randomization Tests; Zucker 1997 (doi 10.1016/S0895-4356(96)00429-5).

    >>> import pandas as pd, outcomes as oc
    >>> y = {"P": [5.2, 6.3, 6.0, 4.8, 7.1, 6.6], "K": [5.1, 3.6, 5.6, 4.0, 5.5, 4.9]}
    >>> rows = [
    ...     ("p1", 2 * i + j + 1, arm, y[arm][i])
    ...     for i in range(6)
    ...     for j, arm in enumerate(("KP", "PK")[i % 2])
    ... ]
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"]),
    ...     design="n-of-1",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.NOf1("pain", reference="P").run(study)
    >>> round(result["mean difference"].value, 3), result["randomisation test"].p
    (-1.217, 0.03125)
    """

    outcome: str
    _: KW_ONLY
    after: str = ""
    reference: str = ""
    seed: int = 20260101

    short: ClassVar[str] = "N-of-1"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Guyatt G, et al. Determining optimal therapy: randomized trials in individual"
            " patients. N Engl J Med 1986;314:889-892."
        ),
        (
            "Zucker DR, et al. Combining single patient (N-of-1) trials to estimate population"
            " treatment effects. J Clin Epidemiol 1997;50:401-410."
        ),
    )

    def compute(self, study: Study) -> Result:
        p = by_period(study, self.outcome, after=self.after, reference=self.reference)
        if len(p.arms) != 2:
            raise AnalysisError(
                f"An N-of-1 pair has two treatments; there are {len(p.arms)}: {', '.join(p.arms)}."
            )
        pairs = _pairs(study, p)
        rng, unit = np.random.default_rng(self.seed), p.outcome.unit
        group = Versus.of(p.arms[1], p.arms[0])
        series = [d for _, d in pairs.groupby("patient", sort=True)]
        estimates: list[Estimate] = []
        tested = ""
        for i, d in enumerate(series, 1):
            mean, test = nof1(d["control"], d["treated"], level=self.level, rng=rng)
            tested, floor = test.how, _floor(len(d))
            both = (mean, replace(test, how="; ".join((tested, *floor))))
            if len(series) > 1:
                where = Contrast("", "", group.group, group.reference, f"patient {i}")
                name: str = f"{group}, patient {i}"
            else:
                where, name = None, group
            estimates += [replace(e, unit=unit, group=name, place=where) for e in both]
        if len(series) > 1:
            differences = [np.round(d["treated"] - d["control"], 9).to_numpy(float) for d in series]
            pooled = pooled_series(differences, level=self.level, unit=unit)
            over = [e for e in pooled if not e.group]  # the others are the patients, shown below
            estimates = [
                replace(e, group=group if e.measure in PLACES else "") for e in over
            ] + estimates
        gone = p.counts.analysed - len(series)
        left = (
            *p.counts.left_out,
            *([(Phrase.of("no complete pair of periods"), gone)] if gone else []),
        )
        counts = Counts(p.counts.enrolled, len(series), left)
        data = {"forest": _forest(estimates)}
        return Result(
            self,
            tuple(estimates),
            counts,
            p.outcome,
            data=data,
            pictures=("forest",),
            detail=PairsOfPeriods(len(pairs), p.arms[1], p.arms[0], tested),
            axis=ValueAxis(score_words("difference in {score} ({unit})", p.outcome, unit=unit)),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, told = result.outcome, result.told(PairsOfPeriods)
        assert outcome is not None
        k, n = digits_for(outcome.resolution), result.counts.analysed
        who = f"{n} of {plural(result.counts.enrolled, 'patient')} had a complete pair"
        if not n:
            return f"{who[:1].upper()}{who[1:]}."
        treated, control = spoken(told.treated), spoken(told.control)
        title = outcome.title[:1].upper() + outcome.title[1:]
        several = n > 1
        e = result.select(measure=Measure.DIFFERENCE)[0]
        compared = f"in {treated} periods {{}} in the {control} periods paired with them"
        if np.isnan(e.value):
            return f"{title} {compared.format('and')}: not compared, {REASONS[e.reason]} ({who})."
        who += lower_is_better(outcome)
        shown = round_half_away(e.value, k)  # a side is only said of a difference that can be seen
        side = (
            f"{number(abs(shown), k)} {e.unit} {'lower' if shown < 0 else 'higher'}"
            if shown
            else "the same"
        )
        text = (
            f"{title} was {side} {compared.format('than' if shown else 'as')}"
            f" ({two_words(e, k, style)}"
        )
        if not several:
            test = result.select(measure=Measure.OVERALL_TEST)[0]
            tested = f"{told.test}, {p_value(test.p, style)}"
            floor = _floor(told.pairs)
            return f"{'; '.join([text, plural(told.pairs, 'pair'), tested, *floor, who])})."
        next_one = ""
        for wide in result.select(measure=Measure.PREDICTION):
            next_one = (
                ""
                if wide.reason
                else (
                    f"; {level_text(wide.level)} prediction interval for the next patient,"
                    f" {interval(wide.low, wide.high, k)}"
                )
            )
        return f"{text}; random effects over {n} patients, {told.pairs} pairs{next_one}; {who})."

    def methods_text(self) -> str:
        return (
            "Within each randomised pair of periods the difference treatment minus control is"
            " taken; a patient's mean difference is tested by the exact randomisation test and"
            " paired t, a series is pooled by random effects over patients."
        )


@dataclass(frozen=True)
class PairsOfPeriods:
    """How many pairs of periods there are, the two treatments, and the test of one patient."""

    pairs: int
    treated: str
    control: str
    test: str


def _floor(pairs: int) -> tuple[str, ...]:
    """That no result of so few pairs can be significant; nothing from six pairs on."""
    return (f"{plural(pairs, 'pair')} cannot reach P<.05",) if 0 < pairs < 6 else ()


def _pairs(study: Study, p: Periods) -> pd.DataFrame:
    """One row a complete pair: patient, control, treated. Periods pair in the order of the study's
    period numbers.
    """
    order = study.scores[["patient", "period"]].drop_duplicates()
    order["place"] = order.groupby("patient")["period"].rank(method="first") - 1
    place = order.assign(period=order["period"].astype(str)).set_index(["patient", "period"])[
        "place"
    ]
    keys = pd.MultiIndex.from_frame(p.rows[["patient", "period"]])
    rows = p.rows.assign(pair=(place.reindex(keys).to_numpy() // 2).astype(int))
    whole = rows.groupby(["patient", "pair"])["arm"].transform(
        lambda a: len(a) == 2 and a.nunique() == 2
    )
    wide = rows[whole.astype(bool)].pivot(index=["patient", "pair"], columns="arm", values="value")
    wide = wide.reindex(columns=list(p.arms)).set_axis(["control", "treated"], axis=1)
    return wide.reset_index()


#: What lies on the scale of the difference: the pooled one, and the next patient's.
PLACES = (Measure.DIFFERENCE, Measure.PREDICTION)


def _forest(estimates: list[Estimate]) -> pd.DataFrame:
    """Each patient's difference, and over them the pooled one; of one patient alone the one."""
    rows = [e for e in estimates if e.measure is Measure.DIFFERENCE]
    several = len(rows) > 1
    return forest_frame(
        ((e.contrast.subgroup or ("pooled" if several else e.group), e) for e in rows),
        lambda e: several and not e.contrast.subgroup,
    )
