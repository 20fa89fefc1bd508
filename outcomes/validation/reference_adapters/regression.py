"""Logistic regression with standardised risks, proportional odds, GEE and cluster-robust standard
errors.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from outcomes.stats.regression.cluster import cluster_ols, infusion_average
from outcomes.stats.regression.gee import GEE, gee
from outcomes.stats.regression.linear import Design, factor, numeric
from outcomes.stats.regression.logistic import LogisticFit, logistic, standardised_risks
from outcomes.stats.regression.ordinal import proportional_odds
from outcomes.validation.cases import Case, Tables, answers, column, differs, number

REFERENCE = {"treatment": "P", "sex": "F", "route": "IV"}

LOGISTIC = {
    "logistic": ("Logistic regression", "glm(family = binomial)"),
    "logistic_profile": ("Profile likelihood limits", "MASS::confint.glm"),
    "logistic_profile_exact": ("Profile likelihood limits, exact roots", "own"),
    "gcomp_standardised": ("Standardised risks (g-computation), delta method", "own"),
}

differs(
    "R's glm takes its covariance from the weights of its last iteration, one step before the"
    " estimate it prints; ours is taken at the estimate",
    lambda c, q: c.method in LOGISTIC and re.search(r"_(se|z|p|waldlow|waldhigh)$", q) is not None,
    rtol=1e-6,
)


@lru_cache(maxsize=16)
def fitted(tables: Tables, data: str, formula: str) -> tuple[LogisticFit, Design]:
    """A model from R's formula."""
    rows = tables(data)
    outcome, right = (part.strip() for part in formula.split("~"))
    if outcome == "resp30":
        y = [
            round((float(r["pre"]) - float(r["post"])) * 100 - 30 * float(r["pre"]), 6) >= 0
            for r in rows
        ]
    else:
        y = [int(r[outcome]) == 1 for r in rows]
    terms = [
        (
            factor(name, [r[name] for r in rows], reference=REFERENCE[name])
            if name in REFERENCE
            else numeric(name, [float(r[name]) for r in rows])
        )
        for name in map(str.strip, right.split("+"))
    ]
    design = Design(tuple(terms))
    return logistic(design, y), design


@answers("regression", LOGISTIC)
def _log_odds(case: Case) -> dict[str, float]:
    fit, design = fitted(case.tables, case.data, case.options.partition(" | ")[0])
    if case.method == "gcomp_standardised":
        return case.each(lambda q: _standardised(fit, design, q))
    whole = {"deviance": fit.deviance, "logLik": fit.loglik, "AIC": fit.aic}
    interval = "wald" if case.method == "logistic" else "profile"
    fields = {
        "est": "value",
        "se": "se",
        "z": "statistic",
        "p": "p",
        "waldlow": "low",
        "waldhigh": "high",
        "low": "low",
        "high": "high",
    }

    def found(quantity: str) -> float:
        if quantity in whole:
            return whole[quantity]
        label, _, field = quantity.rpartition("_")
        plain = {"(Intercept)": "intercept"} | {re.sub(r"[\[\]]", "", n): n for n in fit.names}
        return float(getattr(fit.log_odds_ratio(plain[label], interval=interval), fields[field]))

    return case.each(found)


def _standardised(fit: LogisticFit, design: Design, quantity: str) -> float:
    match = re.fullmatch(r"(.+?)_vs_(.+?)_(p1|p0|RD|RD_se|logRR|logRR_se)", quantity)
    assert match is not None
    level, reference, field = match.groups()
    arm = next(t for t in design.terms if t.levels and level in t.levels)
    one, none = fit.matrix.copy(), fit.matrix.copy()
    for x, to in ((one, level), (none, reference)):
        x[:, design.columns_of(arm.name)] = arm.row({arm.name: to})
    s = standardised_risks(fit, one, none)
    return {
        "p1": s.group.value,
        "p0": s.reference.value,
        "RD": s.difference.value,
        "RD_se": s.difference.se,
        "logRR": float(np.log(s.ratio.value)),
        "logRR_se": s.ratio.se,
    }[field]


@answers("regression", {"prop_odds": ("Proportional odds", "MASS::polr")})
def _ordinal(case: Case) -> dict[str, float]:
    rows = case.rows()
    fit = proportional_odds(
        Design((factor("route", [r["route"] for r in rows], reference="IV"),)), column(rows, "pgic")
    )
    got = {"logLik": fit.loglik}
    for route in ("IN", "PO"):
        e = fit.coefficient(f"route[{route}]")
        got |= {f"route{route}": e.value, f"route{route}_se": e.se}
    return got | {f"zeta_{k + 1}|{k + 2}": z for k, z in enumerate(fit.thresholds)}


