"""Several rows at one visit, only some of the patients, and data without codes and dates."""

from __future__ import annotations

import datetime
import stat
import sys

import pandas as pd
import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.core.errors import DataError, StudyError
from outcomes.readers import read_study
from outcomes.readers.pseudonyms import days_moved, pseudonyms

DAYS = "days = { baseline = [-14, 0], week_4 = [14, 42] }"
#: Days of each patient's rows and the scores there.
ROWS = [(-10, 9), (-2, 8), (0, 7), (15, 6), (27, 2), (40, 4)]


def write(folder, more="", study="", rows=ROWS, score="nrs_avg", episode=False):
    start = datetime.date(2025, 3, 1)
    head = "id,on,nrs_avg,sex,age" + ",course" * episode
    lines = [head]
    infusions = ["id,on" + ",course" * episode]
    for p in range(4):
        for course in (1, 2) if episode else (0,):
            first = start + datetime.timedelta(7 * p + 200 * course)
            end = f",{course}" if episode else ""
            infusions.append(f"{p:03d},{first}{end}")
            for day, x in rows:
                on = first + datetime.timedelta(day)
                lines.append(
                    f"{p:03d},{on},{x if x is not None else ''},{'fm'[p % 2]},{30 + p}{end}"
                )
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")
    (folder / "infusions.csv").write_text("\n".join(infusions) + "\n")
    role = 'episode = "course"\n' if episode else ""
    text = f"""[study]
{study}
[data]
scores = "scores.csv"
infusions = "infusions.csv"
[roles]
patient = "id"
date = "on"
{role}[visits]
{DAYS}
baseline = "baseline"
{more}
[instruments]
pain_nrs = {{ average = "nrs_avg" }}
"""
    (folder / "study.toml").write_text(text)
    return folder / "study.toml"


@pytest.mark.parametrize(
    "rule, expected",
    [("closest", 2), ("first", 6), ("last", 4), ("worst", 6), ("mean", 4)],
)
def test_the_row_that_counts(tmp_path, rule, expected):
    study = read_study(write(tmp_path, f'several = "{rule}"'))
    wide = study.wide("pain_nrs_average")
    assert wide["baseline"].tolist() == [7] * 4  # the last before treatment, whatever the rule
    assert wide["week_4"].tolist() == [expected] * 4
    [issue] = [i for i in study.issues if i.rule == "several_rows"]
    assert issue.count == 16 and "row 2" in issue.addresses
    kept = {study.record.rows[i] for i in range(len(study.scores))}
    assert not kept & set(issue.addresses) and len(kept) == 8


def test_a_row_without_a_score_counts_only_alone(tmp_path):
    rows = [(-2, 8), (0, None), (20, 5), (28, None)]
    study = read_study(write(tmp_path, 'several = "closest"', rows=rows))
    assert study.wide("pain_nrs_average").to_numpy().tolist() == [[8, 5]] * 4


def test_the_mean_is_no_possible_answer_and_counts_all_the_same(tmp_path):
    rows = [(0, 8), (20, 5), (25, 4), (30, 2)]
    study = read_study(write(tmp_path, 'several = "mean"', rows=rows))
    assert study.wide("pain_nrs_average")["week_4"].tolist() == pytest.approx([11 / 3] * 4)


def test_each_course_has_its_own_days_and_baseline(tmp_path):
    study = read_study(write(tmp_path, 'several = "last"', episode=True))
    assert study.scores.groupby("episode")["nrs_avg"].agg(list).tolist() == [[7, 4] * 4] * 2


def test_without_a_rule_several_rows_are_refused(tmp_path):
    with pytest.raises(DataError, match="share the same patient and visit"):
        read_study(write(tmp_path))


# --- only some of the patients --------------------------------------------------------------------


@pytest.mark.parametrize(
    "include, left, why",
    [
        ('{ sex = "f" }', 2, "sex as excluded 2"),
        ("{ age = { at_least = 31, at_most = 32 } }", 2, "age as excluded 2"),
        ('{ sex = ["f", "m"], age = { at_least = 31 } }', 3, "age as excluded 1"),
    ],
)
def test_who_is_not_included_is_counted(tmp_path, include, left, why):
    path = write(tmp_path, 'several = "last"', f"include = {include}")
    study = read_study(path)
    assert study.enrolled == left
    [issue] = [i for i in study.issues if i.rule == "not_included"]
    assert issue.message == f"{4 - left} of 4 patients left out by [study] include: {why}."
    assert len(study.record.rows) == len(study.scores) == 2 * left
    assert set(study.infusions["patient"]) == set(study.scores["patient"])
    oc.write_report(
        study,
        [oc.PairedT("pain_nrs_average", before="baseline", after="week_4")],
        tmp_path / "report.html",
    )
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "patients in the files" in page and "included, as the study file says" in page


