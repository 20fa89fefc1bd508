"""Yes or no at every visit: marginal models of responders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import exp
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.group_data import chosen_words, is_randomised, unrandomised, versus
from outcomes.analyses.longitudinal.fitted_course import Clusters
from outcomes.analyses.longitudinal.longitudinal_data import follow_ups, repeats
from outcomes.analyses.question import Analysis
from outcomes.analyses.responders.one_group import (
    improvement_sign,
    parse_rule,
    responded,
    rule_name,
    rule_words,
)
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, p_value, plural, spoken, statistic
from outcomes.stats.regression.gee import ERRORS, gee
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class ResponderGEE(Analysis):
    """Do the arms differ in the odds of response over all follow-up visits together?

    Generalised estimating equations with logit link: response by `rule` ("30%", "2 points" …) at
    each visit on visit and arm, a working correlation within patients, and standard errors robust
    to it. With few patients plain robust intervals are too narrow: the Mancl-DeRouen correction
    with t on patients − coefficients is the default, at every size. The odds ratio is for the
    population, not for one patient. It uses the visits observed and needs them missing completely
    at random given arm and visit; a mixed model or imputation asks for less.

    References: Liang & Zeger 1986 (doi 10.1093/biomet/73.1.13); Mancl & DeRouen 2001 (doi
    10.1111/j.0006-341X.2001.00126.x).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     ("a", "K", 7, 4, 4),
    ...     ("b", "K", 6, 5, 3),
    ...     ("c", "K", 8, 4, 6),
    ...     ("d", "K", 5, 3, 3),
    ...     ("e", "P", 8, 8, 7),
    ...     ("f", "P", 5, 5, 3),
    ...     ("g", "P", 6, 6, 4),
    ...     ("h", "P", 7, 5, 6),
    ...     ("i", "P", 6, 4, None),
    ... ]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> study = oc.Study(
    ...     wide.melt(["patient", "arm"], var_name="visit", value_name="pain"),
    ...     visits=("w0", "w1", "w4"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> oc.ResponderGEE("pain", reference="P").run(study)["odds ratio | K - P"].df
    6.0
    """

    outcome: str
    _: KW_ONLY
    rule: str = "30%"
    baseline: str = ""
    visits: Sequence[str] = ()
    by: str = "arm"
    reference: str = ""
    working: str = "exchangeable"
    correction: str = "mancl-derouen"

    short: ClassVar[str] = "GEE of responders"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Mancl LA, DeRouen TA. A covariance estimator for GEE with improved small-sample"
            " properties. Biometrics 2001;57:126-134."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_rule(self.rule)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by,))

    def compute(self, study: Study) -> Result:
        baseline = study.visit(self.baseline or study.baseline)
        later = follow_ups(study, self.outcome, self.visits, baseline)
        data = repeats(
            study,
            self.outcome,
            visits=later,
            baseline=baseline,
            by=self.by,
            reference=self.reference,
        )
        before = data.design[:, data.features.index("baseline")]
        sign = improvement_sign(data.outcome)
        n, m = data.scores.shape
        hit, usable = responded(np.repeat(before, m), data.scores.ravel(), self.rule, sign)
        keep = usable & ~np.isnan(data.scores.ravel())
        if not keep.any():
            raise AnalysisError(
                f"No patient has a score above 0 at {spoken(baseline)}, so nobody can improve by"
                " a percentage. Ask a rule of points."
            )
        arms = np.array([data.features.index(f"arm {a}") for a in data.levels[1:]])
        x = np.hstack(
            [
                np.ones((n * m, 1)),
                np.repeat(data.design[:, arms], m, axis=0),
                np.tile(np.eye(m)[:, 1:], (n, 1)),
            ]
        )
        names = (
            "intercept",
            *(f"arm {a}" for a in data.levels[1:]),
            *(f"visit {v}" for v in later[1:]),
        )
        model = gee(
            hit[keep].astype(float),
            x[keep],
            names=names,
            cluster=np.repeat(np.arange(n), m)[keep],
            order=np.tile(np.arange(m), n)[keep],
            family="binomial",
            working=self.working,
        )
        rows = []
        for i, arm in enumerate(data.levels[1:]):
            e = model.contrast(
                np.eye(len(names))[1 + i],
                name="odds ratio",
                correction=self.correction,
                level=self.level,
                measure=Measure.ODDS_RATIO,
            )
            how = f"{e.how}; se is of the log odds ratio"
            own = replace(
                e,
                value=exp(e.value),
                low=exp(e.low),
                high=exp(e.high),
                group=Versus.of(arm, data.levels[0]),
                how=how,
            )
            rows.append(own)
        randomised = is_randomised(study, self.by)
        chosen = () if randomised else (unrandomised(self.by),)
        far = data.notes_on_arms(baseline, randomised=randomised, adjusted=False)
        notes = (*chosen, *far)
        gone = ~usable.reshape(n, m).any(axis=1)
        if gone.any():
            each = ", ".join(
                f"{int((gone & (data.code == i)).sum())} with {spoken(v)}"
                for i, v in enumerate(data.levels)
            )
            notes = (
                *notes,
                f"{plural(int(gone.sum()), 'patient')} with a score of 0 before ({each}) cannot"
                " improve by a percentage: left out.",
            )
        return Result(
            self,
            tuple(rows),
            data.counts,
            data.outcome,
            notes,
            {"observed": data.observed()},
            detail=Clusters(model.clusters, later),
            randomised=randomised,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        parts = []
        for e in result.estimates:
            tested = (
                REASONS[e.reason]
                if e.reason
                else (
                    f"{interval(e.low, e.high, 2, level=e.level)};"
                    f" {statistic('t', e.statistic, e.df, style)}, {p_value(e.p, style)}"
                )
            )
            parts.append(f"{number(e.value, 2)} ({versus(e, 'against')}; {tested})")
        told = result.told(Clusters)
        first, last = spoken(told.visits[0]), spoken(told.visits[-1])
        over = f"Over {first} to {last}" if first != last else f"At {last}"
        who = f"n={told.patients} of {result.counts.enrolled}"
        return (
            f"{over}, the odds ratio of {rule_words(self.rule, result.outcome)} was "
            f"{'; '.join(parts)}; GEE, {self.working} working correlation, {who}."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        return (
            f"Response ({rule_name(self.rule)}) at the follow-up visits was analysed by generalised"
            f" estimating equations (logit, {self.working} working correlation) with"
            f" {ERRORS[self.correction]}."
        )
