"""Pictures of missing scores: the staircase of patterns, and the curve that tips a conclusion."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from outcomes.core.result import Result
from outcomes.core.wording import level_text, number, plural, spoken
from outcomes.plots.pictures import BLUE, GREY, INK, ORANGE, _title, picture


@picture("staircase", size=(7.2, 4.2))
def staircase(result: Result, ax: Axes) -> Axes:
    """One bar a pattern, as high as it is frequent: blue where a score was seen, white where it is missing."""
    frame = result.data["staircase"]
    visits = [c for c in frame.columns if c != "n"]
    shapes, counts = frame[visits].to_numpy(bool), frame["n"].to_numpy()
    top = 0
    total = max(int(counts.sum()), 1)
    for seen, n in zip(shapes, counts, strict=True):
        for j, there in enumerate(seen):
            face = to_rgba(BLUE, 0.75) if there else "white"
            ax.add_patch(Rectangle((j - 0.5, top), 1.0, float(n), facecolor=face, edgecolor=GREY, lw=0.6))
        if n / total > 0.03:
            where = (len(visits) - 0.42, top + n / 2)
            ax.annotate(plural(int(n), "patient"), where, va="center", fontsize=9, color=INK, annotation_clip=False)
        top += int(n)
    ax.set_xlim(-0.5, len(visits) - 0.5)
    ax.set_ylim(max(top, 1), 0)
    ax.set_xticks(range(len(visits)), [spoken(v) for v in visits])
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("patients, by pattern")
    _title(ax, f"{result.outcome.title if result.outcome else 'Score'}: seen (blue) and missing (white) at each visit")
    return ax


@picture("tipping", size=(7.2, 4.2))
def tipping(result: Result, ax: Axes) -> Axes:
    """The estimate with its interval as missing scores are made worse, and where the conclusion tips."""
    frame = result.data["tipping"]
    x = frame["delta"].to_numpy(float)
    ax.fill_between(x, frame["low"], frame["high"], color=to_rgba(BLUE, 0.18), lw=0)
    ax.plot(x, frame["value"], "-o", color=BLUE, lw=2, ms=5)
    ax.axhline(0, color=GREY, lw=1)
    tip = result.estimates[0].value
    if not np.isnan(tip):
        ax.axvline(tip, color=ORANGE, lw=1.6, ls="--")
        ax.annotate(f"tips at {number(tip, 1)}", (tip, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -12),
                    textcoords="offset points", fontsize=9, color=ORANGE)  # fmt: skip
    unit = result.outcome.unit if result.outcome else ""
    ax.set_xlabel("added to the missing scores, to make them worse" + (f" ({unit})" if unit else ""))
    term = str(result.facts["term"]).replace(" · ", ",\n", 1).replace(" · ", ", ")
    ax.set_ylabel(f"{term}, {level_text(result.analysis.level)} interval")
    _title(ax, result.analysis.title(result.outcome))
    return ax
