"""A baseline that stands in a column of its own beside a long table (`base_pain` in each row): as
rows of a visit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import TextTable
from outcomes.readers.exports.reshaped_table import GatheredTable
from outcomes.study.study import Issue


@dataclass(frozen=True, eq=False)
class WithBaseline(GatheredTable):
    """A long table whose first rows were made of a column of baseline scores; what they repeat of
    other rows has no cell of its own.
    """

    made: int = 0
    scores: tuple[str, ...] = ()

    def own(self, column: str) -> np.ndarray:
        """Which rows have a cell of their own in this column."""
        first = np.arange(len(self)) < self.made
        return ~first | (column in self.scores)

    def keep(self, mask: np.ndarray, *notes: Issue) -> GatheredTable:
        """The rows a mask picks."""
        raise StudyError("[visits] days and baseline_columns exclude each other.")


def with_baseline(
    table: TextTable, patient: str, visit: str, name: str, columns: Mapping[str, str]
) -> TextTable:
    """The table with a row of the visit `name` for each patient, in which each score has the value
    of its baseline column.

    Raises StudyError for a column that is not there or a visit that is, DataError where a
    patient's baseline differs from row to row.
    """
    for column in (*columns, *columns.values()):
        if column not in table.columns:
            raise StudyError(
                f"[visits] baseline_columns: {unknown('column', column, table.columns)}"
            )
    if (table[visit].str.strip() == name).any():
        raise StudyError(
            f"[visits] baseline_columns: the table has rows of the visit '{name}' already."
        )
    ids = table[patient].str.strip()
    for column in columns.values():
        off = table[column].str.strip().groupby(ids.to_numpy()).transform("nunique") > 1
        if off.any():
            where = listed_addresses(table.addresses(off.to_numpy(), column))
            raise DataError(
                f"{table.name}: a patient's values in '{column}' differ from row to row: {where}."
                " A baseline is the same in each."
            )
    first = np.flatnonzero(~ids.duplicated().to_numpy())
    rest = [c for c in table.columns if c not in set(columns.values())]
    top = table.frame.iloc[first]
    fixed = {c for c in rest if (table[c].groupby(ids.to_numpy()).nunique() <= 1).all()} - set(
        columns
    )
    from_column = {c: columns.get(c, c if c in fixed else "") for c in rest}
    made = pd.DataFrame(
        {c: top[o].to_numpy(object) if o else "" for c, o in from_column.items()},
        index=range(len(first)),
        dtype=object,
    ).assign(**{visit: name})
    body = np.arange(len(table))
    places = [table.columns.index(o) if o else -1 for o in from_column.values()]
    across = np.array(places)[None, :].repeat(len(first), axis=0)
    own = np.array([table.columns.index(c) for c in rest])[None, :].repeat(len(table), axis=0)
    at = np.where(across >= 0, first[:, None], -1)
    text = (
        f"The baseline of {', '.join(columns)} is in a column of its own"
        f" ({', '.join(columns.values())}): read as a row of the visit '{name}' a patient."
    )
    return WithBaseline(
        table.name,
        pd.concat([made, table.frame[rest]], ignore_index=True).astype(str),
        np.concatenate([table.rows[first], table.rows]),
        (),
        table.sheet,
        (*table.notes, Issue("baseline_column", text, len(first), "note")),
        size=table.size,
        sha256=table.sha256,
        declared=table.declared,
        base=table,
        at=np.concatenate([at, np.repeat(body[:, None], len(rest), axis=1)]),
        across=np.concatenate([across, own]),
        made=len(first),
        scores=tuple(columns),
    )
