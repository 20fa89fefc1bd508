"""What a question says must be what it computed: the right estimate, the right denominator, no
number where there is none.
"""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.core.outcome import Outcome
from outcomes.study.study import Study
from tests.builders import MOOD, PAIN, two_visits

VISITS = {"before": "baseline", "after": "week_4"}
PGIC = Outcome("pgic", "PGIC", "lower", "points", 1, 7, 1)


def arms(before, after, arm, *, design="parallel", pgic=None, **more):
    """A study of two visits with an arm (or any other characteristic) of each patient."""
    ids = [f"p{i + 1:02d}" for i in range(len(before))]
    number = [*before, *after]
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": ["baseline"] * len(ids) + ["week_4"] * len(ids),
            "pain": pd.array(number, dtype="Float64").to_numpy(float, na_value=np.nan),
        }
    )
    measures = {"pain": PAIN}
    if pgic is not None:
        scores["pgic"], measures = [np.nan] * len(ids) + list(pgic), measures | {"pgic": PGIC}
    patients = pd.DataFrame({"patient": ids, "arm": arm, **more})
    return Study(
        scores, patients=patients, visits=("baseline", "week_4"), design=design, measures=measures
    )


class TestPooledSites:
    def test_where_no_site_can_give_the_change_another_estimate_never_takes_its_place(self):
        study = arms(
            [7, 6, 8, 5, 9, 7],
            [5, 4, 6, 3, 7, 5],
            None,
            design="before-after",
            site=["A", "B", "C"] * 2,
        )
        result = oc.Plan(oc.PooledSites(oc.PairedT("pain", **VISITS))).run(study)[0]
        assert result.failed.startswith("No site can be pooled")

    def test_the_usual_case_still_pools_the_change(self):
        study = arms(
            [7, 6, 8, 5, 9, 7],
            [5, 6, 6, 2, 7, 4],
            None,
            design="before-after",
            site=["A", "B", "C"] * 2,
        )
        assert oc.PooledSites(oc.PairedT("pain", **VISITS)).run(study).detail.what == "mean change"


class TestCrossover:
    def test_period_1_of_everybody_has_those_who_left_after_it(self):
        rows = [
            ("a", 1, "K", 4),
            ("a", 2, "P", 7),
            ("b", 1, "K", 5),
            ("b", 2, "P", 6),
            ("c", 1, "P", 8),
            ("c", 2, "K", 5),
            ("d", 1, "P", 7),
            ("d", 2, "K", 3),
            ("e", 1, "P", 9),
            ("f", 1, "K", 2),
        ]
        frame = pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"])
        study = Study(frame, design="crossover", measures={"pain": PAIN})
        result = oc.Crossover("pain", reference="P").run(study)
        first = frame[frame["period"] == 1]
        t = stats.ttest_ind(
            first.loc[first["arm"] == "K", "pain"], first.loc[first["arm"] == "P", "pain"]
        )
        e = result["period 1 only, everybody"]
        assert (e.value, e.p) == (pytest.approx(11 / 3 - 8), pytest.approx(t.pvalue))
        assert result["period 1 only"].value == pytest.approx(4.5 - 7.5)

    def test_a_sequence_is_randomised(self):
        ids = [f"p{i}" for i in range(8)]
        study = Study(
            pd.DataFrame(
                {
                    "patient": ids * 2,
                    "period": [1] * 8 + [2] * 8,
                    "arm": (["K", "P"] * 4) + (["P", "K"] * 4),
                    "pain": 5.0,
                }
            ),
            patients=pd.DataFrame({"patient": ids, "sequence": ["KP", "PK"] * 4}),
            design="crossover",
            measures={"pain": PAIN},
            events=pd.DataFrame({"patient": ["p0"], "event": ["nausea"]}),
        )
        result = oc.SideEffectsByRoute(by="sequence").run(study)
        assert not any("not randomised" in text for text in (*result.notes, result.sentence()))


class TestNOf1:
    def test_one_pair_a_patient_has_no_prediction_interval_and_says_no_number_for_it(self):
        rows = [
            (f"p{i}", k, arm, y)
            for i, ys in enumerate([(4, 7), (5, 6), (3, 7)])
            for k, (arm, y) in enumerate(zip("KP", ys), 1)
        ]
        study = Study(
            pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"]),
            design="n-of-1",
            measures={"pain": PAIN},
        )
        text = oc.NOf1("pain", reference="P").run(study).sentence()
        assert "–" not in text
        assert "prediction" not in text


