"""Scheduling as an administrator meets it: reasons and commands that help, a trial clock, periods
that are skipped, the index of past reports, and the report or its link in the mail.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from outcomes import cli
from outcomes.core.errors import StudyError
from outcomes.schedule import run_due, skip, status, try_channels
from outcomes.schedule.report_index import write_index
from outcomes.schedule.schedule_file import read_schedule
from tests.schedule.clinic import DECEMBER, NOVEMBER, published, write_schedule, write_scores
from tests.schedule.test_notify import BOTH, HOOKS, Hooks, Mails, by_mail
from tests.schedule.test_notify import hooks as hooks
from tests.schedule.test_notify import mails as mails

FORGOTTEN = "Was a new export forgotten?"


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The command line logs to the screen of its test; that screen is gone in the next."""
    log = logging.getLogger("outcomes")
    kept, level = list(log.handlers), log.level
    yield
    log.handlers[:] = kept
    log.setLevel(level)


def state(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, except what a trial made."""
    files = (p for p in folder.rglob("*") if p.is_file() and "trial" not in p.parts)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files if p.name != ".lock"}


@pytest.mark.usefixtures("quick")
def test_status_and_mail_say_the_reason_of_the_gate_and_the_commands_that_help(
    clinic: Path, mails: Mails
) -> None:
    (clinic / "seen.csv").write_text("id,day\nP001,2026-05-03\n", encoding="utf-8")
    newest = '[freshness]\nnewest = { file = "seen.csv", column = "day" }\n'
    path = write_schedule(clinic, newest + "[notify]\n" + by_mail(mails.port))
    assert run_due(path, NOVEMBER).exit_code == 5
    texts = (mails.messages[0].get_content(), str(status(path, NOVEMBER)))
    for text in texts:
        assert "The newest row of seen.csv is of 3 May 2026" in text and FORGOTTEN in text
        assert f"outcomes run-due {path} --period 2026-10 --accept" in text
        assert f"outcomes run-due {path} --skip 2026-10 --reason" in text
    said = status(path, NOVEMBER).to_dict()["lines"][0]
    assert len(said["advice"]) == 3 and FORGOTTEN in said["failures"][0]
    assert run_due(path, NOVEMBER, period="2026-10", accept=True).exit_code == 0
    assert status(path, NOVEMBER).lines[0].advice == ()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("harm", "helps"),
    [
        (lambda c: (c / "scores.csv").unlink(), "outcomes check"),
        (lambda c: (c / "study.toml").write_text("[study"), "outcomes check"),
    ],
)
def test_other_failures_come_with_a_command_but_no_message(
    clinic: Path, harm: Any, helps: str
) -> None:
    path = write_schedule(clinic)
    harm(clinic)
    run_due(path, NOVEMBER)
    (line,) = status(path, NOVEMBER).lines
    assert any(helps in a for a in line.advice)
    (record,) = (clinic / "reports/failures").glob("*.json")
    assert json.loads(record.read_text())["reasons"] == []


def test_an_overdue_report_comes_with_the_command_that_makes_it(clinic: Path) -> None:
    path = write_schedule(clinic)
    (line,) = status(path, NOVEMBER + timedelta(days=3)).lines
    assert line.overdue and any(f"outcomes run-due {path}" in a for a in line.advice)


def test_a_trial_is_marked_and_changes_nothing_else(
    clinic: Path, mails: Mails, hooks: Hooks
) -> None:
    head = 'study = "study.toml"\nstart = 2026-10-01'
    path = write_schedule(clinic, BOTH + by_mail(mails.port) + HOOKS, head)
    assert cli.main(["run-due", str(path), "--now", "2026-11-02T05:59", "--quiet"]) == 0
    assert not (clinic / "reports/trial").exists()  # one minute too early, in the schedule's zone
    assert cli.main(["run-due", str(path), "--now", "2026-11-02T06:00", "--quiet"]) == 0
    (folder,) = (clinic / "reports/trial").glob("2*")
    said = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert said["trial"] is True and said["period"]["label"] == "2026-10"
    assert "TRIAL as if it were 2 November 2026, 06:00" in (folder / "report.html").read_text()
    assert state(clinic / "reports") == {} and not mails.messages and not hooks.asked
    assert status(path, NOVEMBER).lines[0].due == ("2026-10",)
    folder.rename(clinic / "reports" / folder.name)  # moved by hand, it still counts nowhere
    assert status(path, NOVEMBER).lines[0].due == ("2026-10",)


@pytest.mark.usefixtures("quick")
def test_a_trial_after_real_runs_leaves_them_as_they_are(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    before = state(clinic)
    woken = run_due(path, DECEMBER, trial=True)
    assert woken.exit_code == 5 and FORGOTTEN in woken.made[0].words
    write_scores(clinic, seed=2)
    woken = run_due(path, DECEMBER, trial=True)
    assert woken.exit_code == 0 and "trial" in woken.made[0].words
    assert {k: v for k, v in state(clinic).items() if k != "scores.csv"} == {
        k: v for k, v in before.items() if k != "scores.csv"
    }


def test_a_trial_of_a_report_for_sharing_is_not_in_the_ledger(clinic: Path) -> None:
    path = write_schedule(clinic, audience="share")
    assert run_due(path, NOVEMBER, trial=True).exit_code == 0
    assert not list(clinic.rglob("shared-ledger.json"))
    assert run_due(path, NOVEMBER).exit_code == 0
    assert (clinic / "shared-ledger.json").is_file()


def test_a_time_that_is_none_is_refused(clinic: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run-due", str(write_schedule(clinic)), "--now", "tomorrow"]) == 2
    assert "2026-03-01T06:00" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_a_skipped_period_is_not_owed_and_says_why(
    clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_schedule(clinic)
    for words in ((), ("--reason", "  ")):
        assert cli.main(["run-due", str(path), "--skip", "2026-10", *words]) == 2
    assert "Say why 2026-10 is skipped: --skip 2026-10 --reason" in capsys.readouterr().err
    command = ["run-due", str(path), "--skip", "2026-10", "--reason", "clinic <closed>"]
    assert cli.main(command) == 0
    assert run_due(path, NOVEMBER).made == ()
    late = status(path, NOVEMBER + timedelta(days=9))
    assert late.exit_code == 0 and "skipped: 2026-10 (clinic <closed>)" in str(late)
    assert "Skipped: clinic &lt;closed&gt;" in (clinic / "reports/index.html").read_text()
    assert run_due(path, NOVEMBER, period="2026-10").exit_code == 0  # by hand all the same
    with pytest.raises(StudyError, match="has a report already"):
        skip(path, "2026-10", "no")
    with pytest.raises(StudyError, match="looks like 2026-10"):
        skip(path, "October", "no")


@pytest.mark.usefixtures("quick")
def test_skipping_makes_a_failure_good(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    assert run_due(path, DECEMBER).exit_code == 5 and status(path, DECEMBER).exit_code == 5
    skip(path, "2026-11", "no patients in November")
    assert status(path, DECEMBER).exit_code == 0 and run_due(path, DECEMBER).exit_code == 0


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("text", ["", "[]", '{"periods": 7}', '{"periods": {"2026-10": 1}}'])
def test_a_damaged_list_of_skips_stops_nothing(clinic: Path, text: str) -> None:
    path = write_schedule(clinic)
    (clinic / "reports").mkdir()
    (clinic / "reports/skipped.json").write_text(text)
    assert status(path, NOVEMBER).lines[0].due == ("2026-10",)
    assert run_due(path, NOVEMBER).exit_code == 0
    skip(path, "2026-12", "closed")
    assert status(path, NOVEMBER).lines[0].skipped == ("2026-12 (closed)",)


def test_the_index_lists_reports_with_their_main_numbers(clinic: Path) -> None:
    path = write_schedule(clinic)
    run_due(path, NOVEMBER)
    run_due(path, DECEMBER)  # the same input: refused
    page = (clinic / "reports/index.html").read_text("utf-8")
    assert "October 2026" in page and "<b>30</b> patients took part" in page
    assert "Not made: The input is the same" in page
    for link in re.findall(r'href="([^"]+)"', page):
        assert (clinic / "reports" / link).is_file()
    (main,) = (clinic / "reports").glob("2*/main.json")
    numbers = json.loads(main.read_text("utf-8"))["numbers"]
    assert len(numbers) > 1 and all(n["value"] in page for n in numbers)
    main.write_text('{"numbers": [7, {"value": 1}]}')
    write_index(read_schedule(path))  # damaged: the page is made without


def test_the_index_of_a_shared_report_shows_only_what_was_released(clinic: Path) -> None:
    write_scores(clinic, patients=33)
    path = write_schedule(clinic, audience="share")
    assert run_due(path, NOVEMBER).exit_code == 0
    page = (clinic / "reports/index.html").read_text("utf-8")
    assert "patients took part, about" in page and "<b>33</b>" not in page


@pytest.mark.usefixtures("quick")
def test_the_index_of_several_studies_is_one_page(clinic: Path) -> None:
    write_scores(clinic / "a & b", seed=3)
    path = clinic / "monthly.toml"
    path.write_text(
        '[schedule]\nname = "Both"\nperiod = "monthly"\ntime_zone = "Europe/Berlin"\n'
        '[studies]\nnorth = "study.toml"\nsouth = "a & b/study.toml"\n',
        encoding="utf-8",
    )
    assert run_due(path, NOVEMBER).exit_code == 0
    page = (clinic / "reports/index.html").read_text("utf-8")
    assert page.count("<table>") == 2 and page.count("report.html</a>") == 2
    for link in re.findall(r'href="([^"]+)"', page):
        assert (clinic / "reports" / link).is_file()


def test_a_test_notice_goes_through_each_channel(
    clinic: Path, mails: Mails, hooks: Hooks, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_schedule(clinic, "[notify]\n" + by_mail(mails.port) + HOOKS)
    assert cli.main(["schedule", "test", str(path)]) == 0
    assert capsys.readouterr().out == "email: delivered\nwebhook: delivered\nheartbeat: delivered\n"
    (message,) = mails.messages
    assert message["Subject"] == "outcomes: Test: test of notices"
    assert "Notices are sent of: failure." in message.get_content()
    assert len(hooks.asked) == 2 and not (clinic / "reports").exists()
    hooks.code = 500
    assert cli.main(["schedule", "test", str(path)]) == 6
    assert "webhook: not delivered: The webhook did not answer" in capsys.readouterr().out


def test_a_schedule_that_tells_nobody_cannot_be_tested(clinic: Path) -> None:
    with pytest.raises(StudyError, match=r"\[notify.email\]"):
        try_channels(write_schedule(clinic))


@pytest.mark.usefixtures("quick")
def test_the_report_is_attached_to_the_mail_where_it_is_asked_for(
    clinic: Path, mails: Mails, hooks: Hooks
) -> None:
    attached = by_mail(mails.port) + 'report = "attached"\n'
    path = write_schedule(clinic, BOTH + attached + HOOKS)
    run_due(path, NOVEMBER)
    (message,) = mails.messages
    (part,) = message.iter_attachments()
    (folder,) = (clinic / "reports").glob("2*")
    assert part.get_filename() == "report.html"
    assert part.get_content() == (folder / "report.html").read_text("utf-8")
    text = message.get_body().get_content()
    assert "as confidential as the data" in text and "holds no results" not in text
    assert "holds no results" in hooks.asked[0][2]  # the webhook gets none


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("address", "begins"),
    [('address = "https://intra.test/r/"', "https://intra.test/r/2026-10_"), ("", "file:///")],
)
def test_the_mail_holds_a_link_where_it_is_asked_for(
    clinic: Path, mails: Mails, address: str, begins: str
) -> None:
    path = write_schedule(clinic, BOTH + by_mail(mails.port) + f'report = "link"\n{address}')
    run_due(path, NOVEMBER)
    text = mails.messages[0].get_content()
    assert any(w.startswith(begins) and w.endswith("/report.html") for w in text.split())
    assert "This notice holds no results." in text and not list(
        mails.messages[0].iter_attachments()
    )


@pytest.mark.usefixtures("quick")
def test_a_report_too_large_for_mail_or_changed_is_not_attached(
    clinic: Path, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outcomes.schedule.notify._LARGEST", 3)
    path = write_schedule(clinic, BOTH + by_mail(mails.port) + 'report = "attached"')
    run_due(path, NOVEMBER)
    (message,) = mails.messages
    assert not list(message.iter_attachments()) and "The report is in" in message.get_content()


def test_a_report_is_never_attached_over_an_open_connection(clinic: Path) -> None:
    mail = by_mail(25).replace("127.0.0.1", "mail.test") + 'report = "attached"\n'
    with pytest.raises(StudyError, match="open connection"):
        read_schedule(write_schedule(clinic, mail))
    mail = by_mail(25) + 'report = "link"\naddress = "intranet"\n'
    with pytest.raises(StudyError, match="begins with https"):
        read_schedule(write_schedule(clinic, mail))


def test_a_trial_needs_no_time_zone(clinic: Path, quick: None) -> None:
    path = write_schedule(clinic)
    (made,) = run_due(path, datetime(2026, 12, 7, 6), trial=True).made
    assert made.label == "2026-11" and published(clinic / "reports") == []
