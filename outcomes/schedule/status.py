"""What ran, what is due, what is overdue: for a person, and for a monitor by its exit code."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from outcomes.schedule.advice import advice, quoted
from outcomes.schedule.exit_codes import MEANINGS
from outcomes.schedule.periods import owed
from outcomes.schedule.schedule_file import Line, Schedule, read_schedule
from outcomes.schedule.skips import skipped
from outcomes.schedule.store import DELIVERY, MANIFEST, Run, Store, digest, read_json, strings


@dataclass(frozen=True)
class LineStatus:
    """How one study stands. `trouble` says what needs a look, empty where nothing does;
    `advice` holds the commands that help.
    """

    study: str
    last_period: str
    last_made: str
    report: str
    due: tuple[str, ...]
    overdue: tuple[str, ...]
    missed: tuple[str, ...]
    failures: tuple[str, ...]
    trouble: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """How a schedule stands. `exit_code` is 0 where all is well, 5 where something is overdue,
    failed or changed.
    """

    schedule: str
    last_woken: str
    next_due: str
    lines: tuple[LineStatus, ...]

    @property
    def exit_code(self) -> int:
        """For a monitor."""
        return 5 if any(line.trouble for line in self.lines) else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self) | {"exit_code": self.exit_code}

    def __str__(self) -> str:
        out = [f"{self.schedule}: {'needs a look' if self.exit_code else 'all is well'}"]
        out += [f"  last woken: {self.last_woken or 'never'}", f"  next due:   {self.next_due}"]
        for line in self.lines:
            last = f"{line.last_period}, made {line.last_made}" if line.last_made else "none yet"
            out.append(f"  {line.study or 'report'}: {last}")
            out += [f"    {line.report}"] if line.report else []
            out += [f"    due now: {', '.join(line.due)}"] if line.due else []
            out += [f"    missed, not caught up: {', '.join(line.missed)}"] if line.missed else []
            out += [f"    skipped: {s}" for s in line.skipped]
            out += [f"    ! {t}" for t in line.trouble]
            out += [f"    > {a}" for a in line.advice]
        return "\n".join(out)


def status(path: str | Path, now: datetime | None = None) -> Status:
    """How a schedule stands. Reads only: it can be asked while a run is at work, and from another
    computer.

    Raises StudyError for a schedule that is wrong.
    """
    schedule = read_schedule(path)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    woken = read_json(schedule.out / "wake.json") or {}
    try:
        last = f"{_local(woken['at'], schedule)}, exit code {woken['exit_code']}"
    except (KeyError, TypeError, ValueError):  # never, or damaged: the next wake-up writes it anew
        last = ""
    following = schedule.when.next_due(moment, schedule.start)
    lines = tuple(_line(schedule, line, moment) for line in schedule.lines)
    return Status(
        schedule.name,
        last,
        f"{following.label} at {_local(following.due.isoformat(), schedule)}",
        lines,
    )


def _line(schedule: Schedule, line: Line, now: datetime) -> LineStatus:
    store = Store(line.out)
    runs = store.runs()
    left = skipped(line.out)
    done = store.labels() | set(left)
    due, missed = owed(schedule.when, now, done, start=schedule.start, limit=schedule.max_catchup)
    late = [p.label for p in due if p.due + timedelta(hours=schedule.overdue_after_hours) < now]
    known = store.failures()
    failures = [_failure(f, schedule) for f in known]
    help = [a for f in known for a in advice(schedule, line, f)]
    if late and not known:
        wake = quoted(schedule.path)
        help += [
            f"To make it now: outcomes run-due {wake}",
            f"If nothing wakes the schedule by itself: outcomes schedule show {wake}",
        ]
    trouble = [f"overdue: {', '.join(late)}"] if late else []
    trouble += failures
    trouble += [
        f"{f.name}/{MANIFEST} was damaged: put it back, or make the report again with --period"
        for f in store.spoiled()
    ]
    report = ""
    if runs:
        trouble += _latest(runs[-1], now)
        report = str(runs[-1].reports[0]) if runs[-1].reports else ""
    return LineStatus(
        line.name,
        runs[-1].label if runs else "",
        _local(runs[-1].manifest["ended"], schedule) if runs else "",
        report,
        tuple(p.label for p in due),
        tuple(late),
        tuple(p.label for p in missed),
        tuple(failures),
        tuple(trouble),
        tuple(f"{label} ({why})" for label, why in sorted(left.items())),
        tuple(dict.fromkeys(help)),
    )


def _failure(record: dict[str, Any], schedule: Schedule) -> str:
    code = record["exit_code"]
    return (
        f"{record['period']} failed with exit code {code} ({MEANINGS.get(code, 'unknown')}), "
        f"{record['times']} time(s), last {_local(record['last'], schedule)}"
        + "".join(f". {r}".removesuffix(".") for r in strings(record.get("reasons")))
    )


def _latest(run: Run, now: datetime) -> list[str]:
    """What is wrong with the latest run: its answers, its files, its notice, the clock."""
    said = run.manifest
    found = []
    if said["exit_code"]:
        n = len(said["plan"]["unanswered"])
        found.append(
            f"{run.label}: {n} of {said['plan']['questions']} questions could not be answered"
        )
    if datetime.fromisoformat(said["started"]) > now + timedelta(minutes=5):
        found.append(f"{run.label} was made in the future: the clock was or is wrong")
    for entry in said["outputs"]:
        path = run.folder / entry["file"]
        if not path.is_file() or digest(path) != entry["sha256"]:
            found.append(
                f"{run.folder.name}/{entry['file']} is gone or was changed after it was made"
            )
    if strings((read_json(run.folder / DELIVERY) or {}).get("waiting")):
        found.append(f"{run.label}: the notice could not be delivered yet")
    return found


def _local(moment: str, schedule: Schedule) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(schedule.when.zone):%Y-%m-%d %H:%M}"
