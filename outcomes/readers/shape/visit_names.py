"""Names of visits: which words mean a time, in what order they come, and which columns of a wide
table carry them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from outcomes.readers.cells import key

_WORDS = {
    "screening": -30.0,
    "screen": -30.0,
    "baseline": 0.0,
    "base": 0.0,
    "bl": 0.0,
    "pre": 0.0,
    "before": 0.0,
    "start": 0.0,
    "admission": 0.0,
    "intake": 0.0,
    "vor": 0.0,
    "avant": 0.0,
    "antes": 0.0,
    "prima": 0.0,
    "voor": 0.0,
    "post": 0.5,
    "after": 0.5,
    "end": 9e3,
    "discharge": 9e3,
    "final": 9e3,
    "nach": 0.5,
    "apres": 0.5,
    "despues": 0.5,
    "depois": 0.5,
    "dopo": 0.5,
    "na": 0.5,
    "followup": 9e2,
    "follow_up": 9e2,
    "fu": 9e2,
}


def _listed(words: str) -> list[str]:
    return words.split()


#: Days in each unit of time that a visit's name may have, in the languages of clinics.
DAYS = {
    **dict.fromkeys(("h", "hour"), 1 / 24),
    **dict.fromkeys(_listed("d day tag tage jour dia giorno giorni dag dagen"), 1.0),
    **dict.fromkeys(
        _listed("w wk week wo woche wochen semaine semana settimana settimane weken"), 7.0
    ),
    **dict.fromkeys(
        _listed("m mo mth month monat monate mois mes meses mese mesi maand maanden"), 30.4375
    ),
    **dict.fromkeys(_listed("y yr year jahr jahre an ano anno anni jaar"), 365.25),
    **dict.fromkeys(("t", "v", "visit"), 1.0),
}
_UNIT = "|".join(sorted(DAYS, key=len, reverse=True))
#: A visit's name that is a time and nothing else: week_4, 4_weeks, m3.
TIMED = re.compile(rf"(?P<unit>{_UNIT})s?_?(?P<n>[0-9]+)|(?P<n2>[0-9]+)_?(?P<unit2>{_UNIT})s?")
_TIMED_WITHIN = re.compile(rf"(?:^|_)(?:{TIMED.pattern})(?:_|$)")
_NUMBERS = {
    word: str(n)
    for n, word in enumerate(
        _listed("one two three four five six seven eight nine ten eleven twelve"), 1
    )
}
#: Words beside a time that change nothing: "visit week 4" is "week 4".
_FILLERS = frozenset(
    _listed("visit follow up followup fu at the timepoint time point assessment nr no")
)
_BASELINE = frozenset(("baseline", "base", "bl", "bsl", "baselin"))
#: Units that only number visits: visit 4 is no day 4.
_COUNTED = frozenset(("t", "v", "visit"))
#: Words of a stay or a treatment rather than of an assessment: "Start dose" is no visit.
_OF_A_STAY = frozenset(
    _listed("start end final first last admission discharge intake beginning initial")
)
#: What is given or when it was, no score: its columns make no visits of their own.
NO_SCORE = re.compile(
    r"(?:^|_)(?:dose|doses|dosis|dosage|dosierung|dosi|mg|mcg|ml|infusions?|date|datum|fecha"
    r"|duration|dauer|duree|duracion|durata|drug|medication|medikament)(?:_|$)"
)
#: Letters that also number items (eq5d_d1, isi_t2): a time only beside a plain word such as "pre"
#: or a zero.
_WEAK = re.compile(r"[dmtvyh]_?[0-9]+|[0-9]+_?[dmtvyh]")


def visit_time(label: str) -> float | None:
    """Days from baseline that a visit's name says, roughly; None where it says none.

    >>> (
    ...     visit_time("Baseline"),
    ...     visit_time("week_4"),
    ...     visit_time("1 month after"),
    ...     visit_time("blue"),
    ... )
    (0.0, 28.0, 30.4375, None)
    """
    name = key(label)
    if name in _WORDS:
        return _WORDS[name]
    if found := _TIMED_WITHIN.search(name):
        return DAYS[found["unit"] or found["unit2"]] * int(found["n"] or found["n2"])
    known = [_WORDS[w] for w in name.split("_") if w in _WORDS and w != "na"]
    if known:
        return known[0]
    return float(name) if name.isdecimal() else None


def spelling(label: str) -> str:
    """A visit's name without what differs from hand to hand: capitals, spaces, units in short or in
    full.

    >>> len({spelling(v) for v in ("Week 4", "week4", "Wk 4", "4 weeks", "four weeks", "W04")})
    1
    >>> spelling("Baseline ") == spelling("BL"), spelling("week 4") == spelling("visit 4")
    (True, False)
    """
    words = [_NUMBERS.get(w, w) for w in key(label).split("_")]
    for kept in (words, [w for w in words if w not in _FILLERS]):
        if found := TIMED.fullmatch("_".join(kept)):
            unit, n = found["unit"] or found["unit2"], int(found["n"] or found["n2"])
            return f"visit {n}" if unit in _COUNTED else f"day {DAYS[unit] * n:g}"
    joined = re.sub(r"(?<![0-9])0+(?=[0-9])", "", "".join(words))
    return "baseline" if joined in _BASELINE else joined


def in_order(labels: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Visits by the time their names say, and whether all names say one; otherwise as they come.

    >>> in_order(["week_4", "baseline", "week_12"])
    (('baseline', 'week_4', 'week_12'), True)
    """
    names = tuple(dict.fromkeys(labels))
    times = [visit_time(n) for n in names]
    if any(t is None for t in times):
        return names, False
    return tuple(sorted(names, key=lambda n: visit_time(n) or 0.0)), True


