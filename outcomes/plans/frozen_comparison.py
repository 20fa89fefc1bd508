"""How what was done differs from a frozen plan: every difference, in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outcomes.analyses.question import Analysis, from_dict
from outcomes.core.errors import AnalysisError
from outcomes.core.result import Result, Results
from outcomes.core.wording import spoken
from outcomes.plans.families import Family
from outcomes.plans.frozen import FrozenPlan, context_of
from outcomes.plans.plan import Plan, kinds
from outcomes.readers.study_form import ORDERED
from outcomes.study.study import Study

#: How the fields of questions are called in a deviation.
FIELDS = {
    "outcome": "score",
    "before": "visit before",
    "after": "visit after",
    "visit": "main visit",
    "visits": "visits",
    "baseline": "baseline visit",
    "adjust": "covariates",
    "by": "groups",
    "where": "patients let in",
    "level": "confidence level",
    "rules": "responder rules",
}
#: Fields that say nothing of what is computed.
WORDS_ONLY = ("label",)


@dataclass(frozen=True)
class Deviation:
    """One difference from the frozen plan: its kind, and in words what was planned and what was
    done.

    `kind` is primary moved, changed, dropped, not answered, added, family, estimand, score, design,
    plan file or replaced.
    """

    kind: str
    text: str


def deviations(frozen: FrozenPlan, study: Study, done: Results | Plan) -> tuple[Deviation, ...]:
    """Every difference between a frozen plan and what was asked (a plan) or done (results).

    Questions are matched by all that they say, then by method and score, then by role. A question
    that was done and not planned is "added", one that was planned and not done is "dropped".
    """
    asked = [r.analysis for r in done] if isinstance(done, Results) else list(done)
    ran = done.plan if isinstance(done, Results) else done
    now = ran if isinstance(ran, Plan) else Plan.of(study)
    pairs, dropped, added = _matched(study, list(frozen.plan), asked)
    out = [*_of_file(frozen)]
    out += _primary(study, list(frozen.plan), asked)
    for planned, made in pairs:
        if words := _changes(study, planned, made):
            out.append(Deviation("changed", f"Changed: {_title(study, planned)}: {words}."))
    out += [Deviation("dropped", f"Planned, not done: {_named(study, q)}.") for q in dropped]
    out += [Deviation("added", f"Done, not planned: {_named(study, q)}.") for q in added]
    if isinstance(done, Results):
        out += _unanswered(done, pairs)
    out += _families(frozen.plan, now, asked)
    if frozen.plan.estimand != now.estimand:
        then, today = frozen.plan.estimand.sentence(), now.estimand.sentence()
        text = (
            f"The estimand was declared as: {then or 'nothing.'} It is now: {today or 'nothing.'}"
        )
        out.append(Deviation("estimand", text))
    out += _context(frozen.context, context_of(study, frozen.plan))
    return tuple(out)


def _of_file(frozen: FrozenPlan) -> Iterator[Deviation]:
    if not frozen.intact:
        yield Deviation(
            "plan file",
            "The frozen plan itself, or its date, was changed after it was frozen: it no longer has"
            " the digest written in it.",
        )
    for gone in frozen.earlier:
        yield Deviation(
            "replaced",
            f"An earlier plan, frozen on {gone.get('date', 'an unknown date')}, was replaced by"
            f" this one: {str(gone.get('reason', 'no reason given')).rstrip('.')}.",
        )


def _primary(
    study: Study, planned: Sequence[Analysis], asked: Sequence[Analysis]
) -> Iterator[Deviation]:
    """Whether another question is primary than planned: another score, method or visit."""
    then = [q for q in planned if q.role == "primary"]
    today = [q for q in asked if q.role == "primary"]
    if sorted(_key(study, q) for q in then) != sorted(_key(study, q) for q in today):
        was = "; ".join(_title(study, q) for q in then) or "none"
        is_ = "; ".join(_title(study, q) for q in today) or "none"
        yield Deviation(
            "primary moved", f"The primary question moved. Planned: {was}. Done: {is_}."
        )


def _key(study: Study, question: Analysis) -> str:
    """Method, score and visits of a question: what makes it the same primary question."""
    plain = _plain(study, question)
    kept = ("method", "outcome", "before", "after", "visit", "analysis")
    return repr(sorted((k, repr(v)) for k, v in plain.items() if k in kept))


def _matched(
    study: Study, planned: list[Analysis], asked: list[Analysis]
) -> tuple[list[tuple[Analysis, Analysis]], list[Analysis], list[Analysis]]:
    """Pairs of a planned and a done question, and those without a partner; alike ones first."""
    pairs, left, free = [], list(planned), list(asked)
    tests = (
        lambda a, b: a == b,
        lambda a, b: _without(a, "role", "family") == _without(b, "role", "family"),
        lambda a, b: _same(a, b, "method", "outcome", "role", "after", "analysis"),
        lambda a, b: _same(a, b, "method", "outcome", "role", "analysis"),
        lambda a, b: _same(a, b, "method", "outcome", "analysis"),
        lambda a, b: a.get("role") == "primary" and _same(a, b, "role", "outcome"),
        lambda a, b: a.get("role") == "primary" and _same(a, b, "role", "method"),
        lambda a, b: _same(a, b, "method", "role", "family") and not a.get("family"),
    )
    plain = {id(q): _plain(study, q) for q in (*planned, *asked)}
    for alike in tests:
        for q in list(left):
            partner = next((p for p in free if alike(plain[id(q)], plain[id(p)])), None)
            if partner is not None:
                pairs.append((q, partner))
                left = [x for x in left if x is not q]
                free = [x for x in free if x is not partner]
    order = {id(q): i for i, q in enumerate(planned)}
    return sorted(pairs, key=lambda pair: order[id(pair[0])]), left, free


def _plain(study: Study, question: Analysis) -> dict[str, Any]:
    """A question as plain data, its scores by their full names, without its label."""
    return {k: v for k, v in _resolved(study, question.to_dict()).items() if k not in WORDS_ONLY}


def _resolved(study: Study, entry: Any) -> Any:
    if isinstance(entry, list | tuple):
        return [_resolved(study, e) for e in entry]
    if not isinstance(entry, Mapping):
        return entry
    out = {k: _resolved(study, v) for k, v in entry.items()}
    if isinstance(out.get("outcome"), str) and out["outcome"]:
        with contextlib.suppress(AnalysisError):  # a score that is gone keeps its name
            out["outcome"] = study.outcome(out["outcome"]).name
    return out


def _without(plain: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    return {k: v for k, v in plain.items() if k not in fields}


def _same(a: Mapping[str, Any], b: Mapping[str, Any], *fields: str) -> bool:
    return all(a.get(f) == b.get(f) for f in fields)


def _changes(study: Study, planned: Analysis, made: Analysis) -> str:
    """'visit after: week 4 planned, week 12 done; …'; empty where nothing differs."""
    then, today = _plain(study, planned), _plain(study, made)
    fields = dict.fromkeys((*then, *today))
    return "; ".join(
        f"{FIELDS.get(f, spoken(f))}: {_shown(study, planned, f, then)} planned,"
        f" {_shown(study, made, f, today)} done"
        for f in fields
        if then.get(f) != today.get(f)
    )


def _shown(study: Study, question: Analysis, field: str, plain: Mapping[str, Any]) -> str:
    value = plain.get(field, getattr(question, field, ""))
    if isinstance(value, Mapping):
        return _title(study, from_dict(value, kinds=kinds())) if "method" in value else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(spoken(str(v)) for v in value) or "none"
    if field == "method":
        kind = kinds().get(str(value))
        return kind.short if kind else str(value)
    if field == "outcome" and value:
        return _score(study, str(value))
    return spoken(str(value)) if str(value) else "none"


def _score(study: Study, name: str) -> str:
    try:
        return study.outcome(name).title
    except AnalysisError:
        return spoken(name)


def _title(study: Study, question: Analysis) -> str:
    name = str(getattr(question, "outcome", "") or "")
    try:
        return question.title(study.outcome(name) if name else None)
    except AnalysisError:
        return question.title()


def _named(study: Study, question: Analysis) -> str:
    return f"{_title(study, question)} ({question.role})"


def _unanswered(
    results: Results, pairs: Sequence[tuple[Analysis, Analysis]]
) -> Iterator[Deviation]:
    made = {id(p) for _, p in pairs}
    failed: list[Result] = [r for r in results.failed if id(r.analysis) in made]
    for r in failed:
        title = r.analysis.title(r.outcome)
        yield Deviation("not answered", f"Planned, not answered: {title}: {r.failed}")


def _families(then: Plan, now: Plan, asked: Sequence[Analysis]) -> Iterator[Deviation]:
    """Families adjusted otherwise, gone or new; and the order of their questions where it
    matters.
    """
    planned, today = dict(then.families), dict(now.families)
    for name in dict.fromkeys((*planned, *today)):
        a, b = planned.get(name), today.get(name)
        if a != b:
            text = f"The family {name}: {_adjusted(a)} planned, {_adjusted(b)} done."
            yield Deviation("family", text)
        elif a is not None and a.adjust in ORDERED:
            order = [q.to_dict() for q in then if q.family == name]
            if order != [q.to_dict() for q in asked if q.family == name]:
                text = f"The family {name}: its questions are not in the order that was planned."
                yield Deviation("family", text)


def _adjusted(family: Family | None) -> str:
    if family is None:
        return "no such family"
    return ", ".join(f"{k} {v}" for k, v in family.to_dict().items())


def _context(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Deviation]:
    """Visits, design and the meaning of scores that are not as they were."""
    for field in ("design", "baseline", "visits"):
        a, b = then.get(field), now.get(field)
        if a != b:
            text = f"The {field}: {_listed(a)} when the plan was frozen, {_listed(b)} now."
            yield Deviation("design", text)
    before, after = then.get("scores", {}), now.get("scores", {})
    for name, meaning in before.items():
        title = meaning.get("title", name)
        if name not in after:
            text = f"The score {title} was planned and is not in the study any more."
            yield Deviation("score", text)
            continue
        for field in dict.fromkeys((*meaning, *after[name])):
            a, b = meaning.get(field), after[name].get(field)
            if a != b:
                text = (
                    f"The score {title}: {spoken(field)} {_listed(a)} when the plan was frozen,"
                    f" {_listed(b)} now."
                )
                yield Deviation("score", text)


def _listed(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(spoken(str(v)) for v in value)
    return "not said" if value is None else str(value)
