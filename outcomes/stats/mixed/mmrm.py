"""The mixed model for repeated measures: design by visit, adjusted means, contrasts, windows,
predictions and residuals.

Mallinckrodt et al. 2008, Drug Inf J 42:303 (the model); Lenth & Searle, population marginal means
(1980, Am Stat 34:216).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.stats.mixed.covariance import ByGroup, Structure, structure
from outcomes.stats.mixed.cross_products import Summary, by_pattern
from outcomes.stats.mixed.likelihood import Design
from outcomes.stats.mixed.reml import Fit, fit_first
from outcomes.stats.mixed.small_sample import Inference, Rows, infer
from outcomes.stats.wald import p_of

Array = NDArray[np.float64]

#: The declared order in which covariances are tried: each only where the one before does not
#: converge.
FALLBACK = ("us", "toeph", "ar1h", "cs")


def visit_design(
    features: Sequence[str], visits: Sequence[str], *, by_visit: Collection[str] = ()
) -> Design:
    """Treatment-coded columns: each feature, each visit but the first, and visit interactions of
    the features in `by_visit`.

    The first feature is the constant; its interaction with the visits gives the visits' own
    columns.

    >>> visit_design(("intercept", "arm"), ("w1", "w4"), by_visit=("arm",)).names
    ('intercept', 'arm', 'visit w4', 'arm x w4')
    """
    for name in by_visit:
        if name not in features:
            raise AnalysisError(unknown("feature", name, features))
    m, d = len(visits), len(features)
    columns: list[Array] = []
    names: list[str] = []
    for f, feature in enumerate(features):
        column = np.zeros((m, d))
        column[:, f] = 1.0
        columns.append(column)
        names.append(feature)
    for f, feature in enumerate(features):
        if f and feature not in by_visit:
            continue
        for j in range(1, m):
            column = np.zeros((m, d))
            column[j, f] = 1.0
            columns.append(column)
            names.append(f"visit {visits[j]}" if f == 0 else f"{feature} x {visits[j]}")
    return Design(np.stack(columns, axis=-1), tuple(names))


def shifted(e: Estimate, by: float) -> Estimate:
    """The estimate of a number that is larger by a constant, tested against 0 again."""
    t = (e.value + by) / e.se if e.se > 0 else nan
    limits = {k: getattr(e, k) + by for k in ("value", "low", "high")}
    return replace(e, statistic=t, p=p_of(t, e.df), **limits)


@dataclass(frozen=True, eq=False)
class Repeated:
    """A fitted model for repeated scores and the feature values at which each arm's mean is taken.

    `profiles` maps an arm ("" where there is none) to its feature values (features,): the arm's own
    indicators, covariates at their mean over the analysed rows unless the caller set them.
    """

    inference: Inference
    profiles: Mapping[str, Array]
    level: float = 0.95
    unit: str = "points"
    #: What was taken off the scores before the fit: it comes back to every mean.
    origin: float = 0.0

    @property
    def fit(self) -> Fit:
        """The fitted model."""
        return self.inference.fit

    @property
    def visits(self) -> tuple[str, ...]:
        """The visits in order."""
        return self.fit.summary.visits

    def weights(self, visits: str | Sequence[str]) -> Array:
        """The average over visits (one visit, or a declared window) as weights (M,)."""
        wanted = [visits] if isinstance(visits, str) else list(visits)
        out = np.zeros(len(self.visits))
        for v in wanted:
            if v not in self.visits:
                raise AnalysisError(unknown("visit", v, self.visits))
            out[self.visits.index(v)] += 1 / len(wanted)
        return out

    def row(self, arm: str, visits: str | Sequence[str]) -> Array:
        """The linear combination of coefficients that is the arm's adjusted mean, averaged over the
        visits.
        """
        if arm not in self.profiles:
            raise AnalysisError(unknown("arm", arm, self.profiles))
        return np.einsum(
            "j,jdp,d->p", self.weights(visits), self.fit.design.columns, self.profiles[arm]
        )

    def mean(self, arm: str = "", *, visit: str | Sequence[str]) -> Estimate:
        """The adjusted mean of one arm at a visit, or averaged over a window."""
        e = self._estimate(self.row(arm, visit), "adjusted mean", visit, arm, Measure.LEVEL)
        limits = {k: getattr(e, k) + self.origin for k in ("value", "low", "high")}
        return replace(e, **limits)

    def difference(self, arm: str, reference: str, *, visit: str | Sequence[str]) -> Estimate:
        """Adjusted mean of `arm` minus that of `reference`."""
        return self._estimate(
            self.row(arm, visit) - self.row(reference, visit),
            f"{arm} − {reference}",
            visit,
            "",
            Measure.DIFFERENCE,
        )

    def change(self, arm: str = "", *, before: str, after: str | Sequence[str]) -> Estimate:
        """Adjusted mean after minus before, within one arm."""
        row = self.row(arm, after) - self.row(arm, before)
        return self._estimate(row, f"mean change from {before}", after, arm, Measure.CHANGE)

    def difference_in_change(
        self, arm: str, reference: str, *, before: str, after: str | Sequence[str]
    ) -> Estimate:
        """The difference between two arms in their change (after minus before)."""
        row = (
            self.row(arm, after)
            - self.row(arm, before)
            - self.row(reference, after)
            + self.row(reference, before)
        )
        return self._estimate(
            row,
            f"{arm} − {reference}, change from {before}",
            after,
            "",
            Measure.DIFFERENCE_IN_CHANGE,
        )

    def _estimate(
        self, row: Array, name: str, visit: str | Sequence[str], group: str, measure: Measure
    ) -> Estimate:
        at = visit if isinstance(visit, str) else "average of " + ", ".join(visit)
        estimate = self.inference.contrast(
            row, name=name, level=self.level, unit=self.unit, visit=at, group=group, measure=measure
        )
        if measure is Measure.LEVEL:
            return replace(estimate, p=nan, statistic=nan)
        return estimate

    def standardised(self, estimate: Estimate, *, sd: float = nan, visit: str = "") -> Estimate:
        """The estimate in units of a named SD: the one given (the baseline SD), or the model's at a
        visit.

        The SD counts as known, so the interval is the estimate's own divided by it.
        """
        if visit:
            j = self.visits.index(visit)
            sd, named = sqrt(float(np.mean(self.fit.sigma[:, j, j]))), f"model SD at {visit}"
        else:
            named = "baseline SD"
        if not sd > 0:
            return Estimate(
                f"standardised {estimate.name}",
                nan,
                level=estimate.level,
                reason="zero_variance",
                visit=estimate.visit,
            )
        kind = (
            Measure.STANDARDISED_DIFFERENCE
            if estimate.measure.compares_groups
            else Measure.STANDARDISED_CHANGE
        )
        scaled = {k: getattr(estimate, k) / sd for k in ("value", "low", "high", "se")}
        how = f"divided by the {named} ({sd:.4g}), taken as known"
        return replace(
            estimate,
            name=f"standardised {estimate.name}",
            unit=named,
            how=how,
            p=nan,
            p_adjusted=nan,
            statistic=nan,
            measure=kind,
            **scaled,
        )

    def type_iii(self) -> tuple[Estimate, ...]:
        """Type III F-tests: arms (averaged over visits), visits (averaged over arms), arm x visit,
        and each other feature.

        Covariates stand at their values in the profiles, so that the test of visits is one of
        adjusted means even where a covariate's effect differs by visit (SAS puts such a covariate
        at zero there).
        """
        arms, visits, first = list(self.profiles), self.visits, self.visits[0]
        rows = {(a, v): self.row(a, v) for a in arms for v in visits}
        over_visits = {a: np.mean([rows[a, v] for v in visits], axis=0) for a in arms}
        over_arms = {v: np.mean([rows[a, v] for a in arms], axis=0) for v in visits}
        tests = {
            "arm": [over_visits[a] - over_visits[arms[0]] for a in arms[1:]],
            "visit": [over_arms[v] - over_arms[first] for v in visits[1:]],
            "arm x visit": [
                rows[a, v] - rows[arms[0], v] - rows[a, first] + rows[arms[0], first]
                for a in arms[1:]
                for v in visits[1:]
            ],
        }
        constant = [
            np.ptp([p[i] for p in self.profiles.values()]) == 0
            for i in range(len(self.fit.summary.features))
        ]
        for i, name in enumerate(self.fit.summary.features):
            if i and constant[i]:
                tests[name] = [self.fit.design.columns[:, i].mean(axis=0)]
        return tuple(
            replace(self.inference.test(np.array(test), name=name), part=EFFECTS.get(name))
            for name, test in tests.items()
            if test
        )


class Effect(Enum):
    """Rows of the type III tests; one of a covariate has none."""

    ARM = auto()
    VISIT = auto()
    ARM_BY_VISIT = auto()


EFFECTS = {"arm": Effect.ARM, "visit": Effect.VISIT, "arm x visit": Effect.ARM_BY_VISIT}


def repeated(
    summary: Summary,
    *,
    by_visit: Collection[str] = (),
    design: Design | None = None,
    arms: Mapping[str, Mapping[str, float]] | None = None,
    at: Mapping[str, float] | None = None,
    covariance: Sequence[str | Structure] = FALLBACK,
    method: str = "kenward-roger",
    rows: Rows | None = None,
    level: float = 0.95,
    unit: str = "points",
    reml: bool = True,
    origin: float = 0.0,
) -> Repeated:
    """Fit a model for repeated scores from their summary.

    `by_visit` names features whose effect may differ by visit (or `design` gives the columns
    themselves); `arms` maps each arm to the values of its indicators; `at` fixes covariates that
    are not to be taken at their mean; `covariance` is the order of structures to try; `origin` is
    what was taken off the scores before they were summarised.

    Raises NotConverged where no covariance converges, AnalysisError for unknown names.

    >>> import numpy as np
    >>> from outcomes.stats.mixed.cross_products import summarise
    >>> before, after = (
    ...     [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2],
    ...     [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
    ... )
    >>> s = summarise(
    ...     np.column_stack([before, after]),
    ...     np.ones((10, 1)),
    ...     visits=("before", "after"),
    ...     features=("intercept",),
    ... )
    >>> e = repeated(s).change(before="before", after="after")
    >>> (
    ...     round(e.value, 4),
    ...     round(e.se, 4),
    ...     round(e.df, 6),
    ...     round(e.p, 6),
    ... )  # the paired t-test of Student's sleep data
    (1.58, 0.389, 9.0, 0.002833)
    """
    design = design or visit_design(summary.features, summary.visits, by_visit=by_visit)
    m, groups = len(summary.visits), summary.groups
    tried = [structure(c, m) if isinstance(c, str) else c for c in covariance]
    if len(groups) > 1:
        tried = [ByGroup(t, groups) for t in tried]
    fitted = fit_first(summary, design, tried, reml=reml)
    values = summary.feature_means[:-1].copy()
    for name, value in (at or {}).items():
        values[_index(summary, name)] = value
    profiles = {}
    for arm, own in (arms or {"": {}}).items():
        profile = values.copy()
        for name, value in own.items():
            profile[_index(summary, name)] = value
        profiles[arm] = profile
    return Repeated(infer(fitted, method, rows=rows), profiles, level, unit, origin)


def _index(summary: Summary, name: str) -> int:
    if name not in summary.features:
        raise AnalysisError(unknown("feature", name, summary.features))
    return summary.features.index(name)


@dataclass(frozen=True, eq=False)
class Predictions:
    """For each patient and visit: the model's mean, the mean given the patient's own scores, raw
    and scaled residuals, and the leverage.

    Scaled residuals (Cholesky of the fitted covariance) are uncorrelated with variance one where
    the model holds. The leverage is the share that a score, scaled in the same way, has in its own
    fitted value: over all scores they add up to the number of coefficients.
    """

    mean: Array
    conditional: Array
    residual: Array
    scaled: Array
    leverage: Array


def predict(fit: Fit, rows: Rows) -> Predictions:
    """Predictions and residuals for the patients (rows) of a model, all of shape (patients,
    visits).
    """
    y, x = np.asarray(rows.scores, dtype=float), np.asarray(rows.design, dtype=float)
    x = np.broadcast_to(x[:, None, :], (*y.shape, x.shape[1])) if x.ndim == 2 else x
    member = (
        np.zeros(len(y), dtype=np.int64)
        if rows.group is None
        else np.asarray(rows.group, dtype=np.int64)
    )
    mean = np.einsum(
        "njd,jdp,p->nj", x, fit.design.columns[:, :, fit.kept], fit.beta[fit.kept], optimize=True
    )
    conditional, residual, scaled = mean.copy(), y - mean, np.full(y.shape, nan)
    leverage = np.full(y.shape, nan)
    for group, seen, patients in by_pattern(y, member):
        sigma = fit.sigma[min(group, len(fit.sigma) - 1)]
        at, off = np.flatnonzero(seen), np.flatnonzero(~seen)
        r = residual[np.ix_(patients, at)]
        within = sigma[np.ix_(at, at)]
        lower = np.linalg.cholesky(within)
        scaled[np.ix_(patients, at)] = np.linalg.solve(lower, r.T).T
        columns = fit.design.columns[at][:, :, fit.kept]
        for some in np.array_split(patients, len(patients) // 10_000 + 1):
            own = np.einsum("njd,jdp->njp", x[some][:, at], columns)
            own = np.linalg.solve(lower, own)
            leverage[np.ix_(some, at)] = ((own @ fit.cov_beta) * own).sum(axis=2)
        conditional[np.ix_(patients, at)] = y[np.ix_(patients, at)]
        conditional[np.ix_(patients, off)] += (
            np.linalg.solve(within, r.T).T @ sigma[np.ix_(at, off)]
        )
    return Predictions(mean, conditional, residual, scaled, leverage)
