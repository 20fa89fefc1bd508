"""Pictures over visits and days: courses, patient lines by group, relief, periods of a crossover,
run charts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.ticker import PercentFormatter

from outcomes.core.language import in_language, say, say_n
from outcomes.core.result import Result
from outcomes.core.wording import NONE, level_text, spoken, whole
from outcomes.plots.drawing import BLUE, GREY, MANY, ORANGE, Drawing, look, names, shortened
from outcomes.plots.registry import Mark, picture


def _seen(result: Result) -> bool:
    return bool(result.data["course"][["low", "mean", "high"]].notna().any(axis=None))


@picture(
    "course",
    Mark(
        "means",
        "Points are means of the patients seen at each visit.",
        lambda r: r.model is None and _seen(r),
    ),
    Mark(
        "means",
        "Points are means from the model at each visit.",
        lambda r: r.model is not None and _seen(r),
    ),
    Mark(
        "intervals",
        "Bars are their confidence intervals.",
        lambda r: bool(r.data["course"]["low"].notna().any()),
    ),
    Mark("n", "The numbers under the axis say how many patients were seen."),
    rows=lambda r: 3.9 + 0.2 * r.data["course"]["group"].nunique(),
)
def course(result: Result, d: Drawing) -> None:
    """Mean and interval at each visit, with the number of patients seen written under it."""
    frame, ax = result.data["course"], d.ax
    visits, groups = (list(dict.fromkeys(frame[c])) for c in ("visit", "group"))
    labels = names(visits)
    d.names_below(ax, labels, 0.66)
    lines = _lines_below(ax)
    for i, group in enumerate(groups):
        rows = frame[frame["group"] == group].set_index("visit").reindex(visits)
        x = np.arange(len(visits)) + (i - (len(groups) - 1) / 2) * min(0.12, 0.6 / len(groups))
        colour, marker = look(group, groups)
        reach = np.nan_to_num(np.vstack([rows["mean"] - rows["low"], rows["high"] - rows["mean"]]))
        bar = ax.errorbar(
            x,
            rows["mean"],
            yerr=reach,
            color=colour,
            marker=marker,
            ms=d.size(7),
            lw=2,
            capsize=4,
            label=spoken(str(group)) or None,
        )
        if rows["mean"].notna().any():
            d.drew("means", bar.lines[0])
        if rows["low"].notna().any():
            d.drew("intervals", list(bar.lines[2]))
        _seen_row(d, i, str(group), rows["n"], colour, lines)
    d.score_axis(ax.yaxis, result.outcome)
    if not _seen(result):
        d.nothing(say("no score at any visit"))
        d.names_below(ax, labels, 0.66)
    else:
        ends = frame[["low", "mean", "high"]].to_numpy(float)
        low, high = np.nanmin(ends), np.nanmax(ends)
        room = (high - low) or 1.0
        ax.set_ylim(low - 0.12 * room, high + 0.1 * room)
    ax.set_xlim(-0.4, len(visits) - 0.6)
    if (
        len(groups) > 1 and d.width >= 4.6
    ):  # in a narrow picture the coloured names under the axis are the key
        d.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    level = level_text(result.analysis.level)
    modelled = result.model is not None
    what = {"score": result.outcome.said if result.outcome else say("Score"), "level": level}
    d.title(
        say("{score}: mean from the model (n: scores seen), {level} interval", **what)
        if modelled
        else say("{score}: mean of those seen, {level} interval", **what)
    )


def _lines_below(ax: Axes) -> int:
    """How many lines the names under an axis take; slanted ones as many as their height is."""
    labels = ax.get_xticklabels()
    longest = max((len(t.get_text()) for t in labels), default=0)
    if labels and labels[0].get_rotation() > 0:
        return math.ceil(0.32 * longest)
    return max((t.get_text().count("\n") for t in labels), default=0)


def _seen_row(d: Drawing, i: int, group: str, seen: pd.Series, colour: str, lines: int) -> None:
    """A row of numbers of patients under the axis, one for each group."""
    down = -d.size(12) * (2.4 + 1.2 * lines) - d.size(14) * i
    label = shortened(spoken(group), int(0.2 * d.width * 72 / (0.54 * d.size(9)))) or say("seen, n")
    how: dict[str, Any] = {
        "textcoords": "offset points",
        "va": "center",
        "fontsize": d.size(9),
        "color": d.ink,
    }
    said = d.ax.annotate(
        label, (0, 0), xycoords="axes fraction", xytext=(-8, down), ha="right", **how
    )
    said.set_color(colour if group else d.ink)
    d.under(i, said)
    for position, n in enumerate(seen):
        count = d.ax.annotate(
            NONE if np.isnan(n) else whole(int(n)),
            (position, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, down),
            ha="center",
            **how,
        )
        d.under(i, count)
        d.spare.append(count)
        d.drew("n", count)


def _trajectories(result: Result) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names of the visits, and the scores of each group's patients (patients × visits)."""
    if "groups" in result.data:
        frame = result.data["groups"]
        visits = [spoken(str(getattr(result.analysis, f, "") or f)) for f in ("before", "after")]
        parts = {
            str(g): x[["before", "after"]].to_numpy(float)
            for g, x in frame.groupby("group", sort=False)
        }
        return visits, parts
    if "repeated" in result.data:
        frame = result.data["repeated"]
        return names(frame.columns), {"": frame.to_numpy(float)} if len(frame) else {}
    frame = result.data["patients"]
    visits_ = [c for c in frame if c != "group"]
    return names(visits_), {
        str(g): x[visits_].to_numpy(float) for g, x in frame.groupby("group", sort=False)
    }


