"""Several infusions a patient: one model of all of them, and the time to the next. Values of R stand
in tests/reference/questions/infusions.csv.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure
from outcomes.stats.mixed.lmm import mixed, nested_cells
from tests.builders import PAIN

VISITS = ("before", "day_1", "day_7")


def rows(seed=2, patients=24, infusions=4):
    rng = np.random.default_rng(seed)
    found = []
    for p in range(patients):
        level, fall = rng.normal(7, 1), rng.normal(2, 0.7)
        for k in range(1 + rng.integers(1, infusions)):
            own = rng.normal(0, 0.5)
            for v in VISITS:
                y = level + own - (v != "before") * fall + rng.normal(0, 0.7)
                found.append((f"p{p:02d}", k + 1, v, round(y, 1)))
    return pd.DataFrame(found, columns=["patient", "episode", "visit", "pain"])


def study(frame, **more):
    return oc.Study(frame, visits=VISITS, measures={"pain": PAIN}, **more)


def test_one_mean_a_cell_is_the_same_model_as_indicators_of_the_cells():
    frame = rows()
    cells = sorted(set(zip(frame["episode"], frame["visit"], strict=True)))
    at = np.array([cells.index(c) for c in zip(frame["episode"], frame["visit"], strict=True)])
    random = np.array([[1.0, float(v != "before")] for _, v in cells])
    unit = frame["patient"] + frame["episode"].astype(str)
    names = tuple(map(str, cells))
    short, found = nested_cells(
        frame["pain"],
        cluster=frame["patient"],
        nested=unit,
        kind=frame["episode"],
        cell=at,
        names=names,
        random=random,
    )
    long = mixed(
        frame["pain"],
        np.eye(len(cells))[at],
        names=names,
        cluster=frame["patient"],
        random=random[at],
        nested=unit,
    )
    assert short.fit.loglik == pytest.approx(long.fit.loglik, rel=1e-10)
    row = np.eye(len(cells))[1] - np.eye(len(cells))[0]
    a, b = (m.contrast(row, name="change") for m in (short, long))
    assert (a.value, a.se, a.df) == pytest.approx((b.value, b.se, b.df), rel=1e-7)
    assert found.mean == pytest.approx(np.eye(len(cells))[at] @ short.fit.beta)


def test_two_rows_of_one_cell_are_refused():
    with pytest.raises(AnalysisError, match="several rows of one cell"):
        nested_cells(
            [1.0, 2, 3],
            cluster=[1, 1, 2],
            nested=[1, 1, 2],
            kind=[1, 1, 1],
            cell=[0, 0, 0],
            names=("a",),
            random=[[1.0]],
        )


def test_a_shift_of_all_scores_moves_means_and_no_change():
    frame = rows()
    question = oc.InfusionModel("pain")
    near, far = (
        question.run(study(frame.assign(pain=frame["pain"] + by))).estimates for by in (0, 1000)
    )
    for a, b in zip(near, far, strict=True):
        by = 1000 if a.measure is Measure.LEVEL else 0
        assert b.value - by == pytest.approx(a.value, rel=1e-6, abs=1e-6), a.term
        if not math.isnan(a.se):
            assert b.se == pytest.approx(a.se, rel=1e-5), a.term


def test_the_order_of_rows_and_the_names_of_patients_make_no_difference():
    frame = rows()
    mixed_up = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    mixed_up["patient"] = mixed_up["patient"].map(lambda p: f"q{99 - int(p[1:])}")
    a, b = (oc.InfusionModel("pain").run(study(f)) for f in (frame, mixed_up))
    for x, y in zip(a.estimates, b.estimates, strict=True):
        assert y.value == pytest.approx(x.value, rel=1e-6, abs=1e-9)


def test_with_complete_balanced_data_the_change_is_the_mean_of_all_changes():
    frame = rows(infusions=3)
    whole = frame[frame.groupby("patient")["episode"].transform("max") >= 2]
    whole = whole[whole["episode"] <= 2]
    wide = whole.pivot(index=["patient", "episode"], columns="visit", values="pain")
    r = oc.InfusionModel("pain", last=2).run(study(whole))
    for v in VISITS[1:]:
        change = (wide[v] - wide["before"]).mean()
        assert r.select(measure=Measure.CHANGE, visit=v)[0].value == pytest.approx(change)
    first = (wide["day_7"] - wide["before"]).xs(1, level="episode")
    (e,) = r.select(measure=Measure.CHANGE, group="infusion 1")
    assert e.value == pytest.approx(first.mean()) and e.n == len(first)


def test_everybody_is_counted_and_a_number_skipped_in_the_scores_stays_its_own():
    frame = rows()
    given = frame[["patient", "episode"]].drop_duplicates().rename(columns={"episode": "infusion"})
    two = given["patient"].value_counts()
    who = two.index[two >= 3][0]
    seen = frame[~((frame["patient"] == who) & (frame["episode"] == 2))]
    extra = pd.DataFrame({"patient": ["nobody"]})
    everybody = pd.concat([given[["patient"]].drop_duplicates(), extra])
    r = oc.InfusionModel("pain").run(study(seen, infusions=given, patients=everybody))
    assert r.counts.left_out == (("no score around an infusion", 1),)
    alone = oc.InfusionModel("pain").run(study(frame, infusions=given, patients=everybody))
    n, of = (
        [
            x.select(measure=Measure.LEVEL, visit="before", group=f"infusion {k}")[0].n
            for k in (2, 3)
        ]
        for x in (r, alone)
    )
    assert n == [of[0] - 1, of[1]]


def test_courses_are_counted_where_the_infusions_say_them():
    frame = rows(infusions=5)
    given = frame[["patient", "episode"]].drop_duplicates().rename(columns={"episode": "infusion"})
    given["course"] = (given["infusion"] + 1) // 2
    question = oc.InfusionModel("pain", number="course", last=2)
    r = question.run(study(frame, infusions=given))
    (later,) = r.select(measure=Measure.LEVEL, visit="before", group="course 2 or later")
    assert later.n == (given.groupby("patient")["course"].max() >= 2).sum()
    with pytest.raises(AnalysisError, match="a column course"):
        question.run(study(frame))


def test_one_infusion_a_patient_is_another_question():
    with pytest.raises(AnalysisError, match="Ask CohortModel"):
        oc.InfusionModel("pain").run(study(rows().query("episode == 1")))
    with pytest.raises(AnalysisError, match="one of|number"):
        oc.InfusionModel("pain", number="dose")


def infused(days, **characteristics):
    patients = pd.DataFrame({"patient": list(days)} | characteristics)
    given = [(p, k + 1, d) for p, ds in days.items() for k, d in enumerate(ds)]
    return oc.Study(
        patients[["patient"]].assign(visit="pre"),
        patients=patients,
        infusions=pd.DataFrame(given, columns=["patient", "infusion", "day"]),
    )


def test_infusions_close_together_are_one_course():
    s = infused({"a": [0, 7, 14, 90, 97], "b": [0, 7, 60], "c": [0]})
    r = oc.NextInfusion(until=120, course=10, days=(50,)).run(s)
    first = r.select(measure=Measure.TIME, group="course 1")[0]
    # 76 and 53 days to the next; c is censored after 120
    assert (first.value, first.n) == (76.0, 3)
    assert r.select(measure=Measure.SHARE, group="course 1")[0].value == 1.0
    assert not r.select(group="course 3")


def test_an_infusion_after_the_end_of_follow_up_is_not_seen():
    s = infused(
        {"a": [0, 40], "b": [0, 20], "d": [3, 23], "c": [0, 10]},
        followed=[30.0, 30.0, 30.0, math.nan],
    )
    r = oc.NextInfusion(followed="followed").run(s)
    first = r.select(measure=Measure.TIME, group="infusion 1")[0]
    assert (first.value, first.n) == (20.0, 3)
    assert r.counts.left_out == (("no followed recorded", 1),)
    assert r.counts.analysed == 3


def test_the_end_of_follow_up_has_to_be_said():
    with pytest.raises(AnalysisError, match="when follow-up ended"):
        oc.NextInfusion().run(infused({"a": [0, 9]}))
    with pytest.raises(AnalysisError, match="day of each infusion"):
        oc.NextInfusion(until=9).run(study(rows()))


def test_the_ready_made_plan_of_courses_asks_both():
    s = study(rows())
    assert oc.plans.suggest(s) == "courses"
    plan = oc.plans.courses(s)
    assert [type(q).__name__ for q in plan] == ["Describe", "InfusionModel", "RepeatedInfusions"]
    answers = plan.run(s)
    assert not answers.failed


@pytest.mark.slow
def test_the_interval_of_the_mean_change_covers_the_true_change():
    hits, draws = 0, 400
    for seed in range(draws):
        e = oc.InfusionModel("pain").run(study(rows(seed=seed, patients=16))).main
        assert e is not None
        hits += e.low <= -2 <= e.high
    assert 0.92 <= hits / draws <= 0.98


def test_a_field_of_the_question_is_kept_in_toml():
    q = oc.NextInfusion(until=90, course=21, days=(30,))
    assert oc.Plan.from_toml(oc.Plan(q).to_toml() + "\n") == oc.Plan(q)
    assert dataclasses.replace(q, last=2).last == 2
