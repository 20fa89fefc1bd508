"""Every question that says what it needs gives the same answer from a study in parts: however many,
in whatever order its rows come."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.question import _REGISTRY, Analysis
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.plans.plan import Plan, kinds
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.sums import PatientRows, PatientValues
from tests.contract.small import example, small

#: Questions that are answered from sums. The list may only grow.
ADDITIVE = frozenset(
    [
        "ANCOVA",
        "Agreement",
        "Among",
        "ArmEquivalence",
        "ArmNonInferiority",
        "BayesFactor",
        "Bootstrap",
        "CLDA",
        "ChangeByArm",
        "ChangeCorrelations",
        "CohortModel",
        "CompareResponders",
        "Course",
        "Diary",
        "Dunnett",
        "DurationOfRelief",
        "Friedman",
        "GamesHowell",
        "HotellingT2",
        "OneWayANOVA",
        "PageTrend",
        "Quade",
        "Imputed",
        "ImprovementGrid",
        "IndividualChange",
        "Interaction",
        "KruskalWallis",
        "MMRM",
        "MannWhitney",
        "MeaningfulChange",
        "MissingScores",
        "NestedSites",
        "NonInferiority",
        "OneStageSites",
        "PairedT",
        "PooledSites",
        "ProportionalOdds",
        "RMANOVA",
        "ReferenceBased",
        "RegressionToMean",
        "Responders",
        "ResponderGEE",
        "ReturnOfPain",
        "Robustness",
        "ScoreGEE",
        "SideBySide",
        "SignFlip",
        "SignTest",
        "SignedRank",
        "SlopeModel",
        "StratifiedResponders",
        "TOST",
        "TestRetest",
        "TippingPoint",
        "WelchT",
        "Yuen",
    ]
)
#: Questions about events, periods and items: parts give the rows of the columns that are needed.
OF_ROWS = frozenset(
    [
        "AnswersByVisit",
        "Blinding",
        "Crossover",
        "CrossoverBinary",
        "Describe",
        "EventTable",
        "InternalConsistency",
        "ParetianChange",
        "RateRatio",
        "InfusionModel",
        "NextInfusion",
        "RepeatedInfusions",
        "SideEffects",
        "SideEffectsByRoute",
        "SideEffectsPaired",
        "WithinPatients",
    ]
)
#: Draws follow the order of the patients, which in parts is another one than in the file: numbers
#: agree within their Monte Carlo error only. Between divisions they agree to the bit.
DRAWN = frozenset({"Imputed", "TippingPoint", "ReferenceBased", "Robustness"})


def study_of(n=45, seed=3, gaps=True):
    study = small(n, seed=seed)
    scores = study.scores.copy()
    if gaps:
        rng = np.random.default_rng(seed)
        late = (scores["visit"] != "baseline").to_numpy()
        scores.loc[late & (rng.random(len(scores)) < 0.1), "pain"] = np.nan
        scores["pgic"] = rng.integers(1, 8, len(scores)).astype(float)
    rng = np.random.default_rng(seed + 1)
    scores["sleep"] = rng.integers(0, 11, len(scores)).astype(float)
    sleep = oc.Outcome("sleep", "Sleep", "higher", "points", 0, 10, 1)
    return scores, dataclasses.replace(study, measures={**study.measures, "sleep": sleep})


def same(one, other, rel):
    assert len(one.estimates) == len(other.estimates)
    for a, b in zip(one.estimates, other.estimates, strict=True):
        for f in dataclasses.fields(Estimate):
            x, y = getattr(a, f.name), getattr(b, f.name)
            if isinstance(x, float) and isinstance(y, float):
                assert (math.isnan(x) and math.isnan(y)) or x == pytest.approx(
                    y, rel=rel, abs=rel
                ), (a.term, f.name, x, y)
            else:
                assert x == y, (a.term, f.name)
    assert one.counts == other.counts
    assert one.flow == other.flow
    assert one.notes == other.notes
    assert one.sentence() == other.sentence()
    assert one.methods_text() == other.methods_text()


def bits(result):
    return [
        tuple(np.float64(getattr(e, f)).tobytes() for f in ("value", "low", "high", "p", "se"))
        for e in result.estimates
    ]


def test_the_list_of_additive_questions_only_grows():
    study = PartitionedStudy.of(small(12), parts=2)
    asked = {n: example(k) for n, k in kinds().items() if k.__module__.startswith("outcomes.")}
    needs = {n: q.needs(study) for n, q in asked.items()}
    assert {n for n, need in needs.items() if isinstance(need, PatientValues)} == ADDITIVE
    assert {n for n, need in needs.items() if isinstance(need, PatientRows)} == OF_ROWS
    one_by_one = {"NOf1"}  # which tells of patients in the order of the file
    assert set(needs) == ADDITIVE | OF_ROWS | one_by_one, (
        "a new question says what it needs (Analysis.needs)"
    )


def events_study(name, n=40):
    """A study that the question can be asked of, with enough events."""
    design = {"Crossover": "crossover", "CrossoverBinary": "crossover"}
    study = small(n, design.get(name, "parallel"), seed=4)
    who = study.patients["patient"]
    rng = np.random.default_rng(2)
    events = pd.DataFrame(
        {
            "patient": rng.choice(who, 25),
            "infusion": 1,
            "event": rng.choice(["nausea", "dizziness"], 25),
            "severity": rng.choice(["mild", "severe"], 25),
        }
    )
    return dataclasses.replace(study, events=events)


@pytest.mark.parametrize("name", sorted(OF_ROWS))
def test_a_question_of_rows_in_parts(name):
    whole = events_study(name)
    question = example(kinds()[name])
    asked = Plan(question).run(whole)[0]
    first = Plan(question).run(PartitionedStudy.of(whole, parts=1))[0]
    again = Plan(question).run(PartitionedStudy.of(whole, parts=7))[0]
    assert asked.failed == first.failed == again.failed
    if not asked.failed and name != "SideEffectsByRoute":  # which draws in the patients' order
        same(asked, first, 1e-9)
    if not asked.failed:
        assert bits(again) == bits(first)


@pytest.mark.parametrize("name", sorted(ADDITIVE))
def test_a_question_in_parts(name):
    scores, like = study_of()
    more = {"draws": 1000} if name == "Bootstrap" else {}
    question = example(kinds()[name], **more)
    whole = dataclasses.replace(like, scores=scores)
    shuffled = dataclasses.replace(like, scores=scores.sample(frac=1, random_state=5))
    asked = question.run(whole)
    first = question.run(PartitionedStudy.of(whole, parts=1))
    if name not in DRAWN:
        same(asked, first, 1e-9)
    else:
        assert [e.term for e in asked.estimates] == [e.term for e in first.estimates]
        assert asked.counts == first.counts
    for study, parts in ((shuffled, 7), (whole, 64)):
        again = question.run(PartitionedStudy.of(study, parts=parts))
        assert bits(again) == bits(first)
        same(first, again, 0)


def test_tallies_are_the_same_to_the_bit():
    scores, like = study_of()
    need = PatientValues((("pain", ("baseline", "week_4")), ("pgic", ("week_4",))), ("arm", "site"))
    whole = need.of(dataclasses.replace(like, scores=scores)).tally
    for seed, parts in ((1, 1), (2, 7), (3, 64)):
        mixed = dataclasses.replace(like, scores=scores.sample(frac=1, random_state=seed))
        assert PartitionedStudy.of(mixed, parts=parts).total(need).tally == whole


def test_what_is_told_patient_by_patient_is_refused_in_words():
    study = PartitionedStudy.of(small(12, "n-of-1"), parts=3)
    with pytest.raises(AnalysisError, match="NOf1 needs every row of a study"):
        example(oc.NOf1).run(study)


def test_a_question_of_a_users_own_is_refused_in_words():
    class Mine(Analysis):
        pass

    try:
        with pytest.raises(AnalysisError, match="needs every row of a study"):
            Mine().run(PartitionedStudy.of(small(12), parts=3))
    finally:
        _REGISTRY.pop("Mine")


def test_unknown_names_are_said_as_of_a_whole_study():
    whole = small(12)
    study = PartitionedStudy.of(whole, parts=5)
    for question in (
        oc.PairedT("pian", before="baseline", after="week_4"),
        oc.PairedT("pain", before="baseline", after="week_5"),
        oc.WelchT("pain", after="week_4", by="clinic"),
        oc.WelchT("pain", after="week_4", reference="sham"),
    ):
        with pytest.raises(AnalysisError) as of_whole:
            question.run(whole)
        with pytest.raises(AnalysisError) as in_parts:
            question.run(study)
        assert str(in_parts.value) == str(of_whole.value)


def test_a_plan_reads_each_part_once_for_all_its_questions():
    scores, like = study_of()
    whole = dataclasses.replace(like, scores=scores)
    study = PartitionedStudy.of(whole, parts=4)
    reads = []

    class Counted:
        def __init__(self, part):
            self.part = part

        def read(self):
            reads.append(1)
            return self.part.read()

    study = dataclasses.replace(study, parts=[Counted(p) for p in study.parts], _totals={})
    plan = Plan(
        oc.PairedT("pain", before="baseline", after="week_4", role="primary"),
        oc.MMRM("pain", family="x", role="secondary"),
        oc.WelchT("pain", before="baseline", after="week_4", family="x", role="secondary"),
        oc.Describe(),
    )
    answers = plan.run(study)
    assert len(reads) == 4
    for mine, theirs in zip(answers, plan.run(whole), strict=True):
        same(theirs, mine, 1e-9)
