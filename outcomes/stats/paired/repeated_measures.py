"""Repeated measures as the older literature reports them: RM-ANOVA, mixed ANOVA, Friedman, Quade,
Page, post hoc.

Every function takes a patients × visits matrix without missing scores: these methods drop a patient
who misses one visit, and the caller counts how many that were. Scores are rounded to 9 decimals
before ranking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.groups.means import FTest
from outcomes.stats.groups.studentized_range import tukey_p
from outcomes.stats.midranks import midranks
from outcomes.stats.multiplicity import adjust
from outcomes.stats.paired.location import mean_change
from outcomes.stats.wald import p_of

Array = np.ndarray


def complete_matrix(scores: ArrayLike) -> Array:
    """The scores as a patients × visits matrix.

    Raises AnalysisError when a score is missing, or there are fewer than two visits.
    """
    y = np.asarray(scores, dtype=float)
    if y.ndim != 2 or y.shape[1] < 2:
        raise AnalysisError("Repeated measures need a table of patients by at least two visits.")
    if not np.isfinite(y).all():
        raise AnalysisError(
            "A score is missing or infinite: leave these patients out and count them."
        )
    return y


def _contrasts(k: int) -> Array:
    """k × (k−1) orthonormal contrasts of the visits."""
    q, _ = np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, 1:]]))
    return q[:, 1:]


@dataclass(frozen=True, slots=True)
class Sphericity:
    """How far the differences between visits are from having equal variances: epsilons and
    Mauchly's test.
    """

    gg: float
    hf: float
    lower_bound: float
    mauchly_w: float
    mauchly_p: float


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of a repeated-measures ANOVA: sum of squares, error, F, corrected p-values, shares
    of variance.
    """

    test: FTest
    ss: float
    ss_error: float
    p_gg: float
    p_hf: float
    eta2_partial: float
    eta2_generalized: float


@dataclass(frozen=True, slots=True)
class Repeated:
    """An RM- or mixed ANOVA: its effects by name ("visit", and with groups "group" and
    "group:visit").
    """

    effects: dict[str, Effect]
    sphericity: Sphericity
    omega2_partial: float
    patients: int
    visits: int


def _sphericity(error: Array, df: int) -> Sphericity:
    """Epsilons (Greenhouse–Geisser; Huynh–Feldt on the error df) and Mauchly's test, from the error
    SSCP of contrasts.

    Mauchly's p has the second-order term of Box as Anderson prints it (2p³+6p²+3p+2, p = visits −
    1); R's `mauchly.test` puts the number of visits into its 3p, which moves p in the fourth digit.
    """
    p = len(error)
    trace = float(np.trace(error))
    if not trace > 0:
        return Sphericity(NAN, NAN, 1 / p, NAN, NAN)
    gg = trace**2 / (p * float((error * error).sum()))
    free = p * (df - p * gg)
    hf = ((df + 1) * p * gg - 2) / free if free > 1e-9 * p * df else NAN
    sign, log_det = np.linalg.slogdet(error)
    if p == 1 or sign <= 0 or df < p:
        return Sphericity(gg, hf if p > 1 else 1.0, 1 / p, 1.0 if p == 1 else NAN, NAN)
    log_w = log_det - p * math.log(trace / p)
    rho = 1 - (2 * p * p + p + 2) / (6 * p * df)
    w2 = (
        (p + 2)
        * (p - 1)
        * (p - 2)
        * (2 * p**3 + 6 * p * p + 3 * p + 2)
        / (288 * (df * p * rho) ** 2)
    )
    z, f = max(0.0, -df * rho * log_w), p * (p + 1) // 2 - 1
    p1, p2 = special.chdtrc(f, z), special.chdtrc(f + 4, z)
    return Sphericity(gg, hf, 1 / p, math.exp(log_w), float(p1 + w2 * (p2 - p1)))


def _effect(
    ss: float,
    df: float,
    ss_error: float,
    df_error: float,
    all_errors: float,
    eps: Sphericity | None,
) -> Effect:
    if df_error < 1:
        test = FTest(NAN, df, df_error, NAN, "too_few")
    elif ss_error <= 0:
        test = FTest(NAN, df, df_error, NAN, "zero_variance")
    else:
        test = FTest.of(ss / df / (ss_error / df_error), df, df_error)

    def corrected(epsilon: float) -> float:
        e = min(1.0, epsilon)
        return float(special.fdtrc(e * df, e * df_error, test.statistic))

    whole = ss + ss_error
    return Effect(
        test,
        ss,
        ss_error,
        corrected(eps.gg) if eps else NAN,
        corrected(eps.hf) if eps else NAN,
        ss / whole if whole > 0 else NAN,
        ss / (ss + all_errors) if ss + all_errors > 0 else NAN,
    )