def _has_lines(result: Result) -> bool:
    if "patients" in result.data or "repeated" in result.data:
        return True
    return "groups" in result.data and bool(getattr(result.analysis, "before", ""))


def _any_lines(result: Result) -> bool:
    return bool(_trajectories(result)[1])


def _crowded(result: Result) -> bool:
    return any(len(x) > MANY for x in _trajectories(result)[1].values())


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    """These patients, or so many of them, chosen at random (the same ones every time)."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(1).choice(len(rows), most, replace=False))]


def _segment(x: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The line of a patient; a single score is a short dash."""
    points = np.column_stack([x, scores])[~np.isnan(scores)]
    if len(points) != 1:
        return points
    return points + np.array([[-0.05, 0.0], [0.05, 0.0]])


@picture(
    "patients",
    Mark(
        "patients",
        "Each line is a patient of the group named above it.",
        lambda r: _any_lines(r) and not _crowded(r),
    ),
    Mark(
        "patients",
        "Lines are up to {most} patients of the group named above them, chosen at random.",
        lambda r: _any_lines(r) and _crowded(r),
        most=MANY,
    ),
    Mark(
        "others",
        "Grey lines are patients of the other groups.",
        lambda r: len(_trajectories(r)[1]) > 1,
    ),
    Mark("means", "The dark line joins the means of all patients of the group.", _any_lines),
    needs=_has_lines,
    panels=lambda r: len(_trajectories(r)[1]),
    single_patients=True,
)
def patient_lines(result: Result, d: Drawing) -> None:
    """Every patient over the visits, a panel for each group, with the other groups in grey."""
    visits, parts = _trajectories(result)
    score = result.outcome.said if result.outcome else say("Score")
    title = say("{score}: each patient over the visits", score=score)
    if not parts:
        d.title(title)
        d.nothing(say("no patient has a score"))
        return
    panels = d.grid(len(parts))
    columns = d.columns(len(parts))
    heads = [f"{spoken(g)} (n={len(x)})" if g else f"n={len(x)}" for g, x in parts.items()]
    d.name_panels(panels, heads, columns)
    d.title(title)
    x = np.arange(len(visits))

    def lines(rows: np.ndarray, **how: Any) -> LineCollection:
        return LineCollection([_segment(x, r) for r in rows], **how)

    for ax, (group, rows) in zip(panels, parts.items(), strict=True):
        colour, _ = look(group, list(parts)) if group else (BLUE, "o")
        if len(parts) > 1:
            rest = _some(np.vstack([r for g, r in parts.items() if g != group]), MANY)
            d.drew(
                "others",
                ax.add_collection(lines(rest, colors=to_rgba(GREY, 0.3), linewidths=0.6, zorder=1)),
            )
        shown = lines(_some(rows, MANY), colors=to_rgba(colour, 0.45), linewidths=0.9, zorder=2)
        d.drew("patients", ax.add_collection(shown))
        means = pd.DataFrame(rows).mean().to_numpy()
        d.drew(
            "means",
            ax.plot(
                x,
                means,
                color=d.ink,
                lw=2.4,
                marker="o",
                ms=d.size(6),
                mfc=d.paper,
                mew=1.8,
                zorder=3,
            ),
        )
        ax.autoscale_view()
        d.names_below(ax, visits, 0.62 / columns)
        ax.set_xlim(-0.25, max(len(visits) - 0.75, 0.25))
    d.score_axis(d.ax.yaxis, result.outcome)


