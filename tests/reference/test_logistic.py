"""Logistic regression, profile intervals and standardised risks against R 4.2.2 (glm, MASS) and own exact roots:
every `logistic`, `logistic_profile`, `logistic_profile_exact` and `gcomp_standardised` row of area 85."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

from outcomes.stats.linear import Design, factor, numeric
from outcomes.stats.logistic import LogisticFit, logistic, standardised_risks
from tests.shared import needs, oracle_data, oracle_rows

METHODS = {"logistic", "logistic_profile", "logistic_profile_exact", "gcomp_standardised"}
ROWS = [r for r in oracle_rows() if r["method"] in METHODS]
REFERENCE = {"treatment": "P", "sex": "F", "route": "IV"}


@cache
def fitted(data_file: str, formula: str) -> tuple[LogisticFit, Design]:
    rows = oracle_data(data_file)
    outcome, right = (part.strip() for part in formula.split("~"))
    if outcome == "resp30":
        y = [round((float(r["pre"]) - float(r["post"])) * 100 - 30 * float(r["pre"]), 6) >= 0 for r in rows]
    else:
        y = [int(r[outcome]) for r in rows]
    terms = [
        factor(name, [r[name] for r in rows], reference=REFERENCE[name]) if name in REFERENCE
        else numeric(name, [float(r[name]) for r in rows])
        for name in map(str.strip, right.split("+"))
    ]  # fmt: skip
    design = Design(tuple(terms))
    return logistic(design, y), design


def coefficient(fit: LogisticFit, label: str) -> str:
    """Our name of R's coefficient: treatmentA is treatment[A]."""
    return next(
        n for n in fit.names if re.sub(r"[\[\]]", "", n) == label or (label == "(Intercept)" and n == "intercept")
    )


def ours(row: dict[str, str], fit: LogisticFit, design: Design) -> float:
    quantity, method = row["quantity"], row["method"]
    whole = {"deviance": fit.deviance, "logLik": fit.loglik, "AIC": fit.aic}
    if quantity in whole:
        return whole[quantity]
    if method == "gcomp_standardised":
        level, reference, stat = re.fullmatch(r"(.+?)_vs_(.+?)_(p1|p0|RD|RD_se|logRR|logRR_se)", quantity).groups()
        arm = next(t for t in design.terms if t.levels and level in t.levels)
        one, none = fit.matrix.copy(), fit.matrix.copy()
        for x, to in ((one, level), (none, reference)):
            x[:, design.columns_of(arm.name)] = arm.row({arm.name: to})
        s = standardised_risks(fit, one, none)
        return {"p1": s.group.value, "p0": s.reference.value, "RD": s.difference.value, "RD_se": s.difference.se,
                "logRR": np.log(s.ratio.value), "logRR_se": s.ratio.se}[stat]  # fmt: skip
    label, _, stat = quantity.rpartition("_")
    interval = "wald" if method == "logistic" else "profile"
    e = fit.log_odds_ratio(coefficient(fit, label), interval=interval)
    return {"est": e.value, "se": e.se, "z": e.statistic, "p": e.p, "waldlow": e.low, "waldhigh": e.high, "low": e.low,
            "high": e.high}[stat]  # fmt: skip


def as_glm(fit: LogisticFit) -> LogisticFit:
    """R's `glm` takes its covariance from the weights of its last iteration, one step before the estimate it prints
    (here at epsilon 1e-14): up to 2e-8 off. We take it at the estimate. This is the fit with R's covariance."""
    x, y = fit.matrix, fit.y
    mu, deviance = (y + 0.5) / 2, np.inf
    for _ in range(100):
        eta, w = np.log(mu / (1 - mu)), mu * (1 - mu)
        information = (x.T * w) @ x
        mu = 1 / (1 + np.exp(-x @ np.linalg.solve(information, x.T @ (w * eta + y - mu))))
        old, deviance = deviance, -2 * np.log(np.where(y == 1, mu, 1 - mu)).sum()
        if abs(deviance - old) / (abs(deviance) + 0.1) < 1e-14:
            return replace(fit, covariance=np.linalg.inv(information))
    raise AssertionError("glm's iteration did not end")


@needs("oracles/expected.csv")
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['case_id']}-{r['method']}-{r['quantity']}")
def test_against_r(row):
    fit, design = fitted(row["data_file"], row["options"].partition(" | ")[0])
    expected, rtol = float(row["value"]), float(row["rtol"])
    needs_se = re.search(r"_(se|z|p|waldlow|waldhigh)$", row["quantity"])
    assert_allclose(ours(row, fit, design), expected, rtol=1e-6 if needs_se else rtol, atol=1e-12)
    assert_allclose(ours(row, as_glm(fit) if needs_se else fit, design), expected, rtol=rtol, atol=1e-12)


def test_standard_errors_are_those_at_the_estimate():
    """With one 0/1 arm the information is known in closed form: SE² = 1/a + 1/b + 1/c + 1/d."""
    arm, y = np.repeat([0, 1], [17, 23]), np.r_[np.ones(5), np.zeros(12), np.ones(16), np.zeros(7)]
    e = logistic(Design((numeric("arm", arm),)), y).log_odds_ratio("arm", interval="wald")
    assert_allclose(e.se, np.sqrt(1 / 5 + 1 / 12 + 1 / 16 + 1 / 7), rtol=1e-12)
    assert_allclose(e.value, np.log(16 / 7 / (5 / 12)), rtol=1e-12)


@needs("oracles/expected.csv")
def test_that_every_row_is_there():
    assert len(ROWS) >= 200
