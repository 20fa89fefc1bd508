"""From text tables and what their columns mean to a Study; every cell is in it, or listed with its
address.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import OutcomesError, PrivacyError, StudyError, there_is, unknown
from outcomes.core.wording import listed_addresses
from outcomes.readers import privacy
from outcomes.readers.cells import TextTable, drop_summaries
from outcomes.readers.columns import Reader, WholeColumns
from outcomes.readers.exports.cdisc import baseline_elsewhere
from outcomes.readers.files import read_file
from outcomes.readers.ids import join_codes, joined, patient_ids
from outcomes.readers.include import included
from outcomes.readers.instrument_columns import instrument_use, plain_outcome
from outcomes.readers.parse import column_report
from outcomes.readers.pseudonyms import deidentified
from outcomes.readers.recipe import ROLES, Recipe
from outcomes.readers.shape.baseline_column import with_baseline
from outcomes.readers.shape.one_row import one_row
from outcomes.readers.shape.relative_days import to_days
from outcomes.readers.shape.visit_names import declared_columns, in_order, visit_time, wide_columns
from outcomes.readers.shape.visit_spellings import as_groups, refuse_spellings, spellings
from outcomes.readers.shape.visit_windows import by_day, refuse_dates_alone
from outcomes.readers.shape.wide import to_long
from outcomes.study.record import ReadingRecord
from outcomes.study.study import Issue, Study


def assemble(recipe: Recipe) -> Study:
    """The study that a recipe describes, after the privacy scan.

    Raises DataError, StudyError, PrivacyError or InstrumentError, in words with addresses and
    names, never values.
    """
    files = {name: read_file(source) for name, source in recipe.sources.items()}
    recipe, tables = prepared(recipe, files)
    _scan(recipe, tables)
    return assembled(recipe, tables)


def prepared(recipe: Recipe, files: dict[str, TextTable]) -> tuple[Recipe, dict[str, TextTable]]:
    """The tables with one column for the patient, without dropped columns and summary rows."""
    recipe, files = _one_code(recipe, files)
    _declared_columns_exist(recipe, files)
    return recipe, {name: _prepared(recipe, name, table) for name, table in files.items()}


def assembled(
    recipe: Recipe, tables: dict[str, TextTable], whole: WholeColumns | None = None
) -> Study:
    """The study of prepared tables; `whole` is what the whole tables decide, where these are parts
    of them.
    """
    if whole is not None and recipe.include:
        raise StudyError(
            "[study] include and reading in parts exclude each other: leave out one of them."
        )
    sources = tuple(recipe.sources[name].facts(name, table) for name, table in tables.items())
    tables = dict(tables)
    tables["scores"], visits = long_scores(recipe, tables["scores"])
    columns = {name: (table, recipe.role("patient", table)) for name, table in tables.items()}
    ids, issues = patient_ids(columns, how=recipe.ids, missing=recipe.missing)
    reader = Reader(recipe, tables, ids, whole)
    frames = {name: reader.frame(name) for name in tables}
    to_days(frames, reader.dates, issues)
    if recipe.days:
        tables["scores"], frames["scores"] = by_day(
            tables["scores"], frames["scores"], recipe.days, issues
        )
    elif not visits:
        refuse_dates_alone(frames["scores"])
    for name, table in tables.items():
        issues += [dataclasses.replace(note, table=name) for note in table.notes]
    scores = tables["scores"]
    visits = _visits(recipe, scores, frames["scores"], visits, issues)
    start = recipe.baseline or next(iter(visits), "")
    if recipe.several == "mean":
        reader.as_scores()
    if recipe.several:
        scores, frames["scores"] = one_row(
            scores,
            frames["scores"],
            recipe.several,
            days=recipe.days,
            baseline=start,
            worse_high=reader.worse_high(),
            whole=reader.alone(),
            issues=issues,
        )
    if strange := baseline_elsewhere(scores.declared, start, recipe.visit_names):
        issues.append(strange)
    declared = dict(recipe.study)
    written = {k: v for k in ("style", "language") if (v := declared.pop(k, ""))}
    parts = {
        "visits": visits,
        "baseline": recipe.baseline,
        "uses": tuple(reader.uses),
        "measures": reader.measures,
        "rows": scores.row_addresses(),
        "issues": tuple(issues + reader.issues),
        "columns": column_report(reader.report),
        "sources": sources,
        "settings": {
            "privacy": {"allow": recipe.allow, "drop": recipe.drop},
            "paper": dict(recipe.paper),
            **written,
        },
        **declared,
    }
    study = Study(frames["scores"], **{k: v for k, v in frames.items() if k != "scores"}, **parts)
    return _only_included(study, recipe, frames, parts) if recipe.include else study


def _only_included(
    study: Study, recipe: Recipe, frames: Mapping[str, pd.DataFrame], parts: dict[str, Any]
) -> Study:
    """The study of the patients whom [study] include names; the others are counted."""
    stay, out = included(study, recipe.include)
    kept = {
        name: frame[frame["patient"].isin(stay)].reset_index(drop=True)
        for name, frame in frames.items()
    }
    rows = frames["scores"]["patient"].isin(stay).to_numpy()
    why = ", ".join(f"{reason} {n}" for reason, n in out.items())
    text = f"{sum(out.values())} of {study.enrolled} patients left out by [study] include: {why}."
    more = Issue("not_included", text, sum(out.values()), "note")
    parts |= {
        "rows": ReadingRecord(parts["rows"]).keep(rows).rows,
        "issues": (*parts["issues"], *([more] if out else [])),
        "settings": {**parts["settings"], "not_included": out},
    }
    return Study(kept.pop("scores"), **kept, **parts)


def deidentified_tables(recipe: Recipe, key: bytes) -> dict[str, pd.DataFrame]:
    """The tables of a study with pseudonyms for codes and dates moved, after the privacy scan.

    Raises what `assemble` raises of files and columns.
    """
    files = {name: read_file(source) for name, source in recipe.sources.items()}
    recipe, tables = prepared(recipe, files)
    _scan(recipe, tables)
    columns = {name: (table, recipe.role("patient", table)) for name, table in tables.items()}
    ids, _ = patient_ids(columns, how=recipe.ids, missing=recipe.missing)
    dates = {
        name: [
            c
            for c in table.columns
            if c == recipe.role("date", table)
            or (recipe.types.get(c) or table.declared.types.get(c)) == "date"
        ]
        for name, table in tables.items()
    }
    return deidentified(columns, ids, key, dates=dates, date_order=recipe.date_order)


def _one_code(recipe: Recipe, files: dict[str, TextTable]) -> tuple[Recipe, dict[str, TextTable]]:
    """Patients named by several columns (site and code), joined to one."""
    parts = recipe.roles.get("patient", "")
    if isinstance(parts, str):
        return recipe, files
    if not parts:
        raise StudyError("[roles] patient names no column.")
    parts = tuple(map(str, parts))
    others = {r: c for r, c in recipe.roles.items() if r != "patient"}
    keep = [*others.values(), *(r for r in ROLES if r not in others and r != "patient")]
    files = {name: join_codes(table, parts, keep) for name, table in files.items()}
    return dataclasses.replace(recipe, roles={"patient": joined(parts), **others}), files


def _declared_columns_exist(recipe: Recipe, files: Mapping[str, TextTable]) -> None:
    everywhere = list(dict.fromkeys(c for table in files.values() for c in table.columns))
    for role, column in recipe.roles.items():
        if role not in ROLES:
            raise StudyError(f"[roles] {unknown('role', role, ROLES)}")
        if column not in everywhere:
            raise StudyError(f"[roles] {role}: {unknown('column', column, everywhere)}")
    for word, names in (("allow", recipe.allow), ("drop", recipe.drop), ("columns", recipe.types)):
        for column in names:
            if column not in everywhere and word != "columns":
                raise StudyError(f"[privacy] {word}: {unknown('column', column, everywhere)}")
    for name, table in files.items():
        if not recipe.role("patient", table):
            column = recipe.roles.get("patient", "patient")
            raise StudyError(
                f"The {name} table ({table.name}):"
                f" {unknown('column', column, table.columns, hint='It names the patient.')}"
            )
    for role in ("visit", "period", "episode"):
        if role in recipe.roles and recipe.roles[role] not in files["scores"].columns:
            raise StudyError(
                f"[roles] {role}: {unknown('column', recipe.roles[role], files['scores'].columns)}"
            )


def _prepared(recipe: Recipe, name: str, table: TextTable) -> TextTable:
    table = table.without(recipe.drop, "dropped_column", "Dropped by name under [privacy].")
    patient = recipe.role("patient", table)
    if not patient:
        raise StudyError("The patient column cannot be dropped; replace its codes in the file.")
    for role in ROLES:
        column = recipe.role(role, table)
        if column and column != role and role in table.columns:
            raise StudyError(
                f"{table.name} has two columns for '{role}': '{column}', as [roles] says, and one"
                f" named '{role}'. Rename or drop one."
            )
    return drop_summaries(table, patient)


def _scan(recipe: Recipe, tables: Mapping[str, TextTable]) -> None:
    found, patients = [], set()
    for name, table in tables.items():
        patient = recipe.role("patient", table)
        allowed = {*recipe.allow, recipe.role("date", table)} - {""}
        found += [
            dataclasses.replace(f, why=f"{f.why}: {listed_addresses(_rows(table, f.rows))}")
            if f.rows
            else f
            for f in privacy.scan(
                name,
                table.frame,
                allow=allowed,
                ids=[patient],
                marked=table.declared.identifiers,
                scores=score_columns(recipe, table) if name == "scores" else (),
                distinct=table.distinct,
            )
        ]
        patients.add(patient)
    if found:
        raise PrivacyError(privacy.message(found, patients))


def _rows(table: TextTable, positions: Sequence[int]) -> list[str]:
    return [table.row_address(i) for i in positions]


def score_columns(recipe: Recipe, table: TextTable) -> set[str]:
    """The columns that will be read as scores, by what is declared of them or of their score in a
    wide table; what is wrong with a declaration is said later.
    """
    wide = (
        declared_columns(recipe.wide, table.columns)
        if recipe.wide
        else {}
        if recipe.role("visit", table)
        else wide_columns(table.columns)
    )
    columns = list(dict.fromkeys([*table.columns, *wide]))
    named: set[str] = set()
    for name, said in recipe.instruments.items():
        with contextlib.suppress(OutcomesError):
            use = instrument_use(name, said, columns, recipe.folder)
            named |= {*use.items.values(), *use.totals.values()}
    for name, said in recipe.outcomes.items():
        with contextlib.suppress(OutcomesError):
            named.add(plain_outcome(name, said)[0])
    return named | {c for score in named & set(wide) for c in wide[score].values()}


def long_scores(recipe: Recipe, table: TextTable) -> tuple[TextTable, tuple[str, ...]]:
    """The scores one row a visit, and the visits of a wide table, or of declared days, in their
    order.
    """
    if recipe.days:
        return table, tuple(sorted(recipe.days, key=recipe.days.__getitem__))
    if recipe.role("visit", table):
        if recipe.wide:
            raise StudyError(
                "[roles] visit and [wide] exclude each other: a table has its visits in rows or in"
                " columns."
            )
        if recipe.baseline_columns:
            patient, visit = recipe.role("patient", table), recipe.role("visit", table)
            name = recipe.baseline or "baseline"
            return with_baseline(table, patient, visit, name, recipe.baseline_columns), ()
        return table, ()
    if recipe.baseline_columns:
        raise StudyError("[visits] baseline_columns is for a long table, with a visit role.")
    named = {recipe.roles.get(role, role) for role in ROLES}
    free = [c for c in table.columns if c not in named]
    scores = declared_columns(recipe.wide, free) if recipe.wide else wide_columns(free)
    if recipe.wide and not scores:
        raise StudyError(f"[wide] finds no column. There is: {there_is(free)}.")
    if not scores:
        return table, ()
    renamed = {
        s: {recipe.visit_names.get(v, v): c for v, c in by.items()} for s, by in scores.items()
    }
    there = tuple(dict.fromkeys(v for by in renamed.values() for v in by))
    for visit in recipe.visits:
        if visit not in there:
            raise StudyError(
                unknown(
                    "visit",
                    visit,
                    there,
                    hint="These are the visits in the headings; [wide] can name them.",
                )
            )
    order = recipe.visits or (
        tuple(recipe.wide.get("suffix", recipe.wide.get("prefix", ()))) or in_order(there)[0]
    )
    order = tuple(v for v in order if v in there) + tuple(v for v in there if v not in order)
    return to_long(table, renamed, order), order


def _visits(
    recipe: Recipe,
    table: TextTable,
    scores: pd.DataFrame,
    wide: tuple[str, ...],
    issues: list[Issue],
) -> tuple[str, ...]:
    if recipe.visits or wide or "visit" not in scores:
        there = set(pd.unique(scores["visit"]).tolist()) if "visit" in scores else set()
        strange = there - set(recipe.visits or wide)
        if there and len(strange) > 12:
            raise StudyError(
                f"The visit column has {len(strange)} values that are not visits in the order. Is"
                " it the right column?"
            )
        words = sorted(
            v for v in strange if visit_time(v) is None
        )  # they may be anything somebody typed there
        if words:
            where = [table.row_address(int(i)) for i in np.flatnonzero(scores["visit"].isin(words))]
            raise StudyError(
                f"{len(words)} visit name(s) in the scores are not in the declared order: see"
                f" {listed_addresses(where)}. There is: {', '.join(recipe.visits or wide)}. Add"
                " them to [visits] order, or map them."
            )
        if there and (groups := spellings(scores["visit"], scores["patient"])):
            text = (
                f"Visits declared apart seem to be one in several spellings: {as_groups(groups)}."
            )
            issues.append(Issue("visit_spelling", text, len(groups)))
        return recipe.visits or wide
    order, sure = in_order(pd.unique(scores["visit"]).tolist())
    if table.declared.visits:
        order = tuple(dict.fromkeys(recipe.visit_names.get(v, v) for v in table.declared.visits))
        text = f"Visits are in the order of the file's visit numbers: {', '.join(order)}."
        issues.append(Issue("visit_order", text, severity="note"))
        return order
    if len(order) > 60:
        raise StudyError(
            f"The visit column has {len(order)} different values. Is it the right column? Name the"
            " visits in order."
        )
    refuse_spellings(scores["visit"], scores["patient"])
    how = "by the time their names say" if sure else "as they come in the file"
    issues.append(
        Issue(
            "visit_order",
            f"Visits were not declared; they are ordered {how}: {', '.join(order)}.",
            severity="note",
        )
    )
    return order
