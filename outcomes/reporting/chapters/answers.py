"""The answers: each in words, as a picture with its numbers, and as a table."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.analyses.table_one import FIXED
from outcomes.core.direction import direction, oriented, p_text, value_and_interval
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.picture import MEANING, ValueAxis
from outcomes.core.result import Result
from outcomes.core.wording import NONE, digits_for, interval, number, percent, spoken
from outcomes.reporting.document import Block, Bullets, Figure, Paragraph, Section, TableBlock
from outcomes.tables.results_table import Table, frame_table, table

#: From how many answers of one kind in one family they stand side by side instead of one after the
#: other.
MANY_ALIKE = 3
#: Above how many rows a table is folded.
MANY_ROWS = 12


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
                r.analysis.family[:1].upper() + r.analysis.family[1:],
                tuple(_side_by_side([results[j] for j in same])),
                3,
            )
        else:
            title = r.analysis.title(r.outcome)
            yield Section(title[:1].upper() + title[1:], tuple(_answer(r, shown_before)), 3)


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


def _side_by_side(results: Sequence[Result]) -> Iterable[Block]:
    """One table and one picture for the same question asked of several scores, and every answer in
    words below.
    """
    rows, marks = list[tuple[str, ...]](), list[dict[str, Any]]()
    adjusted = any(not math.isnan(e.p_adjusted) for r in results for e in r.estimates)
    for r in results:
        title = r.outcome.title if r.outcome else r.analysis.title()
        if r.failed or not r.estimates:
            rows.append((title, "not answered", *[NONE] * (4 + adjusted), r.failed))
            continue
        first, size = _main(r), _size(r)
        value, ci = value_and_interval(first, r.outcome)
        word = direction(first, r.outcome) or NONE
        rows.append(
            (
                title,
                value,
                ci,
                word,
                p_text(first.p),
                *([p_text(first.p_adjusted)] if adjusted else []),
                (
                    NONE
                    if size is None
                    else f"{number(size.value, 2)} ({interval(size.low, size.high, 2)})"
                ),
                str(r.counts.analysed),
            )
        )
        if size is not None:
            turned = oriented(size, r.outcome)
            marks.append(
                {"label": title, "value": turned.value, "low": turned.low, "high": turned.high}
            )
    q = results[0].analysis
    named = next((_main(r).said for r in results if r.estimates), "change")
    header = (
        "score",
        named,
        "95% CI" if q.level == 0.95 else "interval",
        "direction",
        "P",
        *(["adjusted P"] if adjusted else []),
        "in SD units (CI)",
        "n",
    )
    yield Paragraph(f"The same question ({q.short}) of {len(results)} scores, as one family.")
    yield TableBlock(
        Table(f"{q.family}: {q.short}", header, tuple(rows), numeric=tuple(range(1, len(header))))
    )
    if len(marks) > 1:
        title = (
            f"{q.family[:1].upper()}{q.family[1:]}: change in SD units, turned so that right is"
            " better"
        )
        drawn = Result(
            replace(q, label=title),
            (),
            results[0].counts,
            data={"forest": pd.DataFrame(marks)},
            pictures=("forest",),
            axis=ValueAxis("standardised change, in SDs; right of the line: better"),
            sample=results[0].sample,
        )
        alt = "; ".join(
            f"{m['label']} {number(m['value'], 2)} ({interval(m['low'], m['high'], 2)})"
            for m in marks
        )
        shown = pd.DataFrame(marks)[["label", "value", "low", "high"]]
        yield Figure(
            drawn,
            "forest",
            _caption(drawn, "forest"),
            f"Standardised changes: {alt}",
            frame_table(shown, "Numbers"),
        )
    yield Bullets(tuple(r.sentence() for r in results))
    for note in dict.fromkeys(n for r in results for n in r.notes):
        yield Paragraph(note, "small")


def _main(r: Result) -> Estimate:
    """What a family shows of an answer: its main estimate; a bare test where it has nothing
    else.
    """
    return r.main or r.estimates[0]


def _size(r: Result) -> Estimate | None:
    """The standardised size at the main visit, where the answer has one; the first where it has
    several.
    """
    sizes = [
        e
        for e in r.estimates
        if e.measure in (Measure.STANDARDISED_CHANGE, Measure.STANDARDISED_DIFFERENCE)
    ]
    return next((e for e in sizes if e.visit == r.main_visit), sizes[0] if sizes else None)


def figure(r: Result, kind: str) -> Figure:
    """A picture of an answer with its caption, its words and its numbers."""
    return Figure(r, kind, _caption(r, kind), r.sentence(), _numbers(r, kind))


def _answer(r: Result, shown_before: Collection[tuple[int, str]] = ()) -> Iterable[Block]:
    if r.failed:
        yield Paragraph(f"This question could not be answered: {r.failed}", "caution")
        return
    yield Paragraph(r.sentence(), "lead" if r.analysis.role == "primary" else "plain")
    if r.estimand:
        yield Paragraph(f"Estimand. {r.estimand}", "small")
    for kind in r.pictures:
        if (id(r), kind) in shown_before:
            yield Paragraph("Its picture stands on the first pages.", "small")
        else:
            yield figure(r, kind)
    for key, frame in r.data.items():
        if key in TABLES:
            yield from TABLES[key](frame)
    if r.estimates and "visits" not in r.data:
        yield TableBlock(table(r), len(r.estimates) > MANY_ROWS)
    if r.notes and ("visits" in r.data or len(r.estimates) > MANY_ROWS):
        yield Bullets(r.notes)


#: What a reader needs to know to read each kind of picture.
CAPTIONS = {
    "slopes": (
        "Each line is a patient (wider lines: several patients with the same scores); the black"
        " line is the mean. Blue improved, orange worsened, grey unchanged. Right: how many"
        " patients changed by how much; the black mark is the mean change with its interval."
    ),
    "ecdf": "Read up from any improvement to the share of patients who reached at least that much.",
    "course": (
        "Points are means of the patients seen at each visit, bars their confidence interval, n how"
        " many were seen."
    ),
    "modelled": (
        "Points are means from the model, bars their confidence interval, n how many scores were"
        " seen."
    ),
    "staircase": (
        "Each bar is a pattern of visits, as high as it is frequent: blue where a score was seen,"
        " white where it is missing."
    ),
    "tipping": (
        "The estimate with its interval as the missing scores are made worse and worse; the dashed"
        " line is where the conclusion changes."
    ),
}


def _caption(r: Result, kind: str) -> str:
    what = r.analysis.title(r.outcome)
    kind = "modelled" if kind == "course" and r.model is not None else kind
    return (
        f"{what[:1].upper()}{what[1:]}."
        f" {CAPTIONS.get(kind, 'Points are estimates, bars their confidence intervals.')}"
    )


def _numbers(r: Result, kind: str) -> Table | None:
    """The numbers of a picture as a table: those of the frame it is drawn from, condensed where
    that has a row a patient.
    """
    frame = r.data["pairs" if kind == "slopes" else kind]
    if kind == "slopes":
        counts = frame["change"].round(9).value_counts().sort_index()
        if len(counts) > 30:
            counts = frame["change"].value_counts(bins=15).sort_index()
            words = [f"{number(c.left, 1)} to {number(c.right, 1)}" for c in counts.index]
        else:
            words = [
                number(c, digits_for(r.outcome.resolution) if r.outcome else 1)
                for c in counts.index
            ]
        rows = tuple((w, str(n)) for w, n in zip(words, counts))
        return Table("Numbers", ("change (after − before)", "patients"), rows, numeric=(0, 1))
    if kind == "ecdf":
        cuts = range(-50, 101, 10)
        share = [
            (
                (frame.loc[frame["improvement"] >= c, "share"].iloc[0])
                if (frame["improvement"] >= c).any()
                else 0.0
            )
            for c in cuts
        ]
        rows = tuple((f"{number(c, 0)}%", percent(v)) for c, v in zip(cuts, share))
        return Table(
            "Numbers", ("improvement of at least", "share of patients"), rows, numeric=(0, 1)
        )
    shares = {c: frame[c].map(percent) for c in SHARES.get(kind, ()) if c in frame}
    shown = frame.assign(**shares).drop(columns=list(MEANING), errors="ignore")
    return frame_table(shown, "Numbers")


#: Columns of a picture's frame that are shares.
SHARES = {"dots": ("share", "low", "high"), "survival": ("survival", "low", "high")}


SMD_NOTE = (
    "SMD: standardised difference, the largest of two groups; around 0.1 is small. "
    "Differences at the start are not tested."
)


def _table_one(frame: pd.DataFrame) -> Iterable[TableBlock]:
    rows: list[tuple[str, ...]] = []
    last, more = "", [str(c) for c in frame.columns[len(FIXED) :]]
    for r in frame.to_dict("records"):
        name = str(r["characteristic"])
        cells = (str(r["level"]), str(r["value"]), *(str(r[c]) for c in more))
        rows.append(("" if name == last else spoken(name), *cells))
        last = name
    header = ("characteristic", "level", "all" if more else "value", *more)
    notes = (SMD_NOTE,) if more else ()
    if rows:
        numeric = tuple(range(2, len(header)))
        yield TableBlock(Table("Characteristics", header, tuple(rows), notes, numeric))


def _visits(frame: pd.DataFrame) -> Iterable[TableBlock]:
    titles = list(dict.fromkeys(frame["title"]))
    for title in titles[:1] if len(titles) > 1 else titles:
        yield TableBlock(
            _visit_table(
                frame[frame["title"] == title],
                f"{title} at each visit, and change of the same patients",
            )
        )
    if len(titles) > 1:
        yield TableBlock(
            _visit_table(frame, f"All {len(titles)} scores at each visit", named=True), True
        )


def _visit_table(frame: pd.DataFrame, title: str, *, named: bool = False) -> Table:
    rows: list[tuple[str, ...]] = []
    last = ""
    for r in frame.to_dict("records"):
        k = digits_for(r["resolution"])
        seen = (
            str(r["n"]),
            f"{number(r['mean'], k)} ({number(r['sd'], k)})",
            f"{number(r['median'], k)} ({number(r['q1'], k)} to {number(r['q3'], k)})",
        )
        change = (NONE, NONE, NONE, NONE)
        if r["pairs"]:
            words = (
                f"{number(r['mean change'], k)}"
                f" ({interval(r['mean change_low'], r['mean change_high'], k)})"
            )
            change = (
                str(r["pairs"]),
                number(r["mean before (same patients)"], k),
                words,
                number(r["correlation"], 2),
            )
        head = (("" if r["title"] == last else str(r["title"])),) if named else ()
        rows.append((*head, spoken(r["visit"]), *seen, *(change[:-1] if named else change)))
        last = str(r["title"])
    header = (
        *(("score",) if named else ()),
        "visit",
        "n",
        "mean (SD)",
        "median (quartiles)",
        "n with both",
        "their baseline",
        "mean change (95% CI)",
        *(
            () if named else ("r",)
        ),  # the page has no room for it beside the names; results.csv has it
    )
    notes = () if named else ("r: correlation with the same patients' scores at baseline.",)
    return Table(
        title, header, tuple(rows), notes, numeric=tuple(range(2 if named else 1, len(header)))
    )


def _plain_table(frame: pd.DataFrame) -> Iterable[TableBlock]:
    if len(frame):
        yield TableBlock(frame_table(frame, "Side effects in detail"), len(frame) > MANY_ROWS)


#: Frames of a result that are tables for people, and how each is laid out.
TABLES = {"table_one": _table_one, "visits": _visits, "event_table": _plain_table}
