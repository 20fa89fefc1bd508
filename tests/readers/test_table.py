"""From a clinic's file to a study: nothing lost in silence, nothing guessed, errors that show no
patient.
"""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outcomes.core.errors import DataError, InstrumentError, OutcomesError, PrivacyError, StudyError
from outcomes.readers import read_table
from outcomes.readers.formats.excel import read_excel
from tests.readers.books import plain, raw
from tests.shared import EXPORTS, PUBLISHED

NRS = {"pain_nrs": {"average": "nrs"}}
LONG = "id,visit,nrs\n001,pre,7\n001,post,4\n002,pre,8\n002,post,6\n"


@pytest.fixture
def read(tmp_path):
    def reader(content, **said):
        path = tmp_path / "scores.csv"
        path.write_text(content, encoding="utf-8")
        for table in ("patients", "infusions", "events"):
            if table in said:
                (tmp_path / f"{table}.csv").write_text(said[table], encoding="utf-8")
                said[table] = tmp_path / f"{table}.csv"
        return read_table(path, **{"patient": "id", **said})

    return reader


def column(study, name):
    return study.columns.set_index("column").loc[name]


def issue(study, rule):
    [found] = [i for i in study.issues if i.rule == rule]
    return found


# --- long -----------------------------------------------------------------------------------------


def test_a_long_table(read):
    study = read(LONG, visit="visit", visits=["pre", "post"], instruments=NRS)
    assert study.visits == ("pre", "post") and study.baseline == "pre" and study.enrolled == 2
    assert study.wide("pain_nrs_average").to_numpy().tolist() == [[7, 4], [8, 6]]
    assert study.rows == ("row 2", "row 3", "row 4", "row 5")
    assert (
        study.sources[0]["file"] == "scores.csv"
        and len(study.sources[0]["sha256"]) == 64
        and study.sources[0]["rows"] == 4
    )


def test_what_became_of_every_cell_is_reported(read):
    study = read(
        "id,visit,nrs,effects\n1,pre,7/10,None\n1,post,-99,\n2,pre,6?,nausea\n2,post,,None\n3,pre,77,\n",
        visit="visit",
        visits=["pre", "post"],
        instruments=NRS,
        missing=["-99"],
    )
    nrs = column(study, "nrs")
    assert [nrs[s] for s in ("parsed", "blank", "coded", "unparseable", "outside")] == [
        1,
        1,
        1,
        1,
        1,
    ]
    assert nrs["addresses"] == "row 4, column nrs; row 6, column nrs"
    assert issue(study, "unparseable").addresses == ("row 4, column nrs",)
    assert (
        study.scores["effects"].tolist()[0] == "None" and study.scores["effects"].isna().sum() == 2
    )
    refused = [i for i in study.score().issues if i.rule == "refused answer"]
    assert refused and refused[0].addresses == ("row 6",)


def test_a_ready_score_outside_its_scale_is_refused_by_address(read):
    outcomes = {"mood": {"column": "phq", "better": "lower", "low": 0, "high": 27}}
    study = read("id,visit,phq\n1,pre,30\n1,post,9\n", visit="visit", outcomes=outcomes)
    assert issue(study, "refused answer").addresses == ("row 2, column phq",)
    assert np.isnan(study.long("mood")["value"][0]) and study.outcome("mood").better == "lower"


def test_visits_without_a_declared_order_are_noted(read):
    study = read("id,visit,nrs\n1,week_4,3\n1,baseline,7\n", visit="visit", instruments=NRS)
    assert (
        study.visits == ("baseline", "week_4")
        and "by the time" in issue(study, "visit_order").message
    )


def test_ids_stay_text_and_never_become_numbers(read):
    study = read(
        "id,visit,nrs\n001,pre,7\n1,pre,6\n", visit="visit", instruments=NRS, ids="distinct"
    )
    assert list(study.patient_ids) == ["001", "1"]


