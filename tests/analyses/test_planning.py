"""Planning without data: sizes in words, and the power of whole plans by simulation."""

from __future__ import annotations

import builtins
import math

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError, MissingExtraError
from outcomes.stats import power as kernel
from tests.builders import MOOD, PAIN


def clinic(n, rng):
    """Before and after, a mean change of half an SD of the changes."""
    before = rng.normal(6, 1.5, n)
    after = before + rng.normal(-1, 2, n)
    mood = rng.normal(50, 10, 2 * n)
    rows = {
        "patient": list(range(n)) * 2,
        "visit": ["pre"] * n + ["post"] * n,
        "pain": [*before, *after],
        "mood": mood,
    }
    return oc.Study(
        pd.DataFrame(rows), visits=("pre", "post"), measures={"pain": PAIN, "mood": MOOD}
    )


PLAN = oc.Plan(
    oc.PairedT("pain", before="pre", after="post", role="primary", family="f"),
    oc.PairedT("mood", before="pre", after="post", role="secondary", family="f"),
)


def test_sizes_and_their_words():
    s = oc.sample_size_paired(d_z=0.5, dropout=0.15)
    assert (s.analysed, s.enrolled) == (34, 40)
    assert (
        s.sentence()
        == "34 patients with the outcome give 80% power (paired t-test; d z 0.5; noncentral t,"
        " two-sided alpha 0.05); 40 are to be enrolled, allowing for 15% dropout."
    )
    two = oc.sample_size_two_arms(difference=1.0, sd=2.0, power=0.9)
    assert (two.analysed, two.arms) == (172, 2)
    assert "172 patients (86 per arm) with the outcome give 90% power" in two.sentence()
    frame = two.to_frame()
    assert frame.loc[0, ["analysed", "enrolled", "difference", "power"]].tolist() == [
        172,
        172,
        1.0,
        0.9,
    ]
    assert "<p>172 patients" in two._repr_html_()


def test_three_ways_to_say_a_paired_difference():
    assert (
        oc.sample_size_paired(d_av=0.5, r=0.5).analysed == oc.sample_size_paired(d_z=0.5).analysed
    )
    assert (
        oc.sample_size_paired(difference=1, sd_change=2).analysed
        == oc.sample_size_paired(d_z=0.5).analysed
    )
    with pytest.raises(
        AnalysisError, match="Give d_z, or d_av with r, or difference with sd_change"
    ):
        oc.sample_size_paired(d_av=0.5)


def test_every_design():
    assert oc.sample_size_crossover(difference=1, sd_within=1).analysed == 18
    assert oc.sample_size_mcnemar(first_only=0.3, second_only=0.05).analysed == 42
    assert oc.sample_size_responders(share1=0.2, share2=0.45).analysed == 108
    one = oc.sample_size_non_inferiority(margin=1, sd=2, design="paired")
    assert one.analysed == math.ceil(kernel.paired_n(0.5, alpha=0.025, sides=1))
    assert "one-sided alpha 0.025" in one.sentence()
    assert (
        oc.sample_size_non_inferiority(margin=1, sd=2, loss=0.3).analysed
        > oc.sample_size_non_inferiority(margin=1, sd=2).analysed
    )
    assert oc.sample_size_precision(half_width=0.1, share=0.4, dropout=0.2).enrolled == 112
    assert (
        "a 95% interval of ±0.1 (share of patients"
        in oc.sample_size_precision(half_width=0.1, share=0.4).sentence()
    )
    with pytest.raises(AnalysisError, match="margin"):
        oc.sample_size_non_inferiority(margin=0, sd=2)
    with pytest.raises(AnalysisError, match="Did you mean 'crossover'"):
        oc.sample_size_non_inferiority(margin=1, sd=2, design="cross-over")
    with pytest.raises(AnalysisError, match="either sd"):
        oc.sample_size_precision(half_width=0.1)


def test_detectable_difference_instead_of_post_hoc_power():
    d = oc.detectable_difference(34, sd=2.0)
    assert kernel.paired_power(d / 2, 34) == pytest.approx(0.8)
    assert oc.detectable_difference(68, sd=2.0, design="two arms") > d
    assert math.isnan(oc.detectable_difference(3, sd=1.0))
    with pytest.raises(AnalysisError, match="There is: paired, two arms, crossover"):
        oc.detectable_difference(20, sd=1, design="parallel")
    assert not any("observed" in name or "post_hoc" in name for name in dir(oc))


