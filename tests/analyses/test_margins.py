"""Arms against a margin, and several arms against one reference: numbers that must hold, and
words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.core.errors import AnalysisError
from tests.builders import PAIN

VISITS = ("baseline", "week_1", "week_4")
WHEN = {"before": "baseline", "after": "week_4", "reference": "IV"}


def trial(
    arms: dict[str, float], n: int = 30, *, better: str = "lower", missing: float = 0.0
) -> oc.Study:
    """Arms with their mean change; the same chance errors whatever the changes are."""
    rng, rows = np.random.default_rng(4), []
    for arm, change in arms.items():
        for k in range(n):
            base = rng.integers(5, 10)
            for j, visit in enumerate(VISITS):
                y = base + (j > 0) * change + rng.normal(0, 1)
                gone = j and rng.random() < missing
                rows.append((f"{arm} {k}", arm, visit, np.nan if gone else round(y, 1)))
    frame = pd.DataFrame(rows, columns=["patient", "arm", "visit", "pain"])
    outcome = oc.Outcome("pain", "pain", better, "points", resolution=1)
    return oc.Study(frame, visits=VISITS, design="parallel", measures={"pain": outcome})


@pytest.mark.parametrize("model", ["ancova", "change", "mmrm"])
@pytest.mark.parametrize(
    ("change", "shown", "words"),
    [
        (-2.0, True, "so oral was non-inferior"),
        (-4.0, True, "and scores were better with oral"),
        (-1.4, True, "though scores were worse with oral"),
        (0.5, False, "non-inferiority of oral was not shown"),
    ],
)
def test_non_inferiority_in_words(model, change, shown, words):
    study = trial({"IV": -2.0, "oral": change}, n=80)
    result = oc.ArmNonInferiority("pain", margin=1.5, model=model, **WHEN).run(study)
    assert result.detail.met == (shown,)
    assert words in result.sentence()
    assert "margin of 1.5 points" in result.sentence()
    assert "margin of 1.5 on the worse side" in result.methods_text()
    assert "Holm" not in result.methods_text()
    assert len(oc.table(result).rows) >= 1


@pytest.mark.parametrize("model", ["ancova", "change", "mmrm"])
def test_equivalence_in_words(model):
    same, worse = trial({"IV": -2.0, "oral": -2.0}, n=80), trial({"IV": -2.0, "oral": 0.0}, n=80)
    question = oc.ArmEquivalence("pain", margin=1, model=model, **WHEN)
    assert "so the two were equivalent (TOST P" in question.run(same).sentence()
    assert "equivalence was not shown (TOST P" in question.run(worse).sentence()


def test_where_higher_is_better_the_margin_lies_below():
    study = trial({"IV": 2.0, "oral": 1.8}, n=80, better="higher")
    result = oc.ArmNonInferiority("pain", margin=1, **WHEN).run(study)
    assert result.axis.margins == (-1.0,)
    assert result.detail.limits == (result.estimates[0].low,)
    assert "its lower limit did not reach the margin of −1 point" in result.sentence()
    mirrored = trial({"IV": -2.0, "oral": -1.8}, n=80)
    assert oc.ArmNonInferiority("pain", margin=1, **WHEN).run(mirrored).axis.margins == (1.0,)


def test_a_score_without_direction_is_refused():
    with pytest.raises(AnalysisError, match="no declared direction"):
        oc.ArmNonInferiority("pain", margin=1, **WHEN).run(trial({"IV": 0, "oral": 0}, better=""))


@pytest.mark.parametrize("margin", [0, -1, float("nan")])
def test_a_margin_is_positive(margin):
    for kind in (oc.ArmNonInferiority, oc.ArmEquivalence):
        with pytest.raises(AnalysisError, match="margin is a positive number"):
            kind("pain", margin=margin, **WHEN)


def test_an_unknown_model_is_answered_with_what_there_is():
    with pytest.raises(AnalysisError, match="ancova, change, mmrm"):
        oc.ArmEquivalence("pain", margin=1, model="mmmr", **WHEN)


def test_from_a_mixed_model_the_difference_is_that_of_the_mixed_model():
    study = trial({"IV": -2.0, "oral": -2.0}, missing=0.15)
    e = oc.ArmNonInferiority("pain", margin=1, model="mmrm", **WHEN).run(study)
    model = oc.MMRM("pain", visit="week_4", reference="IV").run(study)
    same = next(x for x in model.estimates if x.visit == "week_4")
    first = e.estimates[0]
    assert (first.value, first.low, first.high) == (same.value, same.low, same.high)
    assert first.p == pytest.approx(stats.t.cdf((same.value - 1) / same.se, same.df), rel=1e-12)
    assert e.model is not None and e.model.covariance == "unstructured"
    assert "unstructured" in e.methods_text()
    assert e.counts.analysed > oc.ANCOVA("pain", **WHEN).run(study).counts.analysed


@pytest.mark.parametrize("model", ["ancova", "change", "mmrm"])
def test_the_interval_and_the_test_say_the_same(model):
    study = trial({"IV": -2.0, "oral": -1.6, "nasal": -1.2})
    for margin in np.arange(0.2, 2.2, 0.2):
        ni = oc.ArmNonInferiority("pain", margin=float(margin), model=model, **WHEN).run(study)
        eq = oc.ArmEquivalence("pain", margin=float(margin), model=model, **WHEN).run(study)
        for e, shown, within in zip(ni.estimates, ni.detail.met, eq.detail.met):
            assert shown == (e.high < margin) == (e.p < 0.025)
            f = next(x for x in eq.estimates if x.group == e.group)
            assert within == (-margin < f.low and f.high < margin) == (f.p < 0.05)


def test_several_arms_have_holms_p_and_a_word_each():
    result = oc.ArmNonInferiority("pain", margin=1, **WHEN).run(
        trial({"IV": -2.0, "oral": -2.0, "nasal": 0.0})
    )
    raw, adjusted = (sorted(getattr(e, f) for e in result.estimates) for f in ("p", "p_adjusted"))
    assert adjusted[0] == pytest.approx(2 * raw[0])
    assert "for nasal minus IV" in result.sentence() and "for oral minus IV" in result.sentence()
    assert "Holm" in result.sentence() and "Holm's method" in result.methods_text()


@pytest.mark.parametrize("model", ["ancova", "change", "mmrm"])
def test_too_few_patients_are_not_judged(model):
    study = trial({"IV": -2.0, "oral": -2.0}, n=1)
    for kind in (oc.ArmNonInferiority, oc.ArmEquivalence):
        result = oc.Plan(kind("pain", margin=1, model=model, **WHEN)).run(study)[0]
        assert "cannot be judged against the margin" in result.sentence() or result.failed
        assert "internal error" not in result.failed


def test_the_margin_is_drawn_and_captioned():
    result = oc.ArmEquivalence("pain", margin=1, **WHEN).run(trial({"IV": -2.0, "oral": -2.0}))
    ax = oc.plot(result)
    dashed = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    assert sorted(dashed) == [-1.0, 1.0]


def test_dunnett_without_covariates_is_scipys():
    study = trial({"IV": -2.0, "oral": -1.0, "nasal": 0.0, "skin": -2.2})
    result = oc.Dunnett("pain", model="change", **WHEN).run(study)
    wide = study.wide("pain")
    change = (wide["week_4"] - wide["baseline"]).round(9)
    arm = study.characteristic("arm").reindex(wide.index)
    others = [e.contrast.group for e in result.estimates if e.contrast.reference]
    test = stats.dunnett(
        *(change[arm == v].to_numpy() for v in others),
        control=change[arm == "IV"].to_numpy(),
        random_state=np.random.default_rng(1),
    )
    ours = [e for e in result.estimates if e.contrast.reference]
    assert [e.statistic for e in ours] == pytest.approx(list(test.statistic), rel=1e-9)
    # scipy integrates by quasi-Monte-Carlo: about 1e-4
    assert [e.p_adjusted for e in ours] == pytest.approx(list(test.pvalue), abs=3e-4)


def test_dunnett_lies_between_no_adjustment_and_tukey():
    study = trial({"IV": -2.0, "oral": -1.0, "nasal": 0.0, "skin": -2.2})
    tukey = oc.ANCOVA("pain", **WHEN).run(study)
    for e in oc.Dunnett("pain", **WHEN).run(study).estimates:
        if e.contrast.reference:
            wide = next(x for x in tukey.estimates if x.group == e.group)
            assert e.value == pytest.approx(wide.value, rel=1e-12)
            assert e.p < e.p_adjusted < wide.p_adjusted
            assert e.high - e.low < wide.high - wide.low


def test_dunnett_depends_on_the_reference_but_not_on_the_unit():
    study = trial({"IV": -2.0, "oral": -1.0, "nasal": 0.0})
    a = oc.Dunnett("pain", **WHEN).run(study)
    b = oc.Dunnett("pain", **{**WHEN, "reference": "oral"}).run(study)
    assert {e.contrast.reference for e in a.estimates if e.contrast.reference} == {"IV"}
    assert {e.contrast.reference for e in b.estimates if e.contrast.reference} == {"oral"}
    scores = study.scores.assign(pain=study.scores["pain"] * 10)
    ten = oc.Study(scores, visits=VISITS, design="parallel", measures={"pain": PAIN})
    c = oc.Dunnett("pain", **WHEN).run(ten)
    assert [e.p_adjusted for e in c.estimates if e.contrast.reference] == pytest.approx(
        [e.p_adjusted for e in a.estimates if e.contrast.reference], rel=1e-8
    )


def test_one_factor_and_quasi_monte_carlo_agree():
    from outcomes.stats.groups import dunnett

    factor = np.array([0.3, 0.6, 0.8, 0.5])
    r = np.outer(factor, factor)
    np.fill_diagonal(r, 1)
    for df in (4, 30):
        assert dunnett._smooth(2.3, factor, df) == pytest.approx(
            dunnett._quasi(2.3, r, df), abs=5e-6
        )


def test_dunnett_in_words():
    result = oc.Dunnett("pain", **WHEN).run(trial({"IV": -2.0, "oral": -1.9, "nasal": 0.0}))
    said = result.sentence()
    assert said.startswith("Adjusted for the score at baseline, pain at week 4: nasal differed")
    assert "Dunnett P<.001" in said and "Dunnett P=" in said and "lower is better" in said
    assert "simultaneous (Dunnett, multivariate t)" in result.methods_text()
    few = oc.Dunnett("pain", **WHEN).run(trial({"IV": -2.0, "oral": -1.9, "nasal": 0.0}, n=1))
    assert "not compared" in few.sentence() or "no interval" in few.sentence()