def test_pairing_is_by_patient_not_by_row(read):
    rows = LONG.splitlines()
    shuffled = read(
        "\n".join([rows[0], rows[4], rows[1], rows[3], rows[2]]) + "\n",
        visit="visit",
        visits=["pre", "post"],
        instruments=NRS,
    )
    assert shuffled.wide("pain_nrs_average").to_numpy().tolist() == [[7, 4], [8, 6]]


def test_other_tables_roles_and_days(read):
    study = read(
        LONG,
        visit="visit",
        visits=["pre", "post"],
        instruments=NRS,
        date="when",
        dose="mg_kg",
        onset="onset_min",
        patients="id,diagnosis,arm\n001,CRPS,A\n002,neuropathy,B\n003,CRPS,A\n",
        infusions="id,when,mg_kg\n001,18/03/2024,0.5\n001,20/03/2024,0.6\n002,01/04/2024,0.5\n",
        events="id,event,when,onset_min,serious\n001,nausea,19/03/2024,40,no\n002,None,,,yes\n",
    )
    assert study.enrolled == 3 and study.characteristic("arm").tolist() == ["A", "B", "A"]
    assert study.infusions.columns.tolist() == ["patient", "dose", "day", "infusion"]
    assert study.infusions["day"].tolist() == [0, 2, 0] and study.infusions[
        "infusion"
    ].tolist() == [1, 2, 1]
    assert study.events["day"].tolist()[0] == 1 and study.events["event"].tolist() == [
        "nausea",
        "None",
    ]
    assert study.events["serious"].tolist() == [0, 1] and study.events["onset"].tolist()[0] == 40
    assert not any(
        "2024" in str(f.to_numpy().tolist()) for f in (study.scores, study.infusions, study.events)
    )


# --- wide -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "heading, said",
    [
        ("id,nrs_pre,nrs_post", {}),
        ("id,Pre nrs,Post nrs", {}),
        ("id,a,b", {"wide": {"columns": {"nrs": {"pre": "a", "post": "b"}}}}),
        ("id,nrs1,nrs2", {"wide": {"suffix": {"pre": "1", "post": "2"}}}),
        ("id,T0 nrs,T9 nrs", {"wide": {"prefix": {"pre": "T0", "post": "T9"}}}),
    ],
)
def test_wide_tables(read, heading, said):
    study = read(f"{heading}\n001,7,4\n002,8,6?\n", instruments=NRS, **said)
    assert study.visits == ("pre", "post")
    assert study.wide("pain_nrs_average").loc["001"].tolist() == [7, 4]
    assert issue(study, "unparseable").addresses == (f"row 3, column {heading.split(',')[2]}",)
    assert column(study, "nrs")["parsed"] == 3 and "visit" not in set(study.columns["column"])


def test_wide_with_an_episode_for_each_infusion(read):
    study = read(
        "id,infusion,pre,post\n1,1,7,4\n1,2,6,4\n2,1,8,7\n",
        episode="infusion",
        instruments={"pain_nrs": {"average": "score"}},
    )
    assert study.keys == ["patient", "episode", "visit"] and study.scores["episode"].tolist()[
        :3
    ] == [1, 2, 1]


@pytest.mark.parametrize(
    "said, message",
    [
        ({"visit": "visit", "wide": {"suffix": {"pre": "_pre"}}}, "exclude each other"),
        ({"wide": {"suffix": {"pre": "_x"}}}, r"\[wide\] finds no column"),
        ({"visits": ["pre", "week_4"]}, r"No visit 'week_4'\. There is: pre, post"),
    ],
)
def test_wide_declarations_that_do_not_fit(read, said, message):
    with pytest.raises(StudyError, match=message):
        read(
            (
                "id,visit,nrs_pre,nrs_post\n1,a,7,4\n"
                if "visit" in said
                else "id,nrs_pre,nrs_post\n1,7,4\n"
            ),
            **said,
        )


# --- instruments ----------------------------------------------------------------------------------


