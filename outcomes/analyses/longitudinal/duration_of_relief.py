"""How long relief lasts: time until pain is back."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    chosen_words,
    codes_of,
    is_randomised,
    levels_of,
    unrandomised,
)
from outcomes.analyses.longitudinal.diary import visit_days
from outcomes.analyses.question import Analysis
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts, no_score_at, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import (
    limits_text,
    number,
    p_value,
    percent,
    plural,
    spoken,
)
from outcomes.stats.diary import Relief, return_of_pain
from outcomes.stats.survival import Curve, kaplan_meier, log_rank
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

#: Visits further apart than this many days make the day of return a guess.
WIDE = 7


@dataclass(frozen=True)
class DurationOfRelief(Analysis):
    """How long did relief last before pain was back?

    The event is the first visit at which the score is back at `share` of the score before (0.7
    unless said otherwise: less than 30% below it). Kaplan-Meier with log-log limits; the median
    with its interval; the share without return at each visit; the restricted mean time up to day
    `until` (the last visit unless said otherwise). A patient is censored at the last visit with a
    score. With `by`, the log-rank test of the groups comes first.

    A return is only seen at a visit: where visits are more than 7 days apart the time is too long
    by up to that, and a note says so. A patient with no relief at the first visit has an event
    there. Lower scores must be better.

    Days come from the names of the visits, or from `days`. Raises AnalysisError for unknown names
    or days.

    References: Kaplan & Meier 1958 (J Am Stat Assoc 53:457); Royston & Parmar 2013 (doi
    10.1186/1471-2288-13-152).

    >>> import pandas as pd, outcomes as oc
    >>> visits = ("baseline", "day_1", "day_3", "day_7")
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcd" for _ in visits],
    ...         "visit": visits * 4,
    ...         "pain": [6, 2, 3, 6, 7, 3, 6, 6, 8, 4, 4, 4, 5, 1, 4, None],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=visits, measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.DurationOfRelief("pain").run(study)["median time"].value
    5.0
    """

    outcome: str
    _: KW_ONLY
    share: float = 0.7
    by: str = ""
    visits: tuple[str, ...] = ()
    days: tuple[float, ...] = ()
    until: float = 0

    short: ClassVar[str] = "duration of relief"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. J Am Stat"
            " Assoc 1958;53:457-481."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share <= 1:
            raise AnalysisError(
                "share is the part of the score before that counts as pain being back, above 0 to"
                f" 1; got {self.share}."
            )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by,))

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        _refuse_higher_is_better(outcome)
        visits, days = visit_days(study, self.visits, self.days)
        wide = study.wide(self.outcome)[list(visits)]
        reliefs = [
            (
                return_of_pain(days[1:], row[1:], baseline=row[0], share=self.share)
                if row[0] > 0
                else Relief(math.nan, False, math.nan)
            )
            for row in wide.to_numpy()
        ]
        frame = pd.DataFrame(
            [(r.time, r.event, r.since) for r in reliefs],
            columns=["time", "event", "since"],
            index=wide.index,
        )
        keep, left = self._kept(study, wide, frame)
        frame, until = frame[keep], self.until or days[-1]
        groups = {"": frame}
        rows: list[Estimate] = []
        notes, randomised = [], True
        if self.by:
            levels = levels_of(study, self.by)
            code = codes_of(study, self.by, levels)[keep]
            groups |= {v: frame[code == i] for i, v in enumerate(levels)}
            rows.append(
                replace(
                    log_rank({k: _pair(v) for k, v in groups.items() if k}),
                    name="groups differ",
                    measure=Measure.OVERALL_TEST,
                )
            )
            randomised = is_randomised(study, self.by)
            if not randomised:
                notes.append(unrandomised(self.by))
        curves = {k: kaplan_meier(*_pair(v), level=self.level) for k, v in groups.items()}
        for group, curve in curves.items():
            rows += [
                replace(e, group=group, unit="days")
                for e in (curve.quantile(), curve.restricted_mean(until))
            ]
            rows += [
                replace(
                    curve.at(d),
                    name="without return",
                    group=group,
                    visit=v,
                    unit="share",
                    measure=Measure.SHARE,
                )
                for v, d in zip(visits[1:], days[1:], strict=True)
            ]
        at_once = int(((frame["event"]) & (frame["time"] == days[1])).sum())
        told = Returns(int(frame["event"].sum()), at_once, visits[1], days[-1], tuple(groups)[1:])
        counts = Counts(study.enrolled, len(frame), left)
        notes += _gaps(frame)
        return Result(
            self,
            tuple(rows),
            counts,
            outcome,
            tuple(notes),
            {"survival": survival_frame(curves)},
            ("survival",),
            detail=told,
            randomised=randomised,
        )

    def _kept(
        self, study: Study, wide: pd.DataFrame, frame: pd.DataFrame
    ) -> tuple[np.ndarray, tuple[tuple[str, int], ...]]:
        before = wide.iloc[:, 0]
        why = {
            no_score_at(wide.columns[0]): before.isna().to_numpy(),
            Phrase.of("a score of 0 at {visit}", visit=spoken(wide.columns[0])): (
                before == 0
            ).to_numpy(),
            Phrase.of("no score afterwards"): frame["time"].isna().to_numpy(),
        }
        if self.by:
            why[not_recorded(self.by)] = (
                study.characteristic(self.by).reindex(wide.index).isna().to_numpy()
            )
        out, left = np.zeros(len(wide), dtype=bool), []
        for words, who in why.items():
            left.append((words, int((who & ~out).sum())))
            out |= who
        return ~out, tuple((w, k) for w, k in left if k)

    def sentence(self, result: Result, style: str = "ama") -> str:
        n, events = result.counts.analysed, result.told(Returns).events
        if not n:
            return f"No patient of {result.counts.enrolled} has a score before and one afterwards."
        parts = []
        told = result.told(Returns)
        for group in ("", *told.groups):
            e = result.select(measure=Measure.TIME, group=group)[0]
            whose = (
                f"of those with {spoken(group)}"
                if group
                else "of all patients"
                if told.groups
                else "of the patients"
            )
            parts.append(
                f"half {whose} had their pain back by day {day_text(e.value)} ({_limits(e)})"
                if not math.isnan(e.value)
                else (f"fewer than half {whose} had their pain back by day {number(told.last, 0)}")
            )
        said = "; ".join(parts)
        chosen = chosen_words(result.randomised, self.by)
        test = result.estimates[0] if told.groups else None
        tested = (
            f"; log-rank {p_value(test.p, style)}" if test is not None and not test.reason else ""
        )
        return (
            f"{said[:1].upper()}{said[1:]} (Kaplan-Meier{tested}; n={n} of"
            f" {result.counts.enrolled}, {plural(n - events, 'patient')} censored; pain back = at"
            f" least {percent(self.share)} of the score before; {told.at_once} had no"
            f" relief at {spoken(told.first)}).{chosen}"
        )

    def methods_text(self) -> str:
        return (
            "Duration of relief was the time to the first visit with at least"
            f" {percent(self.share)} of the score before (Kaplan-Meier, log-log limits), censored"
            " at the last visit with a score."
        )


def _limits(e: Estimate) -> str:
    if math.isnan(e.low):
        return "no interval"
    high = "not reached" if math.isnan(e.high) else day_text(e.high)
    return limits_text(day_text(e.low), high, level=e.level)


def day_text(value: float) -> str:
    """A day, with a decimal only where it has one."""
    return number(value, 0 if value == round(value) else 1)


def _pair(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return frame["time"].to_numpy(float), frame["event"].to_numpy(float)


def _refuse_higher_is_better(outcome: Outcome) -> None:
    if outcome.better == "higher":
        raise AnalysisError(
            f"Duration of relief needs a score where lower is better; {outcome.title} is better"
            " when higher."
        )


def _gaps(frame: pd.DataFrame) -> list[str]:
    gone = frame[frame["event"].astype(bool)]
    widest = float((gone["time"] - gone["since"]).max()) if len(gone) else 0.0
    if widest <= WIDE:
        return []
    return [
        f"Pain was back somewhere between two visits, up to {number(widest, 0)} days apart: the"
        " times are those of the later visit and so too long (interval censoring)."
    ]


def survival_frame(curves: dict[str, Curve]) -> pd.DataFrame:
    """The curves as data to draw."""
    parts = [
        pd.DataFrame(
            {
                "group": k,
                "time": c.time,
                "survival": c.survival,
                "low": c.low,
                "high": c.high,
                "at_risk": c.at_risk,
            }
        )
        for k, c in curves.items()
    ]
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class Returns:
    """Patients whose pain came back, and who had no relief at the first visit; the first visit, the
    last day and the groups.
    """

    events: int
    at_once: int
    first: str
    last: float
    groups: tuple[str, ...]
