"""Scoring: a small vocabulary of rules, applied to whole columns at once.

A rule gathers its parts (items, or scores before it), fills blanks where `blank` says what a blank
counts as, turns `reverse` items round, applies `recode` and `weights`, and then combines:

- `sum`, `mean`: of the answered parts when `at_least` of them are answered (default: all); a sum is
  the mean × the number of parts
- `max`: the largest answered part
- `count`: how many answered parts are at or above `edge`
- `criteria`: 1 when every criterion has enough parts at or above a value (or at or below it), else
  0; all must be answered
- `function`: one named function of `codes`

then `× factor + offset`, `cuts` (how many cut points the value is above), `table` (look-up with
standard error, `round_up` first).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from outcomes.core.errors import InstrumentError, unknown
from outcomes.questionnaires.answers import Array, Part, Problem, answers, columns
from outcomes.questionnaires.scoring_functions import FUNCTIONS, WHOLE

if TYPE_CHECKING:
    from outcomes.questionnaires.model import Instrument, Item, Option, Rule, Score, Scored

#: Rows worked on at once: their columns fit into the cache of the machines clinics have.
BLOCK = 1 << 16


@dataclass(frozen=True, eq=False)
class Step:
    """A score that these columns allow: its rule, what it is made of, and the range of each
    part.
    """

    score: Score
    rule: Rule
    ranges: tuple[Item | Score, ...]
    given: bool = False


def score(
    kind: Instrument, items: pd.DataFrame, *, strict: bool, options: Mapping[str, Any]
) -> Scored:
    """All scores that these columns allow: see `Instrument.score`. Rows are worked through in
    blocks that fit the cache.
    """
    from outcomes.questionnaires.model import Scored

    scores, choices, notes = _chosen(kind, dict(options))
    given = columns(kind, items)
    steps, absent = _steps(kind, scores, given, strict)
    notes += [
        f"{kind.title}, {t.score.title}: unverified, {t.score.unverified}"
        for t in steps
        if t.score.unverified
    ]
    names = [
        n
        for t in steps
        for n in ([t.score.name, f"{t.score.name}_se"] if _has_se(t.rule) else [t.score.name])
    ]
    values = np.empty((len(names), len(items)))
    prorated = np.zeros((len(steps), len(items)), dtype=np.int16)
    flags = {f.name: np.empty(len(items)) for f in kind.flags if f.item in given}
    problems: list[Problem] = []
    for start in range(0, len(items), BLOCK):
        rows = slice(start, start + BLOCK)
        parts, wrong = answers(kind, {c: x[rows] for c, x in given.items()}, choices)
        at = 0
        for k, step in enumerate(steps):
            part = parts[step.score.name] if step.given else _apply(step, parts, strict, choices)
            parts.setdefault(step.score.name, part)
            values[at, rows] = part.values
            at += 1
            if _has_se(step.rule):
                values[at, rows] = part.se
                at += 1
            if part.filled is not None:
                prorated[k, rows] = part.filled
        for f in kind.flags:
            if f.name in flags:
                flags[f.name][rows] = _flag(parts[f.item].values, f.at_least)
        problems += [(start + r, code, what) for r, code, what in wrong]
    for k, step in enumerate(steps):
        if step.score.unverified_prorating and prorated[k].any():
            notes.append(
                f"{kind.title}, {step.score.title}: unverified, {step.score.unverified_prorating}"
            )
    return Scored(
        pd.DataFrame(values.T, columns=names, copy=False),
        pd.DataFrame(prorated.T, columns=[t.score.name for t in steps], copy=False),
        tuple(problems),
        absent,
        pd.DataFrame(flags, index=range(len(items))),
        tuple(dict.fromkeys(notes)),
    )


def _steps(
    kind: Instrument, scores: Sequence[Score], given: Mapping[str, Array], strict: bool
) -> tuple[list[Step], dict[str, tuple[str, ...]]]:
    """The scores that can be made, in order, and those that cannot with what they lack."""
    items = {i.code: i for i in kind.items}
    made: dict[str, Score] = {}
    steps, absent = [], {}
    for s in scores:
        of = tuple(c for c in s.rule.of if c in made or c in given)
        lacking = tuple(c for c in s.rule.of if c not in of)
        if of and (not lacking or (s.rule.partial and not strict)):
            rule = dataclasses.replace(s.rule, of=of) if lacking else s.rule
            steps.append(Step(s, rule, tuple(items[c] if c in items else kind.get(c) for c in of)))
            made[s.name] = s
        elif s.name in given and s.name not in items:
            steps.append(Step(s, dataclasses.replace(s.rule, table=None), (), given=True))
            made[s.name] = s
        else:
            absent[s.name] = lacking
    return steps, absent


def _has_se(rule: Rule) -> bool:
    return rule.table is not None and rule.table.se is not None


# --- options --------------------------------------------------------------------------------------


def _chosen(
    kind: Instrument, options: dict[str, Any]
) -> tuple[list[Score], dict[str, Any], list[str]]:
    """The scores with what the options change in their rules, the choices made, and notes on what
    was declared.
    """
    choices: dict[str, Any] = {
        "reverse": tuple(options.pop("reverse", ())),
        "shift": float(options.pop("shift", 0)),
    }
    notes = []
    if choices["reverse"]:
        for code in choices["reverse"]:
            kind.item(code)
        notes.append(
            f"items {', '.join(choices['reverse'])} turned round before scoring, as declared"
        )
    if choices["shift"]:
        notes.append(f"{choices['shift']:+g} added to every answer before scoring, as declared")
    scores = list(kind.scores)
    for option in kind.options:
        chosen = _choice(kind, option, options.pop(option.name, option.default))
        choices[option.name] = chosen
        if chosen != option.default:
            source = option.sources.get(chosen, "")
            notes.append(f"{option.title}: {chosen}" + (f" ({source})" if source else ""))
        changes = option.changes.get(chosen, {})
        scores = [dataclasses.replace(s, rule=changes.get(s.name, s.rule)) for s in scores]
    if options:
        known = [o.name for o in kind.options]
        raise InstrumentError(
            f"{kind.title}: {unknown('option', next(iter(options)), [*known, 'reverse', 'shift'])}"
        )
    return scores, choices, notes


def _choice(kind: Instrument, option: Option, chosen: Any) -> str:
    text = str(chosen)
    if text in option.choices:
        return text
    if text in option.aliases:
        return option.aliases[text]
    listed = option.listed or option.choices
    if not text:
        raise InstrumentError(
            f"{kind.title} needs {option.name} ({option.title}). There is: {', '.join(listed)}."
        )
    raise InstrumentError(f"{kind.title}: {unknown(option.name, text, listed)}")


def _flag(x: Array, at_least: float) -> Array:
    return np.where(np.isnan(x), np.nan, (x >= at_least).astype(float))


# --- rules ----------------------------------------------------------------------------------------


def _apply(step: Step, parts: Mapping[str, Part], strict: bool, choices: Mapping[str, Any]) -> Part:
    rule = step.rule
    mine = [parts[c] for c in rule.of]
    refused = _any([p.refused for p in mine])
    full = all(p.full for p in mine)
    columns = _prepared(rule, mine, step.ranges, strict, full)
    whole = all(x.dtype.kind == "i" for x in columns)
    blank = None if full or not whole else _any([p.blank for p in mine])
    filled = None
    if rule.kind == "function":
        value = FUNCTIONS[rule.function](dict(zip(rule.of, columns)), choices)
    elif rule.kind == "criteria":
        value = _criteria(rule, dict(zip(rule.of, columns)))
    else:
        value, filled = _combined(rule, columns, strict, (full or whole) and not rule.recode)
    certain = rule.table is None and whole and blank is None
    value, se = _finished(rule, value)
    if blank is not None:  # a new array of _finished: nobody else holds it
        value[blank] = np.nan
        if se is not None:
            se[blank] = np.nan
    if refused is not None:
        value = np.where(refused, np.nan, value)
        se = None if se is None else np.where(refused, np.nan, se)
    filled = _total([*(p.filled for p in mine), filled])
    if filled is not None:
        filled = np.where(np.isnan(value), 0, filled)
    return Part(value, certain or not np.isnan(value).any(), None, refused, filled, se)


def _prepared(
    rule: Rule, parts: Sequence[Part], ranges: Sequence[Any], strict: bool, full: bool
) -> list[Array]:
    """The columns filled, turned round, recoded and weighted; whole numbers where that is all there
    is to do.
    """
    plain = rule.kind in ("sum", "mean", "max") or rule.function in WHOLE
    every = rule.kind != "max" and (strict or rule.at_least in (0, len(parts)))
    usable = full or (rule.kind in ("sum", "mean") and every and rule.blank != rule.blank)
    if (
        plain
        and usable
        and not (rule.reverse or rule.recode or rule.weights)
        and all(p.small is not None for p in parts)
    ):
        return [p.small for p in parts if p.small is not None]
    out = [p.values.astype(float, copy=False) for p in parts]
    if rule.blank == rule.blank and not strict and not full:
        some = np.logical_or.reduce([~np.isnan(x) for x in out])
        chosen = rule.blank_items or rule.of
        out = [
            np.where(np.isnan(x) & some, rule.blank, x) if c in chosen else x
            for c, x in zip(rule.of, out)
        ]
    for k, (code, x) in enumerate(zip(rule.of, out)):
        if code in rule.reverse:
            x = ranges[k].low + ranges[k].high - x
        if code in rule.recode:
            x = _looked_up(x - ranges[k].low, (rule.recode[code],))[0]
        if rule.weights:
            x = x * rule.weights[k]
        out[k] = x
    return out


def _combined(
    rule: Rule, columns: Sequence[Array], strict: bool, full: bool
) -> tuple[Array, Array | None]:
    """The sum, mean or maximum of the answered parts, and how many were filled in (None: none
    anywhere).
    """
    k = len(columns)
    if rule.kind == "count":
        columns = [np.where(np.isnan(x), np.nan, (x >= rule.edge).astype(float)) for x in columns]
    if full:
        total = columns[0].copy()
        for x in columns[1:]:
            (np.maximum if rule.kind == "max" else np.add)(total, x, out=total)
        return (total / k if rule.kind == "mean" else total), None
    start = -np.inf if rule.kind == "max" else 0.0
    total, n = np.full(len(columns[0]), start), np.zeros(len(columns[0]), dtype=np.int16)
    for x in columns:
        gone = np.isnan(x)
        n += ~gone
        (np.maximum if rule.kind == "max" else np.add)(total, np.where(gone, start, x), out=total)
    enough = n >= (k if strict or not rule.at_least else rule.at_least)
    safe = np.maximum(n, 1)
    value = {"sum": total * (k / safe), "mean": total / safe}.get(rule.kind, total)
    filled = k - n if rule.kind in ("sum", "mean") else None
    return np.where(enough & (n > 0), value, np.nan), filled


def _criteria(rule: Rule, columns: Mapping[str, Array]) -> Array:
    met: Any = True
    known: Any = True
    for c in rule.criteria:
        cut = c.get("at_least", c.get("at_most"))
        cuts = cut if isinstance(cut, (list, tuple)) else [cut] * len(c["of"])
        hits = 0
        for name, edge in zip(c["of"], cuts):
            x = columns[name]
            known = known & ~np.isnan(x)
            hits = hits + ((x >= edge) if "at_least" in c else (x <= edge)).astype(np.int8)
        met = met & (hits >= c.get("count", 1))
    return np.where(known, np.asarray(met, dtype=float), np.nan)


def _finished(rule: Rule, value: Array) -> tuple[Array, Array | None]:
    if rule.factor != 1.0:
        value = value * rule.factor
    if rule.offset:
        value = value + rule.offset
    if rule.cuts:
        place = np.searchsorted(np.asarray(rule.cuts), np.round(value, 9), side="left")
        value = np.where(np.isnan(value), np.nan, place)
    if rule.table is None:
        return value.astype(float, copy=False), None
    raw = np.ceil(np.round(value, 9)) if rule.round_up else value
    tables = (rule.table.values,) if rule.table.se is None else (rule.table.values, rule.table.se)
    score, *se = _looked_up(raw - int(rule.table.first), tables)
    return score, (se[0] if se else None)


def _looked_up(place: Array, tables: Sequence[Array]) -> list[Array]:
    """Each table at these places; nan where the place is missing, outside the table or between two
    entries.
    """
    end = len(tables[0])
    if place.dtype.kind == "i" and place.min(initial=0) >= 0 and place.max(initial=0) < end:
        at = place.astype(np.intp)
        return [t.take(at) for t in tables]
    good = (place >= 0) & (place < end) & (np.rint(place) == place)
    at = np.where(good, place, 0).astype(np.intp)
    return [np.where(good, t.take(at), np.nan) for t in tables]


def _any(masks: Sequence[Array | None]) -> Array | None:
    there = [m for m in masks if m is not None]
    return np.logical_or.reduce(there) if there else None


def _total(counts: Sequence[Array | None]) -> Array | None:
    there = [c for c in counts if c is not None]
    return np.add.reduce(there) if there else None
