"""What a choice in the panel of `oc.explore` costs beside asking the question and drawing its
picture alone: 500 patients, one choice after the other in one process.

Run: .venv/bin/python benchmarks/explore.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

sys.path.insert(0, str(Path(__file__).resolve().parent))

from report import PATIENTS, make_study

import outcomes as oc
from outcomes.notebooks.explore_panel import Panel
from outcomes.reporting.document import Figure
from outcomes.reporting.render.figures import render

QUESTIONS = ("PairedT", "SignedRank", "Responders", "RegressionToMean", "Course", "CohortModel")
SCORES = ("pain_nrs_worst", "promis29_fatigue", "phq9_total", "isi_total")


def milliseconds(action: Callable[[], object]) -> tuple[float, float]:
    """How long one waits for it, and the processor's time."""
    start, before = time.perf_counter(), time.process_time()
    action()
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - before)


def alone(question: oc.Analysis, study: oc.Study) -> bytes:
    """The answer and its first picture, with nothing around them."""
    result = question.run(study)
    return render(Figure(result, result.pictures[0], "", ""), kind="svg")


def choose(panel: Panel, score: str) -> None:
    """Another score, as a person chooses it."""
    panel.chosen["outcome"].value = score


def main(rounds: int = 3) -> None:
    """Print milliseconds and ratios, question by question."""
    every: list[tuple[float, float]] = []
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        make_study(Path(name))
        file = Path(name) / "study.toml"
        print(f"{PATIENTS} patients; medians of waiting (CPU) in ms until the card is there")
        for kind in QUESTIONS:
            shown, bare = [], []
            for warm in (True, *[False] * rounds):
                panel, study = oc.explore(file), oc.read_study(file).ready
                panel.question.value = kind
                alone(panel.result.analysis, study)  # what is loaded on first use is loaded
                for score in SCORES[: 1 if warm else None]:
                    took = milliseconds(lambda: choose(panel, score))  # noqa: B023
                    question = panel.result.analysis
                    beside = milliseconds(lambda: alone(question, study))  # noqa: B023
                    if not warm:
                        shown.append(took)
                        bare.append(beside)
            every += shown
            ratios.append(statistics.median(s[1] / b[1] for s, b in zip(shown, bare, strict=True)))
            waited, cpu = (statistics.median(s[i] for s in shown) for i in (0, 1))
            print(
                f"  {kind:17} {waited:4.0f} ({cpu:.0f}), {ratios[-1]:.2f} times the question and its"
                f" picture alone; longest {max(s[0] for s in shown):.0f}"
                f" ({max(s[1] for s in shown):.0f})"
            )
    waited, cpu = (statistics.median(s[i] for s in every) for i in (0, 1))
    print(f"all: {waited:.0f} ({cpu:.0f}), ratio {statistics.median(ratios):.2f}; goal: 300 ms")


if __name__ == "__main__":
    main()
