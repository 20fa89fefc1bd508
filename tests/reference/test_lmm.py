"""Mixed models against every row of area 50, the random-effects rows of area 61 and the mixed-model rows of area 70.

The model matrices are built here in R's treatment coding from the formula of each row; type III hypotheses are those of SAS.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product

import numpy as np
import pytest

from outcomes.stats.inference import likelihood_ratio
from outcomes.stats.lmm import mixed
from outcomes.stats.multiplicity import adjust
from tests.reference.longitudinal_data import cases, close
from tests.shared import oracle_data

LEVELS = {
    "sex": ["Male", "Female"], "treatment": ["TAU", "BtheB"], "drug": ["No", "Yes"], "length": ["lt6m", "gt6m"],
    "arm": ["placebo", "ketamine"], "phase": ["pre", "post"],
}  # fmt: skip
CATEGORICAL = {"period", "site", "tf", "cond", "seq", "treat"}


def prepared(case, data_file):
    """The rows of a case with the derived columns R's script made."""
    rows = [dict(r) for r in oracle_data(data_file)]
    if data_file == "r_sleepstudy.csv" and case == "lmm_sleepstudy_unbal":
        first = sorted({r["id"] for r in rows}, key=float)[:5]
        keep = [not ((i + 1) % 7 == 3 or (r["id"] in first and float(r["day"]) > 5)) for i, r in enumerate(rows)]
        rows = [r for r, k in zip(rows, keep) if k]
    elif data_file == "r_orthodont.csv":
        rows = [r | {"a": float(r["age"]) - 11} for r in rows]
    elif data_file == "long_cohort_n120.csv":
        base = {r["id"]: r["base"] for r in rows}
        zero = [{"id": i, "time": "0", "y": b} for i, b in base.items()]
        late = [r for r in rows if float(r["time"]) > 0]
        rows = late if "linear" in case else zero + rows
        rows = [r | {"tf": r["time"]} for r in rows]
    elif data_file == "rep_infusions.csv":
        if "nested" in case:
            rows = [
                {"id": r["id"], "inf": f"{r['id']} {r['infusion']}", "phase": p, "y": r[p]} for p in ("pre", "post") for r in rows
            ]  # fmt: skip
        else:
            rows = [
                r | {"chg": float(r["post"]) - float(r["pre"]), "y": float(r["post"]) - float(r["pre"])} for r in rows
            ]
    elif "time" in rows[0]:
        rows = [r | {"lt": np.log2(float(r["time"]))} for r in rows]
    if data_file.startswith("xo33"):
        rows = [r | {"cK": float(r["prev"] == "K"), "cM": float(r["prev"] == "M")} for r in rows]
    return [r for r in rows if r.get("y", "") not in ("", "NA")]


def levels(rows, name):
    if name == "treat":
        return ["placebo", "ketamine"] if rows[0][name] in ("placebo", "ketamine") else ["P", "K", "M"]
    if name in LEVELS:
        return LEVELS[name]
    seen = {r[name] for r in rows}
    try:
        return sorted(seen, key=float)
    except ValueError:
        return sorted(seen)


def factor(rows, name):
    if name in CATEGORICAL or name in LEVELS:
        return True
    try:
        [float(r[name]) for r in rows]
    except ValueError:
        return True
    return False


def matrix(rows, fixed):
    """R's model matrix: names, columns, and for every term its columns with their factor levels."""
    terms = []
    for part in fixed.split("+"):
        names = [n.strip() for n in part.split("*")]
        if names == ["1"]:
            continue
        for size in range(1, len(names) + 1):
            combos = [names] if size == len(names) else [[n] for n in names]
            terms += [tuple(c) for c in combos if tuple(c) not in terms]
    columns, where = {"(Intercept)": np.ones(len(rows))}, {}
    for term in sorted(terms, key=len):
        parts = []
        for name in term:
            if factor(rows, name):
                parts.append(
                    [
                        (f"{name}{v}", (name, v), np.array([float(r[name] == v) for r in rows]))
                        for v in levels(rows, name)[1:]
                    ]
                )
            else:
                parts.append([(name, (name, None), np.array([float(r[name]) for r in rows]))])
        for combo in product(*parts):
            label = ":".join(c[0] for c in combo)
            columns[label] = np.prod([c[2] for c in combo], axis=0)
            where[label] = {c[1][0]: c[1][1] for c in combo}
    return columns, where, sorted(terms, key=len)


