"""Patients' codes: kept exactly as text; two that differ only by case or space are one person
twice, or a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import TextTable
from outcomes.readers.parse import DECLARED_MISSING, is_error
from outcomes.study.study import Issue

CHOICES = ("exact", "trim", "casefold")


def patient_ids(
    tables: Mapping[str, tuple[TextTable, str]], *, how: str = "exact", missing: Iterable[str] = ()
) -> tuple[dict[str, pd.Series], list[Issue]]:
    """The patient of every row of every table, and what is worth a look.

    `tables` gives each table with its patient column. `how`: "exact" keeps the text; "trim" takes
    surrounding spaces off; "casefold" also makes capitals equal (the first way a code is written
    stands for all).

    Raises DataError, with addresses, for rows without a patient and for codes that differ only by
    case or space.
    """
    if how not in CHOICES:
        raise StudyError(unknown("way of comparing ids", how, CHOICES))
    codes = {str(m).strip().casefold() for m in missing} | {""}
    found: dict[str, pd.Series] = {}
    written: dict[str, dict[str, tuple[str, int]]] = {}
    issues = []
    for name, (table, column) in tables.items():
        place, uniques = pd.factorize(table[column])
        texts = [str(u) if how == "exact" else str(u).strip() for u in uniques]
        shapes = [t.strip().casefold() for t in texts]
        _refuse_nobody(
            table,
            column,
            np.array([s in codes or s.startswith(DECLARED_MISSING) or is_error(s) for s in shapes])[
                place
            ],
        )
        for number, (text, shape) in enumerate(zip(texts, shapes, strict=True)):
            written.setdefault(shape, {}).setdefault(text, (name, number))
        if how == "casefold":
            texts = [next(iter(written[s])) for s in shapes]
        found[name] = pd.Series(np.array(texts, dtype=object)[place])
        issues += _dates(name, table, column)
    if how != "casefold":
        _refuse_variants(written, tables, how)
    return found, issues


def _refuse_nobody(table: TextTable, column: str, nobody: np.ndarray) -> None:
    if nobody.any():
        where = [table.row_address(int(i)) for i in np.flatnonzero(nobody)]
        raise DataError(
            f"{table.name}: {len(where)} row(s) have cells but no patient in column '{column}': "
            f"{listed_addresses(where)}. Fill in the patient, or delete the rows."
        )


def _refuse_variants(
    written: Mapping[str, Mapping[str, tuple[str, int]]],
    tables: Mapping[str, tuple[TextTable, str]],
    how: str,
) -> None:
    twins = [list(variants.values()) for variants in written.values() if len(variants) > 1]
    if not twins:
        return

    def place(name: str, number: int) -> str:
        table, column = tables[name]
        return (
            f"{name}"
            f" {table.address(int((pd.factorize(table[column])[0] == number).argmax()), column)}"
        )

    where = "; ".join(" and ".join(place(*one) for one in group) for group in twins[:10])
    more = f"; and {len(twins) - 10} more" if len(twins) > 10 else ""
    choice = (
        'ids = "casefold"'
        if how == "trim"
        else 'ids = "trim" (spaces) or ids = "casefold" (capitals too)'
    )
    raise DataError(
        f"{len(twins)} patient code(s) are written in several ways that differ only by capitals or"
        f" spaces: {where}{more}. Correct them, or say that they are the same person: {choice},"
        " under [data] in a study file."
    )


def _dates(name: str, table: TextTable, column: str) -> list[Issue]:
    like_dates = [
        v for v in pd.unique(table[column]) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", v.strip())
    ]
    dated = table[column].isin(like_dates).to_numpy() & table.own(column)
    if not dated.any() or dated.mean() > 0.5:
        return []
    text = (
        f"{int(dated.sum())} patient code(s) are dates: a spreadsheet program turns '7/10' into"
        " one."
    )
    return [
        Issue(
            "date_as_patient",
            text,
            int(dated.sum()),
            "warning",
            name,
            column,
            table.addresses(dated, column),
        )
    ]
