"""Events of a REDCap project with several arms: the visit and the arm that one name holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from outcomes.readers.cells import TextTable
from outcomes.readers.exports.reshaped_table import GatheredTable
from outcomes.study.study import Issue

EVENT, ARM = "redcap_event_name", "redcap_arm"
_RAW = re.compile(r"(?P<visit>.+)_(?P<arm>arm_[0-9]+)")
_LABEL = re.compile(r"(?P<visit>.+?) *\((?P<arm>Arm [0-9]+)(?:: *(?P<name>.+))?\)")


@dataclass(frozen=True, eq=False)
class TableWithArms(TextTable):
    """A table with columns made from others: `origins` names the column whose cell each shows."""

    origins: Mapping[str, str] = field(kw_only=True)

    def address(self, row: int, column: str) -> str:
        """Where the cell stands in the file."""
        return super().address(row, self.origins.get(column, column))

    def own(self, column: str) -> np.ndarray:
        """A column made from another has no cells of its own."""
        return super().own(column) & (column not in self.origins)


def split_arms(table: TextTable) -> TextTable:
    """The table with visits for events, and a column `redcap_arm`, where events are of several arms
    and each record is in one of them. Any other table stays as it is; where records are in several
    arms, arms are phases of one course, and a warning says so.
    """
    event = next((c for c in table.columns if c.casefold() == EVENT), "")
    if not event or ARM in table.columns:
        return table
    names = [str(n) for n in pd.unique(table[event]) if n]
    found = {n: m for n in names if (m := _RAW.fullmatch(n) or _LABEL.fullmatch(n))}
    if len(found) < len(names) or len({m["arm"].casefold() for m in found.values()}) < 2:
        return table
    arm = table[event].map({n: _arm(m) for n, m in found.items()}).fillna("")
    visit = table[event].map({n: m["visit"] for n, m in found.items()}).fillna("")
    record = table[table.columns[0]]
    several = arm[arm != ""].groupby(record[arm != ""]).nunique() > 1
    if several.any():
        mask = record.isin(several[several].index).to_numpy()
        text = (
            f"{int(several.sum())} record(s) have events of several arms: the arms were read as"
            " phases, and each event is a visit of its own."
        )
        where = tuple(table.row_address(int(i)) for i in np.flatnonzero(mask))
        note = Issue("redcap_arms", text, int(several.sum()), addresses=where)
        return replace(table, notes=(*table.notes, note))
    text = (
        f"Events of {arm[arm != ''].nunique()} arms: the visit is the event without its arm, and"
        f" the arm is in the column {ARM}."
    )
    note = Issue("redcap_arms", text, len(names), "note")
    return _with(table, event, visit, arm, note)


def _arm(found: re.Match[str]) -> str:
    named = found.groupdict().get("name")
    return str(named or found["arm"]).strip()


def _with(table: TextTable, event: str, visit: pd.Series, arm: pd.Series, note: Issue) -> TextTable:
    frame = table.frame.assign(**{event: visit, ARM: arm})
    notes = (*table.notes, note)
    at = table.columns.index(event)
    if isinstance(table, GatheredTable):
        return replace(
            table,
            frame=frame,
            notes=notes,
            at=np.column_stack([table.at, table.at[:, at]]),
            across=np.column_stack([table.across, table.across[:, at]]),
        )
    shown = {
        name: getattr(table, name)
        for name in TextTable.__dataclass_fields__
        if name not in ("frame", "notes", "letters")
    }
    letters = (*table.letters, table.letters[at]) if table.letters else ()
    return TableWithArms(**shown, frame=frame, notes=notes, letters=letters, origins={ARM: event})
