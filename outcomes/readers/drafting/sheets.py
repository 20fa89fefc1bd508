"""Which sheet of a workbook holds the scores, where several have cells."""

from __future__ import annotations

import dataclasses
from typing import Any

from outcomes.questionnaires import recognise
from outcomes.readers.cells import TextTable
from outcomes.readers.drafting.patients import patient_column
from outcomes.readers.files import has_sheets, sheet_tables
from outcomes.readers.shape.visit_names import wide_columns
from outcomes.readers.source import Source


def one_sheet(source: Source) -> tuple[Source, dict[str, dict[str, Any]]]:
    """The source with the one sheet that has patients and scores, and the table of patients on
    another sheet (one row each), if there is one. The same source where a person has said which,
    or where none or several could be meant.
    """
    if source.sheet or source.sheets or not has_sheets(source) or not source.file.is_file():
        return source, {}
    tables = sheet_tables(source)
    if len(tables) < 2:
        return source, {}
    people = {name: column for name, t in tables.items() if (column := patient_column(t))}
    scored = [name for name in people if _has_scores(tables[name])]
    if len(scored) != 1:
        return source, {}
    [sheet] = scored
    rest = [
        name
        for name, column in people.items()
        if name != sheet and column == people[sheet] and not tables[name][column].duplicated().any()
    ]
    beside = {"patients": {"sheet": rest[0]}} if len(rest) == 1 else {}
    return dataclasses.replace(source, sheet=sheet), beside


def _has_scores(table: TextTable) -> bool:
    return bool(recognise(table.columns) or wide_columns(table.columns))
