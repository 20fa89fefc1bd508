"""Settings declared once: from the declaration come reading, messages, the reference page and the
commented first file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from outcomes.config import toml
from outcomes.config.toml import Document
from outcomes.core.errors import unknown

#: The longest part of a name that a message repeats.
_ECHOED = 60
#: At which column the comments of a commented file begin.
_MARGIN = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be: in words, as Python types, and of what a list's entries are."""

    words: str
    types: tuple[type, ...]
    of: tuple[type, ...] = ()

    def takes(self, value: Any) -> bool:
        """Whether the value is of this kind. A boolean is no number, a moment no date, nan no
        number.
        """
        if object in self.types:
            return True
        if isinstance(value, bool) and bool not in self.types:
            return False
        if isinstance(value, datetime) and datetime not in self.types:
            return False
        if isinstance(value, float) and math.isnan(value):
            return False
        if not isinstance(value, self.types):
            return False
        entries: Any = value
        return not self.of or all(isinstance(v, self.of) for v in entries)


TEXT = Kind("a text in quotes", (str,))
FILE = Kind("the name of a file in quotes", (str, Path))
WHOLE = Kind("a whole number", (int,))
NUMBER = Kind("a number", (int, float))
YES = Kind("true or false", (bool,))
DATE = Kind("a date", (date,))
CLOCK = Kind("a time of day", (str, time))
LIST = Kind("a list", (list, tuple))
TEXTS = Kind("a list of texts", (list, tuple), (str,))
NAMES = Kind("a list of texts or numbers", (list, tuple), (str, int, float, date, time))
TABLE = Kind("a table", (Mapping,))
NAMED = Kind("a table of names", (Mapping,))
ANY = Kind("any value", (object,))


