"""Names of visits: which words mean a time, in what order they come, and which columns of a wide
table carry them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from outcomes.readers.cells import key


def _listed(words: str) -> list[str]:
    return words.split()


#: Words that say a visit's time by themselves: days from baseline, where only their order counts.
_WORDS: dict[str, float] = {
    **dict.fromkeys(_listed("screening screen selection vorscreening seleccion selezione"), -30.0),
    **dict.fromkeys(
        _listed(
            "baseline base bl bsl pre prae pra before start admission intake enrolment enrollment"
            " entry initial preop preoperative pretreatment preinfusion predose vor vorher vorab"
            " ausgangswert ausgangsmessung ausgang basis basismessung basiswert aufnahme eingang"
            " eingangsmessung beginn erstvorstellung erstgesprach erstvisite erstmessung"
            " avant inclusion initiale debut entree antes inicio inicial ingreso basal prima inizio"
            " iniziale ingresso basale arruolamento voor nulmeting beginmeting aanvang nul"
        ),
        0.0,
    ),
    **dict.fromkeys(
        _listed(
            "post after postop postoperative posttreatment postinfusion postdose nach nachher"
            " danach apres despues posterior depois dopo na nadien"
        ),
        0.5,
    ),
    **dict.fromkeys(
        _listed(
            "followup follow_up fu verlauf verlaufskontrolle kontrolle nachkontrolle nachsorge"
            " suivi controle seguimiento seguimento controllo vervolg vervolgmeting"
        ),
        9e2,
    ),
    **dict.fromkeys(
        _listed(
            "end discharge final exit eot termination entlassung ende abschluss abschlussmessung"
            " sortie fin finale alta dimissione fine uscita ontslag einde eindmeting"
        ),
        9e3,
    ),
}
#: Words that number visits.
_ORDINALS = {
    word: float(n)
    for n, words in enumerate(
        (
            "first 1st erste erster erstes premiere premier primera primer primero eerste 1ere",
            "second 2nd zweite zweiter zweites deuxieme seconde segunda segundo seconda tweede",
            "third 3rd dritte dritter drittes troisieme tercera tercero terza derde 3eme",
            "fourth 4th vierte vierter quatrieme cuarta quarta vierde 4eme",
        ),
        1,
    )
    for word in _listed(words)
}
#: Units that only number visits: visit 4 is no day 4.
_COUNTED = frozenset(
    _listed(
        "t v event visit visite visita besuch bezoek time timepoint zeitpunkt messzeitpunkt mzp"
        " messung"
        " termin session assessment meting"
    )
)
#: Days in each unit of time that a visit's name may have, in the languages of clinics.
DAYS = {
    **dict.fromkeys(("h", "hour"), 1 / 24),
    **dict.fromkeys(_listed("d j day tag tage tagen jour dia giorno giorni dag dagen"), 1.0),
    **dict.fromkeys(
        _listed("w s wk week wo woche wochen sem semaine semana settimana settimane sett weken"),
        7.0,
    ),
    **dict.fromkeys(
        _listed("m mo mth month monat monate monaten mois mes meses mese mesi maand maanden"),
        30.4375,
    ),
    **dict.fromkeys(_listed("y yr year jahr jahre an ano anno anni jaar"), 365.25),
    **dict.fromkeys(_COUNTED, 1.0),
}
_UNIT = "|".join(sorted(DAYS, key=len, reverse=True))
#: A visit's name that is a time and nothing else: week_4, 4_weeks, m3.
TIMED = re.compile(rf"(?P<unit>{_UNIT})s?_?(?P<n>[0-9]+)|(?P<n2>[0-9]+)_?(?P<unit2>{_UNIT})s?")
_OF_TIME = "|".join(sorted(set(DAYS) - _COUNTED, key=len, reverse=True))
_TIMED_WITHIN, _COUNTED_WITHIN = (
    re.compile(
        rf"(?:^|_)(?:(?P<unit>{units})s?_?(?P<n>[0-9]+)|(?P<n2>[0-9]+)_?(?P<unit2>{units})s?)(?:_|$)"
    )
    for units in (_OF_TIME, "|".join(sorted(_COUNTED, key=len, reverse=True)))
)
_FOLLOW_UP = re.compile(
    r"(?:^|_)(?:fu|follow_?up|suivi|verlauf|kontrolle|controle|control|controllo|seguimiento)"
    r"_?(?P<n>[0-9]+)(?:_|$)"
)
_NUMBERS = {
    word: str(n)
    for n, word in enumerate(
        _listed("one two three four five six seven eight nine ten eleven twelve"), 1
    )
}
#: Words beside a time that change nothing: "visit week 4" is "week 4".
_FILLERS = frozenset(
    _listed(
        "visit follow up followup fu at the of timepoint time point assessment nr no visite visita"
        " besuch bezoek"
    )
)
#: Words of what a visit lies before or after: "nach 4 Wochen", "pre-treatment".
_AROUND = _FILLERS | frozenset(
    _listed(
        "treatment therapy infusion infusions intervention surgery op operation therapie behandlung"
        " infusionen traitement perfusion de du der den dem des la le l el il traitements"
        " tratamiento terapia infusion infusione trattamento infuus behandeling linea linha"
        " in suivi seguimiento controllo vervolg"
    )
)
_BASELINE = frozenset(("baseline", "base", "bl", "bsl", "baselin"))
#: Words of a stay or a treatment rather than of an assessment: "Start dose" is no visit.
_OF_A_STAY = frozenset(
    _listed(
        "start end final first last admission discharge intake beginning initial entry exit"
        " aufnahme entlassung beginn ende eingang entree sortie ingreso alta inicio fin ingresso"
        " dimissione inizio fine einde ontslag base basis"
    )
)
#: What is given or when it was, no score: its columns make no visits of their own.
NO_SCORE = re.compile(
    r"(?:^|_)(?:dose|doses|dosis|dosage|dosierung|dosi|mg|mcg|ml|infusions?|date|datum|fecha"
    r"|duration|dauer|duree|duracion|durata|drug|medication|medikament)(?:_|$)"
)
#: How OpenClinica names a column: item, event, its repeat, form: NRS_AVG_E1_C1.
_OPEN_CLINICA = re.compile(r"(.+)_E([0-9]+)(?:_[0-9]+)?_C[0-9]+(?:_[0-9]+)?")
#: Letters that also number items (eq5d_d1, isi_t2): a time only beside a plain word such as "pre"
#: or a zero.
_WEAK = re.compile(r"[dmtvyhjs]_?[0-9]+|[0-9]+_?[dmtvyhjs]")


#: A minus before a number: "Day -7", "-2".
_BEFORE_ZERO = re.compile(r"(^|\s)[-\u2212](?=[0-9])")
#: Words of leaving a stay, which may lie before a follow-up.
_LEAVING = re.compile(r"(^|_)(discharge|entlassung|sortie|alta|dimissione|ontslag)(_|$)")


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
    if _BEFORE_ZERO.search(label) and (later := visit_time(_BEFORE_ZERO.sub(r"\1", label))):
        return -later
    if name in _WORDS:
        return _WORDS[name]
    if found := _TIMED_WITHIN.search(name):
        return DAYS[found["unit"] or found["unit2"]] * int(found["n"] or found["n2"])
    if found := _FOLLOW_UP.search(name):
        return _WORDS["fu"] + int(found["n"])
    words = name.split("_")
    known = [_WORDS[w] for w in words if w in _WORDS and (w != "na" or _AROUND & set(words))]
    if known:
        return known[0]
    if found := _COUNTED_WITHIN.search(name):
        return float(found["n"] or found["n2"])
    if ordinals := [_ORDINALS[w] for w in words if w in _ORDINALS]:
        return ordinals[0]
    return float(name) if name.isdecimal() else None


def spelling(label: str) -> str:
    """A visit's name without what differs from hand to hand: capitals, spaces, units in short or in
    full.

    >>> len({spelling(v) for v in ("Week 4", "week4", "Wk 4", "4 weeks", "four weeks", "W04")})
    1
    >>> spelling("Baseline ") == spelling("BL"), spelling("week 4") == spelling("visit 4")
    (True, False)
    """
    if _BEFORE_ZERO.search(label):
        return "minus " + spelling(_BEFORE_ZERO.sub(r"\1", label))
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
    stay = [n for n in names if not _LEAVING.search(key(n))]
    known = [visit_time(n) or 0.0 for n in stay]
    if len(stay) < len(names) and names[:1] == tuple(stay[:1]) and known == sorted(known):
        return names, True  # the order of the file: a discharge may lie before a follow-up
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
    if found := _OPEN_CLINICA.fullmatch(column):
        return found[1], f"event_{int(found[2])}"
    parts = [p for p in re.split(r"([\s_.\-]+)", column) if p]
    words = [key(p) for p in parts]
    whole = "_".join(w for w in words if w)
    if _is_time(whole) and not re.match(r"(?:time|session|assessment|termin)", whole):
        return "score", whole
    for n in range(min(11, 2 * (len(parts) // 2)) - 1, 0, -2):  # "4 weeks after" before "after"
        for start, rest in ((len(parts) - n, parts[: len(parts) - n]), (0, parts[n:])):
            name = "_".join(w for w in words[start : start + n] if w)
            if len(parts) > n and start >= 0 and _is_time(name):
                stem = "".join(rest).strip(" _-").rstrip("." if start == len(parts) - n else "")
                return (stem, name) if stem else None
    return _split_capitals(column) if len(parts) == 1 else None


def _split_capitals(column: str) -> tuple[str, str] | None:
    """The same of a name in one word whose parts begin with capitals, or that ends or begins with
    a plain word of time after capitals: nrsPre, NRSpost, PreNRS.
    """
    spaced = re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z0-9]{2})(?=(?:pre|post|vor|nach|base|baseline)$)",
        "_",
        column,
    )
    return split_column(spaced) if spaced != column else None


def _is_time(name: str) -> bool:
    """Whether a name is a visit's and nothing else: a time, or a word of time with what it lies
    before or after.
    """
    if (name in _WORDS and name != "na") or TIMED.fullmatch(name):
        return True
    words = name.split("_")
    rest = [w for w in words if w not in _AROUND]
    timed = TIMED.fullmatch("_".join(w for w in rest if w not in _WORDS))
    if timed and (timed["unit"] or timed["unit2"]) not in ("s", "j"):
        return True
    if _FOLLOW_UP.fullmatch(name):
        return True
    here = [w for w in words if w in _WORDS]
    return bool(here) and here != ["na"] and all(w in _WORDS for w in rest)


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
        and (
            any(not _WEAK.fullmatch(n) or visit_time(n) == 0 for n in v)
            or (re.search(r"[^\W\d_]{2}", s) and all(_leads(n, c) for n, c in v.items()))
        )
    }
    if not sure:
        sure = _numbered_alike(found)
    stays = {s for s, v in sure.items() if set(v) <= _OF_A_STAY}
    if stays != set(sure):
        sure = {s: v for s, v in sure.items() if s not in stays}
    visits = {n for v in sure.values() for n in v}
    return _one_time(
        {
            s: v
            for s, v in found.items()
            if s in sure or (set(v) <= visits and (len(v) > 1 or not NO_SCORE.search(key(s))))
        }
    )


def _leads(visit: str, column: str) -> bool:
    """Whether a column begins with a numbered visit: V1_nrs_avg, T2 pain. Items end in theirs."""
    return bool(re.match(r"[vt]_?[0-9]", visit)) and key(column).startswith(visit)


def _numbered_alike(found: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Scores of which several have the same few times, all written as t1, t2 …: items would have
    their own numbers.
    """
    times = {
        s: tuple(v) for s, v in found.items() if 1 < len(v) < 7 and not NO_SCORE.search(key(s))
    }
    marked = {s: t for s, t in times.items() if all(re.fullmatch(r"[tv]_?[0-9]", n) for n in t)}
    often = [t for t in marked.values() if [*marked.values()].count(t) > 1]
    return {s: dict(found[s]) for s, t in marked.items() if t in often}


def _one_spelling(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The same with one name for spellings of one visit, but where a score has both."""
    made = _renamed(found, spelling)
    return {s: by if len(by) == len(found[s]) else found[s] for s, by in made.items()}


def _one_time(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The same with one name for visits of one time ("NRS before infusion", "PHQ-9 before"), where
    no score has two of them.
    """
    made = _renamed(found, _same_time)
    return made if all(len(by) == len(found[s]) for s, by in made.items()) else found


def _renamed(
    found: Mapping[str, Mapping[str, str]], written: Callable[[str], str]
) -> dict[str, dict[str, str]]:
    """The visits that are written alike under the first of their names."""
    called: dict[str, str] = {}
    for by_visit in found.values():
        for visit in by_visit:
            called.setdefault(written(visit), visit)
    return {s: {called[written(v)]: c for v, c in by.items()} for s, by in found.items()}


def _same_time(visit: str) -> str:
    """What a visit's name says of its time: "before_infusion" and "pre" say the same."""
    words = [w for w in visit.split("_") if w in _WORDS]
    if any(c.isdigit() for c in visit) or not words:
        return spelling(visit)
    return f"day {_WORDS[words[0]]:g}"


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
