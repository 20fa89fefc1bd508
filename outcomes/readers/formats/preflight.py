"""A look at a workbook before anything opens it: what is in the package, how big it becomes, how
far its cells reach.

A workbook of five kilobytes can claim 17 billion cells, and the reader behind us then takes the
whole process down. So the package is read here first, by Python's own zip and with limits, and
refused where it is not a plain table.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile

from outcomes.core.errors import DataError
from outcomes.readers.cells import letter

MAX_PARTS = 2_000
MAX_BYTES = 1 << 30  # all parts together, unpacked
MAX_PART = 1 << 29
MAX_RATIO = 200  # unpacked to packed, for parts above a megabyte; plain sheets have 5 to 40
MAX_CELLS = 20_000_000  # rows x columns that a sheet spans

_OLD = b"\xd0\xcf\x11\xe0"
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]*)([0-9]+)""")
_LEAST = 24  # bytes of a cell that repeats a text, in a sheet
_SHARED = re.compile(rb"<(?:\w+:)?si[ >]")
_OF_SHARED = re.compile(rb"""t="s"[^>]*>\s*<(?:\w+:)?v>\s*([0-9]+)""")
_UNIQUE = re.compile(rb"""\suniqueCount\s*=\s*["']\s*([0-9]+)""")


def preflight(data: bytes, name: str) -> None:
    """Refuse a workbook that is not a plain, bounded table.

    Raises DataError for a password, macros, an old format, damaged or suspicious packages, document
    type declarations, and for sheets that unpack or reach too far.
    """
    if is_old_excel(data):
        return  # looked at when it is opened
    if data.startswith(_OLD):
        raise DataError(f"{name} {_old_package(data)}")
    if not data.strip():
        raise DataError(f"{name} is empty.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.infolist()
            _look_at_list(parts, name)
            for part in parts:
                _look_at_part(package, part, name)
            _look_at_texts(package, name)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        struct.error,
    ) as wrong:
        raise DataError(
            f"{name} is not a whole .xlsx workbook. Open it in a spreadsheet program and save it"
            " again."
        ) from wrong
    except Exception as wrong:
        if type(wrong).__module__ == "zlib":
            raise DataError(
                f"{name} is damaged. Open it in a spreadsheet program and save it again."
            ) from wrong
        raise


def is_old_excel(data: bytes) -> bool:
    """Whether a file is a workbook in Microsoft's old package (.xls), without a password of its
    package.
    """
    book = any(name.encode("utf-16-le") in data for name in ("Workbook", "Book"))
    return data.startswith(_OLD) and book and "EncryptedPackage".encode("utf-16-le") not in data


