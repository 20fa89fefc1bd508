"""Ranks, with the mean of their ranks for values that tie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def midranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks from 1 of values (n,) without gaps; those that tie share the mean of theirs (Kendall
    1945, Biometrika 33:239).

    >>> midranks([3, 1, 3, 2])
    array([3.5, 1. , 3.5, 2. ])
    """
    _, place, times = np.unique(
        np.asarray(values, dtype=float), return_inverse=True, return_counts=True
    )
    return np.asarray((np.cumsum(times) - (times - 1) / 2)[place])
