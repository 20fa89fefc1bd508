"""The sums of a question that a clinic can send instead of its patients: what they hold, and what
lets them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError
from outcomes.core.outcome import Outcome
from outcomes.stats.mixed.cross_products import Summary, by_pattern


@dataclass(frozen=True)
class QuestionSums:
    """What one question needs of a clinic: the cross-products of its scores (`products`), or counts
    of responders (`responses`); `levels` are the arms, the reference first. `withheld` is the least
    and the most number of patients that the policy kept back, `cells` in how many cells.
    """

    question: Mapping[str, Any]
    outcome: Mapping[str, Any]
    products: Mapping[str, Any] | None = None
    responses: Sequence[Sequence[Any]] = ()
    levels: Sequence[str] = ()
    cells: int = 0
    withheld: tuple[int, int] = (0, 0)


class Gate(Protocol):
    """What lets sums out of a clinic, by a disclosure policy, and remembers them."""

    def allowed(self, outcome: Outcome, scores: pd.DataFrame) -> bool:
        """Whether the sums of these patients (rows) may go out at every visit (columns)."""

    def counted(self, outcome: Outcome, who: pd.Index, among: pd.Index) -> bool:
        """Whether it may be told how many these patients are, and among how many."""

    def bounds(self, n: int) -> tuple[int, int]:
        """The least and most number of patients that may be said of n."""


def products_of(
    entry: Mapping[str, Any], outcome: Outcome, whole: Summary, cells: int, out: tuple[int, int]
) -> QuestionSums:
    """What a question sends where its sums are cross-products; none where nobody is in them."""
    products = whole.to_dict() if whole.n_patients else None
    return QuestionSums(entry, asdict(outcome), products, cells=cells, withheld=out)


def cells_of(
    gate: Gate, outcome: Outcome, scores: pd.DataFrame, by: np.ndarray, member: np.ndarray
) -> tuple[np.ndarray, int, int]:
    """Which patients are in cells that may go out; how many cells and patients are withheld."""
    kept, cells, out = [np.empty(0, dtype=np.int64)], 0, 0
    for _, _, rows in by_pattern(by, member):
        if gate.allowed(outcome, scores.iloc[rows]):
            kept.append(rows)
        else:
            cells, out = cells + 1, out + len(rows)
    return np.sort(np.concatenate(kept)), cells, out


def added(parts: Sequence[QuestionSums]) -> Summary:
    """The cross-products of all clinics. Raises AnalysisError where none could share any."""
    given = [Summary.from_dict(p.products) for p in parts if p.products is not None]
    if not given:
        raise AnalysisError("No clinic could share the sums of this question: too few patients.")
    return sum(given[1:], start=given[0])
