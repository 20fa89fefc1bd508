"""Each patient has every treatment, one after the other: the crossover with a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.crossover.periods import Periods, at, by_period, one_order, washout_note
from outcomes.analyses.groups.group_data import adjusted_words, lower_is_better, two_words
from outcomes.analyses.question import Analysis
from outcomes.analyses.regression.model_checks import checks_of_scores
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame, score_words
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, plural, round_half_away, spoken
from outcomes.stats.crossover.mixed import CrossoverModel, crossover_model
from outcomes.stats.crossover.two_period import (
    baseline_adjusted,
    first_period,
    ignoring_period,
    koch,
    latin_square,
    two_period,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows

Rows = list[Estimate]


@dataclass(frozen=True)
class Crossover(Analysis):
    """Does the score differ between treatments that each patient had one after the other?

    Mixed model: score ~ treatment + period (+ sequence for two treatments in two periods), the
    periods of a patient equally correlated, REML, Kenward-Roger degrees of freedom, everybody with
    at least one period. Where all are complete it is the Hills-Armitage analysis. `measure` says
    what is compared: the "score" at the visit `after` of each period (default: the last visit), or
    its "change" from the visit `before` of the period. They can answer differently, and the change
    is the noisier one; the result says which it was.

    Beside it, as sensitivity: complete patients only (Hills-Armitage), the difference of period
    baselines as a covariate, Koch's rank test, period 1 alone (and that of everybody, where some
    left after it), and the paired t-test that ignores period. With three or more treatments: all
    pairs with Holm's p, least squares with patients as fixed effects, and the same allowing for
    first-order carry-over. The carry-over contrast is shown with its interval and is never used to
    choose an analysis. `d_total` is the difference in units of the total SD of one score, for
    comparison with parallel trials. `washout` (days) adds a note where periods lie closer together.

    Raises AnalysisError where the study has no period, or no treatment of each period.

    References: Hills & Armitage 1979 (Br J Clin Pharmacol 8:7); Freeman 1989 (doi
    10.1002/sim.4780081202); Kenward & Roger 1997 (Biometrics 53:983); Senn 2002, Cross-over Trials
    in Clinical Research.

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     (f"p{i}", k, arm, y)
    ...     for i, (order, ys) in enumerate(
    ...         [
    ...             ("KP", (4, 7)),
    ...             ("KP", (5, 6)),
    ...             ("KP", (3, 7)),
    ...             ("PK", (8, 5)),
    ...             ("PK", (6, 5)),
    ...             ("PK", (7, 3)),
    ...         ]
    ...     )
    ...     for k, (arm, y) in enumerate(zip(order, ys), 1)
    ... ]
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"]),
    ...     design="crossover",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> e = oc.Crossover("pain", reference="P").run(study)["treatment difference"]
    >>> round(e.value, 3), round(e.p, 4)
    (-2.667, 0.0129)
    """

    outcome: str
    _: KW_ONLY
    after: str = ""
    before: str = ""
    measure: str = "score"
    reference: str = ""
    washout: float = 0.0

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.CROSSOVER, Trait.MODELLED})
    short: ClassVar[str] = "crossover mixed model"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Hills M, Armitage P. The two-period cross-over clinical trial. Br J Clin Pharmacol"
            " 1979;8:7-20."
        ),
        (
            "Freeman PR. The performance of the two-stage analysis of two-treatment, two-period"
            " crossover trials. Stat Med 1989;8:1421-1432."
        ),
        (
            "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum"
            " likelihood. Biometrics 1997;53:983-997."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.measure not in ("score", "change"):
            raise AnalysisError(unknown("measure", self.measure, ["score", "change"]))

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        p = by_period(
            study, self.outcome, after=self.after, before=self.before, reference=self.reference
        )
        p = self._measured(p)
        if one_order(p.rows):
            raise AnalysisError(
                "Everybody had the treatments in the same order, so the treatment cannot be told"
                " from the period: no crossover analysis. Ask PairedT of the two periods, as a"
                " study without a control group."
            )
        rows, y = p.rows, p.rows["value"].to_numpy(float)
        given = {"patient": rows["patient"], "period": rows["period"], "treatment": rows["arm"]}
        model = crossover_model(y, **given, reference=p.arms[0], level=self.level)
        estimates = _model_rows(model) + (self._two(p) if p.two_by_two else self._more(y, given, p))
        estimates = [replace(e, unit=_unit(e, p.outcome.unit)) for e in estimates]
        notes = (*p.notes, *washout_note(study, self.washout))
        data = {"forest": _forest(estimates), "cells": p.cells, "patients": p.by_order}
        if model.predictions is not None:
            data |= checks_of_scores(
                model.predictions, rows["period"].tolist(), origin=model.origin
            )
        return Result(
            self,
            tuple(estimates),
            p.counts,
            p.outcome,
            notes,
            data,
            ("forest",),
            detail=PeriodsCompared(at(p, change=self.measure == "change"), self._complete(p)),
            axis=ValueAxis(score_words("treatment difference in {score} ({unit})", p.outcome)),
        )

    def _measured(self, p: Periods) -> Periods:
        """The periods with what is compared as their value."""
        if self.measure == "score":
            return p
        if not p.start:
            raise AnalysisError(
                'measure="change" needs a visit at the start of each period: before="…".'
            )
        change = np.round(p.rows["value"] - p.rows["base"], 9)
        lost = int(change.isna().sum())
        rows = p.rows.assign(value=change).dropna(subset=["value"])
        gone = p.counts.analysed - rows["patient"].nunique()
        left = (
            *p.counts.left_out,
            *(
                [(Phrase.of("no score at {visit} of any period", visit=p.start), gone)]
                if gone
                else []
            ),
        )
        counts = replace(p.counts, analysed=p.counts.analysed - gone, left_out=left)
        note = f"{plural(lost, 'period')} without a score at {p.start} left out." if lost else ""
        return replace(
            p,
            rows=rows.reset_index(drop=True),
            counts=counts,
            notes=(*p.notes, note) if note else p.notes,
        )

    def _complete(self, p: Periods) -> int:
        return int((p.rows.groupby("patient")["period"].nunique() == len(p.periods)).sum())

    def _two(self, p: Periods) -> Rows:
        """Sensitivity of the two-period, two-treatment design: complete patients in other ways,
        everybody's period 1.
        """
        scores, base, first = p.complete
        y1, y2 = scores.T
        ways: dict[str, Callable[..., Estimate]] = {
            "complete patients (Hills-Armitage)": lambda *y, **o: two_period(*y, **o)[0],
            "rank test (Koch)": koch,
            "period 1 only": first_period,
            "paired t-test, ignores period": ignoring_period,
        }
        found = [
            replace(
                way(y1, y2, treated_first=first, level=self.level),
                name=name,
                measure=Measure.DIFFERENCE,
            )
            for name, way in ways.items()
        ]
        once, treated = p.first
        if len(once) > len(y1):  # who left after period 1 is in no other row
            alone = first_period(once, once, treated_first=treated, level=self.level)
            found.append(
                replace(
                    alone,
                    name="period 1 only, everybody",
                    how=f"two-sample t of period 1; n={len(once)}",
                    measure=Measure.DIFFERENCE,
                )
            )
        if p.start and self.measure == "score":
            has = ~np.isnan(base).any(axis=1)
            (b1, b2), some, ch = base[has].T, first[has], np.round(scores[has] - base[has], 9).T
            adjusted = baseline_adjusted(
                y1[has], y2[has], baseline1=b1, baseline2=b2, treated_first=some, level=self.level
            )[0]
            change = two_period(*ch, treated_first=some, level=self.level)[0]
            found[1:1] = [
                replace(adjusted, name="adjusted for period baselines", measure=Measure.DIFFERENCE),
                replace(
                    change,
                    name="change from the period's start",
                    measure=Measure.DIFFERENCE_IN_CHANGE,
                ),
            ]
        return [replace(e, group=Versus.of(p.arms[1], p.arms[0])) for e in found]

    def _more(self, y: np.ndarray, given: dict[str, pd.Series], p: Periods) -> Rows:
        """Sensitivity of three or more treatments: patients as fixed effects, and first-order
        carry-over.
        """
        found: Rows = []
        for name, carry in (
            ("patients as fixed effects", False),
            ("allowing for carry-over", True),
        ):
            square = latin_square(
                y, **given, reference=p.arms[0], carry_over=carry, level=self.level
            )
            found += [replace(e, name=name) for e in square if e.measure is Measure.DIFFERENCE]
            found += [e for e in square[2:] if e.measure is Measure.OVERALL_TEST]
        return found

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, told = result.outcome, result.told(PeriodsCompared)
        assert outcome is not None
        k = digits_for(outcome.resolution)
        who = (
            f"n={result.counts.analysed} of {result.counts.enrolled}, {told.complete} with"
            " every period"
        )
        found = result.select(part=Answer.DIFFERENCE)
        if len(found) > 1:
            text = (
                f"Allowing for period, {told.what}: {_pairs_words(result, k, style)}"
                f" ({who}{lower_is_better(outcome)})."
            )
        else:
            words = _difference_words(
                found[0], told.what, k, style, f"{who}{lower_is_better(outcome)}"
            )
            text = f"Allowing for period, {words}."
        return (
            f"{text} {_period_words(result, k)}{_carry_words(result, k)}The"
            f" {_measured(self.measure)}."
        )

    def methods_of(self, result: Result) -> str:
        """With what was done of carry-over: a contrast, or of several treatments a second model."""
        several = len(result.select(part=Answer.DIFFERENCE)) > 1
        return self._methods(_CARRY_MODEL if several else _CARRY_CONTRAST)

    def methods_text(self) -> str:
        return self._methods(_CARRY_CONTRAST)

    def _methods(self, carry: str) -> str:
        return (
            "Treatments are compared by a mixed model with treatment and period, the periods of a"
            " patient equally correlated (REML, Kenward-Roger degrees of freedom); the"
            f" {_measured(self.measure)}. {carry}"
        )


_CARRY_CONTRAST = "The carry-over contrast is shown and was not used to choose the analysis."
_CARRY_MODEL = (
    "Pairs of treatments are adjusted by Holm's method. A model that allows for first-order"
    " carry-over stands beside it and was not used to choose the analysis."
)


@dataclass(frozen=True)
class PeriodsCompared:
    """What is compared, in words, and how many patients have every period."""

    what: str
    complete: int


class Answer(Enum):
    """Rows of the mixed model itself; the others are sensitivity analyses of the difference."""

    DIFFERENCE = auto()
    PERIOD = auto()
    CARRY_OVER = auto()


def _model_rows(model: CrossoverModel) -> Rows:
    several = len(model.differences) > 1
    return [
        *([model.treatments] if several else []),
        *(replace(e, part=Answer.DIFFERENCE) for e in model.differences),
        model.periods if several else replace(model.periods, part=Answer.PERIOD),
        *([] if several else [replace(model.carry_over, part=Answer.CARRY_OVER)]),
        *model.sizes,
    ]


def _unit(e: Estimate, unit: str) -> str:
    """Tests, standardised sizes and correlations have no unit."""
    return unit if e.measure.of_score or e.measure is Measure.DIAGNOSTIC else ""


def _forest(estimates: Rows) -> pd.DataFrame:
    shown = [e for e in estimates if e.group and e.measure.of_score]
    several = len({e.group for e in shown}) > 1
    return forest_frame(
        ((f"{e.name}, {e.group}" if several else e.name, e) for e in shown),
        lambda e: e.part is Answer.DIFFERENCE,
    )


def _measured(measure: str) -> str:
    if measure == "change":
        return "change from the start of each period was analysed, not the raw score"
    return "raw score of each period was analysed, not its change from the start of the period"


def _side(value: float) -> str:
    return "lower" if value < 0 else "higher"


def _difference_words(e: Estimate, what: str, k: int, style: str, who: str) -> str:
    one, other = spoken(e.contrast.group), spoken(e.contrast.reference)
    if np.isnan(e.value):
        return (
            f"the difference in {what} between {one} and {other} is undefined ({REASONS[e.reason]};"
            f" {who})"
        )
    shown = round_half_away(e.value, k)  # a side is only said of a difference that can be seen
    amount = f"{number(abs(shown), k)} {e.unit} {_side(shown)}" if shown else "the same"
    compared = f"{what} was {amount} with {one} {'than' if shown else 'as'} with {other}"
    return f"{compared} ({two_words(e, k, style)}; mixed model, Kenward-Roger; {who})"


def _pairs_words(result: Result, k: int, style: str) -> str:
    parts = []
    for e in result.select(part=Answer.DIFFERENCE):
        one, other = spoken(e.contrast.group), spoken(e.contrast.reference)
        if e.reason:
            parts.append(f"{one} against {other}: undefined ({REASONS[e.reason]})")
            continue
        p = f"{interval(e.low, e.high, k, level=e.level)}; {adjusted_words(result, e, style)}"
        shown = round_half_away(e.value, k)
        amount = f"{number(abs(shown), k)} {e.unit} {_side(shown)}" if shown else "the same"
        parts.append(f"{amount} with {one} {'than' if shown else 'as'} with {other} ({p})")
    return "; ".join(parts)


def _period_words(result: Result, k: int) -> str:
    found = result.select(part=Answer.PERIOD)
    if not found or (e := found[0]).reason:
        return ""
    return (
        f"Period difference (period 1 minus 2) {number(e.value, k)}"
        f" ({interval(e.low, e.high, k, level=e.level)}). "
    )


def _carry_words(result: Result, k: int) -> str:
    found = result.select(part=Answer.CARRY_OVER)
    if not found or (e := found[0]).reason or np.isnan(e.low):
        return ""
    limits = interval(e.low, e.high, k, level=e.level)
    return (
        f"The carry-over contrast was {number(e.value, k)} ({limits}); it was not used to select"
        " the analysis. "
    )
