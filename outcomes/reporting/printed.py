"""Blocks of typed numbers as blocks of finished text, every number in full: for internal use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from outcomes.core.wording import NONE
from outcomes.plots import caption
from outcomes.reporting.document import (
    Bullets,
    Figure,
    Flow,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    Step,
    TableBlock,
)
from outcomes.reporting.numbers import Drawn, Full, Grid, Instead, Printer, Said, Text
from outcomes.tables.results_table import Table


def printed_section(s: Section, printer: Printer | None = None) -> Section:
    """The section with every block written out, in full where no printer is given."""
    full = printer or Full()
    return replace(s, blocks=tuple(printed(b, full) for b in s.blocks))


def printed(b: Any, printer: Printer) -> Any:
    """The block with every text written out."""

    def text(t: Text) -> str:
        return t.write(*map(printer.show, t.numbers)) if isinstance(t, Said) else str(t)

    match b:
        case Paragraph():
            return replace(b, text=text(b.text))
        case Bullets():
            return replace(b, items=tuple(map(text, b.items)))
        case KeyNumbers():
            return KeyNumbers(
                tuple(KeyNumber(text(k.value), text(k.label), text(k.detail)) for k in b.items)
            )
        case Flow():
            return Flow(
                tuple(
                    Step(text(s.label), text(s.n), tuple((text(w), text(m)) for w, m in s.out))
                    for s in b.steps
                )
            )
        case Grid():
            rows = [tuple(map(text, row)) for row in b.rows]
            return TableBlock(_slim(b, text(b.title), rows, [text(n) for n in b.notes]), b.folded)
        case Drawn():
            said = text(b.caption) or caption(b.result, b.kind)
            return Figure(b.result, b.kind, said, text(b.alt), b.numbers)
        case Instead():
            return printed(b.blocks[0], printer)
        case _:
            return b


def _slim(g: Grid, title: str, rows: list[tuple[str, ...]], notes: list[str]) -> Table:
    """The table without columns that are empty in every row."""
    empty = [bool(rows) and all(r[i] in (NONE, "") for r in rows) for i in range(len(g.header))]
    keep = [i for i, none in enumerate(empty) if not none or i == 0]
    return Table(
        title,
        tuple(str(g.header[i]) for i in keep),
        tuple(tuple(r[i] for i in keep) for r in rows),
        tuple(n for n in notes if n),
        tuple(keep.index(i) for i in g.numeric if i in keep),
    )
