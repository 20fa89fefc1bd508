"""Single patients by five indices of reliable change: classes that add up, properties, words."""

from __future__ import annotations

import numpy as np
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.outcome import Outcome
from outcomes.stats.individual.change_index import (
    METHODS,
    change_index,
    cutoffs,
    reference_of,
)
from tests.builders import PAIN, two_visits

VISITS = {"before": "baseline", "after": "week_4"}
RNG = np.random.default_rng(11)
BEFORE = RNG.integers(4, 11, 60).astype(float)
AFTER = np.clip(BEFORE - RNG.integers(-3, 7, 60), 0, 10)


@pytest.mark.parametrize("index", METHODS)
@pytest.mark.parametrize("cutoff", [None, 5.0, "a", "b", "c"])
def test_the_classes_add_up_to_everybody(index, cutoff):
    question = oc.IndividualChange(
        "pain", reliability=0.8, index=index, cutoff=cutoff, norm_mean=2, norm_sd=1.5, **VISITS
    )
    result = question.run(two_visits(BEFORE, AFTER))
    classes = result.detail.patients
    assert sum(classes.values()) == result.counts.analysed == 60
    assert sum(result[name].value for name in classes) == pytest.approx(1)
    assert ("recovered" in classes) == (cutoff is not None)
    assert METHODS[index].title in result.methods_text()
    assert f"±{METHODS[index].bound:g}" in result.sentence()


@pytest.mark.parametrize("index", METHODS)
def test_turned_round_the_classes_are_the_same(index):
    """0 to 10, lower better, against 10 − score, higher better."""
    mood = Outcome("pain", "mood", "higher", "points", 0, 10, 1)
    given = {"reliability": 0.8, "index": index, **VISITS}
    a = oc.IndividualChange("pain", cutoff=5, **given).run(two_visits(BEFORE, AFTER))
    b = oc.IndividualChange("pain", cutoff=5, **given).run(
        two_visits(10 - BEFORE, 10 - AFTER, outcome=mood)
    )
    assert a.detail.patients == b.detail.patients


def test_hsu_is_the_index_that_the_group_does_not_move():
    own = reference_of(BEFORE, AFTER, mean=None, sd=None)
    moved = reference_of(BEFORE, AFTER + 2, mean=None, sd=None)
    index = {m: change_index(BEFORE, AFTER, m, reliability=0.8, given=own) for m in METHODS}
    later = {m: change_index(BEFORE, AFTER + 2, m, reliability=0.8, given=moved) for m in METHODS}
    assert later["hsu"] == pytest.approx(index["hsu"])
    assert index["hsu"].mean() == pytest.approx(0, abs=1e-9)
    for m in set(METHODS) - {"hsu"}:
        assert (later[m] > index[m]).all()


def test_without_regression_to_the_mean_three_indices_agree():
    """With reliability 1 nothing is error: every change is reliable by all of them."""
    own = reference_of(BEFORE, AFTER, mean=None, sd=None)
    for m in ("jacobson-truax", "gulliksen-lord-novick", "edwards-nunnally"):
        index = change_index(BEFORE, AFTER, m, reliability=1.0, given=own)
        assert np.array_equal(np.sign(index), np.sign(AFTER - BEFORE))
        assert np.isinf(index[AFTER != BEFORE]).all()


def test_where_differences_have_no_reliability_it_is_refused():
    after = BEFORE + np.tile([0.4, -0.4], 30)  # less spread than the error of a score
    question = oc.IndividualChange("pain", reliability=0.3, index="hageman-arrindell", **VISITS)
    with pytest.raises(AnalysisError, match="Choose another index"):
        question.run(two_visits(BEFORE, after))


def test_cutoffs_lie_where_they_should_and_mirror():
    low = cutoffs(mean=7, sd=2, norm_mean=2, norm_sd=1, better="lower")
    high = cutoffs(mean=3, sd=2, norm_mean=8, norm_sd=1, better="higher")
    assert {k: 10 - v for k, v in low.items()} == pytest.approx(high)
    assert low["a"] == 3 and low["b"] == 4 and 2 < low["c"] < 7
    same = cutoffs(mean=7, sd=1, norm_mean=3, norm_sd=1, better="lower")
    assert same["c"] == 5  # half-way where the spreads are equal


def test_what_is_missing_or_unknown_is_said():
    with pytest.raises(AnalysisError, match="jacobson-truax, gulliksen"):
        oc.IndividualChange("pain", index="jacobson", **VISITS)
    with pytest.raises(AnalysisError, match="a, b or c"):
        oc.IndividualChange("pain", cutoff="d", **VISITS)
    with pytest.raises(AnalysisError, match="norm_mean and norm_sd"):
        oc.IndividualChange("pain", cutoff="c", reliability=0.8, **VISITS).run(
            two_visits(BEFORE, AFTER)
        )
    alone = oc.IndividualChange("pain", cutoff="a", reliability=0.8, **VISITS)
    assert alone.run(two_visits(BEFORE, AFTER))["cut-off"].value == pytest.approx(
        BEFORE.mean() - 2 * BEFORE.std(ddof=1)
    )


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ([2, 1, 2, 3], "4 of 4 patients improved"),
        ([10, 10, 10, 10], "worsened by more than measurement error"),
        ([8, 7, 9, 6], "; 4 did neither"),
    ],
)
def test_words(after, words):
    result = oc.IndividualChange("pain", reliability=0.8, cutoff=4, **VISITS).run(
        two_visits([8, 7, 9, 6], after)
    )
    assert words in result.sentence()
    assert "past the cut-off of 4 and so recovered" in result.sentence()
    assert "recovered (improved past 4), improved, unchanged or" in result.methods_text()


def test_too_few():
    for n in (0, 1):
        result = oc.IndividualChange("pain", reliability=0.8, cutoff=4, **VISITS).run(
            two_visits([8.0] * n or [None], [4.0] * n or [None], outcome=PAIN)
        )
        assert "No patient" in result.sentence() or "too few" in result.sentence()
