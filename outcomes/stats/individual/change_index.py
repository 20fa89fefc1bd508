"""Indices of reliable change of one patient: five ways to set a change against the score's error.

Jacobson & Truax (1991), J Consult Clin Psychol 59:12-19; Gulliksen (1950), Theory of mental tests,
and Lord & Novick (1968), Statistical theories of mental test scores; Hsu (1989), Behav Assess
11:459-467; Edwards et al. (1978) and Nunnally as in Speer (1992), J Consult Clin Psychol
60:402-408; Hageman & Arrindell (1999), Behav Res Ther 37:1169-1193. They are compared in Bauer,
Lambert & Nielsen (2004), J Pers Assess 82:60-70.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from outcomes.core.errors import AnalysisError, unknown

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Index:
    """A way to judge a single change: its name in words, and the size beyond which it is called
    reliable.
    """

    title: str
    bound: float


METHODS = MappingProxyType(
    {
        "jacobson-truax": Index("Jacobson and Truax", 1.96),
        "gulliksen-lord-novick": Index("Gulliksen, Lord and Novick", 1.96),
        "hsu": Index("Hsu, Linn and Lord", 1.96),
        "edwards-nunnally": Index("Edwards and Nunnally", 2.0),
        "hageman-arrindell": Index("Hageman and Arrindell", 1.65),
    }
)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a score is judged by: mean and SD before, mean and SD after, correlation of the two."""

    mean: float
    sd: float
    mean_after: float
    sd_after: float
    correlation: float


def reference_of(before: Array, after: Array, *, mean: float | None, sd: float | None) -> Reference:
    """The patients' own values, but for a mean and SD of a norm sample where these are given."""

    def spread(x: Array) -> float:
        return float(x.std(ddof=1)) if len(x) > 1 else math.nan

    both = spread(before) * spread(after)
    r = float(np.cov(before, after)[0, 1] / both) if len(before) > 1 and both > 0 else math.nan
    return Reference(
        float(before.mean()) if mean is None else mean,
        spread(before) if sd is None else sd,
        float(after.mean()),
        spread(after),
        r,
    )


def change_index(
    before: Array, after: Array, method: str, *, reliability: float, given: Reference
) -> Array:
    """The index of every patient, with the sign of the change.

    With r the reliability, M, s of the scores before and M₂, s₂ of those after, SEM = s√(1 − r):

    * jacobson-truax: (after − before)/(SEM√2).
    * gulliksen-lord-novick: the score after against the one expected from the score before,
      {(after − M) − r(before − M)}/(s√(1 − r²)), which allows for regression to the mean.
    * hsu: the same with M₂ for the score after: it says who changed otherwise than the group did.
    * edwards-nunnally: the score after against the true score before that is expected,
      {after − M − r(before − M)}/SEM.
    * hageman-arrindell: {(after − before)r_D + (M₂ − M)(1 − r_D)}/(√r_D·SEM√2) with the reliability
      of differences r_D = (s²r + s₂²r₂ − 2ss₂ρ)/(s² + s₂² − 2ss₂ρ), r₂ = 1 − SEM²/s₂², ρ the
      correlation of the two scores.

    Without error (SEM 0) any difference counts: ±inf, and 0 where there is none. nan where r_D is
    not above 0: then differences have no reliability, and nothing can be said by it. Raises
    AnalysisError for an unknown method.

    >>> x, y = np.array([8.0, 7, 6, 5]), np.array([2.0, 6, 6, 9])
    >>> own = reference_of(x, y, mean=None, sd=None)
    >>> change_index(x, y, "edwards-nunnally", reliability=0.85, given=own).round(2).tolist()
    [-11.55, -1.85, -0.15, 7.55]
    """
    if method not in METHODS:
        raise AnalysisError(unknown("method", method, METHODS))
    r, m, s = reliability, given.mean, given.sd
    sem = s * math.sqrt(1 - r)
    if method == "jacobson-truax":
        return _over(np.round(after - before, 9), sem * math.sqrt(2))
    if method == "hageman-arrindell":
        return _hageman_arrindell(before, after, sem, given)
    towards = given.mean_after if method == "hsu" else m
    off = np.round((after - towards) - r * (before - m), 9)
    return _over(off, sem if method == "edwards-nunnally" else s * math.sqrt(1 - r**2))


def _hageman_arrindell(before: Array, after: Array, sem: float, given: Reference) -> Array:
    s, s2 = given.sd, given.sd_after
    shared = 2 * s * s2 * given.correlation
    total = s**2 + s2**2 - shared
    true = (s**2 - sem**2) + (s2**2 - sem**2) - shared
    r_d = true / total if total > 0 else math.nan
    if not r_d > 0:
        return np.full(len(before), math.nan)
    off = (after - before) * r_d + (given.mean_after - given.mean) * (1 - r_d)
    return _over(np.round(off, 9), math.sqrt(r_d) * sem * math.sqrt(2))


def _over(off: Array, error: float) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(off == 0, 0.0, off / error), dtype=float)


def cutoffs(
    *, mean: float, sd: float, norm_mean: float, norm_sd: float, better: str
) -> dict[str, float]:
    """Jacobson and Truax's cut-offs between patients (mean, sd) and people without the complaint.

    a: two SDs from the patients' mean, on the better side; b: two SDs from the norm's mean, on the
    worse side; c: where both are equally likely, (sd·norm_mean + norm_sd·mean)/(sd + norm_sd). c is
    preferred where the two overlap, else a or b. Raises AnalysisError for an SD that is not above
    0.

    Source: Jacobson & Truax (1991), J Consult Clin Psychol 59:12-19, doi:10.1037/0022-006X.59.1.12.

    >>> cutoffs(mean=7, sd=2, norm_mean=2, norm_sd=1, better="lower")
    {'a': 3.0, 'b': 4.0, 'c': 3.6666666666666665}
    """
    if not (sd > 0 and norm_sd > 0):
        raise AnalysisError("A cut-off needs the SD of both populations, above 0.")
    side = -1.0 if better == "lower" else 1.0
    return {
        "a": mean + side * 2 * sd,
        "b": norm_mean - side * 2 * norm_sd,
        "c": (sd * norm_mean + norm_sd * mean) / (sd + norm_sd),
    }
