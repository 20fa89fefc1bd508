"""From what FHIR's resources give to a table: one row an occasion, one column a question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import Declared, TextTable, tidy
from outcomes.readers.fhir.entries import SEPARATOR, Log, Place, Reading
from outcomes.readers.fhir.resources import Entry
from outcomes.study.study import Issue

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T.*)?", re.DOTALL)
_OWN = ("patient", "date", "instrument")


@dataclass(frozen=True, eq=False)
class FhirTable(TextTable):
    """A table of which each row and each cell has the place of a resource as its address."""

    places: pd.DataFrame = field(default_factory=pd.DataFrame)
    entries: tuple[str, ...] = ()

    def address(self, row: int, column: str) -> str:
        """The resource that gave the cell, and the column."""
        return f"{self.places[column].iat[row] or self.entries[row]}, column {column}"

    def own(self, column: str) -> np.ndarray:
        """Which rows have a resource that asked for this column."""
        return (
            np.ones(len(self), dtype=bool)
            if column in _OWN
            else (self.places[column] != "").to_numpy()
        )

    def row_address(self, row: int) -> str:
        """The first resource of the row."""
        return self.entries[row]

    def keep(self, mask: np.ndarray, *notes: Issue) -> FhirTable:
        """The rows a mask picks."""
        entries = tuple(e for e, m in zip(self.entries, mask, strict=True) if m)
        kept = super().keep(mask, *notes)
        return replace(kept, places=self.places[mask].reset_index(drop=True), entries=entries)  # type: ignore[return-value,call-arg]


@dataclass
class Pivot:
    """Readings, and the table that they make."""

    name: str
    per: str
    log: Log
    resource: str
    readings: list[Reading] = field(default_factory=list)

    def made(self) -> FhirTable:
        """One row an occasion, one column a place; two values for one cell are refused."""
        if not self.readings:
            left = " ".join(i.message for i in self.log.issues())
            raise DataError(f"{self.name} has no {self.resource} that can be used. {left}".rstrip())
        names = _names([p for r in self.readings for p in r.asked], self.resource, self.name)
        rows: dict[tuple[str, ...], int] = {}
        at = [rows.setdefault(self._key(r), len(rows)) for r in self.readings]
        titles: dict[str, str] = {}
        for reading in self.readings:
            for place, words in reading.asked.items():
                titles.setdefault(names[place], tidy(words))
        own = _OWN if self.resource == "QuestionnaireResponse" else _OWN[:2]
        frame = {c: [""] * len(rows) for c in (*own, *dict.fromkeys(names.values()))}
        places = {c: list(cells) for c, cells in frame.items()}
        first: dict[int, Entry] = {}
        for row, reading in zip(at, self.readings, strict=True):
            first.setdefault(row, reading.entry)
            self._own_cells(frame, row, reading)
            for place in reading.asked:
                places[names[place]][row] = places[names[place]][row] or reading.entry.address
        self._fill(frame, places, names, at)
        self._same_day(rows, first)
        self._versions()
        return FhirTable(
            self.name,
            pd.DataFrame(frame, dtype=object),
            np.array([e.number for e in first.values()]),
            notes=tuple(self.log.issues()),
            places=pd.DataFrame(places, dtype=object),
            entries=tuple(e.address for e in first.values()),
            declared=Declared(titles={c: t for c, t in titles.items() if t}),
        )

    def _fill(
        self,
        frame: dict[str, list[str]],
        places: dict[str, list[str]],
        names: Mapping[Place, str],
        at: Sequence[int],
    ) -> None:
        """Put each value into its cell; two that differ are refused, and so are two units of one
        column.
        """
        clashes: list[str] = []
        units: dict[str, dict[str, str]] = {}
        for row, reading in zip(at, self.readings, strict=True):
            where = reading.entry.address
            for place, value in reading.values:
                column, text = names[place], "" if value.text.isspace() else value.text
                units.setdefault(column, {}).setdefault(value.unit, where)
                before = frame[column][row]
                if not before:
                    frame[column][row], places[column][row] = text, where
                elif before == text:
                    self.log.add(
                        "note",
                        "fhir_same",
                        "{n} value(s) stand twice for the same patient and time.",
                        where,
                    )
                else:
                    clashes += [
                        f"{places[column][row]}, column {column}",
                        f"{where}, column {column}",
                    ]
        if clashes:
            way = (
                "Correct the export."
                if not self.per
                else "Correct the export, or read a row each time (without per)."
            )
            raise DataError(
                f"{self.name} has different values for the same patient, time and question:"
                f" {listed_addresses(clashes)}. {way}"
            )
        self._one_unit(units)

    def _key(self, reading: Reading) -> tuple[str, ...]:
        """What readings of one row share: a patient's time or day; never a month, and never
        nothing.
        """
        if not _DAY.fullmatch(reading.date):
            return (reading.patient, reading.date, reading.entry.where)
        if self.per:
            return (reading.patient, reading.date[:10])
        own = (reading.entry.where,) if self.resource == "QuestionnaireResponse" else ()
        return (reading.patient, reading.date, *own)

    def _own_cells(self, cells: dict[str, list[str]], row: int, reading: Reading) -> None:
        cells["patient"][row] = reading.patient
        cells["date"][row] = reading.date[:10] if self.per else reading.date
        if "instrument" in cells:
            known = cells["instrument"][row].split(SEPARATOR) if cells["instrument"][row] else []
            name = re.sub(r"^https?://", "", reading.questionnaire)
            cells["instrument"][row] = SEPARATOR.join(
                [*known, *([name] if name and name not in known else [])]
            )

    def _one_unit(self, units: Mapping[str, Mapping[str, str]]) -> None:
        for column, seen in units.items():
            if len(seen) > 1:
                said = "; ".join(
                    f"{'no unit' if u == '1' else u} ({where})" for u, where in seen.items()
                )
                raise DataError(
                    f"{self.name}, column {column}, has values in {len(seen)} units: {said}. Export"
                    " one unit."
                )
            for unit, where in seen.items():
                if unit != "1":
                    self.log.add("note", "fhir_unit", f"Column {column} is in {unit}.", where)

    def _same_day(self, rows: Mapping[tuple[str, ...], int], first: Mapping[int, Entry]) -> None:
        seen: set[tuple[str, str]] = set()
        for key, row in rows.items():
            day = (key[0], key[1][:10])
            if _DAY.fullmatch(key[1]) and day in seen:
                words = (
                    '{n} row(s) belong to a day of which the patient has another; per = "day"'
                    " beside file joins them."
                )
                self.log.add("note", "fhir_day", words, first[row].address)
            seen.add(day)

    def _versions(self) -> None:
        first: dict[str, dict[str, str]] = {}
        for reading in self.readings:
            form, _, version = reading.questionnaire.partition("|")
            first.setdefault(form, {}).setdefault(version, reading.entry.address)
        for form, versions in first.items():
            if form and len(versions) > 1:
                words = (
                    "{n} versions of one questionnaire were answered: does each link id ask the"
                    " same in all?"
                )
                for where in versions.values():
                    self.log.add("warning", "fhir_versions", words, where)


def _names(places: Sequence[Place], resource: str, file: str) -> dict[Place, str]:
    """A column's name for each place: as short as it can be told from the others."""
    distinct = list(dict.fromkeys(places))
    name = _link_names if resource == "QuestionnaireResponse" else _code_names
    names = {place: tidy(text) for place, text in name(distinct).items()}
    names = {place: f"item {n}" if n in _OWN else n for place, n in names.items()}
    twice = [n for n, k in Counter(names.values()).items() if k > 1]
    if twice:
        raise DataError(
            f"{file} has different questions that would be called the same: {', '.join(twice[:5])}."
        )
    return names


def _link_names(places: Sequence[Place]) -> dict[Place, str]:
    """The link id; its path where a questionnaire has it in several places; with the questionnaire
    where several have it.
    """
    by_link: dict[str, list[Place]] = {}
    for place in places:
        by_link.setdefault(tidy(place[-1]), []).append(place)
    forms = {p[0] for p in places}
    short = {f: f.rstrip("/").rsplit("/", 1)[-1] or "no questionnaire" for f in forms}
    if len(set(short.values())) < len(short):
        short = {f: re.sub(r"^https?://", "", f) or "no questionnaire" for f in forms}
    names = {}
    for link, alike in by_link.items():
        several_forms = len({p[0] for p in alike}) > 1
        several_paths = len(alike) > len({p[0] for p in alike})
        for p in alike:
            text = "/".join(p[1:]) if several_paths else link
            names[p] = f"{short[p[0]]} {text}" if several_forms else text
    return names


def _code_names(places: Sequence[Place]) -> dict[Place, str]:
    """The code, or for a part without a code the words of whole and part."""
    return {p: "/".join(p[1:]) for p in places}
