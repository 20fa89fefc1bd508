"""Who is told of what, and when: each thing once, again only after a while, and nothing lost
because a server was down.
"""

from __future__ import annotations

import logging
import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from outcomes.core.errors import OutcomesError, StudyError
from outcomes.schedule.advice import advice, quoted
from outcomes.schedule.exit_codes import MEANINGS
from outcomes.schedule.notify import Notice, channels, heartbeat, send
from outcomes.schedule.schedule_file import Line, Schedule, read_schedule
from outcomes.schedule.store import DELIVERY, Run, Store, read_json, strings, write_json

log = logging.getLogger("outcomes")
#: Seconds that a notice may take altogether; a channel that took longer is not asked again then.
PATIENCE = 60.0


def try_channels(path: str | Path) -> tuple[tuple[str, str], ...]:
    """Send a test notice through each channel of a schedule, and ask for its heartbeat; each
    channel with what went wrong, empty where it was taken.

    Raises StudyError for a schedule that is wrong or names nobody to tell.
    """
    schedule = read_schedule(path)
    settings = schedule.notify
    there = (*channels(settings), *(["heartbeat"] if settings.heartbeat_env else []))
    if not there:
        raise StudyError(
            f"{schedule.path.name} names nobody to tell. Add a table [notify.email],"
            " [notify.webhook] or [notify.heartbeat]."
        )
    zone = schedule.when.zone
    lines = (
        "This is a test: nothing happened, and nothing needs to be done.",
        f"Schedule: {schedule.path}",
        f"Computer: {platform.node()}",
        f"When: {datetime.now(UTC).astimezone(zone):%Y-%m-%d %H:%M} ({zone})",
        f"Notices are sent of: {', '.join(settings.on)}.",
    )
    notice = Notice(f"outcomes: {schedule.name}: test of notices", lines)
    found = []
    for channel in there:
        try:
            heartbeat(settings) if channel == "heartbeat" else send(channel, notice, settings)
        except OutcomesError as e:
            found.append((channel, str(e)))
        else:
            found.append((channel, ""))
    return tuple(found)


def _for_people(run: Run) -> tuple[Path, ...]:
    """The reports of a run as they were made, without tables and numbers for machines."""
    return tuple(p for p in run.unchanged if p.stem == "report")


class Teller:
    """Tells people on behalf of one schedule; `undelivered` names the channels that did not
    work.
    """

    def __init__(self, schedule: Schedule, clock: Callable[[], datetime]) -> None:
        self.schedule, self.settings, self.clock = schedule, schedule.notify, clock
        self.undelivered: list[str] = []
        self._slow: set[str] = set()

    def wanted(self, code: int) -> tuple[str, ...]:
        """The channels that want to hear of a run that ended with this exit code."""
        return (
            channels(self.settings)
            if ("failure" if code else "success") in self.settings.on
            else ()
        )

    def published(self, line: Line, run: Run) -> None:
        """Send what a published run still has to say; a channel that took it is not asked again."""
        waiting = strings((read_json(run.folder / DELIVERY) or {}).get("waiting"))
        if waiting:
            notice = self._notice(
                line,
                run.label,
                int(run.manifest["exit_code"]),
                (),
            )
            notice = replace(
                notice, run=run.folder, reports=_for_people(run), out=self.schedule.out
            )
            left = self._send([c for c in waiting if c in channels(self.settings)], notice)
            write_json(run.folder / DELIVERY, {"waiting": left, "tried": self.clock().isoformat()})

    def failed(self, line: Line, store: Store, record: dict[str, Any]) -> None:
        """Tell of a failure when it is new, and again after a while; not at every wake-up."""
        to, told = self.wanted(int(record["exit_code"])), record["told"]
        again = timedelta(hours=self.settings.repeat_hours)
        if not to or (told and self.clock() - datetime.fromisoformat(told) < again):
            return
        more = (
            *strings(record.get("reasons")),
            f"Kind: {record['kind']}. Met {record['times']} time(s) since {record['first']}.",
            *advice(self.schedule, line, record),
        )
        left = self._send(to, self._notice(line, record["period"], int(record["exit_code"]), more))
        if len(left) < len(to):
            store.put_failure({**record, "told": self.clock().isoformat()})

    def missed(self, labels: Sequence[str]) -> None:
        """Tell once of each period that is too long ago to be caught up by itself."""
        file = self.schedule.out / "missed.json"
        known = set(strings((read_json(file) or {}).get("told")))
        new = [m for m in labels if m not in known]
        if not new:
            return
        log.warning("Missed, and too long ago to be caught up by itself: %s.", ", ".join(new))
        by_hand = f"outcomes run-due {quoted(self.schedule.path)} --period"
        lines = (
            f"No report was made for {', '.join(new)}: too long ago to be caught up by itself.",
            f"By hand: {by_hand} {new[-1].split()[-1]}",
        )
        if not self._send(
            self.wanted(2),
            Notice(f"outcomes: {self.schedule.name}: periods without a report", lines),
        ):
            write_json(file, {"told": sorted(known | set(new))})

    def at_once(self, code: int) -> None:
        """Tell of a failure that cannot be written down."""
        more = (f"Folder of reports: {self.schedule.out}",)
        self._send(self.wanted(code), self._notice(self.schedule.lines[0], "", code, more))

    def alive(self) -> None:
        """Tell the monitor that all is well."""
        self._try("heartbeat", lambda: heartbeat(self.settings))

    def _send(self, to: Sequence[str], notice: Notice) -> list[str]:
        """Send by each channel; the ones that did not work."""
        return [c for c in to if not self._try(c, lambda c=c: send(c, notice, self.settings))]  # type: ignore[misc]

    def _try(self, what: str, act: Callable[[], None]) -> bool:
        if what in self._slow:
            return False
        wrong: list[str] = []
        fault: list[BaseException] = []

        def ask() -> None:
            try:
                act()
            except OutcomesError as e:
                wrong.append(str(e))
            except BaseException as e:  # handed over to the thread that waits
                fault.append(e)

        # a server that sends a byte now and then meets every time-out of a connection
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(PATIENCE)
        if fault:
            raise fault.pop()
        if asking.is_alive():
            self._slow.add(what)
            wrong.append(f"No answer within {int(PATIENCE)} seconds.")
        if not wrong:
            return True
        log.error("%s: %s", what, wrong[0])
        self.undelivered.append(what)
        return False

    def _notice(self, line: Line, label: str, code: int, more: Sequence[str]) -> Notice:
        zone = self.schedule.when.zone
        what = " ".join(p for p in (self.schedule.name, line.name, label) if p)
        state = "needs a look" if code else "a report is ready"
        lines = (
            f"Schedule: {self.schedule.path}",
            f"Study: {line.name or self.schedule.name}",
            f"Period: {label or '-'}",
            f"Exit code {code}: {MEANINGS.get(code, 'unknown')}.",
            f"Computer: {platform.node()}",
            f"When: {self.clock().astimezone(zone):%Y-%m-%d %H:%M} ({zone})",
            *more,
        )
        return Notice(f"outcomes: {what}: {state}", lines)
