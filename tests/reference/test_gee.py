"""GEE against every geepack row of area 85, and against statsmodels for the bias-reduced covariance."""

from __future__ import annotations

import numpy as np
import pytest

from outcomes.errors import AnalysisError
from outcomes.stats.gee import gee
from outcomes.stats.reml import NotConverged
from tests.reference.longitudinal_data import cases, close, number
from tests.shared import oracle_data

CASES = cases(lambda m: m.startswith("gee_"))


def model(data_file, formula, method):
    rows = oracle_data(data_file)
    working = method.removeprefix("gee_")
    col = lambda n: np.array([number(r[n]) for r in rows])  # noqa: E731
    if data_file == "r_respiratory.csv":
        first = {r["id"]: float(r["good"]) for r in rows if r["month"] == "0"}
        rows = [r | {"base": first[r["id"]]} for r in rows if r["month"] != "0"]
        sexes = sorted({r["sex"] for r in rows})
        centres = sorted({r["centre"] for r in rows})
        columns = {
            "(Intercept)": np.ones(len(rows)), f"centre{centres[1]}": [r["centre"] == centres[1] for r in rows],
            "treatmenttreatment": [r["treatment"] == "treatment" for r in rows],
            f"sex{sexes[1]}": [r["sex"] == sexes[1] for r in rows],
            "base": col("base"), "age": col("age"),
        }  # fmt: skip
        y, family = col("good"), "binomial"
    elif data_file == "rep_infusions.csv":
        columns, y, family = {"(Intercept)": np.ones(len(rows))}, col("ae"), "binomial"
    else:
        rows = [r for r in rows if r["y"]]
        y, family = col("y"), "gaussian"
        arm, visits = np.array([r["arm"] == "ketamine" for r in rows]), [f"V{k}" for k in range(2, 6)]
        at = {v: np.array([r["visit"] == v for r in rows]) for v in visits}
        columns = {"(Intercept)": np.ones(len(rows)), "armketamine": arm} | {f"visit{v}": at[v] for v in visits}
        if formula.startswith("r30"):
            y, family = (np.round((col("base") - y) * 100 - 30 * col("base"), 6) >= 0).astype(float), "binomial"
        else:
            columns |= {"base": col("base")} | {f"armketamine:visit{v}": arm * at[v] for v in visits}
    order = np.argsort([float(r["id"]) for r in rows], kind="stable")
    x = np.column_stack([np.asarray(c, dtype=float) for c in columns.values()])[order]
    ids = np.array([float(r["id"]) for r in rows])[order]
    return gee(y[order], x, names=tuple(columns), cluster=ids, family=family, working=working)


@pytest.mark.skipif(not CASES, reason="needs ../shared/oracles")
@pytest.mark.parametrize("key", CASES, ids=lambda k: f"{k[0]}-{k[1]}")
def test_area_85(key):
    rows = CASES[key]
    m = model(rows[0]["data_file"], key[2], key[1])
    wrong = []
    for row in rows:
        q = row["quantity"]
        if q in ("phi", "alpha"):
            wrong.append(close(row, getattr(m, q)))
            continue
        term, field = q.rsplit("_", 1)
        e = m.contrast(np.eye(len(m.names))[m.names.index(term)], name=term, correction="none")
        wrong.append(close(row, {"est": e.value, "robse": e.se, "wald": e.statistic**2, "p": e.p}[field]))
    assert [w for w in wrong if w] == []


def yes_no(n=30, seed=1):
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n), rng.integers(1, 5, n))
    arm = (np.arange(n) % 2)[who]
    x = np.column_stack([np.ones(len(who)), arm, rng.normal(size=len(who))])
    p = 1 / (1 + np.exp(-(0.3 + 0.5 * arm + rng.normal(0, 1, n)[who])))
    return (rng.random(len(who)) < p).astype(float), x, who


def test_mancl_derouen_equals_statsmodels_bias_reduced():
    import statsmodels.api as sm

    y, x, who = yes_no()
    ours = gee(y, x, names=("a", "b", "c"), cluster=who, family="binomial", working="independence")
    theirs = sm.GEE(y, x, groups=who, family=sm.families.Binomial(), cov_struct=sm.cov_struct.Independence())
    fitted = theirs.fit(cov_type="bias_reduced", params_niter=200, ctol=1e-12)
    np.testing.assert_allclose(ours.beta, fitted.params, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(ours.cov["mancl-derouen"])), fitted.bse, rtol=1e-5)


def test_corrections_widen_in_order_and_one_row_a_patient_is_least_squares_hc():
    y, x, who = yes_no()
    m = gee(y, x, names=("a", "b", "c"), cluster=who, family="binomial")
    se = {k: m.contrast([0, 1, 0], name="b", correction=k).se for k in m.cov}
    assert se["none"] < se["kauermann-carroll"] < se["mancl-derouen"]
    alone = gee(y, x, names=("a", "b", "c"), cluster=np.arange(len(y)))
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(alone.beta, beta, rtol=1e-9)
    e, inv = y - x @ beta, np.linalg.inv(x.T @ x)
    hat = np.einsum("ij,jk,ik->i", x, inv, x)
    hc3 = inv @ (x.T * (e / (1 - hat)) ** 2) @ x @ inv
    np.testing.assert_allclose(alone.cov["mancl-derouen"], hc3, rtol=1e-8)


def test_separation_and_unknown_names_are_refused():
    x = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    with pytest.raises(NotConverged, match="all answers agree"):
        gee(
            [0, 1, 0, 1, 1, 1, 1, 1],
            x,
            names=("a", "b"),
            cluster=np.repeat(np.arange(4), 2),
            family="binomial",
            working="independence",
        )
    with pytest.raises(AnalysisError, match="No family 'normal'"):
        gee([1.0], [[1.0]], names=("a",), cluster=[1], family="normal")
    with pytest.raises(AnalysisError, match="No working correlation"):
        gee([1.0], [[1.0]], names=("a",), cluster=[1], working="us")
