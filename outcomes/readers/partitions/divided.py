"""Rows of files divided into parts of whole patients, each on disk as text until it is read."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from outcomes.core.errors import StudyError, unknown
from outcomes.readers.cells import Declared, TextTable
from outcomes.readers.exports.detect_export import arranged
from outcomes.readers.ids import as_number
from outcomes.readers.partitions.pieces import WHOLE_UP_TO, FilesTable, files_of, pieces
from outcomes.readers.recipe import Recipe
from outcomes.study.study import Issue
from outcomes.study.sums import hash_of


@dataclass(frozen=True)
class Heading:
    """What all rows of a table have in common."""

    name: str
    names: tuple[str, ...]
    letters: tuple[str, ...]
    sheet: str
    declared: Declared


@dataclass(frozen=True)
class Divided:
    """Where the rows of each part lie (a file for each table that has some), and what was found
    when the files were read.
    """

    folder: Path
    parts: tuple[int, ...]
    headings: Mapping[str, Heading]
    notes: tuple[Issue, ...]
    sources: tuple[Mapping[str, Any], ...]

    def tables(self, recipe: Recipe, *parts: int) -> dict[str, TextTable]:
        """The tables of one part, or of several with their rows as the files have them, gathered
        where they are an export. A table without a row of these patients has its headings only.
        """
        found = {name: self._table(name, parts) for name in self.headings}
        return {
            name: arranged(table, recipe.sources[name]) if len(table) else table
            for name, table in found.items()
        }

    def _table(self, name: str, parts: Sequence[int]) -> TextTable:
        head = self.headings[name]
        paths = [_path(self.folder, part, name) for part in parts]
        rows = [piece for path in paths if path.exists() for piece in _stored(path)]
        frames = [r[0] for r in rows]
        frame = _together(frames) if rows else _empty(self.folder, name)
        row, file = (
            np.concatenate([r[k] for r in rows]) if rows else np.empty(0, dtype=np.int64)
            for k in (1, 2)
        )
        if len(parts) > 1:
            order = np.lexsort((row, file))
            frame, row, file = frame.iloc[order].reset_index(drop=True), row[order], file[order]
        return FilesTable(
            head.name,
            frame,
            row,
            head.letters,
            head.sheet,
            declared=head.declared,
            names=head.names,
            file=file,
        )


def divide(
    recipe: Recipe,
    folder: Path,
    parts: int,
    *,
    piece: int = WHOLE_UP_TO,
    progress: Callable[[str, int], None] | None = None,
) -> Divided:
    """Read the files piece by piece and put each row into the part of its patient: a hash of the
    code without spaces, capitals and leading zeros, so that all ways to write one code meet in one
    part.

    Raises what reading raises, and StudyError where a table has no column of the patient.
    """
    headings, notes, sources, seen = {}, list[Issue](), list[Mapping[str, Any]](), set[int]()
    for name, source in recipe.sources.items():
        files = files_of(source)
        names = tuple(f.name for f in files)
        rows = 0
        for table in pieces(source, piece=piece):
            if name not in headings:
                shown = files[0].name if len(files) == 1 else source.file.name
                headings[name] = Heading(shown, names, table.letters, table.sheet, table.declared)
                _store(folder / f"{name}.columns", table.frame.iloc[:0])
            notes += [replace(note, table=name) for note in table.notes]
            place = _places(recipe, name, table, parts)
            at = np.full(len(table), names.index(table.name))
            for part in np.unique(place):
                mine = place == part
                frame = _own_texts(table.frame[mine].reset_index(drop=True))
                _store(_path(folder, int(part), name), (frame, table.rows[mine], at[mine]))
                seen.add(int(part))
            rows += len(table)
            if progress:
                progress(name, rows)
        digests = [_digest(f) for f in files]
        whole = (
            digests[0] if len(files) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
        )
        sources.append(
            {
                "table": name,
                "file": ", ".join(names) if len(names) < 4 else f"{len(names)} files",
                "sheet": headings[name].sheet,
                "bytes": sum(f.stat().st_size for f in files),
                "rows": rows,
                "sha256": whole,
            }
        )
    return Divided(folder, tuple(sorted(seen)), headings, tuple(notes), tuple(sources))


def _places(recipe: Recipe, name: str, table: TextTable, parts: int) -> np.ndarray:
    """The part of each row."""
    said = recipe.roles.get("patient", "patient")
    columns = (said,) if isinstance(said, str) else tuple(map(str, said))
    for column in columns:
        if column not in table.columns:
            raise StudyError(
                f"The {name} table ({table.name}):"
                f" {unknown('column', column, table.columns, hint='It names the patient.')}"
            )
    code = table[columns[0]].str.strip()
    for column in columns[1:]:
        code = code.str.cat(table[column].str.strip(), sep="/")
    place, codes = pd.factorize(code)
    return np.array([hash_of(as_number(c.casefold())) % parts for c in codes])[place]


def _own_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with only their own texts among the categories (and a blank), where those of the
    whole file are many: else each part would have the codes of all patients.
    """
    made = {}
    for column in frame:
        cells = frame[column].array
        if not isinstance(cells, pd.Categorical) or len(cells.categories) <= len(frame):
            continue
        kept = np.union1d(cells.codes, np.flatnonzero(cells.categories == ""))
        own = np.searchsorted(kept, cells.codes)
        made[column] = pd.Categorical.from_codes(own, cells.categories[kept], validate=False)
    return frame.assign(**made) if made else frame


def _together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows under one another; categories stay categories."""
    if len(frames) == 1:
        return frames[0]
    columns: dict[str, Any] = {}
    for column in frames[0]:
        cells = [f[column] for f in frames]
        if all(isinstance(c.dtype, pd.CategoricalDtype) for c in cells):
            columns[column] = union_categoricals(cells, sort_categories=True)
        else:
            columns[column] = pd.concat(cells, ignore_index=True)
    return pd.DataFrame(columns, columns=frames[0].columns)


def _path(folder: Path, part: int, name: str) -> Path:
    return folder / f"{part:05}.{name}"


def _store(path: Path, what: Any) -> None:
    with path.open("ab") as handle:
        pickle.dump(what, handle, protocol=5)


def _stored(path: Path) -> Any:
    with path.open("rb") as handle:
        while True:
            try:
                yield pickle.load(handle)
            except EOFError:
                return


def _empty(folder: Path, name: str) -> pd.DataFrame:
    frame: pd.DataFrame = next(_stored(folder / f"{name}.columns"))
    return frame


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
