"""Small studies made by hand, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from outcomes.core.outcome import Outcome
from outcomes.study.study import Study

PAIN = Outcome("pain", "average pain (NRS)", "lower", "points", 0, 10, 1)
MOOD = Outcome("mood", "mood", "higher", "points", 0, 100, 1)
#: Student's sleep data (Biometrika 1908;6:1): extra hours of sleep of ten patients under two drugs.
SLEEP = (
    (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),
    (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4),
)


def two_visits(
    before: Sequence[float | None],
    after: Sequence[float | None],
    *,
    outcome: Outcome = PAIN,
    **more: Any,
) -> Study:
    """A study of one score at two visits, 'baseline' and 'week_4'; None means missing; patients are
    p1, p2, ….
    """
    ids = [f"p{i + 1:03d}" for i in range(len(before))]
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": ["baseline"] * len(ids) + ["week_4"] * len(ids),
            outcome.name: pd.array([*before, *after], dtype="Float64").to_numpy(
                float, na_value=float("nan")
            ),
        }
    )
    measures: Mapping[str, Outcome] = {outcome.name: outcome}
    return Study(scores, visits=("baseline", "week_4"), measures=measures, **more)
