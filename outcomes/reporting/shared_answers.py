"""The answers of a report for sharing: every number in them comes from the disclosure control."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result, Results
from outcomes.core.wording import NONE, digits_for, number, percent, spoken
from outcomes.reporting.document import Block, Figure, Paragraph, TableBlock
from outcomes.reporting.parts import method, primary, several_rows
from outcomes.reporting.release.control import DisclosureControl, share_words
from outcomes.study.study import Study
from outcomes.tables.results_table import Table

#: Models whose estimates may be shared where every group they compare is large enough.
MODELS = ("MMRM", "CLDA", "CohortModel", "ANCOVA", "Crossover")


def digits_of(outcome: Outcome) -> int:
    """At most one decimal; two for an index, whose whole scale is about 1 long."""
    index = outcome.high - outcome.low <= 2 or outcome.resolution <= 0.01
    return 2 if index else min(1, digits_for(outcome.resolution))


def questions_of(results: Results) -> list[tuple[str, str, str]]:
    """The (outcome, before, after) that the plan asks about, primary first."""
    found = []
    for r in [*primary(results), *results]:
        q = r.analysis
        key = (
            r.outcome.name if r.outcome else "",
            getattr(q, "before", ""),
            getattr(q, "after", ""),
        )
        if all(key) and key not in found and method(r) != "Robustness":
            found.append(key)
    return found


def change_of(
    study: Study, control: DisclosureControl, name: str, before: str, after: str
) -> dict[str, Any]:
    """Mean before, mean after and mean change of the patients with both, as released; made once and
    kept by the control.

    Two of the three tell the third, so all are withheld where one is.
    """
    key = f"{name}|{before}|{after}"
    if key not in control.kept:
        outcome = study.outcome(name)
        pairs, k = study.pairs(name, before=before, after=after), digits_of(outcome)
        first, last = (
            pd.Series(pairs.before, pairs.patients),
            pd.Series(pairs.after, pairs.patients),
        )
        what = f"{outcome.title}, {spoken(before)} to {spoken(after)}"
        parts = {
            "before": {before: (1, first)},
            "after": {after: (1, last)},
            "change": {after: (1, last), before: (-1, first)},
        }
        control.kept[key] = {"n": len(first), **control.linked(outcome, parts, k, what=what)}
    return control.kept[key]


def answers(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    """Mean scores and changes, each released by the disclosure control."""
    rows = list[tuple[str, ...]]()
    for name, before, after in [] if several_rows(study) else questions_of(results):
        outcome = study.outcome(name)
        made = change_of(study, control, name, before, after)
        value, ci = made["change"].words
        e = made["change"]
        unclear = not (e.low > 0 or e.high < 0)
        word = "hidden" if e.hidden else "not clear" if unclear else outcome.direction(e.value)
        rows.append(
            (
                outcome.title,
                f"{spoken(before)} to {spoken(after)}",
                control.count(made["n"]),
                made["before"].words[0],
                made["after"].words[0],
                value,
                ci,
                word,
            )
        )
    if rows:
        header = (
            "score",
            "visits",
            "patients, about",
            "mean before",
            "mean after",
            "mean change",
            "95% CI",
            "direction",
        )
        yield TableBlock(
            Table("Change of the same patients", header, tuple(rows), numeric=(2, 3, 4, 5, 6))
        )
    # one answer a score and method: a second, over slightly other patients, would tell about the
    # difference
    once = {
        (method(r), r.outcome.name): r
        for r in reversed(list(results))
        if method(r) in MODELS and r.outcome is not None
    }
    models = [
        row
        for r in results
        if not r.failed and r in once.values()
        for row in _model(study, r, control)
    ]
    if models:
        heads = ("question", "estimate", "value", "95% CI")
        yield TableBlock(Table("Answers of models", heads, tuple(models), numeric=(2, 3)))
    if not rows and not models:
        yield Paragraph("No answer of this plan is of a kind that can be shared.")


def _model(study: Study, r: Result, control: DisclosureControl) -> Iterator[tuple[str, ...]]:
    """The estimates of a model on the score's own scale, where each of its groups is large
    enough.
    """
    outcome = r.outcome
    if outcome is None:
        return
    frame = study.long(outcome.name).dropna(subset=["value"])
    by = next(
        (c for c in (getattr(r.analysis, "by", ""), "arm", "sequence") if c and c in frame), None
    )
    groups = frame.groupby([by, "visit"] if by else ["visit"])["patient"].nunique()
    said = frame["value"].astype(str).groupby(frame["patient"]).agg("|".join)
    asked = [
        e
        for e in r.estimates
        if e.unit == outcome.unit and (e.name == "mean change" or "difference" in e.name)
    ]
    asked = [e for e in asked if not math.isnan(e.low)]
    if groups.empty or groups.min() < control.policy.least:
        control.hidden += len(asked)
        return
    k = digits_of(outcome)
    for e in asked:
        made = control.estimate(outcome, said, e, k, kind=method(r))
        what = " · ".join(w for w in (e.name, e.group, spoken(e.visit)) if w)
        yield (
            control.name(f"{outcome.title}: {r.analysis.short}"),
            control.name(what),
            *made.words,
        )


def responders(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    """Shares of patients who improved, each released by the disclosure control."""
    rows: list[tuple[str, ...]] = []
    for r in results:
        if method(r) == "Responders" and not r.failed and r.outcome is not None:
            for name, (k, n) in r.facts.get("shares", {}).items():
                if name.endswith(("both scores", "the score")):
                    value, ci = share_words(control.share(k, n))
                    rows.append(
                        (
                            control.name(r.analysis.label or r.outcome.title),
                            control.name(name.split(",")[0]),
                            control.count(n),
                            value,
                            ci,
                        )
                    )
    if rows:
        header = ("score", "rule", "patients, about", "share", "95% CI")
        yield TableBlock(
            Table(
                "Responders",
                header,
                tuple(rows),
                ("Shares and their intervals come from rounded counts.",),
                (2, 3, 4),
            )
        )
    for name, before, after in [q for q in questions_of(results) if not several_rows(study)][:1]:
        yield from _bands(study, control, name, before, after)


def _bands(
    study: Study, control: DisclosureControl, name: str, before: str, after: str
) -> Iterator[Block]:
    """In place of a line a patient: how many got worse, changed little, improved by 30%, by 50%."""
    outcome = study.outcome(name)
    if outcome.better not in ("lower", "higher"):
        return
    pairs = study.pairs(name, before=before, after=after)
    usable = pairs.before > 0
    gain = (
        (1 if outcome.better == "higher" else -1)
        * 100
        * pairs.change[usable]
        / pairs.before[usable]
    )
    cuts = pd.cut(gain.round(7), [-math.inf, -1e-9, 30 - 1e-7, 50 - 1e-7, math.inf], right=False)
    labels = ("worse", "same, or less than 30% better", "30% to 49% better", "50% better or more")
    counts = dict(zip(labels, (int(n) for n in pd.Series(cuts).value_counts(sort=False))))
    for label in labels:
        control.name(label)
    shown = control.counts(counts, len(gain), f"{name}, {before} to {after}")
    rows = [
        {"label": a, "patients": float(t) if t.isdigit() else math.nan, "shown": t}
        for a, t in shown.items()
    ]
    title = control.name(
        f"{outcome.title}, {spoken(before)} to {spoken(after)}: how many changed by how much"
    )
    table = Table(
        "Numbers",
        ("band", "patients, about"),
        tuple((a, t) for a, t in shown.items()),
        numeric=(1,),
    )
    alt = f"Patients in each band: {'; '.join(f'{a}: {t}' for a, t in shown.items())}."
    yield Figure(
        _drawn(title, "bands", pd.DataFrame(rows), study, outcome),
        "bands",
        f"{title}. Counts are rounded.",
        alt,
        table,
    )


def _drawn(
    title: str, kind: str, frame: pd.DataFrame, study: Study, outcome: Outcome | None = None
) -> Result:
    """A result that holds nothing but released numbers to draw."""
    return Result(
        Analysis(label=title),
        (),
        Counts(0, 0),
        outcome,
        data={kind: frame},
        pictures=(kind,),
        sample=study.sample,
    )


def course(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    """Scores at each visit, each released by the disclosure control."""
    done = set()
    for r in results:
        by = getattr(r.analysis, "by", "") or ""
        if (
            method(r) != "Course"
            or r.failed
            or r.outcome is None
            or several_rows(study)
            or (r.outcome.name, by) in done
        ):
            continue
        done.add((r.outcome.name, by))
        shown = list(_course_rows(study, control, r.outcome, by))
        if not shown:
            continue
        frame = pd.DataFrame(shown).drop(columns="words")
        title = control.name(
            f"{r.outcome.title} over the visits" + (f", by {spoken(by)}" if by else "")
        )
        rows = tuple(
            (spoken(x["visit"]), *([x["group"]] if by else []), number(x["n"], 0), *x["words"])
            for x in shown
        )
        header = ("visit", *([spoken(by)] if by else []), "patients, about", "mean", "95% CI")
        table = Table("Numbers", header, rows, numeric=tuple(range(len(header) - 3, len(header))))
        words = "; ".join(f"{' '.join(c for c in row if c and not c.isdigit())}" for row in rows)
        said = (
            f"{title}. Points are means of those seen, bars their confidence interval; the numbers"
            " under the axis are rounded."
        )
        yield Figure(
            _drawn(title, "course", frame, study, r.outcome),
            "course",
            said,
            f"{title}: {words}.",
            table,
        )


def _course_rows(
    study: Study, control: DisclosureControl, outcome: Outcome, by: str
) -> Iterable[dict[str, Any]]:
    frame, k = study.wide(outcome.name), digits_of(outcome)
    groups = (
        study.characteristic(by).astype(str).where(study.characteristic(by).notna()) if by else None
    )
    for visit in study.visits:
        seen = frame[visit].dropna()
        parts = (
            {"": seen}
            if groups is None
            else {str(g): x for g, x in seen.groupby(groups.reindex(seen.index))}
        )
        kept = {g for g, x in parts.items() if len(x) >= control.policy.least}
        rest = len(seen) - sum(len(parts[g]) for g in kept)
        if groups is not None and 0 < rest < control.policy.least and kept:
            kept.discard(
                min(kept, key=lambda g: len(parts[g]))
            )  # else the hidden group is the total less the shown ones
        control.hidden += len(parts) - len(kept)
        for g in sorted(kept):
            e = control.mean(
                outcome, {visit: (1, parts[g])}, k, what=f"{outcome.title} at {spoken(visit)}"
            )
            if not e.hidden:
                n = float(control.count(len(parts[g])))
                yield {
                    "group": control.name(g),
                    "visit": visit,
                    "n": n,
                    "of": n,
                    "mean": e.value,
                    "low": e.low,
                    "high": e.high,
                    "words": e.words,
                }


def harms(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    """Side effects, each released by the disclosure control."""
    r = next((r for r in results if method(r) == "SideEffects" and not r.failed), None)
    if r is None:
        return
    rows, marks, hidden = list[tuple[str, ...]](), list[dict[str, Any]](), 0
    for name, (k, n, *_) in r.facts.get("counts", {}).items():
        e = control.share(k, n)
        if math.isnan(e.value):
            hidden += 1
            continue
        what = control.name(spoken(name))
        rows.append((what, control.count(k), control.count(n), *share_words(e)))
        marks.append({"label": what, "share": e.value, "low": e.low, "high": e.high})
    if hidden:
        rows.append(
            ("others, in too few or nearly all patients to show", "hidden", NONE, NONE, NONE)
        )
    header = ("side effect", "patients with it, about", "out of, about", "share", "95% CI")
    table = Table(
        "Side effects, patients with at least one", header, tuple(rows), numeric=(1, 2, 3, 4)
    )
    if marks:
        alt = "; ".join(f"{m['label']} {percent(float(m['share']))}" for m in marks)
        drawn = _drawn("Side effects", "dots", pd.DataFrame(marks), study)
        yield Figure(
            drawn,
            "dots",
            "Side effects. Shares of patients with their interval, from rounded counts.",
            f"Shares of patients: {alt}.",
            None,
        )
    yield TableBlock(table)
