"""Catalogues of messages: complete, with the fields of the source, in the order of the code; and
what a report in another language writes.
"""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from functools import cache
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.language import (
    LANGUAGES,
    Phrase,
    in_language,
    read_catalogue,
    say,
    say_n,
    speaking,
)
from outcomes.core.wording import date_text, number, percent, whole
from outcomes.reporting import build
from outcomes.reporting.document import Document

ROOT = Path(__file__).resolve().parents[1]
CODES = [c for c, language in LANGUAGES.items() if not language.source]


@cache
def _languages() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_languages", ROOT / "docs" / "make_languages.py"
    )
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _fields(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(text) if name)


@cache
def _there(code: str) -> dict[tuple[str, str, str], tuple[str, ...]]:
    return _languages().there(code)


@cache
def _source() -> frozenset[tuple[str, str, str]]:
    return frozenset(_languages().messages())


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_has_every_message_and_no_other(code):
    source, there = _source(), set(_there(code))
    assert len(source) > 700
    assert not source - there, "run docs/make_languages.py and translate what is empty"
    assert not there - source, "run docs/make_languages.py: it drops what the code has no more"


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_stands_in_the_order_of_the_code(code):
    path = ROOT / "outcomes" / "core" / "languages" / f"{code}.po"
    assert path.read_text("utf-8") == _languages().written(code, _there(code)), (
        "run docs/make_languages.py"
    )


@pytest.mark.parametrize("code", CODES)
def test_translations_have_the_fields_of_the_source_and_none_is_empty(code):
    for (_, one, many), forms in _there(code).items():
        assert len(forms) == (2 if many else 1), one
        for form, text in zip(forms, (one, many), strict=False):
            assert form.strip() == form != "", one
            assert _fields(form) == _fields(text), (one, form)


def test_an_empty_translation_stays_english():
    book = read_catalogue('msgid "patients"\nmsgstr ""\n')
    assert "patients" not in book.texts


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("en", ("1234.5", "12345", "43%", "2026-05-03")),
        ("de", ("1.234,5", "12.345", "43\u202f%", "3. Mai 2026")),
        ("fr", ("1\u202f234,5", "12\u202f345", "43\u202f%", "3 mai 2026")),
        ("es", ("1234,5", "12\u202f345", "43\u202f%", "3 de mayo de 2026")),
        ("pt", ("1.234,5", "12.345", "43%", "3 de maio de 2026")),
        ("nl", ("1.234,5", "12.345", "43%", "3 mei 2026")),
    ],
)
def test_numbers_shares_and_dates_by_language(code, shown):
    with speaking(code):
        assert (
            number(1234.5),
            whole(12345),
            percent(0.43),
            date_text("2026-05-03"),
        ) == shown


def test_plural_forms_by_language():
    made = []
    for code in ("en", "de", "fr"):
        with speaking(code):
            made.append([say_n("{n} row", "{n} rows", n) for n in (0, 1, 2)])
    assert made == [
        ["0 rows", "1 row", "2 rows"],
        ["0 Zeilen", "1 Zeile", "2 Zeilen"],
        ["0 ligne", "1 ligne", "2 lignes"],
    ]


def test_a_phrase_is_english_as_text_and_keeps_its_fields():
    with speaking("de"):
        why = Phrase.of("no score at {visit}", visit="M3")
        assert (str(why), in_language(why)) == ("no score at M3", "kein Wert bei M3")


def test_another_language_than_there_is():
    with pytest.raises(AnalysisError, match=r"language.*'it'.*de"), speaking("it"):
        say("patients")


# --- reports ----------------------------------------------------------------------------------


FIRST = {
    "de": ("Zusammenfassung in einfacher Sprache", "Nebenwirkung", "ist gefallen|fiel"),
    "fr": ("Résumé en langage clair", "effet indésirable", "a baissé"),
    "es": ("Resumen en lenguaje sencillo", "efecto adverso", "bajó"),
    "pt": ("Resumo em linguagem simples", "efeito adverso", "desceu"),
    "nl": ("Samenvatting in gewone taal", "bijwerking", "daalde"),
}


@pytest.fixture(scope="module")
def answered():
    file = ROOT / "data" / "sample" / "study.toml"
    study = oc.read_study(file)
    return study, oc.Plan.from_toml(file).run(study)


@pytest.mark.parametrize("code", CODES)
def test_the_first_pages_of_a_report_are_in_its_language(answered, code):
    study, results = answered
    page = _html(build(study, results, language=code))
    assert f'<html lang="{code}"' in page
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for words in FIRST[code]:
        assert re.search(words, text), words
    for english in ("Summary in plain", "On average", "Read with care", "likely to lie"):
        assert english not in text, english


def _html(doc: Document) -> str:
    from outcomes.reporting.render.html import render

    return render(doc)


def test_names_of_rows_and_columns_are_in_the_language_of_the_report() -> None:
    """Terms that stand for words, side effects with what is said of them, and rules of responders."""
    from outcomes.core.estimate import Estimate
    from outcomes.reporting.chapters.answers import estimate_said

    severe = Phrase.of(
        "{event}, {severity}, of patients",
        event=Phrase.of("nausea", "name"),
        severity=Phrase.of("severe", "name"),
    )
    said = {}
    for code in ("de", "fr", "es", "pt", "nl"):
        with speaking(code):
            said[code] = [estimate_said(Estimate(x, 1.0)) for x in ("icc", "PS_dep", severe)]
    assert said["de"] == [
        "Intraklassenkorrelation der Perioden",
        "Wahrscheinlichkeit, danach besser zu sein",
        "Übelkeit, schwer, der Patienten",
    ]
    english = [estimate_said(Estimate(x, 1.0)) for x in ("icc", "PS_dep", severe)]
    assert english[2] == "nausea, severe, of patients"
    assert all(a != b for many in said.values() for a, b in zip(many, english, strict=True))
