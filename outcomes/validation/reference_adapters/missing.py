"""Missing scores: Rubin's rules, D1, delta adjustment, single imputation, patterns, the normal
model, Little's test.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import stats

from outcomes.stats.missing.imputation import Pooled, rubin, rubin_wald
from outcomes.stats.missing.patterns import carry, little_mcar, normal_ml, patterns
from outcomes.validation.cases import Case, Rows, Tables, answers, column, differs

differs(
    "the relative increase in variance of D1 is said in words, with six digits",
    lambda c, q: q == "riv",
    rtol=1e-5,
)


def treated(rows: Rows) -> np.ndarray:
    """Who had the treatment."""
    return np.array([r["treatment"] == "BtheB" for r in rows])


@lru_cache(maxsize=8)
def stacks(tables: Tables, data: str) -> tuple[Rows, ...]:
    """The completed data sets, one after the other."""
    rows = tables(data)
    return tuple([r for r in rows if r["imp"] == k] for k in dict.fromkeys(r["imp"] for r in rows))


def least_squares(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their covariance."""
    beta, rss, *_ = np.linalg.lstsq(x, y, rcond=None)
    return beta, rss[0] / (len(y) - x.shape[1]) * np.linalg.inv(x.T @ x)


def ancova(rows: Rows, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and covariance of score on arm, baseline, drug and length."""
    drug, short = ([r[k] == v for r in rows] for k, v in (("drug", "Yes"), ("length", "lt6m")))
    x = np.column_stack([np.ones(len(rows)), treated(rows), column(rows, "pre"), drug, short])
    return least_squares(x.astype(float), y)


def one(case: Case, rows: Rows, missing: np.ndarray, delta: float) -> tuple[float, float]:
    """Estimate and variance in one completed data set."""
    if "post" in rows[0]:
        d = column(rows, "post") - column(rows, "pre")
        return d.mean(), d.var(ddof=1) / len(d)
    if "bmi" in rows[0]:
        beta, cov = least_squares(
            np.column_stack([np.ones(len(rows)), column(rows, "bmi")]), column(rows, "chl")
        )
    elif case.given("share"):  # the log odds of an improvement by this share of the baseline
        own = [r for r in rows if r["treatment"] == case.given("group")]
        pre, m8 = column(own, "pre"), column(own, "m8")
        p = float(np.mean(pre - m8 >= float(case.given("share")) * pre))
        return float(np.log(p / (1 - p))), 1 / (len(own) * p * (1 - p))
    else:
        beta, cov = ancova(rows, column(rows, "m8") + delta * (missing & treated(rows)))
    return beta[1], cov[1, 1]


def pooled(case: Case, df: float, delta: float = 0.0) -> Pooled:
    """One estimate of all completed data sets, missing scores of the treated made worse by
    `delta`.
    """
    completed = stacks(case.tables, case.data)
    missing = (
        np.ptp([column(rows, "m8") for rows in completed], axis=0) > 0 if delta else np.array(False)
    )
    q = [one(case, rows, missing, delta) for rows in completed]
    return rubin(*np.array(q).T, df_complete=df)


@answers(
    "missing",
    {
        "rubin": ("Rubin's rules, Barnard–Rubin df", "mice::pool.scalar; own"),
        "rubin_mitools": ("Rubin's rules, large-sample df", "mitools::MIcombine"),
    },
)
def _rules(case: Case) -> dict[str, float]:
    known = "=" in case.options and case.method == "rubin"
    p = pooled(case, float(case.options.rsplit("=", 1)[1]) if known else np.inf)
    e = p.estimate
    return {
        "m": p.draws,
        "qbar": e.value,
        "ubar": p.within,
        "b": p.between,
        "t": p.total,
        "se": e.se,
        "r": p.riv,
        "lambda": p.lam,
        "df_barnard_rubin": e.df,
        "fmi": p.fmi,
        "t_stat": e.statistic,
        "p": e.p,
        "low": e.low,
        "high": e.high,
        "df_rubin1987": p.df_large,
        "df": e.df,
    }


@answers("missing", {"D1_drug_length": ("Joint Wald test of imputed models (D1)", "mice::D1")})
def _joint(case: Case) -> dict[str, float]:
    fits = [ancova(rows, column(rows, "m8")) for rows in stacks(case.tables, case.data)]
    found = rubin_wald([b[3:] for b, _ in fits], [c[3:, 3:] for _, c in fits], df_complete=95)
    e = found.test
    return {"F": e.value, "df1": 2, "df2": e.df2, "p": e.p, "riv": found.riv}


@answers(
    "missing",
    {"delta_adjusted": ("Tipping point: missing scores made worse by δ", "mice::pool.scalar")},
)
def _tipping(case: Case) -> dict[str, float]:
    got: dict[str, float] = {}
    for delta in (0, 1, 2, 3, 5):
        e = pooled(case, 95, delta).estimate
        got |= {
            f"delta{delta}_{k}": v
            for k, v in (("qbar", e.value), ("se", e.se), ("df", e.df), ("p", e.p))
        }
    return got


def scores(rows: Rows) -> tuple[list[str], np.ndarray]:
    """The names and columns of the numbers in a table."""
    names = [n for n in rows[0] if n not in ("id", "drug", "length", "treatment")]
    return names, np.column_stack([column(rows, n) for n in names])


@answers(
    "missing",
    {"little_mcar": ("Little's test", "own (EM)"), "em_normal": ("Normal model by EM", "own")},
)
def _normal_model(case: Case) -> dict[str, float]:
    names, y = scores(case.rows())
    if case.method == "little_mcar":
        e = little_mcar(y, unbiased="unbiased" in case.options)
        return {"d2": e.value, "df": e.df, "p": e.p}
    mu, sigma = normal_ml(y)
    got = {f"mu_{n}": float(v) for n, v in zip(names, mu, strict=True)}
    return got | {f"var_{n}": float(v) for n, v in zip(names, np.diag(sigma), strict=True)}


VISITS = ("m2", "m3", "m5", "m8")


@answers("missing", {"missing_pattern": ("Monotone and intermittent gaps", "own")})
def _gaps(case: Case) -> dict[str, float]:
    rows = case.rows()
    p = patterns(np.column_stack([column(rows, v) for v in VISITS]))
    seen = {f"n_obs_{v}": n for v, n in zip(VISITS, p.observed, strict=True)}
    return seen | {
        "n_complete": p.complete,
        "n_monotone": p.monotone,
        "n_intermittent": p.intermittent,
    }


@answers(
    "missing",
    {
        f"{kind}_{rule}": (f"{title}: {words}", r)
        for kind, title, r in (
            ("change_m8", "Mean change", "t.test"),
            ("ancova_m8", "ANCOVA", "lm"),
            ("resp50_m8_nri", "Responders", "own"),
        )
        for rule, words in (
            ("cc", "observed only"),
            ("locf", "last score carried forward"),
            ("bocf", "baseline carried forward"),
            ("wocf", "worst score carried forward"),
        )
    },
)
def _carried(case: Case) -> dict[str, float]:
    rows, rule = case.rows(), case.method.rsplit("_", 1)[1]
    y, pre = np.column_stack([column(rows, v) for v in VISITS]), column(rows, "pre")
    z = y[:, 3] if rule == "cc" else carry(y, pre, rule=rule)[:, 3]
    ok, arm = ~np.isnan(z), treated(rows)
    d = z[ok] - pre[ok]
    if case.method.startswith("change"):
        t = stats.ttest_1samp(d, 0)
        return {
            "n": ok.sum(),
            "mean": d.mean(),
            "sd": d.std(ddof=1),
            "t": t.statistic,
            "p": t.pvalue,
        }
    if case.method.startswith("ancova"):
        beta, cov = least_squares(np.column_stack([np.ones(ok.sum()), arm[ok], pre[ok]]), z[ok])
        se = np.sqrt(cov[1, 1])
        return {"est": beta[1], "se": se, "p": 2 * stats.t.sf(abs(beta[1] / se), ok.sum() - 3)}
    hit = ok & (pre - np.nan_to_num(z) >= 0.5 * pre) & (pre > 0)
    return {"BtheB": hit[arm].sum(), "TAU": hit[~arm].sum()}
