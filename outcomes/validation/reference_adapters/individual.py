"""Regression to the mean, equivalence, Bayes factors, individual and meaningful change."""

from __future__ import annotations

import math

import numpy as np

from outcomes.stats.individual.meaningful_change import (
    anchored,
    limits_of_agreement,
    spread_thresholds,
)
from outcomes.stats.individual.reliable_change import cronbach_alpha, icc, reliable_change
from outcomes.stats.paired.bayes_factor import bayes_factor, jzs_log_bf10
from outcomes.stats.paired.equivalence import tost
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.regression_to_mean import change_and_baseline, expected, mee_chua
from outcomes.validation.cases import Case, answers, column, pairs


@answers(
    "individual", {"rtm_expected": ("Expected regression to the mean", "own (truncated normal)")}
)
def regression_to_the_mean(case: Case) -> dict[str, float]:
    """The reference gives the size towards the mean; ours has the sign of the change."""
    between, within = 1.4, 1.2
    total = math.hypot(between, within)
    one, two = (
        expected(cutoff=7.0, mean=6.0, sd=total, reliability=between**2 / total**2, baselines=k)
        for k in (1, 2)
    )
    return {"effect": -one.effect, "z": one.z, "C": one.c, "effect_2_baselines": -two.effect}


@answers(
    "individual",
    {
        "mee_chua": (
            "Change net of regression to the mean (Mee–Chua)",
            "lm(post - mu ~ I(pre - mu))",
        )
    },
)
def _net_of_regression(case: Case) -> dict[str, float]:
    net, slope = mee_chua(*pairs(case), mean=6)
    return {
        "treatment_effect": net.value,
        "se": net.se,
        "t": net.statistic,
        "p": net.p,
        "slope": slope.value,
    }


@answers("individual", {"change_vs_baseline": ("Change and baseline (Oldham, Blomqvist)", "own")})
def _oldham(case: Case) -> dict[str, float]:
    naive, ours, slope = change_and_baseline(*pairs(case), reliability=0.8)
    return {
        "r_change_pre": naive.value,
        "r_oldham": ours.value,
        "blomqvist_slope_rel80": slope.value,
    }


@answers(
    "individual",
    {"tost_paired": ("Equivalence and non-inferiority (TOST)", "t.test(mu = ±margin)")},
)
def _equivalence(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    got: dict[str, float] = {}
    for margin in (0.5, 1, 2):
        e = tost(before, after, margin=margin)
        got |= {
            "ci90_low": e.change.low,
            "ci90_high": e.change.high,
            f"margin{margin}_p": e.change.p,
        }
        got |= {
            f"margin{margin}_t_lower": e.lower.statistic,
            f"margin{margin}_t_upper": e.upper.statistic,
        }
        got |= {f"margin{margin}_p_lower": e.lower.p, f"margin{margin}_p_upper": e.upper.p}
    return got


@answers(
    "individual", {"bf_jzs_paired": ("JZS Bayes factor", "BayesFactor::ttestBF; own quadrature")}
)
def _bayes(case: Case) -> dict[str, float]:
    if case.given("t"):
        return {"log_bf10": jzs_log_bf10(float(case.given("t")), int(case.given("n")))}
    before, after = pairs(case)
    scales = (math.sqrt(0.5), 1, math.sqrt(2))
    return {
        f"log_bf10_r{round(r, 4):g}": bayes_factor(before, after, scale=r).statistic for r in scales
    }


@answers(
    "individual", {"rci_jacobson_truax": ("Reliable change (Jacobson–Truax), SEM, MDC", "own")}
)
def _reliable(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    got: dict[str, float] = {}
    for rel in (0.75, 0.9):
        r = reliable_change(before, after, reliability=rel, better="lower")
        e = r.error
        values = (e.sem, e.difference, e.mdc95, e.mdc90, r.improved, r.deteriorated, r.unchanged)
        names = ("SEM", "Sdiff", "MDC95", "MDC90", "n_improved", "n_deteriorated", "n_unchanged")
        got |= {f"rel{rel}_{name}": value for name, value in zip(names, values, strict=True)}
    return got


@answers("individual", {"responsiveness": ("Responsiveness (SRM, ES, ½ SD)", "own")})
def _responsiveness(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    half, _, _, srm, es = spread_thresholds(before, after)
    return {
        "half_sd_baseline": half.value,
        "srm": srm.value,
        "es_baseline": es.value,
        "guyatt_like_se": mean_change(before, after).se,
    }


@answers("individual", {"bland_altman": ("Limits of agreement", "own")})
def _agreement(case: Case) -> dict[str, float]:
    bias, slope = limits_of_agreement(*pairs(case))
    return {
        "bias": bias.value,
        "loa_low": bias.low,
        "loa_high": bias.high,
        "slope_diff_on_mean": slope.value,
    }


def ratings(case: Case) -> np.ndarray:
    """Targets × judges, or patients × items."""
    rows = case.rows()
    wanted = [c for c in rows[0] if c.startswith("pre.")] or list(rows[0])[1:]
    return np.column_stack([column(rows, c) for c in wanted])


@answers("individual", {"icc": ("Intraclass correlations", "psych::ICC")})
def _intraclass(case: Case) -> dict[str, float]:
    got: dict[str, float] = {}
    for e in icc(ratings(case)):
        df2 = float(e.how.rstrip(")").split(",")[1])
        got |= {
            f"{e.name}_est": e.value,
            f"{e.name}_F": e.statistic,
            f"{e.name}_df1": e.df,
            f"{e.name}_df2": df2,
        }
        got |= {f"{e.name}_p": e.p, f"{e.name}_low": e.low, f"{e.name}_high": e.high}
    return got


@answers("individual", {"cronbach_alpha": ("Cronbach's α", "psych::alpha")})
def _alpha(case: Case) -> dict[str, float]:
    raw, standardised = cronbach_alpha(ratings(case))
    return {"raw": raw.value, "standardised": standardised.value}


@answers(
    "individual", {"roc_mcid": ("Meaningful change by an anchor (ROC, DeLong, Youden)", "own")}
)
def _anchor(case: Case) -> dict[str, float]:
    rows = case.rows()
    gain, pgic = np.round(column(rows, "pre") - column(rows, "post"), 9), column(rows, "pgic")
    a = anchored(gain, pgic, pgic <= 2)
    auc = a.roc.auc
    return {
        "n_anchor_pos": a.roc.n_improved,
        "auc": auc.value,
        "delong_se": auc.se,
        "delong_low": auc.low,
        "delong_high": auc.high,
        "youden_J": a.roc.youden,
        "cut_smallest_maximiser": a.roc.cut,
        "mean_change_anchor_pos": a.improved.value,
        "mean_change_anchor_neg": a.other.value,
        "spearman_change_pgic": a.correlation.value,
    }
