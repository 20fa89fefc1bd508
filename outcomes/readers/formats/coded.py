"""Large text tables read in codes: of each column its distinct texts, and a small whole number for
each row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

#: How many bytes are read together.
_BLOCK = 1 << 24


def coded_grid(data: memoryview, delimiter: str, width: int, *, lines: bool) -> pd.DataFrame | None:
    """The cells of UTF-8 text with `width` cells a record, as categories under columns 0, 1, …;
    None without pyarrow, or where it reads the records otherwise.

    No record is empty; `lines` says that each is one line. A column takes one to four bytes a row,
    however long its texts are.
    """
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:
        return None
    names = [str(j) for j in range(width)]
    options = {
        "read_options": csv.ReadOptions(column_names=names, block_size=_BLOCK, use_threads=False),
        "parse_options": csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=not lines, ignore_empty_lines=False
        ),
        "convert_options": csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())),
            strings_can_be_null=False,
            null_values=[],
        ),
    }
    columns = [_Coded() for _ in names]
    try:
        with csv.open_csv(pa.BufferReader(pa.py_buffer(data)), **options) as batches:
            for batch in batches:
                for column, cells in zip(columns, batch.columns, strict=True):
                    column.add(cells.dictionary.to_pylist(), cells.indices.to_numpy())
    except pa.ArrowInvalid:
        return None
    return pd.DataFrame({j: c.column() for j, c in enumerate(columns)}, copy=False)


class _Coded:
    """The distinct texts of a column as they come, and the codes of its rows."""

    def __init__(self) -> None:
        self.place: dict[str, int] = {}
        self.codes: list[np.ndarray] = []

    def add(self, texts: list[str], codes: np.ndarray) -> None:
        """More rows: their distinct texts, and which of these each has."""
        place = self.place
        own = np.array([place.setdefault(t, len(place)) for t in texts], dtype=np.int32)
        self.codes.append(own.astype(np.min_scalar_type(-len(place) - 1))[codes])

    def column(self) -> pd.Categorical:
        """The rows as categories in the order of texts, with a blank, as cells may become one."""
        texts = sorted({*self.place, ""})
        now = {t: i for i, t in enumerate(texts)}
        moved = np.array([now[t] for t in self.place]).astype(np.min_scalar_type(-len(texts) - 1))
        codes = np.concatenate([moved[c] for c in self.codes])
        self.codes.clear()
        return pd.Categorical.from_codes(
            codes, categories=pd.Index(texts, dtype=object), validate=False
        )
