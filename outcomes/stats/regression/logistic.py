"""Logistic regression: exact profile-likelihood intervals, separation recognised, Firth's fit,
standardised risks.

The fit is Newton's method on the log-likelihood; a design is
`outcomes.stats.regression.linear.Design` or a matrix with names. Separation (a covariate or arm
that sorts responders from non-responders without error) sends a coefficient to infinity: it is
found exactly, by linear programming, and the coefficients are then nan with the reason
"separation".

References: Albert and Anderson, Biometrika 1984;71:1-10 (separation). Venzon and Moolgavkar, Appl
Stat 1988;37:87-94 (profile intervals). Firth, Biometrika 1993;80:27-38; Heinze and Schemper, Stat
Med 2002;21:2409-2419. Greenland, Am J Epidemiol 2004;160:301-305 (standardised risks). Ge et al,
Ther Innov Regul Sci 2011;45:481-493 (delta method).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from outcomes.core.direction import DIFFERENCE
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.regression.linear import Design, aliased_columns
from outcomes.stats.wald import critical, wald

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A fitted logistic model. `reason` is "" or why there are no coefficients ("separation",
    "not_converged" …).
    """

    names: tuple[str, ...]
    matrix: Array
    y: Array
    coefficients: Array
    covariance: Array
    loglik: float
    penalised: bool = False
    reason: str = ""

    @property
    def deviance(self) -> float:
        """−2 log-likelihood (the saturated model of single patients has log-likelihood 0)."""
        return -2 * self.loglik

    @property
    def aic(self) -> float:
        """Akaike's criterion, deviance + 2 × parameters."""
        return self.deviance + 2 * len(self.names)

    def log_odds_ratio(
        self, name: str, *, interval: str = "profile", level: float = 0.95
    ) -> Estimate:
        """One coefficient (a log odds ratio) with its Wald z and p, and the interval "profile"
        (default) or "wald".

        The profile limits are the exact roots of the likelihood ratio statistic, not a spline
        through it.
        """
        if name not in self.names:
            raise AnalysisError(unknown("coefficient", name, self.names))
        if interval not in ("profile", "wald"):
            raise AnalysisError(unknown("interval", interval, ["profile", "wald"]))
        kind = "Firth's penalised likelihood" if self.penalised else "maximum likelihood"
        how = (
            f"{kind}, {'profile-likelihood' if interval == 'profile' else 'Wald'} interval, Wald"
            " test"
        )
        j = self.names.index(name)
        value = self.coefficients[j]
        if self.reason:
            return Estimate(
                name, NAN, level=level, how=how, reason=self.reason, measure=Measure.ODDS_RATIO
            )
        se = math.sqrt(self.covariance[j, j])
        e = wald(name, value, se, level=level, how=how, measure=Measure.DIAGNOSTIC)
        if interval == "wald":
            return e
        low, high = self._profile(j, critical(level))
        return replace(e, low=low, high=high)

    def odds_ratio(self, name: str, *, interval: str = "profile", level: float = 0.95) -> Estimate:
        """One odds ratio: `log_odds_ratio` on the ratio scale; `se` stays that of the log."""
        e = self.log_odds_ratio(name, interval=interval, level=level)
        how = e.how + "; SE of the log"
        value, low, high = (math.exp(v) for v in (e.value, e.low, e.high))
        return Estimate(
            name,
            value,
            low,
            high,
            level,
            e.p,
            e.statistic,
            se=e.se,
            how=how,
            reason=e.reason,
            measure=Measure.ODDS_RATIO,
        )

    def _profile(self, j: int, z: float) -> tuple[float, float]:
        """Where twice the fall of the (penalised) log-likelihood, the other coefficients refitted,
        equals z².
        """
        others = [k for k in range(len(self.names)) if k != j]
        best, se = self.coefficients[j], math.sqrt(self.covariance[j, j])

        def fall(value: float) -> float:
            offset, start = self.matrix[:, j] * value, self.coefficients[others]
            if self.penalised:
                at = _newton(
                    self.matrix[:, others], self.y, offset=offset, start=start, full=self.matrix
                )
            else:
                at = _newton(self.matrix[:, others], self.y, offset=offset, start=start)
            return 2 * (self.loglik - at.loglik) - z * z

        return tuple(_crossing(fall, best, direction * z * se) for direction in (-1, 1))  # type: ignore[return-value]


