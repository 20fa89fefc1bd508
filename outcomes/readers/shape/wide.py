"""From a wide table (one row a patient, a column for each score and visit) to a long one that
remembers its addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError, unknown
from outcomes.readers.cells import TextTable
from outcomes.study.study import Issue


@dataclass(frozen=True, eq=False)
class LongTable(TextTable):
    """A long table made from a wide one; each cell keeps the address that it has in the wide
    file.
    """

    base: TextTable = field(kw_only=True)
    visits: tuple[str, ...] = ()
    at: np.ndarray = field(default_factory=lambda: np.array([], dtype=int))
    blocks: np.ndarray = field(default_factory=lambda: np.array([], dtype=int))
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def address(self, row: int, column: str) -> str:
        """Where the cell stands in the wide file."""
        origin = self.origins[column][self.blocks[row]] if column in self.origins else column
        return (
            self.base.address(int(self.at[row]), origin)
            if origin
            else f"{self.row_address(row)} (no column)"
        )

    def own(self, column: str) -> np.ndarray:
        """Which rows have a cell of their own: a score where its visit has a column, other columns
        once a row of the file.
        """
        if column == "visit":
            return np.zeros(len(self), dtype=bool)
        if column not in self.origins:
            return (self.blocks == 0) & self.base.own(column)[self.at]
        there = [
            self.base.own(o) if o else np.zeros(len(self.base), dtype=bool)
            for o in self.origins[column]
        ]
        return np.stack(there)[self.blocks, self.at]

    def row_address(self, row: int) -> str:
        """The row of the wide file, and which visit."""
        return f"{self.base.row_address(int(self.at[row]))} ({self.visits[self.blocks[row]]})"

    def keep(self, mask: np.ndarray, *notes: Issue) -> LongTable:
        """The rows a mask picks."""
        kept = super().keep(mask, *notes)
        return replace(kept, at=self.at[mask], blocks=self.blocks[mask])  # type: ignore[return-value,call-arg]


def to_long(
    table: TextTable, scores: Mapping[str, Mapping[str, str]], visits: tuple[str, ...]
) -> LongTable:
    """The long table: a row for each row of the file and each visit, in that order of visits; other
    columns are repeated.

    Raises StudyError for columns that do not exist, a column used twice, or a score named like
    another column.
    """
    used = [c for by_visit in scores.values() for c in by_visit.values()]
    for column in used:
        if column not in table.columns:
            raise StudyError(f"[wide] {unknown('column', column, table.columns)}")
    if len(set(used)) < len(used):
        raise StudyError("[wide] uses a column twice. Each column holds one score at one visit.")
    rest = [c for c in table.columns if c not in set(used)]
    clash = [s for s in [*scores, "visit"] if s in rest]
    if clash:
        raise StudyError(
            f"The long table would have two columns called '{clash[0]}'. Rename one of them in the"
            " file."
        )
    blocks = []
    for visit in visits:
        block = table.frame[rest].copy()
        block["visit"] = visit
        for score, by_visit in scores.items():
            block[score] = table.frame[by_visit[visit]] if visit in by_visit else ""
        blocks.append(block)
    n = len(table)
    said = "; ".join(
        f"{s}: " + ", ".join(f"{v} = {c}" for v, c in by.items()) for s, by in scores.items()
    )
    note = Issue("wide_table", f"Read as one row a visit. {said}.", len(used), "note")
    return LongTable(
        table.name,
        pd.concat(blocks, ignore_index=True),
        np.tile(table.rows, len(visits)),
        table.letters,
        table.sheet,
        (*table.notes, note),
        declared=table.declared,
        base=table,
        visits=visits,
        at=np.tile(np.arange(n), len(visits)),
        blocks=np.repeat(np.arange(len(visits)), n),
        origins={s: tuple(by.get(v, "") for v in visits) for s, by in scores.items()},
    )
