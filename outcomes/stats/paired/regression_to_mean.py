"""How much of a change is expected when nothing worked: regression to the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.paired.correlation import pearson
from outcomes.stats.paired.location import changes, check_option, pairs
from outcomes.stats.wald import limits, wald


@dataclass(frozen=True, slots=True)
class Regression:
    """Expected regression to the mean (in score points towards the population mean) and the two
    factors of it.
    """

    effect: float
    z: float
    c: float


def expected(
    *,
    cutoff: float,
    mean: float,
    sd: float,
    reliability: float,
    entry: Literal["at least", "at most"] = "at least",
    baselines: int = 1,
) -> Regression:
    """Expected mean change, with no effect at all, of patients selected by a cut-off before.

    Scores of the whole population have `mean` and `sd` (σ_t), and a retest correlation
    `reliability` ρ (an ICC), so the within-patient variance is σ_w² = (1 − ρ)σ_t². Patients enter
    at or beyond `cutoff`: effect = −σ_w²/σ_t · C(z) for entry "at least", +… for "at most", z =
    ±(cutoff − mean)/σ_t, C(z) = φ(z)/(1 − Φ(z)). With the mean of k `baselines` used for entry,
    σ_w² becomes σ_w²/k there.

    The sign is that of a change (negative: a fall is expected). Assumes normal scores; on a bounded
    scale it is an approximation. Raises AnalysisError for sd ≤ 0, reliability outside 0 to 1 or
    baselines < 1.

    Sources: Davis (1976), Am J Epidemiol 104:493-498; Barnett, van der Pols & Dobson (2005), Int J
    Epidemiol 34:215-220, doi:10.1093/ije/dyh299.

    >>> r = expected(cutoff=7, mean=6, sd=1.8439, reliability=0.5765)
    >>> round(r.effect, 2)
    -0.92
    """
    check_option("entry", entry, ("at least", "at most"))
    if not (sd > 0 and 0 <= reliability <= 1 and baselines >= 1):
        raise AnalysisError(
            "Regression to the mean needs sd > 0, a reliability from 0 to 1 and at least one"
            " baseline."
        )
    within = (1 - reliability) * sd * sd / baselines
    total = math.sqrt(reliability * sd * sd + within)
    side = 1 if entry == "at least" else -1
    z = side * (cutoff - mean) / total
    # φ(z)/(1 − Φ(z)) through the scaled complementary error function, so that a far cut-off does
    # not divide 0 by 0
    c = math.sqrt(2 / math.pi) / float(special.erfcx(z / math.sqrt(2)))
    return Regression(-side * within / total * c, z, c)


def population(
    scores: ArrayLike,
    *,
    cutoff: float,
    entry: Literal["at least", "at most"] = "at least",
    step: float = NAN,
    low: float = NAN,
    high: float = NAN,
    level: float = 0.95,
) -> tuple[Estimate, Estimate]:
    """Mean and SD of the scores before selection, from the selected ones: a normal distribution cut
    off at entry.

    Maximum likelihood for scores at or beyond `cutoff` (others must be left out and counted). With
    `step`, the score's smallest step, each score stands for its cell of one step, and the end of
    the scale (`low`, `high`) for all beyond it. Intervals are normal, from the observed
    information. All rests on the shape of the normal curve; few patients, or a cut-off far above
    the mean, tell little. Reasons: `too_few` (fewer than 10 scores or 3 different ones),
    `not_estimable` (the likelihood has no inner maximum: SD above twice that seen or mean 3 SD
    beyond the cut-off).

    Source: Cohen (1959), Technometrics 1:217-237; Senn & Brown (1985), Biometrics 41:555-560.

    >>> mean, sd = population(
    ...     [4] * 10 + [5] * 18 + [6] * 24 + [7] * 22 + [8] * 15 + [9] * 8 + [10] * 3,
    ...     cutoff=4,
    ...     step=1,
    ...     low=0,
    ...     high=10,
    ... )
    >>> round(mean.value, 1), round(sd.value, 1)
    (6.3, 1.7)
    """
    check_option("entry", entry, ("at least", "at most"))
    side = 1 if entry == "at least" else -1
    x, counts = np.unique(side * np.asarray(scores, dtype=float), return_counts=True)
    if len(x) and x[0] < side * cutoff:
        raise AnalysisError(
            "Some scores lie outside the entry cut-off: leave these patients out and count them."
        )
    names, how = ("population mean", "population SD"), "truncated normal, maximum likelihood"
    if counts.sum() < 10 or len(x) < 3:
        return _undefined(names, "too_few", level, how)
    half = step / 2 if step > 0 else 0.0
    top = side * (high if side == 1 else low)
    likelihood = _Truncated(x, counts, side * cutoff - half, half, top)
    seen = math.sqrt(float(np.cov(x, fweights=counts)))
    start = np.array([np.average(x, weights=counts), math.log(seen)])
    from scipy.optimize import minimize  # costs a quarter of a second, and is seldom needed

    found = minimize(
        lambda at: -likelihood(at)[0],
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000},
    )
    mean, sd = float(found.x[0]), math.exp(min(float(found.x[1]), 50.0))
    if not found.success or sd > 2 * seen or mean < side * cutoff - 3 * sd:
        return _undefined(names, "not_estimable", level, how)
    maximum = _maximum(likelihood, found.x)
    if maximum is None:
        return _undefined(names, "not_estimable", level, how)
    (mean, log_sd), ses = maximum
    sd = math.exp(log_sd)
    centre = wald(
        names[0],
        side * mean,
        ses[0],
        level=level,
        tested=False,
        how=how,
        measure=Measure.LEVEL,
    )
    spread = limits(log_sd, ses[1], level=level, back=math.exp)
    return centre, Estimate(names[1], sd, *spread, level, how=how, measure=Measure.VARIANCE)


@dataclass(frozen=True, eq=False)
class _Truncated:
    """The log likelihood of (mean, log SD) with its gradient and Hessian: cells of one step, or
    densities, given a value above the edge.
    """

    x: np.ndarray
    counts: np.ndarray
    edge: float
    half: float
    top: float

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        mean, sd = float(theta[0]), math.exp(min(float(theta[1]), 50.0))
        if self.half:
            ends = np.where(self.x == self.top, np.inf, self.x + self.half)
            each = _log_share(self.x - self.half, ends, mean, sd)
        else:
            u = (self.x - mean) / sd
            one, zero = np.ones_like(u), np.zeros_like(u)
            each = (
                np.array(
                    [
                        -(u**2) / 2 - math.log(sd),
                        u / sd,
                        u**2 - 1,
                        -one / sd**2,
                        -2 * u / sd,
                        -2 * u**2,
                    ]
                )
                + zero
            )
        kept = _log_share(np.array([self.edge]), np.array([np.inf]), mean, sd)[:, 0]
        value, m, s, mm, ms, ss = each @ self.counts - self.counts.sum() * kept
        return float(value), np.array([m, s]), np.array([[mm, ms], [ms, ss]])


def _log_share(low: np.ndarray, high: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """log P(low < X < high) of a normal and its derivatives in mean and log SD, as rows: value, m,
    s, mm, ms, ss.
    """
    ends = [(np.where(np.isinf(e), 0.0, e - mean) / sd, np.isinf(e)) for e in (low, high)]
    # upper tails, so that cells far above the mean keep their digits
    a, b = (np.where(never, 0.0, special.ndtr(-u)) for u, never in ends)
    share = np.maximum(a - b, 1e-300)

    def slopes(u: np.ndarray, never: np.ndarray) -> np.ndarray:
        density = np.where(never, 0.0, np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi))
        return density * np.array([-1 / sd + 0 * u, -u, -u / sd**2, (1 - u**2) / sd, u - u**3])

    # a trial far from the data has no share, and slopes without end
    with np.errstate(over="ignore", invalid="ignore"):
        m, s, mm, ms, ss = (slopes(*ends[1]) - slopes(*ends[0])) / share
        return np.array([np.log(share), m, s, mm - m * m, ms - m * s, ss - s * s])


def _maximum(
    likelihood: _Truncated, start: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Newton's steps from close by, to the last digits; (mean, log SD) and their standard errors
    from the observed information. None where the likelihood has no maximum there.
    """
    at = np.array(start, dtype=float)
    for _ in range(20):
        _, gradient, hessian = likelihood(at)
        if not (np.linalg.eigvalsh(hessian) < 0).all():
            return None
        step = np.linalg.solve(hessian, gradient)
        at = at - step
        if np.abs(step).max() < 1e-12 * max(1.0, float(np.abs(at).max())):
            break
    covariance = -np.linalg.inv(likelihood(at)[2])
    ses = np.sqrt(np.diag(covariance))
    return (float(at[0]), float(at[1])), (float(ses[0]), float(ses[1]))


