"""Pictures against stored ones, with a tolerance that notices any mark that is missing."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from outcomes.plots import PICTURES
from tests.plots.images import FOLDER, TOLERANCE, apart, painted, pixels
from tests.plots.made import MAKE

MADE_WITH = (FOLDER / "made_with.txt").read_text("utf-8")
SAME = mpl.__version__.rpartition(".")[0] == MADE_WITH


@pytest.mark.skipif(not SAME, reason=f"the stored pictures are of matplotlib {MADE_WITH}")
@pytest.mark.parametrize("kind", sorted(MAKE))
def test_it_looks_as_it_did(kind: str) -> None:
    stored = plt.imread(FOLDER / f"{kind}.png")[..., 0] * 255
    assert apart(pixels(painted(kind)[0]), stored) < TOLERANCE


@pytest.mark.parametrize("kind", sorted(MAKE))
def test_no_mark_can_be_taken_away_unnoticed(kind: str) -> None:
    figure, drawing = painted(kind)
    whole = pixels(figure)
    shown = {m.key for m in PICTURES[kind].marks} - {"direction", "n", "at_risk"}  # words
    taken = 0
    for key in shown & set(drawing.marks):
        artists = [a for a in drawing.marks[key] if a.get_visible()]
        for artist in artists:
            artist.set_visible(False)
        if artists:
            taken += 1
            assert apart(pixels(figure), whole) > TOLERANCE, key
        for artist in artists:
            artist.set_visible(True)
    assert taken
