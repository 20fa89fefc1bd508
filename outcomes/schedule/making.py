"""One report: read, judge fresh or stale, answer, write beside, publish at one stroke."""

from __future__ import annotations

import dataclasses
import platform
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from outcomes.errors import DataError, OutputError, StudyError
from outcomes.plan import Plan
from outcomes.report import SNAPSHOT
from outcomes.result import Results
from outcomes.schedule import manifest as facts
from outcomes.schedule.config import Line, Schedule
from outcomes.schedule.faults import StaleError
from outcomes.schedule.gates import newest_record, stale, wrong
from outcomes.schedule.periods import Period
from outcomes.schedule.store import DELIVERY, MANIFEST, Run, Store, write_json
from outcomes.study import Study


@dataclass(frozen=True)
class Made:
    """What became of one period: its exit code, where the report is, and words for the person at the screen."""

    line: str
    label: str
    exit_code: int
    words: str
    report: Path | None = None


def make(
    schedule: Schedule, line: Line, store: Store, period: Period, *,
    clock: Callable[[], datetime], tell: Callable[[int], Sequence[str]], accept: bool = False,
) -> Made:  # fmt: skip
    """Make and publish the report of one period; nothing where the same was already published.

    Raises the errors of reading and answering, StaleError from the gates, OutputError from the disk.
    """
    started, runs, file = clock(), store.runs(), line.study_file(period.label)
    study, config, newest = _read(file, schedule)
    entries = facts.inputs(study)
    key = facts.key(period.label, config, entries)
    if done := next((r for r in runs if r.manifest["key"] == key and r.reports), None):
        return Made(line.name, period.label, 0, "already done", done.reports[0])
    plan = Plan.of(study)
    if not len(plan):
        raise StudyError(f"{file} has no [[analysis]]: nothing is asked. 'outcomes init' writes a ready-made plan.")
    found = [*stale(period, entries, runs, schedule.freshness, newest=newest), *wrong(study)]
    if found and not accept:
        raise StaleError(" ".join((*found, f"If it is right as it is: run-due --period {period.label} --accept.")))
    titled = dataclasses.replace(study, title=f"{study.title or 'Patient-reported outcomes'} · {period.words}")
    with warnings.catch_warnings(record=True) as caught, _on_disk(store.folder), store.partial() as folder:
        warnings.simplefilter("always")
        results = plan.run(titled)
        files = _write(titled, results, folder, schedule, since=_with_snapshot(runs, period), label=period.label)
        code = 5 if results.failed else 0
        earlier = [r for r in runs if r.order[0] <= period.start.isoformat()]
        said = {
            "format": facts.FORMAT, "number": max((int(r.manifest["number"]) for r in runs), default=0) + 1,
            "schedule": schedule.name, "study": line.name, "period": _dates(period), "started": started.isoformat(),
            "ended": clock().isoformat(), "time_zone": str(schedule.when.zone), "host": platform.node(), "key": key,
            "config_sha256": config, "audience": schedule.audience, "inputs": entries,
            **facts.answers(titled, plan, results), "versions": facts.versions(), "accepted": found,
            "warnings": dict(sorted(Counter(w.category.__name__ for w in caught).items())),
            "outputs": facts.outputs(folder, files), "previous": earlier[-1].folder.name if earlier else None,
            "exit_code": code,
        }  # fmt: skip
        write_json(folder / MANIFEST, said)
        write_json(folder / DELIVERY, {"waiting": list(tell(code))})
        place = store.publish(folder, store.name_for(period.label, started))
    words = f"{len(results.failed)} of {len(results)} questions could not be answered" if code else "done"
    return Made(line.name, period.label, code, words, place / files[0].relative_to(folder))


def _read(file: Path, schedule: Schedule) -> tuple[Study, str, Any]:
    """The study, the hash of its configuration, and the date of its newest record."""
    from outcomes.readers import read_study

    try:
        study = read_study(file)
        return study, facts.config_digest(schedule, file), newest_record(schedule.freshness, file.parent)
    except OSError as e:
        raise DataError(f"A file of {file} cannot be read: {e.strerror or type(e).__name__}.") from None


def _with_snapshot(runs: Sequence[Run], period: Period) -> Path | None:
    """The folder of the last run before this period that remembers what it knew."""
    earlier = [r.folder for r in runs if r.order[0] < period.start.isoformat() and (r.folder / SNAPSHOT).is_file()]
    return earlier[-1] if earlier else None


def _write(
    study: Study, results: Results, folder: Path, schedule: Schedule, *, since: Path | None, label: str
) -> list[Path]:
    """The report in every format; beside it, for internal use, every number. What may be shared stands in a folder of its own."""
    from outcomes.report import LEDGER, write_reports, write_snapshot
    from outcomes.report.spreadsheet import table_csv

    if schedule.audience == "share":
        # what was shared so far is remembered beside the runs, never in the folder that leaves the clinic
        shared: dict[str, Any] = {"audience": "share", "policy": schedule.policy, "ledger": folder.parent / LEDGER}
        return write_reports(study, results, folder / "share", formats=schedule.formats, **shared)
    files = write_reports(study, results, folder, formats=schedule.formats, since=since, period=label)
    write_snapshot(study, results, folder, since=since, period=label)
    table, frame = folder / "results.csv", results.to_frame()
    table.write_bytes(table_csv(list(frame), frame.itertuples(index=False)))
    return [*files, table]


@contextmanager
def _on_disk(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into an OutputError."""
    try:
        yield
    except OSError as e:
        raise OutputError(f"Cannot write in {folder}: {e.strerror or type(e).__name__}.") from None


def _dates(period: Period) -> dict[str, str]:
    start, end, due = period.start.isoformat(), period.end.isoformat(), period.due.isoformat()
    return {"label": period.label, "start": start, "end": end, "due": due}
