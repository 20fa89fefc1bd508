"""FHIR (R4, R5) as a table: answers to questionnaires, or observed scores, one row an occasion.

What is read: who (the id of the subject), when, the questionnaire, and the answers or scores.
Nothing else of a patient ever is. Every entry and every answer that cannot be used is listed by its
place in the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.wording import listed_addresses, plural
from outcomes.readers.fhir.entries import Answers, Log, Reading, Scores, questionnaires
from outcomes.readers.fhir.resources import READ, Entry, Export, read_resources
from outcomes.readers.fhir.table import FhirTable, Pivot
from outcomes.readers.fhir.values import Codes, Patients, UnusableError, plain, when
from outcomes.readers.source import Source

#: Endings of FHIR's JSON: a bundle, or one resource a line.
ENDINGS = (".json", ".ndjson")
_USED = {
    "QuestionnaireResponse": ("completed", "amended"),
    "Observation": ("final", "amended", "corrected"),
}
_LEFT_OUT = (
    "in-progress",
    "stopped",
    "entered-in-error",
    "registered",
    "preliminary",
    "cancelled",
    "unknown",
)


def read_fhir(
    path: str | Path,
    *,
    resource: str = "",
    per: str = "",
    codes: Mapping[str, Any] | None = None,
    repeats: Sequence[str] = (),
) -> FhirTable:
    """The table of a FHIR bundle (``.json``) or of one resource a line (``.ndjson``), every cell as
    text.

    `resource` is "QuestionnaireResponse" (a row each) or "Observation" (a row for each patient and
    time as written); it may be left out where the file has one of them. ``per="day"`` puts all of a
    patient's day in one row. `codes` gives numbers for coded answers that bring none; `repeats`
    names questions (link ids) that may have several answers.

    Columns: ``patient``, ``date``, ``instrument`` (the questionnaire), and one for each link id or
    code.

    Raises DataError, by place and never by value, for what is not strict JSON or not FHIR, for two
    values of one cell, several answers to one question, two units of one code, and patients named
    in several ways; StudyError for an unknown `resource` or `per`.
    """
    path = Path(path)
    if per not in ("", "day"):
        raise StudyError(unknown("per", per, ("day",), hint="Leave it out for a row each time."))
    export = read_resources(path)
    resource = _chosen(export, resource, path.name)
    log = Log()
    entries = _once(_of_kind(export, resource, log), path.name, log)
    table = Pivot(path.name, per, log, resource)
    options, repeated = questionnaires(export.entries, repeats, log)
    patients = Patients(export)
    read: Callable[[Entry, Reading], None] = (
        Answers(Codes(_texts(codes), options), repeated, log, path.name).read
        if resource == "QuestionnaireResponse"
        else Scores(Codes(_texts(codes), options), log).read
    )
    table.readings += [r for e in entries if (r := _reading(e, patients, log, read))]
    _one_way(patients.spaces, path.name)
    _told(export, log)
    _without_rows(export, {r.patient for r in table.readings}, log)
    return replace(table.made(), size=export.seen["size"], sha256=export.seen["sha256"])


def _one_way(spaces: Mapping[str, str], name: str) -> None:
    """Refuse patients of two servers, or named by references here and by identifiers there."""
    named = [s for s in spaces if s]
    if len(named) > 1 or ("" in spaces and any(not s.startswith("http") for s in named)):
        raise DataError(
            f"{name} names its patients in several ways (servers, identifiers), so that two codes"
            f" may be one person, or one code two: see {'; '.join(spaces.values())}. Make one file"
            " of each."
        )


def guessed(source: Source) -> Source:
    """What a study file would say of a FHIR file: the resource that it has most of, and days joined
    where they can be.

    Any other file stays as it is.
    """
    if source.file.suffix.lower() not in ENDINGS or not source.file.is_file():
        return source
    counts = Counter(e.kind for e in read_resources(source.file).entries)
    there = [k for k in READ if counts[k]]
    if len(there) > 1:
        source = replace(source, resource=max(there, key=lambda k: counts[k]))
    try:
        if any(
            n.rule == "fhir_day" for n in read_fhir(source.file, resource=source.resource).notes
        ):
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
    said = (
        " and ".join(plural(counts[k], k) for k in there)
        or "neither answers to questionnaires nor observations"
    )
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
            log.add(
                "note",
                "fhir_other",
                f"{{n}} resource(s) of type {entry.kind} were not read.",
                entry.where,
            )


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
            log.add(
                "note",
                "fhir_copy",
                "{n} exact copies of a resource that the file has already.",
                entry.address,
            )
        else:
            differ += [before.address, entry.address]
    if differ:
        raise DataError(
            f"{name} has two versions of the same resource: {listed_addresses(differ)}. Export only"
            " the current ones."
        )
    return kept


def _reading(
    entry: Entry, patients: Patients, log: Log, read: Callable[[Entry, Reading], None]
) -> Reading | None:
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
        log.add(
            "warning", "fhir_unusable", f"{{n}} {kind}(s) cannot be used: {why}.", entry.address
        )
        return None
    if status != _USED[kind][0]:
        log.add(
            "note",
            "fhir_amended",
            f"{{n}} {kind}(s) have the status {status}; they were read as they now are.",
            entry.address,
        )
    if element == "effectivePeriod":
        log.add(
            "note",
            "fhir_period",
            "{n} period(s) were read as the time of their start.",
            entry.address,
        )
    if not element:
        log.add("warning", "fhir_no_date", f"{{n}} {kind}(s) have no date.", entry.address)
    elif reading.date.endswith("Z"):
        log.add(
            "warning",
            "fhir_utc",
            "{n} time(s) are in UTC; their day may not be the clinic's.",
            entry.address,
        )
    return reading


def _told(export: Export, log: Log) -> None:
    if export.incomplete:
        log.add(
            "error",
            "fhir_page",
            "The bundle is one page of several: it has a link to the next.",
            "link next",
        )
    for where in export.empty:
        log.add("note", "fhir_empty", "{n} entries without a resource.", where)


def _without_rows(export: Export, patients: set[str], log: Log) -> None:
    for entry in export.entries:
        code = str(entry.content.get("id") or "") or entry.url.removeprefix("urn:").removeprefix(
            "uuid:"
        )
        if entry.kind == "Patient" and code not in patients:
            words = (
                "{n} patient(s) of the file have no row: no study counts them unless another table"
                " names them."
            )
            log.add("warning", "fhir_no_row", words, entry.address)
