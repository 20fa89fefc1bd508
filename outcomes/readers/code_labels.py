"""Labels in place of the codes of a column, as a study file declares them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError, unknown
from outcomes.readers.cells import TextTable, is_number, plain_digits
from outcomes.study.record import Issue


def code_labels(said: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Column → code → label, from [labels]. Raises StudyError where two codes have one label.

    >>> code_labels({"sex": {"1": "female", "2": "male"}})
    {'sex': {'1': 'female', '2': 'male'}}
    """
    made = {}
    for column, labels in said.items():
        if not isinstance(labels, Mapping) or not labels:
            raise StudyError(
                f'[labels] {column} is written as {column} = {{ 1 = "female", 2 = "male" }}.'
            )
        made[column] = {str(code).strip(): str(label) for code, label in labels.items()}
        twice = [v for v in made[column].values() if [*made[column].values()].count(v) > 1]
        if twice:
            raise StudyError(f"[labels] {column}: two codes have the label '{twice[0]}'.")
    return made


def refuse_unlabelled(
    labels: Mapping[str, Any], tables: Mapping[str, TextTable], taken: Collection[str]
) -> None:
    """Raises StudyError for labels of a column that no table has, or that has its own words: a
    score, a patient, a visit.
    """
    there = sorted({c for table in tables.values() for c in table.columns})
    for column in labels:
        if column not in there:
            raise StudyError(f"[labels] {unknown('column', column, there)}")
        if column in taken:
            raise StudyError(
                f"[labels] {column}: a score, a patient, a visit or an arm has no labels here."
                " Answers in words are answers under [instruments], visits have [visits] names, and"
                " arms have [study] arms."
            )


def labelled(
    name: str, table: TextTable, column: str, labels: Mapping[str, str]
) -> tuple[pd.Series, list[Issue]]:
    """The cells of a column with labels for codes (1.0 is the code 1), and a warning about codes
    that have none.
    """
    text = table[column].str.strip()
    known = {_code(code): label for code, label in labels.items()}
    by_text = {t: known.get(_code(t), "") for t in pd.unique(text) if t}
    made = text.map(lambda t: by_text.get(t) or t)
    lost = text.map(lambda t: bool(t) and not by_text.get(t) and t not in labels.values())
    mask = lost.to_numpy(bool) & table.own(column)
    if not mask.any():
        return made, []
    words = f"{column}: {int(mask.sum())} cell(s) hold a code without a label; it stays as it is."
    where = table.addresses(mask, column)
    return made, [
        Issue("code_without_label", words, int(np.sum(mask)), "warning", name, column, where)
    ]


def _code(text: str) -> str:
    plain = plain_digits(text.strip())
    try:
        return f"{float(plain):g}" if is_number(plain) and not plain.startswith("0") else plain
    except ValueError:
        return plain
