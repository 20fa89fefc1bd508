"""From text to values by a declared type: what was parsed, blank, coded as missing, or could not be
read, and where.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError, unknown
from outcomes.core.wording import listed_addresses
from outcomes.questionnaires.answer_words import plain_words
from outcomes.readers import dates
from outcomes.readers.cells import TextTable, plain_digits

KINDS = ("score", "number", "integer", "date", "yes/no", "category", "text")
PARSED, BLANK, CODED, UNPARSEABLE, OUTSIDE = range(5)
STATUSES = ("parsed", "blank", "coded", "unparseable", "outside")
COLUMNS = ("table", "column", "type", *STATUSES, "addresses")

#: How a cell begins whose file itself says that its code means missing: "declared missing: 99",
#: "declared missing: .a".
DECLARED_MISSING = "declared missing: "


def _listed(words: str) -> list[str]:
    return words.split()


#: How a cell is read whose formula no spreadsheet program has calculated.
NEVER_CALCULATED = "#never calculated!"
#: What a spreadsheet shows where a formula has no value; never an answer.
ERRORS = frozenset(
    (
        "#n/a",
        "#div/0!",
        "#value!",
        "#ref!",
        "#name?",
        "#num!",
        "#null!",
        "#spill!",
        "#calc!",
        "#getting_data",
        "#field!",
        "#blocked!",
        "#connect!",
        "#unknown!",
        "#error!",
        "#err!",
        NEVER_CALCULATED,
        *_listed("#nv #wert! #bezug! #zahl! #überlauf! #kalk! #valeur! #nom? #nombre! #nul! #n/d"),
        *_listed("#¡valor! #¡ref! #¿nombre? #¡num! #¡div/0! #¡nulo! #valore! #rif! #nome? #n/b"),
        *_listed("#waarde! #verw! #naam? #getal! #deel/0! #leeg! #valor! #núm! #nulo!"),
    )
)

#: No score, dose or day is larger; far beyond it sums of squares overflow.
_LARGEST = 1e50
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
#: What stands behind a number and changes nothing, and lengths on a visual analogue scale.
_POINTS = re.compile(r"(.*[0-9.,])\s*(?:points?|pts?|pkte?|punkte?|puntos?|ptos|punti|punten)\.?")
_LENGTH = re.compile(r"(.*[0-9.,])\s*(mm|cm)\.?")
_FRACTION = re.compile(r"([0-9.,]+)\s*/\s*([0-9]+)")
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_SURELY_GROUPED = re.compile(
    r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3}){2,}(?:\.[0-9]+)?|,[0-9]{3}\.[0-9]+)"
)
_YES = frozenset(
    ("yes", "y", "true", "t", "1", "ja", "j", "oui", "o", "si", "sí", "s", "sim", "checked", "x")
)
_NO = frozenset(("no", "n", "false", "f", "0", "nein", "nee", "non", "não", "nao", "unchecked"))


@dataclass(frozen=True)
class ColumnType:
    """What a column is declared to hold; `low`, `high` and `step` belong to a score, `words` are
    the numbers of its answers in words; `factor` makes a score of the number in the file.

    >>> ColumnType("score", 0, 10).high
    10
    """

    kind: str
    low: float = math.nan
    high: float = math.nan
    step: float = math.nan
    date_order: str = ""
    words: Mapping[str, float] = field(default_factory=dict)
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise StudyError(unknown("column type", self.kind, KINDS))


@dataclass(frozen=True, eq=False)
class Parsed:
    """The values of a column (nan or None where there is none) and the status of each cell."""

    values: Any
    status: np.ndarray
    kind: str

    def where(self, *statuses: int) -> np.ndarray:
        """Which cells have one of these statuses."""
        return np.logical_or.reduce([self.status == s for s in statuses])


def parse_column(
    text: pd.Series,
    declared: ColumnType,
    *,
    missing: Iterable[str] = (),
    where: str = "",
    among: Sequence[str] | None = None,
) -> Parsed:
    """The values of one column of text by its declared type.

    Surrounding spaces are nothing; declared codes are missing; "None" and "NA" are answers unless
    declared. A score "7/10" on a scale up to 10 is 7; a decimal comma is a decimal unless the
    column has thousands. A score outside `low` to `high` or off its `step` keeps its value and has
    the status outside. `where` names the column in errors. `among` are the distinct texts of the
    whole column, where `text` is only a part of it: what the column decides, these decide.

    Raises DataError for dates whose order of day and month the column does not decide.

    >>> done = parse_column(
    ...     pd.Series(["7", " 6,5", "7/10", "", "-99", "6?"]),
    ...     ColumnType("score", 0, 10),
    ...     missing=["-99"],
    ... )
    >>> done.values.tolist(), [STATUSES[s] for s in done.status]
    ([7.0, 6.5, 7.0, nan, nan, nan],
     ['parsed', 'parsed', 'parsed', 'blank', 'coded', 'unparseable'])
    """
    codes, uniques = pd.factorize(text)
    raw = [str(u).strip() for u in uniques.tolist()]
    coded = _coded(raw, missing)
    unread = [not r or c or is_error(r) for r, c in zip(raw, coded, strict=True)]
    live = [r for r, u in zip(raw, unread, strict=True) if not u]
    if among is not None:
        known = [str(t).strip() for t in among]
        live = [t for t, c in zip(known, _coded(known, missing)) if t and not c and not is_error(t)]
    read = _reader(live, declared, where)
    values = [None if u else read(r) for r, u in zip(raw, unread, strict=True)]
    status = np.array(
        [
            BLANK if not r else CODED if c else UNPARSEABLE if v is None else _inside(v, declared)
            for r, c, v in zip(raw, coded, values, strict=True)
        ],
        dtype=np.int8,
    )
    return Parsed(_array(values, declared.kind)[codes], status[codes], declared.kind)


def is_error(text: str) -> bool:
    """Whether a cell shows a spreadsheet's error in place of a value.

    >>> is_error("#DIV/0!"), is_error("####"), is_error("Err:502"), is_error("#3")
    (True, True, True, False)
    """
    text = text.strip()
    return text[:1] in ("#", "E") and (text.casefold() in ERRORS or bool(_ERROR.fullmatch(text)))


_ERROR = re.compile(r"#{2,}|Err:[0-9]{3}")


def _coded(raw: Sequence[str], missing: Iterable[str]) -> list[bool]:
    """Which texts are codes for missing, by declaration or by the file; a number matches however it
    is written (-99, -99.0).
    """
    words = {str(m).strip().casefold() for m in missing} - {""}
    numbers = {float(w) for w in words if _NUMBER.fullmatch(w)}
    return [
        r.startswith(DECLARED_MISSING)
        or r.casefold() in words
        or bool(numbers and _NUMBER.fullmatch(r) and float(r) in numbers)
        for r in raw
    ]


def _reader(live: Sequence[str], declared: ColumnType, where: str) -> Callable[[str], Any]:
    if declared.kind in ("score", "number", "integer"):
        number = number_reader(live, declared.high)
        if declared.kind == "integer":
            return lambda text: v if (v := number(text)) is not None and v.is_integer() else None
        if declared.kind == "number":
            return number
        words = {plain_words(w): v for w, v in declared.words.items()}

        def score(text: str) -> float | None:
            found = words.get(plain_words(text)) if words else None
            value = _score(text, number, declared) if found is None else found
            return value if value is None or declared.factor == 1 else value * declared.factor

        return score
    if declared.kind == "date":
        return dates.date_reader(live, declared.date_order, where)
    return yes_no if declared.kind == "yes/no" else str


def number_reader(live: Sequence[str], high: float = math.nan) -> Callable[[str], float | None]:
    """How this column writes numbers: whether its comma is a decimal, groups thousands, or cannot
    be told.

    >>> (
    ...     number_reader(["7,5", "8"])("7,5"),
    ...     number_reader(["1,200", "900"])("1,200"),
    ...     number_reader(["1,200.5"])("1,200"),
    ... )
    (7.5, None, 1200.0)
    """
    with_comma = [p for t in live if "," in (p := plain_digits(t))]
    sure = any(_SURELY_GROUPED.fullmatch(t) for t in with_comma)
    maybe = any(_GROUPED.fullmatch(t) for t in with_comma) and not high < 1000
    decimal = any(
        re.fullmatch(r"[+-]?[0-9]*,(?:[0-9]{1,2}|[0-9]{4,})|[+-]?0*,[0-9]+", t) for t in with_comma
    )

    def read(text: str) -> float | None:
        text = plain_digits(text)
        if not text[-1:].isdigit() and (unit := _POINTS.fullmatch(text.casefold())):
            text = unit[1].rstrip()
        if text.endswith("%"):
            text = text[:-1].rstrip()
        if "," in text:
            if sure:
                text = text.replace(",", "") if _GROUPED.fullmatch(text) else ""
            elif not maybe or decimal:
                text = text.replace(",", ".") if re.fullmatch(r"[^.,]*,[0-9]+", text) else ""
        return float(text) if _NUMBER.fullmatch(text) and abs(float(text)) <= _LARGEST else None

    return read


def _score(text: str, number: Callable[[str], float | None], declared: ColumnType) -> float | None:
    text = plain_digits(text)
    if length := _LENGTH.fullmatch(text.casefold()):
        return _on_line(number(length[1].rstrip()), length[2], declared)
    found = _FRACTION.fullmatch(text)
    if found and declared.low == 0 and float(found[2]) == declared.high:
        return number(found[1])
    value = number(text)
    share = text.endswith("%") and declared.high <= 1  # 70% of a scale to 1 is 0.7
    return value / 100 if share and value is not None else value


def without_length(text: str) -> str:
    """A length on a visual analogue scale without its unit; any other text as it is.

    >>> without_length("70 mm"), without_length("7,5cm"), without_length("mild")
    ('70', '7,5', 'mild')
    """
    found = _LENGTH.fullmatch(text.casefold())
    return found[1].rstrip() if found else text


def _on_line(value: float | None, unit: str, declared: ColumnType) -> float | None:
    """A length in mm or cm on a scale of 100 mm (or 10 cm); no other scale has a length."""
    own = {100.0: "mm", 10.0: "cm"}.get(declared.high)
    if value is None or declared.low != 0 or own is None:
        return None
    return value if unit == own else value * 10 if unit == "cm" else value / 10


def _inside(value: Any, declared: ColumnType) -> int:
    if declared.kind != "score":
        return PARSED
    steps = (value - (0 if math.isnan(declared.low) else declared.low)) / declared.step
    on_step = math.isnan(declared.step) or abs(steps - round(steps)) < 1e-9
    return OUTSIDE if value < declared.low or value > declared.high or not on_step else PARSED


def yes_no(text: str) -> float | None:
    """1 for a word that means yes, 0 for one that means no, None for any other.

    >>> yes_no("Yes"), yes_no("nein"), yes_no("perhaps")
    (1.0, 0.0, None)
    """
    word = text.casefold()
    return 1.0 if word in _YES else 0.0 if word in _NO else None


def _array(values: Sequence[Any], kind: str) -> Any:
    if kind in ("score", "number", "integer", "yes/no"):
        return np.array([math.nan if v is None else v for v in values], dtype=float)
    if kind == "date":
        return np.array(
            [np.datetime64("NaT", "D") if v is None else np.datetime64(v) for v in values],
            dtype="datetime64[D]",
        )
    return np.array(values, dtype=object)


def looks_numeric(text: pd.Series, missing: Iterable[str] = ()) -> bool:
    """Whether every cell of an undeclared column is plainly a number (no leading zeros, nothing
    else, something there).
    """
    raw = [str(u).strip() for u in pd.unique(text).tolist()]
    live = [r for r, c in zip(raw, _coded(raw, missing)) if r and not c and not is_error(r)]
    number = number_reader(live)
    zeros = any(re.match(r"0[0-9]", t) for t in live)
    return bool(live) and not zeros and all(number(t) is not None for t in live)


def is_numeric(text: pd.Series, missing: Iterable[str] = ()) -> bool:
    """Whether an undeclared column is of numbers, also where some of them have become dates."""
    return looks_numeric(text, missing) or dates.became_dates(text.tolist())


def report_row(table: str, source: TextTable, column: str, done: Parsed) -> dict[str, Any]:
    """One row of a study's column report: how many cells have each status, and where those stand
    that were lost.
    """
    own = source.own(column)
    tally = np.bincount(done.status[own], minlength=len(STATUSES))
    counts = dict(zip(STATUSES, tally.tolist(), strict=True))
    where = listed_addresses(source.addresses(done.where(UNPARSEABLE, OUTSIDE) & own, column))
    return {"table": table, "column": column, "type": done.kind, **counts, "addresses": where}


def column_report(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """What became of each column's cells: parsed, blank, coded missing, unparseable, outside the
    scale, and where.
    """
    return pd.DataFrame(rows, columns=list(COLUMNS))
