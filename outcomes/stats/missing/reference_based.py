"""Imputation of repeated scores from a fitted model: under missing at random, or as if those who
left followed another course.

What is missing before a patient's last score is always taken as missing at random; what is missing
after it follows the method. Carpenter, Roger & Kenward 2013, J Biopharm Stat 23:1352;
conditional-mean imputation with the jackknife: Wolbers et al. 2022, Pharm Stat 21:1246.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.stats.missing.imputation import (
    Parameters,
    bootstrap_draw,
    estimates_of,
    posterior_draw,
    root_of,
)
from outcomes.stats.mixed.covariance import ByGroup, Structure, structure
from outcomes.stats.mixed.cross_products import Summary, by_pattern, summarise
from outcomes.stats.mixed.mmrm import FALLBACK, visit_design
from outcomes.stats.mixed.reml import Fit, fit, fit_first
from outcomes.stats.wald import wald

Array = NDArray[np.float64]


#: The methods, and how a sentence says what a patient's missing scores after the last visit seen
#: are taken to be.
METHODS = {
    "mar": "missing at random",
    "j2r": "jump to reference",
    "cr": "copy reference",
    "cir": "copy increments in reference",
    "lmcf": "last mean carried forward",
    "rtb": "return to baseline",
}


@dataclass(frozen=True, eq=False)
class Incomplete:
    """What is to be completed: scores (n, M), features (n, d) and how they enter, the arm of each
    patient.

    `arm` (n,) numbers the arms, `own` (arms, d) gives the indicator values of each arm at
    `indicators` (columns of the features), `reference` is the arm others are compared with;
    `baseline` (n,) serves "return to baseline". `by_arm`: each arm has a covariance of its own.
    """

    scores: Array
    design: Array
    visits: tuple[str, ...]
    features: tuple[str, ...]
    by_visit: tuple[str, ...]
    arm: NDArray[np.int64]
    indicators: NDArray[np.int64]
    own: Array
    reference: int = 0
    baseline: Array | None = None
    by_arm: bool = False

    @property
    def group(self) -> NDArray[np.int64]:
        """The covariance group of each patient: the arm, or the same for all."""
        return self.arm if self.by_arm else np.zeros_like(self.arm)

    @property
    def last(self) -> NDArray[np.int64]:
        """The position of each patient's last score, -1 where there is none."""
        seen = ~np.isnan(self.scores)
        return np.where(
            seen.any(axis=1), self.scores.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1), -1
        )

    @property
    def referenced(self) -> Array:
        """The features as if every patient were in the reference arm."""
        out = self.design.copy()
        out[:, self.indicators] = self.own[self.reference]
        return out


def base_fit(data: Incomplete) -> Fit:
    """The imputation model: mean by visit, one covariance for all arms or one each (unstructured,
    or the first that converges), REML.

    Raises NotConverged where none does.
    """
    s = _summary(data, slice(None))
    design = visit_design(data.features, data.visits, by_visit=data.by_visit)
    tried: list[Structure] = [structure(c, len(data.visits)) for c in FALLBACK]
    return fit_first(s, design, [ByGroup(t, s.groups) for t in tried] if data.by_arm else tried)


def _summary(data: Incomplete, rows: slice | list[int]) -> Summary:
    groups = tuple(str(a) for a in range(len(data.own))) if data.by_arm else ("",)
    return summarise(
        data.scores[rows],
        data.design[rows],
        visits=data.visits,
        features=data.features,
        group=data.group[rows],
        groups=groups,
    )


