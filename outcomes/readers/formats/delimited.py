"""Text tables (CSV, TSV): every cell as text, nothing guessed, every row where the file has it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from outcomes.config.regular import must_be_regular, read_bytes
from outcomes.core.errors import DataError
from outcomes.readers.cells import Fingerprint, TextTable, fingerprint, from_grid
from outcomes.readers.exports.surveys import submitted
from outcomes.readers.formats.coded import coded_grid
from outcomes.readers.formats.heading_rows import SEARCHED, Headings, find_headings
from outcomes.readers.formats.side_tables import first_table
from outcomes.readers.formats.uneven import extent
from outcomes.readers.patient_rows import only_patients
from outcomes.study.study import Issue

#: Delimiters tried, in order of preference where several fit equally well.
DELIMITERS = ("\t", ";", "|", ",")
_NAMES = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
_QUOTE, _NEWLINE = ord('"'), ord("\n")
#: How many bytes are looked at together.
_BLOCK = 1 << 22
#: From how many rows on each column is held as its distinct texts and a code for each row.
CODED_FROM = 20_000


def read_delimited(
    path: str | Path,
    *,
    header: int | None = None,
    delimiter: str = "",
    encoding: str = "",
    last: int | None = None,
    unfinished: bool = False,
) -> TextTable:
    """The table of a CSV or TSV file as text.

    Encoding (UTF-8 with or without mark, UTF-16, else Windows-1252) and delimiter (tab, semicolon,
    bar, comma) are found from the file and noted. Titles above the headings and lines below the
    table are left out and listed; `header` is the number of the heading row and `last` that of the
    last row, where they are not found by themselves. Two heading rows are joined. A survey's
    further heading rows are no patients; its previews and, unless `unfinished`, what nobody
    submitted are left out and listed.

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
    delimiter = delimiter or _sniff(data)
    grid, rows, titles = _grid(data, delimiter, path.name, skipped, header)
    notes += titles
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
    table = below_headings(
        path.name, grid, rows, header, last=last, unfinished=unfinished, notes=notes
    )
    return replace(table, **seen)


def below_headings(
    name: str,
    grid: pd.DataFrame,
    rows: np.ndarray,
    header: int | None,
    *,
    last: int | None,
    unfinished: bool,
    notes: Sequence[Issue],
) -> TextTable:
    """The table in a grid of text whose first rows hold titles and headings; `rows` are the numbers
    that its rows have for people.
    """
    top = grid[: SEARCHED * 4].to_numpy(object).tolist()
    head = _headings(top, rows, header)
    found = head.survey
    notes = [*notes, *_titles([(int(r), cells) for r, cells in zip(rows, top[: head.titles])])]
    at, grid, rows = int(rows[head.at]), grid.iloc[head.below :], rows[head.below :]
    width, beside = first_table(name, grid, top[head.at], at, rows, letters=False)
    notes, grid = [*notes, *beside], grid.iloc[:, :width]
    table = from_grid(name, grid, rows, headings=head.names[:width], notes=notes)
    table = only_patients(table, last) if not found else table
    return submitted(table, found, unfinished)


