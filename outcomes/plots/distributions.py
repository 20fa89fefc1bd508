"""Pictures of distributions beside their estimate: rainclouds and estimation plots, drawn with
seaborn.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import MatplotlibDeprecationWarning
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from outcomes.core.estimate import Estimate
from outcomes.core.language import in_language, named, say
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import MINUS, level_text, spoken, whole
from outcomes.plots.drawing import BLUE, GREY, MANY, ORANGE, Drawing, look, shortened
from outcomes.plots.meaning import (
    comparisons,
    main_change,
    margins,
    place_words,
    sides,
    value_words,
)
from outcomes.plots.registry import Mark, picture


@contextmanager
def old_call() -> Iterator[None]:
    """seaborn 0.13 calls matplotlib 3.11's box plot in the old way: no warning of that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MatplotlibDeprecationWarning)
        yield


@contextmanager
def _seeded() -> Iterator[None]:
    """seaborn's jitter takes numpy's global generator: the same picture every time, and the
    caller's generator as it was.
    """
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def clouds(result: Result) -> dict[str, np.ndarray]:
    """What the distributions are of, by name: visits of the same patients, or groups; empty where
    the result has neither.
    """
    data, question = result.data, result.analysis
    if "pairs" in data and {"before", "after"} <= set(data["pairs"]):
        visits = [spoken(str(getattr(question, f, f))) for f in ("before", "after")]
        return {
            v: data["pairs"][f].to_numpy(float)
            for v, f in zip(visits, ("before", "after"), strict=True)
        }
    if "summaries" in data:
        return {
            spoken(str(g)): x.to_numpy(float)
            for g, x in data["summaries"].groupby("group", sort=False)["value"]
        }
    if "groups" in data:
        return {
            str(g): x.to_numpy(float)
            for g, x in data["groups"].groupby("group", sort=False)["value"]
        }
    if "repeated" in data:
        return {spoken(str(v)): data["repeated"][v].to_numpy(float) for v in data["repeated"]}
    return {}


def _clouds(result: Result) -> bool:
    return bool(clouds(result))


def _filled(result: Result) -> bool:
    return any(len(x) for x in clouds(result).values())


def _spread(result: Result) -> bool:
    return any(len(np.unique(x)) > 1 for x in clouds(result).values())


def _long(parts: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": np.repeat(list(parts), [len(x) for x in parts.values()]),
            "value": np.concatenate(list(parts.values())),
        }
    )


def _colours(result: Result, parts: dict[str, np.ndarray]) -> dict[str, str]:
    if ("groups" in result.data or "summaries" in result.data) and "pairs" not in result.data:
        return {g: look(g, list(parts))[0] for g in parts}
    return dict.fromkeys(parts, BLUE)


def _value_label(d: Drawing, axis: Any, result: Result) -> None:
    if "summaries" in result.data:  # an area under a diary has a unit of its own
        axis.set_label_text(d.wrap(in_language(result.axis.words), 0.7))
        return
    changed = (
        "groups" in result.data
        and "pairs" not in result.data
        and bool(getattr(result.analysis, "before", ""))
    )
    d.score_axis(axis, result.outcome, change=changed)