def means(data: Incomplete, fitted: Fit, parameters: Parameters, method: str) -> Array:
    """The mean (n, M) of each patient's scores under the method, before the scores seen are allowed
    for.
    """
    if method not in METHODS:
        raise AnalysisError(unknown("imputation method", method, METHODS))
    columns = fitted.design.columns[:, :, fitted.kept]
    effect = np.einsum("jdp,p->dj", columns, parameters.beta)
    own = data.design @ effect
    if method == "mar":
        return own
    last = data.last[:, None]
    after = np.arange(own.shape[1]) > last
    safe = np.maximum(last, 0)
    own_last = np.take_along_axis(own, safe, axis=1)
    if method == "lmcf":
        return np.where(after & (last >= 0), own_last, own)
    if method == "rtb":
        if data.baseline is None:
            raise AnalysisError("Return to baseline needs the baseline scores.")
        return np.where(after, data.baseline[:, None], own)
    ref = data.referenced @ effect
    if method == "j2r":
        return np.where(after, ref, own)
    if method == "cr":
        return np.where(after.any(axis=1, keepdims=True), ref, own)
    moved = np.where(last >= 0, own_last - np.take_along_axis(ref, safe, axis=1), 0.0)
    return np.where(after, ref + moved, own)


def covariance(data: Incomplete, sigma: Array, method: str, arm: int, last: int) -> Array:
    """The covariance (M, M) of the scores of a patient of one arm, last seen at position `last`
    (-1: never), under the method.

    Where arms have their own (`sigma` (arms, M, M)): a patient seen to the end, and under "mar",
    "lmcf" and "rtb", has that of the own arm; under "cr" that of the reference. Under "j2r" and
    "cir" it is the own arm's up to `last`, and what follows depends on it as in the reference arm:
    with A the own and R the reference covariance, R₂₁R₁₁⁻¹A₁₁ and R₂₂ − R₂₁R₁₁⁻¹(R₁₁ − A₁₁)R₁₁⁻¹R₁₂
    (Carpenter, Roger & Kenward 2013).
    """
    seen, size = last + 1, sigma.shape[-1]
    if len(sigma) == 1 or seen == size or method in ("mar", "lmcf", "rtb"):
        return np.asarray(sigma[arm if len(sigma) > 1 else 0], dtype=float)
    out = np.array(sigma[data.reference], dtype=float)
    if method == "cr" or seen == 0:
        return out
    own, first = sigma[arm][:seen, :seen], out[:seen, :seen].copy()
    slope = np.linalg.solve(first, out[:seen, seen:])
    out[:seen, :seen], out[:seen, seen:] = own, own @ slope
    out[seen:, :seen] = out[:seen, seen:].T
    out[seen:, seen:] -= slope.T @ (first - own) @ slope
    return out


def complete(
    data: Incomplete,
    fitted: Fit,
    parameters: Parameters,
    method: str,
    *,
    rng: np.random.Generator | None = None,
) -> Array:
    """Scores with every gap filled: by the conditional mean, or with `rng` by a draw about it.

    "Return to baseline" ignores the scores seen: a gap after the last visit is the baseline, with
    the conditional spread.
    """
    mean = means(data, fitted, parameters, method)
    out = data.scores.copy()
    last = data.last
    for arm, seen, rows in by_pattern(data.scores, data.group):
        if not seen.all():
            sigma = covariance(data, parameters.sigma, method, arm, last[rows[0]])
            at, gap = np.flatnonzero(seen), np.flatnonzero(~seen)
            slope = np.linalg.solve(sigma[np.ix_(at, at)], sigma[np.ix_(at, gap)])
            if method == "rtb":
                slope = slope * (gap < last[rows[0]])
            fill = (
                mean[np.ix_(rows, gap)] + (out[np.ix_(rows, at)] - mean[np.ix_(rows, at)]) @ slope
            )
            if rng is not None:
                known = sigma[np.ix_(at, gap)]
                spread = sigma[np.ix_(gap, gap)] - known.T @ np.linalg.solve(
                    sigma[np.ix_(at, at)], known
                )
                fill = fill + rng.normal(size=fill.shape) @ root_of(spread).T
            out[np.ix_(rows, gap)] = fill
    nobody = last < 0
    out[nobody] = mean[nobody]
    if rng is not None:
        for arm in np.unique(data.group[nobody]):
            rows = np.flatnonzero(nobody & (data.group == arm))
            sigma = covariance(data, parameters.sigma, method, int(arm), -1)
            out[rows] += rng.normal(size=out[rows].shape) @ root_of(sigma).T
    return out


