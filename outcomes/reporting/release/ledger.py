"""What a study has shared so far: one file a study, which stays inside the clinic.

It holds keyed fingerprints of patients and scores: which patients each report was about, every
released sum, every table of counts. It holds its key too, so it is as confidential as the data.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outcomes.config import atomic
from outcomes.config.lock import held
from outcomes.config.regular import read_bytes
from outcomes.core.errors import OutputError, PrivacyError, StudyError
from outcomes.reporting.fingerprints import token
from outcomes.reporting.release.span import Span
from outcomes.reporting.release.tables import CountTables
from outcomes.study.study import Study

FORMAT = 3
#: How long a share waits for another of the same study, in seconds.
PATIENCE = 60.0


class LedgerMovedError(PrivacyError):
    """Another report was shared between reading and writing the ledger; build the report again."""


@dataclass(frozen=True, slots=True)
class PrintedMean:
    """A mean that is out: the columns of its sum with their weights, and how it was printed."""

    columns: dict[str, int]
    digits: int
    interval: bool


@dataclass
class Ledger:
    """The shared reports of one study, as fingerprints."""

    key: str = field(default_factory=lambda: secrets.token_hex(16))
    #: For each report the fingerprints of its patients (everything known about them).
    reports: list[frozenset[str]] = field(default_factory=list)
    #: The identifiers of all patients of earlier reports: what binds the ledger to its study.
    known: set[str] = field(default_factory=set)
    spans: dict[str, Span] = field(default_factory=dict)
    #: The counts of each report.
    tables: list[CountTables] = field(default_factory=list)
    #: The means of each score that are out.
    means: dict[str, list[PrintedMean]] = field(default_factory=dict)
    #: The questions about responders of all reports, as they stand in a study file.
    asked: list[dict[str, Any]] = field(default_factory=list)
    #: The text that was read, to see whether another share came between.
    read: str = ""

    @classmethod
    def open(cls, path: Path, study: Study) -> Ledger:
        """The ledger of this study; a new one before its first share.

        Raises StudyError where the file is not a ledger, belongs to another study, or is missing
        after the first share.
        """
        if not path.exists():
            if started(path).exists():
                raise StudyError(
                    f"The ledger of what was shared, {path}, is missing, but reports were shared"
                    " before. Restore it from a backup. Only if no shared report was ever passed"
                    f" on, remove {started(path)} to start a new ledger."
                )
            return cls()
        made = cls.load(path)
        if made.known and not made.known & {
            token(made.key, "patient", p) for p in study.patient_ids
        }:
            raise StudyError(
                f"{path} is the ledger of another study: it knows none of these patients. State the"
                " ledger of this study, or a new file, with --ledger."
            )
        return made

    @classmethod
    def load(cls, path: Path) -> Ledger:
        """The ledger in this file, whatever its study. Raises StudyError."""
        try:
            text = read_bytes(path, error=StudyError).decode("utf-8")
            said = json.loads(text)
            if said["format"] != FORMAT:
                raise ValueError
            return cls(
                str(said["key"]),
                [frozenset(r) for r in said["reports"]],
                set(said["known"]),
                spans := {o: _span(s) for o, s in said["sums"].items()},
                [CountTables.read(t) for t in said["tables"]],
                {o: _means(m, spans[o].rows) for o, m in said.get("means", {}).items()},
                [dict(q) for q in said.get("asked", ())],
                text,
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise StudyError(
                f"{path} is not a ledger of shared reports, or cannot be read. Restore it from a"
                " backup."
            ) from None

    def text(self) -> str:
        """The ledger as it is written."""
        sums = {o: _packed(s) for o, s in sorted(self.spans.items())}
        said = {
            "format": FORMAT,
            "key": self.key,
            "reports": [sorted(r) for r in self.reports],
            "known": sorted(self.known),
            "sums": sums,
            "tables": [t.packed() for t in self.tables],
            "means": {
                o: [[self.spans[o].rows.index(m.columns), m.digits, m.interval] for m in means]
                for o, means in sorted(self.means.items())
            },
            "asked": self.asked,
        }
        return json.dumps(said)

    def printed(self, outcome: str, columns: Mapping[str, int]) -> PrintedMean | None:
        """How the mean of these scores was printed; None where it is not out."""
        return next((m for m in self.means.get(outcome, ()) if m.columns == columns), None)

    def changed(self, patients: frozenset[str]) -> list[int]:
        """How many patients differ from each earlier report: new, gone or changed; the larger of
        the two sides.
        """
        return [max(len(patients - r), len(r - patients)) for r in self.reports]

    def place_of(self, patients: frozenset[str]) -> int:
        """Which report was about just these patients with the same data; their number if none."""
        return self.reports.index(patients) if patients in self.reports else len(self.reports)

    def add(self, patients: frozenset[str], study: Study, tables: CountTables) -> None:
        """Remember whom a report was about, and its counts."""
        if patients not in self.reports:
            self.reports.append(patients)
            self.tables.append(tables)
        self.known |= {token(self.key, "patient", p) for p in study.patient_ids}


@dataclass(frozen=True, eq=False)
class Record:
    """What publishing a report writes into the ledger."""

    path: Path
    before: str
    after: str


def started(path: Path) -> Path:
    """The file beside a ledger that says that a report was shared: so a lost ledger is noticed."""
    return path.with_name(f"{path.stem}.started")


@contextmanager
def recorded(record: Record | None) -> Iterator[None]:
    """Write the ledger together with the report that the body publishes; where that fails, the
    ledger is as it was.

    Raises LedgerMovedError where another report was shared since the ledger was read, OutputError.
    """
    if record is None:
        yield
        return
    with held(record.path.with_name(f".{record.path.name}.lock"), wait=PATIENCE):
        try:
            now = record.path.read_text("utf-8") if record.path.exists() else ""
        except OSError as e:
            raise OutputError(
                f"{record.path} cannot be read: {e.strerror or type(e).__name__}."
            ) from None
        if now not in (record.before, record.after):
            raise LedgerMovedError(
                "Another report of this study was shared meanwhile. Make this one again."
            )
        marker = started(record.path)
        new = not marker.exists()
        files = (
            {marker.name: "A report of this study was shared; see the ledger beside.\n"}
            if new
            else {}
        )
        atomic.write_all(
            record.path.parent,
            {record.path.name: record.after, **files},
            private=tuple({record.path.name: 0, **files}),
        )
        try:
            yield
        except BaseException:
            if new:
                marker.unlink(missing_ok=True)
            if now:
                atomic.write(record.path, now, private=True)
            else:
                record.path.unlink(missing_ok=True)
            raise


def _span(said: Mapping[str, Any]) -> Span:
    columns, patients = said["columns"], said["patients"]
    owner = {c: str(patients[i]) for c, i in columns}
    rows = [{columns[i][0]: int(w) for w, at in row.items() for i in at} for row in said["rows"]]
    return Span(owner, rows)


def _means(said: Any, rows: list[dict[str, int]]) -> list[PrintedMean]:
    return [PrintedMean(rows[i], int(digits), bool(interval)) for i, digits, interval in said]


def _packed(span: Span) -> dict[str, Any]:
    patients = {p: i for i, p in enumerate(sorted(set(span.owner.values())))}
    place = {c: i for i, c in enumerate(sorted(span.owner))}
    rows = []
    for row in span.rows:
        packed: dict[str, list[int]] = {}
        for c, w in row.items():
            packed.setdefault(str(w), []).append(place[c])
        rows.append({w: sorted(at) for w, at in sorted(packed.items())})
    return {
        "patients": list(patients),
        "columns": [[c, patients[span.owner[c]]] for c in place],
        "rows": rows,
    }
