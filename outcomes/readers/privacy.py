"""Columns that may identify a patient, found by their names and by the look of their values.

What is looked for are the 18 classes of the HIPAA Safe Harbor rule (45 CFR 164.514(b)(2)), in the
form in which they turn up in tables of scores, with national numbers of several countries. To find
nothing means only that: no Safe Harbor column was found. It does not make a file anonymous.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.readers.cells import Distinct, patterns
from outcomes.readers.dates import became_dates, is_compact, is_serial, names_month
from outcomes.readers.identifying_words import identified_by, words_of
from outcomes.readers.people_names import like_people

#: Words said where a scan finds nothing.
CLEAN = "no Safe Harbor column found"


@dataclass(frozen=True)
class Finding:
    """A column that may identify a patient: which, of what kind, and why it was thought so; never a
    value.
    """

    table: str
    column: str
    kind: str
    why: str
    #: The positions of the rows, where few of the column's cells are meant.
    rows: tuple[int, ...] = ()


_AGE = re.compile(r"(^|_)(age|alter|edad|leeftijd|eta|idade)(_|$)")
_DATE_NAME = re.compile(r"(^|_)(date|datum|fecha|data|timestamp|datetime|dat|dt)(_|$)|date$")

#: No address, number or name is longer. Longer cells are only searched, in time that grows with
#: their length and no faster.
_LONGEST = 200
_EMAIL = re.compile(r"[^@\s]@[^@\s]{1,200}?\.[A-Za-z]{2}")
_URL = re.compile(r"(?:https?|ftp)://\S|www\.\S{1,200}?\.\S", re.IGNORECASE)
_IP = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}")
_IP6 = re.compile(
    r"(?=.*:.*:)(?=.*[0-9a-fA-F])(?!\d{1,2}:\d{2}(:\d{2})?$)[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){3,7}"
)
_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_PHONE = re.compile(
    r"\+\d[\d ().\-/]{7,18}\d|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}|0\d{1,5}[ /-]\d{2,4}[ \d-]{3,9}\d"
)
_DATE = re.compile(
    r"(?:(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:19|20)\d\d|\d\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])[- ]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-,"
    r" ]*(?:19|20)\d\d)"
    r"(?:[ T]\d{1,2}:\d{2}.*)?",
    re.IGNORECASE,
)
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
_ZIP4 = re.compile(r"\d{5}-\d{4}")
_POSTCODE = re.compile(
    r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]\d[A-Z] \d[A-Z]\d|[1-9]\d{3} [A-Z]{2}"
)
_FISCAL = re.compile(r"[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]", re.IGNORECASE)
_INITIALS = re.compile(r"[A-Z]\. ?(?:[A-Z]\. ?)?[A-Z]\.")
#: Kinds of which numbers, or a yes and no, are none.
_WORDS_ONLY = frozenset(("e-mail", "free text", "biometric or photograph"))
_NAME = "[A-Z][a-zà-ÿ'’-]+"
_PERSON = re.compile(
    rf"[A-Z]\. ?{_NAME}|(?:Mr|Mrs|Ms|Miss|Dr|Herr|Frau|Mme|Sr|Sra|Sig)\.? {_NAME}"
    rf"|{_NAME}(?:, ?| )(?:{_NAME}|[A-Z]\.)(?: {_NAME})?"
)


def scan(
    table: str,
    frame: pd.DataFrame,
    *,
    allow: Iterable[str] = (),
    drop: Iterable[str] = (),
    ids: Sequence[str] = (),
    marked: Iterable[str] = (),
    scores: Iterable[str] = (),
    distinct: Callable[[str], Distinct] | None = None,
) -> list[Finding]:
    """The columns of a frame of text that may identify a patient, but for those allowed or dropped
    by name.

    `ids` are columns of study codes, where a surname in place of a code is looked for too; `marked`
    are columns that the file's own data dictionary calls identifiers; `scores` are read as numbers
    only, so that a date in them (a score that a spreadsheet program changed) never enters a study.
    `distinct` gives the different texts of a column where they are known. A column without any
    content is never named. No value stands in a finding.

    >>> frame = pd.DataFrame({"id": ["K1", "K2"], "nrs": ["7", "4"], "dob": ["1971-02-03", ""]})
    >>> [(f.column, f.kind) for f in scan("patients", frame)], scan("patients", frame, drop=["dob"])
    ([('dob', 'date of birth')], [])
    """
    known, said, numbers = {*allow, *drop}, set(marked), set(scores)
    of = distinct or (lambda c: Distinct(frame, *_factorized(frame[c])))
    found, person = [], of(ids[0]).codes if ids and ids[0] in frame else None
    for column in frame.columns.tolist():
        if column in known:
            continue
        texts = of(column).texts
        there = of(column).rows([t != "" for t in texts])
        filled = int(there.sum())
        people = filled if person is None else _different(person[there])
        finding = examine(
            table,
            str(column),
            [u for u in texts if isinstance(u, str)],
            filled,
            people,
            is_id=column in ids,
            marked=column in said,
            score=column in numbers,
        )
        if finding and finding.why == _SURNAMES:
            odd = frame[column].map(_like_surname).to_numpy(bool)
            rows = tuple(odd.nonzero()[0].tolist()) if odd.sum() * 5 <= len(odd) else ()
            finding = replace(finding, rows=rows)
        found += [finding] if finding else []
    return found


def _factorized(text: pd.Series) -> tuple[np.ndarray, list[str]]:
    codes, uniques = pd.factorize(text)
    return codes, uniques.tolist()


def _different(codes: np.ndarray) -> int:
    """How many different codes there are."""
    return int(np.count_nonzero(np.bincount(codes))) if len(codes) else 0


def examine(
    table: str,
    column: str,
    texts: Iterable[str],
    filled: int,
    people: int,
    *,
    is_id: bool = False,
    marked: bool = False,
    score: bool = False,
) -> Finding | None:
    """What one column may tell of a patient, from its distinct texts, the number of its filled
    cells and of the people who have any; None where nothing.
    """
    values = [v for u in texts if (v := u.strip())]
    if not values:
        return None
    if marked:
        return Finding(table, column, "identifier", "the data dictionary says so")
    for kind, why in _findings(column, values, filled, people, is_id):
        if kind != "date" or not (score or became_dates(values)):
            return Finding(table, column, kind, why)
    return None


def _findings(
    column: str, values: Sequence[str], filled: int, people: int, is_id: bool
) -> Iterator[tuple[str, str]]:
    """Kinds and reasons, the plainest first. `values` are the distinct texts, `filled` cells of so
    many `people`.
    """
    words = words_of(column)
    for kind in identified_by(column):
        if not (kind in _WORDS_ONLY and all(map(_is_number_or_flag, values))):
            yield kind, "its name says so"
    short = [v for v in values if len(v) <= _LONGEST]
    all_like = _by_pattern(values)
    short_like = all_like if len(short) == len(values) else _by_pattern(short)
    for kind, why, fits, enough, like in _PATTERNS:
        likes = all_like if fits in _SEARCHES else short_like
        hits = sum(sum(map(bool, map(fits, own))) for p, own in likes.items() if like(p))
        if not hits or hits < enough(len(values)):
            continue
        if not (kind in _LIKE_CODES and is_id and (words in _CDISC or _counted(values))):
            yield kind, why
    dates = sum(
        (v[:1].isdigit() and bool(_DATE.fullmatch(v)) and not v.startswith(_NO_DAYS))
        or names_month(v)
        for p, own in short_like.items()
        if p[:1] == "9" or ("9999" in p and _MONTH_LIKE.search(p))
        for v in own
    )
    named = bool(_DATE_NAME.search(words))
    if not is_id and (
        (is_compact(short) and (named or len(values) > 2)) or (named and is_serial(short))
    ):
        yield "date", "calendar dates down to the day, written as one number"
    if dates and ((dates >= 2 and dates * 10 >= len(values)) or named):
        yield "date", "calendar dates down to the day"
    if _AGE.search(words) and any(_is_number(v) and float(v.replace(",", ".")) > 89 for v in short):
        yield "age over 89", "ages above 89 single people out: write 90 or older as 90"
    if _free_text(all_like, filled):
        yield "free text", "long texts that differ from row to row"
    names_like = sum(len(own) for p, own in short_like.items() if _PERSON.fullmatch(p))
    if names_like >= 3 and names_like * 10 >= 8 * len(values) and len(values) * 10 >= 8 * people:
        yield "name", "texts that look like people's names"
    if not is_id and len(values) * 3 >= people and like_people(values):
        yield "name", "texts that are frequent names of people"
    initials = sum(len(own) for p, own in short_like.items() if _INITIALS.fullmatch(p))
    if initials >= 3 and initials * 10 >= 8 * len(values) and len(values) * 2 >= people:
        yield "name", "texts that look like initials"
    if is_id and _hold_dates(values):
        yield "date of birth", "codes that hold a day, perhaps of birth"
    if is_id and any(map(_like_surname, short_like)):
        yield "name", _SURNAMES


def _by_pattern(values: Iterable[str]) -> dict[str, list[str]]:
    """The texts by what they look like with 9 for every digit: what holds of all of one pattern is
    asked once.
    """
    texts = list(values)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for written, text in zip(patterns(texts), texts, strict=True):
        found[written].append(text)
    return dict(found)


#: Why a column of codes may name people.
_SURNAMES = "codes that look like surnames"


def _like_surname(text: str) -> bool:
    text = text.strip()
    return (
        text[:1].isupper()
        and not text.isupper()
        and bool(re.fullmatch(r"[^\W\d_]{2,}(?:[ ,'-]+[^\W\d_]+)*", text))
    )


#: Names of CDISC for a subject's code.
_CDISC = frozenset(("usubjid", "subjid"))
#: What study-site-subject codes can look like by chance: digits in groups.
_LIKE_CODES = frozenset(("phone or fax", "geography"))


def _counted(values: Sequence[str]) -> bool:
    """Whether codes count subjects within a few groups (03-512-2047, 03-512-2048 …), which numbers
    of telephones do not.
    """
    ends: dict[str, list[int]] = {}
    for value in values:
        found = re.fullmatch(r"(.*[^0-9])([0-9]{1,6})", value)
        if not found:
            return False
        ends.setdefault(found[1], []).append(int(found[2]))
    return len(values) >= 3 * len(ends) and all(
        max(n) - min(n) < 10 * len(n) + 10 for n in ends.values()
    )


#: Letters that may be the name of a month.
_MONTH_LIKE = re.compile(r"[^\W\d_]{3}")
#: Years of small numbers in the format of a date: nobody's dates.
_NO_DAYS = ("1899-", "1900-")
#: A code that may hold a day: letters and six or eight digits, in either order.
_WITH_DAY = re.compile(
    r"[^\W\d_]{0,4}[-_ ./]?([0-9]{8}|[0-9]{6})(?:[-_ ./]?[^\W\d_]{1,4})?(?:[-_][0-9]{1,2})?"
)


def _hold_dates(values: Sequence[str]) -> bool:
    """Whether all of some codes hold a day (AM03021957, 570203-KL): few would by chance. Codes that
    count patients do not.
    """
    if len(values) < 5 or not all((f := _WITH_DAY.fullmatch(v)) and _is_day(f[1]) for v in values):
        return False
    plain = [int(v) for v in values if v.isascii() and v.isdecimal()]
    counted = len(plain) == len(values) and max(plain) - min(plain) < 10 * len(plain) + 10
    return not counted and not _counted(values)


def _is_day(digits: str) -> bool:
    """Whether digits are a day, month and year in some order, of a year since 1900."""
    if len(digits) == 8:
        first, second, year = digits[:2], digits[2:4], digits[4:]
        ways = [(digits[:4], digits[4:6], digits[6:])]
        ways += [(year, second, first), (year, first, second)]
        return any("1900" <= y <= "2099" and _in_year(m, d) for y, m, d in ways)
    one, two, three = digits[:2], digits[2:4], digits[4:]
    return _in_year(two, one) or _in_year(one, two) or _in_year(two, three)


def _in_year(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _is_number_or_flag(text: str) -> bool:
    return _is_number(text) or text.casefold() in ("yes", "no", "true", "false")


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(",", ".").replace(".", "", 1).isdecimal()


def _free_text(likes: Mapping[str, Sequence[str]], filled: int) -> bool:
    """`likes`: the distinct texts by their pattern, which has the same words and length."""
    if any(len(p.split()) >= 15 or ("\n" in p and len(p.split()) >= 3) for p in likes):
        return True
    n = sum(map(len, likes.values()))
    long = sum(
        len(own) for p, own in likes.items() if len(p.split()) >= 5 or (len(p) >= 40 and " " in p)
    )
    return long >= 3 and long * 5 >= n and n * 2 > filled


# --- numbers with check digits --------------------------------------------------------------------


def _digits(text: str, length: int) -> list[int]:
    """The digits of a number of this length, separators left out; none where it is not one."""
    if not text[-1:].isdigit() or len(text) < length:
        return []
    plain = re.sub(r"[ .\-/]", "", text)
    return (
        [int(c) for c in plain]
        if len(plain) == length and plain.isascii() and plain.isdigit()
        else []
    )


def _nhs(text: str) -> bool:
    """NHS number of England, Wales and the Isle of Man: ten digits, modulus 11 with weights 10 to
    2.
    """
    d = _digits(text, 10)
    return (
        bool(d)
        and (11 - sum(w * x for w, x in zip(range(10, 1, -1), d[:9], strict=True)) % 11) % 11
        == d[9]
    )


def _bsn(text: str) -> bool:
    """Dutch burgerservicenummer: nine digits, eleven-test with weights 9 to 2 and -1."""
    d = _digits(text, 9)
    return (
        any(d)
        and sum(w * x for w, x in zip((9, 8, 7, 6, 5, 4, 3, 2, -1), d, strict=True)) % 11 == 0
    )


def _cpf(text: str) -> bool:
    """Brazilian CPF: eleven digits, two check digits modulus 11."""
    d = _digits(text, 11)
    if not d or len(set(d)) == 1:
        return False
    return all(sum((n + 1 - i) * d[i] for i in range(n)) * 10 % 11 % 10 == d[n] for n in (9, 10))


def _nir(text: str) -> bool:
    """French NIR: thirteen characters and a key of two, modulus 97 (Corsica's 2A and 2B as 19 and
    18).
    """
    if len(text) < 15:
        return False
    plain = re.sub(r"[ .\-]", "", text).upper().replace("2A", "19").replace("2B", "18")
    return bool(re.fullmatch(r"[12]\d{14}", plain)) and 97 - int(plain[:13]) % 97 == int(plain[13:])


def _dni(text: str) -> bool:
    """Spanish DNI or NIE: eight digits (X, Y, Z for the first of a NIE) and a letter, modulus
    23.
    """
    if not text[-1:].isalpha():
        return False
    plain = re.sub(r"[ .\-]", "", text).upper()
    if not re.fullmatch(r"[XYZ\d]\d{7}[A-Z]", plain):
        return False
    return (
        "TRWAGMYFPDXBNJZSQVHLCKE"[int(plain[:8].translate(str.maketrans("XYZ", "012"))) % 23]
        == plain[8]
    )


def _kvnr(text: str) -> bool:
    """German health insurance number: a letter and nine digits, the last by Luhn's rule with the
    letter as two digits.
    """
    if len(text) != 10 or not re.fullmatch(r"[A-Z]\d{9}", text):
        return False
    d = [int(c) for c in f"{ord(text[0]) - 64:02d}{text[1:9]}"]
    return sum(sum(divmod(x * (1 + i % 2), 10)) for i, x in enumerate(d)) % 10 == int(text[9])


Fits = Callable[[str], object]


def _any(_: int) -> float:
    return 1


def _most(n: int) -> float:
    """A check digit fits one number in eleven by chance: nearly all of at least three must fit."""
    return max(3, 0.9 * n)


def _half_of_any(n: int) -> float:
    return max(1, 0.5 * n)


def _half(n: int) -> float:
    return max(2, 0.5 * n)


def _like(signs: str) -> Fits:
    """Whether a pattern is made of these signs alone."""
    return re.compile(f"[{re.escape(signs)}]+").fullmatch


#: Kind, reason, what fits, how many must, and what every pattern of what fits does.
_SEARCHES = (_EMAIL.search, _URL.search)
_PATTERNS: tuple[tuple[str, str, Fits, Callable[[int], float], Fits], ...] = (
    ("e-mail", "texts with e-mail addresses", _EMAIL.search, _any, _EMAIL.search),
    ("web or network address", "web addresses", _URL.search, _any, _URL.search),
    ("web or network address", "network (IP) addresses", _IP.fullmatch, _any, _like("9.")),
    ("web or network address", "network (IP) addresses", _IP6.fullmatch, _any, _IP6.fullmatch),
    (
        "national or social security number",
        "numbers written like US social security numbers",
        _SSN.fullmatch,
        _any,
        _like("9-"),
    ),
    (
        "national or social security number",
        "codes written like Italian codici fiscali",
        _FISCAL.fullmatch,
        _any,
        _FISCAL.fullmatch,
    ),
    (
        "national or social security number",
        "numbers with the check digit of NHS numbers",
        _nhs,
        _most,
        _like("9 .-/"),
    ),
    (
        "national or social security number",
        "numbers that pass the Dutch BSN test",
        _bsn,
        _most,
        _like("9 .-/"),
    ),
    (
        "national or social security number",
        "numbers with the check digits of Brazilian CPFs",
        _cpf,
        _most,
        _like("9 .-/"),
    ),
    (
        "national or social security number",
        "numbers with the key of French NIRs",
        _nir,
        _half,
        _like("9 .-ABab"),
    ),
    (
        "national or social security number",
        "codes with the check letter of Spanish DNIs",
        _dni,
        _most,
        re.compile(r"[9XYZxyz .\-]+[^\W\d_]").fullmatch,
    ),
    (
        "health plan or account number",
        "codes with the check digit of German insurance numbers",
        _kvnr,
        _most,
        re.compile("[A-Z]9{9}").fullmatch,
    ),
    (
        "phone or fax",
        "numbers written like telephone numbers",
        _PHONE.fullmatch,
        _half,
        _like("9 ().-/+"),
    ),
    ("geography", "codes written like ZIP+4 codes", _ZIP4.fullmatch, _half, _ZIP4.fullmatch),
    ("geography", "codes written like postcodes", _POSTCODE.fullmatch, _half, _POSTCODE.fullmatch),
    (
        "unique code",
        "hashes, which can be undone unless they were salted",
        _HASH.fullmatch,
        _half_of_any,
        _HASH.fullmatch,
    ),
)


def message(findings: Sequence[Finding], patients: Iterable[str] = ()) -> str:
    """The findings in words, by column, and what to do; never a value. `patients` are the columns
    that name the patient: they cannot be dropped.
    """
    own = [f.column for f in findings if f.column in set(patients)]
    lines = [f"  {f.column} ({f.table} table): {f.kind}; {f.why}" for f in findings]
    columns = ", ".join(f'"{f.column}"' for f in findings if f.column not in own)
    said = [f"{len(findings)} column(s) may identify a patient:", *lines]
    if columns:
        said.append(
            f"Drop or allow each by name: [privacy] drop = [{columns}] (or allow = [...]) in the"
            " study file, drop=[...] or allow=[...] in read_table. Dropped columns are never read"
            " into the study."
        )
    said += [
        f"'{column}' names the patient: replace its codes by study codes (outcomes pseudonyms"
        " does), or, if they are study codes, allow it: [privacy] allow ="
        f' ["{column}"].'
        + " If these rows are no patients (a heading, a total), take them out."
        * any(f.rows for f in findings if f.column == column)
        for column in dict.fromkeys(own)
    ]
    return "\n".join(said)
