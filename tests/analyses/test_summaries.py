"""Pooling what sites report: metafor's values, correlations tried in turn, rare events, suspicious
SDs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.meta_analysis.random_effects import pool
from outcomes.stats.meta_analysis.three_level import three_level
from outcomes.stats.wald import critical
from tests.shared import reference_data, reference_rows

TABLE = pd.DataFrame(
    {
        "site": list("ABCD"),
        "n": [20, 35, 12, 28],
        "mean_change": [-1.2, -2.0, -1.5, -1.7],
        "sd_before": [2.1, 1.9, 2.3, 2.0],
        "sd_after": [1.9, 2.2, 2.0, 2.1],
    }
)


@pytest.mark.parametrize(
    ("case", "measure"),
    [("meta_sites_change", "change"), ("meta_sites_SMCR", "SMCR"), ("meta_sites_PLO", "share")],
)
def test_against_metafor(case, measure):
    table = pd.DataFrame(reference_data("meta_sites_k09.csv")).rename(
        columns={"m_pre": "mean_before", "sd_pre": "sd_before"}
    )
    table = table.rename(columns={"responders": "events"} if measure == "share" else {})
    mine = [
        r
        for r in reference_rows()
        if r["case_id"] == case and r["options"].startswith("method=REML, test=knha")
    ]
    rows = {r["quantity"]: float(r["value"]) for r in mine if not r["quantity"].startswith("pi_")}
    found = oc.pool_summaries(table, measure=measure)["pooled"]
    place = (lambda x: 1 / (1 + np.exp(-x))) if measure == "share" else (lambda x: x)
    assert_allclose(
        [found.value, found.low, found.high],
        [place(rows[k]) for k in ("est", "low", "high")],
        rtol=1e-6,
    )


def test_an_unknown_correlation_is_tried_in_turn():
    result = oc.pool_summaries(TABLE)
    pooled = {
        e.group: e for e in result.estimates if e.name == "pooled" and "without" not in e.group
    }
    assert list(pooled) == ["r=0.3", "r=0.5", "r=0.7"]
    assert pooled["r=0.3"].se > 0
    assert "with r=0.5" in result.sentence()
    one = oc.pool_summaries(TABLE, r=0.6)
    assert {e.group for e in one.estimates if e.name == "pooled" and "without" not in e.group} == {
        "r=0.6"
    }
    given = oc.pool_summaries(TABLE.assign(r=[0.5] * 4))
    assert_allclose(given["pooled"].value, pooled["r=0.5"].value)
    assert oc.pool_summaries(TABLE.assign(sd_change=2.0))["pooled"].group == ""


def test_rare_events():
    counts = [(6, 15, 2, 14), (9, 22, 5, 20), (3, 9, 1, 10), (12, 31, 7, 30), (0, 6, 0, 7)]
    table = pd.DataFrame(counts, columns=["events1", "n1", "events2", "n2"])
    rd = oc.pool_summaries(table, measure="RD")
    assert_allclose(rd["pooled"].value, 0.17048806467573266, rtol=1e-9)  # metafor 3.8, rma.mh
    assert rd.notes == ("1 site without any event: kept in the risk difference.",)
    assert_allclose(
        np.log(oc.pool_summaries(table, measure="OR")["pooled"].value),
        0.91471347629322763,
        rtol=1e-9,
    )
    assert_allclose(
        np.log(oc.pool_summaries(table, measure="Peto")["pooled"].value),
        0.86814034619351788,
        rtol=1e-9,
    )
    start = (
        "Across 5 sites the pooled risk difference (Mantel-Haenszel) was 17 percentage points (95%"
        " CI, 4 to 30; P=.01;"
    )
    assert rd.sentence().startswith(start)


def test_suspicious_sds_are_named():
    odd = oc.pool_summaries(TABLE.assign(sd_change=[2.0, 0.35, 2.2, 1.9]))
    assert any("sd_change of B looks like a standard error" in n for n in odd.notes)
    assert any(
        "fit no correlation" in n
        for n in oc.pool_summaries(TABLE.assign(sd_change=[2.0, 2.0, 2.0, 9.0])).notes
    )
    assert oc.pool_summaries(TABLE).notes == ()


def test_two_sites_are_shown_not_pooled():
    result = oc.pool_summaries(TABLE.head(2), r=0.5)
    assert {e.name for e in result.estimates} == {"mean change"}
    assert "too few sites to pool" in result.sentence()
    assert result.to_frame()["enrolled"].iloc[0] == 2


def test_words_for_bad_input():
    with pytest.raises(AnalysisError, match="Did you mean 'SMCR'"):
        oc.pool_summaries(TABLE, measure="SMRC")
    with pytest.raises(AnalysisError, match=r"No column 'sd_after'.*Or give sd_change"):
        oc.pool_summaries(TABLE.drop(columns="sd_after"))
    with pytest.raises(AnalysisError, match="Not every site has a number for n"):
        oc.pool_summaries(TABLE.assign(n=[20, None, 12, 28]))
    with pytest.raises(AnalysisError, match="at A: n must be at least 2"):
        oc.pool_summaries(TABLE.assign(n=[1, 35, 12, 28]), measure="SMCR", r=0.5)
    with pytest.raises(AnalysisError, match="hartung-knapp"):
        oc.pool_summaries(TABLE, interval="wald")


def test_rows_that_belong_together_are_pooled_on_three_levels():
    table = TABLE.assign(sd_change=2.0, study=["x", "x", "y", "z"])
    found = oc.pool_summaries(table, within="study")
    expected = {
        e.name: e for e in three_level(table["mean_change"], 4 / table["n"], cluster=table["study"])
    }
    for name in ("pooled", "prediction interval", "tau2 between", "I2 within"):
        assert_allclose(
            [found[name].value, found[name].low], [expected[name].value, expected[name].low]
        )
    assert "cluster-robust (CR2)" in found.sentence()
    assert not any(
        "without" in e.group for e in found.estimates
    )  # three units: each left out would leave two
    share = oc.pool_summaries(table.assign(events=[5, 12, 6, 9]), measure="share", within="study")
    assert 0 < share["pooled, model-based"].value < 1 and 0 < share["prediction interval"].high < 1
    two = oc.pool_summaries(table.assign(study=["x", "x", "y", "y"]), within="study")
    assert {e.name for e in two.estimates} == {
        "mean change"
    } and "Fewer than 3 of study" in two.notes[0]
    for more, said in (
        ({"estimator": "DL"}, "no other estimator"),
        ({"measure": "RD"}, "none of RD"),
        ({"within": "land"}, "'land' does not"),
    ):
        counts = table.assign(events1=1, n1=9, events2=2, n2=9)
        with pytest.raises(AnalysisError, match=said):
            oc.pool_summaries(counts, **{"within": "study"} | more)


def published(**columns):
    effects = {"site": ["Amr", "Noppers", "Sigtermans", "Schwartzman"]}
    return pd.DataFrame(effects | {"effect": [-1.8, -1.1, -0.4, -1.5]} | columns)


SE = [0.6, 0.7, 0.5, 0.9]


def test_published_effects_are_pooled_as_by_the_kernel():
    result = oc.pool_summaries(published(se=SE), measure="effect")
    mine = next(e for e in result.estimates if e.name == "pooled")
    kernel = pool([-1.8, -1.1, -0.4, -1.5], np.square(SE))[0]
    assert_allclose(
        [mine.value, mine.low, mine.high, mine.p],
        [kernel.value, kernel.low, kernel.high, kernel.p],
        rtol=1e-12,
    )
    assert "Across 4 sites the pooled effect as published was" in result.sentence()


def test_published_intervals_give_the_same_as_standard_errors():
    half, effect = critical(0.95) * np.array(SE), np.array([-1.8, -1.1, -0.4, -1.5])
    table = published(low=effect - half, high=effect + half)
    a, b = (
        next(e for e in oc.pool_summaries(t, measure="effect").estimates if e.name == "pooled")
        for t in (table, published(se=SE))
    )
    assert_allclose([a.value, a.low, a.high], [b.value, b.low, b.high], rtol=1e-9)


def test_ratios_that_are_no_logarithms_are_refused():
    table = published(effect=[2.0, 1.5, 3.0, 1.2], low=[1, 1, 1, 1], high=[4, 2.25, 9, 1.44])
    with pytest.raises(AnalysisError, match="as logarithms"):
        oc.pool_summaries(table, measure="effect")
    with pytest.raises(AnalysisError, match="Or give se"):
        oc.pool_summaries(published(), measure="effect")
