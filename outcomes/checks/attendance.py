"""Who has a score at which visit, by group where there are groups."""

from __future__ import annotations

import pandas as pd

from outcomes.study.study import Study


def attendance(study: Study, outcome: str, by: str = "") -> pd.DataFrame:
    """How many patients have this score at each visit.

    Columns `visit`, `group` ("" without `by`), `n` with a score, `enrolled` in the group. Patients
    whose group is not known are in no row.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame({"patient": ["a", "a", "b"], "visit": ["w0", "w4", "w0"], "x": 1.0})
    >>> study = oc.Study(scores, visits=("w0", "w4"), measures={"x": oc.Outcome("x", "X")})
    >>> list(attendance(study, "x")["n"])
    [2, 1]
    """
    seen = study.wide(outcome).notna()
    groups = pd.Series("", index=seen.index)
    if by:
        column = study.characteristic(by).reindex(seen.index)
        groups = column.astype(str).where(column.notna())
    rows = [
        {"visit": v, "group": g, "n": int(part[v].sum()), "enrolled": len(part)}
        for v in study.visits
        for g, part in seen.groupby(groups, sort=True)
    ]
    return pd.DataFrame(rows, columns=["visit", "group", "n", "enrolled"])
