"""How many patients changed by how much, in bands of percent improvement."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from outcomes.core.language import Phrase
from outcomes.core.picture import labelled_frame
from outcomes.core.wording import number
from outcomes.stats.tally import Tally


def improvement_bands(tally: Tally, sign: int, cuts: tuple[float, ...]) -> pd.DataFrame:
    """The number of patients in each band of percent improvement, worst first.

    `tally` counts scores before and after, `sign` is −1 where lower is better, `cuts` are
    percentages that start a band ("30% to 49% better"). Patients with a score of 0 before have no
    percentage and are in no band. Columns:
    `label`, `patients`, `shown` (the count as it is written beside the bar).

    >>> tally = Tally.of([[10, 11], [10, 10], [10, 6], [10, 4], [10, 4]])
    >>> list(improvement_bands(tally, -1, (30, 50))["patients"])
    [1, 1, 1, 2]
    """
    cuts = tuple(sorted(cuts))
    band = band_of(tally.values[:, 0], tally.values[:, 1], sign, cuts)
    inside = band >= 0
    counts = np.bincount(band[inside], weights=tally.weights[inside], minlength=len(cuts) + 2)
    labels = [Phrase.of("worse"), Phrase.of("same or better")]
    if cuts:
        labels[1] = Phrase.of("same, or less than {cut}% better", cut=cuts[0])
    labels += [Phrase.of("{low}% to {high}% better", low=a, high=b - 1) for a, b in pairwise(cuts)]
    labels += [Phrase.of("{cut}% better or more", cut=cuts[-1])] if cuts else []
    return labelled_frame(
        [
            {"label": label, "patients": int(n), "shown": number(int(n), 0)}
            for label, n in zip(labels, counts, strict=True)
        ]
    )


def band_of(before: np.ndarray, after: np.ndarray, sign: int, cuts: Sequence[float]) -> np.ndarray:
    """The band of each patient, 0 the worst; −1 for those without a percentage, who have 0 before.

    >>> band_of(np.array([10, 10, 0]), np.array([11, 4, 2]), -1, (30, 50)).tolist()
    [0, 3, -1]
    """
    usable = before > 0
    gain = _percent(before[usable], after[usable], sign)
    edges = np.array([-1e-9, *(c - 1e-7 for c in sorted(cuts))])
    band = np.full(before.shape, -1)
    band[usable] = np.searchsorted(edges, gain, side="right")
    return band


def percent_gain(tally: Tally, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """The percent improvement of patients with a score above 0 before, and how many have each."""
    usable = tally.values[:, 0] > 0
    before, after = tally.values[usable].T
    return _percent(before, after, sign), tally.weights[usable]


def _percent(before: np.ndarray, after: np.ndarray, sign: int) -> np.ndarray:
    return np.asarray(np.round(100 * sign * np.round(after - before, 9) / before, 7))
