"""RM-ANOVA, mixed ANOVA, Friedman, Quade, Page and post hoc comparisons: against R (area 40)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from outcomes.stats.repeated import (
    friedman,
    friedman_pairs,
    hotelling,
    mixed_anova,
    page,
    pairwise_paired_t,
    quade,
    rm_anova,
)
from tests.reference.groups_common import cases, column, compare, oracle_data

#: patient, visit and score columns of the long files
LONG = {
    "r_ergostool.csv": ("id", "cond", "y"),
    "r_orthodont.csv": ("id", "age", "y"),
    "r_sleepstudy.csv": ("id", "day", "y"),
    "long_complete_n018.csv": ("id", "time", "y"),
    "long_rct_n060.csv": ("id", "time", "y"),
    "xo33_n020.csv": ("id", "treat", "y"),
}


def matrix(file: str) -> np.ndarray:
    """Patients × visits as the oracle script built it, complete patients only."""
    rows = oracle_data(file)
    if file == "r_btheb_wide.csv":
        y = np.column_stack([column(rows, c) for c in ("pre", "m2", "m3", "m5", "m8")])
        return y[~np.isnan(y).any(axis=1)]
    who, when, what = LONG[file]
    ids = list(dict.fromkeys(r[who] for r in rows))
    visits = ["P", "K", "M"] if when == "treat" else list(dict.fromkeys(r[when] for r in rows))
    if when != "treat" and all(v.replace(".", "").isdigit() for v in visits):
        visits.sort(key=float)
    y = np.full((len(ids), len(visits)), np.nan)
    for r, value in zip(rows, column(rows, what)):
        y[ids.index(r[who]), visits.index(r[when])] = value
    if file == "long_rct_n060.csv":
        base = {r[who]: b for r, b in zip(rows, column(rows, "base"))}
        y = np.column_stack([[base[i] for i in ids], y])
    return y[~np.isnan(y).any(axis=1)]


#: Rows we do not match, on purpose; each has a test below that shows whose arithmetic makes the difference.
DIFFERENT = {
    "mauchly_p": "R's mauchly.test has the number of visits k where Anderson (and Box's expansion) have p = k − 1",
    "quade": "R ranks the patients' ranges as raw floats, so 0.1 steps that tie do not; ours are rounded to 9 decimals",
}
METHODS = ("rm_anova_oneway", "rm_manova", "friedman", "quade", "friedman_posthoc", "pairwise_paired_t", "page_trend")


def one_way(y: np.ndarray) -> dict[str, dict[str, float]]:
    a, h, f, q, trend = rm_anova(y), hotelling(y), friedman(y), quade(y), page(y)
    e, s = a.effects["visit"], a.sphericity
    pairs = {f"{i + 1} - {j + 1}": f"{j + 1}_{i + 1}" for i in range(y.shape[1]) for j in range(i)}
    post, raw = {}, {}
    for test in ("conover", "nemenyi"):
        for row in friedman_pairs(y, test=test):
            post[f"p_{test}_{pairs[row.group]}"] = row.p if test == "conover" else row.p_adjusted
    for row in pairwise_paired_t(y):
        raw |= {f"p_raw_{pairs[row.group]}": row.p, f"p_holm_{pairs[row.group]}": row.p_adjusted}
    return {
        "rm_anova_oneway": {
            "n": a.patients, "k": a.visits, "SS_time": e.ss, "df_num": e.test.df1, "SS_err": e.ss_error,
            "df_den": e.test.df2, "F": e.test.statistic, "p": e.test.p, "eps_GG": s.gg, "p_GG": e.p_gg, "eps_HF": s.hf,
            "p_HF": e.p_hf, "mauchly_W": s.mauchly_w, "mauchly_p": s.mauchly_p, "eps_LB": s.lower_bound,
            "eta2_partial": e.eta2_partial, "eta2_generalized": e.eta2_generalized, "omega2_partial_rm": a.omega2_partial,
        },
        "rm_manova": {"T2": h.t2, "F": h.test.statistic, "df1": h.test.df1, "df2": h.test.df2, "p": h.test.p},
        "friedman": {
            "chi2": f.chi2.value, "df": f.chi2.df, "p": f.chi2.p, "kendall_W": f.kendall_w,
            "F_iman_davenport": f.iman_davenport.statistic, "p_iman_davenport": f.iman_davenport.p,
        },
        "quade": {"F": q.statistic, "df1": q.df1, "df2": q.df2, "p": q.p},
        "friedman_posthoc": post,
        "pairwise_paired_t": raw,
        "page_trend": {"L": trend.value, "z": trend.statistic, "p_increasing": trend.p},
    }  # fmt: skip


@pytest.mark.parametrize(("case", "rows"), cases(*METHODS))
def test_one_way(case, rows):
    found = one_way(matrix(rows[0]["data_file"]))
    for method in METHODS:
        if method != "quade":
            wanted = [r for r in rows if r["method"] == method and r["quantity"] not in DIFFERENT]
            compare(found[method], wanted)


@pytest.mark.parametrize(("case", "rows"), cases("quade"))
def test_quade(case, rows):
    y = matrix(rows[0]["data_file"])
    q = quade(y)
    raw = stats.rankdata(np.ptp(y, axis=1))
    rounded = stats.rankdata(np.round(np.ptp(y, axis=1), 9))
    if (raw == rounded).all():
        compare({"F": q.statistic, "df1": q.df1, "df2": q.df2, "p": q.p}, rows)
        return
    n, k = y.shape
    s = raw[:, None] * (stats.rankdata(y, axis=1) - (k + 1) / 2)
    between = (s.sum(axis=0) ** 2).sum() / n
    f = (n - 1) * between / ((s**2).sum() - between)
    compare({"F": f, "df1": q.df1, "df2": q.df2, "p": stats.f.sf(f, q.df1, q.df2)}, rows)


@pytest.mark.parametrize(("case", "rows"), cases("rm_anova_oneway"))
def test_mauchly(case, rows):
    """Ours to 2e-3 (two forms of a second-order term), R's exactly when its k replaces p in that term."""
    y = matrix(rows[0]["data_file"])
    row = next(r for r in rows if r["quantity"] == "mauchly_p")
    s, p, df = rm_anova(y).sphericity, y.shape[1] - 1, len(y) - 1
    assert s.mauchly_p == pytest.approx(float(row["value"]), rel=2e-3)
    rho = 1 - (2 * p * p + p + 2) / (6 * p * df)
    w2 = (p + 2) * (p - 1) * (p - 2) * (2 * p**3 + 6 * p * p + 3 * (p + 1) + 2) / (288 * (df * p * rho) ** 2)
    z, f = -df * rho * np.log(s.mauchly_w), p * (p + 1) / 2 - 1
    p1, p2 = stats.chi2.sf(z, f), stats.chi2.sf(z, f + 4)
    compare({"mauchly_p": p1 + w2 * (p2 - p1)}, [row])