def delimited_pieces(
    path: str | Path,
    piece: int,
    *,
    header: int | None = None,
    delimiter: str = "",
    encoding: str = "",
) -> Iterator[TextTable]:
    """The table of a large text file, about `piece` bytes at a time; rows have their numbers in the
    whole file. Cells are read as `read_delimited` reads them.

    Raises DataError as that does, and for a file that is UTF-16 or has more than one row of
    headings (a survey's export): such a file is read whole.
    """
    path = Path(path)
    head: Headings | None = None
    above = 0  # records before this piece
    for number, raw in enumerate(_raw_pieces(path, piece)):
        data, notes = _as_utf8(raw, path, encoding, first=number == 0)
        if head is None:
            if declared := re.match(rb"sep=(.)\n", data):
                delimiter, data, above = declared[1].decode(), data[declared.end() :], 1
            delimiter = delimiter or _sniff(data)
            grid, rows, titles = _grid(data, delimiter, path.name, above, header)
            head = _headings(grid[: SEARCHED * 4].to_numpy(object).tolist(), rows, header)
            if head.survey or head.below - head.at != 1:
                raise DataError(
                    f"{path.name} is read in pieces and has several rows of headings. Keep one of"
                    " them, or read it whole."
                )
            top = grid.iloc[: head.titles].to_numpy(object).tolist()
            notes += titles + _titles(list(zip(map(int, rows), top)))
            line = csv_line(grid.iloc[head.at].tolist(), delimiter)
            counted = len(_lines(data, delimiter))
            grid, rows = grid.iloc[head.below :], rows[head.below :]
        else:
            counted = len(_lines(data, delimiter))
            grid, rows, _ = _grid(line + data, delimiter, path.name, above - 1, 1)
            grid, rows = grid.iloc[1:], rows[1:]
        above += counted
        if len(grid):
            table = from_grid(path.name, grid, rows, headings=head.names, notes=notes)
            yield only_patients(table)


