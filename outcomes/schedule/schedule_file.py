"""The schedule file: which study is reported how often, where to, and who is told; read and checked
before anything runs.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from outcomes.config import fields, toml
from outcomes.core.errors import OutcomesError, StudyError, unknown
from outcomes.schedule.periods import Calendar
from outcomes.schedule.schedule_form import SECTIONS

#: Names of this computer, to which a connection needs no encryption.
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Line:
    """One study of a schedule: its name ("" where there is only one), its study file, and its
    folder of reports.
    """

    name: str
    study: str
    out: Path

    def study_file(self, label: str) -> Path:
        """The study file of a period: `{period}` in its path stands for the period's label."""
        return Path(self.study.replace("{period}", label))


@dataclass(frozen=True)
class Freshness:
    """When input is too stale to publish from. `same_input` is refuse or allow; rows may fall by so
    many percent.
    """

    same_input: str = "refuse"
    rows_fall_percent: int = 20
    file: str = ""
    column: str = ""
    date_order: str = ""


@dataclass(frozen=True)
class Email:
    """A mail server and the addresses to write to; user and password are names of environment
    variables.
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user_env: str = ""
    password_env: str = ""
    report: str = "path"
    address: str = ""


@dataclass(frozen=True)
class Notify:
    """Who is told, of what, and how; addresses of hooks are secrets, so only the names of their
    variables stand here.
    """

    on: tuple[str, ...] = ("failure",)
    repeat_hours: int = 24
    env_file: Path | None = None
    email: Email | None = None
    webhook_env: str = ""
    heartbeat_env: str = ""


@dataclass(frozen=True)
class Schedule:
    """A schedule file, checked."""

    path: Path
    name: str
    lines: tuple[Line, ...]
    out: Path
    when: Calendar
    start: date | None = None
    max_catchup: int = 1
    overdue_after_hours: int = 24
    audience: str = "internal"
    policy: str = "opensafely"
    formats: tuple[str, ...] = ("html",)
    freshness: Freshness = field(default_factory=Freshness)
    keep_reports: int = 0
    notify: Notify = field(default_factory=Notify)


def read_schedule(path: str | Path) -> Schedule:
    """Read and check a schedule file.

    Raises StudyError that names the file, the line, what is wrong and what there is.
    """
    file = Path(path).absolute()
    absent = f"There is no schedule file '{path}'. 'outcomes schedule init {path}' writes one."
    document, _ = toml.read(file, what="schedule file", absent=absent)
    return _schedule(file, document)


def _schedule(file: Path, document: toml.Document) -> Schedule:
    if not document.data.get("schedule"):
        raise StudyError(
            f"{document.name} has no [schedule] table. 'outcomes schedule init' writes a commented"
            " example."
        )
    said = fields.read_file(SECTIONS, document, noun="table")
    s, wrong = said["schedule"], _Wrong(document, "schedule")
    out = file.parent / (s["out"] or "reports")
    lines = _lines(file.parent, out, s["study"], said["studies"], document)
    dated = all("{period}" in line.study for line in lines)
    name = s["name"] or file.stem
    if not name.isprintable():
        raise wrong("name", "The name is one line of plain text.")
    _policy(s["policy"], wrong)
    made = Schedule(
        file,
        name,
        lines,
        out,
        _calendar(s, wrong),
        s["start"],
        max_catchup=s["max_catchup"] or (3 if dated else 1),
        overdue_after_hours=s["overdue_after_hours"],
        audience=s["audience"],
        policy=s["policy"],
        formats=tuple(dict.fromkeys(s["formats"])) or ("html",),
        freshness=_freshness(said["freshness"], _Wrong(document, "freshness")),
        keep_reports=said["retention"]["reports"],
        notify=_notify(file.parent, said, document),
    )
    if made.max_catchup > 1 and not dated:
        raise wrong(
            "max_catchup",
            "Several periods can be caught up only where each has its own data: put {period} into"
            ' the study\'s path, as in study = "exports/{period}/study.toml". From one file, only'
            " the newest period can be reported honestly.",
        )
    return made


@dataclass(frozen=True)
class _Wrong:
    """Makes the error about a key of one table."""

    document: toml.Document
    section: str

    def __call__(self, key: str, message: str) -> OutcomesError:
        return self.document.wrong((*self.section.split("."), key), message)


def _policy(name: str, wrong: _Wrong) -> None:
    if name != "opensafely":  # the default asks nobody, so nothing heavy is loaded at every wake-up
        from outcomes.reporting.release.policy import PRESETS

        if name not in PRESETS:
            raise wrong("policy", unknown("policy", name, PRESETS))


def _lines(
    folder: Path, out: Path, study: str, studies: dict[str, str], document: toml.Document
) -> tuple[Line, ...]:
    if bool(study) == bool(studies):
        raise _Wrong(document, "schedule")(
            "study",
            'Name either one study (study = "study.toml") or several ([studies] with a name and a'
            " path each).",
        )
    if study:
        return (Line("", str(folder / study), out),)
    made = []
    for name, path in studies.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise _Wrong(document, "studies")(
                name, f"'{name[:60]}' becomes a folder: use letters, digits, '-' and '_' only."
            )
        made.append(Line(name, str(folder / path), out / name))
    return tuple(made)


def _calendar(s: dict[str, Any], wrong: _Wrong) -> Calendar:
    at = s["at"]
    if isinstance(at, str):
        try:
            at = time.fromisoformat(at)
        except ValueError:
            at = None
    if at is None or at.tzinfo:
        raise wrong("at", "'at' is a time of day such as \"06:00\".")
    name = s["time_zone"]
    if not name:
        raise wrong(
            "time_zone",
            'Name the time zone, such as time_zone = "Europe/Berlin"; the computer\'s own may'
            " change.",
        )
    if name not in available_timezones():
        close = difflib.get_close_matches(name[:60], available_timezones(), n=1)
        hint = (
            f"Did you mean '{close[0]}'?"
            if close
            else "It looks like Europe/Berlin or America/New_York."
        )
        raise wrong("time_zone", f"No time zone '{name[:60]}'. {hint}")
    try:
        return Calendar(s["period"], s["on"], at, ZoneInfo(name))
    except StudyError as e:
        raise wrong("on", str(e)) from None


def _freshness(said: dict[str, Any], wrong: _Wrong) -> Freshness:
    newest = {"file": "", "column": "", "date_order": ""} | dict(said["newest"] or {})
    if bool(newest["file"]) != bool(newest["column"]):
        raise wrong(
            "newest",
            'newest needs a file and its date column: { file = "infusions.csv", column = "day" }.',
        )
    return Freshness(said["same_input"], said["rows_fall_percent"], **newest)


def _notify(folder: Path, said: dict[str, Any], document: toml.Document) -> Notify:
    t, email, wrong = said["notify"], said["notify.email"], _Wrong(document, "notify.email")
    mail = None
    if email["host"]:
        mail = Email(
            email["host"],
            email["from"],
            email["to"],
            email["port"],
            email["security"],
            email["user_env"],
            email["password_env"],
            email["report"],
            email["address"],
        )
        if not mail.to or not all(
            re.fullmatch(r"[^\s@]+@[^\s@]+", a) for a in (*mail.to, mail.sender)
        ):
            raise wrong("to", "'to' is a list of e-mail addresses and 'from' is one.")
        if bool(mail.user_env) != bool(mail.password_env):
            raise wrong("user_env", "Give both user_env and password_env, or neither.")
        if mail.report == "attached" and mail.security == "none" and mail.host not in LOOPBACK:
            raise wrong(
                "report",
                "A report is not sent over an open connection: security ="
                ' "starttls" or "tls", or report = "link".',
            )
        if mail.address and not re.fullmatch(r"(https?|file)://\S+", mail.address):
            raise wrong("address", "The address of the reports begins with https:// or file://.")
    return Notify(
        tuple(dict.fromkeys(t["on"])) or ("failure",),
        t["repeat_hours"],
        folder / t["env_file"] if t["env_file"] else None,
        mail,
        said["notify.webhook"]["url_env"],
        said["notify.heartbeat"]["url_env"],
    )
