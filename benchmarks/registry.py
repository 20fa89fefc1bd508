"""What an invented registry costs, whole and in parts, as ratios in one run.

    python benchmarks/registry.py [--patients 10000 100000] [--parts 16]

For each number of patients (about 5.3 visits each, 34 columns, see registry_data.py), each in a
fresh process, one after the other: polars reads the file as text; `read_study`; the study's plan
answered whole and asked again; and the same plan in parts (serial). CPU seconds (with what the
process started) and peak memory; the exponent says how CPU time grows from the smallest number of
patients to the largest.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from registry_data import write

ROOT = Path(__file__).resolve().parents[1]
START = """
import json, resource, sys, time
def spent():
    return sum(r.ru_utime + r.ru_stime for r in map(resource.getrusage, (
        resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""
TEXT = """
import polars
start = spent()
polars.read_csv("scores.csv", infer_schema=False)
more = {}
"""
READ = """
import outcomes as oc
oc.read_study, oc.Plan
start = spent()
study = oc.read_study("study.toml")
rows, kept = len(study.scores), int(study.scores.memory_usage(index=True, deep=False).sum())
more = {"rows": rows, "kept": kept / rows}
"""
ANSWER = (
    READ
    + """
plan = oc.Plan.of(study)
plan.run(study)
once = time.perf_counter()
plan.run(study)
more["again"] = (time.perf_counter() - once) / len(plan)
"""
)
PARTS = """
import outcomes as oc
oc.read_parts, oc.Plan
start = spent()
study = oc.read_parts("study.toml", parts=PARTS)
oc.Plan.of(study).run(study)
more = {}
"""
END = """
peak = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({"cpu": spent() - start, "peak": peak / 1024, **more}))
"""
STEPS = {
    "polars, as text": TEXT,
    "read_study": READ,
    "read and answer": ANSWER,
    "in parts": PARTS,
}


def measured(code: str, folder: Path, parts: int) -> dict[str, float]:
    """What one step costs in a fresh process."""
    whole = START + code.replace("PARTS", str(parts)) + END
    run = subprocess.run(
        [sys.executable, "-c", whole],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(run.stdout.splitlines()[-1]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--patients", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--parts", type=int, default=16)
    asked = parser.parse_args()
    costs: dict[str, dict[int, float]] = {}
    for patients in asked.patients:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), patients)
            print(f"{patients:,} patients")
            for name, code in STEPS.items():
                found = measured(code, Path(folder), asked.parts)
                costs.setdefault(name, {})[patients] = found["cpu"]
                text = costs["polars, as text"][patients]
                said = f"  {name:16} {found['cpu']:7.2f} CPU s, {found['cpu'] / text:5.1f} x polars"
                said += f", peak {found['peak']:6.0f} MB"
                if "kept" in found:
                    said += f", {found['kept']:.0f} bytes a row kept"
                if "again" in found:
                    said += f", asked again {1000 * found['again']:.2f} ms a question"
                print(said, flush=True)
    first, last = min(asked.patients), max(asked.patients)
    for name, by in costs.items() if last > first else ():
        grown = math.log(by[last] / by[first]) / math.log(last / first)
        print(f"  {name:16} exponent {grown:.2f}")


if __name__ == "__main__":
    main()
