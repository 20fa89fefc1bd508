"""Rows of a real PostgreSQL and of SQLite: whole, as they are, read without a right to write."""

from __future__ import annotations

import io
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import DataError, OutcomesError, PrivacyError, SourceError, StudyError
from outcomes.readers.source import Source
from outcomes.readers.sources import sql
from outcomes.readers.sources.sql import pull_sql

PASSWORD = "OUTCOMES_TEST_POSTGRES_PASSWORD"
URL = os.environ.get("OUTCOMES_TEST_POSTGRES", "")
needs_postgres = pytest.mark.skipif(
    not URL,
    reason="no PostgreSQL here: .ci/postgres starts one and sets OUTCOMES_TEST_POSTGRES",
)
ROWS = [
    ("P001", "baseline", 7.0, "Okonkwo"),
    ("P001", "week_4", 4.0, None),
    ("P002", "baseline", 8.0, 'Müller; "M"\n'),
    ("P002", "week_4", None, "=1+1"),
    ("P003", "baseline", 6.5, "<b>x</b>"),
    ("P003", "week_4", 3.0, ""),
]


def live(folder: Path, **said: Any) -> Any:
    source = Source.of(said, folder)
    assert source.live is not None
    return source.live


def rows(data: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A folder with a small SQLite database."""
    made = sqlite3.connect(tmp_path / "clinic.sqlite")
    made.execute("create table scores (id text, visit text, nrs real, remark text)")
    made.executemany("insert into scores values (?, ?, ?, ?)", ROWS)
    made.execute("create view before as select id, nrs from scores where visit = 'baseline'")
    made.execute("create table photo (id text, picture blob)")
    made.execute("insert into photo values ('P001', x'00ff')")
    made.execute("create table nobody (id text)")
    made.commit()
    made.close()
    return tmp_path


def sqlite(folder: Path, **said: Any) -> Any:
    return live(folder, database="sqlite:///clinic.sqlite", **said)


def test_every_cell_of_a_table_is_kept_as_it_is(clinic: Path) -> None:
    pull = pull_sql(sqlite(clinic, table="scores"))
    found = rows(pull.files[".csv"])
    text = {True: "", False: None}
    expected = sorted(
        [
            str(text[v is None] if v is None else f"{v:g}" if isinstance(v, float) else v)
            for v in row
        ]
        for row in ROWS
    )
    assert sorted(found.to_numpy().tolist()) == expected
    assert pull.rows == 6
    filled = sum(v not in (None, "") for row in ROWS for v in row)
    assert int((found != "").to_numpy().sum()) == filled


def test_a_column_that_is_dropped_is_left_where_it_is_and_counted(clinic: Path) -> None:
    pull = pull_sql(sqlite(clinic, table="scores"), ["remark"])
    assert pull.left_out == {"remark": 4}
    assert b"Okonkwo" not in pull.files[".csv"]
    assert set(rows(pull.files[".csv"])["remark"]) == {""}


def test_a_study_is_read_from_a_query_as_from_its_file(clinic: Path) -> None:
    said = {
        "database": "sqlite:///clinic.sqlite",
        "query": "select id, visit, nrs from scores order by id, visit",
    }
    how: dict[str, Any] = {
        "patient": "id",
        "visit": "visit",
        "visits": ("baseline", "week_4"),
        "instruments": {"pain_nrs": {"average": "nrs"}},
    }
    folder = Path.cwd()
    os.chdir(clinic)
    try:
        study = oc.read_table(said, **how)
    finally:
        os.chdir(folder)
    file = clinic / "scores.csv"
    file.write_bytes(pull_sql(live(clinic, **said)).files[".csv"])
    filed = oc.read_table(file, **how)
    pd.testing.assert_frame_equal(study.scores, filed.scores)
    assert list(study.rows) == list(filed.rows)
    assert study.issues == filed.issues
    assert study.sources[0]["sha256"] == filed.sources[0]["sha256"]
    assert study.sources[0]["from"] == "the database clinic.sqlite"


def test_rows_without_an_order_are_the_same_file_each_time(clinic: Path) -> None:
    first = pull_sql(sqlite(clinic, table="scores")).files[".csv"]
    other = sqlite3.connect(clinic / "clinic.sqlite")
    other.execute("create table again as select * from scores order by random()")
    other.commit()
    other.close()
    assert pull_sql(sqlite(clinic, query="select * from again")).files[".csv"] == first
    down = pull_sql(sqlite(clinic, query="select id from scores order by id desc")).files[".csv"]
    assert down.startswith(b"id\nP003")


@pytest.mark.parametrize(
    "said, error, words",
    [
        ({"table": "scored"}, StudyError, "Did you mean 'scores'?"),
        ({"query": "select nrs9 from scores"}, SourceError, "a column that does not exist"),
        ({"query": "select * from scored"}, SourceError, "a table that does not exist"),
        ({"query": "select * frm scores"}, SourceError, "not valid SQL"),
        ({"query": "delete from scores"}, StudyError, "one SELECT"),
        ({"query": "select 1; delete from scores"}, StudyError, "one SELECT"),
        ({"query": "with a as (select 1) delete from scores"}, SourceError, "only reading"),
        ({"query": "select load_extension('x')"}, SourceError, "only reading"),
        ({"table": "photo"}, DataError, "the column 'picture' holds bytes"),
        ({"table": "nobody"}, SourceError, "no row"),
        ({"query": "select id, id from scores"}, DataError, "more than once"),
        ({"table": "scores", "query": "select 1"}, StudyError, "one of them"),
        ({}, StudyError, "a query or a table"),
        ({"table": "scores", "header": 2}, StudyError, "'header' is of a file"),
        (
            {"table": "scores", "token": "env:X"},
            StudyError,
            "'token' says nothing about 'database'",
        ),
    ],
)
def test_what_is_no_table_is_refused_in_words(
    clinic: Path, said: dict[str, Any], error: type[OutcomesError], words: str
) -> None:
    before = (clinic / "clinic.sqlite").read_bytes()
    with pytest.raises(error) as told:
        pull_sql(sqlite(clinic, **said))
    assert words in str(told.value)
    assert "Okonkwo" not in str(told.value)
    assert (clinic / "clinic.sqlite").read_bytes() == before


def test_semicolons_and_percents_and_colons_inside_quotes_are_text(clinic: Path) -> None:
    asked = "select ';' as a, '5%' as b, ':x' as c, 7 % 4 as d -- one; two\n from scores limit 1;"
    assert rows(pull_sql(sqlite(clinic, query=asked)).files[".csv"]).iloc[0].tolist() == [
        ";",
        "5%",
        ":x",
        "3",
    ]


def test_a_query_without_end_is_ended(clinic: Path) -> None:
    asked = "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c"
    with pytest.raises(SourceError, match="longer than allowed"):
        pull_sql(sqlite(clinic, query=asked, timeout=1))


@pytest.mark.parametrize("content", [b"", b"hello" * 400, b"SQLite format 3\0" + b"\xff" * 2000])
def test_what_is_no_database_is_said_once(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clinic.sqlite").write_bytes(content)
    with pytest.raises(OutcomesError) as told:
        pull_sql(sqlite(tmp_path, table="scores"))
    assert told.value.exit_code in (2, 69)
    with pytest.raises(SourceError, match="There is no database file 'other.sqlite'"):
        pull_sql(live(tmp_path, database="sqlite:///other.sqlite", table="scores"))


def test_a_locked_database_is_asked_again_and_then_said(clinic: Path, waits: list[float]) -> None:
    other = sqlite3.connect(clinic / "clinic.sqlite")
    other.execute("begin exclusive")
    with pytest.raises(SourceError, match="locked by another program, also when asked 4 times"):
        pull_sql(sqlite(clinic, table="scores", timeout=1))
    other.rollback()
    other.close()
    assert len(waits) == 3 and waits == sorted(waits)


def test_names_in_a_database_stop_the_study_and_nothing_is_kept(clinic: Path) -> None:
    text = "[data]\nscores = { database = 'sqlite:///clinic.sqlite', query = '''select id, visit, nrs, remark as surname from scores''' }\n[roles]\npatient = 'id'\nvisit = 'visit'\n"
    (clinic / "study.toml").write_text(text, "utf-8")
    with pytest.raises(PrivacyError) as told:
        oc.read_study(clinic / "study.toml")
    assert "surname" in str(told.value) and "Okonkwo" not in str(told.value)
    assert sorted(p.name for p in clinic.iterdir()) == ["clinic.sqlite", "study.toml"]


def test_a_database_outside_the_folder_of_the_study_is_refused(clinic: Path) -> None:
    folder = clinic / "study"
    folder.mkdir()
    text = "[data]\nscores = { database = 'sqlite:///../clinic.sqlite', table = 'scores' }\n[roles]\npatient = 'id'\n"
    (folder / "study.toml").write_text(text, "utf-8")
    with pytest.raises(StudyError, match="lies outside the folder"):
        oc.read_study(folder / "study.toml")


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry() -> Iterator[Any]:
    """A connection to the real server, with a table of scores."""
    import pg8000.dbapi

    parts = urlsplit(URL)
    made = pg8000.dbapi.connect(
        user=parts.username,
        password=os.environ[PASSWORD],
        host=parts.hostname,
        port=parts.port,
        database=parts.path[1:],
    )
    made.autocommit = True
    cursor = made.cursor()
    cursor.execute("drop schema if exists clinic cascade")
    cursor.execute("create schema clinic")
    cursor.execute(
        "create table clinic.scores (id text, visit text, nrs numeric(4, 2), seen date,"
        " at timestamptz, ok boolean, weight real, height float8, n int, answers jsonb,"
        " primary key (id, visit))"
    )
    for i in range(5):
        cursor.execute(
            "insert into clinic.scores values (%s, 'baseline', 7.10, '2024-03-04',"
            " '2024-03-04 08:11:52+01', true, 70.1, 0.1, %s, null)",
            (f"P{6999 - i:05d}", i),
        )
    cursor.execute(
        "insert into clinic.scores (id, visit, nrs, n) select 'Q' || lpad(i::text, 5, '0'),"
        " 'week_4', null, i from generate_series(1, 12000) i"
    )
    cursor.execute("create sequence clinic.counter")
    yield cursor
    cursor.execute("drop schema clinic cascade")
    made.close()


def postgres(**said: Any) -> Any:
    return live(Path(), **{"database": URL, "password": f"env:{PASSWORD}", **said})


@needs_postgres
def test_a_table_comes_whole_and_typed_from_postgresql(registry: Any) -> None:
    columns = "id, visit, nrs, seen, at, ok, weight, height, n"
    pull = pull_sql(postgres(query=f"select {columns} from clinic.scores order by id"))
    found = rows(pull.files[".csv"])
    assert len(found) == pull.rows == 12005  # several blocks of the cursor
    assert found.iloc[0].tolist()[2:8] == [
        "7.10",
        "2024-03-04",
        "2024-03-04 07:11:52+00:00",
        "TRUE",
        "70.1",
        "0.1",
    ]
    registry.execute(
        "select count(id) + count(visit) + count(nrs) + count(seen) + count(at) + count(ok)"
        " + count(weight) + count(height) + count(n) from clinic.scores"
    )
    assert int((found != "").to_numpy().sum()) == registry.fetchone()[0]


@needs_postgres
def test_a_table_of_a_schema_is_ordered_by_its_key(registry: Any) -> None:
    registry.execute("update clinic.scores set answers = '{}' where n = 0")
    with pytest.raises(DataError, match="'answers' holds dict"):
        pull_sql(postgres(table="clinic.scores"))
    registry.execute("update clinic.scores set answers = null")
    found = rows(pull_sql(postgres(table="clinic.scores")).files[".csv"])
    assert found["id"].is_monotonic_increasing
    with pytest.raises(StudyError, match="No table 'score'"):
        pull_sql(postgres(table="clinic.score"))


@needs_postgres
@pytest.mark.parametrize(
    "query, words",
    [
        ("select nextval('clinic.counter')", "only reading"),
        ("with gone as (delete from clinic.scores returning id) select * from gone", "0A000"),
        ("select pg_sleep(5)", "longer than allowed"),
        ("select nrs9 from clinic.scores", "a column that does not exist"),
        ("select * from clinic.scored", "a table that does not exist"),
        ("select (id || visit)::int from clinic.scores", "22P02"),
    ],
)
def test_postgresql_refuses_and_says_no_value(
    registry: Any,
    query: str,
    words: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(SourceError) as told:
        pull_sql(postgres(query=query, timeout=1))
    said = str(told.value)
    logged = "".join(capfd.readouterr()) + caplog.text
    assert words in said
    for text in (said, logged):
        assert "P069" not in text and os.environ[PASSWORD] not in text
    registry.execute("select count(*) from clinic.scores")
    assert registry.fetchone()[0] == 12005


@needs_postgres
def test_rows_that_change_meanwhile_are_those_of_the_beginning(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sql._as_csv

    def slowly(live: Any, columns: Any, blocks: Any, *rest: Any) -> Any:
        def between() -> Iterator[Any]:
            for i, block in enumerate(blocks):
                if i == 0:
                    registry.execute("update clinic.scores set n = -1")
                yield block

        return whole(live, columns, between(), *rest)

    monkeypatch.setattr(sql, "_as_csv", slowly)
    found = rows(pull_sql(postgres(query="select id, n from clinic.scores")).files[".csv"])
    assert "-1" not in set(found["n"])


@needs_postgres
def test_a_wrong_password_and_a_wrong_name_are_said(
    registry: Any, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setenv("WRONG", "hunter2")
    with pytest.raises(SourceError, match="does not accept this user") as told:
        pull_sql(postgres(table="clinic.scores", password="env:WRONG"))
    assert "hunter2" not in str(told.value)
    with pytest.raises(SourceError, match="no database of this name"):
        pull_sql(postgres(table="clinic.scores", database=f"{URL}x"))
    assert waits == []  # neither passes by itself


@needs_postgres
def test_a_connection_that_is_ended_midway_gives_nothing(
    registry: Any, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    whole = sql._as_csv

    def ended(live: Any, columns: Any, blocks: Any, *rest: Any) -> Any:
        def between() -> Iterator[Any]:
            for block in blocks:
                yield block
                registry.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'outcomes'"
                )

        return whole(live, columns, between(), *rest)

    monkeypatch.setattr(sql, "_as_csv", ended)
    with pytest.raises(SourceError, match="Nothing was read"):
        pull_sql(postgres(query="select id from clinic.scores"))
    assert len(waits) == 3


@needs_postgres
def test_a_study_of_postgresql_is_the_study_of_its_file(registry: Any, tmp_path: Path) -> None:
    said = {
        "database": URL,
        "password": f"env:{PASSWORD}",
        "query": "select id, visit, nrs from clinic.scores where n < 400",
    }
    how: dict[str, Any] = {
        "patient": "id",
        "visit": "visit",
        "visits": ("baseline", "week_4"),
        "instruments": {"pain_nrs": {"average": "nrs"}},
    }
    file = tmp_path / "scores.csv"
    file.write_bytes(pull_sql(live(tmp_path, **said)).files[".csv"])
    study, filed = oc.read_table(said, **how), oc.read_table(file, **how)
    pd.testing.assert_frame_equal(study.scores, filed.scores)
    assert study.issues == filed.issues and list(study.rows) == list(filed.rows)


def test_a_server_that_is_not_there_or_does_not_speak_is_said(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        address = f"postgresql://reader@127.0.0.1:{port}/registry"
        with pytest.raises(SourceError, match="cannot be reached") as told:
            pull_sql(live(tmp_path, database=address, password="env:DB_PASSWORD", table="s"))
    assert "hunter2" not in str(told.value) and len(waits) == 3
    waits.clear()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        address = f"postgresql://reader@127.0.0.1:{silent.getsockname()[1]}/registry"
        monkeypatch.setattr("outcomes.readers.sources.retries.WAITS", ())
        with pytest.raises(SourceError, match="Nothing was read"):
            pull_sql(live(tmp_path, database=address, table="s", timeout=1))


def test_a_server_elsewhere_must_encrypt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says N to TLS gets neither name nor password."""
    got: list[bytes] = []

    def refuses(listening: socket.socket) -> None:
        with listening.accept()[0] as one:
            got.append(one.recv(100))
            one.sendall(b"N")
            got.append(one.recv(100))

    monkeypatch.setattr("outcomes.readers.sources.sql.OWN", ())
    monkeypatch.setattr("outcomes.readers.sources.retries.WAITS", ())
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    with socket.create_server(("127.0.0.1", 0)) as plain:
        thread = threading.Thread(target=refuses, args=(plain,))
        thread.start()
        address = f"postgresql://reader@127.0.0.1:{plain.getsockname()[1]}/registry"
        with pytest.raises(SourceError, match="no encrypted connection"):
            pull_sql(live(tmp_path, database=address, password="env:DB_PASSWORD", table="s"))
        thread.join()
    assert b"hunter2" not in b"".join(got) and b"reader" not in b"".join(got)


@pytest.mark.parametrize(
    "address, words",
    [
        ("mysql://reader@db.example/registry", "'mysql' is no database that is read"),
        ("postgresql:///registry", "is written as"),
        ("postgresql://reader@db.example", "is written as"),
        ("postgresql://reader@db.example/registry?sslmode=disable", "is written as"),
        ("sqlite://clinic.sqlite", "is written as"),
        ("clinic.sqlite", "no database that is read"),
    ],
)
def test_an_address_that_is_none_is_said(tmp_path: Path, address: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        pull_sql(live(tmp_path, database=address, table="s"))
