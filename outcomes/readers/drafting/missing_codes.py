"""Which texts of a table seem to be codes for missing answers, and where they stand."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from outcomes.core.wording import listed
from outcomes.readers.cells import TextTable
from outcomes.readers.parse import is_numeric

#: Numbers that often mean missing; proposed where they lie far from all others of their columns.
_NUMBERS = ("-99", "-999", "-9", "-88", "-77", "999", "9999")
#: Words that mean missing wherever they stand.
_SURE = ("UNK", "NASK", "N/A", "n/a", "missing", "not done")
#: Words for a missing answer in the languages of the reports, as people write them.
_IN_WORDS = tuple(
    form
    for word in [
        "k.A.",
        "k. A.",
        "ka",
        "keine Angabe",
        "keine Angaben",
        "fehlt",
        "fehlend",
        "nicht erhoben",
        "nicht beantwortet",
        "unbekannt",
        "n.e.",
        "n.b.",
        "n. b.",
        "n.a.",
        "n. a.",
        "n.d.",
        "n.r.",
        "n.v.t.",
        "onbekend",
        "niet ingevuld",
        "geen antwoord",
        "ontbreekt",
        "non renseigné",
        "non fait",
        "manquant",
        "inconnu",
        "données manquantes",
        "nr",
        "nsp",
        "s/d",
        "s.d.",
        "sin dato",
        "sin datos",
        "sin respuesta",
        "ns/nc",
        "desconocido",
        "no realizado",
        "faltante",
        "sem dados",
        "sem resposta",
        "em falta",
        "não respondeu",
        "desconhecido",
        "unknown",
        "not recorded",
        "not assessed",
        "not answered",
        "no answer",
        "refused",
        "declined",
        "absent",
        "miss",
        "mv",
        "nil",
    ]
    for form in dict.fromkeys((word, word.capitalize(), word.upper()))
)
#: Words that may be answers (NA for Namibia, "None" for no medicine): proposed where they stand
#: among numbers.
_AMONG_NUMBERS = (
    "NA",
    "NaN",
    "nan",
    "<undefined>",
    "<NA>",
    "#NULL!",
    "NULL",
    "null",
    "None",
    ".",
    "-",
    "--",
    "?",
    "ND",
    "N/D",
    *_IN_WORDS,
)
#: All of them: what is left of a column without these is its kind.
CODES = _NUMBERS + _SURE + _AMONG_NUMBERS
#: How many columns are named where a code stands in several.
_NAMED = 3


def missing_codes(table: TextTable, columns: Sequence[str]) -> dict[str, str]:
    """The codes that seem to mean missing, each with the cells that hold it, in words.

    >>> import numpy as np
    >>> frame = pd.DataFrame({"id": ["1", "2", "3"], "nrs": ["7", "NA", "4"], "land": ["NA"] * 3})
    >>> missing_codes(TextTable("a.csv", frame, np.arange(2, 5)), ["id", "nrs", "land"])
    {'NA': '1 in nrs, 3 in land'}
    >>> missing_codes(TextTable("a.csv", frame, np.arange(2, 5)), ["id", "land"])
    {}
    """
    cells = {c: table[c].str.strip() for c in columns}
    there = {v for text in cells.values() for v in pd.unique(text)}
    numeric = [c for c, text in cells.items() if is_numeric(text, CODES)]
    among = {v for c in numeric for v in pd.unique(cells[c])}
    found = [m for m in _NUMBERS if m in there and _stands_apart(cells, m)]
    found += [m for m in _SURE if m in there]
    found += [m for m in _AMONG_NUMBERS if m in among]
    found += [m for m in table.declared.missing if m in there]
    return {m: _where(cells, m) for m in dict.fromkeys(found)}


def _where(cells: dict[str, pd.Series], code: str) -> str:
    counts = {c: n for c, text in cells.items() if (n := int((text == code).sum()))}
    named = [f"{n} in {''.join(filter(str.isprintable, c))}" for c, n in counts.items()]
    rest = sum(list(counts.values())[_NAMED:])
    more = f", {rest} in other columns" if rest else ""
    return f"{', '.join(named[:_NAMED])}{more}"


def missing_line(table: TextTable, columns: Sequence[str]) -> str:
    """The line of [data] that proposes them."""
    codes = missing_codes(table, columns)
    if not codes:
        return '# missing = ["-99"]   # codes that mean missing, if there are any'
    texts = ", ".join(json.dumps(code, ensure_ascii=False) for code in codes)
    where = listed([f"{code}: {cells}" for code, cells in codes.items()])
    return f"missing = [{texts}]   # guess: codes that mean missing ({where})"


def _stands_apart(cells: dict[str, pd.Series], code: str) -> bool:
    """Whether the number lies far from all others of every column it stands in, so that it can
    hardly be a value.
    """
    for text in cells.values():
        if (text == code).any():
            rest = text[(text != code) & (text != "")]
            others = pd.to_numeric(rest, errors="coerce").dropna()
            apart = others.min() >= 0 if float(code) < 0 else others.max() * 2 < float(code)
            if others.empty or not apart or rest.str.match(r"0\d").any():
                return False
    return True
