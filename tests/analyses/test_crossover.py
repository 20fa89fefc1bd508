"""Crossover, responders in a crossover, N-of-1, repeated infusions: through the study, with their
words.
"""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import outcomes as oc
from outcomes.analyses.crossover.score import Answer
from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure
from tests.builders import PAIN, two_visits
from tests.shared import PUBLISHED, reference_data


def crossover_study(
    rows, columns=("patient", "period", "arm", "pain"), visits=(), design="crossover"
):
    frame = pd.DataFrame(rows, columns=list(columns))
    return oc.Study(
        frame,
        visits=visits or ("end",),
        baseline=visits[0] if visits else "",
        design=design,
        measures={"pain": PAIN},
    )


def oracle_study(name="xo22_n017_missing.csv"):
    rows = []
    for r in reference_data(name):
        for visit, column in (("start", "base"), ("end", "y")):
            rows.append(
                (
                    f"p{int(r['id']):02d}",
                    int(r["period"]),
                    r["treat"],
                    visit,
                    float(r[column] or "nan"),
                )
            )
    return crossover_study(rows, ("patient", "period", "arm", "visit", "pain"), ("start", "end"))


def test_every_way_beside_the_mixed_model_is_rs():
    result = oc.Crossover("pain").run(oracle_study())
    expected = {  # R 4.2.2: lmerTest + pbkrtest of all 17 patients, t.test, lm, exactRankTests of the 15 complete
        "treatment difference": (-1.9398840773241643, 1e-6),
        "complete patients (Hills-Armitage)": (-2.0008928571428575, 1e-9),
        "adjusted for period baselines": (-1.9804852549673793, 1e-9),
        "change from the period's start": (-2.4446428571428571, 1e-9),
        "rank test (Koch)": (-1.9249999999999998, 1e-9),
        "period 1 only": (-2.2589285714285721, 1e-9),
        "paired t-test, ignores period": (-2.0133333333333336, 1e-9),
    }
    for name, (value, rtol) in expected.items():
        assert_allclose(result[name].value, value, rtol=rtol)
        assert result[name].group == "ketamine - placebo"
    assert_allclose(result["d_total"].value, -1.0718067640007698, rtol=1e-4)
    assert_allclose(result["rank test (Koch)"].p, 0.0003108003108003108, rtol=1e-7)
    assert result.counts.analysed == 17
    assert result.detail.complete == 15
    assert "2 patients of 17 lack a period; what they have is used." in result.notes


def test_words():
    result = oc.Crossover("pain").run(oracle_study())
    assert (
        result.sentence()
        == "Allowing for period, average pain (NRS) at end of each period was 1.9 points lower with"
        " ketamine than with placebo (95% CI, −2.7 to −1.2; t(13.4)=−5.6, P<.001; mixed model,"
        " Kenward-Roger; n=17 of 17, 15 with every period; lower is better). Period difference"
        " (period 1 minus 2) −0.2 (95% CI, −0.9 to 0.6). The carry-over contrast was 0.2 (95% CI, −3.3 to 3.8); it"
        " was not used to select the analysis. The raw score of each period was analysed, not"
        " its change from the start of the period."
    )
    assert "t(13.4) = −5.58, p < .001" in result.sentence("apa")
    change = oc.Crossover("pain", measure="change").run(oracle_study())
    assert (
        "the change in average pain (NRS) from start to end of each period was" in change.sentence()
    )
    assert change.sentence().endswith(
        "The change from the start of each period was analysed, not the raw score."
    )
    assert change["treatment difference"].value != result["treatment difference"].value


def test_complete_patients_give_hills_armitage():
    rng = np.random.default_rng(4)
    rows = []
    for i in range(12):
        order = "KP" if i % 2 else "PK"
        rows += [
            (f"p{i}", k, arm, round(rng.normal(6 - (arm == "K"), 2), 1))
            for k, arm in enumerate(order, 1)
        ]
    result = oc.Crossover("pain", reference="P").run(crossover_study(rows))
    mixed, closed = result["treatment difference"], result["complete patients (Hills-Armitage)"]
    for field in ("value", "low", "high", "p", "df", "se"):
        assert_allclose(getattr(mixed, field), getattr(closed, field), rtol=1e-6)


