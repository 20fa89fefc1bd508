import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

import outcomes as oc
from outcomes.core.errors import AnalysisError
from tests.builders import MOOD, two_visits


def ask(before, after, **more):
    return oc.Robustness("pain", before="baseline", after="week_4").run(
        two_visits(before, after, **more)
    )


def test_each_way_agrees_with_the_question_made_for_it():
    before, after = [7, 6, 8, 5, 9, 7, 6, 8], [5, 6, 2, 4, 7, 7, 5, 4]
    study, visits = two_visits(before, after), {"before": "baseline", "after": "week_4"}
    result = oc.Robustness("pain", **visits).run(study)
    assert (
        result["mean, paired t-test"].p == oc.PairedT("pain", **visits).run(study)["mean change"].p
    )
    rank = result["Hodges-Lehmann shift, signed-rank test"]
    assert rank.p in [e.p for e in oc.SignedRank("pain", **visits).run(study).estimates]
    flip = [e.p for e in oc.SignFlip("pain", **visits).run(study).estimates]
    assert result["mean, sign-flip permutation test"].p in flip


def test_missing_scores_are_filled_at_both_ends():
    result = ask([7, 6, 8, 5, 9, 7], [5, 6, 2, 4, None, None])
    change = np.array([-2, 0, -6, -1])
    assert result["mean, 2 missing as no change"].value == pytest.approx(change.sum() / 6)
    assert result["mean, 2 missing as worst change seen"].value == pytest.approx(
        (change.sum() + 0 * 2) / 6
    )


def test_the_worst_change_follows_the_direction_of_the_score():
    study = two_visits([50, 60, 40, 55], [70, 55, 60, None], outcome=MOOD)
    result = oc.Robustness("mood", before="baseline", after="week_4").run(study)
    assert result["mean, 1 missing as worst change seen"].value == pytest.approx(
        (20 - 5 + 20 - 5) / 4
    )


def test_a_conclusion_that_survives_and_one_that_does_not():
    rng = np.random.default_rng(3)
    before = rng.integers(6, 10, 30)
    clear = ask(before, before - rng.integers(2, 5, 30))
    assert clear.detail.survives
    assert "every one led to the same verdict (lower)" in clear.sentence()
    fragile = ask([*before, *[8] * 20], [*(before - rng.integers(0, 3, 30)), *[None] * 20])
    worst = ask([9, 9, 9, 9, 9, 9, 9, 9, 9, 9], [8, 8, 8, 8, 8, 8, 8, 8, 10, None])
    assert not (fragile.detail.survives and worst.detail.survives)
    assert "Not the same verdict" in worst.sentence()


def test_every_analysis_is_in_the_picture():
    result = ask([7, 6, 8, 5, 9, 7], [5, 6, 2, 4, None, None])
    assert len(result.data["forest"]) == len(result.estimates) == 10
    assert result.pictures == ("forest",)


def test_nothing_to_compare():
    result = ask([None, None], [5, 4])
    assert result.sentence().startswith("No patient")
    assert math.isnan(result.estimates[0].p)


def trial(rng_seed=4, lost=(3, 20)):
    """20 + 20 patients, true difference about −2, the patients at `lost` without a later score."""
    rng = np.random.default_rng(rng_seed)
    arm = ["ketamine"] * 20 + ["placebo"] * 20
    before = rng.integers(5, 10, 40).astype(float)
    after = np.clip(before - 1 - 2 * (np.arange(40) < 20) + rng.integers(-2, 3, 40), 0, 10)
    seen = [None if i in lost else v for i, v in enumerate(after)]
    patients = pd.DataFrame({"patient": [f"p{i + 1:03d}" for i in range(40)], "arm": arm})
    study = two_visits(before, seen, patients=patients, design="parallel")
    frame = pd.DataFrame(
        {"arm": arm, "before": before, "after": [np.nan if v is None else v for v in seen]}
    )
    return study, frame.assign(k=(frame["arm"] == "ketamine").astype(float))


