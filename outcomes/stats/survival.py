"""Time until pain returns: Kaplan–Meier, its quantiles, restricted mean, log-rank and Cox
regression.

`time` is days (any unit), `event` is 1 where it happened on that day and 0 where the patient was
last seen without it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.wald import critical, wald
from outcomes.stats.wald import limits as wald_limits

Array = np.ndarray

#: A log hazard ratio over the whole range of a covariate that no data show: the estimate runs off.
APART = 15.0


def _checked(time: ArrayLike, event: ArrayLike) -> tuple[Array, Array]:
    t, e = np.asarray(time, dtype=float), np.asarray(event, dtype=float)
    if t.shape != e.shape or t.ndim != 1:
        raise AnalysisError(
            f"There are {t.size} times and {e.size} events: one of each a patient is needed."
        )
    if not np.isfinite(t).all() or (t < 0).any() or not np.isin(e, (0, 1)).all():
        raise AnalysisError(
            "Times are numbers of at least 0 and events are 0 or 1, without missing values."
        )
    return np.round(t, 9), e


@dataclass(frozen=True, eq=False)
class Curve:
    """A Kaplan–Meier curve: at each time seen, how many were at risk and had the event, S(t), its
    SE and limits.
    """

    time: Array
    at_risk: Array
    events: Array
    survival: Array
    se: Array
    low: Array
    high: Array
    level: float
    patients: int

    def at(self, day: float) -> Estimate:
        """The share still without the event on this day (after the last day seen: the last
        value).
        """
        i = int(np.searchsorted(self.time, day, "right")) - 1
        if not self.patients:
            return Estimate(
                "without event", NAN, level=self.level, reason="too_few", measure=Measure.SHARE
            )
        if i < 0:
            return Estimate(
                "without event", 1.0, 1.0, 1.0, self.level, se=0.0, measure=Measure.SHARE
            )
        return Estimate(
            "without event",
            self.survival[i],
            self.low[i],
            self.high[i],
            self.level,
            se=self.se[i],
            measure=Measure.SHARE,
        )

    def quantile(self, share: float = 0.5) -> Estimate:
        """The day by which this share has had the event; where the curve is flat at it, the middle
        of the flat part.

        The limits are those days of the upper and lower limit of the curve (Brookmeyer & Crowley
        1982).
        """
        value, low, high = (self._crossing(s, share) for s in (self.survival, self.low, self.high))
        reason = "too_few" if not self.patients else "not_reached" if math.isnan(value) else ""
        name = "median time" if share == 0.5 else f"time to {100 * share:g}%"
        return Estimate(
            name,
            value,
            low,
            high,
            self.level,
            reason=reason,
            how="Kaplan-Meier",
            measure=Measure.TIME,
        )

    def _crossing(self, survival: Array, share: float) -> float:
        defined = ~np.isnan(survival)
        days = np.concatenate([[0.0], self.time[defined]])
        gone = np.concatenate([[0.0], 1 - survival[defined]])
        step = np.concatenate([[True], np.diff(gone) > 0])
        days, gone = days[step], gone[step]
        tolerance = 1e-8
        reached = np.flatnonzero(gone >= share - tolerance)
        if not reached.size:
            return NAN
        i = int(reached[0])
        if abs(gone[i] - share) > tolerance:
            return float(days[i])
        flat_to = days[i + 1] if i + 1 < len(days) else self.time[-1]
        return float((days[i] + flat_to) / 2)

    def restricted_mean(self, until: float) -> Estimate:
        """The mean time without the event up to a day: the area under the curve, with its SE (Irwin
        1949; Karrison 1987).
        """
        name = "restricted mean time"
        if not self.patients:
            return Estimate(name, NAN, level=self.level, reason="too_few", measure=Measure.TIME)
        keep = (self.time < until) & (self.events > 0)
        edges = np.concatenate([[0.0], self.time[keep], [until]])
        heights = np.concatenate([[1.0], self.survival[keep]])
        areas = np.diff(edges) * heights
        after = np.cumsum(areas[::-1])[::-1][1:]
        d, n = self.events[keep], self.at_risk[keep]
        free = n * (n - d)
        with np.errstate(divide="ignore"):
            terms = np.where(free > 0, after**2 * d / np.where(free > 0, free, 1), 0.0)
        value, se = float(areas.sum()), math.sqrt(float(terms.sum()))
        how = f"area under Kaplan-Meier to {until:g}"
        if se == 0:
            return Estimate(
                name,
                value,
                level=self.level,
                se=0.0,
                how=how,
                reason="zero_variance",
                measure=Measure.TIME,
            )
        low, high = wald_limits(value, se, level=self.level)
        return Estimate(
            name,
            value,
            max(0.0, low),
            min(until, high),
            self.level,
            se=se,
            how=how,
            measure=Measure.TIME,
        )


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, level: float = 0.95, limits: str = "log-log"
) -> Curve:
    """What share is still without the event, day by day? S(t) = Π(1 − d/n), Greenwood's SE.

    `limits="log-log"` (default, keeps within 0 and 1) or "log"; undefined where S is 0, and 1 to 1,
    which says nothing, before the first event. Source: Kaplan & Meier 1958, J Am Stat Assoc 53:457;
    Kalbfleisch & Prentice 2002, section 1.4.

    >>> curve = kaplan_meier([3, 5, 5, 8, 10], [1, 1, 0, 1, 0])
    >>> [round(s, 3) for s in curve.survival.tolist()], curve.quantile().value
    ([0.8, 0.6, 0.3, 0.3], 8.0)
    """
    if limits not in ("log-log", "log"):
        raise AnalysisError(unknown("limits", limits, ["log-log", "log"]))
    t, e = _checked(time, event)
    days = np.unique(t)
    n = np.array([(t >= day).sum() for day in days], dtype=float)
    d = np.array([e[t == day].sum() for day in days])
    survival = np.cumprod(1 - d / n)
    survival[np.cumsum(d == n) > 0] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.sqrt(np.cumsum(d / (n * (n - d))))
        z = critical(level)
        if limits == "log":
            low, high = (
                survival * np.exp(-z * greenwood),
                np.minimum(1.0, survival * np.exp(z * greenwood)),
            )
        else:
            half = z * greenwood / np.log(survival)
            low, high = survival ** np.exp(-half), survival ** np.exp(half)
    low, high = (np.where(survival == 0, NAN, np.where(survival == 1, 1.0, x)) for x in (low, high))
    se = np.where(survival == 0, NAN, survival * np.where(survival == 0, 0, greenwood))
    return Curve(days, n, d, survival, se, low, high, level, t.size)


def log_rank(groups: Mapping[str, tuple[ArrayLike, ArrayLike]], *, rho: float = 0.0) -> Estimate:
    """Do the groups' times differ? Log-rank χ² (rho=0) or Peto's form weighted by S(t−)^rho.

    Source: Mantel 1966, Cancer Chemother Rep 50:163; Harrington & Fleming 1982, Biometrika 69:553.

    >>> round(log_rank({"IV": ([3, 5, 8], [1, 1, 1]), "PO": ([9, 10, 12], [1, 0, 1])}).p, 4)
    0.0246
    """
    parts = [_checked(t, e) for t, e in groups.values()]
    df, how = len(parts) - 1, "log-rank" if rho == 0 else f"log-rank weighted by S^{rho:g}"
    if df < 1 or min(t.size for t, _ in parts) < 1:
        return Estimate("chi2", NAN, df=df, how=how, reason="too_few", measure=Measure.OVERALL_TEST)
    t, e = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    label = np.repeat(np.arange(len(parts)), [p[0].size for p in parts])
    if not e.any() or _uninformed(t, e, label):
        return Estimate(
            "chi2",
            NAN,
            df=df,
            how=how,
            reason="no_events" if not e.any() else "not_estimable",
            measure=Measure.OVERALL_TEST,
        )
    from statsmodels.duration.survfunc import survdiff

    weights = {"weight_type": "fh", "fh_p": rho} if rho else {}
    chi2, p = survdiff(t, e, label, **weights)
    return Estimate(
        "chi2",
        chi2,
        p=p,
        statistic=chi2,
        df=df,
        how=how,
        measure=Measure.OVERALL_TEST,
    )


def _uninformed(t: Array, e: Array, label: Array) -> bool:
    """Whether some groups were never at risk together when an event came, so that nothing compares
    them.
    """
    groups = np.arange(label.max() + 1)
    joined = np.eye(len(groups), dtype=bool)
    for day in np.unique(t[e == 1]):
        here = np.isin(groups, label[t >= day])
        if (t >= day).sum() > e[t == day].sum():
            joined |= np.outer(here, here)
    return bool((np.linalg.matrix_power(joined.astype(float), len(groups)) == 0).any())


@dataclass(frozen=True, eq=False)
class CoxFit:
    """A Cox model: log hazard ratios, their covariance, the partial log-likelihood."""

    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    loglik: float
    reason: str = ""

    def coefficient(self, name: str, *, level: float = 0.95) -> Estimate:
        """One log hazard ratio with its Wald interval and z test."""
        if name not in self.names:
            raise AnalysisError(unknown("coefficient", name, self.names))
        j = self.names.index(name)
        if self.reason:
            return Estimate(
                name, NAN, level=level, reason=self.reason, how="Cox", measure=Measure.HAZARD_RATIO
            )
        value, se = float(self.coefficients[j]), math.sqrt(float(self.covariance[j, j]))
        return wald(name, value, se, level=level, how="Cox, Wald", measure=Measure.HAZARD_RATIO)


def cox(
    x: ArrayLike,
    time: ArrayLike,
    event: ArrayLike,
    *,
    names: Sequence[str] = (),
    ties: str = "efron",
) -> CoxFit:
    """How do characteristics shift the hazard of the event? Partial likelihood by statsmodels'
    `PHReg`, ties by Efron or Breslow.

    `x` is patients × columns. Reasons: `no_events`, `separation` (a coefficient without a finite
    estimate), `not_estimable` (columns without spread or that determine each other). Source: Cox
    1972, J R Stat Soc B 34:187; Efron 1977, J Am Stat Assoc 72:557.

    >>> fit = cox(
    ...     [[0.0], [0], [0], [1], [1], [1]], [3, 5, 8, 4, 10, 12], [1, 1, 1, 1, 0, 1], names=["PO"]
    ... )
    >>> round(fit.coefficient("PO").value, 4)
    -1.3945
    """
    if ties not in ("efron", "breslow"):
        raise AnalysisError(unknown("ties", ties, ["efron", "breslow"]))
    t, e = _checked(time, event)
    z = np.asarray(x, dtype=float)
    z = z[:, None] if z.ndim == 1 else z
    names = tuple(names) or tuple(f"x{j}" for j in range(z.shape[1]))
    p = z.shape[1]
    nothing = np.full(p, NAN)
    if not e.any():
        return CoxFit(names, nothing, np.full((p, p), NAN), NAN, "no_events")
    span = np.ptp(z, axis=0) if len(z) else np.zeros(p)
    if not (span > 0).all() or np.linalg.matrix_rank(z - z.mean(axis=0)) < p:
        return CoxFit(names, nothing, np.full((p, p), NAN), NAN, "not_estimable")
    from statsmodels.duration.hazard_regression import PHReg

    # covariates of unit range: its steps are ridged and its tolerance is absolute
    model = PHReg(t, (z - z.mean(axis=0)) / span, status=e, ties=ties)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it did not converge the gradient says so below
        try:
            fit = model.fit(disp=0)
        except np.linalg.LinAlgError:
            return CoxFit(names, nothing, np.full((p, p), NAN), NAN, "not_estimable")
    b, value = np.asarray(fit.params, float), float(fit.llf)
    if (np.abs(b) > APART).any():
        return CoxFit(names, nothing, np.full((p, p), NAN), value, "separation")
    information = -np.asarray(model.hessian(b), float)
    if np.linalg.matrix_rank(information) < p:
        return CoxFit(names, nothing, np.full((p, p), NAN), value, "not_estimable")
    reason = "" if np.abs(model.score(b)).max() < 1e-6 else "not_converged"
    covariance = np.linalg.inv(information) / np.outer(span, span)
    return CoxFit(names, b / span, covariance, value, reason)
