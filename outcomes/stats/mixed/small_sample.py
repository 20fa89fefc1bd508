"""Small-sample inference for a fitted model: standard errors, degrees of freedom, contrasts and
tests.

Methods: "kenward-roger" (linear, observed information: the SAS match), "kenward-roger-expected"
(expected information, as in R pbkrtest), "kenward-roger-full" (with the second-derivative term, as
in R mmrm), "satterthwaite", "between-within", "residual"; and the
empirical ("sandwich") covariances "CR0", "jackknife" and "CR2" with their own Satterthwaite degrees
of freedom, which need the patients' rows. Sources: Kenward & Roger 1997, Biometrics 53:983;
Satterthwaite 1946, Biometrics Bull 2:110; Fai & Cornelius 1996, J Stat Comput Simul 54:363; Bell &
McCaffrey 2002, Surv Methodol 28:169; Schluchter & Elashoff 1990, J Stat Comput Simul 37:69.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.stats.mixed.cross_products import by_pattern
from outcomes.stats.mixed.reml import Fit, NotConverged
from outcomes.stats.mixed.second_order import second_order
from outcomes.stats.wald import wald

Array = NDArray[np.float64]

#: With fewer degrees of freedom the data say nothing about a standard error (a 95% interval would
#: reach over 10^12 of them): a covariance on the edge of what they determine.
LEAST_DF = 0.1
#: The methods, and how a sentence calls them.
METHODS = {
    "kenward-roger": "Kenward-Roger (linear, observed information)",
    "kenward-roger-expected": "Kenward-Roger (expected information)",
    "kenward-roger-full": "Kenward-Roger (second order, observed information)",
    "satterthwaite": "Satterthwaite",
    "satterthwaite-expected": "Satterthwaite (expected information)",
    "between-within": "between-within",
    "residual": "residual",
    "residual-CR0": "empirical (CR0), residual",
    "CR0": "empirical (CR0), Satterthwaite",
    "jackknife": "empirical (jackknife, CR3), Satterthwaite",
    "CR2": "empirical (bias-reduced, CR2), Satterthwaite",
}
#: The methods that need the patients' rows; for the others their sums are enough.
OF_ROWS = frozenset({"residual-CR0", "CR0", "jackknife", "CR2"})


@dataclass(frozen=True, eq=False)
class Rows:
    """The patients' own scores (patients, visits), features and groups: what an empirical
    covariance needs as well.
    """

    scores: Array
    design: Array
    group: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Inference:
    """The covariance of the kept coefficients under one method, and the degrees of freedom of any
    contrast of them.
    """

    fit: Fit
    method: str
    cov: Array
    slopes: Array | None = None
    weights: Array | None = None
    scores: tuple[Array, Array] | None = None
    within: NDArray[np.bool_] | None = None

    @property
    def how(self) -> str:
        """The covariance and the degrees of freedom in words."""
        estimator = "REML" if self.fit.reml else "ML"
        return (
            f"{self.fit.structure.title} covariance, {estimator}, {METHODS[self.method]} degrees of"
            " freedom"
        )

    def _kept(self, contrast: Array) -> Array | None:
        """The contrast in the kept coefficients, or None where the data do not determine it."""
        scale = np.abs(contrast).max(initial=0.0)
        if np.abs(self.fit.null @ contrast).max(initial=0.0) > 1e-7 * scale:
            return None
        return contrast[self.fit.kept]

    def df(self, contrast: ArrayLike) -> float:
        """Degrees of freedom of one contrast (coefficients,)."""
        c = self._kept(np.asarray(contrast, dtype=float))
        return nan if c is None else self._df(c)

    def _df(self, c: Array) -> float:
        s = self.fit.summary
        if self.method.startswith("residual"):
            return float(s.n_rows - len(c))
        if self.within is not None:
            columns = self.fit.design.columns[:, :, self.fit.kept]
            intercept = (columns[:, 0] == 1).all(axis=0) & (columns[:, 1:] == 0).all(axis=(0, 1))
            used = np.abs(c) > 1e-12 * np.abs(c).max(initial=0.0)
            if (self.within | intercept)[used].all():
                return float(s.n_rows - s.n_patients - int((self.within & ~intercept).sum()))
            return float(s.n_patients - int((~self.within | intercept).sum()))
        if self.scores is not None:
            own, cross = self.scores
            a = np.einsum("nap,p->na", own, c)
            b = cross @ c
            diagonal = np.einsum("na,na->n", a, a)
            lent = b @ self.fit.cov_beta
            trace = diagonal.sum() - np.einsum("np,np->", lent, b)
            gram = b.T @ b
            square = diagonal @ diagonal - 2 * diagonal @ np.einsum("np,np->n", lent, b)
            square += float(
                np.einsum("ij,ji->", self.fit.cov_beta @ gram, self.fit.cov_beta @ gram)
            )
            return float(trace**2 / square) if square > 0 else nan
        v = float(c @ self.fit.cov_beta @ c)
        g = self._gradient(c)
        noise = float(g @ self._weights @ g)
        return 2 * v * v / noise if noise > 0 else nan

    def _gradient(self, c: Array) -> Array:
        """Derivatives of c' Phi c in the covariance parameters."""
        assert self.slopes is not None
        u = self.fit.cov_beta @ c
        return self.slopes @ u @ u

    @property
    def _weights(self) -> Array:
        assert self.weights is not None
        return self.weights

    def contrast(
        self,
        contrast: ArrayLike,
        *,
        name: str,
        level: float = 0.95,
        unit: str = "",
        visit: str = "",
        group: str = "",
        measure: Measure = Measure.UNSTATED,
    ) -> Estimate:
        """The estimate of one linear combination (coefficients,) with its interval and the t-test
        against zero.

        An aliased combination (an arm without that visit) is nan, with the reason.
        """
        l_full = np.asarray(contrast, dtype=float)
        c = self._kept(l_full)
        if c is None:
            return Estimate(
                name,
                nan,
                level=level,
                unit=unit,
                how=self.how,
                reason="not_estimable",
                visit=visit,
                group=group,
                measure=measure,
            )
        value = float(c @ self.fit.beta[self.fit.kept])
        variance = float(c @ self.cov @ c)
        df = self._df(c)
        if not variance > 0 or not df >= LEAST_DF:
            return Estimate(
                name,
                value,
                level=level,
                unit=unit,
                how=self.how,
                reason="not_estimable" if variance > 0 and df > 0 else "zero_variance",
                visit=visit,
                group=group,
                measure=measure,
            )
        return wald(
            name,
            value,
            sqrt(variance),
            df=df,
            level=level,
            unit=unit,
            how=self.how,
            visit=visit,
            group=group,
            measure=measure,
        )

    def test(self, contrasts: ArrayLike, *, name: str) -> Estimate:
        """The F-test of several contrasts (rows, coefficients) being zero together: value is F,
        `how` has the numerator df.

        Kenward-Roger scales F with the full moment match of 1997 (its p. 988); Satterthwaite
        methods use Fai & Cornelius.
        """
        rows = np.atleast_2d(np.asarray(contrasts, dtype=float))
        kept = [self._kept(row) for row in rows]
        if any(c is None for c in kept):
            return Estimate(
                name, nan, how=self.how, reason="not_estimable", measure=Measure.OVERALL_TEST
            )
        c = _independent(np.array(kept))
        r = len(c)
        value = c @ self.fit.beta[self.fit.kept]
        v = c @ self.cov @ c.T
        if np.linalg.matrix_rank(v) < r:
            return Estimate(
                name, nan, how=self.how, reason="zero_variance", measure=Measure.OVERALL_TEST
            )
        f = float(value @ np.linalg.solve(v, value)) / r
        df, scale = self._joint_df(c)
        if df < LEAST_DF:
            return Estimate(
                name, nan, how=self.how, reason="not_estimable", measure=Measure.OVERALL_TEST
            )
        p = float(special.fdtrc(r, df, max(scale * f, 0.0)))
        return Estimate(
            name,
            scale * f,
            p=p,
            statistic=scale * f,
            df=df,
            how=f"F-test, numerator df {r}, {self.how}",
            measure=Measure.OVERALL_TEST,
        )

    def _joint_df(self, c: Array) -> tuple[float, float]:
        r = len(c)
        if self.method.startswith("kenward-roger"):
            assert self.slopes is not None
            return _kenward_roger_f(c, self.fit.cov_beta, self.slopes, self._weights)
        if self.within is not None or self.method.startswith("residual"):
            return min(self._df(row) for row in c), 1.0
        if r == 1:
            return self._df(c[0]), 1.0
        _, vectors = np.linalg.eigh(c @ self.cov @ c.T)
        each = np.array([self._df(row) for row in vectors.T @ c])
        if np.ptp(each) < 1e-8 * each.mean():
            return float(each.mean()), 1.0
        if (each <= 2).any():
            return 2.0, 1.0
        total = float((each / (each - 2)).sum())
        return 2 * total / (total - r), 1.0