def test_instruments_by_prefix_list_total_and_name(read):
    heading = ",".join(
        [
            "id",
            "visit",
            *(f"phq9_{i}" for i in range(1, 10)),
            *(f"q{i}" for i in range(1, 8)),
            "isi",
            "nrs",
        ]
    )
    content = f"{heading}\n1,pre,{','.join(['1'] * 9 + ['2'] * 7)},21,7\n"
    said = {
        "phq9": {"prefix": "phq9_"},
        "gad7": {"items": [f"q{i}" for i in range(1, 8)]},
        "isi": {"total": "isi"},
        "pain_nrs": {"average": "nrs"},
    }
    ready = read(content, visit="visit", instruments=said).ready
    assert [
        ready.scores[c][0] for c in ("phq9_total", "gad7_total", "isi_total", "pain_nrs_average")
    ] == [9, 14, 21, 7]


@pytest.mark.parametrize(
    "said, kind, message",
    [
        (
            {"pain_nsr": {"average": "nrs"}},
            InstrumentError,
            r"No instrument 'pain_nsr'.*Did you mean 'pain_nrs'",
        ),
        (
            {"pain_nrs": {"averge": "nrs"}},
            StudyError,
            r"No item, score or option 'averge'.*Did you mean 'average'",
        ),
        ({"pain_nrs": {"average": "nsr"}}, StudyError, r"No column 'nsr'.*Did you mean 'nrs'"),
        ({"phq9": {"prefix": "zzz_"}}, StudyError, "no column begins with 'zzz_'"),
        ({"phq9": {"items": ["nrs"]}}, StudyError, "items is a list of 9 columns"),
        ({"phq9": 3}, StudyError, "phq9 needs its columns"),
    ],
)
def test_instruments_that_do_not_fit(read, said, kind, message):
    with pytest.raises(kind, match=message):
        read(LONG, visit="visit", instruments=said)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content, said, kind, message",
    [
        ("", {}, DataError, "is empty"),
        ("id,visit,nrs\n", {}, DataError, "headings but no rows"),
        ("id,visit,nrs,nrs\n1,pre,7,8\n", {}, DataError, "more than once: 'nrs'"),
        (LONG, {"patient": "patent"}, StudyError, r"\[roles\] patient: No column 'patent'"),
        (LONG, {"arm": "grp"}, StudyError, r"\[roles\] arm: No column 'grp'"),
        (LONG, {"amr": "nrs"}, StudyError, r"No role 'amr'.*Did you mean 'arm'"),
        (LONG, {"drop": ["name"]}, StudyError, r"\[privacy\] drop: No column 'name'"),
        (LONG, {"columns": {"nsr": "number"}}, StudyError, r"\[columns\] No column 'nsr'"),
        (LONG, {"columns": {"nrs": "nmber"}}, StudyError, "No column type 'nmber'"),
        (LONG, {"drop": ["id"]}, StudyError, "patient column cannot be dropped"),
        (LONG, {"visits": ["pre", "week_4"]}, StudyError, "not in the declared order: 'post'"),
        (
            LONG,
            {"visits": ["pre", "post"], "baseline": "basline"},
            StudyError,
            "No visit 'basline'",
        ),
        (LONG, {"ids": "loose"}, StudyError, "No way of comparing ids 'loose'"),
        (
            LONG,
            {"outcomes": {"x": {"column": "nrs", "better": "down"}}},
            StudyError,
            'better is "lower" or "higher"',
        ),
        (LONG, {"outcomes": {"x": {"colum": "nrs"}}}, StudyError, "No field 'colum'"),
        (
            "id,visit,nrs\n1,pre,7\n,post,4\n",
            {},
            DataError,
            r"1 row\(s\) have cells but no patient in column 'id': row 3",
        ),
        (
            "id,visit,nrs\n1,pre,7\n1,,4\n",
            {},
            DataError,
            r"1 row\(s\) have no visit in column 'visit': row 3",
        ),
        (
            "id,visit,nrs\nK1,pre,7\nk1,post,4\n",
            {},
            DataError,
            "spaces: scores row 2, column id and scores row 3, column id",
        ),
        (
            "id,visit,nrs\nK1,pre,7\nK1 ,post,4\n",
            {},
            DataError,
            "differ only by capitals or spaces",
        ),
        (
            "id,visit,nrs\n1,pre,7\n1,pre,6\n2,pre,5\n",
            {},
            DataError,
            "2 rows share the same patient and visit: row 2, row 3",
        ),
        (
            "id,visit,nrs,when\n1,pre,7,03/04/2024\n1,post,6,05/04/2024\n",
            {"date": "when"},
            DataError,
            "day/month or as month/day",
        ),
        (
            "id,visit,nrs,when\n1,pre,7,13/04/2024\n1,post,6,05/14/2024\n",
            {"date": "when"},
            DataError,
            "are mixed",
        ),
        (
            "id,visit,nrs,dob\n1,pre,7,1971-02-03\n",
            {},
            PrivacyError,
            r"dob \(scores table\): date of birth",
        ),
        (
            "id,visit,nrs\nMüller,pre,7\n",
            {},
            PrivacyError,
            "'id' names the patient: replace its codes",
        ),
    ],
)
def test_bad_input_gets_one_clear_message(read, content, said, kind, message):
    with pytest.raises(kind, match=message):
        read(content, **{"visit": "visit", "instruments": NRS if "nrs" in content else {}, **said})


