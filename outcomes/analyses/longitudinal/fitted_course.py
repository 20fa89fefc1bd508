"""What is made and said of a fitted model of repeated scores: rows, pictures, notes, methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    adjusted_words,
    is_randomised,
    unrandomised,
)
from outcomes.analyses.longitudinal.longitudinal_data import Repeats
from outcomes.analyses.question import Analysis
from outcomes.analyses.regression.model_checks import checks_of_scores
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.model import FittedModel
from outcomes.core.result import Result
from outcomes.core.wording import interval, listed, p_value, percent, share_of, spoken, statistic
from outcomes.stats.mixed.covariance import STRUCTURES
from outcomes.stats.mixed.mmrm import Repeated, predict, shifted
from outcomes.stats.mixed.small_sample import METHODS, Inference
from outcomes.stats.multiplicity import adjust
from outcomes.study.study import Study


def model_notes(data: Repeats, model: FittedModel) -> tuple[str, ...]:
    """The fallback of the covariance, a boundary, and the assumption about what is missing."""
    notes = []
    if model.history:
        notes.append(model.history)
    if model.boundary:
        notes.append(f"The fit lies at a boundary: {model.boundary}.")
    absent, total = data.absent
    if absent:
        notes.append(
            f"Missing: {share_of(absent, total)} scores of the analysed patients at these visits,"
            " taken as missing at random: as predictable from the scores and characteristics in"
            " the model."
        )
    if data.missing_share > 0.1:
        notes.append(
            f"More than 10% ({percent(data.missing_share)}) is missing: its tipping point says how"
            " much worse these scores would have to be to change the conclusion."
        )
    return tuple(notes)


def by_reml(estimator: str) -> bool:
    """Whether the estimator is REML. Raises AnalysisError for anything but REML and ML."""
    if estimator not in ("REML", "ML"):
        raise AnalysisError(unknown("estimator", estimator, ("REML", "ML")))
    return estimator == "REML"


def declared(covariance: Sequence[str], estimator: str, df: str, *, by_arm: bool = False) -> str:
    """What a methods text can say before anything is fitted: the declared covariance, and what
    would follow it.
    """
    first, *others = [STRUCTURES.get(c, c) for c in covariance]
    article = "an" if first.startswith(("A", "u", "a", "i", "o", "e")) else "a"
    each = " for each arm" if by_arm else ""
    then = f" (where it cannot be fitted, in this order: {listed(others)})" if others else ""
    return (
        f"{article} {first} covariance{each}{then}, {estimator} and {METHODS[df]} degrees of"
        " freedom"
    )


def fitted_words(lead: str, result: Result, *, instead: str, after: str = "") -> str:
    """The methods text of a model that was fitted: `lead`, what was fitted, what was tried before,
    `after`.
    """
    model = result.model
    if model is None:
        return instead
    covariates = (
        f", adjusted for {listed([spoken(c) for c in model.covariates])}"
        if model.covariates
        else ""
    )
    edge = f" The fit lies at a boundary: {model.boundary}." if model.boundary else ""
    return " ".join(
        f"{lead}{covariates}, with {model.words}. {model.history}{edge} {after}".split()
    )


def fitted_model(
    model: Repeated, frames: Mapping[str, pd.DataFrame], covariates: Sequence[str] = ()
) -> FittedModel:
    """The record of a fit with its `model_frames`."""
    fit = model.fit
    return FittedModel(
        fit.structure.title,
        "REML" if fit.reml else "ML",
        METHODS[model.inference.method],
        tuple(covariates),
        fit.attempts,
        fit.boundary,
        fit.loglik,
        fit.aic,
        fit.bic,
        model.inference.how,
        frames["coefficients"],
        frames["covariance"],
    )


def course_frame(data: Repeats, model: Repeated) -> pd.DataFrame:
    """Adjusted means with intervals and n observed: what the course picture draws."""
    n = data.observed().set_index(["visit", "group"])["n"]
    rows = []
    for level in data.levels or ("",):
        for v in data.visits:
            e = model.mean(level, visit=v)
            rows.append(
                {
                    "visit": v,
                    "group": level,
                    "mean": e.value,
                    "low": e.low,
                    "high": e.high,
                    "n": int(n[v, level]),
                }
            )
    return pd.DataFrame(rows)


def holm_over_visits(estimates: list[Estimate]) -> list[Estimate]:
    """Holm's p over the visits (of each comparison together), where there are several."""
    if len(estimates) < 2:
        return estimates
    known = [i for i, e in enumerate(estimates) if not np.isnan(e.p)]
    adjusted = (
        dict(zip(known, adjust([estimates[i].p for i in known], method="holm"))) if known else {}
    )
    return [replace(e, p_adjusted=adjusted.get(i, np.nan)) for i, e in enumerate(estimates)]


@dataclass(frozen=True)
class ModelledCourse:
    """The visits of the model, and over what its P values were adjusted, in words."""

    visits: tuple[str, ...]
    over: str