def test_simulated_power_is_the_formulas():
    found = oc.simulate_power(PLAN.questions[0], clinic, n=34, runs=300, seed=5)
    row = found.table.iloc[0]
    assert abs(row["power"] - kernel.paired_power(0.5, 34)) < 3 * math.sqrt(0.8 * 0.2 / 300)
    assert row["low"] < row["power"] < row["high"]
    assert abs(row["mean_value"] + 1) < 0.1
    assert row["undefined"] == 0
    assert found.sentence().startswith(
        "With 34 patients, over 300 simulated studies (seed 5, alpha 0.05): "
    )


def test_plans_are_judged_after_adjustment_within_families():
    found = oc.simulate_power(PLAN, clinic, n=25, runs=200, seed=1)
    alone = oc.simulate_power(PLAN.questions[1], clinic, n=25, runs=200, seed=1)
    assert list(found.table["term"]) == ["mean change", "mean change"]
    assert found.table["power"][1] <= alone.table["power"][0]
    assert found.table["power"][1] < 0.09
    twice = oc.simulate_power(
        oc.Plan(PLAN.questions[0], PLAN.questions[0]), clinic, n=20, runs=100, seed=1
    )
    assert (
        twice.table["power"][0]
        < oc.simulate_power(PLAN.questions[0], clinic, n=20, runs=100, seed=1).table["power"][0]
    )


def test_the_seed_decides_whatever_the_number_of_cores():
    pytest.importorskip("joblib")
    from joblib import parallel_config

    one = oc.simulate_power(PLAN, clinic, n=12, runs=8, seed=3)
    with parallel_config(backend="threading"):  # joblib's own switch: the place of dask or ray
        two = oc.simulate_power(PLAN, clinic, n=12, runs=8, seed=3, n_jobs=2)
    pd.testing.assert_frame_equal(one.table, two.table)
    assert not one.table.equals(oc.simulate_power(PLAN, clinic, n=12, runs=8, seed=4).table)


def test_questions_that_fail_count_as_no_success():
    def constant(n, rng):
        return oc.Study(
            pd.DataFrame(
                {
                    "patient": [*range(n)] * 2,
                    "visit": ["pre"] * n + ["post"] * n,
                    "pain": [5.0] * 2 * n,
                }
            ),
            visits=("pre", "post"),
            measures={"pain": PAIN},
        )

    row = oc.simulate_power(PLAN.questions[0], constant, n=5, runs=3, seed=1).table.iloc[0]
    assert (row["power"], row["undefined"]) == (0.0, 3)
    assert math.isnan(row["mean_value"])


def test_without_joblib_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name == "joblib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'outcomes\[parallel\]'"):
        oc.simulate_power(PLAN, clinic, n=5, runs=2, seed=1, n_jobs=2)
    with pytest.raises(AnalysisError, match="at least 1"):
        oc.simulate_power(PLAN, clinic, n=5, runs=0, seed=1)


@pytest.mark.slow
def test_both_cores_are_used():
    pytest.importorskip("joblib")
    one = oc.simulate_power(PLAN, clinic, n=30, runs=60, seed=2)
    two = oc.simulate_power(PLAN, clinic, n=30, runs=60, seed=2, n_jobs=2)
    pd.testing.assert_frame_equal(one.table, two.table)


def test_a_crossover_plan_keeps_its_size_under_no_effect():
    def trial(n, rng):
        rows = []
        for i in range(n):
            patient = rng.normal(6, 1.5)
            for k, arm in enumerate(("KP", "PK")[i % 2], 1):
                rows.append((i, k, arm, patient - 0.5 * (k == 2) + rng.normal(0, 1)))
        frame = pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"])
        return oc.Study(frame, design="crossover", measures={"pain": PAIN})

    found = oc.simulate_power(oc.Crossover("pain", reference="P"), trial, n=16, runs=150, seed=9)
    assert found.table["power"][0] < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)
    assert np.isfinite(found.table["mean_width"][0])
