"""Table 1: each characteristic of the patients, of all and of each group, with how far the groups
are apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from outcomes.core.outcome import Outcome
from outcomes.core.wording import NONE, digits_for, number, percent, share_of, spoken
from outcomes.stats.groups.balance import smd_categories, smd_numbers
from outcomes.study.codes import GROUPS
from outcomes.study.study import Study

#: A characteristic with more distinct values than this, all numbers, is described as a number.
MAX_CATEGORIES = 12
#: The columns before those of the groups.
FIXED = ("characteristic", "level", "value", "n")
#: Columns that say what came after the start: no characteristics by which groups are compared.
AFTER_BASELINE = ("guess", "per_protocol")
Groups = dict[str, pd.Series]


def default_groups(study: Study) -> str:
    """The groups of a design: its arms, or its routes; "" where it has none or they change within a
    patient.
    """
    by = {"parallel": "arm", "routes": "route"}.get(study.design, "")
    return by if by and by in study.patient_frame else ""


#: A characteristic with more levels than this is a number.
MOST_LEVELS = 12


def table_one(
    study: Study, chosen: Sequence[str], by: str = "", outcomes: Sequence[str] = ()
) -> pd.DataFrame:
    """One row a level of each characteristic (or a number), as text, with the count behind it.

    With `by`, a column for each group and the largest standardised difference of two groups (SMD),
    and the scores of `outcomes` at baseline as characteristics too. No test: chance explains every
    difference between randomised arms.
    """
    groups = _groups(study, by)
    rows: list[tuple[str, ...]] = []
    for name, column, digits in _columns(study, chosen, by, outcomes if by else ()):
        as_number = digits > 0 or tuple(chosen) == (name,)
        rows += _described(
            name, column, groups, max(digits, 1), as_number=as_number, named=bool(chosen)
        )
    heads = [f"{spoken(g)} (n={int(member.sum())})" for g, member in groups.items()]
    return pd.DataFrame(rows, columns=[*FIXED, *heads, *(["SMD"] if groups else [])])


@dataclass(frozen=True)
class LevelCounts:
    """For each characteristic its name, the patients of each level, and all patients; the same of
    each group where groups are compared.
    """

    levels: tuple[tuple[str, Mapping[str, int], int], ...]
    groups: Mapping[str, tuple[tuple[str, Mapping[str, int], int], ...]] = field(
        default_factory=dict
    )
    #: The scores that are described.
    outcomes: tuple[Outcome, ...] = ()


def level_counts(study: Study, chosen: Sequence[str], by: str = "") -> LevelCounts:
    """For each characteristic its name, the patients of each level, and all patients; with `by` of
    each group too, and then of every characteristic where none is chosen, as in Table 1.

    Those for whom it is not known are a level of their own. Characteristics with more than 12
    levels are left out: they are numbers.
    """
    names = [name for name, _, _ in _columns(study, chosen, by, ())] if by else chosen
    columns = {name: study.characteristic(name) for name in names}
    columns = {n: c.astype(str).where(c.notna()) for n, c in columns.items()}
    columns = {n: c for n, c in columns.items() if c.nunique() <= MOST_LEVELS}

    def counted(member: pd.Series | None = None) -> tuple[tuple[str, Mapping[str, int], int], ...]:
        return tuple(
            (name, _levels_of(column if member is None else column[member], column), n)
            for name, column in columns.items()
            for n in [study.enrolled if member is None else int(member.sum())]
        )

    groups = {g: counted(member) for g, member in _groups(study, by).items()}
    return LevelCounts(counted(), groups)


def _levels_of(column: pd.Series, everybody: pd.Series) -> dict[str, int]:
    """The patients of each level that anybody has, and of those for whom it is not known."""
    seen = column.value_counts()
    found = {str(v): int(seen.get(v, 0)) for v in sorted(everybody.dropna().unique())}
    if everybody.isna().any():
        found["not known"] = int(column.isna().sum())
    return found


def _groups(study: Study, by: str) -> Groups:
    if not by:
        return {}
    column = study.characteristic(by)
    text = column.astype(str).where(column.notna())
    return {str(v): text == v for v in sorted(text.dropna().unique())}


def _columns(
    study: Study, chosen: Sequence[str], by: str, outcomes: Sequence[str]
) -> Iterator[tuple[str, pd.Series, int]]:
    """Name, values and digits of each column; no digits where it may be a number or a category."""
    frame = study.patient_frame
    for name in chosen:
        study.characteristic(name)
    items = {c for use in study.uses for c in (*use.items.values(), *use.totals.values())}
    skip = items | set(study.outcome_names) | ({by, *AFTER_BASELINE} if by else set())
    skip |= set(texts_of_few(study))
    for name in chosen or [c for c in frame if c not in skip]:
        yield name, frame[name], 0
    for outcome in outcomes:
        meaning = study.outcome(outcome)
        column = study.wide(outcome)[study.baseline]
        if column.notna().any():
            title = f"{meaning.title} at {spoken(study.baseline)}"
            yield title, column, digits_for(meaning.resolution)


def texts_of_few(study: Study) -> tuple[str, ...]:
    """The columns of text that tell patients apart: at least half of those who have one have it
    alone. They are free text or names, no characteristic, but for declared groups.
    """
    frame = study.patient_frame
    return tuple(c for c in map(str, frame) if c not in GROUPS and _tells_apart(frame[c]))


def _tells_apart(column: pd.Series) -> bool:
    seen = column.dropna()
    if not len(seen) or not all(isinstance(v, str) for v in seen.unique()):
        return False
    if pd.to_numeric(seen, errors="coerce").notna().all():
        return False
    shared = seen.value_counts()
    return len(shared) > 2 and int((shared == 1).sum()) * 2 >= len(seen)


def _described(
    name: str, column: pd.Series, groups: Groups, digits: int, *, as_number: bool, named: bool
) -> Iterator[tuple[str, ...]]:
    seen = column.dropna()
    numbers = pd.to_numeric(seen, errors="coerce")
    parts = [seen, *(seen[member.reindex(seen.index)] for member in groups.values())]
    if len(seen) and numbers.notna().all() and (seen.nunique() > MAX_CATEGORIES or as_number):
        values = [pd.to_numeric(p).to_numpy(float) for p in parts]
        smd = _largest([smd_numbers(a, b) for a, b in combinations(values[1:], 2)])
        yield _row(name, "mean (SD)", [_mean(v, digits) for v in values], len(seen), groups, smd)
        yield _row(
            name, "median (quartiles)", [_median(v, digits) for v in values], len(seen), groups, ""
        )
    elif seen.nunique() <= MAX_CATEGORIES or named:
        texts = [p.astype(str) for p in parts]
        levels = sorted(texts[0].unique())
        counts = [[int((t == level).sum()) for level in levels] for t in texts]
        smd = _largest([smd_categories(a, b) for a, b in combinations(counts[1:], 2)])
        for i, level in enumerate(levels):
            cells = [share_of(c[i], len(t)) for c, t in zip(counts, texts, strict=True)]
            yield _row(name, level, cells, counts[0][i], groups, smd if i == 0 else "")
    else:
        yield _row(
            name, "distinct values", [str(p.nunique()) for p in parts], len(seen), groups, ""
        )
    if len(column) > len(seen):
        absent = [column.isna(), *(column.isna() & member for member in groups.values())]
        sizes = [len(column), *(int(member.sum()) for member in groups.values())]
        cells = [
            f"{int(a.sum())} of {n} ({percent(int(a.sum()) / n)})" if n else NONE
            for a, n in zip(absent, sizes, strict=True)
        ]
        yield _row(name, "not recorded", cells, int(absent[0].sum()), groups, "")


def _row(
    name: str, level: str, cells: Sequence[str], n: int, groups: Groups, smd: str
) -> tuple[str, ...]:
    return (name, str(level), cells[0], n, *cells[1:], *((smd,) if groups else ()))  # type: ignore[return-value]


def _largest(values: Sequence[float]) -> str:
    known = [v for v in values if not math.isnan(v)]
    return number(max(known), 2) if known else NONE


def _mean(values: np.ndarray, digits: int) -> str:
    if not len(values):
        return NONE
    spread = number(values.std(ddof=1), digits) if len(values) > 1 else NONE
    return f"{number(values.mean(), digits)} ({spread})"


def _median(values: np.ndarray, digits: int) -> str:
    if not len(values):
        return NONE
    q1, q2, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{number(q2, digits)} ({number(q1, digits)} to {number(q3, digits)})"
