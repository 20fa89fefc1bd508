"""The language that clinicians and patients read: messages from catalogues, and how it writes
numbers.

English is the source: a message of the code is an English sentence with named fields, and a
catalogue (`languages/de.po`, a gettext file) has the same sentence in another language, with the
same fields in the order of that language. What is computed never depends on the language; only
what is written inside `speaking` does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from outcomes.core.errors import AnalysisError, unknown

#: A narrow space that no line is broken at: between thousands in French and Spanish.
THIN = "\N{NARROW NO-BREAK SPACE}"
#: Between the two parts of a message's key: its context and its English text.
_CONTEXT = "\x04"


@dataclass(frozen=True, slots=True)
class Language:
    """A language and how it writes numbers.

    `code` is that of ISO 639-1, `name` what the language calls itself, `point` its decimal mark,
    `group` its thousands mark, used from `grouped` digits before the decimal mark on, `percent`
    what stands between a number and its percent sign.
    """

    code: str
    name: str
    point: str = ","
    group: str = "."
    grouped: int = 4
    percent: str = ""

    @property
    def source(self) -> bool:
        """Whether it is English, the language that the messages are written in."""
        return self.code == "en"


#: English without a thousands mark (a count of patients is printed as it is), and the languages
#: that have a catalogue.
#:
#: * German: Duden and DIN 5008, a space before the percent sign.
#: * French: Lexique des règles typographiques en usage à l'Imprimerie nationale, narrow spaces.
#: * Spanish: RAE, Ortografía de la lengua española (2010): a space from five digits on, a space
#:   before the percent sign; the decimal comma of Spain and most of South America.
#: * Portuguese: the point between thousands, no space before the percent sign.
#: * Dutch: Taalunie, the point between thousands, no space before the percent sign.
LANGUAGES = MappingProxyType(
    {
        "en": Language("en", "English", point=".", group="", grouped=99),
        "de": Language("de", "Deutsch", percent=THIN),
        "fr": Language("fr", "français", group=THIN, percent=THIN),
        "es": Language("es", "español", group=THIN, grouped=5, percent=THIN),
        "pt": Language("pt", "português"),
        "nl": Language("nl", "Nederlands"),
    }
)

#: The codes that a study file or an argument may give.
LANGUAGE_CODES = tuple(LANGUAGES)

_IN_FORCE: ContextVar[Language] = ContextVar("language", default=LANGUAGES["en"])


def language_of(code: str = "") -> Language:
    """The language of a code; without one, that in force. Raises AnalysisError for another code.

    >>> language_of("de").point
    ','
    """
    if not code:
        return _IN_FORCE.get()
    if not isinstance(code, str) or code not in LANGUAGES:
        raise AnalysisError(unknown("language", str(code), LANGUAGE_CODES))
    return LANGUAGES[code]


@contextmanager
def speaking(code: str) -> Iterator[Language]:
    """Every message, number and date that is written inside is in this language; "" keeps the one
    in force.

    >>> from outcomes.core.wording import number
    >>> with speaking("de"):
    ...     number(1234.5), say("patients")
    ('1.234,5', 'Patienten')
    """
    token = _IN_FORCE.set(language_of(code))
    try:
        yield _IN_FORCE.get()
    finally:
        _IN_FORCE.reset(token)


def in_source() -> AbstractContextManager[Language]:
    """English inside: for what is computed, compared or kept, and for sentences that have no
    translation.
    """
    return speaking("en")


def message(text: str, context: str = "") -> str:
    """Mark a text as a message that is written later, where `say` gets it by a variable; with the
    context "name", where `named` does.
    """
    return text


def message_n(one: str, many: str) -> tuple[str, str]:
    """Mark the two forms of a message about so many, where `say_n` gets them by a variable."""
    return one, many


def say(text: str, context: str = "", /, **fields: object) -> str:
    """A message in the language in force, with its named fields filled in.

    `context` tells two meanings of one English text apart. A message without a translation stays
    English.

    >>> say("{low} to {high}", low="1", high="3")
    '1 to 3'
    """
    found = _text(text, context)
    return found.format(**fields) if fields else found


def say_n(one: str, many: str, n: int, /, **fields: object) -> str:
    """A message about so many, in the plural form that the language has for this number; `n` is a
    field of it.

    >>> say_n("{n} patient", "{n} patients", 1)
    '1 patient'
    """
    from outcomes.core.wording import whole

    language = _IN_FORCE.get()
    found = one if n == 1 else many
    if not language.source:
        book = catalogue(language.code)
        forms = book.texts.get(one)
        if forms is not None:
            found = forms[min(book.plural(abs(n)), len(forms) - 1)]
    return found.format(**{"n": whole(n), **fields})


class Phrase(str):
    """A text made while an answer is computed, which a report may still write in its language: as
    text it is English, and it keeps its message and fields.

    >>> why = Phrase.of("no score at {visit}", visit="week 4")
    >>> str(why), in_language(why)
    ('no score at week 4', 'no score at week 4')
    """

    __slots__ = ("context", "fields", "message")
    message: str
    context: str
    fields: dict[str, object]

    @classmethod
    def of(cls, text: str, context: str = "", /, **fields: object) -> Phrase:
        """The phrase of a message with its fields: texts, other phrases, numbers, or scores."""
        with in_source():
            filled = {k: _filled(v) for k, v in fields.items()}
            made = cls(text.format(**filled) if fields else text)
        made.message, made.context, made.fields = text, context, fields
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return _phrase, (self.message, self.context, self.fields)


def _phrase(text: str, context: str, fields: dict[str, object]) -> Phrase:
    return Phrase.of(text, context, **fields)


def in_language(text: str) -> str:
    """A phrase in the language in force; any other text as it is."""
    if not isinstance(text, Phrase):
        return text
    return say(text.message, text.context, **{k: _filled(v) for k, v in text.fields.items()})


def _filled(value: object) -> str:
    said = getattr(value, "said", None)  # a score says its own title
    if isinstance(said, str):
        return said
    if isinstance(value, int | float):
        from outcomes.core.wording import localised

        return localised(f"{value:g}")
    if isinstance(value, Phrase) or language_of().source:
        return in_language(str(value) if not isinstance(value, str) else value)
    from outcomes.core.wording import visit_said

    return visit_said(str(value))


def named(text: str) -> str:
    """The name of a score, an instrument or a question in the language in force, where its
    catalogue has one; any other name as it is.

    >>> named("average"), named("my own score")
    ('average', 'my own score')
    """
    return _text(text, "name")


def _text(text: str, context: str) -> str:
    language = _IN_FORCE.get()
    if language.source:
        return text
    forms = catalogue(language.code).texts.get(_key(text, context))
    return forms[0] if forms is not None else text


def _key(text: str, context: str) -> str:
    return f"{context}{_CONTEXT}{text}" if context else text


# --- catalogues -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The messages of a language: by context and English text its forms, and which form a number
    has.
    """

    texts: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]


