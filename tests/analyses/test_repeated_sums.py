"""Mixed models of several visits from sums over parts: the answers of the patients' rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.cross_products import regrouped, summarise
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.repeated_sums import RepeatedScores
from tests.contract.test_in_parts import same

VISITS = ("baseline", "week_1", "week_4", "week_8")


def trial(seed, n=60, *, step=1.0, origin=0.0, arms=("ketamine", "placebo"), unknown=0.05):
    """A trial with gaps, patients of unknown arm and patients without any score."""
    rng = np.random.default_rng(seed)
    level = rng.normal(6, 1.5, n)
    at = np.array([0.0, -1, -1.5, -1])
    grid = level[:, None] + at + rng.normal(0, 1, (n, 4))
    grid = (np.round(grid / step) * step if step else grid) + origin
    grid[rng.random((n, 4)) < 0.15] = np.nan
    grid[0], grid[1, 1:] = np.nan, np.nan
    arm = rng.choice(list(arms), n).astype(object)
    arm[rng.random(n) < unknown] = None
    who = [f"p{i:03d}" for i in range(n)]
    wide = pd.DataFrame(grid, columns=VISITS).assign(patient=who)
    scores = wide.melt("patient", var_name="visit", value_name="pain")
    return oc.Study(
        scores.sample(frac=1, random_state=seed),
        visits=VISITS,
        baseline="baseline",
        design="parallel",
        patients=pd.DataFrame({"patient": who, "arm": arm}),
        measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    )


QUESTIONS = {
    "mmrm": oc.MMRM("pain"),
    "each arm": oc.MMRM("pain", by_arm=True, window=("week_4", "week_8")),
    "ML": oc.MMRM("pain", estimator="ML", df="satterthwaite", baseline_by_visit=False),
    "two visits": oc.MMRM("pain", visits=("week_8", "week_1"), visit="week_1"),
    "clda": oc.CLDA("pain"),
    "free": oc.CLDA("pain", constrained=False, window=("week_4", "week_8")),
    "course": oc.CohortModel("pain", window=("week_1", "week_4")),
}
KINDS = {
    "whole": {},
    "tenths": {"step": 0.1},
    "continuous": {"step": 0.0},
    "far from 0": {"origin": 900.0},
    "numbered arms": {"arms": (1, 2, 3), "unknown": 0.1},
    "all known": {"unknown": 0.0},
}


@pytest.mark.parametrize("kind", KINDS)
def test_sums_over_parts_give_the_answers_of_rows(kind):
    whole = trial(5, **KINDS[kind])
    for question in QUESTIONS.values():
        study = PartitionedStudy.of(whole, parts=7)
        asked, mine = question.run(whole), question.run(study)
        assert any(isinstance(need, RepeatedScores) for need in study._totals)
        same(asked, mine, 1e-8 if kind == "far from 0" else 1e-9)
        for name in ("observed", "course", "covariance", "coefficients"):
            if name in asked.data:
                pd.testing.assert_frame_equal(
                    asked.data[name], mine.data[name], rtol=1e-7, atol=1e-7
                )


def test_an_arm_without_later_scores_is_named():
    whole = trial(8, n=90, arms=("a", "b", "c"), unknown=0.0)
    scores = whole.scores.copy()
    gone = scores["patient"].map(whole.patient_frame["arm"]) == "c"
    scores.loc[gone & (scores["visit"] != "baseline"), "pain"] = np.nan
    whole = dataclasses.replace(whole, scores=scores)
    for question in (oc.MMRM("pain"), oc.CLDA("pain")):
        mine = question.run(PartitionedStudy.of(whole, parts=5))
        same(question.run(whole), mine, 1e-9)
        assert any("'c'" in n or " c" in n for n in mine.notes)


def test_what_cannot_be_answered_is_refused_in_the_same_words():
    whole = trial(3, n=20)
    nobody = dataclasses.replace(
        whole, scores=whole.scores.assign(pain=lambda d: d["pain"].where(d["visit"] == "baseline"))
    )
    for study, question in (
        (nobody, oc.MMRM("pain")),
        (whole, oc.MMRM("pain", by="clinic")),
        (whole, oc.MMRM("pain", reference="sham")),
        (whole, oc.MMRM("pain", visits=("week_9",))),
        (whole, oc.CLDA("pain", visits=("week_1", "week_1"))),
    ):
        with pytest.raises(AnalysisError) as rows:
            question.run(study)
        with pytest.raises(AnalysisError) as sums:
            question.run(PartitionedStudy.of(study, parts=4))
        assert str(sums.value) == str(rows.value)


def test_sums_do_not_grow_with_the_patients_and_are_the_same_to_the_bit():
    need = RepeatedScores("pain", "arm")
    small, large = (PartitionedStudy.of(trial(1, n=n), parts=3).total(need) for n in (800, 3000))
    assert max(len(s.products.gram) for s in (small, large)) <= 15 * 3
    whole = trial(4, n=200, step=0.1)
    one = need.of(whole).cells
    for parts in (2, 64):
        other = PartitionedStudy.of(whole, parts=parts).total(need).cells
        assert one.gram.tobytes() == other.gram.tobytes()
        assert (one.counts == other.counts).all() and (one.group == other.group).all()


def test_covariates_and_empirical_covariances_need_the_patients():
    study = PartitionedStudy.of(trial(1), parts=3)
    for question in (oc.MMRM("pain", covariates=("age",)), oc.MMRM("pain", df="CR2")):
        assert question.sums(study) == question.needs(study)
    whole = trial(1)
    same(oc.MMRM("pain", df="CR2").run(whole), oc.MMRM("pain", df="CR2").run(study), 1e-9)


def test_the_summary_of_a_model_follows_from_sums_of_all_visits():
    rng = np.random.default_rng(2)
    y = rng.normal(5, 2, (40, 4))
    y[:, 1:][rng.random((40, 3)) < 0.3] = np.nan
    arm = rng.integers(0, 3, 40)
    wanted = [3, 1]
    kept = ~np.isnan(y[:, wanted]).all(axis=1)
    base = summarise(
        y, np.ones((40, 1)), visits=VISITS, features=("intercept",), group=arm, groups=list("abc")
    )
    cells = base.pattern[:, wanted].any(axis=1)
    made = regrouped(
        2.0,
        3.0,
        visits=("week_8", "week_1"),
        arms=tuple("abc"),
        pattern=base.pattern[cells][:, wanted],
        code=base.group[cells],
        counts=base.counts[cells],
        gram=base.gram[cells],
        at=wanted,
        baseline=0,
    )
    design = np.column_stack([np.ones(40), arm == 1, arm == 2, y[:, 0] - 3])
    expected = summarise(
        y[kept][:, wanted] - 2,
        design[kept],
        visits=("week_8", "week_1"),
        features=("intercept", "arm b", "arm c", "baseline"),
        group=arm[kept],
        groups=list("abc"),
    )
    assert made.features == expected.features
    assert (made.counts == expected.counts).all() and (made.pattern == expected.pattern).all()
    np.testing.assert_allclose(made.gram, expected.gram, rtol=1e-10, atol=1e-10)
