"""Random-effects pooling against metafor 3.8 (R 4.2.2): every `rma`, Q-profile, leave-one-out and meta-regression row."""

from __future__ import annotations

import math
import re
from collections import defaultdict

import numpy as np
import pytest
from numpy.testing import assert_allclose

from outcomes.stats.effect_measures import (
    crossover_effect,
    mean_difference,
    proportion,
    standardised_mean_change,
    standardised_mean_difference,
    two_shares,
)  # fmt: skip
from outcomes.stats.funnel import begg, egger
from outcomes.stats.pooling import leave_one_out, meta_regression, pool
from outcomes.stats.pooling_glmm import pooled_logit
from outcomes.stats.stratified import mantel_haenszel
from tests.shared import needs, oracle_data, oracle_rows

AREA = [r for r in oracle_rows() if r["case_id"].startswith(("meta_", "xo_to_meta"))]
CASES: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
for _row in AREA:
    CASES[_row["case_id"], _row["method"]].append(_row)

#: Answered in the whole table (test_whole_table.py).
THREE_LEVEL = ("rma_mv_3level", "rma_mv_CR2")
INTERVAL = {"z": "z", "knha": "hartung-knapp", "adhoc": "truncated"}
NAMES = {"est": ("pooled", "value"), "se": ("pooled", "se"), "stat": ("pooled", "statistic"), "p": ("pooled", "p"),
         "low": ("pooled", "low"), "high": ("pooled", "high"), "tau2": ("tau2", "value"), "Q": ("Q", "value"),
         "Qp": ("Q", "p"), "I2": ("I2", "value"), "H2": ("H2", "value"),
         "pi_low": ("prediction interval", "low"), "pi_high": ("prediction interval", "high")}  # fmt: skip


def _column(rows, name):
    return np.array([float(r[name]) for r in rows])


def _effects(case: str, method: str = "") -> tuple[np.ndarray, np.ndarray]:
    rows = oracle_data(next(r["data_file"] for r in AREA if r["case_id"] == case))
    col = lambda name: _column(rows, name)  # noqa: E731
    if case.startswith("meta_bcg"):
        counts = col("tpos"), col("tpos") + col("tneg"), col("cpos"), col("cpos") + col("cneg")
        return two_shares(*counts, measure=case[-2:])
    two = ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")
    if "MD" in case or "SMD" in case:
        rows = [r for r in rows if all(r[name] != "" for name in two)]
        effect = standardised_mean_difference if "SMD" in case else mean_difference
        return effect(*(_column(rows, name) for name in two))
    if case == "meta_sites_change":
        return col("mean_change"), col("sd_change") ** 2 / col("n")
    if case == "meta_sites_SMCR":
        return standardised_mean_change(
            col("mean_change"), sd=col("sd_pre"), n=col("n"), r=col("r"), standardiser="before"
        )
    if case.startswith("meta_sites"):
        scale = (method.removeprefix("escalc_") or case.removeprefix("meta_sites_")).replace("PR", "raw")
        scale = {"PLO": "logit", "PFT": "freeman-tukey", "PAS": "arcsine"}.get(scale, scale)
        return proportion(col("responders"), col("n"), scale=scale)
    return col("yi"), col("sei") ** 2


def _expect(row, value) -> None:
    if row["value"] == "NA":
        assert math.isnan(value), row
    else:
        assert_allclose(value, float(row["value"]), rtol=float(row["rtol"]), atol=1e-12, err_msg=str(row))


def _pooled(row, y, v):
    estimator, test = re.match(r"method=(\w+), test=(\w+)", row["options"]).groups()
    rule = "normal" if test == "z" else "k-1"  # metafor's own default
    if "PI t(k-2)" in row["options"]:
        rule = "k-2"
    elif "PI t(k-1)" in row["options"]:
        rule = "k-1"
    estimates = {e.name: e for e in pool(y, v, estimator=estimator, interval=INTERVAL[test], prediction=rule)}
    name, field = NAMES[row["quantity"]]
    return getattr(estimates[name], field)


POOLED = sorted({case for case, method in CASES if method == "rma"})


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", POOLED)
def test_pooled(case):
    y, v = _effects(case)
    for row in CASES[case, "rma"]:
        _expect(row, _pooled(row, y, v))


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({case for case, method in CASES if method == "tau2_qprofile"}))
def test_around_the_pooled_value(case):
    y, v = _effects(case)
    spread = {e.name: e for e in pool(y, v)}
    left = leave_one_out(y, v, estimator="DL", interval="z")
    for row in CASES[case, "tau2_qprofile"]:
        name, field = {"tau2": ("tau2", "value"), "low": ("tau2", "low"), "high": ("tau2", "high"),
                       "I2_low": ("I2", "low"), "I2_high": ("I2", "high")}[row["quantity"]]  # fmt: skip
        _expect(row, getattr(spread[name], field))
    for row in CASES[case, "leave1out_DL"]:
        name, i = row["quantity"].split("_")
        wanted = [e for e in left if e.name == {"est": "pooled", "tau2": "tau2"}[name]]
        _expect(row, wanted[int(i) - 1].value)
    for row in CASES[case, "egger_lm"]:
        _expect(row, getattr(egger(y, v), {"t": "statistic"}.get(row["quantity"], row["quantity"])))
    for row in CASES[case, "begg_kendall"]:
        _expect(row, getattr(begg(y, v), {"tau": "value"}.get(row["quantity"], row["quantity"])))


