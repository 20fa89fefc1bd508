"""Kills at every step of writing: each command that writes is killed (SIGKILL) and looked at.

    python -m tests.hostile.kills --seed 1 --kills 500

A child process runs the command and kills itself before or after one call to the disk (open, write,
fsync, link, replace), or at a random moment. A finding is: a file that is neither the old one nor
the new one; a main file that is new while another of its set is old (the main file is renamed
last); a lost or changed file of the user; a ledger that does not know a report that is out; and,
after the command was run again, a file that is missing or a temporary one that stayed.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from outcomes.cli import main
from outcomes.config import atomic
from tests.clinic import STUDY, clinic, rows
from tests.config.faults import STEPS, tree
from tests.config.test_commands import COMMANDS, restore

BARE = STUDY.split("[[analysis]]")[0]
SHARE = [
    "report", "study.toml", "--audience", "share", "--out", "shared", "--format", "html,tables",
]  # fmt: skip
#: What is run, and the file of its set that is renamed last.
KILLED: dict[str, tuple[list[str], str]] = {
    # the pseudonyms' key is new in each run, and is written first so that no code is without it
    **{n: (words, sorted(made)[0]) for n, (words, made) in COMMANDS.items() if n != "pseudonyms"},
    "report": (COMMANDS["report"][0], "reports/report.html"),
    "share": (SHARE, "shared/share/report.html"),
    "plan freeze": (["plan", "freeze", "study.toml"], "study.plan.toml"),
    "share --review": (["share", "--review", "study.toml", "--to", "review.csv"], "review.csv"),
    "export": (
        ["export", "study.toml", "--deidentified", "--key", "keys/pseudonyms.key", "--to", "out"],
        "out/scores.csv",
    ),
    "gallery": (["gallery", "--out", "gallery"], "gallery/gallery.html"),
}
LEDGER = "shared-ledger.json"


class Deadly:
    """Stands for `os` in the writer: kills the process at one call."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.asked = at, after, 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in STEPS:
            return real

        def ask(*args: Any, **more: Any) -> Any:
            now = self.asked
            self.asked += 1
            if now == self.at and not self.after:
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            made = real(*args, **more)
            if now == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return made

        return ask


@contextmanager
def quick() -> Iterator[None]:
    """Reports without pictures, and larger ones than a page, so that a write can be cut in half."""
    with (
        patch("outcomes.reporting._render", lambda doc, kind: f"<p>{doc.audience}".encode() * 999),
        patch("outcomes.gallery.page", lambda: "<p>gallery" * 999),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def child(words: list[str], at: int, *, after: bool, moment: float) -> bool:
    """Run the command in a child process that is killed; whether it was."""
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        if moment:
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, moment)
        else:
            atomic.os = Deadly(at, after=after)  # type: ignore[assignment,attr-defined]
        code = 1
        try:
            code = main([*words, "--quiet"])
        finally:
            os._exit(code)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def one(name: str, place: Path, rng: random.Random, whole: dict[str, dict[str, bytes | None]],
        calls: dict[str, int], seconds: dict[str, float], *, again: bool) -> tuple[bool, list[str]]:  # fmt: skip
    """Kill one command once, on its first run or on one that replaces its files."""
    words, last = KILLED[name]
    before = tree(place)
    moment = rng.uniform(0, seconds[name]) if rng.random() < 0.25 else 0.0
    killed = child(words, rng.randrange(calls[name]), after=rng.random() < 0.5, moment=moment)
    now, new, found = tree(place), whole[name], list[str]()
    for path, data in now.items():
        if data is None or Path(path).name.startswith((".outcomes-", ".shared")):
            continue
        if data not in (before.get(path), new.get(path)) and not _varies(path):
            found.append(f"{path} is neither old nor new")
    found += [f"{path} is lost" for path in before if path not in now]
    if now.get(last) != before.get(last) and not again:
        found += [f"{last} is there without {p}" for p in new if p not in now]
    if name == "share" and last in now and LEDGER not in now:
        found.append("a report is out that the ledger does not know")
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        code = main([*words, "--quiet"])
        if code:  # what is there is not overwritten unasked: another writer comes
            main([*COMMANDS["score"][0], "--quiet"])
    if code not in (0, 5) and last not in now:
        found.append(f"the next run fails: exit code {code}")
    after = tree(place)
    found += [f"{p} is missing after the next run" for p in new if p not in after]
    found += [f"{p} stayed" for p in after if Path(p).name.startswith(".outcomes-")]
    return killed, found


def _varies(path: str) -> bool:
    """Files that hold a key or an identifier drawn anew, so that no two are equal."""
    return path.endswith((LEDGER, "snapshot.json", ".ipynb", ".plan.toml", ".xlsx"))


def attack(kills: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Kill so many runs; what was found, and how many of each command were killed."""
    rng, found, count = random.Random(seed), list[str](), Counter[str]()
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, quick(), redirect_stdout(io.StringIO()):
        place = Path(folder)
        before = [3 + i % 8 for i in range(44)]
        clinic(place, rows(before, [max(0, b - i % 5) for i, b in enumerate(before)]))
        (place / "bare.toml").write_text(BARE, "utf-8")
        os.chdir(place)
        main(["pseudonyms", "scores.csv", "--apart", "keys", "--quiet"])
        try:
            start = tree(place)
            whole, calls, seconds = {}, {}, {}
            for name, (words, _) in KILLED.items():
                counted = Deadly(-1, after=False)
                begun = time.monotonic()
                with patch("outcomes.config.atomic.os", counted):
                    assert main([*words, "--quiet"]) == 0, name
                seconds[name] = time.monotonic() - begun
                calls[name], whole[name] = counted.asked, tree(place)
                restore(place, start)
            while count.total() < kills:
                name = rng.choice(list(calls))
                restore(place, start)
                again = rng.random() < 0.4
                if again:
                    main([*KILLED[name][0], "--quiet"])
                killed, new = one(name, place, rng, whole, calls, seconds, again=again)
                if killed:
                    count[name] += 1
                found += [f"{name}, kill {count.total()}: {what}" for what in new]
        finally:
            os.chdir(home)
    return found, count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=500)
    said = parser.parse_args()
    started = time.monotonic()
    findings, counted_ = attack(said.kills, said.seed)
    print(*findings, sep="\n")
    told = ", ".join(f"{k} {n}" for k, n in counted_.items() if n)
    print(f"{counted_.total()} kills ({told}): {len(findings)} findings;"
          f" {time.monotonic() - started:.0f} s")  # fmt: skip
    sys.exit(1 if findings else 0)
