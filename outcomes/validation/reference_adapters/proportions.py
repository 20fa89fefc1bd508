"""Proportions: single, two groups, paired, stratified, tables, rates, responders, blinding."""

from __future__ import annotations

import math
import re

import numpy as np

from outcomes.analyses.responders.one_group import responded
from outcomes.stats.proportions import blinding, contingency, rates, ratios, stratified
from outcomes.stats.proportions import paired as paired_proportions
from outcomes.stats.proportions import single as proportions
from outcomes.stats.proportions import two_groups as two_proportions
from outcomes.validation.cases import Case, answers, differs, pairs, unanswered

differs(
    "no event in either group: R's conditional odds ratio is 0, but nothing determines it; ours is"
    " nan with a reason",
    lambda c, q: c.method == "fisher" and q == "or_cond_mle" and not any(x for x, _ in arms(c)),
)
differs(
    "R's fisher.test stops its root finder at 1.2e-4 of the odds ratio or of its inverse; ours"
    " solve the equations",
    lambda c, q: c.method == "fisher" and q.startswith("or_"),
    rtol=5e-3,
)

SINGLE = {
    "wilson": proportions.wilson,
    "wilson_cc": lambda x, n: proportions.wilson(x, n, correction=True),
    "clopper_pearson": proportions.clopper_pearson,
    "jeffreys": proportions.jeffreys,
    "agresti_coull": proportions.agresti_coull,
    "midp": proportions.mid_p,
}


def counts(case: Case, label: str, *names: str) -> tuple[int, ...]:
    """The counts in the row of a table that the case is about."""
    row = next(r for r in case.rows() if r[label] == case.given("row"))
    return tuple(int(row[n]) for n in names)


@answers(
    "proportions",
    {
        "wilson": ("One proportion, Wilson", "prop.test(correct = FALSE)"),
        "wilson_cc": ("One proportion, Wilson with continuity", "prop.test"),
        "clopper_pearson": ("One proportion, Clopper–Pearson", "binom.test"),
        "jeffreys": ("One proportion, Jeffreys", "qbeta"),
        "agresti_coull": ("One proportion, Agresti–Coull", "own"),
        "midp": ("One proportion, mid-p", "own"),
        "rule_of_three_exact": ("No event in n: exact upper limit", "own"),
    },
)
def _one(case: Case) -> dict[str, float]:
    x, n = counts(case, "label", "x", "n")
    e = (
        proportions.rule_of_three(n)
        if case.method == "rule_of_three_exact"
        else SINGLE[case.method](x, n)
    )
    if case.method == "rule_of_three_exact":
        return case.each(lambda q: e.high)
    return case.each(lambda q: getattr(e, q))


def arms(case: Case) -> tuple[tuple[int, int], tuple[int, int]]:
    """Events and patients of two groups."""
    x1, n1, x2, n2 = counts(case, "label", "x1", "n1", "x2", "n2")
    return (x1, n1), (x2, n2)


@answers(
    "proportions",
    {
        "risk_difference": (
            "Risk difference (Miettinen–Nurminen, Newcombe, …)",
            "own score inversion",
        )
    },
)
def _difference(case: Case) -> dict[str, float]:
    first, second = arms(case)

    def found(quantity: str) -> float:
        kind, _, side = quantity.rpartition("_")
        kinds = {
            "mn": "miettinen-nurminen",
            "agresti_caffo": "agresti-caffo",
            "": "miettinen-nurminen",
        }
        e = two_proportions.risk_difference(first, second, method=kinds.get(kind, kind))
        return e.value if quantity == "rd" else float(getattr(e, side))

    return case.each(found)


def _fisher(case: Case) -> dict[str, float]:
    e = ratios.fisher(*arms(case))
    return {"p": e.p, "or_cond_mle": e.value, "or_low": e.low, "or_high": e.high}


answers("proportions", {"fisher": ("Fisher's exact test, conditional odds ratio", "fisher.test")})(
    _fisher
)


@answers("proportions", {"chisq": ("Chi-squared, two groups", "chisq.test")})
def _chi_squared(case: Case) -> dict[str, float]:
    table = [[x, n - x] for x, n in arms(case)]
    e = contingency.chi_squared(table, variant="yates" if case.options == "Yates" else "pearson")
    return {"x2": e.statistic, "p": e.p}


@answers(
    "proportions",
    {
        f"escalc_{m}": (f"{m} and its variance for pooling", f'metafor::escalc("{m}")')
        for m in ("OR", "RR", "RD")
    },
)
def _for_pooling(case: Case) -> dict[str, float]:
    e = ratios.pooling_effect(*arms(case), measure=case.method[-2:])
    return {"yi": e.value, "vi": e.se**2}


