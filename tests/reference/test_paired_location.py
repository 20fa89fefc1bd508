"""Location of paired changes against R (area 10): every row, method by method."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from outcomes.stats.paired import (
    mean_change,
    median_change,
    shapiro_wilk,
    sign_test,
    trimmed_change,
    variance_ratio,
)
from outcomes.stats.signedrank import hodges_lehmann, sign_flip, signed_rank
from tests.reference.groups_common import cases, column, compare
from tests.shared import oracle_data

DP = "exact conditional on tied ranks (DP), zeros dropped (Wilcoxon)"
NORMAL = "zeros dropped, normal approx, tie-corrected, continuity="
HL_ALL = "all differences"

#: Rows that are not ours to match, and why.
NOT_MATCHED = {
    "wilcox.test normal approx root-finding, continuity, zeros dropped, tol.root=1e-13":
        "the root of a step function with zeros dropped; our interval is an order statistic of all Walsh averages",
    "TRAP: raw float differences, ties broken by noise": "what happens without rounding; tests/stats/test_traps_paired.py",
    "rounded to 9 decimals": "a count of the input, beside that trap",
}  # fmt: skip


def scores(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Complete pairs of a data set."""
    rows = oracle_data(name)
    before, after = column(rows, "pre"), column(rows, "post")
    both = ~(np.isnan(before) | np.isnan(after))
    return before[both], after[both]


def checked(found: Callable[[np.ndarray, np.ndarray, str], dict[str, float]], rows: list[dict[str, str]]) -> None:
    """Compare the rows of one case, option by option."""
    before, after = scores(rows[0]["data_file"])
    for option in dict.fromkeys(r["options"] for r in rows):
        if option not in NOT_MATCHED:
            compare(found(before, after, option), [r for r in rows if r["options"] == option])


@pytest.mark.parametrize(("case", "rows"), cases("paired_t"))
def test_mean_change(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        e = mean_change(before, after)
        got = {"t": e.statistic, "df": e.df, "p_two.sided": e.p, "se": e.se}
        for level in (90, 95, 99):
            limits = mean_change(before, after, level=level / 100)
            got |= {f"ci{level}_low": limits.low, f"ci{level}_high": limits.high}
        less, greater = (mean_change(before, after, alternative=a) for a in ("less", "greater"))
        got |= {"p_less": less.p, "p_greater": greater.p}
        return got | {"ci95_less_upper": less.high, "ci95_greater_lower": greater.low}

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("yuen_paired"))
def test_trimmed_change(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        e = trimmed_change(before, after)
        return {
            "diff": e.value,
            "se": e.se,
            "t": e.statistic,
            "df": e.df,
            "p": e.p,
            "ci95_low": e.low,
            "ci95_high": e.high,
        }

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("pitman_morgan"))
def test_variance_ratio(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        e = variance_ratio(before, after)
        r = e.statistic / math.sqrt(e.statistic**2 + e.df)
        return {"r": r, "t": e.statistic, "df": e.df, "p": e.p, "var_ratio_post_pre": e.value}

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("shapiro_wilk_diff"))
def test_shapiro_wilk(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        e = shapiro_wilk(before, after)
        return {"W": e.value, "p": e.p}

    checked(found, rows)


def signed_rank_numbers(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
    if option == "zeros dropped":
        r = signed_rank(before, after)
        sizes = np.unique(np.abs(np.round(after - before, 9)), return_counts=True)
        tied = int(((sizes[1] > 1) & (sizes[0] > 0)).sum())
        numbers = {"n_nonzero": r.n_nonzero, "W_plus": r.w_plus, "W_minus": r.w_minus, "n_tied_groups": tied}
        return numbers | {"p_two.sided": r.test.p}
    if option.startswith("zeros dropped; no non-zero"):
        return {"p_two.sided": signed_rank(before, after).test.p}
    if option.startswith(NORMAL):
        continuity = "TRUE" in option
        kinds = {"p_two.sided": "two-sided", "p_less": "less", "p_greater": "greater"}
        got = {
            name: signed_rank(before, after, alternative=a, method="normal", continuity=continuity).test.p
            for name, a in kinds.items()
        }
        z = signed_rank(before, after, method="normal").z
        # with continuity the reference moves z itself; ours is the plain z, its correction stands in p
        return got | {"z": math.copysign(abs(ppf_of(got["p_two.sided"])), z) if continuity else z}
    zeros = "pratt" if "Pratt" in option else "wilcoxon"
    if "normal approx" in option or "asymptotic" in option:
        r = signed_rank(before, after, zeros=zeros, method="normal", continuity=False)
        return {"W_plus": r.w_plus, "z": r.z, "p_two.sided": r.test.p}
    got = {
        f"p_{a.replace('-', '.')}": signed_rank(before, after, zeros=zeros, alternative=a, method="exact").test.p
        for a in ("two-sided", "less", "greater")
    }
    mid = signed_rank(before, after, zeros=zeros, mid_p=True, method="exact")
    return got | {"p_midp_two.sided": mid.test.p}


def ppf_of(p: float) -> float:
    """The normal quantile that a two-sided p belongs to."""
    from scipy.stats import norm

    return float(norm.isf(p / 2))


@pytest.mark.parametrize(("case", "rows"), cases("wilcoxon", "wilcoxon_pratt", "wilcoxon_coin"))
def test_signed_rank(case: str, rows: list[dict[str, str]]) -> None:
    if case.startswith("trap_"):
        pytest.skip(NOT_MATCHED[rows[0]["options"]])
    checked(signed_rank_numbers, rows)


@pytest.mark.parametrize(("case", "rows"), cases("hodges_lehmann"))
def test_hodges_lehmann(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        if option.startswith("zeros dropped"):
            moved = np.round(after - before, 9) != 0
            before, after = before[moved], after[moved]
        method = "normal" if "normal approx critical" in option else "exact" if "exact" in option else "auto"
        h = hodges_lehmann(before, after, method=method)
        e = h.shift
        return {"estimate": e.value, "ci95_low": e.low, "ci95_high": e.high, "achieved": h.achieved}

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("sign_test"))
def test_sign_test(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        s = sign_test(before, after)
        less, greater = (sign_test(before, after, alternative=a).test.p for a in ("less", "greater"))
        mid = sign_test(before, after, mid_p=True).test.p
        return {
            "n_pos": s.n_up,
            "n_neg": s.n_down,
            "p_two.sided": s.test.p,
            "p_less": less,
            "p_greater": greater,
            "p_midp": mid,
        }

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("median_ci"))
def test_median_change(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        m = median_change(before, after)
        return {"median": m.median.value, "ci95_low": m.median.low, "ci95_high": m.median.high, "achieved": m.achieved}

    checked(found, rows)


@pytest.mark.parametrize(("case", "rows"), cases("permutation_signflip"))
def test_sign_flip(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        return {
            f"p_{a.replace('-', '.')}": sign_flip(before, after, alternative=a).test.p
            for a in ("two-sided", "less", "greater")
        }

    checked(found, rows)


def test_kept_without_the_shared_material() -> None:
    """Student's sleep data (R's `sleep`): the same numbers, in full precision, from R 4.2.2 and exactRankTests."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    e = mean_change(first, second)
    assert (e.statistic, e.p) == pytest.approx((4.0621276833820366, 0.0028328901973842702), rel=1e-12)
    r = signed_rank(first, second)
    assert (r.w_plus, r.n_zero, r.test.p) == (45.0, 1, 2 / 2**9)
