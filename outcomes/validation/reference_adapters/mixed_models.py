"""Linear mixed models (random intercept and slope, nested, crossover): terms, type III tests, means
and contrasts.

The model matrices are built in R's treatment coding from the formula of each case; type III
hypotheses are those of SAS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from outcomes.stats.mixed.lmm import mixed
from outcomes.stats.mixed.small_sample import Inference, likelihood_ratio
from outcomes.stats.multiplicity import adjust
from outcomes.validation.cases import Case, Tables, answers, settings
from outcomes.validation.longitudinal import Row

LEVELS = {
    "sex": ["Male", "Female"],
    "treatment": ["TAU", "BtheB"],
    "drug": ["No", "Yes"],
    "length": ["lt6m", "gt6m"],
    "arm": ["placebo", "ketamine"],
    "phase": ["pre", "post"],
}
CATEGORICAL = {"period", "site", "tf", "cond", "seq", "treat"}
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
MAIN = ("arm", "treatment", "treat", "tf", "cond", "visit")


def prepared(tables: Tables, inputs: str, data: str, formula: str) -> list[Row]:
    """The rows of a case with the derived columns that its formula names."""
    rows: list[Row] = [dict(r) for r in tables(data)]
    terms = set(re.findall(r"\w+", formula))
    given = settings(inputs)
    if "drop" in given:  # every so many rows one is left out, and the late days of some patients
        every, at = map(int, given["drop"].split())
        many, day = map(int, given["late"].split())
        first = sorted({r["id"] for r in rows}, key=float)[:many]
        rows = [
            r
            for i, r in enumerate(rows)
            if not ((i + 1) % every == at or (r["id"] in first and float(r["day"]) > day))
        ]
    if "a" in terms:
        rows = [r | {"a": float(r["age"]) - 11} for r in rows]
    if "tf" in terms:
        zero = [
            {"id": i, "time": "0", "y": b} for i, b in {r["id"]: r["base"] for r in rows}.items()
        ]
        rows = [r | {"tf": r["time"]} for r in zero + rows]
    if "inf" in terms:
        rows = [
            {"id": r["id"], "inf": f"{r['id']} {r['infusion']}", "phase": p, "y": r[p]}
            for p in ("pre", "post")
            for r in rows
        ]
    elif {"pre", "post"} <= set(rows[0]):
        change = [float(r["post"]) - float(r["pre"]) for r in rows]
        rows = [r | {"chg": d, "y": d} for r, d in zip(rows, change, strict=True)]
    if "lt" in terms:
        rows = [r | {"lt": np.log2(float(r["time"]))} for r in rows]
    if terms & {"cK", "cM"}:
        rows = [r | {"cK": float(r["prev"] == "K"), "cM": float(r["prev"] == "M")} for r in rows]
    return [r for r in rows if r.get("y", "") not in ("", "NA")]


def levels(rows: Sequence[Row], name: str) -> list[str]:
    """Factor levels in the order of the reference."""
    if name == "treat":
        return (
            ["placebo", "ketamine"] if rows[0][name] in ("placebo", "ketamine") else ["P", "K", "M"]
        )
    if name in LEVELS:
        return LEVELS[name]
    seen = {r[name] for r in rows}
    try:
        return sorted(seen, key=float)
    except ValueError:
        return sorted(seen)


def is_factor(rows: Sequence[Row], name: str) -> bool:
    """Whether a column is a factor in the reference."""
    if name in CATEGORICAL or name in LEVELS:
        return True
    try:
        [float(r[name]) for r in rows]
    except ValueError:
        return True
    return False


@dataclass(frozen=True, eq=False)
class Model:
    """A fit with R's model matrix: the columns by their names in R, and the factor levels of
    each.
    """

    fit: Inference
    rows: list[Row]
    columns: dict[str, np.ndarray]
    where: dict[str, dict[str, str | None]]

    def coefficient(self, name: str, field: str) -> float:
        e = self.fit.contrast(np.eye(len(self.columns))[list(self.columns).index(name)], name=name)
        return float(getattr(e, FIELDS[field]))

    def mean(self, at: Mapping[str, str]) -> np.ndarray:
        """Coefficients of a marginal mean: factors at `at` or equally weighted, covariates at their
        mean.
        """
        out = []
        for name in self.columns:
            value = 1.0
            for var, level in self.where.get(name, {}).items():
                if level is None:
                    value *= float(np.mean([float(r[var]) for r in self.rows]))
                else:
                    value *= (
                        float(at[var] == level) if var in at else 1 / len(levels(self.rows, var))
                    )
            out.append(value)
        return np.array(out)

    def type_three(self, term: tuple[str, ...]) -> np.ndarray:
        """SAS's type III contrasts: differences of level means, other factors averaged, other
        covariates at zero.
        """
        if all(len(w) == 1 for w in self.where.values()):
            return self._basis([n for n in self.columns if set(self.where.get(n, ())) == set(term)])
        factors = [v for v in term if is_factor(self.rows, v)]
        numeric = {v for v in term if v not in factors}
        return np.array(
            [
                self._contrast(factors, combo, numeric)
                for combo in product(*(levels(self.rows, v)[1:] for v in factors))
            ]
        )

    def _contrast(
        self, factors: Sequence[str], combo: Sequence[str], numeric: set[str]
    ) -> np.ndarray:
        row = np.zeros(len(self.columns))
        for signs in product((0, 1), repeat=len(factors)):
            at = {
                v: to if s else levels(self.rows, v)[0]
                for v, to, s in zip(factors, combo, signs, strict=True)
            }
            sign = (-1) ** (len(factors) - sum(signs))
            for i, name in enumerate(self.columns):
                inside = self.where.get(name, {})
                if {v for v in inside if inside[v] is None} != numeric:
                    continue
                value = 1.0
                for var, level in inside.items():
                    if level is not None:
                        value *= (
                            float(at[var] == level)
                            if var in at
                            else 1 / len(levels(self.rows, var))
                        )
                row[i] += sign * value
        return row

    def _basis(self, own: list[str]) -> np.ndarray:
        """lmerTest's basis where no term contains another: Satterthwaite's joint df depend on the
        basis.
        """
        names = [n for n in self.columns if n not in own] + own
        x = np.column_stack([self.columns[n] for n in names])
        root = np.linalg.cholesky(x.T @ x).T
        out = np.zeros((len(own), len(self.columns)))
        for row, line in zip(out, (root / np.diag(root)[:, None])[-len(own) :], strict=True):
            row[[list(self.columns).index(n) for n in names]] = line
        return out

    def holm(self, main: str, first: str, second: str, *, every: bool) -> float:
        """The adjusted p of one pair, among all pairs or those with the reference."""
        order = levels(self.rows, main)
        pairs = (
            [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
            if every
            else [(v, order[0]) for v in order[1:]]
        )
        means = {v: self.mean({main: v}) for v in order}
        p = [self.fit.contrast(means[a] - means[b], name="").p for a, b in pairs]
        return float(adjust(p, method="holm")[pairs.index((first, second))])


def matrix(
    rows: Sequence[Row], fixed: str
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, str | None]]]:
    """R's model matrix: columns by name, and for every column the levels of its factors."""
    terms: list[tuple[str, ...]] = []
    for part in fixed.split("+"):
        names = [n.strip() for n in part.split("*")]
        if names == ["1"]:
            continue
        for size in range(1, len(names) + 1):
            combos = [names] if size == len(names) else [[n] for n in names]
            terms += [tuple(c) for c in combos if tuple(c) not in terms]
    columns, where = {"(Intercept)": np.ones(len(rows))}, {}
    for term in sorted(terms, key=len):
        parts: list[list[tuple[str, tuple[str, str | None], np.ndarray]]] = []
        for name in term:
            if is_factor(rows, name):
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
    return columns, where


