"""Parquet files: every type as text without loss, what has no text form refused by name."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outcomes.core.errors import DataError, MissingExtraError, StudyError
from outcomes.readers import read_study
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.formats import parquet as columnar
from outcomes.readers.formats.parquet import read_parquet
from outcomes.readers.source import Source

SECRET = "Zyx-Patient-77"
#: A column and its text.
TYPES = {
    "text": (pa.array(["001", None, "NA"]), ["001", "", "NA"]),
    "large": (pa.array(["ü", "", None], pa.large_string()), ["ü", "", ""]),
    "whole": (pa.array([1, None, 2**62 + 1]), ["1", "", "4611686018427387905"]),
    "unsigned": (pa.array([0, None, 2**64 - 1], pa.uint64()), ["0", "", "18446744073709551615"]),
    "double": (pa.array([0.1 + 0.2, 7.0, None]), ["0.30000000000000004", "7", ""]),
    "single": (pa.array([0.1, 7, None], pa.float32()), ["0.1", "7", ""]),
    "decimal": (
        pa.array([Decimal("7.50"), Decimal("1e-7"), None], pa.decimal128(12, 7)),
        ["7.5000000", "0.0000001", ""],
    ),
    "category": (pa.array(["b", "a", None]).dictionary_encode(), ["b", "a", ""]),
    "yes": (pa.array([True, None, False]), ["TRUE", "", "FALSE"]),
    "day": (
        pa.array([datetime.date(2024, 3, 4), None, datetime.date(1, 1, 1)]),
        ["2024-03-04", "", "0001-01-01"],
    ),
    "time": (pa.array([datetime.time(1, 2, 3), None, None]), ["01:02:03", "", ""]),
    "moment": (
        pa.array(
            [datetime.datetime(2024, 3, 4), None, datetime.datetime(2024, 3, 4, 5, 6, 7)],
            pa.timestamp("us"),
        ),
        ["2024-03-04", "", "2024-03-04 05:06:07"],
    ),
    "zoned": (
        pa.array([1_709_600_000_000_000_001, None, 0], pa.timestamp("ns", "America/Denver")),
        ["2024-03-04 17:53:20.000000001-07:00", "", "1969-12-31 17:00:00-07:00"],
    ),
    "nothing": (pa.array([None] * 3), ["", "", ""]),
}


def parquet(path: Path, **columns) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("kind", TYPES)
def test_a_type_as_text(kind, tmp_path):
    values, text = TYPES[kind]
    table = read_parquet(parquet(tmp_path / "a.parquet", id=pa.array(["a", "b", "c"]), x=values))
    assert table["x"].tolist() == text and not table.notes
    assert (
        table.address(2, "x") == "row 3, column x"
        and table.size == (tmp_path / "a.parquet").stat().st_size
    )


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
@given(
    values=st.lists(
        st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=1,
        max_size=8,
    )
)
def test_numbers_come_back(values, tmp_path):
    path = parquet(tmp_path / "a.parquet", id=["k"] * len(values), x=pa.array(values, pa.float64()))
    assert [float(t) if t else None for t in read_parquet(path)["x"]] == values


def test_not_a_number_is_coded_missing_and_a_null_is_blank(tmp_path):
    path = parquet(
        tmp_path / "a.parquet", id=["a", "b", "c"], visit=["pre"] * 3, nrs=[float("nan"), None, 7.0]
    )
    (tmp_path / "study.toml").write_text(
        '[data]\nscores = "a.parquet"\n[roles]\npatient = "id"\nvisit = "visit"\n'
        '[outcomes]\nnrs = { better = "lower", low = 0, high = 10 }\n'
    )
    study = read_study(tmp_path / "study.toml")
    assert study.columns.set_index("column").loc["nrs", ["parsed", "blank", "coded"]].tolist() == [
        1,
        1,
        1,
    ]
    [said] = read_parquet(path).notes
    assert said.addresses == ("row 1, column nrs",)


def test_a_first_study_file(tmp_path):
    path = parquet(
        tmp_path / "a.parquet",
        patient=["a", "a", "b", "b"],
        visit=["pre", "post"] * 2,
        nrs_avg=[7, 4, 8, 6],
    )
    text, study, _ = guess_study(path)
    assert study is not None and 'scores = "a.parquet"' in text
    assert study.wide("pain_nrs_average").loc["b"].tolist() == [8, 6]


def test_what_has_no_text_form_is_refused_by_name(tmp_path):
    odd = {"l": [[1]], "s": [{"a": 1}], "raw": [b"x"], "long": pa.array([5], pa.duration("s"))}
    with pytest.raises(
        DataError,
        match=r"4 column.*l \(list\), s \(struct\), raw \(binary\), long \(duration\[s\]\)",
    ):
        read_parquet(parquet(tmp_path / "a.parquet", id=["a"], **odd))


def test_broken_empty_and_encrypted_files(tmp_path):
    path = parquet(tmp_path / "a.parquet", id=[SECRET] * 50, nrs=np.arange(50))
    whole = path.read_bytes()
    for broken in (
        b"",
        b"PAR1",
        b"hello" * 40,
        whole[:-10],
        whole[: len(whole) // 2],
        whole[:40] + b"\0" * 90 + whole[130:],
    ):
        path.write_bytes(broken)
        with pytest.raises(DataError, match="not a whole Parquet file") as refused:
            read_file(Source(path))
        assert SECRET not in str(refused.value)
    path.write_bytes(b"PARE" + whole[4:-4] + b"PARE")
    with pytest.raises(DataError, match="encrypted"):
        read_parquet(path)
    with pytest.raises(DataError, match="headings but no rows: id"):
        read_parquet(parquet(path, id=pa.array([], pa.string())))


def test_the_same_name_twice_is_refused(tmp_path):
    twice = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array([1]), pa.array([2])], names=["id", "x", " x"]
    )
    pq.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"'x' \(2 times\)"):
        read_parquet(tmp_path / "a.parquet")


def test_more_cells_than_memory_would_hold_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = parquet(tmp_path / "a.parquet", id=["a"] * 100)
    monkeypatch.setattr(columnar, "MAX_BYTES", 700)
    with pytest.raises(DataError, match="100 cells"):
        read_parquet(path)


def test_ten_thousand_columns(tmp_path):
    table = read_parquet(
        parquet(tmp_path / "a.parquet", **{f"c{i}": [1.0, None] for i in range(10_000)})
    )
    assert len(table.columns) == 10_000 and len(table) == 1 and table.notes[0].rule == "empty_rows"


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    path = parquet(tmp_path / "a.parquet", id=["a"])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'outcomes\[parquet\]'"):
        read_parquet(path)


def test_what_such_a_file_has_not_is_refused(tmp_path):
    with pytest.raises(StudyError, match="'encoding' says nothing about it"):
        read_file(Source(parquet(tmp_path / "a.parquet", id=["a"]), encoding="utf-8"))