def rm_anova(scores: ArrayLike) -> Repeated:
    """Does the mean score differ between visits of the same patients? One-way repeated-measures
    ANOVA.

    F = MS visit / MS (visit × patient). Sphericity is not assumed: `p_gg` (Greenhouse–Geisser, the
    default to report) and `p_hf` (Huynh–Feldt, epsilon capped at 1) reduce both df by epsilon.

    Source: Greenhouse & Geisser 1959, Psychometrika 24:95; Huynh & Feldt 1976, J Educ Stat 1:69;
    Mauchly 1940, Ann Math Stat 11:204.

    >>> a = rm_anova([[7, 5, 4], [6, 6, 5], [8, 5, 5], [7, 4, 3]])
    >>> round(a.effects["visit"].test.statistic, 3), round(a.sphericity.gg, 4)
    (12.652, 0.5944)
    """
    y = complete_matrix(scores)
    n, k = y.shape
    if n < 2:
        nothing = FTest(NAN, k - 1, 0, NAN, "too_few")
        effect = Effect(nothing, NAN, NAN, NAN, NAN, NAN, NAN)
        return Repeated({"visit": effect}, Sphericity(NAN, NAN, 1 / (k - 1), NAN, NAN), NAN, n, k)
    z = y @ _contrasts(k)
    mean = z.mean(axis=0)
    error = _clean((z - mean).T @ (z - mean), y)
    eps = _sphericity(error, n - 1)
    ss, ss_error = float(n * mean @ mean), float(np.trace(error))
    between = float(k * ((y.mean(axis=1) - y.mean()) ** 2).sum())
    effect = _effect(ss, k - 1, ss_error, (n - 1) * (k - 1), ss_error + between, eps)
    df = (n - 1) * (k - 1)
    whole = ss + ss_error + between + between / (n - 1)
    omega2 = (ss - (k - 1) * ss_error / df) / whole if whole > 0 else NAN
    return Repeated({"visit": effect}, eps, omega2, n, k)


def _clean(error: Array, y: Array) -> Array:
    """Error sums that are rounding noise of the scores' size are zero."""
    return (
        np.zeros_like(error) if np.trace(error) <= 1e-24 * max(1.0, float((y * y).sum())) else error
    )


def mixed_anova(scores: ArrayLike, groups: Sequence[object]) -> Repeated:
    """Do groups differ, do visits differ, and do the groups' courses differ? Mixed (split-plot)
    ANOVA, type III.

    Type III as with sum-to-zero coding: "visit" is tested on the unweighted mean of the groups, so
    that groups of unequal size do not change what is asked. "group:visit" is the question about
    different courses.

    Source: Maxwell & Delaney 2004, Designing Experiments and Analyzing Data, ch. 12.

    >>> a = mixed_anova([[7, 5], [6, 4], [8, 7], [7, 7], [6, 5]], ["K", "K", "P", "P", "P"])
    >>> round(a.effects["group:visit"].test.p, 4)
    0.0534
    """
    y = complete_matrix(scores)
    n, k = y.shape
    names, code = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    if len(code) != n:
        raise AnalysisError(
            f"There are {n} patients and {len(code)} group labels: one a patient is needed."
        )
    a, df = len(names), n - len(names)
    members = [code == i for i in range(a)]
    sizes = np.array([m.sum() for m in members])
    z, level = y @ _contrasts(k), y.mean(axis=1)
    means = np.array([z[m].mean(axis=0) for m in members])
    levels = np.array([level[m].mean() for m in members])
    within = z - means[code]
    error = _clean(within.T @ within, y)
    eps = _sphericity(error, df)
    unweighted = means.mean(axis=0)
    ss_visit = float(unweighted @ unweighted) / float((1 / sizes).sum() / a**2)
    ss_both = float((sizes[:, None] * (means - z.mean(axis=0)) ** 2).sum())
    ss_group = float(k * (sizes * (levels - level.mean()) ** 2).sum())
    ss_patients = float(k * sum(((level[m] - level[m].mean()) ** 2).sum() for m in members))
    ss_error = float(np.trace(error))
    errors = ss_error + ss_patients
    effects = {
        "group": _effect(ss_group, a - 1, ss_patients, df, errors, None),
        "visit": _effect(ss_visit, k - 1, ss_error, df * (k - 1), errors, eps),
        "group:visit": _effect(ss_both, (a - 1) * (k - 1), ss_error, df * (k - 1), errors, eps),
    }
    return Repeated(effects, eps, NAN, n, k)


