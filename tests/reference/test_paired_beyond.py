"""Regression to the mean (area 45), equivalence, Bayes factors, individual and meaningful change (area 95) against R."""

from __future__ import annotations

import math

import numpy as np
import pytest

from outcomes.stats.bayes import bayes_factor, jzs_log_bf10
from outcomes.stats.equivalence import tost
from outcomes.stats.individual import cronbach_alpha, icc, measurement_error, reliable_change
from outcomes.stats.meaningful import anchored, limits_of_agreement, spread_thresholds
from outcomes.stats.paired import mean_change
from outcomes.stats.regression_to_mean import change_and_baseline, expected, mee_chua
from tests.reference.groups_common import cases, column, compare
from tests.reference.test_paired_location import checked, scores
from tests.shared import needs, oracle_data


@pytest.mark.parametrize(("case", "rows"), cases("rtm_expected"))
def test_expected_regression(case: str, rows: list[dict[str, str]]) -> None:
    """The reference gives the size towards the mean; ours has the sign of the change."""
    between, within = 1.4, 1.2
    total = math.hypot(between, within)
    population = {"cutoff": 7.0, "mean": 6.0, "sd": total, "reliability": between**2 / total**2}
    one, two = expected(**population), expected(**population, baselines=2)
    compare({"effect": -one.effect, "z": one.z, "C": one.c, "effect_2_baselines": -two.effect}, rows)


@pytest.mark.parametrize(("case", "rows"), cases("mee_chua"))
def test_mee_chua(case: str, rows: list[dict[str, str]]) -> None:
    net, slope = mee_chua(*scores(rows[0]["data_file"]), mean=6)
    compare({"treatment_effect": net.value, "se": net.se, "t": net.statistic, "p": net.p, "slope": slope.value}, rows)


@pytest.mark.parametrize(("case", "rows"), cases("change_vs_baseline"))
def test_change_and_baseline(case: str, rows: list[dict[str, str]]) -> None:
    naive, oldham, slope = change_and_baseline(*scores(rows[0]["data_file"]), reliability=0.8)
    compare({"r_change_pre": naive.value, "r_oldham": oldham.value, "blomqvist_slope_rel80": slope.value}, rows)


@pytest.mark.parametrize(("case", "rows"), cases("tost_paired"))
def test_tost(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        got = {}
        for margin in (0.5, 1, 2):
            e = tost(before, after, margin=margin)
            got |= {"ci90_low": e.change.low, "ci90_high": e.change.high, f"margin{margin}_p": e.change.p}
            got |= {f"margin{margin}_t_lower": e.lower.statistic, f"margin{margin}_t_upper": e.upper.statistic}
            got |= {f"margin{margin}_p_lower": e.lower.p, f"margin{margin}_p_upper": e.upper.p}
        return got

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("bf_jzs_paired"))
def test_bayes_factor(case: str, rows: list[dict[str, str]]) -> None:
    if case.startswith("bf_grid"):
        t, n = (part[1:] for part in case.removeprefix("bf_grid_").split("_"))
        compare({"log_bf10": jzs_log_bf10(float(t), int(n))}, rows)
        return

    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        scales = (math.sqrt(0.5), 1, math.sqrt(2))
        return {f"log_bf10_r{round(r, 4):g}": bayes_factor(before, after, scale=r).statistic for r in scales}

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("rci_jacobson_truax"))
def test_reliable_change(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        got = {}
        for rel in (0.75, 0.9):
            r = reliable_change(before, after, reliability=rel, better="lower")
            e = r.error
            values = (e.sem, e.difference, e.mdc95, e.mdc90, r.improved, r.deteriorated, r.unchanged)
            names = ("SEM", "Sdiff", "MDC95", "MDC90", "n_improved", "n_deteriorated", "n_unchanged")
            got |= {f"rel{rel}_{name}": value for name, value in zip(names, values)}
        return got

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("responsiveness"))
def test_responsiveness(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        half, _, _, srm, es = spread_thresholds(before, after)
        return {"half_sd_baseline": half.value, "srm": srm.value, "es_baseline": es.value,
                "guyatt_like_se": mean_change(before, after).se}  # fmt: skip

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("bland_altman"))
def test_limits_of_agreement(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        bias, slope = limits_of_agreement(before, after)
        return {"bias": bias.value, "loa_low": bias.low, "loa_high": bias.high, "slope_diff_on_mean": slope.value}

    checked(found, rows)


def ratings(rows: list[dict[str, str]]) -> np.ndarray:
    data = oracle_data(rows[0]["data_file"])
    wanted = [c for c in data[0] if c.startswith("pre.")] or list(data[0])[1:]
    return np.column_stack([column(data, c) for c in wanted])


@pytest.mark.parametrize(("case", "rows"), cases("icc"))
def test_icc(case: str, rows: list[dict[str, str]]) -> None:
    got: dict[str, float] = {}
    x = ratings(rows)
    for e in icc(x):
        df2 = float(e.how.rstrip(")").split(",")[1])
        got |= {f"{e.name}_est": e.value, f"{e.name}_F": e.statistic, f"{e.name}_df1": e.df, f"{e.name}_df2": df2}
        got |= {f"{e.name}_p": e.p, f"{e.name}_low": e.low, f"{e.name}_high": e.high}
    compare(got, rows)


@pytest.mark.parametrize(("case", "rows"), cases("cronbach_alpha"))
def test_cronbach_alpha(case: str, rows: list[dict[str, str]]) -> None:
    raw, standardised = cronbach_alpha(ratings(rows))
    compare({"raw": raw.value, "standardised": standardised.value}, rows)


@pytest.mark.parametrize(("case", "rows"), cases("roc_mcid"))
def test_anchor(case: str, rows: list[dict[str, str]]) -> None:
    data = oracle_data(rows[0]["data_file"])
    gain, pgic = np.round(column(data, "pre") - column(data, "post"), 9), column(data, "pgic")
    a = anchored(gain, pgic, pgic <= 2)
    auc = a.roc.auc
    got = {
        "n_anchor_pos": a.roc.n_improved, "auc": auc.value, "delong_se": auc.se, "delong_low": auc.low,
        "delong_high": auc.high, "youden_J": a.roc.youden, "cut_smallest_maximiser": a.roc.cut,
        "mean_change_anchor_pos": a.improved.value, "mean_change_anchor_neg": a.other.value,
        "spearman_change_pgic": a.correlation.value,
    }  # fmt: skip
    compare(got, rows)


@needs("oracles/data/rtm_selected.csv")
def test_selected_patients_without_effect() -> None:
    """A paired t-test calls pure regression to the mean an effect; Mee and Chua's regression does not."""
    before, after = scores("rtm_selected.csv")
    assert mean_change(before, after).p < 1e-4
    assert mee_chua(before, after, mean=6)[0].p == pytest.approx(0.19, abs=0.005)


def test_kept_without_the_shared_material() -> None:
    """Shrout and Fleiss (1979), table 4; Davis (1976) by hand; R 4.2.2 BayesFactor 0.9.12."""
    table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert [round(e.value, 2) for e in icc(table)] == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    assert measurement_error(2.0, 0.75).mdc95 == pytest.approx(1.959963984540054 * math.sqrt(2), rel=1e-12)
