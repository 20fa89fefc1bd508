"""Pipes, devices and runs without end, for every kind of file that a study names."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.core.errors import StudyError
from outcomes.tables.grid import safe_cell
from tests.clinic import STUDY, clinic
from tests.hostile.clinics import ATTACKS
from tests.hostile.fuzz import limited

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


SHARED = ["report", "study.toml", "--audience", "share", "--out", "shared"]
#: Files beside the data, and a command that reads each.
BESIDE: dict[str, list[str]] = {
    "pseudonyms.key": ["export", "study.toml", "--deidentified", "--key", "pseudonyms.key",
                       "--to", "out"],
    "study.plan.toml": ["plan", "compare", "study.toml"],
    "shared-ledger.json": SHARED,
    "old/snapshot.json": ["report", "study.toml", "--since", "old", "--out", "new"],
    "certificates.pem": ["check", "served.toml"],
    "more.csv": ["check", "more.toml"],
    "infusions.csv": ["check", "infused.toml"],
    "registry.sqlite": ["check", "database.toml"],
    "packed.zip": ["init", "packed.zip", "--to", "first.toml"],
    "scores.txt": ["pseudonyms", "scores.txt", "--apart", "keys"],
    "study.toml": ["score", "study.toml", "--to", "made.csv"],
    "made.csv": ["score", "study.toml", "--to", "made.csv"],
    "mine.toml": ["instruments", "check", "mine.toml"],
    "engine.csv": ["run", "engine.toml", "--to", "results.csv", "--engine", "serial"],
}  # fmt: skip
NAMING = {
    "served.toml": 'scores = { redcap = "https://127.0.0.1:9/api/", token = "env:REDCAP_TOKEN",'
    ' ca = "certificates.pem" }',
    "more.toml": 'scores = { file = "scores.csv", more = ["more.csv"], by = "site" }',
    "infused.toml": 'scores = "scores.csv"\ninfusions = "infusions.csv"',
    "database.toml": 'scores = { database = "sqlite:///registry.sqlite", table = "scores" }',
    "engine.toml": 'scores = "engine.csv"',
}


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("what", ["pipe", "device"])
@pytest.mark.parametrize("name", BESIDE)
def test_no_file_beside_the_data_is_opened_where_it_is_none(
    name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    clinic(tmp_path)
    for file, said in NAMING.items():
        (tmp_path / file).write_text(STUDY.replace('scores = "scores.csv"', said), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDCAP_TOKEN", "0" * 32)
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(path)
    else:
        study = Path(BESIDE[name][1])
        if study.suffix == ".toml" and study != path and study.exists():
            text = study.read_text("utf-8")
            study.write_text(text.replace("[data]\n", '[data]\nfolders = ["/dev"]\n'), "utf-8")
        path.symlink_to("/dev/zero")
    with limited(20):
        code = main([*BESIDE[name], "--quiet"])
    said = capsys.readouterr().err
    assert code in (2, 3, 69, 74), (code, said)
    assert "pipe or a device" in said or "not a regular file" in said, said


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_sums_of_another_clinic_are_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sums.json")
    with limited(20), pytest.raises(StudyError, match="pipe or a device"):
        oc.pool_sums([tmp_path / "sums.json"] * 2, key="k")


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
