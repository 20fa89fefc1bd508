"""Right numbers with right words: what is said of what was really done."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from tests.builders import PAIN, two_visits
from tests.words.situations import Situation, asked, study

BETTER = Situation("improvement")
AT_4 = {"before": "baseline", "after": "week_4"}


def said(result: oc.Result) -> str:
    """Everything that is said, as one text."""
    rows = (e.said for e in result.estimates)
    return " ".join((result.sentence(), result.methods_text(), *result.notes, *rows))


@pytest.mark.parametrize("kind", [oc.Responders, oc.CompareResponders])
def test_imputed_responders_have_the_words_of_imputed_responders(kind):
    question = oc.Imputed(kind("pain", **AT_4), draws=3, seed=1)
    text = said(question.run(study("CompareResponders", BETTER)))
    assert "Lott-Reiter CI" in text
    assert "Wilson's, widened for how much the imputations disagree (Lott and Reiter)" in text
    for wrong in ("both scores", "Wilson intervals", "Fisher", "non-response", "Miettinen"):
        assert wrong not in text


def zeros() -> oc.Study:
    """Ten at 0 who get worse, five who stay at 5, five who go from 6 to 0."""
    return two_visits([0] * 10 + [5] * 5 + [6] * 5, [5] * 10 + [5] * 5 + [0] * 5)


def test_a_share_of_those_above_zero_is_called_so():
    study_ = zeros()
    before, after = study_.visits
    result = oc.Responders("pain", before=before, after=after).run(study_)
    improved, _, worse, *_ = result.estimates
    assert (improved.value, worse.value) == (0.5, 0.5)
    assert "left out of the share who improved of patients with both scores" in result.notes[0]
    assert "5 of 10 (50%) patients with both scores, above 0 before" in result.sentence()
    assert result.sentence().count("cannot improve by a percentage; 10 of them got worse") == 1
    assert "0 or less" not in said(result)


def test_a_tipping_point_of_nothing_says_that_nothing_was_imputed():
    there = two_visits([7, 6, 8, 5, 7, 6], [5, 4, 7, 4, 4, 5])
    before, after = there.visits
    question = oc.TippingPoint(oc.PairedT("pain", before=before, after=after), draws=3, seed=1)
    result = question.run(there)
    assert result.estimates[0].reason == "nothing_imputed"
    assert "nothing was imputed" in result.sentence()
    assert "there was none to impute" in result.methods_text()
    assert "were imputed 3 times" not in result.methods_text()


@pytest.mark.parametrize("name", ["Diary", "DurationOfRelief"])
def test_what_is_shown_by_arm_is_not_called_all_arms_together(name):
    trial = study("MMRM", BETTER)
    whole = asked(name, BETTER)
    together = "All arms are counted together"
    assert any(together in note for note in whole.run(trial).notes)
    fields = {f: getattr(whole, f) for f in ("outcome", "visits", "days")}
    by_arm = type(whole)(**fields, by="arm")
    assert not any(together in note for note in by_arm.run(trial).notes)
    by_sex = type(whole)(**fields, by="sex")
    assert any(together in note for note in by_sex.run(trial).notes)


def test_pairs_are_said_where_there_are_several():
    of = {n: study("ANCOVA", Situation("", n=36, groups=n)) for n in (2, 3)}
    two, three = (oc.ANCOVA("pain", **AT_4).run(of[n]).methods_text() for n in (2, 3))
    assert "Tukey" not in two
    assert "Tukey" in three


def test_pooled_summaries_say_how_they_were_pooled():
    table = pd.DataFrame({"site": list("abc"), "effect": [-1, -0.5, -1.2], "se": [0.3, 0.2, 0.4]})
    text = oc.pool_summaries(table, measure="effect").methods_text()
    assert "random effects, REML" in text
    two = oc.pool_summaries(table.head(2), measure="effect").methods_text()
    assert "too few to pool" in two


def test_slopes_of_arms_say_which_side_is_better():
    result = oc.SlopeModel("pain", times=(0, 1, 4), by="arm").run(study("MMRM", BETTER))
    assert "lower is better" in result.sentence()


@pytest.mark.parametrize(("n", "how"), [(60, "exact"), (320, "normal approximation")])
def test_ranks_are_called_exact_where_they_were(n, how):
    rng = np.random.default_rng(1)
    before = rng.integers(4, 10, n).astype(float)
    arms = pd.DataFrame(
        {"patient": [f"p{i + 1:03d}" for i in range(n)], "arm": ["a", "b"] * (n // 2)}
    )
    # no change of 0 among the patients
    there = two_visits(
        before, before - rng.choice([-1.0, 1, 2, 3], n), patients=arms, design="parallel"
    )
    questions = (
        oc.MannWhitney("pain", before="baseline", after="week_4"),
        oc.SignedRank("pain", before="baseline", after="week_4"),
    )
    for question in questions:
        text = question.run(there).methods_text()
        assert how in text
        assert ("exact" in text) == (how == "exact")


def test_responders_by_a_score_after_alone_have_no_score_before():
    trial = study("ProportionalOdds", BETTER)
    result = oc.CompareResponders("pgic", after="week_4", rules=("<= 2",)).run(trial)
    assert "both scores" not in said(result)
    assert "among patients with the score" in result.methods_text()


def test_a_crossover_says_which_side_is_better_and_who_cannot_improve():
    there = study("Crossover", BETTER)
    assert "lower is better" in asked("Crossover", BETTER).run(there).sentence()
    first = there.scores["patient"].isin(["p001", "p002"]) & (there.scores["visit"] == "baseline")
    zero = there.scores.assign(pain=there.scores["pain"].mask(first, 0.0))
    result = asked("CrossoverBinary", BETTER).run(dataclasses.replace(there, scores=zero))
    assert result.counts.analysed == 22
    assert "2 patients with a score of 0 at the start of a period" in result.sentence()
    assert "with all periods and no score of 0 at their start" in result.sentence()


def test_regression_to_the_mean_that_was_not_computed_is_not_called_computed():
    there = two_visits([7, 6, 8, 5, 7, 6], [5, 4, 7, 4, 4, 5])
    given = {"before": "baseline", "after": "week_4"}
    without = oc.RegressionToMean("pain", **given).run(there).methods_text()
    assert "was not computed" in without
    with_one = oc.RegressionToMean("pain", at_least=4, **given).run(there).methods_text()
    assert "was computed from the entry cut-off" in with_one


def test_pooled_sites_of_three_arms_say_which_comparison_they_are():
    situation = Situation("three groups", n=36, groups=3)
    result = asked("PooledSites", situation).run(study("PooledSites", situation))
    note = next(n for n in result.notes if "alone is pooled" in n)
    assert note.startswith("Of the comparisons, esketamine minus placebo alone")
    assert "ketamine minus placebo" in note
    other = "adjusted difference | ketamine - placebo"
    again = oc.PooledSites(oc.ANCOVA("pain", **AT_4, reference="placebo"), by="site", of=other)
    text = again.run(study("PooledSites", situation)).sentence()
    assert "esketamine minus placebo" not in text
    assert "lower is better" in text
    two = asked("PooledSites", BETTER).run(study("PooledSites", BETTER))
    assert not any("alone is pooled" in n for n in two.notes)


def three_periods() -> oc.Study:
    """Twelve patients under A, B and C in three orders; B lowers pain by 2, A and C by nothing."""
    rows = []
    for i in range(12):
        order = ("ABC", "BCA", "CAB")[i % 3]
        for period, arm in enumerate(order, start=1):
            level = 6 + i % 4
            end = level - 2 * (arm == "B") + (i + period) % 2
            who = {"patient": f"p{i}", "period": period, "arm": arm, "sequence": order}
            rows += [who | {"visit": "start", "pain": level}, who | {"visit": "end", "pain": end}]
    return oc.Study(
        pd.DataFrame(rows), visits=("start", "end"), design="crossover", measures={"pain": PAIN}
    )


def test_a_crossover_of_three_treatments_has_the_methods_that_were_used():
    there = three_periods()
    scores = oc.Crossover("pain", after="end").run(there)
    assert "carry-over contrast" not in scores.methods_text()
    assert "Holm" in scores.methods_text()
    assert "0.0 points" not in scores.sentence()
    binary = oc.CrossoverBinary("pain", after="end", before="start", rule="20%").run(there)
    assert "Cochran's Q" in binary.methods_text()
    assert "Mainland" not in binary.methods_text()
    two = asked("CrossoverBinary", BETTER).run(study("CrossoverBinary", BETTER))
    assert "Mainland-Gart" in two.methods_text()


@pytest.mark.parametrize(("sites", "how"), [(4, "fixed effects"), (6, "random intercept")])
def test_one_stage_sites_say_whether_sites_were_fixed_or_random(sites, how):
    situation = Situation("improvement", n=36, sites=sites)
    there = study("OneStageSites", situation)
    assert how in asked("OneStageSites", situation).run(there).methods_text()


def test_n_of_1_says_which_side_is_better():
    assert "lower is better" in asked("NOf1", BETTER).run(study("NOf1", BETTER)).sentence()