@lru_cache(maxsize=64)
def fitted(case, data_file, formula, method="satterthwaite", reml=True):
    rows = prepared(case, data_file)
    formula = formula.split("|  ")[0]
    right = formula.split("~", 1)[1].split(" | type")[0].split(" | unadj")[0].split(" | holm")[0]
    right = re.sub(r",.*", "", right)
    random = re.findall(r"\(([^|]*)\|([^)]*)\)", right)
    fixed = re.sub(r"\+?\s*\([^)]*\)", "", right).strip()
    columns, where, terms = matrix(rows, fixed)
    ids = [r["id"] for r in rows]
    z, nested, correlated, cluster = [np.ones(len(rows))], None, True, ids
    for inside, group in random:
        group, inside = group.strip(), inside.strip()
        if group == "inf":
            nested = [r["inf"] for r in rows]
        elif group == "site":
            cluster, nested = [r["site"] for r in rows], ids
        elif "+" in inside:
            slope = inside.split("+")[1].strip()
            z.append(np.array([float(r[slope]) for r in rows]))
            correlated = not inside.startswith("0")
    y = [float(r["y"]) for r in rows]
    if nested is None and not random:
        raise ValueError(formula)
    m = mixed(
        y, np.column_stack(list(columns.values())), names=tuple(columns), cluster=cluster, random=np.column_stack(z), nested=nested,
        correlated=correlated, method=method, reml=reml,
    )  # fmt: skip
    return m, rows, columns, where, terms


def mean_row(rows, columns, where, at):
    """Coefficients of a marginal mean: factors at `at` or equally weighted, covariates at their mean."""
    out = []
    for name in columns:
        value = 1.0
        for var, level in where.get(name, {}).items():
            if level is None:
                value *= np.mean([float(r[var]) for r in rows])
            elif var in at:
                value *= float(at[var] == level)
            else:
                value *= 1 / len(levels(rows, var))
        out.append(value)
    return np.array(out)


def doolittle(columns, own):
    """The rows lmerTest tests where no term contains another: Satterthwaite's joint df depend on the basis of the hypothesis."""
    names = [n for n in columns if n not in own] + own
    x = np.column_stack([columns[n] for n in names])
    root = np.linalg.cholesky(x.T @ x).T
    out = np.zeros((len(own), len(columns)))
    for row, line in zip(out, (root / np.diag(root)[:, None])[-len(own) :]):
        row[[list(columns).index(n) for n in names]] = line
    return out


def type_three(rows, columns, where, term):
    """SAS's type III contrasts: differences of level means, other factors averaged, covariates outside the term at nought."""
    if all(len(w) == 1 for w in where.values()):
        return doolittle(columns, [n for n in columns if set(where.get(n, ())) == set(term)])
    factors = [v for v in term if factor(rows, v)]
    numeric = [v for v in term if not factor(rows, v)]
    out = []
    for combo in product(*(levels(rows, v)[1:] for v in factors)):
        row = np.zeros(len(columns))
        for signs in product((0, 1), repeat=len(factors)):
            at = {v: (level if s else levels(rows, v)[0]) for v, level, s in zip(factors, combo, signs)}
            sign = (-1) ** (len(factors) - sum(signs))
            for i, name in enumerate(columns):
                inside = where.get(name, {})
                if {v for v in inside if inside[v] is None} != set(numeric):
                    continue
                value = 1.0
                for var, level in inside.items():
                    if level is not None:
                        value *= float(at[var] == level) if var in at else 1 / len(levels(rows, var))
                row[i] += sign * value
        out.append(row)
    return np.array(out)


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
METHODS = {
    "satterthwaite": "satterthwaite",
    "Satterthwaite": "satterthwaite",
    "kenward-roger": "kenward-roger-expected",
}
METHODS |= {
    "Kenward-Roger": "kenward-roger-expected",
    "KR": "kenward-roger-expected",
    "roger": "kenward-roger-expected",
}


