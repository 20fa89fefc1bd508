"""Traps of the Python stack (and of R) for models: mixed models, imputation, pooling, Bayes
factors, degenerate sizes.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.imputation.mice import MICE, MICEData
from statsmodels.stats.meta_analysis import combine_effects

from outcomes.stats.meta_analysis.random_effects import pool
from outcomes.stats.missing.imputation import rubin
from outcomes.stats.mixed.cross_products import summarise
from outcomes.stats.mixed.lmm import mixed
from outcomes.stats.mixed.mmrm import repeated
from outcomes.stats.paired.bayes_factor import bayes_factor
from outcomes.stats.paired.effect_sizes import paired_effects
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.rank_effects import rank_biserial
from tests.builders import SLEEP

FIRST, SECOND = np.array(SLEEP)


def test_10_the_variance_between_sites_is_never_negative_and_reml_is_there():
    y, v = np.array([-1.0, -0.9, -1.1, -1.0, -0.7]), np.array([0.2, 0.3, 0.1, 0.4, 0.2])
    assert combine_effects(y, v, method_re="dl").tau2 < 0
    found = {e.name: e for e in pool(y, v)}
    assert found["tau2"].value == 0 and "prediction interval" in found
    assert found["pooled"].value == pytest.approx(np.average(y, weights=1 / v))


def test_11_a_mixed_model_of_ten_patients_is_judged_by_t_not_z():
    """statsmodels' MixedLM has no df: with ten patients its p is an eighth of the paired t-test's,
    which ours is.
    """
    y = np.concatenate([FIRST, SECOND])
    frame = pd.DataFrame(
        {"y": y, "drug": np.repeat([0.0, 1.0], 10), "patient": np.tile(np.arange(10), 2)}
    )
    x = np.column_stack([np.ones(20), frame["drug"]])
    t = mean_change(FIRST, SECOND)
    for method in ("satterthwaite", "kenward-roger"):
        ours = mixed(y, x, names=("mean", "drug"), cluster=frame["patient"], method=method)
        e = ours.contrast([0, 1], name="drug")
        assert (e.value, e.se, e.df, e.p) == pytest.approx((t.value, t.se, 9, t.p), rel=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = smf.mixedlm("y ~ drug", frame, groups="patient").fit(method="bfgs")
    assert theirs.params["drug"] == pytest.approx(t.value)
    assert theirs.pvalues["drug"] < t.p / 8


def test_13_imputed_estimates_have_barnard_rubin_degrees_of_freedom():
    """Ten patients stay ten patients, however often they are imputed; statsmodels' MICE refers to
    the normal.
    """
    few = rubin([-2.1, -2.0, -2.05, -2.02, -2.08], [0.25] * 5, df_complete=9)
    assert few.estimate.df < 9 < few.df_large
    assert few.estimate.p == pytest.approx(
        2 * stats.t.sf(abs(few.estimate.statistic), few.estimate.df)
    )
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=10)})
    frame["y"] = frame["x"] + rng.normal(size=10)
    frame.loc[[2, 6], "y"] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = MICE("y ~ x", sm.OLS, MICEData(frame)).fit(2, 5)
    z = np.abs(theirs.params / theirs.bse)
    assert theirs.pvalues == pytest.approx(2 * stats.norm.sf(z))


def test_14_a_bayes_factor_is_a_number():
    pingouin = pytest.importorskip("pingouin")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pingouin.ttest(SECOND, FIRST, paired=True)["BF10"].iloc[0]
    ours = bayes_factor(FIRST, SECOND)
    assert isinstance(ours.value, float)
    assert ours.value == pytest.approx(float(theirs), rel=1e-3)


def test_16_ranks_of_a_constant_fall_say_fall_and_no_change_says_nothing():
    """effectsize 0.8.3 gives +1 where everybody fell by the same, and 1 where nobody changed."""
    fell = rank_biserial([5, 6, 7, 8], [3, 4, 5, 6])
    assert fell.value == -1
    assert math.isnan(fell.low) and fell.reason == "at_limit"
    nobody = rank_biserial([5, 6, 7], [5, 6, 7])
    assert math.isnan(nobody.value) and nobody.reason == "all_zero"
    assert all(
        math.isnan(e.low) for e in paired_effects([5, 6, 7, 8], [3, 4, 5, 6]) if e.name == "d_z"
    )


def test_16_kenward_roger_of_two_visits_is_the_paired_t_test():
    """mmrm's full Kenward-Roger gives SE 0.3386 here; the linear form, as SAS has it, gives the
    paired t-test's 0.3890.
    """
    scores = np.column_stack([FIRST, SECOND])
    s = summarise(scores, np.ones((10, 1)), visits=("a", "b"), features=("intercept",))
    e = repeated(s, method="kenward-roger").change(before="a", after="b")
    assert (e.se, e.df) == pytest.approx((0.38895872388839536, 9), rel=1e-8)
