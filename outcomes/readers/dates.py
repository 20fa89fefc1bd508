"""Calendar dates from text: ISO, or day and month in the order that the column itself decides."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Sequence

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.readers.cells import plain_digits

ORDERS = ("dmy", "mdy")

_TIME = (
    r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:"
    r" ?[AaPp][Mm])?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_ISO = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}")
_LOCAL = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2([0-9]{{4}}){_TIME}")
#: Two figures for the year: 14.03.25.
_SHORT = re.compile(rf"([0-9]{{1,2}})([/.])([0-9]{{1,2}})\2([0-9]{{2}}){_TIME}")
_COMPACT = re.compile(r"((?:19|20)[0-9]{2})(0[1-9]|1[0-2])([0-2][0-9]|3[01])")
#: The day number of a spreadsheet program (1 is the first day of 1900), from 1982 to 2064.
_SERIAL = re.compile(r"([3-5][0-9]{4})(?:\.[0-9]+)?")
_EPOCH = datetime.date(1899, 12, 30)
_NAMED = re.compile(
    rf"([0-9]{{1,2}})\.?[- /]?(?:de |of )?([^\W\d_]{{3,10}})\.?(?: de )?[-, /]*([0-9]{{4}}){_TIME}"
)
_MONTH_FIRST = re.compile(rf"([A-Za-z]{{3,9}})\.?[- ]([0-9]{{1,2}}),?[- ]+([0-9]{{4}}){_TIME}")
#: How names of months begin in six languages.
_MONTHS = {
    start: month
    for month, starts in enumerate(
        (
            "jan jän ene gen",
            "feb fév fev",
            "mar mär mrz maa mrt",
            "apr avr abr",
            "may mai mag mei",
            "jun giu juin",
            "jul lug juil",
            "aug aoû aou ago",
            "sep set",
            "oct okt ott out",
            "nov",
            "dec dez déc dic",
        ),
        1,
    )
    for start in starts.split()
}


def _month(word: str) -> int | None:
    name = word.casefold()
    return _MONTHS.get(name[:4], _MONTHS.get(name[:3]))


#: Day and month as spreadsheet programs show a score like 7/10: 7-Oct, 07. Okt, Oct-07.
_DAY_MONTH = re.compile(
    r"[0-9]{1,2}[-./ ]{0,2}MONTH|MONTH[-./ ]{1,2}[0-9]{1,4}".replace(
        "MONTH",
        r"(?:jan|ene|gen|feb|fev|f\u00e9v|mar|m\u00e4r|mrz|maa|apr|abr|avr|may|mai|mag|mei|jun|giu|juin"
        r"|jul|lug|juil|aug|ago|ao\u00fb|aou|sep|set|oct|okt|out|ott|nov|dec|dez|dic|d\u00e9c)[^\W\d_]*\.?",
    ),
    re.IGNORECASE,
)
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,4}(?:[.,][0-9]+)?")


_YEAR = re.compile(r"[12][0-9]{3}(?:[ T]|$)")


def is_date(text: str) -> bool:
    """Whether a cell is a date, with or without its year.

    >>> is_date("2025-10-07"), is_date("7-Oct"), is_date("07. Okt"), is_date("7/10"), is_date("7")
    (True, True, True, False, False)
    """
    text = text.strip()
    if any(p.fullmatch(text) for p in (_ISO, _LOCAL, _SHORT, _DAY_MONTH)):
        return True
    return names_month(text)


def names_month(text: str) -> bool:
    """Whether a cell is a day with the name of its month and the year.

    >>> names_month("14 mars 2025"), names_month("March 14, 2025"), names_month("Room 14 2025")
    (True, True, False)
    """
    if not _YEAR.search(text):
        return False
    if found := _NAMED.fullmatch(text):
        return _month(found[2]) is not None
    other = _MONTH_FIRST.fullmatch(text)
    return other is not None and _month(other[1]) is not None


def is_compact(values: Iterable[str]) -> bool:
    """Whether these are dates without separators: 20250314.

    >>> is_compact(["20250314", "20250402"]), is_compact(["20251402"]), is_compact([])
    (True, False, False)
    """
    live = [v.strip() for v in values if v.strip()]
    return bool(live) and all(_COMPACT.fullmatch(v) for v in live)


def is_serial(values: Iterable[str]) -> bool:
    """Whether these may be day numbers of a spreadsheet program, from 1982 to 2064.

    >>> is_serial(["45730", "45758.5"]), is_serial(["7", "45730"])
    (True, False)
    """
    live = [v.strip() for v in values if v.strip()]
    return bool(live) and all(_SERIAL.fullmatch(v) for v in live)


def became_dates(values: Iterable[str]) -> bool:
    """Whether these are numbers of which some have become dates, as spreadsheet programs do with a
    score typed as 7/10.

    >>> became_dates(["6", "5", "2025-10-02", "8"]), became_dates(["2025-10-02", "2025-11-02", "8"])
    (True, False)
    """
    dates = numbers = 0
    for text in values:
        if value := text.strip():
            number, date = bool(_PLAIN_NUMBER.fullmatch(value)), is_date(value)
            if number == date:  # neither, or one that may be either
                return False
            numbers, dates = numbers + number, dates + date
    return 0 < dates <= numbers


def date_reader(
    live: Sequence[str], order: str = "", where: str = ""
) -> Callable[[str], datetime.date | None]:
    """How to read the dates of a column. Day and month apart by points mean day first; by slashes
    or dashes, the column must decide by a number above 12, or `order` ("dmy", "mdy") says it. Names
    of months are read in six languages, years of two figures as 1970 to 2069, and a column of day
    numbers of a spreadsheet program as their dates. Times of day are left out.

    Raises DataError when the column does not decide, or decides both ways; StudyError for an
    unknown order.

    >>> read = date_reader(["2024-03-04", "18/03/2024", "2024-03"])
    >>> read("2024-03-04"), read("18/03/2024"), read("2024-03")
    (datetime.date(2024, 3, 4), datetime.date(2024, 3, 18), None)
    """
    if order and order not in ORDERS:
        raise StudyError(unknown("date order", order, ORDERS))
    live = [plain_digits(t) for t in live]
    if is_serial(live):
        return lambda text: _EPOCH + datetime.timedelta(int(plain_digits(text).partition(".")[0]))
    if not order:
        order = _decided(live, where)
    year_last = _year_is_last(live)

    def read(text: str) -> datetime.date | None:
        text = plain_digits(text)
        if found := _ISO.fullmatch(text):
            return _date(found[1], found[3], found[4])
        if found := _LOCAL.fullmatch(text):
            day_first = order == "dmy" or found[2] == "."
            return _date(found[4], *((found[3], found[1]) if day_first else (found[1], found[3])))
        if year_last and (found := _SHORT.fullmatch(text)):
            day_first = order == "dmy" or found[2] == "."
            year = f"{'19' if int(found[4]) >= 70 else '20'}{found[4]}"
            return _date(year, *((found[3], found[1]) if day_first else (found[1], found[3])))
        if found := _COMPACT.fullmatch(text):
            return _date(found[1], found[2], found[3])
        if (found := _NAMED.fullmatch(text)) and (month := _month(found[2])):
            return _date(found[3], str(month), found[1])
        if (found := _MONTH_FIRST.fullmatch(text)) and (month := _month(found[1])):
            return _date(found[3], str(month), found[2])
        return None

    return read


def _year_is_last(live: Sequence[str]) -> bool:
    """Whether the last of two-figure numbers is the year: years differ less than days do."""
    found = [m for t in live if (m := _SHORT.fullmatch(t))]
    first, last = {m[1] for m in found}, {m[4] for m in found}
    return len(last) < len(first) or max(map(int, last), default=0) > 31


def _decided(live: Sequence[str], where: str) -> str:
    found = [m for t in live if (m := _LOCAL.fullmatch(t) or _SHORT.fullmatch(t)) and m[2] != "."]
    first, second = any(int(m[1]) > 12 for m in found), any(int(m[3]) > 12 for m in found)
    if first and second:
        raise DataError(
            f"The dates{where} are mixed: some can only be day/month/year, others only"
            " month/day/year. Write them all as year-month-day, or correct those that differ and"
            ' say which order holds: date_order = "dmy" or "mdy".'
        )
    if found and not first and not second and any(m[1] != m[3] for m in found):
        raise DataError(
            f"The dates{where} can be read as day/month or as month/day: no number is above 12. "
            'Say which: date_order = "dmy" or "mdy" (under [data] in a study file).'
        )
    return "mdy" if second else "dmy"


def _date(year: str, month: str, day: str) -> datetime.date | None:
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None