def _independent(c: Array) -> Array:
    """The rows of a contrast matrix without repetition: an orthonormal basis of their span where
    they depend on each other.
    """
    if np.linalg.matrix_rank(c) == len(c):
        return c
    _, s, vt = np.linalg.svd(c)
    return vt[: int((s > 1e-10 * s[0]).sum())]


def _kenward_roger_f(c: Array, phi: Array, slopes: Array, w: Array) -> tuple[float, float]:
    """Denominator df and scale of the Kenward-Roger F-test (their A1, A2, B, c1 to c3)."""
    r = len(c)
    theta = c.T @ np.linalg.solve(c @ phi @ c.T, c)
    m = np.array([theta @ phi @ s @ phi for s in slopes])
    traces = np.einsum("aij,ji->a", m, np.eye(len(phi)))
    a1 = float(traces @ w @ traces)
    a2 = float(np.einsum("ab,aij,bji->", w, m, m, optimize=True))
    b = (a1 + 6 * a2) / (2 * r)
    g = ((r + 1) * a1 - (r + 4) * a2) / ((r + 2) * a2)
    under = 3 * r + 2 * (1 - g)
    c1, c2, c3 = g / under, (r - g) / under, (r + 2 - g) / under
    mean = 1 / (1 - a2 / r)
    variance = 2 / r * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
    rho = variance / (2 * mean**2)
    df = 4 + (r + 2) / (r * rho - 1)
    return df, df / (mean * (df - 2))


