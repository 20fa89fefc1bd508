"""Pictures of several sites or strata: funnels and L'Abbé plots."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.ticker import PercentFormatter

from outcomes.core.language import in_language, say
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import spoken
from outcomes.plots.drawing import BLUE, GREY, Drawing
from outcomes.plots.registry import Mark, picture


def _pooled(result: Result) -> bool:
    return result.main is not None and not math.isnan(result.main.value)


@picture(
    "funnel",
    Mark(
        "studies",
        "Each dot is a site: its estimate, and how exact it is.",
        lambda r: bool(r.data["funnel"]["se"].notna().any()),
    ),
    Mark("pooled", "The line is the pooled estimate.", lambda r: _drawn(r) and _pooled(r)),
    Mark(
        "expected",
        "95% of the sites are expected between the dashed lines if all had the same effect.",
        lambda r: _drawn(r) and _pooled(r),
    ),
    size=(6.2, 4.4),
)
def funnel(result: Result, d: Drawing) -> None:
    """The sites' estimates against their standard errors."""
    frame, ax = result.data["funnel"], d.ax
    d.title(result.analysis.title(result.outcome))
    if not _drawn(result):
        d.nothing(say("no site has a standard error"))
        return
    worst = float(frame["se"].max())
    points = ax.plot(frame["value"], frame["se"], "o", color=BLUE, ms=d.size(7), alpha=0.8)
    d.drew("studies", points)
    if _pooled(result):
        assert result.main is not None
        centre, z = result.main.value, 1.959964
        d.drew("pooled", ax.axvline(centre, color=d.ink, lw=1.4))
        for s in (-1, 1):
            ends = [centre, centre + s * z * worst * 1.1]
            d.drew("expected", ax.plot(ends, [0, worst * 1.1], color=GREY, lw=1.3, ls="--"))
    if "label" in frame:
        at = zip(frame["value"], frame["se"], strict=True)
        d.beside_marks(ax, at, [spoken(str(v)) for v in frame["label"]])
    ax.set_ylim(worst * 1.12, 0)
    ax.margins(x=0.12)
    ax.set_ylabel(say("standard error (small is exact)"))
    ax.set_xlabel(d.wrap(in_language(result.axis.words) or say("estimate"), 0.7, 11))


def _drawn(result: Result) -> bool:
    return bool(result.data["funnel"]["se"].notna().any())


def _strata(result: Result) -> bool:
    return len(result.data["labbe"]) > 0


def _common(result: Result) -> float:
    """The pooled difference of shares; nan where there is none."""
    e = result.main
    if e is None or e.measure is not Measure.SHARE_DIFFERENCE:
        return math.nan
    return e.value


@picture(
    "labbe",
    Mark(
        "strata",
        "Each circle is a stratum, as large as its patients are many: the share of responders in"
        " both groups.",
        _strata,
    ),
    Mark("equal", "On the thin line both groups are alike.", _strata),
    Mark(
        "common",
        "The dashed line is the common difference.",
        lambda r: _strata(r) and not math.isnan(_common(r)),
    ),
    Mark("direction", "The words say on which side which group has more.", _strata),
    size=(5.2, 5.0),
)
def labbe(result: Result, d: Drawing) -> None:
    """The share of responders of one group against that of the other, stratum by stratum."""
    frame, ax = result.data["labbe"], d.ax
    d.title(result.analysis.title(result.outcome))
    if not _strata(result):
        d.nothing(say("no stratum has patients of both groups"))
        return
    arm, reference = _names(result)
    area = 900 * (d.size(10) / 10) ** 2 * frame["n"] / frame["n"].max()
    d.drew(
        "strata",
        ax.scatter(frame["reference"], frame["group"], s=area, color=BLUE, alpha=0.55, lw=0),
    )
    d.drew("equal", ax.plot([0, 1], [0, 1], color=GREY, lw=1))
    shift = _common(result)
    if not math.isnan(shift):
        ends = np.array([max(0.0, -shift), min(1.0, 1.0 - shift)])
        d.drew("common", ax.plot(ends, ends + shift, color=d.ink, lw=1.4, ls="--"))
    for x, y, ha, va, group in (
        (0.03, 0.97, "left", "top", arm),
        (0.97, 0.03, "right", "bottom", reference),
    ):
        said = ax.text(
            x,
            y,
            d.wrap(say("more with {group}", group=group), 0.3, 9),
            ha=ha,
            va=va,
            fontsize=d.size(9),
            color=d.ink,
            style="italic",
        )
        d.drew("direction", said)
        d.spare.append(said)
    for x, y, a, label, n in zip(
        frame["reference"], frame["group"], area, frame["label"], frame["n"], strict=True
    ):
        beside = {"xytext": (math.sqrt(a) / 2 + 3, 0), "va": "center"}
        d.beside_marks(ax, [(x, y)], [f"{spoken(str(label))} (n={n})"], **beside)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_box_aspect(1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1] if d.width >= 4.6 else [0, 0.5, 1])
    ax.set_xlabel(d.wrap(say("responders with {group}", group=reference), 0.6, 11))
    ax.set_ylabel(d.wrap(say("responders with {group}", group=arm), 0.6, 11))


def _names(result: Result) -> tuple[str, str]:
    main = result.main
    group = spoken(main.contrast.group) if main else ""
    reference = spoken(main.contrast.reference) if main else ""
    return group or say("the first group"), reference or say("the reference")
