"""Results in, pictures out: each takes `ax`, returns `ax`, computes nothing, shows nothing, changes no global style."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import MINUS, digits_for, interval, level_text, number, percent, plural, spoken
from outcomes.plots.described import Described

#: Okabe and Ito's colours (jfly.uni-koeln.de/color): told apart in every common colour blindness, and by lightness in grey.
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#8C8C8C", "#222222"
SERIES = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")

Picture = Callable[[Result, Axes], Axes]
PICTURES: dict[str, tuple[Picture, tuple[float, float]]] = {}


def picture(name: str, *, size: tuple[float, float] = (7.2, 4.2)) -> Callable[[Picture], Picture]:
    """Register a picture under the name that results ask for, with its usual size in inches."""

    def put(function: Picture) -> Picture:
        PICTURES[name] = (function, size)
        return function

    return put


def plot(result: Result, kind: str = "", *, ax: Axes | None = None) -> Axes:
    """Draw a result: its first picture, or the one named by `kind`. Its sentence becomes the picture's alternative text.

    Raises AnalysisError when the result has no picture or not this one.
    """
    if not result.pictures:
        raise AnalysisError(f"{result.analysis.title(result.outcome)} has no picture.")
    name = kind or result.pictures[0]
    if name not in result.pictures:
        raise AnalysisError(unknown("picture", name, result.pictures))
    draw, (width, height) = PICTURES[name]
    if ax is None:
        import matplotlib.pyplot as plt

        height = max(height, rows_height(result, name))
        ax = plt.figure(figsize=(width, height), layout="constrained", FigureClass=Described).add_subplot()
    if isinstance(ax.figure, Described):
        ax.figure.describe(result.sentence())
    _plain(ax)
    draw(result, ax)
    if result.facts.get("sample"):
        mark = "Invented data: no real patient"
        ax.text(1, 1.015, mark, transform=ax.transAxes, ha="right", va="bottom", fontsize=8, color=GREY, style="italic")
    return ax


def rows_height(result: Result, name: str) -> float:
    """Pictures with a row an item grow with their rows."""
    frame = result.data.get(name)
    if frame is None or name not in ("forest", "dots"):
        return 0.0
    if "group" in frame:  # one line an event, its groups closely under each other
        return 1.2 + frame["label"].nunique() * (0.16 + 0.18 * frame["group"].nunique())
    return 1.2 + 0.34 * len(frame)


def _plain(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(colors=INK, labelsize=10)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set(color=INK, fontsize=11)


def _title(ax: Axes, text: str, width: int = 74) -> None:
    # its place is given: matplotlib would look for one free of ticks, at the cost of laying the axes out several times
    ax.set_title(textwrap.fill(text, width), loc="left", y=1.0, fontsize=12, color=INK, pad=20)


def _nothing(ax: Axes, why: str) -> None:
    """Say that there is nothing to draw, instead of an empty scale that could be taken for a result."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", fontsize=11, color=GREY)


def _look(group: str, groups: Sequence[str]) -> tuple[str, str]:
    """Colour and marker of a group, the same in all pictures of these groups, whichever of them stands first there.

    Groups beyond the sixth get colours again, with another marker.
    """
    i = sorted(groups).index(group)
    return SERIES[i % len(SERIES)], MARKERS[(i + i // len(SERIES)) % len(MARKERS)]


def _score_axis(axis: Any, outcome: Outcome | None) -> None:
    """A score's axis: its whole range where that is short, whole numbers as ticks, and which way is better."""
    if outcome is None:
        return
    arrow = {"lower": " (lower is better)", "higher": " (higher is better)"}.get(outcome.better, "")
    axis.set_label_text(textwrap.fill(f"{outcome.title}{arrow}", 38))
    axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))


