"""Patients with a score both before and after, and who was left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.wording import spoken


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
    def frame(self) -> pd.DataFrame:
        """Before, after and change, one row a patient, without ids."""
        return pd.DataFrame({"before": self.before, "after": self.after, "change": self.change})


def paired(wide: pd.DataFrame, outcome: Outcome, before: str, after: str) -> Pairs:
    """The pairs of one score laid out as patients × visits."""
    pre, post = wide[before].to_numpy(), wide[after].to_numpy()
    has_pre, has_post = ~np.isnan(pre), ~np.isnan(post)
    both = has_pre & has_post
    out = {
        f"no score at {spoken(before)} nor {spoken(after)}": int((~has_pre & ~has_post).sum()),
        f"no score at {spoken(before)}": int((~has_pre & has_post).sum()),
        f"no score at {spoken(after)}": int((has_pre & ~has_post).sum()),
    }
    counts = Counts(len(wide), int(both.sum()), tuple((k, n) for k, n in out.items() if n))
    return Pairs(wide.index[both], pre[both], post[both], counts, outcome)
