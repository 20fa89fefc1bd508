"""Which sections a report has, in which order, and what they say."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Any

import pandas as pd

import outcomes
from outcomes.checks import check
from outcomes.plan import Plan
from outcomes.report.model import (
    Block,
    Bullets,
    Document,
    Figure,
    Flow,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    TableBlock,
)
from outcomes.result import Result, Results
from outcomes.study import Study
from outcomes.tables import Table, frame_table, table
from outcomes.wording import NONE, digits_for, interval, level_text, number, percent, plural, share_of, spoken

ANSWERS, ROBUSTNESS, SAFETY = "Answers", "Robustness", "Side effects"
#: Chapters of answers, in the order a reader wants them.
ORDER = ("The patients", ANSWERS, "Responders", "The course over time", ROBUSTNESS, SAFETY)


def document(study: Study, results: Results) -> Document:
    """The whole report of a study's results."""
    chapters: dict[str, list[Result]] = {}
    for r in results:
        chapters.setdefault(_chapter(r), []).append(r)
    order = sorted(chapters, key=lambda c: ORDER.index(c) if c in ORDER else ORDER.index(ROBUSTNESS) - 0.5)
    parts: list[Section] = [
        _in_short(study, results),
        _asked(results),
        _counted(study, results),
        _quality(study),
        *(s for c in order for s in _answers(c, chapters[c])),
        _cannot_show(study, results),
        _methods(study, results),
        _provenance(study, results),
    ]
    title = study.title or "Patient-reported outcomes"
    kind = {"before-after": "before and after, no control group", "follow-up": "repeated follow-up, no control group",
            "routes": "routes compared, not randomised", "parallel": "parallel groups", "crossover": "crossover",
            "n-of-1": "N-of-1"}[study.design]  # fmt: skip
    subtitle = f"{plural(study.enrolled, 'patient')} · {kind} · visits: {', '.join(spoken(v) for v in study.visits)}"
    return Document(title, subtitle, tuple(_anchored(parts)), study.sample)


def _anchored(parts: Iterable[Section]) -> Iterable[Section]:
    seen: dict[str, int] = {}
    for s in parts:
        slug = re.sub(r"[^a-z0-9]+", "-", s.title.lower()).strip("-") or "section"
        seen[slug] = seen.get(slug, 0) + 1
        yield Section(s.title, s.blocks, s.level, slug if seen[slug] == 1 else f"{slug}-{seen[slug]}")


def _chapter(r: Result) -> str:
    if r.analysis.role == "sensitivity":
        return ROBUSTNESS
    return r.analysis.chapter or ANSWERS


# --- the first page ---------------------------------------------------------------------------------------------


def _primary(results: Results) -> list[Result]:
    chosen = [r for r in results if r.analysis.role == "primary"]
    return chosen or [r for r in results if r.estimates and _chapter(r) == ANSWERS][:1]


def _in_short(study: Study, results: Results) -> Section:
    blocks: list[Block] = []
    keys = [k for r in _primary(results) if (k := _key(r))] + [k for r in results if (k := _responder_key(r))][:2]
    if keys:
        blocks.append(KeyNumbers((KeyNumber(str(study.enrolled), "patients enrolled"), *keys)))
    blocks += [Paragraph(r.sentence(), "lead") for r in _primary(results)]
    if not study.controlled:
        blocks.append(
            Paragraph(
                "There was no randomised comparison group. These numbers say how patients were before and after; they do not "
                "say what the treatment did. What this design cannot show is explained in a section of its own below.",
                "caution",
            )
        )
    if results.failed:
        names = tuple(f"{r.analysis.title(r.outcome)}: {r.failed}" for r in results.failed)
        blocks += [Paragraph(f"{plural(len(names), 'question')} could not be answered:", "caution"), Bullets(names)]
    return Section("In short", tuple(blocks))


