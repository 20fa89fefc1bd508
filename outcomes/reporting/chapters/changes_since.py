"""Since last time: what is new, changed, late or withdrawn, the headline numbers side by side, and
the run of results.

A snapshot beside an internal report remembers what it knew: keyed fingerprints of each patient's
visits, the headline numbers, and the results of the patients that each report added: where that was
one patient, hers. It stays inside.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import outcomes
from outcomes.analyses.question import Analysis
from outcomes.core.direction import value_and_interval
from outcomes.core.errors import StudyError
from outcomes.core.flow import Counts
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result, Results
from outcomes.core.wording import NONE, digits_for, number, percent, plural, spoken
from outcomes.plans.plan import Plan
from outcomes.reporting import SNAPSHOT
from outcomes.reporting.document import Block, Bullets, Figure, Paragraph, Section, TableBlock
from outcomes.reporting.fingerprints import token, visit_tokens
from outcomes.reporting.parts import primary, several_rows
from outcomes.stats.control_chart import ControlChart, p_chart, xmr
from outcomes.study.study import Study
from outcomes.tables.results_table import Table

FORMAT = 1
#: A period with fewer patients than this is drawn, and does not count for limits or signals.
SMALL = 8


def read_snapshot(folder: str | Path) -> dict[str, Any]:
    """The snapshot in the folder of a report. Raises StudyError where there is none, or it is
    something else.
    """
    path = Path(folder) / SNAPSHOT
    try:
        said = json.loads(path.read_text("utf-8"))
        if said["format"] != FORMAT:
            raise ValueError
        return dict(said)
    except FileNotFoundError:
        raise StudyError(
            f"There is no {SNAPSHOT} in {folder}: it is not the folder of a report for internal"
            " use."
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise StudyError(
            f"{path} is not a snapshot of a report, or cannot be read. Put it back, or delete it:"
            " then nothing is said of what is new since that report."
        ) from None


def snapshot(
    study: Study, results: Results, *, last: Mapping[str, Any] | None = None, period: str = ""
) -> dict[str, Any]:
    """What a report knew, for the next one. With the `last` snapshot, its history is carried on.

    `period` names this report in the run of results ("2026-10").
    """
    key = str(last["key"]) if last else secrets.token_hex(16)
    made: dict[str, Any] = {
        "format": FORMAT,
        "key": key,
        "version": outcomes.__version__,
        "plan": Plan(r.analysis for r in results).digest,
        "patients": visit_tokens(study, key),
        "headlines": _headlines(results),
        "history": list(last["history"]) if last else [],
    }
    complete, points = _increment(study, results, key, set(last["complete"]) if last else set())
    name = period or f"report {len(made['history']) + 1}"
    if points is not None:
        made["history"] = [h for h in made["history"] if h["period"] != name] + [
            {"period": name, **points}
        ]
    return made | {"complete": sorted(complete)}


def _headlines(results: Results) -> list[dict[str, Any]]:
    rows = []
    for r in results:
        if r.analysis.role in ("primary", "secondary") and (e := r.main):
            value, ci = value_and_interval(e, r.outcome)
            rows.append(
                {
                    "question": r.analysis.title(r.outcome),
                    "estimate": e.term,
                    "value": value,
                    "interval": ci,
                    "n": r.counts.analysed,
                    "number": None if math.isnan(e.value) else e.value,
                }
            )
    return rows


def _increment(
    study: Study, results: Results, key: str, before: set[str]
) -> tuple[set[str], dict[str, Any] | None]:
    """The patients with both scores of the main question, and what those among them are like that
    the last report did not have.
    """
    main = next((r for r in primary(results) if not r.failed and r.outcome is not None), None)
    if main is None or main.outcome is None or several_rows(study) or len(study.visits) < 2:
        return set(), None
    first = getattr(main.analysis, "before", "") or study.baseline
    last = getattr(main.analysis, "after", "") or [v for v in study.visits if v != first][-1]
    pairs = study.pairs(main.outcome.name, before=first, after=last)
    tokens = [token(key, "patient", p) for p in pairs.patients]
    fresh = np.array([t not in before for t in tokens], dtype=bool)
    change = pairs.change[fresh]
    points: dict[str, Any] = {
        "n": len(change),
        "outcome": main.outcome.title,
        "from": first,
        "to": last,
    }
    points["mean"] = float(change.mean()) if len(change) else None
    sign = {"lower": -1, "higher": 1}.get(main.outcome.better, 0)
    usable = pairs.before[fresh] > 0
    gain = sign * change[usable] * 100 - 30 * pairs.before[fresh][usable]
    points |= (
        {"usable": int(usable.sum()), "improved": int((np.round(gain, 7) >= 0).sum())}
        if sign
        else {"usable": 0, "improved": 0}
    )
    return set(tokens), points


# --- the section ----------------------------------------------------------------------------------


def since(study: Study, results: Results, last: Mapping[str, Any], *, period: str = "") -> Section:
    """What changed since the last report, and the run of results."""
    now = snapshot(study, results, last=last, period=period)
    blocks: list[Block] = [Bullets(tuple(_records(now["patients"], last["patients"], study)))]
    blocks += [Paragraph(p, "caution") for p in _made_otherwise(now, last)]
    blocks.append(TableBlock(_side_by_side(now["headlines"], last["headlines"])))
    blocks += list(_runs(now["history"], study))
    return Section("Since last time", tuple(blocks))


def _records(now: Mapping[str, Any], last: Mapping[str, Any], study: Study) -> Iterator[str]:
    """New, late, changed and withdrawn, told by fingerprints alone."""
    order = {v: i for i, v in enumerate(study.visits)}
    new = [p for p in now if p not in last]
    gone = [p for p in last if p not in now]
    fresh = late = changed = dropped = 0
    for p in now.keys() & last.keys():
        seen = max((order.get(v, -1) for v in last[p]), default=-1)
        for visit, print_ in now[p].items():
            if visit not in last[p]:
                late += order.get(visit, -1) < seen
                fresh += order.get(visit, -1) >= seen
            elif print_ != last[p][visit]:
                changed += 1
        dropped += sum(v not in now[p] for v in last[p])
    yield (
        f"New: {plural(len(new), 'patient')}, and {plural(fresh, 'further visit')} of patients"
        " already known."
    )
    yield f"Late: {plural(late, 'visit')} that lie before a visit the last report already had."
    yield (
        f"Changed: {plural(changed, 'visit')} whose scores are not what they were in the last"
        " report."
    )
    yield (
        f"Withdrawn: {plural(len(gone), 'patient')} and {plural(dropped, 'visit')} that the last"
        " report had and this one has not."
    )


def _made_otherwise(now: Mapping[str, Any], last: Mapping[str, Any]) -> Iterator[str]:
    if now["plan"] != last["plan"]:
        yield (
            "The plan is not the one of the last report, so the numbers below may differ for that"
            " reason alone."
        )
    if now["version"] != last["version"]:
        yield (
            f"The last report was made with outcomes {last['version']}, this one with"
            f" {now['version']}."
        )


def _side_by_side(now: list[dict[str, Any]], last: list[dict[str, Any]]) -> Table:
    before = {(h["question"], h["estimate"]): h for h in last}
    rows = []
    for h in now:
        old = before.pop((h["question"], h["estimate"]), None)
        was = (old["value"], str(old["n"])) if old else ("not asked", NONE)
        rows.append((h["question"], *was, h["value"], h["interval"] or NONE, str(h["n"])))
    rows += [
        (h["question"], h["value"], str(h["n"]), "not asked", NONE, NONE) for h in before.values()
    ]
    header = ("question", "last time", "n then", "now", "interval now", "n now")
    return Table(
        "Headline numbers, last time and now", header, tuple(rows), numeric=(1, 2, 3, 4, 5)
    )


def _runs(history: list[dict[str, Any]], study: Study) -> Iterator[Block]:
    """The results of the patients that each report added: independent of each other, so that limits
    mean something.
    """
    points = [h for h in history if h["n"] and h["mean"] is not None]
    if len(points) < 2 or len({(h["outcome"], h["from"], h["to"]) for h in points}) > 1:
        return
    h = points[-1]
    what = f"{h['outcome']}, {spoken(h['from'])} to {spoken(h['to'])}"
    large = [p["n"] >= SMALL for p in points]
    chart = xmr([p["mean"] for p, ok in zip(points, large) if ok])
    yield _run_figure(
        f"Mean change in {what}",
        points,
        [p["mean"] for p in points],
        chart,
        large,
        study,
        share=False,
    )
    rated = [p for p in points if p["usable"]]
    if len(rated) >= 2:
        big = [p["usable"] >= SMALL for p in rated]
        shares = p_chart(
            [p["improved"] for p, ok in zip(rated, big) if ok],
            [p["usable"] for p, ok in zip(rated, big) if ok],
        )
        values = [p["improved"] / p["usable"] for p in rated]
        yield _run_figure(
            f"Share improved by at least 30% in {what}",
            rated,
            values,
            shares,
            big,
            study,
            share=True,
        )


def _run_figure(
    title: str,
    points: list[dict[str, Any]],
    values: list[float],
    chart: ControlChart,
    large: list[bool],
    study: Study,
    *,
    share: bool,
) -> Figure:
    places = [i for i, ok in enumerate(large) if ok]
    seen = [p["usable" if share else "n"] for p in points]
    frame = pd.DataFrame(
        {
            "period": [p["period"] for p in points],
            "n": seen,
            "value": values,
            "centre": chart.centre,
            "low": math.nan,
            "high": math.nan,
            "large": large,
            "signal": "",
        }
    )
    for i, low, high in zip(places, chart.low, chart.high):
        frame.loc[i, ["low", "high"]] = low, high
    for i, why in chart.signals:
        frame.loc[places[i], "signal"] = why
    drawn = Result(
        Analysis(label=title),
        (),
        Counts(0, 0),
        data={"run": frame},
        pictures=("run",),
        sample=study.sample,
        axis=ValueAxis(percent=share),
    )
    say = percent if share else (lambda v: number(v, digits_for(0.1)))
    rows = tuple(
        (
            str(r["period"]),
            str(r["n"]),
            say(r["value"]),
            say(r["low"]),
            say(r["high"]),
            str(r["signal"]) or NONE,
        )
        for r in frame.to_dict("records")
    )
    header = ("period", "patients added", "result", "lower limit", "upper limit", "signal")
    table = Table("Numbers", header, rows, numeric=(1, 2, 3, 4))
    words = f"{title}, of the patients that each report added. {_verdict(chart, places, points)}"
    return Figure(
        drawn, "run", words, f"{words} {'; '.join(f'{r[0]}: {r[2]}' for r in rows)}.", table
    )


def _verdict(chart: ControlChart, places: list[int], points: list[dict[str, Any]]) -> str:
    small = len(points) - len(places)
    hollow = (
        f" Hollow points rest on fewer than {SMALL} patients and are not judged." if small else ""
    )
    if chart.reason:
        return (
            "There are too few periods for control limits, so nothing is judged by this picture"
            f" yet.{hollow}"
        )
    if not chart.signals:
        return (
            "Dashed lines are control limits; no period differs from the others by more than"
            f" chance makes likely.{hollow}"
        )
    said = "; ".join(f"{points[places[i]]['period']} ({why})" for i, why in chart.signals)
    return (
        f"Dashed lines are control limits. To be looked into: {said}. A signal says that something"
        f" differed, not what.{hollow}"
    )
