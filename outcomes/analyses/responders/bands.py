"""How many patients changed by how much, in bands of percent improvement."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd

from outcomes.core.wording import number
from outcomes.study.study import Pairs


def improvement_bands(pairs: Pairs, sign: int, cuts: tuple[float, ...]) -> pd.DataFrame:
    """The number of patients in each band of percent improvement, worst first.

    `sign` is −1 where lower is better, `cuts` are percentages that start a band ("30% to 49%
    better"). Patients with a score of 0 before have no percentage and are in no band. Columns:
    `label`, `patients`, `shown` (the count as it is written beside the bar).

    >>> import numpy as np, pandas as pd
    >>> from types import SimpleNamespace
    >>> pairs = SimpleNamespace(
    ...     before=np.array([10.0, 10, 10, 10]), change=np.array([1.0, 0, -4, -6])
    ... )
    >>> list(improvement_bands(pairs, -1, (30, 50))["patients"])
    [1, 1, 1, 1]
    """
    cuts = tuple(sorted(cuts))
    usable = pairs.before > 0
    gain = np.round(100 * sign * pairs.change[usable] / pairs.before[usable], 7)
    edges = [-math.inf, -1e-9, *(c - 1e-7 for c in cuts), math.inf]
    counts = pd.Series(pd.cut(gain, edges, right=False)).value_counts(sort=False)
    labels = ["worse", f"same, or less than {cuts[0]:g}% better" if cuts else "same or better"]
    labels += [f"{a:g}% to {b - 1:g}% better" for a, b in pairwise(cuts)]
    labels += [f"{cuts[-1]:g}% better or more"] if cuts else []
    patients = [int(n) for n in counts]
    return pd.DataFrame(
        {"label": labels, "patients": patients, "shown": [number(n, 0) for n in patients]}
    )