@picture(
    "raincloud",
    Mark("cloud", "Each cloud is the distribution of the scores.", _spread),
    Mark("box", "Boxes show the median and the quartiles.", _filled),
    Mark("patients", "Each dot is a patient.", lambda r: _filled(r) and _dotted(r)),
    needs=_clouds,
    rows=lambda r: 1.4 + 0.95 * len(clouds(r)),
    single_patients=True,
)
def raincloud(result: Result, d: Drawing) -> None:
    """For each visit or group: half a violin, a box, and the patients as dots."""
    import seaborn as sns

    parts, ax = clouds(result), d.ax
    d.title(result.analysis.title(result.outcome))
    if not _filled(result):
        d.nothing(say("no patient has these scores"))
        return
    frame, order, colours = _long(parts), list(parts), _colours(result, parts)
    shared: dict[str, Any] = {
        "data": frame,
        "x": "value",
        "y": "name",
        "order": order,
        "hue": "name",
        "hue_order": order,
        "palette": colours,
        "legend": False,
        "ax": ax,
        "orient": "h",
    }
    spread = [name for name, x in parts.items() if len(np.unique(x)) > 1]
    if spread:
        wide = frame[frame["name"].isin(spread)]
        sns.violinplot(
            **shared | {"data": wide},
            inner=None,
            cut=0,
            density_norm="width",
            width=0.8,
            linewidth=0,
            alpha=0.55,
        )
        halves = list(ax.collections)
        for half in halves:
            for path in half.get_paths():
                corners: Any = path.vertices
                corners[:, 1] = np.minimum(corners[:, 1], corners[:, 1].mean().round()) - 0.06
        d.drew("cloud", halves)
    before = len(ax.patches)
    line = {"color": d.ink, "linewidth": 1.2}
    with old_call():
        sns.boxplot(
            **shared,
            width=0.11,
            showfliers=False,
            whis=(5, 95),
            fill=True,
            saturation=0.6,
            boxprops={"edgecolor": d.ink, "linewidth": 1.2},
            medianprops=line | {"linewidth": 2},
            whiskerprops=line,
            capprops=line,
        )
    d.drew("box", list(ax.patches[before:]))
    if _dotted(result):
        drops = len(ax.collections)
        with _seeded():
            sns.stripplot(**shared, size=d.size(4), alpha=0.45, jitter=0.1, linewidth=0)
        for dots in ax.collections[drops:]:
            dots.set_offsets(np.asarray(dots.get_offsets()) + np.array([0, 0.24]))
        d.drew("patients", list(ax.collections[drops:]))
    ax.set_ylim(len(order) - 0.5, -0.56)
    labels = [f"{spoken(name)} (n={whole(len(x))})" for name, x in parts.items()]
    d.names_beside(ax, range(len(order)), labels, 0.24)
    ax.set_ylabel("")
    _value_label(d, ax.xaxis, result)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _dotted(result: Result) -> bool:
    return sum(len(x) for x in clouds(result).values()) <= 5 * MANY


def differences(result: Result) -> list[Estimate]:
    """What an estimation plot shows beside the data: the change of the same patients, or each group
    against its reference.
    """
    if "pairs" in result.data:
        e = main_change(result)
        return [e] if e is not None else []
    if "repeated" in result.data:  # each later visit against the first
        first = str(next(iter(result.data["repeated"])))
        return [
            e
            for e in result.estimates
            if e.measure is Measure.CHANGE and e.contrast.from_visit == first
        ]
    return comparisons(result) if "groups" in result.data else []


def _lines(result: Result) -> bool:
    return "pairs" in result.data and _filled(result) and len(result.data["pairs"]) <= MANY


def _shown(result: Result) -> bool:
    return _filled(result) and bool(differences(result))


