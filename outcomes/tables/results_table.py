"""Results in, formatted tables out; nothing is computed here."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from outcomes.analyses.table_one import default_groups, table_one
from outcomes.core.direction import p_text, value_and_interval
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import in_language, language_of, named, say, speaking
from outcomes.core.result import Result
from outcomes.core.style import style_of, written_in
from outcomes.core.wording import NONE, abbreviations, level_text, localised, number, spoken
from outcomes.study.study import Study

#: A share, or a count with its share or quartiles behind it.
COUNT = re.compile(rf"{NONE}|\d[\d.]*(%|( of \d+)?( \([^)]*\))?)")


@dataclass(frozen=True, repr=False)
class Table:
    """A table as text, ready for any renderer: a title, a header, rows, and notes under it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    #: Columns (by position) that hold numbers and are set flush right.
    numeric: tuple[int, ...] = ()
    #: The language it is written in, as HTML and Word name it.
    language: str = field(default_factory=lambda: language_of().code)

    def save(self, path: str | Path) -> Path:
        """Write this table alone, by the ending: .docx, .xlsx, .csv, .html, .tex or .md.

        The notes, and the abbreviations that are in the table, stand below it; a CSV file has only
        the header and the rows. In Excel and CSV the numbers are numbers, with the digits that are
        printed, and an interval is two columns. LaTeX needs the package booktabs alone. Word needs
        the docx extra, Excel the xlsx extra.

        Returns the path. Raises OutputError for another ending, and where the disk refuses;
        MissingExtraError where an extra is not installed.

        >>> import tempfile
        >>> table = Table("Pain", ("visit", "mean"), (("week 4", "3.2"),), numeric=(1,))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     table.save(Path(folder) / "pain.csv").read_text("utf-8-sig")
        'visit,mean\\nweek 4,3.2\\n'
        """
        from outcomes.tables.save import save

        with speaking(self.language):
            return save(self, path)

    def footnotes(self) -> tuple[str, ...]:
        """The notes, and last the abbreviations that are in the table."""
        words = abbreviations((self.title, *self.header, *(c for r in self.rows for c in r)))
        return (*self.notes, words) if words else self.notes

    def to_frame(self) -> pd.DataFrame:
        """The table's text as a data frame."""
        return pd.DataFrame(list(self.rows), columns=list(self.header))

    def _repr_html_(self) -> str:
        def cells(row: Sequence[str], tag: str) -> str:
            # a number is never cut over two lines: where the page is narrow, the words beside it
            # make room
            sides = [
                "right;white-space:nowrap" if i in self.numeric else "left" for i in range(len(row))
            ]
            # a corner without words heads nothing: a screen reader would say an empty heading
            tags = [tag if str(c) else "td" for c in row]
            return "".join(
                f'<{t} style="text-align:{side}">{html.escape(str(c))}</{t}>'
                for t, side, c in zip(tags, sides, row)
            )

        style = "text-align:left;white-space:nowrap"
        caption = (
            f'<caption style="{style}"><b>{html.escape(self.title)}</b></caption>'
            if self.title
            else ""
        )
        body = "\n".join(f"<tr>{cells(r, 'td')}</tr>" for r in self.rows)
        notes = "".join(f"<div><small>{html.escape(n)}</small></div>" for n in self.notes)
        head = f"<thead><tr>{cells(self.header, 'th')}</tr></thead>"
        return f"<table>{caption}\n{head}\n<tbody>\n{body}\n</tbody></table>\n{notes}"

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        widths = [
            max(len(str(r[i])) for r in (self.header, *self.rows)) for i in range(len(self.header))
        ]

        def line(row: Sequence[str]) -> str:
            pad = [
                str(c).rjust(w) if i in self.numeric else str(c).ljust(w)
                for i, (c, w) in enumerate(zip(row, widths))
            ]
            return "  ".join(pad).rstrip()

        rule = "  ".join("-" * w for w in widths)
        return "\n".join(
            [
                self.title,
                "",
                line(self.header),
                rule,
                *map(line, self.rows),
                *(f"Note: {n}" for n in self.notes),
            ]
        )


def table(
    results: Result | Iterable[Result] | Counts | Study | pd.DataFrame,
    title: str = "",
    *,
    only: Sequence[str] = (),
    style: str = "",
) -> Table:
    """The answers as one table for people: what, estimate, interval, p, who was counted.

    One question gives its estimates as rows; several give each question's estimates under its
    label. A study gives its Table 1. The counts of an answer, and any frame (its `data`, the list
    of `check`), become tables for people too. `only` names the estimates to show, where an answer
    has more than the table needs. `.save("table.docx")` writes the table to a file.
    `style` is that of a journal ("ama", "apa", "bmj", "lancet"): its P, intervals and decimal mark.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.table(oc.PairedT("pain", before="pre", after="post").run(study)).rows[0][:3]
    ('mean change', '−2.33', '−6.13 to 1.46')
    """
    with written_in(style):
        return _made(results, title, only)


