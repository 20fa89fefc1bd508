"""A file of answers, where it is known to be one, as one row a patient and visit; any other table
as it is.
"""

from __future__ import annotations

from outcomes.core.errors import StudyError
from outcomes.readers.cells import TextTable
from outcomes.readers.exports.cdisc import is_cdisc, read_cdisc
from outcomes.readers.exports.codebook import is_codebook, read_codebook
from outcomes.readers.exports.measures import read_measures
from outcomes.readers.exports.omop import omop_kind, read_omop
from outcomes.readers.exports.redcap import is_redcap, read_redcap
from outcomes.readers.exports.redcap_arms import split_arms
from outcomes.readers.source import Source


def arranged(table: TextTable, source: Source) -> TextTable:
    """The table in the shape that a study needs: REDCap, CDISC and OMOP tables are gathered, others
    stay as they are.

    Raises DataError for data dictionaries, and where an export cannot be gathered without guessing;
    StudyError where forms or concepts are named for a table that has none.
    """
    if source.measure or source.value or source.each:
        if not (source.measure and source.value and source.each):
            raise StudyError(f"[data] {table.name}: measure, value and each come together.")
        return read_measures(table, source.measure, source.value, source.each)
    if is_cdisc(table) and not (source.form or source.without):
        return read_cdisc(table)
    if (
        is_redcap(table)
        or is_codebook(table)
        or (source.dictionary and (source.form or source.without))
    ):
        book = read_codebook(source.dictionary) if source.dictionary else None
        return split_arms(read_redcap(table, book, source.form, source.without))
    if source.form or source.without:
        raise StudyError(
            f"[data] {table.name} is no REDCap export: 'form' and 'without' say nothing about it."
        )
    if omop_kind(table):
        return read_omop(table, source.concepts)
    if source.concepts:
        raise StudyError(f"[data] {table.name} is no OMOP table: 'concepts' says nothing about it.")
    return read_redcap(table, read_codebook(source.dictionary)) if source.dictionary else table
