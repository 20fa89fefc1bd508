"""HTML, PDF and DOCX hold the same tables, cell by cell, and the same bytes each time."""

from __future__ import annotations

import html
import html.parser
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import outcomes as oc
from outcomes import plots
from outcomes.core.errors import MissingExtraError, StudyError
from outcomes.core.result import Results
from outcomes.plots import draw_on
from outcomes.reporting import write_document, write_report, write_reports
from outcomes.reporting.document import (
    Document,
    Figure,
    Flow,
    Paragraph,
    Section,
    TableBlock,
    all_blocks,
    all_tables,
    elsewhere,
    on_paper,
)
from outcomes.reporting.render import docx as docx_format
from outcomes.reporting.render import figures
from outcomes.reporting.render import html as html_format
from outcomes.reporting.render import pdf as pdf_format
from tests.builders import two_visits


class Tables(html.parser.HTMLParser):
    """The cells of every table of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.cell is not None:
            self.tables[-1][-1].append("".join(self.cell).strip())
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)


def cells(doc: Document) -> list[list[list[str]]]:
    return [
        [[h or "item" for h in t.header], *([c.strip() for c in row] for row in t.rows)]
        for t in all_tables(doc)
    ]


@pytest.fixture(scope="module")
def page(document: Document) -> str:
    return html_format.render(document)


@pytest.fixture(scope="module")
def pdf(document: Document) -> bytes:
    return pdf_format.render(document)


@pytest.fixture(scope="module")
def word(document: Document) -> bytes:
    return docx_format.render(document)


def test_html_has_every_cell_of_every_table(document: Document, page: str) -> None:
    found = Tables()
    found.feed(page)
    assert found.tables == cells(document)
    assert sum(len(row) for t in found.tables for row in t) > 1000


def test_docx_has_every_cell_of_every_table(document: Document, word: bytes) -> None:
    docx = pytest.importorskip("docx")
    file = docx.Document(io.BytesIO(word))
    wanted = cells(on_paper(document))
    steps = sum(isinstance(b, Flow) for b in all_blocks(document))
    there = [[[c.text.strip() for c in row.cells] for row in t.rows] for t in file.tables]
    there = [t for t in there if t in wanted]
    assert there == wanted
    # the flow, the numbers of the first page, and the two columns of the plan's text
    assert len(file.tables) == len(wanted) + steps + 2


def test_pdf_has_every_cell_of_every_table(document: Document, pdf: bytes, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler) is not installed")
    (tmp_path / "r.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", "-raw", "-enc", "UTF-8", str(tmp_path / "r.pdf"), "-"],
        capture_output=True,
        check=True,
    )
    text = re.sub(r"[\s\u00ad\u200b]+", "", done.stdout.decode())
    lost = [
        c
        for t in cells(on_paper(document))
        for row in t
        for c in row
        if re.sub(r"\s+", "", c) not in text
    ]
    # a cell that is broken over two pages has the foot of the page in it
    assert [c for c in lost if len(c) < 60] == []
    assert len(lost) <= 3


def test_pdf_is_tagged_for_readers_who_cannot_see(document: Document, pdf: bytes) -> None:
    assert b"pdfuaid" in pdf and b"/StructTreeRoot" in pdf and b"/Lang" in pdf
    figures = sum(isinstance(b, Figure) for b in all_blocks(document))
    assert pdf.count(b"/Alt") >= figures > 3


def test_the_same_report_gives_the_same_bytes(
    document: Document, page: str, pdf: bytes, word: bytes
) -> None:
    assert html_format.render(document) == page
    assert pdf_format.render(document) == pdf
    assert docx_format.render(document) == word


def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys, outcomes as oc; from tests.builders import two_visits; from outcomes.reporting"
        " import write_reports;s = two_visits([7, 6, 8, 5, 9, 7], [5, 6, 4, 5, 6, 3]);p ="
        " oc.Plan(oc.PairedT('pain', before='baseline', after='week_4', role='primary'),"
        " oc.Responders('pain', before='baseline', after='week_4'));write_reports(s, p,"
        " sys.argv[1])"
    )
    for name, seed in (("a", "1"), ("b", "2")):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin"},
            cwd=Path(__file__).resolve().parents[2],
        )
    for kind in ("html", "pdf", "docx"):
        assert (tmp_path / "a" / f"report.{kind}").read_bytes() == (
            tmp_path / "b" / f"report.{kind}"
        ).read_bytes()


def test_the_cohort_has_three_pages_first_and_an_appendix_under_twelve(
    pdf: bytes, tmp_path: Path
) -> None:
    assert max(int(n) for n in re.findall(rb"/Type/Pages/Count (\d+)", pdf)) <= 3 + 11
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler) is not installed")
    (tmp_path / "r.pdf").write_bytes(pdf)
    pages = [
        subprocess.run(
            ["pdftotext", "-f", n, "-l", n, str(tmp_path / "r.pdf"), "-"],
            capture_output=True,
            check=True,
        ).stdout.decode()
        for n in ("3", "4")
    ]
    assert "What this design cannot show" in pages[0] and pages[1].startswith("The patients")


def test_tables_and_figures_are_numbered_and_every_figure_has_words_and_numbers(
    document: Document,
) -> None:
    tables = [b.table.title for b in all_blocks(document) if isinstance(b, TableBlock)]
    assert [re.match(r"Table (\d+)\. ", t)[1] for t in tables] == [
        str(i + 1) for i in range(len(tables))
    ]  # type: ignore[index]
    figures = [b for b in all_blocks(document) if isinstance(b, Figure)]
    for i, f in enumerate(figures, 1):
        assert f.caption.startswith(f"Figure {i}. ")
        assert len(f.alt) > 20
        # the others have their numbers in the table of the same answer: every fact stands once
        assert f.numbers is None if f.kind in ("course", "dots", "forest") else f.numbers.rows


def test_no_cell_has_more_digits_than_a_reader_can_use(document: Document) -> None:
    long = [
        c
        for t in all_tables(document)
        for row in t.rows
        for c in row
        if re.search(r"\d\.\d{4,}", c)
    ]
    assert [c for c in long if not c.startswith(("0.1.0",)) and "doi" not in c] == []


def test_text_is_never_markup(tmp_path: Path) -> None:
    bad = '<script>alert(1)</script> #eval("1+1") *x* _y_ $z$ [[a]] @b & \\ {{ 7*7 }} "q" \'q\''
    study = two_visits([7, 6, 8, 5], [5, 6, 4, 5], title=bad)
    q = oc.PairedT("pain", before="baseline", after="week_4", role="primary", label=bad)
    paths = write_reports(study, oc.Plan(q), tmp_path)
    assert "<script>alert" not in paths[0].read_text("utf-8")
    file = pytest.importorskip("docx").Document(paths[2])
    assert any(p.text == bad for p in file.paragraphs)
    if shutil.which("pdftotext"):
        done = subprocess.run(
            ["pdftotext", "-raw", str(paths[1]), "-"], capture_output=True, check=True
        )
        assert re.sub(r"\s", "", bad) in re.sub(r"\s", "", done.stdout.decode())


def test_a_missing_extra_says_how_to_get_it(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, render, extra in (
        ("typst", pdf_format.render, "pdf"),
        ("docx", docx_format.render, "docx"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match=rf"pip install 'outcomes\[{extra}\]'"):
            render(document)


def test_an_unknown_ending_or_format_is_refused(tmp_path: Path, results: Results) -> None:
    with pytest.raises(StudyError, match=r"A report ends in \.html, \.pdf, \.docx"):
        write_report(results.study, results, tmp_path / "report.txt")
    with pytest.raises(StudyError, match="No format 'odt'"):
        write_reports(results.study, results, tmp_path, formats=("odt",))
    with pytest.raises(StudyError, match="No audience 'press'"):
        write_report(results.study, results, tmp_path / "r.html", audience="press")
    assert list(tmp_path.iterdir()) == []


def told_in_a_row(results: Results, lines: int) -> Document:
    """A report whose page is filled by so many lines before a picture, with a text after it."""
    drawn = Figure(results[1], "slopes", "Figure 1. Drawn.", "Said.")
    after = Paragraph("What follows the picture.")
    filled = (*(Paragraph("One line.") for _ in range(lines)), drawn, after)
    return Document("A title", "", (Section("Answers", filled),))


@pytest.mark.parametrize(
    ("lines", "picture", "follows"), [(5, 1, 1), (25, 1, 1), (38, 2, 1), (42, 2, 1)]
)
def test_no_page_is_left_half_white_before_a_picture(
    results: Results, tmp_path: Path, lines: int, picture: int, follows: int
) -> None:
    """The text goes on where the picture has no room left; a little smaller it may have."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler) is not installed")
    write_document(told_in_a_row(results, lines), tmp_path, formats=("pdf",))
    said = subprocess.run(
        ["pdftotext", str(tmp_path / "report.pdf"), "-"], capture_output=True, check=True
    )
    pages = said.stdout.decode().split("\f")
    assert "Figure 1. Drawn." in pages[picture - 1]
    assert "What follows the picture." in pages[follows - 1]


