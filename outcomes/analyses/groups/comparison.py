"""What every question has that compares groups at a visit, or their changes between two."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from outcomes.analyses.groups.group_data import Groups, grouped
from outcomes.analyses.question import Analysis
from outcomes.core.wording import spoken
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class _GroupComparison(Analysis):
    """A question about groups: of their changes where `before` is given, else of the scores after.
    A question that needs no score before says `before: str = ""`.

    `by` is the characteristic that tells the groups apart, `reference` the group that the others
    are compared with (default: the declared one, else placebo, control …).
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    by: str = "arm"
    reference: str = ""

    comparative: ClassVar[bool] = True

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        visits = (self.before, self.after)
        return PatientValues.at(study, self.outcome, visits, (self.by, *self._known))

    @property
    def _known(self) -> tuple[str, ...]:
        """The characteristics of patients that the answer needs beside the groups."""
        return ()

    def _groups(self, study: Study) -> Groups:
        return grouped(
            study,
            self.outcome,
            before=self.before,
            after=self.after,
            by=self.by,
            reference=self.reference,
        )

    @property
    def _when(self) -> str:
        """' from baseline to week 4', or ' at week 4'."""
        if self.before:
            return f" from {spoken(self.before)} to {spoken(self.after)}"
        return f" at {spoken(self.after)}"
