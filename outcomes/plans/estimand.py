"""What exactly is estimated, said beforehand: the five attributes of ICH E9(R1)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outcomes.config.fields import read
from outcomes.config.toml import Document
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.wording import listed
from outcomes.readers.study_form import ESTIMAND, STRATEGIES


@dataclass(frozen=True)
class IntercurrentEvent:
    """An event after the start of treatment, the strategy for it, and where it is found.

    It is found by its name: a column of the scores (yes at a visit: from that visit on) or of the
    patients (yes; or the visit, or the day, from which on), else an `event` of the events table,
    else, for "repeat infusion", the second infusion. `column`, `event` or `infusion` (from which
    number on) says it where the name does not. `score` is the score of a failure, for means under
    the composite strategy. `stratum` names the patient characteristic (yes or no) that declares who
    is in the principal stratum; data cannot tell.

    Raises AnalysisError for an unknown strategy, and for more than one place.
    """

    name: str
    strategy: str
    column: str = ""
    event: str = ""
    infusion: int = 0
    score: float = math.nan
    stratum: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", self.strategy.replace("-", " "))
        if self.strategy not in STRATEGIES:
            raise AnalysisError(
                f"[estimand] events: {unknown('strategy', self.strategy, STRATEGIES)}"
            )
        if sum(map(bool, (self.column, self.event, self.infusion))) > 1:
            raise AnalysisError(
                f"[estimand] events, {self.name}: say one of column, event and infusion."
            )

    def to_dict(self) -> Any:
        """Plain data: the strategy alone, or a table where more is said."""
        more = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)[2:]
            if getattr(self, f.name) and getattr(self, f.name) == getattr(self, f.name)
        }
        if not math.isnan(self.score):
            more["score"] = self.score
        return {"strategy": self.strategy, **more} if more else self.strategy


def _event(name: Any, said: Any) -> IntercurrentEvent:
    """One entry of [estimand] events: a strategy, or a table of the fields of
    `IntercurrentEvent`.
    """
    if isinstance(said, str):
        return IntercurrentEvent(str(name), said)
    fields = {f.name: f for f in dataclasses.fields(IntercurrentEvent)[1:]}
    if not isinstance(said, Mapping) or "strategy" not in said:
        raise AnalysisError(
            f'[estimand] events, {name}: write a strategy, or {{ strategy = "…", column = "…" }}.'
        )
    for key, value in said.items():
        if key not in fields:
            raise AnalysisError(f"[estimand] events, {name}: {unknown('field', key, fields)}")
        kind: Any = {"infusion": int, "score": (int, float)}.get(key, str)
        if not isinstance(value, kind) or isinstance(value, bool):
            words = "a text" if kind is str else "a number"
            raise AnalysisError(f"[estimand] events, {name}: {key} is {words}.")
    return IntercurrentEvent(str(name), **said)


@dataclass(frozen=True)
class Estimand:
    """What is estimated: in whom, of which treatment, of what, by which summary, and what happens
    to intercurrent events.

    `events` maps each intercurrent event (rescue opioid, repeat infusion, other new treatment,
    death …) to a strategy of `STRATEGIES`, or to a table that also says where the event is found
    (see `IntercurrentEvent`). A plan carries the strategies out. `variable` and `summary` may stay
    empty: each question then says its own.

    Raises AnalysisError for an unknown strategy. Source: ICH E9(R1) addendum, 2019, section A.3.

    >>> Estimand(
    ...     "adults with chronic pain",
    ...     "ketamine as given",
    ...     events={"rescue opioid": "treatment policy"},
    ... ).sentence("PHQ-9")
    'Population: adults with chronic pain. Treatment: ketamine as given. Variable: PHQ-9.
    Intercurrent events: rescue opioid (treatment policy: the score is used whatever happened).'
    """

    population: str = ""
    treatment: str = ""
    variable: str = ""
    summary: str = ""
    events: tuple[IntercurrentEvent, ...] = ()

    def __post_init__(self) -> None:
        said: Any = self.events.items() if isinstance(self.events, Mapping) else self.events
        events = [e if isinstance(e, IntercurrentEvent) else _event(*e) for e in said]
        object.__setattr__(self, "events", tuple(events))

    @classmethod
    def of(cls, said: Any) -> Estimand:
        """An estimand from the [estimand] table of a study file, or an Estimand."""
        if isinstance(said, Estimand):
            return said
        if not isinstance(said, Mapping):
            raise AnalysisError(
                'The estimand is a table: [estimand] population = "…", treatment = "…", events = {'
                " … }."
            )
        return cls(**read(ESTIMAND, said, Document(error=AnalysisError)))

    @property
    def carried_out(self) -> bool:
        """Whether any event has a strategy other than treatment policy."""
        return any(e.strategy != "treatment policy" for e in self.events)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: what was declared."""
        plain: dict[str, Any] = {
            k: getattr(self, k) for k in ("population", "treatment", "variable", "summary")
        }
        events = {event.name: event.to_dict() for event in self.events}
        return {k: v for k, v in (plain | {"events": events}).items() if v}

    def sentence(self, variable: str = "", summary: str = "") -> str:
        """The estimand in words, with the question's own variable and summary where none was
        declared.
        """
        parts = {
            "Population": self.population,
            "Treatment": self.treatment,
            "Variable": self.variable or variable,
            "Summary": self.summary or summary,
            "Intercurrent events": (
                listed([f"{e.name} ({e.strategy}: {STRATEGIES[e.strategy]})" for e in self.events])
                if self.events
                else ""
            ),
        }
        return " ".join(f"{name}: {words}." for name, words in parts.items() if words)
