"""Which columns of a file are items or scores of an instrument, by names that instruments declare."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outcomes.instrument import Instrument

#: Words between an instrument's name and an item's that carry no meaning: `phq9_q1`, `PHQ9 item 1`.
FILLERS = frozenset({"q", "item", "i", "question", "qn", "raw", "itm"})
#: Words that mean an instrument's default score.
TOTALS = ("total", "score", "sum", "tot")


@dataclass(frozen=True)
class Recognised:
    """An instrument found in a file: item code → column, score → column, and whether it is certain or a guess, and why."""

    instrument: str
    items: Mapping[str, str]
    sure: bool
    why: str
    totals: Mapping[str, str] = field(default_factory=dict)


def words(name: str) -> tuple[str, ...]:
    """A name as its words and numbers, without case, separators and leading zeros.

    >>> words("PHQ9_Q01"), words("painNow"), words("phq-9 item 3")
    (('phq', '9', 'q', '1'), ('pain', 'now'), ('phq', '9', 'item', '3'))
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name))
    found = re.findall(r"[a-z]+|\d+", spaced.casefold())
    return tuple(w.lstrip("0") or "0" if w.isdigit() else w for w in found)


def _key(name: str | tuple[str, ...]) -> str:
    parts = words(name) if isinstance(name, str) else name
    return "".join(p if not p.isdigit() else f"<{p}>" for p in parts if p not in FILLERS)


@functools.cache
def _codes(instrument: Instrument) -> Mapping[str, tuple[str, str]]:
    """Key of every declared name → ("item" or "score", its code)."""
    out: dict[str, tuple[str, str]] = {}
    prefixes = dict.fromkeys((instrument.id, *instrument.aliases))
    several = len(instrument.items) > 1
    for s in instrument.scores:
        names = [s.name, s.title, *s.aliases]
        if s.name == instrument.default_score and several:
            names += [*TOTALS, ""]
        for prefix in prefixes:
            for name in names:
                out.setdefault(_key(f"{prefix} {name}"), ("score", s.name))
        if s.loinc:
            out[_key(s.loinc)] = ("score", s.name)
    for item in instrument.items:
        for prefix in prefixes:
            for name in (item.code, *item.aliases, *(("",) if not several else ())):
                out[_key(f"{prefix} {name}")] = ("item", item.code)
        for name in (*item.names, *((item.loinc,) if item.loinc else ())):
            out[_key(name)] = ("item", item.code)
    if several and instrument.default_score:  # a column PHQ9 is the questionnaire, not item 9 of the PHQ
        out[_key(instrument.id)] = ("score", instrument.default_score)
    return out


def find(instrument: Instrument, columns: Sequence[str], prefix: str = "") -> dict[str, str]:
    """Item code → column: see `Instrument.find`."""
    if prefix:
        known = {_key(f"{prefix} {n}"): i.code for i in instrument.items for n in (*i.aliases, i.code)}
        whole = {_key(f"{prefix}{n}"): i.code for i in instrument.items for n in (*i.aliases, i.code)}
        hits = {c: (known | whole).get(_key(str(c))) for c in columns}
        return {code: str(c) for c, code in hits.items() if code}
    return _match(instrument, columns)[0]


def _match(instrument: Instrument, columns: Sequence[str]) -> tuple[dict[str, str], dict[str, str], set[str]]:
    items: dict[str, str] = {}
    totals: dict[str, str] = {}
    twice: set[str] = set()
    known = _codes(instrument)
    for column in columns:
        kind, code = known.get(_key(str(column)), ("", ""))
        if kind == "item":
            if code in items:
                twice.add(code)
            items.setdefault(code, str(column))
        elif kind == "score":
            totals.setdefault(code, str(column))
    return items, totals, twice


def recognise(columns: Sequence[str]) -> list[Recognised]:
    """Instruments whose items or scores these columns seem to hold, the surest first; a column is claimed once.

    Sure means that every item a score needs is there under a name that belongs to one instrument only; everything else is
    a guess, which `outcomes init` marks and nobody scores without the study file saying so.

    >>> [r] = recognise(["patient", *(f"PHQ9_Q{k:02d}" for k in range(1, 10))])
    >>> r.instrument, r.sure, r.items["1"]
    ('phq9', True, 'PHQ9_Q01')
    """
    from outcomes.instrument import instrument, shipped

    found = []
    for id in shipped():
        kind = instrument(id)
        items, totals, twice = _match(kind, columns) if kind.aliases else ({}, {}, set())
        if items or totals:
            can = any(set(s.rule.of) <= set(items) for s in kind.scores)
            found.append((can, len(items) / len(kind.items), len(items), kind, items, totals, twice))
    found.sort(key=lambda f: f[:3], reverse=True)
    shared = _shared([set(f[4].values()) for f in found])
    claimed: set[str] = set()
    out = []
    for can, _, _, kind, items, totals, twice in found:
        items = {k: c for k, c in items.items() if c not in claimed}
        totals = {k: c for k, c in totals.items() if c not in claimed and c not in items.values()}
        if not items and not totals:
            continue
        claimed |= {*items.values(), *totals.values()}
        doubt = "; several columns for the same item" if twice else ""
        doubt = "; other instruments use the same names" if shared & set(items.values()) else doubt
        why = f"{len(items)} of {len(kind.items)} items by name{doubt}" if items else "only a score, no items"
        out.append(Recognised(kind.id, items, can and bool(items) and not doubt, why, totals))
    return out


def _shared(sets: Sequence[set[str]]) -> set[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for s in sets:
        twice |= seen & s
        seen |= s
    return twice
