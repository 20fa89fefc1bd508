"""Write docs/parity.md: every method beside the R function it equals, where we differ on purpose,
and the traps.

Run: .venv/bin/python -m tests.reference.make_parity   (with every data set: tests/reference/README.md)
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from outcomes.validation.cases import compare, methods
from outcomes.validation.verdict import Line, bucket, lines
from tests.shared import absent, reference_cases

TARGET = Path(__file__).resolve().parents[2] / "docs/parity.md"

#: Where a whole question differs on purpose: what, why, how many values, and the test that has both.
WHOLE_QUESTIONS = (
    (
        "One-stage model of sites, a variance between sites of zero",
        "a variance of zero leaves the model here, so that the degrees of freedom are those without"
        " sites (77); pbkrtest 0.5.2 keeps its term (70.0, with a standard error 4e-05 larger)",
        2,
        "test_multisite.py::test_a_variance_of_zero_leaves_the_model_and_its_degrees_of_freedom",
    ),
)

#: Traps of the Python stack (scipy 1.17.1, statsmodels 0.15.0, pingouin 0.7.0) and of R, and the
#: tests that show we do not fall in: number → (what happens elsewhere, files and functions).
TRAPS: dict[int, tuple[str, tuple[tuple[str, str], ...]]] = {
    1: (
        (
            "scipy's exact signed-rank with Pratt's zeros is wrong: eight zero differences give p ="
            " .0078"
        ),
        (("traps_paired", "test_1_pratt_with_zeros_is_the_permutation_distribution"),),
    ),
    2: (
        (
            "scipy's signed-rank leaves exactness at ties and zeros, for a normal without"
            " continuity or an untied table"
        ),
        (("traps_paired", "test_2_ties_and_zeros_stay_exact_at_every_clinical_n"),),
    ),
    3: (
        "binary noise breaks the ties of one-decimal scores",
        (
            ("traps_paired", "test_3_decimals_tie_as_decimals"),
            ("traps_paired", "test_3_on_the_reference_data"),
        ),
    ),
    4: (
        "scipy's ttest_rel gives p = 0 for a constant change",
        (("traps_paired", "test_4_a_constant_change_is_not_infinitely_significant"),),
    ),
    5: (
        "scipy's noncentral t is nan in far tails, so limits of d crash",
        (("traps_paired", "test_5_noncentral_t_has_no_undefined_tails"),),
    ),
    6: (
        (
            "scipy's Mann–Whitney is asymptotic or untied where scores tie; its r × c Fisher draws"
            " random tables"
        ),
        (
            ("traps_groups", "test_6_mann_whitney_is_exact_although_nrs_scores_tie"),
            ("traps_proportions", "test_freeman_halton_is_exact_where_scipy_samples"),
        ),
    ),
    7: (
        "scipy's Fisher gives the sample odds ratio, R the conditional one",
        (("traps_proportions", "test_fisher_gives_the_conditional_odds_ratio"),),
    ),
    8: (
        "statsmodels' McNemar gives p = 0 without discordant pairs, and corrects below zero",
        (
            ("traps_proportions", "test_mcnemar_without_discordant_pairs_is_one"),
            ("traps_proportions", "test_mcnemar_continuity_does_not_go_below_zero"),
        ),
    ),
    9: (
        (
            "statsmodels' score interval of a risk difference raises for small tables and is off in"
            " others"
        ),
        (
            ("traps_proportions", "test_miettinen_nurminen_satisfies_the_score_equation"),
            ("traps_proportions", "test_miettinen_nurminen_where_statsmodels_is_off"),
        ),
    ),
    10: (
        (
            "statsmodels' pooling lets the variance between sites be negative; no REML, no"
            " prediction interval"
        ),
        (
            (
                "traps_models",
                "test_10_the_variance_between_sites_is_never_negative_and_reml_is_there",
            ),
            ("pooling", "test_tau_squared_is_never_negative"),
        ),
    ),
    11: (
        (
            "statsmodels' mixed model judges ten patients by the normal; no Satterthwaite,"
            " Kenward–Roger or MMRM"
        ),
        (
            ("traps_models", "test_11_a_mixed_model_of_ten_patients_is_judged_by_t_not_z"),
            ("reml", "test_two_visits_are_the_paired_t_test"),
        ),
    ),
    12: (
        (
            "statsmodels' AnovaRM has no sphericity correction; its type III with treatment coding"
            " tests another hypothesis"
        ),
        (
            ("traps_groups", "test_12_the_p_of_rm_anova_is_corrected_for_sphericity"),
            ("traps_groups", "test_12_type_three_asks_about_the_unweighted_mean"),
        ),
    ),
    13: (
        (
            "statsmodels' imputation has no Barnard–Rubin df, its multipletests counts nan, its"
            " Logit has Wald limits only"
        ),
        (
            ("traps_models", "test_13_imputed_estimates_have_barnard_rubin_degrees_of_freedom"),
            ("multiplicity", "test_an_undefined_p_stays_undefined_and_does_not_count"),
            ("traps_proportions", "test_profile_limits_not_wald"),
        ),
    ),
    14: (
        (
            "pingouin's paired d is unsigned, its Hedges factor and CLES ignore the pairs, its"
            " mixed ANOVA is not type III, its Bayes factor is a string, its RM-ANOVA drops"
            " patients without a word"
        ),
        (
            ("traps_paired", "test_14_effect_sizes_are_signed_named_and_paired"),
            ("traps_groups", "test_14_mixed_anova_is_type_three_with_unequal_groups"),
            ("traps_groups", "test_14_listwise_deletion_is_counted_out_loud"),
            ("traps_models", "test_14_a_bayes_factor_is_a_number"),
        ),
    ),
    15: (
        (
            "the median of a Kaplan–Meier curve on a flat step is the middle of the step in R, an"
            " end of it elsewhere"
        ),
        (("traps_groups", "test_15_a_median_on_a_flat_step_is_the_middle_of_the_step"),),
    ),
    16: (
        (
            "R itself: effectsize's rank-biserial is +1 where everybody fell; mmrm's Kenward–Roger"
            " is not SAS's"
        ),
        (
            (
                "traps_models",
                "test_16_ranks_of_a_constant_fall_say_fall_and_no_change_says_nothing",
            ),
            ("traps_models", "test_16_kenward_roger_of_two_visits_is_the_paired_t_test"),
        ),
    ),
}

HEAD = """# Our numbers beside R's