@lru_cache(maxsize=64)
def fitted(
    tables: Tables,
    inputs: str,
    data: str,
    formula: str,
    method: str = "satterthwaite",
    reml: bool = True,
) -> Model:
    """A model from R's formula with its random effects."""
    rows = prepared(tables, inputs, data, formula)
    right = formula.split("~", 1)[1].split(",")[0]
    random = re.findall(r"\(([^|]*)\|([^)]*)\)", right)
    columns, where = matrix(rows, re.sub(r"\+?\s*\([^)]*\)", "", right).strip())
    ids = [r["id"] for r in rows]
    z, correlated = [np.ones(len(rows))], True
    kinds: dict[str, Any] = {"nested": None, "cluster": ids}
    for inside, group in ((i.strip(), g.strip()) for i, g in random):
        if group == "inf":
            kinds["nested"] = [r["inf"] for r in rows]
        elif group == "site":
            kinds = {"cluster": [r["site"] for r in rows], "nested": ids}
        elif "+" in inside:
            z.append(np.array([float(r[inside.split("+")[1].strip()]) for r in rows]))
            correlated = not inside.startswith("0")
    fit = mixed(
        [float(r["y"]) for r in rows],
        np.column_stack(list(columns.values())),
        names=tuple(columns),
        random=np.column_stack(z),
        correlated=correlated,
        method=method,
        reml=reml,
        **kinds,
    )
    return Model(fit, rows, columns, where)


