"""Files of SPSS, Stata and SAS: stored values, dates, what the file calls missing, and files that
are not what they say.
"""

from __future__ import annotations

import base64
import datetime
import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.core.errors import DataError, MissingExtraError, StudyError
from outcomes.readers import read_study, read_table
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.formats.stat_dates import moment_reader, number_text
from outcomes.readers.formats.statistical import read_statistical
from outcomes.readers.source import Source
from tests.shared import EXPORTS

SECRET = "Zyx-Patient-77"
#: Three cases of four columns, written by haven 2.5.1 (MIT): pid, nrs (7, .A, blank), a day and a
#: moment.
SAS7BDAT = zlib.decompress(
    base64.b64decode(
        "eNrt271Lw0AYBvA3tUNrHVp0KFiwiEOGKhcrguBgoBEL7dSMDgottEspalEndXNw8q9wcHNWi4ujuIiTDoIUJycV/Ij5uNrkaG2hIKjPL8PLPbn3CAeBBBKiprOHnaWjocjF8X6AgufKXnQkHEkSjZJECn1ryDPKqbn4fDqjpVRdzWl6vB3qwOrn86r3a7eqq3pZM8JEPiGemWAKU7LMrFNmnc6UytUNAgAAAAAAAAAAAAAAAAAA+I+C5kF0PeCM5D7v2RrPo0LXNs/nGoHklBTPZ4W8HnLqopAfhIR1uGKbXG6T1/tb5wAAAADwN328GrZu5zMK9NSfIH9P/b1ev+jNaTcWhNx6nPeTjxqP9QF7LFFIGA8KYze+tCF/JTG+XpzXMV5lYVeI3nlvwpWJ3wdXSnkqr6xSfnmT1ouFckrVrW+LNT2d1Z5MZF+T17Opm30Zdu1DK/5OC4Rbx4YAdyD8SpJzZzDGfwGI2W/Qtbsrq1YK4zcqY5P2mZOXLbteNitjSU+0e1hzVnk8xc4CAAAAAAAA/JhPDeeTYA=="
    )
)
STUDY = """
[data]
scores = {{ file = "{file}"{more} }}
[roles]
patient = "{pid}"
[visits]
order = ["pre", "post"]
[wide.columns]
nrs = {{ pre = "{pre}", post = "{post}" }}
[instruments]
pain_nrs = {{ average = "nrs" }}
[privacy]
drop = ["{date}"]
"""


def cells(table, column):
    return table[column].tolist()


def note(table, rule):
    return [n for n in table.notes if n.rule == rule]


def sav(path: Path, frame: pd.DataFrame, **said) -> Path:
    pyreadstat.write_sav(frame, str(path), **said)
    return path


# --- the examples, end to end ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "file, names, coded, outside",
    [
        ("clinic.sav", ("pid", "nrs_pre", "nrs_post", "visit"), 2, 0),
        ("clinic.dta", ("pid", "nrs_pre", "nrs_post", "visit_date"), 1, 1),
        ("clinic.xpt", ("PID", "NRS_PRE", "NRS_POST", "VISIT"), 0, 2),
    ],
)
def test_a_study_of_an_example(file, names, coded, outside, tmp_path):
    pid, pre, post, date = names
    (tmp_path / file).write_bytes((EXPORTS / file).read_bytes())
    said = STUDY.format(file=file, pid=pid, pre=pre, post=post, date=date, more="")
    (tmp_path / "study.toml").write_text(said, encoding="utf-8")
    study = read_study(tmp_path / "study.toml")
    wide = study.wide("pain_nrs_average")
    assert list(wide.index) == ["001", "002", "003"]
    assert (
        wide.loc["001"].tolist() == [7, 4]
        and wide.loc["002", "pre"] == 8
        and wide.isna().to_numpy().sum() == 3
    )
    nrs = study.columns.set_index("column").loc["nrs"]
    assert (nrs["coded"], nrs["outside"], nrs["parsed"]) == (coded, outside, 3)
    assert nrs["coded"] + nrs["outside"] + nrs["parsed"] + nrs["blank"] == 6