class TestArms:
    question = oc.Robustness("pain", before="baseline", after="week_4", by="arm")

    def test_each_way_is_its_textbook_analysis(self):
        study, frame = trial()
        result, seen = (
            self.question.run(study),
            frame.dropna().assign(change=lambda f: f["after"] - f["before"]),
        )
        model = smf.ols("after ~ before + k", seen).fit()
        assert result["ANCOVA"].value == pytest.approx(model.params["k"])
        assert result["ANCOVA"].p == pytest.approx(model.pvalues["k"])
        robust = model.get_robustcov_results("HC3", use_t=True)
        assert result["ANCOVA, HC3 standard errors"].p == pytest.approx(robust.pvalues[2])
        treated, control = (seen.loc[seen["k"] == v, "change"] for v in (1, 0))
        welch = stats.ttest_ind(treated, control, equal_var=False)
        assert result["change, Welch's t-test"].p == pytest.approx(welch.pvalue)
        shift = result["Hodges-Lehmann shift of the change, Mann-Whitney test"]
        assert shift.value == np.median(np.subtract.outer(treated.to_numpy(), control.to_numpy()))
        asked = oc.MannWhitney("pain", before="baseline", after="week_4").run(study)
        assert shift.p == asked["U"].p

    def test_missing_scores_are_no_change_in_both_arms_or_the_worst_against_the_treatment(self):
        study, frame = trial()
        result, gone = self.question.run(study), frame["after"].isna()
        change = (frame["after"] - frame["before"]).dropna()
        same = frame.assign(after=frame["after"].fillna(frame["before"]))
        assert result["ANCOVA, 2 missing as no change"].value == pytest.approx(
            smf.ols("after ~ before + k", same).fit().params["k"]
        )
        moved = frame["before"] + np.where(frame["k"] == 1, change.max(), change.min())
        worst = frame.assign(after=frame["after"].where(~gone, moved.clip(0, 10)))
        row = result["ANCOVA, 2 missing as worst case against ketamine"]
        assert row.value == pytest.approx(smf.ols("after ~ before + k", worst).fit().params["k"])
        assert row.value > result["ANCOVA"].value

    def test_the_worst_case_follows_the_direction_and_the_reference(self):
        study, _ = trial()
        up = dataclasses.replace(
            study, measures={"pain": dataclasses.replace(study.outcome("pain"), better="higher")}
        )
        against = "ANCOVA, 2 missing as worst case against ketamine"
        assert self.question.run(up)[against].value < self.question.run(study)[against].value
        turned = dataclasses.replace(self.question, reference="ketamine").run(study)
        assert turned["ANCOVA"].value == pytest.approx(-self.question.run(study)["ANCOVA"].value)
        assert "ANCOVA, 2 missing as worst case against placebo" in {
            e.name for e in turned.estimates
        }

    def test_the_sentence_says_who_which_way_and_whether_it_survives(self):
        study, _ = trial()
        result = self.question.run(study)
        assert result.detail.survives
        text = result.sentence()
        what = "the difference in average pain (NRS) at week 4, ketamine minus placebo,"
        who = "(n=19 placebo, 19 ketamine of 40; lower is better)"
        assert text.startswith(f"Asked in 10 ways, {what} was between −")
        assert f"{who}; every one led to the same verdict (lower with ketamine)." in text
        assert "Tipping value: none; P stays below 0.05" in text
        lost, _ = trial(lost=(0, 1, 2, 3, 4, 5, 6, 7))
        fragile = self.question.run(lost)
        assert not fragile.detail.survives
        assert "8 missing as worst case against ketamine (" in fragile.sentence()

    def test_it_is_one_picture_and_its_own_methods_text(self):
        study, _ = trial()
        result = self.question.run(study)
        assert len(result.data["forest"]) == len(result.estimates) == 10
        assert "ANCOVA" in self.question.methods_text()

    def test_groups_that_were_chosen_are_called_so(self):
        study, _ = trial()
        routes = dataclasses.replace(study, design="routes")
        result = self.question.run(routes)
        assert result.sentence().endswith("Groups by arm were not randomised.")
        assert not any("No control group" in note for note in result.notes)

    def test_three_arms_are_refused_with_what_to_ask(self):
        patients = pd.DataFrame(
            {"patient": [f"p{i + 1:03d}" for i in range(6)], "arm": ["a", "b", "c"] * 2}
        )
        study = two_visits(
            [7, 6, 8, 5, 9, 7], [5, 6, 2, 4, 7, 7], patients=patients, design="parallel"
        )
        with pytest.raises(AnalysisError, match="Ask ANCOVA"):
            self.question.run(study)

    @pytest.mark.parametrize("after", [[None] * 4, [7, 6, 8, 5], [5, 4, 6, 3], [5, None, None, 7]])
    def test_degenerate_arms_give_words_not_numbers(self, after):
        patients = pd.DataFrame(
            {"patient": [f"p{i + 1:03d}" for i in range(4)], "arm": ["a", "a", "b", "b"]}
        )
        study = two_visits([7, 6, 8, 5], after, patients=patients, design="parallel")
        result = oc.Plan(self.question).run(study)[0]
        assert "–" not in result.sentence()
        assert "nan" not in result.sentence()


class TestMissingScores:
    VISITS = {"before": "baseline", "after": "week_4"}  # noqa: RUF012

    def test_each_way_of_dealing_with_missing_scores_is_asked(self):
        study = two_visits([7, 6, 8, 5, 9, 7, 8, 6], [5, 5, 2, 4, 7, 4, None, None])
        question = oc.Robustness("pain", **self.VISITS, draws=20, seed=5)
        result = question.run(study)
        paired = oc.PairedT("pain", **self.VISITS)
        same = {
            "mixed model of all visits": oc.CohortModel("pain").run(study).main,
            "multiple imputation (20 draws)": oc.Imputed(paired, draws=20, seed=5).run(study).main,
        }
        for name, e in same.items():
            assert (result[name].value, result[name].p) == pytest.approx((e.value, e.p))
        change = np.array([-2, -1, -6, -1, -2, -3])
        best = result["mean, 2 missing as best change seen"]
        assert best.value == pytest.approx((change.sum() - 12) / 8)
        tip = oc.TippingPoint(paired, draws=20, seed=5).run(study)["tipping point"]
        assert f"{tip.value:.1f} points worse" in result.sentence()
        assert "mixed model" in question.methods_text()

    def test_arms_have_reference_based_imputation_and_the_best_case_too(self):
        study, _ = trial(lost=(3, 5, 20, 25))
        question = oc.Robustness("pain", **self.VISITS, by="arm", draws=4, seed=1)
        result = question.run(study)
        name = "reference-based imputation (jump to reference)"
        asked = oc.ReferenceBased("pain").run(study).main
        assert result[name].value == pytest.approx(asked.value)
        model = oc.MMRM("pain").run(study).main
        assert result["mixed model of all visits"].value == pytest.approx(model.value)
        worst, best = (
            result[f"ANCOVA, 4 missing as {case}"].value
            for case in ("worst case against ketamine", "best case for ketamine")
        )
        assert best < worst, "lower is better"

    def test_nothing_missing_adds_nothing(self):
        result = ask([7, 6, 8, 5], [5, 6, 2, 4])
        assert not [e for e in result.estimates if "imputation" in e.name or "model" in e.name]
