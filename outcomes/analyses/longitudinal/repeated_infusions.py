"""Several infusions a patient, with a score before and after each."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import moved, two_words
from outcomes.analyses.question import Analysis
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame, score_words
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, plural, spoken
from outcomes.stats.regression.cluster import (
    cluster_ols,
    infusion_average,
    patient_average,
    variance_split,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class RepeatedInfusions(Analysis):
    """Did the score change from before to after an infusion, when patients had several?

    Change after − before of each infusion. `average="patients"` (default): the mean over patients
    of each patient's own mean change, t interval; each patient counts once, however often they came
    back. "infusions": the mean over infusions with cluster-robust (CR2) errors and Satterthwaite
    df. The other one is shown beside it, with the SDs between and within patients, the ICC, and the
    trend over infusions allowing for the score before (CR2). Infusions of one patient are alike, so
    that taking them as independent would claim far too much (type-I error near .19 instead of .05
    in a usual clinic).

    Needs an episode (infusion number) beside each score. Good responders may return more often: the
    two averages then differ.

    Raises AnalysisError where the study has no episode, or for unknown names.

    References: Bell & McCaffrey 2002 (Surv Methodol 28:169); Pustejovsky & Tipton 2018 (doi
    10.1080/07350015.2016.1247004); Seaman 2014 (doi 10.1002/sim.6304).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [("a", 1, 7, 5), ("a", 2, 6, 5), ("b", 1, 8, 4), ("c", 1, 7, 6), ("c", 2, 7, 5)]
    >>> long = [(p, e, v, y) for p, e, pre, post in rows for v, y in (("pre", pre), ("post", post))]
    >>> study = oc.Study(
    ...     pd.DataFrame(long, columns=["patient", "episode", "visit", "pain"]),
    ...     visits=("pre", "post"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.RepeatedInfusions("pain", before="pre", after="post").run(study)
    >>> (
    ...     round(result["mean change, patient average"].value, 3),
    ...     result["mean change, infusion average"].value,
    ... )
    (-2.333, -2.0)
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    average: str = "patients"

    short: ClassVar[str] = "repeated infusions"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Pustejovsky JE, Tipton E. Small-sample methods for cluster-robust variance estimation."
            " J Bus Econ Stat 2018;36:672-683."
        ),
        (
            "Seaman S, Pavlou M, Copas A. Review of methods for handling confounding by cluster and"
            " informative cluster size. Stat Med 2014;33:5371-5387."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average not in ("patients", "infusions"):
            raise AnalysisError(unknown("average", self.average, ["patients", "infusions"]))

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients", "infusions", "events"))

    @property
    def _order(self) -> tuple[str, str]:
        """The average that was asked for, and the other."""
        first, second = AVERAGES
        return (first, second) if self.average == "patients" else (second, first)

    def compute(self, study: Study) -> Result:
        rows, counts, infusions = _infusions(study, self.outcome, self.before, self.after)
        outcome, who = study.outcome(self.outcome), rows["patient"].to_numpy()
        change = rows["change"].to_numpy(float)
        averages = [
            patient_average(change, patient=who, level=self.level),
            infusion_average(change, patient=who, level=self.level),
        ]
        if self.average == "infusions":
            averages.reverse()
        between, within, icc = variance_split(change, patient=who)
        unit = outcome.unit
        averages = [replace(e, measure=Measure.CHANGE) for e in averages]
        sized = [replace(e, unit=unit) for e in (*averages, between, within)]
        trend = [replace(e, unit=unit) for e in _trend(rows, self.level)]
        estimates = [*sized, replace(icc, unit=""), *trend]
        notes = (
            []
            if infusions == len(rows)
            else [f"{infusions - len(rows)} of {infusions} infusions lack a score before or after."]
        )
        forest = forest_frame(
            zip(self._order, averages, strict=True),
            lambda e: e is averages[0],
        )
        return Result(
            self,
            tuple(estimates),
            counts,
            outcome,
            tuple(notes),
            {"forest": forest},
            ("forest",),
            detail=Infusions(len(rows)),
            axis=ValueAxis(score_words("change in {score} ({unit})", outcome, unit=unit)),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return (
                f"No infusion has {outcome.title} at both {spoken(self.before)} and"
                f" {spoken(self.after)}."
            )
        k, main, other = digits_for(outcome.resolution), *result.estimates[:2]
        (name, how), (beside, _) = (AVERAGES[which] for which in self._order)
        limits = (
            ""
            if np.isnan(other.low)
            else f" ({interval(other.low, other.high, k, level=other.level)})"
        )
        return (
            f"Across {plural(result.told(Infusions).number, 'infusion')} in {counts.analysed} of"
            f" {plural(counts.enrolled, 'patient')} the {name} in {outcome.title} from"
            f" {spoken(self.before)} to {spoken(self.after)} was {number(main.value, k)}"
            f" {outcome.unit} ({two_words(main, k, style)}; {how}){moved(outcome, main, k)}. The"
            f" {beside} was {number(other.value, k)}{limits}."
        )

    def methods_text(self) -> str:
        main = (
            "patients' own mean changes"
            if self.average == "patients"
            else "infusions, with cluster-robust (CR2) errors"
        )
        return (
            f"The change of repeated infusions is averaged over {main}, so that infusions of one"
            " patient are not taken as independent."
        )


def _infusions(
    study: Study, outcome: str, before: str, after: str
) -> tuple[pd.DataFrame, Counts, int]:
    """Infusions with both scores (patient, episode, pre, change), who was counted, and how many
    infusions there were.

    Raises AnalysisError, saying what to declare, where the study has no episode.
    """
    study.outcome(outcome)
    if before == after:
        raise AnalysisError(
            f"before and after are the same visit ('{before}'). Choose two of:"
            f" {', '.join(study.visits)}."
        )
    if "episode" not in study.scores:
        raise AnalysisError(
            "This question needs the number of the infusion beside each score, and this study has"
            ' none. Declare it: [roles] episode = "its column".'
        )
    long = study.long(outcome)
    wide = long.pivot(index=["patient", "episode"], columns="visit", values="value")
    wide = (
        wide.reindex(columns=[study.visit(before), study.visit(after)])
        .set_axis(["pre", "post"], axis=1)
        .reset_index()
    )
    rows = wide.dropna(subset=["pre", "post"])
    rows = rows.assign(change=np.round(rows["post"] - rows["pre"], 9)).reset_index(drop=True)
    n, gone = rows["patient"].nunique(), study.enrolled - rows["patient"].nunique()
    left = ((f"no infusion with a score at {before} and {after}", gone),) if gone else ()
    return rows, Counts(study.enrolled, n, left), len(wide)


def _trend(rows: pd.DataFrame, level: float) -> list[Estimate]:
    """The slope of the change over infusions at the same score before: change ~ infusion + before,
    CR2.
    """
    place = rows.groupby("patient")["episode"].rank(method="first").to_numpy(float)
    pre = rows["pre"].to_numpy(float)
    x = np.column_stack([np.ones(len(rows)), place, pre - pre.mean() if len(rows) else pre])
    names = ("mean", "change per further infusion", "change per point before")
    found = cluster_ols(
        x,
        rows["change"].to_numpy(float),
        cluster=rows["patient"].to_numpy(),
        names=names,
        level=level,
    )
    return list(found[1:])


#: The label of each average in the picture: what it is in a sentence, and how its interval is made.
AVERAGES = {
    "patient average": ("mean patient change", "t interval of patient means"),
    "infusion average": ("mean change per infusion", "cluster-robust CR2"),
}


@dataclass(frozen=True)
class Infusions:
    """How many infusions are analysed."""

    number: int
