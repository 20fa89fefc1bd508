"""One table as a file: Word, Excel, CSV, HTML, LaTeX or Markdown, by the ending of its name."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from outcomes.config import atomic
from outcomes.core.errors import OutputError
from outcomes.core.language import say
from outcomes.core.wording import number
from outcomes.tables.grid import grid, safe_rows

if TYPE_CHECKING:
    from outcomes.tables.results_table import Table

_LETTERS = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"
_NAMES = re.findall(
    r"\w+",
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
    " upsilon varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega",
)
_LATEX = {
    "\\": r"\textbackslash{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # after a row's end LaTeX takes these for an option
    "]": "{]}",
    "*": "{*}",
    "−": r"\ensuremath{-}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "÷": r"\ensuremath{\div}",
    "·": r"\ensuremath{\cdot}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≈": r"\ensuremath{\approx}",
    "≠": r"\ensuremath{\neq}",
    "→": r"\ensuremath{\rightarrow}",
    "∞": r"\ensuremath{\infty}",
    "√": r"\ensuremath{\surd}",
    "²": r"\ensuremath{^2}",
    "³": r"\ensuremath{^3}",
    "½": r"\ensuremath{\frac{1}{2}}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{THIN SPACE}": r"\,",
    **{letter: rf"\ensuremath{{\{name}}}" for letter, name in zip(_LETTERS, _NAMES, strict=True)},
}


def save(table: Table, path: str | Path) -> Path:
    """Write a table to a file, replacing what is there only when all of it is written.

    Returns the path. Raises OutputError for an ending that is not known, and where the disk
    refuses; MissingExtraError where Word or Excel needs a package that is not installed.
    """
    path = Path(path)
    make = _FORMATS.get(path.suffix.lower())
    if make is None:
        raise OutputError(
            f"A table cannot be saved as {path.suffix or 'a name without an ending'}. The endings"
            f" are {', '.join(_FORMATS)}: choose one of them, such as table.docx."
        )
    return atomic.write(path, make(table))


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table as CSV in UTF-8 with a mark that Excel needs to read it so."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(safe_rows([header, *rows]))
    return out.getvalue().encode("utf-8-sig")


def to_csv(table: Table) -> bytes:
    """The header and the rows as CSV: numbers as programs read them; no title, no notes."""
    made = grid(table)
    return csv_bytes(made.header, [[c.plain for c in row] for row in made.rows])


def to_html(table: Table) -> str:
    """A whole page with the table on it, that loads nothing."""
    style = (
        "body{font:15px/1.4 sans-serif;margin:2em;color-scheme:light dark}"
        "table{border-collapse:collapse;border-bottom:2px solid}"
        "thead th{border-top:2px solid;border-bottom:1px solid;vertical-align:bottom}"
        "th,td{padding:.25em .7em;font-variant-numeric:tabular-nums}caption{padding:.4em .7em}"
    )
    body = table._repr_html_() + "".join(
        f"\n<div><small>{html.escape(words)}</small></div>" for words in _abbreviated(table)
    )
    return (
        f'<!doctype html>\n<html lang="{table.language}"><head><meta charset="utf-8">'
        f"<title>{html.escape(table.title or say('Table'))}</title><style>{style}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def to_markdown(table: Table) -> str:
    """A table for GitHub, Pandoc or Quarto: numbers flush right, notes below."""
    sides = ["---:" if i in table.numeric else ":---" for i in range(len(table.header))]
    lines = [_row(table.header), f"| {' | '.join(sides)} |", *map(_row, table.rows)]
    above = [f"**{_mark(table.title)}**", ""] if table.title else []
    below = [line for note in table.footnotes() for line in ("", _mark(note))]
    return "\n".join([*above, *lines, *below, ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_mark(c) or ' ' for c in cells)} |"


def _mark(text: str) -> str:
    """Text that Markdown takes as it is."""
    return re.sub(r"([\\`*_{}\[\]<>|#$~])", r"\\\1", " ".join(str(text).split()))


def to_latex(table: Table) -> str:
    r"""A `table` environment for LaTeX that needs `\usepackage{booktabs}` alone.

    Columns of words wrap, flush left, where the table would be wider than the page.
    """
    columns, wrapped = _columns(table)

    def row(cells: Sequence[str]) -> str:
        made = [(r"\raggedright " if i in wrapped else "") + latex(c) for i, c in enumerate(cells)]
        return " & ".join(made) + r" \tabularnewline"

    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering\small",
            *([rf"\caption{{{latex(table.title)}}}"] if table.title else []),
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            row(table.header),
            r"\midrule",
            *map(row, table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *_latex_notes(table),
            r"\end{table}",
            "",
        ]
    )


def _latex_notes(table: Table) -> list[str]:
    notes = [rf"\footnotesize {latex(note)}\par" for note in table.footnotes()]
    width = r"\par\medskip\begin{minipage}{\linewidth}\raggedright"
    return [width, *notes, r"\end{minipage}"] if notes else []


def _columns(table: Table) -> tuple[str, frozenset[int]]:
    """The column types: r for numbers, l for words, p{…} for words where the page is too narrow;
    and which columns these last are.
    """
    longest = [
        max((len(c) for c in (h, *(r[i] for r in table.rows))), default=0)
        for i, h in enumerate(table.header)
    ]
    words = [i for i in range(len(longest)) if i not in table.numeric]
    room = 78 - sum(longest[i] + 2 for i in table.numeric)
    if sum(longest[i] + 2 for i in words) <= room or not words:
        return "".join("r" if i in table.numeric else "l" for i in range(len(longest))), frozenset()
    total = sum(min(longest[i], 40) for i in words) or 1
    share = {i: max(0.1, 0.01 * room * min(longest[i], 40) / total) for i in words}
    types = [
        rf"p{{{number(share[i], 2)}\linewidth}}" if i in share else "r" for i in range(len(longest))
    ]
    return "".join(types), frozenset(words)


def latex(text: str) -> str:
    r"""Text that LaTeX prints as it is, whatever signs it has; in plain ASCII where that is known.

    >>> latex("P<.05 & 50%_x")
    'P\\textless{}.05 \\& 50\\%\\_x'
    """
    return "".join(_LATEX.get(c, c) for c in " ".join(str(text).split(" ")))


def _abbreviated(table: Table) -> tuple[str, ...]:
    return table.footnotes()[len(table.notes) :]


def _word(table: Table) -> bytes:
    from outcomes.tables.word import to_word

    return to_word(table)


def _excel(table: Table) -> bytes:
    from outcomes.tables.excel import to_excel

    return to_excel(table)


_FORMATS: MappingProxyType[str, Callable[[Table], bytes | str]] = MappingProxyType(
    {
        ".docx": _word,
        ".xlsx": _excel,
        ".csv": to_csv,
        ".html": to_html,
        ".tex": to_latex,
        ".md": to_markdown,
    }
)
