"""One answer or one score of a FHIR resource as the text of a cell; whose it is and when it was
given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from outcomes.readers.fhir.resources import Entry, Export, Number

LOINC = "http://loinc.org"
_TEXTS = ("valueString", "valueDate", "valueDateTime", "valueTime", "valueInstant", "valueUri")
_COMPARATORS = ("<", "<=", ">", ">=", "ad")
_PATIENT = re.compile(
    r"(?:(https?://\S+)/)?Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)
_UNITY = re.compile(r"\{[^{}]*\}|1|")  # an annotation in braces is the unit 1 of UCUM


class UnusableError(Exception):
    """Why an entry, or one answer in it, cannot be a row or a cell; in words without a value."""


class Value(NamedTuple):
    """The text of a cell, its unit (1 for none), and how a coded answer became it (``ordinal``,
    ``declared``, ``code``).
    """

    text: str
    unit: str = "1"
    how: str = ""


class Concept(NamedTuple):
    """What a code is called: the name for a column, whose code it is, and the words shown for
    it.
    """

    name: str
    system: str = ""
    display: str = ""


@dataclass(frozen=True)
class Codes:
    """Numbers of coded answers beside those in the answers: declared by the study file, or options
    of a questionnaire.
    """

    declared: Mapping[str, str]
    options: Mapping[tuple[str, str], str]

    def number(self, system: str, code: str) -> tuple[str, str]:
        """The number of a code and who says it; two blanks where nobody does."""
        if code in self.declared:
            return self.declared[code], "declared"
        found = self.options.get((system, code), "")
        return found, "ordinal" if found else ""


def plain(holder: Mapping[str, Any]) -> None:
    """Raise UnusableError for what changes the meaning of the rest and is not understood here."""
    if holder.get("modifierExtension") or holder.get("implicitRules"):
        raise UnusableError("a modifier extension may change their meaning")


def value_of(holder: Mapping[str, Any], codes: Codes) -> Value:
    """The value of an answer, an observation or a component.

    Raises UnusableError where there is none, more than one, or one that is not of the type that its
    name says.

    >>> value_of({"valueDecimal": Number("7.10")}, Codes({}, {})).text
    '7.10'
    """
    plain(holder)
    kinds = [k for k in holder if k.startswith("value")]
    if len(kinds) != 1:
        raise UnusableError("there is more than one value" if kinds else "there is no value")
    kind, value = kinds[0], holder[kinds[0]]
    if kind in ("valueInteger", "valueDecimal") and isinstance(value, Number):
        return Value(str(value))
    if kind == "valueBoolean" and isinstance(value, bool):
        return Value("true" if value else "false")
    if kind in _TEXTS and isinstance(value, str) and not isinstance(value, Number):
        return Value(value)
    if kind == "valueQuantity" and isinstance(value, dict):
        return _quantity(value)
    if kind == "valueCoding" and isinstance(value, dict):
        return _coded(
            {**value, "extension": [*dicts(value, "extension"), *dicts(holder, "extension")]}, codes
        )
    if kind == "valueCodeableConcept" and isinstance(value, dict):
        return _concept_value(value, codes)
    raise UnusableError("the value is of a kind that is not read, or not of the kind that it says")


def dicts(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects that a key lists; none where there is no such key. Raises UnusableError for
    anything else.
    """
    found = holder.get(key, [])
    if not isinstance(found, list) or not all(isinstance(f, dict) for f in found):
        raise UnusableError(f"'{key}' is no list of objects")
    return found


def _quantity(value: Mapping[str, Any]) -> Value:
    number, comparator = value.get("value"), value.get("comparator", "")
    if not isinstance(number, Number) or comparator not in ("", *_COMPARATORS):
        raise UnusableError("the quantity has no number")
    return Value(f"{comparator}{number}", unit_of(value))


def unit_of(quantity: Mapping[str, Any]) -> str:
    """The unit of a quantity, its code where it has one; a score in ``{score}`` or ``1`` or nothing
    has the unit 1.

    >>> unit_of({"unit": "points", "code": "{score}"}), unit_of({"unit": "mm"})
    ('1', 'mm')
    """
    unit = str(quantity.get("code") or quantity.get("unit") or "").strip()
    if _UNITY.fullmatch(unit):
        return "1"
    return unit if re.fullmatch(r"\S{1,20}", unit) else "a unit in words"


def _coded(coding: Mapping[str, Any], codes: Codes) -> Value:
    found = {
        str(n)
        for e in dicts(coding, "extension")
        for k in ("valueDecimal", "valueInteger")
        if isinstance(n := e.get(k), Number)
    }
    if len(found) > 1:
        raise UnusableError("the coded answer has more than one number")
    if found:
        return Value(found.pop(), how="ordinal")
    code = coding.get("code")
    if isinstance(code, str) and code:
        number, how = codes.number(str(coding.get("system", "")), code)
        return Value(number or code, how=how or "code")
    if isinstance(words := coding.get("display"), str) and words:
        return Value(words, how="code")
    raise UnusableError("the coded answer has no code")


