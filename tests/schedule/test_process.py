"""Real processes, killed, doubled, starved of disk, home and environment: the folder holds whole
reports or none.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.schedule.clinic import ROOT, finished, outcomes, published, write_schedule, write_scores

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and mounts as on POSIX systems")

#: Stops at a place in a run, says so, and waits to be killed, or for a file called by the variable
#: GO.
STOP = """
import os, pathlib, sys, time
import outcomes.schedule.store as store
import outcomes.reporting as report
def stop_{when}(act):
    def stopped(*args, **more):
        {body}
    return stopped
{where} = stop_{when}({where})
"""
WAIT = (
    "print('here', flush=True)\n        while not pathlib.Path(os.environ.get('GO',"
    " '/no')).exists(): time.sleep(0.05)"
)
AFTER = f"done = act(*args, **more)\n        {WAIT}\n        return done"
BEFORE = f"{WAIT}\n        return act(*args, **more)"
PLACES = {
    "while writing": ("report.write_document", "after"),
    "before the rename": ("store.Store.publish", "before"),
    "after the rename": ("store.Store.publish", "after"),
    "before the pointer": ("store.Store.point", "before"),
}


def stopping(place: str) -> str:
    where, when = PLACES[place]
    return STOP.format(where=where, when=when, body=AFTER if when == "after" else BEFORE)


def wait_for(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"


@pytest.fixture
def schedule(clinic: Path) -> Path:
    return write_schedule(clinic, overdue_after_hours=0)


@pytest.mark.parametrize("place", PLACES)
def test_kill_9_in_mid_run_leaves_nothing_half_done_and_no_lock(schedule: Path, place: str) -> None:
    reports = schedule.parent / "reports"
    first = outcomes("run-due", schedule, code=stopping(place))
    wait_for(first)
    first.kill()
    assert finished(first)[0] == -signal.SIGKILL
    partials = list(reports.glob(".partial-*"))
    renamed = place in ("after the rename", "before the pointer")
    assert (len(partials), len(published(reports))) == ((0, 1) if renamed else (1, 0))
    assert not (reports / "latest.json").exists()
    code, _out, err = finished(outcomes("run-due", schedule))
    assert code == 0, err
    assert len(published(reports)) == 1 and not list(reports.glob(".partial-*"))
    latest = json.loads((reports / "latest.json").read_text("utf-8"))
    assert all((reports / f).is_file() for f in latest["files"])
    assert finished(outcomes("status", schedule))[0] == 0


def test_two_at_once_the_second_goes_away_with_75(schedule: Path) -> None:
    go = schedule.parent / "go"
    first = outcomes(
        "run-due", schedule, code=stopping("while writing"), env={**os.environ, "GO": str(go)}
    )
    wait_for(first)
    code, _out, err = finished(outcomes("run-due", schedule))
    assert code == 75 and "Another run is at work" in err
    go.touch()
    code, _out, err = finished(first)
    assert code == 0 and len(published(schedule.parent / "reports")) == 1, err


def test_a_run_that_hangs_is_ended_and_the_next_one_works(schedule: Path) -> None:
    code, _out, err = finished(
        outcomes("run-due", schedule, "--timeout", "0.1", code=stopping("while writing"))
    )
    assert code == 1 and "Timeout" in err
    assert finished(outcomes("run-due", schedule))[0] == 0


def test_no_environment_at_all(schedule: Path) -> None:
    """What `env -i` and cron give: no HOME, no PATH, no LANG."""
    command = [sys.executable, "-m", "outcomes", "run-due", str(schedule)]
    done = subprocess.run(
        ["/usr/bin/env", "-i", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(published(schedule.parent / "reports")) == 1


@pytest.mark.parametrize("home", ["/dev/null/nowhere", "/proc/self", "/nonexistent"])
def test_a_home_that_cannot_be_written(schedule: Path, home: str) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc, where nobody can write")
    command = [sys.executable, "-m", "outcomes", "run-due", str(schedule)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"HOME": home},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"Test: making the report for \w+ \d{4}\.\n", done.stderr), done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB, less than one report needs."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if (
        not mount
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True
        ).returncode
    ):
        pytest.skip("needs the right to mount a small tmpfs")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_74_and_leaves_no_half_report(clinic: Path, small_disk: Path) -> None:
    schedule = write_schedule(clinic, out=str(small_disk / "reports"))
    for _ in range(2):
        code, _out, err = finished(outcomes("run-due", schedule))
        assert code == 74 and "No space left on device" in err, err
        assert published(small_disk / "reports") == [] and not list(
            (small_disk / "reports").glob(".partial-*")
        )
    assert finished(outcomes("status", schedule))[0] == 5
    subprocess.run(["mount", "-o", "remount,size=2m", small_disk], check=True)
    code, _out, err = finished(outcomes("run-due", schedule))
    assert code == 0 and len(published(small_disk / "reports")) == 1, err


def test_a_disk_full_to_the_last_byte(clinic: Path, small_disk: Path) -> None:
    (small_disk / "reports").mkdir()
    try:
        with (small_disk / "filler").open("wb") as filler:
            filler.write(b"x" * 100_000)
    except OSError:
        pass
    code, _out, err = finished(
        outcomes("run-due", write_schedule(clinic, out=str(small_disk / "reports")))
    )
    assert code == 74 and "Traceback" not in err, err


def test_input_that_cannot_be_read(schedule: Path) -> None:
    (schedule.parent / "scores.csv").unlink()
    os.mkfifo(schedule.parent / "scores.csv")  # not a file that can be read to its end
    code, out, err = finished(outcomes("run-due", schedule, "--quiet"))
    assert code == 3 and "Traceback" not in err and out == "", err


def test_a_schedule_made_shown_run_and_asked_by_hand(clinic: Path) -> None:
    """The four commands a clinic types, in their order."""
    file = clinic / "my clinic.toml"
    code, out, err = finished(outcomes("schedule", "init", file))
    assert code == 0 and "outcomes run-due" in out
    code, out, err = finished(outcomes("run-due", file))
    assert code == 0 and "report.html" in out
    code, out, err = finished(outcomes("run-due", file))
    assert code == 0 and "Nothing is owed." in err
    code, out, err = finished(outcomes("status", file, "--json"))
    assert code == 0 and json.loads(out)["exit_code"] == 0
    code, out, err = finished(outcomes("schedule", "show", file, "--for", "cron"))
    assert code == 0 and "'" in out and "run-due" in out


@pytest.mark.slow
def test_killed_at_any_moment_the_folder_holds_whole_reports_only(clinic: Path) -> None:
    """Forty kills at random moments; run by: pytest -m slow tests/schedule/test_process.py"""
    rng, reports = random.Random(20261122), clinic / "reports"
    schedule = write_schedule(clinic)
    kills = 0
    for i in range(40):
        if published(reports):  # begin the next one afresh
            shutil.rmtree(reports)
            write_scores(clinic, seed=i)
        process = outcomes("run-due", schedule)
        time.sleep(rng.uniform(0.3, 3))
        process.kill()
        kills += finished(process)[0] == -signal.SIGKILL
        for folder in reports.glob("2*"):
            said = json.loads((folder / "manifest.json").read_text("utf-8"))
            assert all((folder / o["file"]).stat().st_size == o["bytes"] for o in said["outputs"])
        assert len(list(reports.glob(".partial-*"))) <= 1
    assert kills > 5
    assert finished(outcomes("run-due", schedule))[0] == 0
    assert finished(outcomes("status", schedule))[0] == 0


@pytest.mark.slow
def test_eight_at_once_make_one_report(schedule: Path) -> None:
    """Run by: pytest -m slow tests/schedule/test_process.py"""
    codes = [finished(p)[0] for p in [outcomes("run-due", schedule) for _ in range(8)]]
    assert set(codes) <= {0, 75} and 0 in codes
    assert len(published(schedule.parent / "reports")) == 1
