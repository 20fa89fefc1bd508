"""Text tables: nothing guessed, nothing lost, every cell where the file has it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outcomes.core.errors import DataError
from outcomes.readers.formats.delimited import read_delimited
from tests.shared import EXPORTS, PUBLISHED


def write(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, content, **options):
    return read_delimited(write(tmp_path, content), **options)


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=("Cs",)), max_size=8
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read_back(tmp_path, rows, delimiter, quoting, end):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["id", "answer", "other"])
    writer.writerows([["k", *row] for row in [r[:2] for r in rows]])
    table = read(tmp_path, buffer.getvalue(), delimiter=delimiter)
    expected = [["k", *("" if not c.strip() else c for c in r[:2])] for r in rows]
    assert table.frame.to_numpy(object).tolist() == expected
    assert list(table.rows) == list(range(2, len(rows) + 2))


@pytest.mark.parametrize(
    "text",
    ["None", "NA", "N/A", "null", "nan", "001", "1e5", " 7 ", "-", "TRUE", "7,5", "½", "inf"],
)
def test_no_text_is_taken_for_something_else(tmp_path, text):
    table = read(tmp_path, f'id,answer\n001,"{text}"\n')
    assert table.frame.loc[0].tolist() == ["001", text]


@pytest.mark.parametrize(
    "content, note",
    [
        ("id,nrs\n1,7\n".encode("utf-8-sig"), ""),
        ("id\tnrs\n1\t7\n".encode("utf-16"), "UTF-16"),
        ("id\tnrs\n1\t7\n".encode("utf-16-le"), "UTF-16"),
        ("id;nrs;näme\n1;7;é\n".encode("cp1252"), "Windows-1252"),
        (b"id,nrs,x\n1,7,\x81\xe9\n", "Latin-1"),
        (b"sep=;\nid;nrs\n1;7\n", "semicolon"),
        (b"id|nrs\r1|7\r", "bar"),
    ],
)
def test_encodings_and_delimiters_are_found_and_said(tmp_path, content, note):
    table = read(tmp_path, content)
    assert table.columns[:2] == ("id", "nrs") and table.frame.iloc[0, :2].tolist() == ["1", "7"]
    said = " ".join(n.message for n in table.notes)
    assert note in said and (note or not said)


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path):
    table = read(tmp_path, "id;pain, worst;pain, least\n1;7,5;5,5\n2;8;6,0\n")
    assert table.columns == ("id", "pain, worst", "pain, least")


def test_addresses_count_records_and_a_line_break_in_quotes_is_no_new_row(tmp_path):
    table = read(tmp_path, 'id,where\n1,"back\nand leg"\n\n2,face\n')
    assert list(table.rows) == [2, 4] and table["where"].tolist() == ["back\nand leg", "face"]
    assert table.address(1, "where") == "row 4, column where" and table.row_address(0) == "row 2"


def test_quotes_inside_a_cell_are_kept(tmp_path):
    table = read(tmp_path, 'id,note\n1,5" scar\n2,"a ""b"", c"\n')
    assert table["note"].tolist() == ['5" scar', 'a "b", c']


@pytest.mark.parametrize("header", [None, 3])
def test_titles_above_the_table_are_left_out_and_listed(tmp_path, header):
    table = read(tmp_path, "Pain clinic\n\nid,nrs\n1,7\n", header=header)
    assert table.columns == ("id", "nrs") and list(table.rows) == [4]
    [note] = table.notes
    assert (note.rule, note.addresses) == ("title_row", ("row 1, cell 1",))


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "a.csv is empty"),
        (" \n\n", "a.csv is empty"),
        ("\ufeff", "a.csv is empty"),
        ("id,nrs\n", "headings but no rows: id, nrs"),
        ("id,nrs\n,\n", "headings but no rows"),
        (
            "id,nrs\n1,7,SECRET\n2,6\n3,5,SECRET\n",
            r"line 2: 3 cells where the heading row has 2 \(1 more such lines\)",
        ),
        ("id,nrs,x\n1,7\n", "line 2: 2 cells where the heading row has 3"),
        ('id,where\n1,"a\nb"\n2,SECRET,c\n', "line 4: 3 cells where the heading row has 2"),
        ('id,nrs\n1,"SECRET\n2,7\n', "line 2: a quotation mark is not closed"),
        ('id,note\n1,5" SECRET\n2,6,7\n', "line 3: 3 cells where the heading row has 2"),
        ("id,nrs,nrs\n1,7,6\n", r"more than once: 'nrs' \(2 times\)"),
        ("id,NRS , NRS\n1,7,6\n", r"more than once: 'NRS' \(2 times\)"),
        (b"id,nrs\n1,\x00\x01SECRET\n", "line 2 has bytes that are never part of a text"),
    ],
)
def test_what_cannot_be_read_is_refused_without_showing_it(tmp_path, content, message):
    with pytest.raises(DataError, match=message) as wrong:
        read(tmp_path, content)
    assert "SECRET" not in str(wrong.value)


def test_a_wrong_encoding_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read as utf-8"):
        read(tmp_path, "id;é\n1;2\n".encode("cp1252"), encoding="utf-8")


def test_headings_are_kept_and_unnamed_columns_are_named(tmp_path):
    table = read(tmp_path, '"",id,<b>nrs</b>,=1+1,,\n1,001,7,2,,\n')
    assert table.columns == ("unnamed_1", "id", "<b>nrs</b>", "=1+1")
    assert any("unnamed_1" in n.message for n in table.notes)


def test_the_european_and_unicode_exports_are_read():
    table = read_delimited(EXPORTS / "european_semicolon_cp1252.csv")
    assert (
        table["nrs_avg_pre"].tolist() == ["7,5", "8", "9,5"]
        and table["record_id"].tolist()[2] == "Müller"
    )
    table = read_delimited(EXPORTS / "utf16_excel_unicode_text.txt")
    assert table.frame.to_numpy(object).tolist() == [["001", "7", "4"]]
    table = read_delimited(EXPORTS / "excel_utf8_bom.csv")
    assert table.columns == ("record_id", "nrs_avg") and table["record_id"].tolist() == [
        "001",
        "002",
    ]


def test_every_cell_of_the_published_files_is_read():
    for path in sorted(PUBLISHED.glob("*/*.csv")):
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig") if b"\xe3" not in raw else raw.decode("latin-1")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        table = read_delimited(path)
        assert table.frame.to_numpy(object).tolist() == rows[1:], path.name
