"""Pipes, devices and runs without end, for every kind of file that a study names."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from outcomes.cli import main
from outcomes.tables.grid import safe_cell
from tests.hostile.clinics import ATTACKS

NAMED = (
    ("csv", "scores.csv"),
    ("csv", "study.toml"),
    ("xlsx", "scores.xlsx"),
    ("sav", "scores.sav"),
    ("fhir", "scores.json"),
    ("parquet", "scores.parquet"),
    ("redcap", "dictionary.csv"),
    ("instrument", "mine.toml"),
    ("instrument", "side.csv"),
    ("schedule", "monthly.toml"),
)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("what", ["pipe", "device"])
@pytest.mark.parametrize("attack, name", NAMED)
def test_what_is_no_file_is_named_and_never_opened(
    attack: str, name: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(a for a in ATTACKS if a.name == attack).write(tmp_path, random.Random(1))
    path = tmp_path / name
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    else:
        study = tmp_path / "study.toml"
        if study.exists() and study != path:  # /dev is outside the folder of the study file
            text = study.read_text("utf-8")
            study.write_text(text.replace("[data]\n", '[data]\nfolders = ["/dev"]\n'), "utf-8")
        path.symlink_to("/dev/zero")
    command = ["check", str(tmp_path / "study.toml")]
    if attack == "schedule":
        command = ["status", str(path)]
    assert main(command) in (2, 3)
    said = capsys.readouterr().err
    assert "pipe or a device" in said or "not a regular file" in said, said


def test_a_run_of_codes_without_end_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(a for a in ATTACKS if a.name == "instrument").write(tmp_path, random.Random(1))
    file = tmp_path / "mine.toml"
    file.write_text(file.read_text("utf-8").replace('["a1", "a2"]', '"1-300000000"', 1), "utf-8")
    assert main(["instruments", "check", str(file)]) == 3
    assert "a run of more than 1000 codes" in capsys.readouterr().err


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t"])
@pytest.mark.parametrize("space", ["", " ", '"', "' "])
def test_a_cell_behind_a_semicolon_is_no_formula(mark: str, space: str) -> None:
    for part in safe_cell(f"pain;{space}{mark}cmd|' /C calc'!A0;7").split(";"):
        assert not part.lstrip(" \"'").startswith(mark) or part.startswith("'")
    assert safe_cell("low; -3; 4,5") == "low; -3; 4,5"