def test_ids_that_are_the_same_person_when_the_file_says_so(read):
    content = "id,visit,nrs\nK1,pre,7\nk1 ,post,4\n"
    study = read(
        content, visit="visit", ids="casefold", instruments=NRS, patients="id,sex\n K1,F\n"
    )
    assert list(study.patient_ids) == ["K1"]
    with pytest.raises(DataError, match='ids = "casefold"'):
        read(content, visit="visit", ids="trim")
    assert list(
        read("id,visit,nrs\nK1,pre,7\nK1 ,post,4\n", visit="visit", ids="trim").patient_ids
    ) == ["K1"]


def test_ids_are_compared_across_tables(read):
    with pytest.raises(DataError, match=r"scores row 2, column id and patients row 2, column id"):
        read("id,visit,nrs\nK1,pre,7\n", visit="visit", patients="id,sex\nk1,F\n")


def test_a_patient_twice_in_the_patients_table(read):
    with pytest.raises(DataError, match="several rows for the same patient: row 2, row 3"):
        read(LONG, visit="visit", patients="id,sex\n001,F\n001,M\n")


def test_one_row_one_patient_and_all_missing_are_read(read):
    study = read("id,visit,nrs\n1,pre,\n", visit="visit", instruments=NRS)
    assert study.enrolled == 1 and study.long("pain_nrs_average")["value"].isna().all()


def test_markup_in_headings_and_formulas_in_labels_stay_text(read):
    study = read('id,visit,<script>x</script>\n1,pre,"=HYPERLINK(1)"\n', visit="visit")
    assert study.scores["<script>x</script>"].tolist() == ["=HYPERLINK(1)"]


def test_summary_rows_are_left_out_by_address(read):
    study = read(LONG + "Mean,,6.25\n", visit="visit", instruments=NRS)
    assert study.enrolled == 2
    assert issue(study, "summary_row").addresses == ("row 6, column id", "row 6, column nrs")


@pytest.mark.parametrize(
    "name, words",
    [
        ("a.sav", "SPSS"),
        ("a.xlsb", "a binary workbook"),
        ("a.parquet", "Parquet"),
        ("a.json", "not valid JSON"),
        ("a.pkl", "run code"),
    ],
)
def test_kinds_of_files_that_are_not_read(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=words):
        read_table(tmp_path / name, patient="id")


def test_a_file_that_is_not_there(tmp_path):
    (tmp_path / "scores.csv").write_text(LONG)
    with pytest.raises(DataError, match=r"There is no file 'score.csv'.*Did you mean 'scores.csv'"):
        read_table(tmp_path / "score.csv", patient="id")