def _undefined(
    names: tuple[str, str], reason: str, level: float, how: str
) -> tuple[Estimate, Estimate]:
    first, last = (
        Estimate(name, NAN, level=level, reason=reason, how=how, measure=Measure.DIAGNOSTIC)
        for name in names
    )
    return first, last


def mee_chua(
    before: ArrayLike, after: ArrayLike, *, mean: float, level: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Change net of regression to the mean, where the population mean is known: Mee and Chua's
    regression.

    Regress after − μ on before − μ: the intercept is the change of a patient at the population
    mean, which selection by the score before does not bias. Returns the intercept ("change net of
    regression to the mean", its t-test with n − 2 df) and the slope (1 if nothing regresses).
    Reasons: `too_few` (n < 3), `zero_variance` (no spread before, or points on a line). Source: Mee
    & Chua (1991), Am Stat 45:39-42, doi:10.1080/00031305.1991.10475763.

    >>> net, slope = mee_chua([7, 8, 7, 9, 8, 7], [6, 7, 7, 7, 6, 5], mean=6)
    >>> round(net.value, 3), round(slope.value, 3)
    (-0.5, 0.5)
    """
    first, last = pairs(before, after)
    n, x, y = len(first), first - mean, last - mean
    names, how = (
        ("change net of regression to the mean", "slope of after on before"),
        f"Mee-Chua, μ = {mean:g}",
    )
    if n < 3 or (x == x[0]).all():
        return _undefined(names, "too_few" if n < 3 else "zero_variance", level, how)
    off = x - x.mean()
    sxx = float(off @ off)
    slope = float(off @ y) / sxx
    start = float(y.mean()) - slope * float(x.mean())
    residual = y - start - slope * x
    sigma2 = float(residual @ residual) / (n - 2)
    if sigma2 <= 1e-24 * max(1.0, float(y @ y)):
        return tuple(
            Estimate(
                name, v, level=level, reason="zero_variance", how=how, measure=Measure.DIAGNOSTIC
            )
            for name, v in zip(names, (start, slope))
        )  # type: ignore[return-value]
    ses = math.sqrt(sigma2 * (1 / n + float(x.mean()) ** 2 / sxx)), math.sqrt(sigma2 / sxx)
    out = []
    for name, value, se, null in zip(names, (start, slope), ses, (0.0, 1.0)):
        out.append(
            wald(
                name,
                value,
                se,
                df=n - 2,
                level=level,
                null=null,
                how=how,
                measure=Measure.DIAGNOSTIC,
            )
        )
    return out[0], replace(out[1], how=f"{how}; test of slope 1")


def change_and_baseline(
    before: ArrayLike, after: ArrayLike, *, reliability: float | None = None, level: float = 0.95
) -> tuple[Estimate, ...]:
    """Do patients who start worse change more? The naive correlation, and the two that allow for
    regression.

    "r of change and before" is biased by regression to the mean (before stands in both; shown to be
    compared). "Oldham r" correlates the change with the mean of before and after: 0 when the
    variances are equal, whatever the reliability. "Blomqvist slope" corrects the slope b of change
    on before for `reliability` ρ of the score before, (b + 1 − ρ)/ρ; without ρ it is nan
    `needs_input`. Correlations have Fisher z intervals (n > 3) and t-tests.

    Sources: Oldham (1962), J Chronic Dis 15:969-977; Blomqvist (1977), JASA 72:746-749;
    Tu & Gilthorpe (2007), Stat Med 26:443-457, doi:10.1002/sim.2538.

    >>> naive, oldham, blomqvist = change_and_baseline(
    ...     [7, 8, 7, 9, 8, 4], [6, 7, 7, 7, 6, 5], reliability=0.8
    ... )
    >>> round(naive.value, 3), round(oldham.value, 3), round(blomqvist.value, 3)
    (-0.91, -0.81, -0.522)
    """
    if reliability is not None and not 0 < reliability <= 1:
        raise AnalysisError(f"reliability is between 0 and 1; got {reliability}.")
    first, last = pairs(before, after)
    d = changes(first, last)
    naive = pearson(d, first, level=level, name="r of change and before")
    oldham = pearson(d, (first + last) / 2, level=level, name="Oldham r")
    name, how = "Blomqvist slope", "" if reliability is None else f"reliability {reliability:g}"
    if math.isnan(naive.value):
        return (
            naive,
            oldham,
            Estimate(name, NAN, reason=naive.reason, how=how, measure=Measure.DIAGNOSTIC),
        )
    if reliability is None:
        return (
            naive,
            oldham,
            Estimate(name, NAN, reason="needs_input", how=how, measure=Measure.DIAGNOSTIC),
        )
    off = first - first.mean()
    slope = float(off @ d) / float(off @ off)
    return (
        naive,
        oldham,
        Estimate(
            name, (slope + 1 - reliability) / reliability, how=how, measure=Measure.DIAGNOSTIC
        ),
    )
