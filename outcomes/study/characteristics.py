"""What is known of each patient: one row a patient, and blanks as missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError
from outcomes.study.codes import GROUPS, KEYS, Codes


def patient_frame(
    scores: pd.DataFrame, patients: pd.DataFrame | None, codes: Codes
) -> pd.DataFrame:
    """One row an enrolled patient: the patients table, and the columns of the scores that are
    constant within patient.

    Raises DataError where the patients table names a patient twice.
    """
    frame = pd.DataFrame(index=codes.patients)
    if patients is not None:
        if again := len(patients) - len(np.unique(codes.rows["patients"])):
            raise DataError(
                f"The patients table has {again} repeated patient(s); it must have one row each."
            )
        frame = _at(patients.drop(columns="patient"), codes.place_of("patients"), codes)
    for role in (*GROUPS, *[c for c in scores if c not in KEYS and c not in GROUPS]):
        if role in scores and role not in frame:
            seen = np.flatnonzero(scores[role].notna().to_numpy())
            if len(seen) and _constant(scores[role].iloc[seen], codes.patient[seen]):
                place = np.full(len(codes.patients), -1)
                place[codes.patient[seen[::-1]]] = seen[::-1]
                frame[role] = _at(scores[[role]], place, codes)[role]
    return frame


def _at(frame: pd.DataFrame, place: np.ndarray, codes: Codes) -> pd.DataFrame:
    """The rows of a table at these places, nothing where it is −1, under the patients' ids."""
    return frame.reset_index(drop=True).reindex(place).set_axis(codes.patients, axis=0)


def _constant(column: pd.Series, who: np.ndarray) -> bool:
    """Whether a column without blanks has one value a patient."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        value = column.to_numpy()
    else:
        value = pd.factorize(column)[0]
    last = np.zeros(int(who.max()) + 1, dtype=value.dtype)
    last[who] = value
    return bool((last[who] == value).all())


def without_blanks(column: pd.Series) -> pd.Series:
    """The column with blank and "nan" texts missing."""
    if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
        return column
    code, values = pd.factorize(column)
    blank = [isinstance(v, str) and v.strip().casefold() in ("", "nan") for v in values]
    if not any(blank):
        return column
    return column.mask(np.append(blank, False)[code])