def _concept_value(value: Mapping[str, Any], codes: Codes) -> Value:
    codings = dicts(value, "coding")
    if not codings:
        if isinstance(words := value.get("text"), str) and words:
            return Value(words, how="code")
        raise UnusableError("the coded answer has no code")
    read = [_coded(c, codes) for c in sorted(codings, key=lambda c: c.get("system") != LOINC)]
    numbers = {r.text: r for r in read if r.how != "code"}
    if len(numbers) > 1:
        raise UnusableError("the coded answer has more than one number")
    return next(iter(numbers.values()), read[0])


def concept_of(code: Any) -> Concept:
    """What an observation or component is called: its LOINC code, else its first code, else its
    text.

    Raises UnusableError where it has none of these.

    >>> concept_of(
    ...     {"coding": [{"system": "http://loinc.org", "code": "72514-3"}], "text": "Pain"}
    ... ).name
    '72514-3'
    """
    code = code if isinstance(code, dict) else {}
    codings = [
        c for c in dicts(code, "coding") if isinstance(c.get("code"), str) and c["code"].strip()
    ]
    for coding in sorted(codings, key=lambda c: c.get("system") != LOINC):
        words = coding.get("display") or code.get("text") or ""
        return Concept(coding["code"], str(coding.get("system", "")), str(words))
    if isinstance(words := code.get("text"), str) and words.strip():
        return Concept(words, "", "")
    raise UnusableError("there is no code that says what was asked")


class Patients:
    """The code of the patient that a reference names: the id on its server, or the identifier where
    it has no other.

    `spaces` gives, for each way in which patients were named (a server, a system of identifiers),
    the first address.
    """

    def __init__(self, export: Export) -> None:
        self._by_url = {e.url: e for e in export.entries if e.url}
        self.spaces: dict[str, str] = {}

    def of(self, entry: Entry) -> str:
        """The patient of an entry. Raises UnusableError where none is named, or none that could be
        told from others.
        """
        space, code = self._named(entry)
        self.spaces.setdefault(space, entry.address)
        return code

    def _named(self, entry: Entry) -> tuple[str, str]:
        subject = entry.content.get("subject")
        subject = subject if isinstance(subject, dict) else {}
        reference = subject.get("reference")
        if not isinstance(reference, str) or not reference:
            return _identified(subject.get("identifier"))
        if reference.startswith("#"):
            return self._contained(entry, reference[1:])
        if reference.startswith("urn:"):
            return self._by_urn(reference)
        found = _PATIENT.fullmatch(reference)
        if not found:
            raise UnusableError("the subject is no patient")
        base = found[1] or (entry.url.rsplit("/", 2)[0] if entry.url.startswith("http") else "")
        return base, found[2]

    def _by_urn(self, reference: str) -> tuple[str, str]:
        entry = self._by_url.get(reference)
        if entry and entry.kind != "Patient":
            raise UnusableError("the subject is no patient")
        if entry and isinstance(entry.content.get("id"), str):
            return "", entry.content["id"]
        return "urn", reference.removeprefix("urn:").removeprefix("uuid:")

    def _contained(self, entry: Entry, name: str) -> tuple[str, str]:
        for one in dicts(entry.content, "contained"):
            if str(one.get("id", "")).removeprefix("#") == name:
                if one.get("resourceType") != "Patient":
                    raise UnusableError("the subject is no patient")
                identifiers = dicts(one, "identifier")
                return _identified(identifiers[0] if len(identifiers) == 1 else None)
        raise UnusableError("the subject is contained in the resource, and not there")


def _identified(identifier: Any) -> tuple[str, str]:
    if (
        isinstance(identifier, dict)
        and isinstance(value := identifier.get("value"), str)
        and value.strip()
    ):
        return f"identifiers of {identifier.get('system', 'no system')}", value
    raise UnusableError("no patient is named, or none that can be told from others")


def when(content: Mapping[str, Any]) -> tuple[str, str]:
    """The date as it is written, and which element gave it; blanks where there is none.

    >>> when({"effectivePeriod": {"start": "2024-03"}})
    ('2024-03', 'effectivePeriod')
    """
    for key in ("authored", "effectiveDateTime", "effectiveInstant", "effectivePeriod"):
        found = content.get(key)
        if key == "effectivePeriod":
            found = found.get("start") if isinstance(found, dict) else None
        if isinstance(found, str) and not isinstance(found, Number):
            return found, key
    return "", ""
