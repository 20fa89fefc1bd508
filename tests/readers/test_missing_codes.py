"""Codes for missing are proposed where the file shows that they mean missing, with their counts."""

from __future__ import annotations

import pytest

from outcomes.readers.draft import guess_study


def first(tmp_path, cells, other=("m", "w", "m", "w")):
    path = tmp_path / "a.csv"
    rows = [
        f"K{i // 2},{('pre', 'post')[i % 2]},{c},{o}" for i, (c, o) in enumerate(zip(cells, other))
    ]
    path.write_text("patient_id,visit,nrs_avg,land\n" + "\n".join(rows) + "\n", "utf-8")
    text, study, _ = guess_study(path)
    return text, study


@pytest.mark.parametrize(
    "code", ["NA", "NaN", "<undefined>", "#NULL!", ".", "-", "None", "NULL", "N/A", "UNK", "-99"]
)
def test_a_code_among_numbers_is_proposed_with_its_count(tmp_path, code):
    text, study = first(tmp_path, ["7", code, "6", "3"])
    assert f'missing = ["{code}"]   # guess: codes that mean missing ({code}: 1 in nrs_avg)' in text
    row = study.columns.set_index("column").loc["nrs_avg"]
    assert (row["coded"], row["unparseable"]) == (1, 0)


@pytest.mark.parametrize("word", ["NA", "None", "-"])
def test_a_word_among_words_is_an_answer(tmp_path, word):
    text, study = first(tmp_path, ["7", "5", "6", "3"], (word, "m", word, "w"))
    assert "# missing =" in text and study.scores["land"].tolist() == [word, "m", word, "w"]


def test_every_place_of_a_code_is_counted(tmp_path):
    text, _ = first(tmp_path, ["7", "NA", "NA", "3"], ("NA", "m", "w", "w"))
    assert "(NA: 2 in nrs_avg, 1 in land)" in text


def test_an_error_of_a_spreadsheet_is_not_proposed(tmp_path):
    text, study = first(tmp_path, ["7", "#N/A", "6", "3"])
    assert "# missing =" in text
    assert [i.addresses for i in study.issues if i.rule == "error_cell"] == [
        ("row 3, column nrs_avg",)
    ]
