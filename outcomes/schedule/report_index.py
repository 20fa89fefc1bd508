"""The index page of a schedule: past reports, newest first, each with its main numbers."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from outcomes.config import atomic
from outcomes.reporting.document import Document, KeyNumbers, all_blocks
from outcomes.schedule.schedule_file import Line, Schedule
from outcomes.schedule.skips import skipped
from outcomes.schedule.store import MAIN, Run, Store, read_json, strings, write_json

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .5rem .8rem .5rem 0; }
tr { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
ul { margin: 0; padding-left: 1.1rem; }
b { font-variant-numeric: tabular-nums; }
.state { font-style: italic; }
"""


def write_main_numbers(doc: Document, folder: Path) -> list[Path]:
    """Write the numbers of the report's first page beside it, for the index; none where it has
    none. Of a report for sharing these are the numbers that the disclosure policy let through.
    """
    found = [k for b in all_blocks(doc) if isinstance(b, KeyNumbers) for k in b.items]
    if not found:
        return []
    said = [{"value": k.value, "label": k.label, "detail": k.detail} for k in found]
    write_json(folder / MAIN, {"numbers": said})
    return [folder / MAIN]


def write_index(schedule: Schedule) -> Path:
    """Write `index.html` in the folder of reports. Raises OutputError."""
    parts = "".join(_table(schedule, line) for line in schedule.lines)
    name = html.escape(schedule.name)
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}: reports'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><main><h1>{name}: reports</h1>\n{parts}"
        "</main></body></html>\n"
    )
    return atomic.write(schedule.out / "index.html", page)


def _table(schedule: Schedule, line: Line) -> str:
    store = Store(line.out)
    rows = {r.label: "" for r in store.runs()}
    newest: set[str] = set()
    for run in reversed(store.runs()):
        rows[run.label] += _run(schedule, run, again=run.label in newest)
        newest.add(run.label)
    for label, reason in skipped(line.out).items():
        if label not in rows:
            rows[label] = _row(_words(schedule, label), "", f"Skipped: {html.escape(reason)}", "")
    for failure in store.failures():
        why = " ".join(strings(failure.get("reasons"))) or "see outcomes status"
        said = f'<span class="state">Not made: {html.escape(why)}</span>'
        label = failure["period"]
        rows[label] = rows.get(label, "") + _row(_words(schedule, label), "", said, "")
    body = "".join(rows[k] for k in sorted(rows, key=lambda k: _start(schedule, k), reverse=True))
    caption = html.escape(line.name or "Newest first")
    head = "".join(f'<th scope="col">{t}</th>' for t in ("Period", "Made", "Main numbers", "Files"))
    head = f"<caption>{caption}</caption><thead><tr>{head}</tr></thead>"
    return f"<table>{head}<tbody>{body}</tbody></table>\n"


def _run(schedule: Schedule, run: Run, *, again: bool) -> str:
    made = datetime.fromisoformat(run.manifest["ended"]).astimezone(schedule.when.zone)
    numbers = "".join(f"<li>{n}</li>" for n in _numbers(run))
    said = f"<ul>{numbers}</ul>" if numbers else ""
    if run.manifest["exit_code"]:
        said += '<span class="state">Not every question could be answered.</span>'
    if again:
        said += '<span class="state">Made again since.</span>'
    period = _words(schedule, run.label)
    links = [
        f'<a href="{quote(p.relative_to(schedule.out).as_posix())}"'
        f' aria-label="{html.escape(p.name)} of {html.escape(period)},'
        f' made {made:%Y-%m-%d %H:%M}">{html.escape(p.name)}</a>'
        for p in run.reports
    ]
    files = ", ".join(links) or '<span class="state">no longer kept</span>'
    return _row(period, f"{made:%Y-%m-%d %H:%M}", said, files)


def _numbers(run: Run) -> Iterator[str]:
    said = (read_json(run.folder / MAIN) or {}).get("numbers")
    for number in said if isinstance(said, list) else ():
        words: list[Any] = [
            number.get(k) if isinstance(number, dict) else None
            for k in ("value", "label", "detail")
        ]
        if all(isinstance(w, str) for w in words):
            value, label, detail = map(html.escape, words)
            yield f"<b>{value}</b> {label}{f' ({detail})' if detail else ''}"


def _row(period: str, made: str, said: str, files: str) -> str:
    return (
        f'<tr><th scope="row">{html.escape(period)}</th><td>{made}</td><td>{said}</td>'
        f"<td>{files}</td></tr>\n"
    )


def _words(schedule: Schedule, label: str) -> str:
    period = schedule.when.find(label)
    return period.words if period else label


def _start(schedule: Schedule, label: str) -> tuple[str, str]:
    period = schedule.when.find(label)
    return (period.start.isoformat() if period else label, label)
