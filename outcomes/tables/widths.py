"""How wide the columns of a table are on paper: words and numbers stay whole, the type gets smaller
before anything is cut.
"""

from __future__ import annotations

from outcomes.tables.results_table import Table

#: The width of a letter, as a part of the size of the type (DejaVu Sans; Arial is narrower).
LETTERS = {
    **dict.fromkeys(" ,.·'ijlIJ", 0.32),
    **dict.fromkeys("/:;\\|frt-()[]!\u00a0", 0.4),
    **dict.fromkeys("\u202f", 0.2),
    **dict.fromkeys("–_*`?sczL", 0.55),
    **dict.fromkeys("CHNDGUOQRVXZA&", 0.78),
    **dict.fromkeys("#+<=>^~−≤≥≠wM", 0.85),
    **dict.fromkeys("mW%@→…", 1.0),
}
#: Of any other one, and how much wider the letters of a heading are (bold).
LETTER, BOLD = 0.64, 1.12
#: Space beside the text of a cell, in points.
PADDING = 7.0
#: The sizes of type that are tried, in points.
SIZES = (8.0, 7.2, 6.4, 5.8, 5.2)
#: A table with more rows than this starts with the second of them.
LONG = 12
#: A word longer than this may be cut: addresses, digests.
LONGEST_WORD = 26
#: What is longer than this in a column of numbers is a sentence, and may be broken.
LONGEST_NUMBER = 30


def laid_out(t: Table, width: float, padding: float = PADDING) -> tuple[float, list[float]]:
    """The size of type and the width of each column in points, on a text of this width.

    The largest type at which every number stays on one line and every word stays whole.

    >>> size, widths = laid_out(Table("t", ("a", "b"), (("one", "1"),), numeric=(1,)), 400)
    >>> size, sum(widths) <= 400
    (8.0, True)
    """
    size, least = SIZES[-1], [0.0]
    for size in SIZES[1:] if len(t.rows) > LONG else SIZES:
        least = [_least(t, i, size, padding) for i in range(len(t.header))]
        if sum(least) <= width:
            break
    if sum(least) > width:
        return size, [w * width / sum(least) for w in least]
    return size, _spread(t, least, size, width, padding)


def _spread(t: Table, least: list[float], size: float, width: float, padding: float) -> list[float]:
    """The spare room shared among the columns of words that would need more lines without it.

    Who lacks little gets it all: a heading of two words stays on one line beside long sentences.
    """
    whole = [_widest(t, i) * size + padding for i in range(len(t.header))]
    out, spare = list(least), width - sum(least)
    lacking = sorted((w - m, i) for i, (w, m) in enumerate(zip(whole, least, strict=True)) if w > m)
    wanted = {
        i: sum(max(_length(r[i]) * size + padding - least[i], 0.0) for r in t.rows)
        for _, i in lacking
    }
    for k, (lack, i) in enumerate(lacking):
        others = sum(wanted[j] for _, j in lacking[k:]) or 1.0
        equal = lack <= spare / (len(lacking) - k)
        given = lack if equal else min(lack, spare * wanted[i] / others)
        out[i] += given
        spare -= given
    return out


def _least(t: Table, i: int, size: float, padding: float) -> float:
    """The width that keeps the numbers of a column on one line, and its words whole."""
    longest = max(
        (
            *(_length(w[:LONGEST_WORD], BOLD) for w in t.header[i].split()),
            *(_length(w[:LONGEST_WORD]) for r in t.rows for w in r[i].split()),
        ),
        default=2.4,
    )
    if i in t.numeric:
        numbers = (r[i] for r in t.rows if not r[i][:1].isalpha())  # words may be broken
        longest = max([longest, *(_length(x[:LONGEST_NUMBER]) for x in numbers)])
    return longest * size + padding


def _widest(t: Table, i: int) -> float:
    return max([_length(t.header[i], BOLD), *(_length(r[i]) for r in t.rows)])


def _length(text: str, bold: float = 1.0) -> float:
    """How long a text is, in sizes of its type."""
    return bold * sum(LETTERS.get(letter, LETTER) for letter in text)
