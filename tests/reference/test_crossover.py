"""Crossover and N-of-1 against R (area 70): every row that needs no mixed model; those are in `MIXED`."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from numpy.testing import assert_allclose

from outcomes.stats import crossover, crossover_binary
from outcomes.stats.nof1 import nof1
from outcomes.stats.paired_proportions import mcnemar
from tests.shared import needs, oracle_data, oracle_rows

CASES: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
for _row in oracle_rows():
    if _row["case_id"].startswith(("xo22_", "xo33_", "nof1")):
        CASES[_row["case_id"], _row["method"]].append(_row)

#: Rows of a mixed model on all data: tested with the engine in tests/reference/test_crossover_mixed.py.
MIXED = ("reml_own", "xo_lmm_", "xo_standardised", "xo_pairs_holm_KR")


def _expect(row, value) -> None:
    assert_allclose(value, float(row["value"]), rtol=float(row["rtol"]), atol=1e-12, err_msg=str(row))


def _two_periods(case):
    """Complete patients of an AB/BA data set: score and baseline of each period, ketamine first or not."""
    rows = oracle_data(CASES[case, "xo_counts"][0]["data_file"])
    by_patient = defaultdict(dict)
    for r in rows:
        by_patient[r["id"]][r["period"]] = r
    whole = [p for p in by_patient.values() if all(p[k]["y"] not in ("", "NA") for k in "12")]
    column = lambda name, k: np.array([float(p[k][name]) for p in whole])  # noqa: E731
    first = np.array([p["1"]["seq"] == "KP" for p in whole])
    return column("y", "1"), column("y", "2"), column("base", "1"), column("base", "2"), first


def _values(case) -> dict[str, dict[str, float]]:
    y1, y2, b1, b2, first = _two_periods(case)
    two = {"treated_first": first}
    treatment, period, carry = crossover.two_period(y1, y2, **two)
    adjusted, slope = crossover.baseline_adjusted(y1, y2, baseline1=b1, baseline2=b2, **two)
    alone, naive = crossover.first_period(y1, y2, **two), crossover.ignoring_period(y1, y2, **two)
    change = crossover.two_period(y1 - b1, y2 - b2, **two)[0]
    rank, normal = (crossover.koch(y1, y2, method=m, **two) for m in ("exact", "normal"))
    square = crossover.latin_square(
        np.concatenate([y1, y2]), patient=np.tile(np.arange(len(y1)), 2), period=np.repeat([1, 2], len(y1)),
        treatment=np.where(np.concatenate([first, ~first]), "K", "P"), reference="P",
    )  # fmt: skip

    def row(e, name):
        return {name: e.value, "se": e.se, "t": e.statistic, "df": e.df, "p": e.p, "low": e.low, "high": e.high}

    fixed = next(e for e in square if e.name == "difference")
    return {
        "xo_counts": {"n_KP": first.sum(), "n_PK": (~first).sum(), "n_complete": len(first)},
        "xo_treatment": row(treatment, "K_minus_P"),
        "xo_period": row(period, "period1_minus_2"),
        "xo_carryover": row(carry, "lambda_diff"),
        "xo_period1_only": row(alone, "K_minus_P"),
        "xo_naive_paired_t": row(naive, "K_minus_P"),
        "xo_koch_wilcoxon": {"U": rank.statistic, "p_exact": rank.p, "p_cc": normal.p, "hodges_lehmann_K_minus_P": rank.value},
        "xo_fixed_subject": {
            "treat_est": fixed.value, "treat_se": fixed.se, "treat_t": fixed.statistic, "treat_p": fixed.p,
            "period_est": -period.value, "period_p": square[1].p,
        },
        "xo_baseline_ancova": row(adjusted, "K_minus_P") | {"slope_db": slope.value},
        "xo_change_from_period_baseline": row(change, "K_minus_P"),
    }  # fmt: skip


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({c for c, m in CASES if m == "xo_counts"}))
def test_two_by_two(case):
    values = _values(case)
    for (name, method), rows in CASES.items():
        if name == case and not method.startswith(MIXED):
            for row in rows:
                _expect(row, values[method][row["quantity"]])


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({c for c, m in CASES if m == "xo_aov_split"}))
def test_three_by_three(case):
    rows = oracle_data(CASES[case, "xo_aov_split"][0]["data_file"])
    column = lambda name: np.array([r[name] for r in rows])  # noqa: E731
    found = crossover.latin_square(
        column("y").astype(float), patient=column("id"), period=column("period"), treatment=column("treat"),
        reference="P", sequential=True,
    )  # fmt: skip
    values = {f"{name}_{key}": getattr(e, field) for name, e in zip(("treat", "period"), found[:2], strict=True)
              for key, field in (("F", "statistic"), ("p", "p"))}  # fmt: skip
    for row in CASES[case, "xo_aov_split"]:
        if row["value"] != "NA":  # the residual line of an analysis of variance table has no F
            _expect(row, values[row["quantity"]])


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({c for c, m in CASES if m == "xo_mcnemar"}))
def test_binary(case):
    rows = oracle_data(CASES[case, "xo_mcnemar"][0]["data_file"])
    period = {k: np.array([float(r["resp"]) for r in rows if r["period"] == k]) for k in "12"}
    first = np.array([r["seq"] == "KP" for r in rows if r["period"] == "1"])
    both, placebo, ketamine, neither = table = crossover_binary.response_table(period["1"], period["2"], treated_first=first)
    gart = crossover_binary.mainland_gart(period["1"], period["2"], treated_first=first)
    prescott = crossover_binary.prescott(period["1"], period["2"], treated_first=first)
    counts = {}
    for name, order in (("KP", first), ("PK", ~first)):
        counts[f"{name}_first"] = int(((period["1"] > period["2"]) & order).sum())
        counts[f"{name}_second"] = int(((period["2"] > period["1"]) & order).sum())
    values = {
        "xo_mcnemar": {"a": both, "b_K_only": ketamine, "c_P_only": placebo, "d": neither,
                       "p_exact": mcnemar(table, method="exact").p, "p_nocc": mcnemar(table, method="asymptotic").p},
        "xo_mainland_gart": counts | {"p_fisher": gart.p, "or_sample_sqrt": gart.value},
        "xo_prescott": {"x2": prescott.statistic, "p": prescott.p},
    }  # fmt: skip
    for (name, method), wanted in CASES.items():
        if name == case:
            for row in wanted:
                _expect(row, values[method][row["quantity"]])


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", sorted({c for c, m in CASES if m == "nof1"}))
def test_n_of_1(case):
    rows = oracle_data(CASES[case, "nof1"][0]["data_file"])
    arms = {t: {r["pair"]: float(r["y"]) for r in rows if r["treat"] == t} for t in "KP"}
    mean, test = nof1([arms["P"][p] for p in arms["P"]], [arms["K"][p] for p in arms["P"]])
    values = {"mean_diff": mean.value, "t": mean.statistic, "df": mean.df, "p_t": mean.p, "p_randomisation": test.p}
    for row in CASES[case, "nof1"]:
        _expect(row, values[row["quantity"]])


def test_without_the_shared_folder():
    """Senn's peak flow trial (printed in the SAS/STAT guide): formoterol − salbutamol, t(11)=4.32, period t=−1.47."""
    first = [310, 310, 370, 410, 250, 380, 330, 370, 310, 380, 290, 260, 90]
    second = [270, 260, 300, 390, 210, 350, 365, 385, 400, 410, 320, 340, 220]
    treatment, period, _ = crossover.two_period(first, second, treated_first=[1] * 7 + [0] * 6)
    assert_allclose([treatment.value, treatment.se, treatment.df], [46.60714285714286, 10.776559645175427, 11], rtol=1e-9)
    assert_allclose([treatment.p, period.statistic], [0.0012048475398269902, -1.4747616740535778], rtol=1e-12)
