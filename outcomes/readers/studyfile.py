"""The study file: one TOML that is codebook and plan."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.config import fields, toml
from outcomes.core.errors import StudyError
from outcomes.readers import older_forms
from outcomes.readers.assemble import assemble, deidentified_tables
from outcomes.readers.cells import fingerprint
from outcomes.readers.code_labels import code_labels
from outcomes.readers.recipe import TABLES, Recipe
from outcomes.readers.shape.visit_windows import windows
from outcomes.readers.source import Source
from outcomes.readers.sources.snapshot import SETTING, as_files
from outcomes.readers.study_form import SECTIONS
from outcomes.study.study import Study

#: The setting of a study that holds the text of its frozen plan.
FROZEN = "frozen_plan"


def read_study(path: str | Path, *, snapshot: str | Path | None = None) -> Study:
    """Read a study file and its tables into a study.

    Sections: [study] title, design, entry; [data] the files, missing codes, date_order, ids,
    dictionary; [roles] which column is the patient, visit, arm …; [visits] order, baseline, names
    (the file's name = the study's name), days (visit = first and last day, where a file has dates
    and no visits); [instruments]; [outcomes]; [columns] types of other columns; [labels] what codes
    mean; [wide]; [privacy] allow, drop; [engine] how a large study is read in parts; [paper]
    sentences for the report's checklist; [families], [estimand] and [[analysis]] the plan. File
    names are relative to the study file. A frozen plan beside it
    (`study.plan.toml`, from `outcomes plan freeze`) is read too. A table may be a database or a
    server (SQL, REDCap, FHIR), which is asked for its rows; `snapshot` is the folder in which a
    report kept what they gave, to read the same again.

    Raises SourceError where a database or server does not give its rows whole, StudyError (with the
    line where the TOML is broken, with what exists where a key is unknown), DataError,
    PrivacyError, InstrumentError.
    """
    path = Path(path)
    absent = f"There is no study file '{path}'. 'outcomes init DATA' writes one."
    document, data = toml.read(path, absent=absent)
    study = _study(document, path.parent, Path(snapshot) if snapshot else None)
    settings: dict[str, Any] = {"study_file": fingerprint(data)}
    if frozen_file(path).exists():
        settings[FROZEN] = toml.read(frozen_file(path), what="frozen plan")[0].text
    return study.with_settings(settings)


def recipe_of(path: str | Path) -> Recipe:
    """What a study file says of its tables, before any is read."""
    document, _ = older_forms.current(
        toml.read(Path(path), absent=f"There is no study file '{path}'.")[0]
    )
    return _recipe(document, fields.read_file(SECTIONS, document), Path(path).parent)


def engine_said(path: str | Path) -> Mapping[str, Any]:
    """What a study file says of where its parts are worked on; empty where it says nothing."""
    document, _ = older_forms.current(
        toml.read(Path(path), absent=f"There is no study file '{path}'.")[0]
    )
    said: Mapping[str, Any] = fields.read_file(SECTIONS, document)["engine"]
    return {k: v for k, v in said.items() if v} if "engine" in document.data else {}


def frozen_file(study_file: str | Path) -> Path:
    """Where the frozen plan of a study file is: beside it, as `study.plan.toml`.

    >>> frozen_file("clinic/study.toml").name
    'study.plan.toml'
    """
    path = Path(study_file)
    return path.with_name(f"{path.stem}.plan.toml")


def study_from_text(text: str, folder: Path, name: str = "the study file") -> Study:
    """The study that the text of a study file describes; its files are found from the folder."""
    return _study(toml.parse(text, name), folder)


def read_said(said: Mapping[str, Any], folder: Path, name: str = "the study file") -> Study:
    """The study that a study file says, as plain data."""
    return _study(toml.Document(name, "", said), folder)


def read_deidentified(path: str | Path, key: bytes) -> dict[str, pd.DataFrame]:
    """The tables of a study file as text, with pseudonyms in place of patients' codes and each
    patient's dates moved by one number of days: intervals stay, codes and dates do not.

    Raises as `read_study` does.
    """
    path = Path(path)
    absent = f"There is no study file '{path}'. 'outcomes init DATA' writes one."
    document, _ = older_forms.current(toml.read(path, absent=absent)[0])
    said = fields.read_file(SECTIONS, document)
    recipe = _recipe(document, said, path.parent)
    with as_files(recipe.sources, recipe.drop, recipe.snapshot) as (sources, _):
        return deidentified_tables(replace(recipe, sources=sources), key)


def _study(document: toml.Document, folder: Path, snapshot: Path | None = None) -> Study:
    document, changes = older_forms.current(document)
    said = fields.read_file(SECTIONS, document)
    study = from_sources(_recipe(document, said, folder), snapshot)
    return study.with_settings({older_forms.SETTING: changes}) if changes else study


def from_sources(recipe: Recipe, snapshot: Path | None = None) -> Study:
    """The study of a recipe: databases and servers are asked, unless `snapshot` (or the recipe's
    own) is the folder of what they gave before.
    """
    with as_files(recipe.sources, recipe.drop, snapshot or recipe.snapshot) as (sources, pulled):
        study = assemble(replace(recipe, sources=sources))
    return study.with_settings({SETTING: pulled}) if pulled else study


def _recipe(document: toml.Document, said: Mapping[str, Any], folder: Path) -> Recipe:
    data, visits, privacy = said["data"], said["visits"], said["privacy"]
    there = document.data
    sources = {
        t: Source.of(data[t], folder, dictionary=data["dictionary"])
        for t in TABLES
        if data[t] is not None
    }
    _inside(sources, folder, _texts(data["folders"]))
    return Recipe(
        sources=sources,
        roles=there.get("roles", {}),
        visits=_texts(visits["order"]),
        baseline=visits["baseline"],
        visit_names={str(k): str(v) for k, v in visits["names"].items()},
        days=windows(visits["days"]),
        baseline_columns={str(k): str(v) for k, v in visits["baseline_columns"].items()},
        several=visits["several"],
        include=there.get("study", {}).get("include", {}),
        instruments=there.get("instruments", {}),
        outcomes=there.get("outcomes", {}),
        types=there.get("columns", {}),
        labels=code_labels(there.get("labels", {})),
        wide=there.get("wide", {}),
        missing=_texts(data["missing"]),
        date_order=data["date_order"],
        ids=data["ids"],
        allow=_texts(privacy["allow"]),
        drop=_texts(privacy["drop"]),
        folder=folder,
        snapshot=folder / data["snapshot"] if data["snapshot"] else None,
        paper={k: str(v) for k, v in there.get("paper", {}).items()},
        study={
            **{k: v for k, v in there.get("study", {}).items() if k != "include"},
            "questions": tuple(there.get("analysis", ())),
            "families": there.get("families", {}),
            "estimand": there.get("estimand", {}),
        },
    )


def _inside(sources: Mapping[str, Source], folder: Path, allowed: tuple[str, ...]) -> None:
    """Every file lies in the study file's folder, or in one that [data] folders names."""
    homes = [(folder / a).resolve() for a in ("", *allowed)]
    for table, source in sources.items():
        asked = (source.live.ca, source.live.file) if source.live else ()
        for file in (source.file, source.dictionary, *source.more, *asked):
            if file and not any(file.resolve().is_relative_to(home) for home in homes):
                where = Path(os.path.relpath(file.resolve().parent, homes[0])).as_posix()
                raise StudyError(
                    f"[data] {table}: {file.name} lies outside the folder of the study file. Move"
                    f' it there, or allow its folder by name: folders = ["{where}"] under [data].'
                )


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(map(str, values))
