"""PostgreSQL and SQLite: the rows of one query or table, read without a right to write."""

from __future__ import annotations

import csv
import datetime
import io
import re
import socket
import sqlite3
import ssl
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from outcomes.config.regular import MOST, must_be_regular
from outcomes.core.errors import (
    DataError,
    MissingExtraError,
    OutcomesError,
    SourceError,
    StudyError,
    unknown,
)
from outcomes.readers.cells import refuse_repeated
from outcomes.readers.formats.parquet import cell_text
from outcomes.readers.sources.live import OWN, Live, Pull
from outcomes.readers.sources.retries import PassingError, retried, unlogged
from outcomes.readers.sources.secrets import secret

#: Rows that are asked for at a time.
BLOCK = 5_000
_CELLS = (str, int, float, bool, Decimal, datetime.date, datetime.time, uuid.UUID)
#: What a database answers where the reason may pass: by the first letters of its code.
_PASSING = {
    "08": "the connection was lost",
    "40": "another transaction was in the way",
    "53": "the database has no room for another connection",
    "57P": "the database is being stopped or started",
}
_REFUSALS = {
    "28": "the database does not accept this user with this password. Correct `password`, or the"
    " user in the address",
    "3D000": "there is no database of this name on that server",
    "42501": "this user may not read that table. Ask for the right to SELECT",
    "42P01": "the query names a table that does not exist",
    "42703": "the query names a column that does not exist",
    "42601": "the query is not valid SQL (or not one SELECT)",
    "25006": "the query would write, and only reading is allowed",
    "57014": "the query took longer than allowed. Give it more time, as timeout = 300, or ask for"
    " less",
}
_ORDERED = re.compile(r"\border\s+by\b", re.I)
_SELECT = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with|values)\b", re.I | re.S)

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.S)


def pull_sql(live: Live, drop: Collection[str] = ()) -> Pull:
    """The rows as CSV, each value in the fewest characters that give it back; nulls are blank.

    Cells of the columns in `drop` are left out. Rows that nobody has put in order are sorted, so
    that the same rows are the same file.

    Raises SourceError where the database does not give all of them; StudyError for an address,
    query or table that is none; DataError for columns that hold what a cell cannot, by name.
    """
    try:
        import sqlalchemy
    except ImportError:
        raise _missing("sqlalchemy") from None
    del sqlalchemy
    bare = _QUOTED.sub(" ", live.query.strip().rstrip(";"))
    if live.query and (not _SELECT.match(live.query) or ";" in bare):
        raise StudyError("[data] query is one SELECT: it reads, and changes nothing.")
    scheme = urlsplit(live.address).scheme
    if scheme not in ("sqlite", "postgresql", "postgres"):
        there = "postgresql://user@host/name or sqlite:///file.sqlite"
        raise StudyError(f"[data] '{scheme}' is no database that is read. There is: {there}.")
    make = _sqlite if scheme == "sqlite" else _postgresql
    engine = make(live)
    try:
        # its log shows what the database says of an error, and that may hold a patient's value
        with unlogged("sqlalchemy"):
            return retried(lambda: _pulled(engine, live, frozenset(drop)), live.place)
    finally:
        engine.dispose()


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(
        f"Reading from a database needs the sql extra ({package} is not installed): pip install"
        " 'outcomes[sql]'. Or export the table as CSV."
    )


def _sqlite(live: Live) -> Any:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    file = live.file
    assert file is not None
    if not file.exists():
        raise SourceError(f"There is no database file '{file.name}' in {file.parent.resolve()}.")
    must_be_regular(file)

    def connect() -> sqlite3.Connection:
        address = f"file:{quote(str(file.resolve()))}?mode=ro"
        made = sqlite3.connect(address, uri=True, timeout=live.timeout, check_same_thread=False)
        until = time.monotonic() + live.timeout
        made.set_progress_handler(lambda: int(time.monotonic() > until), 100_000)
        made.set_authorizer(_reads_only)
        return made

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _reads_only(action: int, *_: Any) -> int:
    """Let a query read, and nothing else: no other file is attached, nothing is set."""
    reads = (
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_PRAGMA,
    )
    return sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY


def _postgresql(live: Live) -> Any:
    try:
        import pg8000.dbapi
    except ImportError:
        raise _missing("pg8000") from None
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    parts = urlsplit(live.address)
    name = unquote(parts.path).removeprefix("/")
    if not (parts.hostname and parts.username and name) or parts.query:
        raise StudyError(
            '[data] a PostgreSQL database is written as "postgresql://user@host:5432/name".'
        )
    how: dict[str, Any] = {
        "user": unquote(parts.username),
        "password": secret("password", live.secret) or None,
        "database": name,
        "host": parts.hostname,
        "application_name": "outcomes",
    }
    if parts.hostname not in OWN or live.ca:
        how["ssl_context"] = live.trusted()

    def connect() -> Any:
        line = socket.create_connection((parts.hostname, parts.port or 5432), live.timeout)
        try:
            return pg8000.dbapi.connect(sock=line, **how)
        except BaseException:
            line.close()
            raise

    return create_engine(
        "postgresql+pg8000://",
        creator=connect,
        poolclass=NullPool,
        isolation_level="REPEATABLE READ",
    )


