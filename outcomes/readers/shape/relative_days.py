"""Calendar dates become days since a patient's first infusion, so that no date enters a study."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError
from outcomes.study.study import Issue


def to_days(
    frames: dict[str, pd.DataFrame], dates: Mapping[str, pd.Series], issues: list[Issue]
) -> None:
    """Give each table that had dates a column `day`, counted from the patient's first infusion;
    number the infusions.

    Without dated infusions, days count from the patient's first date in the same table. The dates
    themselves go. Raises StudyError for a table with both a date and a day.
    """
    dated = [frames[name] for name in ("infusions", *dates) if name in frames]
    course = ["episode"] if dated and all("episode" in frame for frame in dated) else []
    keys = ["patient", *course]
    first = _first(frames["infusions"], dates["infusions"], keys) if "infusions" in dates else None
    for name, date in dates.items():
        frame = frames[name]
        if "day" in frame:
            raise StudyError(
                f"The {name} table has a date and a day. Declare one of them, drop the other."
            )
        start = first if first is not None else _first(frame, date, keys)
        at = pd.MultiIndex.from_frame(frame[keys]) if course else pd.Index(frame["patient"])
        day = (date - start.reindex(at).to_numpy()) / np.timedelta64(1, "D")
        since = (
            "the patient's first infusion"
            if first is not None
            else "the patient's first date in this table"
        )
        issues.append(
            Issue(
                "dates",
                f"Dates became days since {since}.",
                int(date.notna().sum()),
                "note",
                name,
                "day",
            )
        )
        if n := int((date.notna() & day.isna()).sum()):
            text = f"{n} date(s) belong to patients without a dated infusion; their day is unknown."
            issues.append(Issue("dates", text, n, "warning", name, "day"))
        frames[name] = frame.assign(day=day.to_numpy(float))
    if "infusions" in frames and "infusion" not in frames["infusions"]:
        frames["infusions"] = _numbered(frames["infusions"], issues)


def _first(frame: pd.DataFrame, date: pd.Series, keys: list[str]) -> pd.Series:
    return date.groupby([frame[k].to_numpy() for k in keys]).min()


def _numbered(frame: pd.DataFrame, issues: list[Issue]) -> pd.DataFrame:
    order = frame.sort_values("day", kind="stable") if "day" in frame else frame
    number = order.groupby("patient").cumcount() + 1
    how = "by day" if "day" in frame else "as they come in the file"
    issues.append(
        Issue(
            "infusion_numbers",
            f"Infusions were numbered within patient, {how}.",
            len(frame),
            "note",
            "infusions",
        )
    )
    return frame.assign(infusion=number.reindex(frame.index))
