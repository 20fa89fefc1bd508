"""What a whole report costs, as ratios in one run, on 500 patients, 5 visits, 8 instruments and 25
questions.

    python benchmarks/report.py [--runs 3]

Three fresh processes a run, one after the other: the bare import of the libraries a report needs; a
whole HTML report (read, check, score, answer, draw, write), which also says what drawing its
figures alone cost; and the same content (checks, counts, each answer's sentence, table and
pictures, the checks that a report adds) as a notebook, executed and converted to HTML by papermill
and nbconvert (by nbclient, papermill's engine, where papermill is not installed). Seconds of
waiting, and of CPU of a process and all it started (steadier on a busy machine). The data are the
invented sample, its patients drawn again with replacement to 500.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
PATIENTS, QUESTIONS = 500, 25

IMPORTS = (
    "import numpy, pandas, scipy.optimize, scipy.special, jinja2, matplotlib.figure,"
    " matplotlib.backends.backend_svg"
)
REPORT = """
import json, sys, time
import matplotlib.figure, matplotlib.backends.backend_svg  # counted with the imports, not with the figures
import outcomes as oc
from outcomes.reporting.render import figures
from outcomes.reporting.render import html
spent = [0.0, 0]
draw = figures.render
def timed(*a, **k):
    start = time.process_time()
    out = draw(*a, **k)
    spent[0] += time.process_time() - start
    spent[1] += 1
    return out
html.draw = timed
from outcomes.reporting import write_report
study = oc.read_study("study.toml")
write_report(study, oc.Plan.of(study), "report.html")
print(json.dumps(spent))
"""
CELLS = (  # what the report says beside its prose: data, checks, counts, every answer, and the checks a report adds by itself
    (
        "%matplotlib inline\nimport pandas as pd\nimport matplotlib.pyplot as plt\nimport outcomes"
        " as oc\nfrom IPython.display import display"
    ),
    "study = oc.read_study('study.toml')\nstudy",
    "oc.check(study)",
    "study.columns",
    "results = oc.Plan.of(study).run(study)",
    (
        "first = results[1].analysis\nvisits = {'before': first.before, 'after':"
        " first.after}\nadded = oc.Plan([\n    oc.RegressionToMean(first.outcome, **visits),"
        " oc.MissingScores(first.outcome),\n    oc.TippingPoint(first, draws=10),\n]).run(study)"
    ),
    (
        "pd.DataFrame([{'question': r.analysis.title(r.outcome), 'enrolled': r.counts.enrolled,"
        " 'analysed': r.counts.analysed} for r in (*results, *added)])"
    ),
    "study.wide(first.outcome).notna().sum()",
    (
        "for r in (*results, *added):\n    print(r.sentence())\n    display(oc.table(r))\n    for"
        " kind in r.pictures:\n        if r.analysis.family != 'quality of life':  # one picture of"
        " them all in the report, none here\n            oc.plot(r, kind)\n            plt.show()\n"
        "            display(r.data[kind if kind in r.data else 'pairs'])\n   "
        " print(r.analysis.methods_text())"
    ),
    "results.to_frame()",
)
NOTEBOOK = """
import subprocess, sys
if sys.argv[1] == "papermill":
    subprocess.run([sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "-k", "python3", "--no-progress-bar"], check=True)
else:
    import nbclient, nbformat
    made = nbformat.read("in.ipynb", 4)
    nbclient.NotebookClient(made, kernel_name="python3", timeout=600).execute()
    nbformat.write(made, "out.ipynb")
subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", "out.ipynb"], check=True)
"""


def make_study(folder: Path) -> None:
    """The sample with its patients drawn again to 500, and a plan of 25 questions."""
    rng = np.random.default_rng(20261122)
    ids = pd.read_csv(SAMPLE / "patients.csv", dtype=str)["patient_id"].to_numpy()
    drawn = rng.choice(ids, PATIENTS)
    for name in ("scores", "patients", "infusions", "side_effects"):
        frame = pd.read_csv(SAMPLE / f"{name}.csv", dtype=str, keep_default_na=False)
        groups = dict(tuple(frame.groupby("patient_id")))
        parts = [
            groups[p].assign(patient_id=f"Q{i:04d}") for i, p in enumerate(drawn) if p in groups
        ]
        pd.concat(parts).to_csv(folder / f"{name}.csv", index=False)
    text = (SAMPLE / "study.toml").read_text("utf-8")
    more = QUESTIONS - text.count("[[analysis]]")
    scores = [
        "pain_nrs_worst",
        "pain_nrs_least",
        "pain_nrs_now",
        "promis29_anxiety",
        "promis29_depression",
        "phq9_total",
        "promis29_sleep_disturbance",
        "promis29_pain_intensity",
        "gad7_total",
        "isi_total",
    ]
    for name in scores[: max(more, 0)]:
        text += (
            f'\n[[analysis]]\nmethod = "SignedRank"\noutcome = "{name}"\nbefore = "baseline"\nafter'
            ' = "week_4"\n'
        )
    (folder / "study.toml").write_text(text, "utf-8")


def make_notebook(folder: Path) -> None:
    """The same content as a notebook."""
    empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [empty | {"source": c, "id": f"c{i}"} for i, c in enumerate(CELLS)]
    head = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    (folder / "in.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": head, "nbformat": 4, "nbformat_minor": 5})
    )


def cost(folder: Path, code: str, *args: str) -> tuple[float, float, str]:
    """Seconds of waiting and of CPU (user and system) of a fresh process with all its children, and
    what it printed.
    """
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    waited, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return waited, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def main() -> None:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    engine = "papermill" if find_spec("papermill") else "nbclient"
    took: dict[str, list[tuple[float, float]]] = {
        "import": [],
        "report": [],
        "figures": [],
        "notebook": [],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_study(folder)
        make_notebook(folder)
        for _ in range(runs):
            took["import"].append(cost(folder, IMPORTS)[:2])
            *seconds, said = cost(folder, REPORT)
            took["report"].append((seconds[0], seconds[1]))
            drawing, figures = json.loads(said.splitlines()[-1])
            took["figures"].append((drawing, drawing))
            took["notebook"].append(cost(folder, NOTEBOOK, engine)[:2])
        size = (folder / "report.html").stat().st_size
    print(
        f"{PATIENTS} patients, {QUESTIONS} questions, {figures} figures, {size / 1e6:.2g} MB;"
        f" seconds, medians of {runs}"
    )
    for i, what in enumerate(("waited", "CPU")):
        mid = {k: statistics.median(x[i] for x in v) for k, v in took.items()}
        print(f"{what}: " + ", ".join(f"{k} {v:.2f}" for k, v in mid.items()))
        print(
            f"  report / (import + figures): {mid['report'] / (mid['import'] + mid['figures']):.2f}"
            "   (claim: at most 3)"
        )
        print(
            f"  notebook ({engine} + nbconvert) / report: {mid['notebook'] / mid['report']:.2f}  "
            " (claim: at least 2.5)"
        )


if __name__ == "__main__":
    main()
