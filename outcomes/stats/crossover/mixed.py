"""The crossover with everybody in it: a mixed model, in which patients with one period count for
what they show.

y ~ treatment + period (+ sequence in the AB/BA design), the periods of a patient equally
correlated, REML, Kenward-Roger degrees of freedom. This is the random-intercept model, except that
the correlation may be negative, as it often is for changes; for an AB/BA trial in which everybody
is complete it therefore always equals the Hills-Armitage analysis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.crossover.two_period import carried_over, within_patients
from outcomes.stats.mixed.covariance import Linear
from outcomes.stats.mixed.cross_products import middle, summarise_rows
from outcomes.stats.mixed.lmm import predict_placed
from outcomes.stats.mixed.mmrm import Predictions
from outcomes.stats.mixed.reml import Design as Coefficients
from outcomes.stats.mixed.reml import NotConverged, fit
from outcomes.stats.mixed.small_sample import Inference, infer
from outcomes.stats.multiplicity import adjust
from outcomes.stats.regression.linear import Design, Fit, factor, numeric

Array = NDArray[np.float64]

#: Kinds of: treatments differ, period difference, carry-over, d_total, d_within, icc.
KINDS = (
    Measure.OVERALL_TEST,
    Measure.DIAGNOSTIC,
    Measure.DIAGNOSTIC,
    Measure.STANDARDISED_DIFFERENCE,
    Measure.STANDARDISED_DIFFERENCE,
    Measure.CORRELATION,
)


@dataclass(frozen=True, eq=False)
class CrossoverModel:
    """A fitted crossover: pairwise treatment differences (the reference first), tests, and what the
    variances are.
    """

    differences: tuple[Estimate, ...]
    treatments: Estimate
    periods: Estimate
    carry_over: Estimate
    sizes: tuple[Estimate, ...]
    #: Fitted means (counted from their middle), residuals and leverages of the entries; None where
    #: no model is determined.
    predictions: Predictions | None = None
    #: What was taken off the scores.
    origin: float = 0.0


def crossover_model(
    scores: ArrayLike,
    *,
    patient: ArrayLike,
    period: ArrayLike,
    treatment: ArrayLike,
    reference: str = "",
    covariate: ArrayLike | None = None,
    carry_over: bool = False,
    method: str = "kenward-roger",
    level: float = 0.95,
) -> CrossoverModel:
    """Do treatments differ, allowing for period, each patient having had several of them?

    One entry a patient and period with a score. `differences` of every pair of treatments, later −
    earlier level, with Holm's p where there are more than two; `treatments` and `periods`: the F
    tests that any differ, in the AB/BA design the period difference (period 1 − period 2) itself;
    `carry_over`: in the AB/BA design the difference of the expected totals of the two orders
    (treated first − reference first), in others the F test of the treatment of the period before,
    if `carry_over`; `sizes`: the first difference over the total SD (`d_total`) and the
    within-patient SD (`d_within`), and the correlation of two periods (`icc`).

    Raises AnalysisError for missing scores or fewer than two treatments or periods, NotConverged
    where no model is determined.

    Reference: Kenward & Roger, Biometrics 1997;53:983; Senn, Cross-over Trials in Clinical Research
    2002, ch. 3 and 5.

    >>> m = crossover_model(
    ...     [8.2, 10, 4.5, 5.6, 6.1, 7.0, 9.0, 7.2],
    ...     patient=[1, 1, 2, 2, 3, 3, 4, 4],
    ...     period=[1, 2] * 4,
    ...     treatment=list("KPKPPKPK"),
    ...     reference="P",
    ... )
    >>> m.differences[0].group, round(m.differences[0].value, 3), round(m.differences[0].df, 3)
    ('K - P', -0.95, 2.0)
    """
    y, who = np.asarray(scores, float), np.asarray(patient)
    when, what = np.asarray(period), np.asarray(treatment)
    if not np.isfinite(y).all():
        raise AnalysisError("A score is missing: leave these periods out and count them.")
    origin = middle(y)
    y = y - origin  # what is estimated are differences: nothing else changes
    treatments, periods = factor("treatment", what, reference=reference), factor("period", when)
    if len(treatments.levels) < 2 or len(periods.levels) < 2:
        raise AnalysisError("A crossover needs two treatments in two periods.")
    two_by_two = len(treatments.levels) == len(periods.levels) == 2
    terms = [treatments, periods]
    if two_by_two:
        first = (what.astype(str) == treatments.levels[1]) == (
            when.astype(str) == periods.levels[0]
        )
        terms.append(
            factor("sequence", np.where(first, "first", "second"), levels=("second", "first"))
        )
    elif carry_over:
        terms.append(carried_over(who, when, what, treatments.levels))
    if covariate is not None:
        x = np.asarray(covariate, float)
        terms.append(numeric("covariate", x - middle(x)))
    design = Design(tuple(terms))
    try:
        model = _fitted(y, design, who, when, periods.levels, method)
    except NotConverged:
        within = within_patients(design.matrix[:, 1:], y, who, design.names[1:])
        if within.df > 0 and within.sigma > 0:
            raise
        return _undetermined(within, treatments.levels, level)
    differences = _differences(model, design, treatments.levels, level)
    return CrossoverModel(
        differences,
        _joint(model, design, "treatment", "treatments differ"),
        (
            _period(model, design, level)
            if two_by_two
            else _joint(model, design, "period", "periods differ")
        ),
        _carry(model, design, level, two_by_two=two_by_two),
        _sizes(model, differences[0]),
        _predictions(model, y, design, who, when, periods.levels),
        origin,
    )


def _predictions(
    model: Inference,
    y: Array,
    design: Design,
    who: NDArray[np.generic],
    when: NDArray[np.generic],
    periods: Sequence[str],
) -> Predictions:
    patient, period = _placed(who, when, periods)
    seen = np.ones(len(y), dtype=bool)
    return predict_placed(model, y, design.matrix, seen, patient, period)


def _placed(
    who: NDArray[np.generic], when: NDArray[np.generic], periods: Sequence[str]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The numbers of each entry's patient and period."""
    patient = np.unique(who, return_inverse=True)[1].ravel()
    return patient, np.array([periods.index(str(v)) for v in when.tolist()])


