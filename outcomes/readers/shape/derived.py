"""Tables with a column made from others; each of its cells has the address of the cell it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from outcomes.readers.cells import TextTable
from outcomes.readers.exports.reshaped_table import GatheredTable


@dataclass(frozen=True, eq=False)
class DerivedTable(TextTable):
    """A table with columns made from others: `origins` names the column whose cell each shows."""

    origins: Mapping[str, str] = field(kw_only=True)

    def address(self, row: int, column: str) -> str:
        """Where the cell stands in the file."""
        return super().address(row, self.origins.get(column, column))

    def own(self, column: str) -> np.ndarray:
        """A column made from another has no cells of its own."""
        return super().own(column) & (column not in self.origins)


def with_column(table: TextTable, name: str, values: pd.Series, origin: str) -> TextTable:
    """The table with one more column, whose cells have the addresses of the column `origin`."""
    frame = table.frame.assign(**{name: values})
    at = table.columns.index(origin)
    if isinstance(table, GatheredTable):
        return replace(
            table,
            frame=frame,
            at=np.column_stack([table.at, table.at[:, at]]),
            across=np.column_stack([table.across, table.across[:, at]]),
        )
    letters = (*table.letters, table.letters[at]) if table.letters else ()
    origins = {**getattr(table, "origins", {}), name: origin}
    if isinstance(table, DerivedTable):
        return replace(table, frame=frame, letters=letters, origins=origins)
    same = {f: getattr(table, f) for f in TextTable.__dataclass_fields__}
    return DerivedTable(**same | {"frame": frame, "letters": letters}, origins=origins)
