"""No number of a ready-made plan or an example question moves unseen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.golden.numbers import DESIGNS, NAMES, VALUES, kinds, of_example, of_plans, read

#: Agreement asked of every number: relative, and absolute for numbers near 0.
RELATIVE, ABSOLUTE = 1e-12, 1e-12
#: Where a number comes from a search or a sum of many random draws, the last digits depend on the
#: libraries of linear algebra: the agreement asked of these questions, and what is searched for.
LOOSER = dict.fromkeys(
    ("MMRM", "CLDA", "CohortModel", "SlopeModel", "NestedSites", "PooledSites", "OneStageSites"),
    1e-9,  # variances, by the likelihood
) | {
    "Crossover": 1e-9,  # variances, by the likelihood
    "ProportionalOdds": 1e-9,  # coefficients, by Newton's method
    "CompareResponders": 1e-9,  # limits of score intervals, by root finding
    "ResponderGEE": 1e-9,  # coefficients and correlation in turn
    "ScoreGEE": 1e-9,  # coefficients and correlation in turn
    "ReturnOfPain": 1e-9,  # coefficients, by the partial likelihood
    "RegressionToMean": 1e-9,  # mean and SD before selection, by the likelihood
    "Imputed": 1e-9,  # draws from fitted distributions
    "ReferenceBased": 1e-9,  # draws from fitted distributions
    "Robustness": 1e-9,  # holds a mixed model and imputations
    "TippingPoint": 1e-9,  # the shift, by root finding over imputations
}


def compare(now: pd.DataFrame, then: pd.DataFrame) -> None:
    """Rows with the same names in the same order, and the same numbers."""
    assert now[NAMES].astype(str).to_numpy().tolist() == then[NAMES].astype(str).to_numpy().tolist()
    asked = now["method"].map(LOOSER).fillna(RELATIVE).to_numpy(float)
    names, moved = now[NAMES].to_numpy(), []
    for column in VALUES:
        a, b = now[column].to_numpy(float), then[column].to_numpy(float)
        near = ABSOLUTE + asked * np.abs(b)
        same = (np.abs(a - b) <= near) | (a == b) | (np.isnan(a) & np.isnan(b))
        moved += [(*names[i], column, b[i], a[i]) for i in np.flatnonzero(~same)]
    assert moved == []


SMALL = [f"small {design}: example" for design in DESIGNS]


@pytest.mark.filterwarnings("ignore")
def test_every_number_of_a_plan_is_as_it_was_written():
    then = read()
    compare(of_plans(), then[~then["source"].isin(SMALL)])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", kinds())
def test_every_number_of_an_example_is_as_it_was_written(method):
    then = read()
    now = pd.concat([of_example(design, method) for design in DESIGNS])
    compare(now, then[then["source"].isin(SMALL) & (then["method"] == method)])


def test_no_example_is_left_of_a_question_that_is_gone():
    then = read()
    assert set(then.loc[then["source"].isin(SMALL), "method"]) == set(kinds())


def test_looser_agreement_names_questions_that_are_asked():
    assert set(LOOSER) <= set(read()["method"])
