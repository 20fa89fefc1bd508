"""REDCap exports: every answer in one row a record and event, at the address it has in the file, or
an error that says where.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.core.errors import DataError, PrivacyError, StudyError
from outcomes.readers import read_study, read_table
from outcomes.readers.draft import guess_study
from outcomes.readers.exports.codebook import Field, read_codebook
from outcomes.readers.exports.redcap import EVENT, FORM, INSTANCE, RepeatingFormsError
from outcomes.readers.exports.reshaped_table import GatheredTable
from outcomes.readers.files import Source, read_file
from outcomes.schedule.preconditions import newest_record
from outcomes.schedule.schedule_file import Freshness
from tests.shared import EXPORTS

RAW, DICTIONARY = EXPORTS / "redcap_raw_long.csv", EXPORTS / "redcap_data_dictionary.csv"
HEAD = f"record_id,{EVENT},{FORM},{INSTANCE},"
BOOK = (
    'Variable / Field Name,Form Name,Field Type,Field Label,"Choices, Calculations, OR Slider'
    ' Labels",Identifier?\nrecord_id,base,text,Record ID,,\nsex,base,radio,Sex,"1, Female | 2,'
    ' Male",\nhome,base,text,Home town,,y\ndx,base,checkbox,Diagnosis,"1, CRPS | -2, Other,'
    ' specify",\nnrs,pain,radio,"<b>Average</b> pain","0, 0 | 7, 7 | 10, 10 (worst) | -99,'
    ' Refused",\nvas,pain,slider,Pain now,No | | Worst,\n'
)


def written(folder: Path, text: str, name: str = "export.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def book(folder: Path) -> Path:
    return written(folder, BOOK, "book.csv")


def cells(path: Path) -> dict[tuple[int, str], str]:
    """The filled cells of a CSV file by row number and heading."""
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    return {
        (i, h): c
        for i, row in enumerate(rows[1:], 2)
        for h, c in zip(rows[0], row, strict=True)
        if c
    }


def addressed(table: GatheredTable) -> dict[tuple[int, str], str]:
    """The cells of a gathered table by the row and heading that they have in the file."""
    found = {}
    for i, j in np.argwhere(table.at >= 0):
        place = (int(table.base.rows[table.at[i, j]]), table.base.columns[table.across[i, j]])
        assert table.address(int(i), table.columns[j]) == f"row {place[0]}, column {place[1]}"
        found[place] = table.frame.iat[i, j]
    return found


def gathered(path: Path, **said: object) -> GatheredTable:
    table = read_file(Source(path, **said))  # type: ignore[arg-type]
    assert isinstance(table, GatheredTable)
    return table


# --- the example exports --------------------------------------------------------------------------


def test_every_answer_of_the_raw_export_is_in_one_table_at_its_own_address() -> None:
    scores, infusions = gathered(RAW, without=("infusion_log",)), gathered(RAW, form="infusion_log")
    assert (
        addressed(scores).items() <= cells(RAW).items()
        and addressed(infusions).items() <= cells(RAW).items()
    )
    repeated = {"record_id", EVENT, FORM, INSTANCE, "redcap_data_access_group"}
    both = set(addressed(scores)) | set(addressed(infusions))
    assert {c for c in set(cells(RAW)) - both if c[1] not in repeated} == set()
    assert not set(addressed(scores)) & set(addressed(infusions))
    (left,) = (n for n in scores.notes if n.rule == "left_out_form")
    assert left.count == 9 and "row 5, column ket_mg" in left.addresses
    assert len(scores) == 5 and len(infusions) == 3 and scores.row_address(0) == "rows 2 + 3"
    assert scores.rows.tolist() == [2, 6, 7, 10, 11]


def test_a_form_that_repeats_within_an_event_is_refused_until_it_is_said_what_it_is() -> None:
    with pytest.raises(RepeatingFormsError, match=r"infusion_log \(row 4, row 5\)") as wrong:
        read_file(Source(RAW))
    assert wrong.value.forms == ("infusion_log",)
    with pytest.raises(StudyError, match="infusion_lg"):
        read_file(Source(RAW, without=("infusion_lg",)))


def test_the_whole_study_is_read_from_one_raw_export(tmp_path: Path) -> None:
    for path in (RAW, DICTIONARY):
        shutil.copy(path, tmp_path)
    text, study, problem = guess_study(tmp_path / RAW.name)
    assert study is not None and problem == ""
    assert 'infusions = { file = "redcap_raw_long.csv", form = "infusion_log" }   # guess' in text
    assert 'dictionary = "redcap_data_dictionary.csv"   # guess' in text
    scores = study.scores.set_index(["patient", "visit"])
    assert scores["nrs_avg"].tolist() == [7, 4, 8, 6, 6] and study.visits == (
        "baseline_arm_1",
        "followup_1m_arm_1",
    )
    assert study.infusions is not None and study.infusions[
        ["patient", "day", "dose"]
    ].to_numpy().tolist() == [
        ["K001", 0, 35.5],
        ["K001", 2, 40],
        ["K002", 0, 42],
    ]
    assert study.patients is not None and study.patients["sex"].tolist() == ["1", "2", "2"]
    assert "visit" not in study.patients and "sex" not in study.scores and study.columns is not None
    phq = study.columns.set_index("column").loc["phq9_total"]
    assert (phq.parsed, phq.coded, phq.blank) == (3, 1, 1)


def test_a_notebook_reads_the_same_study_from_arguments() -> None:
    study = read_table(
        RAW,
        patient="record_id",
        visit=EVENT,
        date="infusion_date",
        dose="ket_mg",
        instruments={"pain_nrs": {"average": "nrs_avg"}},
        dictionary=DICTIONARY,
        without=["infusion_log", "demographics"],
        infusions={"file": RAW, "form": "infusion_log"},
        patients={"file": RAW, "form": "demographics"},
        drop=["pain_survey_timestamp"],
        missing=["-99", "UNK", "NASK"],
    )
    assert study.scores["nrs_avg"].tolist() == [7, 4, 8, 6, 6]
    assert study.infusions is not None and study.infusions["day"].tolist() == [0, 2, 0]
    assert study.patients is not None and study.patients["age"].iloc[:2].tolist() == [52, 47]


def test_the_eav_export_is_pivoted_with_the_address_of_each_value() -> None:
    path = EXPORTS / "redcap_eav.csv"
    with pytest.raises(DataError, match="row 4, column value; row 5, column value.*checkbox"):
        read_file(Source(path))
    table = gathered(path, dictionary=DICTIONARY)
    assert table.columns == ("record", EVENT, "dx___1", "dx___2", "dx___99", "nrs_avg")
    assert table.frame.to_numpy(object).tolist() == [
        ["K001", "baseline_arm_1", "1", "", "", "7"],
        ["K002", "baseline_arm_1", "", "1", "1", ""],
        ["K001", "followup_1m_arm_1", "", "", "", "4"],
    ]
    assert (
        table.address(0, "nrs_avg") == "row 2, column value"
        and table.address(1, "dx___99") == "row 5, column value"
    )


def test_labels_become_the_codes_that_the_raw_export_has() -> None:
    path = EXPORTS / "redcap_labels_long.csv"
    with pytest.raises(DataError, match="REDCap export with labels.*dictionary"):
        read_file(Source(path))
    table, raw = gathered(path, dictionary=DICTIONARY), gathered(RAW, without=("infusion_log",))
    differ = (
        EVENT,
        "redcap_data_access_group",
        "phq9_total",
        "nrs_worst",
    )  # the two examples do not say the same of these
    asked = [c for c in table.columns if c in raw.columns and c not in differ]
    assert len(asked) == 10 and table["nrs_worst"].tolist() == ["10", "10"]
    theirs = raw.frame[raw.frame[EVENT] == "baseline_arm_1"].iloc[:2]
    assert table.frame[asked].to_numpy(object).tolist() == theirs[asked].to_numpy(object).tolist()
    assert table.address(1, "nrs_worst") == "row 5, column Worst pain, last 24 h"
    assert table["phq9_total"].tolist() == ["14", "Unknown"]


def test_a_de_identified_export_says_that_its_dates_are_not_real() -> None:
    study = read_table(
        EXPORTS / "redcap_deid.csv",
        patient="record_id",
        visit=EVENT,
        date="infusion_date",
        instruments={"pain_nrs": {"average": "nrs_avg"}},
        allow=["record_id"],
        drop=["pain_survey_timestamp"],
    )
    (note,) = (i for i in study.issues if i.rule == "shifted_dates")
    assert "not real" in note.message and study.scores["nrs_avg"].tolist()[::2] == [7, 4]


def test_the_dictionary_itself_is_no_data() -> None:
    with pytest.raises(DataError, match="data dictionary: it describes columns"):
        read_file(Source(DICTIONARY))


# --- files the tests write ------------------------------------------------------------------------


def test_two_answers_to_one_field_of_one_event_are_an_error_by_address(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "nrs\nSECRET,a,,,4\nSECRET,a,pain,1,5\n")
    with pytest.raises(DataError, match="row 2, column nrs; row 3, column nrs") as wrong:
        read_file(Source(path))
    assert "SECRET" not in str(wrong.value)


def test_a_field_given_twice_in_rows_of_field_and_value_is_an_error_by_address(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "record,field_name,value\n1,nrs,4\n2,nrs,3\n1,nrs,4\n")
    with pytest.raises(DataError, match="row 2, column value; row 4, column value"):
        read_file(Source(path))
    with pytest.raises(DataError, match="1 value.* no field: row 2, column value"):
        read_file(Source(written(tmp_path, "record,field_name,value\n1,,4\n2,nrs,3\n")))


def test_a_repeating_event_keeps_its_instances(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "nrs\n1,start,,,9\n1,infusion,,1,8\n1,infusion,,2,5\n")
    table = gathered(path)
    assert table[INSTANCE].tolist() == ["", "1", "2"] and table["nrs"].tolist() == ["9", "8", "5"]
    study = read_table(
        path,
        patient="record_id",
        visit=EVENT,
        period=INSTANCE,
        outcomes={"nrs": {"better": "lower"}},
    )
    assert study.scores["nrs"].tolist() == [9, 8, 5]


def test_an_export_without_repeats_stays_as_it_is_and_gets_the_types_of_the_dictionary(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path, f"record_id,{EVENT},sex,dx___1,dx____2,nrs\n001,a,1,1,0,7\n001,b,,,,-99\n"
    )
    table = read_file(Source(path, dictionary=book(tmp_path)))
    assert type(table).__name__ == "TextTable" and table.address(1, "nrs") == "row 3, column nrs"
    assert table.declared.types == {
        "sex": "category",
        "dx___1": "yes/no",
        "dx____2": "yes/no",
        "nrs": "category",
    }
    assert table.declared.missing == ("-99",)
    text, _, _ = guess_study(path)
    assert "dictionary" not in text
    book(tmp_path).rename(tmp_path / "my_dictionary.csv")
    text, study, _ = guess_study(path)
    assert (
        'dictionary = "my_dictionary.csv"' in text
        and 'missing = ["-99"]' in text
        and study is not None
    )


def test_what_the_dictionary_calls_an_identifier_is_refused_until_it_is_dropped(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, f"record_id,{EVENT},home,nrs\n001,a,X1,7\n001,b,,5\n")
    study = (
        f'[data]\nscores = "{path.name}"\ndictionary = "{book(tmp_path).name}"\n[roles]\npatient ='
        f' "record_id"\nvisit = "{EVENT}"\n'
    )
    file = written(tmp_path, study + '[outcomes]\nnrs = { better = "lower" }\n', "study.toml")
    with pytest.raises(
        PrivacyError, match="home .*identifier; the data dictionary says so"
    ) as wrong:
        read_study(file)
    assert "X1" not in str(wrong.value)
    file.write_text(file.read_text() + '[privacy]\ndrop = ["home"]\n')
    assert "home" not in read_study(file).scores


def test_labels_that_do_not_lead_to_one_field_or_one_code_are_refused_or_listed(
    tmp_path: Path,
) -> None:
    head = (
        'Record ID,Event Name,Sex,Diagnosis (choice=CRPS),"Diagnosis (choice=Other,'
        ' specify)",Complete?,Average pain,Complete?\n'
    )
    path = written(
        tmp_path,
        head
        + "1,Start,Male,Checked,Unchecked,Complete,10 (worst),Unverified\n2,Start,Robot,,,,7,\n",
    )
    table = gathered(path, dictionary=book(tmp_path))
    assert table.columns == (
        "record_id",
        EVENT,
        "sex",
        "dx___1",
        "dx____2",
        "base_complete",
        "nrs",
        "pain_complete",
    )
    assert table.frame.to_numpy(object).tolist() == [
        ["1", "Start", "2", "1", "0", "2", "10", "1"],
        ["2", "Start", "Robot", "", "", "", "7", ""],
    ]
    (note,) = (n for n in table.notes if n.rule == "label")
    assert note.addresses == ("row 3, column Sex",)
    written(tmp_path, head.replace("Sex", "Gender") + "1,Start,Male,,,,,\n")
    with pytest.raises(DataError, match="'Gender' \\(no field has this label\\)"):
        read_file(Source(path, dictionary=book(tmp_path)))
    twice = written(tmp_path, BOOK.replace("Pain now", "Sex"), "twice.csv")
    written(tmp_path, head + "1,Start,Male,,,,,\n")
    with pytest.raises(DataError, match="'Sex' \\(two fields have this label\\)"):
        read_file(Source(path, dictionary=twice))


def test_labels_that_are_the_codes_of_other_choices_are_turned_round_once(tmp_path: Path) -> None:
    turned = written(
        tmp_path, BOOK.replace("1, Female | 2, Male", "0, 5 | 5, 0 | 3, often"), "turned.csv"
    )
    head = "Record ID,Event Name,Sex,Complete?\n"
    path = written(tmp_path, head + "1,Start,5,\n2,Start,0,\n3,Start,often,\n4,Start,5,\n")
    assert gathered(path, dictionary=turned)["sex"].tolist() == ["0", "5", "3", "0"]
    written(tmp_path, head + "1,Start,5,\n2,Start,3,\n3,Start,4,\n")
    with pytest.raises(
        DataError, match="2 answer.*written like codes: row 3, column Sex; row 4, column Sex"
    ):
        read_file(Source(path, dictionary=turned))


def test_an_event_of_which_every_answer_is_left_out_is_no_visit(tmp_path: Path) -> None:
    text = "redcap_data_access_group,sex,nrs\n1,enrol,,,north,2,\n1,week_1,,,north,,4\n1,week_2,,,north,,\n"
    path = written(tmp_path, HEAD + text)
    table = gathered(path, dictionary=book(tmp_path), without=("base",))
    assert table[EVENT].tolist() == ["week_1", "week_2"] and table["nrs"].tolist() == ["4", ""]


def test_choices_are_parted_at_bars_and_at_the_first_comma_only(tmp_path: Path) -> None:
    fields = {f.name: f for f in read_codebook(book(tmp_path)).fields}
    assert (
        fields["dx"].choices == {"1": "CRPS", "-2": "Other, specify"}
        and fields["nrs"].label == "Average pain"
    )
    assert fields["vas"].choices == {} and fields["home"].identifier
    assert Field("t", "f", "text", "", validation="date_dmy").type == "date"
    with pytest.raises(DataError, match="not a REDCap data dictionary"):
        read_codebook(written(tmp_path, "a,b\n1,2\n"))
    with pytest.raises(DataError, match="more than once: sex"):
        read_codebook(written(tmp_path, BOOK + "sex,pain,text,x,,\n"))


def test_the_newest_record_is_found_in_an_export_whose_forms_repeat(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "given\n1,a,infusion,1,2024-03-04\n1,a,infusion,2,2024-03-06\n")
    assert newest_record(Freshness(file=path.name, column="given"), tmp_path) == date(2024, 3, 6)


def test_forms_are_named_for_redcap_only(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no REDCap export"):
        read_file(Source(written(tmp_path, "id,nrs\n1,2\n"), form="pain"))


# --- properties -----------------------------------------------------------------------------------

ANSWERS = st.dictionaries(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(("pre", "post")),
        st.sampled_from(("f1", "f2", "f3")),
    ),
    st.text("0123456789x", min_size=1, max_size=3),
    min_size=1,
)


def export(answers: Sequence[tuple[tuple[str, str, str], str]], how: str) -> str:
    """Answers as rows of field and value, or as the blocks of a raw export where each form has one
    field and repeats.
    """
    if how == "eav":
        return f"record,{EVENT},field_name,value\n" + "".join(
            f"{r},{e},{f},{v}\n" for (r, e, f), v in answers
        )
    names = sorted({f for (_, _, f), _ in answers})
    rows = (
        f"{r},{e},{f},1," + ",".join(v if f == n else "" for n in names) for (r, e, f), v in answers
    )
    return HEAD + ",".join(names) + "\n" + "".join(f"{row}\n" for row in rows)


@settings(max_examples=40, deadline=None)
@given(
    answers=ANSWERS, how=st.sampled_from(("eav", "raw")), order=st.randoms(use_true_random=False)
)
def test_nothing_is_lost_or_added_by_gathering_in_any_order_of_rows(
    tmp_path_factory: pytest.TempPathFactory,
    answers: dict[tuple[str, str, str], str],
    how: str,
    order: object,
) -> None:
    folder = tmp_path_factory.mktemp("redcap")
    rows = list(answers.items())
    order.shuffle(rows)  # type: ignore[attr-defined]
    table = gathered(written(folder, export(rows, how)))
    melted = {
        (table.frame.iat[i, 0], table.frame.iat[i, 1], c): v
        for i in range(len(table))
        for c, v in table.frame.iloc[i, 2:].items()
        if v
    }
    assert melted == answers
    for i, j in np.argwhere(table.at >= 0):
        at = table.at[i, j]
        if j > 1:
            assert rows[at] == (
                (table.frame.iat[i, 0], table.frame.iat[i, 1], table.columns[j]),
                table.frame.iat[i, j],
            )
            assert int(table.base.rows[at]) == at + 2
