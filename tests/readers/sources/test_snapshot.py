"""What was pulled is written beside the report, and read again as it was."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
from pathlib import Path

import pandas as pd
import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.core.errors import DataError, OutcomesError, SourceError, StudyError
from outcomes.readers.sources.snapshot import FOLDER, MANIFEST, snapshot_of

STUDY = """
[study]
title = "Clinic"
[data]
scores = { database = "sqlite:///clinic.sqlite", table = "scores" }
patients = { database = "sqlite:///clinic.sqlite", query = "select distinct id, sex from scores" }
[roles]
patient = "id"
visit = "visit"
[visits]
order = ["baseline", "week_4"]
[instruments]
pain_nrs = { average = "nrs" }
[privacy]
drop = ["surname"]
[[analysis]]
method = "PairedT"
outcome = "pain_nrs_average"
before = "baseline"
after = "week_4"
role = "primary"
"""


def fill(folder: Path, worse: int = 0) -> None:
    """A small database; with `worse`, other scores."""
    (folder / "clinic.sqlite").unlink(missing_ok=True)
    made = sqlite3.connect(folder / "clinic.sqlite")
    made.execute("create table scores (id text, visit text, nrs real, sex text, surname text)")
    for i in range(20):
        for visit, nrs in (("baseline", 5 + i % 5), ("week_4", 3 + i % 4 + worse)):
            row = (f"P{i:03d}", visit, nrs, "fm"[i % 2], "Okonkwo")
            made.execute("insert into scores values (?, ?, ?, ?, ?)", row)
    made.commit()
    made.close()


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A folder with a database and a study of it."""
    fill(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY, "utf-8")
    return tmp_path


def report(folder: Path, out: str, *more: str) -> int:
    return main(
        ["report", str(folder / "study.toml"), "--out", str(folder / out), "--quiet", *more]
    )


def test_a_report_keeps_what_was_pulled_and_makes_itself_again(clinic: Path) -> None:
    assert report(clinic, "reports") == 0
    kept = clinic / "reports" / FOLDER
    names = sorted(p.name for p in kept.iterdir())
    assert names == ["patients.csv", "scores.csv", MANIFEST]
    assert {p.stat().st_mode & 0o777 for p in kept.iterdir()} == {0o600}
    said = json.loads((kept / MANIFEST).read_text("utf-8"))["tables"]["scores"]
    assert said["sha256"] == {
        "scores.csv": hashlib.sha256((kept / "scores.csv").read_bytes()).hexdigest()
    }
    assert said["rows"] == 40 and said["left_out"] == {"surname": 40}
    assert "Okonkwo" not in "".join(p.read_text("utf-8") for p in kept.iterdir())
    assert said["from"] in (clinic / "reports" / "report.html").read_text("utf-8")
    fill(clinic, worse=2)
    assert report(clinic, "new") == 0
    assert report(clinic, "again", "--from-snapshot", str(clinic / "reports")) == 0
    page = {f: (clinic / f / "report.html").read_bytes() for f in ("reports", "new", "again")}
    assert page["again"] == page["reports"] != page["new"]
    (clinic / "clinic.sqlite").unlink()  # nothing is asked
    assert report(clinic, "again", "--from-snapshot", str(clinic / "again" / FOLDER)) == 0
    assert main(["check", str(clinic / "study.toml"), "--quiet", "--from-snapshot", str(kept)]) in (
        0,
        5,
    )


def test_a_study_file_can_name_the_snapshot_itself(clinic: Path) -> None:
    assert report(clinic, "reports") == 0
    first = oc.read_study(clinic / "study.toml")
    (clinic / "clinic.sqlite").unlink()
    text = STUDY.replace("[data]", '[data]\nsnapshot = "reports"')
    (clinic / "study.toml").write_text(text, "utf-8")
    again = oc.read_study(clinic / "study.toml")
    pd.testing.assert_frame_equal(first.scores, again.scores)
    assert first.issues == again.issues and first.sources == again.sources


def test_what_is_left_at_the_source_is_listed(clinic: Path) -> None:
    study = oc.read_study(clinic / "study.toml")
    (note,) = (i for i in study.issues if i.rule == "left_at_source")
    assert (note.column, note.count) == ("surname", 40)


def _changed(kept: Path) -> None:
    file = kept / "scores.csv"
    file.write_bytes(file.read_bytes().replace(b"5", b"6", 1))


def _other(kept: Path) -> None:
    text = STUDY.replace('table = "scores"', 'table = "others"')
    (kept.parents[1] / "study.toml").write_text(text, "utf-8")