def test_the_treatment_is_named_and_turned_round_by_the_reference():
    rows = [
        (f"p{i}", k, arm, 5 + i % 3 * k + (arm == "A"))
        for i in range(8)
        for k, arm in enumerate(("AB", "BA")[i % 2], 1)
    ]
    one = oc.Crossover("pain", reference="A").run(crossover_study(rows))
    two = oc.Crossover("pain", reference="B").run(crossover_study(rows))
    assert one["treatment difference"].group == "B - A"
    assert_allclose(one["treatment difference"].value, -two["treatment difference"].value)
    with pytest.raises(AnalysisError, match=r"No arm 'C'\. There is: A, B"):
        oc.Crossover("pain", reference="C").run(crossover_study(rows))


def test_no_spread_or_too_few_patients_is_a_reason_not_a_test():
    rows = [
        (f"p{i}", k, arm, 5.0 + i + (arm == "A"))
        for i in range(8)
        for k, arm in enumerate(("AB", "BA")[i % 2], 1)
    ]
    result = oc.Crossover("pain", reference="B").run(crossover_study(rows))
    e = result["treatment difference"]
    assert e.value == pytest.approx(1.0)
    assert e.reason == "zero_variance"
    assert np.isnan(e.p)
    assert (
        "was 1.0 points higher with A than with B (no interval: no spread to judge it by"
        in result.sentence()
    )
    few = oc.Crossover("pain", reference="B").run(crossover_study(rows[:4]))
    assert few["treatment difference"].reason == "too_few"


def test_three_treatments():
    rows = [
        (r["id"], int(r["period"]), r["treat"], float(r["y"]))
        for r in reference_data("xo33_n020.csv")
    ]
    result = oc.Crossover("pain", reference="P").run(crossover_study(rows))
    assert result.estimates[0].name == "treatments differ"
    assert [e.group for e in result.select(part=Answer.DIFFERENCE)] == ["K - P", "M - P", "M - K"]
    pairs = [e for e in result.estimates if e.name == "treatment difference"]
    assert all(e.p_adjusted >= e.p for e in pairs)
    assert len([e for e in result.estimates if e.name == "allowing for carry-over"]) == 3
    assert any(e.name == "carry-over" for e in result.estimates)
    assert "Holm P" in result.sentence()


def test_a_study_that_is_no_crossover_is_told_what_is_missing():
    parallel = two_visits([7, 6, 8], [5, 6, 2])
    for question in (oc.Crossover("pain"), oc.CrossoverBinary("pain"), oc.NOf1("pain")):
        with pytest.raises(AnalysisError, match=r'Declare it: \[roles\] period = "its column"'):
            question.run(parallel)
    with pytest.raises(AnalysisError, match=r'Declare it: \[roles\] episode = "its column"'):
        oc.RepeatedInfusions("pain", before="baseline", after="week_4").run(parallel)
    one_arm = [(f"p{i}", k, "K" if i % 2 else "P", 5.0) for i in range(6) for k in (1, 2)]
    with pytest.raises(AnalysisError, match="nobody crossed over"):
        oc.Crossover("pain").run(crossover_study(one_arm))
    with pytest.raises(AnalysisError, match="start of each period"):
        oc.Crossover("pain", measure="change").run(
            crossover_study([("a", 1, "K", 5.0), ("a", 2, "P", 6.0)])
        )
    with pytest.raises(AnalysisError, match="Did you mean 'change'"):
        oc.Crossover("pain", measure="chnge")


def test_a_washout_that_was_too_short_is_said():
    study = oc.read_study("data/sample/crossover/study.toml")
    assert any(
        "less than 40 days apart" in n
        for n in oc.Crossover("pain_nrs_average", washout=40).run(study).notes
    )
    assert not any(
        "days apart" in n for n in oc.Crossover("pain_nrs_average", washout=30).run(study).notes
    )


def test_sample_truth_is_found():
    """The invented sample was made with a treatment difference of −1.1; the two-stage trap:
    carry-over changes nothing.
    """
    study = oc.read_study("data/sample/crossover/study.toml")
    e = oc.Crossover("pain_nrs_average").run(study)["treatment difference"]
    assert e.low < -1.08 < e.high
    assert "fmt" not in e.how


# --- published, through the public face -----------------------------------------------------------


def test_senn_through_the_study():
    with (PUBLISHED / "senn_pef_crossover/asthma_2.csv").open(
        encoding="utf-8", newline=""
    ) as handle:
        rows = [
            (r["subject"], int(r["period"]), r["treatment"], float(r["pef"]))
            for r in csv.DictReader(handle)
        ]
    result = oc.Crossover("pain", reference="S").run(crossover_study(rows))
    e = result["treatment difference"]
    assert (round(e.value, 3), round(e.se, 3), round(e.statistic, 2), round(e.df, 6)) == (
        46.607,
        10.777,
        4.32,
        11,
    )
    assert (round(e.p, 4), round(e.low, 2), round(e.high, 2)) == (0.0012, 22.89, 70.33)
    assert round(result["period difference"].statistic, 2) == -1.47
    assert round(result["paired t-test, ignores period"].value, 2) == 45.38


