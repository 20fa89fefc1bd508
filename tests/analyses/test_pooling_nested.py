"""Sites within units, pooled on three levels: the arithmetic is the kernel's, sites are where they
belong, words say both levels.
"""

from __future__ import annotations

import math

import pandas as pd
import pytest
from numpy.testing import assert_allclose

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.meta_analysis.three_level import leave_one_cluster_out, three_level
from tests.analyses.test_pooling import sites_study
from tests.builders import PAIN

QUESTION = oc.PairedT("pain", before="baseline", after="week_4")
HOMES = {
    "site 1": "north",
    "site 2": "north",
    "site 3": "south",
    "site 4": "south",
    "site 5": "east",
    "site 6": "west",
}
NESTED = oc.NestedSites(QUESTION, within="region")


def nested_study(sizes=(12, 20, 9, 30, 15, 14), homes=HOMES, **more):
    study = sites_study(sizes, **more)
    scores = study.scores.assign(region=study.scores["site"].map(homes))
    return oc.Study(scores, visits=study.visits, measures={"pain": PAIN}, design=study.design)


def test_it_is_the_kernel_on_the_sites_own_answers():
    study = nested_study()
    result = NESTED.run(study)
    names = sorted(HOMES, key=lambda s: (HOMES[s], s))
    own = [QUESTION.run(study.where(site=s))["mean change"] for s in names]
    y, v, homes = [e.value for e in own], [e.se**2 for e in own], [HOMES[s] for s in names]
    for e in three_level(y, v, cluster=homes):
        for field in ("value", "low", "high", "p", "df"):
            assert_allclose(getattr(result[e.name], field), getattr(e, field), err_msg=e.name)
    left = leave_one_cluster_out(y, v, cluster=homes)
    assert_allclose(result["pooled | without south"].value, left[2].value)
    assert_allclose(result["mean change | site 3 (south)"].value, y[names.index("site 3")])
    assert (result.counts.analysed, result.counts.enrolled) == (100, 100)
    assert list(result.data["forest"]["label"]) == [
        *(f"{s} ({HOMES[s]})" for s in names),
        "pooled",
        "prediction interval",
    ]
    assert result.estimates[0].name == "pooled"  # the first p-value is the main one


def test_words():
    result = NESTED.run(nested_study(spread=1.2, seed=5))
    words = result.sentence()
    assert words.startswith(
        "Across 6 sites in 4 regions the pooled mean change in average pain (NRS) was −"
    )
    for part in (
        "cluster-robust (CR2)",
        "between regions; τ=",
        "between sites of one region",
        "95% prediction interval",
        "n=100 of 100",
    ):
        assert part in words
    assert "below 4 the P-value is only roughly right" in " ".join(result.notes)
    assert "each region left out in turn" in NESTED.methods_text()
    country = oc.NestedSites(QUESTION, within="country")
    renamed = nested_study()
    renamed = oc.Study(
        renamed.scores.rename(columns={"region": "country"}),
        visits=renamed.visits,
        measures={"pain": PAIN},
    )
    assert "in 4 countries the pooled" in country.run(renamed).sentence()


def test_two_units_are_not_pooled():
    result = NESTED.run(nested_study(homes=dict.fromkeys(HOMES, "north") | {"site 6": "west"}))
    assert {e.name for e in result.estimates} == {"mean change"}
    assert result.sentence().startswith(
        "At 6 sites in 2 regions the mean change in average pain (NRS) was site 1 (north) "
    )
    assert "too few to pool" in result.sentence()


def test_a_site_lies_in_one_unit():
    study = nested_study()
    scores = study.scores.copy()
    scores.loc[scores["patient"].isin(["s0p0", "s2p1"]), "region"] = "west"
    with pytest.raises(AnalysisError, match="Site site 1 and site 3 is in more than one region"):
        NESTED.run(oc.Study(scores, visits=study.visits, measures={"pain": PAIN}))


def test_a_site_without_a_unit_is_counted_out():
    result = NESTED.run(nested_study(homes={k: v for k, v in HOMES.items() if k != "site 4"}))
    assert result.counts.analysed == 70
    assert "Not pooled: site 4 (no region recorded)." in result.notes


def test_a_site_that_cannot_answer_is_named():
    result = NESTED.run(nested_study(sizes=(12, 20, 9, 30, 15, 1)))
    assert any(note.startswith("Not pooled: site 6 (") for note in result.notes)
    assert result["pooled"].df > 0


def test_one_site_a_unit_is_another_question():
    with pytest.raises(AnalysisError, match="Every region has one site: ask PooledSites"):
        NESTED.run(nested_study(homes={s: f"r{i}" for i, s in enumerate(HOMES)}))


def test_sites_that_all_changed_alike():
    frame = pd.DataFrame(
        [
            (f"{s}{i}", s, s[0], v, y - 2 * (v == "week_4") + (i % 2) * (v == "week_4"))
            for s in ("a1", "a2", "b1", "c1")
            for i, y in enumerate((5.0, 6.0, 7.0, 8.0))
            for v in ("baseline", "week_4")
        ],
        columns=["patient", "site", "region", "visit", "pain"],
    )
    result = NESTED.run(oc.Study(frame, visits=("baseline", "week_4"), measures={"pain": PAIN}))
    assert result["pooled"].reason == "zero_variance"
    assert math.isnan(result["pooled"].low)
    assert "no interval" in result.sentence()


def test_it_is_a_question_in_a_plan():
    plan = oc.Plan(NESTED)
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    with pytest.raises(AnalysisError, match="NestedSites pools a question"):
        oc.NestedSites("pain", within="region")
