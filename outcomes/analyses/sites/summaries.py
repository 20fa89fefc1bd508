"""Sites that may share numbers but no patients, or published studies: pooled from a table of means,
SDs and counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from outcomes.analyses.question import Analysis
from outcomes.core.direction import value_and_interval
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate, chosen
from outcomes.core.flow import Counts
from outcomes.core.language import named, say
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import (
    confidence,
    listed,
    p_value,
    plural,
)
from outcomes.stats.meta_analysis.effect_measures import (
    USUAL_R,
    Effects,
    crossover_effect,
    implied_r,
    looks_like_se,
    mean_difference,
    proportion,
    sd_of_change,
    standardised_mean_change,
    standardised_mean_difference,
    two_shares,
)
from outcomes.stats.meta_analysis.glmm import pooled_logit
from outcomes.stats.meta_analysis.parts import Pooling
from outcomes.stats.meta_analysis.random_effects import (
    ESTIMATORS,
    INTERVALS,
    PREDICTIONS,
    as_measure,
    leave_one_out,
    meta_regression,
    pool,
)
from outcomes.stats.meta_analysis.three_level import leave_one_cluster_out, three_level
from outcomes.stats.proportions.stratified import mantel_haenszel, peto
from outcomes.stats.wald import critical

#: Measure -> what it is called, and the columns it needs (one row a site).
MEASURES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "change": ("mean change", ("n", "mean_change")),
    "SMCR": ("mean change in baseline SDs (SMCR)", ("n", "mean_change", "sd_before")),
    "SMCC": ("mean change in SDs of the change (SMCC)", ("n", "mean_change", "sd_change")),
    "MD": ("mean difference", ("mean1", "sd1", "n1", "mean2", "sd2", "n2")),
    "SMD": ("standardised mean difference", ("mean1", "sd1", "n1", "mean2", "sd2", "n2")),
    "crossover": ("mean difference in crossovers", ("n", "mean_difference", "sd1", "sd2")),
    "crossover-SMD": (
        "standardised mean difference in crossovers",
        ("n", "mean_difference", "sd1", "sd2"),
    ),
    "effect": ("effect as published", ("effect",)),
    "share": ("share", ("events", "n")),
    "share-logistic": ("share (random-intercept logistic model)", ("events", "n")),
    "RD-random": ("risk difference (random effects)", ("events1", "n1", "events2", "n2")),
    "RR-random": ("risk ratio (random effects)", ("events1", "n1", "events2", "n2")),
    "OR-random": ("odds ratio (random effects)", ("events1", "n1", "events2", "n2")),
    "RD": ("risk difference (Mantel-Haenszel)", ("events1", "n1", "events2", "n2")),
    "RR": ("risk ratio (Mantel-Haenszel)", ("events1", "n1", "events2", "n2")),
    "OR": ("odds ratio (Mantel-Haenszel)", ("events1", "n1", "events2", "n2")),
    "Peto": ("odds ratio (Peto)", ("events1", "n1", "events2", "n2")),
}
#: What each measure is.
POOLED = {
    "change": Measure.CHANGE,
    "SMCR": Measure.STANDARDISED_CHANGE,
    "SMCC": Measure.STANDARDISED_CHANGE,
    "MD": Measure.DIFFERENCE,
    "SMD": Measure.STANDARDISED_DIFFERENCE,
    "crossover": Measure.DIFFERENCE,
    "crossover-SMD": Measure.STANDARDISED_DIFFERENCE,
    "effect": Measure.DIFFERENCE,
    "share": Measure.SHARE,
    "share-logistic": Measure.SHARE,
    "RD-random": Measure.SHARE_DIFFERENCE,
    "RR-random": Measure.RISK_RATIO,
    "OR-random": Measure.ODDS_RATIO,
    "RD": Measure.SHARE_DIFFERENCE,
    "RR": Measure.RISK_RATIO,
    "OR": Measure.ODDS_RATIO,
    "Peto": Measure.ODDS_RATIO,
}
#: Pooled from the counts themselves, not from an effect of each site and its variance.
COUNTED = ("RD", "RR", "OR", "Peto", "share-logistic")
#: Pooled on a scale of their own: what leads back from it, the scale, and the unit.
SCALES: Mapping[str, tuple[Callable[[float], float], str, str]] = {
    "share": (expit, "logit", "share"),
    "RR-random": (math.exp, "log", ""),
    "OR-random": (math.exp, "log", ""),
}


@dataclass(frozen=True)
class _Summaries(Analysis):
    """What is the answer over these sites or studies, of which only summaries are known?"""

    measure: str
    _: KW_ONLY
    estimator: str
    interval: str

    short: ClassVar[str] = "pooled summaries"
    comparative: ClassVar[bool] = True

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or the measure."""
        return self.label or say(
            "{question}, {way}", question=named(MEASURES[self.measure][0]), way=named(self.short)
        )

    def methods_text(self) -> str:
        return f"What sites or studies report was pooled: {MEASURES[self.measure][0]}."

    def methods_of(self, result: Result) -> str:
        """With the model, from what was pooled."""
        means = result.select(part=Pooling.MEAN)
        if not means:
            return "Each site's own result is shown; they were too few to pool."
        return f"{self.methods_text().removesuffix('.')} ({means[0].how})."

    def sentence(self, result: Result, style: str = "ama") -> str:
        parts = []
        for e in result.select(part=Pooling.MEAN):
            p = "" if np.isnan(e.p) else f"; {p_value(e.p, style)}"
            given = f" with {e.group}" if e.group else ""
            value, limits = value_and_interval(e, None)
            parts.append(f"{value} ({confidence(e.level)}{limits}{p}; {e.how}){given}")
        what = MEASURES[self.measure][0]
        if not parts:
            return (
                f"At {plural(result.counts.analysed, 'site')} the {what} is shown for each; too few"
                " sites to pool."
            )
        return f"Across {result.counts.analysed} sites the pooled {what} was {', or '.join(parts)}."