def test_dinat_through_the_study():
    """The answer depends on change or raw score: each is said, and each is R's."""
    rows = []
    with (PUBLISHED / "dinat2015_amitriptyline_xover/xoverPP.csv").open(
        encoding="utf-8-sig", newline=""
    ) as handle:
        for r in csv.DictReader(handle):
            arm = {"A": "amitriptyline", "P": "placebo"}[r["Treatment"]]
            rows += [
                (r["ID"], int(r["Period"]), arm, v, float(r[c]))
                for v, c in (("week_0", "Time1"), ("week_6", "Time3"))
            ]
    study = crossover_study(
        rows, ("patient", "period", "arm", "visit", "pain"), ("week_0", "week_6")
    )
    raw = oc.Crossover("pain").run(study)["treatment difference"]
    assert (round(raw.value, 3), round(raw.low, 3), round(raw.high, 3)) == (-0.585, -1.126, -0.045)
    assert (round(raw.statistic, 3), round(raw.df, 6), round(raw.p, 3)) == (-2.144, 120, 0.034)
    change = oc.Crossover("pain", measure="change").run(study)
    e = change[
        "treatment difference"
    ]  # after − before: the sign is turned against the paper's improvement
    assert (round(-e.high, 3), round(-e.low, 3), round(e.p, 4)) == (-0.515, 1.162, 0.4465)
    naive = change["paired t-test, ignores period"]
    assert (round(-naive.value, 3), round(-naive.high, 3), round(-naive.low, 3)) == (
        0.303,
        -0.530,
        1.137,
    )
    responders = oc.CrossoverBinary("pain", rule="50%").run(study)
    assert (
        responders.counts.analysed
        + sum(n for why, n in responders.counts.left_out if "period" in why)
        == 122
    )


# --- responders -----------------------------------------------------------------------------------


def test_responders_against_r():
    rows = [
        (f"p{r['id']}", int(r["period"]), r["treat"], float(r["resp"]))
        for r in reference_data("xo22_binary_n030.csv")
    ]
    result = oc.CrossoverBinary("pain", rule=">= 1").run(crossover_study(rows))
    assert_allclose(result["response difference"].value, (10 - 4) / 30)
    assert_allclose(result["McNemar, exact"].p, 0.17956542968750006, rtol=1e-9)
    assert_allclose(result["treatment odds ratio, Mainland-Gart"].p, 0.26573426573426573, rtol=1e-7)
    assert_allclose(result["Prescott"].p, 0.10880943004054545, rtol=1e-9)
    assert result.detail.patients == {"placebo": 11, "ketamine": 17}
    assert (
        result.sentence()
        == "In the same patients, average pain (NRS) ≥1 was seen in 17 of 30 (57%) with ketamine"
        " and 11 of 30 (37%) with placebo (difference 20 percentage points, 95% CI, −5 to 42,"
        " Tango; McNemar mid-p test, P=.12; allowing for period, Mainland-Gart P=.27; n=30 of 30"
        " with all periods)."
    )


def test_three_treatments_by_cochran():
    rng = np.random.default_rng(1)
    rows = [
        (f"p{i}", k, arm, float(rng.integers(0, 9)))
        for i in range(18)
        for k, arm in enumerate(np.roll(list("ABC"), i), 1)
    ]
    result = oc.CrossoverBinary("pain", rule="<= 3").run(crossover_study(rows))
    assert result.estimates[0].name == "treatments differ (Cochran Q)"
    assert len(result.select(measure=Measure.SHARE_DIFFERENCE)) == 3
    assert "Holm P" in result.sentence()


def test_a_response_needs_its_start():
    rows = [("a", 1, "K", 5.0), ("a", 2, "P", 6.0)]
    with pytest.raises(AnalysisError, match="start of each period"):
        oc.CrossoverBinary("pain").run(crossover_study(rows))
    twice = [("a", 1, "K", 5.0), ("a", 2, "P", 6.0), ("a", 3, "K", 6.0)]
    with pytest.raises(AnalysisError, match="same treatment in two periods"):
        oc.CrossoverBinary("pain", rule="<= 2").run(crossover_study(twice))


# --- N-of-1 ---------------------------------------------------------------------------------------