@picture("slopes", size=(8.2, 4.6))
def slopes(result: Result, ax: Axes) -> Axes:
    """Each patient's score before and after, the mean of both, and beside it the distribution of the change."""
    frame, outcome, question = result.data["pairs"], result.outcome, result.analysis
    grouped = frame.groupby(["before", "after"], sort=False).size()
    heaviest = max(grouped, default=1)
    better = outcome.better if outcome else ""
    title = f"{outcome.title if outcome else 'Score'}: {_patients(result)}"
    _title(ax, title, 50)
    if frame.empty:
        _nothing(ax, "no patient has both scores")
        return ax
    ends = grouped.index.to_frame().to_numpy(float)
    colours = [to_rgba(_change_colour(after - before, better), 0.35) for before, after in ends]
    widths = 0.6 + 4.4 * np.sqrt(grouped.to_numpy() / heaviest) if heaviest > 1 else [1.2]
    lines = [[(0, before), (1, after)] for before, after in ends]
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=widths, capstyle="round", zorder=2))
    means = [frame["before"].mean(), frame["after"].mean()]
    ax.plot([0, 1], means, color=INK, lw=3, marker="o", ms=8, mfc="white", mew=2.5, zorder=4)
    k = digits_for(outcome.resolution) if outcome else 1
    for x, m, side in ((0, means[0], "right"), (1, means[1], "left")):
        ax.annotate(number(m, k), (x, m), xytext=(-12 if x == 0 else 12, 0), textcoords="offset points", ha=side,
                    va="center", fontsize=10, fontweight="bold", color=INK, zorder=5)  # fmt: skip
    ax.set_xlim(-0.28, 1.28)
    ax.set_xticks([0, 1], [spoken(getattr(question, "before", "before")), spoken(getattr(question, "after", "after"))])
    _score_axis(ax.yaxis, outcome)
    _change_panel(result, ax)
    return ax


def _patients(result: Result) -> str:
    return f"{result.counts.analysed} of {plural(result.counts.enrolled, 'patient')}"


def _change_colour(change: float, better: str) -> str:
    if change == 0 or not better:
        return GREY
    return BLUE if (change < 0) == (better == "lower") else ORANGE


def _change_panel(result: Result, ax: Axes) -> None:
    """The changes as a dot-and-bar distribution, with the mean change and its interval."""
    frame, outcome = result.data["pairs"], result.outcome
    side = ax.inset_axes((1.14, 0, 0.42, 1))
    _plain(side)
    counts, edges = _bins(frame["change"].to_numpy(), outcome.resolution if outcome else math.nan)
    middle = (edges[:-1] + edges[1:]) / 2
    better = outcome.better if outcome else ""
    colours = [_change_colour(0 if abs(m) < 1e-9 else m, better) for m in middle]
    side.barh(middle, counts, height=0.86 * np.diff(edges), color=[to_rgba(c, 0.75) for c in colours])
    side.axhline(0, color=GREY, lw=1)
    e = next((e for e in result.estimates if e.name == "mean change"), None)
    if e is not None and not math.isnan(e.value):
        reach = 1.12 * counts.max()
        side.errorbar([reach], [e.value], yerr=None if math.isnan(e.low) else [[e.value - e.low], [e.high - e.value]],
                      fmt="o", color=INK, ms=6, capsize=4, lw=1.8)  # fmt: skip
        k = digits_for(outcome.resolution) if outcome else 1
        words = f"{number(e.value, k)}" + ("" if math.isnan(e.low) else f"\n({interval(e.low, e.high, k)})")
        side.set_title(f"mean change {words}", fontsize=9.5, color=INK, loc="left", y=1.0, pad=6)
    side.set_xlabel("patients")
    side.set_ylabel("change (after − before)", fontsize=10)
    side.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    side.margins(x=0.08)


