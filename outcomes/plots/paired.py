"""Pictures of two visits of the same patients: lines, waterfall, cumulative responders."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.ticker import MaxNLocator, PercentFormatter

from outcomes.core.language import named, say, say_n
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, level_text, number, percent, spoken, whole
from outcomes.plots.drawing import BLUE, GREY, MANY, ORANGE, Drawing, change_colour, look, names
from outcomes.plots.meaning import main_change, value_words
from outcomes.plots.registry import Mark, picture


def _paired(result: Result) -> bool:
    return "pairs" in result.data and {"before", "after", "change"} <= set(result.data["pairs"])


def _has_pairs(result: Result) -> bool:
    return _paired(result) and len(result.data["pairs"]) > 0


def _has_change(result: Result) -> bool:
    return _has_pairs(result) and main_change(result) is not None


@picture(
    "slopes",
    Mark(
        "patients",
        "Each line is a patient (wider lines: several patients with the same scores); blue"
        " improved, orange worsened, grey unchanged.",
        _has_pairs,
    ),
    Mark("means", "The dark line joins the two means.", _has_pairs),
    Mark("changes", "Right: how many patients changed by how much.", _has_pairs),
    Mark(
        "estimate",
        "The dark mark beside the bars is the estimate of the change with its interval.",
        _has_change,
    ),
    size=(8.2, 4.6),
    needs=_paired,
    single_patients=True,
)
def slopes(result: Result, d: Drawing) -> None:
    """Each patient's score before and after, the mean of both, and beside it the distribution of
    the change.
    """
    frame, outcome, ax = result.data["pairs"], result.outcome, d.ax
    title = say_n(
        "{score}: {analysed} of {n} patient",
        "{score}: {analysed} of {n} patients",
        result.counts.enrolled,
        score=outcome.said if outcome else say("Score"),
        analysed=whole(result.counts.analysed),
    )
    d.title(title, 0.5)
    if frame.empty:
        d.nothing(say("no patient has both scores"))
        return
    grouped = frame.groupby(["before", "after"], sort=False).size()
    better, heaviest = (outcome.better if outcome else ""), int(grouped.max())
    ends = grouped.index.to_frame().to_numpy(float)
    colours = [to_rgba(change_colour(after - before, better), 0.35) for before, after in ends]
    widths = 0.6 + 4.4 * np.sqrt(grouped.to_numpy() / heaviest) if heaviest > 1 else [1.2]
    lines = [[(0, before), (1, after)] for before, after in ends]
    drawn = LineCollection(lines, colors=colours, linewidths=widths, capstyle="round", zorder=2)
    ax.add_collection(drawn)
    means = [frame["before"].mean(), frame["after"].mean()]
    ax.autoscale_view()
    d.drew("patients", drawn)
    d.drew(
        "means",
        ax.plot([0, 1], means, color=d.ink, lw=3, marker="o", ms=8, mfc=d.paper, mew=2.5, zorder=4),
    )
    k = digits_for(outcome.resolution) if outcome else 1
    for x, m, side, away in ((0, means[0], "right", -12), (1, means[1], "left", 12)):
        d.beside_marks(
            ax,
            [(x, m)],
            [number(m, k)],
            xytext=(away, 0),
            ha=side,
            va="center",
            fontsize=d.size(10),
            fontweight="bold",
            zorder=5,
        )
    margin = 0.34 if d.width >= 4.6 else 0.6
    ax.set_xlim(-margin, 1 + margin)
    visits = [getattr(result.analysis, f, f) for f in ("before", "after")]
    d.names_below(ax, names(visits), 0.42)
    d.score_axis(ax.yaxis, outcome)
    _change_panel(result, d)


def _change_panel(result: Result, d: Drawing) -> None:
    """The changes as bars, with the estimate and its interval."""
    frame, outcome = result.data["pairs"], result.outcome
    side = d.beside(0.34 if d.width >= 4.6 else 0.45)
    counts, edges = bins(frame["change"].to_numpy(), outcome.resolution if outcome else math.nan)
    middle = (edges[:-1] + edges[1:]) / 2
    better = outcome.better if outcome else ""
    colours = [to_rgba(change_colour(0 if abs(m) < 1e-9 else m, better), 0.75) for m in middle]
    bars = side.barh(middle, counts, height=0.86 * np.diff(edges), color=colours)
    d.drew("changes", list(bars))
    side.axhline(0, color=GREY, lw=1)
    e = main_change(result)
    if e is not None:
        reach = None if math.isnan(e.low) else [[e.value - e.low], [e.high - e.value]]
        mark = side.errorbar(
            [1.12 * counts.max()],
            [e.value],
            yerr=reach,
            fmt="o",
            color=d.ink,
            ms=6,
            capsize=4,
            lw=1.8,
        )
        d.drew("estimate", mark.lines[0])
        head = (
            say("{what}, {level} interval:", what=named(e.label), level=level_text(e.level))
            if reach
            else say("{what}:", what=named(e.label))
        )
        d.title(f"{head}\n{value_words(e, outcome)}", 0.28, ax=side, size=9.5, pad=6)
    side.set_xlabel(say("patients"))
    side.set_ylabel(say("change (after − before)"), fontsize=d.size(10))
    side.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    side.margins(x=0.08)


def bins(change: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts and edges: a bar a step of the score where these are few, else bars that never
    straddle zero.
    """
    low, high = change.min(), change.max()
    if step > 0 and (high - low) / step <= 40:
        return np.histogram(change, low + step * (np.arange(round((high - low) / step) + 2) - 0.5))
    found = np.histogram_bin_edges(change, bins="auto")
    width = found[1] - found[0]
    return np.histogram(
        change, width * np.arange(math.floor(low / width), math.floor(high / width) + 2)
    )


