"""Several rows of a patient at one visit: which of them counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError
from outcomes.core.wording import plural
from outcomes.readers.cells import TextTable
from outcomes.study.study import KEYS, Issue

#: What each rule takes, for the note.
_TAKEN = {
    "closest": "the row closest to the middle of the visit's days counts",
    "first": "the first row counts",
    "last": "the last row counts",
    "worst": "the worst of each score counts",
    "mean": "the mean of each score counts",
}


def one_row(
    table: TextTable,
    frame: pd.DataFrame,
    rule: str,
    *,
    days: Mapping[str, tuple[float, float]],
    baseline: str,
    worse_high: Mapping[str, bool | None],
    whole: Sequence[str],
    issues: list[Issue],
) -> tuple[TextTable, pd.DataFrame]:
    """One row a patient and visit (and course), by a rule; the rows that do not count are listed.

    At baseline the last row up to day 0 counts, whatever the rule. Rows without any score count
    only where there is no other. `worse_high` says of each score column whether more is worse,
    `whole` are the columns that are scores by themselves; of answers to items no worst and no mean
    is taken.

    Raises StudyError where rows have no day, or where "worst" or "mean" is asked of items.
    """
    keys = [k for k in KEYS if k in frame]
    twice = frame.duplicated(keys, keep=False).to_numpy()
    if not twice.any():
        return table, frame
    if "day" not in frame:
        raise StudyError(
            f'[visits] several = "{rule}" needs a date or a day of each row of the scores:'
            ' [roles] date = "its column".'
        )
    scores = [c for c in worse_high if c in frame]
    if rule in ("worst", "mean") and (items := [c for c in scores if c not in set(whole)]):
        raise StudyError(
            f'[visits] several = "{rule}" is for scores, not for answers to items'
            f" ({', '.join(items[:3])} …): score the questionnaire first, or say closest, first or"
            " last."
        )
    if rule == "worst" and (unknown := [c for c in scores if worse_high[c] is None]):
        raise StudyError(
            f'[visits] several = "worst": which side of {unknown[0]} is better is not declared.'
        )
    rank = _ranks(frame, rule, days, baseline, scores)
    order = frame.assign(_rank=rank, _at=np.arange(len(frame)))[[*keys, "_rank", "_at"]]
    order = order.sort_values([*keys, "_rank", "_at"], kind="stable")
    chosen = np.zeros(len(frame), dtype=bool)
    chosen[order.loc[~order.duplicated(keys), "_at"].to_numpy()] = True
    made = frame.copy()
    if rule in ("worst", "mean"):
        group = frame.groupby(keys, sort=False, dropna=False)
        later = (frame["visit"] != baseline).to_numpy() if "visit" in frame else chosen | ~chosen
        for column in scores:
            how = "mean" if rule == "mean" else "max" if worse_high[column] else "min"
            taken = group[column].transform(how).to_numpy(float)
            made[column] = np.where(later & twice, taken, frame[column].to_numpy(float))
    where = tuple(table.row_address(int(i)) for i in np.flatnonzero(~chosen))
    text = (
        f"{plural(int(frame[twice].groupby(keys).ngroups), 'visit')} have several rows;"
        f" {_TAKEN[rule]}, as declared; at baseline the last before treatment."
        f" {plural(len(where), 'row')} of these are not rows of the study."
    )
    issues.append(Issue("several_rows", text, len(where), "warning", addresses=where))
    return table.keep(chosen), made[chosen].reset_index(drop=True)


def _ranks(
    frame: pd.DataFrame,
    rule: str,
    days: Mapping[str, tuple[float, float]],
    baseline: str,
    scores: Sequence[str],
) -> np.ndarray:
    """The rank of each row among those of its visit: the smallest counts."""
    day = frame["day"].to_numpy(float)
    visit = frame["visit"].to_numpy(object) if "visit" in frame else np.full(len(frame), "")
    if rule in ("closest", "mean", "worst"):
        known = {v: (a + b) / 2 for v, (a, b) in days.items()}
        if rule == "closest" and not days:
            raise StudyError('[visits] several = "closest" needs [visits] days.')
        middle = np.array([known.get(v, 0.0) for v in visit])
        rank = np.abs(day - middle)
    else:
        rank = day if rule == "first" else -day
    before = (visit == baseline) & (day <= 0)
    rank = np.where(before, -day, np.where(visit == baseline, 1e6 + day, rank))
    empty = frame[list(scores)].isna().all(axis=1).to_numpy() if scores else np.zeros(len(day))
    return np.where(np.isnan(rank), 1e9, rank) + 1e7 * empty
