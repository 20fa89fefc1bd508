"""Pictures of estimates with intervals: forests, shares by event, risk differences, funnels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.picture import forest_rows
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
                "not estimable",
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
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5 if d.width >= 4.6 else 3))
    _write_column(d, frame, rows)
    ax.set_xlabel(d.wrap(result.axis.words or "estimate and interval", 0.45, 11))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    point_ends(
        d,
        ax,
        sides(forest_rows(frame), result.outcome),
        result.outcome,
        turn=_compares(frame, result),
    )
    d.title(result.analysis.title(result.outcome), 0.6)


def row_names(frame: pd.DataFrame, result: Result) -> list[str]:
    """What each row is about: the two groups where every row is one pair, else the row's own
    label.
    """
    pairs = [place_words(e.contrast) for e in forest_rows(frame) if e.contrast.reference]
    if len(frame) == len(pairs) == len(set(pairs)):
        return pairs
    return [spoken(str(v)) for v in frame["label"]]


def _compares(frame: pd.DataFrame, result: Result) -> bool:
    return any(e.measure.compares_groups for e in forest_rows(frame))


def _write_column(d: Drawing, frame: pd.DataFrame, rows: np.ndarray) -> None:
    for y, (_, r) in zip(rows, frame.iterrows(), strict=True):
        if math.isfinite(r["value"]):
            words = number(r["value"], 2) + (
                "" if math.isnan(r["low"]) else f" ({interval(r['low'], r['high'], 2)})"
            )
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


def risk_differences(result: Result) -> dict[str, Estimate]:
    """The difference of shares of each side effect, where a result compares two groups; empty where
    it does not.

    The rows of an event follow one another, so the k-th difference is that of the k-th event.
    """
    found = [
        e
        for e in result.estimates
        if e.measure is Measure.SHARE_DIFFERENCE and e.contrast.reference and e.contrast.event
    ]
    events = _events(result)
    return dict(zip(events, found, strict=True)) if len(found) == len(events) else {}


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
        "Right: the difference of the two shares in percentage points, with its interval.",
        lambda r: any(not math.isnan(e.value) for e in risk_differences(r).values()),
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
    ax.set_xlabel(d.wrap(result.axis.words or "share of patients, with interval", 0.4, 11))
    ax.grid(axis="x", color=to_rgba(GREY, 0.25), lw=0.8)
    ax.set_axisbelow(True)
    compared = risk_differences(result)
    d.names_beside(ax, place.values(), [spoken(v) for v in place], 0.26 if compared else 0.34)
    if compared:
        _risk_panel(d, compared, place)
    if len(groups) > 1:
        ncols = min(len(groups), 3)
        d.legend(
            loc="upper left", bbox_to_anchor=(0, -0.9 / max(_dots_height(result), 2)), ncols=ncols
        )
    d.title(result.analysis.title(result.outcome), 0.55)


def _risk_panel(d: Drawing, compared: dict[str, Estimate], place: dict[str, int]) -> None:
    side = d.beside(0.36 if d.width >= 4.6 else 0.42)
    for label, e in compared.items():
        if math.isnan(e.value):
            continue
        y = place[label]
        if not math.isnan(e.low):
            side.plot([100 * e.low, 100 * e.high], [y, y], color=d.ink, lw=1.8)
        d.drew("differences", side.plot([100 * e.value], [y], "o", color=d.ink, ms=d.size(6)))
    side.axvline(0, color=GREY, lw=1)
    side.set_yticks([])
    side.set_ylim(-0.6, len(place) - 0.4)
    side.spines["left"].set_visible(False)
    side.xaxis.set_major_locator(MaxNLocator(nbins=4 if d.width >= 4.6 else 2))
    first = next(iter(compared.values()))
    side.set_xlabel(
        d.wrap(f"difference (%-points), {place_words(first.contrast)}", 0.3, 10),
        fontsize=d.size(10),
    )


@picture(
    "funnel",
    Mark(
        "studies",
        "Each dot is a site: its estimate, and how exact it is.",
        lambda r: bool(r.data["funnel"]["se"].notna().any()),
    ),
    Mark(
        "pooled",
        "The line is the pooled estimate.",
        lambda r: r.main is not None and not math.isnan(r.main.value),
    ),
    Mark(
        "expected",
        "95% of the sites are expected between the dashed lines if all had the same effect.",
        lambda r: r.main is not None and not math.isnan(r.main.value),
    ),
    size=(6.2, 4.4),
)
def funnel(result: Result, d: Drawing) -> None:
    """The sites' estimates against their standard errors."""
    frame, ax = result.data["funnel"], d.ax
    worst = float(frame["se"].max()) if frame["se"].notna().any() else math.nan
    if math.isnan(worst):
        d.nothing("no site has a standard error")
        return
    d.drew(
        "studies", ax.plot(frame["value"], frame["se"], "o", color=BLUE, ms=d.size(7), alpha=0.8)
    )
    if result.main is not None and not math.isnan(result.main.value):
        centre, z = result.main.value, 1.959964
        d.drew("pooled", ax.axvline(centre, color=d.ink, lw=1.4))
        sides_ = [
            ax.plot(
                [centre, centre + s * z * worst * 1.1],
                [0, worst * 1.1],
                color=GREY,
                lw=1.3,
                ls="--",
            )
            for s in (-1, 1)
        ]
        d.drew("expected", *sides_)
    ax.set_ylim(worst * 1.12, 0)
    ax.set_ylabel("standard error (small is exact)")
    ax.set_xlabel(d.wrap(result.axis.words or "estimate", 0.7, 11))
    d.title(result.analysis.title(result.outcome))