def logistic(
    design: Design | Array,
    y: Sequence[float] | Array,
    *,
    names: Sequence[str] = (),
    penalised: bool = False,
) -> LogisticFit:
    """How do the odds of an event (`y` 0 or 1, one a patient) depend on arm and covariates?

    Maximum likelihood, or with `penalised` Firth's: the log-likelihood plus ½ log|X'WX|, whose
    estimates are finite under separation and less biased in small groups. `covariance` is (X'WX)⁻¹
    at the estimate.

    Raises AnalysisError when lengths differ, when y is not 0/1, or when a column repeats the
    columns before it.

    >>> x = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    >>> fit = logistic(x, [0, 0, 0, 1, 0, 1, 1, 1], names=("intercept", "arm"))
    >>> e = fit.odds_ratio("arm")
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 1)
    (9.0, 0.478, 419.0)
    >>> logistic(x, [0, 0, 0, 0, 0, 1, 1, 1], names=("intercept", "arm")).reason
    'separation'
    """
    x = design.matrix if isinstance(design, Design) else np.asarray(design, dtype=float)
    names = (
        design.names
        if isinstance(design, Design)
        else tuple(names) or tuple(f"x{j}" for j in range(x.shape[1]))
    )
    y = np.asarray(y, dtype=float)
    if len(y) != len(x):
        raise AnalysisError(
            f"The design has {len(x)} rows and the outcome {len(y)}: one row a patient is needed in"
            " both."
        )
    if not np.isin(y, (0, 1)).all():
        raise AnalysisError("A logistic model needs an outcome of 0 and 1, nothing missing.")
    if gone := aliased_columns(x):
        raise AnalysisError(f"'{names[gone[0]]}' repeats other columns of the model: leave it out.")
    k = x.shape[1]
    empty = LogisticFit(tuple(names), x, y, np.full(k, NAN), np.full((k, k), NAN), NAN, penalised)
    if len(y) < k:
        return _without(empty, "too_few")
    if len(set(y)) < 2:
        return _without(empty, "not_estimable")
    if not penalised and separated(x, y):
        return _without(empty, "separation")
    at = _newton(x, y, full=x if penalised else None)
    if not at.converged:
        return _without(empty, "not_converged")
    return LogisticFit(
        tuple(names), x, y, at.beta, np.linalg.inv(at.information), at.loglik, penalised
    )


def separated(x: Array, y: Array) -> bool:
    """Whether some combination of the columns sorts the events from the rest without an error (ties
    allowed).

    Some b with (2y−1)·xb ≥ 0 for all patients and > 0 for one: found by maximising the sum over −1
    ≤ b ≤ 1.
    """
    size = np.abs(x).max(axis=0)
    signed = (2 * y - 1)[:, None] * x / np.where(size > 0, size, 1)
    answer = optimize.linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(y)), bounds=(-1, 1), method="highs"
    )
    return bool(answer.fun is not None and -answer.fun > 1e-7)


def _without(fit: LogisticFit, reason: str) -> LogisticFit:
    return LogisticFit(
        fit.names, fit.matrix, fit.y, fit.coefficients, fit.covariance, NAN, fit.penalised, reason
    )


@dataclass(frozen=True, eq=False)
class _At:
    beta: Array
    loglik: float
    information: Array
    converged: bool


def _newton(
    x: Array,
    y: Array,
    *,
    offset: Array | float = 0.0,
    start: Array | None = None,
    full: Array | None = None,
) -> _At:
    """The maximum of the log-likelihood, or with `full` (all columns of the model) of Firth's
    penalised one.
    """

    def value(beta: Array) -> float:
        eta = x @ beta + offset
        plain = float(y @ eta - np.logaddexp(0, eta).sum())
        if full is None:
            return plain
        w = special.expit(eta) * special.expit(-eta)
        return plain + float(np.linalg.slogdet((full.T * w) @ full)[1]) / 2

    def step(beta: Array) -> tuple[Array, Array]:
        eta = x @ beta + offset
        p = special.expit(eta)
        w = p * special.expit(-eta)
        residual = y - p
        if full is not None:
            root = np.sqrt(w)[:, None] * full
            leverage = (np.linalg.qr(root)[0] ** 2).sum(axis=1)
            residual = residual + leverage * (0.5 - p)
        information = (x.T * w) @ x
        return x.T @ residual, information

    beta = np.zeros(x.shape[1]) if start is None else np.array(start, dtype=float)
    best, converged = value(beta), x.shape[1] == 0
    for _ in range(200):
        if converged:
            break
        score, information = step(beta)
        try:
            move = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            break
        for _ in range(60):
            trial = value(beta + move)
            if trial >= best - 1e-12 * (1 + abs(best)):
                break
            move = move / 2
        beta, best = beta + move, trial
        converged = bool(np.abs(move).max() <= 1e-10 * (1 + np.abs(beta).max()))
    return _At(beta, best, step(beta)[1], converged)


