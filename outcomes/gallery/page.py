"""The gallery as one HTML file that opens without a network."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

from outcomes.gallery.made import answered
from outcomes.gallery.page_template import TEMPLATE


def page(folder: Path | None = None, *, style: str = "default") -> str:
    """Every example with its code, sentence, table and pictures, in one self-contained page.

    `folder` is where the invented sample is (default: the shipped one); `style` a style of
    matplotlib, as "dark_background". Nothing is loaded from the network, and there is no script.
    """
    import matplotlib as mpl
    from jinja2 import Environment, StrictUndefined

    from outcomes.tables import table

    mpl.use("Agg")
    families: dict[str, list[dict[str, Any]]] = {}
    for example, result, kinds in answered(folder):
        families.setdefault(example.family, []).append(
            {
                "title": example.title,
                "place": place_name(example.title),
                "asks": result.analysis.question(),
                "name": type(result.analysis).__name__,
                "code": example.shown(kinds),
                "sentence": result.sentence(),
                "table": table(result)._repr_html_(),
                "pictures": [_picture(result, kind, style) for kind in kinds],
            }
        )
    env = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return env.from_string(TEMPLATE).render(families=families, place=place_name)


def place_name(title: str) -> str:
    """A title as the name of a place in a page, or of a file.

    >>> place_name("Responders of two arms, paired")
    'responders-of-two-arms-paired'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def png(result: Any, kind: str, style: str = "default", dpi: int = 90) -> bytes:
    """A picture as `oc.plot` draws it, as PNG."""
    import matplotlib.pyplot as plt

    from outcomes.plots import plot

    with plt.style.context(style):
        figure = plot(result, kind).figure
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
        plt.close(figure)
    return out.getvalue()


def _picture(result: Any, kind: str, style: str) -> dict[str, str]:
    from outcomes.plots import caption

    data = base64.b64encode(png(result, kind, style)).decode()
    said = caption(result, kind)
    return {
        "kind": kind,
        "src": f"data:image/png;base64,{data}",
        "alt": result.sentence(),
        "caption": said,
    }