def pool_summaries(
    table: pd.DataFrame,
    *,
    measure: str = "change",
    r: float | Sequence[float] = (),
    estimator: str = "REML",
    interval: str = "hartung-knapp",
    prediction: str = "k-2",
    level: float = 0.95,
    site: str = "site",
    within: str = "",
    moderators: Sequence[str] = (),
) -> Result:
    """Pool what sites or papers report, without their patients.

    `table` has one row a site. Columns by `measure`: "change" n, mean_change and sd_change (or
    sd_before and sd_after); "SMCR" n, mean_change, sd_before; "SMCC" n, mean_change, sd_change;
    "MD" and "SMD" (Hedges' g, where scales differ) mean1, sd1, n1, mean2, sd2, n2; "crossover" and
    "crossover-SMD" n, mean_difference, sd1, sd2 (the SD under each treatment); "effect" effect and
    its se, or the low and high of its interval at `level` (any published estimate, ratios as
    logarithms); "share" events, n (pooled on the logit scale) and "share-logistic" the same by a
    logistic model of the counts with a random intercept a site; "RD", "RR", "OR" and "Peto"
    events1, n1, events2, n2 by Mantel-Haenszel or Peto from the counts, for rare events, keeping
    sites without events in the risk difference; "RD-random", "RR-random" and "OR-random" the same
    columns by random effects (½ is added to the cells of a site that has an empty one). Where the
    correlation of before and after (or of two treatments) is needed it is the column r, or the
    argument `r`; unknown, the usual values .3, .5 and .7 stand side by side.

    `moderators` are columns of numbers, one a site (dose, mean age): meta-regression on them, with
    the joint test and the share of τ² that they account for. Sites were not randomised to them: an
    association, not an effect.

    `within` names the column of what rows belong to (studies that report several cohorts, countries
    with several sites): they are then pooled on three levels as in `NestedSites`, by REML with a
    cluster-robust interval, from three units on; `estimator`, `interval` and `prediction` are left
    at their defaults, and counts (RD, RR, OR, Peto) are not pooled so.

    Rows of `site_summary` fit as they are; one whose column `suppressed` says why it is empty is
    left out, and counted. Notes name sites whose SD looks like a standard error and sites whose SDs
    no correlation can explain. With one or two sites means are shown, not pooled. Raises
    AnalysisError for an unknown measure or a missing column.

    References: Becker 1988 (doi 10.1111/j.2044-8317.1988.tb00901.x); Cochrane Handbook, chapters 6,
    10 and 23.

    >>> table = pd.DataFrame(
    ...     {
    ...         "site": list("ABC"),
    ...         "n": [20, 35, 12],
    ...         "mean_change": [-1.2, -2.0, -1.5],
    ...         "sd_before": [2.1, 1.9, 2.3],
    ...         "sd_after": [1.9, 2.2, 2.0],
    ...     }
    ... )
    >>> from outcomes.stats.meta_analysis.parts import Pooling
    >>> [(e.group, round(e.value, 2)) for e in pool_summaries(table).select(part=Pooling.MEAN)]
    [('r=0.3', -1.67), ('r=0.5', -1.64), ('r=0.7', -1.61)]
    """
    if measure not in MEASURES:
        raise AnalysisError(unknown("measure", measure, MEASURES))
    for name, given, allowed in (
        ("estimator", estimator, ESTIMATORS),
        ("interval", interval, INTERVALS),
        ("prediction interval", prediction, PREDICTIONS),
    ):
        if given not in allowed:
            raise AnalysisError(unknown(name, given, allowed))
    everyone, (table, hidden) = len(table), _kept(table)
    data, names = _columns(table, MEASURES[measure][1]), _names(table, site)
    plain = (estimator, interval, prediction) == (
        "REML",
        "hartung-knapp",
        "k-2",
    ) and measure not in COUNTED
    units = _units(table, within, plain=plain)
    if moderators and (within or measure in COUNTED):
        raise AnalysisError(
            "moderators need an effect of each site and its variance: no within, and none of"
            f" {', '.join(COUNTED)}."
        )
    moderating = _columns(table, moderators)
    question = _Summaries(measure, estimator=estimator, interval=interval, level=level)
    counts = Counts(everyone, len(table), hidden, noun="site")
    if measure in COUNTED:
        return _from_counts(question, data, counts)
    many = len(set(units)) if within else len(table)
    estimates: list[Estimate] = []
    for group, (y, v) in _effects(measure, table, data, r, level).items():
        _usable(y, v, names)
        if many > 2:
            if within:
                found, left = (
                    f(y, v, cluster=units, level=level)
                    for f in (three_level, leave_one_cluster_out)
                )
            else:
                found = pool(
                    y, v, estimator=estimator, interval=interval, prediction=prediction, level=level
                )
                left = leave_one_out(
                    y, v, names=names, estimator=estimator, interval=interval, level=level
                )
            found += chosen(left, part=Pooling.LEFT_OUT) if many > 3 else ()
            if moderating:
                found += _moderated(y, v, moderating, estimator, interval, level)
            estimates += [
                replace(e, group=" ".join(x for x in (group, e.group) if x))
                for e in as_measure(found, POOLED[measure])
            ]
        estimates += _shown(
            MEASURES[measure][0],
            y,
            v,
            [f"{group} {name}".strip() for name in names],
            level,
            POOLED[measure],
        )
    if measure in SCALES:
        estimates = [_back(e, *SCALES[measure]) for e in estimates]
    notes = (*_left_out(counts), *_suspicions(table, names))
    if within and many < 3:
        notes += (
            f"Fewer than 3 of {within}: the rows stand for themselves, without a pooled interval.",
        )
    forest = _forest(estimates)
    return Result(
        question,
        tuple(estimates),
        counts,
        notes=notes,
        data={"forest": forest},
        pictures=("forest",),
        axis=_axis(measure),
    )


