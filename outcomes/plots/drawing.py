"""Where a picture is drawn: its place, its look, its panels, and the marks that it drew."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from outcomes.core.outcome import Outcome
from outcomes.core.wording import spoken

#: Okabe and Ito's colours (jfly.uni-koeln.de/color): told apart in every common colour blindness,
#: and by lightness in grey.
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#8C8C8C", "#222222"
SERIES = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Journal columns in inches: 89 mm and 183 mm.
WIDTHS = {"single": 3.5, "double": 7.2}
SAMPLE = "Invented data: no real patient"


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
            return float(ax.get_position().width * whole)
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
        return new

    def grid(self, n: int) -> list[Axes]:
        """n panels in the place of the main axes, which is the first; all share their scales."""
        figure: Any = self.ax.get_figure(root=False)
        columns = min(n, max(1, int(self.width // 2.2)))
        rows = -(-n // columns)
        spec = self.ax.get_subplotspec()
        if spec is not None:
            places = spec.subgridspec(rows, columns)
            self.ax.set_subplotspec(places[0])
            made = [
                figure.add_subplot(places[i], sharex=self.ax, sharey=self.ax) for i in range(1, n)
            ]
        else:
            x, y, w, h = self.ax.get_position().bounds
            cell = [
                (x + w * (i % columns) / columns, y + h * (1 - (i // columns + 1) / rows))
                for i in range(n)
            ]
            size = (0.86 * w / columns, 0.72 * h / rows)
            self.ax.set_position((*cell[0], *size))
            made = [figure.add_axes((*c, *size), sharex=self.ax, sharey=self.ax) for c in cell[1:]]
        for i, new in enumerate(made, 1):
            self.panels.append(new)
            self.plain(new)
            new.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= n)
        self.ax.tick_params(labelbottom=n <= columns)
        return [self.ax, *made]

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
            pad=pad,
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
        _names_in(ax, names, letters)

    def names_beside(
        self, ax: Axes, at: Iterable[float], names: Sequence[str], share: float = 0.36
    ) -> None:
        """Names beside the axis, in lines."""
        ax.set_yticks(list(at), [self.wrap(name, share) for name in names])

    def score_axis(self, axis: Any, outcome: Outcome | None, lead: str = "") -> None:
        """A score's axis: whole steps as ticks, and which way is better."""
        axis.set_major_locator(MaxNLocator(nbins=6 if self.width < 4.6 else 8, steps=[1, 2, 5, 10]))
        if outcome is None:
            axis.set_label_text(lead)
            return
        which = f" ({outcome.better} is better)" if outcome.better else ""
        unit = "" if outcome.better else f" ({outcome.unit})" if outcome.unit else ""
        axis.set_label_text(textwrap.fill(f"{lead}{outcome.title}{which or unit}", 38))

    def legend(self, ax: Axes | None = None, **more: Any) -> None:
        """A key under the picture's axes, where it covers no data."""
        ax = ax or self.ax
        how: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)} | more
        if self.width < 4.6 and not more:
            how = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.32), "ncols": 2}
        ax.legend(frameon=False, fontsize=self.size(10), labelcolor=self.ink, **how)

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
        words = self.wrap(SAMPLE, 0.55, 8)
        self.ax.annotate(
            words,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 5),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=self.size(8),
            color=self.faint,
            style="italic",
        )

    def literal(self) -> None:
        """No dollar sign or backslash of a name is read as a formula."""
        for ax in self.panels:
            for text in ax.findobj(Text):
                text.set_parse_math(False)  # type: ignore[attr-defined]

    def settle(self) -> None:
        """Put titles and names in lines of the room that they really have, once the axes are laid
        out.
        """
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
            _names_in(ax, names, 0.94 * room * 72 / (0.6 * self.size(10)))
            _one_by_one(ax)
        for ax in self.panels:
            _smaller(ax)

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


def in_lines(text: str, letters: int) -> str:
    """Text in lines of at most so many letters; its own line ends stay."""
    return "\n".join(
        textwrap.fill(part, max(letters, 6), break_long_words=True) for part in text.split("\n")
    )


def _refill(text: Text, raw: str, room: float) -> None:
    """Put a text in lines that fit into so many inches, by the width that its letters really
    have.
    """
    if raw:
        letters = int(room * 72 / (0.65 * float(text.get_fontsize())))
        text.set_text(in_lines(raw, letters))


def _names_in(ax: Axes, names: Sequence[str], letters: float) -> None:
    longest = max((len(w) for name in names for w in name.split()), default=0)
    if longest > letters:
        flat = [textwrap.shorten(" ".join(n.split()), 28, placeholder=" …") for n in names]
        ax.set_xticks(range(len(names)), flat, rotation=40, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(
            range(len(names)), [in_lines(n, int(letters)) for n in names], rotation=0, ha="center"
        )


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
