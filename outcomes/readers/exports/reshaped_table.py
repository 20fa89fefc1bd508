"""From rows of answers to one row a patient and visit, each cell with the address that it has in
the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import Declared, TextTable
from outcomes.study.study import Issue


@dataclass(frozen=True, eq=False)
class GatheredTable(TextTable):
    """A table whose cells come from several rows or columns of a file.

    `base` is the file as it stands; `at` and `across` give, for each cell, its row and column
    there; -1: it has none.
    """

    base: TextTable = field(kw_only=True)
    at: np.ndarray = field(kw_only=True)
    across: np.ndarray = field(kw_only=True)

    def address(self, row: int, column: str) -> str:
        """Where the cell stands in the file."""
        j = self.columns.index(column)
        if self.at[row, j] < 0:
            return f"{self.row_address(row)} (no cell for {column})"
        return self.base.address(int(self.at[row, j]), self.base.columns[self.across[row, j]])

    def row_address(self, row: int) -> str:
        """The rows of the file that this one was gathered from."""
        rows = np.unique(self.base.rows[self.at[row][self.at[row] >= 0]])
        if len(rows) < 2:
            return f"row {int(self.rows[row])}"
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        return f"rows {' + '.join(str(int(r)) for r in rows[:3])}{more}"

    def keep(self, mask: np.ndarray, *notes: Issue) -> GatheredTable:
        """The rows a mask picks."""
        return replace(super().keep(mask, *notes), at=self.at[mask], across=self.across[mask])  # type: ignore[return-value,call-arg]

    def without(self, columns: Iterable[str], rule: str, message: str) -> GatheredTable:
        """Without these columns; a note says which cells went."""
        left = super().without(columns, rule, message)
        stay = [self.columns.index(c) for c in left.columns]
        return replace(left, at=self.at[:, stay], across=self.across[:, stay])  # type: ignore[return-value,call-arg]


@dataclass(frozen=True, eq=False)
class Answers:
    """Cells of a file and where they go: row and column there, the unit (a row to come) and the
    column they go to.
    """

    rows: np.ndarray
    across: np.ndarray
    units: np.ndarray
    columns: np.ndarray
    text: np.ndarray

    def pick(self, mask: np.ndarray) -> Answers:
        """The answers that a mask picks."""
        return Answers(
            self.rows[mask],
            self.across[mask],
            self.units[mask],
            self.columns[mask],
            self.text[mask],
        )

    @classmethod
    def join(cls, parts: Sequence[Answers]) -> Answers:
        """Several lots of answers as one."""
        return cls(
            *(np.concatenate([getattr(p, f) for p in parts]) for f in cls.__dataclass_fields__)
        )


def units_of(keys: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The unit that each row of the file belongs to by its keys, counted in order of appearance,
    and each unit's first row.

    >>> units_of([["a", "b", "a"], ["pre", "pre", "pre"]])
    (array([0, 1, 0]), array([0, 1]))
    """
    codes = pd.MultiIndex.from_arrays(keys) if len(keys) > 1 else pd.Index(keys[0])
    unit, there = pd.factorize(codes)
    first = np.full(len(there), len(unit))
    np.minimum.at(first, unit, np.arange(len(unit)))
    return unit, first


#: The rule that counts what a gathered file holds besides the values of the table.
OTHER_CELLS = "other_cells"


def _other_cells(base: TextTable, answers: Answers) -> list[Issue]:
    """How many cells of the file are no values of the table, by column."""
    taken = np.zeros(base.frame.shape, dtype=bool)
    taken[answers.rows, answers.across] = True
    rest = ((base.frame != "").to_numpy(bool) & ~taken).sum(axis=0)
    named = [f"{column} {n}" for column, n in zip(base.columns, rest, strict=True) if n]
    if not named:
        return []
    text = (
        f"{int(rest.sum())} cells of the file are not values of this table: they say again which"
        " patient, visit or question a row is of, or something else of it, or belong to another"
        f" table (cells by column: {', '.join(named)})."
    )
    return [Issue(OTHER_CELLS, text, int(rest.sum()), "note")]


def gather(
    base: TextTable,
    answers: Answers,
    columns: Sequence[str],
    *,
    what: str,
    hint: str = "Correct the file.",
    notes: Sequence[Issue] = (),
    declared: Declared,
) -> GatheredTable:
    """The table that has one row a unit, counted from 0, and these columns; a cell without an
    answer is blank.

    Raises DataError, with addresses, where several cells of the file go to one place: `what` names
    such a place, `hint` says what to do.
    """
    wide = len(columns)
    place = pd.Index(columns).get_indexer(pd.Index(answers.columns))
    flat = answers.units * wide + place
    twice = pd.Series(flat).duplicated(keep=False).to_numpy()
    if twice.any():
        order = np.flatnonzero(twice)[np.argsort(flat[twice], kind="stable")]
        where = [base.address(int(answers.rows[i]), base.columns[answers.across[i]]) for i in order]
        raise DataError(
            f"{base.name}: {len(where)} cells are values that {what} can have only one of:"
            f" {listed_addresses(where)}. Which of them counts cannot be told. {hint}"
        )
    notes = [*notes, *_other_cells(base, answers)]
    size = int(answers.units.max()) + 1
    text = np.full(size * wide, "", dtype=object)
    at, across = np.full(size * wide, -1), np.full(size * wide, -1)
    text[flat], at[flat], across[flat] = answers.text, answers.rows, answers.across
    grid = at.reshape(size, wide)
    first = np.where(grid >= 0, grid, len(base)).min(axis=1)
    return GatheredTable(
        base.name,
        pd.DataFrame(text.reshape(size, wide), columns=list(columns), dtype=str),
        base.rows[first],
        (),
        base.sheet,
        (*base.notes, *notes),
        size=base.size,
        sha256=base.sha256,
        declared=declared,
        base=base,
        at=grid,
        across=across.reshape(size, wide),
    )