class TestMannWhitney:
    def test_an_interval_has_the_level_it_reaches(self):
        study = arms([7, 6, 8, 5], [5, 6, 7, 7], ["K", "K", "P", "P"])
        result = oc.MannWhitney("pain", **VISITS, reference="P").run(study)
        assert result["shift (Hodges-Lehmann)"].level == pytest.approx(2 / 3)
        assert "66.7% CI" in result.sentence()
        assert "95% CI, −4.0" not in result.sentence()

    def test_one_patient_an_arm_has_no_interval(self):
        e = oc.MannWhitney("pain", **VISITS).run(arms([7, 6], [5, 6], ["K", "P"]))[
            "shift (Hodges-Lehmann)"
        ]
        assert (math.isnan(e.low), e.reason) == (True, "too_few")


class TestHarms:
    def study(self, events, routes=("IV", "IV", "PO")):
        ids = list("abcdef")[: len(routes)]
        frame = pd.DataFrame(events, columns=["patient", "infusion", "event"])
        patients = pd.DataFrame({"patient": ids, "route": routes})
        infusions = pd.DataFrame({"patient": ids, "infusion": 1})
        return Study(
            pd.DataFrame({"patient": ids}),
            patients=patients,
            infusions=infusions,
            events=frame,
            design="routes",
        )

    def test_a_study_without_any_side_effect_is_answered(self):
        study = self.study([])
        result = oc.SideEffects().run(study)
        assert result["any side effect, of infusions"].value == 0
        assert "0 of 3 patients" in result.sentence()
        text = oc.RateRatio().run(study).sentence()
        assert "–" not in text
        assert "no rate ratio" in text

    def test_capitals_and_spaces_do_not_make_two_side_effects(self):
        study = self.study(
            [("a", 1, "nausea"), ("b", 1, "Nausea "), ("c", 1, "NAUSEA"), ("c", 1, "nausea")]
        )
        result = oc.SideEffects().run(study)
        assert result["nausea, of patients"].value == 1
        shown = [e.name for e in result.estimates if e.name.endswith("of patients")]
        assert shown == ["any side effect, of patients", "nausea, of patients"]

    def test_no_event_in_one_group_is_said_with_the_exact_interval(self):
        study = self.study(
            [("a", 1, "nausea"), ("b", 1, "nausea")], routes=("IV",) * 3 + ("PO",) * 3
        )
        text = oc.RateRatio(reference="IV").run(study).sentence()
        assert "in 3 infusions (3 patients) with PO" in text
        assert "no event in one of the groups" in text
        assert "taking events as independent" in text


class TestResponders:
    def test_a_rule_on_the_score_after_has_no_reverse(self):
        result = oc.Responders("pain", **VISITS, rules=("<= 3", "30%")).run(
            two_visits([7, 6, 8], [3, 6, 2])
        )
        assert not [
            e.name
            for e in result.estimates
            if "score ≤3" in e.name and "ed " in e.name.split(",")[0]
        ]
        assert (
            "An improvement of at least 30% in average pain (NRS) was seen in 2 of 3 (67%)"
            in result.sentence()
        )

    def test_zero_before_is_in_no_percentage_and_the_sentence_says_so(self):
        result = oc.Responders("pain", **VISITS, rules=("30%",)).run(
            two_visits([0, 6, 8], [0, 3, 8])
        )
        assert "1 of 2 (50%) patients with both scores, above 0 before" in result.sentence()
        assert "1 of 3 (33%) with a score before" in result.sentence()

    def test_a_rule_on_the_score_after_needs_no_direction(self):
        free = Outcome("pain", "temperature", "", "°C", 30, 45, 0.1)
        result = oc.Responders("pain", **VISITS, rules=(">= 38",)).run(
            two_visits([37, 38], [38, 37], outcome=free)
        )
        assert result.estimates[0].value == 0.5
        assert "ecdf" not in result.pictures

    def test_one_point_is_singular(self):
        assert (
            "at least 1 point in"
            in oc.Responders("pain", **VISITS, rules=("1 point",))
            .run(two_visits([7, 6], [5, 6]))
            .sentence()
        )


