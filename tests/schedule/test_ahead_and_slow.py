"""A clock that was ahead, servers that never finish, and a repository that wants to run things."""

from __future__ import annotations

import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outcomes.core.errors import OutcomesError
from outcomes.schedule import run_due
from outcomes.schedule.repository import git_state
from tests.schedule.clinic import DECEMBER, NOVEMBER, published, write_schedule, write_scores


@pytest.mark.usefixtures("quick")
def test_a_month_made_while_the_clock_was_ahead_is_made_again_and_said(
    clinic: Path, caplog: pytest.LogCaptureFixture
) -> None:
    schedule = write_schedule(clinic)
    assert run_due(schedule, DECEMBER).exit_code == 0  # in truth it is still November
    write_scores(clinic, seed=2)
    assert run_due(schedule, NOVEMBER).exit_code == 0
    assert "The report for 2026-11 was made while the clock was ahead" in caplog.text
    write_scores(clinic, seed=3)
    late = datetime(2026, 12, 8, 9, tzinfo=UTC)
    woken = run_due(schedule, late)
    assert [m.label for m in woken.made] == ["2026-11"]
    assert "made again: the clock was ahead" in woken.made[0].words
    assert published(clinic / "reports").count("2026-11") == 2
    assert not run_due(schedule, late).made


@pytest.mark.usefixtures("quick")
def test_a_server_that_never_finishes_keeps_no_study_from_being_made(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = clinic / "other"
    write_scores(other)
    (clinic / "scores.csv").unlink()
    schedule = write_schedule(
        clinic,
        '[notify]\non = ["failure"]\n[notify.webhook]\nurl_env = "HOOK"\n'
        '[studies]\nfirst = "study.toml"\nsecond = "other/study.toml"\n',
        head="",
    )
    asked: list[bool] = []
    ends = threading.Event()

    def send(*_: object) -> None:
        asked.append(bool(published(clinic / "reports" / "second")))
        ends.wait(30)

    monkeypatch.setattr("outcomes.schedule.notifier.send", send)
    monkeypatch.setattr("outcomes.schedule.notifier.PATIENCE", 0.2)
    woken = run_due(schedule, NOVEMBER)
    ends.set()
    assert asked == [True]  # after the second study was made, and only once
    assert woken.exit_code == 3 and woken.undelivered == ("webhook",)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_nothing_that_a_repository_configures_is_run(tmp_path: Path) -> None:
    write_scores(tmp_path)
    run = tmp_path / "ran"

    def git(*words: str) -> None:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", "study.toml", "scores.csv")
    git("commit", "-qm", "first")
    trap = f"sh -c 'touch {run}; cat'"
    (tmp_path / ".gitattributes").write_text("* filter=trap\n", "utf-8")
    for key in ("filter.trap.clean", "filter.trap.process", "core.fsmonitor", "core.sshCommand"):
        git("config", key, trap)
    assert git_state(tmp_path / "study.toml")["dirty"] is False
    with (tmp_path / "scores.csv").open("a", encoding="utf-8") as handle:
        handle.write("P999,baseline,5,\n")
    assert git_state(tmp_path / "study.toml")["dirty"] is True
    assert not run.exists()


def test_a_schedule_whose_path_breaks_a_line_is_refused(tmp_path: Path) -> None:
    from outcomes.schedule import show

    folder = tmp_path / "a\n* * * * * rm x"
    write_scores(folder)
    schedule = write_schedule(folder)
    with pytest.raises(OutcomesError, match="line break"):
        show(schedule)
