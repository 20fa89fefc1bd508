"""What a score means: words, direction, range and smallest step."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from outcomes.core.estimate import NAN, Alike
from outcomes.core.language import language_of, named, say

#: How ratings of change are called: PGIC, CGI-I, global perceived effect, rating of change.
_RATINGS = re.compile(
    r"(?<![a-z])(pgi ?c|pgi ?i|cgi ?c|cgi ?i|gic|gpe|groc|grc)(?![a-z])"
    r"|impression of (change|improvement)|global perceived effect|global rating of change"
)


def names_rating(*texts: str) -> bool:
    """Whether a name or title is that of a rating of change.

    >>> names_rating("pgic_rating"), names_rating("Global Impression of Change")
    (True, True)
    >>> names_rating("logic"), names_rating("pain")
    (False, False)
    """
    return any(_RATINGS.search(re.sub(r"[\s_\-]+", " ", t.casefold())) for t in texts)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome(Alike):
    """What a score means: the words and the direction every table and sentence needs.

    `better` is "lower", "higher" or "" (no direction); `resolution` is the smallest step of the
    score. `of_change` says that the score is itself a rating of change (PGIC): it has no
    value before treatment, and no change is counted of it. Not said, name and title decide.
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
    of_change: bool | None = None
    #: The names of questionnaire and score that the title is made of; empty where a study says it.
    parts: tuple[str, ...] = ()
    #: Which score of the instrument it is.
    score: str = ""

    @property
    def said(self) -> str:
        """The title in the language in force; one that the study file gives stays as it is."""
        if len(self.parts) == 2 and not language_of().source:
            kind, score = map(named, self.parts)
            return say("{questionnaire} {score}", questionnaire=kind, score=score)
        return named(self.title)

    @property
    def units(self) -> str:
        """The unit in the language in force."""
        return named(self.unit)

    def __post_init__(self) -> None:
        if self.of_change is None:
            object.__setattr__(self, "of_change", names_rating(self.name, self.title))

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
