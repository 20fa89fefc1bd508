"""Several sheets of a workbook, or several files, read as one table: the name of each is the visit,
the site or the patient of its rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError
from outcomes.core.wording import plural
from outcomes.readers.cells import Declared, TextTable, key
from outcomes.readers.shape.visit_names import visit_time
from outcomes.study.study import Issue


@dataclass(frozen=True, eq=False)
class StackedTable(TextTable):
    """Rows of several tables under one another; `part` says which table a row is of, `at` its row
    there, `names` what the tables are called and `by` the column that holds these names.
    """

    parts: tuple[TextTable, ...] = field(kw_only=True)
    names: tuple[str, ...] = field(kw_only=True)
    by: str = field(kw_only=True)
    part: np.ndarray = field(kw_only=True)
    at: np.ndarray = field(kw_only=True)

    def address(self, row: int, column: str) -> str:
        """Where the cell stands: ``Week 4!B7``, or ``south: row 7, column nrs``."""
        table = self.parts[self.part[row]]
        if column not in table.columns:
            return f"{self.row_address(row)} (no cell for {column})"
        return self._named(row, table.address(int(self.at[row]), column))

    def row_address(self, row: int) -> str:
        """Where the row stands, with the name of its sheet or file."""
        return self._named(row, self.parts[self.part[row]].row_address(int(self.at[row])))

    def _named(self, row: int, address: str) -> str:
        return address_in(self.names[self.part[row]], self.parts[self.part[row]], address)

    def own(self, column: str) -> np.ndarray:
        """The column of the names has no cells of its own; others have them where a table does."""
        there = np.array([column in table.columns for table in self.parts])
        return there[self.part]

    def keep(self, mask: np.ndarray, *notes: Issue) -> StackedTable:
        """The rows a mask picks."""
        return replace(super().keep(mask, *notes), part=self.part[mask], at=self.at[mask])  # type: ignore[return-value,call-arg]


def address_in(name: str, table: TextTable, address: str) -> str:
    """An address with the name of its sheet or file."""
    return f"{name}!{address}" if table.letters else f"{name}: {address}"


def stack(name: str, tables: Sequence[TextTable], names: Sequence[str], by: str) -> StackedTable:
    """The tables under one another, with a column `by` that says of which each row is.

    Columns that a table has not are blank there, and said. Raises StudyError where a table has the
    column `by` itself, or where two tables have no column in common.
    """
    columns = list(dict.fromkeys(c for table in tables for c in table.columns))
    for called, table in zip(names, tables, strict=True):
        if by in table.columns:
            raise StudyError(
                f"{name}: '{called}' has a column '{by}' already; by = \"{by}\" would say it twice."
                " Give by another name, or rename the column."
            )
        if not set(table.columns) & set(tables[0].columns):
            raise StudyError(
                f"{name}: '{called}' has no column in common with '{names[0]}': there is"
                f" {', '.join(table.columns)}. Leave it out."
            )
    notes = [
        replace(note, addresses=tuple(address_in(called, table, a) for a in note.addresses))
        for called, table in zip(names, tables)
        for note in table.notes
        if note.rule != "hidden_sheet" or table is tables[0]
    ]
    lacking = {
        called: [c for c in columns if c not in table.columns]
        for called, table in zip(names, tables)
    }
    for called, absent in lacking.items():
        if absent:
            text = f"'{called}' has no column {', '.join(absent)}; it is blank there."
            notes.append(Issue("column_absent", text, len(absent)))
    text = f"{plural(len(tables), 'table')} read as one; '{by}' is the name of each: "
    notes.append(Issue("stacked", f"{text}{', '.join(names)}.", len(tables), "note"))
    frames = [table.frame.reindex(columns=columns, fill_value="") for table in tables]
    frame = pd.concat(frames, ignore_index=True)
    lengths = [len(table) for table in tables]
    part = np.repeat(np.arange(len(tables)), lengths)
    frame.insert(1 if len(columns) else 0, by, np.array(names, dtype=object)[part])
    apart = len({table.sha256 for table in tables}) > 1  # several files: a hash of their hashes
    titles = {c: t for table in reversed(tables) for c, t in table.declared.titles.items()}
    return StackedTable(
        name,
        frame,
        np.concatenate([table.rows for table in tables]),
        sheet=", ".join(t.sheet for t in tables if t.sheet),
        notes=tuple(notes),
        size=sum(table.size for table in tables) if apart else tables[0].size,
        sha256=hashlib.sha256("".join(t.sha256 for t in tables).encode()).hexdigest()
        if apart
        else tables[0].sha256,
        declared=Declared(titles=titles),
        parts=tuple(tables),
        names=tuple(names),
        by=by,
        part=part,
        at=np.concatenate([np.arange(n) for n in lengths]),
    )


def alike(tables: Iterable[TextTable]) -> bool:
    """Whether tables have the same headings but for a few, so that they may be one table in
    parts.
    """
    heads = [{key(c) for c in table.columns} for table in tables]
    common = set.intersection(*heads) if heads else set()
    return len(heads) > 1 and len(common) > 1 and all(len(common) * 3 >= len(h) * 2 for h in heads)


def what_names_are(names: Sequence[str], headings: Iterable[str]) -> str:
    """What the names of sheets or files seem to be: visits, patients or sites.

    >>> what_names_are(["Baseline", "Week 4"], ["id", "nrs"])
    'visit'
    >>> what_names_are(["K001", "K002"], ["visit", "nrs"]), what_names_are(["North"], ["id", "nrs"])
    ('patient', 'site')
    """
    heads = [key(h) for h in headings]
    has_patient = any(
        re.search(r"(^|_)(id|patient|subject|participant|record|code)(_|$)", h) for h in heads
    )
    if all(visit_time(n) is not None for n in names) and has_patient:
        return "visit"
    return "site" if has_patient else "patient"
