"""The crossover with everybody in it: a mixed model, in which patients with one period count for what they show.

y ~ treatment + period (+ sequence in the AB/BA design) + (1 | patient), REML, Kenward-Roger degrees of freedom. For an AB/BA
trial in which everybody is complete it equals the Hills-Armitage analysis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.errors import AnalysisError
from outcomes.result import NAN, Estimate
from outcomes.stats.crossover import carried_over
from outcomes.stats.inference import Inference
from outcomes.stats.linear import Design, factor, numeric
from outcomes.stats.lmm import mixed
from outcomes.stats.multiplicity import adjust

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CrossoverModel:
    """A fitted crossover: pairwise treatment differences (the reference first), tests, and what the variances are."""

    differences: tuple[Estimate, ...]
    treatments: Estimate
    periods: Estimate
    carry_over: Estimate
    sizes: tuple[Estimate, ...]
    boundary: str


def crossover_model(
    scores: ArrayLike, *, patient: ArrayLike, period: ArrayLike, treatment: ArrayLike, reference: str = "",
    covariate: ArrayLike | None = None, carry_over: bool = False, method: str = "kenward-roger", level: float = 0.95,
) -> CrossoverModel:  # fmt: skip
    """Do treatments differ, allowing for period, each patient having had several of them?

    One entry a patient and period with a score. `differences` of every pair of treatments, later − earlier level, with Holm's p
    where there are more than two; `treatments` and `periods`: the F tests that any differ, in the AB/BA design the period
    difference (period 1 − period 2) itself; `carry_over`: in the AB/BA design the difference of the expected totals of the two
    orders (treated first − reference first), in others the F test of the treatment of the period before, if `carry_over`;
    `sizes`: the first difference over the total SD (`d_total`) and the within-patient SD (`d_within`), and the ICC.

    Raises AnalysisError for missing scores or fewer than two treatments or periods, NotConverged where no model is determined.

    Reference: Kenward & Roger, Biometrics 1997;53:983; Senn, Cross-over Trials in Clinical Research 2002, ch. 3 and 5.

    >>> m = crossover_model([8.2, 10, 4.5, 5.6, 6.1, 7.0, 9.0, 7.2], patient=[1, 1, 2, 2, 3, 3, 4, 4], period=[1, 2] * 4,
    ...                     treatment=list("KPKPPKPK"), reference="P")
    >>> m.differences[0].group, round(m.differences[0].value, 3), round(m.differences[0].df, 3)
    ('K - P', -0.95, 2.0)
    """
    y, who = np.asarray(scores, float), np.asarray(patient)
    when, what = np.asarray(period), np.asarray(treatment)
    if not np.isfinite(y).all():
        raise AnalysisError("A score is missing: leave these periods out and count them.")
    treatments, periods = factor("treatment", what, reference=reference), factor("period", when)
    if len(treatments.levels) < 2 or len(periods.levels) < 2:
        raise AnalysisError("A crossover needs two treatments in two periods.")
    two_by_two = len(treatments.levels) == len(periods.levels) == 2
    terms = [treatments, periods]
    if two_by_two:
        first = (what.astype(str) == treatments.levels[1]) == (when.astype(str) == periods.levels[0])
        terms.append(factor("sequence", np.where(first, "first", "second"), levels=("second", "first")))
    elif carry_over:
        terms.append(carried_over(who, when, what, treatments.levels))
    if covariate is not None:
        terms.append(numeric("covariate", np.asarray(covariate, float)))
    design = Design(tuple(terms))
    model = mixed(y, design.matrix, names=design.names, cluster=who, method=method)
    differences = _differences(model, design, treatments.levels, level)
    return CrossoverModel(
        differences, _joint(model, design, "treatment", "treatments differ"),
        _period(model, design, level) if two_by_two else _joint(model, design, "period", "periods differ"),
        _carry(model, design, level, two_by_two=two_by_two), _sizes(model, differences[0]), model.fit.boundary,
    )  # fmt: skip


def _differences(model: Inference, design: Design, levels: Sequence[str], level: float) -> tuple[Estimate, ...]:
    pairs = [(a, b) for i, a in enumerate(levels) for b in levels[i + 1 :]]
    found = [
        model.contrast(design.row(treatment=b) - design.row(treatment=a), name="treatment difference", level=level, group=f"{b} - {a}")
        for a, b in pairs
    ]  # fmt: skip
    if len(levels) < 3:
        return tuple(found)
    return tuple(replace(e, p_adjusted=p) for e, p in zip(found, adjust([e.p for e in found]), strict=True))


def _joint(model: Inference, design: Design, term: str, name: str) -> Estimate:
    return model.test(np.eye(len(design.names))[design.columns_of(term)], name=name)


def _period(model: Inference, design: Design, level: float) -> Estimate:
    row = -np.eye(len(design.names))[design.columns_of("period")[0]]
    return model.contrast(row, name="period difference", level=level)


def _carry(model: Inference, design: Design, level: float, *, two_by_two: bool) -> Estimate:
    """Twice the difference between sequences is that of patient totals."""
    if two_by_two:
        row = 2 * np.eye(len(design.names))[design.columns_of("sequence")[0]]
        return model.contrast(row, name="carry-over", level=level)
    if any(t.name == "carry-over" for t in design.terms):
        return _joint(model, design, "carry-over", "carry-over")
    return Estimate("carry-over", NAN, level=level, how="not in the model", reason="needs_input")


def _sizes(model: Inference, difference: Estimate) -> tuple[Estimate, ...]:
    between, within = (float(dict(zip(model.fit.structure.names, model.fit.theta, strict=True))[k]) for k in ("G_1_1", "sigma2"))
    total = between + within
    values = {
        "d_total": (difference.value / math.sqrt(total) if total > 0 else NAN, "over the total SD"),
        "d_within": (difference.value / math.sqrt(within) if within > 0 else NAN, "over the within-patient SD"),
        "icc": (between / total if total > 0 else NAN, "share of the variance between patients"),
    }
    group = difference.group
    return tuple(
        Estimate(name, v, how=how, group=group if name != "icc" else "", reason="zero_variance" if math.isnan(v) else "")
        for name, (v, how) in values.items()
    )