def _bins(change: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts and edges: a bar a step of the score where these are few, else bars that never straddle zero."""
    low, high = change.min(), change.max()
    if step > 0 and (high - low) / step <= 40:
        return np.histogram(change, low + step * (np.arange(round((high - low) / step) + 2) - 0.5))
    found = np.histogram_bin_edges(change, bins="auto")
    width = found[1] - found[0]
    return np.histogram(change, width * np.arange(math.floor(low / width), math.floor(high / width) + 2))


@picture("ecdf")
def cumulative_responders(result: Result, ax: Axes) -> Axes:
    """Share of patients who improved by at least each percentage, with 30% and 50% marked."""
    frame = result.data["ecdf"]
    n = int(frame.attrs.get("n", result.counts.analysed))
    title = result.outcome.title if result.outcome else "Score"
    _title(ax, f"{title}: cumulative responders ({plural(n, 'patient')} with both scores)")
    if not n:
        _nothing(ax, "no patient has both scores")
        return ax
    ax.step(frame["improvement"], frame["share"], where="pre", color=BLUE, lw=2.4)
    cuts = {cut: max(frame.loc[frame["improvement"] >= cut, "share"], default=0.0) for cut in (30, 50)}
    close = cuts[30] - cuts[50] < 0.07
    for (cut, share), style, up in zip(cuts.items(), ("--", ":"), (22 if close else 8, 8), strict=True):
        ax.plot([cut, cut], [0, share], color=ORANGE, lw=1.5, ls=style)
        ax.plot([cut], [share], "o", color=ORANGE, ms=7, clip_on=False)
        ax.annotate(f"≥{cut}%: {percent(share)}", (cut, share), xytext=(8, up), textcoords="offset points", fontsize=10,
                    color=INK, fontweight="bold")  # fmt: skip
    ax.axvline(0, color=GREY, lw=1)
    ax.set(xlim=(-50, 100), ylim=(0, 1.02))
    ax.set_xticks(range(-50, 101, 25), [f"{number(x, 0)}%" for x in range(-50, 101, 25)])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("improvement of at least (negative: worsening)")
    ax.set_ylabel("share of patients")
    return ax


@picture("course")
def course(result: Result, ax: Axes) -> Axes:
    """Mean and interval at each visit, with the number of patients seen written under it."""
    frame = result.data["course"]
    visits = list(dict.fromkeys(frame["visit"]))
    groups = list(dict.fromkeys(frame["group"]))
    for i, group in enumerate(groups):
        rows = frame[frame["group"] == group].set_index("visit").reindex(visits)
        x = np.arange(len(visits)) + (i - (len(groups) - 1) / 2) * min(0.12, 0.6 / len(groups))
        colour, marker = _look(group, groups)
        reach = np.nan_to_num(np.vstack([rows["mean"] - rows["low"], rows["high"] - rows["mean"]]))
        ax.errorbar(
            x, rows["mean"], yerr=reach, color=colour, marker=marker, ms=7, lw=2, capsize=4, label=group or None
        )
        _seen_row(ax, i, group, rows["n"], colour)
    _score_axis(ax.yaxis, result.outcome)
    ends = frame[["low", "mean", "high"]].to_numpy(float)
    if np.isnan(ends).all():
        _nothing(ax, "no score at any visit")
    else:
        low, high = np.nanmin(ends), np.nanmax(ends)
        room = (high - low) or 1.0
        ax.set_ylim(low - 0.12 * room, high + 0.1 * room)
    ax.set_xticks(range(len(visits)), [spoken(v) for v in visits])
    ax.set_xlim(-0.4, len(visits) - 0.6)
    if len(groups) > 1:
        ax.legend(frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    level = level_text(result.analysis.level)
    means = result.facts.get("means", "mean of those seen")
    _title(ax, f"{result.outcome.title if result.outcome else 'Score'}: {means}, {level} interval")
    return ax


def _seen_row(ax: Axes, i: int, group: str, seen: pd.Series, colour: str) -> None:
    """A row of numbers of patients under the axis, one for each group."""
    down = -34 - 15 * i
    label = group or "seen"
    ax.annotate(f"{label}, n" if not group else label, (0, 0), xycoords="axes fraction", xytext=(-8, down), ha="right", va="center",
                textcoords="offset points", fontsize=9, color=INK if not group else colour)  # fmt: skip
    for position, n in enumerate(seen):
        ax.annotate(str(int(n)), (position, 0), xycoords=("data", "axes fraction"), xytext=(0, down), textcoords="offset points",
                    ha="center", va="center", fontsize=9, color=INK)  # fmt: skip


@picture("forest")
def forest(result: Result, ax: Axes) -> Axes:
    """Estimates with intervals, one under the other; the pooled or primary one (`main`) drawn as a diamond."""
    frame = result.data["forest"]
    rows = np.arange(len(frame))[::-1]
    main = frame["main"].to_numpy(bool) if "main" in frame else np.zeros(len(frame), bool)
    for y, (_, r), strong in zip(rows, frame.iterrows(), main, strict=True):
        if math.isnan(r["value"]):
            ax.annotate("not estimable", (0, y), fontsize=9, color=GREY, va="center")
            continue
        colour = ORANGE if strong else BLUE
        if not math.isnan(r["low"]):
            ax.plot([r["low"], r["high"]], [y, y], color=colour, lw=2.4 if strong else 1.8, solid_capstyle="butt")
        ax.plot([r["value"]], [y], "D" if strong else "o", color=colour, ms=8 if strong else 6)
    null = result.facts.get("null", 0.0)
    if null is not None:
        ax.axvline(null, color=GREY, lw=1)
    ax.set_yticks(rows, [str(v).replace(" - ", f" {MINUS} ") for v in frame["label"]])
    ax.set_ylim(-0.7, len(frame) - 0.3)
    if result.facts.get("log_scale"):
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
    _write_column(ax, frame, rows)
    ax.set_xlabel(str(result.facts.get("axis", "estimate and interval")))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    _title(ax, result.analysis.title(result.outcome))
    return ax


def _write_column(ax: Axes, frame: pd.DataFrame, rows: np.ndarray) -> None:
    for y, (_, r) in zip(rows, frame.iterrows(), strict=True):
        if math.isnan(r["value"]):
            continue
        words = number(r["value"], 2) + ("" if math.isnan(r["low"]) else f" ({interval(r['low'], r['high'], 2)})")
        ax.annotate(words, (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=INK)


@picture("survival")
def survival(result: Result, ax: Axes) -> Axes:
    """Share of patients still in relief over the days, with its limits, and how many are still followed."""
    frame = result.data["survival"]
    groups = list(dict.fromkeys(frame["group"]))
    groups = [g for g in groups if g] or groups  # everybody together only where there are no groups
    for group in groups:
        start = pd.DataFrame({"time": [0.0], "survival": [1.0], "low": [1.0], "high": [1.0]})
        rows = pd.concat([start, frame.loc[frame["group"] == group, list(start)]])
        colour, _ = _look(group, groups)
        ax.step(rows["time"], rows["survival"], where="post", color=colour, lw=2.2, label=str(group) or None)
        ax.fill_between(rows["time"], rows["low"], rows["high"], step="post", color=to_rgba(colour, 0.15), lw=0)
    ax.set(xlim=(0, frame["time"].max() * 1.02), ylim=(0, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("days")
    ax.set_ylabel("patients whose pain is not back")
    if len(groups) > 1:
        ax.legend(frameon=False, fontsize=10)
    _title(ax, result.analysis.title(result.outcome))
    return ax


@picture("dots")
def dots(result: Result, ax: Axes) -> Axes:
    """Shares with intervals, one line an event; groups (arms, routes) side by side in colour and marker."""
    frame = result.data["dots"]
    labels = list(dict.fromkeys(frame["label"]))
    groups = list(dict.fromkeys(frame["group"])) if "group" in frame else [""]
    place = {label: len(labels) - 1 - i for i, label in enumerate(labels)}
    for i, group in enumerate(groups):
        rows = frame[frame["group"] == group] if "group" in frame else frame
        y = np.array([place[v] for v in rows["label"]]) - (i - (len(groups) - 1) / 2) * min(0.18, 0.7 / len(groups))
        colour, marker = _look(group, groups)
        ax.hlines(y, rows["low"], rows["high"], color=colour, lw=2)
        ax.plot(rows["share"], y, marker, color=colour, ms=7, label=str(group) or None)
    ax.set_yticks(list(place.values()), [spoken(v) for v in place])
    ax.set_ylim(-0.6, len(labels) - 0.4)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel(str(result.facts.get("axis", "share of patients, with interval")))
    ax.grid(axis="x", color=to_rgba(GREY, 0.25), lw=0.8)
    ax.set_axisbelow(True)
    if len(groups) > 1:
        ax.legend(frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    _title(ax, result.analysis.title(result.outcome))
    return ax


@picture("bands", size=(7.2, 3.2))
def bands(result: Result, ax: Axes) -> Axes:
    """How many patients fall into each band, worst to best; a hidden count is written, not drawn."""
    frame = result.data["bands"]
    rows = np.arange(len(frame))[::-1]
    shown = frame["patients"].notna().to_numpy()
    colours = [to_rgba(c, 0.85) for c in (ORANGE, GREY, *["#56B4E9", BLUE, GREEN, INK])]
    ax.barh(rows[shown], frame["patients"][shown], height=0.62, color=[colours[i % 6] for i in np.flatnonzero(shown)])
    for y, (label, n) in zip(rows, zip(frame["patients"], frame["shown"])):
        ax.annotate(str(n), (0 if math.isnan(label) else label, y), xytext=(5, 0), textcoords="offset points", va="center",
                    fontsize=10, color=INK)  # fmt: skip
    ax.set_yticks(rows, [str(v) for v in frame["label"]])
    ax.set_ylim(-0.6, len(frame) - 0.4)
    ax.margins(x=0.12)
    ax.set_xlabel("patients")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    _title(ax, result.analysis.title(result.outcome))
    return ax


@picture("run", size=(7.6, 3.6))
def run_chart(result: Result, ax: Axes) -> Axes:
    """A result a period, with its centre and control limits; hollow points rest on few patients, signals are ringed."""
    frame = result.data["run"]
    x = np.arange(len(frame))
    ax.plot(x, frame["value"], color=BLUE, lw=1.2, zorder=2)
    for i, (_, r) in zip(x, frame.iterrows()):
        ax.plot([i], [r["value"]], "o", color=BLUE, ms=7, mfc=BLUE if r["large"] else "white", mew=1.6, zorder=3)
        if r["signal"]:
            ax.plot([i], [r["value"]], "o", color=ORANGE, ms=15, mfc="none", mew=2, zorder=4)
    if frame["low"].notna().any():
        ax.axhline(frame["centre"].iloc[0], color=INK, lw=1)
        for edge in ("low", "high"):
            ax.step(x, frame[edge], where="mid", color=GREY, lw=1.4, ls="--")
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right"} if len(frame) > 6 else {}
    ax.set_xticks(x, [str(p) for p in frame["period"]], **slanted)
    for i, n in zip(x, frame["n"]):
        ax.annotate(f"n={n}", (i, 0.02), xycoords=("data", "axes fraction"), ha="center", fontsize=8, color=GREY)
    low, high = np.nanmin(frame[["value", "low"]].to_numpy()), np.nanmax(frame[["value", "high"]].to_numpy())
    room = max(high - low, 1e-9)
    ax.set_ylim(low - 0.2 * room, high + 0.1 * room)
    if result.facts.get("share"):
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlim(-0.5, len(frame) - 0.5)
    _title(ax, result.analysis.title(result.outcome))
    return ax
