"""A study that is read in parts: the same answers, counts, notes, sentences, issues and addresses as of
the whole, however the files are divided."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import DataError, PrivacyError, StudyError
from outcomes.study.engines import DaskEngine, ProcessEngine, SerialEngine, SparkEngine, engine
from tests.contract.test_in_parts import DRAWN, same

STUDY = """
[study]
design = "parallel"
reference = "placebo"
arms = { K = "ketamine", P = "placebo" }

[data]
scores = "FILES"
patients = "patients.csv"
missing = ["-99"]
ids = "numbers"

[roles]
patient = "id"
visit = "when"

[visits]
order = ["baseline", "week_1", "week_4"]

[instruments]
phq9 = { prefix = "phq9_" }

[outcomes]
pain = { column = "nrs", title = "Pain", better = "lower", low = 0, high = 10 }

[[analysis]]
method = "PairedT"
outcome = "pain"
before = "baseline"
after = "week_4"
role = "primary"

[[analysis]]
method = "MMRM"
outcome = "phq9_total"

[[analysis]]
method = "Responders"
outcome = "pain"
before = "baseline"
after = "week_4"

[[analysis]]
method = "WelchT"
outcome = "pain"
before = "baseline"
after = "week_4"

[[analysis]]
method = "Describe"
characteristics = ["age", "dose"]
"""


def registry(seed, n=60):
    """Scores as clinics write them: decimal commas in one row of many, codes for missing, answers out
    of range, codes of patients with and without leading zeros."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        level = rng.integers(3, 9)
        for j, visit in enumerate(("baseline", "week_1", "week_4")):
            if j and rng.random() < 0.1:
                continue
            pain = str(int(np.clip(level - j + rng.integers(-1, 2), 0, 10)))
            if not j:  # a cell of each kind that only one part has
                pain = {3: "-99", 14: "n/k", 25: "11", 36: "6,5"}.get(i, pain)
            items = [str(int(rng.integers(0, 4))) for _ in range(9)]
            if rng.random() < 0.1:
                items[int(rng.integers(0, 9))] = ""
            code = f"{i + 1:03d}" if rng.random() < 0.7 else str(i + 1)
            total = sum(map(int, items)) if "" not in items else ""
            total = total if (i, j) not in ((5, 0), (33, 0), (34, 0)) else 27
            rows.append([code, visit, pain, *items, str(total)])
    columns = ["id", "when", "nrs", *(f"phq9_{k}" for k in range(1, 10)), "phq9_total"]
    scores = pd.DataFrame(rows, columns=columns)
    # one cell decides what a comma is: "1,250" alone could be a thousand
    dose = ["0,5" if i == 7 else "1,250" for i in range(n)]
    patients = pd.DataFrame(
        {
            "id": [f"{i + 1:03d}" for i in range(n)],
            "arm": [("K", "P")[int(a)] for a in rng.integers(0, 2, n)],
            "age": rng.integers(20, 80, n).astype(str),
            "dose": dose,
        }
    )
    return scores, patients


def written(folder, seed, kind="one"):
    scores, patients = registry(seed)
    patients.to_csv(folder / "patients.csv", index=False)
    if kind == "one":
        scores.to_csv(folder / "scores.csv", index=False)
        name = "scores.csv"
    else:
        (folder / "scores").mkdir()
        order = np.random.default_rng(seed).permutation(len(scores))
        for k, at in enumerate(np.array_split(order, 4)):
            part, path = scores.iloc[at], folder / "scores" / f"s{k}.{kind}"
            if kind == "parquet":
                pytest.importorskip("pyarrow")
                part.to_parquet(path, index=False)
            else:
                part.to_csv(path, index=False)
        name = f"scores/*.{kind}"
    path = folder / "study.toml"
    path.write_text(STUDY.replace("FILES", name))
    return path


def issues(study):
    said = [
        (i.rule, i.severity, i.table, i.column, i.count, i.message, sorted(i.addresses))
        for i in study.issues
    ]
    return sorted(said, key=str)