def _made(
    results: Result | Iterable[Result] | Counts | Study | pd.DataFrame,
    title: str,
    only: Sequence[str],
) -> Table:
    if isinstance(results, pd.DataFrame):
        return frame_table(results, title)
    if isinstance(results, Counts):
        return _who_was_counted(results, title)
    if isinstance(results, Study):
        return _table_one(results, title)
    one = isinstance(results, Result)
    chosen = [results] if isinstance(results, Result) else list(results)
    columns: dict[str, list[str]] = {
        h: [] for h in ("question", "estimate", "value", "interval", "P", "adjusted P", "n")
    }
    notes: list[str] = []
    levels = Counter(round(e.level, 3) for r in chosen for e in _shown(r, only) if _has_interval(e))
    usual = max(levels, key=lambda v: levels[v], default=math.nan)
    for r in chosen:
        asked = r.analysis.title(r.outcome)
        who = f"{r.counts.analysed} of {r.counts.enrolled}"
        if r.failed:
            _put(columns, asked, f"not answered: {r.failed}", NONE, NONE, "", "", who)
        for i, e in enumerate(_shown(r, only)):
            first = (asked, who) if i == 0 else ("", "")
            value, ci = value_and_interval(e, r.outcome)
            if _has_interval(e) and round(e.level, 3) != usual:
                ci += f" ({level_text(round(e.level, 3))})"
            _put(columns, first[0], e.said, value, ci, p_text(e.p), p_text(e.p_adjusted), first[1])
        notes += [n for n in r.notes if n not in notes]
    if levels:
        other = ", where no other level stands beside them" if len(levels) > 1 else ""
        notes.insert(0, f"Intervals are {level_text(usual)} confidence intervals{other}.")
    if one:
        columns.pop("question")
    letter = style_of().letter
    named = {h.replace("P", letter): cells for h, cells in columns.items()}
    shown = {h: cells for h, cells in named.items() if h in ("estimate", "value") or any(cells)}
    numeric = tuple(i for i, h in enumerate(shown) if h not in ("question", "estimate"))
    title = title or (chosen[0].analysis.title(chosen[0].outcome) if one else "Results")
    return Table(
        title, tuple(shown), tuple(zip(*shown.values(), strict=True)), tuple(notes), numeric
    )


def _table_one(study: Study, title: str) -> Table:
    from outcomes.tables.characteristics import characteristics_table

    ready = study.ready
    return characteristics_table(table_one(ready, (), default_groups(ready)), title)


def _shown(result: Result, only: Sequence[str]) -> list[Estimate]:
    return result.named(only) if only else list(result.estimates)


def _has_interval(e: Estimate) -> bool:
    return not (math.isnan(e.low) and math.isnan(e.high))


def _who_was_counted(counts: Counts, title: str) -> Table:
    left = [(f"left out: {why}", str(n)) for why, n in counts.left_out]
    rows = (("enrolled", str(counts.enrolled)), *left, ("counted", str(counts.analysed)))
    return Table(title or "Who is counted", ("", f"{counts.noun}s"), rows, numeric=(1,))


def _put(columns: dict[str, list[str]], *cells: str) -> None:
    for column, cell in zip(columns.values(), cells, strict=True):
        column.append(cell)


def frame_table(frame: pd.DataFrame, title: str) -> Table:
    """A frame as a table for people: spoken column names, a column's numbers to the same digits (3
    at most), no empty columns.
    """
    kept = [c for c in frame if (frame[c].notna() & (frame[c].astype(str) != "")).any()]
    numeric = tuple(
        i
        for i, c in enumerate(kept)
        if pd.api.types.is_numeric_dtype(frame[c]) or _counts(frame[c])
    )
    digits = [_digits(frame[c]) for c in kept]
    rows = tuple(tuple(map(_cell, row, digits)) for row in frame[kept].itertuples(index=False))
    return Table(title, tuple(named(spoken(c)) for c in kept), rows, numeric=numeric)


def _counts(column: pd.Series) -> bool:
    """Whether a column of texts has counts and shares only, such as "12 of 40 (30%)"."""
    cells = [str(v) for v in column if not (v is None or v is pd.NA or v == "" or v != v)]
    return any(c.endswith((")", "%")) for c in cells) and all(COUNT.fullmatch(c) for c in cells)


def _digits(column: pd.Series) -> int:
    """Digits of a column: none for whole numbers, 3 where all are below 1 in size, else 2."""
    if not pd.api.types.is_float_dtype(column):
        return 2
    size = column.abs().replace(math.inf, math.nan).dropna()
    return 0 if (size % 1 == 0).all() else 3 if size.max() < 1 else 2


def _cell(value: object, digits: int) -> str:
    if isinstance(value, bool | np.bool_):
        return say("yes") if value else say("no")
    if value is None or value is pd.NA or value is pd.NaT:
        return NONE
    if isinstance(value, int | np.integer):
        return number(int(value), 0)
    return (
        number(float(value), digits)
        if isinstance(value, float | np.floating)
        else localised(in_language(str(value) if not isinstance(value, str) else value))
    )
