"""OMOP observation and measurement tables: one row a person and day, a column for each concept that
the study file names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.readers.cells import Declared, TextTable
from outcomes.readers.exports.reshaped_table import Answers, gather, units_of
from outcomes.study.study import Issue

_KINDS = ("observation", "measurement")
_VALUES = ("value_as_number", "value_as_string", "value_source_value")
#: OMOP's concept for the operator "=".
_EQUALS = ("", "0", "4172703")


def omop_kind(table: TextTable) -> str:
    """Whether a table is OMOP's "observation" or "measurement"; blank where it is neither.

    >>> frame = pd.DataFrame(
    ...     {
    ...         "person_id": ["1"],
    ...         "observation_concept_id": ["0"],
    ...         "observation_date": ["2024-03-04"],
    ...     }
    ... )
    >>> omop_kind(TextTable("a.csv", frame, np.array([2])))
    'observation'
    """
    there = {c.casefold() for c in table.columns}
    return next((k for k in _KINDS if {"person_id", f"{k}_concept_id", f"{k}_date"} <= there), "")


def read_omop(table: TextTable, concepts: Mapping[str, str] | None) -> TextTable:
    """One row a person and day of an OMOP table, each cell with its address.

    `concepts` gives the column for each concept: by its id or, where the id is 0 (not mapped), by
    its source value. A value is value_as_number, else value_as_string, else value_source_value.
    Listed and left out: concepts that are not named, answers that are concepts themselves, values
    with an operator other than "=".

    Raises DataError, with what there is, without `concepts`, and with addresses where a person has
    two values of one concept on one day; StudyError for a concept that is not there.
    """
    kind = omop_kind(table)
    number, source = _column(table, f"{kind}_concept_id"), _column(table, f"{kind}_source_value")
    concept = np.where(np.isin(number, ("", "0")), source, number)
    if not concepts:
        raise _advice(table, kind, concept)
    for name in concepts:
        if name not in set(concept):
            raise StudyError(f"[data] {table.name}: {unknown('concept', name, _codes(concept))}")
    notes: list[Issue] = []
    rows = np.flatnonzero(_numbers(table, ~np.isin(concept, list(concepts)), notes))
    if not len(rows):
        raise DataError(f"{table.name} holds no number for the concepts that [data] names.")
    notes.append(
        Issue(
            "long_table",
            f"Read as an OMOP {kind} table: {len(rows)} answers, one row a person and day.",
            len(rows),
            "note",
        )
    )
    keys = [c for c in table.columns if c.casefold() in ("person_id", f"{kind}_date")]
    if clash := set(keys) & set(concepts.values()):
        raise StudyError(
            f"[data] concepts: '{min(clash)}' is a column already. Name the concept's column"
            " otherwise."
        )
    unit, first = units_of([table[k].to_numpy(object)[rows] for k in keys])
    heads = [_answers(table, rows[first], np.arange(len(first)), k, [k]) for k in keys]
    goes = np.array([concepts[c] for c in concept[rows]], dtype=object)
    answers = _answers(
        table, rows, unit, goes, [c for v in _VALUES for c in table.columns if c.casefold() == v]
    )
    columns = list(dict.fromkeys([*keys, *concepts.values()]))
    what = "one concept of one person on one day"
    return gather(
        table, Answers.join([*heads, answers]), columns, what=what, notes=notes, declared=Declared()
    )


def _column(table: TextTable, name: str) -> np.ndarray:
    there = next((c for c in table.columns if c.casefold() == name), "")
    return (
        table[there].str.strip().to_numpy(object)
        if there
        else np.full(len(table), "", dtype=object)
    )


def _answers(
    table: TextTable,
    rows: np.ndarray,
    unit: np.ndarray,
    column: str | np.ndarray,
    values: list[str],
) -> Answers:
    """The first filled one of some columns in these rows, on the way to a column."""
    grid = table.frame[values].to_numpy(object)[rows]
    pick = (grid != "").argmax(axis=1)
    across = np.array([table.columns.index(v) for v in values])[pick]
    return Answers(
        rows,
        across,
        unit,
        np.broadcast_to(np.array(column, dtype=object), rows.shape),
        grid[np.arange(len(rows)), pick],
    )


def _numbers(table: TextTable, unnamed: np.ndarray, notes: list[Issue]) -> np.ndarray:
    """Which records are read; the others are noted, each with its address, by the first reason that
    holds.
    """
    coded = (_column(table, "value_as_number") == "") & ~np.isin(
        _column(table, "value_as_concept_id"), ("", "0")
    )
    limit = ~np.isin(_column(table, "operator_concept_id"), _EQUALS)
    keep = np.ones(len(table), dtype=bool)
    for rule, mask, severity, words in (
        ("unnamed_concept", unnamed, "note", "record(s) are of concepts that [data] does not name"),
        (
            "coded_answer",
            coded,
            "warning",
            "answer(s) are concepts (value_as_concept_id), not numbers",
        ),
        ("operator", limit, "warning", "value(s) are below or above a limit (operator_concept_id)"),
    ):
        gone = keep & mask
        keep &= ~mask
        if n := int(gone.sum()):
            where = tuple(table.row_address(int(i)) for i in np.flatnonzero(gone))
            notes.append(Issue(rule, f"{n} {words}: left out.", n, severity, addresses=where))
    return keep


def _codes(concept: np.ndarray) -> dict[str, int]:
    """The concepts that are written like codes, and how often they stand there; others may be words
    about a patient.
    """
    counts = pd.Series(concept).value_counts(sort=False)
    return {
        str(c): int(n)
        for c, n in counts.items()
        if re.fullmatch(r"(?=.*[0-9])[A-Za-z0-9.:-]{1,20}", str(c))
    }


def _advice(table: TextTable, kind: str, concept: np.ndarray) -> DataError:
    codes = _codes(concept)
    other = [table.row_address(int(i)) for i in np.flatnonzero(~np.isin(concept, list(codes)))]
    there = (
        ", ".join(f"{c} ({n} rows)" for c, n in codes.items()) or "none that is written as a code"
    )
    words = (
        f"; {len(other)} row(s) have other source values"
        f" ({', '.join(other[:5])}{' …' if len(other) > 5 else ''})"
        if other
        else ""
    )
    return DataError(
        f"{table.name} is an OMOP {kind} table: each row is one coded answer. Say which concept is"
        " which column, and which days "
        f'are which visit: scores = {{ file = "…", concepts = {{ "{next(iter(codes), "72514-3")}" ='
        ' "nrs_avg" } } under [data], date = '
        f'"{kind}_date" under [roles], days = {{ baseline = [0, 0], week_4 = [14, 42] }} under'
        f" [visits]. Concepts: {there}{words}."
    )
