"""What a report is made of: a document of sections of blocks, the same for every format."""

from __future__ import annotations

from dataclasses import dataclass, field

from outcomes.result import Result
from outcomes.tables import Table


@dataclass(frozen=True)
class Paragraph:
    """Running text; `kind` is plain, lead (the answer itself), caution, or small."""

    text: str
    kind: str = "plain"


@dataclass(frozen=True)
class Bullets:
    """A list of short texts; `kind` is plain or caution."""

    items: tuple[str, ...]
    kind: str = "plain"


@dataclass(frozen=True)
class KeyNumber:
    """One number for the first page: the number, what it is, and its uncertainty."""

    value: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class KeyNumbers:
    """The numbers of the first page, side by side."""

    items: tuple[KeyNumber, ...]


@dataclass(frozen=True)
class Flow:
    """Who was counted: each step with its number, and beside it who left there and why."""

    steps: tuple[tuple[str, int, tuple[tuple[str, int], ...]], ...]


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture of a result, with its caption, its words for those who cannot see it, and its numbers."""

    result: Result
    kind: str
    caption: str
    alt: str
    numbers: Table | None = None


@dataclass(frozen=True)
class TableBlock:
    """A table; `folded` ones are for those who look for them."""

    table: Table
    folded: bool = False


Block = Paragraph | Bullets | KeyNumbers | Flow | Figure | TableBlock


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; `level` 2 is a chapter, 3 a part of one."""

    title: str
    blocks: tuple[Block, ...] = ()
    level: int = 2
    anchor: str = ""


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    sample: bool = False
    facts: tuple[tuple[str, str], ...] = field(default=())
