"""Trials are shown by arm: who was counted, and Table 1 with standardised differences."""

from __future__ import annotations

import numpy as np
import pytest

import outcomes as oc
from outcomes.reporting.chapters.patient_flow import counted
from outcomes.reporting.printed import printed_section
from tests.contract.small import small


@pytest.fixture(scope="module")
def trial():
    study = small(40)
    scores = study.scores.copy()
    gone = scores["visit"].eq("week_4") & scores["patient"].isin(["p002", "p004", "p005"])
    scores.loc[gone, "pain"] = np.nan
    patients = study.patients.copy()
    patients.loc[patients["patient"].eq("p040"), "arm"] = None
    patients["age"] = np.arange(40) + 30.0
    return oc.Study(
        scores, visits=study.visits, patients=patients, design="parallel", measures=study.measures
    )


@pytest.mark.parametrize(
    "question",
    [
        oc.ANCOVA("pain", before="baseline", after="week_4", by="arm"),
        oc.WelchT("pain", before="baseline", after="week_4", by="arm"),
        oc.MannWhitney("pain", before="baseline", after="week_4", by="arm"),
        oc.CompareResponders("pain", before="baseline", after="week_4", by="arm"),
    ],
)
def test_everybody_is_counted_arm_by_arm(trial, question):
    result = question.run(trial)
    flow = dict(result.flow)
    assert (flow["placebo"].enrolled, flow["placebo"].analysed) == (20, 19)
    assert (flow["ketamine"].enrolled, flow["ketamine"].analysed) == (19, 17)
    assert flow["ketamine"].left_out == (("no score at week 4", 2),)
    assert sum(c.analysed for c in flow.values()) == result.counts.analysed


def test_a_mixed_model_counts_by_arm_too(trial):
    result = oc.MMRM("pain", by="arm").run(trial)
    assert {arm: c.analysed for arm, c in result.flow} == {"placebo": 20, "ketamine": 19}


def test_the_report_shows_the_flow_by_arm_and_who_has_none(trial):
    plan = oc.Plan(oc.ANCOVA("pain", before="baseline", after="week_4", by="arm", role="primary"))
    section = printed_section(counted(trial, plan.run(trial)))
    tables = [b.table for b in section.blocks if hasattr(b, "table")]
    by_arm = tables[0]
    assert by_arm.header == ("", "placebo", "ketamine")
    assert ("enrolled", "20", "19") in by_arm.rows and ("analysed", "19", "17") in by_arm.rows
    assert by_arm.notes == ("1 patient without a recorded group: in no column.",)


def test_table_one_has_a_column_for_each_arm_and_the_standardised_difference(trial):
    frame = oc.Describe().run(trial).data["table_one"]
    assert list(frame.columns[4:]) == ["ketamine (n=19)", "placebo (n=20)", "SMD"]
    age = frame[(frame["characteristic"] == "age") & (frame["level"] == "mean (SD)")].iloc[0]
    arm = trial.characteristic("arm")
    ages = trial.characteristic("age")
    a, b = ages[arm == "ketamine"], ages[arm == "placebo"]
    expected = abs(a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / 2)
    assert float(age["SMD"]) == pytest.approx(expected, abs=0.005)
    baseline = frame[frame["characteristic"].str.contains("at baseline")]
    assert set(baseline["level"]) == {"mean (SD)", "median (quartiles)"}


def test_a_cohort_has_one_column(trial):
    study = oc.Study(
        trial.scores, visits=trial.visits, patients=trial.patients, measures=trial.measures
    )
    assert list(oc.Describe().run(study).data["table_one"]) == [
        "characteristic",
        "level",
        "value",
        "n",
    ]
