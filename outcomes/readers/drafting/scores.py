"""Which columns hold scores: instruments by their names, pain by the words of a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from outcomes.questionnaires import Recognised, recognise
from outcomes.readers.cells import key
from outcomes.readers.parse import number_reader

_PAIN = re.compile(r"(^|_)(pain|schmerz\w*|douleurs?|dolor|dolore|pijn|dor|nrs|nprs|evn|enp)(_|$)")
#: Abbreviations of numerical rating scales in six languages, which alone name a rating of pain.
_SCALE = re.compile(r"nrs|nprs|evn|en|eva|end|vas|enp|ns|nas")
#: Words that say which pain, in the languages of the reports.
_WHICH = {
    "average": r"average|avg|mean|usual|typical|durchschn\w*|mittler\w*|mittel\w*|moyenne|moy"
    r"|habituelle|promedio|medio|media|prom|gemiddeld\w*|gem|ds",
    "worst": r"worst|strongest|highest|maximum|staerkst\w*|starkst\w*|schlimmst\w*|pire|maximale"
    r"|peor|maximo|peggiore|massimo|ergst\w*",
    "least": r"least|lowest|minimum|geringst\w*|schwachst\w*|minimale|minimo|minst\w*",
    "now": r"now|current|currently|present|moment|jetzt|aktuell\w*|momentan\w*|gerade|actuelle\w*"
    r"|actual|ahora|adesso|attuale|nu|huidig\w*",
}
#: Words of other questions about pain: none of its intensity.
_OTHER = re.compile(
    r"(^|_)(interfer\w*|relief|relieved|change\w*|improve\w*|better|worse|satisf\w*|fear\w*"
    r"|catastroph\w*|medication|where|location|because|beeintracht\w*|angst|duration|since"
    r"|goal|expect\w*|accept\w*|dose|kind|type|sites?)(_|$)"
)

#: What a question says of the ends of its scale: "(0 = no pain, 10 = worst)".
_ENDS = re.compile(r"\b[0-9]{1,3}\s*(?:=|:|-|–|is|means|bedeutet)?\s*[^\W\d_][^,;)\]]*")
#: Words of scores of which more is better, and of which less is.
_HIGHER = re.compile(
    r"(^|_)(quality|qol|wellbeing|well_being|who_?5|satisf\w*|self_efficacy|efficacy|resilience"
    r"|relief|steps|walk\w*|distance|sleep_(hours|duration)|hours_(of_)?sleep|participation"
    r"|acceptance|vas_health|health|lebensqualitat|wohlbefinden|schlafdauer|bien_etre"
    r"|qualite|bienestar|calidad|benessere|qualita)(_|$)"
)
_LOWER = re.compile(
    r"(^|_)(pain|pk|nrs|vas|headache\w*|migraine|depress\w*|anxi\w*|fatigue|disab\w*|insomnia|stress"
    r"|severity|symptom\w*|interfer\w*|catastroph\w*|schmerz\w*|angst|douleur|dolor|dolore|pijn"
    r"|nausea|opioid\w*|mme)(_|$)"
)

Texts = Callable[[str], pd.Series]


def scores_of(
    names: Sequence[str], texts: Texts, titles: Mapping[str, str] = MappingProxyType({})
) -> list[Recognised]:
    """The instruments that columns hold: by the names that the library knows, and pain ratings by
    the words of their question ("Average pain in the last 7 days"), where answers are 0 to 10.

    `texts` gives the cells of a column, `titles` what the file says of columns in words.
    """
    hits = recognise(names)
    claimed = {c for hit in hits for c in claimed_by(hit)}
    there = next((h for h in hits if h.instrument == "pain_nrs"), None)
    items = dict(there.items) if there else {}
    asked: dict[str, str] = {}
    for name in names:
        which = _pain(name) or _pain(titles.get(name, ""))
        free = name not in claimed and which and which not in {**items, **asked}
        if free and _within(texts(name), 0, 10):
            asked[which] = name
    if not asked:
        return hits
    by_words = ", ".join(asked)
    why = f"{by_words} by the words of the question" + (f"; {there.why}" if there else "")
    made = Recognised("pain_nrs", {**items, **asked}, False, why, there.totals if there else {})
    return [made if h is there else h for h in hits] if there else [*hits, made]


def claimed_by(hit: Recognised) -> set[str]:
    """The columns that an instrument takes."""
    return {*hit.items.values(), *hit.totals.values()}


def better_side(name: str) -> str:
    """Which side of a score is better, by the words of its name; empty where these do not tell.

    >>> better_side("Sleep hours"), better_side("headache_score"), better_side("value")
    ('higher', 'lower', '')
    """
    higher, lower = bool(_HIGHER.search(key(name))), bool(_LOWER.search(key(name)))
    return "" if higher == lower else "higher" if higher else "lower"


def _pain(name: str) -> str:
    words = key(_ENDS.sub(" ", name))
    if not (_PAIN.search(words) or _SCALE.fullmatch(words)) or _OTHER.search(words):
        return ""
    found = [w for w, by in _WHICH.items() if re.search(rf"(^|_)({by})(_|$)", words)]
    if found:
        return found[0] if len(found) == 1 else ""
    # "Schmerz (NRS)", "EVN": a rating that does not say which pain is taken for the usual one
    words = _ENDS_ALONE.sub("_", words)
    rest = [w for w in words.split("_") if w and not (_SCALE.fullmatch(w) or w in _PLAIN)]
    return "average" if all(_ONLY_PAIN.fullmatch(w) for w in rest) else ""


#: "0-10" and "0 bis 100" in a heading.
_ENDS_ALONE = re.compile(r"(?<![0-9])0_(?:(?:to|bis|a|tot)_)?100?(?![0-9])")
#: A rating of pain in one word.
_ONLY_PAIN = re.compile(
    r"pain|schmerz(en|starke|staerke|intensitat|skala|score|wert)?|douleurs?|dolor|dolore|dor"
    r"|pijn(score)?"
)
#: Words beside "pain" that say nothing of which pain.
_PLAIN = frozenset(
    [
        "score",
        "scale",
        "level",
        "rating",
        "intensity",
        "intensitat",
        "starke",
        "staerke",
        "intensite",
        "intensidad",
        "intensidade",
        "intensita",
        "intensiteit",
        "skala",
        "escala",
        "echelle",
        "scala",
        "o",
        "a",
        "of",
        "de",
        "la",
        "le",
        "el",
        "q",
        "o",
    ]
)


def _within(text: pd.Series, low: float, high: float) -> bool:
    """Whether there are numbers, and all are in a range (what is no number is not looked at)."""
    live = [t for v in pd.unique(text) if (t := str(v).strip())]
    read = number_reader(live)
    numbers = [n for t in live if (n := read(t)) is not None]
    return (
        bool(numbers) and len(numbers) * 2 >= len(live) and all(low <= n <= high for n in numbers)
    )