@answers(
    "proportions",
    {
        "relative_risk": ("Risk ratio (Katz)", "own"),
        "nnt": ("Number needed to treat", "own"),
    },
)
def _ratio(case: Case) -> dict[str, float]:
    first, second = arms(case)
    if case.method == "relative_risk":
        e = ratios.risk_ratio(first, second, method="katz")
        return {"rr": e.value, "katz_low": e.low, "katz_high": e.high}
    needed = two_proportions.number_needed(two_proportions.risk_difference(first, second)).value
    return case.each(lambda q: needed)


differs(
    "a difference on the arcsine scale says nothing to a clinic; sample sizes of shares are asked"
    " in shares",
    lambda c, q: c.method == "cohens_h",
)
answers("proportions", {"cohens_h": ("Cohen's h", "own")})(unanswered)


@answers(
    "proportions",
    {"mcnemar": ("McNemar: exact, mid-p, asymptotic, corrected", "mcnemar.test, binom.test")},
)
def _mcnemar(case: Case) -> dict[str, float]:
    if "pair" in case.rows()[0]:
        return _back_pain(case)
    a, b, c, d = counts(case, "table", *"abcd")
    kinds = {"continuity": "corrected", "no continuity": "asymptotic", "exact": "exact"}
    kind = next((v for k, v in kinds.items() if case.options.startswith(k)), "mid-p")
    e = paired_proportions.mcnemar((a, b, c, d), method=kind)
    r = paired_proportions.conditional_odds_ratio((a, c, b, d))  # R's is first-only / second-only
    return {"chi2": e.statistic, "p": e.p, "or_cond": r.value, "or_low": r.low, "or_high": r.high}


def _back_pain(case: Case) -> dict[str, float]:
    rows = case.rows()
    driver = {(r["status"], r["pair"]): r["driver"] == "yes" for r in rows}
    ids = list(dict.fromkeys(r["pair"] for r in rows))
    t = paired_proportions.paired_table(
        [driver["case", i] for i in ids], [driver["control", i] for i in ids]
    )
    asymptotic, exact = (paired_proportions.mcnemar(t, method=m) for m in ("asymptotic", "exact"))
    return {
        "b": t[1],
        "c": t[2],
        "chi2_nocc": asymptotic.statistic,
        "p_nocc": asymptotic.p,
        "p_exact": exact.p,
    }


@answers(
    "proportions",
    {"paired_rd": ("Paired risk difference (Tango, Newcombe 8 and 10, …)", "own score inversion")},
)
def paired_difference(case: Case) -> dict[str, float]:
    """The reference subtracts after from before."""
    a, b, c, d = counts(case, "table", *"abcd")
    table = (a, b, c, d)

    def found(quantity: str) -> float:
        if quantity == "phi":
            return paired_proportions.phi(table, corrected="method 10" in case.options)
        kind, _, side = quantity.rpartition("_")
        kind = {"rd_before_minus": "tango", "bonett_price": "bonett-price"}.get(kind, kind)
        if kind == "newcombe" and "method 8" in case.options:
            kind = "newcombe-8"
        e = paired_proportions.paired_difference(table, method=kind)
        return -{"low": e.high, "high": e.low, "after": e.value}[side]

    return case.each(found)


@answers(
    "proportions",
    {
        "cmh": ("Cochran–Mantel–Haenszel", "mantelhaen.test"),
        "rma_mh_OR": ("Mantel–Haenszel odds ratio", 'metafor::rma.mh("OR")'),
        "rma_mh_RR": ("Mantel–Haenszel risk ratio", 'metafor::rma.mh("RR")'),
        "rma_mh_RD": ("Mantel–Haenszel risk difference", 'metafor::rma.mh("RD")'),
        "rma_peto": ("Peto's odds ratio", "metafor::rma.peto"),
    },
)
def _strata(case: Case) -> dict[str, float]:
    tables = [[int(r[k]) for k in ("x1", "n1", "x2", "n2")] for r in case.rows()]
    if case.method == "cmh":
        e = stratified.mantel_haenszel(tables, measure="OR").estimate
        got = {"or_mh": e.value, "or_low": e.low, "or_high": e.high}
        for corrected in (True, False):
            test = stratified.cmh(tables, correction=corrected)
            suffix = "_cc" if corrected else "_nocc"
            got |= {f"x2{suffix}": test.statistic, f"p{suffix}": test.p}
        return got
    peto = case.method == "rma_peto"
    pooled = (
        stratified.peto(tables)
        if peto
        else stratified.mantel_haenszel(tables, measure=case.method[-2:])
    )
    e, q = pooled.estimate, pooled.heterogeneity
    value, low, high = (
        (e.value, e.low, e.high)
        if case.method.endswith("RD")
        else map(math.log, (e.value, e.low, e.high))
    )
    return {
        "est": value,
        "logor": value,
        "low": low,
        "high": high,
        "se": e.se,
        "p": e.p,
        "QE": q.value,
        "QEp": q.p,
    }