def _crossing(fall: Callable[[float], float], best: float, reach: float) -> float:
    """The root of `fall` on the side of `best` that `reach` points to; infinite where the
    likelihood is flat.
    """
    inner, outer = best, best + reach
    for _ in range(12):
        if fall(outer) >= 0:
            return float(optimize.brentq(fall, inner, outer, xtol=1e-12, rtol=1e-12))
        inner, outer = outer, outer + 2 * (outer - inner)
    return math.copysign(math.inf, reach)


@dataclass(frozen=True)
class Standardised:
    """Shares if everybody were in the group, and in the reference; their difference and ratio
    (standardised).
    """

    group: Estimate
    reference: Estimate
    difference: Estimate
    ratio: Estimate


def standardised_risks(
    fit: LogisticFit, group: Array, reference: Array, *, level: float = 0.95
) -> Standardised:
    """What share would respond if all these patients were in the group, and if all were in the
    reference?

    g-computation: `group` and `reference` are the model's matrix with the arm columns set for
    everybody; RD = mean expit(x₁β) − mean expit(x₀β), SE = √(g'Vg) by the delta method with g =
    mean p₁q₁x₁ − mean p₀q₀x₀ and covariates taken as fixed; the ratio on the log scale. Adjusting
    gains precision in a trial; where treatment was chosen it removes only what the covariates
    carry.

    >>> x = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    >>> fit = logistic(x, [0, 0, 0, 1, 0, 1, 1, 1])
    >>> one, none = x.copy(), x.copy()
    >>> one[:, 1], none[:, 1] = 1, 0
    >>> e = standardised_risks(fit, one, none).difference
    >>> round(e.value, 3), round(e.se, 4)
    (0.5, 0.3062)
    """
    how = (
        "standardised over all patients (g-computation) from logistic regression, delta-method"
        " interval"
    )
    if fit.penalised:
        how = how.replace("logistic", "Firth's penalised logistic")
    names = (
        "standardised share",
        "standardised share",
        "standardised risk difference",
        "standardised risk ratio",
    )
    kinds = (Measure.SHARE, Measure.SHARE, Measure.SHARE_DIFFERENCE, Measure.RISK_RATIO)
    if fit.reason:
        return Standardised(
            *(
                Estimate(n, NAN, level=level, how=how, reason=fit.reason, measure=kind)
                for n, kind in zip(names, kinds)
            )
        )
    (p1, g1), (p0, g0) = (_mean_risk(x, fit.coefficients) for x in (group, reference))

    def judged(value: float, gradient: Array, at: int) -> Estimate:
        se = math.sqrt(float(gradient @ fit.covariance @ gradient))
        ratio, compares = kinds[at] is Measure.RISK_RATIO, kinds[at].compares_groups
        return wald(
            names[at],
            value,
            se,
            level=level,
            tested=compares and se > 0,
            back=math.exp if ratio else float,
            unit="" if ratio else DIFFERENCE if compares else "share",
            how=f"{how}; SE of the log" if ratio else how,
            measure=kinds[at],
        )

    return Standardised(
        judged(p1, g1, 0),
        judged(p0, g0, 1),
        judged(p1 - p0, g1 - g0, 2),
        judged(math.log(p1 / p0), g1 / p1 - g0 / p0, 3),
    )


def _mean_risk(x: Array, beta: Array) -> tuple[float, Array]:
    p = special.expit(np.asarray(x, dtype=float) @ beta)
    return float(p.mean()), (p * (1 - p)) @ x / len(p)
