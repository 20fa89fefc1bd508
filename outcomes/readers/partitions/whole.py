"""What only all parts together decide: the texts of each column, from which types, decimal marks
and the order of dates follow, and whether a column may identify a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from outcomes.core.errors import PrivacyError, StudyError
from outcomes.questionnaires import other_origin
from outcomes.readers import privacy
from outcomes.readers.assemble import long_scores, prepared, score_columns
from outcomes.readers.cells import TextTable
from outcomes.readers.columns import Reader, WholeColumns
from outcomes.readers.dates import became_dates, is_date
from outcomes.readers.parse import looks_numeric
from outcomes.readers.partitions.divided import Divided
from outcomes.readers.recipe import Recipe

#: The address of a text is kept where a column has no more different ones than this.
_WITH_ADDRESS = 1000


@dataclass(frozen=True)
class ColumnTexts:
    """The distinct texts of one column: how often each occurs and where it does first, and how many
    patients have any.
    """

    counts: Mapping[str, int]
    where: Mapping[str, tuple[int, str]]
    people: int
    score: bool = False

    def place(self, text: str) -> int:
        """The number of the row where a text occurs first; 0 where it is not kept."""
        return self.where.get(text, (0, ""))[0]

    def __add__(self, other: ColumnTexts) -> ColumnTexts:
        counts = dict(self.counts)
        for text, n in other.counts.items():
            counts[text] = counts.get(text, 0) + n
        where = dict(self.where)
        for text, place in other.where.items():
            where[text] = min(where.get(text, place), place)
        return replace(self, counts=counts, where=where, people=self.people + other.people)


@dataclass(frozen=True)
class Texts:
    """The texts of all columns, by table; they add up over parts."""

    tables: Mapping[str, Mapping[str, ColumnTexts]]
    patient: Mapping[str, str]
    marked: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __add__(self, other: Texts) -> Texts:
        tables = {
            name: {c: mine + other.tables[name][c] for c, mine in columns.items()}
            for name, columns in self.tables.items()
        }
        return replace(self, tables=tables)


@dataclass(frozen=True)
class TextsOf:
    """Makes the texts of one part, as the tables stand before their cells are read."""

    recipe: Recipe
    divided: Divided

    def __call__(self, part: int) -> Texts:
        recipe, tables = prepared(self.recipe, self.divided.tables(self.recipe, part))
        scores = score_columns(recipe, tables["scores"])
        found: dict[str, dict[str, ColumnTexts]] = {}
        for name, table in tables.items():
            patient = recipe.role("patient", table)
            own = scores if name == "scores" else set()
            found[name] = {c: _texts(table, c, patient, c in own) for c in table.columns}
        patients = {name: recipe.role("patient", table) for name, table in tables.items()}
        marked = {name: frozenset(table.declared.identifiers) for name, table in tables.items()}
        return Texts(found, patients, marked)


def _texts(table: TextTable, column: str, patient: str, score: bool) -> ColumnTexts:
    code, found = pd.factorize(table[column])
    counts = np.bincount(code, minlength=len(found)).tolist()
    texts = [str(t) for t in found]
    where = {}
    if len(texts) <= _WITH_ADDRESS:
        first = np.full(len(texts), -1)
        first[code[::-1]] = np.arange(len(code))[::-1]
        where = {
            t: (int(table.rows[i]), table.address(int(i), column)) for t, i in zip(texts, first)
        }
    filled = (table[column] != "").to_numpy()
    people = int(table[patient][filled].nunique())
    return ColumnTexts(dict(zip(texts, counts)), where, people, score)


@dataclass(frozen=True, eq=False)
class Witness(TextTable):
    """A table that has every text of each column of a larger one, at the address where that has it
    first.
    """

    first: Mapping[str, tuple[str, ...]] = field(kw_only=True)

    def address(self, row: int, column: str) -> str:
        """Where the larger table has this text first."""
        there = self.first.get(column, ())
        return there[row] if row < len(there) else "another row"

    def row_address(self, row: int) -> str:
        """Rows of the witness are no rows of a file."""
        return "a row"


def whole_columns(recipe: Recipe, texts: Texts) -> WholeColumns:
    """What the whole columns decide, after the privacy scan.

    Raises PrivacyError for columns that may identify a patient; DataError and StudyError as reading
    the whole tables would, with the first cell of each different text.
    """
    _scan(recipe, texts)
    recipe = _one_patient_column(recipe, texts)
    tables: dict[str, TextTable] = {
        name: _witness(name, columns, texts.patient[name], recipe.role("visit", _names(columns)))
        for name, columns in texts.tables.items()
    }
    tables["scores"], _ = long_scores(recipe, tables["scores"])
    ids = {n: pd.Series([str(i) for i in range(len(t))], dtype=object) for n, t in tables.items()}
    reader = Reader(recipe, tables, ids)
    frames = {name: reader.frame(name) for name in tables}
    for use in reader.uses:
        if use.items and "shift" not in use.options:
            items = frames["scores"][list(use.items.values())].set_axis(list(use.items), axis=1)
            if text := other_origin(use.kind, items):
                raise StudyError(
                    f"{use.kind.title}: {text} If they are right as they are, declare shift = 0."
                )
    kinds: dict[str, dict[str, str]] = {name: {} for name in tables}
    for (name, column), kind in reader.kinds.items():
        own = texts.tables[name].get(column)
        undeclared = kind in ("number", "category") and column not in recipe.types
        kinds[name][column] = _numeric_or_not(own, recipe) if own and undeclared else kind
    seen = {
        name: {c: tuple(pd.unique(table[c])) for c in table.columns if c != texts.patient[name]}
        for name, table in tables.items()
    }
    return WholeColumns(seen, kinds)


def _scan(recipe: Recipe, texts: Texts) -> None:
    found, patients = list[privacy.Finding](), set(texts.patient.values())
    for name, columns in texts.tables.items():
        for column, own in columns.items():
            if column in recipe.allow or column == recipe.roles.get("date", "date"):
                continue
            filled = sum(n for text, n in own.counts.items() if text)
            finding = privacy.examine(
                name,
                column,
                own.counts,
                filled,
                own.people,
                is_id=column == texts.patient[name],
                marked=column in texts.marked[name],
                score=own.score,
            )
            found += [finding] if finding else []
    if found:
        raise PrivacyError(privacy.message(found, patients))


def _one_patient_column(recipe: Recipe, texts: Texts) -> Recipe:
    """The recipe for tables whose patients are in one column."""
    said = recipe.roles.get("patient", "patient")
    if isinstance(said, str):
        return recipe
    others = {r: c for r, c in recipe.roles.items() if r != "patient"}
    return replace(recipe, roles={"patient": texts.patient["scores"], **others})


def _names(columns: Mapping[str, ColumnTexts]) -> TextTable:
    return TextTable("", pd.DataFrame(columns=list(columns)), np.empty(0, dtype=np.int64))


def _witness(name: str, columns: Mapping[str, ColumnTexts], patient: str, visit: str) -> Witness:
    """The distinct texts of each column under one another, in the order of the file; the patients
    are numbered.
    """
    ordered = {c: sorted(own.counts, key=own.place) for c, own in columns.items() if c != patient}
    rows = max(map(len, ordered.values()), default=1) or 1
    frame, first = {}, {}
    for column in columns:
        if column == patient:
            frame[column] = [str(i) for i in range(rows)]
            continue
        texts = ordered[column]
        filled = next((t for t in texts if t), "") if column == visit else ""
        kept = [t for t in texts if t] if column == visit and filled else texts
        frame[column] = [*kept, *[filled] * (rows - len(kept))]
        where = columns[column].where
        first[column] = tuple(where[t][1] for t in kept if t in where)
    table = pd.DataFrame(frame, dtype=str)
    return Witness(name, table, np.arange(rows), first=first)


def _numeric_or_not(own: ColumnTexts, recipe: Recipe) -> str:
    texts = pd.Series(list(own.counts), dtype=object)
    if looks_numeric(texts, recipe.missing):
        return "number"
    if not any(map(is_date, own.counts)):
        return "category"
    return (
        "number"
        if became_dates(np.repeat(list(own.counts), list(own.counts.values())))
        else "category"
    )
