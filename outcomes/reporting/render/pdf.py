"""The document as a tagged PDF/UA-1 file, set by typst; no system package, no network, no system
font.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from outcomes.core.errors import MissingExtraError, OutcomesError
from outcomes.core.language import language_of, say
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
from outcomes.reporting.render.figures import width_points
from outcomes.tables.results_table import Table
from outcomes.tables.widths import laid_out

#: The width of the text on an A4 page, in points.
TEXT_WIDTH = 493
#: Pictures are printed at this part of their size on a screen.
PICTURE = 0.54


def render(doc: Document) -> bytes:
    """The document as PDF/UA-1. The same document gives the same bytes.

    The build fails, rather than give a poorer file, on a missing alt text, title, heading level,
    font or glyph. Raises MissingExtraError without typst.
    """
    try:
        import typst
    except ImportError:
        raise MissingExtraError("PDF needs the pdf extra: pip install 'outcomes[pdf]'") from None
    import matplotlib

    files: dict[str, bytes] = {
        "main.typ": resources.files("outcomes.reporting.render").joinpath("report.typ").read_bytes()
    }
    with doc.written():
        files["data.json"] = json.dumps(_data(on_paper(doc), files), ensure_ascii=False).encode()
    try:
        made, warned = typst.compile_with_warnings(  # type: ignore[call-overload]
            files,
            font_paths=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
            ignore_system_fonts=True,
            pdf_standards="ua-1",
            timestamp=0,
        )
    except typst.TypstError as e:
        raise OutcomesError(f"The PDF could not be set: {e}") from None
    if warned:
        raise OutcomesError(
            f"The PDF could not be set faultlessly: {'; '.join(str(w.message) for w in warned)}"
        )
    return bytes(made)


def _data(doc: Document, files: dict[str, bytes]) -> dict[str, Any]:
    sections = [
        {
            "title": s.title,
            "level": s.level,
            "new-page": s.new_page,
            "blocks": [_block(b, files) for b in blocks_of(doc, s)],
        }
        for s in doc.sections
    ]
    return {
        "title": doc.title,
        "subtitle": doc.subtitle,
        "sections": sections,
        "sample": doc.sample,
        "sample-words": say(SAMPLE_WORDS),
        "language": doc.language,
        "appendix": appendix_words(doc),
        "footer": doc.footer,
    }


def _block(b: Block, files: dict[str, bytes]) -> dict[str, Any]:
    kind = {"kind": type(b).__name__}
    match b:
        case Paragraph():
            return kind | {
                "text": b.text,
                "style": b.kind,
                "language": b.language or language_of().code,
            }
        case Bullets():
            return kind | {"items": list(b.items), "style": b.kind}
        case KeyNumbers():
            return kind | {
                "items": [{"value": k.value, "label": k.label, "detail": k.detail} for k in b.items]
            }
        case Flow():
            return kind | {
                "steps": [
                    {"label": s.label, "n": s.n, "out": [f"{n} {why}" for why, n in s.out]}
                    for s in b.steps
                ]
            }
        case Figure():
            name = f"figure{len(files)}.svg"
            files[name] = draw(b)
            numbers = _table(b.numbers) if b.numbers else None
            width = min(TEXT_WIDTH, round(PICTURE * width_points(files[name])))
            return kind | {
                "file": name,
                "alt": b.alt,
                "caption": b.caption,
                "width": width,
                "numbers": numbers,
            }
        case Code():
            third = -(-len(b.lines) // 3)
            parts = [list(b.lines[i * third : (i + 1) * third]) for i in range(3)]
            return kind | {"title": b.title, "parts": parts}
        case TableBlock():
            return kind | {"table": _table(b.table)}


def _table(t: Table) -> dict[str, Any]:
    named = replace(t, header=tuple(h or say("item") for h in t.header))
    size, widths = laid_out(named, TEXT_WIDTH)
    return {
        "title": t.title,
        "header": list(named.header),
        "rows": [list(r) for r in t.rows],
        "notes": list(t.notes),
        "size": size,
        "numeric": list(t.numeric),
        "widths": [round(w, 2) for w in widths],
    }