def value_of(row):
    case, data, method, options, q = (row[k] for k in ("case_id", "data_file", "method", "options", "quantity"))
    how = METHODS.get(re.split("_", method)[-1], "satterthwaite")
    formula = options.split(" | ty")[0].split(" | un")[0].split(" | holm")[0].replace(", all data", "")
    formula = formula if "~" in formula else "y ~ treat + period + seq + (1 | id)"
    m, rows, columns, where, _ = fitted(case, data, formula, how, "_ml" not in method)
    f = m.fit
    if q.startswith(("vc_", "var_")):
        named = dict(zip(f.structure.names, f.theta))
        if "Resid" in q or q == "var_resid":
            return named["sigma2"]
        slope = re.search(r"vc_id(\.1)?_(\w+)_var", q)
        if q.startswith("vc_inf") or (q.startswith("vc_id") and "site" in formula):
            return named["nested"]
        if q.endswith("_cov"):
            return named["G_1_2"]
        return named["G_2_2" if slope else "G_1_1"]
    k = len(f.kept) + f.n_parameters
    whole = {
        "nobs": f.summary.n_rows, "logLik_reml": f.loglik, "logLik_ml": f.loglik, "AIC_reml": -2 * f.loglik + 2 * k,
        "AIC_ml": -2 * f.loglik + 2 * k, "BIC_ml": -2 * f.loglik + np.log(f.summary.n_rows) * k, "sigma": np.sqrt(f.theta[-1]),
    }  # fmt: skip
    if q in whole:
        return whole[q]
    if q.endswith("_est_ml"):
        return f.beta[list(columns).index(q.removesuffix("_est_ml"))]
    term, field = q.rsplit("_", 1)
    if field in ("NumDF", "DenDF", "F") or "anova" in method:
        test = m.test(type_three(rows, columns, where, tuple(term.split(":"))), name=term)
        rank = np.linalg.matrix_rank(type_three(rows, columns, where, tuple(term.split(":"))))
        return {"NumDF": rank, "DenDF": test.df, "F": test.value, "p": test.p}[field]
    if term in columns:
        return getattr(m.contrast(np.eye(len(columns))[list(columns).index(term)], name=term), FIELDS[field])
    main = next(n for n in ("arm", "treatment", "treat", "tf", "cond", "visit") if any(n in w for w in where.values()))
    if " - " in term:
        pair, _, visit = term.removesuffix("_p").partition(" @ ")
        first, second = (s.strip().removeprefix(main) for s in pair.split(" - "))
        at = {"visit": visit} if visit else {}
        row_of = lambda v: mean_row(rows, columns, where, at | {main: v})  # noqa: E731
        if field in ("holm", "padj"):
            return holm(m, rows, columns, where, main, first, second, every=field == "padj")
        return getattr(m.contrast(row_of(first) - row_of(second), name=term), FIELDS[field])
    level, _, visit = term.partition("|")
    return getattr(
        m.contrast(mean_row(rows, columns, where, {main: level} | ({"visit": visit} if visit else {})), name=term),
        FIELDS[field],
    )


def holm(m, rows, columns, where, main, first, second, *, every):
    order = levels(rows, main)
    pairs = (
        [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]] if every else [(v, order[0]) for v in order[1:]]
    )
    means = {v: mean_row(rows, columns, where, {main: v}) for v in order}
    p = [m.contrast(means[a] - means[b], name="").p for a, b in pairs]
    return adjust(p, method="holm")[pairs.index((first, second))]


