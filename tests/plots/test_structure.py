"""The layout of every picture of every question: nothing is cut, no words overlap, and the
caption's promises are drawn.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

import outcomes as oc
from outcomes.core.errors import OutcomesError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.picture import forest_frame, forest_rows
from outcomes.core.result import Result
from outcomes.plans.plan import kinds as questions
from outcomes.plots import PICTURES, caption, drawn, kinds
from outcomes.plots.meaning import Sides, has_favours, sides
from tests.contract.small import example, small
from tests.plots.layout import all_texts, faults

DESIGNS = ("parallel", "crossover", "n-of-1")


#: Questions whose answer has no picture here, and why.
WITHOUT = {
    "Describe": "a table of patients; no day of an infusion is known here for the swimmer plot",
}
#: Questions that this small study cannot answer; the gallery or their own tests draw them.
NOT_HERE = {
    "Bootstrap": "too many draws for every run of these tests; drawn as a paired t-test is",
    "ChangeCorrelations": "one score",
    "HotellingT2": "one score",
    "InternalConsistency": "no questions of a questionnaire",
    "InfusionModel": "no scores around each infusion",
    "NextInfusion": "no infusion has a day",
    "ParetianChange": "no questions of a questionnaire",
    "RepeatedInfusions": "no scores before and after each infusion",
}


@functools.cache
def answers() -> dict[str, Result]:
    """The answer to each question that a small study can answer."""
    found = {}
    for name, kind in sorted(questions().items()):
        for design in DESIGNS:
            try:
                result = example(kind).run(small(24, design))
            except OutcomesError:
                continue
            if not result.failed and name not in found:
                found[name] = result
    return found


CASES = [(name, kind) for name, result in answers().items() for kind in kinds(result)]


#: One answer a kind of picture and number of its rows: another answer of the same shape has the
#: same layout.
SHAPES = {
    (kind, len(answers()[name].data.get(kind, ()))): (name, kind) for name, kind in reversed(CASES)
}


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize(("name", "kind"), sorted(SHAPES.values()))
def test_nothing_is_cut_and_no_words_overlap(name: str, kind: str, width: str) -> None:
    ax = oc.plot(answers()[name], kind, width=width)
    try:
        assert faults(ax.figure) == []
    finally:
        plt.close(ax.figure)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_mark_that_the_caption_promises_is_drawn_and_no_other(name: str, kind: str) -> None:
    result = answers()[name]
    ax = oc.plot(result, kind)
    figure = ax.figure
    figure.draw_without_rendering()
    marks = drawn(ax).marks
    promised = {m.key: m.said for m in PICTURES[kind].marks if m.when(result)}
    assert {key for key, artists in marks.items() if artists} == set(promised)
    for key, artists in marks.items():
        assert any(a.get_visible() and a.figure is figure for a in artists), key
    assert all(words in caption(result, kind) for words in promised.values())
    plt.close(figure)


def test_every_question_with_data_to_draw_has_a_picture() -> None:
    without = {name for name, result in answers().items() if not kinds(result)}
    assert without == set(WITHOUT)
    ours = {n for n, kind in questions().items() if kind.__module__.startswith("outcomes.")}
    assert ours - set(answers()) == set(NOT_HERE)


@pytest.mark.parametrize("kind", ["slopes", "estimation", "raincloud"])
def test_a_subplot_keeps_its_neighbour_s_place_free(kind: str) -> None:
    result = answers()["PairedT"]
    figure, axes = plt.subplots(1, 2, figsize=(14, 4.6))
    for ax in axes:
        assert oc.plot(result, kind, ax=ax) is ax
    assert faults(figure) == []
    left = max(p.get_tightbbox().x1 for p in drawn(axes[0]).panels)
    right = min(p.get_tightbbox().x0 for p in drawn(axes[1]).panels)
    assert left <= right + 1
    plt.close(figure)


def test_free_axes_and_subfigures_keep_the_picture_inside() -> None:
    result = answers()["PairedT"]
    figure = Figure(figsize=(12, 8))
    ax = figure.add_axes((0.4, 0.3, 0.5, 0.5))
    box = ax.get_position().transformed(figure.transFigure)
    oc.plot(result, ax=ax)
    for panel in drawn(ax).panels:
        b = panel.get_tightbbox()
        assert (
            b.x0 >= box.x0 - 2 and b.x1 <= box.x1 + 2 and b.y0 >= box.y0 - 2 and b.y1 <= box.y1 + 2
        )
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    one, two = figure.subfigures(1, 2)
    for part in (one, two):
        oc.plot(result, "estimation", ax=part)
    assert faults(figure) == []
    assert max(a.get_tightbbox().x1 for a in one.axes) <= two.bbox.x0 + 1


def luminance(colour: Any) -> float:
    return float(np.dot(mpl.colors.to_rgb(colour), (0.299, 0.587, 0.114)))


@pytest.mark.parametrize("kind", ["slopes", "estimation", "raincloud", "waterfall"])
def test_a_dark_style_is_readable_and_left_as_it_is(kind: str) -> None:
    with plt.style.context("dark_background"):
        style = dict(mpl.rcParams)
        ax = oc.plot(answers()["PairedT"], kind)
        assert dict(mpl.rcParams) == style
        assert all(
            abs(luminance(t.get_color()) - luminance("black")) > 0.4 for t in all_texts(ax.figure)
        )
    plt.close(ax.figure)


def test_dollar_signs_and_backslashes_in_names_are_text() -> None:
    result = answers()["WelchT"]
    outcome = dataclasses.replace(result.outcome, title=r"Cost $x$ \alpha of $5_")
    groups = result.data["groups"].assign(group=lambda f: f["group"].astype(str) + " $a^2$")
    result = dataclasses.replace(result, outcome=outcome, data={"groups": groups})
    for kind in ("estimation", "raincloud", "patients"):
        ax = oc.plot(result, kind)
        ax.figure.draw_without_rendering()
        words = [t for t in all_texts(ax.figure) if "$" in t.get_text()]
        assert words and not any(t.get_parse_math() for t in words)
        plt.close(ax.figure)


def test_what_is_returned_can_be_restyled() -> None:
    ax = oc.plot(answers()["PairedT"], width="double")
    ax.set_title("Mine", loc="left")
    ax.set_ylabel("Pain")
    ax.figure.set_size_inches(9, 5)
    assert faults(ax.figure) == []
    assert ax.get_ylabel() == "Pain"
    plt.close(ax.figure)


def test_the_rows_of_a_forest_are_known_by_what_they_are_not_by_their_numbers() -> None:
    """An equal number of another kind is among the estimates; the words must not come from it."""
    change = Estimate("mean change", -1.0, -2.0, -0.5, measure=Measure.CHANGE)
    spread = Estimate("SD", -1.0, -2.0, -0.5, measure=Measure.VARIANCE)
    question = oc.PairedT("pain", before="baseline", after="week_4")
    pain = oc.Outcome("pain", "Pain", "lower", "points", 0, 10, 1)
    for shown, words in ((change, Sides("worse", "better", True)), (spread, None)):
        frame = forest_frame([("row", shown)])
        result = Result(
            question,
            (spread, change),
            Counts(9, 9),
            pain,
            data={"forest": frame},
            pictures=("forest",),
        )
        assert sides(forest_rows(frame), pain) == words
        assert has_favours(result) is (words is not None)
