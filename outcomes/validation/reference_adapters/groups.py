"""Two or more independent groups: t, ranks, effect sizes, analysis of variance, pairwise
comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy.special import ndtr

from outcomes.core.estimate import Estimate
from outcomes.stats.groups.means import (
    anova,
    brown_forsythe,
    d_ppc2,
    games_howell,
    mean_difference,
    standardised_mean_differences,
    tukey_hsd,
    welch_anova,
)
from outcomes.stats.groups.ranks import (
    cliffs_delta,
    dunn,
    epsilon_squared,
    hodges_lehmann,
    kruskal_wallis,
    mann_whitney,
    probability_of_superiority,
)
from outcomes.validation.cases import Case, answers, column

#: what the column of the group may be called, the first that is there
ARM = ("arm", "route", "group")


def two(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The two groups of a case: 'ketamine minus placebo' names them."""
    first, second = case.options.split(",")[0].split(" minus ")
    rows = case.rows()
    arm = next(n for n in ARM if n in rows[0])
    if "y" in rows[0]:
        y = column(rows, "y")
    elif case.given("score") == "post":
        y = column(rows, "post")
    else:
        y = np.round(column(rows, "post") - column(rows, "pre"), 9)
    g = np.array([r[arm] for r in rows])
    return y[g == first], y[g == second]


@answers("groups", {"smd_independent": ("d_s, g_s, Glass's Δ", "own (noncentral t)")})
def _standardised(case: Case) -> dict[str, float]:
    d = standardised_mean_differences(*two(case))
    return {
        "d_s": d["d_s"].value,
        "g_s": d["g_s"].value,
        "ci95_low": d["d_s"].low,
        "ci95_high": d["d_s"].high,
        "glass_delta_sd_b": d["glass"].value,
        "d_av_unpooled": d["d_av"].value,
    }


@answers("groups", {"t_independent": ("Difference of means, Welch and Student", "t.test")})
def _means(case: Case) -> dict[str, float]:
    e = mean_difference(*two(case), equal_variances="TRUE" in case.options)
    return {
        "diff": e.value,
        "se": e.se,
        "t": e.statistic,
        "df": e.df,
        "p": e.p,
        "ci95_low": e.low,
        "ci95_high": e.high,
    }


@answers(
    "groups",
    {
        "mann_whitney": (
            "Mann–Whitney, exact with ties",
            "exactRankTests::wilcox.exact, wilcox.test",
        )
    },
)
def _ranks(case: Case) -> dict[str, float]:
    a, b = two(case)
    exact, normal = mann_whitney(a, b), mann_whitney(a, b, method="normal")
    plain = mann_whitney(a, b, method="normal", continuity=False)
    return {"U": exact.value, "p_exact": exact.p, "p_cc": normal.p, "p_nocc": plain.p}


@answers(
    "groups",
    {
        "hodges_lehmann_2s": ("Shift between groups (Hodges–Lehmann)", "own"),
        "cliffs_delta": ("Cliff's δ", "effectsize::cliffs_delta; own (Feng–Cliff)"),
        "cles_independent": ("Probability of superiority", "own"),
    },
)
def _ordinal(case: Case) -> dict[str, float]:
    a, b = two(case)
    e = cliffs_delta(a, b, method="feng-cliff" if "Feng-Cliff" in case.options else "fisher-z")
    spread = math.sqrt(a.var(ddof=1) + b.var(ddof=1))
    return {
        "shift": hodges_lehmann(a, b).estimate.value,
        "delta": e.value,
        "ci95_low": e.low,
        "ci95_high": e.high,
        "p_superiority_ties_split": probability_of_superiority(e).value,
        "parametric": float(ndtr((a.mean() - b.mean()) / spread)),
    }


@answers("groups", {"morris_dppc2": ("d_ppc2: change between arms (Morris)", "own")})
def _morris(case: Case) -> dict[str, float]:
    rows = case.rows()
    arm, pre, post = np.array([r["arm"] for r in rows]), column(rows, "pre"), column(rows, "post")
    k, p = arm == "ketamine", arm == "placebo"
    e = d_ppc2(pre[k], post[k], pre[p], post[p])
    return {"d": e.value, "var": e.se**2}


def routes(case: Case) -> dict[str, np.ndarray]:
    """The scores (before, after or change, as the case says) of the three routes."""
    rows = case.rows()
    pre, post = column(rows, "pre"), column(rows, "post")
    y = {"pre": pre, "post": post, "change": np.round(post - pre, 9)}[case.given("score")]
    route = np.array([r["route"] for r in rows])
    return {g: y[route == g] for g in ("IV", "IN", "PO")}


@answers(
    "groups",
    {
        "oneway_anova": ("One-way analysis of variance", "aov"),
        "welch_anova": ("Welch's analysis of variance", "oneway.test"),
        "kruskal": ("Kruskal–Wallis", "kruskal.test"),
        "brown_forsythe_levene": ("Equal spread (Brown–Forsythe)", "car::leveneTest"),
    },
)
def _several(case: Case) -> dict[str, float]:
    groups = routes(case)
    if case.method == "oneway_anova":
        a = anova(groups)
        return {
            "F": a.test.statistic,
            "df1": a.test.df1,
            "df2": a.test.df2,
            "p": a.test.p,
            "eta2": a.eta2,
            "omega2": a.omega2,
        }
    if case.method == "welch_anova":
        w = welch_anova(groups)
        return {"F": w.statistic, "df1": w.df1, "df2": w.df2, "p": w.p}
    if case.method == "kruskal":
        k = kruskal_wallis(groups)
        return {
            "H": k.value,
            "df": k.df,
            "p": k.p,
            "eps2": epsilon_squared(k, sum(map(len, groups.values()))).value,
        }
    b = brown_forsythe(groups)
    return {"F": b.statistic, "p": b.p}


def by_pair(found: Iterable[Estimate]) -> dict[str, float]:
    """Intervals and adjusted p-values, named by their pair."""
    got: dict[str, float] = {}
    for e in found:
        pair = f"{e.contrast.group}-{e.contrast.reference}"
        got |= {
            f"{pair}_diff": e.value,
            f"{pair}_low": e.low,
            f"{pair}_high": e.high,
            f"{pair}_padj": e.p_adjusted,
        }
    return got


@answers(
    "groups",
    {
        "tukey_hsd": ("All pairs (Tukey)", "TukeyHSD"),
        "games_howell": (
            "All pairs, unequal variances (Games–Howell)",
            "rstatix::games_howell_test",
        ),
        "dunn": ("All pairs by ranks (Dunn, Holm)", "rstatix::dunn_test"),
    },
)
def _pairwise(case: Case) -> dict[str, float]:
    groups = routes(case)
    if case.method != "dunn":
        return by_pair(tukey_hsd(groups) if case.method == "tukey_hsd" else games_howell(groups))
    got: dict[str, float] = {}
    for e in dunn(groups):
        b, a = e.contrast.group, e.contrast.reference
        got |= {f"{a}-{b}_z": e.statistic, f"{a}-{b}_p": e.p, f"{a}-{b}_padj_holm": e.p_adjusted}
    return got
