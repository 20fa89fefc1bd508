"""Pictures of answers with what a reader needs beside them: caption, words, and typed numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.core.direction import oriented, p_text
from outcomes.core.estimate import Estimate
from outcomes.core.language import in_source, named, say
from outcomes.core.measure import Measure
from outcomes.core.picture import MEANING, ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import MINUS, digits_for, interval, number, percent, spoken, whole
from outcomes.reporting.numbers import Count, Drawn, Mark, Number, Part, Share, Tally, Value
from outcomes.reporting.parts import capital
from outcomes.reporting.told import p_head, told_of
from outcomes.tables.results_table import Table, frame_table

STANDARDISED = (Measure.STANDARDISED_CHANGE, Measure.STANDARDISED_DIFFERENCE)


def figure(r: Result, kind: str) -> Drawn:
    """A picture of an answer; its numbers beside it only where no table of the answer has them."""
    own = kind in ("course", "forest", "dots", "estimation", "diagnostics")
    numbers = None if own else _numbers(r, kind)
    return Drawn(r, kind, told_of(r), marks(r, kind), numbers)


def marks(r: Result, kind: str) -> tuple[Mark, ...]:
    """The typed numbers that a picture draws; none where it draws something else."""
    if kind == "course":
        return tuple(_course(r))
    if kind == "dots":
        return tuple(_dots(r))
    if kind == "bands":
        frame = r.data["bands"]
        groups = {str(x["label"]): int(x["patients"]) for x in frame.to_dict("records")}
        tally = Tally(groups, sum(groups.values()), _bands_name(r))
        return tuple(Mark({"label": band}, Part(tally, str(band))) for band in frame["label"])
    if kind == "forest":
        return tuple(_forest(r))
    return ()


def _bands_name(r: Result) -> str:
    """The name that the tally is remembered by: the same in every language."""
    with in_source():
        return f"bands of {r.analysis.title(r.outcome)}"


def _course(r: Result) -> Any:
    there = {
        (e.contrast.group, e.contrast.visit): e
        for e in r.estimates
        if e.measure is Measure.LEVEL and e.contrast.visit
    }
    rows = r.data["course"].to_dict("records")
    seen: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.get("n", math.nan) == row.get("n", math.nan):
            seen.setdefault(str(row["visit"]), {})[str(row.get("group", ""))] = int(row["n"])
    for row in rows:
        group, visit = str(row.get("group", "")), str(row["visit"])
        e = there.get((group, visit))
        if e is None:
            continue
        number: Number = Value(r, e)
        n: Count | Part | None = None
        if len(seen.get(visit, {})) > 1 and group in seen[visit]:
            name = f"seen at {spoken(visit)}: {r.analysis.title(r.outcome)}"
            n = Part(Tally(seen[visit], sum(seen[visit].values()), name), group)
        elif group in seen.get(visit, {}):
            n = Count(seen[visit][group], "patients seen")
        yield Mark({"group": group, "visit": visit}, number, n)


def _dots(r: Result) -> Any:
    for row in r.data["dots"].to_dict("records"):
        if "count" not in row:
            return
        e = Estimate("share", row["share"], row["low"], row["high"], measure=Measure.SHARE)
        labels = {"label": row["label"]}
        if "group" in row:
            labels["group"] = str(row["group"])
        yield Mark(labels, Share(int(row["count"]), int(row["total"]), e))


def _forest(r: Result) -> Any:
    there = {(e.value, e.low): e for e in reversed(r.estimates)}
    for row in r.data["forest"].to_dict("records"):
        e = there.get((row["value"], row["low"]))
        if e is not None and e.measure.of_score:
            yield Mark({"label": row["label"]}, Value(r, e))


def size(r: Result) -> Estimate | None:
    """The standardised size at the main visit, where the answer has one; the first where it has
    several.
    """
    sizes = [e for e in r.estimates if e.measure in STANDARDISED]
    return next((e for e in sizes if e.contrast.visit == r.main_visit), sizes[0] if sizes else None)


def family_forest(results: list[Result]) -> Drawn | None:
    """Standardised effects of several scores in one picture, turned so that right is better."""
    q, rows = results[0].analysis, list[dict[str, Any]]()
    for r in results:
        e = None if r.failed else size(r)
        if e is None:
            continue
        turned = oriented(e, r.outcome)
        title = r.outcome.said if r.outcome else r.analysis.title()
        rows.append({"label": title, "value": turned.value, "low": turned.low, "high": turned.high})
    if len(rows) < 2:
        return None
    label = say(
        "{family}: change in SD units, turned so that right is better",
        family=capital(named(q.family)),
    )
    drawn = Result(
        replace(q, label=label),
        (),
        results[0].counts,
        data={"forest": pd.DataFrame(rows)},
        pictures=("forest",),
        sample=results[0].sample,
        axis=ValueAxis(say("standardised change, in SDs; right of the line: better")),
    )
    said = (
        f"{m['label']} {number(m['value'], 2)} ({interval(m['low'], m['high'], 2)})" for m in rows
    )
    alt = say("Standardised changes: {scores}", scores="; ".join(said))
    return Drawn(drawn, "forest", alt)


def comparison_forest(r: Result) -> Drawn | None:
    """The main kind of comparison at each visit, one row each: for a trial whose picture of means
    may not go out.
    """
    main = r.main
    if main is None or not main.contrast.reference:
        return None
    alike = [e for e in r.estimates if e.measure is main.measure and e.method == main.method]
    frame = forest_frame([(_place(e), e) for e in alike])
    unit = r.outcome.unit if r.outcome else ""
    drawn = replace(r, data={"forest": frame}, pictures=("forest",), axis=ValueAxis(named(unit)))
    found = tuple(Mark({"label": _place(e)}, Value(r, e)) for e in alike)
    return Drawn(drawn, "forest", told_of(r), found)


def _place(e: Estimate) -> str:
    where = e.contrast
    pair = f"{spoken(where.group)} {MINUS} {spoken(where.reference)}"
    return f"{pair}, {spoken(where.visit)}" if where.visit else pair


def _numbers(r: Result, kind: str) -> Table | None:
    """The numbers of a picture as a table: those of the frame it is drawn from, condensed where
    that has a row a patient.
    """
    name = "pairs" if kind == "slopes" else kind
    if name not in r.data:  # a picture of single patients, whose numbers the answer's table has
        return None
    frame = r.data[name]
    if kind == "slopes":
        counts = frame["change"].round(9).value_counts().sort_index()
        if len(counts) > 30:
            counts = frame["change"].value_counts(bins=15).sort_index()
            words = [
                say("{low} to {high}", low=number(c.left, 1), high=number(c.right, 1))
                for c in counts.index
            ]
        else:
            k = digits_for(r.outcome.resolution) if r.outcome else 1
            words = [number(c, k) for c in counts.index]
        rows = tuple((w, whole(n)) for w, n in zip(words, counts, strict=True))
        header = (say("change (after − before)"), say("patients"))
        return Table(say("Numbers"), header, rows, numeric=(0, 1))
    if kind == "tipping":
        k = digits_for(r.outcome.resolution) if r.outcome else 1
        tips = tuple(
            (
                number(x["delta"], k),
                f"{number(x['value'], k)} ({interval(x['low'], x['high'], k)})",
                p_text(x["p"]),
            )
            for x in frame.to_dict("records")
        )
        heads = (say("missing scores made worse by"), say("estimate (CI)"), p_head())
        return Table(say("Numbers"), heads, tips, numeric=(0, 1, 2))
    if kind == "ecdf":
        cuts = range(-50, 101, 25)
        share = [
            (
                (frame.loc[frame["improvement"] >= c, "share"].iloc[0])
                if (frame["improvement"] >= c).any()
                else 0.0
            )
            for c in cuts
        ]
        rows = tuple((percent(c / 100), percent(v)) for c, v in zip(cuts, share, strict=True))
        header = (say("improvement of at least"), say("share of patients"))
        return Table(say("Numbers"), header, rows, numeric=(0, 1))
    shares = {c: frame[c].map(percent) for c in SHARES.get(kind, ()) if c in frame}
    told = {c: [named(spoken(str(v))) for v in frame[c]] for c in WORDS.get(kind, ())}
    shown = frame.assign(**shares, **told).drop(columns=list(MEANING), errors="ignore")
    return frame_table(shown, say("Numbers"))


#: Columns of a picture's frame that are names which a report says in its language; and those that
#: are shares.
WORDS = {"severity": ("label", "severity")}
SHARES = {"survival": ("survival", "low", "high")}
