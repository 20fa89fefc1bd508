"""Pictures of estimates with intervals: forests, shares by event, risk differences."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator, PercentFormatter

from outcomes.core.estimate import Estimate
from outcomes.core.language import Phrase, in_language, named, say
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_rows
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, spoken
from outcomes.plots.drawing import BLUE, GREY, ORANGE, Drawing, look
from outcomes.plots.meaning import has_favours, margins, place_words, point_ends, sides
from outcomes.plots.registry import Mark, picture


def _known(result: Result) -> bool:
    return bool(np.isfinite(result.data["forest"]["value"].to_numpy(float)).any())


def _limits(result: Result) -> bool:
    frame = result.data["forest"]
    return bool((np.isfinite(frame["value"].to_numpy(float)) & frame["low"].notna()).any())


def _strong(result: Result) -> bool:
    frame = result.data["forest"]
    return "main" in frame and bool((frame["main"].astype(bool) & frame["value"].notna()).any())


def _ratios(frame: pd.DataFrame) -> bool:
    """Whether every row is a ratio: no effect is 1 then, and the axis is logarithmic."""
    rows = forest_rows(frame)
    return bool(rows) and all(e.measure.null == 1 for e in rows)


def _forest_height(result: Result) -> float:
    return 1.7 + 0.34 * len(result.data["forest"])


@picture(
    "forest",
    Mark("estimates", "Points are estimates.", _known),
    Mark("intervals", "Bars are their confidence intervals.", _limits),
    Mark("main", "The diamond is the main one.", _strong),
    Mark(
        "margins", "Dashed lines are the stated margins.", lambda r: _known(r) and bool(margins(r))
    ),
    Mark("direction", "Arrows say which way is better for patients.", has_favours),
    size=(7.2, 2.8),
    rows=_forest_height,
)
def forest(result: Result, d: Drawing) -> None:
    """Estimates with intervals, one under the other; the pooled or primary one (`main`) drawn as a
    diamond.
    """
    frame, ax = result.data["forest"], d.ax
    rows = np.arange(len(frame))[::-1]
    main = frame["main"].to_numpy(bool) if "main" in frame else np.zeros(len(frame), bool)
    ratios = _ratios(frame)
    null, log = (1.0, True) if ratios else (result.axis.null, result.axis.log)
    if log and (frame[["value", "low", "high"]] > 0).any(axis=None):
        ax.set_xscale("log")
    for y, (_, r), strong in zip(rows, frame.iterrows(), main, strict=True):
        if not math.isfinite(r["value"]):
            ax.annotate(
                say("not estimable"),
                (1.02, y),
                xycoords=("axes fraction", "data"),
                fontsize=d.size(9),
                color=d.faint,
                va="center",
            )
            continue
        colour = ORANGE if strong else BLUE
        if not math.isnan(r["low"]):
            d.drew(
                "intervals",
                ax.plot(
                    [r["low"], r["high"]],
                    [y, y],
                    color=colour,
                    lw=2.4 if strong else 1.8,
                    solid_capstyle="butt",
                ),
            )
        point = ax.plot(
            [r["value"]], [y], "D" if strong else "o", color=colour, ms=8 if strong else 6
        )
        d.drew("estimates", point)
        if strong:
            d.drew("main", point)
    if null is not None:
        ax.axvline(null, color=GREY, lw=1)
    for m in margins(result):
        d.drew("margins", ax.axvline(m, color=ORANGE, lw=1.4, ls="--"))
    d.names_beside(ax, rows, row_names(frame, result), 0.34)
    ax.set_ylim(-0.7, len(frame) - 0.3)
    if log:
        ends = ax.get_xlim()
        wide = ends[0] > 0 and ends[1] / ends[0] > 3
        ax.xaxis.set_major_locator(
            LogLocator(subs=(1, 2, 5), numticks=6)
            if wide
            else MaxNLocator(nbins=4, steps=[1, 2, 5, 10])
        )
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5 if d.width >= 4.6 else 3))
    if result.axis.percent:
        ax.xaxis.set_major_formatter(lambda x, _: number(100 * x, 0))
    _write_column(d, frame, rows, result.axis)
    words = in_language(result.axis.words) or say("estimate and interval")
    if result.axis.percent:
        words = say("{quantity} (percentage points)", quantity=words)
    ax.set_xlabel(d.wrap(words, 0.45, 11))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ends_said = sides(forest_rows(frame), result.outcome, result.axis)
    point_ends(d, ax, ends_said, turn=_compares(frame, result))
    d.title(result.analysis.title(result.outcome), 0.6)


def row_names(frame: pd.DataFrame, result: Result) -> list[str]:
    """What each row is about: the two groups where every row is one pair, else the row's own
    label.
    """
    pairs = [place_words(e.contrast) for e in forest_rows(frame) if e.contrast.reference]
    if len(frame) == len(pairs) == len(set(pairs)):
        return pairs
    return [row_name(v) for v in frame["label"]]


def row_name(label: str) -> str:
    """A row's own label as people say it, in the language in force."""
    return in_language(label) if isinstance(label, Phrase) else named(spoken(str(label)))


def _compares(frame: pd.DataFrame, result: Result) -> bool:
    return any(e.measure.compares_groups for e in forest_rows(frame))