def whole(model: Model, quantity: str, *, site: bool = False) -> float | None:
    """A number of the whole fit; None where the quantity belongs to one term."""
    f = model.fit.fit
    named = dict(zip(f.structure.names, f.theta, strict=True))
    if quantity.startswith(("vc_", "var_")):
        if "Resid" in quantity or quantity == "var_resid":
            return float(named["sigma2"])
        if quantity.startswith("vc_inf") or (quantity.startswith("vc_id") and site):
            return float(named["nested"])
        slope = re.search(r"vc_id(\.1)?_(\w+)_var", quantity)
        return float(named["G_1_2" if quantity.endswith("_cov") else "G_2_2" if slope else "G_1_1"])
    k = len(f.kept) + f.n_parameters
    found = {
        "nobs": f.summary.n_rows,
        "logLik_reml": f.loglik,
        "logLik_ml": f.loglik,
        "AIC_reml": -2 * f.loglik + 2 * k,
        "AIC_ml": -2 * f.loglik + 2 * k,
        "BIC_ml": -2 * f.loglik + np.log(f.summary.n_rows) * k,
        "sigma": np.sqrt(f.theta[-1]),
        "N": f.summary.n_rows,
    }
    if quantity in found:
        return float(found[quantity])
    return float(named[quantity]) if quantity in named else None


def term_of(m: Model, method: str, quantity: str) -> float:
    """A number of one term: a joint test, a coefficient, a marginal mean or a contrast."""
    term, field = quantity.rsplit("_", 1)
    if field in ("NumDF", "DenDF", "F") or "anova" in method:
        rows = m.type_three(tuple(term.split(":")))
        test = m.fit.test(rows, name=term)
        return {
            "NumDF": float(np.linalg.matrix_rank(rows)),
            "DenDF": test.df,
            "F": test.value,
            "p": test.p,
        }[field]
    if term in m.columns:
        return m.coefficient(term, field)
    main = next(n for n in MAIN if any(n in w for w in m.where.values()))
    if " - " in term:
        pair, _, visit = term.removesuffix("_p").partition(" @ ")
        first, second = (s.strip().removeprefix(main) for s in pair.split(" - "))
        if field in ("holm", "padj"):
            return m.holm(main, first, second, every=field == "padj")
        at = {"visit": visit} if visit else {}
        row = m.mean(at | {main: first}) - m.mean(at | {main: second})
    else:
        level, _, visit = term.partition("|")
        row = m.mean({main: level} | ({"visit": visit} if visit else {}))
    return float(getattr(m.fit.contrast(row, name=term), FIELDS[field]))