def _kept(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[tuple[str, int], ...]]:
    """The rows that hold numbers, and how many do not, by what their column `suppressed` says."""
    if "suppressed" not in table:
        return table, ()
    why = table["suppressed"].astype(object).fillna("").astype(str).str.strip()
    left = why[why != ""].value_counts(sort=False)
    if left.sum() == len(table) > 0:
        raise AnalysisError(f"Every row is suppressed: {'; '.join(left.index)}.")
    return table[(why == "").to_numpy()], tuple(
        (f"suppressed: {reason}", int(n)) for reason, n in left.items()
    )


def _left_out(counts: Counts) -> tuple[str, ...]:
    return tuple(f"{plural(n, counts.noun)} left out, {why}." for why, n in counts.left_out)


def _units(table: pd.DataFrame, within: str, *, plain: bool) -> list[str]:
    """What each row belongs to; nothing where rows belong to nothing."""
    if not within:
        return []
    if not plain:
        raise AnalysisError(
            "within pools on three levels: no other estimator or interval, and none of RD, RR, OR"
            " and Peto."
        )
    if within not in table or table[within].isna().any():
        raise AnalysisError(
            f"within names a column that says for every row what it belongs to; '{within}' does"
            " not."
        )
    return list(table[within].astype(str))


def _effects(
    measure: str,
    table: pd.DataFrame,
    data: dict[str, np.ndarray],
    r: float | Sequence[float],
    level: float,
) -> dict[str, Effects]:
    """Estimate and variance of each site, for each correlation that has to be tried."""
    if measure in ("MD", "SMD"):
        effect = mean_difference if measure == "MD" else standardised_mean_difference
        return {"": effect(*(data[c] for c in MEASURES["MD"][1]))}
    if measure in ("RD-random", "RR-random", "OR-random"):
        return {"": two_shares(*data.values(), measure=measure[:2])}
    if measure in ("crossover", "crossover-SMD"):
        given = {"sd1": data["sd1"], "sd2": data["sd2"], "n": data["n"]}
        return {
            group: crossover_effect(
                data["mean_difference"], **given, r=rho, standardised=measure != "crossover"
            )
            for group, rho in _correlations(table, r).items()
        }
    if measure == "share":
        return {"": proportion(data["events"], data["n"])}
    if measure == "effect":
        return {"": (data["effect"], _published_error(table, data["effect"], level) ** 2)}
    if measure == "SMCC":
        return {
            "": standardised_mean_change(
                data["mean_change"], sd=data["sd_change"], n=data["n"], r=0, standardiser="change"
            )
        }
    if measure == "SMCR":
        smcr: Callable[[np.ndarray], Effects] = lambda rho: standardised_mean_change(  # noqa: E731
            data["mean_change"], sd=data["sd_before"], n=data["n"], r=rho, standardiser="before"
        )
        return {group: smcr(rho) for group, rho in _correlations(table, r).items()}
    if "sd_change" in table:
        sd = _columns(table, ("sd_change",))["sd_change"]
        return {"": (data["mean_change"], sd**2 / data["n"])}
    two = _columns(table, ("sd_before", "sd_after"), instead="sd_change")
    return {
        group: (
            data["mean_change"],
            sd_of_change(two["sd_before"], two["sd_after"], r=rho) ** 2 / data["n"],
        )
        for group, rho in _correlations(table, r).items()
    }