@dataclass(frozen=True, slots=True)
class Field:
    """One setting: its name, what it may be, what it means, and how it is written.

    `allowed` are the values of a text, or of each text in a list; as a mapping, with what each
    means; `noun` is what messages call such a value. `least` and `most` bound a number. `example`
    is TOML. `shown` says whether the first file has it, or only as a comment. `inside` declares the
    keys of a value that is a table.
    """

    name: str
    kind: Kind | tuple[Kind, ...]
    meaning: str
    example: str = ""
    allowed: Sequence[str] | Mapping[str, str] = ()
    default: Any = None
    needed: bool = False
    least: float = -math.inf
    most: float = math.inf
    shown: bool = False
    noun: str = ""
    inside: Section | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of value it may be."""
        return self.kind if isinstance(self.kind, tuple) else (self.kind,)

    @property
    def words(self) -> str:
        """What it may be, in words.

        >>> Field("port", WHOLE, "the port", least=1, most=65535).words
        'a whole number from 1 to 65535'
        """
        said = " or ".join(k.words for k in self.kinds)
        low = f" from {self.least:g}" if math.isfinite(self.least) else ""
        high = f" to {int(self.most)}" if math.isfinite(self.most) else ""
        return f"{said}{low}{high}"

    @property
    def written(self) -> str:
        """How it is written: ``, such as name = example``; empty without an example."""
        return f", such as {toml.key(self.name)} = {self.example}" if self.example else ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of a settings file: its fields, or (with `entry`) names of the user's own and what
    each of them may be.

    `many` tables are written as [[name]]. Messages call a key by the `noun`; the reference page has
    the `title`.
    """

    name: str
    meaning: str
    fields: tuple[Field, ...] = ()
    entry: Field | None = None
    many: bool = False
    shown: bool = False
    needed: bool = False
    noun: str = "key"
    title: str = ""

    @property
    def label(self) -> str:
        """How its heading is written."""
        return f"[[{self.name}]]" if self.many else f"[{self.name}]" if self.name else ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its fields."""
        return tuple(f.name for f in self.fields)

    def field(self, name: str) -> Field:
        """The field of this name."""
        return next(f for f in self.fields if f.name == name)


def read(
    section: Section, said: Any, document: Document, where: Sequence[Any] | None = None
) -> dict[str, Any]:
    """The values of a table, with the default of each field that is not there; lists become tuples.

    Raises the document's error for a table that is none, an unknown or absent key, and a value of
    the wrong kind, that is not allowed, or beyond its bounds.

    >>> port = Section(
    ...     "mail", "a server", (Field("port", WHOLE, "the port", default=587, least=1),)
    ... )
    >>> read(port, {}, Document())
    {'port': 587}
    >>> read(port, {"prot": 25}, Document("a.toml", "[mail]\\nprot = 25"))
    Traceback (most recent call last):
    ...
    outcomes.core.errors.StudyError: a.toml, line 2, [mail]: No key 'prot'. There is: port. Did you
    mean 'port'?
    """
    at = tuple(section.name.split(".")) if where is None and section.name else tuple(where or ())
    label = section.label
    if not isinstance(said, Mapping):
        raise document.wrong(at, f"{section.name} is written as {label}, with its keys below.")
    fields = {f.name: f for f in section.fields}
    for name, value in said.items():
        known = fields.get(name) or section.entry
        if known is None:
            raise document.wrong(
                (*at, name), unknown(section.noun, str(name)[:_ECHOED], fields), label
            )
        check(known, value, document, (*at, name), label, name=str(name))
    for field in section.fields:
        if field.needed and (field.name not in said or said[field.name] == ""):
            raise document.wrong(
                at, f"{label} needs '{field.name}', {field.words}{field.written}.".strip(), ""
            )
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
    return {f.name: f.default for f in section.fields} | values


def read_file(
    sections: Sequence[Section], document: Document, *, noun: str = "section"
) -> dict[str, Any]:
    """The values of every section of a file, by the section's name; a dotted name is a table within
    a table.

    A section that is not there has its defaults. Raises what `read` raises, and the document's
    error for a section that does not exist or a needed one that is absent.
    """
    tops = {s.name: s for s in sections if "." not in s.name}
    for name in document.data:
        if name not in tops:
            raise document.wrong((name,), unknown(noun, str(name)[:_ECHOED], tops))
    out: dict[str, Any] = {}
    for section in sections:
        *parents, name = section.name.split(".")
        home: Any = document.data
        for parent in parents:
            home = home.get(parent, {}) if isinstance(home, Mapping) else {}
        if name not in home and not section.needed:
            out[section.name] = [] if section.many else {f.name: f.default for f in section.fields}
            continue
        said = home.get(name, [] if section.many else {})
        below = {
            s.name.rpartition(".")[2] for s in sections if s.name.rpartition(".")[0] == section.name
        }
        if section.many:
            out[section.name] = _many(section, said, document)
        else:
            own = (
                {k: v for k, v in said.items() if k not in below}
                if isinstance(said, Mapping)
                else said
            )
            out[section.name] = read(section, own, document)
    return out


def _many(section: Section, said: Any, document: Document) -> list[dict[str, Any]]:
    if not isinstance(said, list) or not all(isinstance(entry, Mapping) for entry in said):
        raise document.wrong(
            (section.name,), f"{section.name} is written as {section.label}, with its keys below."
        )
    return [read(section, entry, document, (section.name, i)) for i, entry in enumerate(said)]


def check(
    field: Field,
    value: Any,
    document: Document,
    where: Sequence[Any],
    label: str = "",
    *,
    name: str = "",
) -> None:
    """Refuse a value that this field cannot have. Raises the document's error."""
    name = (name or field.name)[:_ECHOED]
    if not any(kind.takes(value) for kind in field.kinds):
        written = f", such as {toml.key(name)} = {field.example}" if field.example else ""
        raise document.wrong(where, f"'{name}' is {field.words}{written}.", label)
    if FILE in field.kinds and isinstance(value, str) and not value.isprintable():
        raise document.wrong(
            where,
            f"'{name}' is the name of a file, on one line and without control characters.",
            label,
        )
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and not field.least <= value <= field.most
    ):
        raise document.wrong(where, f"'{name}' is {field.words}; got {value}.", label)
    if field.allowed:
        for word in value if isinstance(value, list | tuple) else [value]:
            if isinstance(word, str) and word not in field.allowed:
                noun = field.noun or name.replace("_", " ")
                raise document.wrong(
                    where, unknown(noun, word[:_ECHOED], [a for a in field.allowed if a]), label
                )
    if field.inside and isinstance(value, Mapping):
        read(field.inside, value, document, where)


