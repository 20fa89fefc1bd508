"""Who is better, worse, mixed or the same, question by question of a questionnaire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.measurement.single_answers import answered, behind
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.outcome import Outcome
from outcomes.core.picture import labelled_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, percent, spoken
from outcomes.stats.proportions.single import wilson
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


class ParetianClass(Enum):
    """The classes of a change of several questions; the value is what a table calls them."""

    BETTER = "better"
    WORSE = "worse"
    MIXED = "mixed"
    SAME = "same"


#: The classes from the worst to the best, as a picture shows them.
_LABELS = {
    ParetianClass.WORSE: Phrase.of("worse"),
    ParetianClass.MIXED: Phrase.of("some better, some worse"),
    ParetianClass.SAME: Phrase.of("the same"),
    ParetianClass.BETTER: Phrase.of("better"),
}


@dataclass(frozen=True)
class ParetianChange(Analysis):
    """How many patients got better without any dimension getting worse (EQ-5D, question by
    question)?

    The Paretian classification of health change: a patient is better when at least one question is
    answered better and none worse, worse when at least one is worse and none better, mixed when
    some are better and some worse, and the same when no answer differs. Shares with Wilson's
    interval, of the patients who answered every question at both visits; who is left out is
    counted. No value set enters, and no question weighs more than another.

    A step at the end of a scale counts as one in the middle, and one step as three. Patients with
    the best answers everywhere before can only stay the same or get worse: they are counted beside.
    Made for the EQ-5D, it holds for any questionnaire whose single answers were read.

    Raises AnalysisError for a score without single answers, or with a question of which no side is
    better.

    References: Devlin, Parkin & Browne 2010 (doi 10.1002/hec.1608); Devlin, Parkin & Janssen 2020,
    Methods for Analysing and Reporting EQ-5D Data, ch. 2 (doi 10.1007/978-3-030-47622-9).

    >>> import pandas as pd, outcomes as oc
    >>> answers = {"q1": [3, 1, 2, 2, 0, 1], "q2": [2, 1, 2, 3, 1, 1]}
    >>> scores = pd.DataFrame({"patient": list("aabbcc"), "visit": ["w0", "w4"] * 3} | answers)
    >>> use = oc.InstrumentUse("phq2", {"1": "q1", "2": "q2"})
    >>> study = oc.Study(scores, visits=("w0", "w4"), uses=(use,))
    >>> result = oc.ParetianChange("phq2_total", before="w0", after="w4").run(study)
    >>> [round(e.value, 2) for e in result.estimates]
    [0.33, 0.67, 0.0, 0.0]
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str

    short: ClassVar[str] = "Paretian classes of change"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Devlin NJ, Parkin D, Browne J. Patient-reported outcome measures in the NHS: new"
            " methods for analysing and reporting EQ-5D data. Health Econ 2010;19:886-905."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients",), items=True)

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        visits = (study.visit(self.before), study.visit(self.after))
        if visits[0] == visits[1]:
            raise AnalysisError(
                f"before and after are the same visit ('{visits[0]}'). Choose two of:"
                f" {', '.join(study.visits)}."
            )
        x, best = _answers(study, outcome, visits)
        whole = ~np.isnan(x).any(axis=(0, 2))
        some = (~np.isnan(x)).any(axis=2)
        classes = paretian_classes(x[0][whole], x[1][whole])
        n = int(whole.sum())
        left = (
            (f"no answer at {spoken(visits[0])}", int((~some[0]).sum())),
            (f"no answer at {spoken(visits[1])}", int((some[0] & ~some[1]).sum())),
            ("a question left out", int((some.all(axis=0) & ~whole).sum())),
        )
        place = Contrast(visit=visits[1], from_visit=visits[0])
        rows = [
            replace(
                wilson(classes.count(c), n, level=self.level, name=c.value),
                part=c,
                place=place,
                n=n,
            )
            for c in ParetianClass
        ]
        at_best = int((x[0][whole] == best).all(axis=1).sum())
        counts = {c: classes.count(c) for c in ParetianClass}
        bands = [
            {"label": label, "patients": counts[c], "shown": number(counts[c], 0)}
            for c, label in _LABELS.items()
        ]
        return Result(
            self,
            tuple(rows),
            Counts(study.enrolled, n, tuple((why, k) for why, k in left if k)),
            outcome,
            data={"bands": labelled_frame(bands)},
            pictures=("bands",),
            detail=ParetianCounts(x.shape[2], at_best),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, told, n = result.outcome, result.told(ParetianCounts), result.counts.analysed
        assert outcome is not None
        lead = f"{outcome.title}, {spoken(self.before)} to {spoken(self.after)}"
        who = f"n={n} of {result.counts.enrolled} with all {told.questions} questions answered"
        if not n:
            return f"{lead}: nobody answered all {told.questions} questions at both visits."
        said = []
        for e in result.estimates:
            assert isinstance(e.part, ParetianClass)
            limits = interval(100 * e.low, 100 * e.high, 0, level=e.level)
            said.append(
                f"{e.part.value} in {round(e.value * n)} of {n} ({percent(e.value)}; {limits})"
            )
        ceiling = (
            f" {told.at_best} had the best answers everywhere before and could not get better."
            if told.at_best
            else ""
        )
        return f"{lead}, question by question: {', '.join(said)} ({who}).{ceiling}"

    def methods_text(self) -> str:
        return (
            "Changes of the single questions were classified by the Paretian principle as better"
            " (some better, none worse), worse, mixed or the same, with Wilson's interval of each"
            " share, in patients with every question answered at both visits."
        )


@dataclass(frozen=True)
class ParetianCounts:
    """The number of questions, and how many patients had the best answer to all of them before."""

    questions: int
    at_best: int


def paretian_classes(before: np.ndarray, after: np.ndarray) -> list[ParetianClass]:
    """The class of each patient (row) from the answers to all questions (columns), where higher is
    better.

    >>> x, y = np.array([[1, 1], [1, 1], [1, 1]]), np.array([[2, 1], [2, 0], [1, 1]])
    >>> [c.value for c in paretian_classes(x, y)]
    ['better', 'mixed', 'same']
    """
    up, down = (np.any(sign * (after - before) > 0, axis=1).tolist() for sign in (1, -1))
    named = {
        (True, False): ParetianClass.BETTER,
        (False, True): ParetianClass.WORSE,
        (True, True): ParetianClass.MIXED,
        (False, False): ParetianClass.SAME,
    }
    return [named[u, d] for u, d in zip(up, down, strict=True)]


def _answers(
    study: Study, outcome: Outcome, visits: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Answers by visit, patient and question, turned so that higher is better, and the best
    answer to each question.
    """
    found = behind(study, outcome)
    if found is None:
        raise AnalysisError(
            f"{outcome.title} has no single answers: the Paretian classes need the questions of a"
            " questionnaire, not a total."
        )
    use, score = found
    kinds = {i.code: i for i in use.kind.items}
    codes = [c for c in score.rule.of if c in use.items]
    if len(codes) < 2 or not all(kinds[c].better for c in codes):
        raise AnalysisError(
            f"{outcome.title}: the Paretian classes need at least two questions, each with a better"
            " side."
        )
    scores = study.ready.scores
    asked = scores["visit"].isin(visits).to_numpy()
    if scores[asked].duplicated(["patient", "visit"]).any():
        raise AnalysisError(
            "Patients have several rows a visit (periods, episodes): choose one with"
            " study.where(…)."
        )
    given = pd.DataFrame(
        {
            c: values if kinds[c].better == "higher" else -values
            for c, values in answered(study, use, codes).items()
        },
        dtype=float,
    )
    out = np.full((2, study.enrolled, len(codes)), np.nan)
    for k, visit in enumerate(visits):
        here = (scores["visit"] == visit).to_numpy()
        rows = given[here].set_axis(pd.Index(scores["patient"][here]), axis=0)
        out[k] = rows.reindex(study.patient_ids).to_numpy()
    best = [kinds[c].high if kinds[c].better == "higher" else -kinds[c].low for c in codes]
    return out, np.array(best, dtype=float)