def mixed_rows(method):
    return method.startswith(("lmm_", "xo_lmm_", "xo_pairs_holm"))


CASES = cases(mixed_rows, skip=lambda r: "mmrm" in r["method"])
OWN = cases(
    lambda m: m == "reml_own", skip=lambda r: r["quantity"] == "max_abs_score" or not r["options"].startswith("LMM")
)
pytestmark = pytest.mark.skipif(not CASES, reason="needs ../shared/oracles")


@pytest.mark.parametrize("key", CASES, ids=lambda k: f"{k[0]}-{k[1]}-{len(k[2])}")
def test_area_50_and_70(key):
    rows = CASES[key]
    assert [w for w in (close(r, value_of(r)) for r in rows) if w] == []


@pytest.mark.parametrize("key", OWN, ids=lambda k: f"{k[0]}")
def test_area_61(key):
    case, _, options = key
    formula = options.split(", ", 1)[1].split(" Z cols")[0]
    columns_of_z = int(options.rsplit(" ", 1)[1])
    formula += " + (1 | id)" if columns_of_z == 1 else " + (1 + day | id)"
    kinds = {
        "satt_observed": "satterthwaite", "satt_expected": "satterthwaite-expected", "KRlin_observedW": "kenward-roger",
        "KR_expectedW": "kenward-roger-expected", "": "satterthwaite",
    }  # fmt: skip
    wrong = []
    for row in OWN[key]:
        q = row["quantity"]
        kind = next(k for k in kinds if q.endswith(k))
        m, _, columns, *_ = fitted(case, row["data_file"], formula, kinds[kind])
        named = dict(zip(m.fit.structure.names, m.fit.theta)) | {"logLik_reml": m.fit.loglik, "N": m.fit.summary.n_rows}
        if q in named:
            value = named[q]
        else:
            term, field = q.removesuffix(f"_{kind}" if kind else "").rsplit("_", 1)
            value = getattr(m.contrast(np.eye(len(columns))[list(columns).index(term)], name=term), FIELDS[field])
        wrong.append(close(row, value))
    assert [w for w in wrong if w] == []


def test_likelihood_ratio_tests():
    rows = {
        (r["case_id"], r["quantity"]): r
        for v in cases(lambda m: m in ("lrt_ml", "ranova", "KRmodcomp")).values()
        for r in v
    }
    if ("lmm_rct_n060_lrt", "chi2") in rows:
        args = "lmm_rct_n060_lrt", "long_rct_n060.csv"
        larger = fitted(*args, "y ~ base + arm * visit + (1 | id)", reml=False)[0].fit
        smaller = fitted(*args, "y ~ base + arm + visit + (1 | id)", reml=False)[0].fit
        e = likelihood_ratio(larger, smaller)
        got = {"chi2": e.statistic, "df": e.df, "p": e.p}
        assert [w for w in (close(rows[args[0], q], v) for q, v in got.items()) if w] == []
        m, data, columns, where, _ = fitted(*args, "y ~ base + arm * visit + (1 | id)", "kenward-roger-expected")
        t = m.test(type_three(data, columns, where, ("arm", "visit")), name="arm:visit")
        got = {"F": t.value, "ndf": 4.0, "ddf": t.df, "p": t.p}
        assert [w for w in (close(rows["lmm_rct_n060_KRmodcomp", q], v) for q, v in got.items()) if w] == []
    if ("lmm_sleepstudy_ranova", "LRT") in rows:
        args = "lmm_sleepstudy_rs", "r_sleepstudy.csv"
        e = likelihood_ratio(
            fitted(*args, "y ~ day + (1 + day | id)")[0].fit, fitted(*args, "y ~ day + (1 | id)")[0].fit
        )
        got = {"LRT": e.statistic, "df": e.df, "p_naive": e.p}
        assert [w for w in (close(rows["lmm_sleepstudy_ranova", q], v) for q, v in got.items()) if w] == []
