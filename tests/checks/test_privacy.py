"""The privacy scan finds what identifies, leaves scores alone, and shows no value."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from outcomes.readers.privacy import CLEAN, message, scan
from tests.shared import DATA, PUBLISHED


def kinds(column, values, **options):
    return [f.kind for f in scan("t", pd.DataFrame({column: values}, dtype=str), **options)]


@pytest.mark.parametrize(
    "column, kind",
    [
        ("Name", "name"),
        ("patient_name", "name"),
        ("firstName", "name"),
        ("Nachname", "name"),
        ("prénom", "name"),
        ("Apellidos", "name"),
        ("achternaam", "name"),
        ("cognome", "name"),
        ("sobrenome", "name"),
        ("initials", "name"),
        ("initials_of_site", "name"),
        ("DOB", "date of birth"),
        ("Geburtsdatum", "date of birth"),
        ("date de naissance", "date of birth"),
        ("fecha_nacimiento", "date of birth"),
        ("geboortedatum", "date of birth"),
        ("data_di_nascita", "date of birth"),
        ("Data de Nascimento", "date of birth"),
        ("MRN", "record number"),
        ("hospital_number", "record number"),
        ("Patientennummer", "record number"),
        ("SSN", "national or social security number"),
        ("NHS number", "national or social security number"),
        ("BSN", "national or social security number"),
        ("codice fiscale", "national or social security number"),
        ("CPF", "national or social security number"),
        ("DNI", "national or social security number"),
        ("phone", "phone or fax"),
        ("Telefonnummer", "phone or fax"),
        ("RecipientEmail", "e-mail"),
        ("IPAddress", "web or network address"),
        ("zip_code", "geography"),
        ("PLZ", "geography"),
        ("code postal", "geography"),
        ("Straße", "geography"),
        ("LocationLatitude", "geography"),
        ("insurance_number", "health plan or account number"),
        ("passport", "licence, vehicle or device number"),
        ("photo", "biometric or photograph"),
        ("comments", "free text"),
        ("Bemerkungen", "free text"),
        ("Other (please specify)", "free text"),
    ],
)
def test_names_of_columns_in_many_languages(column, kind):
    assert kinds(column, ["x", ""]) == [kind]
    assert kinds(column, ["", ""]) == []  # nothing in it, nothing to hide


@pytest.mark.parametrize(
    "values, kind",
    [
        (["a@b.org", "", "7"], "e-mail"),
        (["write to jo.doe@clinic.example.org please"], "e-mail"),
        (["https://x.org/1"], "web or network address"),
        (["203.0.113.7", "7"], "web or network address"),
        (["2001:db8::ff00:42:8329"], "web or network address"),
        (["219-09-9999"], "national or social security number"),
        (
            ["9434765919", "943 476 5919", "4010232137"],
            "national or social security number",
        ),  # NHS check digits
        (
            ["111222333", "123456782", "999999990"],
            "national or social security number",
        ),  # Dutch eleven-test
        (
            ["529.982.247-25", "111.444.777-35", "123.456.789-09"],
            "national or social security number",
        ),  # Brazilian CPF
        (
            ["12345678Z", "00000000T", "X1234567L"],
            "national or social security number",
        ),  # Spanish DNI, NIE
        (
            ["255081416802538", "255081416802538 "],
            "national or social security number",
        ),  # French NIR
        (["RSSMRA85T10A562S"], "national or social security number"),  # Italian codice fiscale
        (
            ["A123456780", "B123456782", "C123456784"],
            "health plan or account number",
        ),  # German KVNR
        (["+44 20 7946 0958", "+49 30 123456"], "phone or fax"),
        (["(555) 123-4567", "555-123-4567"], "phone or fax"),
        (["2024-03-04", "2024-03-05"], "date"),
        (["18/03/2024 08:11", "04.03.2024"], "date"),
        (["04MAR2024", "5 Mar 2024"], "date"),
        (["12345-6789", "12345-6780"], "geography"),
        (["SW1A 1AA", "M1 1AE"], "geography"),
        (["d41d8cd98f00b204e9800998ecf8427e"] * 3, "unique code"),
        (
            [
                "the patient said that the pain was worse when it rained and better after sleeping"
                " in a warm bed"
            ],
            "free text",
        ),
        (["lower back\nand both legs"], "free text"),
        (["Jane Doe", "John Smith", "Ann Other", "Max Muster", "Eva Muster"], "name"),
    ],
)
def test_values_that_identify(values, kind):
    assert kinds("x", values) == [kind]


@pytest.mark.parametrize(
    "column, values",
    [
        ("patient_id", ["001", "002", "P240"]),
        ("nrs", ["7", "6,5", "7/10", "8-9", ">8", ""]),
        ("visit", ["baseline", "week_4", "1 month after"]),
        ("eq5d", ["11111", "12345", "55555"]),
        ("age", ["47", "89"]),
        ("age_band", ["30-39", "80+"]),
        ("dose", ["0.5 mg/kg", "0.25 mg/kg"]),
        ("drug_name", ["ketamine", "placebo"]),
        ("event_name", ["baseline_arm_1"]),
        ("redcap_event_name", ["x"]),
        ("route", ["IV", "intranasal"]),
        ("site", ["A", "B"]),
        ("country", ["NL"]),
        ("mobility", ["1", "2"]),
        ("infusion_date", ["2024", "2023"]),
        ("month", ["2024-03", "2024-04"]),
        ("diagnosis", ["complex regional pain syndrome", "neuropathic pain"] * 4),
        ("time", ["08:11", "09:02"]),
        ("notes", ["14", "12", "9"]),
        ("patient_id", ["123456789", "223456781", "323456785", "423456783"]),
        ("pain", ["1234567890", "2234567890", "3234567890"]),
        ("pgic", ["Very much improved", "Much improved", "No change"]),
        ("score", ["2024-10-07", "7", "8", "6", "5"]),
        ("version", ["1.2.3", "1.2.4"]),
    ],
)
def test_ordinary_columns_are_left_alone(column, values):
    assert kinds(column, values, ids=["patient_id"]) == []


def test_ages_above_89_dates_by_name_and_surnames_among_codes():
    assert kinds("Age", ["47", "91"]) == ["age over 89"] and kinds("alter", ["91,5"]) == [
        "age over 89"
    ]
    assert kinds("infusion_date", ["2024-03-04", "", "unknown"]) == ["date"]
    assert (
        kinds("record_id", ["K001", "Müller"], ids=["record_id"]) == ["name"]
        and kinds("record_id", ["K001", "Müller"]) == []
    )


def test_columns_allowed_or_dropped_by_name_are_not_looked_at():
    frame = pd.DataFrame({"dob": ["1971-02-03"], "mail": ["a@b.org"]})
    assert scan("t", frame, allow=["dob"], drop=["mail"]) == []


def test_no_value_in_words():
    frame = pd.DataFrame(
        {
            "x": ["canary@b.org"],
            "y": ["219-09-9999"],
            "when": ["1971-02-03"],
            "date": ["2031-12-24"],
        }
    )
    found = scan("scores", frame)
    text = message(found) + repr(found)
    assert len(found) == 3
    for value in frame.iloc[0]:
        assert value not in text
    assert '"x", "y", "date"' in text and "HIPAA compliant" not in text + CLEAN


def test_no_false_alarm_on_the_reference_data():
    expected = {
        ("manifest.csv", "description"),
        ("manifest.csv", "origin"),
        ("grp_routes_n096.csv", "age"),
    }
    found = set()
    for path in sorted(DATA.glob("*.csv")) + sorted(PUBLISHED.glob("*/*.csv")):
        text = path.read_bytes().decode("latin-1").removeprefix("ï»¿")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        frame = pd.DataFrame(rows[1:], columns=rows[0], dtype=str)
        found |= {
            (path.name, f.column)
            for f in scan("t", frame, ids=[c for c in frame if c.lower() in ("id", "patient")])
        }
    assert found == expected  # columns of comments, and real ages above 89


NAMES = ("Zebulon Canarybird", "Ottoline Kingfisher", "Peregrine Woodcock", "Xanthe Sandpiper")


def test_names_are_found_also_where_each_stands_in_several_visits() -> None:
    visits = pd.DataFrame({"id": [f"K{i}" for i in range(4)] * 5, "quirk": NAMES * 5})
    assert [f.kind for f in scan("scores", visits, ids=["id"])] == ["name"]
    assert [f.kind for f in scan("scores", visits[:4], ids=["id"])] == ["name"], (
        "four patients are enough"
    )
    shared = pd.DataFrame({"id": [f"K{i}" for i in range(20)], "site": [*NAMES] * 5})
    assert scan("scores", shared, ids=["id"]) == [], (
        "what many patients share (a ward, a diagnosis) names none of them"
    )


def test_an_nhs_column_is_known_by_its_name() -> None:
    assert [
        f.kind for f in scan("patients", pd.DataFrame({"id": ["K1"], "NHS": ["1"]}), ids=["id"])
    ] != []


@pytest.mark.parametrize(
    "column",
    [
        "name_first",
        "name_last",
        "NameLast",
        "lname",
        "fname",
        "pat_name",
        "pt_name",
        "patient_mrn",
        "nhs_num",
        "cell_no",
        "number_phone",
        "dt_birth",
        "Code postal",
        "code_post",
        "number_hospital",
        "birth_date_patient",
    ],
)
def test_identifying_names_are_known_in_any_order_and_abbreviated(column):
    frame = pd.DataFrame({"id": ["K1", "K2"], column: ["x", "y"]})
    assert [f.column for f in scan("scores", frame, ids=["id"])] == [column]


@pytest.mark.parametrize(
    "column",
    ["drug_name", "redcap_event_name", "visit_name", "infusion_number", "no_pain", "case_mix"],
)
def test_ordinary_names_are_left_alone(column):
    frame = pd.DataFrame({"id": ["K1", "K2"], column: ["1", "2"]})
    assert scan("scores", frame, ids=["id"]) == []
