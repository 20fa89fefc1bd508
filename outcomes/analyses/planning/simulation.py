"""Before the study: the power of a whole plan, by running it on studies made by a model of the
patients.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError, MissingExtraError
from outcomes.core.result import main_test
from outcomes.core.wording import percent
from outcomes.stats.proportions.single import wilson
from outcomes.study.study import Study

Generator = Callable[[int, np.random.Generator], Study]


@dataclass(frozen=True, eq=False)
class SimulatedPower:
    """How often each question of a plan came out at `alpha`, over simulated studies: one row a
    question.

    `table` has label, term, power with its Monte Carlo interval (low, high), mean_value and
    mean_width of the interval, runs, and undefined: runs without a p-value, which count as not
    significant.
    """

    table: pd.DataFrame
    n: int
    runs: int
    seed: int
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def sentence(self) -> str:
        """The power of each question in words."""
        parts = [
            f"{r['label']} {percent(r['power'])} (Monte Carlo interval {percent(r['low'])} to"
            f" {percent(r['high'])})"
            for r in self.table.to_dict("records")
        ]
        how = f"over {self.runs} simulated studies (seed {self.seed}, alpha {self.alpha:g})"
        return f"With {self.n} patients, {how}: {'; '.join(parts)}."

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence())}</p>{self.table.to_html(index=False, border=0)}"


#: In how many blocks the runs go to the workers.
BLOCKS = 32


def simulate_power(
    plan: Any,
    generator: Generator,
    *,
    n: int,
    runs: int = 1000,
    seed: int,
    n_jobs: int = 1,
    alpha: float = 0.05,
) -> SimulatedPower:
    """What power has this plan, whatever is in it, when it is run on studies made by a model of the
    patients?

    `plan` is a Plan, or one question; `generator(n, rng)` makes a study of n patients from a NumPy
    Generator. A question counts as a success when the p-value of its main estimate, adjusted within
    its family where it has one, is below `alpha`; questions that fail, or whose p is undefined,
    count as no success. The same seed gives the same answer for every `n_jobs`: each run has its
    own random stream. With `n_jobs` other than 1 the runs go through joblib (extra `parallel`), so
    that a cluster can take them by joblib's own `parallel_config(backend="dask")`.

    >>> import pandas as pd, outcomes as oc
    >>> def clinic(n, rng):
    ...     before = rng.normal(7, 1, n).round()
    ...     after = (before - rng.normal(1, 1.5, n)).round()
    ...     rows = {
    ...         "patient": list(range(n)) * 2,
    ...         "visit": ["pre"] * n + ["post"] * n,
    ...         "pain": [*before, *after],
    ...     }
    ...     return oc.Study(
    ...         pd.DataFrame(rows),
    ...         visits=("pre", "post"),
    ...         measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ...     )
    >>> simulated = simulate_power(
    ...     oc.PairedT("pain", before="pre", after="post"), clinic, n=20, runs=50, seed=1
    ... )
    >>> bool(simulated.table["power"][0] > 0.6)
    True
    """
    if runs < 1 or n < 1:
        raise AnalysisError("n and runs are whole numbers of at least 1.")
    streams = np.random.SeedSequence(seed).spawn(runs)
    if n_jobs == 1:
        answers = [_once(plan, generator, n, s) for s in streams]
    else:
        try:
            from joblib import Parallel, delayed
        except ImportError:
            raise MissingExtraError(
                "Running on several cores needs the parallel extra: pip install"
                " 'outcomes[parallel]'"
            ) from None
        # one run takes about a millisecond, less than handing it over: blocks of runs go out, not
        # single ones
        size = -(-runs // BLOCKS)
        blocks = [streams[i : i + size] for i in range(0, runs, size)]
        done = Parallel(n_jobs=n_jobs)(
            delayed(_block)(plan, generator, n, block) for block in blocks
        )
        answers = [answer for block in done for answer in block]
    return SimulatedPower(_gathered(answers, alpha), n, runs, seed, alpha)


def _block(
    plan: Any, generator: Generator, n: int, streams: list[np.random.SeedSequence]
) -> list[Any]:
    return [_once(plan, generator, n, s) for s in streams]


def _once(
    plan: Any, generator: Generator, n: int, stream: np.random.SeedSequence
) -> list[tuple[str, str, float, float, float]]:
    """Label, term, p, value and interval width of the main estimate of each question, in one
    simulated study.
    """
    study = generator(n, np.random.default_rng(stream))
    answered = plan.run(study)
    out = []
    for result in [answered] if hasattr(answered, "estimates") else answered:
        label = result.analysis.title(result.outcome)
        at = main_test(result)
        if at < 0:
            out.append((label, "", math.nan, math.nan, math.nan))
            continue
        e = result.estimates[at]
        p = e.p if math.isnan(e.p_adjusted) else e.p_adjusted
        out.append((label, e.term, p, e.value, e.high - e.low))
    return out


def _gathered(
    answers: list[list[tuple[str, str, float, float, float]]], alpha: float
) -> pd.DataFrame:
    rows = []
    for runs in zip(*answers, strict=True):
        label, term = runs[0][0], next((r[1] for r in runs if r[1]), "")
        p, value, width = (np.array([r[i] for r in runs]) for i in (2, 3, 4))
        share = wilson(int((p < alpha).sum()), len(p))
        seen = ~np.isnan(p)
        rows.append(
            {
                "label": label,
                "term": term,
                "power": share.value,
                "low": share.low,
                "high": share.high,
                "mean_value": value[seen].mean() if seen.any() else math.nan,
                "mean_width": width[seen].mean() if seen.any() else math.nan,
                "runs": len(p),
                "undefined": int((~seen).sum()),
            }
        )
    return pd.DataFrame(rows)
