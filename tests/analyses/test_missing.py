"""Wrappers of missing scores: what they fill, what they say, and what must hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

import outcomes as oc
from outcomes.analyses.missing import companions
from outcomes.analyses.responders.one_group import ResponseCounts
from outcomes.core.errors import AnalysisError
from tests.analyses.test_longitudinal import study
from tests.builders import two_visits

PAIRED = oc.PairedT("pain", before="baseline", after="week_4")


def test_with_nothing_missing_imputation_changes_nothing():
    s = two_visits([7, 6, 8, 5, 6], [5, 5, 4, 5, 3])
    plain = PAIRED.run(s)["mean change"]
    for method in ("mar", "pmm", "locf"):
        filled = oc.Imputed(PAIRED, draws=3, method=method).run(s)["mean change"]
        np.testing.assert_allclose([filled.value, filled.se], [plain.value, plain.se], rtol=1e-12)


def test_imputed_pools_says_so_and_repeats_with_its_seed():
    s = study(arms=False, dropout=0.2)
    ask = oc.Imputed(PAIRED, draws=10, seed=4)
    one, two = ask.run(s), ask.run(s)
    assert one["mean change"] == two["mean change"]
    assert one.counts.analysed == 40 and one["mean change"].df < 39
    assert "imputed 10 times under missing at random" in one.sentence() and any(
        "seed 4" in n for n in one.notes
    )
    assert one.analysis.title(one.outcome).endswith("missing at random")
    assert math.isnan(one["d_av"].se) or one["d_av"].how.startswith("Rubin")


def test_carrying_forward_is_labelled_as_sensitivity():
    r = oc.Imputed(PAIRED, method="bocf").run(two_visits([7, 6, 8, 5], [5, 5, 4, None]))
    assert r["mean change"].value == pytest.approx(-1.75)
    assert (
        any(n.startswith("Single imputation") for n in r.notes)
        and "Sensitivity analysis" in r.sentence()
    )


def test_delta_moves_the_estimate_by_the_share_that_was_missing():
    s = two_visits([7, 6, 8, 5, 7], [5, 5, 4, 5, None])
    plain, moved = (
        oc.Imputed(PAIRED, draws=5, seed=1, delta=d).run(s)["mean change"].value for d in (0.0, 2.0)
    )
    assert moved - plain == pytest.approx(2.0 / 5)


def test_the_tipping_point_is_where_p_crosses():
    s = study(arms=False, dropout=0.15, seed=2)
    r = oc.TippingPoint(PAIRED, draws=5, seed=1).run(s)
    tip = r["tipping point"].value
    at = oc.Imputed(PAIRED, draws=5, seed=1, delta=tip).run(s)["mean change"]
    assert tip > 0 and at.p == pytest.approx(0.05, abs=1e-3)
    assert list(r.data["tipping"].columns) == ["delta", "value", "low", "high", "p"]
    assert "(worse)" in r.sentence()


@pytest.mark.parametrize(
    "question",
    [
        PAIRED,
        oc.ANCOVA("pain", before="baseline", after="week_4", by="arm"),
        oc.ANCOVA("pain", before="baseline", after="week_4", by="arm", se="HC3"),
    ],
    ids=["paired t", "ANCOVA", "ANCOVA, HC3"],
)
def test_every_delta_follows_from_the_answers_at_three(question, monkeypatch):
    s, draws = study(n=60, arms=question is not PAIRED, dropout=0.2, seed=3), 4
    ask, asked = oc.TippingPoint(question, draws=draws, seed=1), []
    compute = type(question).compute
    monkeypatch.setattr(
        type(question), "compute", lambda q, on: (asked.append(q), compute(q, on))[1]
    )
    short = ask.compute(s)
    assert len(asked) == 3 * draws
    monkeypatch.setattr(oc.TippingPoint, "_closed_form", lambda *_: None)
    long = ask.compute(s)
    assert len(asked) > 8 * draws
    assert math.isfinite(short.estimates[0].value)
    np.testing.assert_allclose(short.data["tipping"], long.data["tipping"], rtol=1e-8, atol=1e-9)
    for a, b in zip(short.estimates, long.estimates, strict=True):
        assert a.value == pytest.approx(b.value, rel=1e-8) and (a.how, a.term) == (b.how, b.term)


def test_what_is_not_linear_is_asked_at_every_delta():
    s = study(arms=True, dropout=0.2, seed=3)
    welch = oc.WelchT("pain", before="baseline", after="week_4", by="arm")
    tip = oc.TippingPoint(welch, draws=4, seed=1).run(s)["tipping point"].value
    at = oc.Imputed(welch, draws=4, seed=1, delta=tip, arms=("ketamine",)).run(s)
    assert at.estimates[0].p == pytest.approx(0.05, abs=1e-3)


def test_no_conclusion_has_no_tipping_point():
    r = oc.TippingPoint(PAIRED, draws=5, seed=1).run(
        two_visits([7, 6, 8, 5, 7, 6], [7, 7, 7, 5, 8, None])
    )
    assert r["tipping point"].reason == "not_reached" and "no conclusion to tip" in r.sentence()


def test_reference_based_shrinks_the_difference_towards_nought():
    s = study(80, seed=5, dropout=0.15)
    name = "adjusted difference | ketamine - placebo | week_12"
    mar, j2r = (oc.ReferenceBased("pain", method=m).run(s)[name] for m in ("mar", "j2r"))
    assert abs(j2r.value) < abs(mar.value) and j2r.se < mar.se
    drawn = oc.Imputed(
        oc.ANCOVA("pain", before="baseline", after="week_12"), method="j2r", draws=60, seed=1
    ).run(s)
    assert drawn.estimates[0].value == pytest.approx(j2r.value, abs=0.08)


def test_arms_may_have_their_own_covariance():
    s = study(80, seed=5, dropout=0.15)
    name = "adjusted difference | ketamine - placebo | week_12"
    one, own = (oc.ReferenceBased("pain", by_arm=b).run(s)[name] for b in (False, True))
    assert 1e-4 < abs(one.value - own.value) < 0.3 and "covariance by arm" in own.how
    ask = oc.Imputed(
        oc.ANCOVA("pain", before="baseline", after="week_12"),
        method="j2r",
        draws=60,
        seed=1,
        by_arm=True,
    )
    assert ask.run(s).estimates[0].value == pytest.approx(own.value, abs=0.08)
    assert "with a covariance for each arm" in ask.methods_text()
    mar = oc.Imputed(
        oc.ANCOVA("pain", before="baseline", after="week_12"), draws=4, seed=1, by_arm=True
    )
    assert mar.run(s).estimates[0].se > 0
    with pytest.raises(AnalysisError, match="by_arm is for mar, j2r"):
        oc.Imputed(PAIRED, method="pmm", by_arm=True)
    with pytest.raises(AnalysisError, match="by_arm needs two arms"):
        oc.Imputed(PAIRED, by_arm=True).run(study(arms=False))


def test_missing_scores_are_laid_open():
    s = study(arms=False, dropout=0.2)
    r = oc.MissingScores("pain", little=True).run(s)
    f = r.detail
    assert f.complete + f.left + f.returned == 40 and f.returned == 0
    assert r.data["staircase"]["n"].sum() == 40
    assert "left and did not return" in r.sentence()
    seen = [r[f"share observed | {v}"].value for v in s.visits]
    assert seen == sorted(seen, reverse=True)


def test_side_by_side_takes_any_questions_and_survives_toml():
    s = study(arms=False, dropout=0.15)
    ask = oc.SideBySide(
        (PAIRED, oc.CohortModel("pain", visit="week_4"), oc.Imputed(PAIRED, draws=5)),
        terms=("", "mean change | week_4", ""),
    )
    r = ask.run(s)
    assert len(r.estimates) == 3 and r.data["forest"]["main"].tolist() == [True, False, False]
    again = oc.Plan.from_toml(oc.Plan(oc.Imputed(PAIRED, draws=5)).to_toml()).questions[0]
    assert again == oc.Imputed(PAIRED, draws=5)


def test_more_than_a_tenth_missing_brings_the_tipping_point():
    assert [type(q).__name__ for q in companions(PAIRED, study(arms=False, dropout=0.3))] == [
        "TippingPoint"
    ]
    assert companions(PAIRED, study(arms=False, dropout=0.0)) == ()


def test_refusals():
    s = study()
    with pytest.raises(AnalysisError, match="No imputation method 'jump'"):
        oc.Imputed(PAIRED, method="jump")
    with pytest.raises(AnalysisError, match="at least 2"):
        oc.Imputed(PAIRED, draws=1)
    with pytest.raises(AnalysisError, match="needs arms"):
        oc.Imputed(PAIRED, method="j2r").run(study(arms=False))
    with pytest.raises(AnalysisError, match="No arm 'drug'"):
        oc.Imputed(PAIRED, delta=1.0, by="arm", arms=("drug",), draws=2).run(s)
    with pytest.raises(AnalysisError, match="No visit 'week_9'"):
        oc.ReferenceBased("pain", visit="week_9").run(s)


def test_the_pictures_draw_what_the_results_hold():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    s = study(arms=False, dropout=0.15, seed=2)
    stairs = oc.plot(oc.MissingScores("pain").run(s))
    assert len(stairs.patches) == 4 * len(oc.MissingScores("pain").run(s).data["staircase"])
    tip = oc.TippingPoint(PAIRED, draws=4, seed=1).run(s)
    curve = oc.plot(tip)
    assert any(t.get_text().startswith("tips at") for t in curve.texts)
    assert "mean from the model" in oc.plot(oc.CohortModel("pain").run(s)).get_title(loc="left")
    plt.close("all")


def test_shares_are_pooled_by_lott_and_reiter_and_counts_are_means_over_draws():
    s = study(arms=False, dropout=0.2)
    r = oc.Imputed(
        oc.Responders("pain", before="baseline", after="week_4", rules=("1 points",)),
        draws=8,
        seed=2,
    ).run(s)
    e = r.estimates[0]
    assert "Lott" in e.how and 0 < e.low < e.value < e.high < 1
    first = r.about(ResponseCounts).responses[0]
    k, n = first.count, first.total
    assert isinstance(k, int) and n == 40 and abs(k / n - e.value) < 0.03
    odds = (
        oc.Imputed(oc.ResponderGEE("pain", rule="1 points"), draws=8, seed=2)
        .run(study(dropout=0.2))
        .estimates[0]
    )
    assert "log scale" in odds.how and odds.value / odds.low == pytest.approx(
        odds.high / odds.value, rel=1e-6
    )


def test_a_strong_effect_tips_on_its_own_side():
    s = study(100, arms=False, dropout=0.2, seed=6)
    r = oc.TippingPoint(PAIRED, draws=4, seed=1).run(s)
    tip = r["tipping point"].value
    at = oc.Imputed(PAIRED, draws=4, seed=1, delta=tip).run(s)["mean change"]
    assert at.p == pytest.approx(0.05, abs=2e-3) and at.value < 0
