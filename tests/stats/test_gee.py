"""Estimating equations: against statsmodels, against least squares, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.reml import NotConverged
from outcomes.stats.regression.gee import gee


def yes_no(n=30, seed=1):
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n), rng.integers(1, 5, n))
    arm = (np.arange(n) % 2)[who]
    x = np.column_stack([np.ones(len(who)), arm, rng.normal(size=len(who))])
    p = 1 / (1 + np.exp(-(0.3 + 0.5 * arm + rng.normal(0, 1, n)[who])))
    return (rng.random(len(who)) < p).astype(float), x, who


def test_mancl_derouen_equals_statsmodels_bias_reduced():
    import statsmodels.api as sm

    y, x, who = yes_no()
    ours = gee(y, x, names=("a", "b", "c"), cluster=who, family="binomial", working="independence")
    theirs = sm.GEE(
        y, x, groups=who, family=sm.families.Binomial(), cov_struct=sm.cov_struct.Independence()
    )
    fitted = theirs.fit(cov_type="bias_reduced", params_niter=200, ctol=1e-12)
    np.testing.assert_allclose(ours.beta, fitted.params, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(ours.cov["mancl-derouen"])), fitted.bse, rtol=1e-5)


def test_corrections_widen_in_order_and_one_row_a_patient_is_least_squares_hc():
    y, x, who = yes_no()
    m = gee(y, x, names=("a", "b", "c"), cluster=who, family="binomial")
    se = {k: m.contrast([0, 1, 0], name="b", correction=k).se for k in m.cov}
    assert se["none"] < se["kauermann-carroll"] < se["mancl-derouen"]
    alone = gee(y, x, names=("a", "b", "c"), cluster=np.arange(len(y)))
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(alone.beta, beta, rtol=1e-9)
    e, inv = y - x @ beta, np.linalg.inv(x.T @ x)
    hat = np.einsum("ij,jk,ik->i", x, inv, x)
    hc3 = inv @ (x.T * (e / (1 - hat)) ** 2) @ x @ inv
    np.testing.assert_allclose(alone.cov["mancl-derouen"], hc3, rtol=1e-8)


def test_separation_and_unknown_names_are_refused():
    x = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    with pytest.raises(NotConverged, match="all answers of a group agree"):
        gee(
            [0, 1, 0, 1, 1, 1, 1, 1],
            x,
            names=("a", "b"),
            cluster=np.repeat(np.arange(4), 2),
            family="binomial",
            working="independence",
        )
    with pytest.raises(AnalysisError, match="No family 'normal'"):
        gee([1.0], [[1.0]], names=("a",), cluster=[1], family="normal")
    with pytest.raises(AnalysisError, match="No working correlation"):
        gee([1.0], [[1.0]], names=("a",), cluster=[1], working="us")
