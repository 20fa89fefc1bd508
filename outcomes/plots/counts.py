"""Pictures of how many: bands, answers by group, missing scores, and heat maps drawn with
seaborn.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import level_text, number, percent, plural, spoken
from outcomes.plots.drawing import BLUE, GREEN, GREY, INK, ORANGE, Drawing, names
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
            str(n),
            (0 if math.isnan(label) else label, y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=d.size(10),
            color=d.ink,
        )
    d.names_beside(ax, rows, [str(v) for v in frame["label"]])
    ax.set_ylim(-0.6, len(frame) - 0.4)
    ax.margins(x=0.12)
    ax.set_xlabel("patients")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    d.title(result.analysis.title(result.outcome), 0.6)


@picture(
    "answers",
    Mark("shares", "Each bar is a group, divided by answer; the larger shares are written in it."),
    size=(7.2, 3.0),
    rows=lambda r: 2.1 + 0.42 * len(r.data["answers"]),
)
def answers(result: Result, d: Drawing) -> None:
    """The share of each answer in each group, stacked from best to worst."""
    import seaborn as sns

    frame, ax = result.data["answers"].set_index("group"), d.ax
    rises = result.outcome is not None and result.outcome.better == "higher"
    levels = list(frame.columns)[::-1] if rises else list(frame.columns)
    palette = sns.color_palette("RdYlBu_r" if len(levels) > 2 else "Blues", len(levels))
    total, left = frame.sum(axis=1).to_numpy(float), np.zeros(len(frame))
    rows = list(range(len(frame)))
    for level, colour in zip(levels, palette, strict=True):
        share = np.divide(
            frame[level].to_numpy(float), total, out=np.zeros(len(frame)), where=total > 0
        )
        d.drew(
            "shares",
            list(
                ax.barh(
                    rows, share, left=left, color=colour, height=0.66, label=_level(level), lw=0
                )
            ),
        )
        light = float(np.dot(colour, (0.299, 0.587, 0.114))) > 0.45
        for y, s, start in zip(rows, share, left, strict=True):
            if s >= (0.08 if d.width >= 4.6 else 0.2):
                ax.text(
                    start + s / 2,
                    y,
                    percent(s),
                    ha="center",
                    va="center",
                    fontsize=d.size(9),
                    color=INK if light else "white",
                )
        left = left + share
    d.names_beside(
        ax,
        rows,
        [f"{spoken(str(g))} (n={int(n)})" for g, n in zip(frame.index, total, strict=True)],
        0.26,
    )
    ax.set(xlim=(0, 1), ylim=(len(frame) - 0.4, -0.6))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("share of patients")
    ax.spines["left"].set_visible(False)
    side = f"answer, {'best' if result.outcome and result.outcome.better else 'first'} at the top"
    d.legend(loc="upper left", bbox_to_anchor=(1.0, 1.05), title=d.wrap(side, 0.2, 9))
    d.title(result.analysis.title(result.outcome), 0.6)


def _level(level: object) -> str:
    return f"{level:g}" if isinstance(level, int | float | np.number) else str(level)


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
                    plural(int(n), "patient"),
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
    ax.set_ylabel("patients, by pattern")
    d.title(
        f"{result.outcome.title if result.outcome else 'Score'}: seen (blue) and missing at each"
        " visit"
    )


def _pattern(result: Result) -> np.ndarray:
    frame = result.data["staircase"]
    return frame[[c for c in frame.columns if c != "n"]].to_numpy(bool)


@picture(
    "observed",
    Mark("shares", "Each cell is the share of a group whose score was seen at the visit."),
    size=(7.2, 2.6),
    rows=lambda r: 1.7 + 0.42 * r.data["observed"]["group"].nunique(),
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
        f"{result.outcome.title if result.outcome else 'Score'}: share of patients seen at each"
        " visit"
    )


@picture(
    "correlations",
    Mark("shares", "Each cell is the correlation of two changes over the same patients."),
    size=(6.4, 5.2),
)
def correlations(result: Result, d: Drawing) -> None:
    """How the changes of several scores go together, as a heat map."""
    table = result.data["correlations"]
    _heat(d, table, low=-1.0, palette="vlag", words=table.map(lambda r: number(r, 2)))
    d.title("Correlation of the changes")


def _heat(
    d: Drawing, table: pd.DataFrame, *, low: float, palette: str, words: pd.DataFrame
) -> None:
    import seaborn as sns

    ax = d.ax
    sns.heatmap(
        table,
        ax=ax,
        vmin=low,
        vmax=1.0,
        cmap=palette,
        annot=words,
        fmt="",
        cbar=False,
        linewidths=1,
        linecolor=d.paper,
        annot_kws={"fontsize": d.size(9)},
    )
    d.drew("shares", ax.collections[0])
    ax.set(xlabel="", ylabel="")
    across = names(table.columns)
    slanted = (
        max((len(w) for name in across for w in name.split()), default=0) * len(across) * d.size(10)
        > 72 * d.width
    )
    turned = (
        {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {"rotation": 0}
    )
    ax.set_xticks(
        np.arange(len(across)) + 0.5,
        [d.wrap(n, 0.3) if slanted else d.wrap(n, 0.6 / len(across)) for n in across],
        **turned,
    )
    d.names_beside(
        ax, np.arange(len(table)) + 0.5, [spoken(str(g)) or "all" for g in table.index], 0.26
    )
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
            f"tips at {number(tip, 1)}",
            (tip, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, -12),
            textcoords="offset points",
            fontsize=d.size(9),
            color=ORANGE,
        )
    unit = result.outcome.unit if result.outcome else ""
    added = "added to the missing scores, to make them worse" + (f" ({unit})" if unit else "")
    ax.set_xlabel(d.wrap(added, 0.7, 11))
    ax.set_ylabel(
        d.wrap(
            f"{result.axis.words or 'estimate'}, {level_text(result.analysis.level)} interval",
            0.42,
            11,
        )
    )
    d.title(result.analysis.title(result.outcome))


def _tip(result: Result) -> float:
    return next((e.value for e in result.estimates if e.measure is Measure.THRESHOLD), math.nan)
