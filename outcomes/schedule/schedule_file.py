"""The schedule file: which study is reported how often, where to, and who is told; read and checked before anything runs."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from outcomes.config import toml
from outcomes.core.errors import StudyError, unknown
from outcomes.reporting import FORMATS
from outcomes.reporting.document import AUDIENCES
from outcomes.schedule.periods import KINDS, Calendar

TOLD = ("failure", "success")
FILES = (*FORMATS, "tables")
SECURITY = ("starttls", "tls", "none")
_TYPES = {
    str: "a text in quotes",
    int: "a whole number",
    list: "a list of texts",
    dict: "a table",
    date: "a date such as 2026-10-01",
}


@dataclass(frozen=True)
class Line:
    """One study of a schedule: its name ("" where there is only one), its study file, and its folder of reports."""

    name: str
    study: str
    out: Path

    def study_file(self, label: str) -> Path:
        """The study file of a period: `{period}` in its path stands for the period's label."""
        return Path(self.study.replace("{period}", label))


@dataclass(frozen=True)
class Freshness:
    """When input is too stale to publish from. `same_input` is refuse or allow; rows may fall by so many percent."""

    same_input: str = "refuse"
    rows_fall_percent: int = 20
    file: str = ""
    column: str = ""
    date_order: str = ""


@dataclass(frozen=True)
class Email:
    """A mail server and the addresses to write to; user and password are names of environment variables."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user_env: str = ""
    password_env: str = ""


@dataclass(frozen=True)
class Notify:
    """Who is told, of what, and how; addresses of hooks are secrets, so only the names of their variables stand here."""

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
    return _schedule(file, _Table(dict(document.data), "", document))


def _schedule(file: Path, top: _Table) -> Schedule:
    s, fresh, kept = top.table("schedule", needed=True), top.table("freshness"), top.table("retention")
    out = file.parent / s.text("out", "reports")
    lines = _lines(file.parent, out, s, top.table("studies"))
    dated = all("{period}" in line.study for line in lines)
    name = s.text("name", file.stem)
    if not name.isprintable():
        raise s.wrong("name", "The name is one line of plain text.")
    start = s.get("start", date, None)
    if isinstance(start, datetime):
        raise s.wrong("start", "'start' is a date without a time, such as 2026-10-01.")
    made = Schedule(
        file, name, lines, out, _calendar(s), start,
        max_catchup=s.whole("max_catchup", 3 if dated else 1, least=1),
        overdue_after_hours=s.whole("overdue_after_hours", 24, least=0),
        audience=s.choice("audience", AUDIENCES, "internal"),
        policy=s.choice("policy", _policies(s), "opensafely"),
        formats=s.choices("formats", FILES, ("html",)),
        freshness=_freshness(fresh), keep_reports=kept.whole("reports", 0, least=1 if "reports" in kept.data else 0),
        notify=_notify(file.parent, top.table("notify")),
    )  # fmt: skip
    if made.max_catchup > 1 and not dated:
        raise s.wrong(
            "max_catchup",
            "Several periods can be caught up only where each has its own data: put {period} into the study's path, as in "
            'study = "exports/{period}/study.toml". From one file, only the newest period can be reported honestly.',
        )
    for table in (s, fresh, kept, top):
        table.finish()
    return made


def _policies(s: _Table) -> tuple[str, ...]:
    if "policy" not in s.data:  # nobody asks, so nothing heavy is loaded at every wake-up
        return ("opensafely",)
    from outcomes.reporting.disclosure import PRESETS

    return tuple(PRESETS)


def _lines(folder: Path, out: Path, s: _Table, studies: _Table) -> tuple[Line, ...]:
    single = s.text("study", "")
    if bool(single) == bool(studies.data):
        raise s.wrong(
            "study", 'Name either one study (study = "study.toml") or several ([studies] with a name and a path each).'
        )
    if single:
        return (Line("", str(folder / single), out),)
    made = []
    for name in list(studies.data):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise studies.wrong(name, f"'{name}' becomes a folder: use letters, digits, '-' and '_' only.")
        made.append(Line(name, str(folder / studies.text(name, "")), out / name))
    return tuple(made)


def _calendar(s: _Table) -> Calendar:
    kind = s.choice("period", KINDS, "")
    on = s.data.get("on", "")
    if isinstance(on, bool) or not isinstance(on, str | int):
        raise s.wrong("on", "'on' is a day of the month, or words such as \"first monday\".")
    s.seen.add("on")
    at = s.data.get("at", time(6))
    s.seen.add("at")
    if isinstance(at, str):
        try:
            at = time.fromisoformat(at)
        except ValueError:
            at = None
    if not isinstance(at, time) or at.tzinfo:
        raise s.wrong("at", "'at' is a time of day such as \"06:00\".")
    name = s.text("time_zone", "")
    if not name:
        raise s.wrong(
            "time_zone", 'Name the time zone, such as time_zone = "Europe/Berlin"; the computer\'s own may change.'
        )
    if name not in available_timezones():
        close = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f"Did you mean '{close[0]}'?" if close else "It looks like Europe/Berlin or America/New_York."
        raise s.wrong("time_zone", f"No time zone '{name}'. {hint}")
    try:
        return Calendar(kind, on, at, ZoneInfo(name))
    except StudyError as e:
        raise s.wrong("on", str(e)) from None


def _freshness(t: _Table) -> Freshness:
    newest = t.table("newest")
    made = Freshness(
        t.choice("same_input", ("refuse", "allow"), "refuse"), t.whole("rows_fall_percent", 20, least=0, most=100),
        newest.text("file", ""), newest.text("column", ""), newest.choice("date_order", ("", "dmy", "mdy"), ""),
    )  # fmt: skip
    if bool(made.file) != bool(made.column):
        raise t.wrong("newest", 'newest needs a file and its date column: { file = "infusions.csv", column = "day" }.')
    newest.finish()
    return made


def _notify(folder: Path, t: _Table) -> Notify:
    email, hook, beat = t.table("email"), t.table("webhook"), t.table("heartbeat")
    mail = None
    if email.data:
        mail = Email(
            email.text("host", needed=True), email.text("from", needed=True), email.texts("to", ()),
            email.whole("port", 587, least=1, most=65535), email.choice("security", SECURITY, "starttls"),
            email.text("user_env", ""), email.text("password_env", ""),
        )  # fmt: skip
        if not mail.to or not all(re.fullmatch(r"[^\s@]+@[^\s@]+", a) for a in (*mail.to, mail.sender)):
            raise email.wrong("to", "'to' is a list of e-mail addresses and 'from' is one.")
        if bool(mail.user_env) != bool(mail.password_env):
            raise email.wrong("user_env", "Give both user_env and password_env, or neither.")
    env_file = t.text("env_file", "")
    made = Notify(
        t.choices("on", TOLD, ("failure",)), t.whole("repeat_hours", 24, least=1), folder / env_file if env_file else None,
        mail, hook.text("url_env", needed=bool(hook.data)), beat.text("url_env", needed=bool(beat.data)),
    )  # fmt: skip
    for table in (email, hook, beat, t):
        table.finish()
    return made


class _Table:
    """A table of the file that is taken apart key by key; what nobody took is a mistake with a line number."""

    def __init__(self, data: dict[str, Any], section: str, source: toml.Document) -> None:
        self.data, self.section, self.source = data, section, source
        self.seen: set[str] = set()

    def get(self, key: str, kind: type, default: Any) -> Any:
        self.seen.add(key)
        value = self.data.get(key, default)
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self.wrong(key, f"'{key}' is {_TYPES[kind]}.")
        return value

    def text(self, key: str, default: str = "", *, needed: bool = False) -> str:
        value = str(self.get(key, str, default))
        if (needed or key in self.data) and not value.strip():
            raise self.wrong(key, f"[{self.section}] needs '{key}', a text in quotes.")
        return value

    def whole(self, key: str, default: int, *, least: int, most: int = 100_000) -> int:
        value = int(self.get(key, int, default))
        if not least <= value <= most:
            raise self.wrong(key, f"'{key}' is a whole number from {least} to {most}; got {value}.")
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.get(key, list, default)
        if not all(isinstance(v, str) for v in value):
            raise self.wrong(key, f"'{key}' is {_TYPES[list]}.")
        return tuple(value)

    def choice(self, key: str, there: tuple[str, ...], default: str) -> str:
        value = str(self.get(key, str, default))
        if value not in there:
            raise self.wrong(key, unknown(key.replace("_", " "), value, [t for t in there if t]))
        return value

    def choices(self, key: str, there: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        values = self.texts(key, default)
        for value in values:
            if value not in there:
                raise self.wrong(key, unknown(key.replace("_", " "), value, there))
        return tuple(dict.fromkeys(values)) or default

    def table(self, key: str, *, needed: bool = False) -> _Table:
        value = self.get(key, dict, {})
        if needed and not value:
            raise StudyError(
                f"{self.source.name} has no [{key}] table. 'outcomes schedule init' writes a commented example."
            )
        return _Table(value, f"{self.section}.{key}".strip("."), self.source)

    def finish(self) -> None:
        for key in self.data:
            if key not in self.seen:
                raise self.wrong(key, unknown("key" if self.section else "table", key, sorted(self.seen)))

    def wrong(self, key: str, message: str) -> StudyError:
        place = [p for p in self.section.split(".") if p]
        return StudyError(str(self.source.wrong((*place, key), message)))
