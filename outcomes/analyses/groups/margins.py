"""Arms against a margin: is one not worse than the other, or are they equivalent?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

from outcomes.analyses.groups.group_data import (
    ComparedGroups,
    adjusted_words,
    chosen_words,
    covariate_terms,
    grouped,
    groups_frame,
    lower_is_better,
    unspread,
    versus,
)
from outcomes.analyses.longitudinal.fitted_course import declared, model_result
from outcomes.analyses.longitudinal.mmrm import MMRM, arm_difference
from outcomes.analyses.paired.equivalence import check_margin, stated_margin
from outcomes.analyses.question import Analysis
from outcomes.analyses.regression.model_checks import checks_of_fit
from outcomes.analyses.responders.one_group import improvement_sign
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.direction import direction
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.picture import Frames, ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import (
    digits_for,
    interval,
    level_text,
    listed,
    number,
    p_value,
    spoken,
)
from outcomes.stats.groups.means import mean_difference
from outcomes.stats.mixed.mmrm import FALLBACK
from outcomes.stats.multiplicity import adjust
from outcomes.stats.paired.equivalence import one_sided, two_one_sided
from outcomes.stats.regression.linear import Design, numeric, ols
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

#: How the difference between arms is estimated, and how a sentence calls it.
MODELS = {"ancova": "ANCOVA", "change": "Welch, unadjusted", "mmrm": "MMRM"}


@dataclass(frozen=True)
class ArmNonInferiority(Analysis):
    """Is one arm not worse than the reference by more than a margin?

    The difference between each arm and the reference with its interval at `level`; non-inferior
    where the limit on the worse side (from the instrument's direction) does not reach `margin`
    score points, which says the same as a one-sided t-test at α = (1 − `level`)/2. The margin comes
    from the protocol; there is no default. The reference is the treatment that is known to work: a
    placebo as reference asks another question.

    `model` says how the difference is estimated: "ancova" (adjusted for the score before), "change"
    (mean changes, Welch) or "mmrm" (mixed model for repeated measures at the visit `after`, all
    scores of the follow-up `visits` counted). Several arms: Holm's P beside the raw one. Not
    reaching the margin is no proof that the arms are equal; a large P is no proof of inferiority.

    Raises AnalysisError for unknown names, a score without direction, or a margin that is no
    positive number.

    References: Piaggio 2012 (doi 10.1001/jama.2012.87802); CPMP/EWP/482/99.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccddeeff"),
    ...         "visit": ["pre", "post"] * 6,
    ...         "pain": [7, 5, 6, 3, 8, 5, 7, 5, 6, 5, 9, 6],
    ...         "arm": ["oral"] * 6 + ["IV"] * 6,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> question = oc.ArmNonInferiority(
    ...     "pain", before="pre", after="post", margin=2, reference="IV"
    ... )
    >>> question.run(study).detail.met
    (True,)
    """

    outcome: str
    _: KW_ONLY
    before: str = ""
    after: str
    margin: float
    model: str = "ancova"
    by: str = "arm"
    reference: str = ""
    covariates: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()

    short: ClassVar[str] = "non-inferiority of arms"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Piaggio G, Elbourne DR, Pocock SJ, Evans SJW, Altman DG. Reporting of noninferiority"
            " and equivalence randomized trials: extension of the CONSORT 2010 statement. JAMA"
            " 2012;308:2594-2604."
        ),
        (
            "CPMP. Points to consider on switching between superiority and non-inferiority."
            " CPMP/EWP/482/99; 2000."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.margin, self.model)

    @property
    def traits(self) -> frozenset[Trait]:  # type: ignore[override]
        """A mixed model counts patients with some scores missing."""
        return _traits(self.model)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        whole = self.model == "MMRM"
        visits = () if whole else (self.before, self.after)
        return PatientValues.at(study, self.outcome, visits, (self.by, *self.covariates))

    def compute(self, study: Study) -> Result:
        sign = improvement_sign(study.outcome(self.outcome))
        differences, whole = _differences(self, study)
        tests = [
            one_sided(
                e,
                margin=float(self.margin),
                better="higher" if sign > 0 else "lower",
                alpha=round((1 - self.level) / 2, 12),
            )
            for e in differences
        ]
        rows = _holm([t.change for t in tests])
        shown, limits = tuple(t.shown for t in tests), tuple(t.limit for t in tests)
        return _with_margin(whole, rows, shown, (-sign * float(self.margin),), limits)

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        side = "upper" if outcome.better == "lower" else "lower"
        edge = ("" if outcome.better == "lower" else "−") + stated_margin(self.margin, outcome)
        parts = []
        for e, shown in zip(_compared(result), result.told(AgainstMargin).met, strict=True):
            amount = _amount(result, e)
            if shown is None:
                parts.append(f"{amount} and cannot be judged against the margin of {edge}")
                continue
            arm = spoken(e.contrast.group)
            p = f"one-sided {_p_words(result, e, style)}"
            verdict = (
                f"its {side} limit did not reach the margin of {edge}, so {arm} was non-inferior"
                f" ({p}){_though(e, outcome)}"
                if shown
                else f"its {side} limit reached the margin of {edge}, so non-inferiority of {arm}"
                f" was not shown ({p})"
            )
            parts.append(f"{amount}; {verdict}")
        return _whole_sentence(self, result, parts)

    def methods_text(self) -> str:
        return self._methods(_UNFITTED, _HOLM)

    def methods_of(self, result: Result) -> str:
        """From the model that was fitted and the arms that there were."""
        words = result.model.words if result.model else _UNFITTED
        return self._methods(words, _HOLM if len(_compared(result)) > 1 else "")

    def _methods(self, model: str, holm: str) -> str:
        return (
            f"Non-inferiority of an arm was judged by the {level_text(self.level)} interval of"
            f" {_estimated(self, model)} against a margin of {self.margin:g} on the worse side"
            f" (one-sided t-test).{holm}"
        )


@dataclass(frozen=True)
class ArmEquivalence(Analysis):
    """Do the arms differ by so little that they may be called equivalent?

    Two one-sided t-tests of the difference between each arm and the reference against −`margin` and
    +`margin` at α = 1 − `level`, which say the same as the 1 − 2α interval (90% by default) lying
    inside the margins. The margin comes from the protocol; there is no default. A comparison with
    P>.05 is not evidence of equivalence; this is the test that can give it.

    `model` is "ancova", "change" or "mmrm", as in `ArmNonInferiority`. Several arms: Holm's P
    beside the raw one. Raises AnalysisError for unknown names or a margin that is no positive
    number.

    References: Schuirmann 1987 (doi 10.1007/BF01068419); Piaggio 2012 (doi
    10.1001/jama.2012.87802).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccddeeff"),
    ...         "visit": ["pre", "post"] * 6,
    ...         "pain": [7, 5, 6, 3, 8, 5, 7, 5, 6, 5, 9, 6],
    ...         "arm": ["oral"] * 6 + ["IV"] * 6,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> question = oc.ArmEquivalence("pain", before="pre", after="post", margin=2, reference="IV")
    >>> question.run(study).detail.met
    (False,)
    """

    outcome: str
    _: KW_ONLY
    before: str = ""
    after: str
    margin: float
    model: str = "ancova"
    by: str = "arm"
    reference: str = ""
    covariates: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()

    short: ClassVar[str] = "equivalence of arms (TOST)"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power"
            " approach. J Pharmacokinet Biopharm 1987;15:657-680."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.margin, self.model)

    @property
    def traits(self) -> frozenset[Trait]:  # type: ignore[override]
        """A mixed model counts patients with some scores missing."""
        return _traits(self.model)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        whole = self.model == "MMRM"
        visits = () if whole else (self.before, self.after)
        return PatientValues.at(study, self.outcome, visits, (self.by, *self.covariates))

    def compute(self, study: Study) -> Result:
        differences, whole = _differences(self, study)
        tests = [
            two_one_sided(e, margin=float(self.margin), alpha=round(1 - self.level, 12))
            for e in differences
        ]
        rows = _holm([t.change for t in tests])
        for t, e in zip(tests, differences, strict=True):
            rows += [replace(x, group=e.group, visit=e.visit) for x in (t.lower, t.upper)]
        within = tuple(t.within for t in tests)
        return _with_margin(whole, rows, within, (-float(self.margin), float(self.margin)))

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        edge = f"the margin of ±{stated_margin(self.margin, outcome)}"
        parts = []
        for e, within in zip(_compared(result), result.told(AgainstMargin).met, strict=True):
            amount = _amount(result, e)
            if within is None:
                parts.append(f"{amount} and cannot be judged against {edge}")
                continue
            p = f"TOST {_p_words(result, e, style)}"
            verdict = (
                f"the interval lay within {edge}, so the two were equivalent"
                f" ({p}){_though(e, outcome)}"
                if within
                else f"the interval did not lie within {edge}, so equivalence was not shown ({p})"
            )
            parts.append(f"{amount}; {verdict}")
        return _whole_sentence(self, result, parts)

    def methods_text(self) -> str:
        return self._methods(_UNFITTED, _HOLM)

    def methods_of(self, result: Result) -> str:
        """From the model that was fitted and the arms that there were."""
        words = result.model.words if result.model else _UNFITTED
        return self._methods(words, _HOLM if len(_compared(result)) > 1 else "")

    def _methods(self, model: str, holm: str) -> str:
        return (
            "Equivalence of arms was tested with two one-sided t-tests of"
            f" {_estimated(self, model)} against a margin of ±{self.margin:g}"
            f" (α {1 - self.level:.3g}; {level_text(round(2 * self.level - 1, 12))} CI).{holm}"
        )


_UNFITTED = declared(FALLBACK, "REML", "kenward-roger")
_HOLM = " P values of several arms were adjusted by Holm's method."


@dataclass(frozen=True)
class AgainstMargin:
    """Whether each arm met the margin (None: cannot be judged), the limits of its interval that the
    margin is set against, and the groups.
    """

    met: tuple[bool | None, ...]
    limits: tuple[float, ...]
    inner: ComparedGroups


def _check(margin: float, model: str) -> None:
    check_margin(margin)
    if model not in MODELS:
        raise AnalysisError(unknown("model", model, MODELS))


def _traits(model: str) -> frozenset[Trait]:
    return frozenset({Trait.USES_ALL_SCORES}) if model == "mmrm" else frozenset()


def _differences(question: Any, study: Study) -> tuple[list[Estimate], Result]:
    """Each arm against the reference, and a result with everything but its rows."""
    if question.model == "mmrm":
        return _from_mmrm(question, study)
    if question.visits:
        raise AnalysisError('visits are those of the mixed model: model="mmrm".')
    q = question
    before = q.before or study.baseline
    g = grouped(study, q.outcome, before=before, after=q.after, by=q.by, reference=q.reference)
    unit, checks = g.outcome.unit, {}
    if q.model == "change":
        if q.covariates:
            raise AnalysisError('Covariates need model="ancova" or model="mmrm".')
        y, first = g.split(g.y), g.levels[0]
        rows = [
            replace(
                mean_difference(y[v], y[first], level=q.level, unit=unit),
                name="difference in change",
                group=Versus.of(v, first),
                measure=Measure.DIFFERENCE_IN_CHANGE,
            )
            for v in g.levels[1:]
        ]
    else:
        g, terms = covariate_terms(study, g, q.covariates)
        design = Design((g.term, numeric("before", g.before), *terms))
        fit, base = ols(design, g.after), g.levels[0]
        checks = checks_of_fit(fit, g.after)
        rows = [
            fit.contrast(
                design.row(**{q.by: v}) - design.row(**{q.by: base}),
                name="adjusted difference",
                level=q.level,
                group=Versus.of(v, base),
                unit=unit,
                measure=Measure.DIFFERENCE,
            )
            for v in g.levels[1:]
        ]
    return rows, Result(
        q,
        (),
        g.counts,
        g.outcome,
        (*g.notes, *g.imbalance(before, adjusted=q.model == "ancova")),
        Frames({"groups": groups_frame(g), **checks}),
        ("forest",),
        detail=ComparedGroups.of(g),
        flow=g.flow,
        randomised=g.randomised,
    )


def _from_mmrm(question: Any, study: Study) -> tuple[list[Estimate], Result]:
    q = question
    data, model = MMRM(
        q.outcome,
        baseline=q.before,
        visits=q.visits,
        by=q.by,
        reference=q.reference,
        covariates=q.covariates,
        level=q.level,
    ).fitted(study)
    main, first = study.visit(q.after), data.levels[0]
    rows = [arm_difference(model, a, first, main) for a in data.levels[1:]]
    whole = model_result(q, study, data, model, (), main)
    sizes = ", ".join(f"{c.analysed} {spoken(level)}" for level, c in data.flow)
    told = ComparedGroups(tuple(data.levels), sizes)
    return rows, replace(whole, detail=told, pictures=("forest", *whole.pictures))


def _holm(rows: list[Estimate]) -> list[Estimate]:
    """Holm's P where several arms are set against the reference."""
    if len(rows) < 2:
        return rows
    return [
        replace(e, p_adjusted=p) for e, p in zip(rows, adjust([e.p for e in rows]), strict=True)
    ]


def _with_margin(
    whole: Result,
    rows: Sequence[Estimate],
    met: tuple[bool | None, ...],
    margins: tuple[float, ...],
    limits: tuple[float, ...] = (),
) -> Result:
    outcome = whole.outcome
    assert outcome is not None
    compared = [e for e in rows if e.measure.of_score]
    forest = forest_frame((e.group, e) for e in compared)
    words = f"difference in {outcome.title} and its {level_text(compared[0].level)} interval"
    return replace(
        whole,
        estimates=tuple(rows),
        data={**whole.data, "forest": forest},
        detail=AgainstMargin(met, limits, whole.told(ComparedGroups)),
        axis=ValueAxis(words, margins=margins),
    )


def _compared(result: Result) -> list[Estimate]:
    return [e for e in result.estimates if e.measure.of_score]


def _amount(result: Result, e: Estimate) -> str:
    """'0.3 points for ketamine minus midazolam (95% CI, −0.4 to 0.9)', or why there is none."""
    assert result.outcome is not None
    k = digits_for(result.outcome.resolution)
    if e.value != e.value:
        return f"not estimated for {versus(e)} ({unspread(e.reason)})"
    limits = (
        f"no interval: {unspread(e.reason)}"
        if e.reason
        else interval(e.low, e.high, k, level=e.level)
    )
    return f"{number(e.value, k)} {e.unit} for {versus(e)} ({limits})"


def _though(e: Estimate, outcome: Any) -> str:
    """What an arm within the margin still shows: that it did worse, or better, by less than it."""
    said = direction(e, outcome)
    if said in ("", "not clear"):
        return ""
    joint = "and" if said == f"better with {spoken(e.contrast.group)}" else "though"
    return f", {joint} scores were {said}"


def _p_words(result: Result, e: Estimate, style: str) -> str:
    adjusted = adjusted_words(result, e, style)
    return p_value(e.p, style) + (f"; {adjusted}" if adjusted else "")


def _whole_sentence(question: Any, result: Result, parts: list[str]) -> str:
    outcome = result.outcome
    assert outcome is not None
    how = MODELS[question.model]
    what = (
        f"The difference in change of {outcome.title} to {spoken(question.after)}"
        if question.model == "change"
        else f"The adjusted difference in {outcome.title} at {spoken(question.after)}"
    )
    who = f"n={result.told(ComparedGroups).sizes} of {result.counts.enrolled} enrolled"
    return (
        f"{what} was {'; '.join(parts)} ({how}; {who}{lower_is_better(outcome)})."
        f"{chosen_words(result.randomised, question.by)}"
    )


def _estimated(question: Any, model: str) -> str:
    """What is set against the margin, for a methods text; `model` is what a mixed model has."""
    also = listed(["the score before", *(spoken(c) for c in question.covariates)])
    return {
        "change": "the difference in mean change (Welch)",
        "ancova": f"the difference adjusted for {also} (analysis of covariance)",
        "mmrm": (
            f"the difference at {spoken(question.after)}, adjusted for {also}, from a mixed model"
            f" for repeated measures with {model},"
        ),
    }[question.model]
