"""What the cells of an instrument's columns say of its coding: words for numbers, another origin,
totals for answers, and which choices stay open.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from outcomes.questionnaires import Instrument, Recognised, Score, instrument, suspicions
from outcomes.questionnaires.answer_words import answer_words, plain_words
from outcomes.readers.dates import is_date
from outcomes.readers.drafting.scores import Texts
from outcomes.readers.drafting.toml_text import pairs, quoted
from outcomes.readers.parse import number_reader, without_length

Labels = Callable[[str], Mapping[str, str]]

#: What is said of a column of profiles.
_PROFILES = (
    "They are profiles (five digits a cell): make five columns of them, mobility to anxiety."
)
#: More different words than this are no answers to choose from.
_MOST = 15
#: "2 - Several days", "Several days (2)": an answer that tells its number.
_NUMBERED = re.compile(r"\(?(?P<n>[0-9]{1,2})\)?\s*[-–=:.)]\s*\S.*|\S.*\((?P<n2>[0-9]{1,2})\)")


def instrument_lines(
    hit: Recognised, texts: Texts, missing: Sequence[str], labels: Labels = lambda name: {}
) -> list[str]:
    """The lines of [instruments] for one instrument: what is in doubt as comments, and the line
    itself, which is a comment too where it cannot be right as it stands. `labels` gives what the
    file says that the codes of a column mean.
    """
    kind = instrument(hit.instrument)
    if totals := _totals_at_visits(kind, hit, texts, missing):
        return totals
    said: list[str] = []
    open_choices = [o for o in kind.options if not o.default]
    fitted, doubts, whole = _fitted(kind, hit, texts, missing)
    said += doubts
    fields = [pairs(fitted.items or fitted.totals)]
    given, notes, enough = _words(kind, fitted, texts, missing)
    said += notes
    if not given and (by_code := _contradicted(kind, fitted, labels)):
        given, enough = by_code, False
        said.append(
            f"# {kind.title}: the file's labels contradict its codes (see answers in the next"
            " line, made from the labels). Which is right? Then take the # away, with or without"
            " answers."
        )
    if given:
        fields.append(f"answers = {{ {pairs(given)} }}")
    if not given and fitted.items and enough:
        said += [f"# {t}" for t in suspicions(kind, _numbers(fitted.items, texts, missing))]
    for option in open_choices:
        named = ", ".join(option.listed or option.choices)
        said.append(
            f"# {kind.title}: choose {option.name}, then take the # from the next line."
            f" One of: {named}"
        )
        fields.append(f'{option.name} = "…"')
    line = f"{hit.instrument} = {{ {', '.join(fields)} }}   # guess: {kind.title}; {fitted.why}"
    live = whole and enough and not open_choices
    return [*said, line if live else f"# {line}"]


def _totals_at_visits(
    kind: Instrument, hit: Recognised, texts: Texts, missing: Sequence[str]
) -> list[str]:
    """What is said of a few columns that count as items do (phq9_1, phq9_2, phq9_3) and hold what
    no item can: totals at several visits, perhaps.
    """
    count = len(hit.items)
    if count < 2 or count * 2 > len(kind.items):
        return []
    x = _numbers(hit.items, texts, missing)
    most = x.max()
    if not all(most[code] > kind.item(code).high for code in hit.items):
        return []
    score = kind.get(kind.default_score)
    if not x.stack().between(score.low, score.high).all():
        return []
    columns = ", ".join(quoted(c) for c in hit.items.values())
    by = ", ".join(f"visit_{n} = {quoted(c)}" for n, c in enumerate(hit.items.values(), 1))
    return [
        f"# {kind.title}: {columns} hold more than an item can ({score.low:g} to {score.high:g}"
        " fits the total): totals at",
        f"# {count} visits? Then: {hit.instrument} = {{ {score.name} = {quoted(hit.instrument)} }},"
        " and below this section:",
        f"# [wide.columns]\n# {hit.instrument} = {{ {by} }}",
    ]


def _fitted(
    kind: Instrument, hit: Recognised, texts: Texts, missing: Sequence[str]
) -> tuple[Recognised, list[str], bool]:
    """The same with the score whose range the values of a ready total have; doubts; whether it can
    be right.
    """
    if hit.items or not hit.totals:
        return hit, [], True
    totals: dict[str, str] = {}
    said, right = [], True
    for name, column in hit.totals.items():
        x = _numbers({name: column}, texts, missing)[name].dropna()
        score = kind.get(name)
        if len(x) and (fits := _inside(x, score)) < 0.9:
            others = [s for s in kind.scores if s.unit != "yes/no" and _inside(x, s) == 1]
            if others:
                said.append(
                    f"# {kind.title}: the values of {quoted(column)} do not fit {name}"
                    f" ({score.low:g} to {score.high:g}); they fit {others[0].name}."
                )
                score = others[0]
            elif fits < 0.5:
                right = False
                said.append(
                    f"# {kind.title}: the values of {quoted(column)} do not fit {name}"
                    f" ({score.low:g} to {score.high:g}). "
                    + (_PROFILES if profiles(texts(column)) else "What are they?")
                )
        if fractions(score, x):
            right = False
            said.append(
                f"# {kind.title}: the values of {quoted(column)} look like fractions of 1, where"
                f" {name} goes to {score.high:g}. If so: factor = {score.high:g}"
            )
        both = [s.name for s in kind.scores if s.unit == score.unit and _inside(x, s) == 1]
        if (score.name != name and len(both) > 1) or (hit.why and _several_versions(both, column)):
            said.append(
                f"# {kind.title}: the values of {quoted(column)} also fit"
                f" {' and '.join(b for b in both if b != score.name)}. Which version was used?"
            )
        if score.unit in ("T", "percent", "%") and _RAW.search(column.casefold()):
            right = False
            said.append(
                f"# {kind.title}: {quoted(column)} is called raw, but {score.name} is none. Give"
                " the items, or the score itself."
            )
        if raw_sums(score, x):
            right = False
            said.append(
                f"# {kind.title}: the values of {quoted(column)} look like raw sums, not"
                " T-scores. Give the items instead, or T-scores."
            )
        totals[score.name] = column
    return dataclasses.replace(hit, totals=totals), said, right


def raw_sums(score: Score, values: pd.Series) -> bool:
    """Whether values of a T-score look like sums of answers: whole numbers, most of them below 30,
    which is two standard deviations below the mean of people.
    """
    x = values.dropna().to_numpy(float)
    return bool(
        score.unit == "T" and len(x) and (x == np.rint(x)).all() and float(np.median(x)) < 30
    )


def fractions(score: Score, values: pd.Series) -> bool:
    """Whether values of a score that goes to 10 or more look like fractions of 1 (0.7 for 70%)."""
    x = values.dropna()
    return bool(score.high >= 10 and len(x) > 1 and x.between(0, 1).all() and (x % 1 != 0).any())


_RAW = re.compile(r"(^|[^a-z])(raw|rohwert|brut|grezzo|bruto)([^a-z]|$)")


def _several_versions(names: Sequence[str], column: str) -> bool:
    """Whether scores are versions by number of items, and the column does not say which."""
    ends = [n for n in names if re.search(r"_[0-9]+$", n)]
    return len(ends) > 1 and not any(
        re.search(rf"(?<![0-9]){n.rsplit('_', 1)[1]}(?![0-9])", column) for n in ends
    )


def _inside(x: pd.Series, score: Score) -> float:
    """The share of values in a score's range."""
    return float(x.between(score.low, score.high).mean())


