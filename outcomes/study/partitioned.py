"""A study that is never held whole: its patients lie in parts, and questions are answered from sums
over the parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from outcomes.core.errors import AnalysisError, OutcomesError, unknown
from outcomes.core.outcome import Outcome
from outcomes.study.engines import Engine, Progress, SerialEngine
from outcomes.study.protocol import Protocol as StudyProtocol
from outcomes.study.record import Issue
from outcomes.study.repeated_sums import RepeatedScores
from outcomes.study.study import Study
from outcomes.study.sums import (
    Facts,
    IssuesOf,
    Need,
    PatientRows,
    PatientValues,
    StudyFacts,
    bare,
    hash_of,
)


class Part(Protocol):
    """Some of the patients of a study, whole."""

    def read(self) -> Study:
        """The study of these patients."""


@dataclass(frozen=True, eq=False)
class HeldPart:
    """A part that is in memory."""

    study: Study

    def read(self) -> Study:
        """The study of these patients."""
        return self.study


@dataclass(frozen=True)
class _Refused:
    """A sum that could not be made of some part, and why; added to anything it stays so."""

    why: str

    def __add__(self, other: object) -> _Refused:
        return self

    def __radd__(self, other: object) -> _Refused:
        return self


@dataclass(frozen=True)
class Sums:
    """What several needs come to, in their order; they add up one by one."""

    made: tuple[Any, ...]

    def __add__(self, other: Sums | _Unreadable) -> Sums | _Unreadable:
        if isinstance(other, _Unreadable):
            return other
        return Sums(tuple(a + b for a, b in zip(self.made, other.made, strict=True)))


@dataclass(frozen=True)
class _Unreadable:
    """Parts that could not be read, and why the first could not."""

    parts: tuple[Part, ...]
    why: OutcomesError

    def __add__(self, other: Sums | _Unreadable) -> _Unreadable:
        more = other.parts if isinstance(other, _Unreadable) else ()
        return replace(self, parts=(*self.parts, *more))

    def error(self) -> OutcomesError:
        """What reading all of them together raises: with every place, in the order of the files."""
        first, *others = self.parts[:_TOGETHER]
        if not others or not hasattr(first, "with_others"):
            return self.why
        try:
            first.with_others(others).read()
        except OutcomesError as why:
            left = len(self.parts) - _TOGETHER
            more = f" {left} more parts of the study have such cells." if left > 0 else ""
            return type(why)(f"{why}{more}") if more else why
        return self.why


#: No more parts than these are read together to say what is wrong with them.
_TOGETHER = 16


@dataclass(frozen=True)
class _Make:
    """Reads a part once and makes all that is needed of it."""

    needs: tuple[Need, ...]

    def __call__(self, part: Part) -> Sums | _Unreadable:
        try:
            study = part.read()
        except OutcomesError as why:
            return _Unreadable((part,), why)
        return Sums(tuple(_made(need, study) for need in self.needs))


def first_read(parts: Sequence[Part], engine: Engine) -> Study:
    """The study of the first part. Raises what reading the whole would, where it cannot be read."""
    try:
        return parts[0].read()
    except OutcomesError as why:
        found = engine.total(_Make(()), parts)
        raise (found.error() if isinstance(found, _Unreadable) else why) from None


def _made(need: Need, study: Study) -> Any:
    try:
        return need.of(study)
    except OutcomesError as wrong:
        return _Refused(str(wrong))


@dataclass(frozen=True, eq=False)
class PartitionedStudy:
    """A study in parts of whole patients. `Plan.run` and a question's `run` take it as they take a
    `Study`; what they need is summed over the parts by the engine and kept.

    `like` is a study with the same visits, scores and protocol (of any part). A question that does
    not say what it needs (`needs`) is refused in words.
    """

    parts: Sequence[Part]
    like: Study
    engine: Engine = field(default_factory=SerialEngine)
    progress: Progress | None = None
    _totals: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, study: Study, *, parts: int = 7, engine: Engine | None = None) -> PartitionedStudy:
        """A study divided into parts of whole patients, by a hash of their codes: how it is tested
        that an answer does not depend on the division.

        >>> import pandas as pd, outcomes as oc
        >>> scores = pd.DataFrame(
        ...     {"patient": list("aabb"), "visit": ["pre", "post"] * 2, "pain": [7.0, 5, 6, 3]}
        ... )
        >>> whole = oc.Study(
        ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain")}
        ... )
        >>> study = PartitionedStudy.of(whole, parts=2)
        >>> oc.PairedT("pain", before="pre", after="post").run(study)["mean change"].value
        -2.5
        """
        place = np.array([hash_of(str(p)) % parts for p in study.patient_ids], dtype=np.int64)
        rows = place[study.codes.patient]
        there = [i for i in range(parts) if (place == i).any()]
        divided = [HeldPart(study._of(rows == i, place == i)) for i in there]
        like = bare(study, 0)
        return cls(divided, like, engine or SerialEngine())

    # --- sums -------------------------------------------------------------------------------------

    def total(self, need: Need) -> Any:
        """One sum over all parts. Raises AnalysisError where a part cannot be counted."""
        self.gather([need])
        found = self._totals[need]
        if isinstance(found, _Refused):
            raise AnalysisError(found.why)
        return found

    def gather(self, needs: Iterable[Need]) -> None:
        """Make the sums that are not there yet, in one pass over the parts. Raises what reading the
        whole study would, where parts cannot be read.
        """
        wanted = tuple(dict.fromkeys(n for n in needs if n not in self._totals))
        if not wanted:
            return
        made = self.engine.total(_Make(wanted), self.parts, self.progress)
        if isinstance(made, _Unreadable):
            raise made.error()
        self._totals.update(zip(wanted, made.made, strict=True))

    def patients(self, need: PatientValues | PatientRows | RepeatedScores) -> Study:
        """The patients with what is needed of them, in an order that does not depend on the parts;
        or a study of their sums.

        Raises AnalysisError for an unknown characteristic.
        """
        if not isinstance(need, PatientRows):
            self.facts.refuse_unknown(need.characteristics)
        return self.total(need).study(self.like)  # type: ignore[no-any-return]

    # --- what is the same in every part -----------------------------------------------------------

    @property
    def facts(self) -> StudyFacts:
        """How many patients and rows there are, who was scored when, what is known of patients."""
        return self.total(Facts())  # type: ignore[no-any-return]

    @property
    def enrolled(self) -> int:
        """How many patients there are."""
        return self.facts.enrolled

    @property
    def visits(self) -> tuple[str, ...]:
        """The visits in order."""
        return self.like.visits

    @property
    def baseline(self) -> str:
        """The visit that the others are compared with."""
        return self.like.baseline

    @property
    def title(self) -> str:
        """What the study is called."""
        return self.like.title

    @property
    def design(self) -> str:
        """The design: `protocol.design`."""
        return self.like.design

    @property
    def protocol(self) -> StudyProtocol:
        """What was planned."""
        return self.like.protocol

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the study file says of reading and of the paper."""
        return self.like.settings

    @property
    def outcome_names(self) -> list[str]:
        """The scores questions can ask for."""
        return self.like.outcome_names

    def outcome(self, name: str) -> Outcome:
        """What a score means. Raises AnalysisError that lists what there is."""
        return self.like.outcome(name)

    def visit(self, name: str) -> str:
        """The visit's name, checked. Raises AnalysisError that lists what there is."""
        if name not in self.visits:
            raise AnalysisError(unknown("visit", name, self.visits))
        return name

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What reading and scoring found, in the files and in all parts."""
        return (*self.like.record.issues, *self.total(IssuesOf()).issues)

    @property
    def sources(self) -> tuple[Mapping[str, Any], ...]:
        """The files that were read."""
        return self.like.record.sources

    def asked_visits(self, outcome: str) -> tuple[str, ...]:
        """The visits at which anybody has this score."""
        seen = self.facts.seen[self.outcome(outcome).name]
        return tuple(v for v, n in zip(self.visits, seen, strict=True) if n)

    def __repr__(self) -> str:
        return f"<PartitionedStudy {self.title or 'untitled'}: {len(self.parts)} parts>"
