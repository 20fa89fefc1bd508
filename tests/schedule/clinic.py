"""A small clinic in a folder, with a schedule that nobody has to wait for."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: After the report for October is due (Monday 2 November, 06:00 in Berlin), before it is overdue.
NOVEMBER = datetime(2026, 11, 2, 9, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 7, 9, tzinfo=UTC)
STUDY = """
[study]
title = "Test clinic"
[data]
scores = "scores.csv"
[roles]
patient = "id"
visit = "visit"
[visits]
order = ["baseline", "week_4"]
[instruments]
pain_nrs = { average = "nrs" }
[privacy]
drop = ["remark"]
[[analysis]]
method = "PairedT"
outcome = "pain_nrs_average"
before = "baseline"
after = "week_4"
role = "primary"
"""


def write_scores(folder: Path, *, patients: int = 30, seed: int = 1, remark: str = "") -> None:
    """Scores of so many invented patients; another seed gives other scores."""
    rng = random.Random(seed)
    lines = ["id,visit,nrs,remark"]
    for i in range(patients):
        before = rng.randint(4, 9)
        lines += [
            f"P{i:03d},baseline,{before},{remark}",
            f"P{i:03d},week_4,{max(0, before - rng.randint(-1, 4))},",
        ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")


def write_schedule(
    folder: Path, more: str = "", head: str = 'study = "study.toml"', **said: Any
) -> Path:
    """A monthly schedule in Berlin; `said` replaces keys, `more` are further tables."""
    keys = {"name": "Test", "period": "monthly", "time_zone": "Europe/Berlin", "at": "06:00"} | said
    lines = [f"{k} = {json.dumps(v)}" for k, v in keys.items() if v is not None]
    path = folder / "monthly.toml"
    path.write_text("\n".join(["[schedule]", head, *lines, more]) + "\n", encoding="utf-8")
    return path


def outcomes(*arguments: str | Path, code: str = "", **more: Any) -> subprocess.Popen[str]:
    """The command line as a process of its own; `code` runs before it, to slow it down, say."""
    start = [sys.executable, "-m", "outcomes"]
    if code:
        start = [
            sys.executable,
            "-c",
            f"{code}\nimport sys\nfrom outcomes.cli import main\nsys.exit(main(sys.argv[1:]))",
        ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*start, *map(str, arguments)], text=True, cwd=ROOT, **(pipes | more))


def finished(process: subprocess.Popen[str], timeout: float = 120) -> tuple[int, str, str]:
    """Exit code, output and messages of a process, once it has ended."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def published(folder: Path) -> list[str]:
    """The periods that have a whole report in the folder."""
    return sorted(
        p.parent.name.split("_")[0]
        for p in folder.glob("2*/report.html")
        if (p.parent / "manifest.json").is_file()
    )
