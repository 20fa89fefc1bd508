"""Only some of the patients: who is in the study by what is said of patients, and who is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError, unknown
from outcomes.study.study import Study

_BOUNDS = ("at_least", "at_most")


def included(study: Study, said: Mapping[str, Any]) -> tuple[frozenset[Any], dict[str, int]]:
    """The patients who meet every condition, and how many are left out for the first they do not.

    A condition is a value, a list of values, or bounds (`at_least`, `at_most`) of a characteristic.
    A patient of whom it is not known is left out too.

    Raises StudyError for a characteristic that is not there, or a condition of another form.
    """
    frame = study.patient_frame
    stay = pd.Series(True, index=frame.index)
    out: dict[str, int] = {}
    for name, condition in said.items():
        if name not in frame:
            raise StudyError(
                "[study] include:"
                f" {unknown('patient characteristic', name, map(str, frame.columns))}"
            )
        values = study.characteristic(name)
        meets = _meets(name, values, condition)
        for why, gone in (
            (f"{name} not known", values.isna()),
            (f"{name} as excluded", values.notna() & ~meets),
        ):
            if n := int((stay & gone).sum()):
                out[why] = n
        stay &= meets & values.notna()
    if not stay.any():
        raise StudyError("[study] include leaves no patient.")
    return frozenset(stay.index[stay]), out


def _meets(name: str, values: pd.Series, condition: Any) -> pd.Series:
    if isinstance(condition, Mapping):
        for word in condition:
            if word not in _BOUNDS:
                raise StudyError(f"[study] include {name}: {unknown('bound', word, _BOUNDS)}")
        if not pd.api.types.is_numeric_dtype(values):
            raise StudyError(f"[study] include {name}: its values are no numbers.")
        x = values.astype(float)
        return x.ge(condition.get("at_least", -np.inf)) & x.le(condition.get("at_most", np.inf))
    allowed = condition if isinstance(condition, (list, tuple)) else [condition]
    words = {_word(v) for v in allowed}
    there = {_word(v) for v in values.dropna()}
    if strange := sorted(words - there):
        raise StudyError(
            f"[study] include {name}: no patient has {', '.join(map(repr, strange))}. Check how it"
            " is written."
        )
    return values.map(lambda v: _word(v) in words)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
