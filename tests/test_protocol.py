"""The protocol: arms with labels, the declared reference, and that every comparison uses it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import StudyError
from outcomes.study import Protocol, ReadingRecord, Study
from tests.builders import PAIN

VISITS = ("w0", "w1", "w4")


def trial(n: int = 48, *, levels: tuple[str, ...] = ("A", "B"), by: str = "arm", **more) -> Study:
    """A made-up trial with scores at three visits, side effects, infusions and sites."""
    rng = np.random.default_rng(5)
    ids = [f"p{i:02d}" for i in range(n)]
    group = np.array(levels)[np.arange(n) % len(levels)]
    start = rng.integers(5, 10, n).astype(float)
    later = [np.clip(start - rng.integers(0, 5, n), 0, 10) for _ in VISITS[1:]]
    scores = pd.DataFrame(
        {
            "patient": np.tile(ids, 3),
            "visit": np.repeat(VISITS, n),
            "pain": np.concatenate([start, *later]),
        }
    )
    patients = pd.DataFrame(
        {
            "patient": ids,
            by: group,
            "site": np.array(["s1", "s2", "s3", "s4"])[np.arange(n) // 2 % 4],
            "sex": np.where(rng.random(n) < 0.5, "f", "m"),
        }
    )
    infusions = pd.DataFrame({"patient": np.repeat(ids, 2), "infusion": [1, 2] * n})
    hit = rng.random(n) < 0.5
    events = pd.DataFrame({"patient": np.array(ids)[hit], "event": "nausea", "infusion": 1})
    return Study(
        scores,
        visits=VISITS,
        measures={"pain": PAIN},
        patients=patients,
        infusions=infusions,
        events=events,
        **{"design": "parallel", **more},
    )


FROM_TO = {"before": "w0", "after": "w4"}
COMPARISONS = (
    oc.WelchT("pain", **FROM_TO),
    oc.MannWhitney("pain", **FROM_TO),
    oc.ANCOVA("pain", **FROM_TO),
    oc.GamesHowell("pain", **FROM_TO, by="arm"),
    oc.ChangeByArm("pain", **FROM_TO),
    oc.Interaction("pain", **FROM_TO, subgroup="sex"),
    oc.CompareResponders("pain", **FROM_TO),
    oc.ProportionalOdds("pain", after="w4"),
    oc.MMRM("pain"),
    oc.CLDA("pain"),
    oc.ResponderGEE("pain"),
    oc.ReferenceBased("pain"),
    oc.Imputed(oc.WelchT("pain", **FROM_TO), draws=5),
    oc.OneStageSites("pain", **FROM_TO),
    oc.SideEffectsByRoute(by="arm"),
    oc.RateRatio(by="arm"),
)


def against(question: oc.Analysis, reference: str) -> oc.Analysis:
    """The question with a reference of its own."""
    if isinstance(question, oc.Imputed):
        inner = dataclasses.replace(question.analysis, reference=reference)
        return dataclasses.replace(question, analysis=inner)
    return dataclasses.replace(question, reference=reference)


def numbers(question: oc.Analysis, study: Study) -> list[float]:
    """Every value of the answer, in its order."""
    return [e.value for e in question.run(study).estimates]


@pytest.mark.parametrize("question", COMPARISONS, ids=lambda q: type(q).__name__)
def test_every_comparison_is_with_the_declared_reference(question):
    """Without a declaration it is "A", the first; a question's own reference goes before both."""
    first, second = (numbers(against(question, r), trial()) for r in "AB")
    assert not np.array_equal(first, second, equal_nan=True)
    np.testing.assert_array_equal(numbers(question, trial()), first)
    np.testing.assert_array_equal(numbers(question, trial(reference="B")), second)
    np.testing.assert_array_equal(numbers(against(question, "A"), trial(reference="B")), first)


def test_in_a_study_of_routes_the_reference_is_a_route():
    routes = {"levels": ("IV", "oral"), "by": "route", "design": "routes"}
    question = oc.WelchT("pain", **FROM_TO, by="route")
    for reference in ("IV", "oral"):
        result = question.run(trial(**routes, reference=reference))
        assert result.main.contrast.reference == reference
    with pytest.raises(StudyError, match=r"reference: No route 'nasal'. There is: IV, oral"):
        trial(**routes, reference="nasal")


