"""Table 1 for people: who the patients are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outcomes.analyses.table_one import FIXED
from outcomes.core.language import message, named, say
from outcomes.core.wording import localised, number, spoken
from outcomes.tables.results_table import Table

if TYPE_CHECKING:
    import pandas as pd

SMD_NOTE = message(
    "SMD: standardised difference, the largest of two groups; around {small} is small."
    " Differences at the start are not tested."
)

#: What the rows of a number say, and whoever has none.
ROWS = (
    message("mean (SD)", "name"),
    message("median (quartiles)", "name"),
    message("distinct values", "name"),
    message("not recorded", "name"),
    message("not known", "name"),
)
#: Characteristics that most studies have.
COMMON = (
    message("age", "name"),
    message("arm", "name"),
    message("group", "name"),
    message("age band", "name"),
    message("sex", "name"),
    message("diagnosis", "name"),
    message("route", "name"),
    message("site", "name"),
    message("female", "name"),
    message("male", "name"),
)


def characteristics_table(frame: pd.DataFrame, title: str = "") -> Table:
    """The frame of `table_one` as a table: each characteristic named once, its levels below."""
    rows: list[tuple[str, ...]] = []
    last, more = "", [str(c) for c in frame.columns[len(FIXED) :]]
    for r in frame.to_dict("records"):
        name = str(r["characteristic"])
        cells = (str(r["value"]), *(str(r[c]) for c in more))
        level = named(str(r["level"]))
        rows.append(("" if name == last else named(spoken(name)), level, *map(localised, cells)))
        last = name
    value = say("all") if more else say("value")
    header = (say("characteristic"), say("level"), value, *more)
    notes = (say(SMD_NOTE, small=number(0.1)),) if more else ()
    return Table(
        title or say("Characteristics"), header, tuple(rows), notes, tuple(range(2, len(header)))
    )