def nof1_study(patients):
    rows = []
    for who, pairs in patients.items():
        for i, (control, treated) in enumerate(pairs):
            both = [("placebo", control), ("ketamine", treated)]
            rows += [
                (who, 2 * i + j + 1, arm, y)
                for j, (arm, y) in enumerate(both if i % 2 else both[::-1])
            ]
    return crossover_study(rows, design="n-of-1")


def test_one_patient():
    rows = reference_data("nof1_6pairs.csv")
    arms = {t: [float(r["y"]) for r in rows if r["treat"] == t] for t in "PK"}
    result = oc.NOf1("pain").run(nof1_study({"p1": list(zip(arms["P"], arms["K"], strict=True))}))
    assert_allclose(result["mean difference"].p, 0.013402473936899641, rtol=1e-9)
    assert result["randomisation test"].p == 0.03125
    assert (
        result.sentence()
        == "Average pain (NRS) was 1.3 points lower in ketamine periods than in the placebo periods"
        " paired with them (95% CI, −2.2 to −0.4; t(5)=−3.7, P=.01; 6 pairs; exact within-pair"
        " randomisation test, P=.03; 1 of 1 patient had a complete pair; lower is better)."
    )


def test_a_series_counts_everybody():
    rng = np.random.default_rng(2)
    series = {
        f"p{i}": [(y := rng.normal(6, 1), y - 1 + rng.normal(0, 0.7)) for _ in range(3)]
        for i in range(5)
    }
    study = nof1_study(series)
    extra = pd.DataFrame(
        [("p9", 1, "ketamine", 5.0), ("p9", 2, "placebo", np.nan)],
        columns=["patient", "period", "arm", "pain"],
    )
    scores = pd.concat([study.scores.drop(columns="visit"), extra])
    result = oc.NOf1("pain").run(crossover_study(scores.to_numpy().tolist(), design="n-of-1"))
    assert (result.counts.enrolled, result.counts.analysed) == (6, 5)
    assert ("no complete pair of periods", 1) in result.counts.left_out
    assert result.estimates[0].name == "pooled"
    assert (
        "random effects over 5 patients, 15 pairs; 95% prediction interval for the next patient"
        in result.sentence()
    )
    assert "5 of 6 patients had a complete pair" in result.sentence()
    assert "cannot reach P<.05" in result["randomisation test"].how
    assert not any(who in " ".join(e.term for e in result.estimates) for who in series)


# --- repeated infusions ---------------------------------------------------------------------------


def test_repeated_infusions_against_clubsandwich():
    rows = []
    for r in reference_data("rep_infusions.csv"):
        rows += [(f"p{r['id']}", int(r["infusion"]), v, float(r[v])) for v in ("pre", "post")]
    study = oc.Study(
        pd.DataFrame(rows, columns=["patient", "episode", "visit", "pain"]),
        visits=("pre", "post"),
        measures={"pain": PAIN},
    )
    result = oc.RepeatedInfusions("pain", before="pre", after="post").run(study)
    infusion = result["mean change, infusion average"]
    reference = [-2.2869565217391297, 0.16291918990556714, 20.510008201737776]
    assert_allclose([infusion.value, infusion.se, infusion.df], reference, rtol=1e-7)
    assert result.estimates[0].name == "mean change, patient average"
    assert result["mean change, patient average"].df == 29
    assert (
        result.sentence()
        == "Across 115 infusions in 30 of 30 patients the mean patient change in average pain (NRS)"
        " from pre to post was −2.1 points (95% CI, −2.5 to −1.7; t(29)=−10.8, P<.001; t"
        " interval of patient means): scores improved on average. The mean change per infusion"
        " was −2.3 (95% CI, −2.6 to −1.9)."
    )
    assert (
        oc.RepeatedInfusions("pain", before="pre", after="post", average="infusions")
        .run(study)
        .estimates[0]
        == infusion
    )
    assert any("No control group" in n for n in result.notes)


def test_incomplete_infusions_are_counted():
    rows = [
        ("a", 1, "pre", 7),
        ("a", 1, "post", 5),
        ("a", 2, "pre", 7),
        ("b", 1, "pre", 6),
        ("c", 1, "pre", 8),
        ("c", 1, "post", 5),
    ]
    study = oc.Study(
        pd.DataFrame(rows, columns=["patient", "episode", "visit", "pain"]),
        visits=("pre", "post"),
        measures={"pain": PAIN},
    )
    result = oc.RepeatedInfusions("pain", before="pre", after="post").run(study)
    assert (result.counts.enrolled, result.counts.analysed) == (3, 2)
    assert "2 of 4 infusions lack a score before or after." in result.notes
    assert result["mean change, patient average"].value == -2.5
