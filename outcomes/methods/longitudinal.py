"""Repeated follow-up: the mixed model for repeated measures, the cohort model, and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analysis import Analysis
from outcomes.errors import AnalysisError
from outcomes.methods.grouping import unrandomised
from outcomes.methods.repeats import Repeats, course_frame, model_notes, repeats
from outcomes.result import REASONS, Estimate, Outcome, Result
from outcomes.stats.inference import METHODS, Rows
from outcomes.stats.lmm import mixed
from outcomes.stats.mmrm import FALLBACK, Repeated, repeated, visit_design
from outcomes.stats.multiplicity import adjust
from outcomes.stats.likelihood import Design
from outcomes.stats.summary import Summary
from outcomes.study import Study
from outcomes.wording import digits_for, interval, number, p_value, spoken, statistic


@dataclass(frozen=True)
class MMRM(Analysis):
    """Do the arms differ at each follow-up visit, when some scores are missing?

    Mixed model for repeated measures: score = visit × arm + visit × baseline (+ covariates), unstructured covariance over
    visits, REML. With Kenward-Roger (linear, observed information) standard errors and degrees of freedom by default, exact
    where theory is exact (two visits equal the paired t-test). Uses every score observed; unbiased where scores are missing
    at random given arm, baseline and the scores before. If the unstructured covariance does not converge, the declared
    `covariance` order is followed and said. Adjusted means are at the mean baseline of the analysed rows, with equal
    weights for the levels of categorical covariates. Holm's p is over the visits.

    `visits` are the follow-ups (default: every visit after the baseline), `visit` the main one (default: the last),
    `window` visits to average over, `df` one of kenward-roger, satterthwaite, between-within, CR0, CR2, jackknife and others.
    `by_arm=True` gives each arm its own covariance.

    References: Mallinckrodt 2008 (doi 10.1177/009286150804200402); Kenward & Roger 1997 (doi 10.2307/2533558).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [("a", "K", 7, 5, 4), ("b", "K", 6, 5, 3), ("c", "K", 8, 4, 6), ("d", "K", 5, 3, 3), ("e", "P", 8, 8, 7),
    ...         ("f", "P", 5, 5, 4), ("g", "P", 6, 6, 5), ("h", "P", 7, 5, 6), ("i", "P", 6, 6, None)]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> scores = wide.melt(["patient", "arm"], var_name="visit", value_name="pain")
    >>> study = oc.Study(scores, visits=("w0", "w1", "w4"), design="parallel",
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> round(oc.MMRM("pain", reference="P").run(study)["adjusted difference | K - P | w1"].df, 6)
    6.0
    """

    outcome: str
    _: KW_ONLY
    baseline: str = ""
    visits: Sequence[str] = ()
    visit: str = ""
    window: Sequence[str] = ()
    by: str = "arm"
    reference: str = ""
    covariates: Sequence[str] = ()
    covariance: Sequence[str] = FALLBACK
    by_arm: bool = False
    df: str = "kenward-roger"

    short: ClassVar[str] = "MMRM"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        "Mallinckrodt CH, Lane PW, Schnell D, et al. Recommendations for the primary analysis of continuous endpoints in "
        "longitudinal clinical trials. Drug Inf J 2008;42:303-319.",
        "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum likelihood. "
        "Biometrics 1997;53:983-997.",
    )

    def compute(self, study: Study) -> Result:
        baseline = study.visit(self.baseline or study.baseline)
        data = repeats(
            study, self.outcome, visits=_follow_ups(study, self.visits, baseline), baseline=baseline, by=self.by,
            reference=self.reference, covariates=self.covariates,
        )  # fmt: skip
        model = self._model(data)
        differences = _holm([_difference(model, a, data.levels[0], v) for a in data.levels[1:] for v in data.visits])
        main = study.visit(self.visit) if self.visit else data.visits[-1]
        rows = [*differences]
        for arm in data.levels[1:]:
            if self.window:
                rows.append(_difference(model, arm, data.levels[0], tuple(self.window)))
            at_main = next(e for e in differences if e.visit == main and e.group == f"{arm} - {data.levels[0]}")
            rows.append(model.standardised(at_main, sd=data.sd_baseline))
        if len(data.visits) > 1:
            rows.append(next(e for e in model.type_iii() if e.name == "arm x visit"))
        rows += [model.mean(arm, visit=v) for arm in data.levels for v in data.visits]
        return _result(self, study, data, model, rows, main)

    def summary(self, study: Study) -> Summary:
        """What a site can send instead of its patients' rows: summaries of several sites add up with `+`.

        `outcomes.stats.mmrm.repeated` fits the sum exactly as it would fit the pooled rows. Patterns with few patients come
        close to their rows: see `smallest_pattern` first.
        """
        baseline = study.visit(self.baseline or study.baseline)
        visits = _follow_ups(study, self.visits, baseline)
        data = repeats(
            study,
            self.outcome,
            visits=visits,
            baseline=baseline,
            by=self.by,
            reference=self.reference,
            covariates=self.covariates,
        )
        return data.summary(by_arm=self.by_arm)

    def _model(self, data: Repeats) -> Repeated:
        moving = [f for f in data.features if f.startswith("arm ") or f == "baseline"]
        return repeated(
            data.summary(by_arm=self.by_arm), by_visit=moving, arms=data.arms, at=data.at, covariance=self.covariance,
            method=self.df, rows=_rows(data, self.by_arm), level=self.level, unit=data.outcome.unit,
        )  # fmt: skip

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        at_main = [e for e in result.estimates if e.name == "adjusted difference" and e.visit == result.facts["main"]]
        words = "; ".join(_difference_words(e, result.outcome, style) for e in at_main)
        return (
            f"In a mixed model for repeated measures ({_model_words(result)}, adjusted for baseline) {words}; "
            f"n={result.counts.analysed} of {result.counts.enrolled}."
        )

    def methods_text(self) -> str:
        return (
            "Follow-up scores were analysed by a mixed model for repeated measures with visit by arm and visit by baseline as "
            f"fixed effects, an unstructured covariance, REML, and {METHODS[self.df]} degrees of freedom; where it did not converge, "
            "the declared simpler structures were used in order."
        )


@dataclass(frozen=True)
class CLDA(MMRM):
    """Do the arms differ in their change from baseline, with the baseline itself among the scores?

    Constrained longitudinal data analysis: the baseline is a response with one mean for all arms (they were randomised),
    every later visit has its own mean for each arm; unstructured covariance, REML. Patients with a missing baseline or
    with no follow-up stay in. Not for arms that were chosen rather than randomised.

    Reference: Liang & Zeger 2000 (Sankhya B 62:134-148); Lu 2010 (doi 10.1111/j.1541-0420.2009.01332.x).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [("a", "K", 7, 5, 4), ("b", "K", 6, 5, 3), ("c", "K", 8, 4, 6), ("d", "K", 5, 3, 3), ("e", "P", 8, 8, 7),
    ...         ("f", "P", 5, 5, 4), ("g", "P", 6, 6, 5), ("h", "P", 7, 5, 6), ("i", "P", 6, 6, None)]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> scores = wide.melt(["patient", "arm"], var_name="visit", value_name="pain")
    >>> study = oc.Study(scores, visits=("w0", "w1", "w4"), design="parallel",
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> round(oc.CLDA("pain", reference="P").run(study)["adjusted difference | K - P | w1"].value, 2)
    -1.8
    """

    short: ClassVar[str] = "cLDA"

    def compute(self, study: Study) -> Result:
        baseline = study.visit(self.baseline or study.baseline)
        later = _follow_ups(study, self.visits, baseline)
        data = repeats(
            study,
            self.outcome,
            visits=(baseline, *later),
            by=self.by,
            reference=self.reference,
            covariates=self.covariates,
        )
        moving = [f for f in data.features if f.startswith("arm ")]
        full = visit_design(data.features, data.visits, by_visit=moving)
        keep = [i for i, name in enumerate(full.names) if name not in moving]
        design = Design(full.columns[:, :, keep], tuple(full.names[i] for i in keep))
        model = repeated(
            data.summary(by_arm=self.by_arm), design=design, arms=data.arms, at=data.at, covariance=self.covariance,
            method=self.df, rows=_rows(data, self.by_arm), level=self.level, unit=data.outcome.unit,
        )  # fmt: skip
        differences = _holm([_difference(model, a, data.levels[0], v) for a in data.levels[1:] for v in later])
        main = study.visit(self.visit) if self.visit else later[-1]
        rows = [*differences]
        rows += [_difference(model, a, data.levels[0], tuple(self.window)) for a in data.levels[1:] if self.window]
        rows += [model.standardised(e, sd=data.sd_baseline) for e in differences if e.visit == main]
        rows += [
            replace(model.change(a, before=baseline, after=v), name="mean change") for a in data.levels for v in later
        ]
        rows += [model.mean(a, visit=v) for a in data.levels for v in data.visits]
        return _result(self, study, data, model, rows, main)

    def sentence(self, result: Result, style: str = "ama") -> str:
        return super().sentence(result, style).replace("adjusted for baseline", "baseline among the responses")


@dataclass(frozen=True)
class CohortModel(Analysis):
    """How did the score change over several follow-up visits, when some patients were not seen at all of them?

    One mean for each visit, the baseline among the scores, so that everybody with any score counts; change from baseline
    at each visit with Holm's p. Covariance unstructured up to five visits, else compound symmetry (a random intercept),
    or the order in `covariance`; REML with Kenward-Roger degrees of freedom. For cohorts without a control group: it
    describes the course, it does not say why. Unbiased where scores are missing at random given the scores observed;
    responders who stop reporting break that.

    `visits` are the follow-ups (default: all after the baseline), `visit` the main one (default: the last).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame({"patient": list("abcdefgh"), "w0": [7, 6, 8, 5, 8, 7, 6, 9], "w1": [5, 5, 4, 6, 7, 5, 6, 7],
    ...                      "w4": [4, 3, 6, 5, None, 6, 4, None]})
    >>> study = oc.Study(wide.melt("patient", var_name="visit", value_name="pain"), visits=("w0", "w1", "w4"),
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
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
    covariance: Sequence[str] = ()
    df: str = "kenward-roger"

    short: ClassVar[str] = "mixed model of the course"
    references: ClassVar[tuple[str, ...]] = MMRM.references[1:]

    def compute(self, study: Study) -> Result:
        baseline = study.visit(self.baseline or study.baseline)
        later = _follow_ups(study, self.visits, baseline)
        data = repeats(study, self.outcome, visits=(baseline, *later), covariates=self.covariates)
        tried = tuple(self.covariance) or (FALLBACK if len(data.visits) <= 5 else ("cs",))
        model = repeated(
            data.summary(), at=data.at, covariance=tried, method=self.df, rows=_rows(data, False), level=self.level,
            unit=data.outcome.unit,
        )  # fmt: skip
        changes = _holm([replace(model.change(before=baseline, after=v), name="mean change") for v in later])
        main = study.visit(self.visit) if self.visit else later[-1]
        rows = [*changes]
        if self.window:
            rows.append(replace(model.change(before=baseline, after=tuple(self.window)), name="mean change"))
        rows.append(model.standardised(next(e for e in changes if e.visit == main), sd=data.sd_baseline))
        if len(later) > 1:
            test = np.array([model.row("", v) - model.row("", baseline) for v in later])
            rows.append(model.inference.test(test, name="any change"))
        rows += [model.mean(visit=v) for v in data.visits]
        return _result(self, study, data, model, rows, main)

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, main = result.outcome, result.facts["main"]
        assert outcome is not None
        k, first = digits_for(outcome.resolution), result.facts["visits"][0]
        change = result[f"mean change | {main}"]
        before, after = (result[f"adjusted mean | {v}"].value for v in (first, main))
        seen = result.data["observed"].set_index("visit")["n"]
        return (
            f"Estimated mean {outcome.title} was {number(before, k)} at {spoken(first)} and {number(after, k)} at {spoken(main)} "
            f"(change {number(change.value, k)}, {_test_words(change, k, style)}); {int(seen[main])} of "
            f"{result.counts.enrolled} patients had a score at {spoken(main)} ({_model_words(result)}): scores "
            f"{outcome.direction(change.value)} on average."
        )

    def methods_text(self) -> str:
        return (
            "The course was described by a mixed model with a mean for each visit, the baseline among the responses, REML and "
            f"{METHODS[self.df]} degrees of freedom; changes from baseline have Holm-adjusted P values."
        )


@dataclass(frozen=True)
class SlopeModel(Analysis):
    """How fast does the score change over time, and do the arms differ in that?

    Linear in time (or in log2 of time, where change slows), with a random intercept and slope for each patient; REML,
    Kenward-Roger. `times` are the times of the `visits`, in their order. With `by`, each arm has its own slope.

    Reference: Laird & Ware 1982 (doi 10.2307/2529876).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame({"patient": list("abcdef"), "w0": [7, 6, 8, 5, 8, 7], "w1": [6, 6, 7, 5, 7, 5], "w2": [5, 6, 4, 5, 7, 4]})
    >>> study = oc.Study(wide.melt("patient", var_name="visit", value_name="pain"), visits=("w0", "w1", "w2"),
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
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
    df: str = "kenward-roger"

    short: ClassVar[str] = "random slope on time"

    def compute(self, study: Study) -> Result:
        visits = tuple(self.visits) or study.visits
        if len(self.times) != len(visits):
            raise AnalysisError(f"times needs one time for each of {', '.join(visits)}; got {len(self.times)}.")
        data = repeats(study, self.outcome, visits=visits, by=self.by, reference=self.reference)
        time = np.asarray(self.times, dtype=float)
        if self.log2:
            if (time <= 0).any():
                raise AnalysisError("log2=True needs times above 0. Leave the visit at time 0 out, or count from 1.")
            time = np.log2(time)
        n, m = data.scores.shape
        t = np.tile(time, n)
        x = np.repeat(data.design, m, axis=0)
        names = tuple(data.features) + tuple("slope" if f == "intercept" else f"slope {f}" for f in data.features)
        model = mixed(
            data.scores.ravel(), np.hstack([x, x * t[:, None]]), names=names, cluster=np.repeat(np.arange(n), m),
            random=np.column_stack([np.ones(n * m), t]), method=self.df,
        )  # fmt: skip
        unit = f"{data.outcome.unit} per {'doubling of time' if self.log2 else 'unit of time'}"
        d, eye = len(data.features), np.eye(len(names))
        rows = []
        for a in data.levels or ("",):
            row = eye[d] + (eye[d + data.features.index(f"arm {a}")] if a and a != data.levels[0] else 0)
            rows.append(model.contrast(row, name="slope", level=self.level, unit=unit, group=a))
        for a in data.levels[1:]:
            row = eye[d + data.features.index(f"arm {a}")]
            rows.append(
                model.contrast(
                    row, name="difference in slope", level=self.level, unit=unit, group=f"{a} - {data.levels[0]}"
                )
            )
        fit = model.fit
        notes = [f"The fit lies at a boundary: {fit.boundary}."] if fit.boundary else []
        if data.levels and not (study.controlled and self.by == "arm"):
            notes.append(unrandomised(self.by))
        facts = {"model": model.how, "visits": visits}
        return Result(
            self, tuple(rows), data.counts, data.outcome, tuple(notes), {"observed": data.observed()}, facts=facts
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k = digits_for(result.outcome.resolution) + 1
        parts = [
            f"{e.name}{f' with {spoken(e.group)}' if e.name == 'slope' and e.group else f' ({e.group})' if e.group else ''} "
            f"{number(e.value, k)} {e.unit}, {_test_words(e, k, style)}"
            for e in result.estimates
        ]
        return f"{result.outcome.title}: {'; '.join(parts)}; n={result.counts.analysed} of {result.counts.enrolled}."


def _follow_ups(study: Study, visits: Sequence[str], baseline: str) -> tuple[str, ...]:
    """The declared follow-up visits, or every visit after the baseline that anybody was scored at."""
    later = tuple(visits) or study.visits[study.visits.index(baseline) + 1 :]
    if not later:
        raise AnalysisError(f"There is no visit after {baseline}. There is: {', '.join(study.visits)}.")
    return later


def _rows(data: Repeats, by_arm: bool) -> Rows:
    member = np.array([data.levels.index(v) for v in data.label], dtype=np.int64) if by_arm and data.levels else None
    return Rows(data.scores, data.design, member)


def _difference(model: Repeated, arm: str, reference: str, visit: str | tuple[str, ...]) -> Estimate:
    return replace(
        model.difference(arm, reference, visit=visit), name="adjusted difference", group=f"{arm} - {reference}"
    )


def _holm(estimates: list[Estimate]) -> list[Estimate]:
    """Holm's p over the visits (of each comparison together), where there are several."""
    if len(estimates) < 2:
        return estimates
    known = [i for i, e in enumerate(estimates) if not np.isnan(e.p)]
    adjusted = dict(zip(known, adjust([estimates[i].p for i in known], method="holm"))) if known else {}
    return [replace(e, p_adjusted=adjusted.get(i, np.nan)) for i, e in enumerate(estimates)]


def _result(
    question: Analysis, study: Study, data: Repeats, model: Repeated, rows: Sequence[Estimate], main: str
) -> Result:
    notes = list(model_notes(data, model))
    if data.levels and not (study.controlled and getattr(question, "by", "") == "arm"):
        notes.append(unrandomised(getattr(question, "by", "")))
    facts = {
        "main": main, "means": "mean from the model (n: scores seen)", "visits": data.visits, "model": model.inference.how,
        "covariance": model.fit.structure.title, "loglik": model.fit.loglik,
        "missing_share": data.missing_share, "sd_baseline": data.sd_baseline,
    }  # fmt: skip
    frames: dict[str, pd.DataFrame] = {"course": course_frame(data, model), "observed": data.observed()}
    return Result(question, tuple(rows), data.counts, data.outcome, tuple(notes), frames, ("course",), facts)


def _model_words(result: Result) -> str:
    return f"{result.facts['model']}"


def _test_words(e: Estimate, k: int, style: str) -> str:
    if e.reason:
        return f"no interval: {REASONS[e.reason]}"
    holm = "" if np.isnan(e.p_adjusted) else f"; Holm-adjusted {p_value(e.p_adjusted, style)}"
    tested = f"{statistic('t', e.statistic, e.df, style)}, {p_value(e.p, style)}{holm}"
    return f"{interval(e.low, e.high, k, level=e.level)}; {tested}"


def _difference_words(e: Estimate, outcome: Outcome, style: str) -> str:
    k = digits_for(outcome.resolution)
    better = f"; {outcome.better} is better" if outcome.better else ""
    return f"the difference at {spoken(e.visit)} ({e.group}) was {number(e.value, k)} {e.unit} ({_test_words(e, k, style)}{better})"
