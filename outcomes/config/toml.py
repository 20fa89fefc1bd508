"""TOML files in and out: read with a limit on everything, each key with its line, written by
tomlkit.
"""

from __future__ import annotations

import math
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outcomes.core.errors import OutcomesError, StudyError

#: What a settings file may hold at most: bytes, levels of nesting, and the size of a number.
LARGEST, DEEPEST, HIGHEST = 2_000_000, 32, 1e15
_PART = r"""(?:[\w-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY = re.compile(rf"\s*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*=")
_DOTTED = re.compile(rf"(?:\.[ \t]*{_PART}[ \t]*){{{DEEPEST}}}")


@dataclass(frozen=True, slots=True)
class Document:
    """What a TOML file says, with its name and text for messages, and the kind of error that it
    raises.
    """

    name: str = ""
    text: str = field(default="", repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    error: type[OutcomesError] = StudyError

    def wrong(self, where: Sequence[Any], message: str, label: str = "") -> OutcomesError:
        """The error about a key: the file, the line of the key (or of its table), the table, and
        what is wrong.

        >>> str(
        ...     Document("study.toml", "[visits]\\nordre = 1").wrong(
        ...         ("visits", "ordre"), "No key.", "[visits]"
        ...     )
        ... )
        'study.toml, line 2, [visits]: No key.'
        """
        line = self.line(where)
        place = ", ".join(
            p for p in (self.name, f"line {line}" if line else "", label if self.name else "") if p
        )
        text = f"{place}: {message}" if place else f"{label} {message}".strip()
        return self.error("".join(c if c.isprintable() or c == "\n" else "?" for c in text))

    def line(self, where: Sequence[Any]) -> int:
        """The line of a key, or of the table it belongs to; 0 where neither is written."""
        lines, path = lines_of(self.text), tuple(where)
        while path and path not in lines:
            path = path[:-1]
        return lines.get(path, 0)


def read(
    path: str | Path,
    *,
    what: str = "study file",
    absent: str = "",
    error: type[OutcomesError] = StudyError,
) -> tuple[Document, bytes]:
    """The file as a document, and its very bytes.

    Raises `error` for a file that is not there (`absent` is the message), a folder, a FIFO or a
    device, more than 2 MB, text that is not UTF-8 (a byte order mark is passed over), and whatever
    `parse` refuses.
    """
    path = Path(path)
    try:
        found = path.stat()
        mode, size = found.st_mode, found.st_size
        if stat.S_ISDIR(mode):
            example = path / f"{what.split(maxsplit=1)[0]}.toml"
            raise error(f"'{path}' is a folder. Name the {what} in it, such as '{example}'.")
        if not stat.S_ISREG(mode):
            raise error(f"'{path}' is not a regular file. Name a {what}, written as TOML.")
        data = path.read_bytes() if size <= LARGEST else b""
    except (FileNotFoundError, NotADirectoryError):
        raise error(absent or f"There is no {what} '{path}'.") from None
    except (OSError, ValueError) as wrong:
        why = (wrong.strerror if isinstance(wrong, OSError) else "") or type(wrong).__name__
        raise error(f"{path} cannot be opened: {why}.") from None
    if max(size, len(data)) > LARGEST:
        raise error(
            f"{path.name} is larger than {LARGEST // 10**6} MB. A {what} holds settings; data stand"
            " in files of their own."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{path.name} is not a {what}: it is not UTF-8 text.") from None
    return parse(text, path.name, error), data


def parse(text: str, name: str = "", error: type[OutcomesError] = StudyError) -> Document:
    """A document from TOML text.

    Raises `error` where the text is not TOML, is nested more than 32 levels deep, or holds a number
    beyond 10 to the 15 (whole numbers: beyond 64 bits); infinity is a number.
    """
    name_of = name or "The text"
    deep = (
        f"{name_of} is nested more than {DEEPEST} levels deep. No setting needs that: look for"
        " brackets that are not closed."
    )
    if _DOTTED.search(text):
        raise error(deep)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise error(f"{name_of} is not valid TOML: {str(wrong).rstrip('.')}.") from None
    except RecursionError:
        raise error(deep) from None
    except ValueError:  # Python's own limit on digits; a date that no calendar has
        raise error(
            f"{name_of} is not valid TOML: a number has too many digits, or a date is in no"
            " calendar."
        ) from None
    document = Document(name, text, data, error)
    for where, value, depth in _values(data):
        if depth > DEEPEST:
            raise error(deep)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise document.wrong(
                where, "the number is too large: a whole number has 64 bits at most."
            )
        if isinstance(value, float) and math.isfinite(value) and abs(value) > HIGHEST:
            raise document.wrong(where, "the number is too large: no setting is beyond 1e15.")
    return document


def _values(data: Any) -> Iterator[tuple[tuple[Any, ...], Any, int]]:
    todo: list[tuple[tuple[Any, ...], Any, int]] = [((), data, 0)]
    while todo:
        where, value, depth = todo.pop()
        yield where, value, depth
        if depth > DEEPEST:
            continue
        inside = (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        )
        todo += [((*where, k), v, depth + 1) for k, v in inside]


def lines_of(text: str) -> dict[tuple[Any, ...], int]:
    """The line of every table and key of a TOML text: ("scores", 0, "rule") → 12.

    >>> lines_of("[study]\\ntitle = 'a'")
    {('study',): 1, ('study', 'title'): 2}
    """
    out: dict[tuple[Any, ...], int] = {}
    here: tuple[Any, ...] = ()
    counts: dict[str, int] = {}
    depth, quoted = 0, ""
    for n, line in enumerate(text.split("\n"), 1):
        inside = depth > 0 or bool(quoted)
        for mark in ('"""', "'''"):
            if line.count(mark) % 2 and quoted in ("", mark):
                quoted = "" if quoted else mark
        plain = re.sub(r'"(?:\\.|[^"\\])*"|\'[^\']*\'', "''", line).split("#", 1)[0].strip()
        opened = sum(plain.count(c) for c in "[{") - sum(plain.count(c) for c in "]}")
        if inside:
            depth += opened
        elif plain.startswith("[") and plain.endswith("]"):
            many = plain.startswith("[[")
            here = _parts(line.split("]", 1)[0].strip().lstrip("["))
            if many:
                counts[here[0]] = counts.get(here[0], -1) + 1
                here = (*here, counts[here[0]])
            out.setdefault(here, n)
        elif key := _KEY.match(line):
            out[(*here, *_parts(key[1]))] = n
            depth = opened
    return out


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(p.strip("\"'") for p in re.findall(_PART, dotted)) or ("",)


