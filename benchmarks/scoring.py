"""Scoring a million rows, against bare numpy doing only the arithmetic; ratios, measured side by
side in one run.

PROMIS-29: all seven T-scores and their standard errors (and the summaries) against a bare sum of
the same items and seven look-ups, without blanks and with 2% of them, and as `study.score()` does. EQ-5D-5L: the US index against one `take` on states numbered from
the same five columns. Ours also checks every answer, counts what was filled in, and returns tables.

    python benchmarks/scoring.py [rows]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from outcomes import InstrumentUse, Study, instrument
from outcomes.questionnaires.scoring_functions import value_set


def side_by_side(
    ours: Callable[[], object], bare: Callable[[], object], times: int = 15
) -> tuple[float, float]:
    """The best of several runs of each, taken in turn."""
    best = [float("inf"), float("inf")]
    for _ in range(times):
        for k, work in enumerate((ours, bare)):
            start = time.perf_counter()
            work()
            best[k] = min(best[k], time.perf_counter() - start)
    return best[0], best[1]


def promis29(rows: int, blanks: float = 0.0, *, study: bool = False) -> tuple[float, float]:
    """Seconds of ours and of bare numpy."""
    kind = instrument("promis29")
    rng = np.random.default_rng(1)
    codes = [i.code for i in kind.items if not i.code.startswith("cog")]
    frame = pd.DataFrame({c: rng.integers(1, 6, rows).astype(float) for c in codes})
    if blanks:
        frame = frame.mask(rng.random(frame.shape) < blanks)
    domains = [
        (list(s.rule.of), s.rule.table)
        for s in kind.scores
        if s.rule.table and s.name != "cognition"
    ]

    def bare() -> list[np.ndarray]:
        if blanks:
            return [_looked_up(frame[of].to_numpy().sum(axis=1), t) for of, t in domains]
        return [
            t.values[(frame[of].to_numpy().sum(axis=1) - t.first).astype(np.intp)]
            for of, t in domains
        ]

    made = kind.score(frame).values
    for (of, _), values in zip(domains, bare(), strict=True):
        name = next(s.name for s in kind.scores if list(s.rule.of) == of)
        np.testing.assert_array_equal(made[name], values)
    if not study:
        return side_by_side(lambda: kind.score(frame), bare)
    people = np.char.add("K", np.arange(rows).astype(str))
    whole = Study(
        frame.assign(patient=people, visit="baseline"),
        visits=("baseline",),
        uses=(InstrumentUse("promis29", {c: c for c in codes}),),
    )
    return side_by_side(whole.score, bare)


def _looked_up(raw: np.ndarray, table: Any) -> np.ndarray:
    """The T-score of each raw sum that is there."""
    there = ~np.isnan(raw)
    made = np.full(len(raw), np.nan)
    made[there] = table.values[(raw[there] - table.first).astype(np.intp)]
    return made


def eq5d5l(rows: int, dtype: type) -> tuple[float, float]:
    """Seconds of ours and of bare numpy."""
    kind = instrument("eq5d5l")
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({i.code: rng.integers(1, 6, rows).astype(dtype) for i in kind.items})
    table = value_set(5, "USA")

    def bare() -> np.ndarray:
        mo, sc, ua, pain, ad = (frame[c].to_numpy() for c in frame)
        return np.take(
            table, ((((mo * 5 + sc) * 5 + ua) * 5 + pain) * 5 + ad - 781).astype(np.intp)
        )

    np.testing.assert_array_equal(kind.score(frame, value_set="US").values["index"], bare())
    return side_by_side(lambda: kind.score(frame, value_set="US"), bare)


def main(rows: int = 1_000_000) -> int:
    """Print the ratios; 1 where one is above its limit."""
    runs = {
        "PROMIS-29": (3.0, lambda: promis29(rows)),
        "PROMIS-29, 2% blanks": (3.0, lambda: promis29(rows, 0.02)),
        "PROMIS-29, 2% blanks, study.score()": (3.0, lambda: promis29(rows, 0.02, study=True)),
        "EQ-5D-5L, floats": (2.0, lambda: eq5d5l(rows, float)),
        "EQ-5D-5L, whole numbers": (2.0, lambda: eq5d5l(rows, int)),
    }
    failed = 0
    for name, (limit, run) in runs.items():
        ours, bare = run()
        failed |= ours > limit * bare
        times = f"ours {1000 * ours:.1f} ms, bare numpy {1000 * bare:.1f} ms"
        print(f"{name}: {rows} rows, {times}, ratio {ours / bare:.2f} (limit {limit:g})")
    return failed


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