@picture(
    "waterfall",
    Mark(
        "patients",
        "Each bar is a patient's change, the largest improvement first; blue improved, orange"
        " worsened. A patient without change has no bar.",
        lambda r: _has_pairs(r) and bool((r.data["pairs"]["change"] != 0).any()),
    ),
    Mark("zero", "The line is no change.", _has_pairs),
    Mark("estimate", "The dashed line is the estimate of the change.", _has_change),
    needs=_paired,
    single_patients=True,
)
def waterfall(result: Result, d: Drawing) -> None:
    """One bar a patient, sorted by change."""
    change, outcome, ax = result.data["pairs"]["change"].to_numpy(float), result.outcome, d.ax
    d.title(
        say_n(
            "{score}: change of each of {n} patient",
            "{score}: change of each of {n} patients",
            len(change),
            score=outcome.said if outcome else say("Score"),
        )
    )
    if not len(change):
        d.nothing(say("no patient has both scores"))
        return
    better = outcome.better if outcome else ""
    ordered = np.sort(change) if better != "higher" else np.sort(change)[::-1]
    if (ordered != 0).any():
        d.drew("patients", _bars_of(ax, ordered, better))
    d.drew("zero", ax.axhline(0, color=GREY, lw=1))
    e = main_change(result)
    if e is not None:
        d.drew("estimate", ax.axhline(e.value, color=d.ink, lw=1.4, ls="--"))
        ax.annotate(
            d.wrap(f"{named(e.label)} {value_words(e, outcome)}", 0.6, 9),
            (1, 1),
            xycoords="axes fraction",
            ha="right",
            va="top",
            fontsize=d.size(9),
            color=d.ink,
            xytext=(0, -2),
            textcoords="offset points",
        )
    low, high = min(ordered.min(), 0), max(ordered.max(), 0)
    ax.set_ylim(low - 0.04 * (high - low), high + 0.2 * (high - low))
    ax.set_xlim(-0.6 - 0.01 * len(ordered), len(ordered) - 0.4 + 0.01 * len(ordered))
    ax.set_xticks([])
    ax.set_xlabel(say("patients, sorted by their change"))
    d.score_axis(ax.yaxis, outcome, change=True)


def _bars_of(ax: Axes, ordered: np.ndarray, better: str) -> list[Any]:
    """A bar a patient; of very many patients one area a side, which looks the same."""
    if len(ordered) <= MANY:
        bars = ax.bar(
            np.arange(len(ordered)),
            ordered,
            width=0.9 if len(ordered) < 80 else 1.0,
            color=[to_rgba(change_colour(c, better), 0.85) for c in ordered],
        )
        return list(bars)
    made = []
    at = np.unique(np.linspace(0, len(ordered) - 1, 4 * MANY).astype(int))
    for side in (-1, 1):
        height = np.where(np.sign(ordered[at]) == side, ordered[at], 0.0)
        colour = to_rgba(change_colour(side, better), 0.85)
        if height.any():
            made.append(ax.fill_between(at, 0, height, step="mid", color=colour, lw=0))
    return made


def _groups(frame: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(frame["group"])) if "group" in frame else [""]


