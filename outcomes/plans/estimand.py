"""What exactly is estimated, said beforehand: the five attributes of ICH E9(R1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outcomes.config.fields import read
from outcomes.config.toml import Document
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.wording import listed
from outcomes.readers.study_form import ESTIMAND, STRATEGIES


@dataclass(frozen=True)
class Estimand:
    """What is estimated: in whom, of which treatment, of what, by which summary, and what happens
    to intercurrent events.

    `events` maps each intercurrent event (rescue opioid, repeat infusion, other new treatment,
    death …) to a strategy of `STRATEGIES`. `variable` and `summary` may stay empty: each question
    then says its own.

    Raises AnalysisError for an unknown strategy. Source: ICH E9(R1) addendum, 2019, section A.3.

    >>> Estimand(
    ...     "adults with chronic pain",
    ...     "ketamine as given",
    ...     events={"rescue opioid": "treatment policy"},
    ... ).sentence("PHQ-9")
    'Population: adults with chronic pain. Treatment: ketamine as given. Variable: PHQ-9. Intercurrent events: rescue opioid (treatment policy: the score is used whatever happened).'
    """  # noqa: E501

    population: str = ""
    treatment: str = ""
    variable: str = ""
    summary: str = ""
    events: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        events = self.events.items() if isinstance(self.events, Mapping) else self.events
        said = tuple((str(event), str(strategy).replace("-", " ")) for event, strategy in events)
        for _, strategy in said:
            if strategy not in STRATEGIES:
                raise AnalysisError(
                    f"[estimand] events: {unknown('strategy', strategy, STRATEGIES)}"
                )
        object.__setattr__(self, "events", said)

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

    def to_dict(self) -> dict[str, Any]:
        """Plain data: what was declared."""
        plain: dict[str, Any] = {
            k: getattr(self, k) for k in ("population", "treatment", "variable", "summary")
        }
        return {k: v for k, v in (plain | {"events": dict(self.events)}).items() if v}

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
                listed([f"{e} ({s}: {STRATEGIES[s]})" for e, s in self.events])
                if self.events
                else ""
            ),
        }
        return " ".join(f"{name}: {words}." for name, words in parts.items() if words)