def _fitted(
    y: Array,
    design: Design,
    who: NDArray[np.generic],
    when: NDArray[np.generic],
    periods: Sequence[str],
    method: str,
) -> Inference:
    m, names = len(periods), design.names
    patient, visit = _placed(who, when, periods)
    summary = summarise_rows(patient, visit, y, design.matrix, visits=periods, features=names)
    alike = Linear(
        "compound symmetry", np.array([np.ones((m, m)), np.eye(m)]), ("between", "within")
    )
    same = np.broadcast_to(np.eye(len(names)), (m, len(names), len(names)))
    return infer(fit(summary, Coefficients(same, names), alike), method)


def _undetermined(within: Fit, levels: Sequence[str], level: float) -> CrossoverModel:
    """Too few patients, or no spread within them at all: the differences stand, without error and
    test.
    """
    why = "too_few" if within.df < 1 else "zero_variance"
    found = []
    for i, a in enumerate(levels):
        for b in levels[i + 1 :]:
            row = [(n == f"treatment[{b}]") - (n == f"treatment[{a}]") for n in within.names]
            e = within.contrast(
                np.array(row, float),
                name="treatment difference",
                level=level,
                group=Versus.of(b, a),
                measure=Measure.DIFFERENCE,
            )
            found.append(e if e.reason else replace(e, reason=why))
    names = ("treatments differ", "period difference", "carry-over", "d_total", "d_within", "icc")
    treatments, periods, carry, *sizes = (
        Estimate(name, NAN, level=level, reason=why, measure=kind)
        for name, kind in zip(names, KINDS)
    )
    return CrossoverModel(tuple(found), treatments, periods, carry, tuple(sizes))


def _differences(
    model: Inference, design: Design, levels: Sequence[str], level: float
) -> tuple[Estimate, ...]:
    pairs = [(a, b) for i, a in enumerate(levels) for b in levels[i + 1 :]]
    found = [
        model.contrast(
            design.row(treatment=b) - design.row(treatment=a),
            name="treatment difference",
            level=level,
            group=Versus.of(b, a),
            measure=Measure.DIFFERENCE,
        )
        for a, b in pairs
    ]
    if len(levels) < 3:
        return tuple(found)
    return tuple(
        replace(e, p_adjusted=p) for e, p in zip(found, adjust([e.p for e in found]), strict=True)
    )


def _joint(model: Inference, design: Design, term: str, name: str) -> Estimate:
    return model.test(np.eye(len(design.names))[design.columns_of(term)], name=name)


def _period(model: Inference, design: Design, level: float) -> Estimate:
    row = -np.eye(len(design.names))[design.columns_of("period")[0]]
    return model.contrast(row, name="period difference", level=level, measure=Measure.DIAGNOSTIC)


def _carry(model: Inference, design: Design, level: float, *, two_by_two: bool) -> Estimate:
    """Twice the difference between sequences is that of patient totals."""
    if two_by_two:
        row = 2 * np.eye(len(design.names))[design.columns_of("sequence")[0]]
        return model.contrast(row, name="carry-over", level=level, measure=Measure.DIAGNOSTIC)
    if any(t.name == "carry-over" for t in design.terms):
        return _joint(model, design, "carry-over", "carry-over")
    return Estimate(
        "carry-over",
        NAN,
        level=level,
        how="not in the model",
        reason="needs_input",
        measure=Measure.DIAGNOSTIC,
    )


def _sizes(model: Inference, difference: Estimate) -> tuple[Estimate, ...]:
    between, within = map(float, model.fit.theta)
    total = between + within
    values = {
        "d_total": (difference.value / math.sqrt(total) if total > 0 else NAN, "over the total SD"),
        "d_within": (
            difference.value / math.sqrt(within) if within > 0 else NAN,
            "over the within-patient SD",
        ),
        "icc": (between / total if total > 0 else NAN, "correlation of two periods of a patient"),
    }
    group = difference.group
    return tuple(
        Estimate(
            name,
            v,
            measure=kind,
            how=how,
            group=group if name != "icc" else "",
            reason="zero_variance" if math.isnan(v) else "",
        )
        for (name, (v, how)), kind in zip(values.items(), KINDS[3:])
    )
