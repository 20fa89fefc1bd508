"""A REDCap data dictionary: what the fields of a project are, which identify, and which code each
label stands for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from outcomes.core.errors import DataError
from outcomes.readers.cells import Declared, TextTable, key
from outcomes.readers.formats.delimited import read_delimited

#: Headings that every data dictionary has, as `cells.key` writes them.
HEADINGS = ("variable_field_name", "form_name", "field_type", "field_label")

_CHOICES, _VALIDATION = (
    "choices_calculations_or_slider_labels",
    "text_validation_type_or_show_slider_number",
)
_FIXED = {
    "yesno": {"1": "Yes", "0": "No"},
    "truefalse": {"1": "True", "0": "False"},
    "status": {"0": "Incomplete", "1": "Unverified", "2": "Complete"},
    "ticked": {"1": "Checked", "0": "Unchecked"},
}
_TYPES = {
    "calc": "number",
    "slider": "number",
    "radio": "category",
    "dropdown": "category",
    "sql": "category",
    "yesno": "yes/no",
    "truefalse": "yes/no",
    "checkbox": "yes/no",
    "notes": "text",
}
_NOT_ANSWERED = re.compile(
    r"\b(unknown|missing|not"
    r" (asked|done|applicable|available|recorded|answered)|refused|declined|don.?t know|n/?a)\b",
    re.I,
)


@dataclass(frozen=True)
class Field:
    """One field of a project; `choices` are its codes and their labels.

    >>> Field(
    ...     "dx", "demographics", "checkbox", "Diagnosis", choices={"1": "CRPS", "-2": "Other"}
    ... ).columns
    {'dx___1': '1', 'dx____2': '-2'}
    """

    name: str
    form: str
    kind: str
    label: str
    choices: Mapping[str, str] = field(default_factory=dict)
    validation: str = ""
    identifier: bool = False

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a raw export that hold a checkbox field, and the code of each; REDCap
        writes a minus as ``_``.
        """
        return {
            f"{self.name}___{re.sub('[^0-9a-z_]', '_', code.lower())}": code
            for code in self.choices
        }

    @property
    def type(self) -> str:
        """The type of column that the field is; blank where the dictionary does not say."""
        if self.kind != "text":
            return _TYPES.get(self.kind, "")
        if self.validation.startswith("date"):
            return "date"
        return (
            "integer"
            if self.validation == "integer"
            else "number"
            if self.validation.startswith("number")
            else ""
        )


@dataclass(frozen=True)
class Codebook:
    """The fields of a data dictionary, in its order, and the file that it is."""

    name: str
    sha256: str
    fields: tuple[Field, ...]

    @cached_property
    def columns(self) -> dict[str, Field]:
        """The columns of a raw export and the field that each belongs to."""
        return {
            c: f for f in self.fields for c in (f.columns if f.kind == "checkbox" else (f.name,))
        }

    def field_of(self, column: str) -> Field | None:
        """The field of a column of a raw export; ``dx___unk`` (a code for missing data) belongs to
        the checkbox dx.
        """
        stem, _, code = column.partition("___")
        box = (
            next((f for f in self.fields if f.name == stem and f.kind == "checkbox"), None)
            if code
            else None
        )
        return self.columns.get(column, box)

    def form_of(self, column: str) -> str:
        """The form that a column of a raw export belongs to; blank where the dictionary does not
        say.
        """
        if found := self.field_of(column):
            return found.form
        form, _, end = column.rpartition("_")
        return form if end in ("complete", "timestamp") and form in self.forms else ""

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms, in their order."""
        return tuple(dict.fromkeys(f.form for f in self.fields))

    def declared(self, columns: Sequence[str]) -> Declared:
        """What the dictionary says of those of its columns that a table has."""
        there = {c: f for c in columns if (f := self.field_of(c))}
        return Declared(
            types={c: f.type for c, f in there.items() if f.type},
            identifiers=tuple(c for c, f in there.items() if f.identifier),
            labels={c: f.choices for c, f in there.items() if f.choices},
            missing=tuple(
                dict.fromkeys(
                    code
                    for f in there.values()
                    for code, label in f.choices.items()
                    if _NOT_ANSWERED.search(label)
                )
            ),
        )


def is_codebook(table: TextTable) -> bool:
    """Whether a table is a data dictionary."""
    return set(HEADINGS) <= {key(c) for c in table.columns}


def read_codebook(path: str | Path) -> Codebook:
    """Read a REDCap data dictionary (the CSV that REDCap offers under that name).

    Raises DataError where the file is absent or is no data dictionary, or where a field stands in
    it twice.
    """
    path = Path(path)
    try:
        table = read_delimited(path)
    except OSError as wrong:
        raise DataError(
            f"{path.name} cannot be opened: {wrong.strerror or type(wrong).__name__}."
        ) from None
    if not is_codebook(table):
        raise DataError(
            f"{path.name} is not a REDCap data dictionary: it has no columns 'Variable / Field"
            " Name' and 'Field Type'."
        )
    frame = table.frame.rename(columns=key)
    for name in (_CHOICES, _VALIDATION, "identifier"):
        if name not in frame:
            frame[name] = ""
    fields = tuple(
        Field(
            name, form, kind, plain(label), _choices(kind, choices), valid, marked.casefold() == "y"
        )
        for name, form, kind, label, choices, valid, marked in zip(
            *(frame[c].str.strip() for c in (*HEADINGS, _CHOICES, _VALIDATION, "identifier")),
            strict=True,
        )
    )
    twice = [n for n, k in Counter(f.name for f in fields).items() if k > 1]
    if twice:
        raise DataError(f"{path.name} has these fields more than once: {', '.join(twice)}.")
    return Codebook(path.name, table.sha256, fields)


def plain(label: str) -> str:
    """A label as an export writes it: on one line, without mark-up.

    >>> plain("<b>Average</b> pain,\\nlast 24 h ")
    'Average pain, last 24 h'
    """
    return re.sub(r"\s+", " ", re.sub(r"</?[a-zA-Z][^<>]*>", "", label)).strip()


def _choices(kind: str, text: str) -> dict[str, str]:
    """Codes and labels: choices are parted by bars, a code from its label by the first comma
    only.
    """
    if kind in _FIXED:
        return dict(_FIXED[kind])
    if kind not in ("radio", "dropdown", "checkbox"):
        return {}
    parts = [p.partition(",") for p in text.split("|") if p.strip()]
    return {code.strip(): plain(label) for code, _, label in parts}


def status_choices() -> Mapping[str, str]:
    """What the codes of a form's status mean."""
    return _FIXED["status"]


def ticked_choices() -> Mapping[str, str]:
    """What the codes of one option of a checkbox mean."""
    return _FIXED["ticked"]