def _moderated(
    y: np.ndarray,
    v: np.ndarray,
    moderators: Mapping[str, np.ndarray],
    estimator: str,
    interval: str,
    level: float,
) -> tuple[Estimate, ...]:
    """The coefficients of the moderators, their joint test and the share of τ² they account for."""
    rows = meta_regression(
        y,
        v,
        np.column_stack(list(moderators.values())),
        names=list(moderators),
        estimator=estimator,
        interval=interval,
        level=level,
    )
    return tuple(
        replace(e, measure=Measure.SLOPE, how=f"{e.how}; meta-regression, per unit".lstrip("; "))
        if e.part is Pooling.COEFFICIENT
        else e
        for e in rows
        if e.part in (Pooling.COEFFICIENT, Pooling.MODERATORS, Pooling.R2)
    )


def _axis(measure: str) -> ValueAxis:
    """The axis of what is pooled: ratios lie on a logarithmic one around 1, shares have no null."""
    kind = POOLED[measure]
    return ValueAxis(
        MEASURES[measure][0],
        null=None if math.isnan(kind.null) else kind.null,
        log=kind in (Measure.RISK_RATIO, Measure.ODDS_RATIO),
    )


def _published_error(table: pd.DataFrame, effect: np.ndarray, level: float) -> np.ndarray:
    """The standard errors as published, or from the intervals (normal, symmetric about the effect).

    Raises AnalysisError for an interval that does not lie evenly about its effect: then it is on
    another scale (a ratio) or wrong.
    """
    if "se" in table:
        return _columns(table, ("se",))["se"]
    ends = _columns(table, ("low", "high"), instead="se")
    width = ends["high"] - ends["low"]
    uneven = np.abs((ends["high"] + ends["low"]) / 2 - effect) > 0.05 * np.abs(width)
    if uneven.any():
        raise AnalysisError(
            f"{plural(int(uneven.sum()), 'interval')} not even about the effect: give ratios and"
            " their limits as logarithms, or the column se."
        )
    return np.asarray(width / (2 * critical(level)), dtype=float)


def _correlations(table: pd.DataFrame, r: float | Sequence[float]) -> dict[str, np.ndarray]:
    """The correlation of before and after of each site: as reported, or one for all, tried in
    turn.
    """
    if "r" in table:
        return {"": _columns(table, ("r",))["r"]}
    tried = [float(x) for x in np.atleast_1d(np.asarray(r, float))] or list(USUAL_R)
    return {f"r={value:g}": np.full(len(table), value) for value in tried}


def _from_counts(question: _Summaries, data: dict[str, np.ndarray], counts: Counts) -> Result:
    strata = np.column_stack([data[c] for c in MEASURES[question.measure][1]])
    if question.measure == "share-logistic":
        _, share, tau2 = pooled_logit(strata[:, 0], strata[:, 1], level=question.level)
        rows = (replace(share, name="pooled", unit="share", part=Pooling.MEAN), tau2)
        return Result(question, rows, counts, notes=_left_out(counts))
    pooled = (
        peto(strata, level=question.level)
        if question.measure == "Peto"
        else (mantel_haenszel(strata, measure=question.measure, level=question.level))
    )
    estimates = (
        replace(pooled.estimate, name="pooled", part=Pooling.MEAN),
        pooled.heterogeneity,
    )
    none = int(((strata[:, 0] == 0) & (strata[:, 2] == 0)).sum())
    kept = (
        "kept in the risk difference"
        if question.measure == "RD"
        else "they carry no information on a ratio"
    )
    notes = (f"{plural(none, 'site')} without any event: {kept}.",) if none else ()
    return Result(question, estimates, counts, notes=(*_left_out(counts), *notes))


