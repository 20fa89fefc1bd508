"""Pictures without words on fixed axes, as arrays: `python -m tests.plots.images` writes those that
the tests compare with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from outcomes.plots import Drawing, draw_on
from tests.plots.made import CASES, MAKE

FOLDER = Path(__file__).with_name("images")
#: A block of so many pixels a side may differ by so much on average, of 255.
BLOCK, TOLERANCE = 10, 5.0


def painted(kind: str, form: int = 0) -> tuple[Figure, Drawing]:
    """The marks of a picture on fixed axes; no word is shown, so fonts do not matter."""
    figure = Figure(figsize=(4.6, 3.2), dpi=80)
    FigureCanvasAgg(figure)
    with mpl.rc_context(mpl.rcParamsDefault):
        drawing = draw_on(
            MAKE[kind][form](CASES["plain"]), kind, figure.add_axes((0.1, 0.1, 0.8, 0.75))
        )
    for text in figure.findobj(Text):
        text.set_visible(False)
    return figure, drawing


def pixels(figure: Figure) -> np.ndarray:
    """The picture as grey values."""
    canvas: Any = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(float).mean(axis=2)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """How far two pictures are apart: the largest mean difference of a block of pixels."""
    if a.shape != b.shape:
        return 255.0
    h, w = (n // BLOCK * BLOCK for n in a.shape)
    blocks = np.abs(a - b)[:h, :w].reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK)
    return float(blocks.mean(axis=(1, 3)).max())


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for kind in sorted(MAKE):
        image = pixels(painted(kind)[0]).round().astype(np.uint8)
        plt.imsave(FOLDER / f"{kind}.png", image, cmap="gray", vmin=0, vmax=255)
    (FOLDER / "made_with.txt").write_text(mpl.__version__.rpartition(".")[0], "utf-8")


if __name__ == "__main__":
    main()
