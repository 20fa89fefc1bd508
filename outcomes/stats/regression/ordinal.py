"""Ordered categories (PGIC, severity): proportional odds by Newton's method on the analytic
gradient and Hessian.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.regression.linear import Design, aliased_columns
from outcomes.stats.wald import wald

Array = np.ndarray

#: Coefficient × range of its column beyond which the likelihood has no maximum in practice.
SEPARATED = 30.0


@dataclass(frozen=True, eq=False)
class OrdinalFit:
    """A proportional odds model: log odds ratios of a higher category, thresholds, likelihood.

    `reason` is empty for a fit that can be used, else `separation`, `not_converged` or `too_few`;
    the estimates are then undefined.
    """

    names: tuple[str, ...]
    levels: tuple[float, ...]
    coefficients: Array
    thresholds: Array
    covariance: Array
    loglik: float
    loglik_null: float
    gradient: float
    reason: str = ""

    def contrast(
        self, row: Sequence[float] | Array, *, name: str = "", level: float = 0.95, group: str = ""
    ) -> Estimate:
        """A combination of the log odds ratios with its Wald interval and z test."""
        row, p = np.asarray(row, dtype=float), len(self.coefficients)
        if self.reason:
            return Estimate(
                name, NAN, level=level, reason=self.reason, group=group, how="proportional odds"
            )
        value, se = (
            float(row @ self.coefficients),
            math.sqrt(float(row @ self.covariance[:p, :p] @ row)),
        )
        return wald(name, value, se, level=level, how="proportional odds, Wald", group=group)

    def coefficient(self, name: str, *, level: float = 0.95) -> Estimate:
        """One log odds ratio by the name of its column."""
        if name not in self.names:
            raise AnalysisError(unknown("coefficient", name, self.names))
        return self.contrast(
            np.eye(len(self.names))[self.names.index(name)], name=name, level=level
        )


def proportional_odds(
    design: Design | Array, y: ArrayLike, *, names: Sequence[str] = ()
) -> OrdinalFit:
    """How do patients' characteristics shift an ordered answer? logit P(Y ≤ k) = ζ_k − x'β.

    exp(β) is the odds ratio of a higher category, the same at every cut. `design` is a `Design`
    (its intercept is dropped, the thresholds take its place) or the columns; `y` the category of
    each patient, any ordered numbers.

    Raises AnalysisError when lengths differ or a column repeats others. Source: McCullagh 1980, J R
    Stat Soc B 42:109; Agresti 2010, Analysis of Ordinal Categorical Data, ch. 3.

    >>> x = np.array([[0.0], [0], [0], [0], [1], [1], [1], [1]])
    >>> fit = proportional_odds(x, [1, 2, 2, 3, 1, 1, 2, 1], names=["drug"])
    >>> e = fit.coefficient("drug")
    >>> round(e.value, 4), round(e.se, 4)
    (-2.3534, 1.6169)
    """
    x = design.matrix[:, 1:] if isinstance(design, Design) else np.asarray(design, dtype=float)
    names = (
        design.names[1:]
        if isinstance(design, Design)
        else tuple(names) or tuple(f"x{j}" for j in range(x.shape[1]))
    )
    y = np.asarray(y, dtype=float)
    if len(x) != len(y):
        raise AnalysisError(
            f"The design has {len(x)} rows and the outcome {len(y)}: one row a patient is needed in"
            " both."
        )
    levels, code = np.unique(y, return_inverse=True)
    cuts, p = len(levels) - 1, x.shape[1]
    if cuts < 1 or len(y) <= cuts + p:
        nothing = np.full(p, NAN)
        return OrdinalFit(
            names,
            tuple(levels),
            nothing,
            np.full(cuts, NAN),
            np.full((p + cuts,) * 2, NAN),
            NAN,
            NAN,
            NAN,
            "zero_variance" if cuts < 1 and len(y) > 1 else "too_few",
        )
    repeated = aliased_columns(np.column_stack([np.ones(len(x)), x]))
    if repeated:
        raise AnalysisError(
            f"{', '.join(names[j - 1] for j in repeated)} repeats other columns: leave it out."
        )
    shares = np.cumsum(np.bincount(code))[:-1] / len(y)
    start = np.concatenate([np.zeros(p), special.logit(shares)])
    null = _loglik(start, x, code, cuts)[0]
    theta, loglik, gradient, hessian, reason = _newton(start, x, code, cuts)
    covariance = np.linalg.inv(-hessian) if not reason else np.full_like(hessian, NAN)
    return OrdinalFit(
        names,
        tuple(levels),
        theta[:p],
        theta[p:],
        covariance,
        loglik,
        null,
        float(np.abs(gradient).max()),
        reason,
    )


def _newton(
    theta: Array, x: Array, code: Array, cuts: int
) -> tuple[Array, float, Array, Array, str]:
    value, gradient, hessian = _loglik(theta, x, code, cuts)
    width = np.ptp(x, axis=0) if x.shape[1] else np.zeros(0)
    for _ in range(200):
        step = np.linalg.lstsq(-hessian, gradient, rcond=None)[0]
        size = 1.0
        while size > 1e-10:
            new = _loglik(theta + size * step, x, code, cuts)
            if new[0] >= value - 1e-12 * abs(value):
                break
            size /= 2
        theta, (value, gradient, hessian) = theta + size * step, new
        if (np.abs(theta[: x.shape[1]]) * width > SEPARATED).any():
            return theta, value, gradient, hessian, "separation"
        if np.abs(size * step).max() < 1e-10 * (1 + np.abs(theta).max()):
            break
    bad = np.abs(gradient).max() > 1e-6 or not np.all(np.linalg.eigvalsh(hessian) < 0)
    return theta, value, gradient, hessian, "not_converged" if bad else ""


def _loglik(theta: Array, x: Array, code: Array, cuts: int) -> tuple[float, Array, Array]:
    """Log-likelihood, gradient and Hessian; −inf where the thresholds are out of order."""
    p = x.shape[1]
    zeta = theta[p:]
    size = p + cuts
    if (np.diff(zeta) <= 0).any():
        return -math.inf, np.full(size, NAN), np.full((size, size), NAN)
    eta = x @ theta[:p]
    has_up, has_low = code < cuts, code > 0
    up = np.where(has_up, zeta[np.minimum(code, cuts - 1)] - eta, np.inf)
    low = np.where(has_low, zeta[np.maximum(code - 1, 0)] - eta, -np.inf)
    cell = special.expit(up) * special.expit(-low) * -np.expm1(np.minimum(low - up, 0))
    upper, lower = _design_of(x, code, has_up, p, size), _design_of(x, code - 1, has_low, p, size)
    f_up, f_low = _density(up), _density(low)
    g_up, g_low = f_up / cell, -f_low / cell
    h_up = f_up * (1 - 2 * special.expit(up)) / cell - g_up**2
    h_low = -f_low * (1 - 2 * special.expit(low)) / cell - g_low**2
    cross = upper.T @ (lower * (-g_up * g_low)[:, None])
    hessian = (
        upper.T @ (upper * h_up[:, None]) + lower.T @ (lower * h_low[:, None]) + cross + cross.T
    )
    return float(np.log(cell).sum()), upper.T @ g_up + lower.T @ g_low, hessian


def _density(u: Array) -> Array:
    return special.expit(u) * special.expit(-u)


def _design_of(x: Array, cut: Array, there: Array, p: int, size: int) -> Array:
    """The derivative of a patient's threshold minus predictor: −x for the coefficients, 1 for its
    threshold.
    """
    rows = np.zeros((len(x), size))
    rows[there, :p] = -x[there]
    rows[np.flatnonzero(there), p + cut[there]] = 1.0
    return rows


def likelihood_ratio(fit: OrdinalFit, smaller: OrdinalFit | None = None) -> Estimate:
    """The likelihood-ratio χ² of a model against a smaller one (or against no predictors at
    all).
    """
    df = len(fit.coefficients) - (len(smaller.coefficients) if smaller else 0)
    how = "likelihood ratio, proportional odds"
    if fit.reason or (smaller is not None and smaller.reason):
        return Estimate(
            "chi2",
            NAN,
            df=df,
            how=how,
            reason=fit.reason or (smaller.reason if smaller else ""),
            measure=Measure.OVERALL_TEST,
        )
    chi2 = max(0.0, 2 * (fit.loglik - (smaller.loglik if smaller else fit.loglik_null)))
    return Estimate(
        "chi2",
        chi2,
        p=special.chdtrc(df, chi2) if df else NAN,
        statistic=chi2,
        df=df,
        how=how,
        measure=Measure.OVERALL_TEST,
    )
