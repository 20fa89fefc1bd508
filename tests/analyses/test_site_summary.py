"""One row a site: pooling the rows is pooling the sites, and a row that tells about single patients
is not there.
"""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import outcomes as oc
from outcomes.analyses.sites.site_summary import NUMBERS
from outcomes.core.errors import AnalysisError
from outcomes.reporting.release.policy import PRESETS
from tests.builders import PAIN, two_visits
from tests.contract.small import small

VISITS = {"before": "baseline", "after": "week_4"}


def clinics(sizes, seed=1, **more):
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    site = np.repeat([f"site {chr(65 + i)}" for i in range(len(sizes))], sizes)
    before = rng.integers(4, 11, n).astype(float)
    after = np.clip(before - rng.integers(-1, 6, n), 0, 10)
    patients = pd.DataFrame({"patient": [f"p{i + 1:03d}" for i in range(n)], "site": site})
    return two_visits(before, after, patients=patients, **more)


@pytest.mark.parametrize("seed", range(4))
def test_pooling_the_rows_is_pooling_the_sites(seed):
    study = clinics([9, 14, 6, 21, 12], seed)
    rows = oc.site_summary(study, "pain", **VISITS)
    assert list(rows) == ["site", *NUMBERS, "suppressed"]
    assert (rows["suppressed"] == "").all()
    change = oc.PairedT("pain", **VISITS)
    ours, theirs = oc.pool_summaries(rows), oc.PooledSites(change).run(study)
    for name in ("pooled", "prediction interval", "tau2", "tau", "I2"):
        a, b = ours[name], theirs[name]
        assert_allclose(
            [a.value, a.low, a.high, a.se, a.p],
            [b.value, b.low, b.high, b.se, b.p],
            rtol=1e-9,
            atol=1e-12,
        )
    alone = {e.group: e for e in ours.estimates if e.name == "mean change"}
    for e in (e for e in theirs.estimates if e.name == "mean change"):
        assert_allclose([alone[e.group].value, alone[e.group].se], [e.value, e.se], rtol=1e-9)


def test_every_number_is_that_of_the_site_s_own_patients():
    study = clinics([9, 14, 6])
    rows = oc.site_summary(study, "pain", **VISITS, rule="30%", least=3).set_index("site")
    for site in rows.index:
        pairs = study.where(site=site).pairs("pain", **VISITS)
        x, y = pairs.before, pairs.after
        expected = [
            len(x),
            x.mean(),
            x.std(ddof=1),
            y.mean(),
            y.std(ddof=1),
            (y - x).mean(),
            (y - x).std(ddof=1),
            np.corrcoef(x, y)[0, 1],
        ]
        if not rows.loc[site, "suppressed"]:
            assert_allclose(rows.loc[site, list(NUMBERS)].astype(float), expected, rtol=1e-9)
            assert rows.loc[site, "events"] == (10 * (x - y) >= 3 * x).sum()
    assert not rows["suppressed"].all()


def test_the_other_measures_take_the_rows_too():
    study = clinics([40, 30, 50, 45])
    rows = oc.site_summary(study, "pain", **VISITS, rule="30%")
    for measure in ("change", "SMCR", "SMCC", "share"):
        assert np.isfinite(oc.pool_summaries(rows, measure=measure)["pooled"].value)
    again = pd.read_csv(io.StringIO(rows.to_csv(index=False)))  # as a clinic sends them
    assert oc.pool_summaries(again)["pooled"].value == pytest.approx(
        oc.pool_summaries(rows)["pooled"].value, rel=1e-9
    )


def test_a_small_row_is_kept_back_whole_and_pooling_counts_it():
    study = clinics([9, 14, 4, 12, 1])
    rows = oc.site_summary(study, "pain", **VISITS)
    assert list(rows["suppressed"]) == [
        "",
        "",
        "fewer than 5 patients",
        "",
        "fewer than 5 patients",
    ]
    hidden = rows[rows["suppressed"] != ""]
    assert hidden[list(NUMBERS)].isna().all(axis=None) and list(hidden["site"]) == [
        "site C",
        "site E",
    ]
    for table in (rows, pd.read_csv(io.StringIO(rows.to_csv(index=False)))):
        result = oc.pool_summaries(table)
        assert result.counts == oc.Counts(5, 3, (("suppressed: fewer than 5 patients", 2),), "site")
        assert "2 sites left out, suppressed: fewer than 5 patients." in result.notes
        assert result["pooled"].value == oc.pool_summaries(rows.dropna(subset="n"))["pooled"].value
    with pytest.raises(AnalysisError, match="Every row is suppressed: fewer than 5 patients"):
        oc.pool_summaries(hidden)


