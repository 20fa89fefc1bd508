"""Where a picture is drawn: its place, its look, its panels, and the marks that it drew."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.offsetbox import AnnotationBbox, DrawingArea
from matplotlib.text import Text
from matplotlib.ticker import (
    Formatter,
    FuncFormatter,
    MaxNLocator,
    PercentFormatter,
    ScalarFormatter,
)

from outcomes.core.language import language_of, message, say, speaking
from outcomes.core.outcome import Outcome
from outcomes.core.wording import localised, spoken

#: Okabe and Ito's colours (jfly.uni-koeln.de/color): told apart in every common colour blindness,
#: and by lightness in grey.
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#8C8C8C", "#222222"
SERIES = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Journal columns in inches: 89 mm and 183 mm.
WIDTHS = {"single": 3.5, "double": 7.2}
#: Beyond so many patients their lines, dots or bars would be one blot.
MANY = 400
SAMPLE = message("Invented data: no real patient")


@dataclass
class Drawing:
    """One picture: `ax` is its main axes, `panels` all of them, `marks` what was drawn by the name
    that the caption uses.
    """

    ax: Axes
    panels: list[Axes] = field(default_factory=list)
    marks: dict[str, list[Artist]] = field(default_factory=dict)
    #: Titles and the names under an axis, as they are before they are put in lines.
    heads: list[tuple[Text, str, bool]] = field(default_factory=list)
    below: list[tuple[Axes, list[str]]] = field(default_factory=list)
    #: Words beside marks that are left out where they would lie on others.
    spare: list[Text] = field(default_factory=list)
    #: Words beside an axis that are moved apart where they would lie on each other.
    spread: list[Text] = field(default_factory=list)
    #: Rows of words under the axis, and a key that stands under everything there.
    rows: list[tuple[int, Text]] = field(default_factory=list)
    lowered: Any = None
    #: Whether a panel stands beside the main axes, so that what is wider than these must not push
    #: it away; and the empty boxes that keep the height of such words free.
    sided: bool = False
    rooms: list[Artist] = field(default_factory=list)
    signed: Artist | None = None
    #: How far the words above the main axes are raised by the name of its panel, in points.
    raised: float = 0.0
    #: The width of the picture's place in inches, where the axes alone do not tell it: they leave
    #: room for names and numbers beside them.
    room: float = 0.0

    def __post_init__(self) -> None:
        self.panels.insert(0, self.ax)
        self.place = self.ax.get_subplotspec()
        self.width = self.place_width()
        self.plain(self.ax)

    # --- look -------------------------------------------------------------------------------------

    @property
    def dark(self) -> bool:
        """Whether the paper is dark."""
        return float(np.dot(to_rgb(self.paper), (0.299, 0.587, 0.114))) < 0.5

    @property
    def paper(self) -> Any:
        """The colour behind the marks: of the axes, or of the figure where these are
        see-through.
        """
        face: Any = self.ax.get_facecolor()
        return face if face[3] > 0 else self.ax.figure.get_facecolor()

    @property
    def ink(self) -> str:
        """The colour of words and of the main mark, readable on the paper."""
        return "#F2F2F2" if self.dark else INK

    @property
    def faint(self) -> str:
        """The colour of small words."""
        return "#BDBDBD" if self.dark else "#666666"

    def size(self, of: float = 10) -> float:
        """A size of letters or marks in points, smaller where the picture is one journal column
        wide.
        """
        return of * (0.8 if self.width < 4.6 else 1.0)

    def plain(self, ax: Axes) -> None:
        """No box around the data, and letters in the ink."""
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(GREY)
        ax.tick_params(colors=self.ink, labelsize=self.size(10), color=GREY)
        for axis in (ax.xaxis, ax.yaxis):
            axis.label.set(color=self.ink, fontsize=self.size(11))

    # --- place ------------------------------------------------------------------------------------

    def place_width(self) -> float:
        """The width of the axes' place in inches."""
        ax, spec = self.ax, self.ax.get_subplotspec()
        figure: Any = ax.get_figure(root=False)
        whole = figure.bbox.width / ax.figure.dpi
        if spec is None:
            return self.room or float(ax.get_position().width * whole)
        box = spec.get_position(figure)
        return float(whole * box.width / (0.775 if figure.subplotpars.left > 0 else 1))

    def beside(
        self, share: float = 0.3, *, below: bool = False, gap: float = 0.12, **more: Any
    ) -> Axes:
        """A panel to the right of the main axes (or below them), in the same place: the picture
        does not grow.
        """
        ax = self.ax
        figure: Any = ax.get_figure(root=False)
        spec = ax.get_subplotspec()
        if spec is not None:
            ratios = [1 - share, share]
            made = (
                spec.subgridspec(2, 1, height_ratios=ratios)
                if below
                else spec.subgridspec(1, 2, width_ratios=ratios)
            )
            ax.set_subplotspec(made[0])
            new = figure.add_subplot(made[1], **more)
        else:
            x, y, w, h = ax.get_position().bounds
            if below:
                ax.set_position((x, y + (share + gap) * h, w, (1 - share - gap) * h))
                new = figure.add_axes((x, y, w, share * h), **more)
            else:
                ax.set_position((x, y, w * (1 - share - gap), h))
                new = figure.add_axes((x + w * (1 - share), y, w * share, h), **more)
        self.panels.append(new)
        self.plain(new)
        self.sided = self.sided or not below
        return new

    def columns(self, n: int) -> int:
        """How many panels stand side by side in a grid of n."""
        return side_by_side(n, self.width)

    def grid(self, n: int, *, shared: bool = True) -> list[Axes]:
        """n panels in the place of the main axes, which is the first; all share their scales, if
        not said otherwise.
        """
        figure: Any = self.ax.get_figure(root=False)
        columns = self.columns(n)
        rows = -(-n // columns)
        same: dict[str, Any] = {"sharex": self.ax, "sharey": self.ax} if shared else {}
        spec = self.ax.get_subplotspec()
        if spec is not None:
            places = spec.subgridspec(rows, columns)
            self.ax.set_subplotspec(places[0])
            made = [figure.add_subplot(places[i], **same) for i in range(1, n)]
        else:
            x, y, w, h = self.ax.get_position().bounds
            cell = [
                (x + w * (i % columns) / columns, y + h * (1 - (i // columns + 1) / rows))
                for i in range(n)
            ]
            size = (0.86 * w / columns, 0.72 * h / rows)
            self.ax.set_position((*cell[0], *size))
            made = [figure.add_axes((*c, *size), **same) for c in cell[1:]]
        for i, new in enumerate(made, 1):
            self.panels.append(new)
            self.plain(new)
            if shared:
                new.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= n)
        if shared:
            self.ax.tick_params(labelbottom=n <= columns)
        return [self.ax, *made]

    def name_panels(self, panels: Sequence[Axes], names: Sequence[str], columns: int) -> None:
        """A name above each panel, in lines; the picture's own title goes above the first."""
        letters = int(0.78 * self.width / columns * 72 / (0.6 * self.size(10)))
        for i, (ax, name) in enumerate(zip(panels, names, strict=True)):
            lines = in_lines(name, letters)
            ax.annotate(
                lines,
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, 4),
                textcoords="offset points",
                va="bottom",
                fontsize=self.size(10),
                color=self.ink,
            )
            if i < columns:
                high = self.size(10) * 1.35 * (lines.count("\n") + 1)
                self.raised = max(self.raised, high)

    def beside_marks(
        self, ax: Axes, at: Iterable[tuple[float, float]], names: Sequence[str], **how: Any
    ) -> list[Text]:
        """Words beside marks; once the picture is laid out, those that would lie on others go."""
        usual: dict[str, Any] = {"xytext": (5, 4), "textcoords": "offset points"}
        usual |= {"fontsize": self.size(9), "color": self.ink} | how
        made: list[Text] = [
            ax.annotate(name, place, **usual) for name, place in zip(names, at, strict=True)
        ]
        for text in made:
            text.set_in_layout(False)
        self.spare += made
        return made

    # --- words ------------------------------------------------------------------------------------

    def wrap(self, text: str, share: float = 1.0, size: float = 10) -> str:
        """Text in lines that fit this share of the picture's width."""
        return in_lines(text, int(share * self.width * 72 / (0.54 * self.size(size))))

    def title(
        self,
        text: str,
        share: float = 0.82,
        *,
        ax: Axes | None = None,
        size: float = 12,
        pad: float = 20,
    ) -> None:
        """A title, in lines; its place is given, for matplotlib would lay the axes out several
        times to find one.

        The picture's own title may run over the panels beside it, a panel's title (`ax`) not.
        """
        on = ax or self.ax
        head = on.set_title(
            self.wrap(text, share, size),
            loc="left",
            y=1.0,
            fontsize=self.size(size),
            color=self.ink,
            pad=pad + (self.raised if ax is None else 0),
        )
        self.heads.append((head, text, ax is None))

    def nothing(self, why: str) -> None:
        """Say that there is nothing to draw, instead of an empty scale that could be taken for a
        result.
        """
        self.ax.set_xticks([])
        self.ax.set_yticks([])
        words = self.wrap(why, 0.5, 11)
        self.ax.text(
            0.5,
            0.5,
            words,
            transform=self.ax.transAxes,
            ha="center",
            va="center",
            fontsize=self.size(11),
            color=self.faint,
        )

    def names_below(self, ax: Axes, names: Sequence[str], share: float = 0.75) -> None:
        """Names under the axis in lines that fit; slanted where one word alone is too wide."""
        room = share / max(len(names), 1)
        letters = room * self.width * 72 / (0.6 * self.size(10))
        self.below = [(a, n) for a, n in self.below if a is not ax] + [(ax, list(names))]
        _names_in(ax, names, letters, self.size(10))

    def names_beside(
        self,
        ax: Axes,
        at: Iterable[float],
        names: Sequence[str],
        share: float = 0.36,
        lines: int = 9,
    ) -> None:
        """Names beside the axis, in at most so many lines."""
        letters = max(int(share * self.width * 72 / (0.54 * self.size(10))), 8)
        ax.set_yticks(list(at), [few_lines(name, letters, lines) for name in names])

    def score_axis(
        self, axis: Any, outcome: Outcome | None, *, change: bool = False, mean: bool = False
    ) -> None:
        """A score's axis: whole steps as ticks, and which way is better."""
        axis.set_major_locator(MaxNLocator(nbins=6 if self.width < 4.6 else 8, steps=[1, 2, 5, 10]))
        if outcome is None:
            axis.set_label_text(say("change") if change else "")
            return
        title = say("change in {score}", score=outcome.said) if change else outcome.said
        if mean:
            title = say("mean of the two scores: {score}", score=title)
        if outcome.better == "lower":
            title = say("{score} (lower is better)", score=title)
        elif outcome.better:
            title = say("{score} (higher is better)", score=title)
        elif outcome.unit:
            title = say("{score} ({unit})", score=title, unit=outcome.units)
        axis.set_label_text(textwrap.fill(title, 38))

    def legend(self, ax: Axes | None = None, *, below: bool = False, **more: Any) -> None:
        """A key beside the axes, where it covers no data; under them in a narrow picture, or where
        it is asked for.
        """
        ax = ax or self.ax
        below = below or (self.width < 4.6 and not more)
        handles = more.pop("handles", None) or ax.get_legend_handles_labels()[0]
        labels = [self.wrap(str(h.get_label()), 0.36 if below else 0.25, 9) for h in handles]
        how: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)} | more
        if below:
            longest = max((len(line) for n in labels for line in n.split("\n")), default=0)
            each = (longest + 7) * 0.54 * self.size(10) / 72
            room = (0.62 if self.width >= 4.6 else 0.5) * self.width
            columns = max(1, min(3, int(room / each)))
            how = {"loc": "upper left", "bbox_to_anchor": (0, 0), "borderaxespad": 4.6} | more
            how |= {"ncols": min(max(len(labels), 1), columns)}
        plain: dict[str, Any] = {"fontsize": self.size(10), "labelcolor": self.ink}
        key = ax.legend(handles, labels, frameon=False, **(plain | how))
        key.get_title().set(color=self.ink, fontsize=self.size(9))
        self.lowered = key if below else None

    def under(self, row: int, *texts: Text) -> None:
        """Words in a row under the axis: their place is found once the names there are in lines."""
        self.rows += [(row, text) for text in texts]

    # --- marks ------------------------------------------------------------------------------------

    def drew(self, key: str, *artists: Any) -> None:
        """Keep what was drawn under the name that the caption promises."""
        flat = [
            a
            for x in artists
            for a in (x if isinstance(x, list | tuple) else [x])
            if isinstance(a, Artist)
        ]
        self.marks.setdefault(key, []).extend(flat)

    def sign_sample(self) -> None:
        """Say above the data that they are invented."""
        words = self.wrap(say(SAMPLE), 0.55, 8)
        self.signed = self.ax.annotate(
            words,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 5 + self.raised),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=self.size(8),
            color=self.faint,
            style="italic",
        )

    def localise(self) -> None:
        """The numbers of the axes as the language in force writes them."""
        if language_of().source:
            return
        for ax in self.panels:
            for axis in (ax.xaxis, ax.yaxis):
                made = axis.get_major_formatter()
                if isinstance(made, ScalarFormatter | PercentFormatter | FuncFormatter):
                    axis.set_major_formatter(Localised(made))

    def literal(self) -> None:
        """No dollar sign or backslash of a name is read as a formula."""
        for ax in self.panels:
            for text in ax.findobj(Text):
                text.set_parse_math(False)  # type: ignore[attr-defined]

    def settle(self) -> bool:
        """Put titles and names in lines of the room that they really have, once the axes are laid
        out. Says whether any words have other lines now, so that the layout has to be made again.
        """
        before = self._words()
        for head, raw, whole in self.heads:
            ax: Any = head.axes
            alone = whole and not any(
                h is not head and h.axes in self.panels[1:] for h, *_ in self.heads
            )
            right = self._right() if alone or ax is self.panels[-1] else ax.bbox.x1
            _refill(head, raw, (right - ax.bbox.x0) / ax.figure.dpi)
        for ax in self.panels:
            wide, high = (x / ax.figure.dpi for x in ax.bbox.size)
            for label, room in ((ax.xaxis.label, wide * 1.02), (ax.yaxis.label, high)):
                _refill(label, " ".join(label.get_text().split()), room)
        for ax, names in self.below:
            span = abs(np.subtract(*ax.get_xlim()))
            room = ax.bbox.width / ax.figure.dpi / span
            _names_in(ax, names, 0.94 * room * 72 / (0.6 * self.size(10)), self.size(10))
            _one_by_one(ax)
        for ax in self.panels:
            _smaller(ax)
        self._lower()
        if self.sided:
            self._keep_room()
        self._moved_apart()
        self._spared()
        return self._words() != before

    def _lower(self) -> None:
        """Put the rows of words under the names of the axis, and the key under all panels."""
        points = 72 / self.ax.figure.dpi
        if self.rows:
            names: Any = self.ax.xaxis.get_tightbbox()
            down = (self.ax.bbox.y0 - names.y0) * points if names else 0.0
            for row, text in self.rows:
                text.xyann = (text.xyann[0], -down - self.size(14) * (row + 0.7))  # type: ignore
        if self.lowered is not None:
            boxes = [b for ax in self.panels if (b := ax.xaxis.get_tightbbox()) is not None]
            lowest = min((b.y0 for b in boxes), default=self.ax.bbox.y0)
            gap = (self.ax.bbox.y0 - lowest) * points / self.size(10) + 0.6
            self.lowered.borderaxespad = gap

    def _keep_room(self) -> None:
        """Take the title and the key out of the layout, which they may be too wide for, and keep
        their height free by empty boxes.
        """
        for room in self.rooms:
            room.remove()
        self.rooms = []
        if self.signed:
            self.signed.set_in_layout(False)
        wide: list[Any] = [h for h, _, whole in self.heads if whole]
        key: Any = self.ax.get_legend()
        points = 72 / self.ax.figure.dpi
        for artist in (*wide, *([key] if key else [])):
            artist.set_in_layout(False)
            box, own = artist.get_window_extent(), self.ax.bbox
            above = box.y0 >= own.y1 - 1
            gap = (box.y0 - own.y1 if above else box.y1 - own.y0) * points
            empty = AnnotationBbox(
                DrawingArea(1, box.height * points),
                (0, 1 if above else 0),
                xybox=(0, gap),
                xycoords="axes fraction",
                boxcoords="offset points",
                box_alignment=(0, 0 if above else 1),
                frameon=False,
                pad=0,
            )
            self.rooms.append(self.ax.add_artist(empty))

    def _words(self) -> list[str]:
        axes = [a for ax in self.panels for a in (ax.xaxis, ax.yaxis)]
        words = [h.get_text() for h, *_ in self.heads] + [a.label.get_text() for a in axes]
        words += [t.get_text() for ax, _ in self.below for t in ax.get_xticklabels()]
        return words + [str(np.round(t.xyann[1])) for _, t in self.rows]  # type: ignore

    def _moved_apart(self) -> None:
        """Push words in a column beside an axis apart, each as little as it needs."""
        texts = sorted(self.spread, key=lambda t: t.get_window_extent().y0)
        top = -np.inf
        for text in texts:
            box = text.get_window_extent()
            by = max(0.0, top - box.y0)
            if by > 0:
                x, y = text.xyann  # type: ignore[attr-defined]
                text.xyann = (x, y + by * 72 / text.axes.figure.dpi)  # type: ignore
            top = box.y1 + by + 1

    def _spared(self) -> None:
        """Take away the words beside marks that lie on earlier ones or leave the picture."""
        shown: list[Any] = [
            t.get_window_extent()
            for ax in self.panels
            for t in (*ax.get_yticklabels(), *ax.get_xticklabels())
            if t.get_text() and t.get_visible() and self.spare
        ]
        for text in self.spare:
            box = text.get_window_extent()
            inside = text.axes is None or (
                box.x0 >= text.axes.bbox.x0 - 2 and box.x1 <= text.axes.bbox.x1 + 2
            )
            text.set_visible(bool(inside and not any(box.overlaps(b) for b in shown)))
            if text.get_visible():
                shown.append(box)

    def _right(self) -> float:
        """Where the picture's place ends, in pixels."""
        figure: Any = self.ax.get_figure(root=False)
        if self.place is None:
            return float(max(a.bbox.x1 for a in self.panels))
        grid: Any = self.place.get_gridspec()
        box = figure.bbox
        ratios = np.asarray(grid.get_width_ratios() or [1] * grid.ncols, dtype=float)
        share = ratios[: self.place.colspan.stop].sum() / ratios.sum()
        return float(box.x0 + box.width * share - 0.06 * self.ax.figure.dpi)


