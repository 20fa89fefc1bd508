"""How a study was read: addresses of rows, what was found, how each column was read, and from
where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError


@dataclass(frozen=True)
class Issue:
    """One thing a reader, a score or a check found: what, where (addresses), how often; never a
    value.
    """

    rule: str
    message: str
    count: int = 1
    severity: str = "warning"  # error | warning | note
    table: str = "scores"
    column: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RowNumbers(Sequence[str]):
    """The addresses of rows that have no better one: "row 1", "row 2" …, written when asked for."""

    at: np.ndarray

    @classmethod
    def first(cls, n: int) -> RowNumbers:
        """The numbers of a table of n rows."""
        return cls(np.arange(1, n + 1))

    def __len__(self) -> int:
        return len(self.at)

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[str]: ...
    def __getitem__(self, i: int | slice) -> str | Sequence[str]:
        return RowNumbers(self.at[i]) if isinstance(i, slice) else f"row {self.at[i]}"


@dataclass(frozen=True, eq=False)
class ReadingRecord:
    """What was read, and how: kept beside the data, and printed with every report.

    `rows` has the address of each row of the scores table; `issues` what reading and scoring found;
    `columns` how each column was read, one row a column; `sources` the files; `settings` what the
    study file says of reading and of the paper.
    """

    rows: Sequence[str] = ()
    issues: tuple[Issue, ...] = ()
    columns: pd.DataFrame | None = None
    sources: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def of(self, n: int) -> ReadingRecord:
        """The record of a table of n rows: rows without an address are numbered.

        Raises StudyError where there are addresses of another number of rows.
        """
        if len(self.rows) == n:
            return self
        if len(self.rows):
            raise StudyError(
                f"There are {len(self.rows)} addresses for {n} rows of scores. Give one a row, or"
                " rows=() to number them."
            )
        return replace(self, rows=RowNumbers.first(n))

    def at(self, rows: np.ndarray) -> tuple[str, ...]:
        """The addresses of these rows (their places)."""
        return tuple(self.rows[int(i)] for i in rows)

    def keep(self, mask: np.ndarray) -> ReadingRecord:
        """The record of some of the rows."""
        kept = np.flatnonzero(mask)
        if isinstance(self.rows, RowNumbers):
            return replace(self, rows=RowNumbers(self.rows.at[kept]))
        return replace(self, rows=self.at(kept))
