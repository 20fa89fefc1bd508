"""An invented registry for benchmarks: long scores of many patients in one CSV file, and its study
file.

    python benchmarks/registry_data.py FOLDER [--patients 1000000] [--seed 1]

About 5.3 visits a patient and 34 columns: code, visit, arm, clinic, pain now and on average, and
the items of PHQ-9, GAD-7, ISI and EQ-5D. Items and pain may be missing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

VISITS = ("baseline", "week_4", "week_8", "month_3", "month_6", "month_12")
#: Visits, after the first, that a patient is seen at, as shares: 5.3 visits on average.
SEEN = (1.0, 0.95, 0.9, 0.87, 0.83, 0.75)
ITEMS = {"phq9_": (9, 0, 3), "gad7_": (7, 0, 3), "isi_": (7, 0, 4), "eq5d_": (5, 1, 5)}
CHUNK = 50_000

STUDY = """\
[study]
title = "Invented registry"
design = "parallel"

[data]
scores = "scores.csv"

[roles]
patient = "patient_id"
visit = "visit"
arm = "arm"
site = "site"

[visits]
order = ["baseline", "week_4", "week_8", "month_3", "month_6", "month_12"]
baseline = "baseline"

[instruments]
pain_nrs = { average = "nrs_average", now = "nrs_now" }
phq9 = { prefix = "phq9_" }
gad7 = { prefix = "gad7_" }
isi = { prefix = "isi_" }
eq5d5l = { prefix = "eq5d_", value_set = "US" }

[[analysis]]
method = "PairedT"
outcome = "pain_nrs_average"
before = "baseline"
after = "month_3"
role = "primary"

[[analysis]]
method = "SignedRank"
outcome = "pain_nrs_average"
before = "baseline"
after = "month_3"

[[analysis]]
method = "Responders"
outcome = "pain_nrs_average"
before = "baseline"
after = "month_3"

[[analysis]]
method = "MMRM"
outcome = "pain_nrs_average"
reference = "usual care"
"""


def write(folder: Path, patients: int, seed: int = 1) -> Path:
    """Write the registry; the path of its study file."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    writer = None
    for first in range(0, patients, CHUNK):
        table = _chunk(rng, first, min(CHUNK, patients - first))
        writer = writer or csv.CSVWriter(
            folder / "scores.csv",
            table.schema,
            write_options=csv.WriteOptions(quoting_style="needed"),
        )
        writer.write_table(table)
    if writer is not None:
        writer.close()
    (folder / "study.toml").write_text(STUDY)
    return folder / "study.toml"


def _chunk(rng: np.random.Generator, first: int, n: int) -> pa.Table:
    there = rng.random((n, len(VISITS))) < np.array(SEEN)
    who, visit = np.nonzero(there)
    arm, level = rng.integers(0, 2, n), rng.normal(6, 1.5, n)
    trait = rng.normal(0, 1, n)
    rows = len(who)
    better = visit * (0.3 + 0.2 * arm[who])
    columns = {
        "patient_id": pa.array(np.char.mod("R%07d", np.arange(first + 1, first + n + 1))).take(who),
        "visit": pa.DictionaryArray.from_arrays(visit.astype(np.int8), list(VISITS)).cast(
            pa.string()
        ),
        "arm": pa.DictionaryArray.from_arrays(
            arm[who].astype(np.int8), ["usual care", "ketamine"]
        ).cast(pa.string()),
        "site": pa.array(np.char.mod("S%03d", rng.integers(1, 121, n))).take(who),
    }
    for name in ("nrs_average", "nrs_now"):
        pain = np.clip(np.round(level[who] - better + rng.normal(0, 1.2, rows)), 0, 10)
        columns[name] = _holes(rng, pain.astype(np.int8), 0.02)
    for stem, (count, low, high) in ITEMS.items():
        middle = (low + high) / 2 + 0.8 * trait[who] - 0.1 * better
        for i in range(1, count + 1):
            answer = np.clip(np.round(middle + rng.normal(0, 0.9, rows)), low, high)
            columns[f"{stem}{i}"] = _holes(rng, answer.astype(np.int8), 0.01)
    return pa.table(columns)


def _holes(rng: np.random.Generator, values: np.ndarray, share: float) -> pa.Array:
    return pa.array(values, mask=rng.random(len(values)) < share)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(write(asked.folder, asked.patients, asked.seed))
