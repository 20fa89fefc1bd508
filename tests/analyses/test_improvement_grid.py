"""Shares of patients with a published meaningful improvement, score by score and visit by visit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.responders.improvement_grid import Denominator
from outcomes.core.errors import AnalysisError
from outcomes.questionnaires.model import Threshold

SAMPLE = oc.read_study("data/sample/study.toml").ready
PAIN = "pain_nrs_average"
THRESHOLDS = (
    Threshold("2 points or 30%", "within-person", "consensus", "a", "One 2008", 2, 30),
    Threshold("about 30%", "within-person", "anchor", "b", "Two 2001", percent=30),
    Threshold("1 point", "between-group", "trials", "c", "Three 2010", 1),
    Threshold("3 points", "within-person", "anchor", "d", "Four 2012", 3, verified=False),
    Threshold("0.9 to 1.5", "within-person", "anchor", "e", "Five 2024", range=(0.9, 1.5)),
    Threshold("2.5 points", "within-person", "ROC", "f", "Six 2020", 2.5),
)
OWN = oc.Outcome("pain", "Pain", "lower", "points", 0, 10, 0.5, thresholds=THRESHOLDS)


def study(before, after, **patients):
    n = len(before)
    ids = [f"p{k:02d}" for k in range(n)]
    rows = pd.DataFrame({"patient": ids * 2, "visit": ["pre"] * n + ["post"] * n})
    rows["pain"] = [*before, *after]
    people = pd.DataFrame({"patient": ids} | patients)
    return oc.Study(rows, visits=("pre", "post"), patients=people, measures={"pain": OWN})


def test_each_share_is_that_of_responders():
    r = oc.ImprovementGrid([PAIN]).run(SAMPLE)
    for visit in ("day_1", "week_1", "week_4", "week_12"):
        rules = ("10%", "30%", "50%", "2 points", "34%")
        one = oc.Responders(PAIN, before="baseline", after=visit, rules=rules).run(SAMPLE)
        improved = [e for e in one.estimates if e.name.startswith("improved")]
        seen, everybody = improved[::2], improved[1::2]
        for part, rows in ((Denominator.SEEN, seen), (Denominator.EVERYBODY, everybody)):
            mine = r.select(part=part, visit=visit)
            assert [(e.value, e.low, e.high, e.n) for e in mine] == [
                (e.value, e.low, e.high, e.n) for e in rows
            ]


def test_the_interval_is_that_of_prop_test():
    # R 4.2.2: prop.test(63, 237, correct = FALSE)
    (e,) = (
        oc.ImprovementGrid([PAIN], rules=("30%",), visits=("week_4",))
        .run(SAMPLE)
        .select(part=Denominator.EVERYBODY)
    )
    assert (e.low, e.high) == pytest.approx((0.21364014812927701, 0.32547574768233545), rel=1e-9)


def test_thresholds_between_groups_unseen_and_without_a_number_are_left_out():
    r = oc.ImprovementGrid().run(study([8, 6, 7, 9], [4, 6, 4.5, None]))
    table = r.data["threshold_table"]
    assert list(table["improvement"]) == ["≥30%", "≥2.5 points"]
    assert list(table["source"]) == ["One 2008 / Two 2001", "Six 2020"]
    assert set(table["kind"]) == {"within-person"}
    thirty, points = r.select(part=Denominator.EVERYBODY)
    assert (thirty.value, thirty.n, points.value, points.n) == (0.5, 4, 0.5, 4)
    assert [e.n for e in r.select(part=Denominator.SEEN)] == [3, 3]


def test_a_rule_that_the_library_does_not_have_is_said_to_be_declared():
    r = oc.ImprovementGrid(rules=("30%", "1 point")).run(study([8, 6], [4, 5]))
    assert list(r.data["threshold_table"]["kind"]) == ["within-person", "declared"]
    with pytest.raises(AnalysisError, match="is an improvement"):
        oc.ImprovementGrid(rules=("<= 2",))


def test_a_score_of_0_before_is_no_response_to_a_percentage():
    r = oc.ImprovementGrid(rules=("30%",)).run(study([0, 8], [0, 4]))
    everybody, seen = r.estimates
    assert (everybody.value, everybody.n, seen.value, seen.n) == (0.5, 2, 1.0, 1)


def test_groups_add_up_to_everybody_with_a_known_group():
    routes = ["IV", "IV", "oral", "oral", None]
    s = study([8, 6, 7, 9, 9], [4, 6, 4, None, 3], route=routes)
    r = oc.ImprovementGrid(rules=("30%",), by="route").run(s)
    groups = r.select(part=Denominator.GROUP)
    assert [(e.group, e.n, e.value) for e in groups] == [("IV", 2, 0.5), ("oral", 2, 0.5)]
    assert any("1 patient without route is in no group" in n for n in r.notes)
    assert not r.randomised
    assert list(r.data["grid"].index) == ["Pain, ≥30%", "Pain, ≥30%, IV", "Pain, ≥30%, oral"]


def test_turned_scores_give_the_same_shares():
    before, after = np.array([8.0, 6, 7, 9]), np.array([4.0, 6, 4, 8])
    low = oc.ImprovementGrid(rules=("2 points",)).run(study(before, after))
    turned = study(10 - before, 10 - after)
    higher = oc.Outcome("pain", "Wellness", "higher", "points", 0, 10, 0.5)
    again = oc.Study(turned.scores, visits=turned.visits, measures={"pain": higher})
    high = oc.ImprovementGrid(rules=("2 points",)).run(again)
    assert [e.value for e in low.estimates] == [e.value for e in high.estimates]


def test_nobody_with_a_score_before_is_counted_and_a_visit_without_scores_left_out():
    r = oc.ImprovementGrid(rules=("30%",)).run(study([None, 6, 8], [4, 3, 8]))
    assert r.counts.left_out == (("no score at pre", 1),)
    asked = oc.ImprovementGrid(["phq9_total"]).run(SAMPLE)
    assert "day_1" not in asked.data["grid_table"]  # not asked on day 1
    with pytest.raises(AnalysisError, match="No score with a threshold"):
        oc.ImprovementGrid(rules=("30%",)).run(study([6, 7], [None, None]))
