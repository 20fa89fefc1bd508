"""Pooling sites and studies: random effects, heterogeneity, effect measures, rare events,
small-study effects.
"""

from __future__ import annotations

import math
import re

import numpy as np

from outcomes.core.estimate import chosen
from outcomes.stats.meta_analysis.effect_measures import (
    crossover_effect,
    mean_difference,
    proportion,
    sd_of_change,
    standardised_mean_change,
    standardised_mean_difference,
    two_shares,
)
from outcomes.stats.meta_analysis.funnel import begg, egger
from outcomes.stats.meta_analysis.glmm import pooled_logit
from outcomes.stats.meta_analysis.parts import Pooling
from outcomes.stats.meta_analysis.random_effects import leave_one_out, meta_regression, pool
from outcomes.stats.meta_analysis.three_level import three_level
from outcomes.stats.proportions.stratified import mantel_haenszel
from outcomes.validation.cases import Case, answers, column, differs

INTERVAL = {"z": "z", "knha": "hartung-knapp", "adhoc": "truncated"}
FIELDS = {
    "est": (Pooling.MEAN, "value"),
    "se": (Pooling.MEAN, "se"),
    "stat": (Pooling.MEAN, "statistic"),
    "p": (Pooling.MEAN, "p"),
    "low": (Pooling.MEAN, "low"),
    "high": (Pooling.MEAN, "high"),
    "tau2": (Pooling.TAU2, "value"),
    "Q": (Pooling.Q, "value"),
    "Qp": (Pooling.Q, "p"),
    "I2": (Pooling.I2, "value"),
    "H2": (Pooling.H2, "value"),
    "pi_low": (Pooling.PREDICTION, "low"),
    "pi_high": (Pooling.PREDICTION, "high"),
}
SCALES = {"PLO": "logit", "PFT": "freeman-tukey", "PAS": "arcsine", "PR": "raw"}

differs(
    "the restricted log-likelihood of a pooled answer is in no answer; its variances are compared",
    lambda c, q: c.method == "rma_mv_3level" and q == "logLik",
)
differs(
    "where the variance between sites is estimated as 0, metafor stops at 1e-8 or so",
    lambda c, q: c.method == "rma_glmm_PLO" and q == "tau2" and c.expected[q][0] < 1e-6,
)


