"""What to say of a REDCap export so that it can be read: its dictionary, the forms that repeat, and
which tables they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from outcomes.core.errors import DataError
from outcomes.questionnaires import recognise
from outcomes.readers import privacy
from outcomes.readers.cells import TextTable, key
from outcomes.readers.exports.codebook import Codebook, read_codebook
from outcomes.readers.exports.redcap import EVENT, INSTANCE, RepeatingFormsError
from outcomes.readers.files import read_file
from outcomes.readers.source import Source

_INFUSION = re.compile(r"infus|ketamin|dose|dosing|injection|treatment|session")
_DOSE = re.compile(r"(^|_)(dose|dosage|dosis|mg)(_|$)")


@dataclass(frozen=True)
class Guess:
    """How a file is read: its source and table, the further tables of it (name → what is said of
    it), and roles and findings of these. `unread` are forms that repeat and are in no table;
    `scored` those of them that seem to hold scores.
    """

    source: Source
    table: TextTable
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    scored: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[privacy.Finding, ...] = ()


def guess_forms(source: Source) -> Guess:
    """Read a file as scores; of a REDCap export, guess the data dictionary beside it and what its
    forms are.

    Raises DataError where the file cannot be read as a table, whatever is guessed.
    """
    for dictionary in (*_beside(source.file), None):
        tried = replace(source, dictionary=dictionary)
        repeat: tuple[str, ...] = ()
        try:
            table = read_file(tried)
        except RepeatingFormsError as wrong:
            repeat = wrong.forms
            tried = replace(tried, without=repeat)
            table = read_file(tried)
        except DataError:
            if dictionary is None:
                raise
            continue
        if dictionary is None or table.declared.types:
            break
    book = read_codebook(dictionary) if dictionary else None
    fixed = _characteristics(table, book) if book else ""
    if fixed:
        tried = replace(tried, without=(*tried.without, fixed))
        table = read_file(tried)
    return (
        _with_tables(Guess(tried, table), repeat, fixed) if repeat or fixed else Guess(tried, table)
    )


def _beside(path: Path) -> list[Path]:
    """The one CSV beside a file that is called a dictionary, if there is one."""
    folder = path.parent.iterdir() if path.parent.is_dir() else iter(())
    there = [
        p
        for p in folder
        if p.suffix.lower() == ".csv" and "dictionary" in p.name.casefold() and p != path
    ]
    return there if len(there) == 1 else []


def _characteristics(table: TextTable, book: Codebook) -> str:
    """The first form that each patient has once, at the first event, and that is no questionnaire
    known here.
    """
    if EVENT not in table.columns:
        return ""
    event = table[EVENT]
    for form in book.forms:
        own = [c for c in table.columns if book.form_of(c) == form and c != table.columns[0]]
        filled = (table.frame[own] != "").any(axis=1) if own else event == ""
        at = event[filled]
        once = not table.frame.loc[filled].iloc[:, 0].duplicated().any()
        if (
            len(at)
            and once
            and set(at) == {event.iloc[0]}
            and event.nunique() > 1
            and not recognise(own)
        ):
            others = [c for c in table.columns[1:] if c not in own and c != EVENT]
            return form if len(own) > 1 and (table.frame[others] != "").any(axis=None) else ""
    return ""


def _with_tables(guess: Guess, repeat: tuple[str, ...], fixed: str) -> Guess:
    """Which table of a study each form is, with the roles of its columns and what the privacy scan
    finds in it.
    """
    tables = {form: read_file(replace(guess.source, form=form, without=())) for form in repeat}
    scored = tuple(f for f, t in tables.items() if recognise(t.columns) and not _doses(t))
    forms: dict[str, Mapping[str, Any]] = {"patients": {"form": fixed}} if fixed else {}
    roles: dict[str, str] = {}
    found: list[privacy.Finding] = []
    visits = scored[0] if scored and EVENT not in guess.table.columns else ""
    if visits and not fixed and not recognise(guess.table.columns):
        if (guess.table.frame.iloc[:, 1:] != "").any(axis=None):
            forms["patients"] = {"without": list(repeat)}
            found += _scan("patients", guess.table)
        source = replace(guess.source, form=visits, without=())
        guess = replace(guess, source=source, table=tables.pop(visits))
        roles["visit"] = INSTANCE
    for form, table in tables.items():
        if "infusions" not in forms and _INFUSION.search(
            " ".join(map(key, (form, *table.columns)))
        ):
            forms["infusions"] = {"form": form}
            findings = _scan("infusions", table)
            dates = [f.column for f in findings if f.column in _dated(table)]
            roles |= {"date": dates[0]} if len(dates) == 1 else {}
            doses = _doses(table)
            roles |= {"dose": doses[0]} if len(doses) == 1 else {}
            found += [f for f in findings if f.column not in roles.values()]
    if fixed:
        found += _scan("patients", read_file(replace(guess.source, form=fixed, without=())))
    known = [said.get("form") for said in forms.values()]
    unread = tuple(f for f in tables if f not in known)
    return replace(
        guess, forms=forms, unread=unread, scored=scored, roles=roles, findings=tuple(found)
    )


def _doses(table: TextTable) -> list[str]:
    return [c for c in table.columns if _DOSE.search(key(c))]


def _scan(name: str, table: TextTable) -> list[privacy.Finding]:
    first = table.columns[0]
    found = privacy.scan(name, table.frame, ids=[first], marked=table.declared.identifiers)
    return [f for f in found if f.column != first]


def _dated(table: TextTable) -> set[str]:
    return {f.column for f in privacy.scan("", table.frame) if f.kind == "date"}
