"""Whether the questions of a questionnaire measure one thing."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.measurement.reliability import _first_visit
from outcomes.analyses.measurement.single_answers import answered, behind
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, spoken
from outcomes.stats.individual.agreement import omega
from outcomes.stats.individual.reliable_change import cronbach_alpha
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class InternalConsistency(Analysis):
    """Do the questions of this questionnaire measure one thing in our patients?

    Of the single answers behind a score at one visit (the baseline unless said otherwise), in
    patients who answered every question: Cronbach's α = k/(k−1)·(1 − Σ item variances/variance of
    the sum) with Feldt's interval, α of standardised items, McDonald's ω from a one-factor model
    (which does not take all questions to weigh alike), and α without each question in turn. Answers
    that count against the score are turned first, as its manual does.

    α rises with the number of questions, and a value near 1 means that they repeat each other. It
    speaks of one occasion: use `TestRetest` for the error of a change. The score has to be a sum or
    a mean of questions whose single answers were read.

    Raises AnalysisError for a score without single answers, or one that is no sum or mean.

    References: Cronbach 1951 (Psychometrika 16:297); Feldt, Woodruff & Salih 1987 (Appl Psychol
    Meas 11:93); McDonald 1999, Test Theory.

    >>> import pandas as pd, outcomes as oc
    >>> answers = {"q1": [0, 1, 2, 3, 1, 2], "q2": [0, 2, 2, 3, 0, 1]}
    >>> scores = pd.DataFrame({"patient": list("abcdef"), "visit": "baseline"} | answers)
    >>> use = oc.InstrumentUse("phq2", {"1": "q1", "2": "q2"})
    >>> study = oc.Study(scores, visits=("baseline",), uses=(use,))
    >>> result = oc.InternalConsistency("phq2_total").run(study)
    >>> round(result["Cronbach alpha"].value, 2)
    0.88
    """

    outcome: str
    _: KW_ONLY
    visit: str = ""

    #: it claims no change, so no note on a missing control group
    comparative: ClassVar[bool] = True
    short: ClassVar[str] = "internal consistency (Cronbach's alpha, McDonald's omega)"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Cronbach LJ. Coefficient alpha and the internal structure of tests. Psychometrika"
            " 1951;16:297-334."
        ),
        "McDonald RP. Test theory: a unified treatment. Mahwah: Erlbaum, 1999.",
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients",), items=True)

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        visit = study.visit(self.visit) if self.visit else _first_visit(study)
        items = _items(study, outcome, visit)
        seen = items.notna()
        whole = seen.all(axis=1).to_numpy()
        left = (
            (f"no answer at {spoken(visit)}", study.enrolled - int(seen.any(axis=1).sum())),
            ("a question left out", int((seen.any(axis=1) & ~whole).sum())),
        )
        counts = Counts(study.enrolled, int(whole.sum()), tuple((w, n) for w, n in left if n))
        x, at = items[whole].to_numpy(float), Contrast(visit=visit)
        raw, standardised = cronbach_alpha(x, level=self.level)
        rows = [raw, standardised, omega(x)]
        if x.shape[1] > 2:
            rows += [
                replace(
                    cronbach_alpha(np.delete(x, j, axis=1), level=self.level)[0],
                    name=f"alpha without question {code}",
                )
                for j, code in enumerate(items)
            ]
        rows = [replace(e, place=at) for e in rows]
        forest = pd.DataFrame(
            [
                {
                    "label": e.name,
                    "value": e.value,
                    "low": e.low,
                    "high": e.high,
                    "main": not j,
                }
                for j, e in enumerate((rows[0], *rows[3:]))
            ]
        )
        return Result(
            self,
            tuple(rows),
            counts,
            outcome,
            (),
            {"forest": forest},
            ("forest",),
            detail=Questions(x.shape[1]),
            axis=ValueAxis("Cronbach's alpha", null=None),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        raw, _, common = result.estimates[:3]
        n_items = result.told(Questions).number
        lead = f"the {n_items} questions of {outcome.title} at {spoken(raw.contrast.visit)}"
        who = f"n={counts.analysed} of {counts.enrolled} with every question answered"
        if raw.reason:
            return f"Cronbach's alpha of {lead} cannot be computed: {REASONS[raw.reason]} ({who})."
        return (
            f"Cronbach's alpha of {lead} was {number(raw.value, 2)}"
            f" ({interval(raw.low, raw.high, 2, level=raw.level)}{_omega(common)}; {who})."
        )

    def methods_text(self) -> str:
        return (
            "Internal consistency is Cronbach's alpha with Feldt's interval and McDonald's omega of"
            " a one-factor model, in patients who answered every question."
        )


def _omega(e: Estimate) -> str:
    return "" if e.reason else f"; McDonald's omega {number(e.value, 2)}"


def _items(study: Study, outcome: Outcome, visit: str) -> pd.DataFrame:
    """One row a patient, one column a question: its answers at this visit, all counting the way the
    score does.
    """
    found = behind(study, outcome)
    if found is None:
        raise AnalysisError(
            f"{outcome.title} has no single answers: internal consistency needs the questions of an"
            " instrument, not a total."
        )
    use, score = found
    codes = [c for c in score.rule.of if c in use.items]
    if score.rule.kind not in ("sum", "mean") or len(codes) < 2:
        raise AnalysisError(
            f"{outcome.title} is no sum or mean of at least two questions, so its internal"
            " consistency has no meaning."
        )
    here = (study.ready.scores["visit"] == visit).to_numpy()
    patients = study.ready.scores["patient"][here]
    if patients.duplicated().any():
        raise AnalysisError(
            f"Patients have several rows at {spoken(visit)}: choose one with study.where(…)."
        )
    given = {c: x[here] for c, x in answered(study, use, codes).items()}
    ranges = {item.code: item.low + item.high for item in use.kind.items}
    turned = {c: ranges[c] - given[c] if c in score.rule.reverse else given[c] for c in codes}
    frame = pd.DataFrame(turned, index=pd.Index(patients), dtype=float)
    return frame.reindex(study.patient_ids)


@dataclass(frozen=True)
class Questions:
    """How many questions the score has."""

    number: int
