"""What the numbers of a picture mean: which estimate a row is, which side is better, and the words
at both ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from outcomes.core.contrast import Contrast
from outcomes.core.estimate import Estimate
from outcomes.core.language import say
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_rows
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, spoken
from outcomes.plots.drawing import Drawing


def main_change(result: Result) -> Estimate | None:
    """The change or difference in the score's own points that the question is about; None where it
    has none.
    """
    main = result.main
    for e in (*([main] if main else []), *result.estimates):
        if e.measure.of_score and not math.isnan(e.value):
            return e
    return None


def comparisons(result: Result) -> list[Estimate]:
    """The differences in score points between two named groups, one a pair: those of the main
    estimate's kind.
    """
    all_ = [
        e
        for e in result.estimates
        if e.measure.of_score and e.measure.compares_groups and e.contrast.reference
    ]
    all_ = [e for e in all_ if not math.isnan(e.value)]
    return (
        [e for e in all_ if (e.measure, e.visit) == (all_[0].measure, all_[0].visit)]
        if all_
        else []
    )


def margins(result: Result) -> list[float]:
    """The margins that a question states, where it states any."""
    return [m for m in result.axis.margins if not math.isnan(m)]


def value_words(e: Estimate, outcome: Outcome | None) -> str:
    """Value and interval with the digits of the score."""
    k = digits_for(outcome.resolution) if outcome else 1
    return number(e.value, k) + ("" if math.isnan(e.low) else f" ({interval(e.low, e.high, k)})")


def has_favours(result: Result) -> bool:
    """Whether a forest of this result can say on which side which group is better."""
    return "forest" in result.data and bool(
        sides(forest_rows(result.data["forest"]), result.outcome, result.axis)
    )


@dataclass(frozen=True)
class Sides:
    """The words for both sides of the line of no effect, and whether lower numbers are better."""

    worse: str
    better: str
    falling: bool


def sides(
    shown: Iterable[Estimate], outcome: Outcome | None, axis: ValueAxis | None = None
) -> Sides | None:
    """The words for both sides: 'favours placebo', 'favours ketamine'; of changes 'worse',
    'better'.

    The direction is that of the score where the kind of number has one, else what the axis says.
    None where neither has a direction, or the rows are of different kinds.
    """
    rows = list(shown)
    directed = all(e.measure.directed for e in rows)
    which = (outcome.better if outcome else "") if directed else (axis.better if axis else "")
    if not which or not rows:
        return None
    falling = which == "lower"
    if directed and not any(e.measure.compares_groups for e in rows):
        return Sides(say("worse"), say("better"), falling)
    if not all(e.measure.compares_groups and e.contrast.reference for e in rows):
        return None
    groups, references = (
        {getattr(e.contrast, f) for e in rows} - {""} for f in ("group", "reference")
    )
    one = spoken(groups.pop()) if len(groups) == 1 else say("the group named first")
    other = spoken(references.pop()) if len(references) == 1 else say("the group named second")
    return Sides(say("favours {group}", group=other), say("favours {group}", group=one), falling)


def point_ends(d: Drawing, ax: Any, words: Sides | None, *, turn: bool) -> None:
    """Write under a horizontal axis which way is worse and which is better, with arrows.

    With `turn` the axis runs so that right is better, whichever sign that is; the numbers stay as
    they are in the tables.
    """
    if words is None:
        return
    if turn and words.falling:
        ax.invert_xaxis()
    left, right = words.worse, words.better
    if words.falling and not turn:
        left, right = right, left
    down, narrow = d.size(10) * 2.4, d.width < 4.6
    ends = ((0, "left", f"← {left}"), (1, "right", f"{right} →"))
    wrapped = [d.wrap(end, 0.45 if narrow else 0.2, 9) for *_, end in ends]
    above = wrapped[0].count("\n") + 1
    for i, (x, ha, _) in enumerate(ends):  # in a narrow picture one under the other
        lines_of_end = wrapped[i]
        said = ax.annotate(
            lines_of_end,
            (x, 0),
            xycoords="axes fraction",
            xytext=(0, -down - narrow * i * above * d.size(12)),
            ha=ha,
            va="top",
            textcoords="offset points",
            fontsize=d.size(9),
            color=d.ink,
            style="italic",
        )
        d.drew("direction", said)
    each = [text.count("\n") + 1 for text in wrapped]
    lines = sum(each) if narrow else max(each)
    ax.xaxis.labelpad = d.size(9) * (1.5 + 1.3 * lines)


def place_words(where: Contrast) -> str:
    """'ketamine − placebo', or the group alone."""
    return (
        f"{spoken(where.group)} − {spoken(where.reference)}"
        if where.reference
        else spoken(where.group)
    )
