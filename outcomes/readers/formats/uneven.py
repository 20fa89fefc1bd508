"""Where the table begins and how wide it is in a text file whose lines are not all alike: titles
above, closing lines below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from outcomes.readers.cells import is_number, shape

#: How many short lines are looked at, and how many rows to learn how codes are written.
_LOOKED_AT = 200


@dataclass(frozen=True)
class Extent:
    """The record that the table begins with (counted from 0), how many cells a record has, and
    which records do not fit.
    """

    start: int
    width: int
    wrong: np.ndarray


def extent(
    cells: np.ndarray, blank: np.ndarray, texts: Callable[[int], Sequence[str]], *, fixed: bool
) -> Extent:
    """The table among the records of a file. `cells` counts their cells, `texts` gives those of one
    record; `fixed`: the first record is known to be the headings.

    Lines before the headings are titles where they are shorter than most records. A shorter line
    below fits where it has one cell that is not written like the codes of the first column, or
    stands below the last full record.
    """
    there = np.flatnonzero(~blank)
    start, width = int(there[0]), int(cells[there[0]])
    counts = cells[there]
    if not fixed and (counts == width).mean() < 0.5:
        widths, often = np.unique(counts, return_counts=True)
        most = int(widths[often.argmax()])
        first = int(there[(counts == most).argmax()])
        above = counts[: (counts == most).argmax()]
        if most > 1 and (above < most).all() and not any(map(is_number, texts(first))):
            start, width = first, most
    below = there[there > start]
    short = below[cells[below] < width]
    fits = np.zeros(len(cells), dtype=bool)
    if len(short) and len(short) <= _LOOKED_AT:
        full = below[cells[below] == width]
        codes = {shape(texts(int(i))[0]) for i in full[:_LOOKED_AT]}
        last = int(full[-1]) if len(full) else len(cells)
        for i in map(int, short):
            said = [t for t in texts(i) if t.strip()]
            alone = len(said) == 1 or i > last
            fits[i] = bool(codes) and bool(said) and alone and shape(said[0]) not in codes
    odd = np.zeros(len(cells), dtype=bool)
    odd[below] = cells[below] != width
    return Extent(start, width, odd & ~fits)
