"""Who the patients are, what their scores were, and how these ran over the visits."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.paired.mean_change import at_zero
from outcomes.analyses.question import Analysis
from outcomes.analyses.table_one import (
    LevelCounts,
    default_groups,
    level_counts,
    table_one,
    texts_of_few,
)
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts, not_recorded
from outcomes.core.language import Phrase, named, say
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import capital, digits_for, interval, listed, number, plural, spoken
from outcomes.stats.paired.correlation import pearson
from outcomes.stats.paired.location import has_percentages, mean_change, percent_change
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows, PatientValues

#: What is said of each score at each visit: its column, the estimate's name, and how its interval
#: is made.
KINDS = (
    ("mean", "mean", ""),
    ("mean change", "mean change", "t interval"),
    ("percent change", "percent change of the means", ""),
    ("median percent change", "median percent change of patients", ""),
    ("correlation", "correlation with baseline", "Pearson's r, Fisher z interval"),
)
#: So many visits in periods are all told in a sentence; of more, the first and the last.
FEW_PERIODS = 6
#: A summary beside the change, where a percentage of the score means something.
IN_PERCENT = ("percent change", "median percent change")
KIND_MEASURES = {
    "mean": Measure.LEVEL,
    "mean change": Measure.CHANGE,
    "percent change": Measure.PERCENT_CHANGE,
    "median percent change": Measure.PERCENT_CHANGE,
    "correlation": Measure.CORRELATION,
}


@dataclass(frozen=True)
class Describe(Analysis):
    """Who are these patients, and what were their scores at each visit?

    Table 1 (each characteristic: counts and shares, or mean and SD, median and quartiles [type 7],
    range, missing) and, for each outcome and visit, n, mean, SD, median, quartiles and range; where
    `baseline` (default: the study's) and the visit are both there, also the mean change of these
    same patients, their own mean before, and the correlation (Pearson's r, Fisher's z interval) of
    their scores then and before, which sample sizes and pooled summaries need. Where patients have
    a score of each visit in several periods (a crossover) or episodes, each of these stands for
    itself.

    `outcomes` and `characteristics` default to all that the study has. `by` (default: the arms of a
    parallel trial, the routes of a comparison of routes) adds a column for each group and the
    standardised difference. No tests: differences between groups at baseline are not tested.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabb"), "visit": ["pre", "post"] * 2, "pain": [7.0, 5, 6, 5]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.Describe().run(study)["mean | Pain | pre"].value
    6.5
    """

    outcomes: tuple[str, ...] = ()
    _: KW_ONLY
    characteristics: tuple[str, ...] = ()
    baseline: str = ""
    by: str = ""

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.DESCRIBES_PATIENTS})
    short: ClassVar[str] = "description"
    chapter: ClassVar[str] = "The patients"
    comparative: ClassVar[bool] = True

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows(tuple(self.outcomes) or tuple(study.outcome_names), ("patients",))

    def compute(self, study: Study) -> Result:
        names = self.outcomes or tuple(study.outcome_names)
        baseline = study.visit(self.baseline or study.baseline)
        parts = _parts(study)
        rows = [
            row
            for n in names
            for when, part in parts.items()
            for row in _visits(part, n, baseline, self.level, when)
        ]
        unseen = [
            study.outcome(n).title
            for n in names
            if study.outcome(n).name not in {row["outcome"] for row in rows}
        ]
        if not rows:
            raise AnalysisError(f"There is no score at any visit: {listed(unseen)}.")
        by_visit = pd.DataFrame(rows).drop(columns=["is_baseline", "never before"])
        by = self.by or default_groups(study)
        first = [] if several_periods(study) else names
        characteristics = table_one(study, self.characteristics, by, first)
        estimates = [
            Estimate(
                name,
                row[kind],
                low=row.get(f"{kind}_low", np.nan),
                high=row.get(f"{kind}_high", np.nan),
                level=self.level,
                se=row.get(f"{kind}_se", np.nan),
                unit=_unit(kind, row["unit"]),
                visit=row["visit"],
                group=row["title"],
                measure=KIND_MEASURES[kind],
                how=how,
                reason=row.get(f"{kind}_reason", ""),
            )
            for row in rows
            for kind, name, how in KINDS
            if kind == "mean" or not (row["is_baseline"] or row["never before"])
            if not (kind in IN_PERCENT and np.isnan(row[kind]))
        ]
        n = study.enrolled
        notes: tuple[str, ...] = ()
        if unseen:
            notes = (f"Without a score at any visit: {listed(unseen)}.",)
        if not self.characteristics and (apart := texts_of_few(study)):
            notes += (
                f"Not described, as its texts differ from patient to patient: {listed(apart)}.",
            )
        zero = {r["title"]: r["without percent change"] for r in rows if not r["is_baseline"]}
        notes += tuple(f"{capital(t)}: {m}" for t, k in zero.items() for m in at_zero(k, baseline))
        data = {"visits": by_visit, "table_one": characteristics} | infusion_courses(study)
        return Result(
            self,
            tuple(estimates),
            Counts(n, n),
            notes=notes,
            data=data,
            detail=Described(
                baseline,
                len(parts) > 1,
                replace(
                    level_counts(study, self.characteristics, by),
                    outcomes=tuple(study.outcome(n) for n in names),
                ),
            ),
        )

    def title(self, outcome: Any = None) -> str:
        return self.label or say("The patients and their scores")

    def sentence(self, result: Result, style: str = "ama") -> str:
        frame = result.data["visits"]
        rows = frame[frame["outcome"] == frame["outcome"].iloc[0]].to_dict("records")
        told = result.told(Described)
        few = told.several and len(rows) <= FEW_PERIODS
        said = [
            f"{number(r['mean'], digits_for(r['resolution']))} ({_sd(r)}n={r['n']}) at"
            f" {spoken(r['visit'])}"
            for r in (rows if len(rows) < 2 or few else [rows[0], rows[-1]])
        ]
        last, same = rows[-1], ""
        if not told.several and 0 < last["pairs"] < max(r["n"] for r in rows):
            before = number(last["mean before (same patients)"], digits_for(last["resolution"]))
            first = spoken(told.baseline)
            same = f"; the {plural(last['pairs'], 'patient')} seen at both had {before} at {first}"
        others = frame["outcome"].nunique() - 1
        more = f" The table has {plural(others, 'other score')} too." if others else ""
        title = rows[0]["title"][:1].upper() + rows[0]["title"][1:]
        return (
            f"{plural(result.counts.enrolled, 'patient')} enrolled. {title} was"
            f" {listed(said)}{same}.{more}"
        )

    def methods_text(self) -> str:
        return (
            "Scores are described by mean (SD), median (first to third quartile) and range at each"
            " visit."
        )


@dataclass(frozen=True)
class Course(Analysis):
    """How did the score run over the visits?

    Mean and t interval of all patients seen at each visit, with n, for the eye. The patients differ
    from visit to visit, so these means are not compared: changes are asked with PairedT, whole
    courses with a mixed model.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabb"), "visit": ["pre", "post"] * 2, "pain": [7.0, 5, 6, None]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> list(oc.Course("pain").run(study).data["course"]["n"])
    [2, 1]
    """

    outcome: str
    _: KW_ONLY
    by: str = ""

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.COURSE, Trait.RATINGS})
    short: ClassVar[str] = "course over the visits"
    chapter: ClassVar[str] = "The course over time"
    comparative: ClassVar[bool] = True

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by,), rows=True)

    def compute(self, study: Study) -> Result:
        frame, outcome = study.wide(self.outcome), study.outcome(self.outcome)
        groups = study.characteristic(self.by) if self.by else pd.Series("", index=frame.index)
        rows: list[dict[str, Any]] = []
        for group in sorted(groups.dropna().unique(), key=str):
            part = frame[(groups == group).to_numpy()]
            for visit in study.visits:
                seen = part[visit].dropna().to_numpy()
                e = mean_change(np.zeros(len(seen)), seen, level=self.level)
                rows.append(
                    {
                        "group": str(group),
                        "visit": visit,
                        "n": len(seen),
                        "of": len(part),
                        "mean": e.value,
                        "low": e.low,
                        "high": e.high,
                        "se": e.se,
                        "reason": e.reason,
                    }
                )
        course = pd.DataFrame(rows)
        estimates = tuple(
            Estimate(
                "mean",
                r["mean"],
                r["low"],
                r["high"],
                self.level,
                se=r["se"],
                unit=outcome.unit,
                visit=r["visit"],
                group=r["group"],
                reason=r["reason"],
                how=f"t interval; n={r['n']}",
                measure=Measure.LEVEL,
            )
            for r in rows
        )
        known, seen_once = groups.notna().to_numpy(), frame.notna().any(axis=1).to_numpy()
        everybody = int((known & seen_once).sum())
        out = (
            (not_recorded(self.by), int((~known).sum())),
            (Phrase.of("no score at any visit"), int((known & ~seen_once).sum())),
        )
        left = tuple((why, n) for why, n in out if n)
        notes = [
            "The patients seen differ from visit to visit; the means are not of the same people."
        ]
        if int((known & frame.notna().all(axis=1).to_numpy()).sum()) == everybody:
            notes = []
        return Result(
            self,
            estimates,
            Counts(len(frame), everybody, left),
            outcome,
            tuple(notes),
            {"course": course, "patients": _patients(frame, groups)},
            ("course",),
        )

    def title(self, outcome: Any = None) -> str:
        title = super().title(outcome)
        if not self.by or self.label:
            return title
        return say("{question} by {group}", question=title, group=named(spoken(self.by)))

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k = digits_for(result.outcome.resolution)
        out = []
        for group, rows in result.data["course"].groupby("group", sort=False):
            said = [
                (
                    f"{number(r['mean'], k)} at {spoken(r['visit'])}"
                    f" ({self._limits(r, k)}n={r['n']} of {r['of']})"
                    if r["n"]
                    else f"not known at {spoken(r['visit'])} (n=0 of {r['of']})"
                )
                for r in (
                    rows.to_dict("records")
                    if not self.by
                    else rows.iloc[[0, -1]].to_dict("records")
                )
            ]
            whose = f" in the group {spoken(group)}" if group else ""
            out.append(f"Mean {result.outcome.title}{whose} was {listed(said)}.")
        return " ".join(out)

    def _limits(self, row: dict[str, Any], k: int) -> str:
        return (
            "" if row["reason"] else f"{interval(row['low'], row['high'], k, level=self.level)}; "
        )

    def methods_text(self) -> str:
        return (
            "The course shows the mean of the patients seen at each visit with its t interval;"
            " visits are not compared by it."
        )


def _patients(frame: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """The scores of each patient with any, a column a visit, and the group; no patient is named."""
    keep = (groups.notna() & frame.notna().any(axis=1)).to_numpy()
    return frame[keep].assign(group=groups[keep].astype(str)).reset_index(drop=True)


def _parts(study: Study) -> dict[str, Study]:
    """The study itself, or one study for each period (or episode) where patients have a visit in
    several of them.
    """
    role = next((k for k in ("period", "episode") if k in study.keys), "")
    if not role or not study.scores.duplicated(["patient", "visit"]).any():
        return {"": study}
    return {
        f"{role} {v}": study.where(**{role: v})
        for v in sorted(study.scores[role].dropna().unique())
    }


def _visits(
    study: Study, name: str, baseline: str, level: float, when: str = ""
) -> list[dict[str, Any]]:
    outcome, scores = study.outcome(name), study.wide(name).to_numpy()
    there, at = ~np.isnan(scores), study.visits.index(baseline)
    rows = []
    for i, visit in enumerate(study.visits):
        seen = scores[there[:, i], i]
        if not len(seen):
            continue
        quartiles = np.quantile(seen, [0.25, 0.5, 0.75])
        both = there[:, at] & there[:, i] & (i != at)
        start = scores[both, at]
        change = mean_change(start, scores[both, i], level=level)
        r = pearson(start, scores[both, i], level=level)
        mean = mean_change(np.zeros(len(seen)), seen, level=level)
        of_means, median, none = np.nan, np.nan, 0
        if has_percentages(start, outcome.low):
            first, _, middle, *_ = percent_change(start, scores[both, i])
            of_means, median, none = first.value, middle.value, int((start == 0).sum())
        rows.append(
            {
                "outcome": outcome.name,
                "title": outcome.title,
                "unit": outcome.unit,
                "resolution": outcome.resolution,
                "visit": f"{visit}, {when}" if when else visit,
                "is_baseline": visit == baseline,
                "never before": not there[:, at].any(),
                "n": len(seen),
                "of": len(scores),
                "mean": float(seen.mean()),
                "sd": float(seen.std(ddof=1)) if len(seen) > 1 else np.nan,
                "median": quartiles[1],
                "q1": quartiles[0],
                "q3": quartiles[2],
                "min": seen.min(),
                "max": seen.max(),
                "at_floor": float((seen == outcome.low).mean()),
                "at_ceiling": float((seen == outcome.high).mean()),
                "mean_low": mean.low,
                "mean_high": mean.high,
                "mean_se": mean.se,
                "mean_reason": "",
                "pairs": int(both.sum()),
                "mean before (same patients)": float(start.mean()) if len(start) else np.nan,
                "mean change": change.value,
                "mean change_low": change.low,
                "mean change_high": change.high,
                "mean change_se": change.se,
                "mean change_reason": change.reason,
                "percent change": of_means,
                "median percent change": median,
                "without percent change": none,
                "correlation": r.value,
                "correlation_low": r.low,
                "correlation_high": r.high,
                "correlation_reason": r.reason,
            }
        )
    return rows


def _unit(kind: str, unit: str) -> str:
    return "%" if kind in IN_PERCENT else "" if kind == "correlation" else unit


def _sd(row: dict[str, Any]) -> str:
    return "" if np.isnan(row["sd"]) else f"SD {number(row['sd'], digits_for(row['resolution']))}; "


def infusion_courses(study: Study) -> dict[str, pd.DataFrame]:
    """The days of each patient's infusions since the first, with the route where it is known, to
    draw; empty where there are no days. Patients are numbered, not named.
    """
    given = study.infusions
    if given is None or not {"patient", "day"} <= set(given) or given["day"].isna().all():
        return {}
    given = given[given["day"].notna()]
    first = given.groupby("patient")["day"].transform("min")
    number_of, _ = pd.factorize(given["patient"])
    route = given["route"].fillna("").astype(str).to_numpy() if "route" in given else ""
    day = (given["day"] - first).to_numpy(float)
    return {"swimmer": pd.DataFrame({"patient": number_of, "day": day}).assign(route=route)}


def several_periods(study: Study) -> bool:
    """Whether patients have several rows a visit, so that no score has one value at baseline."""
    return bool(study.scores.duplicated(["patient", "visit"]).any())


@dataclass(frozen=True)
class Described:
    """The first visit, whether patients were seen in several periods, and the characteristics."""

    baseline: str
    several: bool
    inner: LevelCounts
