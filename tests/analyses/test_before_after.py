"""The questions before and after beyond the paired t-test: sentences word by word, counts,
refusals, degenerate data.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.outcome import Outcome
from outcomes.study.study import Study
from tests.builders import MOOD, PAIN, two_visits

BEFORE = [7, 8, 6, 7, 9, 5, 8, 7, 6, 9, None, 8]
AFTER = [5, 7, 3, 6, 5, 5, 8, 8, 4, 6, 4, None]
VISITS = {"before": "baseline", "after": "week_4"}


def run(kind, before=BEFORE, after=AFTER, *, outcome=PAIN, entry=None, **fields):
    study = two_visits(before, after, outcome=outcome, **({"entry": entry} if entry else {}))
    return kind(outcome.name, **VISITS, **fields).run(study)


# --- sentences, word by word ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "style", "text"),
    [
        (
            oc.SignedRank,
            {},
            "",
            (
                "The median shift (Hodges-Lehmann) of average pain (NRS) from baseline to week 4"
                " was −1.5 points (95% CI, −2.5 to −0.5; achieved level 95.1%): scores improved."
                " Wilcoxon signed-rank, exact with mid-ranks, 2 zero differences dropped: W+=2,"
                " n=8, P=.03. Matched-pairs rank-biserial r=−0.89 (95% CI, −0.98 to −0.56). n=10"
                " of 12."
            ),
        ),
        (
            oc.SignedRank,
            {"zeros": "pratt", "mid_p": True},
            "apa",
            (
                "The median shift (Hodges-Lehmann) of average pain (NRS) from baseline to week 4"
                " was −1.5 points (95% CI [−2.5, −0.5]; achieved level 95.1%): scores improved."
                " Wilcoxon signed-rank, exact with mid-ranks, mid-p, 2 zero differences ranked and"
                " dropped (Pratt): W+ = 4, n = 8, p = .020. Matched-pairs rank-biserial r = −.85"
                " (95% CI [−.97, −.43]). n = 10 of 12."
            ),
        ),
        (
            oc.SignTest,
            {},
            "",
            (
                "Scores of average pain (NRS) fell in 7, rose in 1 and were unchanged in 2 of 10"
                " patients with both scores (exact sign test, P=.07; 12 enrolled). The median"
                " change was −1.5 points (95% CI, −3.0 to 0.0; achieved level 97.9%)."
            ),
        ),
        (
            oc.SignFlip,
            {},
            "",
            (
                "The mean change of average pain (NRS) from baseline to week 4 was −1.5 points"
                " (sign-flip permutation test, exact: P=.03; n=10 of 12): scores improved on"
                " average."
            ),
        ),
        (
            oc.Yuen,
            {},
            "apa",
            (
                "The 20% trimmed mean of average pain (NRS) changed by −1.5 points from baseline to"
                " week 4 (95% CI [−2.7, −0.3]; Yuen t(5) = −3.33, p = .021; n = 10 of 12): scores improved."
            ),
        ),
        (
            oc.Bootstrap,
            {},
            "",
            (
                "The mean change of average pain (NRS) from baseline to week 4 was −1.5 points (no"
                " bootstrap interval: too few patients; n=10 of 12)."
            ),
        ),
        (
            oc.TOST,
            {"margin": 1},
            "",
            (
                "The 90% CI for the mean change of average pain (NRS) from baseline to week 4 (−2.4"
                " to −0.6) did not lie within the stated margin of ±1 point (TOST P=.83; n=10 of"
                " 12)."
            ),
        ),
        (
            oc.TOST,
            {"margin": 4},
            "apa",
            (
                "The 90% CI for the mean change of average pain (NRS) from baseline to week 4 (−2.4"
                " to −0.6) lay within the stated margin of ±4 points (TOST p < .001; n = 10 of 12)."
            ),
        ),
        (
            oc.NonInferiority,
            {"margin": 1},
            "",
            (
                "The upper 95% limit of the mean change of average pain (NRS) from baseline to week"
                " 4 (−0.4) did not exceed the margin of 1 point: a worsening by the margin or more is"
                " excluded (one-sided P<.001; n=10 of 12)."
            ),
        ),
        (
            oc.NonInferiority,
            {"margin": 1, "outcome": MOOD},
            "apa",
            (
                "The lower 95% limit of the mean change of mood from baseline to week 4 (−2.6) fell"
                " below the margin of −1 point: a worsening by the margin or more is not excluded"
                " (one-sided p = .828; n = 10 of 12)."
            ),
        ),
        (
            oc.BayesFactor,
            {},
            "",
            (
                "For the change of average pain (NRS) from baseline to week 4, BF10=4.50 (JZS,"
                " r=0.707; 3.90 to 4.32 for r=1.41 to 0.5; n=10 of 12); the mean change was −1.5"
                " points, in the direction of improvement."
            ),
        ),
        (
            oc.IndividualChange,
            {"reliability": 0.85, "source": "Smith 2020", "cutoff": 6},
            "",
            (
                "With reliability 0.85 (Smith 2020), 5 of 10 patients improved in average pain"
                " (NRS) and 0 worsened by more than measurement error from baseline to week 4 (RCI"
                " ±1.96, that is 1.4 points), 4 of them past the cut-off of 6 and so recovered; 5 did"
                " neither; n=10 of 12."
            ),
        ),
        (
            oc.RegressionToMean,
            {"at_least": 5, "mean": 6.0, "sd": 1.8, "reliability": 0.6, "source": "Smith 2020"},
            "",
            (
                "With entry at average pain (NRS) ≥5 and reliability 0.60 (Smith 2020), a fall of"
                " 0.3 points is expected from baseline to week 4 without any treatment effect; the"
                " observed mean change was −1.5 (95% CI, −2.6 to −0.4; n=10 of 12). Net of"
                " regression to a population mean of 6.0 (Mee-Chua) the change was −1.0 (95% CI,"
                " −2.5 to 0.6; P=.20)."
            ),
        ),
        (
            oc.RegressionToMean,
            {},
            "",
            (
                "No entry cut-off on average pain (NRS) is declared ([study] entry), so the size of"
                " regression to the mean cannot be computed; patients who seek care when scores are"
                " at their worst regress all the same; the observed mean change was −1.5 (95% CI,"
                " −2.6 to −0.4; n=10 of 12)."
            ),
        ),
    ],
)
def test_sentence(kind, fields, style, text):
    assert run(kind, **fields).sentence(style) == text


def test_no_sentence_claims_a_cause():
    for kind, fields in (
        (oc.SignedRank, {}),
        (oc.SignTest, {}),
        (oc.SignFlip, {}),
        (oc.Yuen, {}),
        (oc.Bootstrap, {}),
        (oc.TOST, {"margin": 1}),
        (oc.NonInferiority, {"margin": 1}),
        (oc.BayesFactor, {}),
        (oc.IndividualChange, {"reliability": 0.8}),
        (oc.RegressionToMean, {}),
    ):
        result = run(kind, **fields)
        words = result.sentence() + kind("pain", **VISITS, **fields).methods_text()
        assert not any(
            w in words
            for w in ("reduced", "caused", "effective", "due to", "thanks to", "no difference")
        )
        assert any("No control group" in n for n in result.notes)
        assert result.counts.enrolled == 12 and result.counts.analysed == 10


# --- signed-rank ----------------------------------------------------------------------------------


def test_signed_rank_counts_zeros_and_says_when_n_is_hopeless():
    result = run(oc.SignedRank)
    assert result["zero differences"].value == 2 and result.detail.changed == 8
    few = run(oc.SignedRank, [7, 6, 8, 5, 9], [5, 5, 5, 4, 4])
    assert any("5 changed patients cannot give a two-sided P below 0.05" in n for n in few.notes)
    assert (
        "93.8% CI" in few.sentence()
        and "the widest interval that so few patients allow" in few.sentence()
    )
    assert few["Hodges-Lehmann shift"].level == pytest.approx(0.9375)


def test_better_side_of_ps_dep_follows_the_instrument():
    pain, mood = run(oc.SignedRank), run(oc.SignedRank, outcome=MOOD)
    assert pain["PS_dep"].value == pytest.approx(0.8) and mood["PS_dep"].value == pytest.approx(0.2)
    assert "scores worsened" in mood.sentence()


def test_zero_rules_differ_and_unknown_ones_are_refused():
    assert (
        run(oc.SignedRank)["signed-rank W+"].value
        != run(oc.SignedRank, zeros="pratt")["signed-rank W+"].value
    )
    with pytest.raises(AnalysisError, match="wilcoxon, pratt"):
        oc.SignedRank("pain", **VISITS, zeros="zsplit")


# --- resampling -----------------------------------------------------------------------------------


def test_bootstrap_repeats_with_its_seed_and_names_it():
    before, after = [5 + i % 5 for i in range(30)], [5 + i % 5 - i % 3 for i in range(30)]
    first, again, other = (
        run(oc.Bootstrap, before, after, draws=2000, seed=s)["mean change"] for s in (1, 1, 2)
    )
    assert first == again != other
    d = run(oc.Bootstrap, before, after, statistic="d_av", draws=2000)
    assert d["d_av"].low < d["d_av"].value < d["d_av"].high
    assert "seed 20260101" in d.sentence()
    with pytest.raises(AnalysisError, match="mean change, median change, d_av"):
        oc.Bootstrap("pain", **VISITS, statistic="mode")


def test_sign_flip_of_many_patients_draws_with_its_seed():
    before, after = [5 + i % 4 for i in range(230)], [5 + i % 3 for i in range(230)]
    result = run(oc.SignFlip, before, after, draws=2000)
    assert result.detail.draws == 2000 and "2000 random flips, seed 20260101" in result.sentence()


# --- equivalence ----------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", [0, -1, math.nan, math.inf])
def test_a_margin_is_positive(margin):
    for kind in (oc.TOST, oc.NonInferiority):
        with pytest.raises(AnalysisError, match="margin is a positive number"):
            kind("pain", **VISITS, margin=margin)


def test_a_score_without_direction_has_no_worse_side():
    plain = Outcome("pain", "pain", "", "points", 0, 10, 1)
    with pytest.raises(AnalysisError, match="no declared direction"):
        run(oc.NonInferiority, outcome=plain, margin=1)
    with pytest.raises(AnalysisError, match="no declared direction"):
        run(oc.IndividualChange, outcome=plain, reliability=0.8)


# --- single patients ------------------------------------------------------------------------------


def test_individual_change_needs_a_reliability_with_a_name():
    with pytest.raises(AnalysisError, match="needs a reliability"):
        run(oc.IndividualChange)
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        oc.IndividualChange("pain", **VISITS, reliability=1.2)


def test_four_classes_add_up():
    result = run(oc.IndividualChange, reliability=0.85, cutoff=6)
    classes = result.detail.patients
    assert list(classes) == ["recovered", "improved", "unchanged", "deteriorated"]
    assert sum(classes.values()) == result.counts.analysed
    assert sum(result[name].value for name in classes) == pytest.approx(1)
    assert sum(result.data["pairs"]["change_class"] == "recovered") == classes["recovered"]


def test_the_instruments_own_reliability_is_named():
    scores = pd.DataFrame(
        {
            "patient": list("aabbcc"),
            "visit": ["pre", "post"] * 3,
            "phq9_total": [20.0, 5, 15, 14, 18, 9],
        }
    )
    study = Study(
        scores,
        visits=("pre", "post"),
        measures={"phq9_total": oc.instrument("phq9").outcome("total")},
    )
    result = oc.IndividualChange("phq9_total", before="pre", after="post").run(study)
    assert "Kroenke 2001" in result.sentence() and result.detail.reliability == 0.84


def meaningful(pgic, **fields):
    n = len(BEFORE)
    ids = [f"p{i}" for i in range(n)]
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": ["baseline"] * n + ["week_4"] * n,
            "pain": BEFORE + AFTER,
            "pgic": [None] * n + pgic,
        }
    ).astype({"pain": float, "pgic": float})
    measures = {"pain": PAIN, "pgic": Outcome("pgic", "PGIC", "lower", "", 1, 7, 1)}
    study = Study(scores, visits=("baseline", "week_4"), measures=measures)
    return oc.MeaningfulChange("pain", **VISITS, anchor="pgic", **fields).run(study)


def test_meaningful_change_by_anchor():
    result = meaningful([2, 3, 1, 4, 1, 4, 4, 5, 2, None, 1, 1])
    assert (
        result.sentence()
        == "Patients called improved by PGIC (≤2; 4 of 9) improved by 2.8 points in average pain"
        " (NRS) on average, the others improved by 0.2; the cut-off that agrees best is an"
        " improvement of 2.0 points (AUC"
        " 1.00; Spearman correlation with the anchor −0.97). Half the SD before is 0.7 points."
        " n=9 of 12."
    )
    assert ("no PGIC at week 4", 1) in result.counts.left_out
    assert result["SEM"].reason == "needs_input" and result["AUC"].reason == "separation"
    assert not any("anchor" in n for n in result.notes)


def test_a_weak_anchor_is_called_weak_and_no_anchored_patient_is_no_threshold():
    assert any("says little" in n for n in meaningful([4, 1, 4, 1, 4, 2, 4, 4, 1, 4, 1, 1]).notes)
    assert "no anchored threshold" in meaningful([4, 5] * 6).sentence()
    with pytest.raises(AnalysisError, match="which answers of the anchor"):
        oc.MeaningfulChange("pain", **VISITS, anchor="pgic", improved="30%")


# --- regression to the mean -----------------------------------------------------------------------


def test_entry_of_the_study_is_used_with_half_a_step():
    """At least 5 on a whole-number scale means a true score of 4.5 or more before rounding."""
    given = {"mean": 6.0, "sd": 1.8, "reliability": 0.6}
    by_study = run(oc.RegressionToMean, entry={"outcome": "pain", "at_least": 5}, **given)
    by_field = run(oc.RegressionToMean, at_least=5, **given)
    z = (4.5 - 6) / 1.8
    phi, tail = math.exp(-z * z / 2) / math.sqrt(2 * math.pi), 0.5 * math.erfc(z / math.sqrt(2))
    for result in (by_study, by_field):
        assert result["expected change without any effect"].value == pytest.approx(
            -0.4 * 1.8 * phi / tail
        )


def test_entry_at_most_expects_a_rise():
    result = run(oc.RegressionToMean, outcome=MOOD, at_most=8, mean=8, sd=3.0)
    assert "a rise of 1.0 to 0.2 points is expected" in result.sentence()
    assert any("2 patients entered beyond the cut-off" in n for n in result.notes)


def test_the_guard_finds_the_truth_of_the_sample():
    """The generator of the invented cohort wrote down its population: the guard recovers it from
    the selected patients.
    """
    study = oc.read_study(Path(__file__).parents[2] / "data/sample/study.toml")
    result = oc.RegressionToMean("pain_nrs_average", **VISITS, reliability=0.5626).run(study)
    mean, sd = result["population mean"], result["population SD"]
    assert mean.low < 6.4 < mean.high and sd.low < 2.2 < sd.high
    assert result["expected change without any effect"].value == pytest.approx(-0.178, abs=0.08)


def test_impossible_requests_are_refused():
    for fields, words in (
        ({"at_least": 4, "at_most": 6}, "one entry cut-off"),
        ({"mean": 6.0}, "both mean and sd"),
        ({"reliability": 0.0}, "between 0 and 1"),
    ):
        with pytest.raises(AnalysisError, match=words):
            oc.RegressionToMean("pain", **VISITS, **fields)


def test_too_few_selected_scores_ask_for_input():
    result = run(oc.RegressionToMean, [7, 8, 7], [5, 6, 6], at_least=7)
    assert "cannot be computed without the mean and SD" in result.sentence()
    assert result.estimates[1].reason == "needs_input"


@pytest.mark.parametrize(
    ("before", "after"),
    [([7], [5]), ([None, None], [None, None]), ([5, 5, 5], [5, 5, 5]), ([7, 6, 8], [5, 4, 6])],
)
def test_degenerate_data_give_words_not_numbers(before, after):
    for kind, fields in (
        (oc.SignedRank, {}),
        (oc.SignTest, {}),
        (oc.SignFlip, {}),
        (oc.Yuen, {}),
        (oc.Bootstrap, {}),
        (oc.TOST, {"margin": 1}),
        (oc.NonInferiority, {"margin": 1}),
        (oc.BayesFactor, {}),
        (oc.IndividualChange, {"reliability": 0.8}),
        (oc.RegressionToMean, {"at_least": 4}),
    ):
        result = run(kind, before, after, **fields)
        assert result.sentence() and "nan" not in result.sentence()
        for e in result.estimates:
            assert e.p != 0 and not math.isinf(e.value)


def test_normality_is_tested_only_when_asked_for():
    study = two_visits([7, 6, 8, 5, 9, 7, 4], [5, 5, 4, 5, 3, 6, 4])
    asked = {"before": "baseline", "after": "week_4"}
    plain = oc.PairedT("pain", **asked).run(study)
    more = oc.PairedT("pain", **asked, normality=True).run(study)
    *same, test = more.estimates
    assert tuple(same) == plain.estimates
    assert (test.value, test.p) == pytest.approx(tuple(stats.shapiro([-2, -1, -4, 0, -6, -1, 0])))
