import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from tests.builders import MOOD, two_visits

SAMPLE = oc.read_study("data/sample/study.toml")
CROSSOVER = oc.read_study("data/sample/crossover/study.toml")


@pytest.mark.parametrize("kind", ["before-after", "follow-up", "routes", "side-effects"])
def test_every_ready_made_plan_answers_all_its_questions_on_the_sample(kind):
    plan = oc.plans.ready_made(kind, SAMPLE)
    results = plan.run(SAMPLE)
    assert [(type(r.analysis).__name__, r.failed) for r in results.failed] == []
    assert oc.Plan.from_toml(plan.to_toml()) == plan


def test_the_crossover_plan():
    plan = oc.plans.crossover(CROSSOVER)
    assert [(type(r.analysis).__name__, r.failed) for r in plan.run(CROSSOVER).failed] == []
    assert oc.Plan.of(CROSSOVER) == plan, "the sample's study file holds the ready-made plan"
    assert [q.role for q in plan].count("primary") == 1


def test_the_parallel_plan():
    patients = {"patient": [f"p{i:03d}" for i in range(1, 13)], "arm": ["ketamine", "placebo"] * 6}
    study = two_visits(
        [7, 6, 8, 5, 9, 6, 7, 8, 6, 7, 5, 8],
        [4, 6, 5, 5, 5, 5, 4, 7, 3, 7, 4, 7],
        design="parallel",
        patients=pd.DataFrame(patients),
    )
    plan = oc.plans.parallel(study)
    assert [(type(r.analysis).__name__, r.failed) for r in plan.run(study).failed] == []


def test_pain_is_primary_and_the_visit_is_one_that_half_still_attend():
    primary = next(q for q in oc.plans.before_after(SAMPLE) if q.role == "primary")
    assert primary.outcome == "pain_nrs_average"
    assert (primary.before, primary.after) == (
        "baseline",
        "week_4",
    )  # week 12 has 40% of the patients


def test_a_study_without_pain_takes_its_first_score():
    study = two_visits([50, 60, 40], [70, 75, 60], outcome=MOOD)
    assert next(q for q in oc.plans.before_after(study) if q.role == "primary").outcome == "mood"


def test_an_unknown_plan_is_answered_with_what_there_is():
    with pytest.raises(AnalysisError, match="No plan 'cross-over'.*Did you mean 'crossover'"):
        oc.plans.ready_made("cross-over", SAMPLE)


def test_one_visit_has_no_before_and_after():
    study = SAMPLE.where(visit="baseline")
    lone = oc.Study(study.ready.scores, visits=("baseline",), measures=study.ready.measures)
    with pytest.raises(AnalysisError, match="one visit only"):
        oc.plans.before_after(lone)


@pytest.mark.parametrize("arms", [["ketamine", "placebo"], ["a", "b", "c"]])
def test_a_parallel_plan_with_many_missing_asks_what_that_could_do(arms):
    patients = pd.DataFrame(
        {"patient": [f"p{i:03d}" for i in range(1, 19)], "arm": (arms * 9)[:18]}
    )
    before = [7, 6, 8, 5, 9, 6, 7, 8, 6, 7, 5, 8, 7, 6, 8, 7, 6, 9]
    after = [4, 6, 5, 5, 5, 5, 4, 7, 3, 7, 4, 7, 5, 6, 6, None, None, None]
    study = two_visits(before, after, design="parallel", patients=patients)
    plan = oc.plans.parallel(study)
    names = [type(q).__name__ for q in plan]
    assert "MissingScores" in names
    assert ("Robustness" in names and "TippingPoint" in names) == (len(arms) == 2)
    assert [(type(r.analysis).__name__, r.failed) for r in plan.run(study).failed] == []
    assert oc.Plan.from_toml(plan.to_toml()) == plan


def diary(days, **more):
    visits = ("baseline", *(f"day_{d}" for d in days))
    scores = pd.DataFrame(
        {
            "patient": [p for p in "abcd" for _ in visits],
            "visit": visits * 4,
            "pain": [float(4 + (i * 7) % 5) for i in range(4 * len(visits))],
        }
    )
    return oc.Study(
        scores,
        visits=visits,
        design="follow-up",
        measures={"pain": oc.Outcome("pain", "Pain", "lower")},
        **more,
    )


def test_a_follow_up_with_a_week_of_daily_scores_asks_about_the_diary_and_no_other_does():
    plan = oc.plans.follow_up(diary([*range(1, 8), 28]))
    found = [q for q in plan if type(q).__name__ == "Diary"]
    assert [q.visits for q in found] == [("baseline", *(f"day_{d}" for d in range(1, 8)))]
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    study = diary([*range(1, 8), 28])
    assert not found[0].run(study).failed
    for days in ([1, 2, 3], [1, 2, 4, 5, 6, 7, 8, 9], [2, 3, 4, 5, 6, 7, 8, 9]):
        assert "Diary" not in [type(q).__name__ for q in oc.plans.follow_up(diary(days))]


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        (["yes"] * 10 + ["no", None], True),
        ([1.0] * 11 + [0.0], True),
        (["yes"] * 12, False),
        (["no"] * 12, False),
        (["a", "b"] * 6, False),
    ],
)
def test_a_parallel_plan_asks_again_of_those_who_kept_to_the_protocol_where_some_did_not(
    kept, asked
):
    patients = {
        "patient": [f"p{i:03d}" for i in range(1, 13)],
        "arm": ["ketamine", "placebo"] * 6,
        "per_protocol": kept,
    }
    study = two_visits(
        [7, 6, 8, 5, 9, 6, 7, 8, 6, 7, 5, 8],
        [4, 6, 5, 5, 5, 5, 4, 7, 3, 7, 4, 7],
        design="parallel",
        patients=pd.DataFrame(patients),
    )
    plan = oc.plans.parallel(study)
    found = [q for q in plan if type(q).__name__ == "Among"]
    assert bool(found) == asked
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    assert not plan.run(study).failed
    if found:
        primary = next(q for q in plan if q.role == "primary").to_dict()
        assert (found[0].role, dict(found[0].where)) == ("sensitivity", {"per_protocol": "yes"})
        assert found[0].analysis.to_dict() == {k: v for k, v in primary.items() if k != "role"}
