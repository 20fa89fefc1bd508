"""What a schedule file may say: every table and key, declared once."""

from __future__ import annotations

from datetime import time

from outcomes.config.fields import CLOCK, DATE, FILE, TABLE, TEXT, TEXTS, WHOLE, Field, Section
from outcomes.reporting import FORMATS
from outcomes.reporting.document import AUDIENCES
from outcomes.schedule.periods import KINDS

TOLD = ("failure", "success")
FILES = (*FORMATS, "tables")
IN_MAIL = ("path", "link", "attached")
SECURITY = ("starttls", "tls", "none")
_MOST = 100_000

SCHEDULE = Section(
    "schedule",
    "What is made, how often, and where it goes; paths are relative to this file",
    (
        Field(
            "name", TEXT, "the name in notices and manifests", '"Pain clinic, monthly"', shown=True
        ),
        Field(
            "study",
            FILE,
            "the study file; with {period} in the path, each period has its own data; or see"
            " [studies]",
            '"study.toml"',
            default="",
            shown=True,
        ),
        Field(
            "period",
            TEXT,
            "how long a period is; a week is Monday to Sunday",
            '"monthly"',
            allowed=KINDS,
            needed=True,
            shown=True,
        ),
        Field(
            "on",
            (TEXT, WHOLE),
            "when in the month after: a day from 1 to 28, or such words; for weekly a weekday",
            '"first monday"',
            default="",
            shown=True,
        ),
        Field("at", CLOCK, "the time of day", '"06:00"', default=time(6), shown=True),
        Field(
            "time_zone",
            TEXT,
            "always said, for the computer's own may change",
            '"Europe/Berlin"',
            default="",
            shown=True,
        ),
        Field("start", DATE, "periods that begin on or after this day", "2026-10-01", shown=True),
        Field(
            "max_catchup",
            WHOLE,
            "how many periods back are looked at; more than 1 only with {period} in the study's"
            " path",
            "1",
            least=1,
            most=_MOST,
        ),
        Field(
            "overdue_after_hours",
            WHOLE,
            "after that, status says overdue",
            "24",
            default=24,
            least=0,
            most=_MOST,
            shown=True,
        ),
        Field("out", FILE, "the folder of reports", '"reports"', default="reports", shown=True),
        Field(
            "audience",
            TEXT,
            "share: only numbers that pass a disclosure policy",
            '"internal"',
            allowed=AUDIENCES,
            default="internal",
            shown=True,
        ),
        Field(
            "policy",
            TEXT,
            "the disclosure policy for sharing: opensafely, nhs, cms, ukllc, acro",
            '"nhs"',
            default="opensafely",
        ),
        Field(
            "formats",
            TEXTS,
            "what is written; tables are CSV and XLSX",
            '["html"]',
            allowed=FILES,
            default=("html",),
            shown=True,
        ),
    ),
    shown=True,
    needed=True,
)
STUDIES = Section(
    "studies",
    "Instead of study: several studies, each with a folder of its own",
    entry=Field("north", FILE, "the study file", '"north/study.toml"'),
)
NEWEST = Section(
    "freshness",
    "Where the newest date is looked for",
    (
        Field(
            "file",
            FILE,
            "the table's file; of a table that is pulled from a database or server, its name in"
            " [data], such as scores",
            '"infusions.csv"',
            default="",
        ),
        Field("column", TEXT, "its column of dates", '"date"', default=""),
        Field(
            "date_order",
            TEXT,
            "only where 03/04 could be either",
            '"dmy"',
            allowed=("dmy", "mdy"),
            default="",
        ),
    ),
    title="The newest date",
)
FRESHNESS = Section(
    "freshness",
    "No report is published from input that is stale",
    (
        Field(
            "same_input",
            TEXT,
            "whether the same files as before the period ended will do",
            '"refuse"',
            allowed=("refuse", "allow"),
            default="refuse",
            shown=True,
        ),
        Field(
            "rows_fall_percent",
            WHOLE,
            "usable rows fell by more than this since the last report",
            "20",
            default=20,
            least=0,
            most=100,
            shown=True,
        ),
        Field(
            "newest",
            TABLE,
            "its newest date must lie in the period or later",
            '{ file = "infusions.csv", column = "date" }',
            inside=NEWEST,
        ),
    ),
    shown=True,
)
RETENTION = Section(
    "retention",
    "How long reports are kept; manifests always stay",
    (
        Field(
            "reports",
            WHOLE,
            "reports of so many runs are kept; all where nothing is said",
            "36",
            default=0,
            least=1,
            most=_MOST,
            shown=True,
        ),
    ),
    shown=True,
)
NOTIFY = Section(
    "notify",
    "A notice says what happened and where to look; it holds no results",
    (
        Field(
            "on", TEXTS, "of what", '["failure"]', allowed=TOLD, default=("failure",), shown=True
        ),
        Field(
            "repeat_hours",
            WHOLE,
            "a failure that lasts is told again after this",
            "24",
            default=24,
            least=1,
            most=_MOST,
            shown=True,
        ),
        Field(
            "env_file",
            FILE,
            "lines of NAME=value, readable by you alone; or set the variables yourself",
            '"secrets.env"',
            default="",
        ),
    ),
)
EMAIL = Section(
    "notify.email",
    "By mail; user and password are names of variables, never the secrets themselves",
    (
        Field("host", TEXT, "the mail server", '"smtp.example.org"', needed=True, shown=True),
        Field("port", WHOLE, "its port", "587", default=587, least=1, most=65535, shown=True),
        Field(
            "security",
            TEXT,
            "none: never with a password, except to this computer",
            '"starttls"',
            allowed=SECURITY,
            default="starttls",
            shown=True,
        ),
        Field("from", TEXT, "who writes", '"reports@example.org"', needed=True, shown=True),
        Field("to", TEXTS, "who is written to", '["clinic@example.org"]', default=(), shown=True),
        Field(
            "user_env",
            TEXT,
            "the variable with the user",
            '"OUTCOMES_SMTP_USER"',
            default="",
            shown=True,
        ),
        Field(
            "password_env",
            TEXT,
            "the variable with the password",
            '"OUTCOMES_SMTP_PASSWORD"',
            default="",
            shown=True,
        ),
        Field(
            "report",
            TEXT,
            "path: the mail names the folder; link: the address of the report; attached: the"
            " report itself, with all its numbers",
            '"link"',
            allowed=IN_MAIL,
            default="path",
        ),
        Field(
            "address",
            TEXT,
            "with link: where a browser finds the folder of reports",
            '"https://intranet.example.org/reports"',
            default="",
        ),
    ),
)
WEBHOOK = Section(
    "notify.webhook",
    'By a web address that gets {"text": "…"}',
    (
        Field(
            "url_env",
            TEXT,
            "the variable with the address",
            '"OUTCOMES_WEBHOOK"',
            default="",
            needed=True,
            shown=True,
        ),
    ),
)
HEARTBEAT = Section(
    "notify.heartbeat",
    "Asked for after every wake-up that ended well: a monitor alarms when it stays away",
    (
        Field(
            "url_env",
            TEXT,
            "the variable with the address",
            '"OUTCOMES_HEARTBEAT"',
            default="",
            needed=True,
            shown=True,
        ),
    ),
)
SECTIONS = (SCHEDULE, STUDIES, FRESHNESS, RETENTION, NOTIFY, EMAIL, WEBHOOK, HEARTBEAT)
