"""The tipping point: how much worse the missing would have to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cache
from math import isnan, nan
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from outcomes.analyses.groups.group_data import versus
from outcomes.analyses.missing.imputed import Filled, Imputed, pooled, pooled_rows
from outcomes.analyses.missing.wrapper import _Wrapper
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate, named
from outcomes.core.language import say
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, listed, number, p_value, share_of, spoken
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class TippingPoint(_Wrapper):
    """How much worse would the missing scores have to be before the conclusion changes?

    The wrapped question is answered with `delta` points added to the imputed scores after the
    baseline (of the arms in `arms`; default: every arm but the reference, or all patients where
    there is none), in the direction that is worse for the outcome. The tipping point is the delta,
    found by root search, at which p crosses 1 − level; the same imputations serve every delta.
    Judge it by whether so bad a course of those who left is plausible.

    `term` names the estimate (default: the first with a p-value), `most` the largest delta looked
    at (0, the default: the range of the scores seen).

    References: Cro 2020 (doi 10.1002/sim.8569); Permutt 2016 (doi 10.1002/sim.6753).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefgh"),
    ...         "w0": [7, 6, 8, 5, 8, 7, 6, 9],
    ...         "w4": [4, 3, 6, 5, None, 6, 4, None],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     wide.melt("patient", var_name="visit", value_name="pain"),
    ...     visits=("w0", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.TippingPoint(oc.PairedT("pain", before="w0", after="w4"), draws=10, seed=1).run(
    ...     study
    ... )
    >>> result["tipping point"].value > 0
    True
    """

    _: KW_ONLY
    draws: int = 30
    seed: int = 20260101
    arms: Sequence[str] = ()
    by: str = ""
    term: str = ""
    most: float = 0.0

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.HANDLES_MISSING, Trait.TIPPING_POINT})
    short: ClassVar[str] = "tipping point"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Cro S, Morris TP, Kenward MG, Carpenter JR. Sensitivity analysis for clinical trials"
            " with missing continuous outcome data using controlled multiple imputation. Stat Med"
            " 2020;39:2815-2842."
        ),
    )

    def title(self, outcome: Any = None) -> str:
        """The wrapped question's title, tipped."""
        return self.label or say("{question}, tipping point", question=self.analysis.title(outcome))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        inner = self.analysis.needs(study)
        by = tuple(c for c in (self.by,) if c)
        own = PatientValues.at(study, self.outcome, characteristics=by, rows=True)
        return inner | own if isinstance(inner, PatientValues) else None

    def compute(self, study: Study) -> Result:
        wrapped = Imputed(
            self.analysis, draws=self.draws, seed=self.seed, by=self.by, level=self.level
        )
        return self.tipped(study, wrapped.filled(study))

    def tipped(self, study: Study, filled: Filled) -> Result:
        """The answer from scores that were imputed, with nothing added to them yet."""
        grid, by = filled.grid, self._by(study)
        arms = tuple(self.arms) or grid.treated(
            study, by, str(getattr(self.analysis, "reference", "") or "")
        )
        outcome = study.outcome(self.outcome)
        worse = -1.0 if outcome.better == "higher" else 1.0

        @cache
        def answers(delta: float) -> Sequence[Result]:
            if not delta:
                return filled.results
            shift = grid.shift(worse * delta, arms, by)
            return [self.analysis.compute(grid.study(c + shift)) for c in filled.scores]

        @cache
        def whole(delta: float) -> Estimate:
            return self._term(pooled(answers(delta), self.level), grid.visits[-1])

        most = self.most or float(np.nanmax(grid.scores) - np.nanmin(grid.scores))
        at = self._closed_form(answers, whole(0.0), grid.visits[0], most) or whole
        tip, words, looked = self._search(at, most)
        start, shown = at(0.0), {*looked, *(() if isnan(tip) else (tip, 1.5 * tip))}
        rows = [
            {"delta": worse * d} | {k: getattr(at(d), k) for k in ("value", "low", "high", "p")}
            for d in shown
        ]
        frame = pd.DataFrame(rows).sort_values("delta", key=abs, ignore_index=True)
        unmet = "not_reached" if filled.count else "nothing_imputed"
        estimates = (
            Estimate(
                "tipping point",
                worse * tip,
                unit=outcome.unit,
                how=words,
                reason="" if not isnan(tip) else unmet,
                measure=Measure.THRESHOLD,
            ),
            replace(start, how=f"delta 0: {start.how}"),
        )
        notes = (
            (
                f"{share_of(filled.count, grid.scores.size)} scores were imputed ({self.draws}"
                f" imputations, seed {self.seed})."
            ),
        )
        return Result(
            self,
            estimates,
            filled.results[0].counts,
            outcome,
            notes,
            {"tipping": frame},
            ("tipping",),
            detail=Shifted(
                arms,
                filled.count,
                versus(start) if start.contrast.reference else "",
                filled.results[0].detail,
            ),
            axis=ValueAxis(start.said),
        )

    def _closed_form(
        self, answers: Callable[[float], Sequence[Result]], start: Estimate, first: str, most: float
    ) -> Callable[[float], Estimate] | None:
        """The pooled estimate at any delta from the answers at three: over each draw a linear
        estimate is linear in delta, and its variance quadratic. None where it is not so.
        """
        begins = str(getattr(self.analysis, "before", ""))
        if self.term or Trait.LINEAR not in self.analysis.traits or begins != first or not most > 0:
            return None
        places = [i for i, e in enumerate(answers(0.0)[0].estimates) if e.matches(start)]
        rows = [[r.estimates[places[0]] for r in answers(d)] for d in (0.0, most / 2, most)]
        value, se = (np.array([[getattr(e, k) for e in r] for r in rows]) for k in ("value", "se"))
        if not (np.isfinite(value).all() and (se > 0).all()):
            return None
        near = 1e-8 * max(most, float(np.abs(value).max()))
        if np.abs(value[0] - 2 * value[1] + value[2]).max() > near:
            return None

        @cache
        def at(delta: float) -> Estimate:
            v, s = _through(value, delta / most), np.sqrt(_through(se**2, delta / most))
            own = [replace(e, value=float(a), se=float(b)) for e, a, b in zip(rows[0], v, s)]
            return pooled_rows(own, "identity", start.level or self.level)

        return at

    def _term(self, estimates: Sequence[Estimate], last: str) -> Estimate:
        """The estimate named by `term`; by default the first with a p-value, at the main visit
        where there are several. A test of all groups together stands back: it names no difference
        that could tip.
        """
        main = str(getattr(self.analysis, "visit", "") or last)
        several = len({e.visit for e in estimates if e.visit and not isnan(e.p)}) > 1
        tested = [e for e in estimates if not isnan(e.p) and (not several or e.visit == main)]
        tested = [e for e in tested if e.measure is not Measure.OVERALL_TEST] or tested
        if found := named(estimates, [self.term]) if self.term else tested:
            return found[0]
        if not self.term:
            raise AnalysisError(
                "There is no conclusion to tip: no estimate has a P value with the scores imputed."
            )
        raise AnalysisError(
            f"No estimate '{self.term}' with a P value. There is:"
            f" {', '.join(e.term for e in estimates)}."
        )

    def _search(
        self, at: Callable[[float], Estimate], most: float
    ) -> tuple[float, str, list[float]]:
        """The delta at which p crosses, in words too, and the deltas looked at: doubled until it
        has crossed, then bisected.
        """
        alpha, looked = round(1 - self.level, 12), [0.0]
        side = np.sign(at(0.0).value)
        if not at(0.0).p < alpha:
            return (
                nan,
                (
                    f"{p_value(at(0.0).p)} with nothing added to the missing scores: there is no"
                    " conclusion to tip"
                ),
                [0.0, most / 2, most],
            )

        def beyond(
            delta: float,
        ) -> float:  # p itself, and beyond 1 where the estimate has changed sides
            e = at(delta)
            return (e.p if np.sign(e.value) == side else 2 - e.p) - alpha

        while looked[-1] < most:
            looked.append(min(2 * looked[-1] or most / 16, most))
            if beyond(looked[-1]) >= 0:
                low, high = looked[-2:]
                root = brentq(beyond, low, high, xtol=1e-4 * high)
                return float(root), f"P crosses {number(alpha, 2)} there", looked
        return (
            nan,
            f"P stays below {number(alpha, 2)} however much worse the missing scores are, up to"
            f" {number(most, 1)} points",
            looked,
        )

    def methods_of(self, result: Result) -> str:
        """As declared; where nothing could be imputed, that is said instead."""
        told = result.about(Shifted)
        asked = self.analysis.methods_of(result)
        if told is None or told.filled:
            return f"{asked} {self._how}"
        return (
            f"{asked} Missing scores after the baseline were to be imputed and made worse step by"
            " step; there was none to impute, so no tipping point was sought."
        )

    def methods_text(self) -> str:
        return f"{self.analysis.methods_text()} {self._how}"

    @property
    def _how(self) -> str:
        return (
            f"Missing scores after the baseline were imputed {self.draws} times under missing at"
            " random and made worse step by step, up to the tipping point at which the conclusion"
            " changes."
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        tip, k = result.estimates[0], digits_for(result.outcome.resolution)
        told = result.told(Shifted)
        whose = f" of {listed([spoken(a) for a in told.arms])}" if told.arms else ""
        if not told.filled:
            return (
                f"Tipping point for {result.outcome.title}: nothing was imputed, so there is no"
                " missing score that could change the conclusion; patients without any score to"
                " predict from are not imputed."
            )
        about = f", {told.about}," if told.about else ""
        if isnan(tip.value):
            return f"Tipping point for {result.outcome.title}{about.removesuffix(',')}: {tip.how}."
        size, side = number(abs(tip.value), k), "higher" if tip.value > 0 else "lower"
        return (
            f"The conclusion on {result.outcome.title}{about} would change if the missing"
            f" scores{whose} were {size} {result.outcome.unit} {side} (worse) than predicted from"
            f" those observed ({self.draws} imputations)."
        )


def _through(y: np.ndarray, x: float) -> np.ndarray:
    """The quadratic through y[0], y[1] and y[2] at 0, ½ and 1, at x."""
    return y[0] + x * (4 * y[1] - 3 * y[0] - y[2]) + 2 * x**2 * (y[0] - 2 * y[1] + y[2])


@dataclass(frozen=True)
class Shifted:
    """The arms whose imputed scores are shifted (none: all), how many were imputed, and the groups
    compared.
    """

    arms: tuple[str, ...]
    filled: int
    about: str
    #: What the question says of its topic.
    inner: Any = None
