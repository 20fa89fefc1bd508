"""Reference-based imputation by conditional means, with the jackknife."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.group_data import (
    chosen_words,
    codes_of,
    imbalances,
    is_randomised,
    levels_of,
    lower_is_better,
    nobody,
    unrandomised,
    versus,
)
from outcomes.analyses.missing.incomplete import grid_of, incomplete_of
from outcomes.analyses.missing.wrapper import MODELS, NOTHING, WAYS
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, listed, number, p_value, share_of, spoken
from outcomes.stats.missing.reference_based import (
    ancova_differences,
    ancova_means,
    conditional_mean_jackknife,
    normal_estimate,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class ReferenceBased(Analysis):
    """Would the arms still differ if those who left had followed the reference arm from then on?

    Conditional-mean imputation from the mixed model for repeated measures (baseline a covariate),
    then ANCOVA at each visit, with the adjusted mean of each arm; standard errors by the jackknife
    over patients, which needs no random numbers and is right for the treatment-policy estimand that
    the method stands for. `method` is
    "j2r", "cr", "cir", "lmcf", "rtb" or "mar"; `visit` the main visit. `by_arm=True` gives each arm
    a covariance of its own: what follows the last score of a patient who jumps to the reference
    then depends on the scores before it as it does in the reference arm.

    Reference: Wolbers 2022 (doi 10.1002/pst.2234); Carpenter 2013 (doi
    10.1080/10543406.2013.834911).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     ("a", "K", 7, 5, 4),
    ...     ("b", "K", 6, 5, 3),
    ...     ("c", "K", 8, 4, 6),
    ...     ("d", "K", 5, 3, None),
    ...     ("e", "P", 8, 8, 7),
    ...     ("f", "P", 5, 5, 4),
    ...     ("g", "P", 6, 6, 5),
    ...     ("h", "P", 7, 5, 6),
    ...     ("i", "P", 6, 6, None),
    ...     ("j", "K", 6, 4, 4),
    ... ]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> study = oc.Study(
    ...     wide.melt(["patient", "arm"], var_name="visit", value_name="pain"),
    ...     visits=("w0", "w1", "w4"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.ReferenceBased("pain", reference="P").run(study)
    >>> result["adjusted difference | K - P | w4"].value < 0
    True
    """

    outcome: str
    _: KW_ONLY
    method: str = "j2r"
    visit: str = ""
    by: str = "arm"
    reference: str = ""
    covariates: Sequence[str] = ()
    by_arm: bool = False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.HANDLES_MISSING})
    short: ClassVar[str] = "reference-based imputation"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Wolbers M, Noci A, Delmar P, et al. Standard and reference-based conditional mean"
            " imputation. Pharm Stat 2022;21:1246-1257."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(
            study, self.outcome, characteristics=(self.by, *self.covariates), rows=True
        )

    def compute(self, study: Study) -> Result:
        if self.method not in MODELS:
            raise AnalysisError(unknown("imputation method", self.method, MODELS))
        grid = grid_of(study, self.outcome)
        data, own, _ = incomplete_of(
            study,
            grid,
            by=self.by,
            reference=self.reference,
            joint=False,
            covariates=self.covariates,
        )
        data = replace(data, by_arm=self.by_arm)
        levels = grid.levels(study, self.by, self.reference)
        indicators = list(data.indicators)
        value, se = conditional_mean_jackknife(
            data,
            self.method,
            analyse=lambda c, kept: np.vstack(
                [f(c, data.design[kept], indicators) for f in (ancova_differences, ancova_means)]
            ),
        )
        how = (
            f"{WAYS[self.method]}, conditional mean,"
            f" {'covariance by arm, ' if self.by_arm else ''}ANCOVA, jackknife"
        )
        outcome, main = study.outcome(self.outcome), self.visit or data.visits[-1]
        if main not in data.visits:
            raise AnalysisError(unknown("visit", main, data.visits))
        rows = tuple(
            normal_estimate(
                "adjusted difference",
                float(value[a, j]),
                float(se[a, j]),
                level=self.level,
                unit=outcome.unit,
                how=how,
                visit=v,
                group=Versus.of(arm, levels[0]),
            )
            for a, arm in enumerate(levels[1:])
            for j, v in enumerate(data.visits)
        )
        lines = [(f"{versus(e)}, {spoken(e.visit)}", e) for e in rows]
        rows += tuple(
            replace(
                normal_estimate(
                    "adjusted mean",
                    float(value[len(levels) - 1 + a, j]) + grid.origin,
                    float(se[len(levels) - 1 + a, j]),
                    level=self.level,
                    unit=outcome.unit,
                    how=how,
                    visit=v,
                    group=arm,
                ),
                p=np.nan,
                statistic=np.nan,
                measure=Measure.LEVEL,
            )
            for a, arm in enumerate(levels)
            for j, v in enumerate(data.visits)
        )
        n = int(own.sum())
        everybody = levels_of(study, self.by, self.reference)
        empty = tuple(v for v in everybody if v not in levels)
        left = (
            (
                f"no score at {spoken(grid.visits[0])}, or no {spoken(self.by)} or covariate"
                + (", or nobody of the arm has a later score" if empty else ""),
                study.enrolled - n,
            ),
        )
        counts = Counts(study.enrolled, n, left if study.enrolled > n else ())
        gaps = int(np.isnan(data.scores).sum())
        note = (
            f"{share_of(gaps, data.scores.size)} follow-up scores were imputed:"
            f" {WAYS[self.method]}."
            if gaps
            else NOTHING.replace("No score", "No score of the other arms")
            if empty
            else NOTHING
        )
        randomised = is_randomised(study, self.by)
        code = codes_of(study, self.by, levels)
        before = {v: grid.scores[own & (code == i), 0] for i, v in enumerate(levels)}
        notes = (
            note,
            *(() if randomised else (unrandomised(self.by),)),
            *((nobody(empty),) if empty else ()),
            *imbalances(before, grid.visits[0], randomised=randomised, adjusted=True),
        )
        return Result(
            self,
            rows,
            counts,
            outcome,
            notes,
            {"forest": forest_frame(lines, lambda e: e.visit == main)},
            ("forest",),
            main_visit=main,
            randomised=randomised,
            axis=ValueAxis(
                Phrase.of("adjusted difference in {score}, missing scores imputed", score=outcome)
            ),
        )

    def methods_text(self) -> str:
        also = listed(["the score before", *(spoken(c) for c in self.covariates)])
        each = " for each arm" if self.by_arm else ""
        return (
            f"Missing scores were imputed under {WAYS[self.method]}, by their conditional means in"
            f" a mixed model of all visits with an unstructured covariance{each}; the arms were"
            " then"
            f" compared at each visit by analysis of covariance adjusted for {also}, with standard"
            " errors by the jackknife."
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k, parts = digits_for(result.outcome.resolution), []
        for e in result.estimates:
            if e.visit == result.main_visit and e.measure is Measure.DIFFERENCE:
                tested = (
                    ""
                    if e.reason
                    else f" ({interval(e.low, e.high, k, level=e.level)}; {p_value(e.p, style)})"
                )
                parts.append(f"{number(e.value, k)} {e.unit} for {versus(e)}{tested}")
        where = spoken(result.main_visit)
        return (
            f"With missing scores imputed as {WAYS[self.method]}, the adjusted difference in"
            f" {result.outcome.title} at {where} was "
            f"{'; '.join(parts)}; n={result.counts.analysed} of {result.counts.enrolled}"
            " (conditional mean, jackknife)"
            f"{lower_is_better(result.outcome)}.{chosen_words(result.randomised, self.by)}"
        )
