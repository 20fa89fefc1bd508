"""Text tables (CSV, TSV): every cell as text, nothing guessed, every row where the file has it."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError
from outcomes.readers.cells import Fingerprint, TextTable, fingerprint, from_grid
from outcomes.readers.exports.labels import distinct
from outcomes.readers.exports.surveys import submitted, survey
from outcomes.study.study import Issue

#: Delimiters tried, in order of preference where several fit equally well.
DELIMITERS = ("\t", ";", "|", ",")
_NAMES = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
_QUOTE, _NEWLINE = ord('"'), ord("\n")


def read_delimited(
    path: str | Path,
    *,
    header: int | None = None,
    delimiter: str = "",
    encoding: str = "",
    unfinished: bool = False,
) -> TextTable:
    """The table of a CSV or TSV file as text.

    Encoding (UTF-8 with or without mark, UTF-16, else Windows-1252) and delimiter (tab, semicolon,
    bar, comma) are found from the file and noted; `header` is the number of the heading row where
    titles stand above it. A survey's further heading rows are no patients; its previews and, unless
    `unfinished`, what nobody submitted are left out and listed.

    Raises DataError for an empty file, for rows of unequal length (with the line), and for repeated
    headings.
    """
    path = Path(path)
    data, notes, seen = _decode(path, encoding)
    skipped = 0
    if declared := re.match(rb"sep=(.)\n", data):
        delimiter, data, skipped = declared[1].decode(), data[declared.end() :], 1
    if not data.strip():
        raise DataError(f"{path.name} is empty.")
    if header:
        data, above = _below(data, header - 1 - skipped, path.name)
        skipped += above
    delimiter = delimiter or _sniff(data)
    grid, rows = _grid(data, delimiter, path.name, skipped)
    if delimiter != "," and not (
        delimiter == "\t" and path.suffix.lower() in (".tsv", ".txt", ".tab")
    ):
        notes.append(
            Issue(
                "delimiter",
                f"Cells are separated by {_NAMES.get(delimiter, repr(delimiter))}.",
                severity="note",
            )
        )
    first = grid[:3].to_numpy(object).tolist()
    found = survey(first)
    headings, top = (found.headings, found.rows) if found else (distinct(first[0]), 1)
    table = from_grid(path.name, grid.iloc[top:], rows[top:], headings=headings, notes=notes)
    return replace(submitted(table, found, unfinished), **seen)


def _decode(path: Path, encoding: str) -> tuple[bytes, list[Issue], Fingerprint]:
    """The file's text as UTF-8 with plain line ends, a note where its encoding is not plain UTF-8,
    and what the file was.
    """
    data = path.read_bytes()
    seen = fingerprint(data)
    name, note = encoding or _encoding(data), ""
    if name != "utf-8" or encoding:  # what _encoding calls UTF-8 has been tried
        try:
            data = data.decode(name).encode("utf-8")
        except (UnicodeError, LookupError) as wrong:
            raise DataError(
                f"{path.name} cannot be read as {name}. Save it as 'CSV UTF-8' and read it again."
            ) from wrong
    if not encoding and name in ("cp1252", "latin-1"):
        read_as = "Windows-1252" if name == "cp1252" else "Latin-1"
        note = f"The file is not UTF-8; it was read as {read_as}. Check accented letters."
    elif not encoding and name.startswith("utf-16"):
        note = "The file is UTF-16 ('Unicode text')."
    data = data.removeprefix("\ufeff".encode())
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DataError(
            f"{path.name} is not a text table: line {line} holds bytes that no text has."
        )
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    notes = (
        [Issue("encoding", note, severity="warning" if "not UTF-8" in note else "note")]
        if note
        else []
    )
    return data if data.endswith(b"\n") else data + b"\n", notes, seen


def _encoding(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = raw[:2000]
    if len(head) > 3 and head.count(b"\0") > len(head) // 3:
        return "utf-16-le" if head[1::2].count(b"\0") > head[::2].count(b"\0") else "utf-16-be"
    for name in ("utf-8", "cp1252"):
        try:
            raw.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"


def _below(data: bytes, lines: int, name: str) -> tuple[bytes, int]:
    start = 0
    for _ in range(lines):
        start = data.find(b"\n", start) + 1
        if not start:
            raise DataError(f"{name} ends before the heading row that header= names.")
    return data[start:], lines


@dataclass(frozen=True)
class _Records:
    """Where records begin and end in the bytes, and how many cells each has."""

    starts: np.ndarray
    ends: np.ndarray
    cells: np.ndarray


def _records(data: bytes, delimiter: str) -> _Records | None:
    """The records of the bytes by their delimiters and line ends outside quotes; None where quotes
    are irregular.
    """
    array = np.frombuffer(data, np.uint8)
    split, ends = array == ord(delimiter), array == _NEWLINE
    quotes = array == _QUOTE
    if quotes.any():
        inside = np.logical_xor.accumulate(quotes)
        edge = split | ends | quotes
        before, after = np.r_[True, edge[:-1]], np.r_[edge[1:], True]
        # an opening quote follows an edge, a closing one precedes an edge; a doubled quote closes
        # and opens again
        if inside[-1] or not before[quotes & inside].all() or not after[quotes & ~inside].all():
            return None
        split, ends = split & ~inside, ends & ~inside
    stop = np.flatnonzero(ends)
    cells = np.diff(np.searchsorted(np.flatnonzero(split), stop), prepend=0) + 1
    return _Records(np.r_[0, stop[:-1] + 1], stop, cells)


def _sniff(data: bytes) -> str:
    """The delimiter that cuts the first rows most evenly; a comma where there is one column."""
    head = data[: 1 << 16]
    best, chosen = (0.0, 0), ","
    for delimiter in DELIMITERS:
        records = _records(head, delimiter) or _records(head.replace(b'"', b" "), delimiter)
        cells = records.cells[(records.ends > records.starts)] if records else np.array([1])
        if len(cells) and cells[0] > 1:
            even = (round(float((cells == cells[0]).mean()), 3), int(cells[0]))
            if even > best:
                best, chosen = even, delimiter
    return chosen


def _grid(data: bytes, delimiter: str, name: str, skipped: int) -> tuple[pd.DataFrame, np.ndarray]:
    """All records as text under columns 0, 1, … and the row number of each; empty lines are left
    out.
    """
    records = _records(data, delimiter)
    if records is None:
        return _grid_by_csv(data, delimiter, name, skipped)
    blank = records.starts == records.ends
    uneven = np.flatnonzero(~blank & (records.cells != records.cells[~blank][0]))
    spaces = [i for i in uneven if not data[records.starts[i] : records.ends[i]].strip()]
    blank[spaces] = True
    uneven = uneven[~blank[uneven]]
    if len(uneven):
        line = data.count(b"\n", 0, records.starts[uneven[0]]) + 1 + skipped
        raise _ragged(
            name, line, int(records.cells[uneven[0]]), int(records.cells[~blank][0]), len(uneven)
        )
    width = int(records.cells[~blank][0])
    grid = pd.read_csv(
        io.BytesIO(data),
        sep=delimiter,
        header=None,
        names=range(width),
        index_col=False,
        dtype=str,
        na_filter=False,
        skip_blank_lines=False,
        encoding="utf-8",
        engine="c",
        low_memory=False,
    )
    if len(grid) != len(records.starts):  # the two readings must agree on what a record is
        return _grid_by_csv(data, delimiter, name, skipped)
    rows = np.arange(len(grid)) + 1 + skipped
    return (grid, rows) if not blank.any() else (grid[~blank].reset_index(drop=True), rows[~blank])


def _grid_by_csv(
    data: bytes, delimiter: str, name: str, skipped: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """The slow reading, for quotes inside cells (``5" scar``)."""
    reader = csv.reader(
        io.StringIO(data.decode("utf-8"), newline=""), delimiter=delimiter, strict=True
    )
    records: list[list[str]] = []
    rows, line = [], 0
    try:
        for number, cells in enumerate(reader, 1):
            if any(c.strip() for c in cells) or len(cells) > 1:
                if records and len(cells) != len(records[0]):
                    raise _ragged(name, line + 1 + skipped, len(cells), len(records[0]), 1)
                records.append(cells)
                rows.append(number + skipped)
            line = reader.line_num
    except csv.Error as wrong:
        raise DataError(
            f"{name}, line {line + 1 + skipped}: a quotation mark is not closed. Close or"
            " remove it."
        ) from wrong
    return pd.DataFrame(records, dtype=str), np.array(rows)


def _ragged(name: str, line: int, cells: int, width: int, count: int) -> DataError:
    more = f" ({count - 1} more such lines)" if count > 1 else ""
    return DataError(
        f"{name}, line {line}: {cells} cells where the heading row has {width}{more}. A cell that"
        " contains the delimiter must stand in quotation marks; where titles stand above the"
        " table, give the number of the heading row (header)."
    )