@lru_cache(maxsize=16)
def marginal(tables: Tables, data: str, formula: str, working: str) -> GEE:
    """A marginal model of one of the long data sets."""
    rows = tables(data)
    response = formula.split("~")[0].strip()
    if response == "good":
        first = {r["id"]: r["good"] for r in rows if r["month"] == "0"}
        rows = [r | {"base": first[r["id"]]} for r in rows if r["month"] != "0"]
        sex, centre = (sorted({r[n] for r in rows})[1] for n in ("sex", "centre"))
        columns = {
            "(Intercept)": np.ones(len(rows)),
            f"centre{centre}": [r["centre"] == centre for r in rows],
            "treatmenttreatment": [r["treatment"] == "treatment" for r in rows],
            f"sex{sex}": [r["sex"] == sex for r in rows],
            "base": column(rows, "base"),
            "age": column(rows, "age"),
        }
        y, family = column(rows, "good"), "binomial"
    elif response == "ae":
        columns, y, family = {"(Intercept)": np.ones(len(rows))}, column(rows, "ae"), "binomial"
    else:
        rows = [r for r in rows if r["y"]]
        y, base, family = column(rows, "y"), column(rows, "base"), "gaussian"
        arm = np.array([r["arm"] == "ketamine" for r in rows])
        at = {f"V{k}": np.array([r["visit"] == f"V{k}" for r in rows]) for k in range(2, 6)}
        columns = {"(Intercept)": np.ones(len(rows)), "armketamine": arm} | {
            f"visit{v}": x for v, x in at.items()
        }
        if response == "r30":
            y, family = (np.round((base - y) * 100 - 30 * base, 6) >= 0).astype(float), "binomial"
        else:
            columns |= {"base": base} | {f"armketamine:visit{v}": arm * x for v, x in at.items()}
    ids = np.array([float(r["id"]) for r in rows])
    order = np.argsort(ids, kind="stable")
    x = np.column_stack([np.asarray(c, dtype=float) for c in columns.values()])[order]
    return gee(
        y[order], x, names=tuple(columns), cluster=ids[order], family=family, working=working
    )


@answers(
    "regression",
    {
        f"gee_{w}": (f"GEE, {w} working correlation", "geepack::geeglm")
        for w in ("independence", "exchangeable", "ar1")
    },
)
def _estimating_equations(case: Case) -> dict[str, float]:
    m = marginal(case.tables, case.data, case.options, case.method.removeprefix("gee_"))

    def found(quantity: str) -> float:
        if quantity in ("phi", "alpha"):
            return float(getattr(m, quantity))
        term, field = quantity.rsplit("_", 1)
        e = m.contrast(np.eye(len(m.names))[m.names.index(term)], name=term, correction="none")
        return {"est": e.value, "robse": e.se, "wald": e.statistic**2, "p": e.p}[field]

    return case.each(found)


@answers(
    "regression",
    {"cr2_satterthwaite": ("Cluster-robust CR2, Satterthwaite df", "clubSandwich::coef_test")},
)
def _clustered(case: Case) -> dict[str, float]:
    fields = {"est": "value", "se": "se", "df": "df", "p": "p"}
    if "~ 1" in case.options:
        rows = [r for r in case.rows() if r["post"] and r["pre"]]
        change = column(rows, "post") - column(rows, "pre")
        e = infusion_average(change, patient=np.array([r["id"] for r in rows]))
        return {
            "mean_change": e.value,
            "se_naive": float(change.std(ddof=1) / np.sqrt(len(change))),
        } | {k: getattr(e, f) for k, f in fields.items()}
    rows = [r for r in case.rows() if r["y"] not in ("", "NA") and int(r.get("time", 1)) > 0]
    names = sorted({re.sub(r"_(est|se|df|p)$", "", q) for q in case.quantities})

    def product(name: str) -> np.ndarray:
        out = np.ones(len(rows))
        for part in name.split(":"):
            if part == "base":
                out = out * column(rows, "base")
            elif part != "(Intercept)":
                variable = next(v for v in ("arm", "visit") if part.startswith(v))
                out = out * np.array([r[variable] == part.removeprefix(variable) for r in rows])
        return out

    x = np.column_stack([product(n) for n in names])
    found = cluster_ols(
        x, [number(r["y"]) for r in rows], cluster=[r["id"] for r in rows], names=names
    )
    return {f"{e.name}_{k}": getattr(e, f) for e in found for k, f in fields.items()}
