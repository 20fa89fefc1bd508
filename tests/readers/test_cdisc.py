"""SDTM QS, ADaM ADQS and OMOP: one row a subject and visit, nothing made up taken as observed,
every record read or listed.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.core.errors import DataError, StudyError
from outcomes.readers import read_study, read_table
from outcomes.readers.cells import TextTable
from outcomes.readers.draft import guess_study
from outcomes.readers.exports.reshaped_table import GatheredTable
from outcomes.readers.files import Source, read_file
from tests.shared import EXPORTS

QS, ADQS = EXPORTS / "sdtm_qs.csv", EXPORTS / "adam_adqs.csv"
SDTM = "USUBJID,QSTESTCD,QSORRES,QSSTRESC,QSSTRESN,QSSTAT,QSBLFL,VISITNUM,VISIT,QSDY\n"
ADAM = "USUBJID,PARAMCD,AVISIT,AVISITN,AVAL,AVALC,ABLFL,ANL01FL,DTYPE,TRTP,ADY\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    return path


def gathered(path: Path) -> GatheredTable:
    table = read_file(Source(path))
    assert isinstance(table, GatheredTable)
    return table


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def noted(table: TextTable) -> dict[str, tuple[str, ...]]:
    return {n.rule: n.addresses for n in table.notes}


@pytest.mark.parametrize(
    "path, test, value, visit",
    [(QS, "QSTESTCD", "QSSTRESN", "VISIT"), (ADQS, "PARAMCD", "AVAL", "AVISIT")],
)
def test_every_record_of_the_examples_is_a_cell_at_its_address_or_is_listed(
    path: Path, test: str, value: str, visit: str
) -> None:
    table = gathered(path)
    listed = {
        a
        for n in table.notes
        if n.rule in ("unscheduled", "derived_record", "not_done")
        for a in n.addresses
    }
    where = {(p, v): i for i, (p, v) in enumerate(zip(table["USUBJID"], table[visit], strict=True))}
    for number, row in enumerate(rows_of(path), 2):
        if f"row {number}" in listed:
            continue
        i = where[row["USUBJID"], row[visit]]
        assert (
            table[row[test]].iloc[i] == row[value]
            and table.address(i, row[test]) == f"row {number}, column {value}"
        )
    assert int(
        (table.at[:, [c in {r[test] for r in rows_of(path)} for c in table.columns]] >= 0).sum()
    ) == len(rows_of(path)) - len(listed)


def test_the_sdtm_example_has_its_visits_in_order_and_says_what_was_not_done() -> None:
    table = gathered(QS)
    assert (
        table.declared.visits == ("BASELINE", "MONTH 1")
        and len(table.declared.baseline["BASELINE"]) == 4
    )
    assert noted(table)["not_done"] == ("row 7",) and noted(table)["unscheduled"] == ("row 8",)
    assert (
        "BPI0103 (BPI01-Worst Pain Last 24 Hours)" in table.notes[0].message
        and "QSALL" not in table.columns
    )
    study = read_table(
        QS,
        patient="USUBJID",
        visit="VISIT",
        day="QSDY",
        instruments={"bpi_sf": {"average": "BPI0105"}},
        drop=["QSDTC"],
    )
    assert study.visits == ("BASELINE", "MONTH 1") and study.baseline == "BASELINE"
    pairs = study.scores.set_index(["patient", "visit"])["BPI0105"]
    assert pairs["KET01-K001"].tolist() == [7, 4] and np.isnan(pairs["KET01-K002", "MONTH 1"])


def test_the_adam_example_is_read_without_what_was_made_up() -> None:
    text, study, problem = guess_study(ADQS)
    assert study is not None and problem == "" and 'order = ["Baseline", "Month 1"]' in text
    assert study.scores["BPIAVG"].tolist() == [7, 8, 4, 6]
    found = {i.rule: i for i in study.issues}
    assert (
        found["derived_record"].addresses == ("row 4", "row 7")
        and "AVERAGE, LOCF" in found["derived_record"].message
    )
    assert found["unflagged"].addresses == ("row 6",)


def test_a_first_study_file_is_written_for_the_sdtm_example() -> None:
    text, study, problem = guess_study(QS)
    assert study is not None, problem
    assert 'bpi_sf = { worst = "BPI0103", average = "BPI0105" }' in text
    assert 'phq9 = { 1 = "PHQ0101" }' in text and 'visit = "VISIT"' in text


def test_the_value_is_the_numeric_result_then_the_character_one_then_the_original(
    tmp_path: Path,
) -> None:
    lines = (
        "A,T1,a lot,3,3,,,1,V1,1\nA,T2,a lot,most,,,,1,V1,1\nA,T3,a lot,,,,,1,V1,1\nA,T4,,,,NOT"
        " DONE,,1,V1,1\n"
    )
    path = written(tmp_path, SDTM + lines)
    table = gathered(path)
    assert table.frame[["T1", "T2", "T3"]].iloc[0].tolist() == ["3", "most", "a lot"]
    assert (
        table.address(0, "T2") == "row 3, column QSSTRESC"
        and table.address(0, "T4") == "row 5, column QSSTAT"
    )
    assert noted(table)["unstandardised"] == ("row 4",)
    outcomes = {t: {"better": "lower"} for t in ("T1", "T2", "T3", "T4")}
    study = read_table(path, patient="USUBJID", visit="VISIT", outcomes=outcomes)
    assert study.columns is not None
    report = study.columns.set_index("column")
    assert (
        report.loc["T4", "coded"] == 1 and report.loc["T2", "addresses"] == "row 3, column QSSTRESC"
    )


@pytest.mark.parametrize(
    "text, where",
    [
        (
            SDTM + "SECRET,T,,4,4,,,1,V1,\nSECRET,T,,4,4,,,1,V1,\n",
            "row 2, column QSSTRESN; row 3, column QSSTRESN",
        ),
        (
            ADAM + "SECRET,T,V1,1,4,,,Y,,,\nSECRET,T,V1,1,5,,,Y,,,\n",
            "row 2, column AVAL; row 3, column AVAL",
        ),
        (
            ADAM + "SECRET,T,V1,1,4,,,,,,\nSECRET,T,V1,1,5,,,,,,\n",
            "row 2, column AVAL; row 3, column AVAL",
        ),
        (SDTM + "SECRET,T,,4,4,NOT DONE,,1,V1,\n", "NOT DONE and have a result: row 2"),
        (ADAM + "SECRET,T,V1,1,4,,,Y,LOCF,,\n", "no observed answer"),
    ],
)
def test_what_cannot_be_told_is_an_error_by_address_without_a_value(
    text: str, where: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=where) as wrong:
        read_file(Source(written(tmp_path, text)))
    assert "SECRET" not in str(wrong.value)


def test_of_several_records_in_a_window_the_flagged_one_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ADAM
        + "A,T,V1,1,4,,,,,K,6\nA,T,V1,1,5,,,Y,,K,8\nA,T,,,9,,,,,K,50\nA,T,V2,2,,none,,Y,,K,15\n",
    )
    table = gathered(path)
    assert table["T"].tolist() == ["5", "none"] and table.address(1, "T") == "row 5, column AVALC"
    assert noted(table)["not_for_analysis"] == ("row 2",) and noted(table)["no_visit"] == ("row 4",)
    assert table["ADY"].tolist() == ["8", "15"] and table["TRTP"].tolist() == ["K", "K"]


def test_the_periods_of_a_crossover_part_its_visits(tmp_path: Path) -> None:
    text = "USUBJID,PARAMCD,AVISIT,AVISITN,AVAL,APERIOD\nA,T,V1,1,4,2\nA,T,V1,1,7,1\nA,T,V2,2,3,2\nA,T,V2,2,6,1\n"
    path = written(tmp_path, text)
    study = read_table(
        path,
        patient="USUBJID",
        visit="AVISIT",
        period="APERIOD",
        outcomes={"T": {"better": "lower"}},
    )
    assert study.scores[["period", "visit", "T"]].to_numpy().tolist() == [
        [1, "V1", 7],
        [1, "V2", 6],
        [2, "V1", 4],
        [2, "V2", 3],
    ]


def test_a_column_that_says_two_things_of_one_visit_is_named_and_not_read(tmp_path: Path) -> None:
    table = gathered(written(tmp_path, SDTM + "A,T,,4,4,,,1,V1,1\nA,U,,5,5,,,1,V1,2\n"))
    assert "QSDY" not in table.columns and any(
        "QSDY" in n.message for n in table.notes if n.rule == "record_column"
    )


def test_visits_follow_their_numbers_not_their_names_or_their_place(tmp_path: Path) -> None:
    table = gathered(
        written(
            tmp_path,
            SDTM
            + "A,T,,1,1,,,10,LATE,\nA,T,,2,2,,,2,EARLY,\nB,T,,3,3,,,1,,\nB,T,,3,3,,,,UNSCHEDULED,\n",
        )
    )
    assert table.declared.visits == ("1", "EARLY", "LATE") and table["T"].tolist() == [
        "3",
        "2",
        "1",
    ]
    path = written(tmp_path, SDTM + "A,T,,1,1,,,7,DAY 2,\nA,T,,2,2,,,3,DAY 9,\n")
    study = read_table(path, patient="USUBJID", visit="VISIT", outcomes={"T": {"better": "lower"}})
    assert study.visits == ("DAY 9", "DAY 2")


def test_a_baseline_flagged_elsewhere_than_declared_is_a_warning_with_addresses(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path,
        SDTM + "A,T,,4,4,,Y,1,V1,\nA,T,,4,4,,,2,V2,\nB,T,,4,4,,Y,2,V2,\nB,T,,5,5,,,1,V1,\n",
    )
    study = read_table(
        path,
        patient="USUBJID",
        visit="VISIT",
        baseline="V1",
        visits=["V1", "V2"],
        outcomes={"T": {"better": "lower"}},
    )
    (issue,) = (i for i in study.issues if i.rule == "baseline_flag")
    assert issue.addresses == ("row 4",) and issue.severity == "warning"


RECORDS = st.dictionaries(
    st.tuples(st.sampled_from("AB"), st.sampled_from("123"), st.sampled_from(("T1", "T2", "T3"))),
    st.integers(0, 10).map(str),
    min_size=1,
)


@settings(max_examples=40, deadline=None)
@given(records=RECORDS, order=st.randoms(use_true_random=False), adam=st.booleans())
def test_nothing_is_lost_or_added_by_pivoting_and_the_order_of_records_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory,
    records: dict[tuple[str, str, str], str],
    order: object,
    adam: bool,
) -> None:
    rows = list(records.items())
    form = "{0},{2},V{1},{1},{3},,,Y,,,\n" if adam else "{0},{2},,{3},{3},,,{1},V{1},\n"

    def table() -> GatheredTable:
        text = (ADAM if adam else SDTM) + "".join(form.format(*k, v) for k, v in rows)
        return gathered(written(tmp_path_factory.mktemp("cdisc"), text))

    first = table()
    order.shuffle(rows)  # type: ignore[attr-defined]
    second = table()
    assert first.frame.equals(second.frame)
    melted = {
        (second.frame.iat[i, 0], second.frame.iat[i, 1][1:], c): second[c].iloc[i]
        for i in range(len(second))
        for c in second.columns[2:]
        if c.startswith("T") and c != "TRTP" and second[c].iloc[i]
    }
    assert melted == records
    for (s, v, t), _ in rows:
        i = next(i for i in range(len(second)) if tuple(second.frame.iloc[i, :2]) == (s, f"V{v}"))
        number = next(n for n, (k, _) in enumerate(rows, 2) if k == (s, v, t))
        assert second.address(i, t) == f"row {number}, column {'AVAL' if adam else 'QSSTRESN'}"


# --- OMOP -----------------------------------------------------------------------------------------

OMOP = (
    "person_id,measurement_concept_id,measurement_date,operator_concept_id,value_as_number,value_as_concept_id,"
    "measurement_source_value,value_source_value\n"
)


def test_omop_tables_are_read_by_the_concepts_and_days_that_the_study_file_names(
    tmp_path: Path,
) -> None:
    path = EXPORTS / "omop_observation.csv"
    with pytest.raises(
        DataError,
        match=(
            r"OMOP observation.*72514-3 \(2 rows\); 1 row\(s\) have other source values \(row 4\)"
        ),
    ):
        read_file(Source(path))
    table = read_file(Source(path, concepts={"72514-3": "nrs", "NRS AVG": "nrs"}))
    assert table.frame.to_numpy(object).tolist() == [
        ["101", "2024-03-04", "7"],
        ["101", "2024-04-05", "4"],
        ["102", "2024-03-11", "8 out of 10"],
    ]
    assert (
        table.address(0, "nrs") == "row 2, column value_as_number"
        and table.address(2, "nrs") == "row 4, column value_as_string"
    )
    study = written(
        tmp_path,
        f'[data]\nfolders = ["{path.parent.as_posix()}"]\nscores = {{ file = "{path.as_posix()}", concepts = {{ "72514-3" = "nrs", "NRS'
        ' AVG" = "nrs" } }\n[roles]\npatient = "person_id"\ndate ='
        ' "observation_date"\n[visits]\ndays = { start = [0, 0], month_1 = [20, 45]'
        ' }\n[instruments]\npain_nrs = { average = "nrs" }\n',
    )
    read = read_study(study)
    assert read.scores[["patient", "visit"]].to_numpy().tolist() == [
        ["101", "start"],
        ["101", "month_1"],
        ["102", "start"],
    ]
    assert read.scores["nrs"].iloc[:2].tolist() == [7, 4] and np.isnan(read.scores["nrs"].iloc[2])
    assert any(
        i.rule == "unparseable" and i.addresses == ("row 4, column value_as_string",)
        for i in read.issues
    )


def test_what_an_omop_table_cannot_say_as_a_number_is_left_out_and_listed(tmp_path: Path) -> None:
    text = (
        OMOP
        + "1,44,2024-01-01,4172703,7,,x,7\n1,44,2024-01-02,4172704,7,,x,>7\n1,44,2024-01-03,,,45,x,a\n1,9,2024-01-04,,3,,x,3\n"
    )
    table = read_file(Source(written(tmp_path, text), concepts={"44": "nrs"}))
    assert table["nrs"].tolist() == ["7"]
    assert (
        noted(table)["operator"] == ("row 3",)
        and noted(table)["coded_answer"] == ("row 4",)
        and noted(table)["unnamed_concept"] == ("row 5",)
    )
    with pytest.raises(
        DataError, match="row 2, column value_as_number; row 3, column value_as_number"
    ):
        read_file(
            Source(
                written(tmp_path, OMOP + "1,44,2024-01-01,,7,,x,7\n1,44,2024-01-01,,8,,x,8\n"),
                concepts={"44": "nrs"},
            )
        )
    with pytest.raises(StudyError, match="concept '45'"):
        read_file(Source(written(tmp_path, text), concepts={"45": "nrs"}))
    with pytest.raises(StudyError, match="no OMOP table"):
        read_file(Source(written(tmp_path, "id,nrs\n1,2\n"), concepts={"45": "nrs"}))
