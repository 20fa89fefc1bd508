"""Questions that compare groups: sentences, refusals, counts, and agreement with the kernels'
references.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.groups.means import d_ppc2
from outcomes.validation.cases import column
from tests.builders import MOOD, PAIN, two_visits
from tests.shared import reference_data, reference_rows

BEFORE = [7, 6, 8, 5, 9, 7, 8, 6, 7, 9, None, 6]
AFTER = [4, 3, 6, 4, 5, 6, 7, 6, 5, 8, 5, None]
ARM = ["ketamine"] * 5 + ["placebo"] * 5 + ["placebo", "ketamine"]
SITE = list("AABBABABABAB")


def trial(
    before=BEFORE, after=AFTER, arm=ARM, *, design="parallel", outcome=PAIN, **columns
) -> oc.Study:
    ids = [f"p{i + 1:03d}" for i in range(len(before))]
    patients = pd.DataFrame({"patient": ids, "arm": arm, **columns})
    return two_visits(before, after, outcome=outcome, patients=patients, design=design)


def routes(**more) -> oc.Study:
    route = ["IV", "IV", "IV", "IV", "oral", "oral", "oral", "oral", "IN", "IN", "IN", "IN"]
    return trial(arm=ARM, design="routes", route=route, **more)


VISITS = {"before": "baseline", "after": "week_4"}


def test_ancova_says_the_difference_its_interval_and_who():
    result = oc.ANCOVA("pain", **VISITS).run(trial())
    assert (
        result.sentence()
        == "Adjusted for the score at baseline, mean average pain (NRS) at week 4 was 4.5 with"
        " ketamine and 6.3 with placebo (adjusted difference −1.8 points, 95% CI, −3.0 to −0.5;"
        " t(7)=−3.3, P=.01; ANCOVA; n=5 placebo, 5 ketamine of 12 enrolled; lower is better)."
    )
    assert "t(7) = −3.30, p = .013" in result.sentence("apa")
    assert result.counts.left_out == (("no score at baseline", 1), ("no score at week 4", 1))
    assert not any("not randomised" in n for n in result.notes)
    assert not any("No control group" in n for n in result.notes)


def test_ancova_of_routes_never_sounds_like_an_effect():
    result = oc.ANCOVA("pain", by="route", reference="IV", pairwise="holm", **VISITS).run(routes())
    text = result.sentence()
    assert "Holm P" in text
    assert text.endswith("Groups by route were not randomised.")
    assert any("Lord's paradox" in n for n in result.notes)
    assert [e.name for e in result.estimates[:2]] == ["groups differ", "adjusted difference"]
    assert not any(
        w in text for w in ("superior", "reduced", "effect", "better than", "no difference")
    )


def test_overlap_before_is_noted_with_its_size():
    result = oc.ANCOVA("pain", **VISITS).run(trial(before=[9, 9, 8, 8, 9, 4, 5, 4, 6, 5, 5, 9]))
    notes = [n for n in result.notes if "differ by" in n]
    assert len(notes) == 1
    assert "SD (ketamine minus placebo), more than 0.25" in notes[0]


def test_covariates_and_site_enter_and_the_missing_are_counted():
    age = [50, 61, 47, 39, 58, None, 60, 44, 52, 66, 71, 39]
    result = oc.ANCOVA("pain", covariates=("age",), site=True, se="HC3", **VISITS).run(
        trial(age=age, site=SITE)
    )
    assert ("no age recorded", 1) in result.counts.left_out
    assert "Adjusted for the score at baseline, age and site" in result.sentence()
    assert "HC3 standard errors" in result.sentence()
    assert result.analysis.methods_text().endswith(".")


def test_a_site_that_is_the_arm_is_not_told_apart():
    result = oc.ANCOVA("pain", site=True, **VISITS).run(trial(site=ARM))
    e = result["adjusted difference"]
    assert math.isnan(e.value)
    assert e.reason == "not_estimable"
    assert "site placebo" in " ".join(result.notes)
    assert result.sentence()


def test_hc3_the_baseline_sd_and_the_unadjusted_change_stand_beside_it():
    study = trial()
    a = oc.ANCOVA("pain", **VISITS).run(study)
    t = oc.WelchT("pain", **VISITS).run(study)
    assert a["difference in change"].value == t["mean difference"].value
    sd = study.wide("pain")["baseline"].std()
    assert a["standardised difference"].value == pytest.approx(a["adjusted difference"].value / sd)
    assert (
        oc.ANCOVA("pain", se="HC3", **VISITS).run(study)["adjusted difference"].value
        == a["adjusted difference"].value
    )


def test_welch_of_changes_has_the_effect_in_sds_before():
    study = trial()
    found = oc.WelchT("pain", **VISITS).run(study)["d_ppc2 | ketamine - placebo"]
    pairs = {arm: study.where(arm=arm).pairs("pain", **VISITS) for arm in ("ketamine", "placebo")}
    wanted = d_ppc2(*(x for arm in pairs for x in (pairs[arm].before, pairs[arm].after)))
    assert (found.value, found.low, found.unit) == (wanted.value, wanted.low, "SD")
    assert not [
        e for e in oc.WelchT("pain", after="week_4").run(study).estimates if e.name == "d_ppc2"
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 10), st.integers(0, 10), st.booleans()), min_size=4, max_size=25
    ),
    st.integers(-3, 3),
)
@settings(deadline=None, max_examples=40)
def test_shifting_all_scores_leaves_every_comparison_alone(rows, shift):
    before, after, arm = (np.array(x) for x in zip(*rows))
    arm = np.where(arm, "K", "P")
    if len(set(arm)) < 2:
        return
    for question in (
        oc.ANCOVA("pain", **VISITS),
        oc.WelchT("pain", **VISITS),
        oc.MannWhitney("pain", **VISITS),
    ):
        a = question.run(trial(before.astype(float), after.astype(float), arm)).estimates[0]
        b = question.run(trial(before + float(shift), after + float(shift), arm)).estimates[0]
        assert a.value == pytest.approx(b.value, nan_ok=True, abs=1e-8)
        assert a.p == pytest.approx(b.p, nan_ok=True, abs=1e-8)


def test_the_reference_is_placebo_or_what_is_asked_for():
    assert oc.WelchT("pain", **VISITS).run(trial())["mean difference"].group == "ketamine - placebo"
    turned = oc.WelchT("pain", reference="ketamine", **VISITS).run(trial())["mean difference"]
    assert turned.group == "placebo - ketamine"
    with pytest.raises(AnalysisError, match=r"No arm 'saline'. There is: ketamine, placebo"):
        oc.WelchT("pain", reference="saline", **VISITS).run(trial())
    with pytest.raises(AnalysisError, match="needs two groups; there is only ketamine"):
        oc.WelchT("pain", **VISITS).run(trial(arm=["ketamine"] * 12))
    with pytest.raises(AnalysisError, match="Declare it"):
        oc.WelchT("pain", by="route", **VISITS).run(trial())


def test_a_two_group_question_of_three_groups_says_what_to_ask():
    for question, instead in ((oc.WelchT, "GamesHowell"), (oc.MannWhitney, "KruskalWallis")):
        with pytest.raises(AnalysisError, match=f"by route there are 3: .* Ask {instead}"):
            question("pain", by="route", **VISITS).run(routes())


def test_welch_sentence():
    assert (
        oc.WelchT("pain", **VISITS).run(trial()).sentence()
        == "The mean change in average pain (NRS) from baseline to week 4 was −2.6 with ketamine"
        " and −1.0 with placebo (difference −1.6, 95% CI, −3.0 to −0.2; t(6.7)=−2.7, P=.03,"
        " Welch; n=5 placebo, 5 ketamine of 12 enrolled; lower is better)."
    )


def test_mann_whitney_sentence():
    assert (
        oc.MannWhitney("pain", **VISITS).run(trial()).sentence()
        == "The shift in change in average pain (NRS) from baseline to week 4 was −2.0 points for"
        " ketamine minus placebo (Hodges-Lehmann; 95% CI, −3.0 to 0.0, achieved level 96.8%;"
        " Mann-Whitney, exact, mid-ranks: U=3.0, P=.07; Cliff's delta −0.76 (95% CI, −0.95 to"
        " −0.14); n=5 placebo, 5 ketamine of 12 enrolled; lower is better)."
    )


def test_games_howell_and_kruskal_sentences():
    text = oc.GamesHowell("pain", by="route", reference="IV", **VISITS).run(routes()).sentence()
    assert text.startswith(
        "Mean change in average pain (NRS) from baseline to week 4 by route (Welch's P="
    )
    assert text.count("Games-Howell P") == 3
    text = oc.KruskalWallis("pain", by="route", **VISITS).run(routes()).sentence()
    assert "H(2)=" in text and "Pairs (Dunn, Holm-adjusted)" in text


def test_change_by_arm_has_no_p_within_an_arm_and_the_contrast_first():
    result = oc.ChangeByArm("pain", **VISITS).run(trial())
    assert result.estimates[0].name == "difference in change"
    within = [e for e in result.estimates if e.name == "mean change"]
    assert len(within) == 2
    assert all(
        math.isnan(e.p) and math.isnan(e.statistic) and not math.isnan(e.low) for e in within
    )
    assert (
        result.sentence()
        == "Mean change in average pain (NRS) from baseline to week 4 was −1.0 (95% CI, −1.9 to"
        " −0.1) with placebo and −2.6 (95% CI, −4.0 to −1.2) with ketamine; the comparison is"
        " the difference between groups: ketamine minus placebo −1.6 (95% CI, −3.0 to −0.2;"
        " t(6.7)=−2.7, P=.03, Welch) (n=5 placebo, 5 ketamine of 12 enrolled; lower is better)."
    )
    assert result.sentence().count("P=") == 1


def test_an_interaction_has_one_p_value():
    result = oc.Interaction("pain", subgroup="site", **VISITS).run(trial(site=SITE))
    assert [e.name for e in result.estimates] == ["interaction", *["ketamine - placebo"] * 2]
    assert sum(not math.isnan(e.p) for e in result.estimates) == 1
    assert "interaction P" in result.sentence()
    assert list(result.data["forest"]["label"]) == ["site: A (n=5)", "site: B (n=5)"]
    with pytest.raises(AnalysisError, match="Make bands"):
        oc.Interaction("pain", subgroup="age", **VISITS).run(trial(age=range(12)))


def test_higher_is_better_where_the_instrument_says_so():
    study = trial(outcome=MOOD)
    assert "higher is better" in oc.ANCOVA("mood", **VISITS).run(study).sentence()


def test_unknown_options_are_answered_with_what_there_is():
    with pytest.raises(AnalysisError, match=r"No se 'HC9'. There is: classical, HC2, HC3"):
        oc.ANCOVA("pain", se="HC9", **VISITS)
    with pytest.raises(AnalysisError, match="No pairwise 'bonferroni'"):
        oc.ANCOVA("pain", pairwise="bonferroni", **VISITS)


KINDS = (oc.ANCOVA, oc.WelchT, oc.MannWhitney, oc.GamesHowell, oc.KruskalWallis, oc.ChangeByArm)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([7, 6, 8, 5], [7, 6, 8, 5]),
        ([5, 5, 5, 5], [3, 3, 3, 3]),
        ([7, None, 8, None], [5, 4, 3, 2]),
    ],
)
def test_degenerate_trials_give_nan_with_a_reason_and_a_sentence(kind, before, after):
    result = kind("pain", **VISITS).run(trial(before, after, ["K", "K", "P", "P"]))
    assert result.sentence()
    for e in result.estimates:
        if math.isnan(e.value) or (not math.isnan(e.p) and e.p == 0):
            assert e.reason, e


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([None] * 4, [1, 2, 3, 4], "No patient of 4 has average pain"),
        ([7, 6, 8, 5], [None, None, 3, 2], "Only patients with P have average pain"),
    ],
)
@pytest.mark.parametrize("kind", [oc.ANCOVA, oc.WelchT, oc.KruskalWallis, oc.CompareResponders])
def test_a_comparison_without_two_groups_to_compare_is_refused_in_words(kind, before, after, said):
    with pytest.raises(AnalysisError, match=said):
        kind("pain", **VISITS).run(trial(before, after, ["K", "K", "P", "P"]))


CASE = {("ancova_routes_adj", "ancova"), ("ancova_routes_adj", "ancova_r")}


@pytest.mark.parametrize("se", ["classical", "HC3"])
def test_the_question_gives_the_reference_of_the_kernel(se):
    rows = {
        r["quantity"]: float(r["value"])
        for r in reference_rows()
        if (r["case_id"], r["method"][:8]) in CASE
    }
    data = reference_data("grp_routes_n096.csv")
    columns = {c: column(data, c) for c in ("age", "neuropathic")}
    more = {"route": [r["route"] for r in data], "site": [r["site"] for r in data]}
    study = trial(
        column(data, "pre"),
        column(data, "post"),
        ["x"] * 48 + ["y"] * 48,
        design="routes",
        **columns,
        **more,
    )
    question = oc.ANCOVA(
        "pain",
        by="route",
        reference="IV",
        covariates=("age", "neuropathic"),
        site=True,
        se=se,
        **VISITS,
    )
    e = question.run(study)["adjusted difference | PO - IV"]
    assert e.value == pytest.approx(rows["post_:gPO_est"], rel=1e-9)
    assert e.se == pytest.approx(
        rows["post_:gPO_se" if se == "classical" else "gPO_HC3_se"], rel=1e-9
    )
