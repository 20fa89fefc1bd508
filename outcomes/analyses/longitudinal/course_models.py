"""The course of a cohort over several visits: a mean for each visit, or a slope on time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.group_data import (
    chosen_words,
    is_randomised,
    lower_is_better,
    moved,
    unrandomised,
    versus,
)
from outcomes.analyses.longitudinal.fitted_course import (
    ModelledCourse,
    by_reml,
    coefficients_frame,
    declared,
    fitted_words,
    holm_over_visits,
    interval_words,
    model_result,
)
from outcomes.analyses.longitudinal.longitudinal_data import (
    follow_ups,
    main_visit,
    repeats,
    scored_baseline,
)
from outcomes.analyses.question import Analysis, AnyNeed
from outcomes.analyses.regression.model_checks import checks_of_scores
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.measure import Measure
from outcomes.core.model import FittedModel
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, listed, number, plural, spoken
from outcomes.stats.mixed.lmm import mixed, predict_rows
from outcomes.stats.mixed.mmrm import FALLBACK, repeated
from outcomes.stats.mixed.small_sample import METHODS, OF_ROWS
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.repeated_sums import RepeatedScores
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class CohortModel(Analysis):
    """How did the score change over several follow-up visits, when some patients were not seen at
    all of them?

    One mean for each visit, the baseline among the scores, so that everybody with any score counts;
    change from baseline at each visit with Holm's p. Covariance unstructured at any number of
    visits; only where it cannot be fitted is the next of `covariance` tried, and said. REML (or ML,
    `estimator`) with Kenward-Roger degrees of freedom. For cohorts without a control group: it
    describes the course, it does not say why. Unbiased where scores are missing at random given the
    scores observed; responders who stop reporting break that.

    `visits` are the follow-ups (default: all after the baseline), `visit` the main one (default:
    the last).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefgh"),
    ...         "w0": [7, 6, 8, 5, 8, 7, 6, 9],
    ...         "w1": [5, 5, 4, 6, 7, 5, 6, 7],
    ...         "w4": [4, 3, 6, 5, None, 6, 4, None],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     wide.melt("patient", var_name="visit", value_name="pain"),
    ...     visits=("w0", "w1", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> round(oc.CohortModel("pain").run(study)["mean change | w1"].df, 6)
    7.0
    """

    outcome: str
    _: KW_ONLY
    baseline: str = ""
    visits: Sequence[str] = ()
    visit: str = ""
    window: Sequence[str] = ()
    covariates: Sequence[str] = ()
    covariance: Sequence[str] = FALLBACK
    df: str = "kenward-roger"
    estimator: str = "REML"

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.USES_ALL_SCORES, Trait.MODELLED})
    short: ClassVar[str] = "mixed model of the course"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum"
            " likelihood. Biometrics 1997;53:983-997."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=self.covariates)

    def sums(self, study: Study | PartitionedStudy) -> AnyNeed | None:
        """Cross-products; with covariates, or an empirical covariance, the patients themselves."""
        enough = not self.covariates and self.df not in OF_ROWS
        return RepeatedScores(self.outcome) if enough else self.needs(study)

    def compute(self, study: Study) -> Result:
        baseline = scored_baseline(study, self.outcome, self.baseline)
        later = follow_ups(study, self.outcome, self.visits, baseline)
        main = main_visit(study, self.outcome, self.visit, later)
        data = repeats(study, self.outcome, visits=(baseline, *later), covariates=self.covariates)
        near = data.centred
        model = repeated(
            near.summary(),
            at=near.at,
            covariance=self.covariance or FALLBACK,
            method=self.df,
            rows=near.rows(),
            level=self.level,
            unit=data.outcome.unit,
            reml=by_reml(self.estimator),
            origin=near.origin,
        )
        changes = holm_over_visits(
            [
                replace(
                    model.change(before=baseline, after=v),
                    name="mean change",
                    measure=Measure.CHANGE,
                )
                for v in later
            ]
        )
        rows = [*changes]
        if self.window:
            rows.append(
                replace(
                    model.change(before=baseline, after=tuple(self.window)),
                    name="mean change",
                    measure=Measure.CHANGE,
                )
            )
        rows.append(
            model.standardised(next(e for e in changes if e.visit == main), sd=data.sd_baseline)
        )
        if len(later) > 1:
            test = np.array([model.row("", v) - model.row("", baseline) for v in later])
            rows.append(model.inference.test(test, name="any change"))
        rows += [model.mean(visit=v) for v in data.visits]
        return model_result(self, study, data, model, rows, main)

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, main = result.outcome, result.main_visit
        assert outcome is not None
        k, first = digits_for(outcome.resolution), result.told(ModelledCourse).visits[0]
        change = result.select(measure=Measure.CHANGE, visit=main)[0]
        before, after = (
            result.select(measure=Measure.LEVEL, visit=v)[0].value for v in (first, main)
        )
        seen = result.data["observed"].set_index("visit")["n"]
        return (
            f"Estimated mean {outcome.title} was {number(before, k)} at {spoken(first)} and"
            f" {number(after, k)} at {spoken(main)} (change {number(change.value, k)},"
            f" {interval_words(result, change, k, style)}); {int(seen[main])} of"
            f" {plural(result.counts.enrolled, 'patient')} had a score at {spoken(main)}"
            f" ({result.model.how if result.model else ''}){moved(outcome, change, k)}."
        )

    def methods_text(self) -> str:
        return (
            f"{_COURSE}, with {declared(self.covariance or FALLBACK, self.estimator, self.df)}."
            f" {_HOLM}"
        )

    def methods_of(self, result: Result) -> str:
        """From the model that was fitted."""
        return fitted_words(_COURSE, result, instead=self.methods_text(), after=_HOLM)


_COURSE = (
    "The course was described by a mixed model with a mean for each visit, the baseline among the"
    " responses"
)
_HOLM = "P values of the changes from baseline were adjusted over the visits by Holm's method."


@dataclass(frozen=True)
class SlopeModel(Analysis):
    """How fast does the score change over time, and do the arms differ in that?

    Linear in time (or in log2 of time, where change slows), with a random intercept and slope for
    each patient (`random="intercept"`: an intercept alone); REML (or ML, `estimator`),
    Kenward-Roger. `times` are the times of the `visits`, in their order. With `by`, each arm has
    its own slope. `baseline` names a visit before the others whose score is adjusted for, and
    `covariates` further characteristics; they move the level, not the slope.

    Reference: Laird & Ware 1982 (doi 10.2307/2529876).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdef"),
    ...         "w0": [7, 6, 8, 5, 8, 7],
    ...         "w1": [6, 6, 7, 5, 7, 5],
    ...         "w2": [5, 6, 4, 5, 7, 4],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     wide.melt("patient", var_name="visit", value_name="pain"),
    ...     visits=("w0", "w1", "w2"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> round(oc.SlopeModel("pain", times=(0, 1, 2)).run(study)["slope"].df, 6)
    5.0
    """

    outcome: str
    _: KW_ONLY
    times: Sequence[float]
    visits: Sequence[str] = ()
    log2: bool = False
    by: str = ""
    reference: str = ""
    baseline: str = ""
    covariates: Sequence[str] = ()
    random: str = "slope"
    estimator: str = "REML"
    df: str = "kenward-roger"

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.USES_ALL_SCORES})
    short: ClassVar[str] = "random slope on time"

    @property
    def comparative(self) -> bool:  # type: ignore[override]
        """Where groups are compared."""
        return bool(self.by)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by, *self.covariates))

    def compute(self, study: Study) -> Result:
        visits = tuple(self.visits) or tuple(v for v in study.visits if v != self.baseline)
        if self.random not in ("slope", "intercept"):
            raise AnalysisError(unknown("random", self.random, ("slope", "intercept")))
        if len(self.times) != len(visits):
            raise AnalysisError(
                f"times needs one time for each of {', '.join(visits)}; got {len(self.times)}."
            )
        data = repeats(
            study,
            self.outcome,
            visits=visits,
            baseline=self.baseline,
            by=self.by,
            reference=self.reference,
            covariates=self.covariates,
        )
        time = np.asarray(self.times, dtype=float)
        if self.log2:
            if (time <= 0).any():
                raise AnalysisError(
                    "log2=True needs times above 0. Leave the visit at time 0 out, or count from 1."
                )
            time = np.log2(time)
        near = data.centred
        n, m = data.scores.shape
        t = np.tile(time, n)
        x = np.repeat(near.design, m, axis=0)
        moving = ["intercept", *(f"arm {a}" for a in data.levels[1:])]
        names = tuple(data.features) + tuple(
            "slope" if f == "intercept" else f"slope {f}" for f in moving
        )
        own = x[:, [data.features.index(f) for f in moving]]
        matrix, patient = np.hstack([x, own * t[:, None]]), np.repeat(np.arange(n), m)
        random = np.column_stack([np.ones(n * m), t][: 2 if self.random == "slope" else 1])
        model = mixed(
            near.scores.ravel(),
            matrix,
            names=names,
            cluster=patient,
            random=random,
            method=self.df,
            reml=by_reml(self.estimator),
        )
        unit = f"{data.outcome.unit} per {'doubling of time' if self.log2 else 'unit of time'}"
        d, eye = len(data.features), np.eye(len(names))
        rows = []
        for a in data.levels or ("",):
            row = eye[d] + (eye[names.index(f"slope arm {a}")] if a and a != data.levels[0] else 0)
            rows.append(
                model.contrast(
                    row, name="slope", level=self.level, unit=unit, group=a, measure=Measure.SLOPE
                )
            )
        for a in data.levels[1:]:
            row = eye[names.index(f"slope arm {a}")]
            rows.append(
                model.contrast(
                    row,
                    name="difference in slope",
                    level=self.level,
                    unit=unit,
                    group=Versus.of(a, data.levels[0]),
                    measure=Measure.SLOPE_DIFFERENCE,
                )
            )
        found = predict_rows(model, near.scores.ravel(), matrix, cluster=patient, random=random)
        checks = checks_of_scores(found, np.tile(visits, n), origin=near.origin)
        fit = model.fit
        notes = [f"The fit lies at a boundary: {fit.boundary}."] if fit.boundary else []
        randomised = not data.levels or is_randomised(study, self.by)
        if not randomised:
            notes.append(unrandomised(self.by))
        notes += data.notes_on_arms(
            self.baseline or visits[0], randomised=randomised, adjusted=bool(self.baseline)
        )
        back, plus = np.eye(len(names)), np.zeros(len(names))
        if near.moved:
            back[0, : len(near.moved)] -= np.array(near.moved)
            plus[0] = near.origin
        table = coefficients_frame(model, (back, plus))
        record = FittedModel(
            fit.structure.title,
            self.estimator,
            METHODS[self.df],
            self._adjusted,
            (),
            fit.boundary,
            fit.loglik,
            fit.aic,
            fit.bic,
            model.how,
            table,
        )
        return Result(
            self,
            tuple(rows),
            data.counts,
            data.outcome,
            tuple(notes),
            {"observed": data.observed(), "coefficients": table, **checks},
            model=record,
            randomised=randomised,
        )

    @property
    def _adjusted(self) -> tuple[str, ...]:
        """What the level is adjusted for."""
        before = (f"the score at {spoken(self.baseline)}",) if self.baseline else ()
        return (*before, *(spoken(c) for c in self.covariates))

    def methods_text(self) -> str:
        also = f", adjusted for {listed(self._adjusted)}" if self._adjusted else ""
        time = "log2 of time" if self.log2 else "time"
        each = "intercept and slope" if self.random == "slope" else "intercept"
        return (
            f"Scores were analysed by a linear mixed model on {time} with a random {each} for each"
            f" patient{also}, {self.estimator} and {METHODS[self.df]} degrees of freedom."
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k = digits_for(result.outcome.resolution) + 1
        whose = {
            e: f" with {spoken(e.group)}" if e.measure is Measure.SLOPE else f", {versus(e)},"
            for e in result.estimates
            if e.group
        }
        parts = [
            f"{e.name}{whose.get(e, '')} {number(e.value, k)} {e.unit}"
            f" ({interval_words(result, e, k, style)})"
            for e in result.estimates
        ]
        chosen = chosen_words(result.randomised, self.by)
        better = lower_is_better(result.outcome) if self.by else ""
        title = result.outcome.title
        also = f", adjusted for {listed(self._adjusted)}" if self._adjusted else ""
        return (
            f"{title[:1].upper()}{title[1:]}{also}: {'; '.join(parts)};"
            f" n={result.counts.analysed} of {result.counts.enrolled}{better}.{chosen}"
        )
