"""The folder of reports: written beside and renamed, a dated folder a run, a pointer to the latest,
nothing half done.

::

    reports/
      latest.json                which run is the latest, and by when the next one is expected
      2026-10_20261102T050003Z/  one run: report, results.csv, manifest.json, delivery.json
      failures/2026-11_3.json    what went wrong, once a period and exit code
      wake.json                  when the scheduler last called, and what came of it
      index.html  skipped.json   past reports with main numbers; what was left out, and why
      trial/                     made with a trial clock; never counted
      .lock  .partial-1a2b3c4d/  held and half-written things; cleaned by the next run
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from outcomes.config import atomic
from outcomes.config.regular import read_bytes
from outcomes.core.errors import OutputError
from outcomes.reporting import SNAPSHOT

log = logging.getLogger("outcomes")
_RUN = re.compile(r"\d{4}-[0-9WQ-]+_\d{8}T\d{6}Z(-\d+)?")
_PARTIAL = re.compile(r"\.partial-[0-9a-f]{8}")
MANIFEST, DELIVERY, MAIN = "manifest.json", "delivery.json", "main.json"
#: In the folder of a run that was made while the clock was ahead: its period is owed again.
AHEAD = "clock-was-ahead.json"


@dataclass(frozen=True)
class Run:
    """A published run: its folder and what its manifest says."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The period."""
        return str(self.manifest["period"]["label"])

    @property
    def ahead(self) -> bool:
        """Whether it was made while the clock was ahead, before its period was over."""
        return (self.folder / AHEAD).is_file()

    @property
    def order(self) -> tuple[str, int]:
        """Runs in the order of their periods, and within a period in the order they were made."""
        return str(self.manifest["period"]["start"]), int(self.manifest["number"])

    @property
    def reports(self) -> list[Path]:
        """The outputs that are still there and are meant for people; none outside the folder."""
        home = self.folder.resolve()
        files = (o["file"] for o in self.manifest["outputs"] if o["file"] not in (SNAPSHOT, MAIN))
        there = [p for f in files if (p := self.folder / f).is_file()]
        return [p for p in there if p.resolve().is_relative_to(home)]

    @property
    def unchanged(self) -> list[Path]:
        """The outputs that are there as they were made; a name that leads out of the folder is none
        of ours.
        """
        home = self.folder.resolve()
        there = ((self.folder / o["file"], o["sha256"]) for o in self.manifest["outputs"])
        return [
            p
            for p, sha in there
            if p.resolve().is_relative_to(home) and p.is_file() and digest(p) == sha
        ]

    @property
    def whole(self) -> bool:
        """Whether the manifest says all that later runs ask of it."""
        said = self.manifest
        try:
            moments = [datetime.fromisoformat(said[k]) for k in ("started", "ended")]
            outputs = [(o["file"] + o["sha256"], int(o["bytes"])) for o in said["outputs"]]
            inputs = [
                (str(i["table"]), str(i["sha256"]), int(i["rows"]["used"])) for i in said["inputs"]
            ]
            plan = (
                int(said["plan"]["questions"])
                + len(said["plan"]["unanswered"])
                + int(said["exit_code"])
            )
            named = (
                self.order,
                self.label,
                date.fromisoformat(self.order[0]),
                ZoneInfo(said["time_zone"]),
                str(said["key"]),
            )
        except (KeyError, TypeError, ValueError):
            return False
        return bool(named and outputs and inputs) and plan >= 0 and all(m.tzinfo for m in moments)


