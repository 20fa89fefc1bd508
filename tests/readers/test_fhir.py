"""FHIR: every answer and score comes back whole with its place, or is listed; nobody's name is ever
kept.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outcomes.core.errors import DataError, StudyError
from outcomes.readers import read_study
from outcomes.readers.draft import guess_study
from outcomes.readers.fhir.entries import SEPARATOR
from outcomes.readers.fhir.reader import read_fhir
from outcomes.readers.fhir.resources import read_resources
from tests.shared import EXPORTS

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
WEIGHT = "http://hl7.org/fhir/StructureDefinition/itemWeight"


def coding(code, number=None, url=ORDINAL, **more):
    extension = {} if number is None else {"extension": [{"url": url, "valueDecimal": number}]}
    return {"system": "http://loinc.org", "code": code, **extension, **more}


def response(items, **more):
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": "http://forms.example/pain",
        "subject": {"reference": "Patient/p1"},
        "authored": "2024-03-04T08:00:00+01:00",
        "item": items,
        **more,
    }


def item(link, *values, **more):
    answers = (
        {"answer": [v if isinstance(v, dict) else {"valueInteger": v} for v in values]}
        if values
        else {}
    )
    return {"linkId": link, **answers, **more}


def observation(code="72514-3", value=7, **more):
    named = (
        {"coding": [{"system": "http://loinc.org", "code": code}]}
        if isinstance(code, str)
        else code
    )
    given = {} if value is None else value if isinstance(value, dict) else {"valueInteger": value}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": named,
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-03-04",
        **given,
        **more,
    }


def bundle(*resources, **more):
    entries = [r if "resource" in r or "fullUrl" in r else {"resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **more}


@pytest.fixture
def read(tmp_path):
    def reading(*resources, name="a.json", **options):
        text = (
            resources[0]
            if isinstance(resources[0], str)
            else json.dumps(bundle(*resources), ensure_ascii=False)
        )
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_fhir(path, **options)

    return reading


def cells(table, column):
    return table[column].tolist()


def notes(table, rule):
    return [n for n in table.notes if n.rule == rule]


# --- the examples ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file, place, first", [("fhir_bundle.json", "entry", 3), ("bulk_Observation.ndjson", "line", 1)]
)
def test_the_example_observations_whole(file, place, first):
    table = read_fhir(EXPORTS / file, resource="Observation")
    assert table.frame.to_dict("list") == {
        "patient": ["a1", "a1", "a2", "a2", "a1"],
        "date": [
            "2024-03-04T08:11:52-07:00",
            "2024-04-05T19:30:00-06:00",
            "2024-03-11",
            "2024-04-10",
            "2024-03-04",
        ],
        "72514-3": ["7", "4", ">=8", "", "LA10138-8"],
        "BPI/worst": ["", "", "", "", "9"],
        "BPI/average": ["", "", "", "", "7"],
    }
    assert table.address(4, "72514-3") == f"Observation at {place} {first + 6}, column 72514-3"
    assert table.address(4, "BPI/worst") == f"Observation at {place} {first + 5}, column BPI/worst"
    assert table.own("BPI/worst").tolist() == [False, False, False, False, True]
    assert table.own("72514-3").all()
    (left,) = notes(table, "fhir_status")
    assert (left.message, left.addresses) == (
        "1 Observation(s) with status entered-in-error left out.",
        (f"Observation at {place} {first + 4}",),
    )
    assert "asked-declined" in notes(table, "fhir_absent")[0].message
    assert (
        len(notes(table, "fhir_amended"))
        == len(notes(table, "fhir_period"))
        == len(notes(table, "fhir_code"))
        == 1
    )


@pytest.mark.parametrize("file", ["fhir_bundle.json", "bulk_QuestionnaireResponse.ndjson"])
def test_the_example_responses_whole(file):
    table = read_fhir(EXPORTS / file, resource="QuestionnaireResponse")
    assert table.frame.to_dict("list") == {
        "patient": ["a1", "a1"],
        "date": ["2024-03-04T08:11:52-07:00", "2024-04-05T19:40:03-06:00"],
        "instrument": ["loinc.org/q/44249-1|2.74"] * 2,
        "/44250-9": ["2", "1"],
        "/44255-8": ["3", "1"],
        "/44259-0": ["LA6569-3", ""],
        "/44261-6": ["14", "9"],
    }
    assert [
        n.count for n in table.notes if n.rule in ("fhir_status", "fhir_ordinal", "fhir_code")
    ] == [3, 1, 1]


def test_one_page_of_several_and_what_the_server_withheld_are_said():
    table = read_fhir(EXPORTS / "fhir_bundle.json", resource="Observation")
    assert notes(table, "fhir_page")[0].severity == "error"
    assert notes(table, "fhir_outcome")[0].addresses == ("entry 13",)
    assert (
        notes(table, "fhir_other")[0].message
        == "3 resource(s) of type QuestionnaireResponse were not read."
    )
    with pytest.raises(
        DataError, match=r'3 QuestionnaireResponses and 7 Observations\. Say which .*resource = "'
    ):
        read_fhir(EXPORTS / "fhir_bundle.json")


def test_a_manifest_names_the_files_and_fetches_nothing(tmp_path, monkeypatch):
    def no_network(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", no_network)
    path = tmp_path / "manifest.json"
    path.write_bytes((EXPORTS / "bulk_manifest.json").read_bytes())
    (tmp_path / "o.ndjson").write_text("")
    with pytest.raises(
        DataError,
        match=r"list of a bulk export.*o\.ndjson \(Observation, beside it\)\..*had errors",
    ):
        read_fhir(path)


STUDY = """
[data]
folders = ["{folder}"]
scores = {{ file = "{file}", {more} }}
[roles]
patient = "patient"
date = "date"
[visits]
days = {{ baseline = [0, 7], month_1 = [20, 40] }}
[instruments]
{instruments}
"""


def test_a_study_from_a_bundle(tmp_path):
    more = 'resource = "QuestionnaireResponse", codes = { LA6569-3 = 1 }'
    text = STUDY.format(
        folder=EXPORTS.as_posix(),
        file=EXPORTS / "fhir_bundle.json",
        more=more,
        instruments="phq9 = true",
    )
    (tmp_path / "study.toml").write_text(text)
    study = read_study(tmp_path / "study.toml")
    assert study.scores["visit"].tolist() == ["baseline", "month_1"]
    assert study.scores[["/44250-9", "/44255-8", "/44261-6", "day"]].to_numpy().tolist() == [
        [2, 3, 14, 0],
        [1, 1, 9, 32],
    ]
    assert study.scores["/44259-0"].tolist()[0] == 1
    assert study.rows == ("QuestionnaireResponse at entry 10", "QuestionnaireResponse at entry 11")
    assert {"fhir_page", "fhir_declared"} <= {i.rule for i in study.issues}


def test_what_cannot_be_read_as_a_score_is_listed_by_its_resource(tmp_path):
    text = STUDY.format(
        folder=EXPORTS.as_posix(),
        file=EXPORTS / "bulk_Observation.ndjson",
        more='per = "day", codes = { LA10138-8 = 7 }',
        instruments='pain_nrs = "72514-3"',
    )
    (tmp_path / "study.toml").write_text(
        text.replace('pain_nrs = "72514-3"', 'pain_nrs = { now = "72514-3" }')
    )
    study = read_study(tmp_path / "study.toml")
    assert study.scores["72514-3"].tolist()[:2] == [7, 4]
    row = study.columns.set_index("column").loc["72514-3"]
    assert (row.parsed, row.blank, row.unparseable) == (2, 1, 1)
    assert row.addresses == "Observation at line 3, column 72514-3"


@pytest.mark.parametrize("file", ["fhir_bundle.json", "bulk_QuestionnaireResponse.ndjson"])
def test_init_writes_a_study_file_that_days_complete(file, tmp_path):
    (tmp_path / file).write_bytes((EXPORTS / file).read_bytes())
    text, study, problem = guess_study(tmp_path / file)
    assert study is None and "[visits] days" in problem
    assert 'date = "date"   # guess' in text and "[privacy]" not in text
    if file.endswith(".json"):
        assert 'scores = { file = "fhir_bundle.json", resource = "Observation" }   # guess' in text
        assert 'pain_nrs = { now = "72514-3" }' in text
        assert "72514-3: Pain severity - 0-10 verbal numeric rating [Score] - Reported" in text
    else:
        assert 'phq9 = { 1 = "/44250-9", 2 = "/44255-8", 3 = "/44259-0" }' in text
    done = text.replace(
        "# days = { baseline = [-7, 0], week_4 = [14, 42] }",
        "days = { baseline = [0, 0], week_4 = [14, 42] }",
    )
    (tmp_path / "study.toml").write_text(done)
    if not file.endswith(".json"):  # the bundle has two rows of one patient on one day
        assert read_study(tmp_path / "study.toml").visits == ("baseline", "week_4")


def test_init_knows_instruments_by_loinc_and_joins_days(tmp_path):
    days = ("2024-03-04", "2024-04-02")
    scores = [
        ("72514-3", 7, "08:00:00Z"),
        ("44261-6", 14, "08:10:00Z"),
        ("70274-6", 9, "08:12:00Z"),
    ]
    many = [
        observation(
            code,
            value - 2 * n,
            effectiveDateTime=f"{day}T{time}",
            subject={"reference": f"Patient/k{k}"},
        )
        for k in range(3)
        for n, day in enumerate(days)
        for code, value, time in scores
    ]
    (tmp_path / "bundle.json").write_text(json.dumps(bundle(*many)))
    text, _, _ = guess_study(tmp_path / "bundle.json")
    assert 'scores = { file = "bundle.json", per = "day" }   # guess' in text
    (tmp_path / "study.toml").write_text(text.replace("# days = ", "days = "))
    study = read_study(tmp_path / "study.toml").score()
    assert study.outcome_names == ["pain_nrs_now", "phq9_total", "gad7_total"]
    assert (
        study.scores[["72514-3", "44261-6", "70274-6"]].to_numpy().tolist()
        == [[7, 14, 9], [5, 12, 7]] * 3
    )


# --- strict JSON ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, words",
    [
        (
            '{"resourceType": "Bundle",\n "entry": [SECRET]}',
            "a.json is not valid JSON: line 2, column 12.",
        ),
        ('{"resourceType": "Bundle"', "is not valid JSON: line 1, column 26."),
        ('{"resourceType": "Bundle"}\n{}', "is not valid JSON: line 2, column 1."),
        (
            '{"a": "SECRET", "b": 1,\n "a": 2}',
            "the same key twice in one object: line 2, column 2.",
        ),
        (
            '{"a": [{"x": 1}, {"x": "{ \\" NaN",\n "x": 2}]}',
            "the same key twice in one object: line 2, column 2.",
        ),
        (
            '{"a": "NaN",\n\n "b": NaN}',
            "a number that JSON does not know (NaN or Infinity): line 3, column 7.",
        ),
        (
            '{"a": [1,\n-Infinity]}',
            "a number that JSON does not know (NaN or Infinity): line 2, column 1.",
        ),
        (
            '{"id": "x",\n "id2": 1, "linkId": "\\ud800"}',
            "half a character or a zero byte: line 2, column 22.",
        ),
        ('{"linkId": "\\u0000"}', "half a character or a zero byte: line 1, column 12."),
        ("[" * 100_000, "a.json is refused: it is nested deeper than any FHIR resource."),
        ("[1]", "JSON, but no FHIR resource"),
        ('{"resourceType": 5}', "entry 1 is no FHIR resource"),
        ('{"resourceType": "Bundle", "entry": {}}', "no whole bundle"),
        (
            '{"resourceType": "Bundle", "entry": [{"resource": "SECRET"}]}',
            "entry 1 is no FHIR resource",
        ),
        ('{"resourceType": "Bundle", "type": "history"}', "is a history"),
        (
            '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Bundle"}}]}',
            "a bundle in a bundle",
        ),
        ('{"resourceType": "Bundle"}', "neither answers to questionnaires nor observations"),
    ],
)
def test_what_is_not_strict_fhir_is_refused_by_place(read, text, words):
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        read(text)
    assert "SECRET" not in str(caught.value)


def test_a_line_of_a_bulk_file_is_named(read, tmp_path):
    good = json.dumps(observation())
    with pytest.raises(DataError, match=r"is not valid JSON: line 3, column 7\..*ends in \.json"):
        read(f'{good}\n\n{{"a": SECRET}}\n', name="a.ndjson")
    with pytest.raises(DataError, match="line 2 is a whole bundle"):
        read(f'{good}\n{{"resourceType": "Bundle"}}', name="a.ndjson")
    with pytest.raises(DataError, match=r"the same key twice in one object: line 2, column 10\."):
        read(f'{good}\n{{"a": 1, "a": 2}}', name="a.ndjson")
    (tmp_path / "b.ndjson").write_bytes(f"{good}\n".encode() + b'{"a": "\xff"}')
    with pytest.raises(DataError, match="not UTF-8 text.*line 2"):
        read_fhir(tmp_path / "b.ndjson")


def test_line_separators_within_a_string_end_no_line(read):
    table = read(
        json.dumps(response([item("q", {"valueString": "a\u2028b\x85c"})]), ensure_ascii=False),
        name="a.ndjson",
    )
    assert cells(table, "q") == ["a\u2028b\x85c"]


def test_deep_items_are_bounded(read):
    deep = item("q", 1)
    for n in range(60):
        deep = item(f"g{n}", item=[deep])
    table = read(response([deep]), response([item("q", 2)], subject={"reference": "Patient/p2"}))
    assert table.frame["patient"].tolist() == ["p2"]
    assert "nested deeper than 40" in notes(table, "fhir_unusable")[0].message


# --- privacy --------------------------------------------------------------------------------------


def test_nothing_that_names_a_patient_is_kept_or_told(tmp_path, read):
    secret = "CANARY"
    person = {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": secret}],
        "telecom": [{"value": secret}],
        "address": [{"city": secret}],
        "birthDate": secret,
        "text": {"status": "generated", "div": secret},
        "photo": [{"url": secret}],
        "contact": [{"name": {"text": secret}}],
    }
    asked = response(
        [item("q", 1, text="How bad?")],
        subject={"reference": "Patient/p1", "display": secret},
        author={"display": secret},
        contained=[{**person, "id": "c"}],
        text={"status": "generated", "div": secret},
        extension=[{"url": "http://x", "valueString": secret}],
    )
    table = read(
        person, asked, {"resourceType": "Practitioner", "id": "d", "name": [{"text": secret}]}
    )
    kept = repr(read_resources(tmp_path / "a.json"))
    assert secret not in kept and secret not in repr(
        (table.frame.to_dict(), table.notes, table.places.to_dict())
    )
    assert cells(table, "q") == ["1"]


def test_no_value_and_no_id_in_any_message(read):
    ugly = [
        response(
            [item("q", {"valueAttachment": {"title": "CANARY"}}, {"valueInteger": "CANARY"})],
            id="CANARY1",
        ),
        response([item("q", 1)], id="CANARY2", subject={"reference": "Group/CANARY"}),
        response([item("q", 1)], status="CANARY"),
        response({"linkId": "CANARY"}),
        response([item("q", 5)], authored=None, subject={"reference": "Patient/CANARY"}),
    ]
    table = read(*ugly)
    assert "CANARY" not in repr([(n.message, n.addresses) for n in table.notes])
    listed = {a.split(",")[0] for n in table.notes for a in n.addresses}
    assert {f"QuestionnaireResponse at entry {n}" for n in range(1, 6)} <= listed


# --- whose ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject, code",
    [
        ({"reference": "Patient/p7"}, "p7"),
        ({"reference": "Patient/p7/_history/2"}, "p7"),
        ({"reference": "https://ehr.example/fhir/Patient/p7/_history/3"}, "p7"),
        ({"reference": "urn:uuid:0-7"}, "p9"),
        ({"reference": "urn:uuid:0-8"}, "0-8"),
        ({"reference": "#c"}, "K12"),
        ({"identifier": {"system": "http://study", "value": "K7"}}, "K7"),
    ],
)
def test_subjects(read, subject, code):
    person = {"fullUrl": "urn:uuid:0-7", "resource": {"resourceType": "Patient", "id": "p9"}}
    contained = [{"resourceType": "Patient", "id": "c", "identifier": [{"value": "K12"}]}]
    table = read(person, observation(subject=subject, contained=contained))
    assert cells(table, "patient") == [code]


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "Patient/p1",
        {},
        {"reference": 5},
        {"reference": "Group/g"},
        {"reference": "Patient/"},
        {"reference": "#x"},
        {"reference": "#nobody"},
        {"reference": "#c"},
        {"display": "x"},
        {"identifier": {"system": "x"}},
        {"reference": "Patient?identifier=5"},
    ],
)
def test_no_patient_is_guessed(read, subject):
    contained = [{"resourceType": "Patient", "id": "nobody"}, {"resourceType": "Device", "id": "c"}]
    table = read(observation(subject=subject, contained=contained), observation(value=3))
    assert cells(table, "72514-3") == ["3"]
    assert notes(table, "fhir_unusable")[0].addresses == ("Observation at entry 1",)


@pytest.mark.parametrize(
    "other",
    [
        {"reference": "https://two.example/fhir/Patient/p1"},
        {"identifier": {"value": "p1"}},
        {"reference": "urn:uuid:1"},
    ],
)
def test_patients_of_two_servers_are_not_taken_for_one(read, other):
    one = observation(subject={"reference": "https://one.example/fhir/Patient/p1"})
    with pytest.raises(
        DataError, match="names its patients in several ways.*entry 1; Observation at entry 2"
    ):
        read(one, observation(subject=other))


def test_a_relative_reference_belongs_to_the_server_of_its_entry(read):
    here = {"fullUrl": "https://one.example/fhir/Observation/o1", "resource": observation()}
    there = {"fullUrl": "https://two.example/fhir/Observation/o1", "resource": observation()}
    with pytest.raises(DataError, match="in several ways"):
        read(here, there)
    assert cells(read(here, observation("44261-6")), "patient") == ["p1"]


# --- when and which -------------------------------------------------------------------------------


def test_dates_are_kept_as_written_and_months_are_never_one_occasion(read):
    table = read(
        observation(effectiveDateTime="2024-03"),
        observation("44261-6", effectiveDateTime="2024-03"),
        observation(effectiveDateTime="2024"),
        observation(effectiveDateTime=None),
        observation("44261-6", effectiveDateTime=None),
        observation(effectiveDateTime="2024-03-04T23:30:00Z"),
        observation(
            "44261-6", effectiveDateTime=None, effectiveInstant="2024-03-05T01:00:00.5+02:00"
        ),
    )
    assert cells(table, "date") == [
        "2024-03",
        "2024-03",
        "2024",
        "",
        "",
        "2024-03-04T23:30:00Z",
        "2024-03-05T01:00:00.5+02:00",
    ]
    assert notes(table, "fhir_no_date")[0].count == 2
    assert notes(table, "fhir_utc")[0].addresses == ("Observation at entry 6",)


@pytest.mark.parametrize("status", ["in-progress", "entered-in-error", "stopped", "nonsense", None])
def test_responses_that_do_not_count(read, status):
    table = read(response([item("q", 1)], status=status), response([item("q", 2)]))
    assert cells(table, "q") == ["2"]
    assert notes(table, "fhir_status")[0].addresses == ("QuestionnaireResponse at entry 1",)


@pytest.mark.parametrize(
    "status", ["registered", "preliminary", "cancelled", "entered-in-error", "unknown", "nonsense"]
)
def test_observations_that_do_not_count(read, status):
    with pytest.raises(DataError, match="has no Observation that can be used. 1 Observation"):
        read(observation(status=status))


def test_amended_is_read_and_said(read):
    table = read(response([item("q", 1)], status="amended"))
    assert cells(table, "q") == ["1"] and notes(table, "fhir_amended")[0].count == 1


@pytest.mark.parametrize("change", [{"modifierExtension": [{"url": "x"}]}, {"implicitRules": "x"}])
def test_what_may_change_the_meaning_is_not_read(read, change):
    table = read(
        response([item("q", 1)], **change),
        response([item("q", 2), item("r", 2, **change)]),
        response([item("q", 3)]),
    )
    assert cells(table, "q") == ["3"]
    assert notes(table, "fhir_unusable")[0].count == 2
    with pytest.raises(DataError, match="no Observation that can be used"):
        read(observation(focus=[{"reference": "Patient/p2"}]))


def test_patients_without_a_row_and_versions_of_a_form_are_said(read):
    people = [{"resourceType": "Patient", "id": p} for p in ("p1", "p2")]
    forms = [
        response([item("q", 1)], questionnaire=f"http://forms.example/pain{v}")
        for v in ("|1", "|2", "|2", "")
    ]
    table = read(*people, *forms)
    assert notes(table, "fhir_no_row")[0].addresses == ("Patient at entry 2",)
    assert notes(table, "fhir_versions")[0].addresses == tuple(
        f"QuestionnaireResponse at entry {n}" for n in (3, 4, 6)
    )
    assert not notes(read(people[0], *forms[1:3]), "fhir_versions")


def test_copies_are_one_and_versions_are_refused(read):
    table = read(observation(id="o"), observation(id="o"))
    assert len(table) == 1 and notes(table, "fhir_copy")[0].addresses == ("Observation at entry 2",)
    with pytest.raises(
        DataError,
        match="two versions of the same resource: Observation at entry 1, Observation at entry 2",
    ):
        read(observation(id="o"), observation(id="o", value=8))


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, text",
    [
        ('{"valueInteger": 7}', "7"),
        ('{"valueDecimal": 7.10}', "7.10"),
        ('{"valueDecimal": 1e400}', "1e400"),
        ('{"valueDecimal": 0.1234567890123456789}', "0.1234567890123456789"),
        ('{"valueInteger": 123456789012345678901234567890}', "123456789012345678901234567890"),
        ('{"valueBoolean": true}', "true"),
        ('{"valueBoolean": false}', "false"),
        ('{"valueString": "None"}', "None"),
        ('{"valueString": " \\t "}', ""),
        ('{"valueDate": "2024-03"}', "2024-03"),
        ('{"valueTime": "08:30:00"}', "08:30:00"),
        ('{"valueQuantity": {"value": 7.0, "unit": "points"}}', "7.0"),
        ('{"valueQuantity": {"value": 7, "comparator": "<"}}', "<7"),
        ('{"valueCoding": {"code": "LA1", "display": "bad"}}', "LA1"),
        ('{"valueCoding": {"display": "bad"}}', "bad"),
        ('{"valueCoding": {"code": "LA2"}}', "5"),
        (
            (
                f'{{"valueCoding": {{"code": "LA1", "extension": [{{"url": "{ORDINAL}",'
                ' "valueDecimal": 2.0}]}}'
            ),
            "2.0",
        ),
        (
            (
                f'{{"valueCoding": {{"code": "LA2", "extension": [{{"url": "{WEIGHT}",'
                ' "valueDecimal": 2}]}}'
            ),
            "2",
        ),
        (
            (
                f'{{"extension": [{{"url": "{WEIGHT}", "valueDecimal": 3}}], "valueCoding":'
                ' {"code": "LA1"}}'
            ),
            "3",
        ),
        (
            (
                '{"valueCoding": {"code": "LA1", "extension": [{"url": "http://other",'
                ' "valueDecimal": 2}]}}'
            ),
            "LA1",
        ),
    ],
)
def test_answers_are_kept_as_their_text(read, answer, text):
    raw = json.dumps(bundle(response([item("q", {"HERE": 1})])))
    table = read(raw.replace('{"HERE": 1}', answer), codes={"LA2": 5})
    assert cells(table, "q") == [text]


@pytest.mark.parametrize(
    "answer",
    [
        {"valueInteger": "7"},
        {"valueDecimal": None},
        {"valueBoolean": 1},
        {"valueString": 7},
        {"valueInteger": 1, "valueString": "1"},
        {"valueAttachment": {"url": "x"}},
        {"valueReference": {"reference": "Patient/x"}},
        {"valueQuantity": {"unit": "mm"}},
        {"valueQuantity": {"value": 7, "comparator": "about"}},
        {"valueCoding": {}},
        {"valueCoding": "LA1"},
        {"valueInteger": True},
        {
            "valueCoding": {
                "code": "a",
                "extension": [
                    {"url": ORDINAL, "valueDecimal": 1},
                    {"url": WEIGHT, "valueDecimal": 2},
                ],
            }
        },
        {"_valueInteger": {"extension": [{"url": "http://x", "valueCode": "unknown"}]}},
        {"valueInteger": 3, "modifierExtension": [{}]},
    ],
)
def test_answers_that_cannot_be_used_are_blank_and_listed(read, answer):
    table = read(response([item("q", answer), item("r", 1)]))
    assert cells(table, "q") == [""] and cells(table, "r") == ["1"]
    assert notes(table, "fhir_answer")[0].addresses == ("QuestionnaireResponse at entry 1, q",)


@pytest.mark.parametrize(
    "value, text",
    [
        ({"coding": [coding("LA1"), {"system": "x", "code": "y"}]}, "LA1"),
        ({"coding": [{"system": "x", "code": "y"}, coding("LA1")]}, "LA1"),
        ({"coding": [{"system": "x", "code": "y"}, coding("LA1", 4)]}, "4"),
        ({"coding": [coding("LA2"), {"system": "x", "code": "y"}]}, "5"),
        ({"text": "severe"}, "severe"),
        ({"coding": [coding("LA1", 4), coding("LA3", 5)]}, ""),
        ({}, ""),
    ],
)
def test_coded_scores(read, value, text):
    table = read(observation(value={"valueCodeableConcept": value}), codes={"LA2": 5})
    assert cells(table, "72514-3") == [text]
    assert bool(notes(table, "fhir_answer")) == (not text)


def test_numbers_of_options_and_repeats_come_from_the_questionnaire(read):
    form = {
        "resourceType": "Questionnaire",
        "url": "http://forms.example/pain",
        "item": [
            item(
                "g",
                item=[
                    item(
                        "q",
                        answerOption=[
                            {"valueCoding": coding("LA1", 2)},
                            {"valueCoding": coding("LA9")},
                        ],
                    ),
                    item("where", repeats=True),
                ],
            )
        ],
    }
    answers = [
        item("q", {"valueCoding": coding("LA1")}),
        item("where", {"valueString": "back"}, {"valueString": "knee"}),
    ]
    asked = response([item("g", item=answers)], questionnaire="http://forms.example/pain|3")
    table = read(form, asked)
    assert (cells(table, "q"), cells(table, "where")) == (["2"], [f"back{SEPARATOR}knee"])
    assert notes(table, "fhir_repeats")[0].addresses == (
        "QuestionnaireResponse at entry 2, g/where",
    )
    inside = response(
        [item("g", item=answers)], questionnaire="#f", contained=[{**form, "id": "f", "url": "#f"}]
    )
    del inside["contained"][0]["url"]
    assert cells(read(inside), "where") == [f"back{SEPARATOR}knee"]


def test_several_answers_are_refused_unless_they_may_be(read):
    asked = response([item("q", 1, 2)])
    with pytest.raises(
        DataError,
        match=(
            r'2 answers to one question: QuestionnaireResponse at entry 1, q\..*repeats = \["q"\]'
        ),
    ):
        read(asked)
    assert cells(read(asked, repeats=("q",)), "q") == ["1 | 2"]
    group = response([item("g", item=[item("q", 1)]), item("g", item=[item("q", 2)])])
    with pytest.raises(DataError, match="2 answers to one question"):
        read(group)
    with pytest.raises(DataError, match="have it in themselves"):
        read(response([item("q", {"valueString": "a|b"}, {"valueString": "c"})]), repeats=("q",))


def test_items_are_called_by_what_tells_them_apart(read):
    table = read(
        response([item("a", item=[item("q", 1)]), item("b", item=[item("q", 2), item("r", 3)])]),
        response(
            [item("r", 4, text="x"), item("date", 5)], questionnaire="http://forms.example/mood|2"
        ),
    )
    assert table.declared.titles == {"mood r": "x"}
    assert list(table.columns)[3:] == ["a/q", "b/q", "pain r", "mood r", "item date"]
    assert table.frame.iloc[:, 3:].to_numpy().tolist() == [
        ["1", "2", "3", "", ""],
        ["", "", "", "4", "5"],
    ]
    assert cells(table, "instrument") == ["forms.example/pain", "forms.example/mood|2"]
    assert table.address(1, "mood r") == "QuestionnaireResponse at entry 2, column mood r"


def test_items_under_an_answer_and_items_nobody_answered(read):
    under = {"valueBoolean": True, "item": [item("how", 3), item("never")]}
    table = read(response([item("pain", under), item("words only", text="Thank you")]))
    assert table.frame.iloc[0, 3:].to_dict() == {
        "pain": "true",
        "how": "3",
        "never": "",
        "words only": "",
    }


def test_units_must_agree(read):
    mm = {"valueQuantity": {"value": 7, "code": "mm"}}
    with pytest.raises(
        DataError,
        match=(
            r"column 72514-3, has values in 2 units: mm \(Observation at entry 1\); no unit \(Obs"
        ),
    ):
        read(observation(value=mm), observation(effectiveDateTime="2024-03-05"))
    table = read(
        observation(value=mm),
        observation("44261-6", {"valueQuantity": {"value": 2, "code": "{score}"}}),
        observation("1", 3),
    )
    assert [n.message for n in notes(table, "fhir_unit")] == ["Column 72514-3 is in mm."]


def test_panels_components_and_reasons(read):
    absent = {"dataAbsentReason": {"coding": [{"code": "not-asked"}]}}
    parts = [
        {"code": {"coding": [coding("44250-9")]}, "valueInteger": 2},
        {"code": {"coding": [coding("44255-8")]}, **absent},
        {"code": {"text": "said"}, "valueString": "x"},
    ]
    table = read(
        observation("44249-1", {"valueInteger": 14}, component=parts),
        observation("1-1", None, hasMember=[{"reference": "Observation/1"}]),
        observation("2-2", None),
        observation("3-3", {"valueInteger": 1, **absent}),
        observation({"text": ""}),
        observation({}),
    )
    assert table.frame.iloc[0, 2:].to_dict() == {
        "44249-1": "14",
        "44250-9": "2",
        "44255-8": "",
        "44249-1/said": "x",
        "2-2": "",
        "3-3": "",
    }
    assert (
        notes(table, "fhir_absent")[0].message
        == "1 score(s) absent, as the server says: not-asked."
    )
    assert notes(table, "fhir_panel")[0].addresses == ("Observation at entry 2",)
    assert [n.addresses[0] for n in notes(table, "fhir_answer")] == [
        "Observation at entry 3, 2-2",
        "Observation at entry 4, 3-3",
    ]
    assert notes(table, "fhir_unusable")[0].count == 2


def test_two_systems_of_one_code_are_not_one_column(read):
    local = {"coding": [{"system": "http://clinic", "code": "72514-3"}]}
    with pytest.raises(
        DataError, match="different questions that would be called the same: 72514-3"
    ):
        read(observation(), observation(local))


def test_a_day_in_one_row(read):
    morning, evening = "2024-03-04T08:00:00Z", "2024-03-04T20:00:00Z"
    same = [
        observation("a", 1, effectiveDateTime=morning),
        observation("b", 2, effectiveDateTime=evening),
    ]
    assert len(read(*same)) == 2 and notes(read(*same), "fhir_day")[0].count == 1
    table = read(*same, observation("b", 2), per="day")
    assert table.frame.to_numpy().tolist() == [["p1", "2024-03-04", "1", "2"]]
    assert notes(table, "fhir_same")[0].addresses == ("Observation at entry 3",)
    assert table.address(0, "b") == "Observation at entry 2, column b"
    with pytest.raises(
        DataError,
        match=(
            "different values for the same patient, time and question: Observation at entry 2,"
            " column b"
        ),
    ):
        read(*same, observation("b", 3), per="day")
    forms = [
        response([item("q", 1)]),
        response([item("q", 2)], questionnaire="http://forms.example/mood"),
    ]
    assert read(*forms, per="day").frame.iloc[0, 2:].tolist() == [
        "forms.example/pain | forms.example/mood",
        "1",
        "2",
    ]
    with pytest.raises(StudyError, match="No per 'week'"):
        read(*same, per="week")
    with pytest.raises(StudyError, match="No resource 'Patient'"):
        read(*same, resource="Patient")


def test_a_single_resource_is_a_file_too(read):
    table = read(json.dumps(observation()))
    assert table.row_address(0) == "Observation at entry 1"


# --- whole ----------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0|"), max_size=6)
ANSWER = st.one_of(
    st.integers(-(10**20), 10**20).map(lambda n: ({"valueInteger": n}, str(n))),
    st.floats(allow_nan=False, allow_infinity=False).map(
        lambda x: ({"valueDecimal": x}, json.dumps(x))
    ),
    st.booleans().map(lambda b: ({"valueBoolean": b}, str(b).lower())),
    TEXT.map(lambda t: ({"valueString": t}, "" if t.isspace() else t)),
    st.integers(0, 9).map(lambda n: ({"valueCoding": coding("LA", n)}, str(n))),
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    people=st.lists(
        st.tuples(
            st.sampled_from("pqr"),
            st.dictionaries(st.sampled_from("abcdef"), ANSWER, min_size=1),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    ),
    lines=st.booleans(),
)
def test_generated_responses_come_back_whole(read, people, lines):
    resources = []
    for patient, answers, nested in people:
        items = [item(link, answer) for link, (answer, _) in answers.items()]
        resources.append(
            response(
                [item("g", item=items)] if nested else items,
                subject={"reference": f"Patient/{patient}"},
            )
        )
    where = {link: {nested for _, a, nested in people if link in a} for link in "abcdef"}
    if lines:
        table = read(
            "\n".join(json.dumps(r, ensure_ascii=False) for r in resources), name="a.ndjson"
        )
    else:
        table = read(*resources)
    assert cells(table, "patient") == [p for p, _, _ in people]
    for row, (_, answers, nested) in enumerate(people):
        for link, (_, text) in answers.items():
            column = link if len(where[link]) == 1 else f"g/{link}" if nested else link
            assert table.frame[column].iat[row] == text
            assert table.address(row, column).startswith(
                f"QuestionnaireResponse at {'line' if lines else 'entry'} {row + 1},"
            )
    filled = sum(bool(text) for _, answers, _ in people for _, text in answers.values())
    assert int((table.frame.iloc[:, 3:] != "").to_numpy().sum()) == filled


def test_rows_can_be_picked_and_columns_dropped(read):
    table = read(
        response([item("q", 1), item("r", 2)]),
        response([item("q", 3)], subject={"reference": "Patient/p2"}),
    )
    left = table.without(["r"], "dropped", "Dropped.").keep(table["patient"].eq("p2").to_numpy())
    assert (left.address(0, "q"), left.row_address(0), list(left.rows)) == (
        "QuestionnaireResponse at entry 2, column q",
        "QuestionnaireResponse at entry 2",
        [2],
    )
    assert left.own("q").tolist() == [True] and left.notes[-1].addresses == (
        "QuestionnaireResponse at entry 1, column r",
    )


@pytest.mark.slow
def test_a_file_of_50_megabytes_needs_no_tenfold_memory(tmp_path):
    path = tmp_path / "big.json"
    padding = {"note": [{"text": "x" * 400}], "meta": {"versionId": "1"}}
    with path.open("w") as file:
        file.write('{"resourceType": "Bundle", "entry": [')
        for n in range(100_000):
            file.write(
                ", " * bool(n)
                + json.dumps(
                    {"resource": observation(subject={"reference": f"Patient/{n}"}, **padding)}
                )
            )
        file.write("]}")
    assert path.stat().st_size > 50_000_000
    code = (
        "import resource, sys; from outcomes.readers.fhir.reader import read_fhir; before ="
        " resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; table = read_fhir(sys.argv[1]);"
        " print(len(table), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    rows, kilobytes = map(int, run.stdout.split())
    assert rows == 100_000 and kilobytes * 1024 < 8 * path.stat().st_size


def _nodes(value, path=()):
    yield path
    for key, child in (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    ):
        yield from _nodes(child, (*path, key))


def _with(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(copy[path[0]], path[1:], new)
    return copy


FORM = {"resourceType": "Questionnaire", "url": "http://forms.example/pain"} | {
    "item": [item("q", repeats=True, answerOption=[{"valueCoding": coding("LA1", 1)}])]
}
UNDER = {"valueQuantity": {"value": 1, "unit": "mm"}, "item": [item("s", 1)]}
WHOLE = bundle(
    {
        "fullUrl": "https://ehr.example/fhir/Patient/p1",
        "resource": {"resourceType": "Patient", "id": "p1"},
    },
    FORM,
    response(
        [item("g", item=[item("q", {"valueCoding": coding("LA1", 2)}, 3), item("r", UNDER)])],
        contained=[{"resourceType": "Patient", "id": "c", "identifier": [{"value": "k"}]}],
    ),
    observation(
        value={"valueCodeableConcept": {"coding": [coding("LA1", 4)]}},
        component=[{"code": {"text": "x"}, "dataAbsentReason": {"coding": [{"code": "masked"}]}}],
    ),
    link=[{"relation": "self", "url": "x"}],
)
STRANGE = (
    None,
    True,
    1.5,
    "",
    "#",
    [],
    {},
    [None],
    [[]],
    {"reference": []},
    {"value": {}},
    [{"code": []}],
)


@pytest.mark.parametrize("resource", ["QuestionnaireResponse", "Observation"])
def test_whatever_stands_where_it_should_not_is_an_error_of_the_file(read, resource):
    """Each node of a bundle in turn is something else: the file is read, or refused in words; it
    never stumbles.
    """
    ends = set()
    for path in _nodes(WHOLE):
        for strange in STRANGE:
            try:
                read(json.dumps(_with(WHOLE, path, strange)), resource=resource)
                ends.add("read")
            except DataError:
                ends.add("refused")
    assert ends == {"read", "refused"}
