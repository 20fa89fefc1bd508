"""Scores and counts at every visit: marginal models without a likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import exp
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    adjusted_words,
    chosen_words,
    is_randomised,
    lower_is_better,
    unrandomised,
    unspread,
    versus,
)
from outcomes.analyses.longitudinal.fitted_course import Clusters, holm_over_visits
from outcomes.analyses.longitudinal.longitudinal_data import Repeats, follow_ups, repeats
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, listed, number, p_value, spoken, statistic
from outcomes.stats.regression.gee import CORRECTIONS, ERRORS, GEE, WORKING, gee
from outcomes.stats.regression.linear import coded
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

FAMILY = {"identity": "gaussian", "log": "poisson"}


@dataclass(frozen=True)
class ScoreGEE(Analysis):
    """Do mean scores, or counts, differ between arms over the follow-up visits?

    Generalised estimating equations: score = visit × arm + baseline (+ covariates) with the
    identity link (differences of means) or, for counts such as attacks or tablets a week, the log
    link (ratios of means; the variance is that of a Poisson count times a dispersion). The
    `working` correlation within patients is "exchangeable", "ar1" or "independence"; standard
    errors are robust to a wrong one. With few patients plain robust intervals are too narrow: the
    Mancl-DeRouen correction with t on patients − coefficients is the default at every size
    (`correction="none"` gives the plain one with z). The difference at each visit has Holm's P; the
    first row is the average over the visits, or the visit named by `visit`.

    It uses the scores observed and needs them missing completely at random given what is in the
    model; a mixed model (`MMRM`) asks for less, but for a normal distribution.

    Raises AnalysisError for unknown names, and for negative scores with the log link.

    References: Liang & Zeger 1986 (doi 10.1093/biomet/73.1.13); Mancl & DeRouen 2001 (doi
    10.1111/j.0006-341X.2001.00126.x).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     ("a", "K", 7, 5, 4),
    ...     ("b", "K", 6, 5, 3),
    ...     ("c", "K", 8, 4, 6),
    ...     ("d", "K", 5, 3, 3),
    ...     ("e", "P", 8, 8, 7),
    ...     ("f", "P", 5, 5, 4),
    ...     ("g", "P", 6, 6, 5),
    ...     ("h", "P", 7, 5, 6),
    ...     ("i", "P", 6, 6, None),
    ... ]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> study = oc.Study(
    ...     wide.melt(["patient", "arm"], var_name="visit", value_name="pain"),
    ...     visits=("w0", "w1", "w4"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> round(oc.ScoreGEE("pain", reference="P").run(study).estimates[0].value, 2)
    -1.64
    """

    outcome: str
    _: KW_ONLY
    link: str = "identity"
    baseline: str = ""
    visits: Sequence[str] = ()
    visit: str = ""
    by: str = "arm"
    reference: str = ""
    covariates: Sequence[str] = ()
    working: str = "exchangeable"
    correction: str = "mancl-derouen"

    short: ClassVar[str] = "GEE of scores"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Liang KY, Zeger SL. Longitudinal data analysis using generalized linear models."
            " Biometrika 1986;73:13-22."
        ),
        (
            "Mancl LA, DeRouen TA. A covariance estimator for GEE with improved small-sample"
            " properties. Biometrics 2001;57:126-134."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in {
            "link": FAMILY,
            "working": WORKING,
            "correction": CORRECTIONS,
        }.items():
            if getattr(self, name) not in allowed:
                raise AnalysisError(unknown(name, str(getattr(self, name)), tuple(allowed)))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by, *self.covariates))

    def compute(self, study: Study) -> Result:
        baseline = study.visit(self.baseline or study.baseline)
        data = repeats(
            study,
            self.outcome,
            visits=follow_ups(study, self.outcome, self.visits, baseline),
            baseline=baseline,
            by=self.by,
            reference=self.reference,
            covariates=self.covariates,
        )
        if self.link == "log" and np.nanmin(data.scores) < 0:
            raise AnalysisError(
                'Some scores are below 0: link="log" is for counts. Use link="identity".'
            )
        model, checks = self._model(data)
        main = study.visit(self.visit) if self.visit else ""
        if main and main not in data.visits:
            raise AnalysisError(unknown("visit", main, data.visits))
        at_visits = holm_over_visits(
            [self._difference(model, data, a, v) for a in data.levels[1:] for v in data.visits]
        )
        overall = [
            self._difference(model, data, a, "")
            for a in data.levels[1:]
            if len(data.visits) > 1 and not main
        ]
        first = [e for e in at_visits if e.visit == main]
        rows = [*overall, *first, *(e for e in at_visits if e not in first)]
        forest = forest_frame(
            ((f"{versus(e)}, {spoken(e.visit) or 'all visits'}", e) for e in rows),
            main=lambda e: e in overall or e in first,
        )
        ratio, title = self.link == "log", data.outcome.title
        words = f"{'ratio' if ratio else 'difference'} of mean {title}"
        randomised = is_randomised(study, self.by)
        return Result(
            self,
            tuple(rows),
            data.counts,
            data.outcome,
            (
                *(() if randomised else (unrandomised(self.by),)),
                *data.notes_on_arms(baseline, randomised=randomised),
            ),
            {"observed": data.observed(), "forest": forest, "diagnostics": checks},
            ("forest",),
            detail=Clusters(model.clusters, data.visits, len(at_visits)),
            flow=data.flow,
            main_visit=main,
            randomised=randomised,
            axis=ValueAxis(words, null=1.0 if ratio else 0.0, log=ratio),
        )

    def _model(self, data: Repeats) -> tuple[GEE, pd.DataFrame]:
        """visit × arm, baseline and covariates; one row a patient and visit. Beside it fitted means
        and Pearson residuals.
        """
        if self.link == "identity":
            data = data.centred
        n, m = data.scores.shape
        crossed_with = {"intercept", *(f"arm {a}" for a in data.levels[1:])}
        rest = [i for i, f in enumerate(data.features) if f not in crossed_with]
        indicators = coded("arm", data.code, data.levels).columns
        visits = np.tile(np.eye(m), (n, 1))
        arms = np.repeat(indicators, m, axis=0)
        crossed = (arms[:, :, None] * visits[:, None, :]).reshape(n * m, -1)
        x = np.hstack([visits, crossed, np.repeat(data.design[:, rest], m, axis=0)])
        names = (
            *(f"visit {v}" for v in data.visits),
            *(f"arm {a} x {v}" for a in data.levels[1:] for v in data.visits),
            *(data.features[i] for i in rest),
        )
        y = data.scores.ravel()
        keep = ~np.isnan(y)
        model = gee(
            y[keep],
            x[keep],
            names=names,
            cluster=np.repeat(np.arange(n), m)[keep],
            order=np.tile(np.arange(m), n)[keep],
            family=FAMILY[self.link],
            working=self.working,
        )
        mean, pearson = model.pearson(y[keep], x[keep])
        checks = {
            "visit": np.tile(np.asarray(data.visits, dtype=object), n)[keep],
            "fitted": mean + data.origin,
            "residual": y[keep] - mean,
            "standardised": pearson,
        }
        return model, pd.DataFrame(checks)

    def _difference(self, model: GEE, data: Repeats, arm: str, visit: str) -> Estimate:
        """An arm against the reference at a visit, or ("") as the mean over the visits."""
        row = np.zeros(len(model.names))
        for v in (visit,) if visit else data.visits:
            row[model.names.index(f"arm {arm} x {v}")] = 1.0 if visit else 1 / len(data.visits)
        ratio = self.link == "log"
        e = model.contrast(
            row,
            name="ratio of means" if ratio else "adjusted difference",
            correction=self.correction,
            level=self.level,
            unit="" if ratio else data.outcome.unit,
            measure=Measure.RATE_RATIO if ratio else Measure.DIFFERENCE,
        )
        e = replace(e, visit=visit, group=Versus.of(arm, data.levels[0]))
        if not ratio:
            return e
        return replace(
            e,
            value=exp(e.value),
            low=exp(e.low),
            high=exp(e.high),
            how=f"{e.how}; se is of the log ratio",
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        ratio = self.link == "log"
        k = 2 if ratio else digits_for(outcome.resolution)
        at, told = result.main_visit, result.told(Clusters)
        shown = [e for e in result.estimates if e.visit == at] or list(result.estimates)
        parts = []
        for e in shown:
            unit = "" if ratio else f" {e.unit}"
            amount = f"{number(e.value, k)}{unit} for {versus(e, 'against')}"
            if e.reason:
                parts.append(f"{amount} (no interval: {unspread(e.reason)})")
                continue
            letter = "z" if np.isnan(e.df) else "t"
            adjusted = adjusted_words(
                result, e, style, over=f"over the {told.comparisons} comparisons"
            )
            parts.append(
                f"{amount} ({interval(e.low, e.high, k, level=e.level)};"
                f" {statistic(letter, e.statistic, e.df, style)}, {p_value(e.p, style)}"
                f"{f'; {adjusted}' if adjusted else ''})"
            )
        when = f"at {spoken(at or shown[0].visit)}" if shown[0].visit else "over all visits"
        what = "ratio of means" if ratio else "adjusted difference"
        better = lower_is_better(outcome)
        who = f"n={told.patients} of {result.counts.enrolled}"
        return (
            f"The {what} of {outcome.title} {when} was {'; '.join(parts)}; GEE, {self.link} link,"
            f" {self.working} working correlation, {who}{better}."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        also = listed(["the baseline", *(spoken(c) for c in self.covariates)])
        variance = ", Poisson variance with a dispersion" if self.link == "log" else ""
        return (
            "Follow-up scores were analysed by generalised estimating equations with visit by arm,"
            f" adjusted for {also} ({self.link} link{variance}, {self.working} working"
            f" correlation), with {ERRORS[self.correction]}."
        )
