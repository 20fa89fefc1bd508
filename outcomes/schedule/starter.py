"""A commented schedule file to begin with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from outcomes.config import atomic
from outcomes.config.fields import commented
from outcomes.core.errors import StudyError
from outcomes.schedule.schedule_form import SECTIONS

#: What to do with the file; {file} is its name.
HEAD = (
    "When reports are made by themselves. Look at every line, then:",
    (
        "  outcomes run-due {file}           make what is owed now (again and again: what is done"
        " stays done)"
    ),
    "  outcomes status {file}            what ran, what is due, what is overdue",
    "  outcomes schedule test {file}     send a test notice through each channel",
    (
        "  outcomes schedule show {file}     what to paste into cron, systemd or Windows Task"
        " Scheduler"
    ),
)


def init(
    path: str | Path, *, study: str = "study.toml", force: bool = False, today: date | None = None
) -> Path:
    """Write a commented schedule file. Raises StudyError where one is there already, or the folder
    is not.
    """
    file, today = Path(path), today or datetime.now(UTC).date()
    if file.exists() and not force:
        raise StudyError(
            f"{file} is already there. Choose another name, or replace it with --force."
        )
    if not file.parent.is_dir():
        raise StudyError(f"There is no folder '{file.parent}'.")
    start = date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)
    name, zone = file.absolute().parent.name or "reports", _zone() or "UTC"
    own = {"schedule": {"name": name, "study": study, "time_zone": zone, "start": start}}
    text = commented(SECTIONS, own, head=[line.format(file=file.name) for line in HEAD])
    return atomic.write(file, text)


def _zone() -> str:
    """The name of this computer's time zone, where it says one."""
    from zoneinfo import available_timezones

    target = str(Path("/etc/localtime").resolve())
    name = target.partition("zoneinfo/")[2]
    return name if name in available_timezones() else ""
