"""Periods that a person decided to leave without a report, each with the reason."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from outcomes.core.errors import StudyError
from outcomes.schedule.store import Store, read_json, write_json

_FILE = "skipped.json"


def skipped(folder: Path) -> dict[str, str]:
    """The periods of a folder that were skipped, each with its reason."""
    said = (read_json(folder / _FILE) or {}).get("periods")
    entries = said.items() if isinstance(said, dict) else ()
    return {
        label: e["reason"]
        for label, e in entries
        if isinstance(e, dict) and isinstance(e.get("reason"), str)
    }


def put_skip(store: Store, label: str, reason: str, now: datetime) -> None:
    """Write down that a period has no report, and forget its failures.

    Raises StudyError where no reason is given or the period has a report, OutputError where the
    disk refuses.
    """
    words = " ".join(reason.split())
    if not words or not words.isprintable():
        raise StudyError(f'Say why {label} is skipped: --skip {label} --reason "clinic closed".')
    if label in store.labels():
        raise StudyError(f"{label} has a report already, so it cannot be skipped.")
    file = store.folder / _FILE
    said = (read_json(file) or {}).get("periods")
    periods = dict(said) if isinstance(said, dict) else {}
    periods[label] = {"reason": words, "at": now.isoformat()}
    write_json(file, {"periods": periods})
    store.made_good(label)