def _relief_groups(result: Result) -> list[str]:
    groups = [str(g) for g in dict.fromkeys(result.data["survival"]["group"])]
    return [g for g in groups if g] or groups  # everybody together only where there are no groups


@picture(
    "survival",
    Mark("curves", "Steps are the share of patients still in relief.", lambda r: not r.axis.words),
    Mark(
        "curves",
        "Steps are the share of patients to whom it has not happened yet.",
        lambda r: bool(r.axis.words),
    ),
    Mark(
        "limits",
        "Shaded: the confidence interval.",
        lambda r: bool(r.data["survival"]["low"].notna().any()),
    ),
    Mark(
        "at_risk",
        "The numbers under the axis say how many are still followed.",
        lambda r: "at_risk" in r.data["survival"],
    ),
    rows=lambda r: 3.9 + 0.2 * len(_relief_groups(r)),
)
def survival(result: Result, d: Drawing) -> None:
    """Share of patients still in relief over the days, with its limits, and how many are still
    followed.
    """
    frame, groups, ax = result.data["survival"], _relief_groups(result), d.ax
    last = float(frame["time"].max())
    for i, group in enumerate(groups):
        own = frame[frame["group"] == group]
        start = pd.DataFrame({"time": [0.0], "survival": [1.0], "low": [1.0], "high": [1.0]})
        rows = pd.concat([start, own[list(start)]])
        colour, _ = look(group, groups)
        d.drew(
            "curves",
            ax.step(
                rows["time"],
                rows["survival"],
                where="post",
                color=colour,
                lw=2.2,
                label=spoken(group) or None,
            ),
        )
        if own["low"].notna().any():
            shade = ax.fill_between(
                rows["time"],
                rows["low"],
                rows["high"],
                step="post",
                color=to_rgba(colour, 0.15),
                lw=0,
            )
            d.drew("limits", shade)
        if "at_risk" in own:
            _at_risk(d, i, group, own, colour)
    ax.set(xlim=(0, last * 1.02), ylim=(0, 1.04))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(say("days"))
    words = in_language(result.axis.words) or say("patients whose pain is not back")
    ax.set_ylabel(d.wrap(words, 0.4, 11))
    if len(groups) > 1:
        d.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    d.title(result.analysis.title(result.outcome))