This page sets our numbers beside R's, method by method. It is made by `python -m tests.reference.make_parity`; do not edit it.

{compared:,} reference values of {methods} methods, computed with R 4.2.2 (packages named below) or with formulas and
engines written in R for this battery ("own"), are compared with our kernels; every one keeps its tolerance. {apart}
further values are set apart on purpose: the reasons stand below the tables. `outcomes selftest` repeats part of the
comparison on your machine, without R and without network.

*Worst* is the largest relative disagreement among the values of the method (absolute for numbers below 1e-12), as the
power of ten it stays below; *allowed* is the tolerance of that value. Where a worst is far above its neighbours', R's
optimiser or root finder stopped early: `mmrm` at its default stop (5e-3), `confint.glm` (interpolates, 1e-3),
`effectsize` (limits, 1e-4). The same quantities are held to 1e-7 or better in the rows "own REML engine" and "exact
roots".
"""


def table(found: list[Line]) -> list[str]:
    """One area."""
    out = [
        f"\n## {found[0].area}\n",
        "| method | equals | values | worst | allowed |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for x in found:
        by = f" ({', '.join(x.packages)})" if x.packages else ""
        if x.compared:
            numbers = f"{x.compared} | {bucket(x.worst)} | {x.allowed:.0e}"
        else:
            numbers = "0 | set apart | "
        out.append(f"| {x.title} | {x.r.replace('*', chr(92) + '*')}{by} | {numbers} |")
    return out


def differences() -> list[str]:
    """What is set apart or held to a looser tolerance, with the reason and how many values it
    concerns.
    """
    counted: dict[tuple[str, str], int] = defaultdict(int)
    names: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for case in reference_cases():
        for c in compare(case):
            if c.declared:
                key = (
                    c.declared.reason,
                    "set apart" if not c.compared else f"compared at {c.declared.rtol:.0e}",
                )
                counted[key] += 1
                names[key][methods()[case.method].title] = None
    out = [
        "\n## Where we differ on purpose, and why\n",
        "| what | why | values | then |",
        "| --- | --- | ---: | --- |",
    ]
    for key, n in sorted(counted.items(), key=lambda kv: -kv[1]):
        out.append(f"| {'; '.join(names[key])} | {key[0]} | {n} | {key[1]} |")
    out += [f"| {what} | {why} | {n} | `{test}` |" for what, why, n, test in WHOLE_QUESTIONS]
    return out


def traps() -> list[str]:
    """Each known trap with the tests that show we do not fall in."""
    out = [
        "\n## Traps, each with its test\n",
        "| no. | what happens elsewhere | test in `tests/stats/` |",
        "| ---: | --- | --- |",
    ]
    for i, (words, tests) in TRAPS.items():
        out.append(
            f"| {i} | {words} |"
            f" {'<br>'.join(f'`test_{file}.py::{name}`' for file, name in tests)} |"
        )
    return out


def page() -> str:
    """The whole page."""
    found = lines(reference_cases())
    compared, apart = sum(x.compared for x in found), sum(x.apart for x in found)
    out = [HEAD.format(compared=compared, methods=sum(x.compared > 0 for x in found), apart=apart)]
    for area in dict.fromkeys(x.area for x in found):
        out += table([x for x in found if x.area == area])
    return "\n".join(out + differences() + traps()) + "\n"


if __name__ == "__main__":
    if missing := sorted({c.data for c in reference_cases() if absent(c)}):
        raise SystemExit(
            f"The page is made with every data set; absent: {', '.join(missing)}. See"
            " tests/reference/README.md."
        )
    TARGET.write_text(page(), encoding="utf-8")
    print(f"{TARGET.name} written")
