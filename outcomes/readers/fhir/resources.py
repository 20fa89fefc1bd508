"""The resources of a FHIR file: strict JSON, each resource with its place, and nothing in memory
that is not asked for.

What tells who a patient is (name, address, birth date, narrative, the words beside a reference) is
dropped while the text is being parsed, so that no later step can see it. Numbers stay the text that
the file has.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any, NoReturn
from urllib.parse import urlsplit

from outcomes.config.regular import read_bytes
from outcomes.core.errors import DataError
from outcomes.readers.cells import Fingerprint, fingerprint

#: Extensions that give a coded answer its number (R4 and R5).
ORDINALS = frozenset(
    (
        "http://hl7.org/fhir/StructureDefinition/ordinalValue",
        "http://hl7.org/fhir/StructureDefinition/itemWeight",
    )
)
#: The resources that are read; of all others only the type is kept, and the id.
READ = ("QuestionnaireResponse", "Observation")
_LOOKED_UP = ("Patient", "Questionnaire")
_KEPT = frozenset(
    (
        "resourceType",
        "id",
        "status",
        "contained",
        "entry",
        "resource",
        "fullUrl",
        "link",
        "relation",
        "type",
        "url",
        "questionnaire",
        "subject",
        "reference",
        "identifier",
        "system",
        "authored",
        "item",
        "linkId",
        "answer",
        "text",
        "code",
        "coding",
        "display",
        "unit",
        "comparator",
        "effectiveDateTime",
        "effectiveInstant",
        "effectivePeriod",
        "effectiveTiming",
        "start",
        "component",
        "dataAbsentReason",
        "bodySite",
        "method",
        "hasMember",
        "focus",
        "extension",
        "modifierExtension",
        "implicitRules",
        "repeats",
        "answerOption",
        "transactionTime",
        "output",
        "error",
        "deleted",
        "total",
        "search",
        "mode",
        "issue",
        "severity",
        "count",
        "requiresAccessToken",
    )
)
#: Keys whose texts repeat from resource to resource: each text is in memory once.
_ALIKE = frozenset(
    (
        "system",
        "code",
        "display",
        "unit",
        "text",
        "url",
        "linkId",
        "questionnaire",
        "status",
        "type",
        "resourceType",
    )
)
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]|-?Infinity|NaN', re.DOTALL)


class Number(str):
    """A number as the file writes it: 7.10 is not 7.1."""

    __slots__ = ()


class _RefusedError(Exception):
    """Text that Python's parser would let pass."""


@dataclass(frozen=True)
class Entry:
    """A resource, where it stands (``entry 3`` of a bundle, ``line 3`` of a file with one resource
    a line), and its address.
    """

    content: dict[str, Any]
    where: str
    number: int
    url: str = ""

    @property
    def kind(self) -> str:
        """The type of resource; empty where it says none."""
        return str(self.content.get("resourceType", ""))

    @property
    def address(self) -> str:
        """Type and place, as messages give it."""
        return f"{self.kind} at {self.where}"


@dataclass(frozen=True)
class Export:
    """All resources of a file, how many entries have none, and whether the server says that there
    is more.
    """

    entries: list[Entry]
    seen: Fingerprint
    empty: tuple[str, ...] = ()
    incomplete: bool = False