@dataclass(frozen=True)
class Clusters:
    """The patients and visits of a GEE, and how many comparisons were adjusted together."""

    patients: int
    visits: tuple[str, ...]
    comparisons: int = 1


def model_result(
    question: Analysis,
    study: Study,
    data: Repeats,
    model: Repeated,
    rows: Sequence[Estimate],
    main: str,
) -> Result:
    """A model's rows with its notes, detail and course picture."""
    near = data.centred
    fitted = model_frames(model, near)
    record = fitted_model(model, fitted, getattr(question, "covariates", ()))
    notes, by = list(model_notes(data, record)), str(getattr(question, "by", ""))
    randomised = not data.levels or is_randomised(study, by)
    if not randomised:
        notes.append(unrandomised(by))
    first = str(getattr(question, "baseline", "") or study.baseline)
    notes += data.notes_on_arms(first, randomised=randomised)
    adjusted = sum(not np.isnan(e.p_adjusted) for e in rows)
    over = f"over the {adjusted} {'visits' if len(data.levels) <= 2 else 'comparisons'}"
    if adjusted:
        notes.append(f"Adjusted P values: Holm {over}.")
    frames: dict[str, pd.DataFrame] = {
        "course": course_frame(data, model),
        "observed": data.observed(),
        **fitted,
    }
    of_patients = near.rows(by_arm=len(model.fit.summary.groups) > 1)
    if of_patients is not None:
        found = predict(model.fit, of_patients)
        frames |= checks_of_scores(found, data.visits, origin=near.origin)
    return Result(
        question,
        tuple(rows),
        data.counts,
        data.outcome,
        tuple(notes),
        frames,
        ("course",),
        detail=ModelledCourse(data.visits, over),
        flow=data.flow,
        model=record,
        main_visit=main,
        randomised=randomised,
    )


def model_frames(model: Repeated, data: Repeats | None = None) -> dict[str, pd.DataFrame]:
    """The coefficients with their standard errors, and the covariance of the visits (of each arm,
    where it has its own); `data` is what the model was fitted to.
    """
    fit = model.fit
    back = _back(fit.design.columns, data) if data is not None and data.moved else None
    cells = [
        {
            "group": group,
            "visit": a,
            "other visit": b,
            "covariance": (s := fit.sigma[min(g, len(fit.sigma) - 1)])[j, k],
            "correlation": s[j, k] / np.sqrt(s[j, j] * s[k, k]),
        }
        for g, group in enumerate(fit.summary.groups)
        for j, a in enumerate(fit.summary.visits)
        for k, b in enumerate(fit.summary.visits)
    ]
    return {
        "coefficients": coefficients_frame(model.inference, back),
        "covariance": pd.DataFrame(cells),
    }


def _back(columns: np.ndarray, data: Repeats) -> tuple[np.ndarray, np.ndarray]:
    """How the coefficients of scores and features as they were follow from those of the centred
    ones: rows and constants.

    With features f' = S f and scores y' = y − c, D_j β = S'D_j β' + c e₀ at every visit j.
    """
    m, d, p = columns.shape
    turned = np.eye(d)
    turned[:, 0] -= np.array(data.moved)
    first = np.zeros(d)
    first[0] = data.origin
    inverse = np.linalg.pinv(columns.reshape(m * d, p))
    rows = inverse @ np.einsum("ed,jep->jdp", turned, columns).reshape(m * d, p)
    return rows, inverse @ np.tile(first, m)


def coefficients_frame(
    inference: Inference, back: tuple[np.ndarray, np.ndarray] | None = None
) -> pd.DataFrame:
    """The fixed effects of a model with standard errors, degrees of freedom, t and P; `back` leads
    from those of centred scores and features to those of the scores as they were.
    """
    names, rows = inference.fit.design.names, []
    turned, plus = back if back is not None else (np.eye(len(names)), np.zeros(len(names)))
    for name, row, more in zip(names, turned, plus, strict=True):
        e = inference.contrast(row, name=name)
        if more:
            e = shifted(e, float(more))
        rows.append(
            {
                "coefficient": name,
                "value": e.value,
                "se": e.se,
                "df": e.df,
                "t": e.statistic,
                "p": e.p,
            }
        )
    return pd.DataFrame(rows)


def interval_words(result: Result, e: Estimate, k: int, style: str) -> str:
    """The interval, t-test, p and adjusted p of an estimate, or why there is none."""
    if e.reason:
        return f"no interval: {REASONS[e.reason]}"
    told = result.about(ModelledCourse)
    adjusted = adjusted_words(result, e, style, over=told.over if told else "")
    tested = (
        f"{statistic('t', e.statistic, e.df, style)},"
        f" {p_value(e.p, style)}{f'; {adjusted}' if adjusted else ''}"
    )
    return f"{interval(e.low, e.high, k, level=e.level)}; {tested}"
