"""Which periods there are, when each is due, and which are still owed: plain calendar rules in a
named time zone.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from outcomes.core.errors import StudyError, unknown

KINDS = ("daily", "weekly", "monthly", "quarterly")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINALS = ("first", "second", "third", "fourth", "last")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_LABELS = {
    "daily": (re.compile(r"(\d{4})-(\d\d)-(\d\d)"), "2026-10-31"),
    "weekly": (re.compile(r"(\d{4})-W(\d\d)"), "2026-W43"),
    "monthly": (re.compile(r"(\d{4})-(\d\d)"), "2026-10"),
    "quarterly": (re.compile(r"(\d{4})-Q([1-4])"), "2026-Q3"),
}
_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """A stretch of days that a report covers, and the moment from which it is due.

    `end` is the first day after it, `due` is in UTC, `label` names it in folders, `words` in
    titles.
    """

    start: date
    end: date
    due: datetime
    label: str = field(compare=False)
    words: str = field(compare=False)


@dataclass(frozen=True)
class Calendar:
    """How time is cut into periods, and when after its end each is due.

    `kind` is daily, weekly (Monday to Sunday), monthly or quarterly. `on` says the day: a weekday
    for weekly; for monthly and quarterly the day (1 to 28) or such as "first monday" of the month
    after the period; nothing for daily. `at` is wall-clock time in `zone`: where a clock change
    skips it, the report is due as much later; where it comes twice, at the first.

    >>> berlin = Calendar("monthly", "first monday", time(6), ZoneInfo("Europe/Berlin"))
    >>> october = berlin.holding(date(2026, 10, 15))
    >>> october.label, october.words, str(october.due)
    ('2026-10', 'October 2026', '2026-11-02 05:00:00+00:00')
    """

    kind: str
    on: str | int
    at: time
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise StudyError(unknown("period", self.kind, KINDS))
        object.__setattr__(self, "on", _day_rule(self.kind, self.on))

    def holding(self, day: date) -> Period:
        """The period that a day belongs to."""
        if self.kind == "daily":
            start, end = day, day + _DAY
            label, words = day.isoformat(), date_words(day)
        elif self.kind == "weekly":
            start = day - day.weekday() * _DAY
            end, (year, week, _) = start + 7 * _DAY, start.isocalendar()
            label, words = f"{year}-W{week:02d}", f"week of {date_words(start)}"
        else:
            months = 1 if self.kind == "monthly" else 3
            start = date(day.year, day.month - (day.month - 1) % months, 1)
            end = _months_on(start, months)
            quarter = (start.month + 2) // 3
            label = f"{start:%Y-%m}" if months == 1 else f"{start.year}-Q{quarter}"
            words = (
                f"{_MONTHS[start.month - 1] if months == 1 else f'quarter {quarter} of'}"
                f" {start.year}"
            )
        return Period(start, end, self._due(end), label, words)

    def named(self, label: str) -> Period:
        """The period with this label. Raises StudyError that shows what a label looks like."""
        if period := self.find(label):
            return period
        raise StudyError(
            f"'{label}' is not a {self.kind} period. It looks like {_LABELS[self.kind][1]}."
        )

    def find(self, label: str) -> Period | None:
        """The period with this label; None where it is none of this calendar (a schedule may once
        have been another).
        """
        if not (found := _LABELS[self.kind][0].fullmatch(label)):
            return None
        year, *rest = (int(g) for g in found.groups())
        try:
            if self.kind == "weekly":
                return self.holding(date.fromisocalendar(year, rest[0], 1))
            month = 3 * rest[0] - 2 if self.kind == "quarterly" else rest[0]
            return self.holding(date(year, month, rest[1] if len(rest) > 1 else 1))
        except ValueError:
            return None

    def due_by(self, now: datetime) -> Iterator[Period]:
        """The periods due by now, the newest first, without end."""
        period = self.holding(now.astimezone(self.zone).date())
        while True:
            if period.due <= now:
                yield period
            period = self.holding(period.start - _DAY)

    def next_due(self, now: datetime, start: date | None = None) -> Period:
        """The first period that is not yet due (and begins on or after `start`)."""
        period = self.holding(next(self.due_by(now)).end)
        while start and period.start < start:
            period = self.holding(period.end)
        return period

    def _due(self, end: date) -> datetime:
        if self.kind == "daily":
            day = end
        elif self.kind == "weekly":
            day = end + WEEKDAYS.index(str(self.on)) * _DAY
        elif isinstance(self.on, int):
            day = end.replace(day=self.on)
        else:
            ordinal, weekday = self.on.split()
            days = [
                d
                for d in calendar.Calendar().itermonthdates(end.year, end.month)
                if d.month == end.month and d.weekday() == WEEKDAYS.index(weekday)
            ]
            day = days[-1 if ordinal == "last" else ORDINALS.index(ordinal)]
        return datetime.combine(day, self.at, tzinfo=self.zone).astimezone(UTC)


def owed(
    when: Calendar,
    now: datetime,
    published: Collection[str],
    *,
    start: date | None = None,
    limit: int = 1,
) -> tuple[list[Period], list[Period]]:
    """The periods to report now (oldest first), and those missed: too long ago for the catch-up
    limit.

    Of the periods due by now the newest `limit` are looked at, and those not published are owed;
    what is older and not published counts as missed. Without `start` the first period is the oldest
    published, or the newest due.

    >>> monthly = Calendar("monthly", 1, time(6), ZoneInfo("UTC"))
    >>> now = datetime(2026, 6, 10, tzinfo=UTC)
    >>> [[p.label for p in part] for part in owed(monthly, now, {"2026-01"}, limit=2)]
    [['2026-04', '2026-05'], ['2026-02', '2026-03']]
    """
    first = start or min((p.start for label in published if (p := when.find(label))), default=None)
    due: list[Period] = []
    for period in when.due_by(now):
        if (first is not None and period.start < first) or (first is None and due):
            break
        due.append(period)
    unpublished = [(i, p) for i, p in enumerate(due) if p.label not in published]
    return [p for i, p in reversed(unpublished) if i < limit], [
        p for i, p in reversed(unpublished) if i >= limit
    ]


def _day_rule(kind: str, on: str | int) -> str | int:
    if kind == "daily":
        if on != "":
            raise StudyError("A daily report has no 'on': it is due on the day after.")
        return ""
    if kind == "weekly":
        word = str(on or "monday").strip().lower()
        if word not in WEEKDAYS:
            raise StudyError(unknown("weekday", word, WEEKDAYS))
        return word
    if isinstance(on, int):
        if not 1 <= on <= 28:
            raise StudyError(
                "'on' is a day from 1 to 28 (every month has those), or such as \"first monday\";"
                f" got {on}."
            )
        return on
    words = (on or "first monday").lower().split()
    if len(words) != 2:
        raise StudyError(f'\'on\' is a day from 1 to 28, or such as "first monday"; got "{on}".')
    for word, there, what in zip(
        words, (ORDINALS, WEEKDAYS), ("place in the month", "weekday"), strict=True
    ):
        if word not in there:
            raise StudyError(unknown(what, word, there))
    return " ".join(words)


def _months_on(day: date, months: int) -> date:
    return date(day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1, 1)


def date_words(day: date) -> str:
    """A day in words: 3 May 2026."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
