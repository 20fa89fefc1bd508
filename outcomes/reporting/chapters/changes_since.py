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
from outcomes.core.language import in_language, in_source, message, say, say_n
from outcomes.core.result import Result, Results
from outcomes.core.wording import (
    NONE,
    digits_for,
    interval,
    localised,
    number,
    percent,
    spoken,
    whole,
)
from outcomes.plans.plan import Plan
from outcomes.reporting import SNAPSHOT
from outcomes.reporting.document import Block, Bullets, Figure, Paragraph, Section, TableBlock
from outcomes.reporting.fingerprints import token, visit_tokens
from outcomes.reporting.parts import primary
from outcomes.reporting.told import ci_head
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
    with in_source():  # what is kept for the next report is the same in every language
        return _snapshot(study, results, last, period)


def _snapshot(
    study: Study, results: Results, last: Mapping[str, Any] | None, period: str
) -> dict[str, Any]:
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
    local = {h["question"]: r.analysis.title(r.outcome) for h, r in _asked(results)}
    blocks.append(TableBlock(_side_by_side(now["headlines"], last["headlines"], local)))
    blocks += list(_runs(now["history"], study))
    return Section(message("Since last time"), tuple(blocks))


def _asked(results: Results) -> Iterator[tuple[dict[str, Any], Result]]:
    """The headlines as they are kept, each with its answer."""
    for r in results:
        with in_source():
            kept = _headlines(Results((r,)))
        for h in kept:
            yield h, r


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
    yield say(
        "New: {patients}, and {visits} of patients already known.",
        patients=say_n("{n} patient", "{n} patients", len(new)),
        visits=say_n("{n} further visit", "{n} further visits", fresh),
    )
    yield say(
        "Late: {visits} that lie before a visit the last report already had.",
        visits=say_n("{n} visit", "{n} visits", late),
    )
    yield say(
        "Changed: {visits} whose scores are not what they were in the last report.",
        visits=say_n("{n} visit", "{n} visits", changed),
    )
    yield say(
        "Withdrawn: {patients} and {visits} that the last report had and this one has not.",
        patients=say_n("{n} patient", "{n} patients", len(gone)),
        visits=say_n("{n} visit", "{n} visits", dropped),
    )


def _made_otherwise(now: Mapping[str, Any], last: Mapping[str, Any]) -> Iterator[str]:
    if now["plan"] != last["plan"]:
        yield say(
            "The plan is not the one of the last report, so the numbers below may differ for that"
            " reason alone."
        )
    if now["version"] != last["version"]:
        yield say(
            "The last report was made with outcomes {then}, this one with {now}.",
            then=last["version"],
            now=now["version"],
        )


def _side_by_side(
    now: list[dict[str, Any]], last: list[dict[str, Any]], local: Mapping[str, str]
) -> Table:
    before = {(h["question"], h["estimate"]): h for h in last}
    rows = []
    for h in now:
        old = before.pop((h["question"], h["estimate"]), None)
        was = (_with_interval(old), whole(old["n"])) if old else (say("not asked"), NONE)
        question = local.get(h["question"], h["question"])
        rows.append((question, *was, _with_interval(h), whole(h["n"])))
    rows += [
        (h["question"], _with_interval(h), whole(h["n"]), say("not asked"), NONE)
        for h in before.values()
    ]
    header = (
        say("question"),
        say("last time (interval)"),
        say("n then"),
        say("now (interval)"),
        say("n now"),
    )
    title = say("Main numbers, last time and now")
    return Table(title, header, tuple(rows), numeric=(1, 2, 3, 4))


def _with_interval(h: Mapping[str, Any]) -> str:
    known = h["interval"] and h["interval"] != NONE
    value = localised(str(h["value"]))
    return f"{value} ({localised(str(h['interval']))})" if known else value