def side_by_side(n: int, width: float) -> int:
    """How many of n panels stand side by side in a picture so many inches wide: four are two by
    two.

    >>> side_by_side(5, 7.2), side_by_side(4, 7.2), side_by_side(5, 3.5)
    (3, 2, 1)
    """
    return min(2 if n == 4 else n, max(1, int(width // 2.2)))


class Localised(Formatter):
    """The numbers of an axis in the language that was in force when it was drawn."""

    def __init__(self, inner: Formatter) -> None:
        self.inner, self.language = inner, language_of().code

    def set_axis(self, axis: Any) -> None:
        """Keep the axis, for the formatter within too."""
        super().set_axis(axis)
        self.inner.set_axis(axis)

    def set_locs(self, locs: Any) -> None:
        """Where the ticks are."""
        super().set_locs(locs)
        self.inner.set_locs(locs)

    def __call__(self, x: float, pos: int | None = None) -> str:
        with speaking(self.language):
            return localised(self.inner(x, pos))


def in_lines(text: str, letters: int) -> str:
    """Text in lines of at most so many letters; its own line ends stay."""
    return "\n".join(
        textwrap.fill(part, max(letters, 6), break_long_words=True) for part in text.split("\n")
    )


def _refill(text: Text, raw: str, room: float) -> None:
    """Put a text in lines that fit into so many inches, by the width that its letters really
    have.
    """
    if not raw:
        return
    text.set_text(raw)
    axes: Any = text.axes
    figure: Any = text.get_figure(root=True)
    needed = max(text.get_window_extent().size) / (axes.figure if axes else figure).dpi
    if needed > room:
        longest = max(len(part) for part in raw.split("\n"))
        word = min(max(map(len, raw.split())), 16)
        text.set_text(in_lines(raw, max(int(0.95 * longest * room / needed), word)))


def _names_in(ax: Axes, names: Sequence[str], letters: float, size: float) -> None:
    """Names under an axis with room for so many letters each: in lines; slanted where a word is too
    wide; every second or third where even slanted ones would lie on each other.
    """
    at = range(len(names))
    longest = max((len(w) for name in names for w in name.split()), default=0)
    if longest <= letters:
        ax.set_xticks(at, [few_lines(n, int(letters)) for n in names], rotation=0, ha="center")
        return
    flat = [shortened(n, 20) for n in names]
    room = letters * 0.6 * size
    each = max(1, math.ceil(2.0 * size / max(room, 1e-9)))
    shown = [n if i % each == 0 else "" for i, n in enumerate(flat)]
    ax.set_xticks(at, shown, rotation=40, ha="right", rotation_mode="anchor")


def few_lines(name: str, letters: int, most: int = 4) -> str:
    """A name in at most so many lines; what stands in further lines of its own stays."""
    first, *rest = name.split("\n")
    lines = in_lines(first, letters)
    if lines.count("\n") >= most:
        lines = in_lines(shortened(first, most * max(letters, 6) - 4), letters)
    return "\n".join([lines, *(in_lines(part, letters) for part in rest)])


def shortened(name: str, letters: int) -> str:
    """A name cut at a word, with dots where something is left out.

    >>> shortened("neuropathy of both feet", 18)
    'neuropathy of …'
    """
    flat = " ".join(name.split())
    if len(flat) <= letters:
        return flat
    cut = textwrap.shorten(flat, letters, placeholder=" …")
    return cut if len(cut) > 2 else f"{flat[: letters - 1]}…"


def _one_by_one(ax: Axes) -> None:
    for label in ax.get_xticklabels():
        label.set_parse_math(False)  # type: ignore[attr-defined]


def _smaller(ax: Axes) -> None:
    """Names beside the axis in smaller letters, where they would run into each other."""
    labels = [t for t in ax.get_yticklabels() if t.get_text()]
    boxes = sorted((t.get_window_extent() for t in labels), key=lambda b: b.y0)
    if len(boxes) < 2:
        return
    tight = min((b.y0 - a.y0) / max(a.height, 1) for a, b in pairwise(boxes))
    if 0 < tight < 1.05:
        ax.tick_params(axis="y", labelsize=max(labels[0].get_fontsize() * tight / 1.05, 5))


def look(group: str, groups: Sequence[str]) -> tuple[str, str]:
    """Colour and marker of a group, the same in all pictures of these groups, whichever of them
    stands first there.

    Groups beyond the sixth get colours again, with another marker.
    """
    i = sorted(groups).index(group)
    return SERIES[i % len(SERIES)], MARKERS[(i + i // len(SERIES)) % len(MARKERS)]


def names(values: Iterable[object]) -> list[str]:
    """Names as people say them."""
    return [spoken(str(v)) for v in values]


def change_colour(change: float, better: str) -> str:
    """Blue for better, orange for worse, grey for neither."""
    if change == 0 or not better:
        return GREY
    return BLUE if (change < 0) == (better == "lower") else ORANGE
