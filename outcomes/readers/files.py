"""A file to its text table, by what the file is."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from outcomes.config.regular import must_be_regular
from outcomes.core.errors import DataError, StudyError
from outcomes.readers.cells import TextTable, fingerprint
from outcomes.readers.exports.detect_export import arranged
from outcomes.readers.fhir.reader import ENDINGS, read_fhir
from outcomes.readers.formats.delimited import read_delimited
from outcomes.readers.formats.excel import OTHER_SHEETS, filled_sheets, read_excel
from outcomes.readers.formats.first_bytes import refuse_other_kinds
from outcomes.readers.formats.frames import FRAME, read_frame
from outcomes.readers.formats.packed import ENDINGS as ENDINGS_PACKED
from outcomes.readers.formats.packed import unpacked
from outcomes.readers.formats.parquet import read_parquet
from outcomes.readers.formats.r_data import ENDINGS as ENDINGS_R
from outcomes.readers.formats.r_data import read_r_data
from outcomes.readers.formats.statistical import SYSTEMS, read_statistical
from outcomes.readers.headings import refuse_without_headings
from outcomes.readers.source import GATHERING, Source
from outcomes.readers.stacked import alike, stack, what_names_are
from outcomes.study.study import Issue

__all__ = ["Source", "read_file"]


@dataclass(frozen=True)
class _Kind:
    """A kind of file: what it is called, what reads it, and which fields of a `Source` say
    something about it.
    """

    name: str
    read: Callable[[Source], TextTable]
    takes: tuple[str, ...] = ()


def _text(source: Source) -> TextTable:
    table = read_delimited(
        source.file,
        header=source.header,
        delimiter=source.delimiter,
        encoding=source.encoding,
        last=source.last,
        unfinished=source.unfinished,
    )
    return table if source.header else refuse_without_headings(table)


def _workbook(source: Source) -> TextTable:
    table = read_excel(
        source.file,
        sheet=source.sheet,
        header=source.header,
        last=source.last,
        unfinished=source.unfinished,
    )
    return table if source.header else refuse_without_headings(table)


def _statistical(source: Source) -> TextTable:
    return read_statistical(source.file, encoding=source.encoding, labels=source.labels)


def _fhir(source: Source) -> TextTable:
    return read_fhir(
        source.file,
        resource=source.resource,
        per=source.per,
        codes=source.codes,
        repeats=source.repeats,
    )


_TEXT = _Kind("a text file", _text, ("header", "last", "delimiter", "encoding", "unfinished"))
_WORKBOOK = _Kind("a workbook", _workbook, ("sheet", "header", "last", "unfinished"))
_PARQUET = _Kind("a Parquet file", lambda source: read_parquet(source.file))
_STATISTICAL = _Kind("a file of a statistics program", _statistical, ("encoding", "labels"))
_FRAME = _Kind(
    f"a {FRAME}",
    lambda source: read_frame(source.frame, last=source.last, unfinished=source.unfinished),
    ("last", "unfinished"),
)
_R_DATA = _Kind("R data", lambda source: read_r_data(source.file, last=source.last), ("last",))
_FHIR = _Kind("a FHIR file", _fhir, ("resource", "per", "codes", "repeats"))

#: What reads a file, by its ending. Any other is a text table or, where its first bytes say so, a
#: workbook.
_KINDS: dict[str, _Kind] = {
    ".xlsx": _WORKBOOK,
    ".xlsm": _WORKBOOK,
    ".xls": _WORKBOOK,
    ".ods": _WORKBOOK,
    ".parquet": _PARQUET,
    **dict.fromkeys(SYSTEMS, _STATISTICAL),
    **dict.fromkeys(ENDINGS, _FHIR),
    **dict.fromkeys(ENDINGS_R, _R_DATA),
}

#: Endings that are not read, and what to do instead.
_OTHERS = {
    ".xlsb": "a binary workbook: save it as .xlsx or CSV",
    ".por": "an SPSS portable file: save it as .sav or CSV",
    ".pdf": "not a table",
    ".docx": "not a table",
    ".numbers": "an Apple Numbers document: export it as Excel (.xlsx) or CSV",
    ".omv": "a jamovi file: in jamovi, File > Export, and choose CSV or SPSS (.sav)",
    ".jasp": "a JASP file: in JASP, export the data (not the results) as CSV",
    ".pzfx": "a GraphPad Prism file: in Prism, export the data table as CSV",
    ".pzf": "a GraphPad Prism file: in Prism, export the data table as CSV",
    ".prism": "a GraphPad Prism file: in Prism, export the data table as CSV",
    ".sas7bcat": "a catalogue of SAS formats: name the .sas7bdat or .xpt file of the data",
    ".sps": "SPSS commands, not data: save the data as .sav",
    ".spv": "SPSS results, not data: save the data as .sav",
    ".mtw": "a Minitab worksheet: in Minitab, save it as CSV",
    ".jmp": "a JMP table: in JMP, export it as CSV",
    ".feather": "a Feather file: save it as .parquet or CSV",
    ".gsheet": "a link to a Google sheet: download the sheet as .xlsx or CSV",
    ".doc": "a text document: copy its table into a spreadsheet and save it as .xlsx",
    ".rtf": "a text document: copy its table into a spreadsheet and save it as .xlsx",
    ".mdb": "an Access database: export the table or query as .xlsx or CSV",
    ".accdb": "an Access database: export the table or query as .xlsx or CSV",
    ".pkl": "never opened: it can run code",
}


def read_file(source: Source) -> TextTable:
    """The text table of a file.

    Raises DataError where it is absent, closed to us, or of a kind that is not read; StudyError for
    something said of it (a sheet of a text file, say) that such a file has not.
    """
    table = arranged(read_rows(source), source)
    return replace(table, notes=(*source.notes, *table.notes)) if source.notes else table


def read_rows(source: Source) -> TextTable:
    """The rows of a file as they stand in it, also where a study would gather several to one.
    Raises as `read_file` does.
    """
    if not (source.sheets or source.more):
        return read_piece(source)
    try:
        return _in_parts(source)
    except OSError as wrong:
        raise DataError(
            f"{source.file.name} cannot be opened: {wrong.strerror or type(wrong).__name__}."
        ) from None


def _in_parts(source: Source) -> TextTable:
    """Several sheets, or several files, as one table."""
    if not source.by or (source.sheets and source.more):
        what = "sheets or more, not both" if source.by else 'by = "visit" (or "site", "patient")'
        raise StudyError(
            f"{source.file.name}: several {'sheets' if source.sheets else 'files'} make one table;"
            f" say {what} beside the file's name."
        )
    one = replace(source, sheets=(), more=(), by="")
    parts = [replace(one, sheet=name) for name in source.sheets] or [
        replace(one, file=file) for file in (source.file, *source.more)
    ]
    names = source.sheets or tuple(part.file.stem for part in parts)
    if len(set(names)) < len(names):
        raise StudyError(f"{source.file.name}: two sheets or files have one name; name each once.")
    read = [_without(_read(part), OTHER_SHEETS) for part in parts]
    table = stack(source.file.name, read, names, source.by)
    others = [n for n in filled_sheets(source.file) if n not in names] if source.sheets else []
    if not others:
        return table
    text = f"Sheets that are no part of the table were not read: {', '.join(others)}."
    return replace(table, notes=(*table.notes, Issue("sheet_not_read", text, len(others))))


def _without(table: TextTable, rule: str) -> TextTable:
    return replace(table, notes=tuple(note for note in table.notes if note.rule != rule))


def in_parts(source: Source) -> Source:
    """The source with all its sheets as parts of one table, where a workbook's sheets have the same
    headings and nobody has said which to read.
    """
    if source.sheet or source.sheets or not has_sheets(source):
        return source
    if not source.file.is_file() or len(names := filled_sheets(source.file)) < 2:
        return source
    tables = sheet_tables(source, names)
    groups = [[n for n in tables if n == m or alike([tables[n], tables[m]])] for m in tables]
    same = max(groups, key=len, default=[])
    if len(same) < 2:
        return source
    by = what_names_are(same, tables[same[0]].columns)
    if any(by in tables[name].columns for name in same):
        return source
    return replace(source, sheets=tuple(same), by=by)


def has_sheets(source: Source) -> bool:
    """Whether a file is a workbook, by its name and its first bytes."""
    if _KINDS.get(source.file.suffix.lower()) is not _WORKBOOK:
        return False
    return not source.file.is_file() or _by_first_bytes(source) is _WORKBOOK


def sheet_tables(source: Source, names: Sequence[str] | None = None) -> dict[str, TextTable]:
    """The tables of a workbook's visible sheets, but for a cover or a page that holds no table."""
    tables = {}
    for name in filled_sheets(source.file) if names is None else names:
        with contextlib.suppress(DataError, StudyError):
            tables[name] = _read(replace(source, sheet=name))
    return tables


