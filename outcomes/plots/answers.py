"""Pictures of answers to choose from: stacked bars by group, and profiles over the visits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from outcomes.core.language import say
from outcomes.core.result import Result
from outcomes.core.wording import percent, spoken
from outcomes.plots.drawing import INK, Drawing
from outcomes.plots.registry import Mark, picture


def _given(result: Result) -> bool:
    frame = result.data["answers"]
    return bool(frame.drop(columns="group").to_numpy().sum() > 0)


@picture(
    "answers",
    Mark(
        "shares",
        "Each bar is a group, divided by answer; the larger shares are written in it.",
        _given,
    ),
    size=(7.2, 3.0),
    rows=lambda r: 2.1 + 0.42 * len(r.data["answers"]),
)
def answers(result: Result, d: Drawing) -> None:
    """The share of each answer in each group, stacked from best to worst."""
    frame, ax = result.data["answers"].set_index("group"), d.ax
    d.title(result.analysis.title(result.outcome), 0.6)
    if not _given(result):
        d.nothing(say("no patient has an answer"))
        return
    rises = result.outcome is not None and result.outcome.better == "higher"
    levels = list(frame.columns)[::-1] if rises else list(frame.columns)
    total = frame.sum(axis=1).to_numpy(float)
    d.drew("shares", _stacked(d, ax, frame[levels].to_numpy(float), colours(result, len(levels))))
    d.names_beside(
        ax,
        range(len(frame)),
        [f"{spoken(str(g))} (n={int(n)})" for g, n in zip(frame.index, total, strict=True)],
        0.26,
        3,
    )
    _share_axis(d, ax, len(frame) - 1, say("share of patients"))
    _key(d, ax, [_level(v) for v in levels], result)


def _asked(result: Result) -> list[str]:
    return list(dict.fromkeys(result.data["profile"]["question"]))


def _bars(result: Result) -> list[tuple[str, str]]:
    """The bars of a profile, each a group and a visit."""
    frame = result.data["profile"]
    return list(dict.fromkeys(zip(frame["group"], frame["visit"], strict=True)))


def _rows(result: Result) -> list[float]:
    """Where each bar is: a little apart from the bars of another group."""
    groups = [g for g, _ in _bars(result)]
    return [i + 0.6 * len(set(groups[: i + 1])) - 0.6 for i in range(len(groups))]


def _profile_height(result: Result) -> float:
    return 1.6 + 0.3 * (max(_rows(result), default=0) + 1)


def _panel_count(result: Result) -> int:
    """A panel for each question, and one for the key; one question has its key beside it."""
    asked = len(_asked(result))
    return asked + 1 if asked > 1 else 1


def _answered(result: Result) -> bool:
    return bool(result.data["profile"]["patients"].sum() > 0)


@picture(
    "profile",
    Mark("shares", "Each bar is divided by answer, the best one first.", _answered),
    Mark("n", "The numbers beside the bars are the patients who answered.", _answered),
    size=(7.2, 3.0),
    rows=_profile_height,
    panels=_panel_count,
    panel_height=lambda r: 0.6 + 0.24 * (max(_rows(r), default=0) + 1),
)
def profile(result: Result, d: Drawing) -> None:
    """The share of each answer at each visit, a panel for each question."""
    frame, asked, bars = result.data["profile"], _asked(result), _bars(result)
    if not _answered(result):
        d.title(result.analysis.title(result.outcome))
        d.nothing(say("no patient answered at these visits"))
        return
    several = len(asked) > 1
    panels = d.grid(len(asked) + 1) if several else [d.ax]
    if several:
        d.name_panels(panels[:-1], asked, d.columns(len(panels)))
    key: list[str] = []
    at = _rows(result)
    for ax, question in zip(panels, asked, strict=False):
        own = frame[frame["question"] == question]
        table = own.pivot_table(
            index=["group", "visit"], columns="answer", values="patients", sort=False
        ).reindex(bars)
        key = max(key, [str(c) for c in table.columns], key=len)
        counts = table.to_numpy(float)
        d.drew("shares", _stacked(d, ax, counts, colours(result, counts.shape[1]), at, several))
        for y, n in zip(at, counts.sum(axis=1), strict=True):
            text = ax.annotate(
                f"{int(n)}",
                (1, y),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=d.size(8),
                color=d.faint,
            )
            d.drew("n", text)
        _share_axis(d, ax, at[-1], "" if several else say("share of patients"))
    names = [spoken(v) if not g else f"{spoken(v)}, {spoken(g)}" for g, v in bars]
    d.names_beside(d.ax, at, names, 0.16 if several else 0.26, 2)
    if several:
        _key_panel(d, panels[-1], key, result)
    else:
        digits = len(str(int(frame.groupby(["group", "visit"])["patients"].sum().max())))
        _key(d, d.ax, key, result, 1.4 + 0.6 * digits)
    d.title(result.analysis.title(result.outcome), 0.8)


def colours(result: Result, n: int) -> list[Any]:
    """A colour for each answer: blue for the best to red for the worst, where there is a better
    side.
    """
    import seaborn as sns

    ranked = result.outcome is not None and bool(result.outcome.better)
    return list(sns.color_palette("RdYlBu_r" if ranked and n > 2 else "Blues", n))


def _stacked(
    d: Drawing,
    ax: Axes,
    counts: np.ndarray,
    palette: Sequence[Any],
    at: Sequence[float] = (),
    many: bool = False,
) -> list[Any]:
    """Bars from 0 to 100%, a row of counts each; shares that have room are written."""
    total = counts.sum(axis=1)
    left, bars, at = np.zeros(len(counts)), [], at or list(range(len(counts)))
    least = 0.3 if many else 0.08 if d.width >= 4.6 else 0.2
    for column, colour in zip(counts.T, palette, strict=True):
        share = np.divide(column, total, out=np.zeros(len(counts)), where=total > 0)
        bars += list(ax.barh(at, share, left=left, color=colour, height=0.7, lw=0))
        light = float(np.dot(colour, (0.299, 0.587, 0.114))) > 0.45
        for y, s, start in zip(at, share, left, strict=True):
            if s >= least:
                ax.text(
                    start + s / 2,
                    y,
                    percent(s),
                    ha="center",
                    va="center",
                    fontsize=d.size(8 if many else 9),
                    color=INK if light else "white",
                )
        left = left + share
    return bars


def _share_axis(d: Drawing, ax: Axes, last: float, words: str) -> None:
    ax.set(xlim=(0, 1), ylim=(last + 0.6, -0.6))
    ax.set_xticks([0, 0.5, 1] if d.width < 4.6 or not words else np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel(words)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _head(result: Result) -> str:
    ranked = result.outcome is not None and bool(result.outcome.better)
    return say("answer, best at the top") if ranked else say("answer, first at the top")


def _patches(key: Sequence[str], result: Result) -> list[Patch]:
    return [
        Patch(facecolor=c, label=k) for k, c in zip(key, colours(result, len(key)), strict=True)
    ]


def _key(d: Drawing, ax: Axes, key: Sequence[str], result: Result, pad: float = 0.4) -> None:
    d.legend(
        ax,
        handles=_patches(key, result),
        loc="upper left",
        bbox_to_anchor=(1, 1),
        borderaxespad=pad,
        title=d.wrap(_head(result), 0.2, 9),
    )


def _key_panel(d: Drawing, ax: Axes, key: Sequence[str], result: Result) -> None:
    """The key in a panel of its own."""
    ax.axis("off")
    d.legend(
        ax,
        handles=_patches(key, result),
        loc="center left",
        bbox_to_anchor=(0, 0.5),
        title=d.wrap(_head(result), 0.2, 9),
        fontsize=d.size(9),
    )


def _level(level: object) -> str:
    return f"{level:g}" if isinstance(level, int | float | np.number) else str(level)
