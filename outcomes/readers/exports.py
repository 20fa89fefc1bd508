"""Exports that are not plain tables: recognised by their first rows, so that none is misread in silence."""

from __future__ import annotations

from collections.abc import Sequence

from outcomes.errors import DataError

_PLAIN = "Save the answers as a plain table (one heading row, one row a patient and visit) and read that."

#: What a file is, by headings that only it has: (all of these columns, what it is, why it cannot be read as it is).
_BY_HEADINGS = (
    (
        {"record", "field_name", "value"},
        "a REDCap export in rows of field and value (EAV)",
        "each row is one answer, not a patient's visit. Export it from REDCap as 'CSV / raw data', one row a record and event.",
    ),
    (
        {"usubjid", "qstestcd"},
        "CDISC SDTM questionnaire data (QS)",
        f"each row is one answer, not a patient's visit. {_PLAIN}",
    ),
    (
        {"usubjid", "paramcd", "aval"},
        "CDISC ADaM data (ADQS)",
        f"each row is one parameter, and rows with DTYPE are made up (carried forward, averaged). {_PLAIN}",
    ),
    (
        {"person_id", "observation_concept_id"},
        "an OMOP observation table",
        f"each row is one coded answer, not a patient's visit. {_PLAIN}",
    ),
    (
        {"person_id", "measurement_concept_id"},
        "an OMOP measurement table",
        f"each row is one coded answer, not a patient's visit. {_PLAIN}",
    ),
    (
        {"variable / field name", "form name", "field type"},
        "a REDCap data dictionary",
        "it describes columns and holds no answers. Give the data export instead.",
    ),
)


def refuse_export(name: str, rows: Sequence[Sequence[str]]) -> None:
    """Raise DataError where the first rows are those of an export that a plain reading would get wrong.

    >>> refuse_export("a.csv", [["record", "field_name", "value"], ["1", "nrs", "7"]])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    outcomes.errors.DataError: a.csv is a REDCap export in rows of field and value (EAV): each row is one answer, ...
    """
    head = [c.strip().casefold() for c in rows[0]]
    there = set(head)
    if len(rows) > 2 and any('"importid"' in c.casefold() for c in rows[2]):
        raise DataError(
            f"{name} is a Qualtrics export with three heading rows: rows 2 and 3 are question texts and import ids, not "
            "patients. Delete rows 2 and 3, and the rows of previews and unfinished answers, then read it again."
        )
    if {"respondent id", "collector id"} <= there:
        raise DataError(
            f"{name} is a SurveyMonkey export with two heading rows: the second holds the parts of a question. "
            "Join the two rows into one heading row, then read it again."
        )
    for columns, what, why in _BY_HEADINGS:
        if columns <= there:
            raise DataError(f"{name} is {what}: {why}")
    labels = {"repeat instrument", "repeat instance", "event name"} & there
    if labels and (head.count("complete?") > 1 or any("(choice=" in c for c in head)):
        raise DataError(
            f"{name} is a REDCap export with labels: headings repeat and answers are words. "
            "Export it from REDCap as 'CSV / raw data'."
        )
    _refuse_repeats(name, head, rows)


def _refuse_repeats(name: str, head: list[str], rows: Sequence[Sequence[str]]) -> None:
    at = [head.index(c) for c in ("redcap_repeat_instrument", "redcap_repeat_instance") if c in head]
    if at and any(row[j].strip() for row in rows[1:] for j in at):
        raise DataError(
            f"{name} is a REDCap export with repeating instruments: an event's answers are spread over several rows. "
            "Export one instrument at a time (a REDCap report with its fields only), one row a record and event."
        )