@pytest.mark.parametrize("seed,parts,piece", [(1, 1, 1 << 26), (2, 7, 1500), (3, 64, 1 << 26)])
def test_one_file_in_parts(tmp_path, seed, parts, piece):
    path = written(tmp_path, seed)
    whole = oc.read_study(path)
    plan = oc.Plan.of(whole)
    study = oc.read_parts(path, parts=parts, piece=piece)
    assert issues(study) == issues(whole.ready)
    assert {i.rule for i in study.issues} >= {"unparseable", "refused answer", "prorated"}
    assert [s["sha256"] for s in study.sources] == [s["sha256"] for s in whole.sources]
    for mine, theirs in zip(plan.run(study), plan.run(whole), strict=True):
        assert not mine.failed
        same(theirs, mine, 1e-9)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_several_files(tmp_path, kind):
    """Rows in any order over four files are answered as one file is."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = oc.read_study(written(tmp_path / "a", 5))
    study = oc.read_parts(written(tmp_path / "b", 5, kind), parts=5)
    plan = oc.Plan.of(whole)
    for mine, theirs in zip(plan.run(study), plan.run(whole), strict=True):
        same(theirs, mine, 1e-9)
    assert any(re.match(r"s\d\.\w+: row \d+", a) for i in study.issues for a in i.addresses)


def test_every_sample(request):
    root = request.config.rootpath / "data" / "sample"
    for path in (root / "parallel" / "study.toml", root / "crossover" / "study.toml"):
        whole = oc.read_study(path)
        plan = oc.Plan.of(whole)
        study = oc.read_parts(path, parts=3)
        for mine, theirs in zip(plan.run(study), plan.run(whole), strict=True):
            if type(mine.analysis).__name__ not in DRAWN:
                same(theirs, mine, 1e-9)


def test_parts_are_removed_with_the_study(tmp_path):
    study = oc.read_parts(written(tmp_path, 1), parts=2, folder=tmp_path / "scratch")
    there = list((tmp_path / "scratch").iterdir())
    assert len(there) == 1 and there[0].stat().st_mode & 0o077 == 0
    del study
    assert not list((tmp_path / "scratch").iterdir())


def test_what_identifies_a_patient_stops_before_anything_is_answered(tmp_path):
    path = written(tmp_path, 1)
    scores = pd.read_csv(tmp_path / "scores.csv", dtype=str)
    scores["phone"] = [f"+49 170 55{i:05d}" for i in range(len(scores))]
    scores.to_csv(tmp_path / "scores.csv", index=False)
    with pytest.raises(PrivacyError) as in_parts:
        oc.read_parts(path, parts=7, folder=tmp_path / "scratch")
    with pytest.raises(PrivacyError) as of_whole:
        oc.read_study(path)
    assert str(in_parts.value) == str(of_whole.value)
    assert not list((tmp_path / "scratch").iterdir())


def test_what_has_to_be_said(tmp_path):
    path = written(tmp_path, 1)
    text = path.read_text()
    path.write_text(text.replace('order = ["baseline", "week_1", "week_4"]', ""))
    with pytest.raises(StudyError, match=r"needs its visits in order"):
        oc.read_parts(path)
    path.write_text(text.replace("scores.csv", "scores/*.csv"))
    with pytest.raises(DataError, match=r"There is no file '\*.csv'"):
        oc.read_parts(path)
    with pytest.raises(DataError, match=r"stands for several files.*outcomes run.*oc.read_parts"):
        oc.read_study(path)
    with pytest.raises(StudyError, match="No engine 'sparc'"):
        engine("sparc")


def test_codes_that_differ_in_zeros_stop_in_parts_too(tmp_path):
    path = written(tmp_path, 1)
    path.write_text(path.read_text().replace('ids = "numbers"', ""))
    with pytest.raises(DataError, match="leading zeros"):
        oc.read_parts(path, parts=9)


def test_processes(tmp_path):
    path = written(tmp_path, 2)
    seen = []
    study = oc.read_parts(path, parts=4, engine=ProcessEngine(2))
    study = dataclasses.replace(study, progress=lambda done, of: seen.append((done, of)))
    serial = oc.read_parts(path, parts=4, engine=SerialEngine())
    plan = oc.Plan.of(oc.read_study(path))
    for mine, theirs in zip(plan.run(study), plan.run(serial), strict=True):
        same(theirs, mine, 0)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.slow
def test_dask_with_two_workers_of_which_one_is_killed(tmp_path):
    """A real scheduler and two worker processes; one is killed while parts are under way."""
    distributed = pytest.importorskip("distributed")
    path = written(tmp_path, 3)
    serial = oc.Plan.of(oc.read_study(path)).run(oc.read_parts(path, parts=16))
    home = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "10"}
    address = "tcp://127.0.0.1:18786"
    started = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "distributed.cli.dask_scheduler",
                "--host",
                address,
                "--no-dashboard",
            ],
            env=home,
        )
    ]
    try:
        for _ in range(2):
            started.append(
                subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "distributed.cli.dask_worker",
                        address,
                        "--nworkers",
                        "1",
                        "--nthreads",
                        "1",
                        "--no-nanny",
                        "--no-dashboard",
                    ],
                    env=home,
                )
            )
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
        study = oc.read_parts(path, parts=16, engine=DaskEngine(address))
        killed = []

        def kill(done, of):
            if done == 2 and not killed:
                started[1].kill()
                killed.append(done)

        study = dataclasses.replace(study, progress=kill)
        answers = oc.Plan.of(oc.read_study(path)).run(study)
        assert killed == [2]
        for mine, theirs in zip(answers, serial, strict=True):
            same(theirs, mine, 0)
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_spark(tmp_path, monkeypatch):
    """A local Spark session with two threads."""
    pytest.importorskip("pyspark")
    if not shutil.which("java"):
        pytest.skip("no Java")
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    path = written(tmp_path, 3)
    whole = oc.Plan.of(oc.read_study(path))
    serial = whole.run(oc.read_parts(path, parts=3))
    local = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = local.getOrCreate()
    try:
        study = oc.read_parts(path, parts=3, engine=SparkEngine())
        for mine, theirs in zip(whole.run(study), serial, strict=True):
            same(theirs, mine, 0)
    finally:
        session.stop()
