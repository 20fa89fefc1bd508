"""The study file: codebook and plan in one TOML, with errors that say what exists."""

from __future__ import annotations

import contextlib
import textwrap
import tomllib
from pathlib import Path

import pytest

from outcomes.core.errors import DataError, OutcomesError, PrivacyError, StudyError
from outcomes.readers import read_study, read_table
from outcomes.readers.draft import guess_study
from outcomes.readers.study_form import SECTIONS
from outcomes.readers.studyfile import read_said, study_from_text
from tests.readers.books import plain
from tests.shared import DATA, EXPORTS, PUBLISHED

SAMPLES = Path(__file__).parents[2] / "data/sample"
STUDY = """
[study]
title = "A cohort"
design = "before-after"
entry = { outcome = "pain_nrs_average", at_least = 4 }

[data]
scores = "scores.csv"
patients = "patients.csv"
missing = ["-99", -88]

[roles]
patient = "code"
visit = "when"
route = "route"

[visits]
order = ["baseline", "week_4"]
names = { before = "baseline", "4 weeks" = "week_4" }

[instruments]
pain_nrs = { average = "nrs" }

[outcomes]
walk = { column = "metres", title = "Walking distance", better = "higher", unit = "m", low = 0, high = 5000 }

[columns]
ward = "text"

[privacy]
drop = ["remarks"]
allow = ["visit_date"]

[[analysis]]
method = "PairedT"
outcome = "pain_nrs_average"
before = "baseline"
after = "week_4"
"""
SCORES = (
    "code,when,nrs,metres,ward,remarks,visit_date\n001,before,7,120,01,he said,2024-03-04\n001,4"
    " weeks,-99,150,01,,2024-04-04\n"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "scores.csv").write_text(SCORES)
    (tmp_path / "patients.csv").write_text("code,route,age\n001,IV,47\n002,oral,-88\n")
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def test_everything_that_a_study_file_says(folder):
    study = read_study(folder / "study.toml")
    assert (study.title, study.design, study.visits, study.baseline) == (
        "A cohort",
        "before-after",
        ("baseline", "week_4"),
        "baseline",
    )
    assert study.entry == {"outcome": "pain_nrs_average", "at_least": 4} and not study.sample
    assert study.enrolled == 2 and study.characteristic("route").tolist() == ["IV", "oral"]
    assert study.outcome("walk").better == "higher" and study.wide("walk").loc["001"].tolist() == [
        120,
        150,
    ]
    assert study.scores["ward"].tolist() == ["01", "01"] and "remarks" not in study.scores
    assert study.questions[0]["method"] == "PairedT" and study.settings["privacy"]["allow"] == (
        "visit_date",
    )
    report = study.columns.set_index(["table", "column"])
    assert (
        report.loc[("scores", "nrs"), "coded"] == 1
        and report.loc[("patients", "age"), "coded"] == 1
    )


def test_the_same_as_arguments(folder):
    table = read_table(
        folder / "scores.csv",
        patient="code",
        visit="when",
        drop=["remarks", "visit_date"],
        missing=[-99],
        instruments={"pain_nrs": {"average": "nrs"}},
        visits=["before", "4 weeks"],
    )
    assert table.wide("pain_nrs_average").loc["001"].tolist()[0] == 7


