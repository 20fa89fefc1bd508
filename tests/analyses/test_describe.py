import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from tests.builders import two_visits


def test_the_change_is_of_the_same_patients_and_their_own_baseline_is_shown():
    result = oc.Describe().run(two_visits([9, 8, 3], [None, 6, 2]))
    later = result.data["visits"].set_index("visit").loc["week_4"]
    assert later["n"] == 2
    assert later["mean before (same patients)"] == 5.5
    assert later["mean change"] == -1.5
    assert result["mean | average pain (NRS) | baseline"].value == pytest.approx(20 / 3)


def test_the_correlation_with_the_baseline_is_of_the_same_patients():
    before, after = [9, 8, 3, 5, 7, 4], [None, 6, 2, 6, 3, 1]
    result = oc.Describe().run(two_visits(before, after))
    later = result.data["visits"].set_index("visit").loc["week_4"]
    e = result["correlation with baseline"]
    r = np.corrcoef(before[1:], after[1:])[0, 1]
    half = 1.959963984540054 / np.sqrt(2)  # five pairs
    assert later["correlation"] == e.value == pytest.approx(r, rel=1e-9)
    expected = np.tanh([np.arctanh(r) - half, np.arctanh(r) + half])
    assert (
        [later["correlation_low"], later["correlation_high"]]
        == [e.low, e.high]
        == pytest.approx(expected, rel=1e-9)
    )
    assert np.isnan(e.p) and e.visit == "week_4"  # described, not tested; none with itself


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [([9, 8], [4, 6], "too_few"), ([5, 5, 5], [1, 2, 3], "zero_variance")],
)
def test_a_correlation_that_is_undefined_says_why(before, after, reason):
    result = oc.Describe().run(two_visits(before, after))
    e = result["correlation with baseline"]
    assert (np.isnan(e.value), e.reason) == (True, reason)
    assert result.data["visits"]["correlation_reason"].iloc[1] == reason


def test_quartiles_are_type_7():
    rows = oc.Describe().run(two_visits([1, 2, 3, 4], [1, 1, 1, 1])).data["visits"]
    assert (rows["q1"][0], rows["median"][0], rows["q3"][0]) == (1.75, 2.5, 3.25)


def test_table_one_counts_missing_apart():
    patients = pd.DataFrame(
        {"patient": ["p001", "p002", "p003"], "sex": ["f", "m", None], "age": [50, 61, 72]}
    )
    table = oc.Describe().run(two_visits([5, 6, 7], [4, 4, 4], patients=patients)).data["table_one"]
    said = {(r.characteristic, r.level): r.value for r in table.itertuples()}
    assert said["sex", "f"] == "1 of 2 (50%)"
    assert said["sex", "not recorded"] == "1 of 3 (33%)"


def test_course_counts_who_was_seen_and_says_that_patients_differ():
    result = oc.Course("pain").run(two_visits([9, 8, 3], [None, 6, 2]))
    assert list(result.data["course"]["n"]) == [3, 2]
    assert any("not of the same people" in n for n in result.notes)
    assert "n=2 of 3" in result.sentence()


def test_course_by_group():
    patients = pd.DataFrame(
        {"patient": [f"p{i:03d}" for i in range(1, 5)], "route": ["IV", "oral", "IV", "oral"]}
    )
    result = oc.Course("pain", by="route").run(
        two_visits([9, 8, 3, 5], [2, 6, 2, 4], patients=patients)
    )
    assert list(result.data["course"]["group"].unique()) == ["IV", "oral"]
    assert np.isclose(result["mean | IV | week_4"].value, 2)


def test_texts_that_tell_patients_apart_are_no_characteristic():
    jobs = ["mayor of a town", "goalkeeper", "bishop", "nurse", "nurse", "violinist"]
    people = pd.DataFrame(
        {
            "patient": list("abcdef"),
            "job": jobs,
            "sex": list("ffmmmf"),
            "age": ["51", "62", "47", "58", "63", "44"],
            "site": ["A", "B", "C", "D", "D", "E"],
        }
    )
    scores = pd.DataFrame(
        {"patient": list("aabbccddeeff"), "visit": ["pre", "post"] * 6, "pain": [7.0, 5] * 6}
    )
    study = oc.Study(
        scores,
        visits=("pre", "post"),
        patients=people,
        measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    )
    result = oc.Describe().run(study)
    assert set(result.data["table_one"]["characteristic"]) == {"sex", "age", "site"}
    assert "Not described, as its texts differ from patient to patient: job." in result.notes
    asked = oc.Describe(characteristics=("job",)).run(study)
    assert set(asked.data["table_one"]["characteristic"]) == {"job"}
