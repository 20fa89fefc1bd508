"""The document as a Word file: editable tables in a journal's style, pictures with their words, one
style for all.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import datetime
from typing import Any

from outcomes.core.errors import MissingExtraError
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
    blocks_of,
    on_paper,
)
from outcomes.reporting.render.figures import render as draw
from outcomes.reporting.render.widths import laid_out
from outcomes.tables.results_table import Table

#: A fixed time for the file's own dates: the same document gives the same bytes.
EPOCH = (2000, 1, 1, 0, 0, 0)
INK, SOFT, AMBER = "1C2328", "4F5A63", "8A4B00"
#: Space beside the text of a cell, in points: what Word leaves.
PADDING = 13.0
#: Text width in millimetres on A4 with 20 mm margins.
TEXT_WIDTH = 170


def render(doc: Document) -> bytes:
    """The document as DOCX. The same document gives the same bytes. Raises MissingExtraError
    without python-docx.
    """
    try:
        import docx
    except ImportError:
        raise MissingExtraError("DOCX needs the docx extra: pip install 'outcomes[docx]'") from None
    file = docx.Document()
    _prepare(file, doc)
    if doc.sample:
        _shade(_text(file, SAMPLE_WORDS, bold=True, colour=AMBER), "FFF6E8")
    file.add_heading(doc.title, 0)
    _text(file, doc.subtitle, colour=SOFT)
    doc = on_paper(doc)
    for s in doc.sections:
        if s.new_page:
            file.add_page_break()
        file.add_heading(s.title, s.level - 1)
        for b in blocks_of(doc, s):
            _block(file, b)
    out = io.BytesIO()
    file.save(out)
    return rezipped(out.getvalue())


def rezipped(data: bytes) -> bytes:
    """The same archive with a fixed time on every part."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            new.writestr(info, old.read(name))
    return out.getvalue()


def _prepare(file: Any, doc: Document) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt, RGBColor

    page = file.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(20)
    for name, size in (
        ("Normal", 10),
        ("Title", 20),
        ("Heading 1", 14),
        ("Heading 2", 11.5),
        ("List Bullet", 10),
        ("Caption", 9),
    ):
        style = file.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = (
            "Arial",
            Pt(size),
            RGBColor.from_string(INK),
        )
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in [a for a in fonts.attrib if "heme" in a]:
            del fonts.attrib[theme]
        fonts.set(qn("w:eastAsia"), "Arial")
    file.styles["Caption"].font.bold = False
    about = file.core_properties
    about.title, about.author, about.comments, about.subject = doc.title, "", "", doc.subtitle
    about.created = about.modified = datetime(*EPOCH)
    about.language, about.last_modified_by, about.revision = "en", "", 1
    _text(page.footer, doc.footer, size=8, colour=SOFT, into=page.footer.paragraphs[0])


def _block(file: Any, b: Block) -> None:
    match b:
        case Paragraph():
            paragraph = _text(
                file,
                b.text,
                size=8.5 if b.kind == "small" else 10,
                colour=SOFT if b.kind == "small" else INK,
            )
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
            _table(
                file,
                Table(
                    "Who was counted",
                    ("number", "step", "left out here, and why"),
                    rows,
                    numeric=(0,),
                ),
            )
        case Figure():
            _figure(file, b)
        case Code():
            _code(file, b)
        case TableBlock():
            _table(file, b.table)


def _text(
    file: Any,
    text: str,
    *,
    size: float = 10,
    bold: bool = False,
    colour: str = INK,
    into: Any = None,
    style: str | None = None,
) -> Any:
    from docx.shared import Pt, RGBColor

    paragraph = into if into is not None else file.add_paragraph(style=style)
    run = paragraph.add_run(text)
    run.bold, run.font.size, run.font.color.rgb = bold, Pt(size), RGBColor.from_string(colour)
    return paragraph


def _keys(file: Any, b: KeyNumbers) -> None:
    across = min(len(b.items), 3)
    grid = file.add_table(rows=-(-len(b.items) // across), cols=across)
    for i, k in enumerate(b.items):
        cell = grid.cell(i // across, i % across)
        _text(cell, k.value, size=16, bold=True, into=cell.paragraphs[0])
        _text(cell, k.label, size=9)
        if k.detail:
            _text(cell, k.detail, size=8.5, colour=SOFT)
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
    _text(file, b.caption, size=9, colour=SOFT, style="Caption")
    if b.numbers:
        _table(file, b.numbers)


def _code(file: Any, b: Code) -> None:
    """Lines of a file in two columns, in a small typewriter face."""
    _text(file, b.title, size=9, bold=True).paragraph_format.keep_with_next = True
    half = -(-len(b.lines) // 2)
    grid = file.add_table(rows=1, cols=2)
    for cell, lines in zip(grid.rows[0].cells, (b.lines[:half], b.lines[half:]), strict=True):
        paragraph = _text(cell, "\n".join(lines), size=6, into=cell.paragraphs[0])
        paragraph.runs[0].font.name = "Courier New"


def _table(file: Any, t: Table) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    title = _text(file, t.title, size=9.5, bold=True, style="Caption")
    title.paragraph_format.keep_with_next = True
    named = replace(t, header=tuple(h or "item" for h in t.header))
    size, points = laid_out(named, TEXT_WIDTH / 25.4 * 72, padding=PADDING)
    made = file.add_table(rows=1 + len(t.rows), cols=len(t.header))
    made.autofit = False
    about = made._tbl.tblPr
    for tag, value in (
        ("w:tblCaption", t.title),
        ("w:tblDescription", f"Columns: {', '.join(h or 'item' for h in t.header)}"),
    ):
        said = OxmlElement(tag)
        said.set(qn("w:val"), value)
        about.append(said)
    widths = [w / 72 * 25.4 for w in points]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = Mm(width)
    for y, row in enumerate((tuple(h or "item" for h in t.header), *t.rows)):
        cells = made.rows[y].cells
        properties = made.rows[y]._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if y == 0:
            properties.append(OxmlElement("w:tblHeader"))
        for x, text in enumerate(row):
            cells[x].width = Mm(widths[x])
            paragraph = _text(cells[x], text, size=size, bold=y == 0, into=cells[x].paragraphs[0])
            paragraph.paragraph_format.space_after = paragraph.paragraph_format.space_before = Pt(
                1.5
            )
            if x in t.numeric:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            _rule(cells[x], first=y == 0, last=y == len(t.rows))
    for note in t.notes:
        _text(file, note, size=8, colour=SOFT).paragraph_format.space_after = Pt(2)
    if not t.notes:
        file.add_paragraph().paragraph_format.space_after = Pt(2)


def _rule(cell: Any, *, first: bool, last: bool) -> None:
    """The three rules of a journal's table: above and below the header, and at the end."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    borders = OxmlElement("w:tcBorders")
    edges = (["top", "bottom"] if first else []) + (["bottom"] if last and not first else [])
    for edge in edges:
        rule = OxmlElement(f"w:{edge}")
        for key, value in (("val", "single"), ("sz", "8"), ("color", INK)):
            rule.set(qn(f"w:{key}"), value)
        borders.append(rule)
    if edges:
        cell._tc.get_or_add_tcPr().append(borders)


def _shade(paragraph: Any, colour: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    shade = OxmlElement("w:shd")
    for key, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        shade.set(qn(f"w:{key}"), value)
    paragraph._p.get_or_add_pPr().append(shade)
