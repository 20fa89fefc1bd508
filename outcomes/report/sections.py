"""Which sections a report has, in which order, and what they say."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
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
    Step,
    TableBlock,
)
from outcomes.result import Result, Results
from outcomes.study import Study
from outcomes.tables import Table, frame_table, p_text, table, value_and_interval
from outcomes.wording import NONE, digits_for, interval, level_text, number, percent, plural, share_of, spoken

ANSWERS, ROBUSTNESS, SAFETY = "Answers", "Robustness", "Side effects"
#: Chapters of answers, in the order a reader wants them.
ORDER = ("The patients", ANSWERS, "Responders", "The course over time", ROBUSTNESS, SAFETY)
#: From how many answers of one kind in one family they stand side by side instead of one after the other.
MANY_ALIKE = 3
#: Above how many rows a table is folded.
MANY_ROWS = 12


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
            Flow(
                (
                    Step(f"{noun} enrolled", str(c.enrolled), tuple((why, str(n)) for why, n in c.left_out)),
                    Step(f"analysed for {_of(main)}", str(c.analysed)),
                )
            )
        )
    wide = [n for n in study.outcome_names if not _several_rows(study)]
    if wide:
        name = main.outcome.name if main is not None and main.outcome else wide[0]
        frame = study.wide(name)
        order = frame.notna().to_numpy()
        followed = order[:, ::-1].cumsum(axis=1)[:, ::-1].astype(bool).sum(axis=0)
        rows = []
        for i, v in enumerate(study.visits):
            n = int(order[:, i].sum())
            still = int(followed[i])
            rows.append((spoken(v), str(n), percent(n / len(frame)), str(still), percent(n / still) if still else NONE))
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
            yield Section(r.analysis.title(r.outcome), tuple(_answer(r)), 3)


def _alike(a: Result, b: Result) -> bool:
    """The same question of different scores, in one family: shown side by side."""
    q, p = a.analysis, b.analysis
    visits = [getattr(x, "before", "") + getattr(x, "after", "") for x in (q, p)]
    return (
        bool(q.family) and type(q) is type(p) and q.family == p.family and q.role == p.role and visits[0] == visits[1]
    )


def _side_by_side(results: Sequence[Result]) -> Iterable[Block]:
    """One table and one picture for the same question asked of several scores, and every answer in words below."""
    rows, marks = [], []
    adjusted = any(not math.isnan(e.p_adjusted) for r in results for e in r.estimates)
    for r in results:
        title = r.outcome.title if r.outcome else r.analysis.title()
        if r.failed or not r.estimates:
            rows.append((title, "not answered", *[NONE] * (4 + adjusted), r.failed))
            continue
        first = r.estimates[0]
        size = next((e for e in r.estimates if e.name in ("d_av", "standardised effect", "g")), None)
        value, ci = value_and_interval(first, r.outcome)
        word = r.outcome.direction(first.value) if r.outcome else ""
        rows.append(
            (title, value, ci, word, p_text(first.p), *([p_text(first.p_adjusted)] if adjusted else []),
             NONE if size is None else f"{number(size.value, 2)} ({interval(size.low, size.high, 2)})", str(r.counts.analysed))
        )  # fmt: skip
        if size is not None:
            turn = -1 if r.outcome and r.outcome.better == "lower" else 1
            low, high = sorted((turn * size.low, turn * size.high))
            marks.append({"label": title, "value": turn * size.value, "low": low, "high": high})
    q = results[0].analysis
    header = ("score", results[0].estimates[0].name if results[0].estimates else "change", "95% CI" if q.level == 0.95 else "interval",
              "direction", "P", *(["adjusted P"] if adjusted else []), "in SD units (CI)", "n")  # fmt: skip
    yield Paragraph(f"The same question ({q.short}) of {len(results)} scores, as one family.")
    yield TableBlock(Table(f"{q.family}: {q.short}", header, tuple(rows), numeric=tuple(range(1, len(header)))))
    if len(marks) > 1:
        facts = {
            "axis": "standardised change, in SDs; right of the line: better",
            "sample": results[0].facts.get("sample"),
        }
        drawn = Result(replace(q, label=f"{q.family}: change in SD units, turned so that right is better"), (), results[0].counts,
                       data={"forest": pd.DataFrame(marks)}, pictures=("forest",), facts=facts)  # fmt: skip
        alt = "; ".join(f"{m['label']} {number(m['value'], 2)} ({interval(m['low'], m['high'], 2)})" for m in marks)
        yield Figure(drawn, "forest", _caption(drawn), f"Standardised changes: {alt}", None)
    yield Bullets(tuple(r.sentence() for r in results))
    for note in dict.fromkeys(n for r in results for n in r.notes):
        yield Paragraph(note, "small")


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
            yield from TABLES[key](frame)
    if r.estimates and "visits" not in r.data:
        yield TableBlock(table(r), len(r.estimates) > MANY_ROWS)
    if r.notes and ("visits" in r.data or len(r.estimates) > MANY_ROWS):
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


def _table_one(frame: pd.DataFrame) -> Iterable[TableBlock]:
    rows: list[tuple[str, ...]] = []
    last = ""
    for r in frame.to_dict("records"):
        name = str(r["characteristic"])
        rows.append(("" if name == last else spoken(name), str(r["level"]), str(r["value"])))
        last = name
    if rows:
        yield TableBlock(Table("Characteristics", ("characteristic", "level", "value"), tuple(rows), numeric=(2,)))


def _visits(frame: pd.DataFrame) -> Iterable[TableBlock]:
    titles = list(dict.fromkeys(frame["title"]))
    for title in titles[:1] if len(titles) > 1 else titles:
        yield TableBlock(
            _visit_table(frame[frame["title"] == title], f"{title} at each visit, and change of the same patients")
        )
    if len(titles) > 1:
        yield TableBlock(_visit_table(frame, f"All {len(titles)} scores at each visit", named=True), True)


def _visit_table(frame: pd.DataFrame, title: str, *, named: bool = False) -> Table:
    rows: list[tuple[str, ...]] = []
    last = ""
    for r in frame.to_dict("records"):
        k = digits_for(r["resolution"])
        seen = (str(r["n"]), f"{number(r['mean'], k)} ({number(r['sd'], k)})",
                f"{number(r['median'], k)} ({number(r['q1'], k)} to {number(r['q3'], k)})")  # fmt: skip
        change = (NONE, NONE, NONE)
        if r["pairs"]:
            words = f"{number(r['mean change'], k)} ({interval(r['mean change_low'], r['mean change_high'], k)})"
            change = (str(r["pairs"]), number(r["mean before (same patients)"], k), words)
        head = (("" if r["title"] == last else str(r["title"])),) if named else ()
        rows.append((*head, spoken(r["visit"]), *seen, *change))
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
    )
    return Table(title, header, tuple(rows), numeric=tuple(range(2 if named else 1, len(header))))


def _plain_table(frame: pd.DataFrame) -> Iterable[TableBlock]:
    if len(frame):
        yield TableBlock(frame_table(frame, "In detail"), len(frame) > MANY_ROWS)


#: Frames of a result that are tables for people, and how each is laid out.
TABLES = {"table_one": _table_one, "visits": _visits, "event_table": _plain_table}


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
        rows.append((str(source.get("file", "file")), _source_words(source)))
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
