"""Which answers, or bands of a score, patients gave at each visit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.measurement.single_answers import answered, behind
from outcomes.analyses.question import Analysis
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import listed, share_of, spoken
from outcomes.questionnaires.model import Score
from outcomes.stats.proportions.single import wilson
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows

#: More different values than this are a score, not answers to choose from.
MOST = 11
WIDEST = 100


@dataclass(frozen=True)
class AnswersByVisit(Analysis):
    """Which answers, or which severity, did patients have at each visit?

    Counts and shares (Wilson's interval) of each answer among the patients who answered at the
    visit: of a rating with few answers (PGIC), of a score's severity bands where its questionnaire
    has bands (PHQ-9: minimal to severe), or, with `items=True`, of every single question behind a
    score (the profile of the EQ-5D). `by` shows groups apart. The best answer comes first.

    The patients who answered differ from visit to visit, so the shares are not compared.

    Raises AnalysisError for a score with more than eleven values and no bands, or without single
    answers.

    References: Wilson 1927 (doi 10.1080/01621459.1927.10502953); Devlin, Parkin & Janssen 2020,
    Methods for Analysing and Reporting EQ-5D Data, ch. 2 (doi 10.1007/978-3-030-47622-9).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabb"), "visit": ["w1", "w4"] * 2, "pgic": [3.0, 2, 4, 2]}
    ... )
    >>> pgic = oc.Outcome("pgic", "PGIC", "lower", "points", 1, 7, 1)
    >>> study = oc.Study(scores, visits=("w1", "w4"), measures={"pgic": pgic})
    >>> oc.AnswersByVisit("pgic").run(study)["answer 2 | w4"].value
    1.0
    """

    outcome: str
    _: KW_ONLY
    visits: tuple[str, ...] = ()
    by: str = ""
    items: bool = False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.RATINGS})
    short: ClassVar[str] = "answers at each visit"
    chapter: ClassVar[str] = "The course over time"
    comparative: ClassVar[bool] = True

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients",), items=self.items)

    def compute(self, study: Study) -> Result:
        outcome = study.outcome(self.outcome)
        visits = [study.visit(v) for v in self.visits] or list(study.visits)
        if study.scores.duplicated(["patient", "visit"]).any():
            raise AnalysisError(
                "Patients have several rows a visit (periods, episodes): choose one with"
                " study.where(…)."
            )
        scores = study.ready.scores
        asked = self._questions(study, outcome)
        groups = self._groups(study).reindex(scores["patient"]).to_numpy()
        known = pd.notna(groups) & scores["visit"].isin(visits).to_numpy()
        frames, seen = [], np.zeros(len(scores), bool)
        for question in asked:
            there = known & ~np.isnan(question.values)
            seen |= there
            frames.append(
                question.counted(scores["visit"].to_numpy()[there], groups[there], there, visits)
            )
        profile = pd.concat(frames, ignore_index=True)
        asked_at = profile.groupby("visit")["patients"].sum()
        profile = profile[profile["visit"].map(asked_at) > 0].reset_index(drop=True)
        who = set(scores["patient"].to_numpy()[seen])
        counts = Counts(study.enrolled, len(who), self._left(study, len(who)))
        several = len(asked) > 1
        estimates = tuple(self._estimates(profile, several))
        data = {"profile": profile}
        ends = {(q.answers[0], q.answers[-1]) for q in asked if q.ranked and len(q.answers) > 1}
        detail = AnswerOrder(next(iter(ends)) if len(ends) == 1 else ())
        return Result(
            self, estimates, counts, outcome, data=data, pictures=("profile",), detail=detail
        )

    def _groups(self, study: Study) -> pd.Series:
        if not self.by:
            return pd.Series("", index=study.patient_ids, dtype=object)
        known = study.characteristic(self.by)
        return known.where(known.isna(), known.astype(str))

    def _left(self, study: Study, seen: int) -> tuple[tuple[str, int], ...]:
        unknown = int(self._groups(study).isna().sum())
        left = (
            (f"no {spoken(self.by)} recorded", unknown),
            ("no answer at these visits", study.enrolled - seen - unknown),
        )
        return tuple((why, n) for why, n in left if n > 0)

    def _questions(self, study: Study, outcome: Outcome) -> list[_Question]:
        found = behind(study, outcome)
        if self.items:
            if found is None:
                raise AnalysisError(
                    f"{outcome.title} has no single answers: items=True needs a score of a"
                    " questionnaire whose questions were read."
                )
            use, score = found
            codes = [c for c in (score.rule.of or tuple(use.items)) if c in use.items]
            kinds = {i.code: i for i in use.kind.items}
            return [
                _Question.of_levels(kinds[c].title or f"question {c}", x, kinds[c].better)
                for c, x in answered(study, use, codes).items()
            ]
        values = study.ready.scores[outcome.name].to_numpy(float)
        here = np.unique(values[~np.isnan(values)])
        near = not len(here) or np.ptp(here) <= WIDEST
        if len(here) <= MOST and near and not (here % 1).any():
            return [_Question.of_levels("", values, outcome.better)]
        score_ = study.instrument(outcome.instrument).get(outcome.score) if outcome.score else None
        if score_ is None or not score_.bands:
            raise AnalysisError(
                f"{outcome.title} has more than {MOST} values, or values more than {WIDEST} apart,"
                " and no severity bands, so there are no answers to count. Course shows its means,"
                " Describe its distribution."
            )
        return [_Question.of_bands(values, score_, outcome.better)]

    def _estimates(self, profile: pd.DataFrame, several: bool) -> Iterator[Estimate]:
        for (question, group, visit), rows in profile.groupby(
            ["question", "group", "visit"], sort=False
        ):
            total = int(rows["patients"].sum())
            for answer, n in zip(rows["answer"], rows["patients"], strict=True):
                name = f"{question}: answer {answer}" if several else f"answer {answer}"
                e = wilson(int(n), total, level=self.level, name=name)
                place = Contrast(visit=str(visit), group=str(group))
                yield replace(
                    e,
                    visit=str(visit),
                    group=str(group),
                    place=place,
                    n=total,
                    how=f"{e.how}; {int(n)} of {total}",
                )

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        profile = result.data["profile"]
        if not result.counts.analysed:
            return f"No patient answered {result.outcome.title} at these visits."
        said = []
        for (question, group), rows in profile.groupby(["question", "group"], sort=False):
            seen = [v for v in dict.fromkeys(rows["visit"]) if _total(rows, v)]
            if not seen:
                continue
            at = [_most(rows, v) for v in ([seen[0], seen[-1]] if len(seen) > 1 else seen)]
            about = [str(question)] if question else []
            about += [spoken(str(group))] if group else []
            lead = f"{', '.join(about)}: " if about else ""
            said.append(f"{lead}{listed(at)}")
        best = result.told(AnswerOrder).ends
        order = f" Answers run from {best[0]} (best) to {best[1]}." if best else ""
        return f"Most frequent answers to {result.outcome.title}: {'; '.join(said)}.{order}"

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or the score and whether its single questions are shown."""
        if self.label or not self.items:
            return super().title(outcome)
        name = outcome.title if outcome else spoken(self.outcome)
        return f"{name}: answers to its questions at each visit"

    def methods_text(self) -> str:
        return (
            "Answers are counted among the patients who answered at each visit, with Wilson's"
            " interval of each share; visits are not compared by it."
        )


