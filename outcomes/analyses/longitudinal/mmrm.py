"""Randomised arms over several follow-up visits: the mixed model for repeated measures and its
constrained form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import ClassVar

import pandas as pd

from outcomes.analyses.groups.group_data import chosen_words, lower_is_better, versus
from outcomes.analyses.longitudinal.fitted_course import (
    by_reml,
    declared,
    fitted_words,
    holm_over_visits,
    interval_words,
    model_result,
)
from outcomes.analyses.longitudinal.longitudinal_data import (
    Repeats,
    SummedRepeats,
    follow_ups,
    main_visit,
    repeats,
    scored_baseline,
)
from outcomes.analyses.question import Analysis, AnyNeed
from outcomes.analyses.shared_cells import Gate, QuestionSums, added, cells_of, products_of
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate, chosen
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, number, spoken
from outcomes.stats.mixed.cross_products import Summary, summarise
from outcomes.stats.mixed.likelihood import Design
from outcomes.stats.mixed.mmrm import FALLBACK, Effect, Repeated, repeated, visit_design
from outcomes.stats.mixed.small_sample import OF_ROWS
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.repeated_sums import RepeatedScores
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class MMRM(Analysis):
    """Do the arms differ at each follow-up visit, when some scores are missing?

    Mixed model for repeated measures: score = visit × arm + visit × baseline (+ covariates),
    unstructured covariance over visits, REML. With Kenward-Roger (linear, observed information)
    standard errors and degrees of freedom by default, exact where theory is exact (two visits equal
    the paired t-test). Uses every score observed; unbiased where scores are missing at random given
    arm, baseline and the scores before. If the unstructured covariance cannot be fitted, the
    declared `covariance` order is followed and said. `estimator` is REML or ML. Adjusted means are
    at the mean baseline of the analysed rows, with equal weights for the levels of categorical
    covariates. Holm's p is over the visits.

    `visits` are the follow-ups (default: every visit after the baseline), `visit` the main one
    (default: the last), `window` visits to average over, `df` one of kenward-roger,
    kenward-roger-full (with the second-order term of structures that are not linear in their
    parameters, as in R mmrm; with two visits it no longer equals the paired t-test), satterthwaite,
    between-within, CR0, CR2, jackknife and others. `by_arm=True` gives each arm its own covariance;
    `baseline_by_visit=False` one slope on the baseline for all visits. The coefficients and the
    covariance of the visits are tables on `result.model`.

    References: Mallinckrodt 2008 (doi 10.1177/009286150804200402); Kenward & Roger 1997 (doi
    10.2307/2533558).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     ("a", "K", 7, 5, 4),
    ...     ("b", "K", 6, 5, 3),
    ...     ("c", "K", 8, 4, 6),
    ...     ("d", "K", 5, 3, 3),
    ...     ("e", "P", 8, 8, 7),
    ...     ("f", "P", 5, 5, 4),
    ...     ("g", "P", 6, 6, 5),
    ...     ("h", "P", 7, 5, 6),
    ...     ("i", "P", 6, 6, None),
    ... ]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> scores = wide.melt(["patient", "arm"], var_name="visit", value_name="pain")
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("w0", "w1", "w4"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> round(oc.MMRM("pain", reference="P").run(study)["adjusted difference | K - P | w1"].df, 6)
    6.0
    """

    outcome: str
    _: KW_ONLY
    baseline: str = ""
    visits: Sequence[str] = ()
    visit: str = ""
    window: Sequence[str] = ()
    by: str = "arm"
    reference: str = ""
    covariates: Sequence[str] = ()
    covariance: Sequence[str] = FALLBACK
    by_arm: bool = False
    df: str = "kenward-roger"
    estimator: str = "REML"
    baseline_by_visit: bool = True

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.USES_ALL_SCORES, Trait.MODELLED})
    short: ClassVar[str] = "MMRM"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Mallinckrodt CH, Lane PW, Schnell D, et al. Recommendations for the primary analysis"
            " of continuous endpoints in longitudinal clinical trials. Drug Inf J 2008;42:303-319."
        ),
        (
            "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum"
            " likelihood. Biometrics 1997;53:983-997."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by, *self.covariates))

    def sums(self, study: Study | PartitionedStudy) -> AnyNeed | None:
        """Cross-products; with covariates, or an empirical covariance, the patients themselves."""
        enough = not self.covariates and self.df not in OF_ROWS
        return RepeatedScores(self.outcome, self.by) if enough else self.needs(study)

    def compute(self, study: Study) -> Result:
        return self.of_data(study, self.data(study))

    @property
    def shareable(self) -> bool:
        """Cross-products by pattern of visits and arm are enough; those of covariates are not
        shared, as their counts by pattern would be small.
        """
        return not self.covariates

    def sums_to_share(self, study: Study, gate: Gate) -> QuestionSums:
        """The cross-products of scores, baseline and arm of the patterns that may go out."""
        data = self.data(study)
        member = data.code
        grid = pd.DataFrame(data.scores, index=data.patients, columns=list(data.visits))
        base = self.baseline or study.baseline
        grid = study.wide(self.outcome)[[base]].loc[data.patients].join(grid)
        kept, cells, out = cells_of(gate, data.outcome, grid, data.scores, member)
        whole = summarise(
            data.scores[kept],
            data.design[kept],
            visits=data.visits,
            features=data.features,
            group=member[kept],
            groups=data.levels,
        )
        made = products_of(self.to_dict(), data.outcome, whole, cells, gate.bounds(out))
        return replace(made, levels=list(data.levels))

    def of_sums(self, parts: Sequence[QuestionSums], outcome: Outcome, study: Study) -> Result:
        """The answer from the sums of several clinics."""
        return self.of_data(study, SummedRepeats.of(added(parts), parts[0].levels, outcome))

    def of_data(self, study: Study, data: Repeats) -> Result:
        """The answer from the scores of a study, or from sums of them."""
        main = main_visit(study, self.outcome, self.visit, data.visits)
        model = self._model(data)
        differences = holm_over_visits(
            [
                arm_difference(model, a, data.levels[0], v)
                for a in data.levels[1:]
                for v in data.visits
            ]
        )
        rows = [*differences]
        for arm in data.levels[1:]:
            if self.window:
                rows.append(arm_difference(model, arm, data.levels[0], tuple(self.window)))
            at_main = chosen(differences, visit=main, group=arm)[0]
            rows.append(model.standardised(at_main, sd=data.sd_baseline))
        if len(data.visits) > 1:
            rows += chosen(model.type_iii(), part=Effect.ARM_BY_VISIT)
        rows += [model.mean(arm, visit=v) for arm in data.levels for v in data.visits]
        return model_result(self, study, data, model, rows, main)

    def summary(self, study: Study) -> Summary:
        """What a site can send instead of its patients' rows: summaries of several sites add up
        with `+`.

        `outcomes.stats.mixed.mmrm.repeated` fits the sum exactly as it would fit the pooled rows.
        Patterns with few patients come close to their rows: see `smallest_pattern` first.
        """
        return self.data(study).summary(by_arm=self.by_arm)

    def fitted(self, study: Study) -> tuple[Repeats, Repeated]:
        """The analysed scores and the model fitted to them: for another question of the same
        model.
        """
        data = self.data(study)
        return data, self._model(data)

    def data(self, study: Study) -> Repeats:
        """The analysed scores, and who is left out."""
        baseline = study.visit(self.baseline or study.baseline)
        return repeats(
            study,
            self.outcome,
            visits=follow_ups(study, self.outcome, self.visits, baseline),
            baseline=baseline,
            by=self.by,
            reference=self.reference,
            covariates=self.covariates,
        )

    def _model(self, data: Repeats) -> Repeated:
        moving = [f"arm {a}" for a in data.levels[1:]]
        data = data.centred
        return repeated(
            data.summary(by_arm=self.by_arm),
            by_visit=[*moving, "baseline"] if self.baseline_by_visit else moving,
            arms=data.arms,
            at=data.at,
            covariance=self.covariance,
            method=self.df,
            rows=data.rows(by_arm=self.by_arm),
            level=self.level,
            unit=data.outcome.unit,
            reml=by_reml(self.estimator),
            origin=data.origin,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        return self._said(result, style, "adjusted for baseline")

    def _said(self, result: Result, style: str, baseline: str) -> str:
        assert result.outcome is not None
        compares = (Measure.DIFFERENCE, Measure.DIFFERENCE_IN_CHANGE)
        at_main = [
            e for e in result.estimates if e.measure in compares and e.visit == result.main_visit
        ]
        words = "; ".join(_difference_words(result, e, style) for e in at_main)
        change = at_main and at_main[0].measure is Measure.DIFFERENCE_IN_CHANGE
        what = "difference in change of" if change else "difference in"
        fitted = result.model.how if result.model else ""
        return (
            f"In a mixed model for repeated measures ({fitted}, {baseline}) the"
            f" {what} {result.outcome.title} at {spoken(result.main_visit)} was {words};"
            f" n={result.counts.analysed} of "
            f"{result.counts.enrolled}{lower_is_better(result.outcome)}."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        return (
            f"{self._lead}, with"
            f" {declared(self.covariance, self.estimator, self.df, by_arm=self.by_arm)}."
        )

    def methods_of(self, result: Result) -> str:
        """From the model that was fitted."""
        return fitted_words(self._lead, result, instead=self.methods_text())

    @property
    def _lead(self) -> str:
        baseline = "visit by baseline" if self.baseline_by_visit else "baseline"
        return (
            "Follow-up scores were analysed by a mixed model for repeated measures with visit by"
            f" arm and {baseline} as fixed effects"
        )


@dataclass(frozen=True)
class CLDA(MMRM):
    """Do the arms differ in their change from baseline, with the baseline itself among the scores?

    Constrained longitudinal data analysis: the baseline is a response with one mean for all arms
    (they were randomised), every later visit has its own mean for each arm; unstructured
    covariance, REML. Patients with a missing baseline or with no follow-up stay in. For arms that
    were chosen rather than randomised `constrained=False` gives each arm its own mean at the
    baseline too; the comparison is then the difference in change from the baseline. `covariates`
    may be added to either.

    Reference: Liang & Zeger 2000 (Sankhya B 62:134-148); Lu 2010 (doi
    10.1111/j.1541-0420.2009.01332.x).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     ("a", "K", 7, 5, 4),
    ...     ("b", "K", 6, 5, 3),
    ...     ("c", "K", 8, 4, 6),
    ...     ("d", "K", 5, 3, 3),
    ...     ("e", "P", 8, 8, 7),
    ...     ("f", "P", 5, 5, 4),
    ...     ("g", "P", 6, 6, 5),
    ...     ("h", "P", 7, 5, 6),
    ...     ("i", "P", 6, 6, None),
    ... ]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> scores = wide.melt(["patient", "arm"], var_name="visit", value_name="pain")
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("w0", "w1", "w4"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> round(
    ...     oc.CLDA("pain", reference="P").run(study)["adjusted difference | K - P | w1"].value, 2
    ... )
    -1.8
    """

    _: KW_ONLY
    constrained: bool = True

    @property
    def shareable(self) -> bool:
        """Not yet."""
        return False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.USES_ALL_SCORES, Trait.MODELLED})
    short: ClassVar[str] = "cLDA"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.baseline_by_visit:
            raise AnalysisError(
                "The baseline is among the scores of CLDA, not a covariate: leave baseline_by_visit"
                " out, or ask MMRM."
            )

    def compute(self, study: Study) -> Result:
        baseline = scored_baseline(study, self.outcome, self.baseline)
        later = follow_ups(study, self.outcome, self.visits, baseline)
        main = main_visit(study, self.outcome, self.visit, later)
        data = repeats(
            study,
            self.outcome,
            visits=(baseline, *later),
            by=self.by,
            reference=self.reference,
            covariates=self.covariates,
        )
        moving = [f"arm {a}" for a in data.levels[1:]]
        full = visit_design(data.features, data.visits, by_visit=moving)
        shared = moving if self.constrained else []
        keep = [i for i, name in enumerate(full.names) if name not in shared]
        design = Design(full.columns[:, :, keep], tuple(full.names[i] for i in keep))
        near = data.centred
        model = repeated(
            near.summary(by_arm=self.by_arm),
            design=design,
            arms=data.arms,
            at=data.at,
            covariance=self.covariance,
            method=self.df,
            rows=near.rows(by_arm=self.by_arm),
            level=self.level,
            unit=data.outcome.unit,
            reml=by_reml(self.estimator),
            origin=near.origin,
        )
        compared = arm_difference if self.constrained else partial(_free, baseline=baseline)
        differences = holm_over_visits(
            [compared(model, a, data.levels[0], v) for a in data.levels[1:] for v in later]
        )
        rows = [*differences]
        rows += [
            compared(model, a, data.levels[0], tuple(self.window))
            for a in data.levels[1:]
            if self.window
        ]
        rows += [model.standardised(e, sd=data.sd_baseline) for e in differences if e.visit == main]
        rows += [
            replace(
                model.change(a, before=baseline, after=v),
                name="mean change",
                measure=Measure.CHANGE,
            )
            for a in data.levels
            for v in later
        ]
        rows += [model.mean(a, visit=v) for a in data.levels for v in data.visits]
        return model_result(self, study, data, model, rows, main)

    def sentence(self, result: Result, style: str = "ama") -> str:
        return self._said(result, style, "baseline among the responses")

    @property
    def _lead(self) -> str:
        if not self.constrained:
            return (
                "Scores at all visits, the baseline among them, were analysed by a longitudinal"
                " model with visit by arm as fixed effects"
            )
        return (
            "Scores at all visits, the baseline among them with one mean for all arms, were"
            " analysed by a constrained longitudinal model with visit by arm as fixed effects"
        )


def arm_difference(
    model: Repeated, arm: str, reference: str, visit: str | tuple[str, ...]
) -> Estimate:
    """The adjusted difference of an arm against the reference at a visit, or over several."""
    return replace(
        model.difference(arm, reference, visit=visit),
        name="adjusted difference",
        group=Versus.of(arm, reference),
        measure=Measure.DIFFERENCE,
    )


def _free(
    model: Repeated, arm: str, reference: str, visit: str | tuple[str, ...], *, baseline: str
) -> Estimate:
    """The difference of an arm against the reference in the change from the baseline."""
    return replace(
        model.difference_in_change(arm, reference, before=baseline, after=visit),
        name="difference in change",
        group=Versus.of(arm, reference),
        measure=Measure.DIFFERENCE_IN_CHANGE,
    )


def _difference_words(result: Result, e: Estimate, style: str) -> str:
    assert result.outcome is not None
    k = digits_for(result.outcome.resolution)
    return f"{number(e.value, k)} {e.unit} for {versus(e)} ({interval_words(result, e, k, style)})"
