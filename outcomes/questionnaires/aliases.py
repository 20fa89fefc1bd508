"""Which columns of a file are items or scores of an instrument, by names that instruments
declare.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outcomes.questionnaires.model import Instrument, Item

#: Words between an instrument's name and an item's that carry no meaning: `phq9_q1`, `PHQ9 item 1`.
FILLERS = frozenset(
    {"q", "item", "i", "question", "qn", "raw", "itm", "sq", "frage", "pregunta", "vraag"}
)
#: Words that mean an instrument's default score.
TOTALS = (
    *("total", "score", "sum", "tot", "total score", "sum score", "totalscore", "punteggio"),
    *("gesamt", "gesamtwert", "gesamtscore", "summe", "summenwert", "totale", "totaal"),
)


@dataclass(frozen=True)
class Recognised:
    """An instrument found in a file: item code → column, score → column, and whether it is certain
    or a guess, and why.
    """

    instrument: str
    items: Mapping[str, str]
    sure: bool
    why: str
    totals: Mapping[str, str] = field(default_factory=dict)


def words(name: str) -> tuple[str, ...]:
    """A name as its words and numbers, without case, separators, leading zeros and what stands in
    brackets.

    >>> words("PHQ9_Q01"), words("painNow"), words("phq-9 item 3")
    (('phq', '9', 'q', '1'), ('pain', 'now'), ('phq', '9', 'item', '3'))
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"\([^)]*\)", "", str(name)))
    if spaced.startswith("PROMIS "):  # as Assessment Center names banks and short forms
        spaced = re.sub(r"\b(?:Item Bank|Bank|CAT|Short Form|SF|v[0-9]+\.[0-9]+)\b", " ", spaced)
    found = re.findall(r"[a-z]+|\d+", spaced.casefold())
    return tuple(w.lstrip("0") or "0" if w.isdigit() else w for w in found)


@functools.lru_cache(maxsize=4096)
def _key(name: str | tuple[str, ...]) -> str:
    parts = words(name) if isinstance(name, str) else name
    return "".join(p if not p.isdigit() else f"<{p}>" for p in parts if p not in FILLERS)


@functools.cache
def _codes(instrument: Instrument) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Key of every declared name → item code, and → score name."""
    items: dict[str, str] = {}
    scores: dict[str, str] = {}
    prefixes = dict.fromkeys((instrument.id, *instrument.aliases))
    several = len(instrument.items) > 1
    for s in instrument.scores:
        names = [s.name, s.title, *s.aliases]
        if s.name == instrument.default_score and several:
            names += [*TOTALS, ""]
            for prefix, name in itertools.product(prefixes, TOTALS):
                scores.setdefault(_key(f"{name} {prefix}"), s.name)
        for prefix, name in itertools.product(prefixes, names):
            scores.setdefault(_key(f"{prefix} {name}"), s.name)
        if s.loinc:
            scores[_key(s.loinc)] = s.name
    for number, item in enumerate(instrument.items, 1):
        if instrument.cdisc:
            items[_key(f"{instrument.cdisc}{_in_two_digits(item, number)}")] = item.code
        names = [item.code, *item.aliases, *([] if several else [""])]
        for prefix, name in itertools.product(prefixes, names):
            items[_key(f"{prefix} {name}")] = item.code
        for name in (*item.names, *((item.loinc,) if item.loinc else ())):
            items[_key(name)] = item.code
    return items, scores


def _in_two_digits(item: Item, place: int) -> str:
    """The end of an item's test code in CDISC tables: its number in the questionnaire (03, 09A), or
    its place.
    """
    numbers = (re.fullmatch(r"([0-9]+)([a-z]?)", n) for n in (item.code, *item.aliases))
    found = next((n for n in numbers if n), None)
    return f"{int(found[1]):02d}{found[2]}" if found else f"{place:02d}"


def find(instrument: Instrument, columns: Sequence[str], prefix: str = "") -> dict[str, str]:
    """Item code → column: see `Instrument.find`."""
    if prefix:
        known = {
            _key(f"{prefix} {n}"): i.code for i in instrument.items for n in (*i.aliases, i.code)
        }
        whole = {
            _key(f"{prefix}{n}"): i.code for i in instrument.items for n in (*i.aliases, i.code)
        }
        hits = {c: (known | whole).get(_key(str(c))) for c in columns}
        return {code: str(c) for c, code in hits.items() if code}
    return _match(instrument, columns)[0]


def ready_totals(instrument: Instrument, columns: Sequence[str]) -> dict[str, str]:
    """Score → column, of the columns whose name is that of a score of an instrument."""
    return _match(instrument, columns)[1] if columns else {}


def _match(
    instrument: Instrument, columns: Sequence[str]
) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """Item → column, score → column, and items that several columns claim.

    A name that may be both (`phq9`: the total, or item 9 of `phq`) is an item where most other
    items are there.
    """
    known, named = _codes(instrument)
    keys = {str(c): _key(str(c)) for c in columns}
    sure = {known[k] for k in keys.values() if k in known and k not in named}
    both_are_items = len(sure) >= len(instrument.items) / 2
    items: dict[str, str] = {}
    totals: dict[str, str] = {}
    twice: set[str] = set()
    for column, key in keys.items():
        single = len(instrument.items) == 1 or both_are_items
        if key in known and (key not in named or single or known[key] == named[key]):
            if known[key] in items:
                twice.add(known[key])
            items.setdefault(known[key], column)
        elif key in named:
            totals.setdefault(named[key], column)
    return items, totals, twice


def recognise(columns: Sequence[str]) -> list[Recognised]:
    """Instruments whose items or scores these columns seem to hold, the surest first; a column is
    claimed once.

    Sure means that every item a score needs is there under a name that belongs to one instrument
    only; everything else is a guess, which `outcomes init` marks and nobody scores without the
    study file saying so.

    >>> [r] = recognise(["patient", *(f"PHQ9_Q{k:02d}" for k in range(1, 10))])
    >>> r.instrument, r.sure, r.items["1"]
    ('phq9', True, 'PHQ9_Q01')
    """
    from outcomes.questionnaires.model import instrument, shipped

    found = []
    for id in shipped():
        kind = instrument(id)
        items, totals, twice = _match(kind, columns) if kind.aliases else ({}, {}, set())
        if items or totals:
            can = any(set(s.rule.of) <= set(items) for s in kind.scores)
            found.append(
                ((can, len(items) / len(kind.items), len(items), id), kind, items, totals, twice)
            )
    found.sort(key=lambda f: f[0], reverse=True)  # of equals, the later id: eq5d5l before eq5d3l
    shared = _shared([set(f[2].values()) for f in found])
    claimed: set[str] = set()
    out = []
    for (can, *_), kind, items, totals, twice in found:
        items = {k: c for k, c in items.items() if c not in claimed}
        totals = {k: c for k, c in totals.items() if c not in claimed and c not in items.values()}
        if not items and not totals:
            continue
        claimed |= {*items.values(), *totals.values()}
        doubt = "; several columns for the same item" if twice else ""
        doubt = "; other instruments use the same names" if shared & set(items.values()) else doubt
        why = (
            f"{len(items)} of {len(kind.items)} items by name{doubt}"
            if items
            else "only a score, no items"
        )
        out.append(Recognised(kind.id, items, can and bool(items) and not doubt, why, totals))
    return out


def _shared(sets: Sequence[set[str]]) -> set[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for s in sets:
        twice |= seen & s
        seen |= s
    return twice