def _at_risk(d: Drawing, i: int, group: str, own: pd.DataFrame, colour: str) -> None:
    """How many are followed up to each of a few days; a day's number is that of the first step at
    or after it.
    """
    down = -d.size(12) * 3.6 - d.size(14) * i
    how: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": d.size(9)}
    letters = int(0.2 * d.width * 72 / (0.54 * d.size(9)))
    label = shortened(spoken(group), letters) or say("followed")
    said = d.ax.annotate(
        label,
        (0, 0),
        xycoords="axes fraction",
        xytext=(-8, down),
        ha="right",
        color=colour if group else d.ink,
        **how,
    )
    d.under(i, said)
    for day in own["time"].iloc[
        np.unique(np.linspace(0, len(own) - 1, min(4, len(own))).astype(int))
    ]:
        n = int(own.loc[own["time"] >= day, "at_risk"].iloc[0])
        count = d.ax.annotate(
            whole(n),
            (day, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, down),
            ha="center",
            color=d.ink,
            **how,
        )
        d.under(i, count)
        d.spare.append(count)
        d.drew("at_risk", count)


@picture(
    "sequences",
    Mark(
        "means",
        "Each line is an order of treatments: its mean in each period, named by the treatment.",
    ),
    needs=lambda r: "cells" in r.data,
    size=(5.6, 4.2),
    rows=lambda r: 3.0 + 0.3 * r.data["cells"]["order"].nunique(),
)
def sequences(result: Result, d: Drawing) -> None:
    """The mean of each order of treatments in each period."""
    frame, ax = result.data["cells"], d.ax
    orders, periods = (list(dict.fromkeys(frame[c])) for c in ("order", "period"))
    for i, order in enumerate(orders):
        rows = frame[frame["order"] == order].set_index("period").reindex(periods)
        colour, marker = look(str(order), [str(o) for o in orders])
        label = f"{spoken(str(order))} (n={int(rows['n'].max())})"
        d.drew(
            "means",
            ax.plot(
                range(len(periods)),
                rows["mean"],
                marker=marker,
                color=colour,
                lw=2,
                ms=d.size(7),
                label=label,
            ),
        )
        for x, (_, r) in enumerate(rows.iterrows()):
            # beside the point on the outer side, so that crossing lines leave the words free
            up = 9 if r["mean"] >= frame.loc[frame["period"] == periods[x], "mean"].mean() else -9
            up = (
                up
                if frame.loc[frame["period"] == periods[x], "mean"].nunique() > 1
                else (9, -9)[i % 2]
            )
            d.beside_marks(
                ax,
                [(x, r["mean"])],
                [spoken(str(r["arm"]))],
                xytext=(0, up),
                ha="center",
                va="bottom" if up > 0 else "top",
                color=colour,
            )
    d.names_below(ax, [say("period {name}", name=p) for p in periods])
    ax.set_xlim(-0.35, len(periods) - 0.65)
    ax.margins(y=0.2)
    d.score_axis(ax.yaxis, result.outcome)
    d.legend()
    score = result.outcome.said if result.outcome else say("Score")
    d.title(say("{score}: mean in each period", score=score))