def split_plot(file: str) -> tuple[np.ndarray, list[str]]:
    rows = oracle_data(file)
    if file == "r_obrienkaiser.csv":
        y = [np.mean([column(rows, f"{p}.{i}") for i in range(1, 6)], axis=0) for p in ("pre", "post", "fup")]
        return np.column_stack(y), [r["treatment"] for r in rows]
    group = {r["id"]: r.get("arm") or r.get("sex") or "" for r in rows}
    return matrix(file), list(group.values())


@pytest.mark.parametrize(("case", "rows"), cases("mixed_anova"))
def test_mixed(case, rows):
    a = mixed_anova(*split_plot(rows[0]["data_file"]))
    s, got = a.sphericity, {}
    for ours, theirs in {"group": "grp", "visit": "time", "group:visit": "grp:time"}.items():
        e = a.effects[ours]
        got |= {
            f"{theirs}_F": e.test.statistic, f"{theirs}_df1": e.test.df1, f"{theirs}_df2": e.test.df2,
            f"{theirs}_p": e.test.p, f"{theirs}_epsGG": s.gg, f"{theirs}_pGG": e.p_gg, f"{theirs}_epsHF": s.hf,
            f"{theirs}_pHF": e.p_hf, f"{theirs}_ges": e.eta2_generalized, f"{theirs}_pes": e.eta2_partial,
            f"{theirs}_mauchlyW": s.mauchly_w,
        }  # fmt: skip
    compare(got, rows)
