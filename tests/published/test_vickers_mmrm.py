"""Vickers 2006 (acupuncture for chronic headache, 401 patients): the mixed model over 3 and 12
months, as computed in R (nlme).
"""

from __future__ import annotations

import pandas as pd
import pytest

import outcomes as oc
from tests.shared import PUBLISHED

FILE = "vickers2004_acupuncture/acupuncture.csv"


def test_control_minus_acupuncture_at_3_and_12_months():
    data = pd.read_csv(PUBLISHED / FILE, encoding="utf-8-sig")
    data["arm"] = data["group"].map({0: "control", 1: "acupuncture"})
    wide = data.rename(
        columns={"id": "patient", "pk1": "baseline", "pk2": "month_3", "pk5": "month_12"}
    )
    visits = ("baseline", "month_3", "month_12")
    scores = wide.melt(
        ["patient", "arm"], value_vars=visits, var_name="visit", value_name="headache"
    )
    study = oc.Study(
        scores,
        visits=visits,
        design="parallel",
        measures={"headache": oc.Outcome("headache", "headache score", "lower")},
    )
    result = oc.MMRM("headache", df="satterthwaite").run(study)
    assert result.counts.analysed == 332 and int(result.data["observed"]["n"].sum()) == 627
    for visit, value, se in (("month_3", 4.16, 1.23), ("month_12", 4.70, 1.25)):
        e = result[f"adjusted difference | acupuncture - control | {visit}"]
        assert (round(-e.value, 2), round(e.se, 2)) == (value, se)
    assert result.model.loglik == pytest.approx(-2363.506, abs=5e-4)
