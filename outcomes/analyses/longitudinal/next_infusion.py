"""How long it was until a patient's next infusion, or next course of infusions."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.describe import infusion_courses
from outcomes.analyses.longitudinal.duration_of_relief import day_text, survival_frame
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import limits_text, plural
from outcomes.stats.survival import Curve, kaplan_meier
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class NextInfusion(Analysis):
    """How long was it until the next infusion, or the next course of infusions?

    Kaplan-Meier of the days from each infusion to the next (log-log limits), by the number of the
    infusion, so that each patient is in a curve once; infusions from number `last` on are not
    followed further. The median with its interval, and the share without another infusion
    `days` days later. A patient without a next one is censored on the last day of follow-up:
    `followed` is the characteristic that holds it (days since the first infusion), or `until` a day
    up to which everybody was followed.

    With `course` above 0, infusions at most that many days after the one before belong to one
    course: counted are courses, and the time is from the last infusion of a course to the first of
    the next.

    The time after a later infusion is known only of those who had one, and is cut off sooner where
    it came late: curves of different numbers are of different patients. Who stays away may be well,
    or may have given up.

    Raises AnalysisError where infusions have no day, or the end of follow-up is not said.

    Reference: Kaplan & Meier 1958 (J Am Stat Assoc 53:457).

    >>> import pandas as pd, outcomes as oc
    >>> infusions = pd.DataFrame(
    ...     {
    ...         "patient": ["a", "a", "b", "b", "b", "c"],
    ...         "infusion": [1, 2, 1, 2, 3, 1],
    ...         "day": [0, 40, 0, 30, 70, 0],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     pd.DataFrame({"patient": ["a", "b", "c"], "visit": "pre"}), infusions=infusions
    ... )
    >>> result = oc.NextInfusion(until=90).run(study)
    >>> result.main.value, result.main.n
    (40.0, 3)
    """

    _: KW_ONLY
    followed: str = ""
    until: float = 0
    course: float = 0
    days: tuple[float, ...] = (28, 90)
    last: int = 4

    short: ClassVar[str] = "time to the next infusion or course"
    references: ClassVar[tuple[str, ...]] = (
        "Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. J Am Stat"
        " Assoc 1958;53:457-481.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.course < 0 or self.last < 1 or any(d <= 0 for d in self.days):
            raise AnalysisError(
                "course is a number of days (0: each infusion by itself), days are above 0, and"
                " last is a number of infusions, 1 or more."
            )

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((), ("patients", "infusions"))

    def compute(self, study: Study) -> Result:
        gaps, left = self._gaps(study)
        what = self._what
        patients = gaps["patient"].nunique()
        curves: dict[str, Curve] = {}
        rows: list[Estimate] = []
        for k in range(1, self.last + 1):
            own = gaps[gaps["number"] == k]
            if own.empty:
                break
            group = f"{what} {k}"
            curve = kaplan_meier(own["time"], own["event"], level=self.level)
            curves[group] = curve
            place, n = Contrast(group=group), len(own)
            rows.append(
                replace(
                    curve.quantile(),
                    name=f"median time to the next {what}",
                    unit="days",
                    group=group,
                    place=place,
                    n=n,
                )
            )
            rows += [
                replace(
                    curve.at(d),
                    name=f"no other {what} within {d:g} days",
                    unit="share",
                    how="Kaplan-Meier",
                    group=group,
                    place=place,
                    n=n,
                )
                for d in self.days
            ]
        if not rows:
            rows = [
                Estimate(
                    f"median time to the next {what}",
                    math.nan,
                    reason="too_few",
                    measure=Measure.TIME,
                )
            ]
        told = Intervals(
            len(gaps), int(gaps["event"].sum()), int((gaps["number"] > self.last).sum())
        )
        data = {"survival": survival_frame(curves)} if curves else {}
        swimmer = infusion_courses(study)
        axis = ValueAxis(Phrase.of("patients without another infusion"))
        if self.course:
            axis = ValueAxis(Phrase.of("patients without another course of infusions"))
        return Result(
            self,
            tuple(rows),
            Counts(study.enrolled, patients, left),
            None,
            (LATER,) if len(curves) > 1 else (),
            data | swimmer,
            (*data, *swimmer),
            detail=told,
            axis=axis,
        )

    @property
    def _what(self) -> str:
        return "course" if self.course else "infusion"

    def _gaps(self, study: Study) -> tuple[pd.DataFrame, tuple[tuple[str, int], ...]]:
        """Patient, number, time to the next or to the end of follow-up, and whether a next came;
        and who is left out.
        """
        given = study.infusions
        if given is None or not {"patient", "day"} <= set(given):
            raise AnalysisError(
                "This question needs the day of each infusion: a table of infusions with the role"
                " day (or date)."
            )
        if not self.followed and not self.until:
            raise AnalysisError(
                "Say when follow-up ended, or the last interval of each patient is lost:"
                ' followed="a characteristic with the last day of follow-up", or until=a day up to'
                " which everybody was followed."
            )
        end = pd.Series(float(self.until), index=study.patient_ids)
        if self.followed:
            found = study.characteristic(self.followed).reindex(study.patient_ids)
            if not pd.api.types.is_numeric_dtype(found):
                raise AnalysisError(
                    f"{self.followed} is a number of days since the first infusion. Declare it:"
                    f' [columns] {self.followed} = "number".'
                )
            end = found.astype(float)
        known = given[given["day"].notna() & given["patient"].isin(study.patient_ids)]
        dated = set(known["patient"])
        known = known[end.reindex(known["patient"]).notna().to_numpy()]
        known = known.drop_duplicates(["patient", "day"]).sort_values(["patient", "day"])
        day = known["day"].to_numpy(float)
        before = known.groupby("patient")["day"].shift().to_numpy(float)
        start = np.isnan(before) | (np.round(day - before - self.course, 9) > 0)
        known = known.assign(
            since=day - known.groupby("patient")["day"].transform("min").to_numpy(float),
            number=pd.Series(start, known.index).groupby(known["patient"]).cumsum(),
        )
        each = known.groupby(["patient", "number"])["since"].agg(["min", "max"]).reset_index()
        follows = each.groupby("patient")["min"].shift(-1).to_numpy(float)
        over = end.reindex(each["patient"]).to_numpy(float)
        last = each["max"].to_numpy(float)
        event = ~np.isnan(follows) & ~(follows > over)
        time = np.where(event, follows, over) - last
        gaps = each[["patient", "number"]].assign(time=time, event=event)
        # an interval that begins after the end of follow-up is not seen
        gaps = gaps[(gaps["time"] >= 0)].reset_index(drop=True)
        ids, seen = set(study.patient_ids), set(gaps["patient"])
        without = {p for p in dated if math.isnan(end[p])}
        why = {
            Phrase.of("no infusion with a day"): len(ids - dated),
            not_recorded(self.followed or "end of follow-up"): len(without),
            Phrase.of("follow-up ended before the first infusion"): len(dated - seen - without),
        }
        return gaps, tuple((w, n) for w, n in why.items() if n)

    def sentence(self, result: Result, style: str = "ama") -> str:
        counts, told, what = result.counts, result.told(Intervals), self._what
        if not counts.analysed:
            return f"No patient of {counts.enrolled} has an infusion with a known end of follow-up."
        parts = []
        for e in result.select(measure=Measure.TIME):
            who = f"after {e.group} (n={e.n})"
            if e.reason:
                parts.append(f"{who} fewer than half had another while they were followed")
                continue
            high = "not reached" if math.isnan(e.high) else day_text(e.high)
            limits = (
                f" ({limits_text(day_text(e.low), high, level=e.level)})"
                if not math.isnan(e.low)
                else ""
            )
            parts.append(f"{who} half had the next within {day_text(e.value)} days{limits}")
        return (
            f"{plural(told.intervals, 'interval')} after {what}s of {counts.analysed} of"
            f" {plural(counts.enrolled, 'patient')}, {told.events} ended by the next {what}:"
            f" {'; '.join(parts)} (Kaplan-Meier)."
        )

    def methods_text(self) -> str:
        joined = (
            f" Infusions at most {self.course:g} days after the one before were one course."
            if self.course
            else ""
        )
        return (
            f"The time to the next {self._what} was estimated by Kaplan-Meier (log-log limits) by"
            f" the number of the {self._what}, up to {self.last}; patients without a next one were"
            f" censored at the end of follow-up.{joined}"
        )


LATER = (
    "The time after a later infusion is known only of patients who had one, and is cut off sooner"
    " where it came late: different numbers are of different patients."
)


@dataclass(frozen=True)
class Intervals:
    """How many intervals there are, how many ended with another infusion (or course), and how many
    after a later number than is shown.
    """

    intervals: int
    events: int
    later: int
