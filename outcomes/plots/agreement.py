"""How far two scores of the same patients are apart: Bland and Altman's plot."""

from __future__ import annotations

import math

from matplotlib.colors import to_rgba

from outcomes.core.language import in_language, say
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, number
from outcomes.plots.drawing import BLUE, GREY, ORANGE, Drawing
from outcomes.plots.registry import Mark, picture


def _both(result: Result) -> bool:
    return len(result.data["agreement"]) > 0


def _line(row: int) -> object:
    def known(result: Result) -> bool:
        return _both(result) and not math.isnan(result.data["limits"]["value"].iloc[row])

    return known


def _intervals(result: Result) -> bool:
    return _both(result) and bool(result.data["limits"]["low"].notna().any())


@picture(
    "agreement",
    Mark(
        "patients",
        "Each dot is a patient (darker: several): how far the two scores are apart, against their"
        " mean.",
        _both,
    ),
    Mark("bias", "The solid line is the mean difference.", _line(1)),  # type: ignore[arg-type]
    Mark(
        "limits",
        "Between the dashed limits of agreement lie about 95% of single differences.",
        _line(0),  # type: ignore[arg-type]
    ),
    Mark("intervals", "Shaded: the confidence intervals of these lines.", _intervals),
    Mark("zero", "The thin line is no difference.", _both),
    needs=lambda r: "agreement" in r.data and "limits" in r.data,
    single_patients=True,
)
def agreement(result: Result, d: Drawing) -> None:
    """The difference of two scores against their mean, with bias and limits of agreement."""
    points, limits, ax = result.data["agreement"], result.data["limits"], d.ax
    d.title(result.analysis.title(result.outcome))
    if points.empty:
        d.nothing(say("no patient has both scores"))
        return
    few = len(points) <= 400
    dots = ax.scatter(
        points["mean"],
        points["difference"],
        s=d.size(24 if few else 12),
        color=BLUE,
        alpha=0.5 if few else 0.2,
        lw=0,
        zorder=3,
    )
    d.drew("patients", dots)
    d.drew("zero", ax.axhline(0, color=GREY, lw=0.8))
    k = digits_for(result.outcome.resolution) if result.outcome else 1
    limits_said = []
    for key, r in zip(("limits", "bias", "limits"), limits.to_dict("records"), strict=True):
        if math.isnan(r["value"]):
            continue
        colour, style = (d.ink, "-") if key == "bias" else (ORANGE, "--")
        d.drew(key, ax.axhline(r["value"], color=colour, lw=1.6, ls=style, zorder=4))
        if not math.isnan(r["low"]):
            d.drew("intervals", ax.axhspan(r["low"], r["high"], color=to_rgba(colour, 0.12), lw=0))
        limits_said.append((r["value"], f"{r['label']}\n{number(r['value'], k)}", colour))
    for value, text, colour in limits_said:
        said = ax.annotate(
            d.wrap(text, 0.2, 9),
            (1.02, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, 0),
            textcoords="offset points",
            va="center",
            fontsize=d.size(9),
            color=colour,
        )
        d.spread.append(said)
    ax.margins(y=0.15)
    d.score_axis(ax.xaxis, result.outcome, mean=True)
    words = in_language(result.axis.words) or say("difference")
    if result.outcome and result.outcome.unit:
        words = say("{quantity} ({unit})", quantity=words, unit=result.outcome.units)
    ax.set_ylabel(d.wrap(words, 0.5))
