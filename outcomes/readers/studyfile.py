"""The study file: one TOML that is codebook and plan."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outcomes.core.errors import StudyError, unknown
from outcomes.readers.assemble import assemble
from outcomes.readers.cells import fingerprint
from outcomes.readers.recipe import TABLES, Recipe
from outcomes.readers.shape.visit_windows import windows
from outcomes.readers.source import Source
from outcomes.study.study import Study

#: What a paper must say and the data cannot: one sentence each, for the report's checklist.
PAPER = (
    "setting", "eligibility", "treatment", "collection", "sample_size", "randomisation", "blinding", "registration", "funding",
    "ethics", "crossover_reason", "washout",
)  # fmt: skip

#: The sections of a study file and the keys of each; None where the keys are the user's own names.
SECTIONS: dict[str, tuple[str, ...] | None] = {
    "study": ("title", "design", "sample", "entry"),
    "data": (*TABLES, "missing", "date_order", "ids", "dictionary"),
    "roles": None,
    "visits": ("order", "baseline", "names", "days"),
    "instruments": None,
    "outcomes": None,
    "columns": None,
    "wide": ("suffix", "prefix", "columns"),
    "privacy": ("allow", "drop"),
    "paper": PAPER,
    "families": None,
    "estimand": ("population", "treatment", "variable", "summary", "events"),
    "analysis": None,
}

#: What a value must be where Python would otherwise stumble: its type, and how it is written.
_FORMS: dict[tuple[str, str], tuple[type, str]] = {
    ("study", "title"): (str, '"…"'),
    ("study", "design"): (str, '"before-after"'),
    ("study", "sample"): (bool, "true"),
    ("study", "entry"): (dict, '{ outcome = "…", at_least = 4 }'),
    ("data", "date_order"): (str, '"dmy"'),
    ("data", "ids"): (str, '"trim"'),
    ("data", "dictionary"): (str, '"dictionary.csv"'),
    ("visits", "baseline"): (str, '"…"'),
    ("visits", "names"): (dict, '{ "name in the file" = "name in the study" }'),
    ("visits", "days"): (dict, "{ baseline = [-7, 0], week_4 = [14, 42] }"),
    ("wide", "suffix"): (dict, '{ baseline = "_pre", week_4 = "_post" }'),
    ("wide", "prefix"): (dict, '{ baseline = "Pre", week_4 = "Post" }'),
    ("wide", "columns"): (dict, '{ nrs = { baseline = "nrs_before", week_4 = "nrs_later" } }'),
}


def read_study(path: str | Path) -> Study:
    """Read a study file and its tables into a study.

    Sections: [study] title, design, entry; [data] the files, missing codes, date_order, ids, dictionary; [roles] which
    column is the patient, visit, arm …; [visits] order, baseline, names (the file's name = the study's name), days (visit =
    first and last day, where a file has dates and no visits); [instruments]; [outcomes]; [columns] types of other columns;
    [wide]; [privacy] allow, drop; [paper] sentences for the report's checklist; [families], [estimand] and [[analysis]] the
    plan. File names are relative to the study file.

    Raises StudyError (with the line where the TOML is broken, with what exists where a key is unknown), DataError,
    PrivacyError, InstrumentError.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise StudyError(f"There is no study file '{path}'. 'outcomes init DATA' writes one.") from None
    except IsADirectoryError:
        raise StudyError(f"'{path}' is a folder. Name the study file in it, such as '{path / 'study.toml'}'.") from None
    except OSError as wrong:
        raise StudyError(f"{path} cannot be opened: {wrong.strerror or type(wrong).__name__}.") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path.name} is not a study file: it is not UTF-8 text.") from None
    study = study_from_text(text, path.parent, path.name)
    return dataclasses.replace(study, settings={**study.settings, "study_file": fingerprint(data)})


def study_from_text(text: str, folder: Path, name: str = "the study file") -> Study:
    """The study that the text of a study file describes; its files are found from the folder."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise StudyError(f"{name} is not valid TOML: {wrong}.") from None
    return read_said(said, folder, name)


def read_said(said: Mapping[str, Any], folder: Path, name: str = "the study file") -> Study:
    """The study that a study file says, as plain data."""
    _known_keys(said, name)
    return assemble(_recipe(said, folder))


def _known_keys(said: Mapping[str, Any], name: str) -> None:
    for section, content in said.items():
        if section not in SECTIONS:
            raise StudyError(f"{name}: {unknown('section', section, SECTIONS)}")
        wanted = list if section == "analysis" else dict
        if not isinstance(content, wanted):
            form = "[[analysis]]" if section == "analysis" else f"[{section}]"
            raise StudyError(f"{name}: {section} is written as {form}, with its keys below.")
        keys = SECTIONS[section]
        for word in content if keys else ():
            if word not in (keys or ()):
                raise StudyError(f"{name}, [{section}]: {unknown('key', str(word), keys or ())}")
            kind, written = _FORMS.get((section, word), (object, ""))
            if not isinstance(content[word], kind):
                raise StudyError(f"{name}, [{section}]: {word} is written as {word} = {written}.")
    for score, by_visit in said.get("wide", {}).get("columns", {}).items():
        if not isinstance(by_visit, dict) or not all(isinstance(c, str) for c in by_visit.values()):
            raise StudyError(f'{name}, [wide.columns]: {score} is written as {score} = {{ visit = "column", … }}.')


def _recipe(said: Mapping[str, Any], folder: Path) -> Recipe:
    data, visits, privacy = said.get("data", {}), said.get("visits", {}), said.get("privacy", {})
    if "scores" not in data:
        raise StudyError('The study file names no scores: [data] scores = "scores.csv".')
    roles = said.get("roles", {})
    for role, column in roles.items():
        if not isinstance(column, str):
            raise StudyError(f'[roles] {role} is the name of a column: {role} = "…".')
    head = dict(said.get("study", {}))
    return Recipe(
        sources={t: Source.of(data[t], folder, dictionary=data.get("dictionary")) for t in TABLES if t in data},
        roles=roles,
        visits=_names(visits, "order", "visits"),
        baseline=str(visits.get("baseline", "")),
        visit_names={str(k): str(v) for k, v in dict(visits.get("names", {})).items()},
        days=windows(visits.get("days", {})),
        instruments=said.get("instruments", {}),
        outcomes=said.get("outcomes", {}),
        types=said.get("columns", {}),
        wide=said.get("wide", {}),
        missing=_names(data, "missing", "data"),
        date_order=str(data.get("date_order", "")),
        ids=str(data.get("ids", "exact")),
        allow=_names(privacy, "allow", "privacy"),
        drop=_names(privacy, "drop", "privacy"),
        folder=folder,
        paper={k: str(v) for k, v in said.get("paper", {}).items()},
        study=head
        | {
            "questions": tuple(said.get("analysis", ())),
            "families": said.get("families", {}),
            "estimand": said.get("estimand", {}),
        },
    )


def _names(section: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
    value = section.get(key, [])
    if not isinstance(value, list) or any(isinstance(v, (dict, list)) for v in value):
        raise StudyError(f'[{name}] {key} is a list: {key} = ["…", "…"].')
    return tuple(map(str, value))
