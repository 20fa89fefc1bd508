"""One wake-up: which periods are owed, each made and published on its own, the right people
told.
"""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from outcomes.core.errors import OutcomesError, OutputError, SourceError, StudyError
from outcomes.schedule.environment import prepare
from outcomes.schedule.exit_codes import DeliveryError, StaleError
from outcomes.schedule.lock import locked
from outcomes.schedule.notifier import Teller
from outcomes.schedule.periods import Period, owed
from outcomes.schedule.publisher import Made, make
from outcomes.schedule.report_index import write_index
from outcomes.schedule.schedule_file import Line, Schedule, read_schedule
from outcomes.schedule.skips import put_skip, skipped
from outcomes.schedule.store import Store, write_json

log = logging.getLogger("outcomes")


@dataclass(frozen=True)
class Woken:
    """What a wake-up did. `exit_code` is 0, or that of the first failure; a failed delivery counts
    least.
    """

    exit_code: int
    made: tuple[Made, ...]
    missed: tuple[str, ...] = ()
    undelivered: tuple[str, ...] = ()


def run_due(
    path: str | Path,
    now: datetime | None = None,
    *,
    period: str = "",
    accept: bool = False,
    trial: bool = False,
) -> Woken:
    """Make and publish the reports that a schedule owes by now; called again, it finds them there
    and does nothing.

    `period` asks for one period by its label: missed, or to be made again. `accept` publishes
    although the gates object; what it said stands in the manifest. `now` is the time to go by,
    with a zone. `trial` makes what would be made at that time (without a zone: in the schedule's)
    in the folder `trial`, marked; it counts nowhere, tells nobody and leaves all else as it is.

    Raises StudyError for a schedule that is wrong, LockedError where another run is at work,
    OutputError where the folder of reports cannot be written. Whatever else goes wrong is in the
    answer, and people are told.
    """
    prepare()
    wake = _Wake(read_schedule(path), now, accept, trial)
    wanted = wake.schedule.when.named(period) if period else None
    if wanted and wanted.end > wake.clock().astimezone(wake.schedule.when.zone).date():
        raise StudyError(
            f"{wanted.label} is not over yet; its last day is {wanted.end - timedelta(days=1)}."
        )
    try:
        with locked(wake.schedule.out):
            return wake.rehearse(wanted) if trial else wake.run(wanted)
    except OutputError as e:
        if not trial:
            wake.teller.at_once(e.exit_code)
        raise


def skip(path: str | Path, period: str, reason: str) -> None:
    """Write down that a period has no report, with the reason; `period=` still makes it by hand.

    Raises StudyError for a schedule that is wrong, a period that has a report, or no reason.
    """
    schedule = read_schedule(path)
    label = schedule.when.named(period).label
    with locked(schedule.out):
        for line in schedule.lines:
            put_skip(Store(line.out), label, reason, datetime.now(UTC).replace(microsecond=0))
        write_index(schedule)


