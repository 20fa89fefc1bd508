"""docs/validation/files.md against what the commands really open."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from outcomes.cli import main
from tests.clinic import STUDY, clinic, rows
from tests.hostile.kills import quick
from tests.hostile.traced import traced

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation" / "files.md"


def lines() -> list[tuple[str, list[str], list[str]]]:
    """The commands of the page with what they read and write; what may be in brackets keeps its
    bracket.
    """
    made = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| `outcomes "):
            names = (re.findall(r"\[?`[^`]+`", c) for c in cells[1:3])
            read, written = ([n.replace("`", "") for n in some] for some in names)
            made.append((cells[0].strip("`").removeprefix("outcomes "), read, written))
    return made


def compared(said: list[str], seen: set[str]) -> list[str]:
    """What is opened and not on the page, and what is on the page and not opened."""
    patterns = [n.removeprefix("[") for n in said]
    more = [f"opened: {n}" for n in sorted(seen) if not any(fnmatch(n, p) for p in patterns)]
    needed = [n for n in said if not n.startswith("[")]
    return more + [f"not opened: {n}" for n in needed if not any(fnmatch(s, n) for s in seen)]


def test_the_page_lists_every_file_that_a_command_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [3 + i % 8 for i in range(44)]
    clinic(tmp_path, rows(before, [max(0, b - i % 5) for i, b in enumerate(before)]))
    (tmp_path / "bare.toml").write_text(STUDY.split("[[analysis]]")[0], "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("OUTCOMES_SUMS_KEY", "0123456789abcdef" * 2)
    wrong: dict[str, list[str]] = {}
    with quick():
        for words, read, written in lines():
            with traced(tmp_path) as (reads, writes):
                assert main([*words.split(), "--quiet"]) == 0, words
            found = compared(read, reads) + compared(written, writes)
            if found:
                wrong[words] = found
    assert not wrong
    assert len(lines()) > 10


def test_a_file_that_is_not_on_the_page_is_noticed(tmp_path: Path) -> None:
    with traced(tmp_path) as (reads, writes):
        (tmp_path / "a.txt").write_text("a")
        (tmp_path / "a.txt").read_text()
    assert compared([], reads) == ["opened: a.txt"] == compared([], writes)
    assert compared(["b.txt", "[c.txt", "a.*"], reads) == ["not opened: b.txt"]
