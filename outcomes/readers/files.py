"""A file to its text table, by what the file is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outcomes.errors import DataError, StudyError, unknown
from outcomes.readers.cells import TextTable
from outcomes.readers.delimited import read_delimited
from outcomes.readers.excel import read_excel

_OTHERS = {
    ".xls": "an old workbook: save it as .xlsx or CSV", ".xlsb": "a binary workbook: save it as .xlsx or CSV",
    ".ods": "an OpenDocument sheet: save it as .xlsx or CSV", ".sav": "SPSS data: save it as CSV",
    ".zsav": "SPSS data: save it as CSV", ".dta": "Stata data: save it as CSV", ".xpt": "SAS data: save it as CSV",
    ".sas7bdat": "SAS data: save it as CSV", ".parquet": "a Parquet file: save it as CSV",
    ".json": "JSON (FHIR, say), not a table: export a CSV", ".ndjson": "JSON (FHIR, say), not a table: export a CSV",
    ".pdf": "not a table", ".docx": "not a table", ".rds": "R data: save it as CSV", ".pkl": "never opened: it can run code",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Where a table is: its file and, where needed, sheet, number of the heading row, delimiter, encoding."""

    file: Path
    sheet: str = ""
    header: int | None = None
    delimiter: str = ""
    encoding: str = ""

    @classmethod
    def of(cls, value: Any, folder: Path) -> Source:
        """From a file name, or a mapping with `file` and the other fields. Raises StudyError for an unknown field."""
        fields = dict(value) if isinstance(value, Mapping) else {"file": value}
        for name in fields:
            if name not in cls.__dataclass_fields__:
                raise StudyError(f"[data] {unknown('field', name, cls.__dataclass_fields__)}")
        if not isinstance(fields.get("file"), (str, Path)):
            raise StudyError(
                '[data] needs the name of a file: scores = "scores.csv", or scores = { file = "…", sheet = "…" }.'
            )
        return cls(**{**fields, "file": folder / fields["file"]})

    def facts(self, table: str, read: TextTable) -> dict[str, Any]:
        """What a report says of the file: name, rows, and the size and hash of the very bytes that were parsed."""
        return {
            "table": table, "file": self.file.name, "sheet": read.sheet, "bytes": read.size, "rows": len(read),
            "sha256": read.sha256,
        }  # fmt: skip


def read_file(source: Source) -> TextTable:
    """The text table of a file. Raises DataError where it is absent, closed to us, or of a kind that is not read."""
    try:
        return _read(source)
    except OSError as wrong:
        raise DataError(f"{source.file.name} cannot be opened: {wrong.strerror or type(wrong).__name__}.") from None


def _read(source: Source) -> TextTable:
    path = source.file
    if path.is_dir():
        raise DataError(f"'{path.name}' is a folder, not a file.")
    if not path.is_file():
        there = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, there, n=1, cutoff=0.75)
        meant = f" Did you mean '{close[0]}'?" if close else ""
        raise DataError(f"There is no file '{path.name}' in {path.parent.resolve()}.{meant}")
    if path.suffix.lower() in _OTHERS:
        raise DataError(f"{path.name} is {_OTHERS[path.suffix.lower()]}.")
    with path.open("rb") as handle:
        head = handle.read(4)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or path.suffix.lower() in (".xlsx", ".xlsm"):
        return read_excel(path, sheet=source.sheet, header=source.header)
    if source.sheet:
        raise StudyError(f"{path.name} is a text file; it has no sheets.")
    return read_delimited(path, header=source.header, delimiter=source.delimiter, encoding=source.encoding)
