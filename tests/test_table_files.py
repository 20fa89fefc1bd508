"""One table alone as Word, Excel, CSV, HTML, LaTeX and Markdown: the same cells in each."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import outcomes as oc
from outcomes.core.errors import OutputError
from outcomes.tables.results_table import Table
from outcomes.tables.save import latex
from outcomes.tables.widths import laid_out
from outcomes.tables.word import TEXT_WIDTH
from tests.builders import two_visits

CHANGE = oc.PairedT("pain", before="baseline", after="week_4")
STUDY = two_visits([7, 6, 8, 5, 9, None], [5, 6, 2, 4, 7, 5])
TABLE = oc.table(CHANGE.run(STUDY))
MANY = Table(
    "Pain & sleep_1 <b>",
    ("score", "mean", "95% CI", "share", "P", "n"),
    tuple((f"=score {i}", "−1.5", "−2.5 to −0.5", "38%", "<.001", "5 of 6") for i in range(120)),
    ("Change is after − before; 50% of #1 | x",),
    (1, 2, 3, 4, 5),
)


def test_excel_has_numbers_as_numbers_with_their_printed_digits(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(MANY.save(tmp_path / "t.xlsx")).active
    assert sheet["A1"].value == MANY.title
    assert [c.value for c in sheet[2]] == [
        "score", "mean", "95% CI: low", "95% CI: high", "share", "P", "n",
    ]  # fmt: skip
    row = sheet[3]
    assert [c.value for c in row] == ["=score 0", -1.5, -2.5, -0.5, 0.38, "<.001", "5 of 6"]
    assert [c.data_type for c in row] == ["s", "n", "n", "n", "n", "s", "s"]
    assert [c.number_format for c in row[1:5]] == ["0.0", "0.0", "0.0", "0%"]
    below = [str(c.value) for c in sheet["A"][-3:]]
    assert MANY.notes[0] in below
    assert "Abbreviations: CI, confidence interval." in below


def test_csv_has_numbers_that_programs_read(tmp_path: Path) -> None:
    text = MANY.save(tmp_path / "t.csv").read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1] == ["'=score 0", "-1.5", "-2.5", "-0.5", "38%", "<.001", "5 of 6"]
    assert len(rows) == 121


def test_word_repeats_the_header_and_keeps_rows_and_words_whole(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    path = MANY.save(tmp_path / "t.docx")
    file = docx.Document(str(path))
    (table,) = file.tables
    assert [[c.text for c in r.cells] for r in list(table.rows)[:2]] == [
        list(MANY.header), list(MANY.rows[0]),
    ]  # fmt: skip
    xml = zipfile.ZipFile(path).read("word/document.xml").decode()
    assert xml.count("w:tblHeader") == 1
    assert xml.count("w:cantSplit") == 121
    assert xml.count('w:jc w:val="right"') == 5 * 121
    words = [p.text for p in file.paragraphs]
    assert words[0] == MANY.title and MANY.notes[0] in words
    assert path.read_bytes() == MANY.save(tmp_path / "again.docx").read_bytes()


def test_a_table_too_wide_for_an_upright_page_lies(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    wide = Table("Wide", ("heterogeneity",) * 12, (("undetermined",) * 12,))
    page = docx.Document(str(wide.save(tmp_path / "w.docx"))).sections[0]
    assert page.page_width > page.page_height
    assert round(page.page_width.mm - page.left_margin.mm - page.right_margin.mm) == 257
    narrow = docx.Document(str(TABLE.save(tmp_path / "n.docx"))).sections[0]
    assert round(narrow.page_width.mm - narrow.left_margin.mm * 2) == TEXT_WIDTH


def test_a_short_heading_or_name_is_on_one_line_beside_long_sentences() -> None:
    long = "A sentence that is far too long for one line of a page, whatever is left for it. " * 2
    t = Table(
        "t",
        ("no.", "adjusted P", "who says so", "what"),
        (("1", ".02", "a b", long),) * 3,
        numeric=(1,),
    )
    size, (_, p, who, what) = laid_out(t, 400)
    assert size == 8.0 and what < 300
    assert p >= 8 * 0.55 * len("adjusted P") and who >= 8 * 0.55 * len("who says so")


def test_numbers_take_the_room_that_they_need_and_no_more() -> None:
    """Narrow letters are narrow: a table of means needs no smaller type."""
    row = ("Pain NRS average", *["36.4 (6.5), 230"] * 5)
    size, widths = laid_out(Table("t", ("score", *"abcde"), (row,), numeric=(1, 2, 3, 4, 5)), 493)
    assert size == 8.0 and sum(widths) <= 493
    words = ("the difference may be 0: benefit and harm are both possible",)
    _, (w,) = laid_out(Table("t", ("95% CI",), (words,), numeric=(0,)), 100)
    assert w <= 100


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("td", "th"):
            self.found.append("")
        self.inside = tag in ("td", "th")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside and self.found:
            self.found[-1] += data.strip()


def test_html_is_a_page_that_loads_nothing_and_has_every_cell(tmp_path: Path) -> None:
    text = MANY.save(tmp_path / "t.HTML").read_text()
    reader = Cells()
    reader.feed(text)
    assert reader.found == [*MANY.header, *(c for r in MANY.rows for c in r)]
    assert "<script" not in text and "http" not in text
    assert "<b>Pain &amp; sleep_1 &lt;b&gt;</b>" in text


def test_markdown_has_every_cell_and_escapes_its_own_signs(tmp_path: Path) -> None:
    lines = MANY.save(tmp_path / "t.md").read_text().split("\n")
    assert lines[0] == r"**Pain & sleep\_1 \<b\>**"
    assert lines[3] == "| :--- | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4] == r"| =score 0 | −1.5 | −2.5 to −0.5 | 38% | \<.001 | 5 of 6 |"
    assert lines[-4] == r"Change is after − before; 50% of \#1 \| x"


def test_latex_needs_booktabs_alone_and_has_every_row(tmp_path: Path) -> None:
    text = MANY.save(tmp_path / "t.tex").read_text()
    assert set(re.findall(r"usepackage\{(\w+)\}", text)) == {"booktabs"}
    rules = [text.count(rf"\{r}rule") for r in ("top", "mid", "bottom")]
    assert rules == [1, 1, 1]
    assert text.count(r"\tabularnewline") == 1 + len(MANY.rows)
    assert r"=score 0 & \ensuremath{-}1.5 &" in text
    assert r"38\% & \textless{}.001 & 5 of 6 \tabularnewline" in text
    assert re.search(r"\\begin\{tabular\}\{lrrrrr\}", text)
    assert text.count("{") == text.count("}")


def test_latex_wraps_columns_of_words_where_the_page_is_too_narrow(tmp_path: Path) -> None:
    long = Table("", ("a", "b"), (("word " * 30, "−1.5"),), (), (1,))
    text = long.save(tmp_path / "t.tex").read_text()
    assert re.search(r"begin\{tabular\}\{p\{0\.\d+\\linewidth\}r\}", text)
    assert r"\raggedright word word" in text


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_sign_of_latex_is_left_bare(text: str) -> None:
    left = re.sub(r"\\(text\w+|ensuremath)\{[^{}]*\}|\\[&%$#_{}]|\{[\[\]*]\}", "", latex(text))
    assert not re.search(r"[\\&%$#_{}~^]", left)


@pytest.mark.parametrize("name", ["t.pdf", "t", "t.doc", "t.csv.gz"])
def test_another_ending_names_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.docx, \.xlsx, \.csv, \.html, \.tex, \.md"):
        TABLE.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["docx", "xlsx", "csv", "html", "tex", "md"])
def test_what_can_be_tabled_can_be_saved(tmp_path: Path, ending: str) -> None:
    result = CHANGE.run(STUDY)
    plan = oc.Plan(CHANGE, dataclasses.replace(CHANGE, after="nowhere")).run(STUDY)
    things = (result, plan, result.counts, STUDY, oc.questions(), plan.to_frame())
    for i, thing in enumerate(things):
        path = oc.table(thing).save(tmp_path / "new" / f"{i}.{ending}")
        assert path.stat().st_size > 20
    empty = Table("Nothing", ("a", "b"), (), numeric=(1,))
    assert empty.save(tmp_path / f"empty.{ending}").exists()
