"""Small invented files of the kinds that clinics send, with what is right for each: names, rows that
are no patients, visits in six languages, codes of patients, codings, sheets.
"""

from __future__ import annotations

import openpyxl
import pandas as pd
import pytest

import outcomes as oc
from outcomes.checks import check
from outcomes.core.errors import DataError, StudyError
from outcomes.readers import read_study, read_table
from outcomes.readers.privacy import scan
from outcomes.readers.shape.visit_names import wide_columns
from tests.readers.clinic_files import csv, draft, long_rows, xlsx

VISITS = ("baseline", "week_4")
HEAD = ["patient_id", "visit", "nrs_avg"]
WIDE = [["patient_id", "nrs_pre", "nrs_post"], *([f"K{p:03d}", 8, 5 - p % 2] for p in range(1, 9))]


# --- names ----------------------------------------------------------------------------------------

HEADINGS = """
last_nm pat_surname subject_name fullname given_names preferred_name gp_name contact_name NameFirst
Geburtstag PLZ_Ort Tel_Nr Telefonnr Handynr Versichertennr Hausarzt nom_naissance nom_jeune_fille
date_naiss adresse_patient tel_portable num_secu apellido1 nombres_paciente fecha_nac telefono_movil
dni_nie data_nasc telefono_casa cod_fiscale residenza chart_id patient_phone phone1 dateofbirth
addr_line1 NHSNumber nhsno insurance_nr deviceid signature achternaam_patient geboorte_datum
""".split()  # noqa: SIM905
ORDINARY = """
drug_name site_name event_name mobile_pain mobility phone_visit birth_control initial_dose
visit_name study_name nombre_infusiones nom_medicament last_visit first_dose denominator cap_score
case_mix infusion_number score_name address_of_pain number_of_falls
""".split()  # noqa: SIM905


@pytest.mark.parametrize("heading", HEADINGS)
def test_headings_that_identify(heading):
    frame = pd.DataFrame({"id": ["K1", "K2"], heading: ["q1", "q2"]})
    assert [f.column for f in scan("scores", frame, ids=["id"])] == [heading]


@pytest.mark.parametrize("heading", ORDINARY)
def test_headings_that_do_not(heading):
    frame = pd.DataFrame({"id": ["K1", "K2"], heading: ["3", "5"]})
    assert scan("scores", frame, ids=["id"]) == []


@pytest.mark.parametrize(
    "values",
    [
        "Anna Peter Julia Thomas Maria",
        "anna peter julia thomas maria",
        "Müller Schmidt Weber Fischer Meyer",
        "SMITH JONES TAYLOR BROWN WILSON",
        "Dupont Martin Bernard Petit Durand",
        "García Fernández González Rodríguez López",
        "Rossi Russo Ferrari Esposito Bianchi",
        "anna_mueller peter_schmidt julia_weber",
        "A._Müller P._Schmidt J._Weber",
        "María_José_García_López Juan_Carlos_Pérez_Ruiz Ana_Belén_Torres_Gil",
        "de_Vries van_den_Berg Jansen Bakker Smit",
        "A.M. P.S. J.W. K.L.",
        "Mr_Smith Mrs_Jones Dr_Brown Ms_Taylor",
    ],
)
def test_values_that_are_names(values):
    texts = [v.replace("_", " ") for v in values.split()]
    frame = pd.DataFrame({"id": [f"K{i}" for i in range(len(texts))], "label": texts})
    assert [f.kind for f in scan("scores", frame, ids=["id"])] == ["name"]


@pytest.mark.parametrize(
    "values",
    [
        "Ketamine Lidocaine Gabapentin Pregabalin",
        "Migraine Fibromyalgia CRPS Neuropathy",
        "London Paris Berlin Vienna",
        "April May June",
        "Brown Green Grey White Black",
        "Baker Cook Smith Teacher Nurse",
        "Never Rarely Often Always",
        "Summer Autumn Winter",
    ],
)
def test_values_that_are_words(values):
    frame = pd.DataFrame({"id": list("abcde")[: len(values.split())], "label": values.split()})
    assert scan("scores", frame, ids=["id"]) == []


# --- rows that are no patients --------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "Standardabweichung,0,.5",
        "Écart type,0,.5",
        "Desviación estándar,0,.5",
        "Deviazione standard,0,.5",
        "Número de pacientes,8,8",
        "Numero di pazienti,8,8",
        "Differenz,,3.5",
        "Average pain,8,4.5",
        "Effect size d,,1.2",
        "Responders,,6",
        "t-test,,0.003",
        "Std. Error,0.1,0.2",
        "% improved,,88",
        "p = 0.01,,",
        "Seite 1 von 1,,",
        "Quelle: KIS,,",
        "Legend: 0 = no pain,,",
        "---,---,---",
    ],
)
@pytest.mark.parametrize("gap", [[], [""]])
def test_lines_below_the_table(tmp_path, line, gap):
    rows = [",".join(map(str, r)) for r in WIDE]
    found = draft(csv(tmp_path, "\n".join([*rows, *gap, line])))
    assert found.study.enrolled == 8 and found.change() == -3.5
    [note] = [i for i in found.study.issues if i.addresses and "left out" in i.message]
    assert f"row {10 + len(gap)}" in " ".join(note.addresses)


