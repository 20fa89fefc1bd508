"""What a worksheet's own text says and its values do not: formulas, errors, formats, what is struck
out or hidden.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from outcomes.readers.cells import letter
from outcomes.readers.parse import NEVER_CALCULATED

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_HIDDEN_ROW = re.compile(
    rb"""<(?:\w+:)?row\b(?=[^>]*\shidden\s*=\s*["'](?:1|true))[^>]*?\sr\s*=\s*["']([0-9]+)"""
)
_COLUMNS = re.compile(rb"""<(?:\w+:)?col\b(?=[^>]*\shidden\s*=\s*["'](?:1|true))([^>]*)>""")
_FILTER = re.compile(rb"""<(?:\w+:)?filterColumn\b""")
_TAG = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s/>])([^>]*)>""")
_WITHOUT_ADDRESS = re.compile(rb"""<(?:\w+:)?c(?=[\s/>])(?![^>]*\sr\s*=)""")
_CELL = rb"""<(?:\w+:)?(c)(?=\s)(?=%s)([^>]*)>"""
_FORMULA = rb"""[^>]*(?<!/)>\s*<(?:\w+:)?f[\s/>]"""
_ERROR = rb"""[^>]*\st\s*=\s*["']e["']"""
_INLINE = rb"""[^>]*\st\s*=\s*["']inlineStr["']"""
_VALUE = re.compile(rb"<(?:\w+:)?v>\s*([^<]*?)\s*</")
_STRIKE = re.compile(rb"""<(?:\w+:)?strike\s*(?:/|val\s*=\s*["'](?:1|true))""")
_RUN = re.compile(rb"<(?:\w+:)?r>.*?</(?:\w+:)?r>", re.DOTALL)
_PERCENT_IDS = (9, 10)  # built-in formats 0% and 0.00%


@dataclass(frozen=True)
class Marks:
    """What a sheet's own text says of its cells, by their addresses.

    `errors` give the error that is shown, `percent` are cells shown as percentages, `padded` give
    what a format writes before and how many digits it shows at least (``"K"000``), `scaled` are
    shown in thousands, `invisible` not at all; `struck` are struck out, `partly` in part.
    """

    formulas: frozenset[str] = frozenset()
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[str] = frozenset()
    filtered: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)
    percent: frozenset[str] = frozenset()
    padded: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    scaled: frozenset[str] = frozenset()
    invisible: frozenset[str] = frozenset()
    struck: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Styles:
    """The numbers of those cell formats that change what a reader of the sheet sees."""

    percent: frozenset[int] = frozenset()
    padded: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    scaled: frozenset[int] = frozenset()
    invisible: frozenset[int] = frozenset()
    struck: frozenset[int] = frozenset()

    @property
    def all(self) -> frozenset[int]:
        """Every format that means something here."""
        return self.percent | self.scaled | self.invisible | self.struck | frozenset(self.padded)


def sheet_marks(data: bytes, sheet: str) -> Marks:
    """The marks of one sheet of an .xlsx workbook, found in its own text."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        part = _sheet_part(package, sheet)
        names = set(package.namelist())
        if part not in names:
            return Marks()
        text = package.read(part)
        styles = _styles(package.read("xl/styles.xml")) if "xl/styles.xml" in names else Styles()
        shared = package.read("xl/sharedStrings.xml") if "xl/sharedStrings.xml" in names else b""
    return _marks(text, styles, _partly_struck(shared))


def has_comments(data: bytes) -> bool:
    """Whether any sheet has comments, which no reading of the cells shows."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return any("comments" in n.lower() for n in package.namelist())