def _pulled(engine: Any, live: Live, drop: Collection[str]) -> Pull:
    """One try. Raises PassingError where another may succeed."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
                milliseconds = live.timeout * 1000
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
            asked, ordered = _asked(connection, live)
            flowing = connection.execution_options(stream_results=True, max_row_buffer=BLOCK)
            with flowing.execute(asked) as result:
                return _as_csv(live, list(result.keys()), result.partitions(BLOCK), ordered, drop)
    except OutcomesError:
        raise
    except DBAPIError as wrong:
        raise _explained(wrong.orig, live) from None
    except (SQLAlchemyError, OSError, sqlite3.Error) as wrong:
        raise _explained(wrong, live) from None


def _asked(connection: Any, live: Live) -> tuple[Any, bool]:
    """What is executed, and whether it puts the rows in order."""
    import sqlalchemy as sa

    if live.query:
        text = live.query.strip().rstrip(";")
        return sa.text(text.replace(":", "\\:")), bool(_ORDERED.search(text))
    schema, _, name = live.table.rpartition(".")
    look = sa.inspect(connection)
    there = [*look.get_table_names(schema or None), *look.get_view_names(schema or None)]
    if name not in there:
        raise StudyError(f"[data] {live.place}: {unknown('table', name, sorted(there))}")
    columns: list[Any] = [sa.column(c["name"]) for c in look.get_columns(name, schema or None)]
    order = look.get_pk_constraint(name, schema or None)["constrained_columns"]
    asked = sa.select(*columns).select_from(sa.table(name, schema=schema or None))
    return asked.order_by(*(sa.column(c) for c in order)), bool(order)


def _as_csv(
    live: Live,
    columns: Sequence[str],
    blocks: Iterator[Sequence[Any]],
    ordered: bool,
    drop: Collection[str],
) -> Pull:
    refuse_repeated(f"The query of {live.place}", columns)
    left_out = dict.fromkeys((c for c in columns if c in drop), 0)
    lines: list[bytes] = []
    size = 0
    for block in blocks:
        for row in block:
            cells = [_text(value, name, live) for name, value in zip(columns, row, strict=True)]
            for j, name in enumerate(columns):
                if name in left_out:
                    left_out[name] += cells[j] != ""
                    cells[j] = ""
            lines.append(csv_line(cells))
            size += len(lines[-1])
        if size > MOST:
            raise DataError(
                f"{live.place} gives more than {MOST // 10**6} MB. Ask for the columns and rows"
                " that are needed."
            )
    if not lines:
        raise SourceError(f"{live.place} gave no row. Is the query or table the right one?")
    lines = lines if ordered else sorted(lines)
    return Pull({".csv": csv_line(columns) + b"".join(lines)}, len(lines), left_out)


def csv_line(cells: Sequence[str]) -> bytes:
    """One line of a CSV file. Raises DataError where a cell holds what no text file can."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    try:
        line = text.getvalue().encode()
    except UnicodeEncodeError:
        line = b"\0"
    if b"\0" in line:
        raise DataError("A cell holds half a character or a zero byte, which no text file can.")
    return line


def _text(value: Any, column: str, live: Live) -> str:
    if value is None:
        return ""
    if not isinstance(value, _CELLS):
        raise DataError(
            f"{live.place}: the column '{column}' holds {type(value).__name__}, which a cell of a"
            " table cannot. Leave it out, or make a number or text of it in the query."
        )
    return "NaN" if value != value else cell_text(value)


def _explained(wrong: Any, live: Live) -> Exception:
    """What is said of a database's error; its own words may hold a patient's value."""
    said = wrong.args[0] if getattr(wrong, "args", ()) else ""
    code = str(said.get("C", "")) if isinstance(said, dict) else ""
    sqlite = str(said) if isinstance(wrong, sqlite3.Error) else ""
    if "interrupted" in sqlite:
        code = "57014"
    for known, table in (
        ("no such table", "42P01"),
        ("no such column", "42703"),
        ("syntax error", "42601"),
        ("not authorized", "25006"),
        ("prohibited", "25006"),
        ("attempt to write", "25006"),
    ):
        code = table if known in sqlite else code
    for start, words in _PASSING.items():
        if code.startswith(start):
            return PassingError(words)
    for start, words in _REFUSALS.items():
        if code.startswith(start):
            return SourceError(f"{live.place}: {words}.")
    if sqlite:
        if "locked" in sqlite or "busy" in sqlite:
            return PassingError("the database is locked by another program")
        return SourceError(
            f"{live.place}: it cannot be read; is it an SQLite database, whole and not encrypted?"
        )
    if isinstance(wrong, ssl.SSLError) or "SSL" in str(said) or "ssl" in str(said):
        return SourceError(
            f"{live.place}: no encrypted connection can be made. The server must offer TLS with a"
            " certificate that is trusted here; of the clinic's own authority, name it: ca ="
            ' "clinic-ca.pem".'
        )
    if not code:  # no answer of the database itself: the network, or a time-out
        late = isinstance(wrong, TimeoutError) or "timed out" in str(said)
        return PassingError("no answer in time" if late else "it cannot be reached, or hung up")
    return SourceError(f"{live.place}: the database refused (SQLSTATE {code}).")