class _Wake:
    """One wake-up, from the lock to its end."""

    def __init__(
        self, schedule: Schedule, now: datetime | None, accept: bool, trial: bool = False
    ) -> None:
        if now is not None and now.tzinfo is None:
            if not trial:
                raise StudyError("now needs a time zone, such as datetime.now(UTC).")
            now = now.replace(tzinfo=schedule.when.zone)
        self.schedule, self.accept, self.trial = schedule, accept, trial
        self._began, self._tick = (now or datetime.now(UTC)).astimezone(UTC), time.monotonic()
        self.teller = Teller(schedule, self.clock)
        self._failed: list[tuple[Line, Store, dict[str, Any]]] = []

    def clock(self) -> datetime:
        """The time, counted from the start: a clock that is set meanwhile does not matter."""
        return (self._began + timedelta(seconds=time.monotonic() - self._tick)).replace(
            microsecond=0
        )

    def run(self, wanted: Period | None) -> Woken:
        """Do all that is owed."""
        made: list[Made] = []
        missed: list[str] = []
        for line in self.schedule.lines:
            store = Store(line.out)
            store.tidy()
            for label in store.mark_ahead(self.clock()):
                log.warning(
                    "The report for %s was made while the clock was ahead. It is made again when"
                    " %s is over.",
                    label,
                    label,
                )
            due, gone = ([wanted], []) if wanted else self._owed(store)
            missed += [f"{line.name} {p.label}".strip() for p in gone]
            made += [self._attempt(line, store, p) for p in due]
        code = next((m.exit_code for m in made if m.exit_code), 0)
        code = self._close(missed) or code
        if not code and not self.teller.undelivered:
            self.teller.alive()
        code = code or (DeliveryError.exit_code if self.teller.undelivered else 0)
        try:
            write_json(
                self.schedule.out / "wake.json", {"at": self.clock().isoformat(), "exit_code": code}
            )
        except OutputError:
            code = code or OutputError.exit_code
        return Woken(
            code, tuple(made), tuple(missed), tuple(dict.fromkeys(self.teller.undelivered))
        )

    def rehearse(self, wanted: Period | None) -> Woken:
        """Make what is owed by now as a trial."""
        made: list[Made] = []
        missed: list[str] = []
        for line in self.schedule.lines:
            store = Store(line.out)
            due, gone = ([wanted], []) if wanted else self._owed(store)
            missed += [f"{line.name} {p.label}".strip() for p in gone]
            made += [self._attempt(line, store, p) for p in due]
        code = next((m.exit_code for m in made if m.exit_code), 0)
        return Woken(code, tuple(made), tuple(missed))

    def _owed(self, store: Store) -> tuple[list[Period], list[Period]]:
        done, limit = store.labels() | set(skipped(store.folder)), self.schedule.max_catchup
        return owed(self.schedule.when, self.clock(), done, start=self.schedule.start, limit=limit)

    def _attempt(self, line: Line, store: Store, period: Period) -> Made:
        reasons: tuple[str, ...] = ()
        log.info("%s: making the report for %s.", line.name or self.schedule.name, period.words)
        try:
            done = make(
                self.schedule,
                line,
                store,
                period,
                clock=self.clock,
                tell=self.teller.wanted,
                accept=self.accept,
                trial=self.trial,
            )
        except OutcomesError as e:
            code, kind, words = e.exit_code, type(e).__name__, str(e)
            if isinstance(e, StaleError):
                reasons = e.reasons
            elif isinstance(e, SourceError):  # its words name hosts, counts and codes only
                reasons = (words,)
        # the message of an unforeseen error may hold a value: only its kind and place are said
        except Exception as e:
            last = traceback.extract_tb(e.__traceback__)[-1]
            code, kind = 1, type(e).__name__
            words = (
                f"internal error ({kind} at {Path(last.filename).name}:{last.lineno}). Please"
                " report it."
            )
        else:
            if not self.trial:
                store.made_good(period.label)
            return done
        if not self.trial:
            failure = store.failed(period.label, code, kind, self.clock(), reasons)
            self._failed.append((line, store, failure))
        return Made(line.name, period.label, code, words)

    def _close(self, missed: list[str]) -> int:
        """After the reports: the pointers, old reports, notices that wait. 0, or the exit code
        where the disk refuses.
        """
        expected = self.schedule.when.next_due(self.clock(), self.schedule.start).due
        try:
            for failure in self._failed:  # only now: a slow server keeps no report from being made
                self.teller.failed(*failure)
            for line in self.schedule.lines:
                store = Store(line.out)
                store.retain(self.schedule.keep_reports)
                store.point(expected + timedelta(hours=self.schedule.overdue_after_hours))
                for run in store.runs():
                    self.teller.published(line, run)
            self.teller.missed(missed)
            write_index(self.schedule)
        except (OSError, OutputError) as e:
            why = (
                e
                if isinstance(e, OutputError)
                else f"Cannot write in {self.schedule.out}: {e.strerror or type(e).__name__}."
            )
            log.error("%s", why)
            return OutputError.exit_code
        return 0