def _key(r: Result) -> KeyNumber | None:
    e = next((e for e in r.estimates if not math.isnan(e.low)), None)
    if e is None or r.outcome is None:
        return None
    k = digits_for(r.outcome.resolution) if e.unit == r.outcome.unit else 2
    label = f"{e.name} of {r.outcome.title}" + (f" at {spoken(e.visit)}" if e.visit else "")
    word = r.outcome.direction(e.value) if e.name.endswith("change") else ""
    return KeyNumber(
        number(e.value, k), label + (f" ({word})" if word else ""), interval(e.low, e.high, k, level=e.level)
    )


def _responder_key(r: Result) -> KeyNumber | None:
    if type(r.analysis).__name__ != "Responders" or r.failed:
        return None
    e = r.estimates[0]
    if math.isnan(e.value):
        return None
    what = f"{e.name.split(',')[0]} in {r.outcome.title}" if r.outcome else e.name
    ci = f"{level_text(e.level)} CI, {interval(100 * e.low, 100 * e.high, 0)}%; of those with both scores"
    return KeyNumber(percent(e.value), what, ci)


# --- what was asked, of whom ------------------------------------------------------------------------------------


def _asked(results: Results) -> Section:
    rows = tuple(
        (str(i), r.analysis.title(r.outcome), type(r.analysis).question(), r.analysis.role, r.analysis.family or NONE)
        for i, r in enumerate(results, 1)
    )
    return Section(
        "What was asked",
        (
            Paragraph(
                "The questions below were written in the study file before this report was made, in this order. Primary questions "
                "carry the conclusion; exploratory ones suggest, they do not show."
            ),
            TableBlock(Table("The plan", ("no.", "question", "what it asks", "role", "family"), rows, numeric=(0,))),
        ),
    )


def _counted(study: Study, results: Results) -> Section:
    blocks: list[Block] = []
    main = next((r for r in _primary(results) if not r.failed), None)
    if main is not None:
        c = main.counts
        noun = c.noun if c.noun.endswith("s") else f"{c.noun}s"
        blocks.append(
            Flow(((f"{noun} enrolled", c.enrolled, c.left_out), (f"analysed for {_of(main)}", c.analysed, ())))
        )
    wide = [n for n in study.outcome_names if not _several_rows(study)]
    if wide:
        name = main.outcome.name if main is not None and main.outcome else wide[0]
        frame = study.wide(name)
        rows, before = [], len(frame)
        for v in study.visits:
            n = int(frame[v].notna().sum())
            rows.append(
                (spoken(v), str(n), percent(n / len(frame)), str(before), percent(n / before) if before else NONE)
            )
            before = n or before
        blocks.append(
            TableBlock(
                Table(
                    f"Scores recorded at each visit: {study.outcome(name).title}",
                    ("visit", "with a score", "of all enrolled", "seen at the visit before", "of these"),
                    tuple(rows),
                    numeric=(1, 2, 3, 4),
                )
            )
        )
    asked = tuple(
        (r.analysis.title(r.outcome), str(r.counts.enrolled), str(r.counts.analysed),
         "; ".join(f"{n} {why}" for why, n in r.counts.left_out) or NONE)
        for r in results
    )  # fmt: skip
    blocks.append(
        TableBlock(
            Table("Counted for each question", ("question", "enrolled", "analysed", "left out"), asked, numeric=(1, 2)),
            True,
        )
    )
    return Section("Who was counted", tuple(blocks))


def _of(r: Result) -> str:
    return r.outcome.title if r.outcome else r.analysis.title()


def _several_rows(study: Study) -> bool:
    return len(study.keys) > 2 and bool(study.scores.duplicated(["patient", "visit"]).any())