def _total(rows: pd.DataFrame, visit: str) -> int:
    return int(rows.loc[rows["visit"] == visit, "patients"].sum())


def _most(rows: pd.DataFrame, visit: str) -> str:
    here = rows[rows["visit"] == visit]
    top = here.iloc[int(np.argmax(here["patients"].to_numpy()))]
    return (
        f"{top['answer']} in {share_of(int(top['patients']), int(here['patients'].sum()))} at"
        f" {spoken(visit)}"
    )


@dataclass(frozen=True)
class AnswerOrder:
    """The best and the last answer; empty where no side is better or the questions differ."""

    ends: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Question:
    """One question: the code of each row's answer (nan: none), and what the codes mean, best
    first.
    """

    title: str
    values: np.ndarray
    answers: tuple[str, ...]
    ranked: bool

    @classmethod
    def of_levels(cls, title: str, values: np.ndarray, better: str) -> _Question:
        """Whole numbers: every one between the lowest and the highest that was given."""
        there = values[~np.isnan(values)]
        levels = np.arange(there.min(), there.max() + 1) if len(there) else np.array([])
        if better == "higher":
            levels = levels[::-1]
        codes = np.full(len(values), math.nan)
        for i, level in enumerate(levels):
            codes[values == level] = i
        return cls(title, codes, tuple(f"{v:.10g}" for v in levels), bool(better))

    @classmethod
    def of_bands(cls, values: np.ndarray, score: Score, better: str) -> _Question:
        """The severity bands of a score."""
        edges, labels = [b.low for b in score.bands], [b.label for b in score.bands]
        codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, None).astype(float)
        if better == "higher":
            codes, labels = len(labels) - 1 - codes, labels[::-1]
        return cls("", np.where(np.isnan(values), math.nan, codes), tuple(labels), bool(better))

    def counted(
        self, visit: np.ndarray, group: np.ndarray, there: np.ndarray, visits: list[str]
    ) -> pd.DataFrame:
        """The number of patients with each answer, group by group and visit by visit."""
        codes = self.values[there].astype(int)
        rows = [
            {
                "question": self.title,
                "group": g,
                "visit": v,
                "answer": answer,
                "patients": int(((group == g) & (visit == v) & (codes == i)).sum()),
            }
            for g in sorted(set(group))
            for v in visits
            for i, answer in enumerate(self.answers)
        ]
        return pd.DataFrame(rows, columns=["question", "group", "visit", "answer", "patients"])
