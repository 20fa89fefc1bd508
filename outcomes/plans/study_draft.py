"""A first study file in Python: what `outcomes init` writes, to look at before it is written."""

from __future__ import annotations

import dataclasses
import html
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outcomes.analyses.question import Analysis
from outcomes.config import atomic
from outcomes.core.errors import StudyError
from outcomes.plans.ready_made import ready_made, suggest, with_plan
from outcomes.readers.draft import guess_study
from outcomes.readers.formats.frames import is_frame, saved
from outcomes.study.study import Study

if TYPE_CHECKING:
    import pandas as pd
    from narwhals.typing import IntoDataFrame

#: The file that a frame is saved as, beside its study file.
SCORES = "scores.csv"
#: What marks a line of a study file that somebody must look at.
GUESS = "# guess"


@dataclass(frozen=True, repr=False)
class Draft:
    """A commented study file that was guessed from data; it shows itself.

    `toml` is its text, `problem` what stands in the way of a plan (empty where nothing does),
    `study` what it reads (None where it reads nothing yet), `questions` the plan it proposes.
    """

    toml: str
    problem: str
    study: Study | None
    questions: tuple[Analysis, ...]
    _source: Path | bytes = field(repr=False, compare=False)
    _said: dict[str, Any] = field(repr=False, compare=False)

    @property
    def guesses(self) -> tuple[str, ...]:
        """The lines that were guessed: look at each."""
        lines = (line.strip() for line in self.toml.splitlines())
        return tuple(line for line in lines if GUESS in line and not line.startswith("#"))

    def write(self, path: str | Path = "study.toml", *, force: bool = False) -> Path:
        """Write the study file and, of a frame, the CSV file of its rows beside it, which its owner
        alone can read. `force` replaces files that are there.

        Returns the study file. Raises StudyError where a file is there already, OutputError where
        the disk refuses.
        """
        path = Path(path)
        files: dict[str, bytes | str] = {}
        if isinstance(self._source, bytes):
            files[SCORES] = self._source
            text = self.toml
        else:
            text = _made(self._source, path.parent, self._said).toml
        files[path.name] = text
        there = [name for name in files if (path.parent / name).exists()]
        if there and not force:
            raise StudyError(
                f"{' and '.join(there)} in {path.parent.resolve()}: already there. Choose another"
                " place, or replace with force=True."
            )
        atomic.write_all(path.parent, files, private=(SCORES,))
        return path

    def __repr__(self) -> str:
        return self.toml

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.toml)}</pre>"


def draft(
    data: str | Path | pd.DataFrame | IntoDataFrame,
    *,
    plan: str = "",
    sheet: str = "",
    header: int | None = None,
    last: int | None = None,
    encoding: str = "",
) -> Draft:
    """What would a study file for these data say?

    `data` is a data file or a frame of pandas, polars or pyarrow; the text is the one that
    ``outcomes init`` writes, each guess marked. `plan` is the kind of plan (the one that fits where
    nothing is said); `sheet`, `header` (the number of the row of headings), `last` (that of the
    last row) and `encoding` are of a file, where they are not found by themselves.

    Raises DataError where the data cannot be read as a table, StudyError for what is no data.

    >>> import pandas as pd, outcomes as oc
    >>> frame = pd.DataFrame({"id": ["a", "b", "c"], "nrs_pre": [7, 8, 6], "nrs_post": [4, 6, 5]})
    >>> first = oc.draft(frame)
    >>> [line for line in first.guesses if "patient" in line]
    ['patient = "id"   # guess']
    >>> first.problem, type(first.questions[1]).__name__
    ('', 'PairedT')
    """
    said = {"sheet": sheet, "header": header, "last": last, "encoding": encoding}
    told = {k: v for k, v in said.items() if v} | {"plan": plan}
    if not is_frame(data):
        return _made(Path(data), Path(data).parent, told)  # type: ignore[arg-type]
    if of_file := [k for k in ("sheet", "header", "encoding") if k in told]:
        raise StudyError(f"A data frame has no {of_file[0]}. Leave it out.")
    rows = saved(data)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / SCORES
        file.write_bytes(rows)
        return _made(file, file.parent, told, rows)


def _made(file: Path, folder: Path, told: dict[str, Any], rows: bytes | None = None) -> Draft:
    said = dict(told)
    kind, sheet = said.pop("plan"), said.pop("sheet", None)
    text, study, problem = guess_study(file, sheet=sheet, beside=folder, **said)
    asked: tuple[Analysis, ...] = ()
    if study:
        plan = ready_made(kind or suggest(study), study)
        asked = tuple(plan)
        planned = dataclasses.replace(study.protocol, questions=tuple(plan.to_list()))
        study = dataclasses.replace(study, protocol=planned)
        text = with_plan(text, study, kind)
    return Draft(text, problem, study, asked, rows if rows is not None else file, told)
