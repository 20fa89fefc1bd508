"""Which command helps after each kind of failure: for notices, `status` and the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outcomes.core.errors import SourceError
from outcomes.schedule.exit_codes import StaleError
from outcomes.schedule.schedule_file import Line, Schedule


def advice(schedule: Schedule, line: Line, failure: Mapping[str, Any]) -> tuple[str, ...]:
    """What to do about a failure (`period`, `exit_code`, `kind`), each with a command to copy."""
    label, code = str(failure["period"]), int(failure["exit_code"])
    again = f"outcomes run-due {quoted(schedule.path)}"
    if failure["kind"] == StaleError.__name__:
        return for_gate(schedule, label)
    if code == 74:
        return (f"Free space, or give this account permission to write in {schedule.out}: {again}",)
    if code == SourceError.exit_code:
        study = quoted(line.study_file(label))
        return (
            "The next wake-up asks again by itself; nothing half was read.",
            f"To see whether it is reached now, on that computer: outcomes check {study}",
        )
    if code in (2, 3, 4):
        study = quoted(line.study_file(label))
        return (
            f"To see what is wrong, on that computer: outcomes check {study}",
            f"When it is mended: {again}",
        )
    return (f"To see the message, on that computer: {again} --period {label}",)


def for_gate(schedule: Schedule, label: str) -> tuple[str, ...]:
    """What to do where the data did not pass the checks before publishing."""
    again = f"outcomes run-due {quoted(schedule.path)}"
    return (
        f"With new data in place, the next wake-up makes the report; or at once: {again}",
        f"If the data are right as they are: {again} --period {label} --accept",
        f'If this period has no report: {again} --skip {label} --reason "why"',
    )


def quoted(path: str | Path) -> str:
    """A path as a shell takes it, on every system: in double quotes where it holds a space."""
    return f'"{path}"' if any(c.isspace() for c in str(path)) else str(path)
