"""Multiple imputation: pooling by Rubin's rules, and draws from the normal model for repeated
scores.

Rubin 1987 (Multiple Imputation for Nonresponse in Surveys, ch. 3); Barnard & Rubin 1999, Biometrika
86:948; Li, Raghunathan & Rubin 1991, JASA 86:1065; Reiter 2007, Biometrika 94:502.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isinf, isnan, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.stats.mixed.cross_products import summarise
from outcomes.stats.mixed.likelihood import Engine
from outcomes.stats.mixed.reml import Fit, NotConverged, fit
from outcomes.stats.wald import wald

Array = NDArray[np.float64]
#: A share of the variance that is rounding: the square of a double's relative precision, with room.
ROUNDING = 1e-28
NO_COVARIANCE = (
    "There are too many visits for so few patients: the spread of the missing scores cannot be told"
    " from those seen."
)


@dataclass(frozen=True)
class Pooled:
    """Rubin's rules for one estimate: the pooled row and what it is made of.

    `within` and `between` variance, `riv` the relative increase in variance, `lam` the share of
    variance due to what is missing, `fmi` the fraction of missing information, `df_large` Rubin's
    1987 degrees of freedom.
    """

    estimate: Estimate
    draws: int
    within: float
    between: float
    total: float
    riv: float
    lam: float
    fmi: float
    df_large: float


def rubin(
    values: ArrayLike,
    variances: ArrayLike,
    *,
    df_complete: float = inf,
    level: float = 0.95,
    name: str = "pooled",
    unit: str = "",
) -> Pooled:
    """Pool m estimates and their squared standard errors; degrees of freedom of Barnard & Rubin
    1999.

    T = U + (1 + 1/m) B; `df_complete` is what the t-test would have on complete data (inf where it
    is a z-test).

    Raises AnalysisError for fewer than two draws.

    >>> p = rubin([1.0, 1.2, 0.8], [0.1, 0.1, 0.1], df_complete=20)
    >>> round(p.estimate.value, 3), round(p.total, 4), round(p.estimate.df, 2)
    (1.0, 0.1533, 6.92)
    """
    q, u = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    m = len(q)
    if m < 2:
        raise AnalysisError(f"Pooling needs at least two imputations, not {m}.")
    mean, within, between = float(q.mean()), float(u.mean()), float(q.var(ddof=1))
    added = (1 + 1 / m) * between
    total = within + added
    lam = added / total if total > 0 else nan
    if lam < ROUNDING:  # the draws differ by rounding alone
        lam = 0.0
    df_large = (m - 1) / lam**2 if lam > 0 else inf
    df = _barnard_rubin(df_large, lam, df_complete)
    riv = added / within if within > 0 else nan
    fmi = nan if isnan(lam) else 0.0 if lam == 0 else (riv + 2 / (df + 3)) / (riv + 1)
    how = f"Rubin's rules, {m} imputations, Barnard-Rubin df"
    if isnan(total) or total <= 0 or df == 0:
        e = Estimate(
            name,
            mean,
            level=level,
            unit=unit,
            how=how,
            reason="zero_variance",
            measure=Measure.CHANGE,
        )
    else:
        e = replace(
            wald(
                name,
                mean,
                sqrt(total),
                df=df,
                level=level,
                unit=unit,
                how=how,
                measure=Measure.CHANGE,
            ),
            df=df,
        )
    return Pooled(e, m, within, between, total, riv, lam, fmi, df_large)


def _barnard_rubin(df_large: float, lam: float, df_complete: float) -> float:
    if isinf(df_complete):
        return df_large
    observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - lam)
    if observed <= 0:  # completed data without any spread of their own leave no degree of freedom
        return 0.0
    return observed if isinf(df_large) else 1 / (1 / df_large + 1 / observed)


@dataclass(frozen=True, slots=True)
class JointTest:
    """A pooled F-test and the relative increase in variance that missing scores cause."""

    test: Estimate
    riv: float


def rubin_wald(
    values: ArrayLike,
    covariances: ArrayLike,
    *,
    df_complete: float = inf,
    name: str = "pooled Wald",
) -> JointTest:
    """The pooled F-test that k parameters are zero (D1): values (m, k), covariances (m, k, k),
    Reiter's denominator df.

    `riv` is the relative increase in variance, r = (1 + 1/m) tr(B U^-1) / k. Source: Li,
    Raghunathan & Rubin 1991, J Am Stat Assoc 86:1065; Reiter 2007, Biometrika 94:502.
    """
    q, u = np.asarray(values, dtype=float), np.asarray(covariances, dtype=float)
    m, k = q.shape
    mean, within = q.mean(axis=0), u.mean(axis=0)
    between = np.atleast_2d(np.cov(q.T, ddof=1))
    r = (1 + 1 / m) * float(np.trace(np.linalg.solve(within, between))) / k
    f = float(mean @ np.linalg.solve(within, mean)) / (k * (1 + r))
    t = k * (m - 1)
    if r == 0:  # nothing was missing
        df = df_complete
    else:
        df = _reiter(r, t, df_complete) if t > 4 and not isinf(df_complete) else _li(r, t, k, m)
    p = float(special.fdtrc(k, df, f))
    how = f"D1, numerator df {k}, relative increase in variance {r:.6g}"
    kind = Measure.OVERALL_TEST
    test = Estimate(name, f, p=p, statistic=f, df=k, df2=df, how=how, measure=kind)
    return JointTest(test, r)


def _li(r: float, t: float, k: int, m: int) -> float:
    if t > 4:
        return 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    return t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2


def _reiter(r: float, t: float, v: float) -> float:
    a, star, c0 = r * t / (t - 2), (v + 1) / (v + 3) * v, 1 / (t - 4)
    c1, c2 = star - 2 * (1 + a), star - 4 * (1 + a)
    z = (
        1 / c2
        + c0 * a**2 * c1 / ((1 + a) ** 2 * c2)
        + c0 * (8 * a**2 * c1 / ((1 + a) * c2**2) + 4 * a**2 / ((1 + a) * c2))
        + c0 * (4 * a**2 / (c2 * c1) + 16 * a**2 * c1 / c2**3)
        + c0 * 8 * a**2 / c2**2
    )
    return 4 + 1 / z


@dataclass(frozen=True, eq=False)
class Parameters:
    """One set of parameters an imputation is made from: coefficients (kept ones), covariances
    (groups, M, M).
    """

    beta: Array
    sigma: Array


def estimates_of(fitted: Fit) -> Parameters:
    """The fitted parameters themselves (conditional-mean imputation)."""
    return Parameters(fitted.beta[fitted.kept], fitted.sigma)


def posterior_draw(fitted: Fit, rng: np.random.Generator, *, attempts: int = 200) -> Parameters:
    """An approximate draw from the posterior: covariance parameters normal about their estimate,
    then the coefficients given them.

    An unstructured covariance is drawn on the scale of its log-Cholesky factor, so that every draw
    is a covariance.
    """
    w = np.asarray(2 * np.linalg.inv(fitted.hessian), dtype=float)
    engine = Engine(fitted.summary, fitted.design, fitted.kept, reml=fitted.reml)
    full = all(n.startswith("Sigma_") for n in fitted.structure.names)
    for _ in range(attempts):
        sigma = (
            _wild_cholesky(fitted.sigma, w, rng)
            if full
            else fitted.structure(_normal(fitted.theta, w, rng)).sigma
        )
        try:
            point = engine.point(sigma)
        except np.linalg.LinAlgError:
            continue
        return Parameters(_normal(point.beta, point.cov, rng), sigma)
    raise NotConverged(
        "No valid draw of the covariance was found: there is too little information on it to impute"
        " from."
    )


def _normal(mean: Array, covariance: Array, rng: np.random.Generator) -> Array:
    return mean + root_of(covariance) @ rng.standard_normal(len(mean))


def root_of(covariance: Array) -> Array:
    """A square root of a covariance, so that one seed gives one draw on every processor: the
    Cholesky factor; where rounding makes it singular, through its eigenvectors.

    Raises NotConverged where it is no covariance.
    """
    try:
        return np.asarray(np.linalg.cholesky(covariance), dtype=float)
    except np.linalg.LinAlgError:
        value, vector = np.linalg.eigh(covariance)
        if not value.min() > -1e-6 * abs(value).max():
            raise NotConverged(NO_COVARIANCE) from None
        return vector * np.sqrt(np.maximum(value, 0.0))


def _wild_cholesky(sigma: Array, w: Array, rng: np.random.Generator) -> Array:
    """Each Sigma (groups, M, M) drawn so that the log-Cholesky factors are normal with the
    covariance that W on Sigma's scale implies.
    """
    m = sigma.shape[-1]
    cells = [(a, b) for a in range(m) for b in range(a + 1)]
    upper = [(j, k) for j in range(m) for k in range(j, m)]
    lowers, size = np.linalg.cholesky(sigma), len(cells)
    inverse = np.zeros_like(w)
    for g, lower in enumerate(lowers):
        jacobian = np.empty((size, size))
        for i, (a, b) in enumerate(cells):
            step = np.zeros((m, m))
            step[a, b] = lower[a, a] if a == b else 1.0
            change = step @ lower.T
            change = change + change.T
            jacobian[:, i] = [change[j, k] for j, k in upper]
        inverse[g * size : (g + 1) * size, g * size : (g + 1) * size] = np.linalg.inv(jacobian)
    drawn = _normal(np.zeros(len(w)), inverse @ w @ inverse.T, rng).reshape(-1, size)
    out = lowers.copy()
    for new, lower, values in zip(out, lowers, drawn):
        for value, (a, b) in zip(values, cells):
            new[a, b] = lower[a, b] * np.exp(value) if a == b else lower[a, b] + value
    return np.asarray(out @ out.transpose(0, 2, 1), dtype=float)


def bootstrap_draw(
    fitted: Fit,
    scores: Array,
    design: Array,
    strata: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    attempts: int = 20,
    group: NDArray[np.int64] | None = None,
) -> Parameters:
    """Parameters refitted to a bootstrap sample of patients, drawn within strata (arms): an
    approximately proper draw.

    Honaker & King 2010 (Am J Pol Sci 54:561). Samples that cannot be fitted are drawn again.
    """
    s = fitted.summary
    for _ in range(attempts):
        rows = np.concatenate(
            [
                rng.choice(own, len(own))
                for v in np.unique(strata)
                if len(own := np.flatnonzero(strata == v))
            ]
        )
        again = summarise(
            scores[rows],
            design[rows],
            visits=s.visits,
            features=s.features,
            groups=s.groups,
            group=None if group is None else group[rows],
        )
        try:
            refit = fit(again, fitted.design, fitted.structure, reml=fitted.reml)
        except NotConverged:
            continue
        if len(refit.kept) == len(fitted.kept):
            return estimates_of(refit)
    raise NotConverged(
        "No bootstrap sample of the patients could be fitted: there are too few to impute from."
    )
