"""Whole numbers in place of patients, visits and groups: made once, when a study is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError

#: Role columns of the scores table, in the order of the key; the first that exist identify a row.
KEYS = ("patient", "period", "episode", "visit")
#: Roles that belong to a patient (or, in a crossover, `arm` to a period).
GROUPS = ("arm", "sequence", "site", "route")
#: The tables of a study that name patients.
TABLES = ("scores", "patients", "infusions", "events")


@dataclass(frozen=True, eq=False)
class Codes:
    """Which patient and visit each row belongs to.

    `patients` are all enrolled (those in the scores and in the patients table), sorted; `visits`
    the visits in order. `rows` has, for each table, the place of each row's patient among
    `patients` (−1: not enrolled); `visit` the place of each row of scores among `visits` (−1: not
    declared); `key` a number for each row of scores that is the same only where patient, period,
    episode and visit are the same.
    """

    patients: pd.Index
    visits: tuple[Any, ...]
    rows: Mapping[str, np.ndarray]
    visit: np.ndarray
    key: np.ndarray

    @property
    def patient(self) -> np.ndarray:
        """The place of the patient of each row of scores."""
        return self.rows["scores"]

    @cached_property
    def cell(self) -> np.ndarray:
        """The place of each row of scores in a grid of patients × visits."""
        return self.patient * max(len(self.visits), 1) + self.visit

    @cached_property
    def twice(self) -> np.ndarray:
        """The rows of scores that share their key with another row."""
        return pd.Series(self.key).duplicated(keep=False).to_numpy()

    @cached_property
    def several(self) -> bool:
        """Whether a patient has several rows at a visit."""
        return bool(pd.Series(self.cell).duplicated().any())

    def place_of(self, table: str) -> np.ndarray:
        """The first row of each enrolled patient in a table; −1 where there is none."""
        rows = self.rows[table]
        place = np.full(len(self.patients), -1)
        known = np.flatnonzero(rows >= 0)[::-1]
        place[rows[known]] = known
        return place

    def keep(self, kept: Mapping[str, np.ndarray]) -> Codes:
        """The codes of some rows of each table (masks); patients without a row in the scores or
        the patients table are no longer enrolled.
        """
        left = {t: rows[kept[t]] for t, rows in self.rows.items()}
        there = np.zeros(len(self.patients), dtype=bool)
        for table in ("scores", "patients"):
            if table in left:
                there[left[table]] = True
        to = np.where(there, np.cumsum(there) - 1, -1)
        scores = kept["scores"]
        return replace(
            self,
            patients=self.patients[there],
            rows={t: np.where(rows >= 0, to[rows], -1) for t, rows in left.items()},
            visit=self.visit[scores],
            key=self.key[scores],
        )


def encode(tables: Mapping[str, pd.DataFrame], visits: Sequence[Any]) -> Codes:
    """The codes of a study's tables; the visits in the order of the scores where none are named.

    Raises DataError where a row of the scores or the patients table names no patient.
    """
    found = {t: pd.factorize(frame["patient"]) for t, frame in tables.items()}
    for table in ("scores", "patients"):
        if table in found and (absent := int((found[table][0] < 0).sum())):
            raise DataError(
                f"The {table} table has {absent} row(s) without a patient code. Fill in the code"
                " of each, or remove the row."
            )
    ids = dict.fromkeys(
        v for t in ("scores", "patients") if t in found for v in _plain(found[t][1])
    )
    patients = pd.Index(_in_order(ids), name="patient")
    rows = {t: _places(codes, patients, values) for t, (codes, values) in found.items()}
    scores = tables["scores"]
    code, values = pd.factorize(scores["visit"], use_na_sentinel=False)
    named = tuple(visits) or tuple(_plain(values))
    visit = _places(code, pd.Index(named), values)
    key = rows["scores"].astype(np.int64)
    for name in KEYS[1:]:
        if name in scores:
            own, distinct = (
                (visit, named)
                if name == "visit"
                else pd.factorize(scores[name], use_na_sentinel=False)
            )
            key = key * (len(distinct) + 1) + own + 1
    return Codes(patients, named, rows, visit, key)


def _places(codes: np.ndarray, index: pd.Index, values: Any) -> np.ndarray:
    """Places in the index in place of the codes of distinct values."""
    places = np.append(index.get_indexer(pd.Index(values)), -1)
    return places[codes]


def _plain(values: Any) -> list[Any]:
    return list(values.tolist())


def _in_order(ids: Any) -> list[Any]:
    try:
        return sorted(ids)
    except TypeError:  # numbers and texts in one column
        return sorted(ids, key=lambda v: (type(v).__name__, v))
