"""Figures that carry their words: what a picture shows, for those who cannot see it."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

from matplotlib.figure import Figure


class Described(Figure):
    """A matplotlib figure with a description, which notebooks keep as the picture's alternative
    text.

    `oc.plot(result)` makes one and describes it by the result's sentence, as the reports do. A
    figure of your own: `plt.subplots(FigureClass=oc.Described)`, then `figure.describe("…")`; what
    `oc.plot(result, ax=…)` draws into it is described by itself.

    The description is in three places, because no single one is kept everywhere: HTML (JupyterLab,
    which ignores the other two, nbconvert, hosting sites), the metadata of the PNG (what is made
    from the PNG alone), plain text (everything else).
    """

    words: tuple[str, ...] = ()

    def describe(self, words: str) -> None:
        """Add a description: an empty one, or one that is there already, changes nothing."""
        self.words = tuple(dict.fromkeys(w for w in (*self.words, words) if w))

    def bundle(self) -> tuple[dict[str, str], dict[str, Any]]:
        """The picture and its words by MIME type, and the metadata that go with them."""
        alt, out = " ".join(self.words), io.BytesIO()
        self.savefig(out, format="png", bbox_inches="tight", dpi=self.dpi)
        png = base64.b64encode(out.getvalue()).decode("ascii")
        if not alt:
            return {"image/png": png, "text/plain": repr(self)}, {}
        image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
        return {"image/png": png, "text/html": image, "text/plain": alt}, {
            "image/png": {"alt": alt}
        }

    def _ipython_display_(self) -> None:
        """Notebooks ask this first. Without a description there is the picture alone."""
        from IPython.display import publish_display_data

        data, metadata = self.bundle()
        publish_display_data(data, metadata)
