"""Data frames are read as a file of them would be: the same cells, issues and addresses."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import outcomes as oc
from outcomes.core.errors import DataError, OutcomesError, PrivacyError, StudyError
from outcomes.readers.formats.frames import read_frame, saved
from outcomes.readers.formats.parquet import read_parquet
from outcomes.readers.parse import DECLARED_MISSING


def told(read: oc.Study, by: int) -> list[tuple[Any, ...]]:
    """The issues, with numbers of rows moved: a file's headings are a row, a frame's are not."""
    return [
        (i.rule, re.sub(r"\(\d+\)", "(n)", i.message), i.count, i.column, shifted(i.addresses, by))
        for i in read.issues
    ]


KINDS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}


def clinic() -> pd.DataFrame:
    """A frame with every type that a clinic's frame has, and the faults that files have."""
    n = 12
    frame = pd.DataFrame(
        {
            "id": [f"{i:03d}" for i in range(n)],
            "nrs_pre": [7.0, 8, 6.5, 9, 5, 7, 8, 6, 7, 7, 8, np.nan],
            "nrs_post": ["4", "5", "6?", "", "3", "11", "4", "5", "2", "3", None, "6"],
            "age": pd.array([30 + i for i in range(n - 1)] + [None], dtype="Int64"),
            "smoker": pd.array([True, False, None] * 4, dtype="boolean"),
            "clinic": pd.Categorical(["1", "2"] * 6),
            "weight": np.array([70.1 + i for i in range(n)], dtype="float32"),
        }
    )
    return pd.concat(
        [frame, pd.DataFrame({"id": ["Mean"], "nrs_pre": [7.1], "nrs_post": ["4.4"]})],
        ignore_index=True,
    ).astype(frame.dtypes.to_dict())


def study(data: Any) -> oc.Study:
    return oc.read_table(data, patient="id", instruments={"pain_nrs": {"average": "nrs"}})