def csv_line(cells: Sequence[str], delimiter: str) -> bytes:
    """A record as a line of a text table."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()


def _lines(data: bytes, delimiter: str) -> np.ndarray:
    """Where the records of a piece end."""
    records = _records(data, delimiter)
    if records is not None:
        return records.ends
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter)
    return np.array([reader.line_num for _ in reader])


def _raw_pieces(path: Path, piece: int) -> Iterator[bytes]:
    """The bytes of a file in pieces that end where a line ends outside quotation marks."""
    must_be_regular(path)
    rest = b""
    with path.open("rb") as handle:
        while block := handle.read(piece):
            if not rest and block.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DataError(
                    f"{path.name} is UTF-16 and too large to be read whole. Save it as UTF-8."
                )
            data = np.frombuffer(rest + block, np.uint8)
            inside = np.logical_xor.accumulate(data == _QUOTE)
            ends = np.flatnonzero((data == _NEWLINE) & ~inside)
            if not len(ends):
                rest = data.tobytes()
                continue
            cut = int(ends[-1]) + 1
            yield data[:cut].tobytes()
            rest = data[cut:].tobytes()
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _headings(top: list[list[str]], rows: np.ndarray, header: int | None) -> Headings:
    """The headings among the first rows; the first row where nothing better is found."""
    if header:
        return find_headings(top, header=1 + int(np.searchsorted(rows, header)))
    spread: list[list[str]] = []  # with the empty lines, which tell titles from a table
    places = []
    for i, cells in enumerate(top):
        if i and rows[i] > rows[i - 1] + 1:
            spread.append([""] * len(cells))
            places.append(i)
        spread.append(cells)
        places.append(i)
    try:
        found = find_headings(spread)
    except DataError:
        return find_headings(top, header=1)
    at = places[found.at]
    below = at + found.below - found.at
    return replace(found, at=at, titles=places[found.titles], below=below)


def _titles(lines: Sequence[tuple[int, Sequence[str]]]) -> list[Issue]:
    """A note on what stands above the headings, cell by cell."""
    where = tuple(
        f"row {row}, cell {j + 1}" for row, cells in lines for j, c in enumerate(cells) if c.strip()
    )
    text = "Cells above the heading row are titles; they were left out."
    return [Issue("title_row", text, len(where), "note", addresses=where)] if where else []


def _decode(path: Path, encoding: str) -> tuple[bytes, list[Issue], Fingerprint]:
    """The file's text as UTF-8 with plain line ends, a note where its encoding is not plain UTF-8,
    and what the file was.
    """
    data = read_bytes(path)
    return *_as_utf8(data, path, encoding), fingerprint(data)


def _as_utf8(
    data: bytes, path: Path, encoding: str, *, first: bool = True
) -> tuple[bytes, list[Issue]]:
    """Bytes of a file as UTF-8 with plain line ends, and a note where they are not plain UTF-8 and
    begin the file.
    """
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
            f"{path.name} is not a text table: line {line} has bytes that are never part of a text."
        )
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    notes = (
        [Issue("encoding", note, severity="warning" if "not UTF-8" in note else "note")]
        if note
        else []
    )
    return data if data.endswith(b"\n") else data + b"\n", notes if first else []


def _encoding(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = raw[:2000]
    if len(head) > 3 and head.count(b"\0") > len(head) // 3:
        return "utf-16-le" if head[1::2].count(b"\0") > head[::2].count(b"\0") else "utf-16-be"
    for name in ("utf-8", "cp1252"):
        reader = codecs.getincrementaldecoder(name)()
        try:
            for first in range(0, len(raw), _BLOCK):
                reader.decode(raw[first : first + _BLOCK], final=first + _BLOCK >= len(raw))
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"


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
    whole = np.frombuffer(data, np.uint8)
    edges = np.zeros(256, dtype=bool)
    edges[[ord(delimiter), _NEWLINE, _QUOTE]] = True
    seen, inside = 0, 0  # delimiters outside quotes, and whether a quote is open, before a block
    stops, splits = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first in range(0, len(whole), _BLOCK):
        array = whole[first : first + _BLOCK]
        n, stop = len(array), np.flatnonzero(array == _NEWLINE)
        before = np.zeros(n + 1, dtype=np.int32)  # delimiters before each byte
        np.cumsum(array == ord(delimiter), out=before[1:])
        quotes = np.flatnonzero(array == _QUOTE)
        opening, closing = quotes[inside::2], quotes[1 - inside :: 2]
        # an opening quote follows an edge, a closing one precedes an edge; a doubled quote closes
        # and opens again
        leading, following = opening + first - 1, closing + first + 1
        if not edges[whole[leading[leading >= 0]]].all() or not edges[whole[following]].all():
            return None
        if inside:
            opening = np.r_[-1, opening]
        closing = closing if len(closing) == len(opening) else np.r_[closing, n]
        hidden = np.r_[0, np.cumsum(before[closing] - before[opening + 1])]  # inside quotes
        place = np.searchsorted(quotes, stop) + inside
        stop, place = stop[place % 2 == 0], place[place % 2 == 0]
        stops.append(stop + first)
        splits.append(before[stop] - hidden[place // 2] + seen)
        seen, inside = seen + int(before[-1] - hidden[-1]), (inside + len(quotes)) % 2
    if inside:
        return None
    stop = np.concatenate(stops)
    cells = np.diff(np.concatenate(splits), prepend=0) + 1
    return _Records(np.r_[0, stop[:-1] + 1], stop, cells)


def _sniff(data: bytes) -> str:
    """The delimiter that cuts most of the first rows evenly; a comma where there is one column."""
    head = data[: 1 << 16]
    best, chosen = (0.0, 0), ","
    for delimiter in DELIMITERS:
        records = _records(head, delimiter) or _records(head.replace(b'"', b" "), delimiter)
        cells = records.cells[(records.ends > records.starts)] if records else np.array([1])
        several = np.unique(cells[cells > 1], return_counts=True)
        if len(several[0]):
            most = int(several[1].argmax())
            first = int(cells[0])
            width = first if first > 1 and (cells == first).mean() >= 0.5 else several[0][most]
            even = (round(float((cells == width).mean()), 3), int(width))
            if even > best:
                best, chosen = even, delimiter
    return chosen


Grid = tuple[pd.DataFrame, np.ndarray, list[Issue]]


def _grid(data: bytes, delimiter: str, name: str, skipped: int, header: int | None) -> Grid:
    """All records of the table as text under columns 0, 1, …, the row number of each, and a note on
    titles above; empty lines are left out.
    """
    records = _records(data, delimiter)
    if records is None:
        return _grid_by_csv(data, delimiter, name, skipped, header)
    texts = partial(_cells, data, records, delimiter)
    blank = records.starts == records.ends
    uneven = np.flatnonzero(~blank & (records.cells != records.cells[~blank][0]))
    blank[[i for i in uneven if not data[records.starts[i] : records.ends[i]].strip()]] = True
    said = _said(header, skipped, len(blank), name)
    blank[:said] = True
    found = extent(records.cells, blank, texts, fixed=header is not None)
    if found.wrong.any():
        at = int(found.wrong.argmax())
        line = data.count(b"\n", 0, records.starts[at]) + 1 + skipped
        raise _ragged(
            name, line, int(records.cells[at]), found.width, int(found.wrong.sum()), header
        )
    grid = None
    even = not blank[found.start :].any() and (records.cells[found.start :] == found.width).all()
    if even and len(blank) >= CODED_FROM:
        below = memoryview(data)[records.starts[found.start] :]
        lines = len(blank) == data.count(b"\n")
        grid = coded_grid(below, delimiter, found.width, lines=lines)
    if grid is None:
        grid = pd.read_csv(
            io.BytesIO(data[records.starts[found.start] :]),
            sep=delimiter,
            header=None,
            names=range(found.width),
            index_col=False,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            encoding="utf-8",
            engine="c",
            low_memory=False,
        )
    if len(grid) != len(blank) - found.start:  # both readings must agree on what a record is
        return _grid_by_csv(data, delimiter, name, skipped, header)
    titles = _titles([(i + 1 + skipped, texts(i)) for i in range(found.start)])
    rows = np.arange(found.start, len(blank)) + 1 + skipped
    stay = ~blank[found.start :]
    return (grid if stay.all() else grid[stay].reset_index(drop=True)), rows[stay], titles


def _said(header: int | None, skipped: int, records: int, name: str) -> int:
    """How many records stand above the heading row that somebody has named."""
    above = (header or 1) - 1 - skipped
    if above >= records:
        raise DataError(f"{name} ends before the heading row that header= names.")
    return max(above, 0)


def _cells(data: bytes, records: _Records, delimiter: str, record: int) -> list[str]:
    text = data[records.starts[record] : records.ends[record]].decode("utf-8")
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [""]) or [""]


def _grid_by_csv(data: bytes, delimiter: str, name: str, skipped: int, header: int | None) -> Grid:
    """The slow reading, for quotes inside cells (``5" scar``)."""
    reader = csv.reader(
        io.StringIO(data.decode("utf-8"), newline=""), delimiter=delimiter, strict=True
    )
    records: list[list[str]] = []
    lines, line = [], 0
    try:
        for cells in reader:
            records.append(cells)
            lines.append(line + 1 + skipped)
            line = reader.line_num
    except csv.Error as wrong:
        raise DataError(
            f"{name}, line {line + 1 + skipped}: a quotation mark is not closed. Close or"
            " remove it."
        ) from wrong
    blank = np.array([not any(c.strip() for c in cells) and len(cells) < 2 for cells in records])
    blank[: _said(header, skipped, len(blank), name)] = True
    counts = np.array([len(cells) for cells in records])
    found = extent(counts, blank, records.__getitem__, fixed=header is not None)
    if found.wrong.any():
        at = int(found.wrong.argmax())
        count = int(found.wrong.sum())
        raise _ragged(name, lines[at], len(records[at]), found.width, count, header)
    stay = [i for i in range(found.start, len(records)) if not blank[i]]
    body = [records[i] + [""] * (found.width - len(records[i])) for i in stay]
    titles = _titles([(i + 1 + skipped, records[i]) for i in range(found.start)])
    return pd.DataFrame(body, dtype=str), np.array(stay) + 1 + skipped, titles


def _ragged(
    name: str, line: int, cells: int, width: int, count: int, header: int | None
) -> DataError:
    more = f" ({count - 1} more such lines)" if count > 1 else ""
    what = "A cell that contains the delimiter must stand in quotation marks"
    return DataError(
        f"{name}, line {line}: {cells} cells where the heading row has {width}{more}. {what}"
        + (
            "."
            if header
            else "; where titles stand above the table, give the number of the heading row:"
            " header = 4 beside the file's name, or --header 4 for `outcomes init`."
        )
    )
