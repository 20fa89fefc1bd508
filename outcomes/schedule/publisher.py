"""One report: read, judge fresh or stale, answer, write beside, publish at one stroke."""

from __future__ import annotations

import dataclasses
import platform
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from outcomes import reporting
from outcomes.config import atomic
from outcomes.core.errors import DataError, OutputError, StudyError
from outcomes.core.result import Results
from outcomes.plans.plan import Plan
from outcomes.readers.sources.snapshot import snapshot_of
from outcomes.reporting import LEDGER, SNAPSHOT
from outcomes.reporting.document import Document
from outcomes.reporting.release.ledger import recorded
from outcomes.schedule import manifest as facts
from outcomes.schedule.advice import for_gate
from outcomes.schedule.exit_codes import StaleError
from outcomes.schedule.periods import Period, date_words
from outcomes.schedule.preconditions import newest_record, stale, wrong
from outcomes.schedule.report_index import write_main_numbers
from outcomes.schedule.repository import git_state
from outcomes.schedule.schedule_file import Line, Schedule
from outcomes.schedule.store import DELIVERY, MANIFEST, Run, Store, write_json
from outcomes.study.study import Study

#: The folder, among the reports, of what was made with a trial clock.
TRIAL = "trial"


@dataclass(frozen=True)
class Made:
    """What became of one period: its exit code, where the report is, and words for the person at
    the screen.
    """

    line: str
    label: str
    exit_code: int
    words: str
    report: Path | None = None


def make(
    schedule: Schedule,
    line: Line,
    store: Store,
    period: Period,
    *,
    clock: Callable[[], datetime],
    tell: Callable[[int], Sequence[str]],
    accept: bool = False,
    trial: bool = False,
) -> Made:
    """Make and publish the report of one period; nothing where the same was already published.

    A `trial` goes into a folder of its own, says so in title and manifest, tells nobody, and is
    not written into the ledger of what was shared.

    Raises the errors of reading and answering, StaleError from the gates, OutputError from the
    disk.
    """
    started, runs, file = clock(), store.runs(), line.study_file(period.label)
    newest, study = _read(file, schedule)
    config = facts.config_digest(schedule, study)
    entries = facts.inputs(study)
    key = facts.key(period.label, config, entries)
    if done := next(
        (r for r in runs if r.manifest["key"] == key and r.reports and not r.ahead), None
    ):
        return Made(line.name, period.label, 0, "already done", done.reports[0])
    plan = Plan.of(study)
    if not len(plan):
        raise StudyError(
            f"{file} has no [[analysis]]: nothing is asked. 'outcomes init' writes a ready-made"
            " plan."
        )
    found = [*stale(period, entries, runs, schedule.freshness, newest=newest), *wrong(study)]
    if found and not accept:
        raise StaleError(found, for_gate(schedule, period.label))
    title = f"{study.title or 'Patient-reported outcomes'} · {period.words}"
    if trial:
        at = started.astimezone(schedule.when.zone)
        title = f"TRIAL as if it were {date_words(at.date())}, {at:%H:%M} · {title}"
        store = Store(store.folder / TRIAL)
        store.tidy()
    titled = dataclasses.replace(study, title=title)
    with (
        warnings.catch_warnings(record=True) as caught,
        _on_disk(store.folder),
        store.partial() as folder,
    ):
        warnings.simplefilter("always")
        results = plan.run(titled)
        doc = _document(
            titled,
            results,
            schedule,
            _ledger(line, file, store),
            since=_with_snapshot(runs, period),
            label=period.label,
        )
        files, withheld = _write(
            doc,
            titled,
            results,
            folder,
            schedule,
            since=_with_snapshot(runs, period),
            label=period.label,
        )
        code = 5 if results.failed else 0
        earlier = [r for r in runs if r.order[0] <= period.start.isoformat()]
        said = {
            "format": facts.FORMAT,
            "number": max((int(r.manifest["number"]) for r in runs), default=0) + 1,
            "schedule": schedule.name,
            "study": line.name,
            "period": _dates(period),
            "started": started.isoformat(),
            "ended": clock().isoformat(),
            "time_zone": str(schedule.when.zone),
            "host": platform.node(),
            "key": key,
            "config_sha256": config,
            **({"trial": True} if trial else {}),
            "git": git_state(file),
            "audience": schedule.audience,
            **withheld,
            "inputs": entries,
            **facts.answers(titled, plan, results),
            "versions": facts.versions(),
            "accepted": found,
            "warnings": dict(sorted(Counter(w.category.__name__ for w in caught).items())),
            "outputs": facts.outputs(folder, files),
            "previous": earlier[-1].folder.name if earlier else None,
            "exit_code": code,
        }
        if pulled := snapshot_of(study.settings):
            files_of_it = pulled.to_write()
            atomic.write_all(folder, files_of_it, private=tuple(files_of_it))
            said["source_snapshot"] = facts.outputs(folder, [folder / n for n in files_of_it])
        write_json(folder / MANIFEST, said)
        write_json(folder / DELIVERY, {"waiting": [] if trial else list(tell(code))})
        with nullcontext() if trial else recorded(doc.record):
            place = store.publish(folder, store.name_for(period.label, started))
    words = (
        f"{len(results.failed)} of {len(results)} questions could not be answered"
        if code
        else "done"
    )
    if any(r.label == period.label and r.ahead for r in runs):
        words += "; made again: the clock was ahead when it was made first"
    words += ", as a trial: it does not count as published" if trial else ""
    return Made(line.name, period.label, code, words, place / files[0].relative_to(folder))


