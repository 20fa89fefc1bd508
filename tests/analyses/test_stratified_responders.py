"""Responders compared within strata: the numbers of R's mantelhaen.test, the words, who is left."""

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure
from tests.builders import PAIN


def study(tables, *, outcome=PAIN, none_at=0):
    """One stratum a row (responders, patients, responders, patients): K first, then P."""
    rows, who = [], []
    for j, (a, n, b, m) in enumerate(tables):
        for arm, k, total in (("K", a, n), ("P", b, m)):
            for i in range(total):
                patient = f"{j}{arm}{i}"
                who.append((patient, arm, f"site {j}"))
                rows += [(patient, "pre", 8), (patient, "post", 4 if i < k else 7)]
    patients = pd.DataFrame(who, columns=["patient", "arm", "site"])
    patients.loc[: none_at - 1, "site"] = None
    return oc.Study(
        pd.DataFrame(rows, columns=["patient", "visit", "pain"]),
        visits=("pre", "post"),
        patients=patients,
        design="parallel",
        measures={"pain": outcome},
    )


ASKED = oc.StratifiedResponders("pain", before="pre", after="post", reference="P")


def test_the_numbers_are_those_of_r():
    """R 4.2: mantelhaen.test(array(c(6,9,2,12, 9,13,5,15), c(2,2,2)), correct = TRUE): chi-squared
    2.3623859, common odds ratio 2.62741386 (0.90965368 to 7.58893604).
    """
    result = ASKED.run(study([(6, 15, 2, 14), (9, 22, 5, 20)]))
    odds = next(e for e in result.estimates if e.measure is Measure.ODDS_RATIO)
    assert odds.value == pytest.approx(2.627413858, rel=1e-9)
    assert (odds.low, odds.high) == pytest.approx((0.9096536784, 7.5889360393), rel=1e-9)
    assert result["CMH"].statistic == pytest.approx(2.3623858940, rel=1e-9)
    assert result.main.p == result["CMH"].p
    assert result.main.contrast.group == "K"
    assert result.main.measure is Measure.SHARE_DIFFERENCE


def test_arms_that_differ_only_between_strata_do_not_differ_within_them():
    """Simpson: in each site half respond in both arms; sites differ in size by arm."""
    result = ASKED.run(study([(18, 20, 9, 10), (1, 10, 2, 20)]))
    assert result.main.value == pytest.approx(0, abs=1e-12)
    assert "27%" not in result.sentence()
    assert "19 of 30 (63%) with K and 11 of 30 (37%) with P" in result.sentence()
    assert "risk difference was 0 percentage points" in result.sentence()


def test_a_patient_of_no_stratum_and_a_stratum_of_one_arm_are_said():
    result = ASKED.run(study([(3, 6, 2, 6), (2, 4, 0, 0)], none_at=1))
    assert "1 patient without a recorded site: left out." in result.notes
    assert any("patients of one group only" in note for note in result.notes)
    assert result.main.n == 15
    assert np.isnan(result["CMH"].p) == bool(result["CMH"].reason)


def test_the_correction_can_be_left_out():
    tables = [(6, 15, 2, 14), (9, 22, 5, 20)]
    plain = oc.StratifiedResponders(
        "pain", before="pre", after="post", reference="P", correction=False
    ).run(study(tables))
    assert plain["CMH"].p == pytest.approx(0.0733, abs=5e-5)
    assert plain["CMH"].p < ASKED.run(study(tables))["CMH"].p
    assert "with continuity correction" not in plain.methods_text()


def test_a_rule_of_change_needs_the_score_before():
    with pytest.raises(AnalysisError, match="add before="):
        oc.StratifiedResponders("pain", after="post")
