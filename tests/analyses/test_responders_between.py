"""Responders between arms: published figures, both denominators, adjustment, separation, refusals,
sentences.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.outcome import Outcome
from outcomes.stats.proportions.two_groups import risk_difference
from tests.builders import two_visits
from tests.shared import PUBLISHED

VISITS = {"before": "baseline", "after": "week_4"}


def trial(counts, *, missing=(0, 0), design="parallel", **columns):
    """ketamine and placebo with (responders, others); responders fall from 8 to 2, others stay;
    `missing` have no score after.
    """
    after, arm = [], []
    for name, (yes, no), lost in zip(("ketamine", "placebo"), counts, missing, strict=True):
        after += [2.0] * yes + [8.0] * no + [None] * lost
        arm += [name] * (yes + no + lost)
    ids = [f"p{i + 1:03d}" for i in range(len(arm))]
    patients = pd.DataFrame({"patient": ids, "arm": arm, **columns})
    return two_visits([8.0] * len(arm), after, patients=patients, design=design)


def ask(study, **more):
    return oc.CompareResponders("pain", **VISITS, rules=("30%",), **more).run(study)


def test_both_denominators_and_every_effect():
    result = ask(trial([(12, 18), (5, 25)], missing=(2, 3)))
    seen, everybody = (
        result[f"risk difference ≥30%, {who}"]
        for who in ("of patients with both scores", "missing as non-response")
    )
    assert_allclose((seen.value, everybody.value), (12 / 30 - 5 / 30, 12 / 32 - 5 / 33))
    expected = risk_difference((12, 30), (5, 30))
    assert (seen.low, seen.high) == (expected.low, expected.high)
    assert_allclose(result["risk ratio ≥30%, of patients with both scores"].value, 2.4)
    assert_allclose(
        result["number needed to treat ≥30%, of patients with both scores"].value, 30 / 7
    )
    assert (result.counts.enrolled, result.counts.analysed) == (65, 60)
    assert (
        "Wilson score interval; 12 of 32"
        in result["share ≥30%, missing as non-response | ketamine"].how
    )


def test_the_sentence_names_test_denominators_and_both_answers():
    result = ask(trial([(12, 18), (5, 25)], missing=(2, 3)))
    assert (
        result.sentence()
        == "Of patients with both scores, an improvement of at least 30% in average pain (NRS) was"
        " seen in 12 of 30 (40%) with ketamine and 5 of 30 (17%) with placebo (risk difference"
        " 23 percentage points; 95% CI, 0 to 44; P=.08, Fisher's exact test). With missing"
        " scores as non-response: 12 of 32 (38%) with ketamine and 5 of 33 (15%) with placebo"
        " (risk difference 22 percentage points; 95% CI, 1 to 43; P=.051, Fisher's exact test)."
        " Scores and arm were known in 60 of 65 enrolled."
    )
    assert "p = .084" in result.sentence("apa")


def test_the_test_asked_for_is_the_test_done():
    study = trial([(8, 4), (3, 9)])
    name = "risk difference ≥30%, of patients with both scores"
    p = {t: ask(study, test=t)[name].p for t in ("fisher", "boschloo", "barnard", "chi-squared")}
    assert round(p["fisher"], 4) == 0.0995
    assert p["chi-squared"] < p["boschloo"] < p["fisher"]
    assert "Newcombe" in ask(study, interval="newcombe")[name].how


def test_number_needed_that_runs_through_infinity_is_said_in_a_note():
    result = ask(trial([(10, 30), (9, 31)]))
    assert any("NNTB 4.7 to ∞ to NNTH 6.1" in n for n in result.notes)
    assert math.isnan(result["number needed to treat ≥30%, of patients with both scores"].low)


def test_adjusted_without_imbalance_is_near_the_plain_difference_and_more_precise():
    rng = np.random.default_rng(5)
    n = 400
    before = rng.normal(6, 1.2, n)
    arm = np.repeat(["ketamine", "placebo"], n // 2)
    respond = rng.random(n) < 1 / (
        1 + np.exp(-(-1.4 + 1.0 * (arm == "ketamine") - 1.8 * (before - 6)))
    )
    after = np.where(respond, before * 0.4, before)
    patients = pd.DataFrame(
        {
            "patient": [f"p{i + 1:03d}" for i in range(n)],
            "arm": arm,
            "site": np.tile(["A", "B"], n // 2),
        }
    )
    study = two_visits(list(before), list(after), patients=patients, design="parallel")
    result = ask(study, adjust=("before", "site"), reference="placebo")
    plain, adjusted = (
        result[f"{k} ≥30%, of patients with both scores"]
        for k in ("risk difference", "adjusted risk difference")
    )
    assert abs(plain.value - adjusted.value) < 0.05
    assert adjusted.se < plain.se
    assert "adjusted for score at baseline and site; n=400" in adjusted.how
    assert "; adjusted " in result.sentence()


def test_separation_is_said_and_firth_offered_only_on_request():
    study = trial([(10, 0), (0, 10)], site=["A", "B"] * 10)
    result = ask(study, adjust=("site",))
    e = result["adjusted risk difference ≥30%, of patients with both scores"]
    assert e.reason == "separation" and math.isnan(e.value)
    assert any("penalised=True" in n for n in result.notes)
    assert "not adjusted: the groups are perfectly separated" in result.sentence()
    firth = ask(study, adjust=("site",), penalised=True)[
        "adjusted odds ratio ≥30%, of patients with both scores"
    ]
    assert 1 < firth.value < math.inf and firth.low > 1


def test_three_routes_each_against_the_reference_and_said_to_be_chosen():
    patients = pd.DataFrame(
        {
            "patient": [f"p{i + 1:03d}" for i in range(9)],
            "route": ["IV"] * 3 + ["oral"] * 3 + ["nasal"] * 3,
        }
    )
    study = two_visits([8] * 9, [2, 2, 8, 8, 8, 2, 2, 2, 2], patients=patients, design="routes")
    result = ask(study, by="route", reference="IV")
    assert result[
        "risk difference ≥30%, of patients with both scores | nasal - IV"
    ].value == pytest.approx(1 / 3)
    assert "Groups by route were not randomised." in result.sentence()
    assert "better" not in result.sentence()


def test_pgic_needs_no_visit_before():
    pgic = Outcome("pgic", "PGIC", "lower", "", 1, 7, 1)
    patients = pd.DataFrame(
        {"patient": [f"p{i + 1:03d}" for i in range(6)], "arm": ["ketamine"] * 3 + ["placebo"] * 3}
    )
    study = two_visits(
        [None] * 6, [1, 2, 4, 5, None, 2], outcome=pgic, patients=patients, design="parallel"
    )
    result = oc.CompareResponders("pgic", after="week_4", rules=("<= 2",)).run(study)
    assert_allclose(
        result["risk difference score ≤2, of patients with the score"].value, 2 / 3 - 1 / 2
    )
    assert_allclose(
        result["risk difference score ≤2, missing as non-response"].value, 2 / 3 - 1 / 3
    )


def test_refusals_say_what_there_is():
    for wrong, words in (
        ({"interval": "wald"}, "There is: miettinen-nurminen, newcombe"),
        ({"test": "t"}, "There is: fisher, boschloo, barnard, chi-squared"),
        ({"rules": ()}, "needs a rule"),
        ({"before": ""}, "needs the score before"),
    ):
        with pytest.raises(AnalysisError, match=words):
            oc.CompareResponders("pain", **{**VISITS, **wrong})
    with pytest.raises(AnalysisError, match="needs two groups"):
        ask(trial([(3, 2), (0, 0)]))
    with pytest.raises(AnalysisError, match=r"No patient characteristic 'centre'"):
        ask(trial([(3, 2), (1, 4)]), adjust=("centre",))


def test_an_arm_without_scores_is_no_arm_to_compare_with():
    with pytest.raises(AnalysisError, match="a comparison by arm needs two groups"):
        ask(trial([(3, 2), (0, 0)], missing=(0, 4)))


def test_vickers_2004_responders_by_arm():
    """BMJ 2004;328:744: ≥35 % fall at 12 months 87/161 against 45/140; difference 22 % (11 to 33,
    Wald), NNT 4.6 (3.0 to 9.1).
    """
    from outcomes.stats.proportions.two_groups import number_needed

    d = pd.read_csv(PUBLISHED / "vickers2004_acupuncture/acupuncture.csv")
    d["arm"] = d["group"].map({1: "acupuncture", 0: "control"})
    patients = pd.DataFrame({"patient": [f"p{i + 1:03d}" for i in range(len(d))], "arm": d["arm"]})
    study = two_visits(
        list(d["pk1"].astype(object).where(d["pk1"].notna(), None)),
        list(d["pk5"].astype(object).where(d["pk5"].notna(), None)),
        patients=patients,
        design="parallel",
        outcome=Outcome("pain", "headache", "lower"),
    )
    result = oc.CompareResponders("pain", **VISITS, rules=("35%",), reference="control").run(study)
    assert "87 of 161 (54%) with acupuncture and 45 of 140 (32%) with control" in result.sentence()
    wald = risk_difference((87, 161), (45, 140), method="wald")
    assert_allclose((wald.value, wald.low, wald.high), (0.22, 0.11, 0.33), atol=0.005)
    nnt = number_needed(wald)
    assert_allclose((nnt.value, nnt.low, nnt.high), (4.6, 3.0, 9.1), atol=0.051)
    assert_allclose(result["risk difference ≥35%, of patients with both scores"].value, wald.value)
