"""Visits that are written in several ways: which names seem to mean one visit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from outcomes.core.errors import StudyError
from outcomes.readers.cells import key
from outcomes.readers.shape.visit_names import spelling, visit_time

#: How near two names without numbers are when one is a slip of the other.
_NEAR = 0.85


def spellings(visits: Sequence[str], patients: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups of names that seem to mean one visit, the most frequent name of each first.

    Names are one visit where they differ only in spelling. Where no patient has both, they also
    seem to be one if they tell the same time ("pre" and "baseline") or differ by a slip of the pen.

    >>> spellings(["Baseline", "week 4", "Wk 4", "BASELINE"], ["a", "a", "b", "b"])
    [('Baseline', 'BASELINE'), ('week 4', 'Wk 4')]
    >>> spellings(["pre", "baseline"], ["a", "a"])
    []
    """
    code, names = pd.factorize(np.asarray(visits, dtype=object))
    patient: np.ndarray | None = None
    count = dict(zip(names.tolist(), np.bincount(code).tolist(), strict=True))
    group = {v: v for v in count}
    for (i, a), (j, b) in combinations(enumerate(count), 2):
        apart = spelling(a) != spelling(b)
        if apart and not _alike(a, b):
            continue
        if apart:
            if patient is None:
                patient = pd.factorize(np.asarray(patients, dtype=object))[0]
            if np.intersect1d(patient[code == i], patient[code == j]).size:
                continue
        kept, gone = group[a], group[b]
        group = {v: kept if g == gone else g for v, g in group.items()}
    found: dict[str, list[str]] = {}
    for visit, first in group.items():
        found.setdefault(first, []).append(visit)
    return [tuple(sorted(g, key=lambda v: -count[v])) for g in found.values() if len(g) > 1]


def _alike(a: str, b: str) -> bool:
    first, second = visit_time(a), visit_time(b)
    if first is not None and second is not None and _near(a, b, first, second):
        return True
    one, two = key(a), key(b)
    if re.findall(r"\d+", one) != re.findall(r"\d+", two) or min(len(one), len(two)) < 5:
        return False
    return difflib.SequenceMatcher(None, one, two).ratio() >= _NEAR


def _near(a: str, b: str, one: float, two: float) -> bool:
    """Whether two times are the same, or so near in different units that a clinic calls one visit
    by both: 12 weeks and 3 months, 4 weeks and 1 month.
    """
    if one == two:
        return True
    units = [re.sub(r"[^a-z]", "", key(v)) for v in (a, b)]
    timed = all(re.search(r"\d", v) for v in (a, b))
    return (
        timed
        and units[0] != units[1]
        and min(one, two) >= 21
        and abs(one - two) < 0.1 * max(one, two)
    )


def refuse_spellings(visits: Sequence[str], patients: Sequence[str]) -> None:
    """Raise StudyError where visits that nobody declared seem to be one visit in several
    spellings.
    """
    groups = spellings(visits, patients)
    if groups:
        _, arms = arms_within(groups)
        if arms:
            raise StudyError(
                f"The names of visits also hold a group ({', '.join(arms)}): {as_groups(groups)}."
                " Give the group a column of its own (arm under [roles]), and the visits names"
                " without it; or say which are one: [visits] names (visit_names=… in read_table)."
            )
        raise StudyError(
            f"{len(groups)} visit(s) seem to be spelt in several ways: {as_groups(groups)}. If they"
            f" are the same, say so: [visits] names = {{ {as_names(groups)} }} (visit_names=… in"
            " read_table). If they are different visits, list them all in [visits] order."
        )


def arms_within(groups: Sequence[Sequence[str]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The visit of each name, and the words that differ, where names of one visit differ by a group
    of patients ("Ketamine - Week 4", "Placebo - Week 4"); nothing where they do not.

    >>> arms_within([("Ket - Base", "Pla - Base"), ("Ket - Week 4", "Pla - Week 4")])[1]
    ('Ket', 'Pla')
    >>> arms_within([("Week 4", "Wk 4"), ("Baseline", "BASELINE")])
    ({}, ())
    """
    visits: dict[str, str] = {}
    labels: list[tuple[str, ...]] = []
    for group in groups:
        words = {name: re.split(r"[\s_:/()\-]+", name.strip()) for name in group}
        common = set.intersection(*({w.casefold() for w in ws} for ws in words.values()))
        own = {n: [w for w in ws if w.casefold() not in common] for n, ws in words.items()}
        if not common or not all(own.values()):
            return {}, ()
        labels.append(tuple(sorted(" ".join(ws) for ws in own.values())))
        first = words[group[0]]
        visit = " ".join(w for w in first if w and w.casefold() in common)
        visits |= dict.fromkeys(group, visit)
    alike = len(groups) > 1 and len(set(labels)) == 1
    return (visits, labels[0]) if alike and len(set(visits.values())) == len(groups) else ({}, ())


def as_groups(groups: Sequence[Sequence[str]]) -> str:
    """The groups for a message."""
    return "; ".join(" = ".join(f"'{v}'" for v in group) for group in groups)


def as_names(groups: Sequence[Sequence[str]]) -> str:
    """What [visits] names says of the groups: each further spelling and the first one."""
    return ", ".join(f'"{v}" = "{first}"' for first, *rest in groups for v in rest)
