"""Sizes of paired change against R (area 20, paired part)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from outcomes.stats.effect_measures import standardised_mean_change
from outcomes.stats.effects import d_av, d_b, d_rm, hedges_j, paired_effects
from outcomes.stats.paired import mean_change, percent_change
from outcomes.stats.paired_ranks import r_from_z, rank_biserial, superiority
from tests.reference.groups_common import cases, rows_of
from tests.reference.test_paired_location import checked

#: Rows not matched: a test on the row, and why.
NOT_MATCHED = (
    (lambda r: r["quantity"] == "d_av_meanSD", "(s1 + s2)/2 would be a second number called d_av"),
    (lambda r: r["quantity"] == "J_approx", "J is exact here"),
    (
        lambda r: r["case_id"] == "deg_n2" and r["quantity"][0] == "g",
        "J(1) = 0, so Hedges' forms of two patients are 0 whatever the data: ours are nan, too_few",
    ),
    (
        lambda r: r["case_id"] == "deg_n2" and r["quantity"].startswith("d_rm"),
        "r of two patients is 1, so d_rm is rounding error: ours is nan, not_estimable",
    ),
    (
        lambda r: "rank_biserial" in r["method"] and r["quantity"].startswith("ci") and r["case_id"] in ONE_SIDED,
        "every change has one sign, |r| = 1: Fisher's z is infinite; ours is nan, not_estimable",
    ),
)
#: Data sets whose non-zero changes all have one sign.
ONE_SIDED = {
    r["case_id"] for r in rows_of("rank_biserial_paired") if abs(float(r["value"])) == 1 and r["quantity"] == "r"
}
#: effectsize_cliffs_delta on pairs treats before and after as two independent groups; pairs stay together here.


def matched(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [r for r in rows if not any(excepted(r) for excepted, _ in NOT_MATCHED)]


def effects(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
    found = {e.name: e for e in paired_effects(before, after)}
    got = {name: e.value for name, e in found.items()}
    for name in ("d_z", "g_z", "d_rm"):
        got |= {f"{name}_ci95_low": found[name].low, f"{name}_ci95_high": found[name].high}
    z, average = found["d_z"], found["d_av"]
    got |= {"d_av_ci95_low_bonett": average.low, "d_av_ci95_high_bonett": average.high, "d_av_se_bonett": average.se}
    narrow = d_av(before, after, interval="algina-keselman")
    got |= {"d_av_ci95_low_ak": narrow.low, "d_av_ci95_high_ak": narrow.high, "d_rm_se": d_rm(before, after).se}
    got |= {"J_exact": hedges_j(len(before) - 1), "d_s_independent": average.value}
    return got | {"d": z.value, "ci95_low": z.low, "ci95_high": z.high, "g": found["g_z"].value}


@pytest.mark.parametrize(
    ("case", "rows"), cases("smd_paired", "effectsize_cohens_d_paired", "effectsize_hedges_g_paired")
)
def test_standardised(case: str, rows: list[dict[str, str]]) -> None:
    checked(effects, matched(rows))


@pytest.mark.parametrize(("case", "rows"), cases("metafor_SMCC", "metafor_SMCR", "metafor_SMCRH", "metafor_MC"))
def test_metafor(case: str, rows: list[dict[str, str]]) -> None:
    """g_z is metafor's SMCC, g_b its SMCR; SMCRH as called there divides by the SD after: d_b with the visits swapped."""
    for method in dict.fromkeys(r["method"] for r in rows):

        def found(before: np.ndarray, after: np.ndarray, option: str, method: str = method) -> dict[str, float]:
            n = len(before)
            if n == 2 and method != "metafor_MC":
                g_z = paired_effects(before, after)[3]
                return {"yi": g_z.value, "vi": g_z.se}
            if method == "metafor_MC":
                e = mean_change(before, after)
                return {"yi": e.value, "vi": e.se**2}
            if method == "metafor_SMCRH":
                e, j = d_b(after, before), hedges_j(n - 1)
                g = -e.value * j
                # metafor's variance has g where Bonett's has d, and shrinks by J squared
                return {"yi": g, "vi": j**2 * (e.se**2 - (e.value**2 - g**2) / (2 * (n - 1)))}
            name, standardiser = ("g_z", "change") if method == "metafor_SMCC" else ("g_b", "before")
            g = {e.name: e.value for e in paired_effects(before, after)}[name]
            r = float(np.corrcoef(before, after)[0, 1])
            sd = np.std(after - before, ddof=1) if standardiser == "change" else np.std(before, ddof=1)
            pooled = standardised_mean_change(after.mean() - before.mean(), sd=sd, n=n, r=r, standardiser=standardiser)
            assert float(np.ravel(pooled[0])[0]) == pytest.approx(g, rel=1e-12)
            return {"yi": g, "vi": float(np.ravel(pooled[1])[0])}

        checked(found, [r for r in rows if r["method"] == method])


@pytest.mark.parametrize(
    ("case", "rows"), cases("rank_biserial_paired", "effectsize_rank_biserial", "r_from_z", "prob_superiority_paired")
)
def test_ordinal(case: str, rows: list[dict[str, str]]) -> None:
    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        plain = rank_biserial(before, after, zeros="pratt" if "non-zero Pratt" in option else "wilcoxon")
        got = {"r": plain.value, "ci95_low": plain.low, "ci95_high": plain.high}
        if "denominator = n(n+1)/2" in option:
            n, zero = len(before), int((np.round(after - before, 9) == 0).sum())
            ranked = rank_biserial(before, after, zeros="pratt").value
            got["r"] = ranked * (1 - zero * (zero + 1) / (n * (n + 1)))
        got |= {
            "r_nonzero_n": r_from_z(before, after).value,
            "r_all_pairs": r_from_z(before, after, pairs="all").value,
            "ps_post_lower": superiority(before, after, better="lower").value,
            "ps_post_higher": superiority(before, after, better="higher").value,
        }
        dz = {e.name: e.value for e in paired_effects(before, after)}["d_z"]
        return got | {"cles_parametric_post_lower": 0.5 * math.erfc(dz / math.sqrt(2))}

    checked(found, matched(rows))


@pytest.mark.parametrize(("case", "rows"), cases("percent_change"))
def test_percent_change(case: str, rows: list[dict[str, str]]) -> None:
    """The reference counts a fall as positive; ours is after minus before."""

    def found(before: np.ndarray, after: np.ndarray, option: str) -> dict[str, float]:
        of_means, mean, median, _, highest = (-e.value for e in percent_change(before, after))
        return {
            "n_undefined": int((before == 0).sum()), "mean_individual": mean, "median_individual": median,
            "of_means": of_means, "min": highest,
        }  # fmt: skip

    checked(found, rows)


def test_kept_without_the_shared_material() -> None:
    """Student's sleep data: values from own R formulas and effectsize, in full precision."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    e = {e.name: e for e in paired_effects(first, second)}
    assert e["d_av"].value == pytest.approx(0.83218108134953972, rel=1e-12)
    assert (e["d_av"].low, e["d_av"].high) == pytest.approx((0.28436737179582294, 1.3799947909032566), rel=1e-12)
    assert (e["d_z"].low, e["d_z"].high) == pytest.approx((0.41462775638014354, 2.1180165139770675), rel=1e-9)
    assert e["g_b"].value == pytest.approx(0.80710706215014438, rel=1e-12)
