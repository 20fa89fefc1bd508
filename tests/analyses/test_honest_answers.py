"""Answers that hide nothing: scores of 0 before, nothing to impute, exact permutation, sites
whatever the reference.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.stats.mixed.small_sample import METHODS
from outcomes.stats.paired.signed_rank import monte_carlo_error, sign_flip
from tests.builders import PAIN, two_visits


def test_who_had_no_pain_before_and_has_it_now_counts_as_worse():
    before, after = [0] * 10 + [0] * 5 + [6] * 5, [5] * 10 + [0] * 5 + [0] * 5
    result = oc.Responders("pain", before="baseline", after="week_4", rules=("30%",)).run(
        two_visits(before, after)
    )
    assert result["improved ≥30%, of patients with both scores, above 0 before"].value == 1.0
    assert result["worsened ≥30%, of patients with both scores"].value == pytest.approx(10 / 20)
    assert "15 patients with a score of 0 before" in result.sentence()
    assert "10 of them got worse" in result.sentence()


def test_a_tipping_point_with_nothing_imputed_says_so_in_its_sentence():
    study = two_visits([7, 6, 8, 5, 9, 4, 7], [5, 4, 6, 4, 6, 3, 4])
    change = oc.PairedT("pain", before="baseline", after="week_4")
    sentence = oc.TippingPoint(change, draws=3, seed=1).run(study).sentence()
    assert "nothing was imputed" in sentence
    assert "stays below" not in sentence


@pytest.mark.parametrize("n", [5, 8, 11])
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_sign_flips_of_few_patients_with_many_decimals_are_exact(n, alternative):
    d = np.random.default_rng(n).normal(0.5, 1, n) * 1e3
    d = d.round(9)
    flips = np.array(list(itertools.product([-1, 1], repeat=n))) @ d
    seen, eps = d.sum(), 1e-6
    expected = {
        "two-sided": (np.abs(flips) >= abs(seen) - eps).mean(),
        "greater": (flips >= seen - eps).mean(),
        "less": (flips <= seen + eps).mean(),
    }[alternative]
    flipped = sign_flip(np.zeros(n), d, alternative=alternative)
    assert flipped.draws == 0
    assert flipped.test.p == pytest.approx(expected, abs=1e-15)


def test_random_flips_say_their_monte_carlo_error():
    d = np.random.default_rng(1).normal(0.2, 1, 60).round(9)
    flipped = sign_flip(np.zeros(60), d, rng=np.random.default_rng(2))
    assert flipped.draws == 9999
    assert f"{monte_carlo_error(flipped.test.p, 9999):.2g}" in flipped.test.how


def sites(spread: float, seed: int) -> oc.Study:
    """80 patients at 8 sites whose treatment effects have this SD."""
    rng, n = np.random.default_rng(seed), 80
    site, arm = np.repeat(np.arange(8), 10), np.tile([0, 1], 40)
    before = rng.normal(7, 1, n)
    after = 3 + before / 2 + rng.normal(-1, spread, 8)[site] * arm + rng.normal(0, 0.8, n)
    wide = pd.DataFrame(
        {"w0": before.round(2), "w4": after.round(2), "site": [f"s{s}" for s in site]}
    )
    wide["patient"], wide["arm"] = np.arange(n).astype(str), np.where(arm, "K", "P")
    long = wide.melt(
        ["patient", "site", "arm"], value_vars=["w0", "w4"], var_name="visit", value_name="pain"
    )
    return oc.Study(long, visits=("w0", "w4"), design="parallel", measures={"pain": PAIN})


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_the_variation_between_sites_does_not_depend_on_the_reference(spread, seed):
    study = sites(spread, seed)
    ask = [
        oc.OneStageSites("pain", before="w0", after="w4", reference=r).run(study)
        for r in ("P", "K")
    ]
    one, other = (r["site x arm SD"] for r in ask)
    assert one.value == pytest.approx(other.value, abs=1e-4)
    assert one.p == pytest.approx(other.p, rel=1e-4)
    if spread:
        assert one.value > 0.5
        assert one.p < 0.05


def test_residual_degrees_of_freedom_keep_the_standard_error_of_the_model():
    study = sites(0.0, 1)
    kept, sandwich, model = (
        oc.CohortModel("pain", covariance=("cs",), df=m).run(study)["mean change"].se
        for m in ("residual", "residual-CR0", "satterthwaite")
    )
    assert kept == pytest.approx(model)
    assert sandwich != pytest.approx(model, rel=1e-6)
    assert METHODS["residual-CR0"].startswith("empirical")
