"""A FHIR server gives the study that its bundle gives, without names, or nothing and a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import DataError, SourceError, StudyError
from outcomes.readers.fhir.reader import read_fhir
from outcomes.readers.source import Source
from outcomes.readers.sources.fhir_server import pull_fhir
from tests.readers.sources.servers import FHIR, TOKEN, Answer, Fhir, serving
from tests.shared import EXPORTS

OBSERVATIONS = [
    json.loads(line)
    for line in (EXPORTS / "bulk_Observation.ndjson").read_text("utf-8").splitlines()
]
RESPONSES = [
    json.loads(line)
    for line in (EXPORTS / "bulk_QuestionnaireResponse.ndjson").read_text("utf-8").splitlines()
]
IDS = sorted(
    {
        r["subject"]["reference"].partition("/")[2]
        for r in (*OBSERVATIONS, *RESPONSES)
        if r.get("subject", {}).get("reference", "").startswith("Patient/")
    }
    - {""}
)
PATIENTS = [
    {"resourceType": "Patient", "id": i, "name": [{"family": "Okonkwo"}], "birthDate": "1970-01-02"}
    for i in IDS
]
EVERYTHING = [*OBSERVATIONS, *RESPONSES, *PATIENTS]


def server_of(url: str, **said: Any) -> Any:
    said = {"resource": "Observation", "token": "env:FHIR_TOKEN", **said}
    source = Source.of({"fhir": f"{url}/fhir", **said}, Path())
    assert source.live is not None
    return source.live


@pytest.mark.parametrize("pull", ["search", "export"])
@pytest.mark.parametrize("kind", ["Observation", "QuestionnaireResponse"])
def test_a_server_gives_the_table_of_its_file(pull: str, kind: str, tmp_path: Path) -> None:
    with serving(Fhir(EVERYTHING)) as server:
        made = pull_fhir(server_of(server.url, pull=pull, resource=kind, page=2))
    (tmp_path / "a.ndjson").write_bytes(made.files[".ndjson"])
    live = read_fhir(tmp_path / "a.ndjson")
    filed = read_fhir(EXPORTS / f"bulk_{kind}.ndjson")
    by = ["patient", "date"]
    pd.testing.assert_frame_equal(
        live.frame.sort_values(by, ignore_index=True),
        filed.frame[live.frame.columns].sort_values(by, ignore_index=True),
    )
    said = sorted((i.rule, i.count) for i in live.notes)
    assert said == sorted((i.rule, i.count) for i in filed.notes)


def test_everything_of_each_patient(tmp_path: Path) -> None:
    patients = {f"Patient/{i}" for i in IDS}
    theirs = [r for r in OBSERVATIONS if r.get("subject", {}).get("reference") in patients]
    with serving(Fhir([*OBSERVATIONS, *PATIENTS])) as server:
        made = pull_fhir(server_of(server.url, pull="everything", page=1))
    got = [json.loads(line) for line in made.files[".ndjson"].decode().splitlines()]
    assert sorted(r["id"] for r in got if r["resourceType"] == "Observation") == sorted(
        r["id"] for r in theirs
    )


@pytest.mark.parametrize("pull", ["search", "everything", "export"])
def test_nothing_that_tells_who_a_patient_is_is_kept(pull: str) -> None:
    with serving(Fhir(EVERYTHING)) as server:
        made = pull_fhir(server_of(server.url, pull=pull))
    text = made.files[".ndjson"].decode()
    assert "Okonkwo" not in text and "1970" not in text and TOKEN not in text


def test_numbers_stay_as_they_were_written() -> None:
    one = {**OBSERVATIONS[0], "valueQuantity": {"value": 7.5, "unit": "{score}"}}
    page = json.dumps({"resourceType": "Bundle", "entry": [{"resource": one}]}).replace(
        "7.5", "7.50"
    )
    with serving(lambda *_: Answer(page.encode(), 200, FHIR)) as server:
        made = pull_fhir(server_of(server.url))
    assert b'"value":7.50' in made.files[".ndjson"]


def test_the_same_resources_in_another_order_are_the_same_file() -> None:
    made = []
    for resources in (OBSERVATIONS, OBSERVATIONS[::-1]):
        with serving(Fhir(resources)) as server:
            made.append(pull_fhir(server_of(server.url, page=2)).files[".ndjson"])
    assert made[0] == made[1]


def test_a_study_from_a_server(tmp_path: Path) -> None:
    more = """resource = "Observation", per = "day" }