@pytest.mark.parametrize(
    "old, new, kind, message",
    [
        ("[roles]", "[rols]", StudyError, r"No section 'rols'.*Did you mean 'roles'"),
        (
            "title =",
            "titel =",
            StudyError,
            r"study.toml, line 3, \[study\]: No key 'titel'.*Did you mean 'title'",
        ),
        ("order =", "ordr =", StudyError, r"\[visits\]: No key 'ordr'"),
        (
            'missing = ["-99", -88]',
            'missing = "-99"',
            StudyError,
            r"\[data\]: 'missing' is a list of texts or numbers, such as",
        ),
        (
            'order = ["baseline", "week_4"]',
            "order = [",
            StudyError,
            r"study.toml is not valid TOML: .*line \d+",
        ),
        (
            'scores = "scores.csv"',
            'scores = "score.csv"',
            DataError,
            r"no file 'score.csv'.*Did you mean 'scores.csv'",
        ),
        (
            'scores = "scores.csv"',
            'scores = { fil = "scores.csv" }',
            StudyError,
            r"\[data\]: No field 'fil'",
        ),
        ('scores = "scores.csv"', "", StudyError, r"\[data\] needs 'scores'"),
        (
            'scores = "scores.csv"',
            "scores = 3",
            StudyError,
            "'scores' is the name of a file in quotes or a table",
        ),
        (
            'patient = "code"',
            "patient = 3",
            StudyError,
            r"\[roles\]: 'patient' is the name of a column",
        ),
        (
            'patient = "code"',
            'patient = "cod"',
            StudyError,
            r"No column 'cod'.*Did you mean 'code'",
        ),
        (
            'design = "before-after"',
            'design = "before-afer"',
            StudyError,
            r"No design 'before-afer'",
        ),
        ('allow = ["visit_date"]', "", PrivacyError, r"visit_date \(scores table\): date"),
        ("[[analysis]]", "[analysis]", StudyError, r"analysis is written as \[\[analysis\]\]"),
        ("names = {", "names = { x = 'y', ", StudyError, ""),
    ],
)
def test_a_wrong_study_file_gets_one_clear_message(folder, old, new, kind, message):
    assert old in STUDY
    (folder / "study.toml").write_text(STUDY.replace(old, new))
    if not message:
        assert read_study(folder / "study.toml").visits == ("baseline", "week_4")
        return
    with pytest.raises(kind, match=message):
        read_study(folder / "study.toml")


