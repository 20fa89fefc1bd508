"""A question about another question's missing scores, and the ways to fill a gap."""

from __future__ import annotations

from dataclasses import dataclass

from outcomes.analyses.question import Analysis
from outcomes.stats.missing.patterns import CARRIED
from outcomes.stats.missing.reference_based import METHODS as MODELS
from outcomes.study.study import Study

CHAINED = {"pmm": "chained equations with predictive mean matching"}
#: Every way to fill a gap, and what it is called.
WAYS = MODELS | CHAINED | CARRIED
#: What is said where there is no gap to fill.
NOTHING = "No score was missing: nothing was imputed."


@dataclass(frozen=True)
class _Wrapper(Analysis):
    """A question about another question's missing scores."""

    analysis: Analysis

    @property
    def outcome(self) -> str:
        """The score of the wrapped question."""
        return str(getattr(self.analysis, "outcome", ""))

    @property
    def comparative(self) -> bool:  # type: ignore[override]
        """As the wrapped question."""
        return bool(self.analysis.comparative)

    def _by(self, study: Study) -> str:
        """The column of the arms, where the wrapped question or this one compares any."""
        by = getattr(self, "by", "") or str(getattr(self.analysis, "by", "") or "")
        return by if by and by in study.patient_frame else ""
