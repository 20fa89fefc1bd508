"""The REML engine against dense linear algebra, and what must hold whatever the data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.covariance import STRUCTURES, ByGroup, random_effects, structure
from outcomes.stats.mixed.cross_products import Summary, summarise, summarise_rows
from outcomes.stats.mixed.likelihood import Design, Engine, estimable
from outcomes.stats.mixed.lmm import mixed
from outcomes.stats.mixed.mmrm import (
    predict,
    repeated,
    visit_design,
)
from outcomes.stats.mixed.reml import NotConverged, fit
from outcomes.stats.mixed.small_sample import METHODS, Rows, infer
from tests.builders import SLEEP

VISITS = ("w1", "w4", "w8", "w12")


def trial(seed=1, n=60, visits=VISITS, dropout=0.15):
    """An invented two-arm trial: scores (n, M), features (n, 3), arm names."""
    rng = np.random.default_rng(seed)
    m = len(visits)
    arm = rng.integers(0, 2, n)
    base = rng.normal(7, 1.2, n)
    patient = rng.normal(0, 1, n)
    slope = rng.normal(0, 0.3, n)
    y = (
        0.8 * base[:, None]
        - 0.6 * arm[:, None] * np.arange(m) / m
        + patient[:, None]
        + slope[:, None] * np.arange(m)
    )
    y = y + rng.normal(0, 1, (n, m)) * (1 + 0.2 * np.arange(m))
    y[rng.random((n, m)) < dropout] = np.nan
    return y, np.column_stack([np.ones(n), base, arm]), arm


def summary_of(y, x, visits=VISITS, **kwargs):
    return summarise(
        y, x, visits=visits, features=("intercept", "baseline", "arm ketamine"), **kwargs
    )


def dense_minus2(y, x, design, sigma, member, reml):
    """-2 log-likelihood by dense matrices, patient by patient."""
    a, b, c, log_v, n = 0.0, 0.0, 0.0, 0.0, 0
    for i in range(len(y)):
        at = np.flatnonzero(~np.isnan(y[i]))
        if not len(at):
            continue
        full = np.array([design.columns[j].T @ x[i] for j in at])
        v = sigma[member[i] if len(sigma) > 1 else 0][np.ix_(at, at)]
        w = np.linalg.inv(v)
        a, b, c = a + full.T @ w @ full, b + full.T @ w @ y[i, at], c + y[i, at] @ w @ y[i, at]
        log_v, n = log_v + np.linalg.slogdet(v)[1], n + len(at)
    p = len(b)
    value = log_v + c - b @ np.linalg.solve(a, b) + n * np.log(2 * np.pi)
    return value + (np.linalg.slogdet(a)[1] - p * np.log(2 * np.pi) if reml else 0.0)


def every_structure():
    out = {name: structure(name, 4) for name in STRUCTURES}
    out["by arm"] = ByGroup(structure("ar1h", 4), ("placebo", "ketamine"))
    out["slope"] = random_effects(np.column_stack([np.ones(4), np.arange(4)]))
    out["face"] = random_effects(np.column_stack([np.ones(4), np.arange(4)])).faces()[0]
    return out


@pytest.mark.parametrize("name", every_structure())
@pytest.mark.parametrize("reml", [True, False])
def test_likelihood_gradient_and_hessian_equal_dense_linear_algebra(name, reml):
    y, x, arm = trial()
    each = every_structure()[name]
    groups = ("placebo", "ketamine") if name == "by arm" else ("",)
    s = summary_of(y, x, group=arm if name == "by arm" else None, groups=groups)
    design = visit_design(s.features, s.visits, by_visit=("arm ketamine",))
    kept, _ = estimable(s, design)
    engine = Engine(s, design, kept, reml=reml)
    theta = each.start(np.cov(np.nan_to_num(y, nan=5.0).T)) + 0.03 * np.arange(
        1, len(each.names) + 1
    ) / len(each.names)

    def value(t):
        return engine.point(each(t).sigma).minus2

    np.testing.assert_allclose(
        value(theta), dense_minus2(y, x, design, each(theta).sigma, arm, reml), rtol=1e-11
    )
    gradient, hessian, expected = engine.derivatives(each(theta), engine.point(each(theta).sigma))
    h = 1e-5
    steps = h * np.eye(len(theta))
    np.testing.assert_allclose(
        gradient,
        [(value(theta + e) - value(theta - e)) / (2 * h) for e in steps],
        rtol=2e-5,
        atol=2e-5,
    )

    def slope(t):
        return engine.derivatives(each(t), engine.point(each(t).sigma))[0]

    np.testing.assert_allclose(
        hessian,
        [(slope(theta + e) - slope(theta - e)) / (2 * h) for e in steps],
        rtol=1e-5,
        atol=1e-5,
    )
    assert np.linalg.eigvalsh(expected).min() > -1e-8


@pytest.mark.parametrize("name", every_structure())
def test_a_fit_is_a_maximum_with_zero_gradient(name):
    y, x, arm = trial(3, n=80)
    each = every_structure()[name]
    s = summary_of(
        y,
        x,
        group=arm if name == "by arm" else None,
        groups=("placebo", "ketamine") if name == "by arm" else ("",),
    )
    f = fit(s, visit_design(s.features, s.visits, by_visit=("arm ketamine",)), each)
    assert np.abs(f.gradient).max() < 1e-5
    assert np.linalg.eigvalsh(f.hessian).min() > 0
    assert f.iterations < 25


def test_summaries_add_up_and_equal_the_pooled_rows():
    y, x, _ = trial(2, n=90)
    whole = summary_of(y, x)
    parts = [summary_of(y[i::3], x[i::3]) for i in range(3)]
    added = sum(parts[::-1])
    assert added.patterns() == whole.patterns()
    np.testing.assert_allclose(added.gram, whole.gram, rtol=1e-12, atol=1e-12)
    one, two = (
        repeated(whole, by_visit=("arm ketamine",)),
        repeated(added, by_visit=("arm ketamine",)),
    )
    e, f = (m.inference.contrast(np.eye(9)[2], name="arm") for m in (one, two))
    for field in ("value", "se", "df", "p"):
        assert getattr(e, field) == pytest.approx(getattr(f, field), rel=1e-10)


def test_a_summary_survives_json():
    y, x, _ = trial()
    s = summary_of(y, x)
    again = Summary.from_dict(json.loads(json.dumps(s.to_dict())))
    assert again.patterns() == s.patterns() and again.features == s.features
    np.testing.assert_array_equal(again.gram, s.gram)


def test_long_rows_in_any_order_chunk_or_with_explicit_missing_rows_give_one_summary():
    y, x, _ = trial(5)
    whole = summary_of(y, x)
    who, at = np.repeat(np.arange(len(y)), 4), np.tile(np.arange(4), len(y))
    rng = np.random.default_rng(0)
    for order in (np.arange(len(who)), rng.permutation(len(who))):
        for keep in (order, order[~np.isnan(y.ravel()[order])]):
            for chunk in (7, 10_000):
                s = summarise_rows(
                    who[keep],
                    at[keep],
                    y.ravel()[keep],
                    x[who[keep]],
                    visits=VISITS,
                    features=whole.features,
                    chunk=chunk,
                )
                assert s.patterns() == whole.patterns()
                np.testing.assert_allclose(s.gram, whole.gram, rtol=1e-12, atol=1e-12)


def test_two_visits_are_the_paired_t_test():
    rng = np.random.default_rng(4)
    from scipy import stats

    for n in (3, 5, 20):
        before = rng.normal(7, 1, n)
        after = before - 1 + rng.normal(0, 1.5, n)
        s = summarise(
            np.column_stack([before, after]),
            np.ones((n, 1)),
            visits=("before", "after"),
            features=("intercept",),
        )
        t = stats.ttest_rel(after, before)
        for method in ("kenward-roger", "satterthwaite", "kenward-roger-expected"):
            e = repeated(s, method=method).change(before="before", after="after")
            np.testing.assert_allclose(
                [e.value, e.statistic, e.df, e.p],
                [np.mean(after - before), t.statistic, n - 1, t.pvalue],
                rtol=1e-8,
            )


def test_complete_balanced_random_intercept_is_repeated_measures_anova():
    rng = np.random.default_rng(6)
    n, m = 12, 4
    y = rng.normal(0, 1, (n, 1)) * 1.5 + rng.normal(0, 1, (n, m)) + np.array([0, -0.5, -0.8, -0.2])
    s = summarise(y, np.ones((n, 1)), visits=VISITS, features=("intercept",))
    r = repeated(s, covariance=(random_effects(np.ones((m, 1))),), method="kenward-roger-expected")
    f = r.inference.test(np.eye(m)[1:], name="visit")
    visit = n * ((y.mean(0) - y.mean()) ** 2).sum() / (m - 1)
    error = ((y - y.mean(0) - y.mean(1)[:, None] + y.mean()) ** 2).sum() / ((n - 1) * (m - 1))
    np.testing.assert_allclose([f.value, f.df], [visit / error, (n - 1) * (m - 1)], rtol=1e-8)


def test_one_visit_is_least_squares():
    y, x, _ = trial(8, n=30, visits=("w4",), dropout=0.0)
    s = summarise(y, x, visits=("w4",), features=("intercept", "baseline", "arm ketamine"))
    e = repeated(s).inference.contrast([0, 0, 1], name="arm")
    beta, rss, *_ = np.linalg.lstsq(x, y[:, 0], rcond=None)
    se = np.sqrt(rss[0] / 27 * np.linalg.inv(x.T @ x)[2, 2])
    np.testing.assert_allclose([e.value, e.se, e.df], [beta[2], se, 27], rtol=1e-8)


def test_shifting_scores_shifts_means_and_leaves_contrasts():
    y, x, _ = trial(9)
    arms = {"placebo": {"arm ketamine": 0.0}, "ketamine": {"arm ketamine": 1.0}}
    one, two = (
        repeated(summary_of(y + k, x), by_visit=("arm ketamine", "baseline"), arms=arms)
        for k in (0.0, 100.0)
    )
    a, b = (m.difference("ketamine", "placebo", visit="w12") for m in (one, two))
    np.testing.assert_allclose([a.value, a.se, a.df], [b.value, b.se, b.df], rtol=1e-8)
    assert two.mean("placebo", visit="w4").value - one.mean(
        "placebo", visit="w4"
    ).value == pytest.approx(100, rel=1e-10)


def test_every_method_gives_the_same_estimate_and_a_window_is_the_mean_of_its_visits():
    y, x, _ = trial(10)
    arms = {"placebo": {"arm ketamine": 0.0}, "ketamine": {"arm ketamine": 1.0}}
    for method in METHODS:
        m = repeated(
            summary_of(y, x), by_visit=("arm ketamine",), arms=arms, method=method, rows=Rows(y, x)
        )
        each = [m.difference("ketamine", "placebo", visit=v).value for v in ("w8", "w12")]
        window = m.difference("ketamine", "placebo", visit=("w8", "w12"))
        assert window.value == pytest.approx(np.mean(each), rel=1e-12)
        assert window.se > 0 and window.df > 0


def test_an_aliased_coefficient_and_an_arm_without_a_visit_are_said_not_guessed():
    y, x, arm = trial(11)
    y[arm == 1, 3] = np.nan
    arms = {"placebo": {"arm ketamine": 0.0}, "ketamine": {"arm ketamine": 1.0}}
    m = repeated(summary_of(y, x), by_visit=("arm ketamine",), arms=arms)
    assert m.difference("ketamine", "placebo", visit="w12").reason == "not_estimable"
    assert np.isnan(m.mean("ketamine", visit="w12").value)
    assert m.difference("ketamine", "placebo", visit="w8").reason == ""
    twice = np.column_stack([x, x[:, 1] * 2 - 1])
    s = summarise(
        y, twice, visits=VISITS, features=("intercept", "baseline", "arm ketamine", "again")
    )
    again = repeated(s, by_visit=("arm ketamine",), arms=arms)
    a, b = (k.difference("ketamine", "placebo", visit="w8") for k in (m, again))
    np.testing.assert_allclose([a.value, a.se, a.df], [b.value, b.se, b.df], rtol=1e-7)
    assert again.inference.contrast(np.eye(10)[3], name="again").reason == "not_estimable"


def test_a_pair_of_visits_nobody_has_falls_back_in_the_declared_order_and_says_why():
    y, x, _ = trial(12)
    y[:, 3] = np.where(np.isnan(y[:, 0]), y[:, 3], np.nan)
    m = repeated(summary_of(y, x))
    assert m.fit.structure.title == "heterogeneous Toeplitz" or m.fit.attempts
    title, reason = m.fit.attempts[0]
    assert title == "unstructured"
    assert reason.startswith("No patient has a score at both w1 and w12")


def test_a_visit_with_one_patient_is_said_and_left_to_a_structure_with_one_variance():
    y, x, _ = trial(13)
    y[1:, 3] = np.nan
    y[0] = 5.0
    m = repeated(summary_of(y, x))
    assert m.fit.structure.title == "compound symmetry"
    assert m.fit.attempts[0] == (
        "unstructured",
        "Only one patient has a score at w12, so its variance is not determined.",
    )
    assert m.fit.summary.smallest_pattern == 1


def test_constant_scores_too_few_rows_and_duplicates_are_refused_in_words():
    x = np.ones((5, 1))
    with pytest.raises(NotConverged, match="All residuals are zero"):
        repeated(summarise(np.full((5, 2), 3.0), x, visits=("a", "b"), features=("intercept",)))
    with pytest.raises(NotConverged, match="too few"):
        repeated(summarise([[1.0, 2.0]], [[1.0]], visits=("a", "b"), features=("intercept",)))
    with pytest.raises(AnalysisError, match="two scores at the same visit"):
        summarise_rows(
            [1, 1], [0, 0], [1.0, 2.0], [[1.0], [1.0]], visits=("a", "b"), features=("intercept",)
        )
    with pytest.raises(AnalysisError, match="missing where a score is observed"):
        summarise([[1.0]], [[np.nan]], visits=("a",), features=("baseline",))
    one, other = (summarise([[1.0]], [[1.0]], visits=(v,), features=("intercept",)) for v in "ab")
    with pytest.raises(AnalysisError, match="same visits"):
        one + other


def test_a_random_effect_at_its_boundary_is_recognised_and_said():
    rng = np.random.default_rng(3)
    y = rng.normal(0, 1, (40, 4))
    y -= 0.9 * y.mean(axis=1, keepdims=True)
    cluster, names = np.repeat(np.arange(40), 4), ("intercept", "time")
    x = np.column_stack([np.ones(160), np.tile(np.arange(4.0), 40)])
    m = mixed(y.ravel(), x, names=names, cluster=cluster)
    assert m.fit.boundary == "a random effect has a variance of zero"
    rss = np.linalg.lstsq(x, y.ravel(), rcond=None)[1]
    assert m.fit.theta == pytest.approx([rss[0] / 158], rel=1e-8)
    slope = mixed(y.ravel(), x, names=names, cluster=cluster, random=x)
    assert slope.fit.boundary and slope.fit.loglik >= m.fit.loglik - 1e-9


@pytest.mark.parametrize("sites", [False, True])
def test_nested_effects_equal_dense_linear_algebra(sites):
    rng = np.random.default_rng(7)
    outer = np.repeat(np.arange(9), rng.integers(2, 7, 9) if sites else 3)
    patient = np.repeat(np.arange(len(outer)), rng.integers(1, 4, len(outer)))
    site = outer[patient]
    x = np.column_stack([np.ones(len(patient)), rng.normal(size=len(patient))])
    y = (
        x @ [1, 0.5]
        + rng.normal(0, 1, 9)[site]
        + rng.normal(0, 0.8, len(outer))[patient]
        + rng.normal(0, 1, len(patient))
    )
    m = mixed(y, x, names=("intercept", "x"), cluster=site, nested=patient)
    g, nested, sigma2 = m.fit.theta
    v = (
        g * (site[:, None] == site)
        + nested * (patient[:, None] == patient)
        + sigma2 * np.eye(len(y))
    )
    w = np.linalg.inv(v)
    a = x.T @ w @ x
    r = y - x @ np.linalg.solve(a, x.T @ w @ y)
    dense = (
        np.linalg.slogdet(v)[1]
        + np.linalg.slogdet(a)[1]
        + r @ w @ r
        + (len(y) - 2) * np.log(2 * np.pi)
    )
    assert -2 * m.fit.loglik == pytest.approx(dense, rel=1e-10)
    assert np.abs(m.fit.gradient).max() < 1e-6


def test_predictions_and_scaled_residuals():
    y, x, _ = trial(14)
    m = repeated(summary_of(y, x), by_visit=("arm ketamine",))
    out = predict(m.fit, Rows(y, x))
    seen = ~np.isnan(y)
    np.testing.assert_array_equal(out.conditional[seen], y[seen])
    i = int(np.flatnonzero(np.isnan(y).any(axis=1) & seen.any(axis=1))[0])
    at, off = np.flatnonzero(seen[i]), np.flatnonzero(~seen[i])
    sigma = m.fit.sigma[0]
    by_hand = out.mean[i, off] + sigma[np.ix_(off, at)] @ np.linalg.solve(
        sigma[np.ix_(at, at)], y[i, at] - out.mean[i, at]
    )
    np.testing.assert_allclose(out.conditional[i, off], by_hand, rtol=1e-12)
    spread = np.nanstd(out.scaled, axis=0, ddof=1)
    assert ((spread > 0.6) & (spread < 1.4)).all()


def test_covariances_by_arm_equal_separate_fits_when_nothing_is_shared():
    y, x, arm = trial(15, n=100)
    s = summarise(
        y,
        x[:, [0, 2]],
        visits=VISITS,
        features=("intercept", "arm ketamine"),
        group=arm,
        groups=("placebo", "ketamine"),
    )
    together = repeated(s, by_visit=("arm ketamine",), covariance=("us",))
    for g in (0, 1):
        alone = repeated(
            summarise(
                y[arm == g], np.ones((sum(arm == g), 1)), visits=VISITS, features=("intercept",)
            ),
            covariance=("us",),
        )
        np.testing.assert_allclose(together.fit.sigma[g], alone.fit.sigma[0], rtol=1e-7)


def test_a_time_varying_covariate_enters_by_visit():
    y, x, _ = trial(16)
    rng = np.random.default_rng(1)
    dose = rng.normal(size=(*y.shape, 1))
    wide = np.concatenate([np.broadcast_to(x[:, None, :], (*y.shape, 3)), dose], axis=2)
    s = summarise(
        y, wide, visits=VISITS, features=("intercept", "baseline", "arm ketamine", "dose")
    )
    f = fit(s, visit_design(s.features, s.visits), structure("us", 4))
    np.testing.assert_allclose(-2 * f.loglik, dense_with_rows(y, wide, f), rtol=1e-11)


def dense_with_rows(y, wide, f):
    a, b, c, log_v, n = 0.0, 0.0, 0.0, 0.0, 0
    for i in range(len(y)):
        at = np.flatnonzero(~np.isnan(y[i]))
        full = np.array([f.design.columns[j].T @ wide[i, j] for j in at]).reshape(len(at), -1)
        w = np.linalg.inv(f.sigma[0][np.ix_(at, at)])
        a, b, c = a + full.T @ w @ full, b + full.T @ w @ y[i, at], c + y[i, at] @ w @ y[i, at]
        log_v, n = log_v - np.linalg.slogdet(w)[1], n + len(at)
    return (
        log_v
        + c
        - b @ np.linalg.solve(a, b)
        + np.linalg.slogdet(a)[1]
        + (n - len(b)) * np.log(2 * np.pi)
    )


def test_designs_name_their_columns():
    with pytest.raises(AnalysisError, match="No feature 'bas'"):
        visit_design(("intercept", "base"), ("a", "b"), by_visit=("bas",))
    with pytest.raises(AnalysisError, match="A design is"):
        Design(np.zeros((2, 2, 3)), ("a",))
    y, x, _ = trial()
    fitted = fit(
        summary_of(y, x), visit_design(summary_of(y, x).features, VISITS), structure("cs", 4)
    )
    with pytest.raises(AnalysisError, match="No method 'kr'"):
        infer(fitted, "kr")


@pytest.mark.slow
@pytest.mark.parametrize("n", [16, 24, 40])
def test_simulated_type_one_error_of_the_last_visit_under_dropout(n):
    """Section 5 C of the methods catalogue: 4 visits, about 20 % monotone dropout depending on the
    last score.
    """
    rng = np.random.default_rng(100 + n)
    runs, rejected, done = 600, 0, 0
    sigma = np.array(
        [[1, 0.6, 0.5, 0.4], [0.6, 1.2, 0.6, 0.5], [0.5, 0.6, 1.4, 0.7], [0.4, 0.5, 0.7, 1.6]]
    )
    root = np.linalg.cholesky(sigma)
    arm = np.repeat([0.0, 1.0], n // 2)
    arms = {"placebo": {"arm ketamine": 0.0}, "ketamine": {"arm ketamine": 1.0}}
    for _ in range(runs):
        y = rng.normal(size=(n, 4)) @ root.T
        for j in (1, 2, 3):
            leaves = rng.random(n) < np.clip(0.07 + 0.05 * np.nan_to_num(y[:, j - 1]), 0, 0.3)
            y[leaves | np.isnan(y[:, j - 1]), j] = np.nan
        s = summarise(
            y,
            np.column_stack([np.ones(n), arm]),
            visits=VISITS,
            features=("intercept", "arm ketamine"),
        )
        m = repeated(s, by_visit=("arm ketamine",), arms=arms)
        done += 1
        rejected += m.difference("ketamine", "placebo", visit="w12").p < 0.05
    assert abs(rejected / done - 0.05) < 3 * np.sqrt(0.05 * 0.95 / runs)


def test_a_likelihood_whose_maximum_is_singular_is_said_and_falls_back():
    rng = np.random.default_rng(4)
    patient = rng.normal(size=(30, 1))
    y = np.hstack(
        [patient, patient + rng.normal(0, 1, (30, 1)), 2 * patient, rng.normal(size=(30, 1))]
    )
    y[rng.random(y.shape) < 0.2] = np.nan
    m = repeated(summary_of(y, trial(n=30)[1]))
    assert m.fit.attempts[0] == (
        "unstructured",
        "The unstructured covariance is singular for these data.",
    )
    assert np.isfinite(m.fit.loglik)


def test_students_sleep_at_full_precision():
    s = summarise(
        np.column_stack(SLEEP),
        np.ones((10, 1)),
        visits=("before", "after"),
        features=("intercept",),
    )
    m = repeated(s)
    e = m.change(before="before", after="after")
    np.testing.assert_allclose(
        [e.value, e.se, e.df, e.statistic, e.p],
        [1.58, 0.38895872388839536, 9, 4.062127683382037, 0.0028328901973842671],
        rtol=1e-10,
    )
    np.testing.assert_allclose(m.fit.loglik, -34.824734420016398, rtol=1e-12)
