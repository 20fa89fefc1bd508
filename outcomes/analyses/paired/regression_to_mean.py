"""How much of the change would have come without any effect: the guard of every uncontrolled
design.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.paired.ranks import nobody
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_frame, score_words
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, p_value, plural, spoken
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.regression_to_mean import (
    change_and_baseline,
    expected,
    mee_chua,
    population,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

#: Where no reliability is known, a range that pain scores have in print.
RELIABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9)
EXPECTED = "expected change without any effect"


@dataclass(frozen=True)
class RegressionToMean(Analysis):
    """How much of the change between two visits would be expected without any effect, because high
    scores let patients in?

    Patients chosen because a score passed a cut-off were, on average, measured on a bad day; their
    next score lies nearer to their own mean whatever is done. Expected change
    −(1−ρ)σ·φ(z)/(1−Φ(z)), z = (cut-off − μ)/σ, for a range of reliabilities ρ (or the one given,
    with its `source`), shown beside the observed mean change. The cut-off is the study's `entry`
    (or `at_least` / `at_most` here), moved by half a step of the score; `baselines` is how many
    measurements were averaged for entry. μ = `mean` and σ = `sd` describe scores before selection,
    from a register or the literature; where they are not given, they are estimated from the
    selected scores as a normal distribution cut off at entry, which is uncertain and said to be so.

    With `mean` given, also Mee and Chua's regression: the change of a patient at the population
    mean. Always Oldham's correlation (change with the mean of before and after; that of change with
    before is no evidence), and with `reliability` Blomqvist's slope. Normal scores are assumed;
    floors and ceilings make all of it approximate.

    References: Davis 1976 (doi 10.1093/oxfordjournals.aje.a112321); Barnett 2005 (doi
    10.1093/ije/dyh299); Mee & Chua 1991 (doi 10.1080/00031305.1991.10475763); Oldham 1962 (doi
    10.1016/0021-9681(62)90116-9).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 7, 6, 8, 7]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> guard = oc.RegressionToMean(
    ...     "pain", before="pre", after="post", at_least=7, mean=6, sd=1.8, reliability=0.6
    ... )
    >>> round(guard.run(study)["expected change without any effect"].value, 2)
    -0.85
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    at_least: float | None = None
    at_most: float | None = None
    mean: float | None = None
    sd: float | None = None
    reliability: float | None = None
    source: str = ""
    baselines: int = 1

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.REGRESSION_TO_MEAN})
    short: ClassVar[str] = "regression to the mean"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Barnett AG, van der Pols JC, Dobson AJ. Regression to the mean: what it is and how to"
            " deal with it. Int J Epidemiol 2005;34:215-220."
        ),
        (
            "Mee RW, Chua TC. Regression toward the mean and the paired sample t test. Am Stat"
            " 1991;45:39-42."
        ),
        (
            "Oldham PD. A note on the analysis of repeated measurements of the same subjects. J"
            " Chronic Dis 1962;15:969-977."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at_least is not None and self.at_most is not None:
            raise AnalysisError("Give one entry cut-off: at_least or at_most.")
        if (self.mean is None) != (self.sd is None):
            raise AnalysisError(
                "Scores before selection need both mean and sd (or neither, to estimate them)."
            )
        if self.reliability is not None and not 0 < self.reliability <= 1:
            raise AnalysisError(f"reliability is between 0 and 1; got {self.reliability}.")

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        outcome, b, a = pairs.outcome, pairs.before, pairs.after
        observed = replace(
            mean_change(b, a, level=self.level),
            name="observed mean change",
            unit=outcome.unit,
            measure=Measure.CHANGE,
        )
        cut, kind = self._cutoff(study, outcome)
        rows, notes = [observed], []
        if kind:
            guesses, said = self._population(
                study.wide(self.outcome)[self.before].dropna().to_numpy(), outcome, cut, kind
            )
            notes += said
            rows += self._expected(guesses, outcome, cut, kind)
        if self.mean is not None:
            rows += [
                replace(
                    mee_chua(b, a, mean=self.mean, level=self.level)[0],
                    unit=outcome.unit,
                    part=Part.NET,
                )
            ]
        naive, oldham, slope = change_and_baseline(
            b, a, reliability=self.reliability, level=self.level
        )
        rows += [
            oldham,
            replace(
                naive,
                how="biased by regression to the mean: no evidence that worse patients change more",
            ),
        ]
        rows += [slope] if self.reliability is not None else []
        return Result(
            self,
            tuple(rows),
            pairs.counts,
            outcome,
            tuple(notes),
            {"forest": _forest(rows)},
            ("forest",),
            detail=EntryCutoff(cut, kind),
            axis=ValueAxis(score_words("change in {score} ({unit})", outcome)),
        )

    def _cutoff(self, study: Study, outcome: Outcome) -> tuple[float, str]:
        """The entry cut-off on this score, and its kind ("at least", "at most", or "" where there
        is none).
        """
        own = {"at least": self.at_least, "at most": self.at_most}
        entry = study.entry
        if (
            not any(v is not None for v in own.values())
            and entry
            and study.outcome(str(entry["outcome"])).name == outcome.name
        ):
            own = {kind: entry.get(kind.replace(" ", "_")) for kind in own}
        for kind, value in own.items():
            if value is not None:
                return float(value), kind
        return NAN, ""

    def _population(
        self, scores: np.ndarray, outcome: Outcome, cut: float, kind: str
    ) -> tuple[tuple[Estimate, Estimate], list[str]]:
        """Mean and SD before selection: as given, or estimated from the scores that passed the
        cut-off.
        """
        side = 1 if kind == "at least" else -1
        passed = scores[side * scores >= side * cut]
        outside = len(scores) - len(passed)
        notes = (
            [
                f"{plural(outside, 'patient')} entered beyond the cut-off; entry was not judged by"
                " this score alone."
            ]
            if outside
            else []
        )
        if self.mean is not None and self.sd is not None:
            how = self.source or "given"
            return (
                Estimate("population mean", self.mean, how=how, measure=Measure.LEVEL),
                Estimate("population SD", self.sd, how=how, measure=Measure.VARIANCE),
            ), notes
        guesses = population(
            passed,
            cutoff=cut,
            entry=kind,  # type: ignore[arg-type]
            step=outcome.resolution,
            low=outcome.low,
            high=outcome.high,
            level=self.level,
        )
        if guesses[0].reason:
            notes.append(
                "Mean and SD of scores before selection cannot be estimated from these scores:"
                " state the mean and the SD in the plan."
            )
        else:
            notes.append(
                "Mean and SD of scores before selection were estimated from the selected scores (a"
                " normal distribution cut off at entry); where a register or the literature has"
                " them, state them in the plan."
            )
        return guesses, notes

    def _expected(
        self, guesses: tuple[Estimate, Estimate], outcome: Outcome, cut: float, kind: str
    ) -> list[Estimate]:
        mean, sd = guesses
        half = outcome.resolution / 2 if outcome.resolution > 0 else 0.0
        edge = cut - half if kind == "at least" else cut + half
        known = self.reliability
        rows = []
        for rho in (known,) if known is not None else RELIABILITIES:
            group = "" if known is not None else f"reliability {rho:g}"
            how = (
                f"entry {kind} {cut:g}, mean {number(mean.value, 2)}, SD {number(sd.value, 2)},"
                f" reliability {rho:g}"
            )
            how += f" ({self.source})" if known is not None and self.source else ""
            if mean.reason:
                rows.append(
                    Estimate(
                        EXPECTED,
                        NAN,
                        unit=outcome.unit,
                        group=group,
                        reason="needs_input",
                        measure=Measure.EXPECTED_CHANGE,
                    )
                )
                continue
            e = expected(
                cutoff=edge,
                mean=mean.value,
                sd=sd.value,
                reliability=rho,
                entry=kind,  # type: ignore[arg-type]
                baselines=self.baselines,
            )
            rows.append(
                Estimate(
                    EXPECTED,
                    e.effect,
                    unit=outcome.unit,
                    group=group,
                    how=how,
                    measure=Measure.EXPECTED_CHANGE,
                )
            )
        return [*rows, replace(mean, unit=outcome.unit), replace(sd, unit=outcome.unit)]

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts, told = result.outcome, result.counts, result.told(EntryCutoff)
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        k, change = digits_for(outcome.resolution), result.estimates[0]
        limits = (
            "" if change.reason else f"{interval(change.low, change.high, k, level=change.level)}; "
        )
        seen = (
            f"the observed mean change was {number(change.value, k)} ({limits}n={counts.analysed}"
            f" of {counts.enrolled})"
        )
        expected = result.select(measure=Measure.EXPECTED_CHANGE) if told.entry else ()
        sizes = [e.value for e in expected if not math.isnan(e.value)]
        if not told.entry:
            return (
                f"No entry cut-off on {outcome.title} is declared ([study] entry), so the size of"
                " regression to the mean cannot be computed; patients who seek care when scores"
                f" are at their worst regress all the same; {seen}."
            )
        if not sizes:
            return (
                f"The expected regression to the mean of {outcome.title} cannot be computed without"
                f" the mean and SD of scores before selection; {seen}."
            )
        return f"{self._said(sizes, outcome, told, k)}; {seen}.{self._net(result, k, style)}"

    def _said(self, sizes: list[float], outcome: Outcome, told: EntryCutoff, k: int) -> str:
        sign = "≥" if told.entry == "at least" else "≤"
        word = "fall" if sizes[0] < 0 or (sizes[0] == 0 and sign == "≥") else "rise"
        if round(min(map(abs, sizes)), k) == 0:
            k += 1
        if self.reliability is not None:
            reliability = (
                f"{number(self.reliability, 2)}{f' ({self.source})' if self.source else ''}"
            )
            amount = f"{number(abs(sizes[0]), k)} {outcome.unit} is"
        else:
            reliability = f"{number(RELIABILITIES[0], 1)} to {number(RELIABILITIES[-1], 1)}"
            amount = f"{number(abs(sizes[0]), k)} to {number(abs(sizes[-1]), k)} {outcome.unit} is"
        return (
            f"With entry at {outcome.title} {sign}{told.cutoff:g} and reliability"
            f" {reliability}, a {word} of {amount} expected from {spoken(self.before)} to"
            f" {spoken(self.after)} without any treatment effect"
        )

    def _net(self, result: Result, k: int, style: str) -> str:
        found = result.select(part=Part.NET)
        if self.mean is None or not found or (e := found[0]).reason:
            return ""
        return (
            f" Net of regression to a population mean of {number(self.mean, k)} (Mee-Chua) the"
            f" change was {number(e.value, k)} ({interval(e.low, e.high, k, level=e.level)};"
            f" {p_value(e.p, style)})."
        )

    def methods_of(self, result: Result) -> str:
        """Where no entry cut-off is known, that nothing was computed."""
        told = result.about(EntryCutoff)
        if told is None or told.entry:
            return self.methods_text()
        return (
            "The change expected from regression to the mean alone was not computed: no entry"
            " cut-off is declared."
        )

    def methods_text(self) -> str:
        rho = (
            "over reliabilities of 0.5 to 0.9"
            if self.reliability is None
            else f"for a reliability of {self.reliability:g}"
        )
        return (
            "The change expected from regression to the mean alone was computed from the entry"
            f" cut-off {rho} (Davis; Barnett)."
        )


def _forest(rows: list[Estimate]) -> pd.DataFrame:
    """The observed change, and under it what is expected without any effect."""
    shown = [rows[0], *(e for e in rows if e.measure is Measure.EXPECTED_CHANGE)]
    labels = [e.name if not e.group else f"{e.name}, {e.group}" for e in shown]
    return forest_frame(zip(labels, shown, strict=True), lambda e: e is shown[0])


@dataclass(frozen=True)
class EntryCutoff:
    """The score that let patients into the study: "at least" or "at most" it; "" for none."""

    cutoff: float
    entry: str


class Part(Enum):
    """The change that is left after regression to a stated mean."""

    NET = auto()
