"""Names of outcomes, visits and columns on <Tab> inside a string, in IPython and Jupyter."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

import outcomes
from outcomes.plans.plan import kinds
from outcomes.study.study import GROUPS, Study

_OUTCOMES = frozenset({"outcome", "outcomes", "name"})
_VISITS = frozenset({"before", "after", "baseline", "visit", "visits", "from_visit"})
_COLUMNS = frozenset(
    {"by", "covariates", "characteristics", "site", "strata", "within", "subgroup", "columns"}
)
_LEVELS = frozenset({"reference", "levels"})
_BY = re.compile(r"\s*by\s*=\s*([\"'])(\w+)\1\s*")
_NO_BY = inspect.Parameter("by", inspect.Parameter.KEYWORD_ONLY, default="")
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Place:
    """Where the cursor is: the function called, what its dot stands on, the argument, what of the
    string is typed, and the column that `by` names before it.
    """

    owner: str
    function: str
    keyword: str
    position: int
    typed: str
    first: str
    by: str


def place(text: str) -> Place | None:
    """Where the end of some code is, if it is inside a string that is an argument.

    >>> here = place('oc.PairedT("pain", before="ba')
    >>> here.function, here.keyword, here.typed
    ('PairedT', 'before', 'ba')
    """
    start, calls = _open_string(text)
    if start is None or not calls:
        return None
    names = (
        (i, m)
        for i in reversed(calls)
        if text[i] == "(" and (m := re.search(r"([\w.]*?)(\w+)\s*$", text[:i]))
    )
    if not (found := next(names, None)):  # brackets without a name before them are tuples
        return None
    opened, name = found
    arguments = _split(text[opened + 1 : start])
    last = re.match(r"\s*(\w+)\s*=(?!=)", arguments[-1])
    return Place(
        name[1].rstrip("."),
        name[2],
        last[1] if last else "",
        len(arguments) - 1,
        text[start + 1 :],
        arguments[0].strip(),
        next((m[2] for a in arguments if (m := _BY.fullmatch(a))), ""),
    )


def candidates(here: Place, names: Mapping[str, Any]) -> list[str]:
    """The names that fit there, of the studies and frames that a session knows."""
    owner = names.get(here.owner)
    function = getattr(owner, here.function, None) if here.owner else names.get(here.function)
    if isinstance(owner, Study):
        called = getattr(Study, here.function, None)
        return _of_studies(_parameter(here, called, 1), here, [owner])
    if function is outcomes.paired:
        given = names.get(here.first)
        every = [v for v in names.values() if isinstance(v, pd.DataFrame)]
        frames = [given] if isinstance(given, pd.DataFrame) else every
        return _unique(c for f in frames for c in f.columns)
    if inspect.isclass(function) and function in kinds().values():
        studies = [v for n, v in names.items() if isinstance(v, Study) and not n.startswith("_")]
        parameter = _parameter(here, function, 0)
        by = here.by or inspect.signature(function).parameters.get("by", _NO_BY).default
        return _of_studies(parameter, dataclasses.replace(here, by=by), studies)
    return []


def completions(text: str, names: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What is typed of the string at the end of some code, and the names that it may become."""
    here = place(text)
    if here is None:
        return "", []
    found, low = candidates(here, names), here.typed.lower()
    return here.typed, [c for c in found if c.lower().startswith(low)]


def _parameter(here: Place, function: Any, skip: int) -> str:
    if here.keyword or function is None:
        return here.keyword
    known = list(inspect.signature(function).parameters)[skip:]
    return known[here.position] if here.position < len(known) else ""


def _of_studies(parameter: str, here: Place, studies: Iterable[Study]) -> list[str]:
    found: list[str] = []
    for study in studies:
        columns = [str(c) for c in study.patient_frame.columns]
        if parameter in _OUTCOMES:
            found += study.outcome_names
        elif parameter in _VISITS:
            found += study.visits
        elif parameter in _COLUMNS:
            found += columns
        elif parameter in _LEVELS:
            found += _groups(study, (here.by,) if here.by else GROUPS)
    return _unique(found)


def _groups(study: Study, columns: Iterable[str]) -> list[str]:
    """The values that patients have in these columns; of rows where patients have none."""
    found: set[str] = set()
    for column in columns:
        for frame in (study.patient_frame, study.scores):
            if column in frame:
                found |= set(frame[column].dropna().astype(str))
    return sorted(found - {""})


def _unique(names: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(n for n in names if isinstance(n, str)))


def _open_string(text: str) -> tuple[int | None, list[int]]:
    """Where the string begins that is open at the end, and the brackets that are open there."""
    quote, start, calls = "", 0, list[int]()
    steps = iter(enumerate(text))
    for i, c in steps:
        if quote:
            if c == "\\":
                next(steps, None)
            elif c == quote or c == "\n":
                quote = ""
        elif c in "\"'":
            quote, start = c, i
        elif c == "#":
            for _, d in steps:
                if d == "\n":
                    break
        elif c in _OPENING:
            calls.append(i)
        elif c in _CLOSING and calls:
            calls.pop()
    return (start if quote else None), calls


def _split(text: str) -> list[str]:
    """The arguments of a call up to here; commas inside brackets and strings part none."""
    return list(_parts(text))


def _parts(text: str) -> Iterator[str]:
    depth, quote, begin, skip = 0, "", 0, False
    for i, c in enumerate(text):
        if skip:
            skip = False
        elif quote:
            skip, quote = c == "\\", "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in _OPENING + _CLOSING:
            depth += 1 if c in _OPENING else -1
        elif c == "," and depth == 0:
            yield text[begin:i]
            begin = i + 1
    yield text[begin:]
