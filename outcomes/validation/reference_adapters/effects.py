"""Sizes of paired change: standardised, ordinal, percent, and their variances for pooling."""

from __future__ import annotations

import math

import numpy as np

from outcomes.core.estimate import chosen
from outcomes.stats.meta_analysis.effect_measures import standardised_mean_change
from outcomes.stats.paired.effect_sizes import (
    Standardised,
    hedges_j,
    paired_effects,
)
from outcomes.stats.paired.location import mean_change, percent_change
from outcomes.stats.paired.rank_effects import r_from_z, rank_biserial, superiority
from outcomes.validation.cases import Case, answers, differs, pairs, unanswered

differs(
    "(s1 + s2)/2 as standardiser would be a second number called d_av",
    lambda c, q: q == "d_av_meanSD",
)
differs("the factor of Hedges is exact here, not 1 − 3/(4 df − 1)", lambda c, q: q == "J_approx")
differs(
    "two patients: J(1) = 0 makes Hedges' forms 0 whatever the data, and r = 1 makes d_rm rounding"
    " error; ours are nan with a reason",
    lambda c, q: (q[0] == "g" or q.startswith("d_rm")) and _two_patients(c),
)
differs(
    "every change has one sign, so r is 1 or −1 and Fisher's z is infinite: ours is nan,"
    " not_estimable",
    lambda c, q: "rank_biserial" in c.method and q.startswith("ci") and _one_sided(c),
)
differs(
    "treats before and after of the same patients as two independent groups; pairs stay together"
    " here",
    lambda c, q: c.method == "effectsize_cliffs_delta",
)
answers("effects", {"effectsize_cliffs_delta": ("Cliff's δ of pairs", "effectsize::cliffs_delta")})(
    unanswered
)


def _two_patients(case: Case) -> bool:
    rows = case.rows() if case.data.endswith(".csv") else []
    return len(rows) == 2 and "pre" in rows[0]


def _one_sided(case: Case) -> bool:
    before, after = pairs(case)
    return abs(rank_biserial(before, after).value) == 1


@answers(
    "effects",
    {
        "smd_paired": (
            "d_av, d_z, d_rm, d_b and Hedges' forms with intervals",
            "own formulas (Bonett 2008, noncentral t)",
        ),
        "effectsize_cohens_d_paired": (
            "d_z with noncentral t interval",
            "effectsize::cohens_d(paired = TRUE)",
        ),
        "effectsize_hedges_g_paired": ("g_z", "effectsize::hedges_g(paired = TRUE)"),
    },
)
def _standardised(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    found = dict(zip(Standardised, paired_effects(before, after), strict=True))
    got = {part.value: e.value for part, e in found.items()}
    for part in (Standardised.D_Z, Standardised.G_Z, Standardised.D_RM):
        e = found[part]
        got |= {f"{part.value}_ci95_low": e.low, f"{part.value}_ci95_high": e.high}
    z, average = found[Standardised.D_Z], found[Standardised.D_AV]
    got |= {
        "d_av_ci95_low_bonett": average.low,
        "d_av_ci95_high_bonett": average.high,
        "d_av_se_bonett": average.se,
    }
    narrow = paired_effects(before, after, interval="algina-keselman")[0]
    got |= {
        "d_av_ci95_low_ak": narrow.low,
        "d_av_ci95_high_ak": narrow.high,
        "d_rm_se": found[Standardised.D_RM].se,
    }
    got |= {"J_exact": hedges_j(len(before) - 1), "d_s_independent": average.value}
    return got | {
        "d": z.value,
        "ci95_low": z.low,
        "ci95_high": z.high,
        "g": found[Standardised.G_Z].value,
    }


@answers(
    "effects",
    {
        "metafor_MC": ("Mean change and its variance", 'metafor::escalc("MC")'),
        "metafor_SMCC": ("g_z for pooling", 'metafor::escalc("SMCC")'),
        "metafor_SMCR": ("g_b for pooling", 'metafor::escalc("SMCR")'),
        "metafor_SMCRH": ("g_b with unequal variances", 'metafor::escalc("SMCRH")'),
    },
)
def for_pooling(case: Case) -> dict[str, float]:
    """metafor's SMCRH as called there divides by the SD after: d_b with the visits swapped."""
    before, after = pairs(case)
    n, measure = len(before), case.method.removeprefix("metafor_")
    if measure == "MC":
        e = mean_change(before, after)
        return {"yi": e.value, "vi": e.se**2}
    if n == 2:
        g_z = paired_effects(before, after)[3]
        return {"yi": g_z.value, "vi": g_z.se}
    if measure == "SMCRH":
        e, j = chosen(paired_effects(after, before), part=Standardised.D_B)[0], hedges_j(n - 1)
        g = -e.value * j
        # metafor's variance has g where Bonett's has d, and shrinks by J squared
        return {"yi": g, "vi": j**2 * (e.se**2 - (e.value**2 - g**2) / (2 * (n - 1)))}
    standardiser = "change" if measure == "SMCC" else "before"
    sd = np.std(after - before, ddof=1) if standardiser == "change" else np.std(before, ddof=1)
    r = float(np.corrcoef(before, after)[0, 1])
    y, v = standardised_mean_change(
        after.mean() - before.mean(), sd=sd, n=n, r=r, standardiser=standardiser
    )
    return {"yi": float(np.ravel(y)[0]), "vi": float(np.ravel(v)[0])}


@answers(
    "effects",
    {
        "rank_biserial_paired": (
            "Matched rank-biserial correlation",
            "own (Kerby; Fisher z interval)",
        ),
        "effectsize_rank_biserial": (
            "Matched rank-biserial correlation",
            "effectsize::rank_biserial(paired = TRUE)",
        ),
        "r_from_z": ("r = Z/√n", "own"),
        "prob_superiority_paired": ("PS_dep: probability of being better after", "own"),
    },
)
def _ordinal(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    plain = rank_biserial(
        before, after, zeros="pratt" if "non-zero Pratt" in case.options else "wilcoxon"
    )
    got = {"r": plain.value, "ci95_low": plain.low, "ci95_high": plain.high}
    if "denominator = n(n+1)/2" in case.options:
        n, zero = len(before), int((np.round(after - before, 9) == 0).sum())
        got["r"] = rank_biserial(before, after, zeros="pratt").value * (
            1 - zero * (zero + 1) / (n * (n + 1))
        )
    dz = chosen(paired_effects(before, after), part=Standardised.D_Z)[0].value
    return got | {
        "r_nonzero_n": r_from_z(before, after).value,
        "r_all_pairs": r_from_z(before, after, pairs="all").value,
        "ps_post_lower": superiority(before, after, better="lower").value,
        "ps_post_higher": superiority(before, after, better="higher").value,
        "cles_parametric_post_lower": 0.5 * math.erfc(dz / math.sqrt(2)),
    }


@answers("effects", {"percent_change": ("Percent change, a summary only", "own")})
def percent(case: Case) -> dict[str, float]:
    """The reference counts a fall as positive; ours is after minus before."""
    before, after = pairs(case)
    of_means, mean, median, _, highest = (-e.value for e in percent_change(before, after))
    undefined = int((before == 0).sum())
    return {
        "n_undefined": undefined,
        "mean_individual": mean,
        "median_individual": median,
        "of_means": of_means,
        "min": highest,
    }
