import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.regression.linear import (
    Design,
    adjusted_means,
    aliased_columns,
    factor,
    interaction,
    numeric,
    ols,
    pairwise,
)

Y = [4.0, 6.5, 3.0, 7.0, 5.5, 8.0, 2.0, 6.0]
X = [5.0, 7.0, 4.0, 8.0, 7.0, 9.0, 3.0, 6.0]
ARM = ["K", "P", "K", "P", "K", "P", "K", "P"]


def design(**more):
    return Design((factor("arm", ARM, reference="P"), numeric("before", X), *more.values()))


def test_certified_values_known_without_the_shared_material():
    """NIST Statistical Reference Datasets, Longley (hard: nearly collinear): certified estimates
    and deviations.
    """
    from statsmodels.datasets import longley

    data = longley.load_pandas().data
    columns = ["GNPDEFL", "GNP", "UNEMP", "ARMED", "POP", "YEAR"]
    fit = ols(Design(tuple(numeric(c, data[c]) for c in columns)), data["TOTEMP"])
    certified = {
        "intercept": (-3482258.63459582, 890420.383607373),
        "GNPDEFL": (15.0618722713733, 84.9149257747669),
        "GNP": (-0.0358191792925910, 0.0334910077722432),
        "UNEMP": (-2.02022980381683, 0.488399681651699),
        "ARMED": (-1.03322686717359, 0.214274163161675),
        "POP": (-0.0511041056535807, 0.226073200069370),
        "YEAR": (1829.15146461355, 455.478499142212),
    }
    for name, (value, se) in certified.items():
        e = fit.coefficient(name)
        assert (e.value, e.se) == pytest.approx((value, se), rel=1e-7)
    assert (fit.sigma, fit.r2) == pytest.approx((304.854073561965, 0.995479004577296), rel=1e-9)


def test_the_change_as_outcome_gives_the_same_difference():
    after, change = ols(design(), Y), ols(design(), np.subtract(Y, X))
    a, b = after.coefficient("arm[K]"), change.coefficient("arm[K]")
    assert (a.value, a.se, a.p) == pytest.approx((b.value, b.se, b.p), rel=1e-10)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_agrees_with_lstsq_shift_moves_only_the_intercept_and_order_nothing(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 30))
    x, g, y = rng.normal(size=n), rng.permutation(np.arange(n) % 3).astype(str), rng.normal(size=n)
    d = Design((factor("g", g), numeric("x", x)))
    fit = ols(d, y)
    assert fit.coefficients == pytest.approx(np.linalg.lstsq(d.matrix, y, rcond=None)[0], abs=1e-9)
    shifted = ols(d, y + 5)
    assert shifted.coefficients[1:] == pytest.approx(fit.coefficients[1:], abs=1e-9)
    order = rng.permutation(n)
    again = ols(Design((factor("g", g[order]), numeric("x", x[order]))), y[order])
    assert again.coefficients == pytest.approx(fit.coefficients, abs=1e-9)
    assert np.diag(again.covariance) == pytest.approx(np.diag(fit.covariance), rel=1e-8)


def test_robust_errors_against_their_definition():
    d = design()
    fit = ols(d, Y, se="HC3")
    x = d.matrix
    bread = np.linalg.inv(x.T @ x)
    hat = np.diag(x @ bread @ x.T)
    meat = x.T @ np.diag((fit.residuals / (1 - hat)) ** 2) @ x
    assert fit.covariance == pytest.approx(bread @ meat @ bread, rel=1e-9)


def test_a_repeated_column_is_named_and_what_hangs_on_it_is_not_estimable():
    copy = factor("route", ["IV" if a == "K" else "PO" for a in ARM], reference="PO")
    d = Design((factor("arm", ARM, reference="P"), numeric("before", X), copy))
    fit = ols(d, Y)
    assert fit.aliased == ("route[IV]",)
    assert fit.coefficient("route[IV]").reason == "not_estimable"
    # the sum of both columns is what the data know
    alone = ols(design(), Y).coefficient("arm[K]")
    both = fit.contrast(d.row(arm="K", route="IV") - d.row(arm="P", route="PO"))
    assert (both.value, both.se) == pytest.approx((alone.value, alone.se), rel=1e-9)
    assert (
        fit.contrast(d.row(arm="K", route="PO") - d.row(arm="P", route="PO")).reason
        == "not_estimable"
    )


def test_aliased_columns_find_sums_and_zeros():
    x = np.column_stack(
        [np.ones(6), [0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], np.zeros(6), np.arange(6)]
    )
    assert aliased_columns(x) == [2, 3]