def _marks(text: bytes, styles: Styles, partly: frozenset[bytes]) -> Marks:
    formulas, errors, padded = set(), {}, {}
    kinds: dict[str, set[str]] = {name: set() for name in _STYLED}
    struck_in_part = set()
    for address, attributes, at in _marked_cells(text, styles, bool(partly)):
        kind, style = _attribute(attributes, b"t"), int(_attribute(attributes, b"s") or b"0")
        inside = b"" if attributes.endswith(b"/") else _inside(text, at)
        value = found[1] if (found := _VALUE.search(inside)) else b""
        if re.match(rb"\s*<(?:\w+:)?f[\s/>]", inside):
            formulas.add(address)
            if not value and kind != b"str":
                errors[address] = NEVER_CALCULATED
        if kind == b"e":
            errors[address] = value.decode("ascii", "replace") or "#N/A"
        if (kind == b"s" and value in partly) or (kind == b"inlineStr" and _mixed(inside)):
            struck_in_part.add(address)
        if style in styles.padded:
            padded[address] = styles.padded[style]
        for name, there in kinds.items():
            if style in getattr(styles, name) and (value or b"<is" in inside):
                there.add(address)
    return Marks(
        frozenset(formulas),
        frozenset(map(int, _HIDDEN_ROW.findall(text))),
        _hidden_columns(text),
        bool(_FILTER.search(text)),
        errors,
        padded=padded,
        partly=frozenset(struck_in_part),
        **{name: frozenset(there) for name, there in kinds.items()},
    )


_STYLED = ("percent", "scaled", "invisible", "struck")


def _marked_cells(text: bytes, styles: Styles, rich: bool) -> Iterator[tuple[str, bytes, int]]:
    """Address, attributes and end of the tag of each cell that may have a mark; only these are
    looked at one by one.
    """
    if _WITHOUT_ADDRESS.search(text):
        yield from _by_counting(text)
        return
    wanted = [_ERROR] if b't="e"' in text or b"t='e'" in text or b"t =" in text else []
    wanted += [_FORMULA] if re.search(rb"<(?:\w+:)?f[\s/>]", text) else []
    if styles.all:
        numbers = b"|".join(str(n).encode() for n in sorted(styles.all))
        wanted.append(rb"""[^>]*\ss\s*=\s*["'](?:%s)["']""" % numbers)
    wanted += [rb"""[^>]*\st\s*=\s*["']s["']"""] if rich else []
    wanted += [_INLINE] if _STRIKE.search(text) else []
    if wanted:
        for found in re.finditer(_CELL % b"|".join(wanted), text):
            yield _attribute(found[2], b"r").decode().upper(), found[2], found.end()


def _by_counting(text: bytes) -> Iterator[tuple[str, bytes, int]]:
    """All cells of a sheet whose cells do not all say where they are."""
    row = column = 0
    for found in _TAG.finditer(text):
        said = _attribute(found[2], b"r")
        if found[1] == b"row":
            row, column = int(said) if said.isdigit() else row + 1, 0
            continue
        if said:
            letters = re.match(rb"[A-Za-z]+", said)
            column = _position(letters[0]) if letters else column + 1
        else:
            column += 1
        yield f"{letter(column - 1)}{row}", found[2], found.end()


def _position(letters: bytes) -> int:
    number = 0
    for code in letters.upper():
        number = number * 26 + code - 64
    return number


def _attribute(attributes: bytes, name: bytes) -> bytes:
    found = re.search(rb"""(?:^|\s)%s\s*=\s*["']\s*([^"']*?)\s*["']""" % name, attributes)
    return found[1] if found else b""


def _inside(text: bytes, start: int) -> bytes:
    found = re.compile(rb"</(?:\w+:)?c\s*>").search(text, start)
    return text[start : found.start()] if found else b""


def _hidden_columns(text: bytes) -> frozenset[str]:
    spans = ((_attribute(a, b"min"), _attribute(a, b"max")) for a in _COLUMNS.findall(text))
    return frozenset(
        letter(j)
        for low, high in spans
        if low.isdigit() and high.isdigit()
        for j in range(int(low) - 1, min(int(high), 16_384))
    )


