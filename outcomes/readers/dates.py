"""Calendar dates from text: ISO, or day and month in the order that the column itself decides."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence

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
