"""Damage: small random changes to the bytes and to the lines of a file, as disks, people and
attackers make them.
"""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

#: What is put into a file: numbers, dates, marks and structures that programs stumble over.
PIECES = (
    "1e308",
    "-1e308",
    "1e999",
    "nan",
    "inf",
    "-0",
    "9" * 400,
    "0x1F",
    "1_000",
    "½",
    "７",
    "٣",
    "1,5",
    "1.234,5",
    "99999-12-31",
    "0000-00-00",
    "2026-02-30",
    "31/12/99",
    "23:59:60",
    "",
    " ",
    "\t",
    "\0",
    "\r",
    "\n\n",
    "\x0b",
    "\x1b[31m",
    "\u2028",
    "\ufeff",
    "\u202e",
    "é",
    "☂",
    "𝔸",
    '"',
    "'",
    '"""',
    "'''",
    "\\",
    "\\u0000",
    "\\ud800",
    "%s",
    "%",
    "{}",
    "{0.__class__}",
    "$HOME",
    "`id`",
    "../../etc/passwd",
    "/dev/zero",
    "CON",
    "a" * 70_000,
    "[" * 3_000,
    "{" * 200,
    "[[",
    "]]",
    "[data]",
    "[[analysis]]",
    "a.b.c = 1",
    "= 1",
    "true",
    "null",
    "None",
    "1-300000000",
    "-5-10",
    "5-1",
    ";",
    ",",
    "=1+1",
    "@SUM(A1)",
    "+1",
    "<script>",
    "</table>",
    "&amp;",
    "{period}",
    "#",
)  # a file of one of these alone is tried too
WORDS = (
    "PairedT",
    "Responders",
    "MMRM",
    "Course",
    "Crossover",
    "Ancova",
    "SideEffects",
    "pre",
    "post",
    "nrs",
    "id",
    "visit",
    "remark",
    "pain_nrs_average",
    "pain_nrs",
    "average",
    "primary",
    "study",
)


def damaged(data: bytes, name: str, rng: random.Random) -> bytes:
    """The file with one to three changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        kinds = [_bytes, _lines, _tokens, _tokens]
        if data.startswith(b"PK\x03\x04"):
            kinds = [_package, _package, _package, _bytes]
        elif name.endswith((".sav", ".xpt", ".dta", ".parquet")):
            kinds = [_bytes]
        data = rng.choice(kinds)(data, rng)
    return data


def _bytes(data: bytes, rng: random.Random) -> bytes:
    n, at = max(len(data), 1), rng.randrange(max(len(data), 1))
    length = rng.choice((1, 4, 16, 80, 300))
    how = rng.randrange(9)
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + bytes(length) + data[at + length :]
    if how == 2:
        return data[:at] + rng.randbytes(length) + data[at + length :]
    if how == 3:
        return data[:at] + data[at + length :]
    if how == 4:
        return data[:at] + data[at : at + length] * 3 + data[at + length :]
    if how == 5:
        return rng.choice(
            (b"", bytes(n), b"\xff\xfe" + data, b"PK\x03\x04" + data, gzip.compress(data))
        )
    if how == 6:
        return data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-8-sig", "utf-32")))
    if how == 7:
        return data + data[: rng.randrange(n)]
    i = data[at] if data else 0
    return data[:at] + bytes([i ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(7)
    if how == 0:
        del lines[i]
    elif how == 1:
        lines.insert(i, lines[j])
    elif how == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif how == 3:
        lines.insert(i, rng.choice(PIECES).encode("utf-8"))
    elif how == 4:
        lines[i] = lines[i] * rng.choice((2, 50))
    elif how == 5:
        cells = lines[i].split(b",")
        rng.shuffle(cells)
        lines[i] = b",".join(cells)
    else:
        rows = [line.split(b",") for line in lines if line]
        width = min(map(len, rows), default=0)
        lines = [b",".join(r[c] for r in rows) for c in range(width)]  # turned on its side
    return b"\n".join(lines)


def _tokens(data: bytes, rng: random.Random) -> bytes:
    """Another word for a word: a value, a key or a cell."""
    text = data.decode("utf-8", "replace")
    marks = [i for i, c in enumerate(text) if c in ' ,;"=[]{}:\n\t']
    if len(marks) < 2:
        return data
    k = rng.randrange(len(marks) - 1)
    start, end = marks[k] + 1, marks[k + 1]
    new = rng.choice(PIECES) if rng.random() < 0.75 else rng.choice(WORDS)
    return (text[:start] + new + text[end:]).encode("utf-8", "replace")


def _package(data: bytes, rng: random.Random) -> bytes:
    """A part of a workbook, damaged within a whole package."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = [(i.filename, package.read(i)) for i in package.infolist()]
    except Exception:  # damaged before: any way zipfile has to say so
        return _bytes(data, rng)
    k = rng.randrange(len(parts))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for i, (name, content) in enumerate(parts):
            if i == k and rng.random() < 0.1:
                continue
            package.writestr(
                name, rng.choice((_bytes, _tokens, _tokens))(content, rng) if i == k else content
            )
    return out.getvalue()


def damage(folder: Path, target: str, rng: random.Random) -> None:
    """Damage one file of a folder in place."""
    path = folder / target
    path.write_bytes(damaged(path.read_bytes(), target, rng))
