"""Choices that a mixed model and a share offer: what each changes, and how it is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.analyses.missing.incomplete import grid_of
from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure
from outcomes.stats.mixed.covariance import structure
from outcomes.stats.mixed.second_order import second_order
from tests.builders import two_visits

VISITS = ("week_0", "week_1", "week_2", "week_4")


def trial(effect: float = -1.0, n: int = 60, *, missing: float = 0.1, shift: float = 0.0):
    """Two arms with four visits; the baseline of the second arm `shift` higher."""
    rng, rows = np.random.default_rng(8), []
    for k in range(n):
        level, arm = rng.normal(6, 1.2), k % 2
        for j, visit in enumerate(VISITS):
            y = level + shift * arm + effect * arm * (j > 0) - 0.3 * j + rng.normal(0, 0.8)
            gone = j and rng.random() < missing
            rows.append((f"p{k}", "PK"[arm], 40 + k % 9, visit, np.nan if gone else round(y, 2)))
    frame = pd.DataFrame(rows, columns=["patient", "arm", "age", "visit", "pain"])
    pain = oc.Outcome("pain", "pain", "lower", "points", resolution=0.1)
    return oc.Study(frame, visits=VISITS, design="parallel", measures={"pain": pain})


def test_mmrm_without_baseline_by_visit_has_one_slope_and_says_so():
    study = trial()
    each = oc.MMRM("pain", reference="P").run(study)
    one = oc.MMRM("pain", reference="P", baseline_by_visit=False).run(study)
    slopes = [
        int(r.model.coefficients["coefficient"].str.contains("baseline").sum()) for r in (each, one)
    ]
    assert slopes == [3, 1]
    assert "visit by baseline" in each.methods_text()
    assert "visit by arm and baseline as fixed effects" in one.methods_text()
    e, f = (r.main for r in (each, one))
    assert f.value == pytest.approx(e.value, abs=0.2) and f.value != e.value


def test_a_free_baseline_keeps_a_difference_that_was_there_before():
    study = trial(effect=0.0, shift=1.5, n=200)
    free = oc.CLDA("pain", constrained=False, reference="P").run(study)
    tied = oc.CLDA("pain", reference="P").run(study)
    e = free.main
    assert e.measure is Measure.DIFFERENCE_IN_CHANGE
    assert "the difference in change of pain at week 4 was" in free.sentence()
    assert "one mean for all arms" not in free.methods_text()
    assert "one mean for all arms" in tied.methods_text()
    assert e.low < 0 < e.high
    assert tied.main.low > 0  # takes the baselines as equal, and calls the difference an effect


def test_complete_scores_free_baseline_is_the_t_test_of_changes():
    study = trial(missing=0.0)
    e = oc.CLDA("pain", constrained=False, reference="P").run(study).main
    wide = study.wide("pain")
    arm = study.characteristic("arm").reindex(wide.index)
    change = wide["week_4"] - wide["week_0"]
    test = stats.ttest_ind(change[arm == "K"], change[arm == "P"])
    assert (e.statistic, e.df) == pytest.approx((test.statistic, test.df), rel=1e-7)


def test_the_baseline_of_clda_is_no_covariate():
    with pytest.raises(AnalysisError, match="ask MMRM"):
        oc.CLDA("pain", baseline_by_visit=False)


def test_ante_dependence_lies_between_ar1_and_unstructured():
    study = trial()
    loglik = {
        c: oc.MMRM("pain", reference="P", covariance=(c,)).run(study).model.loglik
        for c in ("ar1", "ad", "ante", "us")
    }
    assert loglik["ar1"] < loglik["ad"] < loglik["ante"] < loglik["us"]
    result = oc.MMRM("pain", reference="P", covariance=("ad",)).run(study)
    assert result.model.covariance == "ante-dependence"
    assert "an ante-dependence covariance" in result.methods_text()
    r = result.model.sigma.pivot(index="visit", columns="other visit", values="correlation")
    v = VISITS[1:]
    assert r.loc[v[0], v[2]] == pytest.approx(r.loc[v[0], v[1]] * r.loc[v[1], v[2]])
    variances = np.diag(
        result.model.sigma.pivot(index="visit", columns="other visit", values="covariance")
    )
    assert variances == pytest.approx(variances[0])


def test_ante_dependence_derivatives():
    made = structure("ad", 4)
    theta = np.array([0.2, 0.5, -0.3, 0.6])
    at, step = made(theta), 1e-5
    for a in range(len(theta)):
        e = np.eye(len(theta))[a] * step
        slope = (made(theta + e).sigma - made(theta - e).sigma) / (2 * step)
        assert at.first[a] == pytest.approx(slope, abs=1e-8)


def test_coefficients_and_sigma_are_tables():
    result = oc.MMRM("pain", reference="P").run(trial())
    table, sigma = result.model.coefficients, result.model.sigma
    assert list(table.columns) == ["coefficient", "value", "se", "df", "t", "p"]
    row = table.set_index("coefficient").loc["arm K"]
    first = next(e for e in result.estimates if e.visit == "week_1")
    got = [float(row[c]) for c in ("value", "se", "df", "t", "p")]
    assert got == pytest.approx([first.value, first.se, first.df, first.statistic, first.p])
    assert len(sigma) == 9 and set(sigma["visit"]) == set(VISITS[1:])


@pytest.mark.parametrize("random", ["slope", "intercept"])
def test_slopes_with_a_baseline_and_covariates(random):
    study = trial()
    given = {"by": "arm", "reference": "P", "random": random}
    result = oc.SlopeModel(
        "pain", times=(1, 2, 4), baseline="week_0", covariates=("age",), **given
    ).run(study)
    names = list(result.model.coefficients["coefficient"])
    assert names.count("baseline") == names.count("age") == 1 and "slope age" not in names
    assert "adjusted for the score at week 0 and age" in result.methods_text()
    assert "Pain, adjusted for the score at week 0 and age:" in result.sentence()
    plain = oc.SlopeModel("pain", times=(1, 2, 4), visits=VISITS[1:], **given).run(study)
    assert result.model.loglik != plain.model.loglik
    assert result.main.value == pytest.approx(plain.main.value, abs=0.2)


def test_clopper_pearson_is_wider_and_said():
    study = two_visits([7, 8, 6, 9, 7, 8, 9, 5], [3, 8, 6, 4, 7, 2, 9, 5])
    when = {"before": "baseline", "after": "week_4"}
    wilson = oc.Responders("pain", **when).run(study)
    exact = oc.Responders("pain", interval="clopper-pearson", **when).run(study)
    for e, f in zip(wilson.estimates, exact.estimates, strict=True):
        assert e.value == f.value and f.high - f.low > e.high - e.low
        assert "Clopper-Pearson" in f.how
        k, n = (int(part) for part in f.how.split("; ")[1].split(" of "))
        same = stats.binomtest(k, n).proportion_ci(method="exact")
        assert (f.low, f.high) == pytest.approx((same.low, same.high), rel=1e-8)
    assert "95% Clopper-Pearson CI" in exact.sentence()
    assert "with Clopper-Pearson intervals" in exact.methods_text()
    with pytest.raises(AnalysisError, match="wilson, clopper-pearson"):
        oc.Responders("pain", interval="exact", **when)


def test_second_order_kenward_roger_changes_the_interval_and_is_said():
    study = trial(n=24)
    linear, full = (
        oc.MMRM("pain", reference="P", df=df).run(study)
        for df in ("kenward-roger", "kenward-roger-full")
    )
    a, b = linear.main, full.main
    assert a.value == b.value and a.df == b.df and a.se != b.se
    assert "Kenward-Roger (second order, observed information)" in full.methods_text()


def test_random_effects_have_no_second_order_term():
    study = trial(n=24)
    given = {"times": (1, 2, 4), "visits": VISITS[1:], "by": "arm", "reference": "P"}
    a, b = (
        oc.SlopeModel("pain", df=df, **given).run(study).main
        for df in ("kenward-roger", "kenward-roger-full")
    )
    assert (a.se, a.df) == pytest.approx((b.se, b.df), rel=1e-12)


@pytest.mark.parametrize("covariance", ["us", "ar1h", "cs", "ad"])
def test_the_second_order_term_by_differences(covariance):
    """The sum of w_ab X'V^-1 V_ab V^-1 X, with V_ab by differences in the same parameters."""
    study = trial(n=40, missing=0.0)
    data, model = oc.MMRM("pain", reference="P", covariance=(covariance,)).fitted(study)
    fit = model.fit
    w = 2 * np.linalg.inv(fit.hessian)
    x = np.einsum("jdp,nd->njp", fit.design.columns[:, :, fit.kept], data.design)
    upper = np.triu_indices(len(fit.sigma[0]))

    def sigma(theta):
        if covariance != "us":
            return fit.structure(theta).sigma[0]
        m = len(fit.sigma[0])
        lower = np.eye(m)
        lower[np.tril_indices(m, -1)] = theta[m:]
        half = np.exp(theta[:m])[:, None] * lower
        return half @ half.T

    theta = fit.theta
    if covariance == "us":
        root = np.linalg.cholesky(fit.sigma[0])
        d = np.diag(root)
        theta = np.r_[np.log(d), (root / d[:, None])[np.tril_indices(len(d), -1)]]
    eye, h = np.eye(len(theta)), 1e-4
    first = np.array([(sigma(theta + h * e) - sigma(theta - h * e)) / (2 * h) for e in eye])
    if covariance == "us":
        back = np.linalg.inv(first[:, upper[0], upper[1]].T)
        w = back @ w @ back.T
    v = np.zeros_like(fit.sigma[0])
    for a, e in enumerate(eye):
        for b, f in enumerate(eye):
            cross = [sigma(theta + h * (s * e + t * f)) * s * t for s in (1, -1) for t in (1, -1)]
            v += w[a, b] * sum(cross) / (4 * h * h)
    inverse = np.linalg.inv(fit.sigma[0])
    wanted = np.einsum("njp,jk,nkq->pq", x, inverse @ v @ inverse, x)
    assert second_order(fit, 2 * np.linalg.inv(fit.hessian)) == pytest.approx(wanted, rel=1e-4)


def test_adjusted_means_after_imputation_are_pooled_by_rubins_rules():
    study = trial(missing=0.25)
    ancova = oc.ANCOVA("pain", before="week_0", after="week_4", reference="P")
    question = oc.Imputed(ancova, draws=8, seed=3)
    grid = grid_of(study, "pain")
    each = [
        ancova.compute(grid.study(scores))["adjusted mean | K"]
        for scores in question.completed_scores(study, grid)
    ]
    e = question.run(study)["adjusted mean | K"]
    values = np.array([x.value for x in each])
    within = np.mean([x.se**2 for x in each])
    assert e.value == pytest.approx(values.mean(), rel=1e-12)
    assert e.se**2 == pytest.approx(within + (1 + 1 / 8) * values.var(ddof=1), rel=1e-12)
    assert e.low < e.value < e.high and "Rubin" in e.how
