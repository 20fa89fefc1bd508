"""Cluster-robust errors: against their definition, and what several infusions a patient do to a
naive t.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import linalg, stats

from outcomes.core.errors import AnalysisError
from outcomes.stats.regression.cluster import (
    cluster_ols,
    infusion_average,
    patient_average,
    variance_split,
)

ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-8, 3), st.integers(0, 6)), min_size=4, max_size=20
)


@settings(deadline=None)
@given(ROWS)
def test_against_the_definition(rows):
    """Full matrices: A_g = (I−H_gg)^(−1/2) by eigenvalues, df from the whole quadratic form."""
    who, y, z = map(np.array, zip(*rows))
    x = np.column_stack([np.ones(len(y)), z])
    if np.linalg.matrix_rank(x) < 2 or len(set(who)) < 3:
        return
    m = np.linalg.inv(x.T @ x)
    hat = x @ m @ x.T
    rest = np.eye(len(y)) - hat
    meat, parts = np.zeros((2, 2)), []
    for g in sorted(set(who)):
        at = who == g
        values, vectors = np.linalg.eigh(rest[np.ix_(at, at)])
        root = vectors @ np.diag([v**-0.5 if v > 1e-10 else 0.0 for v in values]) @ vectors.T
        score = x[at].T @ root @ (rest @ y)[at]
        meat += np.outer(score, score)
        parts.append(rest[:, at] @ root @ x[at] @ m)
    found = cluster_ols(x, y, cluster=who, names=["mean", "slope"])
    v = m @ meat @ m
    for c, e in enumerate(found):
        if e.reason:
            continue
        assert_allclose(e.se, math.sqrt(v[c, c]), rtol=1e-6, atol=1e-9)
        p = np.column_stack([part[:, c] for part in parts])
        omega = p.T @ p
        assert_allclose(e.df, np.trace(omega) ** 2 / (omega**2).sum(), rtol=1e-6)


def test_a_coefficient_that_rests_on_one_patient():
    """The level at z = 0 is seen in one patient only: no error can be given for it."""
    x = np.column_stack([np.ones(6), [0, 0, 1, 1, 1, 1]])
    mean, slope = cluster_ols(
        x, [0, 1, 0, 1, 2, 4], cluster=[0, 0, 1, 1, 2, 2], names=["mean", "slope"]
    )
    assert mean.value == 0.5
    assert mean.reason == "too_few"
    assert math.isnan(mean.se)
    assert not slope.reason


def test_cr0_is_the_plain_sandwich():
    rng = np.random.default_rng(4)
    who, x = np.repeat(np.arange(10), 3), np.column_stack([np.ones(30), rng.normal(size=30)])
    y = rng.normal(size=30)
    m = linalg.inv(x.T @ x)
    e = y - x @ (m @ x.T @ y)
    meat = sum(np.outer(s, s) for g in range(10) for s in [x[who == g].T @ e[who == g]])
    found = cluster_ols(x, y, cluster=who, names=["a", "b"], kind="CR0")
    assert_allclose([f.se for f in found], np.sqrt(np.diag(m @ meat @ m)), rtol=1e-10)
    assert found[0].df == 9


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-8, 3)), min_size=1, max_size=20))
def test_averages(rows):
    who, change = map(np.array, zip(*rows))
    patients = patient_average(change, patient=who)
    infusions = infusion_average(change, patient=who)
    assert_allclose(infusions.value, change.mean(), atol=1e-9)
    assert_allclose(patients.value, np.mean([change[who == g].mean() for g in set(who)]), atol=1e-8)
    order = np.random.default_rng(0).permutation(len(who))
    assert_allclose(patient_average(change[order], patient=who[order]).p, patients.p, rtol=1e-9)
    assert infusions.reason in ("", "zero_variance", "too_few")
    assert (infusions.reason == "") == (not math.isnan(infusions.p))


def test_variance_split():
    between, within, icc = variance_split([-1, -1, -3, -3, -5, -5], patient=[1, 1, 2, 2, 3, 3])
    assert within.value == 0
    assert icc.value == 1
    assert_allclose(between.value, 2)
    assert variance_split([1, 2], patient=[1, 2])[0].reason == "too_few"
    assert variance_split([1, 1, 1, 1], patient=[1, 1, 2, 2])[2].reason == "zero_variance"


def test_degenerate_and_bad_input():
    assert patient_average([], patient=[]).reason == "too_few"
    assert patient_average([-2, -1], patient=[1, 1]).reason == "too_few"
    assert patient_average([-2, -2], patient=[1, 2]).reason == "zero_variance"
    assert infusion_average([], patient=[]).reason == "too_few"
    assert infusion_average([-2, -2, -2], patient=[1, 2, 2]).reason == "zero_variance"
    twice = cluster_ols(np.ones((4, 2)), [1, 2, 3, 5], cluster=[1, 1, 2, 2], names=["a", "b"])
    assert twice[1].reason == "not_estimable"
    with pytest.raises(AnalysisError, match="CR2"):
        cluster_ols([[1]], [1], cluster=[1], names=["a"], kind="CR5")
    with pytest.raises(AnalysisError, match="missing"):
        cluster_ols([[1.0]], [np.nan], cluster=[1], names=["a"])
    with pytest.raises(AnalysisError, match="same rows"):
        cluster_ols([[1.0]], [1, 2], cluster=[1], names=["a"])


def _simulated(rng, patients=30):
    who = np.repeat(np.arange(patients), rng.integers(1, 9, patients))
    return who, rng.normal(0, 0.8, patients)[who] + rng.normal(0, 1.4, len(who))


@pytest.mark.slow
def test_type_one_error_of_repeated_infusions():
    """Section 5 D of the catalogue: infusions as independent .192, patient means .054; CR2 stays
    near .05.
    """
    rng, runs, hits = np.random.default_rng(30), 2000, np.zeros(3)
    for _ in range(runs):
        who, change = _simulated(rng)
        naive = stats.ttest_1samp(change, 0).pvalue
        p = [naive, patient_average(change, patient=who).p, infusion_average(change, patient=who).p]
        hits += np.array(p) < 0.05
    rate, error = hits / runs, 3 * math.sqrt(0.05 * 0.95 / runs)
    assert 0.15 < rate[0] < 0.23
    assert abs(rate[1] - 0.05) < error
    assert (
        abs(rate[2] - 0.05) < error + 0.01
    )  # unequal numbers and like rows: a little above, by construction of CR2


def test_one_row_a_patient_is_the_classical_t():
    """With clusters of one row and an intercept only, CR2 is s/√n with n−1 df exactly."""
    y = np.array([-2.0, -1, 0, -4, -3.5, -2])
    e = cluster_ols(np.ones((6, 1)), y, cluster=np.arange(6), names=["mean"])[0]
    assert_allclose([e.se, e.df], [y.std(ddof=1) / np.sqrt(6), 5], rtol=1e-12)
