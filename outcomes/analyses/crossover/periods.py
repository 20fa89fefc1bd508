"""What every crossover question shares: the score of each patient in each period, and under which
treatment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import levels_of
from outcomes.core.errors import AnalysisError
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.outcome import Outcome
from outcomes.core.wording import plural, spoken
from outcomes.study.study import Study

#: The note on a study whose patients all had the treatments in one order (`one_order`).
ONE_ORDER = (
    "Everybody had the treatments in the same order: what is due to the treatment and what to the"
    " period cannot be told apart."
)


@dataclass(frozen=True, eq=False)
class Periods:
    """Rows `patient, period, arm, value, base` that are analysed (base: score at the period's
    start, nan where there is none).

    `arms` has the reference first; `visit` and `start` are the visits of value and base.
    """

    rows: pd.DataFrame
    arms: tuple[str, ...]
    periods: tuple[str, ...]
    visit: str
    start: str
    counts: Counts
    outcome: Outcome
    notes: tuple[str, ...]

    @property
    def two_by_two(self) -> bool:
        """Two treatments in two periods."""
        return len(self.arms) == len(self.periods) == 2

    @property
    def complete(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Patients with every period: scores and baselines (patients × periods), and whether the
        treatment of interest came first.
        """
        value, base, arm = (
            self.rows.pivot(index="patient", columns="period", values=v).reindex(
                columns=list(self.periods)
            )
            for v in ("value", "base", "arm")
        )
        whole = value.notna().all(axis=1).to_numpy()
        first = (arm[self.periods[0]] == self.arms[1]).to_numpy(bool)
        return value.to_numpy(float)[whole], base.to_numpy(float)[whole], first[whole]

    @property
    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """Everybody with a score in period 1, also those who have no other: score, and whether it
        was the treatment of interest.
        """
        rows = self.rows[self.rows["period"] == self.periods[0]]
        return rows["value"].to_numpy(float), (rows["arm"] == self.arms[1]).to_numpy(bool)

    @property
    def orders(self) -> pd.Series:
        """The order of treatments of each patient, in words."""
        return self.rows.sort_values("period").groupby("patient")["arm"].agg(" then ".join)

    @property
    def by_order(self) -> pd.DataFrame:
        """The score of each patient in each period, and the order as group; no patient is named."""
        wide = self.rows.pivot_table(index="patient", columns="period", values="value", sort=False)
        wide = wide.reindex(columns=list(self.periods)).rename(columns=lambda c: f"period {c}")
        wide = wide.rename_axis(columns=None).assign(group=self.orders.reindex(wide.index))
        return wide.sort_values("group", kind="stable").reset_index(drop=True)

    @property
    def cells(self) -> pd.DataFrame:
        """Number, mean and SD of each order and period, at the period's start and at its end."""
        rows = self.rows.assign(order=self.rows["patient"].map(self.orders))
        groups = rows.groupby(["order", "period", "arm"], sort=True)
        out = groups.agg(
            n=("value", "size"),
            mean=("value", "mean"),
            sd=("value", "std"),
            mean_at_start=("base", "mean"),
        )
        return out.reset_index()


