"""A token or a password of a source of data is in no message, traceback, log or file that is written."""

from __future__ import annotations

import random
import traceback
from pathlib import Path

import pytest

from outcomes.cli import main
from tests.clinic import STUDY
from tests.config.faults import tree
from tests.hostile.clinics import ATTACKS
from tests.hostile.fuzz import quick
from tests.readers.sources.servers import TOKEN

PASSWORD = "hunter2-is-a-password"
COMMANDS = [
    ["check", "study.toml"],
    ["run", "study.toml", "--to", "results.csv"],
    ["score", "study.toml", "--to", "made.csv"],
    ["report", "study.toml", "--out", "reports"],
    ["notebook", "before-after", "study.toml", "--to", "mine.ipynb"],
    ["plan", "freeze", "study.toml"],
    ["share", "--review", "study.toml", "--to", "review.csv"],
]


@pytest.mark.parametrize("spoiled", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["served redcap", "served fhir"])
def test_a_token_is_nowhere_whatever_the_server_does(
    name: str, spoiled: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    ends = set[str]()
    with quick(), caplog.at_level(0):
        next(a for a in ATTACKS if a.name == name).write(tmp_path, random.Random(1))
        if spoiled:
            Path("wire").write_bytes(bytes([spoiled]) * 9)
        for words in COMMANDS:
            try:
                ends.add(str(main([*words, "--debug"])))
            except Exception:  # --debug shows where it came from
                ends.add(traceback.format_exc())
    said = "".join(capfd.readouterr()) + caplog.text + "".join(ends)
    assert TOKEN not in said
    held = [n for n, data in tree(tmp_path).items() if data and TOKEN.encode() in data]
    assert held == []


def test_a_password_of_a_database_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address = "postgresql://clinic@127.0.0.1:9/registry"
    source = f'{{ database = "{address}", table = "scores", password = "env:PG", timeout = 1 }}'
    (tmp_path / "study.toml").write_text(STUDY.replace('"scores.csv"', source), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PG", PASSWORD)
    monkeypatch.setattr("outcomes.readers.sources.retries.pause", lambda _: None)
    for words in COMMANDS:
        assert main(words) in (2, 3, 69)
    said = "".join(capfd.readouterr())
    assert "127.0.0.1" in said and PASSWORD not in said and "clinic@" not in said
    assert not [n for n, data in tree(tmp_path).items() if data and PASSWORD.encode() in data]
