"""Results in, pictures out: every picture stays in its place, and computes nothing.

A picture is a function that draws on a `Drawing` and keeps its marks under the names that its
caption uses; `picture` registers it. seaborn draws the data and is imported only by the pictures
that need it.
"""

from outcomes.plots import (
    agreement,
    answers,
    counts,
    diagnostics,
    distributions,
    intervals,
    over_time,
    paired,
    sites,
)
from outcomes.plots.described import Described
from outcomes.plots.drawing import BLUE, GREY, INK, ORANGE, Drawing
from outcomes.plots.registry import (
    PICTURES,
    Mark,
    Picture,
    caption,
    draw_on,
    drawn,
    kinds,
    picture,
    plot,
    size_of,
)

__all__ = [
    "BLUE",
    "GREY",
    "INK",
    "ORANGE",
    "PICTURES",
    "Described",
    "Drawing",
    "Mark",
    "Picture",
    "agreement",
    "answers",
    "caption",
    "counts",
    "diagnostics",
    "distributions",
    "draw_on",
    "drawn",
    "intervals",
    "kinds",
    "over_time",
    "paired",
    "picture",
    "plot",
    "sites",
    "size_of",
]
