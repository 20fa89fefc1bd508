"""The questions of repeated follow-up: answers, words and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.mmrm import repeated
from outcomes.stats.mixed.reml import NotConverged
from tests.builders import PAIN

VISITS = ("baseline", "week_1", "week_4", "week_12")


def study(n=40, seed=1, arms=True, dropout=0.1, **more):
    rng = np.random.default_rng(seed)
    arm = np.where(np.arange(n) % 2 == 0, "placebo", "ketamine")
    base = rng.normal(7, 1, n)
    effect = (arm == "ketamine") * -1.0 if arms else -1.0
    y = np.column_stack(
        [base, *(0.7 * base + 1 + effect + rng.normal(0, 1, n) + 0.1 * j for j in range(3))]
    )
    gone = (
        np.maximum.accumulate(np.column_stack([np.zeros(n), rng.random((n, 3)) < dropout]), axis=1)
        > 0
    )
    y[gone] = np.nan
    wide = pd.DataFrame(y, columns=list(VISITS)).assign(
        patient=[f"p{i:03d}" for i in range(n)], sex=np.where(np.arange(n) % 3, "f", "m")
    )
    if arms:
        wide["arm"] = arm
    keep = [c for c in ("patient", "arm", "sex") if c in wide]
    scores = wide.melt(keep, value_vars=list(VISITS), var_name="visit", value_name="pain")
    return oc.Study(
        scores,
        visits=VISITS,
        measures={"pain": PAIN},
        design="parallel" if arms else "follow-up",
        **more,
    )


def test_mmrm_counts_notes_and_sentence():
    r = oc.MMRM("pain", window=("week_4", "week_12"), covariates=("sex",)).run(study())
    assert (
        r.counts.enrolled == 40 and r.counts.analysed + sum(n for _, n in r.counts.left_out) == 40
    )
    e = r["adjusted difference | ketamine - placebo | week_12"]
    assert e.value < 0 and e.p_adjusted >= e.p and "Kenward-Roger" in e.how
    text = r.sentence()
    assert text.startswith(
        "In a mixed model for repeated measures (unstructured covariance, REML, Kenward-Roger"
    )
    assert (
        "at week 12 was −" in text
        and "for ketamine minus placebo (95% CI" in text
        and "over the 3 visits" in text
    )
    assert any("missing at random" in n for n in r.notes)
    assert set(r.data["course"].columns) == {"visit", "group", "mean", "low", "high", "n"}
    window = r["adjusted difference | ketamine - placebo | average of week_4, week_12"]
    parts = [
        r[f"adjusted difference | ketamine - placebo | {v}"].value for v in ("week_4", "week_12")
    ]
    assert window.value == pytest.approx(np.mean(parts))
    standardised = r["standardised adjusted difference | ketamine - placebo | week_12"]
    assert (
        standardised.value == pytest.approx(e.value / study().wide("pain")["baseline"].std(ddof=1))
        and standardised.unit == "baseline SD"
    )


def test_shuffled_rows_dropped_missing_rows_and_another_visit_first_give_the_same_answer():
    s = study(seed=3)
    again = s.scores.dropna(subset=["pain"]).sample(frac=1, random_state=2)
    other = oc.Study(again, visits=VISITS, measures={"pain": PAIN}, design="parallel")
    a, b = (oc.MMRM("pain").run(x).estimates for x in (s, other))
    for x, y in zip(a, b):
        np.testing.assert_allclose([x.value, x.se, x.df], [y.value, y.se, y.df], rtol=1e-9)


def test_two_visits_of_a_cohort_are_the_paired_t_test():
    s = study(arms=False, dropout=0.0)
    paired = oc.PairedT("pain", before="baseline", after="week_4").run(s)["mean change"]
    model = oc.CohortModel("pain", visits=("week_4",)).run(s)["mean change"]
    np.testing.assert_allclose(
        [model.value, model.se, model.df, model.p, model.low],
        [paired.value, paired.se, paired.df, paired.p, paired.low],
        rtol=1e-8,
    )


def test_the_cohort_model_speaks_of_no_effect():
    r = oc.CohortModel("pain").run(study(arms=False))
    text = r.sentence()
    assert "Estimated mean average pain (NRS) was" in text and text.endswith(
        "scores improved on average."
    )
    assert not any(w in text for w in ("effect", "reduced", "because"))
    assert any("No control group" in n for n in r.notes)
    assert r["any change"].df > 0


def test_clda_keeps_patients_without_baseline_and_slopes_differ_by_arm():
    s = study()
    scores = s.scores.copy()
    scores.loc[(scores["patient"] == "p003") & (scores["visit"] == "baseline"), "pain"] = np.nan
    s = oc.Study(scores, visits=VISITS, measures={"pain": PAIN}, design="parallel")
    with_baseline, both = oc.MMRM("pain").run(s), oc.CLDA("pain").run(s)
    assert (
        both.counts.analysed == 40 and with_baseline.counts.analysed == 35
    )  # baseline only, or no baseline: in cLDA they count
    assert ("no score at baseline", 1) in with_baseline.counts.left_out
    means = {
        e.group: e.value
        for e in both.estimates
        if e.name == "adjusted mean" and e.visit == "baseline"
    }
    assert means["ketamine"] == pytest.approx(means["placebo"])
    slope = oc.SlopeModel("pain", times=(0, 1, 4, 12), by="arm").run(s)
    assert slope["difference in slope"].value == pytest.approx(
        slope["slope | ketamine"].value - slope["slope | placebo"].value, rel=1e-8
    )


def test_arms_with_their_own_covariance_and_other_inference():
    s = study(60)
    one = oc.MMRM("pain", by_arm=True).run(s)
    assert "by arm" in one.model.how
    for df in ("satterthwaite", "CR2", "between-within"):
        e = oc.MMRM("pain", df=df).run(s)["adjusted difference | ketamine - placebo | week_4"]
        assert e.se > 0 and e.value == pytest.approx(
            oc.MMRM("pain").run(s)["adjusted difference | ketamine - placebo | week_4"].value
        )


def test_refusals_say_what_there_is():
    s = study()
    with pytest.raises(AnalysisError, match="No visit 'week_5'"):
        oc.MMRM("pain", visits=("week_5",)).run(s)
    with pytest.raises(AnalysisError, match="No visit 'week_4 '"):
        oc.MMRM("pain", visit="week_4 ").run(s)
    with pytest.raises(AnalysisError, match="No arm 'sham'"):
        oc.MMRM("pain", reference="sham").run(s)
    with pytest.raises(AnalysisError, match="No covariance 'un'"):
        oc.MMRM("pain", covariance=("un",)).run(s)
    with pytest.raises(AnalysisError, match="one time for each"):
        oc.SlopeModel("pain", times=(1, 2)).run(s)
    with pytest.raises(AnalysisError, match="above 0"):
        oc.SlopeModel("pain", times=(0, 1, 4, 12), log2=True).run(s)
    constant = s.scores.assign(pain=5.0)
    with pytest.raises(NotConverged, match="no spread"):
        oc.CohortModel("pain").run(oc.Study(constant, visits=VISITS, measures={"pain": PAIN}))


def test_an_arm_that_lacks_a_visit_is_not_estimable_there():
    s = study()
    scores = s.scores.copy()
    scores.loc[(scores["arm"] == "ketamine") & (scores["visit"] == "week_12"), "pain"] = np.nan
    r = oc.MMRM("pain", visit="week_4").run(
        oc.Study(scores, visits=VISITS, measures={"pain": PAIN}, design="parallel")
    )
    assert r["adjusted difference | ketamine - placebo | week_12"].reason == "not_estimable"
    assert r["adjusted difference | ketamine - placebo | week_4"].p > 0


def test_groups_that_nobody_randomised_are_said_to_be_chosen():
    s = study()
    routes = oc.Study(
        s.scores.rename(columns={"arm": "route"}),
        visits=VISITS,
        measures={"pain": PAIN},
        design="routes",
    )
    r = oc.MMRM("pain", by="route").run(routes)
    assert any("not randomised" in n for n in r.notes)


def test_sites_that_send_summaries_get_the_answer_of_the_pooled_rows():
    s = study(60, seed=6)
    ask = oc.MMRM("pain")
    halves = [
        oc.Study(
            s.scores[s.scores["patient"].isin(ids)],
            visits=VISITS,
            measures={"pain": PAIN},
            design="parallel",
        )
        for ids in (s.patient_ids[:26], s.patient_ids[26:])
    ]
    added = sum(ask.summary(h) for h in halves)
    arms = {"placebo": {"arm ketamine": 0.0}, "ketamine": {"arm ketamine": 1.0}}
    pooled = ask.run(s)["adjusted difference | ketamine - placebo | week_12"]
    e = repeated(added, by_visit=("arm ketamine", "baseline"), arms=arms).difference(
        "ketamine", "placebo", visit="week_12"
    )
    np.testing.assert_allclose(
        [e.value, e.se, e.df, e.p], [pooled.value, pooled.se, pooled.df, pooled.p], rtol=1e-10
    )