def test_numbers_below_the_table_without_a_label_stop_with_the_line_to_add(tmp_path):
    rows = [",".join(map(str, r)) for r in WIDE]
    found = draft(csv(tmp_path, "\n".join([*rows, ",8,4.5"])))
    assert found.study is None and "row 10. Fill in the patient" in found.problem
    assert "say last = 9 beside the file's name" in found.problem


def test_a_surname_among_codes_is_named_by_its_row(tmp_path):
    found = draft(csv(tmp_path, [*WIDE, ["Huber", 7, 6]]))
    assert "codes that look like surnames: row 10" in found.problem
    assert "If these rows are no patients" in found.problem and "Huber" not in found.problem


# --- visits ---------------------------------------------------------------------------------------

LANGUAGES = [
    ("Ausgangswert", "nach 4 Wochen"),
    ("Aufnahme", "4 Wochen"),
    ("vor Therapie", "nach Therapie"),
    ("Eingang", "Verlauf"),
    ("vorher", "nachher"),
    ("prä", "post"),
    ("Inclusion", "Semaine 4"),
    ("J0", "J28"),
    ("S0", "S4", "S12"),
    ("avant traitement", "après traitement"),
    ("Visite initiale", "Visite finale"),
    ("Basal", "Semana 4"),
    ("Visita basal", "Visita 4 semanas"),
    ("Línea base", "1 mes"),
    ("Linha de base", "Semana 4"),
    ("Basale", "Settimana 4"),
    ("Ingresso", "Dimissione"),
    ("Nulmeting", "Week 4"),
    ("start", "na 4 weken"),
    ("Enrolment", "Month 1"),
    ("Initial visit", "4-week follow-up"),
    ("Pre-infusion", "1 month post-infusion", "3 months post-infusion"),
    ("Time 1", "Time 2"),
    ("BL", "FU1", "FU2"),
]


@pytest.mark.parametrize("visits", LANGUAGES, ids=lambda v: v[0])
def test_visits_come_in_their_order_whatever_the_order_of_the_file(tmp_path, visits):
    rows = [[f"K{p}", v, (8, 5, 4)[visits.index(v)]] for p in range(1, 6) for v in reversed(visits)]
    found = draft(csv(tmp_path, [HEAD, *rows]))
    assert found.study.visits == visits and found.study.baseline == visits[0]
    assert found.change() == {2: -3, 3: -4}[len(visits)]


@pytest.mark.parametrize("visits", LANGUAGES, ids=lambda v: v[0])
def test_the_same_visits_in_headings(tmp_path, visits):
    head = ["patient_id", *(f"NRS {v}" for v in reversed(visits))]
    rows = [[f"K{p}", *[(8, 5, 4)[visits.index(v)] for v in reversed(visits)]] for p in range(5)]
    found = draft(csv(tmp_path, [head, *rows]))
    assert len(found.study.visits) == len(visits)
    assert found.change() == {2: -3, 3: -4}[len(visits)]


@pytest.mark.parametrize(
    "headings",
    ["id pain_time dose_time", "id reaction time", "id Time1 Time2", "id Start_dose Final_dose"],
)
def test_headings_that_are_no_visits(headings):
    assert wide_columns(headings.split()) == {}


@pytest.mark.parametrize("visits", [("week_4", "week_12"), ("week_4", "Erhebung"), ("4", "12")])
def test_no_visit_is_taken_for_the_baseline_that_its_name_puts_later(tmp_path, visits):
    rows = [[f"K{p}", v, 5 - k] for p in range(5) for k, v in enumerate(visits)]
    found = draft(csv(tmp_path, [HEAD, *rows]))
    assert found.study is None and "which is, under [visits] baseline" in found.problem
    assert "baseline" not in found.said["visits"]


BESIDE = [
    [*HEAD, "base_pain", "sex"],
    *(
        [f"K{p}", v, 5 - k, 8 + p % 2, "f"]
        for p in range(5)
        for k, v in enumerate(("week_4", "week_12"))
    ),
]


