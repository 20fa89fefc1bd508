"""A data frame that a notebook shows whole: grouped, searchable, nothing cut short, nothing fetched
from a network.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import pandas as pd

#: Colours come from the page (light or dark); lines and bands are a grey that both carry.
STYLE = (
    "<style>.oc-list{max-height:36em;overflow:auto}"
    ".oc-list table{border-collapse:collapse;font-size:.92em}"
    ".oc-list td,.oc-list th{text-align:left!important;vertical-align:top;padding:.25em .6em;"
    "white-space:normal;max-width:44em;border-bottom:1px solid rgba(128,128,128,.3)}"
    ".oc-list tbody th{background:rgba(128,128,128,.18)}"
    ".oc-list input{margin:.3em 0;padding:.2em .4em;width:18em}</style>"
)
#: Hides the rows that do not hold every word typed, and headings that have no row left.
SEARCH = (
    "const w=this.value.toLowerCase().split(/\\s+/);"
    "this.closest('.oc-list').querySelectorAll('tbody').forEach(b=>{"
    "let n=0;"
    "b.querySelectorAll('tr.oc-row').forEach(r=>{"
    "const ok=w.every(x=>r.textContent.toLowerCase().includes(x));r.hidden=!ok;n+=ok});"
    "b.hidden=!n})"
)


class Listing(pd.DataFrame):
    """A data frame with its own display; for code it is a data frame like any other. `grouped`
    names the column of headings.
    """

    _metadata = ["grouped"]  # noqa: RUF012
    grouped: str = ""

    @property
    def _constructor(self) -> type[Listing]:
        return Listing

    def having(self, search: str, *, more: Iterable[str] = ()) -> Listing:
        """The rows that hold every word of `search` in any column, in capitals or not.

        Where no row does, `more` (further text, one a row) is searched too.

        >>> list(
        ...     Listing(
        ...         {"id": ["isi", "dn4"], "title": ["Insomnia Severity", "Nerve pain"]}
        ...     ).having("PAIN nerve")["id"]
        ... )
        ['dn4']
        """
        words = search.lower().split()
        shown = [" ".join(map(str, row)).lower() for row in self.itertuples(index=False)]
        hit = [all(w in text for w in words) for text in shown]
        if not any(hit):
            hit = [all(w in f"{a} {b}".lower() for w in words) for a, b in zip(shown, more)] or hit
        return self[hit].reset_index(drop=True)  # type: ignore[return-value]

    def __repr__(self) -> str:
        """Every column, however narrow the terminal; long texts are cut."""
        with pd.option_context("display.max_columns", None, "display.max_colwidth", 60):
            return super().__repr__()

    def _repr_html_(self) -> str:
        return listing_html(self, self.grouped)


def listed_frame(rows: Any, columns: list[str] | None = None, *, grouped: str = "") -> Listing:
    """Rows as a `Listing`, under headings of the column `grouped`."""
    frame = Listing(rows, columns=columns)
    frame.grouped = grouped
    return frame


def listing_html(frame: pd.DataFrame, grouped: str = "") -> str:
    """The whole frame as HTML with a search box; every text is escaped."""
    columns = [c for c in frame if c != grouped]
    head = "".join(f"<th>{html.escape(str(c))}</th>" for c in columns)
    groups = (
        frame.groupby(grouped, sort=False) if grouped in frame and len(frame) else [("", frame)]
    )
    bodies = []
    for name, part in groups:
        title = (
            f'<tr><th colspan="{len(columns)}">{html.escape(str(name))}</th></tr>' if name else ""
        )
        rows = "".join(
            f'<tr class="oc-row">{_cells(row)}</tr>'
            for row in part[columns].itertuples(index=False)
        )
        bodies.append(f"<tbody>{title}{rows}</tbody>")
    box = (
        f'<input type="search" aria-label="Search this table" placeholder="Search {len(frame)}'
        f' rows" oninput="{SEARCH}">'
    )
    table = f"<table><thead><tr>{head}</tr></thead>{''.join(bodies)}</table>"
    return f'{STYLE}<div class="oc-list">{box if len(frame) > 8 else ""}{table}</div>'


def _cells(row: Iterable[Any]) -> str:
    return "".join(f"<td>{'' if v is None or v != v else html.escape(str(v))}</td>" for v in row)
