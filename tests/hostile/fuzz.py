"""A seeded fuzzer of the command line: every case damages one file of a clinic and runs a command.

    python -m tests.hostile.fuzz --seed 7 --cases 2000

A finding is an exit code that no page documents (1 among them), a case over its time, a patient's
code or value in a message, or a filled cell that is neither kept nor listed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from outcomes.cli import main
from outcomes.core.errors import OutcomesError
from outcomes.readers.studyfile import read_study
from outcomes.reporting.document import Document
from outcomes.schedule.run import run_due
from tests.hostile.clinics import ATTACKS, CANARIES, WHOLE, Attack
from tests.hostile.mutate import damage, damaged
from tests.readers.sources.servers import TOKEN, Answer, Fhir, Redcap, serving
from tests.schedule.clinic import NOVEMBER

#: Exit codes that `outcomes --help` explains, but for 1, which is a fault in the program.
DOCUMENTED = frozenset({0, 2, 3, 4, 5, 6, 69, 74, 75})
SECONDS = 20
#: A busy computer takes longer: seconds of work count, and in all so many.
IN_ALL = 120
CONSOLES = ("utf-8", "cp1252", "ascii")


class Hang(BaseException):
    """The case took too long; no handler of the program may take it for its own error."""


@dataclass(frozen=True)
class Finding:
    """What was found, and the case that shows it again."""

    seed: int
    case: int
    attack: str
    words: tuple[str, ...]
    kind: str
    detail: str

    def __str__(self) -> str:
        return (
            f"seed {self.seed} case {self.case} ({self.attack}: {' '.join(self.words)}):"
            f" {self.kind}: {self.detail}"
        )


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Stop what takes longer, where the system has an alarm."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_: Any) -> None:
        raise Hang

    before = [(s, signal.signal(s, stop)) for s in (signal.SIGALRM, signal.SIGPROF)]
    signal.alarm(IN_ALL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before:
            signal.signal(number, handler)


@contextmanager
def quick() -> Iterator[None]:
    """Reports without pictures, in November 2026, and nobody to be told but a closed port."""

    def write_document(doc: Any, folder: Path, *, formats: tuple[str, ...]) -> list[Path]:
        files = [folder / f"report.{kind}" for kind in formats]
        for file in files:
            file.write_text("report\n", encoding="utf-8")
        return files

    def at_once(path: Any, now: Any = None, **more: Any) -> Any:
        return run_due(path, NOVEMBER, **more)

    with (
        serving(served) as server,
        patch("outcomes.readers.sources.retries.pause", lambda _: None),
        patch("outcomes.readers.sources.fhir_server.pause", lambda _: None),
        patch("outcomes.reporting._render", lambda doc, kind: b"<p>"),
        patch("outcomes.reporting.write_document", write_document),
        patch("outcomes.schedule.run_due", at_once),
        patch("outcomes.schedule.publisher._document", lambda *_, **__: Document("", "", ())),
        patch("outcomes.schedule.notify.TIMEOUT", 1),
        patch.dict(
            os.environ,
            {
                "HOOK": "http://127.0.0.1:9/hook",
                "SERVED": server.url,
                "REDCAP_TOKEN": TOKEN,
                "FHIR_TOKEN": TOKEN,
                "NO_PROXY": "127.0.0.1",
            },
        ),
    ):
        yield


def served(method: str, path: str, said: Any, headers: Any) -> Answer:
    """A REDCap or FHIR server's answer in the case's folder, spoiled as its file `wire` says."""
    wire = Path("wire").read_bytes() if Path("wire").exists() else WHOLE
    if path.startswith("/fhir"):
        answer = Fhir(_bundle())(method, path, said, headers)
    else:
        raw, book = (Path(n).read_text("utf-8") for n in ("scores.csv", "dictionary.csv"))
        answer = Redcap(raw, book)(method, path, said, headers)
    if wire == WHOLE:
        return answer
    rng = random.Random(f"{zlib.crc32(wire)}/{len(said)}")
    how = rng.randrange(8)
    if how == 0:
        return replace(answer, status=rng.choice((204, 301, 400, 403, 404, 429, 500, 503)))
    if how == 1:
        return replace(answer, cut=min(len(answer.body), rng.randrange(1, 400)))
    if how == 2:
        return replace(answer, headers={"Content-Encoding": "gzip"})
    if how == 3:
        return replace(answer, kind=rng.choice(("text/html", "application/octet-stream", "")))
    return replace(answer, body=damaged(answer.body, "answer", rng))


def _bundle() -> list[dict[str, Any]]:
    entries = json.loads(Path("scores.json").read_text("utf-8"))["entry"]
    return [dict(e["resource"], id=f"o{i}") for i, e in enumerate(entries)]


class Consoles:
    """Standard output and error of a console of this encoding, as Python opens them."""

    def __init__(self, encoding: str) -> None:
        self.raw = io.BytesIO(), io.BytesIO()
        self.out = io.TextIOWrapper(self.raw[0], encoding=encoding, errors="strict")
        self.err = io.TextIOWrapper(self.raw[1], encoding=encoding, errors="backslashreplace")

    def text(self) -> str:
        """All that was printed."""
        self.out.flush()
        self.err.flush()
        return b"".join(r.getvalue() for r in self.raw).decode("latin-1")


def templates(root: Path) -> dict[str, Path]:
    """Each clinic once, undamaged."""
    made = {}
    for attack in ATTACKS:
        made[attack.name] = root / attack.name
        made[attack.name].mkdir()
        with redirect_stdout(io.StringIO()):
            attack.write(made[attack.name], random.Random(1))
    return made


def one(seed: int, case: int, made: dict[str, Path], home: Path) -> list[Finding]:
    """Run one case in a folder of its own; what it shows."""
    rng = random.Random(f"{seed}/{case}")
    attack: Attack = ATTACKS[case % len(ATTACKS)]
    folder = home / "case"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made[attack.name], folder)
    damage(folder, rng.choice(attack.targets), rng)
    words, console = rng.choice(attack.commands), Consoles(rng.choice(CONSOLES))
    found: list[tuple[str, str]] = []
    os.chdir(folder)
    begun, code = time.process_time(), -1
    try:
        with limited(SECONDS), redirect_stdout(console.out), redirect_stderr(console.err):
            try:
                code = main([*words])
            except SystemExit as stop:  # argparse
                code = int(stop.code or 0)
            except Hang:
                found.append(("hang", f"over {SECONDS} s"))
            except Exception as wrong:
                found.append(("raised", f"{type(wrong).__name__}"))
    finally:
        os.chdir(home)
    text = console.text()
    if code not in DOCUMENTED and not found:
        found.append((f"exit {code}", text.strip().splitlines()[-1][:200] if text else ""))
    if shown := [c for c in CANARIES if c in text.lower()]:
        line = next(s for s in text.splitlines() if shown[0] in s.lower())
        found.append(("canary", f"{shown} in: {line[:300]}"))
    if attack.name in ("csv", "xlsx") and code in (0, 5):
        found += [("lost", f"{n} cells") for n in [lost(folder / "study.toml")] if n]
    if time.process_time() - begun > SECONDS + 5:
        found.append(("slow", f"{time.process_time() - begun:.0f} s"))
    return [Finding(seed, case, attack.name, tuple(words), *f) for f in found]


#: Rules that say how many cells, or in which rows, were left out before columns were counted.
def lost(study_file: Path) -> int:
    """Filled cells of the scores table that the reading record neither keeps nor lists."""
    from outcomes.readers.files import read_file
    from outcomes.readers.source import Source

    try:
        study = read_study(study_file)
        name = study.sources[0]["file"]
        table = read_file(Source.of(name, study_file.parent))
    except OutcomesError:
        return 0
    filled = {c: int((table[c].str.strip() != "").sum()) for c in table.columns}
    if filled.get("nrs") is None or any(i.rule in LEFT_OUT for i in study.issues):
        return 0
    row = study.columns.set_index("column").loc["nrs"]
    told = int(row[["parsed", "coded", "unparseable", "outside"]].sum())
    return filled["nrs"] - told


LEFT_OUT = ("summary_row", "date_as_patient", "empty_rows")


def fuzz(
    seed: int, cases: int, *, start: int = 0, tell: bool = False
) -> tuple[list[Finding], Counter[str]]:
    """Run so many cases of a seed; the findings and the number of cases of each kind."""
    found: list[Finding] = []
    count: Counter[str] = Counter()
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as place, quick(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = Path(place)
        made = templates(home)
        try:
            for case in range(start, start + cases):
                new = one(seed, case, made, home)
                if tell:
                    for finding in new:
                        print(finding, flush=True)
                found += new
                count[ATTACKS[case % len(ATTACKS)].name] += 1
        finally:
            os.chdir(here)
    return found, count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    said = parser.parse_args()
    begun = time.monotonic()
    findings, counted = fuzz(said.seed, said.cases, start=said.start, tell=True)
    print(
        f"seed {said.seed}: {said.cases} cases in {time.monotonic() - begun:.0f} s"
        f" ({', '.join(f'{k} {n}' for k, n in sorted(counted.items()))});"
        f" {len(findings)} findings"
    )
    sys.exit(1 if findings else 0)