def _patients(result: Result, kind: str) -> int:
    """How many patients the curves are of."""
    frame = result.data[kind]
    if "n" in frame and "group" in frame:
        sizes = frame.groupby("group", sort=False)["n"].first()
        return int(sizes.sum() if kind == "ecdf" else sizes.max())
    return int(frame.attrs.get("n", result.counts.analysed))


def _curves(result: Result) -> bool:
    return _patients(result, "ecdf") > 0


@picture(
    "ecdf",
    Mark(
        "curves",
        "Read up from any improvement to the share of patients who reached at least that much.",
        _curves,
    ),
    Mark("cuts", "Dots mark 30% and 50%.", _curves),
    rows=lambda r: 2.4 + 0.2 * len(_groups(r.data["ecdf"])),
)
def cumulative_responders(result: Result, d: Drawing) -> None:
    """Share of patients who improved by at least each percentage, with 30% and 50% marked; a curve
    for each group.
    """
    n = _patients(result, "ecdf")
    score = result.outcome.said if result.outcome else say("Score")
    of_both = say_n(
        "{score}: cumulative responders ({n} patient with both scores)",
        "{score}: cumulative responders ({n} patients with both scores)",
        n,
        score=score,
    )
    above = say_n(
        "{score}: cumulative responders ({n} patient with both scores, above 0 before)",
        "{score}: cumulative responders ({n} patients with both scores, above 0 before)",
        n,
        score=score,
    )
    d.title(above if n < result.counts.analysed else of_both)
    _curves_of(d, result.data["ecdf"], say("no patient has both scores") if not n else "")


@picture(
    "dropout",
    Mark(
        "curves",
        "Read up from any improvement to the share of patients who reached at least that much: of"
        " those with both scores, and of everybody with a score before, missing scores replaced by"
        " the patient's last or counted as no response.",
        lambda r: _patients(r, "dropout") > 0,
    ),
    Mark("cuts", "Dots mark 30% and 50%.", lambda r: _patients(r, "dropout") > 0),
)
def dropout_curves(result: Result, d: Drawing) -> None:
    """Cumulative responders under three rules for missing scores."""
    score = result.outcome.said if result.outcome else say("Score")
    d.title(say("{score}: cumulative responders under three rules for missing scores", score=score))
    n = _patients(result, "dropout")
    _curves_of(d, result.data["dropout"], "" if n else say("no patient has a score before"))


def _curves_of(d: Drawing, frame: pd.DataFrame, empty: str) -> None:
    ax = d.ax
    if empty:
        d.nothing(empty)
        return
    groups = _groups(frame)
    for group in groups:
        rows = frame[frame["group"] == group] if "group" in frame else frame
        colour, marker = look(group, groups) if group else (BLUE, "o")
        size = f" (n={int(rows['n'].iloc[0])})" if "n" in rows else ""
        label = f"{spoken(group)}{size}" if group else None
        curve = ax.step(
            rows["improvement"],
            rows["share"],
            where="pre",
            color=colour,
            lw=2.4,
            label=label,
        )
        d.drew("curves", curve)
        _cuts(d, rows, ORANGE if not group else colour, marker, words=not group)
    ax.axvline(0, color=GREY, lw=1)
    ax.set(xlim=(-50, 104), ylim=(0, 1.04))
    step = 50 if d.width < 4.6 else 25
    ax.set_xticks(range(-50, 101, step), [percent(x / 100) for x in range(-50, 101, step)])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(
        say("improvement of at least (negative: worsening)")
        if d.width >= 4.6
        else say("improvement of at least")
    )
    ax.set_ylabel(say("share of patients"))
    if len(groups) > 1:
        d.legend()


def _cuts(d: Drawing, rows: pd.DataFrame, colour: str, marker: str, *, words: bool) -> None:
    cuts = {
        cut: max(rows.loc[rows["improvement"] >= cut, "share"], default=0.0) for cut in (30, 50)
    }
    close = abs(cuts[30] - cuts[50]) < (0.09 if d.width < 4.6 else 0.07)
    for (cut, share), style, up in zip(
        cuts.items(), ("--", ":"), (22 if close else 8, 8), strict=True
    ):
        if words:
            d.ax.plot([cut, cut], [0, share], color=colour, lw=1.5, ls=style)
        d.drew("cuts", d.ax.plot([cut], [share], marker, color=colour, ms=7, clip_on=False))
        if words:
            d.ax.annotate(
                f"≥{percent(cut / 100)}: {percent(share)}",
                (cut, share),
                xytext=(8, up),
                textcoords="offset points",
                fontsize=d.size(10),
                color=d.ink,
                fontweight="bold",
            )
