"""Reliability, agreement and internal consistency: against R, by hand, and in words."""

import math

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure
from outcomes.stats.individual.agreement import agreement, omega, within_patient_error
from tests.builders import PAIN, two_visits

FIRST, SECOND = [7, 5, 8, 6, 9, 4], [7, 6, 8, 5, 9, 5]
#: Eight patients, four questions.
ITEMS = np.array(
    [3, 2, 3, 4, 1, 1, 2, 1, 4, 4, 4, 3, 2, 3, 1, 2, 5, 4, 4, 5, 2, 1, 1, 3, 3, 4, 3, 3, 4, 3, 5, 4]
).reshape(8, 4)


def test_omega_is_that_of_one_factor_by_maximum_likelihood():
    """R 4.2: f <- factanal(x, 1, control = list(nstart = 5, opt = list(factr = 10))); loadings and
    uniquenesses times the SDs: .923190780106. Its optimiser stops at about 1e-8.
    """
    assert omega(ITEMS).value == pytest.approx(0.923190780106, rel=1e-6)


def test_omega_equals_alpha_where_all_questions_load_alike():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(60, 4))
    z = (z - z.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z, rowvar=False))).T
    x = z @ np.linalg.cholesky(np.full((4, 4), 0.5) + 0.5 * np.eye(4)).T
    assert omega(x).value == pytest.approx(4 * 0.5 / (1 + 3 * 0.5), rel=1e-6)
    assert omega(-x).value == pytest.approx(omega(x).value, rel=1e-6)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (ITEMS[:, :2], "too_few"),
        (ITEMS[:4], "too_few"),
        (np.column_stack([ITEMS[:, :2], np.ones(8)]), "zero_variance"),
        (np.column_stack([ITEMS[:, :3], ITEMS[:, 0]]), "not_estimable"),
    ],
)
def test_omega_is_undefined_with_a_reason(items, reason):
    e = omega(items)
    assert math.isnan(e.value) and e.reason == reason


def test_the_error_of_one_measurement_is_the_pooled_sd_within_patients():
    sem, mdc90, mdc95 = within_patient_error(FIRST, SECOND)
    d = np.subtract(SECOND, FIRST)
    assert sem.value == pytest.approx(d.std(ddof=1) / math.sqrt(2))
    assert mdc95.value == pytest.approx(1.959964 * d.std(ddof=1), rel=1e-6)
    assert mdc90.value < mdc95.value
    # R 4.2: sd * sqrt(5 / qchisq(c(.975, .025), 5)) / sqrt(2)
    assert (sem.low, sem.high) == pytest.approx(
        (sem.value * math.sqrt(5 / 12.832502), sem.value * math.sqrt(5 / 0.8312116)), rel=1e-6
    )
    shifted = within_patient_error(FIRST, np.add(SECOND, 2))
    assert shifted[0].value == pytest.approx(sem.value)


def test_the_limits_hold_their_share_of_the_differences():
    rng = np.random.default_rng(4)
    a = rng.normal(6, 2, 4000)
    d = rng.normal(-0.5, 1, 4000)
    bias, lower, upper, _, ratio = agreement(a, a + d)
    assert np.mean((d > lower.value) & (d < upper.value)) == pytest.approx(0.95, abs=0.012)
    assert (bias.value, bias.high - bias.value) == pytest.approx(
        (d.mean(), 1.96 * bias.se), rel=1e-3
    )
    assert lower.low < d.mean() - 1.96 * d.std() < lower.high < upper.low
    assert ratio.value > 1 and ratio.p < 0.05
    wide = agreement(a, a + d, level=0.99)
    assert wide[1].value == lower.value and wide[1].low < lower.low


