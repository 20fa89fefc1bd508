"""A plan is a tuple of questions: the same in Python, in TOML, and in the methods section of the
report.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from outcomes.analyses import load
from outcomes.analyses.question import Analysis, from_dict, questions, unanswered
from outcomes.config import toml
from outcomes.core.errors import AnalysisError, OutcomesError
from outcomes.core.result import Result, Results, main_test, with_adjusted
from outcomes.core.wording import spoken
from outcomes.plans.estimand import Estimand
from outcomes.plans.families import Family, adjust_all, checked, in_words
from outcomes.plans.intercurrent import carry_out
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import Facts

#: Questions that are re-run in another way, not tests of their own: no multiplicity adjustment.
UNADJUSTED = ("sensitivity",)


@dataclass(frozen=True, init=False)
class Plan:
    """Questions in order. `Plan(a, b)`; `plan.run(study)` answers all of them.

    p-values of questions that share a `family` are adjusted over the main p-value of each (its
    first, at its main visit), by Holm's method unless `families` declares another (see `Family`):
    ``Plan(..., families={"sleep": "BH"})``. Raw and adjusted values are both kept; sensitivity
    analyses are left out of that. `estimand` says what is estimated (see `Estimand`) and is printed
    with every result.
    """

    questions: tuple[Analysis, ...]
    families: tuple[tuple[str, Family], ...]
    estimand: Estimand

    def __init__(
        self,
        *questions: Analysis | Iterable[Analysis],
        families: Mapping[str, Any] | None = None,
        estimand: Any = None,
    ) -> None:
        flat: list[Analysis] = []
        for q in questions:
            flat.extend([q] if isinstance(q, Analysis) else q)
        wrong = [type(q).__name__ for q in flat if not isinstance(q, Analysis)]
        if wrong:
            raise AnalysisError(f"A plan holds questions such as PairedT(...), not {wrong[0]}.")
        object.__setattr__(self, "questions", tuple(flat))
        used = [q.family for q in flat if q.family and q.role not in UNADJUSTED]
        object.__setattr__(self, "families", tuple(checked(families or {}, used).items()))
        object.__setattr__(self, "estimand", Estimand.of(estimand or {}))

    def __iter__(self) -> Iterator[Analysis]:
        return iter(self.questions)

    def __len__(self) -> int:
        return len(self.questions)

    def __add__(self, other: Plan) -> Plan:
        families = dict(self.families) | dict(other.families)
        estimand = self.estimand if self.estimand != Estimand() else other.estimand
        return Plan(self.questions, other.questions, families=families, estimand=estimand)

    def run(
        self,
        study: Study | PartitionedStudy,
        *,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> Results:
        """Answer every question; one that fails becomes a visible result that says why, and the
        others go on. What all of them need of a study in parts is summed in one pass.
        """
        if isinstance(study, PartitionedStudy):
            asked = [q.sums(study) for q in self.questions]
            study.gather([Facts(), *(need for need in asked if need is not None)])
        else:
            study = study.ready
        answered: list[Result] = []
        for i, question in enumerate(self.questions):
            if progress:
                progress(i, len(self.questions), question.title())
            answered.append(self._with_estimand(self._answered(question, study)))
        if progress:
            progress(len(self.questions), len(self.questions), "")
        families = dict(self.families)
        return Results(_with_families(answered, families), study, in_words(families), self)

    def _answered(self, question: Analysis, study: Study | PartitionedStudy) -> Result:
        """The answer from the study as the strategies for intercurrent events have it."""
        if isinstance(study, PartitionedStudy):
            if self.estimand.events:
                why = (
                    "strategies for intercurrent events are carried out on a whole study only. Read"
                    " it without [engine]."
                )
                return unanswered(question, study, why)
            return _answer(question, study)
        try:
            carried = carry_out(self.estimand, question, study)
        except AnalysisError as e:
            return unanswered(question, study, str(e))
        return replace(_answer(question, carried.study), intercurrent=carried.events)

    def _with_estimand(self, result: Result) -> Result:
        """The result with what it estimates in words; nothing where no estimand was declared."""
        if self.estimand == Estimand():
            return result
        q, outcome = result.analysis, result.outcome
        before, after = getattr(q, "before", ""), getattr(q, "after", "")
        when = f", {spoken(before)} to {spoken(after)}" if before and after else ""
        summary = result.estimates[0].name if result.estimates else ""
        estimand, only = self.estimand, getattr(q, "only", "")
        if only:  # asked among some patients only: another population
            estimand = replace(
                estimand,
                population=(
                    f"{estimand.population or 'all enrolled'}, of these only patients with {only}"
                ),
            )
        return replace(
            result, estimand=estimand.sentence(f"{outcome.title}{when}" if outcome else "", summary)
        )

    def to_list(self) -> list[dict[str, Any]]:
        """Plain data: one dictionary a question."""
        return [q.to_dict() for q in self.questions]

    @property
    def digest(self) -> str:
        """A hash of the plan: the same questions give the same digest."""
        plain = [
            self.to_list(),
            {name: family.to_dict() for name, family in self.families},
            self.estimand.to_dict(),
        ]
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]

    def to_toml(self) -> str:
        """The plan as `[families]`, `[estimand]` and `[[analysis]]` tables of a study file."""
        named = {name: family.to_dict() for name, family in self.families if family != Family()}
        said = {"families": named, "estimand": self.estimand.to_dict(), "analysis": self.to_list()}
        return toml.dumps({section: content for section, content in said.items() if content})

    @classmethod
    def from_list(
        cls,
        entries: Iterable[Mapping[str, Any]],
        families: Mapping[str, Any] | None = None,
        estimand: Any = None,
    ) -> Plan:
        """A plan from plain data. Raises AnalysisError that names the entry, the field and what
        there is.
        """
        made = []
        for i, entry in enumerate(entries, 1):
            try:
                made.append(from_dict(entry, kinds=kinds()))
            except AnalysisError as e:
                raise AnalysisError(f"[[analysis]] number {i}: {e}") from None
            except TypeError:
                raise AnalysisError(
                    f"[[analysis]] number {i}: a field has a value of the wrong kind."
                ) from None
        return cls(made, families=families, estimand=estimand)

    @classmethod
    def from_toml(cls, source: str | Path) -> Plan:
        """A plan from TOML text, or from a file that has `[[analysis]]` tables (a study file,
        say).
        """
        if isinstance(source, Path) or "\n" not in str(source):
            said = toml.read(source, what="plan file")[0].data
        else:
            said = toml.parse(str(source), "The plan").data
        return cls.from_list(
            said.get("analysis", []), said.get("families", {}), said.get("estimand")
        )

    @classmethod
    def of(cls, study: Study | PartitionedStudy) -> Plan:
        """The plan that a study file declares."""
        study = study.like if isinstance(study, PartitionedStudy) else study
        said = study.protocol
        return study.once(
            "plan", lambda: cls.from_list(said.questions, said.families, said.estimand), either=True
        )


def kinds() -> dict[str, type[Analysis]]:
    """Every question, by name: the library's and those a user has defined."""
    load()
    return questions()


def _answer(question: Analysis, study: Study | PartitionedStudy) -> Result:
    try:
        return question.run(study)
    except OutcomesError as e:
        return unanswered(question, study, str(e))
    # a bug must not lose the report; its message may hold values, so only its kind is shown
    except Exception as e:
        return unanswered(
            question,
            study,
            f"internal error ({type(e).__name__}); please report it with the method's name.",
        )


def _with_families(results: list[Result], families: Mapping[str, Family]) -> tuple[Result, ...]:
    """The results with the main p-value of each question adjusted within its family; a failed
    question has none.
    """
    members: dict[str, list[tuple[int, int]]] = {name: [] for name in families}
    for i, r in enumerate(results):
        if r.analysis.family in families and r.analysis.role not in UNADJUSTED:
            members[r.analysis.family].append((i, main_test(r)))
    raw = {
        name: [results[i].estimates[j].p if j >= 0 else math.nan for i, j in at]
        for name, at in members.items()
    }
    out = list(results)
    for name, adjusted in adjust_all(families, raw).items():
        for (i, j), p in zip(members[name], adjusted, strict=True):
            if j >= 0:
                out[i] = with_adjusted(out[i], {j: p}, families[name].words(name))
    return tuple(out)
