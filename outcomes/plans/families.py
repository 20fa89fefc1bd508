"""Many questions, one error rate: families declared in the plan, and how each is adjusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from outcomes.config.fields import read
from outcomes.config.toml import Document
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.wording import listed
from outcomes.readers.study_form import FAMILY
from outcomes.stats.multiplicity import adjust, fixed_sequence, graphical

#: How each method is called in a paper's methods section.
NAMES = {
    "holm": "Holm's method",
    "hochberg": "Hochberg's method",
    "hommel": "Hommel's method",
    "bonferroni": "Bonferroni's method",
    "BH": "the false discovery rate of Benjamini and Hochberg",
    "BY": "the false discovery rate of Benjamini and Yekutieli",
    "fixed-sequence": "tested in the declared order until the first that failed",
    "graph": "a graphical procedure (Bretz and Maurer)",
    "none": "no adjustment",
}
#: The same before a p-value in a sentence: "Holm P=.02".
SHORT = {
    "holm": "Holm",
    "hochberg": "Hochberg",
    "hommel": "Hommel",
    "bonferroni": "Bonferroni",
    "BH": "Benjamini-Hochberg",
    "BY": "Benjamini-Yekutieli",
    "fixed-sequence": "fixed-sequence",
    "graph": "graphical",
    "none": "unadjusted",
}


@dataclass(frozen=True)
class Family:
    """How the p-values of one family of questions are adjusted.

    `adjust` is holm (the default), hochberg, hommel, bonferroni, BH, BY, none, fixed-sequence (the
    plan's order), or graph with `weights` (one a question, in the plan's order) and `transitions`
    (the share of a rejected question's level that goes to each other). `after` names a family that
    must succeed wholly before this one is opened: its adjusted p-values are never below the largest
    of that family.

    >>> Family("holm", after="primary").to_dict()
    {'adjust': 'holm', 'after': 'primary'}
    """

    adjust: str = "holm"
    after: str = ""
    weights: tuple[float, ...] = ()
    transitions: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        read(FAMILY, {"adjust": self.adjust}, Document(error=AnalysisError))
        object.__setattr__(self, "weights", tuple(self.weights))
        object.__setattr__(self, "transitions", tuple(tuple(row) for row in self.transitions))
        if (self.adjust == "graph") != bool(self.weights and self.transitions):
            raise AnalysisError(
                'A family adjusted by "graph" (and no other) has weights and transitions.'
            )

    @classmethod
    def of(cls, said: Any) -> Family:
        """A family from a method's name, a table of a study file, or a Family."""
        if isinstance(said, Family):
            return said
        if isinstance(said, str):
            return cls(said)
        if not isinstance(said, Mapping):
            raise AnalysisError('A family is declared as { adjust = "holm", after = "…" }.')
        return cls(**read(FAMILY, said, Document(error=AnalysisError)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data: every field that is not at its default, and always the method."""
        more = {
            "after": self.after,
            "weights": list(self.weights),
            "transitions": [list(r) for r in self.transitions],
        }
        return {"adjust": self.adjust} | {k: v for k, v in more.items() if v}

    def words(self, name: str) -> tuple[str, str]:
        """The procedure and over what, as `with_adjusted` wants it; ("", "") where the p-values
        stay as they are.

        >>> Family("BH").words("sleep")
        ('Benjamini-Hochberg', 'in the family sleep')
        """
        if self.adjust == "none" and not self.after:
            return "", ""
        return (
            SHORT[self.adjust],
            f"in the family {name}{f', opened after {self.after}' if self.after else ''}",
        )

    def adjusted(self, p: Sequence[float]) -> np.ndarray:
        """The adjusted p-values of this family alone. Raises AnalysisError where a graph does not
        fit their number.
        """
        if self.adjust == "fixed-sequence":
            return fixed_sequence(p)
        if self.adjust == "graph":
            return graphical(p, weights=self.weights, transitions=self.transitions)
        return adjust(p, self.adjust)


def checked(families: Mapping[str, Any], used: Sequence[str]) -> dict[str, Family]:
    """The declared families, with Holm for those that are used and not declared.

    Raises AnalysisError for a family nobody is in, a gate that does not exist, or gates that go
    round in a circle.
    """
    declared = {str(name): Family.of(said) for name, said in families.items()}
    for name in declared:
        if name not in used:
            raise AnalysisError(
                f"[families] {unknown('question of the family', name, dict.fromkeys(used))}"
            )
    out = {name: declared.get(name, Family()) for name in dict.fromkeys(used)}
    for name, family in out.items():
        seen, gate = {name}, family.after
        while gate:
            if gate not in out:
                raise AnalysisError(f"[families] {name}: {unknown('family', gate, out)}")
            if gate in seen:
                raise AnalysisError(f"[families] {name}: its gates go round in a circle.")
            seen.add(gate)
            gate = out[gate].after
    return out


def adjust_all(
    families: Mapping[str, Family], p: Mapping[str, Sequence[float]]
) -> dict[str, list[float]]:
    """Adjusted p-values of every family, gates included; an undefined p-value before a gate keeps
    it shut.
    """
    out: dict[str, list[float]] = {}

    def of(name: str) -> list[float]:
        if name not in out:
            values = families[name].adjusted(p.get(name, []))
            if gate := families[name].after:
                before = of(gate)
                least = 1.0 if any(math.isnan(v) for v in before) else max(before, default=0.0)
                values = np.maximum(values, least)
            out[name] = [float(v) for v in values]
        return out[name]

    return {name: of(name) for name in families}


def in_words(families: Mapping[str, Family]) -> str:
    """What a paper's methods section says of multiplicity; empty where no family is declared.

    >>> in_words({"sleep and mood": Family("holm")})
    "P values were adjusted by Holm's method within the family sleep and mood; raw and adjusted
    values are both shown."
    """
    if not families:
        return ""
    by: dict[str, list[str]] = {}
    for name, family in families.items():
        gate = f", opened only after {family.after} succeeded" if family.after else ""
        by.setdefault(f"{NAMES[family.adjust]}{gate}", []).append(name)
    parts = [
        f"{_done(how)} within {'the family' if len(names) == 1 else 'the families'} {listed(names)}"
        for how, names in by.items()
    ]
    both = (
        ""
        if all(how.startswith(NAMES["none"]) for how in by)
        else "; raw and adjusted values are both shown"
    )
    return f"P values were {'; '.join(parts)}{both}."


def _done(how: str) -> str:
    """What was done with the p-values: 'adjusted by Holm's method', 'not adjusted', 'tested in the
    declared order …'.
    """
    if how.startswith(NAMES["none"]):
        return f"not adjusted{how.removeprefix(NAMES['none'])}"
    return how if how.startswith("tested") else f"adjusted by {how}"