def test_a_baseline_in_a_column_beside_later_visits(tmp_path):
    path = csv(tmp_path, BESIDE)
    found = draft(path)
    assert found.said["visits"]["baseline_columns"] == {"nrs_avg": "base_pain"}
    assert found.study.visits == ("baseline", "week_4", "week_12") and found.change() == -4.4
    (tmp_path / "study.toml").write_text(found.text)
    study = read_study(tmp_path / "study.toml")
    assert study.characteristic("sex").tolist() == ["f"] * 5
    [row] = [r for r in study.columns.to_dict("records") if r["column"] == "nrs_avg"]
    assert row["parsed"] == 15 and study.record.rows[0] == "row 2"


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda rows: [*rows[:1], [*rows[1][:3], 1, "f"], *rows[2:]], "differ from row to row"),
        (lambda rows: [*rows, ["K1", "baseline", 7, 9, "f"]], "rows of the visit 'baseline'"),
    ],
)
def test_a_baseline_column_that_contradicts(tmp_path, change, words):
    path = csv(tmp_path, change(BESIDE), "other.csv")
    text = draft(csv(tmp_path, BESIDE)).text.replace("scores.csv", path.name)
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises((DataError, StudyError), match=words):
        read_study(tmp_path / "study.toml")


# --- codes of patients ----------------------------------------------------------------------------


def test_codes_in_scientific_notation_stop(tmp_path):
    rows = [["1.23E+11" if p == 3 else 123456789000 + p, v, 5] for p in range(5) for v in VISITS]
    found = draft(csv(tmp_path, [HEAD, *rows]))
    assert "2 patient code(s) in column 'patient_id' are in scientific notation" in found.problem


@pytest.mark.parametrize("head", [("site", "patient"), ("Krankenhaus", "Patient"), ("Sede", "ID")])
def test_codes_within_sites_of_any_name(tmp_path, head):
    rows = [[s, p, v, 8 - 3 * k] for s in "AB" for p in (1, 2, 3) for k, v in enumerate(VISITS)]
    found = draft(csv(tmp_path, [[*head, "visit", "nrs_avg"], *rows]))
    assert found.said["roles"]["patient"] == [*head] and found.study.enrolled == 6


def test_a_record_number_is_named_and_never_dropped(tmp_path):
    found = draft(
        csv(tmp_path, [["MRN", *HEAD[1:]], *[[9 + len(r[0]), *r[1:]] for r in long_rows()]])
    )
    assert "'MRN' names the patient" in found.problem and 'drop = ["MRN"]' not in found.problem


def test_patients_in_columns_are_said(tmp_path):
    found = draft(
        csv(tmp_path, [["score", "K1", "K2", "K3"], ["nrs_pre", 8, 7, 8], ["nrs_post", 5, 4, 4]])
    )
    assert "turn the table on its side" in found.problem


# --- what numbers mean ----------------------------------------------------------------------------


def wide(column, before, after):
    return [["patient_id", f"{column}_pre", f"{column}_post"]] + [
        [f"K{p}", before(p), after(p)] for p in range(7)
    ]


def test_fractions_are_asked_about_and_a_factor_mends_them(tmp_path):
    path = csv(tmp_path, wide("odi", lambda p: 0.5 + p / 50, lambda p: 0.3 + p / 50))
    found = draft(path)
    assert found.study is None and "factor = 100" in found.text
    study = read_table(
        path, patient="patient_id", instruments={"odi": {"percent": "odi", "factor": 100}}
    )
    assert study.wide("odi_percent")["post"].sub(
        study.wide("odi_percent")["pre"]
    ).mean() == pytest.approx(-20)
    assert "factor" in {i.rule for i in study.issues}
    plain = read_table(path, patient="patient_id", instruments={"odi": {"percent": "odi"}})
    assert "fraction_of_scale" in set(check(plain)["rule"])


def test_a_factor_of_items_and_of_other_scores(tmp_path):
    path = csv(tmp_path, wide("nrs", lambda p: 70 + p, lambda p: 40 + p))
    said = {"patient": "patient_id"}
    nrs = read_table(path, **said, instruments={"pain_nrs": {"average": "nrs", "factor": 0.1}})
    assert nrs.columns.query("column == 'nrs'")["outside"].tolist() == [10]  # 7.1 is no half point
    own = read_table(
        path, **said, outcomes={"pk": {"column": "nrs", "better": "lower", "factor": 0.1}}
    )
    assert own.wide("pk")["pre"].tolist() == pytest.approx([7 + p / 10 for p in range(7)])
    with pytest.raises(StudyError, match="factor is a number above 0"):
        read_table(path, **said, outcomes={"pk": {"column": "nrs", "factor": 0}})


def test_a_raw_score_is_no_percentage(tmp_path):
    found = draft(csv(tmp_path, wide("odi_raw", lambda p: 25 + p, lambda p: 15 + p)))
    assert found.study is None and "is called raw" in found.text


def test_profiles_of_the_eq5d_have_no_mean(tmp_path):
    found = draft(csv(tmp_path, wide("eq5d_profile", lambda p: 21232, lambda p: 11121)))
    assert found.study is None and "holds EQ-5D profiles" in found.text


