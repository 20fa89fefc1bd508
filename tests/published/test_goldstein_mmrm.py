"""Goldstein 2004 (duloxetine; masked data, 172 patients, HAMD17 at four visits): the unstructured
REML mixed model.

Expected values from R (nlme, and the masked data's documentation), at the printed digits.
"""

from __future__ import annotations

import pandas as pd
import pytest

import outcomes as oc
from tests.shared import PUBLISHED

FILE = "goldstein2004_antidepressant/antidepressant_data.csv"


@pytest.fixture(scope="module")
def study():
    data = pd.read_csv(PUBLISHED / FILE, dtype={"PATIENT": str})
    data["visit"] = "visit_" + data["VISIT"].astype(str)
    later = data.rename(columns={"PATIENT": "patient", "HAMDTL17": "hamd", "THERAPY": "arm"})
    first = later.drop_duplicates("patient").assign(visit="baseline", hamd=lambda d: d["BASVAL"])
    scores = pd.concat([first, later])[["patient", "visit", "arm", "hamd"]]
    visits = ("baseline", "visit_4", "visit_5", "visit_6", "visit_7")
    return oc.Study(
        scores,
        visits=visits,
        design="parallel",
        measures={"hamd": oc.Outcome("hamd", "HAMD17", "lower")},
    )


def test_the_printed_contrasts(study):
    result = oc.MMRM("hamd").run(study)
    assert result.counts.analysed == 172
    for visit, value, se in (
        ("visit_7", -2.802, 1.114),
        ("visit_6", -2.225, 1.000),
        ("visit_5", -1.403, 0.924),
    ):
        e = oc.MMRM("hamd", df="satterthwaite").run(study)[
            f"adjusted difference | DRUG - PLACEBO | {visit}"
        ]
        assert (round(e.value, 3), round(e.se, 3)) == (value, se)
        adjusted = result[f"adjusted difference | DRUG - PLACEBO | {visit}"]
        assert adjusted.value == pytest.approx(e.value, rel=1e-12) and adjusted.se >= e.se
    assert round(result.model.loglik, 3) == -1747.101
    seen = result.data["observed"].groupby("visit")["n"].sum()
    assert [round(100 * (1 - seen[v] / 172)) for v in study.visits[1:]] == [0, 8, 13, 25]
    assert any("More than 10%" in note for note in result.notes)


def test_scores_and_changes_give_the_same_contrast_since_the_baseline_is_in_the_model(study):
    assert (
        "at visit 7 was −2.80 points for DRUG minus PLACEBO"
        in oc.MMRM("hamd").run(study).sentence()
    )


def test_jump_to_reference_as_printed_for_150_bayesian_imputations(study):
    # rbmi's quickstart vignette (Gower-Page et al. 2022, J Open Source Softw 7:4251): visit 7,
    # 2.136 (SE 1.120, -0.078 to 4.350), P=.058, placebo - drug; its Monte Carlo standard error is
    # about 0.03. Visit 4 has nothing missing and must agree in full.
    ask = oc.Imputed(
        oc.ANCOVA("hamd", before="baseline", after="visit_7"), method="j2r", draws=400, seed=1
    )
    e = ask.run(study).estimates[0]
    assert (-e.value, e.se) == (pytest.approx(2.136, abs=0.1), pytest.approx(1.120, abs=0.03))
    mean = oc.ReferenceBased("hamd").run(study)["adjusted difference | DRUG - PLACEBO | visit_7"]
    assert -mean.value == pytest.approx(2.136, abs=0.1)
    first = oc.ANCOVA("hamd", before="baseline", after="visit_4").run(study).estimates[0]
    assert (first.value, first.se) == pytest.approx((0.09180645, 0.6826279), rel=1e-6)
