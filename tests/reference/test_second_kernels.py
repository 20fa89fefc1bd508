"""Kernels that answer rows of the reference table which another kernel answers in the registry."""

from __future__ import annotations

import numpy as np
import pytest

from outcomes.core.estimate import Estimate
from outcomes.stats.crossover.mixed import CrossoverModel
from outcomes.stats.mixed.covariance import random_effects
from outcomes.stats.mixed.cross_products import summarise
from outcomes.stats.mixed.mmrm import repeated
from outcomes.validation.cases import Case, Comparison
from outcomes.validation.longitudinal import features_of, rows_of, wide
from outcomes.validation.reference_adapters import crossover, mmrm
from tests.shared import present_cases

CASES = present_cases()
FIELDS = {"est": "value", "se": "se", "df": "df", "t": "statistic", "p": "p"}
TESTS = {"F": "value", "DenDF": "df", "p": "p"}


def held(case: Case, ours: dict[str, float], *, at_least: int) -> None:
    """What is answered keeps the tolerance of the table, and that much is answered."""
    found = [Comparison(case, q, ours[q], *case.expected[q]) for q in case.expected if q in ours]
    assert [f"{c.quantity}: {c.ours!r} for {c.expected!r}" for c in found if not c.agrees] == []
    assert len(found) >= at_least


def numbers(e: Estimate, name: str, fields: dict[str, str], sign: int = 1) -> dict[str, float]:
    """An estimate as the reference names its numbers."""
    return {
        f"{name}_{k}": getattr(e, f) * (sign if k in ("est", "t") else 1) for k, f in fields.items()
    }


def answers(model: CrossoverModel, method: str) -> dict[str, float]:
    """What the crossover model says of treatment and period; intercepts and single coefficients are
    no answers of it.
    """
    if "anova" in method:
        joint = TESTS | {"F": "statistic"}
        return numbers(model.treatments, "treat", joint) | numbers(model.periods, "period", joint)
    got: dict[str, float] = {}
    if "pairs" in method:
        for e in model.differences:
            later, earlier = e.group.split(" - ")
            got |= numbers(e, e.group, FIELDS) | {f"{e.group}_padj": e.p_adjusted}
            got |= numbers(e, f"{earlier} - {later}", FIELDS, -1) | {
                f"{earlier} - {later}_padj": e.p_adjusted
            }
        return got
    for e in model.differences:
        level, reference = e.group.split(" - ")
        if reference in ("placebo", "P"):
            got |= numbers(e, f"treat{level}", FIELDS)
    if model.periods.name == "period difference":  # here: period 1 − period 2
        got |= numbers(model.periods, "period2", FIELDS, -1)
    return got


CROSSOVER = [
    c for c in CASES if c.method.startswith(("xo_lmm_", "xo_pairs")) and c.method != "xo_lmm_vc"
]


@pytest.mark.parametrize("case", CROSSOVER, ids=lambda c: f"{c.name}-{c.method}")
def test_the_crossover_model_is_the_mixed_model(case: Case) -> None:
    how = "satterthwaite" if case.method.endswith("Satterthwaite") else "kenward-roger-expected"
    held(case, answers(crossover.model(case, how), case.method), at_least=5)


VISITS = [
    c
    for c in CASES
    if c.method == "lmm_anova3_Kenward-Roger" and c.name in ("lmm_rct_n060", "lmm_rct_n024")
]


@pytest.mark.parametrize("case", VISITS, ids=lambda c: c.name)
def test_type_three_of_repeated_scores_with_a_random_intercept_is_that_of_the_mixed_model(
    case: Case,
) -> None:
    rows = rows_of(case.tables, case.inputs, case.data)
    features, by_visit, _ = features_of(rows, "y ~ base + arm * visit")
    scores, design, visits = wide(rows, features)
    m = repeated(
        summarise(scores, design, visits=visits, features=tuple(features)),
        by_visit=by_visit,
        arms={a: {"arm ketamine": float(a == "ketamine")} for a in ("placebo", "ketamine")},
        covariance=(random_effects(np.ones((len(visits), 1))),),
        method="kenward-roger-expected",
    )
    got: dict[str, float] = {}
    for e in m.type_iii():
        got |= numbers(e, e.name.replace(" x ", ":"), TESTS)
    held(case, got, at_least=12)


OWN = [c for c in CASES if c.method == "reml_own" and c.options.startswith("US")]


@pytest.mark.parametrize("case", OWN, ids=lambda c: c.name)
def test_the_likelihood_is_flat_at_the_fit(case: Case) -> None:
    fit = mmrm.model(case.tables, case.inputs, case.data, case.options.split(", ", 1)[1]).fit
    assert np.abs(fit.gradient).max() < 1e-6