def test_codes_that_a_transport_file_cannot_declare_are_declared_in_the_study_file(tmp_path):
    (tmp_path / "clinic.xpt").write_bytes((EXPORTS / "clinic.xpt").read_bytes())
    said = STUDY.format(
        file="clinic.xpt", pid="PID", pre="NRS_PRE", post="NRS_POST", date="VISIT", more=""
    )
    said = said.replace("[data]", '[data]\nmissing = ["98", "99"]')
    (tmp_path / "study.toml").write_text(said, encoding="utf-8")
    nrs = read_study(tmp_path / "study.toml").columns.set_index("column").loc["nrs"]
    assert (nrs["coded"], nrs["outside"]) == (2, 0)


def test_the_cells_of_the_spss_example():
    table = read_statistical(EXPORTS / "clinic.sav")
    assert cells(table, "pid") == ["001", "002", "003"] and cells(table, "visit") == [
        "2024-03-04",
        "2024-03-11",
        "",
    ]
    assert cells(table, "sex") == ["1", "2", "declared missing: 9"]
    assert cells(table, "nrs_post") == ["4", "declared missing: 98", ""]
    said = {n.column: n for n in note(table, "declared_missing")}
    assert "98 Refused: 1" in said["nrs_post"].message and said["nrs_post"].addresses == (
        "row 2, column nrs_post",
    )
    assert sum(n.count for n in said.values()) == 3
    assert "sex, nrs_pre, nrs_post" in note(table, "value_labels")[0].message
    labelled = read_statistical(EXPORTS / "clinic.sav", labels=["sex"])
    assert (
        cells(labelled, "sex") == ["Female", "Male", "declared missing: 9"]
        and cells(labelled, "nrs_pre")[0] == "7"
    )


@pytest.mark.parametrize("file", ["clinic.sav", "clinic.xpt", "clinic.dta"])
def test_a_first_study_file_is_written_for_an_example(file):
    text, study, problem = guess_study(EXPORTS / file)
    assert study is not None and not problem and "# guess" in text
    assert study.wide("pain_nrs_average").loc["001"].tolist() == [7, 4]


def test_a_first_study_file_repeats_the_labels_of_columns_and_stays_valid(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "nrs_pre": [7.0, 8.0], "nrs_post": [4.0, 6.0]})
    text, study, _ = guess_study(
        sav(
            tmp_path / "a.sav", frame, column_labels={"nrs_pre": 'Schmerz "vor"\a\n der Infusion ☂'}
        )
    )
    assert study is not None and '#   nrs_pre: Schmerz "vor" der Infusion ☂' in text


# --- what SPSS says -------------------------------------------------------------------------------


@pytest.mark.parametrize("ending, how", [(".sav", {}), (".zsav", {"compress": True})])
def test_user_missing_values_count_as_coded_and_only_in_their_column(ending, how, tmp_path):
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "nrs": [7, 99, -9, None],
            "days": [99, 40, 41, 42.0],
            "why": ["", "NA", "x", "y"],
        }
    )
    missing = {"nrs": [{"lo": -9, "hi": -9}, {"lo": 98, "hi": 99}], "why": ["NA"]}
    path = sav(tmp_path / f"a{ending}", frame, missing_ranges=missing, **how)
    table = read_statistical(path)
    assert cells(table, "nrs") == ["7", "declared missing: 99", "declared missing: -9", ""]
    assert cells(table, "days")[0] == "99" and cells(table, "why") == [
        "",
        "declared missing: NA",
        "x",
        "y",
    ]
    (tmp_path / "study.toml").write_text(
        f'[data]\nscores = "{path.name}"\n[roles]\npatient = "id"\n[outcomes]\nnrs = {{ better ='
        ' "lower", low = 0, high = 10 }\n'
    )
    report = read_study(tmp_path / "study.toml").columns.set_index("column")
    assert report.loc["nrs", ["parsed", "coded", "blank", "outside"]].tolist() == [1, 2, 1, 0]
    assert report.loc["days", ["parsed", "coded"]].tolist() == [4, 0]


def test_a_range_of_missing_values_may_be_open(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "x": [-5.0, 3.0]})
    path = sav(tmp_path / "a.sav", frame, missing_ranges={"x": [{"lo": -np.inf, "hi": 0}]})
    assert cells(read_statistical(path), "x") == ["declared missing: -5", "3"]


