"""Why a patient has no score at a visit, and who counts as a failure whatever the score: what a
declared intercurrent event has done to a study.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.flow import no_score_at
from outcomes.core.wording import spoken

#: The setting that holds what was done: for each visit, the patients and the words for it.
ASIDE, FAILED = "scores_set_aside", "counted_as_failures"


def failures(settings: Mapping[str, Any], visit: str) -> frozenset[Any]:
    """The patients who count as failures at a visit, whatever their score."""
    return frozenset(settings.get(FAILED, MappingProxyType({})).get(visit, ()))


def failed_among(settings: Mapping[str, Any], visit: str, patients: pd.Index) -> np.ndarray:
    """Which of these patients count as failures at a visit (a mask)."""
    return np.asarray(patients.isin(list(failures(settings, visit))), dtype=bool)


def reasons(
    settings: Mapping[str, Any], scores: pd.DataFrame, before: str, after: str
) -> np.ndarray:
    """Why each patient (a row of `scores`) has not the scores that are needed; "" where they are
    there. A score that was set aside is told from one that is missing.
    """
    why = np.full(len(scores), "", dtype=object)
    needed = [v for v in (before, after) if v]
    absent = [scores[v].isna().to_numpy() for v in needed]
    for visit, none in zip(needed, absent, strict=True):
        why[none] = no_score_at(visit)
        aside = settings.get(ASIDE, {}).get(visit, {})
        if aside:
            at = pd.Index(list(aside)).get_indexer(scores.index)
            words = [f"score at {spoken(visit)} set aside ({s})" for s in aside.values()]
            why = np.where(none & (at >= 0), np.array(words, dtype=object)[at], why)
    if len(needed) == 2:
        why[absent[0] & absent[1]] = no_score_at(before, nor=after)
    return why