def _partly_struck(shared: bytes) -> frozenset[bytes]:
    """The numbers of shared texts of which a part is struck out ("7" struck, then "6")."""
    if not _STRIKE.search(shared):
        return frozenset()
    texts = re.findall(rb"<(?:\w+:)?si>(.*?)</(?:\w+:)?si>|<(?:\w+:)?si\s*/>", shared, re.DOTALL)
    return frozenset(str(i).encode() for i, text in enumerate(texts) if _mixed(text))


def _mixed(text: bytes) -> bool:
    return any(_STRIKE.search(run) for run in _RUN.findall(text))


def _styles(text: bytes) -> Styles:
    root = ElementTree.fromstring(text)
    codes = {
        int(e.get("numFmtId", "0")): e.get("formatCode", "")
        for e in root.iter()
        if _is(e, "numFmt")
    }
    fonts = [
        any(_is(c, "strike") and c.get("val", "1") not in ("0", "false") for c in font)
        for group in root
        if _is(group, "fonts")
        for font in group
    ]
    formats = [xf for group in root if _is(group, "cellXfs") for xf in group]
    numbers = [int(xf.get("numFmtId", "0")) for xf in formats]
    used = [int(xf.get("fontId", "0")) for xf in formats]
    return styles_of(
        [codes.get(n, "0%" if n in _PERCENT_IDS else "") for n in numbers],
        [font < len(fonts) and fonts[font] for font in used],
    )


def styles_of(codes: Sequence[str], struck: Sequence[bool]) -> Styles:
    """What cell formats change, by their numbers: their codes, and whether they strike out.

    >>> styles_of(["General", "0%", "000", "0,", ";;;"], [False] * 4 + [True]).percent
    frozenset({1})
    """
    percent, scaled, invisible = set(), set(), set()
    padded = {}
    for i, code in enumerate(codes):
        if code and not code.replace(";", "").strip():
            invisible.add(i)
        first = _plain(code)
        if "%" in first:
            percent.add(i)
        elif re.search(r"[0#?],+(?![0#?,])", first):
            scaled.add(i)
        elif shape := pad_of(code):
            padded[i] = shape
    out = frozenset(i for i, line in enumerate(struck) if line)
    return Styles(frozenset(percent), padded, frozenset(scaled), frozenset(invisible), out)


def _is(element: ElementTree.Element, name: str) -> bool:
    return element.tag.rpartition("}")[2] == name


def _plain(code: str) -> str:
    """The part of a number format for positive numbers, without quoted texts and brackets.

    >>> _plain('[Red]0.0"%";-0'), _plain("0%")
    ('0.0', '0%')
    """
    return re.sub(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.', "", code).split(";")[0]


def pad_of(code: str) -> tuple[str, int] | None:
    """What a number format writes before a whole number, and how many digits it shows at least;
    None for other formats.

    >>> pad_of("000"), pad_of('"K"000'), pad_of("K-00"), pad_of("0.00"), pad_of("0")
    (('', 3), ('K', 3), ('K-', 2), None, None)
    """
    found = re.fullmatch(r'((?:"[^"]*"|\\.|[A-Z\-])*)(0+)(?:;.*)?', code)
    if not found:
        return None
    before = re.sub(r'"([^"]*)"|\\(.)', r"\1\2", found[1])
    return (before, len(found[2])) if len(found[2]) > 1 or re.search("[A-Za-z]", before) else None


def _sheet_part(package: zipfile.ZipFile, sheet: str) -> str:
    book = ElementTree.fromstring(package.read("xl/workbook.xml"))
    links = ElementTree.fromstring(package.read("xl/_rels/workbook.xml.rels"))
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for element in book.iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            relation = next(
                (v for k, v in element.attrib.items() if k == _RELATION or k.endswith("}id")), ""
            )
            return posixpath.normpath(posixpath.join("/xl", targets.get(relation, ""))).lstrip("/")
    return ""
