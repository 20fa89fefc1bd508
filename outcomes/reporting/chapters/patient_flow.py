"""Who was counted, and how good the data are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from outcomes.checks import check
from outcomes.checks.attendance import attendance
from outcomes.core.language import in_language, in_source, message, message_n, named, say, say_n
from outcomes.core.result import Result, Results
from outcomes.core.wording import NONE, spoken, whole
from outcomes.reporting.document import Bullets, Flow, Paragraph, Section, Step, TableBlock
from outcomes.reporting.numbers import (
    About,
    Count,
    Division,
    Fixed,
    Grid,
    Part,
    Said,
    Tally,
    Text,
    cell,
)
from outcomes.reporting.parts import primary, several_rows
from outcomes.reporting.plain_language import nouns
from outcomes.study.scores import main_score
from outcomes.study.study import Study
from outcomes.tables.results_table import Table, frame_table


def counted(study: Study, results: Results) -> Section:
    """Who was counted: the flow of the main question, by arm where there are arms, and scores at
    each visit.
    """
    blocks: list[Any] = []
    main = next((r for r in primary(results) if not r.failed), None)
    if study.settings.get("not_included"):
        blocks.append(_included(study))
    if main is not None:
        blocks.append(_by_arm(main) if main.flow else _flow(main))
        if main.intercurrent:
            blocks.append(TableBlock(_events(main)))
    names = [n for n in study.outcome_names if not several_rows(study)]
    if names and len(study.visits) > 1:
        name = main.outcome.name if main is not None and main.outcome else main_score(study)
        order = tuple(arm for arm, _ in main.flow) if main is not None else ()
        blocks.append(_recorded(study, name, order))
    return Section(message("Who was counted"), tuple(blocks))


def _included(study: Study) -> Flow:
    """Whom [study] include left out of all that follows."""
    out: dict[str, int] = study.settings["not_included"]
    total = study.enrolled + sum(out.values())
    tally = Tally({"included": study.enrolled} | out, total, "patients in the files")
    left = tuple(
        (Said((Part(tally, why),), lambda s, why=why: why), cell(Part(tally, why))) for why in out
    )
    return Flow(
        (
            Step(Fixed("patients in the files"), cell(Count(total)), left),
            Step(Fixed("included, as the study file says"), cell(Part(tally, "included"))),
        )
    )


def _flow(r: Result) -> Flow:
    c, tally = r.counts, _counted(r)
    out = tuple(
        (Said((Part(tally, why),), lambda s, why=why: in_language(why)), cell(Part(tally, why)))
        for why, _ in c.left_out
    )
    return Flow(
        (
            Step(Fixed(_enrolled(c.noun, c.enrolled)), cell(Count(c.enrolled)), out),
            Step(Fixed(say("analysed for {score}", score=_of(r))), cell(Part(tally, "analysed"))),
        )
    )


def _counted(r: Result) -> Tally:
    """Who was analysed, and why others were left out."""
    c = r.counts
    groups = {"analysed": c.analysed} | dict(c.left_out)
    return Tally(groups, c.enrolled, f"counted for {_name(r)}", grows=False)


def _enrolled(noun: str, n: int) -> str:
    if noun == "patient":
        return say_n("patient enrolled", "patients enrolled", n)
    return say("{units} enrolled", units=nouns(noun))


def _by_arm(r: Result) -> Grid:
    """Who was counted in each arm, and why others were left out."""
    reasons = list(dict.fromkeys(why for _, c in r.flow for why, _ in c.left_out))
    tallies = {}
    for arm, c in r.flow:
        name = f"counted in {arm}: {_name(r)}"
        counts = {"analysed": c.analysed} | dict.fromkeys(reasons, 0) | dict(c.left_out)
        tallies[name] = Tally(counts, c.enrolled, name, grows=False)
    division = Division(_counted(r), tallies)
    enrolled = {arm: c.enrolled for arm, c in r.flow}
    groups = Tally(enrolled, sum(enrolled.values()), "groups of patients", sizes=True)

    def row(level: str) -> Iterator[Text]:
        return (cell(Part(t, level, division=division)) for t in tallies.values())

    rows: list[tuple[Text, ...]] = [
        (Fixed(say("enrolled")), *(cell(Part(groups, arm)) for arm in enrolled)),
        *((Fixed(say("left out: {why}", why=in_language(why))), *row(why)) for why in reasons),
        (Fixed(say("analysed")), *row("analysed")),
    ]
    header = (Fixed(""), *(About(spoken(arm)) for arm, _ in r.flow))
    unknown = r.counts.enrolled - sum(c.enrolled for _, c in r.flow)
    who = say_n(
        "{n} patient without a recorded group: in no column.",
        "{n} patients without a recorded group: in no column.",
        unknown,
    )
    notes: tuple[Text, ...] = (who,) if unknown else ()
    title = Fixed(say("Who was counted in each group: {score}", score=_of(r)))
    return Grid(title, header, tuple(rows), notes, tuple(range(1, len(header))))


def _recorded(study: Study, name: str, order: tuple[str, ...]) -> Grid:
    """Scores recorded at each visit, by arm where there are arms, in the order of the table before
    it.
    """
    by = "arm" if "arm" in study.patient_frame else ""
    frame = attendance(study, name, by)
    groups = list(dict.fromkeys(frame["group"]))
    groups = [*(g for g in order if g in groups), *(g for g in groups if g not in order)]
    rows: list[tuple[Text, ...]] = []
    for visit, part in frame.groupby("visit", sort=False):
        what = f"with a score at {spoken(visit)}"
        seen = {str(r["group"]): int(r["n"]) for r in part.to_dict("records")}
        tally = Tally(seen, sum(seen.values()), what)
        cells: list[Text] = []
        for r in sorted(part.to_dict("records"), key=lambda r: groups.index(r["group"])):
            of = int(r["enrolled"])
            n = Part(tally, str(r["group"]), of) if by else Count(int(r["n"]), what, of)
            cells += [cell(n), cell(n, lambda s: s.percent)]
        rows.append((Fixed(spoken(visit)), *cells))
    heads = [
        (
            About(say("{group}: with a score", group=spoken(g))),
            About(say("of all {group}", group=spoken(g))),
        )
        for g in groups
    ]
    if not by:
        heads = [(About(say("with a score")), About(say("of all enrolled")))]
    header = (Fixed(say("visit")), *(h for pair in heads for h in pair))
    score = study.outcome(name).said
    title = Fixed(say("Scores recorded at each visit: {score}", score=score))
    return Grid(title, header, tuple(rows), (), tuple(range(1, len(header))))


def _events(r: Result) -> Table:
    """Intercurrent events in each arm, and what was done about them."""
    arms = list(dict.fromkeys(arm for e in r.intercurrent for arm, _, _ in e.counts))
    rows = []
    for e in r.intercurrent:
        seen = {
            arm: say("{count} of {total}", count=whole(n), total=whole(of))
            for arm, n, of in e.counts
        }
        how = say("{strategy}: {done}", strategy=named(e.strategy), done=in_language(e.done))
        rows.append((in_language(e.event), *(seen.get(arm, NONE) for arm in arms), how))
    header = (say("event"), *(spoken(arm) or say("patients") for arm in arms), say("strategy"))
    title = say("Intercurrent events: {score}", score=_of(r))
    return Table(title, header, tuple(rows), numeric=tuple(range(1, len(header) - 1)))


def _of(r: Result) -> str:
    return r.outcome.said if r.outcome else r.analysis.title()


def _name(r: Result) -> str:
    """The name that a tally is remembered by: the same in every language."""
    with in_source():
        return r.outcome.title if r.outcome else r.analysis.title()


def quality(study: Study) -> Section:
    """What the checks found and how each column was read."""
    issues = check(study)
    blocks: list[Any] = []
    grave = issues[issues["severity"] != "note"]
    counts = issues["severity"].value_counts()
    kinds = {
        "error": message_n("{n} error", "{n} errors"),
        "warning": message_n("{n} warning", "{n} warnings"),
        "note": message_n("{n} note", "{n} notes"),
    }
    said = [say_n(*kinds[s], int(counts[s])) for s in kinds if s in counts]
    blocks.append(
        Paragraph(
            say("The checks found {what}. Nothing was repaired.", what=", ".join(said))
            if said
            else say("The checks found nothing.")
        )
    )
    columns = ("severity", "message", "count", "addresses")
    if len(grave):
        told = grave[list(columns)].assign(severity=[named(s) for s in grave["severity"]])
        blocks.append(TableBlock(frame_table(told, say("Errors and warnings"))))
    if len(rest := issues[issues["severity"] == "note"]):
        blocks.append(Bullets(tuple(str(m) for m in rest["message"])))
    if study.columns is not None and len(study.columns):
        blocks.append(TableBlock(frame_table(study.columns, say("How each column was read")), True))
    return Section(message("Data quality"), tuple(blocks))
