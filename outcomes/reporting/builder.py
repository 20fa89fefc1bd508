"""Which chapters a report has, in which order, and how its tables and pictures are numbered."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from outcomes.core.result import Result, Results
from outcomes.core.wording import plural, spoken
from outcomes.reporting.chapters.answers import answers
from outcomes.reporting.chapters.automatic_checks import guards
from outcomes.reporting.chapters.changes_since import read_snapshot
from outcomes.reporting.chapters.changes_since import since as since_last_time
from outcomes.reporting.chapters.checklist import checklist
from outcomes.reporting.chapters.first_pages import first_pages, shown_figures
from outcomes.reporting.chapters.frozen_plan import deviated
from outcomes.reporting.chapters.limitations import cannot_show, planned
from outcomes.reporting.chapters.methods import methods
from outcomes.reporting.chapters.patient_flow import counted, counted_each, quality
from outcomes.reporting.chapters.provenance import provenance
from outcomes.reporting.document import Block, Document, Figure, Releasable, Section, TableBlock
from outcomes.reporting.parts import ORDER, ROBUSTNESS, chapter
from outcomes.reporting.plain_language import summary
from outcomes.study.study import Study

KINDS = {
    "before-after": "before and after, no control group",
    "follow-up": "repeated follow-up, no control group",
    "routes": "routes compared, not randomised",
    "parallel": "parallel groups",
    "crossover": "crossover",
    "n-of-1": "N-of-1",
}


def document(
    study: Study, results: Results, *, since: str | Path | None = None, period: str = ""
) -> Document:
    """The whole report of a study's results, for internal use: everything, in the order a reader
    needs it.

    `since` is the folder of the last report, with its snapshot; `period` names this report in the
    run of results.
    """
    added = guards(study, results)
    everything = Results((*results, *added), study, results.multiplicity)
    chapters: dict[str, list[Result]] = {}
    for r in everything:
        chapters.setdefault(chapter(r), []).append(r)
    order = sorted(
        chapters, key=lambda c: ORDER.index(c) if c in ORDER else ORDER.index(ROBUSTNESS) - 0.5
    )
    parts: list[Section] = [
        summary(study, everything),
        *([since_last_time(study, results, read_snapshot(since), period=period)] if since else []),
        counted(study, everything),
        *first_pages(study, everything),
        *deviated(study, results),
        cannot_show(study, everything),
    ]
    drawn = shown_figures(everything)
    appendix = [
        *(s for c in order for s in answers(c, chapters[c], drawn)),
        counted_each(everything),
        quality(study),
        methods(study, everything, results),
        checklist(study, everything),
        planned(study, results, added),
        provenance(study, results),
    ]
    parts += [replace(s, appendix=True) for s in appendix]
    title = study.title or "Patient-reported outcomes"
    visits = (
        f" · visits: {', '.join(spoken(v) for v in study.visits)}" if len(study.visits) > 1 else ""
    )
    subtitle = f"{plural(study.enrolled, 'patient')} · {KINDS[study.design]}{visits}"
    return Document(title, subtitle, finished(parts), study.sample)


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
        out.append(replace(s, blocks=blocks, anchor=anchor, new_page=i == first))
    return tuple(out)


def _numbered(b: Block | Releasable, numbers: dict[str, int]) -> Block | Releasable:
    if isinstance(b, Releasable):
        return replace(b, block=_numbered(b.block, numbers))  # type: ignore[arg-type]
    if isinstance(b, TableBlock):
        numbers["Table"] += 1
        return replace(
            b, table=replace(b.table, title=f"Table {numbers['Table']}. {_upper(b.table.title)}")
        )
    if isinstance(b, Figure):
        numbers["Figure"] += 1
        name = f"Figure {numbers['Figure']}"
        table = b.numbers and replace(b.numbers, title=f"The numbers of {name}")
        return replace(b, caption=f"{name}. {b.caption}", numbers=table)
    return b


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