def dumps(said: Mapping[str, Any]) -> str:
    """Plain data as TOML: tables below [name], lists of tables below [[name]], everything within
    these on one line.

    >>> print(
    ...     dumps(
    ...         {
    ...             "families": {"sleep and mood": {"adjust": "BH"}},
    ...             "analysis": [{"method": "PairedT"}],
    ...         }
    ...     ),
    ...     end="",
    ... )
    [families]
    "sleep and mood" = {adjust = "BH"}
    <BLANKLINE>
    [[analysis]]
    method = "PairedT"
    """
    import tomlkit

    document = tomlkit.document()
    for name, value in said.items():
        if isinstance(value, Mapping):
            document.append(name, _table(value))
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            tables = tomlkit.aot()
            for entry in value:
                tables.append(_table(entry))
            document.append(name, tables)
        else:
            document.append(name, _item(value))
    text = tomlkit.dumps(document)
    return re.sub(r"\n*\Z", "\n", text) if text else text


def value(plain: Any) -> str:
    """Plain data as a TOML value on one line.

    >>> value({"a b": [1, 2.5, True]}), value('say "x"')
    ('{"a b" = [1, 2.5, true]}', '"say \\\\"x\\\\""')
    """
    return str(_item(plain).as_string())


def key(name: str) -> str:
    """A name as a TOML key: quoted where it has to be.

    >>> key("week_4"), key("NRS pre")
    ('week_4', '"NRS pre"')
    """
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else value(name)


def _table(said: Mapping[str, Any]) -> Any:
    import tomlkit

    table = tomlkit.table()
    for name, entry in said.items():
        table.append(name, _item(entry))
    return table


def _item(plain: Any) -> Any:
    import tomlkit

    if isinstance(plain, Mapping):
        inline = tomlkit.inline_table()
        for name, entry in plain.items():
            inline.append(name, _item(entry))
        return inline
    if isinstance(plain, list | tuple):
        array = tomlkit.array()
        for entry in plain:
            array.append(_item(entry))
        return array
    return tomlkit.item(plain)