def test_a_study_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(StudyError, match=r"no study file .*outcomes init"):
        read_study(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(StudyError, match="not UTF-8 text"):
        read_study(tmp_path / "study.toml")


def test_a_workbook_with_sheet_and_heading_row(tmp_path):
    plain(tmp_path / "a.xlsx", [["title"], ["id", "nrs_pre", "nrs_post"], ["001", 7, 4]])
    text = """
        data.scores = { file = "a.xlsx", sheet = "Scores", header = 2 }
        roles.patient = "id"
        wide.columns.nrs = { first = "nrs_pre", last = "nrs_post" }
    """
    study = study_from_text(text, tmp_path)
    assert study.visits == ("first", "last") and study.sources[0]["sheet"] == "Scores"


def test_a_clinics_own_instrument(tmp_path):
    library = Path(__file__).parents[2] / "outcomes/questionnaires/library/pain_nrs.toml"
    (tmp_path / "mine.toml").write_text(library.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "scores.csv").write_text("id,visit,a\n1,pre,7\n")
    text = """
        data.scores = "scores.csv"
        roles = { patient = "id", visit = "visit" }
        instruments.ours = { file = "mine.toml", average = "a" }
    """
    study = study_from_text(text, tmp_path)
    assert study.ready.outcome_names


def test_every_section_is_documented():
    names = [s.name for s in SECTIONS]
    assert (
        all(f"[{s}]" in (read_study.__doc__ or "") for s in names if s != "analysis")
        and "[[analysis]]" in read_study.__doc__
    )


@pytest.mark.parametrize("name, patients", [("study.toml", 240), ("crossover/study.toml", 40)])
def test_the_sample_studies(name, patients):
    study = read_study(SAMPLES / name)
    assert study.sample and study.enrolled == patients
    assert study.ready.outcome_names and study.infusions is not None and study.events is not None
    assert {"infusion", "day", "dose"} <= set(study.infusions)


# --- the first study file -------------------------------------------------------------------------


def test_a_guess_marks_itself_and_reads_back(tmp_path):
    heading = ",".join(
        [
            "Patient ID",
            "Visit",
            "NRS average",
            *(f"PHQ9_{i}" for i in range(1, 10)),
            "treatment",
            "e-mail",
        ]
    )
    rows = [
        f"{p},{v},{s},{','.join('1' * 9)},{'AB'[p % 2]},x{p}@b.org"
        for p in range(1, 7)
        for v, s in (("week 4", 5), ("baseline", -99), ("day 1", 7))
    ]
    (tmp_path / "s.csv").write_text("\n".join([heading, *rows]) + "\n")
    text, study, _ = guess_study(tmp_path / "s.csv")
    assert (
        study is not None
        and study.visits == ("baseline", "day 1", "week 4")
        and study.design == "parallel"
    )
    assert {"pain_nrs_average", "phq9_total"} <= set(study.outcome_names)
    for line in (
        'patient = "Patient ID"',
        'visit = "Visit"',
        'arm = "treatment"',
        'missing = ["-99"]',
        'drop = ["e-mail"]',
    ):
        [found] = [x for x in text.splitlines() if x.startswith(line)]
        assert "# guess" in found
    (tmp_path / "study.toml").write_text(text)
    assert read_study(tmp_path / "study.toml").visits == study.visits


def test_headings_that_are_hard_to_quote(tmp_path):
    (tmp_path / "s.csv").write_text(
        'id,"a ""b"" \\n_pre","a ""b"" \\n_post",<b>_pre,<b>_post\n1,7,4,1,2\n2,8,6,2,1\n'
    )
    text, study, _ = guess_study(tmp_path / "s.csv")
    assert study is not None and study.visits == ("pre", "post"), text


@pytest.mark.parametrize(
    "content, words",
    [
        ("id,nrs_avg\n1,7\n2,6\n", "one visit only"),
        ("id,visit,zzz\n1,pre,a\n1,post,b\n", "no score yet"),
        ("code,nrs_pre,nrs_post\nMüller,7,4\nMeier,3,2\n", "may identify a patient"),
    ],
)
def test_what_stands_in_the_way_is_said_and_the_rest_is_written(tmp_path, content, words):
    (tmp_path / "s.csv").write_text(content, encoding="utf-8")
    text, study, _ = guess_study(tmp_path / "s.csv")
    assert (
        study is None
        and words in text
        and text.startswith("# No plan can be made yet")
        and "[roles]" in text
    )
    assert "Müller" not in text


def test_codes_are_guessed_only_where_they_stand_apart(tmp_path):
    (tmp_path / "s.csv").write_text(
        "id,visit,a_nrs,change,ward\n1,pre,-99,-9,999\n1,post,4,-3,006\n2,pre,5,2,006\n2,post,UNK,4,007\n"
    )
    text, *_ = guess_study(tmp_path / "s.csv")
    assert 'missing = ["-99", "UNK"]' in text


def test_the_clinic_workbook_is_guessed():
    text, study, _ = guess_study(EXPORTS / "clinic_wide.xlsx")
    assert (
        study is not None
        and study.visits == ("pre", "post")
        and 'drop = ["Patient Infusion date"]' in text
    )
    assert set(study.outcome_names) == {"pain_nrs_average", "bpi_sf_interference", "phq9_total"}
    assert study.wide("pain_nrs_average").loc["001"].tolist() == [7, 4]


def test_a_guess_is_always_valid_toml():
    for path in sorted(DATA.glob("*.csv")) + sorted(PUBLISHED.glob("*/*.csv")):
        text, *_ = guess_study(path)
        tomllib.loads(textwrap.dedent(text))


KEYS = [
    "study.title",
    "study.design",
    "study.entry",
    "study.sample",
    "data.scores",
    "data.patients",
    "data.missing",
    "data.date_order",
    "data.ids",
    "roles.patient",
    "roles.visit",
    "visits.order",
    "visits.baseline",
    "visits.names",
    "instruments.pain_nrs",
    "instruments.phq9",
    "outcomes.walk",
    "columns.ward",
    "wide.suffix",
    "wide.prefix",
    "wide.columns",
    "privacy.drop",
    "privacy.allow",
]
WRONG = [
    3,
    "x",
    True,
    [1],
    ["x", ["y"]],
    {"a": 1},
    {"column": "metres", "low": "x"},
    {"average": 3},
    {"file": 3},
    {"a": {"b": 3}},
    [],
]


@pytest.mark.parametrize("where", KEYS)
@pytest.mark.parametrize("value", WRONG)
def test_a_value_of_the_wrong_kind_never_ends_in_a_traceback(folder, where, value):
    section, key = where.split(".")
    said = tomllib.loads(STUDY)
    if section == "wide":
        del said["roles"]["visit"]
    said.setdefault(section, {})[key] = value
    with contextlib.suppress(OutcomesError):
        assert read_said(said, folder, "study.toml").enrolled > 0


def test_columns_that_may_be_visits_are_shown_not_taken():
    text, study, _ = guess_study(PUBLISHED / "vickers2004_acupuncture/acupuncture.csv")
    assert study is None and "(pk, f here, perhaps)" in text
    for visit, end in (("visit_1", "1"), ("visit_2", "2"), ("visit_5", "5")):
        assert f'# {visit} = "{end}"' in text
