"""A file without headings, or with patients in columns: said at once, and no value is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

import outcomes as oc
from outcomes.cli import main

ROWS = (
    "P-1001,7,5,2024-03-01,m@example.org\n"
    "P-1002,6,4,2024-03-02,j@example.org\n"
    "P-1003,8,3,2024-03-05,x@example.org\n"
)
SECRET = ("P-1001", "2024-03-01", "example.org")


@pytest.mark.parametrize("command", ["init", "check"])
def test_a_file_without_headings_is_said_and_not_echoed(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scores.csv").write_text(ROWS)
    study = tmp_path / "study.toml"
    file = tmp_path / "scores.csv"
    if command == "check":
        study.write_text('[data]\nscores = "scores.csv"\n[roles]\npatient = "id"\n')
        file = study
    assert main([command, str(file)]) not in (0, 1)
    said = "".join(capsys.readouterr())
    assert "the first row looks like data" in said
    assert not [s for s in SECRET if s in said]


def test_a_row_of_numbers_above_words_is_a_heading(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("id,1,2,3\na,4,5,6\nb,4,5,6\nc,4,5,6\n")
    study = oc.read_table(file, patient="id", outcomes={"pain": {"column": "1", "better": "lower"}})
    assert study.enrolled == 3


def test_a_heading_row_that_stands_again_below_is_a_heading(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("id,pain\na,4\nid,pain\nb,5\nc,5\nd,5\n")
    with pytest.raises(oc.OutcomesError) as refused:
        oc.read_table(file, patient="id", outcomes={"pain": {"column": "pian", "better": "lower"}})
    assert "looks like data" not in str(refused.value)


def test_headings_that_look_like_values_are_counted_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("what,P-2001,P-2002\npain before,7,6\npain after,5,4\n")
    with pytest.raises(oc.OutcomesError) as refused:
        oc.read_table(file, patient="id", outcomes={"pain": {"column": "pain", "better": "lower"}})
    assert "There is: what, and 2 that look like values (not shown)." in str(refused.value)
    assert "P-2001" not in str(refused.value)


def test_a_file_outside_the_folder_is_read_only_where_its_folder_is_named(tmp_path: Path) -> None:
    home, other = tmp_path / "study", tmp_path / "exports"
    home.mkdir()
    other.mkdir()
    (other / "scores.csv").write_text("id,visit,pain\na,pre,7\na,post,5\nb,pre,6\nb,post,3\n")
    assert main(["init", str(other / "scores.csv"), "--to", str(home / "study.toml")]) == 0
    text = (home / "study.toml").read_text()
    assert 'folders = ["../exports"]' in text
    assert oc.read_study(home / "study.toml").enrolled == 2
    (home / "study.toml").write_text(text.replace('folders = ["../exports"]\n', ""))
    with pytest.raises(oc.OutcomesError, match="lies outside the folder of the study file"):
        oc.read_study(home / "study.toml")
    (home / "scores.csv").symlink_to(other / "scores.csv")
    (home / "study.toml").write_text((home / "study.toml").read_text().replace("../exports/", ""))
    with pytest.raises(oc.OutcomesError, match=r'folders = \["\.\./exports"\]'):
        oc.read_study(home / "study.toml")