def infer(fit: Fit, method: str = "kenward-roger", *, rows: Rows | None = None) -> Inference:
    """The covariance of the coefficients and the degrees of freedom by one of `METHODS`.

    The empirical methods need `rows`, the patients' scores and features that made the summary.

    Raises AnalysisError for an unknown method or missing rows.
    """
    if method not in METHODS:
        raise AnalysisError(unknown("method", method, METHODS))
    if method == "between-within":
        return Inference(fit, method, fit.cov_beta, within=_varies_within(fit))
    if method == "residual":
        return Inference(fit, method, fit.cov_beta)
    if method in ("CR0", "jackknife", "CR2", "residual-CR0"):
        if rows is None:
            raise AnalysisError(
                f"The {METHODS[method]} covariance needs the patients' rows, not only their"
                " summary."
            )
        cov, scores = _empirical(fit, rows, "CR0" if method == "residual-CR0" else method)
        return Inference(fit, method, cov, scores=None if method == "residual-CR0" else scores)
    information = fit.expected if method.endswith("expected") else fit.hessian
    try:
        w = np.asarray(2 * np.linalg.inv(information), dtype=float)
    except np.linalg.LinAlgError:
        raise NotConverged(
            "The information on the covariance is singular, so degrees of freedom are not"
            " determined."
        ) from None
    slopes = fit.pieces.first[:, :-1, :-1]
    cov = _kenward_roger(fit, slopes, w) if method.startswith("kenward-roger") else fit.cov_beta
    if method == "kenward-roger-full":
        cov = cov - fit.cov_beta @ second_order(fit, (w + w.T) / 2) @ fit.cov_beta / 2
    return Inference(fit, method, cov, slopes=slopes, weights=(w + w.T) / 2)


def _kenward_roger(fit: Fit, slopes: Array, w: Array) -> Array:
    """Phi + 2 Phi {sum of w_ab (Q_ab - P_a Phi P_b)} Phi, without the second-derivative term."""
    pieces = fit.pieces
    weights = np.zeros_like(pieces.weights)
    for g in range(fit.sigma.shape[0]):
        rows = fit.summary.group == g
        own, j = pieces.weights[rows], pieces.at.first[:, g]
        paired = np.tensordot(w, j, 1)
        weights[rows] = own @ sum(a @ own @ b for a, b in zip(j, paired)) @ own
    q = pieces.engine.contract(weights)[:-1, :-1]
    lent = slopes @ fit.cov_beta
    mixed = np.tensordot(w, slopes, 1)
    p = np.einsum("aij,ajk->ik", lent, mixed, optimize=True)
    return fit.cov_beta + 2 * fit.cov_beta @ (q - (p + p.T) / 2) @ fit.cov_beta


