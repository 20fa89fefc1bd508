"""A model of repeated scores is what it says it is: the covariance that was asked for, at any
number of visits.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from tests.bounds import ends
from tests.builders import PAIN


def course(
    n: int, visits: int, *, arms: bool = False, missing: float = 0.0, seed: int = 1
) -> oc.Study:
    """Patients whose scores drift apart, so that compound symmetry is wrong."""
    rng = np.random.default_rng(seed)
    names = [f"week_{j}" for j in range(visits)]
    scores = 6 + np.cumsum(rng.normal(-0.1, 0.8, (n, visits)), axis=1) + rng.normal(0, 1, (n, 1))
    scores[rng.random(scores.shape) < missing] = np.nan
    wide = pd.DataFrame(scores.round(2), columns=names)
    wide["patient"] = [f"p{k:03d}" for k in range(n)]
    keys = ["patient"]
    if arms:
        wide["arm"] = np.where(np.arange(n) % 2, "ketamine", "placebo")
        keys.append("arm")
    long = wide.melt(keys, value_vars=names, var_name="visit", value_name="pain")
    return oc.Study(
        long, visits=names, design="parallel" if arms else "before-after", measures={"pain": PAIN}
    )


def test_seven_visits_keep_an_unstructured_covariance_and_equal_the_paired_t_test():
    study = course(60, 7)
    result = oc.CohortModel("pain").run(study)
    paired = oc.PairedT("pain", before="week_0", after="week_6").run(study)["mean change"]
    e = result["mean change | week_6"]
    assert result.model.covariance == "unstructured"
    assert result.model.tried == ()
    assert (e.value, e.se, e.df) == pytest.approx((paired.value, paired.se, paired.df))


def test_what_cannot_be_fitted_is_said_in_methods_notes_and_sentence():
    result = oc.CohortModel("pain").run(course(12, 14))  # 105 parameters of 12 patients
    model = result.model
    assert model.covariance != "unstructured"
    assert model.tried[0][0] == "unstructured"
    for text in (result.methods_text(), " ".join(result.notes)):
        assert "The unstructured" in text
        assert "could not be fitted" in text
    assert model.covariance in result.methods_text()
    assert model.covariance in result.sentence()
    assert "unstructured covariance, REML" not in result.methods_text()


def test_methods_say_what_was_declared_and_fitted():
    study = course(60, 4, arms=True)
    plain = oc.MMRM("pain", covariance=("cs",), reference="placebo")
    assert "a compound symmetry covariance, REML" in plain.run(study).methods_text()
    assert "unstructured" not in plain.methods_text()
    own = oc.MMRM("pain", by_arm=True, reference="placebo").run(study)
    assert "an unstructured covariance for each arm" in own.methods_text()
    assert "visit by baseline" not in oc.CLDA("pain", reference="placebo").run(study).methods_text()
    assert "one mean for all arms" in oc.CLDA("pain", reference="placebo").run(study).methods_text()


def test_twenty_visits_do_not_take_minutes():
    with ends():
        result = oc.CohortModel("pain").run(course(250, 20, missing=0.05))
    assert result.model.covariance == "unstructured"


def test_ml_and_its_criteria_are_on_the_record():
    study = course(40, 4)
    ml, reml = (oc.CohortModel("pain", estimator=e).run(study).model for e in ("ML", "REML"))
    assert (ml.estimator, reml.estimator) == ("ML", "REML")
    k, p = 10, 4  # covariance parameters and coefficients
    assert ml.aic == pytest.approx(-2 * ml.loglik + 2 * (k + p))
    assert reml.bic == pytest.approx(-2 * reml.loglik + np.log(40) * k)
    with pytest.raises(AnalysisError, match="REML"):
        oc.CohortModel("pain", estimator="MLE").run(study)


def test_coefficients_and_covariance_of_the_model_are_tables():
    study = course(40, 3)
    result = oc.CohortModel("pain").run(study)
    wide = study.wide("pain")[["week_0", "week_1", "week_2"]]
    cells = result.data["covariance"].pivot(
        index="visit", columns="other visit", values="covariance"
    )
    assert cells.to_numpy() == pytest.approx(wide.cov().to_numpy())
    assert result.data["coefficients"]["value"].iloc[0] == pytest.approx(wide["week_0"].mean())


def test_the_methods_chapter_of_an_imputed_model_says_what_was_fitted():
    study = course(30, 3, missing=0.1)
    question = oc.Imputed(oc.CohortModel("pain", covariance=("ar1",)), draws=3, seed=1)
    assert "AR(1) covariance, REML" in question.run(study).methods_text()


def test_linear_time_with_a_random_intercept_is_the_within_patient_slope_where_all_are_seen():
    study = course(20, 4)
    result = oc.SlopeModel("pain", times=(0, 1, 2, 3), random="intercept").run(study)
    y, t = study.wide("pain").to_numpy(), np.arange(4) - 1.5
    residual = (y - y.mean(axis=1, keepdims=True)) - np.outer(np.ones(20), t) * (
        (y @ t).sum() / (20 * (t @ t))
    )
    df = 20 * 3 - 1
    assert result["slope"].value == pytest.approx((y @ t).sum() / (20 * (t @ t)))
    assert result["slope"].se == pytest.approx(
        np.sqrt((residual**2).sum() / df / (20 * (t @ t))), rel=1e-6
    )
    assert result["slope"].df == pytest.approx(df)
    assert "a random intercept for each patient, REML" in result.methods_text()
    with pytest.raises(AnalysisError, match="intercept"):
        oc.SlopeModel("pain", times=(0, 1, 2, 3), random="both").run(study)


@pytest.mark.parametrize("nothing", ["NaN", "", "  "])
def test_a_blank_arm_is_no_arm(nothing):
    study = course(12, 3, arms=True)
    scores = study.scores.copy()
    arms = ["ketamine", "placebo"] * 5 + [nothing] * 2
    scores["arm"] = scores["patient"].map(dict(zip(sorted(scores["patient"].unique()), arms)))
    study = oc.Study(scores, visits=study.visits, design="parallel", measures={"pain": PAIN})
    for question in (
        oc.MMRM("pain", covariance=("cs",), reference="placebo"),
        oc.ANCOVA("pain", before="week_0", after="week_2", reference="placebo"),
    ):
        result = question.run(study)
        assert result.counts.analysed == 10
        assert ("no arm recorded", 2) in result.counts.left_out
        assert {e.group.split(" - ")[0] for e in result.estimates if e.group} <= {
            "ketamine",
            "placebo",
        }
