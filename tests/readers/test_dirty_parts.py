"""Dirty files in parts: the same answers, counts, notes, sentences, issues and addresses as of the
whole, and, where a file is refused, the same words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import outcomes as oc
from outcomes.core.errors import OutcomesError
from outcomes.readers.partitions.divided import _own_texts, _together
from outcomes.study.engines import SerialEngine
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.sums import PatientValues
from tests.contract.test_in_parts import DRAWN, same
from tests.golden.numbers import studies
from tests.readers.test_parts import issues

STUDY = """
[study]
design = "parallel"
reference = "placebo"
arms = { K = "ketamine", P = "placebo" }

[data]
scores = "scores.csv"
patients = "patients.csv"
missing = ["-99"]
ids = "IDS"

[roles]
patient = "id"
visit = "when"

[visits]
order = ["baseline", "week_1", "week_4"]

[outcomes]
pain = { column = "nrs", better = "lower", low = 0, high = 10 }
vas = { column = "vas", better = "lower", low = -50, high = 100 }

[[analysis]]
method = "Responders"
outcome = "pain"
before = "baseline"
after = "week_4"

[[analysis]]
method = "ANCOVA"
outcome = "vas"
before = "baseline"
after = "week_4"

[[analysis]]
method = "SignedRank"
outcome = "vas"
before = "baseline"
after = "week_4"

