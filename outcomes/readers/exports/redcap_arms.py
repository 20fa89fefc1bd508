"""Events of a REDCap project with several arms: the visit and the arm that one name holds."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.readers.cells import TextTable
from outcomes.readers.shape.derived import with_column
from outcomes.study.study import Issue

EVENT, ARM = "redcap_event_name", "redcap_arm"
_RAW = re.compile(r"(?P<visit>.+)_(?P<arm>arm_[0-9]+)")
_LABEL = re.compile(r"(?P<visit>.+?) *\((?P<arm>Arm [0-9]+)(?:: *(?P<name>.+))?\)")


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
    plain = replace(table, frame=table.frame.assign(**{event: visit}), notes=(*table.notes, note))
    return with_column(plain, ARM, arm, event)


def _arm(found: re.Match[str]) -> str:
    named = found.groupdict().get("name")
    return str(named or found["arm"]).strip()
