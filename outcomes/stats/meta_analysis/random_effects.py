"""Pooling sites (or studies): random effects over one estimate and variance a site.

Model: y_i = x_i'β + u_i + e_i, u_i ~ N(0, τ²), e_i ~ N(0, v_i) with v_i known. `x_i` is 1 unless
moderators are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate, chosen
from outcomes.core.measure import Measure
from outcomes.stats.meta_analysis.parts import Pooling
from outcomes.stats.wald import wald

Array = NDArray[np.float64]

#: How the interval of the pooled value is made.
INTERVALS = {
    "hartung-knapp": "Hartung–Knapp–Sidik–Jonkman t interval",
    "truncated": "Hartung–Knapp–Sidik–Jonkman t interval, factor at least 1",
    "z": "normal interval",
}
#: Degrees of freedom of the prediction interval; three rules are in use, so the one used is named.
PREDICTIONS = {
    "k-2": "t with k−2 df, Higgins-Thompson-Spiegelhalter",
    "k-1": "t with k−1 df",
    "normal": "normal quantile",
}


@dataclass(frozen=True, eq=False)
class _Sites:
    """Estimates, their sampling variances and the design, checked once."""

    y: Array
    v: Array
    x: Array

    @property
    def spare(self) -> int:
        return len(self.y) - self.x.shape[1]

    def fitted(self, tau2: float) -> tuple[Array, Array, Array]:
        """Coefficients, (X'WX)⁻¹ and residuals at weights 1/(v+τ²)."""
        w = 1 / (self.v + tau2)
        inverse = np.asarray(np.linalg.inv((self.x * w[:, None]).T @ self.x), float)
        beta = inverse @ (self.x.T @ (w * self.y))
        return beta, inverse, self.y - self.x @ beta

    def q(self, tau2: float) -> float:
        """Generalised Q: Σ (y − x'β)²/(v+τ²)."""
        return float(np.sum(self.fitted(tau2)[2] ** 2 / (self.v + tau2)))

    def trace_p(self, power: int = 1) -> float:
        """tr(P) at τ² = 0 with P = W − WX(X'WX)⁻¹X'W (`power` 0: unweighted, of P·diag(v))."""
        w = 1 / self.v if power else np.ones_like(self.v)
        inverse = np.linalg.inv((self.x * w[:, None]).T @ self.x)
        leverage = np.einsum("ij,jk,ik->i", self.x, inverse, self.x)
        return (
            float(np.sum(w - w**2 * leverage)) if power else float(np.sum(self.v * (1 - leverage)))
        )


def as_measure(rows: Iterable[Estimate], measure: Measure) -> tuple[Estimate, ...]:
    """The pooled rows as what was pooled: a change, a difference, a share …; rows about spread stay
    as they are.
    """
    return tuple(replace(e, measure=measure) if e.measure is Measure.CHANGE else e for e in rows)


def pool(
    y: ArrayLike,
    v: ArrayLike,
    *,
    estimator: str = "REML",
    interval: str = "hartung-knapp",
    prediction: str = "k-2",
    level: float = 0.95,
    unit: str = "",
) -> tuple[Estimate, ...]:
    """What is the mean over sites, how much do sites differ, and where would a new site lie?

    `y` are the site estimates and `v` their squared standard errors. Pooled μ̂ = Σw y/Σw with w =
    1/(v+τ̂²) (`estimator` FE: τ² = 0). Hartung–Knapp: SE² = q/Σw, q = Σw(y−μ̂)²/(k−1), t with k−1
    df; "truncated" uses max(1, q). Prediction interval μ̂ ± t·√(τ̂²+SE²). I² = τ̂²/(τ̂²+s²), s² the
    typical sampling variance (k−1)/tr(P). Estimates: `pooled`, `prediction interval`, `tau2` and
    `I2` with their Q-profile intervals, `tau`, `H2`, `Q`, `Hartung-Knapp factor`. Undefined where k
    is too small, with the reason.

    Raises AnalysisError for an unknown option, or variances that are not positive.

    References: Hartung & Knapp, Stat Med 2001;20:3875; IntHout et al., BMC Med Res Methodol
    2014;14:25; Higgins et al., JRSS A 2009;172:137; Viechtbauer, Stat Med 2007;26:37.

    >>> for e in pool([-1.83, -1.12, -0.4], [0.62**2, 0.71**2, 0.55**2])[:2]:
    ...     print(e.name, *(round(x, 3) for x in (e.value, e.low, e.high, e.p)))
    pooled -1.079 -2.923 0.766 0.128
    prediction interval -1.079 -9.096 6.939 nan
    """
    sites = _sites(y, v)
    _known("estimator", estimator, ESTIMATORS)
    _known("interval", interval, INTERVALS)
    _known("prediction interval", prediction, PREDICTIONS)
    k = len(sites.y)
    if k < 2:
        alone = float(sites.y[0]) if k else NAN
        return (
            Estimate(
                "pooled",
                alone,
                level=level,
                unit=unit,
                how=f"{k} site, nothing to pool",
                reason="too_few",
                measure=Measure.CHANGE,
                part=Pooling.MEAN,
            ),
        )
    if estimator == "FE":
        interval = "z"
    tau2 = tau_squared(y, v, estimator=estimator)
    pooled = _coefficients(sites, tau2, interval, level, ("pooled",))[0]
    pooled = replace(pooled, unit=unit, how=f"{_named(estimator)}, {INTERVALS[interval]}")
    pooled = replace(pooled, part=Pooling.MEAN)
    return (
        pooled,
        _predicted(pooled, tau2, k, prediction, estimator),
        *_spread(sites, tau2, estimator, level, unit),
    )


def tau_squared(
    y: ArrayLike, v: ArrayLike, *, estimator: str = "REML", moderators: ArrayLike | None = None
) -> float:
    """The variance between sites, τ² ≥ 0, by any of the estimators in `ESTIMATORS`.

    References: DerSimonian & Laird 1986 (DL); Viechtbauer, J Educ Behav Stat 2005;30:261 (REML, ML,
    HE, HS); Paule & Mandel 1982 (PM; EB has the same solution); Sidik & Jonkman, JRSS C 2005;54:367
    (SJ).

    >>> round(tau_squared([-1.83, -1.12, -0.4], [0.62**2, 0.71**2, 0.55**2]), 6)
    0.214395
    """
    sites = _sites(y, v, moderators)
    _known("estimator", estimator, ESTIMATORS)
    return max(0.0, ESTIMATORS[estimator](sites)) if sites.spare > 0 else NAN


def q_profile(
    y: ArrayLike, v: ArrayLike, *, level: float = 0.95, moderators: ArrayLike | None = None
) -> tuple[float, float]:
    """Interval of τ²: the values at which the generalised Q lies within its χ² quantiles.

    Both limits are 0 where the sites differ even less than their own errors allow (the interval is
    then empty).

    Reference: Viechtbauer, Stat Med 2007;26:37.
    """
    sites = _sites(y, v, moderators)
    tail = (1 - level) / 2
    high, low = (
        _q_root(sites, float(special.chdtri(sites.spare, upper))) for upper in (1 - tail, tail)
    )
    return low, high


def leave_one_out(
    y: ArrayLike,
    v: ArrayLike,
    *,
    names: Sequence[str] = (),
    estimator: str = "REML",
    interval: str = "hartung-knapp",
    level: float = 0.95,
    unit: str = "",
) -> tuple[Estimate, ...]:
    """Does the pooled value depend on one site? For each site `pooled` and `tau2` of the others
    (`group` names it).

    >>> [
    ...     round(e.value, 3)
    ...     for e in leave_one_out([1, 2, 3], [1, 1, 1], estimator="DL")
    ...     if e.part is Pooling.LEFT_OUT
    ... ]
    [2.5, 2.0, 1.5]
    """
    values, variances = np.asarray(y, float), np.asarray(v, float)
    names = list(names) or [str(i + 1) for i in range(len(values))]
    out = []
    for i, name in enumerate(names):
        rest = np.delete(values, i), np.delete(variances, i)
        found = pool(*rest, estimator=estimator, interval=interval, level=level, unit=unit)
        for part, left in LEFT_OUT.items():
            out += [
                replace(e, group=f"without {name}", part=left) for e in chosen(found, part=part)
            ]
    return tuple(out)


#: What is shown without one site, and what it is then.
LEFT_OUT = {Pooling.MEAN: Pooling.LEFT_OUT, Pooling.TAU2: Pooling.TAU2_LEFT_OUT}


def meta_regression(
    y: ArrayLike,
    v: ArrayLike,
    moderators: ArrayLike,
    *,
    names: Sequence[str],
    estimator: str = "REML",
    interval: str = "hartung-knapp",
    level: float = 0.95,
) -> tuple[Estimate, ...]:
    """Do sites with another dose, route or case mix have another result?

    `moderators` has one row a site and one column a name. Estimates: `intercept` and each
    moderator, `moderators` (the joint test), `tau2` that remains and `R2`, the share of τ² that the
    moderators account for. Differences between sites are not randomised: an association, not an
    effect.

    Reference: Knapp & Hartung, Stat Med 2003;22:2693.

    >>> e = meta_regression(
    ...     [1, 2, 3.5, 4], [0.1, 0.1, 0.1, 0.1], [[0], [1], [2], [3]], names=["dose"]
    ... )
    >>> round(e[1].value, 3)
    1.05
    """
    sites = _sites(y, v, moderators)
    _known("estimator", estimator, ESTIMATORS)
    _known("interval", interval, INTERVALS)
    if sites.spare < 1:
        return (
            Estimate(
                "moderators",
                NAN,
                level=level,
                reason="too_few",
                how=f"{len(sites.y)} sites",
                measure=Measure.OVERALL_TEST,
                part=Pooling.MODERATORS,
            ),
        )
    tau2 = tau_squared(y, v, estimator=estimator, moderators=moderators)
    coefficients = _coefficients(sites, tau2, interval, level, ("intercept", *names))
    beta, inverse, _ = sites.fitted(tau2)
    factor = (coefficients[0].se / math.sqrt(inverse[0, 0])) ** 2
    m, chi2 = len(names), float(beta[1:] @ np.linalg.solve(inverse[1:, 1:] * factor, beta[1:]))
    if interval == "z":
        joint = Estimate(
            "moderators",
            chi2,
            statistic=chi2,
            df=m,
            p=special.chdtrc(m, chi2),
            how="Wald χ² test",
            measure=Measure.OVERALL_TEST,
            part=Pooling.MODERATORS,
        )
    else:
        f = chi2 / m
        joint = Estimate(
            "moderators",
            f,
            statistic=f,
            df=m,
            p=special.fdtrc(m, sites.spare, f),
            how=f"F test with {m} and {sites.spare} df",
            measure=Measure.OVERALL_TEST,
            part=Pooling.MODERATORS,
        )
    before = tau_squared(y, v, estimator=estimator)
    share = 100 * max(0.0, 1 - tau2 / before) if before > 0 else NAN
    explained = Estimate(
        "R2",
        share,
        unit="%",
        reason="" if before > 0 else "zero_variance",
        measure=Measure.HETEROGENEITY,
        part=Pooling.R2,
    )
    return (
        *coefficients,
        joint,
        Estimate("tau2", tau2, how=_named(estimator), measure=Measure.VARIANCE, part=Pooling.TAU2),
        explained,
    )


def _coefficients(
    sites: _Sites, tau2: float, interval: str, level: float, names: Sequence[str]
) -> tuple[Estimate, ...]:
    beta, inverse, rest = sites.fitted(tau2)
    factor, df = 1.0, math.inf
    if interval != "z":
        df = sites.spare
        factor = float(np.sum(rest**2 / (sites.v + tau2))) / df
        factor = max(1.0, factor) if interval == "truncated" else factor
    out = []
    for j, name in enumerate(names):
        se = math.sqrt(factor * inverse[j, j])
        if se == 0:
            out.append(
                Estimate(
                    name,
                    beta[j],
                    level=level,
                    se=0.0,
                    df=_finite(df),
                    reason="zero_variance",
                    measure=Measure.CHANGE,
                    part=Pooling.COEFFICIENT,
                )
            )
            continue
        out.append(
            wald(
                name,
                beta[j],
                se,
                df=df,
                level=level,
                measure=Measure.CHANGE,
                part=Pooling.COEFFICIENT,
            )
        )
    return tuple(out)


def _predicted(pooled: Estimate, tau2: float, k: int, rule: str, estimator: str) -> Estimate:
    how = PREDICTIONS[rule]
    df = {"k-2": k - 2, "k-1": k - 1, "normal": math.inf}[rule]
    if df < 1 or estimator == "FE":
        why = "too_few" if df < 1 else "not_estimable"
        return replace(
            pooled,
            name="prediction interval",
            low=NAN,
            high=NAN,
            p=NAN,
            statistic=NAN,
            df=NAN,
            se=NAN,
            how=how,
            reason=why,
            measure=Measure.PREDICTION,
            part=Pooling.PREDICTION,
        )
    spread = math.sqrt(tau2 + pooled.se**2)
    return wald(
        "prediction interval",
        pooled.value,
        spread,
        df=df,
        level=pooled.level,
        tested=False,
        unit=pooled.unit,
        how=how,
        measure=Measure.PREDICTION,
        part=Pooling.PREDICTION,
    )


def _spread(
    sites: _Sites, tau2: float, estimator: str, level: float, unit: str
) -> tuple[Estimate, ...]:
    """How much the sites differ."""
    k = len(sites.y)
    q = sites.q(0.0)
    typical = sites.spare / sites.trace_p()
    low, high = q_profile(sites.y, sites.v, level=level)
    empty = "; interval empty: sites differ less than their own errors allow" if high == 0 else ""
    if estimator == "FE":
        i2, h2 = max(0.0, 100 * (q - sites.spare) / q) if q > 0 else 0.0, q / sites.spare
    else:
        i2, h2 = 100 * tau2 / (tau2 + typical), tau2 / typical + 1
    share = [100 * t / (t + typical) for t in (low, high)]
    factor = sites.q(tau2) / sites.spare
    return (
        Estimate(
            "tau2",
            tau2,
            low,
            high,
            level,
            how=f"{_named(estimator)}, Q-profile interval{empty}",
            measure=Measure.VARIANCE,
            part=Pooling.TAU2,
        ),
        Estimate(
            "tau",
            math.sqrt(tau2),
            math.sqrt(low),
            math.sqrt(high),
            level,
            unit=unit,
            how="root of tau2 and its interval",
            measure=Measure.VARIANCE,
            part=Pooling.TAU,
        ),
        Estimate(
            "I2",
            i2,
            share[0],
            share[1],
            level,
            unit="%",
            how="tau2 over tau2 plus the typical sampling variance",
            measure=Measure.HETEROGENEITY,
            part=Pooling.I2,
        ),
        Estimate(
            "H2",
            h2,
            how="total over sampling variance",
            measure=Measure.HETEROGENEITY,
            part=Pooling.H2,
        ),
        Estimate(
            "Q",
            q,
            statistic=q,
            df=k - 1,
            p=special.chdtrc(k - 1, q),
            how="Cochran Q, χ² test of equal sites",
            measure=Measure.OVERALL_TEST,
            part=Pooling.Q,
        ),
        Estimate(
            "Hartung-Knapp factor",
            factor,
            how="below 1 the plain interval is narrower than its truncated form",
            measure=Measure.HETEROGENEITY,
            part=Pooling.FACTOR,
        ),
    )


# --- the estimators of τ² -------------------------------------------------------------------------


def _hedges(sites: _Sites) -> float:
    ordinary = _Sites(sites.y, np.ones_like(sites.v), sites.x)
    return (ordinary.q(0.0) - sites.trace_p(0)) / sites.spare


def _sidik_jonkman(sites: _Sites) -> float:
    start = float(np.var(sites.y))
    return start * sites.q(start) / sites.spare if start > 0 else 0.0


def _q_root(sites: _Sites, target: float) -> float:
    """The τ² ≥ 0 at which the generalised Q, which falls with τ², meets the target."""
    if sites.q(0.0) <= target:
        return 0.0
    high = float(np.var(sites.y)) + float(np.max(sites.v))
    while sites.q(high) > target:
        high *= 4
    return float(
        optimize.brentq(lambda t: sites.q(t) - target, 0.0, high, xtol=1e-14 * high, rtol=1e-14)
    )


def _likelihood(sites: _Sites, tau2: Array, restricted: bool) -> tuple[Array, Array]:
    """Score and log-likelihood (less a constant) at each τ² of an array."""
    w = 1 / (sites.v + np.atleast_1d(tau2)[:, None])
    information = np.einsum("gk,ki,kj->gij", w, sites.x, sites.x)
    beta = np.linalg.solve(information, np.einsum("gk,ki,k->gi", w, sites.x, sites.y)[..., None])[
        ..., 0
    ]
    rest = sites.y - beta @ sites.x.T
    score = 0.5 * (w**2 * rest**2).sum(1) - 0.5 * w.sum(1)
    value = 0.5 * np.log(w).sum(1) - 0.5 * (w * rest**2).sum(1)
    if restricted:
        squared = np.einsum("gk,ki,kj->gij", w**2, sites.x, sites.x)
        score = score + 0.5 * np.trace(np.linalg.solve(information, squared), axis1=1, axis2=2)
        value = value - 0.5 * np.linalg.slogdet(information)[1]
    return score, value


def _maximum(sites: _Sites, restricted: bool) -> float:
    """The highest maximum over τ² ≥ 0: every fall of the score through 0 on a fine grid is polished
    and compared.
    """
    ordinary = _Sites(sites.y, np.ones_like(sites.v), sites.x).q(0.0) / sites.spare
    if ordinary == 0:
        return 0.0
    grid = np.concatenate(
        [[0.0], np.geomspace(1e-9, 1e2, 90) * (ordinary + float(np.max(sites.v)))]
    )
    score = _likelihood(sites, grid, restricted)[0]
    peaks = [0.0] if score[0] <= 0 else []
    for i in np.flatnonzero((score[:-1] > 0) & (score[1:] <= 0)):
        root = optimize.brentq(
            lambda t: float(_likelihood(sites, np.array([t]), restricted)[0][0]),
            grid[i],
            grid[i + 1],
            xtol=1e-14 * grid[i + 1],
            rtol=1e-14,
        )
        peaks.append(float(root))
    heights = _likelihood(sites, np.array(peaks), restricted)[1]
    return peaks[int(np.argmax(heights))]


#: Estimators of τ² by the names of the meta-analysis literature. FE: a common effect, τ² = 0.
ESTIMATORS: dict[str, Callable[[_Sites], float]] = {
    "REML": lambda s: _maximum(s, True),
    "ML": lambda s: _maximum(s, False),
    "DL": lambda s: (s.q(0.0) - s.spare) / s.trace_p(),
    "PM": lambda s: _q_root(s, float(s.spare)),
    "EB": lambda s: _q_root(s, float(s.spare)),
    "HE": _hedges,
    "HS": lambda s: (s.q(0.0) - len(s.y)) / float(np.sum(1 / s.v)),
    "SJ": _sidik_jonkman,
    "FE": lambda s: 0.0,
}


def _finite(df: float) -> float:
    return df if math.isfinite(df) else NAN


def _named(estimator: str) -> str:
    return "common effect" if estimator == "FE" else f"random effects, {estimator}"


def _known(
    kind: str, name: str, names: dict[str, str] | dict[str, Callable[[_Sites], float]]
) -> None:
    if name not in names:
        raise AnalysisError(unknown(kind, name, names))


def _sites(y: ArrayLike, v: ArrayLike, moderators: ArrayLike | None = None) -> _Sites:
    values, variances = np.asarray(y, float), np.asarray(v, float)
    if values.ndim != 1 or values.shape != variances.shape:
        raise AnalysisError("Each site needs one estimate and one variance.")
    if not (np.isfinite(values).all() and np.isfinite(variances).all() and (variances > 0).all()):
        raise AnalysisError(
            "Each site needs a finite estimate and a variance above 0; leave out, by name, a site"
            " that has none."
        )
    x = np.ones((len(values), 1))
    if moderators is not None:
        extra = np.asarray(moderators, float)
        x = np.column_stack([x, extra.reshape(len(values), -1)])
    return _Sites(values, variances, x)