@dataclass(frozen=True, slots=True)
class Hotelling:
    """The test that several means are all 0: T² and its F."""

    t2: float
    test: FTest

    @property
    def words(self) -> str:
        """What the test is, with T² where it is defined."""
        return "Hotelling's T²" + ("" if math.isnan(self.t2) else f" {self.t2:.4g}")


def hotelling_of(changes: ArrayLike) -> Hotelling:
    """Are the means of several columns all 0, whatever their covariance? One row a patient.

    T² = n·m'S⁻¹m, F = T²(n−p)/(p(n−1)) with p and n−p degrees of freedom; needs n > p. Columns that
    determine one another have no test (`not_estimable`).

    Source: Hotelling 1931, Ann Math Stat 2:360.

    >>> h = hotelling_of([[-5, 4], [-3, 2], [-7, 6], [0, 1], [-1, 2]])
    >>> round(h.t2, 3), round(h.test.p, 4)
    (17.961, 0.0777)
    """
    z = np.asarray(changes, dtype=float)
    n, p = z.shape
    if n <= p:
        return Hotelling(NAN, FTest(NAN, p, NAN, NAN, "too_few"))
    covariance = np.atleast_2d(np.cov(z, rowvar=False))
    sd = np.sqrt(np.diag(covariance))
    if not (sd > 0).all():
        return Hotelling(NAN, FTest(NAN, p, n - p, NAN, "zero_variance"))
    if np.linalg.cond(covariance / np.outer(sd, sd)) > 1e12:
        return Hotelling(NAN, FTest(NAN, p, n - p, NAN, "not_estimable"))
    mean = z.mean(axis=0) / sd
    t2 = float(n * mean @ np.linalg.solve(covariance / np.outer(sd, sd), mean))
    return Hotelling(t2, FTest.of(t2 * (n - p) / ((n - 1) * p), p, n - p))


def hotelling(scores: ArrayLike) -> Hotelling:
    """Does the mean differ between visits, whatever the covariance? Hotelling's T² on the
    contrasts; needs n > k−1.
    """
    y = complete_matrix(scores)
    return hotelling_of(y @ _contrasts(y.shape[1]))


# --- ranks ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RankTest:
    """Friedman's test: χ² with k−1 df, Kendall's W (0 no agreement, 1 all patients rank the visits
    alike), F form.
    """

    chi2: Estimate
    kendall_w: float
    iman_davenport: FTest


def _row_ranks(y: Array) -> Array:
    if not len(y):
        return np.zeros_like(y)
    return np.apply_along_axis(midranks, 1, np.round(y, 9))