def _old_package(data: bytes) -> str:
    """What a file in Microsoft's old package is, by the names in its directory."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return "has a password. Open it in Excel and save it without one, or as CSV."
    if "WordDocument".encode("utf-16-le") in data:
        return "is a text document. Copy its table into a spreadsheet and save it as .xlsx."
    return (
        "is no workbook, or has a password. Save the table as .xlsx without a password, or as CSV."
    )


def _look_at_list(parts: list[zipfile.ZipInfo], name: str) -> None:
    names = [p.filename for p in parts]
    opened = "mimetype" in names and "content.xml" in names  # OpenDocument
    if "xl/workbook.xml" not in names and not opened:
        raise DataError(f"{name} is not an .xlsx workbook. Save it as .xlsx or CSV.")
    if len(parts) > MAX_PARTS or len(set(names)) < len(names):
        raise DataError(
            f"{name} is refused: its package has {len(parts)} parts, or parts of the same name."
            " Save it again as CSV."
        )
    if any(n.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", n) or ":" in n for n in names):
        raise DataError(
            f"{name} is refused: a part of its package points outside it. Save it again as CSV."
        )
    if any(p.flag_bits & 1 for p in parts):
        raise DataError(f"{name} has a password. Save it without one, or as CSV.")
    if any(posixpath.basename(n).lower() == "vbaproject.bin" for n in names) or any(
        n.startswith(("Basic/", "Scripts/")) for n in names
    ):
        raise DataError(f"{name} contains macros. Save it as .xlsx (without macros) or CSV.")
    if sum(p.file_size for p in parts) > MAX_BYTES or any(p.file_size > MAX_PART for p in parts):
        raise DataError(
            f"{name} is refused: it unpacks to more than {MAX_BYTES >> 20} MB. Save the table alone"
            " as CSV."
        )
    if any(
        p.file_size > 1 << 20 and p.file_size > MAX_RATIO * max(p.compress_size, 1) for p in parts
    ):
        raise DataError(
            f"{name} is refused: a part of it unpacks to more than {MAX_RATIO} times its size. Save"
            " the table as CSV."
        )


def _look_at_part(package: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    text = package.read(part)
    if not part.filename.lower().endswith((".xml", ".rels", ".vml")):
        return
    if (
        text[:2] in (b"\xff\xfe", b"\xfe\xff")
        or b"\0" in text[:200]
        or b"<!DOCTYPE" in text
        or b"<!ENTITY" in text
    ):
        raise DataError(
            f"{name} is refused: a part of it declares a document type or an unusual encoding. Save"
            " it as CSV."
        )
    if part.filename == "META-INF/manifest.xml" and b"encryption-data" in text:
        raise DataError(f"{name} has a password. Save it without one, or as CSV.")
    if part.filename.startswith("xl/worksheets/"):
        _look_at_extent(text, name)
    elif (
        part.filename.endswith("sharedStrings.xml")
        and (found := _UNIQUE.search(text))
        and int(found[1]) * 5 > len(text)
    ):
        raise DataError(
            f"{name} is refused: it claims {int(found[1])} texts and holds fewer. Save it again as"
            " CSV."
        )


def _look_at_texts(package: zipfile.ZipFile, name: str) -> None:
    """Refuse a long text that so many cells repeat that it would fill the memory."""
    shared = [p for p in package.namelist() if p.endswith("sharedStrings.xml")]
    sheets = [p for p in package.namelist() if p.startswith("xl/worksheets/")]
    lengths = [len(t) for p in shared for t in _SHARED.split(package.read(p))[1:]]
    cells = sum(package.getinfo(p).file_size for p in sheets) // _LEAST
    if cells * max(lengths, default=0) <= MAX_BYTES:
        return
    told = 0
    for part in sheets:
        for found in _OF_SHARED.finditer(package.read(part)):
            at = int(found[1][:9])
            told += lengths[at] if at < len(lengths) else 0
        refuse_text(told, name)


def refuse_text(told: int, name: str) -> None:
    """Stop where the texts of all cells together have too many letters."""
    if told > MAX_BYTES:
        raise DataError(
            f"{name} is refused: the texts of its cells have more than {MAX_BYTES >> 20} million"
            " letters together. Save the table without the column of long texts."
        )


def _look_at_extent(text: bytes, name: str) -> None:
    rows = columns = 0
    for letters, digits in (m.groups() for m in _REFERENCE.finditer(text)):
        rows = max(rows, int(digits[:9]))
        if letters:
            columns = max(columns, _position(letters[:5]))
    refuse_extent(rows, columns, name)


def refuse_extent(rows: int, columns: int, name: str) -> None:
    """Stop where a sheet spans more cells than a table of scores can have."""
    if rows * max(columns, 1) > MAX_CELLS:
        raise DataError(
            f"{name} is refused: a sheet reaches to cell {letter(columns - 1)}{rows}, {rows} rows"
            f" by {columns} columns. Delete what stands far from the table, or save the table as"
            " CSV."
        )


def _position(letters: bytes) -> int:
    number = 0
    for code in letters.upper():
        number = number * 26 + code - 64
    return number