def _runs(history: list[dict[str, Any]], study: Study) -> Iterator[Block]:
    """The results of the patients that each report added: independent of each other, so that limits
    mean something.
    """
    points = [h for h in history if h["n"] and h.get("value") is not None]
    if not points:
        return
    h = points[-1]
    points = [p for p in points if all(p[k] == h[k] for k in ("outcome", "from", "to"))]
    ends_of = {"before": spoken(h["from"]), "after": spoken(h["to"])}
    what = say("{score}, {before} to {after}", score=_score(study, h["outcome"]), **ends_of)
    if waiting := int(history[-1].get("waiting", 0)):
        words = say_n(
            "{n} patient had a score at {before} and none at {after} yet: where that score comes"
            " in, it counts in a later report.",
            "{n} patients had a score at {before} and none at {after} yet: where that score comes"
            " in, it counts in a later report.",
            waiting,
            **ends_of,
        )
        yield Paragraph(words, "small")
    if len(points) < LEAST_PERIODS:
        words = say_n(
            "{n} report with results so far: two points are not a trend, so a run of results is"
            " drawn from {least} reports on.",
            "{n} reports with results so far: two points are not a trend, so a run of results is"
            " drawn from {least} reports on.",
            len(points),
            least=LEAST_PERIODS,
        )
        yield Paragraph(words)
        return
    title = say("Main estimate, {what}", what=what)
    yield _run_figure(points, run_of_estimates(title, points, sample=study.sample), share=False)
    rated = [p for p in points if p.get("usable") and p["rule"] == h.get("rule")]
    if len(rated) >= LEAST_PERIODS:
        rule = localised(str(h["rule"]).removeprefix("≥"))
        rule = say("≥{share}", share=rule) if str(h["rule"]).startswith("≥") else str(h["rule"])
        title = say("Share improved by {rule}, {what}", rule=rule, what=what)
        yield _run_figure(rated, run_of_shares(title, rated, sample=study.sample), share=True)


def _score(study: Study, title: str) -> str:
    """A score that is kept by its title, in the language in force."""
    known = {m.title: m.said for m in study.ready.measures.values()}
    return known.get(title, title)


def _run_figure(points: list[dict[str, Any]], run: RunChart, *, share: bool) -> Figure:
    frame = run.drawn.data["run"]
    shown = percent if share else (lambda v: number(v, digits_for(0.1)))
    rows = tuple(
        (
            str(r["period"]),
            whole(r["n"]),
            shown(r["value"]),
            *([] if share else [_own_interval(p)]),
            shown(r["low"]),
            shown(r["high"]),
            in_language(r["signal"]) or NONE,
        )
        for r, p in zip(frame.to_dict("records"), points, strict=True)
    )
    own = () if share else (ci_head(0.95),)
    header = (
        say("period"),
        say("patients added"),
        say("result"),
        *own,
        say("lower limit"),
        say("upper limit"),
        say("signal"),
    )
    table = Table(say("Numbers"), header, rows, numeric=tuple(range(1, len(header) - 1)))
    title = run.drawn.analysis.label
    words = say(
        "{title}, of the patients that each report added. {verdict}",
        title=title,
        verdict=_verdict(run, points),
    )
    alt = f"{words} {'; '.join(f'{r[0]}: {r[2]}' for r in rows)}."
    return Figure(run.drawn, "run", words, alt, table)


def _own_interval(point: Mapping[str, Any]) -> str:
    low, high = point.get("low"), point.get("high")
    return NONE if low is None or high is None else interval(low, high, digits_for(0.1))


def _verdict(run: RunChart, points: list[dict[str, Any]]) -> str:
    chart, said = run.chart, list[str]()
    if chart.reason:
        said.append(
            say(
                "There are too few periods for control limits, so nothing is judged by this picture"
                " yet."
            )
        )
    elif not chart.signals:
        said.append(
            say(
                "Dashed lines are control limits; no period differs from the others by more than"
                " chance makes likely."
            )
        )
    else:
        signals = "; ".join(
            f"{points[run.judged[i]]['period']} ({in_language(why)})" for i, why in chart.signals
        )
        said.append(
            say(
                "Dashed lines are control limits. To be looked into: {signals}. A signal says that"
                " something differed, not what.",
                signals=signals,
            )
        )
    if len(run.judged) < len(points):
        said.append(
            say(
                "Hollow points are not judged: they rest on fewer than {least} patients, or on a"
                " period that is still filling up.",
                least=SMALL,
            )
        )
    if run.filling:
        last = points[-1]
        said.append(
            say_n(
                "The last period, {period}, is still filling up: {n} patient so far, fewer than"
                " half as many as usual.",
                "The last period, {period}, is still filling up: {n} patients so far, fewer than"
                " half as many as usual.",
                last["n"],
                period=last["period"],
            )
        )
    return " ".join(said)
