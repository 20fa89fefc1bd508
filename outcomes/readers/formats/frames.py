"""Data frames of pandas, polars and pyarrow: the cells that a file of them would have, as text."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, MissingExtraError, StudyError
from outcomes.readers.cells import Declared, Fingerprint, TextTable, refuse_repeated, tidy
from outcomes.readers.formats.delimited import below_headings
from outcomes.readers.formats.parquet import NAN, cell_text
from outcomes.readers.headings import refuse_without_headings
from outcomes.study.study import Issue

#: What a table that was never a file is called in messages and reports.
FRAME = "data frame"
#: What a cell of a table can hold; dates with times and what is missing in pandas are dates.
_CELL = (str, int, float, np.generic, datetime.date, datetime.time, type(None), type(pd.NA),
         Decimal, Fraction, UUID, pd.Period, pd.Interval)  # fmt: skip
#: Longer whole numbers cannot be written as text (`sys.get_int_max_str_digits`).
_BITS = 10_000


def is_frame(data: Any) -> bool:
    """Whether this is meant as a frame: neither a file's name nor what a study file says of one.

    >>> is_frame("scores.csv"), is_frame({"file": "a.sav"}), is_frame(pd.DataFrame())
    (False, False, True)
    """
    return not isinstance(data, str | Path | Mapping)


def read_frame(frame: Any, *, last: int | None = None, unfinished: bool = False) -> TextTable:
    """The rows of a frame as text; row 1 is the first, whatever the index says.

    Numbers are written in the fewest digits that give them back, dates and times in ISO form,
    categories as their text, yes and no as TRUE and FALSE; nulls are blank. "Not a number" is
    blank in a pandas frame, where it means missing, and coded missing in others, which have nulls
    beside it. Levels of an index that have a name are columns. Rows that are no patients are left
    out and listed, as in a text file. The frame stays as it is.

    Raises StudyError for what is no frame (a lazy one, say); DataError for an empty one, headings
    of several levels, and columns that hold lists, structures, bytes or durations (by name);
    MissingExtraError for polars and pyarrow without narwhals.

    >>> table = read_frame(pd.DataFrame({"id": ["a", "b"], "nrs": [7, None]}))
    >>> table.frame["nrs"].tolist(), table.address(0, "nrs")
    (['7', ''], 'row 1, column nrs')
    """
    notes: list[Issue] = []
    columns = _columns(frame, notes)
    if not columns or not len(columns[0].codes):
        raise DataError(f"The {FRAME} is empty.")
    body = pd.DataFrame(
        {j: np.concatenate([[c.name], c.cells()]) for j, c in enumerate(columns)}, dtype=str
    )
    rows = np.arange(len(body))  # the headings are row 0
    table = below_headings(FRAME, body, rows, None, last=last, unfinished=unfinished, notes=notes)
    types = {tidy(c.name): c.type for c in columns if c.type}
    declared = Declared(types=types, titles=table.declared.titles)
    return replace(refuse_without_headings(table), declared=declared, **_fingerprint(columns))


def saved(frame: Any) -> bytes:
    """The CSV file that `read_frame` takes a frame for."""
    columns = _columns(frame, [])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([c.name for c in columns])
    nan = [replace(c, texts=np.where(c.texts == NAN, "NaN", c.texts)) for c in columns]
    writer.writerows(zip(*(c.cells() for c in nan), strict=True))
    return text.getvalue().encode()


@dataclass(frozen=True, eq=False)
class _Column:
    """A column: its name, its different texts (the last is blank), which of them each row has, and
    the type that the frame gives it, where that says more than the texts.
    """

    name: str
    texts: np.ndarray
    codes: np.ndarray
    type: str = ""

    def cells(self) -> np.ndarray:
        """The text of each row."""
        return self.texts[self.codes]


def _fingerprint(columns: Sequence[_Column]) -> Fingerprint:
    """Size and SHA-256 of the cells of a frame, which has no bytes of its own."""
    digest, size = hashlib.sha256(), 0
    for column in columns:
        texts = [column.name, *map(str, column.texts)]
        whole = "".join(texts)
        own = texts if whole.isascii() else [t.encode() for t in texts]
        lengths = np.fromiter(map(len, own), dtype="<i8", count=len(texts))
        digest.update(len(texts).to_bytes(8, "big") + lengths.tobytes() + whole.encode())
        digest.update(column.codes.astype("<i8").tobytes())
        size += int(lengths[0] + lengths[1:][column.codes].sum())
    return {"size": size, "sha256": digest.hexdigest()}


def _columns(frame: Any, notes: list[Issue]) -> list[_Column]:
    pandas = isinstance(frame, pd.DataFrame)
    return _of_pandas(frame, notes) if pandas else _of_others(frame, notes)


def _of_pandas(frame: pd.DataFrame, notes: list[Issue]) -> list[_Column]:
    if frame.columns.nlevels > 1:
        raise DataError(
            f"The headings of the {FRAME} have {frame.columns.nlevels} levels. Join them:"
            ' frame.columns = ["_".join(map(str, c)) for c in frame.columns].'
        )
    series = [(str(name), frame.iloc[:, j]) for j, name in enumerate(frame.columns)]
    there = {name for name, _ in series}
    levels = [
        (str(name), frame.index.get_level_values(k))
        for k, name in enumerate(frame.index.names)
        if name is not None and str(name) not in there
    ]
    counted = frame.index.equals(pd.RangeIndex(len(frame)))
    if None in frame.index.names and not counted:
        text = (
            "The index of the frame has no name and was not read; rows are numbered from 1."
            " frame.reset_index() makes it a column."
        )
        notes.append(Issue("index_not_read", text, len(frame), "note"))
    return [
        _column(
            name,
            *_distinct(values),
            pd.isna,
            single="float32" in str(values.dtype).lower(),
            kind=_type_in_pandas(values.dtype),
        )
        for name, values in (*levels, *series)
    ]


def _type_in_pandas(dtype: Any) -> str:
    """The type of column that a type of pandas is; blank where the texts say it as well."""
    if pd.api.types.is_bool_dtype(dtype):
        return "yes/no"
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    return "date" if pd.api.types.is_datetime64_any_dtype(dtype) else ""


def _distinct(values: Any) -> tuple[Iterable[Any], np.ndarray]:
    """The different values of a column of pandas, and which each row has; -1 is missing."""
    if values.dtype != object:
        codes, uniques = pd.factorize(values)
        return uniques, codes
    return _by_kind(values.to_list(), pd.isna)


def _no_cell(value: Any) -> bool:
    """Whether no cell of a table can hold this: a list or any other object, a number that cannot be
    written.
    """
    if isinstance(value, int):
        return value.bit_length() > _BITS
    if isinstance(value, Decimal):
        return value.is_snan()
    return isinstance(value, np.timedelta64 | np.complexfloating | np.void | bytes) or not (
        isinstance(value, _CELL)
    )


def _by_kind(values: list[Any], absent: Callable[[Any], Any]) -> tuple[list[Any], np.ndarray]:
    """As `_distinct`, for values of any kind: 1, 1.0 and True are three."""
    known: dict[tuple[type, Any], int] = {}
    codes = np.empty(len(values), dtype=np.int64)
    for i, value in enumerate(values):
        if _no_cell(value):
            return [value], np.zeros(1, dtype=np.int64)
        codes[i] = (
            -1 if absent(value) is True else known.setdefault((type(value), value), len(known))
        )
    return [value for _, value in known], codes


def _of_others(frame: Any, notes: list[Issue]) -> list[_Column]:
    """The columns of a frame that narwhals knows."""
    what = f"{type(frame).__module__.partition('.')[0]} {type(frame).__name__}"
    try:
        import narwhals as nw
    except ImportError:
        raise MissingExtraError(
            f"A frame that is not pandas' own ({what}) needs the frames extra: pip install"
            " 'outcomes[frames]'. Or give frame.to_pandas()."
        ) from None
    names = getattr(frame, "column_names", ())  # pyarrow's, of which narwhals takes no two alike
    refuse_repeated(f"The {FRAME}", list(names) if isinstance(names, list | tuple) else [])
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise StudyError(
            f"A file's name or a data frame of pandas, polars or pyarrow is read; this is {what}."
            " Collect a lazy frame first, and make a frame of anything else."
        ) from None
    columns = []
    for name in table.columns:
        series = table[name]
        values, codes = _by_kind(series.to_list(), lambda v: v is None)
        kinds = {nw.Boolean: "yes/no", nw.Categorical: "category", nw.Enum: "category"}
        kinds |= dict.fromkeys((nw.Date, nw.Datetime), "date")
        made = _column(
            name,
            values,
            codes,
            lambda v: v != v,
            single=series.dtype == nw.Float32,
            kind=next((t for kind, t in kinds.items() if series.dtype == kind), ""),
        )
        columns.append(made)
        nan = np.flatnonzero((made.texts == NAN)[made.codes]) + 1
        if len(nan):
            where = tuple(f"row {i}, column {name}" for i in nan)
            said = (
                f"{name}: {len(nan)} cell(s) hold 'not a number' (NaN); they count as coded"
                " missing."
            )
            notes.append(
                Issue("declared_missing", said, len(nan), "note", column=name, addresses=where)
            )
    return columns


def _column(
    name: str,
    values: Iterable[Any],
    codes: np.ndarray,
    absent: Callable[[Any], Any],
    *,
    single: bool,
    kind: str,
) -> _Column:
    values = values.tolist() if hasattr(values, "tolist") else list(values)
    texts: list[str] = []
    plain_text = all(type(v) is str for v in values)
    for value in values if not plain_text else ():
        plain = value.item() if isinstance(value, np.generic) else value
        if _no_cell(plain):
            raise DataError(
                f"The {FRAME}, column '{name}', holds something that a cell of a table cannot"
                f" ({type(plain).__name__}). Leave the column out, or make a number or text of it."
            )
        texts.append(
            (NAN if isinstance(plain, float) else "")
            if absent(plain) is True
            else cell_text(plain, single=single)
        )
    texts = values if plain_text else texts
    try:
        "".join([name, *texts]).encode()
    except UnicodeEncodeError:
        shown = name.encode("ascii", "replace").decode()
        raise DataError(
            f"The {FRAME}, column '{shown}', holds halves of letters: its file was read with the"
            " wrong encoding. Read it again with the right one."
        ) from None
    return _Column(name, np.array([*texts, ""], dtype=object), codes, kind)
