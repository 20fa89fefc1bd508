import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import outcomes as oc
from outcomes.core.errors import AnalysisError, StudyError
from tests.builders import two_visits

STUDY = two_visits([7, 6, 8, 5, 9, 4], [5, 6, 2, 4, 7, 5])
PAIRED = oc.PairedT("pain", before="baseline", after="week_4", role="primary", family="pain")


def test_a_plan_is_the_same_in_python_and_in_toml():
    plan = oc.Plan(
        PAIRED,
        oc.Responders("pain", before="baseline", after="week_4", rules=("30%", "2 points")),
        oc.Course("pain"),
    )
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    assert oc.Plan.from_toml(plan.to_toml()).digest == plan.digest


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from([0.8, 0.9, 0.95, 0.99]),
)
def test_any_label_survives_the_round_trip(label, level):
    plan = oc.Plan(oc.PairedT("pain", before="a", after="b", label=label, level=level))
    assert oc.Plan.from_toml(plan.to_toml() + "\n") == plan


def test_a_failed_question_is_a_visible_row_and_the_others_go_on():
    results = oc.Plan(oc.PairedT("sleep", before="baseline", after="week_4"), PAIRED).run(STUDY)
    assert results[0].failed.startswith("No outcome 'sleep'")
    assert "Not answered" in results[0].sentence()
    frame = results.to_frame()
    assert frame["term"].iloc[0] == "not answered"
    assert results[1]["mean change"].p < 1


def test_holm_within_a_family_leaves_sensitivity_analyses_out():
    family = {"family": "pain", "before": "baseline", "after": "week_4"}
    plan = oc.Plan(
        oc.PairedT("pain", **family),
        oc.PairedT("pain", level=0.9, **family),
        oc.PairedT("pain", role="sensitivity", **family),
    )
    first, second, third = (r["mean change"] for r in plan.run(STUDY))
    assert first.p_adjusted == pytest.approx(2 * first.p)
    assert second.p_adjusted == pytest.approx(2 * second.p)
    assert math.isnan(third.p_adjusted)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"method": "PairdT"}, "Did you mean 'PairedT'"),
        ({"outcome": "pain"}, "needs a method"),
        (
            {"method": "PairedT", "outcome": "pain", "befor": "x"},
            "No field 'befor'.*Did you mean 'before'",
        ),
        ({"method": "PairedT", "outcome": "pain"}, "needs before and after"),
        ({"method": "Course", "outcome": "pain", "role": "main"}, "No role 'main'"),
        ({"method": "Course", "outcome": "pain", "level": 95}, "between 0.5 and 1"),
    ],
)
def test_a_wrong_entry_says_which_and_what_exists(entry, message):
    with pytest.raises(AnalysisError, match=rf"number 1.*{message}"):
        oc.Plan.from_list([entry])


def test_broken_toml_is_one_clear_error():
    with pytest.raises(StudyError, match="not valid TOML"):
        oc.Plan.from_toml("[[analysis]\nmethod = 3\n")


def test_a_plan_refuses_what_is_not_a_question():
    with pytest.raises(AnalysisError, match="not str"):
        oc.Plan("PairedT")


def test_progress_is_told_of_every_question():
    seen = []
    oc.Plan(PAIRED, PAIRED).run(STUDY, progress=lambda i, n, what: seen.append((i, n)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    "entry", [{"before": 3}, {"outcome": ["a"]}, {"level": "95%"}, {"level": True}]
)
def test_a_field_of_the_wrong_kind_is_refused_in_words(entry):
    whole = {
        "method": "PairedT",
        "outcome": "pain",
        "before": "baseline",
        "after": "week_4",
    } | entry
    with pytest.raises(AnalysisError, match=r"number 1: PairedT: .* is (text|a number), not"):
        oc.Plan.from_list([whole])


def family_of(*p_families, **families):
    """A plan of paired questions in the named families, all on the same data but at rising
    shifts.
    """
    return oc.Plan(
        (
            oc.PairedT("pain", before="baseline", after="week_4", family=f, label=str(i))
            for i, f in enumerate(p_families)
        ),
        families=families,
    )


def adjusted(plan):
    return [r["mean change"].p_adjusted for r in plan.run(STUDY)]


def test_each_family_is_adjusted_as_declared():
    p = PAIRED.run(STUDY)["mean change"].p
    assert adjusted(family_of("a", "a", "b", "b", b="bonferroni")) == pytest.approx([2 * p] * 4)
    assert adjusted(family_of("a", "a", a="fixed-sequence")) == pytest.approx([p, p])
    assert adjusted(family_of("a", "a", a="BH")) == pytest.approx([p, p])
    graph = oc.Family("graph", weights=(0.5, 0.5), transitions=((0, 1), (1, 0)))
    assert adjusted(family_of("a", "a", a=graph)) == pytest.approx([2 * p, 2 * p])


def test_a_gate_keeps_a_family_from_being_more_convincing_than_the_one_before():
    p = PAIRED.run(STUDY)["mean change"].p
    plan = family_of("first", "first", "second", second={"adjust": "holm", "after": "first"})
    assert adjusted(plan) == pytest.approx([2 * p, 2 * p, 2 * p])
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    assert "opened only after first succeeded" in plan.run(STUDY).multiplicity


def test_a_failed_question_before_a_gate_keeps_it_shut():
    plan = oc.Plan(
        oc.PairedT("sleep", before="baseline", after="week_4", family="first"),
        oc.PairedT("pain", before="baseline", after="week_4", family="second"),
        families={"second": {"after": "first"}},
    )
    assert plan.run(STUDY)[1]["mean change"].p_adjusted == 1.0


@pytest.mark.parametrize(
    ("families", "message"),
    [
        ({"a": "holmes"}, "Did you mean 'holm'"),
        ({"b": "holm"}, "No question of the family 'b'"),
        ({"a": {"after": "b"}}, "No family 'b'"),
        ({"a": {"after": "a"}}, "circle"),
        ({"a": {"ajust": "holm"}}, "Did you mean 'adjust'"),
        ({"a": {"adjust": "graph"}}, "weights and transitions"),
        ({"a": 3}, "is declared as"),
    ],
)
def test_a_family_that_makes_no_sense_is_refused(families, message):
    with pytest.raises(AnalysisError, match=message):
        family_of("a", "a", **families)


ESTIMAND = {"population": "adults with chronic pain", "treatment": "ketamine as given"} | {
    "events": {"rescue opioid": "treatment policy"}
}


def test_the_estimand_is_printed_with_each_result_and_survives_toml():
    plan = oc.Plan(PAIRED, estimand=ESTIMAND)
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    result = plan.run(STUDY)[0]
    assert (
        result.estimand
        == "Population: adults with chronic pain. Treatment: ketamine as given. Variable: average"
        " pain (NRS), baseline to week 4. Summary: mean change. Intercurrent events: rescue"
        " opioid (treatment policy: the score is used whatever happened)."
    )
    assert "rescue opioid" in result._repr_html_()
    assert PAIRED.run(STUDY).estimand == ""
    assert plan.digest != oc.Plan(PAIRED).digest


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"events": {"death": "compsite"}}, "No strategy 'compsite'.*Did you mean 'composite'"),
        ({"popultion": "x"}, "Did you mean 'population'"),
        ({"population": {"a": "b"}}, "'population' is a text in quotes"),
        ("all patients", "is a table"),
    ],
)
def test_an_estimand_that_makes_no_sense_is_refused(said, message):
    with pytest.raises(AnalysisError, match=message):
        oc.Plan(PAIRED, estimand=said)