class Store:
    """The runs of one study in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def runs(self) -> list[Run]:
        """The published runs, in the order of their periods."""
        return sorted((r for r in self._all() if r.whole), key=lambda r: r.order)

    def spoiled(self) -> list[Path]:
        """The folders of runs whose manifest was damaged: published, but of no use to later
        runs.
        """
        return sorted(r.folder for r in self._all() if not r.whole)

    def labels(self) -> set[str]:
        """The periods that were published; a damaged manifest does not make its period owed
        again.
        """
        return {r.label for r in self.runs() if not r.ahead} | {
            f.name.partition("_")[0] for f in self.spoiled()
        }

    def _all(self) -> Iterator[Run]:
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if _RUN.fullmatch(folder.name) and (folder / MANIFEST).is_file():
                said = read_json(folder / MANIFEST) or {}
                if not said.get("trial"):  # a trial never counts, wherever somebody moves it
                    yield Run(folder, said)

    def mark_ahead(self, now: datetime) -> list[str]:
        """Mark the runs that say they were made later than now, of periods that are not due yet;
        the periods newly marked.
        """
        found = []
        for run in self.runs():
            try:
                started = datetime.fromisoformat(run.manifest["started"])
                due = datetime.fromisoformat(run.manifest["period"]["due"])
                ahead = started > now + timedelta(minutes=5) and due > now
            except (KeyError, TypeError, ValueError):  # a damaged manifest tells no time
                continue
            if ahead and not run.ahead:
                write_json(run.folder / AHEAD, {"seen": now.isoformat()})
                found.append(run.label)
        return found

    def tidy(self) -> None:
        """Remove what an interrupted run left half-written. Only under the lock: whoever wrote it
        is gone.
        """
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if _PARTIAL.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def partial(self) -> Iterator[Path]:
        """A folder to write a run in, beside its place; gone again if anything goes wrong."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder / f".partial-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)

    def name_for(self, label: str, started: datetime) -> str:
        """The name of a new run's folder: the period, and when it was made."""
        name = made = f"{label}_{started:%Y%m%dT%H%M%SZ}"
        number = 2
        while (self.folder / name).exists():
            name, number = f"{made}-{number}", number + 1
        return name

    def publish(self, partial: Path, name: str) -> Path:
        """Put a finished run in its place at one stroke, after everything in it has reached the
        disk.
        """
        return atomic.publish(partial, self.folder / name)

    def point(self, expected_by: datetime | None = None) -> None:
        """Let `latest.json` name the latest run, its report, and by when the next one is
        expected.
        """
        runs = [r for r in self.runs() if r.reports]
        if not runs:
            return
        last = runs[-1]
        write_json(
            self.folder / "latest.json",
            {
                "run": last.folder.name,
                "period": last.label,
                "published": last.manifest["ended"],
                "files": [p.relative_to(self.folder).as_posix() for p in last.reports],
                "next_expected_by": expected_by.isoformat() if expected_by else None,
            },
        )

    def retain(self, keep: int) -> None:
        """Keep the outputs of the `keep` runs made last; 0 keeps all. Manifests always stay.

        So do the latest run, the latest without a failed question, and what was changed by hand or
        not written by a run.
        """
        runs = self.runs()
        good = [r for r in runs if not r.manifest["exit_code"]]
        stay = {r.folder for r in (*runs[-1:], *good[-1:])}
        for run in sorted(runs, key=lambda r: int(r.manifest["number"]))[:-keep] if keep else ():
            for path in run.unchanged if run.folder not in stay else ():
                try:
                    path.unlink()
                except (
                    OSError
                ) as e:  # open in a viewer, perhaps (Windows); the next wake-up tries again
                    log.warning(
                        "%s cannot be removed yet: %s.", path, e.strerror or type(e).__name__
                    )

    # --- what went wrong --------------------------------------------------------------------------

    def failures(self) -> list[dict[str, Any]]:
        """What went wrong and has not been made good since, oldest first."""
        found = [_record(p) for p in (self.folder / "failures").glob("*.json")]
        return sorted((f for f in found if f), key=lambda f: str(f["last"]))

    def failed(
        self, label: str, code: int, kind: str, now: datetime, reasons: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Write down a failure: one record a period and exit code, however often it is met. No
        message, for it may quote data; only a gate's `reasons`, which do not.
        """
        old = _record(self._failure(label, code)) or {}
        record = {
            "period": label,
            "exit_code": code,
            "kind": kind,
            "reasons": list(reasons),
            "first": old.get("first", now.isoformat()),
            "last": now.isoformat(),
            "times": old.get("times", 0) + 1,
            "told": old.get("told", ""),
        }
        self.put_failure(record)
        return record

    def put_failure(self, record: Mapping[str, Any]) -> None:
        """Write a failure's record. A disk that is full must not hide the failure itself."""
        with contextlib.suppress(OutputError):
            write_json(self._failure(str(record["period"]), int(record["exit_code"])), record)

    def made_good(self, label: str) -> None:
        """Forget the failures of a period that is now published."""
        for path in (self.folder / "failures").glob(f"{label}_*.json"):
            path.unlink(missing_ok=True)

    def _failure(self, label: str, code: int) -> Path:
        return self.folder / "failures" / f"{label}_{code}.json"


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file so that a reader sees the old one or the new one, never half of it. Raises
    OutputError.
    """
    atomic.write(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON file's table, or None where there is none."""
    try:
        data = json.loads(read_bytes(path, error=OutputError).decode("utf-8"))
    except (OSError, ValueError, RecursionError, OutputError):
        return None
    return data if isinstance(data, dict) else None


def strings(value: Any) -> list[str]:
    """A list's texts; none where it is something else."""
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _record(path: Path) -> dict[str, Any] | None:
    """A failure's record; None where there is none, or it was damaged."""
    said = read_json(path) or {}
    try:
        moments = [
            datetime.fromisoformat(said[k])
            for k in ("first", "last", *(["told"] if said["told"] else []))
        ]
        made = said | {
            "times": int(said["times"]),
            "exit_code": int(said["exit_code"]),
            "kind": str(said["kind"]),
        }
    except (KeyError, TypeError, ValueError):
        return None
    return made if isinstance(said.get("period"), str) and all(m.tzinfo for m in moments) else None