def test_a_patient_alone_in_a_site_does_not_spoil_robust_errors():
    site = factor("site", ["A", "A", "A", "A", "A", "A", "A", "B"])
    with_b = ols(
        Design((factor("arm", ARM, reference="P"), numeric("before", X), site)), Y, se="HC3"
    )
    without = ols(
        Design((factor("arm", ARM[:7], reference="P"), numeric("before", X[:7]))), Y[:7], se="HC3"
    )
    a, b = with_b.coefficient("arm[K]"), without.coefficient("arm[K]")
    assert (a.value, a.se) == pytest.approx((b.value, b.se), rel=1e-9)
    assert with_b.coefficient("site[B]").reason == "not_estimable"


def test_adjusted_means_take_other_factors_in_equal_parts():
    site = factor("site", ["A", "A", "A", "A", "A", "A", "B", "B"])
    d = Design((factor("arm", ARM, reference="P"), numeric("before", X), site))
    fit = ols(d, Y)
    k = next(e for e in adjusted_means(fit, d, "arm") if e.group == "K")
    by_site = [fit.contrast(d.row(arm="K", site=s)).value for s in ("A", "B")]
    assert k.value == pytest.approx(np.mean(by_site))
    assert math.isnan(k.p)


def test_interactions_and_pairs():
    arm = factor("arm", ["K", "P", "M"] * 3, reference="P")
    before = numeric("before", [5, 6, 7, 4, 8, 6, 7, 5, 9], center=True)
    d = Design((arm, before, interaction(arm, before)))
    assert d.names == ("intercept", "arm[K]", "arm[M]", "before", "arm[K]:before", "arm[M]:before")
    y = [4, 6, 6, 3, 8, 5, 6, 5, 7.5]
    fit = ols(Design((arm, before)), y)
    raw = pairwise(fit, Design((arm, before)), "arm", adjust="")
    for method in ("tukey", "holm"):
        for e, r in zip(
            pairwise(fit, Design((arm, before)), "arm", adjust=method), raw, strict=True
        ):
            assert e.value == r.value
            assert e.p_adjusted >= r.p - 1e-12
    tukey = pairwise(fit, Design((arm, before)), "arm")
    assert all(t.low < r.low and t.high > r.high for t, r in zip(tukey, raw, strict=True))


def test_the_joint_test_of_one_column_is_its_t_squared():
    d = design()
    fit = ols(d, Y)
    f, t = fit.wald(d.columns_of("arm")), fit.coefficient("arm[K]")
    assert f.statistic == pytest.approx(t.statistic**2)
    assert f.p == pytest.approx(t.p)


@pytest.mark.parametrize(
    ("y", "reason"),
    [([3.0] * 8, "zero_variance"), (np.multiply(2.0, X), "zero_variance")],
)
def test_a_perfect_fit_has_no_test(y, reason):
    e = ols(design(), y).coefficient("arm[K]")
    assert e.value == pytest.approx(0, abs=1e-9)
    assert math.isnan(e.p)
    assert e.reason == reason


def test_as_many_columns_as_patients_has_no_interval():
    e = ols(Design((numeric("x", [1, 2]),)), [1.0, 3.0]).coefficient("x")
    assert e.value == pytest.approx(2, rel=1e-12)
    assert e.reason == "too_few"


def test_unknown_names_are_answered_with_what_there_is():
    with pytest.raises(AnalysisError, match="There is: P, K"):
        design().row(arm="M")
    with pytest.raises(AnalysisError, match="No term 'age'"):
        design().row(age=50)
    with pytest.raises(AnalysisError, match="HC3"):
        ols(design(), Y, se="HC4")
    with pytest.raises(AnalysisError, match="one row a patient"):
        ols(design(), Y[:3])


@pytest.mark.slow
def test_hc3_holds_its_level_under_unequal_variances():
    rng = np.random.default_rng(20260101)
    n, runs, hits = 40, 4000, {"classical": 0, "HC3": 0}
    arm = np.array(["K"] * 10 + ["P"] * 30, dtype=object)
    sd = np.where(arm == "K", 3.0, 1.0)
    for _ in range(runs):
        x = rng.normal(size=n)
        y = 0.6 * x + sd * rng.normal(size=n)
        d = Design((factor("arm", arm, reference="P"), numeric("x", x)))
        for kind in hits:
            hits[kind] += ols(d, y, se=kind).coefficient("arm[K]").p < 0.05
    # Monte Carlo error of a 5% share in 4000 runs: 0.0034
    assert abs(hits["HC3"] / runs - 0.05) < 0.015
    assert hits["classical"] / runs > 0.15


def test_t_matches_scipy_for_two_groups_without_covariates():
    y, g = np.array(Y), np.array(ARM)
    e = ols(Design((factor("arm", ARM, reference="P"),)), Y).coefficient("arm[K]")
    assert e.p == pytest.approx(stats.ttest_ind(y[g == "K"], y[g == "P"]).pvalue)
