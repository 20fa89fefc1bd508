"""The list of pictures: what each draws, from which data, and what its caption promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.language import say
from outcomes.core.result import Result
from outcomes.plots.described import Described
from outcomes.plots.drawing import WIDTHS, Drawing, side_by_side

Draw = Callable[[Result, Drawing], None]


def always(result: Result) -> bool:
    """A mark that every such picture has."""
    return True


class Mark:
    """One kind of mark of a picture: its key, what the caption says of it, and for which results it
    is drawn; `fields` are numbers that its words name.
    """

    def __init__(
        self, key: str, words: str, when: Callable[[Result], bool] = always, **fields: int
    ) -> None:
        self.key, self.words, self.when, self.fields = key, words, when, fields

    @property
    def said(self) -> str:
        """What the caption says of it, in the language in force."""
        return say(self.words, **self.fields)


@dataclass(frozen=True)
class Picture:
    """One kind of picture: how it is drawn, its usual size in inches, the data it needs and its
    marks.
    """

    name: str
    draw: Draw
    size: tuple[float, float]
    needs: Callable[[Result], bool]
    marks: tuple[Mark, ...]
    rows: Callable[[Result], float]
    single_patients: bool
    #: How many panels it has, and how high one is; 1 where it has no grid of panels.
    panels: Callable[[Result], int] = lambda r: 1
    panel_height: Callable[[Result], float] = lambda r: 2.3

    def height(self, result: Result, width: float) -> float:
        """How high the picture is where it is so many inches wide; 0 for its usual size."""
        n = self.panels(result)
        if n < 2:
            return self.rows(result)
        return 1.3 + self.panel_height(result) * -(-n // side_by_side(n, width))


PICTURES: dict[str, Picture] = {}
_DRAWN: WeakKeyDictionary[Axes, Drawing] = WeakKeyDictionary()


def picture(
    name: str,
    *marks: Mark,
    size: tuple[float, float] = (7.2, 4.2),
    needs: Callable[[Result], bool] | None = None,
    rows: Callable[[Result], float] = lambda r: 0.0,
    single_patients: bool = False,
    panels: Callable[[Result], int] = lambda r: 1,
    panel_height: Callable[[Result], float] = lambda r: 2.3,
) -> Callable[[Draw], Draw]:
    """Register a picture under the name that results ask for.

    `needs` says whether a result has the data (default: a frame of the picture's name); `rows` a
    height in inches that grows with the rows; `panels` and `panel_height` the same for a grid of
    panels; `single_patients` that it draws marks of single patients, which no shared report may
    contain.
    """

    def put(function: Draw) -> Draw:
        has = needs or (lambda r: name in r.data)
        PICTURES[name] = Picture(
            name, function, size, has, marks, rows, single_patients, panels, panel_height
        )
        return function

    return put


def kinds(result: Result) -> tuple[str, ...]:
    """Every picture of a result: its own first, then the others that its data can be drawn as.

    >>> import outcomes as oc
    >>> study = oc.read_study("data/sample/study.toml").ready
    >>> kinds(oc.PairedT("pain_nrs_average", before="baseline", after="week_4").run(study))
    ('slopes', 'estimation', 'raincloud', 'waterfall')
    """
    more = sorted(
        name for name, p in PICTURES.items() if name not in result.pictures and p.needs(result)
    )
    return (*result.pictures, *more)


def caption(result: Result, kind: str = "") -> str:
    """What a picture shows, in sentences: the title, and a sentence for each kind of mark that it
    draws.
    """
    name = _chosen(result, kind)
    said = (m.said for m in PICTURES[name].marks if m.when(result))
    what = result.analysis.title(result.outcome)
    return " ".join([f"{what[:1].upper()}{what[1:]}.", *said])


def _chosen(result: Result, kind: str) -> str:
    there = kinds(result)
    if result.failed:
        raise AnalysisError(
            f"{result.analysis.title(result.outcome)} was not answered: {result.failed} There is"
            " nothing to draw; change the question or the study as it says, and run it again."
        )
    if not there:
        raise AnalysisError(
            f"{result.analysis.title(result.outcome)} has no picture. oc.table(result) shows its"
            " numbers."
        )
    if kind and kind not in there:
        raise AnalysisError(unknown("picture", kind, there))
    return kind or there[0]


def _is_result(thing: Any) -> Result:
    if isinstance(thing, Result):
        return thing
    if hasattr(thing, "compute") and hasattr(thing, "title"):
        name = type(thing).__name__
        raise AnalysisError(
            f"{name} was not run yet. Run it on a study and draw its answer:"
            " oc.plot(question.run(study))."
        )
    raise AnalysisError(
        f"oc.plot draws the answer to a question, not {type(thing).__name__}."
        " oc.plot(question.run(study)) does."
    )


def plot(
    result: Result | Iterable[Result],
    kind: str = "",
    *,
    ax: Axes | FigureBase | None = None,
    width: str | float = "",
) -> Any:
    """Draw a result: its first picture, or the one named by `kind`. Its sentence becomes the
    picture's alternative text.

    `ax` is an Axes, a Figure or a SubFigure to draw in; the whole picture stays inside its place.
    Without it a new figure is made, `width` inches wide, or as wide as a journal's column: "single"
    (89 mm) or "double" (183 mm). Returns the main Axes. Several results give a list of Axes:
    "family" (one row a score, right is better) or "panels" (one picture each); by default the first
    where they are one family.

    Raises AnalysisError when a question was not run or not answered, or has no such picture.

    >>> import outcomes as oc, matplotlib.pyplot as plt
    >>> study = oc.read_study("data/sample/study.toml").ready
    >>> answer = oc.PairedT("pain_nrs_average", before="baseline", after="week_4").run(study)
    >>> ax = oc.plot(answer, "raincloud", width="single")
    >>> float(ax.figure.get_figwidth())
    3.5
    >>> plt.close(ax.figure)
    """
    if not isinstance(result, Result) and isinstance(result, Iterable):
        from outcomes.plots.several import plot_several

        return plot_several([_is_result(r) for r in result], kind, ax=ax, width=width)
    answer = _is_result(result)
    return place_and_draw(answer, _chosen(answer, kind), "", ax, width)


def place_and_draw(
    answer: Result, name: str, words: str, ax: Axes | FigureBase | None, width: str | float
) -> Axes:
    """Draw in a place, lay it out, and describe it by these words (default: its sentence)."""
    place: Any = _place(answer, name, ax, width)
    free = place.get_subplotspec() is None
    figure = place.get_figure(root=True)
    if (
        not free and figure.get_layout_engine() is None
    ):  # else words beside the axes run over its neighbours
        figure.set_layout_engine("constrained")
    if isinstance(figure, Described):
        figure.describe(words or answer.sentence())
    box = place.get_position()
    made = draw_on(answer, name, place)
    if free:
        _fit(made, box.bounds)
        made.settle()
        _fit(made, box.bounds)
    else:
        settle(figure)
    return place


def settle(figure: Any) -> None:
    """Lay a figure out and put the words of its pictures in lines of the room they have."""
    for _ in range(3):
        figure.draw_without_rendering()
        changed = {_DRAWN[ax].settle() for ax in figure.axes if ax in _DRAWN}
        if True not in changed:
            return


def draw_on(result: Result, kind: str, ax: Axes, room: float = 0.0) -> Drawing:
    """Draw on these axes and lay nothing out: for callers that cut the page to what was drawn.

    `room` is the width in inches that the picture may take, names and numbers beside the axes too.
    """
    drawing = Drawing(ax, room=room)
    PICTURES[kind].draw(result, drawing)
    if result.sample:
        drawing.sign_sample()
    drawing.localise()
    drawing.literal()
    _DRAWN[ax] = drawing
    return drawing


def drawn(ax: Axes) -> Drawing:
    """What was drawn on these axes: panels and marks. Raises KeyError for axes that no picture was
    drawn on.
    """
    return _DRAWN[ax]


def size_of(result: Result, kind: str) -> tuple[float, float]:
    """Width and height of a picture in inches: pictures with a row an item grow with their rows."""
    width, height = PICTURES[kind].size
    return width, max(height, PICTURES[kind].height(result, width))


def _place(result: Result, kind: str, ax: Axes | FigureBase | None, width: str | float) -> Axes:
    if isinstance(ax, Axes):
        return ax
    if isinstance(ax, FigureBase):
        return ax.add_subplot()
    import matplotlib.pyplot as plt

    usual, height = size_of(result, kind)
    wide = inches(width) or usual
    high = height
    if wide < usual:
        narrow = max(PICTURES[kind].size[1] * wide / usual, 3.2)
        high = max(narrow, 1.25 * PICTURES[kind].height(result, wide))
    return plt.figure(
        figsize=(wide, high), layout="constrained", FigureClass=Described
    ).add_subplot()


def inches(width: str | float) -> float:
    """A width as inches; 0 where none is given. Raises AnalysisError for what is no width."""
    if isinstance(width, str):
        if width and width not in WIDTHS:
            raise AnalysisError(f"{unknown('width', width, WIDTHS)} Or give inches as a number.")
        return WIDTHS.get(width, 0.0)
    if not 1 <= width <= 40:
        raise AnalysisError(
            f"width is in inches, from 1 to 40, or one of {', '.join(WIDTHS)}; got {width}."
        )
    return float(width)


def _fit(drawing: Drawing, box: Sequence[float]) -> None:
    """Shrink free axes so that their words are inside the place that the axes were given."""
    root: Any = drawing.ax.get_figure(root=True)
    figure: Any = drawing.ax.get_figure(root=False)
    renderer = root._get_renderer()  # type: ignore[attr-defined]
    for _ in range(3):
        to_place = figure.transSubfigure.inverted()
        extents: list[Any] = [
            to_place.transform_bbox(a.get_tightbbox(renderer)) for a in drawing.panels
        ]
        x0, y0 = min(e.x0 for e in extents), min(e.y0 for e in extents)
        x1, y1 = max(e.x1 for e in extents), max(e.y1 for e in extents)
        places = [a.get_position().bounds for a in drawing.panels]
        ax0, ay0 = min(p[0] for p in places), min(p[1] for p in places)
        ax1, ay1 = max(p[0] + p[2] for p in places), max(p[1] + p[3] for p in places)
        left, low = box[0] + ax0 - x0, box[1] + ay0 - y0
        wide = max(box[2] - (ax0 - x0) - (x1 - ax1), 0.1 * box[2]) / (ax1 - ax0)
        high = max(box[3] - (ay0 - y0) - (y1 - ay1), 0.1 * box[3]) / (ay1 - ay0)
        for a, (px, py, pw, ph) in zip(drawing.panels, places, strict=True):
            a.set_position(
                (left + (px - ax0) * wide, low + (py - ay0) * high, pw * wide, ph * high)
            )
