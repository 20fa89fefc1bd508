"""FHIR (R4, R5) as a table: answers to questionnaires, or observed scores, one row an occasion.

What is read: who (the id of the subject), when, the questionnaire, and the answers or scores. Nothing else of a patient
ever is. Every entry and every answer that cannot be used is listed by its place in the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import DataError, StudyError, unknown
from outcomes.readers.cells import Declared, TextTable, tidy
from outcomes.readers.fhir_entries import SEPARATOR, Answers, Log, Place, Reading, Scores, questionnaires
from outcomes.readers.fhir_json import READ, Entry, Export, read_resources
from outcomes.readers.fhir_values import Codes, Patients, UnusableError, plain, when
from outcomes.readers.source import Source
from outcomes.study import Issue
from outcomes.wording import listed_addresses, plural

#: Endings of FHIR's JSON: a bundle, or one resource a line.
ENDINGS = (".json", ".ndjson")
_USED = {"QuestionnaireResponse": ("completed", "amended"), "Observation": ("final", "amended", "corrected")}
_LEFT_OUT = (
    "in-progress", "stopped", "entered-in-error", "registered", "preliminary", "cancelled", "unknown",
)  # fmt: skip
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
        return np.ones(len(self), dtype=bool) if column in _OWN else (self.places[column] != "").to_numpy()

    def row_address(self, row: int) -> str:
        """The first resource of the row."""
        return self.entries[row]

    def keep(self, mask: np.ndarray, *notes: Issue) -> FhirTable:
        """The rows a mask picks."""
        entries = tuple(e for e, m in zip(self.entries, mask, strict=True) if m)
        kept = super().keep(mask, *notes)
        return replace(kept, places=self.places[mask].reset_index(drop=True), entries=entries)  # type: ignore[return-value,call-arg]


def read_fhir(
    path: str | Path,
    *,
    resource: str = "",
    per: str = "",
    codes: Mapping[str, Any] | None = None,
    repeats: Sequence[str] = (),
) -> FhirTable:
    """The table of a FHIR bundle (``.json``) or of one resource a line (``.ndjson``), every cell as text.

    `resource` is "QuestionnaireResponse" (a row each) or "Observation" (a row for each patient and time as written); it
    may be left out where the file has one of them. ``per="day"`` puts all of a patient's day in one row. `codes` gives
    numbers for coded answers that bring none; `repeats` names questions (link ids) that may have several answers.

    Columns: ``patient``, ``date``, ``instrument`` (the questionnaire), and one for each link id or code.

    Raises DataError, by place and never by value, for what is not strict JSON or not FHIR, for two values of one cell,
    several answers to one question, two units of one code, and patients named in several ways; StudyError for an
    unknown `resource` or `per`.
    """
    path = Path(path)
    if per not in ("", "day"):
        raise StudyError(unknown("per", per, ("day",), hint="Leave it out for a row each time."))
    export = read_resources(path)
    resource = _chosen(export, resource, path.name)
    log = Log()
    entries = _once(_of_kind(export, resource, log), path.name, log)
    table = _Table(path.name, per, log, resource)
    options, repeated = questionnaires(export.entries, repeats, log)
    patients = Patients(export)
    read: Callable[[Entry, Reading], None] = (
        Answers(Codes(_texts(codes), options), repeated, log, path.name).read
        if resource == "QuestionnaireResponse"
        else Scores(Codes(_texts(codes), options), log).read
    )
    for entry in entries:
        if reading := _reading(entry, patients, log, read):
            table.readings.append(reading)
    _one_way(patients.spaces, path.name)
    _told(export, log)
    return replace(table.made(), size=export.seen["size"], sha256=export.seen["sha256"])


def _one_way(spaces: Mapping[str, str], name: str) -> None:
    """Refuse patients of two servers, or named by references here and by identifiers there."""
    named = [s for s in spaces if s]
    if len(named) > 1 or ("" in spaces and any(not s.startswith("http") for s in named)):
        raise DataError(
            f"{name} names its patients in several ways (servers, identifiers), so that two codes may be one person, or one "
            f"code two: see {'; '.join(spaces.values())}. Make one file of each."
        )


def guessed(source: Source) -> Source:
    """What a study file would say of a FHIR file: the resource that it has most of, and days joined where they can be.

    Any other file stays as it is.
    """
    if source.file.suffix.lower() not in ENDINGS or not source.file.is_file():
        return source
    counts = Counter(e.kind for e in read_resources(source.file).entries)
    there = [k for k in READ if counts[k]]
    if len(there) > 1:
        source = replace(source, resource=max(there, key=lambda k: counts[k]))
    try:
        if any(n.rule == "fhir_day" for n in read_fhir(source.file, resource=source.resource).notes):
            read_fhir(source.file, resource=source.resource, per="day")
            return replace(source, per="day")
    except DataError:  # it is told when the study is read
        pass
    return source


def _texts(codes: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(code): str(number) for code, number in (codes or {}).items()}


def _chosen(export: Export, resource: str, name: str) -> str:
    if resource and resource not in READ:
        raise StudyError(f"{name}: {unknown('resource', resource, READ)}")
    counts = Counter(e.kind for e in export.entries)
    there = [k for k in READ if counts[k]]
    if resource in there:
        return resource
    if len(there) == 1 and not resource:
        return there[0]
    said = " and ".join(plural(counts[k], k) for k in there) or "neither answers to questionnaires nor observations"
    if there:
        raise DataError(f'{name} has {said}. Say which to read: resource = "{there[0]}".')
    raise DataError(f"{name} has {said}. There is: {', '.join(sorted(counts)) or 'no resource'}.")


def _of_kind(export: Export, resource: str, log: Log) -> Iterator[Entry]:
    for entry in export.entries:
        if entry.kind == resource:
            yield entry
        elif entry.kind == "OperationOutcome":
            log.add(
                "warning",
                "fhir_outcome",
                "{n} message(s) of the server that something went wrong or was withheld.",
                entry.where,
            )
        elif entry.kind not in ("Patient", "Questionnaire"):
            log.add("note", "fhir_other", f"{{n}} resource(s) of type {entry.kind} were not read.", entry.where)


def _once(entries: Iterable[Entry], name: str, log: Log) -> list[Entry]:
    """Each resource once: exact copies are left out, two versions of one are refused."""
    first: dict[tuple[str, str], Entry] = {}
    kept, differ = [], []
    for entry in entries:
        key = (entry.url.rsplit("/", 1)[0], str(entry.content.get("id", "")))
        before = first.setdefault(key, entry) if key[1] else entry
        if before is entry:
            kept.append(entry)
        elif before.content == entry.content:
            log.add("note", "fhir_copy", "{n} exact copies of a resource that the file has already.", entry.address)
        else:
            differ += [before.address, entry.address]
    if differ:
        raise DataError(
            f"{name} has two versions of the same resource: {listed_addresses(differ)}. Export only the current ones."
        )
    return kept


def _reading(entry: Entry, patients: Patients, log: Log, read: Callable[[Entry, Reading], None]) -> Reading | None:
    status, kind = entry.content.get("status"), entry.kind
    if status not in _USED[kind]:
        word = f"with status {status}" if status in _LEFT_OUT else "without a known status"
        log.add("note", "fhir_status", f"{{n}} {kind}(s) {word} left out.", entry.address)
        return None
    try:
        plain(entry.content)
        reading = Reading(entry, patients.of(entry), "")
        reading.date, element = when(entry.content)
        read(entry, reading)
    except UnusableError as why:
        log.add("warning", "fhir_unusable", f"{{n}} {kind}(s) cannot be used: {why}.", entry.address)
        return None
    if status != _USED[kind][0]:
        log.add(
            "note",
            "fhir_amended",
            f"{{n}} {kind}(s) have the status {status}; they were read as they now are.",
            entry.address,
        )
    if element == "effectivePeriod":
        log.add("note", "fhir_period", "{n} period(s) were read as the time of their start.", entry.address)
    if not element:
        log.add("warning", "fhir_no_date", f"{{n}} {kind}(s) have no date.", entry.address)
    elif reading.date.endswith("Z"):
        log.add("warning", "fhir_utc", "{n} time(s) are in UTC; their day may not be the clinic's.", entry.address)
    return reading


def _told(export: Export, log: Log) -> None:
    if export.incomplete:
        log.add("error", "fhir_page", "The bundle is one page of several: it has a link to the next.", "link next")
    for where in export.empty:
        log.add("note", "fhir_empty", "{n} entries without a resource.", where)


@dataclass
class _Table:
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
        return FhirTable(
            self.name, pd.DataFrame(frame, dtype=object), np.array([e.number for e in first.values()]),
            notes=tuple(self.log.issues()), places=pd.DataFrame(places, dtype=object),
            entries=tuple(e.address for e in first.values()), declared=Declared(titles={c: t for c, t in titles.items() if t}),
        )  # fmt: skip

    def _fill(
        self, frame: dict[str, list[str]], places: dict[str, list[str]], names: Mapping[Place, str], at: Sequence[int]
    ) -> None:
        """Put each value into its cell; two that differ are refused, and so are two units of one column."""
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
                    self.log.add("note", "fhir_same", "{n} value(s) stand twice for the same patient and time.", where)
                else:
                    clashes += [f"{places[column][row]}, column {column}", f"{where}, column {column}"]
        if clashes:
            way = (
                "Correct the export." if not self.per else "Correct the export, or read a row each time (without per)."
            )
            raise DataError(
                f"{self.name} has different values for the same patient, time and question: {listed_addresses(clashes)}. {way}"
            )
        self._one_unit(units)

    def _key(self, reading: Reading) -> tuple[str, ...]:
        """What readings of one row share: a patient's time or day; never a month, and never nothing."""
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
            cells["instrument"][row] = SEPARATOR.join([*known, *([name] if name and name not in known else [])])

    def _one_unit(self, units: Mapping[str, Mapping[str, str]]) -> None:
        for column, seen in units.items():
            if len(seen) > 1:
                said = "; ".join(f"{'no unit' if u == '1' else u} ({where})" for u, where in seen.items())
                raise DataError(
                    f"{self.name}, column {column}, has values in {len(seen)} units: {said}. Export one unit."
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
                    '{n} row(s) belong to a day of which the patient has another; per = "day" beside file joins them.'
                )
                self.log.add("note", "fhir_day", words, first[row].address)
            seen.add(day)


def _names(places: Sequence[Place], resource: str, file: str) -> dict[Place, str]:
    """A column's name for each place: as short as it can be told from the others."""
    distinct = list(dict.fromkeys(places))
    name = _link_names if resource == "QuestionnaireResponse" else _code_names
    names = {place: tidy(text) for place, text in name(distinct).items()}
    names = {place: f"item {n}" if n in _OWN else n for place, n in names.items()}
    twice = [n for n, k in Counter(names.values()).items() if k > 1]
    if twice:
        raise DataError(f"{file} has different questions that would be called the same: {', '.join(twice[:5])}.")
    return names


def _link_names(places: Sequence[Place]) -> dict[Place, str]:
    """The link id; its path where a questionnaire has it in several places; with the questionnaire where several have it."""
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