class TestMeaningfulChange:
    def ask(self, before, after, pgic, **options):
        study = arms(before, after, None, pgic=pgic, design="before-after")
        return oc.MeaningfulChange("pain", **VISITS, anchor="pgic", **options).run(study)

    def test_an_anchor_that_points_the_other_way_is_said(self):
        result = self.ask([7] * 6, [7, 6, 5, 4, 3, 2], [1, 1, 2, 4, 5, 6])
        assert any("the wrong way round" in note for note in result.notes)

    def test_an_area_stays_an_area(self):
        result = self.ask([7] * 6, [5, 6, 2, 6, 5, 7], [1, 2, 2, 4, 5, 6])
        auc = next(e for e in result.estimates if "area" in e.name.lower() or "AUC" in e.name)
        assert 0 <= auc.low <= auc.value <= auc.high <= 1

    def test_no_answers_are_not_no_scores(self):
        text = self.ask([7, 6], [5, 4], [None, None]).sentence()
        assert (
            text
            == "No patient of 2 has average pain (NRS) at both baseline and week 4 and an answer of"
            " PGIC."
        )


class TestDescribe:
    def test_a_score_nobody_has_does_not_lose_the_others(self):
        result = oc.Describe().run(
            arms([7, 6], [5, 4], None, pgic=[None, None], design="before-after")
        )
        assert result["mean | average pain (NRS) | baseline"].value == 6.5
        assert result.notes[0] == "Without a score at any visit: PGIC."

    def test_means_of_other_patients_are_not_left_to_be_compared(self):
        text = oc.Describe(("pain",)).run(two_visits([8, 8, 4], [None, None, 4])).sentence()
        assert "Average pain (NRS) was 6.7" in text
        assert "the 1 patient seen at both had 4.0 at baseline" in text

    def test_a_course_by_group_counts_those_without_one(self):
        counts = (
            oc.Course("pain", by="arm").run(arms([7, 6, 5], [5, 4, 3], ["K", "P", None])).counts
        )
        assert (counts.analysed, counts.left_out) == (2, (("no arm recorded", 1),))

    @pytest.mark.parametrize("after", [[5], [None]])
    def test_one_patient_has_no_interval_in_words(self, after):
        assert "–" not in oc.Course("pain").run(two_visits([7], after)).sentence()
        assert "SD" not in oc.PairedT("pain", **VISITS).run(two_visits([7], after)).sentence()


KINDS = (
    oc.ANCOVA,
    oc.WelchT,
    oc.GamesHowell,
    oc.ChangeByArm,
    oc.MannWhitney,
    oc.KruskalWallis,
    oc.CompareResponders,
)
GROUPED = [kind("pain", **VISITS) for kind in KINDS]


@pytest.mark.parametrize("question", GROUPED, ids=lambda q: type(q).__name__)
@pytest.mark.parametrize(
    "after", [[None] * 4, [5, None, None, None]], ids=["nobody", "one patient"]
)
def test_a_comparison_that_cannot_be_made_prints_no_dash_for_a_number(question, after):
    text = oc.Plan(question).run(arms([7, 6, 8, 5], after, ["K", "K", "P", "P"]))[0].sentence()
    assert "– " not in text
    assert "nan" not in text


@pytest.mark.parametrize("kind", GROUPED, ids=lambda q: type(q).__name__)
def test_groups_that_were_chosen_are_called_so_in_the_sentence(kind):
    study = arms([7, 6, 8, 5, 9, 6], [5, 6, 6, 5, 5, 2], ["K", "P"] * 3, design="routes")
    assert kind.run(study).sentence().endswith("Groups by arm were not randomised.")


def test_changes_in_three_arms_show_the_adjusted_p():
    study = arms([7, 6, 8, 5, 9, 6], [5, 6, 6, 5, 5, 2], ["a", "b", "c"] * 2)
    result = oc.ChangeByArm("pain", **VISITS).run(study)
    assert result.sentence().count("Holm P") == 2