def _read(file: Path, schedule: Schedule) -> tuple[date | None, Study]:
    """The date of the newest record, and the study: read after it, so that a file replaced
    meanwhile is judged by its past. What is pulled is pulled once.
    """
    from outcomes.readers import read_study

    rules = schedule.freshness
    pulled = not (file.parent / rules.file).is_file()
    try:
        newest = None if pulled else newest_record(rules, file.parent)
        study = read_study(file)
        if pulled:
            newest = newest_record(rules, file.parent, snapshot_of(study.settings))
        return newest, study
    except OSError as e:
        raise DataError(
            f"A file of {file} cannot be read: {e.strerror or type(e).__name__}."
        ) from None


def _with_snapshot(runs: Sequence[Run], period: Period) -> Path | None:
    """The folder of the last run before this period that remembers what it knew."""
    earlier = [
        r.folder
        for r in runs
        if r.order[0] < period.start.isoformat() and (r.folder / SNAPSHOT).is_file()
    ]
    return earlier[-1] if earlier else None


def _ledger(line: Line, file: Path, store: Store) -> Path:
    """The ledger of the study: beside the study file, or beside the runs where each period has a
    study file of its own.
    """
    return (store.folder if "{period}" in line.study else file.absolute().parent) / LEDGER


def _document(
    study: Study,
    results: Results,
    schedule: Schedule,
    ledger: Path,
    *,
    since: Path | None,
    label: str,
) -> Document:
    from outcomes.reporting import build

    if schedule.audience == "share":
        return build(study, results, audience="share", policy=schedule.policy, ledger=ledger)
    return build(study, results, since=since, period=label)


def _write(
    doc: Document,
    study: Study,
    results: Results,
    folder: Path,
    schedule: Schedule,
    *,
    since: Path | None,
    label: str,
) -> tuple[list[Path], dict[str, Any]]:
    """The report in every format, and what the policy withheld from it; beside it, for internal
    use, every number.

    What may be shared is in a folder of its own, and its ledger is written when the run is
    published.
    """
    from outcomes.tables.save import csv_bytes

    share, unpublished = schedule.audience == "share", dataclasses.replace(doc, record=None)
    place = folder / "share" if share else folder
    files = reporting.write_document(
        unpublished, place, formats=tuple(f for f in schedule.formats if f != "tables")
    )
    if "tables" in schedule.formats:
        files += reporting.write_document_tables(unpublished, results, place / "tables")
    files += write_main_numbers(doc, folder)
    if share:
        return files, {"disclosure": {"policy": schedule.policy, "suppressed": doc.suppressed}}
    table, frame = folder / "results.csv", results.to_frame()
    atomic.write(table, csv_bytes(list(frame), frame.itertuples(index=False)))
    return [
        *files,
        table,
        reporting.write_snapshot(study, results, folder, since=since, period=label),
    ], {}


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
