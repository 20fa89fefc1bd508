"""Reading a large text table, and the first answer from a fresh frame, beside what one would use
instead; ratios, measured side by side in one run.

A million rows of 34 columns as text with addresses (`read_file`) beside polars reading the same
columns as text, in time and in bytes a row at the peak, each in a process of its own. `read_table`
and `PairedT` on a fresh frame beside pandas and scipy making the same pairs, t, interval and
standardised mean change.

    python benchmarks/reading.py [rows]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

#: Ratio to polars, bytes a row at the peak, ratio to pandas with scipy.
LIMITS = (3.0, 300.0, 1.0)
_TIMES = 5

_MEASURE = """
import resource, sys, time
from pathlib import Path
file, how = Path(sys.argv[1]), sys.argv[2]
if how == "ours":
    from outcomes.readers.files import read_file
    from outcomes.readers.source import Source
    small = file.with_name("small.csv")
    read_file(Source(small))
    work = lambda: read_file(Source(file))
else:
    import polars
    small = file.with_name("small.csv")
    polars.read_csv(small, infer_schema=False)
    work = lambda: polars.read_csv(file, infer_schema=False)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
table = work()
took = time.perf_counter() - start
print(took, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before), len(table))
"""


def table_of(rows: int) -> pd.DataFrame:
    """Patients, visits and 32 answers, of which 2% are blank."""
    rng = np.random.default_rng(3)
    visits = np.array(["baseline", "week_4", "week_8", "week_12"], dtype=object)
    frame = {
        "patient_id": np.char.add("K", np.repeat(np.arange(-(-rows // 4)), 4)[:rows].astype(str)),
        "visit": np.tile(visits, -(-rows // 4))[:rows],
    }
    for item in range(32):
        cells = rng.integers(0, 11, rows).astype(str).astype(object)
        cells[rng.random(rows) < 0.02] = ""
        frame[f"q{item:02d}"] = cells
    return pd.DataFrame(frame)


def large(rows: int) -> tuple[float, float]:
    """Ratio of the times to read a large table, and our bytes a row at the peak."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scores.csv"
        made = table_of(rows)
        made.to_csv(file, index=False)
        made.head(100).to_csv(file.with_name("small.csv"), index=False)
        del made
        best = {"ours": float("inf"), "polars": float("inf")}
        peak = 0.0
        for _ in range(_TIMES):
            for how in best:
                said = subprocess.run(
                    [sys.executable, "-c", _MEASURE, str(file), how],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.split()
                best[how] = min(best[how], float(said[0]))
                peak = max(peak, float(said[1]) / rows) if how == "ours" else peak
    return best["ours"] / best["polars"], peak


def first_answer(patients: int = 500) -> float:
    """Ratio of the times to the first answer from a fresh frame."""
    from scipy import stats

    import outcomes as oc

    rng = np.random.default_rng(4)
    base = pd.DataFrame(
        {
            "patient_id": [f"K{p:04d}" for p in range(patients) for _ in range(2)],
            "visit": ["baseline", "week_4"] * patients,
            "nrs": rng.integers(0, 11, 2 * patients),
        }
    )

    def ours(frame: pd.DataFrame) -> float:
        study = oc.read_table(
            frame,
            patient="patient_id",
            visit="visit",
            visits=["baseline", "week_4"],
            instruments={"pain_nrs": {"average": "nrs"}},
        )
        asked = oc.PairedT(outcome="pain_nrs_average", before="baseline", after="week_4")
        return float(asked.run(study).main.value)

    def theirs(frame: pd.DataFrame) -> float:
        wide = frame.pivot(index="patient_id", columns="visit", values="nrs")
        change = (wide["week_4"] - wide["baseline"]).dropna()
        t = stats.ttest_rel(wide["week_4"], wide["baseline"], nan_policy="omit")
        t.confidence_interval(0.95)
        _ = change.mean() / change.std(), change.describe(), wide.describe(), wide.isna().sum()
        return float(change.mean())

    assert abs(ours(base.copy()) - theirs(base.copy())) < 1e-9
    best = [float("inf"), float("inf")]
    for _ in range(25):
        for k, work in enumerate((ours, theirs)):
            fresh = base.copy()
            start = time.perf_counter()
            work(fresh)
            best[k] = min(best[k], time.perf_counter() - start)
    return best[0] / best[1]


def main(rows: int = 1_000_000) -> int:
    """Print the ratios; 1 where one is above its limit."""
    ratio, peak = large(rows)
    answer = first_answer()
    print(f"{rows} rows x 34 columns: {ratio:.1f} times polars (limit {LIMITS[0]:g})")
    print(f"at the peak {peak:.0f} bytes a row (limit {LIMITS[1]:g})")
    print(f"read_table and PairedT on a fresh frame: {answer:.1f} times (limit {LIMITS[2]:g})")
    return int(ratio > LIMITS[0] or peak > LIMITS[1] or answer > LIMITS[2])


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