@cache
def catalogue(code: str) -> Catalogue:
    """The catalogue of a language, read once."""
    text = resources.files("outcomes.core").joinpath("languages", f"{code}.po").read_text("utf-8")
    return read_catalogue(text)


def read_catalogue(text: str) -> Catalogue:
    """The messages of a gettext catalogue (.po): the part of the format that translations use.

    >>> book = read_catalogue('msgid "patients"\\nmsgstr "Patienten"\\n')
    >>> book.texts["patients"]
    ('Patienten',)
    """
    from gettext import c2py  # type: ignore[attr-defined]

    texts = dict[str, tuple[str, ...]]()
    for block in re.split(r"\n\s*\n", text):
        parts = dict[str, str]()
        field = ""
        for line in block.splitlines():
            found = re.match(r'(msg\w+(?:\[\d\])?)?\s*(".*")\s*$', line)
            if line.startswith("#") or found is None:
                continue
            field = found[1] or field
            parts[field] = parts.get(field, "") + ast.literal_eval(found[2])
        if "msgid" in parts:
            forms = tuple(v for k, v in sorted(parts.items()) if k.startswith("msgstr"))
            if all(forms):  # one that is not translated yet stays English
                texts[_key(parts["msgid"], parts.get("msgctxt", ""))] = forms
    head = texts.pop("", ("",))[0]
    rule = re.search(r"plural=([^;]+);", head)
    return Catalogue(MappingProxyType(texts), c2py(rule[1] if rule else "n != 1"))
