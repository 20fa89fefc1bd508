"""MMRM against every matching row of areas 60 and 61: fits, small-sample inference, marginal means and contrasts.

Left unmatched on purpose: `mmrm_us_KR` (full second-order Kenward-Roger in another parametrisation, never a target),
`df_used_by_gls` (the wrong residual df of gls), `max_abs_score` (a property of the other optimiser). The area-61 rows are held to
1e-7 or better; where R's own optimiser stopped early (rtol 5e-3) the same quantities are gated by area 61. One row is unmatched
(`UNMATCHED`): gls stopped at an estimate of -0.0040819 (SE 0.5) where area 61 and this engine agree on -0.0040810 to 1e-12.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from outcomes.stats.covariance import random_effects
from outcomes.stats.inference import Rows
from outcomes.stats.mmrm import repeated
from outcomes.stats.summary import summarise
from tests.reference.longitudinal_data import cases, close, features_of, levels, r_names, rows_of, wide

UNMATCHED = {("mmrm_rct_n060_nobxv", "mmrm_gls_us", "visitV5_est")}
INFERENCE = {
    "Satterthwaite": "satterthwaite", "KRlinear": "kenward-roger", "between_within": "between-within", "residual": "residual",
    "satt_empirical": "CR0", "satt_jackknife": "jackknife", "satt_bias_reduced": "CR2",
}  # fmt: skip


def wanted(method):
    return method.startswith("mmrm_") and method != "mmrm_us_KR"


CASES = cases(wanted, skip=lambda r: r["quantity"] == "df_used_by_gls")
OWN = cases(
    lambda m: m == "reml_own", skip=lambda r: r["quantity"] == "max_abs_score" or not r["options"].startswith("US")
)
pytestmark = pytest.mark.skipif(not CASES, reason="needs ../shared/oracles")


@lru_cache(maxsize=64)
def model(case, data_file, formula, covariance="us", method="kenward-roger", reml=True):
    rows = rows_of(case, data_file)
    features, by_visit, at = features_of(rows, formula)
    scores, design, visits = wide(rows, features)
    summary = summarise(scores, design, visits=visits, features=tuple(features))
    arms = {"": {}}
    if any(f.startswith("arm ") for f in features):
        order = levels(rows, "arm")
        arms = {a: {f"arm {b}": float(a == b) for b in order[1:]} for a in order}
    needs_rows = method in ("CR0", "CR2", "jackknife", "residual")
    return repeated(
        summary, by_visit=by_visit, arms=arms, at=at, covariance=(covariance,), method=method, reml=reml,
        rows=Rows(scores, design) if needs_rows else None,
    )  # fmt: skip


def whole(m, quantity):
    f = m.fit
    if quantity.startswith("Sigma_"):
        i, j = (int(x) - 1 for x in quantity.split("_")[1:])
        return f.sigma[0, i, j]
    return {
        "logLik_reml": f.loglik, "logLik_ml": f.loglik, "AIC": f.aic, "BIC": f.bic, "nobs": f.summary.n_rows,
        "n_subjects": f.summary.n_patients, "N": f.summary.n_rows,
    }.get(quantity)  # fmt: skip


def estimate(m, term):
    if term.startswith("emm "):
        arm, visit = term[4:].split("|")
        return m.mean(arm, visit=visit)
    if term.startswith("diff "):
        pair, visit = term[5:].split("|")
        return m.difference(*pair.split(" - "), visit=visit)
    if term.startswith("diff|"):
        reference, arm = m.profiles
        return m.difference(arm, reference, visit=term[5:])
    p = len(m.fit.design.names)
    return m.inference.contrast(np.eye(p)[r_names(m.fit.design.names)[term]], name=term)


FIELDS = {
    "est": "value",
    "mean": "value",
    "se": "se",
    "df": "df",
    "t": "statistic",
    "p": "p",
    "low": "low",
    "high": "high",
}


@pytest.mark.parametrize("key", CASES, ids=lambda k: f"{k[0]}-{k[1]}")
def test_areas_60(key):
    case, method, options = key
    rows = CASES[key]
    if method == "mmrm_gls_us_ml":
        covariance, how, reml = "us", "satterthwaite", False
    elif method.startswith("mmrm_gls_"):
        covariance, how, reml = method.split("_")[2], "satterthwaite", True
    else:
        covariance, kind = method.split("_", 2)[1:]
        how, reml = INFERENCE[kind], True
    m = model(case, rows[0]["data_file"], options, covariance, how, reml)
    wrong = []
    for row in rows:
        value = whole(m, row["quantity"])
        if value is None:
            term, field = row["quantity"].rsplit("_", 1)
            value = getattr(estimate(m, term), FIELDS[field])
        if (case, method, row["quantity"]) not in UNMATCHED:
            wrong.append(close(row, value))
    assert [w for w in wrong if w] == []


@pytest.mark.parametrize("key", OWN, ids=lambda k: f"{k[0]}")
def test_area_61(key):
    case, _, options = key
    rows = OWN[key]
    args = case, rows[0]["data_file"], options.split(", ", 1)[1]
    kinds = {
        "satt_observed": "satterthwaite", "satt_expected": "satterthwaite-expected",
        "KRlin_observedW": "kenward-roger", "KR_expectedW": "kenward-roger-expected", "": "satterthwaite",
    }  # fmt: skip
    wrong = []
    for row in rows:
        m, quantity = model(*args), row["quantity"]
        value = whole(m, quantity)
        if value is None:
            kind = next(k for k in kinds if quantity.endswith(k))
            term, field = quantity.removesuffix(f"_{kind}" if kind else "").rsplit("_", 1)
            value = getattr(estimate(model(*args, method=kinds[kind]), term), FIELDS[field])
        wrong.append(close(row, value))
    assert [w for w in wrong if w] == []
    assert np.abs(m.fit.gradient).max() < 1e-6


def test_student_sleep_at_full_precision_without_the_shared_folder():
    before = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    after = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    s = summarise(
        np.column_stack([before, after]), np.ones((10, 1)), visits=("before", "after"), features=("intercept",)
    )
    m = repeated(s)
    e = m.change(before="before", after="after")
    np.testing.assert_allclose(
        [e.value, e.se, e.df, e.statistic, e.p],
        [1.58, 0.38895872388839536, 9, 4.062127683382037, 0.0028328901973842671],
        rtol=1e-10,
    )
    np.testing.assert_allclose(m.fit.loglik, -34.824734420016398, rtol=1e-12)


ANOVA = cases(
    lambda m: m == "lmm_anova3_Kenward-Roger", skip=lambda r: r["case_id"] not in ("lmm_rct_n060", "lmm_rct_n024")
)


@pytest.mark.parametrize("key", ANOVA, ids=lambda k: k[0])
def test_type_iii_tests_of_the_visit_model(key):
    case, data_file = key[0], ANOVA[key][0]["data_file"]
    rows = rows_of(case, data_file)
    features, by_visit, _ = features_of(rows, "y ~ base + arm * visit")
    scores, design, visits = wide(rows, features)
    summary = summarise(scores, design, visits=visits, features=tuple(features))
    arms = {a: {"arm ketamine": float(a == "ketamine")} for a in ("placebo", "ketamine")}
    m = repeated(
        summary,
        by_visit=by_visit,
        arms=arms,
        covariance=(random_effects(np.ones((len(visits), 1))),),
        method="kenward-roger-expected",
    )
    tests = {"arm x visit": "arm:visit", "arm": "arm", "visit": "visit", "base": "base"}
    got = {f"{tests[e.name]}_{q}": v for e in m.type_iii() for q, v in (("F", e.value), ("DenDF", e.df), ("p", e.p))}
    assert [w for w in (close(r, got[r["quantity"]]) for r in ANOVA[key] if r["quantity"] in got) if w] == []
    assert len(got) == 12
