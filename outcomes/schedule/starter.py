"""A commented schedule file to begin with."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

from outcomes.config import atomic
from outcomes.core.errors import StudyError

_TEXT = """\
# When reports are made by themselves. Look at every line, then:
#   outcomes run-due {file}           make what is owed now (again and again: what is done stays done)
#   outcomes status {file}            what ran, what is due, what is overdue
#   outcomes schedule show {file}     what to paste into cron, systemd or Windows Task Scheduler

[schedule]
name = {name}
study = {study}          # relative to this file; with {{period}} in the path, each period has its own data
period = "monthly"              # daily, weekly (Monday to Sunday), monthly, quarterly
on = "first monday"             # of the month after; or a day such as 3; for weekly a weekday
at = "06:00"
time_zone = {zone}       # {zone_words}
start = {start}              # periods that begin on or after this day
out = "reports"
audience = "internal"           # or "share": only numbers that pass a disclosure policy, such as policy = "nhs"
formats = ["html"]              # also "pdf", "docx", "tables" (CSV and XLSX)
overdue_after_hours = 24        # after that, status says overdue

[freshness]                     # no report is published from input that is stale
same_input = "refuse"           # the same files as before the period ended; or "allow"
rows_fall_percent = 20          # usable rows fell by more than this since the last report
# newest = {{ file = "infusions.csv", column = "date" }}    # its newest date must lie in the period or later

[retention]
reports = 36                    # reports of so many runs are kept; their manifests always

# [notify]                      # a notice says what happened and where to look; it holds no results
# on = ["failure"]              # and "success"
# repeat_hours = 24             # a failure that lasts is told again after this
# env_file = "secrets.env"      # lines of NAME=value, readable by you alone; or set the variables yourself
# [notify.email]
# host = "smtp.example.org"
# port = 587
# security = "starttls"         # or "tls", "none"
# from = "reports@example.org"
# to = ["clinic@example.org"]
# user_env = "OUTCOMES_SMTP_USER"           # names of variables, never the secrets themselves
# password_env = "OUTCOMES_SMTP_PASSWORD"
# [notify.webhook]
# url_env = "OUTCOMES_WEBHOOK"
# [notify.heartbeat]            # asked for after every run that ended well: a monitor alarms when it stays away
# url_env = "OUTCOMES_HEARTBEAT"
"""


def init(path: str | Path, *, study: str = "study.toml", force: bool = False, today: date | None = None) -> Path:
    """Write a commented schedule file. Raises StudyError where one is there already, or the folder is not."""
    file, today = Path(path), today or datetime.now(UTC).date()
    if file.exists() and not force:
        raise StudyError(f"{file} is already there. Choose another name, or replace it with --force.")
    if not file.parent.is_dir():
        raise StudyError(f"There is no folder '{file.parent}'.")
    zone = _zone()
    start = date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)
    text = _TEXT.format(
        file=file.name, name=json.dumps(file.absolute().parent.name or "reports", ensure_ascii=False), study=json.dumps(study),
        zone=json.dumps(zone or "UTC"), start=start,
        zone_words="as this computer has it; is it yours?" if zone else "guess: put your own, such as Europe/Berlin",
    )  # fmt: skip
    return atomic.write(file, text)


def _zone() -> str:
    """The name of this computer's time zone, where it says one."""
    from zoneinfo import available_timezones

    target = str(Path("/etc/localtime").resolve())
    name = target.partition("zoneinfo/")[2]
    return name if name in available_timezones() else ""
