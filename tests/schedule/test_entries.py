"""Entries for the systems' schedulers: each is taken by the program that would read it, whatever is
in the path.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from outcomes.core.errors import StudyError
from outcomes.schedule import show
from tests.schedule.clinic import write_schedule

PATHS = (
    "clinic",
    "our clinic",
    "50% off",
    "o'brien & sons",
    'quo"te',
    "cash$flow",
    "a\\b",
    "schmerz-ärzte",
)


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
    assert (
        root.findtext(".//t:Arguments", namespaces=names)
        == f'-X utf8 -m outcomes run-due "{path}" --quiet'
    )
    assert root.findtext(".//t:Command", namespaces=names) == r"C:\Program Files\Python\python.exe"
    assert (
        root.findtext(".//t:Description", namespaces=names)
        == "Reports that are due: Ärzte & 50% <b>"
    )
    assert root.findtext(".//t:StartWhenAvailable", namespaces=names) == "true"
    assert root.findtext(".//t:MultipleInstancesPolicy", namespaces=names) == "IgnoreNew"


#: The published schema of Task Scheduler 1.2, as far as the entry uses it: what may stand where;
#: "sequence" where in that order.
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
SCHEMA: dict[str, tuple[str, tuple[str, ...]]] = {
    "Task": ("all", ("RegistrationInfo", "Triggers", "Settings", "Data", "Principals", "Actions")),
    "RegistrationInfo": (
        "all",
        (
            "URI",
            "SecurityDescriptor",
            "Source",
            "Date",
            "Author",
            "Version",
            "Description",
            "Documentation",
        ),
    ),
    "Triggers": (
        "choice",
        ("BootTrigger", "TimeTrigger", "CalendarTrigger", "EventTrigger", "LogonTrigger"),
    ),
    "TimeTrigger": (
        "sequence",
        (
            "Enabled",
            "StartBoundary",
            "EndBoundary",
            "Repetition",
            "ExecutionTimeLimit",
            "RandomDelay",
        ),
    ),
    "Repetition": ("all", ("Interval", "Duration", "StopAtDurationEnd")),
    "Principals": ("sequence", ("Principal",)),
    "Principal": ("all", ("UserId", "LogonType", "GroupId", "DisplayName", "RunLevel")),
    "Settings": (
        "all",
        (
            "AllowStartOnDemand",
            "RestartOnFailure",
            "MultipleInstancesPolicy",
            "DisallowStartIfOnBatteries",
            "StopIfGoingOnBatteries",
            "AllowHardTerminate",
            "StartWhenAvailable",
            "NetworkProfileName",
            "RunOnlyIfNetworkAvailable",
            "WakeToRun",
            "Enabled",
            "Hidden",
            "DeleteExpiredTaskAfter",
            "IdleSettings",
            "NetworkSettings",
            "ExecutionTimeLimit",
            "Priority",
            "RunOnlyIfIdle",
        ),
    ),
    "Actions": ("choice", ("Exec", "ComHandler", "SendEmail", "ShowMessage")),
    "Exec": ("all", ("Command", "Arguments", "WorkingDirectory")),
}
VALUES = {
    "Enabled": "true|false",
    "StartBoundary": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "Interval": "PT1H",
    "StopAtDurationEnd": "true|false",
    "LogonType": "S4U|Password|InteractiveToken|InteractiveTokenOrPassword",
    "RunLevel": "LeastPrivilege|HighestAvailable",
    "MultipleInstancesPolicy": "Parallel|Queue|IgnoreNew|StopExisting",
    "ExecutionTimeLimit": r"P(T\d+H|\d+D)",
    "DisallowStartIfOnBatteries": "true|false",
    "StopIfGoingOnBatteries": "true|false",
    "StartWhenAvailable": "true|false",
    "Description": r"[\s\S]+",
    "Command": r"[\s\S]{1,260}",
    "Arguments": r"[\s\S]+",
    "WorkingDirectory": r"[\s\S]+",
}


def test_windows_gets_what_its_schema_allows(path: Path) -> None:
    text = show(path, "windows")
    assert text.startswith('<?xml version="1.0" encoding="UTF-16"?>\n')
    with pytest.raises(UnicodeError):
        text.encode("utf-16").decode(
            "utf-8"
        )  # as saved it has a mark, and is what the declaration says
    assert not re.search(
        r"--", re.sub("^<!--|-->$", "", re.search("<!--.*?-->", text, re.S)[0]).strip("-")
    )  # type: ignore[index]
    root = ElementTree.fromstring(text.encode("utf-16"))
    assert root.tag == f"{NAMESPACE}Task" and root.attrib == {"version": "1.2"}
    for element in root.iter():
        name, children = (
            element.tag.removeprefix(NAMESPACE),
            [c.tag.removeprefix(NAMESPACE) for c in element],
        )
        if not children:
            assert re.fullmatch(VALUES[name], element.text or ""), name
            continue
        how, there = SCHEMA[name]
        assert set(children) <= set(there) and len(set(children)) == len(children), name
        assert how != "sequence" or children == [c for c in there if c in children], (
            f"{name}: their order"
        )
    actions = root.find(f"{NAMESPACE}Actions")
    principals = {p.attrib["id"] for p in root.iter(f"{NAMESPACE}Principal")}
    assert (
        actions is not None and actions.attrib["Context"] in principals
    )  # the schema's key and its reference


def test_all_three_at_once_and_no_other(tmp_path: Path) -> None:
    path = write_schedule(tmp_path)
    text = show(path)
    assert "crontab -e" in text and "OnCalendar" in text and "schtasks" in text
    with pytest.raises(StudyError, match="No scheduler 'launchd'"):
        show(path, "launchd")
