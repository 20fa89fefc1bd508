"""Parquet files in any layout: the same cells, or a clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from outcomes.core.errors import DataError
from outcomes.readers.files import read_file
from outcomes.readers.formats import preflight
from outcomes.readers.source import Source
from tests.bounds import ends

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

N = 60
TABLE = pa.table(
    {
        "id": [f"q{i // 2}" for i in range(N)],
        "visit": ["pre", "post"] * (N // 2),
        "nrs": pa.array([float(i % 11) if i % 7 else None for i in range(N)]),
        "note": ["x" * i for i in range(N)],
    }
)
LAYOUTS: list[dict[str, Any]] = [
    {"row_group_size": 1},
    {"row_group_size": 7, "data_page_size": 1},
    {"data_page_size": 1, "use_dictionary": False},
    {"data_page_version": "2.0", "data_page_size": 3, "compression": "zstd"},
    {"compression": "brotli", "dictionary_pagesize_limit": 1},
    {"compression": "none", "write_statistics": False, "version": "1.0", "store_schema": False},
    {"write_page_index": True, "write_page_checksum": True},
    {"column_encoding": {"nrs": "BYTE_STREAM_SPLIT"}, "use_dictionary": False},
    {
        "column_encoding": {"id": "DELTA_BYTE_ARRAY", "note": "DELTA_LENGTH_BYTE_ARRAY"},
        "use_dictionary": False,
    },
]


def cells(folder: Path) -> pd.DataFrame:
    table = read_file(Source.of("a.parquet", folder))
    return pd.DataFrame({c: table[c] for c in table.columns})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pages_and_row_groups_of_any_size_hold_the_same_cells(
    layout: dict[str, Any], tmp_path: Path
) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", **layout)
    found = cells(tmp_path)
    assert found["id"].tolist() == TABLE["id"].to_pylist()
    assert found["note"].tolist() == TABLE["note"].to_pylist()
    nrs = ["" if v is None else f"{v:.0f}" for v in TABLE["nrs"].to_pylist()]
    assert found["nrs"].tolist() == nrs


def test_a_row_group_without_rows_is_passed_over(tmp_path: Path) -> None:
    with pq.ParquetWriter(tmp_path / "a.parquet", TABLE.schema) as writer:
        for part in (TABLE.slice(0, 10), TABLE.slice(0, 0), TABLE.slice(10)):
            writer.write_table(part)
    assert cells(tmp_path)["id"].tolist() == TABLE["id"].to_pylist()


def of(values: Any, kind: Any = None) -> Any:
    return pa.table({"id": ["a", "b"], "x": pa.array(values, kind)})


ODD: dict[str, tuple[Callable[[], Any], str]] = {
    "no rows": (lambda: TABLE.slice(0, 0), "no rows"),
    "no columns": (lambda: pa.table({}), "no rows"),
    "structures": (lambda: of([{"a": 1}, {"a": 2}]), "x .struct"),
    "lists of lists": (lambda: of([[[[1]]], [[[2]]]]), "x .list"),
    "bytes": (lambda: of([b"\xff", b"b"]), "x .binary"),
    "durations": (lambda: of([1, 2], pa.duration("s")), "x .duration"),
    "two of one name": (lambda: pa.table([["a"], ["b"]], names=["id", "id"]), "more than once"),
    "a zone that is none": (lambda: of([1, 2], pa.timestamp("ns", tz="Mars/Base")), "column 'x'"),
    "times after all": (lambda: of([2**62, -(2**62)], pa.timestamp("us")), "column 'x'"),
    "days after all": (lambda: of([2**31 - 1, -(2**31)], pa.date32()), "column 'x'"),
    "no text": (
        lambda: pa.table(
            {
                "id": ["a", "b"],
                "x": pa.StringArray.from_buffers(
                    2,
                    pa.py_buffer(np.array([0, 2, 3], "int32").tobytes()),
                    pa.py_buffer(b"\xff\xfeb"),
                ),
            }
        ),
        "not a whole Parquet file",
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_no_cell_can_hold_is_named(odd: str, tmp_path: Path) -> None:
    make, words = ODD[odd]
    pq.write_table(make(), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=words):
        cells(tmp_path)


def test_texts_stored_as_differences_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 MB of texts in a file of 1 MB, where 64 are the most."""
    pq.write_table(
        pa.table({"id": [str(i) for i in range(1000)], "x": ["A" * 100_000] * 1000}),
        tmp_path / "a.parquet",
        use_dictionary=False,
        column_encoding={"x": "DELTA_BYTE_ARRAY"},
    )
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    monkeypatch.setattr(preflight, "MAX_BYTES", 1 << 26)
    with ends(), pytest.raises(DataError, match="is refused"):
        cells(tmp_path)
