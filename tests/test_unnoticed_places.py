"""Places where a small fault had gone unnoticed: a random fault of the mutation run survived there."""

from __future__ import annotations

import dataclasses
import datetime
import math

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.individual import known_reliability
from outcomes.analyses.question import Analysis
from outcomes.core.flow import Counts
from outcomes.core.model import FittedModel
from outcomes.core.result import Result
from outcomes.plans.plan import kinds
from outcomes.readers.formats.excel import as_text
from outcomes.readers.formats.sheet_marks import _by_counting
from outcomes.reporting.plain_language import scale
from outcomes.stats.meta_analysis.glmm import _log_likelihood
from outcomes.stats.missing.imputation import rubin
from outcomes.stats.paired.location import variance_ratio
from outcomes.stats.paired.repeated_measures import _sphericity
from tests.builders import two_visits
from tests.contract.small import example


def test_cells_beyond_column_z_keep_their_address() -> None:
    sheet = b'<row r="3"><c r="Z3"/><c r="AA3"/><c/><c r="BC3"/></row>'
    assert [a for a, *_ in _by_counting(sheet)] == ["Z3", "AA3", "AB3", "BC3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime.datetime(2026, 5, 3), "2026-05-03"),
        (datetime.datetime(2026, 5, 3, 14, 30), "2026-05-03 14:30:00"),
        (datetime.date(2026, 5, 3), "2026-05-03"),
        (datetime.time(8, 5), "08:05:00"),
        (7.0, "7"),
        (6.5, "6.5"),
        (True, "TRUE"),
    ],
)
def test_a_cell_of_excel_as_text(value: object, text: str) -> None:
    assert as_text(value) == text


def test_a_scale_with_one_known_end_is_not_printed() -> None:
    assert scale(oc.Outcome("d", "Days", "lower", low=0)) == "lower is better"
    assert scale(oc.Outcome("n", "NRS", "lower", low=0, high=10)) == "0 to 10, lower is better"


def test_sphericity_is_tested_from_as_many_degrees_of_freedom_as_contrasts() -> None:
    error = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert not math.isnan(_sphericity(error, 2).mauchly_w)
    assert math.isnan(_sphericity(error, 1).mauchly_w)


def test_the_mode_of_a_far_site_is_found_from_both_sides() -> None:
    # mirrored: events become non-events, and the mean changes its sign
    x, k = np.array([0.0, 1, 30]), np.array([40.0, 40, 40])
    assert _log_likelihood(-2.0, 1.5, x, k) == pytest.approx(
        _log_likelihood(2.0, 1.5, k - x, k), rel=1e-12
    )


def test_scores_whose_sums_are_equal_have_no_variance_ratio() -> None:
    e = variance_ratio([1, 2, 3, 4, 5], [9, 8, 7, 6, 5])
    assert e.reason == "zero_variance"


def test_imputations_that_agree_have_the_complete_degrees_of_freedom() -> None:
    pooled = rubin([1.0, 1.0, 1.0], [0.04, 0.04, 0.04], df_complete=20)
    assert pooled.lam == 0 and math.isinf(pooled.df_large)
    assert pooled.estimate.df == pytest.approx(21 / 23 * 20)
    nearly = rubin([1.0, 1.0 + 1e-16, 1.0 - 1e-16], [0.04] * 3, df_complete=20)
    assert nearly.estimate.df == pytest.approx(21 / 23 * 20)


def test_methods_name_the_level_of_the_intervals() -> None:
    from outcomes.reporting.chapters import methods

    results = oc.Plan(oc.PairedT("pain", before="baseline", after="week_4", level=0.9)).run(
        two_visits([7, 6, 8, 5], [5, 5, 4, 5])
    )
    assert "Intervals have a confidence level of 90%." in methods._analysis(results)


def test_an_instrument_without_a_published_retest_says_so_and_what_to_give() -> None:
    ask = oc.IndividualChange("pain", before="baseline", after="week_4")
    study = two_visits([7, 6, 8, 5], [5, 5, 4, 5])
    with pytest.raises(oc.OutcomesError, match=r"needs a reliability.*reliability=0\.8"):
        ask.run(study)
    pain = oc.Outcome("pain", "pain", "lower", low=0, high=10, instrument="phq2", score="total")
    assert known_reliability(study, pain, 0.7, "a paper") == (0.7, "a paper")
    assert known_reliability(study, pain, None, "") == (None, "")


def test_answers_side_by_side_are_counted_as_the_first_of_them() -> None:
    scores = two_visits([7, 6, 8, 5, 9, 7], [5, 5, None, 5, 4, 6]).scores.assign(
        later=[7, 6, 8, 5, 9, 7, 5, None, None, 5, 4, 6]
    )
    pain = {n: oc.Outcome(n, n, "lower", low=0, high=10) for n in ("pain", "later")}
    study = oc.Study(scores, visits=("baseline", "week_4"), measures=pain)
    of = [oc.PairedT(n, before="baseline", after="week_4") for n in ("pain", "later")]
    assert oc.SideBySide(tuple(of)).run(study).counts.analysed == 5
    assert oc.SideBySide(tuple(of[::-1])).run(study).counts.analysed == 4


def test_a_score_of_0_before_has_no_days_with_relief() -> None:
    visits = ("baseline", "day_1", "day_2", "day_3")
    scores = pd.DataFrame(
        {
            "patient": [p for p in "abcd" for _ in visits],
            "visit": visits * 4,
            "pain": [6, 4, 5, 3, 7, 7, 4, 6, 8, 5, 4, 4, 0, 0, 0, 0],
        }
    )
    study = oc.Study(scores, visits=visits, measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    result = oc.Diary("pain", summary="relief_days", percent=30).run(study)
    # 4 and 3 of 6, 4 of 7, and 5, 4 and 4 of 8: 2, 1 and 3 days; nothing can fall below 0
    assert result.main is not None
    assert (result.main.value, result.counts.analysed) == (pytest.approx(2), 3)


@pytest.mark.parametrize("kind", [k for k in kinds().values() if k.__module__[:8] == "outcomes"])
def test_methods_are_said_of_an_answer_without_its_details(kind: type[Analysis]) -> None:
    question = example(kind)
    told = question.methods_of(Result(question, (), Counts(0, 0)))
    assert len(told.split()) > 4


def test_a_row_of_the_table_has_its_own_number_of_patients() -> None:
    # the first patient has no change in percent, and is in every other row
    study = two_visits([0, 6, 8, 5, 9], [1, 5, 6, 5, 4])
    frame = oc.PairedT("pain", before="baseline", after="week_4").run(study).to_frame()
    n = frame.set_index("term")["n"]
    assert n["mean change"] == 5
    assert n["median percent change of patients"] == 4


def test_fitted_models_are_compared_without_their_matrices() -> None:
    sigma = pd.DataFrame([[1.0, 0.5], [0.5, 1.0]])
    model = FittedModel("unstructured", "REML", "Kenward-Roger", sigma=sigma)
    assert model == dataclasses.replace(model, sigma=sigma + 1)
    assert model != dataclasses.replace(model, estimator="ML")
