"""Sites that belong to something larger: clinics in countries, therapists in clinics."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.analyses.sites.two_stage import (
    PooledSites,
    SitesPooled,
    _counts,
    _forest,
    _Site,
    unpooled,
)
from outcomes.core.direction import value_and_interval
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import not_recorded
from outcomes.core.language import named, say
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import (
    confidence,
    digits_for,
    level_text,
    listed,
    number,
    p_value,
    plural,
    spoken,
    statistic,
)
from outcomes.stats.meta_analysis.parts import Pooling
from outcomes.stats.meta_analysis.random_effects import as_measure
from outcomes.stats.meta_analysis.three_level import leave_one_cluster_out, three_level
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

#: Below these Satterthwaite df the t distribution of a robust test is only roughly right (Tipton
#: 2015).
FEW_DF = 4


@dataclass(frozen=True)
class NestedSites(Analysis):
    """What is the answer over all sites, where sites of one country or clinic resemble each other?

    The question (`PairedT(…)`, `ANCOVA(…)`, …) is asked at each site (`by`) alone, as in
    `PooledSites`; sites lie `within` larger units (clinics in countries, therapists in clinics),
    which are taken to differ too. Three levels of random effects, both variances by REML: τ between
    units and τ within them (between the sites of a unit), with profile-likelihood intervals,
    likelihood-ratio tests and I² of each. The pooled value has a cluster-robust (CR2) interval with
    Satterthwaite df, which stays right where the split of the variance is not; the model-based
    interval (t, units − 1 df) stands beside it. Prediction interval for a site of a new unit (t,
    units − 2 df); the pooled value without each unit in turn.

    Sites are different patients: their errors are independent. Several visits or scores of the same
    patients are not sites; a repeated-measures model of each site (MMRM) with `PooledSites` answers
    those. With fewer than three units the sites stand for themselves. Units with one site each are
    `PooledSites` by the unit.

    Raises AnalysisError for a site in more than one unit, a study without sites, or an estimate
    that cannot be pooled.

    References: Konstantopoulos 2011 (doi 10.1002/jrsm.35); Cheung 2014 (doi 10.1037/a0032968);
    Pustejovsky & Tipton 2018 (doi 10.1080/07350015.2016.1247004); Tipton 2015 (doi
    10.1037/met0000011).

    >>> import pandas as pd, outcomes as oc
    >>> changes = {
    ...     ("A", "x"): (2, 1, 4),
    ...     ("B", "x"): (1, 2, 3),
    ...     ("C", "y"): (3, 4, 3),
    ...     ("D", "y"): (4, 2, 5),
    ...     ("E", "z"): (0, 1, 2),
    ... }
    >>> rows = [
    ...     (f"{site}{i}", site, land, visit, 8 - down * (visit == "post"))
    ...     for (site, land), falls in changes.items()
    ...     for i, down in enumerate(falls)
    ...     for visit in ("pre", "post")
    ... ]
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "site", "country", "visit", "pain"]),
    ...     visits=("pre", "post"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.NestedSites(
    ...     oc.PairedT("pain", before="pre", after="post"), within="country"
    ... ).run(study)
    >>> round(result["pooled"].value, 3), round(result["pooled"].df, 2)
    (-2.224, 1.99)
    """

    analysis: Analysis
    _: KW_ONLY
    within: str
    of: str = ""
    by: str = "site"

    short: ClassVar[str] = "pooled over nested sites"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Konstantopoulos S. Fixed effects and variance components estimation in three-level"
            " meta-analysis. Res Synth Methods 2011;2:61-76."
        ),
        (
            "Pustejovsky JE, Tipton E. Small-sample methods for cluster-robust variance estimation"
            " and hypothesis testing in fixed effects models. J Bus Econ Stat 2018;36:672-683."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.analysis, Analysis):
            raise AnalysisError("NestedSites pools a question, such as PairedT(…).")

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
        own = PatientValues(characteristics=(self.by, self.within), rows=True)
        return inner | own if isinstance(inner, PatientValues) else None

    def compute(self, study: Study) -> Result:
        home = self._homes(study)
        asked, refused = PooledSites(self.analysis, of=self.of, by=self.by)._asked(study)
        usable = sorted(
            (s for s in asked if s.estimate.se > 0 and s.name in home),
            key=lambda s: (home[s.name], s.name),
        )
        for s in asked:
            if s not in usable:
                why = REASONS.get(s.estimate.reason, "no standard error")
                refused[s.name] = why if s.name in home else not_recorded(self.within)
        if not usable:
            raise AnalysisError(f"No site can be pooled: {unpooled(refused)}.")
        units = [home[s.name] for s in usable]
        many, what = len(set(units)), usable[0].estimate
        if many == len(usable) > 1:
            raise AnalysisError(
                f"Every {spoken(self.within)} has one site: ask PooledSites(…, by='{self.within}')."
            )
        shown = [s.shown(f"{s.name} ({u})") for s, u in zip(usable, units, strict=True)]
        pooled = self._pooled(usable, units) if many > 2 else []
        estimates = (*pooled[:-many], *shown, *pooled[-many:]) if pooled else tuple(shown)
        return Result(
            self,
            estimates,
            _counts(study, self.by, usable),
            usable[0].outcome,
            self._notes(refused, many, pooled),
            {"forest": _forest(estimates)},
            ("forest",),
            detail=SitesPooled(len(usable), many, what.name, usable[0].pair),
            axis=ValueAxis(f"{what.name} ({what.unit})" if what.unit else what.name),
        )

    def _homes(self, study: Study) -> dict[str, str]:
        """The unit of each site, by name; a site of which no patient has a unit is left out."""
        pairs = pd.DataFrame(
            {"site": study.characteristic(self.by), "unit": study.characteristic(self.within)}
        )
        pairs = pairs.dropna().astype(str).drop_duplicates()
        twice = sorted(pairs.loc[pairs["site"].duplicated(), "site"].unique())
        if twice:
            raise AnalysisError(
                f"{spoken(self.by).capitalize()} {listed(twice)} is in more than one"
                f" {spoken(self.within)}; a {spoken(self.by)} lies within one. Give what bears the"
                " same name in two of them names of their own."
            )
        return dict(zip(pairs["site"], pairs["unit"], strict=True))

    def _pooled(self, usable: list[_Site], units: list[str]) -> list[Estimate]:
        """What the kernel finds, and at the end the pooled value without each unit."""
        y, v, unit = (
            [s.estimate.value for s in usable],
            [s.estimate.se**2 for s in usable],
            usable[0].estimate.unit,
        )
        found = three_level(y, v, cluster=units, level=self.level, unit=unit)
        left = leave_one_cluster_out(y, v, cluster=units, level=self.level, unit=unit)
        return usable[0].placed(as_measure((*found, *left), usable[0].estimate.measure))

    def _units(self, count: int) -> str:
        name = spoken(self.within)
        return plural(count, name, f"{name[:-1]}ies" if name.endswith("y") else "")

    def _notes(self, refused: dict[str, str], many: int, pooled: list[Estimate]) -> tuple[str, ...]:
        notes = [f"Not pooled: {unpooled(refused)}."] if refused else []
        if not pooled:
            notes.append(
                f"Only {self._units(many)}: the sites stand for themselves, without a pooled"
                " interval."
            )
        elif pooled[0].df < FEW_DF:
            notes.append(
                f"{self._units(many)} leave {number(pooled[0].df, 1)} degrees of freedom: below"
                f" {FEW_DF} the P-value is only roughly right."
            )
        return tuple(notes)

    def sentence(self, result: Result, style: str = "ama") -> str:
        told, outcome = result.told(SitesPooled), result.outcome
        what = f"{told.what}{f' in {outcome.title}' if outcome else ''}{told.pair}"
        where = f"{plural(told.sites, 'site')} in {self._units(told.units)}"
        who = f"n={result.counts.analysed} of {result.counts.enrolled}"
        if told.units < 3:
            each = [f"{e.group} {value_and_interval(e, outcome)[0]}" for e in result.estimates]
            return f"At {where} the {what} was {listed(each)} ({who}); too few to pool."
        k = digits_for(outcome.resolution) if outcome else 2
        e, pi = (result.select(part=p)[0] for p in (Pooling.MEAN, Pooling.PREDICTION))
        value, limits = value_and_interval(e, outcome)
        unit = f" {e.unit}" if outcome and e.unit == outcome.unit else ""
        if e.reason:
            return (
                f"Across {where} the pooled {what} was {value}{unit} (no interval:"
                f" {REASONS[e.reason]}; {who})."
            )
        parts = [
            f"{confidence(e.level)}{limits}",
            f"{statistic('t', e.statistic, e.df, style)}, {p_value(e.p, style)}",
            e.how,
        ]
        for level, words in (
            ((Pooling.TAU_BETWEEN, Pooling.I2_BETWEEN), f"between {self._units(2)[2:]}"),
            (
                (Pooling.TAU_WITHIN, Pooling.I2_WITHIN),
                f"between sites of one {spoken(self.within)}",
            ),
        ):
            tau, share = (result.select(part=part)[0] for part in level)
            parts.append(f"τ={number(tau.value, k)}, I²={number(share.value, 0)}% {words}")
        parts.append(
            f"{level_text(pi.level)} prediction interval, {value_and_interval(pi, outcome)[1]}"
        )
        return f"Across {where} the pooled {what} was {value}{unit} ({'; '.join([*parts, who])})."

    def methods_text(self) -> str:
        return (
            f"Each site's estimate ({self.analysis.short}) is pooled by three levels of random"
            f" effects (sites within {spoken(self.within)}; REML), with a cluster-robust interval"
            " (CR2, Satterthwaite df), a prediction interval, the variance of each level with its"
            f" profile-likelihood interval, and each {spoken(self.within)} left out in turn."
        )
