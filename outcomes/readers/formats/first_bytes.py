"""What a file is by its first bytes, where its name says something else, and what to do then."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from outcomes.core.errors import DataError

#: How a kind of file begins, what it is, and what to do.
_SIGNS: tuple[tuple[bytes, str], ...] = (
    (
        b"SQLite format 3\0",
        "an SQLite database: name it and its table in the study file, as scores = { database ="
        ' "sqlite:///clinic.db", table = "scores" }. Or export the table that holds the scores as'
        " CSV (in the sqlite3 program: .mode csv, .headers on, .once scores.csv, select * from"
        " scores;)",
    ),
    (b"\0\x01\0\0Standard ", "an Access database: export the table or query as .xlsx or CSV"),
    (b"%PDF", "a PDF, not a table: ask for the data as .xlsx or CSV"),
    (b"\x1f\x8b", "packed by gzip: give its name the ending .gz, as in scores.csv.gz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it, or pack it as .zip"),
    (b"Rar!", "a RAR archive: unpack it, or pack it as .zip"),
    (b"BZh", "packed by bzip2: unpack it, or pack it as .gz"),
    (b"\xfd7zXZ", "packed by xz: unpack it, or pack it as .gz"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd: unpack it, or pack it as .gz"),
    (b"{\\rtf", "a text document: copy its table into a spreadsheet and save it as .xlsx"),
    (b"\x89PNG", "a picture, not a table"),
    (b"\xff\xd8\xff", "a picture, not a table"),
    (b"GIF8", "a picture, not a table"),
    (b"RDX", "R data: give its name the ending .RData"),
    (b"RDA", "R data: give its name the ending .RData"),
    (b"PAR1", "a Parquet file: give its name the ending .parquet"),
    (b"ARROW1", "a Feather file: save it as .parquet or CSV"),
    (b"$FL2", "an SPSS file: give its name the ending .sav"),
    (b"$FL3", "an SPSS file: give its name the ending .zsav"),
    (b"<stata_dta>", "a Stata file: give its name the ending .dta"),
    (b"HEADER RECORD*******LIB", "a SAS transport file: give its name the ending .xpt"),
)
#: What a part of a zip package says of it.
_PACKAGES = (
    ("word/", "a text document: copy its table into a spreadsheet and save it as .xlsx"),
    ("ppt/", "a presentation, not a table"),
    ("Index/", "an Apple Numbers or Pages document: export it as Excel (.xlsx) or CSV"),
    ("metadata.json", "a jamovi file: in jamovi, File > Export, and choose CSV or SPSS (.sav)"),
    ("data.bin", "a jamovi file: in jamovi, File > Export, and choose CSV or SPSS (.sav)"),
    ("index.xml", "an Apple Numbers document: export it as Excel (.xlsx) or CSV"),
    ("xl/workbook.bin", "a binary workbook (.xlsb): save it as .xlsx or CSV"),
    ("content.xml", "an OpenDocument file: a spreadsheet has the ending .ods"),
)


def refuse_other_kinds(path: Path) -> None:
    """Stop where the first bytes of a file are those of a kind that is not read, or not under this
    name.

    Raises DataError with what the file is and what to do.
    """
    if path.name.startswith("~$"):
        raise DataError(
            f"{path.name} is what Excel keeps beside a workbook while it is open, not the workbook."
            f" Name '{path.name[2:]}'."
        )
    with path.open("rb") as handle:
        head = handle.read(4096)
    if what := _kind(path, head):
        raise DataError(f"{path.name} is {what}.")


def _kind(path: Path, head: bytes) -> str:
    for sign, what in _SIGNS:
        named = re.search(r"ending (\.\w+)", what)
        if head.startswith(sign) and not (named and path.suffix.lower() == named[1]):
            return what
    if head.startswith(b"PK\x03\x04"):
        return _package(path)
    if head.startswith(b"\x80") and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a Python pickle, which is never opened because it can run code: save it as CSV"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:2000].lower()
    if text.startswith((b"<html", b"<!doctype html", b"<table", b"<meta")) or (
        text.startswith(b"<?xml") and b"<html" in text
    ):
        return (
            "a web page under the name of a table, as some clinic systems write: open it in a"
            " spreadsheet program and save it as .xlsx"
        )
    if text.startswith(b"<?xml") and b"office:spreadsheet" in text:
        return "an Excel 2003 XML sheet: open it in Excel and save it as .xlsx"
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".tab", ".xlsx") and re.match(
        rb'(?:\{\s*"|\[\s*\{\s*")', text
    ):
        return (
            "JSON, not a table: a FHIR file has the ending .json or .ndjson; save any other as CSV"
        )
    return ""


def _package(path: Path) -> str:
    """What a zip package is, where it is no .xlsx workbook; damaged ones are left to the
    preflight.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as package:
            names = package.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return ""
    if "xl/workbook.xml" in names or (path.suffix.lower() == ".ods" and "content.xml" in names):
        return ""
    for part, what in _PACKAGES:
        if any(n.startswith(part) for n in names):
            return what
    return "" if path.suffix.lower() == ".xlsx" else "a zip archive: give its name the ending .zip"