def test_a_workbook_under_another_name_is_still_a_workbook(tmp_path):
    path = plain(tmp_path / "a.xlsx", [["id", "nrs_pre", "nrs_post"], ["001", 7, 4]])
    study = read_table(path.rename(tmp_path / "a.csv"), patient="id", instruments=NRS)
    assert study.sources[0]["sheet"] == "Scores"
    (tmp_path / "b.csv").write_text(LONG)
    with pytest.raises(StudyError, match="it has no sheets"):
        read_table(tmp_path / "b.csv", patient="id", sheet="x")


# --- nothing lost ---------------------------------------------------------------------------------


def cells_in_the_study(study):
    return int(study.columns[["parsed", "coded", "unparseable", "outside"]].to_numpy().sum())


@pytest.mark.parametrize("name", ["clinic_wide.xlsx", "clinic_wide_1904.xlsx"])
def test_the_clinic_workbook_in_full(name):
    path = EXPORTS / name
    with pytest.raises(PrivacyError, match="Patient Infusion date"):
        read_table(path, patient="Patient ID")
    outcomes = {
        "bpi": {"column": "BPI int.", "low": 0, "high": 10},
        "phq": {"column": "PHQ9", "low": 0, "high": 27},
    }
    study = read_table(
        path,
        patient="Patient ID",
        drop=["Patient Infusion date"],
        instruments={"pain_nrs": {"average": "NRS"}},
        outcomes=outcomes,
    )
    assert study.visits == ("pre", "post") and list(study.patient_ids)[:5] == [
        "001",
        "002",
        "003",
        "004",
        "005",
    ]
    assert column(study, "NRS")["addresses"] == "D8, D9, D10, G7, G8, G9, G10"
    assert issue(study, "summary_row").addresses == ("A11", "D11") and issue(
        study, "date_as_patient"
    ).addresses == ("A12",)
    assert study.wide("pain_nrs_average").to_numpy().tolist()[0] == [7, 4] and study.wide(
        "bpi"
    ).loc["001"].tolist() == [6.5, 4]
    assert study.wide("pain_nrs_average").loc["002", "pre"] == 7
    # every cell of the sheet: in the study, a patient's code, or listed as left out
    table = read_excel(path)
    filled = int((table.frame != "").to_numpy().sum())
    dropped = sum(len(i.addresses) for i in study.issues if i.rule == "dropped_column")
    assert filled == cells_in_the_study(study) + dropped + study.enrolled


