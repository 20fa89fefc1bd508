"""A table in pieces that fit into memory: several files one by one, a large one some rows at a
time.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from outcomes.core.errors import DataError
from outcomes.readers.cells import TextTable
from outcomes.readers.files import read_piece
from outcomes.readers.formats.delimited import delimited_pieces
from outcomes.readers.formats.parquet import parquet_pieces
from outcomes.readers.source import Source
from outcomes.study.record import RowNumbers

#: Files up to this size are read whole, as any other file is.
WHOLE_UP_TO = 1 << 26
_TEXT = (".csv", ".tsv", ".txt", ".tab")


def files_of(source: Source) -> tuple[Path, ...]:
    """The files that a name with `*` or `?`, or the name of a folder, stands for, in order; else
    the file itself.

    Raises DataError where there is none.
    """
    path = source.file
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    elif not is_several(path):
        return (path,)
    else:
        found = [Path(p) for p in sorted(glob.glob(str(path)))]
    if not found:
        raise DataError(f"There is no file '{path.name}' in {path.parent.resolve()}.")
    return tuple(found)


def is_several(path: Path) -> bool:
    """Whether a file name stands for several files.

    >>> is_several(Path("scores/*.parquet")), is_several(Path("scores.csv"))
    (True, False)
    """
    return path.is_dir() or any(mark in path.name for mark in "*?[")


def pieces(source: Source, *, piece: int = WHOLE_UP_TO) -> Iterator[TextTable]:
    """The table of a source, file by file; a file above `piece` bytes some rows at a time, each row
    with its number in the file. Files have the same columns, in any order.

    Raises DataError where a file has other columns than the first.
    """
    first: TextTable | None = None
    for file in files_of(source):
        own = replace(source, file=file)
        large = file.is_file() and file.stat().st_size > piece
        if large and file.suffix.lower() == ".parquet":
            tables: Iterator[TextTable] = parquet_pieces(file, piece)
        elif large and file.suffix.lower() in _TEXT:
            tables = delimited_pieces(
                file, piece, header=own.header, delimiter=own.delimiter, encoding=own.encoding
            )
        else:
            tables = iter((read_piece(own),))
        for table in tables:
            first = first or table
            if set(table.columns) != set(first.columns):
                raise DataError(
                    f"{file.name} has other columns than {first.name}:"
                    f" {', '.join(sorted(set(table.columns) ^ set(first.columns)))}. The files of"
                    " one table have the same columns."
                )
            yield table if table.columns == first.columns else _in_columns(table, first.columns)


def _in_columns(table: TextTable, columns: Sequence[str]) -> TextTable:
    letters = tuple(table.letters[table.columns.index(c)] for c in columns) if table.letters else ()
    return replace(table, frame=table.frame[list(columns)], letters=letters)


@dataclass(frozen=True, eq=False)
class FilesTable(TextTable):
    """Rows of one or several files; `file` says which of `names` each row is of."""

    names: tuple[str, ...] = field(kw_only=True)
    file: np.ndarray = field(kw_only=True)

    def address(self, row: int, column: str) -> str:
        """Where the cell stands, with the name of its file where there are several."""
        return self._named(row, super().address(row, column))

    def row_address(self, row: int) -> str:
        """Where the row stands, with the name of its file where there are several."""
        return self._named(row, super().row_address(row))

    def row_addresses(self) -> Sequence[str]:
        """The addresses of all rows."""
        return RowNumbers(self.rows) if len(self.names) == 1 else super().row_addresses()

    def _named(self, row: int, address: str) -> str:
        return f"{self.names[self.file[row]]}: {address}" if len(self.names) > 1 else address

    def keep(self, mask: np.ndarray, *notes: object) -> FilesTable:
        """The rows a mask picks."""
        kept = super().keep(mask, *notes)  # type: ignore[arg-type]
        return replace(kept, file=self.file[mask])  # type: ignore[return-value,call-arg]
