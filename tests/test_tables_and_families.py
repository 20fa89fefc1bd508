"""Tables and the words of multiplicity: a level beside every interval that has another one, no word
that says the opposite.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import outcomes as oc
from tests.builders import two_visits

STUDY = two_visits([7, 6, 8, 5, 9, 6, 7], [5, 6, 7, 3, 7, 5, 6])
VISITS = {"before": "baseline", "after": "week_4"}


def test_an_interval_of_another_level_says_so():
    results = oc.Plan(oc.PairedT("pain", **VISITS), oc.TOST("pain", **VISITS, margin=1)).run(STUDY)
    table = oc.table(results)
    at = table.header.index("interval")
    cells = {row[0]: row[at] for row in table.rows if row[0]}
    tost = next(cell for name, cell in cells.items() if "TOST" in name)
    assert tost.endswith("(90%)")
    assert sum("%)" in row[at] for row in table.rows) == 1
    assert (
        table.notes[0]
        == "Intervals are 95% confidence intervals, where no other level stands beside them."
    )


def test_counts_are_whole():
    table = oc.table(oc.SignedRank("pain", **VISITS).run(STUDY))
    assert next(row[1] for row in table.rows if row[0] == "zero differences") == "1"


def test_a_frame_shows_a_gap_as_a_gap_and_a_true_minus():
    frame = pd.DataFrame(
        {
            "a": pd.array([1, None], dtype="Int64"),
            "b": ["x", None],
            "c": np.array([True, False]),
            "d": [-5, 3],
        }
    )
    assert oc.table(frame).rows == (("1", "x", "yes", "−5"), ("–", "–", "no", "3"))


def words(how):
    plan = oc.Plan(
        oc.PairedT("pain", **VISITS, family="f"),
        oc.SignFlip("pain", **VISITS, family="f"),
        families={"f": how},
    )
    return plan.run(STUDY).multiplicity


def test_no_adjustment_is_not_called_one():
    assert words("none") == "P values were not adjusted within the family f."


def test_a_fixed_sequence_is_tested_not_adjusted_by():
    assert words("fixed-sequence").startswith(
        "P values were tested in the declared order until the first that failed within"
    )


def test_a_family_counts_the_main_visit_of_a_model_not_its_first():
    rng = np.random.default_rng(6)
    before = rng.integers(6, 10, 24).astype(float)
    frame = pd.DataFrame(
        {
            "patient": [f"p{i:02d}" for i in range(24)],
            "w0": before,
            "w1": before - rng.integers(0, 2, 24),
            "w4": before - rng.integers(1, 5, 24),
        }
    )
    study = oc.Study(
        frame.melt("patient", var_name="visit", value_name="pain"),
        visits=("w0", "w1", "w4"),
        measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    )
    asked = (
        oc.CohortModel("pain", family="f"),
        oc.PairedT("pain", before="w0", after="w4", family="f"),
    )
    plan = oc.Plan(*asked, families={"f": "bonferroni"})
    model = plan.run(study)[0]
    last = next(e for e in model.estimates if e.visit == "w4" and e.p == e.p)
    assert last.p_adjusted == min(1.0, 2 * last.p)
    first = next(e for e in model.estimates if e.visit == "w1" and e.p == e.p)
    assert first.p_adjusted != min(1.0, 2 * first.p)
