"""Where the names of the columns stand: below titles, under group labels ("Baseline" over "NRS"),
in one row or two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from outcomes.core.errors import DataError
from outcomes.readers.cells import is_number, shape, tidy
from outcomes.readers.exports.labels import distinct, has_labels
from outcomes.readers.exports.surveys import Survey, survey
from outcomes.readers.shape.visit_names import visit_time

Range = tuple[tuple[int, int], tuple[int, int]]
Rows = Sequence[Sequence[str]]

#: How many rows are looked at to find the heading row.
SEARCHED = 50
#: How many rows without numbers may stand before an empty row and still be titles.
_TITLES = 6


@dataclass(frozen=True)
class Headings:
    """The row with the names (counted from 0), the names, how many rows above are titles, the first
    row below, and the survey system that wrote them, if one did.
    """

    at: int
    names: tuple[str, ...]
    titles: int
    below: int
    survey: Survey | None = None


def find_headings(grid: Rows, merged: Sequence[Range] = (), header: int | None = None) -> Headings:
    """The headings of a sheet or a text table. `header` is the number of the row, where somebody
    says it.

    Raises DataError where no row can be the headings.

    >>> rows = [
    ...     ["", "Baseline", "", "Week 4", ""],
    ...     ["ID", "NRS", "PHQ", "NRS", "PHQ"],
    ...     ["K1", "7", "9", "4", "5"],
    ... ]
    >>> find_headings(rows).names
    ('ID', 'Baseline NRS', 'Baseline PHQ', 'Week 4 NRS', 'Week 4 PHQ')
    """
    surveys = [i for i in range(min(_TITLES, len(grid))) if not header and survey(grid[i : i + 3])]
    at = header - 1 if header else surveys[0] if surveys else _heading_row(grid, merged)
    if at >= len(grid):
        raise DataError("The table ends before the heading row that header= names.")
    if found := survey(grid[at : at + 3]):
        return Headings(at, found.headings, at, at + found.rows, found)
    groups = _merged_labels(grid, merged, at) or _plain_labels(grid, at)
    if not groups:
        return Headings(at, tuple(distinct(list(map(tidy, grid[at])))), at, at + 1)
    names = tuple(_joined(g, h) for g, h in zip(groups, grid[at], strict=True))
    return Headings(at, tuple(distinct(names)), at - 1, at + 1)


def _heading_row(grid: Rows, merged: Sequence[Range]) -> int:
    """The first row that names most of the columns used below, but for titles and for labels over
    names in the next row.
    """
    used = sum(any(column) for column in zip(*grid, strict=True))
    head = grid[:SEARCHED]
    filled = [sum(map(bool, row)) for row in head]
    fits = [i for i in range(len(head)) if not _is_over_names(grid, merged, i)]
    mostly = [i for i in fits if filled[i] * 2 > used]
    if not mostly:
        raise DataError(
            "No heading row was found in the first rows of the table. Give its number: header = 3"
            " beside the file's name, or --header 3 for `outcomes init`."
        )
    named = [i for i in mostly if filled[i] * 10 >= used * 8 and _is_words(head[i])]
    if not named or (mostly[0] == named[0] == 0 and not _are_titles(grid, 0)):
        at = mostly[0]
    else:
        at = next((i for i in named if not _are_titles(grid, i)), named[0])
        early = mostly[0]
        if early < at and not _are_titles(grid, early) and _is_words(head[early]):
            at = early
    return at + 1 if _is_group_row(grid, at) else at


def _are_titles(grid: Rows, at: int) -> bool:
    """Whether a row begins a few lines without numbers in most columns that end at an empty row,
    above a longer table.
    """
    end = next((i for i in range(at, len(grid)) if not any(grid[i])), len(grid))
    if end - at > _TITLES or any(is_number(c) for row in grid[at:end] for c in row):
        return False
    return any(sum(map(bool, row)) >= sum(map(bool, grid[at])) for row in grid[end + 1 :]) and (
        len(grid) - end > end - at
    )


def _is_words(row: Sequence[str]) -> bool:
    return any(row) and not any(is_number(c) for c in row)


def _is_group_row(grid: Rows, at: int) -> bool:
    """Whether the row is labels over a row of names: it repeats itself or leaves gaps, and the next
    row has the names, over numbers.
    """
    if at + 2 >= len(grid):
        return False
    top, below = [tidy(c) for c in grid[at]], [tidy(c) for c in grid[at + 1]]
    names = [j for j, c in enumerate(below) if c]
    rows = grid[at + 2 : at + SEARCHED]
    numbers = [
        j
        for j in names
        if sum(is_number(row[j]) for row in rows) * 2 > sum(bool(row[j]) for row in rows)
    ]
    if len(names) < 2 or not numbers or not _is_words(below) or has_labels(top):
        return False
    if any(_is_like(below[j], [row[j] for row in rows]) for j in names if j not in numbers):
        return False  # a row of values, not of names
    used = [j for j in range(len(top)) if any(row[j] for row in rows)]
    covers = all(top[j] or below[j] for j in used)
    gaps = [j for j in names if not top[j] and any(top[:j])]
    labels = [t for t in top if t]
    repeats = len(set(labels)) < len(labels)
    joined = [_joined(g, b) for g, b in zip(_filled_right(top, below), below) if g or b]
    return covers and len(set(joined)) == len(joined) and (repeats or bool(gaps))


def _is_like(text: str, cells: Sequence[str]) -> bool:
    """Whether a text is a value of its column, or written like its codes."""
    there = {shape(c) for c in cells if re.search(r"[0-9]", c)}
    return text in map(tidy, cells) or shape(text) in there


def _is_over_names(grid: Rows, merged: Sequence[Range], row: int) -> bool:
    for (top, left), (bottom, right) in merged:
        if top == bottom == row and right > left and row + 1 < len(grid):
            below = [c for c in grid[row + 1][left : right + 1] if c]
            if len(below) > 1 and not any(c[0].isdigit() for c in below):
                return True
    return False


def _merged_labels(grid: Rows, merged: Sequence[Range], at: int) -> list[str]:
    """For each column, the label of the row above, where merged cells make one; else nothing."""
    above = [r for r in merged if at and r[0][0] <= at - 1 <= r[1][0]]
    wide = [r for r in above if r[1][1] > r[0][1]]
    if not wide or (
        len(wide) == 1 and wide[0][0][1] == 0
    ):  # one merged cell from column A on is a title
        return []
    labels = list(grid[at - 1])
    for (top, left), (_, right) in above:
        for j in range(left, min(right + 1, len(labels))):
            labels[j] = grid[top][left]
    return labels


def _plain_labels(grid: Rows, at: int) -> list[str]:
    """The same where nothing is merged, as in a text table: each label holds until the next one.
    Labels are taken where names repeat, or where all of them are visits.
    """
    if not at or not any(grid[at - 1]):
        return []
    top, names = [tidy(c) for c in grid[at - 1]], [tidy(c) for c in grid[at]]
    said = [t for t in top if t]
    labels = _filled_right(top, names)
    own = [n for n in names if n]
    joined = [_joined(g, n) for g, n in zip(labels, names) if g or n]
    if len(set(joined)) < len(joined):
        return []
    visits = [t for j, t in enumerate(top) if t and names[j]]
    are_visits = len(visits) > 1 and all(visit_time(v) is not None for v in visits)
    untitled = any(t and not n for t, n in zip(top, names))
    repeated = len(set(own)) < len(own)
    return labels if len(said) > 1 and (repeated or are_visits or untitled) else []


def _filled_right(top: Sequence[str], names: Sequence[str]) -> list[str]:
    """Each label over the names to its right, until the next label."""
    labels, label = [], ""
    for text, name in zip(top, names, strict=True):
        label = text or (label if name else "")
        labels.append(label)
    return labels


def _joined(group: str, heading: str) -> str:
    group, heading = tidy(group), tidy(heading)
    same = re.sub(r"\W", "", group.casefold()) == re.sub(r"\W", "", heading.casefold())
    return heading if not group or (same and heading) else f"{group} {heading}".strip()
