"""REML and ML fits of linear models with structured covariance, from an additive summary alone.

No step costs more for more patients. Newton steps on the exact Hessian, Fisher scoring where it is
not positive definite (Jennrich & Schluchter 1986, Biometrics 42:805; Kenward & Roger 1997,
Biometrics 53:983).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from math import log

import numpy as np
from numpy.typing import NDArray

from outcomes.core.errors import AnalysisError
from outcomes.core.wording import spoken
from outcomes.stats.mixed.covariance import (
    ByGroup,
    Evaluated,
    Factor,
    Heterogeneous,
    Linear,
    Structure,
    random_covariance,
)
from outcomes.stats.mixed.cross_products import Summary
from outcomes.stats.mixed.likelihood import Design, Engine, Pieces, Point, estimable

Array = NDArray[np.float64]


class NotConverged(AnalysisError):
    """The likelihood has no usable maximum for this covariance: singular, not identified, or not
    reached.
    """


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model: coefficients (aliased ones are nan), their model-based covariance, the
    visits' covariance, derivatives.

    `sigma` (groups, M, M); `theta` the covariance parameters; `hessian` and `expected` the observed
    and expected second derivatives of -2 log-likelihood in theta; `attempts` the structures tried
    before this one, each with the reason it was left; `boundary` says which variance lies at zero.
    """

    summary: Summary
    design: Design
    structure: Structure
    reml: bool
    theta: Array
    sigma: Array
    kept: NDArray[np.int64]
    null: Array
    beta: Array
    cov_beta: Array
    loglik: float
    hessian: Array
    expected: Array
    gradient: Array
    iterations: int
    attempts: tuple[tuple[str, str], ...] = ()
    boundary: str = ""

    @property
    def n_parameters(self) -> int:
        """Covariance parameters."""
        return len(self.theta)

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 (covariance parameters; with ML the coefficients too)."""
        return -2 * self.loglik + 2 * self._penalised

    @property
    def bic(self) -> float:
        """As AIC, with log(patients) for 2."""
        return -2 * self.loglik + log(self.summary.n_patients) * self._penalised

    @property
    def _penalised(self) -> int:
        return self.n_parameters + (0 if self.reml else len(self.kept))

    @cached_property
    def pieces(self) -> Pieces:
        """Derivatives in theta that the small-sample corrections need."""
        engine = Engine(self.summary, self.design, self.kept)
        return engine.pieces(self.structure(self.theta))


def _moments(engine: Engine, n_visits: int) -> Array:
    """Residual covariance by visit pair after least squares, made safely positive definite: a start
    for every structure.
    """
    zero = NotConverged("All residuals are zero, so there is no spread to model.")
    try:
        point = engine.point(np.eye(n_visits)[None].repeat(len(engine.summary.groups), axis=0))
    except np.linalg.LinAlgError:
        raise zero from None
    contrast = np.r_[-point.beta, 1.0]
    sums = engine.per_pattern(np.outer(contrast, contrast)[None])[0].sum(axis=0)
    pairs = engine.summary.pair_counts.sum(axis=0)
    dof = max(engine.summary.n_rows - engine.p, 1)
    overall = float(np.trace(sums)) / dof
    size = float(np.einsum("kjj->", engine.summary.gram[..., -1, -1]))
    if not float(np.trace(sums)) > 1e-12 * size:
        raise zero
    with np.errstate(invalid="ignore", divide="ignore"):
        s = np.where(pairs > 0, sums / np.maximum(pairs, 1), 0.0) * engine.summary.n_rows / dof
    sd = np.sqrt(np.maximum(np.diag(s), 1e-3 * overall))
    values, vectors = np.linalg.eigh(
        np.where(np.eye(n_visits) > 0, 1.0, np.clip(s / np.outer(sd, sd), -0.99, 0.99))
    )
    r = (vectors * np.maximum(values, 0.02)) @ vectors.T
    return r / np.sqrt(np.outer(np.diag(r), np.diag(r))) * np.outer(sd, sd)


def fit(
    summary: Summary,
    design: Design,
    structure: Structure,
    *,
    reml: bool = True,
    max_iterations: int = 100,
    start: Array | None = None,
) -> Fit:
    """Maximise the restricted (or full) likelihood.

    Newton steps on the exact Hessian where it is positive definite, Fisher scoring elsewhere,
    halved until the likelihood does not fall; the start is the residual covariance by visit pair,
    or `start`. A random-effects covariance that leaves its cone is refitted on the cone's face (a
    variance of zero, a correlation of one) and says so in `boundary`; where no maximum is reached
    on the way out, inside the cone too.

    Raises NotConverged where the data do not identify the covariance or the maximum is not reached.
    """
    kept, null = estimable(summary, design)
    if summary.n_rows <= len(kept):
        raise NotConverged(
            f"There are {summary.n_rows} scores for {len(kept)} coefficients: too few to judge any"
            " spread."
        )
    _identified(summary, structure)
    engine = Engine(summary, design, kept, reml=reml)
    theta = structure.start(_moments(engine, len(summary.visits))) if start is None else start
    try:
        with np.errstate(all="ignore"):
            theta, point, iterations = _maximise(engine, structure, theta, max_iterations)
    except NotConverged as error:
        if start is not None or not isinstance(structure, Linear) or structure.random is None:
            raise
        return _in_the_cone(summary, design, structure, reml=reml, error=error)
    at = structure(theta)
    outside = _outside(structure, theta)
    if outside and isinstance(structure, Linear):
        return _on_the_face(summary, design, structure, reml=reml, said=outside)
    if outside:
        raise NotConverged(f"The {structure.title} covariance has another boundary as well.")
    gradient, hessian, expected = engine.derivatives(at, point)
    _check_maximum(structure, at, hessian)
    beta = np.full(len(design.names), np.nan)
    beta[kept] = point.beta
    return Fit(
        summary,
        design,
        structure,
        reml,
        theta,
        at.sigma,
        kept,
        null,
        beta,
        point.cov,
        -point.minus2 / 2,
        hessian,
        expected,
        gradient,
        iterations,
    )


def _identified(summary: Summary, structure: Structure) -> None:
    """A variance of its own needs two patients at the visit; an unstructured covariance, patients
    at both visits of a pair.
    """
    by_group = isinstance(structure, ByGroup)
    within = structure.structure if isinstance(structure, ByGroup) else structure
    free = isinstance(within, Linear) and within.unstructured
    own = isinstance(within, Heterogeneous) and within.spread.shape[1] == len(within.spread)
    if not free and not own:
        return
    pairs = summary.pair_counts if by_group else summary.pair_counts.sum(axis=0)[None]
    for group in pairs:
        few = np.flatnonzero(np.diag(group) < 2)
        if len(few):
            who = "Only one patient has" if group[few[0], few[0]] else "No patient has"
            raise NotConverged(
                f"{who} a score at {spoken(summary.visits[few[0]])}, so its variance is not"
                " determined."
            )
        lacking = np.argwhere((group == 0) & np.triu(np.ones_like(group, dtype=bool)))
        if free and len(lacking):
            j, k = (spoken(summary.visits[i]) for i in lacking[0])
            raise NotConverged(
                f"No patient has a score at both {j} and {k}, so their covariance is not"
                " determined."
            )


def _maximise(
    engine: Engine, structure: Structure, theta: Array, limit: int
) -> tuple[Array, Point, int]:
    at = structure(theta)
    try:
        point = engine.point(at.sigma)
    except np.linalg.LinAlgError:
        raise NotConverged(
            f"The {structure.title} covariance is singular for these data."
        ) from None
    before = float("inf")
    for iteration in range(1, limit + 1):
        gradient, hessian, expected = engine.derivatives(at, point)
        step = _step(gradient, hessian, expected)
        decrement = float(gradient @ step)
        size = 1.0
        while size > 1e-10:
            new = structure(theta - size * step)
            try:
                trial = engine.point(new.sigma)
                if trial.minus2 <= point.minus2 + 1e-9 * (1 + abs(point.minus2)):
                    break
            except np.linalg.LinAlgError:
                pass
            size /= 2
        else:
            if decrement < 1e-8:
                return theta, point, iteration
            raise NotConverged(f"The {structure.title} covariance is singular for these data.")
        theta, at, point = theta - size * step, new, trial
        if decrement < 1e-18 or (
            decrement < 1e-10 and decrement > before / 4
        ):  # converged, or down to rounding
            return theta, point, iteration
        before = decrement
    if decrement < 1e-8:
        return theta, point, limit
    if _smallest(at) < 1e-3:
        raise NotConverged(f"The {structure.title} covariance is singular for these data.")
    raise NotConverged(f"The {structure.title} covariance did not converge in {limit} iterations.")


def _step(gradient: Array, hessian: Array, expected: Array) -> Array:
    """A downhill step: Newton where the Hessian is positive definite, else Fisher scoring, damped
    where that is singular.
    """
    for matrix in (hessian, expected):
        scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
        try:
            np.linalg.cholesky(matrix * np.outer(scale, scale) - 1e-12 * np.eye(len(scale)))
        except np.linalg.LinAlgError:
            continue
        return scale * np.linalg.solve(matrix * np.outer(scale, scale), scale * gradient)
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(expected)), 1e-300))
    values, vectors = np.linalg.eigh(expected * np.outer(scale, scale))
    return scale * (vectors @ ((vectors.T @ (scale * gradient)) / np.maximum(np.abs(values), 1e-6)))


def _smallest(at: Evaluated) -> float:
    """The smallest eigenvalue of the visits' correlation: how far the covariance is from
    singular.
    """
    sd = np.sqrt(np.diagonal(at.sigma, axis1=1, axis2=2))
    return float(np.linalg.eigvalsh(at.sigma / (sd[:, :, None] * sd[:, None, :])).min())


def _check_maximum(structure: Structure, at: Evaluated, hessian: Array) -> None:
    if _smallest(at) < 1e-7:
        raise NotConverged(f"The {structure.title} covariance is singular for these data.")
    scale = 1 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    if np.linalg.eigvalsh(hessian * np.outer(scale, scale)).min() < 1e-9:
        raise NotConverged(
            f"The data do not determine every parameter of the {structure.title} covariance."
        )


def _outside(structure: Structure, theta: Array) -> str:
    """Which random effect has left its cone, in words; empty where none has."""
    if not isinstance(structure, Linear | Factor) or structure.random is None:
        return ""
    named = dict(zip(structure.names, theta))
    if isinstance(structure, Factor):
        return "a random effect has a variance of zero" if named.get("nested", 0.0) < 0 else ""
    g = random_covariance(theta, structure.random.shape[1], structure.names)
    if named.get("nested", 0.0) < 0 or (np.diag(g) < 0).any():
        return "a random effect has a variance of zero"
    return (
        "random effects are perfectly correlated"
        if len(g) and np.linalg.eigvalsh(g).min() < 0
        else ""
    )


def _on_the_face(
    summary: Summary, design: Design, structure: Linear, *, reml: bool, said: str
) -> Fit:
    """The best fit on the boundary of a random-effects covariance: each variance left out, or the
    rank reduced; of two as good the one with fewer parameters.
    """
    best = None
    for face in sorted(structure.faces(), key=lambda s: len(s.names)):
        with suppress(NotConverged):
            found = fit(summary, design, face, reml=reml)
            if best is None or found.loglik > best.loglik + 1e-8:
                best = found
    if best is None:
        raise NotConverged(
            f"The {structure.title} covariance lies at its boundary and did not converge there."
        )
    return replace(best, boundary=best.boundary or said)


def _in_the_cone(
    summary: Summary, design: Design, structure: Linear, *, reml: bool, error: NotConverged
) -> Fit:
    """The best fit inside the cone of the random effects or on its face, where the likelihood still
    rises outside up to a singular covariance. Raises the error where there is none.
    """
    said = "a random effect has a variance of zero"
    found = []
    with suppress(NotConverged):
        found.append(_on_the_face(summary, design, structure, reml=reml, said=said))
    with suppress(NotConverged):
        inner = fit(summary, design, structure.factor(), reml=reml)
        theta = structure.of_factor(inner.theta)
        inside = fit(summary, design, structure, reml=reml, start=theta)
        found += [] if inside.boundary else [inside]
    if not found:
        raise error
    return max(found, key=lambda f: f.loglik)


def fit_first(
    summary: Summary, design: Design, structures: Sequence[Structure], *, reml: bool = True
) -> Fit:
    """The first of the declared structures that converges; the attempts before it are on the fit,
    with the reason of each.

    Raises NotConverged with the reason of the last, which asks least, where none does.
    """
    attempts: list[tuple[str, str]] = []
    for each in structures:
        try:
            return replace(fit(summary, design, each, reml=reml), attempts=tuple(attempts))
        except NotConverged as error:
            attempts.append((each.title, str(error)))
    tried = (
        f", from {structures[0].title} to {structures[-1].title}," if len(structures) > 1 else ""
    )
    raise NotConverged(
        f"No covariance that was declared{tried} could be fitted. The last: {attempts[-1][1]}"
    )