def test_a_larger_spid_is_not_called_worse():
    visits = ("baseline", "day_1", "day_2")
    ids = [p for p in "abcdef" for _ in visits]
    scores = pd.DataFrame(
        {
            "patient": ids,
            "visit": visits * 6,
            "pain": [6, 4, 5, 7, 7, 6, 8, 5, 4, 6, 6, 6, 7, 5, 4, 8, 8, 7],
        }
    )
    patients = pd.DataFrame({"patient": list("abcdef"), "arm": ["K", "P"] * 3})
    study = Study(
        scores, patients=patients, visits=visits, design="parallel", measures={"pain": PAIN}
    )
    text = oc.Diary("pain", summary="spid", by="arm").run(study).sentence()
    assert "lower is better" not in text
    assert "larger means further below the score before" in text


def test_relief_that_outlasts_the_visits_is_followed_to_the_last_of_them():
    study = two_visits([8, 8, 8], [1, 2, 1])
    assert (
        "ewer than half of the patients had their pain back by day 28"
        in oc.DurationOfRelief("pain", until=14).run(study).sentence()
    )


def test_direction_follows_the_instrument():
    up = (
        oc.PairedT("mood", **VISITS)
        .run(two_visits([40, 50, 45], [60, 65, 58], outcome=MOOD))
        .sentence()
    )
    down = oc.PairedT("pain", **VISITS).run(two_visits([4, 5, 4, 5], [6, 6, 5, 7])).sentence()
    assert up.endswith("scores improved on average.")
    assert down.endswith("scores worsened on average.")


def one_order():
    rows = [
        (f"p{i}", k, arm, y)
        for i, ys in enumerate([(4, 7), (5, 6), (3, 7)])
        for k, (arm, y) in enumerate(zip("KP", ys), 1)
    ]
    return Study(
        pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"]),
        design="crossover",
        measures={"pain": PAIN},
    )


def test_a_treatment_that_is_a_period_is_no_crossover():
    result = oc.Plan(oc.Crossover("pain")).run(one_order())[0]
    assert "the treatment cannot be told from the period" in result.failed
    binary = oc.CrossoverBinary("pain", rule="<= 4").run(one_order())
    assert any("same order" in note for note in binary.notes)
    assert binary.sentence().startswith("In the same patients, average pain (NRS) ≤4 was seen in")


def test_apa_has_spaces_around_every_equals_sign():
    study = arms([7, 6, 8, 5, 9, 6], [5, 6, 6, 5, 5, 2], ["K", "P"] * 3)
    for question in (oc.PairedT("pain", **VISITS), oc.SignedRank("pain", **VISITS), *GROUPED):
        text = question.run(study).sentence("apa")
        assert "=" not in text.replace(" = ", ""), text


INDEX = Outcome("pain", "EQ-5D index", "higher", "", -0.6, 1, 0.001)


@pytest.mark.parametrize("style", ["", "apa"])
def test_a_score_without_a_unit_leaves_no_hole(style):
    rng = np.random.default_rng(1)
    before = rng.normal(0.4, 0.2, 24)
    study = arms(before, before + rng.normal(0.1, 0.1, 24), ["K", "P"] * 12)
    study = dataclasses.replace(study, measures={"pain": INDEX})
    more = (oc.PairedT, oc.SignedRank, oc.SignTest, oc.SignFlip, oc.Yuen, oc.Robustness)
    asked = [kind("pain", **VISITS) for kind in more]
    for question in (
        *GROUPED,
        *asked,
        oc.TOST("pain", **VISITS, margin=0.1),
        oc.Diary("pain", max_gap=40, summary="spid"),
    ):
        text = question.run(study).sentence(style)
        assert not re.search(r"  | [),;:]| \.(\s|$)|·days.*·days|\s·", text), text


def test_a_crossover_is_described_period_by_period():
    study = oc.read_study("data/sample/crossover/study.toml")
    result = oc.Describe(("pain_nrs_average",)).run(study)
    raw = pd.read_csv("data/sample/crossover/scores.csv", na_values=["-99"])
    for period in (1, 2):
        seen = raw[(raw["visit"] == "post") & (raw["period"] == period)]["nrs_average"].dropna()
        assert result[f"mean | Pain NRS average | post, period {period}"].value == pytest.approx(
            seen.mean()
        )
    assert "at post, period 2" in result.sentence()
    assert not oc.Plan(oc.Describe()).run(study)[0].failed