def test_a_reference_of_arms_says_nothing_of_other_groups():
    result = oc.WelchT("pain", **FROM_TO, by="sex").run(trial(reference="B"))
    assert result.main.contrast.reference == "f"


def test_a_reference_that_is_no_arm_is_refused_with_what_there_is():
    with pytest.raises(StudyError, match=r"reference: No arm 'C'. There is: A, B"):
        trial(reference="C")
    with pytest.raises(StudyError, match=r"reference: No arm 'C'. There is: drug, control"):
        trial(arms={"A": "drug", "B": "control"}, reference="C")
    with pytest.raises(StudyError, match=r"no table has a column 'arm'.*\[roles\] arm"):
        trial(by="route", reference="A")


def test_labels_of_arms_are_in_every_answer_in_their_order():
    study = trial(arms={"B": "drug", "A": "usual care"}, reference="A")
    assert study.protocol.reference == "usual care"
    assert list(study.characteristic("arm").cat.categories) == ["drug", "usual care"]
    found = oc.WelchT("pain", **FROM_TO).run(study).main.contrast
    assert (found.group, found.reference) == ("drug", "usual care")
    again = dataclasses.replace(study, scores=study.scores)
    assert oc.WelchT("pain", **FROM_TO).run(again).main.contrast == found


def test_an_arm_that_is_not_declared_is_refused_without_its_value():
    with pytest.raises(StudyError, match="'arm' of the patients table has 1 value") as caught:
        trial(arms=("A",))
    assert "B" not in str(caught.value)


@pytest.mark.parametrize(
    ("arms", "words"),
    [({"A": "x", "B": "x"}, "two arms have the label 'x'"), ({"A": "B", "B": "C"}, "'B' is the")],
)
def test_arms_that_cannot_be_told_apart_are_refused(arms, words):
    with pytest.raises(StudyError, match=words):
        Protocol(design="parallel", arms=arms)


def test_a_part_without_the_reference_falls_back_on_the_first():
    study = trial(levels=("A", "B", "C"), reference="C")
    part = study.where(arm=["A", "B"])
    assert oc.WelchT("pain", **FROM_TO).run(part).main.contrast.reference == "A"
    whole = dataclasses.replace(part, scores=part.scores)
    assert whole.protocol.reference == ""
    assert study.where(arm=["A", "C"]).protocol.reference == "C"


def test_a_study_file_declares_arms_and_the_reference(tmp_path):
    study = trial()
    frame = study.scores.merge(study.patients, on="patient")
    frame.to_csv(tmp_path / "scores.csv", index=False)
    text = """
[study]
design = "parallel"
arms = { A = "ketamine", B = "midazolam" }
reference = "midazolam"
[data]
scores = "scores.csv"
[visits]
order = ["w0", "w1", "w4"]
[outcomes]
pain = { column = "pain", title = "Pain", better = "lower", low = 0, high = 10 }
"""
    (tmp_path / "study.toml").write_text(text, "utf-8")
    found = oc.WelchT("pain", **FROM_TO).run(oc.read_study(tmp_path / "study.toml")).main.contrast
    assert (found.group, found.reference) == ("ketamine", "midazolam")
    (tmp_path / "study.toml").write_text(text.replace('= "midazolam"\n', '= "M"\n'), "utf-8")
    with pytest.raises(StudyError, match="reference: No arm 'M'. There is: ketamine, midazolam"):
        oc.read_study(tmp_path / "study.toml")


def test_fields_of_the_protocol_and_the_record_are_given_by_name_or_as_a_whole():
    plain = trial()
    whole = dataclasses.replace(
        plain,
        protocol=Protocol(design="routes"),
        record=ReadingRecord(settings={"paper": {"ethics": "Yes."}}),
    )
    assert (whole.design, plain.design) == ("routes", "parallel")
    assert whole.settings["paper"] == {"ethics": "Yes."}
    assert dataclasses.replace(whole, design="parallel").protocol == plain.protocol
    assert plain.rows[:2] == ("row 1", "row 2")
    part = plain.where(sex="f")
    assert [int(r.split()[1]) - 1 for r in part.rows] == [
        i for i, p in enumerate(plain.scores["patient"]) if p in set(part.patient_ids)
    ]
    with pytest.raises(StudyError, match="2 addresses for 144 rows"):
        dataclasses.replace(plain, rows=("a", "b"))