@dataclass
class _Parser:
    """Strict JSON with places: `name` for messages, `line` where the text is one line of a file."""

    name: str
    line: int = 0

    def __call__(self, text: str) -> Any:
        hook = _whole_object if _ESCAPED.search(text) else _object
        decoder = json.JSONDecoder(
            object_pairs_hook=hook, parse_float=Number, parse_int=Number, parse_constant=_constant
        )
        try:
            return decoder.decode(text)
        except json.JSONDecodeError as wrong:
            self._refuse("is not valid JSON", text, wrong.pos)
        except _RefusedError as wrong:
            self._refuse(str(wrong), text, _position(text))
        except RecursionError:
            raise DataError(
                f"{self.name} is refused{self._at()}: it is nested deeper than any FHIR resource."
            ) from None

    def _at(self) -> str:
        return f" in line {self.line}" if self.line else ""

    def _refuse(self, why: str, text: str, at: int) -> NoReturn:
        line = self.line or text.count("\n", 0, at) + 1
        column = at - text.rfind("\n", 0, at)
        hint = ""
        if why.startswith("is not valid"):
            other = (
                "one JSON text over several lines ends in .json"
                if self.line
                else "one resource a line ends in .ndjson"
            )
            hint = f" Export it again. (A file of {other}.)"
        raise DataError(f"{self.name} {why}: line {line}, column {column}.{hint}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with only what is read."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError("has the same key twice in one object")
    kind = found.get("resourceType")
    if kind == "OperationOutcome":
        return {k: found[k] for k in ("resourceType", "id", "issue") if k in found}
    if kind is not None and kind not in (*READ, *_LOOKED_UP, "Bundle"):
        return {k: found[k] for k in ("resourceType", "id") if k in found}
    if kind == "Patient":
        return {k: found[k] for k in ("resourceType", "id", "identifier") if k in found}
    kept: dict[str, Any] = {}
    for key, value in pairs:
        if key in _KEPT or key[:5] == "value":
            kept[key] = intern(value) if key in _ALIKE and type(value) is str else value
        elif key[:6] == "_value":
            kept["_value"] = True  # a value that only extensions speak of
    if "reference" in kept or "identifier" in kept:
        kept.pop("display", None)  # beside a reference it is the patient's name
    extensions = kept.pop("extension", None)
    if isinstance(extensions, list):
        ordinals = [e for e in extensions if isinstance(e, dict) and str(e.get("url")) in ORDINALS]
        if ordinals:
            kept["extension"] = ordinals
    return kept


def _whole_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with only what is read, where the text has escapes that no file could hold as they
    are.
    """
    if any(isinstance(v, str) and _broken(v) for _, v in pairs):
        raise _RefusedError("has text with half a character or a zero byte")
    return _object(pairs)


def _broken(text: str) -> bool:
    """Whether no file could hold this text as UTF-8."""
    return "\0" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text))


def _constant(_: str) -> NoReturn:
    raise _RefusedError("has a number that JSON does not know (NaN or Infinity)")


def _position(text: str) -> int:
    """Where a key stands for the second time in its object, or a text or literal that is
    refused.
    """
    keys: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            keys.append(set())
        elif token[0] == "}":
            keys.pop()
        elif token[0][0] != '"':
            return token.start()
        else:
            said = json.loads(token[0].rstrip(": \t\r\n"))
            if _broken(said) or (token[1] and said in keys[-1]):
                return token.start()
            if token[1]:
                keys[-1].add(said)
    return 0


def without_identity(text: str, name: str) -> Any:
    """What is read of a text of FHIR's JSON: all that tells who a patient is has been dropped.

    Raises DataError, with line and column and no content, for text that is not strict JSON.
    """
    return _Parser(name)(text)


def written(value: Any) -> str:
    """A value that `without_identity` gave, as JSON on one line; numbers as they were written.

    >>> text = '{"resourceType": "Observation", "valueQuantity": {"value": 7.10}, "note": "x"}'
    >>> written(without_identity(text, "page 1"))
    '{"resourceType":"Observation","valueQuantity":{"value":7.10}}'
    """
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def read_resources(path: Path) -> Export:
    """The resources of a bundle, of one resource by itself, or of a file with one resource a line
    (``.ndjson``).

    Raises DataError, with line and column and no content, for text that is not strict JSON
    (repeated keys and NaN are refused too), for a bulk export's manifest, a history of versions,
    and JSON that is not FHIR.
    """
    data = read_bytes(path)
    seen = fingerprint(data)
    if path.suffix.lower() == ".ndjson":
        return Export(list(_lines(data, path.name)), seen)
    content = _Parser(path.name)(_text(data, path.name))
    del data
    if not isinstance(content, dict):
        raise DataError(f"{path.name} is JSON, but no FHIR resource or bundle.")
    if "resourceType" not in content and isinstance(content.get("output"), list):
        raise DataError(_manifest(content, path))
    if content.get("resourceType") != "Bundle":
        return Export([_entry(content, "entry", 1, path.name)], seen)
    return _bundle(content, path.name, seen)


def _text(data: bytes, name: str, line: int = 0) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        at = line or data.count(b"\n", 0, wrong.start) + 1
        raise DataError(
            f"{name} is not UTF-8 text, as FHIR's JSON is: see line {at}. Export it again."
        ) from None


def _lines(data: bytes, name: str) -> Iterator[Entry]:
    for number, line in enumerate(io.BytesIO(data), start=1):
        if line.strip():
            entry = _entry(_Parser(name, number)(_text(line, name, number)), "line", number, name)
            if entry.kind == "Bundle":
                raise DataError(
                    f"{name}: line {number} is a whole bundle. Save it as a file of its own, ending"
                    " in .json."
                )
            yield entry


def _entry(content: Any, word: str, number: int, name: str, url: str = "") -> Entry:
    if not isinstance(content, dict) or not re.fullmatch(
        r"[A-Za-z]{1,64}", str(content.get("resourceType", ""))
    ):
        raise DataError(f"{name}: {word} {number} is no FHIR resource: it has no resourceType.")
    return Entry(content, f"{word} {number}", number, url)


def _bundle(content: dict[str, Any], name: str, seen: Fingerprint) -> Export:
    if content.get("type") == "history":
        raise DataError(
            f"{name} is a history: it holds old versions beside new ones. Export the current"
            " resources."
        )
    listed = content.get("entry", [])
    links = content.get("link", [])
    if not isinstance(listed, list) or not isinstance(links, list):
        raise DataError(f"{name} is no whole bundle: its entries are not a list.")
    entries, empty = [], []
    for number, one in enumerate(listed, start=1):
        if not isinstance(one, dict) or "resource" not in one:
            empty.append(f"entry {number}")
            continue
        url = one.get("fullUrl", "")
        entry = _entry(one["resource"], "entry", number, name, url if isinstance(url, str) else "")
        if entry.kind == "Bundle":
            raise DataError(
                f"{name}: entry {number} is a bundle in a bundle. Save it as a file of its own."
            )
        entries.append(entry)
    more = any(isinstance(link, dict) and link.get("relation") == "next" for link in links)
    return Export(entries, seen, tuple(empty), more)


def _last_part(url: str) -> str:
    try:
        return Path(urlsplit(url).path).name
    except ValueError:
        return ""


def _manifest(content: dict[str, Any], path: Path) -> str:
    """What to read instead of a bulk export's list of files; nothing is fetched."""
    files = []
    for one in content["output"]:
        if isinstance(one, dict) and one.get("type") in READ:
            name = _last_part(str(one.get("url", "")))
            beside = ", beside it" if name and (path.parent / name).is_file() else ""
            files.append(f"{name or 'a file'} ({one['type']}{beside})")
    what = (
        f"Read its files, once they are downloaded: {', '.join(files)}."
        if files
        else "It lists no file with scores."
    )
    text = (
        f"{path.name} is the list of a bulk export, not data; nothing is fetched from the network."
        f" {what}"
    )
    if content.get("error"):
        text += (
            " It also says that the server had errors: read what it reports before using the data."
        )
    if content.get("deleted"):
        text += " It also lists deleted resources: make sure that they are not in the files."
    return text
