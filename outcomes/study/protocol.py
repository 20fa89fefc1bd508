"""What was planned: the design, the arms and their reference, who could enter, and the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError, unknown

#: Kinds of study. Only the last three have a comparison that can speak of an effect.
DESIGNS = ("before-after", "follow-up", "routes", "parallel", "crossover", "n-of-1")
CONTROLLED = frozenset({"parallel", "crossover", "n-of-1"})


@dataclass(frozen=True)
class Protocol:
    """The protocol of a study: what was decided before anybody looked at the data.

    `arms` are the treatments compared, the value in the data with its label for people (or just
    their names); tables and pictures use the labels. `reference` is the arm (in a comparison of
    routes, the route) that the others are compared with: the default of every comparison.
    `entry` is the threshold of admission, `questions`, `families` and `estimand` are the plan as
    plain data.

    Raises StudyError for an unknown design, for arms that cannot be told apart, and for a
    reference that is none of the declared arms.

    >>> from outcomes.study import Protocol
    >>> Protocol(design="parallel", arms={"K": "ketamine", "P": "placebo"}, reference="P").reference
    'placebo'
    """

    design: str = "before-after"
    arms: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)
    estimand: Mapping[str, Any] = field(default_factory=dict)
    questions: tuple[Mapping[str, Any], ...] = ()
    families: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.design not in DESIGNS:
            raise StudyError(unknown("design", self.design, DESIGNS))
        arms = labelled(self.arms)
        object.__setattr__(self, "arms", MappingProxyType(arms))
        object.__setattr__(self, "reference", arms.get(self.reference, self.reference))
        if arms and self.reference and self.reference not in arms.values():
            raise StudyError(f"[study] reference: {unknown('arm', self.reference, arms.values())}")

    @property
    def controlled(self) -> bool:
        """Whether the design compares with something: only then may words speak of an effect."""
        return self.design in CONTROLLED

    @property
    def compared_by(self) -> str:
        """The column whose values are compared: the route in a comparison of routes, else the
        arm.
        """
        return "route" if self.design == "routes" else "arm"

    def reference_of(self, by: str) -> str:
        """The declared reference of a comparison by this column; "" where none is declared."""
        return self.reference if by == self.compared_by else ""

    def applied(self, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """The tables with the labels of the declared arms, in their order, in place of the values.

        Raises StudyError where the arms or the reference are not those in the data.
        """
        by = self.compared_by
        having = {t: frame for t, frame in tables.items() if by in frame}
        if (self.arms or self.reference) and not having:
            raise StudyError(
                f"arms or a reference are declared, but no table has a column '{by}'. Declare it:"
                f' [roles] {by} = "its column".'
            )
        if self.arms:
            return {**tables, **{t: self._with_labels(t, frame) for t, frame in having.items()}}
        if self.reference:
            there = {str(v) for frame in having.values() for v in frame[by].dropna().unique()}
            if self.reference not in there:
                raise StudyError(f"[study] reference: {unknown(by, self.reference, sorted(there))}")
        return dict(tables)

    def among(self, tables: Iterable[pd.DataFrame]) -> Protocol:
        """The protocol of some of the patients: without the reference where none of them has it."""
        by = self.compared_by
        if not self.reference or any(
            (frame[by].astype(str) == self.reference).any() for frame in tables if by in frame
        ):
            return self
        return replace(self, reference="")

    def _with_labels(self, table: str, frame: pd.DataFrame) -> pd.DataFrame:
        by, labels = self.compared_by, list(self.arms.values())
        column = frame[by]
        if isinstance(column.dtype, pd.CategoricalDtype) and list(column.cat.categories) == labels:
            return frame
        code, values = pd.factorize(column)
        texts = [self.arms.get(str(v), str(v)) for v in values]
        strange = sum(t not in labels and t.strip() != "" for t in texts)
        if strange:
            raise StudyError(
                f"The column '{by}' of the {table} table has {strange} value(s) that are not among"
                f" the declared arms: {', '.join(self.arms)}. Add them to arms under [study], or"
                " correct them."
            )
        place = np.array([labels.index(t) if t in labels else -1 for t in texts] + [-1])
        return frame.assign(**{by: pd.Categorical.from_codes(place[code], labels)})


def labelled(arms: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Arms as value and label. Raises StudyError where two have one label, or a label is another
    arm's value.
    """
    if isinstance(arms, Mapping):
        said = {str(value): str(label) for value, label in arms.items()}
    else:
        said = {str(value): str(value) for value in arms}
    labels = list(said.values())
    for value, label in said.items():
        if labels.count(label) > 1:
            raise StudyError(f"[study] arms: two arms have the label '{label}'. Give each its own.")
        if label != value and label in said:
            raise StudyError(
                f"[study] arms: '{label}' is the label of one arm and the value of another. Choose"
                " another label."
            )
    return said
