"""Pictures of how many: bands, missing scores, and heat maps drawn with seaborn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from outcomes.core.language import in_language, named, say, say_n
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import level_text, localised, number, percent, spoken
from outcomes.plots.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    Drawing,
    few_lines,
    names,
    shortened,
)
from outcomes.plots.registry import Mark, picture


@picture(
    "bands",
    Mark("counts", "Bars are numbers of patients, written beside them."),
    size=(7.2, 3.2),
)
def bands(result: Result, d: Drawing) -> None:
    """How many patients fall into each band, worst to best; a hidden count is written, not
    drawn.
    """
    frame, ax = result.data["bands"], d.ax
    rows = np.arange(len(frame))[::-1]
    shown = frame["patients"].notna().to_numpy()
    colours = [to_rgba(c, 0.85) for c in (ORANGE, GREY, *["#56B4E9", BLUE, GREEN, INK])]
    bars = ax.barh(
        rows[shown],
        frame["patients"][shown],
        height=0.62,
        color=[colours[i % 6] for i in np.flatnonzero(shown)],
    )
    d.drew("counts", list(bars))
    for y, (label, n) in zip(rows, zip(frame["patients"], frame["shown"])):
        ax.annotate(
            localised(str(n)),
            (0 if math.isnan(label) else label, y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=d.size(10),
            color=d.ink,
        )
    d.names_beside(ax, rows, [in_language(v) for v in frame["label"]])
    ax.set_ylim(-0.6, len(frame) - 0.4)
    ax.margins(x=0.12)
    ax.set_xlabel(say("patients"))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    d.title(result.analysis.title(result.outcome), 0.6)


@picture(
    "staircase",
    Mark("seen", "Blue: a score was seen.", lambda r: bool(_pattern(r).any())),
    Mark("missing", "Without colour: it is missing.", lambda r: not bool(_pattern(r).all())),
    Mark(
        "counts",
        "Each bar is a pattern of visits, as high as it is frequent; frequent ones have their"
        " number beside them.",
        lambda r: len(r.data["staircase"]) > 0,
    ),
)
def staircase(result: Result, d: Drawing) -> None:
    """One bar a pattern, as high as it is frequent: blue where a score was seen, without colour
    where it is missing.
    """
    frame, ax = result.data["staircase"], d.ax
    visits = [c for c in frame.columns if c != "n"]
    top, total = 0, max(int(frame["n"].sum()), 1)
    for seen, n in zip(_pattern(result), frame["n"].to_numpy(), strict=True):
        for j, there in enumerate(seen):
            face = to_rgba(BLUE, 0.75) if there else d.paper
            cell = ax.add_patch(
                Rectangle((j - 0.5, top), 1.0, float(n), facecolor=face, edgecolor=GREY, lw=0.6)
            )
            d.drew("seen" if there else "missing", cell)
        if n / total > 0.05:
            where = (len(visits) - 0.42, top + n / 2)
            d.drew(
                "counts",
                ax.annotate(
                    say_n("{n} patient", "{n} patients", int(n)),
                    where,
                    va="center",
                    fontsize=d.size(9),
                    color=d.ink,
                    annotation_clip=False,
                ),
            )
        top += int(n)
    ax.set_xlim(-0.5, len(visits) - 0.5)
    ax.set_ylim(max(top, 1), 0)
    d.names_below(ax, names(visits), 0.68)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel(say("patients, by pattern"))
    d.title(
        say(
            "{score}: seen (blue) and missing at each visit",
            score=result.outcome.said if result.outcome else say("Score"),
        )
    )


def _pattern(result: Result) -> np.ndarray:
    frame = result.data["staircase"]
    return frame[[c for c in frame.columns if c != "n"]].to_numpy(bool)


@picture(
    "observed",
    Mark("shares", "Each cell is the share of a group whose score was seen at the visit."),
    size=(7.2, 2.6),
    rows=lambda r: (
        1.7
        + 0.42 * r.data["observed"]["group"].nunique()
        + (0.9 if max(map(len, r.data["observed"]["visit"].astype(str)), default=0) > 12 else 0)
    ),
    needs=lambda r: (
        "observed" in r.data and {"visit", "group", "n", "enrolled"} <= set(r.data["observed"])
    ),
)
def observed(result: Result, d: Drawing) -> None:
    """The share of patients seen at each visit, by group, as a heat map."""
    frame = result.data["observed"]
    share = frame.assign(share=frame["n"] / frame["enrolled"].where(frame["enrolled"] > 0))
    table = share.pivot_table(
        index="group", columns="visit", values="share", sort=False, dropna=False
    )
    _heat(d, table, low=0.0, palette="Blues", words=table.map(percent))
    d.title(
        say(
            "{score}: share of patients seen at each visit",
            score=result.outcome.said if result.outcome else say("Score"),
        )
    )


@picture(
    "correlations",
    Mark("shares", "Each cell is the correlation of two changes over the same patients."),
    size=(6.4, 4.0),
    rows=lambda r: min(2.2 + 0.28 * len(r.data["correlations"]), 8.0),
)
def correlations(result: Result, d: Drawing) -> None:
    """How the changes of several scores go together, as a heat map."""
    table = result.data["correlations"]
    _heat(d, table, low=-1.0, palette="vlag", words=table.map(lambda r: number(r, 2)))
    d.title(result.analysis.title(result.outcome))


@picture(
    "grid",
    Mark(
        "shares",
        "Each cell is the share of patients who improved by the visit, missing scores counted as"
        " non-response.",
    ),
    size=(7.2, 3.0),
    rows=lambda r: min(1.8 + 0.34 * len(r.data["grid"]), 14.0),
)
def grid(result: Result, d: Drawing) -> None:
    """The share of patients who improved, by score and amount (and group) and by visit."""
    table = result.data["grid"]
    _heat(d, table, low=0.0, palette="Blues", words=table.map(percent))
    d.title(result.analysis.title(result.outcome))


def _legible(d: Drawing, table: pd.DataFrame) -> bool:
    """Whether a number has room in each cell."""
    return 0.62 * d.width / max(table.shape[1], 1) >= 0.036 * d.size(9)


def _heat(
    d: Drawing, table: pd.DataFrame, *, low: float, palette: str, words: pd.DataFrame
) -> None:
    import seaborn as sns

    ax, written = d.ax, _legible(d, table)
    sns.heatmap(
        table,
        ax=ax,
        vmin=low,
        vmax=1.0,
        cmap=palette,
        annot=words if written else None,
        fmt="",
        cbar=not written,
        cbar_ax=None if written else d.beside(0.04, gap=0.03),
        linewidths=1 if written else 0.3,
        linecolor=d.paper,
        annot_kws={"fontsize": d.size(9)},
        xticklabels=False,  # else seaborn lays the figure out to see whether they overlap
        yticklabels=False,
    )
    d.drew("shares", ax.collections[0])
    ax.set(xlabel="", ylabel="")
    across = names(table.columns)
    slanted = (
        max((len(w) for name in across for w in name.split()), default=0) * len(across) * d.size(10)
        > 72 * d.width
    )
    turned: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    letters = int(0.6 / max(len(across), 1) * d.width * 72 / (0.54 * d.size(10)))
    words = [shortened(n, 20) if slanted else few_lines(n, letters) for n in across]
    down = [spoken(str(g)) or say("all") for g in table.index]
    if not written and down == across:  # a square: the columns have the numbers of the rows
        words = [str(i) for i in range(1, len(across) + 1)]
        down = [shortened(f"{i} {n}", 26) for i, n in enumerate(down, 1)]
    if not slanted or not written:
        turned = {"rotation": 0 if len(words) * max(map(len, words)) < 8 * d.width else 90}
    ax.set_xticks(np.arange(len(across)) + 0.5, words, **turned)
    d.names_beside(ax, np.arange(len(table)) + 0.5, down, 0.26 if written else 1.0, 3)
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)


@picture(
    "tipping",
    Mark("estimates", "The line is the estimate as the missing scores are made worse."),
    Mark("intervals", "Shaded: its confidence interval."),
    Mark(
        "tip", "The dashed line is where the conclusion changes.", lambda r: not math.isnan(_tip(r))
    ),
)
def tipping(result: Result, d: Drawing) -> None:
    """The estimate with its interval as missing scores are made worse, and where the conclusion
    tips.
    """
    frame, ax = result.data["tipping"], d.ax
    x = frame["delta"].to_numpy(float)
    d.drew(
        "intervals",
        ax.fill_between(x, frame["low"], frame["high"], color=to_rgba(BLUE, 0.18), lw=0),
    )
    d.drew("estimates", ax.plot(x, frame["value"], "-o", color=BLUE, lw=2, ms=5))
    ax.axhline(0, color=GREY, lw=1)
    tip = _tip(result)
    if not math.isnan(tip):
        d.drew("tip", ax.axvline(tip, color=ORANGE, lw=1.6, ls="--"))
        ax.annotate(
            say("tips at {value}", value=number(tip, 1)),
            (tip, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, -12),
            textcoords="offset points",
            fontsize=d.size(9),
            color=ORANGE,
        )
    unit = result.outcome.units if result.outcome else ""
    added = (
        say("added to the missing scores, to make them worse ({unit})", unit=unit)
        if unit
        else say("added to the missing scores, to make them worse")
    )
    ax.set_xlabel(d.wrap(added, 0.7, 11))
    ax.set_ylabel(
        d.wrap(
            say(
                "{what}, {level} interval",
                what=in_language(result.axis.words) or say("estimate"),
                level=level_text(result.analysis.level),
            ),
            0.42,
            11,
        )
    )
    d.title(result.analysis.title(result.outcome))


def _tip(result: Result) -> float:
    return next((e.value for e in result.estimates if e.measure is Measure.THRESHOLD), math.nan)


def _severities(result: Result) -> list[str]:
    return list(dict.fromkeys(result.data["severity"]["severity"]))


def _severe(result: Result) -> bool:
    return bool(result.data["severity"]["patients"].sum() > 0)


@picture(
    "severity",
    Mark("shares", "Each bar is the share of patients with a side effect.", _severe),
    Mark("words", "It is divided by the worst severity that each patient had.", _severe),
    rows=lambda r: 1.8 + 0.34 * r.data["severity"]["label"].nunique(),
    size=(7.2, 3.0),
)
def severity(result: Result, d: Drawing) -> None:
    """The share of patients with each side effect, divided by the worst severity each had."""
    import seaborn as sns

    frame, ax, words = result.data["severity"], d.ax, _severities(result)
    d.title(result.analysis.title(result.outcome), 0.6)
    if not _severe(result):
        d.nothing(say("no side effect has a severity"))
        return
    labels = list(dict.fromkeys(frame["label"]))
    at = {label: len(labels) - 1 - i for i, label in enumerate(labels)}
    known = [w for w in words if w]
    colours: dict[str, Any] = dict(
        zip(known, sns.color_palette("YlOrRd", len(known) + 1)[:0:-1], strict=True)
    )
    left = dict.fromkeys(labels, 0.0)
    for word in words:
        own = frame[frame["severity"] == word]
        share = (own["patients"] / own["total"]).to_numpy(float)
        bars = ax.barh(
            [at[v] for v in own["label"]],
            share,
            left=[left[v] for v in own["label"]],
            height=0.66,
            color=colours.get(word, to_rgba(GREY, 0.5)),
            label=named(spoken(word)) if word else say("not recorded"),
            lw=0,
        )
        d.drew("shares", list(bars))
        d.drew("words", list(bars))
        for v, s in zip(own["label"], share, strict=True):
            left[v] += s
    d.names_beside(ax, at.values(), [named(spoken(v)) for v in labels], 0.3)
    ax.set_ylim(-0.6, len(labels) - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5 if d.width >= 4.6 else 3))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel(say("share of patients"))
    ax.tick_params(axis="y", length=0)
    d.legend()
