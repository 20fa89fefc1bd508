"""Area 80: Rubin's rules, D1, delta adjustment, single imputation, missing patterns, the normal model and Little's test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from outcomes.stats.imputation import rubin, rubin_wald
from outcomes.stats.missingness import carry, little_mcar, normal_ml, patterns
from tests.reference.longitudinal_data import cases, close, number
from tests.shared import oracle_data

METHODS = ("rubin", "D1_", "delta_", "little_", "em_", "missing_", "change_m8", "ancova_m8", "resp50_m8")
CASES = cases(lambda m: m.startswith(METHODS), skip=lambda r: r["r_package"] == "mice" and r["method"] == "little_mcar")
pytestmark = pytest.mark.skipif(not CASES, reason="needs ../shared/oracles")


def columns(rows, *names):
    return np.array([[number(r[n]) for n in names] for r in rows])


def stacks(data_file):
    rows = oracle_data(data_file)
    return [[r for r in rows if r["imp"] == k] for k in dict.fromkeys(r["imp"] for r in rows)]


def ancova(rows, y):
    x = np.column_stack([
        np.ones(len(rows)), [r["treatment"] == "BtheB" for r in rows], columns(rows, "pre")[:, 0],
        [r["drug"] == "Yes" for r in rows], [r["length"] == "lt6m" for r in rows],
    ]).astype(float)  # fmt: skip
    beta, rss, *_ = np.linalg.lstsq(x, y, rcond=None)
    return beta, rss[0] / (len(y) - 5) * np.linalg.inv(x.T @ x)


def pooled(case, data_file, df, delta=0.0):
    q = []
    missing = np.isnan(columns(oracle_data("r_btheb_wide.csv"), "m8")[:, 0]) if "btheb" in data_file else None
    for rows in stacks(data_file):
        if case.endswith("meanchange"):
            d = np.diff(columns(rows, "pre", "post"))[:, 0]
            q.append((d.mean(), d.var(ddof=1) / len(d)))
        elif case == "mi_nhanes_bmi":
            x = np.column_stack([np.ones(len(rows)), columns(rows, "bmi")[:, 0]])
            beta, rss, *_ = np.linalg.lstsq(x, columns(rows, "chl")[:, 0], rcond=None)
            q.append((beta[1], rss[0] / (len(rows) - 2) * np.linalg.inv(x.T @ x)[1, 1]))
        elif case == "mi_btheb_resp50_logit":
            own = [r for r in rows if r["treatment"] == "BtheB"]
            pre, m8 = columns(own, "pre", "m8").T
            p = np.mean(pre - m8 >= 0.5 * pre)
            q.append((np.log(p / (1 - p)), 1 / (len(own) * p * (1 - p))))
        else:
            treated = np.array([r["treatment"] == "BtheB" for r in rows])
            beta, cov = ancova(rows, columns(rows, "m8")[:, 0] + delta * (missing & treated))
            q.append((beta[1], cov[1, 1]))
    return rubin(*np.array(q).T, df_complete=df)


def values(case, method, options, data_file):
    if method in ("rubin", "rubin_mitools"):
        df = float(options.rsplit("=", 1)[1]) if "=" in options and method == "rubin" else np.inf
        p = pooled(case, data_file, df)
        e = p.estimate
        return {
            "m": p.draws, "qbar": e.value, "ubar": p.within, "b": p.between, "t": p.total, "se": e.se, "r": p.riv, "lambda": p.lam,
            "df_barnard_rubin": e.df, "fmi": p.fmi, "t_stat": e.statistic, "p": e.p, "low": e.low, "high": e.high,
            "df_rubin1987": p.df_large, "df": e.df,
        }  # fmt: skip
    if method.startswith("D1_"):
        fits = [ancova(rows, columns(rows, "m8")[:, 0]) for rows in stacks(data_file)]
        e = rubin_wald([b[3:] for b, _ in fits], [c[3:, 3:] for _, c in fits], df_complete=95)
        return {"F": e.value, "df1": 2, "df2": e.df, "p": e.p, "riv": float(e.how.rsplit(" ", 1)[1])}
    if method == "delta_adjusted":
        out = {}
        for delta in (0, 1, 2, 3, 5):
            e = pooled(case, data_file, 95, delta).estimate
            out |= {f"delta{delta}_{k}": v for k, v in (("qbar", e.value), ("se", e.se), ("df", e.df), ("p", e.p))}
        return out
    rows = oracle_data(data_file)
    if method == "little_mcar":
        names = [n for n in rows[0] if n not in ("id", "drug", "length", "treatment")]
        e = little_mcar(columns(rows, *names), unbiased="unbiased" in options)
        return {"d2": e.value, "df": e.df, "p": e.p}
    if method == "em_normal":
        names = [n for n in rows[0] if n not in ("id", "drug", "length", "treatment")]
        mu, sigma = normal_ml(columns(rows, *names))
        return {f"mu_{n}": v for n, v in zip(names, mu)} | {f"var_{n}": v for n, v in zip(names, np.diag(sigma))}
    y, pre = columns(rows, "m2", "m3", "m5", "m8"), columns(rows, "pre")[:, 0]
    if method == "missing_pattern":
        p = patterns(y)
        seen = {f"n_obs_{v}": n for v, n in zip(("m2", "m3", "m5", "m8"), p.observed)}
        return seen | {"n_complete": p.complete, "n_monotone": p.monotone, "n_intermittent": p.intermittent}
    rule = method.rsplit("_", 1)[1]
    z = y[:, 3] if rule == "cc" else carry(y, pre, rule=rule)[:, 3]
    ok, treated = ~np.isnan(z), np.array([r["treatment"] == "BtheB" for r in rows])
    d = z[ok] - pre[ok]
    if method.startswith("change"):
        t = stats.ttest_1samp(d, 0)
        return {"n": ok.sum(), "mean": d.mean(), "sd": d.std(ddof=1), "t": t.statistic, "p": t.pvalue}
    if method.startswith("ancova"):
        x = np.column_stack([np.ones(ok.sum()), treated[ok], pre[ok]])
        beta, rss, *_ = np.linalg.lstsq(x, z[ok], rcond=None)
        se = np.sqrt(rss[0] / (ok.sum() - 3) * np.linalg.inv(x.T @ x)[1, 1])
        return {"est": beta[1], "se": se, "p": 2 * stats.t.sf(abs(beta[1] / se), ok.sum() - 3)}
    hit = ok & (pre - np.nan_to_num(z) >= 0.5 * pre) & (pre > 0)
    return {"BtheB": hit[treated].sum(), "TAU": hit[~treated].sum()}


@pytest.mark.parametrize("key", CASES, ids=lambda k: f"{k[0]}-{k[1]}-{k[2][-20:]}")
def test_area_80(key):
    rows = CASES[key]
    got = values(*key, rows[0]["data_file"])
    # D1's relative increase in variance is printed with six digits in words
    assert [
        w for w in (close(r, got[r["quantity"]], 1e-5 if r["quantity"] == "riv" else None) for r in rows) if w
    ] == []


def test_rubin_at_full_precision_without_the_shared_folder():
    p = rubin([-2.1, -1.9, -2.0, -2.2, -1.8], [0.08, 0.09, 0.085, 0.08, 0.082], df_complete=34)
    assert p.total == pytest.approx(0.0834 + 1.2 * 0.025, rel=1e-12)
    assert p.estimate.df == pytest.approx(1 / (1 / p.df_large + 37 / 35 / 34 / (1 - p.lam)), rel=1e-12)
