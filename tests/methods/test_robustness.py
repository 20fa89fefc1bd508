import math

import numpy as np
import pytest

import outcomes as oc
from tests.builders import MOOD, two_visits


def ask(before, after, **more):
    return oc.Robustness("pain", before="baseline", after="week_4").run(two_visits(before, after, **more))


def test_each_way_agrees_with_the_question_made_for_it():
    before, after = [7, 6, 8, 5, 9, 7, 6, 8], [5, 6, 2, 4, 7, 7, 5, 4]
    study, visits = two_visits(before, after), {"before": "baseline", "after": "week_4"}
    result = oc.Robustness("pain", **visits).run(study)
    assert result["mean, paired t-test"].p == oc.PairedT("pain", **visits).run(study)["mean change"].p
    rank = result["Hodges-Lehmann shift, exact signed-rank test"]
    assert rank.p in [e.p for e in oc.SignedRank("pain", **visits).run(study).estimates]
    flip = [e.p for e in oc.SignFlip("pain", **visits).run(study).estimates]
    assert result["mean, sign-flip permutation test"].p in flip


def test_missing_scores_are_filled_at_both_ends():
    result = ask([7, 6, 8, 5, 9, 7], [5, 6, 2, 4, None, None])
    change = np.array([-2, 0, -6, -1])
    assert result["mean, 2 missing as no change"].value == pytest.approx(change.sum() / 6)
    assert result["mean, 2 missing as worst change seen"].value == pytest.approx((change.sum() + 0 * 2) / 6)


def test_the_worst_change_follows_the_direction_of_the_score():
    study = two_visits([50, 60, 40, 55], [70, 55, 60, None], outcome=MOOD)
    result = oc.Robustness("mood", before="baseline", after="week_4").run(study)
    assert result["mean, 1 missing as worst change seen"].value == pytest.approx((20 - 5 + 20 - 5) / 4)


def test_a_conclusion_that_survives_and_one_that_does_not():
    rng = np.random.default_rng(3)
    before = rng.integers(6, 10, 30)
    clear = ask(before, before - rng.integers(2, 5, 30))
    assert clear.facts["survives"]
    assert "every one led to the same verdict (lower)" in clear.sentence()
    fragile = ask([*before, *[8] * 20], [*(before - rng.integers(0, 3, 30)), *[None] * 20])
    worst = ask([9, 9, 9, 9, 9, 9, 9, 9, 9, 9], [8, 8, 8, 8, 8, 8, 8, 8, 10, None])
    assert not (fragile.facts["survives"] and worst.facts["survives"])
    assert "Not the same verdict" in worst.sentence()


def test_every_defensible_way_is_in_the_picture():
    result = ask([7, 6, 8, 5, 9, 7], [5, 6, 2, 4, None, None])
    assert len(result.data["forest"]) == len(result.estimates) == 7
    assert result.pictures == ("forest",)


def test_nothing_to_compare():
    result = ask([None, None], [5, 4])
    assert result.sentence().startswith("No patient")
    assert math.isnan(result.estimates[0].p)
