"""Imputation: pooling, draws, reference-based means, chained equations, and what must hold whatever
the data.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from outcomes.core.errors import AnalysisError
from outcomes.stats.missing.chained_equations import chained
from outcomes.stats.missing.imputation import (
    bootstrap_draw,
    estimates_of,
    posterior_draw,
    root_of,
    rubin,
    rubin_wald,
)
from outcomes.stats.missing.patterns import carry, little_mcar, normal_ml, patterns
from outcomes.stats.missing.reference_based import (
    METHODS,
    Incomplete,
    ancova_differences,
    base_fit,
    complete,
    conditional_mean_jackknife,
    covariance,
    draws,
    means,
)
from outcomes.stats.mixed.reml import NotConverged


def trial(seed=1, n=60, dropout=0.12, m=4):
    """Two arms, monotone dropout and a few gaps in between."""
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    base = rng.normal(7, 1, n)
    y = (
        0.6 * base[:, None]
        - 0.5 * arm[:, None] * np.arange(1, m + 1)
        + rng.normal(0, 1, (n, 1))
        + rng.normal(0, 1, (n, m))
    )
    left = rng.random((n, m)).cumsum(axis=1) * 0 + (rng.random((n, m)) < dropout)
    left[:, 0] = 0
    y[np.maximum.accumulate(left, axis=1) > 0] = np.nan
    y[2, 1] = np.nan
    x = np.column_stack([np.ones(n), arm, base])
    names = ("intercept", "arm ketamine", "baseline")
    visits = tuple(f"w{j}" for j in range(m))
    return Incomplete(
        y, x, visits, names, names[1:], arm, np.array([1]), np.array([[0.0], [1.0]]), 0, base
    )


@pytest.mark.parametrize("method", METHODS)
def test_completed_scores_keep_what_was_seen_and_fill_every_gap(method):
    data = trial()
    fitted = base_fit(data)
    seen = ~np.isnan(data.scores)
    for rng in (None, np.random.default_rng(1)):
        out = complete(data, fitted, estimates_of(fitted), method, rng=rng)
        assert not np.isnan(out).any()
        np.testing.assert_array_equal(out[seen], data.scores[seen])


def test_the_reference_arm_is_imputed_the_same_way_by_mar_and_the_reference_methods():
    data = trial(2)
    fitted = base_fit(data)
    mar = complete(data, fitted, estimates_of(fitted), "mar")
    for method in ("j2r", "cr", "cir"):
        np.testing.assert_allclose(
            complete(data, fitted, estimates_of(fitted), method)[data.arm == 0],
            mar[data.arm == 0],
            rtol=1e-12,
        )


def test_means_of_each_method_by_hand():
    data = trial(3)
    fitted = base_fit(data)
    own = means(data, fitted, estimates_of(fitted), "mar")
    as_reference = data.design.copy()
    as_reference[:, 1] = 0
    ref = np.einsum("nd,jdp,p->nj", as_reference, fitted.design.columns, fitted.beta)
    i = next(i for i in range(len(own)) if data.arm[i] == 1 and 0 <= data.last[i] < 3)
    k = data.last[i]
    got = {m: means(data, fitted, estimates_of(fitted), m)[i] for m in METHODS}
    np.testing.assert_allclose(got["j2r"], np.r_[own[i, : k + 1], ref[i, k + 1 :]])
    np.testing.assert_allclose(got["cr"], ref[i])
    np.testing.assert_allclose(
        got["cir"], np.r_[own[i, : k + 1], ref[i, k + 1 :] + own[i, k] - ref[i, k]]
    )
    np.testing.assert_allclose(got["lmcf"], np.r_[own[i, : k + 1], np.repeat(own[i, k], 3 - k)])
    np.testing.assert_allclose(
        got["rtb"], np.r_[own[i, : k + 1], np.repeat(data.baseline[i], 3 - k)]
    )


def test_conditional_mean_under_mar_is_the_mixed_model_and_its_jackknife_equals_refitting_by_hand():
    data = trial(4, n=24)

    def analyse(completed, kept):
        return ancova_differences(completed, data.design[kept], [1])[0]

    value, se = conditional_mean_jackknife(data, "j2r", analyse=analyse)
    without = []
    for i in range(24):
        kept = np.arange(24) != i
        own = Incomplete(
            data.scores[kept],
            data.design[kept],
            data.visits,
            data.features,
            data.by_visit,
            data.arm[kept],
            data.indicators,
            data.own,
            0,
            data.baseline[kept],
        )
        fitted = base_fit(own)
        without.append(analyse(complete(own, fitted, estimates_of(fitted), "j2r"), kept))
    spread = np.array(without) - np.mean(without, axis=0)
    np.testing.assert_allclose(se, np.sqrt(23 / 24 * (spread**2).sum(axis=0)), rtol=1e-7)
    mar, _ = conditional_mean_jackknife(data, "mar", analyse=analyse)
    at = base_fit(data)
    names = list(at.design.names)
    last = at.beta[names.index("arm ketamine")] + at.beta[names.index("arm ketamine x w3")]
    assert mar[3] == pytest.approx(last, rel=1e-8)
    assert abs(value[3]) < abs(mar[3])


def unequal(seed, n=60):
    """As `trial`, the second arm with a larger spread and a weaker tie between visits; each arm has
    its own covariance.
    """
    data = trial(seed, n=n)
    noise = np.random.default_rng(seed + 100).normal(0, 1.5, data.scores.shape)
    return replace(data, scores=data.scores + noise * (data.arm == 1)[:, None], by_arm=True)


def test_a_covariance_for_each_arm_is_joined_as_the_method_says():
    data = unequal(2)
    sigma = base_fit(data).sigma
    own, ref = sigma[1], sigma[0]
    assert np.abs(own - ref).max() > 0.5
    for method in METHODS:
        np.testing.assert_array_equal(covariance(data, sigma, method, 1, 3), own)
        np.testing.assert_allclose(covariance(data, sigma, method, 0, 1), ref, rtol=1e-12)
        joined = covariance(data, sigma, method, 1, 1)
        assert np.linalg.eigvalsh(joined).min() > 0
        if method in ("mar", "lmcf", "rtb", "cr"):
            np.testing.assert_array_equal(joined, ref if method == "cr" else own)
            continue
        np.testing.assert_allclose(joined[:2, :2], own[:2, :2])
        for both in (
            lambda s: np.linalg.solve(s[:2, :2], s[:2, 2:]),
            lambda s: s[2:, 2:] - s[2:, :2] @ np.linalg.solve(s[:2, :2], s[:2, 2:]),
        ):
            np.testing.assert_allclose(both(joined), both(ref), rtol=1e-9)
        np.testing.assert_array_equal(covariance(data, sigma, method, 1, -1), ref)


def test_equal_covariances_of_the_arms_are_the_common_one():
    data = trial(3)
    fitted = base_fit(data)
    shared = estimates_of(fitted)
    twice = replace(shared, sigma=np.repeat(shared.sigma, 2, axis=0))
    for method in METHODS:
        np.testing.assert_allclose(
            complete(replace(data, by_arm=True), fitted, twice, method),
            complete(data, fitted, shared, method),
            rtol=1e-9,
        )


def test_by_arm_the_conditional_mean_is_that_mixed_model_and_its_jackknife_is_refitting_by_hand():
    data = unequal(4, n=40)

    def analyse(completed, kept):
        return ancova_differences(completed, data.design[kept], [1])[0]

    value, se = conditional_mean_jackknife(data, "j2r", analyse=analyse)
    without = []
    for i in range(40):
        kept = np.arange(40) != i
        own = replace(
            data,
            scores=data.scores[kept],
            design=data.design[kept],
            arm=data.arm[kept],
            baseline=data.baseline[kept],
        )
        fitted = base_fit(own)
        without.append(analyse(complete(own, fitted, estimates_of(fitted), "j2r"), kept))
    spread = np.array(without) - np.mean(without, axis=0)
    np.testing.assert_allclose(se, np.sqrt(39 / 40 * (spread**2).sum(axis=0)), rtol=1e-6)
    common, _ = conditional_mean_jackknife(replace(data, by_arm=False), "j2r", analyse=analyse)
    assert abs(value[3] - common[3]) > 1e-4
    fitted = base_fit(data)
    mar = complete(data, fitted, estimates_of(fitted), "mar")
    for arm in (0, 1):  # the scores of an arm fill up from its own covariance alone
        rows, at = data.arm == arm, means(data, fitted, estimates_of(fitted), "mar")
        i = next(
            i
            for i in np.flatnonzero(rows)
            if data.last[i] == 1 and not np.isnan(data.scores[i, :2]).any()
        )
        s = fitted.sigma[arm]
        expected = at[i, 2:] + (data.scores[i, :2] - at[i, :2]) @ np.linalg.solve(
            s[:2, :2], s[:2, 2:]
        )
        np.testing.assert_allclose(mar[i, 2:], expected)


@pytest.mark.parametrize("kind", ["posterior", "bootstrap"])
@pytest.mark.parametrize("make", [trial, unequal])
def test_draws_scatter_about_the_fit_as_its_standard_errors_say(kind, make):
    data = make(5, n=120)
    fitted = base_fit(data)
    rng = np.random.default_rng(1)
    many = [
        posterior_draw(fitted, rng)
        if kind == "posterior"
        else bootstrap_draw(fitted, data.scores, data.design, data.arm, rng, group=data.group)
        for _ in range(150)
    ]
    beta = np.array([p.beta for p in many])
    se = np.sqrt(np.diag(fitted.cov_beta))
    assert (np.abs(beta.mean(axis=0) - fitted.beta) < 4 * se / np.sqrt(150) + 0.05 * se).all()
    assert (np.abs(np.log(beta.std(axis=0) / se)) < 0.3).all()
    assert all(np.linalg.eigvalsh(p.sigma).min() > 0 for p in many)
    scale = np.log([np.diagonal(p.sigma, axis1=1, axis2=2) for p in many]) - np.log(
        np.diagonal(fitted.sigma, axis1=1, axis2=2)
    )
    assert (np.abs(scale.mean(axis=0)) < 0.12).all() and (scale.std(axis=0) < 0.35).all()


def test_the_same_seed_gives_the_same_draws():
    data = trial(6)
    one, two = (draws(data, "mar", number=3, rng=np.random.default_rng(9)) for _ in range(2))
    for a, b in zip(one, two):
        np.testing.assert_array_equal(a, b)


def test_rubin_with_equal_draws_has_no_between_variance_and_wald_of_one_parameter_is_t_squared():
    p = rubin([1.0, 1.0, 1.0], [0.2, 0.2, 0.2], df_complete=10)
    assert p.between == 0 and p.lam == 0 and p.estimate.df == pytest.approx(11 / 13 * 10)
    q, u = np.array([1.0, 1.3, 0.9, 1.2]), np.array([0.2, 0.25, 0.22, 0.2])
    wald, t = rubin_wald(q[:, None], u[:, None, None]).test, rubin(q, u)
    assert wald.value == pytest.approx(t.estimate.statistic**2, rel=1e-12)
    with pytest.raises(AnalysisError, match="at least two"):
        rubin([1.0], [0.1])
    assert rubin([1.0, 1.0], [0.0, 0.0]).estimate.reason == "zero_variance"


def test_chained_equations_keep_what_was_seen_and_matching_gives_values_that_occur():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(80, 1))
    x = np.hstack([z + rng.normal(0, 0.5, (80, 3)), (z > 0) * 1.0])
    x[:, :3] = np.round(5 + 2 * x[:, :3])
    gaps = rng.random(x.shape) < 0.15
    holes = np.where(gaps, np.nan, x)
    for how in ("pmm", "norm"):
        for done in chained(holes, number=3, rng=rng, how=how):
            np.testing.assert_array_equal(done[~gaps], x[~gaps])
            assert not np.isnan(done).any()
            if how == "pmm":
                assert all(set(done[:, j]) <= set(x[~gaps[:, j], j]) for j in range(4))
    with pytest.raises(AnalysisError, match="fewer than two"):
        chained([[1.0, np.nan], [2.0, np.nan]], number=1, rng=rng)


@pytest.mark.slow
def test_imputation_under_mar_recovers_a_mean_that_complete_cases_miss():
    rng = np.random.default_rng(11)
    errors, naive = {"pmm": [], "norm": []}, []
    for _ in range(60):
        x = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 200)
        holes = x.copy()
        holes[rng.random(200) < 1 / (1 + np.exp(-1.5 * x[:, 0])), 1] = np.nan
        naive.append(np.nanmean(holes[:, 1]))
        for how in errors:
            errors[how].append(
                np.mean([d[:, 1].mean() for d in chained(holes, number=5, rng=rng, how=how)])
            )
    assert np.mean(naive) < -0.25
    assert abs(np.mean(errors["norm"])) < 3 * np.std(errors["norm"]) / np.sqrt(60)
    assert abs(np.mean(errors["pmm"])) < 0.06


def test_carrying_forward_and_worst_in_both_directions():
    y = [[np.nan, 5.0, np.nan], [8.0, np.nan, np.nan]]
    base = [6.0, 7.0]
    assert carry(y, base, rule="locf").tolist() == [[6, 5, 5], [8, 8, 8]]
    assert carry(y, base, rule="bocf").tolist() == [[6, 5, 6], [8, 7, 7]]
    assert carry(y, base, rule="wocf").tolist() == [[6, 5, 6], [8, 8, 8]]
    assert carry(y, base, rule="wocf", better="higher").tolist() == [[6, 5, 5], [8, 7, 7]]
    with pytest.raises(AnalysisError, match="No rule 'loc'"):
        carry(y, base, rule="loc")


def test_normal_model_of_complete_data_is_the_sample_and_littles_test_needs_two_patterns():
    x = np.random.default_rng(2).normal(size=(30, 3))
    mu, sigma = normal_ml(x)
    np.testing.assert_allclose(mu, x.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(sigma, np.cov(x.T, ddof=0), rtol=1e-8, atol=1e-10)
    assert little_mcar(x).reason == "not_estimable"
    assert patterns(x).complete == 30


def test_a_singular_spread_has_a_root_and_what_is_no_spread_is_told() -> None:
    spread = np.array([[1.0, 2.0], [2.0, 4.0]])
    root = root_of(spread)
    np.testing.assert_allclose(root @ root.T, spread, atol=1e-12)
    with pytest.raises(NotConverged, match="too many visits for so few patients"):
        root_of(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_rubin_at_full_precision():
    p = rubin([-2.1, -1.9, -2.0, -2.2, -1.8], [0.08, 0.09, 0.085, 0.08, 0.082], df_complete=34)
    assert p.total == pytest.approx(0.0834 + 1.2 * 0.025, rel=1e-12)
    assert p.estimate.df == pytest.approx(
        1 / (1 / p.df_large + 37 / 35 / 34 / (1 - p.lam)), rel=1e-12
    )
