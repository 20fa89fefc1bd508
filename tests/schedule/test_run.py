"""One wake-up after another: owed once, published whole, refused when stale, missed ones said."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError, OutputError, StudyError
from outcomes.schedule import run_due, status
from outcomes.schedule.exit_codes import LockedError
from outcomes.schedule.lock import locked
from outcomes.schedule.store import digest
from tests.schedule.clinic import DECEMBER, NOVEMBER, STUDY, published, write_schedule, write_scores

JANUARY = datetime(2027, 1, 4, 9, tzinfo=UTC)


def manifest(folder: Path, label: str) -> dict[str, Any]:
    found = sorted(folder.glob(f"{label}_*/manifest.json"))
    return json.loads(found[-1].read_text("utf-8"))


def test_a_real_report_with_a_manifest_that_tells_what_it_was_made_from(clinic: Path) -> None:
    path = write_schedule(clinic)
    woken = run_due(path, NOVEMBER)
    assert (woken.exit_code, [(m.label, m.words) for m in woken.made]) == (0, [("2026-10", "done")])
    folder = clinic / "reports/2026-10_20261102T090000Z"
    there = sorted(p.name for p in folder.iterdir())
    assert there == [
        "delivery.json",
        "main.json",
        "manifest.json",
        "report.html",
        "results.csv",
        "snapshot.json",
    ]
    assert "Test clinic · October 2026" in (folder / "report.html").read_text("utf-8")
    said = manifest(clinic / "reports", "2026-10")
    assert said["period"] == {
        "label": "2026-10",
        "start": "2026-10-01",
        "end": "2026-11-01",
        "due": "2026-11-02T05:00:00+00:00",
    }
    (scores,) = said["inputs"]
    assert scores["rows"] == {"in": 60, "used": 60, "dropped": {}}
    assert (
        scores["sha256"] == digest(clinic / "scores.csv")
        and scores["bytes"] == (clinic / "scores.csv").stat().st_size
    )
    for output in said["outputs"]:
        assert digest(folder / output["file"]) == output["sha256"]
    assert said["privacy"] == {"allow": [], "drop": ["remark"]} and said["plan"]["questions"] == 1
    assert (said["previous"], said["exit_code"], said["number"]) == (None, 0, 1)
    latest = json.loads((clinic / "reports/latest.json").read_text("utf-8"))
    assert (latest["run"], latest["next_expected_by"]) == (folder.name, "2026-12-08T05:00:00+00:00")
    assert not list((clinic / "reports").glob(".partial-*"))


def test_the_same_input_gives_the_same_bytes(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    first = {p.name: p.read_bytes() for p in (clinic / "reports").glob("2*/r*")}
    shutil.rmtree(clinic / "reports")
    run_due(path, NOVEMBER + timedelta(hours=5))
    assert {p.name: p.read_bytes() for p in (clinic / "reports").glob("2*/r*")} == first


@pytest.mark.usefixtures("quick")
def test_done_twice_is_done_once_whatever_happens_to_the_data(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    write_scores(clinic, seed=2)
    assert run_due(path, NOVEMBER + timedelta(days=3)).made == ()
    assert published(clinic / "reports") == ["2026-10"]


@pytest.mark.usefixtures("quick")
def test_a_period_asked_for_by_name_is_made_again_only_if_something_changed(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    assert run_due(path, NOVEMBER, period="2026-10").made[0].words == "already done"
    write_scores(clinic, seed=2)
    assert run_due(path, NOVEMBER, period="2026-10").made[0].words == "done"
    assert published(clinic / "reports") == ["2026-10", "2026-10"]
    said = manifest(clinic / "reports", "2026-10")
    assert said["number"] == 2 and said["previous"] == "2026-10_20261102T090000Z"
    with pytest.raises(StudyError, match="not over yet"):
        run_due(path, NOVEMBER, period="2026-11")


@pytest.mark.usefixtures("quick")
def test_a_changed_plan_is_another_configuration(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    (clinic / "study.toml").write_text(
        STUDY.replace('role = "primary"', 'role = "secondary"'), encoding="utf-8"
    )
    assert run_due(path, NOVEMBER, period="2026-10").made[0].words == "done"


@pytest.mark.usefixtures("quick")
def test_missed_months_without_data_of_their_own_are_said_not_invented(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    write_scores(clinic, seed=2)
    april = datetime(2027, 4, 6, tzinfo=UTC)  # November to February were slept through
    woken = run_due(path, april)
    assert ([m.label for m in woken.made], woken.missed) == (
        ["2027-03"],
        ("2026-11", "2026-12", "2027-01", "2027-02"),
    )
    found = status(path, april)
    assert found.lines[0].missed == woken.missed and found.exit_code == 0
    assert "missed, not caught up: 2026-11" in str(found)


@pytest.mark.usefixtures("quick")
def test_missed_months_with_data_of_their_own_are_caught_up_to_the_limit(tmp_path: Path) -> None:
    labels = ["2026-10", "2026-11", "2026-12", "2027-01", "2027-02", "2027-03"]
    for i, label in enumerate(labels):
        write_scores(tmp_path / "exports" / label, seed=i)
    path = write_schedule(
        tmp_path, head='study = "exports/{period}/study.toml"\nstart = 2026-10-01'
    )
    woken = run_due(path, datetime(2027, 4, 6, tzinfo=UTC))
    assert [m.label for m in woken.made] == labels[3:] and woken.missed == tuple(labels[:3])
    assert published(tmp_path / "reports") == labels[3:]
    assert json.loads((tmp_path / "reports/latest.json").read_text())["period"] == "2027-03"
    assert run_due(path, datetime(2027, 4, 6, tzinfo=UTC), period="2026-12").exit_code == 0
    assert json.loads((tmp_path / "reports/latest.json").read_text())["period"] == "2027-03"


@pytest.mark.usefixtures("quick")
def test_one_bad_period_does_not_stop_the_others_and_stays_owed(tmp_path: Path) -> None:
    for i, label in enumerate(["2026-10", "2026-12"]):
        write_scores(tmp_path / "exports" / label, seed=i)
    path = write_schedule(
        tmp_path, head='study = "exports/{period}/study.toml"\nstart = 2026-10-01'
    )
    woken = run_due(path, JANUARY)
    assert [(m.label, m.exit_code) for m in woken.made] == [
        ("2026-10", 0),
        ("2026-11", 2),
        ("2026-12", 0),
    ]
    assert woken.exit_code == 2
    write_scores(tmp_path / "exports/2026-11", seed=9)
    woken = run_due(path, JANUARY)
    assert [(m.label, m.exit_code) for m in woken.made] == [("2026-11", 0)]
    assert not list((tmp_path / "reports/failures").iterdir())


@pytest.mark.usefixtures("quick")
def test_the_same_file_as_before_the_period_ended_is_stale(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    woken = run_due(path, DECEMBER)
    assert woken.exit_code == 5 and "same, byte for byte, as on 2026-11-02" in woken.made[0].words
    assert published(clinic / "reports") == ["2026-10"]
    assert status(path, DECEMBER).exit_code == 5
    accepted = run_due(path, DECEMBER, period="2026-11", accept=True)
    assert (
        accepted.exit_code == 0 and "same" in manifest(clinic / "reports", "2026-11")["accepted"][0]
    )
    assert status(path, DECEMBER).exit_code == 0


@pytest.mark.usefixtures("quick")
def test_the_same_file_may_be_allowed(clinic: Path) -> None:
    path = write_schedule(clinic, '[freshness]\nsame_input = "allow"')
    run_due(path, NOVEMBER)
    assert run_due(path, DECEMBER).exit_code == 0


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("patients", "code"), [(40, 0), (25, 0), (24, 0), (23, 5)])
def test_rows_that_fell_sharply_stop_the_report(clinic: Path, patients: int, code: int) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    write_scores(clinic, patients=patients, seed=2)
    assert run_due(path, DECEMBER).exit_code == code


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("day", "code"), [("30/09/2026", 5), ("01/10/2026", 0), ("2026-11-01", 0)])
def test_the_newest_record_must_reach_the_period(clinic: Path, day: str, code: int) -> None:
    (clinic / "seen.csv").write_text(f"id,day\nP001,13/01/2026\nP002,{day}\n", encoding="utf-8")
    path = write_schedule(clinic, '[freshness]\nnewest = { file = "seen.csv", column = "day" }')
    woken = run_due(path, NOVEMBER)
    assert woken.exit_code == code
    assert code == 0 or (
        "newest row of seen.csv is of 30 September 2026, before this period (October 2026)"
        in woken.made[0].words
    )


@pytest.mark.usefixtures("quick")
def test_a_column_for_freshness_that_is_not_there(clinic: Path) -> None:
    path = write_schedule(clinic, '[freshness]\nnewest = { file = "scores.csv", column = "dy" }')
    woken = run_due(path, NOVEMBER)
    assert woken.exit_code == 2 and "No column 'dy'" in woken.made[0].words


@pytest.mark.usefixtures("quick")
def test_data_with_errors_are_not_published_by_themselves(clinic: Path) -> None:
    write_scores(clinic, patients=1)
    woken = run_due(write_schedule(clinic), NOVEMBER)
    assert woken.exit_code == 5 and "too_few_patients" in woken.made[0].words


@pytest.mark.usefixtures("quick")
def test_a_question_that_fails_is_published_and_said(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clinic / "study.toml").write_text(
        STUDY + '[[analysis]]\nmethod = "Course"\noutcome = "pain_nrs_average"\n', encoding="utf-8"
    )

    def unanswerable(*_: Any) -> None:
        raise AnalysisError("no")

    monkeypatch.setattr(oc.Course, "compute", unanswerable)
    path = write_schedule(clinic)
    woken = run_due(path, NOVEMBER)
    assert (woken.exit_code, woken.made[0].words) == (5, "1 of 2 questions could not be answered")
    assert published(clinic / "reports") == ["2026-10"]
    assert manifest(clinic / "reports", "2026-10")["plan"]["unanswered"] == [
        {"number": 2, "method": "Course"}
    ]
    assert run_due(path, NOVEMBER).exit_code == 0
    assert (
        "1 of 2 questions" in str(status(path, NOVEMBER)) and status(path, NOVEMBER).exit_code == 5
    )


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda f: (f / "scores.csv").unlink(), 3),
        (lambda f: (f / "scores.csv").write_bytes(b"PK\x03\x04 broken"), 3),
        (lambda f: (f / "scores.csv").write_text(""), 3),
        (lambda f: ((f / "scores.csv").unlink(), (f / "scores.csv").mkdir()), 3),
        (lambda f: (f / "study.toml").unlink(), 2),
        (lambda f: (f / "study.toml").write_text(STUDY.split("[[analysis]]")[0]), 2),
        (lambda f: (f / "study.toml").write_text(STUDY.replace('"nrs"', '"nsr"')), 2),
        (lambda f: (f / "study.toml").write_text(STUDY.replace('["remark"]', "[]")), 4),
    ],
)
@pytest.mark.usefixtures("quick")
def test_input_that_cannot_be_used_has_its_exit_code_and_is_made_good_later(
    clinic: Path, damage: Any, code: int
) -> None:
    path = write_schedule(clinic)
    write_scores(clinic, remark="someone@example.org")
    damage(clinic)
    for times in (1, 2):
        woken = run_due(path, NOVEMBER)
        (record,) = (clinic / "reports/failures").glob("*.json")
        assert (woken.exit_code, json.loads(record.read_text())["times"]) == (code, times), (
            woken.made[0].words
        )
    assert published(clinic / "reports") == [] and status(path, NOVEMBER).exit_code == 5
    if (clinic / "scores.csv").is_dir():
        (clinic / "scores.csv").rmdir()
    write_scores(clinic)
    assert run_due(path, NOVEMBER).exit_code == 0 and status(path, NOVEMBER).exit_code == 0


def test_an_input_that_the_system_refuses_to_read(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("outcomes.readers.read_study", refused)
    woken = run_due(write_schedule(clinic), NOVEMBER)
    assert woken.exit_code == 3 and "Permission denied" in woken.made[0].words


def test_a_bug_has_exit_code_1_and_shows_no_value(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret value 4711")

    monkeypatch.setattr("outcomes.reporting.write_document", broken)
    woken = run_due(write_schedule(clinic), NOVEMBER)
    assert woken.exit_code == 1 and "RuntimeError at test_run.py" in woken.made[0].words
    everything = woken.made[0].words + "".join(
        p.read_text() for p in (clinic / "reports").rglob("*.json")
    )
    assert "4711" not in everything and not list((clinic / "reports").glob(".partial-*"))


def test_no_value_of_a_text_column_appears_in_any_output(
    clinic: Path, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "Xyloquatz-4711"
    write_scores(clinic, remark=canary)
    run_due(write_schedule(clinic), NOVEMBER)
    for path in (p for p in (clinic / "reports").rglob("*") if p.is_file()):
        data = path.read_bytes()
        assert canary.encode() not in data and b"P007" not in data, path
    assert canary not in caplog.text


@pytest.mark.usefixtures("quick")
def test_retention_drops_old_reports_and_keeps_every_manifest(clinic: Path) -> None:
    path = write_schedule(clinic, "[retention]\nreports = 2")
    for month, seed in ((11, 1), (12, 2)):
        write_scores(clinic, seed=seed)
        run_due(path, datetime(2026, month, 8, tzinfo=UTC))
    write_scores(clinic, seed=3)
    run_due(path, JANUARY)
    assert published(clinic / "reports") == ["2026-11", "2026-12"]
    assert len(list((clinic / "reports").glob("2*/manifest.json"))) == 3
    assert run_due(path, JANUARY).made == ()


def test_a_report_for_sharing_stands_apart_and_is_remembered(clinic: Path) -> None:
    write_scores(clinic, patients=120)
    path = write_schedule(clinic, audience="share", policy="nhs", formats=["html"])
    assert run_due(path, NOVEMBER).exit_code == 0
    (folder,) = (clinic / "reports").glob("2*")
    assert sorted(p.name for p in folder.iterdir()) == [
        "delivery.json",
        "main.json",
        "manifest.json",
        "share",
    ]
    assert [p.name for p in (folder / "share").iterdir()] == ["report.html"]
    assert [o["file"] for o in manifest(clinic / "reports", "2026-10")["outputs"]] == [
        "share/report.html",
        "main.json",
    ]
    assert (clinic / "shared-ledger.json").is_file()
    assert status(path, NOVEMBER).exit_code == 0
    write_scores(
        clinic, patients=121
    )  # one more patient: the difference to the last report would tell her scores
    woken = run_due(path, DECEMBER)
    assert woken.exit_code == 4, woken.made[0].words
    assert len(list((clinic / "reports").glob("2*"))) == 1
    write_scores(clinic, patients=150)
    assert run_due(path, DECEMBER).exit_code == 0


def test_the_next_report_says_what_is_new(clinic: Path) -> None:
    path = write_schedule(clinic, "[retention]\nreports = 1")
    run_due(path, NOVEMBER)
    write_scores(clinic, patients=34)
    assert run_due(path, DECEMBER).exit_code == 0
    first, second = sorted((clinic / "reports").glob("2*"))
    assert "Since last time" in (second / "report.html").read_text("utf-8")
    assert sorted(p.name for p in first.iterdir()) == ["delivery.json", "manifest.json"]
    assert (second / "snapshot.json").is_file()


def test_no_cell_of_the_results_is_a_formula(clinic: Path) -> None:
    text = STUDY.replace('role = "primary"', 'role = "primary"\nlabel = "=HYPERLINK(0)"')
    (clinic / "study.toml").write_text(text, encoding="utf-8")
    run_due(write_schedule(clinic), NOVEMBER)
    (table,) = (clinic / "reports").glob("2*/results.csv")
    assert "'=HYPERLINK(0)" in table.read_text("utf-8") and "\n=" not in table.read_text("utf-8")


@pytest.mark.usefixtures("quick")
def test_several_studies_stand_on_their_own(tmp_path: Path) -> None:
    write_scores(tmp_path / "n")
    path = write_schedule(
        tmp_path, '[studies]\nnorth = "n/study.toml"\nsouth = "s/study.toml"', head=""
    )
    woken = run_due(path, NOVEMBER)
    assert [(m.line, m.exit_code) for m in woken.made] == [("north", 0), ("south", 2)]
    write_scores(tmp_path / "s")
    assert [(m.line, m.exit_code) for m in run_due(path, NOVEMBER).made] == [("south", 0)]
    assert (
        published(tmp_path / "reports/north")
        == published(tmp_path / "reports/south")
        == ["2026-10"]
    )


@pytest.mark.usefixtures("quick")
def test_a_run_that_others_hold_is_told_so(clinic: Path) -> None:
    path = write_schedule(clinic)
    with locked(clinic / "reports"), pytest.raises(LockedError) as caught:
        run_due(path, NOVEMBER)
    assert caught.value.exit_code == 75
    assert run_due(path, NOVEMBER).exit_code == 0


def test_a_folder_that_cannot_be_made(clinic: Path) -> None:
    (clinic / "taken").write_text("a file")
    with pytest.raises(OutputError) as caught:
        run_due(write_schedule(clinic, out="taken/reports"), NOVEMBER)
    assert caught.value.exit_code == 74


@pytest.mark.usefixtures("quick")
def test_a_disk_that_fills_while_writing_leaves_nothing_half_done(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(doc: Any, folder: Path, **_: Any) -> list[Path]:
        (folder / "report.html").write_text("half")
        raise OSError(28, "No space left on device")

    path = write_schedule(clinic)
    with monkeypatch.context() as m:
        m.setattr("outcomes.reporting.write_document", full)
        woken = run_due(path, NOVEMBER)
    assert woken.exit_code == 74 and "No space left" in woken.made[0].words
    assert not list((clinic / "reports").glob(".partial-*")) and not list(
        (clinic / "reports").glob("2*")
    )
    assert run_due(path, NOVEMBER).exit_code == 0


@pytest.mark.usefixtures("quick")
def test_due_overdue_and_changed_are_told_by_status(clinic: Path) -> None:
    path = write_schedule(clinic)
    due = datetime.fromisoformat("2026-11-02T06:00+01:00")
    first = status(path, due)
    assert (first.lines[0].due, first.lines[0].overdue, first.exit_code) == (("2026-10",), (), 0)
    assert "last woken: never" in str(first)
    late = status(path, due + timedelta(hours=24, seconds=1))
    assert (late.lines[0].overdue, late.exit_code) == (("2026-10",), 5)
    run_due(path, due)
    after = status(path, due + timedelta(days=2))
    assert (after.exit_code, after.next_due) == (0, "2026-11 at 2026-12-07 06:00")
    assert after.to_dict()["exit_code"] == 0
    (next((clinic / "reports").glob("2*")) / "report.html").write_text("changed")
    assert (
        "was changed after it was made" in str(status(path, due))
        and status(path, due).exit_code == 5
    )


@pytest.mark.usefixtures("quick")
def test_a_clock_that_was_wrong_is_told_by_status(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, datetime(2031, 1, 10, tzinfo=UTC))
    found = status(path, NOVEMBER)
    assert found.exit_code == 5 and "made in the future" in str(found)


def test_a_time_without_a_zone_is_refused(clinic: Path) -> None:
    with pytest.raises(StudyError, match="needs a time zone"):
        run_due(write_schedule(clinic), datetime(2026, 11, 2))


def test_foreign_things_in_the_folder_are_left_alone(clinic: Path, quick: None) -> None:
    reports = clinic / "reports"
    (reports / ".partial-notes").mkdir(parents=True)
    (reports / "2026-10_20261102T090000Z").mkdir()  # a folder of that name without a manifest
    (reports / "2026-10_20261102T090000Z/mine.txt").write_text("keep")
    run_due(write_schedule(clinic), NOVEMBER)
    assert (reports / ".partial-notes").is_dir()
    assert (reports / "2026-10_20261102T090000Z/mine.txt").read_text() == "keep"
    assert published(reports) == ["2026-10"]


def keep_one(clinic: Path) -> Path:
    return write_schedule(clinic, "[retention]\nreports = 1", start=None)


@pytest.mark.usefixtures("quick")
def test_retention_never_takes_the_latest_period_although_an_older_one_was_made_after_it(
    clinic: Path,
) -> None:
    path = keep_one(clinic)
    run_due(path, DECEMBER)
    write_scores(clinic, seed=2)
    assert run_due(path, DECEMBER + timedelta(hours=1), period="2026-09").exit_code == 0
    assert (
        published(clinic / "reports") == ["2026-09", "2026-11"]
        and status(path, DECEMBER).exit_code == 0
    )


@pytest.mark.usefixtures("quick")
def test_retention_never_takes_the_last_report_without_a_failed_question(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = keep_one(clinic)
    run_due(path, NOVEMBER)
    (clinic / "study.toml").write_text(
        STUDY + '[[analysis]]\nmethod = "Course"\noutcome = "pain_nrs_average"\n', encoding="utf-8"
    )

    def unanswerable(*_: Any) -> None:
        raise AnalysisError("no")

    monkeypatch.setattr(oc.Course, "compute", unanswerable)
    for when, seed in ((DECEMBER, 2), (JANUARY + timedelta(days=4), 3)):
        write_scores(clinic / "new", seed=seed)
        shutil.copy(clinic / "new/scores.csv", clinic / "scores.csv")
        assert run_due(path, when).exit_code == 5
    assert published(clinic / "reports") == ["2026-10", "2026-12"]


@pytest.mark.usefixtures("quick")
def test_retention_takes_nothing_that_a_run_did_not_write(clinic: Path) -> None:
    path, outside = keep_one(clinic), clinic / "outside.txt"
    run_due(path, NOVEMBER)
    (folder,) = (clinic / "reports").glob("2*")
    outside.write_text("ours")
    (folder / "notes.txt").write_text("mine")
    (folder / "results.csv").write_text("changed by hand")
    said = json.loads((folder / "manifest.json").read_text("utf-8"))
    sha = hashlib.sha256(b"ours").hexdigest()
    said["outputs"] += [
        {"file": f, "bytes": 4, "sha256": sha} for f in ("../../outside.txt", str(outside))
    ]
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    write_scores(clinic, seed=2)
    assert run_due(path, DECEMBER).exit_code == 0
    assert outside.exists() and not (folder / "report.html").exists()
    assert {p.name for p in folder.iterdir()} == {
        "manifest.json",
        "delivery.json",
        "notes.txt",
        "results.csv",
    }


#: Ways in which a file of state is damaged: cut short, emptied, another kind of thing, other types
#: inside.
DAMAGE = {
    "cut short": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "a list": lambda _: "[]",
    "a table without anything": lambda _: "{}",
    "other types": lambda text: json.dumps(dict.fromkeys(json.loads(text), 7)),
    "other texts": lambda text: json.dumps(dict.fromkeys(json.loads(text), "x")),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_state_stops_no_report_and_makes_no_published_period_owed_again(
    clinic: Path, how: str
) -> None:
    path, reports = (
        write_schedule(clinic, '[retention]\nreports = 1\n[notify]\non = ["success"]'),
        clinic / "reports",
    )
    run_due(path, NOVEMBER)
    study = clinic / "study.toml"
    study.rename(clinic / "aside")
    run_due(path, DECEMBER)  # leaves a failure on record
    (clinic / "aside").rename(study)
    (reports / "missed.json").write_text('{"told": ["2026-09"]}')
    for file in reports.rglob("*.json"):
        if file.name != "snapshot.json":
            file.write_text(DAMAGE[how](file.read_text("utf-8")), encoding="utf-8")
    found = status(path, NOVEMBER + timedelta(hours=2))
    assert found.lines[0].due == () and "was damaged" in str(found) and found.exit_code == 5
    assert run_due(path, NOVEMBER + timedelta(hours=2)).made == ()
    write_scores(clinic, seed=2)
    assert [(m.label, m.exit_code) for m in run_due(path, DECEMBER).made] == [("2026-11", 0)]
    assert (
        "2026-11" in published(reports)
        and json.loads((reports / "latest.json").read_text())["period"] == "2026-11"
    )
    assert run_due(path, DECEMBER, period="2026-10").exit_code == 0  # and made again by hand


@pytest.mark.usefixtures("quick")
def test_a_schedule_that_becomes_weekly_lives_with_its_monthly_past(clinic: Path) -> None:
    run_due(write_schedule(clinic), NOVEMBER)
    write_scores(clinic, seed=2)
    path = write_schedule(clinic, period="weekly")
    later = NOVEMBER + timedelta(days=15)
    assert [(m.label, m.exit_code) for m in run_due(path, later).made] == [("2026-W46", 0)]
    assert status(path, later).exit_code == 0


@pytest.mark.usefixtures("quick")
def test_a_clock_set_back_makes_nothing_twice(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    assert run_due(path, NOVEMBER + timedelta(hours=-3)).made == ()
    write_scores(clinic, seed=2)
    assert [m.label for m in run_due(path, DECEMBER).made] == ["2026-11"]


@pytest.mark.usefixtures("quick")
def test_a_clock_set_back_before_the_period_was_over_makes_it_again_when_it_is(
    clinic: Path,
) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    early = run_due(path, NOVEMBER + timedelta(hours=-48)).made
    assert "2026-10" not in [m.label for m in early]
    write_scores(clinic, seed=2)
    made = run_due(path, NOVEMBER + timedelta(hours=2)).made
    assert [m.label for m in made] == ["2026-10"]
    assert "the clock was ahead" in made[0].words


@pytest.mark.usefixtures("quick")
def test_a_spoiled_snapshot_is_said_with_what_to_do(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    next((clinic / "reports").glob("2*/snapshot.json")).write_text('{"format": 1, "key"')
    write_scores(clinic, seed=2)
    woken = run_due(path, DECEMBER)
    assert woken.exit_code == 2 and "delete it" in woken.made[0].words
    next((clinic / "reports").glob("2*/snapshot.json")).unlink()
    assert run_due(path, DECEMBER).exit_code == 0
