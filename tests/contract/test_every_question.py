"""What holds for every question, whoever wrote it."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

import outcomes as oc
from outcomes.core.result import COLUMNS
from outcomes.plans.plan import kinds
from tests.builders import two_visits
from tests.contract.small import example, small, words

KINDS = kinds()


@pytest.mark.parametrize("name", KINDS)
def test_it_is_a_frozen_dataclass_with_keyword_only_visits(name):
    kind = KINDS[name]
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    positional = [
        p for p in inspect.signature(kind).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    assert len(positional) <= 1


@pytest.mark.parametrize("name", KINDS)
def test_it_asks_a_question_has_a_name_and_an_example(name):
    kind = KINDS[name]
    assert kind.question().endswith("?"), f"the first docstring line of {name} is not a question"
    assert kind.short
    assert ">>>" in inspect.getdoc(kind)
    assert example(kind).methods_text().endswith(".")


@pytest.mark.parametrize("name", KINDS)
def test_it_survives_toml(name):
    question = example(KINDS[name])
    plan = oc.Plan(question)
    assert oc.Plan.from_toml(plan.to_toml() + "\n") == plan


@pytest.mark.parametrize("name", KINDS)
def test_a_study_that_cannot_answer_gives_a_clear_refusal_or_a_whole_answer(name):
    question = example(KINDS[name])
    study = two_visits([7, 6, 8, 5, 9, 4], [5, 6, 2, 4, 7, 5])
    result = oc.Plan(question).run(study)[0]
    assert "internal error" not in result.failed
    assert result.sentence()
    frame = result.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) >= 1
    assert result.counts.enrolled >= result.counts.analysed
    assert result._repr_html_()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "data",
    [([7], [5]), ([None, None], [None, None]), ([5, 5, 5], [5, 5, 5]), ([7, 6, 8], [5, 4, 6])],
)
def test_degenerate_data_never_break_it(name, data):
    question = example(KINDS[name])
    result = oc.Plan(question).run(two_visits(*data))[0]
    assert "internal error" not in result.failed
    assert result.sentence()
    for e in result.estimates:
        assert not (e.p == 0 and e.reason), "an undefined p is nan, never 0"


@pytest.mark.parametrize("name", KINDS)
def test_an_unknown_outcome_is_answered_with_what_there_is(name):
    kind = KINDS[name]
    if "outcome" not in {f.name for f in dataclasses.fields(kind)}:
        pytest.skip("asks of no outcome")
    question = example(kind, outcome="pian")
    result = oc.Plan(question).run(two_visits([7, 6, 8], [5, 6, 2]))[0]
    assert result.failed
    assert "internal" not in result.failed


#: A slip that no reader should meet: a gap in words, a count that does not fit its noun, a hyphen
#: for a minus, a word twice.
SLIPS = (
    r"\bnan\b|\bNone\b|\binf\b|\(\)|\( |  |,,|;;|: ;|^, |\d\.\d{5,}|(?<![\w\d]) -\d| \w+ - \w+"
    r" |\b(?P<twice>[A-Za-z]{2,}) (?P=twice)\b|"
    r"(?<!\.)\b1 (patients|visits|pairs|points|questions|sites|levels|infusions|side"
    r" effects|periods|records|draws|percentage points)\b(?! (of|more))"
)


@pytest.mark.parametrize("design", ["before-after", "routes", "parallel", "crossover", "n-of-1"])
@pytest.mark.parametrize("name", KINDS)
def test_no_slip_in_the_words_about_very_few_patients(name, design):
    for n in (1, 2, 3, 6):
        result = oc.Plan(example(KINDS[name])).run(small(n, design))[0]
        assert "internal error" not in result.failed, (n, result.failed)
        assert [text for text in words(result) if re.search(SLIPS, text)] == [], n