@pytest.mark.parametrize(
    "include, words",
    [
        ('{ sexx = "f" }', "Did you mean 'sex'"),
        ('{ sex = "w" }', "no patient has 'w'"),
        ("{ age = { above = 31 } }", "No bound 'above'"),
        ("{ sex = { at_least = 1 } }", "its values are no numbers"),
        ("{ age = { at_least = 99 } }", "leaves no patient"),
    ],
)
def test_conditions_that_cannot_be_met(tmp_path, include, words):
    with pytest.raises(StudyError, match=words):
        read_study(write(tmp_path, 'several = "last"', f"include = {include}"))


# --- pseudonyms and moved dates -------------------------------------------------------------------


def test_pseudonyms_are_the_same_for_one_key_and_others_for_another():
    a, b = pseudonyms(["001", "002"], b"a" * 32), pseudonyms(["001", "002"], b"b" * 32)
    assert a == pseudonyms(["002", "001"], b"a" * 32) and not set(a.values()) & set(b.values())
    moved = {days_moved(f"{n}", b"a" * 32) for n in range(500)}
    assert all(30 <= abs(d) <= 364 for d in moved) and min(moved) < 0 < max(moved)


def test_a_pseudonym_is_never_read_as_a_name():
    made = pseudonyms([str(n) for n in range(2000)], b"a" * 32).values()
    assert min(sum(c.isdigit() for c in name) for name in made) >= 2


def exported(folder):
    (folder / "apart").mkdir(exist_ok=True)
    assert main(["pseudonyms", str(folder / "scores.csv"), "--apart", str(folder / "apart")]) == 0
    path = write(folder, 'several = "last"')
    key, out = str(folder / "apart/pseudonyms.key"), folder / "out"
    words = ["export", str(path), "--deidentified", "--key", key, "--to", str(out)]
    assert main(words) == 0
    read = {"dtype": str, "keep_default_na": False}
    return path, pd.read_csv(out / "scores.csv", **read), pd.read_csv(out / "infusions.csv", **read)


def test_an_export_keeps_intervals_and_neither_codes_nor_dates(tmp_path):
    write(tmp_path)
    path, scores, infusions = exported(tmp_path)
    plain = pd.read_csv(tmp_path / "scores.csv", dtype=str)
    assert not set(scores["id"]) & set(plain["id"]) and set(infusions["id"]) == set(scores["id"])
    table = pd.read_csv(tmp_path / "apart/scores.pseudonyms.csv", dtype=str)
    called = dict(zip(table["code"], table["pseudonym"], strict=True))
    for code, name in called.items():
        old = pd.to_datetime(plain.loc[plain["id"] == code, "on"]).reset_index(drop=True)
        new = pd.to_datetime(scores.loc[scores["id"] == name, "on"]).reset_index(drop=True)
        assert (new - new[0]).equals(old - old[0]) and abs((new[0] - old[0]).days) >= 30
        dose = pd.to_datetime(infusions.loc[infusions["id"] == name, "on"]).iloc[0]
        assert (new[0] - dose).days == -10  # tables move together
    for name in ("scores.csv", "infusions.csv"):
        (tmp_path / name).write_bytes((tmp_path / "out" / name).read_bytes())
    again = read_study(path).wide("pain_nrs_average")
    assert sorted(map(tuple, again.to_numpy())) == [(7.0, 4.0)] * 4


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_key_table_and_export_can_be_read_by_their_owner_alone(tmp_path):
    write(tmp_path)
    exported(tmp_path)
    names = (
        "apart/pseudonyms.key",
        "apart/scores.pseudonyms.csv",
        "scores.coded.csv",
        "out/scores.csv",
    )
    assert {stat.S_IMODE((tmp_path / n).stat().st_mode) for n in names} == {0o600}


def test_the_key_is_not_kept_beside_the_data(tmp_path, capsys):
    write(tmp_path)
    assert main(["pseudonyms", str(tmp_path / "scores.csv"), "--apart", str(tmp_path)]) == 2
    assert "would have the key too" in capsys.readouterr().err
    assert not (tmp_path / "pseudonyms.key").exists()


def test_an_export_needs_its_word_and_its_key(tmp_path, capsys):
    path = write(tmp_path)
    words = ["export", str(path), "--key", str(tmp_path / "no.key"), "--to", str(tmp_path / "out")]
    assert main(words) == 2 and "say --deidentified" in capsys.readouterr().err
    assert main([*words, "--deidentified"]) == 2
    assert "There is no key file" in capsys.readouterr().err
