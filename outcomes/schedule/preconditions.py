"""What must hold before a report is published: the input is new, reaches into the period, is whole,
and makes sense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from outcomes.checks import check
from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.wording import plural
from outcomes.readers.sources.snapshot import Snapshot, one_table
from outcomes.schedule.periods import Period, date_words
from outcomes.schedule.schedule_file import Freshness
from outcomes.schedule.store import Run
from outcomes.study.study import Study


def stale(
    period: Period,
    inputs: Sequence[Mapping[str, Any]],
    runs: Sequence[Run],
    rules: Freshness,
    *,
    newest: date | None = None,
) -> list[str]:
    """Why this input should not be published for this period; empty where nothing speaks against
    it.

    `inputs` are the entries of the manifest (`table`, `sha256`, `rows`), `runs` those published,
    `newest` the date of the newest record where the schedule names a date column. Nothing found
    here quotes a cell.
    """
    found = []
    pulled = all("from" in i for i in inputs)
    forgotten = "Was nothing entered since?" if pulled else "Was a new export forgotten?"
    earlier = [r for r in runs if r.order[0] <= period.start.isoformat()]
    same = [r for r in runs if _prints(r.manifest["inputs"]) == _prints(inputs)]
    before_end = [
        r for r in same if datetime.fromisoformat(r.manifest["started"]) < _ended(period, r)
    ]
    if rules.same_input == "refuse" and before_end:
        when = before_end[0].manifest["started"][:10]
        what = "What was pulled" if pulled else "The input"
        found.append(
            f"{what} is the same, byte for byte, as on {when}, before this period had ended."
            f" {forgotten}"
        )
    if newest is not None and newest < period.start:
        found.append(
            f"The newest row of {rules.file} is of {date_words(newest)}, before this period"
            f" ({period.words}). {forgotten}"
        )
    if earlier:
        found += _fallen(inputs, earlier[-1], rules.rows_fall_percent)
    return found


def wrong(study: Study) -> list[str]:
    """The errors that the checks find, by rule; a report nobody looks at first is not published
    with them.
    """
    issues = check(study)
    errors = issues[issues["severity"] == "error"]
    if errors.empty:
        return []
    rules = ", ".join(sorted(set(errors["rule"])))
    return [
        f"The checks found {plural(len(errors), 'error')} in the data ({rules}); 'outcomes check'"
        " shows them."
    ]


def newest_record(rules: Freshness, folder: Path, pulled: Snapshot | None = None) -> date | None:
    """The newest date in the column that the schedule names, of a file or of a table that was
    pulled from a database or server; None where it names none.

    Raises DataError where the file cannot be read or holds no date, StudyError for an unknown
    column.
    """
    if not rules.file:
        return None
    from outcomes.readers.dates import date_reader
    from outcomes.readers.files import Source, read_rows

    if pulled and rules.file in pulled.tables:
        with one_table(pulled, rules.file) as source:
            table = read_rows(source)
    else:
        table = read_rows(Source.of(rules.file, folder))
    if rules.column not in table.columns:
        raise StudyError(f"[freshness] newest: {unknown('column', rules.column, table.columns)}")
    cells = [t for c in table[rules.column] if (t := str(c).strip())]
    read = date_reader(cells, rules.date_order, f" in column '{rules.column}' of {rules.file}")
    dates = [d for c in cells if (d := read(c))]
    if not dates:
        raise DataError(
            f"Column '{rules.column}' of {rules.file} holds no whole date, so freshness cannot be"
            " judged."
        )
    return max(dates)


def _prints(inputs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return sorted((str(i["table"]), str(i["sha256"])) for i in inputs)


def _ended(period: Period, run: Run) -> datetime:
    """The moment this period ended, on the clock of its time zone; a run made later saw all of
    it.
    """
    return datetime(
        period.end.year,
        period.end.month,
        period.end.day,
        tzinfo=ZoneInfo(run.manifest["time_zone"]),
    )


def _fallen(inputs: Sequence[Mapping[str, Any]], before: Run, percent: int) -> list[str]:
    used = {str(i["table"]): int(i["rows"]["used"]) for i in inputs}
    found = []
    for old in before.manifest["inputs"]:
        was, now = int(old["rows"]["used"]), used.get(str(old["table"]), 0)
        if now < was * (1 - percent / 100):
            found.append(
                f"The {old['table']} table has {now} usable rows and had {was} for {before.label}: "
                f"it fell by more than {percent}%. Is the export whole?"
            )
    return found
