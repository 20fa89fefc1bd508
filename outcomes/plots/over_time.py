"""Pictures over visits and days: courses, patient lines by group, relief, periods of a crossover,
run charts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.ticker import PercentFormatter

from outcomes.core.result import Result
from outcomes.core.wording import NONE, level_text, plural, spoken
from outcomes.plots.drawing import BLUE, GREY, ORANGE, Drawing, look, names
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
    slanted = bool(ax.get_xticklabels()) and ax.get_xticklabels()[0].get_rotation() > 0
    lines = (
        3 if slanted else max((t.get_text().count("\n") for t in ax.get_xticklabels()), default=0)
    )
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
        d.nothing("no score at any visit")
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
    means = "mean from the model (n: scores seen)" if modelled else "mean of those seen"
    d.title(f"{result.outcome.title if result.outcome else 'Score'}: {means}, {level} interval")


def _seen_row(d: Drawing, i: int, group: str, seen: pd.Series, colour: str, lines: int) -> None:
    """A row of numbers of patients under the axis, one for each group."""
    down = -d.size(12) * (2.4 + 1.2 * lines) - d.size(14) * i
    label = d.wrap(spoken(group), 0.22, 9).split("\n")[0] if group else "seen, n"
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
    for position, n in enumerate(seen):
        d.drew(
            "n",
            d.ax.annotate(
                NONE if np.isnan(n) else str(int(n)),
                (position, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, down),
                ha="center",
                **how,
            ),
        )


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
    frame = result.data["patients"]
    visits_ = [c for c in frame if c != "group"]
    return names(visits_), {
        str(g): x[visits_].to_numpy(float) for g, x in frame.groupby("group", sort=False)
    }


def _has_lines(result: Result) -> bool:
    if "patients" in result.data:
        return True
    return "groups" in result.data and bool(getattr(result.analysis, "before", ""))


@picture(
    "patients",
    Mark(
        "patients",
        "Each line is a patient of the group named above it.",
        lambda r: bool(_trajectories(r)[1]),
    ),
    Mark(
        "others",
        "Grey lines are the patients of the other groups.",
        lambda r: len(_trajectories(r)[1]) > 1,
    ),
    Mark("means", "The dark line joins the group's means.", lambda r: bool(_trajectories(r)[1])),
    needs=_has_lines,
    rows=lambda r: 1.2 + 2.3 * -(-len(_trajectories(r)[1]) // 3),
    single_patients=True,
)
def patient_lines(result: Result, d: Drawing) -> None:
    """Every patient over the visits, a panel for each group, with the other groups in grey."""
    visits, parts = _trajectories(result)
    if not parts:
        d.nothing("no patient has a score")
        return
    panels = d.grid(len(parts))
    x = np.arange(len(visits))

    def lines(rows: np.ndarray, **how: Any) -> LineCollection:
        return LineCollection([np.column_stack([x, r])[~np.isnan(r)] for r in rows], **how)

    for ax, (group, rows) in zip(panels, parts.items(), strict=True):
        colour, _ = look(group, list(parts))
        if len(parts) > 1:
            rest = np.vstack([r for g, r in parts.items() if g != group])
            d.drew(
                "others",
                ax.add_collection(lines(rest, colors=to_rgba(GREY, 0.3), linewidths=0.6, zorder=1)),
            )
        d.drew(
            "patients",
            ax.add_collection(lines(rows, colors=to_rgba(colour, 0.45), linewidths=0.9, zorder=2)),
        )
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
        d.title(
            f"{spoken(group)} (n={len(rows)})" if group else f"n={len(rows)}", 0.28, ax=ax, size=10
        )
        ax.autoscale_view()
        d.names_below(ax, visits, 0.62 / min(len(parts), max(1, int(d.width // 2.2))))
        ax.set_xlim(-0.25, len(visits) - 0.75)
    d.score_axis(d.ax.yaxis, result.outcome)


def _relief_groups(result: Result) -> list[str]:
    groups = [str(g) for g in dict.fromkeys(result.data["survival"]["group"])]
    return [g for g in groups if g] or groups  # everybody together only where there are no groups


@picture(
    "survival",
    Mark("curves", "Steps are the share of patients still in relief."),
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
    ax.set_xlabel("days")
    ax.set_ylabel(d.wrap("patients whose pain is not back", 0.4, 11))
    if len(groups) > 1:
        d.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    d.title(result.analysis.title(result.outcome))


def _at_risk(d: Drawing, i: int, group: str, own: pd.DataFrame, colour: str) -> None:
    """How many are followed up to each of a few days; a day's number is that of the first step at
    or after it.
    """
    down = -d.size(12) * 3.6 - d.size(14) * i
    how: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": d.size(9)}
    label = d.wrap(spoken(group) or "followed", 0.2, 9).split("\n")[0]
    d.ax.annotate(
        label,
        (0, 0),
        xycoords="axes fraction",
        xytext=(-8, down),
        ha="right",
        color=colour if group else d.ink,
        **how,
    )
    for day in own["time"].iloc[
        np.unique(np.linspace(0, len(own) - 1, min(4, len(own))).astype(int))
    ]:
        n = int(own.loc[own["time"] >= day, "at_risk"].iloc[0])
        d.drew(
            "at_risk",
            d.ax.annotate(
                str(n),
                (day, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, down),
                ha="center",
                color=d.ink,
                **how,
            ),
        )


@picture(
    "sequences",
    Mark(
        "means",
        "Each line is an order of treatments: its mean in each period, named by the treatment.",
    ),
    needs=lambda r: "cells" in r.data,
    size=(5.6, 4.2),
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
            ax.annotate(
                spoken(str(r["arm"])),
                (x, r["mean"]),
                xytext=(0, up),
                textcoords="offset points",
                ha="center",
                va="bottom" if up > 0 else "top",
                fontsize=d.size(9),
                color=colour,
            )
    d.names_below(ax, [f"period {p}" for p in periods])
    ax.set_xlim(-0.35, len(periods) - 0.65)
    ax.margins(y=0.2)
    d.score_axis(ax.yaxis, result.outcome)
    where = (
        {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
        if d.width >= 4.6
        else {"loc": "upper left", "bbox_to_anchor": (0, -0.2)}
    )
    d.legend(**where)
    d.title(f"{result.outcome.title if result.outcome else 'Score'}: mean in each period")


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
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right"} if len(frame) > d.width else {}
    ax.set_xticks(x, [str(p) for p in frame["period"]], **slanted)
    for i, n in zip(x, frame["n"]):
        words = f"n={n}" if len(frame) <= 2 * d.width else str(n)
        ax.annotate(
            words,
            (i, 0.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=d.size(8),
            color=d.faint,
        )
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


@picture(
    "swimmer",
    Mark("followed", "Each bar is a patient, as long as the patient is followed."),
    Mark(
        "infusions",
        "Diamonds are infusions.",
        lambda r: bool((r.data["swimmer"]["kind"] == "infusion").any()),
    ),
    size=(7.2, 4.6),
    single_patients=True,
)
def swimmer(result: Result, d: Drawing) -> None:
    """The course of infusions of each patient, the longest first."""
    frame, ax = result.data["swimmer"], d.ax
    last = frame.groupby("patient")["day"].max().sort_values(ascending=False)
    place = {p: i for i, p in enumerate(last.index)}
    d.drew(
        "followed",
        list(
            ax.barh(range(len(last)), last.to_numpy(float), height=0.7, color=to_rgba(BLUE, 0.25))
        ),
    )
    given = frame[frame["kind"] == "infusion"]
    if len(given):
        size = float(np.clip(200 / max(len(last), 1), 1.5, 7))
        d.drew(
            "infusions",
            ax.plot(given["day"], [place[p] for p in given["patient"]], "D", color=ORANGE, ms=size),
        )
    ax.set_ylim(len(last) - 0.4, -0.6)
    ax.set_yticks([])
    ax.set_ylabel("patients, longest followed first")
    ax.set_xlabel("days since the first infusion")
    d.title(f"Infusions of {plural(len(last), 'patient')}")
