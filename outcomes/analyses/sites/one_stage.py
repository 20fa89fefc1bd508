"""Several sites in one model of all patients."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from math import isnan, nan, sqrt
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    chosen_words,
    codes_of,
    is_randomised,
    lower_is_better,
    unrandomised,
    versus,
)
from outcomes.analyses.longitudinal.longitudinal_data import repeats
from outcomes.analyses.question import Analysis
from outcomes.analyses.regression.model_checks import checks_of_scores
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, p_value, spoken, statistic
from outcomes.stats.mixed.lmm import mixed, predict_rows
from outcomes.stats.mixed.mmrm import Predictions
from outcomes.stats.mixed.reml import Fit, NotConverged
from outcomes.stats.mixed.small_sample import Inference, likelihood_ratio
from outcomes.stats.regression.linear import coded
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

FIXED_UP_TO = 5
LARGEST = 300


@dataclass(frozen=True)
class OneStageSites(Analysis):
    """Do the arms differ over all sites, every patient in one model that knows the sites?

    Score after = baseline + arm + site, by REML with Kenward-Roger degrees of freedom: up to five
    sites as fixed effects, more as random intercepts. Beside it the check whether the difference
    varies between sites: with fixed sites the F-test of site × arm, with random ones the SD of the
    difference, correlated with the intercept so that it does not depend on which arm is the
    reference, and its likelihood-ratio test (half chi-square with 1 df, half with 2: a variance at
    its boundary); it is not judged where no site has patients of both arms and two of one. A
    variance of zero leaves the model and its degrees of freedom; R's pbkrtest keeps the zero term,
    and has fewer (70 where ours are 77, in 80 patients at 8 sites). Needs the patients' rows of all
    sites; where sites send only their results, `PooledSites` pools them.

    Reference: Debray 2013 (doi 10.1371/journal.pone.0060650); Self & Liang 1987 (doi
    10.1080/01621459.1987.10478472).

    >>> import numpy as np, pandas as pd, outcomes as oc
    >>> rng = np.random.default_rng(1)
    >>> wide = pd.DataFrame(
    ...     {
    ...         "patient": range(40),
    ...         "site": np.arange(40) % 4,
    ...         "arm": np.where(np.arange(40) % 8 < 4, "K", "P"),
    ...     }
    ... )
    >>> wide["w0"] = rng.normal(7, 1, 40)
    >>> wide["w4"] = wide["w0"] - (wide["arm"] == "K") + rng.normal(0, 1, 40)
    >>> study = oc.Study(
    ...     wide.melt(["patient", "site", "arm"], var_name="visit", value_name="pain"),
    ...     visits=("w0", "w4"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.OneStageSites("pain", before="w0", after="w4", reference="P").run(study)
    >>> round(result["adjusted difference | K - P"].df, 6), result.detail.sites
    (34.0, 4)
    """

    outcome: str
    _: KW_ONLY
    after: str
    before: str
    by: str = "arm"
    reference: str = ""
    site: str = "site"

    short: ClassVar[str] = "one-stage model of sites"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Debray TPA, Moons KGM, Abo-Zaid GMA, Koffijberg H, Riley RD. Individual participant"
            " data meta-analysis for a binary outcome: one-stage or two-stage? PLoS One"
            " 2013;8:e60650."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(
            study, self.outcome, (self.before, self.after), (self.by, self.site)
        )

    def compute(self, study: Study) -> Result:
        data = repeats(
            study,
            self.outcome,
            visits=(self.after,),
            baseline=self.before,
            by=self.by,
            reference=self.reference,
        )
        site = study.characteristic(self.site).reindex(data.patients)
        known = site.notna().to_numpy()
        names = sorted(map(str, site[known].unique()))
        code = codes_of(study, self.site, names)[
            study.patient_ids.get_indexer(data.patients[known])
        ]
        if len(names) < 2:
            raise AnalysisError(
                "A model of sites needs at least two; there is"
                f" {f'only {names[0]}' if names else 'none'}."
            )
        near = data.centred
        y, x = near.scores[known, 0], near.design[known]
        arms = [data.features.index(f"arm {a}") for a in data.levels[1:]]
        fixed = len(names) <= FIXED_UP_TO
        fit = _fixed if fixed else _random
        model, checks, found = fit(y, x, data.features, arms, code, names)
        rows = []
        for j, arm in zip(arms, data.levels[1:]):
            row = np.zeros(len(model.fit.design.names))
            row[j] = 1.0
            e = model.contrast(
                row,
                name="adjusted difference",
                level=self.level,
                unit=data.outcome.unit,
                measure=Measure.DIFFERENCE,
            )
            rows.append(replace(e, group=Versus.of(arm, data.levels[0])))
        left = list(data.counts.left_out)
        if (~known).any():
            left.append((not_recorded(self.site), int((~known).sum())))
        counts = Counts(study.enrolled, int(known.sum()), tuple(left))
        randomised = is_randomised(study, self.by)
        chosen = () if randomised else (unrandomised(self.by),)
        notes = (*chosen, *data.notes_on_arms(self.before, randomised=randomised))
        sizes = pd.DataFrame({"site": names, "n": np.bincount(code)})
        return Result(
            self,
            (*rows, *checks),
            counts,
            data.outcome,
            notes,
            {
                "sites": sizes,
                "forest": forest_frame((versus(e), e) for e in rows),
                **checks_of_scores(found, origin=near.origin),
            },
            ("forest",),
            detail=SitesModelled(len(names), fixed),
            randomised=randomised,
            axis=ValueAxis(Phrase.of("adjusted difference in {score}", score=data.outcome)),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k, parts, told = digits_for(result.outcome.resolution), [], result.told(SitesModelled)
        for e in result.estimates:
            if e.measure is Measure.DIFFERENCE:
                tested = (
                    REASONS[e.reason]
                    if e.reason
                    else (
                        f"{interval(e.low, e.high, k, level=e.level)};"
                        f" {statistic('t', e.statistic, e.df, style)}, {p_value(e.p, style)}"
                    )
                )
                parts.append(f"{number(e.value, k)} {e.unit} for {versus(e)} ({tested})")
        check = next(e for e in result.estimates if e.measure is not Measure.DIFFERENCE)
        said = f"not judged ({REASONS[check.reason]})" if check.reason else p_value(check.p, style)
        varies = (
            ""
            if isnan(check.p) and not check.reason
            else f"; difference between sites in this, {said}"
        )
        kind = "fixed" if told.fixed else "random"
        return (
            f"Over {told.sites} sites ({kind} effects) the adjusted difference in"
            f" {result.outcome.title} at "
            f"{spoken(self.after)} was {'; '.join(parts)}{varies}; n={result.counts.analysed} of"
            f" {result.counts.enrolled}"
            f"{lower_is_better(result.outcome)}.{chosen_words(result.randomised, self.by)}"
        )

    def methods_of(self, result: Result) -> str:
        """Sites as fixed or as random effects, as they were."""
        told = result.about(SitesModelled)
        if told is None:
            return self.methods_text()
        site = "site as fixed effects" if told.fixed else "a random intercept of the site"
        test = "F test of site by arm" if told.fixed else "likelihood-ratio test"
        return self._methods(site, f" ({test})")

    def methods_text(self) -> str:
        site = f"site as fixed effect up to {FIXED_UP_TO} sites, random above"
        return self._methods(site, "")

    def _methods(self, site: str, test: str) -> str:
        return (
            f"All sites were analysed in one model (baseline, arm, and {site}; REML,"
            f" Kenward-Roger), with a test of whether the difference varies between sites{test}."
        )


@dataclass(frozen=True)
class SitesModelled:
    """How many sites the model has, and whether they are fixed effects."""

    sites: int
    fixed: bool


def _fixed(
    y: np.ndarray,
    x: np.ndarray,
    features: tuple[str, ...],
    arms: list[int],
    code: np.ndarray,
    names: list[str],
) -> tuple[Inference, list[Estimate], Predictions]:
    """Sites as indicator columns, nothing random but the residual; and the F-test of site x arm."""
    sites = coded("site", code, names).columns
    cross = np.hstack([sites * x[:, [a]] for a in arms])
    who = np.arange(len(y))
    own = (*features, *(f"site {s}" for s in names[1:]))
    wider = (*own, *(f"site x arm {i}" for i in range(cross.shape[1])))
    alone, nothing = np.hstack([x, sites]), np.empty((len(y), 0))
    main = mixed(y, alone, names=own, cluster=who, random=nothing)
    both = mixed(y, np.hstack([alone, cross]), names=wider, cluster=who, random=nothing)
    test = replace(both.test(np.eye(len(wider))[len(own) :], name="site x arm"), low=nan, high=nan)
    return main, [test], predict_rows(main, y, alone, cluster=who, random=nothing)


def _random(
    y: np.ndarray,
    x: np.ndarray,
    features: tuple[str, ...],
    arms: list[int],
    code: np.ndarray,
    names: list[str],
) -> tuple[Inference, list[Estimate], Predictions]:
    """Sites as random intercepts; the SD of the difference between them and its likelihood-ratio
    test.
    """
    largest = int(np.bincount(code).max())
    if largest > LARGEST:
        raise AnalysisError(
            f"A site has {largest} patients; this model takes up to {LARGEST} a site. Pool the"
            " sites' results with PooledSites."
        )
    main = mixed(y, x, names=features, cluster=code)
    checks = []
    for a in arms:
        name = (
            "site x arm SD"
            if len(arms) == 1
            else f"site x arm SD, {features[a].removeprefix('arm ')}"
        )
        columns = np.column_stack([np.ones(len(y)), x[:, a]])
        if not _told_apart(code, x[:, a]):
            checks.append(_unknown(name, "not_estimable"))
            continue
        try:
            wider = mixed(y, x, names=features, cluster=code, random=columns)
        except NotConverged:
            checks.append(_unknown(name, "not_converged"))
            continue
        test = likelihood_ratio(wider.fit, main.fit, boundary=2)
        sd = sqrt(max(_variance_of_difference(wider.fit), 0.0))
        checks.append(Estimate(name, sd, p=test.p, how=test.how, measure=Measure.VARIANCE))
    return main, checks, predict_rows(main, y, x, cluster=code)


def _told_apart(code: np.ndarray, arm: np.ndarray) -> bool:
    """Whether the sites tell a difference that varies from the spread of patients: some site has
    both, and some site two patients of one of them.
    """
    inside = arm != 0
    sizes = np.array([np.bincount(code[inside == a], minlength=code.max() + 1) for a in (0, 1)])
    return bool((sizes > 0).all(axis=0).any() and (sizes > 1).any())


def _unknown(name: str, reason: str) -> Estimate:
    return Estimate(name, nan, reason=reason, measure=Measure.VARIANCE)


def _variance_of_difference(fit: Fit) -> float:
    """G_2_2 of the random intercept and difference; at the edge of the cone, where G = L L', from
    the rank that is left.
    """
    named = dict(zip(fit.structure.names, fit.theta))
    return float(named["G_2_2"] if "G_2_2" in named else named.get("L_2_1", 0.0) ** 2)
