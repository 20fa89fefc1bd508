"""ANCOVA, robust standard errors, adjusted means, pairwise, interaction, baseline difference: against R (area 45)."""

from __future__ import annotations

import numpy as np
import pytest

from outcomes.stats.groups import standardised_difference
from outcomes.stats.linear import Design, Fit, adjusted_means, factor, interaction, numeric, ols, pairwise
from tests.reference.groups_common import cases, column, compare, oracle_data

#: how the oracle script set up each case: arm column, reference, post column, covariates (as R orders the levels)
SETUP = {
    "ancova_rct_n060": ("arm", "placebo", "post", ()),
    "ancova_rct_n014": ("arm", "placebo", "post", ()),
    "ancova_routes": ("route", "IV", "post", ()),
    "ancova_routes_adj": ("route", "IV", "post", ("age", "neuropathic", "site")),
    "ancova_anorexia": ("treat", "Cont", "post", ()),
    "ancova_btheb_m8_cc": ("treatment", "TAU", "m8", ("drug", "length")),
}
TERMS = {"(Intercept)": "intercept", "pre_": "pre", "I(pre_ - mean(pre_))": "pre"}


def load(case: str, file: str):
    arm, reference, post, covariates = SETUP[case]
    rows = oracle_data(file)
    pre, after = column(rows, "pre"), column(rows, post)
    keep = ~np.isnan(pre) & ~np.isnan(after)
    rows = [r for r, k in zip(rows, keep) if k]
    pre, after = pre[keep], after[keep]
    g = factor("g", [r[arm] for r in rows], reference=reference)
    extra = []
    for c in covariates:
        values = [r[c] for r in rows]
        try:
            numbers = np.array(values, float)
        except ValueError:
            extra.append(factor(c, values))
            continue
        extra.append(numeric(c, numbers))
    return pre, after, g, extra


def our_name(term: str, g_levels: tuple[str, ...], extra_names: dict[str, str]) -> str:
    if ":" in term:
        a, b = term.split(":")
        return f"{our_name(a, g_levels, extra_names)}:{our_name(b, g_levels, extra_names)}"
    return TERMS.get(term) or extra_names.get(term) or (f"g[{term[1:]}]" if term[1:] in g_levels else term)


def r_names(g, extra) -> dict[str, str]:
    """R's names of our columns, e.g. siteB for site[B]."""
    return {n.replace("[", "").replace("]", ""): n for t in extra for n in t.names}


def coefficients(fit: Fit, terms: set[str], g, extra, stats: dict[str, str]) -> dict[str, float]:
    out = {}
    for term in terms:
        e = fit.coefficient(our_name(term, g.levels, r_names(g, extra)))
        out |= {f"{term}{suffix}": getattr(e, field) for suffix, field in stats.items()}
    return out


STATS = {"_est": "value", "_se": "se", "_t": "statistic", "_p": "p", "_low": "low", "_high": "high"}


@pytest.mark.parametrize(("case", "rows"), cases("ancova"))
def test_ancova(case, rows):
    pre, post, g, extra = load(case, rows[0]["data_file"])
    design = Design((g, numeric("pre", pre), *extra))
    got = {}
    for dv, y in {"post_": post, "chg": np.round(post - pre, 9)}.items():
        fit = ols(design, y)
        terms = {r["quantity"].split(":", 1)[1].rsplit("_", 1)[0] for r in rows if r["quantity"].startswith(f"{dv}:")}
        terms -= {"df", "sigma", "r2"}
        got |= {f"{dv}:{k}": v for k, v in coefficients(fit, terms, g, extra, STATS).items()}
        got |= {f"{dv}:df": fit.df, f"{dv}:sigma": fit.sigma, f"{dv}:r2": fit.r2}
    compare(got, rows)


@pytest.mark.parametrize(("case", "rows"), cases("ancova_robust"))
def test_robust(case, rows):
    pre, post, g, extra = load(case, rows[0]["data_file"])
    design = Design((g, numeric("pre", pre), *extra))
    got = {}
    terms = {r["quantity"].rsplit("_", 2)[0] for r in rows}
    for kind, stats in {"HC3": {"_HC3_se": "se", "_HC3_p": "p"}, "HC2": {"_HC2_se": "se"}}.items():
        got |= coefficients(ols(design, post, se=kind), terms, g, extra, stats)
    compare(got, rows)


MEANS = ("ancova_adjusted_means", "ancova_F", "ancova_pairs_tukey", "ancova_pairs_holm")


@pytest.mark.parametrize(("case", "rows"), cases(*MEANS))
def test_means_and_pairs(case, rows):
    pre, post, g, extra = load(case, rows[0]["data_file"])
    design = Design((g, numeric("pre", pre), *extra))
    fit = ols(design, post)
    means, tests, tukey, holm = {}, {}, {}, {}
    for e in adjusted_means(fit, design, "g"):
        means |= {f"{e.group}_mean": e.value, f"{e.group}_se": e.se, f"{e.group}_low": e.low, f"{e.group}_high": e.high}
    for term in design.terms:
        name = "pre_" if term.name == "pre" else term.name
        tests[f"{name}_F"] = fit.wald(design.columns_of(term.name)).statistic
    for adjust, into in {"tukey": tukey, "holm": holm}.items():
        for e in pairwise(fit, design, "g", adjust=adjust):
            b, a = e.group.split(" - ")
            into |= {f"{a} - {b}_est": -e.value, f"{a} - {b}_se": e.se, f"{a} - {b}_padj": e.p_adjusted}
    by = {"ancova_adjusted_means": means, "ancova_F": tests, "ancova_pairs_tukey": tukey, "ancova_pairs_holm": holm}
    for method, got in by.items():
        compare(got, [r for r in rows if r["method"] == method])


@pytest.mark.parametrize(("case", "rows"), cases("ancova_interaction"))
def test_interaction(case, rows):
    pre, post, g, extra = load(case, rows[0]["data_file"])
    p = numeric("pre", pre, center=True)
    design = Design((g, p, *extra, interaction(g, p)))
    terms = {r["quantity"].rsplit("_est", 1)[0] for r in rows if r["quantity"].endswith("_est")}
    plain = ols(design, post)
    got = coefficients(plain, terms, g, extra, {"_est": "value"})
    got |= coefficients(ols(design, post, se="HC3"), terms, g, extra, {"_HC3_se": "se"})
    joint = plain.wald(design.columns_of("g:pre"))
    compare(got | {"F": joint.statistic, "p": joint.p}, rows)


@pytest.mark.parametrize(("case", "rows"), cases("change_score", "baseline_smd"))
def test_change_score_and_baseline_difference(case, rows):
    pre, post, g, extra = load(case, rows[0]["data_file"])
    fit = ols(Design((g,)), np.round(post - pre, 9))
    change = [r for r in rows if r["method"] == "change_score"]
    terms = {r["quantity"].rsplit("_", 1)[0] for r in change}
    compare(coefficients(fit, terms, g, extra, STATS), change)
    reference = g.columns.sum(axis=1) == 0
    got = {
        f"{level}_vs_{g.levels[0]}": standardised_difference(pre[g.columns[:, j] == 1], pre[reference])
        for j, level in enumerate(g.levels[1:])
    }
    compare(got, [r for r in rows if r["method"] == "baseline_smd"])
