"""The mixed model for repeated measures: fits, small-sample inference, marginal means and
contrasts.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from outcomes.core.estimate import Estimate
from outcomes.stats.mixed.cross_products import summarise
from outcomes.stats.mixed.mmrm import Repeated, repeated
from outcomes.stats.mixed.small_sample import Rows
from outcomes.validation.cases import Case, Tables, answers, differs
from outcomes.validation.longitudinal import features_of, levels, r_names, rows_of, wide
from outcomes.validation.reference_adapters.mixed_models import FIELDS, answer_own

INFERENCE = {
    "Satterthwaite": "satterthwaite",
    "KRlinear": "kenward-roger",
    "KR": "kenward-roger-full",
    "between_within": "between-within",
    "residual": "residual-CR0",
    "satt_empirical": "CR0",
    "satt_jackknife": "jackknife",
    "satt_bias_reduced": "CR2",
}
OWN_INFERENCE = {
    "satt_observed": "satterthwaite",
    "satt_expected": "satterthwaite-expected",
    "KRlin_observedW": "kenward-roger",
    "KR_expectedW": "kenward-roger-expected",
    "": "satterthwaite",
}

differs("gls takes N − p residual degrees of freedom, too many", lambda c, q: q == "df_used_by_gls")
differs("the last gradient of the other optimiser, no statistic", lambda c, q: q == "max_abs_score")
differs(
    "gls stopped at -0.0040819 (SE 0.5) where two independent engines agree on -0.0040810 to 1e-12",
    lambda c, q: (c.name, c.method, q) == ("mmrm_rct_n060_nobxv", "mmrm_gls_us", "visitV5_est"),
)


@lru_cache(maxsize=64)
def model(
    tables: Tables,
    inputs: str,
    data: str,
    formula: str,
    covariance: str = "us",
    method: str = "kenward-roger",
    reml: bool = True,
) -> Repeated:
    """A fitted model from R's formula."""
    rows = rows_of(tables, inputs, data)
    features, by_visit, at = features_of(rows, formula)
    scores, design, visits = wide(rows, features)
    summary = summarise(scores, design, visits=visits, features=tuple(features))
    arms: dict[str, dict[str, float]] = {"": {}}
    if any(f.startswith("arm ") for f in features):
        order = levels(rows, "arm")
        arms = {a: {f"arm {b}": float(a == b) for b in order[1:]} for a in order}
    needs_rows = method in ("CR0", "CR2", "jackknife", "residual-CR0")
    return repeated(
        summary,
        by_visit=by_visit,
        arms=arms,
        at=at,
        covariance=(covariance,),
        method=method,
        reml=reml,
        rows=Rows(scores, design) if needs_rows else None,
    )


def whole(m: Repeated, quantity: str) -> float | None:
    """A number of the whole fit; None where the quantity belongs to one term."""
    f = m.fit
    if quantity.startswith("Sigma_"):
        i, j = (int(x) - 1 for x in quantity.split("_")[1:])
        return float(f.sigma[0, i, j])
    return {
        "logLik_reml": f.loglik,
        "logLik_ml": f.loglik,
        "AIC": f.aic,
        "BIC": f.bic,
        "nobs": f.summary.n_rows,
        "n_subjects": f.summary.n_patients,
        "N": f.summary.n_rows,
    }.get(quantity)


def estimate(m: Repeated, term: str) -> Estimate:
    """A marginal mean, a difference of means or a coefficient."""
    if term.startswith("emm "):
        arm, visit = term[4:].split("|")
        return m.mean(arm, visit=visit)
    if term.startswith("diff "):
        pair, visit = term[5:].split("|")
        return m.difference(*pair.split(" - "), visit=visit)
    if term.startswith("diff|"):
        reference, arm = m.profiles
        return m.difference(arm, reference, visit=term[5:])
    names = m.fit.design.names
    return m.inference.contrast(np.eye(len(names))[r_names(names)[term]], name=term)


def _titles() -> dict[str, tuple[str, str]]:
    shapes = {"us": "unstructured", "cs": "compound symmetry", "ar1": "AR(1)", "toep": "Toeplitz"}
    shapes |= {f"{k}h": f"{v}, variance by visit" for k, v in shapes.items() if k != "us"}
    out = {
        f"mmrm_{c}_{k}": (f"MMRM, {v}, {how}", "mmrm::mmrm")
        for c, v in shapes.items()
        for k, how in INFERENCE.items()
    }
    out |= {
        f"mmrm_gls_{c}": (f"MMRM, {v}: likelihood and coefficients", "nlme::gls")
        for c, v in shapes.items()
    }
    out["mmrm_gls_us_ml"] = ("MMRM, unstructured, by ML: likelihood", 'nlme::gls(method = "ML")')
    return out


@answers("mmrm", _titles())
def _fitted(case: Case) -> dict[str, float]:
    parts = case.method.split("_", 2)
    covariance, how, reml = parts[1], "satterthwaite", case.method != "mmrm_gls_us_ml"
    if covariance == "gls":
        covariance = parts[2].removesuffix("_ml")
    else:
        how = INFERENCE[parts[2]]
    m = model(case.tables, case.inputs, case.data, case.options, covariance, how, reml)

    def found(quantity: str) -> float:
        value = whole(m, quantity)
        if value is not None:
            return value
        term, field = quantity.rsplit("_", 1)
        return float(getattr(estimate(m, term), FIELDS[field]))

    return case.each(found)


@answers(
    "mmrm",
    {"reml_own": ("MMRM and mixed models: fit, Satterthwaite, Kenward–Roger", "own REML engine")},
)
def own(case: Case) -> dict[str, float]:
    """Every likelihood, variance, standard error and df by an independent engine written in R for
    the battery.
    """
    if case.options.startswith("LMM"):
        return answer_own(case, OWN_INFERENCE)
    args = case.tables, case.inputs, case.data, case.options.split(", ", 1)[1]

    def found(quantity: str) -> float:
        value = whole(model(*args), quantity)
        if value is not None:
            return value
        kind = next(k for k in OWN_INFERENCE if quantity.endswith(k))
        term, field = quantity.removesuffix(f"_{kind}" if kind else "").rsplit("_", 1)
        return float(
            getattr(estimate(model(*args, method=OWN_INFERENCE[kind]), term), FIELDS[field])
        )

    return case.each(found)