def _titles() -> dict[str, tuple[str, str]]:
    out = {
        "lmm_reml": ("Mixed model by REML", "lme4::lmer"),
        "lmm_ml": ("Mixed model by ML", "lme4::lmer(REML = FALSE)"),
    }
    for kind, tail in (("Satterthwaite", ""), ("Kenward-Roger", ", pbkrtest")):
        low, of = kind.lower(), f'ddf = "{kind}"'
        out[f"lmm_{low.replace('-', '_')}"] = (
            f"Coefficients, {kind}",
            f"lmerTest::summary({of}){tail}",
        )
        out[f"lmm_anova3_{kind}"] = (
            f"Type III tests, {kind}",
            f"lmerTest::anova(type = 3, {of}){tail}",
        )
        out[f"lmm_emmeans_{low}"] = (
            f"Marginal means, {kind}",
            f'emmeans::emmeans(lmer.df = "{low}")',
        )
        out[f"lmm_contrasts_{low}"] = (
            f"Contrasts, {kind}",
            f'emmeans::contrast(lmer.df = "{low}")',
        )
        out[f"xo_lmm_{kind}"] = (f"Crossover mixed model, {kind}", f"lmerTest::summary({of}){tail}")
        out[f"xo_lmm_anova_{kind}"] = (
            f"Crossover type III tests, {kind}",
            f"lmerTest::anova({of}){tail}",
        )
    out["xo_lmm_vc"] = ("Crossover variance components", "lme4::VarCorr")
    return out | {"xo_pairs_holm_KR": ("Crossover pairs, Kenward–Roger, Holm", "emmeans::pairs")}


@answers("mixed_models", _titles())
def _terms(case: Case) -> dict[str, float]:
    ending = case.method.rsplit("_", 1)[1].lower()
    how = (
        "kenward-roger-expected" if ending in ("kenward-roger", "kr", "roger") else "satterthwaite"
    )
    formula = (
        case.options.split(" | ty")[0]
        .split(" | un")[0]
        .split(" | holm")[0]
        .replace(", all data", "")
    )
    formula = formula if "~" in formula else "y ~ treat + period + seq + (1 | id)"
    m = fitted(case.tables, case.inputs, case.data, formula, how, "_ml" not in case.method)

    def found(quantity: str) -> float:
        if quantity.endswith("_est_ml"):
            return m.coefficient(quantity.removesuffix("_est_ml"), "est")
        value = whole(m, quantity, site="site" in formula)
        return term_of(m, case.method, quantity) if value is None else value

    return case.each(found)


def answer_own(case: Case, kinds: Mapping[str, str]) -> dict[str, float]:
    """Mixed models of the engine written for the battery; `kinds` are its endings for the kinds of
    inference.
    """
    formula, columns_of_z = case.options.split(", ", 1)[1].split(" Z cols")
    formula += " + (1 | id)" if int(columns_of_z.split()[-1]) == 1 else " + (1 + day | id)"

    def found(quantity: str) -> float:
        kind = next(k for k in kinds if quantity.endswith(k))
        m = fitted(case.tables, case.inputs, case.data, formula, kinds[kind])
        value = whole(m, quantity)
        if value is not None:
            return value
        return m.coefficient(*quantity.removesuffix(f"_{kind}" if kind else "").rsplit("_", 1))

    return case.each(found)


@answers("mixed_models", {"lrt_ml": ("Likelihood ratio test", "anova(lmer, lmer)")})
def _likelihood_ratio_test(case: Case) -> dict[str, float]:
    larger, smaller = (
        fitted(
            case.tables,
            case.inputs,
            case.data,
            f"y ~ base + arm {sign} visit + (1 | id)",
            reml=False,
        ).fit.fit
        for sign in "*+"
    )
    e = likelihood_ratio(larger, smaller)
    return {"chi2": e.statistic, "df": e.df, "p": e.p}


@answers("mixed_models", {"KRmodcomp": ("F-test of terms, Kenward–Roger", "pbkrtest::KRmodcomp")})
def _kenward_roger_test(case: Case) -> dict[str, float]:
    args = case.tables, case.inputs, case.data, "y ~ base + arm * visit + (1 | id)"
    m = fitted(*args, "kenward-roger-expected")
    rows = m.type_three(("arm", "visit"))
    t = m.fit.test(rows, name="arm:visit")
    return {"F": t.value, "ndf": float(np.linalg.matrix_rank(rows)), "ddf": t.df, "p": t.p}


@answers("mixed_models", {"ranova": ("Test of a random slope", "lmerTest::ranova")})
def _random_slope(case: Case) -> dict[str, float]:
    slope, none = (
        fitted(case.tables, case.inputs, case.data, f"y ~ day + ({z} | id)").fit.fit
        for z in ("1 + day", "1")
    )
    e = likelihood_ratio(slope, none)
    return {"LRT": e.statistic, "df": e.df, "p_naive": e.p}
