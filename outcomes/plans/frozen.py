"""A plan written down before the answers are seen, with its date and digest."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Date
from pathlib import Path
from typing import Any

from outcomes import __version__
from outcomes.config import atomic, toml
from outcomes.core.errors import AnalysisError, StudyError
from outcomes.plans.plan import Plan
from outcomes.readers.studyfile import FROZEN, frozen_file
from outcomes.study.study import Study

#: What is written above the plan, for people.
HEAD = (
    "# A plan frozen by `outcomes plan freeze`. Do not change it: reports compare what was done"
    " with it,\n# and its digest shows whether it is as it was.\n\n"
)
#: What a score means, as far as a plan rests on it.
MEANING = ("title", "better", "low", "high", "resolution", "instrument")


@dataclass(frozen=True)
class FrozenPlan:
    """A plan as it was frozen: its date, what it rests on, and earlier frozen plans it replaced.

    `context` has the design, the visits, the baseline and what each planned score means. `declared`
    is the digest in the file; `intact` says whether the plan still has it.
    """

    plan: Plan
    date: str
    context: Mapping[str, Any]
    declared: str = ""
    version: str = ""
    earlier: tuple[Mapping[str, Any], ...] = ()

    @property
    def content(self) -> list[Any]:
        """The questions, families, estimand and context as plain data."""
        families = {name: family.to_dict() for name, family in self.plan.families}
        return [self.plan.to_list(), families, self.plan.estimand.to_dict(), self.context]

    @property
    def digest(self) -> str:
        """SHA-256 of the plan, of its date and of the earlier plans that it replaced."""
        plain = [self.content, self.date, [dict(gone) for gone in self.earlier]]
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    @property
    def intact(self) -> bool:
        """Whether plan, date and earlier plans are those that were frozen."""
        return self.digest == (self.declared or self.digest)

    def to_toml(self) -> str:
        """The file: [frozen], [context], [scores], earlier plans, and the plan itself."""
        head: dict[str, Any] = {"date": self.date, "digest": self.digest, "outcomes": __version__}
        context = {k: v for k, v in self.context.items() if k != "scores"}
        said: dict[str, Any] = {"frozen": head, "context": context}
        said["scores"] = self.context.get("scores", {})
        if self.earlier:
            said["earlier"] = list(self.earlier)
        return f"{HEAD}{toml.dumps({k: v for k, v in said.items() if v})}\n{self.plan.to_toml()}"


def freeze(
    study: Study, path: str | Path, *, date: str = "", plan: Plan | None = None, replace: str = ""
) -> FrozenPlan:
    """Write the plan of a study (its study file's, unless `plan` is given) with date and digest.

    `date` is today's where none is given. A frozen plan that is there already stays: the same plan
    is not frozen twice, another one is refused unless `replace` says why; the digest, date and
    reason then stay in the file, and reports say them.

    Raises StudyError for an empty plan, or where another plan was frozen already.

    >>> import pandas as pd, tempfile, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabb"), "visit": ["pre", "post"] * 2, "pain": [7.0, 5, 6, 5]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> plan = oc.Plan(oc.PairedT("pain", before="pre", after="post", role="primary"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = freeze(study, f"{folder}/study.plan.toml", plan=plan, date="2026-01-15")
    >>> made.date, len(made.digest), made.intact
    ('2026-01-15', 64, True)
    """
    plan, target = Plan.of(study) if plan is None else plan, Path(path)
    if not len(plan):
        raise StudyError("The study has no [[analysis]]: there is no plan to freeze.")
    made = FrozenPlan(plan, date or Date.today().isoformat(), context_of(study, plan))
    if target.exists():
        there = read(target)
        if there.content == made.content and there.intact:
            return there
        if not replace.strip():
            raise StudyError(
                f"{target.name} holds another plan, frozen on {there.date}. It stays as it is, and"
                " reports list how the present plan differs. To freeze the present one instead,"
                " say why: --replace REASON."
            )
        gone = {"date": there.date, "digest": there.declared or there.digest, "reason": replace}
        made = FrozenPlan(plan, made.date, made.context, earlier=(*there.earlier, gone))
    atomic.write(target, made.to_toml())
    return made


def read(source: str | Path) -> FrozenPlan:
    """A frozen plan from its file, or from its text. Raises AnalysisError for a file that is
    none.
    """
    if isinstance(source, Path) or "\n" not in str(source):
        said: Mapping[str, Any] = toml.read(source, what="frozen plan")[0].data
    else:
        said = toml.parse(str(source), "The frozen plan").data
    head = said.get("frozen")
    if not isinstance(head, Mapping) or not {"date", "digest"} <= set(head):
        raise AnalysisError(
            "This is no frozen plan: [frozen] has no date and digest. `outcomes plan freeze"
            " STUDY.toml` writes one."
        )
    plan = Plan.from_list(said.get("analysis", []), said.get("families", {}), said.get("estimand"))
    context = {**_tables(said, "context"), "scores": _tables(said, "scores", within=True)}
    return FrozenPlan(
        plan,
        str(head["date"]),
        context,
        declared=str(head["digest"]),
        version=str(head.get("outcomes", "")),
        earlier=tuple(said.get("earlier", ())),
    )


def _tables(said: Mapping[str, Any], name: str, *, within: bool = False) -> Mapping[str, Any]:
    """A table of the file, of tables if `within`. Raises AnalysisError where it is something
    else.
    """
    made = said.get(name, {})
    if not isinstance(made, Mapping) or (
        within and not all(isinstance(v, Mapping) for v in made.values())
    ):
        raise AnalysisError(
            f"The frozen plan is damaged: [{name}] is not as it was written. Restore the file from"
            " a backup."
        )
    return made


def frozen_plan(study: Study) -> FrozenPlan | None:
    """The frozen plan beside a study's file, or None where none was frozen."""
    text = study.settings.get(FROZEN)
    return read(f"{text}\n") if text else None


def with_frozen(study: Study, path: str | Path) -> Study:
    """A study made in Python with the frozen plan in a file, so that its reports list
    deviations.
    """

    text = toml.read(path, what="frozen plan")[0].text
    return study.with_settings({FROZEN: text})


def context_of(study: Study, plan: Plan) -> dict[str, Any]:
    """What a plan rests on: design, visits, and what each planned score means and how it is
    scored.
    """
    names = {n for q in plan for n in scores_of(study, q.to_dict())}
    how = {use.kind.id: use.options for use in study.uses}
    scores: dict[str, dict[str, Any]] = {}
    for name in sorted(names):
        outcome = study.outcome(name)
        meaning = {f: getattr(outcome, f) for f in MEANING}
        options = {k: _plain(v) for k, v in how.get(outcome.instrument, {}).items()}
        kept = {k: v for k, v in meaning.items() if v != "" and v == v and v not in _ENDLESS}
        scores[name] = kept | ({"options": options} if options else {})
    return {
        "design": study.design,
        "visits": list(study.visits),
        "baseline": study.baseline,
        "scores": scores,
    }


_ENDLESS = (math.inf, -math.inf)


def scores_of(study: Study, entry: Any) -> list[str]:
    """The scores that a question as plain data is about, by their full names; of questions within
    it too.
    """
    found = []
    if isinstance(entry, list | tuple):
        return [n for e in entry for n in scores_of(study, e)]
    if not isinstance(entry, Mapping):
        return []
    for field in ("outcome", "outcomes", "anchor"):
        said = entry.get(field, "")
        for name in said if isinstance(said, list | tuple) else [said]:
            try:
                found += [study.outcome(str(name)).name] if name else []
            except AnalysisError:
                continue  # a score that the study does not have
    return found + [n for v in entry.values() for n in scores_of(study, v)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


__all__ = ["FrozenPlan", "freeze", "frozen_file", "frozen_plan", "read", "with_frozen"]
