"""Calendar dates from text: ISO, or day and month in the order that the column itself decides."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Sequence

from outcomes.core.errors import DataError, StudyError, unknown

ORDERS = ("dmy", "mdy")

_TIME = (
    r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:"
    r" ?[AaPp][Mm])?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_ISO = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}")
_LOCAL = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2([0-9]{{4}}){_TIME}")
_NAMED = re.compile(rf"([0-9]{{1,2}})[- ]?([A-Za-z]{{3}})[a-z]*[-, ]*([0-9]{{4}}){_TIME}")
_MONTHS = {
    name: 1 + at // 3
    for at in range(0, 36, 3)
    if (name := "janfebmaraprmayjunjulaugsepoctnovdec"[at : at + 3])
}


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


def is_date(text: str) -> bool:
    """Whether a cell is a date, with or without its year.

    >>> is_date("2025-10-07"), is_date("7-Oct"), is_date("07. Okt"), is_date("7/10"), is_date("7")
    (True, True, True, False, False)
    """
    return any(p.fullmatch(text.strip()) for p in (_ISO, _LOCAL, _NAMED, _DAY_MONTH))


def became_dates(values: Iterable[str]) -> bool:
    """Whether these are numbers of which some have become dates, as spreadsheet programs do with a
    score typed as 7/10.

    >>> became_dates(["6", "5", "2025-10-02", "8"]), became_dates(["2025-10-02", "2025-11-02", "8"])
    (True, False)
    """
    live = [v.strip() for v in values if v.strip()]
    numbers = sum(1 for v in live if _PLAIN_NUMBER.fullmatch(v))
    dates = sum(1 for v in live if is_date(v))
    return 0 < dates <= numbers and numbers + dates == len(live)


def date_reader(
    live: Sequence[str], order: str = "", where: str = ""
) -> Callable[[str], datetime.date | None]:
    """How to read the dates of a column. Day and month apart by points mean day first; by slashes
    or dashes, the column must decide by a number above 12, or `order` ("dmy", "mdy") says it. Times
    of day are left out.

    Raises DataError when the column does not decide, or decides both ways; StudyError for an
    unknown order.

    >>> read = date_reader(["2024-03-04", "18/03/2024", "2024-03"])
    >>> read("2024-03-04"), read("18/03/2024"), read("2024-03")
    (datetime.date(2024, 3, 4), datetime.date(2024, 3, 18), None)
    """
    if order and order not in ORDERS:
        raise StudyError(unknown("date order", order, ORDERS))
    if not order:
        order = _decided(live, where)

    def read(text: str) -> datetime.date | None:
        if found := _ISO.fullmatch(text):
            return _date(found[1], found[3], found[4])
        if found := _LOCAL.fullmatch(text):
            day_first = order == "dmy" or found[2] == "."
            return _date(found[4], *((found[3], found[1]) if day_first else (found[1], found[3])))
        if (found := _NAMED.fullmatch(text)) and found[2].lower() in _MONTHS:
            return _date(found[3], str(_MONTHS[found[2].lower()]), found[1])
        return None

    return read


def _decided(live: Sequence[str], where: str) -> str:
    found = [m for t in live if (m := _LOCAL.fullmatch(t)) and m[2] != "."]
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
