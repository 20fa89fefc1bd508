"""Patients with a score both before and after, and who was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.stats.tally import Tally
from outcomes.study.set_aside import reasons


@dataclass(frozen=True, eq=False)
class Pairs:
    """Patients with a score both before and after, in the order of their ids, and who was left
    out.
    """

    patients: pd.Index
    before: np.ndarray
    after: np.ndarray
    counts: Counts
    outcome: Outcome

    @cached_property
    def change(self) -> np.ndarray:
        """After − before, rounded to 9 decimals so that 0.1 steps tie as they should."""
        return np.round(self.after - self.before, 9)

    @cached_property
    def tally(self) -> Tally:
        """How many patients have which scores before and after."""
        return Tally.of(np.column_stack([self.before, self.after]))

    def marked(self, mark: np.ndarray) -> tuple[Tally, np.ndarray]:
        """The tally of patients with and without a mark (a mask of patients), and which of its rows
        have the mark.
        """
        if not mark.any():
            return self.tally, np.zeros(len(self.tally), dtype=bool)
        both = Tally.of(np.column_stack([self.before, self.after, mark]))
        return Tally((), both.codes, both.values[:, :2], both.weights), both.values[:, 2] == 1

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Before, after and change, one row a patient, without ids."""
        return pd.DataFrame({"before": self.before, "after": self.after, "change": self.change})


def paired(
    wide: pd.DataFrame,
    outcome: Outcome,
    before: str,
    after: str,
    *,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> Pairs:
    """The pairs of one score laid out as patients × visits; the settings of the study say which
    scores were set aside.
    """
    pre, post = wide[before].to_numpy(), wide[after].to_numpy()
    has_pre, has_post = ~np.isnan(pre), ~np.isnan(post)
    both = has_pre & has_post
    why = reasons(settings, wide, before, after)
    kinds = (~has_pre & ~has_post, ~has_pre & has_post, has_pre & ~has_post)
    out = Counter(word for kind in kinds for word in why[kind])
    counts = Counts(len(wide), int(both.sum()), tuple(out.items()))
    return Pairs(wide.index[both], pre[both], post[both], counts, outcome)
