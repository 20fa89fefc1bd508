"""A large text table is held as distinct texts and codes: cells, rows, issues and addresses are those
of the plain reading."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import OutcomesError
from outcomes.readers import privacy
from outcomes.readers.cells import pattern, shape, shapes
from outcomes.readers.formats import delimited
from outcomes.readers.ids import as_number

DATA = Path(__file__).parents[2] / "data" / "sample"
TEXTS = {
    "plain": "id,visit,nrs\nK-01,pre,7\nK-01,post,4\nK-02,pre,\n",
    "quotes": 'id,note,nrs\n"K-01","a, ""b""",7\nK-02,"two\nlines",4\nK-03,,5\n',
    "empty line": "id,nrs\nK-01,7\n\nK-02,4\n",
    "spaces": "id;nrs\nK-01;  \nK-02; 6,5\n",
    "title": "Pain clinic,,\n,,\nid,visit,nrs\nK-01,pre,7\nK-02,pre,4\nK-03,pre,5\n",
    "closing line": "id,visit,nrs\nK-01,pre,7\nK-02,pre,4\nK-03,pre,5\nmean of all\n",
    "a quote inside": 'id,note\nK-01,5" scar\nK-02,none\n',
    "words for nothing": "id,nrs\nNA,7\nnull,NaN\nNone,\n",
    "ragged": "id,visit,nrs\nK-01,pre,7\nK-02,pre\nK-03,pre,5,9\n",
    "accents": "id,site\nK-01,Köln\nK-02,Đà Nẵng\n",
}


def table(path):
    """What reading a table gives, or the words of its error."""
    try:
        made = delimited.read_delimited(path)
    except OutcomesError as wrong:
        return str(wrong)
    where = [made.address(i, made.columns[-1]) for i in range(len(made))]
    return made.frame.astype(object).to_dict("list"), made.rows.tolist(), made.notes, where


@pytest.mark.parametrize("name", TEXTS)
def test_cells_rows_notes_and_addresses_are_the_same(name, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text(TEXTS[name], "utf-8")
    plain = table(path)
    monkeypatch.setattr(delimited, "CODED_FROM", 0)
    assert table(path) == plain
    if name in ("plain", "quotes", "accents"):
        dtypes = delimited.read_delimited(path).frame.dtypes
        assert all(isinstance(d, pd.CategoricalDtype) for d in dtypes)


@pytest.mark.parametrize("study", ["study.toml", "parallel/study.toml", "crossover/study.toml"])
def test_a_study_is_the_same(study, monkeypatch):
    plain = oc.read_study(DATA / study)
    monkeypatch.setattr(delimited, "CODED_FROM", 0)
    coded = oc.read_study(DATA / study)
    for name in ("scores", "patients", "infusions", "events"):
        one, other = getattr(plain, name), getattr(coded, name)
        assert (one is None) == (other is None)
        if one is not None:
            pd.testing.assert_frame_equal(one, other)
    assert coded.record.issues == plain.record.issues
    assert list(coded.rows) == list(plain.rows)
    pd.testing.assert_frame_equal(coded.record.columns, plain.record.columns)


def test_records_do_not_depend_on_the_block(monkeypatch):
    made = random.Random(4)
    regular = 0
    for _ in range(400):
        size = made.randrange(1, 30)
        text = ("".join(made.choice('ab,"\n') for _ in range(size)) + "\n").encode()
        monkeypatch.setattr(delimited, "_BLOCK", 1 << 22)
        whole = delimited._records(text, ",")
        monkeypatch.setattr(delimited, "_BLOCK", made.randrange(1, 9))
        parts = delimited._records(text, ",")
        assert (whole is None) == (parts is None), text
        if whole is None:
            continue
        for field in ("starts", "ends", "cells"):
            assert getattr(whole, field).tolist() == getattr(parts, field).tolist(), text
        cells = [len(r) or 1 for r in csv.reader(io.StringIO(text.decode(), newline=""))]
        assert whole.cells.tolist() == cells, text
        regular += '"' in text.decode()
    assert regular > 20


def test_what_is_asked_of_a_pattern_is_true_of_its_texts():
    made = random.Random(5)
    for _ in range(2_000):
        code = "".join(made.choice("k0019-. ,") for _ in range(made.randrange(1, 7)))
        other = "".join(made.choice("0123456789") if c.isdigit() else c for c in code)
        assert shapes([code, other]) == [shape(code), shape(other)]
        if other != code:  # codes of one pattern are never one code written in two ways
            assert as_number(other) != as_number(code), (code, other)


@pytest.mark.parametrize(
    "text",
    [
        "a.b@example.org",
        "https://example.org/a",
        "192.168.0.12",
        "fe80:0:0:0:1",
        "123-45-6789",
        "RSSMRA85T10A562S",
        "943 476 5919",
        "111222333",
        "529.982.247-25",
        "1 84 12 76 451 089 46",
        "12345678Z",
        "X1234567L",
        "A123456780",
        "+49 30 1234567",
        "12345-6789",
        "SW1A 1AA",
        "1012 AB",
        "d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_a_pattern_is_asked_for_no_more_than_its_texts_have(text):
    fitting = [row for row in privacy._PATTERNS if row[2](text)]
    assert fitting, "an example of some pattern"
    assert all(row[4](pattern(text)) for row in fitting)