def test_retest_counts_a_shift_as_error_of_agreement_and_not_of_consistency():
    plain = oc.TestRetest("pain", before="baseline", after="week_4").run(two_visits(FIRST, SECOND))
    moved = oc.TestRetest("pain", before="baseline", after="week_4").run(
        two_visits(FIRST, [x + 1 for x in SECOND])
    )
    assert moved["ICC(C,1)"].value == pytest.approx(plain["ICC(C,1)"].value)
    assert moved["ICC(A,1)"].value < plain["ICC(A,1)"].value
    assert moved["SEM"].value == pytest.approx(plain["SEM"].value)
    assert not any(e.measure.directed for e in plain.estimates)
    assert "ICC(A,1) 0.92" in plain.sentence() and "taken to be stable" in plain.sentence()
    assert plain.notes == ()


def agreeing(first, second):
    scores = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(len(first))],
            "visit": "baseline",
            "pain": first,
            "nurse": second,
        }
    )
    nurse = oc.Outcome("nurse", "Pain by the nurse", "lower")
    return oc.Study(scores, visits=("baseline",), measures={"pain": PAIN, "nurse": nurse})


def test_agreement_says_how_far_apart_and_who_had_both():
    result = oc.Agreement("pain", other="nurse").run(
        agreeing([7, 5, 8, 6, 9, 4, 3], [6, 5, 7, 6, 7, 4, None])
    )
    assert result["bias"].value == pytest.approx(-2 / 3)
    assert result.counts.left_out == (("no Pain by the nurse at baseline", 1),)
    assert "95% limits of agreement \N{MINUS SIGN}2.3 to 0.9 (n=6 of 7)" in result.sentence()
    assert result["lower limit of agreement"].measure is Measure.THRESHOLD
    with pytest.raises(AnalysisError, match="the same as outcome"):
        oc.Agreement("pain", other="pain")


def questionnaire(items, instrument="phq9", **options):
    codes = [str(k) for k in range(1, items.shape[1] + 1)]
    columns = {f"q{c}": items[:, int(c) - 1] for c in codes}
    scores = pd.DataFrame(
        {"patient": [f"p{k:02d}" for k in range(len(items))], "visit": "pre"} | columns
    )
    use = oc.InstrumentUse(instrument, {c: f"q{c}" for c in codes}, {}, options)
    return oc.Study(scores, visits=("pre",), uses=(use,))


def answers(n=40):
    rng = np.random.default_rng(1)
    return np.clip(np.round(rng.normal(1.5, 1, (n, 1)) + rng.normal(0, 0.7, (n, 9))), 0, 3)


def test_alpha_is_that_of_the_answers_and_a_patient_with_a_gap_is_left_out():
    x = answers()
    whole = oc.InternalConsistency("phq9").run(questionnaire(x))
    cov = np.cov(x, rowvar=False)
    alpha = 9 / 8 * (1 - np.trace(cov) / cov.sum())
    assert whole["Cronbach alpha"].value == pytest.approx(alpha, rel=1e-12)
    assert "alpha without question 9" in {e.name for e in whole.estimates}
    x[3, 2] = np.nan
    gap = oc.InternalConsistency("phq9").run(questionnaire(x))
    assert gap.counts.left_out == (("a question left out", 1),)
    assert "n=39 of 40 with every question answered" in gap.sentence()


def test_answers_are_shifted_and_turned_as_declared_before_alpha():
    x = answers()
    turned = x.copy()
    turned[:, 0] = 3 - turned[:, 0]
    plain = oc.InternalConsistency("phq9").run(questionnaire(x))["Cronbach alpha"].value
    again = oc.InternalConsistency("phq9").run(questionnaire(turned, reverse=["1"]))
    assert again["Cronbach alpha"].value == pytest.approx(plain)
    shifted = oc.InternalConsistency("phq9").run(questionnaire(x + 1, shift=-1))
    assert shifted["Cronbach alpha"].value == pytest.approx(plain)
    assert shifted.counts.analysed == 40


def test_a_score_without_single_answers_is_refused():
    with pytest.raises(AnalysisError, match="no single answers"):
        oc.InternalConsistency("pain").run(two_visits([7, 5], [5, 4]))
