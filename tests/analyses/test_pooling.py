"""Sites asked one by one, then pooled: the arithmetic, the counts, the words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.meta_analysis.random_effects import leave_one_out, pool
from tests.builders import PAIN, two_visits

QUESTION = oc.PairedT("pain", before="baseline", after="week_4")


def sites_study(sizes, seed=3, spread=0.5, arms=()):
    rng, rows = np.random.default_rng(seed), []
    for s, n in enumerate(sizes):
        shift = rng.normal(-1.5, spread)
        for i in range(n):
            before = round(rng.normal(7, 1.2), 1)
            arm = arms[i % len(arms)] if arms else ""
            after = round(before + shift * (0.3 if arm == "placebo" else 1) + rng.normal(0, 1.5), 1)
            who = f"s{s}p{i}"
            rows += [
                (who, f"site {s + 1}", arm, v, y)
                for v, y in (("baseline", before), ("week_4", after))
            ]
    frame = pd.DataFrame(rows, columns=["patient", "site", "arm", "visit", "pain"])
    design = "parallel" if arms else "before-after"
    return oc.Study(frame, visits=("baseline", "week_4"), measures={"pain": PAIN}, design=design)


def test_it_is_the_kernel_on_the_sites_own_answers():
    study = sites_study([12, 20, 9, 30, 15])
    result = oc.PooledSites(QUESTION).run(study)
    own = [QUESTION.run(study.where(site=f"site {i}"))["mean change"] for i in range(1, 6)]
    y, v = [e.value for e in own], [e.se**2 for e in own]
    expected = {e.name: e for e in pool(y, v)}
    for name in ("pooled", "prediction interval", "tau2", "I2", "Q"):
        assert_allclose(result[name].value, expected[name].value)
    assert_allclose(result["pooled"].low, expected["pooled"].low)
    assert_allclose(result["mean change | site 3"].value, y[2])
    assert_allclose(result["pooled | without site 2"].value, leave_one_out(y, v)[2].value)
    assert result.counts.analysed == 86
    assert list(result.data["forest"]["label"])[-2:] == ["pooled", "prediction interval"]


def test_words():
    result = oc.PooledSites(QUESTION).run(sites_study([12, 20, 9, 30, 15]))
    e, pi = result["pooled"], result["prediction interval"]
    words = result.sentence()
    assert words.startswith("Across 5 sites the pooled mean change in average pain (NRS) was −1.")
    assert "random effects, REML, Hartung–Knapp–Sidik–Jonkman t interval" in words
    assert "95% prediction interval" in words
    assert words.endswith("n=86 of 86).")
    assert pi.low < e.low < e.high < pi.high
    legacy = oc.PooledSites(QUESTION, estimator="DL", interval="z").run(
        sites_study([12, 20, 9, 30, 15])
    )
    assert "z=" in legacy.sentence()
    assert "random effects, DL, normal interval" in legacy.sentence()


def test_sites_that_agree_too_well_get_the_truncated_interval_beside():
    result = oc.PooledSites(QUESTION).run(sites_study([40, 40, 40, 40], seed=8, spread=0.0))
    factor = result["Hartung-Knapp factor"].value
    shown = {e.name: e for e in result.estimates}
    assert (factor < 1) == ("pooled, truncated interval" in shown)
    seeds = (
        r["pooled, truncated interval"]
        for seed in range(8, 20)
        if (r := oc.PooledSites(QUESTION).run(sites_study([40] * 4, seed=seed, spread=0.0)))[
            "Hartung-Knapp factor"
        ].value
        < 1
    )
    cut = next(seeds)
    assert cut.high > cut.low


def test_two_sites_stand_for_themselves():
    result = oc.PooledSites(QUESTION).run(sites_study([12, 20]))
    assert {e.name for e in result.estimates} == {"mean change"}
    assert result.sentence().startswith(
        "At 2 sites the mean change in average pain (NRS) was site 1 "
    )
    assert "too few sites to pool" in result.sentence()
    assert any("without a pooled interval" in n for n in result.notes)


def test_a_site_that_cannot_answer_is_named_and_counted():
    result = oc.PooledSites(QUESTION).run(sites_study([12, 20, 1, 15]))
    assert result.detail.sites == 3
    assert "Not pooled: site 3 (too few patients)." in result.notes
    assert ("no site recorded, or a site not pooled", 1) in result.counts.left_out
    assert result.counts.enrolled == 48


def test_arm_contrasts_are_pooled_too():
    study = sites_study([24, 30, 20, 26], arms=("ketamine", "placebo"))
    question = oc.ANCOVA("pain", before="baseline", after="week_4")
    result = oc.PooledSites(question, of="adjusted difference").run(study)
    assert not any("No control group" in n for n in result.notes)
    assert result["pooled"].value < 0
    assert result.detail.what == "adjusted difference"


def test_refusals():
    with pytest.raises(AnalysisError, match="pools a question"):
        oc.PooledSites("pain")
    with pytest.raises(AnalysisError, match="Did you mean 'REML'"):
        oc.PooledSites(QUESTION, estimator="REMLL")
    with pytest.raises(AnalysisError, match="site"):
        oc.PooledSites(QUESTION).run(two_visits([7, 6, 8], [5, 6, 2]))
    with pytest.raises(AnalysisError, match="No estimate 'd_zz'"):
        oc.PooledSites(QUESTION, of="d_zz").run(sites_study([12, 20, 15]))
    shares = oc.Responders("pain", before="baseline", after="week_4")
    with pytest.raises(AnalysisError):
        oc.PooledSites(shares).run(sites_study([12, 20, 15]))


def test_it_survives_toml_with_the_question_inside():
    plan = oc.Plan(oc.PooledSites(QUESTION, estimator="PM", role="secondary"))
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    assert plan.run(sites_study([12, 20, 15]))[0].failed == ""
