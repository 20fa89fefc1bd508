"""What is missing: patterns, single imputation for sensitivity, the normal model of incomplete
data, Little's test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.stats.mixed.covariance import structure
from outcomes.stats.mixed.cross_products import by_pattern, summarise
from outcomes.stats.mixed.mmrm import visit_design
from outcomes.stats.mixed.reml import fit

Array = NDArray[np.float64]

#: Single imputations and how a sentence calls them; sensitivity only (methods catalogue, G4).
CARRIED = {
    "locf": "last observation carried forward",
    "bocf": "baseline observation carried forward",
    "wocf": "worst observation carried forward",
}


@dataclass(frozen=True, eq=False)
class Patterns:
    """How scores are missing: observed at each visit, patients complete, monotone (left and did not
    return), intermittent.

    `shapes` (patterns, visits) and `counts` are the staircase, the most frequent first.
    """

    observed: NDArray[np.int64]
    complete: int
    monotone: int
    intermittent: int
    shapes: NDArray[np.bool_]
    counts: NDArray[np.int64]


def patterns(scores: ArrayLike) -> Patterns:
    """The missing-data patterns of scores (patients, visits), nan = missing.

    >>> p = patterns([[7, 5], [6, float("nan")], [float("nan"), 4]])
    >>> p.complete, p.monotone, p.intermittent
    (1, 1, 1)
    """
    seen = ~np.isnan(np.asarray(scores, dtype=float))
    some, returns = ~seen.all(axis=1), (np.diff(seen.astype(int), axis=1) > 0).any(axis=1)
    shapes, counts = np.unique(seen, axis=0, return_counts=True)
    order = np.lexsort((-shapes.sum(axis=1), -counts))
    return Patterns(
        seen.sum(axis=0),
        int((~some).sum()),
        int((some & ~returns).sum()),
        int(returns.sum()),
        shapes[order],
        counts[order],
    )


def carry(scores: ArrayLike, baseline: ArrayLike, *, rule: str, better: str = "lower") -> Array:
    """Fill missing scores by one rule of `CARRIED`: a labelled sensitivity analysis, never the
    primary one.

    `scores` (patients, visits) after `baseline` (patients,). "locf": the last score before (the
    baseline where there is none); "bocf": the baseline; "wocf": the worst score so far, the
    baseline included (`better` says which side is worse).

    >>> (
    ...     carry([[5, float("nan")]], [7], rule="locf").tolist(),
    ...     carry([[5, float("nan")]], [7], rule="wocf").tolist(),
    ... )
    ([[5.0, 5.0]], [[5.0, 7.0]])
    """
    if rule not in CARRIED:
        raise AnalysisError(unknown("rule", rule, CARRIED))
    all_scores = np.column_stack(
        [np.asarray(baseline, dtype=float), np.asarray(scores, dtype=float)]
    )
    out = all_scores.copy()
    sign = 1.0 if better == "lower" else -1.0
    for j in range(1, out.shape[1]):
        gap = np.isnan(all_scores[:, j])
        if rule == "locf":
            fill = out[:, j - 1]
        elif rule == "bocf":
            fill = out[:, 0]
        else:
            fill = sign * np.fmax.reduce(sign * all_scores[:, :j], axis=1)
        out[gap, j] = fill[gap]
    return out[:, 1:]


def normal_ml(values: ArrayLike) -> tuple[Array, Array]:
    """Maximum-likelihood mean and covariance of incomplete multivariate normal rows: what EM
    converges to, by Newton steps.

    Rows without any value count for nothing. Raises NotConverged where a pair of columns is never
    seen together.
    """
    x = np.asarray(values, dtype=float)
    x = x[~np.isnan(x).all(axis=1)]
    names = tuple(f"column {j + 1}" for j in range(x.shape[1]))
    s = summarise(x, np.ones((len(x), 1)), visits=names, features=("intercept",))
    f = fit(s, visit_design(("intercept",), names), structure("us", len(names)), reml=False)
    return np.r_[f.beta[0], f.beta[0] + f.beta[1:]], f.sigma[0]


def little_mcar(values: ArrayLike, *, unbiased: bool = False) -> Estimate:
    """Little's test that values are missing completely at random (1988, JASA 83:1198).

    d2 = sum over patterns of n (mean - mu)' Sigma^-1 (mean - mu), chi-square with sum of observed
    columns - columns df. Off by default everywhere: its power is low and non-rejection is no proof.
    `unbiased` takes n / (n - 1) times the maximum-likelihood covariance, as in Little's paper.
    """
    x = np.asarray(values, dtype=float)
    x = x[~np.isnan(x).all(axis=1)]
    mu, sigma = normal_ml(x)
    if unbiased:
        sigma = sigma * len(x) / (len(x) - 1)
    d2, df = 0.0, -x.shape[1]
    for _, seen, rows in by_pattern(x, np.zeros(len(x), dtype=np.int64)):
        at = np.flatnonzero(seen)
        gap = x[np.ix_(rows, at)].mean(axis=0) - mu[at]
        d2 += len(rows) * float(gap @ np.linalg.solve(sigma[np.ix_(at, at)], gap))
        df += len(at)
    if df <= 0:
        return Estimate(
            "Little's d2",
            d2,
            df=df,
            reason="not_estimable",
            how="only one pattern: nothing to test",
            measure=Measure.OVERALL_TEST,
        )
    p = float(special.chdtrc(df, d2))
    return Estimate(
        "Little's d2",
        d2,
        p=p,
        statistic=d2,
        df=df,
        how=f"chi-square, df {df}, normal model",
        measure=Measure.OVERALL_TEST,
    )


def stayers_and_leavers(
    baseline: ArrayLike, last: ArrayLike, visits: Sequence[str]
) -> tuple[Estimate, ...]:
    """Mean baseline of those with a score at each visit and of those without: who was lost.

    `baseline` (patients,), `last` (patients, visits) whether each visit was observed.
    """
    base, seen = np.asarray(baseline, dtype=float), np.asarray(last, dtype=bool)
    out = []
    for j, visit in enumerate(visits):
        for group, own in (("observed", seen[:, j]), ("missing", ~seen[:, j])):
            values = base[own & ~np.isnan(base)]
            n = len(values)
            se = float(values.std(ddof=1)) / n**0.5 if n > 1 else float("nan")
            mean = float(values.mean()) if n else float("nan")
            out.append(
                Estimate(
                    "mean baseline",
                    mean,
                    se=se,
                    group=group,
                    visit=visit,
                    reason="" if n else "too_few",
                    measure=Measure.LEVEL,
                )
            )
    return tuple(out)
