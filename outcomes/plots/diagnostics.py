"""How well a model fits its data: residuals, normality, leverage."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from scipy.special import ndtri

from outcomes.core.language import say, say_n
from outcomes.core.result import Result
from outcomes.core.wording import spoken
from outcomes.plots.distributions import old_call
from outcomes.plots.drawing import BLUE, GREY, Drawing
from outcomes.plots.registry import Mark, picture

#: Beyond so many residuals, dots are drawn of so many of them, evenly along the fitted values.
MOST = 5000


def _kind(result: Result) -> str:
    """The column that is drawn: standardised residuals where the model has them."""
    return "standardised" if "standardised" in result.data["diagnostics"] else "residual"


def _standardised(result: Result) -> bool:
    return _there(result) and _kind(result) == "standardised"


def _there(result: Result) -> bool:
    return bool(result.data["diagnostics"][_kind(result)].notna().any())


def _leverage(result: Result) -> bool:
    frame = result.data["diagnostics"]
    return _there(result) and "leverage" in frame and bool(frame["leverage"].notna().any())


def _visits(result: Result) -> list[str]:
    frame = result.data["diagnostics"]
    if "visit" not in frame or not _there(result):
        return []
    return [str(v) for v in dict.fromkeys(frame.loc[frame[_kind(result)].notna(), "visit"])]


def _by_visit(result: Result) -> bool:
    return len(_visits(result)) > 1


def _panels(result: Result) -> list[str]:
    kinds = ["residuals", "quantiles"] if _there(result) else []
    kinds += ["leverage"] if _leverage(result) else []
    return kinds + (["visits"] if _by_visit(result) else [])


@picture(
    "diagnostics",
    Mark(
        "residuals",
        "Residuals against fitted values: a cloud around the line without a pattern fits.",
        _there,
    ),
    Mark("zero", "The thin line is a residual of zero.", _there),
    Mark(
        "quantiles",
        "Residuals against normal quantiles: dots on the line are normally distributed.",
        _there,
    ),
    Mark(
        "leverage",
        "Residuals against leverage: a dot far to the right and far from zero moves the fit most.",
        _leverage,
    ),
    Mark("visits", "Boxes are the residuals at each visit.", _by_visit),
    Mark(
        "standardised",
        "Residuals are in units of their standard deviation under the model.",
        _standardised,
    ),
    single_patients=True,
    panels=lambda r: len(_panels(r)),
    panel_height=lambda r: 2.1,
)
def diagnostics(result: Result, d: Drawing) -> None:
    """Residuals against fitted values, normal quantiles, leverage and visits."""
    frame = result.data["diagnostics"]
    drawn = frame[_kind(result)]
    frame = frame.assign(residual=drawn)[drawn.notna()].sort_values("fitted", kind="stable")
    title = say_n(
        "{question}: fit ({n} score)",
        "{question}: fit ({n} scores)",
        len(frame),
        question=result.analysis.title(result.outcome),
    )
    if not _there(result):
        d.title(title)
        d.nothing(say("no model was fitted"))
        return
    kinds, scaled = _panels(result), _standardised(result)
    panels = d.grid(len(kinds), shared=False)
    heads = {
        "residuals": say("Fitted values"),
        "quantiles": say("Normal quantiles"),
        "leverage": say("Leverage"),
        "visits": say("Visits"),
    }
    d.name_panels(panels, [heads[k] for k in kinds], d.columns(len(kinds)))
    d.title(title)
    every = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, MOST).astype(int))]
    for ax, kind in zip(panels, kinds, strict=True):
        if kind == "visits":
            _boxes(d, ax, frame, _visits(result))
        elif kind == "quantiles":
            _quantiles(d, ax, frame["residual"].to_numpy(float))
        else:
            column = "fitted" if kind == "residuals" else "leverage"
            d.drew(kind, _dots(d, ax, every[column], every["residual"]))
            ax.set_xlabel(say("fitted value") if kind == "residuals" else say("leverage"))
            d.drew("zero", ax.axhline(0, color=GREY, lw=1))
        ax.locator_params(axis="x", nbins=4) if kind != "visits" else None
        ax.set_ylabel(say("standardised residual") if scaled else say("residual"))
        if scaled:
            d.drew("standardised", ax.yaxis.label)
        ax.xaxis.label.set_fontsize(d.size(10))
        ax.yaxis.label.set_fontsize(d.size(10))


def _dots(d: Drawing, ax: Axes, x: object, y: object) -> object:
    return ax.scatter(x, y, s=d.size(12), color=BLUE, alpha=0.45, lw=0)  # type: ignore[arg-type]


def _quantiles(d: Drawing, ax: Axes, residual: np.ndarray) -> None:
    ordered, n = np.sort(residual), len(residual)
    expected = ndtri((np.arange(1, n + 1) - 0.5) / n)
    keep = np.unique(np.linspace(0, n - 1, MOST).astype(int))
    d.drew("quantiles", _dots(d, ax, expected[keep], ordered[keep]))
    slope = float(ordered.std(ddof=1)) if n > 1 else 0.0
    ends = expected[[0, -1]]
    ax.plot(ends, ordered.mean() + slope * ends, color=GREY, lw=1)
    ax.set_xlabel(say("normal quantile"))


def _boxes(d: Drawing, ax: Axes, frame: object, visits: list[str]) -> None:
    import seaborn as sns

    with old_call():
        sns.boxplot(
            data=frame,
            x="visit",
            y="residual",
            order=visits,
            ax=ax,
            color=BLUE,
            width=0.5,
            fliersize=2,
            linewidth=1,
            linecolor=d.ink,
            saturation=0.7,
        )
    d.drew("visits", list(ax.patches))
    ax.axhline(0, color=GREY, lw=1)
    ax.set_xlabel("")
    d.names_below(ax, [spoken(v) for v in visits], 0.7 / d.columns(3))
