"""Did blinding hold? Bang's index, one arm at a time.

Reference: Bang, Ni and Davis, Control Clin Trials 2004;25:143-156.
"""

from __future__ import annotations

import math

from outcomes.result import NAN, Estimate
from outcomes.stats.proportions import normal_quantile


def bang(correct: int, incorrect: int, unsure: int = 0, *, level: float = 0.95, name: str = "Bang index") -> Estimate:
    """How far beyond chance did patients of one arm guess what they got?

    (correct − incorrect)/n, "don't know" counted in n; SE² = (p₁q₁ + p₂q₂ + 2p₁p₂)/n, normal interval. 0 is guessing
    at random, 1 everybody right, −1 everybody wrong (also a failure: all believed in the other arm).

    >>> e = bang(21, 4, 5)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.567, 0.311, 0.823)
    """
    counts = (correct, incorrect, unsure)
    if any(c < 0 or c != int(c) for c in counts):
        raise ValueError(f"guesses are whole counts (correct, incorrect, unsure); got {counts}")
    n, z, how = sum(counts), normal_quantile(level), "Bang's blinding index, normal interval"
    if n == 0:
        return Estimate(name, NAN, level=level, how=how, reason="too_few")
    p, q = correct / n, incorrect / n
    se = math.sqrt(max(0.0, p * (1 - p) + q * (1 - q) + 2 * p * q) / n)
    if se == 0:
        return Estimate(name, p - q, level=level, se=se, how=how, reason="zero_variance")
    return Estimate(name, p - q, p - q - z * se, p - q + z * se, level, se=se, how=how)
