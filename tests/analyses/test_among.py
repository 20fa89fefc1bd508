"""Any question among some of the patients: the same numbers as on a study of these alone, and
everybody counted.
"""

from __future__ import annotations

import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.subset import as_words
from outcomes.core.errors import AnalysisError
from outcomes.plans.plan import kinds
from tests.builders import two_visits
from tests.contract.small import CHANGE, example, small

BEFORE, AFTER = [7, 6, 8, 5, 9, 6, 7, 8, 6, 7, 5, 8], [4, 6, 5, 5, 5, 5, 4, 7, 3, 7, 4, None]
ANCOVA = oc.ANCOVA("pain", before="baseline", after="week_4", reference="placebo")


def trial(per_protocol, **more):
    patients = {
        "patient": [f"p{i:03d}" for i in range(1, 13)],
        "arm": ["ketamine", "placebo"] * 6,
        "per_protocol": per_protocol,
    }
    return two_visits(BEFORE, AFTER, design="parallel", patients=pd.DataFrame(patients), **more)


WORDS = ["yes"] * 9 + ["no", None, "yes"]


@pytest.mark.parametrize("name", kinds())
def test_it_is_the_question_asked_of_a_study_of_these_patients(name):
    study, question = small(12), example(kinds()[name])
    alone = oc.Plan(question).run(study.where(sex="m"))[0]
    among = oc.Plan(oc.Among(question, where={"sex": "m"})).run(study)[0]
    assert among.failed == alone.failed
    assert [(e.term, repr(e)) for e in among.estimates] == [
        (e.term, repr(e)) for e in alone.estimates
    ]
    if not among.failed:
        assert among.sentence().startswith("Among the 6 of 12 patients with sex m: ")
        assert among.counts.enrolled == 12
        assert among.counts.analysed == alone.counts.analysed


def test_everybody_is_counted_with_what_left_them_out_and_the_sentence_begins_with_who_is_in():
    result = oc.Among(ANCOVA, where={"per_protocol": "yes"}).run(trial(WORDS))
    assert result.counts == oc.Counts(
        12,
        9,
        (
            ("no per protocol recorded", 1),
            ("with per protocol other than yes", 1),
            ("no score at week 4", 1),
        ),
    )
    assert result.sentence().startswith(
        "Among the 10 of 12 patients with per protocol yes: Adjusted for the score at baseline, "
    )
    assert "of these 10;" in result.sentence()
    assert any("no longer as randomised" in note for note in result.notes)
    assert (
        oc.Among(ANCOVA, where={"per_protocol": "yes"})
        .title(result.outcome)
        .endswith("ANCOVA, only patients with per protocol yes")
    )


def test_nobody_left_out_needs_no_warning():
    result = oc.Among(ANCOVA, where={"per_protocol": "yes"}).run(trial(["yes"] * 12))
    assert not any("sensitivity" in note for note in result.notes)


@pytest.mark.parametrize(
    "column",
    [
        ["Y"] * 9 + ["n", None, "Y"],
        [1.0] * 9 + [0.0, float("nan"), 1.0],
        [True] * 9 + [False, None, True],
    ],
)
@pytest.mark.parametrize("value", ["yes", True, 1, "Y"])
def test_a_column_of_yes_and_no_is_compared_as_that_whatever_its_words(column, value):
    study = trial(column)
    assert set(as_words(study.characteristic("per_protocol")).dropna()) == {"yes", "no"}
    found = oc.Among(ANCOVA, where={"per_protocol": value}).run(study)
    assert (
        found["adjusted difference"].value
        == oc.Among(ANCOVA, where={"per_protocol": "yes"})
        .run(trial(WORDS))["adjusted difference"]
        .value
    )


def test_several_characteristics_and_several_values_must_all_fit():
    study = small(12)
    result = oc.Among(CHANGE, where={"sex": "m", "site": ["site 0", "site 2"]}).run(study)
    assert result.counts.left_out == (
        ("with sex other than m", 6),
        ("with site other than site 0 or site 2", 2),
    )
    assert (
        result["mean change"].value
        == CHANGE.run(study.where(sex="m", site=["site 0", "site 2"]))["mean change"].value
    )


def test_a_number_is_compared_as_text():
    study = small(6)
    grades = study.patients.assign(grade=[1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    study = oc.Study(study.scores, visits=study.visits, patients=grades, measures=study.measures)
    assert oc.Among(CHANGE, where={"grade": [1, 3.0]}).run(study).counts.analysed == 4


def test_it_survives_toml_with_every_kind_of_value_and_a_characteristic_called_method():
    where = {"per_protocol": True, "stage": [1, 2], "weight": 70.5, "method": "block"}
    question = oc.Among(ANCOVA, where=where, role="sensitivity")
    plan = oc.Plan(question)
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    assert oc.Plan.from_toml(plan.to_toml()).questions[0].where == {**where, "stage": (1, 2)}
    assert isinstance(hash(question), int)


def test_words_for_what_is_not_there():
    study = trial(WORDS)
    for where, said in (
        (
            {"per_protcol": "yes"},
            r"No patient characteristic 'per_protcol'.*Did you mean 'per_protocol'",
        ),
        (
            {"arm": "ketamin"},
            r"No arm 'ketamin'. There is: ketamine, placebo. Did you mean 'ketamine'",
        ),
        (
            {"arm": "ketamine", "per_protocol": "no"},
            r"No patient has arm ketamine and per protocol no",
        ),
    ):
        with pytest.raises(AnalysisError, match=said):
            oc.Among(ANCOVA, where=where).run(study)
    for where in ({}, {"sex": []}, {"sex": None}, "yes"):
        with pytest.raises(AnalysisError, match="where"):
            oc.Among(ANCOVA, where=where)
    with pytest.raises(AnalysisError, match="asks a question again"):
        oc.Among("ANCOVA", where={"sex": "m"})


def test_its_estimand_is_of_other_patients():
    plan = oc.Plan(
        ANCOVA, oc.Among(ANCOVA, where={"per_protocol": "yes"}), estimand={"population": "adults"}
    )
    everybody, some = plan.run(trial(WORDS))
    assert everybody.estimand.startswith("Population: adults. ")
    assert some.estimand.startswith(
        "Population: adults, of these only patients with per protocol yes. "
    )


def test_a_family_adjusts_it_where_it_is_no_sensitivity_analysis():
    some = oc.Among(ANCOVA, where={"per_protocol": "yes"}, family="all")
    second = oc.Plan(oc.ANCOVA("pain", before="baseline", after="week_4", family="all"), some).run(
        trial(WORDS)
    )[1]
    assert second["adjusted difference"].p_adjusted >= second["adjusted difference"].p
    assert second.sentence()


def test_it_may_stand_in_other_questions():
    study, some = trial(WORDS), oc.Among(ANCOVA, where={"per_protocol": "yes"})
    imputed = oc.Imputed(some, draws=10, seed=1).run(study)
    assert imputed.counts == oc.Counts(
        12, 10, (("no per protocol recorded", 1), ("with per protocol other than yes", 1))
    )
    assert imputed.sentence().startswith("Among the 10 of 12 patients with per protocol yes: ")
    sides = oc.SideBySide((ANCOVA, some)).run(study)
    assert (
        sides.estimates[1].value
        == some.run(study)["adjusted difference"].value
        != sides.estimates[0].value
    )
    assert oc.Plan.from_toml(oc.Plan(oc.Imputed(some)).to_toml()) == oc.Plan(oc.Imputed(some))
