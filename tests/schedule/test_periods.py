"""Periods: every day belongs to one, due moments survive clock changes, and what is owed is owed
once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.core.errors import StudyError
from outcomes.schedule.periods import ORDINALS, WEEKDAYS, Calendar, owed

BERLIN = ZoneInfo("Europe/Berlin")
RULES = {
    "daily": st.just(""),
    "weekly": st.sampled_from(WEEKDAYS),
    "monthly": st.one_of(
        st.integers(1, 28),
        st.builds("{} {}".format, st.sampled_from(ORDINALS), st.sampled_from(WEEKDAYS)),
    ),
}
RULES["quarterly"] = RULES["monthly"]
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Pacific/Apia",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
    ]
)
CALENDARS = st.sampled_from(sorted(RULES)).flatmap(
    lambda kind: st.builds(Calendar, st.just(kind), RULES[kind], st.times(), ZONES.map(ZoneInfo))
)
DAYS = st.dates(date(2000, 1, 1), date(2060, 1, 1))


@settings(deadline=None)  # a busy computer is no counterexample
@given(CALENDARS, DAYS)
def test_every_day_belongs_to_one_period_that_is_due_after_its_end(
    when: Calendar, day: date
) -> None:
    period = when.holding(day)
    assert period.start <= day < period.end
    assert when.holding(period.start) == when.holding(period.end - timedelta(days=1)) == period
    assert when.holding(period.end).start == period.end
    assert when.named(period.label) == period
    assert period.due.astimezone(when.zone).date() >= period.end


@settings(deadline=None)
@given(CALENDARS, DAYS, st.times())
def test_the_newest_due_period_is_followed_by_the_next(when: Calendar, day: date, at: time) -> None:
    now = datetime.combine(day, at, tzinfo=UTC)
    newest, following = next(when.due_by(now)), when.next_due(now)
    assert newest.due <= now < following.due
    assert newest.end == following.start


@settings(deadline=None)
@given(CALENDARS, DAYS, st.integers(1, 5), st.sets(st.integers(0, 9)))
def test_owed_and_missed_are_all_that_is_not_published(
    when: Calendar, day: date, limit: int, done: set[int]
) -> None:
    now = datetime.combine(day, time(12), tzinfo=UTC)
    due = [p for p, _ in zip(when.due_by(now), range(10), strict=False)]
    published = {due[i].label for i in done}
    now_owed, missed = owed(when, now, published, start=due[-1].start, limit=limit)
    assert {p.label for p in (*now_owed, *missed)} == {p.label for p in due} - published
    assert set(now_owed) <= set(due[:limit]) and not set(missed) & set(due[:limit])
    assert all(a.start < b.start for a, b in pairwise([*missed, *now_owed]))
    again, _ = owed(
        when, now, published | {p.label for p in now_owed}, start=due[-1].start, limit=limit
    )
    assert again == []


@pytest.mark.parametrize(
    ("kind", "on", "day", "label", "due"),
    [
        ("daily", "", date(2026, 10, 31), "2026-10-31", "2026-11-01 06:00+01:00"),
        ("weekly", "", date(2026, 10, 25), "2026-W43", "2026-10-26 06:00+01:00"),
        ("weekly", "wednesday", date(2026, 12, 31), "2026-W53", "2027-01-06 06:00+01:00"),
        ("weekly", "Monday", date(2027, 1, 3), "2026-W53", "2027-01-04 06:00+01:00"),
        ("monthly", "first monday", date(2026, 10, 15), "2026-10", "2026-11-02 06:00+01:00"),
        ("monthly", "last friday", date(2026, 12, 1), "2026-12", "2027-01-29 06:00+01:00"),
        ("monthly", 3, date(2026, 2, 28), "2026-02", "2026-03-03 06:00+01:00"),
        ("quarterly", "", date(2026, 11, 1), "2026-Q4", "2027-01-04 06:00+01:00"),
        ("quarterly", 28, date(2026, 4, 1), "2026-Q2", "2026-07-28 06:00+02:00"),
    ],
)
def test_when_a_report_is_due(kind: str, on: str | int, day: date, label: str, due: str) -> None:
    period = Calendar(kind, on, time(6), BERLIN).holding(day)
    assert (period.label, period.due) == (label, datetime.fromisoformat(due))


def test_a_due_time_that_the_clock_skips_comes_as_much_later() -> None:
    """29 March 2026: 02:00 becomes 03:00 in Berlin, there is no 02:30."""
    due = Calendar("daily", "", time(2, 30), BERLIN).holding(date(2026, 3, 28)).due
    assert due.astimezone(BERLIN).isoformat() == "2026-03-29T03:30:00+02:00"


def test_a_due_time_that_comes_twice_is_the_first_and_is_owed_once() -> None:
    """25 October 2026: 02:30 comes at +02:00 and again at +01:00."""
    when = Calendar("daily", "", time(2, 30), BERLIN)
    first = datetime.fromisoformat("2026-10-25T02:30+02:00")
    assert when.holding(date(2026, 10, 24)).due == first
    before, _ = owed(when, first - timedelta(seconds=1), set())
    at, _ = owed(when, first, set())
    second, _ = owed(when, first + timedelta(hours=1), {at[0].label})
    assert (before[0].label, at[0].label, second) == ("2026-10-23", "2026-10-24", [])


def test_every_day_is_owed_once_through_a_year_with_both_clock_changes() -> None:
    when, done, now = (
        Calendar("daily", "", time(2, 30), BERLIN),
        ["2025-12-31"],
        datetime(2026, 1, 2, tzinfo=UTC),
    )
    while now < datetime(2027, 1, 1, tzinfo=UTC):
        now_owed, missed = owed(when, now, done[-40:])
        assert missed == []
        done += [p.label for p in now_owed]
        now += timedelta(hours=2)
    days = [date(2025, 12, 31) + timedelta(days=i) for i in range(len(done))]
    assert done == [d.isoformat() for d in days] and done[-1] == "2026-12-30"


def test_a_clock_that_goes_back_owes_nothing_again() -> None:
    when = Calendar("monthly", "", time(6), BERLIN)
    now = datetime(2026, 12, 8, tzinfo=UTC)
    assert owed(
        when, now - timedelta(days=20), {"2026-10", "2026-11"}, start=date(2026, 10, 1)
    ) == ([], [])


def test_before_the_start_nothing_is_owed() -> None:
    when = Calendar("monthly", "", time(6), BERLIN)
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert owed(when, now, set(), start=date(2026, 9, 1)) == ([], [])
    assert when.next_due(now, date(2026, 9, 1)).label == "2026-09"
    assert when.next_due(now, date(2026, 8, 15)).label == "2026-09"


@pytest.mark.parametrize(
    ("kind", "on", "words"),
    [
        ("daily", "monday", "no 'on'"),
        ("weekly", "mondy", "Did you mean 'monday'?"),
        ("monthly", 29, "from 1 to 28"),
        ("monthly", "fist monday", "Did you mean 'first'?"),
        ("monthly", "monday", "such as"),
        ("yearly", "", "No period 'yearly'"),
    ],
)
def test_a_rule_that_makes_no_sense_is_answered_in_words(
    kind: str, on: str | int, words: str
) -> None:
    with pytest.raises(StudyError, match="(?s)" + words.replace("?", r"\?")):
        Calendar(kind, on, time(6), BERLIN)


@pytest.mark.parametrize("label", ["2026-13", "October", "2026-1", "2026-10-01", ""])
def test_a_label_that_is_no_month_shows_what_one_looks_like(label: str) -> None:
    with pytest.raises(StudyError, match="It looks like 2026-10"):
        Calendar("monthly", "", time(6), BERLIN).named(label)


@pytest.mark.parametrize(
    ("zone", "spring", "autumn"),
    [
        ("Europe/Oslo", "2026-03-29T01:30:00", "2026-10-25T00:30:00"),
        ("America/New_York", "2026-03-08T07:30:00", "2026-11-01T06:30:00"),
    ],
)
def test_half_past_two_that_is_not_there_and_that_comes_twice(
    zone: str, spring: str, autumn: str
) -> None:
    daily = Calendar("daily", "", time(2, 30), ZoneInfo(zone))
    for due in (spring, autumn):
        moment = datetime.fromisoformat(f"{due}+00:00")
        if (
            due == autumn and zone == "America/New_York"
        ):  # there the hour from 01:00 comes twice, so half past two only once
            moment += timedelta(hours=1)
        day = moment.astimezone(daily.zone).date()
        assert daily.holding(day - timedelta(days=1)).due == moment


@pytest.mark.parametrize("zone", ["Europe/Oslo", "America/New_York"])
@pytest.mark.parametrize(
    ("kind", "on"),
    [("daily", ""), ("weekly", "sunday"), ("monthly", "last sunday"), ("quarterly", 28)],
)
def test_woken_every_hour_of_a_leap_year_everything_is_made_once_and_in_order(
    zone: str, kind: str, on: str | int
) -> None:
    when = Calendar(kind, on, time(2, 30), ZoneInfo(zone))
    made: list[str] = []
    now, end = datetime(2028, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    if kind == "daily":  # the leap day and both springs are enough
        now, end = datetime(2028, 2, 20, tzinfo=UTC), datetime(2028, 4, 1, tzinfo=UTC)
    start = when.holding(now.date()).start
    while now < end:
        due, missed = owed(when, now, set(made), start=start, limit=2)
        assert missed == [] and all(p.due <= now < p.due + timedelta(hours=1) for p in due)
        made += [p.label for p in due]
        now += timedelta(hours=1)
    labels, period = [], when.holding(start)
    while period.due < now:
        labels.append(period.label)
        period = when.holding(period.end)
    assert made == labels and (kind != "daily" or "2028-02-29" in made)
