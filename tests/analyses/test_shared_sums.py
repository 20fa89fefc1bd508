"""Sums of several clinics give the answers of their pooled rows; small cells and small differences stay
in the clinic."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.sites.shared_sums import SharedSums, pool_sums
from outcomes.core.errors import AnalysisError, StudyError
from outcomes.reporting.fingerprints import token
from outcomes.reporting.release import sums as sums_of
from outcomes.reporting.release.ledger import Ledger, recorded
from outcomes.reporting.release.policy import PRESETS
from outcomes.reporting.release.sums import gated_sums
from outcomes.reporting.release.tables import CountTables, HiddenCounts

KEY = "a key that the clinics share"
VISITS = ("baseline", "week_1", "week_4")
PLAN = [
    {"method": "PairedT", "outcome": "pain", "before": "baseline", "after": "week_4"},
    {"method": "MMRM", "outcome": "pain", "reference": "placebo"},
    {"method": "Responders", "outcome": "pain", "before": "baseline", "after": "week_4"},
    {"method": "SignedRank", "outcome": "pain", "before": "baseline", "after": "week_4"},
]


def clinic(site, n, seed, missing=0.0):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        level, arm = rng.integers(4, 10), ("ketamine", "placebo")[i % 2]
        for j, visit in enumerate(VISITS):
            pain = float(
                np.clip(level - j * (1 + (arm == "ketamine")) + rng.integers(-2, 3), 0, 10)
            )
            if j and rng.random() < missing:
                pain = np.nan
            rows.append((f"{site}{i:03}", visit, pain, arm))
    scores = pd.DataFrame(rows, columns=["patient", "visit", "pain", "arm"])
    return study_of(scores)


def study_of(scores):
    pain = oc.Outcome("pain", "Pain", "lower", "points", 0, 10, 1)
    return oc.Study(
        scores, visits=VISITS, design="parallel", measures={"pain": pain}, questions=PLAN
    )


@pytest.fixture
def clinics():
    return {s: clinic(s, n, k) for k, (s, n) in enumerate({"A": 60, "B": 44, "C": 52}.items())}


def exported(studies, tmp_path, policy="opensafely"):
    made = []
    for site, study in studies.items():
        sums, record = gated_sums(study, site=site, policy=policy, ledger=tmp_path / f"{site}.json")
        with recorded(record):
            made.append(SharedSums.from_json(sums.to_json(KEY), KEY))
    return made


def test_the_pooled_answers_are_those_of_the_pooled_rows(clinics, tmp_path):
    sums = exported(clinics, tmp_path)
    pooled = pool_sums(sums)
    together = study_of(pd.concat([s.scores for s in clinics.values()], ignore_index=True))
    questions = list(oc.Plan.of(together))[:3]
    assert len(pooled) == 3  # the signed-rank test needs more than sums that may be shared
    for mine, question in zip(pooled.results, questions, strict=True):
        theirs = question.run(together)
        both = [e for e in theirs.estimates if e.name != "median percent change of patients"]
        assert len(mine.estimates) == len(both)  # a median does not follow from sums
        rel = 1e-9 if isinstance(question, oc.MMRM) else 1e-12
        for a, b in zip(mine.estimates, both, strict=True):
            if isinstance(question, oc.Responders) and a.n == 0:
                assert any(a.name in note for note in mine.notes)  # too few: withheld and said
                continue
            assert (a.term, a.n, a.measure) == (b.term, b.n, b.measure)
            for f in ("value", "low", "high", "p", "se", "df"):
                x, y = getattr(a, f), getattr(b, f)
                assert x == pytest.approx(y, rel=rel, abs=rel, nan_ok=True), (a.term, f)
        assert mine.sentence() == theirs.sentence()
    assert list(pooled.sites["site"].unique()) == ["A", "B", "C"]
    one = oc.PairedT("pain", before="baseline", after="week_4").run(clinics["B"])["mean change"]
    row = pooled.sites[(pooled.sites["site"] == "B")].iloc[0]
    assert (row["value"], row["se"]) == pytest.approx((one.value, one.se))
    rest = study_of(pd.concat([clinics[s].scores for s in "AC"], ignore_index=True))
    left = pooled.without[pooled.without["without"] == "B"].iloc[0]
    assert left["value"] == pytest.approx(questions[0].run(rest)["mean change"].value)
    assert set(pooled.heterogeneity["estimate"]) >= {"pooled", "tau2"}


def test_small_cells_stay_in_the_clinic_and_are_said(tmp_path):
    studies = {"A": clinic("A", 60, 1), "B": clinic("B", 60, 2, missing=0.12)}
    sums = exported(studies, tmp_path)
    model = sums[1].questions[1]
    counts = model.products["counts"]
    assert min(counts) > 7 and model.cells > 0
    kept = sum(counts)
    low, high = model.withheld
    assert low <= 60 - kept <= high
    pooled = pool_sums(sums)
    assert any("Withheld by disclosure policies" in note for note in pooled[1].notes)
    assert pooled[1].counts.analysed == 60 + kept
    names = list(studies["B"].scores["patient"].unique())
    text = sums[1].to_json(KEY)
    assert not any(name in text for name in names)
    assert len(text) < 60_000


def test_a_change_of_few_patients_since_the_last_export_is_withheld(tmp_path):
    study = clinic("A", 60, 1)
    exported({"A": study}, tmp_path)
    fewer = study.where(lambda f: f.index != f.index[0])
    again = exported({"A": fewer}, tmp_path)[0]
    assert again.questions[0].products is None  # the difference is one patient
    assert again.questions[2].cells > 0
    same = exported({"A": study}, tmp_path)[0]
    assert same.questions[0].products is not None  # the sums of the first export


def test_patients_who_all_say_the_same_are_withheld(tmp_path):
    study = clinic("A", 40, 1)
    scores = study.scores.assign(pain=np.where(study.scores["visit"] == "week_4", 3.0, 7.0))
    sums = exported({"A": study_of(scores)}, tmp_path)[0]
    assert sums.questions[0].products is None
    pooled = pool_sums([sums, dataclasses.replace(sums, site="B")])
    assert pooled[0].failed and len(pooled) == 3  # refused in words; the others are answered


def test_what_was_changed_or_signed_with_another_key_is_refused(clinics, tmp_path):
    sums = exported(clinics, tmp_path)
    text = sums[0].to_json(KEY)
    with pytest.raises(StudyError, match="not signed with this key"):
        SharedSums.from_json(text, "another key")
    said = json.loads(text)
    said["sums"]["questions"][0]["products"]["counts"][0] += 1
    with pytest.raises(StudyError, match="was changed after it was signed"):
        SharedSums.from_json(json.dumps(said), KEY)
    with pytest.raises(StudyError, match="OUTCOMES_SUMS_KEY"):
        sums[0].to_json("")
    with pytest.raises(StudyError, match="holds no sums"):
        SharedSums.from_json("[]", KEY)
    with pytest.raises(AnalysisError, match="two or more clinics"):
        pool_sums([sums[0], sums[0]])
    other = dataclasses.replace(sums[1], questions=sums[1].questions[:1])
    with pytest.raises(AnalysisError, match="asked different questions"):
        pool_sums([sums[0], other])


def test_counts_that_tell_small_ones_by_subtraction_are_withheld(tmp_path):
    study = clinic("A", 60, 1)
    gone = study.scores["patient"].isin(sorted(study.scores["patient"].unique())[:3])
    some = study.scores.assign(
        pain=study.scores["pain"].mask(gone & (study.scores["visit"] == "week_4"))
    )
    sums = exported({"A": study_of(some)}, tmp_path)[0]
    rows = {row[0]: row for row in sums.questions[2].responses}
    assert rows["improved ≥30%, of patients with both scores"][4] == 57
    # 60 had a score before: with 57 it would tell that 3 dropped out
    assert rows["improved ≥30%, missing as non-response"][3:5] == [None, None]
    whole = exported({"B": study_of(study.scores)}, tmp_path)[0]
    rows = {row[0]: row for row in whole.questions[2].responses}
    assert rows["improved ≥30%, missing as non-response"][4] == 60


def test_an_exact_count_does_not_open_what_a_shared_report_hides(tmp_path):
    study = clinic("A", 60, 1)
    gate = sums_of._Gate(PRESETS["opensafely"], Ledger(), study)
    who = study.patient_ids
    key = gate.ledger.key
    # a shared report showed about 45 and hid the others among these 48 patients
    report = CountTables()
    total, level, rest = (token(key, "patients", 48), "level", "rest of the level")
    report.add(total, (level, rest))
    report.shown, report.small = {level: 45}, {rest}
    gate.ledger.reports, gate.ledger.tables = [gate.patients], [report]
    gate.tables = report
    shown = HiddenCounts([report], base=5, hidden=7)
    assert not shown.narrowed()
    pain = study.outcome("pain")
    assert gate.counted(pain, who[:20], who[:40])
    tight = CountTables(list(report.sums), {level: 45}, {rest}, exact={level})
    gate.ledger.tables, gate.tables = [tight], tight
    assert not gate.counted(pain, who[:20], who[:48])
    assert total not in tight.shown


def test_on_the_command_line(tmp_path, monkeypatch, capsys):
    from outcomes.cli import main

    monkeypatch.setenv("OUTCOMES_SUMS_KEY", KEY)
    files = []
    for k, site in enumerate("AB"):
        folder = tmp_path / site
        folder.mkdir()
        clinic(site, 50, k).scores.to_csv(folder / "scores.csv", index=False)
        asked = "".join(
            "\n[[analysis]]\n" + "".join(f'{key} = "{v}"\n' for key, v in entry.items())
            for entry in PLAN
        )
        (folder / "study.toml").write_text(
            '[study]\ndesign = "parallel"\n[data]\nscores = "scores.csv"\n[visits]\norder ='
            ' ["baseline", "week_1", "week_4"]\n[outcomes]\npain = { column = "pain", title = "Pain",'
            f' better = "lower", low = 0, high = 10 }}\n{asked}'
        )
        to = folder / "sums.json"
        assert (
            main(["export-sums", str(folder / "study.toml"), "--to", str(to), "--site", site]) == 0
        )
        assert (folder / "shared-ledger.json").exists()
        files.append(Path(to))
    assert "withheld by policy opensafely" in capsys.readouterr().out
    assert "mean change" in pool_sums(files, key=KEY).results[0].sentence()
