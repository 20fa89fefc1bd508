"""A table in Word: editable, with a heading row that repeats on every page and whole words."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from outcomes.core.errors import MissingExtraError
from outcomes.core.language import say
from outcomes.tables.results_table import Table
from outcomes.tables.widths import laid_out

#: A fixed time for the file's own dates: the same document gives the same bytes.
EPOCH = (2000, 1, 1, 0, 0, 0)
INK, SOFT = "1C2328", "4F5A63"
#: Text width in millimetres on A4 with 20 mm margins, upright and lying.
TEXT_WIDTH, WIDE = 170, 257
#: Space beside the text of a cell, in points: what Word leaves.
PADDING = 13.0
#: Below this size of type, in points, a table alone is set on a page that lies.
READABLE = 7.0


def to_word(table: Table) -> bytes:
    """One table as a Word file, on a page that lies where its words need the width.

    Raises MissingExtraError without python-docx.
    """
    file = new_file()
    house_fonts(file)
    wide = laid_out(_named(table), TEXT_WIDTH / 25.4 * 72, padding=PADDING)[0] < READABLE
    if wide:
        page = file.sections[0]
        page.page_width, page.page_height = page.page_height, page.page_width
    about = file.core_properties
    about.title, about.author, about.comments = table.title, "", ""
    about.created = about.modified = datetime(*EPOCH)
    about.language, about.last_modified_by, about.revision = table.language, "", 1
    table_in(file, table, WIDE if wide else TEXT_WIDTH, table.footnotes())
    out = io.BytesIO()
    file.save(out)
    return rezipped(out.getvalue())


def new_file() -> Any:
    """An empty Word file. Raises MissingExtraError without python-docx."""
    try:
        import docx
    except ImportError:
        raise MissingExtraError("DOCX needs the docx extra: pip install 'outcomes[docx]'") from None
    return docx.Document()


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


def house_fonts(file: Any) -> None:
    """A4 with 20 mm margins, and one font for text, headings, lists and captions."""
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


def text_in(
    file: Any,
    text: str,
    *,
    size: float = 10,
    bold: bool = False,
    colour: str = INK,
    into: Any = None,
    style: str | None = None,
) -> Any:
    """Text as a paragraph of the file, or in one that is there (`into`)."""
    from docx.shared import Pt, RGBColor

    paragraph = into if into is not None else file.add_paragraph(style=style)
    run = paragraph.add_run(text)
    run.bold, run.font.size, run.font.color.rgb = bold, Pt(size), RGBColor.from_string(colour)
    return paragraph


def table_in(
    file: Any, t: Table, room: float = TEXT_WIDTH, notes: Sequence[str] | None = None
) -> None:
    """The table with its title above and its notes below, `room` millimetres wide."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    title = text_in(file, t.title, size=9.5, bold=True, style="Caption")
    title.paragraph_format.keep_with_next = True
    size, points = laid_out(_named(t), room / 25.4 * 72, padding=PADDING)
    made = file.add_table(rows=1 + len(t.rows), cols=len(t.header))
    made.autofit = False
    about = made._tbl.tblPr
    for tag, value in (
        ("w:tblCaption", t.title),
        ("w:tblDescription", say("Columns: {names}", names=", ".join(_named(t).header))),
    ):
        said = OxmlElement(tag)
        said.set(qn("w:val"), value)
        about.append(said)
    widths = [w / 72 * 25.4 for w in points]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = Mm(width)
    for y, row in enumerate((_named(t).header, *t.rows)):
        cells = made.rows[y].cells
        properties = made.rows[y]._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if y == 0:
            properties.append(OxmlElement("w:tblHeader"))
        for x, text in enumerate(row):
            cells[x].width = Mm(widths[x])
            paragraph = text_in(cells[x], text, size=size, bold=y == 0, into=cells[x].paragraphs[0])
            paragraph.paragraph_format.space_after = paragraph.paragraph_format.space_before = Pt(
                1.5
            )
            if x in t.numeric:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            _rule(cells[x], first=y == 0, last=y == len(t.rows))
    notes = t.notes if notes is None else notes
    for note in notes:
        text_in(file, note, size=8, colour=SOFT).paragraph_format.space_after = Pt(2)
    if not notes:
        file.add_paragraph().paragraph_format.space_after = Pt(2)


def _named(t: Table) -> Table:
    return replace(t, header=tuple(h or say("item") for h in t.header))


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
