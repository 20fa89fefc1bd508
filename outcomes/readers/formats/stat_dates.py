"""Numbers of statistical files as text: dates and times by the format that a column is shown in,
all others as stored.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

import numpy as np

_SPSS_EPOCH = datetime.datetime(1582, 10, 14)
_EPOCH = datetime.datetime(1960, 1, 1)  # of SAS and Stata
_DAY = 86_400.0

_SPSS_DATE = re.compile(r"(?:A|E|S|J)?DATE|DATETIME|YMDHMS|MOYR|QYR|WKYR")
_SPSS_TIME = re.compile(r"D?TIME|MTIME")
_SAS_DATE = re.compile(
    r"DATE|DAY|DOWNAME|DDMMYY[BCDNPS]?|MMDDYY[BCDNPS]?|YYMMDD[BCDNPS]?|MMYY[CDNPS]?|YYMM[CDNPS]?|YYMON|YYQR?[CDNPSZ]?|"
    r"[EB]8601DA|EURDF\w+|JULDAY|JULIAN|MONNAME|MONTH|MONYY|NLDATE(?:[A-SU-Z]\w*)?|QTRR?|WEEKDATX?|WEEKDATE|WEEKDAY|WEEK[UVW]|"
    r"WORDDATX?|WORDDATE|YEAR"
)
_SAS_DATETIME = re.compile(r"DATETIME|DATEAMPM|MDYAMPM|DT\w+|[EB]8601D[TNXZ]|NLDATM\w*")
_SAS_TIME = re.compile(r"TIME|TIMEAMPM|HHMM|HOUR|MMSS|TOD|[EB]8601T[MZ]")
_STATA = re.compile(r"%-?(?:t([a-zC])|(d)(?![0-9]*\.?[0-9]*[fges]))")
_STATA_PERIODS = {"w": 52, "m": 12, "q": 4, "h": 2}


def number_text(value: float, *, single: bool = False) -> str:
    """A stored number in the fewest digits that give it back; `single` for one stored with 32 bits.

    >>> (
    ...     number_text(7.0),
    ...     number_text(0.1),
    ...     number_text(0.10000000149011612, single=True),
    ...     number_text(7.000000001),
    ... )
    ('7', '0.1', '0.1', '7.000000001')
    """
    value = float(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(np.float32(value)) if single else repr(value)


def moment_reader(system: str, shown: str) -> tuple[Callable[[float], str] | None, str]:
    """How a column's numbers are written as dates or times, by the format it is shown in; and what
    to say where they cannot.

    A date is ISO text, with the time of day where there is one; a duration is
    hours:minutes:seconds. Days are counted from 1960 (SAS, Stata), seconds from 14 October 1582
    (SPSS), as each maker documents.

    >>> day, _ = moment_reader("SAS", "DATE9")
    >>> time, _ = moment_reader("SPSS", "DATETIME20")
    >>> day(23439.0), time(13928926272.0), moment_reader("SAS", "BEST12")
    ('2024-03-04', '2024-03-04 10:11:12', (None, ''))
    """
    if system == "Stata":
        return _stata(shown)
    name = re.sub(r"[0-9]+(?:\.[0-9]*)?$", "", shown.upper())
    if system == "SPSS":
        if _SPSS_TIME.fullmatch(name):
            return _duration, ""
        return (_since(_SPSS_EPOCH, 1.0) if _SPSS_DATE.fullmatch(name) else None), ""
    if _SAS_TIME.fullmatch(name):
        return _duration, ""
    if _SAS_DATETIME.fullmatch(name):
        return _since(_EPOCH, 1.0), ""
    return (_since(_EPOCH, _DAY) if _SAS_DATE.fullmatch(name) else None), ""


def _stata(shown: str) -> tuple[Callable[[float], str] | None, str]:
    found = _STATA.match(shown)
    kind = (found[1] or found[2]) if found else ""
    if kind == "d":
        return _since(_EPOCH, _DAY), ""
    if kind == "c":
        return _since(_EPOCH, 0.001), ""
    if kind in _STATA_PERIODS:
        per_year = _STATA_PERIODS[kind]
        return lambda v: _period(v, kind, per_year), ""
    if kind in ("C", "b"):
        return (
            None,
            f"its format %t{kind} is not turned into dates; the numbers are read as stored.",
        )
    return None, ""


def _period(value: float, kind: str, per_year: int) -> str:
    """As Stata writes it: 2024m3, 2024q1, 2024w10, 2024h1."""
    if value != int(value):
        return number_text(value)
    year, part = divmod(int(value), per_year)
    return f"{1960 + year}{kind}{part + 1}"


def _since(epoch: datetime.datetime, seconds: float) -> Callable[[float], str]:
    def text(value: float) -> str:
        try:
            moment = epoch + datetime.timedelta(microseconds=round(value * seconds * 1e6))
        except (
            OverflowError,
            ValueError,
        ):  # beyond the years that dates have: what is stored, for somebody to look at
            return number_text(value)
        return (
            moment.date().isoformat()
            if moment.time() == datetime.time()
            else moment.isoformat(sep=" ")
        )

    return text


def _duration(value: float) -> str:
    micro = round(abs(value) * 1e6)
    seconds, rest = divmod(micro, 1_000_000)
    part = f".{rest:06d}".rstrip("0") if rest else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{part}"