def _write_column(d: Drawing, frame: pd.DataFrame, rows: np.ndarray, axis: ValueAxis) -> None:
    times, digits = (100, 0) if axis.percent else (1, 2)
    for y, (_, r) in zip(rows, frame.iterrows(), strict=True):
        if math.isfinite(r["value"]):
            words = number(times * r["value"], digits)
            if not math.isnan(r["low"]):
                words += "\n" if d.width < 4.6 else " "
                words += f"({interval(times * r['low'], times * r['high'], digits)})"
            d.ax.annotate(
                words,
                (1.02, y),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=d.size(9),
                color=d.ink,
            )


def _events(result: Result) -> list[str]:
    return list(dict.fromkeys(result.data["dots"]["label"]))


def _grouped(result: Result) -> list[str]:
    frame = result.data["dots"]
    return list(dict.fromkeys(frame["group"])) if "group" in frame else [""]


def risk_differences(result: Result) -> dict[str, list[Estimate]]:
    """The differences of shares of each event, a group against the reference each; empty where a
    result does not compare every event.

    The rows of an event follow one another, so the differences are those of the events in order.
    """
    found = [
        e
        for e in result.estimates
        if e.measure is Measure.SHARE_DIFFERENCE and e.contrast.reference
    ]
    events, each = _events(result), len(_grouped(result)) - 1
    if not found or len(found) != each * len(events):
        return {}
    return {event: found[i * each : (i + 1) * each] for i, event in enumerate(events)}


def _dots_height(result: Result) -> float:
    return 1.6 + len(_events(result)) * (0.16 + 0.18 * len(_grouped(result)))


@picture(
    "dots",
    Mark(
        "shares",
        "Points are shares of patients.",
        lambda r: bool(r.data["dots"]["share"].notna().any()),
    ),
    Mark(
        "intervals",
        "Bars are their confidence intervals.",
        lambda r: bool(r.data["dots"]["low"].notna().any()),
    ),
    Mark(
        "differences",
        "Right: the difference of the shares in percentage points, with its interval.",
        lambda r: any(not math.isnan(e.value) for x in risk_differences(r).values() for e in x),
    ),
    rows=_dots_height,
)
def dots(result: Result, d: Drawing) -> None:
    """Shares with intervals, one line an event; groups side by side, and of two groups their
    difference beside them.
    """
    frame, labels, groups, ax = result.data["dots"], _events(result), _grouped(result), d.ax
    place = {label: len(labels) - 1 - i for i, label in enumerate(labels)}
    for i, group in enumerate(groups):
        rows = frame[frame["group"] == group] if "group" in frame else frame
        y = np.array([place[v] for v in rows["label"]]) - (i - (len(groups) - 1) / 2) * min(
            0.24, 0.7 / len(groups)
        )
        colour, marker = look(group, groups)
        known = rows["share"].notna().to_numpy()
        if rows["low"].notna().any():
            d.drew("intervals", ax.hlines(y, rows["low"], rows["high"], color=colour, lw=2))
        points = ax.plot(
            rows["share"], y, marker, color=colour, ms=d.size(7), label=spoken(str(group)) or None
        )
        if known.any():
            d.drew("shares", points)
    ax.set_ylim(-0.6, len(labels) - 0.4)
    ax.set_xlim(left=-0.02 * ax.get_xlim()[1])
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5 if d.width >= 4.6 else 3))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    words = in_language(result.axis.words) or say("share of patients, with interval")
    ax.set_xlabel(say("share of patients") if d.width < 4.6 else d.wrap(words, 0.4, 11))
    ax.grid(axis="x", color=to_rgba(GREY, 0.25), lw=0.8)
    ax.set_axisbelow(True)
    compared = risk_differences(result)
    d.names_beside(ax, place.values(), [row_name(v) for v in place], 0.26 if compared else 0.34)
    if compared:
        _risk_panel(d, compared, place, groups)
    if len(groups) > 1:
        d.legend(below=True)
    d.title(result.analysis.title(result.outcome), 0.55)


def _risk_panel(
    d: Drawing, compared: dict[str, list[Estimate]], place: dict[str, int], groups: list[str]
) -> None:
    side = d.beside(0.36 if d.width >= 4.6 else 0.42)
    for label, differences in compared.items():
        for i, e in enumerate(differences):
            if math.isnan(e.value):
                continue
            apart = min(0.24, 0.7 / len(differences))
            y = place[label] - (i - (len(differences) - 1) / 2) * apart
            colour, marker = look(e.contrast.group, groups)
            if len(differences) == 1:
                colour, marker = d.ink, "o"
            if not math.isnan(e.low):
                side.plot([100 * e.low, 100 * e.high], [y, y], color=colour, lw=1.8)
            point = side.plot([100 * e.value], [y], marker, color=colour, ms=d.size(6))
            d.drew("differences", point)
    side.axvline(0, color=GREY, lw=1)
    side.set_yticks([])
    side.set_ylim(-0.6, len(place) - 0.4)
    side.spines["left"].set_visible(False)
    side.xaxis.set_major_locator(MaxNLocator(nbins=4 if d.width >= 4.6 else 2))
    first = next(iter(compared.values()))
    against = (
        place_words(first[0].contrast)
        if len(first) == 1
        else say("each group − {reference}", reference=spoken(first[0].contrast.reference))
    )
    words = say("difference (percentage points)")
    if d.width >= 4.6:
        words = say("difference (percentage points), {groups}", groups=against)
    side.set_xlabel(d.wrap(words, 0.3, 10), fontsize=d.size(10))