[[analysis]]
method = "Describe"
"""
SPELT = {
    "baseline": ["Baseline", " baseline", "BASELINE"],
    "week_1": ["Week 1", "week 1"],
    "week_4": ["Week_4", "Week 4 "],
}
CODES = ("{0}", "{0:03d}", "P-{0}", "k{0:02d}", "{0}.0")


def number(rng, x):
    """A number as somebody may write it."""
    if x == 0 and rng.random() < 0.3:
        return str(rng.choice(["-0.0", "-0"]))
    ways = [f"{x:g}".replace(".", ","), f"{float(x)}", f"{x:.2f}", f" {x:g} "]
    return str(rng.choice(ways)) if rng.random() < 0.35 else f"{x:g}"


def dirty(folder, seed, *, refused, ids="exact"):
    """A small study as a clinic writes it. With `refused` some patients' codes, visits and arms are
    written in several ways, rows come twice, and rows are empty.
    """
    rng = np.random.default_rng(seed)
    way, n, rows = CODES[seed % len(CODES)], int(rng.integers(8, 40)), []

    def code(i):
        text = way.format(i + 1)
        if not refused or rng.random() < 0.93:
            return text
        return str(rng.choice([text.upper(), f" {text}", f"0{text}", text.replace("-", "")]))

    for i in range(n):
        for visit, others in SPELT.items():
            if rng.random() < 0.1:
                continue
            pain, vas = int(rng.integers(0, 11)), rng.normal(0 if i % 3 else 40, 20)
            row = [code(i), visit, number(rng, pain)]
            row.append(number(rng, float(np.round(vas, int(rng.integers(0, 3))))))
            if rng.random() < 0.05:
                row[2] = rng.choice(["-99", "n/k", "", "11", "NA", "5*", "-", "#N/A", "7/10"])
            if rng.random() < 0.03:
                row[3] = rng.choice(["", "-99", "  ", "1e1", "1.000,5"])
            if refused and rng.random() < 0.03:
                row[1] = rng.choice(others)
            rows += [row] * (2 if refused and rng.random() < 0.01 else 1)
    rows = [rows[i] for i in rng.permutation(len(rows))]
    if refused:
        rows.insert(len(rows) // 2, [""] * 4)
    pd.DataFrame(rows, columns=["id", "when", "nrs", "vas"]).to_csv(
        folder / "scores.csv", index=False
    )
    arms = ["K", "P", " P", "k", "ketamine"]
    patients = [
        [
            code(i),
            arms[int(rng.integers(0, 5 if refused and rng.random() < 0.05 else 2))],
            str(rng.integers(20, 80)),
            rng.choice(["f", "m", "F", "", "x"]),
        ]
        for i in range(n)
        if i == 0 or rng.random() < 0.97
    ]
    pd.DataFrame(patients, columns=["id", "arm", "age", "sex"]).to_csv(
        folder / "patients.csv", index=False
    )
    path = folder / "study.toml"
    path.write_text(STUDY.replace("IDS", ids))
    return path


def attempt(make):
    """What is made, or the words in which it is refused."""
    try:
        return make()
    except OutcomesError as why:
        return f"{type(why).__name__}: {why}"


def opened(path, **how):
    study = oc.read_parts(path, **how)
    study.facts  # the first look at every part  # noqa: B018
    return study


@settings(max_examples=6, derandomize=True)
@given(seed=st.integers(0, 10_000), parts=st.sampled_from([1, 7, 64]))
def test_dirty_cells(tmp_path_factory, seed, parts):
    path = dirty(tmp_path_factory.mktemp("dirty"), seed, refused=False)
    whole, study = oc.read_study(path), opened(path, parts=parts)
    assert issues(study) == issues(whole.ready)
    plan = oc.Plan.of(whole)
    for mine, theirs in zip(plan.run(study), plan.run(whole), strict=True):
        assert mine.failed == theirs.failed
        if not mine.failed:
            same(theirs, mine, 1e-9)
    need = PatientValues((("vas", ("baseline", "week_4")),), ("arm", "sex"))
    assert study.total(need).tally == need.of(whole).tally


@settings(max_examples=15, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    parts=st.sampled_from([1, 7, 64]),
    ids=st.sampled_from(["exact", "numbers"]),
)
def test_dirty_files_are_refused_in_the_same_words(tmp_path_factory, seed, parts, ids):
    path = dirty(tmp_path_factory.mktemp("refused"), seed, refused=True, ids=ids)
    whole, study = attempt(lambda: oc.read_study(path)), attempt(lambda: opened(path, parts=parts))
    if isinstance(whole, str) or isinstance(study, str):
        assert study == whole


def test_what_is_wrong_in_many_parts_is_said_of_the_first(tmp_path, monkeypatch):
    """No more than some parts are read together; the others are counted."""
    monkeypatch.setattr("outcomes.study.partitioned._TOGETHER", 2)
    path = dirty(tmp_path, 11, refused=True)
    with pytest.raises(OutcomesError, match=r"[0-9]+ more parts of the study have such cells"):
        opened(path, parts=64, engine=SerialEngine())


@pytest.mark.parametrize("name", ["vickers", "faria", "goldstein"])
def test_published_studies_in_parts(name):
    whole = next(study for called, study in studies() if called == name)
    plan = oc.Plan(*_questions(whole))
    asked = plan.run(whole)
    for parts in (1, 7, 64):
        answers = plan.run(PartitionedStudy.of(whole, parts=parts))
        for mine, theirs in zip(answers, asked, strict=True):
            assert mine.failed == theirs.failed
            if not mine.failed and type(mine.analysis).__name__ not in DRAWN:
                same(theirs, mine, 1e-9)


def _questions(study):
    score = study.outcome_names[0]
    first, last = study.visits[0], study.visits[-1]
    pair = {"before": first, "after": last}
    paired = [oc.PairedT, oc.SignedRank, oc.Responders, oc.SignTest, oc.IndividualChange]
    yield from (kind(score, **pair) for kind in paired)
    yield oc.MissingScores(score)
    if study.design == "parallel":
        yield from (oc.MMRM(score), oc.CLDA(score), oc.MMRM(score, df="CR2"))
        yield from (oc.ANCOVA(score, **pair), oc.MannWhitney(score, **pair))
        yield oc.CompareResponders(score, **pair)


def test_a_part_holds_the_codes_of_its_own_patients_only():
    """Categories of a whole file would go into every part; rows of several files stay in codes."""
    texts = sorted({"", *(f"p{i:03d}" for i in range(100))})
    whole = pd.DataFrame({"id": pd.Categorical([f"p{i:03d}" for i in range(100)], texts)})
    whole["nrs"] = pd.Categorical(["5", "7"] * 50, ["", "5", "6", "7"])
    parts = [_own_texts(whole.iloc[at].reset_index(drop=True)) for at in ([3, 50, 99], [4, 5])]
    assert [list(p["id"].cat.categories) for p in parts] == [
        ["", "p003", "p050", "p099"],
        ["", "p004", "p005"],
    ]
    again = _together(parts)
    assert isinstance(again["id"].dtype, pd.CategoricalDtype)
    expected = whole.iloc[[3, 50, 99, 4, 5]].astype(str).reset_index(drop=True)
    pd.testing.assert_frame_equal(again.astype(str), expected)
    mixed = _together([parts[0], parts[1].astype(object)])
    pd.testing.assert_frame_equal(mixed.astype(str), expected)
