"""Crossover of two and three periods, binary crossover and n-of-1, where no mixed model is
needed.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from outcomes.core.estimate import Estimate, chosen
from outcomes.core.measure import Measure
from outcomes.stats.crossover import binary as crossover_binary
from outcomes.stats.crossover import mixed as crossover_mixed
from outcomes.stats.crossover import two_period as crossover
from outcomes.stats.crossover.n_of_1 import nof1
from outcomes.stats.proportions.paired import mcnemar
from outcomes.validation.cases import Case, Rows, answers, column, differs

differs(
    "the residual line of an analysis of variance has no F",
    lambda c, q: c.method == "xo_aov_split" and np.isnan(c.expected[q][0]),
)

Two = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def two_periods(case: Case) -> Two:
    """Complete patients of an AB/BA data set: score and baseline of each period, ketamine first or
    not.
    """
    patients: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for r in case.rows():
        patients[r["id"]][r["period"]] = r
    whole = [p for p in patients.values() if all(p[k]["y"] not in ("", "NA") for k in "12")]
    columns = [np.array([float(p[k][name]) for p in whole]) for name in ("y", "base") for k in "12"]
    first = np.array([p["1"]["seq"] == "KP" for p in whole])
    return columns[0], columns[1], columns[2], columns[3], first


def row(e: Estimate, name: str) -> dict[str, float]:
    """An estimate as the reference names its numbers."""
    return {
        name: e.value,
        "se": e.se,
        "t": e.statistic,
        "df": e.df,
        "p": e.p,
        "low": e.low,
        "high": e.high,
    }


@answers(
    "crossover",
    {
        "xo_counts": ("Patients by sequence", "own"),
        "xo_treatment": ("Treatment (Hills–Armitage)", "t.test on period differences"),
        "xo_period": ("Period", "t.test"),
        "xo_carryover": ("Carry-over, shown and never used to choose", "t.test on totals"),
        "xo_period1_only": ("First period alone", "t.test"),
        "xo_naive_paired_t": ("Paired t that ignores the period", "t.test(paired = TRUE)"),
        "xo_koch_wilcoxon": ("Koch's rank test", "wilcox.test, exactRankTests::wilcox.exact"),
        "xo_fixed_subject": ("Patients as fixed effects", "lm(y ~ patient + period + treat)"),
        "xo_baseline_ancova": ("Period baselines as covariate", "lm"),
        "xo_change_from_period_baseline": ("Change from period baseline", "t.test"),
    },
)
def _two_by_two(case: Case) -> dict[str, float]:
    y1, y2, b1, b2, first = two_periods(case)
    treatment, period, carry = crossover.two_period(y1, y2, treated_first=first)
    match case.method.removeprefix("xo_"):
        case "counts":
            return {"n_KP": first.sum(), "n_PK": (~first).sum(), "n_complete": len(first)}
        case "treatment":
            return row(treatment, "K_minus_P")
        case "period":
            return row(period, "period1_minus_2")
        case "carryover":
            return row(carry, "lambda_diff")
        case "period1_only":
            return row(crossover.first_period(y1, y2, treated_first=first), "K_minus_P")
        case "naive_paired_t":
            return row(crossover.ignoring_period(y1, y2, treated_first=first), "K_minus_P")
        case "koch_wilcoxon":
            rank, normal = (
                crossover.koch(y1, y2, treated_first=first, method=m) for m in ("exact", "normal")
            )
            return {
                "U": rank.statistic,
                "p_exact": rank.p,
                "p_cc": normal.p,
                "hodges_lehmann_K_minus_P": rank.value,
            }
        case "baseline_ancova":
            adjusted, slope = crossover.baseline_adjusted(
                y1, y2, baseline1=b1, baseline2=b2, treated_first=first
            )
            return row(adjusted, "K_minus_P") | {"slope_db": slope.value}
        case "change_from_period_baseline":
            return row(crossover.two_period(y1 - b1, y2 - b2, treated_first=first)[0], "K_minus_P")
    return _fixed(y1, y2, first)


def _fixed(y1: np.ndarray, y2: np.ndarray, first: np.ndarray) -> dict[str, float]:
    n = len(y1)
    square = crossover.latin_square(
        np.concatenate([y1, y2]),
        patient=np.tile(np.arange(n), 2),
        period=np.repeat([1, 2], n),
        treatment=np.where(np.concatenate([first, ~first]), "K", "P"),
        reference="P",
    )
    e = chosen(square, measure=Measure.DIFFERENCE)[0]
    period = crossover.two_period(y1, y2, treated_first=first)[1]
    return {
        "treat_est": e.value,
        "treat_se": e.se,
        "treat_t": e.statistic,
        "treat_p": e.p,
        "period_est": -period.value,
        "period_p": square[1].p,
    }


@answers(
    "crossover",
    {"xo_aov_split": ("Three periods, sequential analysis of variance", "aov(Error(patient))")},
)
def _three_by_three(case: Case) -> dict[str, float]:
    rows = case.rows()
    treatment, period, *_ = crossover.latin_square(
        column(rows, "y"),
        patient=np.array([r["id"] for r in rows]),
        period=np.array([r["period"] for r in rows]),
        treatment=np.array([r["treat"] for r in rows]),
        reference="P",
        sequential=True,
    )
    return {
        f"{name}_{k}": getattr(e, f)
        for name, e in (("treat", treatment), ("period", period))
        for k, f in (("F", "statistic"), ("p", "p"))
    }


def model(case: Case, method: str) -> crossover_mixed.CrossoverModel:
    """The mixed model of a crossover, with the covariate or carry-over of the case's formula."""
    terms = case.options.split()
    rows: Rows = [r for r in case.rows() if r["y"] not in ("", "NA")]
    return crossover_mixed.crossover_model(
        column(rows, "y"),
        patient=np.array([r["id"] for r in rows]),
        period=np.array([r["period"] for r in rows]),
        treatment=np.array([r["treat"] for r in rows]),
        reference=next(t for t in ("placebo", "P") if t in {r["treat"] for r in rows}),
        carry_over="cK" in terms,
        covariate=column(rows, "base") if "base" in terms else None,
        method=method,
    )


