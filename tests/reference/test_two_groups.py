"""Two or more independent groups: against R and own high-precision values (areas 20 and 40)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from outcomes.stats.groups import (
    anova,
    brown_forsythe,
    d_ppc2,
    games_howell,
    mean_difference,
    standardised_mean_differences,
    tukey_hsd,
    welch_anova,
)
from outcomes.stats.twosample_ranks import (
    cliffs_delta,
    dunn,
    epsilon_squared,
    hodges_lehmann,
    kruskal_wallis,
    mann_whitney,
    probability_of_superiority,
)
from tests.reference.groups_common import cases, column, compare, oracle_data

GROUPS = {"grp_rct": "arm", "grp_routes": "route", "r_neuropathy": "group"}


def two(case: str, file: str, options: str) -> tuple[np.ndarray, np.ndarray]:
    """The two groups of a case: 'ketamine minus placebo' names them."""
    first, second = options.split(",")[0].split(" minus ")
    rows = oracle_data(file)
    arm = next(v for k, v in GROUPS.items() if file.startswith(k))
    if "y" in rows[0]:
        y = column(rows, "y")
    else:
        y = column(rows, "post") if case.endswith("_post") else np.round(column(rows, "post") - column(rows, "pre"), 9)
    g = np.array([r[arm] for r in rows])
    return y[g == first], y[g == second]


TWO = ("smd_independent", "t_independent", "mann_whitney", "hodges_lehmann_2s", "cliffs_delta", "cles_independent")


@pytest.mark.parametrize(("case", "rows"), cases(*TWO))
def test_two_groups(case, rows):
    for row in rows:
        a, b = two(case, row["data_file"], row["options"])
        compare(answers(row, a, b), [row])


def answers(row: dict[str, str], a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    method, options = row["method"], row["options"]
    if method == "smd_independent":
        d = standardised_mean_differences(a, b)
        return {
            "d_s": d["d_s"].value, "g_s": d["g_s"].value, "ci95_low": d["d_s"].low, "ci95_high": d["d_s"].high,
            "glass_delta_sd_b": d["glass"].value, "d_av_unpooled": d["d_av"].value,
        }  # fmt: skip
    if method == "t_independent":
        e = mean_difference(a, b, equal_variances="TRUE" in options)
        return {
            "diff": e.value,
            "se": e.se,
            "t": e.statistic,
            "df": e.df,
            "p": e.p,
            "ci95_low": e.low,
            "ci95_high": e.high,
        }
    if method == "mann_whitney":
        return {
            "U": mann_whitney(a, b).value, "p_exact": mann_whitney(a, b).p,
            "p_cc": mann_whitney(a, b, method="normal").p,
            "p_nocc": mann_whitney(a, b, method="normal", continuity=False).p,
        }  # fmt: skip
    if method == "hodges_lehmann_2s":
        return {"shift": hodges_lehmann(a, b).estimate.value}
    if method == "cliffs_delta":
        e = cliffs_delta(a, b, method="feng-cliff" if "Feng-Cliff" in options else "fisher-z")
        return {"delta": e.value, "ci95_low": e.low, "ci95_high": e.high}
    spread = math.sqrt(a.var(ddof=1) + b.var(ddof=1))
    return {
        "p_superiority_ties_split": probability_of_superiority(a, b),
        "parametric": float(special.ndtr((a.mean() - b.mean()) / spread)),
    }


@pytest.mark.parametrize(("case", "rows"), cases("morris_dppc2"))
def test_d_ppc2(case, rows):
    data = oracle_data(rows[0]["data_file"])
    arm = np.array([r["arm"] for r in data])
    pre, post = column(data, "pre"), column(data, "post")
    k, p = arm == "ketamine", arm == "placebo"
    e = d_ppc2(pre[k], post[k], pre[p], post[p])
    compare({"d": e.value, "var": e.se**2}, rows)


MORE = ("oneway_anova", "welch_anova", "kruskal", "brown_forsythe_levene", "tukey_hsd", "games_howell", "dunn")


@pytest.mark.parametrize(("case", "rows"), cases(*MORE))
def test_several_groups(case, rows):
    data = oracle_data(rows[0]["data_file"])
    pre, post = column(data, "pre"), column(data, "post")
    y = {"pre": pre, "post": post, "change": np.round(post - pre, 9)}[case.rsplit("_", 1)[1]]
    route = np.array([r["route"] for r in data])
    groups = {g: y[route == g] for g in ("IV", "IN", "PO")}
    one, welch, kw, spread = anova(groups), welch_anova(groups), kruskal_wallis(groups), brown_forsythe(groups)
    got = {
        "oneway_anova": {"F": one.test.statistic, "df1": one.test.df1, "df2": one.test.df2, "p": one.test.p,
                         "eta2": one.eta2, "omega2": one.omega2},
        "welch_anova": {"F": welch.statistic, "df1": welch.df1, "df2": welch.df2, "p": welch.p},
        "kruskal": {"H": kw.value, "df": kw.df, "p": kw.p, "eps2": epsilon_squared(kw.value, y.size)},
        "brown_forsythe_levene": {"F": spread.statistic, "p": spread.p},
        "tukey_hsd": {}, "games_howell": {}, "dunn": {},
    }  # fmt: skip
    for method, found in {"tukey_hsd": tukey_hsd(groups), "games_howell": games_howell(groups)}.items():
        for e in found:
            pair = e.group.replace(" ", "")
            got[method] |= {f"{pair}_diff": e.value, f"{pair}_low": e.low, f"{pair}_high": e.high}
            got[method][f"{pair}_padj"] = e.p_adjusted
    for e in dunn(groups):
        b, a = e.group.split(" - ")
        got["dunn"] |= {f"{a}-{b}_z": e.statistic, f"{a}-{b}_p": e.p, f"{a}-{b}_padj_holm": e.p_adjusted}
    for method, values in got.items():
        compare(values, [r for r in rows if r["method"] == method])
