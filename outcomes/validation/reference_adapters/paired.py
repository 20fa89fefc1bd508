"""Location of paired changes: t, trimmed, signed-rank, Hodges–Lehmann, sign, median,
permutation.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import numpy as np
from scipy.stats import norm

from outcomes.stats.paired.location import (
    Alternative,
    mean_change,
    median_change,
    shapiro_wilk,
    sign_test,
    trimmed_change,
    variance_ratio,
)
from outcomes.stats.paired.signed_rank import hodges_lehmann, sign_flip, signed_rank
from outcomes.validation.cases import Case, answers, differs, pairs

NORMAL = "zeros dropped, normal approx, tie-corrected, continuity="
SIDES: dict[str, Alternative] = {
    "p_two.sided": "two-sided",
    "p_less": "less",
    "p_greater": "greater",
}

differs(
    "R's interval is the root of a step function with zeros dropped; ours is an order statistic of"
    " all Walsh averages",
    lambda c, q: c.method == "hodges_lehmann" and "root-finding" in c.options,
)
differs(
    "the reference shows what ranking raw floats does; ours are rounded to 9 decimals first"
    " (trap 3)",
    lambda c, q: c.options.startswith("TRAP") or q == "n_distinct_abs_nonzero",
)


@answers("paired", {"paired_t": ("Mean change, t-test and intervals", "t.test(paired = TRUE)")})
def _paired_t(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    e = mean_change(before, after)
    got = {"t": e.statistic, "df": e.df, "p_two.sided": e.p, "se": e.se}
    for level in (90, 95, 99):
        limits = mean_change(before, after, level=level / 100)
        got |= {f"ci{level}_low": limits.low, f"ci{level}_high": limits.high}
    less, greater = (mean_change(before, after, alternative=a) for a in ("less", "greater"))
    got |= {"p_less": less.p, "p_greater": greater.p}
    return got | {"ci95_less_upper": less.high, "ci95_greater_lower": greater.low}


@answers("paired", {"yuen_paired": ("Trimmed mean change (Yuen)", "own formula, trim 20 %")})
def _yuen(case: Case) -> dict[str, float]:
    e = trimmed_change(*pairs(case))
    return {
        "diff": e.value,
        "se": e.se,
        "t": e.statistic,
        "df": e.df,
        "p": e.p,
        "ci95_low": e.low,
        "ci95_high": e.high,
    }


@answers("paired", {"pitman_morgan": ("Ratio of variances (Pitman–Morgan)", "own formula")})
def _pitman_morgan(case: Case) -> dict[str, float]:
    e = variance_ratio(*pairs(case))
    r = e.statistic / math.sqrt(e.statistic**2 + e.df)
    return {"r": r, "t": e.statistic, "df": e.df, "p": e.p, "var_ratio_post_pre": e.value}


@answers(
    "paired",
    {"shapiro_wilk_diff": ("Normality of changes (shown, never a switch)", "shapiro.test")},
)
def _normality(case: Case) -> dict[str, float]:
    e = shapiro_wilk(*pairs(case))
    return {"W": e.value, "p": e.p}


@answers(
    "paired",
    {
        "wilcoxon": (
            "Signed-rank, zeros dropped, exact on mid-ranks",
            "exactRankTests::wilcox.exact, wilcox.test",
        ),
        "wilcoxon_pratt": (
            "Signed-rank, zeros ranked (Pratt), exact",
            "own enumeration by dynamic programming",
        ),
        "wilcoxon_coin": ("Signed-rank, exact and asymptotic", "coin::wilcoxsign_test"),
    },
)
def _signed_ranks(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    option = case.options
    if option == "zeros dropped" or option.startswith("zeros dropped; no non-zero"):
        r = signed_rank(before, after)
        sizes = np.unique(np.abs(np.round(after - before, 9)), return_counts=True)
        tied = int(((sizes[1] > 1) & (sizes[0] > 0)).sum())
        return {
            "n_nonzero": r.n_nonzero,
            "W_plus": r.w_plus,
            "W_minus": r.w_minus,
            "n_tied_groups": tied,
            "p_two.sided": r.test.p,
        }
    if option.startswith(NORMAL):
        return _normal(before, after, continuity="TRUE" in option)
    zeros: Literal["pratt", "wilcoxon"] = "pratt" if "Pratt" in option else "wilcoxon"
    if "normal approx" in option or "asymptotic" in option:
        r = signed_rank(before, after, zeros=zeros, method="normal", continuity=False)
        return {"W_plus": r.w_plus, "z": r.z, "p_two.sided": r.test.p}
    exact = partial(signed_rank, before, after, zeros=zeros, method="exact")
    got = {name: exact(alternative=a).test.p for name, a in SIDES.items()}
    return got | {"p_midp_two.sided": exact(mid_p=True).test.p}


def _normal(before: np.ndarray, after: np.ndarray, *, continuity: bool) -> dict[str, float]:
    got = {
        name: (
            signed_rank(before, after, alternative=a, method="normal", continuity=continuity).test.p
        )
        for name, a in SIDES.items()
    }
    z = signed_rank(before, after, method="normal").z
    # with continuity the reference moves z itself; ours is the plain z, its correction stands in p
    return got | {
        "z": math.copysign(float(norm.isf(got["p_two.sided"] / 2)), z) if continuity else z
    }


@answers(
    "paired",
    {
        "hodges_lehmann": (
            "Median shift (Hodges–Lehmann) with exact interval",
            "own; wilcox.test(conf.int)",
        )
    },
)
def _median_shift(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    if case.options.startswith("zeros dropped"):
        moved = np.round(after - before, 9) != 0
        before, after = before[moved], after[moved]
    normal = "normal approx critical" in case.options
    h = hodges_lehmann(
        before, after, method="normal" if normal else "exact" if "exact" in case.options else "auto"
    )
    e = h.shift
    return {"estimate": e.value, "ci95_low": e.low, "ci95_high": e.high, "achieved": h.achieved}


@answers("paired", {"sign_test": ("Sign test", "binom.test")})
def _signs(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    s = sign_test(before, after)
    got = {name: sign_test(before, after, alternative=a).test.p for name, a in SIDES.items()}
    return got | {
        "n_pos": s.n_up,
        "n_neg": s.n_down,
        "p_midp": sign_test(before, after, mid_p=True).test.p,
    }


@answers("paired", {"median_ci": ("Median change, order-statistic interval", "own; qbinom")})
def _median(case: Case) -> dict[str, float]:
    m = median_change(*pairs(case))
    return {
        "median": m.median.value,
        "ci95_low": m.median.low,
        "ci95_high": m.median.high,
        "achieved": m.achieved,
    }


@answers(
    "paired",
    {"permutation_signflip": ("Sign-flip permutation of the mean, exact", "own enumeration")},
)
def _permutation(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    return {name: sign_flip(before, after, alternative=a).test.p for name, a in SIDES.items()}
