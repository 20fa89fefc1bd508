"""The data dictionary that a REDCap project starts from, and that our own reader reads back."""

from __future__ import annotations

import csv
import math
import re
from itertools import pairwise
from pathlib import Path

import pytest

from outcomes import instrument
from outcomes.cli import main
from outcomes.core.errors import InstrumentError
from outcomes.questionnaires import recognise, shipped
from outcomes.questionnaires.redcap_dictionary import HEADINGS, redcap_dictionary
from outcomes.readers.exports.codebook import read_codebook
from tests.shared import EXPORTS


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("id", sorted(shipped()))
def test_every_instrument_can_be_asked_and_is_read_back(id: str, tmp_path: Path) -> None:
    kind = instrument(id)
    path = tmp_path / "dictionary.csv"
    path.write_text(redcap_dictionary([id]), encoding="utf-8")
    book = read_codebook(path)
    assert book.forms == ("record", id)
    fields = book.fields[1:]
    assert len(fields) == len(kind.items)
    for f, item, row in zip(fields, kind.items, rows(path.read_text("utf-8"))[1:], strict=True):
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,99}", f.name), f.name
        if f.kind == "radio":
            codes = [float(c) for c in f.choices]
            assert (codes[0], codes[-1]) == (item.low, item.high)
            assert list(f.choices) == list(f.choices.values())  # codes, and no wording
            steps = {round(b - a, 9) for a, b in pairwise(codes)}
            assert tuple(codes) == item.allowed or steps == {item.step}
        else:
            assert f.type in ("integer", "number")
            assert float(row["Text Validation Min"]) == item.low
            high = row["Text Validation Max"]
            assert (float(high) if high else math.inf) == item.high
    found = kind.find([f.name for f in fields])
    assert found == {i.code: f.name for i, f in zip(kind.items, fields, strict=True)}


def test_several_instruments_are_forms_and_are_recognised_for_sure(tmp_path: Path) -> None:
    ids = ["phq9", "gad7", "hit6", "pain_nrs", "dass21"]
    path = tmp_path / "dictionary.csv"
    path.write_text(redcap_dictionary(ids, record="study_id"), encoding="utf-8")
    book = read_codebook(path)
    assert book.forms == ("record", *ids) and book.fields[0].name == "study_id"
    found = {r.instrument: r.sure for r in recognise([f.name for f in book.fields])}
    assert found == dict.fromkeys(ids, True)
    assert book.columns["hit6_1"].choices == {c: c for c in ("6", "8", "10", "11", "13")}


def test_the_columns_are_those_of_a_real_project() -> None:
    real = (EXPORTS / "redcap_data_dictionary.csv").read_text("utf-8").splitlines()[0]
    assert next(csv.reader([real])) == list(HEADINGS)


def test_safety_items_carry_their_note_and_no_label_carries_wording() -> None:
    made = {r["Variable / Field Name"]: r for r in rows(redcap_dictionary(["phq9"]))}
    assert "follow the clinic's safety procedure" in made["phq9_9"]["Field Note"]
    assert made["phq9_1"]["Field Note"] == ""
    assert made["phq9_1"]["Field Label"] == "PHQ-9 1: interest"


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(InstrumentError, match="Name at least one instrument"):
        redcap_dictionary([])
    with pytest.raises(InstrumentError, match=r"No instrument 'phq'.*phq9"):
        redcap_dictionary(["phq"])
    with pytest.raises(InstrumentError, match="more than once: gad7"):
        redcap_dictionary(["gad7", "phq9", "gad7"])


def test_the_command_writes_the_file_and_spares_one_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "dictionary.csv"
    words = ["redcap-dictionary", "phq9", "gad7", "--to", str(target)]
    assert main(words) == 0
    assert target.read_text("utf-8") == redcap_dictionary(["phq9", "gad7"])
    assert "17 fields in 3 forms" in capsys.readouterr().out
    assert main(words) == 2
    assert "already there" in capsys.readouterr().err
    assert main([*words, "--force", "--quiet"]) == 0
    assert main(["redcap-dictionary", "phq99", "--to", str(tmp_path / "x.csv")]) == 2
    assert not (tmp_path / "x.csv").exists()
