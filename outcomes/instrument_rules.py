"""Scoring: a small vocabulary of rules, applied to whole columns at once.

A rule gathers its parts (items, or scores before it), fills blanks where `blank` says what a blank counts as, turns `reverse`
items round, applies `recode`, `center`, `scale` and `weights`, and then combines:

- `sum`, `mean`: of the answered parts when `at_least` of them are answered (default: all); a sum is the mean × the number of parts
- `max`: the largest answered part
- `count`: how many answered parts are at or above `edge`
- `criteria`: 1 when every criterion has enough parts at or above a value (or at or below it), else 0; all must be answered
- `function`: one named function of `instrument_codes`

then `× factor + offset`, `cuts` (how many cut points the value is above), `table` (look-up with standard error, `round_up` first).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from outcomes.errors import InstrumentError, unknown
from outcomes.instrument_codes import FUNCTIONS

if TYPE_CHECKING:
    from outcomes.instrument import Instrument, Item, Option, Rule, Score, Scored

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Part:
    """A column on its way: values, whether all rows have one, which rows held a refused answer, how many blanks were filled."""

    values: Array
    full: bool
    refused: Array | None = None
    filled: Array | None = None
    se: Array | None = None


def score(kind: Instrument, items: pd.DataFrame, *, strict: bool, options: Mapping[str, Any]) -> Scored:
    """All scores that these columns allow: see `Instrument.score`."""
    from outcomes.instrument import Scored

    scores, choices, notes = _chosen(kind, dict(options))
    parts, problems = _answers(kind, items, choices)
    made: dict[str, Part] = {}
    absent: dict[str, tuple[str, ...]] = {}
    for s in scores:
        have = {**made, **parts}
        of = [c for c in s.rule.of if c in have]
        lacking = tuple(c for c in s.rule.of if c not in have)
        if (not lacking or (s.rule.partial and of)) and not (lacking and strict):
            rule = dataclasses.replace(s.rule, of=tuple(of)) if lacking else s.rule
            made[s.name] = _apply(rule, [have[c] for c in of], [_range(kind, c) for c in of], strict, choices)
            if s.unverified:
                notes.append(f"{kind.title}, {s.title}: unverified, {s.unverified}")
        elif s.name in items.columns and s.name not in parts:
            given, wrong = _column(items[s.name], s.name, s.low, s.high, 0)
            made[s.name] = given
            problems += wrong
        else:
            absent[s.name] = lacking
    flags = pd.DataFrame({f.name: _flag(parts[f.item].values, f.at_least) for f in kind.flags if f.item in parts})
    return Scored(*_frames(made, len(items)), tuple(problems), absent, flags, tuple(dict.fromkeys(notes)))


# --- options ------------------------------------------------------------------------------------------------------


def _chosen(kind: Instrument, options: dict[str, Any]) -> tuple[list[Score], dict[str, Any], list[str]]:
    """The scores with what the options change in their rules, the choices made, and notes on what was declared."""
    choices: dict[str, Any] = {"reverse": tuple(options.pop("reverse", ())), "shift": float(options.pop("shift", 0))}
    notes = []
    if choices["reverse"]:
        for code in choices["reverse"]:
            kind.item(code)
        notes.append(f"items {', '.join(choices['reverse'])} turned round before scoring, as declared")
    if choices["shift"]:
        notes.append(f"{choices['shift']:+g} added to every answer before scoring, as declared")
    scores = list(kind.scores)
    for option in kind.options:
        chosen = _choice(kind, option, options.pop(option.name, option.default))
        choices[option.name] = chosen
        if chosen != option.default:
            notes.append(f"{option.title}: {chosen}")
        changes = option.changes.get(chosen, {})
        scores = [dataclasses.replace(s, rule=changes.get(s.name, s.rule)) for s in scores]
    if options:
        known = [o.name for o in kind.options]
        raise InstrumentError(f"{kind.title}: {unknown('option', next(iter(options)), [*known, 'reverse', 'shift'])}")
    return scores, choices, notes


def _choice(kind: Instrument, option: Option, chosen: Any) -> str:
    text = str(chosen)
    if text in option.choices:
        return text
    if text in option.aliases:
        return option.aliases[text]
    listed = option.listed or option.choices
    if not text:
        raise InstrumentError(f"{kind.title} needs {option.name} ({option.title}). There is: {', '.join(listed)}.")
    raise InstrumentError(f"{kind.title}: {unknown(option.name, text, listed)}")


# --- answers in -----------------------------------------------------------------------------------------------------


def _answers(kind: Instrument, items: pd.DataFrame, choices: Mapping[str, Any]) -> tuple[dict[str, Part], list[Any]]:
    known = {i.code: i for i in kind.items}
    scores = {s.name for s in kind.scores}
    strange = [str(c) for c in items.columns if c not in known and c not in scores]
    if strange:
        raise InstrumentError(f"{kind.title}: {unknown('item', strange[0], known)}")
    parts, problems = {}, []
    for code, item in known.items():
        if code in items.columns:
            column = items[code]
            if choices["shift"]:
                column = column + choices["shift"]
            part, wrong = _column(column, code, item.low, item.high, item.step, item.answers)
            if code in choices["reverse"]:
                part = dataclasses.replace(part, values=item.low + item.high - part.values)
            parts[code] = part
            problems += wrong
    return parts, problems


def _column(column: Any, code: str, low: float, high: float, step: float, answers: str = "") -> tuple[Part, list[Any]]:
    """A column checked: answers outside the range or between the steps become missing and are listed."""
    try:
        x = np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        raise InstrumentError(f"The column for item '{code}' holds something that is not a number.") from None
    if len(x) and x.min() >= low and x.max() <= high and _on_step(x, low, step).all():  # nan fails every comparison
        return Part(x, True), []
    gone = np.isnan(x)
    outside = ~gone & ((x < low) | (x > high))
    between = ~gone & ~outside & ~_on_step(x, low, step)
    refused = outside | between
    if not refused.any():
        return Part(x, not gone.any()), []
    words = answers or f"{low:g} to {high:g}"
    wrong = [(int(r), code, f"an answer outside {words}") for r in np.flatnonzero(outside)]
    wrong += [(int(r), code, f"an answer that is none of {words}") for r in np.flatnonzero(between)]
    return Part(np.where(refused, np.nan, x), False, refused), wrong


def _on_step(x: Array, low: float, step: float) -> Array:
    if not step:
        return np.ones(1, dtype=bool)
    if step == 1 and low == round(low):
        return np.rint(x) == x
    steps = (x - low) / step
    return np.abs(np.rint(steps) - steps) < 1e-6


def _range(kind: Instrument, name: str) -> Item | Score:
    return next((i for i in kind.items if i.code == name), None) or kind.get(name)


def _flag(x: Array, at_least: float) -> Array:
    return np.where(np.isnan(x), np.nan, (x >= at_least).astype(float))


# --- rules ----------------------------------------------------------------------------------------------------------


def _apply(rule: Rule, parts: Sequence[Part], ranges: Sequence[Any], strict: bool, choices: Mapping[str, Any]) -> Part:
    refused = _any([p.refused for p in parts])
    before = _total([p.filled for p in parts])
    full = all(p.full for p in parts)
    columns = _prepared(rule, [p.values for p in parts], ranges, strict, full)
    full = full and not rule.recode
    filled = None
    if rule.kind == "function":
        value = FUNCTIONS[rule.function](dict(zip(rule.of, columns)), choices)
    elif rule.kind == "criteria":
        value = _criteria(rule, dict(zip(rule.of, columns)))
    else:
        value, filled = _combined(rule, columns, strict, full)
    value, se, full = _finished(rule, value, full and rule.kind != "function")
    if refused is not None:
        value, full = np.where(refused, np.nan, value), False
        se = None if se is None else np.where(refused, np.nan, se)
    filled = _total([before, filled])
    if filled is not None:
        filled = np.where(np.isnan(value), 0, filled)
    return Part(value, full, refused, filled, se)


def _prepared(rule: Rule, columns: list[Array], ranges: Sequence[Any], strict: bool, full: bool) -> list[Array]:
    out = list(columns)
    if rule.blank == rule.blank and not strict and not full:
        some = ~np.isnan(out[0])
        for x in out[1:]:
            some = some | ~np.isnan(x)
        chosen = rule.blank_items or rule.of
        out = [np.where(np.isnan(x) & some, rule.blank, x) if c in chosen else x for c, x in zip(rule.of, out)]
    for k, (code, x) in enumerate(zip(rule.of, out)):
        if code in rule.reverse:
            x = ranges[k].low + ranges[k].high - x
        if code in rule.recode:
            x = _looked_up(x, ranges[k].low, rule.recode[code])
        if rule.center:
            x = (x - rule.center[k]) / rule.scale[k]
        if rule.weights:
            x = x * rule.weights[k]
        out[k] = x
    return out


def _combined(rule: Rule, columns: Sequence[Array], strict: bool, full: bool) -> tuple[Array, Array | None]:
    """The sum, mean or maximum of the answered parts, and how many were filled in (None: none anywhere)."""
    k = len(columns)
    if rule.kind == "count":
        columns = [np.where(np.isnan(x), np.nan, (x >= rule.edge).astype(float)) for x in columns]
    if full:
        total = columns[0]
        for x in columns[1:]:
            total = np.maximum(total, x) if rule.kind == "max" else total + x
        return (total / k if rule.kind == "mean" else total), None
    start = -np.inf if rule.kind == "max" else 0.0
    total, n = np.full(len(columns[0]), start), np.zeros(len(columns[0]), dtype=np.int16)
    for x in columns:
        gone = np.isnan(x)
        n += ~gone
        x = np.where(gone, start, x)
        total = np.maximum(total, x) if rule.kind == "max" else total + x
    enough = n >= (k if strict or not rule.at_least else rule.at_least)
    safe = np.maximum(n, 1)
    value = {"sum": total * (k / safe), "mean": total / safe}.get(rule.kind, total)
    filled = k - n if rule.kind in ("sum", "mean") else None
    return np.where(enough & (n > 0), value, np.nan), filled


def _criteria(rule: Rule, columns: Mapping[str, Array]) -> Array:
    met, known = True, True
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


def _finished(rule: Rule, value: Array, full: bool) -> tuple[Array, Array | None, bool]:
    if rule.factor != 1.0:
        value = value * rule.factor
    if rule.offset:
        value = value + rule.offset
    if rule.cuts:
        place = np.searchsorted(np.asarray(rule.cuts), np.round(value, 9), side="left").astype(float)
        value = place if full else np.where(np.isnan(value), np.nan, place)
    if rule.table is None:
        return value, None, full
    raw = np.ceil(np.round(value, 9)) if rule.round_up else value
    se = _looked_up(raw, rule.table.first, rule.table.se, full) if rule.table.se is not None else None
    return _looked_up(raw, rule.table.first, rule.table.values, full), se, full


def _looked_up(x: Array, first: float, table: Array, full: bool = False) -> Array:
    """table[x − first]; nan where x is missing, outside the table or between two entries."""
    if full:
        return table[(x - first).astype(np.intp)]
    place = x - first
    good = (place >= 0) & (place < len(table)) & (np.rint(place) == place)
    return np.where(good, table[np.where(good, place, 0).astype(np.intp)], np.nan)


def _any(masks: Sequence[Array | None]) -> Array | None:
    there = [m for m in masks if m is not None]
    return np.logical_or.reduce(there) if there else None


def _total(counts: Sequence[Array | None]) -> Array | None:
    there = [c for c in counts if c is not None]
    return np.add.reduce(there) if there else None


def _frames(made: Mapping[str, Part], rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = [n for s, p in made.items() for n in ([s] if p.se is None else [s, f"{s}_se"])]
    values = np.empty((len(names), rows))
    prorated = np.zeros((len(made), rows), dtype=np.int16)
    at = 0
    for k, part in enumerate(made.values()):
        values[at] = part.values
        if part.se is not None:
            values[at + 1] = part.se
        at += 1 if part.se is None else 2
        if part.filled is not None:
            prorated[k] = part.filled
    return pd.DataFrame(values.T, columns=names, copy=False), pd.DataFrame(prorated.T, columns=list(made), copy=False)