@needs("oracles/expected.csv")
@pytest.mark.parametrize("key", sorted(k for k in CASES if k[1].startswith("escalc_")), ids=str)
def test_effect_measures(key):
    y, v = _effects(*key)
    for row in CASES[key]:
        which, i = row["quantity"].split("_")
        _expect(row, {"yi": y, "vi": v}[which][int(i) - 1])


@needs("oracles/expected.csv")
def test_meta_regression():
    y, v = _effects("meta_bcg_OR")
    latitude = _column(oracle_data("r_dat_bcg.csv"), "ablat")[:, None]
    found = {e.name: e for e in meta_regression(y, v, latitude, names=["latitude"])}
    values = {"b0": found["intercept"].value, "b1": found["latitude"].value, "se0": found["intercept"].se,
              "se1": found["latitude"].se, "p1": found["latitude"].p, "tau2": found["tau2"].value,
              "QM": found["moderators"].statistic, "QMp": found["moderators"].p, "R2": found["R2"].value}  # fmt: skip
    for row in CASES["meta_bcg_OR", "metareg_ablat"]:
        _expect(row, values[row["quantity"]])


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({c for c, m in CASES if m.startswith("mh_")}))
def test_mantel_haenszel(case):
    rows = oracle_data(next(r["data_file"] for r in AREA if r["case_id"] == case))
    a, b, c, d = (_column(rows, name) for name in ("tpos", "tneg", "cpos", "cneg"))
    for (name, method), wanted in CASES.items():
        if name == case:
            measure = method.removeprefix("mh_")
            found = mantel_haenszel(np.column_stack([a, a + b, c, c + d]), measure=measure)
            value = found.estimate.value if measure == "RD" else math.log(found.estimate.value)
            values = {"est": value, "se": found.estimate.se, "QE": found.heterogeneity.value}
            for row in wanted:
                _expect(row, values[row["quantity"]])


@needs("oracles/expected.csv")
def test_random_intercept_logistic():
    sites = oracle_data("meta_sites_k09.csv")
    found = {e.name: e for e in pooled_logit(_column(sites, "responders"), _column(sites, "n"))}
    values = {"est": found["pooled"].value, "se": found["pooled"].se, "tau2": found["tau2"].value}
    for row in CASES["meta_sites_glmm", "rma_glmm_PLO"]:
        assert_allclose(values[row["quantity"]], float(row["value"]), rtol=float(row["rtol"]), atol=1e-6)


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({c for c, m in CASES if m == "crossover_se"}))
def test_crossover_to_meta(case):
    for row in CASES[case, "crossover_se"]:
        md, s1, s2, n = (float(x) for x in re.findall(r"=(-?[\d.]+)", row["data_file"]))
        found = crossover_effect(md, sd_before=s1, sd_after=s2, n=n, r=float(row["options"].split("r=")[1]))
        _expect(row, getattr(found, row["quantity"]))


@needs("oracles/expected.csv")
def test_no_row_of_the_area_is_forgotten():
    done = {
        "rma",
        "tau2_qprofile",
        "leave1out_DL",
        "egger_lm",
        "begg_kendall",
        "metareg_ablat",
        "rma_glmm_PLO",
        "crossover_se",
    }
    for case, method in CASES:
        assert method in done or method.startswith(("escalc_", "mh_")) or method in THREE_LEVEL, (case, method)


def test_without_the_shared_folder():
    """metafor 3.8: rma(yi, sei=, method=, test=) of three estimates."""
    y, v = [-1.83, -1.12, -0.4], np.array([0.62, 0.71, 0.55]) ** 2
    found = {e.name: e for e in pool(y, v)}
    assert_allclose(found["tau2"].value, 0.21439491712555264, rtol=1e-7)
    assert_allclose(found["tau2"].high, 19.849403764855118, rtol=1e-7)
    dl = pool(y, v, estimator="DL", interval="z")[0]
    assert round(dl.p, 3) == 0.014  # the k = 3 example of the catalogue: P=.014 by DL and z, P=.128 by HKSJ
    assert round(pool(y, v)[0].p, 3) == 0.128