def _quality(study: Study) -> Section:
    issues = check(study)
    blocks: list[Block] = []
    grave = issues[issues["severity"] != "note"]
    counts = issues["severity"].value_counts()
    said = [plural(int(counts[s]), s) for s in ("error", "warning", "note") if s in counts]
    blocks.append(
        Paragraph(f"The checks found {', '.join(said)}. Nothing was repaired." if said else "The checks found nothing.")
    )
    columns = ("severity", "message", "count", "addresses")
    if len(grave):
        blocks.append(TableBlock(frame_table(grave[list(columns)], "Errors and warnings")))
    if len(rest := issues[issues["severity"] == "note"]):
        blocks.append(TableBlock(frame_table(rest[list(columns)], f"{plural(len(rest), 'note')}"), True))
    if study.columns is not None and len(study.columns):
        blocks.append(TableBlock(frame_table(study.columns, "How each column was read"), True))
    return Section("Data quality", tuple(blocks))


# --- answers ----------------------------------------------------------------------------------------------------


def _answers(chapter: str, results: Sequence[Result]) -> Iterable[Section]:
    yield Section(chapter)
    for r in results:
        yield Section(r.analysis.title(r.outcome), tuple(_answer(r)), 3)


def _answer(r: Result) -> Iterable[Block]:
    if r.failed:
        yield Paragraph(f"This question could not be answered: {r.failed}", "caution")
        return
    yield Paragraph(r.sentence(), "lead" if r.analysis.role == "primary" else "plain")
    for kind in r.pictures:
        numbers = next((frame_table(f, "Numbers") for key, f in r.data.items() if key == kind and len(f) <= 60), None)
        yield Figure(r, kind, _caption(r), r.sentence(), numbers)
    for key, frame in r.data.items():
        if key in TABLES:
            yield TableBlock(TABLES[key](frame))
    if r.estimates and "visits" not in r.data:
        yield TableBlock(table(r))
    elif r.notes:
        yield Bullets(r.notes)


def _caption(r: Result) -> str:
    kind = {
        "slopes": "Each line is a patient (wider lines: several patients with the same scores); the black line is the mean. "
        "Blue improved, orange worsened, grey unchanged. Right: how many patients changed by how much; the black mark is the mean "
        "change with its interval.",
        "ecdf": "Read up from any improvement to the share of patients who reached at least that much.",
        "course": "Points are means of the patients seen at each visit, bars their confidence interval, n how many were seen.",
    }
    return kind.get(r.pictures[0], "Points are estimates, bars their confidence intervals.")


def _table_one(frame: pd.DataFrame) -> Table:
    rows, last = [], None
    for r in frame.itertuples():
        rows.append(("" if r.characteristic == last else spoken(r.characteristic), r.level, r.value))
        last = r.characteristic
    return Table("The patients", ("characteristic", "", "value"), tuple(rows), numeric=(2,))


def _visits(frame: pd.DataFrame) -> Table:
    rows, last = [], None
    for r in frame.to_dict("records"):
        k = digits_for(r["resolution"])
        change = (
            NONE
            if math.isnan(r["mean change"])
            else f"{number(r['mean change'], k)} ({interval(r['mean change_low'], r['mean change_high'], k)})"
        )
        rows.append(
            ("" if r["title"] == last else r["title"], spoken(r["visit"]), str(r["n"]), f"{number(r['mean'], k)} ({number(r['sd'], k)})",
             f"{number(r['median'], k)} ({number(r['q1'], k)} to {number(r['q3'], k)})", str(r["pairs"]) if r["pairs"] else NONE,
             number(r["mean before (same patients)"], k), change)
        )  # fmt: skip
        last = r["title"]
    header = (
        "score",
        "visit",
        "n",
        "mean (SD)",
        "median (quartiles)",
        "n with baseline",
        "their baseline",
        "their mean change (95% CI)",
    )
    return Table(
        "Scores at each visit, and change of the same patients", header, tuple(rows), numeric=(2, 3, 4, 5, 6, 7)
    )


#: Frames of a result that are tables for people, and how each is laid out.
TABLES = {"table_one": _table_one, "visits": _visits, "event_table": lambda f: frame_table(f, "Side effects in detail")}


# --- what it does not show --------------------------------------------------------------------------------------


