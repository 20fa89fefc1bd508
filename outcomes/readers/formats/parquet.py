"""Parquet files: each column's values as text without loss, by the type that the file gives it."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from outcomes.config.regular import must_be_regular, read_bytes
from outcomes.core.errors import DataError, MissingExtraError
from outcomes.readers.cells import TextTable, fingerprint, from_grid
from outcomes.readers.formats.preflight import MAX_BYTES, refuse_text
from outcomes.readers.formats.stat_dates import number_text
from outcomes.readers.parse import DECLARED_MISSING
from outcomes.study.study import Issue

_CELL = 8  # bytes that a cell takes at least once it is read
_FEW = 1000  # rows that are unpacked at a time where nothing says how large they become
#: What stands in a cell of "not a number" where the file has nulls beside it.
NAN = f"{DECLARED_MISSING}NaN"


def read_parquet(path: str | Path) -> TextTable:
    """The rows of a Parquet file as text; row 1 is the first. Nulls are blank; "not a number" is
    counted as coded missing.

    Numbers and decimals are written in the fewest digits that give them back, dates and times in
    ISO form (with the offset of their zone where they have one), categories as their text, yes and
    no as TRUE and FALSE.

    Raises MissingExtraError without pyarrow; DataError for a file that is broken or encrypted, has
    no rows, or has columns that hold lists, structures, bytes or durations (by name).
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            f"{path.name} needs the parquet extra: pip install 'outcomes[parquet]'. Or save it as"
            " CSV."
        ) from None
    if data[:4] == b"PARE" or data[-4:] == b"PARE":
        raise DataError(f"{path.name} is encrypted. Save it without encryption, or as CSV.")
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        _look_at(file, path.name)
        names = [f.name for f in file.schema_arrow if _is_text(f.type)]
        delta = _stored_as_differences(file)
        whole = pq.ParquetFile(io.BytesIO(data), read_dictionary=set(names) - delta)
        table = _in_pieces(whole, path.name) if delta & set(names) else whole.read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError):
        raise DataError(
            f"{path.name} is not a whole Parquet file. Write it again, or save it as CSV."
        ) from None
    return replace(_read(path.name, table, 1), **fingerprint(data))


def parquet_pieces(path: Path, piece: int) -> Iterator[TextTable]:
    """The rows of a large Parquet file, about `piece` bytes at a time, as `read_parquet` reads
    them. Raises as that does.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            f"{path.name} needs the parquet extra: pip install 'outcomes[parquet]'. Or save it as"
            " CSV."
        ) from None
    must_be_regular(path)
    try:
        file = pq.ParquetFile(path)
        _look_at(file, path.name, bounded=False)
        rows = max(1, piece // (_CELL * max(file.metadata.num_columns, 1)))
        start = 1
        for batch in file.iter_batches(batch_size=rows):
            yield _read(path.name, pa.Table.from_batches([batch]), start)
            start += batch.num_rows
    except (pa.ArrowException, OSError, ValueError):
        raise DataError(
            f"{path.name} is not a whole Parquet file. Write it again, or save it as CSV."
        ) from None


def _stored_as_differences(file: Any) -> set[str]:
    """The columns that store a text by what it adds to the one before: pyarrow reads them as texts
    alone.
    """
    meta = file.metadata
    groups = (meta.row_group(g) for g in range(meta.num_row_groups))
    columns = (group.column(c) for group in groups for c in range(meta.num_columns))
    return {c.path_in_schema for c in columns if any("DELTA" in e for e in c.encodings)}


def _in_pieces(file: Any, name: str) -> Any:
    """The table, read piece by piece, for what such columns unpack to stands nowhere in the
    file.
    """
    import pyarrow as pa

    batches, size = [], 0
    for batch in file.iter_batches(batch_size=_FEW):
        size += batch.nbytes
        refuse_text(size, name)
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow if not batches else None)


def _read(file: str, table: Any, start: int) -> TextTable:
    """Rows as text; the first has the number `start`."""
    texts, notes = [], []
    told = 0
    for name, column in zip(table.column_names, table.columns):
        try:
            text = _text(column)
        except (OSError, ValueError, OverflowError):
            raise DataError(
                f"{file}, column '{name}', holds a date that no calendar has (the years are 1 to"
                " 9999), or times of a zone that is not known. Write it as text."
            ) from None
        told += sum(map(len, text))
        refuse_text(told, file)
        texts.append(text)
        nan = tuple(f"row {i}, column {name}" for i, t in enumerate(text, start) if t == NAN)
        if nan:
            said = (
                f"{name}: {len(nan)} cell(s) hold 'not a number' (NaN); they count as coded"
                " missing."
            )
            notes.append(
                Issue("declared_missing", said, len(nan), "note", column=name, addresses=nan)
            )
    grid = pd.DataFrame(dict(enumerate(texts)), dtype=str)
    rows = np.arange(start, start + table.num_rows)
    return from_grid(file, grid, rows, headings=table.column_names, notes=notes)


def _look_at(file: Any, name: str, *, bounded: bool = True) -> None:
    """Refuse what has no text form, by name, and what would not fit into memory."""
    from pyarrow import types

    def plain(kind: Any) -> bool:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        texts = _is_text(kind)
        numbers = (
            types.is_integer(kind)
            or types.is_floating(kind)
            or types.is_decimal(kind)
            or types.is_boolean(kind)
        )
        times = types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind)
        return bool(texts or numbers or times or types.is_null(kind))

    odd = [
        f"{f.name} ({str(f.type).split('<')[0]})" for f in file.schema_arrow if not plain(f.type)
    ]
    if odd:
        raise DataError(
            f"{name}: {len(odd)} column(s) hold something that a cell of a table cannot:"
            f" {', '.join(odd[:20])}. Write the file without them, or with one column for each"
            " part."
        )
    cells = file.metadata.num_rows * max(file.metadata.num_columns, 1)
    if bounded and cells * _CELL > MAX_BYTES:
        raise DataError(
            f"{name} is refused: it has {cells} cells. Write the columns that are needed into a"
            " file of their own."
        )
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    if sum(max(g.total_byte_size, 0) for g in groups) > MAX_BYTES:
        raise DataError(
            f"{name} is refused: it unpacks to more than {MAX_BYTES >> 20} MB. Write the columns"
            " that are needed into a file of their own."
        )


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view")


def _text(column: Any) -> list[str]:
    """A column's cells as text; each different value is written once, so that a long one that is
    repeated takes its place once.
    """
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    if pa.types.is_dictionary(column.type):
        texts = _text(column.dictionary)
        return ["" if i is None else texts[i] for i in column.indices.to_pylist()]
    single = str(column.type) == "float"
    values = column.to_pylist()
    made = {v: cell_text(v, single=single) for v in set(values) if v == v}
    return ["" if v is None else made[v] if v == v else NAN for v in values]


def cell_text(value: Any, *, single: bool = False) -> str:
    """A value as the text that a cell has; `single` for a number stored with 32 bits.

    >>> cell_text(7.0), cell_text(False), cell_text(datetime.date(2024, 3, 4))
    ('7', 'FALSE', '2024-03-04')
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return number_text(value, single=single)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime.datetime):  # pandas' own timestamp too, which keeps nanoseconds
        bare = (
            value.tzinfo is None
            and value.time() == datetime.time()
            and not getattr(value, "nanosecond", 0)
        )
        return value.date().isoformat() if bare else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)