def test_the_european_file():
    path = EXPORTS / "european_semicolon_cp1252.csv"
    with pytest.raises(PrivacyError, match="record_id"):
        read_table(path, patient="record_id", date="infusion_date")
    study = read_table(
        path,
        patient="record_id",
        date="infusion_date",
        allow=["record_id"],
        missing=["n/a"],
        instruments={"pain_nrs": {"average": "nrs_avg"}},
    )
    assert (
        study.wide("pain_nrs_average").loc["K001"].tolist() == [7.5, 4.0]
        and column(study, "nrs_avg")["coded"] == 1
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.lists(
            st.sampled_from(["", "7", "7/10", "6?", "-99", "None", "½", "77", " 4 "]),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_cell_is_in_the_study_or_listed(read, rows):
    content = "id,nrs_pre,nrs_post,effects\n" + "".join(
        f"{i},{','.join(r)}\n" for i, r in enumerate(rows)
    )
    study = read(content, instruments=NRS, missing=["-99"])
    assert cells_in_the_study(study) == sum(bool(c.strip()) for r in rows for c in r)
    report = study.columns.set_index("column")
    counts = report[["parsed", "blank", "coded", "unparseable", "outside"]].sum(axis=1)
    assert counts["nrs"] == 2 * len(rows) and counts["effects"] == len(rows)


# --- no patient in a message ----------------------------------------------------------------------


CANARY = "CANARY7391"


@pytest.mark.parametrize(
    "content, said",
    [
        (f"id,visit,nrs\n{CANARY},pre,7\n{CANARY.lower()},post,4\n", {}),
        (f"id,visit,nrs\n{CANARY},pre,7\n{CANARY},pre,4\n", {}),
        (f"id,visit,nrs\n{CANARY},pre,7,{CANARY}\n", {}),
        (f'id,visit,nrs\n{CANARY},pre,"{CANARY}\n', {}),
        (f"id,visit,nrs,mail\n1,pre,7,{CANARY}@b.org\n", {}),
        (f"id,visit,nrs\n,pre,{CANARY}\n", {}),
        (f"id,visit,nrs\n1,,{CANARY}\n", {}),
        ("id,visit,nrs\n" + "".join(f"1,{CANARY}{i},7\n" for i in range(80)), {}),
        ("id,visit,nrs\n" + "".join(f"1,{CANARY}{i},7\n" for i in range(80)), {"visits": ["pre"]}),
        (LONG, {"patients": f"id,sex\n{CANARY},F\n{CANARY},M\n"}),
        (
            f"id,visit,nrs,when\n{CANARY},pre,7,03/04/2024\n{CANARY},post,7,05/04/2024\n",
            {"date": "when"},
        ),
    ],
)
def test_no_value_of_a_patient_in_an_error(read, content, said):
    with pytest.raises(OutcomesError) as wrong:
        read(content, **{"visit": "visit", "instruments": NRS, **said})
    text, error = "", wrong.value
    while error is not None:
        text, error = text + str(error), error.__cause__
    assert CANARY.lower() not in text.lower() and "2024" not in text


def test_no_value_of_a_patient_in_issues_or_the_column_report(read):
    study = read(
        f"id,visit,nrs,effects\n{CANARY},pre,{CANARY},{CANARY}\nMean,,{CANARY},\n",
        visit="visit",
        instruments=NRS,
    )
    shown = repr(study.issues) + study.columns.to_string() + repr(study) + repr(study.sources)
    assert CANARY not in shown and issue(study, "unparseable").count == 1


def test_a_hostile_workbook_stops_before_it_is_opened(tmp_path):
    path = raw(
        tmp_path / "a.xlsx",
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c'
        ' r="XFD1048576"><v>1</v></c></row>',
    )
    with pytest.raises(DataError, match="XFD1048576"):
        read_table(path, patient="id")


def test_a_date_in_a_score_cell_is_not_a_score(tmp_path):
    path = plain(
        tmp_path / "a.xlsx",
        [["id", "nrs_pre", "nrs_post"], ["1", 7, datetime.date(2024, 10, 7)], ["2", 6, 5]],
    )
    study = read_table(path, patient="id", instruments=NRS)
    assert issue(study, "date_as_score").addresses == ("C2",)


def test_published_files_read_as_published():
    faria = read_table(
        PUBLISHED / "faria2022_esketamine/Dataset_latin1.csv",
        patient="Id",
        outcomes={"madrs": {"column": "MADRS", "better": "lower"}},
    )
    pairs = faria.pairs("madrs", before="baseline", after="post")
    assert pairs.counts.analysed == 10 and round(float(-pairs.change.mean()), 6) == 12.3
    headache = {"headache": {"column": "pk", "better": "lower"}}
    wide = {"suffix": {"baseline": "1", "month_3": "2", "month_12": "5"}}
    for name in ("acupuncture.csv", "acupuncture.xlsx"):
        vickers = read_table(
            PUBLISHED / "vickers2004_acupuncture" / name,
            patient="id",
            arm="group",
            wide=wide,
            outcomes=headache,
        )
        frame = vickers.wide("headache")
        assert frame.notna().sum().tolist() == [401, 326, 301]
        done = frame[frame["month_12"].notna()]
        arms = vickers.characteristic("arm").reindex(done.index)
        assert pd.Series(done["baseline"]).groupby(arms).mean().round(1).tolist() == [26.7, 24.6]
