"""What to paste into the operating system's scheduler. It only wakes `run-due`, every hour; what is
owed is decided there.

Cron cannot say "first Monday" (day of month and day of week are joined by *or*), forgets what it
slept through, and knows no other time zone; Task Scheduler skips a missed start unless told
otherwise. Waking hourly needs none of that.
"""

from __future__ import annotations

import re
import shlex
import sys
import zlib
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

from outcomes.core.errors import StudyError, unknown
from outcomes.schedule.schedule_file import Schedule, read_schedule

KINDS = ("cron", "systemd", "windows")


def show(path: str | Path, kind: str = "", *, python: str = sys.executable) -> str:
    """Entries for cron, systemd and Windows Task Scheduler that wake a schedule, ready to paste; or
    one kind of them.

    Raises StudyError for a schedule that is wrong, or an unknown kind.
    """
    schedule = read_schedule(path)
    if kind and kind not in KINDS:
        raise StudyError(unknown("scheduler", kind, KINDS))
    if not (str(schedule.path) + python).isprintable():
        raise StudyError(
            "The path of the schedule or of Python holds a line break, or another sign that cannot"
            " be printed, so an entry could run something else. Rename the folder."
        )
    makers = {"cron": _cron, "systemd": _systemd, "windows": _windows}
    return "\n".join(makers[k](schedule, python) for k in ([kind] if kind else KINDS))


def _slug(schedule: Schedule) -> str:
    return re.sub(r"[^a-z0-9]+", "-", schedule.path.stem.lower()).strip("-") or "schedule"


def _minute(schedule: Schedule) -> int:
    """A minute of the hour of its own, so that several schedules do not wake together."""
    return zlib.crc32(str(schedule.path).encode()) % 60


def _cron(schedule: Schedule, python: str) -> str:
    words = [python, "-m", "outcomes", "run-due", str(schedule.path), "--quiet"]
    command = shlex.join(words).replace("%", r"\%")  # an unescaped % ends a crontab command
    return f"""\
# cron: crontab -e, then one line. It prints only when something is wrong; cron mails that.
{_minute(schedule)} * * * * {command}
"""


def _systemd(schedule: Schedule, python: str) -> str:
    name = f"outcomes-{_slug(schedule)}"
    command = " ".join(
        _unit(w) for w in (python, "-m", "outcomes", "run-due", str(schedule.path), "--quiet")
    )
    return f"""\
# systemd: two files in ~/.config/systemd/user/, then:
#   systemctl --user daemon-reload && systemctl --user enable --now {name}.timer
#   loginctl enable-linger     (so that it also runs while nobody is logged in)
# --- {name}.service
[Unit]
Description=Reports that are due: {schedule.name.replace("%", "%%")}

[Service]
Type=oneshot
ExecStart={command}
SuccessExitStatus=75
TimeoutStartSec=2h
Nice=10

# --- {name}.timer
[Unit]
Description=Wakes {name}.service

[Timer]
OnCalendar=*-*-* *:{_minute(schedule):02d}:00
Persistent=true

[Install]
WantedBy=timers.target
"""


def _windows(schedule: Schedule, python: str) -> str:
    name = f"outcomes-{_slug(schedule)}"
    start = datetime(2024, 1, 1, 0, _minute(schedule))
    arguments = f'-X utf8 -m outcomes run-due "{schedule.path}" --quiet'
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<!-- Windows: save as {name}.xml in encoding "Unicode (UTF-16)", then in a command window:
     schtasks /Create /TN "{name}" /XML {name}.xml /RU "%USERNAME%" /RP *
     (it asks for the password, so that the task also runs while nobody is logged in) -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Reports that are due: {escape(schedule.name)}</Description></RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>{start:%Y-%m-%dT%H:%M:%S}</StartBoundary>
      <Repetition><Interval>PT1H</Interval><StopAtDurationEnd>false</StopAtDurationEnd></Repetition>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author"><LogonType>Password</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT2H</ExecutionTimeLimit>
    <Enabled>true</Enabled>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(python)}</Command>
      <Arguments>{escape(arguments)}</Arguments>
      <WorkingDirectory>{escape(str(schedule.path.parent))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""  # noqa: E501


def _unit(word: str) -> str:
    """A word of a systemd command: quoted, with its specifiers (%) and variables ($) taken
    literally.
    """
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return plain if re.fullmatch(r"[\w./%$:@+-]+", plain) else f'"{plain}"'
