"""The manifest: what went in, what was left out and why, at which commit, what came out; and never
a cell.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from outcomes.schedule import run_due, status
from outcomes.schedule.repository import git_state
from outcomes.schedule.store import digest
from tests.schedule.clinic import DECEMBER, NOVEMBER, STUDY, write_schedule, write_scores


def manifest(reports: Path) -> dict[str, Any]:
    return json.loads(max(reports.glob("2*/manifest.json")).read_text("utf-8"))


def git(folder: Path, *words: str) -> str:
    mine = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    mine |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=c", "-c", "user.email=c@c.test"]
    return subprocess.run(
        ["git", *who, *words], cwd=folder, env=mine, check=True, capture_output=True, text=True
    ).stdout.strip()


needs_git = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


def test_every_file_of_a_run_is_among_its_outputs_with_its_hash(clinic: Path) -> None:
    run_due(write_schedule(clinic), NOVEMBER)
    (folder,) = (clinic / "reports").glob("2*")
    said = {o["file"]: (o["bytes"], o["sha256"]) for o in manifest(clinic / "reports")["outputs"]}
    there = {
        p.relative_to(folder).as_posix(): (p.stat().st_size, digest(p))
        for p in folder.rglob("*")
        if p.is_file()
    }
    about = (
        "manifest.json",
        "delivery.json",
    )  # of the run itself; the second changes when a notice is delivered
    assert said == {k: v for k, v in there.items() if k not in about} and "snapshot.json" in said
    assert "snapshot.json" not in json.loads((clinic / "reports/latest.json").read_text())["files"]
    (folder / "snapshot.json").write_text("{}")
    assert "snapshot.json is gone or was changed" in str(status(clinic / "monthly.toml", NOVEMBER))


@pytest.mark.usefixtures("quick")
def test_rows_left_out_are_counted_with_their_reason(clinic: Path) -> None:
    file = clinic / "scores.csv"
    lines = file.read_text("utf-8").splitlines()
    lines[5:5] = [",,,", "Mean,baseline,6,", "  ,,,"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run_due(write_schedule(clinic), NOVEMBER)
    (scores,) = manifest(clinic / "reports")["inputs"]
    assert scores["rows"] == {"in": 63, "used": 60, "dropped": {"empty_rows": 2, "summary_row": 1}}


def test_the_input_is_hashed_as_it_was_when_it_was_read(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = digest(clinic / "scores.csv")
    from outcomes.reporting import build

    def replaced(*args: Any, **more: Any) -> Any:
        write_scores(clinic, seed=7)
        return build(*args, **more)

    monkeypatch.setattr("outcomes.reporting.build", replaced)
    run_due(write_schedule(clinic), NOVEMBER)
    assert (
        manifest(clinic / "reports")["inputs"][0]["sha256"]
        == parsed
        != digest(clinic / "scores.csv")
    )


@needs_git
@pytest.mark.usefixtures("quick")
def test_the_commit_of_the_study_and_whether_it_stands_as_committed(clinic: Path) -> None:
    path = write_schedule(clinic)
    assert git_state(clinic / "study.toml") == {"absent": "in no git repository"}
    git(clinic, "init", "-q")
    assert git_state(clinic / "study.toml") == {"absent": "no commit yet"}
    git(clinic, "add", "monthly.toml")
    git(clinic, "commit", "-qm", "schedule")
    commit = git(clinic, "rev-parse", "HEAD")
    assert git_state(clinic / "study.toml") == {
        "commit": commit,
        "dirty": True,
    }  # the study file is not tracked
    git(clinic, "add", "study.toml")
    git(clinic, "commit", "-qm", "study")
    commit = git(clinic, "rev-parse", "HEAD")
    run_due(path, NOVEMBER)  # data and reports beside it are not tracked, and need not be
    assert manifest(clinic / "reports")["git"] == {"commit": commit, "dirty": False}
    (clinic / "study.toml").write_text(STUDY + "# changed\n", encoding="utf-8")
    run_due(path, NOVEMBER, period="2026-10")
    assert manifest(clinic / "reports")["git"] == {"commit": commit, "dirty": True}


@needs_git
@pytest.mark.usefixtures("quick")
def test_a_repository_that_is_not_there_or_not_ours_is_said(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(clinic, "init", "-q")
    (clinic / ".git/HEAD").write_text("nonsense\x00")
    assert set(git_state(clinic / "study.toml")) == {"absent"}
    shutil.rmtree(clinic / ".git")
    monkeypatch.setenv(
        "GIT_DIR", str(Path(__file__).parents[2] / ".git")
    )  # as in a hook of another repository
    assert git_state(clinic / "study.toml") == {"absent": "in no git repository"}
    monkeypatch.setattr("shutil.which", lambda _: None)
    run_due(write_schedule(clinic), NOVEMBER)
    assert manifest(clinic / "reports")["git"] == {"absent": "git is not installed"}


def test_a_shared_report_says_how_many_numbers_were_withheld(clinic: Path) -> None:
    write_scores(clinic, patients=60)
    more = (
        '[[analysis]]\nmethod = "Responders"\noutcome = "pain_nrs_average"\nbefore ='
        ' "baseline"\nafter = "week_4"\n'
    )
    (clinic / "study.toml").write_text(STUDY + more, encoding="utf-8")
    path = write_schedule(clinic, audience="share", policy="nhs", formats=["html", "tables"])
    assert run_due(path, NOVEMBER).exit_code == 0
    said = manifest(clinic / "reports")
    (report,) = (clinic / "reports").glob("2*/share/report.html")
    reasons = re.findall(r"withheld[^<]*", report.read_text("utf-8"), re.IGNORECASE)
    assert said["disclosure"]["policy"] == "nhs"
    assert said["disclosure"]["suppressed"] > 0 and reasons
    write_scores(clinic, seed=2, patients=60)
    run_due(write_schedule(clinic), DECEMBER)
    assert "disclosure" not in manifest(clinic / "reports")


def test_no_cell_stands_in_the_manifest(clinic: Path) -> None:
    """Its numbers are counts, sizes and versions: the same for other patients with other scores."""
    path = write_schedule(clinic)
    told = []
    for seed in (1, 2):
        write_scores(clinic, seed=seed)
        shutil.rmtree(clinic / "reports", ignore_errors=True)
        run_due(path, NOVEMBER)
        said = manifest(clinic / "reports")
        for entry in (*said["outputs"], *said["inputs"]):
            entry["sha256"] = entry["bytes"] = 0
        told.append(said | {"key": "", "ended": ""})
    assert told[0] == told[1]