def effects(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Effect and variance of every study of a case."""
    rows, measure = case.rows(), case.given("measure")

    def col(key: str) -> np.ndarray:
        return column(rows, key)

    if "tpos" in rows[0]:
        counts = col("tpos"), col("tpos") + col("tneg"), col("cpos"), col("cpos") + col("cneg")
        return two_shares(*counts, measure=measure)
    if measure in ("MD", "SMD"):
        two = ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")
        rows = [r for r in rows if all(r[key] != "" for key in two)]
        effect = standardised_mean_difference if measure == "SMD" else mean_difference
        return effect(*(col(key) for key in two))
    if measure == "MC":
        return col("mean_change"), col("sd_change") ** 2 / col("n")
    if measure == "SMCR":
        return standardised_mean_change(
            col("mean_change"), sd=col("sd_pre"), n=col("n"), r=col("r"), standardiser="before"
        )
    if measure:
        return proportion(col("responders"), col("n"), scale=SCALES.get(measure, measure))
    return col("yi"), col("sei") ** 2


@answers(
    "pooling",
    {
        "rma": (
            "Random effects (REML, DL, PM, …; z, Hartung–Knapp, truncated; prediction)",
            "metafor::rma",
        )
    },
)
def _random_effects(case: Case) -> dict[str, float]:
    found = re.match(r"method=(\w+), test=(\w+)", case.options)
    assert found is not None
    rule = "normal" if found[2] == "z" else "k-1"  # metafor's own default
    for wanted in ("k-2", "k-1"):
        if f"PI t({wanted})" in case.options:
            rule = wanted
    y, v = effects(case)
    rows = pool(y, v, estimator=found[1], interval=INTERVAL[found[2]], prediction=rule)
    return case.each(lambda q: float(getattr(chosen(rows, part=FIELDS[q][0])[0], FIELDS[q][1])))


@answers(
    "pooling",
    {"tau2_qprofile": ("Heterogeneity with Q-profile limits", "metafor::confint.rma.uni")},
)
def _heterogeneity(case: Case) -> dict[str, float]:
    rows = pool(*effects(case))
    t, i = (chosen(rows, part=part)[0] for part in (Pooling.TAU2, Pooling.I2))
    return {"tau2": t.value, "low": t.low, "high": t.high, "I2_low": i.low, "I2_high": i.high}


@answers("pooling", {"leave1out_DL": ("Leave one out", "metafor::leave1out")})
def _left_out(case: Case) -> dict[str, float]:
    left = leave_one_out(*effects(case), estimator="DL", interval="z")

    def found(quantity: str) -> float:
        kind, i = quantity.split("_")
        part = {"est": Pooling.LEFT_OUT, "tau2": Pooling.TAU2_LEFT_OUT}[kind]
        return chosen(left, part=part)[int(i) - 1].value

    return case.each(found)


@answers(
    "pooling",
    {
        "egger_lm": ("Egger's test", "metafor::regtest"),
        "begg_kendall": ("Begg's test", "metafor::ranktest"),
    },
)
def _small_studies(case: Case) -> dict[str, float]:
    e = (egger if case.method == "egger_lm" else begg)(*effects(case))
    return case.each(lambda q: float(getattr(e, {"t": "statistic", "tau": "value"}.get(q, q))))


@answers(
    "pooling",
    {
        f"escalc_{m}": (f"Effect of each site, {m}", f'metafor::escalc("{m}")')
        for m in ("PR", "PLO", "PFT", "PAS", "SMCR", "SMD")
    },
)
def _measures(case: Case) -> dict[str, float]:
    y, v = effects(case)
    return case.each(lambda q: float((y if q.startswith("yi") else v)[int(q.split("_")[1]) - 1]))


@answers("pooling", {"metareg_ablat": ("Meta-regression", "metafor::rma(mods)")})
def _moderated(case: Case) -> dict[str, float]:
    latitude = column(case.rows(), "ablat")[:, None]
    b0, b1, m, tau2, explained = meta_regression(*effects(case), latitude, names=["latitude"])
    return {
        "b0": b0.value,
        "b1": b1.value,
        "se0": b0.se,
        "se1": b1.se,
        "p1": b1.p,
        "tau2": tau2.value,
        "QM": m.statistic,
        "QMp": m.p,
        "R2": explained.value,
    }


@answers(
    "pooling",
    {
        f"mh_{m}": (f"Rare events, Mantel–Haenszel {m}", f'metafor::rma.mh("{m}")')
        for m in ("OR", "RR", "RD")
    },
)
def _rare_events(case: Case) -> dict[str, float]:
    rows, measure = case.rows(), case.method.removeprefix("mh_")
    a, b, c, d = (column(rows, name) for name in ("tpos", "tneg", "cpos", "cneg"))
    found = mantel_haenszel(np.column_stack([a, a + b, c, c + d]), measure=measure)
    value = found.estimate.value if measure == "RD" else math.log(found.estimate.value)
    return {"est": value, "se": found.estimate.se, "QE": found.heterogeneity.value}


@answers(
    "pooling",
    {"rma_glmm_PLO": ("Shares by a random-intercept logistic model", "metafor::rma.glmm")},
)
def _random_intercept(case: Case) -> dict[str, float]:
    rows = case.rows()
    pooled, _, tau2 = pooled_logit(column(rows, "responders"), column(rows, "n"))
    return {"est": pooled.value, "se": pooled.se, "tau2": tau2.value}


@answers(
    "pooling",
    {
        "rma_mv_3level": ("Three levels", "metafor::rma.mv"),
        "rma_mv_CR2": ("Three levels, CR2", "metafor::rma.mv; clubSandwich"),
    },
)
def _three_levels(case: Case) -> dict[str, float]:
    table = case.rows()
    y, v, district = column(table, "yi"), column(table, "vi"), [r["district"] for r in table]
    rows = three_level(y, v, cluster=district)
    robust, plain = rows[:2]
    if case.method == "rma_mv_CR2":
        return {"se": robust.se, "df": robust.df, "p": robust.p}
    parts = {"sigma2_district": Pooling.TAU2_BETWEEN, "sigma2_school": Pooling.TAU2_WITHIN}
    found = {name: chosen(rows, part=part)[0].value for name, part in parts.items()}
    return {"est": plain.value, "se": plain.se} | found


@answers("pooling", {"crossover_se": ("A crossover's effect for pooling, r supplied", "own")})
def _crossover_effects(case: Case) -> dict[str, float]:
    md, s1, s2, n = (float(x) for x in re.findall(r"=(-?[\d.]+)", case.data))
    r = float(case.options.split("r=")[1])
    (_, v), (smd, v_smd) = (
        crossover_effect(md, sd1=s1, sd2=s2, n=n, r=r, standardised=std) for std in (False, True)
    )
    return {
        "se_md": math.sqrt(v),
        "sd_diff": float(sd_of_change(s1, s2, r=r)),
        "smd": float(smd),
        "se_smd": math.sqrt(v_smd),
    }
