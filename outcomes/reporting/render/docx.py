"""The document as a Word file: editable tables in a journal's style, pictures with their words, one
style for all.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from outcomes.core.language import say
from outcomes.reporting.document import (
    SAMPLE_WORDS,
    Block,
    Bullets,
    Code,
    Document,
    Figure,
    Flow,
    KeyNumbers,
    Paragraph,
    TableBlock,
    appendix_words,
    blocks_of,
    on_paper,
)
from outcomes.reporting.render.figures import render as draw
from outcomes.tables.results_table import Table
from outcomes.tables.word import (
    EPOCH,
    INK,
    SOFT,
    TEXT_WIDTH,
    house_fonts,
    new_file,
    rezipped,
    table_in,
    text_in,
)

AMBER = "8A4B00"
#: The languages as Word's spelling checker names them.
LOCALES = {
    "en": "en-GB",
    "de": "de-DE",
    "fr": "fr-FR",
    "es": "es-ES",
    "pt": "pt-PT",
    "nl": "nl-NL",
}


def render(doc: Document) -> bytes:
    """The document as DOCX. The same document gives the same bytes. Raises MissingExtraError
    without python-docx.
    """
    with doc.written():
        return _rendered(doc)


def _rendered(doc: Document) -> bytes:
    file = new_file()
    _prepare(file, doc)
    if doc.sample:
        _shade(text_in(file, say(SAMPLE_WORDS), bold=True, colour=AMBER), "FFF6E8")
    file.add_heading(doc.title, 0)
    text_in(file, doc.subtitle, colour=SOFT)
    doc = on_paper(doc)
    for s in doc.sections:
        if s.new_page:
            file.add_page_break()
            if words := appendix_words(doc):
                text_in(file, words, size=8.5, colour=SOFT)
        file.add_heading(s.title, s.level - 1)
        for b in blocks_of(doc, s):
            _block(file, b)
    out = io.BytesIO()
    file.save(out)
    return rezipped(out.getvalue())


def _prepare(file: Any, doc: Document) -> None:
    from docx.oxml.ns import qn

    house_fonts(file)
    about = file.core_properties
    about.title, about.author, about.comments, about.subject = doc.title, "", "", doc.subtitle
    about.created = about.modified = datetime(*EPOCH)
    about.language = doc.language
    for said in file.styles.element.iter(qn("w:lang")):
        said.set(qn("w:val"), LOCALES[doc.language])
    about.last_modified_by, about.revision = "", 1
    page = file.sections[0]
    text_in(page.footer, doc.footer, size=8, colour=SOFT, into=page.footer.paragraphs[0])


def _block(file: Any, b: Block) -> None:
    match b:
        case Paragraph():
            paragraph = text_in(
                file,
                b.text,
                size=8.5 if b.kind == "small" else 10,
                colour=SOFT if b.kind == "small" else INK,
            )
            if b.language:
                _spoken_in(paragraph, b.language)
            if b.kind in ("caution", "lead"):
                _shade(paragraph, "FFF6E8" if b.kind == "caution" else "EAF2F8")
        case Bullets():
            for item in b.items:
                file.add_paragraph(item, style="List Bullet")
        case KeyNumbers():
            _keys(file, b)
        case Flow():
            rows = tuple(
                (s.n, s.label, "; ".join(f"{n} {why}" for why, n in s.out) or "–") for s in b.steps
            )
            table_in(
                file,
                Table(
                    say("Who was counted"),
                    (say("number"), say("step"), say("left out here, and why")),
                    rows,
                    numeric=(0,),
                ),
            )
        case Figure():
            _figure(file, b)
        case Code():
            _code(file, b)
        case TableBlock():
            table_in(file, b.table)


def _keys(file: Any, b: KeyNumbers) -> None:
    across = min(len(b.items), 3)
    grid = file.add_table(rows=-(-len(b.items) // across), cols=across)
    for i, k in enumerate(b.items):
        cell = grid.cell(i // across, i % across)
        text_in(cell, k.value, size=16, bold=True, into=cell.paragraphs[0])
        text_in(cell, k.label, size=9)
        if k.detail:
            text_in(cell, k.detail, size=8.5, colour=SOFT)
    file.add_paragraph()


def _figure(file: Any, b: Figure) -> None:
    from docx.shared import Mm

    png = draw(b, kind="png")
    wide = (
        int.from_bytes(png[16:20], "big") / 200 * 25.4
    )  # pixels at 200 to the inch, in millimetres
    paragraph = file.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    drawn = paragraph.add_run().add_picture(io.BytesIO(png), width=Mm(min(TEXT_WIDTH, 0.6 * wide)))
    drawn._inline.docPr.set("descr", b.alt)
    drawn._inline.docPr.set("title", b.caption.split(". ")[0])
    text_in(file, b.caption, size=9, colour=SOFT, style="Caption")
    if b.numbers:
        table_in(file, b.numbers)


def _code(file: Any, b: Code) -> None:
    """Lines of a file in two columns, in a small typewriter face."""
    text_in(file, b.title, size=9, bold=True).paragraph_format.keep_with_next = True
    half = -(-len(b.lines) // 2)
    grid = file.add_table(rows=1, cols=2)
    for cell, lines in zip(grid.rows[0].cells, (b.lines[:half], b.lines[half:]), strict=True):
        paragraph = text_in(cell, "\n".join(lines), size=6, into=cell.paragraphs[0])
        paragraph.runs[0].font.name = "Courier New"


def _spoken_in(paragraph: Any, language: str) -> None:
    """Say in which language a paragraph is, where that is not the language of the report."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for run in paragraph.runs:
        said = OxmlElement("w:lang")
        said.set(qn("w:val"), LOCALES[language])
        run._r.get_or_add_rPr().append(said)


def _shade(paragraph: Any, colour: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    shade = OxmlElement("w:shd")
    for key, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        shade.set(qn(f"w:{key}"), value)
    paragraph._p.get_or_add_pPr().append(shade)
