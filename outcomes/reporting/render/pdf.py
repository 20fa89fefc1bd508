"""The document as a tagged PDF/UA-1 file, set by typst; no system package, no network, no system
font.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
PICTURE = 0.6
#: Lines of a file are set in so many columns.
CODE_COLUMNS = 4
#: A picture may be drawn at this part of that size, to stand on the page where it is told of; and
#: the space above it, in points.
SMALLEST, SLACK = 0.8, 16.0


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
    how: dict[str, Any] = {
        "font_paths": [str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
        "ignore_system_fonts": True,
    }
    try:
        places = {"places": json.dumps(_placed(typst, files, how))}
        made, warned = typst.compile_with_warnings(  # type: ignore[call-overload]
            files, **how, sys_inputs=places, pdf_standards="ua-1", timestamp=0
        )
    except typst.TypstError as e:
        raise OutcomesError(f"The PDF could not be set: {e}") from None
    if warned:
        raise OutcomesError(
            f"The PDF could not be set faultlessly: {'; '.join(str(w.message) for w in warned)}"
        )
    return bytes(made)


def _placed(typst: Any, files: dict[str, bytes], how: Mapping[str, Any]) -> dict[str, float]:
    """How large each picture is drawn where it is told of, as a part of its size; 0 for one that
    is at the top of the next page, because its own page has no room left for it.

    A picture that is not drawn where it is told of moves all that follows: so the page is set again
    after each of them.
    """
    places = dict[str, float]()
    while True:
        inputs = {"places": json.dumps(places)}
        found = json.loads(typst.query(files, "<picture>", field="value", sys_inputs=inputs, **how))
        for picture in (p for p in found if p["file"] not in places):
            short = picture["whole"] - (picture["room"] - SLACK)
            part = 1 - max(short, 0.0) / picture["high"]
            below = 1.0 if picture["alone"] else 0.0  # with its heading on the next page
            places[picture["file"]] = round(part, 3) if part >= SMALLEST else below
            if part < 1:
                break
        else:
            return places


def _data(doc: Document, files: dict[str, bytes]) -> dict[str, Any]:
    sections = [
        {
            "title": s.title,
            "level": s.level,
            "new-page": s.new_page,
            "blocks": _marked([_block(b, files) for b in blocks_of(doc, s)]),
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


def _marked(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks of a section; a picture that has a heading above and nothing below is `alone`: it
    stays with that heading.
    """
    for b in blocks:
        if b["kind"] == "Figure":
            b["alone"] = len(blocks) == 1
    return blocks


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
            each = -(-len(b.lines) // CODE_COLUMNS)
            parts = [list(b.lines[i * each : (i + 1) * each]) for i in range(CODE_COLUMNS)]
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
