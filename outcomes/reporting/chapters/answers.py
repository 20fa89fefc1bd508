"""The answers of the appendix: one section a question, each with its typed numbers in one table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from outcomes.analyses.describe import Described
from outcomes.analyses.table_one import LevelCounts
from outcomes.analyses.traits import Trait
from outcomes.core.estimate import TITLES, Estimate
from outcomes.core.language import Phrase, in_language, in_source, language_of, named, say
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import MINUS, NONE, digits_for, number, spoken, whole
from outcomes.reporting.chapters.figures import STANDARDISED, family_forest, figure, marks, size
from outcomes.reporting.document import Paragraph, Section, TableBlock, english
from outcomes.reporting.numbers import (
    About,
    Count,
    Division,
    Fixed,
    Full,
    Grid,
    Instead,
    Mark,
    Part,
    Said,
    Share,
    Shown,
    Tally,
    Text,
    Value,
    cell,
    direction_cell,
    fixed,
    interval_of,
)
from outcomes.reporting.parts import capital, has
from outcomes.reporting.told import ci_head, p_head
from outcomes.tables.characteristics import characteristics_table
from outcomes.tables.results_table import Table, frame_table

#: From how many answers of one kind in one family they stand side by side instead of one after the
#: other.
MANY_ALIKE = 3
#: Above how many rows a table is folded, unless it is that of a primary question.
MANY_ROWS = 16
#: So many columns of means fit the width of a page.
MOST_COLUMNS = 8
#: So many notes of single scores stand below the table of a family; more are a table of their own.
MOST_NOTES = 4


def answers(
    chapter: str, results: Sequence[Result], shown_before: Collection[tuple[int, str]] = ()
) -> Iterable[Section]:
    """A chapter of answers; the same question of several scores of one family side by side.

    `shown_before` names pictures (the id of the result, the kind) that stand on the first pages
    already.
    """
    yield Section(chapter)
    shown: set[int] = set()
    for i, r in enumerate(results):
        if i in shown:
            continue
        same = [j for j, other in enumerate(results) if _alike(r, other)]
        if len(same) >= MANY_ALIKE:
            shown.update(same)
            yield Section(
                capital(named(r.analysis.family)),
                tuple(_side_by_side([results[j] for j in same])),
                3,
            )
        else:
            title = r.analysis.title(r.outcome)
            yield Section(capital(title), tuple(_answer(r, shown_before)), 3)


def _alike(a: Result, b: Result) -> bool:
    """The same question of different scores, in one family: shown side by side."""
    q, p = a.analysis, b.analysis
    visits = [getattr(x, "before", "") + getattr(x, "after", "") for x in (q, p)]
    return (
        bool(q.family)
        and type(q) is type(p)
        and q.family == p.family
        and q.role == p.role
        and visits[0] == visits[1]
    )


# --- one row a score ------------------------------------------------------------------------------


def _side_by_side(results: Sequence[Result]) -> Iterable[Any]:
    """One table and one picture for the same question asked of several scores."""
    q = results[0].analysis
    yield Paragraph(
        fixed(
            "The same question ({question}) of {n} scores, as one family.",
            question=named(q.short),
            n=len(results),
        )
    )
    yield scores_table(
        results, say("{family}: {question}", family=named(q.family), question=named(q.short))
    )
    drawn = family_forest(list(results))
    if drawn is not None:
        yield drawn
    yield from _notes_of(results)


def _notes_of(results: Sequence[Result]) -> Iterator[Any]:
    """What all answers note, once; what single ones note with the score, in a table if it is
    much.
    """
    times = Counter(n for r in results for n in dict.fromkeys(r.notes))
    shared = [n for n, k in times.items() if k == len(results)]
    yield from (english(n, "small") for n in shared)
    own = [
        (_score_name(r), n)
        for r in results
        for n in dict.fromkeys(r.notes)
        if times[n] < len(results)
    ]
    if len(own) > MOST_NOTES:
        header = (say("score"), say("note"))
        yield TableBlock(Table(say("Notes on single scores"), header, tuple(own)), folded=True)
    else:
        yield from (english(f"{name}: {note}", "small") for name, note in own)


def scores_table(results: Sequence[Result], title: str) -> Grid:
    """The main estimate of several answers, one row each: with the means before and after where
    all are mean changes of the same patients.
    """
    adjusted = any(not math.isnan(e.p_adjusted) for r in results for e in r.estimates)
    known = [r for r in results if not r.failed and r.estimates]
    paired = bool(known) and all(_ends(r) for r in known)
    sized = any(size(r) is not None for r in known)
    visits = (
        len({(getattr(r.analysis, "before", ""), getattr(r.analysis, "after", "")) for r in known})
        > 1
    )
    what = next((estimate_said(_main(r)) for r in known), say("change"))
    header: list[Text] = [
        fixed("score"),
        *([fixed("visits")] if visits else []),
        About(say("patients")),
        *([fixed("mean before"), fixed("mean after")] if paired else []),
        fixed("mean change") if paired else Fixed(what),
        Fixed(ci_head(results[0].analysis.level)),
        *([fixed("change in SDs (CI)")] if sized else []),
        Fixed(p_head()),
        *([Fixed(p_head(adjusted=True))] if adjusted else []),
        fixed("direction"),
    ]
    rows = [_row(r, paired, sized, adjusted, visits) for r in results]
    said = say("Change of the same patients") if paired else capital(title)
    if paired and not visits:
        said = say("Change of the same patients, {visits}", visits=_when(known[0]))
    notes: tuple[Text, ...] = ()
    e = next((size(r) for r in known if size(r) is not None), None)
    if e is not None:
        notes = (say("Change in SDs: {method}.", method=named(e.method)),)
    return Grid(
        Fixed(said), tuple(header), tuple(rows), notes, numeric=tuple(range(1, len(header) - 1))
    )


def _when(r: Result) -> str:
    return visits_said(r.analysis.before, r.analysis.after)


def visits_said(before: str, after: str) -> str:
    """Two visits: "baseline to week 4"."""
    return say("{before} to {after}", before=spoken(before), after=spoken(after))


def _row(r: Result, paired: bool, sized: bool, adjusted: bool, visits: bool) -> tuple[Text, ...]:
    title = Fixed(r.outcome.said if r.outcome else r.analysis.title())
    when: list[Text] = []
    if visits:
        q = r.analysis
        when = [Fixed(visits_said(getattr(q, "before", ""), getattr(q, "after", "")))]
    if r.failed or not r.estimates:
        gaps = [NONE] * (2 * paired + sized + adjusted + 3)
        return (title, *when, NONE, *gaps, say("not answered: {why}", why=r.failed))
    main = Value(r, _main(r))
    ends, e = _ends(r) if paired else (), size(r)
    n = r.counts.analysed if main.estimate.n is None else main.estimate.n
    return (
        title,
        *when,
        cell(Count(n, f"{_score_name(r)}: patients")),
        *(cell(Value(r, x)) for x in ends),
        cell(main),
        cell(main, interval_of),
        *([] if not sized else [NONE] if e is None else [_standardised(r, e)]),
        cell(main, lambda s: s.p),
        *([cell(main, lambda s: s.p_adjusted)] if adjusted else []),
        cell(main, direction_cell(r)),
    )


def _score_name(r: Result) -> str:
    """The name that a review calls the score by: the same in every language."""
    with in_source():
        return r.outcome.title if r.outcome else r.analysis.title()


def _standardised(r: Result, e: Estimate) -> Said:
    return cell(Value(r, e), lambda s: s.with_interval())


def _ends(r: Result) -> tuple[Estimate, ...]:
    """The means before and after that a mean change is made of; empty where it is something
    else.
    """
    main = r.main
    if main is None or main.measure is not Measure.CHANGE or main.contrast.group:
        return ()
    where = main.contrast
    found = [
        next((e for e in r.estimates if e.measure is Measure.LEVEL and e.contrast.visit == v), None)
        for v in (where.from_visit, where.visit)
        if v
    ]
    known = tuple(e for e in found if e is not None and not e.contrast.group)
    return known if len(known) == 2 else ()


def _main(r: Result) -> Estimate:
    """What a family shows of an answer: its main estimate; a bare test where it has nothing
    else.
    """
    return r.main or r.estimates[0]


# --- one question ---------------------------------------------------------------------------------


def _scores_of(r: Result) -> Mapping[str, str]:
    """The titles of all scores of a description, each in the language in force."""
    counted = r.about(LevelCounts)
    outcomes = counted.outcomes if counted is not None else ()
    return {o.title: o.said for o in outcomes}


def _answer(r: Result, shown_before: Collection[tuple[int, str]] = ()) -> Iterable[Any]:
    if r.failed:
        why = say("This question could not be answered: {why}", why=r.failed)
        yield Paragraph(why, "caution")
        return
    main = any((id(r), kind) in shown_before for kind in ("", *r.pictures))
    fronted = main or has(r, Trait.RESPONDERS, Trait.COURSE)  # a table says it
    if not fronted or not language_of().source:
        yield english(r.sentence())
    if r.estimand:
        yield english(Fixed(f"Estimand. {r.estimand}"), "small")
    for kind in r.pictures:
        one_row = kind == "forest" and len(r.data["forest"]) < 2  # the table says it
        if (id(r), kind) not in shown_before and not one_row:
            yield figure(r, kind)
    if "diagnostics" in r.data and r.analysis.role == "primary":
        yield figure(r, "diagnostics")
    for key, frame in r.data.items():
        if key == "table_one":
            yield from _characteristics(r, frame)
        elif key in TABLES:
            yield from TABLES[key](frame, _scores_of(r))
    if has(r, Trait.HARMS):
        yield harms_table(r)
    elif has(r, Trait.COURSE):
        yield course_table(r)
    elif has(r, Trait.RESPONDERS):
        pass  # its table is on the first pages
    elif _ends(r):
        yield scores_table([r], r.analysis.title(r.outcome))
    elif r.estimates and "visits" not in r.data:
        yield estimates_table(r)
    yield from (english(note, "small") for note in r.notes)


def estimates_table(r: Result) -> Grid:
    """The estimates of an answer: one effect size, no bare statistics, each row with its own n."""
    first = size(r)
    rows_of = [e for e in r.estimates if e.measure not in STANDARDISED or e is first]
    adjusted = any(not math.isnan(e.p_adjusted) for e in rows_of)
    tested = any(not math.isnan(e.p) for e in rows_of)
    header: list[Text] = [
        fixed("estimate"),
        About(say("n")),
        fixed("value"),
        Fixed(ci_head(r.analysis.level)),
        *([Fixed(p_head())] if tested else []),
        *([Fixed(p_head(adjusted=True))] if adjusted else []),
    ]
    rows = []
    for e in rows_of:
        v = Value(r, e)
        n = _n(r, e)
        rows.append(
            (
                Said((v,), lambda s, e=e: _named(e, first)),
                cell(Count(n, f"{r.analysis.short}: patients")) if n is not None else NONE,
                cell(v),
                cell(v, interval_of),
                *([cell(v, lambda s: s.p)] if tested else []),
                *([cell(v, lambda s: s.p_adjusted)] if adjusted else []),
            )
        )
    title = Fixed(capital(r.analysis.title(r.outcome)))
    folded = len(rows) > MANY_ROWS and r.analysis.role != "primary"
    return Grid(title, tuple(header), tuple(rows), (), tuple(range(1, len(header))), folded, "")


def _named(e: Estimate, first: Estimate | None) -> str:
    """The name of a row; the one effect size in words."""
    if e is not first:
        return spoken(estimate_said(e))
    change = e.measure is Measure.STANDARDISED_CHANGE
    said = say("standardised change") if change else say("standardised difference")
    if e.contrast.reference:
        said = f"{said} · {spoken(e.group)}"
    return f"{said} ({named(e.method)})" if e.method else said


def estimate_said(e: Estimate) -> str:
    """The term of an estimate as tables have it, its name in the language in force."""
    if language_of().source:
        return e.said
    own = isinstance(e.label, Phrase)
    name = in_language(e.label) if own else named(TITLES.get(e.label) or spoken(e.label))
    parts = (name, str(e.group), spoken(e.visit))
    return " · ".join(p for p in parts if p).replace(" - ", f" {MINUS} ")


def _n(r: Result, e: Estimate) -> int | None:
    """How many a row rests on: its own n, at a visit those seen there, else everybody analysed."""
    if e.n is not None:
        return e.n
    where = e.contrast
    for key in ("course", "observed"):
        frame = r.data.get(key)
        if frame is None or not where.visit or "n" not in frame:
            continue
        rows = frame[frame["visit"] == where.visit]
        if "group" in rows and where.group and not where.reference:
            rows = rows[rows["group"] == where.group]
        if len(rows):
            total = rows["n"].sum()
            return int(total) if total == total else None
    return r.counts.analysed


def course_table(r: Result) -> Grid:
    """The mean at each visit with its interval and how many were seen, one row a group."""
    found = marks(r, "course")
    groups = list(dict.fromkeys(m.labels["group"] for m in found))
    visits = list(dict.fromkeys(m.labels["visit"] for m in found))
    there = {(m.labels["group"], m.labels["visit"]): m for m in found}
    rows = []
    for g in groups:
        cells = [_seen(there[g, v]) if (g, v) in there else NONE for v in visits]
        rows.append((Fixed(spoken(g)) if g else fixed("all"), *cells))
    by = getattr(r.analysis, "by", "")
    header = (Fixed(spoken(by)) if by else fixed("patients"), *(Fixed(spoken(v)) for v in visits))
    title = fixed(
        "{question}: mean ({interval}), patients seen",
        question=capital(r.analysis.title(r.outcome)),
        interval=ci_head(0.95),
    )
    return Grid(title, header, tuple(rows), (), tuple(range(1, len(header))))


def _seen(m: Mark) -> Said:
    numbers = (m.number, m.n) if m.n is not None else (m.number,)

    def write(mean: Shown, n: Shown | None = None) -> str:
        if mean.hidden or (n is not None and n.hidden):
            return NONE
        return mean.with_interval() + (f", {n.text}" if n is not None else "")

    return Said(numbers, write)


def harms_table(r: Result) -> Grid:
    """Patients with each side effect, and the share and rate of infusions; most frequent first."""
    frame, per = r.data["dots"].to_dict("records"), _per_infusion(r)
    per = per if len(per) == len(frame) else []
    rows = list[tuple[Text, ...]]()
    for i, x in enumerate(frame):
        e = Estimate("share", x["share"], x["low"], x["high"], measure=Measure.SHARE)
        share = Share(int(x["count"]), int(x["total"]), e, "side effect")
        rows.append(
            (
                Fixed(named(spoken(x["label"]))),
                cell(share, lambda s: s.count),
                cell(share, lambda s: s.total),
                cell(share),
                cell(share, interval_of),
                *(_in_full(r, x) for x in (per[i] if per else ())),
            )
        )
    header: tuple[Text, ...] = (
        fixed("side effect"),
        About(say("patients with it")),
        About(say("out of")),
        fixed("share"),
        Fixed(ci_head(0.95)),
        *([fixed("of infusions (CI)"), fixed("per 100 infusions (CI)")] if per else []),
    )
    rest = say("others, in too few or nearly all patients to show")
    title = fixed("Side effects, patients with at least one")
    return Grid(title, header, tuple(rows), (), tuple(range(1, len(header))), False, rest)


def _in_full(r: Result, e: Estimate) -> str:
    """A number for internal use, with its interval."""
    return Full().show(Value(r, e)).with_interval()


def _per_infusion(r: Result) -> list[tuple[Estimate, Estimate]]:
    """The share and the rate of infusions of each side effect, in the order of the answer."""
    found, last = [], None
    for e in r.estimates:
        if e.measure is Measure.RATE and last is not None:
            found.append((last, e))
        last = e if e.measure is Measure.SHARE else None
    return found


def _characteristics(r: Result, frame: pd.DataFrame) -> Iterable[Any]:
    """Table 1; for sharing the counts of each level, where these may go out."""
    if not len(frame):
        return
    counted = r.about(LevelCounts)
    said = r.about(Described)
    first = spoken(said.baseline) if said is not None else ""
    before = {
        f"{title} at {first}": say("{score} at {visit}", score=score, visit=first)
        for title, score in _scores_of(r).items()
    }
    told = frame.assign(characteristic=[before.get(c, c) for c in frame["characteristic"]])
    full = TableBlock(characteristics_table(told))
    shared = _levels(counted) if counted else None
    yield Instead((full, shared)) if shared else full


def _levels(counted: LevelCounts) -> Grid | None:
    """The counts of each level, as far as a policy lets them out; of each group where groups are
    compared.
    """
    if counted.groups:
        return _levels_by_group(counted)
    rows: list[tuple[Text, ...]] = []
    for name, groups, total in counted.levels:
        tally = Tally(groups, total, name)
        rows += [
            (Fixed(named(spoken(name))), cell_name(tally, level), cell(Part(tally, level)))
            for level in groups
        ]
    header = (fixed("characteristic"), fixed("level"), About(say("patients")))
    rest = say("other groups, too small to show")
    title = fixed("Characteristics")
    return Grid(title, header, tuple(rows), (), (2,), False, rest) if rows else None


def _levels_by_group(counted: LevelCounts) -> Grid:
    """The counts of each level of each group: a group is a table of its own, which adds up to its
    patients.
    """
    rows: list[tuple[Text, ...]] = []
    for i, (name, levels, total) in enumerate(counted.levels):
        own = [(f"{name} in {g}", *c[i][1:]) for g, c in counted.groups.items()]
        tallies = {called: Tally(groups, size, called) for called, groups, size in own}
        division = Division(Tally(levels, total, name), tallies)
        for level in levels:
            parts = tuple(Part(t, level, division=division) for t in tallies.values())
            label = Said(parts, _name_of(level))
            rows.append((Fixed(named(spoken(name))), label, *map(cell, parts)))
    header = (
        fixed("characteristic"),
        fixed("level"),
        *(About(spoken(group)) for group in counted.groups),
    )
    note = fixed(
        "Numbers of patients. Hidden: too few, or with the others it would tell how many those are."
    )
    numeric = tuple(range(2, len(header)))
    return Grid(fixed("Characteristics"), header, tuple(rows), (note,), numeric)


def _name_of(level: str) -> Callable[..., str]:
    """The name of a level, where one of its numbers goes out."""

    def write(*shown: Shown) -> str:
        return NONE if all(s.hidden for s in shown) else named(spoken(level))

    return write


def cell_name(tally: Tally, level: str) -> Said:
    """The name of a level; it goes out only with its number."""
    return Said((Part(tally, level),), lambda s: named(spoken(level)))


def _visits(frame: pd.DataFrame, scores: Mapping[str, str]) -> Iterable[Any]:
    titles = list(dict.fromkeys(frame["title"]))
    first = frame[frame["title"] == titles[0]]
    title = say(
        "{score} at each visit, and change of the same patients", score=scores.get(titles[0], "")
    )
    yield TableBlock(_visit_table(first, title), len(first) > MANY_ROWS)
    if len(titles) > 1:
        yield from (TableBlock(t) for t in _all_scores(frame, titles, scores))


def _all_scores(
    frame: pd.DataFrame, titles: list[str], scores: Mapping[str, str]
) -> Iterator[Table]:
    """Every score at every visit: mean (SD) and how many, one row a score.

    Where there are too many visits for the width of a page, one row a visit and some scores a
    table.
    """
    cells = {(r["title"], r["visit"]): _mean_and_n(r) for r in frame.to_dict("records")}
    visits = list(dict.fromkeys(frame["visit"]))
    names = [scores.get(t, t) for t in titles]
    title = say("All {n} scores at each visit", n=len(titles))
    if len(visits) <= MOST_COLUMNS:
        rows = [
            (name, *(cells.get((t, v), NONE) for v in visits))
            for t, name in zip(titles, names, strict=True)
        ]
        yield _of_means(title, say("score: mean (SD), n"), map(spoken, visits), rows)
        return
    for i in range(0, len(titles), MOST_COLUMNS):
        part = titles[i : i + MOST_COLUMNS]
        rows = [(spoken(v), *(cells.get((t, v), NONE) for t in part)) for v in visits]
        yield _of_means(title, say("visit: mean (SD), n"), names[i : i + MOST_COLUMNS], rows)


def _mean_and_n(r: Mapping[str, Any]) -> str:
    k = digits_for(r["resolution"])
    return f"{number(r['mean'], k)} ({number(r['sd'], k)}), {whole(r['n'])}"


def _of_means(
    title: str, corner: str, heads: Iterable[str], rows: Sequence[tuple[str, ...]]
) -> Table:
    header = (corner, *heads)
    return Table(title, header, tuple(rows), numeric=tuple(range(1, len(header))))


def _visit_table(frame: pd.DataFrame, title: str) -> Table:
    rows: list[tuple[str, ...]] = []
    for r in frame.to_dict("records"):
        k = digits_for(r["resolution"])
        seen = (
            whole(r["n"]),
            f"{number(r['mean'], k)} ({number(r['sd'], k)})",
            f"{number(r['median'], k)} ({to_text(r['q1'], r['q3'], k)})",
        )
        change = (NONE, NONE, NONE, NONE)
        if r["pairs"]:
            limits = to_text(r["mean change_low"], r["mean change_high"], k)
            change = (
                whole(r["pairs"]),
                number(r["mean before (same patients)"], k),
                f"{number(r['mean change'], k)} ({limits})",
                number(r["correlation"], 2),
            )
        rows.append((spoken(r["visit"]), *seen, *change))
    header = (
        say("visit"),
        say("n"),
        say("mean (SD)"),
        say("median (quartiles)"),
        say("n with both"),
        say("their baseline"),
        say("mean change ({interval})", interval=ci_head(0.95)),
        say("r"),
    )
    notes = (say("r: correlation with the same patients' scores at baseline."),)
    return Table(title, header, tuple(rows), notes, numeric=tuple(range(1, len(header))))


def to_text(low: float, high: float, digits: int) -> str:
    """Two numbers with "to" between them, whatever the style of intervals."""
    return say("{low} to {high}", low=number(low, digits), high=number(high, digits))


def _plain_table(frame: pd.DataFrame, scores: Mapping[str, str]) -> Iterable[Any]:
    if len(frame):
        told = frame.assign(**{c: _names(frame[c]) for c in frame if c == "side effect"})
        yield TableBlock(frame_table(told, say("Side effects in detail")))


def _names(column: pd.Series) -> list[str]:
    return [named(spoken(str(v))) for v in column]


#: Frames of a result that are tables for people, and how each is laid out.
TABLES = {"visits": _visits, "event_table": _plain_table}
