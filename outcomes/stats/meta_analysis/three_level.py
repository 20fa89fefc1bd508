"""Pooling effects that are nested: sites in countries, therapists in clinics. Three levels of
random effects.

Model: y_ij = μ + a_j + b_ij + e_ij for effect i of cluster j; a_j ~ N(0, between), b_ij ~ N(0,
within), e_ij ~ N(0, v_ij) with v_ij known and errors independent. Effects of the same patients
(several visits, several scores) have correlated errors; the cluster-robust interval allows for
that, the model-based one and the split of the variance do not.

References: Konstantopoulos, Res Synth Methods 2011;2:61; Cheung, Psychol Methods 2014;19:211 (I² of
each level); Pustejovsky & Tipton, J Bus Econ Stat 2018;36:672 (CR2); Self & Liang, JASA 1987;82:605
(tests at the boundary).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.meta_analysis.parts import Pooling
from outcomes.stats.meta_analysis.random_effects import _sites
from outcomes.stats.wald import critical, limits, wald

Array = NDArray[np.float64]

BETWEEN, WITHIN = 0, 1


@dataclass(frozen=True, eq=False)
class _Nested:
    """Effects sorted by cluster, shifted to a mean of 0; `index` numbers the cluster of each,
    `starts` where it begins.
    """

    y: Array
    v: Array
    index: NDArray[np.intp]
    starts: NDArray[np.intp]
    origin: float

    @property
    def clusters(self) -> int:
        return len(self.starts)

    def sums(self, x: Array) -> Array:
        """Sums over the effects of each cluster."""
        return np.asarray(np.add.reduceat(x, self.starts, axis=-1), float)

    def loglik(self, between: Array, within: Array) -> Array:
        """The restricted log-likelihood at each pair of variances (arrays of one length)."""
        k, t = len(self.y), between[:, None]
        w = 1 / (self.v + within[:, None])
        a = self.sums(w)
        c = 1 + t * a
        information = (a / c).sum(axis=1)
        r = self.y - ((self.sums(w * self.y) / c).sum(axis=1) / information)[:, None]
        squares = (w * r**2).sum(axis=1) - (t * self.sums(w * r) ** 2 / c).sum(axis=1)
        logs = np.log(w).sum(axis=1) - np.log(c).sum(axis=1) - np.log(information)
        return np.asarray(
            (logs - squares + math.log(k) - (k - 1) * math.log(2 * math.pi)) / 2, float
        )

    def mean(self, theta: Array) -> tuple[float, float, Array]:
        """μ̂ (of the shifted effects), its model-based variance and the residuals."""
        w = 1 / (self.v + theta[WITHIN])
        c = 1 + theta[BETWEEN] * self.sums(w)
        variance = 1 / float((self.sums(w) / c).sum())
        value = variance * float((self.sums(w * self.y) / c).sum())
        return value, variance, self.y - value

    def slopes(self, theta: Array) -> tuple[Array, Array, Array]:
        """Score, observed and expected information of the two variances.

        With N = V⁻¹, n = N1 and P = N − m nn' (m the variance of μ̂): score ½(y'PV_kPy − tr PV_k),
        observed information y'PV_kPV_lPy − ½tr PV_kPV_l. Every trace is a sum over clusters,
        because V_j is diagonal plus a constant.
        """
        t, (_, m, r) = theta[BETWEEN], self.mean(theta)
        w = 1 / (self.v + theta[WITHIN])
        a, w2, w3 = self.sums(w), self.sums(w**2), self.sums(w**3)
        c = 1 + t * a
        n, own, s = w / c[self.index], a / c, self.sums(w * r) / c
        d = self.sums(n**2)
        u = w * (r - t * s[self.index])
        q = np.array([s[self.index], u])
        pq = w * (q - t * (self.sums(w * q) / c)[:, self.index]) - m * np.outer(q @ n, n)
        trace = np.array(
            [own.sum() - m * (own**2).sum(), w.sum() - t * (w2 / c).sum() - m * d.sum()]
        )
        bb = (own**2).sum() - 2 * m * (own**3).sum() + m**2 * (own**2).sum() ** 2
        bw = d.sum() - 2 * m * (own * d).sum() + m**2 * (own**2).sum() * d.sum()
        ww = (w**2).sum() - 2 * t * (w3 / c).sum() + t**2 * ((w2 / c) ** 2).sum()
        ww += m**2 * d.sum() ** 2 - 2 * m * (w3 / c**2 - t * w2**2 / c**3).sum()
        traces = np.array([[bb, bw], [bw, ww]])
        return (
            (np.array([(s**2).sum(), (u**2).sum()]) - trace) / 2,
            q @ pq.T - traces / 2,
            traces / 2,
        )


def three_level(
    y: ArrayLike, v: ArrayLike, *, cluster: ArrayLike, level: float = 0.95, unit: str = ""
) -> tuple[Estimate, ...]:
    """What is the mean over clusters, and do effects differ more between clusters or within them?

    `y` are the effects, `v` their squared standard errors, `cluster` says to which each belongs.
    Variances by REML. Estimates: `pooled` with the cluster-robust CR2 standard error and
    Satterthwaite df; `pooled, model-based` (t, clusters − 1 df); `prediction interval` of the
    effect in a new cluster (t, clusters − 2 df); `tau2 between` and `tau2 within` with
    profile-likelihood intervals and likelihood-ratio tests (p halved at the boundary) and their
    roots; `I2 between` and `I2 within`, shares of both variances plus the typical sampling
    variance; `Q`. With one effect a cluster the two variances cannot be told apart: `tau2 total`
    stands in their place. With one cluster there is no interval.

    Raises AnalysisError for unequal lengths, missing values or variances that are not positive.

    >>> y, v, clinic = (
    ...     [-1.8, -1.5, -0.9, -1.2, -2.4, -2.0, -2.2],
    ...     [0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1],
    ...     list("AABBCCC"),
    ... )
    >>> for e in three_level(y, v, cluster=clinic)[:2]:
    ...     print(e.name, *(round(x, 3) for x in (e.value, e.low, e.high, e.df)))
    pooled -1.641 -3.069 -0.213 1.998
    pooled, model-based -1.641 -3.054 -0.228 2.0
    """
    data = _nested(y, v, cluster)
    if data is None or data.clusters < 2:
        alone, how = NAN, "no effect, nothing to pool"
        if data is not None:
            theta = _best(data, (0.0, NAN if len(data.y) > 1 else 0.0))[0]
            alone, how = data.origin + data.mean(theta)[0], "one cluster, nothing to pool"
        return (
            Estimate(
                "pooled",
                alone,
                level=level,
                unit=unit,
                how=how,
                reason="too_few",
                measure=Measure.CHANGE,
                part=Pooling.MEAN,
            ),
        )
    free = _free(data)
    theta, height = _best(data, free)
    plain = _model_based(data, theta, level, unit)
    plain = replace(plain, part=Pooling.MODEL_BASED)
    rows = [
        replace(_robust(data, theta, level, unit), part=Pooling.MEAN),
        plain,
        _predicted(plain, theta, data.clusters),
    ]
    for which, name in (
        ((BETWEEN, "between"), (WITHIN, "within"))
        if math.isnan(free[WITHIN])
        else ((BETWEEN, "total"),)
    ):
        rows += _component(data, theta, height, free, which, name, level, unit)
    return (*rows, _homogeneous(data))


def leave_one_cluster_out(
    y: ArrayLike, v: ArrayLike, *, cluster: ArrayLike, level: float = 0.95, unit: str = ""
) -> tuple[Estimate, ...]:
    """Does the pooled value depend on one cluster? `pooled` of the others, for each cluster
    (`group` names it).

    >>> [
    ...     round(e.value, 3)
    ...     for e in leave_one_cluster_out([1, 1, 2, 2, 4], [0.1] * 5, cluster=list("AABBC"))
    ... ]
    [2.987, 2.492, 1.5]
    """
    values, variances, who = np.asarray(y, float), np.asarray(v, float), np.asarray(cluster)
    out = []
    for name in np.unique(who):
        rest = _nested(values[who != name], variances[who != name], who[who != name])
        if rest is None or rest.clusters < 2:
            e = Estimate(
                "pooled", NAN, level=level, unit=unit, reason="too_few", measure=Measure.CHANGE
            )
        else:
            e = _robust(rest, _best(rest, _free(rest))[0], level, unit)
        out.append(replace(e, group=f"without {name}", part=Pooling.LEFT_OUT))
    return tuple(out)


def _nested(y: ArrayLike, v: ArrayLike, cluster: ArrayLike) -> _Nested | None:
    """The effects checked and sorted by cluster; None where there are none."""
    sites, who = _sites(y, v), np.asarray(cluster)
    if who.shape != sites.y.shape or any(c is None or c != c for c in who.tolist()):
        raise AnalysisError(
            "Each effect needs a cluster; leave out, by name, an effect that has none."
        )
    if not len(who):
        return None
    index = np.unique(who, return_inverse=True)[1]
    order = np.argsort(index, kind="stable")
    origin = float(sites.y.mean())
    starts = np.searchsorted(index[order], np.arange(index.max() + 1))
    return _Nested(sites.y[order] - origin, sites.v[order], index[order], starts, origin)


def _free(data: _Nested) -> tuple[float, float]:
    """Which variances are free (nan): with one effect a cluster only their sum is determined, and
    it takes the first place.
    """
    return NAN, 0.0 if data.clusters == len(data.y) else NAN


def _best(data: _Nested, fixed: tuple[float, float]) -> tuple[Array, float]:
    """The highest maximum of the restricted likelihood over variances of at least 0 (nan in
    `fixed`: free), and its height.

    Every peak of a grid is climbed by Newton's method and the results are compared.
    """
    from scipy import ndimage

    scale = float(np.var(data.y)) + float(data.v.max())
    steps = np.concatenate([[0.0], scale * np.geomspace(1e-6, 1e2, 24)])
    between, within = np.meshgrid(*(steps if math.isnan(f) else [f] for f in fixed), indexing="ij")
    height = data.loglik(between.ravel(), within.ravel()).reshape(between.shape)
    peaks = np.argwhere(height == ndimage.maximum_filter(height, size=3, mode="nearest"))
    free = np.isnan(fixed)
    climbed = [_climb(data, np.array([between[i, j], within[i, j]]), free) for i, j in peaks]
    return max(climbed, key=lambda found: found[1])


def _climb(data: _Nested, theta: Array, free: NDArray[np.bool_]) -> tuple[Array, float]:
    """Newton's method from a start, kept at or above 0; Fisher scoring where the likelihood is not
    concave.
    """

    def height(at: Array) -> float:
        return float(data.loglik(at[:1], at[1:])[0])

    now = height(theta)
    for _ in range(100):
        score, observed, expected = data.slopes(theta)
        open_ = free & ~((theta <= 0) & (score <= 0))
        if not open_.any():
            break
        g, h, e = score[open_], observed[np.ix_(open_, open_)], expected[np.ix_(open_, open_)]
        step = np.zeros(2)
        step[open_] = np.linalg.solve(
            h if np.linalg.eigvalsh(h).min() > 1e-8 * np.trace(e) else e, g
        )
        size, gain = 1.0, float(score @ step)
        while (new := height(moved := np.maximum(theta + size * step, 0.0))) < now and size > 1e-12:
            size /= 2
        if new < now:
            break
        theta, now = moved, new
        if gain < 1e-18:
            break
    return theta, now


def _robust(data: _Nested, theta: Array, level: float, unit: str) -> Estimate:
    """μ̂ with SE² = Σ (g_j'r_j)², g_j = m·A_j V_j⁻¹1, A_j = V_j^½ (V_j^½ (V_j − m11') V_j^½)^(−½)
    V_j^½, and Satterthwaite df.
    """
    value, m, r = data.mean(theta)
    scores, own, lent = (np.empty(data.clusters) for _ in range(3))
    for j in range(data.clusters):
        rows = data.index == j
        one = np.ones(int(rows.sum()))
        sigma = np.diag(data.v[rows] + theta[WITHIN]) + theta[BETWEEN]
        root = _power(sigma, 0.5)
        g = m * root @ _power(root @ (sigma - m) @ root, -0.5) @ root @ np.linalg.solve(sigma, one)
        scores[j], own[j], lent[j] = g @ r[rows], g @ sigma @ g, g.sum()
    omega = np.diag(own) - m * np.outer(lent, lent)
    df = float(np.trace(omega)) ** 2 / float((omega**2).sum())
    how = "three levels, REML, cluster-robust (CR2), Satterthwaite df"
    se = math.sqrt(float(scores @ scores))
    return _tested(
        "pooled", data.origin + value, se if se > 1e-9 * math.sqrt(m) else 0.0, df, level, unit, how
    )


def _power(matrix: Array, power: float) -> Array:
    """A power of a symmetric matrix on its range."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-12 * values.max()
    return np.asarray(
        (vectors * np.where(kept, np.where(kept, values, 1.0) ** power, 0.0)) @ vectors.T, float
    )