def by_period(
    study: Study, outcome: str, *, after: str = "", before: str = "", reference: str = ""
) -> Periods:
    """The scores of each patient and period at the visit `after` (default: the last), with those at
    the start of the period.

    Raises AnalysisError, saying what to declare, where the study has no periods, no arm, or one arm
    a patient only.
    """
    meaning = study.outcome(outcome)
    for role, what in (
        ("period", "the period of each score"),
        ("arm", "the treatment of each period"),
    ):
        if role not in study.scores and role not in study.patient_frame:
            raise AnalysisError(
                f"This question needs {what}, and this study has none. Declare it: [roles] {role} ="
                ' "its column".'
            )
    if "period" not in study.scores:
        raise AnalysisError(
            "The period must stand beside each score: a column of the scores table, named under"
            " [roles] period."
        )
    visit = study.visit(after) if after else study.visits[-1]
    start = study.visit(before) if before else study.baseline
    if start == visit:
        start = ""
    long = study.long(outcome)
    _one_row_each(long)
    rows = long[long["visit"] == visit].drop(columns="visit")
    base = (
        long[long["visit"] == start].set_index(["patient", "period"])["value"]
        if start
        else pd.Series(dtype=float)
    )
    keys = pd.MultiIndex.from_frame(rows[["patient", "period"]])
    rows = rows.assign(base=base.reindex(keys).to_numpy(float) if start else np.nan)
    known = rows.dropna(subset=["value", "arm", "period"])
    if len(known) and known.groupby("patient")["arm"].nunique().max() < 2:
        raise AnalysisError(
            "Each patient has one arm only, so nobody crossed over. Compare the arms with ANCOVA, "
            "or name the column with the treatment of each period under [roles] arm."
        )
    if not len(known):
        raise AnalysisError(
            f"No patient of {study.enrolled} has {meaning.title} at {spoken(visit)} of a period"
            " with a known arm."
        )
    periods = tuple(map(str, sorted(known["period"].unique(), key=lambda v: (str(type(v)), v))))
    arms = levels_of(study, "arm", reference, known["arm"])
    known = known.assign(period=known["period"].astype(str), arm=known["arm"].astype(str))
    counts = _counts(study, rows, known, visit)
    full = int((known.groupby("patient")["period"].nunique() == len(periods)).sum())
    notes = (
        ()
        if full == counts.analysed
        else (
            (
                f"{plural(counts.analysed - full, 'patient')} of {counts.analysed} lack a period;"
                " what they have is used."
            ),
        )
    )
    if one_order(known):
        notes = (*notes, ONE_ORDER)
    columns = ["patient", "period", "arm", "value", "base"]
    return Periods(
        known[columns].reset_index(drop=True), arms, periods, visit, start, counts, meaning, notes
    )


def one_order(rows: pd.DataFrame) -> bool:
    """Whether every treatment was given in one period only, so that it cannot be told from that
    period.
    """
    return bool(len(rows)) and bool(
        (rows.groupby("arm", observed=True)["period"].nunique() == 1).all()
    )


def _one_row_each(long: pd.DataFrame) -> None:
    if long.duplicated(["patient", "period", "visit"]).any():
        raise AnalysisError(
            "Patients have several rows a period and visit. Choose one episode with"
            " study.where(episode=…), or declare visits."
        )


def _counts(study: Study, rows: pd.DataFrame, known: pd.DataFrame, visit: str) -> Counts:
    used, seen = set(known["patient"]), set(rows.loc[rows["value"].notna(), "patient"])
    no_score = study.enrolled - len(used | seen)
    reasons = {
        Phrase.of("no score at {visit} in any period", visit=visit): no_score,
        "no treatment recorded": len(seen - used),
    }
    return Counts(study.enrolled, len(used), tuple((k, n) for k, n in reasons.items() if n))


def washout_note(study: Study, days: float) -> tuple[str, ...]:
    """A note where the infusions of two periods lie closer together than the washout that was asked
    for.
    """
    infusions = study.infusions
    if not days:
        return ()
    if infusions is None or not {"period", "day"} <= set(infusions):
        return (
            (
                f"The washout of {days:g} days could not be checked: it needs infusions with a"
                " period and a day."
            ),
        )
    first = infusions.groupby(["patient", "period"])["day"].min().unstack()
    gap = first.diff(axis=1).min(axis=1)
    short = int((gap < days).sum())
    if not short:
        return ()
    return (
        (
            f"In {plural(short, 'patient')} the periods were less than {days:g} days apart: effects"
            " may carry over."
        ),
    )


def at(periods: Periods, *, change: bool) -> str:
    """'average pain at post' or 'change in average pain from pre to post of each period'."""
    title = periods.outcome.title
    if not change and periods.visit == "visit":  # a study without visits
        return f"{title} in each period"
    if change:
        return (
            f"the change in {title} from {spoken(periods.start)} to {spoken(periods.visit)} of each"
            " period"
        )
    return f"{title} at {spoken(periods.visit)} of each period"
