"""OpenDocument sheets, behind the same checks as workbooks."""

from __future__ import annotations

import zipfile

import pytest

from outcomes.core.errors import DataError
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.source import Source

CONTENT = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
    ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
    "<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    "</office:document-content>"
)


def cell(value, more=""):
    if value is None:
        return "<table:table-cell/>"
    if str(value).endswith("%"):
        kind = f'office:value-type="percentage" office:value="{float(value[:-1]) / 100}"'
    elif str(value).startswith("#"):
        kind = 'table:formula="of:=1/0" office:value-type="string" calcext:value-type="error"'
    elif isinstance(value, str):
        kind = 'office:value-type="string"'
    else:
        kind = f'office:value-type="float" office:value="{value}"'
    return f"<table:table-cell {kind}{more}><text:p>{value}</text:p></table:table-cell>"


def row(values, more=""):
    return f"<table:table-row{more}>{''.join(map(cell, values))}</table:table-row>"


def document(path, sheets, extra=()):
    tables = "".join(
        f'<table:table table:name="{name}">{"".join(r if isinstance(r, str) else row(r) for r in rows)}</table:table>'
        for name, rows in sheets.items()
    )
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", CONTENT.format(tables=tables))
        manifest = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        for name, content in {"META-INF/manifest.xml": manifest, **dict(extra)}.items():
            package.writestr(name, content)
    return path


ROWS = [["id", "nrs_pre", "nrs_post"], *[[f"K{i}", 7, 4] for i in range(1, 6)]]


def test_a_sheet_is_read_with_errors_percentages_and_rows_below(tmp_path):
    rows = [*ROWS, ["K6", "#DIV/0!", 3], ["K7", "70%", "29%"], [None], ["Mean", 6, 4]]
    table = read_file(Source(document(tmp_path / "a.ods", {"Scores": rows})))
    assert table["id"].tolist() == [f"K{i}" for i in range(1, 8)]
    assert table["nrs_pre"].tolist()[5:] == ["#DIV/0!", "70%"] and table["nrs_post"][6] == "29%"
    found = {n.rule: n.addresses for n in table.notes}
    assert found["percent"] == ("B8", "C8") and found["formula"] == ("B7",)
    assert found["summary_row"] == ("A10", "B10", "C10")


def test_hidden_and_repeated_rows_and_merged_cells(tmp_path):
    hidden = row(["K6", 5, 5], ' table:visibility="filter"')
    twice = row(["K7", 6, 6], ' table:number-rows-repeated="2"')
    merged = (
        "<table:table-row>"
        + cell("K8", ' table:number-rows-spanned="2"')
        + cell(1)
        + cell(2)
        + "</table:table-row><table:table-row><table:covered-table-cell/>"
        + cell(3)
        + cell(4)
        + "</table:table-row>"
    )
    end = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    rows = [*ROWS, hidden, twice, merged, end]
    table = read_file(Source(document(tmp_path / "a.ods", {"Scores": rows})))
    assert table["id"].tolist()[5:] == ["K6", "K7", "K7", "K8", "K8"]
    found = {n.rule: n.addresses for n in table.notes}
    assert found["hidden_row"] == ("row 7",) and found["merged_cells"] == ("A11",)


def test_sheets_of_visits_are_proposed(tmp_path):
    long = [["patient_id", "nrs_avg"], *[[f"K{i}", 5 + i % 3] for i in range(1, 6)]]
    path = document(tmp_path / "a.ods", {"Baseline": long, "Week 4": long})
    text, study, problem = guess_study(path)
    assert 'sheets = ["Baseline", "Week 4"], by = "visit"' in text and study is not None, problem


@pytest.mark.parametrize(
    "rows, extra, message",
    [
        ([*ROWS, row(["x"], ' table:number-rows-repeated="900000000"')], (), "reaches to cell"),
        (ROWS, [("Basic/Standard/script.xml", "<a/>")], "contains macros"),
        (ROWS, [("META-INF/manifest.xml", "<m><encryption-data/></m>")], "has a password"),
        (["<table:table-row>"], (), "damaged"),
    ],
)
def test_what_is_not_a_plain_sheet_is_refused(tmp_path, rows, extra, message):
    with pytest.raises(DataError, match=message):
        read_file(Source(document(tmp_path / "a.ods", {"Scores": rows}, extra)))