@answers("crossover", {"xo_standardised": ("Effect in between-patient SD", "lme4::lmer, own")})
def _in_sd(case: Case) -> dict[str, float]:
    names = ("d_total", "d_within", "icc")
    sizes = dict(zip(names, model(case, "satterthwaite").sizes, strict=True))
    return case.each(lambda q: sizes[q.removesuffix("_sd")].value)


@answers(
    "crossover",
    {
        "xo_mcnemar": ("Binary crossover, McNemar", "mcnemar.test, binom.test"),
        "xo_mainland_gart": ("Binary crossover, Mainland–Gart", "fisher.test"),
        "xo_prescott": ("Binary crossover, Prescott", "prop.trend.test"),
    },
)
def _binary(case: Case) -> dict[str, float]:
    rows = case.rows()
    one, two = (np.array([float(r["resp"]) for r in rows if r["period"] == k]) for k in "12")
    first = np.array([r["seq"] == "KP" for r in rows if r["period"] == "1"])
    if case.method == "xo_prescott":
        e = crossover_binary.prescott(one, two, treated_first=first)
        return {"x2": e.statistic, "p": e.p}
    if case.method == "xo_mainland_gart":
        e = crossover_binary.mainland_gart(one, two, treated_first=first)
        got = {"p_fisher": e.p, "or_sample_sqrt": e.value}
        for name, order in (("KP", first), ("PK", ~first)):
            got |= {
                f"{name}_first": ((one > two) & order).sum(),
                f"{name}_second": ((two > one) & order).sum(),
            }
        return got
    both, placebo, ketamine, neither = table = crossover_binary.response_table(
        one, two, treated_first=first
    )
    exact, plain = mcnemar(table, method="exact"), mcnemar(table, method="asymptotic")
    return {
        "a": both,
        "b_K_only": ketamine,
        "c_P_only": placebo,
        "d": neither,
        "p_exact": exact.p,
        "p_nocc": plain.p,
    }


@answers("crossover", {"nof1": ("One patient, randomised pairs", "t.test; own randomisation test")})
def _one_patient(case: Case) -> dict[str, float]:
    arms = {t: {r["pair"]: float(r["y"]) for r in case.rows() if r["treat"] == t} for t in "KP"}
    mean, test = nof1(list(arms["P"].values()), [arms["K"][p] for p in arms["P"]])
    return {
        "mean_diff": mean.value,
        "t": mean.statistic,
        "df": mean.df,
        "p_t": mean.p,
        "p_randomisation": test.p,
    }