[visits]
days = { baseline = [-1, 0], later = [1, 400] }
[roles]
patient = "patient"
date = "date"
[outcomes]
pain = { column = "72514-3", title = "pain", better = "lower" }
"""
    resources = [
        {
            **OBSERVATIONS[0],
            "id": f"x{p}{d}",
            "subject": {"reference": f"Patient/p{p}"},
            "effectiveDateTime": f"2024-03-{1 + d:02d}",
            "valueQuantity": {"value": 8 - d // 10},
        }
        for p in range(4)
        for d in (0, 20)
    ]
    with serving(Fhir(resources)) as server:
        source = (
            f'fhir = "{server.url}/fhir", token = "env:FHIR_TOKEN", search = {{ code = "x" }}, '
        )
        (tmp_path / "s.toml").write_text(f"[data]\nscores = {{ {source}{more}", "utf-8")
        study = oc.read_study(tmp_path / "s.toml")
        assert "code=x" in server.asked[0] and TOKEN not in "".join(server.asked)
    assert study.enrolled == 4 and study.scores["pain"].tolist() == [8.0, 6.0] * 4


def spoiled(number: int, how: Callable[[Answer], Answer]) -> Callable[[int, Answer], Answer]:
    """Spoils every answer from this request on."""
    return lambda count, answer: how(answer) if count >= number else answer


def changed(**more: Any) -> Callable[[Answer], Answer]:
    """The page, with other keys."""
    return lambda a: Answer(json.dumps({**json.loads(a.body), **more}).encode(), 200, FHIR)


def _outcome(severity: str) -> dict[str, Any]:
    issue = {"severity": severity, "code": "x", "diagnostics": "P001"}
    return {
        "resource": {"resourceType": "OperationOutcome", "issue": [issue]},
        "search": {"mode": "outcome"},
    }


def link(url: str) -> list[dict[str, str]]:
    return [{"relation": "next", "url": url}]


@pytest.mark.parametrize(
    "number, how, words, tries",
    [
        (1, lambda a: Answer(b"{}", 401, FHIR), "does not accept the token", 0),
        (2, lambda a: Answer(b"{}", 403, FHIR), "does not allow this", 0),
        (2, lambda a: Answer(b"{}", 404, FHIR), "nothing at this address", 0),
        (2, lambda a: Answer(b"{}", 410, FHIR), "no longer has", 0),
        (2, lambda a: Answer(b"{}", 429, FHIR, {"Retry-After": "9"}), "fewer requests", 3),
        (2, lambda a: Answer(b"{}", 500, FHIR), "an error of its own", 3),
        (
            1,
            lambda a: Answer(b"", 301, FHIR, {"Location": "https://other.example/"}),
            "not followed",
            0,
        ),
        (1, lambda a: Answer(b"<html>", 200, "text/html"), "a web page", 0),
        (2, lambda a: Answer(a.body, kind=FHIR, cut=30), "hung up midway", 3),
        (2, lambda a: Answer(a.body[:-30], kind=FHIR), "cut off", 0),
        (1, lambda a: Answer(b"{}", 200, FHIR), "no Bundle", 0),
        (1, lambda a: Answer(b"[]", 200, FHIR), "no FHIR resource", 0),
        (2, changed(total=99), "a page is missing, or data changed", 0),
        (2, changed(link=[]), "a page is missing, or data changed", 0),
        (1, changed(link=link("https://other.example/fhir?page=2")), "points to another server", 0),
        (1, changed(link=link("file:///etc/passwd")), "points to another server", 0),
        (1, changed(link=link("http://127.0.0.1:x/fhir")), "something that is not an address", 0),
        (1, changed(link=link("http://[1/fhir")), "something that is not an address", 0),
        (1, changed(entry=[_outcome("error")]), "reports an error of the server", 0),
        (1, changed(entry=[{"fullUrl": "x"}]), "an entry without a resource", 0),
        (1, changed(entry=[], total=0, link=[]), "gave no Observation", 0),
    ],
)
def test_a_server_that_fails_gives_nothing_and_a_reason(
    number: int, how: Callable[[Answer], Answer], words: str, tries: int, waits: list[float]
) -> None:
    with (
        serving(Fhir(OBSERVATIONS, spoiled(number, how))) as server,
        pytest.raises(DataError) as told,
    ):
        pull_fhir(server_of(server.url, page=2))
    said = str(told.value)
    assert words in said and TOKEN not in said and "P001" not in said
    assert len(waits) == tries


def test_a_page_that_leads_back_is_no_endless_pull() -> None:
    def again(count: int, answer: Answer) -> Answer:
        page = json.loads(answer.body)
        page["link"] = link(f"?_offset={2 * (count % 2)}&_count=2")
        return Answer(json.dumps(page).encode(), 200, FHIR)

    with (
        serving(Fhir(OBSERVATIONS, again)) as server,
        pytest.raises(SourceError, match="leads back"),
    ):
        pull_fhir(server_of(server.url, page=2))


def test_a_warning_of_the_server_is_listed_and_no_error(tmp_path: Path) -> None:
    def warned(_: int, answer: Answer) -> Answer:
        page = json.loads(answer.body)
        page["entry"].append(_outcome("warning"))
        return Answer(json.dumps(page).encode(), 200, FHIR)

    with serving(Fhir(OBSERVATIONS, warned)) as server:
        made = pull_fhir(server_of(server.url))
    (tmp_path / "a.ndjson").write_bytes(made.files[".ndjson"])
    assert "fhir_outcome" in {i.rule for i in read_fhir(tmp_path / "a.ndjson").notes}


@pytest.mark.parametrize(
    "path, how, words",
    [
        ("$export", lambda a: Answer(b"{}", 200, FHIR), "does not begin a bulk export"),
        (
            "$export",
            lambda a: Answer(b"", 202, FHIR, {"Content-Location": "https://other.example/1"}),
            "points to another server",
        ),
        ("job", lambda a: Answer(b"{}", 200, FHIR), "has no files"),
        ("job", changed(error=[{"type": "OperationOutcome", "url": "x"}]), "reports errors"),
        ("job", changed(deleted=[{"type": "Bundle", "url": "x"}]), "reports deleted resources"),
        (
            "job",
            changed(output=[{"type": "Observation", "url": "https://other.example/a"}]),
            "points to another server",
        ),
        (
            "file",
            lambda a: Answer(a.body[: a.body.rstrip().rindex(b"\n") + 1], kind=FHIR),
            "and the list says 7",
        ),
        ("file", lambda a: Answer(a.body[:-40], kind=FHIR), "cut off"),
        ("file", lambda a: Answer(b"", 404, FHIR), "nothing at this address"),
    ],
)
def test_a_bulk_export_that_is_not_whole_gives_nothing(
    path: str, how: Callable[[Answer], Answer], words: str
) -> None:
    whole = Fhir(OBSERVATIONS)
    whole.polls = 2  # ready at once

    def handle(method: str, at: str, said: Any, headers: Any) -> Answer:
        answer = whole(method, at, said, headers)
        return how(answer) if path in at and method == "GET" else answer

    with serving(handle) as server, pytest.raises(SourceError, match=words.replace("$", "\\$")):
        pull_fhir(server_of(server.url, pull="export"))


def test_an_export_is_waited_for_as_long_as_asked_and_then_deleted(waits: list[float]) -> None:
    whole = Fhir(OBSERVATIONS)
    with serving(whole) as server:
        pull_fhir(server_of(server.url, pull="export", group="pain clinic"))
        assert "/fhir/Group/pain%20clinic/$export" in server.asked[0]
    assert waits == [1.0, 1.0] and whole.deleted == ["/fhir/job/1"]


@pytest.mark.parametrize(
    "said, words",
    [
        ({"resource": "Condition"}, "No resource 'Condition'"),
        ({"resource": ""}, "needs the resource"),
        ({"group": "x"}, 'goes with pull = "export"'),
        ({"pull": "all"}, "all"),
        ({"fhir": "http://fhir.example/r4"}, "not encrypted"),
        ({"fhir": "file:///tmp/a.json"}, "begins with https://"),
        ({"sheet": "A"}, "'sheet' is of a file"),
        ({"query": "select 1"}, "'query' says nothing about 'fhir'"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is(said: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyError) as told:
        pull_fhir(server_of("http://127.0.0.1:1", **said))
    assert words in str(told.value)


def test_an_answer_that_is_not_packed_as_its_header_says_is_named(tmp_path: Path) -> None:
    def wrong(_: int, answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"})

    with serving(Fhir(OBSERVATIONS, wrong)) as server:
        said = {"fhir": f"{server.url}/fhir", "token": "env:FHIR_TOKEN", "resource": "Observation"}
        live = Source.of(said, tmp_path).live
        assert live is not None
        with pytest.raises(DataError, match="not packed"):
            pull_fhir(live)
