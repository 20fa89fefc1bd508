"""What a report is made of: a document of sections of blocks, the same for every format.

A chapter may write a text as words about typed numbers (`outcomes.reporting.numbers`); once a
document is built, every text in it is a `str`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from outcomes.core.errors import PrivacyError
from outcomes.core.language import language_of, message, say, speaking
from outcomes.core.result import Result
from outcomes.core.style import written_in
from outcomes.tables.results_table import Table

if TYPE_CHECKING:
    from outcomes.reporting.release.ledger import Record
    from outcomes.reporting.release.rules import Passed

SAMPLE_WORDS = message("Invented data: no real patient stands behind any number on this page.")
AUDIENCES = ("internal", "share")


@dataclass(frozen=True)
class Paragraph:
    """Running text; `kind` is plain, lead (the answer itself), caution, or small."""

    text: Any
    kind: str = "plain"
    #: The language of the text, where it is not that of the report.
    language: str = ""


def english(text: Any, kind: str = "plain") -> Paragraph:
    """A paragraph that has no translation: English in a report of any language."""
    return Paragraph(text, kind, "" if language_of().source else "en")


@dataclass(frozen=True)
class Bullets:
    """A list of short texts; `kind` is plain or caution."""

    items: tuple[Any, ...]
    kind: str = "plain"


@dataclass(frozen=True)
class KeyNumber:
    """One number for the first page: the number, what it is, and its uncertainty."""

    value: Any
    label: Any
    detail: Any = ""


@dataclass(frozen=True)
class KeyNumbers:
    """The numbers of the first page, side by side."""

    items: tuple[KeyNumber, ...]


@dataclass(frozen=True)
class Step:
    """A step of the flow: what it is, how many, and beside it how many left there and why."""

    label: Any
    n: Any
    out: tuple[tuple[Any, Any], ...] = ()


@dataclass(frozen=True)
class Flow:
    """Who was counted, step by step."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture of a result, with its caption, its words for those who cannot see it, and its
    numbers.
    """

    result: Result
    kind: str
    caption: str
    alt: str
    numbers: Table | None = None
    #: What a policy has left out of it, and why: "no week 4 because …".
    without: str = ""


@dataclass(frozen=True)
class TableBlock:
    """A table; `folded` ones are for those who look for them."""

    table: Table
    folded: bool = False


@dataclass(frozen=True)
class Code:
    """Lines of a file, set as they are; a title says which file."""

    title: str
    lines: tuple[str, ...]


Block = Paragraph | Bullets | KeyNumbers | Flow | Figure | TableBlock | Code


@dataclass(frozen=True, eq=False)
class Releasable:
    """A block that a disclosure policy has let through: only `outcomes.reporting.release` makes
    one.
    """

    block: Block
    policy: str


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; `level` 2 is a chapter, 3 a part of one."""

    title: str
    blocks: tuple[Any, ...] = ()
    level: int = 2
    anchor: str = ""
    new_page: bool = False
    #: Whether it belongs to the appendix: folded on a screen, behind a page break on paper.
    appendix: bool = False


@dataclass(frozen=True)
class Document:
    """A whole report, for one audience; `suppressed` is how many numbers of it a disclosure policy
    has withheld.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    sample: bool = False
    audience: str = "internal"
    suppressed: int = 0
    #: For sharing: what publishing it writes into the ledger, and the review (each number with the
    #: rule that let it pass).
    record: Record | None = None
    review: tuple[Passed, ...] = ()
    #: The language and the journal's style that it is written in.
    language: str = "en"
    style: str = ""

    @contextmanager
    def written(self) -> Iterator[None]:
        """The language and style of the document in force: a renderer's own words and pictures
        are written inside.
        """
        with speaking(self.language), written_in(self.style):
            yield

    @property
    def footer(self) -> str:
        """What stands at the foot of every page."""
        if self.sample:
            return say(SAMPLE_WORDS)
        if self.audience == "share":
            return say("{title} · for sharing", title=self.title)
        return say("{title} · for internal use only", title=self.title)


def appendix_words(doc: Document) -> str:
    """What stands before the appendix of a report that is not in English; else empty."""
    if doc.language == "en":
        return ""
    return say("Its statistical sentences, notes and the methods text are in English.")


def blocks_of(doc: Document, section: Section) -> Iterator[Block]:
    """The blocks of a section, for a renderer: the one way to them.

    Raises PrivacyError when the report is for sharing and a block has not passed a disclosure
    policy.
    """
    for b in section.blocks:
        if isinstance(b, Releasable):
            yield b.block
        elif doc.audience != "internal":
            raise PrivacyError(
                f"A {type(b).__name__} in '{section.title}' has not passed a disclosure policy;"
                " nothing was written."
            )
        else:
            yield b


def all_blocks(doc: Document) -> Iterator[Block]:
    """Every block of the document, in order."""
    for section in doc.sections:
        yield from blocks_of(doc, section)


def all_tables(doc: Document) -> Iterator[Table]:
    """Every table of the document, in order, those of the pictures too."""
    for _, _, table in numbered_tables(doc):
        yield table


def numbered_tables(doc: Document) -> Iterator[tuple[str, int, Table]]:
    """Every table with what it belongs to ("table", or "figure" for the numbers of a picture) and
    the number that this has in the report.
    """
    tables = figures = 0
    for b in all_blocks(doc):
        if isinstance(b, TableBlock):
            tables += 1
            yield "table", tables, b.table
        elif isinstance(b, Figure):
            figures += 1
            if b.numbers:
                yield "figure", figures, b.numbers


def _like(b: Block | Releasable, block: Block) -> Block | Releasable:
    """A block in the place of another, cleared where that was."""
    return replace(b, block=block) if isinstance(b, Releasable) else block


def elsewhere(table: Table) -> str:
    """Where a table is that is folded away on paper."""
    return say("{table}: in the HTML report and the workbook (tables.xlsx).", table=table.title)


def on_paper(doc: Document) -> Document:
    """The document for paper, where nothing folds: long tables and the numbers behind pictures are
    in the HTML report and the workbook, and a line says so in the place of each table.
    """
    sections = []
    for s in doc.sections:
        kept = list[Any]()
        for b in s.blocks:
            inner = b.block if isinstance(b, Releasable) else b
            if isinstance(inner, Figure) and inner.numbers:
                kept.append(_like(b, replace(inner, numbers=None)))
            elif isinstance(inner, TableBlock) and inner.folded:
                kept.append(_like(b, Paragraph(elsewhere(inner.table), "small")))
            else:
                kept.append(b)
        sections.append(replace(s, blocks=tuple(kept)))
    return replace(doc, sections=tuple(sections))
