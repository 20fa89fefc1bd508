"""Kaplan–Meier, log-rank, Cox, diaries (area 97) and proportional odds (area 85): against R and own formulas."""

from __future__ import annotations

import re

import numpy as np
import pytest

from outcomes.stats.diary import days_with_relief, summarise, window_mean
from outcomes.stats.linear import Design, factor
from outcomes.stats.ordinal import proportional_odds
from outcomes.stats.paired import mean_change
from outcomes.stats.survival import cox, kaplan_meier, log_rank
from tests.reference.groups_common import cases, column, compare, oracle_data

#: time, event and group columns
SURVIVAL = {
    "surv_relief_n080.csv": ("days", "event", "group"),
    "r_ovarian.csv": ("time", "event", "rx"),
    "r_lung.csv": ("time", "event", "sex"),
}


def load(file: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = oracle_data(file)
    time, event, group = SURVIVAL[file]
    return column(rows, time), column(rows, event), np.array([r[group] for r in rows])


@pytest.mark.parametrize(("case", "rows"), cases("km", "rmst"))
def test_kaplan_meier(case, rows):
    t, e, g = load(rows[0]["data_file"])
    for row in rows:
        who, what = row["quantity"].split("_", 1)
        keep = np.full(len(t), True) if who == "all" else g == who
        curve = kaplan_meier(t[keep], e[keep], limits="log" if "log CI (R default)" in row["options"] else "log-log")
        if at := re.fullmatch(r"t(\d+)_(S|se|low|high)", what):
            found = getattr(curve.at(float(at[1])), {"S": "value"}.get(at[2], at[2]))
        elif tau := re.fullmatch(r"tau(\d+)_(rmst|se)", what):
            found = getattr(curve.restricted_mean(float(tau[1])), {"rmst": "value", "se": "se"}[tau[2]])
        elif what in ("q25", "q75", "median"):
            found = curve.quantile({"q25": 0.25, "q75": 0.75, "median": 0.5}[what]).value
        else:
            found = getattr(curve.quantile(), what.removeprefix("median_"))
        compare({row["quantity"]: found}, [row])


@pytest.mark.parametrize(("case", "rows"), cases("logrank", "cox"))
def test_log_rank_and_cox(case, rows):
    t, e, g = load(rows[0]["data_file"])
    names = sorted(set(g))
    groups = {name: (t[g == name], e[g == name]) for name in names}
    test, peto = log_rank(groups), log_rank(groups, rho=1)
    compare(
        {"chi2": test.value, "p": test.p, "chi2_peto_rho1": peto.value}, [r for r in rows if r["method"] == "logrank"]
    )
    for ties in ("efron", "breslow"):
        fit = cox((g == names[1]).astype(float), t, e, names=["g"], ties=ties)
        b = fit.coefficient("g")
        got = {"beta": b.value, "se": b.se, "z": b.statistic, "p": b.p, "loglik": fit.loglik}
        compare(got, [r for r in rows if r["method"] == "cox" and ties in r["options"]])


def diary(patient: str) -> tuple[np.ndarray, np.ndarray, float]:
    rows = [r for r in oracle_data("diary_n012.csv") if r["id"] == patient]
    day, y = column(rows, "day"), column(rows, "y")
    return day, y, float(y[day == 0][0])


@pytest.mark.parametrize(("case", "rows"), cases("diary_summary"))
def test_diary(case, rows):
    day, y, b = diary(case.removeprefix("diary_id"))
    s = summarise(day, y, baseline=b, max_gap=np.inf)
    whole = summarise(day, y, baseline=b, max_gap=np.inf, until=35, carry_forward=True)
    got = {
        "auc_observed": s.auc, "auc_locf_to35": whole.auc, "time_weighted_mean": s.mean, "span": s.span, "spid": s.spid,
        "pct_max_spid": s.percent_spid, "auc_below_baseline_clipped": s.relief, "n_days": s.days,
        "days_ge30": days_with_relief(day, y, baseline=b), "week1_mean": window_mean(day, y, first=1, last=7, minimum=1),
        "week5_mean": window_mean(day, y, first=29, last=35, minimum=1),
    }  # fmt: skip
    compare(got, rows)


@pytest.mark.parametrize(("case", "rows"), cases("diary_twmean_vs_baseline"))
def test_diary_group(case, rows):
    ids = sorted({r["id"] for r in oracle_data("diary_n012.csv")}, key=int)
    diaries = [diary(i) for i in ids]
    means = [summarise(day, y, max_gap=np.inf).mean for day, y, _ in diaries]
    e = mean_change([b for _, _, b in diaries], means)
    compare({"diff": e.value, "t": e.statistic, "p": e.p}, rows)


@pytest.mark.parametrize(("case", "rows"), cases("prop_odds"))
def test_proportional_odds(case, rows):
    data = oracle_data(rows[0]["data_file"])
    fit = proportional_odds(
        Design((factor("route", [r["route"] for r in data], reference="IV"),)), column(data, "pgic")
    )
    got = {"logLik": fit.loglik}
    for route in ("IN", "PO"):
        e = fit.coefficient(f"route[{route}]")
        got |= {f"route{route}": e.value, f"route{route}_se": e.se}
    got |= {f"zeta_{k + 1}|{k + 2}": z for k, z in enumerate(fit.thresholds)}
    compare(got, rows)
    assert fit.gradient < 1e-8