def split_column(column: str) -> tuple[str, str] | None:
    """A wide column's score and visit, where its name starts or ends with a time.

    >>> (
    ...     split_column("nrs_pre"),
    ...     split_column("Post BPI int."),
    ...     split_column("nrs_avg_w4"),
    ...     split_column("phq9_1"),
    ... )
    (('nrs', 'pre'), ('BPI int.', 'post'), ('nrs_avg', 'w4'), None)
    """
    parts = [p for p in re.split(r"([\s_.\-]+)", column) if p]
    words = [key(p) for p in parts]
    if _is_time("_".join(w for w in words if w)):
        return "score", "_".join(w for w in words if w)
    for n in (3, 1):  # "week 4" before "pre"
        for start, rest in ((len(parts) - n, parts[: len(parts) - n]), (0, parts[n:])):
            name = "_".join(w for w in words[start : start + n] if w)
            if len(parts) > n and start >= 0 and _is_time(name):
                stem = "".join(rest).strip(" _-").rstrip("." if start == len(parts) - n else "")
                return (stem, name) if stem else None
    return None


def _is_time(name: str) -> bool:
    return (name in _WORDS and name != "na") or bool(TIMED.fullmatch(name))


def wide_columns(columns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Which columns hold one score at several visits: score → visit → column. Empty where the table
    is not wide.

    A score needs two visits, or a visit that another score has too; names that only number
    something are not visits. Doses and dates make no visits, nor do words of a stay ("start",
    "final") where other scores have visits. Spellings of one visit (wk4, week_4) are one.

    >>> wide_columns(["id", "nrs_pre", "nrs_post", "pgic_post", "phq9_1", "phq9_2"])
    {'nrs': {'pre': 'nrs_pre', 'post': 'nrs_post'}, 'pgic': {'post': 'pgic_post'}}
    """
    found: dict[str, dict[str, str]] = {}
    for column in columns:
        if split := split_column(column):
            found.setdefault(split[0], {}).setdefault(split[1], column)
    found = _one_spelling(found)
    sure = {
        s: v
        for s, v in found.items()
        if len(v) > 1
        and not NO_SCORE.search(key(s))
        and any(not _WEAK.fullmatch(n) or visit_time(n) == 0 for n in v)
    }
    stays = {s for s, v in sure.items() if set(v) <= _OF_A_STAY}
    if stays != set(sure):
        sure = {s: v for s, v in sure.items() if s not in stays}
    visits = {n for v in sure.values() for n in v}
    return {
        s: v
        for s, v in found.items()
        if s in sure or (set(v) <= visits and (len(v) > 1 or not NO_SCORE.search(key(s))))
    }


def _one_spelling(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The same with one name for spellings of one visit, but where a score has both."""
    called: dict[str, str] = {}
    for by_visit in found.values():
        for visit in by_visit:
            called.setdefault(spelling(visit), visit)
    made = {s: {called[spelling(v)]: c for v, c in by.items()} for s, by in found.items()}
    return {s: by if len(by) == len(found[s]) else found[s] for s, by in made.items()}


def declared_columns(
    wide: Mapping[str, Mapping[str, object]], columns: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The same from a declaration: `suffix` or `prefix` (visit → text), or `columns` (score → visit
    → column).

    >>> declared_columns({"suffix": {"pre": "1", "post": "2"}}, ["id", "pk1", "pk2", "f1"])
    {'pk': {'pre': 'pk1', 'post': 'pk2'}, 'f': {'pre': 'f1'}}
    """
    found: dict[str, dict[str, str]] = {}
    for column in columns:
        for kind in ("suffix", "prefix"):
            fits = [
                (str(t), v) for v, t in wide.get(kind, {}).items() if _cut(column, str(t), kind)
            ]
            if fits:
                text, visit = max(fits, key=lambda f: len(f[0]))
                found.setdefault(_cut(column, text, kind), {})[visit] = column
    for score, by_visit in wide.get("columns", {}).items():
        found[score] = {str(v): str(c) for v, c in dict(by_visit).items()}  # type: ignore[call-overload]
    return found


def _cut(column: str, text: str, kind: str) -> str:
    if kind == "suffix" and column.endswith(text):
        return column[: len(column) - len(text)].rstrip(" _-")
    if kind == "prefix" and column.startswith(text):
        return column[len(text) :].lstrip(" _-")
    return ""