def friedman(scores: ArrayLike) -> RankTest:
    """Do the visits differ when each patient's scores are ranked? Friedman's χ², corrected for
    ties.

    χ² = (k−1)·Σ(R_j − n(k+1)/2)² / (Σr² − nk(k+1)²/4); W = χ²/(n(k−1)); F = (n−1)χ²/(n(k−1)−χ²)
    (Iman–Davenport). All visits tied in every patient: p = 1 (`all_zero`). Source: Friedman 1937, J
    Am Stat Assoc 32:675; Iman & Davenport 1980, Commun Stat A 9:571.

    >>> f = friedman([[7, 5, 4], [6, 6, 5], [8, 5, 5], [7, 4, 3]])
    >>> round(f.chi2.value, 3), round(f.kendall_w, 3)
    (7.0, 0.875)
    """
    y = complete_matrix(scores)
    n, k = y.shape
    how = "Friedman, corrected for ties"
    if n < 2:
        nothing = Estimate(
            "chi2", NAN, df=k - 1, how=how, reason="too_few", measure=Measure.OVERALL_TEST
        )
        return RankTest(nothing, NAN, FTest(NAN, k - 1, 0, NAN, "too_few"))
    r = _row_ranks(y)
    spread = float((r**2).sum()) - n * k * (k + 1) ** 2 / 4
    df2 = (k - 1) * (n - 1)
    if spread <= 0:
        nothing = Estimate(
            "chi2",
            0.0,
            p=1.0,
            statistic=0.0,
            df=k - 1,
            how=how,
            reason="all_zero",
            measure=Measure.OVERALL_TEST,
        )
        return RankTest(nothing, NAN, FTest(NAN, k - 1, df2, NAN, "all_zero"))
    chi2 = (k - 1) * float(((r.sum(axis=0) - n * (k + 1) / 2) ** 2).sum()) / spread
    w = chi2 / (n * (k - 1))
    f = (
        FTest.of((n - 1) * w / (1 - w), k - 1, df2)
        if w < 1 - 1e-12
        else FTest(NAN, k - 1, df2, NAN, "zero_variance")
    )
    p = float(special.chdtrc(k - 1, chi2))
    return RankTest(
        Estimate(
            "chi2", chi2, p=p, statistic=chi2, df=k - 1, how=how, measure=Measure.OVERALL_TEST
        ),
        w,
        f,
    )


def quade(scores: ArrayLike) -> FTest:
    """Do the visits differ, patients with a wider range of scores counting more? Quade's test.

    Source: Quade 1979, J Am Stat Assoc 74:680.
    """
    y = complete_matrix(scores)
    n, k = y.shape
    if n < 2:
        return FTest(NAN, k - 1, 0, NAN, "too_few")
    weight = midranks(np.round(np.ptp(np.round(y, 9), axis=1), 9))
    s = weight[:, None] * (_row_ranks(y) - (k + 1) / 2)
    whole, between = float((s**2).sum()), float((s.sum(axis=0) ** 2).sum()) / n
    if whole <= 0 or whole - between <= 1e-12 * whole:
        return FTest(NAN, k - 1, (n - 1) * (k - 1), NAN, "zero_variance")
    return FTest.of((n - 1) * between / (whole - between), k - 1, (n - 1) * (k - 1))


def page(scores: ArrayLike) -> Estimate:
    """Do the scores rise from visit to visit? Page's L with the normal approximation (one-sided:
    rising).

    L = Σ j·R_j; no correction for ties. `value` is L, `statistic` is z. Source: Page 1963, J Am
    Stat Assoc 58:216.
    """
    y = complete_matrix(scores)
    n, k = y.shape
    big_l = float(_row_ranks(y).sum(axis=0) @ np.arange(1, k + 1))
    z = (
        (big_l - n * k * (k + 1) ** 2 / 4) / math.sqrt(n * k * k * (k + 1) * (k * k - 1) / 144)
        if n
        else NAN
    )
    how = "Page, normal approximation, no tie correction, one-sided for a rise"
    p = p_of(z, alternative="greater")
    return Estimate(
        "L",
        big_l,
        p=p,
        statistic=z,
        how=how,
        reason="" if n else "too_few",
        measure=Measure.OVERALL_TEST,
    )


def _visit_pairs(k: int, visits: Sequence[str]) -> list[tuple[int, int, str]]:
    names = list(visits) or [str(j + 1) for j in range(k)]
    return [(i, j, f"{names[j]} - {names[i]}") for i in range(k) for j in range(i + 1, k)]


