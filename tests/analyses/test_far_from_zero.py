"""Scores far from 0 beside their spread keep their digits: an answer about differences does not
depend on where the scale begins.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import outcomes as oc
from outcomes.stats.mixed.cross_products import middle
from tests.builders import PAIN
from tests.words.situations import SITUATIONS, asked, study

UNBOUNDED = dataclasses.replace(PAIN, low=math.nan, high=math.nan)
QUESTIONS = (
    "MMRM",
    "CLDA",
    "CohortModel",
    "OneStageSites",
    "ANCOVA",
    "SlopeModel",
    "ScoreGEE",
    "RMANOVA",
    "Crossover",
    "WelchT",
    "ReferenceBased",
    "Imputed",
)


def moved(name: str, by: float) -> oc.Study:
    """The study of a question with a constant added to every score."""
    there = study(name, SITUATIONS[0])
    scores = there.scores.assign(pain=there.scores["pain"] + by)
    return dataclasses.replace(there, scores=scores, measures={**there.measures, "pain": UNBOUNDED})


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_constant_added_to_every_score_changes_levels_alone(name):
    question, constant = asked(name, SITUATIONS[0]), 5000.0
    near, far = (question.run(moved(name, c)) for c in (0.0, constant))
    assert [e.term for e in near.estimates] == [e.term for e in far.estimates]
    for a, b in zip(near.estimates, far.estimates, strict=True):
        level = constant if a.measure.value == "level" else 0.0
        # least squares by QR lose a few digits of an intercept, and of nothing else
        assert (b.se, b.p) == pytest.approx((a.se, a.p), rel=1e-9, nan_ok=True), a.term
        for x, y in ((a.value, b.value), (a.low, b.low), (a.high, b.high)):
            assert y - level == pytest.approx(x, rel=1e-8, abs=1e-8, nan_ok=True), a.term


@pytest.mark.parametrize("name", ["MMRM", "CLDA", "CohortModel", "SlopeModel"])
def test_coefficients_are_those_of_the_scores_as_they_are(name):
    question, constant = asked(name, SITUATIONS[0]), 5000.0
    near, far = (
        question.run(moved(name, c)).model.coefficients.set_index("coefficient")
        for c in (0.0, constant)
    )
    for coefficient in near.index:
        if coefficient != "intercept":
            continue
        slopes = [c for c in near.index if c == "baseline"]
        own = sum(near.loc[c, "value"] for c in slopes)
        assert far.loc[coefficient, "value"] == pytest.approx(
            near.loc[coefficient, "value"] + constant * (1 - own), rel=1e-7
        )
    rest = [c for c in near.index if not c.startswith(("intercept", "visit"))]
    columns = ["value", "se", "p"]
    np.testing.assert_allclose(far.loc[rest, columns], near.loc[rest, columns], rtol=1e-7)


def test_only_scores_far_from_zero_are_moved():
    assert middle(np.array([5.0, 6, 7, np.nan])) == 0.0
    assert middle(np.array([5005.2, 5006, 5007, np.nan])) == 5006.0
    assert middle(np.array([5000.0, 5000.0])) == 0.0
