"""One patient, several randomised pairs of periods (N-of-1), and a series of such patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.meta_analysis.random_effects import as_measure, pool
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.signed_rank import sign_flip
from outcomes.stats.wald import wald


def nof1(
    control: ArrayLike,
    treated: ArrayLike,
    *,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> tuple[Estimate, Estimate]:
    """Does this patient score differently in treatment periods than in the control periods they
    were paired with?

    One entry a randomised pair, in the same order. `mean difference` treatment − control with its
    paired t interval (df pairs − 1; assumes pairs without trend or carry-over) and `randomisation
    test`: within each pair the treatment could as well have come second, so p is the share of the
    2^pairs assignments whose |sum| is at least the observed one. It cannot fall below 2^(1−pairs):
    with fewer than 6 pairs P<.05 is out of reach.

    Raises AnalysisError for unequal lengths or missing scores.

    Reference: Edgington & Onghena, Randomization Tests 2007, ch. 11; Guyatt et al., N Engl J Med
    1986;314:889.

    >>> mean, test = nof1([5.2, 6.3, 6.0, 4.8, 7.1, 6.6], [5.1, 3.6, 5.6, 4.0, 5.5, 4.9])
    >>> round(mean.value, 3), test.p
    (-1.217, 0.03125)
    """
    mean = replace(
        mean_change(control, treated, level=level),
        name="mean difference",
        how="paired t-test over pairs",
        measure=Measure.DIFFERENCE,
    )
    flip = sign_flip(control, treated, rng=rng, title="within-pair randomisation test").test
    return mean, replace(flip, name="randomisation test", measure=Measure.OVERALL_TEST)


def pooled_series(
    differences: Sequence[ArrayLike],
    *,
    names: Sequence[str] = (),
    level: float = 0.95,
    unit: str = "",
) -> tuple[Estimate, ...]:
    """Over a series of N-of-1 patients: what is the mean difference, and how much do patients
    differ in it?

    `differences` has one array a patient, treatment − control of each pair. The variance within
    patients is pooled over patients (few pairs each), s²_w/m a patient; then random effects over
    patients (REML, Hartung–Knapp) as in `pool`: `pooled`, `prediction interval` (the next patient),
    `tau2` … . Then each patient's `mean difference` (`group` names the patient), with the t
    interval of the pooled variance. `unit` is that of the differences.

    Reference: Zucker et al., J Clin Epidemiol 1997;50:401.
    """
    series = [np.asarray(d, float) for d in differences]
    if any(d.ndim != 1 or len(d) == 0 or not np.isfinite(d).all() for d in series):
        raise AnalysisError("Each patient needs at least one pair, without missing scores.")
    names = list(names) or [str(i + 1) for i in range(len(series))]
    spare = sum(len(d) - 1 for d in series)
    means = np.array([d.mean() for d in series])
    within = sum(float(((d - d.mean()) ** 2).sum()) for d in series)
    within = 0.0 if all(np.ptp(np.round(d, 9)) == 0 for d in series) else within
    why = "too_few" if spare < 1 or len(series) < 2 else "zero_variance" if within == 0 else ""
    if why:
        value = float(means.mean()) if len(means) else NAN
        return (
            Estimate(
                "pooled",
                value,
                level=level,
                how="random effects over patients",
                unit=unit,
                reason=why,
                measure=Measure.DIFFERENCE,
            ),
        )
    variances = within / spare / np.array([len(d) for d in series])
    shown = [
        _patient(m, v, spare, level, name)
        for m, v, name in zip(means, variances, names, strict=True)
    ]
    return (*as_measure(pool(means, variances, level=level, unit=unit), Measure.DIFFERENCE), *shown)


def _patient(value: float, variance: float, df: int, level: float, name: str) -> Estimate:
    se = float(np.sqrt(variance))
    return wald(
        "mean difference",
        value,
        se,
        df=df,
        level=level,
        how="t interval, within-patient variance pooled over patients",
        group=name,
        measure=Measure.DIFFERENCE,
    )
