"""A study file whose tables are read in parts of whole patients."""

from __future__ import annotations

import pickle
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from outcomes.core.errors import StudyError
from outcomes.readers.assemble import assembled, prepared
from outcomes.readers.partitions.divided import divide
from outcomes.readers.partitions.pieces import WHOLE_UP_TO, files_of
from outcomes.readers.partitions.whole import TextsOf, whole_columns
from outcomes.readers.recipe import Recipe
from outcomes.readers.sources.snapshot import SETTING, as_files
from outcomes.readers.studyfile import engine_said, recipe_of
from outcomes.study.engines import OPTIONS, Engine, Progress
from outcomes.study.engines import engine as engine_called
from outcomes.study.partitioned import PartitionedStudy, first_read
from outcomes.study.study import Study
from outcomes.study.sums import bare

#: About so many bytes of text are one part, where nobody says how many parts there are.
PART = 1 << 26


@dataclass(frozen=True)
class TextPart:
    """A part that lies on disk as text, and is read as the whole would be; or several parts."""

    numbers: tuple[int, ...]
    folder: Path

    def read(self) -> Study:
        """The study of these patients, scored."""
        recipe, divided, whole = _decided(self.folder / "decided")
        recipe, tables = prepared(recipe, divided.tables(recipe, *self.numbers))
        return assembled(recipe, tables, whole).ready

    def with_others(self, others: Sequence[TextPart]) -> TextPart:
        """This part and others as one."""
        return TextPart(
            (*self.numbers, *(n for other in others for n in other.numbers)), self.folder
        )


class FolderParts(Sequence[TextPart]):
    """The parts in a folder, which is removed when nothing uses them any more."""

    def __init__(self, folder: Path, numbers: Sequence[int]) -> None:
        self.parts = tuple(TextPart((number,), folder) for number in numbers)
        weakref.finalize(self, shutil.rmtree, str(folder), ignore_errors=True)

    def __len__(self) -> int:
        return len(self.parts)

    @overload
    def __getitem__(self, i: int) -> TextPart: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[TextPart]: ...
    def __getitem__(self, i: int | slice) -> TextPart | Sequence[TextPart]:
        return self.parts[i]


@lru_cache(maxsize=2)
def _decided(path: Path) -> Any:
    with path.open("rb") as handle:
        return pickle.load(handle)


def read_parts(
    path: str | Path,
    *,
    engine: Engine | str | None = None,
    parts: int | None = None,
    folder: str | Path | None = None,
    piece: int = WHOLE_UP_TO,
    progress: Progress | None = None,
    snapshot: str | Path | None = None,
) -> PartitionedStudy:
    """Read a study file whose tables are too large to be held, in parts of whole patients.

    `[data] scores` may be one file, a folder, or a name with `*` (``"scores/*.parquet"``). Rows are
    divided by patient into text files in `folder` (default: a temporary one, removed with the
    study); a first pass over all parts decides what a part alone would decide wrongly (types,
    decimal marks, the order of dates, what may identify a patient); then `Plan.run` and a
    question's `run` answer from sums over the parts.

    `engine` ("serial", "processes", "dask", "spark", or an engine) and `parts` override `[engine]`
    in the study file; `piece` is how many bytes of a file are read at once. `[visits] order` must
    be declared where visits are in rows. `snapshot` is that of `read_study`.

    Raises what `read_study` raises, with the same text; what is wrong with patients' codes, rows,
    visits or arms in a later part is raised by the first question (or plan), which reads all parts.
    """
    path = Path(path)
    recipe, said = recipe_of(path), engine_said(path)
    _refuse_undeclared(recipe)
    worker = _engine(engine, said)
    made = None if folder is None and not said.get("folder") else Path(folder or said["folder"])
    where = _private_folder(made if made is None or made.is_absolute() else path.parent / made)
    try:
        again = Path(snapshot) if snapshot else recipe.snapshot
        with as_files(recipe.sources, recipe.drop, again, place=where) as (sources, pulled):
            recipe = replace(recipe, sources=sources)
        number = parts or said.get("parts") or _parts(recipe)
        divided = divide(recipe, where, int(number), piece=piece)
        texts = worker.total(TextsOf(recipe, divided), divided.parts, progress)
        whole = whole_columns(recipe, texts)
        with (where / "decided").open("wb") as handle:
            pickle.dump((recipe, divided, whole), handle, protocol=5)
        held = FolderParts(where, divided.parts)
        like = bare(first_read(held, worker), 0)
        record = replace(like.record, issues=divided.notes, sources=divided.sources)
        if pulled:
            record = replace(record, settings={**record.settings, SETTING: pulled})
        study = PartitionedStudy(held, replace(like, record=record), worker, progress)
    except BaseException:
        shutil.rmtree(where, ignore_errors=True)
        raise
    return study


def _refuse_undeclared(recipe: Recipe) -> None:
    """What has to be said, as no part could tell it."""
    if recipe.roles.get("visit") and not (recipe.visits or recipe.days):
        raise StudyError(
            'A study that is read in parts needs its visits in order: [visits] order = ["baseline",'
            ' "week_4"].'
        )


def _engine(asked: Engine | str | None, said: Mapping[str, Any]) -> Engine:
    if asked is not None and not isinstance(asked, str):
        return asked
    name = asked or said.get("name") or "serial"
    options = {k: said[k] for k in OPTIONS.get(name, ()) if said.get(k)}
    return engine_called(name, **options)


def _parts(recipe: Recipe) -> int:
    """As many parts as keep each near `PART` bytes of text."""
    size = sum(f.stat().st_size for source in recipe.sources.values() for f in files_of(source))
    return max(1, -(-size // PART))


def _private_folder(said: Path | None) -> Path:
    """A new folder that only this user can look into: in the one that is said, or a temporary
    one.
    """
    if said is not None:
        said.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="outcomes-parts-", dir=said))
