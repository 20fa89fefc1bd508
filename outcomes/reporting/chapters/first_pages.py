"""The pages before the appendix: the main answer with its picture, responders, harms, and the
course over time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from outcomes.analyses.responders.one_group import ResponseCounts
from outcomes.analyses.traits import Trait
from outcomes.checks import find_issues
from outcomes.core.estimate import Estimate
from outcomes.core.language import Phrase, in_language, language_of, message, named, say, say_n
from outcomes.core.measure import Measure
from outcomes.core.result import Result, Results
from outcomes.core.wording import NONE, spoken, whole
from outcomes.plots import caption
from outcomes.reporting.chapters.figures import comparison_forest, figure
from outcomes.reporting.document import Paragraph, Section
from outcomes.reporting.numbers import (
    About,
    Difference,
    Drawn,
    Fixed,
    Full,
    Grid,
    Instead,
    Said,
    Share,
    Shown,
    Text,
    Value,
    cell,
    interval_of,
)
from outcomes.reporting.parts import COURSE, RESPONDERS, SAFETY, chapter, has, primary
from outcomes.reporting.plain_language import responses
from outcomes.reporting.told import ci_head, told_of
from outcomes.study.study import Study

#: The rule whose findings somebody must look at today: thoughts of self-harm and the like.
URGENT = "safety_flag"
#: Side effects in so many rows at most on the first pages; the appendix has all.
MOST_EVENTS = 6


def first_pages(study: Study, results: Results) -> Iterator[Section]:
    """The main answer, who responded, what harm was noted, and the course; each with at most one
    picture.
    """
    told = [r for r in results if not r.failed]
    yield from _section(message("The main answer"), _main(primary(results), told))
    yield from _section(RESPONDERS, _responders(told))
    asked = any(has(r, Trait.HARMS) for r in told)
    yield from _section(SAFETY if asked else message("Safety"), _harms(study, told))
    yield from _section(COURSE, _course(told, primary(results)))


def shown_figures(results: Results) -> set[tuple[int, str]]:
    """Which pictures stand on the first pages, so that the appendix does not draw them again.

    With "" as kind: the sentence of the answer stands there too.
    """
    told = [r for r in results if not r.failed]
    main = [r for r in primary(results) if not r.failed]
    told_there = ("",) if language_of().source else ()  # else the appendix has it, in English
    shown = {(id(r), kind) for r in main for kind in (*told_there, *r.pictures[:1])}
    if not any("group" in r.data["dots"] for r in told if "dots" in r.data):
        harms = [r for r in told if has(r, Trait.HARMS)]
        shown |= {(id(r), kind) for r in harms for kind in (*told_there, "dots")}
    return shown | {(id(r), kind) for r in _course_of(told, main) for kind in r.pictures[:1]}


def _section(title: str, blocks: Iterable[Any]) -> Iterator[Section]:
    made = tuple(blocks)
    if made:
        yield Section(title, made)


def _about(r: Result, trait: Trait, name: str) -> bool:
    return r.analysis.role != "sensitivity" and (has(r, trait) or chapter(r) == name)


def _main(results: Sequence[Result], told: Sequence[Result]) -> Iterator[Any]:
    for r in results:
        if r.failed:
            why = say("The main question could not be answered: {why}", why=r.failed)
            yield Paragraph(why, "caution")
            continue
        yield Paragraph(told_of(r), "lead")
        drawn: list[Any] = [figure(r, r.pictures[0])] if r.pictures else []
        forest = comparison_forest(r)
        if forest is not None and r.pictures[:1] != ("forest",):
            drawn.append(forest)
        drawn += [figure(b, "bands") for b in _banded(r, told)]
        if drawn:
            yield Instead(tuple(drawn))


def _banded(main: Result, told: Sequence[Result]) -> list[Result]:
    """The answer that says how many patients changed by how much, of the same score and visits."""
    q = main.analysis
    ends = (getattr(q, "before", ""), getattr(q, "after", ""))
    return [
        r
        for r in told
        if "bands" in r.data
        and r.outcome
        and main.outcome
        and r.outcome.name == main.outcome.name
        and (r.analysis.before, r.analysis.after) == ends
        and not (main.main is not None and main.main.contrast.reference)
    ][:1]


# --- responders -----------------------------------------------------------------------------------


def _responders(told: Sequence[Result]) -> Iterator[Any]:
    alone = [r for r in told if has(r, Trait.RESPONDERS) and r.analysis.role != "sensitivity"]
    rows = [row for r in alone for row in _response_rows(r)]
    if rows:
        header: tuple[Text, ...] = (
            Fixed(say("score")),
            Fixed(say("rule")),
            About(say("patients")),
            Fixed(say("share")),
            Fixed(ci_head(0.95)),
            Fixed(say("with it")),
            Fixed(say("missing as no response")),
        )
        yield Grid(Fixed(say("Responders")), header, tuple(rows), numeric=(2, 3, 4, 5, 6))
    for r in told:
        if has(r, Trait.RESPONDERS) or not _about(r, Trait.RESPONDERS, RESPONDERS):
            continue
        table = shares_by_group(r)
        yield table if table is not None else Paragraph(told_of(r))


def _response_rows(r: Result) -> Iterator[tuple[Text, ...]]:
    counted = r.about(ResponseCounts)
    said = counted.responses if counted is not None else ()
    everyone = {(x.rule, x.kind): x for x in said if x.everybody}
    there = {(e.n, e.value): e for e in r.estimates if e.measure is Measure.SHARE}
    title = r.analysis.label or (r.outcome.said if r.outcome else "")
    shown = responses(r)
    worse = [x for x in shown if x.kind == "worsened"][1:]  # one says how many got worse
    for i, x in enumerate([x for x in shown if x not in worse]):
        share = Share(x.count, x.total, there.get((x.total, x.count / x.total)), "responders")
        rule = in_language(x.rule)
        if x.kind == "improved":
            rule = say("{rule} better", rule=rule)
        elif x.kind == "worsened":
            rule = say("{rule} worse", rule=rule)
        all_ = everyone.get((x.rule, x.kind))
        missing = Full().show(Share(all_.count, all_.total)) if all_ else None
        yield (
            Fixed(title if i == 0 else ""),
            Fixed(rule),
            cell(share, lambda s: s.total),
            cell(share),
            cell(share, interval_of),
            say("{count} of {total}", count=whole(x.count), total=whole(x.total)),
            _counted(missing) if missing else NONE,
        )


def shares_by_group(r: Result, most: int = 0) -> Grid | None:
    """Shares of each group side by side, and their difference with its interval and P."""
    frame = r.data.get("dots")
    if frame is None or "count" not in frame or "group" not in frame:
        return None
    groups = list(dict.fromkeys(str(g) for g in frame["group"]))
    compared = _differences(r, len(groups))
    labels = list(dict.fromkeys(str(v) for v in frame["label"]))
    rules = {str(v): v for v in frame["label"]}  # a rule keeps its number and unit
    tested = any(e is not None and e.p == e.p for e in compared)
    header: list[Text] = [Fixed(""), *(About(spoken(g)) for g in groups)]
    two = len(groups) == 2 and len(compared) == len(labels)
    if two:
        header += [Fixed(say("difference, percentage points (CI)"))]
        header += [Fixed(say("P"))] if tested else []
    rows = []
    for i, label in enumerate(labels[: most or None]):
        of = {str(x["group"]): x for x in frame[frame["label"] == label].to_dict("records")}
        cells: list[Text] = [Fixed(event_or_rule(rules.get(label, label)))]
        cells += [cell(_group_share(of[g]), _counted) if g in of else NONE for g in groups]
        if two:
            v = _difference(r, compared[i], of)
            cells.append(Said((v,), lambda s: _points(s.estimate)))
            cells += [cell(v, lambda s: s.p)] if tested else []
        rows.append(tuple(cells))
    title = Fixed(r.analysis.title(r.outcome))
    numeric = tuple(range(1, len(header)))
    rest = say("others, in too few or nearly all patients to show")
    notes = (_of_rounded(rows),) if two else ()
    return Grid(title, tuple(header), tuple(rows), notes, numeric, False, None if two else rest)


def _of_rounded(rows: Sequence[tuple[Text, ...]]) -> Said:
    """A note on the differences where their counts are rounded; else nothing."""
    found = [n for row in rows for c in row if isinstance(c, Said) for n in c.numbers]
    differences = [n for n in found if isinstance(n, Difference)]
    paired = any(n.paired for n in differences)

    def write(*shown: Shown) -> str:
        if not any(s.about for s in shown):
            return ""
        if paired:
            return say(
                "Differences are those of the rounded counts, without an interval: it would need"
                " counts of pairs."
            )
        return say(
            "Differences are those of the rounded counts; their intervals allow for the rounding."
        )

    return Said(tuple(differences), write)


def _differences(r: Result, groups: int) -> list[Estimate]:
    """The first difference of shares after each set of shares, in the order of the answer."""
    found, open_ = [], False
    for e in r.estimates:
        if e.measure is Measure.SHARE:
            open_ = True
        elif open_ and e.measure in (Measure.SHARE_DIFFERENCE, Measure.RESPONSE_DIFFERENCE):
            found.append(e)
            open_ = False
    return found if groups == 2 else []


def _difference(r: Result, e: Estimate, of: dict[str, dict[str, Any]]) -> Value | Difference:
    """A difference with the two shares that it is made of, where they are in the row."""
    group, reference = of.get(e.contrast.group), of.get(e.contrast.reference)
    if group is None or reference is None:
        return Value(r, e)
    paired = not has(r, Trait.SEPARATE_GROUPS)
    return Difference(Value(r, e), _group_share(group), _group_share(reference), paired)


def _group_share(x: dict[str, Any]) -> Share:
    return Share(int(x["count"]), int(x["total"]), None, "share of a group")


def _counted(s: Any) -> str:
    if s.hidden:
        return NONE
    return say("{count} of {total} ({share})", count=s.count, total=s.total, share=s.text)


def event_or_rule(label: str) -> str:
    """The name of a side effect, or the rule of a responder, in the language in force."""
    return in_language(label) if isinstance(label, Phrase) else named(spoken(label))


def _points(e: Estimate) -> str:
    from outcomes.core.wording import interval, number

    if e.value != e.value:
        return NONE
    limits = f" ({interval(100 * e.low, 100 * e.high, 0)})" if e.low == e.low else ""
    return f"{number(100 * e.value, 0)}{limits}"


# --- harms and course -----------------------------------------------------------------------------


def _harms(study: Study, told: Sequence[Result]) -> Iterator[Any]:
    for issue in find_issues(study):
        if issue.rule == URGENT and issue.severity != "note":
            urgent = say_n(
                "Look at this first. {what} {n} answer; where they stand is in the appendix, under"
                " Data quality.",
                "Look at this first. {what} {n} answers; where they stand is in the appendix, under"
                " Data quality.",
                issue.count,
                what=in_language(issue.message),
            )
            yield Paragraph(urgent, "caution")
    about = [r for r in told if "dots" in r.data and chapter(r) == SAFETY]
    compared = [r for r in about if "group" in r.data["dots"]]
    for r in compared[:1]:
        table = shares_by_group(r, MOST_EVENTS)
        if table is not None:
            yield table
    for r in [r for r in told if has(r, Trait.HARMS)]:
        if language_of().source:  # else the appendix has it, and the summary said the numbers
            yield Paragraph(r.sentence())
        if not compared:
            yield _frequent(r)


def _frequent(r: Result) -> Drawn:
    """The picture of the most frequent side effects; its caption says that the appendix has the
    others too.
    """
    frame = r.data["dots"]
    few = frame.head(MOST_EVENTS + 2)  # any, serious, and so many by name
    drawn = figure(replace(r, data={**r.data, "dots": few}), "dots")
    if len(few) == len(frame):
        return drawn
    said = say("The most frequent ones are drawn; the table in the appendix has them all.")
    return replace(drawn, caption=f"{caption(drawn.result, 'dots')} {said}")


def _course_of(told: Sequence[Result], main: Sequence[Result]) -> list[Result]:
    names = {r.outcome.name for r in main if r.outcome}
    found = [r for r in told if has(r, Trait.COURSE) and r.pictures]
    mine = [r for r in found if r.outcome and r.outcome.name in names]
    return (mine or found)[:1]


def _course(told: Sequence[Result], main: Sequence[Result]) -> Iterator[Any]:
    for r in _course_of(told, main):
        yield figure(r, r.pictures[0])