def test_few_responders_or_few_others_keep_the_whole_row_back():
    sites = pd.DataFrame(
        {"patient": [f"p{i + 1:03d}" for i in range(30)], "site": np.repeat(["A", "B", "C"], 10)}
    )
    after = [
        *[2] * 4,
        *[9, 8] * 3,
        *[2] * 5,
        *[9, 8, 9, 8, 7],
        *[1, 2] * 3,
        8,
        9,
        8,
        9,
    ]  # 4, 5 and 6 of 10 improve
    study = two_visits([10, 9] * 15, after, patients=sites)
    assert list(oc.site_summary(study, "pain", **VISITS)["suppressed"]) == ["", "", ""]
    rows = oc.site_summary(study, "pain", **VISITS, rule="30%")
    few = "fewer than 5 responders or non-responders"
    assert list(rows["suppressed"]) == [few, "", few]
    assert rows.loc[[0, 2], [*NUMBERS, "events"]].isna().all(axis=None)
    assert rows.loc[1, "events"] == 5


@pytest.mark.parametrize(
    ("before", "after"), [([6] * 6, range(6)), (range(6), [3] * 6), (range(3, 9), range(6))]
)
def test_scores_or_changes_all_alike_tell_each_patient_s(before, after):
    sites = pd.DataFrame({"patient": [f"p{i + 1:03d}" for i in range(6)], "site": "A"})
    rows = oc.site_summary(two_visits(before, after, patients=sites), "pain", **VISITS)
    assert rows["suppressed"][0] == "all alike before, after or in change"
    assert rows[list(NUMBERS)].isna().all(axis=None)


def test_patients_without_both_scores_or_without_a_site_are_in_no_row():
    sites = pd.DataFrame(
        {"patient": [f"p{i + 1:03d}" for i in range(8)], "site": ["A"] * 7 + [None]}
    )
    rows = oc.site_summary(
        two_visits([7, 6, 8, 5, 9, 6, 7, 8], [4, 6, 5, 5, 5, 5, None, 7], patients=sites),
        "pain",
        **VISITS,
    )
    assert (list(rows["site"]), rows["n"][0]) == (["A"], 6)


def test_by_arm_and_no_column_of_patients():
    study = small(20)
    rows = oc.site_summary(study, "pain", **VISITS, by="arm")
    assert list(rows["arm"]) == ["ketamine", "placebo"]
    assert "too few sites to pool" in oc.pool_summaries(rows, site="arm").sentence()
    assert not set(rows.astype(str).to_numpy().ravel()) & set(map(str, study.patient_ids))


def test_the_thresholds_named_for_the_share_policies_are_theirs():
    said = oc.site_summary.__doc__
    assert said is not None
    for policy in PRESETS.values():
        assert f'"{policy.name}"' in said
    assert {p.name: p.least for p in PRESETS.values()} == {
        "opensafely": 8,
        "nhs": 8,
        "cms": 11,
        "ukllc": 10,
        "acro": 10,
    }


def test_words_for_bad_input():
    study = clinics([9, 14])
    with pytest.raises(AnalysisError, match="No patient characteristic 'clinic'"):
        oc.site_summary(study, "pain", **VISITS, by="clinic")
    with pytest.raises(AnalysisError, match="No visit 'week_5'"):
        oc.site_summary(study, "pain", before="baseline", after="week_5")
    with pytest.raises(AnalysisError, match="at least 3"):
        oc.site_summary(study, "pain", **VISITS, least=2)
    with pytest.raises(AnalysisError, match="A responder rule is"):
        oc.site_summary(study, "pain", **VISITS, rule="many")
    flat = clinics([2, 2], outcome=oc.Outcome("pain", PAIN.title))
    with pytest.raises(AnalysisError, match="no declared direction"):
        oc.site_summary(flat, "pain", **VISITS, rule="30%")


def test_a_rule_in_points_counts_improvement_on_the_side_that_is_better():
    rows = [
        (f"p{i}", "A", v, y)
        for i in range(14)
        for v, y in zip(("baseline", "week_4"), (4 + i % 3, 4 + i % 3 + (3 if i % 2 else 0)))
    ]
    frame = pd.DataFrame(rows, columns=["patient", "site", "visit", "sleep"])
    study = oc.Study(
        frame,
        visits=("baseline", "week_4"),
        measures={"sleep": oc.Outcome("sleep", "Sleep", "higher")},
    )
    (row,) = oc.site_summary(study, "sleep", **VISITS, rule="2 points").to_dict("records")
    assert row["events"] == 7
