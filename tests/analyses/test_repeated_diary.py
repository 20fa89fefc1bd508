"""Ordered answers, repeated visits, diaries and duration of relief as questions: sentences, counts,
refusals.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.outcome import Outcome
from outcomes.validation.cases import column
from tests.builders import MOOD, PAIN
from tests.shared import reference_data, reference_rows

PGIC = Outcome("pgic", "PGIC", "lower", "points", 1, 7, 1)
NAN = math.nan


def visits_study(table, names, *, outcome=PAIN, **more) -> oc.Study:
    ids = [f"p{i + 1:03d}" for i in range(len(table))]
    rows = [(p, v, y) for p, row in zip(ids, table) for v, y in zip(names, row)]
    scores = pd.DataFrame(rows, columns=["patient", "visit", outcome.name])
    patients = pd.DataFrame(
        {"patient": ids, **{k: more.pop(k) for k in ("arm", "route") if k in more}}
    )
    return oc.Study(
        scores, visits=tuple(names), patients=patients, measures={outcome.name: outcome}, **more
    )


# --- ordered answers ------------------------------------------------------------------------------

ANSWERS = [[v] for v in (1, 2, 2, 3, 2, 4, 3, 4, 5, 3, 6, NAN)]
ARM = ["ketamine"] * 6 + ["placebo"] * 6


def test_proportional_odds_sentence():
    study = visits_study(ANSWERS, ["week_4"], outcome=PGIC, arm=ARM, design="parallel")
    result = oc.ProportionalOdds("pgic", after="week_4").run(study)
    assert (
        result.sentence()
        == "PGIC at week 4 by arm: odds ratio of a better answer ketamine against placebo 21.07"
        " (95% CI, 1.28 to 348.05) (proportional odds; likelihood-ratio P=.02; Mann-Whitney"
        " P=.03; n=5 placebo, 6 ketamine of 12 enrolled)."
    )
    assert result["odds ratio of a better answer"].value > 1
    assert result.data["forest"]["label"].iloc[0] == "ketamine minus placebo, all cuts"


def test_the_odds_turn_with_the_direction_of_the_instrument():
    down = visits_study(ANSWERS, ["week_4"], outcome=PGIC, arm=ARM)
    up = visits_study(
        [[8 - v[0]] for v in ANSWERS],
        ["week_4"],
        outcome=Outcome("s", "satisfaction", "higher"),
        arm=ARM,
    )
    neither = visits_study(ANSWERS, ["week_4"], outcome=Outcome("n", "number", ""), arm=ARM)
    a = oc.ProportionalOdds("pgic", after="week_4").run(down)["odds ratio of a better answer"]
    b = oc.ProportionalOdds("s", after="week_4").run(up)["odds ratio of a better answer"]
    c = oc.ProportionalOdds("n", after="week_4").run(neither)["odds ratio of a higher answer"]
    assert a.value == pytest.approx(b.value)
    assert (a.low, a.high) == pytest.approx((b.low, b.high))
    assert c.value == pytest.approx(1 / a.value)


def test_separated_answers_are_said_and_the_rank_test_stands():
    study = visits_study(
        [[1], [1], [2], [2], [3], [3]], ["week_4"], outcome=PGIC, arm=["K"] * 3 + ["P"] * 3
    )
    result = oc.ProportionalOdds("pgic", after="week_4").run(study)
    assert "no estimate, the groups are perfectly separated (Mann-Whitney P=" in result.sentence()


def test_proportional_odds_reproduces_polr():
    data = reference_data("grp_routes_n096.csv")
    study = visits_study(
        [[v] for v in column(data, "pgic")],
        ["week_4"],
        outcome=PGIC,
        route=[r["route"] for r in data],
    )
    e = oc.ProportionalOdds("pgic", after="week_4", by="route", reference="IV").run(study)
    # MASS::polr 7.3-58: routeIN 1.3121; ours is of a better (lower) answer
    assert math.log(e["odds ratio of a better answer | IN - IV"].value) == pytest.approx(
        -1.31211, abs=1e-4
    )


# --- several visits -------------------------------------------------------------------------------

TABLE = [
    [7, 5, 4],
    [6, 6, 5],
    [8, 5, 5],
    [7, 4, 3],
    [9, 9, 6],
    [5, 3, 4],
    [6, NAN, 4],
    [NAN, NAN, NAN],
]
THREE = ["baseline", "week_1", "week_4"]


def test_friedman_sentence_counts_whom_listwise_deletion_removed():
    result = oc.Friedman("pain").run(visits_study(TABLE, THREE))
    assert (
        result.sentence()
        == "Average pain (NRS) at baseline, week 1 and week 4: Friedman χ²(2)=8.7, P=.01, Kendall"
        " W=0.72; 2 of 8 patients with incomplete data were excluded."
    )
    assert result.counts.left_out == (
        ("no score at any of the visits", 1),
        ("some visits missing", 1),
    )


def test_rm_anova_sentence():
    result = oc.RMANOVA("pain").run(visits_study(TABLE, THREE))
    assert (
        result.sentence()
        == "Mean average pain (NRS) at baseline, week 1 and week 4: visit F(2, 10)=11.4, P=.003,"
        " Greenhouse-Geisser; 2 of 8 patients with incomplete data were excluded."
    )
    assert "F(2, 10) = 11.36, p = .003" in result.sentence("apa")


def test_mixed_anova_asks_for_the_course_first():
    study = visits_study(
        TABLE, THREE, arm=["K", "K", "K", "P", "P", "P", "P", "K"], design="parallel"
    )
    result = oc.RMANOVA("pain", by="arm").run(study)
    assert [e.name for e in result.estimates[:3]] == ["arm × visit", "visit", "arm"]
    assert "arm × visit F(2, 8)" in result.sentence()


def test_visits_can_be_chosen_and_must_exist():
    study = visits_study(TABLE, THREE)
    assert oc.Friedman("pain", visits=("baseline", "week_4")).run(study).counts.analysed == 7
    with pytest.raises(AnalysisError, match="No visit 'week_9'"):
        oc.Friedman("pain", visits=("baseline", "week_9")).run(study)
    with pytest.raises(AnalysisError, match="at least two visits"):
        oc.RMANOVA("pain", visits=("baseline",)).run(study)
    with pytest.raises(AnalysisError, match="There is: conover, nemenyi"):
        oc.Friedman("pain", posthoc="dunn")


@pytest.mark.parametrize("table", [[[5, 5, 5]] * 4, [[7, 6, 5]], [[NAN] * 3] * 3, [[7, 6, 5]] * 4])
@pytest.mark.parametrize("kind", [oc.Friedman, oc.RMANOVA])
def test_degenerate_courses(kind, table):
    result = kind("pain").run(visits_study(table, THREE))
    assert result.sentence()
    for e in result.estimates:
        if math.isnan(e.value):
            assert e.reason, e.name


# --- diaries --------------------------------------------------------------------------------------

DAYS = ["baseline", *[f"day_{d}" for d in range(1, 8)]]
DIARY = [
    [8, 5, 4, 4, 5, 5, 6, 6],
    [7, 4, NAN, NAN, NAN, 5, 5, 6],
    [6, 3, NAN, NAN, NAN, NAN, 5, 5],
    [9, 6, 6, 5, 5, NAN, NAN, NAN],
    [NAN, 4, 4, 4, 4, 4, 4, 4],
    [8, 8, 7, 7, 7, 8, 8, 8],
]


def test_the_gap_rules_count_everybody():
    result = oc.Diary("pain", until=7).run(visits_study(DIARY, DAYS))
    assert result.counts.analysed == 3
    assert result.counts.left_out == (
        ("a gap of more than 3 days", 1),
        ("diary ends before day 7", 1),
        ("no score at baseline", 1),
    )
    held = oc.Diary("pain", until=7, carry_forward=True).run(visits_study(DIARY, DAYS))
    assert held.counts.analysed == 4
    assert "the last score carried forward" in held.analysis.methods_text()
    free = oc.Diary("pain", max_gap=4).run(visits_study(DIARY, DAYS))
    assert free.counts.analysed == 5


def test_diary_sentences():
    study = visits_study(DIARY, DAYS)
    assert (
        oc.Diary("pain", until=7).run(study).sentence()
        == "The time-weighted mean of average pain (NRS) was 5.9 points (SD 1.5; 95% CI, 2.2 to"
        " 9.6; n=3 of 6), −1.8 from baseline (95% CI, −4.9 to 1.3; t(2)=−2.5, P=.13): the"
        " direction of the change is not clear."
    )
    assert (
        oc.Diary("pain", summary="auc", until=7).run(study).sentence()
        == "Mean area under the curve of average pain (NRS) was 41.0 points·days (SD 10.4; 95% CI,"
        " 15.1 to 66.9; n=3 of 6)."
    )
    percent = oc.Diary("pain", summary="percent_spid", until=7).run(study)
    assert percent.estimates[0].unit == "%"


def test_the_summary_between_arms_is_adjusted_for_the_score_before():
    rng = np.random.default_rng(6)
    table = np.clip(rng.integers(3, 9, (20, 1)) + rng.integers(-2, 2, (20, 8)), 0, 10).astype(float)
    study = visits_study(table, DAYS, arm=["ketamine"] * 10 + ["placebo"] * 10, design="parallel")
    result = oc.Diary("pain", by="arm").run(study)
    mean = [np.trapezoid(row) / 7 for row in table]
    from outcomes.stats.regression.linear import Design, factor, numeric, ols

    arm = factor("arm", ["ketamine"] * 10 + ["placebo"] * 10, reference="placebo")
    expected = ols(Design((arm, numeric("before", table[:, 0]))), mean).coefficient("arm[ketamine]")
    assert result.estimates[0].value == pytest.approx(expected.value)
    assert result.estimates[0].p == pytest.approx(expected.p)
    assert "Adjusted for the score before: ketamine minus placebo" in result.sentence()


def test_weekly_means_need_four_of_seven_days():
    rows = {e.name: e for e in oc.Diary("pain", max_gap=4).run(visits_study(DIARY, DAYS)).estimates}
    assert "n=5" in rows["mean of week 1"].how  # the third patient has three of seven days


def test_visits_that_are_no_diary_are_refused_with_a_way_out():
    with pytest.raises(AnalysisError, match=r"no daily diary.*max_gap=20"):
        oc.Diary("pain").run(visits_study(TABLE, THREE))
    with pytest.raises(AnalysisError, match=r"On which day was after\? Give days="):
        oc.Diary("pain").run(visits_study([[7, 5]], ["before", "after"]))
    with pytest.raises(AnalysisError, match="must rise"):
        oc.Diary("pain", days=(0, 3, 1)).run(visits_study(TABLE, THREE))
    with pytest.raises(AnalysisError, match="There is: mean, auc"):
        oc.Diary("pain", summary="sum")


def test_the_question_reproduces_the_reference_of_the_group():
    rows = reference_data("diary_n012.csv")
    ids = sorted({r["id"] for r in rows}, key=int)
    names = [f"day_{d}" for d in range(36)]
    table = np.full((len(ids), 36), NAN)
    for r, y in zip(rows, column(rows, "y")):
        table[ids.index(r["id"]), int(r["day"])] = y
    e = oc.Diary("pain", max_gap=99).run(visits_study(table, names))["difference from day_0"]
    expected = {
        r["quantity"]: float(r["value"])
        for r in reference_rows()
        if r["method"] == "diary_twmean_vs_baseline"
    }
    assert (e.value, e.statistic, e.p) == pytest.approx(
        (expected["diff"], expected["t"], expected["p"]), rel=1e-9
    )


# --- duration of relief ---------------------------------------------------------------------------


def test_duration_sentence():
    result = oc.DurationOfRelief("pain").run(visits_study(DIARY, DAYS))
    assert {e.unit for e in result.estimates if e.name == "without return"} == {"share"}
    assert (
        result.sentence()
        == "Half of the patients had their pain back by day 6 (95% CI, 1 to not reached)"
        " (Kaplan-Meier; n=5 of 6, 1 patient censored; pain back = at least 70% of the score"
        " before; 1 had no relief at day 1)."
    )
    assert result.counts.left_out == (("no score at baseline", 1),)
    assert set(result.data["survival"]) == {"group", "time", "survival", "low", "high", "at_risk"}


def test_wide_visits_bring_the_interval_censoring_note():
    table = [[8, 3, 7], [7, 3, 3], [9, 4, 8]]
    result = oc.DurationOfRelief("pain").run(visits_study(table, THREE))
    assert any("interval censoring" in n and "21 days apart" in n for n in result.notes)


def test_groups_come_with_the_log_rank_first():
    study = visits_study(DIARY, DAYS, arm=["K", "K", "K", "P", "P", "P"], design="parallel")
    result = oc.DurationOfRelief("pain", by="arm").run(study)
    assert result.estimates[0].name == "groups differ"
    assert "log-rank P=" in result.sentence()
    assert result["median time | K"].value == pytest.approx(6)


def test_duration_refuses_what_it_cannot_answer():
    with pytest.raises(AnalysisError, match="better when higher"):
        oc.DurationOfRelief("mood").run(visits_study([[50, 60, 70]], THREE, outcome=MOOD))
    with pytest.raises(AnalysisError, match="above 0 to 1"):
        oc.DurationOfRelief("pain", share=70)


@pytest.mark.parametrize("table", [[[NAN] * 3], [[0, 0, 0]] * 3, [[5, 5, 5]] * 3, [[7, 1, 1]] * 3])
def test_degenerate_durations(table):
    result = oc.DurationOfRelief("pain").run(visits_study(table, THREE))
    assert result.sentence()
    for e in result.estimates:
        if math.isnan(e.value):
            assert e.reason, e.name


def test_areas_of_diaries_of_unequal_length_are_said_not_to_compare():
    days = [f"day_{d}" for d in range(1, 6)]
    full = visits_study([[6, 5, 5, 4, 4, 3], [7, 6, 5, 5, 4, 4]], ["baseline", *days])
    short = visits_study([[6, 5, 5, 4, 4, 3], [7, 6, 5, 5, None, None]], ["baseline", *days])
    ask = oc.Diary("pain", summary="auc")
    assert "different lengths" not in ask.run(full).sentence()
    said = ask.run(short)
    assert "The diaries end on day 3 to 5" in said.sentence()
    assert 'summary="mean" is the area per day' in " ".join(said.notes)
    for other in (oc.Diary("pain"), oc.Diary("pain", summary="auc", until=5)):
        assert "different lengths" not in other.run(short).sentence()
