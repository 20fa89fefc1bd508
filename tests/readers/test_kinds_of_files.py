"""Files packed by gzip and zip, and files that are not what their name says: what to do is said."""

from __future__ import annotations

import gzip
import hashlib
import io
import sqlite3
import zipfile

import pytest

from outcomes.core.errors import DataError
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.source import Source
from tests.readers.books import plain

TABLE = b"id,nrs_pre,nrs_post\nK1,7,4\nK2,6,3\n"


def archive(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def test_a_packed_text_is_read_and_its_own_bytes_are_hashed(tmp_path):
    path = tmp_path / "scores.csv.gz"
    path.write_bytes(gzip.compress(TABLE))
    table = read_file(Source(path))
    assert table.columns == ("id", "nrs_pre", "nrs_post") and len(table) == 2
    assert table.name == "scores.csv.gz" and table.address(0, "id") == "row 2, column id"
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    _, study, problem = guess_study(path)
    assert study is not None and study.visits == ("pre", "post"), problem


def test_a_zip_with_one_table_is_read_beside_what_a_mac_adds(tmp_path):
    book = plain(tmp_path / "a.xlsx", [["id", "nrs"], ["K1", 7]])
    parts = {
        "export/a.xlsx": book.read_bytes(),
        "__MACOSX/export/._a.xlsx": b"x",
        ".DS_Store": b"x",
    }
    table = read_file(Source(archive(tmp_path / "scores.zip", parts), header=1))
    assert table["nrs"].tolist() == ["7"] and table.address(0, "nrs") == "B2"


@pytest.mark.parametrize(
    "parts, message",
    [
        ({"a.csv": TABLE, "b.csv": TABLE}, "holds 2 files: a.csv, b.csv. Unpack it and name"),
        ({}, "holds 0 files. Unpack"),
        ({"a.csv.gz": gzip.compress(TABLE)}, "holds another archive"),
        ({"a.csv": b"7," * 40_000_000}, "unpacks to more than"),
    ],
)
def test_archives_that_are_refused(tmp_path, parts, message):
    with pytest.raises(DataError, match=message):
        read_file(Source(archive(tmp_path / "scores.zip", parts)))


def test_damaged_archives_and_bombs_are_refused(tmp_path):
    path = tmp_path / "scores.csv.gz"
    for content in (gzip.compress(TABLE)[:-9], b"not packed", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match="damaged|empty"):
            read_file(Source(path))
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(DataError, match="unpacks to more than"):
        read_file(Source(path))


def test_a_protected_zip_is_refused(tmp_path):
    data = bytearray(archive(tmp_path / "scores.zip", {"a.csv": TABLE}).read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    (tmp_path / "scores.zip").write_bytes(data)
    with pytest.raises(DataError, match="has a password"):
        read_file(Source(tmp_path / "scores.zip"))


def database():
    base = sqlite3.connect(":memory:")
    base.execute("create table scores (id text, nrs real)")
    return base.serialize()


def package(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return buffer.getvalue()


OLE = b"\xd0\xcf\x11\xe0" + bytes(600)
OTHERS = {
    "clinic.db": (database(), "an SQLite database: name it and its table in the study file"),
    "clinic.csv": (database(), "an SQLite database: name it and its table in the study file"),
    "clinic.mdb": (b"\0\x01\0\0Standard Jet DB", "an Access database: export"),
    "clinic.dat": (b"\0\x01\0\0Standard ACE DB", "an Access database: export"),
    "a.csv": (gzip.compress(TABLE), r"packed by gzip: give its name the ending \.gz"),
    "b.csv": (b"%PDF-1.7", "a PDF, not a table"),
    "c.csv": (b"PAR1abc", r"the ending \.parquet"),
    "d.csv": (b"$FL2@(#)", r"the ending \.sav"),
    "e.csv": (b"\x80\x04\x95", "pickle, which is never opened"),
    "f.csv": (b'[{"id": "K1", "nrs": 7}]', "JSON, not a table"),
    "g.xlsx": (
        b"<html><table><tr><td>id</td></tr></table>",
        "a web page under the name of a table",
    ),
    "h.csv": (b"\xef\xbb\xbf<!DOCTYPE html><html>", "a web page under the name of a table"),
    "i.xml": (
        b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
        "an Excel 2003 XML sheet",
    ),
    "j.xlsx": (package("word/document.xml"), "a text document: copy its table"),
    "k.csv": (package("Index/Document.iwa"), "an Apple Numbers"),
    "l.csv": (package("scores.csv"), r"a zip archive: give its name the ending \.zip"),
    "m.csv": (package("xl/workbook.bin"), "a binary workbook"),
    "~$scores.xlsx": (b"\x05owner", "what Excel keeps beside a workbook"),
    "n.numbers": (package("Index/Document.iwa"), "an Apple Numbers document"),
    "o.gsheet": (b'{"url": "https://docs.google.com"}', "a link to a Google sheet"),
    "p.rds": (gzip.compress(b"X\n"), "is damaged or holds something"),
    "q.csv": (b"RDX3\nX\n", "R data: give its name"),
    "r.xlsx": (OLE + "EncryptedPackage".encode("utf-16-le"), "has a password. Open it in Excel"),
    "s.xlsx": (OLE + "WordDocument".encode("utf-16-le"), "a text document. Copy"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_other_kind_is_named_with_what_to_do(tmp_path, name):
    content, message = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_file(Source(tmp_path / name))
