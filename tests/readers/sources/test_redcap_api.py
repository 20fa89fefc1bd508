"""A REDCap project through its API gives the study that its export gives, or nothing and a reason."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import DataError, OutcomesError, PrivacyError, SourceError, StudyError
from outcomes.readers.source import Source
from outcomes.readers.sources.redcap_api import pull_redcap
from tests.readers.sources.servers import TOKEN, Answer, Redcap, serving
from tests.shared import EXPORTS

RAW = (EXPORTS / "redcap_raw_long.csv").read_text("utf-8")
BOOK = (EXPORTS / "redcap_data_dictionary.csv").read_text("utf-8")
STUDY = """
[data]
scores = {{ {source}, without = ["infusion_log"] }}
infusions = {{ {source}, form = "infusion_log" }}
{more}
missing = ["UNK", "NASK", "-99"]
[visits]
order = ["baseline", "follow_up"]
names = {{ baseline_arm_1 = "baseline", followup_1m_arm_1 = "follow_up" }}
[roles]
patient = "record_id"
visit = "redcap_event_name"
date = "infusion_date"
[instruments]
pain_nrs = {{ average = "nrs_avg" }}
[privacy]
allow = {allow}
drop = {drop}
"""


def api(url: str, **said: Any) -> Any:
    source = Source.of({"redcap": f"{url}/api/", "token": "env:REDCAP_TOKEN", **said}, Path())
    assert source.live is not None
    return source.live


def grid(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def spoiled(number: int, how: Callable[[Answer], Answer]) -> Callable[[int, Answer], Answer]:
    """Spoils every answer from this request on."""
    return lambda count, answer: how(answer) if count >= number else answer


def test_every_cell_comes_and_the_dictionary_too() -> None:
    project = Redcap(RAW, BOOK)
    with serving(project) as server:
        pull = pull_redcap(api(server.url, page=1))
    found = grid(pull.files[".csv"])
    assert pull.rows == len(project.rows)
    for row, mine in zip(project.rows, found, strict=True):
        assert {k: v for k, v in row.items() if v and k in mine} == {
            k: v for k, v in mine.items() if v
        }
    assert {
        "redcap_event_name",
        "redcap_repeat_instance",
        "dx___1",
        "redcap_data_access_group",
    } <= set(found[0])
    book = list(csv.reader(io.StringIO(pull.files[".dictionary.csv"].decode())))
    assert book[0][:2] == ["Variable / Field Name", "Form Name"]
    assert [line[0] for line in book[1:]] == [f["field_name"] for f in project.fields]


def test_a_project_gives_the_study_of_its_export(tmp_path: Path) -> None:
    """Events, repeating forms, two tables of one pull: the same scores, issues, addresses, types."""
    said = {"allow": "[]", "drop": "[]"}
    project = Redcap(RAW, BOOK)
    with serving(project) as server:
        source = f'redcap = "{server.url}/api/", token = "env:REDCAP_TOKEN", page = 2'
        (tmp_path / "live.toml").write_text(STUDY.format(source=source, more="", **said), "utf-8")
        live = oc.read_study(tmp_path / "live.toml")
        (tmp_path / "scores.csv").write_bytes(pull_redcap(api(server.url)).files[".csv"])
    asked = project.count
    assert asked < 12  # both tables from one pull
    (tmp_path / "book.csv").write_text(BOOK, "utf-8")
    more = 'dictionary = "book.csv"'
    (tmp_path / "file.toml").write_text(
        STUDY.format(source='file = "scores.csv"', more=more, **said), "utf-8"
    )
    filed = oc.read_study(tmp_path / "file.toml")
    pd.testing.assert_frame_equal(live.scores, filed.scores)
    pd.testing.assert_frame_equal(live.infusions, filed.infusions)
    pd.testing.assert_frame_equal(live.columns, filed.columns)
    assert list(live.rows) == list(filed.rows)
    ours = [i for i in live.issues if i.rule != "data_dictionary"]
    assert ours == [i for i in filed.issues if i.rule != "data_dictionary"]


def test_fields_that_are_dropped_are_never_asked_for() -> None:
    project = Redcap(RAW, BOOK)
    with serving(project) as server:
        pull = pull_redcap(api(server.url), ["age"])
    assert all(fields and "age" not in fields for fields in project.asked_fields)
    assert {row["age"] for row in grid(pull.files[".csv"])} == {""}
    with serving(Redcap(RAW, BOOK)) as server:
        pull = pull_redcap(api(server.url, fields=["nrs_avg"]))
        assert {"nrs_avg", "record_id"} <= set(grid(pull.files[".csv"])[0])
        assert "age" not in grid(pull.files[".csv"])[0]
        with pytest.raises(StudyError, match="No field 'nrs_avrg'"):
            pull_redcap(api(server.url, fields=["nrs_avrg"]))


def test_what_the_project_marks_as_identifying_stops_the_study(tmp_path: Path) -> None:
    lines = BOOK.splitlines()
    head = next(csv.reader([lines[0]]))
    marked = list(csv.reader(lines[1:]))
    for line in marked:
        if line[0] == "age":
            line[head.index("Identifier?")] = "y"
    out = io.StringIO()
    csv.writer(out).writerows([head, *marked])
    with serving(Redcap(RAW, out.getvalue())) as server:
        source = f'redcap = "{server.url}/api/", token = "env:REDCAP_TOKEN"'
        (tmp_path / "s.toml").write_text(
            STUDY.format(source=source, more="", allow="[]", drop="[]"), "utf-8"
        )
        with pytest.raises(PrivacyError, match="age"):
            oc.read_study(tmp_path / "s.toml")


def _html(answer: Answer) -> Answer:
    return Answer(b"<html>log in</html>", 200, "text/html")


def _first_only(answer: Answer) -> Answer:
    """A page without the last of its records."""
    rows = json.loads(answer.body)
    if not rows or "field_name" in rows[0]:
        return answer
    last = rows[-1]["record_id"]
    return Answer(json.dumps([r for r in rows if r["record_id"] != last]).encode())


def _other_fields(answer: Answer) -> Answer:
    rows = json.loads(answer.body)
    return Answer(json.dumps([{**rows[0], "new": "1"}, *rows[1:]]).encode())


@pytest.mark.parametrize(
    "number, how, words, tries",
    [
        (1, lambda a: Answer(b"{}", 401), "does not accept the token", 0),
        (1, lambda a: Answer(b'{"error": "no"}', 403), "does not allow this", 0),
        (1, lambda a: Answer(b"{}", 404), "nothing at this address", 0),
        (2, lambda a: Answer(b"{}", 429, headers={"Retry-After": "7"}), "fewer requests", 3),
        (3, lambda a: Answer(b"{}", 500), "an error of its own", 3),
        (3, lambda a: Answer(b"{}", 503), "busy", 3),
        (
            1,
            lambda a: Answer(b"", 302, headers={"Location": "http://127.0.0.1:1/api/"}),
            "not followed",
            0,
        ),
        (1, _html, "a web page", 0),
        (2, lambda a: Answer(a.body, cut=20), "Nothing was read", 3),
        (3, lambda a: Answer(a.body[:-20]), "cut off, or is no JSON", 3),
        (3, _first_only, "did not come", 3),
        (3, _other_fields, "do not all have the same fields", 0),
        (2, lambda a: Answer(b"[]"), "no records", 0),
        (1, lambda a: Answer(b"[]"), "no fields", 0),
        (2, lambda a: Answer(b'{"error": "P001 is locked"}'), "refused the request", 0),
        (2, lambda a: Answer(b'"P001"'), "no list of records", 0),
    ],
)
def test_a_server_that_fails_gives_nothing_and_a_reason(
    number: int, how: Callable[[Answer], Answer], words: str, tries: int, waits: list[float]
) -> None:
    with (
        serving(Redcap(RAW, BOOK, spoiled(number, how))) as server,
        pytest.raises(DataError) as told,
    ):
        pull_redcap(api(server.url, page=2))
    said = str(told.value)
    assert words in said and TOKEN not in said and "P001" not in said and "K001" not in said
    assert len(waits) == tries and told.value.exit_code in (3, 69)
    assert not tries or isinstance(told.value, SourceError)
    if "fewer" in words:
        assert waits[0] == 7.0  # as long as the server asks


def test_a_failure_that_passes_is_no_failure(waits: list[float]) -> None:
    def once(count: int, answer: Answer) -> Answer:
        return Answer(b"{}", 503) if count in (1, 3) else answer

    with serving(Redcap(RAW, BOOK, once)) as server:
        pull = pull_redcap(api(server.url))
    assert pull.rows == 11 and len(waits) == 2


def test_a_server_that_is_not_there(waits: list[float]) -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        pull_redcap(api("http://127.0.0.1:1"))
    assert len(waits) == 3


@pytest.mark.parametrize(
    "token, error, words",
    [("", SourceError, "is not set"), ("hunter2", StudyError, "32 letters and digits")],
)
def test_a_token_that_is_none_is_never_repeated(
    token: str, error: type[OutcomesError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDCAP_TOKEN", token)
    with pytest.raises(error, match=words) as told:
        pull_redcap(api("http://127.0.0.1:1"))
    assert not token or token not in str(told.value)


@pytest.mark.parametrize(
    "address, words",
    [
        ("http://redcap.example/api/", "not encrypted"),
        ("file:///etc/passwd", "begins with https://"),
        ("ftp://redcap.example/api/", "begins with https://"),
        ("https://redcap.example/", "ends in /api/"),
        ("https://redcap.example/api/?x=1", "base address alone"),
    ],
)
def test_only_an_encrypted_address_of_an_api_is_asked(address: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        pull_redcap(api("", redcap=address))