def _columns(
    table: pd.DataFrame, names: Sequence[str], *, instead: str = ""
) -> dict[str, np.ndarray]:
    """Columns as numbers. Raises AnalysisError for one that is absent or has a gap."""
    for name in names:
        if name not in table:
            hint = f"Or give {instead}." if instead else f"It needs: {', '.join(names)}."
            raise AnalysisError(unknown("column", name, map(str, table.columns), hint=hint))
    found = {
        name: pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan)
        for name in names
    }
    gaps = [name for name, values in found.items() if not np.isfinite(values).all()]
    if gaps:
        raise AnalysisError(
            f"Not every site has a number for {listed(gaps)}: leave such a site out, and say so."
        )
    return found


def _names(table: pd.DataFrame, site: str) -> list[str]:
    return (
        [str(v) for v in table[site]] if site in table else [str(i + 1) for i in range(len(table))]
    )


def _usable(y: np.ndarray, v: np.ndarray, names: Sequence[str]) -> None:
    bad = [
        n
        for n, a, b in zip(names, y, v, strict=True)
        if not (np.isfinite(a) and np.isfinite(b) and b > 0)
    ]
    if bad:
        raise AnalysisError(
            f"No usable estimate and standard error at {listed(bad)}: n must be at least 2 and SDs"
            " above 0."
        )


def _shown(
    what: str, y: np.ndarray, v: np.ndarray, names: Sequence[str], level: float, measure: Measure
) -> list[Estimate]:
    """Each site's own estimate with a normal interval."""
    reach = critical(level) * np.sqrt(v)
    rows = zip(y, reach, np.sqrt(v), names, strict=True)
    return [
        Estimate(
            what,
            m,
            m - half,
            m + half,
            level,
            se=se,
            group=n,
            how="normal interval",
            measure=measure,
            part=Pooling.SITE,
        )
        for m, half, se, n in rows
    ]


def _suspicions(table: pd.DataFrame, names: Sequence[str]) -> tuple[str, ...]:
    notes = []
    for column in (
        c for c in ("sd_before", "sd_after", "sd_change") if c in table and "n" in table
    ):
        both = _columns(table, (column, "n"))
        odd = [
            n for n, bad in zip(names, looks_like_se(both[column], both["n"]), strict=True) if bad
        ]
        if odd:
            notes.append(
                f"{column} of {listed(odd)} looks like a standard error: it is far below the"
                " others, but not times √n."
            )
    if {"sd_before", "sd_after", "sd_change"} <= set(table):
        three = _columns(table, ("sd_before", "sd_after", "sd_change"))
        odd = [n for n, r in zip(names, implied_r(*three.values()), strict=True) if abs(r) > 1]
        if odd:
            notes.append(
                f"The three SDs of {listed(odd)} fit no correlation of before and after: one of"
                " them is wrong."
            )
    return tuple(notes)


#: Rows that are a place on the scale of what is pooled.
ON_SCALE = (
    Pooling.MEAN,
    Pooling.MODEL_BASED,
    Pooling.PREDICTION,
    Pooling.SITE,
    Pooling.LEFT_OUT,
)


def _back(e: Estimate, back: Callable[[float], float], scale: str, unit: str) -> Estimate:
    """From the scale that was pooled on to a share or a ratio, for what is a place on the scale
    (the spread between sites stays on it).

    A share of one half means nothing, so a share has no test; a ratio of 1 does.
    """
    if e.part not in ON_SCALE:
        return e
    value, low, high = (float(back(x)) for x in (e.value, e.low, e.high))
    tested = (e.statistic, e.p) if scale == "log" else (np.nan, np.nan)
    return replace(
        e,
        value=value,
        low=low,
        high=high,
        se=np.nan,
        unit=unit,
        how=f"{e.how}, on the {scale} scale",
        statistic=tested[0],
        p=tested[1],
    )


def _forest(estimates: Sequence[Estimate]) -> pd.DataFrame:
    shown = [e for e in estimates if e.part in (Pooling.SITE, Pooling.MEAN)]
    return forest_frame(
        ((f"pooled {e.group}".strip() if e.part is Pooling.MEAN else e.group, e) for e in shown),
        lambda e: e.part is Pooling.MEAN,
    )
