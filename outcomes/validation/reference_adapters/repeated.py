"""Repeated measures of the older literature: RM-ANOVA, mixed ANOVA, Friedman, Quade, Page,
pairs.
"""

from __future__ import annotations

import re

import numpy as np
from scipy import stats

from outcomes.stats.paired.repeated_measures import (
    friedman,
    friedman_pairs,
    hotelling,
    mixed_anova,
    page,
    pairwise_paired_t,
    quade,
    rm_anova,
)
from outcomes.validation.cases import Case, answers, column, differs

#: what the column of the visit may be called, the first that is there
WHEN = ("time", "cond", "day", "age", "treat")

differs(
    "R's mauchly.test has the number of visits k where Anderson (and Box's expansion) have p ="
    " k − 1",
    lambda c, q: q == "mauchly_p",
    rtol=2e-3,
)
differs(
    "R ranks the patients' ranges as raw floats, so 0.1 steps that tie do not; ours are rounded to"
    " 9 decimals",
    lambda c, q: c.method == "quade" and _ranges_tie_only_rounded(c),
)


def _ranges_tie_only_rounded(case: Case) -> bool:
    spread = np.ptp(matrix(case), axis=1)
    return bool((stats.rankdata(spread) != stats.rankdata(np.round(spread, 9))).any())


def matrix(case: Case) -> np.ndarray:
    """Patients × visits, complete patients only."""
    rows = case.rows()
    if "y" not in rows[0]:  # one row a patient: the baseline and the months
        y = np.column_stack([column(rows, c) for c in rows[0] if re.fullmatch(r"pre|m\d+", c)])
        return y[~np.isnan(y).any(axis=1)]
    when = next(n for n in WHEN if n in rows[0])
    ids = list(dict.fromkeys(r["id"] for r in rows))
    visits = ["P", "K", "M"] if when == "treat" else list(dict.fromkeys(r[when] for r in rows))
    if when != "treat" and all(v.replace(".", "").isdigit() for v in visits):
        visits.sort(key=float)
    y = np.full((len(ids), len(visits)), np.nan)
    for r, value in zip(rows, column(rows, "y"), strict=True):
        y[ids.index(r["id"]), visits.index(r[when])] = value
    if case.given("baseline"):
        start = column(rows, case.given("baseline"))
        base = dict(zip((r["id"] for r in rows), start, strict=True))
        y = np.column_stack([[base[i] for i in ids], y])
    return y[~np.isnan(y).any(axis=1)]


@answers(
    "repeated",
    {
        "rm_anova_oneway": (
            "RM-ANOVA with sphericity corrections",
            "car::Anova(idata), mauchly.test",
        ),
        "rm_manova": ("Hotelling's T²", "own"),
        "friedman": ("Friedman, Kendall's W, Iman–Davenport", "friedman.test"),
        "quade": ("Quade", "quade.test"),
        "page_trend": ("Trend over visits (Page)", "own"),
    },
)
def _one_way(case: Case) -> dict[str, float]:
    y = matrix(case)
    if case.method == "rm_anova_oneway":
        return _anova(y)
    if case.method == "rm_manova":
        h = hotelling(y)
        return {
            "T2": h.t2,
            "F": h.test.statistic,
            "df1": h.test.df1,
            "df2": h.test.df2,
            "p": h.test.p,
        }
    if case.method == "friedman":
        f = friedman(y)
        return {
            "chi2": f.chi2.value,
            "df": f.chi2.df,
            "p": f.chi2.p,
            "kendall_W": f.kendall_w,
            "F_iman_davenport": f.iman_davenport.statistic,
            "p_iman_davenport": f.iman_davenport.p,
        }
    if case.method == "quade":
        q = quade(y)
        return {"F": q.statistic, "df1": q.df1, "df2": q.df2, "p": q.p}
    trend = page(y)
    return {"L": trend.value, "z": trend.statistic, "p_increasing": trend.p}


def _anova(y: np.ndarray) -> dict[str, float]:
    a = rm_anova(y)
    e, s = a.effects["visit"], a.sphericity
    return {
        "n": a.patients,
        "k": a.visits,
        "SS_time": e.ss,
        "df_num": e.test.df1,
        "SS_err": e.ss_error,
        "df_den": e.test.df2,
        "F": e.test.statistic,
        "p": e.test.p,
        "eps_GG": s.gg,
        "p_GG": e.p_gg,
        "eps_HF": s.hf,
        "p_HF": e.p_hf,
        "mauchly_W": s.mauchly_w,
        "mauchly_p": s.mauchly_p,
        "eps_LB": s.lower_bound,
        "eta2_partial": e.eta2_partial,
        "eta2_generalized": e.eta2_generalized,
        "omega2_partial_rm": a.omega2_partial,
    }


@answers(
    "repeated",
    {
        "friedman_posthoc": ("Pairs of visits by ranks (Conover, Nemenyi)", "own; ptukey"),
        "pairwise_paired_t": ("Pairs of visits, paired t, Holm", "pairwise.t.test(paired = TRUE)"),
    },
)
def _pairs_of_visits(case: Case) -> dict[str, float]:
    y = matrix(case)
    name = {f"{i + 1} - {j + 1}": f"{j + 1}_{i + 1}" for i in range(y.shape[1]) for j in range(i)}
    got: dict[str, float] = {}
    if case.method == "pairwise_paired_t":
        for e in pairwise_paired_t(y):
            got |= {f"p_raw_{name[e.group]}": e.p, f"p_holm_{name[e.group]}": e.p_adjusted}
        return got
    for test in ("conover", "nemenyi"):
        for e in friedman_pairs(y, test=test):
            got[f"p_{test}_{name[e.group]}"] = e.p if test == "conover" else e.p_adjusted
    return got


@answers("repeated", {"mixed_anova": ("Mixed ANOVA, type III", "afex::aov_ez")})
def _split_plot(case: Case) -> dict[str, float]:
    rows = case.rows()
    if "pre.1" in rows[0]:  # five hours of each phase
        y = np.column_stack(
            [
                np.mean([column(rows, f"{p}.{i}") for i in range(1, 6)], axis=0)
                for p in ("pre", "post", "fup")
            ]
        )
        groups = [r["treatment"] for r in rows]
    else:
        y = matrix(case)
        groups = list({r["id"]: r.get("arm") or r.get("sex") or "" for r in rows}.values())
    a = mixed_anova(y, groups)
    got: dict[str, float] = {}
    s = a.sphericity
    for ours, theirs in {"group": "grp", "visit": "time", "group:visit": "grp:time"}.items():
        e = a.effects[ours]
        got |= {
            f"{theirs}_F": e.test.statistic,
            f"{theirs}_df1": e.test.df1,
            f"{theirs}_df2": e.test.df2,
            f"{theirs}_p": e.test.p,
            f"{theirs}_epsGG": s.gg,
            f"{theirs}_pGG": e.p_gg,
            f"{theirs}_epsHF": s.hf,
            f"{theirs}_pHF": e.p_hf,
            f"{theirs}_ges": e.eta2_generalized,
            f"{theirs}_pes": e.eta2_partial,
            f"{theirs}_mauchlyW": s.mauchly_w,
        }
    return got
