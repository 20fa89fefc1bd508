"""Further invented files of the kinds that clinics send, each with what is right for it: headings and
totals in five languages, visits, scores by words, codes that hold dates, forms and exports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from outcomes.checks import check
from outcomes.core.errors import DataError
from outcomes.questionnaires import instrument, recognise
from outcomes.readers.drafting.scores import scores_of
from outcomes.readers.files import read_file
from outcomes.readers.privacy import scan
from outcomes.readers.shape.visit_names import in_order, spelling, wide_columns
from outcomes.readers.source import Source
from tests.readers.books import raw
from tests.readers.clinic_files import csv, draft, xlsx

PATIENTS = range(1, 11)
CHANGE = -3.5


def before(p: int) -> int:
    return 7 + p % 3


def after(p: int) -> int:
    return before(p) - 3 - p % 2


def code(p: int) -> str:
    return f"K{p:03d}"


def long(head: str, line: Callable[[int, str, int], str], visits: Sequence[str]) -> str:
    rows = [head]
    for p in PATIENTS:
        rows += [line(p, visits[0], before(p)), line(p, visits[1], after(p))]
    return "\n".join(rows)


def wide(head: str, line: Callable[[int], str]) -> str:
    return "\n".join([head, *map(line, PATIENTS)])


# --- who the patient is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        "Patientnr;Meetmoment;NRS gemiddeld",
        "PatNr;Visite;NRS",
        "cod_paciente;Visita;EVN",
        "Nº doente;Consulta;Dor (END)",
        "Code patient;Visite;EN douleur moyenne",
        "Patientencode;Zeitpunkt;Ø Schmerz (NRS)",
        "Teilnehmerkennung;Erhebung;Schmerz mittel",
        "StudySubjectID;StudyEventOID;NRS_AVG",
        "Subject;FolderName;NRS_AVG",
        "Deelnemerscode;Contact moment;Gem. pijn (NRS)",
        "code;temps;douleur",
        "Pat.-ID;MZP;NRS",
    ],
)
def test_roles_by_headings(tmp_path, head):
    rows = long(head, lambda p, v, x: f"{code(p)};{v};{x},0", ("Baseline", "Week 4"))
    found = draft(csv(tmp_path, rows))
    assert found.study is not None, found.problem
    assert found.study.enrolled == 10 and found.change() == pytest.approx(CHANGE)


def test_the_token_of_a_survey_is_the_patient(tmp_path):
    head = '"id","submitdate","lastpage","startlanguage","token","VISIT","NRS"'
    rows = long(
        head,
        lambda p, v, x: f'"{p}{x}","2025-03-01 10:00:00","3","de","tok{p}","{v}","{x}"',
        ("T0", "T1"),
    )
    found = draft(csv(tmp_path, rows))
    assert found.said["roles"]["patient"] == "token" and found.change() == pytest.approx(CHANGE)


def test_numbers_of_rows_are_nobody(tmp_path):
    rows = ["Nr,visit,nrs_avg"]
    rows += [f"{p},Baseline,{before(p)}" for p in PATIENTS]
    rows += [f"{p + 10},Week 4,{after(p)}" for p in PATIENTS]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.study is None and "Numbers of rows, not of patients: 'Nr'" in found.problem


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (lambda p: f"AB{p + 2:02d}071957", True),
        (lambda p: f"19570{p % 9 + 1}{p + 9:02d}-KL", True),
        (lambda p: f"{(p * 7) % 28 + 1:02d}{p % 12 + 1:02d}{50 + p * 3}", True),
        (lambda p: f"1101{p:02d}", False),
        (lambda p: f"STUDY-{p:06d}", False),
        (lambda p: f"{p * 7919 % 900000 + 100000}", False),
    ],
)
def test_codes_that_hold_a_day(made, named):
    frame = pd.DataFrame({"id": [made(p) for p in PATIENTS]})
    found = scan("scores", frame, ids=["id"])
    assert [f.kind for f in found] == ["date of birth"] * named


@pytest.mark.parametrize(
    "heading",
    [
        *["nome_doente", "contacto", "morada", "NSS", "Init", "Tussenvoegsel", "n_processo"],
        "Nom de naissance",
    ],
)
def test_headings_that_identify(heading):
    frame = pd.DataFrame({"id": ["K1", "K2"], heading: ["q1", "q2"]})
    assert [f.column for f in scan("scores", frame, ids=["id"])] == [heading]


# --- rows that are no patients --------------------------------------------------------------------

ROWS = wide("patient_id,nrs_pre,nrs_post", lambda p: f"{code(p)},{before(p)},{after(p)}")


@pytest.mark.parametrize(
    "lines",
    [
        ["N,10,10", "Mean,8.0,4.5", "SD,0.8,0.5", "Min,7,4", "Max,9,5", "p (t test),,<0.001"],
        ["Média,8,4.5", "Desvio padrão,1,0.5", "Mínimo,7,4", "Máximo,9,5"],
        ["Gemiddelde,8,4.5", "Standaarddeviatie,1,0.5", "Aantal,10,10"],
        ["Promedio,8,4.5", "Desv. est.,1,0.5", "Mínimo,7,4", "Máximo,9,5"],
        ["Moy.,8,4.5", "E.T.,1,0.5", "Méd.,8,4", "Effectif total,10,10"],
        ["MW,8,4.5", "Stabw.,1,0.5", "Anz.,10,10", "Ø,8,4.5"],
    ],
    ids=lambda lines: lines[0],
)
def test_totals_in_five_languages(tmp_path, lines):
    found = draft(csv(tmp_path, "\n".join([ROWS, *lines])))
    assert found.study is not None, found.problem
    assert found.study.enrolled == 10 and found.change() == pytest.approx(CHANGE)
    [note] = [i for i in found.study.issues if i.rule == "summary_row"]
    assert note.count == len(lines)


def test_short_labels_below_codes_with_digits_are_left_out_and_listed(tmp_path):
    table = read_file(Source(csv(tmp_path, "\n".join([ROWS, "XY,8,4.5", "QZ,1,0.5"]))))
    [note] = [n for n in table.notes if n.rule == "below_the_table"]
    assert len(table) == 10 and "rows (12, 13) left out" in note.message
    assert "last = 13" in note.message


def test_records_of_a_test_are_named(tmp_path):
    found = draft(csv(tmp_path, "\n".join([ROWS, "Test01,0,0", "Muster-Patient 2,1,1"])))
    [note] = [i for i in found.study.issues if i.rule == "test_record"]
    assert note.addresses == ("row 12", "row 13") and "include under [study]" in note.message


# --- below the cell -------------------------------------------------------------------------------


def test_formulas_that_were_never_calculated_are_said(tmp_path):
    rows: list[list[Any]] = [["id", "nrs_pre", "nrs_post"]]
    rows += [[code(p), before(p), f"=B{p + 1}-3"] for p in PATIENTS]
    found = draft(xlsx(tmp_path, rows))
    [note] = [i for i in found.study.issues if i.rule == "error_cell"]
    assert note.count == 10 and "never calculated" in note.message and note.addresses[0] == "C2"
    empty = raw(
        tmp_path / "text.xlsx",
        '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is>'
        '<t>nrs</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>K1</t></is></c>'
        '<c r="B2" t="str"><f>IF(1,"",2)</f><v></v></c></row>',
    )
    assert read_file(Source(empty, header=1))["nrs"].tolist() == [
        ""
    ]  # a formula that gives no text


def test_small_numbers_in_the_format_of_a_date_are_named(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "nrs_pre", "nrs_post"])
    for p in PATIENTS:
        book.active.append([code(p), before(p), after(p)])
        book.active.cell(p + 1, 3).number_format = "dd/mm/yyyy"
    book.save(tmp_path / "dates.xlsx")
    found = draft(tmp_path / "dates.xlsx")
    [note] = [i for i in found.study.issues if i.rule == "date_as_score"]
    assert note.count == 10 and "format 'General'" in note.message


# --- visits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heads", "visits"),
    [
        ("id nrsPre nrsPost", {"nrs": ["pre", "post"]}),
        ("id NRSpre NRSpost", {"NRS": ["pre", "post"]}),
        ("id V1_nrs_avg V2_nrs_avg", {"nrs_avg": ["v1", "v2"]}),
        ("id nrs_v1 nrs_v2 phq_v1 phq_v2", {"nrs": ["v1", "v2"], "phq": ["v1", "v2"]}),
        ("id eq5d_d1 eq5d_d2 T1_1 T2_1", {}),
        (
            "id nrs_pre nrs_post phq_before phq_after",
            {"nrs": ["pre", "post"], "phq": ["pre", "post"]},
        ),
        (
            "id nrs_baseline nrs_pre nrs_post phq_before phq_after",
            {"nrs": ["baseline", "pre", "post"], "phq": ["before", "after"]},
        ),
    ],
)
def test_visits_in_headings(heads, visits):
    found = wide_columns(heads.split())
    assert {s: list(by) for s, by in found.items()} == visits


def test_before_an_infusion_and_before_are_one_visit(tmp_path):
    rows = wide(
        "id,NRS before infusion,NRS after infusion,PHQ-9 before,PHQ-9 after",
        lambda p: f"{code(p)},{before(p)},{after(p)},{12 + p % 3},8",
    )
    found = draft(csv(tmp_path, rows))
    assert found.study.visits == ("before_infusion", "after_infusion")
    assert found.change() == pytest.approx(CHANGE) and found.change("phq9_total") == -5


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (["Day 0", "Day -7", "Day 28"], ["Day -7", "Day 0", "Day 28"]),
        (["4", "-2", "0"], ["-2", "0", "4"]),
        (["Week-4", "Baseline"], ["Baseline", "Week-4"]),
        (["Aufnahme", "Entlassung", "3 Monate"], ["Aufnahme", "Entlassung", "3 Monate"]),
        (["Discharge", "Week 4", "Admission"], ["Admission", "Week 4", "Discharge"]),
    ],
)
def test_order_of_visits(given, order):
    assert list(in_order(given)[0]) == order
    assert spelling("Day -1") != spelling("Day 1")


def test_eq5d_profiles_under_the_name_of_the_index(tmp_path):
    rows = wide("id,eq5d_pre,eq5d_post", lambda p: f"{code(p)},{21232 + p % 2},11111")
    assert "They are profiles (five digits a cell)" in draft(csv(tmp_path, rows)).text


@pytest.mark.parametrize("late", [("12 weeks", "3 months"), ("4 Wochen", "1 Monat")])
def test_one_visit_in_two_units(tmp_path, late):
    rows = long(
        "id,visit,nrs_avg",
        lambda p, v, x: f"{code(p)},{late[p % 2] if v == 'late' else v},{x}",
        ("baseline", "late"),
    )
    found = draft(csv(tmp_path, rows))
    assert "one visit in several spellings" in found.text and len(found.study.visits) == 2
    assert found.change() == pytest.approx(CHANGE)
    both = rows + f"\nK011,{late[0]},4\nK011,{late[1]},3"
    assert "several spellings" not in draft(csv(tmp_path, both, "both.csv")).text


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "item"),
    [
        ("EVN", "average"),
        ("Schmerz (NRS)", "average"),
        ("Ø Schmerz (NRS)", "average"),
        ("NRS Mittel", "average"),
        ("Dor (END)", "average"),
        ("Schmerzstärke", "average"),
        ("How strong was your pain on average? (0 = no pain, 10 = worst)", "average"),
        ("Worst pain: 0 = none, 10 = worst imaginable", "worst"),
        ("pain interference", ""),
        ("pain in the left knee", ""),
        ("Schmerzmedikation", ""),
    ],
)
def test_pain_by_words(heading, item):
    cells = pd.Series(["7", "4", "0"])
    hits = [h for h in scores_of([heading], lambda name: cells) if h.instrument == "pain_nrs"]
    assert [list(h.items) for h in hits] == ([[item]] if item else [])


@pytest.mark.parametrize(
    ("columns", "kind", "items"),
    [
        ([f"PHQ01{i:02d}" for i in range(1, 11)], "phq9", 9),
        ([f"GAD01{i:02d}" for i in range(1, 8)], "gad7", 7),
        (["BPI0103", "BPI0104", "BPI0105", "BPI0106", "BPI0109A", "BPI0109G"], "bpi_sf", 6),
        ([f"EQ5D02{i:02d}" for i in range(1, 6)], "eq5d5l", 5),
        ([f"QIDS02{i:02d}" for i in range(1, 17)], "qids_sr16", 16),
        ([f"PHQ9[SQ{i:03d}]" for i in range(1, 10)], "phq9", 9),
        ([f"PHQ-9 Frage {i}" for i in range(1, 10)], "phq9", 9),
    ],
)
def test_items_by_test_codes_and_questions(columns, kind, items):
    [found] = recognise(columns)
    assert found.instrument == kind and len(found.items) == items
    assert found.items[instrument(kind).items[0].code] == columns[0]


@pytest.mark.parametrize(
    "words",
    [
        ("Helemaal niet", "Verscheidene dagen", "Meer dan de helft van de dagen", "Bijna elke dag"),
        ("Nenhuma vez", "Vários dias", "Mais de metade dos dias", "Quase todos os dias"),
    ],
)
def test_answers_in_words(tmp_path, words):
    rows = ["id;visit;" + ";".join(f"phq9_{i}" for i in range(1, 10))]
    rows += [
        f"{code(p)};{v};" + ";".join([words[n]] * 9)
        for p in PATIENTS
        for v, n in (("T0", 2), ("T1", 1))
    ]
    assert draft(csv(tmp_path, "\n".join(rows))).change("phq9_total") == -9


def test_a_slip_of_the_pen_is_proposed_and_not_taken(tmp_path):
    words = ("Not at all", "Several days", "More than half the days", "Nearly every day")
    rows = ["id;visit;" + ";".join(f"phq9_{i}" for i in range(1, 10))]
    for p in PATIENTS:
        rows += [
            f"{code(p)};{v};" + ";".join(words[(p + i) % 4] for i in range(9)) for v in ("T0", "T1")
        ]
    rows[1] = rows[1].replace("Nearly every day", "Nearly evry day", 1)
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert '"Nearly evry day" = 3' in found.text
    assert "Nearly evry day" not in found.said["instruments"]["phq9"]["answers"]


@pytest.mark.parametrize(
    "word", ["k.A.", "fehlt", "Sin dato", "non renseigné", "niet ingevuld", "s/d"]
)
def test_words_for_missing_are_proposed(tmp_path, word):
    rows = wide(
        "id;nrs_pre;nrs_post", lambda p: f"{code(p)};{before(p)};{word if p == 4 else after(p)}"
    )
    assert draft(csv(tmp_path, rows)).said["data"]["missing"] == [word]


# --- exports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        "Patientennr;Zeitpunkt;Parameter;Wert;Einheit",
        "cod_paciente;Visita;Escala;Resultado;Unidad",
        "Deelnemer;Meetmoment;Vragenlijst;Uitslag;Eenheid",
    ],
)
def test_names_and_values_in_five_languages(tmp_path, head):
    rows = [head]
    for p in PATIENTS:
        for v, x in (("T0", before(p)), ("T1", after(p))):
            rows += [f"{code(p)};{v};NRS;{x};P", f"{code(p)};{v};PHQ-9;{10 + p % 4};P"]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.study is not None, found.problem
    assert found.change() == pytest.approx(CHANGE) and "phq9_total" in found.study.outcome_names


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.omv", "a jamovi file: in jamovi, File > Export"),
        ("a.jasp", "a JASP file"),
        ("a.pzfx", "a GraphPad Prism file"),
    ],
)
def test_files_of_statistics_programs_that_are_not_read(tmp_path, name, says):
    Path(tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=says):
        read_file(Source(tmp_path / name))


def test_rows_with_dates_and_one_visit_say_what_to_add(tmp_path):
    rows = ["id,date,infusion_no,nrs_avg"]
    for p in PATIENTS:
        days = ((1, before(p)), (2 + p, 5), (3 + p, 4))
        rows += [f"{code(p)},2025-03-{d:02d},{i},{x}" for i, (d, x) in enumerate(days)]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.study is None and "say there which days are which visit" in found.problem
    assert '# several = "closest"' in found.text


def test_every_rule_that_is_said_is_in_the_check(tmp_path):
    found = draft(csv(tmp_path, "\n".join([ROWS, "Test01,0,0"])))
    assert "test_record" in set(check(found.study)["rule"])
