"""Where a table is, and what is said of how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outcomes.config.fields import read as read_fields
from outcomes.config.toml import Document
from outcomes.core.errors import StudyError
from outcomes.readers.cells import TextTable
from outcomes.readers.formats.frames import FRAME, is_frame
from outcomes.readers.sources.form import NAMES, PLACES
from outcomes.readers.sources.live import Live
from outcomes.readers.study_form import SOURCE
from outcomes.study.study import Issue

#: Fields that say how an export is gathered once it is read, whatever kind of file it is.
GATHERING = ("dictionary", "form", "without", "concepts", "measure", "value", "each")


@dataclass(frozen=True)
class Source:
    """Where a table is: its file and, where needed, sheet, numbers of the heading row and of the
    last row, delimiter, encoding.

    `sheets` (or `more` files beside the first) are read as one table, with a column `by` that holds
    their names. `labels` (true, or columns) takes the value labels of a statistical file in place
    of codes; `unfinished` keeps the answers of a survey that nobody submitted. Of a REDCap export,
    `dictionary` is its data dictionary, `form` the one form to read, `without` the forms to leave
    out. Of an OMOP table, `concepts` are the columns of its concepts.
    Of a table with one answer a row, `measure` names it, `value` holds it, and `each` are the
    columns of patient and visit. Of FHIR, `resource` is the
    type to read, ``per="day"`` joins what a patient gave on one day, `codes` are numbers of coded
    answers, `repeats` questions that may have several answers. `frame` is a data frame and `live` a
    database or server in place of a file; `place` and `notes` say where a file of it came from.
    """

    file: Path
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    more: tuple[Path, ...] = ()
    by: str = ""
    header: int | None = None
    last: int | None = None
    delimiter: str = ""
    encoding: str = ""
    labels: bool | tuple[str, ...] = False
    unfinished: bool = False
    dictionary: Path | None = None
    form: str = ""
    without: tuple[str, ...] = ()
    concepts: Mapping[str, str] | None = None
    measure: str = ""
    value: str = ""
    each: tuple[str, ...] = ()
    resource: str = ""
    per: str = ""
    codes: Mapping[str, Any] | None = None
    repeats: tuple[str, ...] = ()
    frame: Any = field(default=None, repr=False, compare=False)
    live: Live | None = None
    place: str = ""
    notes: tuple[Issue, ...] = ()

    @classmethod
    def of(cls, value: Any, folder: Path, dictionary: str | None = None) -> Source:
        """From a file name, a data frame, or a mapping with `file` and the other fields. Raises
        StudyError for an unknown field.
        """
        frame = None
        if isinstance(value, Mapping) and is_frame(value.get("file", "")):
            frame, value = value["file"], {**value, "file": FRAME}
            if frame is None:
                raise StudyError("There is no file and no data frame: None was given.")
        given = value if isinstance(value, Mapping) else {"file": value}
        places = [name for name in ("file", *PLACES) if name in given]
        if len(places) != 1:
            said = f"it has {' and '.join(places)}" if places else "it has none"
            raise StudyError(
                "[data] a table has one of file, database, redcap and fhir, which says where it"
                f" is; {said}."
            )
        given = {
            k: v
            for k, v in ({"dictionary": dictionary or None} | {**given}).items()
            if v is not None
        }
        read_fields(SOURCE, given, Document())
        fields = {k: v for k, v in given.items() if k not in NAMES}
        if places != ["file"]:
            said_of_it = {k: v for k, v in given.items() if k in NAMES}
            fields["live"] = Live.of(said_of_it, folder, str(given.get("resource", "")))
            fields["file"] = fields["live"].kind
            _fits(fields)
        for name in ("labels", "repeats", "sheets"):
            if isinstance(fields.get(name), list):
                fields[name] = tuple(map(str, fields[name]))
        fields |= {name: folder / fields[name] for name in ("file", "dictionary") if name in fields}
        fields["more"] = tuple(folder / str(name) for name in fields.get("more", ()))
        fields["frame"] = frame
        return cls(**{**fields, "without": tuple(map(str, fields.get("without", ())))})

    def said(self) -> tuple[str, ...]:
        """The fields besides the file that somebody has filled in.

        >>> Source(Path("a.xlsx"), sheet="Scores").said()
        ('sheet',)
        """
        fields = type(self).__dataclass_fields__
        own = (n for n in fields if n not in ("file", "frame", "live", "place", "notes"))
        return tuple(n for n in own if getattr(self, n) != fields[n].default)

    def facts(self, table: str, read: TextTable) -> dict[str, Any]:
        """What a report says of the file: name, rows, and the size and hash of the very bytes that
        were parsed.
        """
        return {
            "table": table,
            "file": ", ".join(file.name for file in (self.file, *self.more)),
            **({"from": self.place} if self.place else {}),
            "sheet": read.sheet,
            "bytes": read.size,
            "rows": len(read),
            "sha256": read.sha256,
        }


#: Fields of a file that say nothing of what a database or server gives.
_OF_FILES = ("sheet", "sheets", "more", "by", "header", "last", "delimiter", "encoding", "labels")


def _fits(fields: Mapping[str, Any]) -> None:
    for name in _OF_FILES:
        if name in fields:
            raise StudyError(
                f"[data] '{name}' is of a file, and says nothing about a database or server. Leave"
                " it out."
            )
