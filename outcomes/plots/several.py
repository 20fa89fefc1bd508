"""Pictures of several results: a row for each score of a family, or a panel for each answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase, SubFigure

from outcomes.core.direction import oriented
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.language import say
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import interval, number
from outcomes.plots.described import Described
from outcomes.plots.drawing import Drawing
from outcomes.plots.registry import draw_on, inches, kinds, place_and_draw, settle

STANDARDISED = (Measure.STANDARDISED_CHANGE, Measure.STANDARDISED_DIFFERENCE)
#: The pictures that show several results at once.
TOGETHER = ("family", "panels")


def standardised(result: Result) -> Estimate | None:
    """The main standardised effect of a result, turned so that more is better; None where it has
    none.
    """
    found = (e for e in result.estimates if e.measure in STANDARDISED and not math.isnan(e.value))
    e = next(found, None)
    return None if e is None else oriented(e, result.outcome)


def family_result(results: Sequence[Result]) -> Result:
    """The answer that the forest of a family draws: one row a score in SD units, right is better.

    Raises AnalysisError where fewer than two of them have a standardised effect.
    """
    rows = [(r, e) for r in results if not r.failed and (e := standardised(r)) is not None]
    if len(rows) < 2:
        raise AnalysisError(
            "A forest of several scores needs two results with a standardised effect; "
            f'there is {len(rows)} here. Draw them side by side: oc.plot(results, "panels").'
        )
    first = rows[0][0]
    family = first.analysis.family
    title = (
        say("{family}: effects in SD units", family=f"{family[:1].upper()}{family[1:]}")
        if family
        else say("Effects in SD units")
    )
    frame = pd.DataFrame(
        [
            {
                "label": r.outcome.said if r.outcome else r.analysis.title(),
                "value": e.value,
                "low": e.low,
                "high": e.high,
            }
            for r, e in rows
        ]
    )
    return Result(
        replace(first.analysis, label=title),
        (),
        first.counts,
        None,
        data={"forest": frame},
        pictures=("forest",),
        axis=ValueAxis(say("SD units; right of the line is better")),
        sample=any(r.sample for r in results),
    )


def plot_several(
    results: Sequence[Result], kind: str, *, ax: Axes | FigureBase | None, width: str | float
) -> list[Axes]:
    """The axes of the pictures of several results. Raises AnalysisError where there is nothing to
    draw.
    """
    if not results:
        raise AnalysisError(
            "There is no result to draw. Run a plan on a study first: oc.plot(plan.run(study))."
        )
    if not kind:
        families = {r.analysis.family for r in results}
        drawable = sum(standardised(r) is not None for r in results if not r.failed)
        kind = "family" if len(families) == 1 and "" not in families and drawable > 1 else "panels"
    if kind == "family":
        drawn = family_result(results)
        rows = drawn.data["forest"].itertuples(index=False)
        words = "; ".join(
            f"{r.label} {number(r.value, 2)} ({interval(r.low, r.high, 2)})" for r in rows
        )
        return [place_and_draw(drawn, "forest", f"{drawn.analysis.label}: {words}.", ax, width)]
    if kind != "panels" and not any(kind in kinds(r) for r in results):
        there = sorted({k for r in results for k in kinds(r)} | set(TOGETHER))
        raise AnalysisError(unknown("picture", kind, there))
    return _panels(results, "" if kind == "panels" else kind, ax, width)


def _panels(
    results: Sequence[Result], kind: str, ax: Axes | FigureBase | None, width: str | float
) -> list[Axes]:
    shown = [r for r in results if r.failed or (kind in kinds(r) if kind else kinds(r))]
    if not shown:
        raise AnalysisError(
            "None of these results has a picture. oc.table(result) shows the numbers of each."
        )
    wide = inches(width) or 7.2
    columns = 1 if wide < 5 or len(shown) == 1 else 2
    rows = -(-len(shown) // columns)
    home: Any = ax
    if isinstance(ax, Axes):
        raise AnalysisError(
            "Several pictures need more than one Axes: give a Figure or a SubFigure as ax."
        )
    if home is None:
        import matplotlib.pyplot as plt

        home = plt.figure(
            figsize=(wide * (1.45 if columns == 2 and not width else 1), 4.4 * rows),
            layout="constrained",
            FigureClass=Described,
        )
    root: Any = home.figure if isinstance(home, SubFigure) else home
    while isinstance(root, SubFigure):
        root = root.figure
    made = []
    for result, place in zip(shown, home.subplots(rows, columns, squeeze=False).flat, strict=False):
        if result.failed:
            d = Drawing(place)
            d.title(result.analysis.title(result.outcome))
            d.nothing(say("not answered: {why}", why=result.failed))
            d.literal()
        else:
            draw_on(result, kind or kinds(result)[0], place)
            if isinstance(root, Described):
                root.describe(result.sentence())
        made.append(place)
    for extra in list(home.axes):
        if not extra.has_data() and not extra.texts and not extra.get_title(loc="left"):
            extra.remove()
    if root.get_layout_engine() is None:
        root.set_layout_engine("constrained")
    settle(root)
    return made
