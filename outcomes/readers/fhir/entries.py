"""What one FHIR resource gives: the answers of a questionnaire response, the values of an
observation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from outcomes.core.errors import DataError
from outcomes.readers.fhir.resources import Entry
from outcomes.readers.fhir.values import (
    Codes,
    Concept,
    UnusableError,
    Value,
    concept_of,
    dicts,
    plain,
    value_of,
)
from outcomes.study.study import Issue

#: What stands between several answers to one question that may have several.
SEPARATOR = " | "
MAX_LEVELS = 40
#: Standard reasons for the absence of a score; any other is told as "no standard reason".
_ABSENT = frozenset(
    (
        "unknown",
        "asked-unknown",
        "temp-unknown",
        "not-asked",
        "asked-declined",
        "masked",
        "not-applicable",
        "unsupported",
        "as-text",
        "error",
        "not-a-number",
        "negative-infinity",
        "positive-infinity",
        "not-performed",
        "not-permitted",
    )
)

Place = tuple[
    str, ...
]  # what a column is made of: questionnaire and path of link ids, or system and code


@dataclass
class Reading:
    """What one resource gives: whose, when, and the value of each place."""

    entry: Entry
    patient: str
    date: str
    questionnaire: str = ""
    values: list[tuple[Place, Value]] = field(default_factory=list)
    asked: dict[Place, str] = field(
        default_factory=dict
    )  # with the words of the question, where the resource has them


@dataclass
class Log:
    """What was left out, changed or is worth knowing, by rule and words, with addresses."""

    found: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def add(self, severity: str, rule: str, words: str, address: str) -> None:
        """One more case; `words` has {n} for how many."""
        self.found.setdefault((severity, rule, words), []).append(address)

    def issues(self) -> list[Issue]:
        """One issue for each kind, with its count."""
        return [
            Issue(
                rule,
                words.replace("{n}", str(len(where))),
                len(where),
                severity,
                addresses=tuple(where),
            )
            for (severity, rule, words), where in self.found.items()
        ]


def questionnaires(
    entries: Sequence[Entry], repeats: Sequence[str], log: Log
) -> tuple[dict[tuple[str, str], str], Repeats]:
    """What questionnaires in the file say: numbers of coded options, and which questions may have
    several answers.
    """
    options: dict[tuple[str, str], set[str]] = {}
    repeated = Repeats(frozenset(map(str, repeats)))
    for entry in entries:
        try:
            for content in (entry.content, *dicts(entry.content, "contained")):
                if content.get("resourceType") == "Questionnaire":
                    url = content.get("url") or f"{entry.address} #{content.get('id', '')}"
                    for item in _items(content, 0):
                        if item.get("repeats") is True:
                            repeated.said.add((str(url), str(item.get("linkId", ""))))
                        _options(item, options)
        except UnusableError as why:
            if entry.kind == "Questionnaire":
                log.add(
                    "warning",
                    "fhir_unusable",
                    f"{{n}} Questionnaire(s) cannot be used: {why}.",
                    entry.address,
                )
    return {
        code: next(iter(numbers)) for code, numbers in options.items() if len(numbers) == 1
    }, repeated


def _options(item: Mapping[str, Any], found: dict[tuple[str, str], set[str]]) -> None:
    """Add the number of each coded option that has one; a code with two numbers has none."""
    for option in dicts(item, "answerOption"):
        coding = option.get("valueCoding")
        if (
            isinstance(coding, dict)
            and (number := value_of(option, Codes({}, {}))).how == "ordinal"
        ):
            found.setdefault(
                (str(coding.get("system", "")), str(coding.get("code", ""))), set()
            ).add(number.text)


@dataclass
class Repeats:
    """Questions that may have several answers: declared, or said by a questionnaire."""

    declared: frozenset[str]
    said: set[tuple[str, str]] = field(default_factory=set)

    def allows(self, questionnaire: str, entry: Entry, link: str) -> bool:
        """Whether this question may have several answers."""
        url = (
            f"{entry.address} {questionnaire}"
            if questionnaire.startswith("#")
            else questionnaire.partition("|")[0]
        )
        return link in self.declared or (url, link) in self.said


def _items(holder: Mapping[str, Any], level: int) -> Iterator[dict[str, Any]]:
    if level > MAX_LEVELS:
        raise UnusableError(f"they are nested deeper than {MAX_LEVELS} levels")
    for item in dicts(holder, "item"):
        yield item
        yield from _items(item, level + 1)


@dataclass
class Answers:
    """Reads the answers of questionnaire responses."""

    codes: Codes
    repeats: Repeats
    log: Log
    name: str

    def read(self, entry: Entry, into: Reading) -> None:
        """Fill a reading with the answers of a response."""
        questionnaire = entry.content.get("questionnaire", "")
        if not isinstance(questionnaire, str):
            raise UnusableError("their questionnaire is no canonical address")
        into.questionnaire = questionnaire
        given: dict[Place, list[Value]] = {}
        for place, answer, words in self._given(
            entry, entry.content, (questionnaire.partition("|")[0],)
        ):
            into.asked.setdefault(place, words)
            if answer is None:
                continue
            try:
                value = value_of(answer, self.codes)
            except UnusableError as why:
                self.log.add(
                    "warning",
                    "fhir_answer",
                    f"{{n}} answer(s) cannot be read: {why}.",
                    _cell(entry, place),
                )
                continue
            given.setdefault(place, []).append(value)
            _tell_code(self.log, value, _cell(entry, place))
        for place, values in given.items():
            into.values.append(
                (place, values[0] if len(values) == 1 else self._joined(entry, place, values))
            )

    def _given(
        self, entry: Entry, holder: Mapping[str, Any], path: Place
    ) -> Iterator[tuple[Place, dict[str, Any] | None, str]]:
        if len(path) > MAX_LEVELS:
            raise UnusableError(f"they are nested deeper than {MAX_LEVELS} levels")
        for item in dicts(holder, "item"):
            plain(item)
            link = item.get("linkId")
            if not isinstance(link, str) or not link.strip():
                raise UnusableError("an item has no link id")
            place, words = (*path, link), str(item.get("text", ""))
            answers = dicts(item, "answer")
            if not answers and not item.get("item"):
                yield place, None, words
            for answer in answers:
                if len(answer) > ("item" in answer):
                    yield place, answer, words
                else:
                    yield place, None, words
                yield from self._given(entry, answer, place)
            yield from self._given(entry, item, place)

    def _joined(self, entry: Entry, place: Place, values: Sequence[Value]) -> Value:
        where = _cell(entry, place)
        if not self.repeats.allows(str(entry.content.get("questionnaire", "")), entry, place[-1]):
            raise DataError(
                f"{self.name} has {len(values)} answers to one question: {where}. Correct the"
                " response; or, where the "
                f'question may have several, say so: repeats = ["{place[-1]}"] beside file.'
            )
        if any(SEPARATOR.strip() in v.text for v in values):
            raise DataError(
                f"{self.name}: answers that are to be joined by '{SEPARATOR.strip()}' have it in"
                f" themselves: {where}."
            )
        self.log.add(
            "note",
            "fhir_repeats",
            f"{{n}} question(s) with several answers, joined by '{SEPARATOR.strip()}'.",
            where,
        )
        return Value(
            SEPARATOR.join(v.text for v in values),
            " and ".join(dict.fromkeys(v.unit for v in values)),
        )


@dataclass
class Scores:
    """Reads the values of observations and of their components."""

    codes: Codes
    log: Log

    def read(self, entry: Entry, into: Reading) -> None:
        """Fill a reading with the value of an observation and those of its components."""
        content = entry.content
        if content.get("focus"):
            raise UnusableError("they are about somebody or something else than their subject")
        own = concept_of(content.get("code"))
        if content.get("bodySite") or content.get("method"):
            words = (
                "{n} observation(s) name a body site or a method, which is not read: are the scores"
                " alike?"
            )
            self.log.add("warning", "fhir_site", words, entry.address)
        parts = dicts(content, "component")
        if not parts or self._has_value(content):
            if content.get("hasMember") and not self._has_value(content):
                self.log.add(
                    "note", "fhir_panel", "{n} panel(s) have no value of their own.", entry.address
                )
            else:
                self._value(entry, content, (own.system, own.name), into, own)
        for part in parts:
            concept = concept_of(part.get("code"))
            place = (
                (concept.system, concept.name)
                if concept.system
                else (own.system, own.name, concept.name)
            )
            self._value(entry, part, place, into, concept)

    def _has_value(self, holder: Mapping[str, Any]) -> bool:
        return "dataAbsentReason" in holder or any(k.startswith("value") for k in holder)

    def _value(
        self, entry: Entry, holder: Mapping[str, Any], place: Place, into: Reading, concept: Concept
    ) -> None:
        into.asked.setdefault(place, concept.display)
        where = _cell(entry, place)
        absent = "dataAbsentReason" in holder
        if absent and not any(k.startswith("value") for k in holder):
            self.log.add(
                "note",
                "fhir_absent",
                f"{{n}} score(s) absent, as the server says: {_reason(holder)}.",
                where,
            )
            return
        try:
            if absent:
                raise UnusableError("there is a value and a reason for its absence")
            value = value_of(holder, self.codes)
        except UnusableError as why:
            self.log.add("warning", "fhir_answer", f"{{n}} score(s) cannot be read: {why}.", where)
            return
        into.values.append((place, value))
        _tell_code(self.log, value, where)


def _reason(holder: Mapping[str, Any]) -> str:
    reason = holder.get("dataAbsentReason")
    codings = reason.get("coding") if isinstance(reason, dict) else None
    found = (
        [c.get("code") for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
    )
    return next((c for c in found if isinstance(c, str) and c in _ABSENT), "no standard reason")


def _cell(entry: Entry, place: Place) -> str:
    return f"{entry.address}, {'/'.join(place[1:])}"


def _tell_code(log: Log, value: Value, where: str) -> None:
    words = {
        "ordinal": (
            "{n} coded answer(s) have the number that the file gives for their code; LOINC's may"
            " run the other way than the instrument's: compare them."
        ),
        "declared": "{n} coded answer(s) have the number that codes gives.",
        "code": (
            "{n} coded answer(s) bring no number; their code stands for them. Say what they count: "
            'codes = { "code" = number } beside file.'
        ),
    }
    if value.how:
        log.add(
            "warning" if value.how == "code" else "note",
            f"fhir_{value.how}",
            words[value.how],
            where,
        )
