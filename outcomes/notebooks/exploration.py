"""What the panel of `oc.explore` knows, without any widget: the study, what can be asked of it, and
the code that does the same.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.config import atomic, toml
from outcomes.core.errors import AnalysisError, OutcomesError, StudyError
from outcomes.notebooks.kinds import KINDS
from outcomes.plans.plan import Plan, kinds
from outcomes.plans.ready_made import ready_made, suggest
from outcomes.plans.study_draft import SCORES, draft
from outcomes.readers import read_study
from outcomes.readers.files import read_rows
from outcomes.readers.formats.frames import is_frame, saved
from outcomes.readers.source import Source
from outcomes.readers.studyfile import study_from_text
from outcomes.study.study import GROUPS, Study
from outcomes.tables.question_list import by_topic

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame

#: The fields of a question that the panel has a control for.
CHOSEN = ("outcome", "before", "after", "by")
#: The roles that the panel has a control for, and what a person reads there.
ROLES = {
    "patient": "Patient",
    "visit": "Visit",
    "date": "Date",
    "arm": "Arm",
    "route": "Route",
    "site": "Site",
}


@dataclass(frozen=True)
class Correctable:
    """What of a study file the panel corrects: which column has which role, which instruments the
    columns hold. `headings` are the columns of the scores.
    """

    headings: tuple[str, ...]
    roles: dict[str, str]
    instruments: tuple[str, ...]

    @classmethod
    def of(cls, text: str, folder: Path) -> Correctable | None:
        """Of a study file's text; None where it has no scores that can be read."""
        try:
            said = toml.parse(text).data
            scores = said["data"]["scores"]
            headings = tuple(map(str, read_rows(Source.of(scores, folder)).columns))
        except (OutcomesError, KeyError, TypeError):
            return None
        roles = {r: c for r, c in said.get("roles", {}).items() if isinstance(c, str)}
        return cls(headings, roles, tuple(said.get("instruments", {})))


def corrected(text: str, start: str, roles: dict[str, str], instruments: Sequence[str]) -> str:
    """The text with these roles and these instruments, all else as it stands, comments too. A role
    of "" goes; an instrument that was left out comes back as the text `start` has it.
    """
    import tomlkit

    now, first = tomlkit.parse(text), tomlkit.parse(start)
    table: Any = now.setdefault("roles", tomlkit.table())
    for role, column in roles.items():
        if not column:
            table.pop(role, None)
        elif table.get(role) != column:
            table[role] = column
            table[role].trivia.comment_ws = table[role].trivia.comment = ""  # no guess any more
    used: Any = now.setdefault("instruments", tomlkit.table())
    for name in [n for n in used if n not in instruments]:
        del used[name]
    for name in instruments:
        if name not in used:
            used[name] = first["instruments"][name]  # type: ignore[index]
    return tomlkit.dumps(now)


@dataclass(frozen=True)
class Opened:
    """What was read: a study (None where something stands in the way), its study file as text, and
    the code that reads it. Of a frame, `rows` is the CSV file of its rows, and `room` the folder
    that holds it as long as the panel lives.
    """

    study: Study | None
    text: str
    folder: Path
    problem: str
    code: str
    file: Path | None = None
    rows: bytes | None = None
    room: tempfile.TemporaryDirectory[str] | None = None

    def again(self, text: str) -> Opened:
        """The same data read by a corrected study file."""
        code = "study = oc.read_study('study.toml')  # as corrected here: write it first"
        try:
            study = study_from_text(text, self.folder)
        except OutcomesError as e:
            return dataclasses.replace(self, study=None, text=text, problem=str(e), code=code)
        return dataclasses.replace(self, study=study, text=text, problem="", code=code)