def _varies_within(fit: Fit) -> NDArray[np.bool_]:
    """Which kept coefficients have a column that changes between the visits of a patient."""
    gram, columns = fit.summary.gram[..., :-1, :-1], fit.design.columns[:, :, fit.kept]
    visits = np.maximum(fit.summary.pattern.sum(axis=1), 1)
    products = np.einsum("jdp,kjlde,lep->kjlp", columns, gram, columns, optimize=True)
    total = np.einsum("kjjp->kp", products)
    spread = total - products.sum(axis=(1, 2)) / visits[:, None]
    return spread.sum(axis=0) > 1e-9 * total.sum(axis=0)


def _empirical(fit: Fit, rows: Rows, kind: str) -> tuple[Array, tuple[Array, Array]]:
    """The sandwich covariance, and what its degrees of freedom need: per patient A X~ Phi (visits,
    p) and X~' A X~ Phi (p, p).

    Scores are scaled by the Cholesky factor of V; A is 1 (CR0), (1 - H)^-1 (jackknife) or (1 -
    H)^-1/2 (CR2).
    """
    y = np.asarray(rows.scores, dtype=float)
    x = np.asarray(rows.design, dtype=float)
    x = np.broadcast_to(x[:, None, :], (*y.shape, x.shape[1])) if x.ndim == 2 else x
    member = (
        np.zeros(len(y), dtype=np.int64)
        if rows.group is None
        else np.asarray(rows.group, dtype=np.int64)
    )
    columns, phi, beta = fit.design.columns[:, :, fit.kept], fit.cov_beta, fit.beta[fit.kept]
    n, m, p = len(y), y.shape[1], len(fit.kept)
    own, cross, meat = np.zeros((n, m, p)), np.zeros((n, p, p)), np.zeros((n, p))
    for group, seen, patients in by_pattern(y, member):
        at = np.flatnonzero(seen)
        lower = np.linalg.cholesky(fit.sigma[min(group, len(fit.sigma) - 1)][np.ix_(at, at)])
        full = np.einsum("njd,jdp->njp", x[np.ix_(patients, at)], columns[at])
        scaled = np.linalg.solve(lower, full)
        residual = np.linalg.solve(lower, (y[np.ix_(patients, at)] - full @ beta)[..., None])
        if kind == "CR0":
            adjusted = scaled
        else:
            values, vectors = np.linalg.eigh(
                np.eye(len(at)) - scaled @ phi @ scaled.transpose(0, 2, 1)
            )
            power = -1.0 if kind == "jackknife" else -0.5
            safe = values > 1e-10
            values = np.where(safe, np.where(safe, values, 1.0) ** power, 0.0)
            adjusted = (vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1) @ scaled
        a = adjusted @ phi
        own[np.ix_(patients, np.arange(len(at)))] = a
        cross[patients] = scaled.transpose(0, 2, 1) @ a
        meat[patients] = np.einsum("njp,nj->np", a, residual[..., 0])
    return meat.T @ meat, (own, cross)


def likelihood_ratio(larger: Fit, smaller: Fit, *, boundary: int = 0) -> Estimate:
    """Chi-square test of nested models: fitted by ML where their coefficients differ, by either
    where only covariances do.

    A variance tested against zero lies at its boundary, where the plain p is too large. `boundary`,
    the number of parameters that one more random effect has, takes the half-and-half mixture of
    chi-square with one less and that many degrees of freedom (Self & Liang 1987, JASA 82:605; Stram
    & Lee 1994, Biometrics 50:1171); p = 1 where the larger model fits no better.

    Raises AnalysisError where REML fits with different coefficients are compared.
    """
    if larger.reml != smaller.reml or (larger.reml and list(larger.kept) != list(smaller.kept)):
        raise AnalysisError(
            "Models with different coefficients are compared by ML, not REML: fit both with"
            " reml=False."
        )
    statistic = max(2 * (larger.loglik - smaller.loglik), 0.0)
    df = larger.n_parameters + len(larger.kept) - smaller.n_parameters - len(smaller.kept)
    df = boundary or df
    p, how = float(special.chdtrc(df, statistic)), f"chi-square, df {df}"
    if boundary:
        how = f"likelihood ratio, mixture of chi-square with {df - 1} and {df} df"
        p = (float(special.chdtrc(df - 1, statistic)) + p) / 2 if statistic > 1e-8 else 1.0
    return Estimate(
        "likelihood ratio",
        statistic,
        p=p,
        statistic=statistic,
        df=df,
        how=how,
        measure=Measure.OVERALL_TEST,
    )