def _cannot_show(study: Study, results: Results) -> Section:
    items = []
    if not study.controlled:
        items.append(
            "Whether the treatment caused the change. Pain that is bad enough to seek an infusion tends to be less bad later "
            "whatever is done (regression to the mean), and most conditions vary by themselves (natural course)."
        )
        items.append(
            "What other treatment did: medicines, physiotherapy and attention given at the same time are part of every change."
        )
        items.append("What patients expected: nobody was blinded, and hope and the wish to please move scores.")
    if study.design == "routes":
        items.append(
            "Which route is better: the route was chosen for each patient, and the reasons for the choice may explain the difference."
        )
    if study.design == "crossover":
        items.append(
            "Effects that outlast a period: if the first treatment still works in the second period, the difference is understated."
        )
    lost = _lost(study)
    if lost:
        items.append(lost)
    items.append(
        "Whether a single patient improved because of treatment: a responder is somebody whose score fell by so much, for whatever reason."
    )
    blocks: list[Block] = [Bullets(tuple(items))]
    for r in results:
        if type(r.analysis).__name__ == "RegressionToMean" and not r.failed:
            blocks += [Paragraph(r.sentence(), "caution"), TableBlock(table(r))]
    return Section("What this design cannot show", tuple(blocks))


def _lost(study: Study) -> str:
    if _several_rows(study) or not study.outcome_names or len(study.visits) < 2:
        return ""
    frame = study.wide(study.outcome_names[0])
    first, last = frame[study.baseline], frame[study.visits[-1]]
    gone, stayed = first[last.isna()].dropna(), first[last.notna()].dropna()
    if gone.empty:
        return ""
    words = f"How those fared who did not come back: at {spoken(study.visits[-1])}, {share_of(int(last.notna().sum()), len(frame))} had a score."
    if len(stayed):
        k = digits_for(study.outcome(study.outcome_names[0]).resolution)
        words += (
            f" Their mean {study.outcome(study.outcome_names[0]).title} at {spoken(study.baseline)} was {number(stayed.mean(), k)}, "
            f"that of the others {number(gone.mean(), k)}."
        )
    return words


# --- methods and provenance -------------------------------------------------------------------------------------


def _methods(study: Study, results: Results) -> Section:
    said = dict.fromkeys(r.analysis.methods_text() for r in results)
    families = sorted({r.analysis.family for r in results if r.analysis.family})
    text = " ".join(said)
    if families:
        text += f" P values were adjusted by Holm's method within: {', '.join(families)}; raw and adjusted values are both shown."
    references = list(dict.fromkeys(ref for r in results for ref in r.analysis.references))
    blocks: list[Block] = [Paragraph(text)]
    if references:
        blocks.append(Bullets(tuple(references)))
    return Section("Methods and references", tuple(blocks))


def _provenance(study: Study, results: Results) -> Section:
    plan = Plan(r.analysis for r in results)
    rows = [("outcomes", outcomes.__version__), ("Python", platform.python_version())]
    rows += [(name, metadata.version(name)) for name in ("pandas", "numpy", "scipy")]
    for source in study.sources:
        rows.append((str(source.get("name", "file")), _source_words(source)))
    rows.append(("plan", f"{len(plan)} questions, digest {plan.digest}"))
    seeds = sorted({str(s) for q in plan if (s := getattr(q, "seed", None)) is not None})
    rows.append(("random seed", ", ".join(seeds) or "none used"))
    toml = tuple((line,) for line in plan.to_toml().splitlines() if line)
    return Section(
        "Provenance",
        (
            TableBlock(Table("What this report was made from", ("item", "version or fingerprint"), tuple(rows))),
            TableBlock(Table("The plan as it stands in the study file", ("line",), toml), True),
        ),
    )


def _source_words(source: Any) -> str:
    parts = [f"{source['rows']} rows"] if "rows" in source else []
    if "sha256" in source:
        parts.append(f"SHA-256 {str(source['sha256'])[:16]}…")
    return ", ".join(parts)
