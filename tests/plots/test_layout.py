"""Every kind of picture with long names, signs, many groups, visits and patients, one and none:
nothing is cut, no words overlap, and the marks that the caption promises are there.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

import outcomes as oc
from outcomes.core.result import Result
from outcomes.plots import PICTURES, drawn, kinds
from tests.plots.layout import all_texts, faults
from tests.plots.made import CASES, MAKE, SIGNS

#: Those whose neighbours in the list say as much.
OFTEN = ("long names", "signs", "12 groups", "20 visits", "one patient", "nobody")
ALL = [
    (kind, i, case)
    for kind, makers in MAKE.items()
    for i, make in enumerate(makers)
    for case in CASES
    if kind in kinds(make(CASES[case]))
]
FAST = [(kind, i, case) for kind, i, case in ALL if case in OFTEN]


def made(kind: str, i: int, case: str) -> Result:
    return MAKE[kind][i](CASES[case])


def wrong(result: Result, kind: str, ax: Any) -> list[str]:
    """What is wrong with a picture that was drawn."""
    promised = {m.key for m in PICTURES[kind].marks if m.when(result)}
    there = {key for key, artists in drawn(ax).marks.items() if artists}
    found = [f"promised and drawn differ: {promised ^ there}"] if promised != there else []
    return found + faults(ax.figure)


def test_every_kind_of_picture_is_made_here() -> None:
    assert set(MAKE) == set(PICTURES)


@pytest.mark.parametrize(("kind", "i", "case"), FAST)
def test_nothing_is_cut_or_covered_whatever_the_data(kind: str, i: int, case: str) -> None:
    result = made(kind, i, case)
    width = ("single", "double")[FAST.index((kind, i, case)) % 2]
    ax = oc.plot(result, kind, width=width)
    try:
        assert wrong(result, kind, ax) == []
    finally:
        plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("width", ["single", "double", 5.0])
@pytest.mark.parametrize(("kind", "i", "case"), ALL)
def test_nothing_is_cut_or_covered_at_any_width(
    kind: str, i: int, case: str, width: Any, style: str
) -> None:
    result = made(kind, i, case)
    with plt.style.context(style):
        ax = oc.plot(result, kind, width=width)
        try:
            assert wrong(result, kind, ax) == []
        finally:
            plt.close("all")


@pytest.mark.parametrize("kind", sorted(MAKE))
def test_a_place_that_is_given_is_kept(kind: str) -> None:
    result = made(kind, 0, "plain")
    figure = Figure(figsize=(16, 6), layout="constrained")
    for place in (parts := figure.subfigures(1, 2)):
        oc.plot(result, kind, ax=place)
    figure.draw_without_rendering()
    ends = [[a.get_tightbbox() for a in place.axes if a.axison] for place in parts]
    assert max(b.x1 for b in ends[0]) <= parts[1].bbox.x0 + 2
    assert min(b.x0 for b in ends[1]) >= parts[1].bbox.x0 - 2


@pytest.mark.parametrize("kind", sorted(MAKE))
def test_words_are_readable_on_dark_paper(kind: str) -> None:
    from matplotlib.colors import to_rgb

    def light(colour: Any) -> float:
        return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))

    with plt.style.context("dark_background"):
        ax = oc.plot(made(kind, 0, "plain"), kind)
        ax.figure.draw_without_rendering()
        # words within a coloured bar or cell have the colour that goes with it
        free = [t for t in all_texts(ax.figure) if t.get_ha() != "center" or t.get_va() != "center"]
        assert free
        assert [t.get_text() for t in free if light(t.get_color()) < 0.3] == []
    plt.close("all")


@pytest.mark.parametrize("kind", sorted(MAKE))
def test_signs_in_names_are_text(kind: str) -> None:
    ax = oc.plot(made(kind, 0, "signs"), kind)
    ax.figure.draw_without_rendering()
    assert [
        t.get_text() for t in all_texts(ax.figure) if "$" in t.get_text() and t.get_parse_math()
    ] == []
    assert any("$" in t.get_text() for t in all_texts(ax.figure)) or kind == "correlations"
    assert "$" in SIGNS
    plt.close("all")


def test_the_check_of_the_layout_finds_words_that_overlap_or_leave() -> None:
    figure = Figure(figsize=(4, 3))
    figure.text(0.2, 0.5, "one word on")
    figure.text(0.21, 0.51, "another", rotation=40)
    figure.text(0.95, 0.1, "over the edge")
    found = faults(figure)
    assert sum(f.startswith("overlap") for f in found) == 1
    assert sum(f.startswith("cut") for f in found) == 1
