"""Several rows a patient (infusions, visits): standard errors that know the rows of a patient
belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.groups.means import variance
from outcomes.stats.regression.linear import aliased_columns
from outcomes.stats.wald import wald

Array = NDArray[np.float64]

KINDS = {
    "CR2": "cluster-robust (CR2), Satterthwaite df",
    "CR0": "cluster-robust (CR0), df clusters − 1",
}


def cluster_ols(
    x: ArrayLike,
    y: ArrayLike,
    *,
    cluster: ArrayLike,
    names: Sequence[str],
    kind: str = "CR2",
    level: float = 0.95,
) -> tuple[Estimate, ...]:
    """Least squares whose standard errors allow rows of one patient to be alike.

    V = M(Σ X_g'A_g e_g e_g'A_g'X_g)M with M = (X'X)⁻¹. "CR2": A_g = (I−H_gg)^(−1/2), unbiased if
    rows were independent, with the Satterthwaite df of each coefficient (a few dozen patients are
    then enough); "CR0": A_g = I, df clusters − 1, too narrow with few patients and here for
    comparison. `x` has a column of ones where an intercept is meant.

    Returns one Estimate a column; a column that repeats earlier ones is `not_estimable`. Raises
    AnalysisError for unequal lengths, missing values or an unknown kind.

    Reference: Bell & McCaffrey, Surv Methodol 2002;28:169; Pustejovsky & Tipton, J Bus Econ Stat
    2018;36:672.

    >>> e = cluster_ols(
    ...     np.ones((5, 1)), [-1, -2, -2, -4, -1], cluster=[1, 1, 2, 3, 3], names=["mean"]
    ... )[0]
    >>> e.value, round(e.se, 4), round(e.df, 3)
    (-2.0, 0.3651, 1.8)
    """
    if kind not in KINDS:
        raise AnalysisError(unknown("standard error", kind, KINDS))
    matrix, values, who = np.asarray(x, float), np.asarray(y, float), np.asarray(cluster)
    if not len(matrix) == len(values) == len(who):
        raise AnalysisError("Design, outcome and cluster need the same rows.")
    if not (np.isfinite(matrix).all() and np.isfinite(values).all()):
        raise AnalysisError("A value is missing: leave these rows out and count them.")
    gone = aliased_columns(matrix) if len(values) else list(range(matrix.shape[1]))
    kept = [j for j in range(matrix.shape[1]) if j not in gone]
    index = np.unique(who, return_inverse=True)[1]
    blocks = [index == g for g in range(index.max(initial=-1) + 1)]
    found = dict(zip(kept, _estimates(matrix[:, kept], values, blocks, kind, level), strict=True))
    missing = Estimate(
        "",
        NAN,
        level=level,
        how=KINDS[kind],
        reason="too_few" if not len(values) else "not_estimable",
    )
    return tuple(replace(found.get(j, missing), name=name) for j, name in enumerate(names))


def _estimates(
    x: Array, y: Array, blocks: Sequence[NDArray[np.bool_]], kind: str, level: float
) -> list[Estimate]:
    m = np.asarray(np.linalg.inv(x.T @ x), float)
    beta = m @ (x.T @ y)
    e = y - x @ beta
    nothing = 1e-24 * max(1.0, float(y @ y))
    #: rows of A_g X_g M, so that column c holds the weights of coefficient c
    weights = [_adjusted(x[rows], m, kind) @ m for rows in blocks]
    scores = np.array([w.T @ e[rows] for w, rows in zip(weights, blocks, strict=True)]).reshape(
        len(blocks), len(beta)
    )
    out = []
    for c, value in enumerate(beta):
        squared = float((scores[:, c] ** 2).sum())
        se, zero = squared**0.5, squared <= nothing * m[c, c]
        df = float(len(blocks) - 1)
        if kind == "CR2":
            df = _satterthwaite(x, m, [w[:, c] for w in weights], blocks, m[c, c])
        why = "too_few" if len(blocks) < 2 or not df > 0 else "zero_variance" if zero else ""
        if why:
            out.append(
                Estimate(
                    "",
                    value,
                    level=level,
                    se=NAN if why == "too_few" else 0.0,
                    how=KINDS[kind],
                    reason=why,
                )
            )
            continue
        out.append(wald("", value, se, df=df, level=level, how=KINDS[kind]))
    return out


def _adjusted(rows: Array, m: Array, kind: str) -> Array:
    """A_g X_g. (I − H_gg)^(−1/2) is taken on the range of X_g: outside it I − H_gg is the
    identity.
    """
    if kind == "CR0":
        return rows
    u, s, vt = np.linalg.svd(rows, full_matrices=False)
    inner = (s[:, None] * (vt @ m @ vt.T)) * s
    values, vectors = np.linalg.eigh(np.eye(len(s)) - inner)
    power = np.where(values > 1e-10, np.abs(values), np.inf) ** -0.5
    return np.asarray(u @ (vectors * power) @ vectors.T @ (s[:, None] * vt), float)


def _satterthwaite(
    x: Array, m: Array, weights: Sequence[Array], blocks: Sequence[NDArray[np.bool_]], scale: float
) -> float:
    """(tr Ω)²/tr(Ω²) of Ω_gh = p_g'p_h, p_g = (I−H)_g' a_g, under independent rows of equal
    variance.

    nan where the coefficient rests on one cluster alone (tr Ω far below its model variance,
    `scale`): its error cannot be seen.
    """
    a = np.array([x[rows].T @ w for w, rows in zip(weights, blocks, strict=True)])
    omega = np.diag([float(w @ w) for w in weights]) - a @ m @ a.T
    trace = float(np.trace(omega))
    return trace**2 / float((omega**2).sum()) if trace > 1e-10 * scale else NAN


def patient_average(change: ArrayLike, *, patient: ArrayLike, level: float = 0.95) -> Estimate:
    """What is the mean change of a patient, when patients had different numbers of infusions?

    Mean over patients of each patient's own mean change, t interval with patients − 1 df. Each
    patient counts once, so that those who came back often do not dominate; compare
    `infusion_average`.

    >>> e = patient_average([-1, -2, -2, -4, -1], patient=[1, 1, 2, 3, 3])
    >>> e.value, e.df
    (-2.0, 2.0)
    """
    d, index, n = _rows(change, patient)
    means = np.round(np.bincount(index, d) / n, 9) if len(n) else d
    name, how, k = "mean change, patient average", "t interval of patient means", len(means)
    if k < 2:
        return Estimate(
            name,
            means[0] if k else NAN,
            level=level,
            how=how,
            reason="too_few",
            measure=Measure.CHANGE,
        )
    value, spread = float(means.mean()), variance(means)
    if spread == 0:
        return Estimate(
            name,
            means[0],
            level=level,
            df=k - 1,
            se=0.0,
            how=how,
            reason="zero_variance",
            measure=Measure.CHANGE,
        )
    se = float(np.sqrt(spread / k))
    return wald(name, value, se, df=k - 1, level=level, how=how, measure=Measure.CHANGE)


def infusion_average(
    change: ArrayLike, *, patient: ArrayLike, kind: str = "CR2", level: float = 0.95
) -> Estimate:
    """What is the mean change after an infusion? Every infusion counts once; errors are clustered
    by patient.
    """
    d, index, _ = _rows(change, patient)
    name = "mean change, infusion average"
    return cluster_ols(
        np.ones((len(d), 1)), d, cluster=index, names=(name,), kind=kind, level=level
    )[0]


def variance_split(change: ArrayLike, *, patient: ArrayLike) -> tuple[Estimate, Estimate, Estimate]:
    """How alike are the changes of one patient? SDs between and within patients and their ICC
    (one-way ANOVA, Fleiss).

    The ICC is cut at 0.
    """
    d, index, n = _rows(change, patient)
    k, total = len(n), len(d)
    names = ("SD between patients", "SD within patient", "ICC")
    if k < 2 or total <= k:
        return tuple(Estimate(name, NAN, reason="too_few") for name in names)  # type: ignore[return-value]
    means = np.bincount(index, d) / n
    inside = float(((d - means[index]) ** 2).sum()) / (total - k)
    among = float((n * (means - d.mean()) ** 2).sum()) / (k - 1)
    size = (total - float((n**2).sum()) / total) / (k - 1)
    between = max(0.0, (among - inside) / size)
    whole = between + inside
    icc = Estimate(
        names[2],
        between / whole if whole > 0 else NAN,
        reason="" if whole > 0 else "zero_variance",
        how="one-way analysis of variance",
    )
    return Estimate(names[0], between**0.5), Estimate(names[1], inside**0.5), icc


def _rows(change: ArrayLike, patient: ArrayLike) -> tuple[Array, NDArray[np.intp], Array]:
    d, who = np.round(np.asarray(change, float), 9), np.asarray(patient)
    if d.shape != who.shape or not np.isfinite(d).all():
        raise AnalysisError("Each row needs a change and a patient, nothing missing.")
    index = np.unique(who, return_inverse=True)[1]
    return d, index, np.bincount(index).astype(float) if len(d) else np.empty(0)