def draws(
    data: Incomplete,
    method: str,
    *,
    number: int,
    rng: np.random.Generator,
    parameters: str = "posterior",
) -> list[Array]:
    """Completed scores, `number` times: parameters drawn anew each time ("posterior" or
    "bootstrap"), then the gaps.

    Raises NotConverged where the imputation model cannot be fitted.
    """
    fitted = base_fit(data)
    out = []
    for _ in range(number):
        if parameters == "bootstrap":
            drawn = bootstrap_draw(
                fitted, data.scores, data.design, data.arm, rng, group=data.group
            )
        elif parameters == "posterior":
            drawn = posterior_draw(fitted, rng)
        else:
            raise AnalysisError(unknown("kind of draw", parameters, ("posterior", "bootstrap")))
        out.append(complete(data, fitted, drawn, method, rng=rng))
    return out


def ancova_differences(scores: Array, x: Array, arms: Sequence[int]) -> Array:
    """Least-squares coefficients (arms, visits) of the arm indicators at columns `arms` of x (n,
    p), visit by visit.
    """
    return np.asarray(np.linalg.lstsq(x, scores, rcond=None)[0][list(arms)], dtype=float)


def ancova_means(scores: Array, x: Array, arms: Sequence[int]) -> Array:
    """Adjusted means (1 + arms, visits) of the reference and of each arm: every patient's
    covariates in x (n, p) with the arm indicators at columns `arms` set in turn, averaged.
    """
    beta = np.linalg.lstsq(x, scores, rcond=None)[0]
    middle = x.mean(axis=0)
    middle[list(arms)] = 0.0
    rows = np.vstack([middle, *(middle + np.eye(len(middle))[a] for a in arms)])
    return np.asarray(rows @ beta, dtype=float)


def conditional_mean_jackknife(
    data: Incomplete,
    method: str,
    *,
    analyse: Callable[[Array, NDArray[np.bool_]], Array],
    delta: Array | None = None,
) -> tuple[Array, Array]:
    """Estimates and jackknife standard errors of an analysis of conditional-mean imputed scores: no
    random numbers.

    `analyse(completed, kept)` gets the completed scores of the patients kept (a mask over all) and
    returns an array of estimates; `delta` (n, M) is added to gaps. The imputation model is refitted
    without each patient in turn.
    """
    gaps = np.isnan(data.scores)
    full = base_fit(data)

    def once(own: Incomplete, fitted: Fit, kept: NDArray[np.bool_]) -> Array:
        completed = complete(own, fitted, estimates_of(fitted), method)
        if delta is not None:
            completed = completed + np.where(gaps[kept], delta[kept], 0.0)
        return analyse(completed, kept)

    n = len(data.scores)
    everybody = np.ones(n, dtype=bool)
    value = once(data, full, everybody)
    without = np.empty((n, *value.shape))
    for i in range(n):
        kept = everybody.copy()
        kept[i] = False
        own = replace(
            data,
            scores=data.scores[kept],
            design=data.design[kept],
            arm=data.arm[kept],
            baseline=None if data.baseline is None else data.baseline[kept],
        )
        if gaps[i].all():
            without[i] = once(own, full, kept)
            continue
        s = full.summary - _summary(data, [i])
        without[i] = once(own, fit(s, full.design, full.structure, start=full.theta), kept)
    return value, np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))


def normal_estimate(
    name: str, value: float, se: float, *, level: float, unit: str, how: str, visit: str, group: str
) -> Estimate:
    """An estimate with a normal interval, for standard errors by resampling."""
    if not se > 0:
        return Estimate(
            name,
            value,
            level=level,
            unit=unit,
            how=how,
            reason="zero_variance",
            visit=visit,
            group=group,
            measure=Measure.DIFFERENCE,
        )
    return wald(
        name,
        value,
        se,
        level=level,
        unit=unit,
        how=how,
        visit=visit,
        group=group,
        measure=Measure.DIFFERENCE,
    )
