"""Cox regression of the return of pain: against the kernel, statsmodels, and in its words."""

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.hazard_regression import PHReg

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure
from tests.builders import PAIN

VISITS = ("baseline", "day_1", "day_3", "day_7", "day_14")
DAYS = np.array([1.0, 3, 7, 14])


def study(back, **characteristics):
    """Pain is back at this visit (5: not by the last)."""
    rows = [
        (f"p{i:02d}", v, 8 if j == 0 or j >= b else 3)
        for i, b in enumerate(back)
        for j, v in enumerate(VISITS)
    ]
    patients = pd.DataFrame({"patient": [f"p{i:02d}" for i in range(len(back))]} | characteristics)
    return oc.Study(
        pd.DataFrame(rows, columns=["patient", "visit", "pain"]),
        visits=VISITS,
        patients=patients,
        measures={"pain": PAIN},
    )


def drawn(n=40, seed=3):
    rng = np.random.default_rng(seed)
    back, age = rng.integers(1, 6, n), rng.integers(20, 80, n).astype(float)
    return back, age, np.where(rng.integers(0, 2, n), "PO", "IV")


def test_it_is_statsmodels_cox_model_of_the_same_times():
    back, age, route = drawn()
    result = oc.ReturnOfPain("pain", covariates=("route", "age")).run(
        study(back, age=age, route=route)
    )
    time, event = DAYS[np.minimum(back, 4) - 1], (back < 5).astype(int)
    x = np.column_stack([route == "PO", age]).astype(float)
    theirs = PHReg(time, x, status=event, ties="efron").fit()
    ours = result.estimates
    assert [math.log(e.value) for e in ours] == pytest.approx(theirs.params.tolist(), rel=1e-5)
    assert [e.se for e in ours] == pytest.approx(theirs.bse.tolist(), rel=1e-5)
    assert [e.p for e in ours] == pytest.approx(theirs.pvalues.tolist(), rel=1e-4)
    assert {e.measure for e in ours} == {Measure.HAZARD_RATIO}
    assert (ours[0].contrast.group, ours[0].contrast.reference) == ("PO", "IV")


def test_sooner_is_a_ratio_above_one_and_the_sentence_says_so():
    back = [1, 1, 2, 1, 2, 3, 1, 2, 2, 3, 3, 4, 4, 5, 3, 4, 2, 5, 4, 5]
    result = oc.ReturnOfPain("pain", covariates=("route",)).run(
        study(back, route=["PO"] * 10 + ["IV"] * 10)
    )
    e = result.main
    assert e.low > 1
    assert "hazard ratio, PO against IV:" in result.sentence()
    assert "above 1 it comes back sooner" in result.sentence()
    assert "17 of 20 patients" in result.sentence()
    assert "Groups by route were not randomised" in result.sentence()


def test_few_returns_for_the_coefficients_are_said():
    back, age, route = drawn(12)
    result = oc.ReturnOfPain("pain", covariates=("route", "age")).run(
        study(back, age=age, route=route)
    )
    assert any("fewer than ten each" in note for note in result.notes)


def test_a_patient_without_the_characteristic_is_counted():
    back, age, route = drawn(20)
    age[:3] = np.nan
    result = oc.ReturnOfPain("pain", covariates=("age",)).run(study(back, age=age, route=route))
    assert result.counts.left_out == (("no age recorded", 3),)
    assert result.estimates[0].n == 17


def test_what_it_refuses():
    with pytest.raises(AnalysisError, match="needs a covariate"):
        oc.ReturnOfPain("pain", covariates=())
    with pytest.raises(AnalysisError, match="share is the part"):
        oc.ReturnOfPain("pain", share=0)
    with pytest.raises(AnalysisError, match="ties"):
        oc.ReturnOfPain("pain", covariates=("route",), ties="exact").run(
            study([1, 2, 3, 4], route=["a", "b"] * 2)
        )
