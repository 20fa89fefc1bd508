"""How wide the columns of a table are on paper: words and numbers stay whole, the type gets smaller
before anything is cut.
"""

from __future__ import annotations

from outcomes.tables.results_table import Table

#: The width of one letter, as a part of the size of the type (DejaVu Sans and Arial, on average).
LETTER = 0.6
#: Space beside the text of a cell, in points.
PADDING = 7.0
#: The sizes of type that are tried, in points.
SIZES = (8.0, 7.2, 6.4, 5.8, 5.2)
#: A word longer than this may be cut: addresses, digests.
LONGEST_WORD = 26


def laid_out(t: Table, width: float, padding: float = PADDING) -> tuple[float, list[float]]:
    """The size of type and the width of each column in points, on a text of this width.

    The largest type at which every number stays on one line and every word stays whole.

    >>> size, widths = laid_out(Table("t", ("a", "b"), (("one", "1"),), numeric=(1,)), 400)
    >>> size, sum(widths) <= 400
    (8.0, True)
    """
    size, least = SIZES[-1], [0.0]
    for size in SIZES:
        least = [_least(t, i, size, padding) for i in range(len(t.header))]
        if sum(least) <= width:
            break
    if sum(least) > width:
        return size, [w * width / sum(least) for w in least]
    return size, _spread(t, least, size, width, padding)


def _spread(t: Table, least: list[float], size: float, width: float, padding: float) -> list[float]:
    """The spare room shared among the columns of words that would need more lines without it."""
    whole = [_widest(t, i) * LETTER * size + padding for i in range(len(t.header))]
    lacking = [max(w - m, 0.0) for w, m in zip(whole, least, strict=True)]
    spare = width - sum(least)
    if sum(lacking) <= spare:
        return [max(w, m) for w, m in zip(whole, least, strict=True)]
    return [m + spare * x / sum(lacking) for m, x in zip(least, lacking, strict=True)]


def _least(t: Table, i: int, size: float, padding: float) -> float:
    """The width that keeps the numbers of a column on one line, and its words whole."""
    words = [w for text in (t.header[i], *(r[i] for r in t.rows)) for w in text.split()]
    longest = max((min(len(w), LONGEST_WORD) for w in words), default=4)
    if i in t.numeric:
        longest = max([longest, *(min(len(r[i]), 30) for r in t.rows)])
    return longest * LETTER * size + padding


def _widest(t: Table, i: int) -> int:
    return max([len(t.header[i]), *(len(r[i]) for r in t.rows)])
