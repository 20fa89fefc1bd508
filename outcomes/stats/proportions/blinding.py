"""Did blinding hold? Bang's index, one arm at a time, and James' index of the whole trial.

References: Bang, Ni and Davis, Control Clin Trials 2004;25:143-156; James et al., Stat Med
1996;15:1421-1434.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.wald import wald


def bang(
    correct: int, incorrect: int, unsure: int = 0, *, level: float = 0.95, name: str = "Bang index"
) -> Estimate:
    """How far beyond chance did patients of one arm guess what they got?

    (correct − incorrect)/n, "don't know" counted in n; SE² = (p₁q₁ + p₂q₂ + 2p₁p₂)/n, normal
    interval. 0 is guessing at random, 1 everybody right, −1 everybody wrong (also a failure: all
    believed in the other arm).

    >>> e = bang(21, 4, 5)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.567, 0.311, 0.823)
    """
    counts = (correct, incorrect, unsure)
    if any(c < 0 or c != int(c) for c in counts):
        raise ValueError(f"guesses are whole counts (correct, incorrect, unsure); got {counts}")
    n, how = sum(counts), "Bang's blinding index, normal interval"
    if n == 0:
        return Estimate(name, NAN, level=level, how=how, reason="too_few", measure=Measure.INDEX)
    p, q = correct / n, incorrect / n
    se = math.sqrt(max(0.0, p * (1 - p) + q * (1 - q) + 2 * p * q) / n)
    if se == 0:
        return Estimate(
            name, p - q, level=level, se=se, how=how, reason="zero_variance", measure=Measure.INDEX
        )
    return wald(name, p - q, se, level=level, tested=False, how=how, measure=Measure.INDEX)


def james(
    guesses: ArrayLike, unsure: ArrayLike, *, level: float = 0.95, name: str = "James index"
) -> Estimate:
    """How well were all patients of the trial blinded, "don't know" taken as the best sign of it?

    d + (1 − d)/2 · D_o/D_e with d the share of "don't know", D_o the share of wrong guesses among
    those who guessed and D_e the share expected if guess and arm were independent: 0 everybody
    right, ½ guessing at random, 1 nobody knew (or all were wrong). An upper limit below ½ speaks of
    unblinding. `guesses[i, j]` counts patients of arm j who guessed arm i, `unsure[j]` those who
    did not know. Every wrong guess weighs the same (with more than two arms James' weights may
    differ by dose). Normal interval; the delta method on multinomial counts is James' variance.

    Undefined where all who guessed are of one arm and guessed it: chance cannot be told. Raises
    ValueError for other shapes or what is no count.

    >>> e = james([[82, 27], [25, 29]], [170, 83])  # CRISP trial (Bang 2004, table 7)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.748, 0.705, 0.791)
    """
    told, dunno = np.asarray(guesses, float), np.asarray(unsure, float)
    counts = np.concatenate([told.ravel(), dunno.ravel()])
    if told.shape != (dunno.size, dunno.size) or not (
        np.isfinite(counts).all() and (counts >= 0).all() and (counts % 1 == 0).all()
    ):
        raise ValueError(
            "guesses are whole counts, guessed arms by true arms, and unsure those of each arm who"
            " did not know"
        )
    n, how = float(counts.sum()), "James' blinding index, normal interval"
    if n == 0:
        return Estimate(name, NAN, level=level, how=how, reason="too_few", measure=Measure.INDEX)
    p, d = told / n, float(dunno.sum()) / n
    q, row, column = float(p.sum()), p.sum(axis=1), p.sum(axis=0)
    wrong, expected = q - float(np.trace(p)), q**2 - float(row @ column)
    if q > 0 and expected <= 1e-12 * q**2:
        return Estimate(
            name, NAN, level=level, how=how, reason="not_estimable", measure=Measure.INDEX
        )
    slope = np.zeros_like(p)
    value = d
    if q > 0:
        value += wrong * q**2 / expected / 2
        apart = 2 * q - np.add.outer(column, row)  # of the expected share, by the cells
        slope = (
            ((1 - np.eye(len(p))) * q**2 + 2 * wrong * q - wrong * q**2 * apart / expected)
            / expected
            / 2
        )
    mean = float((slope * p).sum()) + d
    se = math.sqrt(max(0.0, float((slope**2 * p).sum()) + d - mean**2) / n)
    if se <= 1e-9:
        return Estimate(
            name, value, level=level, se=0.0, how=how, reason="zero_variance", measure=Measure.INDEX
        )
    return wald(name, value, se, level=level, tested=False, how=how, measure=Measure.INDEX)