def read_piece(source: Source) -> TextTable:
    """The rows of one file that is a piece of a table. Raises as `read_file` does."""
    try:
        return _read(source)
    except OSError as wrong:
        raise DataError(
            f"{source.file.name} cannot be opened: {wrong.strerror or type(wrong).__name__}."
        ) from None


def _read(source: Source) -> TextTable:
    path = source.file
    if source.frame is not None:
        return _by(_FRAME, source)
    if path.exists():
        must_be_regular(path)
    elif set(path.name) & set("*?"):
        raise DataError(
            f"'{path.name}' stands for several files, and this reads a study whole, from one file"
            " a table. Such a study is read in parts: outcomes run, with [engine] in the study file"
            " (oc.read_parts in Python)."
        )
    else:
        there = (
            sorted(p.name for p in path.parent.iterdir() if p.is_file())
            if path.parent.is_dir()
            else []
        )
        close = difflib.get_close_matches(path.name, there, n=1, cutoff=0.75)
        meant = f" Did you mean '{close[0]}'?" if close else ""
        raise DataError(f"There is no file '{path.name}' in {path.parent.resolve()}.{meant}")
    ending = path.suffix.lower()
    if ending in ENDINGS_PACKED:
        return _unpacked(source)
    if ending not in (*_OTHERS, *ENDINGS_R):
        refuse_other_kinds(path)
    if ending in _OTHERS:
        raise DataError(f"{path.name} is {_OTHERS[ending]}.")
    if ending == ".xls":  # many systems write a text table or a web page under this name
        return _by(_by_first_bytes(source), source)
    return _by(_KINDS.get(ending) or _by_first_bytes(source), source)


def _by(kind: _Kind, source: Source) -> TextTable:
    """The table, read as its kind is. Raises StudyError for what says nothing about this kind."""
    name = source.file.name
    if "sheet" in source.said() and "sheet" not in kind.takes:
        raise StudyError(f"{name} is {kind.name}; it has no sheets.")
    for field in source.said():
        if field not in (*kind.takes, *GATHERING):
            raise StudyError(
                f"{name} is {kind.name}; '{field}' says nothing about it. Leave it out."
            )
    return kind.read(source)


def _unpacked(source: Source) -> TextTable:
    """The table of the one file in an archive; its fingerprint is that of the archive."""
    data = source.file.read_bytes()
    with unpacked(source.file, data) as file:
        table = _read(replace(source, file=file))
    return replace(table, name=source.file.name, **fingerprint(data))


def _by_first_bytes(source: Source) -> _Kind:
    with source.file.open("rb") as handle:
        head = handle.read(4)
    return _WORKBOOK if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) else _TEXT
