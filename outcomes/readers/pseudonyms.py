"""Pseudonyms for patients' codes, and an export without the codes and the dates of the files.

A pseudonym is a keyed hash (HMAC-SHA256, RFC 2104) of the patient's code: the same key gives the
same pseudonym in every file and every month, and without the key nobody can compute or test one.
Dates are moved by a number of days that is the patient's own, so that all intervals stay.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

import pandas as pd

from outcomes.config.regular import read_bytes
from outcomes.core.errors import DataError, StudyError
from outcomes.readers.cells import TextTable
from outcomes.readers.dates import date_reader, is_date

#: Bytes of a new key, and letters of a pseudonym (50 bits: two of a million patients are alike with
#: a probability of 0.0004, which is looked for).
_KEY_BYTES, _LETTERS = 32, 10
#: Dates are moved by at least a month and at most a year, forwards or backwards.
_LEAST, _MOST = 30, 364


def new_key() -> bytes:
    """A key that nobody can guess."""
    return secrets.token_hex(_KEY_BYTES).encode()


def key_of(path: str | Path) -> bytes:
    """The key in a file. Raises StudyError where there is none, or what is there is too short."""
    path = Path(path)
    if not path.exists():
        raise StudyError(
            f"There is no key file '{path}'. 'outcomes pseudonyms' makes one. Keep it apart from"
            " the data: with it, pseudonyms can be computed from codes."
        )
    key = read_bytes(path, error=StudyError, largest=1 << 20).strip()
    if len(key) < _KEY_BYTES:
        raise StudyError(f"'{path.name}' is no key: it has fewer than {_KEY_BYTES} characters.")
    return key


def pseudonyms(codes: Sequence[str], key: bytes) -> dict[str, str]:
    """The pseudonym of each code. Raises DataError where two are alike: take another key.

    >>> made = pseudonyms(["001", "002", "001"], b"k" * 32)
    >>> len(made), made["001"] == pseudonyms(["001"], b"k" * 32)["001"], made["001"][:2]
    (2, True, 'P-')
    """
    made = {code: "P-" + _letters(key, f"patient:{code}") for code in dict.fromkeys(codes) if code}
    if len(set(made.values())) < len(made):
        raise DataError("Two patients have the same pseudonym. Take another key.")
    return made


def _hash(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _letters(key: bytes, text: str) -> str:
    """Letters with at least two digits among them: letters alone could be read as a name, or as
    the title of a row that is no patient.
    """
    tried = (base64.b32encode(_hash(key, f"{text}:{n}")).decode()[:_LETTERS] for n in count())
    return next(t for t in tried if sum(c.isdigit() for c in t) >= 2)


def days_moved(code: str, key: bytes) -> int:
    """By how many days a patient's dates are moved: 30 to 364, forwards or backwards.

    >>> 30 <= abs(days_moved("001", b"k" * 32)) <= 364
    True
    """
    n = int.from_bytes(_hash(key, f"days:{code}")[:8], "big")
    size = _LEAST + n // 2 % (_MOST - _LEAST + 1)
    return size if n % 2 else -size


def deidentified(
    tables: Mapping[str, tuple[TextTable, str]],
    ids: Mapping[str, pd.Series],
    key: bytes,
    *,
    dates: Mapping[str, Sequence[str]],
    date_order: str = "",
) -> dict[str, pd.DataFrame]:
    """The tables with pseudonyms in place of codes and each patient's dates moved by one number of
    days, in the order of the pseudonyms. A date that cannot be read is left blank.

    `tables` gives each table with its patient column, `ids` the patient of each row, `dates` the
    columns of dates (cells that are dates elsewhere are dates too).
    """
    called = pseudonyms([c for column in ids.values() for c in pd.unique(column)], key)
    moved = {code: days_moved(code, key) for code in called}
    made = {}
    for name, (table, patient) in tables.items():
        frame = table.frame.astype(str).copy()
        who = ids[name].to_numpy()
        frame[patient] = [called[c] for c in who]
        for column in frame:
            if column == patient:
                continue
            live = [t for v in pd.unique(frame[column]) if (t := str(v).strip())]
            there = [t for t in live if is_date(t)]
            if column not in dates.get(name, ()) and not there:
                continue
            where = f" in column '{column}' ({name} table)"
            read = {t: date_reader(there, date_order, where)(t) for t in there}
            known = column in dates.get(name, ())
            frame[column] = [
                _moved(read[t], moved[c])
                if (t := str(text).strip()) in read
                else ("" if known else text)
                for text, c in zip(frame[column], who, strict=True)
            ]
        order = frame[patient].argsort(kind="stable")
        made[name] = frame.iloc[order].reset_index(drop=True)
    return made


def _moved(date: datetime.date | None, days: int) -> str:
    return "" if date is None else (date + datetime.timedelta(days=days)).isoformat()
