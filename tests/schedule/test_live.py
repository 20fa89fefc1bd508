"""A scheduled run on live data: the pull is part of the run, with the same gates."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from outcomes.readers.sources.snapshot import FOLDER, MANIFEST
from outcomes.schedule import run_due, status
from outcomes.schedule.run import Woken
from tests.readers.sources.servers import TOKEN, Answer, Redcap, serving
from tests.schedule.clinic import DECEMBER, NOVEMBER, STUDY, write_schedule, write_scores

LIVE = STUDY.replace('"scores.csv"', '{ database = "sqlite:///clinic.sqlite", table = "scores" }')


def fill(folder: Path, *, patients: int = 30, day: str = "2026-10-20", plus: float = 0) -> None:
    """The database with so many patients, the newest row of that day."""
    (folder / "clinic.sqlite").unlink(missing_ok=True)
    made = sqlite3.connect(folder / "clinic.sqlite")
    made.execute("create table scores (id text, visit text, nrs real, remark text, day text)")
    for i in range(patients):
        for visit, nrs in (("baseline", 5.0 + i % 5), ("week_4", 3.0 + i % 4)):
            row = (f"P{i:03d}", visit, nrs + (plus if i == 0 else 0), "Okonkwo", day)
            made.execute("insert into scores values (?, ?, ?, ?, ?)", row)
    made.commit()
    made.close()


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A clinic whose scores are in a database."""
    fill(tmp_path)
    text = LIVE.replace('drop = ["remark"]', 'drop = ["remark"]\nallow = ["day"]')
    (tmp_path / "study.toml").write_text(text, "utf-8")
    return tmp_path


def folder_of(woken: Woken) -> Path:
    report = woken.made[0].report
    assert report is not None
    return report.parent


@pytest.mark.usefixtures("quick")
def test_the_pull_is_part_of_the_run_and_named_in_its_manifest(live: Path) -> None:
    path = write_schedule(live)
    woken = run_due(path, NOVEMBER)
    assert woken.exit_code == 0
    place = folder_of(woken)
    said = json.loads((place / "manifest.json").read_text("utf-8"))
    (entry,) = said["inputs"]
    assert entry["from"] == "the database clinic.sqlite" and entry["file"] == "scores.csv"
    kept = {f["file"]: f["sha256"] for f in said["source_snapshot"]}
    assert set(kept) == {f"{FOLDER}/scores.csv", f"{FOLDER}/{MANIFEST}"}
    assert kept[f"{FOLDER}/scores.csv"] == entry["sha256"]
    assert (place / FOLDER / "scores.csv").stat().st_mode & 0o777 == 0o600
    assert "Okonkwo" not in (place / FOLDER / "scores.csv").read_text("utf-8")
    assert run_due(path, NOVEMBER).made == ()  # done already: nothing is owed


@pytest.mark.usefixtures("quick")
def test_the_same_rows_again_are_stale_in_the_words_of_a_pull(live: Path) -> None:
    path = write_schedule(live)
    assert run_due(path, NOVEMBER).exit_code == 0
    woken = run_due(path, DECEMBER)
    assert woken.exit_code == 5
    words = woken.made[0].words
    assert words.startswith("What was pulled is the same, byte for byte, as on 2026-11-02")
    assert "Was nothing entered since?" in words and "export" not in words
    fill(live, plus=1)
    assert run_due(path, DECEMBER).exit_code == 0


@pytest.mark.usefixtures("quick")
def test_rows_that_fell_away_are_not_published(live: Path) -> None:
    path = write_schedule(live)
    assert run_due(path, NOVEMBER).exit_code == 0
    fill(live, patients=10)
    woken = run_due(path, DECEMBER)
    assert woken.exit_code == 5 and "it fell by more than 20%" in woken.made[0].words


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("day", "code"), [("2026-09-30", 5), ("2026-10-01", 0)])
def test_the_newest_row_of_a_pull_must_reach_the_period(live: Path, day: str, code: int) -> None:
    fill(live, day=day)
    path = write_schedule(live, '[freshness]\nnewest = { file = "scores", column = "day" }')
    woken = run_due(path, NOVEMBER)
    assert woken.exit_code == code
    assert not code or "The newest row of scores is of 30 September 2026" in woken.made[0].words


@pytest.mark.usefixtures("quick")
def test_a_source_that_fails_is_told_as_the_reason_and_asked_again(live: Path) -> None:
    path = write_schedule(live)
    (live / "clinic.sqlite").rename(live / "away.sqlite")
    woken = run_due(path, NOVEMBER)
    assert woken.exit_code == 69 and woken.made[0].report is None
    assert "There is no database file 'clinic.sqlite'" in str(status(path, NOVEMBER))
    (live / "away.sqlite").rename(live / "clinic.sqlite")
    assert run_due(path, NOVEMBER + timedelta(hours=1)).exit_code == 0
    assert "clinic.sqlite" not in str(status(path, NOVEMBER + timedelta(hours=1)))


@pytest.mark.usefixtures("quick")
def test_a_secret_that_the_scheduler_does_not_have_is_the_reason(
    live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDCAP_TOKEN", raising=False)
    text = LIVE.replace(
        'database = "sqlite:///clinic.sqlite", table = "scores"',
        'redcap = "https://redcap.invalid/api/", token = "env:REDCAP_TOKEN"',
    )
    (live / "study.toml").write_text(text, "utf-8")
    path = write_schedule(live)
    assert run_due(path, NOVEMBER).exit_code == 69
    assert "REDCAP_TOKEN is not set" in str(status(path, NOVEMBER))


@pytest.mark.usefixtures("quick")
def test_a_server_that_breaks_off_publishes_nothing_and_leaks_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REDCAP_TOKEN", TOKEN)
    monkeypatch.setattr("outcomes.readers.sources.retries.pause", lambda _: None)
    write_scores(tmp_path)
    lines = (tmp_path / "scores.csv").read_text("utf-8").splitlines()
    raw = "\n".join(line.replace("visit", "redcap_event_name", 1) for line in lines) + "\n"
    book = (
        "Variable / Field Name,Form Name,Field Type,Field Label\nid,f,text,Id\n"
        "nrs,f,text,Pain\nremark,f,notes,Remark\n"
    )

    def cut(count: int, answer: Answer) -> Answer:
        return Answer(answer.body, cut=10) if broken and count > 2 else answer

    broken = True
    with serving(Redcap(raw, book, cut)) as server:
        source = f'{{ redcap = "{server.url}/api/", token = "env:REDCAP_TOKEN" }}'
        text = STUDY.replace('"scores.csv"', source).replace(
            'visit = "visit"', 'visit = "redcap_event_name"'
        )
        (tmp_path / "study.toml").write_text(text, "utf-8")
        path = write_schedule(tmp_path)
        woken = run_due(path, NOVEMBER)
        assert woken.exit_code == 69 and "Nothing was read" in woken.made[0].words
        broken = False
        woken = run_due(path, NOVEMBER)
        assert woken.exit_code == 0, woken.made[0].words
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes()
