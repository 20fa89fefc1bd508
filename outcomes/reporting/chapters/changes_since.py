"""Since last time: what is new, changed, late or withdrawn, the headline numbers side by side, and
the run of results.

A snapshot beside an internal report remembers what it knew: keyed fingerprints of each patient's
visits, the headline numbers, and the results of the patients that each report added: where that was
one patient, hers. It stays inside.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import outcomes
from outcomes.analyses.monitoring import (
    LEAST_PERIODS,
    SMALL,
    RunChart,
    added_answer,
    complete_patients,
    ends,
    first_responders,
    run_of_estimates,
    run_of_shares,
)
from outcomes.config.regular import read_bytes
from outcomes.core.direction import value_and_interval
from outcomes.core.errors import StudyError
from outcomes.core.result import Results
from outcomes.core.wording import NONE, digits_for, interval, number, percent, plural, spoken
from outcomes.plans.plan import Plan
from outcomes.reporting import SNAPSHOT
from outcomes.reporting.document import Block, Bullets, Figure, Paragraph, Section, TableBlock
from outcomes.reporting.fingerprints import token, visit_tokens
from outcomes.reporting.parts import primary
from outcomes.study.study import Study
from outcomes.tables.results_table import Table

FORMAT = 1


def read_snapshot(folder: str | Path) -> dict[str, Any]:
    """The snapshot in the folder of a report. Raises StudyError where there is none, or it is
    something else.
    """
    path = Path(folder) / SNAPSHOT
    try:
        said = json.loads(read_bytes(path, error=StudyError).decode("utf-8"))
        if said["format"] != FORMAT:
            raise ValueError
        if said.pop("check", None) not in (None, check(said)):
            raise ValueError
        return dict(said)
    except FileNotFoundError:
        raise StudyError(
            f"There is no {SNAPSHOT} in {folder}: it is not the folder of a report for internal"
            " use."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise StudyError(
            f"{path} is not a snapshot of a report, or cannot be read. Put it back, or delete it:"
            " then nothing is said of what is new since that report."
        ) from None


def check(said: Mapping[str, Any]) -> str:
    """The digest that a snapshot carries, so that a damaged one is noticed when it is read."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


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
    """The patients with both scores of the main question, and what those among them say whom the
    last report did not have.
    """
    main = next((r for r in primary(results) if not r.failed and r.outcome is not None), None)
    where = ends(study, main) if main is not None else None
    if main is None or main.outcome is None or where is None:
        return set(), None
    patients = complete_patients(study, main)
    tokens = [token(key, "patient", p) for p in patients]
    fresh = patients[[t not in before for t in tokens]]
    started = study.wide(main.outcome.name)[list(where)].notna()
    points = {
        "outcome": main.outcome.title,
        "from": where[0],
        "to": where[1],
        "waiting": int((started[where[0]] & ~started[where[1]]).sum()),
        **added_answer(study, main, first_responders(results), fresh),
    }
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
        was = (_with_interval(old), str(old["n"])) if old else ("not asked", NONE)
        rows.append((h["question"], *was, _with_interval(h), str(h["n"])))
    rows += [
        (h["question"], _with_interval(h), str(h["n"]), "not asked", NONE) for h in before.values()
    ]
    header = ("question", "last time (interval)", "n then", "now (interval)", "n now")
    return Table("Main numbers, last time and now", header, tuple(rows), numeric=(1, 2, 3, 4))


def _with_interval(h: Mapping[str, Any]) -> str:
    known = h["interval"] and h["interval"] != NONE
    return f"{h['value']} ({h['interval']})" if known else str(h["value"])


def _runs(history: list[dict[str, Any]], study: Study) -> Iterator[Block]:
    """The results of the patients that each report added: independent of each other, so that limits
    mean something.
    """
    points = [h for h in history if h["n"] and h.get("value") is not None]
    if not points:
        return
    h = points[-1]
    points = [p for p in points if all(p[k] == h[k] for k in ("outcome", "from", "to"))]
    what = f"{h['outcome']}, {spoken(h['from'])} to {spoken(h['to'])}"
    if waiting := int(history[-1].get("waiting", 0)):
        yield Paragraph(
            f"{plural(waiting, 'patient')} had a score at {spoken(h['from'])} and none at"
            f" {spoken(h['to'])} yet: where that score comes in, it counts in a later report.",
            "small",
        )
    if len(points) < LEAST_PERIODS:
        yield Paragraph(
            f"{plural(len(points), 'report')} with results so far: two points are not a trend, so"
            f" a run of results is drawn from {LEAST_PERIODS} reports on."
        )
        return
    title = f"Main estimate, {what}"
    yield _run_figure(points, run_of_estimates(title, points, sample=study.sample), share=False)
    rated = [p for p in points if p.get("usable") and p["rule"] == h.get("rule")]
    if len(rated) >= LEAST_PERIODS:
        title = f"Share improved by {h['rule']}, {what}"
        yield _run_figure(rated, run_of_shares(title, rated, sample=study.sample), share=True)


def _run_figure(points: list[dict[str, Any]], run: RunChart, *, share: bool) -> Figure:
    frame = run.drawn.data["run"]
    say = percent if share else (lambda v: number(v, digits_for(0.1)))
    rows = tuple(
        (
            str(r["period"]),
            str(r["n"]),
            say(r["value"]),
            *([] if share else [_own_interval(p)]),
            say(r["low"]),
            say(r["high"]),
            str(r["signal"]) or NONE,
        )
        for r, p in zip(frame.to_dict("records"), points, strict=True)
    )
    own = () if share else ("95% CI",)
    header = ("period", "patients added", "result", *own, "lower limit", "upper limit", "signal")
    table = Table("Numbers", header, rows, numeric=tuple(range(1, len(header) - 1)))
    title = run.drawn.analysis.label
    words = f"{title}, of the patients that each report added. {_verdict(run, points)}"
    alt = f"{words} {'; '.join(f'{r[0]}: {r[2]}' for r in rows)}."
    return Figure(run.drawn, "run", words, alt, table)


def _own_interval(point: Mapping[str, Any]) -> str:
    low, high = point.get("low"), point.get("high")
    return NONE if low is None or high is None else interval(low, high, digits_for(0.1))


def _verdict(run: RunChart, points: list[dict[str, Any]]) -> str:
    chart = run.chart
    hollow = (
        f" Hollow points are not judged: they rest on fewer than {SMALL} patients, or on a period"
        " that is still filling up."
        if len(run.judged) < len(points)
        else ""
    )
    if run.filling:
        last = points[-1]
        hollow += (
            f" The last period, {last['period']}, is still filling up:"
            f" {plural(last['n'], 'patient')} so far, fewer than half as many as usual."
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
    said = "; ".join(f"{points[run.judged[i]]['period']} ({why})" for i, why in chart.signals)
    return (
        f"Dashed lines are control limits. To be looked into: {said}. A signal says that something"
        f" differed, not what.{hollow}"
    )
