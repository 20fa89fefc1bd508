"""Three levels: the likelihood, its limits and the robust error beside dense matrices, and what
must hold whatever the effects.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import linalg, optimize, stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.meta_analysis.random_effects import pool
from outcomes.stats.meta_analysis.three_level import (
    BETWEEN,
    WITHIN,
    _best,
    _nested,
    three_level,
)
from tests.shared import needs_r_data, reference_data

#: An effect to two decimals, its variance and its cluster; at least two clusters and one of them
#: with two effects.
EFFECT = st.integers(-500, 500).map(lambda i: i / 100)
EFFECTS = st.lists(
    st.tuples(EFFECT, st.floats(0.05, 4), st.integers(0, 3)), min_size=4, max_size=10
).filter(lambda rows: 1 < len({r[2] for r in rows}) < len(rows))


def nested_variances(y, v, *, cluster):
    """The variances between and within clusters, and the restricted log-likelihood there."""
    data = _nested(y, v, cluster)
    if not 1 < data.clusters < len(data.y):
        return math.nan, math.nan, math.nan
    theta, height = _best(data, (math.nan, math.nan))
    return float(theta[BETWEEN]), float(theta[WITHIN]), height


def _named(y, v, cluster, **options):
    return {e.name: e for e in three_level(y, v, cluster=cluster, **options)}


def _dense(y, v, cluster, between, within):
    """V, μ̂, its variance and the restricted log-likelihood, straight from the matrices."""
    same = np.equal.outer(cluster, cluster)
    sigma = np.diag(v + within) + between * same
    inverse, one = np.linalg.inv(sigma), np.ones(len(y))
    information = one @ inverse @ one
    mean = one @ inverse @ y / information
    r, k = y - mean, len(y)
    value = (
        math.log(k)
        - (k - 1) * math.log(2 * math.pi)
        - np.linalg.slogdet(sigma)[1]
        - math.log(information)
    )
    return sigma, mean, 1 / information, (value - r @ inverse @ r) / 2


@settings(deadline=None, max_examples=25)
@given(EFFECTS)
def test_the_likelihood_is_at_its_highest(rows):
    y, v, cluster = map(np.array, zip(*rows))
    between, within, height = nested_variances(y, v, cluster=cluster)
    assert min(between, within) >= 0
    assert_allclose(_dense(y, v, cluster, between, within)[3], height, rtol=1e-9, atol=1e-9)
    grid = np.concatenate([[0], np.geomspace(1e-4, 1e3, 22)])
    assert max(_dense(y, v, cluster, b, w)[3] for b in grid for w in grid) <= height + 1e-9


@settings(deadline=None, max_examples=25)
@given(EFFECTS, st.floats(-3, 3), st.floats(0.1, 10), st.randoms())
def test_shift_scale_order_and_names(rows, shift, scale, random):
    y, v, cluster = map(np.array, zip(*rows))
    plain = _named(y, v, cluster)
    order = random.sample(range(len(y)), len(y))
    names = np.array(["north", "south", "east", "west"])[cluster[order]]
    moved = _named(scale * (y[order] + shift), scale**2 * v[order], names)
    assert set(moved) == set(plain)
    for name, e in plain.items():
        power = {"pooled": 1, "pooled, model-based": 1, "prediction interval": 1}.get(
            name, name.split(" ")[0]
        )
        power = {"tau2": 2, "tau": 1, "I2": 0, "Q": 0}.get(power, power)
        gone = shift if name in ("pooled", "pooled, model-based", "prediction interval") else 0.0
        for field in ("value", "low", "high"):
            expected = scale**power * (getattr(e, field) + gone)
            tolerance = 1e-5 * scale**power * (100 if name.startswith("I2") else 1)
            assert_allclose(
                getattr(moved[name], field),
                expected,
                rtol=1e-5,
                atol=tolerance,
                err_msg=f"{name} {field}",
            )


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(EFFECT, st.floats(0.05, 4)), min_size=3, max_size=8))
def test_one_effect_a_cluster_is_two_levels(sites):
    y, v = map(np.array, zip(*sites))
    found = _named(y, v, np.arange(len(y)))
    two = {e.name: e for e in pool(y, v, interval="z")}
    assert "tau2 between" not in found
    assert_allclose(found["tau2 total"].value, two["tau2"].value, rtol=1e-6, atol=1e-8)
    assert_allclose(found["I2 total"].value, two["I2"].value, rtol=1e-6, atol=1e-6)
    for field in ("value", "se"):
        assert_allclose(
            getattr(found["pooled, model-based"], field), getattr(two["pooled"], field), rtol=1e-6
        )
    for field in ("low", "high"):
        ours, theirs = found["prediction interval"], two["prediction interval"]
        assert_allclose(getattr(ours, field), getattr(theirs, field), rtol=1e-6, atol=1e-6)
    assert_allclose(found["Q"].value, two["Q"].value, atol=1e-12)
    assert all(math.isnan(x) for x in nested_variances(y, v, cluster=np.arange(len(y))))


@settings(deadline=None, max_examples=25)
@given(EFFECTS)
def test_the_robust_error_from_whole_matrices(rows):
    """CR2 and its df as defined, with Cholesky factors and projections of all effects at once."""
    y, v, cluster = map(np.array, zip(*rows))
    between, within, _ = nested_variances(y, v, cluster=cluster)
    sigma, mean, m, _ = _dense(y, v, cluster, between, within)
    k, inverse = len(y), np.linalg.inv(sigma)
    project = np.eye(k) - m * np.ones((k, k)) @ inverse
    parts = []
    for c in np.unique(cluster):
        own = cluster == c
        d = np.linalg.cholesky(sigma[np.ix_(own, own)]).T
        middle = d @ (project[own] @ sigma @ project[own].T) @ d.T
        a = d.T @ np.real(linalg.fractional_matrix_power(middle, -0.5)) @ d
        weights = m * (inverse[np.ix_(own, own)] @ np.ones(own.sum())) @ a
        parts.append(weights @ project[own])
    parts = np.array(parts)
    e = _named(y, v, cluster)["pooled"]
    omega = parts @ sigma @ parts.T
    assert_allclose(e.value, mean, rtol=1e-7, atol=1e-7)
    assert_allclose(e.se, math.sqrt(((parts @ y) ** 2).sum()), rtol=1e-5, atol=1e-7)
    assert_allclose(e.df, np.trace(omega) ** 2 / (omega**2).sum(), rtol=1e-5)
    assert_allclose(np.trace(omega), m, rtol=1e-6)  # unbiased where the working model holds


def test_limits_lie_where_the_profile_has_fallen_as_far_as_allowed():
    y = np.array([-1.8, -1.5, -0.9, -1.2, -2.4, -2.0, -2.9, -0.6, -1.4])
    v, cluster = np.full(9, 0.1), np.array([0, 0, 1, 1, 2, 2, 2, 3, 3])
    found, height = _named(y, v, cluster), nested_variances(y, v, cluster=cluster)[2]
    for name, pick in (("tau2 between", lambda x, o: (x, o)), ("tau2 within", lambda x, o: (o, x))):

        def profile(x, pick=pick):
            best = optimize.minimize_scalar(
                lambda o: -_dense(y, v, cluster, *pick(x, o))[3],
                bounds=(0, 20),
                method="bounded",
                options={"xatol": 1e-10},
            )
            return max(-best.fun, _dense(y, v, cluster, *pick(x, 0.0))[3])

        e = found[name]
        for limit in (e.low, e.high):
            if limit > 0:
                assert_allclose(2 * (height - profile(limit)), 3.841458820694124, rtol=1e-6)
        assert_allclose(e.statistic, 2 * (height - profile(0.0)), rtol=1e-6, atol=1e-7)
        assert_allclose(e.p, stats.chi2.sf(e.statistic, 1) / 2 if e.value else 1.0)


def test_balanced_effects_are_the_analysis_of_variance():
    """Equal errors and sizes: within = MSW − v, between = (MSB − MSW)/n, μ̂ the plain mean with
    variance MSB/N and J − 1 df.
    """
    rng = np.random.default_rng(4)
    y = rng.normal(0, 1, (6, 1)) * 2 + rng.normal(0, 1.2, (6, 4))
    msw = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / 18
    msb = 4 * ((y.mean(axis=1) - y.mean()) ** 2).sum() / 5
    found = _named(y.ravel(), np.full(24, 0.3), np.repeat(range(6), 4))
    assert_allclose(found["tau2 within"].value, msw - 0.3, rtol=1e-9)
    assert_allclose(found["tau2 between"].value, (msb - msw) / 4, rtol=1e-9)
    for name in ("pooled", "pooled, model-based"):
        assert_allclose(
            [found[name].value, found[name].se, found[name].df],
            [y.mean(), math.sqrt(msb / 24), 5],
            rtol=1e-9,
        )


def test_the_boundary_is_said():
    found = _named([0.0, 2.0, 0.1, 1.9, -0.1, 2.1], [0.1] * 6, [1, 1, 2, 2, 3, 3])
    e = found["tau2 between"]
    assert (e.value, e.low, e.p) == (0, 0, 1)
    assert e.high > 0
    assert "estimated as 0, the boundary" in e.how
    assert "boundary" not in found["tau2 within"].how.replace("halved at the boundary", "")


def test_too_little_to_pool():
    assert three_level([], [], cluster=[])[0].reason == "too_few"
    one = three_level([1.0], [0.1], cluster=["a"])
    assert [(e.name, e.value, e.reason) for e in one] == [("pooled", 1.0, "too_few")]
    together = three_level([1.0, 3.0], [0.1, 0.1], cluster=["a", "a"])
    assert [(e.name, e.value, e.reason) for e in together] == [("pooled", 2.0, "too_few")]
    two = _named([1.0, 3.0], [0.1, 0.1], ["a", "b"])
    assert two["prediction interval"].reason == "too_few"
    assert two["pooled"].df == pytest.approx(1)
    assert all(math.isnan(x) for x in nested_variances([1.0, 3.0], [0.1, 0.1], cluster=["a", "a"]))


def test_equal_effects():
    found = _named([2.0] * 5, [0.1, 0.2, 0.1, 0.2, 0.1], [1, 1, 2, 2, 3])
    assert (found["pooled"].value, found["pooled"].reason, found["pooled"].se) == (
        2.0,
        "zero_variance",
        0.0,
    )
    assert found["pooled, model-based"].low < 2 < found["pooled, model-based"].high
    assert (found["tau2 between"].value, found["tau2 within"].value, found["Q"].p) == (0, 0, 1)


@pytest.mark.parametrize(
    ("y", "v", "cluster"),
    [
        ([1.0, math.nan], [0.1, 0.1], [1, 2]),
        ([1.0, math.inf], [0.1, 0.1], [1, 2]),
        ([1.0, 2.0], [0.1, 0.0], [1, 2]),
        ([1.0, 2.0], [0.1, 0.1], [1, math.nan]),
        ([1.0, 2.0], [0.1, 0.1], ["a", None]),
        ([1.0, 2.0], [0.1, 0.1], ["a"]),
    ],
)
def test_what_is_missing_is_refused(y, v, cluster):
    with pytest.raises(AnalysisError, match="leave out, by name"):
        three_level(y, v, cluster=cluster)


@needs_r_data("r_dat_konstantopoulos2011.csv")
def test_profile_limits_of_the_school_calendars():
    """metafor 3.8, confint() of the three-level model of Konstantopoulos 2011, as its own tests
    print it to four digits.
    """
    rows = reference_data("r_dat_konstantopoulos2011.csv")
    y, v = (np.array([float(r[name]) for r in rows]) for name in ("yi", "vi"))
    found = _named(y, v, [r["district"] for r in rows])
    assert [round(x, 4) for x in (found["tau2 between"].low, found["tau2 between"].high)] == [
        0.0222,
        0.2072,
    ]
    assert [round(x, 4) for x in (found["tau2 within"].low, found["tau2 within"].high)] == [
        0.0163,
        0.0628,
    ]


@pytest.mark.slow
def test_coverage():
    """Ten clusters of unequal size: the robust and the model-based interval hold the mean about as
    often as they say.
    """
    rng, runs = np.random.default_rng(11), 400
    cluster = np.repeat(range(10), [1, 1, 2, 2, 3, 3, 4, 5, 6, 8])
    hits = np.zeros(2)
    for _ in range(runs):
        v = rng.uniform(0.05, 0.4, len(cluster))
        y = rng.normal(0, 0.5, 10)[cluster] + rng.normal(0, np.sqrt(0.1 + v))
        hits += [e.low < 0 < e.high for e in three_level(y, v, cluster=cluster)[:2]]
    assert (np.abs(hits / runs - 0.95) < 0.03).all(), hits / runs