def _model_based(data: _Nested, theta: Array, level: float, unit: str) -> Estimate:
    value, m, _ = data.mean(theta)
    how = "three levels, REML, t with clusters − 1 df"
    return _tested(
        "pooled, model-based",
        data.origin + value,
        math.sqrt(m),
        data.clusters - 1,
        level,
        unit,
        how,
    )


def _tested(
    name: str, value: float, se: float, df: float, level: float, unit: str, how: str
) -> Estimate:
    if se == 0:
        return Estimate(
            name,
            value,
            level=level,
            df=df,
            se=0.0,
            unit=unit,
            how=how,
            reason="zero_variance",
            measure=Measure.CHANGE,
        )
    return wald(name, value, se, df=df, level=level, unit=unit, how=how, measure=Measure.CHANGE)


def _predicted(pooled: Estimate, theta: Array, clusters: int) -> Estimate:
    """Where the effect in a new cluster would lie: both variances and the error of μ̂."""
    df, spread = clusters - 2, math.sqrt(theta.sum() + pooled.se**2)
    blank = replace(
        pooled,
        name="prediction interval",
        low=NAN,
        high=NAN,
        p=NAN,
        statistic=NAN,
        df=NAN,
        se=NAN,
        how="t with clusters − 2 df",
        reason="too_few" if df < 1 else "",
        measure=Measure.PREDICTION,
        part=Pooling.PREDICTION,
    )
    if df < 1:
        return blank
    low, high = limits(pooled.value, spread, df=df, level=pooled.level)
    return replace(blank, low=low, high=high, df=df, se=spread)


