"""Several infusions a patient, several visits around each: one model of all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import moved
from outcomes.analyses.longitudinal.fitted_course import (
    ModelledCourse,
    by_reml,
    coefficients_frame,
    holm_over_visits,
    interval_words,
)
from outcomes.analyses.question import Analysis
from outcomes.analyses.regression.model_checks import checks_of_scores
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.model import FittedModel
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, number, p_value, plural, spoken
from outcomes.stats.mixed.covariance import components
from outcomes.stats.mixed.cross_products import middle
from outcomes.stats.mixed.lmm import nested_cells
from outcomes.stats.mixed.mmrm import Predictions
from outcomes.stats.mixed.small_sample import METHODS, Inference
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class InfusionModel(Analysis):
    """How did the score change after an infusion, and did that differ between a patient's first
    infusions and later ones?

    One linear mixed model of all scores around all infusions: a mean for each visit at each number
    of the infusion, a random level and a random response (the same at all visits after) for each
    patient, a random level for each infusion within the patient. REML (or ML, `estimator`) with
    Kenward-Roger degrees of freedom. `before` is the visit before the dose (default: the baseline
    of the study), `visits` those after it (default: all with a score), `visit` the main one
    (default: the last). The mean change weights the numbers alike; the change at the main visit is
    also given for each number, with the F-test that they are equal and the SDs of the four levels.

    Infusions from number `last` on are taken together. `number="course"` counts courses instead:
    a column `course` in the table of infusions (or of scores) says which one an infusion belongs
    to; infusions stay nested in the patient.

    Whoever responds comes back more often, and an infusion is often given when pain is back: later
    infusions are those of other patients, and part of the fall after each is regression to the
    mean. The model allows for what the scores of the same patient tell, not for that. It describes;
    without a control group it does not say why.

    Raises AnalysisError where the study has no episode, or nobody a second infusion.

    References: Laird & Ware 1982 (Biometrics 38:963); Kenward & Roger 1997 (Biometrics 53:983).

    >>> import pandas as pd, outcomes as oc
    >>> scores = {"a": [(7, 4), (6, 4)], "b": [(8, 7), (8, 5)], "c": [(6, 2), (5, 3)]}
    >>> scores |= {"d": [(9, 6), (7, 5), (7, 6)], "e": [(5, 4), (6, 3)], "f": [(7, 3), (8, 5)]}
    >>> rows = [
    ...     (p, k + 1, v, y)
    ...     for p, infusions in scores.items()
    ...     for k, pair in enumerate(infusions)
    ...     for v, y in zip(("pre", "post"), pair)
    ... ]
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "episode", "visit", "pain"]),
    ...     visits=("pre", "post"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.InfusionModel("pain", last=2).run(study)
    >>> round(result.main.value, 2)
    -2.49
    """

    outcome: str
    _: KW_ONLY
    before: str = ""
    visits: Sequence[str] = ()
    visit: str = ""
    number: str = "infusion"
    last: int = 6
    estimator: str = "REML"
    df: str = "kenward-roger"

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.USES_ALL_SCORES, Trait.MODELLED})
    short: ClassVar[str] = "mixed model of repeated infusions"
    references: ClassVar[tuple[str, ...]] = (
        "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics"
        " 1982;38:963-974.",
        "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum"
        " likelihood. Biometrics 1997;53:983-997.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.number not in NUMBERS:
            raise AnalysisError(unknown("number", self.number, NUMBERS))
        if self.last < 2:
            raise AnalysisError(
                f"last is the number from which on they are taken together, 2 or more; got"
                f" {self.last}."
            )
        if self.df not in METHODS:
            raise AnalysisError(unknown("df", self.df, METHODS))

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        before = study.visit(self.before or study.baseline)
        rows, visits, counts = self._rows(study, before)
        main = study.visit(self.visit) if self.visit else visits[-1]
        if main not in visits[1:]:
            raise AnalysisError(unknown("visit", main, visits[1:], hint="It comes after `before`."))
        model, found, cells, origin = self._fitted(rows, visits)
        levels = tuple(dict.fromkeys(level for level, _ in cells))
        seen = rows.groupby(["level", "visit"], observed=True)["patient"].nunique()

        def mean(level: int, visit: str) -> np.ndarray:
            out = np.zeros(len(cells))
            if (level, visit) in cells:
                out[cells.index((level, visit))] = 1
            else:  # nobody was scored there
                out[:] = np.nan
            return out

        def row(contrast: np.ndarray, name: str, visit: str, level: int, m: Measure) -> Estimate:
            group, n = (self._group(level), int(seen.get((level, visit), 0))) if level else ("", 0)
            if np.isnan(contrast).any():
                made = Estimate(name, math.nan, level=self.level, reason="not_estimable", measure=m)
            else:
                made = model.contrast(contrast, name=name, level=self.level, measure=m)
            place = Contrast(visit, before if m is Measure.CHANGE else "", group)
            said = replace(made, unit=outcome.unit, visit=visit, group=group, place=place)
            return replace(said, n=n) if level else said

        def change(level: int, visit: str) -> np.ndarray:
            return mean(level, visit) - mean(level, before)

        changes = [
            row(
                np.mean([change(k, v) for k in levels], axis=0),
                "mean change",
                v,
                0,
                Measure.CHANGE,
            )
            for v in visits[1:]
        ]
        by_number = [row(change(k, main), "change", main, k, Measure.CHANGE) for k in levels]
        estimates = [*holm_over_visits(changes), *by_number]
        apart = np.array([change(k, main) - change(levels[0], main) for k in levels[1:]])
        apart = apart[~np.isnan(apart).any(axis=1)] if len(apart) else apart
        name = f"changes differ between {self.number}s"
        tested = (
            model.test(apart, name=name)
            if len(apart)
            else Estimate(name, math.nan, reason="not_estimable", measure=Measure.OVERALL_TEST)
        )
        estimates.append(replace(tested, part=Rows.DIFFER))
        levels_of = [(k, v) for v in visits for k in levels]
        means = [_level(row(mean(k, v), "mean", v, k, Measure.LEVEL), origin) for k, v in levels_of]
        estimates += [*means, *self._spread(model, outcome.unit)]
        course = pd.DataFrame(
            {
                "visit": [v for _, v in levels_of],
                "group": [self._group(k) for k, _ in levels_of],
                "mean": [e.value for e in means],
                "low": [e.low for e in means],
                "high": [e.high for e in means],
                "n": [e.n for e in means],
            }
        )
        numbers = rows.groupby("level")["patient"].nunique()
        told = Numbered(
            int(rows[["patient", "infusion"]].drop_duplicates().shape[0]),
            tuple((self._group(k), int(numbers[k])) for k in levels),
            ModelledCourse(visits, f"over the {len(visits) - 1} visits"),
        )
        table = coefficients_frame(model)
        fit = model.fit
        record = FittedModel(
            fit.structure.title,
            self.estimator,
            METHODS[self.df],
            (),
            (),
            fit.boundary,
            fit.loglik,
            fit.aic,
            fit.bic,
            model.how,
            table,
        )
        notes = [WHO_RETURNS]
        if fit.boundary:
            notes.append(f"The fit lies at a boundary: {fit.boundary}.")
        if len(visits) > 2:
            notes.append(f"Adjusted P values: Holm over the {len(visits) - 1} visits.")
        checks = checks_of_scores(found, rows["visit"].to_numpy(object), origin=origin)
        return Result(
            self,
            tuple(estimates),
            counts,
            outcome,
            tuple(notes),
            {"course": course, "coefficients": table, **checks},
            ("course",),
            detail=told,
            model=record,
            main_visit=main,
        )

    def _rows(self, study: Study, before: str) -> tuple[pd.DataFrame, tuple[str, ...], Counts]:
        """The scores that the model uses (patient, infusion, level, visit, value), its visits, and
        who was counted.
        """
        if "episode" not in study.scores:
            raise AnalysisError(
                "This question needs the number of the infusion beside each score, and this study"
                ' has none. Declare it: [roles] episode = "its column".'
            )
        long = study.long(self.outcome).rename(columns={"episode": "infusion"})
        counted = _numbered(study, long, self.number)
        asked = tuple(study.visit(v) for v in self.visits) or study.visits
        if before in self.visits or len(set(asked)) < len(asked):
            raise AnalysisError("visits are those after `before`, each named once.")
        long = long.assign(level=counted)[long["value"].notna()]
        seen = set(long["visit"])
        visits = (before, *(v for v in asked if v != before and v in seen))
        if len(visits) < 2 or before not in seen:
            raise AnalysisError(
                f"No infusion has {study.outcome(self.outcome).title} at"
                f" {spoken(before)} and at a visit after it."
            )
        rows = long[long["visit"].isin(visits) & long["level"].notna()]
        rows = rows.assign(level=rows["level"].clip(upper=self.last).astype(int))
        per = rows.groupby("patient")["infusion"].nunique()
        if not (per > 1).any():
            raise AnalysisError(
                "Nobody has scores of a second infusion. Ask CohortModel of one infusion a patient."
            )
        gone = study.enrolled - len(per)
        left = ((Phrase.of("no score around an infusion"), gone),) if gone else ()
        return rows.reset_index(drop=True), visits, Counts(study.enrolled, len(per), left)

    def _fitted(
        self, rows: pd.DataFrame, visits: tuple[str, ...]
    ) -> tuple[Inference, Predictions, list[tuple[int, str]], float]:
        there = set(zip(rows["level"], rows["visit"], strict=True))
        cells = [(k, v) for k in sorted({k for k, _ in there}) for v in visits if (k, v) in there]
        y = rows["value"].to_numpy(float)
        origin = middle(y[:, None])
        place = {cell: i for i, cell in enumerate(cells)}
        unit = pd.MultiIndex.from_frame(rows[["patient", "infusion"]].astype(str))
        model, found = nested_cells(
            y - origin,
            cluster=rows["patient"].to_numpy(),
            nested=pd.factorize(unit)[0],
            kind=rows["level"].to_numpy(),
            cell=[place[cell] for cell in zip(rows["level"], rows["visit"], strict=True)],
            names=tuple(f"{self._group(k)}, {v}" for k, v in cells),
            random=[[1.0, float(v != visits[0])] for _, v in cells],
            method=self.df,
            reml=by_reml(self.estimator),
        )
        return model, found, cells, origin

    def _group(self, level: int) -> str:
        more = " or later" if level == self.last else ""
        return f"{self.number} {level}{more}"

    def _spread(self, model: Inference, unit: str) -> list[Estimate]:
        """The SDs of the four levels; 0 where the fit lies at that boundary."""
        g, nested, rest = components(model.fit.structure, model.fit.theta, 2)
        return [
            Estimate(
                name,
                math.sqrt(max(float(variance), 0.0)),
                unit=unit,
                how=self.estimator,
                measure=Measure.VARIANCE,
                part=part,
            )
            for name, variance, part in (
                ("SD between patients, before", g[0, 0], Rows.PATIENTS),
                ("SD between patients, change", g[1, 1], Rows.RESPONSES),
                ("SD between a patient's infusions", nested, Rows.INFUSIONS),
                ("SD between scores of an infusion", rest, Rows.SCORES),
            )
        ]

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, told, main = result.outcome, result.told(Numbered), result.main
        assert outcome is not None and main is not None
        k = digits_for(outcome.resolution)
        before = told.inner.visits[0]
        each = [
            f"{number(e.value, k)} at {e.group}" if not e.reason else f"unknown at {e.group}"
            for e in result.estimates
            if e.measure is Measure.CHANGE and e.group
        ]
        shown = f"{each[0]} and {each[-1]}" if len(each) > 1 else each[0]
        test = result.select(part=Rows.DIFFER)[0]
        p = f" (test of equal changes, {p_value(test.p, style)})" if not test.reason else ""
        return (
            f"Over {plural(told.infusions, 'infusion')} in {result.counts.analysed} of"
            f" {plural(result.counts.enrolled, 'patient')} the estimated mean change in"
            f" {outcome.title} from {spoken(before)} to {spoken(result.main_visit)} was"
            f" {number(main.value, k)} {outcome.unit} ({interval_words(result, main, k, style)})"
            f"{moved(outcome, main, k)}; it was {shown}{p}."
        )

    def methods_text(self) -> str:
        return (
            "Scores around all infusions were analysed by one linear mixed model with a mean for"
            f" each visit at each number of the {self.number} (from {self.last} on together), a"
            " random level and a random response of each patient and a random level of each"
            f" infusion within the patient, {self.estimator} and {METHODS[self.df]} degrees of"
            f" freedom; the mean change weights the {self.number}s alike."
        )


#: What may be counted.
NUMBERS = ("infusion", "course")
WHO_RETURNS = (
    "Patients who respond may come back more often, and an infusion is often given when the score"
    " is bad again: later infusions are those of other patients, and part of the change after each"
    " is regression to the mean."
)


def _level(e: Estimate, origin: float) -> Estimate:
    """A mean of scores from one of centred scores; that it is 0 is not tested."""
    limits = {k: getattr(e, k) + origin for k in ("value", "low", "high")}
    return replace(e, **limits, p=math.nan, statistic=math.nan)


class Rows(Enum):
    """The rows that have no place of their own."""

    DIFFER = auto()
    PATIENTS = auto()
    RESPONSES = auto()
    INFUSIONS = auto()
    SCORES = auto()


@dataclass(frozen=True)
class Numbered:
    """How many infusions there are, how many patients had each number, and the visits."""

    infusions: int
    patients: tuple[tuple[str, int], ...]
    inner: ModelledCourse


def _numbered(study: Study, long: pd.DataFrame, what: str) -> pd.Series:
    """The number of the infusion, or of its course, counted in each patient from 1 over all that
    the study knows of.
    """
    keys, given = ["patient", "infusion"], study.infusions
    if what == "infusion":
        known = [long[keys]]
        if given is not None and set(keys) <= set(given):
            known.append(given[keys].astype({"infusion": long["infusion"].dtype}, errors="ignore"))
        return _ranked(long, pd.concat(known), "infusion")
    if "course" in study.scores:
        long = long.assign(course=study.scores["course"].to_numpy())
    elif given is not None and {*keys, "course"} <= set(given):
        one = given[[*keys, "course"]].drop_duplicates(keys)
        one = one.astype({"infusion": long["infusion"].dtype}, errors="ignore")
        long = long.merge(one, on=keys, how="left", sort=False).set_axis(long.index)
    else:
        raise AnalysisError(
            'number="course" needs a column course in the table of infusions, which says to which'
            " course of its patient each infusion belongs."
        )
    return _ranked(long, long[["patient", "course"]], "course")


def _ranked(long: pd.DataFrame, known: pd.DataFrame, what: str) -> pd.Series:
    """The place of each row's infusion (or course) among those of its patient."""
    each = known.dropna().drop_duplicates()
    place = each.groupby("patient")[what].rank(method="dense")
    joined = long[["patient", what]].merge(each.assign(place=place), how="left", sort=False)
    return joined["place"].set_axis(long.index)