def test_the_version_that_values_do_not_tell_is_asked_about(tmp_path):
    found = draft(csv(tmp_path, wide("TSK", lambda p: 30 + p, lambda p: 22 + p)))
    assert "Which version was used?" in found.text
    sure = draft(csv(tmp_path, wide("tsk17", lambda p: 30 + p, lambda p: 22 + p), "sure.csv"))
    assert "Which version" not in sure.text


@pytest.mark.parametrize("language", ["en", "de"])
def test_words_with_a_number_that_contradicts_them(tmp_path, language):
    from tests.readers.test_codings_of_clinics import WORDS, answers

    words = WORDS[language]
    numbers = answers("phq9", 9, [2, 3, 3], [0, 1, 2])
    rows = [numbers[0], *([*r[:2], *(f"{3 - k} - {words[k]}" for k in r[2:])] for r in numbers[1:])]
    found = draft(csv(tmp_path, rows))
    assert found.study is None and "numbers in the answers differ" in found.text


def test_labels_of_a_dictionary_that_contradict_the_codes(tmp_path):
    from tests.readers.test_codings_of_clinics import answers

    rows = answers("phq9", 9, [3, 2, 3], [1, 0, 0])
    export = csv(
        tmp_path, [["record_id", "redcap_event_name", *rows[0][2:]], *rows[1:]], "export.csv"
    )
    choices = "0, Nearly every day | 1, More than half the days | 2, Several days | 3, Not at all"
    head = '"Variable / Field Name","Form Name","Section Header","Field Type","Field Label","Choices, Calculations, OR Slider Labels","Field Note","Text Validation Type OR Show Slider Number"'
    lines = [head, "record_id,demo,,text,Record,,,"]
    lines += [f'phq9_{k},phq,,radio,Question {k},"{choices}",,' for k in range(1, 10)]
    csv(tmp_path, "\n".join(lines), "export_DataDictionary.csv")
    found = draft(export)
    assert "the file's labels contradict its codes" in found.text and found.study is None
    line = next(x for x in found.text.splitlines() if x.startswith("# phq9 ="))
    assert "answers = { 3 = 0, 2 = 1, 1 = 2, 0 = 3 }" in line


# --- sheets ---------------------------------------------------------------------------------------


def book(folder, sheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        page = made.create_sheet(name)
        for row in rows:
            page.append(list(row))
    made.save(folder / "clinic.xlsx")
    return folder / "clinic.xlsx"


SCORES = [HEAD, *long_rows()]
PATIENTS = [["patient_id", "sex"], *([f"K{p:03d}", "fm"[p % 2]] for p in range(1, 7))]


@pytest.mark.parametrize(
    "first",
    [{"Notes": [["Notes"], ["made in 2025"]]}, {"Codes": [["code", "label"], [1, "f"], [2, "m"]]}],
)
def test_the_sheet_with_the_scores_is_taken_and_the_others_named(tmp_path, first):
    found = draft(book(tmp_path, {**first, "Data": SCORES}))
    assert found.said["data"]["scores"]["sheet"] == "Data" and found.change() == -3
    [note] = [i for i in found.study.issues if i.rule == "other_sheets"]
    assert note.message.endswith(f"{next(iter(first))}.")


def test_patients_on_a_sheet_of_their_own(tmp_path):
    found = draft(book(tmp_path, {"Patients": PATIENTS, "Scores": SCORES}))
    assert found.said["data"]["patients"]["sheet"] == "Patients"
    assert found.study.characteristic("sex").tolist() == ["m", "f"] * 3


def test_two_sheets_of_scores_are_asked_about(tmp_path):
    other = [["patient_id", "phq9_total_pre", "phq9_total_post"], ["K001", 9, 5], ["K002", 8, 4]]
    with pytest.raises(DataError, match="Say which to read"):
        draft(book(tmp_path, {"A": SCORES, "B": other}))


def test_a_workbook_of_one_sheet_names_no_other(tmp_path):
    assert "other_sheets" not in draft(xlsx(tmp_path, SCORES)).rules()


# --- to the end -----------------------------------------------------------------------------------


def test_an_export_of_two_arms_ends_in_a_report(tmp_path):
    rows = [
        [f"R{p:02d}", f"{v}_arm_{1 + p % 2}", 8 - 2 * k - p % 3 * k]
        for p in range(10)
        for k, v in enumerate(VISITS)
    ]
    study = draft(csv(tmp_path, [["record_id", "redcap_event_name", "nrs_avg"], *rows])).study
    question = oc.MannWhitney("pain_nrs_average", before="baseline", after="week_4", by="arm")
    assert "estimation" in question.run(study).pictures
    page = tmp_path / "report.html"
    oc.write_report(study, [question], page)
    assert "arm 1" in page.read_text("utf-8")
