"""A REDCap data dictionary for instruments: fields, codes and choices, and no wording."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence

from outcomes.core.errors import InstrumentError
from outcomes.questionnaires.model import Instrument, Item, instrument

#: The columns of a data dictionary, in the order in which REDCap reads them.
HEADINGS = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)
#: An item with more answers than this is a number to type, not a choice.
MOST_CHOICES = 11
#: The longest name of a field that REDCap takes.
LONGEST = 100


def redcap_dictionary(ids: Sequence[str], *, record: str = "record_id") -> str:
    """The data dictionary (CSV) of a REDCap project that asks these instruments.

    Each instrument is a form, each item a field that `outcomes init` recognises by its name. An
    item with up to eleven answers is a radio field whose choices are its codes, so that what is
    stored is what is scored; any other is a text field with its lowest and highest answer. Labels
    are neutral (title and number of the item): put the licensed wording in their place, and leave
    the codes as they are. The first field is `record`, in a form of its own.

    Raises InstrumentError for an unknown instrument, one that is asked twice, and where nothing is
    asked for.

    >>> print(redcap_dictionary(["phq2"]).splitlines()[2][:64])
    phq2_1,phq2,,radio,PHQ-2 1: interest,"0, 0 | 1, 1 | 2, 2 | 3, 3"
    """
    if not ids:
        raise InstrumentError(
            "Name at least one instrument, such as phq9; outcomes instruments lists them."
        )
    twice = sorted({i for i in ids if list(ids).count(i) > 1})
    if twice:
        raise InstrumentError(f"Each instrument is one form; named more than once: {twice[0]}.")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADINGS)
    writer.writerow(_row(record, "record", "text", "Record ID"))
    for id in ids:
        writer.writerows(_rows(instrument(id)))
    return out.getvalue()


def _rows(kind: Instrument) -> Iterator[list[str]]:
    notes = {f.item: f.message for f in kind.flags}
    for item in kind.items:
        name, note = field_name(kind, item), notes.get(item.code, "")
        label = f"{kind.title} {item.code}" + (f": {item.title}" if item.title else "")
        if answers := _answers(item):
            choices = " | ".join(f"{a:g}, {a:g}" for a in answers)
            yield _row(name, kind.id, "radio", label, choices=choices, note=note)
        else:
            high = f"{item.high:g}" if math.isfinite(item.high) else ""
            limits = ("integer" if item.step == 1 else "number", f"{item.low:g}", high)
            yield _row(name, kind.id, "text", label, note=note, validation=limits)


def field_name(kind: Instrument, item: Item) -> str:
    """The name of an item's field: small letters, digits and underscores, as REDCap asks.

    >>> field_name(instrument("phq9"), instrument("phq9").items[8])
    'phq9_9'
    """
    lead = kind.aliases[0] if kind.aliases else kind.id
    return re.sub(r"[^a-z0-9_]+", "_", f"{lead}_{item.code}".lower())[:LONGEST]


def _answers(item: Item) -> tuple[float, ...]:
    """The answers of an item that are few enough to choose from; none of one that is typed."""
    if item.allowed:
        return item.allowed
    if not item.step or not math.isfinite(item.high):
        return ()
    n = round((item.high - item.low) / item.step) + 1
    return tuple(item.low + k * item.step for k in range(n)) if n <= MOST_CHOICES else ()


def _row(
    name: str,
    form: str,
    kind: str,
    label: str,
    *,
    choices: str = "",
    note: str = "",
    validation: tuple[str, str, str] = ("", "", ""),
) -> list[str]:
    return [name, form, "", kind, label, choices, note, *validation, *[""] * 8]
