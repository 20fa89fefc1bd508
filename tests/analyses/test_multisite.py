"""All sites in one model: against least squares and dense algebra, and what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from tests.builders import PAIN
from tests.shared import reference_data


def study(sites, per_site=12, spread=1.0, varies=0.0, seed=1):
    rng = np.random.default_rng(seed)
    n = sites * per_site
    site, arm = np.repeat(np.arange(sites), per_site), np.tile([0, 1], n // 2)
    base = rng.normal(7, 1, n)
    effect = -1 + rng.normal(0, varies, sites)[site]
    after = 0.5 * base + 2 + effect * arm + rng.normal(0, spread, sites)[site] + rng.normal(0, 1, n)
    wide = pd.DataFrame(
        {
            "patient": range(n),
            "site": [f"s{k:02d}" for k in site],
            "arm": np.where(arm, "ketamine", "placebo"),
            "w0": base,
            "w4": after,
        }
    )
    scores = wide.melt(["patient", "site", "arm"], var_name="visit", value_name="pain")
    return oc.Study(scores, visits=("w0", "w4"), design="parallel", measures={"pain": PAIN}), wide


def test_few_sites_are_fixed_and_equal_least_squares():
    s, wide = study(4)
    r = oc.OneStageSites("pain", before="w0", after="w4").run(s)
    x = np.column_stack(
        [
            np.ones(48),
            wide["arm"] == "ketamine",
            wide["w0"],
            *(wide["site"] == f"s{k:02d}" for k in (1, 2, 3)),
        ]
    ).astype(float)
    beta, rss, *_ = np.linalg.lstsq(x, wide["w4"], rcond=None)
    se = np.sqrt(rss[0] / 42 * np.linalg.inv(x.T @ x)[1, 1])
    e = r["adjusted difference"]
    np.testing.assert_allclose([e.value, e.se, e.df], [beta[1], se, 42], rtol=1e-8)
    cross = np.hstack([x, x[:, [1]] * x[:, 3:]])
    wider = np.linalg.lstsq(cross, wide["w4"], rcond=None)[1][0]
    check = r["site x arm"]
    np.testing.assert_allclose(
        [check.value, check.df], [(rss[0] - wider) / 3 / (wider / 39), 39], rtol=1e-8
    )
    assert "Over 4 sites (fixed effects)" in r.sentence()


def test_many_sites_are_random_and_a_difference_that_varies_is_found():
    same, varying = (
        oc.OneStageSites("pain", before="w0", after="w4").run(study(10, 16, varies=v, seed=3)[0])
        for v in (0.0, 2.0)
    )
    assert "(random effects)" in same.sentence() and same["site x arm SD"].p > 0.05
    assert varying["site x arm SD"].p < 0.01 and varying["site x arm SD"].value == pytest.approx(
        2.0, abs=1.2
    )
    assert same["adjusted difference"].df == pytest.approx(148, abs=2)


def test_a_patient_without_a_site_is_counted_and_one_site_is_refused():
    s, _ = study(6)
    scores = s.scores.copy()
    scores.loc[scores["patient"] == 3, "site"] = None
    r = oc.OneStageSites("pain", before="w0", after="w4").run(
        oc.Study(scores, visits=("w0", "w4"), measures={"pain": PAIN}, design="parallel")
    )
    assert ("no site recorded", 1) in r.counts.left_out and r.counts.analysed == 71
    with pytest.raises(AnalysisError, match="at least two"):
        oc.OneStageSites("pain", before="w0", after="w4").run(s.where(site="s01"))


def test_a_variance_of_zero_leaves_the_model_and_its_degrees_of_freedom():
    """Ours are those of the model without sites, n − p = 77. R's pbkrtest 0.5.2 keeps the zero term
    (`Lb_ddf(c(0, 0, 1), vcov(m), vcovAdj(m))` of the same fit): 70.0, with the SE 0.00004 larger.
    """
    frame = reference_data("sites_n080.csv")
    rows = [r for r in frame if r["case"] == "spread 0 seed 1"]
    scores = pd.DataFrame(
        [
            {"patient": r["patient"], "site": r["site"], "arm": r["arm"], "visit": v, "pain": r[v]}
            for r in rows
            for v in ("w0", "w4")
        ]
    ).astype({"pain": float})
    s = oc.Study(scores, visits=("w0", "w4"), design="parallel", measures={"pain": PAIN})
    e = oc.OneStageSites("pain", before="w0", after="w4", reference="P").run(s)[
        "adjusted difference"
    ]
    assert e.df == pytest.approx(77, rel=1e-9)
    assert e.se == pytest.approx(0.1688816, rel=1e-3)


@pytest.mark.parametrize("first", ["ketamine", "placebo"])
def test_one_patient_of_each_arm_a_site_does_not_tell_whether_the_difference_varies(first):
    s, _ = study(8, 2, spread=0.0, varies=1.5)
    r = oc.OneStageSites("pain", before="w0", after="w4", reference=first).run(s)
    check = r["site x arm SD"]
    assert np.isnan(check.value) and np.isnan(check.p) and check.reason == "not_estimable"
    assert "difference between sites in this, not judged" in r.sentence()
    assert r["adjusted difference"].reason == ""
