"""Answers on their way into a rule: checked column by column, refused by address, small whole
numbers where they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from outcomes.core.errors import InstrumentError, unknown

if TYPE_CHECKING:
    from outcomes.questionnaires.model import Instrument, Item, Score

Array = np.ndarray
#: Row, item, and what is wrong with the answer there; never the answer.
Problem = tuple[int, str, str]
#: Answers up to this size stay whole numbers of 16 bits: a hundred of them still add up in it.
SMALL = 300
#: Columns without blanks may come as whole numbers; everything else becomes floats.
WHOLE_NUMBERS = (np.dtype("int8"), np.dtype("int16"), np.dtype("int32"), np.dtype("int64"))


@dataclass(frozen=True, eq=False)
class Part:
    """A column on its way: values, whether all rows have one, which rows held a refused answer, how
    many blanks were filled.

    `small` is the same column as small whole numbers, where all answers are such: they add up and
    look up faster. Where an answer is missing (`blank`), it is some number that nobody may use.
    """

    values: Array
    full: bool
    small: Array | None = None
    refused: Array | None = None
    filled: Array | None = None
    se: Array | None = None
    blank: Array | None = None


def columns(kind: Instrument, items: pd.DataFrame) -> dict[str, Array]:
    """Each item as one array of floats; items that the frame lacks are left out."""
    known = {i.code for i in kind.items}
    allowed = known | {s.name for s in kind.scores}
    out = {}
    for code in items.columns:
        if code not in allowed:
            raise InstrumentError(
                f"{kind.title}: {unknown('item', str(code), [i.code for i in kind.items])}"
            )
        try:
            x = items[code]
            out[code] = x.to_numpy() if x.dtype in WHOLE_NUMBERS else np.asarray(x, dtype=float)
        except (TypeError, ValueError):
            raise InstrumentError(
                f"{kind.title}: the column for '{code}' holds something that is not a number."
            ) from None
    return out


def answers(
    kind: Instrument, given: Mapping[str, Array], choices: Mapping[str, Any]
) -> tuple[dict[str, Part], list[Problem]]:
    """Columns checked, shifted and turned round as declared; a given score is checked against its
    own range.
    """
    allowed = {s.name: s for s in kind.scores} | {i.code: i for i in kind.items}
    codes = {i.code for i in kind.items}
    parts: dict[str, Part] = {}
    problems: list[Problem] = []
    with np.errstate(
        invalid="ignore"
    ):  # missing answers become some whole number, and then do not equal themselves
        for code, x in given.items():
            own = allowed[code]
            part = _checked(
                x + choices["shift"] if choices["shift"] and code in codes else x,
                code,
                own,
                problems,
            )
            if code in choices["reverse"]:
                part = dataclasses.replace(
                    part, values=own.low + own.high - part.values, small=None, blank=None
                )
            parts[code] = part
    return parts, problems


def _checked(x: Array, code: str, allowed: Item | Score, problems: list[Problem]) -> Part:
    """Answers outside the range or between the steps become missing, and join the problems."""
    low, high, step = allowed.low, allowed.high, getattr(allowed, "step", 0.0)
    listed = getattr(allowed, "allowed", ())
    plain = len(x) > 0 and not listed
    if plain and step == 1 and -SMALL <= low == round(low) and high <= SMALL:
        small, blank = _whole(x, low, high)
        if small is not None:
            return Part(x, blank is None, small, blank=blank)
    elif plain and x.min() >= low and x.max() <= high and _on_step(x, low, step).all():
        return Part(x, True)  # a missing answer fails every comparison
    x = x.astype(float)
    gone = np.isnan(x)
    outside = ~gone & ((x < low) | (x > high))
    between = ~gone & ~outside & ~(np.isin(x, listed) if listed else _on_step(x, low, step))
    refused = outside | between
    if not refused.any():
        return Part(x, not gone.any())
    words = getattr(allowed, "answers", f"{low:g} to {high:g}")
    problems += [(int(r), code, f"an answer outside {words}") for r in np.flatnonzero(outside)]
    problems += [
        (int(r), code, f"an answer that is none of {words}") for r in np.flatnonzero(between)
    ]
    return Part(np.where(refused, np.nan, x), False, None, refused)


def _whole(x: Array, low: float, high: float) -> tuple[Array | None, Array | None]:
    """The column as 16-bit whole numbers and which answers are missing (None: no one is); nothing
    where a value is fractional or outside the range.
    """
    if x.dtype.kind == "i":
        return (x.astype(np.int16) if x.min() >= low and x.max() <= high else None), None
    small = x.astype(np.int16)
    same = small == x
    blank = None
    if not same.all():
        blank = ~same
        if not np.isnan(x[blank]).all():
            return None, None
        small[blank] = np.int16(low)
    return (small, blank) if small.min() >= low and small.max() <= high else (None, None)


def _on_step(x: Array, low: float, step: float) -> Array:
    if not step:
        return np.ones(1, dtype=bool)
    steps = (x - low) / step
    return np.abs(np.rint(steps) - steps) < 1e-6