def opened(source: str | Path | pd.DataFrame | IntoDataFrame | Study) -> Opened:
    """Read a data file, a study file, a frame or a study. Raises what reading it raises."""
    if isinstance(source, Study):
        return Opened(source, "", Path(), "", "# study: the one you gave to oc.explore")
    if is_frame(source):
        first, rows = draft(source), saved(source)
        room = tempfile.TemporaryDirectory(prefix="outcomes-")
        folder = Path(room.name)
        (folder / SCORES).write_bytes(rows)
        code = "study = oc.draft(frame).study  # frame: the one you gave to oc.explore"
        return Opened(first.study, first.toml, folder, first.problem, code, None, rows, room)
    path = Path(source)  # type: ignore[arg-type]
    if path.suffix.lower() == ".toml":
        study = read_study(path)
        code = f"study = oc.read_study({path.as_posix()!r})"
        return Opened(study, path.read_text("utf-8-sig"), path.parent, "", code, path)
    first = draft(path)
    code = f"study = oc.draft({path.as_posix()!r}).study"
    return Opened(first.study, first.toml, path.parent, first.problem, code)


def askable() -> list[tuple[str, str]]:
    """(label, name) of the questions that need no more than the panel's controls give, by topic."""
    out = []
    for topic, name, kind in by_topic():
        fields = dataclasses.fields(kind)
        needed = {
            f.name
            for f in fields
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        }
        if "outcome" in {f.name for f in fields} and needed <= set(CHOSEN):
            out.append((f"{topic}: {kind.short or name} ({name})", name))
    return out


def fields_of(name: str) -> tuple[str, ...]:
    """Which of the panel's controls a question uses."""
    return tuple(f.name for f in dataclasses.fields(kinds()[name]) if f.name in CHOSEN)


def groups_of(study: Study) -> list[str]:
    """The arm, route and other characteristics with 2 to 10 values, by which patients can be
    compared.
    """
    frame = study.patient_frame
    found = [
        c
        for c in frame
        if 2 <= frame[c].nunique() <= 10 and not pd.api.types.is_float_dtype(frame[c])
    ]
    return sorted(map(str, found), key=lambda c: (c not in GROUPS, c))


def asked(name: str, chosen: dict[str, str]) -> tuple[Analysis, str]:
    """The question, and the code that asks it. Raises AnalysisError where a field does not fit."""
    fields: dict[str, Any] = {f: chosen[f] for f in fields_of(name) if chosen.get(f)}
    if "outcome" not in fields:
        raise AnalysisError("No score is chosen: the study has no instrument or outcome.")
    words = ", ".join(repr(v) if f == "outcome" else f"{f}={v!r}" for f, v in fields.items())
    return kinds()[name](**fields), f"result = oc.{name}({words}).run(study)\nresult"


def plan_of(study: Study) -> tuple[Plan, str]:
    """The plan of the study file, or the ready-made one that fits, with its code."""
    if study.questions:
        return Plan.of(study), "plan = oc.Plan.of(study)"
    kind = suggest(study)
    return ready_made(kind, study), f"plan = oc.plans.ready_made({kind!r}, study)"


def write_study(opened: Opened, target: str | Path) -> Opened:
    """Write the study file (and, of a frame, its scores.csv beside it, which its owner alone can
    read). Raises StudyError where one is there already.
    """
    file = Path(target)
    if not opened.text:
        raise StudyError("This study was made in Python: it has no study file to write.")
    files: dict[str, bytes | str] = {file.name: opened.text}
    if opened.rows is not None:
        files = {SCORES: opened.rows, **files}
    elif file.resolve().parent != opened.folder.resolve():
        raise StudyError(
            "The study file names its data as seen from its own folder: write it into"
            f" {opened.folder}."
        )
    for name in files:
        if (there := file.with_name(name)).exists():
            raise StudyError(f"{there} is already there. Choose another folder.")
    atomic.write_all(file.parent, files, private=(SCORES,))
    return dataclasses.replace(
        opened, file=file, code=f"study = oc.read_study({file.as_posix()!r})"
    )


def kinds_of_notebook(study: Study) -> list[str]:
    """The kinds of notebook, the one that fits the study first."""
    fits = suggest(study)
    return sorted(KINDS, key=lambda k: (k != fits, k))
