"""A file of answers, where it is known to be one, as one row a patient and visit; any other table as it is."""

from __future__ import annotations

from outcomes.errors import DataError, StudyError
from outcomes.readers.cdisc import is_cdisc, read_cdisc
from outcomes.readers.cells import TextTable
from outcomes.readers.codebook import is_codebook, read_codebook
from outcomes.readers.redcap import is_redcap, read_redcap
from outcomes.readers.source import Source


def arranged(table: TextTable, source: Source) -> TextTable:
    """The table in the shape that a study needs: REDCap and CDISC exports are gathered, others stay as they are.

    Raises DataError for OMOP tables and data dictionaries, and where an export cannot be gathered without guessing;
    StudyError where forms are named for a table that has none.
    """
    if is_cdisc(table) and not (source.form or source.without):
        return read_cdisc(table)
    if is_redcap(table) or is_codebook(table) or (source.dictionary and (source.form or source.without)):
        book = read_codebook(source.dictionary) if source.dictionary else None
        return read_redcap(table, book, source.form, source.without)
    if source.form or source.without:
        raise StudyError(f"[data] {table.name} is no REDCap export: 'form' and 'without' say nothing about it.")
    if source.dictionary:
        return read_redcap(table, read_codebook(source.dictionary))
    _refuse_omop(table)
    return table


def _refuse_omop(table: TextTable) -> None:
    for kind in ("observation", "measurement"):
        concept = f"{kind}_concept_id"
        columns = {c.casefold(): c for c in table.columns}
        if {"person_id", concept} <= set(columns):
            counts = table[columns[concept]].value_counts()
            there = ", ".join(f"{c} ({n} rows{', not mapped' if c == '0' else ''})" for c, n in counts.items() if c.isdecimal())
            raise DataError(
                f"{table.name} is an OMOP {kind} table: each row is one coded answer, and the table names no visit: only a "
                "protocol says which date belongs to which. Save the answers as a plain table (one heading row, one row a "
                f"patient and visit) and read that. Its {concept} are: {there or 'none that are numbers'}."
            )