@picture(
    "estimation",
    Mark("patients", "Each dot is a patient.", lambda r: _filled(r) and _dotted(r)),
    Mark("lines", "A line joins the two scores of a patient.", _lines),
    Mark("means", "Bars are the means of the patients shown.", _filled),
    Mark("estimate", "Beside or under them is the estimate with its interval.", _shown),
    Mark("zero", "The thin line is no difference.", _shown),
    Mark(
        "margins", "Dashed lines are the stated margins.", lambda r: _shown(r) and bool(margins(r))
    ),
    Mark(
        "direction",
        "Arrows say which way is better.",
        lambda r: _shown(r) and bool(sides(differences(r), r.outcome)),
    ),
    size=(7.2, 4.6),
    rows=lambda r: 5.0 if len(differences(r)) > 1 else 4.0,
    needs=lambda r: _clouds(r) and bool(differences(r)),
    single_patients=True,
)
def estimation(result: Result, d: Drawing) -> None:
    """The data on one axis, the difference with its interval on another: Gardner-Altman, with
    several groups Cumming.
    """
    import seaborn as sns

    parts, ax, shown = clouds(result), d.ax, differences(result)
    stacked = len(shown) > 1 or d.width < 4.6
    d.title(result.analysis.title(result.outcome), 0.8 if stacked else 0.55)
    if not _filled(result):
        d.nothing(say("no patient has these scores"))
        return
    order, colours = list(parts), _colours(result, parts)
    if _lines(result):
        pairs = result.data["pairs"]
        lines = ax.plot(
            [0, 1],
            pairs[["before", "after"]].to_numpy(float).T,
            color=GREY,
            lw=0.7,
            alpha=0.35,
            zorder=1,
        )
        d.drew("lines", lines)
    if _dotted(result):
        with _seeded():
            sns.stripplot(
                data=_long(parts),
                x="name",
                y="value",
                order=order,
                hue="name",
                palette=colours,
                legend=False,
                ax=ax,
                size=d.size(4.5),
                alpha=0.6,
                jitter=0.03 if _lines(result) else 0.2,
                linewidth=0,
            )
        d.drew("patients", list(ax.collections))
    for i, x in enumerate(parts.values()):
        if len(x):
            d.drew(
                "means",
                ax.plot(
                    [i - 0.28, i + 0.28],
                    [x.mean()] * 2,
                    color=d.ink,
                    lw=2.6,
                    zorder=5,
                    solid_capstyle="butt",
                ),
            )
    ax.set_xlim(-0.6, len(order) - 0.4)
    ax.set_xlabel("")
    d.names_below(
        ax, [f"{spoken(n)}\nn={whole(len(x))}" for n, x in parts.items()], 0.75 if stacked else 0.42
    )
    _value_label(d, ax.yaxis, result)
    if shown:
        _difference_panel(
            d, result, shown, d.beside(0.46, below=True, gap=0.2) if stacked else d.beside(0.36)
        )


def _compared(e: Estimate, result: Result) -> str:
    """What is compared with what, in words."""
    if e.contrast.reference:
        return place_words(e.contrast)
    if "repeated" in result.data:
        return f"{spoken(e.contrast.visit)} {MINUS} {spoken(e.contrast.from_visit)}"
    return named(e.label)


def _difference_panel(d: Drawing, result: Result, shown: list[Estimate], side: Axes) -> None:
    for i, e in enumerate(shown):
        reach = None if math.isnan(e.low) else [[e.value - e.low], [e.high - e.value]]
        mark = side.errorbar(
            [i], [e.value], yerr=reach, fmt="o", color=d.ink, ms=d.size(8), lw=2.2, capsize=0
        )
        d.drew("estimate", mark.lines[0])
    d.drew("zero", side.axhline(0, color=GREY, lw=1))
    for m in margins(result):
        d.drew("margins", side.axhline(m, color=ORANGE, lw=1.4, ls="--"))
    names = [f"{_compared(e, result)}\n{value_words(e, result.outcome)}" for e in shown]
    d.names_below(side, names, 0.3 if len(shown) == 1 and d.width >= 4.6 else 0.75)
    side.set_xlim(-0.4, len(shown) - 0.6)
    level = level_text(shown[0].level)
    unit = result.outcome.units if result.outcome else ""
    words_beside = (
        say("difference, {level} interval ({unit})", level=level, unit=unit)
        if unit
        else say("difference, {level} interval", level=level)
    )
    side.set_ylabel(
        d.wrap(words_beside, 0.4),
        fontsize=d.size(10),
    )
    side.yaxis.set_major_locator(MaxNLocator(nbins=6))
    side.margins(y=0.25)
    words = sides(shown, result.outcome)
    if words:
        up, down = (words.worse, words.better) if words.falling else (words.better, words.worse)
        for y, inside, text in ((1, "top", f"↑ {up}"), (0, "bottom", f"↓ {down}")):
            said = side.annotate(
                d.wrap(shortened(text, 44 if d.width >= 4.6 else 30), 0.28, 9),
                (0.02, y),
                xycoords="axes fraction",
                va=inside,
                ha="left",
                fontsize=d.size(9),
                color=d.ink,
                style="italic",
            )
            d.drew("direction", said)
