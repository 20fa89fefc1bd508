"""Table 1 for people: who the patients are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outcomes.analyses.table_one import FIXED
from outcomes.core.wording import spoken
from outcomes.tables.results_table import Table

if TYPE_CHECKING:
    import pandas as pd

SMD_NOTE = (
    "SMD: standardised difference, the largest of two groups; around 0.1 is small. "
    "Differences at the start are not tested."
)


def characteristics_table(frame: pd.DataFrame, title: str = "") -> Table:
    """The frame of `table_one` as a table: each characteristic named once, its levels below."""
    rows: list[tuple[str, ...]] = []
    last, more = "", [str(c) for c in frame.columns[len(FIXED) :]]
    for r in frame.to_dict("records"):
        name = str(r["characteristic"])
        cells = (str(r["level"]), str(r["value"]), *(str(r[c]) for c in more))
        rows.append(("" if name == last else spoken(name), *cells))
        last = name
    header = ("characteristic", "level", "all" if more else "value", *more)
    notes = (SMD_NOTE,) if more else ()
    return Table(
        title or "Characteristics", header, tuple(rows), notes, tuple(range(2, len(header)))
    )
