"""Daily diaries and many visits: one number a patient, by stated rules for gaps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    chosen_words,
    codes_of,
    is_randomised,
    levels_of,
    lower_is_better,
    moved,
    two_words,
    unrandomised,
    unspread,
    versus,
)
from outcomes.analyses.question import Analysis
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts, no_score_at, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, plural, spoken
from outcomes.readers.shape.visit_names import visit_time
from outcomes.stats.diary import DiarySummary, days_with_relief, summarise, window_mean
from outcomes.stats.groups.means import scores as checked
from outcomes.stats.paired.location import mean_change
from outcomes.stats.regression.linear import Design, coded, numeric, ols, pairwise
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

#: What a diary can be summed up to, and its name in tables.
SUMMARIES = {
    "mean": "time-weighted mean",
    "auc": "area under the curve",
    "spid": "sum of pain intensity differences (SPID)",
    "percent_spid": "SPID in percent of the largest possible",
    "relief": "area below the score before, rises as 0",
    "relief_days": "number of days with relief",
}
#: Summaries that compare with the score at the first visit.
AGAINST_BASELINE = ("spid", "percent_spid", "relief", "relief_days")
#: Summaries that grow with the length of the diary.
AREAS = ("auc", "spid", "relief")
#: Names that `visit_time` puts in order without knowing the day.
VAGUE = (0.5, 9e2, 9e3)


@dataclass(frozen=True)
class Diary(Analysis):
    """What did each patient's diary add up to (area, time-weighted mean, SPID), and did groups
    differ in it?

    One summary a patient by the trapezoid over the days with a score: "mean" = area/days, "auc" in
    score-days, "spid" = area between the score before and the diary (positive = below it),
    "percent_spid" of the largest possible, "relief" with rises counted as 0; "relief_days" is the
    number of days with a score at least `percent` below the one before (for scores where lower is
    better). For a relief rating the area is the total pain relief (TOTPAR). Gaps of up to
    `max_gap` missing days are bridged by a straight line; a longer gap, or a diary that ends before
    day `until`, leaves the patient out, counted (0: as long as it is). Nothing is extrapolated
    unless `carry_forward` holds the last score to day `until`.

    Without `by`: the mean over patients with its t interval, and for "mean" the difference from the
    score before (paired t). With `by`: ANCOVA of the summary on the score before. Weekly means need
    `per_week` of 7 days.

    Days come from the names of the visits (day_3, week_2), or from `days`, one number a visit in
    their order. Raises AnalysisError for unknown names, or visits whose day is not known.

    References: Matthews et al 1990 (doi 10.1136/bmj.300.6719.230); Senn et al 2000 (Stat Med
    19:861).

    >>> import pandas as pd, outcomes as oc
    >>> visits = ("baseline", "day_1", "day_2", "day_3")
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abc" for _ in visits],
    ...         "visit": visits * 3,
    ...         "pain": [6, 4, 5, 3, 7, 7, 6, 6, 8, 5, None, 4],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=visits, measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> round(oc.Diary("pain").run(study)["difference from baseline"].value, 3)
    -1.611
    """

    outcome: str
    _: KW_ONLY
    summary: str = "mean"
    by: str = ""
    reference: str = ""
    visits: tuple[str, ...] = ()
    days: tuple[float, ...] = ()
    max_gap: float = 3
    until: float = 0
    carry_forward: bool = False
    per_week: int = 4
    percent: float = 30

    short: ClassVar[str] = "diary summary"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Matthews JNS, et al. Analysis of serial measurements in medical research. BMJ"
            " 1990;300:230-235."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.summary not in SUMMARIES:
            raise AnalysisError(unknown("summary", self.summary, SUMMARIES))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by,))

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        visits, days = visit_days(study, self.visits, self.days)
        widest = max(b - a for a, b in itertools.pairwise(days)) - 1
        if widest > self.max_gap:
            raise AnalysisError(
                f"The visits themselves are up to {widest + 1:g} days apart: this is no daily"
                f" diary. Bridge such gaps with max_gap={widest:g}, or ask a question about visits"
                " (ANCOVA, MMRM, CohortModel)."
            )
        wide = study.wide(self.outcome)[list(visits)]
        sums = [self._one(days, row) for row in wide.to_numpy()]
        value = self._values(outcome, days, wide.to_numpy(), sums)
        keep, left = self._kept(study, wide, sums, value)
        counts = Counts(study.enrolled, int(keep.sum()), left)
        before = wide.to_numpy()[keep, 0]
        unit = {"mean": outcome.unit, "percent_spid": "%", "relief_days": "days"}.get(
            self.summary, f"{outcome.unit}·days".lstrip("·")
        )
        mean = _average(value[keep], SUMMARIES[self.summary], unit, self.level)
        rows = [replace(mean, part=Part.MEAN)]
        spans = [days[np.flatnonzero(~np.isnan(y))[-1]] for y in wide.to_numpy()[keep]]
        uneven = self._uneven(spans)
        sd = float(np.std(value[keep], ddof=1)) if keep.sum() > 1 else math.nan
        notes: tuple[str, ...] = ()
        randomised, group = True, [SUMMARIES[self.summary]] * int(keep.sum())
        if self.by:
            levels = levels_of(study, self.by, self.reference)
            code = codes_of(study, self.by, levels)[keep]
            group = [levels[i] for i in code]
            rows = [*self._contrasts(value[keep], before, code, levels, unit), *rows]
            randomised = is_randomised(study, self.by)
            notes = () if randomised else (unrandomised(self.by),)
        elif self.summary == "mean":
            change = mean_change(before, value[keep], level=self.level)
            rows.append(replace(change, name=f"difference from {visits[0]}", unit=unit))
        notes = (*notes, uneven) if uneven else notes
        rows += self._weeks(wide, days, outcome)
        frame = pd.DataFrame({"value": value[keep], "before": before})
        words = Phrase.of("{quantity} ({unit})", quantity=SUMMARIES[self.summary], unit=unit)
        return Result(
            self,
            tuple(rows),
            counts,
            self._of_summary(outcome),
            notes,
            {"summaries": frame.assign(group=group)},
            ("raincloud",),
            detail=Summaries(uneven, sd, visits[0], unit),
            axis=ValueAxis(words, null=None),
            randomised=randomised,
        )

    def _values(
        self,
        outcome: Outcome,
        days: tuple[float, ...],
        scores: np.ndarray,
        sums: list[DiarySummary],
    ) -> np.ndarray:
        """The summary of each patient; nan where it is not defined."""
        if self.summary != "relief_days":
            return np.array([getattr(s, self.summary) for s in sums])
        if outcome.better == "higher":
            raise AnalysisError(
                f"relief_days counts days on which the score fell, and of {outcome.title} higher is"
                ' better. Use summary="mean".'
            )
        return np.array(
            [
                days_with_relief(days, y, baseline=y[0], percent=self.percent)
                if s.mean == s.mean and y[0] > 0
                else math.nan
                for y, s in zip(scores, sums, strict=True)
            ]
        )

    def _of_summary(self, outcome: Outcome) -> Outcome:
        """The outcome with the better side of the summary: where it is counted how far scores fell,
        more is better of a score where lower is.
        """
        other = {"lower": "higher", "higher": "lower"}
        if self.summary in AGAINST_BASELINE:
            return replace(outcome, better=other.get(outcome.better, ""))
        return outcome

    def _uneven(self, spans: Sequence[float]) -> str:
        """What must be said of areas over different lengths of diary; empty where it need not."""
        if self.summary not in AREAS or self.carry_forward or len(set(spans)) < 2:
            return ""
        return (
            f"The diaries end on day {min(spans):g} to {max(spans):g}, so their areas cover"
            ' different lengths of time and are not comparable. summary="mean" is the area per day;'
            " until=… keeps to those whose diary is long enough."
        )

    def _one(self, days: tuple[float, ...], scores: np.ndarray) -> DiarySummary:
        return summarise(
            days,
            scores,
            baseline=float(scores[0]),
            max_gap=self.max_gap,
            until=self.until or math.nan,
            carry_forward=self.carry_forward,
        )

    def _kept(
        self, study: Study, wide: pd.DataFrame, sums: list[DiarySummary], value: np.ndarray
    ) -> tuple[np.ndarray, tuple[tuple[str, int], ...]]:
        """Who has a summary, and why the others have none; the first reason that applies counts."""
        n = len(wide)
        few = np.array([s.reason == "too_few" for s in sums])
        gap = np.array([s.longest_gap > self.max_gap for s in sums])
        base = wide.iloc[:, 0].isna().to_numpy()
        why = {
            "fewer than two days with a score": few,
            f"a gap of more than {plural(int(self.max_gap), 'day')}": gap,
            f"diary ends before day {self.until:g}": np.array(
                [s.reason == "not_estimable" for s in sums]
            ),
            no_score_at(wide.columns[0]): base,
            f"{SUMMARIES[self.summary]} undefined (score before is 0)": np.isnan(value),
        }
        if self.by:
            why[not_recorded(self.by)] = (
                study.characteristic(self.by).reindex(wide.index).isna().to_numpy()
            )
        out, left = np.zeros(n, dtype=bool), []
        for words, who in why.items():
            new = who & ~out
            left.append((words, int(new.sum())))
            out |= new
        return ~out, tuple((w, k) for w, k in left if k)

    def _contrasts(
        self,
        value: np.ndarray,
        before: np.ndarray,
        code: np.ndarray,
        levels: tuple[str, ...],
        unit: str,
    ) -> list[Estimate]:
        design = Design((coded(self.by, code, levels), numeric("before", before)))
        fit = ols(design, value)
        rows = [
            replace(e, name="adjusted difference", measure=Measure.DIFFERENCE)
            for e in pairwise(fit, design, self.by, level=self.level, unit=unit)
        ]
        return [
            *rows,
            *[
                _average(value[code == i], SUMMARIES[self.summary], unit, self.level, v)
                for i, v in enumerate(levels)
            ],
        ]

    def _weeks(
        self, wide: pd.DataFrame, days: tuple[float, ...], outcome: Outcome
    ) -> list[Estimate]:
        """Mean of each whole week in which enough days have a score, over the patients who have
        it.
        """
        rows = []
        for week in range(1, int(max(days)) // 7 + 1):
            first, last = 7 * week - 6, 7 * week
            if sum(first <= d <= last for d in days) < self.per_week:
                continue
            y = np.array(
                [
                    window_mean(days, row, first=first, last=last, minimum=self.per_week)
                    for row in wide.to_numpy()
                ]
            )
            e = _average(y[~np.isnan(y)], f"mean of week {week}", outcome.unit, self.level)
            rows.append(
                replace(e, how=f"at least {self.per_week} of 7 days; n={int((~np.isnan(y)).sum())}")
            )
        return rows

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        k = digits_for(outcome.resolution) if self.summary == "mean" else 1
        name, told = SUMMARIES[self.summary], result.told(Summaries)
        who = f"n={result.counts.analysed} of {result.counts.enrolled}"
        uneven = f" {told.uneven}" if told.uneven else ""
        if not result.counts.analysed:
            return f"No diary of {outcome.title} gives a {name} ({who})."
        e = result.select(part=Part.MEAN)[0]
        limits = f"; {interval(e.low, e.high, k, level=e.level)}" if not e.reason else ""
        sd = "" if math.isnan(told.sd) else f"SD {number(told.sd, k)}{limits}; "
        lead = (
            f"{'The' if self.summary == 'mean' else 'Mean'} {name} of {outcome.title} was"
            f" {number(e.value, k)} {told.unit} ({sd}{who})"
        )
        if self.by:
            chosen = chosen_words(result.randomised, self.by)
            pairs = [
                (
                    f"{versus(r)} {number(r.value, k)} ({two_words(r, k, style)})"
                    if not math.isnan(r.value)
                    else f"{versus(r)} undefined, {unspread(r.reason)}"
                )
                for r in result.select(measure=Measure.DIFFERENCE)
            ]
            return (
                f"{lead}. Adjusted for the score before:"
                f" {'; '.join(pairs)}{self._better(outcome)}.{chosen}{uneven}"
            )
        if self.summary == "mean":
            d = result.select(measure=Measure.CHANGE)[0]
            words = f"{number(d.value, k)} from {spoken(told.first)} ({two_words(d, k, style)})"
            return f"{lead}, {words}{moved(outcome, d, k)}."
        return f"{lead}.{uneven}"

    def _better(self, outcome: Outcome) -> str:
        """Which side is better for the summary: a larger SPID means lower scores than before."""
        if self.summary in AGAINST_BASELINE:
            return "; larger means further below the score before"
        return lower_is_better(outcome)

    def methods_text(self) -> str:
        rule = (
            f"gaps of up to {plural(int(self.max_gap), 'day')} bridged by a straight line, longer"
            " ones leave the patient out"
        )
        end = (
            ", the last score carried forward"
            if self.carry_forward
            else ", nothing extrapolated beyond the last day"
        )
        how = "trapezoid; "
        if self.summary == "relief_days":
            how = f"at least {number(self.percent, 0)}% below the score before; "
        return (
            f"Diaries were summed up to the {SUMMARIES[self.summary]} of each patient"
            f" ({how}{rule}{end})."
        )


def visit_days(
    study: Study, visits: tuple[str, ...], days: tuple[float, ...]
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The visits and the day of each, from `days` or from their names (the study's baseline is day
    0).

    Raises AnalysisError where a day is not known, or days do not rise.
    """
    chosen = tuple(study.visit(v) for v in visits) or study.visits
    if days and len(days) != len(chosen):
        raise AnalysisError(
            f"There are {len(days)} days and {len(chosen)} visits ({', '.join(chosen)}): one a"
            " visit is needed."
        )
    found: list[float | None] = list(days) or [
        0.0 if v == study.baseline else visit_time(v) for v in chosen
    ]
    vague = [
        v for v, d in zip(chosen, found, strict=True) if d is None or (not days and d in VAGUE)
    ]
    if vague:
        raise AnalysisError(
            f"On which day was {', '.join(vague)}? Give days=(…), one number a visit in the order"
            f" {', '.join(chosen)}."
        )
    numbers = tuple(float(d) for d in found if d is not None)
    if len(numbers) < 2 or any(b <= a for a, b in itertools.pairwise(numbers)):
        raise AnalysisError(
            "The days of the visits must rise, and be two or more; they are"
            f" {', '.join(f'{d:g}' for d in numbers)}."
        )
    return chosen, numbers


@dataclass(frozen=True)
class Summaries:
    """A note on diaries of different length, the SD of the summaries, the first visit and the
    unit.
    """

    uneven: str
    sd: float
    first: str
    unit: str


class Part(Enum):
    """The mean of the summaries over all patients."""

    MEAN = auto()


def _average(values: np.ndarray, name: str, unit: str, level: float, group: str = "") -> Estimate:
    """A mean over patients with its t interval."""
    y = checked(values)
    e = mean_change(np.zeros(len(y)), y, level=level)
    return replace(
        e,
        name=name,
        unit=unit,
        group=group,
        measure=Measure.LEVEL,
        p=math.nan,
        statistic=math.nan,
        how="mean over patients, t interval",
    )
