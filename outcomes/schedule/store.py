"""The folder of reports: written beside and renamed, a dated folder a run, a pointer to the latest, nothing half done.

::

    reports/
      latest.json                        which run is the latest, and by when the next one is expected
      2026-10_20261102T050003Z/          one run: the report, results.csv, manifest.json, delivery.json
      failures/2026-11_3.json            what went wrong, once a period and exit code
      wake.json                          when the scheduler last called, and what came of it
      .lock  .partial-1a2b3c4d/          held and half-written things; cleaned by the next run
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_RUN = re.compile(r"\d{4}-[0-9WQ-]+_\d{8}T\d{6}Z(-\d+)?")
_PARTIAL = re.compile(r"\.partial-[0-9a-f]{8}")
MANIFEST, DELIVERY = "manifest.json", "delivery.json"


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
    def order(self) -> tuple[str, int]:
        """Runs in the order of their periods, and within a period in the order they were made."""
        return str(self.manifest["period"]["start"]), int(self.manifest["number"])

    @property
    def reports(self) -> list[Path]:
        """The outputs that are still there."""
        return [p for o in self.manifest["outputs"] if (p := self.folder / o["file"]).is_file()]


class Store:
    """The runs of one study in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def runs(self) -> list[Run]:
        """The published runs, in the order of their periods."""
        found = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if _RUN.fullmatch(folder.name) and (manifest := read_json(folder / MANIFEST)):
                found.append(Run(folder, manifest))
        return sorted(found, key=lambda r: r.order)

    def tidy(self) -> None:
        """Remove what an interrupted run left half-written. Only under the lock: whoever wrote it is gone."""
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
        """Put a finished run in its place at one stroke, after everything in it has reached the disk."""
        for path in sorted(partial.rglob("*")):
            if path.is_file():
                _sync(path)
        _sync(partial)
        target = self.folder / name
        _insist(lambda: partial.rename(target))
        _sync(self.folder)
        return target

    def point(self, expected_by: datetime | None = None) -> None:
        """Let `latest.json` name the latest run, its report, and by when the next one is expected."""
        runs = [r for r in self.runs() if r.reports]
        if not runs:
            return
        last = runs[-1]
        write_json(
            self.folder / "latest.json",
            {
                "run": last.folder.name, "period": last.label, "published": last.manifest["ended"],
                "files": [p.relative_to(self.folder).as_posix() for p in last.reports],
                "next_expected_by": expected_by.isoformat() if expected_by else None,
            },
        )  # fmt: skip

    def retain(self, keep: int, *also: str) -> None:
        """Keep the reports (and files called `also`) of the `keep` runs made last; 0 keeps all. Manifests always stay."""
        runs = sorted(self.runs(), key=lambda r: int(r.manifest["number"]))
        for run in runs[:-keep] if keep else ():
            for path in (*run.reports, *(run.folder / name for name in also)):
                path.unlink(missing_ok=True)

    # --- what went wrong ----------------------------------------------------------------------------------------

    def failures(self) -> list[dict[str, Any]]:
        """What went wrong and has not been made good since, oldest first."""
        found = [read_json(p) for p in (self.folder / "failures").glob("*.json")]
        return sorted((f for f in found if f), key=lambda f: str(f.get("last", "")))

    def failed(self, label: str, code: int, kind: str, now: datetime) -> dict[str, Any]:
        """Write down a failure: one record a period and exit code, however often it is met. No message: it may quote data."""
        old = read_json(self._failure(label, code)) or {}
        record = {
            "period": label, "exit_code": code, "kind": kind, "first": old.get("first", now.isoformat()),
            "last": now.isoformat(), "times": int(old.get("times", 0)) + 1, "told": old.get("told", ""),
        }  # fmt: skip
        self.put_failure(record)
        return record

    def put_failure(self, record: Mapping[str, Any]) -> None:
        """Write a failure's record. A disk that is full must not hide the failure itself."""
        with contextlib.suppress(OSError):
            (self.folder / "failures").mkdir(exist_ok=True)
            write_json(self._failure(str(record["period"]), int(record["exit_code"])), record)

    def made_good(self, label: str) -> None:
        """Forget the failures of a period that is now published."""
        for path in (self.folder / "failures").glob(f"{label}_*.json"):
            path.unlink(missing_ok=True)

    def _failure(self, label: str, code: int) -> Path:
        return self.folder / "failures" / f"{label}_{code}.json"


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file so that a reader sees the old one or the new one, never half of it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _sync(beside)
        _insist(lambda: os.replace(beside, path))
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON file's table, or None where there is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows has no handle to sync a folder by
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _insist(act: Callable[[], object]) -> None:
    """Do it, and again for a second where a virus scanner or an open viewer is in the way (Windows)."""
    for wait in (0.05, 0.15, 0.3, 0.5):
        try:
            act()
            return
        except PermissionError:
            time.sleep(wait)
    act()