def _numbers(columns: Mapping[str, str], texts: Texts, missing: Sequence[str]) -> pd.DataFrame:
    made = {}
    codes = {float(m) for m in missing if re.fullmatch(r"-?[0-9]+", m)}
    for name, column in columns.items():
        text = texts(column).str.strip().map(without_length)
        read = number_reader([t for t in pd.unique(text) if t])
        x = pd.Series([np.nan if (v := read(t)) is None else v for t in text], dtype=float)
        made[name] = x.mask(x.isin(codes))
    return pd.DataFrame(made, dtype=float)


def _without_number(text: str) -> str:
    return re.sub(r"^\(?[0-9]{1,2}\)?\s*[-–=:.)]\s*|\s*\([0-9]{1,2}\)$", "", text)


def _contradicted(kind: Instrument, hit: Recognised, labels: Labels) -> dict[str, float]:
    """The numbers of the file's own codes by what their labels mean in the instrument, where a code
    is not that number; empty where labels and codes agree, or nothing is known of them.
    """
    known = answer_words(kind.id)
    told: dict[str, float] = {}
    for column in hit.items.values():
        for code, label in labels(column).items():
            if (number := known.get(plain_words(label))) is not None:
                told[code] = number
    wrong = [c for c, n in told.items() if not re.fullmatch(r"-?[0-9]+", c) or float(c) != n]
    return dict(sorted(told.items(), key=lambda t: t[1])) if wrong else {}


