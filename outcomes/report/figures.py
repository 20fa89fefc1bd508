"""Pictures as bytes: the same result gives the same bytes."""

from __future__ import annotations

import io
import os
import re
from typing import Any

from outcomes.report.model import Figure

#: How much of the usual width the axes take, where labels or a panel beside them need the rest.
AXES_WIDTH = {"slopes": 0.5, "forest": 0.5, "dots": 0.66, "bands": 0.6}


def render(figure: Figure, *, kind: str = "svg", dpi: int = 200) -> bytes:
    """The picture as SVG or PNG. No display is needed, and no date or random id is written into the file."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    from outcomes.plots import PICTURES, plot, rows_height

    _, (width, height) = PICTURES[figure.kind]
    style: dict[Any, Any] = {
        "svg.hashsalt": "outcomes",
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
        "font.size": 10,
    }
    with mpl.rc_context(style):
        # no layout engine: the page is cut to what was drawn, which is several times cheaper than solving for it first
        canvas = Canvas(figsize=(width, max(height, rows_height(figure.result, figure.kind))))
        plot(figure.result, figure.kind, ax=canvas.add_axes((0.1, 0.1, AXES_WIDTH.get(figure.kind, 0.8), 0.8)))
        out = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        canvas.savefig(out, format=kind, dpi=dpi, metadata=metadata, bbox_inches="tight", pad_inches=0.08)
    return out.getvalue()


def width_points(svg: bytes) -> float:
    """The width that an SVG picture gives itself, in points."""
    found = re.search(rb'<svg[^>]*\bwidth="([\d.]+)pt"', svg)
    return float(found[1]) if found else 500.0