def reference(sections: Iterable[Section]) -> str:
    """The declaration as Markdown: a heading and a table for each section."""
    parts = []
    for section in sections:
        lines = [f"### {section.title or f'`{section.label}`'}", "", f"{section.meaning}.", ""]
        rows = [*section.fields, *([section.entry] if section.entry else [])]
        if rows:
            lines += [
                "| key | is | meaning | if absent | example |",
                "| --- | --- | --- | --- | --- |",
            ]
            lines += [_row(f, own=f is section.entry) for f in rows]
            lines.append("")
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _row(field: Field, *, own: bool) -> str:
    said = (
        f"one of {', '.join(f'`{a}`' for a in field.allowed if a)}"
        if field.allowed
        else field.words
    )
    if field.allowed and any(k in (TEXTS, LIST) for k in field.kinds):
        said = said.replace("one of", "a list of", 1)
    if isinstance(field.allowed, Mapping):
        said = "one of " + "; ".join(
            f"`{a}` ({why})" if why else f"`{a}`" for a, why in field.allowed.items()
        )
    absent = (
        "needed"
        if field.needed
        else ""
        if field.default in (None, "", ())
        else f"`{_plain(field.default)}`"
    )
    name = f"*{field.name}*" if own else f"`{field.name}`"
    cells = (name, said, field.meaning, absent, f"`{field.example}`" if field.example else "")
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def _plain(default: Any) -> str:
    if isinstance(default, time):
        return f'"{default:%H:%M}"'
    return toml.value(list(default) if isinstance(default, tuple) else default)


def commented(
    sections: Iterable[Section],
    values: Mapping[str, Mapping[str, Any]] | None = None,
    head: Iterable[str] = (),
) -> str:
    """The first file: every field with its meaning; what the first file does not need stands behind
    a '#'.

    `values` replace the examples, by section and key; `head` are lines of comment on top.
    """
    lines = [*(f"# {line}".rstrip() for line in head)]
    for section in sections:
        mark = "" if section.shown else "# "
        own = (values or {}).get(section.name, {})
        lines += ["", _aside(f"{mark}{section.label}", section.meaning)]
        for field in section.fields:
            if field.example or field.name in own:
                text = toml.value(own[field.name]) if field.name in own else field.example
                hidden = mark or ("" if field.shown or field.name in own else "# ")
                lines.append(_aside(f"{hidden}{toml.key(field.name)} = {text}", _meaning(field)))
        if section.entry and section.entry.example:
            hidden = "" if section.shown and section.entry.shown else "# "
            lines.append(
                _aside(
                    f"{hidden}{section.entry.name} = {section.entry.example}",
                    _meaning(section.entry),
                )
            )
    return "\n".join(lines).lstrip("\n") + "\n"


def _meaning(field: Field) -> str:
    """The meaning, with the allowed values where it does not name them itself."""
    there = [a for a in field.allowed if a]
    unnamed = sum(a not in field.meaning for a in there)
    return (
        f"{field.meaning} ({' | '.join(there)})"
        if unnamed > 1 and len(there) <= 8
        else field.meaning
    )


def _aside(text: str, comment: str) -> str:
    return f"{text:<{_MARGIN - 1}} # {comment}" if comment else text
