"""Marginal models of scores and counts: properties, and words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure

VISITS = ("baseline", "week_1", "week_4")


def trial(effect: float, *, n: int = 30, arms: int = 2, missing: float = 0.0) -> oc.Study:
    """Counts at three visits whose mean is multiplied by `effect` in each further arm."""
    rng, rows = np.random.default_rng(3), []
    for k in range(n * arms):
        arm, own = k % arms, rng.gamma(4, 0.25)
        for j, visit in enumerate(VISITS):
            y = rng.poisson(8 * own * (effect**arm if j else 1))
            gone = j and rng.random() < missing
            rows.append((f"p{k:03d}", "PKQ"[arm], visit, np.nan if gone else float(y)))
    frame = pd.DataFrame(rows, columns=["patient", "arm", "visit", "attacks"])
    outcome = oc.Outcome("attacks", "attacks a week", "lower", "attacks", resolution=1)
    return oc.Study(frame, visits=VISITS, design="parallel", measures={"attacks": outcome})


@pytest.mark.parametrize("link", ["identity", "log"])
@pytest.mark.parametrize("effect", [0.5, 1.0, 2.0])
def test_words(link, effect):
    result = oc.ScoreGEE("attacks", link=link, reference="P").run(trial(effect))
    said = result.sentence()
    what = "ratio of means" if link == "log" else "adjusted difference"
    assert said.startswith(f"The {what} of attacks a week over all visits was ")
    assert "for K against P (95% CI" in said and "Mancl" in result.methods_text()
    assert f"GEE, {link} link, exchangeable working correlation, n=60 of 60" in said
    first, null = result.estimates[0], 1.0 if link == "log" else 0.0
    if effect != 1:
        assert not first.low <= null <= first.high
        assert (first.value < null) == (effect < 1)
    assert first.measure is (Measure.RATE_RATIO if link == "log" else Measure.DIFFERENCE)
    assert oc.table(result).rows


def test_the_main_visit_comes_first_and_has_holms_p():
    result = oc.ScoreGEE("attacks", visit="week_4", reference="P").run(trial(0.6))
    assert result.main_visit == "week_4" and result.estimates[0].visit == "week_4"
    assert len(result.estimates) == 2
    assert "at week 4" in result.sentence() and "Holm" in result.sentence()


def test_three_arms():
    result = oc.ScoreGEE("attacks", link="log", reference="P").run(trial(0.6, arms=3))
    assert [str(e.group) for e in result.estimates[:2]] == ["K - P", "Q - P"]
    assert "for K against P" in result.sentence() and "for Q against P" in result.sentence()


def test_complete_scores_with_independence_give_the_difference_of_regressions():
    """At one visit it is least squares; its plain robust variance is HC0."""
    study = trial(0.6)
    e = oc.ScoreGEE(
        "attacks", visits=("week_4",), working="independence", reference="P", correction="none"
    ).run(study)
    least = oc.ANCOVA("attacks", before="baseline", after="week_4", reference="P").run(study)
    assert e.estimates[0].value == pytest.approx(least["adjusted difference"].value, rel=1e-9)


@pytest.mark.parametrize("working", ["independence", "exchangeable", "ar1"])
def test_the_order_of_patients_and_the_unit_do_not_matter(working):
    study = trial(0.6, missing=0.2)
    question = oc.ScoreGEE("attacks", working=working, reference="P")
    first = question.run(study).estimates
    scores = study.scores.sample(frac=1, random_state=1).assign(attacks=lambda d: d["attacks"] * 10)
    again = oc.Study(
        scores, visits=VISITS, design="parallel", measures={"attacks": study.outcome("attacks")}
    )
    for a, b in zip(first, question.run(again).estimates, strict=True):
        assert b.value == pytest.approx(10 * a.value, rel=1e-8)
        assert b.p == pytest.approx(a.p, rel=1e-7)


def test_the_correction_is_wider_than_the_plain_interval():
    study = trial(0.6, n=8)
    widths = [
        (lambda e: e.high - e.low)(
            oc.ScoreGEE("attacks", correction=c, reference="P").run(study).estimates[0]
        )
        for c in ("none", "kauermann-carroll", "mancl-derouen")
    ]
    assert widths == sorted(widths)


def test_what_is_wrong_is_said():
    with pytest.raises(AnalysisError, match="identity, log"):
        oc.ScoreGEE("attacks", link="logit")
    study = trial(0.6)
    below = oc.Study(
        study.scores.assign(attacks=study.scores["attacks"] - 9),
        visits=VISITS,
        design="parallel",
        measures={"attacks": study.outcome("attacks")},
    )
    with pytest.raises(AnalysisError, match="below 0"):
        oc.ScoreGEE("attacks", link="log", reference="P").run(below)
    few = oc.Plan(oc.ScoreGEE("attacks", reference="P")).run(trial(0.6, n=1))[0]
    assert few.failed or "no interval" in few.sentence()