#: The variance of a level, its root and its share of the whole.
VARIANCES = {
    "between": (Pooling.TAU2_BETWEEN, Pooling.TAU_BETWEEN, Pooling.I2_BETWEEN),
    "within": (Pooling.TAU2_WITHIN, Pooling.TAU_WITHIN, Pooling.I2_WITHIN),
    "total": (Pooling.TAU2, Pooling.TAU, Pooling.I2),
}


def _component(
    data: _Nested,
    theta: Array,
    height: float,
    free: tuple[float, float],
    which: int,
    name: str,
    level: float,
    unit: str,
) -> list[Estimate]:
    """One variance with its profile interval and likelihood-ratio test, its root, and its share of
    the whole.
    """
    value, drop = float(theta[which]), critical(level) ** 2 / 2

    def below(at: float) -> float:
        """How far the profile lies under the maximum, less what the interval allows."""
        fixed = (at, free[WITHIN]) if which == BETWEEN else (free[BETWEEN], at)
        return height - _best(data, fixed)[1] - drop

    ratio = max(0.0, 2 * (below(0.0) + drop)) if value > 0 else 0.0
    low = _crossing(below, 0.0, value) if value > 0 and below(0.0) > 0 else 0.0
    top = max(value, float(np.var(data.y)) + float(data.v.max()))
    while below(top) < 0:
        top *= 4
    high = _crossing(below, value, top)
    w = 1 / data.v
    typical = (len(w) - 1) / float(w.sum() - (w**2).sum() / w.sum())
    rest = float(theta.sum()) - value + typical
    edge = "" if value > 0 else "; estimated as 0, the boundary"
    p = 0.5 * float(special.chdtrc(1, ratio)) if ratio > 0 else 1.0
    how = (
        f"REML, profile-likelihood interval; likelihood-ratio test, p halved at the boundary{edge}"
    )
    parts = VARIANCES[name]
    return [
        Estimate(
            f"tau2 {name}",
            value,
            low,
            high,
            level,
            p,
            ratio,
            1,
            how=how,
            measure=Measure.VARIANCE,
            part=parts[0],
        ),
        Estimate(
            f"tau {name}",
            math.sqrt(value),
            math.sqrt(low),
            math.sqrt(high),
            level,
            unit=unit,
            how=f"root of tau2 {name} and its interval{edge}",
            measure=Measure.VARIANCE,
            part=parts[1],
        ),
        Estimate(
            f"I2 {name}",
            100 * value / (value + rest),
            level=level,
            unit="%",
            how="share of both variances plus the typical sampling variance",
            measure=Measure.HETEROGENEITY,
            part=parts[2],
        ),
    ]


def _crossing(below: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(below, low, high, xtol=1e-12 * high, rtol=1e-12))


def _homogeneous(data: _Nested) -> Estimate:
    q = float(((data.y - np.average(data.y, weights=1 / data.v)) ** 2 / data.v).sum())
    df = len(data.y) - 1
    return Estimate(
        "Q",
        q,
        p=float(special.chdtrc(df, q)),
        statistic=q,
        df=df,
        how="Cochran Q, χ² test of equal effects",
        measure=Measure.OVERALL_TEST,
        part=Pooling.Q,
    )
