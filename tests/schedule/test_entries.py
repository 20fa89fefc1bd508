"""Entries for the systems' schedulers: each is taken by the program that would read it, whatever is in the path."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from outcomes.errors import StudyError
from outcomes.schedule import show
from tests.schedule.clinic import write_schedule

PATHS = ("clinic", "our clinic", "50% off", "o'brien & sons", 'quo"te', "cash$flow", "a\\b", "schmerz-ärzte")


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / request.param
    folder.mkdir()
    return write_schedule(folder, name="Ärzte & 50% <b>")


def test_cron_runs_what_is_meant(path: Path) -> None:
    line = show(path, "cron").splitlines()[-1]
    minute, *rest, command = line.split(" ", 5)
    assert 0 <= int(minute) < 60 and rest == ["*"] * 4
    assert "%" not in command.replace("\\%", "")  # cron ends a command at a bare %
    words = shlex.split(command.replace("\\%", "%"))
    assert words[1:] == ["-m", "outcomes", "run-due", str(path), "--quiet"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong(path: Path, tmp_path: Path) -> None:
    text = show(path, "systemd")
    parts = text.split("# --- ")[1:]
    units = tmp_path / "units"
    units.mkdir()
    for part in parts:
        name, _, body = part.partition("\n")
        (units / name.strip()).write_text(body, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(units.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    mine = [line for line in done.stderr.splitlines() if "outcomes-" in line]
    assert mine == [] and done.returncode == 0, done.stderr


def test_windows_gets_whole_xml(path: Path) -> None:
    text = show(path, "windows", python=r"C:\Program Files\Python\python.exe")
    root = ElementTree.fromstring(text.encode("utf-16"))
    names = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    assert root.findtext(".//t:Arguments", namespaces=names) == f'-X utf8 -m outcomes run-due "{path}" --quiet'
    assert root.findtext(".//t:Command", namespaces=names) == r"C:\Program Files\Python\python.exe"
    assert root.findtext(".//t:Description", namespaces=names) == "Reports that are due: Ärzte & 50% <b>"
    assert root.findtext(".//t:StartWhenAvailable", namespaces=names) == "true"
    assert root.findtext(".//t:MultipleInstancesPolicy", namespaces=names) == "IgnoreNew"


def test_all_three_at_once_and_no_other(tmp_path: Path) -> None:
    path = write_schedule(tmp_path)
    text = show(path)
    assert "crontab -e" in text and "OnCalendar" in text and "schtasks" in text
    with pytest.raises(StudyError, match="No scheduler 'launchd'"):
        show(path, "launchd")
