"""What the picture of residuals draws: of every model, in the scores' own units and scaled."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest

import outcomes as oc
from outcomes.plots.registry import caption, kinds
from tests.words.situations import SITUATIONS, Situation, answer, asked, study

MODELS = (
    "ANCOVA",
    "ArmEquivalence",
    "ArmNonInferiority",
    "CLDA",
    "CohortModel",
    "Crossover",
    "Dunnett",
    "Interaction",
    "MMRM",
    "OneStageSites",
    "ScoreGEE",
    "SlopeModel",
)
#: How many coefficients the model has: visits, arms, the baseline and their products.
COEFFICIENTS = {"ANCOVA": 3, "MMRM": 6, "CLDA": 5, "CohortModel": 3, "SlopeModel": 4}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_be_looked_at(name):
    result = answer(name, Situation("improvement"))
    frame = result.data["diagnostics"]
    assert frame["standardised"].abs().max() < 4
    assert 0.8 < frame["standardised"].std() < 1.1
    assert result.outcome is not None
    assert frame["fitted"].between(-1, 11).all()
    assert "diagnostics" in kinds(result)
    assert "units of their standard deviation" in caption(result, "diagnostics")
    ax = oc.plot(result, "diagnostics")
    plt.close(ax.figure)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_leverages_add_up_to_the_coefficients(name):
    frame = answer(name, Situation("improvement")).data["diagnostics"]
    assert frame["leverage"].sum() == pytest.approx(COEFFICIENTS[name], rel=1e-9)
    assert frame["leverage"].between(0, 1).all()


@pytest.mark.parametrize("name", ["ANCOVA", "MMRM", "Crossover"])
def test_where_nothing_varies_there_is_nothing_to_look_at(name):
    result = answer(name, Situation("all scores equal", shape="equal"))
    assert "diagnostics" not in result.data
    assert "diagnostics" not in kinds(result)


def test_scores_far_from_zero_have_the_same_residuals():
    question = asked("MMRM", SITUATIONS[0])
    near = study("MMRM", SITUATIONS[0])
    far = dataclasses.replace(near, scores=near.scores.assign(pain=near.scores["pain"] + 5000.0))
    a, b = (question.run(s).data["diagnostics"] for s in (near, far))
    assert np.allclose(a["standardised"], b["standardised"], rtol=1e-6, atol=1e-8)
    assert np.allclose(a["fitted"] + 5000, b["fitted"], rtol=1e-9)
