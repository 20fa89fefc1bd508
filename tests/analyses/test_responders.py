import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import outcomes as oc
from outcomes.analyses.responders.one_group import responded
from outcomes.core.errors import AnalysisError
from outcomes.core.outcome import Outcome
from tests.builders import MOOD, two_visits


def ask(before, after, *rules, **more):
    question = oc.Responders(
        "pain", before="baseline", after="week_4", **({"rules": rules} if rules else {}), **more
    )
    return question.run(two_visits(before, after))


def test_two_denominators_side_by_side():
    result = ask([10, 10, 10, 8, None], [7, 9, None, 2, 3], "30%")
    seen = result["improved ≥30%, of patients with both scores"]
    everyone = result["improved ≥30%, missing as non-response"]
    assert seen.value == pytest.approx(2 / 3)
    assert everyone.value == pytest.approx(
        2 / 4
    )  # the patient without a score before is in neither
    assert (result.counts.enrolled, result.counts.analysed) == (5, 3)


@pytest.mark.parametrize(
    ("before", "after", "rule", "yes"),
    [
        (7.0, 4.9, "30%", True),  # 29.99999…% in binary floats, exactly 30% in decimals
        (7.0, 5.0, "30%", False),
        (0.3, 0.15, "50%", True),
        (5.1, 3.1, "2 points", True),
        (5.0, 3.1, "2 points", False),
    ],
)
def test_a_threshold_met_exactly_counts(before, after, rule, yes):
    met, _ = responded(np.array([before]), np.array([after]), rule, -1)
    assert bool(met[0]) is yes


def test_wilson_interval_of_a_known_table():
    # 14 of 35: Wilson 0.2558 to 0.5643 (Newcombe 1998, method 3; R prop.test(correct = FALSE))
    result = ask([10.0] * 35, [5.0] * 14 + [10.0] * 21, "50%")
    e = result["improved ≥50%, of patients with both scores"]
    assert (e.low, e.high) == pytest.approx((0.2556, 0.5643), abs=5e-4)


def test_zero_before_has_no_percentage_and_is_said():
    result = ask([0, 10], [0, 5], "50%")
    assert result["improved ≥50%, of patients with both scores, above 0 before"].value == 1.0
    assert any("score of 0 before" in n for n in result.notes)
    assert result["improved ≥50%, missing as non-response"].value == 0.5


def test_direction_and_deterioration():
    study = two_visits([50, 50], [80, 20], outcome=MOOD)
    result = oc.Responders("mood", before="baseline", after="week_4", rules=("30%",)).run(study)
    assert result["improved ≥30%, of patients with both scores"].value == 0.5
    assert result["worsened ≥30%, of patients with both scores"].value == 0.5


def test_pgic_is_judged_on_the_score_after_alone():
    pgic = Outcome("pgic", "global impression of change", "lower", "", 1, 7, 1)
    study = two_visits([None] * 4, [1, 2, 4, None], outcome=pgic)
    result = oc.Responders("pgic", after="week_4", rules=("<= 2",)).run(study)
    assert result["score ≤2, of patients with the score"].value == pytest.approx(2 / 3)
    assert result["score ≤2, missing as non-response"].value == 0.5
    assert "2 of 3 (67%) patients with the score" in result.sentence()


@pytest.mark.parametrize("rule", ["thirty", "30", "points", "-5%", "0 points", ""])
def test_a_rule_that_makes_no_sense_is_refused(rule):
    with pytest.raises(AnalysisError, match="responder rule"):
        oc.Responders("pain", before="baseline", after="week_4", rules=(rule,))


def test_a_score_without_direction_cannot_have_responders():
    study = two_visits([5, 6], [3, 6], outcome=Outcome("x", "X"))
    with pytest.raises(AnalysisError, match="no declared direction"):
        oc.Responders("x", before="baseline", after="week_4").run(study)


def test_sentence():
    text = ask([10, 10, 10, 8, None], [7, 9, None, 2, 3], "30%").sentence()
    assert (
        text
        == "An improvement of at least 30% in average pain (NRS) was seen in 2 of 3 (67%) patients"
        " with both scores (95% Wilson CI, 21% to 94%), and in 2 of 4 (50%) with a score before"
        " if missing scores are counted as non-response."
    )


def test_nobody_with_both_scores():
    result = ask([5, None], [None, 4], "30%")
    assert math.isnan(result.estimates[0].value)
    assert "cannot be judged: no patients with both scores" in result.sentence()


@given(st.lists(st.tuples(st.integers(1, 10), st.integers(0, 10)), min_size=1, max_size=40))
def test_the_curve_falls_and_agrees_with_the_shares(pairs):
    before, after = zip(*pairs)
    result = ask(before, after)
    curve = result.data["ecdf"]
    assert (np.diff(curve["share"]) <= 1e-12).all()
    for cut in (30, 50):
        share = result[f"improved ≥{cut}%, of patients with both scores"].value
        at = curve.loc[curve["improvement"] >= cut, "share"].iloc[0]
        assert at == pytest.approx(share)