@pytest.mark.parametrize("lines", [30, 34, 38, 42])
def test_a_chapter_s_heading_stays_with_the_picture_under_it(
    results: Results, tmp_path: Path, lines: int
) -> None:
    """A chapter that has nothing of its own begins with a section that is one picture."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler) is not installed")
    before = Section("Before", tuple(Paragraph("One line.") for _ in range(lines)))
    drawn = Section("Drawn", (Figure(results[1], "slopes", "Figure 1.", "Said."),), level=3)
    doc = Document("A title", "", (before, Section("A chapter", ()), drawn))
    write_document(doc, tmp_path, formats=("pdf",))
    said = subprocess.run(
        ["pdftotext", str(tmp_path / "report.pdf"), "-"], capture_output=True, check=True
    )
    pages = said.stdout.decode().split("\f")
    place = {
        words: next(i for i, p in enumerate(pages) if words in p)
        for words in ("A chapter", "Figure 1.")
    }
    assert place["A chapter"] == place["Figure 1."]


def test_letters_of_a_printed_picture_are_at_least_six_points(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(plots, "draw_on", lambda *a, **k: made.append(draw_on(*a, **k)))
    shown = [b for b in all_blocks(document) if isinstance(b, Figure)]
    for b in shown:
        figures.render(b)
    assert "forest" in {b.kind for b in shown}
    small = [b.caption for b, d in zip(shown, made, strict=True) if d.size(10) < 10]
    assert small == [] and 10 * pdf_format.PICTURE >= 6


def test_a_folded_table_is_not_printed_with_the_page_which_says_where_it_is(
    document: Document, page: str
) -> None:
    folded = [b.table for b in all_blocks(document) if isinstance(b, TableBlock) and b.folded]
    said = re.findall(r'<p class="note paper">([^<]*)</p>', page)
    assert len(folded) > 1 and [html.unescape(s) for s in said] == [elsewhere(t) for t in folded]
    style = page.partition("<style>")[2].partition("</style>")[0]
    screen, _, paper = style.partition("@media print")
    assert ".paper { display: none; }" in screen and ".paper { display: block; }" in paper
    opened = re.findall(r"([\w.]+)::details-content", paper)
    assert opened == ["details.chapter", "details.code"], "numbers of pictures would be printed"