def shifted(addresses: tuple[str, ...], by: int) -> tuple[str, ...]:
    return tuple(
        re.sub(r"row (\d+)", lambda m: f"row {int(m[1]) + by}", address) for address in addresses
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_gives_the_study_issues_and_addresses_of_its_csv_file(
    kind: str, tmp_path: Path
) -> None:
    frame = KINDS[kind](clinic())
    file = tmp_path / "scores.csv"
    file.write_bytes(saved(frame))
    mine, filed = study(frame), study(file)
    assert {i.rule for i in mine.issues} >= {"summary_row", "unparseable"}
    assert told(mine, 1) == told(filed, 0)
    assert shifted(tuple(mine.rows), 1) == tuple(filed.rows)
    scored = ["patient", "visit", "nrs"]
    pd.testing.assert_frame_equal(mine.scores[scored], filed.scores[scored])
    pd.testing.assert_series_equal(mine.columns["unparseable"], filed.columns["unparseable"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_has_the_cells_and_addresses_of_its_parquet_file(kind: str, tmp_path: Path) -> None:
    plain = clinic().iloc[:-1]
    plain.to_parquet(tmp_path / "a.parquet", index=False)
    filed, mine = read_parquet(tmp_path / "a.parquet"), read_frame(KINDS[kind](plain))
    pd.testing.assert_frame_equal(mine.frame, filed.frame)
    assert mine.address(4, "age") == filed.address(4, "age") == "row 5, column age"


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_stays_as_it_is(kind: str) -> None:
    frame = KINDS[kind](clinic())
    before = clinic()
    study(frame)
    oc.draft(frame)
    after = frame if kind == "pandas" else frame.to_pandas()
    pd.testing.assert_frame_equal(
        after.astype(object).where(after.notna(), None),
        before.astype(object).where(before.notna(), None),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_of_a_frame_is_kept_or_listed(kind: str) -> None:
    frame = clinic()
    table = read_frame(KINDS[kind](frame))
    kept = int((table.frame != "").to_numpy().sum())
    listed = sum(len(i.addresses) for i in table.notes)
    filled = int((frame.astype(object).where(frame.notna(), "") != "").to_numpy().sum())
    assert kept + listed == filled


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_of_a_frame_is_the_type_of_the_column(kind: str) -> None:
    frame = clinic().iloc[:-1].assign(started=pd.Timestamp("2024-05-01"))
    read = oc.read_table(
        KINDS[kind](frame),
        patient="id",
        instruments={"pain_nrs": {"average": "nrs"}},
        allow=["started"],
    )
    types = read.columns.set_index("column")["type"].to_dict()
    assert types == {
        "age": "number",
        "smoker": "yes/no",
        "clinic": "category",  # though its categories are written as numbers
        "weight": "number",
        "started": "date",
        "nrs": "score",
    }
    assert read.scores["smoker"].map(type).isin([bool, np.bool_, float, type(None)]).all()
    assert read.scores["weight"].iloc[0] == 70.1  # not 70.0999984741211


def test_values_are_written_without_loss() -> None:
    moment = pd.Timestamp("2024-03-04 10:11:12", tz="Europe/Berlin")
    frame = pd.DataFrame(
        {
            "id": ["a"],
            "big": [9_007_199_254_740_993],
            "tenth": [0.1],
            "when": [moment],
            "day": [datetime.date(2024, 3, 4)],
            "month": pd.PeriodIndex(["2024-03"], freq="M"),
            "one": pd.Series([np.int64(1)], dtype=object),
            "yes": pd.Series([True], dtype=object),
        }
    )
    assert read_frame(frame).frame.iloc[0].tolist() == [
        "a",
        "9007199254740993",
        "0.1",
        "2024-03-04 10:11:12+01:00",
        "2024-03-04",
        "2024-03",
        "1",
        "TRUE",
    ]


def test_one_and_true_stay_apart_in_a_column_of_objects() -> None:
    frame = pd.DataFrame({"id": list("abc"), "mixed": pd.Series([1, True, 1.5], dtype=object)})
    assert read_frame(frame).frame["mixed"].tolist() == ["1", "TRUE", "1.5"]


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_not_a_number_is_coded_missing_beside_nulls(kind: str) -> None:
    made = pl.DataFrame({"id": ["a", "b", "c"], "x": [1.0, float("nan"), None]})
    table = read_frame(made if kind == "polars" else made.to_arrow())
    assert table.frame["x"].tolist() == ["1", f"{DECLARED_MISSING}NaN", ""]
    (note,) = (i for i in table.notes if i.rule == "declared_missing")
    assert note.addresses == ("row 2, column x",)


def test_a_named_index_is_columns_and_another_is_told() -> None:
    frame = clinic().iloc[:-1]
    by_id = read_frame(frame.set_index("id"))
    assert by_id.frame["id"].tolist() == frame["id"].tolist()
    two = read_frame(frame.assign(visit="pre").set_index(["id", "visit"]))
    assert two.columns[:2] == ("id", "visit")
    (note,) = read_frame(frame.iloc[3:]).notes
    assert note.rule == "index_not_read"
    assert read_frame(frame.iloc[3:]).address(0, "age") == "row 1, column age"


@pytest.mark.parametrize(
    "bad, error, words",
    [
        ([1, 2], StudyError, "list"),
        (pd.Series([1]), StudyError, "Series"),
        (pl.LazyFrame({"id": [1]}), StudyError, "Collect"),
        (None, StudyError, "None"),
        (pd.DataFrame(), DataError, "empty"),
        (pd.DataFrame({"id": []}), DataError, "empty"),
        (pd.DataFrame({"id": ["a", "b"], "x": [["secret"], ["s"]]}), DataError, "'x'"),
        (pl.DataFrame({"id": ["a", "b"], "x": [["secret"], ["s"]]}), DataError, "'x'"),
        (pd.DataFrame({"id": ["a"], "x": pd.to_timedelta(["1 day"])}), DataError, "'x'"),
        (pd.DataFrame([["a", 1]], columns=["id", "id"]), DataError, "id"),
        (pa.table([["a"], ["b"]], names=["id", "id"]), DataError, "id"),
        (
            pd.DataFrame([["a", 1]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
            DataError,
            "levels",
        ),
    ],
)
def test_what_is_no_table_is_refused_without_its_values(
    bad: Any, error: type[OutcomesError], words: str
) -> None:
    with pytest.raises(error) as told:
        oc.read_table(bad, patient="id")
    assert words in str(told.value) and "secret" not in str(told.value)


@pytest.mark.parametrize("said", [{"sheet": "A"}, {"header": 2}, {"encoding": "cp1252"}])
def test_what_is_said_of_files_is_refused_of_a_frame(said: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="data frame"):
        oc.read_table(clinic(), patient="id", **said)
    with pytest.raises(StudyError, match="data frame"):
        oc.draft(clinic(), **said)


def test_names_in_a_frame_stop_it_as_in_a_file() -> None:
    frame = clinic().assign(surname="Okonkwo")
    with pytest.raises(PrivacyError) as told:
        study(frame)
    assert "surname" in str(told.value) and "Okonkwo" not in str(told.value)


def test_further_tables_may_be_frames_too() -> None:
    frame = clinic().iloc[:-1]
    patients = frame[["id"]].assign(diagnosis=["CRPS", "FM"] * 6)
    read = oc.read_table(
        frame[["id", "nrs_pre", "nrs_post"]],
        patient="id",
        instruments={"pain_nrs": {"average": "nrs"}},
        patients=pl.from_pandas(patients),
    )
    assert set(read.patients["diagnosis"]) == {"CRPS", "FM"}


def test_the_same_cells_have_the_same_hash_and_others_another() -> None:
    prints = {read_frame(make(clinic())).sha256 for make in KINDS.values()}
    assert len(prints) == 1
    changed = clinic()
    changed.loc[0, "nrs_pre"] = 6.0
    assert read_frame(changed).sha256 not in prints


def test_read_table_takes_what_init_takes_of_a_file(tmp_path: Path) -> None:
    lines = ["Schmerzambulanz Köln;;", ";;", "id;nrs_pre;nrs_post", "a;7;4", "b;8;5", ";;", "x;y;z"]
    file = tmp_path / "scores.csv"
    file.write_bytes("\n".join(lines).encode("cp1252"))
    read = oc.read_table(
        file,
        patient="id",
        header=3,
        last=5,
        encoding="cp1252",
        instruments={"pain_nrs": {"average": "nrs"}},
    )
    assert sorted(set(read.scores["patient"])) == ["a", "b"]


def test_a_draft_is_what_init_writes(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_bytes(saved(clinic()))
    from outcomes.cli import main

    assert main(["init", str(file), "--quiet"]) == 0
    written = (tmp_path / "study.toml").read_text("utf-8")
    first = oc.draft(file)
    assert first.toml == written == repr(first)
    assert oc.draft(clinic()).toml == written  # the frame's file is called scores.csv too
    assert [q.to_dict() for q in first.questions] == list(
        oc.read_study(tmp_path / "study.toml").questions
    )
    assert first.study is not None
    assert oc.Plan.of(first.study).to_list() == [q.to_dict() for q in first.questions]
    assert 'patient = "id"   # guess' in first.guesses
    assert "&quot;" in first._repr_html_()


@pytest.mark.parametrize("kind", ["frame", "file"])
def test_a_draft_is_written_where_its_data_are_found(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "data" / "scores.csv"
    file.parent.mkdir()
    file.write_bytes(saved(clinic()))
    first = oc.draft(clinic() if kind == "frame" else file)
    target = first.write(tmp_path / "clinic" / "study.toml")
    assert oc.read_study(target).outcome_names == first.study.outcome_names  # type: ignore[union-attr]
    with pytest.raises(StudyError, match="already there"):
        first.write(target)
    first.write(target, force=True)
    if kind == "frame":
        assert (target.parent / "scores.csv").stat().st_mode & 0o777 == 0o600


def test_a_draft_without_a_patient_says_what_stands_in_the_way() -> None:
    first = oc.draft(pd.DataFrame({"pain": [1, 2, 3], "sleep": [3, 2, 1]}))
    assert first.study is None and first.questions == () and "patient" in first.problem
    assert first.toml.startswith("# No plan can be made yet:")