def _words(
    kind: Instrument, hit: Recognised, texts: Texts, missing: Sequence[str]
) -> tuple[dict[str, float], list[str], bool]:
    """The numbers of answers in words; what to say of words that have none; whether the line stands
    without them.
    """
    there: dict[str, None] = {}
    numbers = 0
    for column in hit.items.values():
        live = [without_length(t) for v in pd.unique(texts(column)) if (t := str(v).strip())]
        read = number_reader(live)
        numbers += sum(read(t) is not None for t in live)
        there |= dict.fromkeys(t for t in live if read(t) is None and t not in missing)
    there = {t: None for t in there if re.search(r"[^\W\d_]", t) and not is_date(t)}
    if not there or len(there) > _MOST:
        return {}, [], True
    known = answer_words(kind.id)
    given: dict[str, float] = {}
    against: dict[str, float] = {}
    for text in there:
        found = _NUMBERED.fullmatch(text)
        if plain_words(text) in known:
            given[text] = known[plain_words(text)]
        elif found:
            given[text] = float(found["n"] or found["n2"])
            bare = plain_words(_without_number(text))
            if known.get(bare, given[text]) != given[text]:
                against[text] = known[bare]
    given = dict(sorted(given.items(), key=lambda g: g[1]))
    if against:
        wrong = ", ".join(f"{quoted(t)} ({n:g})" for t, n in against.items())
        doubt = (
            f"# {kind.title}: numbers in the answers differ from what their words have in the"
            f" instrument: {wrong}. Which is right? Then take the # from the next line."
        )
        return given | against, [doubt], False
    rest = [t for t in there if t not in given]
    if not rest:
        return given, [], True
    if not given and numbers:
        return {}, [], True  # stray words among numbers: listed by their cells when it is read
    said = [
        f"# {kind.title} has answers in words without a known number. Say which each is:"
        f" answers = {{ {', '.join(f'{quoted(t)} = {_slip(t, known)}' for t in rest)} }}"
    ]
    return given, said, bool(given)


def _slip(text: str, known: Mapping[str, float]) -> str:
    """The number of the usual answer that a text may be a slip of the pen for; else an ellipsis."""
    near = difflib.get_close_matches(plain_words(text), known, n=1, cutoff=0.85)
    return f"{known[near[0]]:g}" if near else "…"


def profiles(text: pd.Series) -> bool:
    """Whether cells hold states of the EQ-5D: five digits from 1 to 5 in one number.

    >>> profiles(pd.Series(["21232", "11111", ""])), profiles(pd.Series(["21932", "11111"]))
    (True, False)
    """
    live = [t for v in pd.unique(text) if (t := str(v).strip())]
    return bool(live) and all(re.fullmatch(r"[1-5]{5}", t) for t in live)