def _kept_now(kept: Path) -> None:
    text = STUDY.replace('drop = ["surname"]', 'allow = ["surname"]')
    (kept.parents[1] / "study.toml").write_text(text, "utf-8")


def _elsewhere(kept: Path) -> None:
    said = json.loads((kept / MANIFEST).read_text("utf-8"))
    said["tables"]["scores"]["sha256"] = {"../../study.toml": "0"}
    (kept / MANIFEST).write_text(json.dumps(said), "utf-8")


@pytest.mark.parametrize(
    "spoil, error, words",
    [
        (_changed, DataError, "was changed after it was pulled"),
        (lambda kept: (kept / "scores.csv").unlink(), DataError, "has no file scores.csv"),
        (lambda kept: (kept / MANIFEST).unlink(), DataError, "There is no snapshot"),
        (lambda kept: (kept / MANIFEST).write_text("{"), DataError, "is damaged"),
        (_elsewhere, DataError, "is damaged"),
        (_other, StudyError, "pulled for something else"),
        (_kept_now, StudyError, "no cells of surname"),
    ],
)
def test_a_snapshot_that_is_not_what_is_asked_for_is_refused(
    clinic: Path, spoil: object, error: type[OutcomesError], words: str
) -> None:
    assert report(clinic, "reports") == 0
    assert callable(spoil)
    spoil(clinic / "reports" / FOLDER)
    with pytest.raises(error, match=words):
        oc.read_study(clinic / "study.toml", snapshot=clinic / "reports")


def test_a_pull_that_fails_leaves_report_and_snapshot_as_they_were(
    clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(clinic, "reports") == 0
    before = {p: p.read_bytes() for p in (clinic / "reports").rglob("*") if p.is_file()}
    (clinic / "clinic.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 500)
    assert report(clinic, "reports") == SourceError.exit_code == 69
    assert "clinic.sqlite" in capsys.readouterr().err
    assert before == {p: p.read_bytes() for p in (clinic / "reports").rglob("*") if p.is_file()}


def test_nothing_pulled_stays_in_the_folder_of_temporary_files(
    clinic: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    study = oc.read_study(clinic / "study.toml")
    assert list(place.iterdir()) == [] and len(study.scores) == 40


def test_a_report_from_python_keeps_it_too_but_not_beside_one_for_sharing(clinic: Path) -> None:
    study = oc.read_study(clinic / "study.toml")
    oc.write_report(study, oc.Plan.of(study), clinic / "mine" / "pain.html")
    assert (clinic / "mine" / FOLDER / "scores.csv").stat().st_mode & 0o777 == 0o600
    oc.write_report(study, oc.Plan.of(study), clinic / "theirs" / "pain.html", audience="share")
    assert not (clinic / "theirs" / FOLDER).exists()
    assert report(clinic, "reports", "--audience", "share") == 0
    shared = [p.name for p in (clinic / "reports" / "share").rglob("*")]
    assert "scores.csv" not in shared and (clinic / "reports" / FOLDER / "scores.csv").exists()


def test_a_study_of_files_has_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,nrs_pre,nrs_post\na,7,4\nb,8,5\n", "utf-8")
    study = oc.read_table(
        tmp_path / "a.csv", patient="id", instruments={"pain_nrs": {"average": "nrs"}}
    )
    assert snapshot_of(study.settings) is None


@pytest.mark.parametrize(
    "said, words",
    [
        ('{ table = "scores" }', "it has none"),
        ('{ file = "a.csv", database = "sqlite:///a.db", table = "s" }', "file and database"),
        ('{ redcap = "https://h/api/", fhir = "https://h/" }', "redcap and fhir"),
    ],
)
def test_a_table_is_in_one_place(tmp_path: Path, said: str, words: str) -> None:
    text = f'[data]\nscores = {said}\n[roles]\npatient = "id"\n'
    (tmp_path / "study.toml").write_text(text, "utf-8")
    with pytest.raises(StudyError, match=words):
        oc.read_study(tmp_path / "study.toml")


def test_a_database_is_read_in_parts_too(clinic: Path) -> None:
    whole = oc.read_study(clinic / "study.toml")
    parts = oc.read_parts(clinic / "study.toml", engine="serial", parts=3)
    question = oc.PairedT("pain_nrs", before="baseline", after="week_4")
    first, second = question.run(whole), question.run(parts)
    assert first.estimates == second.estimates
    found = snapshot_of(parts.settings)
    assert found is not None and set(found.files) == {"scores.csv", "patients.csv"}
