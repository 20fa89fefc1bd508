"""Who was counted, and how good the data are."""

from __future__ import annotations

from outcomes.checks import check
from outcomes.core.result import Result, Results
from outcomes.core.wording import NONE, percent, plural, spoken
from outcomes.reporting.document import Block, Flow, Paragraph, Section, Step, TableBlock
from outcomes.reporting.parts import primary, several_rows
from outcomes.study.scores import main_score
from outcomes.study.study import Study
from outcomes.tables.results_table import Table, frame_table


def counted(study: Study, results: Results) -> Section:
    """Who was counted: the flow of the main question, by arm where there are arms, and scores at
    each visit.
    """
    blocks: list[Block] = []
    main = next((r for r in primary(results) if not r.failed), None)
    if main is not None:
        c = main.counts
        noun = c.noun if c.noun.endswith("s") else f"{c.noun}s"
        blocks.append(
            Flow(
                (
                    Step(
                        f"{noun} enrolled",
                        str(c.enrolled),
                        tuple((why, str(n)) for why, n in c.left_out),
                    ),
                    Step(f"analysed for {_of(main)}", str(c.analysed)),
                )
            )
        )
        if main.flow:
            blocks.append(TableBlock(_by_arm(main)))
        if main.intercurrent:
            blocks.append(TableBlock(_events(main)))
    wide = [n for n in study.outcome_names if not several_rows(study)]
    if wide:
        name = main.outcome.name if main is not None and main.outcome else main_score(study)
        frame = study.wide(name)
        order = frame.notna().to_numpy()
        followed = order[:, ::-1].cumsum(axis=1)[:, ::-1].astype(bool).sum(axis=0)
        rows = []
        for i, v in enumerate(study.visits):
            n = int(order[:, i].sum())
            still = int(followed[i])
            rows.append(
                (
                    spoken(v),
                    str(n),
                    percent(n / len(frame)),
                    str(still),
                    percent(n / still) if still else NONE,
                )
            )
        blocks.append(
            TableBlock(
                Table(
                    f"Scores recorded at each visit: {study.outcome(name).title}",
                    ("visit", "with a score", "of all enrolled", "seen then or later", "of these"),
                    tuple(rows),
                    numeric=(1, 2, 3, 4),
                )
            )
        )
    return Section("Who was counted", tuple(blocks))


def counted_each(results: Results) -> Section:
    """Who was counted for each question, and why others were not."""
    asked = tuple(
        (
            r.analysis.title(r.outcome),
            str(r.counts.enrolled),
            str(r.counts.analysed),
            "; ".join(f"{n} {why}" for why, n in r.counts.left_out) or NONE,
        )
        for r in results
    )
    table = Table(
        "Counted for each question",
        ("question", "enrolled", "analysed", "left out"),
        asked,
        numeric=(1, 2),
    )
    return Section("Counted for each question", (TableBlock(table),))


def _by_arm(r: Result) -> Table:
    """Who was counted in each arm, and why others were left out."""
    reasons = list(dict.fromkeys(why for _, c in r.flow for why, _ in c.left_out))
    rows = [("enrolled", *(str(c.enrolled) for _, c in r.flow))]
    rows += [
        (f"left out: {why}", *(str(dict(c.left_out).get(why, 0)) for _, c in r.flow))
        for why in reasons
    ]
    rows.append(("analysed", *(str(c.analysed) for _, c in r.flow)))
    header = ("", *(spoken(arm) for arm, _ in r.flow))
    unknown = r.counts.enrolled - sum(c.enrolled for _, c in r.flow)
    notes = (
        (f"{plural(unknown, 'patient')} without a recorded group: in no column.",)
        if unknown
        else ()
    )
    title = f"Who was counted in each group: {_of(r)}"
    return Table(title, header, tuple(rows), notes, numeric=tuple(range(1, len(header))))


def _events(r: Result) -> Table:
    """Intercurrent events in each arm, and what was done about them."""
    arms = list(dict.fromkeys(arm for e in r.intercurrent for arm, _, _ in e.counts))
    rows = []
    for e in r.intercurrent:
        seen = {arm: f"{n} of {of}" for arm, n, of in e.counts}
        rows.append((e.event, *(seen.get(arm, NONE) for arm in arms), f"{e.strategy}: {e.done}"))
    header = ("event", *(spoken(arm) or "patients" for arm in arms), "strategy")
    title = f"Intercurrent events: {_of(r)}"
    return Table(title, header, tuple(rows), numeric=tuple(range(1, len(header) - 1)))


def _of(r: Result) -> str:
    return r.outcome.title if r.outcome else r.analysis.title()


def quality(study: Study) -> Section:
    """What the checks found and how each column was read."""
    issues = check(study)
    blocks: list[Block] = []
    grave = issues[issues["severity"] != "note"]
    counts = issues["severity"].value_counts()
    said = [plural(int(counts[s]), s) for s in ("error", "warning", "note") if s in counts]
    blocks.append(
        Paragraph(
            f"The checks found {', '.join(said)}. Nothing was repaired."
            if said
            else "The checks found nothing."
        )
    )
    columns = ("severity", "message", "count", "addresses")
    if len(grave):
        blocks.append(TableBlock(frame_table(grave[list(columns)], "Errors and warnings")))
    if len(rest := issues[issues["severity"] == "note"]):
        blocks.append(
            TableBlock(frame_table(rest[list(columns)], f"{plural(len(rest), 'note')}"), True)
        )
    if study.columns is not None and len(study.columns):
        blocks.append(TableBlock(frame_table(study.columns, "How each column was read"), True))
    return Section("Data quality", tuple(blocks))
