"""Cluster-robust (CR2) standard errors and Satterthwaite df against clubSandwich 0.5.8 (R 4.2.2)."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from outcomes.stats.cluster import cluster_ols, infusion_average
from tests.shared import needs, oracle_data, oracle_rows

ROWS = [r for r in oracle_rows() if r["method"] == "cr2_satterthwaite"]
FIELDS = {"est": "value", "mean_change": "value", "se": "se", "df": "df", "p": "p"}


def _mean(data):
    change = np.array([float(r["post"]) - float(r["pre"]) for r in data if r["post"] and r["pre"]])
    who = np.array([r["id"] for r in data if r["post"] and r["pre"]])
    e = infusion_average(change, patient=who)
    return {k: getattr(e, f) for k, f in FIELDS.items()} | {"se_naive": change.std(ddof=1) / np.sqrt(len(change))}


def _trial(data, wanted):
    rows = [r for r in data if r["y"] not in ("", "NA") and int(r.get("time", 1)) > 0]
    names = sorted({re.sub(r"_(est|se|df|p)$", "", w["quantity"]) for w in wanted})

    def column(name):
        product = np.ones(len(rows))
        for part in name.split(":"):
            if part == "base":
                product = product * np.array([float(r["base"]) for r in rows])
            elif part != "(Intercept)":
                variable = next(v for v in ("arm", "visit") if part.startswith(v))
                product = product * np.array([r[variable] == part.removeprefix(variable) for r in rows])
        return product

    found = cluster_ols(
        np.column_stack([column(n) for n in names]), [float(r["y"]) for r in rows], cluster=[r["id"] for r in rows], names=names
    )
    return {f"{e.name}_{k}": getattr(e, FIELDS[k]) for e in found for k in ("est", "se", "df", "p")}


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({r["case_id"] for r in ROWS}))
def test_against_clubsandwich(case):
    wanted = [r for r in ROWS if r["case_id"] == case]
    data = oracle_data(wanted[0]["data_file"])
    values = _mean(data) if "~ 1" in wanted[0]["options"] else _trial(data, wanted)
    for row in wanted:
        assert_allclose(values[row["quantity"]], float(row["value"]), rtol=float(row["rtol"]), atol=1e-12, err_msg=str(row))


def test_one_row_a_patient_is_the_classical_t():
    """With clusters of one row and an intercept only, CR2 is s/√n with n−1 df exactly."""
    y = np.array([-2.0, -1, 0, -4, -3.5, -2])
    e = cluster_ols(np.ones((6, 1)), y, cluster=np.arange(6), names=["mean"])[0]
    assert_allclose([e.se, e.df], [y.std(ddof=1) / np.sqrt(6), 5], rtol=1e-12)
