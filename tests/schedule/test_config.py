"""The schedule file: what is wrong is said with its line, what there is, and what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from outcomes.core.errors import StudyError
from outcomes.schedule import init, read_schedule
from tests.schedule.clinic import write_schedule


def test_the_starter_is_a_valid_schedule_and_is_not_overwritten(tmp_path: Path) -> None:
    file = init(tmp_path / "monthly.toml")
    schedule = read_schedule(file)
    assert (
        schedule.when.kind == "monthly" and schedule.start is not None and schedule.max_catchup == 1
    )
    with pytest.raises(StudyError, match="already there"):
        init(file)


def test_the_commented_part_of_the_starter_is_valid_too(tmp_path: Path) -> None:
    file = init(tmp_path / "monthly.toml")
    text = file.read_text("utf-8")
    head, tail = text.split("[retention]")
    file.write_text(
        head.replace("# newest", "newest") + "[retention]" + tail.replace("\n# ", "\n"),
        encoding="utf-8",
    )
    notify = read_schedule(file).notify
    assert notify.email is not None and notify.email.security == "starttls"
    assert (notify.webhook_env, notify.heartbeat_env) == ("OUTCOMES_WEBHOOK", "OUTCOMES_HEARTBEAT")


@pytest.mark.parametrize(
    ("said", "more", "words"),
    [
        (
            {"period": "montly"},
            "",
            (
                "line 4, [schedule]: No period 'montly'. There is: daily, weekly, monthly,"
                " quarterly. Did you mean 'monthly'?"
            ),
        ),
        (
            {"time_zone": "Europe/Berln"},
            "",
            "line 5: No time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
        ),
        ({"time_zone": None}, "", "line 1: Name the time zone"),
        ({"at": "25:00"}, "", "line 6: 'at' is a time of day"),
        ({"at": "06:00+01:00"}, "", "line 6: 'at' is a time of day"),
        ({"on": "fist monday"}, "", "line 7: No place in the month 'fist'."),
        (
            {"on": True},
            "",
            "line 7, [schedule]: 'on' is a text in quotes or a whole number, such as on = ",
        ),
        ({"start": "2026-10-01"}, "", "line 7, [schedule]: 'start' is a date"),
        (
            {"max_catchup": 3},
            "",
            "line 7: Several periods can be caught up only where each has its own data",
        ),
        ({"max_catchup": 0}, "", "line 7, [schedule]: 'max_catchup' is a whole number from 1"),
        (
            {"formats": ["html", "pfd"]},
            "",
            (
                "line 7, [schedule]: No formats 'pfd'. There is: html, pdf, docx, tables. Did you"
                " mean 'pdf'?"
            ),
        ),
        (
            {"audience": "public"},
            "",
            "line 7, [schedule]: No audience 'public'. There is: internal, share.",
        ),
        (
            {"policy": "nsh"},
            "",
            (
                "line 7: No policy 'nsh'. There is: opensafely, nhs, cms, ukllc, acro. Did you mean"
                " 'nhs'?"
            ),
        ),
        ({"retain": 3}, "", "line 7, [schedule]: No key 'retain'."),
        ({"name": "a\nb"}, "", "line 3: The name is one line of plain text."),
        ({"name": 3}, "", "line 3, [schedule]: 'name' is a text in quotes, such as name = "),
        ({}, "[freshnes]\n", "line 7: No table 'freshnes'."),
        (
            {},
            "[freshness]\nrows_fall_percent = 120",
            "line 8, [freshness]: 'rows_fall_percent' is a whole number from 0 to 100; got 120.",
        ),
        (
            {},
            '[freshness]\nnewest = { file = "a.csv" }',
            "line 8: newest needs a file and its date column",
        ),
        (
            {},
            '[freshness]\nnewest = { file = "a.csv", colum = "b" }',
            "line 8, [freshness]: No key 'colum'.",
        ),
        (
            {},
            '[notify.email]\nhost = "h"\nfrom = "a@b.c"\nto = ["nobody"]',
            "line 10: 'to' is a list of e-mail addresses",
        ),
        (
            {},
            '[notify.email]\nhost = "h"\nfrom = "a@b.c"\nto = ["a@b.c"]\nuser_env = "U"',
            "line 11: Give both",
        ),
        (
            {},
            '[notify.email]\nhost = "h"\npassword = "x"',
            "line 9, [notify.email]: No key 'password'.",
        ),
        (
            {},
            '[notify.webhook]\nurl = "https://x"',
            "line 8, [notify.webhook]: No key 'url'. There is: url_env. Did you mean 'url_env'?",
        ),
        ({}, '[notify.email]\nhost = "h"', "line 7: [notify.email] needs 'from'"),
        ({}, '[studies]\na = "a.toml"', "Name either one study"),
        ({}, "[schedule]", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, said: dict[str, Any], more: str, words: str) -> None:
    path = write_schedule(tmp_path, more, **said)
    with pytest.raises(StudyError) as caught:
        read_schedule(path)
    assert words in str(caught.value)
    assert "monthly.toml" in str(caught.value)


def test_several_studies_have_a_folder_each(tmp_path: Path) -> None:
    path = write_schedule(
        tmp_path, '[studies]\nnorth = "n/study.toml"\nsouth = "s/study.toml"', head=""
    )
    assert [(line.name, line.out) for line in read_schedule(path).lines] == [
        ("north", tmp_path / "reports/north"),
        ("south", tmp_path / "reports/south"),
    ]
    with pytest.raises(StudyError, match="becomes a folder"):
        read_schedule(write_schedule(tmp_path, '[studies]\n"../up" = "n/study.toml"', head=""))


def test_a_period_in_the_path_allows_catching_up(tmp_path: Path) -> None:
    schedule = read_schedule(write_schedule(tmp_path, head='study = "exports/{period}/study.toml"'))
    assert schedule.max_catchup == 3
    assert schedule.lines[0].study_file("2026-10") == tmp_path / "exports/2026-10/study.toml"


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="outcomes schedule init"):
        read_schedule(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="not UTF-8"):
        read_schedule(tmp_path / "odd.toml")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(StudyError, match=r"no \[schedule\] table"):
        read_schedule(tmp_path / "empty.toml")
