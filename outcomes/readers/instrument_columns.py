"""Which columns hold an instrument's items or scores, from what a study file says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from outcomes.core.errors import StudyError, there_is, unknown
from outcomes.core.outcome import Outcome
from outcomes.questionnaires import Instrument, instrument, load_instrument
from outcomes.readers.cells import key
from outcomes.readers.parse import ColumnType
from outcomes.study.study import InstrumentUse

#: Choices that every instrument takes when it scores.
_ALWAYS = ("reverse", "shift")
#: What is said of the columns' numbers before they are answers or scores.
_OF_COLUMNS = ("answers", "factor")
_WAYS = ("prefix", "items", "column", "file")
_OUTCOME = (
    "column",
    "title",
    "better",
    "unit",
    "low",
    "high",
    "resolution",
    "mdc95",
    "of_change",
    "factor",
)


def instrument_use(name: str, said: Any, columns: Sequence[str], folder: Path) -> InstrumentUse:
    """The use of one instrument: ``{average = "nrs_avg"}``, ``{prefix = "phq9_"}``, ``{items =
    ["q1", …]}``, ``"nrs_avg"``, or ``true`` for columns under names the library knows. `answers`
    are the numbers of answers in words (``{"Not at all": 0}``); other keys are the instrument's
    options; `file` is a clinic's own.

    Raises StudyError for unknown keys, columns or where no column is found, InstrumentError for an
    unknown instrument.
    """
    fields = _as_mapping(name, said)
    own = fields.pop("file", "")
    kind = load_instrument(folder / str(own)) if own else instrument(name)
    used: Any = kind if own else name
    codes, scores = [i.code for i in kind.items], [s.name for s in kind.scores]
    items: dict[str, str] = {}
    totals: dict[str, str] = {}
    if fields.pop("find", False):
        items |= kind.find(columns)
    if "prefix" in fields:
        items, totals = _by_prefix(kind, str(fields.pop("prefix")), columns)
    if "items" in fields:
        items |= _listed_items(name, codes, fields.pop("items"))
    if "column" in fields:
        fields[codes[0] if len(codes) == 1 else kind.default_score] = fields.pop("column")
    answers = _numbers_of_words(name, fields.pop("answers", {}))
    factor = times(f"[instruments] {name}", fields.pop("factor", 1))
    options = {o.name for o in kind.options} | set(_ALWAYS)
    chosen = {}
    for word, value in fields.items():
        if word in options:
            chosen[word] = value
        elif word in codes or word in scores:
            (items if word in codes else totals)[word] = str(value)
        else:
            known = dict.fromkeys([*codes, *scores, *sorted(options), *_OF_COLUMNS, *_WAYS])
            raise StudyError(
                f"[instruments] {name}: {unknown('item, score or option', word, known)}"
            )
    for column in (*items.values(), *totals.values()):
        if column not in columns:
            raise StudyError(f"[instruments] {name}: {unknown('column', column, columns)}")
    if not items and not totals:
        raise StudyError(
            f"[instruments] {name}: no column was found for it. There is: {there_is(columns)}."
        )
    return InstrumentUse(used, items, totals, chosen, answers, factor)


def times(where: str, factor: Any) -> float:
    """The number that every value of a column is multiplied by. Raises StudyError for any other."""
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not factor > 0:
        raise StudyError(f"{where}: factor is a number above 0, such as factor = 100.")
    return float(factor)


def _numbers_of_words(name: str, said: Any) -> dict[str, float]:
    if not isinstance(said, Mapping) or not all(type(v) in (int, float) for v in said.values()):
        raise StudyError(
            f'[instruments] {name}: answers is written as answers = {{ "Not at all" = 0, "Several'
            ' days" = 1 }.'
        )
    return {str(word): float(number) for word, number in said.items()}


def _as_mapping(name: str, said: Any) -> dict[str, Any]:
    if said is True:
        return {"find": True}
    if isinstance(said, str):
        return {"column": said}
    if isinstance(said, Mapping) and said:
        return dict(said)
    raise StudyError(
        f'[instruments] {name} needs its columns: {name} = {{ prefix = "{name}_" }}, or an item and'
        " its column."
    )


def _by_prefix(
    kind: Instrument, prefix: str, columns: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    items = kind.find(columns, prefix)
    taken = set(items.values())
    by_key = {key(c): c for c in columns if c not in taken}
    totals = {s.name: by_key[k] for s in kind.scores if (k := key(f"{prefix}{s.name}")) in by_key}
    if not items and not totals:
        raise StudyError(
            f"[instruments] {kind.id}: no column begins with '{prefix}' and ends with one of its"
            " items or scores."
        )
    return items, {} if items else totals


def _listed_items(name: str, codes: Sequence[str], listed: Any) -> dict[str, str]:
    if not isinstance(listed, (list, tuple)) or len(listed) != len(codes):
        raise StudyError(
            f"[instruments] {name}: items is a list of {len(codes)} columns, in the order"
            f" {', '.join(codes)}."
        )
    return {code: str(column) for code, column in zip(codes, listed, strict=True)}


def column_types(uses: Sequence[InstrumentUse]) -> dict[str, tuple[ColumnType, bool]]:
    """What the columns of instruments hold, and whether a column is a ready score (which nobody
    checks again).
    """
    types: dict[str, tuple[ColumnType, bool]] = {}
    for use in uses:
        kind = use.kind
        shift = use.options.get("shift", 0)
        shift = shift if isinstance(shift, (int, float)) else 0
        for code, column in use.items.items():
            item = kind.item(code)
            types[column] = (
                ColumnType(
                    "score",
                    item.low - shift,
                    item.high - shift,
                    item.step or math.nan,
                    words=use.answers,
                    factor=use.factor,
                ),
                False,
            )
        for score, column in use.totals.items():
            scale = kind.get(score)
            types[column] = (
                ColumnType("score", scale.low, scale.high, factor=use.factor),
                True,
            )
    return types


def outcome_factor(name: str, said: Any) -> float:
    """The factor of a score that belongs to no instrument; 1 where none is said."""
    return times(f"[outcomes] {name}", said.get("factor", 1) if isinstance(said, Mapping) else 1)


def plain_outcome(name: str, said: Any) -> tuple[str, Outcome]:
    """A score that belongs to no instrument: its column, and what it means.

    >>> column, outcome = plain_outcome(
    ...     "headache", {"column": "pk", "title": "Headache score", "better": "lower"}
    ... )
    >>> column, outcome.better
    ('pk', 'lower')
    """
    if not isinstance(said, (str, Mapping)):
        raise StudyError(
            f'[outcomes] {name} is written as {name} = {{ column = "…", better = "lower", low = 0,'
            " high = 10 }."
        )
    fields: dict[str, Any] = {"column": said} if isinstance(said, str) else dict(said)
    for word in fields:
        if word not in _OUTCOME:
            raise StudyError(f"[outcomes] {name}: {unknown('field', word, _OUTCOME)}")
    for word in ("low", "high", "resolution", "mdc95"):
        if not isinstance(fields.get(word, 0), (int, float)):
            raise StudyError(f"[outcomes] {name}: {word} is a number.")
    if fields.get("better", "") not in ("", "lower", "higher"):
        raise StudyError(f'[outcomes] {name}: better is "lower" or "higher".')
    if not isinstance(fields.get("of_change", False), bool):
        raise StudyError(f"[outcomes] {name}: of_change is true or false.")
    column = str(fields.pop("column", name))
    fields.pop("factor", None)
    return column, Outcome(name, str(fields.pop("title", name)), **fields)
