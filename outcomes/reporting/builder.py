"""Which chapters a report has, in which order, for which audience, and how its tables and pictures
are numbered.

There is one list of chapters. For internal use every number in it is shown in full; for sharing a
release policy filters the same blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.core.language import language_of, message, say, say_n
from outcomes.core.result import Result, Results
from outcomes.core.style import style_of
from outcomes.core.wording import spoken
from outcomes.reporting.chapters.answers import answers
from outcomes.reporting.chapters.automatic_checks import guards
from outcomes.reporting.chapters.changes_since import read_snapshot
from outcomes.reporting.chapters.changes_since import since as since_last_time
from outcomes.reporting.chapters.checklist import checklist
from outcomes.reporting.chapters.first_pages import first_pages, shown_figures
from outcomes.reporting.chapters.frozen_plan import deviated
from outcomes.reporting.chapters.limitations import cannot_show, planned
from outcomes.reporting.chapters.methods import methods
from outcomes.reporting.chapters.patient_flow import counted, quality
from outcomes.reporting.chapters.provenance import provenance
from outcomes.reporting.document import (
    Document,
    Figure,
    Paragraph,
    Releasable,
    Section,
    TableBlock,
)
from outcomes.reporting.numbers import Drawn, Instead
from outcomes.reporting.parts import ORDER, ROBUSTNESS, capital, chapter
from outcomes.reporting.plain_language import summary
from outcomes.reporting.printed import printed_section
from outcomes.study.study import Study

KINDS = {
    "before-after": message("before and after, no control group"),
    "follow-up": message("repeated follow-up, no control group"),
    "routes": message("routes compared, not randomised"),
    "parallel": message("parallel groups"),
    "crossover": message("crossover"),
    "n-of-1": message("N-of-1"),
}


def document(
    study: Study, results: Results, *, since: str | Path | None = None, period: str = ""
) -> Document:
    """The whole report of a study's results, for internal use: everything, in the order a reader
    needs it.

    `since` is the folder of the last report, with its snapshot; `period` names this report in the
    run of results.
    """
    parts = chapters(study, results)
    if since:
        parts.insert(1, since_last_time(study, results, read_snapshot(since), period=period))
    made = [printed_section(s) for s in parts]
    subtitle = say_n(
        "{n} patient · {design}",
        "{n} patients · {design}",
        study.enrolled,
        design=design_words(study),
    )
    return Document(
        title_of(study),
        subtitle,
        finished(made),
        study.sample,
        language=language_of().code,
        style=style_of().name,
    )


def chapters(study: Study, results: Results) -> list[Section]:
    """Every section of the report, its texts and tables as words about typed numbers."""
    added = guards(study, results)
    everything = Results((*results, *added), study, results.multiplicity)
    by_chapter: dict[str, list[Result]] = {}
    for r in everything:
        by_chapter.setdefault(chapter(r), []).append(r)
    order = sorted(
        by_chapter, key=lambda c: ORDER.index(c) if c in ORDER else ORDER.index(ROBUSTNESS) - 0.5
    )
    drawn = shown_figures(everything)
    appendix = [
        *(s for c in order for s in answers(c, by_chapter[c], drawn)),
        quality(study),
        methods(study, everything, results),
        checklist(study, everything),
        planned(study, results, added),
        provenance(study, results),
    ]
    parts = [
        summary(study, everything),
        counted(study, everything),
        *first_pages(study, everything),
        *deviated(study, results),
        cannot_show(study, everything),
        *(replace(s, appendix=True) for s in appendix),
    ]
    return list(_once(parts))


def _once(parts: Iterable[Section]) -> Iterator[Section]:
    """The sections without a picture that was drawn before, and without a small note that was
    said before.
    """
    notes, drawn = set[str](), list[tuple[str, pd.DataFrame]]()
    for s in parts:
        kept = []
        for b in s.blocks:
            if isinstance(b, Paragraph) and b.kind == "small" and isinstance(b.text, str):
                if b.text in notes:
                    continue
                notes.add(b.text)
            if isinstance(b, Drawn) and _drawn_before(b, drawn):
                continue
            kept += [b]
            drawn += [
                (x.kind, _frame(x))
                for x in (b.blocks if isinstance(b, Instead) else (b,))
                if isinstance(x, Drawn)
            ]
        if kept or s.level == 2:
            yield replace(s, blocks=tuple(kept))


def _drawn_before(b: Drawn, drawn: Sequence[tuple[str, pd.DataFrame]]) -> bool:
    return any(kind == b.kind and frame.equals(_frame(b)) for kind, frame in drawn)


def _frame(b: Drawn) -> pd.DataFrame:
    return b.result.data.get("pairs" if b.kind == "slopes" else b.kind, pd.DataFrame())


def title_of(study: Study) -> str:
    """The title of the report."""
    return study.title or say("Patient-reported outcomes")


def design_words(study: Study) -> str:
    """The design and the visits, for the line under the title."""
    design = say(KINDS[study.design])
    if len(study.visits) < 2:
        return design
    visits = ", ".join(spoken(v) for v in study.visits)
    return say("{design} · visits: {visits}", design=design, visits=visits)


def finished(parts: Iterable[Section]) -> tuple[Section, ...]:
    """The sections with anchors for links, page breaks, and their tables and pictures numbered
    through.
    """
    numbers, seen, out = {"Table": 0, "Figure": 0}, dict[str, int](), []
    parts = list(parts)
    first = next((i for i, s in enumerate(parts) if s.appendix), 1)
    for i, s in enumerate(parts):
        slug = re.sub(r"[^a-z0-9]+", "-", s.title.lower()).strip("-") or "section"
        seen[slug] = seen.get(slug, 0) + 1
        anchor = slug if seen[slug] == 1 else f"{slug}-{seen[slug]}"
        blocks = tuple(_numbered(b, numbers) for b in s.blocks)
        out.append(
            replace(s, title=say(s.title), blocks=blocks, anchor=anchor, new_page=i == first)
        )
    return tuple(out)


def _numbered(b: Any, numbers: dict[str, int]) -> Any:
    if isinstance(b, Releasable):
        return replace(b, block=_numbered(b.block, numbers))
    if isinstance(b, TableBlock):
        numbers["Table"] += 1
        title = say("Table {n}. {title}", n=numbers["Table"], title=capital(b.table.title))
        return replace(b, table=replace(b.table, title=title))
    if isinstance(b, Figure):
        numbers["Figure"] += 1
        name = say("Figure {n}", n=numbers["Figure"])
        table = b.numbers and replace(b.numbers, title=say("The numbers of {figure}", figure=name))
        caption = say("{figure}. {caption}", figure=name, caption=b.caption)
        if b.without:
            caption += " " + say("{figure} has {missing}.", figure=name, missing=b.without)
        return replace(b, caption=caption, numbers=table)
    return b
