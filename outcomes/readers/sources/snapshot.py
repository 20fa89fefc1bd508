"""What databases and servers gave for one study, with its hashes: pulled now, or repeated."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from outcomes.config.regular import read_bytes
from outcomes.core.errors import DataError, StudyError
from outcomes.readers.source import Source
from outcomes.readers.sources.live import Live, Pull
from outcomes.study.study import Issue

#: The folder of a snapshot, beside the report, and the file that lists what is in it.
FOLDER, MANIFEST = "source-snapshot", "sources.json"
FORMAT = 1
#: The setting of a study that holds the snapshot it was read from.
SETTING = "source_snapshot"
DICTIONARY = ".dictionary.csv"


@dataclass(frozen=True)
class Snapshot:
    """The files that were pulled, by name, and what is said of each table: where from, when, how
    many rows, size and hash.
    """

    tables: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, bytes] = field(repr=False)

    def to_write(self) -> dict[str, bytes | str]:
        """The files of its folder, the list last: where that is, all are."""
        said = {"format": FORMAT, "tables": {t: dict(f) for t, f in self.tables.items()}}
        text = json.dumps(said, indent=1, sort_keys=True) + "\n"
        files: dict[str, bytes | str] = {f"{FOLDER}/{n}": d for n, d in self.files.items()}
        return files | {f"{FOLDER}/{MANIFEST}": text}


def snapshot_of(settings: Mapping[str, Any]) -> Snapshot | None:
    """The snapshot that a study was read from; None where all its tables are files."""
    found = settings.get(SETTING)
    return found if isinstance(found, Snapshot) else None


@contextmanager
def as_files(
    sources: Mapping[str, Source],
    drop: Collection[str] = (),
    again: Path | None = None,
    *,
    place: Path | None = None,
) -> Iterator[tuple[dict[str, Source], Snapshot | None]]:
    """The sources as files, for as long as they are read: what databases and servers give is
    pulled, or taken from the snapshot in the folder `again`. In the folder `place`, where one is
    given, the files stay.

    Raises SourceError where one gives nothing whole; DataError for a snapshot that is changed or
    absent; StudyError where it was pulled for something else.
    """
    asked = {table: s.live for table, s in sources.items() if s.live}
    if not asked:
        yield dict(sources), None
        return
    found = repeated(again, asked, drop) if again else pulled(asked, drop)
    with _in_folder(found, place) as folder:
        yield {t: _as_file(t, s, found, folder) for t, s in sources.items()}, found


@contextmanager
def one_table(found: Snapshot, table: str) -> Iterator[Source]:
    """One table of a snapshot as a file, for as long as it is read."""
    with _in_folder(found) as folder:
        yield _as_file(table, Source(Path(table)), found, folder)


@contextmanager
def _in_folder(found: Snapshot, place: Path | None = None) -> Iterator[Path]:
    """The files of a snapshot, in a folder that only their owner can open."""
    folder = Path(tempfile.mkdtemp(prefix="outcomes-", dir=place))
    try:
        for name, data in found.files.items():
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        yield folder
    finally:
        if place is None:
            shutil.rmtree(folder, ignore_errors=True)


def _as_file(table: str, source: Source, found: Snapshot, folder: Path) -> Source:
    if table not in found.tables:
        return source
    said = found.tables[table]
    how: dict[str, Any] = {"file": folder / said["file"]}
    if said["file"].endswith(".csv"):
        how |= {"delimiter": ",", "encoding": "utf-8", "header": 1}
    if "dictionary" in said and not source.dictionary:
        how["dictionary"] = folder / said["dictionary"]
    notes = tuple(
        Issue(
            "left_at_source",
            f"{name}: {n} cell(s) were left where they are, by name under [privacy] drop.",
            n,
            "note",
            table,
            name,
        )
        for name, n in said["left_out"].items()
    )
    return replace(source, place=said["from"], notes=notes, **how)


def pulled(asked: Mapping[str, Live], drop: Collection[str]) -> Snapshot:
    """Ask each database or server once, also where several tables are made of what it gives."""
    done: list[tuple[Live, dict[str, Any]]] = []
    tables: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for table, live in asked.items():
        for before, facts in done:
            if before == live:
                tables[table] = facts
                break
        else:
            pull = _pull(live, drop)
            for ending, data in pull.files.items():
                files[table + ending] = data
            tables[table] = _facts(table, live, pull)
            done.append((live, tables[table]))
    return Snapshot(tables, files)


def _pull(live: Live, drop: Collection[str]) -> Pull:
    if live.kind == "database":
        from outcomes.readers.sources.sql import pull_sql

        return pull_sql(live, drop)
    if live.kind == "redcap":
        from outcomes.readers.sources.redcap_api import pull_redcap

        return pull_redcap(live, drop)
    from outcomes.readers.sources.fhir_server import pull_fhir

    return pull_fhir(live)


def _facts(table: str, live: Live, pull: Pull) -> dict[str, Any]:
    main = next(e for e in pull.files if e != DICTIONARY)
    more = {"dictionary": table + DICTIONARY} if DICTIONARY in pull.files else {}
    return {
        "file": table + main,
        **more,
        "from": live.place,
        "asked_sha256": live.digest,
        "pulled": datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat(),
        "rows": pull.rows,
        "left_out": dict(pull.left_out),
        "sha256": {table + e: hashlib.sha256(d).hexdigest() for e, d in pull.files.items()},
    }


def repeated(folder: Path, asked: Mapping[str, Live], drop: Collection[str]) -> Snapshot:
    """The snapshot in a folder (or in its `source-snapshot`), where it is what is asked for.

    Raises DataError where it is absent, or changed since it was written; StudyError where the study
    file asks for something else now.
    """
    home = folder if (folder / MANIFEST).is_file() else folder / FOLDER
    if not (home / MANIFEST).is_file():
        raise DataError(
            f"There is no snapshot in {folder}: it has no {MANIFEST}. A report writes one beside"
            f" itself, in its folder {FOLDER}."
        )
    try:
        said = json.loads(read_bytes(home / MANIFEST))
        if said["format"] != FORMAT:
            raise DataError(f"{home / MANIFEST} is of another version of outcomes.")
        tables = {table: said["tables"][table] for table in asked if table in said["tables"]}
        files = {n: _whole(home, n, h) for f in tables.values() for n, h in f["sha256"].items()}
        for table, live in asked.items():
            _same(table, live, tables, drop)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DataError(f"{home / MANIFEST} is damaged. Use another snapshot.") from None
    return Snapshot(tables, files)


def _whole(home: Path, name: str, expected: str) -> bytes:
    if Path(name).name != name:
        raise ValueError(name)
    try:
        data = read_bytes(home / name)
    except OSError:
        raise DataError(f"The snapshot in {home} has no file {name}. Use another.") from None
    if hashlib.sha256(data).hexdigest() != expected:
        raise DataError(
            f"{name} in {home} was changed after it was pulled: its hash is another. Use another"
            " snapshot."
        )
    return data


def _same(
    table: str, live: Live, tables: Mapping[str, Mapping[str, Any]], drop: Collection[str]
) -> None:
    if table not in tables:
        raise StudyError(
            f"The snapshot has no table '{table}'. There is: {', '.join(tables) or 'none'}."
        )
    if tables[table]["asked_sha256"] != live.digest:
        raise StudyError(
            f"[data] {table}: the snapshot was pulled for something else: address, query, table,"
            " fields or search are not the same now. Pull anew, or put the study file back."
        )
    if gone := [c for c in tables[table]["left_out"] if c not in drop]:
        raise StudyError(
            f"The snapshot has no cells of {', '.join(gone)}: they were under [privacy] drop when"
            " it was pulled. Pull anew, or drop them."
        )
