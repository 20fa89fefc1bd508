"""Small invented files as other programs, countries and people write them, and what is right for
each: ten patients, pain 7 or 8 before and 4 or 5 after, mean change -2.9.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from outcomes.core.errors import DataError, StudyError
from outcomes.readers import read_study, read_table
from outcomes.readers.dates import date_reader
from tests.readers import clinic_files
from tests.readers.clinic_files import Drafted, csv, xlsx
from tests.readers.test_every_cell import lost_cells

PATIENTS = range(1, 11)


def draft(path: Path) -> Drafted:
    """What `outcomes init` makes of a file, of which no cell may be lost."""
    found = clinic_files.draft(path)
    if found.study is not None:
        assert not lost_cells(path)
    return found


CHANGE = -2.9


def before(p: int) -> int:
    return 8 - p % 2


def after(p: int) -> int:
    return 5 - p % 3 % 2


def long(
    head: str = "patient_id,visit,nrs_avg",
    visits: tuple[str, str] = ("baseline", "week 4"),
    write: Callable[[int], str] = str,
    sep: str = ",",
) -> str:
    rows = [head]
    for p in PATIENTS:
        rows += [f"K{p:03d}{sep}{visits[0]}{sep}{write(before(p))}"]
        rows += [f"K{p:03d}{sep}{visits[1]}{sep}{write(after(p))}"]
    return "\n".join(rows)


def in_digits(zero: str) -> Callable[[int], str]:
    return lambda n: "".join(chr(ord(zero) + int(d)) for d in str(n))


# --- how numbers are written ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        in_digits("٠"),
        in_digits("۰"),
        in_digits("०"),
        in_digits("０"),
        lambda n: f"{n}/10",
        lambda n: f"{n} points",
        lambda n: f"{n} Pkt.",
        lambda n: f"{n} Punkte",
        lambda n: f"{n} puntos",
        lambda n: f"{n}.0",
    ],
)
def test_ways_to_write_a_rating(tmp_path, write):
    assert draft(csv(tmp_path, long(write=write))).change() == pytest.approx(CHANGE)


@pytest.mark.parametrize("write", [lambda n: f"{n}0 mm", lambda n: f"{n} cm", lambda n: f"{n},0cm"])
def test_lengths_on_a_visual_analogue_scale(tmp_path, write):
    found = draft(csv(tmp_path, long("patient_id;visit;VAS pain", write=write, sep=";")))
    assert found.change("pain_vas_mm") == pytest.approx(10 * CHANGE)


def test_a_length_is_no_answer_of_another_scale(tmp_path):
    file = csv(tmp_path, long("patient_id,visit,phq9_total", write=lambda n: f"{n} mm"))
    study = read_table(
        file, patient="patient_id", visit="visit", instruments={"phq9": {"total": "phq9_total"}}
    )
    assert study.columns.set_index("column").loc["phq9_total", "unparseable"] == 20


@pytest.mark.parametrize("cell", ["5-6", ">8", "five", "7 (mild)", "~7", "7±1"])
def test_what_is_no_number_is_listed_by_its_cell(tmp_path, cell):
    text = long().replace("K002,week 4,5", f"K002,week 4,{cell}")
    study = draft(csv(tmp_path, text)).study
    [note] = [i for i in study.issues if i.rule == "unparseable"]
    assert note.addresses == ("row 5, column nrs_avg",)


@pytest.mark.parametrize(
    "error", ["#NV", "#WERT!", "#VALEUR!", "#N/D", "#¡VALOR!", "#NOME?", "#WAARDE!", "#N/B"]
)
def test_errors_of_spreadsheets_in_other_languages(tmp_path, error):
    text = long().replace("K002,week 4,5", f"K002,week 4,{error}")
    [note] = [i for i in draft(csv(tmp_path, text)).study.issues if i.rule == "error_cell"]
    assert note.addresses == ("row 5, column nrs_avg",)


@pytest.mark.parametrize("write", [lambda n: f"{n}0%", lambda n: f"{n}0,0 %", lambda n: f"{n}0"])
def test_percentages(tmp_path, write):
    found = draft(csv(tmp_path, long("Patient;Visit;ODI (%)", write=write, sep=";")))
    assert found.change("odi_percent") == pytest.approx(10 * CHANGE)


# --- dates ----------------------------------------------------------------------------------------

MONATE = ["Januar", "Februar", "März", "April", "Mai", "Juni"]
MOIS = ["janvier", "février", "mars", "avril", "mai", "juin"]


@pytest.mark.parametrize(
    "write",
    [
        lambda d: d.strftime("%d.%m.%Y"),
        lambda d: d.strftime("%m/%d/%Y"),
        lambda d: d.strftime("%Y%m%d"),
        lambda d: d.strftime("%d-%b-%Y"),
        lambda d: d.strftime("%Y/%m/%d"),
        lambda d: d.strftime("%d.%m.%y"),
        lambda d: d.strftime("%d/%m/%y"),
        lambda d: d.strftime("%b %d %Y"),
        lambda d: d.strftime('"%B %d, %Y"'),
        lambda d: f"{d.day}. {MONATE[d.month - 1]} {d.year}",
        lambda d: f"{d.day} {MOIS[d.month - 1]} {d.year}",
        lambda d: str((d - datetime.date(1899, 12, 30)).days),
    ],
)
def test_dates_in_place_of_visits(tmp_path, write):
    rows = ["patient_id,date,nrs_avg"]
    for p in PATIENTS:
        start = datetime.date(2025, 3, 10) + datetime.timedelta(days=p)
        later = start + datetime.timedelta(days=28 + p % 3)
        rows += [f"K{p:03d},{write(start)},{before(p)}", f"K{p:03d},{write(later)},{after(p)}"]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.said["roles"] == {"patient": "patient_id", "date": "date"}
    assert found.study.visits == ("baseline", "week_4")
    assert found.change() == pytest.approx(CHANGE)


def test_a_year_first_of_two_figures_is_not_read_as_a_day():
    read = date_reader(["24/01/03", "24/02/17", "24/05/09", "25/01/12"])
    assert read("24/01/03") is None and date_reader(["03/01/24", "17/02/24"])("17/02/24")


# --- visits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "visits",
    [
        ("T0", "T1"),
        ("V1 - Screening", "V3 - Week 4"),
        ("Visita basale", "4 settimane"),
        ("Inclusion", "S4"),
        ("Basal", "Semana 4"),
        ("Voormeting", "Nameting"),
        ("D1", "D28"),
        ("Vor der Infusion", "4 Wochen nach Infusion"),
        ("J0", "J28"),
        ("Día 0", "Día 28"),
        ("初診", "4週後"),
        ("Consulta inicial", "Retorno"),
    ],
)
def test_visits_as_clinics_call_them(tmp_path, visits):
    found = draft(csv(tmp_path, long(visits=visits)))
    assert found.study.visits == visits and found.change() == pytest.approx(CHANGE)


def test_a_group_in_the_names_of_visits_is_said_and_is_no_visit(tmp_path):
    rows = ["patient_id,visit,nrs_avg"]
    for p in PATIENTS:
        arm = ("Placebo", "Ketamine")[p % 2]
        rows += [f"K{p:03d},{arm} - Baseline,{before(p)}", f"K{p:03d},{arm} - Week 4,{after(p)}"]
    file = csv(tmp_path, "\n".join(rows))
    found = draft(file)
    assert found.study.visits == ("Baseline", "Week 4") and found.change() == pytest.approx(CHANGE)
    assert "also hold a group (Ketamine, Placebo)" in found.text
    with pytest.raises(StudyError, match=r"also hold a group \(Ketamine, Placebo\)"):
        read_table(
            file,
            patient="patient_id",
            visit="visit",
            instruments={"pain_nrs": {"average": "nrs_avg"}},
        )


def test_several_rows_at_a_visit_are_asked_about_with_the_line_to_add(tmp_path):
    rows = ["patient_id,visit,date,nrs_avg"]
    for p in PATIENTS:
        rows += [
            f"K{p:03d},baseline,2025-03-{p:02d},{before(p)}",
            f"K{p:03d},week 4,2025-04-{p:02d},{after(p) + 1}",
            f"K{p:03d},week 4,2025-04-{p + 2:02d},{after(p)}",
        ]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.study is None and found.said["roles"]["date"] == "date"
    assert '# several = "last"' in found.text and "[visits] several" in found.problem
    answered = found.text.replace('# several = "last"', 'several = "last"')
    (tmp_path / "study.toml").write_text(answered, encoding="utf-8")
    wide = read_study(tmp_path / "study.toml").wide("pain_nrs_average")
    assert (wide["week 4"] - wide["baseline"]).mean() == pytest.approx(CHANGE)


# --- other programs -------------------------------------------------------------------------------


def twice(line: Callable[[int, str, int], str], head: str) -> str:
    rows = [head]
    for p in PATIENTS:
        rows += [line(p, "Baseline", before(p)), line(p, "Week 4", after(p))]
    return "\n".join(rows)


EXPORTS = {
    "castor": (
        "Castor Participant ID;Participant Status;Site Abbreviation;Visit Name;nrs_avg",
        lambda p, v, x: f"110{p:03d};Active;AMC;{v};{x}",
    ),
    "limesurvey": (
        '"id. Response ID","lastpage. Last page","startlanguage. Start language",'
        '"code. Patientencode","visit. Zeitpunkt","nrs. Durchschnittlicher Schmerz (7 Tage)"',
        lambda p, v, x: f'"{p}{x}","5","de","K{p:03d}","{v}","{x}"',
    ),
    "qualtrics without import ids": (
        "Status,Finished,ResponseId,Q1,Q2,Q3_1\n"
        "Response Type,Finished,Response ID,Study code,Visit,Average pain in the last 7 days",
        lambda p, v, x: f"IP Address,True,R_{p}{v[0]}aZ91,K{p:03d},{v},{x}",
    ),
    "french excel": (
        "N° patient;Visite;Douleur moyenne (EN)",
        lambda p, v, x: f"K{p:03d};{v};{x}",
    ),
    "spanish excel": (
        "Código paciente;Visita;Dolor medio (EVN)",
        lambda p, v, x: f"K{p:03d};{v};{x}",
    ),
    "portuguese excel": (
        "Código do doente;Visita;Dor média (NRS)",
        lambda p, v, x: f"K{p:03d};{v};{x}",
    ),
    "italian excel": (
        "Codice paziente;Visita;Dolore medio (NRS)",
        lambda p, v, x: f"K{p:03d};{v};{x}",
    ),
    "dutch excel": (
        "Deelnemer;Meetmoment;Gemiddelde pijn (NRS)",
        lambda p, v, x: f"K{p:03d};{v};{x}",
    ),
    "german excel": (
        "Probandennummer;Messzeitpunkt;Durchschnittlicher Schmerz",
        lambda p, v, x: f"K{p:03d};{v};{x}",
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_of_other_programs(tmp_path, name):
    head, line = EXPORTS[name]
    found = draft(csv(tmp_path, twice(line, head)))
    assert found.study is not None, found.problem
    assert found.study.enrolled == 10 and found.change() == pytest.approx(CHANGE)


def test_open_clinica_names_columns_by_event_and_form(tmp_path):
    rows = ["SubjectID,NRS_AVG_E1_C1,NRS_AVG_E2_C1"]
    rows += [f"K{p:03d},{before(p)},{after(p)}" for p in PATIENTS]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.study.visits == ("event_1", "event_2")
    assert found.change() == pytest.approx(CHANGE)


def test_numbered_times_of_several_scores(tmp_path):
    rows = ["VPNR;NRS_T1;NRS_T2;PHQ9SUM_T1;PHQ9SUM_T2"]
    rows += [f"{p};{before(p)};{after(p)};{12 + p % 4};{8 + p % 3}" for p in PATIENTS]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.study.visits == ("t1", "t2") and found.change() == pytest.approx(CHANGE)
    alone = draft(csv(tmp_path, "id,isi_t1,isi_t2\n1,3,4\n2,2,1\n3,0,2", "items.csv"))
    assert "wide" not in alone.said  # they may be items


def test_assessment_center_has_one_score_a_row(tmp_path):
    rows = ["PIN,DeploymentID,Assmnt,Inst,ItemID,Response,RawScore,TScore,StdErr"]
    for p in PATIENTS:
        for visit, t in (("Baseline", 66.2), ("Week 4", 58.1)):
            for bank in ("PROMIS Bank v1.1 - Pain Interference", "PROMIS Bank v1.0 - Fatigue"):
                rows.append(f"K{p:03d},D{p},{visit},{bank},,,,{t + p % 3:.1f},2.1")
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.said["roles"] == {"patient": "PIN", "visit": "Assmnt"}
    assert found.change("promis_pi_t_8a") == pytest.approx(-8.1)
    assert found.change("promis_fatigue_t_8a") == pytest.approx(-8.1)


def test_a_record_number_of_a_hospital_is_named_and_never_dropped(tmp_path):
    rows = ["PAT_MRN_ID,CONTACT_DATE,FLO_MEAS_NAME,MEAS_VALUE"]
    for p in PATIENTS:
        for day, x in (("2025-03-10", before(p)), ("2025-04-07", after(p))):
            rows += [
                f"E{10000 + p},{day},R PAIN SCORE AVERAGE,{x}",
                f"E{10000 + p},{day},R BMI,{x}",
            ]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.said["data"]["scores"]["measure"] == "FLO_MEAS_NAME"
    assert "PAT_MRN_ID" not in found.said["privacy"]["drop"] if "privacy" in found.said else True
    assert "outcomes pseudonyms" in found.problem


# --- what stands beside, above and within ---------------------------------------------------------


def beside(right: list[list[object]]) -> list[list[object]]:
    left: list[list[object]] = [["patient_id", "nrs_pre", "nrs_post"]]
    left += [[f"K{p:03d}", before(p), after(p)] for p in PATIENTS]
    return [[*row, None, *more] for row, more in zip(left, right + [[None]] * 11)]


def test_another_table_beside_the_first_is_left_out_and_listed(tmp_path):
    side = [["event", "mild", "severe"], ["nausea", 3, 1], ["headache", 2, 0], ["dizziness", 4, 1]]
    found = draft(xlsx(tmp_path, beside(side)))
    assert found.change() == pytest.approx(CHANGE)
    [note] = [i for i in found.study.issues if i.rule == "beside_the_table"]
    assert note.addresses == tuple(f"{c}{r}" for r in (1, 2, 3, 4) for c in "EFG")
    assert "mild" not in found.study.scores and "mild" not in found.text


def test_columns_behind_an_empty_one_that_are_of_the_same_patients_stay(tmp_path):
    side = [["phq9_pre", "phq9_post"], *[[12 + p % 3, 8 + p % 2] for p in PATIENTS]]
    found = draft(xlsx(tmp_path, beside(side)))
    assert {"pain_nrs_average", "phq9_total"} <= set(found.study.outcome_names)


def test_two_tables_of_the_same_headings_side_by_side_stop(tmp_path):
    rows = [["patient_id", "visit", "nrs_avg", None, "patient_id", "visit", "nrs_avg"]]
    rows += [
        [f"K{p:03d}", "baseline", before(p), None, f"K{p:03d}", "week 4", after(p)]
        for p in PATIENTS
    ]
    with pytest.raises(DataError, match="Columns E to G repeat the headings .* side by side"):
        draft(xlsx(tmp_path, rows))
    text = "\n".join(",".join("" if c is None else str(c) for c in row) for row in rows)
    with pytest.raises(DataError, match="Columns 5 to 7 repeat the headings"):
        draft(csv(tmp_path, text))


def test_a_patient_in_merged_cells(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["patient_id", "visit", "nrs_avg"])
    for p in PATIENTS:
        sheet.append([f"K{p:03d}", "baseline", before(p)])
        sheet.append([None, "week 4", after(p)])
        sheet.merge_cells(start_row=2 * p, end_row=2 * p + 1, start_column=1, end_column=1)
    book.save(tmp_path / "merged.xlsx")
    assert draft(tmp_path / "merged.xlsx").change() == pytest.approx(CHANGE)


def test_visits_in_merged_cells_over_the_scores(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([None, "Before treatment", None, "4 weeks after", None])
    sheet.append(["Patient", "NRS avg", "PHQ-9", "NRS avg", "PHQ-9"])
    sheet.merge_cells("B1:C1")
    sheet.merge_cells("D1:E1")
    for p in PATIENTS:
        sheet.append([f"K{p:03d}", before(p), 12 + p % 4, after(p), 8 + p % 3])
    book.save(tmp_path / "merged.xlsx")
    assert draft(tmp_path / "merged.xlsx").change() == pytest.approx(CHANGE)


def test_headings_on_every_printed_page(tmp_path):
    lines = long().split("\n")
    lines[9:9] = lines[:1]
    found = draft(csv(tmp_path, "\n".join(lines)))
    assert found.change() == pytest.approx(CHANGE) and "heading_row" in found.rules()


def test_a_block_for_each_patient_stops(tmp_path):
    rows = []
    for p in (1, 2, 3):
        rows += [
            f"Patient,K{p:03d},",
            "Date,NRS,PHQ-9",
            f"2025-03-0{p},7,12",
            f"2025-04-0{p},4,8",
            "",
        ]
    with pytest.raises(DataError, match="last ="):
        draft(csv(tmp_path, "\n".join(rows)))


# --- what codes mean ------------------------------------------------------------------------------


def test_a_rating_of_change_on_the_worse_side_of_patients_who_improved_is_asked_about(tmp_path):
    rows = ["patient_id,visit,nrs_avg,pgic"]
    for p in PATIENTS:
        rows += [f"K{p:03d},baseline,{before(p)},", f"K{p:03d},week 4,{after(p)},{6 + p % 2}"]
    assert "rating_direction" in draft(csv(tmp_path, "\n".join(rows))).rules()
    best = {"6": "1", "7": "2"}
    right = "\n".join(r[:-1] + best.get(r[-1], r[-1]) for r in rows[1:])
    right = f"{rows[0]}\n{right}"
    assert "rating_direction" not in draft(csv(tmp_path, right)).rules()


def test_labels_that_say_the_reverse_are_asked_about(tmp_path):
    rows = ["patient_id,visit,nrs_avg,pgic"]
    for p in PATIENTS:
        word = ("7 = very much improved", "6 = much improved")[p % 2]
        rows += [f"K{p:03d},baseline,{before(p)},", f"K{p:03d},week 4,{after(p)},{word}"]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert "pgic" not in found.said["instruments"] and "Which is right?" in found.text


def test_totals_at_several_visits_are_no_items(tmp_path):
    rows = ["patient_id,phq9_1,phq9_2,phq9_3"]
    rows += [f"K{p:03d},{14 + p % 4},{9 + p % 4},{7 + p % 4}" for p in PATIENTS]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert "phq9" not in found.said["instruments"]
    assert "hold more than an item can" in found.text
    assert '# phq9 = { visit_1 = "phq9_1", visit_2 = "phq9_2", visit_3 = "phq9_3" }' in found.text
    answered = found.text.replace(
        "\n[instruments]", '\n[instruments]\nphq9 = { total = "phq9" }', 1
    )
    answered = answered.replace("# [wide.columns]", "[wide.columns]")
    answered = answered.replace("# phq9 = { visit_1", "phq9 = { visit_1")
    (tmp_path / "study.toml").write_text(answered, encoding="utf-8")
    wide = read_study(tmp_path / "study.toml").wide("phq9_total")
    assert (wide["visit_2"] - wide["visit_1"]).tolist() == [-5.0] * 10


@pytest.mark.parametrize(
    ("column", "outcome"), [("tsk11", "tsk_total_11"), ("tsk_17_total", "tsk_total_17")]
)
def test_versions_by_name(tmp_path, column, outcome):
    text = long(f"patient_id,visit,{column}", write=lambda n: str(20 + n))
    assert outcome in draft(csv(tmp_path, text)).study.outcome_names


@pytest.mark.parametrize("prefix", ["gad7", "phq9"])
def test_items_from_1(tmp_path, prefix):
    items = int(prefix[-1])
    rows = ["patient_id,visit," + ",".join(f"{prefix}_{i}" for i in range(1, items + 1))]
    for p in PATIENTS:
        for visit, low in (("baseline", 2), ("week 4", 1)):
            cells = ",".join(str(low + (p + i) % 3) for i in range(items))
            rows.append(f"K{p:03d},{visit},{cells}")
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert "suspicious_coding" in found.rules() and "shift = -1" in found.text


def test_raw_sums_of_promis_are_no_t_scores(tmp_path):
    text = long("patient_id,visit,promis_pain_interference", write=lambda n: str(8 + n))
    found = draft(csv(tmp_path, text))
    assert found.study is None and "look like raw sums" in found.text


def test_who_5_is_better_when_higher(tmp_path):
    text = long("patient_id,visit,who5", write=lambda n: str(100 - 10 * n))
    study = draft(csv(tmp_path, text)).study
    assert study.outcome("who5_percent").better == "higher"


def test_codes_unique_within_a_site(tmp_path):
    rows = ["site,id,visit,nrs_avg"]
    for site in "NS":
        for p in PATIENTS:
            rows += [f"{site},{p},baseline,{before(p)}", f"{site},{p},week 4,{after(p)}"]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.said["roles"]["patient"] == ["site", "id"] and found.study.enrolled == 20


def test_names_of_people_in_german_headings_are_dropped(tmp_path):
    rows = ["Nr;Nachname;Vorname;GebDat;NRS vorher;NRS nachher"]
    rows += [f"{p};Xy{p};Zz{p};01.02.1960;{before(p)};{after(p)}" for p in PATIENTS]
    found = draft(csv(tmp_path, "\n".join(rows)))
    assert found.said["privacy"]["drop"] == ["Nachname", "Vorname", "GebDat"]
    assert found.change() == pytest.approx(CHANGE)
