"""The pages before the appendix: the main answer with its picture, responders, harms, and the
course over time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from outcomes.analyses.traits import Trait
from outcomes.checks import find_issues
from outcomes.core.result import Result, Results
from outcomes.core.wording import plural
from outcomes.reporting.chapters.answers import figure
from outcomes.reporting.document import Block, Bullets, Paragraph, Section
from outcomes.reporting.parts import COURSE, RESPONDERS, SAFETY, chapter, has, primary
from outcomes.study.study import Study

#: The rule whose findings somebody must look at today: thoughts of self-harm and the like.
URGENT = "safety_flag"


def first_pages(study: Study, results: Results) -> Iterator[Section]:
    """The main answer, who responded, what harm was noted, and the course; each in words with at
    most one picture.
    """
    told = [r for r in results if not r.failed]
    yield from _section("The main answer", _main(primary(results)))
    yield from _section(
        RESPONDERS, _said(r for r in told if _about(r, Trait.RESPONDERS, RESPONDERS))
    )
    yield from _section(SAFETY, _harms(study, told))
    yield from _section(COURSE, _course(told, primary(results)))


def shown_figures(results: Results) -> set[tuple[int, str]]:
    """Which pictures stand on the first pages, so that the appendix does not draw them again."""
    told = [r for r in results if not r.failed]
    main = [r for r in primary(results) if not r.failed and r.pictures]
    course = _course_of(told, primary(results))
    return {(id(r), r.pictures[0]) for r in (*main, *course)}


def _section(title: str, blocks: Iterable[Block]) -> Iterator[Section]:
    made = tuple(blocks)
    if made:
        yield Section(title, made)


def _about(r: Result, trait: Trait, name: str) -> bool:
    return r.analysis.role != "sensitivity" and (has(r, trait) or chapter(r) == name)


def _main(results: Sequence[Result]) -> Iterator[Block]:
    for r in results:
        if r.failed:
            yield Paragraph(f"The main question could not be answered: {r.failed}", "caution")
            continue
        yield Paragraph(r.sentence(), "lead")
        if r.pictures:
            yield figure(r, r.pictures[0])


def _said(results: Iterable[Result]) -> Iterator[Block]:
    sentences = tuple(dict.fromkeys(r.sentence() for r in results))
    if sentences:
        yield Bullets(sentences)


def _harms(study: Study, told: Sequence[Result]) -> Iterator[Block]:
    for issue in find_issues(study):
        if issue.rule == URGENT and issue.severity != "note":
            yield Paragraph(
                f"Look at this first. {issue.message} {plural(issue.count, 'answer')}; "
                "where they stand is in the appendix, under Data quality.",
                "caution",
            )
    yield from _said(r for r in told if has(r, Trait.HARMS))


def _course_of(told: Sequence[Result], main: Sequence[Result]) -> list[Result]:
    names = {r.outcome.name for r in main if r.outcome}
    found = [r for r in told if has(r, Trait.COURSE) and r.pictures]
    mine = [r for r in found if r.outcome and r.outcome.name in names]
    return (mine or found)[:1]


def _course(told: Sequence[Result], main: Sequence[Result]) -> Iterator[Block]:
    for r in _course_of(told, main):
        yield figure(r, r.pictures[0])