def test_a_patient_or_visit_that_is_declared_missing_is_nobody(tmp_path):
    path = sav(
        tmp_path / "a.sav",
        pd.DataFrame({"id": [1.0, 9.0], "nrs": [7.0, 5.0]}),
        missing_ranges={"id": [9]},
    )
    (tmp_path / "study.toml").write_text(
        f'[data]\nscores = "{path.name}"\n[roles]\npatient = "id"\n[outcomes]\nnrs = {{ better ='
        ' "lower", low = 0, high = 10 }\n'
    )
    with pytest.raises(DataError, match="no patient in column 'id': row 2"):
        read_study(tmp_path / "study.toml")


def test_labels_are_taken_where_they_are_asked_for_and_codes_without_one_are_listed(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b", "c"], "sex": [1.0, 2.0, 3.0], "ort": [1.0, 1.0, 1.0]})
    path = sav(
        tmp_path / "a.sav",
        frame,
        variable_value_labels={"sex": {1: "weiblich", 2: "männlich"}, "ort": {1: "Köln"}},
    )
    table = read_statistical(path, labels=True)
    assert (
        cells(table, "sex") == ["weiblich", "männlich", "3"] and cells(table, "ort") == ["Köln"] * 3
    )
    assert note(table, "no_label")[0].addresses == ("row 3, column sex",)
    assert read_file(Source.of({"file": "a.sav", "labels": ["ort"]}, tmp_path))["sex"].tolist() == [
        "1",
        "2",
        "3",
    ]
    with pytest.raises(DataError, match="No column 'sax'.*Did you mean 'sex'"):
        read_statistical(path, labels=["sax"])
    with pytest.raises(
        StudyError, match="'labels' is true or false or a list of texts, such as labels ="
    ):
        Source.of({"file": "a.sav", "labels": "sex"}, tmp_path)


def test_a_table_is_read_in_a_notebook_as_in_a_study_file(tmp_path):
    frame = pd.DataFrame(
        {"id": ["a", "b"], "arm": [1.0, 2.0], "nrs_pre": [7.0, 8.0], "nrs_post": [4.0, 6.0]}
    )
    path = sav(
        tmp_path / "a.sav", frame, variable_value_labels={"arm": {1: "ketamine", 2: "saline"}}
    )
    nrs = {"pain_nrs": {"average": "nrs"}}
    assert read_table(path, patient="id", instruments=nrs).wide("pain_nrs_average").loc[
        "b"
    ].tolist() == [8, 6]
    labelled = read_table(
        {"file": path, "labels": ["arm"]}, patient="id", instruments=nrs, arm="arm"
    )
    assert set(labelled.scores["arm"]) == {"ketamine", "saline"}


def test_numbers_are_as_stored_and_what_is_nearly_whole_is_listed(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b", "c", "d"], "x": [7.000000001, 0.1, 12345678.25, 1e300]})
    table = read_statistical(sav(tmp_path / "a.sav", frame))
    assert [float(t) for t in cells(table, "x")] == frame["x"].tolist() and cells(table, "x")[
        1
    ] == "0.1"
    assert note(table, "float_noise")[0].addresses == ("row 1, column x",)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_gives_the_number_back(value):
    assert float(number_text(value)) == value


def test_moments_of_spss(tmp_path):
    frame = pd.DataFrame(
        {
            "id": ["a", "b"],
            "when": [datetime.datetime(2024, 3, 4, 10, 11, 12), None],
            "day": [datetime.date(1960, 1, 1), None],
        }
    )
    table = read_statistical(sav(tmp_path / "a.sav", frame))
    assert cells(table, "when") == ["2024-03-04 10:11:12", ""] and cells(table, "day") == [
        "1960-01-01",
        "",
    ]


@pytest.mark.parametrize(
    "system, shown, value, text",
    [
        ("SPSS", "ADATE10", 13928889600.0, "2024-03-04"),
        ("SPSS", "MOYR8", 13928889600.0, "2024-03-04"),
        ("SPSS", "DTIME12.2", 90061.5, "25:01:01.5"),
        ("SPSS", "F8.2", 13928889600.0, None),
        ("SAS", "MMDDYY10", 23439.0, "2024-03-04"),
        ("SAS", "E8601DA10", -1.0, "1959-12-31"),
        ("SAS", "MONYY7", 23439.0, "2024-03-04"),
        ("SAS", "DATETIME20", -1.0, "1959-12-31 23:59:59"),
        ("SAS", "NLDATM30", 0.0, "1960-01-01"),
        ("SAS", "TIME8", -3723.0, "-01:02:03"),
        ("SAS", "DATE9", 1e12, "1000000000000"),
        ("SAS", "DOLLAR10.2", 5.0, None),
        ("Stata", "%td", 23439, "2024-03-04"),
        ("Stata", "%tdD_m_Y", 23439.0, "2024-03-04"),
        ("Stata", "%d", 0.0, "1960-01-01"),
        ("Stata", "%-tc", 2025166272500.0, "2024-03-04 10:11:12.500000"),
        ("Stata", "%tm", 770.0, "2024m3"),
        ("Stata", "%tq", -1.0, "1959q4"),
        ("Stata", "%tw", 52.0, "1961w1"),
        ("Stata", "%9.0g", 23439.0, None),
    ],
)
def test_a_number_is_a_moment_by_the_format_it_is_shown_in(system, shown, value, text):
    read, unread = moment_reader(system, shown)
    assert (read and read(value)) == text and not unread


@pytest.mark.parametrize("shown", ["%tC", "%tbnyse"])
def test_a_stata_format_that_is_not_turned_into_dates_is_said(shown):
    assert (
        moment_reader("Stata", shown)[0] is None and "as stored" in moment_reader("Stata", shown)[1]
    )


# --- Stata and SAS --------------------------------------------------------------------------------


def test_extended_missing_values_of_stata(tmp_path):
    frame = pd.DataFrame(
        {"id": ["a", "b", "c"], "x": pd.Series(["a", 2.5, None], dtype=object), "n": [1, 2, 3]}
    )
    said = {
        "variable_value_labels": {"x": {"a": "wollte nicht"}},
        "missing_user_values": {"x": ["a"]},
    }
    pyreadstat.write_dta(frame, str(tmp_path / "a.dta"), **said)
    table = read_statistical(tmp_path / "a.dta")
    assert cells(table, "x") == ["declared missing: .a", "2.5", ""] and cells(table, "n") == [
        "1",
        "2",
        "3",
    ]
    assert "(.a wollte nicht: 1)" in note(table, "declared_missing")[0].message
    assert cells(table, "id")[0] == "a", "text is text, whatever letter it is"


def test_numbers_of_32_bits_have_the_digits_they_were_stored_with(tmp_path):
    pd.DataFrame({"id": ["a", "b"], "f": np.array([0.1, 6.5], np.float32)}).to_stata(
        tmp_path / "a.dta", write_index=False
    )
    assert cells(read_statistical(tmp_path / "a.dta"), "f") == [
        "0.1",
        "6.5",
    ], "not 0.10000000149011612"


def test_special_missing_values_of_a_transport_file(tmp_path):
    frame = pd.DataFrame({"ID": ["a", "b", "c"], "X": [7.0, None, None], "Y": [None, None, 3.0]})
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(frame, str(path))
    data = bytearray(path.read_bytes())
    start = data.rindex(b"HEADER RECORD*******OBS") + 80
    assert data[start + 17 + 1 : start + 17 + 2] == b"." and data[start + 9 : start + 10] == b"."
    data[start + 17 + 1], data[start + 9] = (
        ord("R"),
        ord("_"),
    )  # case 2 of X, case 1 of Y: one byte of id, then eight of each
    path.write_bytes(data)
    table = read_statistical(path)
    assert cells(table, "X") == ["7", "declared missing: .R", ""] and cells(table, "Y") == [
        "declared missing: ._",
        "",
        "3",
    ]


def test_a_sas_data_set(tmp_path):
    (tmp_path / "a.sas7bdat").write_bytes(SAS7BDAT)
    table = read_statistical(tmp_path / "a.sas7bdat")
    assert cells(table, "pid") == ["001", "002", "003"] and cells(table, "nrs") == [
        "7",
        "declared missing: .A",
        "",
    ]
    assert cells(table, "day") == ["2024-03-04", "", "1950-01-01"]
    assert cells(table, "when") == ["2024-03-04 10:11:12", "", "1959-12-31 23:59:59"]


@pytest.mark.parametrize("name", ["adam_adqs", "sdtm_qs"])
def test_cdisc_data_are_the_same_from_a_transport_file_as_from_csv(name, tmp_path):
    text = pd.read_csv(EXPORTS / f"{name}.csv", dtype=str, keep_default_na=False)
    for column in {"AVAL", "BASE", "CHG", "QSSTRESN", "VISITNUM"} & set(text):
        text[column] = pd.to_numeric(text[column], errors="raise")
    pyreadstat.write_xport(text, str(tmp_path / "a.xpt"), file_format_version=5)
    pd.testing.assert_frame_equal(
        read_file(Source(tmp_path / "a.xpt")).frame,
        read_file(Source(EXPORTS / f"{name}.csv")).frame,
    )


def test_text_of_a_transport_file_that_is_not_utf8_is_noted(tmp_path):
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(pd.DataFrame({"ID": ["a"], "T": ["Kopfxy"]}), str(path))
    path.write_bytes(path.read_bytes().replace(b"Kopfxy", "Köpfxy".encode("cp1252")))
    table = read_statistical(path)
    assert cells(table, "T") == ["Köpfxy"] and "Windows-1252" in note(table, "encoding")[0].message
    assert not note(read_statistical(path, encoding="WINDOWS-1252"), "encoding")


# --- files that are not what they say -------------------------------------------------------------


def written(folder: Path) -> dict[str, bytes]:
    frame = pd.DataFrame({"id": [SECRET] * 40, "nrs": [float(i % 10) for i in range(40)]})
    sav(folder / "w.sav", frame)
    pyreadstat.write_dta(frame, str(folder / "w.dta"))
    pyreadstat.write_xport(frame, str(folder / "w.xpt"))
    return {**{p.suffix: p.read_bytes() for p in folder.glob("w.*")}, ".sas7bdat": SAS7BDAT}


@pytest.mark.parametrize("ending", [".sav", ".zsav", ".dta", ".xpt", ".sas7bdat"])
def test_broken_files_are_refused_without_a_value(ending, tmp_path):
    whole = written(tmp_path).get(ending, written(tmp_path)[".sav"])
    other = b"PK\x03\x04" + b"\0" * 400
    for broken in (
        b"",
        b"hello" * 100,
        other,
        whole[:100],
        whole[: len(whole) // 2 + 3],
        whole[:-25],
    ):
        path = tmp_path / f"broken{ending}"
        path.write_bytes(broken)
        with pytest.raises(DataError) as refused:
            read_file(Source(path))
        assert SECRET not in str(refused.value) and path.name in str(refused.value)


def test_encrypted_several_and_empty(tmp_path):
    (tmp_path / "a.sav").write_bytes(b"\x1c" + b"\0" * 7 + b"ENCRYPTEDSAV" + b"\x15" + b"\0" * 300)
    with pytest.raises(DataError, match="password"):
        read_statistical(tmp_path / "a.sav")
    whole = written(tmp_path)[".xpt"]
    (tmp_path / "two.xpt").write_bytes(whole + whole[240:])
    with pytest.raises(DataError, match="holds 2 data sets"):
        read_statistical(tmp_path / "two.xpt")
    with pytest.raises(DataError, match="no rows: id, nrs"):
        read_statistical(sav(tmp_path / "none.sav", pd.DataFrame({"id": ["a"], "nrs": [1.0]})[:0]))


def test_ten_thousand_columns(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], **{f"v{i}": [float(i), 99.0] for i in range(9_999)}})
    table = read_statistical(sav(tmp_path / "a.sav", frame))
    assert len(table.columns) == 10_000 and cells(table, "v9998") == ["9998", "99"]


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    path = sav(tmp_path / "a.sav", pd.DataFrame({"id": ["a"]}))
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'outcomes\[statfiles\]'"):
        read_statistical(path)


def test_what_such_a_file_has_not_is_refused(tmp_path):
    path = sav(tmp_path / "a.sav", pd.DataFrame({"id": ["a"]}))
    with pytest.raises(StudyError, match="no sheets"):
        read_file(Source(path, sheet="Scores"))
    with pytest.raises(StudyError, match="'header' says nothing about it"):
        read_file(Source(path, header=2))


def test_a_number_of_a_column_with_dates_beyond_the_calendar_is_kept():
    read, _ = moment_reader("SPSS", "DATE11")
    assert read is not None and float(read(1e15)) == 1e15
