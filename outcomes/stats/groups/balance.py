"""How alike groups were at the start: standardised mean differences of numbers and of
categories.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def smd_numbers(first: ArrayLike, second: ArrayLike) -> float:
    """How far apart are two groups in a number, in units of their SD?

    |m₁ − m₂| / √((s₁² + s₂²)/2), SDs with n − 1. nan for fewer than two values in a group; infinite
    where both have no spread and differ, 0 where they are equal.

    Source: Austin (2009), Stat Med 28:3083-3107, doi:10.1002/sim.3697, eq. 1.

    >>> round(smd_numbers([1, 2, 3, 4], [2, 3, 4, 5]), 4)
    0.7746
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if len(a) < 2 or len(b) < 2:
        return math.nan
    gap, spread = abs(a.mean() - b.mean()), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    if spread == 0:
        return 0.0 if gap == 0 else math.inf
    return float(gap / spread)


def smd_categories(first: ArrayLike, second: ArrayLike) -> float:
    """How far apart are two groups in the shares of several categories?

    `first` and `second` are counts of the same categories. √(d' S⁻¹ d) with d the differences of
    all shares but the first and S the mean of the two multinomial covariance matrices; with two
    categories this is |p₁ − p₂| / √((p₁(1−p₁) + p₂(1−p₂))/2). nan for an empty group; infinite
    where the shares differ and S does not span the difference.

    Source: Yang & Dalton (2012), SAS Global Forum 2012, paper 335.

    >>> round(smd_categories([10, 30], [20, 20]), 4)
    0.5345
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if not a.sum() or not b.sum():
        return math.nan
    used = (a + b) > 0
    p, q = a[used] / a.sum(), b[used] / b.sum()
    gap = (p - q)[1:]
    if not np.any(np.abs(p - q) > 1e-15):
        return 0.0
    cov = sum(np.diag(s[1:]) - np.outer(s[1:], s[1:]) for s in (p, q)) / 2
    inverse = np.linalg.pinv(cov)
    if not np.allclose(cov @ inverse @ gap, gap, atol=1e-10):
        return math.inf
    return float(math.sqrt(gap @ inverse @ gap))
