"""An arm of which nobody can be analysed is named and changes no other comparison."""

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from tests.builders import two_visits

WHEN = {"before": "baseline", "after": "week_4"}
ARMS = ["a"] * 8 + ["b"] * 8 + ["d"] * 8 + ["c"] * 5


def trial(n, lost=True):
    rng = np.random.default_rng(1)
    before = rng.integers(5, 10, 29).astype(float)
    after = [None if i >= 24 and lost else y - rng.integers(0, 4) for i, y in enumerate(before)]
    patients = pd.DataFrame({"patient": [f"p{i + 1:03d}" for i in range(n)], "arm": ARMS[:n]})
    return two_visits(before[:n], after[:n], patients=patients, design="parallel")


@pytest.mark.parametrize(
    "question",
    [
        oc.GamesHowell("pain", **WHEN),
        oc.KruskalWallis("pain", **WHEN),
        oc.ANCOVA("pain", **WHEN),
        oc.ChangeByArm("pain", **WHEN),
        oc.ProportionalOdds("pain", after="week_4"),
    ],
)
def test_the_other_arms_are_compared_as_if_it_were_not_there(question):
    with_empty, without = question.run(trial(29)), question.run(trial(24))
    assert [e.term for e in with_empty.estimates] == [e.term for e in without.estimates]
    for a, b in zip(with_empty.estimates, without.estimates, strict=True):
        if "of all enrolled" in a.how:
            continue  # the SD of everybody's score before: those of c are enrolled too
        assert (a.value, a.low, a.p, a.p_adjusted) == pytest.approx(
            (b.value, b.low, b.p, b.p_adjusted), nan_ok=True
        )
    assert "Nobody with c has the scores that are needed: in no comparison." in with_empty.notes


def test_it_is_named_in_the_sentence_and_counted_in_the_flow():
    result = oc.ANCOVA("pain", **WHEN).run(trial(29))
    assert "8 a, 8 b, 8 d, 0 c of 29 enrolled" in result.sentence()
    flow = dict(result.flow)
    assert (flow["c"].enrolled, flow["c"].analysed) == (5, 0)


def test_responders_keep_the_arm_since_a_missing_score_is_no_response():
    result = oc.CompareResponders("pain", **WHEN).run(trial(29))
    assert "0 of 5 (0%) with c" in result.sentence()


def test_a_covariate_that_an_arm_lacks_leaves_it_out_too():
    study = trial(29, lost=False)
    patients = study.patients.assign(age=[40.0 + i % 7 for i in range(24)] + [np.nan] * 5)
    import dataclasses

    asked = oc.ANCOVA("pain", **WHEN, covariates=("age",))
    result = asked.run(dataclasses.replace(study, patients=patients))
    assert "Nobody with c" in " ".join(result.notes)
    assert not any("c" in e.group for e in result.estimates)
