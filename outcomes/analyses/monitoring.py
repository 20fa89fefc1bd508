"""Results from report to report: the main question asked of the patients that each report added."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.analyses.responders.one_group import ResponseCounts
from outcomes.analyses.traits import Trait
from outcomes.core.errors import OutcomesError
from outcomes.core.flow import Counts
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result, Results
from outcomes.stats.control_chart import ControlChart, p_chart, xmr
from outcomes.study.study import Study

#: A period with fewer patients than this does not count for limits or signals.
SMALL = 8
#: Fewer periods than this are no run of results: two points are not a trend.
LEAST_PERIODS = 3
#: A last period with less than this part of the usual number of patients is still filling up.
FILLED = 0.5


@dataclass(frozen=True)
class RunChart:
    """A run of results: the picture's answer, its control chart, and what was not judged.

    `judged` are the positions of the periods that count for the limits, `filling` whether the last
    period is still filling up (then it is not judged).
    """

    drawn: Result
    chart: ControlChart
    judged: tuple[int, ...]
    filling: bool


def complete_patients(study: Study, main: Result) -> pd.Index:
    """The patients with a score at the first and at the last visit of the main question.

    Empty where patients have several rows a visit, or there is one visit only.
    """
    where = ends(study, main)
    if where is None or main.outcome is None:
        return pd.Index([])
    frame = study.wide(main.outcome.name)[list(where)]
    return frame.index[frame.notna().all(axis=1)]


def ends(study: Study, main: Result) -> tuple[str, str] | None:
    """The visits that the main question starts from and ends at; None where it has no two."""
    if main.outcome is None or len(study.visits) < 2 or len(study.keys) > 2:
        return None
    e = main.main
    first = getattr(main.analysis, "before", "") or study.baseline
    last = getattr(main.analysis, "after", "") or (e.contrast.visit if e else "") or main.main_visit
    if last not in study.visits or last == first:
        last = [v for v in study.visits if v != first][-1]
    return first, last


def added_answer(study: Study, main: Result, responders: Result | None, fresh: pd.Index) -> Any:
    """The main estimate and the share of responders of some patients, as plain data.

    `value`, `low` and `high` are those of the main estimate when the main question is asked of
    these patients alone; None where they are too few to answer it. `improved` of `usable` reached
    the first rule of the responders question.
    """
    made: dict[str, Any] = {"n": len(fresh), "value": None, "low": None, "high": None}
    made |= {"improved": 0, "usable": 0, "rule": ""}
    if not len(fresh):
        return made
    some = study.where(lambda f: f.index.isin(fresh))
    e = _asked(main.analysis, some)
    e_main = e.main if e is not None else None
    if e_main is not None and not math.isnan(e_main.value):
        made["value"] = e_main.value
        made["low"] = None if math.isnan(e_main.low) else e_main.low
        made["high"] = None if math.isnan(e_main.high) else e_main.high
    r = _asked(responders.analysis, some) if responders is not None else None
    counted = r.about(ResponseCounts) if r is not None else None
    first = counted.responses[0] if counted is not None and counted.responses else None
    if first is not None:
        made |= {"improved": first.count, "usable": first.total, "rule": first.rule}
    return made


def _asked(question: Analysis, study: Study) -> Result | None:
    """The answer of some patients; None where they cannot answer the question."""
    try:
        made = question.run(study)
    except (OutcomesError, ValueError, ArithmeticError, np.linalg.LinAlgError):
        return None
    return None if made.failed else made


def first_responders(results: Results) -> Result | None:
    """The first answered question about responders in one group."""
    return next(
        (r for r in results if Trait.RESPONDERS in r.analysis.traits and not r.failed), None
    )


def run_of_estimates(title: str, points: Sequence[Mapping[str, Any]], *, sample: bool) -> RunChart:
    """The main estimate of the patients that each report added, with control limits.

    Each point has `period`, `n` and `value`. Fewer than ten periods get no limits.
    """
    values = [float(p["value"]) for p in points]
    seen = [int(p["n"]) for p in points]
    judged, filling = _judged(seen)
    chart = xmr([values[i] for i in judged])
    return _run(title, points, values, seen, chart, judged, filling, ValueAxis(), sample)


def run_of_shares(title: str, points: Sequence[Mapping[str, Any]], *, sample: bool) -> RunChart:
    """The share of responders among the patients that each report added, with control limits."""
    seen = [int(p["usable"]) for p in points]
    values = [p["improved"] / n for p, n in zip(points, seen, strict=True)]
    judged, filling = _judged(seen)
    chart = p_chart([points[i]["improved"] for i in judged], [seen[i] for i in judged])
    axis = ValueAxis(percent=True)
    return _run(title, points, values, seen, chart, judged, filling, axis, sample)


def _judged(seen: Sequence[int]) -> tuple[tuple[int, ...], bool]:
    """The periods with enough patients; and whether the last one is still filling up."""
    filling = len(seen) > 1 and seen[-1] < FILLED * median(seen[:-1])
    places = range(len(seen) - filling)
    return tuple(i for i in places if seen[i] >= SMALL), filling


def _run(
    title: str,
    points: Sequence[Mapping[str, Any]],
    values: list[float],
    seen: list[int],
    chart: ControlChart,
    judged: tuple[int, ...],
    filling: bool,
    axis: ValueAxis,
    sample: bool,
) -> RunChart:
    frame = pd.DataFrame(
        {
            "period": [p["period"] for p in points],
            "n": seen,
            "value": values,
            "centre": chart.centre,
            "low": math.nan,
            "high": math.nan,
            "large": [i in judged for i in range(len(points))],
            "signal": "",
        }
    )
    for i, low, high in zip(judged, chart.low, chart.high, strict=True):
        frame.loc[i, ["low", "high"]] = low, high
    for i, why in chart.signals:
        frame.loc[judged[i], "signal"] = why
    drawn = Result(
        replace(Analysis(), label=title),
        (),
        Counts(0, 0),
        data={"run": frame},
        pictures=("run",),
        sample=sample,
        axis=axis,
    )
    return RunChart(drawn, chart, judged, filling)
