"""What users read: one way to say a difference, the true name of an adjustment, no effect claimed
where chance did not decide.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.stats.mixed.reml import NotConverged
from outcomes.study.study import Study
from tests.analyses.test_longitudinal import study as followed
from tests.builders import PAIN, two_visits

ARMS = ("ketamine", "placebo")


def sites(design: str = "parallel") -> Study:
    rng = np.random.default_rng(1)
    n = 48
    wide = pd.DataFrame(
        {
            "patient": range(n),
            "site": np.arange(n) // 12,
            "arm": np.tile(ARMS, n // 2),
            "route": np.tile(("IV", "oral"), n // 2),
            "w0": rng.normal(7, 1, n),
            "w4": rng.normal(5, 1, n),
        }
    )
    scores = wide.melt(["patient", "site", "arm", "route"], var_name="visit", value_name="pain")
    return Study(scores, visits=("w0", "w4"), design=design, measures={"pain": PAIN})


COMPARISONS = (
    oc.MMRM("pain"),
    oc.CLDA("pain"),
    oc.ReferenceBased("pain"),
    oc.SlopeModel("pain", times=(0, 1, 4, 12), by="arm"),
)


@pytest.mark.parametrize("question", COMPARISONS, ids=lambda q: type(q).__name__)
def test_a_difference_is_minus_in_words_and_nobody_says_effect_of_chosen_groups(question):
    trial = followed()
    said = question.run(trial)
    assert "ketamine minus placebo" in said.sentence() and " - " not in said.sentence()
    assert not any("not randomised" in text for text in (*said.notes, said.sentence()))
    chosen = question.run(dataclasses.replace(trial, design="routes"))
    assert chosen.sentence().endswith("Groups by arm were not randomised.")
    assert any("chance did not decide" in note for note in chosen.notes)


def test_sites_too():
    question = oc.OneStageSites("pain", before="w0", after="w4")
    said, chosen = question.run(sites()), dataclasses.replace(question, by="route").run(sites())
    assert "ketamine minus placebo" in said.sentence() and "not randomised" not in said.sentence()
    assert "oral minus IV" in chosen.sentence() and chosen.sentence().endswith(
        "Groups by route were not randomised."
    )


def test_a_slope_of_each_arm_is_a_comparison_and_one_of_all_is_none():
    trial = followed()
    notes = [
        oc.SlopeModel("pain", times=(0, 1, 4, 12), by=by).run(trial).notes for by in ("arm", "")
    ]
    assert [any("counted together" in n for n in found) for found in notes] == [False, True]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("holm", "Holm P"),
        ("BH", "Benjamini-Hochberg P"),
        ("bonferroni", "Bonferroni P"),
        ("none", ""),
    ],
)
def test_a_sentence_names_what_adjusted_its_p(how, said):
    cohort = followed(arms=False, seed=4)
    asked = (
        oc.CohortModel("pain", family="f"),
        oc.PairedT("pain", before="baseline", after="week_4", family="f"),
    )
    model = oc.Plan(*asked, families={"f": how}).run(cohort)[0]
    text, note = model.sentence(), " ".join(model.notes)
    assert ("in the family f" in text) == ("in the family f" in note) == bool(said)
    assert said in text
    assert how == "holm" or "Holm P" not in text
    alone = oc.CohortModel("pain", family="f").run(cohort)
    assert (
        "over the 3 visits" in alone.sentence()
        and "Adjusted P values: Holm over the 3 visits." in alone.notes
    )


def test_a_p_of_a_standardised_change_is_not_adjusted_where_it_has_none():
    model = oc.CohortModel("pain").run(followed(arms=False))
    assert np.isnan(
        [e.p_adjusted for e in model.estimates if e.name.startswith("standardised")]
    ).all()


def test_a_visit_at_which_nobody_was_asked_is_no_visit_of_the_model():
    cohort = followed(arms=False)
    scores = cohort.scores.assign(
        pain=cohort.scores["pain"].mask(cohort.scores["visit"] == "week_1")
    )
    model = oc.CohortModel("pain").run(dataclasses.replace(cohort, scores=scores))
    assert model.detail.visits == ("baseline", "week_4", "week_12")
    assert "unstructured" in model.model.how
    assert not any("tried" in note for note in model.notes)


def test_a_model_that_cannot_be_fitted_says_so_in_a_short_line():
    level = two_visits([5.0, 5, 5, 5], [5.0, 5, 5, 5])
    with pytest.raises(NotConverged) as found:
        oc.CohortModel("pain").run(level)
    assert len(str(found.value)) < 200 and str(found.value).count("residuals are zero") == 1


def test_covariances_that_were_left_stand_in_one_note():
    cohort = followed(arms=False)
    late = cohort.scores["visit"].isin(["week_1"]) & (cohort.scores["patient"] != "p001")
    cohort = dataclasses.replace(
        cohort, scores=cohort.scores.assign(pain=cohort.scores["pain"].mask(late))
    )
    notes = [n for n in oc.CohortModel("pain").run(cohort).notes if "tried" in n]
    assert len(notes) == 1
    assert "unstructured, heterogeneous" in notes[0]
    assert notes[0].endswith(
        "Only one patient has a score at week 1, so its variance is not determined."
    )


VISITS = {"before": "baseline", "after": "week_4"}
UNCLEAR = ([7, 6, 8, 5, 9, 6], [6, 7, 7, 6, 7, 6])
CLEAR = ([7, 6, 8, 5, 9, 6, 7], [5, 5, 6, 4, 6, 4, 6])


@pytest.mark.parametrize("kind", [oc.PairedT, oc.SignedRank, oc.SignFlip])
def test_a_direction_is_claimed_only_where_the_data_show_one(kind):
    unclear, clear = (
        kind("pain", **VISITS).run(two_visits(*data)).sentence() for data in (UNCLEAR, CLEAR)
    )
    assert "the direction of the change is not clear" in unclear and "improved" not in unclear
    assert "scores improved" in clear and "not clear" not in clear


def test_a_model_says_so_too():
    rng = np.random.default_rng(5)
    cohort = followed(arms=False)
    still = cohort.scores.assign(pain=rng.normal(6, 1, len(cohort.scores)))
    said = [
        oc.CohortModel("pain").run(s).sentence()
        for s in (cohort, dataclasses.replace(cohort, scores=still))
    ]
    assert said[0].endswith("scores improved on average.")
    assert said[1].endswith("the direction of the change is not clear.")


def test_pairs_and_their_floor():
    rows = [("p1", k + 1, arm, y) for k, (arm, y) in enumerate(zip("KP", (4.0, 7.0)))]
    study = Study(
        pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"]),
        design="n-of-1",
        measures={"pain": PAIN},
    )
    result = oc.NOf1("pain", reference="P").run(study)
    assert result["randomisation test"].how.endswith("; 1 pair cannot reach P<.05")
    assert (
        "exact within-pair randomisation test, P>.99; 1 pair cannot reach P<.05; 1 of 1 patient had"
        in result.sentence()
    )


def test_no_how_begins_with_a_comma():
    for answer in (
        oc.PairedT("pain", **VISITS).run(two_visits(*data))
        for data in (([7], [5]), ([5, 5], [5, 5]), UNCLEAR)
    ):
        assert [e.how for e in answer.estimates if e.how.startswith(",")] == []


def test_a_reference_based_question_of_one_arm_is_refused_in_words():
    trial = followed()
    one = dataclasses.replace(trial, scores=trial.scores.assign(arm="ketamine"))
    assert "needs two groups" in oc.Plan(oc.ReferenceBased("pain")).run(one)[0].failed


def test_nothing_imputed_is_said_as_such():
    whole = followed(dropout=0.0)
    for question in (
        oc.Imputed(oc.ANCOVA("pain", before="baseline", after="week_4"), draws=5),
        oc.ReferenceBased("pain"),
    ):
        assert "No score was missing: nothing was imputed." in question.run(whole).notes


def test_questions_side_by_side_that_have_no_test_do_not_agree_in_a_verdict():
    said = oc.SideBySide((oc.PairedT("pain", **VISITS), oc.PairedT("pain", **VISITS, level=0.9)))
    assert "none has a test" in said.run(two_visits([7], [5])).sentence()
    assert "90% CI" in said.run(two_visits(*CLEAR)).sentence()


def test_a_score_that_was_never_asked_before_has_no_change():
    study = two_visits([7, 6, 8], [5, 4, 6])
    scores = study.scores.assign(pgic=[np.nan] * 3 + [1.0, 2, 3])
    both = dataclasses.replace(
        study,
        scores=scores,
        measures={**study.measures, "pgic": oc.Outcome("pgic", "PGIC", "lower")},
    )
    names = [(e.name, e.group) for e in oc.Describe().run(both).estimates]
    assert ("mean", "PGIC") in names and ("mean change", "PGIC") not in names


def test_the_methods_of_a_score_that_has_no_before_do_not_speak_of_both():
    assert (
        "both scores" not in oc.Responders("pain", after="week_4", rules=("<= 2",)).methods_text()
    )
