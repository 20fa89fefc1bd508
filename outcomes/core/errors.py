"""The error tree: one family, so that a caller can catch what it means.

::

    OutcomesError
    ├── DataError          a file or a value in it cannot be used          (exit code 3)
    │   └── SourceError    a database or server did not give its rows whole (exit code 69)
    ├── StudyError         the study file or its roles do not fit the data (exit code 2)
    ├── InstrumentError    an instrument, its items or its answers         (exit code 3)
    ├── AnalysisError      a question that this study cannot answer        (exit code 2)
    ├── PrivacyError       columns that may identify a patient             (exit code 4)
    ├── MissingExtraError  an optional package is not installed            (exit code 2)
    └── OutputError        a file or folder that cannot be written         (exit code 74)

A message says what is wrong, what exists, and what to do. It never contains a patient's value or
identifier.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class OutcomesError(Exception):
    """Anything `outcomes` refuses to do, in words a clinic can act on."""

    exit_code = 2

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback; plain Python never calls it."""
        from outcomes.core.framed_error import rendered

        return rendered(self)


class DataError(OutcomesError):
    """A file, or a cell in it, that cannot be used as it is."""

    exit_code = 3


class SourceError(DataError):
    """A database or server that could not be reached, refused, or did not give its rows whole."""

    exit_code = 69


class StudyError(OutcomesError):
    """A study file, role or visit that does not fit the data."""


class InstrumentError(OutcomesError):
    """An unknown instrument, missing items, or answers outside its range."""

    exit_code = 3


class AnalysisError(OutcomesError):
    """A question that cannot be answered from this study."""


class PrivacyError(OutcomesError):
    """Columns that may identify a patient, neither allowed nor dropped by name."""

    exit_code = 4


class MissingExtraError(OutcomesError):
    """An optional package is needed; the message says which extra brings it."""


class OutputError(OutcomesError):
    """A file or folder that cannot be written: disk full, or no permission."""

    exit_code = 74


#: What a cell may hold and a heading does not: an address, a date, a decimal or long number, a
#: number of a patient.
_VALUE = re.compile(
    r"\S*@\S*|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|[+-]?\d+[.,]\d+"
    r"|\d{3,}|(?!(?i:day|week|month|year|visit))[A-Za-z]{0,8}[-_/ ]?\d{3,}[A-Za-z]?|.*[,;\t].*"
)


def looks_like_value(name: str) -> bool:
    """Whether a heading may be somebody's data: a file without headings has data in that place.

    >>> [looks_like_value(n) for n in ("P-1001", "2024-03-01", "7.5", "nrs_1", "week 104", "phq9")]
    [True, True, True, False, False, False]
    """
    return _VALUE.fullmatch(name.strip()) is not None


def there_is(names: Iterable[str]) -> str:
    """The names that exist, for a message. Those that may be somebody's data are only counted.

    >>> there_is(["visit", "pain", "P-1001", "P-1002"])
    'visit, pain, and 2 that look like values (not shown)'
    >>> there_is([])
    'none'
    """
    names = [str(n) for n in names]
    shown = [n for n in names if not looks_like_value(n)]
    hidden = len(names) - len(shown)
    if hidden:
        word = "looks like a value" if hidden == 1 else "look like values"
        shown.append(f"{'and ' if shown else ''}{hidden} that {word} (not shown)")
    return ", ".join(shown) or "none"


def unknown(kind: str, name: str, existing: Iterable[str], *, hint: str = "") -> str:
    """Words for a name that does not exist: what was asked, what there is, what may have been
    meant.

    >>> unknown("visit", "basline", ["baseline", "week_4"])
    "No visit 'basline'. There is: baseline, week_4. Did you mean 'baseline'?"
    """
    there = [str(e) for e in existing]
    text = f"No {kind} '{name}'. There is: {there_is(there)}."
    near = [n for n in there if not looks_like_value(n)]
    close = difflib.get_close_matches(str(name), near, n=1)
    if close:
        text += f" Did you mean '{close[0]}'?"
    return f"{text} {hint}" if hint else text