@picture(
    "run",
    Mark("values", "Points are the results of the periods; hollow ones rest on few patients."),
    Mark("signals", "A ring marks a signal.", lambda r: bool(r.data["run"]["signal"].any())),
    Mark(
        "limits",
        "Dashed lines are control limits.",
        lambda r: bool(r.data["run"]["low"].notna().any()),
    ),
    size=(7.6, 3.6),
)
def run_chart(result: Result, d: Drawing) -> None:
    """A result a period, with its centre and control limits; hollow points rest on few patients,
    signals are ringed.
    """
    frame, ax = result.data["run"], d.ax
    x = np.arange(len(frame))
    ax.plot(x, frame["value"], color=BLUE, lw=1.2, zorder=2)
    for i, (_, r) in zip(x, frame.iterrows()):
        face: Any = BLUE if r["large"] else d.paper
        d.drew(
            "values", ax.plot([i], [r["value"]], "o", color=BLUE, ms=7, mfc=face, mew=1.6, zorder=3)
        )
        if r["signal"]:
            d.drew(
                "signals",
                ax.plot([i], [r["value"]], "o", color=ORANGE, ms=15, mfc="none", mew=2, zorder=4),
            )
    if frame["low"].notna().any():
        ax.axhline(frame["centre"].iloc[0], color=d.ink, lw=1)
        for edge in ("low", "high"):
            d.drew("limits", ax.step(x, frame[edge], where="mid", color=GREY, lw=1.4, ls="--"))
    d.names_below(ax, [str(p) for p in frame["period"]])
    for i, n in zip(x, frame["n"]):
        words = f"n={n}" if len(frame) <= 2 * d.width else str(n)
        size = ax.annotate(
            words,
            (i, 0.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=d.size(8),
            color=d.faint,
        )
        d.spare.append(size)
    low, high = (
        np.nanmin(frame[["value", "low"]].to_numpy()),
        np.nanmax(frame[["value", "high"]].to_numpy()),
    )
    room = max(high - low, 1e-9)
    ax.set_ylim(low - 0.2 * room, high + 0.1 * room)
    if result.axis.percent:
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlim(-0.5, len(frame) - 0.5)
    d.title(result.analysis.title(result.outcome))


#: More courses than this are drawn as every k-th of them, the longest and the shortest included.
COURSES = 120


def _courses(result: Result) -> pd.Series:
    """The last day of each patient that is drawn, the longest course first."""
    last = result.data["swimmer"].groupby("patient")["day"].max()
    last = last.sort_values(ascending=False, kind="stable")
    keep = np.unique(np.linspace(0, max(len(last) - 1, 0), COURSES).astype(int))
    return last.iloc[keep[: len(last)]]


def _routes(result: Result) -> list[str]:
    frame = result.data["swimmer"]
    return sorted(set(frame["route"])) if "route" in frame else [""]


@picture(
    "swimmer",
    Mark(
        "followed",
        "Each bar is a patient, from the first to the last infusion.",
        lambda r: 0 < len(_courses(r)) == r.data["swimmer"]["patient"].nunique(),
    ),
    Mark(
        "followed",
        "Each bar is a patient, from the first to the last infusion; of all patients {most},"
        " evenly from the longest course to the shortest.",
        lambda r: len(_courses(r)) < r.data["swimmer"]["patient"].nunique(),
        most=COURSES,
    ),
    Mark("infusions", "Diamonds are infusions.", lambda r: len(r.data["swimmer"]) > 0),
    size=(7.2, 4.6),
    single_patients=True,
)
def swimmer(result: Result, d: Drawing) -> None:
    """The course of infusions of each patient, the longest first, coloured by route."""
    frame, ax = result.data["swimmer"], d.ax
    everybody = frame["patient"].nunique()
    d.title(say_n("Infusions of {n} patient", "Infusions of {n} patients", everybody))
    if frame.empty:
        d.nothing(say("no infusion has a day"))
        return
    last, routes = _courses(result), _routes(result)
    place = {p: i for i, p in enumerate(last.index)}
    bars = ax.barh(range(len(last)), last.to_numpy(float), height=0.7, color=to_rgba(GREY, 0.35))
    d.drew("followed", list(bars))
    given = frame[frame["patient"].isin(last.index)]
    size = float(np.clip(200 / len(last), 1.8, 7))
    for route in routes:
        own = given[given["route"] == route] if "route" in given else given
        colour, _ = look(route, routes)
        y = [place[p] for p in own["patient"]]
        label = (spoken(route) or say("not known")) if len(routes) > 1 else None
        d.drew("infusions", ax.plot(own["day"], y, "D", color=colour, ms=size, lw=0, label=label))
    ax.set_ylim(len(last) - 0.4, -0.6)
    ax.margins(x=0.03)
    ax.set_yticks([])
    ax.set_ylabel(say("patients, longest course first"))
    ax.set_xlabel(say("days since the first infusion"))
    if len(routes) > 1:
        d.legend(markerscale=max(6 / size, 1))
