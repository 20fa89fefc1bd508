"""What a study file or read_table may say of columns: labels of codes, one column for two scores,
scores made of scores, parts of a table, who is included.
"""

from __future__ import annotations

import openpyxl
import pandas as pd
import pytest

from outcomes.core.errors import StudyError
from outcomes.readers import read_study, read_table
from tests.readers.clinic_files import csv, long_rows

HEAD = ["patient_id", "visit", "nrs_avg"]
PAIN = {"pain_nrs": {"average": "nrs_avg"}}


def with_sex(tmp_path, cells="1122123"):
    rows = [[*r, cells[int(r[0][1:]) - 1]] for r in long_rows()]
    return csv(tmp_path, [[*HEAD, "sex"], *rows])


def test_codes_are_shown_by_their_labels(tmp_path):
    file = with_sex(tmp_path)
    study = read_table(
        file,
        patient="patient_id",
        visit="visit",
        instruments=PAIN,
        labels={"sex": {"1": "female", "2": "male", "9": "other"}},
    )
    assert study.characteristic("sex").tolist() == [
        "female", "female", "male", "male", "female", "male",
    ]  # fmt: skip
    assert not [i for i in study.issues if i.rule == "code_without_label"]
    (tmp_path / "study.toml").write_text(
        f'[data]\nscores = "{file.name}"\n[roles]\npatient = "patient_id"\nvisit = "visit"\n'
        '[instruments]\npain_nrs = { average = "nrs_avg" }\n'
        '[labels]\nsex = { 1 = "female", 2 = "male" }\n'
        '[study]\ninclude = { sex = "female" }\n',
        encoding="utf-8",
    )
    assert read_study(tmp_path / "study.toml").enrolled == 3


def test_a_code_without_a_label_stays_and_is_listed(tmp_path):
    study = read_table(
        with_sex(tmp_path, "112213"),
        patient="patient_id",
        visit="visit",
        instruments=PAIN,
        labels={"sex": {"1.0": "female", "2": "male"}},
    )
    [note] = [i for i in study.issues if i.rule == "code_without_label"]
    assert note.addresses == ("row 12, column sex", "row 13, column sex")
    assert set(study.characteristic("sex")) == {"female", "male", "3"}


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"gender": {"1": "female"}}, "column 'gender'"),
        ({"nrs_avg": {"1": "mild"}}, "a score, a patient, a visit or an arm"),
        ({"visit": {"baseline": "start"}}, "a score, a patient, a visit or an arm"),
        ({"sex": {"1": "female", "2": "female"}}, "two codes have the label"),
        ({"sex": {}}, "is written as"),
    ],
)
def test_labels_that_cannot_be(tmp_path, labels, words):
    with pytest.raises(StudyError, match=words):
        read_table(
            with_sex(tmp_path),
            patient="patient_id",
            visit="visit",
            instruments=PAIN,
            labels=labels,
        )


def test_one_column_may_be_two_scores(tmp_path):
    file = csv(tmp_path, [HEAD, *long_rows()])
    study = read_table(
        file,
        patient="patient_id",
        visit="visit",
        instruments=PAIN,
        outcomes={"pain_of_100": {"column": "nrs_avg", "better": "lower", "factor": 10}},
    )
    rated, scaled = (study.wide(n).to_numpy() for n in ("pain_nrs_average", "pain_of_100"))
    assert (scaled == 10 * rated).all()
    assert list(study.columns["column"]) == [*HEAD[1:]]  # the cells are counted once


def test_one_column_in_two_instruments(tmp_path):
    study = read_table(
        csv(tmp_path, [HEAD, *long_rows()]),
        patient="patient_id",
        visit="visit",
        instruments={**PAIN, "pain_vas": {"pain": "nrs_avg"}},
    )
    assert (study.wide("pain_nrs_average") == study.wide("pain_vas_mm")).all(axis=None)


def test_summaries_of_promis_29_from_its_t_scores():
    names = ["physical_function", "anxiety", "depression", "fatigue", "sleep_disturbance"]
    names += ["ability_to_participate", "pain_interference"]
    rows = {"patient_id": ["a", "a", "b", "b"], "visit": ["pre", "post"] * 2}
    rows |= {n: [50.0, 52.0, 41.5, 60.2] for n in names} | {"pain_intensity": [7, 5, 6, 2]}
    study = read_table(
        pd.DataFrame(rows),
        patient="patient_id",
        visit="visit",
        visits=["pre", "post"],
        instruments={"promis29": {n: n for n in [*names, "pain_intensity"]}},
    )
    # Hays 2018: pain is the mean of (T - 50) / 10 and (intensity - 2.31) / 2.34
    expected = 50 + 10 * (-0.047 * (7 - 2.31) / 2.34)
    assert study.wide("promis29_physical_summary").loc["a", "pre"] == pytest.approx(expected)
    assert "promis29_mental_summary" in study.outcome_names


def test_no_summary_where_a_t_score_is_not_there():
    rows = {"patient_id": ["a", "a"], "visit": ["pre", "post"], "fatigue": [50.0, 52.0]}
    study = read_table(
        pd.DataFrame(rows),
        patient="patient_id",
        visit="visit",
        visits=["pre", "post"],
        instruments={"promis29": {"fatigue": "fatigue"}},
    )
    assert list(study.outcome_names) == ["promis29_fatigue"]


def test_sheets_and_files_of_read_table(tmp_path):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for k, visit in enumerate(("Baseline", "Week 4")):
        sheet = book.create_sheet(visit)
        sheet.append(["patient_id", "nrs_avg"])
        for r in long_rows()[k::2]:
            sheet.append([r[0], r[2]])
    book.save(tmp_path / "sheets.xlsx")
    asked = {"patient": "patient_id", "visit": "visit", "instruments": PAIN}
    of_sheets = read_table(
        tmp_path / "sheets.xlsx", sheets=["Baseline", "Week 4"], by="visit", **asked
    )
    for k, visit in enumerate(("Baseline", "Week 4")):
        rows = [["patient_id", "nrs_avg"], *[[r[0], r[2]] for r in long_rows()[k::2]]]
        csv(tmp_path, rows, f"{visit}.csv")
    of_files = read_table(
        tmp_path / "Baseline.csv", more=[tmp_path / "Week 4.csv"], by="visit", **asked
    )
    assert of_sheets.visits == of_files.visits == ("Baseline", "Week 4")
    for study in (of_sheets, of_files):
        wide = study.wide("pain_nrs_average")
        assert (wide["Week 4"] - wide["Baseline"]).tolist() == [-3.0] * 6


def test_the_rest_of_what_a_study_file_says(tmp_path):
    rows = [[p, v, x, 9, d] for (p, v, x), d in zip(long_rows(), range(0, 360, 30))]
    file = csv(tmp_path, [[*HEAD, "base_pain", "day"], *rows[1::2]])
    study = read_table(
        file,
        patient="patient_id",
        visit="visit",
        baseline="baseline",
        visits=["baseline", "week_4"],
        instruments=PAIN,
        baseline_columns={"nrs_avg": "base_pain"},
    )
    assert (study.wide("pain_nrs_average")["baseline"] == 9).all()
    only = read_table(
        with_sex(tmp_path),
        patient="patient_id",
        visit="visit",
        instruments=PAIN,
        include={"sex": 1},
    )
    assert only.enrolled == 3
    with pytest.raises(StudyError, match="rule for several rows"):
        read_table(file, patient="patient_id", visit="visit", instruments=PAIN, several="best")
