"""Excel's old .xls format, as LibreOffice writes it: read as an .xlsx workbook is."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from outcomes.core.errors import DataError, MissingExtraError
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.source import Source
from tests.shared import EXPORTS

BOOK = EXPORTS / "clinic_excel97.xls"


def test_cells_are_read_as_the_sheet_shows_them():
    table = read_file(Source(BOOK))
    assert table.columns == ("patient_id", "visit", "date", "nrs_avg", "odi", "group")
    assert table.frame.iloc[0].tolist() == ["K001", "Baseline", "2025-03-01", "8", "61%", "A"]
    assert table["nrs_avg"].iloc[[3, 5, 11, 13]].tolist() == [
        "#DIV/0!",
        "#N/A",
        "2025-10-07",
        "6.5",
    ]
    assert len(table) == 20 and table.address(0, "nrs_avg") == "D4" and table.sheet == "Scores"


def test_what_stands_below_the_cells_is_listed():
    notes = {n.rule: n for n in read_file(Source(BOOK)).notes}
    assert notes["struck_out"].addresses == ("D11",)
    assert notes["hidden_row"].addresses == ("row 13",)
    assert notes["percent"].count == notes["padded_number"].count == 20
    assert notes["merged_cells"].count == 18 and "comments" in notes
    assert notes["title_row"].addresses == ("A1",) and notes["summary_row"].count == 1


def test_a_first_study_file_of_it_has_a_study():
    text, study, problem = guess_study(BOOK)
    assert study is not None, problem
    assert study.enrolled == 10 and 'sheet = "Scores"' in text
    listed = {i.rule: i.addresses for i in study.issues}
    assert listed["error_cell"] == ("D7", "D9") and listed["date_as_score"] == ("D15",)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xlrd", None)
    with pytest.raises(MissingExtraError, match=r"outcomes\[xls\]"):
        read_file(Source(BOOK))


def test_damaged_books_end_in_a_clear_error_or_are_read(tmp_path):
    whole, rng = bytearray(BOOK.read_bytes()), np.random.default_rng(14)
    refused = []
    for _ in range(60):
        data = whole.copy()
        for at in rng.integers(512, len(data), 40):
            data[at] = int(rng.integers(256))
        path = tmp_path / "damaged.xls"
        path.write_bytes(
            bytes(data[: int(rng.integers(600, len(data)))]) if rng.random() < 0.3 else data
        )
        try:
            read_file(Source(path))
        except DataError as wrong:
            refused.append(str(wrong))
    assert len(refused) > 5 and not any("K0" in text for text in refused)


def test_a_reader_that_gives_up_is_an_error_of_the_file(monkeypatch):
    import python_calamine

    class PanicException(BaseException):
        pass

    def load(*_):
        raise PanicException("range end index 106")

    monkeypatch.setattr(python_calamine, "load_workbook", load)
    with pytest.raises(DataError, match="cannot be read"):
        read_file(Source(BOOK))


@pytest.mark.parametrize(
    ("mark", "says"), [("_VBA_PROJECT", "macros"), ("EncryptedPackage", "has a password")]
)
def test_macros_and_passwords_are_refused(tmp_path, mark, says):
    path = tmp_path / "book.xls"
    path.write_bytes(BOOK.read_bytes() + mark.encode("utf-16-le"))
    with pytest.raises(DataError, match=says):
        read_file(Source(path))


def test_text_and_web_pages_under_this_name(tmp_path):
    path = tmp_path / "scores.xls"
    path.write_text("id\tnrs_pre\tnrs_post\nK1\t7\t4\nK2\t8\t5\nK3\t6\t5\n", encoding="utf-8")
    assert read_file(Source(path))["nrs_pre"].tolist() == ["7", "8", "6"]
    path.write_text("<html><table><tr><td>id</td></tr></table></html>", encoding="utf-8")
    with pytest.raises(DataError, match="a web page under the name of a table"):
        guess_study(path)
