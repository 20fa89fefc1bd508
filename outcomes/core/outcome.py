"""What a score means: words, direction, range and smallest step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from outcomes.core.estimate import NAN, Alike


@dataclass(frozen=True, slots=True, eq=False)
class Outcome(Alike):
    """What a score means: the words and the direction every table and sentence needs.

    `better` is "lower", "higher" or "" (no direction); `resolution` is the smallest step of the
    score.
    """

    name: str
    title: str
    better: str = ""
    unit: str = "points"
    low: float = NAN
    high: float = NAN
    resolution: float = NAN
    instrument: str = ""
    thresholds: tuple[Any, ...] = ()
    mdc95: float = NAN
    notes: tuple[str, ...] = ()

    def direction(self, change: float) -> str:
        """ "improved", "worsened", "unchanged", or "rose"/"fell" where the score has no better
        side.
        """
        if math.isnan(change):
            return "undefined"
        if change == 0:
            return "unchanged"
        if not self.better:
            return "rose" if change > 0 else "fell"
        return "improved" if (change < 0) == (self.better == "lower") else "worsened"
