"""Several sites: each answers the question on its own, then the answers are pooled."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import ClassVar

import pandas as pd

from outcomes.analyses.groups.group_data import lower_is_better
from outcomes.analyses.question import Analysis
from outcomes.core.direction import value_and_interval
from outcomes.core.errors import AnalysisError, OutcomesError, unknown
from outcomes.core.estimate import NAN, REASONS, Estimate, chosen
from outcomes.core.flow import Counts
from outcomes.core.language import named, say
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import (
    confidence,
    digits_for,
    interval,
    level_text,
    listed,
    number,
    p_value,
    plural,
    spoken,
    statistic,
)
from outcomes.stats.meta_analysis.funnel import ENOUGH_SITES, begg, egger
from outcomes.stats.meta_analysis.parts import Pooling
from outcomes.stats.meta_analysis.random_effects import (
    ESTIMATORS,
    INTERVALS,
    PREDICTIONS,
    as_measure,
    leave_one_out,
    pool,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class PooledSites(Analysis):
    """What is the answer over all sites, how much do sites differ, and what would the next site
    see?

    The question (`PairedT(…)`, `ANCOVA(…)`, …) is asked at each site alone; `of` names the estimate
    to pool (default: its first with a standard error). Two stages: random effects over sites, τ² by
    `estimator` (REML), the interval by Hartung-Knapp with k−1 df ("truncated" and "z" on request).
    Where sites agree better than chance would have it (factor below 1), the truncated interval
    stands beside it. Prediction interval for a new site by the rule named, τ² with its Q-profile
    interval, I², each site, and the pooled value without each site in turn. Egger's and Begg's
    tests of small sites from 10 sites on.

    With one or two sites only the sites are shown: no random-effects interval is to be trusted
    there. Sites that cannot answer (too few patients, no spread) are named and counted. One stage
    with all patients is the better choice where their scores may be brought together (ANCOVA with
    `site`, MMRM); this is for sites that can share results only.

    Raises AnalysisError for unknown options, a study without sites, or an estimate that cannot be
    pooled (a ratio, no standard error).

    References: Hartung & Knapp 2001 (Stat Med 20:3875); IntHout 2014 (doi 10.1186/1471-2288-14-25);
    Higgins 2009 (doi 10.1111/j.1467-985X.2008.00552.x); Viechtbauer 2007 (Stat Med 26:37).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     (f"p{s}{i}", s, v, y)
    ...     for s, ys in {
    ...         "A": [(7, 5), (6, 5), (8, 4)],
    ...         "B": [(7, 6), (9, 7), (6, 6)],
    ...         "C": [(5, 2), (8, 7), (7, 5)],
    ...     }.items()
    ...     for i, two in enumerate(ys)
    ...     for v, y in zip(("pre", "post"), two)
    ... ]
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "site", "visit", "pain"]),
    ...     visits=("pre", "post"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.PooledSites(oc.PairedT("pain", before="pre", after="post")).run(study)
    >>> round(result["pooled"].value, 3), result["mean change | A"].value
    (-1.662, -2.3333333333333335)
    """

    analysis: Analysis
    _: KW_ONLY
    of: str = ""
    by: str = "site"
    estimator: str = "REML"
    interval: str = "hartung-knapp"
    prediction: str = "k-2"

    short: ClassVar[str] = "pooled over sites"
    references: ClassVar[tuple[str, ...]] = (
        (
            "IntHout J, Ioannidis JPA, Borm GF. The Hartung-Knapp-Sidik-Jonkman method for random"
            " effects meta-analysis. BMC Med Res Methodol 2014;14:25."
        ),
        (
            "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects"
            " meta-analysis. J R Stat Soc A 2009;172:137-159."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.analysis, Analysis):
            raise AnalysisError("PooledSites pools a question, such as PairedT(…).")
        for name, allowed in (
            ("estimator", ESTIMATORS),
            ("interval", INTERVALS),
            ("prediction", PREDICTIONS),
        ):
            if getattr(self, name) not in allowed:
                raise AnalysisError(unknown(name, str(getattr(self, name)), allowed))

    @property
    def comparative(self) -> bool:  # type: ignore[override]
        """As the question that is pooled."""
        return self.analysis.comparative

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or the pooled question's title."""
        return self.label or say(
            "{question}, {way}", question=self.analysis.title(outcome), way=named(self.short)
        )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        inner = self.analysis.needs(study)
        own = PatientValues(characteristics=(self.by,), rows=True)
        return inner | own if isinstance(inner, PatientValues) else None

    def compute(self, study: Study) -> Result:
        sites, refused = self._asked(study)
        usable = [s for s in sites if s.estimate.se > 0]
        refused |= {
            s.name: REASONS.get(s.estimate.reason, "no standard error")
            for s in sites
            if not s.estimate.se > 0
        }
        if not usable:
            raise AnalysisError(f"No site can be pooled: {unpooled(refused)}.")
        names = [s.name for s in usable]
        pooled = self._pooled(usable) if len(usable) > 2 else []
        shown = [s.shown(s.name) for s in usable]
        notes = [f"Not pooled: {unpooled(refused)}."] if refused else []
        if len(usable) < 3:
            notes.append(
                "Fewer than 3 sites: they stand for themselves, without a pooled interval."
            )
        first = usable[0]
        if others := list(dict.fromkeys(pair for s in usable for pair in s.others)):
            pair = first.pair.strip(", ")
            notes.append(
                f"Of the comparisons, {pair} alone is pooled here; of= names another estimate"
                f" ({listed(others)})."
            )
        estimates = (*pooled, *shown, *self._without(usable, names))
        counts = _counts(study, self.by, usable)
        return Result(
            self,
            estimates,
            counts,
            first.outcome,
            tuple(notes),
            {"forest": _forest(estimates), "funnel": _funnel(usable)},
            ("forest",),
            detail=SitesPooled(len(usable), len(usable), first.estimate.name, first.pair),
            axis=ValueAxis(
                f"{first.estimate.name} ({first.estimate.unit})"
                if first.estimate.unit
                else first.estimate.name
            ),
        )

    def _asked(self, study: Study) -> tuple[list[_Site], dict[str, str]]:
        """The question's estimate at every site, and the sites that refused it, with their
        reason.
        """
        column = study.characteristic(self.by).dropna()
        answers, refused = {}, {}
        for value in sorted(column.unique(), key=str):
            try:
                answers[str(value)] = self.analysis.run(study.where(**{self.by: value}))
            except OutcomesError as e:
                refused[str(value)] = str(e).rstrip(".")
        name = self.of or _pooled_by_default(answers.values())
        there = dict.fromkeys(e.term for r in answers.values() for e in r.estimates)
        named = {e.name for r in answers.values() for e in r.estimates}
        if self.of and there and self.of not in named | there.keys():
            raise AnalysisError(f"No estimate '{self.of}'. There is: {', '.join(there)}.")
        return [_site(site, r, name) for site, r in answers.items()], refused

    def _pooled(self, usable: list[_Site]) -> list[Estimate]:
        y, v = [s.estimate.value for s in usable], [s.estimate.se**2 for s in usable]
        unit, ask = (
            usable[0].estimate.unit,
            partial(pool, y, v, estimator=self.estimator, level=self.level),
        )
        found = list(ask(interval=self.interval, prediction=self.prediction, unit=unit))
        factor = chosen(found, part=Pooling.FACTOR)[0].value
        if self.interval == "hartung-knapp" and factor < 1 and self.estimator != "FE":
            cut = ask(interval="truncated", unit=unit)[0]
            found.insert(1, replace(cut, name="pooled, truncated interval", part=Pooling.TRUNCATED))
        if len(usable) >= ENOUGH_SITES:
            found += [egger(y, v), begg(y, v)]
        return usable[0].placed(as_measure(found, usable[0].estimate.measure))

    def _without(self, usable: list[_Site], names: list[str]) -> list[Estimate]:
        if len(usable) < 4:
            return []
        y, v = [s.estimate.value for s in usable], [s.estimate.se**2 for s in usable]
        left = leave_one_out(
            y,
            v,
            names=names,
            estimator=self.estimator,
            interval=self.interval,
            level=self.level,
            unit=usable[0].estimate.unit,
        )
        means = chosen(left, part=Pooling.LEFT_OUT)
        return usable[0].placed(as_measure(means, usable[0].estimate.measure))

    def sentence(self, result: Result, style: str = "ama") -> str:
        told, outcome = result.told(SitesPooled), result.outcome
        k = digits_for(outcome.resolution) if outcome else 2
        shown = result.select(part=Pooling.SITE)
        spread = listed([f"{spoken(e.group)} {value_and_interval(e, outcome)[0]}" for e in shown])
        who = f"n={result.counts.analysed} of {result.counts.enrolled}"
        what = f"{told.what}{f' in {outcome.title}' if outcome else ''}{told.pair}"
        if told.sites < 3:
            return (
                f"At {plural(told.sites, 'site')} the {what} was {spread} ({who}); too few"
                " sites to pool."
            )
        e, pi, tau, i2 = (
            result.select(part=part)[0]
            for part in (Pooling.MEAN, Pooling.PREDICTION, Pooling.TAU, Pooling.I2)
        )
        if e.reason:
            value = f"{value_and_interval(e, outcome)[0]} (no interval: {REASONS[e.reason]}; {who})"
            return f"Across {told.sites} sites the pooled {what} was {value}."
        tested = statistic("z" if math.isnan(e.df) else "t", e.statistic, e.df, style)
        value, limits = value_and_interval(e, outcome)
        better = lower_is_better(outcome).removeprefix("; ") if outcome and told.pair else ""
        parts = [f"{confidence(e.level)}{limits}", f"{tested}, {p_value(e.p, style)}", e.how]
        if self.estimator != "FE":
            cuts = result.select(part=Pooling.TRUNCATED)
            parts += [f"truncated {interval(cut.low, cut.high, k)}" for cut in cuts]
            parts += [f"τ={number(tau.value, k)}, I²={number(i2.value, 0)}%"]
            parts += (
                [f"{level_text(pi.level)} prediction interval, {interval(pi.low, pi.high, k)}"]
                if not pi.reason
                else []
            )
        unit = f" {e.unit}" if outcome and e.unit == outcome.unit else ""
        return (
            f"Across {told.sites} sites the pooled {what} was {value}{unit}"
            f" ({'; '.join([*parts, who, *([better] if better else [])])})."
        )

    def methods_text(self) -> str:
        if self.estimator == "FE":
            return (
                f"Each site's estimate ({self.analysis.short}) is pooled with a common effect; each"
                " site is left out in turn."
            )
        return (
            f"Each site's estimate ({self.analysis.short}) is pooled by random effects over sites"
            f" ({self.estimator}, {INTERVALS[self.interval]}), with a prediction interval"
            f" ({PREDICTIONS[self.prediction]}), the Q-profile interval of τ², I² and each site"
            " left out in turn."
        )


@dataclass(frozen=True)
class SitesPooled:
    """How many sites could be pooled, in how many units, and the name of what was pooled,
    of which groups.
    """

    sites: int
    units: int
    what: str
    pair: str = ""


@dataclass(frozen=True, eq=False)
class _Site:
    """One site's answer: the estimate to pool, who was counted, and of which outcome."""

    name: str
    estimate: Estimate
    counts: Counts
    outcome: Outcome | None
    #: Groups that estimates of the same kind compare too, in words.
    others: tuple[str, ...] = ()

    @property
    def pair(self) -> str:
        """', ketamine minus placebo,' where groups are compared."""
        at = self.estimate.contrast
        return f", {spoken(at.group)} minus {spoken(at.reference)}," if at.reference else ""

    def shown(self, name: str) -> Estimate:
        """The site's own row: which groups it compares stays known."""
        place = replace(self.estimate.contrast, subgroup=name)
        return replace(self.estimate, group=name, place=place, p_adjusted=NAN, part=Pooling.SITE)

    def placed(self, pooled: Iterable[Estimate]) -> list[Estimate]:
        """Pooled rows, which compare the same groups as a site's does; a test of spread compares
        none.
        """
        at = self.estimate.contrast
        return [
            replace(e, place=replace(at, subgroup=e.group)) if e.measure.directed else e
            for e in pooled
        ]


def unpooled(refused: Mapping[str, str]) -> str:
    """'A and B (too few patients); C (no spread to judge it by)'."""
    sites: dict[str, list[str]] = {}
    for site, why in refused.items():
        sites.setdefault(why, []).append(site)
    return "; ".join(f"{listed(names)} ({why})" for why, names in sites.items())


def _site(name: str, result: Result, of: str) -> _Site:
    if not of:
        return _Site(name, Estimate("none", NAN, reason="too_few"), result.counts, result.outcome)
    try:
        e = result[of]
    except KeyError:  # nobody there to make this comparison
        none = Estimate(of, NAN, reason="too_few")
        return _Site(name, none, result.counts, result.outcome)
    middle, width = (e.low + e.high) / 2, e.high - e.low
    if e.se > 0 and abs(middle - e.value) > 1e-6 * width:
        raise AnalysisError(
            f"'{of}' has an interval that is not symmetric (a ratio or a share), so its standard"
            " error does not say how sites weigh. Pool a difference or a mean, or the counts by"
            " Mantel-Haenszel."
        )
    others = tuple(
        f"{spoken(o.contrast.group)} minus {spoken(o.contrast.reference)}"
        for o in result.estimates
        if o.measure is e.measure
        and o.contrast.reference
        and (o.visit, o.name) == (e.visit, e.name)
        and o.group != e.group
    )
    return _Site(name, e, result.counts, result.outcome, others)


def _pooled_by_default(answers: Iterable[Result]) -> str:
    """The first estimate with a standard error, or that lacks one only because its sites are
    degenerate.

    Never a later one in its place: where no site can give the mean change, the mean before is no
    answer.
    """
    rows: dict[str, list[Estimate]] = {}
    for e in (e for r in answers for e in r.estimates):
        rows.setdefault(e.term, []).append(e)
    lost = ("too_few", "zero_variance", "not_estimable")
    return next(
        (
            term
            for term, at in rows.items()
            if any(e.se >= 0 or (e.unit and e.reason in lost) for e in at)
        ),
        "",
    )


def _counts(study: Study, by: str, usable: list[_Site]) -> Counts:
    analysed = sum(s.counts.analysed for s in usable)
    reasons: dict[str, int] = {}
    for s in usable:
        for why, n in s.counts.left_out:
            reasons[why] = reasons.get(why, 0) + n
    other = study.enrolled - analysed - sum(reasons.values())
    if other:
        reasons[f"no {spoken(by)} recorded, or a {spoken(by)} not pooled"] = other
    return Counts(study.enrolled, analysed, tuple(reasons.items()))


def _funnel(usable: list[_Site]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"label": s.name, "value": s.estimate.value, "se": s.estimate.se} for s in usable]
    )


def _forest(estimates: tuple[Estimate, ...]) -> pd.DataFrame:
    shown = (
        e
        for part in (Pooling.SITE, Pooling.MEAN, Pooling.PREDICTION)
        for e in chosen(estimates, part=part)
    )
    return forest_frame(((e.group or e.name, e) for e in shown), lambda e: e.part is Pooling.MEAN)
