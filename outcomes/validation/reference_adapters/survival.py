"""Duration of relief (Kaplan–Meier, log-rank, Cox) and diaries."""

from __future__ import annotations

import re

import numpy as np

from outcomes.stats.diary import days_with_relief, summarise, window_mean
from outcomes.stats.paired.location import mean_change
from outcomes.stats.survival import cox, kaplan_meier, log_rank
from outcomes.validation.cases import Case, answers, column

#: what the columns of the time and of the group may be called, the first that is there
TIMES, GROUPS = ("days", "time"), ("group", "rx", "sex")


def followed(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days, whether relief ended, and the group."""
    rows = case.rows()
    time, group = (next(n for n in names if n in rows[0]) for names in (TIMES, GROUPS))
    return column(rows, time), column(rows, "event"), np.array([r[group] for r in rows])


@answers(
    "survival",
    {
        "km": ("Kaplan–Meier, quantiles, log and log-log limits", "survival::survfit"),
        "rmst": ("Restricted mean time", "survival::survfit(rmean)"),
    },
)
def _kaplan(case: Case) -> dict[str, float]:
    t, e, g = followed(case)
    limits = "log" if "log CI (R default)" in case.options else "log-log"
    groups = {"all": np.full(len(t), True)} | {str(k): g == k for k in set(g)}
    curves = {who: kaplan_meier(t[keep], e[keep], limits=limits) for who, keep in groups.items()}

    def found(quantity: str) -> float:
        who, what = quantity.split("_", 1)
        curve = curves[who]
        if at := re.fullmatch(r"t(\d+)_(S|se|low|high)", what):
            return float(getattr(curve.at(float(at[1])), {"S": "value"}.get(at[2], at[2])))
        if tau := re.fullmatch(r"tau(\d+)_(rmst|se)", what):
            return float(
                getattr(curve.restricted_mean(float(tau[1])), {"rmst": "value", "se": "se"}[tau[2]])
            )
        if what in ("q25", "q75", "median"):
            return curve.quantile({"q25": 0.25, "q75": 0.75, "median": 0.5}[what]).value
        return float(getattr(curve.quantile(), what.removeprefix("median_")))

    return case.each(found)


@answers("survival", {"logrank": ("Log-rank and Peto tests", "survival::survdiff")})
def _logrank(case: Case) -> dict[str, float]:
    t, e, g = followed(case)
    groups = {name: (t[g == name], e[g == name]) for name in sorted(set(g))}
    test, peto = log_rank(groups), log_rank(groups, rho=1)
    return {"chi2": test.value, "p": test.p, "chi2_peto_rho1": peto.value}


@answers("survival", {"cox": ("Hazard ratio (Efron, Breslow)", "survival::coxph")})
def _hazard(case: Case) -> dict[str, float]:
    t, e, g = followed(case)
    second = (g == sorted(set(g))[1]).astype(float)
    fit = cox(second, t, e, names=["g"], ties="efron" if "efron" in case.options else "breslow")
    b = fit.coefficient("g")
    return {"beta": b.value, "se": b.se, "z": b.statistic, "p": b.p, "loglik": fit.loglik}


def diary(case: Case, patient: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Days, scores and the score of day 0 of one patient."""
    rows = [r for r in case.rows() if r["id"] == patient]
    day, y = column(rows, "day"), column(rows, "y")
    return day, y, float(y[day == 0][0])


@answers(
    "survival",
    {"diary_summary": ("Diary: AUC, SPID, time-weighted mean, days of relief", "own trapezoids")},
)
def _diary_summary(case: Case) -> dict[str, float]:
    day, y, b = diary(case, case.given("patient"))
    s = summarise(day, y, baseline=b, max_gap=np.inf)
    whole = summarise(day, y, baseline=b, max_gap=np.inf, until=35, carry_forward=True)
    return {
        "auc_observed": s.auc,
        "auc_locf_to35": whole.auc,
        "time_weighted_mean": s.mean,
        "span": s.span,
        "spid": s.spid,
        "pct_max_spid": s.percent_spid,
        "auc_below_baseline_clipped": s.relief,
        "n_days": s.days,
        "days_ge30": days_with_relief(day, y, baseline=b),
        "week1_mean": window_mean(day, y, first=1, last=7, minimum=1),
        "week5_mean": window_mean(day, y, first=29, last=35, minimum=1),
    }


@answers(
    "survival",
    {"diary_twmean_vs_baseline": ("Time-weighted mean against baseline", "t.test(paired = TRUE)")},
)
def _diary_group(case: Case) -> dict[str, float]:
    diaries = [diary(case, i) for i in sorted({r["id"] for r in case.rows()}, key=int)]
    means = [summarise(day, y, max_gap=np.inf).mean for day, y, _ in diaries]
    e = mean_change([b for _, _, b in diaries], means)
    return {"diff": e.value, "t": e.statistic, "p": e.p}
