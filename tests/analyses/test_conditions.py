"""Conditions within patients: numbers that must hold, and words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.paired.repeated_measures import rm_anova, two_within

PAIN = oc.Outcome("pain", "pain", "lower", "points", 0, 10, 1)


def cohort(effect: float, n: int = 20, *, conditions: int = 2, visits: int = 2, gaps: int = 0):
    """Each patient under every condition at every visit; the first `gaps` lack one score."""
    rng, rows = np.random.default_rng(2), []
    for k in range(n):
        level = rng.normal(5, 1)
        for c in range(conditions):
            for v in range(visits):
                y = level + c * effect + rng.normal(0, 0.7)
                gone = k < gaps and (c, v) == (0, 0)
                rows.append((f"p{k:02d}", f"day {v}", c + 1, "ABC"[c], np.nan if gone else y))
    frame = pd.DataFrame(rows, columns=["patient", "visit", "episode", "limb", "pain"])
    days = tuple(f"day {v}" for v in range(visits))
    return oc.Study(frame, visits=days, measures={"pain": PAIN})


@pytest.mark.parametrize("effect", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("visits", [1, 2])
def test_words(effect, visits):
    result = oc.WithinPatients("pain", condition="limb").run(cohort(effect, visits=visits))
    said = result.sentence()
    assert "points for B minus A (95% CI" in said and "20 of 20 patients" in said
    assert ("limb × visit P" in said) == (visits > 1)
    e = result.main
    assert (e.low <= 0 <= e.high) == (effect == 0)
    assert "within patients by paired t-tests" in result.methods_text()
    assert oc.table(result).rows


def test_three_conditions_have_holms_p():
    result = oc.WithinPatients("pain", condition="limb").run(cohort(1.0, conditions=3))
    assert "for B minus A" in result.sentence() and "for C minus A" in result.sentence()
    assert "Holm" in result.sentence()


def test_two_conditions_are_the_paired_t_test():
    study = cohort(1.0, visits=1)
    e = oc.WithinPatients("pain", condition="limb").run(study).estimates[0]
    wide = study.scores.pivot(index="patient", columns="limb", values="pain")
    test = stats.ttest_rel(wide["B"], wide["A"])
    assert (e.statistic, e.p) == pytest.approx((test.statistic, test.pvalue), rel=1e-9)


def test_patients_with_a_gap_are_counted_apart():
    result = oc.WithinPatients("pain", condition="limb").run(cohort(1.0, gaps=3))
    assert result.counts.analysed == 17
    assert result.counts.left_out == (("some conditions or visits missing", 3),)
    assert "17 of 20 patients" in result.sentence()


def test_one_factor_is_the_one_way_analysis():
    y = np.random.default_rng(1).normal(size=(12, 4))
    one = rm_anova(y).effects["visit"]
    for shaped, name in ((y[:, :, None], "first"), (y[:, None, :], "second")):
        (effect, _), *rest = two_within(shaped).values()
        assert list(two_within(shaped)) == [name] and not rest
        assert effect.test.statistic == pytest.approx(one.test.statistic)
        assert effect.p_gg == pytest.approx(one.p_gg)


def test_sums_of_squares_add_up():
    y = np.random.default_rng(1).normal(size=(9, 3, 4))
    parts = two_within(y)
    within = sum(e.ss + e.ss_error for e, _ in parts.values())
    between = 12 * ((y.mean(axis=(1, 2)) - y.mean()) ** 2).sum()
    assert within + between == pytest.approx(((y - y.mean()) ** 2).sum())


def test_the_factors_may_change_places():
    y = np.random.default_rng(1).normal(size=(9, 3, 4))
    a, b = two_within(y), two_within(y.transpose(0, 2, 1))
    assert a["first"][0].p_gg == pytest.approx(b["second"][0].p_gg)
    assert a["first:second"][0].p_gg == pytest.approx(b["first:second"][0].p_gg)


def test_what_is_wrong_is_said():
    with pytest.raises(AnalysisError, match="needs two groups"):
        oc.WithinPatients("pain", condition="limb").run(cohort(1.0, conditions=1))
    unknown = oc.Plan(oc.WithinPatients("pain", condition="leg")).run(cohort(1.0))[0]
    assert "leg" in unknown.failed and "internal" not in unknown.failed
    few = oc.WithinPatients("pain", condition="limb").run(cohort(1.0, n=1))
    assert "no interval: too few patients" in few.sentence()
