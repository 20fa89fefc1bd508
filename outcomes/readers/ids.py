"""Patients' codes: kept exactly as text; two that differ only by case or space are one person twice, or a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from outcomes.errors import DataError, StudyError, unknown
from outcomes.readers.cells import TextTable, listed_addresses
from outcomes.study import Issue

CHOICES = ("exact", "trim", "casefold")


def patient_ids(
    tables: Mapping[str, tuple[TextTable, str]], *, how: str = "exact", missing: Iterable[str] = ()
) -> tuple[dict[str, pd.Series], list[Issue]]:
    """The patient of every row of every table, and what is worth a look.

    `tables` gives each table with its patient column. `how`: "exact" keeps the text; "trim" takes surrounding spaces off;
    "casefold" also makes capitals equal (the first way a code is written stands for all).

    Raises DataError, with addresses, for rows without a patient and for codes that differ only by case or space.
    """
    if how not in CHOICES:
        raise StudyError(unknown("way of comparing ids", how, CHOICES))
    codes = {str(m).strip().casefold() for m in missing} - {""}
    found: dict[str, pd.Series] = {}
    first: dict[str, str] = {}
    seen: dict[str, dict[str, str]] = {}
    issues = []
    for name, (table, column) in tables.items():
        text = table[column]
        shape = text.str.strip().str.casefold()
        nobody = (shape == "").to_numpy() | shape.isin(codes).to_numpy()
        if nobody.any():
            where = [table.row_address(i) for i in np.flatnonzero(nobody)]
            raise DataError(
                f"{table.name}: {len(where)} row(s) have cells but no patient in column '{column}': "
                f"{listed_addresses(where)}. Fill in the patient, or delete the rows."
            )
        for i in np.flatnonzero(~text.duplicated().to_numpy()):
            raw, same = str(text.iloc[i]), str(shape.iloc[i])
            seen.setdefault(same, {}).setdefault(
                raw if how == "exact" else raw.strip(), f"{name} {table.address(int(i), column)}"
            )
            first.setdefault(same, raw.strip())
        found[name] = text if how == "exact" else text.str.strip() if how == "trim" else shape.map(first)
        issues += _dates(name, table, column)
    _refuse_variants(seen, how)
    return found, issues


def _refuse_variants(seen: Mapping[str, Mapping[str, str]], how: str) -> None:
    twins = [list(variants.values()) for variants in seen.values() if len(variants) > 1]
    if not twins or how == "casefold":
        return
    where = "; ".join(" and ".join(group) for group in twins[:10]) + (
        f"; and {len(twins) - 10} more" if len(twins) > 10 else ""
    )
    raise DataError(
        f"{len(twins)} patient code(s) are written in several ways that differ only by capitals or spaces: {where}. "
        "Correct them, or say that they are the same person: ids = \"trim\" (spaces) or ids = \"casefold\" (capitals too), "
        "under [data] in a study file."
    )  # fmt: skip


def _dates(name: str, table: TextTable, column: str) -> list[Issue]:
    like_dates = [v for v in pd.unique(table[column]) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", v.strip())]
    dated = table[column].isin(like_dates).to_numpy() & table.own(column)
    if not dated.any() or dated.mean() > 0.5:
        return []
    text = f"{int(dated.sum())} patient code(s) are dates: a spreadsheet program turns '7/10' into one."
    return [Issue("date as patient", text, int(dated.sum()), "warning", name, column, table.addresses(dated, column))]
