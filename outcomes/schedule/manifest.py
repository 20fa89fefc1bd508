"""What a run was made from and what it made: hashes, sizes, counts and versions. Never the content
of a cell.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import outcomes
from outcomes.core.errors import OutputError
from outcomes.core.result import Results
from outcomes.plans.plan import Plan
from outcomes.schedule.schedule_file import Schedule
from outcomes.schedule.store import digest
from outcomes.study.study import Study

FORMAT = 1
#: Rules of the readers under which rows are left out; the reader's own count of rows lacks them.
LEFT_OUT = ("empty_rows", "summary_row", "heading_row", "line_of_text", "below_the_table")
_LIBRARIES = ("pandas", "numpy", "scipy", "matplotlib")


def config_digest(schedule: Schedule, study: Study) -> str:
    """A hash of all that shapes the report besides the data: study file, a clinic's own
    instruments, version, audience …
    """
    own = [
        digest(path)
        for use in study.uses
        if not isinstance(use.instrument, str) and (path := use.kind.path)
    ]
    file = study.settings["study_file"]["sha256"]
    said = [
        file,
        own,
        outcomes.__version__,
        schedule.audience,
        schedule.policy,
        list(schedule.formats),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def inputs(study: Study) -> list[dict[str, Any]]:
    """The tables a study was read from: file, size, hash, and how many rows came in, were used,
    were left out and why.
    """
    found = []
    for source in study.sources:
        notes = [i for i in study.issues if i.table == source["table"] and i.rule in LEFT_OUT]
        dropped: Counter[str] = Counter()
        for note in notes:
            dropped[note.rule] += note.count
        used = int(source["rows"])
        counts = {
            "in": used + dropped.total(),
            "used": used,
            "dropped": dict(sorted(dropped.items())),
        }
        pulled = {"from": source["from"]} if "from" in source else {}
        file = {k: source[k] for k in ("table", "file", "bytes", "sha256")}
        found.append(file | pulled | {"rows": counts})
    return found


def key(label: str, config: str, entries: Sequence[dict[str, Any]]) -> str:
    """What makes two runs the same: the period, the configuration, and the input."""
    said = [label, config, sorted((e["table"], e["sha256"]) for e in entries)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def answers(study: Study, plan: Plan, results: Results) -> dict[str, Any]:
    """The plan and what became of it, columns allowed or dropped, and what reading found, by rule
    and count.
    """
    unanswered = [
        {"number": i, "method": type(r.analysis).__name__}
        for i, r in enumerate(results, 1)
        if r.failed
    ]
    seeds = sorted({s for q in plan if isinstance(s := getattr(q, "seed", None), int)})
    issues: Counter[tuple[str, str, str]] = Counter()
    for issue in study.ready.issues:
        issues[issue.rule, issue.severity, issue.table] += issue.count
    return {
        "plan": {
            "sha256_16": plan.digest,
            "questions": len(plan),
            "unanswered": unanswered,
            "seeds": seeds,
        },
        "privacy": {k: list(v) for k, v in study.settings.get("privacy", {}).items()},
        "issues": [
            {"rule": r, "severity": s, "table": t, "count": n}
            for (r, s, t), n in sorted(issues.items())
        ],
    }


def versions() -> dict[str, str]:
    """The versions of what computed."""
    return {
        "outcomes": outcomes.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
    } | {name: metadata.version(name) for name in _LIBRARIES}


def outputs(folder: Path, files: Iterable[Path]) -> list[dict[str, Any]]:
    """The files a run made: name, size, hash. Raises OutputError where one is empty."""
    found = []
    for path in files:
        size = path.stat().st_size
        if not size:
            raise OutputError(f"{path.name} came out empty; is the disk full?")
        found.append(
            {"file": path.relative_to(folder).as_posix(), "bytes": size, "sha256": digest(path)}
        )
    return found
