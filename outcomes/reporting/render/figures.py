"""Pictures as bytes: the same result gives the same bytes."""

from __future__ import annotations

import gc
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from outcomes.reporting.document import Figure

#: How much of a picture's width the axes take; less where labels or a panel beside them need the
#: rest.
USUAL_WIDTH = 0.8
AXES_WIDTH = {"slopes": 0.8, "forest": 0.5, "dots": 0.66, "bands": 0.6}

#: White kept around what was drawn, in inches.
MARGIN = 0.08


def render(figure: Figure, *, kind: str = "svg", dpi: int = 200) -> bytes:
    """The picture as SVG or PNG. No display is needed, and no date or random id is written into the
    file.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    from outcomes.plots import draw_on, size_of

    width, height = size_of(figure.result, figure.kind)
    style: dict[Any, Any] = {
        "svg.hashsalt": "outcomes",
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
        "font.size": 10,
    }
    with mpl.rc_context(style), _collector_resting():
        # no layout engine: the page is cut to what was drawn, which is several times cheaper than
        # solving for it first
        canvas = Canvas(figsize=(width, height), facecolor="white")
        draw_on(
            figure.result,
            figure.kind,
            canvas.add_axes((0.1, 0.1, AXES_WIDTH.get(figure.kind, USUAL_WIDTH), 0.8)),
            room=USUAL_WIDTH * width,
        )
        if kind == "svg":
            return _svg(canvas)
        out = io.BytesIO()
        canvas.savefig(
            out,
            format=kind,
            dpi=dpi,
            metadata={"Software": None},
            bbox_inches="tight",
            pad_inches=MARGIN,
        )
    return out.getvalue()


@contextmanager
def _collector_resting() -> Iterator[None]:
    """A picture is thousands of objects that all go at once: one collection after it does what a
    hundred during it would.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _svg(canvas: Any) -> bytes:
    """The picture as SVG, drawn once: the page is cut afterwards by its viewBox, where savefig
    would draw it twice.
    """
    from matplotlib.backends.backend_svg import RendererSVG

    canvas.set_dpi(72)
    canvas.patch.set_visible(False)
    out, (width, height) = io.StringIO(), canvas.bbox.size
    renderer = RendererSVG(
        width, height, out, image_dpi=72, metadata={"Date": None, "Creator": None}
    )
    canvas.draw(renderer)
    x0, y0, x1, y1 = canvas.get_tightbbox(renderer).padded(MARGIN).extents * 72
    renderer.finalize()
    left, top, wide, high = np.round([x0, height - y1, x1 - x0, y1 - y0], 2)
    size = f'width="{wide:g}pt" height="{high:g}pt" viewBox="{left:g} {top:g} {wide:g} {high:g}"'
    text, n = re.subn(
        r'width="[^"]*" height="[^"]*" viewBox="[^"]*"', size, out.getvalue(), count=1
    )
    assert n, "an SVG without its size"
    return text.encode()


def width_points(svg: bytes) -> float:
    """The width that an SVG picture gives itself, in points."""
    found = re.search(rb'<svg[^>]*\bwidth="([\d.]+)pt"', svg)
    return float(found[1]) if found else 500.0