@answers(
    "proportions",
    {
        "chisq_rxc": ("Chi-squared, r × c", "chisq.test"),
        "fisher_rxc": ("Fisher–Freeman–Halton, exact r × c", "fisher.test"),
        "cochran_armitage": ("Trend over doses (Cochran–Armitage)", "prop.trend.test"),
        "cramers_v": ("Cramér's V", "own"),
    },
)
def _table(case: Case) -> dict[str, float]:
    event, rows = case.given("event"), case.rows()
    t = [
        [sum(r["route"] == route and r[event] == v for r in rows) for v in "01"]
        for route in ("IV", "IN", "PO")
    ]
    if case.method == "cochran_armitage":
        e = contingency.cochran_armitage([r[1] for r in t], [sum(r) for r in t], scores=[1, 2, 3])
        return {"x2": e.statistic**2, "p": e.p}
    if case.method == "cramers_v":
        v = contingency.cramers_v(t).value
        return case.each(lambda q: v)
    if case.method == "fisher_rxc":
        return {"p": contingency.freeman_halton(t).p}
    e = contingency.chi_squared(t)
    return {"x2": e.statistic, "df": e.df, "p": e.p}


@answers("proportions", {"cochran_q": ("Cochran's Q", "coin::symmetry_test; own")})
def _cochran_q(case: Case) -> dict[str, float]:
    rows, visits = case.rows(), ("V1", "V2", "V3", "V4")
    hit = {(r["id"], r["visit"]): round(float(r["base"]) - float(r["y"]), 9) >= 2 for r in rows}
    e = paired_proportions.cochran_q(
        [[hit[i, v] for v in visits] for i in dict.fromkeys(r["id"] for r in rows)]
    )
    return {"Q": e.statistic, "df": e.df, "p": e.p}


@answers(
    "proportions",
    {
        "poisson_rate": ("Events per infusion, exact", "poisson.test"),
        "poisson_rate_ratio": ("Ratio of rates, exact", "poisson.test"),
        "cluster_proportion": ("Share of infusions, clustered by patient", "own ratio estimator"),
    },
)
def _infusions(case: Case) -> dict[str, float]:
    rows = [(r["id"], int(r["infusion"]), int(r["ae"])) for r in case.rows()]
    total = sum(ae for *_, ae in rows)
    if case.method == "poisson_rate":
        e = rates.exact_rate(total, len(rows))
        return {
            "events": total,
            "infusions": len(rows),
            "rate": e.value,
            "low": e.low,
            "high": e.high,
        }
    if case.method == "poisson_rate_ratio":
        early = [ae for _, k, ae in rows if k <= 2]
        e = rates.rate_ratio((sum(early), len(early)), (total - sum(early), len(rows) - len(early)))
        return {"ratio": e.value, "p": e.p, "low": e.low, "high": e.high}
    ids = list(dict.fromkeys(i for i, *_ in rows))
    events = [sum(ae for i, _, ae in rows if i == who) for who in ids]
    e = rates.share_of_infusions(events, [sum(i == who for i, *_ in rows) for who in ids])
    return {
        "p": e.value,
        "se_ratio": e.se,
        "se_naive": proportions.wilson(total, len(rows)).se,
        "patients_any": sum(x > 0 for x in events),
        "patients": len(ids),
    }


@answers("proportions", {"bang_blinding_index": ("Blinding index (Bang)", "own")})
def _guesses(case: Case) -> dict[str, float]:
    found = re.search(r"= ([\d,]+)\)", case.data)
    assert found is not None
    e = blinding.bang(*(int(v) for v in found[1].split(",")))
    return {"BI": e.value, "se": e.se, "low": e.low, "high": e.high}


@answers(
    "proportions", {"responder": ("Responders by a rule, in decimal arithmetic", "own; prop.test")}
)
def _responders(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    found = re.match(r">=(\d+)(%| point) (fall|rise)", case.options)
    assert found is not None
    rule = f"{found[1]}%" if found[2] == "%" else f"{found[1]} points"
    met, _ = responded(before, after, rule, -1 if found[3] == "fall" else 1)
    n = int(np.sum(met))
    e = proportions.wilson(n, len(before))
    return {"n": n, "proportion": e.value, "wilson_low": e.low, "wilson_high": e.high}