def friedman_pairs(
    scores: ArrayLike, *, visits: Sequence[str] = (), test: str = "conover", method: str = "holm"
) -> tuple[Estimate, ...]:
    """Which visits differ, after Friedman? All pairs, later − earlier, as differences in mean rank.

    `test="conover"`: t on rank sums with the pooled tie-corrected variance, `p` raw and
    `p_adjusted` by `method`; `"nemenyi"`: studentized range (adjusted by construction, no tie
    correction; `p` is nan). Source: Conover 1999, Practical Nonparametric Statistics, section 5.8;
    Nemenyi 1963, thesis, Princeton.
    """
    if test not in ("conover", "nemenyi"):
        raise AnalysisError(f"test is one of conover, nemenyi, not '{test}'.")
    y = complete_matrix(scores)
    n, k = y.shape
    r = _row_ranks(y)
    sums, df = r.sum(axis=0), (n - 1) * (k - 1)
    free = n * float((r**2).sum()) - float((sums**2).sum())
    rows = []
    for i, j, pair in _visit_pairs(k, visits):
        gap = float(sums[j] - sums[i])
        row = Estimate(
            "mean rank difference",
            gap / n if n else NAN,
            group=pair,
            how=test.capitalize(),
            measure=Measure.RANK_EFFECT,
        )
        if test == "nemenyi":
            q = abs(gap) / n / math.sqrt(k * (k + 1) / (6 * n)) * math.sqrt(2) if n else NAN
            rows.append(
                replace(row, statistic=q, p_adjusted=tukey_p(q, k), reason="" if n else "too_few")
            )
        elif df < 1 or free <= 0:
            rows.append(replace(row, reason="too_few" if df < 1 else "zero_variance"))
        else:
            t = gap / math.sqrt(2 * free / df)
            rows.append(replace(row, statistic=t, df=df, p=p_of(t, df)))
    if test == "nemenyi":
        return tuple(rows)
    return tuple(
        replace(e, p_adjusted=p)
        for e, p in zip(rows, adjust([e.p for e in rows], method), strict=True)
    )


def pairwise_paired_t(
    scores: ArrayLike,
    *,
    visits: Sequence[str] = (),
    method: str = "holm",
    level: float = 0.95,
    unit: str = "",
) -> tuple[Estimate, ...]:
    """By how much do the visits differ? Paired t for all pairs, later − earlier, p raw and
    adjusted.
    """
    y = complete_matrix(scores)
    rows = []
    for i, j, pair in _visit_pairs(y.shape[1], visits):
        rows.append(replace(mean_change(y[:, i], y[:, j], level=level), group=pair, unit=unit))
    return tuple(
        replace(e, p_adjusted=p)
        for e, p in zip(rows, adjust([e.p for e in rows], method), strict=True)
    )


def two_within(scores: ArrayLike) -> dict[str, tuple[Effect, Sphericity]]:
    """Do the means differ by two factors that every patient has all levels of? Scores (patients,
    levels of the first, levels of the second).

    Each effect ("first", "second", "first:second") has its own error: the effect × patient
    interaction, as in R's `aov(y ~ a*b + Error(id/(a*b)))`, and its own epsilon. A factor with one
    level has no effect and is left out.

    Source: Winer, Brown & Michels 1991, Statistical principles in experimental design, ch. 7.

    >>> y = [[[7, 5], [6, 3]], [[6, 6], [5, 4]], [[8, 6], [7, 3]], [[7, 4], [5, 4]]]
    >>> round(two_within(y)["second"][0].test.statistic, 3)
    13.714
    """
    y = np.asarray(scores, dtype=float)
    if y.ndim != 3 or y.shape[1] * y.shape[2] < 2 or not np.isfinite(y).all():
        raise AnalysisError(
            "Two factors within patients need a whole table: patients by levels by levels."
        )
    n, a, b = y.shape
    flat = y.reshape(n, a * b)
    alone = {k: np.full((k, 1), k**-0.5) for k in (a, b)}
    planes = {
        "first": np.kron(_contrasts(a), alone[b]) if a > 1 else None,
        "second": np.kron(alone[a], _contrasts(b)) if b > 1 else None,
        "first:second": np.kron(_contrasts(a), _contrasts(b)) if min(a, b) > 1 else None,
    }
    parts: dict[str, tuple[float, int, Array]] = {}
    for name, plane in planes.items():
        if plane is None:
            continue
        z = flat @ plane
        mean = z.mean(axis=0) if n else np.full(plane.shape[1], NAN)
        error = _clean((z - mean).T @ (z - mean), flat) if n else np.zeros((plane.shape[1],) * 2)
        parts[name] = float(n * mean @ mean), plane.shape[1], error
    between = float(a * b * ((flat.mean(axis=1) - flat.mean()) ** 2).sum()) if n else NAN
    whole = between + sum(float(np.trace(error)) for _, _, error in parts.values())
    out = {}
    for name, (ss, df, error) in parts.items():
        eps = _sphericity(error, n - 1) if n > 1 else Sphericity(NAN, NAN, 1 / df, NAN, NAN)
        effect = _effect(ss, df, float(np.trace(error)), (n - 1) * df, whole, eps)
        out[name] = effect, eps
    return out
